/* Sends the file on stdin through one TCP connection: read and write with 256 KiB, or sendfile. */
#include "limits.h"
#include <sys/sendfile.h>

static uint64_t by_write(int to) {
    char *buffer = buffer_of(256 * KIB);
    uint64_t sent = 0;
    for (;;) {
        ssize_t n = read(0, buffer, 256 * KIB);
        if (n < 0) fail("read");
        if (n == 0) return sent;
        write_all(to, buffer, (size_t)n);
        sent += (uint64_t)n;
    }
}

static uint64_t by_sendfile(int to) {
    uint64_t sent = 0;
    for (;;) {
        ssize_t n = sendfile(to, 0, NULL, 0x7ffff000);
        if (n < 0) fail("sendfile");
        if (n == 0) return sent;
        sent += (uint64_t)n;
    }
}

int main(int argc, char **argv) {
    if (argc != 3) usage("source write|sendfile PORT < FILE");
    int to = dial(argv[2]);
    double start = now();
    uint64_t sent = strcmp(argv[1], "sendfile") == 0 ? by_sendfile(to) : by_write(to);
    shutdown(to, SHUT_WR);
    /* The peer's end says that it has read everything. */
    char end;
    while (read(to, &end, 1) > 0) {
    }
    report("source", sent, 0, now() - start);
    return 0;
}
