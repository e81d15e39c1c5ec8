/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the components and traits of a profile into manifests. */
#include "render/render.h"

#include "base/meter.h"
#include "base/nearest.h"
#include "document/document.h"
#include "meta/meta.h"
#include "patch/patch.h"
#include "query/query.h"
#include "render/component_meta.h"
#include "render/interpolate.h"
#include "schema/schema.h"

#include <string.h>

struct rendering {
    struct arena *arena;
    const struct render_input *input;
    struct component_meta meta; /* of the present component */
    const char *what;           /* "component \"server\"" */
    struct node *objects;       /* what the component has given so far */
    struct meter *meter;
    struct err *err;
};

/* ---- Definitions ---------------------------------------------------------- */

/* The first definition of this kind and name; if there is none, the error lists those
   that exist. */
static const struct node *find_definition(const struct rendering *rendering, const char *kind,
                                          const char *type)
{
    const struct node *all = rendering->input->definitions;
    scoped_text struct text known = {.limit = 400};

    meter_spend(rendering->meter, node_count(all) * 150);
    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);
        const char *name = meta_name(one);

        if (strcmp(node_get_text(one, "kind"), kind))
            continue;
        if (!strcmp(name, type))
            return one;
        text_addf(&known, "%s%s", known.len ? ", " : "", name);
    }
    err_set(rendering->err, ERR_INVALID,
            "%s: there is no %s \"%s\"; besides the "
            "project's and the tenant's own there are: %.400s",
            rendering->what, kind, type, text_string(&known));
    return NULL;
}

/* Sets the first of the causes as the error, for the person who wrote the profile. */
static int set_first_cause(const struct rendering *rendering, const struct node *causes)
{
    const struct node *first = node_item(causes, 0);

    return err_set(rendering->err, ERR_INVALID, "%s: %s: %s", rendering->what,
                   node_get_text(first, "field"), node_get_text(first, "message"));
}

/* What a template sees as `.`: .var, .context and, in a definition, .properties. */
static struct node *make_template_data(const struct rendering *rendering,
                                       const struct node *properties)
{
    struct arena *arena = rendering->arena;
    const struct render_input *in = rendering->input;
    struct node *dot = node_map(arena), *context;

    node_set(arena, dot, "var", in->variables ? node_copy(arena, in->variables) : node_map(arena));
    context = node_make(arena, dot, "context");
    node_set_text(arena, context, "tenant", in->tenant ? in->tenant : "");
    node_set_text(arena, context, "project", in->project ? in->project : "");
    node_set_text(arena, context, "aiworkload", in->aiworkload);
    node_set_text(arena, context, "deployment", in->deployment);
    node_set_text(arena, context, "namespace", in->namespace);
    node_set_text(arena, context, "component", rendering->meta.component);
    node_set_text(arena, context, "name", rendering->meta.name);
    node_set(arena, context, "labels", component_meta_labels(arena, &rendering->meta));
    if (properties)
        node_set(arena, dot, "properties", node_copy(arena, properties));
    return dot;
}

static void try_schema_member(void *arg, const char *key, const struct schema *member,
                              bool required)
{
    (void)member, (void)required;
    nearest_try(arg, key);
}

/* Names the property that the schema does not know, and the known one that is spelled
   most alike. */
static int set_unknown_property(const struct rendering *rendering, const struct schema *schema,
                                const char *path, const char *type)
{
    char *inside = arena_string(rendering->arena, path), *last = strrchr(inside, '.');
    struct nearest near;

    near = nearest_to(last ? last + 1 : inside);
    if (last)
        *last = '\0';
    schema_each(last ? schema_at(schema, inside) : schema, try_schema_member, &near);
    return err_set(rendering->err, ERR_INVALID,
                   "%s: properties.%s: is not known to \"%s\"%s%s%s (axle explain %s "
                   "lists all)",
                   rendering->what, path, type, near.best ? "; did you mean " : "",
                   near.best ? near.best : "", near.best ? "?" : "", type);
}

/* Runs the templates in the properties, adds the defaults, and checks the result by the
   definition's schema. */
static struct node *resolve_properties(struct rendering *rendering, const struct node *definition,
                                       const struct node *properties)
{
    const struct node *source = node_at(definition, "spec", "schema", NULL);
    struct node *causes = node_list(rendering->arena), *filled;
    struct schema *schema = NULL;

    if (interpolate_pay(rendering->what, rendering->meter, source, 6, rendering->err) < 0)
        return NULL;
    if (source) {
        schema = schema_compile(rendering->arena, source, NULL, false, rendering->err);
        if (!schema) {
            err_wrap(rendering->err, "%s: schema of its definition", rendering->what);
            return NULL;
        }
    }
    filled =
        interpolate_tree(rendering->arena, rendering->what, properties, schema,
                         make_template_data(rendering, NULL), rendering->meter, rendering->err);
    if (!filled || !schema)
        return filled;
    if (interpolate_pay(rendering->what, rendering->meter, filled, 8, rendering->err) < 0)
        return NULL;
    if (schema_apply_defaults(schema, rendering->arena, filled, rendering->err) < 0)
        return NULL;
    schema_find_unknown(schema, rendering->arena, filled, causes);
    if (node_count(causes)) {
        set_unknown_property(rendering, schema, node_text(node_item(causes, 0)),
                             meta_name(definition));
        return NULL;
    }
    if (!schema_validate_at(schema, rendering->arena, "properties", filled, rendering->meter,
                            causes)) {
        set_first_cause(rendering, causes);
        return NULL;
    }
    return filled;
}

/* What one template of a definition gives, as a list of documents. */
static struct node *render_template(struct rendering *rendering, const struct node *definition,
                                    const char *field, const struct node *properties)
{
    const char *name = meta_name(definition);
    const struct node *template = node_at(definition, "spec", field, NULL);
    struct document_limits limits = document_limits_api;
    scoped_text struct text out = {0};
    struct node *list;

    if (!node_is(template, NODE_STRING))
        return node_list(rendering->arena);
    if (interpolate_pay(rendering->what, rendering->meter, rendering->input->variables, 2,
                        rendering->err) < 0 ||
        interpolate_pay(rendering->what, rendering->meter, properties, 2, rendering->err) < 0 ||
        interpolate_text(rendering->what, name, template->string, template->len,
                         make_template_data(rendering, properties), true, rendering->meter, &out,
                         rendering->err) < 0)
        return NULL;
    /* Reading YAML is dearer than writing it. */
    meter_spend(rendering->meter, (uint64_t)out.len * 80);
    if (interpolate_pay(rendering->what, rendering->meter, NULL, 0, rendering->err) < 0)
        return NULL;
    limits.bytes = 16u << 20;
    list = document_read_all(rendering->arena, text_string(&out), out.len, &limits, rendering->err);
    if (!list) {
        err_wrap(rendering->err, "%s: what \"%s\" gives is no YAML", rendering->what, name);
        /* It was no request of a client: the definition or its properties are wrong. */
        if (rendering->err && rendering->err->code == ERR_BAD_REQUEST)
            rendering->err->code = ERR_INVALID;
    }
    return list;
}

char *render_definition_trouble(struct arena *arena, const char *name, const struct node *spec)
{
    static const char *const fields[] = {"template", "patch"};
    const struct node *source = node_get(spec, "schema");
    struct err err = {0};

    if (source && !schema_compile(arena, source, NULL, false, &err))
        return arena_printf(arena, "spec.schema: %s", err.text);
    for (size_t i = 0; i < count_of(fields); i++) {
        const struct node *text = node_get(spec, fields[i]);

        if (node_is(text, NODE_STRING) &&
            interpolate_parse(name, text->string, text->len, &err) < 0)
            return arena_printf(arena, "spec.%s: %s", fields[i], err.text);
    }
    return NULL;
}

/* ---- Traits ---------------------------------------------------------------- */

static bool trait_applies_to(const struct node *definition, const char *type)
{
    const struct node *list = node_at(definition, "spec", "appliesTo", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), type) ||
            !strcmp(node_text(node_item(list, i)), "*"))
            return true;
    return !list;
}

/* A patch with a kind changes objects of that kind, one without changes all. */
static int patch_objects(struct rendering *rendering, const struct node *patch)
{
    const char *kind = node_get_text(patch, "kind");
    struct node *changed = node_list(rendering->arena);

    if (interpolate_pay(rendering->what, rendering->meter, rendering->objects, 4, rendering->err) <
            0 ||
        interpolate_pay(rendering->what, rendering->meter, patch,
                        4 * (unsigned)node_count(rendering->objects), rendering->err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(rendering->objects); i++) {
        struct node *object = node_item(rendering->objects, i);

        if (!*kind || !strcmp(kind, node_get_text(object, "kind")))
            object = node_copy(rendering->arena, patch_merge(rendering->arena, object, patch));
        node_add(rendering->arena, changed, object);
    }
    rendering->objects = changed;
    return 0;
}

/* The patches of a trait change the objects that are there already; those of its
   template are added after them, unpatched. */
static int apply_trait(struct rendering *rendering, const char *type, const struct node *trait)
{
    const char *name = node_get_text(trait, "type");
    const struct node *definition = find_definition(rendering, "TraitDefinition", name);
    struct node *properties, *patches, *more;

    if (!definition)
        return -1;
    if (!trait_applies_to(definition, type))
        return err_set(rendering->err, ERR_INVALID,
                       "%s: trait \"%s\" does not "
                       "apply to the type \"%s\"",
                       rendering->what, name, type);
    properties = resolve_properties(rendering, definition, node_get(trait, "properties"));
    if (!properties)
        return -1;
    patches = render_template(rendering, definition, "patch", properties);
    more = patches ? render_template(rendering, definition, "template", properties) : NULL;
    if (!more)
        return -1;
    for (size_t i = 0; i < node_count(patches); i++)
        if (patch_objects(rendering, node_item(patches, i)) < 0)
            return -1;
    for (size_t i = 0; i < node_count(more); i++)
        node_add(rendering->arena, rendering->objects, node_item(more, i));
    return 0;
}

/* ---- Components ------------------------------------------------------------ */

static bool has_same_identity(const struct node *a, const struct node *b)
{
    return !strcmp(node_get_text(a, "kind"), node_get_text(b, "kind")) &&
           !strcmp(node_get_text(a, "apiVersion"), node_get_text(b, "apiVersion")) &&
           !strcmp(meta_name(a), meta_name(b));
}

/* Secrets are kept apart, as they never enter the artifact. An object that occurs twice
   is refused, because the second one would overwrite the first. */
static int add_rendered_object(struct rendering *rendering, struct node *object,
                               struct render_result *ret)
{
    bool secret = !strcmp(node_get_text(object, "kind"), "Secret") &&
                  !strcmp(node_get_text(object, "apiVersion"), "v1");
    struct node *into = secret ? ret->secrets : ret->manifests;

    meter_spend(rendering->meter, 4000 + node_count(into) * 100);
    if (interpolate_pay(rendering->what, rendering->meter, object, 4, rendering->err) < 0)
        return -1;
    if (component_meta_apply(rendering->arena, &rendering->meta, object, rendering->err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(into); i++)
        if (has_same_identity(node_item(into, i), object))
            return err_set(rendering->err, ERR_INVALID,
                           "%s: %s \"%s\" is given twice: "
                           "give one of them another name",
                           rendering->what, node_get_text(object, "kind"), meta_name(object));
    node_add(rendering->arena, into, object);
    return 0;
}

/* The objects of one component: its definition's, then what each of its traits makes of
   them. */
static int render_component(struct rendering *rendering, const struct node *component,
                            struct render_result *ret)
{
    const char *type = node_get_text(component, "type");
    const struct node *traits = node_get(component, "traits");
    const struct node *definition = find_definition(rendering, "ComponentDefinition", type);
    struct node *properties;

    if (!definition)
        return -1;
    properties = resolve_properties(rendering, definition, node_get(component, "properties"));
    if (!properties)
        return -1;
    rendering->objects = render_template(rendering, definition, "template", properties);
    if (!rendering->objects)
        return -1;
    for (size_t i = 0; i < node_count(traits); i++)
        if (apply_trait(rendering, type, node_item(traits, i)) < 0)
            return -1;
    for (size_t i = 0; i < node_count(rendering->objects); i++)
        if (add_rendered_object(
                rendering, node_copy(rendering->arena, node_item(rendering->objects, i)), ret) < 0)
            return -1;
    return 0;
}

static int check_component_name(const char *name, struct err *err)
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
    struct meter own = {.limit = METER_ANSWER};

    ret->manifests = node_list(arena);
    ret->secrets = node_list(arena);
    for (size_t i = 0; i < node_count(components); i++) {
        const struct node *component = node_item(components, i);
        const char *name = node_get_text(component, "name");
        struct rendering rendering = {.arena = arena,
                                      .input = input,
                                      .err = err,
                                      .meter = input->meter ? input->meter : &own};

        if (check_component_name(name, err) < 0)
            return -1;
        rendering.what = arena_printf(arena, "component \"%s\"", name);
        rendering.meta = (struct component_meta){
            .input = input,
            .component = name,
            .name = (input->apart ? render_name_apart : render_name)(arena, input->aiworkload, name,
                                                                     RENDER_NAME),
            .phase = node_get_int(component, "deploymentPriority", 0),
        };
        if (render_component(&rendering, component, ret) < 0)
            return -1;
    }
    if (!node_count(ret->manifests) && !node_count(ret->secrets))
        return err_set(err, ERR_INVALID, "%s, so there is nothing to run",
                       node_count(components) ? "the templates of its components give no object"
                                              : "the profile has no components");
    return 0;
}
