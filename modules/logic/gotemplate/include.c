/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a template of the set by its name, and for include and tpl inside a run. */
#include "gotemplate/exec.h"

/* Helm's name for the root that all templates hang from. */
#define ROOT "gotpl"

#define NO_VALUE "<no value>"

void exec_strip(struct text *out, size_t from)
{
    size_t to = from, at = from;

    while (at < out->len) {
        char *found = memmem(out->bytes + at, out->len - at, NO_VALUE, sizeof NO_VALUE - 1);
        size_t end = found ? (size_t)(found - out->bytes) : out->len;

        memmove(out->bytes + to, out->bytes + at, end - at);
        to += end - at;
        at = found ? end + sizeof NO_VALUE - 1 : end;
    }
    text_cut(out, to);
}

/* Helm runs templates through one root, whose name its sentence has. */
bool exec_named(struct exec *exec, struct str name, struct value dot)
{
    const struct tree *tree = scope_find(exec->scope, name);
    scoped_text struct text quoted = {0};

    if (tree)
        return exec_tree(exec, tree, dot);
    literal_quote(&quoted, name, '"', false);
    text_cut(&exec->words, 0);
    text_addf(&exec->words, "template: no template %s associated with template \"" ROOT "\"",
              text_string(&quoted));
    return false;
}

/* Runs with what is written going into a string of its own. */
static bool run_aside(struct call *call, const struct tree *tree, struct str name, struct value dot,
                      bool stripped, struct str *ret)
{
    struct exec *exec = call->exec;
    struct text *outer = exec->out;
    size_t limit = exec->out_limit;
    scoped_text struct text inner = {0};
    bool fine;

    dot.any = false;
    exec->out = &inner;
    exec->out_limit = limit - outer->len;
    fine = tree ? exec_tree(exec, tree, dot) : exec_named(exec, name, dot);
    exec->out = outer;
    exec->out_limit = limit;
    if (stripped && inner.len)
        exec_strip(&inner, 0);
    if (!fine || !call_room(call, inner.len))
        return false;
    *ret = str_take(call->arena, &inner);
    return true;
}

/* Helm counts how often a name is included inside itself, and refuses beyond a bound. */
bool call_include(struct call *call, struct str name, struct value data, struct str *ret)
{
    struct exec *exec = call->exec;
    int64_t times = 0;
    struct value *seen;
    bool fine;

    if (!exec->included)
        exec->included = dict_new(&exec->heap, ELEMENT_INT);
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
        literal_quote(&quoted, (struct str){text.at + text.len - PRINT_SHORT, PRINT_SHORT}, '"',
                      false);
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

/* The trees live as long as the run, in a scope of their own before that of the set. */
static const struct tree *parse_tpl(struct call *call, struct str text)
{
    struct exec *exec = call->exec;
    struct parse_request request = {.arena = call->arena,
                                    .scope = exec->scope,
                                    .functions = exec->functions,
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

/* Work and memory for parsing are paid before it begins. */
bool call_tpl(struct call *call, struct str text, struct value data, struct str *ret)
{
    struct exec *exec = call->exec;
    struct scope *outer = exec->scope;
    const struct tree *tree;
    bool fine = false;

    if (exec->tpl_depth >= exec->options->bounds.tpl)
        return call_fail(call, "tpl inside tpl more than %u times", exec->options->bounds.tpl);
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
