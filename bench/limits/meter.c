/* Counts the bytes and lines of stdin; the time runs from the first to the last of them. */
#include "limits.h"

int main(void) {
    char *buffer = buffer_of(MIB);
    uint64_t bytes = 0, lines = 0;
    double start = 0, last = 0;
    for (;;) {
        ssize_t n = read(0, buffer, MIB);
        if (n < 0) fail("read");
        if (n == 0) break;
        last = now();
        if (bytes == 0) start = last;
        bytes += (uint64_t)n;
        for (char *at = buffer, *end = buffer + n; (at = memchr(at, '\n', (size_t)(end - at))); at++) lines++;
    }
    report("meter", bytes, lines, last - start);
    return 0;
}
