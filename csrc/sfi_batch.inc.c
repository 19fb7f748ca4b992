/*
 * sfi_batch.inc.c - many messages per call: by sendmmsg() and recvmmsg() where they are system calls, else one by one.
 *
 * Included after a backend's n_send and n_recv.  Nothing here waits, and what one message is stays with them.
 */

/* The next message of a parcel. */
static void sfi_out_of(const struct sfi_parcel *p, uint32_t number, const char *data, struct sfi_out *o)
{
    const sfi_snd *info = &p->infos[(size_t)number * p->step];

    o->data = data;
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
}

#if SFI_HAVE_MMSG

#define SFI_BATCH 64 /* messages per system call; what describes them lies on the stack */

static uint32_t sfi_least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int n_may_batch(sfi_sock *s)
{
    (void)s;
    return 0;
}

static int n_send_some(sfi_sock *s, const struct sfi_parcel *p)
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
    uint32_t count = sfi_least_of(p->count - p->done, SFI_BATCH);
    const char *data = p->data + p->at;
    int n;

    for (uint32_t i = 0; i < count; i++) {
        struct msghdr *h = &b.m[i].msg_hdr;
        struct sfi_out o;

        sfi_out_of(p, p->done + i, data, &o);
        data += o.length;
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
                if (h->msg_namelen == 0)
                    return -EAFNOSUPPORT;
            }
        }
        h->msg_iov = &b.iov[i];
        h->msg_iovlen = 1;
    }
    n = sendmmsg(s->fd, b.m, count, MSG_NOSIGNAL);
    return n < 0 ? k_send_error(s, sfi_errno()) : n;
}

/* One system call, for at most SFI_BATCH messages that lie stride bytes apart. */
static int recv_round(sfi_sock *s, char *room, size_t start, size_t stride, sfi_rcv *out, uint32_t count)
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
    n = recvmmsg(s->fd, b.m, count, 0, NULL);
    if (n < 0)
        return sfi_errno();
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

/* An error that the socket has is its last word to recvmsg(), after all messages; recvmmsg() would say it first, once,
   and poll() would not call the socket readable any more.  So while there is one they are taken singly, and it stays
   for whoever finds nothing else.  1, 0 if nothing is left before it, or an error. */
static int recv_before_error(sfi_sock *s, int first, char *room, size_t start, size_t stride, sfi_rcv *out)
{
    struct pollfd p;
    int64_t r;

    memset(&p, 0, sizeof p);
    p.fd = s->fd;
    p.events = POLLIN;
    if (!first && poll(&p, 1, 0) >= 0 && (p.revents & POLLIN) == 0)
        return 0;
    r = n_recv(s, room + start, stride, 0, out);
    if (r < 0)
        return (int)r;
    out->offset = (uint32_t)start;
    return 1;
}

static int recv_has_error(sfi_sock *s)
{
    struct pollfd p;

    memset(&p, 0, sizeof p);
    p.fd = s->fd;
    return poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0;
}

static int n_recv_some(sfi_sock *s, char *room, size_t size, uint32_t least, sfi_rcv *out, uint32_t count)
{
    uint32_t slots = size / least < count ? (uint32_t)(size / least) : count;
    size_t stride = recv_stride(size, least, slots);
    uint32_t got = 0;

    while (got < slots) {
        int singly = recv_has_error(s);
        uint32_t asked = singly ? 1 : sfi_least_of(slots - got, SFI_BATCH);
        int r;

        if (singly)
            r = recv_before_error(s, got == 0, room, got * stride, stride, out + got);
        else
            r = recv_round(s, room, got * stride, stride, out + got, asked);
        if (r < 0 && got == 0 && !singly && r != -EAGAIN && recv_round(s, room, 0, stride, out, 1) == 1 &&
            out->kind != SFI_KIND_EOF) {
            sfi_keep_error(s, r); /* it came after the look: its time is later */
            r = 1;
        }
        if (r < 0) {
            if (got > 0)
                sfi_keep_error(s, r);
            return got > 0 ? (int)got : r;
        }
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

static int n_send_some(sfi_sock *s, const struct sfi_parcel *p)
{
    const char *data = p->data + p->at;
    uint32_t sent;

    for (sent = 0; p->done + sent < p->count; sent++) {
        struct sfi_out o;
        int64_t r;

        sfi_out_of(p, p->done + sent, data, &o);
        r = n_send(s, &o);
        if (r < 0)
            return sent > 0 ? (int)sent : (int)r;
        data += o.length;
    }
    return (int)sent;
}

static int n_recv_some(sfi_sock *s, char *room, size_t size, uint32_t least, sfi_rcv *out, uint32_t count)
{
    size_t used = 0;
    uint32_t got = 0;
    int64_t r = 0;

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
