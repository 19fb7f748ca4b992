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
#include "sfi_linux_names.h"

#define SFI_POLLOUT_LIES 0
#define SFI_HAVE_MMSG 1
#define SFI_HAVE_MOMENTS 1
#define SFI_PDAPI sctp_pdapi_event
#define SFI_LINUX_OPTIONS 1
#define SFI_HAVE_REUSEADDR 1
#define SFI_STREAM_SCHEDULER SCTP_STREAM_SCHEDULER
#define SFI_STREAM_SCHEDULER_VALUE SCTP_STREAM_SCHEDULER_VALUE
#define SFI_PEER_ADDR_THLDS SCTP_PEER_ADDR_THLDS_V2 /* all three thresholds of RFC 7829 */
#define SFI_SEND_FAILED_INFO ssfe_info
#define SFI_SEND_FAILED_ERROR ssf_error
#define SFI_SEND_FAILED_ID ssf_assoc_id
#define SFI_SEND_FAILED_SIZE ssf_length
#define SFI_FAILED_FLAGS(c) (c).ssf_flags
#define SFI_FAILED_CAUSE(error) (ntohs((uint16_t)(error))) /* a cause off the wire, in its low half */
#define SFI_SNDRCVINFO_PAD 0
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
        if (native != 0 && sfi_event_native(event) == native) /* 0: this kernel has no such event */
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

static const struct sfi_pair sfi_send_pairs[] = {
    {SFI_SEND_UNORDERED, SCTP_UNORDERED},
    {SFI_SEND_ADDR_OVER, SCTP_ADDR_OVER},
    {SFI_SEND_ABORT, SCTP_ABORT},
    {SFI_SEND_EOF, SCTP_EOF},
    {SFI_SEND_SENDALL, SCTP_SENDALL},
    {SFI_SEND_SACK_IMMEDIATELY, SCTP_SACK_IMMEDIATELY},
};

/* Numbers, because headers before 4.9 and 4.20 have no names. */
static const struct sfi_pair sfi_pr_pairs[] = {
    {SFI_PR_NONE, 0}, {SFI_PR_TTL, 0x10}, {SFI_PR_RTX, 0x20}, {SFI_PR_PRIO, 0x30}, {SFI_PR_ALL, 0x80},
};

/* The default is first-come first-served here, under the same number; FC and WFQ came with 6.4. */
static const struct sfi_pair sfi_scheduler_pairs[] = {
    {SFI_SS_FCFS, 0}, {SFI_SS_DEFAULT, 0}, {SFI_SS_PRIO, 1}, {SFI_SS_RR, 2}, {SFI_SS_FC, 3}, {SFI_SS_WFQ, 4},
};

/* Linux never says "complete": it offers a message only when it is (docs/stacks.md). */
static uint32_t sfi_next_flags(uint16_t native)
{
    uint32_t flags = 0;

    if (native & SCTP_NOTIFICATION)
        flags |= SFI_NEXT_NOTIFICATION;
    if (native & SCTP_UNORDERED)
        flags |= SFI_NEXT_UNORDERED;
    return flags;
}

static uint32_t sfi_failed_part(uint16_t native)
{
    return native == 0 ? SFI_FAILED_UNSENT : native == 1 ? SFI_FAILED_SENT : 0; /* SCTP_DATA_UNSENT, SCTP_DATA_SENT */
}

static uint32_t sfi_auth_indication(uint32_t native)
{
    switch (native) { /* numbers: FREE_KEY and NO_AUTH came with 4.17 */
    case 0:
        return SFI_AUTH_NEW_KEY;
    case 1:
        return SFI_AUTH_FREE_KEY;
    case 2:
        return SFI_AUTH_NO_AUTH;
    default:
        return SFI_UNKNOWN | (native & 0xffff);
    }
}

static uint32_t sfi_pd_indication(uint32_t native)
{
    return native == SCTP_PARTIAL_DELIVERY_ABORTED ? SFI_PARTIAL_DELIVERY_ABORTED : SFI_UNKNOWN | (native & 0xffff);
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

#include "sfi_values.inc.c"
#include "sfi_notify.inc.c"
#include "sfi_posix.inc.c"
#include "sfi_batch.inc.c"
#include "sfi_descriptors.inc.c"
#include "sfi_calls.inc.c"
#include "sfi_options.inc.c"

/* ---- this kernel's calls ---- */

/* One text file has the counters of the network namespace (RFC 3873). */
int sfi_counters(char *text, size_t size)
{
    int fd = open("/proc/net/sctp/snmp", O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t n = 0;

    if (fd < 0)
        return sfi_errno();
    while (used < size && (n = read(fd, text + used, size - used)) > 0)
        used += (size_t)n;
    close(fd);
    return n < 0 ? -EIO : (int)used;
}

static int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? sfi_errno() : 0;
}

static int k_prepare(int fd, int family)
{
    int r = set_int(fd, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1);

    if (r == 0)
        r = set_int(fd, IPPROTO_SCTP, SCTP_I_WANT_MAPPED_V4_ADDR, 0);
    if (r == 0 && family == SFI_AF_INET6)
        r = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
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

/* The switches of extensions are not inherited: without them a dynamic bindx does nothing and SET_PEER_PRIMARY_ADDR is
   refused on an accepted socket although the association negotiated it (docs/stacks.md). */
static void k_inherit(int from, int to)
{
    for (int option = 1; option <= SFI_OPT_MAX; option++) {
        const struct sfi_option_row *row = sfi_is_switch(option) ? sfi_option(option) : NULL;
        struct sctp_assoc_value value;
        socklen_t length = sizeof value;

        memset(&value, 0, sizeof value);
        if (row != NULL && getsockopt(from, row->level, row->number, &value, &length) == 0)
            setsockopt(to, row->level, row->number, &value, sizeof value); /* refused: it stays as it is */
    }
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

static void k_check_end(sfi_sock *s, int64_t n, sfi_rcv *out)
{
    (void)s;
    (void)n;
    (void)out;
}

static int k_send_error(sfi_sock *s, int error)
{
    (void)s;
    return error;
}

static int k_got_option(sfi_sock *s, int option, int result, void *value, uint32_t size)
{
    (void)s;
    (void)option;
    (void)value;
    (void)size;
    return result;
}

static int k_check_option(sfi_sock *s, int option, const void *value, uint32_t size)
{
    (void)s;
    (void)option;
    (void)value;
    (void)size;
    return 0;
}

/* Nothing: unread notifications do not make Linux abort. */
static void k_before_close(sfi_sock *s)
{
    (void)s;
}
