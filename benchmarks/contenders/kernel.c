/*
 * kernel.c - the C contender on a kernel's SCTP: sendmsg and recvmsg with SNDINFO and RCVINFO, blocking.
 *
 * mode=one: a call for each message.  mode=mmsg: sendmmsg and recvmmsg, on Linux.  Many associations are served by
 * epoll or kqueue.  What is measured and printed is in driver.h.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#if defined(__linux__)
#include <linux/sctp.h>
#include <sys/epoll.h>
#else
#include <netinet/sctp.h>
#include <sys/event.h>
#endif

#include "driver.h"

#define MOST 1000    /* associations */
#define BATCH 1024   /* messages in one call, at most */
#define EVENTS 64

static int listener, out[MOST], in[MOST], watcher = -1;
static long sent;
static unsigned long seen; /* what was received is looked at, as a program does */
static char buffer[2 * LARGEST];

static void set_option(int fd, int level, int option, const void *value, socklen_t size, const char *name)
{
    if (setsockopt(fd, level, option, value, size) < 0)
        fail(name);
}

static int open_socket(void)
{
    struct sctp_initmsg init = {(uint16_t)job.streams, (uint16_t)job.streams, 0, 0};
    struct sockaddr_in a;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);

    if (fd < 0)
        fail("socket");
    set_option(fd, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on, "NODELAY");
    set_option(fd, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on, "RECVRCVINFO");
    set_option(fd, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, &on, sizeof on, "FRAGMENT_INTERLEAVE");
    set_option(fd, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init, "INITMSG");
    set_option(fd, SOL_SOCKET, SO_SNDBUF, &job.buffers, sizeof job.buffers, "SO_SNDBUF");
    set_option(fd, SOL_SOCKET, SO_RCVBUF, &job.buffers, sizeof job.buffers, "SO_RCVBUF");
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0)
        fail("bind");
    return fd;
}

static void stack_listen(void)
{
    struct sockaddr_in a;
    socklen_t length = sizeof a;

    listener = open_socket();
    if (listen(listener, BACKLOG) < 0 || getsockname(listener, (struct sockaddr *)&a, &length) < 0)
        fail("listen");
    job.port = ntohs(a.sin_port);
}

static void watch(int fd)
{
#if defined(__linux__)
    struct epoll_event e = {EPOLLIN, {.fd = fd}};

    if (watcher < 0)
        watcher = epoll_create1(0);
    if (epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &e) < 0)
        fail("epoll_ctl");
#else
    struct kevent e;

    if (watcher < 0)
        watcher = kqueue();
    EV_SET(&e, fd, EVFILT_READ, EV_ADD, 0, 0, NULL);
    if (kevent(watcher, &e, 1, NULL, 0, NULL) < 0)
        fail("kevent");
#endif
}

/* Descriptors that can be read; waits for the first. */
static int wait_for(int *ready)
{
    int n;
#if defined(__linux__)
    struct epoll_event e[EVENTS];

    n = epoll_wait(watcher, e, EVENTS, -1);
    for (int i = 0; i < n; i++)
        ready[i] = e[i].data.fd;
#else
    struct kevent e[EVENTS];

    n = kevent(watcher, NULL, 0, e, EVENTS, NULL);
    for (int i = 0; i < n; i++)
        ready[i] = (int)e[i].ident;
#endif
    if (n < 0)
        fail("wait");
    return n;
}

static void stack_accept(void)
{
    for (int i = 0; i < job.associations; i++) {
        in[i] = accept(listener, NULL, NULL);
        if (in[i] < 0)
            fail("accept");
        if (job.answer)
            watch(in[i]);
    }
}

static void stack_connect(void)
{
    struct sockaddr_in a;

    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)job.port);
    for (int i = 0; i < job.associations; i++) {
        out[i] = open_socket();
        if (connect(out[i], (struct sockaddr *)&a, sizeof a) < 0)
            fail("connect");
    }
}

/* ---- messages ---- */

struct packet {
    struct iovec iov;
    struct sockaddr_in from;
    union {
        char room[CMSG_SPACE(sizeof(struct sctp_rcvinfo))];
        struct cmsghdr align;
    } control;
};

static void fill(struct msghdr *m, struct packet *p, uint16_t stream)
{
    struct sctp_sndinfo info;
    struct cmsghdr *c;

    memset(m, 0, sizeof *m);
    p->iov.iov_base = payload;
    p->iov.iov_len = (size_t)job.size;
    m->msg_iov = &p->iov;
    m->msg_iovlen = 1;
    m->msg_control = p->control.room;
    m->msg_controllen = CMSG_SPACE(sizeof info);
    c = CMSG_FIRSTHDR(m);
    c->cmsg_level = IPPROTO_SCTP;
    c->cmsg_type = SCTP_SNDINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memset(&info, 0, sizeof info);
    info.snd_sid = stream;
    info.snd_ppid = htonl(PPID);
    memcpy(CMSG_DATA(c), &info, sizeof info);
}

static void prepare(struct msghdr *m, struct packet *p, char *room)
{
    memset(m, 0, sizeof *m);
    p->iov.iov_base = room;
    p->iov.iov_len = LARGEST;
    m->msg_name = &p->from;
    m->msg_namelen = sizeof p->from;
    m->msg_iov = &p->iov;
    m->msg_iovlen = 1;
    m->msg_control = p->control.room;
    m->msg_controllen = sizeof p->control.room;
}

static long partial; /* bytes of a message whose end has not come: kernels deliver in pieces when a buffer is full */

/* Stream and PPID of what came; whether it is the end of a message. */
static int look(struct msghdr *m, long length)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == IPPROTO_SCTP && c->cmsg_type == SCTP_RCVINFO) {
            struct sctp_rcvinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            seen += info.rcv_sid + ntohl(info.rcv_ppid);
        }
    partial += length;
    if ((m->msg_flags & MSG_EOR) == 0)
        return 0;
    if (partial != job.size) {
        errno = EMSGSIZE;
        fail("a message of another length");
    }
    partial = 0;
    return 1;
}

static void send_one(int fd, uint16_t stream)
{
    struct packet p;
    struct msghdr m;

    fill(&m, &p, stream);
    if (sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
        fail("sendmsg");
}

/* A whole message: 1, or 0 at the end of the association. */
static int receive_one(int fd)
{
    struct packet p;
    struct msghdr m;
    ssize_t n;

    do {
        prepare(&m, &p, buffer + partial);
        n = recvmsg(fd, &m, 0);
        if (n < 0)
            fail("recvmsg");
    } while (n > 0 && !look(&m, n));
    return n > 0;
}

#if defined(__linux__)
static void send_batch(long count)
{
    static struct packet p[BATCH];
    static struct mmsghdr m[BATCH];
    long done = 0;

    for (long i = 0; i < count; i++)
        fill(&m[i].msg_hdr, &p[i], 0);
    while (done < count) {
        int n = sendmmsg(out[0], m + done, (unsigned)(count - done), MSG_NOSIGNAL);

        if (n < 0)
            fail("sendmmsg");
        done += n;
    }
}

static long receive_batch(int fd, long count)
{
    static struct packet p[BATCH];
    static struct mmsghdr m[BATCH];
    static char *room;
    long got = 0;
    int n;

    if (room == NULL && (room = malloc((size_t)job.batch * LARGEST)) == NULL)
        fail("malloc");
    for (long i = 0; i < count; i++)
        prepare(&m[i].msg_hdr, &p[i], room + i * LARGEST);
    do {
        n = recvmmsg(fd, m, (unsigned)count, MSG_WAITFORONE, NULL);
        if (n < 0)
            fail("recvmmsg");
        for (int i = 0; i < n && m[i].msg_len > 0; i++)
            got += look(&m[i].msg_hdr, m[i].msg_len);
    } while (got == 0 && m[0].msg_len > 0); /* nothing but pieces */
    return got;
}
#else
#define send_batch(count) abort()
#define receive_batch(fd, count) 0
#endif

static void stack_send(long count)
{
    if (strcmp(job.mode, "mmsg") == 0) {
        for (long done = 0; done < count; done += job.batch)
            send_batch(count - done < job.batch ? count - done : job.batch);
        return;
    }
    for (long i = 0; i < count; i++, sent++)
        send_one(out[sent % job.associations], (uint16_t)(sent % job.streams));
}

static void stack_exchange(long count)
{
    long first = sent;

    stack_send(count);
    for (long i = first; i < sent; i++)
        receive_one(out[i % job.associations]);
}

static long stack_serve(long count)
{
    static int over; /* one of them has ended: so do all */
    int ready[EVENTS];
    long served = 0;

    while (served < count && !over) {
        int n = wait_for(ready);

        for (int i = 0; i < n && !over; i++) {
            over = !receive_one(ready[i]);
            if (!over)
                send_one(ready[i], 0);
            served += !over;
        }
    }
    return served;
}

static long stack_receive(long count)
{
    long got = 0;

    if (strcmp(job.mode, "mmsg") == 0)
        return receive_batch(in[0], count < job.batch ? count : job.batch);
    while (got < count && receive_one(in[0]))
        got++;
    return got;
}

static void stack_ping(void)
{
    send_one(out[0], 0);
    receive_one(out[0]);
}

static int stack_echo(void)
{
    receive_one(in[0]);
    if (buffer[0] != 'p')
        return 0;
    payload[0] = 'p';
    send_one(in[0], 0);
    return 1;
}

static void stack_finish(void)
{
    close(out[0]); /* of many, the other side ends with the first */
}
