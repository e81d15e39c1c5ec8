/* SPDX-License-Identifier: Apache-2.0 */
/* toToml, as Helm's encoder writes: plain keys first, then tables; fromToml. */
#include "sprig/groups.h"
#include "sprig/toml.h"

#include <inttypes.h>
#include <math.h>

struct toml {
    struct text *out;
    const char *why;
    bool any; /* something has been written: tables are set apart */
};

/* Keys of letters, digits, - and _ need no quotes. */
static bool plain_key(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.at[i];

        if (!((c >= '0' && c <= '9') || c == '-' || c == '_' ||
              ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')))
            return false;
    }
    return key.len;
}

/* With the escapes of Helm's encoder. */
static void write_toml_string(struct text *out, struct str s)
{
    static const char shorts[] = "\"\"\\\\\bb\tt\nn\ff\rr";

    text_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        const char *found = NULL;

        for (size_t j = 0; j + 1 < sizeof shorts; j += 2) {
            if (s.at[i] == shorts[j])
                found = &shorts[j + 1];
        }
        if (found)
            text_addf(out, "\\%c", *found);
        else if ((unsigned char)s.at[i] < ' ' || s.at[i] == 0x7f)
            text_addf(out, "\\u%04x", (unsigned char)s.at[i]);
        else
            text_add_char(out, s.at[i]);
    }
    text_add_char(out, '"');
}

static void write_toml_key(struct text *out, struct str key)
{
    if (plain_key(key))
        text_add_bytes(out, key.at, key.len);
    else
        write_toml_string(out, key);
}

/* A float always has a point, so that it is read as one again. */
static void write_float(struct text *out, double number)
{
    size_t from = out->len;

    if (!isfinite(number)) {
        text_add(out, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
        return;
    }
    float_print(out, number, 'f', -1);
    if (!memchr(out->bytes + from, '.', out->len - from))
        text_add(out, ".0");
}

static bool is_table_list(struct value v);
static bool write_inline(struct toml *toml, struct value v, unsigned depth);

/*
 * Plain values first, then tables. What is nil is left out, but not the comma
 * behind what came before it.
 */
static bool write_inline_table(struct toml *toml, struct dict *dict, unsigned depth)
{
    struct dict_entry *entries = dict_sort(dict);
    uint32_t left = dict->len;

    text_add_char(toml->out, '{');
    for (int tables = 0; tables < 2; tables++) {
        for (uint32_t i = 0; i < dict->len; i++) {
            struct value v = entries[i].value;

            if ((v.kind == KIND_DICT || is_table_list(v)) != (tables == 1))
                continue;
            left--;
            if (v.kind == KIND_NIL)
                continue;
            write_toml_key(toml->out, (struct str){entries[i].key, entries[i].len});
            text_add(toml->out, " = ");
            if (!write_inline(toml, v, depth + 1))
                return false;
            text_add(toml->out, left ? ", " : "");
        }
    }
    text_add_char(toml->out, '}');
    return true;
}

/* A value on the line of its key; tables inside lists are inline too. */
static bool write_inline(struct toml *toml, struct value v, unsigned depth)
{
    scoped_text struct text printed = {0};
    struct text *out = toml->out;

    if (depth > PRINT_DEPTH || out->over) {
        toml->why = "the value is too large or nested too deep";
        return false;
    }
    switch (v.kind) {
    case KIND_BOOL:
        text_add(out, v.truth ? "true" : "false");
        return true;
    case KIND_FLOAT:
        write_float(out, v.number);
        return true;
    case KIND_STRING:
        write_toml_string(out, value_str(v));
        return true;
    case KIND_TIME:
        print_time_rfc3339(out, v.time);
        return true;
    case KIND_SEMVER:
        semver_print(&printed, v.semver);
        write_toml_string(out, (struct str){text_string(&printed), printed.len});
        return true;
    case KIND_LIST:
        text_add_char(out, '[');
        for (uint32_t i = 0; i < list_len(v.list); i++) {
            text_add(out, i ? ", " : "");
            if (!write_inline(toml, v.list->items[i], depth + 1))
                return false;
        }
        text_add_char(out, ']');
        return true;
    case KIND_DICT:
        return write_inline_table(toml, v.dict, depth);
    case KIND_NIL:
        toml->why = "toml: cannot encode array with nil element";
        return false;
    default:
        text_addf(out, "%" PRId64, v.integer);
        return true;
    }
}

/* A list that holds only dicts is written as a table for each. */
static bool is_table_list(struct value v)
{
    if (v.kind != KIND_LIST || !list_len(v.list))
        return false;
    for (uint32_t i = 0; i < v.list->len; i++) {
        if (v.list->items[i].kind != KIND_DICT)
            return false;
    }
    return true;
}

static void write_toml_indent(struct toml *toml, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        text_add(toml->out, "  ");
}

static bool write_table(struct toml *toml, struct dict *dict, const struct text *path,
                        unsigned depth);

/* The header of a table, and what is in it. */
static bool write_subtable(struct toml *toml, const struct text *path, struct dict *dict,
                           unsigned depth, bool listed)
{
    if (toml->any && (!depth || listed))
        text_add_char(toml->out, '\n');
    toml->any = true;
    write_toml_indent(toml, depth);
    text_addf(toml->out, listed ? "[[%s]]\n" : "[%s]\n", text_string(path));
    return write_table(toml, dict, path, depth + 1);
}

/* The second pass over a table: only what needs a header. */
static bool write_entry_tables(struct toml *toml, const struct dict_entry *entry,
                               const struct text *path, unsigned depth)
{
    scoped_text struct text inner = {0};
    bool fine = true;

    text_add(&inner, text_string(path));
    if (inner.len)
        text_add_char(&inner, '.');
    write_toml_key(&inner, (struct str){entry->key, entry->len});
    if (entry->value.kind == KIND_DICT)
        return write_subtable(toml, &inner, entry->value.dict, depth, false);
    for (uint32_t i = 0; i < entry->value.list->len && fine; i++)
        fine = write_subtable(toml, &inner, entry->value.list->items[i].dict, depth, true);
    return fine;
}

/* Plain values first, then the tables below: TOML has no way back to a table. */
static bool write_table(struct toml *toml, struct dict *dict, const struct text *path,
                        unsigned depth)
{
    struct dict_entry *entries = dict_sort(dict);

    if (depth > 100 || toml->out->over) {
        toml->why = "the value is too large or nested too deep";
        return false;
    }
    for (uint32_t i = 0; i < dict->len; i++) {
        if (entries[i].value.kind == KIND_DICT || entries[i].value.kind == KIND_NIL ||
            is_table_list(entries[i].value))
            continue;
        write_toml_indent(toml, depth);
        write_toml_key(toml->out, (struct str){entries[i].key, entries[i].len});
        text_add(toml->out, " = ");
        if (!write_inline(toml, entries[i].value, depth + 1))
            return false;
        text_add_char(toml->out, '\n');
        toml->any = true;
    }
    for (uint32_t i = 0; i < dict->len; i++) {
        if ((entries[i].value.kind == KIND_DICT || is_table_list(entries[i].value)) &&
            !write_entry_tables(toml, &entries[i], path, depth))
            return false;
    }
    return true;
}

/* The error as if it were the text, as in Helm. */
static bool run_to_toml(struct call *call)
{
    scoped_text struct text path = {0};
    struct value v = call->args[0];
    struct text out = call_text(call);
    struct toml toml = {.out = &out};
    bool fine = false;

    if (v.kind == KIND_NIL)
        return call_fail(call, "reflect: call of reflect.Value.Type on zero "
                               "Value");
    if (is_table_list(v))
        toml.why = "toml: top-level values must be Go maps or structs";
    else
        fine =
            v.kind == KIND_DICT ? write_table(&toml, v.dict, &path, 0) : write_inline(&toml, v, 0);
    if (!fine) {
        text_cut(&out, 0);
        text_add(&out, toml.why);
    }
    return call_give_text(call, &out);
}

/* A text that is no TOML gives the sentence that says so, as in Helm. */
static bool run_from_toml(struct call *call)
{
    scoped_text struct text why = {0};
    struct dict *dict;

    if (!call_room(call, (uint64_t)call->args[0].len * 20) ||
        !call_spend(call, (uint64_t)call->args[0].len * 64))
        return false;
    if (toml_read(call, call_arg_str(call, 0), &dict, &why))
        return call_give(call, value_dict(dict));
    if (!why.len) /* over a bound */
        return false;
    dict = dict_new(call->heap, ELEMENT_ANY);
    dict_set(dict, STR("Error"), value_of_str(str_take(call->arena, &why)));
    return call_give(call, value_dict(dict));
}

const struct function functions_toml[] = {
    {"fromToml", "s", 'd', run_from_toml, 8},
    {"toToml", "a", 's', run_to_toml, 24},
    {0},
};
