/*
 * sfi_descriptors.inc.c - descriptors that come from elsewhere and go elsewhere: detach, dup, adopt.  Kernels only.
 *
 * Included after sfi_posix.inc.c.  What a descriptor is, is found out by asking the kernel; nothing is changed before it
 * is known to be an SCTP socket.
 */

/* A call that is inside may use the descriptor, so it is handed out when nobody is: the handle is closed, which sends
   waiters home and lets nobody in, and the last one to leave is waited for.  No call stays for long then: n_poll was
   woken, and all else that waits does so for a moment. */
int sfi_detach(sfi_sock *s)
{
    static const struct timespec moment = {0, 50000};
    int r = n_use(s);

    if (r < 0)
        return r;
    if (atomic_fetch_or(&s->base.users, SFI_CLOSED) & SFI_CLOSED) {
        r = -EBADF; /* another thread was faster */
    } else {
        n_wake(s);
        while (atomic_load(&s->base.users) != (SFI_CLOSED | 1))
            nanosleep(&moment, NULL);
        moments_never(s);
        r = s->fd;
        s->fd = -1;
        if (s->holders != NULL)
            atomic_store(&s->holders->outside, 1);
    }
    sfi_leave(s);
    return r;
}

/* The record of who else has a socket; made by the first who has to know. */
static struct sfi_holders *sfi_hold_too(sfi_sock *s)
{
    struct sfi_holders *h;

    pthread_mutex_lock(&s->base.lock);
    h = s->holders;
    if (h == NULL && (h = calloc(1, sizeof *h)) != NULL) {
        atomic_init(&h->handles, 1);
        atomic_init(&h->outside, 0);
        s->holders = h;
    }
    pthread_mutex_unlock(&s->base.lock);
    return h;
}

int sfi_dup(sfi_sock *s, sfi_sock **out)
{
    struct sfi_holders *h;
    int fd;
    int r = n_use(s);

    if (r < 0)
        return r;
    h = sfi_hold_too(s);
    fd = out == NULL ? -EINVAL : h == NULL ? -ENOMEM : fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        r = out == NULL || h == NULL ? fd : sfi_errno();
    } else if ((*out = sfi_wrap(fd, s->base.family, s->base.style)) == NULL) {
        close(fd);
        r = -ENOMEM;
    } else {
        atomic_fetch_add(&h->handles, 1);
        (*out)->holders = h;
        (*out)->base.peeled_id = s->base.peeled_id;
        atomic_store(&(*out)->base.switches, atomic_load(&s->base.switches));
        atomic_store(&(*out)->base.pieces, atomic_load(&s->base.pieces));
        atomic_store(&(*out)->base.chose, atomic_load(&s->base.chose));
    }
    sfi_leave(s);
    return r;
}

static int sfi_ask(int fd, int option, int *value)
{
    socklen_t size = sizeof *value;

    *value = 0;
    return getsockopt(fd, SOL_SOCKET, option, value, &size) < 0 ? sfi_errno() : 0;
}

/* Whether a socket without an association had one.  Of a fresh one-to-one socket poll tells nothing, and only a
   peeled-off one of the other type has a peer's name (docs/stacks.md). */
static int sfi_was_used(int fd, int type)
{
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    struct sockaddr_storage ss;
    socklen_t length = sizeof ss;

    if (type == SOCK_STREAM)
        return poll(&p, 1, 0) > 0;
    return getpeername(fd, (struct sockaddr *)&ss, &length) == 0;
}

/* What the kernel says that a descriptor is.  0, or why it is nothing for us. */
static int sfi_describe(int fd, sfi_adopted *out)
{
    struct sctp_status status;
    socklen_t size = sizeof status;
    int type, protocol, domain, listening;
    int r = sfi_ask(fd, SO_TYPE, &type);

    if (r == 0)
        r = sfi_ask(fd, SO_PROTOCOL, &protocol);
    if (r == 0)
        r = sfi_ask(fd, SO_DOMAIN, &domain);
    if (r == 0)
        r = sfi_ask(fd, SO_ACCEPTCONN, &listening);
    if (r < 0)
        return r;
    if (protocol != IPPROTO_SCTP || (type != SOCK_STREAM && type != SOCK_SEQPACKET))
        return -EPROTOTYPE;
    if (domain != AF_INET && domain != AF_INET6)
        return -EAFNOSUPPORT;
    memset(out, 0, sizeof *out);
    out->family = domain == AF_INET ? SFI_AF_INET : SFI_AF_INET6;
    out->style = type == SOCK_STREAM ? SFI_STYLE_ONE_TO_ONE : SFI_STYLE_ONE_TO_MANY;
    out->listening = listening != 0;
    if (out->listening)
        return 0;
    memset(&status, 0, sizeof status); /* of the association, which one-to-many sockets do not have */
    if (getsockopt(fd, IPPROTO_SCTP, SCTP_STATUS, &status, &size) == 0) {
        out->used = 1;
        out->state = sfi_assoc_state((uint32_t)status.sstat_state);
        out->assoc_id = (uint32_t)status.sstat_assoc_id;
    } else {
        out->used = (uint32_t)sfi_was_used(fd, type);
    }
    if (type == SOCK_SEQPACKET && out->used)
        out->style = SFI_STYLE_PEELED;
    return 0;
}

int sfi_adopt(int fd, sfi_sock **out, sfi_adopted *info)
{
    sfi_sock *s;
    int flags;
    int r = out == NULL || info == NULL ? -EINVAL : sfi_describe(fd, info);

    if (r == 0)
        r = k_prepare(fd, SFI_AF_INET);
    if (r < 0)
        return r;
    if (info->family == SFI_AF_INET6)
        k_prepare(fd, SFI_AF_INET6); /* refused where it is bound: then it takes what its maker let it take */
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return sfi_errno();
    s = sfi_wrap(fd, (int)info->family, (int)info->style);
    if (s == NULL)
        return -ENOMEM;
    s->base.peeled_id = info->style == SFI_STYLE_PEELED ? info->assoc_id : 0;
    moments_never(s); /* who else has the descriptor is not known */
    atomic_store(&s->base.switches, 1); /* what its maker chose is not known: accepted sockets are told what is set */
    if (info->listening && sfi_hold_too(s) != NULL)
        atomic_store(&s->holders->outside, 1); /* who activates services keeps the socket, and its queue */
    *out = s;
    return 0;
}
