/*
 * sfi_batch.inc.c - many messages per call: by sendmmsg() and recvmmsg() where they are system calls, else one by one.
 *
 * Included after a backend's n_send and n_recv.  Nothing here waits, and what one message is stays with them.
 */

/* A message of a parcel; next: where it lies if they lie one behind the other. */
static void sfi_out_of(const struct sfi_parcel *p, uint32_t number, const char *next, struct sfi_out *o)
{
    const sfi_snd *info = &p->infos[(size_t)number * p->step];

    o->data = p->datas != NULL ? p->datas[number] : next;
    o->length = p->lengths[number];
    o->assoc_id = info->assoc_id;
    o->sid = info->sid;
    o->ppid = info->ppid;
    o->flags = info->flags;
    o->context = info->context;
    o->pr_policy = info->pr_policy;
    o->pr_value = info->pr_value;
    o->to = info->to.family == SFI_AF_ANY ? NULL : &info->to;
    o->more = NULL;
    o->moment = 0;
}

#if SFI_HAVE_MMSG

#define SFI_BATCH 64 /* messages per system call; what describes them lies on the stack */
#define SFI_BATCH_MOMENTS 8 /* where each may wait for a moment: a close waits for all of them */

static uint32_t sfi_least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int n_may_batch(sfi_sock *s)
{
    (void)s;
    return 0;
}

static int n_send_some(sfi_sock *s, const struct sfi_parcel *p, int moment)
{
    struct {
        struct mmsghdr m[SFI_BATCH];
        struct iovec iov[SFI_BATCH];
        struct sockaddr_storage to[SFI_BATCH];
        union {
            char room[CMSG_SPACE(sizeof(struct sctp_sndinfo)) + CMSG_SPACE(sizeof(struct sctp_prinfo))];
            struct cmsghdr align;
        } control[SFI_BATCH];
    } b;
    uint32_t count = sfi_least_of(p->count - p->done, moment ? SFI_BATCH_MOMENTS : SFI_BATCH);
    const char *next = p->data + p->at;
    int how = MSG_NOSIGNAL | (moment ? 0 : SFI_NOW);
    int n;

    for (uint32_t i = 0; i < count; i++) {
        struct msghdr *h = &b.m[i].msg_hdr;
        struct sfi_out o;

        sfi_out_of(p, p->done + i, next, &o);
        next += o.length;
        memset(&b.m[i], 0, sizeof b.m[i]);
        b.iov[i].iov_base = (void *)(uintptr_t)o.data;
        b.iov[i].iov_len = o.length;
        if (i > 0 && p->step == 0) { /* they say the same, and the kernel only reads it */
            *h = b.m[0].msg_hdr;
        } else {
            h->msg_control = b.control[i].room;
            sfi_put_message(h, &o);
            if (o.to != NULL) {
                h->msg_namelen = sfi_sockaddr(o.to, &b.to[i]);
                h->msg_name = &b.to[i];
                how |= SFI_NOW; /* it may make an association, and wait for that */
                if (h->msg_namelen == 0)
                    return -EAFNOSUPPORT;
            }
        }
        h->msg_iov = &b.iov[i];
        h->msg_iovlen = 1;
    }
    n = sendmmsg(s->fd, b.m, count, how);
    return n < 0 ? k_send_error(s, sfi_errno()) : n;
}

/* One system call, for at most SFI_BATCH messages that lie stride bytes apart. */
static int recv_round(sfi_sock *s, char *room, size_t start, size_t stride, sfi_rcv *out, uint32_t count, int moment)
{
    struct {
        struct mmsghdr m[SFI_BATCH];
        struct iovec iov[SFI_BATCH];
        struct sockaddr_storage from[SFI_BATCH];
        union sfi_control control[SFI_BATCH];
    } b;
    int n;

    for (uint32_t i = 0; i < count; i++) {
        struct msghdr *h = &b.m[i].msg_hdr;

        memset(&b.m[i], 0, sizeof b.m[i]);
        b.iov[i].iov_base = room + start + i * stride;
        b.iov[i].iov_len = stride;
        h->msg_name = &b.from[i];
        h->msg_namelen = sizeof b.from[i];
        h->msg_iov = &b.iov[i];
        h->msg_iovlen = 1;
        h->msg_control = b.control[i].room;
        h->msg_controllen = sizeof b.control[i].room;
    }
    n = recvmmsg(s->fd, b.m, count, moment ? MSG_WAITFORONE : SFI_NOW, NULL);
    if (n < 0)
        return moment ? moments_error(s, sfi_errno()) : sfi_errno();
    for (int i = 0; i < n; i++) {
        sfi_taken(&b.m[i].msg_hdr, b.m[i].msg_len, &out[i]);
        out[i].offset = (uint32_t)(start + (size_t)i * stride);
        if (out[i].kind == SFI_KIND_EOF)
            return i + 1; /* the rest says it again */
    }
    return n;
}

/* How far apart messages lie: the room is shared out, with `least` for each. */
static size_t recv_stride(size_t size, uint32_t least, uint32_t slots)
{
    size_t stride = size / slots;
    size_t odd = stride & ~(size_t)63;

    odd -= odd / 64 % 2 == 0 ? 64 : 0; /* odd: else all begin in the same few lines of the cache */
    return slots > 1 && stride > 128 && odd >= least ? odd : stride;
}

/* An error that the socket has is its last word to recvmsg(), after all messages; recvmmsg() says it first, once, and
   poll() does not call the socket readable any more.  So it is kept for whoever finds nothing else, and the socket is
   made readable for good if it had an association, which is gone (an ICMP error ends none, with IP_RECVERR).  Only
   one-to-one sockets have such errors. */
static void recv_error_first(sfi_sock *s, int error)
{
    struct sctp_status status;
    socklen_t size = sizeof status;

    memset(&status, 0, sizeof status);
    sfi_keep_error(s, error);
    if (s->base.style == SFI_STYLE_ONE_TO_ONE && error != -ENOTCONN &&
        n_getopt(s, IPPROTO_SCTP, SCTP_STATUS, &status, &size) < 0)
        shutdown(s->fd, SHUT_RD);
}

static int n_recv_some(sfi_sock *s, char *room, size_t size, uint32_t least, sfi_rcv *out, uint32_t count, int moment)
{
    uint32_t slots = size / least < count ? (uint32_t)(size / least) : count;
    size_t stride = recv_stride(size, least, slots);
    uint32_t got = 0;
    int told = 0;

    while (got < slots) {
        uint32_t asked = sfi_least_of(slots - got, SFI_BATCH);
        int r = recv_round(s, room, got * stride, stride, out + got, asked, moment);

        moment = 0;
        if (r < 0 && r != -EAGAIN && r != -EINTR && !told) {
            recv_error_first(s, r);
            told = 1;
            continue;
        }
        if (r < 0)
            return got > 0 ? (int)got : r;
        got += (uint32_t)r;
        if ((uint32_t)r < asked || out[got - 1].kind == SFI_KIND_EOF)
            break;
    }
    return (int)got;
}

#else

/* A message of which only a part is taken could not be counted. */
static int n_may_batch(sfi_sock *s)
{
    int on = 0;
    socklen_t size = sizeof on;

    return n_getopt(s, IPPROTO_SCTP, SCTP_EXPLICIT_EOR, &on, &size) == 0 && on ? -SFI_EABSENT : 0;
}

static int n_send_some(sfi_sock *s, const struct sfi_parcel *p, int moment)
{
    const char *next = p->data + p->at;
    uint32_t sent;

    (void)moment;
    for (sent = 0; p->done + sent < p->count; sent++) {
        struct sfi_out o;
        int64_t r;

        sfi_out_of(p, p->done + sent, next, &o);
        r = n_send(s, &o);
        if (r < 0)
            return sent > 0 ? (int)sent : (int)r;
        next += o.length;
    }
    return (int)sent;
}

static int n_recv_some(sfi_sock *s, char *room, size_t size, uint32_t least, sfi_rcv *out, uint32_t count, int moment)
{
    size_t used = 0;
    uint32_t got = 0;
    int64_t r = 0;

    (void)moment;
    while (got < count && size - used >= least) {
        r = n_recv_only(s, room + used, size - used, &out[got]);
        if (r < 0)
            break;
        out[got].offset = (uint32_t)used;
        used += (size_t)r;
        got++;
        if (out[got - 1].kind == SFI_KIND_EOF)
            break;
    }
    if (got > 0) {
        if (r < 0)
            sfi_keep_error(s, (int)r);
        n_received(s, r);
    }
    return got > 0 ? (int)got : (int)r;
}

#endif
