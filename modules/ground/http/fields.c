/* SPDX-License-Identifier: Apache-2.0 */
/* Small words of HTTP: fields, URLs, escapes, status texts, lines. */
#include <stdlib.h>
#include <string.h>

#include "http/http.h"

#include "base/text.h"

const char *http_field_get(const struct http_field *fields, size_t count, const char *name)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (!strcmp(fields[i].name, name))
            return fields[i].value;
    return NULL;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return http_field_get(request->headers, request->header_count, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return http_field_get(request->query, request->query_count, name);
}

const char *http_response_get(const struct http_response *response, const char *name)
{
    return http_field_get(response->headers, response->header_count, name);
}

/* ----------------------------------------------------------------- escapes */

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

void http_escape(struct text *text, const char *string)
{
    for (; *string; string++) {
        if (is_unreserved((unsigned char)*string))
            text_add_char(text, *string);
        else
            text_addf(text, "%%%02X", (unsigned char)*string);
    }
}

bool http_unescape(struct text *text, const char *string, size_t len, bool plus)
{
    size_t i;

    for (i = 0; i < len; i++) {
        int high, low;

        if (string[i] != '%') {
            text_add_char(text, plus && string[i] == '+' ? ' ' : string[i]);
            continue;
        }
        if (len - i < 3)
            return false;
        high = text_hex_value(string[i + 1]);
        low = text_hex_value(string[i + 2]);
        if (high < 0 || low < 0 || !(high | low))
            return false;
        text_add_char(text, (char)(high << 4 | low));
        i += 2;
    }
    return true;
}

/* -------------------------------------------------------------------- URLs */

int http_url_read(const char *url, struct http_url *ret, struct err *err)
{
    struct http_url made = {0};
    char host[LOOP_HOST];
    scoped_mem char *authority = NULL;
    const char *at, *end, *c;

    if (text_starts(url, "https://"))
        made.secured = true;
    else if (!text_starts(url, "http://"))
        return err_set(err, ERR_INVALID, "URL \"%.300s\" must begin with http:// or https://", url);
    for (c = url; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 127 || *c == '#')
            return err_set(err, ERR_INVALID, "URL \"%.300s\" has a character that must be escaped",
                           url);
    at = strstr(url, "://") + 3;
    end = at + strcspn(at, "/?");
    authority = mem_printf("%.*s", (int)(end - at), at);
    if (strchr(authority, '@'))
        return err_set(err, ERR_INVALID,
                       "a URL with a user or password in it is refused; use a Secret");
    if (loop_address_split(authority, made.secured ? 443 : 80, host, &made.port, err) < 0)
        return err_wrap(err, "URL \"%.300s\"", url);
    if (!*host)
        return err_set(err, ERR_INVALID, "URL \"%.300s\" names no host", url);
    made.host = mem_copy_string(host);
    made.address = mem_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, made.port);
    made.target = mem_printf("%s%s", *end == '/' ? "" : "/", end);
    *ret = made;
    return 0;
}

void http_url_free(struct http_url *url)
{
    mem_free(&url->host);
    mem_free(&url->address);
    mem_free(&url->target);
}

/* ------------------------------------------------------------------- lines */

#define LINE_LIMIT ((size_t)4 << 20)

int http_lines_feed(struct http_lines *lines, const char *bytes, size_t len, http_line_fn *fn,
                    void *arg, struct err *err)
{
    size_t limit = lines->limit ? lines->limit : LINE_LIMIT;

    while (len) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end ? (size_t)(end - bytes) : len;
        struct text whole = {0};
        bool go_on;

        if (lines->rest.len + part > limit)
            return err_set(err, ERR_TOO_LARGE, "a line has more than %zu bytes", limit);
        if (!end) {
            text_add_bytes(&lines->rest, bytes, len);
            return 0;
        }
        if (lines->rest.len) {
            text_add_bytes(&lines->rest, bytes, part);
            whole = lines->rest;
            lines->rest = (struct text){0};
            go_on = fn(whole.bytes, whole.len, arg);
            text_free(&whole);
        } else {
            go_on = fn(bytes, part, arg);
        }
        if (!go_on)
            return 0;
        bytes += part + 1;
        len -= part + 1;
    }
    return 0;
}

void http_lines_free(struct http_lines *lines)
{
    text_free(&lines->rest);
}

/* ------------------------------------------------------------------ status */

static const struct {
    int status;
    const char *text;
} statuses[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Entity"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
};

const char *http_status_text(int status)
{
    size_t i;

    for (i = 0; i < count_of(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "";
}
