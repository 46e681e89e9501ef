/* Asking the session that has a run: see asking.h. */
#include "config.h"
#include "cli/asking.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "store/inbox.h"
#include "store/status.h"

/* How often the answer is looked for, at first and at last. */
#define LOOK_FIRST_NS (5 * NS_PER_MS)
#define LOOK_LAST_NS  (100 * NS_PER_MS)
/* How often it is looked whether the session still lives. */
#define LIFE_NS NS_PER_SEC
/* So long an ask may lie in the inbox, and an answer may take, beside what was
 * agreed to wait. */
#define TAKE_NS   (15 * NS_PER_SEC)
#define ANSWER_NS (60 * NS_PER_SEC)
/* A status that is older, and no lock: the session was killed. */
#define FRESH_NS (3 * NS_PER_SEC)

bool session_is_there(const struct run_arg *run)
{
    struct snapshot snap;
    struct status_origin from;
    struct err err;
    int locked = rundir_in_use(run->dir);
    int64_t now_ns = clock_wall_ns();
    if (status_read(rundir_path(run->dir), run->spec, &snap, &from, &err) < 0)
        return locked == 1;
    mem_free(snap.jobs);
    bool alive = status_is_alive(&snap, now_ns) && !status_is_gone(&from);
    if (locked == 0)
        return alive && now_ns - snap.now_ns < FRESH_NS;
    /* with the lock there may be one that has not said anything yet */
    return alive || (locked == 1 && (snap.state != RUN_FINISHED ||
                                     snap.session < rundir_session(run->dir)));
}

/* ---- Signals: blocked, and looked for where we wait ---- */

static void signals_block(sigset_t *ours, sigset_t *before)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action;
    sigemptyset(ours);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (sigaction(numbers[i], NULL, &action) == 0 &&
            action.sa_handler != SIG_IGN)
            sigaddset(ours, numbers[i]);
    sigprocmask(SIG_BLOCK, ours, before);
}

/* Wait; the signal that ended it, or 0. */
static int wait_ns(const sigset_t *ours, int64_t ns)
{
    struct timespec time = {.tv_sec = ns / NS_PER_SEC,
                            .tv_nsec = ns % NS_PER_SEC};
    int number = sigtimedwait(ours, NULL, &time);
    return number > 0 ? number : 0;
}

/* ---- An ask ---- */

struct asking {
    const struct run_arg *run;
    const char *path; /* of the run directory */
    const struct ask *ask;
    char id[INBOX_ID_BYTES];
    struct buf text; /* the ask, then the answer */
    int signal;      /* that ended the wait; 0: none */
};

static int gone(struct err *err)
{
    return err_set(err, ENOTCONN, "the session has ended");
}

/* Wait until it is answered; -1 with err. */
static int answer_wait(struct asking *a, const sigset_t *ours, struct err *err)
{
    int64_t start_ns = clock_mono_ns(), nap_ns = LOOK_FIRST_NS;
    int64_t life_ns = start_ns + LIFE_NS;
    int64_t last_ns = start_ns + ANSWER_NS + a->ask->wait_ms * NS_PER_MS;
    for (;;) {
        if ((a->signal = wait_ns(ours, nap_ns)) != 0)
            return err_set(err, EINTR, "interrupted");
        if (nap_ns < LOOK_LAST_NS)
            nap_ns += nap_ns / 2;
        int64_t now_ns = clock_mono_ns();
        bool there = now_ns < life_ns || session_is_there(a->run);
        switch (inbox_get(a->path, a->id, &a->text, err)) {
        case INBOX_ANSWERED:
            return 0;
        case INBOX_FAILED:
            return -1;
        case INBOX_WAITING:
            if (there && now_ns - start_ns > TAKE_NS)
                return err_set(err, ETIMEDOUT,
                               "the session does not look at its inbox");
            break;
        case INBOX_TAKEN:
            break;
        }
        if (!there)
            return gone(err);
        if (now_ns >= last_ns && a->ask->what != ASK_REMOTE)
            return err_set(err, ETIMEDOUT,
                           "the session has not answered within %lld s",
                           (long long)((last_ns - start_ns) / NS_PER_SEC));
        if (now_ns >= life_ns)
            life_ns = now_ns + LIFE_NS;
    }
}

static int data_read(struct asking *a, const struct answer *answer,
                     struct buf *data, struct err *err)
{
    struct stat st;
    int fd = inbox_open_data(a->path, a->id, err), rc = -1;
    if (fd < 0)
        return -1;
    char *to = NULL;
    if (fstat(fd, &st) < 0)
        err_sys(err, errno, "cannot read what came with the answer");
    else if ((uint64_t)st.st_size != answer->data_bytes)
        err_set(err, EIO, "what came with the answer is not complete");
    else if (!(to = buf_reserve(data, (size_t)st.st_size)))
        err_sys(err, errno, "cannot keep %llu bytes of an answer",
                (unsigned long long)st.st_size);
    else if (file_read_at(fd, to, (size_t)st.st_size, 0) < 0)
        err_sys(err, errno, "cannot read what came with the answer");
    else
        rc = 0;
    if (rc == 0)
        buf_commit(data, (size_t)st.st_size);
    close(fd);
    return rc;
}

static int ask_now(struct asking *a, const sigset_t *ours,
                   struct answer *answer, struct buf *data, struct err *err)
{
    if (ask_put(&a->text, a->ask, err) < 0)
        return -1;
    if (inbox_put_with(a->path, a->text.data, a->text.len, a->ask->data,
                       a->ask->data_len, a->id, err) < 0)
        return err->code == ENOENT
                   ? err_set(err, ENOTCONN, "the session takes no questions")
                   : -1;
    buf_reset(&a->text);
    if (answer_wait(a, ours, err) < 0 ||
        answer_parse(buf_text(&a->text), a->text.len, answer, err) < 0)
        goto forget;
    if (answer->data_bytes == 0 || !data)
        return 0;
    if (data_read(a, answer, data, err) == 0)
        return 0;
forget:
    inbox_forget(a->path, a->id);
    return -1;
}

int session_ask(const struct run_arg *run, const struct ask *ask,
                struct answer *answer, struct buf *data, struct err *err)
{
    struct asking a = {.run = run, .path = rundir_path(run->dir), .ask = ask};
    sigset_t ours, before;
    if (!session_is_there(run))
        return err_set(err, ENOTCONN, "no session has the run");
    buf_init(&a.text, INBOX_MAX_ANSWER_BYTES);
    signals_block(&ours, &before);
    int rc = ask_now(&a, &ours, answer, data, err);
    if (a.signal)
        raise(a.signal); /* it waits for the line below */
    sigprocmask(SIG_SETMASK, &before, NULL);
    buf_fini(&a.text);
    return rc;
}
