/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Waits for events and calls the functions that were registered for them: timers, byte streams,
 * signals, file descriptors, child processes.
 *
 * Its one idea: there are two of it. A real loop stands on the kernel; in tests a
 * simulated one is a host of tests/sim/world.h, where time, network and chance
 * are invented from a seed. Code that holds a `struct loop` cannot tell which it
 * has. The loop knows nothing of what bytes mean.
 *
 * One loop belongs to one thread (the store has one of its own, store/worker.c); names are resolved
 * by libevent's evdns, in the loop. No call blocks but loop_run(). A callback is never called from
 * inside the call that asked for it, and any object may be freed from its own callback. Times are
 * nanoseconds, delays are counted on the steady clock.
 */
struct loop;

/* A real loop; also makes the process deaf to SIGPIPE. */
struct loop *loop_new(struct err *err) MUST_CHECK;
/* Everything that stands on the loop must have been freed before. */
void loop_free(struct loop **loop);
#define scoped_loop SCOPED(loop_free)

/* Runs until loop_stop(). A host of a world is run by its world instead. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* Handles what is ready now, waiting at most `wait` for the first. */
void loop_turn(struct loop *loop, int64_t wait);
bool loop_is_simulated(const struct loop *loop);

typedef void loop_fn(void *arg);

/* ------------------------------------------------------------------ timers */

/* Fires once each time it is set. Setting it again moves it. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
    __attribute__((returns_nonnull));
void loop_timer_free(struct loop_timer **timer);
void loop_timer_set(struct loop_timer *timer, int64_t delay);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);

/* Calls once, in this loop's next turn, in order of asking. Not revocable. */
void loop_later(struct loop *loop, loop_fn *fn, void *arg);

/*
 * The wait before the next attempt: evenly from 0 to a ceiling that doubles
 * from `least` to `most` ("full jitter"), so that many who lost the same hub
 * do not come back together.
 */
struct loop_backoff {
    int64_t least, most;
    unsigned tries;
};
int64_t loop_backoff_next(struct loop_backoff *backoff);
void loop_backoff_reset(struct loop_backoff *backoff);

/* ------------------------------------------------------------------ streams */

/*
 * Bytes in order, both ways: a TCP connection, a unix socket, a connection of
 * a simulated network, or (module tls) one of these inside TLS.
 *
 * Writing never blocks and never fails at once: what the other side does not
 * take yet is kept and counted by loop_stream_pending(). A writer of much
 * stops above a bound of its own and goes on at `drained`. A reader that is
 * not ready pauses, and the other side is slowed down.
 */
struct loop_stream;

struct loop_stream_events {
    /* A connection that was asked for is there. Not called for accepted ones. */
    void (*opened)(void *arg);
    /* All bytes must be taken; they are gone when the callback returns. */
    void (*read)(void *arg, const char *bytes, size_t len);
    /* The other side will send no more; one may still write. Optional:
     * without it this counts as closed. */
    void (*ended)(void *arg);
    /* After bytes had to wait, none is left. Optional. */
    void (*drained)(void *arg);
    /* Lost, refused, timed out or ended. Last event; loop_stream_close() is
     * still due. `why` has ERR_NONE when the other side closed in order. */
    void (*closed)(void *arg, const struct err *why);
};

/*
 * Starts connecting; the outcome is an event. The address is "HOST:PORT",
 * "[IPV6]:PORT" or "unix:PATH". Names are asked from the system's name
 * servers and /etc/hosts; their addresses are tried in turn, for at most 10 s
 * in all. Errors here are only of the address's form.
 */
struct loop_stream *loop_connect(struct loop *loop, const char *address,
                                 struct err *err) MUST_CHECK;
/* Sets the callbacks. No event comes, and nothing is read, before. `events` must last. */
void loop_stream_handle(struct loop_stream *stream, const struct loop_stream_events *events,
                        void *arg);
void loop_stream_write(struct loop_stream *stream, const void *bytes, size_t len);
/* Bytes written but not yet taken by the kernel. */
size_t loop_stream_pending(const struct loop_stream *stream);
void loop_stream_pause(struct loop_stream *stream);
void loop_stream_resume(struct loop_stream *stream);
/* Sends what is pending and then the end; reading goes on. */
void loop_stream_finish(struct loop_stream *stream);
/* Ends it at once, dropping what is pending. No event follows. */
void loop_stream_close(struct loop_stream **stream);
/*
 * Ends it in order: no event follows, pending bytes are sent for at most
 * `timeout`, then it closes by itself. The pointer is gone at once.
 */
void loop_stream_close_politely(struct loop_stream **stream, int64_t timeout);
#define scoped_stream SCOPED(loop_stream_close)
/* "10.1.2.3:40112", "unix", or the other host's name in a simulation. */
const char *loop_stream_remote(const struct loop_stream *stream);
struct loop *loop_stream_loop(const struct loop_stream *stream);

/*
 * What makes a stream: for modules that put one stream inside another (tls).
 * The struct is the first member of the maker's own; every function above
 * goes through these. A maker promises the same manners.
 */
struct loop_stream_kind {
    const char *name;
    void (*handle)(struct loop_stream *stream);
    void (*write)(struct loop_stream *stream, const void *bytes, size_t len);
    size_t (*pending)(const struct loop_stream *stream);
    void (*pause)(struct loop_stream *stream, bool paused);
    void (*finish)(struct loop_stream *stream);
    void (*close)(struct loop_stream *stream); /* frees, at once or later */
    const char *(*remote)(const struct loop_stream *stream);
};
struct loop_stream {
    const struct loop_stream_kind *kind;
    struct loop *loop;
    const struct loop_stream_events *events;
    void *arg;
};

struct loop_listener;
/* The new stream is the callee's. It must be handled or closed. */
typedef void loop_accept_fn(struct loop_stream *stream, void *arg);

/*
 * Listens at "HOST:PORT" (an IP address, "localhost", or nothing for all;
 * port 0 takes any free one) or "unix:PATH" (an old socket file there is
 * replaced). Survives running out of descriptors by refusing new connections.
 */
struct loop_listener *loop_listen(struct loop *loop, const char *address, loop_accept_fn *fn,
                                  void *arg, struct err *err) MUST_CHECK;
void loop_listener_close(struct loop_listener **listener);
/* Leaves new connections waiting in the kernel's queue, or accepts again. */
void loop_listener_pause(struct loop_listener *listener, bool paused);
/* Where it really listens: "127.0.0.1:41873". */
const char *loop_listener_address(const struct loop_listener *listener);
int loop_listener_port(const struct loop_listener *listener);

/*
 * Splits "HOST:PORT", "[V6]:PORT" or "HOST" (then `port` is `other_port`) into
 * a host of at most 255 bytes and a port. ERR_INVALID.
 */
#define LOOP_HOST 256
int loop_address_split(const char *address, int other_port, char host[LOOP_HOST], int *ret_port,
                       struct err *err) MUST_CHECK;
/* Whether two addresses ("10.1.2.3:40112") differ in no more than the port. */
bool loop_same_host(const char *one, const char *other);
/* The addresses of this machine that others may reach it by, as text; at most
 * `room`, and how many are written. Loopback is left out. `err` says why none can be
 * listed, which is not the same as that there are none. */
size_t loop_own_addresses(char (*ret)[64], size_t room, struct err *err);

/* ------------------------- the kernel's own: ERR_UNSUPPORTED in simulation */

struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *loop, int number, loop_fn *fn, void *arg,
                                    struct err *err) MUST_CHECK;
void loop_signal_free(struct loop_signal **signal);

/* Tells whenever a descriptor can be read (or written). It stays the caller's. */
struct loop_watch;
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
typedef void loop_watch_fn(int fd, unsigned what, void *arg);
struct loop_watch *loop_watch_new(struct loop *loop, int fd, unsigned what, loop_watch_fn *fn,
                                  void *arg, struct err *err) MUST_CHECK;
void loop_watch_free(struct loop_watch **watch);

/* A child process. Freeing it forgets the process, it does not end it. */
struct loop_child;
struct loop_spawn {
    const char *path;         /* searched in PATH unless it has a slash */
    char *const *arguments;   /* with the name first; NULL at the end */
    char *const *environment; /* NULL: this process's own */
    const char *directory;    /* NULL: stay */
    int in, out, error;       /* descriptors to use, -1: /dev/null */
    const int *keep;          /* further descriptors: keep[i] becomes 3 + i */
    size_t keeps;
    bool own_session;      /* setsid() */
    bool dies_with_parent; /* SIGTERM when this thread's process ends */
};
/* `status` is waitpid's. */
typedef void loop_exit_fn(pid_t pid, int status, void *arg);
struct loop_child *loop_spawn(struct loop *loop, const struct loop_spawn *spawn, loop_exit_fn *fn,
                              void *arg, struct err *err) MUST_CHECK;
void loop_child_free(struct loop_child **child);
/* By pidfd, so never at another process that got its number. False if it has ended. */
bool loop_child_signal(struct loop_child *child, int number);

#endif
