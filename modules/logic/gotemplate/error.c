/* SPDX-License-Identifier: Apache-2.0 */
/* Words an error of a template for people, and shows the line in question. */
#include "gotemplate/gotemplate.h"

#include <string.h>

#define HELM_START "HELM_ERR_START"
#define HELM_END "HELM_ERR_END"

/* `fail` and `required` put their words between two marks, however deep the templates are
   nested that failed; Helm shows only what stands between them. */
void template_error_helm(const struct template_error *error, struct text *out)
{
    const char *start = strstr(error->text, HELM_START);
    const char *end = start ? strstr(start, HELM_END) : NULL;
    const char *words;

    if (error->stage == TEMPLATE_PARSE && error->line) {
        words = strstr(error->text + sizeof "template: " + strlen(error->name), ": ");
        text_addf(out, "parse error at (%s:%u)%s", error->name, error->line, words ? words : "");
        return;
    }
    if (!end) {
        text_add(out, error->text);
        return;
    }
    start += sizeof HELM_START - 1;
    text_addf(out, "execution error at (%s:%u:%d): %.*s", error->name, error->line, error->column,
              (int)(end - start), start);
}

void template_error_words(const struct template_error *error, struct text *out)
{
    if (error->stage == TEMPLATE_EXEC)
        template_error_helm(error, out);
    else
        text_add(out, error->text);
}

/* The line number `wanted` of a text; NULL if it has fewer. */
static const char *find_line(const char *source, size_t len, unsigned wanted, size_t *ret_len)
{
    const char *at = source, *end = source + len, *stop;

    for (unsigned line = 1; at && line < wanted; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return NULL;
    stop = memchr(at, '\n', (size_t)(end - at));
    *ret_len = (size_t)((stop ? stop : end) - at);
    return at;
}

/* The source is the text of the file in question, as it was given to the parser. */
void template_error_underline(const struct template_error *error, const char *source, size_t len,
                              struct text *out)
{
    size_t width = 0;
    const char *line = error->line ? find_line(source, len, error->line, &width) : NULL;

    if (!line)
        return;
    text_addf(out, "%5u | %.*s\n", error->line, (int)width, line);
    if (error->column < 0)
        return;
    text_add(out, "      | ");
    /* Tabs stay tabs, so that the caret stands below its byte. */
    for (int i = 0; i < error->column && (size_t)i < width; i++) {
        if (((unsigned char)line[i] & 0xc0) != 0x80)
            text_add_char(out, line[i] == '\t' ? '\t' : ' ');
    }
    text_add(out, "^\n");
}
