/* Takes one TCP connection and counts its messages, each a length as u32be and so many bytes, read with a buffer
 * of 1 MiB. COUNT messages of SIZE bytes are expected; anything else, a cut one included, is a failure. */
#include "limits.h"

int main(int argc, char **argv) {
    if (argc != 3) usage("len_sink COUNT SIZE");
    uint64_t expected = strtoull(argv[1], NULL, 10), length = strtoull(argv[2], NULL, 10);
    char *buffer = buffer_of(MIB);
    uint64_t bytes = 0, messages = 0, wrong = 0;
    uint64_t payload_left = 0; /* of the message that the last read cut */
    unsigned char header[4];
    size_t header_bytes = 0;
    int from = accept_one("len_sink");
    double start = now();
    for (;;) {
        ssize_t n = read(from, buffer, MIB);
        if (n < 0) fail("read");
        if (n == 0) break;
        if (bytes == 0) start = now();
        bytes += (uint64_t)n;
        size_t at = 0, end = (size_t)n;
        for (;;) {
            if (payload_left > end - at) {
                payload_left -= end - at;
                break;
            }
            at += payload_left;
            payload_left = 0;
            while (header_bytes < 4 && at < end) header[header_bytes++] = (unsigned char)buffer[at++];
            if (header_bytes < 4) break;
            header_bytes = 0;
            payload_left = (uint64_t)header[0] << 24 | (uint64_t)header[1] << 16 | (uint64_t)header[2] << 8 | header[3];
            messages++;
            wrong += payload_left != length;
        }
    }
    report("len_sink", bytes, messages, now() - start);
    if (messages != expected || wrong != 0 || payload_left != 0 || header_bytes != 0) {
        fprintf(stderr, "len_sink: %llu messages, %llu of another length, %llu bytes missing; expected %s of %s bytes\n",
                (unsigned long long)messages, (unsigned long long)wrong, (unsigned long long)payload_left, argv[1], argv[2]);
        return 1;
    }
    return 0;
}
