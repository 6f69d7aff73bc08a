/* The peers of a chat: READERS connections that read, and one that speaks. It says COUNT lines of SIZE bytes, LF
 * included, as fast as they are taken, and every reader must get exactly those; then ROUNDS lines, each when all have the
 * one before. Nothing counts before all are in: until then a short line is said again and again. */
#include "limits.h"
#include <sys/epoll.h>

#define BUFFER (256 * KIB)
#define WARM 's' /* said until all are in */
#define LAST 'S' /* the last line before those that count */

struct reader {
    int socket;
    int in;            /* it has got something */
    int begun;         /* it has got the last line that does not count, less its LF */
    uint64_t got;      /* bytes behind that */
};

static struct reader *readers;
static char *buffer, *said; /* what is said, over and over: whole lines, each `x` up to its LF */
static uint64_t size, period, want;
static int count, missing, epoll;

/* Takes what is there for one reader, and checks the bytes that count. */
static void take(struct reader *r) {
    ssize_t n = read(r->socket, buffer, BUFFER);
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
        fprintf(stderr, "crowd: a reader was dropped after %llu bytes\n", (unsigned long long)r->got);
        exit(1);
    }
    char *at = buffer, *end = buffer + n;
    if (!r->in) {
        r->in = 1;
        missing--;
    }
    if (!r->begun) {
        at = memchr(at, LAST, (size_t)n);
        if (at == NULL) return;
        r->begun = 1;
        at++;
    }
    uint64_t before = r->got;
    if (r->got == 0 && at < end && *at == '\n') r->got++, at++; /* of the last line that does not count */
    while (at < end) {
        uint64_t from = (r->got - 1) % size, most = period - from;
        size_t part = (uint64_t)(end - at) < most ? (size_t)(end - at) : most;
        if (r->got == 0 || memcmp(at, said + from, part) != 0) {
            fprintf(stderr, "crowd: what came behind byte %llu was not said\n", (unsigned long long)r->got);
            exit(1);
        }
        r->got += part;
        at += part;
    }
    if (before < want && r->got >= want) missing--;
    if (r->got > want) {
        fprintf(stderr, "crowd: more came than was said\n");
        exit(1);
    }
}

/* One look at all readers, for at most so many milliseconds. */
static void look(int wait) {
    struct epoll_event ready[256];
    int n = epoll_wait(epoll, ready, 256, wait);
    for (int i = 0; i < n; i++)
        if (ready[i].data.ptr != NULL) take(ready[i].data.ptr);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 6) usage("crowd READERS COUNT SIZE ROUNDS PORT");
    count = atoi(argv[1]);
    uint64_t lines = strtoull(argv[2], NULL, 10);
    int rounds = atoi(argv[4]);
    size = strtoull(argv[3], NULL, 10);
    buffer = buffer_of(BUFFER);
    period = size < MIB ? MIB / size * size : size;
    said = buffer_of(period);
    for (uint64_t i = size; i <= period; i += size) said[i - 1] = '\n';
    readers = calloc((size_t)count, sizeof *readers);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < count; i++) {
        readers[i].socket = dial(argv[5]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &readers[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, readers[i].socket, &event);
    }
    int speaker = dial(argv[5]);
    want = UINT64_MAX;
    for (missing = count; missing > 0; look(100)) {
        char warm[2] = {WARM, '\n'};
        write_all(speaker, warm, 2);
    }
    char last[2] = {LAST, '\n'};
    write_all(speaker, last, 2);
    want = 1;
    for (missing = count; missing > 0;) look(-1);

    fcntl(speaker, F_SETFL, O_NONBLOCK);
    want = lines * size + 1;
    missing = count;
    double start = now();
    for (uint64_t sent = 0; missing > 0; look(sent < want - 1 ? 0 : -1)) {
        if (sent == want - 1) continue;
        uint64_t at = sent % period, left = want - 1 - sent, room = period - at;
        ssize_t n = write(speaker, said + at, left < room ? left : room);
        if (n < 0 && errno != EAGAIN && errno != EINTR) fail("write");
        if (n > 0) sent += (uint64_t)n;
    }
    double seconds = now() - start;

    double *took = calloc((size_t)rounds + 1, sizeof *took);
    for (int i = 0; i < rounds; i++) {
        want += size;
        missing = count;
        double began = now();
        write_all(speaker, said, size);
        while (missing > 0) look(-1);
        took[i] = now() - began;
    }
    qsort(took, (size_t)rounds, sizeof *took, compare);
    printf("{\"program\":\"crowd\",\"deliveries\":%llu,\"seconds\":%.6f,\"p50_ms\":%.3f}\n",
           (unsigned long long)(lines * (uint64_t)count), seconds, took[rounds / 2] * 1e3);
    return 0;
}
