/* SPDX-License-Identifier: Apache-2.0 */
/* Matches objects against selectors, and prints selectors. */
#include "query/internal.h"

#include <stdlib.h>
#include <string.h>

/* Doubles the room; the old array stays in the arena, which is freed as a whole. */
struct requirement *selector_add(struct arena *arena, struct selector *selector)
{
    if (selector->count == selector->room) {
        size_t room = selector->room ? selector->room * 2 : 4;
        struct requirement *all = arena_alloc(arena, room * sizeof *all);

        if (selector->count)
            memcpy(all, selector->requirements, selector->count * sizeof *all);
        selector->requirements = all;
        selector->room = room;
    }
    return &selector->requirements[selector->count++];
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void requirement_settle(struct requirement *r)
{
    size_t kept = 0;

    if (!r->count)
        return;
    qsort(r->values, r->count, sizeof *r->values, compare_words);
    for (size_t i = 0; i < r->count; i++)
        if (!kept || strcmp(r->values[kept - 1], r->values[i]) != 0)
            r->values[kept++] = r->values[i];
    r->count = kept;
}

/* "<nil>" is the field path that apimachinery prints for a selector in a query. */
static const char *check_label_key(struct text *said, const char *key)
{
    char why[NAME_WHY];

    if (!name_is_qualified(key, why))
        text_addf(said, "<nil>: Invalid value: \"%s\": %s", key, why);
    return text_string(said);
}

int requirement_check(struct requirement *r, bool empty_is_fine, struct err *err)
{
    scoped_text struct text said = {0};
    char why[NAME_WHY];
    size_t wrong = 0;

    if (*check_label_key(&said, r->key))
        return err_set(err, ERR_BAD_REQUEST, "%s", text_string(&said));
    if (!empty_is_fine && r->kind <= REQUIRE_NOT_IN && !r->count)
        return err_set(err, ERR_BAD_REQUEST,
                       "values: Invalid value: []: for 'in', 'notin' operators, "
                       "values set can't be empty");
    if ((r->kind == REQUIRE_GREATER || r->kind == REQUIRE_LESS) &&
        !text_to_int(r->values[0], &r->bound)) {
        text_addf(&said,
                  "values[0]: Invalid value: \"%s\": for 'Gt', 'Lt' "
                  "operators, the value must be an integer",
                  r->values[0]);
        wrong++;
    }
    for (size_t i = 0; i < r->count; i++) {
        if (name_is_label_value(r->values[i], why))
            continue;
        text_addf(&said, "%svalues[%zu][%s]: Invalid value: \"%s\": %s", wrong++ ? ", " : "", i,
                  r->key, r->values[i], why);
    }
    if (!wrong)
        return 0;
    return err_set(err, ERR_BAD_REQUEST, "%s%s%s", wrong > 1 ? "[" : "", text_string(&said),
                   wrong > 1 ? "]" : "");
}

/* ---- Matching ----------------------------------------------------------- */

static bool is_among_values(const struct requirement *r, const char *value)
{
    return r->count && bsearch(&value, r->values, r->count, sizeof *r->values, compare_words);
}

/* `value` is NULL if the object has no such label. `notin` and `!=` hold then, as
   the Kubernetes API defines them. */
static bool requirement_holds(const struct requirement *r, const char *value)
{
    long long number;

    switch (r->kind) {
    case REQUIRE_IN:
        return value && is_among_values(r, value);
    case REQUIRE_NOT_IN:
        return !value || !is_among_values(r, value);
    case REQUIRE_EXISTS:
        return value;
    case REQUIRE_MISSING:
        return !value;
    case REQUIRE_GREATER:
        return value && text_to_int(value, &number) && number > r->bound;
    case REQUIRE_LESS:
        return value && text_to_int(value, &number) && number < r->bound;
    }
    return false;
}

/* All requirements must hold. */
bool selector_matches_labels(const struct selector *selector, const struct node *labels)
{
    if (!selector)
        return true;
    if (selector->nothing)
        return false;
    for (size_t i = 0; i < selector->count; i++) {
        const struct requirement *r = &selector->requirements[i];
        const struct node *value = node_get(labels, r->key);

        if (!requirement_holds(r, node_is(value, NODE_STRING) ? value->string : NULL))
            return false;
    }
    return true;
}

/* Field selectors name plain paths of members, without indexes. */
static const struct node *field_at(const struct node *object, const char *path)
{
    char key[256];

    while (*path && object) {
        size_t len = strcspn(path, ".");

        if (len >= sizeof key)
            return NULL;
        memcpy(key, path, len);
        key[len] = '\0';
        object = node_get(object, key);
        path += len + (path[len] == '.');
    }
    return object;
}

static bool field_holds(const struct requirement *r, const struct node *object)
{
    const struct node *value = field_at(object, r->key);
    scoped_text struct text text = {0};

    if (node_is(value, NODE_STRING))
        return requirement_holds(r, value->string);
    if (node_is(value, NODE_INT) || node_is(value, NODE_FLOAT) || node_is(value, NODE_BOOL))
        document_write_json(&text, value);
    return requirement_holds(r, text_string(&text));
}

bool selector_matches(const struct selector *selector, const struct node *object)
{
    if (!selector || !selector->fields)
        return selector_matches_labels(selector, node_at(object, "metadata", "labels", NULL));
    for (size_t i = 0; i < selector->count; i++)
        if (!field_holds(&selector->requirements[i], object))
            return false;
    return true;
}

/* The part of the key that a field path names, or NULL. */
static const char *key_field(const char *path, const char *namespace, const char *name)
{
    if (!strcmp(path, "metadata.name"))
        return name;
    return strcmp(path, "metadata.namespace") ? NULL : namespace;
}

bool selector_matches_key(const struct selector *selector, const char *namespace, const char *name)
{
    for (size_t i = 0; i < selector->count; i++) {
        const struct requirement *r = &selector->requirements[i];
        const char *value = key_field(r->key, namespace, name);

        if (value && !requirement_holds(r, value))
            return false;
    }
    return true;
}

bool selector_is_of_key(const struct selector *selector)
{
    for (size_t i = 0; i < selector->count; i++)
        if (!key_field(selector->requirements[i].key, "", ""))
            return false;
    return true;
}

/* Lets the store look up one object instead of walking all. */
const char *selector_requires(const struct selector *selector, const char *field)
{
    for (size_t i = 0; selector && i < selector->count; i++) {
        const struct requirement *r = &selector->requirements[i];

        if (r->kind == REQUIRE_IN && r->count == 1 && !strcmp(r->key, field))
            return r->values[0];
    }
    return NULL;
}

struct selector *selector_copy(struct arena *arena, const struct selector *selector)
{
    struct selector *copy;

    if (!selector)
        return NULL;
    copy = arena_alloc(arena, sizeof *copy);
    copy->fields = selector->fields;
    copy->nothing = selector->nothing;
    for (size_t i = 0; i < selector->count; i++) {
        const struct requirement *from = &selector->requirements[i];
        struct requirement *to = selector_add(arena, copy);

        *to = *from;
        to->key = arena_string(arena, from->key);
        to->values = arena_alloc(arena, (from->count + 1) * sizeof *to->values);
        for (size_t j = 0; j < from->count; j++)
            to->values[j] = arena_string(arena, from->values[j]);
    }
    return copy;
}

/* ---- Text --------------------------------------------------------------- */

/* A set of one value is written with = or !=. */
static void add_requirement(struct text *out, const struct requirement *r)
{
    static const char *const words[] = {
        [REQUIRE_IN] = " in (", [REQUIRE_NOT_IN] = " notin (", [REQUIRE_EXISTS] = "",
        [REQUIRE_MISSING] = "", [REQUIRE_GREATER] = ">",       [REQUIRE_LESS] = "<",
    };
    bool list = r->kind <= REQUIRE_NOT_IN && r->count != 1;

    text_addf(out, "%s%s", r->kind == REQUIRE_MISSING ? "!" : "", r->key);
    if (r->kind <= REQUIRE_NOT_IN && !list)
        text_add(out, r->kind == REQUIRE_IN ? "=" : "!=");
    else
        text_add(out, words[r->kind]);
    for (size_t i = 0; i < r->count; i++)
        text_addf(out, "%s%s", i ? "," : "", r->values[i]);
    text_add(out, list ? ")" : "");
}

static int compare_requirements(const void *a, const void *b)
{
    return strcmp(((const struct requirement *)a)->key, ((const struct requirement *)b)->key);
}

char *selector_text(struct arena *arena, const struct selector *selector)
{
    struct selector *sorted = selector_copy(arena, selector);
    scoped_text struct text out = {0};

    if (sorted && sorted->count)
        qsort(sorted->requirements, sorted->count, sizeof *sorted->requirements,
              compare_requirements);
    for (size_t i = 0; sorted && i < sorted->count; i++) {
        text_add(&out, i ? "," : "");
        add_requirement(&out, &sorted->requirements[i]);
    }
    return arena_string(arena, text_string(&out));
}

/* ---- LabelSelector objects ---------------------------------------------- */

static int add_expression(struct arena *arena, struct selector *selector,
                          const struct node *expression, struct err *err)
{
    static const struct {
        const char *word;
        enum requirement_kind kind;
    } operators[] = {
        {"In", REQUIRE_IN},
        {"NotIn", REQUIRE_NOT_IN},
        {"Exists", REQUIRE_EXISTS},
        {"DoesNotExist", REQUIRE_MISSING},
    };
    const char *word = node_get_text(expression, "operator");
    const struct node *values = node_get(expression, "values");
    struct requirement *r = NULL;

    for (size_t i = 0; i < count_of(operators); i++)
        if (!strcmp(operators[i].word, word)) {
            r = selector_add(arena, selector);
            r->kind = operators[i].kind;
        }
    if (!r)
        return err_set(err, ERR_INVALID, "\"%s\" is not a valid label selector operator", word);
    r->key = arena_string(arena, node_get_text(expression, "key"));
    r->values = arena_alloc(arena, (node_count(values) + 1) * sizeof *r->values);
    for (size_t i = 0; i < node_count(values); i++)
        r->values[r->count++] = arena_string(arena, node_text(node_item(values, i)));
    if (r->kind > REQUIRE_NOT_IN && r->count)
        return err_set(err, ERR_INVALID,
                       "values: Invalid value: values set must be empty for "
                       "exists and does not exist");
    requirement_settle(r);
    /* An error in an object is Invalid; requirement_check() says BadRequest, for
       queries. */
    if (requirement_check(r, false, err) < 0) {
        if (err)
            err->code = ERR_INVALID;
        return -1;
    }
    return 0;
}

/* Kubernetes' LabelSelector: all labels and all expressions must hold. */
struct selector *selector_from_node(struct arena *arena, const struct node *label_selector,
                                    struct err *err)
{
    struct selector *selector = arena_alloc(arena, sizeof *selector);
    const struct node *list = node_get(label_selector, "matchExpressions");

    selector->nothing = !label_selector || label_selector->type == NODE_NULL;
    node_each(member, node_get(label_selector, "matchLabels"))
    {
        struct requirement *r = selector_add(arena, selector);

        r->key = arena_string(arena, member->key);
        r->values = arena_alloc(arena, sizeof *r->values);
        r->values[0] = arena_string(arena, node_text(member->value));
        r->count = 1;
        if (requirement_check(r, false, err) < 0) {
            if (err)
                err->code = ERR_INVALID;
            return NULL;
        }
    }
    for (size_t i = 0; i < node_count(list); i++)
        if (add_expression(arena, selector, node_item(list, i), err) < 0)
            return NULL;
    return selector;
}
