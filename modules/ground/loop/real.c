/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a loop on the kernel: libevent waits, signals and descriptors tell. */
#include "loop/real.h"

#include <errno.h>
#include <event2/dns.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Waking up is all that it is for: real_turn() runs what is due. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

/* libevent has no timers of ours but `tick`, which ends its wait when the first of the heap is due.
 */
static void real_turn(struct loop *loop, int64_t wait)
{
    struct real_loop *real = real_of(loop);
    int64_t next, until;
    struct timeval span;

    loop_run_calls(loop);
    loop_run_timers(loop);
    if (loop->stopped || loop_has_calls(loop))
        wait = 0;
    next = loop_next_timer(loop);
    if (next != INT64_MAX && wait) {
        until = next - clock_steady();
        if (until < wait)
            wait = until < 0 ? 0 : until;
    }
    if (!wait) {
        event_base_loop(real->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        return;
    }
    if (wait != INT64_MAX) {
        span.tv_sec = (time_t)(wait / CLOCK_SECOND);
        span.tv_usec = (suseconds_t)((wait % CLOCK_SECOND + 999) / 1000);
        if (span.tv_usec >= 1000000) {
            span.tv_sec++;
            span.tv_usec -= 1000000;
        }
        event_add(real->tick, &span);
    } else {
        event_del(real->tick);
    }
    event_base_loop(real->base, EVLOOP_ONCE);
}

/* ------------------------------------------------------------ begin and end */

static void real_free(struct loop *loop)
{
    struct real_loop *real = real_of(loop);

    loop_end(loop);
    if (real->names)
        evdns_base_free(real->names, 0);
    event_free(real->tick);
    event_base_free(real->base);
    if (real->spare >= 0)
        close(real->spare);
    mem_free(&real->buffer);
    mem_free(&real);
}

static const struct loop_driver real_driver = {
    .connect = real_connect,
    .listen = real_listen,
    .turn = real_turn,
    .free = real_free,
};

bool loop_is_real(const struct loop *loop)
{
    return loop->driver == &real_driver;
}

bool loop_is_simulated(const struct loop *loop)
{
    return !loop_is_real(loop);
}

/* Without locks: there is one thread. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_new(struct err *err)
{
    struct event_base *base = new_base();
    struct real_loop *real;

    if (!base) {
        err_set(err, ERR_INTERNAL, "cannot make an event loop: %s", strerror(errno));
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    real = mem_alloc(sizeof *real);
    loop_start(&real->loop, &real_driver);
    real->base = base;
    real->buffer = mem_alloc(REAL_READ);
    real->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    real->tick = event_new(base, -1, 0, on_tick, NULL);
    return &real->loop;
}

/* -------------------------------------------------- signals and descriptors */

struct loop_signal {
    struct event event;
    loop_fn *fn;
    void *arg;
};

static void on_loop_signal(evutil_socket_t number, short what, void *arg)
{
    struct loop_signal *it = arg;

    (void)number, (void)what;
    it->fn(it->arg);
}

static int refuse_simulated(const struct loop *loop, const char *what, struct err *err)
{
    if (loop_is_real(loop))
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "a simulated host has no %s", what);
}

struct loop_signal *loop_signal_new(struct loop *loop, int number, loop_fn *fn, void *arg,
                                    struct err *err)
{
    struct loop_signal *it;

    if (refuse_simulated(loop, "signals", err) < 0)
        return NULL;
    it = mem_alloc(sizeof *it);
    it->fn = fn;
    it->arg = arg;
    evsignal_assign(&it->event, real_of(loop)->base, number, on_loop_signal, it);
    if (evsignal_add(&it->event, NULL) < 0) {
        err_set(err, ERR_INTERNAL, "cannot watch signal %d", number);
        mem_free(&it);
        return NULL;
    }
    return it;
}

void loop_signal_free(struct loop_signal **at)
{
    struct loop_signal *it = take(*at);

    if (!it)
        return;
    event_del(&it->event);
    mem_free(&it);
}

struct loop_watch {
    struct event event;
    loop_watch_fn *fn;
    void *arg;
};

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *it = arg;

    it->fn(fd, (what & EV_READ ? LOOP_READ : 0u) | (what & EV_WRITE ? LOOP_WRITE : 0u), it->arg);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, unsigned what, loop_watch_fn *fn,
                                  void *arg, struct err *err)
{
    struct loop_watch *it;
    short wanted = EV_PERSIST;

    if (refuse_simulated(loop, "file descriptors", err) < 0)
        return NULL;
    wanted |= what & LOOP_READ ? EV_READ : 0;
    wanted |= what & LOOP_WRITE ? EV_WRITE : 0;
    it = mem_alloc(sizeof *it);
    it->fn = fn;
    it->arg = arg;
    event_assign(&it->event, real_of(loop)->base, fd, wanted, on_watch, it);
    if (event_add(&it->event, NULL) < 0) {
        err_set(err, ERR_INTERNAL, "cannot watch descriptor %d: %s", fd, strerror(errno));
        mem_free(&it);
        return NULL;
    }
    return it;
}

void loop_watch_free(struct loop_watch **at)
{
    struct loop_watch *it = take(*at);

    if (!it)
        return;
    event_del(&it->event);
    mem_free(&it);
}
