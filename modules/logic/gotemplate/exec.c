/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the state of a run: its bounds, its variables, and where an error is. */
#include "gotemplate/exec.h"

#include <stdarg.h>
#include <stdlib.h>

/* ---- Errors and bounds ---- */

/*
 * An error passes through every template that includes the one that failed, up
 * to a thousand of them, and each puts its place before it. So a place is
 * bounded, and of a long error the head and the end are kept: what
 * template_error has room for comes from there.
 */
#define WORDS_PART ((size_t)16 * 1024)

void exec_shorten(struct text *words)
{
    scoped_text struct text end = {0};

    if (words->len <= WORDS_PART * 3)
        return;
    text_add_bytes(&end, words->bytes + words->len - WORDS_PART, WORDS_PART);
    text_cut(words, WORDS_PART);
    text_add(words, " ... ");
    text_add_bytes(words, end.bytes, end.len);
}

/* The lines of a text are counted once, however many places are in it. */
static void find_position(struct exec *exec, unsigned *line, unsigned *column)
{
    const struct part *part = exec->node;
    struct positions *last = &exec->positions;
    uint32_t low = 0, high;

    if (last->source != part->source) {
        struct str text = part->source->text;

        last->source = part->source;
        last->count = 0;
        for (size_t i = 0; i < text.len; i++) {
            if (text.at[i] != '\n')
                continue;
            if (last->count == last->room) {
                last->room = last->room ? last->room * 2 : 64;
                last->ends = mem_resize_array(last->ends, last->room, sizeof *last->ends);
            }
            last->ends[last->count++] = (uint32_t)i;
        }
    }
    high = last->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (last->ends[middle] < part->at)
            low = middle + 1;
        else
            high = middle;
    }
    *line = low + 1;
    *column = part->at - (low ? last->ends[low - 1] + 1 : 0);
}

/* The place is the part that is being run; Go shows it as text again. */
bool exec_fail_here(struct exec *exec)
{
    struct template_error *err = exec->err;
    scoped_text struct text why = exec->words;
    scoped_text struct text place = {.limit = WORDS_PART};
    struct text *out = &place;
    struct str name = exec->tree->name;
    unsigned line = 0, column = 0;

    exec->words = (struct text){0};
    err->stage = TEMPLATE_EXEC;
    if (exec->node) {
        name = exec->node->source->name;
        find_position(exec, &line, &column);
    }
    snprintf(err->name, sizeof err->name, "%.*s", (int)name.len, name.at);
    err->line = line;
    err->column = exec->node ? (int)column : -1;
    text_add(out, "template: ");
    text_add_bytes(out, name.at, name.len);
    text_add_char(out, ':');
    if (exec->node) {
        text_addf(out, "%u:%u: executing ", line, column);
        literal_quote(out, exec->tree->name, '"', false);
        text_add(out, " at <");
        part_print(out, exec->node);
        text_add(out, ">:");
    }
    text_add(&exec->words, text_string(&place));
    text_add_char(&exec->words, ' ');
    exec_shorten(&why);
    text_add_bytes(&exec->words, why.bytes, why.len);
    return false;
}

bool exec_fail(struct exec *exec, const char *format, ...)
{
    va_list args;

    text_cut(&exec->words, 0);
    va_start(args, format);
    text_addv(&exec->words, format, args);
    va_end(args);
    return exec_fail_here(exec);
}

/* Work is named rather than memory where both are used up. */
bool exec_over(struct exec *exec)
{
    const struct template_bounds *bounds = &exec->options->bounds;

    if (meter_over(exec->meter))
        return exec_fail(exec, OVER_WORK, (unsigned long long)exec->meter->limit);
    return exec_fail(exec, OVER_MEMORY, bounds->memory);
}

bool exec_spend(struct exec *exec, uint64_t units)
{
    if (meter_spend(exec->meter, units) && arena_used(exec->arena) <= exec->options->bounds.memory)
        return true;
    return exec_over(exec);
}

/* The size is counted only as far as it could be paid for. */
bool exec_weigh(struct exec *exec, struct value v, uint64_t cost)
{
    uint64_t most = meter_left(exec->meter) / cost + 1;

    return exec_spend(exec, value_size(v, most) * cost);
}

/* Measures from the frame of template_run(): the stack is bounded in bytes, since how much one
   level takes depends on the compiler. */
bool exec_stack_fine(struct exec *exec)
{
    const char *here = __builtin_frame_address(0);
    size_t used = (size_t)(here > exec->stack ? here - exec->stack : exec->stack - here);

    if (used <= exec->options->bounds.stack)
        return true;
    return exec_fail(exec, "nested too deep: more than %zu bytes of stack",
                     exec->options->bounds.stack);
}

/* ---- Variables ---- */

/* Variables are a stack; a frame notes how high it was and cuts it back. */
void variable_push(struct exec *exec, const struct name *name, struct value v)
{
    if (exec->variable_count == exec->variable_room) {
        exec->variable_room = exec->variable_room ? exec->variable_room * 2 : 16;
        exec->variables =
            mem_resize_array(exec->variables, exec->variable_room, sizeof *exec->variables);
    }
    exec->variables[exec->variable_count++] = (struct variable){name->text, name->hash, v};
}

/* The innermost one of the name, not beyond the template that is being run. */
static struct variable *variable_find(struct exec *exec, const struct name *name)
{
    for (uint32_t i = exec->variable_count; i > exec->base; i--) {
        struct variable *variable = &exec->variables[i - 1];

        if (variable->hash == name->hash && str_same(variable->name, name->text)) {
            meter_spend(exec->meter, (exec->variable_count - i) * 2);
            return variable;
        }
    }
    exec_fail(exec, "undefined variable: %.*s", (int)name->text.len, name->text.at);
    return NULL;
}

bool variable_set(struct exec *exec, const struct name *name, struct value v)
{
    struct variable *variable = variable_find(exec, name);

    if (variable)
        variable->value = v;
    return variable;
}

bool variable_get(struct exec *exec, const struct name *name, struct value *ret)
{
    struct variable *variable = variable_find(exec, name);

    if (variable)
        *ret = variable->value;
    return variable;
}
