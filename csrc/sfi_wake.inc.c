/*
 * sfi_wake.inc.c - how a waiting call hears of what is no event of the stack: a close, and a new time-out.
 *
 * Included by sfi_common.h.  Each handle has one descriptor that its waiters watch besides the socket's own.  It is
 * fired once and stays readable, so that no waiter can miss it; the next waiter makes a new one, and the last waiter of
 * the old one closes it.  No call of a stack may stand here.
 */

#if defined(__linux__)
#include <sys/eventfd.h>
#endif

struct sfi_wake {
    int fds[2];     /* to wait on, to write to; one and the same where there are eventfds */
    unsigned users; /* waiters */
};

/* A child must not wake its parent's waiters, nor drain its parent's queues. */
static atomic_uint sfi_forks;
static pthread_once_t sfi_fork_once = PTHREAD_ONCE_INIT;

static void sfi_count_fork(void)
{
    atomic_fetch_add(&sfi_forks, 1);
}

static void sfi_watch_forks(void)
{
    pthread_atfork(NULL, NULL, sfi_count_fork);
}

/* A pipe that neither waits nor goes along to programs that are started. */
static inline int sfi_pipe(int fds[2])
{
#if defined(__APPLE__)
    if (pipe(fds) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
#else
    return pipe2(fds, O_NONBLOCK | O_CLOEXEC);
#endif
}

static struct sfi_wake *sfi_wake_new(void)
{
    struct sfi_wake *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
#if defined(__linux__)
    w->fds[0] = w->fds[1] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fds[0] >= 0)
        return w;
#else
    if (sfi_pipe(w->fds) == 0)
        return w;
#endif
    free(w);
    return NULL;
}

static void sfi_wake_free(struct sfi_wake *w)
{
    if (w == NULL)
        return;
    close(w->fds[0]);
    if (w->fds[1] != w->fds[0])
        close(w->fds[1]);
    free(w);
}

/* Before a wait: what to watch.  NULL if there are no descriptors left; errno says so. */
static struct sfi_wake *sfi_wake_hold(struct sfi_base *b)
{
    struct sfi_wake *w;
    unsigned now;

    pthread_once(&sfi_fork_once, sfi_watch_forks);
    now = atomic_load(&sfi_forks);
    pthread_mutex_lock(&b->lock);
    if (b->wake != NULL && b->wake_born != now) { /* the parent's, shared by fork; its waiters are not here */
        sfi_wake_free(b->wake);
        b->wake = NULL;
    }
    if (b->wake == NULL) {
        b->wake = sfi_wake_new();
        b->wake_born = now;
    }
    w = b->wake;
    if (w != NULL)
        w->users++;
    pthread_mutex_unlock(&b->lock);
    return w;
}

/* After a wait. */
static void sfi_wake_drop(struct sfi_base *b, struct sfi_wake *w)
{
    pthread_mutex_lock(&b->lock);
    if (--w->users == 0 && w != b->wake)
        sfi_wake_free(w);
    pthread_mutex_unlock(&b->lock);
}

/* Every call that waits now returns from its poll, and looks again at what it waits for. */
static void sfi_wake_fire(struct sfi_base *b)
{
    uint64_t one = 1;
    ssize_t ignored = 0;
    struct sfi_wake *w;

    pthread_mutex_lock(&b->lock);
    w = b->wake;
    if (w != NULL && w->users != 0 && b->wake_born == atomic_load(&sfi_forks)) {
        ignored = write(w->fds[1], &one, sizeof one);
        b->wake = NULL; /* the last of its users frees it */
    }
    pthread_mutex_unlock(&b->lock);
    (void)ignored; /* a full pipe is a readable one */
}

/* When no call is inside the handle any more; so without the lock, which a forked child may find locked for good. */
static void sfi_wake_end(struct sfi_base *b)
{
    sfi_wake_free(b->wake);
    b->wake = NULL;
}
