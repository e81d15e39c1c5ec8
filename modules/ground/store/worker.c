/* SPDX-License-Identifier: Apache-2.0 */
/* Applies and commits what was staged in a thread, and tells the loop. */

#include "store/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/*
 * The loop stages operations in memory. A commit hands those of before to the thread
 * as one job, which writes them as one transaction; the loop goes on, and whatever is
 * asked to be committed meanwhile is the next job. There is one job at a time, and
 * only the loop begins one, so that a failed commit takes everything with it that was
 * staged after it: nothing of that can be on its way.
 *
 * The database belongs to the thread from `given` until `busy` is false again, and to
 * the loop otherwise: a read that names.c cannot answer waits for that.
 */

#define STACK ((size_t)1 << 20)

/*
 * So much may wait for a commit that is slow. Pushed blobs have a limit of their own, so that
 * writes of objects succeed meanwhile. The cost is what the hub keeps for one write beside
 * its bytes: the request, the object.
 */
#define SLOW CLOCK_SECOND
#define ROWS_WAITING_MOST ((int64_t)32 << 20)
#define BLOBS_WAITING_MOST ((int64_t)256 << 20)
#define COST_OF_ROW 4096

#define READ_WAITS (2 * CLOCK_SECOND)
#define SLOW_LOGGED (5 * CLOCK_SECOND) /* the log tells of a job that takes so long */

/* A caller of store_commit(). */
struct request {
    struct request *next;
    store_done_fn *done;
    void *arg;
    struct store_ops ops; /* owned; staged before it was asked for */
    bool failed;          /* as worker->failure says */
};

struct requests {
    struct request *first, **end;
};

enum task { TASK_COMMIT, TASK_COMPACT, TASK_MAKE_ROOM };

/* What the thread is asked to do, and what came of it. */
struct job {
    enum task task;
    struct store_ops ops; /* owned, of a commit */
    struct requests requests;
    struct err err; /* of a commit */
    bool more;      /* there is more to compact */
};

/* Slices of compaction are asked for again and again (store_compact). */
enum compaction { COMPACTION_NONE, COMPACTION_WANTED, COMPACTION_RUNS, COMPACTION_ENDED };

struct store_worker {
    struct loop_watch *watch; /* of `event` */
    int event;                /* an eventfd: there is something new below */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;

    /* Guarded by the mutex. */
    struct job *given; /* not begun yet */
    bool busy;         /* the thread uses the database */
    bool done;         /* the job's result is there */
    bool troubled, ends;
    struct store_seen told;

    /* The loop's. */
    struct store_seen seen; /* a copy of `told` */
    bool flies;             /* the job below is under way, or its result not looked at */
    struct job job;
    struct store_ops stage;   /* since the last commit was asked for */
    bool applied;             /* a transaction is open, which has */
    struct store_ops settled; /* these, from before `stage` */
    struct requests requests; /* for the next job */
    struct requests answered; /* to be called back */
    struct err failure;       /* of those that failed */
    int64_t revision;         /* the newest that was handed out */
    struct store_names names;
    int64_t rows_waiting, blobs_waiting; /* bytes that are staged, and in no job yet */
    int64_t begun;                       /* the job; steady */
    struct loop_timer *slow;             /* owned; while a job is under way */
    bool slow_logged;
    bool hangs; /* a read has waited for the thread in vain, and nothing came of it since */
    enum compaction compaction;
    bool compacts_more, wants_room;
};

static _Thread_local bool is_worker_thread;

static void add_request(struct requests *requests, struct request *request)
{
    if (!requests->first)
        requests->end = &requests->first;
    *requests->end = request;
    requests->end = &request->next;
}

static struct request *take_request(struct requests *requests)
{
    struct request *request = requests->first;

    if (!request)
        return NULL;
    requests->first = request->next;
    request->next = NULL;
    return request;
}

static void join_requests(struct requests *requests, struct requests *from)
{
    struct request *request;

    while ((request = take_request(from)))
        add_request(requests, request);
}

static void free_ops(struct store_ops *ops)
{
    struct store_op *op;

    while ((op = store_ops_take(ops)))
        mem_free(&op);
}

static void free_requests(struct requests *requests)
{
    struct request *request;

    while ((request = take_request(requests))) {
        free_ops(&request->ops);
        mem_free(&request);
    }
}

/* ---- The thread ------------------------------------------------------------- */

static void run_commit(struct store_db *db, struct job *job)
{
    for (const struct store_op *op = job->ops.first; op; op = op->next)
        if (!op->applied)
            store_op_apply(db, op);
    if (store_db_commit(db, &job->err) == 0)
        job->err = (struct err){0};
}

static void run_compaction(struct store_db *db, struct job *job)
{
    job->more = store_db_compact(db);
}

static void run_make_room(struct store_db *db, struct job *job)
{
    store_db_make_room(db);
}

static void run_job(struct store_db *db, struct job *job)
{
    static void (*const tasks[])(struct store_db * db, struct job * job) = {
        [TASK_COMMIT] = run_commit,
        [TASK_COMPACT] = run_compaction,
        [TASK_MAKE_ROOM] = run_make_room,
    };

    tasks[job->task](db, job);
}

static void wake_loop(const struct store_worker *worker)
{
    /* A counter that is full already wakes the loop as well. */
    if (eventfd_write(worker->event, 1) < 0)
        return;
}

static void note_seen(struct store_db *db, struct store_seen *seen)
{
    store_db_facts(db, &seen->facts);
    seen->health = db->damaged.code ? db->damaged : db->last;
    seen->full = db->full;
}

/* The caller does not have the mutex: damage that is found on the way is told under it. */
static void tell_loop(struct store *store, bool done)
{
    struct store_worker *worker = store->worker;
    struct store_seen seen;

    note_seen(&store->db, &seen);
    pthread_mutex_lock(&worker->mutex);
    worker->told = seen;
    worker->done |= done;
    worker->busy = done;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
    wake_loop(worker);
}

/* Gives the database back; the loop hears of it only if there is something new. */
static void end_turn(struct store *store)
{
    struct store_worker *worker = store->worker;
    bool news;

    pthread_mutex_lock(&worker->mutex);
    news = worker->troubled || worker->told.full != store->db.full;
    worker->busy = news;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
    if (news)
        tell_loop(store, false);
}

/* The result is told before the write-ahead log is emptied, which may take its time. */
static void *run_worker(void *arg)
{
    struct store *store = arg;
    struct store_worker *worker = store->worker;
    struct job *job;

    is_worker_thread = true;
    pthread_mutex_lock(&worker->mutex);
    for (;;) {
        while (!worker->given && !worker->ends)
            pthread_cond_wait(&worker->changed, &worker->mutex);
        job = take(worker->given);
        if (!job)
            break;
        worker->busy = true;
        pthread_mutex_unlock(&worker->mutex);
        run_job(&store->db, job);
        tell_loop(store, true);
        store_db_relieve(&store->db);
        end_turn(store);
        pthread_mutex_lock(&worker->mutex);
    }
    pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

/* ---- Waiting ------------------------------------------------------------------ */

static bool is_at_work(const struct store_worker *worker)
{
    return worker->given || worker->busy;
}

void store_worker_wait(struct store *store)
{
    struct store_worker *worker = store->worker;

    pthread_mutex_lock(&worker->mutex);
    while (is_at_work(worker))
        pthread_cond_wait(&worker->changed, &worker->mutex);
    pthread_mutex_unlock(&worker->mutex);
}

/* The loop stands still meanwhile, so it waits once only for a disk that hangs. */
bool store_worker_wait_briefly(struct store *store)
{
    struct store_worker *worker = store->worker;
    int64_t end = clock_steady() + READ_WAITS;
    struct timespec until = {end / CLOCK_SECOND, end % CLOCK_SECOND};
    int result = worker->hangs ? ETIMEDOUT : 0;

    pthread_mutex_lock(&worker->mutex);
    while (is_at_work(worker) && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&worker->changed, &worker->mutex, &until);
    worker->hangs = is_at_work(worker);
    pthread_mutex_unlock(&worker->mutex);
    return !worker->hangs;
}

/* ---- Jobs --------------------------------------------------------------------- */

static void count_waiting(struct store_worker *worker, const struct store_op *op, int sign)
{
    if (op->kind == STORE_OP_BLOB_PUT)
        worker->blobs_waiting += sign * (int64_t)op->len;
    else
        worker->rows_waiting += sign * ((int64_t)op->len + COST_OF_ROW);
}

static void count_begun(struct store_worker *worker, const struct store_ops *ops)
{
    for (const struct store_op *op = ops->first; op; op = op->next)
        count_waiting(worker, op, -1);
}

static void on_slow(void *arg)
{
    struct store *store = arg;

    store->worker->slow_logged = true;
    log_warn("store",
             "%s: the disk is slow or hangs: what was begun %lld s ago has not ended; what needs "
             "no write is answered, writes wait",
             store->db.path, (long long)(SLOW_LOGGED / CLOCK_SECOND));
}

static void end_slow(struct store *store)
{
    struct store_worker *worker = store->worker;

    loop_timer_stop(worker->slow);
    if (worker->slow_logged)
        log_info("store", "%s: the disk goes on, after %lld s", store->db.path,
                 (long long)((clock_steady() - worker->begun) / CLOCK_SECOND));
    worker->slow_logged = false;
}

static void begin_job(struct store *store, enum task task)
{
    struct store_worker *worker = store->worker;

    worker->flies = true;
    worker->begun = clock_steady();
    loop_timer_set(worker->slow, SLOW_LOGGED);
    worker->job.task = task;
    pthread_mutex_lock(&worker->mutex);
    worker->given = &worker->job;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
}

/* All that was asked for meanwhile is one commit. */
static void begin_commits(struct store *store)
{
    struct store_worker *worker = store->worker;
    struct job *job = &worker->job;

    *job = (struct job){0};
    store_ops_join(&job->ops, &worker->settled);
    for (struct request *request = worker->requests.first; request; request = request->next)
        store_ops_join(&job->ops, &request->ops);
    if (!job->ops.first && !worker->applied) {
        join_requests(&worker->answered, &worker->requests);
        wake_loop(worker);
        return;
    }
    join_requests(&job->requests, &worker->requests);
    count_begun(worker, &job->ops);
    worker->applied = false;
    begin_job(store, TASK_COMMIT);
}

/* What the store does for itself needs a moment without a transaction. */
static void begin_next(struct store *store)
{
    struct store_worker *worker = store->worker;

    if (worker->flies)
        return;
    if (worker->wants_room && !worker->applied) {
        worker->wants_room = false;
        begin_job(store, TASK_MAKE_ROOM);
    } else if (worker->compaction == COMPACTION_WANTED && !worker->applied) {
        worker->compaction = COMPACTION_RUNS;
        begin_job(store, TASK_COMPACT);
    } else if (worker->requests.first) {
        begin_commits(store);
    }
}

/* Takes over what the thread has told; true if the job has ended. */
static bool take_told(struct store_worker *worker)
{
    bool done;

    pthread_mutex_lock(&worker->mutex);
    done = worker->done;
    worker->done = false;
    worker->seen = worker->told;
    pthread_mutex_unlock(&worker->mutex);
    worker->hangs = false;
    return done;
}

/* Only the loop's turn takes it, which tells it on: a read that waits must not. */
static bool take_trouble(struct store_worker *worker)
{
    bool troubled;

    pthread_mutex_lock(&worker->mutex);
    troubled = worker->troubled;
    worker->troubled = false;
    pthread_mutex_unlock(&worker->mutex);
    return troubled;
}

/* From the newest to the oldest, so that each name becomes what it was before the first. */
static void undo_ops(struct store_worker *worker, struct store_ops *ops)
{
    struct store_op *op, *newest = NULL;

    while ((op = store_ops_take(ops))) {
        op->next = newest;
        newest = op;
    }
    while ((op = newest)) {
        newest = op->next;
        store_names_undo(&worker->names, op);
    }
}

/* Everything that was staged goes, and its revisions will be given again. */
static void drop_all(struct store *store)
{
    struct store_worker *worker = store->worker;
    struct store_ops *ops = &worker->job.ops;
    struct request *request;

    worker->failure = worker->job.err;
    store_ops_join(ops, &worker->settled);
    join_requests(&worker->job.requests, &worker->requests);
    while ((request = take_request(&worker->job.requests))) {
        store_ops_join(ops, &request->ops);
        request->failed = true;
        add_request(&worker->answered, request);
    }
    store_ops_join(ops, &worker->stage);
    undo_ops(worker, ops);
    worker->rows_waiting = worker->blobs_waiting = 0;
    store_worker_wait(store);
    store_db_rollback(&store->db);
    worker->applied = false;
    worker->revision = store->db.revision;
}

static void finish_ops(struct store_worker *worker, struct store_ops *ops)
{
    struct store_op *op;

    while ((op = store_ops_take(ops)))
        store_names_finish(&worker->names, op);
}

/* Settles the state of the job that has ended; who asked for it is told later. */
static void finish_job(struct store *store)
{
    struct store_worker *worker = store->worker;
    struct job *job = &worker->job;

    worker->flies = false;
    end_slow(store);
    if (job->task == TASK_COMPACT) {
        worker->compacts_more = job->more;
        worker->compaction = COMPACTION_ENDED;
    } else if (job->task == TASK_COMMIT && job->err.code) {
        drop_all(store);
    } else if (job->task == TASK_COMMIT) {
        finish_ops(worker, &job->ops);
        join_requests(&worker->answered, &job->requests);
    }
}

/* Callers may stage and commit again, so each is out of the list before it is called. */
static void answer_requests(struct store_worker *worker)
{
    struct request *request;

    while ((request = take_request(&worker->answered))) {
        struct err failure = worker->failure;

        request->done(request->arg, request->failed ? &failure : NULL);
        mem_free(&request);
    }
}

static void look_at_worker(struct store *store)
{
    struct store_worker *worker = store->worker;
    bool troubled = take_trouble(worker);

    if (take_told(worker))
        finish_job(store);
    begin_next(store);
    if (troubled && store->trouble)
        store->trouble(store->trouble_arg);
    answer_requests(worker);
}

static void on_told(int fd, unsigned what, void *arg)
{
    eventfd_t count;

    if (eventfd_read(fd, &count) == 0)
        look_at_worker(arg);
}

void store_worker_trouble(void *arg)
{
    struct store *store = arg;
    struct store_worker *worker = store->worker;

    if (worker && is_worker_thread) {
        pthread_mutex_lock(&worker->mutex);
        worker->troubled = true;
        pthread_mutex_unlock(&worker->mutex);
        return;
    }
    if (worker)
        store_worker_wrote(store);
    if (store->trouble)
        store->trouble(store->trouble_arg);
}

/* ---- What the store asks for ---------------------------------------------------- */

int64_t store_worker_stage(struct store *store, enum store_op_kind kind,
                           const struct store_key *key, const void *bytes, size_t len)
{
    struct store_worker *worker = store->worker;
    bool row = kind == STORE_OP_PUT || kind == STORE_OP_DELETE;
    int64_t revision = row ? ++worker->revision : 0;
    struct store_op *op = store_op_new(kind, revision, key, bytes, len);

    store_ops_add(&worker->stage, op);
    count_waiting(worker, op, 1);
    store_names_stage(&worker->names, op);
    return revision;
}

bool store_worker_is_staged(const struct store *store)
{
    return store->worker->stage.first || store->worker->applied;
}

/* Nothing staged, and yet something is under way: it may be the caller's. */
void store_worker_commit(struct store *store, store_done_fn *done, void *arg)
{
    struct store_worker *worker = store->worker;
    struct request *request;

    if (!worker->flies && !worker->requests.first && !store_worker_is_staged(store)) {
        done(arg, NULL);
        return;
    }
    request = mem_alloc(sizeof *request);
    *request = (struct request){.done = done, .arg = arg};
    store_ops_join(&request->ops, &worker->stage);
    add_request(&worker->requests, request);
    begin_next(store);
}

void store_worker_finish(struct store *store)
{
    struct store_worker *worker = store->worker;

    while (worker->flies || worker->answered.first) {
        store_worker_wait(store);
        look_at_worker(store);
    }
}

bool store_worker_compact(struct store *store)
{
    struct store_worker *worker = store->worker;
    bool ended = worker->compaction == COMPACTION_ENDED;

    if (ended)
        worker->compaction = COMPACTION_NONE;
    if (ended && !worker->compacts_more)
        return false;
    if (worker->compaction == COMPACTION_NONE) {
        worker->compaction = COMPACTION_WANTED;
        begin_next(store);
    }
    return true;
}

void store_worker_make_room(struct store *store)
{
    store->worker->wants_room = store->worker->seen.full;
    begin_next(store);
}

/* After a failed commit nothing is applied: what is staged will go with it. */
void store_worker_settle(struct store *store)
{
    struct store_worker *worker = store->worker;
    struct store_op *op;

    store_worker_wait(store);
    while (worker->flies) {
        if (worker->job.task == TASK_COMMIT && worker->job.err.code)
            return;
        take_told(worker);
        finish_job(store);
        begin_next(store);
        store_worker_wait(store);
    }
    while ((op = store_ops_take(&worker->stage))) {
        store_op_apply(&store->db, op);
        op->applied = true;
        store_ops_add(&worker->settled, op);
    }
    store_worker_wrote(store);
}

void store_worker_wrote(struct store *store)
{
    struct store_worker *worker = store->worker;

    worker->applied = store->db.staged;
    if (!worker->stage.first && !worker->requests.first)
        worker->revision = store->db.revision;
    note_seen(&store->db, &worker->seen);
    worker->told = worker->seen;
}

const struct store_names *store_worker_names(const struct store *store)
{
    return &store->worker->names;
}

const struct store_seen *store_worker_seen(const struct store *store)
{
    return &store->worker->seen;
}

int64_t store_worker_revision(const struct store *store)
{
    return store->worker->revision;
}

int64_t store_worker_backlog(const struct store *store)
{
    const struct store_worker *worker = store->worker;
    bool many =
        worker->rows_waiting > ROWS_WAITING_MOST || worker->blobs_waiting > BLOBS_WAITING_MOST;
    bool slow = worker->flies && clock_steady() - worker->begun > SLOW;

    return many && slow ? worker->rows_waiting + worker->blobs_waiting : 0;
}

/* ---- Life ------------------------------------------------------------------------- */

/* Signals are the loop's. */
static int start_thread(struct store *store, struct err *err)
{
    struct store_worker *worker = store->worker;
    pthread_attr_t attributes;
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&worker->thread, &attributes, run_worker, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed)
        return err_set(err, ERR_UNREACHABLE, "no thread for %s: error %d", store->db.path, failed);
    return 0;
}

static void free_worker(struct store *store)
{
    struct store_worker *worker = take(store->worker);

    loop_watch_free(&worker->watch);
    loop_timer_free(&worker->slow);
    if (worker->event >= 0)
        close(worker->event);
    free_ops(&worker->stage);
    free_ops(&worker->settled);
    free_requests(&worker->requests);
    free_requests(&worker->answered);
    store_names_free(&worker->names);
    pthread_mutex_destroy(&worker->mutex);
    pthread_cond_destroy(&worker->changed);
    mem_free(&worker);
}

int store_worker_start(struct store *store, struct loop *loop, struct err *err)
{
    struct store_worker *worker = store->worker = mem_alloc(sizeof *worker);
    pthread_condattr_t steady;

    pthread_mutex_init(&worker->mutex, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->changed, &steady);
    pthread_condattr_destroy(&steady);
    store_names_read(&worker->names, &store->db);
    worker->revision = store->db.revision;
    note_seen(&store->db, &worker->seen);
    worker->told = worker->seen;
    worker->slow = loop_timer_new(loop, on_slow, store);
    worker->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->event < 0)
        err_set(err, ERR_UNREACHABLE, "no eventfd for %s", store->db.path);
    else
        worker->watch = loop_watch_new(loop, worker->event, LOOP_READ, on_told, store, err);
    if (worker->watch && start_thread(store, err) == 0)
        return 0;
    free_worker(store);
    return -1;
}

void store_worker_stop(struct store *store)
{
    struct store_worker *worker = store->worker;

    while (worker->flies) {
        store_worker_wait(store);
        take_told(worker);
        finish_job(store);
        begin_next(store);
    }
    pthread_mutex_lock(&worker->mutex);
    worker->ends = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
    free_worker(store);
}
