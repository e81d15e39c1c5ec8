/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which proxy leads to a host, as the environment has it everywhere. */
#include "http/http.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "loop/loop.h"

/* An address as 16 bytes; IPv4 as ::ffff:a.b.c.d. False: it is a name. */
static bool read_proxy_ip(const char *text, unsigned char ret[16])
{
    memset(ret, 0, 16);
    if (inet_pton(AF_INET6, text, ret) == 1)
        return true;
    memset(ret + 10, 0xff, 2);
    return inet_pton(AF_INET, text, ret + 12) == 1;
}

static bool has_prefix(const unsigned char *one, const unsigned char *other, int bits)
{
    int whole = bits / 8, rest = bits % 8;

    return !memcmp(one, other, (size_t)whole) &&
           (!rest || (one[whole] ^ other[whole]) >> (8 - rest) == 0);
}

static bool is_this_machine(const char *host)
{
    unsigned char ip[16], four[16], six[16];

    if (!strcasecmp(host, "localhost"))
        return true;
    return read_proxy_ip(host, ip) && read_proxy_ip("127.0.0.0", four) &&
           read_proxy_ip("::1", six) && (has_prefix(ip, four, 104) || !memcmp(ip, six, 16));
}

static bool is_in_network(const char *network, const char *host)
{
    unsigned char ip[16], base[16];
    scoped_mem char *text = mem_copy_string(network);
    char *slash = strchr(text, '/');
    long long bits = 128;

    if (slash)
        *slash = '\0';
    if (!read_proxy_ip(host, ip) || !read_proxy_ip(text, base) ||
        (slash && !text_to_int(slash + 1, &bits)))
        return false;
    if (slash && !strchr(text, ':') && bits >= 0)
        bits += 96;
    return bits >= 0 && bits <= 128 && has_prefix(ip, base, (int)bits);
}

/* "example.org" is itself and all below, ".example.org" all below. */
static bool is_name_below(const char *domain, const char *host)
{
    const char *name = *domain == '*' && domain[1] == '.' ? domain + 1 : domain;
    size_t host_len = strlen(host), len = strlen(name);

    if (*name == '.')
        return host_len > len && !strcasecmp(host + host_len - len, name);
    return !strcasecmp(host, name) || (host_len > len && host[host_len - len - 1] == '.' &&
                                       !strcasecmp(host + host_len - len, name));
}

static bool covers_address(const char *word, const char *host, int port)
{
    char name[LOOP_HOST];
    int only = -1;
    struct err err = {0};

    if (!strcmp(word, "*"))
        return true;
    if (strchr(word, '/') || strchr(word, ':') != strrchr(word, ':'))
        if (*word != '[')
            return is_in_network(word, host);
    if (loop_address_split(word, 0, name, &only, &err) < 0 || (only && only != port))
        return false;
    return is_in_network(name, host) || is_name_below(name, host);
}

const char *http_proxy_choose(const char *url, const char *no_proxy, const char *address)
{
    scoped_mem char *list = mem_copy_string(no_proxy ? no_proxy : "");
    char host[LOOP_HOST], *word = list;
    struct err err = {0};
    int port;

    if (!url || !*url || loop_address_split(address, 443, host, &port, &err) < 0 ||
        is_this_machine(host))
        return NULL;
    while (*(word += strspn(word, ", \t"))) {
        char *end = word + strcspn(word, ", \t"), *next = *end ? end + 1 : end;

        *end = '\0';
        if (covers_address(word, host, port))
            return NULL;
        word = next;
    }
    return url;
}

static const char *read_variable(const char *upper, const char *lower)
{
    const char *value = getenv(upper);

    if (!value || !*value)
        value = getenv(lower);
    return value && *value ? value : NULL;
}

const char *http_proxy_of_environment(void)
{
    return read_variable("HTTPS_PROXY", "https_proxy");
}

const char *http_no_proxy_of_environment(void)
{
    return read_variable("NO_PROXY", "no_proxy");
}
