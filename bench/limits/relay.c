/* Takes one TCP connection, dials PORT and moves the bytes both ways: splice through a pipe of 1 MiB, or read
 * and write with a buffer of SIZE bytes. One poll and one move a turn, and its writes block: with one
 * busy direction, as here, that is enough; a relay for real use may not block so. */
#include "limits.h"
#include <poll.h>

static int pipe_ends[2];
static char *buffer;
static size_t size;

/* Moves what one read gives. Returns its length, 0 at the end of the stream. */
static ssize_t copy(int from, int to) {
    ssize_t n = read(from, buffer, size);
    if (n < 0) fail("read");
    write_all(to, buffer, (size_t)n);
    return n;
}

static ssize_t splice_through(int from, int to) {
    ssize_t n = splice(from, NULL, pipe_ends[1], NULL, size, SPLICE_F_MOVE);
    if (n < 0) fail("splice in");
    for (ssize_t left = n; left > 0;) {
        ssize_t out = splice(pipe_ends[0], NULL, to, NULL, (size_t)left, SPLICE_F_MOVE);
        if (out <= 0) fail("splice out");
        left -= out;
    }
    return n;
}

int main(int argc, char **argv) {
    if (argc != 3) usage("relay splice|SIZE PORT");
    ssize_t (*move)(int, int) = copy;
    if (strcmp(argv[1], "splice") == 0) {
        if (pipe(pipe_ends) < 0) fail("pipe");
        fcntl(pipe_ends[1], F_SETPIPE_SZ, MIB);
        size = MIB;
        move = splice_through;
    } else {
        size = strtoull(argv[1], NULL, 10);
        buffer = buffer_of(size);
    }
    int left = accept_one("relay");
    int right = dial(argv[2]);
    struct pollfd ends[2] = {{.fd = left, .events = POLLIN}, {.fd = right, .events = POLLIN}};
    uint64_t moved = 0;
    double start = now();
    for (int open_ends = 2; open_ends > 0;) {
        if (poll(ends, 2, -1) < 0) fail("poll");
        for (int i = 0; i < 2; i++) {
            if (ends[i].fd < 0 || ends[i].revents == 0) continue;
            int to = i == 0 ? right : left;
            ssize_t n = move(ends[i].fd, to);
            moved += (uint64_t)n;
            if (n > 0) continue;
            shutdown(to, SHUT_WR);
            ends[i].fd = -1;
            open_ends--;
        }
    }
    report("relay", moved, 0, now() - start);
    return 0;
}
