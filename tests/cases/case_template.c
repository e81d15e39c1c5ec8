/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: what Go, Sprig and Helm wrote, or where they refused. */
#include "cases.h"

#include "sprig/sprig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct node *restore(struct arena *arena, const struct node *node)
{
    struct node *copy = node_share(arena, node);
    size_t len;

    if (node->type == NODE_STRING) {
        char *bytes = case_bytes(arena, node, &len);

        return node_bytes(arena, bytes, len);
    }
    for (size_t i = 0; node->type == NODE_LIST && i < node->len; i++)
        copy->items[i] = restore(arena, node->items[i]);
    for (size_t i = 0; node->type == NODE_MAP && i < node->len; i++)
        copy->members[i].value = restore(arena, node->members[i].value);
    return copy;
}

static void read_options(const struct node *one, const int64_t *now, struct template_options *ret)
{
    const struct node *options = node_get(one, "options");
    const char *missing = node_get_text(options, "missingkey");

    *ret = (struct template_options){
        .missing = !strcmp(missing, "zero")    ? TEMPLATE_MISSING_ZERO
                   : !strcmp(missing, "error") ? TEMPLATE_MISSING_ERROR
                                               : TEMPLATE_MISSING_DEFAULT,
        .library = strcmp(node_get_text(options, "funcs"), "helm") == 0 ? &sprig_library : NULL,
        .numbers =
            strcmp(node_get_text(one, "numbers"), "int64") == 0 ? VALUE_INT64 : VALUE_FLOAT64,
        .strict = node_get_bool(options, "strict", false),
        .strip_no_value = node_get_bool(options, "strip_no_value", false),
        .now = now,
    };
}

static int parse_all(struct case_run *run, struct template_set *set, struct template_error *error)
{
    const struct node *templates = node_get(run->one, "templates");
    const char **names = arena_alloc(run->arena, (node_count(templates) + 1) * sizeof(char *));
    size_t count = 0;

    node_each(member, templates) names[count++] = member->key;
    qsort(names, count, sizeof *names, template_order);
    for (size_t i = 0; i < count; i++) {
        size_t len;
        const char *text = case_bytes(run->arena, node_get(templates, names[i]), &len);

        if (template_set_add(set, names[i], text, len, error) < 0)
            return -1;
    }
    return 0;
}

/* "main:3:4" of "template: main:3:4: executing …", "" if there is none. */
static const char *place_in(struct arena *arena, const char *text)
{
    static const char start[] = "template: ";
    const char *at = text + sizeof start - 1, *end = at;

    if (strncmp(text, start, sizeof start - 1) != 0)
        return "";
    while (*end && *end != ' ' && *end != ':')
        end++;
    if (*end != ':')
        return "";
    while (*end == ':' && end[1] >= '0' && end[1] <= '9')
        end += 1 + strspn(end + 1, "0123456789");
    return arena_bytes(arena, at, (size_t)(end - at));
}

static const char *place_of(struct arena *arena, const struct template_error *error)
{
    if (!error->line)
        return error->name;
    if (error->column < 0)
        return arena_printf(arena, "%s:%u", error->name, error->line);
    return arena_printf(arena, "%s:%u:%d", error->name, error->line, error->column);
}

static void expect_error(struct case_run *run, const char *text)
{
    node_set_text(run->arena, run->expected, "stage", node_get_text(run->one, "stage"));
    node_set_text(run->arena, run->expected, "place", place_in(run->arena, text));
    if (node_get(run->one, "partial"))
        node_set(run->arena, run->expected, "partial", node_get(run->one, "partial"));
}

static void got_error(struct case_run *run, const struct template_error *error,
                      const struct text *out)
{
    node_set_text(run->arena, run->got, "stage", error->stage == TEMPLATE_PARSE ? "parse" : "exec");
    node_set_text(run->arena, run->got, "place", place_of(run->arena, error));
    if (node_get(run->one, "partial"))
        node_set(run->arena, run->got, "partial",
                 case_string(run->arena, text_string(out), out->len));
}

/* Error texts need not agree; which do not is told. */
static void count_texts(struct case_run *run, const char *text, const struct template_error *error)
{
    const char *helm = node_get_text(run->one, "helm_error");
    scoped_text struct text words = {0};

    if (strncmp(error->text, text, strlen(text)) != 0 ||
        (node_get(run->one, "error") && strcmp(error->text, text) != 0)) {
        run->differ++;
        if (getenv("CASES_TEXTS"))
            printf("text of %s\n  expected %s\n  got      %s\n", node_get_text(run->one, "id"),
                   text, error->text);
        return;
    }
    template_error_helm(error, &words);
    if (*helm && strcmp(helm, text_string(&words)) != 0) {
        run->differ++;
        if (getenv("CASES_TEXTS"))
            printf("text of %s\n  expected %s\n  got      %s\n", node_get_text(run->one, "id"),
                   helm, text_string(&words));
    }
}

static void run_template(struct case_run *run)
{
    static const int64_t now = (int64_t)1700000000 * 1000000000;
    static struct template_error error;
    const char *text = node_get_text(run->one, "error");
    struct template_options options;
    scoped_template_set struct template_set *set = NULL;
    scoped_text struct text out = {0};
    bool fine;

    if (!*text)
        text = node_get_text(run->one, "error_prefix");
    read_options(run->one, &now, &options);
    set = template_set_new(&options);
    run->expected = node_map(run->arena);
    run->got = node_map(run->arena);
    fine = parse_all(run, set, &error) == 0 &&
           template_run(set, node_get_text(run->one, "main"),
                        restore(run->arena, node_get(run->one, "data")), &out, &error) == 0;
    if (node_get(run->one, "stage")) {
        expect_error(run, text);
    } else if (node_get(run->one, "output_b64")) {
        node_set(run->arena, run->expected, "output_b64", node_get(run->one, "output_b64"));
    } else {
        node_set(run->arena, run->expected, "output", node_get(run->one, "output"));
    }
    if (!fine) {
        got_error(run, &error, &out);
        if (node_get(run->one, "stage"))
            count_texts(run, text, &error);
        else
            node_set_text(run->arena, run->got, "text", error.text);
    } else if (node_get(run->one, "output_b64")) {
        scoped_text struct text base64 = {0};

        text_add_base64(&base64, out.bytes, out.len, false);
        node_set_text(run->arena, run->got, "output_b64", text_string(&base64));
    } else {
        node_set(run->arena, run->got, "output",
                 case_string(run->arena, text_string(&out), out.len));
    }
}

CASE_ROW(template, "template", "cases", NULL, run_template)
