/*
 * sfi_freebsd.c - the FreeBSD kernel's SCTP, by <netinet/sctp.h> and libc's sctp_* functions.
 *
 * Calls and defaults of this kernel; values are in sfi_bsd.inc.c, the sockets in sfi_posix.inc.c.
 * Must compile with the headers of FreeBSD 13.2 and later.
 */
#include <sys/types.h>

#include <netinet/in.h>
#include <netinet/sctp.h>
#include <netinet/sctp_uio.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <sys/utsname.h>

#include "sfi_common.h"

#define SFI_POLLOUT_LIES 1
#define SFI_HAVE_MMSG 0 /* libc has them as loops */
#define SFI_HAVE_MOMENTS 0
#define SFI_HAVE_REUSEADDR 1
#define SFI_SILENT_ABORT 1

#include "sfi_bsd.inc.c"
#include "sfi_values.inc.c"
#include "sfi_notify.inc.c"
#include "sfi_counters.inc.c"
#include "sfi_posix.inc.c"

static int64_t n_recv_only(sfi_sock *s, char *buffer, size_t size, sfi_rcv *out)
{
    return n_recv(s, buffer, size, 0, out);
}

static void n_received(sfi_sock *s, int64_t last)
{
    (void)s;
    (void)last;
}

#include "sfi_batch.inc.c"
#include "sfi_descriptors.inc.c"
#include "sfi_calls.inc.c"
#include "sfi_options.inc.c"

/* The stack writes option values back, so what is passed is always writable. */
static int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? sfi_errno() : 0;
}

static int k_prepare(int fd, int family)
{
    int r = set_int(fd, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1);

    if (r == 0 && family == SFI_AF_INET6) /* 1 by default (docs/stacks.md) */
        r = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    return r;
}

static int k_bindx(int fd, const struct sockaddr_storage *a, socklen_t size, int action)
{
    struct sockaddr_storage copy = *a; /* libc may write the port into it */
    int flag = action == SFI_BIND_ADD ? SCTP_BINDX_ADD_ADDR : SCTP_BINDX_REM_ADDR;

    (void)size; /* sa_len says it */
    return sctp_bindx(fd, (struct sockaddr *)&copy, 1, flag) < 0 ? sfi_errno() : 0;
}

static int k_connect(sfi_sock *s, const sfi_addr *a, uint32_t n, uint32_t *id)
{
    uint8_t packed[SFI_MAX_ADDRS * sizeof(struct sockaddr_in6)];
    int size = sfi_pack(a, n, packed, sizeof packed);
    sctp_assoc_t assoc = 0;

    if (size < 0)
        return size;
    if (n == 1 && s->base.style == SFI_STYLE_ONE_TO_ONE)
        return connect(s->fd, (struct sockaddr *)(void *)packed, (socklen_t)size) < 0 ? sfi_errno() : 0;
    /* Never waits and never says EINPROGRESS: 0 is "started". */
    if (sctp_connectx(s->fd, (struct sockaddr *)(void *)packed, (int)n, &assoc) < 0)
        return sfi_errno();
    *id = (uint32_t)assoc;
    return s->base.style == SFI_STYLE_ONE_TO_ONE ? -EINPROGRESS : 0;
}

/* FreeBSD's sockets inherit all of it. */
static void k_inherit(int from, int to)
{
    (void)from;
    (void)to;
}

int sfi_counters(char *text, size_t size)
{
    struct sctpstat stat;
    size_t length = sizeof stat;

    memset(&stat, 0, sizeof stat);
    if (sysctlbyname("net.inet.sctp.stats", &stat, &length, NULL, 0) < 0)
        return sfi_errno();
    return sfi_write_counters(&stat, text, size);
}

static int k_peeloff(int fd, uint32_t assoc_id)
{
    int r = sctp_peeloff(fd, (sctp_assoc_t)assoc_id);

    if (r < 0)
        return sfi_errno();
    fcntl(r, F_SETFD, FD_CLOEXEC);
    fcntl(r, F_SETFL, fcntl(r, F_GETFL) | O_NONBLOCK);
    return r;
}

static int k_addrs(int fd, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room)
{
    struct sockaddr *list = NULL;
    int count, r;

    errno = 0;
    if (side == SFI_SIDE_PEER)
        count = sctp_getpaddrs(fd, (sctp_assoc_t)assoc_id, &list);
    else
        count = sctp_getladdrs(fd, (sctp_assoc_t)assoc_id, &list);
    if (count < 0)
        return errno == ENOTCONN ? 0 : sfi_errno();
    if (count == 0 || list == NULL) /* unbound, or no such association: nothing was allocated */
        return 0;
    r = sfi_unpack((const uint8_t *)list, (size_t)count * sizeof(struct sockaddr_in6), (uint32_t)count, out, room);
    if (side == SFI_SIDE_PEER)
        sctp_freepaddrs(list);
    else
        sctp_freeladdrs(list);
    return r;
}

static size_t sfi_peek_notification(sfi_sock *s, void *room, size_t size)
{
    struct iovec iov = {room, size};
    struct msghdr m;
    ssize_t n;

    memset(&m, 0, sizeof m);
    m.msg_iov = &iov;
    m.msg_iovlen = 1;
    n = recvmsg(s->fd, &m, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 && (m.msg_flags & MSG_NOTIFICATION) ? (size_t)n : 0;
}

static int n_abort_one(sfi_sock *s, const char *reason, size_t length)
{
    struct sfi_out o = {reason, length, 0, 0, 0, SFI_SEND_ABORT, 0, SFI_PR_UNSET, 0, NULL, NULL, 0};
    struct linger l = {1, 0};

    n_send(s, &o); /* carries the reason; without an association linger 0 does what is left */
    return setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l) < 0 ? sfi_errno() : 0;
}

/* close() with anything unread, a notification included, sends ABORT here (docs/stacks.md, trap 1).  So no
   notification may be left: switch them off, then take those that are there.  Unread data stays, and aborts
   as it does on Linux. */
static void drop_notifications(int fd)
{
    static const int late[] = {SFI_EVENT_ASSOC_RESET_EVENT, SFI_EVENT_STREAM_CHANGE_EVENT, SFI_EVENT_SEND_FAILED_EVENT};
    struct sctp_event_subscribe none;
    char room[512];

    memset(&none, 0, sizeof none);
    setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, &none, sizeof none);
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
        struct sctp_event e;

        memset(&e, 0, sizeof e);
        e.se_assoc_id = SCTP_ALL_ASSOC;
        e.se_type = sfi_event_native(late[i]);
        setsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e);
    }
    for (;;) {
        struct iovec iov = {room, sizeof room};
        struct msghdr m;

        memset(&m, 0, sizeof m);
        m.msg_iov = &iov;
        m.msg_iovlen = 1;
        if (recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT) <= 0 || (m.msg_flags & MSG_NOTIFICATION) == 0)
            return;
        memset(&m, 0, sizeof m);
        m.msg_iov = &iov;
        m.msg_iovlen = 1;
        if (recvmsg(fd, &m, MSG_DONTWAIT) <= 0)
            return;
    }
}

static void k_before_close(sfi_sock *s)
{
    int listening = 0;
    socklen_t length = sizeof listening;

    if (s->base.style == SFI_STYLE_ONE_TO_ONE &&
        getsockopt(s->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening) {
        /* Closing a listener aborts who was not accepted yet; Linux shuts them down.  Do as Linux does. */
        int fd;

        while ((fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
            drop_notifications(fd);
            close(fd);
        }
        return;
    }
    drop_notifications(s->fd);
}
