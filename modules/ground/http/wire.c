/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a stream of bytes into HTTP messages, strictly. */
#include "http/wire.h"

#include <string.h>
#include <strings.h>

#define MOST_EXTENSIONS 4096

static struct wire *wire_of(llhttp_t *parser)
{
    return parser->data;
}

/* The parser stops at this, and http_wire_status() makes 431 of it. */
static int fail_too_large(struct wire *wire)
{
    wire->too_large = true;
    return -1;
}

static int add_head_bytes(struct wire *wire, const char *at, size_t len)
{
    wire->line_bytes += len;
    if (wire->line_bytes > wire->most_bytes)
        return fail_too_large(wire);
    text_add_bytes(&wire->head, at, len);
    return 0;
}

/* The next message begins with nothing of the one before. */
static int on_begin(llhttp_t *parser)
{
    wire_of(parser)->in_message = true;
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct wire *wire = wire_of(parser);

    wire->target_len += len;
    return add_head_bytes(wire, at, len);
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
    struct wire *wire = wire_of(parser);
    size_t from, i;

    if (!wire->field_count || wire->in_value) {
        text_add_char(&wire->head, '\0'); /* ends the target or a value */
        wire->in_value = false;
        if (++wire->field_count > wire->most_fields)
            return fail_too_large(wire);
        wire->line_bytes += 4;
    }
    from = wire->head.len;
    if (add_head_bytes(wire, at, len) < 0)
        return -1;
    for (i = from; i < wire->head.len; i++)
        if (wire->head.bytes[i] >= 'A' && wire->head.bytes[i] <= 'Z')
            wire->head.bytes[i] += 'a' - 'A';
    return 0;
}

/* llhttp gives names and values in pieces, as they come. */
static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct wire *wire = wire_of(parser);

    if (!wire->in_value) {
        text_add_char(&wire->head, '\0'); /* ends the name */
        wire->in_value = true;
    }
    return add_head_bytes(wire, at, len);
}

static int on_value_end(llhttp_t *parser)
{
    return on_value(parser, "", 0); /* an empty value has no span */
}

/* Pausing here hands control back before any of the body is parsed: the caller decides first
   what becomes of it. */
static int on_head_end(llhttp_t *parser)
{
    return HPE_PAUSED;
}

/* The receiver may have called http_wire_stop(). */
static int on_wire_body(llhttp_t *parser, const char *at, size_t len)
{
    struct wire *wire = wire_of(parser);

    if (len)
        wire->body(at, len, wire->arg);
    return wire->stopped ? HPE_PAUSED : 0;
}

/* A sender could say much here without sending any of its body. */
static int on_extension(llhttp_t *parser, const char *at, size_t len)
{
    struct wire *wire = wire_of(parser);

    wire->extension_bytes += len;
    return wire->extension_bytes > MOST_EXTENSIONS ? fail_too_large(wire) : 0;
}

static int on_wire_end(llhttp_t *parser)
{
    wire_of(parser)->in_message = false;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_end,
    .on_headers_complete = on_head_end,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
    .on_body = on_wire_body,
    .on_message_complete = on_wire_end,
};

void http_wire_start(struct wire *wire, bool request, size_t most_fields, size_t most_bytes,
                     wire_body_fn *body, void *arg)
{
    *wire = (struct wire){
        .most_fields = most_fields, .most_bytes = most_bytes, .body = body, .arg = arg};
    llhttp_init(&wire->parser, request ? HTTP_REQUEST : HTTP_RESPONSE, &callbacks);
    wire->parser.data = wire;
}

/* llhttp is begun anew, so that no state of a message reaches the next one. */
void http_wire_again(struct wire *wire)
{
    bool request = wire->parser.type == HTTP_REQUEST;

    text_free(&wire->head);
    http_wire_start(wire, request, wire->most_fields, wire->most_bytes, wire->body, wire->arg);
}

void http_wire_free(struct wire *wire)
{
    text_free(&wire->head);
}

void http_wire_stop(struct wire *wire)
{
    wire->stopped = true;
}

/* llhttp keeps its position when it pauses, which tells how much was used. */
enum wire_event http_wire_feed(struct wire *wire, const char *bytes, size_t len, size_t *ret_used)
{
    enum llhttp_errno result;

    wire->stopped = false;
    if (llhttp_get_errno(&wire->parser) == HPE_PAUSED)
        llhttp_resume(&wire->parser);
    result = llhttp_execute(&wire->parser, bytes ? bytes : "", len);
    *ret_used = len;
    if (result == HPE_OK)
        return WIRE_MORE;
    if (result != HPE_PAUSED && result != HPE_PAUSED_UPGRADE) {
        const char *at = llhttp_get_error_pos(&wire->parser);

        wire->is_unknown_method =
            result == HPE_INVALID_METHOD && at && bytes && *at >= 'A' && *at <= 'Z';
        return WIRE_BAD;
    }
    if (bytes)
        *ret_used = (size_t)(llhttp_get_error_pos(&wire->parser) - bytes);
    if (wire->stopped)
        return WIRE_MORE;
    return wire->in_message ? WIRE_HEAD : WIRE_END;
}

enum wire_event http_wire_feed_end(struct wire *wire)
{
    enum llhttp_errno result = llhttp_finish(&wire->parser);

    if (result == HPE_PAUSED || (result == HPE_OK && !wire->in_message))
        return WIRE_END;
    return WIRE_BAD;
}

const char *http_wire_problem(const struct wire *wire)
{
    const char *why;

    if (wire->too_large)
        return "the head of the message is too large";
    if (wire->is_unknown_method)
        return "the method is not implemented";
    why = llhttp_get_error_reason(&wire->parser);
    return why && *why ? why : "not HTTP/1.1";
}

/* A method that HTTP does not know is not implemented; bytes that are no word at all
   are no request. */
int http_wire_status(const struct wire *wire)
{
    return wire->too_large ? 431 : wire->is_unknown_method ? 501 : 400;
}

int64_t http_wire_body_length(const struct wire *wire)
{
    if (wire->parser.flags & F_TRANSFER_ENCODING)
        return -1;
    if (wire->parser.flags & F_CONTENT_LENGTH)
        return wire->parser.content_length > INT64_MAX ? INT64_MAX
                                                       : (int64_t)wire->parser.content_length;
    return wire->parser.type == HTTP_RESPONSE ? -1 : 0;
}

/* What must not be there twice, because readers disagree which one counts. */
static int check_fields(const struct wire *wire, const struct http_field *fields, size_t count,
                        struct err *err)
{
    static const char *const single[] = {
        "content-length",
        "transfer-encoding",
        "host",
        "authorization",
        "content-type",
        "origin",
        "expect",
        "range",
        "impersonate-user",
        "impersonate-uid",
    };
    bool is_request = wire->parser.type == HTTP_REQUEST;
    size_t i, j, seen;

    for (i = 0; i < (is_request ? count_of(single) : 4); i++) {
        for (j = 0, seen = 0; j < count; j++)
            seen += !strcmp(fields[j].name, single[i]);
        if (seen > 1)
            return err_set(err, ERR_BAD_REQUEST, "more than one %s header", single[i]);
        if (i == 2 && !seen && is_request && wire->parser.http_minor == 1)
            return err_set(err, ERR_BAD_REQUEST, "no host header");
    }
    /* What a field says may be kept in an object, or shown in a response. */
    for (j = 0; is_request && j < count; j++)
        if (!text_is_utf8(fields[j].value, strlen(fields[j].value)))
            return err_set(err, ERR_BAD_REQUEST, "the %.100s header is not UTF-8", fields[j].name);
    for (j = 0; j < count; j++)
        if (!strcmp(fields[j].name, "transfer-encoding") && strcasecmp(fields[j].value, "chunked"))
            return err_set(err, ERR_BAD_REQUEST, "transfer-encoding must be chunked");
    if (wire->parser.http_major != 1 || wire->parser.http_minor > 1)
        return err_set(err, ERR_BAD_REQUEST, "only HTTP/1.0 and 1.1 are spoken");
    return 0;
}

int http_wire_fields(const struct wire *wire, struct arena *arena, const char **ret_target,
                     struct http_field **ret_fields, size_t *ret_count, struct err *err)
{
    char *at = arena_bytes(arena, text_string(&wire->head), wire->head.len);
    struct http_field *fields = arena_alloc(arena, (wire->field_count + 1) * sizeof *fields);
    size_t i;

    *ret_target = at;
    at += wire->field_count ? wire->target_len + 1 : 0;
    for (i = 0; i < wire->field_count; i++) {
        size_t len;

        fields[i].name = at;
        at += strlen(at) + 1;
        fields[i].value = at;
        for (len = strlen(at); len && (at[len - 1] == ' ' || at[len - 1] == '\t');)
            at[--len] = '\0';
        at = at + strlen(at) + 1;
        /* White space that was cut has left NULs behind. */
        while (i + 1 < wire->field_count && !*at)
            at++;
    }
    *ret_fields = fields;
    *ret_count = wire->field_count;
    return check_fields(wire, fields, wire->field_count, err);
}
