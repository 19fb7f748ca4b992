/*
 * sfi.h - the shim's own ABI: what every backend's C file implements and what Python calls.
 *
 * Here live canonical constants, fixed-width structs and prototypes; never a native constant or header.
 * The part between the "cdef" marks is also what cffi parses, so it holds declarations only.
 *
 * Rules of the ABI
 *   - Every function returns a value >= 0, or -errno, or -SFI_E*; it never sets errno for the caller.
 *   - Sockets are non-blocking underneath.  Only sfi_wait, and sfi_recv, sfi_send and sfi_accept with a
 *     timeout, wait (and sfi_stack_stop, when the process exits); each has a deadline, returns -EINTR on a signal and -EBADF when the socket is closed
 *     by another thread.  timeout_ms: 0 does not wait, -1 waits for ever.
 *   - Any function may be called from any thread at any time.  A call that began before sfi_close ends
 *     orderly: the descriptor is released by the last call that uses it, so it is never a stranger's.
 *   - sfi_sock is owned by the caller: sfi_close any number of times, then sfi_free exactly once, when no
 *     other call can still be made with it.
 *   - Numbers in and out are canonical and in host byte order.  A native value without a canonical name
 *     comes up as SFI_UNKNOWN | native.
 */
#ifndef SFI_H
#define SFI_H

#include <stddef.h>
#include <stdint.h>

/* cdef: begin */
#define SFI_ABI 1
#define SFI_UNKNOWN 0x10000

/* Errors that no errno stands for; returned negated. */
#define SFI_EFORKED 100001 /* the stack lived in the parent process: unusable after fork() */
#define SFI_EABSENT 100002 /* this option or call does not exist on this stack */
#define SFI_EFAILED 100003 /* the stack could not be started */

#define SFI_AF_ANY 0
#define SFI_AF_INET 4
#define SFI_AF_INET6 6

#define SFI_STYLE_ONE_TO_ONE 1
#define SFI_STYLE_ONE_TO_MANY 2
#define SFI_STYLE_PEELED 3

#define SFI_BIND_ADD 1
#define SFI_BIND_REMOVE 2

#define SFI_SIDE_LOCAL 1
#define SFI_SIDE_PEER 2

/* sfi_wait */
#define SFI_READ 1
#define SFI_WRITE 2

/* sfi_recv: what came, its flags, and the caller's flags */
#define SFI_KIND_DATA 0
#define SFI_KIND_NOTIFICATION 1
#define SFI_KIND_EOF 2
#define SFI_RCV_EOR 1
#define SFI_RCV_UNORDERED 2
#define SFI_RCV_CONTROL_TRUNCATED 4
#define SFI_RECV_PEEK 1

/* sfi_send (RFC 6458 section 5.3.4) */
#define SFI_SEND_UNORDERED 0x01
#define SFI_SEND_ADDR_OVER 0x02
#define SFI_SEND_ABORT 0x04
#define SFI_SEND_EOF 0x08
#define SFI_SEND_SENDALL 0x10
#define SFI_SEND_SACK_IMMEDIATELY 0x20

/* PR-SCTP policies (RFC 3758, RFC 7496) */
#define SFI_PR_NONE 0
#define SFI_PR_TTL 1
#define SFI_PR_RTX 2
#define SFI_PR_PRIO 3

/* notification types (RFC 6458 section 6.1, RFC 6525 section 6.1) */
#define SFI_EVENT_ASSOC_CHANGE 1
#define SFI_EVENT_PEER_ADDR_CHANGE 2
#define SFI_EVENT_REMOTE_ERROR 3
#define SFI_EVENT_SEND_FAILED 4
#define SFI_EVENT_SHUTDOWN_EVENT 5
#define SFI_EVENT_ADAPTATION_INDICATION 6
#define SFI_EVENT_PARTIAL_DELIVERY_EVENT 7
#define SFI_EVENT_AUTHENTICATION_EVENT 8
#define SFI_EVENT_SENDER_DRY_EVENT 9
#define SFI_EVENT_NOTIFICATIONS_STOPPED_EVENT 10
#define SFI_EVENT_SEND_FAILED_EVENT 11
#define SFI_EVENT_STREAM_RESET_EVENT 12
#define SFI_EVENT_ASSOC_RESET_EVENT 13
#define SFI_EVENT_STREAM_CHANGE_EVENT 14
#define SFI_EVENT_MAX 14

/* sac_state (RFC 6458 section 6.1.1) */
#define SFI_CHANGE_COMM_UP 1
#define SFI_CHANGE_COMM_LOST 2
#define SFI_CHANGE_RESTART 3
#define SFI_CHANGE_SHUTDOWN_COMP 4
#define SFI_CHANGE_CANT_STR_ASSOC 5

/* spc_state (RFC 6458 section 6.1.2, RFC 7829 section 7.1) */
#define SFI_PADDR_AVAILABLE 1
#define SFI_PADDR_UNREACHABLE 2
#define SFI_PADDR_REMOVED 3
#define SFI_PADDR_ADDED 4
#define SFI_PADDR_MADE_PRIM 5
#define SFI_PADDR_CONFIRMED 6
#define SFI_PADDR_POTENTIALLY_FAILED 7

/* sstat_state (RFC 6458 section 8.2.1, RFC 9260 section 4) */
#define SFI_STATE_CLOSED 1
#define SFI_STATE_COOKIE_WAIT 2
#define SFI_STATE_COOKIE_ECHOED 3
#define SFI_STATE_ESTABLISHED 4
#define SFI_STATE_SHUTDOWN_PENDING 5
#define SFI_STATE_SHUTDOWN_SENT 6
#define SFI_STATE_SHUTDOWN_RECEIVED 7
#define SFI_STATE_SHUTDOWN_ACK_SENT 8
#define SFI_STATE_EMPTY 9
#define SFI_STATE_BOUND 10
#define SFI_STATE_LISTEN 11

/* spinfo_state (RFC 6458 section 8.2.2, RFC 7829 section 7.2) */
#define SFI_PATH_ACTIVE 1
#define SFI_PATH_INACTIVE 2
#define SFI_PATH_UNCONFIRMED 3
#define SFI_PATH_POTENTIALLY_FAILED 4

/* what the tail of a notification holds */
#define SFI_TAIL_NONE 0
#define SFI_TAIL_CAUSES 1   /* error causes, RFC 9260 section 3.3.10, chunk header stripped */
#define SFI_TAIL_FEATURES 2 /* one byte a feature: SFI_FEATURE_* */
#define SFI_TAIL_OTHER 3

/* features in COMM_UP and RESTART (RFC 6458 section 6.1.1) */
#define SFI_FEATURE_PR 1
#define SFI_FEATURE_AUTH 2
#define SFI_FEATURE_ASCONF 3
#define SFI_FEATURE_MULTIBUF 4
#define SFI_FEATURE_RE_CONFIG 5
#define SFI_FEATURE_INTERLEAVING 6

/* options; the value is the stack's own struct, its enumerations canonical */
#define SFI_OPT_RTOINFO 1
#define SFI_OPT_ASSOCINFO 2
#define SFI_OPT_INITMSG 3
#define SFI_OPT_NODELAY 4
#define SFI_OPT_PRIMARY_ADDR 5
#define SFI_OPT_DISABLE_FRAGMENTS 6
#define SFI_OPT_PEER_ADDR_PARAMS 7
#define SFI_OPT_I_WANT_MAPPED_V4_ADDR 8
#define SFI_OPT_MAXSEG 9
#define SFI_OPT_DELAYED_SACK 10
#define SFI_OPT_FRAGMENT_INTERLEAVE 11
#define SFI_OPT_CONTEXT 12
#define SFI_OPT_EVENT 13
#define SFI_OPT_RECVRCVINFO 14
#define SFI_OPT_STATUS 15
#define SFI_OPT_GET_PEER_ADDR_INFO 16
#define SFI_OPT_SO_SNDBUF 17
#define SFI_OPT_SO_RCVBUF 18
#define SFI_OPT_SO_LINGER 19
#define SFI_OPT_PARTIAL_DELIVERY_POINT 20
#define SFI_OPT_REMOTE_UDP_ENCAPS_PORT 21
#define SFI_OPT_GET_ASSOC_ID_LIST 22
#define SFI_OPT_MAX 22

typedef struct sfi_sock sfi_sock;

typedef struct sfi_addr {
    uint32_t family;   /* SFI_AF_* */
    uint32_t port;     /* host order */
    uint32_t scope_id; /* IPv6 zone */
    uint8_t ip[16];    /* 4 or 16 bytes, network order; IPv4 is never v4-mapped */
} sfi_addr;

typedef struct sfi_rcv {
    uint32_t kind;  /* SFI_KIND_* */
    uint32_t flags; /* SFI_RCV_* */
    uint32_t sid;
    uint32_t ssn;
    uint32_t ppid; /* host order */
    uint32_t tsn;
    uint32_t cumtsn;
    uint32_t context;
    uint32_t assoc_id;
    sfi_addr from;
} sfi_rcv;

typedef struct sfi_ntf {
    uint32_t type;  /* SFI_EVENT_*, or SFI_UNKNOWN | native */
    uint32_t flags; /* as the stack gives them */
    uint32_t state; /* SFI_CHANGE_* or SFI_PADDR_* */
    uint32_t error; /* cause code, host order */
    uint32_t out_streams;
    uint32_t in_streams;
    uint32_t assoc_id;
    uint32_t tail_kind; /* SFI_TAIL_* */
    uint32_t tail_offset;
    uint32_t tail_length;
    sfi_addr address;
} sfi_ntf;

/* About the backend. */
int sfi_abi(void);
int sfi_stack_version(char *text, size_t size); /* e.g. "6.1.176"; returns its length */
int sfi_probe(void);                            /* 0 if a socket can be opened, else -errno */
int sfi_live(void);                             /* sockets that the stack still has open for us */

/* usrsctp only; the kernels answer 0.  sfi_stack_start: udp_port 0 is raw IP. */
int sfi_stack_start(uint32_t udp_port, uint32_t remote_udp_port);
int sfi_stack_stop(int64_t limit_ms);

/* Life of a socket. */
int sfi_open(int family, int style, sfi_sock **out);
int sfi_close(sfi_sock *s);
void sfi_free(sfi_sock *s);
int sfi_fileno(sfi_sock *s);
int sfi_style(sfi_sock *s);
int sfi_bind(sfi_sock *s, const sfi_addr *addrs, uint32_t count);             /* bind, then bindx the rest */
int sfi_bindx(sfi_sock *s, const sfi_addr *addrs, uint32_t count, int action); /* SFI_BIND_* */
int sfi_listen(sfi_sock *s, int backlog);
int sfi_accept(sfi_sock *s, sfi_sock **out, sfi_addr *peer, int64_t timeout_ms);
int sfi_connect(sfi_sock *s, const sfi_addr *addrs, uint32_t count, uint32_t *assoc_id);
int sfi_connect_result(sfi_sock *s); /* 0 up, -EINPROGRESS, or why it failed; the error is reported once */
int sfi_peeloff(sfi_sock *s, uint32_t assoc_id, sfi_sock **out);
int sfi_shutdown(sfi_sock *s, uint32_t assoc_id);
int sfi_abort(sfi_sock *s, uint32_t assoc_id, const char *reason, size_t length);
int sfi_wait(sfi_sock *s, int events, int64_t timeout_ms); /* SFI_READ | SFI_WRITE that are so; 0: time is up */

/* Messages.  One call each; the length that was moved, or an error. */
int64_t sfi_send(sfi_sock *s, const char *data, size_t length, uint32_t assoc_id, uint32_t sid, uint32_t ppid,
                 uint32_t flags, uint32_t context, uint32_t pr_policy, uint32_t pr_value, const sfi_addr *to,
                 int64_t timeout_ms);
int64_t sfi_recv(sfi_sock *s, char *buffer, size_t size, int flags, int64_t timeout_ms, sfi_rcv *out);
int sfi_notification(const char *data, size_t length, sfi_ntf *out); /* decode; pure */

/* Options and addresses. */
int sfi_getopt(sfi_sock *s, int option, void *value, uint32_t size); /* returns the size that was written */
int sfi_setopt(sfi_sock *s, int option, void *value, uint32_t size);
int sfi_getopt_raw(sfi_sock *s, int level, int option, void *value, uint32_t size);
int sfi_setopt_raw(sfi_sock *s, int level, int option, void *value, uint32_t size);
int sfi_subscribe(sfi_sock *s, uint32_t assoc_id, int event, int on);
int sfi_subscribed(sfi_sock *s, uint32_t assoc_id, int event);
int sfi_native_option(int option); /* the stack's own number, or -SFI_EABSENT */
int sfi_native_event(int event);
int sfi_addrs(sfi_sock *s, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room); /* how many there are */
int sfi_addr_to_native(const sfi_addr *in, void *storage, uint32_t size);
int sfi_addr_from_native(const void *storage, uint32_t size, sfi_addr *out);
/* cdef: end */

#endif
