/* Runs COMMAND to its end ROUNDS times with its output thrown away; tells the median time from spawn to exit in
 * microseconds. Any exit code counts: the help of some programs ends with 1. */
#include "limits.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc < 3 || atoi(argv[1]) < 1) usage("startup ROUNDS COMMAND [ARGUMENT...]");
    int rounds = atoi(argv[1]);
    double *took = malloc((size_t)rounds * sizeof *took), begin = now();
    if (took == NULL) fail("malloc");
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
    for (int i = 0; i < rounds; i++) {
        double start = now();
        pid_t child;
        int status;
        errno = posix_spawnp(&child, argv[2], &quiet, NULL, argv + 2, environ);
        if (errno != 0) fail(argv[2]);
        if (waitpid(child, &status, 0) < 0) fail("waitpid");
        took[i] = (now() - start) * 1e6;
        if (!WIFEXITED(status)) {
            fprintf(stderr, "startup: %s died of signal %d\n", argv[2], WTERMSIG(status));
            return 1;
        }
    }
    double seconds = now() - begin;
    qsort(took, (size_t)rounds, sizeof *took, by_value);
    printf("{\"program\":\"startup\",\"bytes\":0,\"messages\":%d,\"seconds\":%.6f,\"cpu\":%.6f,\"p50_us\":%.1f}\n",
           rounds, seconds, cpu(), took[rounds / 2]);
    return 0;
}
