/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles the tree of an expression to instructions (Pike's virtual machine). */
#include "base/text.h"
#include "pattern/syntax.h"

#include <stdlib.h>
#include <string.h>

/* Two lists of threads with their captures must fit into this. */
#define FIND_BYTES ((size_t)16 * 1024 * 1024)

struct writer {
    struct pattern *pattern;
    size_t room, most;
    bool full;
};

/* Adds an instruction. Over the limit nothing is added any more and `full` is
   set, which compile_pattern() checks at the end. */
static unsigned add_instruction(struct writer *writer, struct instruction one)
{
    struct pattern *pattern = writer->pattern;

    if (pattern->count >= writer->most) {
        writer->full = true;
        return 0;
    }
    if (pattern->count == writer->room) {
        writer->room = writer->room ? writer->room * 2 : 16;
        pattern->code = mem_resize_array(pattern->code, writer->room, sizeof one);
    }
    pattern->code[pattern->count] = one;
    return (unsigned)pattern->count++;
}

static unsigned next_place(const struct writer *writer)
{
    return (unsigned)writer->pattern->count;
}

static void write_instructions(struct writer *writer, const struct shape_node *node);

/* A split whose targets close_split() fills in later. */
static unsigned open_split(struct writer *writer)
{
    return add_instruction(writer, (struct instruction){.step = STEP_SPLIT});
}

/* Sets the targets of a split. The first one is preferred: into the body, or past
   it for a lazy repetition. */
static void close_split(struct writer *writer, unsigned at, unsigned in, unsigned out, bool lazy)
{
    struct instruction *split;

    if (writer->full)
        return;
    split = &writer->pattern->code[at];
    split->to = lazy ? out : in;
    split->other = lazy ? in : out;
}

/* A loop: split, body, jump back. */
static void write_star(struct writer *writer, const struct shape_node *node)
{
    unsigned split = open_split(writer);

    write_instructions(writer, node->child);
    add_instruction(writer, (struct instruction){.step = STEP_JUMP, .to = split});
    close_split(writer, split, split + 1, next_place(writer), node->lazy);
}

/*
 * x{2,4} becomes xx(x(x)?)?. All its splits lead to the place behind, which is
 * not known yet, so they form a list through their own `other` fields until it
 * is.
 */
static void write_repeat(struct writer *writer, const struct shape_node *node)
{
    int optional = node->most < 0 ? 0 : node->most - node->least;
    unsigned last = 0; /* split + 1; each holds the one before it for now */

    for (int i = 0; i < node->least && !writer->full; i++)
        write_instructions(writer, node->child);
    if (node->most < 0)
        write_star(writer, node);
    for (int i = 0; i < optional && !writer->full; i++) {
        unsigned split = open_split(writer);

        if (!writer->full)
            writer->pattern->code[split].other = last;
        last = split + 1;
        write_instructions(writer, node->child);
    }
    while (last && !writer->full) {
        unsigned split = last - 1;

        last = writer->pattern->code[split].other;
        close_split(writer, split, split + 1, next_place(writer), node->lazy);
    }
}

static void write_either(struct writer *writer, const struct shape_node *child)
{
    unsigned split, jump;

    if (!child->next || writer->full) {
        write_instructions(writer, child);
        return;
    }
    /* Alternatives are many in generated expressions: no recursion. */
    split = open_split(writer);
    write_instructions(writer, child);
    jump = add_instruction(writer, (struct instruction){.step = STEP_JUMP});
    close_split(writer, split, split + 1, next_place(writer), false);
    write_either(writer, child->next);
    if (!writer->full)
        writer->pattern->code[jump].to = next_place(writer);
}

/* Two slots note where the group begins and ends. */
static void write_group(struct writer *writer, const struct shape_node *node)
{
    unsigned slot = (unsigned)node->group * 2;

    if (node->group)
        add_instruction(writer, (struct instruction){.step = STEP_SAVE, .other = slot});
    write_instructions(writer, node->child);
    if (node->group)
        add_instruction(writer, (struct instruction){.step = STEP_SAVE, .other = slot + 1});
}

static void write_instructions(struct writer *writer, const struct shape_node *node)
{
    if (writer->full)
        return;
    switch (node->shape) {
    case SHAPE_EMPTY:
        break;
    case SHAPE_CLASS:
        add_instruction(writer, (struct instruction){.step = STEP_CLASS, .class = &node->class});
        break;
    case SHAPE_ASSERT:
        add_instruction(writer, (struct instruction){.step = node->assert});
        break;
    case SHAPE_CONCAT:
        for (const struct shape_node *child = node->child; child; child = child->next)
            write_instructions(writer, child);
        break;
    case SHAPE_EITHER:
        write_either(writer, node->child);
        break;
    case SHAPE_REPEAT:
        write_repeat(writer, node);
        break;
    case SHAPE_GROUP:
        write_group(writer, node);
        break;
    }
}

/* A search keeps two lists of threads, each with every capture. */
static bool fits_into_search(const struct pattern *pattern)
{
    return pattern->groups < FIND_BYTES / 2 / sizeof(ptrdiff_t) / 2 / (pattern->count + 1);
}

/* Errors have the words of Go's regexp package. */
static int compile_pattern(struct pattern *pattern, const char *text, size_t len, size_t most,
                           struct err *err)
{
    struct syntax reader = {.pattern = pattern, .text = text, .len = len, .err = err};
    struct writer writer = {.pattern = pattern, .most = most ? most : 10000};
    struct shape_node *root;

    if (!text_is_utf8(text, len))
        return err_set(err, ERR_INVALID, "error parsing regexp: invalid UTF-8");
    root = syntax_read(&reader);
    if (!root)
        return -1;
    if (reader.at < reader.len) {
        syntax_refuse(&reader, "unexpected )", 0, reader.len);
        return -1;
    }
    write_instructions(&writer, root);
    add_instruction(&writer, (struct instruction){.step = STEP_MATCH});
    if (!writer.full && fits_into_search(pattern))
        return 0;
    syntax_refuse(&reader, "expression too large", 0, reader.len);
    return -1;
}

/* The text is bounded before it is read, the instructions while they are written. */
struct pattern *pattern_new(const char *text, size_t len, size_t most, struct err *err)
{
    scoped_pattern struct pattern *pattern = mem_alloc(sizeof *pattern);

    pattern->arena = arena_new();
    pattern->groups = 1;
    /* Every rune costs a hundred bytes or two of tree. */
    if (len > 64 * 1024) {
        err_set(err, ERR_INVALID, "error parsing regexp: expression too large: %zu bytes", len);
        return NULL;
    }
    if (compile_pattern(pattern, text, len, most, err) < 0)
        return NULL;
    return take(pattern);
}

void pattern_free(struct pattern **at)
{
    struct pattern *pattern = take(*at);

    if (!pattern)
        return;
    free(pattern->code);
    arena_free(&pattern->arena);
    free(pattern);
}

size_t pattern_size(const struct pattern *pattern)
{
    return arena_used(pattern->arena) + pattern->count * sizeof *pattern->code;
}

size_t pattern_groups(const struct pattern *pattern)
{
    return pattern->groups;
}

size_t pattern_group_named(const struct pattern *pattern, const char *name, size_t len)
{
    for (size_t i = 0; i < pattern->name_count; i++) {
        if (pattern->names[i].len == len && memcmp(pattern->names[i].name, name, len) == 0)
            return pattern->names[i].group;
    }
    return 0;
}
