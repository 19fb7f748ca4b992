/*
 * sfi_linux.c - the Linux kernel's SCTP, by system calls and <linux/sctp.h> alone (no libsctp).
 *
 * Values, option-carried calls and defaults of this kernel; the sockets themselves are in sfi_posix.inc.c.
 * No other stack's header may be included here: their constants have the same names and other values.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include <linux/sctp.h>

#include "sfi_common.h"

/* Names that came to the header later than to kernels that we meet; the kernel decides (ENOPROTOOPT). */
#ifndef SCTP_EVENT /* Linux 5.0 */
#define SCTP_EVENT 127
struct sctp_event {
    sctp_assoc_t se_assoc_id;
    __u16 se_type;
    __u8 se_on;
};
#endif
#ifndef SCTP_STREAM_RESET_EVENT /* 4.11 */
#define SCTP_STREAM_RESET_EVENT 0x800a
#endif
#ifndef SCTP_ASSOC_RESET_EVENT /* 4.12 */
#define SCTP_ASSOC_RESET_EVENT 0x800b
#endif
#ifndef SCTP_STREAM_CHANGE_EVENT /* 4.12 */
#define SCTP_STREAM_CHANGE_EVENT 0x800c
#endif
#ifndef SCTP_SEND_FAILED_EVENT /* 5.5 */
#define SCTP_SEND_FAILED_EVENT 0x800d
#endif
#ifndef SCTP_ADDR_PF /* 5.5 */
#define SCTP_ADDR_POTENTIALLY_FAILED 6
#endif
#ifndef SCTP_SENDALL /* 4.17 */
#define SCTP_SENDALL 0x40
#endif
#ifndef SCTP_PRINFO /* 4.17 */
#define SCTP_PRINFO 5
struct sctp_prinfo {
    __u16 pr_policy;
    __u32 pr_value;
};
#endif
#ifndef SCTP_REMOTE_UDP_ENCAPS_PORT /* 5.11 */
#define SCTP_REMOTE_UDP_ENCAPS_PORT 132
#endif
#ifndef SCTP_SOCKOPT_PEELOFF_FLAGS /* 4.13 */
#define SCTP_SOCKOPT_PEELOFF_FLAGS 122
typedef struct {
    sctp_peeloff_arg_t p_arg;
    unsigned flags;
} sctp_peeloff_flags_arg_t;
#endif

#define SFI_POLLOUT_LIES 0
#define SFI_PDAPI sctp_pdapi_event
#define SFI_TAIL_CHUNK_HEADER 0 /* sac_info and sre_data start with the first cause */

/* ---- native <-> canonical ---- */

static uint16_t sfi_event_native(int event)
{
    switch (event) {
    case SFI_EVENT_ASSOC_CHANGE:
        return SCTP_ASSOC_CHANGE;
    case SFI_EVENT_PEER_ADDR_CHANGE:
        return SCTP_PEER_ADDR_CHANGE;
    case SFI_EVENT_REMOTE_ERROR:
        return SCTP_REMOTE_ERROR;
    case SFI_EVENT_SEND_FAILED:
        return SCTP_SEND_FAILED;
    case SFI_EVENT_SHUTDOWN_EVENT:
        return SCTP_SHUTDOWN_EVENT;
    case SFI_EVENT_ADAPTATION_INDICATION:
        return SCTP_ADAPTATION_INDICATION;
    case SFI_EVENT_PARTIAL_DELIVERY_EVENT:
        return SCTP_PARTIAL_DELIVERY_EVENT;
    case SFI_EVENT_AUTHENTICATION_EVENT:
        return SCTP_AUTHENTICATION_EVENT;
    case SFI_EVENT_SENDER_DRY_EVENT:
        return SCTP_SENDER_DRY_EVENT;
    case SFI_EVENT_SEND_FAILED_EVENT:
        return SCTP_SEND_FAILED_EVENT;
    case SFI_EVENT_STREAM_RESET_EVENT:
        return SCTP_STREAM_RESET_EVENT;
    case SFI_EVENT_ASSOC_RESET_EVENT:
        return SCTP_ASSOC_RESET_EVENT;
    case SFI_EVENT_STREAM_CHANGE_EVENT:
        return SCTP_STREAM_CHANGE_EVENT;
    default:
        return 0;
    }
}

static uint32_t sfi_event_canonical(uint16_t native)
{
    for (int event = 1; event <= SFI_EVENT_MAX; event++)
        if (sfi_event_native(event) == native)
            return (uint32_t)event;
    return SFI_UNKNOWN | native;
}

static uint32_t sfi_change_state(uint32_t native)
{
    switch (native) {
    case SCTP_COMM_UP:
        return SFI_CHANGE_COMM_UP;
    case SCTP_COMM_LOST:
        return SFI_CHANGE_COMM_LOST;
    case SCTP_RESTART:
        return SFI_CHANGE_RESTART;
    case SCTP_SHUTDOWN_COMP:
        return SFI_CHANGE_SHUTDOWN_COMP;
    case SCTP_CANT_STR_ASSOC:
        return SFI_CHANGE_CANT_STR_ASSOC;
    default:
        return SFI_UNKNOWN | native;
    }
}

static uint32_t sfi_paddr_state(uint32_t native)
{
    switch (native) {
    case SCTP_ADDR_AVAILABLE:
        return SFI_PADDR_AVAILABLE;
    case SCTP_ADDR_UNREACHABLE:
        return SFI_PADDR_UNREACHABLE;
    case SCTP_ADDR_REMOVED:
        return SFI_PADDR_REMOVED;
    case SCTP_ADDR_ADDED:
        return SFI_PADDR_ADDED;
    case SCTP_ADDR_MADE_PRIM:
        return SFI_PADDR_MADE_PRIM;
    case SCTP_ADDR_CONFIRMED:
        return SFI_PADDR_CONFIRMED;
    case SCTP_ADDR_POTENTIALLY_FAILED:
        return SFI_PADDR_POTENTIALLY_FAILED;
    default:
        return SFI_UNKNOWN | native;
    }
}

static uint32_t sfi_assoc_state(uint32_t native)
{
    switch (native) {
    case SCTP_EMPTY:
        return SFI_STATE_EMPTY;
    case SCTP_CLOSED:
        return SFI_STATE_CLOSED;
    case SCTP_COOKIE_WAIT:
        return SFI_STATE_COOKIE_WAIT;
    case SCTP_COOKIE_ECHOED:
        return SFI_STATE_COOKIE_ECHOED;
    case SCTP_ESTABLISHED:
        return SFI_STATE_ESTABLISHED;
    case SCTP_SHUTDOWN_PENDING:
        return SFI_STATE_SHUTDOWN_PENDING;
    case SCTP_SHUTDOWN_SENT:
        return SFI_STATE_SHUTDOWN_SENT;
    case SCTP_SHUTDOWN_RECEIVED:
        return SFI_STATE_SHUTDOWN_RECEIVED;
    case SCTP_SHUTDOWN_ACK_SENT:
        return SFI_STATE_SHUTDOWN_ACK_SENT;
    default:
        return SFI_UNKNOWN | native;
    }
}

static uint32_t sfi_path_state(uint32_t native)
{
    switch (native) {
    case SCTP_INACTIVE:
        return SFI_PATH_INACTIVE;
    case SCTP_PF:
        return SFI_PATH_POTENTIALLY_FAILED;
    case SCTP_ACTIVE:
        return SFI_PATH_ACTIVE;
    case SCTP_UNCONFIRMED:
        return SFI_PATH_UNCONFIRMED;
    default:
        return SFI_UNKNOWN | (native & 0xffff);
    }
}

static uint16_t k_send_flags(uint32_t flags)
{
    uint16_t native = 0;

    if (flags & SFI_SEND_UNORDERED)
        native |= SCTP_UNORDERED;
    if (flags & SFI_SEND_ADDR_OVER)
        native |= SCTP_ADDR_OVER;
    if (flags & SFI_SEND_ABORT)
        native |= SCTP_ABORT;
    if (flags & SFI_SEND_EOF)
        native |= SCTP_EOF;
    if (flags & SFI_SEND_SENDALL)
        native |= SCTP_SENDALL;
    if (flags & SFI_SEND_SACK_IMMEDIATELY)
        native |= SCTP_SACK_IMMEDIATELY;
    return native;
}

static uint16_t sfi_native_pr(uint32_t policy)
{
    switch (policy) {
    case SFI_PR_TTL:
        return 0x10; /* SCTP_PR_SCTP_TTL; numbers, because headers before 4.9 have no names */
    case SFI_PR_RTX:
        return 0x20;
    case SFI_PR_PRIO:
        return 0x30;
    default:
        return 0;
    }
}

/* sac_error and sre_error are in network order on Linux (docs/stacks.md, trap 4). */
static uint32_t sfi_cause(uint16_t error)
{
    return ntohs(error);
}

/* Giving up on a silent peer is reported without a cause here, which says it. */
static int sfi_gave_up(const char *info, size_t length)
{
    (void)info;
    (void)length;
    return 0;
}

#include "sfi_notify.inc.c"
#include "sfi_posix.inc.c"
#include "sfi_calls.inc.c"
#include "sfi_options.inc.c"

/* ---- this kernel's calls ---- */

static int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? sfi_errno() : 0;
}

static int k_prepare(int fd, int family)
{
    int r = set_int(fd, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1);

    if (r == 0 && family == SFI_AF_INET6) {
        r = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        if (r == 0)
            r = set_int(fd, IPPROTO_SCTP, SCTP_I_WANT_MAPPED_V4_ADDR, 0);
    }
    return r;
}

static int k_bindx(int fd, const struct sockaddr_storage *a, socklen_t size, int action)
{
    int option = action == SFI_BIND_ADD ? SCTP_SOCKOPT_BINDX_ADD : SCTP_SOCKOPT_BINDX_REM;

    return setsockopt(fd, IPPROTO_SCTP, option, a, size) < 0 ? sfi_errno() : 0;
}

static int k_connect(sfi_sock *s, const sfi_addr *a, uint32_t n, uint32_t *id)
{
    uint8_t packed[SFI_MAX_ADDRS * sizeof(struct sockaddr_in6)];
    struct { /* struct sctp_getaddrs_old of the header, by what its fields mean here */
        sctp_assoc_t assoc_id;
        int size;
        void *addrs;
    } arg;
    socklen_t length = sizeof arg;
    int size = sfi_pack(a, n, packed, sizeof packed);
    int r;

    if (size < 0)
        return size;
    memset(&arg, 0, sizeof arg);
    arg.size = size;
    arg.addrs = packed;
    r = getsockopt(s->fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &arg, &length) < 0 ? sfi_errno() : 0;
    *id = (uint32_t)arg.assoc_id; /* written with EINPROGRESS too */
    return r;
}

static int k_peeloff(int fd, uint32_t assoc_id)
{
    sctp_peeloff_flags_arg_t arg;
    socklen_t length = sizeof arg;
    int r;

    memset(&arg, 0, sizeof arg);
    arg.p_arg.associd = (sctp_assoc_t)assoc_id;
    arg.flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    r = getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, &arg, &length);
    if (r >= 0)
        return r;
    if (errno != ENOPROTOOPT)
        return sfi_errno();
    length = sizeof arg.p_arg; /* before 4.13 */
    r = getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, &arg.p_arg, &length);
    if (r < 0)
        return sfi_errno();
    fcntl(r, F_SETFD, FD_CLOEXEC);
    fcntl(r, F_SETFL, fcntl(r, F_GETFL) | O_NONBLOCK);
    return r;
}

static int k_addrs(int fd, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room)
{
    int option = side == SFI_SIDE_PEER ? SCTP_GET_PEER_ADDRS : SCTP_GET_LOCAL_ADDRS;
    struct sctp_getaddrs *list;
    size_t size;
    socklen_t length;
    int r = -ENOMEM;

    /* Too small is ENOMEM; and the returned length means one thing for peers and another for locals, so the
       count and the families lead the walk. */
    for (size = 4096; size <= 1 << 20; size *= 4) {
        list = calloc(1, size);
        if (list == NULL)
            return -ENOMEM;
        list->assoc_id = (sctp_assoc_t)assoc_id;
        length = (socklen_t)size;
        r = getsockopt(fd, IPPROTO_SCTP, option, list, &length) < 0 ? sfi_errno() : 0;
        if (r == 0)
            r = sfi_unpack((const uint8_t *)list->addrs, size - sizeof *list, list->addr_num, out, room);
        free(list);
        if (r != -ENOMEM)
            break;
    }
    return r;
}

/* One-to-one sockets refuse SCTP_ABORT (docs/stacks.md, trap 2): linger 0 makes close() abort, without a cause
   text. */
static int n_abort_one(sfi_sock *s, const char *reason, size_t length)
{
    struct linger l = {1, 0};

    (void)reason;
    (void)length;
    return setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l) < 0 ? sfi_errno() : 0;
}

static int k_check_path(sfi_sock *s, const struct sfi_out *o)
{
    (void)s;
    (void)o;
    return 0;
}

/* Nothing: unread notifications do not make Linux abort. */
static void k_before_close(sfi_sock *s)
{
    (void)s;
}
