/* SPDX-License-Identifier: Apache-2.0 */
/* Offers a function of a template what it may use of the run: work, memory, clock. */
#include "base/map.h"
#include "gotemplate/exec.h"

#include <stdarg.h>

/* The words stay in the run; the executor puts place and function before them. */
bool call_fail(struct call *call, const char *format, ...)
{
    va_list args;

    text_cut(&call->exec->words, 0);
    va_start(args, format);
    text_addv(&call->exec->words, format, args);
    va_end(args);
    return false;
}

/* Memory is asked for as well, since work is what a function spends while it makes things. */
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

/* The limit is what is left of work or memory, so that a text stops to grow before either is
   overdrawn. */
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

/* For a text over its limit, the error says whether work, memory or the size alone is the
   cause. */
bool call_give_text(struct call *call, struct text *text)
{
    bool over = text->over;

    if (over || !call_room(call, (uint64_t)text->len + 1)) {
        if (over && call_room(call, text->len))
            call_fail(call, "the result is too large");
        text_free(text);
        return false;
    }
    return call_give_str(call, str_take(call->arena, text));
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

/* The map is made when a run compiles its first expression; most never do. */
struct map *call_patterns(struct call *call)
{
    if (!call->exec->patterns)
        call->exec->patterns = map_new();
    return call->exec->patterns;
}

/* Strings are not copied. */
bool call_string(struct call *call, struct value v, struct str *ret)
{
    struct text out = call_text(call);

    if (v.kind == KIND_STRING) {
        *ret = value_str(v);
        return true;
    }
    if (!print_value(&out, v) || !call_room(call, out.len)) {
        text_free(&out);
        return call_fail(call, "a value is too large or nested too deep to "
                               "print");
    }
    *ret = str_take(call->arena, &out);
    return true;
}
