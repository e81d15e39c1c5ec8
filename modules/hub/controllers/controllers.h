/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_H
#define CONTROLLERS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct objects;
struct pki_authority;
struct text;

/*
 * The hub's controllers: what makes one object follow from another.
 *
 * A controller is a function from a key to a few writes. Run again it changes
 * nothing. One table says which controllers there are and which changes wake
 * which keys; one queue holds each key once and runs it in a turn of the loop.
 * Controllers read the staged state and are woken by their own writes at once,
 * so a whole chain, from an AIWorkload to the ManifestWorks on its spokes,
 * shares one commit. Nothing polls: time enters as a wake-up that was asked
 * for. DESIGN §4.1 names the one writer of each field.
 *
 * A run that fails is published at its object by the queue, as the condition
 * Reconciled and an Event. A user's error waits for a changed input; an error of
 * the world is tried again after 1 s … 5 min with jitter; a conflict at once.
 *
 * Knows no HTTP, and of rights only how to write down who asked. Everything happens on the loop's
 * thread; a turn lasts a few milliseconds. Rendering is the longest step.
 */
struct controllers;

struct controllers_settings {
    /* Signs spokes' certificates; NULL: requests are left alone. */
    struct pki_authority *authority;
    int64_t certificate_lifetime; /* nanoseconds; 0: 30 days */
    int64_t turn;                 /* how long one turn may take; 0: 8 ms */
    const char *flux_registry;    /* "HOST:PORT" for delivery `flux` */
    int64_t event_age;            /* how long an Event is kept after it was last seen; 0: 1 h */
    bool prove_wake_ups;          /* for tests: see controllers_missed() */
};

/*
 * Starts them: what is there already is looked at once. Registers rules with
 * `objects`, so it is called once and before anything is served.
 */
struct controllers *controllers_start(struct objects *objects, struct loop *loop,
                                      const struct controllers_settings *settings,
                                      struct err *err) MUST_CHECK;
/* Commits what is staged and ends. Nothing may be written after it; next comes
   objects_close(). */
void controllers_stop(struct controllers **controllers);

/* Looks at a WorkloadDeployment again: its artifact, "NAMESPACE/NAME", is damaged. */
void controllers_render_again(struct controllers *controllers, const char *repository);

/* Prometheus text: runs, failures and queue length by controller. */
void controllers_metrics(const struct controllers *controllers, struct text *out);
/* With `prove_wake_ups`: how many writes followed from no wake-up. Each time that
   nothing is left to do everything is run once more, which must write nothing. */
unsigned controllers_missed(const struct controllers *controllers);
/* Names that no project, spoke or target namespace may have; those of tenants'
   namespaces are among them. */
bool namespace_is_reserved(const char *name);
/* True when no key is waiting to run now: for tests. */
bool controllers_idle(const struct controllers *controllers);

#endif
