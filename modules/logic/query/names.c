/* SPDX-License-Identifier: Apache-2.0 */
/* Validates names, keys and label values, with the messages of apimachinery's
   validation package. */
#include "query/query.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The messages about one name, joined with "; ". */
struct why {
    char *text; /* or NULL */
    size_t len;
};

static void add_reason(struct why *why, const char *before, const char *sentence)
{
    int added;

    why->len++; /* not empty any more, whether or not somebody reads it */
    if (!why->text)
        return;
    added = snprintf(why->text + strlen(why->text), NAME_WHY - strlen(why->text), "%s%s%s",
                     *why->text ? "; " : "", before, sentence);
    (void)added;
}

static struct why begin_reasons(char *text)
{
    if (text)
        *text = '\0';
    return (struct why){text, 0};
}

static bool is_lower_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_name_character(char c)
{
    return isascii((unsigned char)c) && isalnum((unsigned char)c);
}

/* An RFC 1123 label: [a-z0-9]([-a-z0-9]*[a-z0-9])? for `len` bytes. */
static bool is_label_text(const char *text, size_t len)
{
    if (!len || !is_lower_alphanumeric(text[0]) || !is_lower_alphanumeric(text[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_lower_alphanumeric(text[i]) && text[i] != '-')
            return false;
    return true;
}

static bool is_subdomain_text(const char *text, size_t len)
{
    size_t from = 0;

    for (size_t i = 0; i <= len; i++)
        if (i == len || text[i] == '.') {
            if (!is_label_text(text + from, i - from))
                return false;
            from = i + 1;
        }
    return true;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool is_qualified_part(const char *text)
{
    size_t len = strlen(text);

    if (!len || !is_name_character(text[0]) || !is_name_character(text[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_name_character(text[i]) && !strchr("-_.", text[i]))
            return false;
    return true;
}

/* apimachinery's messages, letter for letter: clients and tests compare them. The
   doubled spaces are there too. */
#define LABEL                                                                                      \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric "                          \
    "characters or '-', and must start and end with an alphanumeric "                              \
    "character (e.g. 'my-name',  or '123-abc', regex used for validation is "                      \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN                                                                                  \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "                      \
    "characters, '-' or '.', and must start and end with an alphanumeric "                         \
    "character (e.g. 'example.com', regex used for validation is "                                 \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define DNS1035                                                                                    \
    "a DNS-1035 label must consist of lower case alphanumeric characters or "                      \
    "'-', start with an alphabetic character, and end with an alphanumeric "                       \
    "character (e.g. 'my-name',  or 'abc-123', regex used for validation is "                      \
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
#define WORDS                                                                                      \
    " consist of alphanumeric characters, '-', '_' or '.', and must start "                        \
    "and end with an alphanumeric character (e.g. "
#define NAME                                                                                       \
    WORDS "'MyName',  or 'my.name',  or '123-abc', regex used for validation "                     \
          "is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

/* A label has at most 63 characters and a name 253: the limits of RFC 1123. */
bool name_is_dns_label(const char *name, char ret_why[NAME_WHY])
{
    struct why why = begin_reasons(ret_why);
    size_t len = strlen(name);

    if (len > 63)
        add_reason(&why, "", "must be no more than 63 characters");
    if (!is_label_text(name, len))
        add_reason(&why, "", is_subdomain_text(name, len) ? "must not contain dots" : LABEL);
    return !why.len;
}

/* `before` names the part of a qualified name that is wrong. Both messages are
   given if both rules are broken, as apimachinery does. */
static void judge_subdomain(struct why *why, const char *before, const char *name, size_t len)
{
    if (len > 253)
        add_reason(why, before, "must be no more than 253 characters");
    if (!is_subdomain_text(name, len))
        add_reason(why, before, SUBDOMAIN);
}

bool name_is_dns_subdomain(const char *name, char ret_why[NAME_WHY])
{
    struct why why = begin_reasons(ret_why);

    judge_subdomain(&why, "", name, strlen(name));
    return !why.len;
}

bool name_is_dns1035_label(const char *name, char ret_why[NAME_WHY])
{
    struct why why = begin_reasons(ret_why);
    size_t len = strlen(name);

    if (len > 63)
        add_reason(&why, "", "must be no more than 63 characters");
    if (!is_label_text(name, len) || (*name >= '0' && *name <= '9'))
        add_reason(&why, "", DNS1035);
    return !why.len;
}

/* Such a name stands in URLs, where these characters would change the path. */
bool name_is_path_segment(const char *name, char ret_why[NAME_WHY])
{
    struct why why = begin_reasons(ret_why);

    if (!strcmp(name, "."))
        add_reason(&why, "", "may not be '.'");
    if (!strcmp(name, ".."))
        add_reason(&why, "", "may not be '..'");
    if (strchr(name, '/'))
        add_reason(&why, "", "may not contain '/'");
    if (strchr(name, '%'))
        add_reason(&why, "", "may not contain '%'");
    return !why.len;
}

bool name_is_qualified(const char *name, char ret_why[NAME_WHY])
{
    struct why why = begin_reasons(ret_why);
    const char *slash = strchr(name, '/'), *last = slash ? slash + 1 : name;

    if (strchr(last, '/')) {
        add_reason(&why, "",
                   "a qualified name must" NAME
                   " with an optional DNS subdomain prefix and '/' (e.g. "
                   "'example.com/MyName')");
        return false;
    }
    if (slash == name)
        add_reason(&why, "prefix part ", "must be non-empty");
    else if (slash)
        judge_subdomain(&why, "prefix part ", name, (size_t)(slash - name));
    if (!*last)
        add_reason(&why, "name part ", "must be non-empty");
    if (strlen(last) > 63)
        add_reason(&why, "name part ", "must be no more than 63 characters");
    if (!is_qualified_part(last))
        add_reason(&why, "name part ", "must" NAME);
    return !why.len;
}

bool name_is_label_value(const char *value, char ret_why[NAME_WHY])
{
    struct why why = begin_reasons(ret_why);

    if (strlen(value) > 63)
        add_reason(&why, "", "must be no more than 63 characters");
    if (*value && !is_qualified_part(value))
        add_reason(&why, "",
                   "a valid label must be an empty string or" WORDS
                   "'MyValue',  or 'my_value',  or '12345', regex used for validation "
                   "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
    return !why.len;
}

bool name_is_config_key(const char *key, char ret_why[NAME_WHY])
{
    struct why why = begin_reasons(ret_why);
    bool good = *key != '\0';

    if (strlen(key) > 253)
        add_reason(&why, "", "must be no more than 253 characters");
    for (const char *at = key; *at; at++)
        good &= is_name_character(*at) || strchr("-._", *at);
    if (!good)
        add_reason(&why, "",
                   "a valid config key must consist of alphanumeric "
                   "characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
                   "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')");
    if (!strcmp(key, "."))
        add_reason(&why, "", "must not be '.'");
    else if (!strcmp(key, ".."))
        add_reason(&why, "", "must not be '..'");
    else if (text_starts(key, ".."))
        add_reason(&why, "", "must not start with '..'");
    return !why.len;
}
