/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what a request is about: host, path, segments and query, in one way. */
#include <string.h>
#include <strings.h>

#include "http/server.h"

#define MOST_SEGMENTS 64
#define MOST_QUERY 128
#define MOST_HOST 255

/* Parameters that are lists: each use is one more word. */
static const char *const repeated[] = {"command"};

/* ------------------------------------------------------------------- host */

static bool is_port_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_host_char(char c, bool in_brackets)
{
    if (is_port_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.')
        return true;
    if (in_brackets)
        return c == ':';
    return (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c == '-' || c == '_';
}

/* The port after the host, or -1. */
static int port_of_authority(const char *text, int port)
{
    long number = 0;

    if (!*text)
        return port;
    if (*text++ != ':' || !*text)
        return -1;
    for (; is_port_digit(*text) && number <= 65535; text++)
        number = number * 10 + (*text - '0');
    return *text || number > 65535 ? -1 : (int)number;
}

bool http_authority_read(struct arena *arena, const char *text, int port, const char **ret_host,
                         const char **ret_authority)
{
    bool in_brackets = *text == '[';
    const char *from = text + in_brackets;
    size_t len = 0;
    char *host;

    while (len <= MOST_HOST && is_host_char(from[len], in_brackets))
        len++;
    if (!len || len > MOST_HOST || (in_brackets && from[len] != ']'))
        return false;
    port = port_of_authority(from + len + in_brackets, port);
    if (port < 0)
        return false;
    if (!in_brackets && len > 1 && from[len - 1] == '.')
        len--;
    host = arena_bytes(arena, from, len);
    for (size_t i = 0; i < len; i++)
        if (host[i] >= 'A' && host[i] <= 'Z')
            host[i] += 'a' - 'A';
    *ret_host = host;
    *ret_authority = arena_printf(arena, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
    return true;
}

static int read_host(struct http_request *request, struct err *err)
{
    const char *host = http_request_header(request, "host");

    request->host = request->authority = "";
    if (!host) /* HTTP/1.0: http_wire_fields() has seen to it */
        return 0;
    if (http_authority_read(request->arena, host, request->secured ? 443 : 80, &request->host,
                            &request->authority))
        return 0;
    return err_set(err, ERR_BAD_REQUEST, "the host header \"%.100s\" names no host", host);
}

/*
 * "http://HOST/PATH" is what a proxy is sent. Its host must be that of the Host
 * header: a proxy before this server may have looked at the other one.
 * Returns where the path begins; NULL if that makes no sense.
 */
static const char *skip_authority(struct http_request *request, const char *target)
{
    bool secured = !strncasecmp(target, "https://", 8);
    const char *from = target + (secured ? 8 : 7), *host, *authority;
    size_t len;

    if (!secured && strncasecmp(target, "http://", 7))
        return target;
    len = strcspn(from, "/?");
    if (!http_authority_read(request->arena, arena_bytes(request->arena, from, len),
                             secured ? 443 : 80, &host, &authority))
        return NULL;
    if (!*request->authority) {
        request->host = host;
        request->authority = authority;
    }
    return strcmp(authority, request->authority) ? NULL : from + len;
}

/* ------------------------------------------------------------------- path */

/* Unescapes into the arena; NULL if it is no text. */
static const char *unescape_part(struct arena *arena, const char *at, size_t len, bool plus)
{
    scoped_text struct text text = {0};

    if (!http_unescape(&text, at, len, plus) || !text_is_utf8(text_string(&text), text.len))
        return NULL;
    return arena_bytes(arena, text_string(&text), text.len);
}

/* One that others might read as two, as none, or as the one above. */
static bool is_ambiguous(const char *segment)
{
    if (!*segment || !strcmp(segment, ".") || !strcmp(segment, ".."))
        return true;
    for (; *segment; segment++)
        if (*segment == '/' || *segment == '\\' || (unsigned char)*segment < ' ' || *segment == 127)
            return true;
    return false;
}

static int bad_segment(const char *at, size_t len, struct err *err)
{
    return err_set(err, ERR_BAD_REQUEST,
                   "the path segment \"%.*s\" is not understood: it must be UTF-8, not "
                   "empty, \".\" or \"..\", and hold no slash, backslash or control "
                   "character, escaped or not",
                   len > 100 ? 100 : (int)len, at);
}

static int read_target_path(struct http_request *request, const char *at, size_t len,
                            struct err *err)
{
    const char *found[MOST_SEGMENTS], *end = at + len;
    scoped_text struct text path = {0};
    size_t count = 0;

    while (at < end && end - at > 1) {
        size_t part = 0;

        for (at++; at + part < end && at[part] != '/';)
            part++;
        if (count == MOST_SEGMENTS)
            return err_set(err, ERR_BAD_REQUEST, "the path has more than %d segments",
                           MOST_SEGMENTS);
        found[count] = unescape_part(request->arena, at, part, false);
        if (!found[count] || is_ambiguous(found[count]))
            return bad_segment(at, part, err);
        text_addf(&path, "/%s", found[count++]);
        at += part;
    }
    if (at < end || !count)
        text_add_char(&path, '/');
    request->path = arena_string(request->arena, text_string(&path));
    request->segments = arena_alloc(request->arena, (count + 1) * sizeof *found);
    if (count)
        memcpy((void *)request->segments, found, count * sizeof *found);
    request->segment_count = count;
    return 0;
}

/* ------------------------------------------------------------------ query */

static bool may_repeat(const char *name)
{
    for (size_t i = 0; i < count_of(repeated); i++)
        if (!strcmp(repeated[i], name))
            return true;
    return false;
}

/* What was authorised by one of two is not what would be served by the other. */
static int check_once(const struct http_field *found, size_t count, struct err *err)
{
    const char *name = found[count].name;

    if (may_repeat(name))
        return 0;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(found[i].name, name))
            return err_set(err, ERR_BAD_REQUEST,
                           "the query says \"%.100s\" more than once: say it once", name);
    return 0;
}

static int read_query(struct http_request *request, const char *at, struct err *err)
{
    struct http_field found[MOST_QUERY];
    struct http_field *kept;
    size_t count = 0;

    while (*at) {
        size_t len = strcspn(at, "&"), name = strcspn(at, "=&");

        if (len) {
            if (count == MOST_QUERY)
                return err_set(err, ERR_BAD_REQUEST, "the query has more than %d parameters",
                               MOST_QUERY);
            found[count].name = unescape_part(request->arena, at, name, true);
            found[count].value =
                name < len ? unescape_part(request->arena, at + name + 1, len - name - 1, true)
                           : "";
            if (!found[count].name || !found[count].value)
                return err_set(err, ERR_BAD_REQUEST,
                               "the query parameter \"%.*s\" is not UTF-8, or badly "
                               "escaped",
                               len > 100 ? 100 : (int)len, at);
            if (check_once(found, count, err) < 0)
                return -1;
            count++;
        }
        at += len + (at[len] == '&');
    }
    kept = arena_alloc(request->arena, (count + 1) * sizeof *found);
    if (count)
        memcpy(kept, found, count * sizeof *found);
    request->query = kept;
    request->query_count = count;
    return 0;
}

int http_target_read(struct http_request *request, struct err *err)
{
    bool is_star = !strcmp(request->target, "*") && !strcmp(request->method, "OPTIONS");
    const char *at, *mark;

    if (read_host(request, err) < 0)
        return -1;
    at = is_star ? "/" : skip_authority(request, request->target);
    if (!at)
        return err_set(err, ERR_BAD_REQUEST,
                       "the host of the request target is not that of the Host header");
    if ((*at && *at != '/' && *at != '?') || (at == request->target && *at != '/') ||
        strchr(at, '#'))
        return err_set(err, ERR_BAD_REQUEST, "the request target is not understood");
    mark = strchr(at, '?');
    if (read_target_path(request, at, mark ? (size_t)(mark - at) : strlen(at), err) < 0)
        return -1;
    return read_query(request, mark ? mark + 1 : "", err);
}
