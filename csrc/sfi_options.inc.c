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
    [SFI_OPT_SO_SNDBUF] = {SOL_SOCKET, SO_SNDBUF},
    [SFI_OPT_SO_RCVBUF] = {SOL_SOCKET, SO_RCVBUF},
    [SFI_OPT_SO_LINGER] = {SOL_SOCKET, SO_LINGER},
    SFI_ROW(PARTIAL_DELIVERY_POINT),
    SFI_ROW(REMOTE_UDP_ENCAPS_PORT),
    SFI_ROW(GET_ASSOC_ID_LIST),
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

/* Enumerations inside an option's struct become canonical on the way out. */
static void sfi_canonical_option(int option, void *value, size_t size)
{
    if (option == SFI_OPT_STATUS && size >= sizeof(struct sctp_status)) {
        struct sctp_status *status = value;

        status->sstat_state = (int32_t)sfi_assoc_state((uint32_t)status->sstat_state);
        status->sstat_primary.spinfo_state = (int32_t)sfi_path_state((uint32_t)status->sstat_primary.spinfo_state);
    } else if (option == SFI_OPT_GET_PEER_ADDR_INFO && size >= sizeof(struct sctp_paddrinfo)) {
        struct sctp_paddrinfo *info = value;

        info->spinfo_state = (int32_t)sfi_path_state((uint32_t)info->spinfo_state);
    }
}

int sfi_getopt(sfi_sock *s, int option, void *value, uint32_t size)
{
    const struct sfi_option_row *row = sfi_option(option);
    int r;

    if (row == NULL)
        return -SFI_EABSENT;
    r = sfi_getopt_raw(s, row->level, row->number, value, size);
    if (r >= 0)
        sfi_canonical_option(option, value, (size_t)r);
    return r;
}

int sfi_setopt(sfi_sock *s, int option, void *value, uint32_t size)
{
    const struct sfi_option_row *row = sfi_option(option);

    return row == NULL ? -SFI_EABSENT : sfi_setopt_raw(s, row->level, row->number, value, size);
}

int sfi_subscribe(sfi_sock *s, uint32_t assoc_id, int event, int on)
{
    struct sctp_event e;

    memset(&e, 0, sizeof e);
    e.se_assoc_id = (sctp_assoc_t)assoc_id;
    e.se_type = sfi_event_native(event);
    e.se_on = on != 0;
    if (e.se_type == 0)
        return -SFI_EABSENT;
    return sfi_setopt_raw(s, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e);
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
