/* Copying files to or from a container: see storage_move.h. */
#include "config.h"
#include "cli/storage_move.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/json_put.h"
#include "view/describe.h"
#include "view/terminal.h"

enum { ERRORS_SHOWN = 20, TICK_NS = 100000000 };

struct moving {
    const struct storage_move *m;
    struct container_copy copy;
    struct container_progress progress;
    struct err err; /* of container_copy as a whole */
    int rc;
    atomic_bool stop;
    unsigned errors;
    int64_t start_ns;
    struct terminal terminal;
    bool drawn;
    pthread_mutex_t lock; /* of the terminal's line */
};

static void line_clear(void *arg)
{
    struct moving *v = arg;
    if (v->drawn)
        (void)!write(STDERR_FILENO, "\r\x1b[K", 4);
    v->drawn = false;
}

/* "12 of 40 files, 1.2 GiB of 3.4 GiB, 512.0 MiB/s" */
static void line_draw(struct moving *v)
{
    char line[256], done[16], all[16], rate[16];
    int64_t ns = clock_mono_ns() - v->start_ns;
    uint64_t bytes = atomic_load(&v->progress.bytes);
    uint64_t written = atomic_load(&v->progress.written);
    if (!v->terminal.live || ns < 3 * TICK_NS)
        return;
    terminal_update(&v->terminal);
    int len = snprintf(
        line, sizeof(line), "%" PRIu64 " of %zu files, %s of %s, %s/s",
        (uint64_t)atomic_load(&v->progress.files), v->m->items->count,
        size_format(bytes, done), size_format(v->m->items->bytes, all),
        size_format((uint64_t)((double)written * 1e9 / (double)ns), rate));
    if (v->terminal.width > 0 && (unsigned)len >= v->terminal.width)
        len = (int)v->terminal.width - 1;
    pthread_mutex_lock(&v->lock);
    line_clear(v);
    (void)!write(STDERR_FILENO, line, (size_t)len);
    v->drawn = true;
    pthread_mutex_unlock(&v->lock);
}

static void on_failed(void *arg, const struct container_item *item,
                      const struct err *err)
{
    struct moving *v = arg;
    pthread_mutex_lock(&v->lock);
    line_clear(v);
    if (v->errors++ < ERRORS_SHOWN)
        log_error("%s: %s", item->to, err->text);
    pthread_mutex_unlock(&v->lock);
}

static void *copy_main(void *arg)
{
    struct moving *v = arg;
    v->rc = container_copy(&v->copy, &v->progress, &v->err);
    atomic_store(&v->progress.ended, true);
    return NULL;
}

/* Draw until it has ended; a signal stops it. */
static void watch(struct moving *v, const sigset_t *signals)
{
    const struct timespec tick = {.tv_nsec = TICK_NS};
    const struct timespec soon = {.tv_nsec = TICK_NS / 20};
    while (!atomic_load(&v->progress.ended)) {
        bool young = clock_mono_ns() - v->start_ns < TICK_NS;
        if (sigtimedwait(signals, NULL, young ? &soon : &tick) > 0)
            atomic_store(&v->stop, true);
        line_draw(v);
    }
    line_clear(v);
}

static int json_say(const struct moving *v)
{
    const struct container_progress *p = &v->progress;
    json_int_t files = (json_int_t)atomic_load(&p->files);
    json_int_t same = (json_int_t)atomic_load(&p->same);
    return json_print(
        json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:b, s:f}", "version", 1,
                  "container", v->m->container, "files", files - same, "bytes",
                  (json_int_t)atomic_load(&p->written), "same", same, "failed",
                  (json_int_t)atomic_load(&p->failures), "interrupted",
                  (int)atomic_load(&v->stop), "seconds",
                  (double)(clock_mono_ns() - v->start_ns) / 1e9),
        4096);
}

/* "uploaded 40 files, 3.4 GiB, to inputs in 12.3s; 3 were there already" */
static int text_say(const struct moving *v)
{
    const struct container_progress *p = &v->progress;
    char files[64], bytes[16], took[16], same[64] = "", line[512];
    uint64_t kept = atomic_load(&p->same);
    uint64_t copied = atomic_load(&p->files) - kept;
    if (kept > 0)
        snprintf(same, sizeof(same), "; %" PRIu64 " %s there already", kept,
                 kept == 1 ? "was" : "were");
    int len =
        snprintf(line, sizeof(line), "%s %s, %s, %s %s in %s%s\n", v->m->did,
                 describe_count(copied, "file", files),
                 size_format(atomic_load(&p->written), bytes), v->m->way,
                 v->m->container,
                 duration_format(clock_mono_ns() - v->start_ns, took), same);
    return stdout_put(line, (unsigned long)len);
}

static int result_say(const struct moving *v)
{
    uint64_t left = v->m->items->count - atomic_load(&v->progress.files);
    char files[64];
    int rc = v->m->json ? json_say(v) : text_say(v);
    if (v->rc < 0)
        log_error("%s", v->err.text);
    if (v->errors > ERRORS_SHOWN)
        log_error("%u more could not be copied", v->errors - ERRORS_SHOWN);
    if (atomic_load(&v->stop) && left > 0)
        log_error("interrupted: %s not copied; no part of one is left. The "
                  "same command goes on from here",
                  describe_count(left, "file", files));
    else if (left > 0 && v->rc == 0)
        log_error("%s could not be copied; what is there is whole, and the "
                  "same command tries the rest again",
                  describe_count(left, "file", files));
    return left > 0 || v->rc < 0 ? EXIT_FAILED : rc;
}

int storage_move(const struct storage_move *m)
{
    struct moving v = {.m = m, .start_ns = clock_mono_ns()};
    sigset_t signals, before;
    pthread_t thread;
    v.copy = (struct container_copy){.from = m->from,
                                     .to = m->to,
                                     .items = m->items->list,
                                     .count = m->items->count,
                                     .threads = m->streams,
                                     .all = m->all,
                                     .stop = &v.stop,
                                     .failed = on_failed,
                                     .arg = &v};
    terminal_detect(&v.terminal, STDERR_FILENO);
    pthread_mutex_init(&v.lock, NULL);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    int code = pthread_create(&thread, NULL, copy_main, &v);
    if (code == 0) {
        watch(&v, &signals);
        pthread_join(thread, NULL);
    } else {
        v.rc = err_sys(&v.err, code, "cannot start a thread");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    int rc = result_say(&v);
    pthread_mutex_destroy(&v.lock);
    return rc;
}
