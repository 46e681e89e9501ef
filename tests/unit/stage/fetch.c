/* Fetches a URL for http.sh:
 * fetch URL FILE [retries R] [stall S] [max BYTES] [stop-after MS] [piece N]
 * Prints "ok BYTES SIZE IDENTITY", or "CODE TEXT". */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "stage/http.h"

static atomic_bool stop;
static long stop_after_ms;

static void *stop_later(void *arg)
{
    struct timespec t = {.tv_sec = stop_after_ms / 1000,
                         .tv_nsec = stop_after_ms % 1000 * 1000000};
    nanosleep(&t, NULL);
    stop = true;
    return arg;
}

int main(int argc, char **argv)
{
    static char data[1 << 20];
    struct http_options o = {
        .retries = UINT32_MAX, .pause_ms = 20, .stop = &stop};
    size_t piece = sizeof(data);
    struct err err = {0};
    pthread_t thread;
    for (int i = 3; i + 1 < argc; i += 2) {
        unsigned long value = strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "retries") == 0)
            o.retries = (uint32_t)value;
        else if (strcmp(argv[i], "stall") == 0)
            o.stall_s = (uint32_t)value;
        else if (strcmp(argv[i], "max") == 0)
            o.max_bytes = value;
        else if (strcmp(argv[i], "piece") == 0)
            piece = value;
        else
            stop_after_ms = (long)value;
    }
    if (stop_after_ms && pthread_create(&thread, NULL, stop_later, NULL) != 0)
        return 2;
    uint64_t bytes = 0;
    int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n = -1;
    struct http *h = http_open(argv[1], &o, &err);
    while (h && (n = http_read(h, data, piece, &err)) > 0) {
        bytes += (uint64_t)n;
        if (file_write_all(fd, data, (size_t)n) < 0)
            return 2;
    }
    if (n == 0)
        printf("ok %" PRIu64 " %" PRIu64 " %u %s\n", bytes, http_bytes(h),
               http_requests(h), http_identity(h));
    else
        printf("%s %s\n", strerrorname_np(err.code), err.text);
    http_close(h);
    close(fd);
    return 0;
}
