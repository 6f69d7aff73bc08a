/* Uploads files of SIZE over HTTP/1.1, COUNT of them, by PUT or as a form's, over CONNECTIONS that are kept: a file on
 * each, then all answers. The content is the file on stdin, sent by sendfile where it is large. */
#include "limits.h"
#include <sys/sendfile.h>
#include <sys/stat.h>

#define BOUNDARY "----limits-7MA4YWxkTrZu0gW"

struct peer {
    int s;
    int is_busy;
};

static int is_form;
static size_t size;
static const char *place;
static char *content;

/* What stands before the content and behind it. */
static size_t head_of(char *head, char *tail, int n) {
    char part[512] = "";
    int length = 0;
    *tail = 0;
    if (is_form) {
        length = sprintf(part,
                         "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"path\"; filename=\"f%d\"\r\n"
                         "Content-Type: application/octet-stream\r\n\r\n",
                         n);
        sprintf(tail, "\r\n--" BOUNDARY "--\r\n");
    }
    char target[64] = "";
    if (!is_form) sprintf(target, "f%d", n);
    return (size_t)sprintf(head, "%s %s%s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
                           is_form ? "POST" : "PUT", place, target,
                           is_form ? "Content-Type: multipart/form-data; boundary=" BOUNDARY "\r\n" : "",
                           (size_t)length + size + strlen(tail), part);
}

static void send_one(struct peer *peer, int n, const char *port) {
    char head[2048], tail[128];
    size_t length = head_of(head, tail, n);
    if (peer->s < 0) peer->s = dial(port);
    if (content != NULL) {
        memcpy(content - length, head, length);
        memcpy(content + size, tail, strlen(tail));
        write_all(peer->s, content - length, length + size + strlen(tail));
    } else {
        write_all(peer->s, head, length);
        off_t at = 0;
        while ((size_t)at < size) {
            ssize_t sent = sendfile(peer->s, 0, &at, size - (size_t)at);
            if (sent < 0) fail("sendfile");
            if (sent == 0) exit(3);
        }
        write_all(peer->s, tail, strlen(tail));
    }
    peer->is_busy = 1;
}

/* The answer has to be one of success; its content, if any, is told by its length, or ends with the connection. */
static void hear_one(struct peer *peer) {
    static char answer[64 * KIB];
    size_t came = 0;
    char *end = NULL;
    size_t due = 0;
    for (;;) {
        ssize_t n = read(peer->s, answer + came, sizeof answer - 1 - came);
        if (n < 0) fail("read");
        if (n == 0) break;
        came += (size_t)n;
        answer[came] = 0;
        if (end == NULL && (end = strstr(answer, "\r\n\r\n")) != NULL) {
            char *length = strcasestr(answer, "\r\ncontent-length:");
            due = (size_t)(end - answer) + 4;
            if (length != NULL && length < end) due += (size_t)atol(length + 17);
        }
        if (end != NULL && came >= due) break;
    }
    if (came < 12 || (answer[9] != '2' && answer[9] != '3')) {
        fprintf(stderr, "refused: %.200s\n", came > 0 ? answer : "no answer");
        exit(1);
    }
    char *close_told = strcasestr(answer, "\r\nconnection: close");
    if (end == NULL || (close_told != NULL && close_told < end)) {
        close(peer->s);
        peer->s = -1;
    }
    peer->is_busy = 0;
}

int main(int argc, char **argv) {
    if (argc != 7) usage("put PORT put|form PLACE SIZE COUNT CONNECTIONS < FILE");
    is_form = strcmp(argv[2], "form") == 0;
    place = argv[3];
    size = (size_t)atol(argv[4]);
    int count = atoi(argv[5]), peers = atoi(argv[6]);
    if (size <= MIB) {
        content = (char *)buffer_of(size + 4 * KIB) + 2 * KIB;
        if (pread(0, content, size, 0) != (ssize_t)size) fail("read stdin");
    }
    struct peer *all = calloc((size_t)peers, sizeof *all);
    for (int p = 0; p < peers; p++) all[p].s = -1;
    double start = now();
    for (int n = 0; n < count;) {
        for (int p = 0; p < peers && n < count; p++) send_one(&all[p], n++, argv[1]);
        for (int p = 0; p < peers; p++) {
            if (all[p].is_busy) hear_one(&all[p]);
        }
    }
    report("put", (uint64_t)count * size, (uint64_t)count, now() - start);
    return 0;
}
