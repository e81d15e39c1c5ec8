/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the value of a pipeline: fields, variables, literals and calls. */
#include "gotemplate/exec.h"

#include <stdarg.h>

static bool eval_argument(struct exec *exec, struct value dot, char type, const struct part *part,
                          struct value *ret);
static bool eval_command(struct exec *exec, struct value dot, const struct part *command,
                         const struct value *final, struct value *ret);

/* What Go's reflect knows of a value: inside an interface it is the interface's type. */
static const char *static_type(struct value v)
{
    return v.any ? "interface {}" : value_type(v);
}

/* ---- Types of parameters ---- */

/* The type of a parameter by its letter in a row of functions (function.h). */
static const char *type_name(char type)
{
    switch (type) {
    case 's':
        return "string";
    case 'i':
        return "int";
    case 'I':
        return "int64";
    case 'f':
        return "float64";
    case 'b':
        return "bool";
    case 'd':
        return "map[string]interface {}";
    case 'l':
        return "[]interface {}";
    case 't':
        return "time.Time";
    case 'V':
        return "*semver.Version";
    case 'v':
        return "reflect.Value";
    default:
        return "interface {}";
    }
}

/* Go converts nothing here: an int is no int64. */
static bool is_assignable(struct value v, char type)
{
    switch (type) {
    case 's':
        return v.kind == KIND_STRING;
    case 'i':
        return v.kind == KIND_INT;
    case 'I':
        return v.kind == KIND_INT64;
    case 'f':
        return v.kind == KIND_FLOAT;
    case 'b':
        return v.kind == KIND_BOOL;
    case 'd':
        return v.kind == KIND_DICT && v.dict->element == ELEMENT_ANY;
    case 'l':
        return v.kind == KIND_LIST && v.list->element == ELEMENT_ANY;
    case 't':
        return v.kind == KIND_TIME;
    case 'V':
        return v.kind == KIND_SEMVER;
    default:
        return true;
    }
}

/* The zero value of a type that can be nil; false if it cannot. */
static bool nil_of(struct exec *exec, char type, struct value *ret)
{
    switch (type) {
    case 'a':
    case 'v':
        *ret = value_nil();
        return true;
    case 'd':
        *ret = value_dict(dict_new(&exec->heap, ELEMENT_ANY));
        ret->dict->nil = true;
        return true;
    case 'l':
        *ret = value_list(list_new(&exec->heap, ELEMENT_ANY));
        ret->list->nil = true;
        return true;
    default:
        return false;
    }
}

/* Makes a value fit a parameter, or says why it cannot. */
static bool fit_parameter(struct exec *exec, struct value v, char type, struct value *ret)
{
    if (type == 'v' || !type) {
        *ret = v;
        return true;
    }
    if (type == 'a') {
        *ret = v;
        ret->any = false;
        return true;
    }
    if (v.kind == KIND_NIL && !v.any) {
        if (nil_of(exec, type, ret))
            return true;
        return exec_fail(exec, "invalid value; expected %s", type_name(type));
    }
    if (is_assignable(v, type)) {
        *ret = v;
        ret->any = false;
        return true;
    }
    if (v.kind != KIND_NIL)
        v.any = false;
    return exec_fail(exec, "wrong type for value; expected %s; got %s", type_name(type),
                     static_type(v));
}

/* ---- Literals ---- */

/* The type of a constant follows from its spelling, as in Go: a point, an exponent, an i. */
static bool eval_constant(struct exec *exec, const struct part *part, struct value *ret)
{
    const struct literal_number *number = part->number;
    struct str text = part->spelt;
    bool hex = text.len > 2 && text.at[0] == '0' && (text.at[1] | 0x20) == 'x' &&
               !memchr(text.at, 'p', text.len) && !memchr(text.at, 'P', text.len);
    bool looks_float = false;

    for (size_t i = 0; i < text.len; i++)
        looks_float = looks_float || strchr(".eEpP", text.at[i]);
    if (number->is_complex)
        *ret = (struct value){.kind = KIND_COMPLEX, .complex = number->complex};
    else if (number->is_float && !hex && text.at[0] != '\'' && looks_float)
        *ret = value_float(number->number);
    else if (number->is_int)
        *ret = value_int(number->integer);
    else
        return exec_fail(exec, "%.*s overflows int", (int)text.len, text.at);
    return true;
}

/* A constant, string or boolean where any type will do. */
static bool eval_literal(struct exec *exec, const struct part *part, struct value *ret)
{
    if (part->type == PART_NUMBER)
        return eval_constant(exec, part, ret);
    *ret = part->type == PART_BOOL ? value_bool(part->truth) : value_of_str(part->value);
    return true;
}

/* A literal where a parameter has a type of its own. */
static bool eval_typed_literal(struct exec *exec, char type, const struct part *part,
                               struct value *ret)
{
    const struct literal_number *number = part->type == PART_NUMBER ? part->number : NULL;
    scoped_text struct text shown = {0};
    const char *wanted = NULL;

    switch (type) {
    case 's':
        if (part->type == PART_STRING)
            return eval_literal(exec, part, ret);
        wanted = "string";
        break;
    case 'b':
        if (part->type == PART_BOOL)
            return eval_literal(exec, part, ret);
        wanted = "bool";
        break;
    case 'i':
    case 'I':
        if (number && number->is_int) {
            *ret = type == 'i' ? value_int(number->integer) : value_int64(number->integer);
            return true;
        }
        wanted = "integer";
        break;
    case 'f':
        if (number && number->is_float) {
            *ret = value_float(number->number);
            return true;
        }
        wanted = "float";
        break;
    default:
        break;
    }
    part_print(&shown, part);
    if (wanted)
        return exec_fail(exec, "expected %s; found %s", wanted, text_string(&shown));
    return exec_fail(exec, "can't handle %s for arg of type %s", text_string(&shown),
                     type_name(type));
}

/* ---- Calls ---- */

/* Parameter i of a function, the last again and again if it is variadic. */
static char parameter_type(const char *takes, size_t fixed, size_t i)
{
    return takes[i < fixed ? i : fixed];
}

/* Words count what is written, `given` also what a pipe brings. */
static bool count_fits(struct exec *exec, struct str name, size_t words, size_t given, size_t fixed,
                       bool variadic)
{
    if (variadic ? given >= fixed : given == fixed)
        return true;
    if (variadic)
        return exec_fail(exec,
                         "wrong number of args for %.*s: want at least %zu got "
                         "%zu",
                         (int)name.len, name.at, fixed, words);
    return exec_fail(exec, "wrong number of args for %.*s: want %zu got %zu", (int)name.len,
                     name.at, fixed, given);
}

/* `and` and `or` leave the words unread that do not matter any more. */
static bool short_circuit(struct exec *exec, struct value dot, bool stops_at,
                          const struct part *const *words, size_t count, const struct value *final,
                          struct value *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (!exec_spend(exec, COST_COMMAND) || !eval_argument(exec, dot, 'v', words[i], ret))
            return false;
        if (value_true(*ret) == stops_at)
            return true;
    }
    if (final)
        *ret = *final;
    return true;
}

/* `call` wants a function as a value, and there are none. */
static bool call_nothing(struct exec *exec, const struct part *const *words, size_t count,
                         struct value callee)
{
    scoped_text struct text name = {0};

    if (callee.kind == KIND_NIL) {
        text_cut(&exec->words, 0);
        text_add(&exec->words, "call of nil");
        return false;
    }
    if (count)
        part_print(&name, words[0]);
    else if (callee.kind == KIND_STRING)
        text_add_bytes(&name, callee.string, callee.len);
    else
        text_addf(&name, "<%s Value>", value_type(callee));
    text_cut(&exec->words, 0);
    text_addf(&exec->words, "non-function %s of type %s", text_string(&name), value_type(callee));
    return false;
}

/* Puts "error calling f: " before the words of a function. */
static bool call_failed(struct exec *exec, const struct part *node, struct str name)
{
    scoped_text struct text why = exec->words;

    exec->words = (struct text){0};
    exec->node = node;
    text_addf(&exec->words, "error calling %.*s: ", (int)name.len, name.at);
    text_add(&exec->words, text_string(&why));
    return exec_fail_here(exec);
}

/* What a function that moves items or reads one key looks at. */
static uint64_t flat_size(struct value v, int cost)
{
    bool items = cost == COST_ITEMS;

    if (v.kind == KIND_STRING)
        return cost == COST_NONE ? 0 : v.len;
    if (items && v.kind == KIND_LIST)
        return (uint64_t)list_len(v.list) * 32;
    if (items && v.kind == KIND_DICT)
        return (uint64_t)dict_len(v.dict) * 64;
    return 0;
}

/* Before a function begins: for everything that it may look at. */
static bool pay_call(struct exec *exec, const struct function *function, const struct part *node,
                     const struct value *args, size_t count)
{
    uint64_t each = function->cost == COST_DEAR ? COST_UNKNOWN
                    : function->cost > 0        ? (uint64_t)function->cost
                                                : 0;
    struct meter *meter = exec->meter;

    meter_spend(meter, COST_CALL + count * COST_ARGUMENT);
    for (size_t i = 0; i < count && !meter_over(meter); i++) {
        if (each)
            meter_spend(meter, value_size(args[i], meter_left(meter) / each) * each);
        else
            meter_spend(meter, flat_size(args[i], function->cost));
    }
    if (!meter_over(meter) && arena_used(exec->arena) <= exec->options->bounds.memory)
        return true;
    exec->node = node;
    return exec_over(exec);
}

static bool run_function(struct exec *exec, const struct function *function,
                         const struct part *node, struct value *args, size_t count,
                         struct value *ret)
{
    struct call call = {.exec = exec,
                        .heap = &exec->heap,
                        .arena = exec->arena,
                        .args = args,
                        .count = count,
                        .function = function};
    size_t used;

    if (!pay_call(exec, function, node, args, count))
        return false;
    used = arena_used(exec->arena);
    if (!function->run(&call))
        return call_failed(exec, node, str_of(function->name));
    if (!exec_spend(exec, (arena_used(exec->arena) - used)))
        return false;
    *ret = call.ret;
    if (function->gives != 'v')
        ret->any = function->gives == 'a';
    return true;
}

/*
 * Calls a function or method. `words` are the command's words after the name;
 * `receiver` goes before them, `final` (what a pipe brings) after them.
 */
static bool eval_function_call(struct exec *exec, struct value dot, const struct function *function,
                               const struct part *node, const struct value *receiver,
                               const struct part *const *words, size_t count,
                               const struct value *final, struct value *ret)
{
    size_t skip = receiver ? 1 : 0;
    const char *takes = function->takes + skip;
    size_t letters = strlen(takes);
    bool variadic = letters && takes[letters - 1] == '*';
    size_t fixed = variadic ? letters - 2 : letters;
    size_t given = count + (final ? 1 : 0);
    struct value few[6], *args = few;
    struct str name = str_of(function->name);

    if (!count_fits(exec, name, count, given, fixed, variadic))
        return false;
    if (function->gives == '&' || function->gives == '|')
        return short_circuit(exec, dot, function->gives == '|', words, count, final, ret);
    if (given + skip > count_of(few))
        args = arena_alloc(exec->arena, (given + skip) * sizeof *args);
    if (receiver)
        args[0] = *receiver;
    for (size_t i = 0; i < count; i++) {
        if (!eval_argument(exec, dot, parameter_type(takes, fixed, i), words[i], &args[skip + i]))
            return false;
    }
    if (final &&
        !fit_parameter(exec, *final, parameter_type(takes, fixed, count), &args[skip + count]))
        return false;
    if (function->gives == '(')
        return call_nothing(exec, words, count, args[0]) || call_failed(exec, node, name);
    return run_function(exec, function, node, args, given + skip, ret);
}

/* ---- Fields ---- */

/* What Go's option missingkey says about a map without the key. */
static bool missing_key(struct exec *exec, struct dict *dict, struct str name, struct value *ret)
{
    scoped_text struct text quoted = {0};

    switch (exec->options->missing) {
    case TEMPLATE_MISSING_DEFAULT:
        *ret = value_nil();
        return true;
    case TEMPLATE_MISSING_ZERO:
        *ret = dict->element == ELEMENT_STRING ? value_string("", 0) : value_nil();
        ret->any = dict->element == ELEMENT_ANY;
        return true;
    default:
        literal_quote(&quoted, name, '"', false);
        return exec_fail(exec, "map has no entry for key %s", text_string(&quoted));
    }
}

/* A field of nil data is nil, unless missing keys are errors. */
static bool field_of_nothing(struct exec *exec, struct str name, struct value *ret)
{
    scoped_text struct text quoted = {0};

    *ret = value_nil();
    if (exec->options->missing != TEMPLATE_MISSING_ERROR)
        return true;
    literal_quote(&quoted, name, '"', false);
    return exec_fail(exec, "nil data; no entry for key %s", text_string(&quoted));
}

/* Keys of maps are fields; they take no arguments. */
static bool field_of_dict(struct exec *exec, const struct name *name, struct dict *dict,
                          bool has_args, struct value *ret)
{
    struct value *found;

    if (has_args)
        return exec_fail(exec, "%.*s is not a method but has arguments", (int)name->text.len,
                         name->text.at);
    found = dict_find(dict, name->text, name->hash);
    if (!found)
        return missing_key(exec, dict, name->text, ret);
    *ret = *found;
    ret->any = dict->element == ELEMENT_ANY;
    return true;
}

/* A field of a map or a method of a value, in the order in which Go looks for them. */
static bool eval_field(struct exec *exec, struct value dot, const struct name *name,
                       const struct part *node, const struct parts *words,
                       const struct value *final, struct value receiver, struct value *ret)
{
    bool has_args = (words && words->len > 1) || final;
    const struct function *method;

    if (receiver.kind == KIND_NIL && !receiver.any)
        return field_of_nothing(exec, name->text, ret);
    if (receiver.kind == KIND_DICT)
        return field_of_dict(exec, name, receiver.dict, has_args, ret);
    if (receiver.kind == KIND_NIL)
        return exec_fail(exec, "nil pointer evaluating interface {}.%.*s", (int)name->text.len,
                         name->text.at);
    method = method_find(exec->options->library, receiver, name->text);
    if (method) {
        bool some = words && words->len > 1;

        return eval_function_call(exec, dot, method, node, &receiver,
                                  some ? (const struct part *const *)words->at + 1 : NULL,
                                  some ? words->len - 1 : 0, final, ret);
    }
    return exec_fail(exec, "can't evaluate field %.*s in type %s", (int)name->text.len,
                     name->text.at, static_type(receiver));
}

/* Goes down through the names; only the last may be a method with arguments. */
static bool eval_fields(struct exec *exec, struct value dot, struct value receiver,
                        const struct part *node, const struct name *names, uint32_t count,
                        const struct parts *words, const struct value *final, struct value *ret)
{
    meter_spend(exec->meter, (uint64_t)count * COST_COMMAND);
    for (uint32_t i = 0; i + 1 < count; i++) {
        if (!eval_field(exec, dot, &names[i], node, NULL, NULL, receiver, &receiver))
            return false;
    }
    return eval_field(exec, dot, &names[count - 1], node, words, final, receiver, ret);
}

/* Only functions and methods can be given arguments, also by a pipe. */
static bool not_a_function(struct exec *exec, const struct parts *words, const struct value *final)
{
    scoped_text struct text shown = {0};

    if (!words || (words->len <= 1 && !final))
        return true;
    part_print(&shown, words->at[0]);
    return exec_fail(exec, "can't give argument to non-function %s", text_string(&shown));
}

/* "(pipeline).field". */
static bool eval_chain(struct exec *exec, struct value dot, const struct part *chain,
                       const struct parts *words, const struct value *final, struct value *ret)
{
    struct value inner;

    exec->node = chain;
    if (!eval_argument(exec, dot, '\0', chain->inner, &inner))
        return false;
    return eval_fields(exec, dot, inner, chain, chain->names.at, chain->names.len, words, final,
                       ret);
}

/* "$x" or "$x.field". */
static bool eval_variable(struct exec *exec, struct value dot, const struct part *part,
                          const struct parts *words, const struct value *final, struct value *ret)
{
    struct value v;

    exec->node = part;
    if (!variable_get(exec, &part->names.at[0], &v))
        return false;
    if (part->names.len == 1) {
        *ret = v;
        return not_a_function(exec, words, final);
    }
    return eval_fields(exec, dot, v, part, part->names.at + 1, part->names.len - 1, words, final,
                       ret);
}

/* ".field", of the dot. */
static bool eval_field_part(struct exec *exec, struct value dot, const struct part *part,
                            const struct parts *words, const struct value *final, struct value *ret)
{
    exec->node = part;
    return eval_fields(exec, dot, dot, part, part->names.at, part->names.len, words, final, ret);
}

/* The parser has found the function already. */
static bool eval_function(struct exec *exec, struct value dot, const struct part *part,
                          const struct part *node, const struct parts *words,
                          const struct value *final, struct value *ret)
{
    bool some = words && words->len > 1;

    exec->node = part;
    return eval_function_call(exec, dot, part->function, node, NULL,
                              some ? (const struct part *const *)words->at + 1 : NULL,
                              some ? words->len - 1 : 0, final, ret);
}

/* ---- Arguments, commands, pipelines ---- */

/* A word of a command as a parameter of the type. It may hold a pipeline in parentheses, so
   this recurses; exec_stack_fine() bounds how deep. */
static bool eval_argument(struct exec *exec, struct value dot, char type, const struct part *part,
                          struct value *ret)
{
    struct value v;
    bool fine;

    exec->node = part;
    switch (part->type) {
    case PART_DOT:
        return fit_parameter(exec, dot, type, ret);
    case PART_NIL:
        return nil_of(exec, type ? type : 'a', ret) ||
               exec_fail(exec, "cannot assign nil to %s", type_name(type));
    case PART_FIELD:
        fine = eval_field_part(exec, dot, part, NULL, NULL, &v);
        break;
    case PART_VARIABLE:
        fine = eval_variable(exec, dot, part, NULL, NULL, &v);
        break;
    case PART_PIPE:
        fine = eval_pipeline(exec, dot, part, &v);
        break;
    case PART_IDENTIFIER:
        fine = eval_function(exec, dot, part, part, NULL, NULL, &v);
        break;
    case PART_CHAIN:
        fine = eval_chain(exec, dot, part, NULL, NULL, &v);
        break;
    default:
        if (type == 'a' || type == 'v' || !type)
            return eval_literal(exec, part, ret);
        return eval_typed_literal(exec, type, part, ret);
    }
    return fine && fit_parameter(exec, v, type, ret);
}

/* The first word decides what the others are. */
static bool eval_command(struct exec *exec, struct value dot, const struct part *command,
                         const struct value *final, struct value *ret)
{
    const struct parts *words = &command->parts;
    const struct part *first = words->at[0];

    switch (first->type) {
    case PART_FIELD:
        return eval_field_part(exec, dot, first, words, final, ret);
    case PART_CHAIN:
        return eval_chain(exec, dot, first, words, final, ret);
    case PART_IDENTIFIER:
        return eval_function(exec, dot, first, command, words, final, ret);
    case PART_PIPE:
        return not_a_function(exec, words, final) && eval_pipeline(exec, dot, first, ret);
    case PART_VARIABLE:
        return eval_variable(exec, dot, first, words, final, ret);
    default:
        break;
    }
    exec->node = first;
    if (!not_a_function(exec, words, final))
        return false;
    if (first->type == PART_DOT) {
        *ret = dot;
        return true;
    }
    if (first->type == PART_NIL)
        return exec_fail(exec, "nil is not a command");
    return eval_literal(exec, first, ret);
}

/* Each command gives its value to the next as last argument. The static type is lost on the
   way, as in Go. */
bool eval_pipeline(struct exec *exec, struct value dot, const struct part *pipe, struct value *ret)
{
    struct value v = value_nil();

    exec->node = pipe;
    if (!exec_stack_fine(exec))
        return false;
    for (uint32_t i = 0; i < pipe->commands.len; i++) {
        struct value result;

        if (!exec_spend(exec, COST_COMMAND) ||
            !eval_command(exec, dot, pipe->commands.at[i], i ? &v : NULL, &result))
            return false;
        result.any = false;
        v = result;
    }
    for (uint32_t i = 0; i < pipe->variables.len; i++) {
        const struct name *name = &pipe->variables.at[i]->names.at[0];

        if (!pipe->truth)
            variable_push(exec, name, v);
        else if (!variable_set(exec, name, v))
            return false;
    }
    *ret = v;
    return true;
}
