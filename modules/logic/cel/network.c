/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes' libraries: ip, cidr, url. */
#include "cel/internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FN(name)                                                                                   \
    static int name(struct cel_run *run, const struct cel_value *args, size_t count,               \
                    struct cel_value *ret)

/* ---- ip ---------------------------------------------------------------- */

static size_t size_of(const struct cel_address *address)
{
    return address->six ? 16 : 4;
}

/* As Kubernetes, refuses zones (fe80::1%eth0) and IPv4-mapped IPv6 addresses
   (::ffff:10.0.0.1), because each address must have one meaning. */
static struct cel_address *parse_ip(struct arena *arena, const char *text)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct cel_address *address = arena_alloc(arena, sizeof *address);

    if (inet_pton(AF_INET, text, address->bytes) == 1)
        return address;
    address->six = true;
    if (strchr(text, '%') || inet_pton(AF_INET6, text, address->bytes) != 1)
        return NULL;
    /* As Kubernetes: IPv4 written as IPv6 is refused. */
    return memcmp(address->bytes, mapped, sizeof mapped) ? address : NULL;
}

static const char *ip_text(struct arena *arena, const struct cel_address *from)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(from->six ? AF_INET6 : AF_INET, from->bytes, text, sizeof text);
    return arena_string(arena, text);
}

FN(fn_is_ip)
{
    *ret = cel_bool(parse_ip(run->arena, args[0].bytes) != NULL);
    return 0;
}

FN(fn_ip)
{
    struct cel_address *address = parse_ip(run->arena, args[0].bytes);

    if (!address)
        return cel_fail(run, "IP Address \"%.60s\" parse error", args[0].bytes);
    *ret = (struct cel_value){CEL_IP, {.address = address}};
    return 0;
}

/* The canonical form is the one that inet_ntop() prints, for IPv6 that of RFC 5952. */
FN(fn_is_canonical)
{
    struct cel_address *address = parse_ip(run->arena, args[0].bytes);

    if (!address)
        return cel_fail(run, "IP Address \"%.60s\" parse error", args[0].bytes);
    *ret = cel_bool(text_same(ip_text(run->arena, address), args[0].bytes));
    return 0;
}

FN(fn_family)
{
    *ret = cel_int(args[0].address->six ? 6 : 4);
    return 0;
}

static bool all_zero(const unsigned char *bytes, size_t len)
{
    while (len && !bytes[len - 1])
        len--;
    return !len;
}

static bool is_unspecified(const struct cel_address *of)
{
    return all_zero(of->bytes, size_of(of));
}

static bool is_loopback(const struct cel_address *of)
{
    return of->six ? all_zero(of->bytes, 15) && of->bytes[15] == 1 : of->bytes[0] == 127;
}

/* fe80::/10 (RFC 4291) or 169.254.0.0/16 (RFC 3927). */
static bool is_local_unicast(const struct cel_address *of)
{
    return of->six ? of->bytes[0] == 0xfe && (of->bytes[1] & 0xc0) == 0x80
                   : of->bytes[0] == 169 && of->bytes[1] == 254;
}

/* Scope 2 of RFC 4291 section 2.7, or 224.0.0.0/24. */
static bool is_local_multicast(const struct cel_address *of)
{
    return of->six ? of->bytes[0] == 0xff && (of->bytes[1] & 0x0f) == 2
                   : of->bytes[0] == 224 && !of->bytes[1] && !of->bytes[2];
}

static bool is_multicast(const struct cel_address *of)
{
    return of->six ? of->bytes[0] == 0xff : (of->bytes[0] & 0xf0) == 0xe0;
}

/* As Go's IsGlobalUnicast(): private addresses (10.0.0.0/8, fc00::/7) count. */
static bool is_global(const struct cel_address *of)
{
    static const unsigned char broadcast[4] = {255, 255, 255, 255};

    return !(is_unspecified(of) || is_loopback(of) || is_multicast(of) || is_local_unicast(of) ||
             (!of->six && !memcmp(of->bytes, broadcast, 4)));
}

#define PREDICATE(fn, question)                                                                    \
    FN(fn)                                                                                         \
    {                                                                                              \
        *ret = cel_bool(question(args[0].address));                                                \
        return 0;                                                                                  \
    }
PREDICATE(fn_is_unspecified, is_unspecified)
PREDICATE(fn_is_loopback, is_loopback)
PREDICATE(fn_is_local_multicast, is_local_multicast)
PREDICATE(fn_is_local_unicast, is_local_unicast)
PREDICATE(fn_is_global, is_global)

FN(fn_ip_string)
{
    const char *text = ip_text(run->arena, args[0].address);

    if (args[0].type == CEL_CIDR)
        text = arena_printf(run->arena, "%s/%u", text, args[0].address->bits);
    *ret = cel_string(run->arena, text, strlen(text));
    return 0;
}

/* ---- cidr -------------------------------------------------------------- */

/* As Go's ParseCIDR(): the prefix length has no sign and no leading zero. */
static struct cel_address *read_cidr(struct arena *arena, const char *text)
{
    const char *slash = strchr(text, '/');
    struct cel_address *address;
    long long bits;

    if (!slash || !text_to_int(slash + 1, &bits) || !isdigit((unsigned char)slash[1]) ||
        (slash[1] == '0' && slash[2]))
        return NULL;
    address = parse_ip(arena, arena_bytes(arena, text, (size_t)(slash - text)));
    if (!address || bits > (long long)size_of(address) * 8)
        return NULL;
    address->bits = (unsigned)bits;
    return address;
}

static void mask_address(struct cel_address *address, unsigned bits)
{
    for (unsigned i = 0; i < size_of(address); i++) {
        unsigned keep = bits > i * 8 ? bits - i * 8 : 0;

        if (keep < 8)
            address->bytes[i] &= (unsigned char)(0xff00 >> keep);
    }
}

static bool network_holds(const struct cel_address *net, const struct cel_address *ip)
{
    struct cel_address a = *net, b = *ip;

    if (a.six != b.six)
        return false;
    mask_address(&a, net->bits);
    mask_address(&b, net->bits);
    return !memcmp(a.bytes, b.bytes, size_of(&a));
}

FN(fn_is_cidr)
{
    *ret = cel_bool(read_cidr(run->arena, args[0].bytes) != NULL);
    return 0;
}

FN(fn_cidr)
{
    struct cel_address *address = read_cidr(run->arena, args[0].bytes);

    if (!address)
        return cel_fail(run, "network address parse error: \"%.60s\"", args[0].bytes);
    *ret = (struct cel_value){CEL_CIDR, {.address = address}};
    return 0;
}

FN(fn_contains_ip)
{
    const struct cel_address *ip =
        args[1].type == CEL_IP ? args[1].address : parse_ip(run->arena, args[1].bytes);

    if (!ip)
        return cel_fail(run, "IP Address \"%.60s\" parse error", args[1].bytes);
    *ret = cel_bool(network_holds(args[0].address, ip));
    return 0;
}

/* A network contains another one that is not larger and whose address lies in it. */
FN(fn_contains_cidr)
{
    const struct cel_address *net =
        args[1].type == CEL_CIDR ? args[1].address : read_cidr(run->arena, args[1].bytes);

    if (!net)
        return cel_fail(run, "network address parse error: \"%.60s\"", args[1].bytes);
    *ret = cel_bool(net->bits >= args[0].address->bits && network_holds(args[0].address, net));
    return 0;
}

FN(fn_cidr_ip)
{
    struct cel_address *copy = arena_alloc(run->arena, sizeof *copy);

    *copy = *args[0].address;
    /* An address has no prefix length, but cel_same() compares `bits` of both types. */
    copy->bits = 0;
    *ret = (struct cel_value){CEL_IP, {.address = copy}};
    return 0;
}

FN(fn_masked)
{
    struct cel_address *copy = arena_alloc(run->arena, sizeof *copy);

    *copy = *args[0].address;
    mask_address(copy, copy->bits);
    *ret = (struct cel_value){CEL_CIDR, {.address = copy}};
    return 0;
}

FN(fn_prefix_length)
{
    *ret = cel_int(args[0].address->bits);
    return 0;
}

/* ---- url --------------------------------------------------------------- */

static bool is_printable_url(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    return true;
}

/*
 * Accepts what Go's url.ParseRequestURI() does: an absolute URI (RFC 3986) or an
 * absolute path. User information is skipped. A colon inside the brackets of an
 * IPv6 address starts no port.
 */
static struct cel_url *read_url(struct arena *arena, const char *text)
{
    struct cel_url *url = arena_alloc(arena, sizeof *url);
    size_t scheme = 0;
    const char *at = text, *end, *colon;

    *url = (struct cel_url){"", "", "", "", "", arena_string(arena, text)};
    if (!is_printable_url(text))
        return NULL;
    if (*at != '/') {
        while (isalnum((unsigned char)at[scheme]) ||
               (scheme && at[scheme] && strchr("+-.", at[scheme])))
            scheme++;
        if (!isalpha((unsigned char)*at) || at[scheme] != ':' || at[scheme + 1] != '/')
            return NULL;
        url->scheme = arena_bytes(arena, at, scheme);
        at += scheme + 1;
    }
    if (*url->scheme && at[0] == '/' && at[1] == '/') {
        const char *user;

        at += 2;
        end = at + strcspn(at, "/?#");
        user = memchr(at, '@', (size_t)(end - at));
        if (user)
            at = user + 1;
        url->host = arena_bytes(arena, at, (size_t)(end - at));
        at = end;
        colon = strrchr(url->host, ':');
        if (colon && !strchr(colon, ']')) {
            if (strspn(colon + 1, "0123456789") != strlen(colon + 1))
                return NULL;
            url->port = colon + 1;
        }
    }
    end = at + strcspn(at, "?");
    url->path = arena_bytes(arena, at, (size_t)(end - at));
    if (*end)
        url->query = arena_string(arena, end + 1);
    return url;
}

FN(fn_is_url)
{
    *ret = cel_bool(read_url(run->arena, args[0].bytes) != NULL);
    return cel_pay_bytes(run, args[0].len);
}

FN(fn_url)
{
    struct cel_url *url = read_url(run->arena, args[0].bytes);

    if (!url)
        return cel_fail(run,
                        "URL parse error during conversion from string: "
                        "parse \"%.100s\": invalid URI for request",
                        args[0].bytes);
    *ret = (struct cel_value){CEL_URL, {.url = url}};
    return cel_pay_bytes(run, args[0].len);
}

#define URL_PART(fn, part)                                                                         \
    FN(fn)                                                                                         \
    {                                                                                              \
        const char *text = args[0].url->part;                                                      \
        *ret = cel_string(run->arena, text, strlen(text));                                         \
        return 0;                                                                                  \
    }
URL_PART(fn_scheme, scheme)
URL_PART(fn_host, host)
URL_PART(fn_port, port)
URL_PART(fn_path, path)

/* The host without its port and without the brackets of an IPv6 address. */
FN(fn_host_name)
{
    const char *host = args[0].url->host;
    size_t len = strlen(host);

    if (*args[0].url->port || (len && host[len - 1] == ':'))
        len -= strlen(args[0].url->port) + 1;
    if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    *ret = cel_string(run->arena, host, len);
    return 0;
}

/* application/x-www-form-urlencoded: "+" is a space. A "%" without two
   hexadecimal digits stays as it is. */
static char *unescape_path(struct arena *arena, const char *text, size_t len)
{
    scoped_text struct text out = {0};

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '+')
            text_add_char(&out, ' ');
        else if (text[i] != '%' || i + 2 >= len || !text_add_unhex(&out, text + i + 1, 2))
            text_add_char(&out, text[i]);
        else
            i += 2;
    }
    return arena_string(arena, text_string(&out));
}

/* A map from each name to the list of its values, in their order. */
FN(fn_query)
{
    const char *at = args[0].url->query;
    struct node *map = node_map(run->arena);

    if (cel_pay_bytes(run, strlen(at)) < 0)
        return -1;
    while (*at) {
        size_t len = strcspn(at, "&"), name = strcspn(at, "=&");
        struct node *values;

        if (len) {
            values = node_make_list(run->arena, map, unescape_path(run->arena, at, name));
            node_add(run->arena, values,
                     node_string(run->arena, name < len ? unescape_path(run->arena, at + name + 1,
                                                                        len - name - 1)
                                                        : ""));
        }
        at += len + (at[len] == '&');
    }
    *ret = cel_from_node(run->arena, map);
    return 0;
}

static const struct cel_overload network[] = {
    {"isIP", "s", 'b', fn_is_ip},
    {"ip", "s", 'p', fn_ip},
    {"ip.isCanonical", "s", 'b', fn_is_canonical},
    {"family", "p.", 'i', fn_family},
    {"isUnspecified", "p.", 'b', fn_is_unspecified},
    {"isLoopback", "p.", 'b', fn_is_loopback},
    {"isLinkLocalMulticast", "p.", 'b', fn_is_local_multicast},
    {"isLinkLocalUnicast", "p.", 'b', fn_is_local_unicast},
    {"isGlobalUnicast", "p.", 'b', fn_is_global},
    {"string", "p", 's', fn_ip_string},
    {"string", "c", 's', fn_ip_string},
    {"isCIDR", "s", 'b', fn_is_cidr},
    {"cidr", "s", 'c', fn_cidr},
    {"containsIP", "c.s", 'b', fn_contains_ip},
    {"containsIP", "c.p", 'b', fn_contains_ip},
    {"containsCIDR", "c.s", 'b', fn_contains_cidr},
    {"containsCIDR", "c.c", 'b', fn_contains_cidr},
    {"ip", "c.", 'p', fn_cidr_ip},
    {"masked", "c.", 'c', fn_masked},
    {"prefixLength", "c.", 'i', fn_prefix_length},
    {"isURL", "s", 'b', fn_is_url},
    {"url", "s", 'U', fn_url},
    {"getScheme", "U.", 's', fn_scheme},
    {"getHost", "U.", 's', fn_host},
    {"getHostname", "U.", 's', fn_host_name},
    {"getPort", "U.", 's', fn_port},
    {"getEscapedPath", "U.", 's', fn_path},
    {"getQuery", "U.", 'm', fn_query},
};
const struct cel_table cel_network = {network, count_of(network)};
