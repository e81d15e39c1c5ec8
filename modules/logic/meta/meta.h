/* SPDX-License-Identifier: Apache-2.0 */
#ifndef META_H
#define META_H

#include "base/mem.h"
#include "document/document.h"
#include "meta/names.h" /* META_GROUP_…, META_LABEL_…, META_FINALIZER_…, … */

#include <stdbool.h>
#include <stdint.h>

/*
 * What every object has, whatever its kind: metadata, and conditions in its status.
 *
 * An object is a tree of nodes as the API shows it. Readers take any tree, NULL
 * too, and answer "" or NULL where a field is absent or of another type, as those
 * of `document` do; so an object from outside needs no check before it is read.
 * Writers make the maps and lists on the way.
 *
 * The module knows the names that Kubernetes, Open Cluster Management and Axle
 * agreed on (meta/names.h), and no rule of any one kind. It does not look at a
 * clock: the time of a condition is handed in.
 */

/* ---- Identity ---- */

const char *meta_name(const struct node *object);
const char *meta_namespace(const struct node *object); /* "" of what has none */
const char *meta_uid(const struct node *object);
int64_t meta_generation(const struct node *object); /* 0: none */
bool meta_is_deleting(const struct node *object);   /* has a deletionTimestamp */

/* ---- Labels and annotations ---- */

const char *meta_label(const struct node *object, const char *key);
const char *meta_annotation(const struct node *object, const char *key);
/* Sets nothing where `value` is NULL or "". */
void meta_set_label(struct arena *arena, struct node *object, const char *key, const char *value);
void meta_set_annotation(struct arena *arena, struct node *object, const char *key,
                         const char *value);

/* ---- Owners and managers ---- */

/* Adds `owner` as the controller of `object`, which blocks the owner's deletion. */
void meta_add_controller(struct arena *arena, struct node *object, const struct node *owner);
/* The name of the first owner of this kind, or "". */
const char *meta_owner_name(const struct node *object, const char *kind);
/* The fields that `manager` applied to the object itself, as fieldsV1; NULL: none. */
const struct node *meta_applied_fields(const struct node *object, const char *manager);

/* ---- Finalizers ---- */

bool meta_has_finalizer(const struct node *object, const char *finalizer);
/* As the last one; if it is there already, it is moved there. */
void meta_add_finalizer(struct arena *arena, struct node *object, const char *finalizer);
/* The member `finalizers` goes with the last of them. */
void meta_remove_finalizer(struct arena *arena, struct node *object, const char *finalizer);

/* ---- Lists of words ---- */

bool meta_list_has(const struct node *list, const char *word);
/* A new list over the same items, without those that are this word. */
struct node *meta_list_without(struct arena *arena, const struct node *list, const char *word);

/* ---- Conditions ---- */

struct meta_condition {
    const char *type, *status, *reason, *message;
};

/* status.conditions; NULL if there are none. */
struct node *meta_conditions(const struct node *object);
/* The condition of this type in a list of them, or NULL. */
struct node *meta_condition_find(const struct node *conditions, const char *type);
/* The same in the object's status. */
struct node *meta_condition(const struct node *object, const char *type);
/* "True", "False", "Unknown", or "" if the object has none of this type. */
const char *meta_condition_status(const struct node *object, const char *type);
bool meta_condition_is_true(const struct node *object, const char *type);
/*
 * Sets one in `status`.conditions, in the place of an earlier one of its type.
 * `before` is the list as stored: lastTransitionTime becomes `now` only if the
 * condition's status there was another one. `generation` 0: no observedGeneration.
 */
void meta_condition_set(struct arena *arena, struct node *status, const struct node *before,
                        const struct meta_condition *condition, int64_t generation, int64_t now);
/* A status to start from: the stored one, copied, or an empty map. */
struct node *meta_copy_status(struct arena *arena, const struct node *object);

#endif
