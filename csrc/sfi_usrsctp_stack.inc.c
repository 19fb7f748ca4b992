/*
 * sfi_usrsctp_stack.inc.c - part of sfi_usrsctp.c: readiness, the slow timer, and the stack's life.
 *
 * All that runs on the stack's threads, or concerns the process as a whole, is here; the calls that move a
 * socket along are in sfi_usrsctp.c.
 */

/* ---- readiness ---- */

static pthread_mutex_t *stripe_of(uint32_t slot)
{
    return &stripes[slot % SFI_STRIPES];
}

static void set_readable(sfi_sock *s)
{
    if (!s->readable && write(s->inner, "", 1) == 1)
        s->readable = 1;
}

static void clear_readable(sfi_sock *s)
{
    char byte;

    if (s->readable && read(s->user, &byte, 1) == 1)
        s->readable = 0;
}

static void set_blocked(sfi_sock *s)
{
    static const char filler[4096];

    while (write(s->user, filler, sizeof filler) > 0)
        continue;
    while (write(s->user, filler, 1) > 0)
        continue;
    s->blocked = 1;
}

static void clear_blocked(sfi_sock *s)
{
    char drain[4096];

    while (read(s->inner, drain, sizeof drain) > 0)
        continue;
    s->blocked = 0;
}

/* Take over what the stack says; the stripe is held. */
static void take_events(sfi_sock *s, int events)
{
    if (events & (SCTP_EVENT_READ | SCTP_EVENT_ERROR)) {
        atomic_fetch_add(&s->seen, 1);
        set_readable(s);
    }
    if (events & (SCTP_EVENT_WRITE | SCTP_EVENT_ERROR)) {
        atomic_fetch_add(&s->seen, 1);
        if (s->blocked)
            clear_blocked(s);
    }
}

#define SFI_ASK_AGAIN 8 /* times; then a mark may be there for nothing, and the next try of the caller clears it */

/* Ask the stack, and mark what it says of the socket that has this slot and generation, if it is still so. */
static void ask_stack(struct socket *so, uint32_t slot, uintptr_t generation)
{
    for (int i = 0; i < SFI_ASK_AGAIN; i++) {
        unsigned taken = atomic_load(&slots[slot].taken);
        int events = usrsctp_get_events(so);
        int old;

        pthread_mutex_lock(stripe_of(slot));
        old = i + 1 < SFI_ASK_AGAIN && taken != atomic_load(&slots[slot].taken);
        if (!old && slots[slot].sock != NULL && slots[slot].generation == generation)
            take_events(slots[slot].sock, events);
        pthread_mutex_unlock(stripe_of(slot));
        if (!old)
            return;
    }
}

/* The stack's upcall, on its receive or timer thread: look the socket up by number, mark, be gone. */
static void on_upcall(struct socket *so, void *arg, int flags)
{
    (void)flags;
    ask_stack(so, (uint32_t)((uintptr_t)arg % SFI_MAX_SOCKS), (uintptr_t)arg / SFI_MAX_SOCKS);
}

/* Ask the stack once, for what came while no upcall could tell. */
static void look_again(sfi_sock *s)
{
    ask_stack(s->so, s->slot, slots[s->slot].generation);
}

/* An operation got EAGAIN.  What happened since `seen` was read would be forgotten if the mark were cleared,
   so then it stays, and the caller's next try decides.  The marks of a close stay for good.  Whether it was cleared. */
static int unready(sfi_sock *s, unsigned seen)
{
    int same;

    pthread_mutex_lock(stripe_of(s->slot));
    same = atomic_load(&s->seen) == seen;
    if (same && !sfi_is_closed(s)) {
        atomic_fetch_add(&slots[s->slot].taken, 1);
        clear_readable(s);
    }
    pthread_mutex_unlock(stripe_of(s->slot));
    return same;
}

/* After something was taken: is there more?  Only where a selector may watch; else the next EAGAIN finds out. */
static void settle(sfi_sock *s)
{
    if (!atomic_load(&s->asked))
        return;
    for (int i = 0; i < SFI_ASK_AGAIN; i++) {
        unsigned seen = atomic_load(&s->seen);

        if ((usrsctp_get_events(s->so) & (SCTP_EVENT_READ | SCTP_EVENT_ERROR)) != 0 || unready(s, seen))
            return;
    }
}

static void block(sfi_sock *s, unsigned seen)
{
    pthread_mutex_lock(stripe_of(s->slot));
    if (atomic_load(&s->seen) == seen && !s->blocked && !sfi_is_closed(s)) {
        set_blocked(s);
        if (s->base.style == SFI_STYLE_ONE_TO_MANY)
            hurry_up();
    }
    pthread_mutex_unlock(stripe_of(s->slot));
}

/* ---- the slow timer ---- */

static sfi_sock *hold(uint32_t slot)
{
    sfi_sock *s;

    pthread_mutex_lock(stripe_of(slot));
    s = slots[slot].sock;
    if (s != NULL && sfi_enter(s) < 0)
        s = NULL;
    pthread_mutex_unlock(stripe_of(slot));
    return s;
}

static void tick_one(uint32_t slot, int *hurry)
{
    sfi_sock *s = hold(slot);

    if (s == NULL)
        return;
    look_again(s);
    if (s->base.style == SFI_STYLE_ONE_TO_MANY) {
        pthread_mutex_lock(stripe_of(slot));
        if (s->blocked) {
            *hurry = 1;
            atomic_fetch_add(&s->seen, 1);
            clear_blocked(s);
        }
        pthread_mutex_unlock(stripe_of(slot));
    }
    sfi_leave(s);
}

static void tick_all(int *hurry)
{
    uint32_t used;

    pthread_mutex_lock(&table_lock);
    used = slots_used;
    pthread_mutex_unlock(&table_lock);
    for (uint32_t i = 1; i < used; i++)
        tick_one(i, hurry);
}

static void *tick(void *unused)
{
    int64_t last = sfi_now_ms();
    int hurry = 0;

    (void)unused;
    while (!atomic_load(&tick_stop)) {
        struct pollfd p = {tick_pipe[0], POLLIN, 0};
        char drain[16];

        if (poll(&p, 1, hurry ? SFI_RETRY_MS : SFI_TICK_MS) > 0) {
            while (read(tick_pipe[0], drain, sizeof drain) > 0)
                continue;
            atomic_store(&tick_hurry, 0);
            hurry = 1;
        }
        if (work_off_closing() > 0)
            hurry = 1;
        if (sfi_now_ms() - last >= (hurry ? SFI_RETRY_MS : SFI_TICK_MS)) {
            hurry = 0;
            tick_all(&hurry);
            last = sfi_now_ms();
        }
    }
    return NULL;
}

/* ---- the stack's life: once per process ---- */

static void on_fork_in_child(void)
{
    if (stack_state != STACK_UP)
        return;
    atomic_store(&stack_forked, 1);
    /* Whoever was in a call is not here: without this a close would wait for them, and keep its descriptors. */
    for (uint32_t i = 1; i < slots_used; i++)
        if (slots[i].sock != NULL)
            atomic_fetch_and(&slots[i].sock->base.users, SFI_CLOSED);
}

/* The stack leaves its receive sockets open across exec; and as root it opens raw sockets too, by which it
   would abort the associations of a kernel's SCTP on this host (docs/stacks.md).  Returns 1 if the UDP port
   is really ours. */
static int tame_descriptor(int fd, uint32_t udp_port)
{
    struct sockaddr_storage ss;
    socklen_t length = sizeof ss;
    sfi_addr local;
    int type = 0;
    socklen_t size = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
        return 0;
    if (type == SOCK_RAW) {
#if defined(__linux__)
        struct sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
        struct sock_fprog program = {1, nothing};
        int protocol = 0;

        size = sizeof protocol;
        if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_SCTP) {
            fcntl(fd, F_SETFD, FD_CLOEXEC);
            if (udp_port != 0)
                setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
        }
#endif
        return 0;
    }
    if (type != SOCK_DGRAM || udp_port == 0 || getsockname(fd, (struct sockaddr *)&ss, &length) < 0)
        return 0;
    sfi_canonical(&ss, length, &local);
    if (local.family == SFI_AF_ANY || local.port != udp_port)
        return 0;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return 1;
}

static int tame_descriptors(uint32_t udp_port)
{
    int ours = 0;
#if defined(__linux__)
    DIR *d = opendir("/proc/self/fd");
#else
    DIR *d = opendir("/dev/fd");
#endif

    if (d == NULL)
        return 1; /* cannot be checked here */
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        int fd = atoi(e->d_name);

        if (fd > 2 && fd != dirfd(d))
            ours |= tame_descriptor(fd, udp_port);
    }
    closedir(d);
    return udp_port == 0 ? 1 : ours;
}

/* At exit(), when no Python code can run any more: what was sent last still has to reach its peer. */
static void on_exit_of_process(void)
{
    exit_thread = pthread_self();
    atomic_store(&stack_exiting, 1);
    sfi_stack_stop(SFI_EXIT_MS);
}

/* A daemon thread that the end wakes is not to go on in Python: CPython stops it there, PyPy would let it run. */
static void n_back(void)
{
    if (atomic_load(&stack_exiting) && !pthread_equal(pthread_self(), exit_thread))
        for (;;)
            pause();
}

static int start_locked(uint32_t udp_port)
{
    sigset_t all, before;
    int r;

    for (int i = 0; i < SFI_STRIPES; i++)
        pthread_mutex_init(&stripes[i], NULL);
    pthread_atfork(NULL, NULL, on_fork_in_child);
    atexit(on_exit_of_process);
    if (sfi_pipe(tick_pipe) < 0)
        return sfi_errno();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals belong to the program's own threads */
    usrsctp_init((uint16_t)udp_port, NULL, NULL);
    r = -pthread_create(&tick_thread, NULL, tick, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (udp_port == 0)
        usrsctp_sysctl_set_sctp_blackhole(2); /* else raw processes on one host abort each other's */
    if (r == 0 && !tame_descriptors(udp_port))
        r = -EADDRINUSE; /* the stack keeps silent when its UDP port is taken */
    return r;
}

int sfi_stack_start(uint32_t udp_port, uint32_t remote_udp_port)
{
    int r = 0;

    if (udp_port > UINT16_MAX || remote_udp_port > UINT16_MAX)
        return -EINVAL;
    if (atomic_load(&stack_forked))
        return -SFI_EFORKED;
    pthread_mutex_lock(&table_lock);
    if (stack_state == STACK_NEW) {
        r = start_locked(udp_port);
        stack_port = udp_port;
        stack_remote_port = udp_port == 0 ? 0 : remote_udp_port;
        stack_state = r == 0 ? STACK_UP : STACK_BROKEN;
    } else if (stack_state != STACK_UP) {
        r = -SFI_EFAILED;
    }
    pthread_mutex_unlock(&table_lock);
    return r;
}

/* Wind down before exit: shut down what is open, give it limit_ms to reach its peers.  usrsctp_finish() is not called:
   it waits for endpoints which the stack sometimes forgets to free (0.9.5), and nothing is left to be said. */
int sfi_stack_stop(int64_t limit_ms)
{
    int64_t deadline = sfi_now_ms() + limit_ms;
    uint32_t used;

    if (atomic_load(&stack_forked) || stack_state != STACK_UP)
        return 0;
    for (uint32_t i = 1; i < SFI_MAX_SOCKS; i++) {
        sfi_sock *s;

        pthread_mutex_lock(&table_lock);
        used = slots_used;
        pthread_mutex_unlock(&table_lock);
        if (i >= used)
            break;
        s = hold(i);
        if (s != NULL) {
            sfi_close(s);
            sfi_leave(s);
        }
    }
    atomic_store(&tick_stop, 1);
    if (write(tick_pipe[1], "", 1) == 1)
        pthread_join(tick_thread, NULL);
    pthread_mutex_lock(&table_lock);
    stack_state = STACK_DOWN;
    pthread_mutex_unlock(&table_lock);
    while (work_off_closing() > 0) {
        if (sfi_remaining(deadline) == 0)
            return -ETIMEDOUT;
        poll(NULL, 0, 2);
    }
    return 0;
}

int sfi_stack_version(char *text, size_t size)
{
    return snprintf(text, size, "%s", SFI_USRSCTP_VERSION);
}

int sfi_probe(void)
{
    return atomic_load(&stack_forked) ? -SFI_EFORKED : stack_state > STACK_UP ? -SFI_EFAILED : 0;
}

/* ---- what it lacks: descriptors ---- */

int sfi_detach(sfi_sock *s)
{
    (void)s;
    return -SFI_EABSENT;
}

int sfi_dup(sfi_sock *s, sfi_sock **out)
{
    (void)s;
    (void)out;
    return -SFI_EABSENT;
}

int sfi_adopt(int fd, sfi_sock **out, sfi_adopted *info)
{
    (void)fd;
    (void)out;
    (void)info;
    return -SFI_EABSENT;
}
