/* SPDX-License-Identifier: Apache-2.0 */
/* axle render: renders template files, and shows the place of an error. */
#include "cli/internal.h"

#include "base/file.h"
#include "base/text.h"
#include "document/document.h"
#include "sprig/sprig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((size_t)16 * 1024 * 1024)

struct source {
    const char *name;
    char *text; /* owned */
    size_t len;
};

struct rendering {
    struct arena *arena;
    struct template_set *set;
    struct source sources[CLI_MOST];
    size_t count;
};

static void rendering_free(struct rendering *rendering)
{
    for (size_t i = 0; i < rendering->count; i++)
        free(rendering->sources[i].text);
    template_set_free(&rendering->set);
    arena_free(&rendering->arena);
}

/* A later values file overrides an earlier one, map by map, as in Helm. */
static void overlay_values(struct arena *arena, struct node *under, const struct node *over)
{
    node_each(member, over)
    {
        struct node *old = node_get(under, member->key);

        if (node_is(old, NODE_MAP) && node_is(member->value, NODE_MAP))
            overlay_values(arena, old, member->value);
        else
            node_set(arena, under, member->key, member->value);
    }
}

static int read_values(const struct cli_flags *flags, struct arena *arena, struct node *values,
                       struct err *err)
{
    for (size_t i = 0; flags->values[i]; i++) {
        size_t len;
        scoped_mem char *text = file_read(flags->values[i], FILE_LIMIT, &len, err);
        struct node *one;

        if (!text)
            return -1;
        one = document_read_yaml(arena, text, len, DOCUMENT_KEYS_ONCE, &document_limits_own, err);
        if (!one)
            return err_wrap(err, "%s", flags->values[i]);
        if (one->type != NODE_MAP && one->type != NODE_NULL)
            return err_set(err, ERR_INVALID, "%s: values are a map, not a %s", flags->values[i],
                           node_type_name(one->type));
        overlay_values(arena, values, one);
    }
    return 0;
}

static int read_sources(const struct cli_flags *flags, struct rendering *rendering, struct err *err)
{
    for (size_t i = 1; i < flags->word_count; i++) {
        struct source *source = &rendering->sources[rendering->count];

        source->name = flags->words[i];
        source->text = file_read(source->name, FILE_LIMIT, &source->len, err);
        if (!source->text)
            return -1;
        rendering->count++;
    }
    return 0;
}

/* Prints the error and the line of the template. */
static int print_template_error(const struct rendering *rendering,
                                const struct template_error *error)
{
    scoped_text struct text shown = {0}, words = {0};

    for (size_t i = 0; i < rendering->count; i++) {
        const struct source *source = &rendering->sources[i];

        if (strcmp(source->name, error->name) == 0)
            template_error_underline(error, source->text, source->len, &shown);
    }
    template_error_words(error, &words);
    fprintf(stderr, "axle: %s\n%s", text_string(&words), text_string(&shown));
    return CLI_FAILED;
}

static int add_sources(struct rendering *rendering, struct template_error *error)
{
    const char *names[CLI_MOST];

    for (size_t i = 0; i < rendering->count; i++)
        names[i] = rendering->sources[i].name;
    qsort(names, rendering->count, sizeof names[0], template_order);
    for (size_t n = 0; n < rendering->count; n++) {
        for (size_t i = 0; i < rendering->count; i++) {
            const struct source *source = &rendering->sources[i];

            if (source->name == names[n] && template_set_add(rendering->set, source->name,
                                                             source->text, source->len, error) < 0)
                return -1;
        }
    }
    return 0;
}

/* A file whose name begins with "_" only defines templates, as in a Helm chart. */
static bool is_partial(const char *name)
{
    const char *slash = strrchr(name, '/');

    return (slash ? slash[1] : name[0]) == '_';
}

const struct cli_help render_help = {
    .words = "FILE…",
    .least = 1,
    .most = CLI_MOST,
    .brief = "renders templates; values are .Values and .var",
    .what =
        "Renders templates as the hub does and prints them one after the other. A file whose name "
        "begins with an underscore only has definitions. An error is shown with its line. Needs "
        "no hub.",
    .takes = {{"values", "a map in YAML; later ones win; repeatable", NULL}},
    .example = "axle render deployment.yaml _helpers.tpl --values=values.yaml",
    .ends = {{CLI_FAILED, "a template is wrong, or the output could not be written"},
             {CLI_SETTINGS, "a file of values is not a map in YAML"},
             {CLI_NOT_FOUND, "a file does not exist"}},
};

int render_verb(const struct cli_flags *flags)
{
    SCOPED(rendering_free) struct rendering rendering = {.arena = arena_new()};
    struct node *values = node_map(rendering.arena);
    struct node *data = node_map(rendering.arena);
    struct template_error error = {0};
    struct err err = {0};

    if (read_values(flags, rendering.arena, values, &err) < 0 ||
        read_sources(flags, &rendering, &err) < 0)
        return cli_fail(&err);
    node_set(rendering.arena, data, "Values", values);
    node_set(rendering.arena, data, "var", values);
    rendering.set = template_set_new(&sprig_options_helm);
    if (add_sources(&rendering, &error) < 0)
        return print_template_error(&rendering, &error);
    for (size_t i = 0; i < rendering.count; i++) {
        scoped_text struct text out = {0};

        if (is_partial(rendering.sources[i].name))
            continue;
        if (template_run(rendering.set, rendering.sources[i].name, data, &out, &error) < 0)
            return print_template_error(&rendering, &error);
        fwrite(text_string(&out), 1, out.len, stdout);
    }
    return CLI_OK;
}
