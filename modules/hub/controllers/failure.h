/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_FAILURE_H
#define CONTROLLERS_FAILURE_H

#include "controllers/controller.h"

/*
 * What happens when a controller's run fails.
 *
 * The queue publishes the failure at the object that the run was for, so that no
 * controller can fail in silence: the condition Reconciled is False with the
 * error's reason and words, and an Event says the same. The condition is taken
 * away by the next run that succeeds. The same failure again writes nothing.
 */

/* When a failed run is tried again, by the error's code. */
enum failure_retry {
    FAILURE_LATER,     /* an error of the world: after 1 s … 5 min, with jitter */
    FAILURE_AT_ONCE,   /* a conflict */
    FAILURE_ON_CHANGE, /* a user's error: when an input changes */
};
enum failure_retry failure_retry(enum err_code code);

/*
 * Publishes; -1 if neither the condition nor the Event could be written. A key
 * whose object is gone has nowhere to publish, and succeeds.
 */
int failure_publish(struct controllers *all, const struct controller *self, const char *namespace,
                    const char *name, const struct err *why, struct err *err) MUST_CHECK;
/* After a run that succeeded: takes the condition away if it is there. */
int failure_clear(struct controllers *all, const struct controller *self, const char *namespace,
                  const char *name, struct err *err) MUST_CHECK;
/* Whether the object, or an Event about it, says these words (the queue's lint). */
bool failure_is_published(struct controllers *all, const struct controller *self,
                          const char *namespace, const char *name, const struct err *why);

/* Why the controllers of this object fail, for who depends on it. */
struct failure {
    const char *reason, *message; /* NULL: they do not */
    bool on_change;               /* the user must act */
};
struct failure failure_of(const struct node *object);

#endif
