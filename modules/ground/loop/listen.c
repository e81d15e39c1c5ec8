/* SPDX-License-Identifier: Apache-2.0 */
/* Listens on the kernel's sockets. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/socket.h"

#define BACKLOG 1024
/* Connections accepted in one turn, so that a flood does not starve the others. */
#define ACCEPT_AT_ONCE 64

struct real_listener {
    struct loop_listener listener;
    int fd;
    bool closed, paused;
    struct event event;
    struct loop_timer *rest; /* owned; after descriptors ran out */
    char path[128];          /* of a unix socket, to remove */
};

static void want_newcomers(struct real_listener *it)
{
    if (it->paused || loop_timer_is_set(it->rest))
        event_del(&it->event);
    else
        event_add(&it->event, NULL);
}

static void on_rested_listener(void *arg)
{
    want_newcomers(arg);
}

/*
 * No descriptor is left. Giving up the spare one lets us take one newcomer
 * and hang up on it, which is kinder than letting it wait; then we rest.
 */
static void refuse_one(struct real_listener *it)
{
    struct real_loop *real = real_of(it->listener.loop);
    int fd;

    if (real->spare >= 0) {
        close(real->spare);
        fd = accept4(it->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
        real->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    loop_timer_set(it->rest, 50 * CLOCK_MS);
    want_newcomers(it);
}

static void on_listen_accept(evutil_socket_t listening, short what, void *arg)
{
    struct real_listener *it = arg;
    struct sockaddr_storage from;
    socklen_t len;
    int i, fd;

    (void)what;
    for (i = 0; i < ACCEPT_AT_ONCE && !it->closed && !it->paused; i++) {
        len = sizeof from;
        fd = accept4(listening, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                refuse_one(it);
            return;
        }
        if (len <= sizeof(sa_family_t))
            from.ss_family = AF_UNIX;
        it->listener.fn(real_socket_accepted(it->listener.loop, fd, (struct sockaddr *)&from),
                        it->listener.arg);
    }
}

static void free_listener(void *arg)
{
    mem_free(&arg);
}

/* Calls that are queued for it find it closed; the struct is freed after them. */
static void close_listener(struct loop_listener *listener)
{
    struct real_listener *it = (struct real_listener *)listener;

    event_del(&it->event);
    close(it->fd);
    loop_timer_free(&it->rest);
    if (*it->path)
        unlink(it->path);
    it->closed = true;
    loop_later(listener->loop, free_listener, it);
}

/* The kernel keeps up to its backlog of connections meanwhile. */
static void pause_listener(struct loop_listener *listener, bool paused)
{
    struct real_listener *it = (struct real_listener *)listener;

    it->paused = paused;
    want_newcomers(it);
}

static const struct loop_listener_kind listener_kind = {close_listener, pause_listener};

/* Removes what a former process left; never something else than a socket. */
static void remove_old_socket(const char *path)
{
    struct stat st;

    if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
        unlink(path);
}

static int open_listening(const char *address, const struct real_address *to, struct err *err)
{
    int family = to->bytes.ss_family, one = 1, zero = 0, problem;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
        if (!bind(fd, (const struct sockaddr *)&to->bytes, to->len) && !listen(fd, BACKLOG))
            return fd;
    }
    problem = errno;
    if (fd >= 0)
        close(fd);
    return err_set(err, ERR_UNREACHABLE, "cannot listen at %s: %s%s", address, strerror(problem),
                   problem == EADDRINUSE ? " (another program has this address)"
                   : problem == EACCES   ? " (ports below 1024 need root)"
                                         : "");
}

static void name_listener(struct real_listener *it)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        struct sockaddr_storage room;
    } name = {.room = {0}};
    socklen_t len = sizeof name;

    if (getsockname(it->fd, &name.any, &len) < 0)
        return;
    real_address_text(&name.any, it->listener.address, sizeof it->listener.address);
    it->listener.port =
        ntohs(name.any.sa_family == AF_INET6 ? name.six.sin6_port : name.four.sin_port);
}

static int resolve_listening(const char *address, struct real_address *to, struct err *err)
{
    char host[LOOP_HOST];
    int port;

    if (!strncmp(address, "unix:", 5)) {
        if (real_address_of_path(address + 5, to, err) < 0)
            return -1;
        remove_old_socket(address + 5);
        return 0;
    }
    if (loop_address_split(address, -1, host, &port, err) < 0)
        return -1;
    if (!real_address_of(host, port, true, to))
        return err_set(err, ERR_INVALID,
                       "cannot listen at %s: \"%s\" is no IP address of this"
                       " machine; leave it out to listen at all of them",
                       address, host);
    return 0;
}

struct loop_listener *real_listen(struct loop *loop, const char *address, loop_accept_fn *fn,
                                  void *arg, struct err *err)
{
    struct real_address to;
    struct real_listener *it;
    char host[LOOP_HOST];
    int fd, port;

    if (resolve_listening(address, &to, err) < 0)
        return NULL;
    fd = open_listening(address, &to, err);
    if (fd < 0 && to.bytes.ss_family == AF_INET6 &&
        !loop_address_split(address, -1, host, &port, NULL) && (!*host || !strcmp(host, "*"))) {
        /* A machine without IPv6. */
        real_address_of("0.0.0.0", port, true, &to);
        fd = open_listening(address, &to, err);
    }
    if (fd < 0)
        return NULL;
    it = mem_alloc(sizeof *it);
    it->listener =
        (struct loop_listener){.kind = &listener_kind, .loop = loop, .fn = fn, .arg = arg};
    it->fd = fd;
    it->rest = loop_timer_new(loop, on_rested_listener, it);
    if (to.bytes.ss_family == AF_UNIX) {
        snprintf(it->path, sizeof it->path, "%s", address + 5);
        snprintf(it->listener.address, sizeof it->listener.address, "%s", address);
    } else {
        name_listener(it);
    }
    event_assign(&it->event, real_of(loop)->base, fd, EV_READ | EV_PERSIST, on_listen_accept, it);
    event_add(&it->event, NULL);
    return &it->listener;
}
