/* SPDX-License-Identifier: Apache-2.0 */
/* What templates print, where they fail, and that none takes the process along. */
#include "check.h"

#include "base/meter.h"
#include "document/document.h"
#include "sprig/sprig.h"
#include "unit/hostile.h"

#include <stdlib.h>

/* What a template gives, or its error; the caller frees it. */
static char *render_with(const struct template_options *options, const char *template,
                         const char *json)
{
    scoped_template_set struct template_set *set = template_set_new(options);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem struct template_error *error = mem_alloc(sizeof *error);
    scoped_text struct text out = {0};
    struct err err = {0};
    struct node *data = document_read_json(arena, json, strlen(json), &document_limits_own, &err);

    if (template_set_add(set, "main", template, strlen(template), error) < 0 ||
        template_run(set, "main", data, &out, error) < 0)
        return mem_copy_string(error->text);
    return text_take(&out);
}

static char *render(const char *template, const char *json)
{
    return render_with(&sprig_options_helm, template, json);
}

static const struct {
    const char *name, *template, *data, *want;
} prints[] = {
    {"text stays as it is", "plain {text}", "{}", "plain {text}"},
    {"a field of the dot", "{{.a.b}}", "{\"a\":{\"b\":\"x\"}}", "x"},
    {"markers trim", "a {{- 1 -}} b", "{}", "a1b"},
    {"a float prints as Go's", "{{.n}}", "{\"n\":1000000}", "1e+06"},
    {"range over a map is sorted", "{{range $k,$v := .}}{{$k}}{{$v}}{{end}}", "{\"b\":2,\"a\":1}",
     "a1b2"},
    {"else of an empty range", "{{range .l}}x{{else}}none{{end}}", "{\"l\":[]}", "none"},
    {"break leaves the range", "{{range .l}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}",
     "{\"l\":[\"a\",\"b\",\"c\"]}", "a"},
    {"a nil is stripped", "[{{.missing}}]", "{}", "[]"},
    {"a pipe brings the last argument", "{{\"x\" | printf \"%s-%s\" \"y\"}}", "{}", "y-x"},
    {"toYaml in its place", "a:{{ toYaml .m | nindent 2 }}", "{\"m\":{\"b\":1}}", "a:\n  b: 1"},
    {"include sees its argument", "{{define \"t\"}}<{{.}}>{{end}}{{include \"t\" \"x\"}}", "{}",
     "<x>"},
    {"tpl runs a text", "{{tpl \"{{.a}}\" .}}", "{\"a\":5}", "5"},
    {"set changes what all see", "{{$_ := set . \"a\" 1}}{{.a}}", "{}", "1"},
    {"a dict changed while walked",
     "{{range $k, $v := .}}{{$_ := set $ (print $k \"x\") 1}}{{$k}}{{end}}", "{\"a\":1,\"b\":1}",
     "ab"},
    {"a version in a range", "{{semverCompare \"^1.2\" \"1.9.0\"}}", "{}", "true"},
    {"a field that is not there", "{{.a.b.c}}", "{\"a\":{}}",
     "template: main:1:4: executing \"main\" at <.a.b.c>: nil pointer evaluating "
     "interface {}.c"},
    {"an unknown function", "x\n{{nope}}", "{}", "template: main:2: function \"nope\" not defined"},
    {"chance is refused by name", "{{uuidv4}}", "{}",
     "template: main:1: function \"uuidv4\" not defined here: it draws random "
     "numbers, so the same inputs would not give the same text"},
    {"the clock is refused by name", "{{now}}", "{}",
     "template: main:1: function \"now\" not defined here: it reads the clock, "
     "so the same inputs would not give the same text"},
};

static void test_prints(void)
{
    for (size_t i = 0; i < count_of(prints); i++) {
        scoped_mem char *got = render(prints[i].template, prints[i].data);

        CHECK_TEXT(got, prints[i].want, "%s", prints[i].name);
    }
}

/* Each of these would take a process that trusts templates. */
static const struct {
    const char *name, *template, *want;
} bombs[] = {
    {"a range over 10^9", "{{range 1000000000}}x{{end}}", "too much"},
    {"an empty range over 10^12", "{{range 1000000000000}}{{end}}", "too much"},
    {"repeat of gigabytes", "{{repeat 2000000000 \"xxxx\"}}", "too much"},
    {"an indent bomb", "{{indent 1000000 (repeat 100000 \"\\n\")}}", "too much"},
    {"until of 10^9", "{{until 1000000000}}", "too much"},
    {"a template that calls itself", "{{template \"main\" .}}", "depth"},
    {"tpl that calls itself", "{{tpl .t .}}", "tpl"},
    {"include that calls itself", "{{include \"main\" .}}", "nested reference"},
    {"a dict that holds itself", "{{$_ := set . \"x\" .}}{{.}}", "too deep"},
    {"the same as JSON", "{{$_ := set . \"x\" .}}{{mustToJson .}}", "too deep"},
    {"the same merged", "{{$_ := set . \"x\" .}}{{merge . (dict \"x\" .)}}", "deep"},
    {"a doubling string", "{{$s := \"xxxxxxxx\"}}{{range until 60}}{{$s = print $s $s}}{{end}}",
     "too much"},
    {"a doubling list", "{{$l := list 1}}{{range until 60}}{{$l = concat $l $l}}{{end}}", "memory"},
    {"a doubling tree printed",
     "{{$d := dict}}{{range until 60}}{{$d = dict \"a\" $d \"b\" $d}}{{end}}{{$d}}", "too much"},
    {"a wide format", "{{printf (repeat 1000 \"%999999[1]d\") 1}}", "too large"},
};

static void test_bombs(void)
{
    for (size_t i = 0; i < count_of(bombs); i++) {
        scoped_mem char *got = render(bombs[i].template, "{\"t\":\"{{tpl .t .}}\"}");

        CHECK(!strncmp(got, "template: main:1", 16) && strstr(got, bombs[i].want),
              "%s ends in an error that names the line", bombs[i].name);
    }
}

/*
 * One function or construct each, as often as it goes over as much as there is:
 * what it costs is bounded, and the error says where and what to do. A function
 * that is not charged would run for hours here. (How long a unit takes is for
 * bench_budget.c.)
 */
static void test_budget(void)
{
    struct document_limits limits = document_limits_own;
    scoped_arena struct arena *arena = arena_new();
    scoped_mem struct template_error *error = mem_alloc(sizeof *error);
    scoped_text struct text json = {0};
    struct err err = {0};
    const struct node *data;

    limits.bytes = 32 << 20;
    limits.nodes = 10000000;
    hostile_data(&json);
    data = document_read_json(arena, json.bytes, json.len, &limits, &err);
    CHECK(data, "the data of hostile templates: %s", err.text);
    for (size_t i = 0; i < count_of(hostile_templates); i++) {
        const char *text = hostile_templates[i].template;
        struct meter meter = {.limit = 3000000};
        struct template_options options = sprig_options_helm;
        scoped_template_set struct template_set *set = NULL;
        scoped_text struct text out = {0};

        options.meter = &meter;
        set = template_set_new(&options);
        CHECK(!template_set_add(set, "main", text, strlen(text), error) &&
                  template_run(set, "main", data, &out, error) < 0 &&
                  !strncmp(error->text, "template: main:1", 16) &&
                  (strstr(error->text, "does too much: more than 3000000 units of work") ||
                   strstr(error->text, "makes too much: more than") ||
                   strstr(error->text, "nested reference") ||
                   strstr(error->text, "tpl inside tpl more than 100 times") ||
                   strstr(error->text, "too many variables") ||
                   strstr(error->text, "expression too large")),
              "%s ends, saying why: %s", hostile_templates[i].name, error->text);
    }
}

/* Many templates that share a meter have no more than one. */
static void test_shared_budget(void)
{
    struct meter meter = {.limit = 10000000};
    struct template_options options = sprig_options_helm;
    scoped_mem struct template_error *error = mem_alloc(sizeof *error);
    static const char text[] = "{{range 1000}}{{upper \"some words\"}}{{end}}";
    unsigned runs = 0;

    options.meter = &meter;
    for (int rc = 0; rc == 0 && runs < 1000; runs++) {
        scoped_template_set struct template_set *set = template_set_new(&options);
        scoped_text struct text out = {0};

        rc = template_set_add(set, "main", text, sizeof text - 1, error);
        if (rc == 0)
            rc = template_run(set, "main", NULL, &out, error);
    }
    CHECK(runs > 1 && runs < 100 && strstr(error->text, "too much"),
          "a meter is shared: %u runs, then %s", runs, error->text);
}

static const char *const unfinished[] = {
    "{{",
    "{{\"",
    "{{`",
    "{{'",
    "{{/*",
    "{{-",
    "{{(",
    "{{.a",
    "{{if",
    "{{if .a}}",
    "{{range .}}",
    "{{with .}}x{{else}}",
    "{{define \"x\"}}",
    "{{block \"x\" .}}",
    "{{$x :=",
    "{{$x := }}",
    "{{\"\\",
    "{{'\\",
    "{{\"\\u12\"}}",
    "{{template",
    "{{1e",
    "{{0x",
};

static void test_unfinished(void)
{
    for (size_t i = 0; i < count_of(unfinished); i++) {
        scoped_mem char *got = render(unfinished[i], "{}");

        CHECK(!strncmp(got, "template: main:1", 16), "%s is refused: %s", unfinished[i], got);
    }
}

/* Bad input to functions: an answer, and soon. */
static const struct {
    const char *name, *template, *want;
} hostile[] = {
    {"an expression that back-tracks elsewhere", "{{regexMatch \"(a*)*b\" (repeat 20000 \"a\")}}",
     "false"},
    {"and another", "{{regexReplaceAll \"(a|aa)+$\" (repeat 5000 \"a\") \"x\"}}", "x"},
    {"64 kB of [", "{{fromYaml (repeat 65536 \"[\")}}",
     "map[Error:error converting YAML to JSON: yaml: nested too deeply, the limit is 200]"},
    {"64 kB of [ as JSON", "{{(fromJson (repeat 65536 \"[\")).Error | trunc 9}}", "exceeded "},
    {"an alias bomb",
     "{{$y := \"a: &a [x,x,x,x,x,x,x,x,x,x]\\n\"}}"
     "{{range $i, $c := list \"b\" \"c\" \"d\" \"e\" \"f\" \"g\"}}"
     "{{$p := index (list \"a\" \"b\" \"c\" \"d\" \"e\" \"f\") $i}}"
     "{{$y = printf \"%s%s: &%s [*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s]\\n\" $y $c $c $p $p $p $p $p $p $p $p}}"
     "{{end}}{{(fromYaml $y).Error | contains \"aliasing\"}}",
     "true"},
    {"64 kB of [ as TOML", "{{(fromToml (print \"a = \" (repeat 65536 \"[\"))).Error}}",
     "toml: line 1 (last key \"a\"): nested too deep"},
    {"bytes that are no text", "{{\"a\\xffb\" | toJson}} {{\"\\x00\" | quote}}",
     "\"a\\ufffdb\" \"\\x00\""},
};

static void test_hostile(void)
{
    for (size_t i = 0; i < count_of(hostile); i++) {
        scoped_mem char *got = render(hostile[i].template, "{}");

        CHECK_TEXT(got, hostile[i].want, "%s", hostile[i].name);
    }
}

static void test_nesting(void)
{
    scoped_text struct text open = {0}, ifs = {0};
    scoped_mem char *got = NULL, *other = NULL;

    text_add(&open, "{{");
    for (int i = 0; i < 65536; i++)
        text_add_char(&open, '(');
    for (int i = 0; i < 20000; i++)
        text_add(&ifs, "{{if true}}");
    got = render(text_string(&open), "{}");
    other = render(text_string(&ifs), "{}");
    CHECK(strstr(got, "levels deep"), "64 kB of parentheses");
    CHECK(strstr(other, "levels deep"), "20,000 ifs");
}

/* Printed and parsed again, a template is printed the same. */
static void test_print_parse(void)
{
    static const char source[] =
        "a {{- if and .a (eq 1 .b.c) -}} b {{else if $.x}}{{range $i, $v := .l}}"
        "{{$v | quote}}{{else}}{{break | 0}}{{end}}{{end}}"
        "{{with $x := \"q\\n\"}}{{$x}}{{end}}{{template \"t\" (dict \"a\" 'b')}}"
        "{{define \"t\"}}{{(index . 1).x.y}}{{end}}";
    static const char fine[] =
        "a {{- if and .a (eq 1 .b.c) -}} b {{else if $.x}}{{range $i, $v := .l}}"
        "{{$v | quote}}{{else}}none{{end}}{{end}}"
        "{{with $x := \"q\\n\"}}{{$x}}{{end}}{{template \"t\" (dict \"a\" 'b')}}";
    scoped_mem struct template_error *error = mem_alloc(sizeof *error);
    scoped_template_set struct template_set *one = template_set_new(&sprig_options_helm);
    scoped_template_set struct template_set *two = template_set_new(&sprig_options_helm);
    scoped_text struct text first = {0}, second = {0};

    CHECK(template_set_add(one, "bad", source, strlen(source), error) < 0,
          "break outside a range is refused");
    CHECK(template_set_add(one, "main", fine, strlen(fine), error) == 0, "parses");
    template_set_print(one, "main", &first);
    CHECK(template_set_add(two, "main", text_string(&first), first.len, error) == 0,
          "what was printed parses");
    template_set_print(two, "main", &second);
    CHECK_TEXT(text_string(&second), text_string(&first), "and prints the same");
}

static void test_run_twice(void)
{
    static const char source[] = "{{$_ := set . \"n\" 1}}{{toYaml .}}{{len .}}";
    scoped_template_set struct template_set *set = template_set_new(&sprig_options_helm);
    scoped_mem struct template_error *error = mem_alloc(sizeof *error);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text first = {0}, second = {0};
    struct node *data = node_map(arena);

    node_set_text(arena, data, "a", "b");
    CHECK(template_set_add(set, "main", source, strlen(source), error) == 0 &&
              template_run(set, "main", data, &first, error) == 0 &&
              template_run(set, "main", data, &second, error) == 0,
          "a set runs twice");
    CHECK_TEXT(text_string(&second), text_string(&first), "and writes the same");
    CHECK(node_count(data) == 1, "a run leaves the data as it was");
}

static int greet(void *arg, struct arena *arena, const struct node *const *args, size_t count,
                 struct node **ret, struct err *err)
{
    if (!node_is(args[0], NODE_STRING))
        return err_set(err, ERR_INVALID, "want a name");
    *ret = node_format(arena, "%s %s", (const char *)arg, node_text(args[0]));
    return 0;
}

static void test_extra(void)
{
    static const struct template_function functions[] = {
        {"greet", 1, 1, greet, (void *)(uintptr_t) "hello"},
    };
    struct template_options options = sprig_options_helm;
    scoped_mem char *fine = NULL, *wrong = NULL, *few = NULL;

    options.extra = functions;
    options.extra_count = count_of(functions);
    fine = render_with(&options, "{{greet \"you\" | upper}}", "{}");
    wrong = render_with(&options, "{{greet 1}}", "{}");
    few = render_with(&options, "{{greet}}", "{}");
    CHECK_TEXT(fine, "HELLO YOU", "a caller's function is called");
    CHECK(strstr(wrong, "error calling greet: want a name"), "and may refuse");
    CHECK(strstr(few, "1 to 1 arguments"), "and gets as many arguments as it wants");
}

static void test_underline(void)
{
    static const char source[] = "a: 1\n\tb: {{ .x.y.z }}\n";
    scoped_template_set struct template_set *set = template_set_new(&sprig_options_helm);
    scoped_mem struct template_error *error = mem_alloc(sizeof *error);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0}, shown = {0};

    CHECK(template_set_add(set, "f", source, strlen(source), error) == 0 &&
              template_run(set, "f", node_map(arena), &out, error) < 0,
          "fails");
    template_error_underline(error, source, strlen(source), &shown);
    CHECK_TEXT(text_string(&shown), "    2 | \tb: {{ .x.y.z }}\n      | \t        ^\n",
               "the caret stands below the part that failed");
}

int main(void)
{
    test_prints();
    test_bombs();
    test_budget();
    test_shared_budget();
    test_unfinished();
    test_hostile();
    test_nesting();
    test_print_parse();
    test_run_twice();
    test_extra();
    test_underline();
    return check_done();
}
