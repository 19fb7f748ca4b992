/*
 * sfi_usrsctp_messages.inc.c - part of sfi_usrsctp.c: messages in and out, by usrsctp_sendv() and usrsctp_recvv().
 *
 * What those two can't carry is refused here by -SFI_EABSENT, or done in another way.
 */

/* sendv has one destination at most: set the association up first, to all of them, and send to it. */
static int connect_more(sfi_sock *s, const struct sfi_out *o, uint32_t *assoc_id)
{
    sfi_addr all[SFI_MAX_ADDRS];

    if (o->to == NULL || o->more->count >= SFI_MAX_ADDRS)
        return -EINVAL;
    all[0] = *o->to;
    for (uint32_t i = 0; i < o->more->count; i++) {
        all[i + 1] = o->more->others[i];
        all[i + 1].port = o->to->port;
    }
    return n_connect(s, all, o->more->count + 1, assoc_id);
}

static int64_t n_send(sfi_sock *s, const struct sfi_out *o)
{
    struct sctp_sendv_spa spa;
    struct sockaddr_storage ss;
    const sfi_addr *to = o->to;
    uint32_t assoc_id = o->assoc_id;
    unsigned seen = atomic_load(&s->seen);
    ssize_t n;
    int r = k_check_path(s, o);

    if (r < 0)
        return r;
    if (o->more != NULL && (o->more->given & (SFI_MORE_KEY | SFI_MORE_INIT)))
        return -SFI_EABSENT; /* usrsctp_sendv() knows neither */
    if (o->more != NULL && (o->more->given & SFI_MORE_TO)) {
        r = connect_more(s, o, &assoc_id);
        if (r < 0 && r != -EALREADY && r != -EISCONN && r != -EADDRINUSE)
            return r;
        to = r < 0 ? to : NULL; /* an association is there already: the first address finds it */
    }
    memset(&spa, 0, sizeof spa);
    spa.sendv_flags = SCTP_SEND_SNDINFO_VALID;
    spa.sendv_sndinfo.snd_sid = (uint16_t)o->sid;
    spa.sendv_sndinfo.snd_flags = (uint16_t)sfi_send_flags_native(o->flags);
    spa.sendv_sndinfo.snd_ppid = htonl(o->ppid); /* the one place where a PPID leaves */
    spa.sendv_sndinfo.snd_context = o->context;
    spa.sendv_sndinfo.snd_assoc_id = (sctp_assoc_t)assoc_id;
    if (o->pr_policy != SFI_PR_UNSET) {
        spa.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        spa.sendv_prinfo.pr_policy = (uint16_t)sfi_to_native(SFI_VALUE_PR_POLICY, o->pr_policy);
        spa.sendv_prinfo.pr_value = o->pr_value;
    }
    if (to != NULL) {
        if (sfi_sockaddr(to, &ss) == 0)
            return -EAFNOSUPPORT;
        if (s->base.style == SFI_STYLE_ONE_TO_MANY && (r = aim(s, to)) < 0)
            return r;
    }
    n = usrsctp_sendv(s->so, o->data, o->length, to != NULL ? (struct sockaddr *)&ss : NULL, to != NULL ? 1 : 0, &spa,
                      sizeof spa, SCTP_SENDV_SPA, 0);
    if (n > 0 || (n == 0 && sfi_may_be_nothing(o)))
        return (int64_t)n;
    /* With EXPLICIT_EOR "nothing was taken" may come as 0: the room went between two looks of the stack. */
    r = n == 0 ? -EAGAIN : k_send_error(s, sfi_errno());
    if (r == -EAGAIN)
        block(s, seen);
    return r;
}

/* Without a look whether there is more. */
static int64_t recv_only(sfi_sock *s, char *buffer, size_t size, int flags, sfi_rcv *out)
{
    struct sockaddr_storage from;
    socklen_t from_length = sizeof from;
    struct sctp_recvv_rn info;
    socklen_t info_length = sizeof info;
    unsigned type = SCTP_RECVV_NOINFO;
    int message_flags;
    unsigned seen = atomic_load(&s->seen);
    ssize_t n;

    memset(out, 0, sizeof *out);
    memset(&from, 0, sizeof from);
    memset(&info, 0, sizeof info);
    do {
        from_length = sizeof from;
        info_length = sizeof info;
        message_flags = (flags & SFI_RECV_PEEK) ? MSG_PEEK : 0;
        n = usrsctp_recvv(s->so, buffer, size, (struct sockaddr *)&from, &from_length, &info, &info_length, &type,
                          &message_flags);
        /* Nothing but TRUNC is the end of a message that was given up after all of it was read: no EOF. */
    } while (n == 0 && (message_flags & MSG_TRUNC) && (flags & SFI_RECV_PEEK) == 0);
    if (n < 0) {
        int r = sfi_errno();

        if (r == -EAGAIN)
            unready(s, seen);
        return r;
    }
    out->length = (uint32_t)n;
    if (message_flags & MSG_EOR)
        out->flags |= SFI_RCV_EOR;
    if (n == 0) {
        out->kind = SFI_KIND_EOF; /* everything else that it gave is uninitialised memory */
        return 0;
    }
    sfi_canonical(&from, sizeof from, &out->from);
    if (message_flags & MSG_NOTIFICATION) {
        out->kind = SFI_KIND_NOTIFICATION;
        out->flags |= SFI_RCV_NOTIFICATION;
        return (int64_t)n;
    }
    if (type == SCTP_RECVV_RCVINFO || type == SCTP_RECVV_RN)
        sfi_take_rcvinfo(&info.recvv_rcvinfo, out);
    if (type == SCTP_RECVV_RN)
        sfi_take_nxtinfo(&info.recvv_nxtinfo, out);
    else if (type == SCTP_RECVV_NXTINFO)
        sfi_take_nxtinfo((const struct sctp_nxtinfo *)(const void *)&info, out);
    if ((flags & SFI_RECV_PEEK) == 0)
        k_check_end(s, n, out);
    return (int64_t)n;
}

static int64_t n_recv(sfi_sock *s, char *buffer, size_t size, int flags, sfi_rcv *out)
{
    int64_t n = recv_only(s, buffer, size, flags, out);

    if (n > 0 && (flags & SFI_RECV_PEEK) == 0)
        settle(s);
    return n;
}

static int64_t n_recv_only(sfi_sock *s, char *buffer, size_t size, sfi_rcv *out)
{
    return recv_only(s, buffer, size, 0, out);
}

/* After several; an EAGAIN as the last has found out already. */
static void n_received(sfi_sock *s, int64_t last)
{
    if (last > 0)
        settle(s);
}

static int n_abort_one(sfi_sock *s, const char *reason, size_t length)
{
    struct sfi_out o = {reason, length, 0, 0, 0, SFI_SEND_ABORT, 0, SFI_PR_UNSET, 0, NULL, NULL, 0};
    struct linger l = {1, 0};

    n_send(s, &o); /* carries the reason; without an association linger 0 does what is left */
    return usrsctp_setsockopt(s->so, SOL_SOCKET, SO_LINGER, &l, sizeof l) < 0 ? sfi_errno() : 0;
}

static size_t sfi_peek_notification(sfi_sock *s, void *room, size_t size)
{
    struct sockaddr_storage from;
    socklen_t from_length = sizeof from;
    struct sctp_recvv_rn info;
    socklen_t info_length = sizeof info;
    unsigned type = SCTP_RECVV_NOINFO;
    int flags = MSG_PEEK;
    ssize_t n = usrsctp_recvv(s->so, room, size, (struct sockaddr *)&from, &from_length, &info, &info_length, &type,
                              &flags);

    return n > 0 && (flags & MSG_NOTIFICATION) ? (size_t)n : 0;
}
