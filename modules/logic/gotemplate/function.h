/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOTEMPLATE_FUNCTION_H
#define GOTEMPLATE_FUNCTION_H

#include "golang/golang.h"
#include "gotemplate/gotemplate.h"

struct exec;
struct map;

/*
 * A call of a function. The executor has checked count and types against the
 * row; a function reads args, writes ret and returns true, or calls
 * call_fail() and returns what that returns.
 */
struct call {
    struct exec *exec;
    struct heap *heap;
    struct arena *arena;
    struct value *args;
    size_t count;
    struct value ret;
    const struct function *function;
};

typedef bool function_fn(struct call *call);

/*
 * What a call costs is paid before it begins: `cost` units for each byte and a
 * little for each part of everything in the arguments, however deep, because
 * most functions look at all of it. So a row that says nothing is dear, and a
 * new function cannot be forgotten; one that looks at less says so. What a
 * function makes is paid for when it returns; one that takes longer than in
 * proportion to its arguments (sorting, pairs) calls call_spend() as well.
 */
enum cost {
    COST_DEAR = 0,   /* not measured: COST_UNKNOWN units */
    COST_FLAT = -1,  /* looks at strings, and at no more than one key or item */
    COST_ITEMS = -2, /* moves the items of lists and dicts without a look */
    COST_NONE = -3,  /* looks at nothing that grows */
    COST_UNKNOWN = 100,
};

/*
 * `takes`: a letter per parameter: s string, i int, I int64, f float64, b
 * bool, a any value, v a value with its static type, d map[string]interface{},
 * l []interface{}, t time.Time, V *semver.Version; a * at the end: the last
 * one any number of times. `gives`: a for interface{}, anything else for what
 * the value is.
 */
struct function {
    const char *name;
    const char *takes;
    char gives;
    function_fn *run;
    int cost;            /* enum cost, or units for each byte of all arguments */
    const char *refused; /* why a template may not call it */
    const struct template_function *extra;
};

/* Says why the call failed, as Go would; false always. */
bool call_fail(struct call *call, const char *format, ...) PRINTF(2, 3);
/* Spends units of work; false when nothing is left. */
bool call_spend(struct call *call, uint64_t units);
/* A text for what a function makes, that cannot outgrow the run's bounds. */
struct text call_text(struct call *call);
/* Is there memory for that many more bytes? Fails the call if not. */
bool call_room(struct call *call, uint64_t bytes);
/* Memory for a result; NULL when over the bound. */
char *call_alloc(struct call *call, size_t size);
/* Nanoseconds since 1970, or false: the clock is out of reach. */
bool call_now(struct call *call, int64_t *ret);
size_t call_pattern_size(const struct call *call);
struct map *call_patterns(struct call *call); /* compiled ones, by text */
/* Runs a template of the set and gives what it wrote. */
bool call_include(struct call *call, struct str name, struct value data, struct str *ret);
/* Parses a text as a template and gives what it writes. */
bool call_tpl(struct call *call, struct str text, struct value data, struct str *ret);

/* Results. */
static inline bool call_give(struct call *call, struct value v)
{
    call->ret = v;
    return true;
}
static inline bool call_give_str(struct call *call, struct str s)
{
    return call_give(call, value_of_str(s));
}
/* fmt's %v as a string, which a string is already. False when too large. */
bool call_string(struct call *call, struct value v, struct str *ret);
/* Copies the text into the arena and frees it; fails over the bound. */
bool call_give_text(struct call *call, struct text *text);
static inline struct str call_arg_str(const struct call *call, size_t i)
{
    return value_str(call->args[i]);
}

#endif
