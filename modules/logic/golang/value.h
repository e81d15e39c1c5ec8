/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_VALUE_H
#define GOLANG_VALUE_H

#include "base/mem.h"
#include "base/meter.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct node;

/*
 * Values as a template sees them: Go's types where the language tells them
 * apart. A value is sixteen bytes and passed by copy; what it points to lives
 * in the arena of the run. Lists and dicts have identity: `set` changes what
 * every holder sees.
 */
enum value_kind {
    KIND_NIL, /* no value; with `any`, an interface that holds nothing */
    KIND_BOOL,
    KIND_INT,
    KIND_INT64,
    KIND_UINT8, /* a byte of a string */
    KIND_FLOAT,
    KIND_COMPLEX,
    KIND_STRING,
    KIND_LIST,
    KIND_DICT,
    KIND_TIME,
    KIND_MONTH,
    KIND_WEEKDAY,
    KIND_DURATION,
    KIND_SEMVER,
    KIND_COUNT,
};

struct list;
struct dict;
struct instant;
struct semver;

struct value {
    unsigned char kind;
    bool any;     /* held in an interface{}: what Go calls its static type */
    uint32_t len; /* bytes of a string */
    union {
        bool truth;
        int64_t integer;
        double number;
        const char *string; /* not NUL-terminated */
        struct list *list;
        struct dict *dict;
        const double *complex; /* two */
        const struct instant *time;
        const struct semver *semver;
    };
};

/* What the items of a list or the values of a dict are declared to be. */
enum element {
    ELEMENT_ANY,
    ELEMENT_STRING,
    ELEMENT_INT,
    ELEMENT_LIST,
    ELEMENT_DICT,
};

/* What a number of a document becomes; text stays text. */
enum value_numbers {
    VALUE_FLOAT64, /* all are float64, as from a Helm values file */
    VALUE_INT64,   /* whole ones are int64, as from `helm --set` */
};

/* Where values come from. */
struct heap {
    struct arena *arena;
    enum value_numbers numbers;
    struct meter *meter; /* pays for loading, finding and sorting; or NULL */
};

struct list {
    struct heap *heap;
    const struct node *from; /* not read yet: its items come from here */
    struct value *items;
    uint32_t len, room;
    uint32_t spare; /* items beyond len that Go's capacity would show */
    unsigned char element;
    bool nil; /* Go's nil slice */
};

struct dict_entry {
    const char *key;
    uint32_t len, hash;
    struct value value;
};

struct dict {
    struct heap *heap;
    const struct node *from; /* not read yet */
    struct dict_entry *entries;
    uint32_t *index; /* position + 1 by hash; for more than a few entries */
    uint32_t len, room, slots;
    unsigned char element;
    bool nil;
    bool sorted;
};

struct str {
    const char *at;
    size_t len;
};
#define STR(literal) ((struct str){literal, sizeof(literal) - 1})

static inline struct str str_of(const char *string)
{
    return (struct str){string, strlen(string)};
}
static inline bool str_same(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
static inline bool str_starts(struct str s, struct str with)
{
    return s.len >= with.len && memcmp(s.at, with.at, with.len) == 0;
}
static inline bool str_digit_at(struct str s, size_t at)
{
    return at < s.len && s.at[at] >= '0' && s.at[at] <= '9';
}
static inline struct str value_str(struct value v)
{
    return (struct str){v.string, v.len};
}

static inline struct value value_nil(void)
{
    return (struct value){.kind = KIND_NIL};
}
static inline struct value value_bool(bool truth)
{
    return (struct value){.kind = KIND_BOOL, .truth = truth};
}
static inline struct value value_int(int64_t integer)
{
    return (struct value){.kind = KIND_INT, .integer = integer};
}
static inline struct value value_int64(int64_t integer)
{
    return (struct value){.kind = KIND_INT64, .integer = integer};
}
static inline struct value value_float(double number)
{
    return (struct value){.kind = KIND_FLOAT, .number = number};
}
static inline struct value value_string(const char *at, size_t len)
{
    return (struct value){.kind = KIND_STRING, .len = (uint32_t)len, .string = len ? at : ""};
}
static inline struct value value_of_str(struct str s)
{
    return value_string(s.at, s.len);
}
static inline struct value value_list(struct list *list)
{
    return (struct value){.kind = KIND_LIST, .list = list};
}
static inline struct value value_dict(struct dict *dict)
{
    return (struct value){.kind = KIND_DICT, .dict = dict};
}

/* Nodes become values as they are looked at; the node must outlive the run. */
struct value value_from_node(struct heap *heap, const struct node *node);
/* NULL if the value is nested deeper than `depth`. Dicts come sorted. */
struct node *value_to_node(struct arena *arena, struct value v, unsigned depth);

/* Lists. */
struct list *list_new(struct heap *heap, enum element element);
void list_add(struct list *list, struct value v);
void list_load(struct list *list);
static inline uint32_t list_len(struct list *list)
{
    if (list->from)
        list_load(list);
    return list->len;
}
/* An item as the language sees it: `any` if the list is one of interfaces. */
static inline struct value list_at(struct list *list, uint32_t i)
{
    struct value v;

    if (list->from)
        list_load(list);
    v = list->items[i];
    v.any = list->element == ELEMENT_ANY;
    return v;
}

/* Dicts. Keys are borrowed and must live as long as the run. */
struct dict *dict_new(struct heap *heap, enum element element);
uint32_t str_hash(struct str key);
void dict_load(struct dict *dict);
struct value *dict_find(struct dict *dict, struct str key, uint32_t hash);
struct value *dict_get(struct dict *dict, struct str key);
void dict_set(struct dict *dict, struct str key, struct value v);
void dict_remove(struct dict *dict, struct str key);
/* Puts the entries in order of their keys; the order Go prints and ranges. */
struct dict_entry *dict_sort(struct dict *dict);
static inline uint32_t dict_len(struct dict *dict)
{
    if (dict->from)
        dict_load(dict);
    return dict->len;
}

/* Go's names: "map[string]interface {}", "[]string", "*semver.Version". */
const char *value_type(struct value v);
/* reflect's Kind: "map", "slice", "invalid", "struct", "ptr". */
const char *value_kind(struct value v);
/* Is it neither false, 0, "", nil nor empty? */
bool value_true(struct value v);
/*
 * How much there is in a value for one who walks all of it: its bytes, 16 and
 * the depth for each part. Stops counting soon after `most`.
 */
uint64_t value_size(struct value v, uint64_t most);
/* reflect.DeepEqual; `depth` bounds it, beyond that nothing is equal. */
bool value_same(struct value a, struct value b, unsigned depth);

/* Strings in the arena. */
struct str str_copy(struct arena *arena, struct str s);
struct str str_take(struct arena *arena, struct text *text);

#endif
