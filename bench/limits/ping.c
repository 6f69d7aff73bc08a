/* Sends 64 bytes, waits until 64 have come back, ROUNDS times; tells the round trip's median and 99th percentile
 * in microseconds. A tenth of the rounds goes before, unmeasured. */
#include "limits.h"

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 3 || atoi(argv[1]) < 1) usage("ping ROUNDS PORT");
    int rounds = atoi(argv[1]), s = dial(argv[2]);
    double *took = malloc((size_t)rounds * sizeof *took);
    if (took == NULL) fail("malloc");
    char message[64];
    memset(message, 'p', sizeof message);
    double begin = now();
    for (int i = -rounds / 10; i < rounds; i++) {
        double start = now();
        write_all(s, message, sizeof message);
        for (size_t got = 0; got < sizeof message;) {
            ssize_t n = read(s, message + got, sizeof message - got);
            if (n < 0) fail("read");
            if (n == 0) {
                fprintf(stderr, "ping: the peer ended after %d rounds\n", i);
                return 1;
            }
            got += (size_t)n;
        }
        if (i >= 0) took[i] = (now() - start) * 1e6;
    }
    double seconds = now() - begin;
    qsort(took, (size_t)rounds, sizeof *took, by_value);
    printf("{\"program\":\"ping\",\"bytes\":%llu,\"messages\":%d,\"seconds\":%.6f,\"cpu\":%.6f,"
           "\"p50_us\":%.2f,\"p99_us\":%.2f}\n",
           64ULL * (unsigned)rounds, rounds, seconds, cpu(), took[rounds / 2], took[rounds * 99 / 100]);
    return 0;
}
