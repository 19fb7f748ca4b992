/*
 * sfi_common.h - what all C files of the shim share: the handle's life, addresses, clocks, and the list of
 * functions (n_*) that a backend supplies to sfi_calls.inc.c.
 *
 * Included once by each backend's C file, after the stack's headers.  Nothing here may know a stack's
 * constants.
 */
#ifndef SFI_COMMON_H
#define SFI_COMMON_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "sfi.h"

#if defined(__FreeBSD__) || defined(__APPLE__)
#define SFI_HAVE_SA_LEN 1
#else
#define SFI_HAVE_SA_LEN 0
#endif

#define SFI_CLOSED 0x80000000u
#define SFI_MOMENT 0x1000 /* n_recv, besides the caller's flags: may wait for one, after n_moment() */
#define SFI_MOMENT_MS 10
#define SFI_MOMENTS_FROM_MS 100 /* shorter waits would end late by a part that counts */

static atomic_int sfi_live_count;

/* The part of a handle that every backend has, first in its struct sfi_sock. */
struct sfi_base {
    atomic_uint users;    /* calls under way; SFI_CLOSED once sfi_close was called */
    atomic_uint released; /* set by the one call that gives the descriptor back */
    atomic_uint switches; /* the caller chose extensions: accepted sockets have to be told again on Linux */
    atomic_uint pieces;   /* a message came in pieces: see k_check_end */
    atomic_uint pd_point; /* the shortest message that may be delivered in part; 0: not looked up */
    atomic_uint lost;     /* the association was lost: see k_check_end */
    atomic_uint chose;    /* a message went by a chosen path: see k_check_path */
    atomic_int late;      /* an error that a batch ran into behind its messages: see sfi_keep_error */
    atomic_llong own_ms;  /* the time-out of calls that give none; -1: for ever */
    struct sfi_wake *wake; /* what waiters watch; made by the first wait */
    unsigned wake_born;    /* of forks, when wake was made */
    int style;            /* SFI_STYLE_* */
    int family;           /* SFI_AF_* */
    uint32_t peeled_id;   /* SFI_STYLE_PEELED: its association */
    pthread_mutex_t lock; /* guards what its backend says; never held across a wait */
};

/* One message on its way out, canonical. */
struct sfi_out {
    const char *data;
    size_t length;
    uint32_t assoc_id, sid, ppid, flags, context, pr_policy, pr_value;
    const sfi_addr *to;
    const sfi_more *more; /* NULL for most */
    int moment;           /* may wait for one, after n_moment() */
};

/* The messages of one sfi_send_many or sfi_send_these. */
struct sfi_parcel {
    const char *const *datas; /* NULL: one behind the other in data, which is size bytes long */
    const char *data;
    size_t size;
    const uint32_t *lengths;
    uint32_t count;
    const sfi_snd *infos;
    uint32_t step; /* from one message's info to the next one's: 0 or 1 */
    uint32_t done; /* messages that were sent */
    size_t at;     /* and their bytes */
};

/* One value under its canonical and its native number. */
struct sfi_pair {
    uint32_t canonical, native;
};

/* What a backend supplies.  All but the first six run between n_use() and sfi_leave(), and return >= 0 or
   -errno; none of them waits except n_turn and n_poll, and, where n_moment allows it, for a moment that is asked for:
   n_send, n_recv, n_send_some, n_recv_some.  They answer -EAGAIN if nothing came of it. */
static struct sfi_base *n_base(sfi_sock *s);
static int n_use(sfi_sock *s);       /* sfi_enter, or why not */
static void n_wake(sfi_sock *s);     /* on close: let every waiter return */
static void n_release(sfi_sock *s);  /* really close; runs once, with no other call inside */
static void n_free(sfi_sock *s);     /* the memory */
static int n_fileno(sfi_sock *s);
static void n_back(void);            /* after a call that may have waited, outside the handle */
static int n_poll(sfi_sock *s, int events, int timeout_ms, int wake); /* SFI_READ | SFI_WRITE; 0 if only wake is */
static int n_turn(sfi_sock *s, int event, int timeout_ms, unsigned turn, int wake); /* after EAGAIN: 1, try again */
static int n_moment(sfi_sock *s); /* whether calls may wait in the stack, for SFI_MOMENT_MS and a tick of its clock */
static int n_bind(sfi_sock *s, const sfi_addr *a, uint32_t *port);        /* the port that was bound */
static int n_bindx(sfi_sock *s, const sfi_addr *a, int action);
static int n_listen(sfi_sock *s, int backlog);
static int n_accept(sfi_sock *s, sfi_sock **out, sfi_addr *peer);
static int n_connect(sfi_sock *s, const sfi_addr *addrs, uint32_t count, uint32_t *assoc_id);
static int n_connect_result(sfi_sock *s);
static int n_peeloff(sfi_sock *s, uint32_t assoc_id, sfi_sock **out);
static int n_shutdown_one(sfi_sock *s);                                     /* one-to-one */
static int n_abort_one(sfi_sock *s, const char *reason, size_t length);      /* one-to-one, before its close */
static int64_t n_send(sfi_sock *s, const struct sfi_out *o);
static int64_t n_recv(sfi_sock *s, char *buffer, size_t size, int flags, sfi_rcv *out);
static int n_may_batch(sfi_sock *s); /* 0, or why messages can't be sent by the batch */
static int n_send_some(sfi_sock *s, const struct sfi_parcel *p, int moment); /* how many more were sent, each whole */
static int n_recv_some(sfi_sock *s, char *room, size_t size, uint32_t least, sfi_rcv *out, uint32_t count, int moment);
static int n_getopt(sfi_sock *s, int level, int option, void *value, socklen_t *size);
static int n_setopt(sfi_sock *s, int level, int option, void *value, socklen_t size);
static int k_check_option(sfi_sock *s, int option, const void *value, uint32_t size); /* what would hang a stack */
static void k_check_end(sfi_sock *s, int64_t n, sfi_rcv *out); /* whether an end of record is one */
static int k_send_error(sfi_sock *s, int error); /* what a failed send really means */
#define SFI_MAX_IDS 16000 /* FreeBSD takes no more than 64 KiB at a time */
static int k_got_option(sfi_sock *s, int option, int result, void *value, uint32_t size); /* what a stack can't say */
static int n_addrs(sfi_sock *s, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room);

static void sfi_base_init(struct sfi_base *b, int family, int style)
{
    atomic_init(&b->users, 0);
    atomic_init(&b->released, 0);
    atomic_init(&b->switches, 0);
    atomic_init(&b->pieces, 0);
    atomic_init(&b->pd_point, 0);
    atomic_init(&b->lost, 0);
    atomic_init(&b->chose, 0);
    atomic_init(&b->late, 0);
    atomic_init(&b->own_ms, -1);
    b->family = family;
    b->style = style;
    pthread_mutex_init(&b->lock, NULL);
    atomic_fetch_add(&sfi_live_count, 1);
}

static void sfi_leave(sfi_sock *s)
{
    struct sfi_base *b = n_base(s);

    if (atomic_fetch_sub(&b->users, 1) - 1 == SFI_CLOSED && atomic_exchange(&b->released, 1) == 0) {
        n_release(s);
        atomic_fetch_sub(&sfi_live_count, 1);
    }
}

/* Nothing is added to a closed handle, not even for a moment: whoever took it away again could be the last one to leave,
   and would release the handle under a lock that releasing needs. */
static int sfi_enter(sfi_sock *s)
{
    unsigned users;

    if (s == NULL)
        return -EBADF;
    users = atomic_load(&n_base(s)->users);
    while ((users & SFI_CLOSED) == 0)
        if (atomic_compare_exchange_weak(&n_base(s)->users, &users, users + 1))
            return 0;
    return -EBADF;
}

static int sfi_is_closed(sfi_sock *s)
{
    return (atomic_load(&n_base(s)->users) & SFI_CLOSED) != 0;
}

int sfi_live(void)
{
    return atomic_load(&sfi_live_count);
}

int sfi_abi(void)
{
    return SFI_ABI;
}

#include "sfi_wake.inc.c"

/* ---- time ---- */

static int64_t sfi_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* When a wait begins: rounded up, so that none ends early. */
static int64_t sfi_start_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + (t.tv_nsec + 999999) / 1000000;
}

/* When a wait that began at start ends; INT64_MAX is never.  Time-outs below -1 mean the handle's own, of which -2 - timeout_ms ms have passed
   already; it is read anew before each poll, because another thread may change it. */
static int64_t sfi_until(struct sfi_base *b, int64_t timeout_ms, int64_t start)
{
    int64_t passed = 0;

    if (timeout_ms < -1) {
        passed = -2 - timeout_ms;
        timeout_ms = atomic_load(&b->own_ms);
    }
    if (timeout_ms < 0)
        return INT64_MAX;
    if (timeout_ms == 0)
        return 0; /* does not wait, though start was rounded up */
    return timeout_ms > INT64_MAX - start ? INT64_MAX : start + timeout_ms - passed;
}

static int sfi_remaining(int64_t deadline)
{
    int64_t left;

    if (deadline == INT64_MAX)
        return -1;
    left = deadline - sfi_now_ms();
    if (left < 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

/* Whether a send of nothing is what was asked for; else there was no room. */
static int sfi_may_be_nothing(const struct sfi_out *o)
{
    return o->length == 0 || (o->flags & (SFI_SEND_ABORT | SFI_SEND_EOF)) != 0;
}

/* ---- errors ---- */

static int sfi_errno(void)
{
    int e = errno;

    if (e == EWOULDBLOCK)
        e = EAGAIN;
    return e > 0 ? -e : -EIO;
}

/* The stacks say once why an association is lost.  What a batch was told behind its messages is kept for the call that
   finds nothing else. */
static void sfi_keep_error(sfi_sock *s, int error)
{
    if (error != -EAGAIN && error != -EINTR)
        atomic_store(&n_base(s)->late, error);
}

/* What a receive has to say; r <= 0: it found no message. */
static int64_t sfi_late_or(sfi_sock *s, int64_t r)
{
    int late = r > 0 ? 0 : atomic_exchange(&n_base(s)->late, 0);

    return late < 0 ? late : r;
}

/* ---- addresses: the one place where native and canonical meet ---- */

static socklen_t sfi_sockaddr(const sfi_addr *in, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (in->family == SFI_AF_INET6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)in->port);
        six->sin6_scope_id = in->scope_id;
        memcpy(&six->sin6_addr, in->ip, 16);
#if SFI_HAVE_SA_LEN
        six->sin6_len = sizeof *six;
#endif
        return sizeof *six;
    }
    if (in->family == SFI_AF_INET) {
        struct sockaddr_in *four = (struct sockaddr_in *)out;

        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)in->port);
        memcpy(&four->sin_addr, in->ip, 4);
#if SFI_HAVE_SA_LEN
        four->sin_len = sizeof *four;
#endif
        return sizeof *four;
    }
    return 0;
}

static void sfi_canonical(const void *native, size_t size, sfi_addr *out)
{
    struct sockaddr_in six_or_four; /* copies, because the source may be unaligned */
    struct sockaddr_in6 six;
    struct sockaddr head;
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    memset(out, 0, sizeof *out);
    if (native == NULL || size < sizeof head)
        return;
    memcpy(&head, native, sizeof head);
    if (head.sa_family == AF_INET && size >= sizeof six_or_four) {
        memcpy(&six_or_four, native, sizeof six_or_four);
        out->family = SFI_AF_INET;
        out->port = ntohs(six_or_four.sin_port);
        memcpy(out->ip, &six_or_four.sin_addr, 4);
    } else if (head.sa_family == AF_INET6 && size >= sizeof six) {
        memcpy(&six, native, sizeof six);
        out->port = ntohs(six.sin6_port);
        if (memcmp(&six.sin6_addr, mapped, sizeof mapped) == 0) {
            out->family = SFI_AF_INET;
            memcpy(out->ip, (const uint8_t *)&six.sin6_addr + 12, 4);
        } else {
            out->family = SFI_AF_INET6;
            /* Linux fills in the interface of any address; only these two kinds have a zone (RFC 4007 section 4). */
            if (IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&six.sin6_addr))
                out->scope_id = six.sin6_scope_id;
            memcpy(out->ip, &six.sin6_addr, 16);
        }
    }
}

int sfi_addr_to_native(const sfi_addr *in, void *storage, uint32_t size)
{
    struct sockaddr_storage ss;
    socklen_t length;

    if (in == NULL || storage == NULL || size < sizeof ss)
        return -EINVAL;
    length = sfi_sockaddr(in, &ss);
    if (length == 0) {
        /* "No address" is a wildcard: an all-zero family is refused by the BSD stacks where an association is named. */
        struct sockaddr_in *four = (struct sockaddr_in *)&ss;

        four->sin_family = AF_INET;
#if SFI_HAVE_SA_LEN
        four->sin_len = sizeof *four;
#endif
        length = sizeof *four;
    }
    memcpy(storage, &ss, sizeof ss);
    return (int)length;
}

int sfi_addr_from_native(const void *storage, uint32_t size, sfi_addr *out)
{
    if (storage == NULL || out == NULL)
        return -EINVAL;
    sfi_canonical(storage, size, out);
    return 0;
}

/* Lay out addresses back to back, 16 or 28 bytes each, as bindx and connectx want them. */
#define SFI_MAX_ADDRS 64

static int sfi_pack(const sfi_addr *addrs, uint32_t count, uint8_t *room, size_t size)
{
    size_t used = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct sockaddr_storage ss;
        size_t length = sfi_sockaddr(&addrs[i], &ss);

        if (length == 0)
            return -EAFNOSUPPORT;
        if (used + length > size)
            return -E2BIG;
        memcpy(room + used, &ss, length);
        used += length;
    }
    return (int)used;
}

/* Walk count packed addresses within size bytes; returns how many there were. */
static int sfi_unpack(const uint8_t *packed, size_t size, uint32_t count, sfi_addr *out, uint32_t room)
{
    size_t at = 0;
    uint32_t i;

    for (i = 0; i < count; i++) {
        struct sockaddr head;
        size_t length;

        if (size - at < sizeof head)
            break;
        memcpy(&head, packed + at, sizeof head);
        length = head.sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        if ((head.sa_family != AF_INET && head.sa_family != AF_INET6) || size - at < length)
            break;
        if (i < room)
            sfi_canonical(packed + at, length, &out[i]);
        at += length;
    }
    return (int)i;
}

static int sfi_native_family(int family)
{
    return family == SFI_AF_INET ? AF_INET : family == SFI_AF_INET6 ? AF_INET6 : -1;
}

#endif
