/*
 * usrsctp.c - the C contender on usrsctp: usrsctp_sendv and usrsctp_recvv, blocking, over UDP on loopback.
 *
 * Many associations are answered in the stack's upcalls, as its users do: it has no descriptors to wait for.
 * What is measured and printed is in driver.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <usrsctp.h>

#include "driver.h"

#define MOST 1000 /* associations */

static struct socket *listener, *out[MOST], *in[MOST];
static int own_port;
static long sent;
static unsigned long seen; /* what was received is looked at, as a program does */
static char buffer[2 * LARGEST];

/* What the upcalls of many associations have answered. */
static pthread_mutex_t serving = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static long answered, told;
static int over; /* one of them has ended: so do all */

static void start_stack(void)
{
    struct sockaddr_in a;
    socklen_t length = sizeof a;
    int fd;

    if (own_port != 0)
        return;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &length) < 0)
        fail("a free UDP port");
    close(fd);
    own_port = ntohs(a.sin_port);
    usrsctp_init((uint16_t)own_port, NULL, NULL);
}

static void set_option(struct socket *so, int level, int option, const void *value, socklen_t size, const char *name)
{
    if (usrsctp_setsockopt(so, level, option, value, size) < 0)
        fail(name);
}

static struct socket *open_socket(void)
{
    struct sctp_initmsg init = {(uint16_t)job.streams, (uint16_t)job.streams, 0, 0};
    struct sctp_udpencaps encaps;
    struct sockaddr_in a;
    struct socket *so;
    int on = 1;

    start_stack();
    so = usrsctp_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (so == NULL)
        fail("usrsctp_socket");
    set_option(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on, "NODELAY");
    set_option(so, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on, "RECVRCVINFO");
    set_option(so, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, &on, sizeof on, "FRAGMENT_INTERLEAVE");
    set_option(so, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init, "INITMSG");
    set_option(so, SOL_SOCKET, SO_SNDBUF, &job.buffers, sizeof job.buffers, "SO_SNDBUF");
    set_option(so, SOL_SOCKET, SO_RCVBUF, &job.buffers, sizeof job.buffers, "SO_RCVBUF");
    memset(&encaps, 0, sizeof encaps);
    encaps.sue_address.ss_family = AF_INET;
    encaps.sue_port = htons((uint16_t)(job.udp_port != 0 ? job.udp_port : own_port));
    set_option(so, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, &encaps, sizeof encaps, "REMOTE_UDP_ENCAPS_PORT");
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (usrsctp_bind(so, (struct sockaddr *)&a, sizeof a) < 0)
        fail("usrsctp_bind");
    return so;
}

static void stack_listen(void)
{
    struct sockaddr *a = NULL;

    listener = open_socket();
    if (usrsctp_listen(listener, BACKLOG) < 0 || usrsctp_getladdrs(listener, 0, &a) < 1)
        fail("usrsctp_listen");
    job.port = ntohs(((struct sockaddr_in *)(void *)a)->sin_port);
    job.udp_port = own_port;
    usrsctp_freeladdrs(a);
}

/* ---- messages ---- */

static void send_one(struct socket *so, uint16_t stream)
{
    struct sctp_sendv_spa spa;

    memset(&spa, 0, sizeof spa);
    spa.sendv_flags = SCTP_SEND_SNDINFO_VALID;
    spa.sendv_sndinfo.snd_sid = stream;
    spa.sendv_sndinfo.snd_ppid = htonl(PPID);
    if (usrsctp_sendv(so, payload, (size_t)job.size, NULL, 0, &spa, sizeof spa, SCTP_SENDV_SPA, 0) < 0)
        fail("usrsctp_sendv");
}

/* A whole message: 1; 0 at the end of the association; -1 if the socket does not block and there is nothing. */
static int receive_one(struct socket *so)
{
    static long partial; /* one reader at a time: this thread, or the stack's */
    struct sctp_recvv_rn info;
    struct sockaddr_in from;
    ssize_t n;
    int flags;

    do {
        socklen_t info_length = sizeof info, from_length = sizeof from;
        unsigned type = 0;

        flags = 0;
        n = usrsctp_recvv(so, buffer + partial, LARGEST, (struct sockaddr *)&from, &from_length, &info, &info_length,
                          &type, &flags);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return -1;
        if (n < 0)
            fail("usrsctp_recvv");
        if (type == SCTP_RECVV_RCVINFO)
            seen += info.recvv_rcvinfo.rcv_sid + ntohl(info.recvv_rcvinfo.rcv_ppid);
        partial += n;
    } while (n > 0 && (flags & MSG_EOR) == 0);
    if (n > 0 && partial != job.size) {
        errno = EMSGSIZE;
        fail("a message of another length");
    }
    partial = 0;
    return n > 0;
}

static void on_upcall(struct socket *so, void *unused, int flags)
{
    int got = 1;

    (void)unused;
    (void)flags;
    pthread_mutex_lock(&serving);
    while (got > 0 && !over && (usrsctp_get_events(so) & SCTP_EVENT_READ)) {
        got = receive_one(so);
        if (got > 0)
            send_one(so, 0);
        pthread_mutex_lock(&lock);
        if (got > 0)
            answered++;
        if (got == 0)
            over = 1;
        pthread_cond_signal(&more);
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_unlock(&serving);
}

static void stack_accept(void)
{
    for (int i = 0; i < job.associations; i++) {
        in[i] = usrsctp_accept(listener, NULL, NULL);
        if (in[i] == NULL)
            fail("usrsctp_accept");
    }
    for (int i = 0; job.answer && i < job.associations; i++) {
        usrsctp_set_non_blocking(in[i], 1);
        usrsctp_set_upcall(in[i], on_upcall, NULL);
        on_upcall(in[i], NULL, 0); /* for what came before */
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
        if (usrsctp_connect(out[i], (struct sockaddr *)&a, sizeof a) < 0)
            fail("usrsctp_connect");
    }
}

static void stack_send(long count)
{
    for (long i = 0; i < count; i++, sent++)
        send_one(out[sent % job.associations], (uint16_t)(sent % job.streams));
}

static long stack_receive(long count)
{
    long got = 0;

    while (got < count && receive_one(in[0]) > 0)
        got++;
    return got;
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
    long served;

    pthread_mutex_lock(&lock);
    while (answered - told < count && !over)
        pthread_cond_wait(&more, &lock);
    served = answered - told;
    told = answered;
    pthread_mutex_unlock(&lock);
    return served;
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

/* Only the first is ended in order: of many all is answered by now, and the other side ends with the first of them. */
static void stack_finish(void)
{
    usrsctp_shutdown(out[0], SHUT_WR);
    while (receive_one(out[0]) > 0)
        continue;
}
