/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the parts of a template and writes what they give. */
#include "gotemplate/exec.h"

/* The bound of output counts all that a run writes, what include returns too. */
static bool write_bytes(struct exec *exec, const char *bytes, size_t len)
{
    if (len > exec->out_limit || exec->out->len > exec->out_limit - len)
        return exec_fail(exec, "more than %zu bytes of output", exec->options->bounds.output);
    text_add_bytes(exec->out, bytes, len);
    return exec_spend(exec, len);
}

/* Strings, the common case, are written without printing. */
static bool write_action_value(struct exec *exec, struct value v)
{
    if (v.kind == KIND_STRING)
        return write_bytes(exec, v.string, v.len);
    if (v.kind == KIND_NIL)
        return write_bytes(exec, "<no value>", 10);
    if (!exec_weigh(exec, v, COST_PRINT))
        return false;
    exec->out->limit = exec->out_limit + 1;
    if (!print_value(exec->out, v) && !exec->out->over)
        return exec_fail(exec, "the value is nested too deep to print");
    exec->out->over = false;
    exec->out->limit = 0;
    return write_bytes(exec, "", 0);
}

/* ---- Frames ---- */

/* The array may move: pointers to frames are not kept over a push. */
static struct frame *frame_push(struct exec *exec, enum frame_type type, const struct part *list,
                                struct value dot, uint32_t mark)
{
    struct frame *frame;

    if (exec->frame_count == exec->frame_room) {
        exec->frame_room = exec->frame_room ? exec->frame_room * 2 : 16;
        exec->frames = mem_resize_array(exec->frames, exec->frame_room, sizeof *exec->frames);
    }
    frame = &exec->frames[exec->frame_count++];
    *frame = (struct frame){.type = type, .list = list, .dot = dot, .mark = mark};
    return frame;
}

/* Cuts the variables back; at the end of a template, returns to the one that called it. */
static void frame_pop(struct exec *exec)
{
    struct frame *frame = &exec->frames[--exec->frame_count];

    exec->variable_count = frame->mark;
    if (frame->type != FRAME_TEMPLATE)
        return;
    exec->tree = frame->tree;
    exec->node = frame->node;
    exec->base = frame->base;
    exec->depth--;
}

/* A template sees its own variables only; "$" is the dot it was given. */
static void enter_tree(struct exec *exec, const struct tree *tree, struct value dot)
{
    static const struct name dollar = {{"$", 1}, 0};
    struct frame *frame = frame_push(exec, FRAME_TEMPLATE, tree->root, dot, exec->variable_count);

    frame->tree = exec->tree;
    frame->node = exec->node;
    frame->base = exec->base;
    exec->depth++;
    exec->tree = tree;
    exec->node = tree->root;
    exec->base = exec->variable_count;
    variable_push(exec, &(struct name){dollar.text, str_hash(dollar.text)}, dot);
}

/* {{template}}: the depth is counted, not the stack, for frames are on the heap. */
static bool walk_template(struct exec *exec, struct value dot, const struct part *part)
{
    const struct tree *tree = scope_find(exec->scope, part->name);
    struct value passed = value_nil();
    unsigned most = exec->options->bounds.depth;

    if (!tree) {
        scoped_text struct text quoted = {0};

        literal_quote(&quoted, part->name, '"', false);
        return exec_fail(exec, "template %s not defined", text_string(&quoted));
    }
    if (exec->depth > most)
        return exec_fail(exec, "exceeded maximum template depth (%u)", most);
    if (part->pipe && !eval_pipeline(exec, dot, part->pipe, &passed))
        return false;
    enter_tree(exec, tree, passed);
    return true;
}

/* {{with}} makes its value the dot; its variables are known inside the lists only. */
static bool walk_branch(struct exec *exec, struct value dot, const struct part *part)
{
    uint32_t mark = exec->variable_count;
    struct value v;

    if (!eval_pipeline(exec, dot, part->pipe, &v))
        return false;
    if (value_true(v))
        frame_push(exec, FRAME_BODY, part->list, part->type == PART_WITH ? v : dot, mark);
    else if (part->otherwise)
        frame_push(exec, FRAME_BODY, part->otherwise, dot, mark);
    else
        exec->variable_count = mark;
    return true;
}

/* ---- Ranges ---- */

/* Two sentences of Go, one for each reason. */
static bool not_iterable(struct exec *exec, struct value v, const char *format)
{
    scoped_text struct text shown = {.limit = 1000};

    print_value(&shown, v);
    text_cut(&exec->words, 0);
    text_addf(&exec->words, "%s", format[0] == 'r' ? "range can't iterate over " : "can't use ");
    text_add(&exec->words, text_string(&shown));
    if (format[0] != 'r')
        text_add(&exec->words, " to iterate over more than one variable");
    return exec_fail_here(exec);
}

/* How many iterations; -1 when it cannot be iterated over (error set). */
static int64_t range_count(struct exec *exec, struct value v, uint32_t variables)
{
    switch (v.kind) {
    case KIND_NIL:
        return 0;
    case KIND_LIST:
        return list_len(v.list);
    case KIND_DICT:
        return dict_len(v.dict);
    case KIND_INT:
    case KIND_INT64:
    case KIND_UINT8:
    case KIND_DURATION:
    case KIND_MONTH:
    case KIND_WEEKDAY:
        if (variables > 1) {
            not_iterable(exec, v, "can't use");
            return -1;
        }
        return v.integer < 0 ? 0 : v.integer;
    default:
        not_iterable(exec, v, "range");
        return -1;
    }
}

/* Sets the variables of {{range $i, $x := …}} for one iteration; with "=" they are those
   outside. */
static bool range_variables(struct exec *exec, const struct part *pipe, struct value index,
                            struct value item)
{
    uint32_t count = pipe->variables.len;
    const struct name *first, *second;

    if (!count)
        return true;
    first = &pipe->variables.at[0]->names.at[0];
    second = &pipe->variables.at[count - 1]->names.at[0];
    if (pipe->truth) {
        return variable_set(exec, first, count > 1 ? index : item) &&
               (count < 2 || variable_set(exec, second, item));
    }
    exec->variables[exec->variable_count - 1].value = item;
    if (count > 1)
        exec->variables[exec->variable_count - 2].value = index;
    return true;
}

/* Sets up the next iteration of the range on top; false on failure. */
static bool range_step(struct exec *exec)
{
    struct frame *frame = &exec->frames[exec->frame_count - 1];
    struct value index = value_int(frame->next), item;

    exec->variable_count = frame->inner;
    if (frame->over.kind == KIND_LIST) {
        item = list_at(frame->over.list, (uint32_t)frame->next);
    } else if (frame->over.kind == KIND_DICT) {
        const struct dict_entry *entry = &frame->entries[frame->next];

        index = value_string(entry->key, entry->len);
        item = entry->value;
        item.any = frame->over.dict->element == ELEMENT_ANY;
    } else {
        item = frame->over;
        item.integer = frame->next;
        index = value_nil();
    }
    frame->next++;
    frame->at = 0;
    frame->dot = item;
    return exec_spend(exec, COST_ITERATION) &&
           range_variables(exec, frame->range->pipe, index, item);
}

/* The count is taken at the beginning, as in Go, whatever the body does to the value. */
static bool walk_range(struct exec *exec, struct value dot, const struct part *part)
{
    uint32_t mark = exec->variable_count;
    struct frame *frame;
    struct value over;
    int64_t count;

    if (!eval_pipeline(exec, dot, part->pipe, &over))
        return false;
    count = range_count(exec, over, part->pipe->variables.len);
    if (count < 0)
        return false;
    if (!count) {
        if (part->otherwise)
            frame_push(exec, FRAME_BODY, part->otherwise, dot, mark);
        else
            exec->variable_count = mark;
        return true;
    }
    frame = frame_push(exec, FRAME_RANGE, part->list, dot, mark);
    frame->range = part;
    frame->over = over;
    frame->count = count;
    frame->inner = exec->variable_count;
    if (over.kind == KIND_DICT) {
        size_t size = (size_t)count * sizeof(struct dict_entry);
        struct dict_entry *copy;

        if (!exec_spend(exec, (uint64_t)count * 32))
            return false;
        copy = arena_alloc(exec->arena, size);

        /* The template may change the dict while it is being walked. */
        memcpy(copy, dict_sort(over.dict), size);
        frame->entries = copy;
    }
    return range_step(exec);
}

/* Leaves the frames up to the innermost range, which then ends or goes on. */
static void walk_jump(struct exec *exec, enum part_type type)
{
    struct frame *frame;

    while (exec->frames[exec->frame_count - 1].type != FRAME_RANGE)
        frame_pop(exec);
    frame = &exec->frames[exec->frame_count - 1];
    frame->at = frame->list->parts.len;
    if (type == PART_BREAK)
        frame->next = frame->count;
}

/* ---- The walk ---- */

static bool walk_part(struct exec *exec, struct value dot, const struct part *part)
{
    struct value v;

    exec->node = part;
    if (!exec_spend(exec, COST_PART))
        return false;
    switch (part->type) {
    case PART_TEXT:
        return write_bytes(exec, part->text.at, part->text.len);
    case PART_ACTION:
        if (!eval_pipeline(exec, dot, part->pipe, &v))
            return false;
        exec->node = part;
        return part->pipe->variables.len || write_action_value(exec, v);
    case PART_IF:
    case PART_WITH:
        return walk_branch(exec, dot, part);
    case PART_RANGE:
        return walk_range(exec, dot, part);
    case PART_TEMPLATE:
        return walk_template(exec, dot, part);
    default:
        walk_jump(exec, part->type);
        return true;
    }
}

/* One loop instead of recursion, so that templates can be nested 100,000 deep as Go allows. */
static bool walk_until(struct exec *exec, size_t floor)
{
    while (exec->frame_count > floor) {
        struct frame *frame = &exec->frames[exec->frame_count - 1];

        if (frame->at < frame->list->parts.len) {
            const struct part *part = frame->list->parts.at[frame->at++];

            if (!walk_part(exec, frame->dot, part))
                return false;
        } else if (frame->type == FRAME_RANGE && frame->next < frame->count) {
            if (!range_step(exec))
                return false;
        } else {
            frame_pop(exec);
        }
    }
    return true;
}

bool exec_tree(struct exec *exec, const struct tree *tree, struct value dot)
{
    size_t floor = exec->frame_count;
    unsigned depth = exec->depth;
    bool fine;

    /* Each execution counts its own depth, as in Go. */
    exec->depth = 0;
    enter_tree(exec, tree, dot);
    fine = walk_until(exec, floor);
    exec->depth = depth;
    return fine;
}
