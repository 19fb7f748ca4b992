/*
 * sfi_bsd.inc.c - what FreeBSD's stack and usrsctp (the same code in user space) have in common.
 *
 * Native values to canonical ones and back, by the stack's own names, and what keeps clear of the stack's bugs.
 * Included after sfi_common.h, the stack's header, and the names which that header lacks.
 */

/* What the stacks send; usrsctp.h shows another layout (docs/stacks.md). */
struct sfi_pdapi {
    uint16_t pdapi_type;
    uint16_t pdapi_flags;
    uint32_t pdapi_length;
    uint32_t pdapi_indication;
    uint16_t pdapi_stream;
    uint16_t pdapi_seq;
    sctp_assoc_t pdapi_assoc_id;
};
#define SFI_PDAPI sfi_pdapi
#define SFI_LINUX_OPTIONS 0
#define SFI_STREAM_SCHEDULER SCTP_PLUGGABLE_SS /* the name that 13.2 has too */
#define SFI_STREAM_SCHEDULER_VALUE SCTP_SS_VALUE
#define SFI_PEER_ADDR_THLDS SCTP_PEER_ADDR_THLDS
#define SFI_SEND_FAILED_INFO ssfe_info
#define SFI_SEND_FAILED_ERROR ssfe_error
#define SFI_SEND_FAILED_ID ssfe_assoc_id
#define SFI_SEND_FAILED_SIZE ssfe_length
#define SFI_FAILED_FLAGS(c) (c).ssfe_flags
#define SFI_FAILED_CAUSE(error) (error)
#define SFI_SNDRCVINFO_PAD 96
#define SFI_LEAST_PD_POINT 256 /* shorter messages are not looked at: a receive buffer is never so small */
#define SFI_TAIL_CHUNK_HEADER 4 /* sac_info and sre_data hold the whole ABORT or ERROR chunk */

/* usrsctp.h leaves out the count and the whole of thresholds (docs/stacks.md). */
struct sfi_authchunks {
    sctp_assoc_t gauth_assoc_id;
    uint32_t gauth_number_of_chunks;
    uint8_t gauth_chunks[];
};

struct sfi_paddrthlds {
    struct sockaddr_storage spt_address;
    sctp_assoc_t spt_assoc_id;
    uint16_t spt_pathmaxrxt;
    uint16_t spt_pathpfthld;
    uint16_t spt_pathcpthld;
};

struct sfi_sockstat {
    sctp_assoc_t ss_assoc_id;
    uint32_t ss_total_sndbuf;
    uint32_t ss_total_recv_buf;
};

/* The notification at the head of the queue, left there: how much of it was copied, or 0 if there is none. */
static size_t sfi_peek_notification(sfi_sock *s, void *room, size_t size);

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
    case SFI_EVENT_NOTIFICATIONS_STOPPED_EVENT:
        return SCTP_NOTIFICATIONS_STOPPED_EVENT;
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
    default:
        return SFI_UNKNOWN | native;
    }
}

static uint32_t sfi_assoc_state(uint32_t native)
{
    switch (native) {
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
    case SCTP_BOUND:
        return SFI_STATE_BOUND;
    case SCTP_LISTEN:
        return SFI_STATE_LISTEN;
    default:
        return SFI_UNKNOWN | (native & 0xffff);
    }
}

static uint32_t sfi_path_state(uint32_t native)
{
    switch (native) {
    case SCTP_ACTIVE:
        return SFI_PATH_ACTIVE;
    case SCTP_INACTIVE:
        return SFI_PATH_INACTIVE;
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
    {SFI_SEND_EOR, SCTP_EOR},
};

/* BUF is the older name of RFC 7496's PRIO. */
static const struct sfi_pair sfi_pr_pairs[] = {
    {SFI_PR_NONE, SCTP_PR_SCTP_NONE}, {SFI_PR_TTL, SCTP_PR_SCTP_TTL}, {SFI_PR_RTX, SCTP_PR_SCTP_RTX},
    {SFI_PR_PRIO, SCTP_PR_SCTP_BUF},  {SFI_PR_ALL, SCTP_PR_SCTP_ALL},
};

static const struct sfi_pair sfi_scheduler_pairs[] = {
    {SFI_SS_DEFAULT, SCTP_SS_DEFAULT},
    {SFI_SS_RR, SCTP_SS_ROUND_ROBIN},
    {SFI_SS_RR_PKT, SCTP_SS_ROUND_ROBIN_PACKET},
    {SFI_SS_PRIO, SCTP_SS_PRIORITY},
    {SFI_SS_FC, SCTP_SS_FAIR_BANDWITH},
    {SFI_SS_FCFS, SCTP_SS_FIRST_COME},
};

static uint32_t sfi_next_flags(uint16_t native)
{
    uint32_t flags = 0;

    if (native & SCTP_NOTIFICATION)
        flags |= SFI_NEXT_NOTIFICATION;
    if (native & SCTP_UNORDERED)
        flags |= SFI_NEXT_UNORDERED;
    if (native & SCTP_COMPLETE)
        flags |= SFI_NEXT_COMPLETE;
    return flags;
}

static uint32_t sfi_failed_part(uint16_t native)
{
    return native == SCTP_DATA_UNSENT ? SFI_FAILED_UNSENT : native == SCTP_DATA_SENT ? SFI_FAILED_SENT : 0;
}

static uint32_t sfi_auth_indication(uint32_t native)
{
    switch (native) {
    case SCTP_AUTH_NEW_KEY:
        return SFI_AUTH_NEW_KEY;
    case SCTP_AUTH_NO_AUTH:
        return SFI_AUTH_NO_AUTH;
    case SCTP_AUTH_FREE_KEY:
        return SFI_AUTH_FREE_KEY;
    default:
        return SFI_UNKNOWN | (native & 0xffff);
    }
}

static uint32_t sfi_pd_indication(uint32_t native)
{
    return native == SCTP_PARTIAL_DELIVERY_ABORTED ? SFI_PARTIAL_DELIVERY_ABORTED : SFI_UNKNOWN | (native & 0xffff);
}

/* sac_error and sre_error are in host order here. */
static uint32_t sfi_cause(uint16_t error)
{
    return error;
}

/* When its own retransmissions run out the stack reports COMM_LOST with the ABORT that it sent into the void, as if
   the peer had aborted; only the text of its cause tells (RFC 9260 section 8.1). */
static int sfi_gave_up(const char *info, size_t length)
{
    static const char text[] = "Association error counter exceeded";
    size_t size = sizeof text - 1;

    for (size_t at = 0; at + size <= length; at++)
        if (memcmp(info + at, text, size) == 0)
            return 1;
    return 0;
}

/* The stack's default scheduler loops for ever, in the kernel with a lock held, when a message for a chosen path is
   queued while another path may send: sctp_ss_default_select() goes round a wheel whose streams all want another
   path, until it meets the stream that sent last, which is not on the wheel (13.2, usrsctp 0.9.5; found by
   tests/contract/test_setup.py).  So do round robin and priority.  Fair bandwidth ends; first-come first-served ends
   too, but forgets messages on FreeBSD 13.2.  So the first message for a chosen path switches the association from
   the default to fair bandwidth, and is refused under a scheduler that somebody chose and that would loop. */
static int k_check_path(sfi_sock *s, const struct sfi_out *o)
{
    struct sctp_assoc_value value;
    socklen_t size = sizeof value;

    if ((o->flags & SFI_SEND_ADDR_OVER) == 0)
        return 0;
    memset(&value, 0, sizeof value);
    value.assoc_id = (sctp_assoc_t)o->assoc_id;
    atomic_store(&n_base(s)->chose, 1);
    if (n_getopt(s, IPPROTO_SCTP, SCTP_PLUGGABLE_SS, &value, &size) < 0)
        return 0; /* no such association: sending says so */
    if (value.assoc_value == SCTP_SS_FAIR_BANDWITH || value.assoc_value == SCTP_SS_FIRST_COME)
        return 0;
    if (value.assoc_value != SCTP_SS_DEFAULT)
        return -EDEADLK;
    value.assoc_id = (sctp_assoc_t)o->assoc_id;
    value.assoc_value = SCTP_SS_FAIR_BANDWITH;
    return n_setopt(s, IPPROTO_SCTP, SCTP_PLUGGABLE_SS, &value, sizeof value);
}

/* The other way round: a scheduler that would loop, on a socket whose messages may wait for a chosen path. */
static int k_check_option(sfi_sock *s, int option, const void *value, uint32_t size)
{
    struct sctp_assoc_value wanted;

    if (option != SFI_OPT_STREAM_SCHEDULER || atomic_load(&n_base(s)->chose) == 0 || size < sizeof wanted)
        return 0;
    memcpy(&wanted, value, sizeof wanted);
    return wanted.assoc_value == SCTP_SS_FAIR_BANDWITH || wanted.assoc_value == SCTP_SS_FIRST_COME ? 0 : -EDEADLK;
}

/* An association that ended stays in the list until the stack's timer frees it; its status is gone at once. */
static uint32_t sfi_keep_living(sfi_sock *s, struct sctp_assoc_ids *list, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct sctp_status status;
        socklen_t size = sizeof status;

        memset(&status, 0, sizeof status);
        status.sstat_assoc_id = list->gaids_assoc_id[i];
        if (n_getopt(s, IPPROTO_SCTP, SCTP_STATUS, &status, &size) == 0)
            list->gaids_assoc_id[kept++] = list->gaids_assoc_id[i];
    }
    list->gaids_number_of_ids = kept;
    return kept;
}

static int sfi_count_living(sfi_sock *s, uint32_t *count)
{
    union {
        struct sctp_assoc_ids list;
        char room[sizeof(struct sctp_assoc_ids) + SFI_MAX_IDS * sizeof(sctp_assoc_t)];
    } ids;
    socklen_t size = sizeof ids;
    int r;

    memset(&ids, 0, sizeof ids);
    r = n_getopt(s, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, &ids, &size);
    if (r < 0)
        return r;
    *count = sfi_keep_living(s, &ids.list, ids.list.gaids_number_of_ids);
    return (int)sizeof *count;
}

static int k_got_option(sfi_sock *s, int option, int result, void *value, uint32_t size)
{
    struct sctp_assoc_ids *list = value;
    uint32_t count = 0;

    /* Not bound to every address: AUTO_ASCONF can't be on, which is EINVAL here and 0 on Linux. */
    if (option == SFI_OPT_AUTO_ASCONF && result == -EINVAL && size >= sizeof(int)) {
        memset(value, 0, sizeof(int));
        return (int)sizeof(int);
    }
    if (option == SFI_OPT_GET_ASSOC_NUMBER && result >= (int)sizeof count) {
        result = sfi_count_living(s, &count);
        if (result > 0)
            memcpy(value, &count, sizeof count);
    }
    if (option == SFI_OPT_GET_ASSOC_ID_LIST && result >= (int)sizeof *list) {
        count = ((uint32_t)result - (uint32_t)sizeof *list) / (uint32_t)sizeof list->gaids_assoc_id[0];
        if (list->gaids_number_of_ids < count)
            count = list->gaids_number_of_ids;
        count = sfi_keep_living(s, list, count);
        result = (int)(sizeof *list + count * sizeof list->gaids_assoc_id[0]);
    }
    return result;
}

/* With EXPLICIT_EOR any length may be sent piece by piece, so "too long" only means that nothing fits now. */
static int k_send_error(sfi_sock *s, int error)
{
    int on = 0;
    socklen_t size = sizeof on;

    if (error == -EMSGSIZE && n_getopt(s, IPPROTO_SCTP, SCTP_EXPLICIT_EOR, &on, &size) == 0 && on)
        return -EAGAIN;
    return error;
}

/* From this length on the stack may deliver a message in part (sctp_deliver_reasm_check). */
static int64_t sfi_pd_point(sfi_sock *s)
{
    uint32_t point = atomic_load(&n_base(s)->pd_point);
    uint32_t wanted = 0;
    int room = 0;
    socklen_t size = sizeof room;

    if (point != 0)
        return point;
    if (n_getopt(s, SOL_SOCKET, SO_RCVBUF, &room, &size) < 0 || room <= 0)
        return 0;
    size = sizeof wanted;
    if (n_getopt(s, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, &wanted, &size) < 0)
        return 0;
    point = (uint32_t)room / 2 < wanted ? (uint32_t)room / 2 : wanted;
    atomic_store(&n_base(s)->pd_point, point > 0 ? point : 1);
    return point;
}

/* Whether a one-to-one association was lost.  Asking takes the error away, so it is remembered; COMM_LOST tells it to
   the user in any case. */
static int sfi_was_lost(sfi_sock *s)
{
    struct sctp_status status;
    socklen_t size = sizeof status;
    int error = 0;

    memset(&status, 0, sizeof status);
    if (n_getopt(s, IPPROTO_SCTP, SCTP_STATUS, &status, &size) == 0 && status.sstat_state != SCTP_CLOSED)
        return 0;
    size = sizeof error;
    if (n_getopt(s, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
        atomic_store(&n_base(s)->lost, 1);
    return atomic_load(&n_base(s)->lost) != 0;
}

/* When an association ends, or the peer skips a message, in the middle of a partial delivery, the stack marks the half
   as ended, so that it reads like a whole message, and queues PARTIAL_DELIVERY_EVENT right behind it, under one lock.
   So look there, wherever a half may be: after pieces, and after a message so long that it may be one.  Without the end
   of record the half is given up when the event comes.  FreeBSD's kernel drops the event when a one-to-one association
   is aborted; there a message that is read after the ABORT counts as a half, because nothing tells that it is whole. */
static void k_check_end(sfi_sock *s, int64_t n, sfi_rcv *out)
{
    struct sfi_pdapi event;

    if ((out->flags & SFI_RCV_EOR) == 0) {
        atomic_store(&n_base(s)->pieces, 1);
        return;
    }
    if (atomic_load(&n_base(s)->pieces) == 0 && (n < SFI_LEAST_PD_POINT || n < sfi_pd_point(s)))
        return;
    memset(&event, 0, sizeof event);
    if (sfi_peek_notification(s, &event, sizeof event) != sizeof event ||
        event.pdapi_type != SCTP_PARTIAL_DELIVERY_EVENT || (uint32_t)event.pdapi_assoc_id != out->assoc_id ||
        event.pdapi_stream != out->sid || event.pdapi_seq != (uint16_t)out->ssn) {
        if (!SFI_SILENT_ABORT || n_base(s)->style == SFI_STYLE_ONE_TO_MANY || !sfi_was_lost(s))
            return;
    }
    atomic_store(&n_base(s)->pieces, 1);
    out->flags &= ~(uint32_t)SFI_RCV_EOR;
}
