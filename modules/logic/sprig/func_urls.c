/* SPDX-License-Identifier: Apache-2.0 */
/* urlParse and urlJoin, as Go's net/url takes addresses apart. */
#include "sprig/groups.h"

#include "base/text.h"

struct url {
    struct str scheme, opaque, user, host, path, query, fragment;
    bool has_user;
};

/* Go quotes the URL and says what is wrong with it. */
static bool fail_parse(struct call *call, struct str whole, const char *why)
{
    return call_fail(call, "unable to parse url: parse \"%.*s\": %s", (int)whole.len, whole.at,
                     why);
}

/* "%20" becomes a space; false with Go's words for a bad escape. */
static bool unescape_url(struct call *call, struct str whole, struct str s, struct str *ret)
{
    struct text out = call_text(call);
    char why[60];

    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] != '%') {
            text_add_char(&out, s.at[i]);
            continue;
        }
        if (i + 2 >= s.len || text_hex_value(s.at[i + 1]) < 0 || text_hex_value(s.at[i + 2]) < 0) {
            size_t len = s.len - i < 3 ? s.len - i : 3;

            text_free(&out);
            snprintf(why, sizeof why, "invalid URL escape \"%.*s\"", (int)len, s.at + i);
            return fail_parse(call, whole, why);
        }
        text_add_char(&out, (char)(text_hex_value(s.at[i + 1]) << 4 | text_hex_value(s.at[i + 2])));
        i += 2;
    }
    *ret = str_take(call->arena, &out);
    return true;
}

/* What may stand in a path, a fragment or a user name as it is. */
static bool is_url_plain(unsigned char c, const char *also)
{
    if (c < 0x80 && (unicode_is_letter(c) || unicode_is_digit(c)))
        return true;
    return c && c < 0x80 && (strchr("-_.~", c) || strchr(also, c));
}

/* Percent signs for all but letters, digits and what the part allows. */
static void add_url_escaped(struct text *out, struct str s, const char *also)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (is_url_plain(c, also))
            text_add_char(out, (char)c);
        else
            text_addf(out, "%%%02X", c);
    }
}

#define IN_PATH "$&+,/:;=@"
#define IN_FRAGMENT "$&+,/:;=?@!()*"
#define IN_USER "$&+,;="
#define IN_HOST "!$&'()*+,;=:[]<>\""

/* Cuts the string at the first such byte, which is dropped; false leaves it whole. */
static bool cut_at(struct str *s, char at, struct str *ret_after)
{
    const char *found = s->len ? memchr(s->at, at, s->len) : NULL;

    if (!found)
        return false;
    *ret_after = (struct str){found + 1, s->len - (size_t)(found - s->at) - 1};
    s->len = (size_t)(found - s->at);
    return true;
}

/* "scheme:" in front; false if there is a colon where no scheme can be. */
static bool cut_scheme(struct str *rest, struct str *ret, bool *ret_wrong)
{
    *ret_wrong = false;
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->at[i];

        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            continue;
        if (c == ':') {
            *ret_wrong = i == 0;
            *ret = (struct str){rest->at, i};
            *rest = (struct str){rest->at + i + 1, rest->len - i - 1};
            return true;
        }
        if (i == 0 || !((c >= '0' && c <= '9') || strchr("+-.", c)))
            return false;
    }
    return false;
}

/* A port is digits, or missing behind its colon. */
static bool port_fine(struct str host)
{
    const char *bracket = memrchr(host.at, ']', host.len);
    const char *from = bracket ? bracket : host.at;
    const char *colon = memrchr(from, ':', host.len - (size_t)(from - host.at));

    for (const char *at = colon ? colon + 1 : NULL; at && at < host.at + host.len; at++) {
        if (*at < '0' || *at > '9')
            return false;
    }
    return true;
}

/* user:password@host:port, of which only the host must be there. */
static bool parse_authority(struct call *call, struct str whole, struct url *url,
                            struct str authority)
{
    const char *at = authority.len ? memrchr(authority.at, '@', authority.len) : NULL;
    char why[300];

    if (at) {
        url->has_user = true;
        url->user = (struct str){authority.at, (size_t)(at - authority.at)};
        authority = (struct str){at + 1, authority.len - url->user.len - 1};
    }
    if (authority.len && !port_fine(authority)) {
        const char *colon = memrchr(authority.at, ':', authority.len);

        snprintf(why, sizeof why, "invalid port \"%.*s\" after host",
                 (int)(authority.at + authority.len - colon), colon);
        return fail_parse(call, whole, why);
    }
    if (authority.len && authority.at[0] == '[' && !memchr(authority.at, ']', authority.len))
        return fail_parse(call, whole, "missing ']' in host");
    if (memchr(authority.at, ' ', authority.len))
        return fail_parse(call, whole, "invalid character \" \" in host name");
    return unescape_url(call, whole, authority, &url->host);
}

/* In the order of Go's url.Parse: fragment, scheme, query, authority, path. */
static bool parse_url(struct call *call, struct str whole, struct url *url)
{
    struct str rest = whole, path;
    bool wrong;

    *url = (struct url){0};
    for (size_t i = 0; i < whole.len; i++) {
        if ((unsigned char)whole.at[i] < ' ' || whole.at[i] == 0x7f)
            return fail_parse(call, whole, "net/url: invalid control character in URL");
    }
    if (cut_at(&rest, '#', &url->fragment) &&
        !unescape_url(call, whole, url->fragment, &url->fragment))
        return false;
    if (cut_scheme(&rest, &url->scheme, &wrong)) {
        struct text lower = {0};

        if (wrong)
            return fail_parse(call, whole, "missing protocol scheme");
        for (size_t i = 0; i < url->scheme.len; i++)
            text_add_char(&lower, (char)unicode_lower((unsigned char)url->scheme.at[i]));
        url->scheme = str_take(call->arena, &lower);
    }
    cut_at(&rest, '?', &url->query);
    if (url->scheme.len && rest.len && rest.at[0] != '/') {
        url->opaque = rest;
        return true;
    }
    if (!url->scheme.len && rest.len && rest.at[0] != '/') {
        struct str first = rest, unused;

        cut_at(&first, '/', &unused);
        if (memchr(first.at, ':', first.len))
            return fail_parse(call, whole, "first path segment in URL cannot contain colon");
    }
    path = rest;
    if (rest.len >= 2 && memcmp(rest.at, "//", 2) == 0 &&
        !(rest.len >= 3 && rest.at[2] == '/' && !url->scheme.len)) {
        struct str authority = {rest.at + 2, rest.len - 2};
        const char *slash = authority.len ? memchr(authority.at, '/', authority.len) : NULL;

        path = (struct str){"", 0};
        if (slash) {
            path = (struct str){slash, authority.len - (size_t)(slash - authority.at)};
            authority.len = (size_t)(slash - authority.at);
        }
        if (!parse_authority(call, whole, url, authority))
            return false;
    }
    return unescape_url(call, whole, path, &url->path);
}

/* Without the port, and without the brackets of an IPv6 address. */
static struct str url_host_name(struct str host)
{
    const char *bracket;
    const char *colon;

    if (host.len && host.at[0] == '[') {
        bracket = memchr(host.at, ']', host.len);
        if (bracket)
            return (struct str){host.at + 1, (size_t)(bracket - host.at) - 1};
    }
    colon = host.len ? memrchr(host.at, ':', host.len) : NULL;
    return (struct str){host.at, colon ? (size_t)(colon - host.at) : host.len};
}

static bool run_url_parse(struct call *call)
{
    struct dict *dict = dict_new(call->heap, ELEMENT_ANY);
    struct url url;

    if (!call_room(call, (uint64_t)call->args[0].len * 8) ||
        !parse_url(call, call_arg_str(call, 0), &url))
        return false;
    dict_set(dict, STR("scheme"), value_of_str(url.scheme));
    dict_set(dict, STR("host"), value_of_str(url.host));
    dict_set(dict, STR("hostname"), value_of_str(url_host_name(url.host)));
    dict_set(dict, STR("path"), value_of_str(url.path));
    dict_set(dict, STR("query"), value_of_str(url.query));
    dict_set(dict, STR("opaque"), value_of_str(url.opaque));
    dict_set(dict, STR("fragment"), value_of_str(url.fragment));
    dict_set(dict, STR("userinfo"), value_of_str(url.user));
    return call_give(call, value_dict(dict));
}

/* A member that must be a string, or not be there. */
static bool read_url_member(struct call *call, const char *key, struct str *ret)
{
    struct value *found = dict_get(call->args[0].dict, str_of(key));

    *ret = (struct str){"", 0};
    if (!found)
        return true;
    if (found->kind != KIND_STRING)
        return call_fail(call,
                         "unable to parse %s key, must be of type string, but "
                         "%s found",
                         key, value_kind(*found));
    *ret = value_str(*found);
    return true;
}

static void add_url_part(struct text *out, struct str s)
{
    text_add_bytes(out, s.at, s.len);
}

static bool run_url_join(struct call *call)
{
    struct url url = {0};
    struct text out = call_text(call);

    if (!read_url_member(call, "scheme", &url.scheme) ||
        !read_url_member(call, "host", &url.host) || !read_url_member(call, "path", &url.path) ||
        !read_url_member(call, "query", &url.query) ||
        !read_url_member(call, "opaque", &url.opaque) ||
        !read_url_member(call, "fragment", &url.fragment) ||
        !read_url_member(call, "userinfo", &url.user))
        return false;
    if (url.scheme.len) {
        add_url_part(&out, url.scheme);
        text_add_char(&out, ':');
    }
    if (url.opaque.len) {
        add_url_part(&out, url.opaque);
    } else {
        if (url.scheme.len || url.host.len || url.user.len) {
            if (url.host.len || url.path.len || url.user.len)
                text_add(&out, "//");
            if (url.user.len) {
                add_url_escaped(&out, url.user, IN_USER ":%");
                text_add_char(&out, '@');
            }
            add_url_escaped(&out, url.host, IN_HOST);
        }
        if (url.path.len && url.path.at[0] != '/' && url.host.len)
            text_add_char(&out, '/');
        add_url_escaped(&out, url.path, IN_PATH);
    }
    if (url.query.len) {
        text_add_char(&out, '?');
        add_url_part(&out, url.query);
    }
    if (url.fragment.len) {
        text_add_char(&out, '#');
        add_url_escaped(&out, url.fragment, IN_FRAGMENT);
    }
    return call_give_text(call, &out);
}

const struct function functions_urls[] = {
    {"urlParse", "s", 'd', run_url_parse, 24},
    {"urlJoin", "d", 's', run_url_join, 24},
    {0},
};
