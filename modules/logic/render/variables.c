/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the value of each variable by its declarations and what the user set. */
#include "render/render.h"

#include "base/map.h"
#include "document/document.h"

#include <stdlib.h>
#include <string.h>

struct variable {
    const char *name;
    const char *type;
    const struct node *value;
    bool locked, required;
};

static bool has_variable_value(const struct node *value)
{
    return value && !node_is(value, NODE_NULL);
}

static bool text_is_number(const char *text, double *ret)
{
    char *end;

    *ret = strtod(text, &end);
    return *text && !*end;
}

/* The value as its type, or NULL. A text that means the same is taken, because a command
   line has only texts. */
static struct node *convert_to_type(struct arena *arena, const char *type, const struct node *value)
{
    const char *text = node_text(value);
    scoped_text struct text out = {0};
    long long integer;
    double number;

    if (!strcmp(type, "string")) {
        if (node_is(value, NODE_STRING))
            return node_copy(arena, value);
        if (node_is(value, NODE_LIST) || node_is(value, NODE_MAP))
            return NULL;
        document_write_json(&out, value);
        return node_string(arena, text_string(&out));
    }
    if (!strcmp(type, "bool")) {
        if (node_is(value, NODE_BOOL))
            return node_copy(arena, value);
        if (!strcmp(text, "true") || !strcmp(text, "false"))
            return node_bool(arena, *text == 't');
        return NULL;
    }
    if (!strcmp(type, "int")) {
        if (node_is(value, NODE_INT))
            return node_copy(arena, value);
        return text_to_int(text, &integer) ? node_int(arena, integer) : NULL;
    }
    if (node_is(value, NODE_INT) || node_is(value, NODE_FLOAT))
        return node_copy(arena, value);
    return text_is_number(text, &number) ? node_float(arena, number) : NULL;
}

static const char *read_variable_type(const struct node *declaration)
{
    const char *type = node_get_text(declaration, "type");

    return *type ? type : "string";
}

static int check_variable_type(const char *name, const char *type, struct err *err)
{
    static const char *const types[] = {"string", "bool", "int", "float"};

    for (size_t i = 0; i < count_of(types); i++)
        if (!strcmp(type, types[i]))
            return 0;
    return err_set(err, ERR_INVALID,
                   "variable \"%s\": type is \"%s\"; it must "
                   "be string, bool, int or float",
                   name, type);
}

static const struct node *read_default(const struct node *declaration)
{
    const struct node *value = node_get(declaration, "value");

    return has_variable_value(value) ? value : node_get(declaration, "default");
}

/* A later declaration changes the default of an earlier one of the same name, unless
   that is locked; the type stays the first one's. */
static int declare_variable(struct variable *all, size_t *count, struct map *by_name,
                            const struct node *declaration, struct err *err)
{
    const char *name = node_get_text(declaration, "name");
    const struct node *value = read_default(declaration);
    struct variable *v = map_get(by_name, name);

    if (!*name)
        return err_set(err, ERR_INVALID, "a variable has no name");
    if (check_variable_type(name, read_variable_type(declaration), err) < 0)
        return -1;
    if (!v) {
        v = &all[(*count)++];
        *v = (struct variable){.name = name, .type = read_variable_type(declaration)};
        map_put(by_name, name, v);
    }
    if (v->locked)
        return 0;
    if (has_variable_value(value))
        v->value = value;
    v->locked = node_get_bool(declaration, "locked", false);
    v->required |= node_get_bool(declaration, "required", false);
    return 0;
}

/* The user's value comes before the declared one, and may not differ from one that is
   locked. */
static int resolve_variable(struct arena *arena, const struct variable *v,
                            const struct node *values, struct node *into, struct err *err)
{
    const struct node *said = node_get(values, v->name);
    const struct node *value = has_variable_value(said) ? said : v->value;
    struct node *typed;

    if (v->locked && has_variable_value(said) && !node_same(said, v->value))
        return err_set(err, ERR_INVALID,
                       "variable \"%s\": is locked to %s; "
                       "leave it out",
                       v->name, v->value ? document_json(arena, v->value) : "null");
    if (!has_variable_value(value) && v->required)
        return err_set(err, ERR_INVALID,
                       "variable \"%s\": is required; set "
                       "spec.variables.%s",
                       v->name, v->name);
    if (!has_variable_value(value)) {
        node_set(arena, into, v->name, node_null(arena));
        return 0;
    }
    typed = convert_to_type(arena, v->type, value);
    if (!typed)
        return err_set(err, ERR_INVALID, "variable \"%s\": must be %s, is %s", v->name, v->type,
                       document_json(arena, value));
    node_set(arena, into, v->name, typed);
    return 0;
}

struct node *render_variables(struct arena *arena, const struct node *declared,
                              const struct node *values, struct err *err)
{
    size_t most = node_count(declared), count = 0;
    struct variable *all = arena_alloc(arena, (most + 1) * sizeof *all);
    scoped_map struct map *by_name = map_new();
    struct node *into = node_map(arena);

    for (size_t i = 0; i < most; i++)
        if (declare_variable(all, &count, by_name, node_item(declared, i), err) < 0)
            return NULL;
    for (size_t i = 0; i < count; i++)
        if (resolve_variable(arena, &all[i], values, into, err) < 0)
            return NULL;
    return into;
}

const char *render_variables_unknown(const struct node *declared, const struct node *values)
{
    scoped_map struct map *known = map_new();

    for (size_t i = 0; i < node_count(declared); i++)
        map_put(known, node_get_text(node_item(declared, i), "name"), known);
    node_each(member, values) if (!map_get(known, member->key)) return member->key;
    return NULL;
}
