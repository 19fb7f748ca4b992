/*
 * sfi_usrsctp.c - usrsctp, FreeBSD's stack in user space, by <usrsctp.h>.
 *
 * The stack has no descriptors: a socketpair stands for each socket.  The user's end is readable while
 * something may be read and loses writability while a send would wait, so selectors work as on a kernel.
 * The stack's threads only run the upcall in sfi_usrsctp_stack.inc.c; nothing here calls Python.
 *
 * Locks: the table lock is for opening and closing; a stripe guards the readiness of its sockets; the closing lock
 * guards the list of sockets on their way out.  None is held while the stack is called, but for the closing lock.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#if defined(__linux__)
#include <linux/filter.h>
#endif

#include <usrsctp.h>

#include "sfi_common.h"

/* Names which the stack has and its header lacks (docs/stacks.md, marked with a dagger there). */
#ifndef SCTP_EVENTS
#define SCTP_EVENTS 0x0000000c
#endif
#ifndef SCTP_PR_SCTP_ALL
#define SCTP_PR_SCTP_ALL 0x000f
#endif
#ifndef SCTP_PEER_ADDR_THLDS
#define SCTP_PEER_ADDR_THLDS 0x00000023
#endif
#ifndef SCTP_CMT_ON_OFF
#define SCTP_CMT_ON_OFF 0x00001200
#endif
#ifndef SCTP_PLUGGABLE_CC
#define SCTP_PLUGGABLE_CC 0x00001202
#endif
#ifndef SCTP_CC_OPTION
#define SCTP_CC_OPTION 0x00001205
#endif
#ifndef SCTP_INTERLEAVING_SUPPORTED
#define SCTP_INTERLEAVING_SUPPORTED 0x00001206
#endif
#ifndef SCTP_GET_SNDBUF_USE
#define SCTP_GET_SNDBUF_USE 0x00001101
#endif
#ifndef SCTP_BOUND
#define SCTP_BOUND 0x1000
#define SCTP_LISTEN 0x2000
#endif

#define SFI_HAVE_REUSEADDR 0
#define SFI_HAVE_MMSG 0
#define SFI_SILENT_ABORT 0

#include "sfi_bsd.inc.c"
#include "sfi_values.inc.c"
#include "sfi_notify.inc.c"
#include "sfi_counters.inc.c"

#define SFI_MAX_SOCKS 32768
#define SFI_STRIPES 64
#define SFI_TICK_MS 100  /* events for which the stack makes no upcall (docs/stacks.md) */
#define SFI_RETRY_MS 5   /* one-to-many: the stack never says writable */
#define SFI_EXIT_MS 1000 /* how long an exiting process waits for its peers */

struct sfi_sock {
    struct sfi_base base;
    struct socket *so;
    int user;          /* the descriptor that callers see */
    int inner;         /* its other end */
    uint32_t slot;     /* in the table; 0 is none */
    atomic_uint seen;  /* upcalls and ticks that found something */
    int readable;      /* a byte lies in user; under the stripe */
    int blocked;       /* user is filled up; under the stripe */
    int listening;
    atomic_uint asked; /* for the descriptor: a selector may watch it, so the mark has to be right after each call */
    atomic_uint port;  /* bound to, 0 if not */
    uint32_t encaps;   /* remote UDP port in force for new associations */
    int encaps_given;  /* the caller chose it */
};

/* One per open socket; never freed, because a late upcall may still come with its number. */
static struct {
    sfi_sock *sock;
    uintptr_t generation;
    atomic_uint taken; /* how often a mark was cleared: what was asked of the stack before is old */
} slots[SFI_MAX_SOCKS];
static uint32_t slots_used = 1;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t stripes[SFI_STRIPES];

static enum { STACK_NEW, STACK_UP, STACK_BROKEN, STACK_DOWN } stack_state;
static atomic_int stack_forked, stack_exiting;
static pthread_t exit_thread;
static uint32_t stack_port, stack_remote_port;
static pthread_t tick_thread;
static atomic_int tick_stop;

static struct sfi_base *n_base(sfi_sock *s)
{
    return &s->base;
}

/* Blocked in the stack a call could be woken by nobody but the stack. */
static int n_moment(sfi_sock *s)
{
    (void)s;
    return 0;
}

static int n_use(sfi_sock *s)
{
    if (atomic_load(&stack_forked))
        return -SFI_EFORKED;
    return sfi_enter(s);
}

#include "sfi_usrsctp_close.inc.c"
#include "sfi_usrsctp_stack.inc.c"

/* ---- life of a socket ---- */

static int take_slot(sfi_sock *s)
{
    uint32_t i;
    int r = -EMFILE;

    pthread_mutex_lock(&table_lock);
    if (stack_state != STACK_UP) {
        pthread_mutex_unlock(&table_lock);
        return -SFI_EFAILED;
    }
    for (i = 1; i < SFI_MAX_SOCKS; i++) {
        pthread_mutex_lock(stripe_of(i));
        if (slots[i].sock == NULL) {
            slots[i].sock = s;
            slots[i].generation++;
            s->slot = i;
            r = 0;
        }
        pthread_mutex_unlock(stripe_of(i));
        if (r == 0)
            break;
    }
    if (r == 0 && i >= slots_used)
        slots_used = i + 1;
    pthread_mutex_unlock(&table_lock);
    return r;
}

static void leave_slot(sfi_sock *s)
{
    pthread_mutex_lock(stripe_of(s->slot));
    slots[s->slot].sock = NULL;
    pthread_mutex_unlock(stripe_of(s->slot));
}

static int open_pair(sfi_sock *s)
{
    int pair[2];
    int small = 1; /* the kernel's least: a few writes fill it */

#if defined(SOCK_CLOEXEC)
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return sfi_errno();
#else /* macOS: a program that is started just now may get it */
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return sfi_errno();
    for (int i = 0; i < 2; i++) {
        fcntl(pair[i], F_SETFD, FD_CLOEXEC);
        fcntl(pair[i], F_SETFL, O_NONBLOCK);
    }
#endif
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    s->user = pair[0];
    s->inner = pair[1];
    return 0;
}

/* Make a handle of a stack socket, which it then owns; on failure the socket is still the caller's. */
static int wrap(struct socket *so, int family, int style, sfi_sock **out)
{
    sfi_sock *s = calloc(1, sizeof *s);
    int r;

    if (s == NULL)
        return -ENOMEM;
    s->so = so;
    s->base.style = style;
    r = open_pair(s);
    if (r < 0) {
        free(s);
        return r;
    }
    sfi_base_init(&s->base, family, style);
    r = usrsctp_set_non_blocking(so, 1) < 0 ? sfi_errno() : take_slot(s);
    if (r < 0) {
        close(s->user);
        close(s->inner);
        pthread_mutex_destroy(&s->base.lock);
        free(s);
        atomic_fetch_sub(&sfi_live_count, 1);
        return r;
    }
    s->encaps = UINT32_MAX;
    usrsctp_set_upcall(so, on_upcall, (void *)(slots[s->slot].generation * SFI_MAX_SOCKS + s->slot));
    look_again(s); /* accepted and peeled sockets may hold something already */
    *out = s;
    return 0;
}

static void n_release(sfi_sock *s)
{
    if (!atomic_load(&stack_forked)) {
        leave_slot(s);
        if (s->listening)
            usrsctp_listen(s->so, 0); /* nobody new while it goes */
        if (s->listening && s->base.style == SFI_STYLE_ONE_TO_ONE) {
            /* Closing a listener aborts who was not accepted yet; Linux shuts them down.  Do as Linux does. */
            struct sockaddr_storage ss;
            socklen_t length = sizeof ss;
            struct socket *so;

            while ((so = usrsctp_accept(s->so, (struct sockaddr *)&ss, &length)) != NULL) {
                usrsctp_set_non_blocking(so, 1);
                begin_close(so, SFI_STYLE_ONE_TO_ONE);
                length = sizeof ss;
            }
        }
        begin_close(s->so, s->base.style);
    }
    s->so = NULL;
    close(s->user);
    close(s->inner);
    s->user = s->inner = -1;
    sfi_wake_end(&s->base);
}

static void n_wake(sfi_sock *s)
{
    if (atomic_load(&stack_forked))
        return; /* the pair is shared with the parent: leave its readiness alone */
    sfi_wake_fire(&s->base);
    pthread_mutex_lock(stripe_of(s->slot));
    atomic_fetch_add(&s->seen, 1);
    set_readable(s);
    clear_blocked(s);
    pthread_mutex_unlock(stripe_of(s->slot));
}

static void n_free(sfi_sock *s)
{
    if (!atomic_load(&stack_forked))
        while (atomic_load(&s->base.users) != SFI_CLOSED)
            sched_yield(); /* the timer looks at it just now */
    pthread_mutex_destroy(&s->base.lock);
    free(s);
}

static int n_fileno(sfi_sock *s)
{
    if (atomic_exchange(&s->asked, 1) == 0)
        settle(s); /* the mark may be old, as nobody looked so far */
    return s->user;
}

int sfi_open(int family, int style, sfi_sock **out)
{
    int type = style == SFI_STYLE_ONE_TO_MANY ? SOCK_SEQPACKET : SOCK_STREAM;
    struct socket *so;
    int on = 1;
    int r;

    if (atomic_load(&stack_forked))
        return -SFI_EFORKED;
    if (stack_state != STACK_UP)
        return -SFI_EFAILED;
    if (out == NULL || sfi_native_family(family) < 0)
        return -EAFNOSUPPORT;
    errno = 0;
    so = usrsctp_socket(sfi_native_family(family), type, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (so == NULL)
        return errno ? sfi_errno() : -ENOMEM;
    r = usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) < 0 ? sfi_errno() : 0;
    if (r == 0)
        r = wrap(so, family, style, out);
    if (r < 0)
        usrsctp_close(so);
    return r;
}

static int local_addrs(struct socket *so, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room)
{
    struct sockaddr *list = NULL;
    int count, r;

    errno = 0;
    if (side == SFI_SIDE_PEER)
        count = usrsctp_getpaddrs(so, (sctp_assoc_t)assoc_id, &list);
    else
        count = usrsctp_getladdrs(so, (sctp_assoc_t)assoc_id, &list);
    if (count < 0)
        return errno == ENOTCONN || errno == ENOENT ? 0 : sfi_errno();
    if (count == 0 || list == NULL)
        return 0;
    r = sfi_unpack((const uint8_t *)list, (size_t)count * sizeof(struct sockaddr_in6), (uint32_t)count, out, room);
    if (side == SFI_SIDE_PEER)
        usrsctp_freepaddrs(list);
    else
        usrsctp_freeladdrs(list);
    return r;
}

static int n_addrs(sfi_sock *s, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room)
{
    return local_addrs(s->so, side, assoc_id, out, room);
}

static int n_bind(sfi_sock *s, const sfi_addr *a, uint32_t *port)
{
    struct sockaddr_storage ss;
    socklen_t length = sfi_sockaddr(a, &ss);
    sfi_addr bound;
    int r;

    if (length == 0)
        return -EAFNOSUPPORT;
    if (usrsctp_bind(s->so, (struct sockaddr *)&ss, length) < 0)
        return sfi_errno();
    r = local_addrs(s->so, SFI_SIDE_LOCAL, 0, &bound, 1);
    *port = r > 0 ? bound.port : a->port;
    atomic_store(&s->port, *port);
    return 0;
}

static int n_bindx(sfi_sock *s, const sfi_addr *a, int action)
{
    struct sockaddr_storage ss;
    int flag = action == SFI_BIND_ADD ? SCTP_BINDX_ADD_ADDR : SCTP_BINDX_REM_ADDR;

    if (sfi_sockaddr(a, &ss) == 0)
        return -EAFNOSUPPORT;
    return usrsctp_bindx(s->so, (struct sockaddr *)&ss, 1, flag) < 0 ? sfi_errno() : 0;
}

static int n_listen(sfi_sock *s, int backlog)
{
    sfi_addr bound;

    if (usrsctp_listen(s->so, backlog) < 0)
        return sfi_errno();
    s->listening = 1;
    if (local_addrs(s->so, SFI_SIDE_LOCAL, 0, &bound, 1) > 0)
        atomic_store(&s->port, bound.port);
    return 0;
}

/* ---- UDP encapsulation (RFC 6951): which remote port new associations use ---- */

static int is_loopback(const sfi_addr *a)
{
    static const uint8_t one[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

    return a->family == SFI_AF_INET ? a->ip[0] == 127 : a->family == SFI_AF_INET6 && memcmp(a->ip, one, 16) == 0;
}

static int is_ours(uint32_t port)
{
    uint32_t used;
    int found = 0;

    pthread_mutex_lock(&table_lock);
    used = slots_used;
    pthread_mutex_unlock(&table_lock);
    for (uint32_t i = 1; i < used && !found; i++) {
        pthread_mutex_lock(stripe_of(i));
        found = slots[i].sock != NULL && atomic_load(&slots[i].sock->port) == port;
        pthread_mutex_unlock(stripe_of(i));
    }
    return found;
}

static int set_encaps(struct socket *so, uint16_t port) /* network order */
{
    struct sctp_udpencaps e;

    memset(&e, 0, sizeof e);
    e.sue_address.ss_family = AF_INET; /* the wildcard: every path to come */
#if SFI_HAVE_SA_LEN
    e.sue_address.ss_len = sizeof(struct sockaddr_in);
#endif
    e.sue_port = port;
    return usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, &e, sizeof e) < 0 ? sfi_errno() : 0;
}

/* Before a new association: to a socket of this very process by our own UDP port, else by the peers' one. */
static int aim(sfi_sock *s, const sfi_addr *a)
{
    uint32_t want = stack_remote_port;
    int r;

    if (stack_port == 0 || s->encaps_given)
        return 0;
    if (stack_port != stack_remote_port && is_loopback(a) && is_ours(a->port))
        want = stack_port;
    if (s->encaps == want)
        return 0;
    r = set_encaps(s->so, htons((uint16_t)want));
    if (r == 0)
        s->encaps = want;
    return r;
}

/* An accepted association knows the port of the path that it came by, but gives port 0 to addresses that the peer adds
   later (RFC 5061): make it the association's. */
static void learn_encaps(struct socket *so, const struct sockaddr_storage *peer)
{
    struct sctp_udpencaps e;
    socklen_t size = sizeof e;

    if (stack_port == 0)
        return;
    memset(&e, 0, sizeof e);
    e.sue_address = *peer;
    if (usrsctp_getsockopt(so, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, &e, &size) == 0)
        set_encaps(so, e.sue_port);
}

/* ---- waiting ---- */

static int poll_pair(sfi_sock *s, int events, int timeout_ms, int wake)
{
    struct pollfd p[2];
    int ready = 0;

    memset(p, 0, sizeof p);
    p[0].fd = wake;
    p[0].events = POLLIN;
    p[1].fd = s->user;
    p[1].events = (short)(((events & SFI_READ) ? POLLIN : 0) | ((events & SFI_WRITE) ? POLLOUT : 0));
    if (poll(p, 2, timeout_ms) < 0)
        return sfi_errno();
    if (sfi_is_closed(s))
        return -EBADF;
    if (p[1].revents & (POLLIN | POLLERR | POLLHUP))
        ready |= SFI_READ;
    if (p[1].revents & (POLLOUT | POLLERR | POLLHUP))
        ready |= SFI_WRITE;
    return ready & events;
}

static int n_turn(sfi_sock *s, int event, int timeout_ms, unsigned turn, int wake)
{
    (void)turn;
    return poll_pair(s, event, timeout_ms, wake);
}

static int n_poll(sfi_sock *s, int events, int timeout_ms, int wake)
{
    n_fileno(s);
    return poll_pair(s, events, timeout_ms, wake);
}

/* ---- connecting ---- */

static int n_accept(sfi_sock *s, sfi_sock **out, sfi_addr *peer)
{
    struct sockaddr_storage ss;
    socklen_t length = sizeof ss;
    unsigned seen = atomic_load(&s->seen);
    struct socket *so;
    int r;

    if (!s->listening)
        return -EINVAL; /* as the kernels say */
    memset(&ss, 0, sizeof ss);
    do {
        /* A connection that was aborted while it waited is not the listener's error. */
        errno = 0;
        so = usrsctp_accept(s->so, (struct sockaddr *)&ss, &length);
    } while (so == NULL && (errno == ECONNABORTED || errno == ECONNRESET));
    if (so == NULL) {
        r = errno ? sfi_errno() : -ENOMEM;
        if (r == -EAGAIN)
            unready(s, seen);
        return r;
    }
    settle(s);
    learn_encaps(so, &ss);
    r = wrap(so, s->base.family, SFI_STYLE_ONE_TO_ONE, out);
    if (r < 0) {
        usrsctp_close(so);
        return r;
    }
    if (peer != NULL)
        sfi_canonical(&ss, sizeof ss, peer);
    return 0;
}

static int n_connect(sfi_sock *s, const sfi_addr *addrs, uint32_t count, uint32_t *assoc_id)
{
    uint8_t packed[SFI_MAX_ADDRS * sizeof(struct sockaddr_in6)];
    int one_to_one = s->base.style == SFI_STYLE_ONE_TO_ONE;
    sctp_assoc_t id = 0;
    int size = sfi_pack(addrs, count, packed, sizeof packed);
    int r;

    if (size < 0)
        return size;
    r = aim(s, &addrs[0]);
    if (r < 0)
        return r;
    if (one_to_one) {
        pthread_mutex_lock(stripe_of(s->slot));
        if (!s->blocked)
            set_blocked(s); /* not writable until it is connected */
        pthread_mutex_unlock(stripe_of(s->slot));
    }
    r = usrsctp_connectx(s->so, (struct sockaddr *)(void *)packed, (int)count, &id) < 0 ? sfi_errno() : 0;
    look_again(s);
    *assoc_id = (uint32_t)id;
    return r == 0 && one_to_one ? -EINPROGRESS : r; /* connectx says 0 for "started" */
}

static int n_connect_result(sfi_sock *s)
{
    int error = 0;
    socklen_t length = sizeof error;
    int events = usrsctp_get_events(s->so); /* first: a failure makes it writable too, and is then in SO_ERROR */

    if (usrsctp_getsockopt(s->so, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return sfi_errno();
    if (error > 0)
        return -error;
    return (events & SCTP_EVENT_WRITE) ? 0 : -EINPROGRESS;
}

static int n_peeloff(sfi_sock *s, uint32_t assoc_id, sfi_sock **out)
{
    struct socket *so;
    int r;

    errno = 0;
    so = usrsctp_peeloff(s->so, (sctp_assoc_t)assoc_id);
    if (so == NULL)
        return errno ? sfi_errno() : -EINVAL;
    r = wrap(so, s->base.family, SFI_STYLE_PEELED, out);
    if (r < 0)
        usrsctp_close(so);
    return r;
}

static int n_shutdown_one(sfi_sock *s)
{
    return usrsctp_shutdown(s->so, SHUT_WR) < 0 ? sfi_errno() : 0;
}

#include "sfi_usrsctp_messages.inc.c"
#include "sfi_batch.inc.c"

/* ---- options ---- */

int sfi_counters(char *text, size_t size)
{
    struct sctpstat stat;

    memset(&stat, 0, sizeof stat);
    if (atomic_load(&stack_forked))
        return -SFI_EFORKED;
    if (stack_state == STACK_UP)
        usrsctp_get_stat(&stat);
    return sfi_write_counters(&stat, text, size);
}

static int n_getopt(sfi_sock *s, int level, int option, void *value, socklen_t *size)
{
    return usrsctp_getsockopt(s->so, level, option, value, size) < 0 ? sfi_errno() : 0;
}

static int n_setopt(sfi_sock *s, int level, int option, void *value, socklen_t size)
{
    if (usrsctp_setsockopt(s->so, level, option, value, size) < 0)
        return sfi_errno();
    if (level == IPPROTO_SCTP && option == SCTP_REMOTE_UDP_ENCAPS_PORT)
        s->encaps_given = 1;
    return 0;
}

#include "sfi_calls.inc.c"
#include "sfi_options.inc.c"
