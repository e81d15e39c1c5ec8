/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KINDS_H
#define KINDS_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;
struct schema;

/*
 * Which kinds of object exist, as rows read from assets/kinds/.
 *
 * A row says all that the API has to know of a kind: names, scope, verbs,
 * subresources, the OpenAPI v3 schema (descriptions, defaults, rules, list
 * types), the columns that kubectl prints. A new kind is a new file there and
 * needs no code in `api`. The module is pure: no store, no clock.
 *
 * Rows live as long as the table and are shared by pointer, so two pointers to
 * the same kind are equal.
 */
struct kinds;

enum kind_verb {
    KIND_CREATE = 1 << 0,
    KIND_DELETE = 1 << 1,
    KIND_DELETECOLLECTION = 1 << 2,
    KIND_GET = 1 << 3,
    KIND_LIST = 1 << 4,
    KIND_PATCH = 1 << 5,
    KIND_UPDATE = 1 << 6,
    KIND_WATCH = 1 << 7,
};

struct kind_column {
    const char *name;
    const char *type;   /* string, integer, number, boolean, date */
    const char *format; /* "" or "name", … */
    const char *description;
    const char *path; /* JSONPath with leading dot, or "" for built-in cells */
    int priority;     /* 0 always, 1 with -o wide */
};

struct kind_subresource {
    const char *name;                   /* "status", "approval", "token" */
    const char *group, *version, *kind; /* of what it takes and answers */
    unsigned verbs;
};

struct kind {
    const char *group; /* "" for core */
    const char *version;
    const char *kind, *list_kind;
    const char *plural, *singular;
    const char *const *short_names, *const *categories; /* NULL-terminated */
    const char *stored_version;                         /* the version objects are kept in */
    const char *stored_group; /* events.k8s.io Events are kept as core's */
    const char *api_version;  /* "v1", "axle.dev/v1alpha1" */
    const char *store_kind;   /* "stored group/plural": the store's key */
    const char *resource;     /* "plural.group", as errors name it */
    const char *description;
    bool namespaced;
    bool is_volatile;      /* Leases: a renewal changes memory only */
    bool is_question;      /* SubjectAccessReview: answered, never kept */
    bool sealed;           /* Secrets: sealed on disk */
    bool no_generation;    /* ConfigMap, Secret, Event … have no generation */
    const char *name_rule; /* "dns-subdomain", "dns-label", "path" … */
    unsigned verbs;
    const char *read_only;             /* what is said of a verb that it lacks; "" if nothing */
    const struct kind_column *columns; /* Name and Age included */
    size_t column_count;
    const struct kind_subresource *subresources;
    size_t subresource_count;
    const char *const *immutable_fields; /* "spec.tenant": NULL-terminated */
    const char *const
        *unused_fields; /* nothing acts on them yet: who writes one is warned; "." is all of it */
    const char *const *selectable_fields; /* beside metadata.name, .namespace */
    const struct schema *schema;
    const struct node *openapi; /* the schema as served, with metadata */
};

/* Reads every row; fails, naming file and field, if one is not right. While one
   is open, opening another counts its holders and reads nothing; one thread. */
struct kinds *kinds_open(struct err *err) MUST_CHECK;
void kinds_close(struct kinds **kinds);
#define scoped_kinds SCOPED(kinds_close)

/* By what a URL or an object says; NULL if there is none. */
const struct kind *kinds_by_plural(const struct kinds *kinds, const char *group,
                                   const char *version, const char *plural);
const struct kind *kinds_by_kind(const struct kinds *kinds, const char *api_version,
                                 const char *kind);
/* Whether any kind is served there. */
bool kinds_have_version(const struct kinds *kinds, const char *group, const char *version);
/* All, in order of group, version (preferred first), plural. */
size_t kinds_count(const struct kinds *kinds);
const struct kind *kinds_at(const struct kinds *kinds, size_t index);
/* What every object's metadata may hold: a schema, as OpenAPI has it. */
const struct node *kinds_metadata(const struct kinds *kinds);
/* By plural and group, in the preferred version: for controllers. */
const struct kind *kinds_find(const struct kinds *kinds, const char *group, const char *plural);

const struct kind_subresource *kind_subresource(const struct kind *kind, const char *name);
bool kind_has_status(const struct kind *kind);

/*
 * The cells of one table row, in the order of the columns. `now` (wall
 * nanoseconds) turns dates into ages, as kubectl expects ("5m").
 */
struct node *kind_cells(struct arena *arena, const struct kind *kind, const struct node *object,
                        int64_t now);
/* "5s", "3m20s", "2d3h" … as kubectl's HumanDuration. Never negative. */
void kind_age(int64_t nanoseconds, char out[24]);

/*
 * The same object in another version of its kind, made in the arena; `object`
 * itself if nothing has to change.
 */
struct node *kind_convert(struct arena *arena, const struct kind *to, const struct node *object);

#endif
