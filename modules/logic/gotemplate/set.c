/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a set of parsed templates and runs them. */
#include "document/document.h"
#include "pattern/pattern.h"
#include "gotemplate/exec.h"

#include <stdlib.h>

struct template_set {
    struct arena *arena; /* owned: trees and their texts */
    struct template_options options;
    struct scope *scope;
    struct map *functions; /* owned */
};

static const struct template_bounds bounds_default = {
    .work = METER_ANSWER,
    .depth = 100000,
    .include = 1000,
    .tpl = 100,
    .nesting = 1000,
    .stack = 5 * 1024 * 1024,
    .output = 16 * 1024 * 1024,
    .memory = 64 * 1024 * 1024,
    .pattern = 10000,
};

/* Zero stands for the default of each bound. */
static void bounds_fill(struct template_bounds *bounds)
{
    const struct template_bounds *none = &bounds_default;

    bounds->work = bounds->work ? bounds->work : none->work;
    bounds->depth = bounds->depth ? bounds->depth : none->depth;
    bounds->include = bounds->include ? bounds->include : none->include;
    bounds->tpl = bounds->tpl ? bounds->tpl : none->tpl;
    bounds->nesting = bounds->nesting ? bounds->nesting : none->nesting;
    bounds->stack = bounds->stack ? bounds->stack : none->stack;
    bounds->output = bounds->output ? bounds->output : none->output;
    bounds->memory = bounds->memory ? bounds->memory : none->memory;
    bounds->pattern = bounds->pattern ? bounds->pattern : none->pattern;
}

/* ---- Functions ---- */

/* A later function of the same name replaces an earlier one. */
static void add_functions(struct map *functions, const struct function *group)
{
    for (; group->name; group++)
        map_put(functions, group->name, (void *)(uintptr_t)group);
}

/* Without a time the functions of the clock stay refused. */
static void add_library(struct map *functions, const struct template_library *library,
                        bool with_clock)
{
    for (size_t i = 0; library->groups[i]; i++)
        add_functions(functions, library->groups[i]);
    if (with_clock)
        add_functions(functions, library->clock);
}

static bool run_extra(struct call *call)
{
    const struct template_function *extra = call->function->extra;
    const struct node **nodes;
    struct node *result = NULL;
    struct err err = {0};

    if (call->count < extra->least || call->count > extra->most)
        return call_fail(call, "wants %u to %u arguments, got %zu", extra->least, extra->most,
                         call->count);
    nodes = arena_alloc(call->arena, (call->count + 1) * sizeof(const struct node *));
    for (size_t i = 0; i < call->count; i++) {
        nodes[i] = value_to_node(call->arena, call->args[i], PRINT_DEPTH);
        if (!nodes[i])
            return call_fail(call, "argument %zu is nested too deep", i + 1);
    }
    if (extra->run(extra->arg, call->arena, nodes, call->count, &result, &err) < 0)
        return call_fail(call, "%s", err.text);
    return call_give(call, value_from_node(call->heap, result));
}

/* Functions of the caller come last, so they replace those of the library. */
static void add_extra(struct template_set *set)
{
    for (size_t i = 0; i < set->options.extra_count; i++) {
        struct function *function = arena_alloc(set->arena, sizeof *function);

        *function = (struct function){.name = set->options.extra[i].name,
                                      .takes = "a*",
                                      .gives = 'a',
                                      .run = run_extra,
                                      .cost = set->options.extra[i].cost,
                                      .extra = &set->options.extra[i]};
        map_put(set->functions, function->name, function);
    }
}

/* ---- The set ---- */

struct template_set *template_set_new(const struct template_options *options)
{
    struct template_set *set = mem_alloc(sizeof *set);
    const struct template_library *library = options->library;

    set->arena = arena_new();
    set->options = *options;
    bounds_fill(&set->options.bounds);
    if (options->strict)
        set->options.missing = TEMPLATE_MISSING_ERROR;
    set->scope = scope_new(set->arena, NULL);
    meter_spend(options->meter, COST_SET);
    set->functions = map_new();
    add_functions(set->functions, functions_go);
    if (library)
        add_library(set->functions, library, options->now);
    add_extra(set);
    return set;
}

void template_set_free(struct template_set **at)
{
    struct template_set *set = take(*at);

    if (!set)
        return;
    map_free(&set->functions);
    arena_free(&set->arena);
    free(set);
}

/* An error before a tree exists: without a line. */
static int refuse_text(struct template_error *err, const char *name, const char *why)
{
    *err = (struct template_error){.stage = TEMPLATE_PARSE, .column = -1};
    snprintf(err->name, sizeof err->name, "%s", name);
    snprintf(err->text, sizeof err->text, "template: %s: %s", err->name, why);
    return -1;
}

static int refuse_meter_over(struct template_error *err, const char *name,
                             const struct meter *meter)
{
    char words[256];

    snprintf(words, sizeof words, OVER_WORK, (unsigned long long)meter->limit);
    return refuse_text(err, name, words);
}

/* Name and text are copied: trees point into them. */
int template_set_add(struct template_set *set, const char *name, const char *text, size_t len,
                     struct template_error *err)
{
    struct parse_request request = {.arena = set->arena,
                                    .scope = set->scope,
                                    .functions = set->functions,
                                    .nesting = set->options.bounds.nesting,
                                    .meter = set->options.meter};

    if (len > UINT32_MAX / 2)
        return refuse_text(err, name, "the text is larger than 2 GiB");
    if (!meter_spend(request.meter, len * COST_PARSE))
        return refuse_meter_over(err, name, request.meter);
    request.name = str_copy(set->arena, str_of(name));
    request.text = str_copy(set->arena, (struct str){text, len});
    return tree_parse(&request, err) ? 0 : -1;
}

static size_t count_slashes(const char *name)
{
    size_t count = 0;

    for (; *name; name++)
        count += *name == '/';
    return count;
}

/* A parent chart is parsed after its subcharts, and so overrides them. */
int template_order(const void *a, const void *b)
{
    const char *left = *(const char *const *)a;
    const char *right = *(const char *const *)b;
    size_t deep = count_slashes(left), other = count_slashes(right);

    if (deep != other)
        return deep > other ? -1 : 1;
    return -strcmp(left, right);
}

void template_set_print(const struct template_set *set, const char *name, struct text *out)
{
    const struct tree *tree = scope_find(set->scope, str_of(name));

    if (tree)
        part_print(out, tree->root);
}

/* ---- Runs ---- */

/* A long sentence keeps its head and its end, where the cause is. */
static void copy_words(struct template_error *err, const struct text *words)
{
    size_t room = sizeof err->text - 1;
    size_t tail = room / 4;
    size_t head = room - tail - 5;

    if (words->len <= room)
        snprintf(err->text, sizeof err->text, "%s", text_string(words));
    else
        snprintf(err->text, sizeof err->text, "%.*s ... %s", (int)head, words->bytes,
                 words->bytes + words->len - tail);
}

/* The map holds the expressions, but does not own them. */
static void free_patterns(struct map **at)
{
    struct map *patterns = *at;
    struct pattern *pattern;
    const char *key;
    size_t i = 0;

    while (patterns && (pattern = map_next(patterns, &i, &key)))
        pattern_free(&pattern);
    map_free(at);
}

/* Everything a run makes lies in one arena, which ends with it. On failure `out` keeps what was
   written, as in Go. */
int template_run(struct template_set *set, const char *name, const struct node *data,
                 struct text *out, struct template_error *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct exec exec = {.functions = set->functions,
                        .options = &set->options,
                        .arena = arena,
                        .own = {.limit = set->options.bounds.work},
                        .scope = set->scope,
                        .out = out,
                        .out_limit = set->options.bounds.output + out->len,
                        .stack = __builtin_frame_address(0),
                        .err = err};
    size_t from = out->len;
    bool fine;

    if (exec.out_limit < out->len)
        exec.out_limit = SIZE_MAX;
    exec.meter = set->options.meter ? set->options.meter : &exec.own;
    exec.heap = (struct heap){arena, set->options.numbers, exec.meter};
    *err = (struct template_error){.stage = TEMPLATE_EXEC, .column = -1};
    fine = exec_named(&exec, str_of(name), value_from_node(&exec.heap, data));
    if (!fine)
        copy_words(err, &exec.words);
    if (set->options.strip_no_value)
        exec_strip(out, from);
    free(exec.frames);
    free(exec.variables);
    text_free(&exec.words);
    mem_free(&exec.positions.ends);
    free_patterns(&exec.patterns);
    return fine ? 0 : -1;
}
