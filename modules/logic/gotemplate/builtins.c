/* SPDX-License-Identifier: Apache-2.0 */
/* Go's own functions: comparison, index, slice, len, print and escapes. */
#include "gotemplate/exec.h"

/* ---- Comparison ---- */

enum basic {
    BASIC_NONE,
    BASIC_BOOL,
    BASIC_COMPLEX,
    BASIC_INT,
    BASIC_FLOAT,
    BASIC_STRING,
    BASIC_UINT
};

/* The classes of types within which Go's templates compare. */
static enum basic basic_of(struct value v)
{
    switch (v.kind) {
    case KIND_BOOL:
        return BASIC_BOOL;
    case KIND_INT:
    case KIND_INT64:
    case KIND_MONTH:
    case KIND_WEEKDAY:
    case KIND_DURATION:
        return BASIC_INT;
    case KIND_UINT8:
        return BASIC_UINT;
    case KIND_FLOAT:
        return BASIC_FLOAT;
    case KIND_COMPLEX:
        return BASIC_COMPLEX;
    case KIND_STRING:
        return BASIC_STRING;
    default:
        return BASIC_NONE;
    }
}

static bool is_integer_type(enum basic basic)
{
    return basic == BASIC_INT || basic == BASIC_UINT;
}

static const char incompatible[] = "incompatible types for comparison";
static const char invalid[] = "invalid type for comparison";

static bool nil_value(struct value v)
{
    return v.kind == KIND_NIL || (v.kind == KIND_LIST && v.list->nil) ||
           (v.kind == KIND_DICT && v.dict->nil);
}

/* Values that are no numbers, strings or bools: only nil compares. */
static bool same_others(struct call *call, struct value a, struct value b, bool *ret)
{
    scoped_text struct text shown = {.limit = PRINT_SHORT};

    if (a.kind != b.kind && a.kind != KIND_NIL && b.kind != KIND_NIL) {
        print_value(&shown, a);
        text_addf(&shown, ": %s, %s: ", value_type(a), value_type(b));
        print_value(&shown, b);
        return call_fail(call, "non-comparable types %s", text_string(&shown));
    }
    if (nil_value(a) || nil_value(b)) {
        *ret = nil_value(a) == nil_value(b);
        return true;
    }
    if (b.kind == KIND_LIST || b.kind == KIND_DICT) {
        print_value(&shown, b);
        return call_fail(call, "non-comparable type %s: %s", text_string(&shown), value_type(b));
    }
    *ret = value_same(a, b, PRINT_DEPTH);
    return true;
}

/* Signed and unsigned integers compare with each other; everything else only within its class,
   and with nil. */
static bool compare_equal(struct call *call, struct value a, struct value b, bool *ret)
{
    enum basic left = basic_of(a), right = basic_of(b);

    *ret = false;
    if (left != right && !(is_integer_type(left) && is_integer_type(right))) {
        if (a.kind != KIND_NIL && b.kind != KIND_NIL)
            return call_fail(call, "%s", incompatible);
        return true;
    }
    switch (left) {
    case BASIC_NONE:
        return same_others(call, a, b, ret);
    case BASIC_BOOL:
        *ret = a.truth == b.truth;
        return true;
    case BASIC_STRING:
        *ret = str_same(value_str(a), value_str(b));
        return true;
    case BASIC_FLOAT:
        *ret = a.number == b.number;
        return true;
    case BASIC_COMPLEX:
        *ret = a.complex[0] == b.complex[0] && a.complex[1] == b.complex[1];
        return true;
    default:
        *ret = a.integer == b.integer;
        return true;
    }
}

/* True when the first argument equals any of the others. */
static bool run_eq(struct call *call)
{
    bool same = false;

    if (call->count < 2)
        return call_fail(call, "missing argument for comparison");
    for (size_t i = 1; i < call->count && !same; i++) {
        if (!compare_equal(call, call->args[0], call->args[i], &same))
            return false;
    }
    return call_give(call, value_bool(same));
}

static bool run_ne(struct call *call)
{
    bool same;

    return compare_equal(call, call->args[0], call->args[1], &same) &&
           call_give(call, value_bool(!same));
}

static bool str_less(struct str a, struct str b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least ? memcmp(a.at, b.at, least) : 0;

    return order < 0 || (order == 0 && a.len < b.len);
}

/* Only integers, floats and strings have an order. */
static bool compare_less(struct call *call, struct value a, struct value b, bool *ret)
{
    enum basic left = basic_of(a), right = basic_of(b);

    if (left == BASIC_NONE || right == BASIC_NONE)
        return call_fail(call, "%s", invalid);
    if (left != right && !(is_integer_type(left) && is_integer_type(right)))
        return call_fail(call, "%s", incompatible);
    if (left == BASIC_BOOL || left == BASIC_COMPLEX)
        return call_fail(call, "%s", invalid);
    *ret = left == BASIC_STRING  ? str_less(value_str(a), value_str(b))
           : left == BASIC_FLOAT ? a.number < b.number
                                 : a.integer < b.integer;
    return true;
}

/* In two steps, as Go does: a NaN is neither less nor equal. */
static bool less_or_equal(struct call *call, bool *ret)
{
    return compare_less(call, call->args[0], call->args[1], ret) &&
           (*ret || compare_equal(call, call->args[0], call->args[1], ret));
}

static bool run_lt(struct call *call)
{
    bool is;

    return compare_less(call, call->args[0], call->args[1], &is) && call_give(call, value_bool(is));
}

static bool run_ge(struct call *call)
{
    bool is;

    return compare_less(call, call->args[0], call->args[1], &is) &&
           call_give(call, value_bool(!is));
}

static bool run_le(struct call *call)
{
    bool is;

    return less_or_equal(call, &is) && call_give(call, value_bool(is));
}

static bool run_gt(struct call *call)
{
    bool is;

    return less_or_equal(call, &is) && call_give(call, value_bool(!is));
}

static bool run_not(struct call *call)
{
    return call_give(call, value_bool(!value_true(call->args[0])));
}

/* ---- Parts of things ---- */

/* An index of a list or string, up to its length or, for slices, its capacity. */
static bool check_index(struct call *call, struct value v, int64_t room, int64_t *ret)
{
    enum basic basic = basic_of(v);

    if (v.kind == KIND_NIL)
        return call_fail(call, "cannot index slice/array with nil");
    if (!is_integer_type(basic) || v.any)
        return call_fail(call, "cannot index slice/array with type %s",
                         v.any ? "interface {}" : value_type(v));
    if (v.integer < 0 || v.integer > room)
        return call_fail(call, "index out of range: %lld", (long long)v.integer);
    *ret = v.integer;
    return true;
}

/* A byte of a string has the type uint8. */
static bool index_list(struct call *call, struct value *item, struct value by)
{
    int64_t at;
    bool string = item->kind == KIND_STRING;
    int64_t len = string ? item->len : list_len(item->list);

    by.any = false;
    if (!check_index(call, by, len, &at))
        return false;
    if (at == len)
        return call_fail(call, "reflect: %s index out of range", string ? "string" : "slice");
    *item = string ? (struct value){.kind = KIND_UINT8, .integer = (unsigned char)item->string[at]}
                   : list_at(item->list, (uint32_t)at);
    return true;
}

/* A missing key gives the zero value of the element type. */
static bool index_dict(struct call *call, struct value *item, struct value by)
{
    struct dict *dict = item->dict;
    struct value *found;

    if (by.kind == KIND_NIL)
        return call_fail(call, "value is nil; should be of type string");
    if (by.kind != KIND_STRING)
        return call_fail(call, "value has type %s; should be string", value_type(by));
    found = dict_get(dict, value_str(by));
    if (found)
        *item = *found;
    else
        *item = dict->element == ELEMENT_STRING ? value_string("", 0) : value_nil();
    item->any = dict->element == ELEMENT_ANY;
    return true;
}

/* Goes into the item once for each further argument. */
static bool run_index(struct call *call)
{
    struct value item = call->args[0];

    if (item.kind == KIND_NIL)
        return call_fail(call, "index of untyped nil");
    for (size_t i = 1; i < call->count; i++) {
        bool fine;

        if (item.kind == KIND_NIL)
            return call_fail(call, "index of nil pointer");
        if (item.kind == KIND_LIST || item.kind == KIND_STRING)
            fine = index_list(call, &item, call->args[i]);
        else if (item.kind == KIND_DICT)
            fine = index_dict(call, &item, call->args[i]);
        else
            return call_fail(call, "can't index item of type %s", value_type(item));
        if (!fine)
            return false;
    }
    return call_give(call, item);
}

/* A slice may reach into the capacity of a list, where Go's decoder left zero values. */
static struct list *slice_list(struct call *call, struct list *from, int64_t start, int64_t end)
{
    struct list *list = list_new(call->heap, from->element);

    for (int64_t i = start; i < end; i++)
        list_add(list, i < from->len ? from->items[i] : value_nil());
    return list;
}

/* One to three indexes, as s[a:b:c] in Go; strings take two. */
static bool run_go_slice(struct call *call)
{
    struct value item = call->args[0];
    bool string = item.kind == KIND_STRING;
    int64_t room, at[3] = {0, 0, 0};

    if (item.kind == KIND_NIL)
        return call_fail(call, "slice of untyped nil");
    if (call->count > 4)
        return call_fail(call, "too many slice indexes: %zu", call->count - 1);
    if (!string && item.kind != KIND_LIST)
        return call_fail(call, "can't slice item of type %s", value_type(item));
    if (string && call->count == 4)
        return call_fail(call, "cannot 3-index slice a string");
    at[1] = string ? item.len : list_len(item.list);
    room = string ? item.len : at[1] + item.list->spare;
    for (size_t i = 1; i < call->count; i++) {
        if (!check_index(call, call->args[i], room, &at[i - 1]))
            return false;
    }
    if (at[0] > at[1])
        return call_fail(call, "invalid slice index: %lld > %lld", (long long)at[0],
                         (long long)at[1]);
    if (call->count == 4 && at[1] > at[2])
        return call_fail(call, "invalid slice index: %lld > %lld", (long long)at[1],
                         (long long)at[2]);
    if (string)
        return call_give(call, value_string(item.string + at[0], (size_t)(at[1] - at[0])));
    if (!call_room(call, (uint64_t)(at[1] - at[0]) * sizeof(struct value)))
        return false;
    return call_give(call, value_list(slice_list(call, item.list, at[0], at[1])));
}

/* The words for nil are those of the panic that reflect raises in Go. */
static bool run_len(struct call *call)
{
    struct value v = call->args[0];

    if (v.kind == KIND_NIL && v.any)
        return call_fail(call, "len of nil pointer");
    switch (v.kind) {
    case KIND_NIL:
        return call_fail(call, "reflect: call of reflect.Value.Type on zero Value");
    case KIND_STRING:
        return call_give(call, value_int(v.len));
    case KIND_LIST:
        return call_give(call, value_int(list_len(v.list)));
    case KIND_DICT:
        return call_give(call, value_int(dict_len(v.dict)));
    default:
        return call_fail(call, "len of type %s", value_type(v));
    }
}

/* ---- Printing ---- */

/* Paid for what it made until then, a run may have nothing left, and says so. */
static bool refuse_too_large(struct call *call, struct text *out)
{
    size_t len = out->len;

    text_free(out);
    return call_spend(call, len + 1) &&
           call_fail(call, "a value is too large or nested too deep to print");
}

static bool run_print(struct call *call)
{
    struct text out = call_text(call);

    if (!print_values(&out, call->args, call->count)) {
        return refuse_too_large(call, &out);
    }
    return call_give_text(call, &out);
}

static bool run_println(struct call *call)
{
    struct text out = call_text(call);

    for (size_t i = 0; i < call->count; i++) {
        if (i)
            text_add_char(&out, ' ');
        if (!print_value(&out, call->args[i])) {
            return refuse_too_large(call, &out);
        }
    }
    text_add_char(&out, '\n');
    return call_give_text(call, &out);
}

static bool run_printf(struct call *call)
{
    struct text out = call_text(call);

    if (!print_format(&out, call_arg_str(call, 0), call->args + 1, call->count - 1) ||
        !call_spend(call, (uint64_t)out.len * 8)) {
        return refuse_too_large(call, &out);
    }
    return call_give_text(call, &out);
}

/* ---- Escapes ---- */

typedef void escape_fn(struct text *out, struct str s);

/* nil is escaped as "<no value>", as which it would be printed. */
static bool give_escaped(struct call *call, escape_fn *escape)
{
    scoped_text struct text plain = {0};
    struct text out = call_text(call);

    if (call->count == 1 && call->args[0].kind == KIND_NIL) {
        text_add(&plain, "<no value>");
    } else {
        struct value *args = call->args;

        for (size_t i = 0; i < call->count; i++) {
            if (args[i].kind == KIND_NIL)
                args[i] = value_of_str(STR("<no value>"));
        }
        if (!print_values(&plain, args, call->count))
            return refuse_too_large(call, &plain);
    }
    escape(&out, (struct str){text_string(&plain), plain.len});
    return call_give_text(call, &out);
}

static void escape_html(struct text *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.at[i]) {
        case '\0':
            text_add(out, "\xef\xbf\xbd");
            break;
        case '"':
            text_add(out, "&#34;");
            break;
        case '\'':
            text_add(out, "&#39;");
            break;
        case '&':
            text_add(out, "&amp;");
            break;
        case '<':
            text_add(out, "&lt;");
            break;
        case '>':
            text_add(out, "&gt;");
            break;
        default:
            text_add_char(out, s.at[i]);
            break;
        }
    }
}

/* What could end a string or a script becomes an escape. */
static void escape_js_rune(struct text *out, unsigned rune)
{
    if (rune < 0x80 && rune && strchr("\\'\"", (int)rune))
        text_addf(out, "\\%c", (int)rune);
    else if (rune < 0x80 && (rune < ' ' || strchr("<>&=", (int)rune)))
        text_addf(out, "\\u%04X", rune);
    else if (rune < 0x80 || unicode_is_printable(rune))
        rune_put(out, rune);
    else
        text_addf(out, "\\u%04X", rune);
}

static void escape_js(struct text *out, struct str s)
{
    for (size_t i = 0; i < s.len;) {
        unsigned rune;
        size_t len = rune_next(s.at + i, s.len - i, &rune);

        /* A byte that is no rune stands for one that can be printed. */
        if (rune == 0xfffd)
            text_add_bytes(out, s.at + i, len);
        else
            escape_js_rune(out, rune);
        i += len;
    }
}

/* For the query of a URL, where a space is a plus. */
static void escape_query(struct text *out, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (c == ' ')
            text_add_char(out, '+');
        else if (c < 0x80 &&
                 (unicode_is_letter(c) || unicode_is_digit(c) || (c && strchr("-_.~", c))))
            text_add_char(out, (char)c);
        else
            text_add_bytes(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

static bool run_html(struct call *call)
{
    return give_escaped(call, escape_html);
}

static bool run_js(struct call *call)
{
    return give_escaped(call, escape_js);
}

static bool run_urlquery(struct call *call)
{
    return give_escaped(call, escape_query);
}

/* The executor does these three itself. */
static bool run_nothing(struct call *call)
{
    return call_fail(call, "not a plain function");
}

const struct function functions_go[] = {
    {"and", "vv*", '&', run_nothing, COST_NONE},
    {"or", "vv*", '|', run_nothing, COST_NONE},
    {"call", "vv*", '(', run_nothing, COST_NONE},
    {"html", "a*", 's', run_html, 8},
    {"index", "vv*", 'v', run_index, COST_FLAT},
    {"slice", "vv*", 'v', run_go_slice, COST_ITEMS},
    {"js", "a*", 's', run_js, 24},
    {"len", "v", 'i', run_len, COST_NONE},
    {"not", "v", 'b', run_not, COST_NONE},
    {"print", "a*", 's', run_print, 8},
    {"printf", "sa*", 's', run_printf, 12},
    {"println", "a*", 's', run_println, 8},
    {"urlquery", "a*", 's', run_urlquery, 12},
    {"eq", "vv*", 'b', run_eq, 2},
    {"ge", "vv", 'b', run_ge, COST_FLAT},
    {"gt", "vv", 'b', run_gt, COST_FLAT},
    {"le", "vv", 'b', run_le, COST_FLAT},
    {"lt", "vv", 'b', run_lt, COST_FLAT},
    {"ne", "vv", 'b', run_ne, 2},
    {0},
};
