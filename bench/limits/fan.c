/* What a chat costs in system calls alone: takes connections on a free port, and writes what it reads from one of them
 * to all the others, one after the other, with a buffer of SIZE bytes. One that does not read stalls all. Serves on
 * until it is stopped. */
#include "limits.h"
#include <signal.h>
#include <sys/epoll.h>

#define MOST 4096

int main(int argc, char **argv) {
    if (argc != 2) usage("fan SIZE");
    size_t size = strtoull(argv[1], NULL, 10);
    char *buffer = buffer_of(size);
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int conns[MOST], count = 0, on = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), e = epoll_create1(EPOLL_CLOEXEC);
    if (l < 0 || e < 0) fail("socket");
    if (bind(l, (struct sockaddr *)&at, sizeof at) < 0) fail("bind");
    if (listen(l, 1024) < 0) fail("listen");
    if (getsockname(l, (struct sockaddr *)&at, &len) < 0) fail("getsockname");
    fprintf(stderr, "fan: listening on tcp://127.0.0.1:%d\n", ntohs(at.sin_port));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = l};
    epoll_ctl(e, EPOLL_CTL_ADD, l, &event);
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        struct epoll_event ready[64];
        int n = epoll_wait(e, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            int from = ready[i].data.fd;
            if (from == l) {
                int s = accept(l, NULL, NULL);
                if (s < 0) fail("accept");
                if (count == MOST) usage("fan: too many connections");
                setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                struct epoll_event added = {.events = EPOLLIN, .data.fd = s};
                epoll_ctl(e, EPOLL_CTL_ADD, s, &added);
                conns[count++] = s;
                continue;
            }
            ssize_t got = read(from, buffer, size);
            if (got <= 0) {
                close(from);
                for (int c = 0; c < count; c++)
                    if (conns[c] == from) conns[c] = conns[--count];
                continue;
            }
            for (int c = 0; c < count; c++)
                if (conns[c] != from) write_all(conns[c], buffer, (size_t)got);
        }
    }
}
