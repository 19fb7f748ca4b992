/*
 * sfi_calls.inc.c - the calls of sfi.h, once for all stacks, over the n_* functions of a backend.
 *
 * Here are the rules of the ABI: who may be inside a handle, what is refused, how waiting goes.  No constant
 * and no call of a stack may stand here.
 */

/* ---- waiting ---- */

/* One poll under the handle's deadline, or its own time-out as it is now. */
static int sfi_pause(sfi_sock *s, int events, int64_t timeout_ms, int64_t start, unsigned turn, int waiting)
{
    struct sfi_wake *w = sfi_wake_hold(n_base(s));
    int left, r;

    if (w == NULL)
        return sfi_errno();
    left = sfi_remaining(sfi_until(n_base(s), timeout_ms, start)); /* after the hold: a change fires from here on */
    if (sfi_is_closed(s))
        r = -EBADF;
    else if (waiting)
        r = n_poll(s, events, left, w->fds[0]);
    else
        r = left == 0 ? -EAGAIN : n_turn(s, events, left, turn, w->fds[0]);
    sfi_wake_drop(n_base(s), w);
    return r;
}

/* The wait of one call. */
struct sfi_spell {
    int64_t timeout_ms, start; /* start 0: nobody looked at the clock yet */
    unsigned turn;             /* waits so far */
};

/* Whether an attempt may wait in the stack.  Not if an error waits to be told, nor shortly before the time is up. */
static int sfi_may_moment(sfi_sock *s, struct sfi_spell *t)
{
    struct sfi_base *b = n_base(s);

    if (t->timeout_ms == 0 || atomic_load(&b->late) != 0 || !n_moment(s))
        return 0;
    if (sfi_until(b, t->timeout_ms, 0) == INT64_MAX)
        return 1; /* without a look at the clock */
    if (t->start == 0)
        t->start = sfi_start_ms();
    return sfi_remaining(sfi_until(b, t->timeout_ms, t->start)) >= SFI_MOMENTS_FROM_MS;
}

/* After an EAGAIN: 1 to try again, -EAGAIN when time is up or no waiting was asked for, else an error. */
static int sfi_again(sfi_sock *s, int event, struct sfi_spell *t)
{
    int r;

    if (t->timeout_ms == 0)
        return -EAGAIN;
    if (t->start == 0)
        t->start = sfi_start_ms();
    r = sfi_pause(s, event, t->timeout_ms, t->start, t->turn++, 0);
    return r == 0 ? 1 : r; /* 0 is a poll that ran out: the deadline decides, after one more try */
}

int sfi_wait(sfi_sock *s, int events, int64_t timeout_ms)
{
    int64_t start = sfi_start_ms();
    int r = n_use(s);

    if (r < 0)
        return r;
    do {
        r = sfi_pause(s, events, timeout_ms, start, 0, 1);
    } while (r == 0 && sfi_remaining(sfi_until(n_base(s), timeout_ms, start)) != 0);
    sfi_leave(s);
    n_back();
    return r;
}

int sfi_set_timeout(sfi_sock *s, int64_t timeout_ms)
{
    int r = n_use(s);

    if (r < 0)
        return r;
    atomic_store(&n_base(s)->own_ms, timeout_ms < 0 ? -1 : timeout_ms);
    sfi_wake_fire(n_base(s));
    sfi_leave(s);
    return 0;
}

/* ---- life ---- */

int sfi_close(sfi_sock *s)
{
    if (s == NULL)
        return -EBADF;
    atomic_fetch_add(&n_base(s)->users, 1);
    if ((atomic_fetch_or(&n_base(s)->users, SFI_CLOSED) & SFI_CLOSED) == 0)
        n_wake(s);
    sfi_leave(s);
    return 0;
}

void sfi_free(sfi_sock *s)
{
    if (s == NULL)
        return;
    sfi_close(s);
    n_free(s);
}

int sfi_fileno(sfi_sock *s)
{
    int r = n_use(s);

    if (r < 0)
        return r;
    r = n_fileno(s);
    sfi_leave(s);
    return r;
}

int sfi_style(sfi_sock *s)
{
    return s == NULL ? -EBADF : n_base(s)->style;
}

/* bind() the first, add the rest one at a time: the one way that gives each stack's errors per address and
   lets port 0 choose one port for all (docs/stacks.md). */
int sfi_bind(sfi_sock *s, const sfi_addr *addrs, uint32_t count)
{
    uint32_t port = 0;
    int r = n_use(s);

    if (r < 0)
        return r;
    r = addrs == NULL || count < 1 || count > SFI_MAX_ADDRS ? -EINVAL : n_bind(s, &addrs[0], &port);
    for (uint32_t i = 1; r == 0 && i < count; i++) {
        sfi_addr next = addrs[i];

        next.port = port;
        r = n_bindx(s, &next, SFI_BIND_ADD);
    }
    sfi_leave(s);
    return r;
}

int sfi_bindx(sfi_sock *s, const sfi_addr *addrs, uint32_t count, int action)
{
    int r = n_use(s);

    if (r < 0)
        return r;
    if (addrs == NULL || count < 1 || count > SFI_MAX_ADDRS || (action != SFI_BIND_ADD && action != SFI_BIND_REMOVE))
        r = -EINVAL;
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        r = n_bindx(s, &addrs[i], action);
        while (r < 0 && i > 0) /* all or nothing: take back what was done */
            n_bindx(s, &addrs[--i], action == SFI_BIND_ADD ? SFI_BIND_REMOVE : SFI_BIND_ADD);
    }
    sfi_leave(s);
    return r;
}

int sfi_listen(sfi_sock *s, int backlog)
{
    int r = n_use(s);

    if (r < 0)
        return r;
    r = n_listen(s, backlog);
    sfi_leave(s);
    return r;
}

int sfi_accept(sfi_sock *s, sfi_sock **out, sfi_addr *peer, int64_t timeout_ms)
{
    struct sfi_spell t = {timeout_ms, 0, 0};
    int r = n_use(s);

    if (r < 0)
        return r;
    do {
        r = out == NULL ? -EINVAL : n_accept(s, out, peer);
        if (r == -EAGAIN)
            r = sfi_again(s, SFI_READ, &t);
    } while (r > 0);
    sfi_leave(s);
    n_back();
    return r;
}

int sfi_connect(sfi_sock *s, const sfi_addr *addrs, uint32_t count, uint32_t *assoc_id)
{
    uint32_t id = 0;
    int r = n_use(s);

    if (r < 0)
        return r;
    sfi_late_or(s, 0); /* an association before this one had it */
    r = addrs == NULL || count < 1 || count > SFI_MAX_ADDRS ? -EINVAL : n_connect(s, addrs, count, &id);
    if (assoc_id != NULL)
        *assoc_id = id;
    sfi_leave(s);
    return r;
}

int sfi_connect_result(sfi_sock *s)
{
    int r = n_use(s);

    if (r < 0)
        return r;
    r = n_connect_result(s);
    sfi_leave(s);
    return r;
}

int sfi_peeloff(sfi_sock *s, uint32_t assoc_id, sfi_sock **out)
{
    int r = n_use(s);

    if (r < 0)
        return r;
    r = out == NULL ? -EINVAL : n_peeloff(s, assoc_id, out);
    if (r == 0)
        n_base(*out)->peeled_id = assoc_id;
    sfi_leave(s);
    return r;
}

/* ---- messages ---- */

/* RFC 9260 section 3.3.10.9: a DATA chunk without user data is an error. */
static int sfi_check_out(const char *data, size_t length, uint32_t sid, uint32_t flags, uint32_t pr_policy)
{
    if (data == NULL || sid > UINT16_MAX || (length == 0 && (flags & (SFI_SEND_EOF | SFI_SEND_ABORT)) == 0))
        return -EINVAL;
    if (sfi_send_flags_native(flags) < 0 ||
        (pr_policy != SFI_PR_UNSET && sfi_to_native(SFI_VALUE_PR_POLICY, pr_policy) < 0))
        return -SFI_EABSENT;
    return 0;
}

int64_t sfi_send(sfi_sock *s, const char *data, size_t length, uint32_t assoc_id, uint32_t sid, uint32_t ppid,
                 uint32_t flags, uint32_t context, uint32_t pr_policy, uint32_t pr_value, const sfi_addr *to,
                 const sfi_more *more, int64_t timeout_ms)
{
    struct sfi_out o = {data, length, assoc_id, sid, ppid, flags, context, pr_policy, pr_value, to, more, 0};
    struct sfi_spell t = {timeout_ms, 0, 0};
    int64_t r = n_use(s);
    int again;

    if (r < 0)
        return r;
    o.moment = to == NULL && sfi_may_moment(s, &t); /* with an address it may make an association, and wait for that */
    do {
        again = 0;
        r = sfi_check_out(data, length, sid, flags, pr_policy);
        if (r == 0 && more != NULL && (more->count >= SFI_MAX_ADDRS || (more->count != 0 && more->others == NULL)))
            r = -EINVAL;
        if (r == 0)
            r = n_send(s, &o);
        if (r == -EAGAIN) {
            again = sfi_again(s, SFI_WRITE, &t);
            if (again < 0)
                r = again;
        }
        o.moment = 0;
    } while (again > 0);
    sfi_leave(s);
    n_back();
    return r;
}

int64_t sfi_recv(sfi_sock *s, char *buffer, size_t size, int flags, int64_t timeout_ms, sfi_rcv *out)
{
    struct sfi_spell t = {timeout_ms, 0, 0};
    int64_t r = n_use(s);
    int again, moment;

    if (r < 0)
        return r;
    moment = sfi_may_moment(s, &t) ? SFI_MOMENT : 0;
    do {
        again = 0;
        if (buffer == NULL || size == 0 || out == NULL)
            r = -EINVAL; /* no room would read as the end of the association */
        else
            r = sfi_late_or(s, n_recv(s, buffer, size, (flags & ~SFI_MOMENT) | moment, out));
        if (r == -EAGAIN) {
            again = sfi_again(s, SFI_READ, &t);
            if (again < 0)
                r = again;
        }
        moment = 0;
    } while (again > 0);
    sfi_leave(s);
    n_back();
    return r;
}

int64_t sfi_send_plain(sfi_sock *s, const char *data, size_t length, uint32_t assoc_id, uint32_t sid, uint32_t ppid,
                       uint32_t flags, int64_t timeout_ms)
{
    return sfi_send(s, data, length, assoc_id, sid, ppid, flags, 0, SFI_PR_UNSET, 0, NULL, NULL, timeout_ms);
}

static int sfi_is_plain(const sfi_rcv *r)
{
    return r->kind == SFI_KIND_DATA && (r->flags | SFI_RCV_UNORDERED) == (SFI_RCV_EOR | SFI_RCV_UNORDERED);
}

int64_t sfi_recv_plain(sfi_sock *s, char *buffer, size_t size, sfi_rcv *out, int64_t timeout_ms)
{
    int64_t r = sfi_recv(s, buffer, size, 0, timeout_ms, out);

    return r >= 0 && !sfi_is_plain(out) ? r + SFI_RECV_OTHER : r;
}

static int sfi_check_parcel(const struct sfi_parcel *p, uint32_t infos_count)
{
    size_t bytes = 0;

    if ((p->datas == NULL && p->data == NULL) || p->lengths == NULL || p->infos == NULL || p->count == 0 ||
        p->count > INT_MAX || (infos_count != 1 && infos_count != p->count))
        return -EINVAL;
    for (uint32_t i = 0; i < p->count; i++) {
        const sfi_snd *info = &p->infos[(size_t)i * p->step];
        const char *data = p->datas != NULL ? p->datas[i] : p->data;
        int r = sfi_check_out(data, p->lengths[i], info->sid, info->flags, info->pr_policy);

        if (r == 0 && (info->flags & (SFI_SEND_EOF | SFI_SEND_ABORT))) /* what ends an association goes alone */
            r = -EINVAL;
        if (r == 0 && p->datas == NULL && p->lengths[i] > p->size - bytes)
            r = -EINVAL;
        if (r < 0)
            return r;
        bytes += p->lengths[i];
    }
    return p->datas != NULL || bytes == p->size ? 0 : -EINVAL;
}

static int send_parcel(sfi_sock *s, struct sfi_parcel *p, uint32_t infos_count, int64_t timeout_ms)
{
    struct sfi_spell t = {timeout_ms, 0, 0};
    int full = 0;
    int r = n_use(s);

    if (r < 0)
        return r;
    r = sfi_check_parcel(p, infos_count);
    if (r == 0)
        r = n_may_batch(s);
    while (r >= 0 && p->done < p->count) {
        uint32_t left = p->count - p->done;

        r = sfi_is_closed(s) ? -EBADF : n_send_some(s, p, full && sfi_may_moment(s, &t));
        full = r >= 0 && (uint32_t)r < left; /* so the next attempt would find no room */
        if (r == -EAGAIN) {
            r = sfi_again(s, SFI_WRITE, &t);
            continue;
        }
        for (int i = 0; i < r; i++)
            p->at += p->lengths[p->done++];
        t.turn = t.turn > 1 ? 1 : t.turn; /* there was room: the next wait for more begins anew */
    }
    sfi_leave(s);
    n_back();
    return p->done > 0 ? (int)p->done : r;
}

int sfi_send_many(sfi_sock *s, const char *data, size_t size, const uint32_t *lengths, uint32_t count,
                  const sfi_snd *infos, uint32_t infos_count, int64_t timeout_ms)
{
    struct sfi_parcel p = {NULL, data, size, lengths, count, infos, infos_count > 1, 0, 0};

    return send_parcel(s, &p, infos_count, timeout_ms);
}

int sfi_send_these(sfi_sock *s, const char *const *datas, const uint32_t *lengths, uint32_t count, const sfi_snd *infos,
                   uint32_t infos_count, int64_t timeout_ms)
{
    struct sfi_parcel p = {datas, "", 0, lengths, count, infos, infos_count > 1, 0, 0};

    return datas == NULL ? -EINVAL : send_parcel(s, &p, infos_count, timeout_ms);
}

static int any_other(const sfi_rcv *out, int count)
{
    for (int i = 0; i < count; i++)
        if (!sfi_is_plain(&out[i]))
            return SFI_MANY_OTHER;
    return 0;
}

static int recv_some(sfi_sock *s, char *room, size_t size, uint32_t least, sfi_rcv *out, uint32_t count, int moment)
{
    int r = n_recv_some(s, room, size, least, out, count, moment);
    int nothing = r < 0 || (r == 1 && out->kind == SFI_KIND_EOF);
    int late = nothing ? (int)sfi_late_or(s, 0) : 0;

    return late < 0 ? late : r;
}

int sfi_recv_many(sfi_sock *s, char *room, size_t size, uint32_t least, sfi_rcv *out, uint32_t count,
                  int64_t timeout_ms)
{
    struct sfi_spell t = {timeout_ms, 0, 0};
    int r = n_use(s);
    int again, moment;

    if (r < 0)
        return r;
    moment = sfi_may_moment(s, &t);
    do {
        again = 0;
        if (room == NULL || size > UINT32_MAX || least == 0 || least > size || out == NULL || count == 0 ||
            count >= SFI_MANY_OTHER)
            r = -EINVAL;
        else
            r = recv_some(s, room, size, least, out, count, moment);
        if (r == -EAGAIN) {
            again = sfi_again(s, SFI_READ, &t);
            if (again < 0)
                r = again;
        }
        moment = 0;
    } while (again > 0);
    sfi_leave(s);
    n_back();
    return r > 0 ? r + any_other(out, r) : r;
}

/* shutdown() damages a one-to-many socket, and does nothing to a peeled-off one on Linux: there it goes by
   SCTP_EOF, which in turn Linux refuses on one-to-one sockets (docs/stacks.md, trap 2). */
int sfi_shutdown(sfi_sock *s, uint32_t assoc_id)
{
    struct sfi_out o = {"", 0, assoc_id, 0, 0, SFI_SEND_EOF, 0, SFI_PR_UNSET, 0, NULL, NULL, 0};
    int64_t r = n_use(s);

    if (r < 0)
        return (int)r;
    if (n_base(s)->style == SFI_STYLE_PEELED)
        o.assoc_id = n_base(s)->peeled_id;
    r = n_base(s)->style == SFI_STYLE_ONE_TO_ONE ? n_shutdown_one(s) : n_send(s, &o);
    sfi_leave(s);
    return (int)r;
}

int sfi_abort(sfi_sock *s, uint32_t assoc_id, const char *reason, size_t length)
{
    struct sfi_out o = {reason, length, assoc_id, 0, 0, SFI_SEND_ABORT, 0, SFI_PR_UNSET, 0, NULL, NULL, 0};
    int64_t r = n_use(s);

    if (r < 0)
        return (int)r;
    if (n_base(s)->style == SFI_STYLE_PEELED)
        o.assoc_id = n_base(s)->peeled_id;
    if (reason == NULL)
        r = -EINVAL;
    else
        r = n_base(s)->style == SFI_STYLE_ONE_TO_ONE ? n_abort_one(s, reason, length) : n_send(s, &o);
    sfi_leave(s);
    return r < 0 ? (int)r : 0;
}

/* ---- options and addresses ---- */

int sfi_getopt_raw(sfi_sock *s, int level, int option, void *value, uint32_t size)
{
    socklen_t length = size;
    int r = n_use(s);

    if (r < 0)
        return r;
    r = value == NULL ? -EINVAL : n_getopt(s, level, option, value, &length);
    if (r >= 0)
        r = (int)(length < size ? length : size);
    sfi_leave(s);
    return r;
}

int sfi_setopt_raw(sfi_sock *s, int level, int option, void *value, uint32_t size)
{
    int r = n_use(s);

    if (r < 0)
        return r;
    r = value == NULL ? -EINVAL : n_setopt(s, level, option, value, size);
    atomic_store(&n_base(s)->pd_point, 0); /* a buffer may have another size now */
    sfi_leave(s);
    return r;
}

int sfi_addrs(sfi_sock *s, int side, uint32_t assoc_id, sfi_addr *out, uint32_t room)
{
    int r = n_use(s);

    if (r < 0)
        return r;
    r = out == NULL && room != 0 ? -EINVAL : n_addrs(s, side, assoc_id, out, room);
    sfi_leave(s);
    return r;
}
