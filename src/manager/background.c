/* A background job: see background.h. */
#include "config.h"
#include "manager/background.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/mem.h"

enum stage { IDLE, WANTED, BUSY, QUIT };

struct background {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum stage stage;
    int outcome; /* of the last run, until told: 1, -1 */
    struct err err;
    int (*run)(void *arg, struct err *err);
    void *arg;
};

static void *thread_main(void *arg)
{
    struct background *b = arg;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (b->stage != WANTED && b->stage != QUIT)
            pthread_cond_wait(&b->changed, &b->lock);
        if (b->stage == QUIT)
            break;
        b->stage = BUSY;
        pthread_mutex_unlock(&b->lock);
        struct err err = {0};
        int rc = b->run(b->arg, &err);
        pthread_mutex_lock(&b->lock);
        b->outcome = rc < 0 ? -1 : 1;
        b->err = err;
        if (b->stage == BUSY)
            b->stage = IDLE;
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

struct background *background_create(int (*run)(void *arg, struct err *err),
                                     void *arg, struct err *err)
{
    struct background *b = mem_calloc(1, sizeof(*b));
    sigset_t all, old;
    if (!b) {
        err_set(err, ENOMEM, "no memory for a thread");
        return NULL;
    }
    b->run = run;
    b->arg = arg;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    sigfillset(&all); /* signals are the loop's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&b->thread, NULL, thread_main, b);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        err_sys(err, rc, "cannot start a thread");
        mem_free(b);
        return NULL;
    }
    return b;
}

void background_destroy(struct background *b)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->stage = QUIT;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

bool background_start(struct background *b)
{
    pthread_mutex_lock(&b->lock);
    bool free = b->stage == IDLE;
    if (free) {
        b->stage = WANTED;
        pthread_cond_signal(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return free;
}

bool background_busy(struct background *b)
{
    pthread_mutex_lock(&b->lock);
    bool busy = b->stage != IDLE;
    pthread_mutex_unlock(&b->lock);
    return busy;
}

int background_outcome(struct background *b, struct err *err)
{
    pthread_mutex_lock(&b->lock);
    int outcome = b->outcome;
    b->outcome = 0;
    if (outcome < 0)
        *err = b->err;
    pthread_mutex_unlock(&b->lock);
    return outcome;
}
