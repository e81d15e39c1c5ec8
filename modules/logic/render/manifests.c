/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the components and traits of a profile into manifests. */
#include "render/render.h"

#include "base/meter.h"
#include "base/nearest.h"
#include "document/document.h"
#include "meta/meta.h"
#include "patch/patch.h"
#include "query/query.h"
#include "render/dress.h"
#include "render/fill.h"
#include "schema/schema.h"

#include <string.h>

struct pass {
    struct arena *arena;
    const struct render_input *input;
    struct dress dress;      /* of the component in hand */
    const char *what;        /* "component \"server\"" */
    struct node *objects;    /* what the component has given so far */
    struct meter *meter;
    struct err *err;
};

/* ---- Definitions ---------------------------------------------------------- */

static const struct node *find_definition(const struct pass *pass,
                                          const char *kind, const char *type)
{
    const struct node *all = pass->input->definitions;
    scoped_text struct text known = { .limit = 400 };

    meter_spend(pass->meter, node_count(all) * 150);
    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);
        const char *name = meta_name(one);

        if (strcmp(node_get_text(one, "kind"), kind))
            continue;
        if (!strcmp(name, type))
            return one;
        text_addf(&known, "%s%s", known.len ? ", " : "", name);
    }
    err_set(pass->err, ERR_INVALID, "%s: there is no %s \"%s\"; besides the "
            "project's and the tenant's own there are: %.400s", pass->what, kind,
            type, text_string(&known));
    return NULL;
}

/* The first of the causes, as a sentence for the one who wrote the profile. */
static int say_causes(const struct pass *pass, const struct node *causes)
{
    const struct node *first = node_item(causes, 0);

    return err_set(pass->err, ERR_INVALID, "%s: %s: %s", pass->what,
                   node_get_text(first, "field"),
                   node_get_text(first, "message"));
}

static struct node *make_dot(const struct pass *pass,
                             const struct node *properties)
{
    struct arena *arena = pass->arena;
    const struct render_input *in = pass->input;
    struct node *dot = node_map(arena), *context;

    node_set(arena, dot, "var", in->variables ? node_copy(arena, in->variables)
                                              : node_map(arena));
    context = node_make(arena, dot, "context");
    node_set_text(arena, context, "tenant", in->tenant ? in->tenant : "");
    node_set_text(arena, context, "project", in->project ? in->project : "");
    node_set_text(arena, context, "aiworkload", in->aiworkload);
    node_set_text(arena, context, "deployment", in->deployment);
    node_set_text(arena, context, "namespace", in->space);
    node_set_text(arena, context, "component", pass->dress.component);
    node_set_text(arena, context, "name", pass->dress.name);
    node_set(arena, context, "labels", dress_labels(arena, &pass->dress));
    if (properties)
        node_set(arena, dot, "properties", node_copy(arena, properties));
    return dot;
}

static void try_member(void *arg, const char *key, const struct schema *member, bool required)
{
    (void)member, (void)required;
    nearest_try(arg, key);
}

static int say_unknown(const struct pass *pass, const struct schema *schema, const char *path,
                       const char *type)
{
    char *inside = arena_string(pass->arena, path), *last = strrchr(inside, '.');
    struct nearest near;

    near = nearest_to(last ? last + 1 : inside);
    if (last)
        *last = '\0';
    schema_each(last ? schema_at(schema, inside) : schema, try_member, &near);
    return err_set(pass->err, ERR_INVALID, "%s: properties.%s: is not known to \"%s\"%s%s%s (axle explain %s "
                   "lists all)", pass->what, path, type, near.best ? "; did you mean " : "",
                   near.best ? near.best : "", near.best ? "?" : "", type);
}

/* Properties filled in, with defaults, and found right by the schema. */
static struct node *settle_properties(struct pass *pass,
                                      const struct node *definition,
                                      const struct node *properties)
{
    const struct node *source = node_at(definition, "spec", "schema", NULL);
    struct node *causes = node_list(pass->arena), *filled;
    struct schema *schema = NULL;

    if (fill_pay(pass->what, pass->meter, source, 6, pass->err) < 0)
        return NULL;
    if (source) {
        schema = schema_compile(pass->arena, source, NULL, false, pass->err);
        if (!schema) {
            err_wrap(pass->err, "%s: schema of its definition", pass->what);
            return NULL;
        }
    }
    filled = fill_tree(pass->arena, pass->what, properties, schema,
                       make_dot(pass, NULL), pass->meter, pass->err);
    if (!filled || !schema)
        return filled;
    if (fill_pay(pass->what, pass->meter, filled, 8, pass->err) < 0)
        return NULL;
    if (schema_apply_defaults(schema, pass->arena, filled, pass->err) < 0)
        return NULL;
    schema_find_unknown(schema, pass->arena, filled, causes);
    if (node_count(causes)) {
        say_unknown(pass, schema, node_text(node_item(causes, 0)),
                    meta_name(definition));
        return NULL;
    }
    if (!schema_validate_at(schema, pass->arena, "properties", filled,
                            pass->meter, causes)) {
        say_causes(pass, causes);
        return NULL;
    }
    return filled;
}

/* What a template of a definition gives, as a list of documents. */
static struct node *run_template(struct pass *pass,
                                 const struct node *definition,
                                 const char *field,
                                 const struct node *properties)
{
    const char *name = meta_name(definition);
    const struct node *template = node_at(definition, "spec", field, NULL);
    struct document_limits limits = document_limits_api;
    scoped_text struct text out = { 0 };
    struct node *list;

    if (!node_is(template, NODE_STRING))
        return node_list(pass->arena);
    if (fill_pay(pass->what, pass->meter, pass->input->variables, 2,
                 pass->err) < 0 ||
        fill_pay(pass->what, pass->meter, properties, 2, pass->err) < 0 ||
        fill_text(pass->what, name, template->string, template->len,
                  make_dot(pass, properties), true, pass->meter, &out,
                  pass->err) < 0)
        return NULL;
    /* Reading YAML is dearer than writing it. */
    meter_spend(pass->meter, (uint64_t)out.len * 80);
    if (fill_pay(pass->what, pass->meter, NULL, 0, pass->err) < 0)
        return NULL;
    limits.bytes = 16u << 20;
    list = document_read_all(pass->arena, text_string(&out), out.len, &limits,
                             pass->err);
    if (!list) {
        err_wrap(pass->err, "%s: what \"%s\" gives is no YAML", pass->what,
                 name);
        /* It was no request of a client: the definition or its properties are wrong. */
        if (pass->err && pass->err->code == ERR_BAD_REQUEST)
            pass->err->code = ERR_INVALID;
    }
    return list;
}

char *render_definition_trouble(struct arena *arena, const char *name, const struct node *spec)
{
    static const char *const fields[] = { "template", "patch" };
    const struct node *source = node_get(spec, "schema");
    struct err err = { 0 };

    if (source && !schema_compile(arena, source, NULL, false, &err))
        return arena_printf(arena, "spec.schema: %s", err.text);
    for (size_t i = 0; i < count_of(fields); i++) {
        const struct node *text = node_get(spec, fields[i]);

        if (node_is(text, NODE_STRING) && fill_parse(name, text->string, text->len, &err) < 0)
            return arena_printf(arena, "spec.%s: %s", fields[i], err.text);
    }
    return NULL;
}

/* ---- Traits ---------------------------------------------------------------- */

static bool applies_to(const struct node *definition, const char *type)
{
    const struct node *list = node_at(definition, "spec", "appliesTo", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), type) ||
            !strcmp(node_text(node_item(list, i)), "*"))
            return true;
    return !list;
}

/* A patch with a kind changes objects of that kind, one without changes all. */
static int patch_objects(struct pass *pass, const struct node *patch)
{
    const char *kind = node_get_text(patch, "kind");
    struct node *changed = node_list(pass->arena);

    if (fill_pay(pass->what, pass->meter, pass->objects, 4, pass->err) < 0 ||
        fill_pay(pass->what, pass->meter, patch,
                 4 * (unsigned)node_count(pass->objects), pass->err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(pass->objects); i++) {
        struct node *object = node_item(pass->objects, i);

        if (!*kind || !strcmp(kind, node_get_text(object, "kind")))
            object = node_copy(pass->arena,
                               patch_merge(pass->arena, object, patch));
        node_add(pass->arena, changed, object);
    }
    pass->objects = changed;
    return 0;
}

static int run_trait(struct pass *pass, const char *type,
                     const struct node *trait)
{
    const char *name = node_get_text(trait, "type");
    const struct node *definition = find_definition(pass, "TraitDefinition",
                                                    name);
    struct node *properties, *patches, *more;

    if (!definition)
        return -1;
    if (!applies_to(definition, type))
        return err_set(pass->err, ERR_INVALID, "%s: trait \"%s\" does not "
                       "apply to the type \"%s\"", pass->what, name, type);
    properties = settle_properties(pass, definition,
                                   node_get(trait, "properties"));
    if (!properties)
        return -1;
    patches = run_template(pass, definition, "patch", properties);
    more = patches ? run_template(pass, definition, "template", properties)
                   : NULL;
    if (!more)
        return -1;
    for (size_t i = 0; i < node_count(patches); i++)
        if (patch_objects(pass, node_item(patches, i)) < 0)
            return -1;
    for (size_t i = 0; i < node_count(more); i++)
        node_add(pass->arena, pass->objects, node_item(more, i));
    return 0;
}

/* ---- Components ------------------------------------------------------------ */

static bool is_same_object(const struct node *a, const struct node *b)
{
    return !strcmp(node_get_text(a, "kind"), node_get_text(b, "kind")) &&
           !strcmp(node_get_text(a, "apiVersion"),
                   node_get_text(b, "apiVersion")) &&
           !strcmp(meta_name(a),
                   meta_name(b));
}

/* Secrets go apart; nothing may be there twice. */
static int collect(struct pass *pass, struct node *object,
                   struct render_result *ret)
{
    bool secret = !strcmp(node_get_text(object, "kind"), "Secret") &&
                  !strcmp(node_get_text(object, "apiVersion"), "v1");
    struct node *into = secret ? ret->secrets : ret->manifests;

    meter_spend(pass->meter, 4000 + node_count(into) * 100);
    if (fill_pay(pass->what, pass->meter, object, 4, pass->err) < 0)
        return -1;
    if (dress_manifest(pass->arena, &pass->dress, object, pass->err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(into); i++)
        if (is_same_object(node_item(into, i), object))
            return err_set(pass->err, ERR_INVALID, "%s: %s \"%s\" is given twice: "
                           "give one of them another name", pass->what, node_get_text(object, "kind"),
                           meta_name(object));
    node_add(pass->arena, into, object);
    return 0;
}

static int run_component(struct pass *pass, const struct node *component,
                         struct render_result *ret)
{
    const char *type = node_get_text(component, "type");
    const struct node *traits = node_get(component, "traits");
    const struct node *definition = find_definition(pass, "ComponentDefinition",
                                                    type);
    struct node *properties;

    if (!definition)
        return -1;
    properties = settle_properties(pass, definition,
                                   node_get(component, "properties"));
    if (!properties)
        return -1;
    pass->objects = run_template(pass, definition, "template", properties);
    if (!pass->objects)
        return -1;
    for (size_t i = 0; i < node_count(traits); i++)
        if (run_trait(pass, type, node_item(traits, i)) < 0)
            return -1;
    for (size_t i = 0; i < node_count(pass->objects); i++)
        if (collect(pass, node_copy(pass->arena, node_item(pass->objects, i)),
                    ret) < 0)
            return -1;
    return 0;
}

static int check_name(const char *name, struct err *err)
{
    char why[NAME_WHY];

    if (name_is_dns_label(name, why))
        return 0;
    return err_set(err, ERR_INVALID, "component name \"%s\": %s", name, why);
}

int render_manifests(struct arena *arena, const struct render_input *input,
                     struct render_result *ret, struct err *err)
{
    const struct node *components = node_get(input->profile, "components");
    struct meter own = { .limit = METER_ANSWER };

    ret->manifests = node_list(arena);
    ret->secrets = node_list(arena);
    for (size_t i = 0; i < node_count(components); i++) {
        const struct node *component = node_item(components, i);
        const char *name = node_get_text(component, "name");
        struct pass pass = { .arena = arena, .input = input, .err = err,
                             .meter = input->meter ? input->meter : &own };

        if (check_name(name, err) < 0)
            return -1;
        pass.what = arena_printf(arena, "component \"%s\"", name);
        pass.dress = (struct dress) {
            .input = input, .component = name,
            .name = (input->apart ? render_name_apart : render_name)(
                arena, input->aiworkload, name, RENDER_NAME),
            .phase = node_get_int(component, "deploymentPriority", 0),
        };
        if (run_component(&pass, component, ret) < 0)
            return -1;
    }
    if (!node_count(ret->manifests) && !node_count(ret->secrets))
        return err_set(err, ERR_INVALID, "%s, so there is nothing to run",
                       node_count(components)
                           ? "the templates of its components give no object"
                           : "the profile has no components");
    return 0;
}
