/* Binds a free UDP port, tells it on stderr, and counts what comes, one recv(2) each, until nothing came for half a
 * second. With `print` each datagram goes to stdout by one write(2) too. The time runs from the first to the last. */
#include "limits.h"
#include <sys/time.h>

int main(int argc, char **argv) {
    int print = argc > 1 && strcmp(argv[1], "print") == 0, room = 4 * MIB;
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) < 0) fail("bind");
    if (getsockname(s, (struct sockaddr *)&at, &size) < 0) fail("getsockname");
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof room); /* as much as rmem_max lets us have */
    fprintf(stderr, "udp_sink: listening on udp://127.0.0.1:%d\n", ntohs(at.sin_port));
    char *buffer = buffer_of(64 * KIB);
    uint64_t bytes = 0, messages = 0;
    double start = 0, last = 0;
    struct timeval quiet = {.tv_usec = 500000};
    for (;;) {
        ssize_t n = recv(s, buffer, 64 * KIB, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (n < 0) fail("recv");
        if (messages == 0) {
            start = now();
            setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &quiet, sizeof quiet);
        }
        messages++;
        bytes += (uint64_t)n;
        if ((messages & 255) == 0) last = now();
        if (print) write_all(1, buffer, (size_t)n);
    }
    /* The last batch of fewer than 256 counts as if it had come with the one before. */
    if (!print) report("udp_sink", bytes, messages, last - start);
    return 0;
}
