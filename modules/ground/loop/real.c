/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a loop on the kernel: libevent waits, signals and descriptors tell. */
#include "loop/real.h"

#include <assert.h>
#include <errno.h>
#include <event2/dns.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

static void nothing(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

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

/* ------------------------------------------------- calls from other threads */

static void real_post(struct loop *loop, loop_fn *fn, void *arg)
{
    struct real_loop *real = real_of(loop);
    uint64_t one = 1;
    bool first;

    pthread_mutex_lock(&real->post_lock);
    first = !real->post_count;
    if (real->post_count == real->post_room) {
        real->post_room = real->post_room ? real->post_room * 2 : 16;
        real->posts = mem_resize_array(real->posts, real->post_room,
                                       sizeof *real->posts);
    }
    real->posts[real->post_count++] = (struct loop_call){fn, arg};
    pthread_mutex_unlock(&real->post_lock);
    if (first && write(real->post_fd, &one, sizeof one) < 0)
        assert(errno == EAGAIN);
}

static void take_posts(struct real_loop *real)
{
    struct loop_call *posts;
    size_t count, i;

    pthread_mutex_lock(&real->post_lock);
    posts = take(real->posts);
    count = real->post_count;
    real->post_count = real->post_room = 0;
    pthread_mutex_unlock(&real->post_lock);
    for (i = 0; i < count; i++)
        loop_later(&real->loop, posts[i].fn, posts[i].arg);
    mem_free(&posts);
}

static void posted(evutil_socket_t fd, short what, void *arg)
{
    uint64_t many;

    (void)what;
    if (read(fd, &many, sizeof many) < 0)
        assert(errno == EAGAIN);
    take_posts(arg);
}

/* ------------------------------------------------------------ begin and end */

static void real_free(struct loop *loop)
{
    struct real_loop *real = real_of(loop);

    take_posts(real);
    loop_end(loop);
    if (real->names)
        evdns_base_free(real->names, 0);
    event_free(real->tick);
    event_free(real->post_event);
    event_base_free(real->base);
    close(real->post_fd);
    if (real->spare >= 0)
        close(real->spare);
    pthread_mutex_destroy(&real->post_lock);
    mem_free(&real->buffer);
    free(real);
}

static const struct loop_driver real_driver = {
    .connect = real_connect,
    .listen = real_listen,
    .post = real_post,
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
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct real_loop *real;

    if (!base || fd < 0) {
        err_set(err, ERR_INTERNAL, "cannot make an event loop: %s",
                strerror(errno));
        if (base)
            event_base_free(base);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    real = mem_alloc(sizeof *real);
    loop_start(&real->loop, &real_driver);
    real->base = base;
    real->buffer = mem_alloc(REAL_READ);
    real->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    real->post_fd = fd;
    pthread_mutex_init(&real->post_lock, NULL);
    real->tick = event_new(base, -1, 0, nothing, NULL);
    real->post_event = event_new(base, fd, EV_READ | EV_PERSIST, posted, real);
    event_add(real->post_event, NULL);
    return &real->loop;
}

/* -------------------------------------------------- signals and descriptors */

struct loop_signal {
    struct event event;
    loop_fn *fn;
    void *arg;
};

static void signalled(evutil_socket_t number, short what, void *arg)
{
    struct loop_signal *it = arg;

    (void)number, (void)what;
    it->fn(it->arg);
}

static int refuse_simulated(const struct loop *loop, const char *what,
                            struct err *err)
{
    if (loop_is_real(loop))
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "a simulated host has no %s", what);
}

struct loop_signal *loop_signal_new(struct loop *loop, int number, loop_fn *fn,
                                    void *arg, struct err *err)
{
    struct loop_signal *it;

    if (refuse_simulated(loop, "signals", err) < 0)
        return NULL;
    it = mem_alloc(sizeof *it);
    it->fn = fn;
    it->arg = arg;
    evsignal_assign(&it->event, real_of(loop)->base, number, signalled, it);
    if (evsignal_add(&it->event, NULL) < 0) {
        err_set(err, ERR_INTERNAL, "cannot watch signal %d", number);
        free(it);
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
    free(it);
}

struct loop_watch {
    struct event event;
    loop_watch_fn *fn;
    void *arg;
};

static void watched(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *it = arg;

    it->fn(fd, (what & EV_READ ? LOOP_READ : 0u) |
                   (what & EV_WRITE ? LOOP_WRITE : 0u), it->arg);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, unsigned what,
                                  loop_watch_fn *fn, void *arg, struct err *err)
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
    event_assign(&it->event, real_of(loop)->base, fd, wanted, watched, it);
    if (event_add(&it->event, NULL) < 0) {
        err_set(err, ERR_INTERNAL, "cannot watch descriptor %d: %s", fd,
                strerror(errno));
        free(it);
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
    free(it);
}
