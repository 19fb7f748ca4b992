/*
 * sfi_notify.inc.c - what a receive brings, made canonical, for all stacks: rcvinfo and notifications.
 *
 * Included by each backend after it defined: sfi_event_canonical, sfi_change_state, sfi_paddr_state, sfi_failed_part,
 * sfi_auth_indication, sfi_pd_indication, sfi_cause (byte order of error fields), SFI_TAIL_CHUNK_HEADER (bytes of chunk
 * header before causes), SFI_SNDRCVINFO_PAD, SFI_PDAPI and SFI_SEND_FAILED_* (struct and members with the stack's own
 * names), SFI_FAILED_CAUSE, SFI_NEXT_* bits, and sfi_gave_up (whether it was us who ended it).
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

static void sfi_take_nxtinfo(const struct sctp_nxtinfo *info, sfi_rcv *out)
{
    out->flags |= SFI_RCV_NEXT;
    out->next_sid = info->nxt_sid;
    out->next_ppid = ntohl(info->nxt_ppid);
    out->next_length = info->nxt_length;
    out->next_assoc_id = (uint32_t)info->nxt_assoc_id;
    out->next_flags = sfi_next_flags(info->nxt_flags);
}

/* struct sctp_send_failed (RFC 6458 section 6.1.4), which usrsctp.h lacks, with struct sctp_sndrcvinfo inside. */
struct sfi_send_failed {
    uint16_t type, flags;
    uint32_t length, error;
    uint16_t sid, ssn, info_flags, unused;
    uint32_t ppid, context, timetolive, tsn, cumtsn, info_assoc_id;
#if SFI_SNDRCVINFO_PAD
    uint8_t pad[SFI_SNDRCVINFO_PAD];
#endif
    uint32_t assoc_id;
};

/* struct sctp_authkey_event (section 6.1.8); the second key number has no name in usrsctp.h. */
struct sfi_authkey_event {
    uint16_t type, flags;
    uint32_t length;
    uint16_t key, other_key;
    uint32_t indication, assoc_id;
};

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
    out->indication = c.sai_adaptation_ind;
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
    out->indication = sfi_pd_indication(c.pdapi_indication);
    out->sid = c.pdapi_stream;
    out->ssn = c.pdapi_seq;
    out->assoc_id = (uint32_t)c.pdapi_assoc_id;
    return 0;
}

/* The B and E bits of the DATA chunk (RFC 9260 section 3.3.1) say which part of its message failed: Linux gives the
   chunk's flags, BSD marks that are made of the same bits. */
static uint32_t sfi_failed_place(uint16_t bits)
{
    return ((bits & 2) ? SFI_FAILED_FIRST : 0) | ((bits & 1) ? SFI_FAILED_LAST : 0);
}

static int sfi_take_send_failed_event(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_send_failed_event, c);
    out->flags = sfi_failed_part(SFI_FAILED_FLAGS(c)) | sfi_failed_place(c.SFI_SEND_FAILED_INFO.snd_flags);
    out->error = SFI_FAILED_CAUSE(c.SFI_SEND_FAILED_ERROR);
    out->sid = c.SFI_SEND_FAILED_INFO.snd_sid;
    out->ppid = ntohl(c.SFI_SEND_FAILED_INFO.snd_ppid);
    out->context = c.SFI_SEND_FAILED_INFO.snd_context;
    out->assoc_id = (uint32_t)c.SFI_SEND_FAILED_ID; /* the one inside is what the sender gave, on Linux */
    sfi_tail(out, SFI_TAIL_DATA, sizeof c, 0, length, c.SFI_SEND_FAILED_SIZE);
    return 0;
}

/* The deprecated form; the stack's sctp_sndrcvinfo, 32 bytes or 128, lies in the middle. */
static int sfi_take_send_failed(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sfi_send_failed, c);
    out->flags = sfi_failed_part(c.flags) | sfi_failed_place(c.info_flags);
    out->error = SFI_FAILED_CAUSE(c.error);
    out->sid = c.sid;
    out->ssn = c.ssn;
    out->ppid = ntohl(c.ppid);
    out->context = c.context;
    out->assoc_id = (uint32_t)c.assoc_id;
    sfi_tail(out, SFI_TAIL_DATA, sizeof c, 0, length, c.length);
    return 0;
}

static int sfi_take_authkey(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sfi_authkey_event, c);
    out->indication = sfi_auth_indication(c.indication);
    out->key = c.key;
    out->other_key = c.other_key;
    out->assoc_id = (uint32_t)c.assoc_id;
    return 0;
}

static int sfi_take_stream_reset(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_stream_reset_event, c);
    out->flags = c.strreset_flags; /* the same bits everywhere */
    out->assoc_id = (uint32_t)c.strreset_assoc_id;
    sfi_tail(out, SFI_TAIL_STREAMS, sizeof c, 0, length, c.strreset_length);
    return 0;
}

static int sfi_take_assoc_reset(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_assoc_reset_event, c);
    out->flags = c.assocreset_flags;
    out->assoc_id = (uint32_t)c.assocreset_assoc_id;
    out->local_tsn = c.assocreset_local_tsn;
    out->remote_tsn = c.assocreset_remote_tsn;
    return 0;
}

static int sfi_take_stream_change(const char *data, size_t length, sfi_ntf *out)
{
    SFI_TAKE(sctp_stream_change_event, c);
    out->flags = c.strchange_flags;
    out->assoc_id = (uint32_t)c.strchange_assoc_id;
    out->in_streams = c.strchange_instrms;
    out->out_streams = c.strchange_outstrms;
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
    case SFI_EVENT_SEND_FAILED:
        return sfi_take_send_failed(data, length, out);
    case SFI_EVENT_SEND_FAILED_EVENT:
        return sfi_take_send_failed_event(data, length, out);
    case SFI_EVENT_AUTHENTICATION_EVENT:
        return sfi_take_authkey(data, length, out);
    case SFI_EVENT_STREAM_RESET_EVENT:
        return sfi_take_stream_reset(data, length, out);
    case SFI_EVENT_ASSOC_RESET_EVENT:
        return sfi_take_assoc_reset(data, length, out);
    case SFI_EVENT_STREAM_CHANGE_EVENT:
        return sfi_take_stream_change(data, length, out);
    default:
        return 0;
    }
}
