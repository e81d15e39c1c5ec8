/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CEL_INTERNAL_H
#define CEL_INTERNAL_H

#include "cel/cel.h"

#include "base/text.h"
#include "query/query.h"

/* ---- Values ------------------------------------------------------------ */

/* In the order of CEL_TYPE_LETTERS. */
enum cel_type {
    CEL_DYN,
    CEL_NULL,
    CEL_BOOL,
    CEL_INT,
    CEL_UINT,
    CEL_DOUBLE,
    CEL_STRING,
    CEL_BYTES,
    CEL_LIST,
    CEL_MAP,
    CEL_TIME,
    CEL_DURATION,
    CEL_TYPE,
    CEL_OPTIONAL,
    CEL_QUANTITY,
    CEL_SEMVER,
    CEL_IP,
    CEL_CIDR,
    CEL_URL,
    CEL_FORMAT,
};
/* One letter per type, as signatures of overloads are written. */
#define CEL_TYPE_LETTERS "dnbiufsylmtDToqvpcUF"

struct cel_list;
struct cel_map;

/* Types that only one group of functions can look into. */
struct cel_semver {
    int64_t major, minor, patch;
    const char *pre; /* "" */
    const char *text;
};
struct cel_address {
    bool six;
    unsigned char bytes[16];
    unsigned bits; /* of a CIDR */
};
struct cel_url {
    const char *scheme, *host, *port, *path, *query, *text;
};
struct cel_format {
    const char *name;
    bool (*check)(const char *text, char why[NAME_WHY]);
    bool prefix; /* a trailing "-" is let through */
};

struct cel_value {
    enum cel_type type;
    union {
        bool boolean;
        int64_t integer; /* times and durations: nanoseconds */
        uint64_t natural;
        double number;
        struct {
            const char *bytes; /* NUL-terminated as well */
            size_t len;
        };
        const struct cel_list *list;
        const struct cel_map *map;
        enum cel_type of;
        const struct cel_value *inner; /* NULL: optional.none() */
        const struct quantity *quantity;
        const struct cel_semver *semver;
        const struct cel_address *address;
        const struct cel_url *url;
        const struct cel_format *format;
    };
};

/* Either a tree that came in, or values made on the way. */
struct cel_list {
    const struct node *node;
    const struct cel_value *items;
    size_t len;
};
struct cel_map {
    const struct node *node;
    const struct cel_value *keys, *values;
    size_t len;
};

struct cel_run;

/* value.c */
const char *cel_type_name(enum cel_type type);
struct cel_value cel_from_node(struct arena *arena, const struct node *node);
struct node *cel_to_node(struct cel_run *run, const struct cel_value *value);
/* How many values there are in one, itself too. Stops soon after `most`. */
uint64_t cel_weight(const struct cel_value *value, uint64_t most);
bool cel_same(struct arena *arena, const struct cel_value *a, const struct cel_value *b);
/* -1, 0, 1; 2 when they cannot be compared. */
int cel_order(const struct cel_value *a, const struct cel_value *b);
struct cel_value cel_item(struct arena *arena, const struct cel_list *list, size_t index);
struct cel_value cel_key(struct arena *arena, const struct cel_map *map, size_t index);
bool cel_find(struct arena *arena, const struct cel_map *map, const struct cel_value *key,
              struct cel_value *ret);
struct cel_value cel_bool(bool value);
struct cel_value cel_int(int64_t value);
struct cel_value cel_double(double value);
struct cel_value cel_string(struct arena *arena, const char *bytes, size_t len);
struct cel_value cel_list_of(struct arena *arena, const struct cel_value *items, size_t len);
struct cel_value cel_some(struct arena *arena, const struct cel_value *inner);

/* ---- Expressions ------------------------------------------------------- */

enum cel_kind {
    EXPR_LITERAL,
    EXPR_IDENT,
    EXPR_SELECT, /* args[0].name; `test` for has() */
    EXPR_CALL,   /* a member function has its receiver in args[0] */
    EXPR_AND,
    EXPR_OR,
    EXPR_COND,
    EXPR_LIST,
    EXPR_MAP,   /* args: key, value, key, value … */
    EXPR_MACRO, /* args[0] the range, then the bodies */
};

/* check_macro() compares with <=: quantifiers first, then makers of lists, then
   optionals. */
enum cel_macro {
    MACRO_ALL,
    MACRO_EXISTS,
    MACRO_EXISTS_ONE,
    MACRO_MAP,
    MACRO_FILTER,
    MACRO_OPT_MAP,
    MACRO_OPT_FLAT_MAP,
};

struct cel_overload;

struct cel_expr {
    enum cel_kind kind;
    size_t at; /* where it stands in the text */
    unsigned depth;
    struct cel_value literal;
    const char *name; /* identifier, field, function, loop variable */
    struct cel_expr **args;
    bool *optional; /* of list items and map entries: `?x` */
    size_t count;
    bool member, test, maybe; /* maybe: `.?field`, `[?index]` */
    enum cel_macro macro;
    const struct cel_overload **overloads; /* NULL-terminated; by the checker */
};

struct cel_program {
    struct cel_expr *root;
    const char *text;
};

/* parse.c, with lex.c below it */
struct cel_expr *cel_parse(struct arena *arena, const char *text, struct err *err);
/* check.c: the static type of the whole, or an error. */
int cel_check(struct arena *arena, const char *text, struct cel_expr *root,
              const char *const *variables, struct err *err);
/* report.c: "ERROR: <input>:1:1: words\n | text\n | ^" */
int cel_report_at(struct err *err, const char *text, size_t at, const char *format, ...)
    PRINTF(4, 5);

/* lex.c */
enum cel_token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_LITERAL,
    TOKEN_MARK, /* an operator or a bracket */
};
struct cel_token {
    enum cel_token_kind kind;
    size_t at, end;
    struct cel_value literal;
    char mark[3];
    const char *name;
};
int cel_next_token(struct arena *arena, const char *text, size_t at, struct cel_token *ret,
                   struct err *err);

/* ---- Functions --------------------------------------------------------- */

/* Returns -1 after cel_fail(). */
typedef int cel_fn(struct cel_run *run, const struct cel_value *args, size_t count,
                   struct cel_value *ret);

/*
 * One overload. `args` has a letter per argument, with a dot after the first
 * when it is a member function: "s.s" is string.f(string). "d" takes anything.
 */
struct cel_overload {
    const char *name, *args;
    char returns;
    cel_fn *run;
};

struct cel_table {
    const struct cel_overload *rows;
    size_t count;
};
extern const struct cel_table cel_operators, cel_standard, cel_strings, cel_collections,
    cel_kubernetes, cel_network, cel_times, cel_regex;

/* check.c: whether any overload has this name; namespaces are "optional.of". */
bool cel_function_exists(const char *name);
bool cel_overload_fits(const struct cel_overload *overload, const struct cel_value *args,
                       size_t count);

/* ---- A run ------------------------------------------------------------- */

struct cel_scope {
    const char *name;
    struct cel_value value;
    const struct cel_scope *up;
};

struct cel_run {
    struct arena *arena;
    const struct cel_input *input;
    const struct cel_scope *scope;
    struct err *err;
    uint64_t cost, limit;
    bool stopped; /* the limit is reached: nothing may swallow that */
};

/* report.c: returns -1 always. Does not replace the error of an exceeded cost limit. */
int cel_fail(struct cel_run *run, const char *format, ...) PRINTF(2, 3);
/* Charges for work before it is done; -1 if the limit does not allow it. */
int cel_pay(struct cel_run *run, uint64_t cost);
/* A tenth of a unit per byte, rounded up. */
int cel_pay_bytes(struct cel_run *run, size_t bytes);

#endif
