/*
 * sfi_posix.inc.c - the n_* functions over a kernel's BSD sockets, shared by sfi_linux.c and sfi_freebsd.c.
 *
 * Included after the kernel's headers and its conversions; the k_* functions below are what differs between
 * the kernels.  No constant of one kernel stands here.
 */

/* Who has an open socket besides the handle: other handles of it (sfi_dup), and others than this process's handles. */
struct sfi_holders {
    atomic_uint handles;
    atomic_uint outside;
};

struct sfi_sock {
    struct sfi_base base;
    int fd;        /* -1 once it was detached */
    unsigned born; /* of forks, when the socket was made: a child must not drain its parent's queue */
    struct sfi_holders *holders; /* NULL: nobody else */
    atomic_int moments;          /* whether calls may wait in the kernel: see sfi_moments.inc.c */
    atomic_int waits;            /* by poll(), until then */
    sfi_sock *next, *before;     /* all handles, for a child's sake */
};

static int k_prepare(int fd, int family); /* equal defaults on every stack */
static int k_connect(sfi_sock *s, const sfi_addr *a, uint32_t n, uint32_t *id); /* start; -EINPROGRESS is fine */
static int k_bindx(int fd, const struct sockaddr_storage *a, socklen_t size, int action);
static int k_peeloff(int fd, uint32_t assoc_id);
static void k_inherit(int from, int to); /* what an accepted or peeled socket does not get from its parent */
static int k_addrs(int fd, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room);
static void k_before_close(sfi_sock *s); /* make a graceful close graceful */
static int k_check_path(sfi_sock *s, const struct sfi_out *o); /* -EDEADLK: would hang the kernel */

#include "sfi_moments.inc.c"

static struct sfi_base *n_base(sfi_sock *s)
{
    return &s->base;
}

static int n_use(sfi_sock *s)
{
    return sfi_enter(s);
}

static void n_back(void)
{
}

static int n_fileno(sfi_sock *s)
{
    moments_never(s);
    return s->fd;
}

/* ---- forks: a child has one thread, and the calls of all others, which its handles still count, never end there ---- */

static sfi_sock *sfi_all;
static pthread_mutex_t sfi_all_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t sfi_all_once = PTHREAD_ONCE_INIT;

static void sfi_before_fork(void)
{
    pthread_mutex_lock(&sfi_all_lock);
}

static void sfi_fork_in_parent(void)
{
    pthread_mutex_unlock(&sfi_all_lock);
}

static void sfi_fork_in_child(void)
{
    for (sfi_sock *s = sfi_all; s != NULL; s = s->next) {
        unsigned users = atomic_load(&s->base.users);

        pthread_mutex_init(&s->base.lock, NULL); /* a thread that is not here may have held it */
        atomic_store(&s->base.users, users & SFI_CLOSED);
        if (users > SFI_CLOSED && atomic_exchange(&s->base.released, 1) == 0) { /* the last to leave is not here */
            n_release(s);
            atomic_fetch_sub(&sfi_live_count, 1);
        }
    }
    pthread_mutex_init(&sfi_all_lock, NULL);
}

static void sfi_watch_handles(void)
{
    pthread_once(&sfi_fork_once, sfi_watch_forks); /* first: the child's handler wants to know that it is one */
    pthread_atfork(sfi_before_fork, sfi_fork_in_parent, sfi_fork_in_child);
}

static sfi_sock *sfi_wrap(int fd, int family, int style)
{
    sfi_sock *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    pthread_once(&sfi_all_once, sfi_watch_handles);
    sfi_base_init(&s->base, family, style);
    s->fd = fd;
    atomic_init(&s->moments, MOMENTS_NOT_YET);
    atomic_init(&s->waits, 0);
    s->born = atomic_load(&sfi_forks);
    pthread_mutex_lock(&sfi_all_lock);
    s->next = sfi_all;
    if (s->next != NULL)
        s->next->before = s;
    sfi_all = s;
    pthread_mutex_unlock(&sfi_all_lock);
    return s;
}

/* ---- waiting ---- */

static void n_wake(sfi_sock *s)
{
    sfi_wake_fire(&s->base);
}

/* One poll; events 0 waits for nothing but the time and wake. */
static int n_poll(sfi_sock *s, int events, int timeout_ms, int wake)
{
    struct pollfd p[2];
    int ready = 0;

    memset(p, 0, sizeof p);
    p[0].fd = wake;
    p[0].events = POLLIN;
    p[1].fd = events != 0 ? s->fd : -1;
    p[1].events = (short)(((events & SFI_READ) ? POLLIN : 0) | ((events & SFI_WRITE) ? POLLOUT : 0));
    if (poll(p, 2, timeout_ms) < 0)
        return sfi_errno();
    if (sfi_is_closed(s))
        return -EBADF;
    if (p[1].revents & (POLLERR | POLLHUP | POLLNVAL))
        return events; /* whatever is tried next returns at once, with the reason */
    if (p[1].revents & POLLIN)
        ready |= SFI_READ;
    if (p[1].revents & POLLOUT)
        ready |= SFI_WRITE;
    return ready;
}

static int n_turn(sfi_sock *s, int event, int timeout_ms, unsigned turn, int wake)
{
    moments_wait(s);
#if SFI_POLLOUT_LIES
    if (event == SFI_WRITE) {
        /* POLLOUT stays on while a send gets EAGAIN (docs/stacks.md): back off, 1 to 16 ms, never spin. */
        int slice = 1 << (turn < 4 ? turn : 4);

        return n_poll(s, 0, timeout_ms >= 0 && timeout_ms < slice ? timeout_ms : slice, wake);
    }
#endif
    (void)turn;
    return n_poll(s, event, timeout_ms, wake);
}

/* ---- life ---- */

int sfi_probe(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);

    if (fd < 0)
        return sfi_errno();
    close(fd);
    return 0;
}

int sfi_stack_version(char *text, size_t size)
{
    struct utsname u;

    if (uname(&u) < 0)
        return sfi_errno();
    return snprintf(text, size, "%s", u.release);
}

int sfi_stack_start(uint32_t udp_port, uint32_t remote_udp_port)
{
    (void)udp_port;
    (void)remote_udp_port;
    return 0;
}

int sfi_stack_stop(int64_t limit_ms)
{
    (void)limit_ms;
    return 0;
}

int sfi_open(int family, int style, sfi_sock **out)
{
    int type = style == SFI_STYLE_ONE_TO_MANY ? SOCK_SEQPACKET : SOCK_STREAM;
    int fd, r;

    if (out == NULL || sfi_native_family(family) < 0)
        return -EAFNOSUPPORT;
    fd = socket(sfi_native_family(family), type | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_SCTP);
    if (fd < 0)
        return sfi_errno();
    r = k_prepare(fd, family);
    if (r == 0 && (*out = sfi_wrap(fd, family, style)) == NULL)
        r = -ENOMEM;
    if (r < 0)
        close(fd);
    return r;
}

/* Whether a close of this handle's descriptor closes the socket, as far as this process can know. */
static int sfi_drop_holder(sfi_sock *s)
{
    struct sfi_holders *h = s->holders;
    int alone;

    if (h == NULL)
        return 1;
    s->holders = NULL;
    alone = atomic_load(&h->outside) == 0;
    if (atomic_fetch_sub(&h->handles, 1) != 1)
        return 0;
    free(h);
    return alone;
}

static void n_release(sfi_sock *s)
{
    if (sfi_drop_holder(s) && s->fd >= 0 && s->born == atomic_load(&sfi_forks))
        k_before_close(s);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    sfi_wake_end(&s->base);
}

static void n_free(sfi_sock *s)
{
    pthread_mutex_lock(&sfi_all_lock);
    if (s->before != NULL)
        s->before->next = s->next;
    else
        sfi_all = s->next;
    if (s->next != NULL)
        s->next->before = s->before;
    pthread_mutex_unlock(&sfi_all_lock);
    pthread_mutex_destroy(&s->base.lock);
    free(s);
}

static int n_bind(sfi_sock *s, const sfi_addr *a, uint32_t *port)
{
    struct sockaddr_storage ss;
    socklen_t length = sfi_sockaddr(a, &ss);
    sfi_addr bound;

    if (length == 0)
        return -EAFNOSUPPORT;
    if (bind(s->fd, (struct sockaddr *)&ss, length) < 0)
        return sfi_errno();
    length = sizeof ss;
    if (getsockname(s->fd, (struct sockaddr *)&ss, &length) < 0)
        return sfi_errno();
    sfi_canonical(&ss, length, &bound);
    *port = bound.port;
    return 0;
}

static int n_bindx(sfi_sock *s, const sfi_addr *a, int action)
{
    struct sockaddr_storage ss;
    socklen_t size = sfi_sockaddr(a, &ss);

    return size == 0 ? -EAFNOSUPPORT : k_bindx(s->fd, &ss, size, action);
}

static int n_listen(sfi_sock *s, int backlog)
{
    return listen(s->fd, backlog) < 0 ? sfi_errno() : 0;
}

static void sfi_inherit(sfi_sock *from, sfi_sock *to)
{
    if (atomic_load(&from->base.switches) == 0)
        return;
    atomic_store(&to->base.switches, 1);
    k_inherit(from->fd, to->fd);
}

static int n_accept(sfi_sock *s, sfi_sock **out, sfi_addr *peer)
{
    struct sockaddr_storage ss;
    socklen_t length;
    int fd;

    do {
        /* A connection that was aborted while it waited is not the listener's error (accept(2)). */
        memset(&ss, 0, sizeof ss);
        length = sizeof ss;
        fd = accept4(s->fd, (struct sockaddr *)&ss, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == ECONNABORTED || errno == ECONNRESET));
    if (fd < 0)
        return sfi_errno();
    *out = sfi_wrap(fd, s->base.family, SFI_STYLE_ONE_TO_ONE);
    if (*out == NULL) {
        close(fd);
        return -ENOMEM;
    }
    sfi_inherit(s, *out);
    if (peer != NULL)
        sfi_canonical(&ss, length, peer);
    return 0;
}

static int n_connect(sfi_sock *s, const sfi_addr *addrs, uint32_t count, uint32_t *assoc_id)
{
    return moments_connect(s, addrs, count, assoc_id);
}

static int n_connect_result(sfi_sock *s)
{
    struct pollfd p;
    int error = 0;
    socklen_t length = sizeof error;
    int r;

    memset(&p, 0, sizeof p);
    p.fd = s->fd;
    p.events = POLLOUT;
    r = poll(&p, 1, 0);
    if (r < 0)
        return sfi_errno();
    if (r == 0)
        return -EINPROGRESS;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return sfi_errno();
    return error > 0 ? -error : 0;
}

static int n_peeloff(sfi_sock *s, uint32_t assoc_id, sfi_sock **out)
{
    int fd = k_peeloff(s->fd, assoc_id);

    if (fd < 0)
        return fd;
    *out = sfi_wrap(fd, s->base.family, SFI_STYLE_PEELED);
    if (*out == NULL) {
        close(fd);
        return -ENOMEM;
    }
    sfi_inherit(s, *out);
    return 0;
}

static int n_shutdown_one(sfi_sock *s)
{
    return shutdown(s->fd, SHUT_WR) < 0 ? sfi_errno() : 0;
}

/* ---- messages ---- */

/* Add one cmsg at the end of what there is; the caller made the room large enough. */
static void sfi_put_cmsg(struct msghdr *m, int type, const void *data, size_t size)
{
    struct cmsghdr *c = (struct cmsghdr *)(void *)((char *)m->msg_control + m->msg_controllen);

    memset(c, 0, CMSG_SPACE(size));
    c->cmsg_level = IPPROTO_SCTP;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), data, size);
    m->msg_controllen += CMSG_SPACE(size);
}

static void sfi_put_message(struct msghdr *m, const struct sfi_out *o)
{
    struct sctp_sndinfo info;

    memset(&info, 0, sizeof info);
    info.snd_sid = (uint16_t)o->sid;
    info.snd_flags = (uint16_t)sfi_send_flags_native(o->flags);
    info.snd_ppid = htonl(o->ppid); /* the one place where a PPID leaves */
    info.snd_context = o->context;
    info.snd_assoc_id = (sctp_assoc_t)o->assoc_id;
    sfi_put_cmsg(m, SCTP_SNDINFO, &info, sizeof info);
    if (o->pr_policy != SFI_PR_UNSET) {
        struct sctp_prinfo pr;

        memset(&pr, 0, sizeof pr);
        pr.pr_policy = (uint16_t)sfi_to_native(SFI_VALUE_PR_POLICY, o->pr_policy);
        pr.pr_value = o->pr_value;
        sfi_put_cmsg(m, SCTP_PRINFO, &pr, sizeof pr);
    }
}

static void sfi_put_more(struct msghdr *m, const sfi_more *more)
{
    if (more->given & SFI_MORE_KEY) {
        struct sctp_authinfo auth;

        memset(&auth, 0, sizeof auth);
        auth.auth_keynumber = (uint16_t)more->key;
        sfi_put_cmsg(m, SCTP_AUTHINFO, &auth, sizeof auth);
    }
    if (more->given & SFI_MORE_INIT) {
        struct sctp_initmsg init;

        memset(&init, 0, sizeof init);
        init.sinit_num_ostreams = (uint16_t)more->out_streams;
        init.sinit_max_instreams = (uint16_t)more->in_streams;
        init.sinit_max_attempts = (uint16_t)more->attempts;
        init.sinit_max_init_timeo = (uint16_t)more->timeout_ms;
        sfi_put_cmsg(m, SCTP_INIT, &init, sizeof init);
    }
    for (uint32_t i = 0; (more->given & SFI_MORE_TO) && i < more->count; i++) {
        if (more->others[i].family == SFI_AF_INET6)
            sfi_put_cmsg(m, SCTP_DSTADDRV6, more->others[i].ip, 16);
        else
            sfi_put_cmsg(m, SCTP_DSTADDRV4, more->others[i].ip, 4);
    }
}

static int64_t n_send(sfi_sock *s, const struct sfi_out *o)
{
    union {
        char room[CMSG_SPACE(sizeof(struct sctp_sndinfo)) + CMSG_SPACE(sizeof(struct sctp_prinfo))];
        struct cmsghdr align;
    } control;
    union {
        char room[sizeof control + CMSG_SPACE(sizeof(struct sctp_authinfo)) + CMSG_SPACE(sizeof(struct sctp_initmsg)) +
                  SFI_MAX_ADDRS * CMSG_SPACE(16)];
        struct cmsghdr align;
    } large;
    struct sockaddr_storage ss;
    struct msghdr m;
    struct iovec iov;
    ssize_t n;
    int r = k_check_path(s, o);

    if (r < 0)
        return r;
    memset(&m, 0, sizeof m);
    iov.iov_base = (void *)(uintptr_t)o->data;
    iov.iov_len = o->length;
    m.msg_iov = &iov;
    m.msg_iovlen = 1;
    m.msg_control = o->more != NULL ? large.room : control.room;
    sfi_put_message(&m, o);
    if (o->more != NULL)
        sfi_put_more(&m, o->more);
    if (o->to != NULL) {
        m.msg_namelen = sfi_sockaddr(o->to, &ss);
        m.msg_name = &ss;
        if (m.msg_namelen == 0)
            return -EAFNOSUPPORT;
    }
    n = sendmsg(s->fd, &m, MSG_NOSIGNAL | (o->moment ? 0 : SFI_NOW));
    if (n == 0 && !sfi_may_be_nothing(o))
        return -EAGAIN; /* BSD with EXPLICIT_EOR: the room went between two looks of the stack */
    return n < 0 ? k_send_error(s, sfi_errno()) : (int64_t)n;
}

static void sfi_fill_rcv(struct msghdr *m, sfi_rcv *out)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        /* FreeBSD leaves the full length in a cmsg that it cut off, and no macro looks at it. */
        size_t left = (size_t)m->msg_controllen - (size_t)((char *)c - (char *)m->msg_control);

        if (c->cmsg_len > left)
            break;
        if (c->cmsg_level != IPPROTO_SCTP)
            continue;
        if (c->cmsg_type == SCTP_RCVINFO && c->cmsg_len >= CMSG_LEN(sizeof(struct sctp_rcvinfo))) {
            struct sctp_rcvinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            sfi_take_rcvinfo(&info, out);
        } else if (c->cmsg_type == SCTP_NXTINFO && c->cmsg_len >= CMSG_LEN(sizeof(struct sctp_nxtinfo))) {
            struct sctp_nxtinfo next;

            memcpy(&next, CMSG_DATA(c), sizeof next);
            sfi_take_nxtinfo(&next, out);
        }
    }
}

union sfi_control {
    char room[CMSG_SPACE(sizeof(struct sctp_rcvinfo)) + CMSG_SPACE(sizeof(struct sctp_nxtinfo)) +
              CMSG_SPACE(128)]; /* an old SNDRCV, 128 bytes on BSD, if somebody switched it on */
    struct cmsghdr align;
};

/* What came with n bytes. */
static void sfi_taken(struct msghdr *m, size_t n, sfi_rcv *out)
{
    memset(out, 0, sizeof *out);
    out->length = (uint32_t)n;
    if (m->msg_flags & MSG_EOR)
        out->flags |= SFI_RCV_EOR;
    if (m->msg_flags & MSG_CTRUNC)
        out->flags |= SFI_RCV_CONTROL_TRUNCATED;
    if (n == 0) {
        /* An empty message does not exist, so this is the end; FreeBSD adds a zeroed rcvinfo, Linux none. */
        out->kind = SFI_KIND_EOF;
        return;
    }
    sfi_canonical(m->msg_name, m->msg_namelen, &out->from);
    if (m->msg_flags & MSG_NOTIFICATION) {
        out->kind = SFI_KIND_NOTIFICATION;
        out->flags |= SFI_RCV_NOTIFICATION;
    } else {
        sfi_fill_rcv(m, out);
    }
}

static int64_t n_recv(sfi_sock *s, char *buffer, size_t size, int flags, sfi_rcv *out)
{
    union sfi_control control;
    struct sockaddr_storage ss;
    struct msghdr m;
    struct iovec iov;
    int how = ((flags & SFI_RECV_PEEK) ? MSG_PEEK : 0) | ((flags & SFI_MOMENT) ? 0 : SFI_NOW);
    ssize_t n;

    memset(&m, 0, sizeof m);
    iov.iov_base = buffer;
    iov.iov_len = size;
    m.msg_name = &ss;
    m.msg_namelen = sizeof ss;
    m.msg_iov = &iov;
    m.msg_iovlen = 1;
    m.msg_control = control.room;
    m.msg_controllen = sizeof control.room;
    do {
        m.msg_namelen = sizeof ss;
        m.msg_controllen = sizeof control.room;
        n = recvmsg(s->fd, &m, how);
        /* Nothing but TRUNC is BSD's end of a message that was given up after all of it was read: no EOF. */
    } while (n == 0 && (m.msg_flags & MSG_TRUNC) && (flags & SFI_RECV_PEEK) == 0);
    if (n < 0)
        return (flags & SFI_MOMENT) ? moments_error(s, sfi_errno()) : sfi_errno();
    sfi_taken(&m, (size_t)n, out);
    if (out->kind == SFI_KIND_DATA && (flags & SFI_RECV_PEEK) == 0)
        k_check_end(s, n, out);
    return (int64_t)n;
}

/* ---- options and addresses ---- */

static int n_getopt(sfi_sock *s, int level, int option, void *value, socklen_t *size)
{
    return getsockopt(s->fd, level, option, value, size) < 0 ? sfi_errno() : 0;
}

static int n_setopt(sfi_sock *s, int level, int option, void *value, socklen_t size)
{
    return setsockopt(s->fd, level, option, value, size) < 0 ? sfi_errno() : 0;
}

static int n_addrs(sfi_sock *s, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room)
{
    return k_addrs(s->fd, side, assoc_id, out, room);
}
