/*
 * sfi_notify.inc.c - what a receive brings, made canonical, for all stacks: rcvinfo and notifications.
 *
 * Included by each backend after it defined: sfi_event_canonical, sfi_change_state, sfi_paddr_state,
 * sfi_cause (byte order of error fields), SFI_TAIL_CHUNK_HEADER (bytes of chunk header before causes),
 * SFI_PDAPI (the struct of a partial delivery event) and sfi_gave_up (whether it was us who ended it).
 * Every length is checked against what arrived; the stack's own length field is never trusted beyond it.
 */

static void sfi_take_rcvinfo(const struct sctp_rcvinfo *info, sfi_rcv *out)
{
    out->sid = info->rcv_sid;
    out->ssn = info->rcv_ssn;
    out->ppid = ntohl(info->rcv_ppid); /* the one place where a PPID comes in */
    out->tsn = info->rcv_tsn;
    out->cumtsn = info->rcv_cumtsn;
    out->context = info->rcv_context;
    out->assoc_id = (uint32_t)info->rcv_assoc_id;
    if (info->rcv_flags & SCTP_UNORDERED)
        out->flags |= SFI_RCV_UNORDERED;
}

/* The notification as its native struct, if enough of it arrived. */
#define SFI_TAKE(type, var) \
    struct type var;        \
    if (length < sizeof var) \
        return -EBADMSG;    \
    memcpy(&var, data, sizeof var)

static void sfi_tail(sfi_ntf *out, uint32_t kind, size_t fixed, size_t skip, size_t length, uint32_t claimed)
{
    if (claimed < length)
        length = claimed;
    if (length <= fixed + skip)
        return;
    out->tail_kind = kind;
    out->tail_offset = (uint32_t)(fixed + skip);
    out->tail_length = (uint32_t)(length - fixed - skip);
}

static int sfi_take_assoc_change(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_assoc_change, c);
    out->state = sfi_change_state(c.sac_state);
    out->error = sfi_cause(c.sac_error);
    out->assoc_id = (uint32_t)c.sac_assoc_id;
    if (out->state == SFI_CHANGE_COMM_UP || out->state == SFI_CHANGE_RESTART) {
        /* Only here do the stacks agree on the counts: at the end Linux gives 0 and BSD the old ones. */
        out->out_streams = c.sac_outbound_streams;
        out->in_streams = c.sac_inbound_streams;
        sfi_tail(out, SFI_TAIL_FEATURES, sizeof c, 0, length, c.sac_length);
    } else if (out->state == SFI_CHANGE_COMM_LOST && sfi_gave_up(data + sizeof c, length - sizeof c)) {
        out->error = 0; /* the peer sent no ABORT: it fell silent */
    } else {
        sfi_tail(out, SFI_TAIL_CAUSES, sizeof c, SFI_TAIL_CHUNK_HEADER, length, c.sac_length);
    }
    return 0;
}

static int sfi_take_paddr_change(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_paddr_change, c);
    out->state = sfi_paddr_state((uint32_t)c.spc_state);
    out->error = (uint32_t)c.spc_error;
    out->assoc_id = (uint32_t)c.spc_assoc_id;
    sfi_canonical(&c.spc_aaddr, sizeof c.spc_aaddr, &out->address);
    return 0;
}

static int sfi_take_shutdown(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_shutdown_event, c);
    out->assoc_id = (uint32_t)c.sse_assoc_id;
    return 0;
}

static int sfi_take_sender_dry(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_sender_dry_event, c);
    out->assoc_id = (uint32_t)c.sender_dry_assoc_id;
    return 0;
}

static int sfi_take_adaptation(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_adaptation_event, c);
    out->assoc_id = (uint32_t)c.sai_assoc_id;
    return 0;
}

static int sfi_take_remote_error(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_remote_error, c);
    out->error = sfi_cause(c.sre_error);
    out->assoc_id = (uint32_t)c.sre_assoc_id;
    sfi_tail(out, SFI_TAIL_CAUSES, sizeof c, SFI_TAIL_CHUNK_HEADER, length, c.sre_length);
    return 0;
}

static int sfi_take_pdapi(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(SFI_PDAPI, c);
    out->assoc_id = (uint32_t)c.pdapi_assoc_id;
    return 0;
}

int sfi_notification(const char *data, size_t length, sfi_ntf *out)
{
    struct {
        uint16_t type;
        uint16_t flags;
        uint32_t length;
    } head; /* struct sctp_tlv of RFC 6458 section 6.1, which Linux' header has only inside its union */

    if (data == NULL || out == NULL)
        return -EINVAL;
    memset(out, 0, sizeof *out);
    if (length < sizeof head)
        return -EBADMSG;
    memcpy(&head, data, sizeof head);
    out->type = sfi_event_canonical(head.type);
    out->flags = head.flags;
    switch (out->type) {
    case SFI_EVENT_ASSOC_CHANGE:
        return sfi_take_assoc_change(data, length, out);
    case SFI_EVENT_PEER_ADDR_CHANGE:
        return sfi_take_paddr_change(data, length, out);
    case SFI_EVENT_SHUTDOWN_EVENT:
        return sfi_take_shutdown(data, length, out);
    case SFI_EVENT_SENDER_DRY_EVENT:
        return sfi_take_sender_dry(data, length, out);
    case SFI_EVENT_ADAPTATION_INDICATION:
        return sfi_take_adaptation(data, length, out);
    case SFI_EVENT_PARTIAL_DELIVERY_EVENT:
        return sfi_take_pdapi(data, length, out);
    case SFI_EVENT_REMOTE_ERROR:
        return sfi_take_remote_error(data, length, out);
    default:
        return 0;
    }
}
