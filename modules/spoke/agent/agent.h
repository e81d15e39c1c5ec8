/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_H
#define AGENT_H

#include "base/err.h"
#include "base/mem.h"
#include "runtime/runtime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct loop;
struct runtime_driver;

/*
 * The agent of one machine: it joins a hub, watches the ManifestWorks in its own namespace
 * there, and hands them to `works`, which applies and reports them.
 *
 * It only ever dials out. What it knows lies in its own storage, so it goes on without the
 * hub, and after a restart before the hub responds. What runs is ended only by an
 * administrator, or by a hub that has lost no writes.
 *
 * The protocol is docs/SYNC-PROTOCOL.md. One thread; nothing blocks beyond the store's
 * commits.
 */
struct agent;

struct agent_settings {
    const char *directory;                /* DATA/spoke; made if it is missing */
    const char *name;                     /* of the cluster; a DNS label; NULL: as it has joined */
    const char *host;                     /* its name if it has none and is given none */
    const char *hub;                      /* "https://HOST:PORT"; NULL: as it was joined */
    const char *proxy;                    /* URL of the proxy that leads to the hub; NULL: none */
    const char *no_proxy;                 /* and which hubs are reached without; NULL: all by it */
    const char *token;                    /* for the first time; NULL later */
    const char *cluster;                  /* "local" or "kubernetes" */
    const struct runtime_driver *runtime; /* NULL: processes */
    bool offline;                         /* talks to no hub: for agent_end() */
    void (*left)(void *arg);              /* it has left its hub, as it was asked to; may be NULL */
    void *left_arg;
    const char *store_vfs;    /* NULL: the real disk */
    const char *address;      /* of this machine for endpoints; NULL: found out */
    const char *const *facts; /* "NAME=VALUE" for ${spoke.NAME}; NULL: none */
    /* How long a work that vanished from the hub without being deleted stays
       here; 0: an hour. */
    int64_t eviction;
    struct runtime_bounds bounds; /* what this machine's administrator allows */
    const struct config *config;  /* limits; NULL: the built-in ones; borrowed */
};

/*
 * Starts it. Joining goes on in the background and is tried again until it
 * works; the log says what is wrong. Fails for what cannot get better: no token
 * and never joined, a name that is none, a folder that another spoke holds.
 */
struct agent *agent_open(struct loop *loop, const struct agent_settings *settings,
                         struct err *err) MUST_CHECK;
/* Lets go; workloads run on. */
void agent_close(struct agent **agent);
#define scoped_agent SCOPED(agent_close)

/*
 * Ends everything that runs here, for a spoke that was opened offline; `done` is told
 * when nothing is left. From the first moment the folder says that a reset has begun.
 */
int agent_end(struct agent *agent, void (*done)(void *arg), void *arg, struct err *err) MUST_CHECK;

/* In its directory: takes the line "leave" and tells how it goes, until it ends. */
#define AGENT_CONTROL "control.sock"

/* In its directory: who connects is told everything as one JSON text, and the
   end. No hub is needed for it. */
#define AGENT_SOCKET "agent.sock"

#endif
