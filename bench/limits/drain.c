/* Throws away what comes through a pipe on stdin, by splice to /dev/null: the cheapest reader that a program
 * writing to a pipe can have. Another number of bytes than EXPECTED is a failure. */
#include "limits.h"

int main(int argc, char **argv) {
    if (argc != 2) usage("drain EXPECTED");
    int null = open("/dev/null", O_WRONLY);
    if (null < 0) fail("open");
    uint64_t got = 0;
    double start = now();
    for (;;) {
        ssize_t n = splice(0, NULL, null, NULL, MIB, SPLICE_F_MOVE);
        if (n < 0) fail("splice");
        if (n == 0) break;
        got += (uint64_t)n;
    }
    report("drain", got, 0, now() - start);
    if (got != strtoull(argv[1], NULL, 10)) {
        fprintf(stderr, "drain: %llu bytes, expected %s\n", (unsigned long long)got, argv[1]);
        return 1;
    }
    return 0;
}
