/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PATCH_INTERNAL_H
#define PATCH_INTERNAL_H

#include "document/document.h"
#include "patch/patch.h"
#include "schema/schema.h"

/* ---- element.c: one step of a path -------------------------------------- */

enum element_kind {
    ELEMENT_FIELD, /* f:name */
    ELEMENT_KEY,   /* k:{"name":"x"} */
    ELEMENT_VALUE, /* v:"x" */
    ELEMENT_INDEX, /* i:0 */
};

struct element {
    enum element_kind kind;
    const char *text;         /* the name, or JSON in one form: equal when equal */
    const struct node *value; /* of all but a field */
};

struct element element_field(const char *name);
bool element_same(const struct element *a, const struct element *b);
int element_compare(const struct element *a, const struct element *b);
bool element_read(struct arena *arena, const char *key, struct element *ret);
char *element_key(struct arena *arena, const struct element *element);
/* ".name", `[name="x"]`, `[="x"]` */
void element_print(struct text *out, const struct element *element);
/* The identity of an item in a list of type set or map. False, with a reason in
   `ret_why`, if it has none: a key is missing, or the item is null. */
bool element_of_item(struct arena *arena, const struct schema *list, const struct node *item,
                     struct element *ret, const char **ret_why);

/* ---- fieldset.c: sets of paths ------------------------------------------ */

struct field_entry;

/* Sorted, elements are unique. NULL is the empty set; sets are never changed
   once they are made, so they may share parts. */
struct field_set {
    struct field_entry *items;
    size_t count, room;
};

struct field_entry {
    struct element element;
    bool member;             /* the path up to here is in the set */
    struct field_set *below; /* NULL or not empty */
};

/* Builds: append in any order, then settle. Empty entries are dropped. */
void field_set_append(struct arena *arena, struct field_set **set, const struct field_entry *entry);
void field_set_settle(struct field_set *set);
const struct field_entry *field_set_find(const struct field_set *set,
                                         const struct element *element);
bool field_set_empty(const struct field_set *set);
struct field_set *field_set_union(struct arena *arena, struct field_set *a, struct field_set *b);
struct field_set *field_set_intersection(struct arena *arena, struct field_set *a,
                                         struct field_set *b);
struct field_set *field_set_difference(struct arena *arena, struct field_set *a,
                                       struct field_set *b);
/* Adds the declared fields above each field of the set. */
struct field_set *field_set_with_named(struct arena *arena, struct field_set *set,
                                       const struct schema *schema);
/* Without a path of fields ("metadata.name") and all that is below it, or
   only itself. */
struct field_set *field_set_without(struct arena *arena, struct field_set *set, const char *path,
                                    bool all_below);
/* fieldsV1. NULL with *ret_bad set when it is not one. */
struct field_set *field_set_read(struct arena *arena, const struct node *fields, bool *ret_bad);
struct node *field_set_write(struct arena *arena, const struct field_set *set);
/* Each member's path as text, members before what is below. */
typedef void field_set_each_fn(void *arg, const char *path);
void field_set_each(const struct field_set *set, struct text *path, field_set_each_fn *each,
                    void *arg);

/* ---- typed.c: objects as their schema sees them ------------------------- */

enum shape { SHAPE_SCALAR, SHAPE_MAP, SHAPE_LIST, SHAPE_ATOMIC };

/* Whether the object fits its schema. With `strict`, duplicate list items do not. */
bool typed_check(struct arena *arena, const struct schema *schema, const struct node *object,
                 bool strict, struct text *ret_why);
struct field_set *typed_fields(struct arena *arena, const struct schema *schema,
                               const struct node *object);

struct typed_change {
    struct field_set *added, *removed, *modified;
};
struct typed_change typed_compare(struct arena *arena, const struct schema *schema,
                                  const struct node *before, const struct node *after);
struct node *typed_merge(struct arena *arena, const struct schema *schema, const struct node *live,
                         const struct node *config);
/* Without the fields of the set; what became empty is `hole`. */
struct node *typed_remove(struct arena *arena, const struct schema *schema,
                          const struct node *object, const struct field_set *set,
                          struct node *hole);
struct node *typed_extract(struct arena *arena, const struct schema *schema,
                           const struct node *object, const struct field_set *set);

/* ---- managed.c: metadata.managedFields ---------------------------------- */

struct managed_entry {
    const char *id; /* the same for entries that are the same manager */
    const char *manager, *operation, *api_version, *subresource, *time;
    bool applied;
    struct field_set *set;
};

struct managed {
    struct managed_entry *entries;
    size_t count, room;
};

/* Reads the list. As upstream, the result is empty if one entry is invalid. */
void managed_read(struct arena *arena, const struct node *object, struct managed *ret);
struct managed_entry managed_entry_make(struct arena *arena, const struct patch_writer *writer,
                                        const char *manager, bool applied);
struct managed_entry *managed_find(const struct managed *managed, const char *id);
struct managed_entry *managed_put(struct arena *arena, struct managed *managed,
                                  const struct managed_entry *entry);
void managed_drop_empty(struct managed *managed);
/* At most ten that only updated; the oldest become "ancient-changes". */
void managed_cap(struct arena *arena, struct managed *managed);
/* Puts the list into metadata.managedFields of `object`, which may be changed
   at its top and in metadata. */
void managed_write(struct arena *arena, struct managed *managed, struct node *object);
struct node *managed_without(struct arena *arena, const struct node *object);

#endif
