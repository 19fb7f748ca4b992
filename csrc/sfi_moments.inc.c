/*
 * sfi_moments.inc.c - calls that wait in the kernel for a moment, before they wait by poll().  Linux alone.
 *
 * Included by sfi_posix.inc.c.  A receive that finds nothing is three system calls: recvmsg(), poll() for the socket and
 * for a close or a new time-out by another thread, recvmsg().  Let wait in the kernel it is one, as in a C program; but
 * nothing wakes it there.  So it waits for SFI_MOMENT_MS at most, by SO_RCVTIMEO, and goes on with poll(): a close and a
 * new time-out are obeyed that much later.  It needs a descriptor without O_NONBLOCK, which all other calls make up for
 * by MSG_DONTWAIT; whoever asks for the descriptor's number gets it with O_NONBLOCK, for good.
 */

enum { MOMENTS_NOT_YET, MOMENTS_ON, MOMENTS_NEVER };

#if SFI_HAVE_MOMENTS

#define SFI_NOW MSG_DONTWAIT
#define MOMENTS_AFTER 8 /* waits, so that short-lived sockets are spared the four system calls that it takes */

static int moments_set(int fd, int on)
{
    struct timeval limit = {0, SFI_MOMENT_MS * 1000};
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || (on && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
                             setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)))
        return -1;
    return fcntl(fd, F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

static int n_moment(sfi_sock *s)
{
    int state = atomic_load(&s->moments);

    if (state != MOMENTS_NOT_YET || atomic_load(&s->waits) < MOMENTS_AFTER)
        return state == MOMENTS_ON;
    pthread_mutex_lock(&s->base.lock);
    if (atomic_load(&s->moments) == MOMENTS_NOT_YET)
        atomic_store(&s->moments, moments_set(s->fd, 1) < 0 ? MOMENTS_NEVER : MOMENTS_ON);
    state = atomic_load(&s->moments);
    pthread_mutex_unlock(&s->base.lock);
    return state == MOMENTS_ON;
}

static void moments_wait(sfi_sock *s)
{
    if (atomic_load(&s->moments) == MOMENTS_NOT_YET)
        atomic_fetch_add(&s->waits, 1);
}

/* Others look at the descriptor from now on. */
static void moments_never(sfi_sock *s)
{
    pthread_mutex_lock(&s->base.lock);
    if (atomic_exchange(&s->moments, MOMENTS_NEVER) == MOMENTS_ON)
        moments_set(s->fd, 0);
    pthread_mutex_unlock(&s->base.lock);
}

/* A call that would wait without O_NONBLOCK and has no MSG_DONTWAIT. */
static int moments_connect(sfi_sock *s, const sfi_addr *addrs, uint32_t count, uint32_t *assoc_id)
{
    int on, r;

    pthread_mutex_lock(&s->base.lock);
    on = atomic_load(&s->moments) == MOMENTS_ON;
    if (on)
        moments_set(s->fd, 0);
    r = k_connect(s, addrs, count, assoc_id);
    if (on)
        moments_set(s->fd, 1);
    pthread_mutex_unlock(&s->base.lock);
    return r;
}

/* A receive that would wait ends with ENOTCONN where there is no association; to all but one-to-one sockets one may
   come. */
static int moments_error(sfi_sock *s, int error)
{
    return error == -ENOTCONN && s->base.style != SFI_STYLE_ONE_TO_ONE ? -EAGAIN : error;
}

#else

#define SFI_NOW 0 /* the descriptor has O_NONBLOCK */

static int n_moment(sfi_sock *s)
{
    (void)s;
    return 0;
}

static void moments_wait(sfi_sock *s)
{
    (void)s;
}

static void moments_never(sfi_sock *s)
{
    (void)s;
}

static int moments_connect(sfi_sock *s, const sfi_addr *addrs, uint32_t count, uint32_t *assoc_id)
{
    return k_connect(s, addrs, count, assoc_id);
}

static int moments_error(sfi_sock *s, int error)
{
    (void)s;
    return error;
}

#endif
