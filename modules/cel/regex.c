/* SPDX-License-Identifier: Apache-2.0 */
/* matches(), find() and findAll(): RE2's everyday syntax in linear time. */
#include "cel/inside.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/*
 * The one seam of this module to regular expressions; a module of its own can
 * take the place of everything above the functions.
 *
 * An expression becomes a small program, and all ways through it are followed
 * at once, one character at a time, so time is bounded by program × text.
 * Understood: literals, `.`, classes with ranges and \d \w \s, groups (capturing
 * or not, none is handed out), `|`, `* + ? {n,m}` greedy or lazy, `^ $ \A \z \b
 * \B`, flags (?i) and (?s). Characters are bytes, but a class or `.` takes a
 * whole UTF-8 sequence. The rest is refused when the expression is read.
 */
enum op { OP_RUNE, OP_ANY, OP_CLASS, OP_SPLIT, OP_JUMP, OP_AT, OP_MATCH };

struct ranges {
    unsigned (*list)[2];
    size_t count;
    bool not;
};

struct step {
    enum op op;
    unsigned rune; /* or the letter of OP_AT */
    const struct ranges *ranges;
    size_t a, b; /* of OP_SPLIT the preferred way first; of OP_JUMP */
};

#define MOST_STEPS 4096
#define MOST_REPEATS 1000
#define DEEPEST 100

struct regex {
    struct arena *arena;
    const char *at;
    struct step *steps; /* owned */
    size_t count, room;
    unsigned depth;
    bool fold, dot_all;
    const char *wrong;
};

static int refuse(struct regex *regex, const char *why)
{
    if (!regex->wrong)
        regex->wrong = why;
    return -1;
}

static struct step *add(struct regex *regex, enum op op)
{
    static struct step spare; /* written to, never read */

    if (regex->count == MOST_STEPS) {
        refuse(regex, "the expression is too large");
        return &spare;
    }
    if (regex->count == regex->room) {
        regex->room = regex->room ? regex->room * 2 : 32;
        regex->steps =
            mem_resize_array(regex->steps, regex->room, sizeof *regex->steps);
    }
    regex->steps[regex->count] = (struct step){ .op = op };
    return &regex->steps[regex->count++];
}

static unsigned next_rune(const char **at)
{
    unsigned rune = (unsigned char)**at;
    size_t size = text_utf8_next((const unsigned char *)*at, strlen(*at), &rune);

    *at += size ? size : 1;
    return rune;
}

/* ---- Classes ----------------------------------------------------------- */

static void add_range(struct regex *regex, struct ranges *ranges, unsigned low,
                      unsigned high)
{
    unsigned(*grown)[2] = arena_alloc(
        regex->arena, (ranges->count + 1) * sizeof *ranges->list);

    if (ranges->count)
        memcpy(grown, ranges->list, ranges->count * sizeof *grown);
    grown[ranges->count][0] = low;
    grown[ranges->count][1] = high;
    ranges->list = grown;
    ranges->count++;
}

static bool add_perl(struct regex *regex, struct ranges *ranges, char letter)
{
    static const struct {
        char letter;
        const char *pairs;
    } perls[] = { { 'd', "09" }, { 'w', "09AZaz__" }, { 's', "\t\n\f\r  " } };

    for (size_t i = 0; i < count_of(perls); i++) {
        unsigned from = 0;

        if (perls[i].letter != tolower((unsigned char)letter))
            continue;
        for (const char *p = perls[i].pairs; *p; p += 2) {
            if (islower((unsigned char)letter))
                add_range(regex, ranges, (unsigned char)p[0],
                          (unsigned char)p[1]);
            else if ((unsigned char)p[0] > from)
                add_range(regex, ranges, from, (unsigned char)p[0] - 1u);
            from = (unsigned char)p[1] + 1u;
        }
        if (isupper((unsigned char)letter))
            add_range(regex, ranges, from, 0x10ffff);
        return true;
    }
    return false;
}

/* One escaped character; 0 when the escape is none of a character. */
static unsigned escaped_rune(const char **at)
{
    static const char plain[] = "n\nt\tr\rf\fv\va\a";
    char c = **at;

    for (size_t i = 0; i + 1 < sizeof plain; i += 2)
        if (plain[i] == c) {
            (*at)++;
            return (unsigned char)plain[i + 1];
        }
    if (!c || isalnum((unsigned char)c))
        return 0;
    return next_rune(at);
}

static int class_rune(struct regex *regex, unsigned *ret)
{
    if (!*regex->at)
        return refuse(regex, "missing closing ]");
    if (*regex->at != '\\') {
        *ret = next_rune(&regex->at);
        return 0;
    }
    regex->at++;
    *ret = escaped_rune(&regex->at);
    return *ret ? 0 : refuse(regex, "invalid escape sequence");
}

static int read_class(struct regex *regex)
{
    struct ranges *ranges = arena_alloc(regex->arena, sizeof *ranges);
    bool first = true;

    if (*regex->at == '^') {
        ranges->not = true;
        regex->at++;
    }
    for (; first || *regex->at != ']'; first = false) {
        unsigned low, high;

        if (regex->at[0] == '[' && regex->at[1] == ':')
            return refuse(regex, "named classes are not understood");
        if (regex->at[0] == '\\' && add_perl(regex, ranges, regex->at[1])) {
            regex->at += 2;
            continue;
        }
        if (class_rune(regex, &low) < 0)
            return -1;
        high = low;
        if (regex->at[0] == '-' && regex->at[1] && regex->at[1] != ']') {
            regex->at++;
            if (class_rune(regex, &high) < 0)
                return -1;
            if (high < low)
                return refuse(regex, "invalid character class range");
        }
        add_range(regex, ranges, low, high);
    }
    regex->at++;
    add(regex, OP_CLASS)->ranges = ranges;
    return 0;
}

static bool in_ranges(const struct ranges *ranges, unsigned rune, bool fold)
{
    unsigned other = rune < 128 && fold
                         ? (unsigned)(isupper((int)rune) ? tolower((int)rune)
                                                         : toupper((int)rune))
                         : rune;

    for (size_t i = 0; i < ranges->count; i++)
        if ((rune >= ranges->list[i][0] && rune <= ranges->list[i][1]) ||
            (other >= ranges->list[i][0] && other <= ranges->list[i][1]))
            return !ranges->not;
    return ranges->not;
}

/* ---- Reading an expression --------------------------------------------- */

static int read_choice(struct regex *regex);

static int read_group(struct regex *regex)
{
    if (regex->at[0] == '?' && (regex->at[1] == ':' || regex->at[1] == 'P')) {
        regex->at += 2;
        if (regex->at[-1] == 'P') {
            regex->at += strcspn(regex->at, ">");
            regex->at += *regex->at == '>';
        }
    } else if (*regex->at == '?') {
        for (regex->at++; *regex->at && *regex->at != ')'; regex->at++) {
            if (*regex->at == 'i')
                regex->fold = true;
            else if (*regex->at == 's')
                regex->dot_all = true;
            else
                return refuse(regex, "this flag or group is not understood");
        }
        return *regex->at++ ? 0 : refuse(regex, "missing closing )");
    }
    if (++regex->depth > DEEPEST)
        return refuse(regex, "nested too deep");
    if (read_choice(regex) < 0)
        return -1;
    regex->depth--;
    if (*regex->at++ != ')') {
        regex->at--;
        return refuse(regex, "missing closing )");
    }
    return 0;
}

static int read_escape(struct regex *regex)
{
    struct ranges *ranges;
    unsigned rune;

    if (*regex->at && strchr("AzbB", *regex->at)) {
        add(regex, OP_AT)->rune = (unsigned char)*regex->at++;
        return 0;
    }
    ranges = arena_alloc(regex->arena, sizeof *ranges);
    if (*regex->at && add_perl(regex, ranges, *regex->at)) {
        regex->at++;
        add(regex, OP_CLASS)->ranges = ranges;
        return 0;
    }
    rune = escaped_rune(&regex->at);
    if (!rune)
        return refuse(regex, "invalid escape sequence");
    add(regex, OP_RUNE)->rune = rune;
    return 0;
}

static int read_atom(struct regex *regex)
{
    char c = *regex->at;

    if (strchr("*+?", c))
        return refuse(regex, "missing argument to repetition operator");
    if (!strchr("([.^$\\", c)) {
        add(regex, OP_RUNE)->rune = next_rune(&regex->at);
        return 0;
    }
    regex->at++;
    switch (c) {
    case '(':
        return read_group(regex);
    case '[':
        return read_class(regex);
    case '.':
        add(regex, OP_ANY);
        return 0;
    case '\\':
        return read_escape(regex);
    default:
        add(regex, OP_AT)->rune = c == '^' ? 'A' : 'z';
        return 0;
    }
}

static void move_targets(struct step *step, size_t by)
{
    if (step->op == OP_SPLIT || step->op == OP_JUMP) {
        step->a += by;
        step->b += by;
    }
}

/* Makes room for a split before the steps from `from` on. */
static void insert_split(struct regex *regex, size_t from)
{
    add(regex, OP_SPLIT);
    if (regex->wrong)
        return;
    memmove(regex->steps + from + 1, regex->steps + from,
            (regex->count - 1 - from) * sizeof *regex->steps);
    regex->steps[from] = (struct step){ .op = OP_SPLIT };
    for (size_t i = from + 1; i < regex->count; i++)
        move_targets(&regex->steps[i], 1);
}

static bool read_counts(struct regex *regex, long *least, long *most)
{
    const char *at = regex->at + 1;
    char *end;

    if (*regex->at != '{' || !isdigit((unsigned char)*at))
        return false;
    *least = *most = strtol(at, &end, 10);
    if (*end == ',') {
        at = end + 1;
        *most = isdigit((unsigned char)*at) ? strtol(at, &end, 10) : -1;
        if (*most < 0)
            end = (char *)at;
    }
    if (*end != '}')
        return false;
    regex->at = end + 1;
    return true;
}

static void set_split(struct step *split, size_t body, size_t after, bool lazy)
{
    split->a = lazy ? after : body;
    split->b = lazy ? body : after;
}

/* Repeats what stands from `from` on: `least` copies, then optional ones. */
static int repeat(struct regex *regex, size_t from, long least, long most)
{
    size_t len = regex->count - from;
    struct step *unit;
    bool lazy = *regex->at == '?';

    regex->at += lazy;
    if (least > MOST_REPEATS || most > MOST_REPEATS || (most >= 0 && most < least))
        return refuse(regex, "invalid repeat count");
    unit = arena_alloc(regex->arena, (len + 1) * sizeof *unit);
    if (len)
        memcpy(unit, regex->steps + from, len * sizeof *unit);
    regex->count = from;
    for (long i = 0; (most < 0 ? i <= least : i < most) && !regex->wrong; i++) {
        size_t split = regex->count, start;

        if (i >= least)
            add(regex, OP_SPLIT);
        start = regex->count;
        for (size_t k = 0; k < len; k++) {
            struct step copy = unit[k];

            move_targets(&copy, start - from);
            *add(regex, copy.op) = copy;
        }
        if (most < 0 && i >= least) {
            struct step *jump = add(regex, OP_JUMP);

            jump->a = jump->b = split;
        }
        if (i >= least && !regex->wrong)
            set_split(&regex->steps[split], start, regex->count, lazy);
    }
    return regex->wrong ? -1 : 0;
}

static int read_piece(struct regex *regex)
{
    size_t from = regex->count;
    long least = 0, most = 0;

    if (read_atom(regex) < 0)
        return -1;
    for (;;) {
        if (*regex->at && strchr("*+?", *regex->at)) {
            least = *regex->at == '+';
            most = *regex->at == '?' ? 1 : -1;
            regex->at++;
        } else if (!read_counts(regex, &least, &most)) {
            return regex->wrong ? -1 : 0;
        }
        if (repeat(regex, from, least, most) < 0)
            return -1;
    }
}

static int read_sequence(struct regex *regex)
{
    while (*regex->at && *regex->at != '|' && *regex->at != ')')
        if (read_piece(regex) < 0)
            return -1;
    return 0;
}

/* a|b|c is (a|b)|c: a split before the left side, a jump behind it. */
static int read_choice(struct regex *regex)
{
    size_t from = regex->count;

    if (read_sequence(regex) < 0)
        return -1;
    while (*regex->at == '|') {
        size_t jump;

        regex->at++;
        insert_split(regex, from);
        jump = regex->count;
        add(regex, OP_JUMP);
        if (regex->wrong)
            return -1;
        set_split(&regex->steps[from], from + 1, regex->count, false);
        if (read_sequence(regex) < 0 || regex->wrong)
            return -1;
        regex->steps[jump].a = regex->steps[jump].b = regex->count;
    }
    return 0;
}

static int read_regex(struct cel_run *run, const struct cel_value *pattern,
                      struct regex *regex)
{
    *regex = (struct regex){ .arena = run->arena, .at = pattern->bytes };
    if (cel_pay(run, pattern->len) < 0)
        return -1;
    if (read_choice(regex) == 0 && *regex->at)
        refuse(regex, "unexpected )");
    add(regex, OP_MATCH);
    if (!regex->wrong)
        return 0;
    mem_free(&regex->steps);
    return cel_fail(run, "error parsing regexp: %s: `%.100s`", regex->wrong,
                    pattern->bytes);
}

/* ---- Following all ways at once ---------------------------------------- */

struct thread {
    size_t step, start;
};

struct machine {
    const struct regex *regex;
    const char *text;
    size_t len;
    struct thread *now, *next; /* best first */
    size_t now_count, next_count;
    size_t *seen; /* the position at which a step was last put, plus 1 */
};

static bool is_word(const struct machine *machine, size_t at)
{
    return at < machine->len && (isalnum((unsigned char)machine->text[at]) ||
                                 machine->text[at] == '_');
}

static bool holds_at(const struct machine *machine, unsigned letter, size_t at)
{
    bool edge = (at > 0 && is_word(machine, at - 1)) != is_word(machine, at);

    switch (letter) {
    case 'A':
        return at == 0;
    case 'z':
        return at == machine->len;
    case 'b':
        return edge;
    default:
        return !edge;
    }
}

/* Depth is bounded by the steps: each is entered once per position. */
static void follow(struct machine *machine, size_t index, size_t start,
                   size_t at)
{
    const struct step *step = &machine->regex->steps[index];

    if (machine->seen[index] == at + 1)
        return;
    machine->seen[index] = at + 1;
    switch (step->op) {
    case OP_JUMP:
        follow(machine, step->a, start, at);
        break;
    case OP_SPLIT:
        follow(machine, step->a, start, at);
        follow(machine, step->b, start, at);
        break;
    case OP_AT:
        if (holds_at(machine, step->rune, at))
            follow(machine, index + 1, start, at);
        break;
    default:
        machine->next[machine->next_count++] = (struct thread){ index, start };
    }
}

static bool takes(const struct regex *regex, const struct step *step,
                  unsigned rune)
{
    switch (step->op) {
    case OP_ANY:
        return rune != '\n' || regex->dot_all;
    case OP_CLASS:
        return in_ranges(step->ranges, rune, regex->fold);
    default:
        return step->rune == rune ||
               (regex->fold && rune < 128 && step->rune < 128 &&
                tolower((int)rune) == tolower((int)step->rune));
    }
}

/* The leftmost match from `from` on, as RE2 prefers it. */
static bool find_match(struct machine *machine, size_t from, size_t *ret_start,
                       size_t *ret_end)
{
    bool found = false;
    size_t at = from;

    machine->next_count = 0;
    memset(machine->seen, 0, machine->regex->count * sizeof *machine->seen);
    for (;;) {
        const char *here = machine->text + at;
        struct thread *swap = machine->now;
        unsigned rune = 0;
        size_t after;

        if (!found)
            follow(machine, 0, at, at);
        machine->now = machine->next;
        machine->next = swap;
        machine->now_count = machine->next_count;
        machine->next_count = 0;
        if (at < machine->len)
            rune = next_rune(&here);
        after = (size_t)(here - machine->text);
        for (size_t i = 0; i < machine->now_count; i++) {
            const struct thread *thread = &machine->now[i];
            const struct step *step = &machine->regex->steps[thread->step];

            if (step->op == OP_MATCH) {
                found = true;
                *ret_start = thread->start;
                *ret_end = at;
                break; /* what comes later is worth less */
            }
            if (at < machine->len && takes(machine->regex, step, rune))
                follow(machine, thread->step + 1, thread->start, after);
        }
        if (at >= machine->len || (found && !machine->next_count))
            return found;
        at = after;
    }
}

static int start_machine(struct cel_run *run, const struct cel_value *args,
                         struct regex *regex, struct machine *ret)
{
    size_t size;

    if (read_regex(run, &args[1], regex) < 0)
        return -1;
    size = regex->count * sizeof(struct thread);
    if (cel_pay(run, (args[0].len / 10 + 1) * (regex->count / 4 + 1)) < 0) {
        mem_free(&regex->steps);
        return -1;
    }
    *ret = (struct machine){ .regex = regex, .text = args[0].bytes,
                             .len = args[0].len };
    ret->now = arena_alloc(run->arena, size);
    ret->next = arena_alloc(run->arena, size);
    ret->seen = arena_alloc(run->arena, regex->count * sizeof *ret->seen);
    return 0;
}

/* ---- The functions ------------------------------------------------------ */

#define FN(name)                                                               \
    static int name(struct cel_run *run, const struct cel_value *args,         \
                    size_t count, struct cel_value *ret)

FN(fn_matches)
{
    struct machine machine;
    struct regex regex;
    size_t start, end;

    if (start_machine(run, args, &regex, &machine) < 0)
        return -1;
    *ret = cel_bool(find_match(&machine, 0, &start, &end));
    mem_free(&regex.steps);
    return 0;
}

FN(fn_find)
{
    struct machine machine;
    struct regex regex;
    size_t start = 0, end = 0;

    if (start_machine(run, args, &regex, &machine) < 0)
        return -1;
    (void)find_match(&machine, 0, &start, &end);
    *ret = cel_string(run->arena, args[0].bytes + start, end - start);
    mem_free(&regex.steps);
    return 0;
}

FN(fn_find_all)
{
    int64_t most = count == 3 ? args[2].integer : -1;
    size_t from = 0, len = 0, start, end;
    struct machine machine;
    struct cel_value *items;
    struct regex regex;
    int state = cel_pay_bytes(run, args[0].len * 8);

    if (state < 0 || start_machine(run, args, &regex, &machine) < 0)
        return -1;
    items = arena_alloc(run->arena, (args[0].len + 2) * sizeof *items);
    while (state == 0 && from <= args[0].len && (int64_t)len != most &&
           find_match(&machine, from, &start, &end)) {
        items[len++] = cel_string(run->arena, args[0].bytes + start, end - start);
        state = cel_pay(run, (end - from) / 10 * (regex.count / 4 + 1) + 1);
        from = end > start ? end : end + 1;
    }
    mem_free(&regex.steps);
    *ret = cel_list_of(run->arena, items, len);
    return state;
}

static const struct cel_overload rows[] = {
    { "matches", "s.s", 'b', fn_matches },
    { "matches", "ss", 'b', fn_matches },
    { "find", "s.s", 's', fn_find },
    { "findAll", "s.s", 'l', fn_find_all },
    { "findAll", "s.si", 'l', fn_find_all },
};
const struct cel_table cel_regex = { rows, count_of(rows) };
