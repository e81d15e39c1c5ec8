/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates a JSONPath and prints what it finds. */
#include "query/jsonpath.h"

#include "base/meter.h"

#include <string.h>

#define VALUES_MAX 100000
#define DEPTH_MAX 600

struct finding {
    struct arena *arena;
    bool allow_missing;
    size_t values;      /* found so far, anywhere */
    struct meter meter; /* for what is looked at and not found */
    unsigned depth;
    struct node *results;
    /* How many values client-go returns together with an error. A filter that
       tests whether a path exists, [?(@.x)], counts them as found. */
    size_t leftover;
    struct err *err;
};

static struct node *walk_step(struct finding *f, const struct step *step, struct node *input);

static struct node *refuse_result(struct finding *f, const char *what, const char *word)
{
    err_set(f->err, ERR_BAD_REQUEST, "%s%s", what, word);
    f->leftover = 0;
    return NULL;
}

/* An error for which client-go returns the input of the step as well. */
static struct node *refuse_input(struct finding *f, const struct node *input, const char *what,
                                 const char *word)
{
    refuse_result(f, what, word);
    f->leftover = input->len;
    return NULL;
}

/* Charges for values that are looked at. False at the limit; the caller returns. */
static bool count_visited(struct finding *f, size_t count)
{
    if (meter_spend(&f->meter, count * 40 + 100))
        return true;
    refuse_result(f, "JSONPath takes too much: more than ", METER_ANSWER_WORDS);
    return false;
}

/* Adds a result. False if there are too many; the caller returns. */
static bool keep_value(struct finding *f, struct node *out, struct node *value)
{
    if (++f->values > VALUES_MAX) {
        refuse_result(f, "JSONPath finds more than 100000 values", "");
        return false;
    }
    node_add(f->arena, out, value);
    return true;
}

static struct node *walk_list(struct finding *f, const struct step *list, struct node *input)
{
    if (++f->depth > DEPTH_MAX)
        return refuse_result(f, "JSONPath is nested too deeply", "");
    for (size_t i = 0; input && i < list->count; i++)
        input = walk_step(f, &list->steps[i], input);
    f->depth--;
    return input;
}

/* An item without the field is skipped. Only if no item has it is that an error. */
static struct node *walk_field(struct finding *f, const struct step *step, struct node *input)
{
    struct node *out = node_list(f->arena);

    for (size_t i = 0; i < input->len; i++) {
        struct node *value = node_get(input->items[i], step->text);

        if (value && !keep_value(f, out, value))
            return NULL;
    }
    if (input->len && !out->len && !f->allow_missing)
        return refuse_result(f, step->text, " is not found");
    return out;
}

/* The children of a string are its bytes: client-go treats it as a Go slice. */
static bool keep_bytes(struct finding *f, struct node *out, const struct node *string)
{
    for (size_t i = 0; i < string->len; i++)
        if (!keep_value(f, out, node_int(f->arena, (unsigned char)string->string[i])))
            return false;
    return true;
}

static struct node *walk_children(struct finding *f, struct node *input)
{
    struct node *out = node_list(f->arena);

    for (size_t i = 0; i < input->len; i++) {
        struct node *value = input->items[i];

        for (size_t j = 0; value->type == NODE_LIST && j < value->len; j++)
            if (!keep_value(f, out, value->items[j]))
                return NULL;
        node_each(member, value) if (!keep_value(f, out, member->value)) return NULL;
        if (value->type == NODE_STRING && !keep_bytes(f, out, value))
            return NULL;
    }
    return out;
}

/* Adds each list, map and string that is not empty, at any depth, outer ones
   first: what `..` finds. */
static bool descend(struct finding *f, struct node *value, struct node *out)
{
    bool holds =
        (value->type == NODE_LIST || value->type == NODE_MAP || value->type == NODE_STRING);

    if (!holds || !value->len)
        return true;
    if (!count_visited(f, value->len) || !keep_value(f, out, value) || ++f->depth > DEPTH_MAX)
        return false;
    for (size_t j = 0; value->type == NODE_LIST && j < value->len; j++)
        if (!descend(f, value->items[j], out))
            return false;
    node_each(member, value) if (!descend(f, member->value, out)) return false;
    f->depth--;
    return true;
}

static struct node *walk_recursive(struct finding *f, struct node *input)
{
    struct node *out = node_list(f->arena);

    for (size_t i = 0; i < input->len; i++)
        if (!descend(f, input->items[i], out))
            return NULL;
    return out;
}

/* ---- Slices ------------------------------------------------------------- */

/* Adds the items of a slice. An empty slice sets `ret_last`, because client-go
   returns there and ignores the lists that follow. */
static bool slice_one(struct finding *f, const struct step *step, const struct node *list,
                      struct node *out, bool *ret_last)
{
    long long len = (long long)list->len, step_by = 1;
    long long from = step->slice[0].known ? step->slice[0].value : 0;
    long long to = step->slice[1].known ? step->slice[1].value : len;

    if (from < 0)
        from += len;
    if (to < 0 || (to == 0 && step->slice[1].derived))
        to += len;
    *ret_last = from == to;
    if (from == to)
        return true;
    if (from >= len || from < 0 || to > len || to < 0)
        return refuse_result(f, "array index out of bounds: index ",
                             arena_printf(f->arena, "%lld, length %lld",
                                          from >= len || from < 0 ? from : to - 1, len));
    if (from > to)
        return refuse_result(f, "starting index is greater than ending index", "");
    if (step->slice[2].known)
        step_by = step->slice[2].value;
    if (step_by <= 0)
        return refuse_result(f, "step must be > 0", "");
    for (; from < to; from += step_by)
        if (!keep_value(f, out, list->items[from]))
            return false;
    return true;
}

static struct node *walk_slice(struct finding *f, const struct step *step, struct node *input)
{
    struct node *out = node_list(f->arena);
    bool last = false;

    for (size_t i = 0; i < input->len && !last; i++) {
        const struct node *value = input->items[i];

        if (value->type == NODE_NULL)
            continue;
        if (value->type != NODE_LIST)
            return refuse_input(f, input, node_type_name(value->type), " is not array or slice");
        if (!slice_one(f, step, value, out, &last)) {
            f->leftover = input->len;
            return NULL;
        }
    }
    return out;
}

/* ---- Filters ------------------------------------------------------------ */

/* Sets -1, 0 or 1. False if the types differ or have no order. */
static bool compare_scalars(const struct node *a, const struct node *b, int *ret)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case NODE_BOOL:
        *ret = (int)a->boolean - (int)b->boolean;
        return true;
    case NODE_INT:
        *ret = a->integer < b->integer ? -1 : a->integer > b->integer;
        return true;
    case NODE_FLOAT:
        *ret = a->number < b->number ? -1 : a->number > b->number;
        return true;
    case NODE_STRING:
        *ret = strcmp(a->string, b->string);
        return true;
    default:
        return false;
    }
}

static bool evaluate_comparison(struct finding *f, const char *sign, const struct node *a,
                                const struct node *b, bool *ret)
{
    int order;

    if (!compare_scalars(a, b, &order))
        return refuse_result(f, "incompatible types for comparison", "");
    if (!strcmp(sign, "=="))
        *ret = order == 0;
    else if (!strcmp(sign, "!="))
        *ret = order != 0;
    else if (!strcmp(sign, "<"))
        *ret = order < 0;
    else if (!strcmp(sign, "<="))
        *ret = order <= 0;
    else if (!strcmp(sign, ">"))
        *ret = order > 0;
    else if (!strcmp(sign, ">="))
        *ret = order >= 0;
    else
        return refuse_result(f, "unrecognized filter operator ", sign);
    if (a->type == NODE_BOOL && *sign != '=' && *sign != '!')
        return refuse_result(f, "invalid type for comparison", "");
    return true;
}

/* Returns 1 with one value, 0 without a value, -1 for an error. */
static int one_side(struct finding *f, const struct step *side, struct node *item,
                    struct node **ret)
{
    struct node *input = node_list(f->arena), *found;

    node_add(f->arena, input, item);
    found = walk_list(f, side, input);
    if (!found)
        return -1;
    if (found->len > 1) {
        refuse_result(f, "can only compare one element at a time", "");
        return -1;
    }
    *ret = node_item(found, 0);
    return found->len == 1;
}

/*
 * Whether the path finds anything in the item. An error means that it does not,
 * so it is kept out of f->err; `depth` is restored because an error leaves
 * walk_list() without counting down.
 */
static bool side_exists(struct finding *f, const struct step *side, struct node *item)
{
    struct err *outer = f->err, quiet = {0};
    struct node *input = node_list(f->arena), *found;
    unsigned depth = f->depth;

    node_add(f->arena, input, item);
    f->err = &quiet;
    found = walk_list(f, side, input);
    f->err = outer;
    f->depth = depth;
    return found ? found->len > 0 : f->leftover > 0;
}

static bool filter_item(struct finding *f, const struct step *step, struct node *item, bool *ret)
{
    struct node *left, *right;
    int sides;

    *ret = false;
    if (!strcmp(step->text, "exists")) {
        *ret = side_exists(f, &step->steps[0], item);
        return true;
    }
    sides = one_side(f, &step->steps[0], item, &left);
    if (sides == 1)
        sides = one_side(f, &step->steps[1], item, &right);
    return sides == 1 ? evaluate_comparison(f, step->text, left, right, ret) : sides == 0;
}

static struct node *walk_filter(struct finding *f, const struct step *step, struct node *input)
{
    struct node *out = node_list(f->arena);
    bool passes;

    for (size_t i = 0; i < input->len; i++) {
        struct node *list = input->items[i];

        if (list->type != NODE_LIST)
            return refuse_input(f, input, document_json(f->arena, list),
                                " is not array or slice and cannot be filtered");
        for (size_t j = 0; j < list->len; j++) {
            if (!count_visited(f, 4))
                return NULL;
            if (!filter_item(f, step, list->items[j], &passes)) {
                f->leftover = input->len;
                return NULL;
            }
            if (passes && !keep_value(f, out, list->items[j]))
                return NULL;
        }
    }
    return out;
}

/* ---- Steps -------------------------------------------------------------- */

/* The parts of a union are evaluated on the same input, and their results are joined. */
static struct node *walk_union(struct finding *f, const struct step *step, struct node *input)
{
    struct node *out = node_list(f->arena);

    for (size_t i = 0; i < step->count; i++) {
        struct node *found = walk_list(f, &step->steps[i], input);

        for (size_t j = 0; found && j < found->len; j++)
            if (!keep_value(f, out, found->items[j]))
                return NULL;
        if (!found) {
            f->leftover = input->len;
            return NULL;
        }
    }
    return out;
}

static struct node *walk_literal(struct finding *f, const struct step *step, struct node *input)
{
    struct node *out = node_list(f->arena);

    if (step->kind == STEP_TEXT) {
        node_add(f->arena, out, node_string(f->arena, step->text));
        return out;
    }
    for (size_t i = 0; i < input->len; i++)
        if (!keep_value(f, out, step->value))
            return NULL;
    return out;
}

static struct node *walk_step(struct finding *f, const struct step *step, struct node *input)
{
    switch (step->kind) {
    case STEP_TEXT:
    case STEP_NUMBER:
        return walk_literal(f, step, input);
    case STEP_LIST:
        return walk_list(f, step, input);
    case STEP_FIELD:
        return walk_field(f, step, input);
    case STEP_SLICE:
        return walk_slice(f, step, input);
    case STEP_FILTER:
        return walk_filter(f, step, input);
    case STEP_UNION:
        return walk_union(f, step, input);
    case STEP_WILDCARD:
        return walk_children(f, input);
    case STEP_RECURSIVE:
        return walk_recursive(f, input);
    case STEP_IDENTIFIER:
        /* find_steps() handles `range`; as a step it changes nothing. */
        if (!strcmp(step->text, "range"))
            return input;
        break;
    }
    return refuse_input(f, input, "unrecognized identifier ", step->text);
}

/* ---- Templates ---------------------------------------------------------- */

static bool step_has_word(const struct step *list, const char *word)
{
    for (size_t i = 0; list->kind == STEP_LIST && i < list->count; i++)
        if (list->steps[i].kind == STEP_IDENTIFIER && !strcmp(list->steps[i].text, word))
            return true;
    return false;
}

/* The position of the {end} that belongs to the range before `from`, `count` if
   there is none. Ranges may be nested. */
static size_t range_end(const struct step *root, size_t from, size_t count)
{
    unsigned open = 1;

    for (; from < count; from++) {
        if (step_has_word(&root->steps[from], "range"))
            open++;
        if (step_has_word(&root->steps[from], "end") && !--open)
            break;
    }
    return from;
}

static bool find_steps(struct finding *f, const struct step *root, size_t from, size_t to,
                       struct node *object);

/* Evaluates the body of a range that has no values, on null, so that a mistake in
   the body is reported in any case. Its results are dropped. */
static bool try_range(struct finding *f, const struct step *root, size_t from, size_t end)
{
    struct node *results = f->results;
    bool fine;

    f->results = node_list(f->arena);
    fine = find_steps(f, root, from, end, node_null(f->arena));
    f->results = results;
    return fine;
}

/* {range PATH} … {end}: evaluates the steps in between once for each value. */
static bool find_range(struct finding *f, const struct step *root, size_t from, size_t end,
                       struct node *input)
{
    struct node *found = walk_list(f, &root->steps[from], input);

    if (!found || ++f->depth > DEPTH_MAX)
        return false;
    for (size_t i = 0; i < found->len; i++)
        if (!find_steps(f, root, from + 1, end, found->items[i]))
            return false;
    if (!found->len && !try_range(f, root, from + 1, end))
        return false;
    f->depth--;
    return true;
}

static bool find_steps(struct finding *f, const struct step *root, size_t from, size_t to,
                       struct node *object)
{
    struct node *input = node_list(f->arena);

    node_add(f->arena, input, object);
    for (size_t i = from; i < to; i++) {
        struct node *found;

        if (step_has_word(&root->steps[i], "range")) {
            size_t end = range_end(root, i + 1, to);

            if (!find_range(f, root, i, end, input))
                return false;
            i = end;
            continue;
        }
        if (step_has_word(&root->steps[i], "end"))
            return refuse_result(f, "not in range, nothing to end", "");
        found = count_visited(f, node_count(input)) ? walk_step(f, &root->steps[i], input) : NULL;
        /* Literal text is counted too, because nested ranges multiply it. */
        if (!found || !keep_value(f, f->results, found))
            return false;
    }
    return true;
}

struct node *jsonpath_find(const struct jsonpath *path, struct arena *arena,
                           const struct node *object, bool allow_missing, struct err *err)
{
    struct finding f = {.arena = arena,
                        .allow_missing = allow_missing,
                        .results = node_list(arena),
                        .meter = {.limit = METER_ANSWER},
                        .err = err};

    /* The tree is only read. */
    if (!find_steps(&f, &path->root, 0, path->root.count, (struct node *)object))
        return NULL;
    return f.results;
}

void jsonpath_add_value(struct text *out, const struct node *value)
{
    if (value->type == NODE_STRING)
        text_add_bytes(out, value->string, value->len);
    else
        document_write_json(out, value);
}

int jsonpath_print(const struct jsonpath *path, struct arena *arena, const struct node *object,
                   bool allow_missing, struct text *out, struct err *err)
{
    const struct node *found = jsonpath_find(path, arena, object, allow_missing, err);
    struct meter meter = {.limit = METER_ANSWER};

    if (!found)
        return -1;
    for (size_t i = 0; i < found->len; i++)
        for (size_t j = 0; j < found->items[i]->len; j++) {
            if (!meter_spend(&meter,
                             node_weight(found->items[i]->items[j], meter_left(&meter)) * 2))
                return err_set(err, ERR_BAD_REQUEST,
                               "JSONPath prints too much: "
                               "more than " METER_ANSWER_WORDS);
            text_add(out, j ? " " : "");
            jsonpath_add_value(out, found->items[i]->items[j]);
        }
    return 0;
}
