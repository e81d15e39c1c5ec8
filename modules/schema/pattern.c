/* SPDX-License-Identifier: Apache-2.0 */
/* Matches strings against the patterns of a schema: the one door to regular
   expressions here. */
#include "schema/inside.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

/*
 * POSIX's extended expressions, with the classes that OpenAPI's authors use
 * written out for them. Counted repeats are what makes the C library's
 * automata big, so their product is bounded.
 */
#define PATTERN_MAX 2048
#define REPEATS_MAX 100000

static const struct {
    char letter;
    const char *inside, *outside;
} classes[] = {
    { 'd', "0-9", "[0-9]" },
    { 'w', "0-9A-Za-z_", "[0-9A-Za-z_]" },
    { 's', " \t\n\r\f", "[ \t\n\r\f]" },
    { 'D', "", "[^0-9]" },
    { 'W', "", "[^0-9A-Za-z_]" },
    { 'S', "", "[^ \t\n\r\f]" },
};

static const char *class_of(char letter, bool inside)
{
    for (size_t i = 0; i < count_of(classes); i++)
        if (classes[i].letter == letter)
            return inside ? classes[i].inside : classes[i].outside;
    return NULL;
}

static const char *add_escape(struct text *out, const char *at, bool inside)
{
    const char *class = class_of(*at, inside);

    if (class)
        text_add(out, class);
    else if (*at == 'n')
        text_add_char(out, '\n');
    else if (*at == 't')
        text_add_char(out, '\t');
    else if (*at == 'z' || *at == 'A')
        text_add_char(out, *at == 'z' ? '$' : '^');
    else if (inside && (*at == ']' || *at == '^' || *at == '-' || *at == '['))
        text_addf(out, "[.%c.]", *at);
    else if (inside || isalnum((unsigned char)*at))
        text_add_char(out, *at);
    else
        text_addf(out, "\\%c", *at);
    return *at ? at + 1 : at;
}

/* RE2's spelling to POSIX's. */
static void translate(struct text *out, const char *pattern)
{
    bool inside = false;

    while (*pattern) {
        if (*pattern == '\\') {
            pattern = add_escape(out, pattern + 1, inside);
        } else if (!inside && !strncmp(pattern, "(?:", 3)) {
            text_add_char(out, '(');
            pattern += 3;
        } else {
            if (*pattern == '[' && !inside) {
                inside = true;
                text_add_char(out, *pattern++);
                if (*pattern == '^')
                    text_add_char(out, *pattern++);
                if (*pattern == ']')
                    text_add_char(out, *pattern++);
                continue;
            }
            if (*pattern == ']')
                inside = false;
            text_add_char(out, *pattern++);
        }
    }
}

static bool repeats_too_much(const char *pattern)
{
    long product = 1;

    for (const char *at = pattern; (at = strchr(at, '{')); at++) {
        const char *comma = at + strcspn(at, ",}");
        long count = strtol(*comma == ',' && isdigit((unsigned char)comma[1])
                                ? comma + 1
                                : at + 1,
                            NULL, 10);

        if (count > 1)
            product *= count > REPEATS_MAX ? REPEATS_MAX : count;
        if (product > REPEATS_MAX)
            return true;
    }
    return false;
}

static int compile(regex_t *regex, const char *pattern)
{
    scoped_text struct text posix = { 0 };

    translate(&posix, pattern);
    return regcomp(regex, text_string(&posix), REG_EXTENDED | REG_NOSUB);
}

int schema_pattern_check(const char *pattern, struct err *err)
{
    regex_t regex;
    char why[200];
    int code;

    if (strlen(pattern) > PATTERN_MAX || repeats_too_much(pattern))
        return err_set(err, ERR_INVALID, "\"%.100s\" is too large", pattern);
    code = compile(&regex, pattern);
    if (code) {
        regerror(code, &regex, why, sizeof why);
        return err_set(err, ERR_INVALID, "\"%s\": %s", pattern, why);
    }
    regfree(&regex);
    return 0;
}

bool schema_pattern_matches(const char *pattern, const char *string)
{
    regex_t regex;
    bool good;

    if (compile(&regex, pattern))
        return true;
    good = !regexec(&regex, string, 0, NULL, 0);
    regfree(&regex);
    return good;
}
