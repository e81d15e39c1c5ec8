/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * JSON and YAML as one tree.
 *
 * Everything that Axle reads, keeps, merges and sends is a tree of nodes. A
 * node lives in an arena and is never freed alone; a tree may be shared, so
 * code that wants to change one which it did not make copies it first (node_copy),
 * or copies only the maps and lists on the way (node_share).
 *
 * Integers and floats are kept apart, map members keep their order, and keys
 * are unique. The module does not know what a tree means.
 *
 * Nothing here blocks or looks at a clock.
 */
enum node_type {
    NODE_NULL,
    NODE_BOOL,
    NODE_INT,
    NODE_FLOAT,
    NODE_STRING,
    NODE_LIST,
    NODE_MAP,
};

struct node;
struct node_index;

/* How a key says NUL where a reader lets texts hold it (`nuls` below): no UTF-8,
   so that it means nothing else. JSON is written with \u0000. */
#define NODE_KEY_NUL "\xc0\x80"

struct node_member {
    const char *key;    /* NUL-terminated, holds no NUL */
    struct node *value; /* never NULL */
};

/* Read the fields freely; change them through the functions only. */
struct node {
    enum node_type type;
    unsigned room;
    size_t len; /* bytes of a string, items of a list, members of a map */
    union {
        bool boolean;
        int64_t integer;
        double number;
        const char *string; /* NUL-terminated as well */
        struct node **items;
        struct node_member *members;
    };
    struct node_index *index; /* of a large map */
};

/* Makers. Strings are copied into the arena. */
struct node *node_null(struct arena *arena);
struct node *node_bool(struct arena *arena, bool value);
struct node *node_int(struct arena *arena, int64_t value);
struct node *node_float(struct arena *arena, double value);
struct node *node_string(struct arena *arena, const char *string);
struct node *node_bytes(struct arena *arena, const void *bytes, size_t len);
struct node *node_format(struct arena *arena, const char *format, ...) PRINTF(2, 3);
struct node *node_list(struct arena *arena);
struct node *node_map(struct arena *arena);
/* All of it anew; nothing is shared with `from`. NULL of NULL. */
struct node *node_copy(struct arena *arena, const struct node *from);
/* A new top level over the same children: enough to change that level. Of NULL
   it is an empty map. */
struct node *node_share(struct arena *arena, const struct node *from);

/*
 * A tree that is kept for long, outside of arenas: equal parts of all such trees are one part
 * in memory, so that many alike cost little more than one. Nobody may change it. Equal trees
 * (with members in the same order) are the same pointer. NULL of NULL. For one thread.
 */
const struct node *document_intern(const struct node *from);
/* Gives it back, and leaves NULL; accepts NULL. */
void document_release(const struct node **tree);
#define scoped_interned SCOPED(document_release)
/* The same of a text alone, as are those of interned trees. */
const char *document_intern_text(const char *text);
void document_release_text(const char **text);
/* How many parts there are, and their bytes. */
size_t document_interned(size_t *ret_bytes);

/* A text as the key of a member, and what such a key stands for. */
const char *node_key(struct arena *arena, const char *bytes, size_t len);
void node_key_bytes(struct text *out, const char *key);

/*
 * Readers take NULL for "not there" and answer NULL, "", 0 or false then, and
 * likewise when the type is another one. So a chain of them needs no checks.
 */
struct node *node_get(const struct node *map, const char *key);
/* node_at(o, "spec", "template", NULL) */
struct node *node_at(const struct node *map, ...) __attribute__((sentinel));
struct node *node_item(const struct node *list, size_t index);
const char *node_text(const struct node *string); /* "" */
const char *node_get_text(const struct node *map, const char *key);
int64_t node_get_int(const struct node *map, const char *key, int64_t none);
/* A number that is calculated with: what is beyond a bound is that bound, so
   that no product or sum of it overflows. */
int64_t node_get_within(const struct node *map, const char *key, int64_t least, int64_t most,
                        int64_t none);
bool node_get_bool(const struct node *map, const char *key, bool none);
bool node_is(const struct node *node, enum node_type type); /* NULL: false */
#ifdef __clang_analyzer__                                   /* which sees one file at a time */
#define node_is(node, type)                                                                        \
    __extension__({                                                                                \
        bool is_ = node_is(node, type);                                                            \
        __builtin_assume(!is_ || (node));                                                          \
        is_;                                                                                       \
    })
#endif
size_t node_count(const struct node *list_or_map);
const char *node_type_name(enum node_type type); /* "string", "object", … */

/*
 * Writers. `value` becomes part of the tree; it may be shared by several. As
 * readers they need no checks: what is no map (or list) becomes an empty one
 * first, and writing to NULL, or NULL, changes nothing.
 */
void node_set(struct arena *arena, struct node *map, const char *key, struct node *value);
void node_set_text(struct arena *arena, struct node *map, const char *key, const char *string);
void node_set_int(struct arena *arena, struct node *map, const char *key, int64_t value);
void node_set_bool(struct arena *arena, struct node *map, const char *key, bool value);
/* The map under `key`, made if it is not there or is no map. */
struct node *node_make(struct arena *arena, struct node *map, const char *key);
struct node *node_make_list(struct arena *arena, struct node *map, const char *key);
bool node_remove(struct node *map, const char *key); /* keeps the order */
void node_add(struct arena *arena, struct node *list, struct node *value);
void node_insert(struct arena *arena, struct node *list, size_t index, struct node *value);
void node_remove_item(struct node *list, size_t index);
void node_sort(struct node *map); /* members by key, byte order */

/*
 * Deep equality as JSON sees it: the order of members does not matter, and 1
 * equals 1.0.
 */
bool node_same(const struct node *a, const struct node *b);
/*
 * What reading, copying or writing a tree once costs, in units of
 * base/meter.h: its bytes and 64 for each node. Stops soon after `most`.
 */
uint64_t node_weight(const struct node *node, uint64_t most);

/* Walks the members of a map; anything else, NULL too, has none. */
#define node_each(member, map)                                                                     \
    for (struct node_member *member = node_is((map), NODE_MAP) ? (map)->members : NULL,            \
                            *member##_end = member ? member + (map)->len : NULL;                   \
         member < member##_end; member++)

/* ---- Reading and writing text ---------------------------------------- */

struct document_limits {
    size_t bytes;     /* of the text */
    unsigned depth;   /* of nesting */
    size_t nodes;     /* 0: 4,096 + bytes / 10, at most 150,000 */
    bool duplicates;  /* keep the last of equal keys instead of refusing */
    bool nuls;        /* let strings and keys of YAML hold NUL */
    bool any_integer; /* let integers beyond 2^53 (to 64 bits) in */
};
/* What the API accepts: 3 MiB, depth 128 (a kube-apiserver's is similar). */
extern const struct document_limits document_limits_api;
/* What we wrote ourselves: no limits but depth 512. */
extern const struct document_limits document_limits_own;

/*
 * Reads JSON (RFC 8259). Refuses, before any tree is built and in time that
 * grows with the length only: \u0000, bytes that are not UTF-8, numbers that no
 * double holds, integers beyond 2^53 and what is over the limits; and then
 * duplicate keys. The message says at which line and column, or at which path.
 * ERR_TOO_LARGE or ERR_BAD_REQUEST.
 */
struct node *document_read_json(struct arena *arena, const char *text, size_t len,
                                const struct document_limits *limits, struct err *err) MUST_CHECK;
/*
 * The same for JSON that this program wrote, as the bodies in its store: many
 * times faster, because what document_read_json() made sure of once is not
 * looked for again. Never for bytes from outside.
 */
struct node *document_read_own(struct arena *arena, const char *text, size_t len,
                               struct err *err) MUST_CHECK;
/*
 * The same as document_read_json(), but of several equal keys the last one stays, and the path of
 * each such key ("spec.ports[0].name") goes into the list `duplicates`.
 */
struct node *document_read_json_leniently(struct arena *arena, const char *text, size_t len,
                                          const struct document_limits *limits,
                                          struct node *duplicates, struct err *err) MUST_CHECK;
/*
 * JSON of other programs on this machine, such as a container engine: numbers are
 * doubles, and of equal keys the last one stays. Depth as document_limits_own.
 */
struct node *document_read_foreign(struct arena *arena, const char *text, size_t len,
                                   struct err *err) MUST_CHECK;
/*
 * What is wrong with the text as JSON, in the words of Go's encoding/json, which
 * Kubernetes' clients know ("invalid character 'n' looking for beginning of
 * value"). NULL if it is JSON, whatever else a reader may hold against it.
 */
const char *document_complaint(struct arena *arena, const char *text, size_t len);

/*
 * Reads one YAML document as sigs.k8s.io/yaml does (YAML 1.1 types, keys
 * become strings, merge keys, anchors with a budget). An empty text is null.
 */
enum document_keys {
    DOCUMENT_KEYS_LAST_WINS,
    DOCUMENT_KEYS_ONCE, /* refuses a key that is written twice */
    /* As UnmarshalStrict of sigs.k8s.io/yaml, which takes a key that overrides
       one of a merge (`<<: *base`) for a duplicate. */
    DOCUMENT_KEYS_ONCE_EVEN_MERGED,
};
struct node *document_read_yaml(struct arena *arena, const char *text, size_t len,
                                enum document_keys keys, const struct document_limits *limits,
                                struct err *err) MUST_CHECK;
/*
 * Reads every document of a YAML stream (`---`), or one JSON text, into a
 * list; empty documents are left out.
 */
struct node *document_read_all(struct arena *arena, const char *text, size_t len,
                               const struct document_limits *limits, struct err *err) MUST_CHECK;

/* Compact JSON, members in their order, `<>&` as they are, no final newline. What
   is not there is null, for all of these. */
void document_write_json(struct text *out, const struct node *node);
/* The same with members sorted at every level: one text for equal trees. */
void document_write_canonical(struct text *out, const struct node *node);
/* Indented by two spaces. */
void document_write_pretty(struct text *out, const struct node *node);
/* As sigs.k8s.io/yaml's Marshal: keys sorted, final newline; folds at 80. */
void document_write_yaml(struct text *out, const struct node *node);
/* As go-yaml v3 does: lists stand in from their keys, nothing is folded. */
void document_write_yaml_pretty(struct text *out, const struct node *node);
/* Convenience: compact JSON in the arena. */
char *document_json(struct arena *arena, const struct node *node);
/* A float as JSON and Go's encoding/json write it: 1e+21, 0.000001, 1e-7. */
void document_write_float(struct text *out, double value);
/*
 * The fewest digits that read back as `value`, which is finite and not below 0:
 * it is 0.DIGITS x 10^point. Returns how many there are, none for 0.
 */
int document_float_digits(double value, char digits[20], int *ret_point);

#endif
