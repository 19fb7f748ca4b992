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
#define SFI_TAIL_CHUNK_HEADER 4 /* sac_info and sre_data hold the whole ABORT or ERROR chunk */

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
        return SCTP_PR_SCTP_TTL;
    case SFI_PR_RTX:
        return SCTP_PR_SCTP_RTX;
    case SFI_PR_PRIO:
        return SCTP_PR_SCTP_BUF; /* RFC 7496's PRIO under the older name */
    default:
        return SCTP_PR_SCTP_NONE;
    }
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
