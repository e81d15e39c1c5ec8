/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HUB_H
#define HUB_H

#include "base/err.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>

struct config;
struct loop;

/*
 * The control plane, put together: store, objects, controllers, API, registry
 * and console behind one port.
 *
 * Its state is the folder `directory` (store, certificates, kubeconfig). At the
 * first start it makes its certificate authority and an administrator. It runs
 * on the loop that it is given and leaves the process alone, so a test can have
 * one beside others.
 */
struct hub;

struct hub_settings {
    const char *directory;       /* DATA/hub; made if it is missing */
    const char *const *listen;   /* "HOST:PORT", one or more, ends with NULL */
    const char *const *names;    /* further names of this server; may be NULL */
    const char *store_vfs;       /* NULL: the real disk */
    const struct config *config; /* limits; NULL: the built-in ones; borrowed */
    size_t files;                /* how many this process may have open; 0: enough */
};

/* ERR_CONFLICT in words if another hub holds the folder. */
struct hub *hub_open(struct loop *loop, const struct hub_settings *settings,
                     struct err *err) MUST_CHECK;
/* Cuts what is open; everything acknowledged is on disk. */
void hub_close(struct hub **hub);
#define scoped_hub SCOPED(hub_close)

/* Stops taking requests, finishes those in flight, then calls `done`. */
void hub_drain(struct hub *hub, int64_t timeout, void (*done)(void *arg), void *arg);

/* "https://127.0.0.1:6443": reachable from where a kubeconfig may be copied. */
const char *hub_url(const struct hub *hub);
/* The path of the administrator's kubeconfig. */
const char *hub_kubeconfig(const struct hub *hub);

/*
 * Makes a join token for one spoke (`name` NULL: any name) that works for
 * `lifetime` nanoseconds; the text is the caller's to free.
 */
char *hub_make_token(struct hub *hub, const char *name, int64_t lifetime,
                     struct err *err) MUST_CHECK;

/*
 * Every way into the hub, and what is asked before it is taken. NULL after the
 * last. Whoever adds one says who may come: a test compares this table.
 */
enum hub_rule {
    HUB_OPEN,     /* says nothing of anybody: no credential is looked at */
    HUB_PATH,     /* auth_check() of the path */
    HUB_API,      /* auth_check() of each object and path, in api */
    HUB_REGISTRY, /* auth_may() of each repository, as "/v2/REPOSITORY" */
};
struct hub_route {
    const char *prefix;
    enum hub_rule rule;
    const char *methods; /* "GET, HEAD" */
};
const struct hub_route *hub_route(size_t index);

#endif
