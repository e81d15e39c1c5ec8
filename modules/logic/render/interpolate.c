/* SPDX-License-Identifier: Apache-2.0 */
/* Runs templates: whole texts, and the strings inside a tree of properties. */
#include "render/interpolate.h"

#include "base/meter.h"
#include "document/document.h"
#include "pki/pki.h"
#include "render/builtin.h"
#include "schema/schema.h"
#include "sprig/sprig.h"

#include <stdlib.h>
#include <string.h>

/* ---- What definitions may call beside Sprig ------------------------------ */

/* json VALUE: compact, and never with HTML escapes. */
static int run_json(void *arg, struct arena *arena, const struct node *const *args, size_t count,
                    struct node **ret, struct err *err)
{
    *ret = node_string(arena, args[0] ? document_json(arena, args[0]) : "null");
    return 0;
}

/* digest VALUE: the same for equal trees, whatever the order of members. */
static int run_digest(void *arg, struct arena *arena, const struct node *const *args, size_t count,
                      struct node **ret, struct err *err)
{
    scoped_text struct text bytes = {0}, hex = {0};
    unsigned char sum[PKI_SHA256];

    if (args[0])
        document_write_canonical(&bytes, args[0]);
    pki_sha256(bytes.bytes, bytes.len, sum);
    text_add_hex(&hex, sum, sizeof sum);
    *ret = node_string(arena, text_string(&hex));
    return 0;
}

/* fileKey PATH: a ConfigMap key; `/` is not allowed in one. */
static int run_file_key(void *arg, struct arena *arena, const struct node *const *args,
                        size_t count, struct node **ret, struct err *err)
{
    const char *path = node_text(args[0]);
    char *key;

    while (*path == '/')
        path++;
    key = arena_string(arena, path);
    for (char *c = key; *c; c++)
        if (*c == '/')
            *c = '_';
    *ret = node_string(arena, key);
    return 0;
}

static const struct template_function functions[] = {
    {"json", 1, 1, run_json, NULL, 40},
    {"digest", 1, 1, run_digest, NULL, 60},
    {"fileKey", 1, 1, run_file_key, NULL, 0},
};

static const struct template_options options = {
    .library = &sprig_library,
    .numbers = VALUE_INT64,
    .bounds = {.output = 16u << 20},
    .extra = functions,
    .extra_count = count_of(functions),
};

/* What `fail` says of a property is about the user's text: the place in the definition's
   template would mislead. */
static const char *strip_place(const char *words)
{
    const char *at =
        text_starts(words, "execution error at (") ? strstr(words, "): properties.") : NULL;

    return at ? at + strlen("): ") : words;
}

/* A definition's template may call the named ones that are built in. */
static int add_templates(struct template_set *set, const char *where, const char *template,
                         size_t len, bool definition, struct template_error *wrong)
{
    if (definition && template_set_add(set, "built-in", builtin_template(),
                                       strlen(builtin_template()), wrong) < 0)
        return -1;
    return template_set_add(set, where, template, len, wrong);
}

int interpolate_parse(const char *where, const char *template, size_t len, struct err *err)
{
    scoped_template_set struct template_set *set = template_set_new(&options);
    scoped_mem struct template_error *wrong = mem_alloc(sizeof *wrong);
    scoped_text struct text words = {0};

    if (add_templates(set, where, template, len, true, wrong) == 0)
        return 0;
    template_error_words(wrong, &words);
    return err_set(err, ERR_INVALID, "%.800s", text_string(&words));
}

int interpolate_text(const char *what, const char *where, const char *template, size_t len,
                     const struct node *dot, bool optional, struct meter *meter, struct text *out,
                     struct err *err)
{
    struct template_options metered = options;
    scoped_template_set struct template_set *set = NULL;
    scoped_mem struct template_error *wrong = mem_alloc(sizeof *wrong);
    scoped_text struct text words = {0};

    metered.meter = meter;
    metered.missing = optional ? sprig_options_helm.missing : TEMPLATE_MISSING_ERROR;
    metered.strip_no_value = optional && sprig_options_helm.strip_no_value;
    set = template_set_new(&metered);
    if (add_templates(set, where, template, len, optional, wrong) == 0 &&
        template_run(set, where, dot, out, wrong) == 0)
        return 0;
    template_error_words(wrong, &words);
    return err_set(err, ERR_INVALID, "%s: %.800s", what, strip_place(text_string(&words)));
}

int interpolate_pay(const char *what, struct meter *meter, const struct node *tree, unsigned times,
                    struct err *err)
{
    uint64_t most = meter_left(meter) / (times ? times : 1);

    if (meter_spend(meter, node_weight(tree, most) * times))
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s: rendering the profile takes too much: "
                   "more than %llu units of work, which are up to " METER_ANSWER_WORDS
                   "; make it smaller (some 500 kB of files reach that), or several "
                   "profiles of it",
                   what, (unsigned long long)meter->limit);
}

/* ---- Trees ---------------------------------------------------------------- */

struct interpolation {
    struct arena *arena;
    const char *what;
    const struct node *dot;
    struct meter *meter;
    struct err *err;
    unsigned depth;
};

/* "{{ .var.replicas }}" and nothing else: the value itself, with its type. */
static const struct node *find_whole_value(const struct interpolation *interpolation,
                                           const char *string, size_t len)
{
    const char *at = string + 2, *end = string + len - 2;
    const struct node *value = interpolation->dot;

    if (len < 6 || memcmp(string, "{{", 2) || memcmp(end, "}}", 2))
        return NULL;
    while (at < end && *at == ' ')
        at++;
    while (end > at && end[-1] == ' ')
        end--;
    if (at == end || *at != '.')
        return NULL;
    while (at < end) {
        size_t part = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

        if (*at != '.' || !part || part > (size_t)(end - at - 1))
            return NULL;
        value = node_get(value, arena_bytes(interpolation->arena, at + 1, part));
        at += 1 + part;
    }
    return value;
}

/* Text or a scalar as the schema wants it; as it is if it cannot be. */
static struct node *convert_to_schema(struct arena *arena, const struct schema *schema,
                                      struct node *value)
{
    enum schema_type type = schema_type_of(schema);
    const char *text = node_text(value);
    long long integer;
    char *end;
    double number;

    if (type == SCHEMA_STRING &&
        (node_is(value, NODE_INT) || node_is(value, NODE_FLOAT) || node_is(value, NODE_BOOL)))
        return node_string(arena, document_json(arena, value));
    if (!node_is(value, NODE_STRING))
        return value;
    if (type == SCHEMA_INTEGER && text_to_int(text, &integer))
        return node_int(arena, integer);
    if (type == SCHEMA_BOOLEAN && (!strcmp(text, "true") || !strcmp(text, "false")))
        return node_bool(arena, *text == 't');
    if (type == SCHEMA_NUMBER && *text) {
        number = strtod(text, &end);
        if (!*end)
            return node_float(arena, number);
    }
    return value;
}

static struct node *interpolate_node(struct interpolation *interpolation, const struct node *node,
                                     const struct schema *schema, const char *where);

static struct node *interpolate_string(struct interpolation *interpolation, const struct node *node,
                                       const struct schema *schema, const char *where)
{
    const struct node *whole;
    scoped_text struct text out = {0};

    if (!strstr(node->string, "{{"))
        return node_copy(interpolation->arena, node);
    whole = find_whole_value(interpolation, node->string, node->len);
    if (whole && interpolate_pay(interpolation->what, interpolation->meter, whole, 3,
                                 interpolation->err) < 0)
        return NULL;
    if (whole)
        return convert_to_schema(interpolation->arena, schema,
                                 node_copy(interpolation->arena, whole));
    if (interpolate_text(interpolation->what, where, node->string, node->len, interpolation->dot,
                         false, interpolation->meter, &out, interpolation->err) < 0)
        return NULL;
    return convert_to_schema(interpolation->arena, schema,
                             node_bytes(interpolation->arena, text_string(&out), out.len));
}

static struct node *interpolate_map(struct interpolation *interpolation, const struct node *node,
                                    const struct schema *schema, const char *where)
{
    struct node *copy = node_map(interpolation->arena);

    node_each(member, node)
    {
        const struct schema *inner = schema_field(schema, member->key);
        char *path = arena_printf(interpolation->arena, "%s.%s", where, member->key);
        struct node *value;

        if (node_get_bool(schema_source(inner), "x-axle-verbatim", false))
            value = node_copy(interpolation->arena, member->value);
        else
            value = interpolate_node(interpolation, member->value, inner, path);
        if (!value)
            return NULL;
        node_set(interpolation->arena, copy, member->key, value);
    }
    return copy;
}

static struct node *interpolate_list(struct interpolation *interpolation, const struct node *node,
                                     const struct schema *schema, const char *where)
{
    struct node *copy = node_list(interpolation->arena);

    for (size_t i = 0; i < node->len; i++) {
        char *path = arena_printf(interpolation->arena, "%s[%zu]", where, i);
        struct node *value =
            interpolate_node(interpolation, node->items[i], schema_items(schema), path);

        if (!value)
            return NULL;
        node_add(interpolation->arena, copy, value);
    }
    return copy;
}

static struct node *interpolate_node(struct interpolation *interpolation, const struct node *node,
                                     const struct schema *schema, const char *where)
{
    struct node *filled;

    if (interpolation->depth > 64) {
        err_set(interpolation->err, ERR_INVALID, "%s: %.200s is nested too deep",
                interpolation->what, where);
        return NULL;
    }
    /* The path is made anew for each node, whatever its keys are. */
    meter_spend(interpolation->meter, strlen(where) * 2 + 200);
    if (interpolate_pay(interpolation->what, interpolation->meter,
                        node_is(node, NODE_STRING) ? node : NULL, 2, interpolation->err) < 0)
        return NULL;
    interpolation->depth++;
    switch (node->type) {
    case NODE_STRING:
        filled = interpolate_string(interpolation, node, schema, where);
        break;
    case NODE_MAP:
        filled = interpolate_map(interpolation, node, schema, where);
        break;
    case NODE_LIST:
        filled = interpolate_list(interpolation, node, schema, where);
        break;
    default:
        filled = node_copy(interpolation->arena, node);
    }
    interpolation->depth--;
    return filled;
}

struct node *interpolate_tree(struct arena *arena, const char *what, const struct node *tree,
                              const struct schema *schema, const struct node *dot,
                              struct meter *meter, struct err *err)
{
    struct interpolation interpolation = {arena, what, dot, meter, err, 0};

    return tree ? interpolate_node(&interpolation, tree, schema, "properties") : node_map(arena);
}
