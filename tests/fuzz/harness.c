/*
 * harness.c - the decoders of one backend's C file under a sanitizer, fed over a pipe; test_harness.py compiles it.
 *
 * SFI_SOURCE is the C file, included whole, so that its static functions can be called. Each case comes as a header and
 * its bytes, which are copied into memory of exactly their size: one byte read beyond is seen. The answer is a code and
 * the bytes that were made. A tail that does not lie within the input aborts. Nothing here opens a socket.
 */
#include SFI_SOURCE

struct ask {
    uint32_t kind;   /* one of the letters below */
    uint32_t a, b;   /* what else it needs */
    uint32_t length; /* of the bytes that follow */
};

static void *take(size_t size)
{
    char *room = malloc(size != 0 ? size : 1);
    char *end = room;

    if (room == NULL)
        exit(3);
    if (size == 0) {
        free(room);
        return malloc(0);
    }
    while (end < room + size) {
        ssize_t n = read(0, end, (size_t)(room + size - end));

        if (n <= 0)
            exit(0);
        end += n;
    }
    return room;
}

static void put(const void *data, size_t size)
{
    const char *at = data;

    while (size != 0) {
        ssize_t n = write(1, at, size);

        if (n <= 0)
            exit(0);
        at += n;
        size -= (size_t)n;
    }
}

static void answer(int64_t code, const void *data, size_t size)
{
    uint32_t length = (uint32_t)size;

    put(&code, sizeof code);
    put(&length, sizeof length);
    put(data, size);
}

static void notification(const char *data, size_t length)
{
    sfi_ntf *out = malloc(sizeof *out);
    int r = sfi_notification(data, length, out);

    if (out->tail_kind != SFI_TAIL_NONE && (size_t)out->tail_offset + out->tail_length > length) {
        fprintf(stderr, "harness: tail %u+%u of %zu\n", out->tail_offset, out->tail_length, length);
        abort();
    }
    if (r == 0 && out->tail_kind != SFI_TAIL_NONE) { /* as Python does: read all of it */
        unsigned sum = 0;

        for (uint32_t i = 0; i < out->tail_length; i++)
            sum += (unsigned char)data[out->tail_offset + i];
        out->ssn += sum == UINT32_MAX;
    }
    answer(r, out, sizeof *out);
    free(out);
}

/* Packed addresses: a is how many there are said to be, b how many the caller has room for. */
static void unpack(const uint8_t *data, size_t length, uint32_t count, uint32_t room)
{
    sfi_addr *out = calloc(room != 0 ? room : 1, sizeof *out);
    int r = sfi_unpack(data, length, count, out, room);

    if (r < 0 || (uint32_t)r > count) {
        fprintf(stderr, "harness: %d of %u addresses\n", r, count);
        abort();
    }
    answer(r, out, (uint32_t)r < room ? (uint32_t)r * sizeof *out : room * sizeof *out);
    free(out);
}

/* The other way round: an array of sfi_addr into b bytes. */
static void pack(const char *data, size_t length, uint32_t size)
{
    uint32_t count = (uint32_t)(length / sizeof(sfi_addr));
    sfi_addr *in = malloc(count != 0 ? count * sizeof *in : 1);
    uint8_t *room = malloc(size != 0 ? size : 1);
    int r;

    memcpy(in, data, count * sizeof *in);
    r = sfi_pack(in, count, room, size);
    answer(r, room, r > 0 ? (size_t)r : 0);
    free(in);
    free(room);
}

static void native(const char *data, size_t length)
{
    sfi_addr *in = calloc(1, sizeof *in);
    char *storage = malloc(sizeof(struct sockaddr_storage));
    int r;

    memcpy(in, data, length < sizeof *in ? length : sizeof *in);
    r = sfi_addr_to_native(in, storage, sizeof(struct sockaddr_storage));
    answer(r, storage, sizeof(struct sockaddr_storage));
    free(in);
    free(storage);
}

static void canonical(const char *data, size_t length)
{
    sfi_addr *out = malloc(sizeof *out);
    int r = sfi_addr_from_native(data, (uint32_t)length, out);

    answer(r, out, sizeof *out);
    free(out);
}

#ifdef SFI_HAS_CONTROL
/* A control buffer, as recvmsg leaves it. */
static void control(char *data, size_t length)
{
    sfi_rcv *out = calloc(1, sizeof *out);
    struct msghdr m;

    memset(&m, 0, sizeof m);
    m.msg_control = data;
    m.msg_controllen = length;
    sfi_fill_rcv(&m, out);
    answer(0, out, sizeof *out);
    free(out);
}
#endif

int main(void)
{
    for (;;) {
        struct ask *ask = take(sizeof *ask);
        char *data = take(ask->length);

        switch (ask->kind) {
        case 'N':
            notification(data, ask->length);
            break;
        case 'U':
            unpack((const uint8_t *)data, ask->length, ask->a, ask->b);
            break;
        case 'P':
            pack(data, ask->length, ask->b);
            break;
        case 'T':
            native(data, ask->length);
            break;
        case 'F':
            canonical(data, ask->length);
            break;
#ifdef SFI_HAS_CONTROL
        case 'C':
            control(data, ask->length);
            break;
#endif
        default:
            return 2;
        }
        free(data);
        free(ask);
    }
}
