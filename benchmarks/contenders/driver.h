/*
 * driver.h - the C contenders' side of the protocol in driver.py: arguments, the clock, what is counted, JSON lines.
 *
 * The file that includes it has the stack's calls.  Nothing here knows a stack.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 64          /* messages between two looks at the clock */
#define LARGEST 65536     /* no message is longer */
#define MOST_TRIPS 500000 /* as many round trips are kept */
#define PPID 46
#define BACKLOG 1024         /* so many may connect before they are accepted */

struct job {
    const char *role, *mode;
    int size, associations, streams, batch, buffers, port, udp_port, answer;
    double seconds, warmup, ping, pause;
    long messages; /* so many in place of seconds */
};

static struct job job = {"", "one", 1000, 1, 1, CHUNK, 0, 0, 0, 0, 0.3, 0.05, 0, 0, 0};
static char payload[LARGEST];

/* What a stack supplies. */
static void stack_listen(void);         /* sets job.port, and job.udp_port if there is one */
static void stack_accept(void);         /* job.associations times */
static void stack_connect(void);        /* likewise */
static void stack_send(long count);     /* messages, in turn over associations and streams */
static long stack_receive(long count);  /* returns how many came, 0 at the end */
static void stack_exchange(long count); /* sends count messages, in turn over the associations, and takes the answers */
static long stack_serve(long count);    /* answers some count messages of all associations, 0 when one has ended */
static void stack_ping(void);           /* one round trip */
static int stack_echo(void);            /* takes a message; 1: it was a ping and was sent back, 0: it was data */
static void stack_finish(void);         /* the sender's end: until the peer has everything, if the stack tells */

static void fail(const char *what)
{
    printf("{\"error\": \"%s: %s\"}\n", what, strerror(errno));
    fflush(stdout);
    _exit(1);
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static double cpu(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* Linux counts the parent's memory into ru_maxrss of a program that was just started; VmHWM is its own. */
static long peak_kib(void)
{
    char line[256];
    long kib = 0;
    struct rusage r;
    FILE *f = fopen("/proc/self/status", "r");

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (f != NULL)
        fclose(f);
    if (kib > 0)
        return kib;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_maxrss;
}

/* ---- what is counted: all messages, and apart those of a window of job.seconds after the warm-up ---- */

#define CHECKPOINTS 10 /* of a run of so many messages: the peak of the memory by then */
#define LONGER 1.1     /* the sender goes on, so that the receiver's window does not see the end */

struct meter {
    long total, first, last, peaks[CHECKPOINTS];
    int reached;
    double began, start, end, start_cpu, end_cpu, latest;
};

static void meter_add(struct meter *m, long count)
{
    double t = now();

    m->total += count;
    m->latest = t;
    if (m->start == 0 && t - m->began >= job.warmup) {
        m->start = m->end = t;
        m->start_cpu = m->end_cpu = cpu();
        m->first = m->last = m->total;
    } else if (m->start > 0 && (job.messages > 0 || m->end - m->start < job.seconds)) {
        m->end = t;
        m->end_cpu = cpu();
        m->last = m->total;
    }
    while (m->reached < CHECKPOINTS && job.messages > 0 && m->total >= job.messages / CHECKPOINTS * (m->reached + 1))
        m->peaks[m->reached++] = peak_kib();
}

/* Whether the sender has to go on. */
static int goes_on(const struct meter *m, double longer)
{
    return job.messages > 0 ? m->total < job.messages : now() - m->began < job.warmup + longer * job.seconds;
}

static void meter_print(const struct meter *m)
{
    printf("{\"role\": \"%s\", \"total\": %ld, \"elapsed\": %.9f, \"messages\": %ld, \"seconds\": %.9f, \"cpu\": %.9f, "
           "\"peak_kib\": %ld",
           job.role, m->total, m->latest > 0 ? m->latest - m->began : 0, m->last - m->first, m->end - m->start,
           m->end_cpu - m->start_cpu, peak_kib());
    for (int i = 0; i < m->reached; i++)
        printf("%s%ld%s", i == 0 ? ", \"peaks_kib\": [" : ", ", m->peaks[i], i + 1 == m->reached ? "]" : "");
}

/* ---- the roles ---- */

static void receive_all(void)
{
    struct meter m = {0};
    long n;

    stack_listen();
    printf("{\"port\": %d, \"udp_port\": %d}\n", job.port, job.udp_port);
    fflush(stdout);
    stack_accept();
    if (job.ping > 0)
        while (stack_echo())
            continue;
    m.began = now();
    m.total = job.ping > 0; /* the data that ended the echo */
    while ((n = job.answer ? stack_serve(CHUNK) : stack_receive(CHUNK)) > 0)
        meter_add(&m, n);
    meter_print(&m);
    printf("}\n");
    fflush(stdout);
    usleep(50000); /* the stack answers the peer's SHUTDOWN */
}

static int by_size(const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;

    return d < 0 ? -1 : d > 0;
}

static void send_all(void)
{
    struct meter m = {0};
    double *trips = malloc(MOST_TRIPS * sizeof *trips);
    double started, spent = 0;
    long count = 0;

    if (trips == NULL)
        fail("malloc");
    stack_connect();
    memset(payload, 'p', sizeof payload);
    started = now();
    while (job.ping > 0 && now() - started < job.warmup + job.ping && count < MOST_TRIPS) {
        double t = now();

        stack_ping();
        if (t - started >= job.warmup) {
            trips[count] = now() - t;
            spent += trips[count++];
        }
    }
    memset(payload, 'd', sizeof payload);
    m.began = now();
    while (goes_on(&m, LONGER)) {
        if (job.answer)
            stack_exchange(job.answer);
        else
            stack_send(CHUNK);
        meter_add(&m, job.answer ? job.answer : CHUNK);
    }
    stack_finish();
    qsort(trips, (size_t)count, sizeof *trips, by_size);
    meter_print(&m);
    if (count > 0)
        printf(", \"trips\": %ld, \"trip_seconds\": %.9f, \"p50_us\": %.3f, \"p99_us\": %.3f", count, spent,
               trips[count / 2] * 1e6, trips[count * 99 / 100] * 1e6);
    printf("}\n");
    fflush(stdout);
}

/* Both ends in one thread: fill the queue, drain it; nothing waits, so the thread's time is that of the calls. */
static void take_turns(void)
{
    struct meter m = {0};
    double spent[2] = {0, 0};
    long counted = 0;

    stack_listen();
    stack_connect();
    stack_accept();
    memset(payload, 'd', sizeof payload);
    m.began = now();
    while (goes_on(&m, 1) || counted == 0) {
        double times[4];
        long got = 0;

        times[0] = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        stack_send(CHUNK);
        times[1] = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        if (job.pause > 0)
            usleep((useconds_t)(job.pause * 1e6));
        times[2] = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        while (got < CHUNK)
            got += stack_receive(CHUNK - got);
        times[3] = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        if (m.start > 0) {
            spent[0] += times[1] - times[0];
            spent[1] += times[3] - times[2];
            counted += CHUNK;
        }
        meter_add(&m, CHUNK);
    }
    meter_print(&m);
    printf(", \"counted\": %ld, \"send_cpu\": %.9f, \"receive_cpu\": %.9f}\n", counted, spent[0], spent[1]);
    fflush(stdout);
}

static void take_argument(const char *text)
{
    static const struct {
        const char *name;
        int *number;
        double *seconds;
        const char **text;
    } all[] = {
        {"role", NULL, NULL, &job.role},       {"mode", NULL, NULL, &job.mode},
        {"size", &job.size, NULL, NULL},       {"associations", &job.associations, NULL, NULL},
        {"streams", &job.streams, NULL, NULL}, {"batch", &job.batch, NULL, NULL},
        {"buffers", &job.buffers, NULL, NULL}, {"port", &job.port, NULL, NULL},
        {"udp_port", &job.udp_port, NULL, NULL}, {"answer", &job.answer, NULL, NULL},
        {"seconds", NULL, &job.seconds, NULL},   {"warmup", NULL, &job.warmup, NULL},
        {"ping", NULL, &job.ping, NULL},       {"pause", NULL, &job.pause, NULL},
    };
    const char *equals = strchr(text, '=');
    size_t length = equals == NULL ? 0 : (size_t)(equals - text);

    if (length == 8 && strncmp(text, "messages", length) == 0)
        job.messages = atol(equals + 1);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strlen(all[i].name) != length || strncmp(text, all[i].name, length) != 0)
            continue;
        if (all[i].number != NULL)
            *all[i].number = atoi(equals + 1);
        else if (all[i].seconds != NULL)
            *all[i].seconds = atof(equals + 1);
        else
            *all[i].text = equals + 1;
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        take_argument(argv[i]);
    if (strcmp(job.role, "receiver") == 0)
        receive_all();
    else if (strcmp(job.role, "sender") == 0)
        send_all();
    else if (strcmp(job.role, "both") == 0)
        take_turns();
    else
        return 2;
    return 0;
}
