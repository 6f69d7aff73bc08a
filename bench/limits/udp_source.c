/* Sends COUNT datagrams of SIZE bytes to PORT of this machine, one send(2) each: what a program does that knows
 * nothing of batches. The last byte of each is a line feed, so that a receiver that prints can be counted. */
#include "limits.h"

int main(int argc, char **argv) {
    if (argc < 4) usage("udp_source COUNT SIZE PORT");
    uint64_t count = strtoull(argv[1], NULL, 10), lost = 0;
    size_t size = strtoull(argv[2], NULL, 10);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    char *datagram = buffer_of(size);
    datagram[size - 1] = '\n';
    double start = now();
    for (uint64_t i = 0; i < count; i++)
        if (send(s, datagram, size, 0) != (ssize_t)size) lost++;
    report("udp_source", (count - lost) * size, count - lost, now() - start);
    return 0;
}
