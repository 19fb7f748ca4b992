/*
 * sfi_usrsctp_close.inc.c - part of sfi_usrsctp.c: how a socket of the stack is given back without a crash.
 *
 * usrsctp_close() frees the socket while a receive thread may be about to take a reference to it for the upcall: it
 * checks the association's socket pointer and counts up later, without a lock that the closer holds (0.9.5 and the
 * newest tree).  The count then goes up and down in freed memory.  An association that does not exist any more cannot
 * meet that: so it is ended first, and the socket is closed when it is gone, by the timer thread if need be.  One that is
 * still being set up takes no ABORT yet: it is ended as soon as it is up, or given up after a few seconds.
 */

struct closing {
    struct socket *so;
    int style;
    int connecting; /* some association is not up yet */
    uint16_t flag;  /* how its associations end: SCTP_EOF or SCTP_ABORT */
    struct closing *next;
};

#define SFI_HASTE_MS 100 /* between the INITs of an association that nobody wants any more */

static struct closing *closing_list;
static pthread_mutex_t closing_lock = PTHREAD_MUTEX_INITIALIZER;
static int tick_pipe[2] = {-1, -1};
static atomic_int tick_hurry;

/* Have the timer thread look soon. */
static void hurry_up(void)
{
    if (atomic_exchange(&tick_hurry, 1) == 0 && write(tick_pipe[1], "", 1) < 0)
        atomic_store(&tick_hurry, 0);
}

/* The upcall of a socket on its way out: something arrived, perhaps the end.  Never NULL: the receive thread reads
   the pointer twice. */
static void on_closing(struct socket *so, void *arg, int flags)
{
    (void)so;
    (void)arg;
    (void)flags;
    hurry_up();
}

/* A graceful close must not leave a notification unread, else the stack aborts (docs/stacks.md, trap 1).  Returns 1 if
   data is left, which means ABORT, as on Linux. */
static int drop_notifications(struct socket *so)
{
    static const int late[] = {SFI_EVENT_ASSOC_RESET_EVENT, SFI_EVENT_STREAM_CHANGE_EVENT, SFI_EVENT_SEND_FAILED_EVENT};
    struct sctp_event_subscribe none;
    char room[512];

    memset(&none, 0, sizeof none);
    usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_EVENTS, &none, sizeof none);
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
        struct sctp_event e;

        memset(&e, 0, sizeof e);
        e.se_assoc_id = SCTP_ALL_ASSOC;
        e.se_type = sfi_event_native(late[i]);
        usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e);
    }
    for (;;) {
        struct sockaddr_storage from;
        struct sctp_recvv_rn info;
        socklen_t from_length = sizeof from, info_length = sizeof info;
        unsigned type = 0;
        int flags = MSG_PEEK;

        if (usrsctp_recvv(so, room, sizeof room, (struct sockaddr *)&from, &from_length, &info, &info_length, &type,
                          &flags) <= 0)
            return 0;
        if ((flags & MSG_NOTIFICATION) == 0)
            return 1;
        flags = 0;
        from_length = sizeof from;
        info_length = sizeof info;
        if (usrsctp_recvv(so, room, sizeof room, (struct sockaddr *)&from, &from_length, &info, &info_length, &type,
                          &flags) <= 0)
            return 0;
    }
}

/* The ids of a socket's associations, to be freed by the caller; NULL if there are none. */
static uint32_t *association_ids(struct socket *so, int style, uint32_t *count)
{
    struct sctp_status status;
    struct sctp_assoc_ids *list;
    uint32_t *ids = NULL;
    uint32_t number = 0;
    socklen_t size = sizeof number;

    *count = 0;
    if (style != SFI_STYLE_ONE_TO_MANY) {
        memset(&status, 0, sizeof status);
        size = sizeof status;
        if (usrsctp_getsockopt(so, IPPROTO_SCTP, SCTP_STATUS, &status, &size) < 0)
            return NULL;
        ids = calloc(1, sizeof *ids);
        if (ids != NULL)
            ids[(*count)++] = status.sstat_assoc_id;
        return ids;
    }
    if (usrsctp_getsockopt(so, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, &number, &size) < 0 || number == 0)
        return NULL;
    number += 16; /* some may come meanwhile; too small a list is refused */
    size = (socklen_t)(sizeof *list + number * sizeof(sctp_assoc_t));
    list = calloc(1, size);
    ids = calloc(number, sizeof *ids);
    if (list != NULL && ids != NULL && usrsctp_getsockopt(so, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, list, &size) == 0) {
        *count = list->gaids_number_of_ids < number ? list->gaids_number_of_ids : number;
        memcpy(ids, list->gaids_assoc_id, *count * sizeof *ids);
    }
    free(list);
    if (*count == 0) {
        free(ids);
        ids = NULL;
    }
    return ids;
}

static int has_associations(struct socket *so, int style)
{
    uint32_t count;

    free(association_ids(so, style, &count));
    return count != 0;
}

static void end_associations(struct socket *so, int style, uint16_t flag)
{
    uint32_t count;
    uint32_t *ids = association_ids(so, style, &count);

    for (uint32_t i = 0; i < count; i++) {
        struct sctp_sndinfo info;

        memset(&info, 0, sizeof info);
        info.snd_flags = flag;
        info.snd_assoc_id = ids[i];
        usrsctp_sendv(so, "", 0, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0);
    }
    free(ids);
}

/* Whether an association is still being set up: nothing can be said to a peer that is not there yet.  Its INITs follow
   each other fast from now on, so that it ends soon if there is no answer. */
static int is_connecting(struct socket *so, int style)
{
    uint32_t count;
    uint32_t *ids = association_ids(so, style, &count);
    int found = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct sctp_status status;
        struct sctp_rtoinfo rto;
        socklen_t size = sizeof status;

        memset(&status, 0, sizeof status);
        status.sstat_assoc_id = ids[i];
        if (usrsctp_getsockopt(so, IPPROTO_SCTP, SCTP_STATUS, &status, &size) < 0 ||
            (status.sstat_state != SCTP_COOKIE_WAIT && status.sstat_state != SCTP_COOKIE_ECHOED))
            continue;
        memset(&rto, 0, sizeof rto);
        rto.srto_assoc_id = ids[i];
        rto.srto_initial = rto.srto_max = rto.srto_min = SFI_HASTE_MS;
        usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof rto);
        found = 1;
    }
    free(ids);
    return found;
}

static int wants_abort(struct socket *so)
{
    struct linger l;
    socklen_t size = sizeof l;

    memset(&l, 0, sizeof l);
    return usrsctp_getsockopt(so, SOL_SOCKET, SO_LINGER, &l, &size) == 0 && l.l_onoff != 0 && l.l_linger == 0;
}

/* One step on the way out; 1 when the socket is closed. */
static int try_close(struct socket *so, int style)
{
    if (drop_notifications(so)) {
        /* Unread data, or data that came after the close: ABORT, as the kernels do. */
        end_associations(so, style, SCTP_ABORT);
    }
    if (has_associations(so, style))
        return 0;
    usrsctp_close(so);
    return 1;
}

/* The socket is ours no more: end its associations as they should, and close it now or when they are gone. */
static void begin_close(struct socket *so, int style)
{
    struct closing *c = calloc(1, sizeof *c);
    int connecting;
    uint16_t flag;

    usrsctp_set_upcall(so, on_closing, NULL);
    connecting = is_connecting(so, style);
    if (wants_abort(so) || (connecting && style != SFI_STYLE_ONE_TO_MANY))
        flag = SCTP_ABORT;
    else
        flag = drop_notifications(so) ? SCTP_ABORT : SCTP_EOF;
    end_associations(so, style, flag);
    if (try_close(so, style)) {
        free(c);
        return;
    }
    if (c == NULL) {
        usrsctp_close(so);
        return;
    }
    c->so = so;
    c->style = style;
    c->connecting = connecting;
    c->flag = flag;
    pthread_mutex_lock(&closing_lock);
    c->next = closing_list;
    closing_list = c;
    pthread_mutex_unlock(&closing_lock);
    hurry_up();
}

/* Close what can be.  Returns how many are left. */
static int work_off_closing(void)
{
    int left = 0;

    pthread_mutex_lock(&closing_lock);
    for (struct closing **link = &closing_list; *link != NULL;) {
        struct closing *c = *link;

        if (c->connecting) {
            c->connecting = is_connecting(c->so, c->style);
            end_associations(c->so, c->style, c->flag); /* after it: what came up in between is ended */
        }
        if (try_close(c->so, c->style)) {
            *link = c->next;
            free(c);
        } else {
            link = &c->next;
            left++;
        }
    }
    pthread_mutex_unlock(&closing_lock);
    return left;
}
