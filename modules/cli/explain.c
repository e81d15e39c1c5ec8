/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axle explain [TYPE[.PROPERTY…]]: prints the types of components and traits, and their
 * properties.
 */
#include "cli/internal.h"

#include "base/nearest.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"

#include <stdio.h>
#include <string.h>

#define API "/apis/" META_API_AXLE "/"

const struct cli_help explain_help = {
    .words = "[TYPE[.PROPERTY…]]",
    .most = 1,
    .brief = "types of components, and their properties",
    .what =
        "Without a type: lists those that the hub knows. With one: its properties, with type, "
        "default and meaning; with a property: its contents. The schemas themselves: kubectl get "
        "ccompdef,ctraitdef -o yaml. kubectl explain does the same for the kinds of the API.",
    .takes = {{"project", "the types of this project and its tenant as well", NULL}, TAKES_HUB},
    .example = "axle explain webservice.volumeMounts",
    .ends = {{CLI_NOT_FOUND, "there is no such type or property"}, ENDS_OF_HUB},
};

/* Adds the definitions of one kind of a namespace, each as {name, is, description, schema}. */
static int append_definitions(struct cli_client *client, struct arena *arena, const char *namespace,
                              const char *plural, const char *is, struct node *all, struct err *err)
{
    const struct node *list =
        client_request(client, arena, "GET",
                       arena_printf(arena, API "%s%s%s%s", *namespace ? "namespaces/" : "",
                                    namespace, *namespace ? "/" : "", plural),
                       NULL, err);
    const struct node *items = node_get(list, "items");

    if (!list)
        return -1;
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *one = node_item(items, i), *spec = node_get(one, "spec");
        struct node *row = node_map(arena);

        node_set_text(arena, row, "name", meta_name(one));
        node_set_text(arena, row, "is", is);
        node_set_text(arena, row, "description", node_get_text(spec, "description"));
        if (node_get(spec, "schema"))
            node_set(arena, row, "schema", node_get(spec, "schema"));
        node_add(arena, all, row);
    }
    return 0;
}

/* Order of precedence: the project's definitions, the tenant's, the built-in ones. */
static struct node *fetch_definitions(const struct cli_flags *flags, struct arena *arena,
                                      struct err *err)
{
    scoped_client struct cli_client *client = client_open(flags, err);
    struct node *all = node_list(arena);
    const struct node *project = NULL;
    const char *namespaces[2] = {0};

    if (!client)
        return NULL;
    if (flags->project) {
        project = client_request(client, arena, "GET",
                                 arena_printf(arena, API "projects/%s", flags->project), NULL, err);
        if (!project)
            return NULL;
        namespaces[0] = flags->project;
        namespaces[1] =
            arena_printf(arena, "tenant-%s", node_get_text(node_get(project, "spec"), "tenant"));
    }
    for (size_t i = 0; i < count_of(namespaces) && namespaces[i]; i++)
        if (append_definitions(client, arena, namespaces[i], "componentdefinitions", "component",
                               all, err) < 0 ||
            append_definitions(client, arena, namespaces[i], "traitdefinitions", "trait", all,
                               err) < 0)
            return NULL;
    if (append_definitions(client, arena, "", "clustercomponentdefinitions", "component", all,
                           err) < 0 ||
        append_definitions(client, arena, "", "clustertraitdefinitions", "trait", all, err) < 0)
        return NULL;
    return cli_printable(arena, all);
}

static int print_type_list(const struct node *all)
{
    printf("%-20s %-10s %s\n", "TYPE", "IS A", "DESCRIPTION");
    for (size_t i = 0; i < node_count(all); i++)
        printf("%-20s %-10s %s\n", node_get_text(node_item(all, i), "name"),
               node_get_text(node_item(all, i), "is"),
               node_get_text(node_item(all, i), "description"));
    return CLI_OK;
}

/* ---- A schema in words ------------------------------------------------------------ */

/* The schema of a list's items or of a map's values; else the schema itself. */
static const struct node *element_schema(const struct node *schema)
{
    if (node_get(schema, "items"))
        return element_schema(node_get(schema, "items"));
    if (node_is(node_get(schema, "additionalProperties"), NODE_MAP) &&
        !node_get(schema, "properties"))
        return element_schema(node_get(schema, "additionalProperties"));
    return schema;
}

static void add_type(struct text *out, const struct node *schema)
{
    const char *type = node_get_text(schema, "type");

    if (node_get(schema, "items")) {
        text_add(out, "list of ");
        add_type(out, node_get(schema, "items"));
    } else if (node_is(node_get(schema, "additionalProperties"), NODE_MAP)) {
        text_add(out, "map of ");
        add_type(out, node_get(schema, "additionalProperties"));
    } else {
        text_add(out, *type                                                        ? type
                      : node_get_bool(schema, "x-kubernetes-int-or-string", false) ? "int or string"
                                                                                   : "any");
    }
}

static bool is_required(const struct node *schema, const char *name)
{
    const struct node *list = node_get(schema, "required");

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), name))
            return true;
    return false;
}

static void add_facts(struct arena *arena, struct text *out, const struct node *schema)
{
    const struct node *initial = node_get(schema, "default"), *choice = node_get(schema, "enum");

    for (size_t i = 0; i < node_count(choice); i++)
        text_addf(out, "%s%s", i ? ", " : " One of: ", document_json(arena, node_item(choice, i)));
    if (node_count(choice))
        text_add(out, ".");
    if (initial)
        text_addf(out, " Default: %s.", document_json(arena, initial));
}

static void print_members(struct arena *arena, const struct node *schema)
{
    node_each(member, node_get(schema, "properties"))
    {
        scoped_text struct text type = {0}, facts = {0};
        const struct node *below = node_get(element_schema(member->value), "properties");

        add_type(&type, member->value);
        add_facts(arena, &facts, member->value);
        printf("  %-20s %-16s %s%s%s", member->key, text_string(&type),
               is_required(schema, member->key) ? "Required. " : "",
               node_get_text(member->value, "description"), text_string(&facts));
        if (node_count(below) && below != node_get(schema, "properties")) {
            const char *comma = " Has: ";

            node_each(one, below)
            {
                printf("%s%s", comma, one->key);
                comma = ", ";
            }
            putchar('.');
        }
        putchar('\n');
    }
}

/*
 * The schema of the property at the path "a.b"; ERR_NOT_FOUND lists the properties that
 * exist.
 */
static const struct node *find_property_schema(const struct node *schema, char *path,
                                               const char *type, struct err *err)
{
    char *rest = path, *step;

    while ((step = strsep(&rest, "."))) {
        const struct node *members = node_get(element_schema(schema), "properties");
        struct nearest near = nearest_to(step);

        /* Error messages write the path as "volumeMounts.pvc[].name"; drop the "[]". */
        step[strcspn(step, "[")] = '\0';
        if (node_get(members, step)) {
            schema = node_get(members, step);
            continue;
        }
        node_each(member, members) nearest_try(&near, member->key);
        err_set(err, ERR_NOT_FOUND, "\"%s\" has no property \"%.100s\"%s%s%s", type, step,
                near.best ? "; did you mean " : "", near.best ? near.best : "",
                near.best ? "?" : "");
        return NULL;
    }
    return schema;
}

static const struct node *find_type(const struct node *all, const char *type, struct err *err)
{
    struct nearest near = nearest_to(type);

    for (size_t i = 0; i < node_count(all); i++) {
        if (!strcmp(node_get_text(node_item(all, i), "name"), type))
            return node_item(all, i);
        nearest_try(&near, node_get_text(node_item(all, i), "name"));
    }
    err_set(err, ERR_NOT_FOUND,
            "there is no type \"%.100s\"%s%s%s; axle explain lists them, with "
            "--project those of a project too",
            type, near.best ? ": did you mean " : "", near.best ? near.best : "",
            near.best ? "?" : "");
    return NULL;
}

static int print_type(struct arena *arena, const struct node *all, const char *word,
                      struct err *err)
{
    char *type = arena_string(arena, word), *path = strchr(type, '.');
    const struct node *definition, *schema;
    scoped_text struct text kind = {0};

    if (path)
        *path++ = '\0';
    definition = find_type(all, type, err);
    if (!definition)
        return -1;
    schema = node_get(definition, "schema");
    if (path) {
        schema = find_property_schema(schema, path, type, err);
        if (!schema)
            return -1;
    }
    if (path)
        add_type(&kind, schema);
    printf("%s (%s): %s\n", word, path ? text_string(&kind) : node_get_text(definition, "is"),
           node_get_text(path ? schema : definition, "description"));
    if (node_count(node_get(element_schema(schema), "properties")))
        putchar('\n');
    print_members(arena, element_schema(schema));
    return 0;
}

int explain_verb(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    const char *word =
        flags->word_count > flags->verb_words ? flags->words[flags->verb_words] : NULL;
    char why[NAME_WHY];
    struct err err = {0};
    const struct node *all;

    if (flags->project && !name_is_dns_label(flags->project, why))
        return cli_usage("explain: --project: \"%.100s\": %s", flags->project, why);
    all = fetch_definitions(flags, arena, &err);
    if (!all)
        return cli_fail(&err);
    if (!word)
        return print_type_list(all);
    return print_type(arena, all, word, &err) < 0 ? cli_fail(&err) : CLI_OK;
}
