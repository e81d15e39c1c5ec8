/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOOP_REAL_H
#define LOOP_REAL_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>

#include "loop/internal.h"

struct evdns_base;

/* How much is read from a socket at once: into one buffer for all of them. */
#define REAL_READ ((size_t)65536)

/* A loop that stands on the kernel, through libevent. */
struct real_loop {
    struct loop loop;
    struct event_base *base;  /* owned */
    struct event *tick;       /* owned; wakes the loop for its timers */
    struct evdns_base *names; /* owned; made when first needed */
    char *buffer;             /* owned */
    int spare;                /* given up for a moment when descriptors run out */
};

static inline struct real_loop *real_of(struct loop *loop)
{
    return (struct real_loop *)loop;
}

bool loop_is_real(const struct loop *loop);

struct loop_stream *real_connect(struct loop *loop, const char *address, struct err *err);
struct loop_listener *real_listen(struct loop *loop, const char *address, loop_accept_fn *fn,
                                  void *arg, struct err *err);

struct real_address {
    struct sockaddr_storage bytes;
    socklen_t len;
};
/* An IP address, "localhost" or "" (for `any`): true; a name: false. */
bool real_address_of(const char *host, int port, bool any, struct real_address *ret);
int real_address_of_path(const char *path, struct real_address *ret, struct err *err);
void real_address_text(const struct sockaddr *bytes, char *ret, size_t room);

#define REAL_ADDRESSES 8
typedef void real_names_fn(const struct real_address *addresses, size_t count, const char *problem,
                           void *arg);
/* `fn` is called later, never from within. Freeing the result forgets `fn`. */
struct real_names;
struct real_names *real_names_resolve(struct real_loop *real, const char *host, int port,
                                      real_names_fn *fn, void *arg);
void real_names_free(struct real_names **names);

#endif
