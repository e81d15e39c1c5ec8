/* SPDX-License-Identifier: Apache-2.0 */
/* Streams on the kernel's sockets. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/socket.h"

#define SOCKET_TAG 0x534f434bu
#define CONNECT_TIMEOUT (10 * CLOCK_SECOND)
/* With other addresses to try, no single one gets all the time. */
#define CONNECT_SHARE (3 * CLOCK_SECOND)
/* A peer that acknowledges nothing for so long is dead. */
#define SILENT_PEER_MS 60000u

enum socket_state { SOCKET_CONNECTING, SOCKET_OPEN, SOCKET_LOST, SOCKET_DEAD };

struct connecting;

struct real_socket {
    struct loop_stream stream;
    uint32_t tag;
    enum socket_state state;
    int fd;
    bool paused;
    bool ended;       /* the other side will send no more */
    bool finish;      /* we shall send no more, once `queue` is empty */
    bool finished;    /* and have said so */
    bool was_pending; /* `drained` is due when `queue` is empty */
    bool told;        /* `closed` was called */
    struct event read, write;
    struct loop_queue queue;
    struct connecting *connecting; /* owned; while SOCKET_CONNECTING */
    struct err *lost;              /* owned; why, once SOCKET_LOST */
    char remote[64];
};

/* What only a connection being made needs. */
struct connecting {
    struct real_names *names;
    struct real_address addresses[REAL_ADDRESSES];
    size_t count, next;
    int64_t until;
    struct loop_timer *timer;
    char what[LOOP_HOST + 16];
    int problem; /* errno of the last attempt */
};

static struct real_socket *socket_of(struct loop_stream *stream)
{
    struct real_socket *s = (struct real_socket *)stream;

    assert(s->tag == SOCKET_TAG && s->state != SOCKET_DEAD);
    return s;
}

static void connecting_free(struct connecting **at)
{
    struct connecting *it = take(*at);

    if (!it)
        return;
    real_names_free(&it->names);
    loop_timer_free(&it->timer);
    mem_free(&it);
}

/* Both events are removed before the descriptor is closed, whose number may come again. */
static void drop_fd(struct real_socket *s)
{
    if (s->fd < 0)
        return;
    event_del(&s->read);
    event_del(&s->write);
    close(s->fd);
    s->fd = -1;
}

/* Queued. The stream may have been closed or told meanwhile, or have no callbacks yet. */
static void tell_socket_lost(void *arg)
{
    struct real_socket *s = arg;

    assert(s->tag == SOCKET_TAG);
    if (s->state != SOCKET_LOST || s->told || !s->stream.events)
        return;
    s->told = true;
    s->stream.events->closed(s->stream.arg, s->lost);
}

/* Always told in a turn of its own, because the caller may be within a callback or a call of
   the owner's. */
static void lose_socket(struct real_socket *s, const struct err *why)
{
    if (s->state == SOCKET_LOST || s->state == SOCKET_DEAD)
        return;
    drop_fd(s);
    connecting_free(&s->connecting);
    s->state = SOCKET_LOST;
    s->lost = mem_copy(why, sizeof *why);
    loop_queue_free(&s->queue);
    loop_later(s->stream.loop, tell_socket_lost, s);
}

static void lose_errno(struct real_socket *s, const char *what, int number)
{
    struct err err = {0};

    err_set(&err, number == ETIMEDOUT ? ERR_TIMEOUT : ERR_UNREACHABLE, "%s: %s", what,
            strerror(number));
    lose_socket(s, &err);
}

/* ----------------------------------------------------------------- writing */

static void send_socket_end(struct real_socket *s)
{
    if (s->finish && !s->finished && s->state == SOCKET_OPEN && !s->queue.len) {
        s->finished = true;
        shutdown(s->fd, SHUT_WR);
    }
}

/* How much the kernel took, -1 if the connection is lost. */
static ssize_t send_some(struct real_socket *s, const void *bytes, size_t len)
{
    ssize_t sent;

    do {
        sent = send(s->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == ENOBUFS)
        return 0;
    lose_errno(s, s->remote, errno);
    return -1;
}

/* Any callback may close the stream: the struct stays until the queued free_socket(). */
static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct real_socket *s = arg;
    ssize_t sent;

    (void)fd, (void)what;
    while (s->queue.len) {
        sent = send_some(s, s->queue.bytes + s->queue.first, s->queue.len);
        if (sent < 0)
            return;
        if (!sent)
            return;
        loop_queue_drop(&s->queue, (size_t)sent);
    }
    event_del(&s->write);
    send_socket_end(s);
    if (s->was_pending) {
        s->was_pending = false;
        if (s->stream.events && s->stream.events->drained)
            s->stream.events->drained(s->stream.arg);
    }
}

/* Tries at once, so that in most cases nothing is copied. */
static void socket_write(struct loop_stream *stream, const void *bytes, size_t len)
{
    struct real_socket *s = socket_of(stream);
    ssize_t sent = 0;

    assert(!s->finish);
    if (s->state == SOCKET_LOST)
        return;
    if (s->state == SOCKET_OPEN && !s->queue.len)
        sent = send_some(s, bytes, len);
    if (sent < 0 || (size_t)sent == len)
        return;
    loop_queue_add(&s->queue, (const char *)bytes + sent, len - (size_t)sent);
    s->was_pending = true;
    if (s->state == SOCKET_OPEN)
        event_add(&s->write, NULL);
}

static size_t socket_pending(const struct loop_stream *stream)
{
    return ((const struct real_socket *)stream)->queue.len;
}

static void socket_finish(struct loop_stream *stream)
{
    struct real_socket *s = socket_of(stream);

    s->finish = true;
    send_socket_end(s);
}

/* ----------------------------------------------------------------- reading */

/* Without `ended` the owner does not care for half-closed connections. */
static void at_end(struct real_socket *s)
{
    struct err none = {0};

    s->ended = true;
    event_del(&s->read);
    if (s->stream.events->ended)
        s->stream.events->ended(s->stream.arg);
    else
        lose_socket(s, &none);
}

/* One buffer serves all sockets of the loop: `read` must not keep its bytes. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct real_socket *s = arg;
    char *buffer = real_of(s->stream.loop)->buffer;
    ssize_t got;

    (void)what;
    got = recv(fd, buffer, REAL_READ, MSG_DONTWAIT);
    if (got > 0)
        s->stream.events->read(s->stream.arg, buffer, (size_t)got);
    else if (!got)
        at_end(s);
    else if (errno != EAGAIN && errno != EINTR)
        lose_errno(s, s->remote, errno);
}

/* An event that is not added costs nothing: a paused stream does not wake the loop. */
static void want_reading(struct real_socket *s)
{
    if (s->state != SOCKET_OPEN || s->ended)
        return;
    if (s->stream.events && !s->paused)
        event_add(&s->read, NULL);
    else
        event_del(&s->read);
}

static void socket_pause(struct loop_stream *stream, bool paused)
{
    struct real_socket *s = socket_of(stream);

    if (s->paused == paused)
        return;
    s->paused = paused;
    want_reading(s);
}

/* May be called again with other callbacks, as when a connection is handed over. */
static void socket_handle(struct loop_stream *stream)
{
    struct real_socket *s = socket_of(stream);

    want_reading(s);
    if (s->state == SOCKET_LOST && !s->told)
        loop_later(stream->loop, tell_socket_lost, s);
}

static const char *socket_remote(const struct loop_stream *stream)
{
    return ((const struct real_socket *)stream)->remote;
}

static void free_socket(void *arg)
{
    struct real_socket *s = arg;

    assert(s->tag == SOCKET_TAG && s->state == SOCKET_DEAD);
    s->tag = 0;
    mem_free(&s->lost);
    mem_free(&s);
}

/* Calls that are already queued for it come first, and see it dead. */
static void socket_close(struct loop_stream *stream)
{
    struct real_socket *s = socket_of(stream);

    drop_fd(s);
    connecting_free(&s->connecting);
    loop_queue_free(&s->queue);
    s->state = SOCKET_DEAD;
    loop_later(stream->loop, free_socket, s);
}

static const struct loop_stream_kind socket_kind = {
    .name = "socket",
    .handle = socket_handle,
    .write = socket_write,
    .pending = socket_pending,
    .pause = socket_pause,
    .finish = socket_finish,
    .close = socket_close,
    .remote = socket_remote,
};

/* -------------------------------------------------------------- being made */

static struct real_socket *socket_new(struct loop *loop, enum socket_state state)
{
    struct real_socket *s = mem_alloc(sizeof *s);

    s->stream.kind = &socket_kind;
    s->stream.loop = loop;
    s->tag = SOCKET_TAG;
    s->state = state;
    s->fd = -1;
    return s;
}

static void set_fd(struct real_socket *s, int fd)
{
    struct event_base *base = real_of(s->stream.loop)->base;

    s->fd = fd;
    event_assign(&s->read, base, fd, EV_READ | EV_PERSIST, on_readable, s);
    event_assign(&s->write, base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
}

/* No waiting to fill packets; a peer that has vanished is noticed. */
static void tune_socket(int fd)
{
    int one = 1, idle = 30, between = 10, tries = 3;
    unsigned silent = SILENT_PEER_MS;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent, sizeof silent);
}

struct loop_stream *real_socket_accepted(struct loop *loop, int fd, const struct sockaddr *from)
{
    struct real_socket *s = socket_new(loop, SOCKET_OPEN);

    set_fd(s, fd);
    if (from->sa_family != AF_UNIX)
        tune_socket(fd);
    real_address_text(from, s->remote, sizeof s->remote);
    return &s->stream;
}

static void try_next_address(struct real_socket *s);

/* The event changes its callback from on_socket_connected() to on_writable(). */
static void finish_connect(struct real_socket *s)
{
    event_del(&s->write);
    event_assign(&s->write, real_of(s->stream.loop)->base, s->fd, EV_WRITE | EV_PERSIST,
                 on_writable, s);
    connecting_free(&s->connecting);
    s->state = SOCKET_OPEN;
    want_reading(s);
    if (s->queue.len)
        event_add(&s->write, NULL);
    else
        send_socket_end(s);
    if (s->stream.events && s->stream.events->opened)
        s->stream.events->opened(s->stream.arg);
}

static void on_socket_connected(evutil_socket_t fd, short what, void *arg)
{
    struct real_socket *s = arg;
    int problem = 0;
    socklen_t len = sizeof problem;

    (void)what;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len);
    if (!problem) {
        finish_connect(s);
        return;
    }
    s->connecting->problem = problem;
    try_next_address(s);
}

/* False if it failed at once. */
static bool try_address(struct real_socket *s, const struct real_address *to)
{
    const struct sockaddr *bytes = (const struct sockaddr *)&to->bytes;
    int fd = socket(bytes->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    if (connect(fd, bytes, to->len) < 0 && errno != EINPROGRESS) {
        int problem = errno;

        close(fd);
        errno = problem;
        return false;
    }
    if (bytes->sa_family != AF_UNIX)
        tune_socket(fd);
    real_address_text(bytes, s->remote, sizeof s->remote);
    set_fd(s, fd);
    event_assign(&s->write, real_of(s->stream.loop)->base, fd, EV_WRITE, on_socket_connected, s);
    event_add(&s->write, NULL);
    return true;
}

/* Each address gets a share of the time, the last one all that is left. */
static void try_next_address(struct real_socket *s)
{
    struct connecting *it = s->connecting;
    int64_t left = it->until - clock_steady();

    drop_fd(s);
    while (it->next < it->count && left > 0) {
        bool is_last = ++it->next == it->count;

        if (!try_address(s, &it->addresses[it->next - 1])) {
            it->problem = errno;
            continue;
        }
        loop_timer_set(it->timer, is_last || left < CONNECT_SHARE ? left : CONNECT_SHARE);
        return;
    }
    lose_errno(s, it->what, it->problem ? it->problem : ETIMEDOUT);
}

static void on_connect_timer(void *arg)
{
    struct real_socket *s = arg;

    s->connecting->problem = ETIMEDOUT;
    try_next_address(s);
}

/* `names` has freed itself. */
static void on_names(const struct real_address *addresses, size_t count, const char *problem,
                     void *arg)
{
    struct real_socket *s = arg;
    struct err err = {0};

    s->connecting->names = NULL;
    if (!count) {
        err_set(&err, ERR_UNREACHABLE, "%s: %s", s->connecting->what,
                problem ? problem : "no such host");
        lose_socket(s, &err);
        return;
    }
    memcpy(s->connecting->addresses, addresses, count * sizeof *addresses);
    s->connecting->count = count;
    try_next_address(s);
}

/* Queued by real_connect(): the stream may have been closed meanwhile. */
static void start_connecting(void *arg)
{
    struct real_socket *s = arg;

    if (s->state == SOCKET_CONNECTING)
        try_next_address(s);
}

struct loop_stream *real_connect(struct loop *loop, const char *address, struct err *err)
{
    struct real_address one = {0};
    char host[LOOP_HOST] = "";
    int port = 0;
    bool is_path = !strncmp(address, "unix:", 5), known = true;
    struct real_socket *s;
    struct connecting *it;

    if (is_path && real_address_of_path(address + 5, &one, err) < 0)
        return NULL;
    if (!is_path) {
        if (loop_address_split(address, -1, host, &port, err) < 0)
            return NULL;
        known = real_address_of(host, port, false, &one);
    }
    s = socket_new(loop, SOCKET_CONNECTING);
    s->connecting = it = mem_alloc(sizeof *it);
    snprintf(it->what, sizeof it->what, "%s", address);
    it->timer = loop_timer_new(loop, on_connect_timer, s);
    it->until = clock_steady() + CONNECT_TIMEOUT;
    loop_timer_set(it->timer, CONNECT_TIMEOUT);
    if (known) {
        it->addresses[0] = one;
        it->count = 1;
        loop_later(loop, start_connecting, s);
    } else {
        it->names = real_names_resolve(real_of(loop), host, port, on_names, s);
    }
    return &s->stream;
}
