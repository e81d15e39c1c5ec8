/* SPDX-License-Identifier: Apache-2.0 */
#ifndef QUERY_H
#define QUERY_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;

/*
 * The small languages of Kubernetes' API: selectors, JSONPath, quantities,
 * durations, names.
 *
 * Each is parsed once into a compact form and then evaluated. Errors use
 * Kubernetes' own words. Lengths are limited here, so that time and memory stay
 * in proportion to the input. The module knows no kinds.
 *
 * Everything is pure and made in the caller's arena.
 */

/* ---- Selectors --------------------------------------------------------- */

/* A compiled label or field selector. NULL selects everything. */
struct selector;

/* k8s.io/apimachinery pkg/labels: "a=b,c in (d,e),!f,g>1". At most 65,536
   bytes. ERR_BAD_REQUEST. */
struct selector *selector_parse_labels(struct arena *arena, const char *text,
                                       struct err *err) MUST_CHECK;
/*
 * pkg/fields: "metadata.name=x,status.phase!=y", `\` before `,` `=` `\`.
 * `known` (NULL-terminated; NULL: any path) says which fields may be asked for
 * beside metadata.name and metadata.namespace.
 */
struct selector *selector_parse_fields(struct arena *arena, const char *text,
                                       const char *const *known, struct err *err) MUST_CHECK;
/* A LabelSelector object {matchLabels, matchExpressions}. ERR_INVALID. An
   empty one selects everything; NULL selects nothing, as in Kubernetes. */
struct selector *selector_from_node(struct arena *arena, const struct node *label_selector,
                                    struct err *err) MUST_CHECK;
/* Outlives the arena it was parsed in. */
struct selector *selector_copy(struct arena *arena, const struct selector *selector);

/* `labels` is a map of strings or NULL. */
bool selector_matches_labels(const struct selector *selector, const struct node *labels);
/* A whole object: metadata.labels, or the fields at their paths ("" where
   there is none; numbers and booleans in their text form). */
bool selector_matches(const struct selector *selector, const struct node *object);
/* What a field selector asks of metadata.namespace and metadata.name; of other fields it
   is taken to hold. So what is not selected by its name need not be parsed. */
bool selector_matches_key(const struct selector *selector, const char *namespace, const char *name);
/* Whether a field selector asks for nothing but these two. */
bool selector_is_of_key(const struct selector *selector);
/* The value that a field must have ("metadata.name"), or NULL. */
const char *selector_requires(const struct selector *selector, const char *field);
/* In canonical form: sorted, "app in (a,b),!c". */
char *selector_text(struct arena *arena, const struct selector *selector);

/* ---- Quantities -------------------------------------------------------- */

enum quantity_format {
    QUANTITY_DECIMAL_SI,       /* 1500m, 2k */
    QUANTITY_BINARY_SI,        /* 512Mi */
    QUANTITY_DECIMAL_EXPONENT, /* 12e6 */
};

/*
 * k8s.io/apimachinery resource.Quantity: an exact decimal (nothing finer than
 * 1n; finer amounts are rounded up) with the format it was written in. Small
 * ones live in the struct; `big` is used beyond 18 digits.
 */
struct quantity {
    enum quantity_format format;
    int scale; /* value = small × 10^scale */
    int64_t small;
    const char *big;  /* decimal digits with sign, instead of `small` */
    const char *text; /* kept as written when Kubernetes keeps it so */
};

/* At most 1,024 bytes, exponents within ±1,000. ERR_BAD_REQUEST. */
int quantity_parse(struct arena *arena, const char *text, struct quantity *ret,
                   struct err *err) MUST_CHECK;
/* From a node: a string or a number. */
int quantity_from_node(struct arena *arena, const struct node *node, struct quantity *ret,
                       struct err *err) MUST_CHECK;
char *quantity_text(struct arena *arena, const struct quantity *quantity);
/* Rounded up, away from zero; beyond 64 bits as Go's library wraps. */
int64_t quantity_value(const struct quantity *quantity);
int64_t quantity_milli_value(const struct quantity *quantity);
double quantity_float(const struct quantity *quantity);
int quantity_compare(const struct quantity *a, const struct quantity *b);
/* a += b; the format stays a's unless a is zero. */
void quantity_add(struct arena *arena, struct quantity *a, const struct quantity *b);
void quantity_subtract(struct arena *arena, struct quantity *a, const struct quantity *b);

/* ---- Durations and percentages ----------------------------------------- */

/* Go's time.ParseDuration: "1h30m", "-1.5s", "100ms"; nanoseconds. */
int duration_parse(const char *text, int64_t *ret, struct err *err) MUST_CHECK;
/* OCM's rollout time-outs: one whole number and one of h, m, s; or "None",
   which is INT64_MAX. The empty text too. */
int duration_parse_single(const char *text, int64_t *ret, struct err *err) MUST_CHECK;
/* As Go prints it: "1h30m0s". */
#define DURATION_TEXT 48
void duration_format(int64_t nanoseconds, char out[DURATION_TEXT]);
/*
 * An int-or-string such as 3 or "25%" against a total, rounded up or down
 * (intstr.GetScaledValueFromIntOrPercent).
 */
int percent_scale(const struct node *int_or_percent, int64_t total, bool round_up, int64_t *ret,
                  struct err *err) MUST_CHECK;

/* ---- Names ------------------------------------------------------------- */

/*
 * Each answers true, or false with Kubernetes' sentence ("must be no more than
 * 63 characters", "a lowercase RFC 1123 label must consist of …"). Where
 * several are wrong the sentences are joined with "; ". `ret_why` may be NULL.
 */
#define NAME_WHY 768
bool name_is_dns_label(const char *name, char ret_why[NAME_WHY]);
bool name_is_dns_subdomain(const char *name, char ret_why[NAME_WHY]);
bool name_is_dns1035_label(const char *name, char ret_why[NAME_WHY]);
bool name_is_path_segment(const char *name, char ret_why[NAME_WHY]);
/* Label keys, annotation keys, finalizers: [prefix/]name. */
bool name_is_qualified(const char *name, char ret_why[NAME_WHY]);
bool name_is_label_value(const char *value, char ret_why[NAME_WHY]);
/* Keys of ConfigMaps and Secrets. */
bool name_is_config_key(const char *key, char ret_why[NAME_WHY]);

/* ---- JSONPath ---------------------------------------------------------- */

/*
 * kubectl's JSONPath (k8s.io/client-go/util/jsonpath): templates such as
 * `{.items[*].metadata.name}`, filters `[?(@.type=="Ready")]`, unions, slices,
 * `..`, `{range}…{end}`, quoted text.
 */
struct jsonpath;

/* `text` is a whole template. At most 16 kB and 64 levels. ERR_BAD_REQUEST. */
struct jsonpath *jsonpath_parse(struct arena *arena, const char *text, struct err *err) MUST_CHECK;
/* `text` is one path, with or without braces and leading dot, as kubectl's
   -o jsonpath and custom columns accept it ("relaxed"). */
struct jsonpath *jsonpath_parse_relaxed(struct arena *arena, const char *text,
                                        struct err *err) MUST_CHECK;
/*
 * Finds values: a list with one list of values for each {…} of the template.
 * A key that is missing is an error, or nothing found with `allow_missing`.
 * At most 100,000 values. The values belong to `object`.
 */
struct node *jsonpath_find(const struct jsonpath *path, struct arena *arena,
                           const struct node *object, bool allow_missing,
                           struct err *err) MUST_CHECK;
/* What kubectl prints: values in text form, separated by spaces, literal text
   between. */
int jsonpath_print(const struct jsonpath *path, struct arena *arena, const struct node *object,
                   bool allow_missing, struct text *out, struct err *err) MUST_CHECK;
/* One value as kubectl's JSONPath prints it: strings bare, the rest as JSON. */
void jsonpath_add_value(struct text *out, const struct node *value);

#endif
