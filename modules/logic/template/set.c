/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a set of parsed templates and runs them. */
#include "document/document.h"
#include "template/exec.h"

#include <stdlib.h>

struct template_set {
    struct arena *arena; /* owned: trees and their texts */
    struct template_options options;
    struct scope *scope;
    struct map *functions; /* owned */
};

/* Helm's name for the root that all templates hang from. */
#define ROOT "gotpl"

const struct template_options template_options_helm = {
    .missing = TEMPLATE_MISSING_ZERO,
    .functions = TEMPLATE_HELM,
    .numbers = TEMPLATE_FLOAT64,
    .strip_no_value = true,
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

static const struct function *const groups[] = {
    functions_refused, functions_words, functions_encodings, functions_paths,
    functions_semver, functions_dates, functions_urls, functions_patterns, functions_toml, functions_strings,  
    functions_math,    functions_lists,    functions_dicts,
    functions_types,   functions_json,     functions_yaml,
    
    
    functions_helm,
};

static void add_group(struct map *functions, const struct function *group)
{
    for (; group->name; group++)
        map_put(functions, group->name, (void *)(uintptr_t)group);
}

static bool run_extra(struct call *call)
{
    const struct template_function *extra = call->function->extra;
    const struct node **nodes;
    struct node *result = NULL;
    struct err err = {0};

    if (call->count < extra->least || call->count > extra->most)
        return call_fail(call, "wants %u to %u arguments, got %zu",
                         extra->least, extra->most, call->count);
    nodes = arena_alloc(call->arena,
                        (call->count + 1) * sizeof(const struct node *));
    for (size_t i = 0; i < call->count; i++) {
        nodes[i] = value_to_node(call->arena, call->args[i], PRINT_DEPTH);
        if (!nodes[i])
            return call_fail(call, "argument %zu is nested too deep", i + 1);
    }
    if (extra->run(extra->arg, call->arena, nodes, call->count, &result,
                   &err) < 0)
        return call_fail(call, "%s", err.text);
    return give(call, value_from_node(call->space, result));
}

static void add_extra(struct template_set *set)
{
    for (size_t i = 0; i < set->options.extra_count; i++) {
        struct function *function =
            arena_alloc(set->arena, sizeof *function);

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

    set->arena = arena_new();
    set->options = *options;
    bounds_fill(&set->options.bounds);
    if (options->strict)
        set->options.missing = TEMPLATE_MISSING_ERROR;
    set->scope = scope_new(set->arena, NULL);
    meter_spend(options->meter, COST_SET);
    set->functions = map_new();
    add_group(set->functions, functions_go);
    if (options->functions == TEMPLATE_HELM) {
        for (size_t i = 0; i < count_of(groups); i++)
            add_group(set->functions, groups[i]);
    }
    if (options->now)
        add_group(set->functions, functions_clock);
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

static int refuse_text(struct template_error *err, const char *name,
                       const char *why)
{
    *err = (struct template_error){.stage = TEMPLATE_PARSE, .column = -1};
    snprintf(err->name, sizeof err->name, "%s", name);
    snprintf(err->text, sizeof err->text, "template: %s: %s", err->name, why);
    return -1;
}

static int refuse_work(struct template_error *err, const char *name,
                       const struct meter *meter)
{
    char words[256];

    snprintf(words, sizeof words, OVER_WORK, (unsigned long long)meter->limit);
    return refuse_text(err, name, words);
}

int template_set_add(struct template_set *set, const char *name,
                     const char *text, size_t len, struct template_error *err)
{
    struct parse_request request = {.arena = set->arena,
                                    .scope = set->scope,
                                    .functions = set->functions,
                                    .nesting = set->options.bounds.nesting,
                                    .meter = set->options.meter};

    if (len > UINT32_MAX / 2)
        return refuse_text(err, name, "the text is larger than 2 GiB");
    if (!meter_spend(request.meter, len * COST_PARSE))
        return refuse_work(err, name, request.meter);
    request.name = str_copy(set->arena, str_of(name));
    request.text = str_copy(set->arena, (struct str){text, len});
    return tree_parse(&request, err) ? 0 : -1;
}

static size_t slashes(const char *name)
{
    size_t count = 0;

    for (; *name; name++)
        count += *name == '/';
    return count;
}

int template_order(const void *a, const void *b)
{
    const char *left = *(const char *const *)a;
    const char *right = *(const char *const *)b;
    size_t deep = slashes(left), other = slashes(right);

    if (deep != other)
        return deep > other ? -1 : 1;
    return -strcmp(left, right);
}

bool template_set_has(const struct template_set *set, const char *name)
{
    return scope_find(set->scope, str_of(name));
}

void template_set_print(const struct template_set *set, const char *name,
                        struct text *out)
{
    const struct tree *tree = scope_find(set->scope, str_of(name));

    if (tree)
        part_print(out, tree->root);
}

/* ---- Runs ---- */

#define NO_VALUE "<no value>"

/* Drops every "<no value>" from `from` on. */
static void strip(struct text *out, size_t from)
{
    size_t to = from, at = from;

    while (at < out->len) {
        char *found = memmem(out->bytes + at, out->len - at, NO_VALUE,
                             sizeof NO_VALUE - 1);
        size_t end = found ? (size_t)(found - out->bytes) : out->len;

        memmove(out->bytes + to, out->bytes + at, end - at);
        to += end - at;
        at = found ? end + sizeof NO_VALUE - 1 : end;
    }
    text_cut(out, to);
}

/* A long sentence keeps its head and its end, where the cause is. */
static void copy_words(struct template_error *err, const struct text *words)
{
    size_t room = sizeof err->text - 1;
    size_t tail = room / 4;
    size_t head = room - tail - 5;

    if (words->len <= room)
        snprintf(err->text, sizeof err->text, "%s", text_string(words));
    else
        snprintf(err->text, sizeof err->text, "%.*s ... %s", (int)head,
                 words->bytes, words->bytes + words->len - tail);
}

static bool run_named(struct exec *exec, struct str name, struct value dot)
{
    const struct tree *tree = scope_find(exec->scope, name);
    scoped_text struct text quoted = {0};

    if (tree)
        return exec_tree(exec, tree, dot);
    literal_quote(&quoted, name, '"', false);
    text_cut(&exec->words, 0);
    text_addf(&exec->words,
              "template: no template %s associated with template \"" ROOT "\"",
              text_string(&quoted));
    return false;
}

int template_run(struct template_set *set, const char *name,
                 const struct node *data, struct text *out,
                 struct template_error *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct exec exec = {.set = set,
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
    exec.space = (struct space){arena, set->options.numbers, exec.meter};
    *err = (struct template_error){.stage = TEMPLATE_EXEC, .column = -1};
    fine = run_named(&exec, str_of(name), value_from_node(&exec.space, data));
    if (!fine)
        copy_words(err, &exec.words);
    if (set->options.strip_no_value)
        strip(out, from);
    free(exec.frames);
    free(exec.variables);
    text_free(&exec.words);
    mem_free(&exec.positions.ends);
    patterns_free(&exec.patterns);
    return fine ? 0 : -1;
}

/* ---- What functions ask of the run ---- */

bool call_spend(struct call *call, uint64_t units)
{
    struct meter *meter = call->exec->meter;

    if (meter_spend(meter, units))
        return call_room(call, 0);
    return call_fail(call, OVER_WORK, (unsigned long long)meter->limit);
}

/* What is made is paid for by the byte, so there is room for what is left. */
bool call_room(struct call *call, uint64_t bytes)
{
    size_t most = call->exec->options->bounds.memory;
    const struct meter *meter = call->exec->meter;

    if (bytes > meter_left(meter))
        return call_fail(call, OVER_WORK, (unsigned long long)meter->limit);
    if (bytes <= most && arena_used(call->arena) <= most - bytes)
        return true;
    return call_fail(call, OVER_MEMORY, most);
}

struct text call_text(struct call *call)
{
    uint64_t left = meter_left(call->exec->meter);
    size_t used = arena_used(call->arena);
    size_t most = call->exec->options->bounds.memory;

    most = used < most ? most - used : 1;
    return (struct text){.limit = left < most ? (size_t)left + 1 : most};
}

char *call_alloc(struct call *call, size_t size)
{
    if (!call_room(call, size))
        return NULL;
    return arena_alloc(call->arena, size);
}

bool give_text(struct call *call, struct text *text)
{
    bool over = text->over;

    if (over || !call_room(call, (uint64_t)text->len + 1)) {
        if (over && call_room(call, text->len))
            call_fail(call, "the result is too large");
        text_free(text);
        return false;
    }
    return give_str(call, str_take(call->arena, text));
}

bool call_now(struct call *call, int64_t *ret)
{
    const int64_t *now = call->exec->options->now;

    if (!now)
        return call_fail(call, "the clock is out of a template's reach");
    *ret = *now;
    return true;
}

size_t call_pattern_size(const struct call *call)
{
    return call->exec->options->bounds.pattern;
}

struct map *call_patterns(struct call *call)
{
    if (!call->exec->patterns)
        call->exec->patterns = map_new();
    return call->exec->patterns;
}

/* Runs with what is written going into a string of its own. */
static bool run_aside(struct call *call, const struct tree *tree,
                      struct str name, struct value dot, bool stripped,
                      struct str *ret)
{
    struct exec *exec = call->exec;
    struct text *outer = exec->out;
    size_t limit = exec->out_limit;
    scoped_text struct text inner = {0};
    bool fine;

    dot.any = false;
    exec->out = &inner;
    exec->out_limit = limit - outer->len;
    fine = tree ? exec_tree(exec, tree, dot) : run_named(exec, name, dot);
    exec->out = outer;
    exec->out_limit = limit;
    if (stripped && inner.len)
        strip(&inner, 0);
    if (!fine || !call_room(call, inner.len))
        return false;
    *ret = str_take(call->arena, &inner);
    return true;
}

bool call_include(struct call *call, struct str name, struct value data,
                  struct str *ret)
{
    struct exec *exec = call->exec;
    int64_t times = 0;
    struct value *seen;
    bool fine;

    if (!exec->included)
        exec->included = dict_new(&exec->space, ELEMENT_INT);
    seen = dict_get(exec->included, name);
    times = seen ? seen->integer : 0;
    if (times > exec->options->bounds.include)
        return call_fail(call,
                         "rendering template has a nested reference name: "
                         "%.*s: unable to execute template",
                         (int)name.len, name.at);
    dict_set(exec->included, name, value_int(times + 1));
    fine = run_aside(call, NULL, name, data, false, ret);
    dict_set(exec->included, name, value_int(times));
    return fine;
}

/* Quoted; of a long text the head and the end, which is all that an error
   shows of it. */
static void quote_short(struct text *out, struct str text)
{
    scoped_text struct text quoted = {0};

    if (text.len > 2 * PRINT_SHORT) {
        literal_quote(&quoted, (struct str){text.at, PRINT_SHORT}, '"', false);
        text_cut(&quoted, quoted.len - 1);
        text_add_bytes(out, quoted.bytes, quoted.len);
        text_add(out, " ... ");
        text_cut(&quoted, 0);
        literal_quote(&quoted,
                      (struct str){text.at + text.len - PRINT_SHORT, PRINT_SHORT},
                      '"', false);
        text_add_bytes(out, quoted.bytes + 1, quoted.len - 1);
        return;
    }
    literal_quote(out, text, '"', false);
}

/* "words "text": cause", the cause being what exec->words say. */
static bool tpl_failed(struct exec *exec, const char *words, struct str text)
{
    scoped_text struct text cause = exec->words;

    exec->words = (struct text){0};
    text_add(&exec->words, words);
    quote_short(&exec->words, text);
    text_addf(&exec->words, ": %s", text_string(&cause));
    exec_shorten(&exec->words);
    return false;
}

static const struct tree *parse_tpl(struct call *call, struct str text)
{
    struct exec *exec = call->exec;
    struct parse_request request = {
        .arena = call->arena,
        .scope = exec->scope,
        .functions = exec->set->functions,
        .name = STR(ROOT),
        .text = text,
        .nesting = exec->options->bounds.nesting,
        .meter = exec->meter};
    scoped_mem struct template_error *err = mem_alloc(sizeof *err);
    const struct tree *tree = tree_parse(&request, err);

    if (!tree) {
        call_fail(call, "%s", err->text);
        tpl_failed(exec, "cannot parse template ", text);
    }
    return tree;
}

bool call_tpl(struct call *call, struct str text, struct value data,
              struct str *ret)
{
    struct exec *exec = call->exec;
    struct scope *outer = exec->scope;
    const struct tree *tree;
    bool fine = false;

    if (exec->tpl_depth >= exec->options->bounds.tpl)
        return call_fail(call, "tpl inside tpl more than %u times",
                         exec->options->bounds.tpl);
    /* A tree costs up to some sixty bytes per byte of its text. */
    if (!call_spend(call, (uint64_t)text.len * COST_PARSE) ||
        !call_room(call, (uint64_t)text.len * 64))
        return false;
    exec->scope = scope_new(call->arena, outer);
    exec->tpl_depth++;
    tree = parse_tpl(call, text);
    if (tree) {
        fine = run_aside(call, tree, text, data, true, ret);
        if (!fine)
            tpl_failed(exec, "error during tpl function execution for ", text);
    }
    exec->tpl_depth--;
    exec->scope = outer;
    return fine;
}

/* ---- Errors for people ---- */

#define HELM_START "HELM_ERR_START"
#define HELM_END "HELM_ERR_END"

void template_error_helm(const struct template_error *error, struct text *out)
{
    const char *start = strstr(error->text, HELM_START);
    const char *end = start ? strstr(start, HELM_END) : NULL;
    const char *words;

    if (error->stage == TEMPLATE_PARSE && error->line) {
        words = strstr(error->text + sizeof "template: " + strlen(error->name),
                       ": ");
        text_addf(out, "parse error at (%s:%u)%s", error->name, error->line,
                  words ? words : "");
        return;
    }
    if (!end) {
        text_add(out, error->text);
        return;
    }
    start += sizeof HELM_START - 1;
    text_addf(out, "execution error at (%s:%u:%d): %.*s", error->name,
              error->line, error->column, (int)(end - start), start);
}

void template_error_words(const struct template_error *error, struct text *out)
{
    if (error->stage == TEMPLATE_EXEC)
        template_error_helm(error, out);
    else
        text_add(out, error->text);
}

/* The line number `wanted` of a text; NULL if it has fewer. */
static const char *line_of(const char *source, size_t len, unsigned wanted,
                           size_t *ret_len)
{
    const char *at = source, *end = source + len, *stop;

    for (unsigned line = 1; at && line < wanted; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return NULL;
    stop = memchr(at, '\n', (size_t)(end - at));
    *ret_len = (size_t)((stop ? stop : end) - at);
    return at;
}

void template_error_underline(const struct template_error *error,
                              const char *source, size_t len, struct text *out)
{
    size_t width = 0;
    const char *line =
        error->line ? line_of(source, len, error->line, &width) : NULL;

    if (!line)
        return;
    text_addf(out, "%5u | %.*s\n", error->line, (int)width, line);
    if (error->column < 0)
        return;
    text_add(out, "      | ");
    /* Tabs stay tabs, so that the caret stands below its byte. */
    for (int i = 0; i < error->column && (size_t)i < width; i++) {
        if (((unsigned char)line[i] & 0xc0) != 0x80)
            text_add_char(out, line[i] == '\t' ? '\t' : ' ');
    }
    text_add(out, "^\n");
}
