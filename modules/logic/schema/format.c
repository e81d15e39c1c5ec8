/* SPDX-License-Identifier: Apache-2.0 */
/* Knows the formats of strings and numbers that Kubernetes checks. */
#include "schema/internal.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_date_time(const char *text)
{
    int64_t wall;

    return clock_parse_exact(text, &wall);
}

static bool is_date(const char *text)
{
    static const char shape[] = "dddd-dd-dd";
    int month, day;

    if (strlen(text) != sizeof shape - 1)
        return false;
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != '-')
            return false;
    month = (int)strtol(text + 5, NULL, 10);
    day = (int)strtol(text + 8, NULL, 10);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static bool is_ipv4(const char *text)
{
    struct in_addr address;

    return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_ipv6(const char *text)
{
    struct in6_addr address;

    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_cidr(const char *text)
{
    const char *slash = strchr(text, '/');
    char address[64];
    long long bits;

    if (!slash || (size_t)(slash - text) >= sizeof address || !text_to_int(slash + 1, &bits) ||
        bits < 0)
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    return (is_ipv4(address) && bits <= 32) || (is_ipv6(address) && bits <= 128);
}

static bool is_uuid(const char *text)
{
    size_t digits = 0;

    for (; *text; text++) {
        if (*text == '-')
            continue;
        if (!isxdigit((unsigned char)*text))
            return false;
        digits++;
    }
    return digits == 32;
}

static bool is_byte(const char *text)
{
    scoped_text struct text bytes = {0};

    return text_add_unbase64(&bytes, text, strlen(text), false);
}

static const struct {
    const char *format;
    bool (*holds)(const char *text);
} formats[] = {
    {"date-time", is_date_time}, {"datetime", is_date_time}, {"date", is_date}, {"ipv4", is_ipv4},
    {"ipv6", is_ipv6},           {"cidr", is_cidr},          {"uuid", is_uuid}, {"byte", is_byte},
};

/* An unknown format accepts everything: in JSON Schema a format is an annotation. */
bool schema_format_holds(const char *format, const struct node *value)
{
    if (value->type == NODE_INT && !strcmp(format, "int32"))
        return value->integer >= INT32_MIN && value->integer <= INT32_MAX;
    if (value->type != NODE_STRING)
        return true;
    for (size_t i = 0; i < count_of(formats); i++)
        if (!strcmp(formats[i].format, format))
            return formats[i].holds(value->string);
    return true;
}
