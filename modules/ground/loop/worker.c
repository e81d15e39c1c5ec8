/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that does jobs in order; in a simulation, no thread at all. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "loop/inside.h"

struct job {
    struct job *next;
    struct loop_worker *worker;
    loop_fn *fn, *done;
    void *arg;
};

struct loop_worker {
    struct loop *loop;
    bool threaded, stop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first, **last;           /* to do */
    struct job *done_first, **done_last; /* done, not yet told */
    bool telling;                        /* tell() is posted */
    bool freed; /* the loop's thread only: free when tell() has come */
};

static void push(struct job ***last, struct job *job)
{
    job->next = NULL;
    **last = job;
    *last = &job->next;
}

static void tell_all(struct loop_worker *worker)
{
    for (;;) {
        struct job *job;

        pthread_mutex_lock(&worker->lock);
        job = worker->done_first;
        if (job) {
            worker->done_first = job->next;
            if (!job->next)
                worker->done_last = &worker->done_first;
        }
        pthread_mutex_unlock(&worker->lock);
        if (!job)
            return;
        if (job->done)
            job->done(job->arg);
        free(job);
    }
}

static void worker_bury(struct loop_worker *worker)
{
    pthread_mutex_destroy(&worker->lock);
    pthread_cond_destroy(&worker->more);
    free(worker);
}

static void tell(void *arg)
{
    struct loop_worker *worker = arg;

    pthread_mutex_lock(&worker->lock);
    worker->telling = false;
    pthread_mutex_unlock(&worker->lock);
    if (worker->freed)
        worker_bury(worker);
    else
        tell_all(worker);
}

/* Under the lock. */
static void finish_job(struct loop_worker *worker, struct job *job)
{
    push(&worker->done_last, job);
    if (!worker->telling) {
        worker->telling = true;
        loop_post(worker->loop, tell, worker);
    }
}

static void *work(void *arg)
{
    struct loop_worker *worker = arg;

    pthread_mutex_lock(&worker->lock);
    for (;;) {
        struct job *job = worker->first;

        if (!job) {
            if (worker->stop)
                break;
            pthread_cond_wait(&worker->more, &worker->lock);
            continue;
        }
        worker->first = job->next;
        if (!job->next)
            worker->last = &worker->first;
        pthread_mutex_unlock(&worker->lock);
        job->fn(job->arg);
        pthread_mutex_lock(&worker->lock);
        finish_job(worker, job);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static int start_thread(struct loop_worker *worker, const char *name,
                        struct err *err)
{
    sigset_t all, before;
    int problem;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    problem = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (problem)
        return err_set(err, ERR_INTERNAL, "cannot start thread %s: %s", name,
                       strerror(problem));
    pthread_setname_np(worker->thread, name);
    return 0;
}

struct loop_worker *loop_worker_new(struct loop *loop, const char *name,
                                    struct err *err)
{
    struct loop_worker *worker = mem_alloc(sizeof *worker);

    worker->loop = loop;
    worker->threaded = !loop_is_simulated(loop);
    worker->last = &worker->first;
    worker->done_last = &worker->done_first;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->more, NULL);
    if (worker->threaded && start_thread(worker, name, err) < 0) {
        worker_bury(worker);
        return NULL;
    }
    return worker;
}

void loop_worker_free(struct loop_worker **at)
{
    struct loop_worker *worker = take(*at);

    if (!worker)
        return;
    if (worker->threaded) {
        pthread_mutex_lock(&worker->lock);
        worker->stop = true;
        pthread_cond_signal(&worker->more);
        pthread_mutex_unlock(&worker->lock);
        pthread_join(worker->thread, NULL);
    }
    tell_all(worker);
    if (worker->telling)
        worker->freed = true;
    else
        worker_bury(worker);
}

/* A simulated job is done at once and told of in a later turn. */
void loop_worker_do(struct loop_worker *worker, loop_fn *fn, loop_fn *done,
                    void *arg)
{
    struct job *job = mem_alloc(sizeof *job);

    *job = (struct job){.worker = worker, .fn = fn, .done = done, .arg = arg};
    if (!worker->threaded)
        fn(arg);
    pthread_mutex_lock(&worker->lock);
    if (worker->threaded) {
        push(&worker->last, job);
        pthread_cond_signal(&worker->more);
    } else {
        finish_job(worker, job);
    }
    pthread_mutex_unlock(&worker->lock);
}
