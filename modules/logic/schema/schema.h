/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct node;

/*
 * OpenAPI v3 schemas as Kubernetes uses them ("structural schemas"), read once
 * into compact structs and then interpreted.
 *
 * One schema serves five uses: defaults, validation, unknown fields, list types
 * and merge keys (for `patch`), and a walk over all that is described. A shared
 * definition is compiled once and pointed to, so a schema may describe itself;
 * how deep a use of it goes is bounded by the document, not by the schema.
 *
 * The sentences are those of kube-apiserver 1.32 for custom resources. Rules in
 * CEL (x-kubernetes-validations) are kept and handed out, not evaluated. The
 * module knows no kinds.
 *
 * A compiled schema is never changed, and nothing here blocks.
 */
struct meter;
struct schema;

enum schema_type {
    SCHEMA_ANY, /* no type given, or int-or-string */
    SCHEMA_OBJECT,
    SCHEMA_ARRAY,
    SCHEMA_STRING,
    SCHEMA_INTEGER,
    SCHEMA_NUMBER,
    SCHEMA_BOOLEAN,
};

enum schema_list { SCHEMA_LIST_ATOMIC, SCHEMA_LIST_SET, SCHEMA_LIST_MAP };

/*
 * Compiles `source`. `$ref` is looked up by its last part in the map
 * `definitions` (NULL: none). With `object` it is the root of a Kubernetes
 * object: apiVersion, kind and metadata are known whether it mentions them or
 * not. The schema lives in the arena and borrows from `source`.
 *
 * ERR_INVALID names the path of what cannot be understood: a `$ref` to nothing
 * or, without a step down, to itself; a pattern that is no pattern; more than
 * 100,000 schemas.
 */
struct schema *schema_compile(struct arena *arena, const struct node *source,
                              const struct node *definitions, bool object,
                              struct err *err) MUST_CHECK;

/* ---- What it says ------------------------------------------------------ */

/* All of these take NULL ("nothing known here") and answer so. */
enum schema_type schema_type_of(const struct schema *schema);
const char *schema_type_name(const struct schema *schema); /* "" for any */
/* The source it was compiled from: descriptions, formats, extensions. */
const struct node *schema_source(const struct schema *schema);
/* The member's schema: a declared property, else additionalProperties'. */
const struct schema *schema_field(const struct schema *schema, const char *key);
bool schema_declares(const struct schema *schema, const char *key);
const struct schema *schema_items(const struct schema *schema);
const struct schema *schema_additional(const struct schema *schema);
/* Nothing is known of what is inside: anything may stand there. */
bool schema_is_free(const struct schema *schema);
/* x-kubernetes-preserve-unknown-fields: undeclared members stay. */
bool schema_preserves(const struct schema *schema);
/* x-kubernetes-map-type: atomic; and a list without another list type. */
bool schema_is_atomic(const struct schema *schema);
enum schema_list schema_list_type(const struct schema *schema);
/* NULL-terminated; NULL unless the list type is map. */
const char *const *schema_list_keys(const struct schema *schema);
/* x-kubernetes-patch-merge-key, else the list's only map key; NULL: none. */
const char *schema_merge_key(const struct schema *schema);
/* x-kubernetes-patch-strategy names it, or the list type implies it. */
bool schema_merges(const struct schema *schema);
/* The default of a member, NULL if there is none. */
const struct node *schema_default(const struct schema *schema);
/* "spec.template.metadata" or "spec.ports[].name"; "" is the root. */
const struct schema *schema_at(const struct schema *schema, const char *path);

/* Visits the declared members in their order. */
typedef void schema_each_fn(void *arg, const char *key, const struct schema *member, bool required);
void schema_each(const struct schema *schema, schema_each_fn *each, void *arg);

/* ---- What is done with it ---------------------------------------------- */

/*
 * Fills in defaults, in place, and drops nulls where null is not allowed
 * (before defaulting, so that a default takes their place). The tree must be
 * the caller's to change. ERR_INVALID when defaults make defaults without end.
 */
int schema_apply_defaults(const struct schema *schema, struct arena *arena, struct node *object,
                          struct err *err) MUST_CHECK;
/* The same, but nulls stay that no default replaces: what server-side apply has
   merged is read no more, so a kube-apiserver drops none of them. */
int schema_apply_defaults_only(const struct schema *schema, struct arena *arena,
                               struct node *object, struct err *err) MUST_CHECK;
/*
 * Removes, in place, what the schema does not know. The path of each goes into
 * `ret_unknown` as a string ("spec.ports[0].bogus") unless that is NULL.
 */
void schema_prune(const struct schema *schema, struct arena *arena, struct node *object,
                  struct node *ret_unknown);
/* The same, only looking. */
void schema_find_unknown(const struct schema *schema, struct arena *arena,
                         const struct node *object, struct node *ret_unknown);
/*
 * Checks the object and adds a map {reason, message, field} to the list
 * `causes` for each thing that is wrong, at most 100. True if nothing was.
 */
bool schema_validate(const struct schema *schema, struct arena *arena, const struct node *object,
                     struct node *causes);
/* The same below a path: "spec.properties" stands before each field. `meter`
   pays; NULL: METER_ANSWER for this alone. */
bool schema_validate_at(const struct schema *schema, struct arena *arena, const char *path,
                        const struct node *value, struct meter *meter, struct node *causes);
/*
 * Adds a cause of one's own, with the reason of FIELD: "FieldValueInvalid",
 * "FieldValueRequired", …; the message in a kube-apiserver's form, e.g.
 * `Invalid value: "X": must be lower case`. `value` NULL leaves it out.
 */
void schema_add_cause(struct arena *arena, struct node *causes, const char *reason,
                      const char *field, const struct node *value, const char *format, ...)
    PRINTF(6, 7);
/*
 * One sentence for all causes, as a Status has it:
 * `Widget.test.dev "w" is invalid: spec.n: Required value` or `…: [a, b]`.
 */
char *schema_sentence(struct arena *arena, const char *kind, const char *group, const char *name,
                      const struct node *causes);

#endif
