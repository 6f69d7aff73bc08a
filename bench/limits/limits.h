/* What every limit program needs besides the system calls that it measures: a socket on loopback, a clock,
 * and the one JSON line at the end. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KIB 1024
#define MIB (1024 * 1024)

static inline void fail(const char *act) {
    fprintf(stderr, "%s: %s\n", act, strerror(errno));
    exit(1);
}

static inline void usage(const char *text) {
    fprintf(stderr, "usage: %s\n", text);
    exit(2);
}

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The process's own user and system time, in seconds. */
static inline double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static inline void report(const char *program, uint64_t bytes, uint64_t messages, double seconds) {
    printf("{\"program\":\"%s\",\"bytes\":%llu,\"messages\":%llu,\"seconds\":%.6f,\"cpu\":%.6f}\n", program,
           (unsigned long long)bytes, (unsigned long long)messages, seconds, cpu());
}

static inline void *buffer_of(size_t size) {
    void *buffer = NULL;
    if (posix_memalign(&buffer, 4096, size) != 0) fail("posix_memalign");
    memset(buffer, 'x', size); /* touched, so that no page fault is measured */
    return buffer;
}

static inline int dial(const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (s < 0) fail("socket");
    if (connect(s, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return s;
}

/* Binds a free port, tells it on stderr as framecat does, and takes one connection. */
static inline int accept_one(const char *program) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (l < 0) fail("socket");
    if (bind(l, (struct sockaddr *)&at, sizeof at) < 0) fail("bind");
    if (listen(l, 1) < 0) fail("listen");
    if (getsockname(l, (struct sockaddr *)&at, &size) < 0) fail("getsockname");
    fprintf(stderr, "%s: listening on tcp://127.0.0.1:%d\n", program, ntohs(at.sin_port));
    int s = accept(l, NULL, NULL);
    if (s < 0) fail("accept");
    close(l);
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return s;
}

static inline void write_all(int to, const char *from, size_t size) {
    while (size > 0) {
        ssize_t n = write(to, from, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("write");
        from += n;
        size -= (size_t)n;
    }
}
