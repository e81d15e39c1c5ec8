/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOTEMPLATE_H
#define GOTEMPLATE_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "golang/golang.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct function;
struct meter;
struct node;

/*
 * Go's text/template over documents.
 *
 * A set of templates is parsed once and run many times; a run takes a
 * document, writes text and touches nothing else. Besides Go's own functions a
 * set has those of the library that it is made with (sprig/sprig.h has Sprig's
 * and Helm's), whose rows are in gotemplate/function.h. What is printed, what is
 * refused and at which line and column agrees with Go 1.24, Sprig 3.3 and
 * Helm 3.19 (docs/TEMPLATES.md says where not).
 *
 * A template is never trusted. Work, nesting, output, memory and the size of
 * patterns are bounded, and a template that goes over a bound ends in an error
 * that names its line. Work is counted in units of base/meter.h: no function
 * is called before everything in its arguments is paid for. Clock, chance,
 * files, network and environment are out of reach: a library refuses functions
 * that need them by name, and the parser says why.
 *
 * Nothing here blocks. A set may be used by one thread at a time; sets share
 * nothing.
 */
struct template_set;

/* What a missing key of a map gives: Go's missingkey option. */
enum template_missing {
    TEMPLATE_MISSING_DEFAULT, /* prints "<no value>" */
    TEMPLATE_MISSING_ZERO,    /* nil; Helm's */
    TEMPLATE_MISSING_ERROR,
};

/*
 * A library of functions for templates, beside Go's own. Groups are arrays of
 * rows (struct function) that end with a row without a name.
 */
struct template_library {
    const struct function *const *groups;  /* ended by NULL */
    const struct function *clock;          /* added only in a set that has a `now` */
    const struct function *semver_methods; /* of *semver.Version */
};

/* 0 stands for the default. */
struct template_bounds {
    uint64_t work;    /* units of base/meter.h: METER_ANSWER */
    unsigned depth;   /* {{template}} in {{template}}: 100,000 */
    unsigned include; /* include of one name inside itself: 1,000 */
    unsigned tpl;     /* tpl inside tpl: 100 */
    unsigned nesting; /* actions and parentheses in one text: 1,000 */
    size_t stack;     /* bytes of the C stack a run may take: 5 MiB */
    size_t output;    /* bytes: 16 MiB */
    size_t memory;    /* bytes of values during a run: 64 MiB */
    size_t pattern;   /* instructions of one regular expression: 10,000 */
};

/*
 * A function that a caller adds to the language. Arguments are documents that
 * must not be changed; the result goes into the arena. 0, or -1 with `err`.
 */
typedef int template_function_fn(void *arg, struct arena *arena, const struct node *const *args,
                                 size_t count, struct node **ret, struct err *err);
struct template_function {
    const char *name;
    unsigned least, most; /* how many arguments */
    template_function_fn *run;
    void *arg;
    int cost; /* units for each byte of its arguments; 0: not measured */
};

struct template_options {
    enum template_missing missing;
    const struct template_library *library; /* borrowed; NULL: Go's own only */
    enum value_numbers numbers;
    bool strict;         /* Helm's --strict: missing is TEMPLATE_MISSING_ERROR */
    bool strip_no_value; /* drop every "<no value>" from what a run wrote */
    const int64_t *now;  /* ns since 1970: what `now` means; NULL: refused */
    struct template_bounds bounds;
    struct meter *meter;                   /* borrowed; counts instead of bounds.work, over many
                                              sets and runs; NULL: each run has its own */
    const struct template_function *extra; /* borrowed by the set */
    size_t extra_count;
};

enum template_stage { TEMPLATE_PARSE, TEMPLATE_EXEC };

/*
 * Where and why. `text` is Go's whole sentence: "template: NAME:LINE:COLUMN:
 * executing …". A parse error has no column (-1). Line counts from 1, column
 * in bytes from 0, as Go prints them. The struct owns nothing.
 */
struct template_error {
    enum template_stage stage;
    char name[256];
    unsigned line; /* 0: of no line */
    int column;
    char text[6144];
};

struct template_set *template_set_new(const struct template_options *options)
    __attribute__((returns_nonnull));
void template_set_free(struct template_set **set);
#define scoped_template_set SCOPED(template_set_free)

/*
 * Parses a text and the definitions in it. A later template of the same name
 * wins unless its body is empty; twice in one text is an error.
 */
int template_set_add(struct template_set *set, const char *name, const char *text, size_t len,
                     struct template_error *err) MUST_CHECK;

/* Helm's order of parsing: more slashes first, then names descending. For
   qsort over an array of names. */
int template_order(const void *a, const void *b);

/*
 * Runs one template with `data` as the dot (NULL is nil) and appends to
 * `out`, which on failure holds what was written until then.
 */
int template_run(struct template_set *set, const char *name, const struct node *data,
                 struct text *out, struct template_error *err) MUST_CHECK;

/*
 * Helm's shorter words for `error`: what `fail` and `required` said, and
 * "parse error at (NAME:LINE): …". The text itself where Helm keeps it.
 */
void template_error_helm(const struct template_error *error, struct text *out);
/* For a person: Go's sentence, but what `fail` and `required` say in Helm's. */
void template_error_words(const struct template_error *error, struct text *out);

/* The line in question with a caret below; for the command line. */
void template_error_underline(const struct template_error *error, const char *source, size_t len,
                              struct text *out);

/* The templates of a set as text again; parsing it gives the same set. */
void template_set_print(const struct template_set *set, const char *name, struct text *out);

#include "gotemplate/function.h"

#endif
