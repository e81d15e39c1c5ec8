/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a tree as a template again, as Go's parser does. */
#include "gotemplate/tree.h"

static void add_spelt(struct text *out, struct str s)
{
    text_add_bytes(out, s.at, s.len);
}

/* A pipeline as an argument stands in parentheses. */
static void print_word(struct text *out, const struct part *part)
{
    if (part->type != PART_PIPE) {
        part_print(out, part);
        return;
    }
    text_add_char(out, '(');
    part_print(out, part);
    text_add_char(out, ')');
}

static void print_pipe(struct text *out, const struct part *pipe)
{
    for (uint32_t i = 0; i < pipe->variables.len; i++) {
        text_add(out, i ? ", " : "");
        part_print(out, pipe->variables.at[i]);
    }
    if (pipe->variables.len)
        text_add(out, pipe->truth ? " = " : " := ");
    for (uint32_t i = 0; i < pipe->commands.len; i++) {
        text_add(out, i ? " | " : "");
        part_print(out, pipe->commands.at[i]);
    }
}

static void print_command(struct text *out, const struct part *command)
{
    for (uint32_t i = 0; i < command->parts.len; i++) {
        text_add(out, i ? " " : "");
        print_word(out, command->parts.at[i]);
    }
}

/* The keyword of the branch, its pipeline and its lists. */
static void print_branch(struct text *out, const struct part *part, const char *word)
{
    text_addf(out, "{{%s ", word);
    part_print(out, part->pipe);
    text_add(out, "}}");
    part_print(out, part->list);
    if (part->otherwise) {
        text_add(out, "{{else}}");
        part_print(out, part->otherwise);
    }
    text_add(out, "{{end}}");
}

static void print_names(struct text *out, const struct part *part)
{
    if (part->inner)
        print_word(out, part->inner);
    for (uint32_t i = 0; i < part->names.len; i++) {
        if (i || part->type != PART_VARIABLE)
            text_add_char(out, '.');
        add_spelt(out, part->names.at[i].text);
    }
}

static void print_template(struct text *out, const struct part *part)
{
    text_add(out, "{{template ");
    literal_quote(out, part->name, '"', false);
    if (part->pipe) {
        text_add_char(out, ' ');
        part_print(out, part->pipe);
    }
    text_add(out, "}}");
}

static void print_parts(struct text *out, const struct part *list)
{
    for (uint32_t i = 0; i < list->parts.len; i++)
        part_print(out, list->parts.at[i]);
}

/* Error messages show parts like this, so every space is Go's. */
void part_print(struct text *out, const struct part *part)
{
    if (out->over)
        return;
    switch (part->type) {
    case PART_TEXT:
        add_spelt(out, part->text);
        break;
    case PART_ACTION:
        text_add(out, "{{");
        part_print(out, part->pipe);
        text_add(out, "}}");
        break;
    case PART_IF:
        print_branch(out, part, "if");
        break;
    case PART_WITH:
        print_branch(out, part, "with");
        break;
    case PART_RANGE:
        print_branch(out, part, "range");
        break;
    case PART_TEMPLATE:
        print_template(out, part);
        break;
    case PART_LIST:
        print_parts(out, part);
        break;
    case PART_PIPE:
        print_pipe(out, part);
        break;
    case PART_COMMAND:
        print_command(out, part);
        break;
    case PART_FIELD:
    case PART_CHAIN:
    case PART_VARIABLE:
        print_names(out, part);
        break;
    case PART_IDENTIFIER:
        add_spelt(out, part->names.at[0].text);
        break;
    case PART_BOOL:
        text_add(out, part->truth ? "true" : "false");
        break;
    case PART_NUMBER:
    case PART_STRING:
        add_spelt(out, part->spelt);
        break;
    default:
        text_add(out, part->type == PART_DOT     ? "."
                      : part->type == PART_NIL   ? "nil"
                      : part->type == PART_BREAK ? "{{break}}"
                                                 : "{{continue}}");
        break;
    }
}
