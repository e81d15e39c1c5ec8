/* SPDX-License-Identifier: Apache-2.0 */
/* Writes values as JSON, byte for byte as Go does. */
#include "golang/dates.h"
#include "golang/float.h"
#include "golang/json.h"
#include "golang/print.h"
#include "golang/runes.h"

#include <inttypes.h>
#include <math.h>

struct writer {
    struct text *out;
    enum json_style style;
    const char *why;
};

static bool write_any(struct writer *writer, struct value v, unsigned depth);

static void write_json_escape(struct text *out, unsigned char c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i + 1 < sizeof shorts; i += 2) {
        if (c == (unsigned char)shorts[i]) {
            text_addf(out, "\\%c", shorts[i + 1]);
            return;
        }
    }
    text_addf(out, "\\u%04x", c);
}

static void write_json_string(struct writer *writer, struct str s)
{
    struct text *out = writer->out;
    bool html = writer->style != JSON_RAW;
    size_t plain = 0;

    text_add_char(out, '"');
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.at[i];
        unsigned rune = c;
        size_t step = 1;

        if (c >= 0x80)
            step = rune_next(s.at + i, s.len - i, &rune);
        if (c < 0x80
                ? c >= ' ' && c != '"' && c != '\\' && !(html && (c == '<' || c == '>' || c == '&'))
                : !(rune == 0xfffd && step == 1) && rune != 0x2028 && rune != 0x2029) {
            i += step;
            continue;
        }
        text_add_bytes(out, s.at + plain, i - plain);
        if (c < 0x80)
            write_json_escape(out, c);
        else
            text_addf(out, "\\u%04x", rune);
        i += step;
        plain = i;
    }
    text_add_bytes(out, s.at + plain, s.len - plain);
    text_add_char(out, '"');
}

static bool write_json_number(struct writer *writer, double number)
{
    double size = fabs(number);
    struct text *out = writer->out;

    if (!isfinite(number)) {
        writer->why = isnan(number) ? "json: unsupported value: NaN"
                      : number < 0  ? "json: unsupported value: -Inf"
                                    : "json: unsupported value: +Inf";
        return false;
    }
    if (size != 0 && (size < 1e-6 || size >= 1e21)) {
        float_print(out, number, 'e', -1);
        /* e-09 is written e-9 */
        if (out->len >= 4 && out->bytes[out->len - 4] == 'e' && out->bytes[out->len - 3] == '-' &&
            out->bytes[out->len - 2] == '0') {
            out->bytes[out->len - 2] = out->bytes[out->len - 1];
            text_cut(out, out->len - 1);
        }
        return true;
    }
    float_print(out, number, 'f', -1);
    return true;
}

static void start_json_line(struct writer *writer, unsigned depth)
{
    if (writer->style != JSON_PRETTY)
        return;
    text_add_char(writer->out, '\n');
    for (unsigned i = 0; i < depth; i++)
        text_add(writer->out, "  ");
}

static bool write_json_list(struct writer *writer, struct list *list, unsigned depth)
{
    uint32_t len = list_len(list);

    text_add_char(writer->out, '[');
    for (uint32_t i = 0; i < len; i++) {
        if (i)
            text_add_char(writer->out, ',');
        start_json_line(writer, depth + 1);
        if (!write_any(writer, list->items[i], depth + 1))
            return false;
    }
    if (len)
        start_json_line(writer, depth);
    text_add_char(writer->out, ']');
    return true;
}

static bool write_json_dict(struct writer *writer, struct dict *dict, unsigned depth)
{
    struct dict_entry *entries = dict_sort(dict);

    text_add_char(writer->out, '{');
    for (uint32_t i = 0; i < dict->len; i++) {
        if (i)
            text_add_char(writer->out, ',');
        start_json_line(writer, depth + 1);
        write_json_string(writer, (struct str){entries[i].key, entries[i].len});
        text_add(writer->out, writer->style == JSON_PRETTY ? ": " : ":");
        if (!write_any(writer, entries[i].value, depth + 1))
            return false;
    }
    if (dict->len)
        start_json_line(writer, depth);
    text_add_char(writer->out, '}');
    return true;
}

static void write_printed(struct writer *writer, struct value v)
{
    scoped_text struct text shown = {0};

    if (v.kind == KIND_TIME)
        print_time_rfc3339(&shown, v.time);
    else
        print_value(&shown, v);
    write_json_string(writer, (struct str){text_string(&shown), shown.len});
}

static bool write_any(struct writer *writer, struct value v, unsigned depth)
{
    if (depth > PRINT_DEPTH || writer->out->over) {
        writer->why = "the value is too large or nested too deep";
        return false;
    }
    switch (v.kind) {
    case KIND_NIL:
        text_add(writer->out, "null");
        return true;
    case KIND_BOOL:
        text_add(writer->out, v.truth ? "true" : "false");
        return true;
    case KIND_FLOAT:
        return write_json_number(writer, v.number);
    case KIND_COMPLEX:
        writer->why = "json: unsupported type: complex128";
        return false;
    case KIND_STRING:
        write_json_string(writer, value_str(v));
        return true;
    case KIND_LIST:
        if (!v.list->nil)
            return write_json_list(writer, v.list, depth);
        text_add(writer->out, "null");
        return true;
    case KIND_DICT:
        if (!v.dict->nil)
            return write_json_dict(writer, v.dict, depth);
        text_add(writer->out, "null");
        return true;
    case KIND_TIME:
    case KIND_SEMVER:
        write_printed(writer, v);
        return true;
    default:
        text_addf(writer->out, "%" PRId64, v.integer);
        return true;
    }
}

bool json_write(struct text *out, struct value v, enum json_style style, const char **ret_why)
{
    struct writer writer = {.out = out, .style = style};
    bool fine = write_any(&writer, v, 0);

    *ret_why = writer.why;
    return fine;
}
