/*
 * sfi_options.inc.c - canonical option numbers to native ones: one row an option, for all stacks.
 *
 * Included by each backend after its headers and its fallback names.  A name that the header lacks and
 * that has no fallback is absent there.
 */

struct sfi_option_row {
    int level;
    int number;
};

#define SFI_ROW(name) [SFI_OPT_##name] = {IPPROTO_SCTP, SCTP_##name}

static const struct sfi_option_row sfi_option_rows[SFI_OPT_MAX + 1] = {
    SFI_ROW(RTOINFO),
    SFI_ROW(ASSOCINFO),
    SFI_ROW(INITMSG),
    SFI_ROW(NODELAY),
    SFI_ROW(PRIMARY_ADDR),
    SFI_ROW(DISABLE_FRAGMENTS),
    SFI_ROW(PEER_ADDR_PARAMS),
    SFI_ROW(I_WANT_MAPPED_V4_ADDR),
    SFI_ROW(MAXSEG),
    SFI_ROW(DELAYED_SACK),
    SFI_ROW(FRAGMENT_INTERLEAVE),
    SFI_ROW(CONTEXT),
    SFI_ROW(EVENT),
    SFI_ROW(RECVRCVINFO),
    SFI_ROW(STATUS),
    SFI_ROW(GET_PEER_ADDR_INFO),
    SFI_ROW(PARTIAL_DELIVERY_POINT),
    SFI_ROW(REMOTE_UDP_ENCAPS_PORT),
    SFI_ROW(GET_ASSOC_ID_LIST),
    SFI_ROW(AUTOCLOSE),
    SFI_ROW(SET_PEER_PRIMARY_ADDR),
    SFI_ROW(ADAPTATION_LAYER),
    SFI_ROW(DEFAULT_SNDINFO),
    SFI_ROW(DEFAULT_PRINFO),
    SFI_ROW(MAX_BURST),
    SFI_ROW(AUTO_ASCONF),
    SFI_ROW(REUSE_PORT),
    SFI_ROW(RECVNXTINFO),
    SFI_ROW(HMAC_IDENT),
    SFI_ROW(AUTH_CHUNK),
    SFI_ROW(AUTH_KEY),
    SFI_ROW(AUTH_ACTIVE_KEY),
    SFI_ROW(AUTH_DEACTIVATE_KEY),
    SFI_ROW(AUTH_DELETE_KEY),
    SFI_ROW(PEER_AUTH_CHUNKS),
    SFI_ROW(LOCAL_AUTH_CHUNKS),
    SFI_ROW(GET_ASSOC_NUMBER),
    SFI_ROW(PR_SUPPORTED),
    SFI_ROW(PR_STREAM_STATUS),
    SFI_ROW(PR_ASSOC_STATUS),
    SFI_ROW(RECONFIG_SUPPORTED),
    SFI_ROW(ENABLE_STREAM_RESET),
    SFI_ROW(RESET_STREAMS),
    SFI_ROW(RESET_ASSOC),
    SFI_ROW(ADD_STREAMS),
    SFI_ROW(INTERLEAVING_SUPPORTED),
    SFI_ROW(ECN_SUPPORTED),
    SFI_ROW(AUTH_SUPPORTED),
    SFI_ROW(ASCONF_SUPPORTED),
    [SFI_OPT_STREAM_SCHEDULER] = {IPPROTO_SCTP, SFI_STREAM_SCHEDULER},
    [SFI_OPT_STREAM_SCHEDULER_VALUE] = {IPPROTO_SCTP, SFI_STREAM_SCHEDULER_VALUE},
    [SFI_OPT_PEER_ADDR_THLDS] = {IPPROTO_SCTP, SFI_PEER_ADDR_THLDS},
    [SFI_OPT_SO_SNDBUF] = {SOL_SOCKET, SO_SNDBUF},
    [SFI_OPT_SO_RCVBUF] = {SOL_SOCKET, SO_RCVBUF},
    [SFI_OPT_SO_LINGER] = {SOL_SOCKET, SO_LINGER},
#if SFI_HAVE_REUSEADDR
    [SFI_OPT_SO_REUSEADDR] = {SOL_SOCKET, SO_REUSEADDR},
#endif
#if SFI_LINUX_OPTIONS
    SFI_ROW(EXPOSE_POTENTIALLY_FAILED_STATE),
    SFI_ROW(GET_ASSOC_STATS),
    SFI_ROW(PLPMTUD_PROBE_INTERVAL),
#else
    SFI_ROW(EXPLICIT_EOR),
    SFI_ROW(MAX_CWND),
    SFI_ROW(TIMEOUTS),
    SFI_ROW(NRSACK_SUPPORTED),
    SFI_ROW(PKTDROP_SUPPORTED),
    SFI_ROW(PLUGGABLE_CC),
    SFI_ROW(CC_OPTION),
    SFI_ROW(CMT_ON_OFF),
#endif
#ifdef SCTP_GET_SNDBUF_USE
    SFI_ROW(GET_SNDBUF_USE),
#endif
#ifdef SCTP_ACCEPT_ZERO_CHECKSUM /* FreeBSD 14 */
    SFI_ROW(ACCEPT_ZERO_CHECKSUM),
#endif
};

static const struct sfi_option_row *sfi_option(int option)
{
    if (option < 1 || option > SFI_OPT_MAX || sfi_option_rows[option].level == 0)
        return NULL;
    return &sfi_option_rows[option];
}

int sfi_native_option(int option)
{
    const struct sfi_option_row *row = sfi_option(option);

    return row == NULL ? -SFI_EABSENT : row->number;
}

int sfi_native_event(int event)
{
    uint16_t native = sfi_event_native(event);

    return native == 0 ? -SFI_EABSENT : native;
}

/* Extensions that an association negotiates. */
static int sfi_is_switch(int option)
{
    switch (option) {
    case SFI_OPT_ECN_SUPPORTED:
    case SFI_OPT_PR_SUPPORTED:
    case SFI_OPT_AUTH_SUPPORTED:
    case SFI_OPT_ASCONF_SUPPORTED:
    case SFI_OPT_RECONFIG_SUPPORTED:
    case SFI_OPT_INTERLEAVING_SUPPORTED:
        return 1;
    default:
        return 0;
    }
}

int sfi_getopt(sfi_sock *s, int option, void *value, uint32_t size)
{
    const struct sfi_option_row *row = sfi_option(option);

    int r;

    if (row == NULL)
        return -SFI_EABSENT;
    r = sfi_getopt_raw(s, row->level, row->number, value, size);
    if (n_use(s) < 0)
        return r;
    r = value == NULL ? r : k_got_option(s, option, r, value, size);
    sfi_leave(s);
    return r;
}

int sfi_setopt(sfi_sock *s, int option, void *value, uint32_t size)
{
    const struct sfi_option_row *row = sfi_option(option);
    int r;

    if (row == NULL)
        return -SFI_EABSENT;
    r = n_use(s);
    if (r < 0)
        return r;
    r = value == NULL ? -EINVAL : k_check_option(s, option, value, size);
    if (r == 0)
        r = n_setopt(s, row->level, row->number, value, size);
    atomic_store(&n_base(s)->pd_point, 0); /* a buffer may have another size now */
    if (r == 0 && sfi_is_switch(option))
        atomic_store(&n_base(s)->switches, 1);
    sfi_leave(s);
    return r;
}

/* One event of one association, or of those to come. */
static int sfi_set_event(sfi_sock *s, uint32_t assoc_id, uint16_t type, int on)
{
    struct sctp_event e;

    memset(&e, 0, sizeof e);
    e.se_assoc_id = (sctp_assoc_t)assoc_id;
    e.se_type = type;
    e.se_on = on != 0;
    return n_setopt(s, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e);
}

/* BSD refuses SENDER_DRY for all associations at once (ENOTSUP), so those are gone through one by one. */
static int sfi_each_event(sfi_sock *s, uint16_t type, int on)
{
    union {
        struct sctp_assoc_ids list;
        char room[sizeof(struct sctp_assoc_ids) + SFI_MAX_IDS * sizeof(sctp_assoc_t)];
    } ids;
    socklen_t size = sizeof ids;
    int r;

    memset(&ids, 0, sizeof ids);
    r = n_getopt(s, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, &ids, &size);
    for (uint32_t i = 0; r == 0 && i < ids.list.gaids_number_of_ids && i < SFI_MAX_IDS; i++) {
        r = sfi_set_event(s, (uint32_t)ids.list.gaids_assoc_id[i], type, on);
        if (r == -ENOENT || r == -EINVAL)
            r = 0; /* it ended meanwhile */
    }
    return r;
}

int sfi_subscribe(sfi_sock *s, uint32_t assoc_id, int event, int on)
{
    uint16_t type = sfi_event_native(event);
    int r;

    if (type == 0)
        return -SFI_EABSENT;
    r = n_use(s);
    if (r < 0)
        return r;
    r = sfi_set_event(s, assoc_id, type, on);
    if (r == -ENOTSUP && (assoc_id == SCTP_ALL_ASSOC || assoc_id == SCTP_CURRENT_ASSOC)) {
        r = sfi_each_event(s, type, on);
        if (r == 0 && assoc_id == SCTP_ALL_ASSOC)
            r = sfi_set_event(s, SCTP_FUTURE_ASSOC, type, on);
    }
    sfi_leave(s);
    return r == -ENOTSUP ? -SFI_EABSENT : r;
}

int sfi_subscribed(sfi_sock *s, uint32_t assoc_id, int event)
{
    struct sctp_event e;
    int r;

    memset(&e, 0, sizeof e);
    e.se_assoc_id = (sctp_assoc_t)assoc_id;
    e.se_type = sfi_event_native(event);
    if (e.se_type == 0)
        return -SFI_EABSENT;
    r = sfi_getopt_raw(s, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e);
    return r < 0 ? r : e.se_on != 0;
}
