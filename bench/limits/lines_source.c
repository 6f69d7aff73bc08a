/* Writes COUNT lines with a payload of SIZE bytes each, LF added, from one prebuilt buffer of at most 1 MiB (at
 * least one line), as fast as the connection takes them. */
#include "limits.h"

int main(int argc, char **argv) {
    if (argc != 4) usage("lines_source COUNT SIZE PORT");
    uint64_t count = strtoull(argv[1], NULL, 10);
    size_t line = strtoull(argv[2], NULL, 10) + 1;
    uint64_t lines_a_buffer = line < MIB ? MIB / line : 1;
    char *buffer = buffer_of(lines_a_buffer * line);
    for (uint64_t i = 1; i <= lines_a_buffer; i++) buffer[i * line - 1] = '\n';

    int to = dial(argv[3]);
    double start = now();
    for (uint64_t left = count; left > 0;) {
        uint64_t lines = left < lines_a_buffer ? left : lines_a_buffer;
        write_all(to, buffer, lines * line);
        left -= lines;
    }
    shutdown(to, SHUT_WR);
    /* The peer's end says that it has read everything. */
    char end;
    while (read(to, &end, 1) > 0) {
    }
    report("lines_source", count * line, count, now() - start);
    return 0;
}
