/*
 * standin.c - a library for LD_PRELOAD that makes Unix sockets look like Linux' one-to-one SCTP sockets.
 *
 * There is no stack behind them: what is left of a call's time is the program's own.  So the same contenders show what
 * a message costs them before SCTP begins.  Only what the contenders call is there; nothing here is a test of SCTP.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/sctp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST 1024  /* descriptors, and messages in one call */
#define FIRST 20000 /* port */

struct standin {
    int used, port, peer, rcvinfo, sndrcv;
    uint32_t tsn;
};

static struct standin all[MOST];

#define REAL(name)                                           \
    static __typeof__(&name) real;                           \
    if (real == NULL)                                        \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static struct standin *find(int fd)
{
    return fd >= 0 && fd < MOST && all[fd].used ? &all[fd] : NULL;
}

static socklen_t place(struct sockaddr_un *a, int port)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX; /* a name that starts with 0 is no file */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                       (size_t)snprintf(a->sun_path + 1, sizeof a->sun_path - 1, "standin-%d-%d", (int)getpid(), port));
}

static void give_address(struct sockaddr *out, socklen_t *size, int port)
{
    struct sockaddr_in a;

    if (out == NULL || size == NULL)
        return;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons((uint16_t)port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(out, &a, *size < sizeof a ? *size : sizeof a);
    *size = sizeof a;
}

/* ---- life ---- */

int socket(int family, int type, int protocol)
{
    REAL(socket);
    int fd;

    if (protocol != IPPROTO_SCTP)
        return real(family, type, protocol);
    fd = real(AF_UNIX, SOCK_SEQPACKET | (type & (SOCK_NONBLOCK | SOCK_CLOEXEC)), 0);
    if (fd >= MOST) {
        close(fd);
        errno = EMFILE;
        return -1;
    }
    if (fd >= 0) {
        memset(&all[fd], 0, sizeof all[fd]);
        all[fd].used = 1;
    }
    return fd;
}

int close(int fd)
{
    REAL(close);

    if (find(fd) != NULL)
        all[fd].used = 0;
    return real(fd);
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    REAL(bind);
    static int next = FIRST;
    struct standin *s = find(fd);
    struct sockaddr_un a;
    struct sockaddr_in in;

    if (s == NULL)
        return real(fd, address, size);
    memcpy(&in, address, sizeof in);
    s->port = in.sin_port != 0 ? ntohs(in.sin_port) : next++;
    return real(fd, (struct sockaddr *)&a, place(&a, s->port));
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    REAL(connect);
    struct standin *s = find(fd);
    struct sockaddr_un a;
    struct sockaddr_in in;

    if (s == NULL)
        return real(fd, address, size);
    memcpy(&in, address, sizeof in);
    s->peer = ntohs(in.sin_port);
    return real(fd, (struct sockaddr *)&a, place(&a, s->peer));
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    REAL(accept4);
    struct standin *s = find(fd);
    int r;

    if (s == NULL)
        return real(fd, address, size, flags);
    r = real(fd, NULL, NULL, flags);
    if (r >= 0 && r < MOST) {
        all[r] = *s;
        all[r].peer = FIRST;
        give_address(address, size, FIRST);
    }
    return r;
}

int accept(int fd, struct sockaddr *address, socklen_t *size)
{
    return accept4(fd, address, size, 0);
}

int getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
    REAL(getsockname);
    struct standin *s = find(fd);

    if (s == NULL)
        return real(fd, address, size);
    give_address(address, size, s->port);
    return 0;
}

int getpeername(int fd, struct sockaddr *address, socklen_t *size)
{
    REAL(getpeername);
    struct standin *s = find(fd);

    if (s == NULL)
        return real(fd, address, size);
    give_address(address, size, s->peer);
    return 0;
}

/* ---- options: taken and forgotten, but for those that decide what comes with a message ---- */

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    REAL(setsockopt);
    struct standin *s = find(fd);

    if (s == NULL || level != IPPROTO_SCTP)
        return s != NULL && level != SOL_SOCKET ? 0 : real(fd, level, option, value, size);
    if (option == SCTP_RECVRCVINFO)
        s->rcvinfo = *(const int *)value;
    if (option == SCTP_EVENTS)
        s->sndrcv = *(const char *)value;
    return 0;
}

static int one_address(struct standin *s, int option, void *value)
{
    struct sctp_getaddrs *list = value;
    socklen_t length = sizeof(struct sockaddr_in);

    list->addr_num = 1;
    give_address((struct sockaddr *)list->addrs, &length, option == SCTP_GET_PEER_ADDRS ? s->peer : s->port);
    return 0;
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
    REAL(getsockopt);
    struct standin *s = find(fd);

    if (s == NULL || level == SOL_SOCKET)
        return real(fd, level, option, value, size);
    if (level == IPPROTO_SCTP && option == SCTP_SOCKOPT_CONNECTX3) {
        struct { /* struct sctp_getaddrs_old, by what its fields mean here */
            sctp_assoc_t assoc_id;
            int size;
            struct sockaddr *addresses;
        } *arg = value;

        arg->assoc_id = 1;
        return connect(fd, arg->addresses, sizeof(struct sockaddr_in));
    }
    if (level == IPPROTO_SCTP && (option == SCTP_GET_PEER_ADDRS || option == SCTP_GET_LOCAL_ADDRS))
        return one_address(s, option, value);
    return 0;
}

/* ---- messages ---- */

/* A Unix socket takes neither a name nor SCTP's control messages. */
static struct msghdr stripped(const struct msghdr *m)
{
    struct msghdr plain = *m;

    plain.msg_name = NULL;
    plain.msg_namelen = 0;
    plain.msg_control = NULL;
    plain.msg_controllen = 0;
    return plain;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    REAL(sendmsg);
    struct msghdr plain;

    if (find(fd) == NULL)
        return real(fd, m, flags);
    plain = stripped(m);
    return real(fd, &plain, flags);
}

int sendmmsg(int fd, struct mmsghdr *m, unsigned count, int flags)
{
    REAL(sendmmsg);
    struct mmsghdr plain[MOST];
    int n;

    if (find(fd) == NULL)
        return real(fd, m, count, flags);
    count = count < MOST ? count : MOST;
    for (unsigned i = 0; i < count; i++)
        plain[i].msg_hdr = stripped(&m[i].msg_hdr);
    n = real(fd, plain, count, flags);
    for (int i = 0; i < n; i++)
        m[i].msg_len = plain[i].msg_len;
    return n;
}

static void put(struct msghdr *m, size_t *used, int type, const void *data, size_t size)
{
    struct cmsghdr *c = (struct cmsghdr *)(void *)((char *)m->msg_control + *used);

    if (*used + CMSG_SPACE(size) > m->msg_controllen) {
        m->msg_flags |= MSG_CTRUNC;
        return;
    }
    c->cmsg_level = IPPROTO_SCTP;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), data, size);
    *used += CMSG_SPACE(size);
}

/* What a stack adds to a message. */
static void dress(struct standin *s, struct msghdr *m, const struct msghdr *plain, size_t length)
{
    struct sctp_rcvinfo info = {0};
    struct sctp_sndrcvinfo old = {0};
    size_t used = 0;

    if (plain->msg_flags & MSG_TRUNC)
        abort(); /* SCTP would keep the rest */
    m->msg_flags = length > 0 ? MSG_EOR : 0;
    if (length > 0) {
        give_address(m->msg_name, m->msg_name != NULL ? &m->msg_namelen : NULL, s->peer);
        info.rcv_ppid = old.sinfo_ppid = htonl(46);
        info.rcv_tsn = old.sinfo_tsn = ++s->tsn;
        info.rcv_assoc_id = old.sinfo_assoc_id = 1;
        if (s->sndrcv)
            put(m, &used, SCTP_SNDRCV, &old, sizeof old);
        if (s->rcvinfo)
            put(m, &used, SCTP_RCVINFO, &info, sizeof info);
    } else {
        m->msg_namelen = 0;
    }
    m->msg_controllen = used;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    REAL(recvmsg);
    struct standin *s = find(fd);
    struct msghdr plain;
    ssize_t n;

    if (s == NULL)
        return real(fd, m, flags);
    plain = stripped(m);
    n = real(fd, &plain, flags);
    if (n >= 0)
        dress(s, m, &plain, (size_t)n);
    return n;
}

int recvmmsg(int fd, struct mmsghdr *m, unsigned count, int flags, struct timespec *timeout)
{
    REAL(recvmmsg);
    struct standin *s = find(fd);
    struct mmsghdr plain[MOST];
    int n;

    if (s == NULL)
        return real(fd, m, count, flags, timeout);
    count = count < MOST ? count : MOST;
    for (unsigned i = 0; i < count; i++)
        plain[i].msg_hdr = stripped(&m[i].msg_hdr);
    n = real(fd, plain, count, flags, timeout);
    for (int i = 0; i < n; i++) {
        m[i].msg_len = plain[i].msg_len;
        dress(s, &m[i].msg_hdr, &plain[i].msg_hdr, plain[i].msg_len);
    }
    return n;
}
