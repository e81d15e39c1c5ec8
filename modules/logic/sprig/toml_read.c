/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the keys and tables of TOML. */
#include "base/map.h"
#include "sprig/toml.h"

#include <stdlib.h>

/* ---- Tables ------------------------------------------------------------- */

/* A table, or the last one of a list of tables. */
static struct dict *as_table(struct value v)
{
    if (v.kind == KIND_DICT)
        return v.dict;
    if (v.kind == KIND_LIST && v.list->element == ELEMENT_DICT && v.list->len)
        return v.list->items[v.list->len - 1].dict;
    return NULL;
}

static struct dict *new_table(struct toml_reader *reader)
{
    return dict_new(reader->heap, ELEMENT_ANY);
}

/* The sentence for a key that has a value already. */
static bool is_defined(struct toml_reader *reader, const struct str *key)
{
    scoped_text struct text name = {0};

    if (toml_dotted_name(reader, key, &name))
        toml_fail(reader, reader->first_line, "Key '%s' has already been defined.",
                  text_string(&name));
    return false;
}

/* Gives the key of the context its value, unless it has one already; a table
   that other keys only implied may be named once. */
static bool set_toml_value(struct toml_reader *reader, struct str key, struct value v)
{
    scoped_text struct text name = {0};
    struct dict *dict = reader->root;
    unsigned len = reader->context_len;

    for (unsigned i = 0; i < len; i++) {
        struct value *at = dict_get(dict, reader->context[i]);

        dict = at ? as_table(*at) : NULL;
        if (!dict) {
            reader->context_len = i + 1;
            is_defined(reader, NULL);
            reader->context_len = len;
            return false;
        }
    }
    if (!dict_get(dict, key)) {
        dict_set(dict, key, v);
        return call_room(reader->call, 0);
    }
    if (!toml_dotted_name(reader, &key, &name))
        return false;
    if (map_get(reader->arrays, text_string(&name))) {
        map_remove(reader->implicits, text_string(&name));
        dict_set(dict, key, v);
        return true;
    }
    if (map_remove(reader->implicits, text_string(&name)))
        return true;
    return is_defined(reader, &key);
}

/* Puts the name into a set of names, or takes it out. */
static bool note_toml_name(struct toml_reader *reader, struct map *map, const struct str *key,
                           bool is)
{
    scoped_text struct text name = {0};

    if (!toml_dotted_name(reader, key, &name))
        return false;
    if (is)
        map_put(map, text_string(&name), reader);
    else
        map_remove(map, text_string(&name));
    return true;
}

/* Down to the table that the next part of a name belongs to; NULL when it is
   something else. */
static struct dict *find_subtable(struct toml_reader *reader, struct dict *dict, struct str part)
{
    struct value *at = dict_get(dict, part);

    reader->context[reader->context_len++] = part;
    if (!at) {
        if (!note_toml_name(reader, reader->implicits, NULL, true))
            return NULL;
        dict_set(dict, part, value_dict(new_table(reader)));
        at = dict_get(dict, part);
    }
    return as_table(*at);
}

/* One more table in the list of that name. */
static bool add_table(struct toml_reader *reader, struct dict *dict, struct str key)
{
    struct value *at = dict_get(dict, key);
    scoped_text struct text name = {0};

    if (!at) {
        dict_set(dict, key, value_list(list_new(reader->heap, ELEMENT_DICT)));
        at = dict_get(dict, key);
    }
    if (at->kind == KIND_LIST && at->list->element == ELEMENT_DICT) {
        list_add(at->list, value_dict(new_table(reader)));
        return call_room(reader->call, 0);
    }
    if (toml_dotted_name(reader, &key, &name))
        toml_fail(reader, reader->first_line,
                  "Key '%s' was already created and cannot be used as an array.",
                  text_string(&name));
    return false;
}

/* Makes parts[0…count-1] the context, with the tables that it takes. */
static bool enter_context(struct toml_reader *reader, const struct str *parts, unsigned count,
                          bool array)
{
    struct str key = parts[count - 1], outer[TOML_PARTS + 1];
    unsigned outer_len = reader->context_len;
    scoped_text struct text name = {0};
    struct dict *dict = reader->root;

    memcpy(outer, reader->context, sizeof outer);
    reader->context_len = 0;
    for (unsigned i = 0; i + 1 < count; i++) {
        dict = find_subtable(reader, dict, parts[i]);
        if (dict)
            continue;
        if (!toml_dotted_name(reader, NULL, &name))
            return false;
        memcpy(reader->context, outer, sizeof outer);
        reader->context_len = outer_len;
        return toml_fail(reader, reader->first_line, "Key '%s' was already created as a hash.",
                         text_string(&name));
    }
    if (array ? !add_table(reader, dict, key)
              : !set_toml_value(reader, key, value_dict(new_table(reader))))
        return false;
    reader->context[reader->context_len++] = key;
    return true;
}

/* ---- Keys --------------------------------------------------------------- */

struct key {
    struct str parts[TOML_PARTS];
    unsigned count;
};

/* The depth of values and the length of keys are bounded together: both take stack. */
static bool read_key_part(struct toml_reader *reader, struct key *key)
{
    if (key->count + reader->depth == TOML_PARTS)
        return toml_fail(reader, reader->line, "nested too deep");
    if (!toml_read_name(reader, &key->parts[key->count]))
        return false;
    if (!key->count++)
        reader->first_line = reader->line;
    return toml_skip_spaces(reader);
}

/* [name] or [[name]], behind its brackets. */
static bool read_table_name(struct toml_reader *reader, struct key *key)
{
    int c;

    do {
        if (!toml_skip_spaces(reader) || (c = toml_peek(reader)) < 0)
            return false;
        if (!c || c == ']')
            return toml_fail(reader, reader->line,
                             "unexpected end of table name (table names cannot "
                             "be empty)");
        if (c == '.')
            return toml_fail(reader, reader->line,
                             "unexpected table separator (table names cannot be "
                             "empty)");
        if (!read_key_part(reader, key) || (c = toml_next(reader)) < 0)
            return false;
    } while (c == '.');
    if (c != ']')
        return toml_fail(reader, toml_line(reader),
                         "expected '.' or ']' to end table name, but got %s "
                         "instead",
                         toml_quote(reader, c));
    return true;
}

/* a.b.c up to the equals sign. */
static bool read_dotted_key(struct toml_reader *reader, struct key *key)
{
    int c;

    do {
        if (!toml_skip_spaces(reader) || (c = toml_peek(reader)) < 0)
            return false;
        if (!c || c == '=')
            return toml_fail(reader, reader->line,
                             key->count ? "unexpected '='"
                                        : "unexpected '=': key name appears blank");
        if (c == '.')
            return toml_fail(reader, reader->line,
                             key->count ? "unexpected '.'"
                                        : "unexpected '.': keys cannot start "
                                          "with a '.'");
        if (!read_key_part(reader, key) || (c = toml_next(reader)) < 0)
            return false;
    } while (c == '.');
    if (!c)
        return toml_fail(reader, toml_line(reader), "unexpected EOF; expected key separator '='");
    if (c != '=')
        return toml_fail(reader, (long)reader->line - (c == '\n'),
                         "expected '.' or '=', but got %s instead", toml_quote(reader, c));
    return true;
}

static bool read_toml_value(struct toml_reader *reader, bool in_array, struct value *ret,
                            bool *ret_array);

/* The tables that a dotted key implies; then its value. */
static bool read_pair(struct toml_reader *reader, const struct key *key, struct value *ret)
{
    struct str parts[TOML_PARTS + 1];
    bool is_array = false;

    reader->current = key->parts[key->count - 1];
    for (unsigned i = 0; i + 1 < key->count; i++) {
        unsigned count = reader->context_len;

        if (count >= TOML_PARTS)
            return toml_fail(reader, reader->line, "nested too deep");
        memcpy(parts, reader->context, count * sizeof *parts);
        parts[count] = key->parts[i];
        if (!note_toml_name(reader, reader->implicits, &key->parts[i], true) ||
            !enter_context(reader, parts, count + 1, false))
            return false;
    }
    return read_toml_value(reader, false, ret, &is_array) &&
           set_toml_value(reader, reader->current, *ret) &&
           note_toml_name(reader, reader->arrays, reader->current.len ? &reader->current : NULL,
                          is_array);
}

/* ---- Values ------------------------------------------------------------- */

/* Over white space, newlines and comments; the character behind them. */
static int next_in_array(struct toml_reader *reader)
{
    for (;;) {
        int c = toml_next(reader);

        if (c == '#' && !toml_skip_comment(reader))
            return -1;
        if (c != '#' && !toml_is_space(c) && !toml_is_newline(c))
            return c;
    }
}

/* Line breaks and comments may stand between items, and a comma behind the last. */
static bool read_toml_array(struct toml_reader *reader, struct value *ret)
{
    struct list *list = list_new(reader->heap, ELEMENT_ANY);
    bool ignored;

    if (!note_toml_name(reader, reader->arrays, reader->current.len ? &reader->current : NULL,
                        true))
        return false;
    *ret = value_list(list);
    for (;;) {
        struct value item;
        int c = next_in_array(reader);

        if (c < 0 || c == ']')
            return c == ']';
        if (c == ',')
            return toml_fail(reader, toml_line(reader), "unexpected comma");
        toml_back(reader);
        if (!read_toml_value(reader, true, &item, &ignored) || !call_room(reader->call, 0))
            return false;
        list_add(list, item);
        c = next_in_array(reader);
        if (c < 0 || c == ']')
            return c == ']';
        if (c != ',')
            return toml_fail(reader, toml_line(reader),
                             "expected a comma (',') or array terminator "
                             "(']'), but got %s",
                             toml_show(reader, c));
    }
}

/* Over white space and comments; newlines are refused. */
static int next_in_table(struct toml_reader *reader)
{
    for (;;) {
        int c = toml_next(reader);

        if (c == '#' && !toml_skip_comment(reader))
            return -1;
        if (toml_is_newline(c)) {
            toml_fail(reader, (long)reader->line - 1, "newlines not allowed within inline tables");
            return -1;
        }
        if (c != '#' && !toml_is_space(c))
            return c;
    }
}

/* The same value in the table as it is given on. */
static bool put_inline(struct toml_reader *reader, struct dict *dict, const struct key *key,
                       struct value v)
{
    for (unsigned i = 0; i + 1 < key->count; i++) {
        struct value *at = dict_get(dict, key->parts[i]);

        if (!at) {
            dict_set(dict, key->parts[i], value_dict(new_table(reader)));
            at = dict_get(dict, key->parts[i]);
        }
        if (at->kind != KIND_DICT)
            return is_defined(reader, NULL);
        dict = at->dict;
    }
    dict_set(dict, key->parts[key->count - 1], v);
    return true;
}

/* The context is put back afterwards, since the pair has entered tables of its own. */
static bool read_inline_pair(struct toml_reader *reader, struct dict *dict)
{
    scoped_mem struct key *key = mem_alloc(sizeof *key);
    unsigned context_len = reader->context_len;
    struct value v;

    key->count = 0;
    if (!read_dotted_key(reader, key) || !read_pair(reader, key, &v) ||
        !put_inline(reader, dict, key, v))
        return false;
    reader->context_len = context_len;
    return true;
}

static bool read_inline_pairs(struct toml_reader *reader, struct dict *dict)
{
    for (;;) {
        int c = next_in_table(reader);

        if (c < 0 || c == '}')
            return c == '}';
        if (c == ',')
            return toml_fail(reader, toml_line(reader), "unexpected comma");
        toml_back(reader);
        if (!read_inline_pair(reader, dict))
            return false;
        c = next_in_table(reader);
        if (c < 0 || c == '}')
            return c == '}';
        if (c != ',')
            return toml_fail(reader, toml_line(reader),
                             "expected a comma or an inline table terminator "
                             "'}', but got %s instead",
                             toml_show(reader, c));
        if (!toml_skip_spaces(reader) || (c = toml_peek(reader)) < 0)
            return false;
        if (c == '}')
            return toml_fail(reader, reader->line, "trailing comma not allowed in inline tables");
    }
}

static bool read_inline_table(struct toml_reader *reader, bool in_array, struct value *ret)
{
    struct str outer[TOML_PARTS + 1], parts[TOML_PARTS + 1];
    struct str current = reader->current;
    unsigned outer_len = reader->context_len;
    struct dict *dict = new_table(reader);

    if (outer_len >= TOML_PARTS)
        return toml_fail(reader, reader->line, "nested too deep");
    memcpy(outer, reader->context, sizeof outer);
    memcpy(parts, reader->context, sizeof parts);
    parts[outer_len] = current;
    reader->context[reader->context_len++] = current;
    reader->current = STR("");
    if (!note_toml_name(reader, reader->implicits, NULL, true) ||
        !enter_context(reader, parts, outer_len + 1, in_array) || !read_inline_pairs(reader, dict))
        return false;
    memcpy(reader->context, outer, sizeof outer);
    reader->context_len = outer_len;
    reader->current = current;
    *ret = value_dict(dict);
    return true;
}

static bool read_nested(struct toml_reader *reader, int first, bool in_array, struct value *ret)
{
    bool fine;

    if (++reader->depth >= TOML_PARTS)
        return toml_fail(reader, reader->line, "nested too deep");
    fine = first == '[' ? read_toml_array(reader, ret) : read_inline_table(reader, in_array, ret);
    reader->depth--;
    return fine;
}

static bool read_toml_value(struct toml_reader *reader, bool in_array, struct value *ret,
                            bool *ret_array)
{
    struct str string;
    int c;

    do
        c = toml_next(reader);
    while (toml_is_space(c));
    if (c < 0)
        return false;
    *ret_array = c == '[';
    if (c == '[' || c == '{')
        return read_nested(reader, c, in_array, ret);
    if (c != '"' && c != '\'')
        return toml_read_scalar(reader, c, ret);
    if (!toml_read_string(reader, (char)c, true, &string))
        return false;
    *ret = value_of_str(string);
    return true;
}

/* ---- Lines -------------------------------------------------------------- */

static bool read_table(struct toml_reader *reader)
{
    scoped_mem struct key *key = mem_alloc(sizeof *key);
    int c = toml_peek(reader);
    bool array = c == '[';

    if (c < 0)
        return false;
    key->count = 0;
    if (array)
        toml_next(reader);
    if (!read_table_name(reader, key))
        return false;
    if (array) {
        c = toml_next(reader);
        if (c < 0)
            return false;
        if (c != ']')
            return toml_fail(reader, toml_line(reader),
                             "expected end of table array name delimiter ']', "
                             "but got %s instead",
                             toml_quote(reader, c));
    }
    return enter_context(reader, key->parts, key->count, array) &&
           note_toml_name(reader, reader->arrays, NULL, false);
}

static bool read_toml_line(struct toml_reader *reader)
{
    scoped_mem struct key *key = mem_alloc(sizeof *key);
    struct str outer[TOML_PARTS + 1];
    unsigned outer_len = reader->context_len;
    struct value v;

    key->count = 0;
    memcpy(outer, reader->context, sizeof outer);
    if (!read_dotted_key(reader, key) || !read_pair(reader, key, &v))
        return false;
    memcpy(reader->context, outer, sizeof outer);
    reader->context_len = outer_len;
    reader->current = STR("");
    return true;
}

/* Only a comment may follow on the line. */
static bool read_line_end(struct toml_reader *reader)
{
    int c;

    do
        c = toml_next(reader);
    while (toml_is_space(c));
    if (c == '#')
        return toml_skip_comment(reader);
    if (c < 0)
        return false;
    if (!c || toml_is_newline(c))
        return true;
    return toml_fail(reader, toml_line(reader),
                     "expected a top-level item to end with a newline, comment, "
                     "or EOF, but got %s instead",
                     toml_quote(reader, c));
}

/* Line by line: a table header, a pair, a comment or nothing. */
static bool read_toml_document(struct toml_reader *reader)
{
    while (!reader->ended) {
        int c = toml_next(reader);

        if (c < 0)
            return false;
        if (!c)
            break;
        if (toml_is_space(c) || toml_is_newline(c))
            continue;
        if (c == '#') {
            if (!toml_skip_comment(reader))
                return false;
            continue;
        }
        if (c != '[')
            toml_back(reader);
        if (!(c == '[' ? read_table(reader) : read_toml_line(reader)) || !read_line_end(reader))
            return false;
    }
    return true;
}

/* A byte order mark in front does not count. */
static struct str without_mark(struct str text)
{
    size_t mark = 0;

    if (text.len >= 2 &&
        (memcmp(text.at, "\xff\xfe", 2) == 0 || memcmp(text.at, "\xfe\xff", 2) == 0))
        mark = 2;
    else if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
        mark = 3;
    return (struct str){text.at + mark, text.len - mark};
}

bool toml_read(struct call *call, struct str text, struct dict **ret, struct text *why)
{
    struct heap *heap = arena_alloc(call->arena, sizeof *heap);
    scoped_mem struct toml_reader *reader = mem_alloc(sizeof *reader);
    scoped_map struct map *implicits = map_new(), *arrays = map_new();

    *heap = (struct heap){call->arena, VALUE_INT64};
    *reader = (struct toml_reader){.call = call,
                                   .heap = heap,
                                   .text = without_mark(text),
                                   .line = 1,
                                   .why = why,
                                   .implicits = implicits,
                                   .arrays = arrays};
    reader->root = new_table(reader);
    *ret = reader->root;
    if (memchr(reader->text.at, '\0', reader->text.len < 6 ? reader->text.len : 6)) {
        text_add(why, "toml: line 1: files cannot contain NULL bytes; probably "
                      "using UTF-16; TOML files must be UTF-8");
        return false;
    }
    return read_toml_document(reader);
}
