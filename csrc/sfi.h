/*
 * sfi.h - the shim's own ABI: what every backend's C file implements and what Python calls.
 *
 * Here live canonical constants, fixed-width structs and prototypes; never a native constant or header.
 * The part between the "cdef" marks is also what cffi parses, so it holds declarations only.
 *
 * Rules of the ABI
 *   - Every function returns a value >= 0, or -errno, or -SFI_E*; it never sets errno for the caller.
 *   - Sockets are non-blocking underneath.  Only sfi_wait, and sfi_recv, sfi_send, sfi_recv_many, sfi_send_many and
 *     sfi_accept with a timeout, wait (and sfi_stack_stop, when the process exits); each has a deadline, returns -EINTR
 *     on a signal and -EBADF when the socket is closed by another thread, which on Linux it may hear some milliseconds
 *     later (sfi_moments.inc.c).  timeout_ms: 0 does not wait, -1 waits for ever, -2 - n is the time-out that sfi_set_timeout
 *     gave the socket, of which n ms have passed already.
 *   - sfi_detach, sfi_dup and sfi_adopt are -SFI_EABSENT where the stack has no descriptors.  sfi_detach sends the calls
 *     that wait home, with -EBADF, and returns when the last one has left.
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
#define SFI_ABI 6
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
#define SFI_RCV_NEXT 8 /* the next_* fields are filled */
#define SFI_RCV_NOTIFICATION 16 /* as kind says */
#define SFI_RECV_PEEK 1

/* next_flags (RFC 6458 section 5.3.6) */
#define SFI_NEXT_UNORDERED 1
#define SFI_NEXT_COMPLETE 2
#define SFI_NEXT_NOTIFICATION 4

/* sfi_send (RFC 6458 section 5.3.4) */
#define SFI_SEND_UNORDERED 0x01
#define SFI_SEND_ADDR_OVER 0x02
#define SFI_SEND_ABORT 0x04
#define SFI_SEND_EOF 0x08
#define SFI_SEND_SENDALL 0x10
#define SFI_SEND_SACK_IMMEDIATELY 0x20
#define SFI_SEND_EOR 0x40 /* with EXPLICIT_EOR: the message ends here */

/* sfi_more: what is given */
#define SFI_MORE_KEY 1
#define SFI_MORE_INIT 2
#define SFI_MORE_TO 4

/* PR-SCTP policies (RFC 3758, RFC 7496) */
#define SFI_PR_NONE 0
#define SFI_PR_TTL 1
#define SFI_PR_RTX 2
#define SFI_PR_PRIO 3
#define SFI_PR_ALL 4   /* in queries: all policies together */
#define SFI_PR_UNSET 5 /* sfi_send: nothing is said; NONE overrides a default */

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

/* what became of a message that failed (RFC 6458 sections 6.1.4 and 6.1.11), and which part of it this is */
#define SFI_FAILED_UNSENT 1
#define SFI_FAILED_SENT 2
#define SFI_FAILED_FIRST 0x10
#define SFI_FAILED_LAST 0x20

/* pdapi_indication (RFC 6458 section 6.1.7) */
#define SFI_PARTIAL_DELIVERY_ABORTED 1

/* auth_indication (RFC 6458 section 6.1.8) */
#define SFI_AUTH_NEW_KEY 1
#define SFI_AUTH_NO_AUTH 2
#define SFI_AUTH_FREE_KEY 3

/* flags of the reconfiguration events (RFC 6525 section 6.1) */
#define SFI_RESET_INCOMING 1
#define SFI_RESET_OUTGOING 2
#define SFI_RESET_DENIED 4
#define SFI_RESET_FAILED 8

/* stream schedulers (RFC 8260 section 3) */
#define SFI_SS_DEFAULT 0
#define SFI_SS_FCFS 1
#define SFI_SS_RR 2
#define SFI_SS_RR_PKT 3
#define SFI_SS_PRIO 4
#define SFI_SS_FC 5
#define SFI_SS_WFQ 6

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

/* spinfo_state (RFC 6458 section 8.2.2, RFC 7829 section 7.1) */
#define SFI_PATH_ACTIVE 1
#define SFI_PATH_INACTIVE 2
#define SFI_PATH_UNCONFIRMED 3
#define SFI_PATH_POTENTIALLY_FAILED 4

/* what the tail of a notification holds */
#define SFI_TAIL_NONE 0
#define SFI_TAIL_CAUSES 1   /* error causes, RFC 9260 section 3.3.10, chunk header stripped */
#define SFI_TAIL_FEATURES 2 /* one byte a feature: SFI_FEATURE_* */
#define SFI_TAIL_DATA 3     /* user data that was not delivered */
#define SFI_TAIL_STREAMS 4  /* stream numbers, 16 bits each, host order */

/* enumerations inside options, for sfi_to_native and sfi_to_canonical */
#define SFI_VALUE_ASSOC_STATE 1
#define SFI_VALUE_PATH_STATE 2
#define SFI_VALUE_PR_POLICY 3
#define SFI_VALUE_SEND_FLAGS 4
#define SFI_VALUE_SCHEDULER 5

/* features in COMM_UP and RESTART (RFC 6458 section 6.1.1) */
#define SFI_FEATURE_PR 1
#define SFI_FEATURE_AUTH 2
#define SFI_FEATURE_ASCONF 3
#define SFI_FEATURE_MULTIBUF 4
#define SFI_FEATURE_RE_CONFIG 5
#define SFI_FEATURE_INTERLEAVING 6

/* options; the value is the stack's own struct */
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
#define SFI_OPT_AUTOCLOSE 23
#define SFI_OPT_SET_PEER_PRIMARY_ADDR 24
#define SFI_OPT_ADAPTATION_LAYER 25
#define SFI_OPT_DEFAULT_SNDINFO 26
#define SFI_OPT_DEFAULT_PRINFO 27
#define SFI_OPT_MAX_BURST 28
#define SFI_OPT_AUTO_ASCONF 29
#define SFI_OPT_REUSE_PORT 30
#define SFI_OPT_RECVNXTINFO 31
#define SFI_OPT_EXPLICIT_EOR 32
#define SFI_OPT_HMAC_IDENT 33
#define SFI_OPT_AUTH_CHUNK 34
#define SFI_OPT_AUTH_KEY 35
#define SFI_OPT_AUTH_ACTIVE_KEY 36
#define SFI_OPT_AUTH_DEACTIVATE_KEY 37
#define SFI_OPT_AUTH_DELETE_KEY 38
#define SFI_OPT_PEER_AUTH_CHUNKS 39
#define SFI_OPT_LOCAL_AUTH_CHUNKS 40
#define SFI_OPT_GET_ASSOC_NUMBER 41
#define SFI_OPT_PR_SUPPORTED 42
#define SFI_OPT_PR_STREAM_STATUS 43
#define SFI_OPT_PR_ASSOC_STATUS 44
#define SFI_OPT_RECONFIG_SUPPORTED 45
#define SFI_OPT_ENABLE_STREAM_RESET 46
#define SFI_OPT_RESET_STREAMS 47
#define SFI_OPT_RESET_ASSOC 48
#define SFI_OPT_ADD_STREAMS 49
#define SFI_OPT_STREAM_SCHEDULER 50
#define SFI_OPT_STREAM_SCHEDULER_VALUE 51
#define SFI_OPT_INTERLEAVING_SUPPORTED 52
#define SFI_OPT_PEER_ADDR_THLDS 53
#define SFI_OPT_EXPOSE_POTENTIALLY_FAILED_STATE 54
#define SFI_OPT_ECN_SUPPORTED 55
#define SFI_OPT_AUTH_SUPPORTED 56
#define SFI_OPT_ASCONF_SUPPORTED 57
#define SFI_OPT_GET_ASSOC_STATS 58
#define SFI_OPT_PLPMTUD_PROBE_INTERVAL 59
#define SFI_OPT_MAX_CWND 60
#define SFI_OPT_TIMEOUTS 61
#define SFI_OPT_NRSACK_SUPPORTED 62
#define SFI_OPT_PKTDROP_SUPPORTED 63
#define SFI_OPT_PLUGGABLE_CC 64
#define SFI_OPT_CC_OPTION 65
#define SFI_OPT_CMT_ON_OFF 66
#define SFI_OPT_GET_SNDBUF_USE 67
#define SFI_OPT_ACCEPT_ZERO_CHECKSUM 68
#define SFI_OPT_SO_REUSEADDR 69
#define SFI_OPT_MAX 69

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
    uint32_t offset; /* where its bytes lie, and how many there are */
    uint32_t length;
    uint32_t next_sid; /* of the message after this one (RFC 6458 section 5.3.6) */
    uint32_t next_flags; /* SFI_NEXT_* */
    uint32_t next_ppid; /* host order */
    uint32_t next_length;
    uint32_t next_assoc_id;
} sfi_rcv;

/* What a message of sfi_send_many says. */
typedef struct sfi_snd {
    uint32_t assoc_id;
    uint32_t sid;
    uint32_t ppid; /* host order */
    uint32_t flags; /* SFI_SEND_* */
    uint32_t context;
    uint32_t pr_policy; /* SFI_PR_* */
    uint32_t pr_value;
    sfi_addr to; /* family SFI_AF_ANY: none */
} sfi_snd;

/* What few messages need on their way out. */
typedef struct sfi_more {
    uint32_t given; /* SFI_MORE_* */
    uint32_t key;   /* RFC 6458 section 5.3.8 */
    uint32_t out_streams; /* section 5.3.1, for an association that this message sets up */
    uint32_t in_streams;
    uint32_t attempts;
    uint32_t timeout_ms;
    uint32_t count; /* further addresses of the peer (sections 5.3.9 and 5.3.10) */
    const sfi_addr *others;
} sfi_more;

typedef struct sfi_ntf {
    uint32_t type;  /* SFI_EVENT_*, or SFI_UNKNOWN | native */
    uint32_t flags; /* SFI_FAILED_*, SFI_RESET_*; else as the stack gives them */
    uint32_t state; /* SFI_CHANGE_* or SFI_PADDR_* */
    uint32_t error; /* cause code, host order */
    uint32_t out_streams;
    uint32_t in_streams;
    uint32_t assoc_id;
    uint32_t tail_kind; /* SFI_TAIL_* */
    uint32_t tail_offset;
    uint32_t tail_length;
    uint32_t indication; /* SFI_PARTIAL_DELIVERY_*, SFI_AUTH_*, or the adaptation layer's word */
    uint32_t key;        /* authentication event */
    uint32_t other_key;
    uint32_t sid;        /* partial delivery, send failure */
    uint32_t ssn;
    uint32_t ppid;       /* send failure; host order */
    uint32_t context;
    uint32_t local_tsn;  /* association reset */
    uint32_t remote_tsn;
    sfi_addr address;
} sfi_ntf;

/* What an inherited descriptor turned out to be. */
typedef struct sfi_adopted {
    uint32_t family;    /* SFI_AF_* */
    uint32_t style;     /* SFI_STYLE_* */
    uint32_t listening;
    uint32_t used;      /* one-to-one or peeled off: it has an association, or had one */
    uint32_t state;     /* SFI_STATE_*; 0 without an association */
    uint32_t assoc_id;
} sfi_adopted;

/* About the backend. */
int sfi_abi(void);
int sfi_stack_version(char *text, size_t size); /* e.g. "6.1.176"; returns its length */
int sfi_probe(void);                            /* 0 if a socket can be opened, else -errno */
int sfi_counters(char *text, size_t size);      /* "name value" lines of the whole stack; the length needed */
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
int sfi_detach(sfi_sock *s); /* the descriptor, open and the caller's; the handle is closed */
int sfi_dup(sfi_sock *s, sfi_sock **out);
int sfi_adopt(int fd, sfi_sock **out, sfi_adopted *info); /* on failure the descriptor stays the caller's */
int sfi_bind(sfi_sock *s, const sfi_addr *addrs, uint32_t count);             /* bind, then bindx the rest */
int sfi_bindx(sfi_sock *s, const sfi_addr *addrs, uint32_t count, int action); /* SFI_BIND_* */
int sfi_listen(sfi_sock *s, int backlog);
int sfi_accept(sfi_sock *s, sfi_sock **out, sfi_addr *peer, int64_t timeout_ms);
int sfi_connect(sfi_sock *s, const sfi_addr *addrs, uint32_t count, uint32_t *assoc_id);
int sfi_connect_result(sfi_sock *s); /* 0 up, -EINPROGRESS, or why it failed; the error is reported once */
int sfi_peeloff(sfi_sock *s, uint32_t assoc_id, sfi_sock **out);
int sfi_shutdown(sfi_sock *s, uint32_t assoc_id);
int sfi_abort(sfi_sock *s, uint32_t assoc_id, const char *reason, size_t length);
int sfi_set_timeout(sfi_sock *s, int64_t timeout_ms); /* at first -1; calls that wait by it obey at once */
int sfi_wait(sfi_sock *s, int events, int64_t timeout_ms); /* SFI_READ | SFI_WRITE that are so; 0: time is up */

/* Messages.  One call each; the length that was moved, or an error. */
int64_t sfi_send(sfi_sock *s, const char *data, size_t length, uint32_t assoc_id, uint32_t sid, uint32_t ppid,
                 uint32_t flags, uint32_t context, uint32_t pr_policy, uint32_t pr_value, const sfi_addr *to,
                 const sfi_more *more, int64_t timeout_ms);
int64_t sfi_recv(sfi_sock *s, char *buffer, size_t size, int flags, int64_t timeout_ms, sfi_rcv *out);
/* The same with what most messages need, for callers to whom each argument costs something.  sfi_recv_plain adds
   SFI_RECV_OTHER to the length of all but a whole message without anything special: look at out. */
#define SFI_RECV_OTHER 0x100000000
int64_t sfi_send_plain(sfi_sock *s, const char *data, size_t length, uint32_t assoc_id, uint32_t sid, uint32_t ppid,
                       uint32_t flags, int64_t timeout_ms);
int64_t sfi_recv_plain(sfi_sock *s, char *buffer, size_t size, sfi_rcv *out, int64_t timeout_ms);

/* Many messages; how many were moved, at least one, or why none was.  What stopped them after the first comes again
   with the next call.
   sfi_send_many: data holds the messages one behind the other, size bytes in all; infos are as many as lengths, or one
   for all of them.  Waits until all are sent.
   sfi_send_these: the same of messages that lie each somewhere, which is worth it for long ones.
   sfi_recv_many: each message lies at its offset in room, with at least `least` bytes of space; one that is longer
   comes in pieces.  Waits for the first.  Adds SFI_MANY_OTHER to the number if one of them is not a whole message without
   anything special, as sfi_recv_plain does. */
#define SFI_MANY_OTHER 0x1000000
int sfi_send_many(sfi_sock *s, const char *data, size_t size, const uint32_t *lengths, uint32_t count,
                  const sfi_snd *infos, uint32_t infos_count, int64_t timeout_ms);
int sfi_send_these(sfi_sock *s, const char *const *datas, const uint32_t *lengths, uint32_t count,
                   const sfi_snd *infos, uint32_t infos_count, int64_t timeout_ms);
int sfi_recv_many(sfi_sock *s, char *room, size_t size, uint32_t least, sfi_rcv *out, uint32_t count,
                  int64_t timeout_ms);

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
int64_t sfi_to_native(int kind, uint32_t value); /* SFI_VALUE_*; -SFI_EABSENT where this stack has no such value */
uint32_t sfi_to_canonical(int kind, uint32_t value);
int sfi_addrs(sfi_sock *s, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room); /* how many there are */
int sfi_addr_to_native(const sfi_addr *in, void *storage, uint32_t size);
int sfi_addr_from_native(const void *storage, uint32_t size, sfi_addr *out);
/* cdef: end */

#endif
