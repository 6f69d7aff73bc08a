/* Takes one TCP connection and sends back what each read gives, until the peer ends. */
#include "limits.h"

int main(void) {
    char *buffer = buffer_of(64 * KIB);
    int s = accept_one("echo");
    uint64_t bytes = 0, reads = 0;
    double start = now();
    for (;;) {
        ssize_t n = read(s, buffer, 64 * KIB);
        if (n < 0) fail("read");
        if (n == 0) break;
        write_all(s, buffer, (size_t)n);
        bytes += (uint64_t)n;
        reads++;
    }
    report("echo", bytes, reads, now() - start);
    return 0;
}
