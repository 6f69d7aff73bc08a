/* Takes one TCP connection and throws away what it brings: read into a buffer of SIZE bytes, or splice to
 * /dev/null. With EXPECTED, another number of bytes is a failure. The time runs from the first byte. */
#include "limits.h"

static uint64_t by_read(int from, size_t size, double *start) {
    char *buffer = buffer_of(size);
    uint64_t got = 0;
    for (;;) {
        ssize_t n = read(from, buffer, size);
        if (n < 0) fail("read");
        if (n == 0) return got;
        if (got == 0) *start = now();
        got += (uint64_t)n;
    }
}

static uint64_t by_splice(int from, double *start) {
    int pipe_ends[2], null = open("/dev/null", O_WRONLY);
    if (null < 0 || pipe(pipe_ends) < 0) fail("open");
    fcntl(pipe_ends[1], F_SETPIPE_SZ, MIB); /* EPERM leaves the default size */
    uint64_t got = 0;
    for (;;) {
        ssize_t n = splice(from, NULL, pipe_ends[1], NULL, MIB, SPLICE_F_MOVE);
        if (n < 0) fail("splice");
        if (n == 0) return got;
        if (got == 0) *start = now();
        got += (uint64_t)n;
        while (n > 0) {
            ssize_t out = splice(pipe_ends[0], NULL, null, NULL, (size_t)n, SPLICE_F_MOVE);
            if (out <= 0) fail("splice out");
            n -= out;
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 2) usage("sink SIZE|splice [EXPECTED]");
    int from = accept_one("sink");
    double start = now();
    uint64_t got = strcmp(argv[1], "splice") == 0 ? by_splice(from, &start)
                                                  : by_read(from, strtoull(argv[1], NULL, 10), &start);
    report("sink", got, 0, now() - start);
    if (argc > 2 && got != strtoull(argv[2], NULL, 10)) {
        fprintf(stderr, "sink: %llu bytes, expected %s\n", (unsigned long long)got, argv[2]);
        return 1;
    }
    return 0;
}
