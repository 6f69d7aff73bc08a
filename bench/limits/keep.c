/* Takes one TCP connection and keeps what it brings in FILE: read and written 256 KiB at a time, or spliced. */
#include "limits.h"

static uint64_t by_read(int from, int to) {
    char *buffer = buffer_of(256 * KIB);
    uint64_t got = 0;
    for (;;) {
        ssize_t n = read(from, buffer, 256 * KIB);
        if (n < 0) fail("read");
        if (n == 0) return got;
        write_all(to, buffer, (size_t)n);
        got += (uint64_t)n;
    }
}

static uint64_t by_splice(int from, int to) {
    int pipe_ends[2];
    if (pipe(pipe_ends) < 0) fail("pipe");
    fcntl(pipe_ends[1], F_SETPIPE_SZ, MIB); /* EPERM leaves the default size */
    uint64_t got = 0;
    for (;;) {
        ssize_t n = splice(from, NULL, pipe_ends[1], NULL, MIB, SPLICE_F_MOVE);
        if (n < 0) fail("splice");
        if (n == 0) return got;
        got += (uint64_t)n;
        while (n > 0) {
            ssize_t out = splice(pipe_ends[0], NULL, to, NULL, (size_t)n, SPLICE_F_MOVE);
            if (out <= 0) fail("splice out");
            n -= out;
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 3) usage("keep read|splice FILE");
    int to = open(argv[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (to < 0) fail(argv[2]);
    int from = accept_one("keep");
    double start = now();
    uint64_t got = strcmp(argv[1], "splice") == 0 ? by_splice(from, to) : by_read(from, to);
    report("keep", got, 0, now() - start);
    return 0;
}
