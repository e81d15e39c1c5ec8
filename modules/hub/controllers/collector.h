/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_COLLECTOR_H
#define CONTROLLERS_COLLECTOR_H

struct loop;
struct object;
struct objects;

/*
 * Private to controllers: the garbage collector, which deletes objects whose owners
 * are all gone (background, foreground, orphan), and empties namespaces that are
 * being deleted.
 *
 * It is no row of the table of controllers: its keys are uids, and it looks at what
 * is published, for an owner is gone only when its deletion is on disk. It must be
 * freed before the objects are closed, and nothing may be written after that.
 */
struct collector;

/* Looks at every object once. `loop` may be NULL: then the caller runs it. */
struct collector *collector_new(struct objects *objects, struct loop *loop);
void collector_free(struct collector **collector);
/* Queues all that it may have work with: after a commit that failed, what it wrote is gone. */
void collector_wake_all(struct collector *collector);
/* Works on what is queued. What it writes is staged. */
void collector_run(struct collector *collector);

/* Sets the conditions of a namespace whose content is all being deleted, but not gone:
   what is left, and which finalizers hold it (namespace_content.c). */
void namespace_content_report(struct objects *objects, const struct object *namespace);

#endif
