/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "base/text.h"

/*
 * Templates by one who wants the hub to stand still, each with one function or
 * one construct of the language done again and again over as much as there is.
 * test_gotemplate.c asserts what each is charged, bench_budget.c prints what
 * that means in time, so that a charge that is too low is seen.
 */
#define AGAIN(expression) "{{$d := .}}{{range 2000000000}}{{$x := " expression "}}{{end}}"

static const struct {
    const char *name, *template;
} hostile_templates[] = {
    {"nothing, again and again", "{{range 2000000000}}{{end}}"},
    {"text", "{{range 2000000000}}{{if false}}x{{end}}{{end}}"},
    {"ranges in ranges", "{{range $.l}}{{range $.l}}{{range $.l}}{{end}}{{end}}{{end}}"},
    {"a range over a dict", "{{range 2000000000}}{{range $.m}}{{end}}{{end}}"},
    {"a dict that grows between ranges",
     "{{$d := deepCopy .m}}{{range $i := 2000000000}}{{$_ := set $d (print $i) 1}}"
     "{{range $d}}{{break}}{{end}}{{end}}"},
    {"template calls itself twice",
     "{{define \"t\"}}{{if lt . 60.0}}{{template \"t\" (addf . 1)}}{{template \"t\" (addf . 1)}}"
     "{{end}}{{end}}{{template \"t\" 1.0}}"},
    {"include calls itself twice",
     "{{define \"t\"}}{{if lt . 60.0}}{{include \"t\" (addf . 1)}}{{include \"t\" (addf . 1)}}"
     "{{end}}{{end}}{{include \"t\" 1.0}}"},
    {"an error through a thousand includes", "{{define \"t\"}}{{include \"t\" (list . \""
                                             "a literal that stands in every line of the error"
                                             "\")}}{{end}}{{include \"t\" .}}"},
    {"tpl of a large text", AGAIN("tpl $d.s $d")},
    {"tpl of actions", AGAIN("tpl $d.actions $d")},
    {"tpl inside tpl", "{{tpl .t .}}"},
    {"many variables", "{{tpl .variables .}}"},
    {"variables from afar", "{{tpl .far .}}"},
    {"a deep chain of fields", AGAIN("$d.deep.a.a.a.a.a.a.a.a")},
    {"one string that doubles", "{{$s := .s}}{{range 2000000000}}{{$s = print $s $s}}{{end}}"},
    {"one list that doubles", "{{$l := list 1}}{{range 2000000000}}{{$l = concat $l $l}}{{end}}"},
    {"a list that grows by one", "{{$l := list}}{{range 2000000000}}{{$l = append $l .}}{{end}}"},
    {"a string that grows by one",
     "{{$s := \"\"}}{{range 2000000000}}{{$s = print $s \"x\"}}{{end}}"},
#define TREE(use) "{{$t := list 1}}{{range 60}}{{$t = list $t $t}}{{end}}" use
#define TREES(use)                                                                                 \
    "{{$t := list 1}}{{$u := list 1}}{{range 60}}{{$t = list $t $t}}"                              \
    "{{$u = list $u $u}}{{end}}" use
    {"a tree of 2^60 printed", TREE("{{$t}}")},
    {"the same by print", TREE("{{print $t | len}}")},
    {"the same quoted", TREE("{{quote $t | len}}")},
    {"the same joined", TREE("{{join \",\" $t | len}}")},
    {"the same as JSON", TREE("{{toJson $t | len}}")},
    {"the same as pretty JSON", TREE("{{toPrettyJson $t | len}}")},
    {"the same as YAML", TREE("{{toYaml $t | len}}")},
    {"the same as TOML", TREE("{{toToml (dict \"a\" $t) | len}}")},
    {"the same copied", TREE("{{deepCopy $t | len}}")},
    {"the same compared", TREES("{{deepEqual $t $u}}")},
    {"the same looked for", TREES("{{has $t (list $u $u $u)}}")},
    {"the same without itself", TREES("{{without (list $t) $u | len}}")},
    {"the same uniq", TREES("{{uniq (list $t $u $t $u) | len}}")},
    {"the same in an error of eq", TREE("{{eq $t $t}}")},
    {"the same in an error of range", TREE("{{range $i, $x := (dict \"a\" $t | print)}}{{end}}")},
    {"dicts of 2^60 merged",
     "{{$t := dict}}{{range 60}}{{$t = dict \"a\" $t \"b\" $t}}{{end}}{{merge (deepCopy .m) $t | len}}"},
    {"wide formats", AGAIN("printf (repeat 1000 \"%999999[1]d\") 1")},
    {"precise floats", AGAIN("printf \"%.1000000f\" 1e300")},
    {"floats", AGAIN("printf \"%.800f%.800e%v\" 1.1e-300 2.2e-308 4.9e-324")},
    {"printf of it all", AGAIN("printf \"%v\" $d.m")},
    {"printf of a quoted text", AGAIN("printf \"%q\" $d.u")},
    {"print of floats", AGAIN("print $d.floats")},
    {"sortAlpha", AGAIN("sortAlpha $d.strings")},
    {"sortAlpha of what is alike", AGAIN("sortAlpha $d.alike")},
    {"uniq of strings", AGAIN("uniq $d.strings")},
    {"uniq of numbers", AGAIN("uniq $d.l")},
    {"without", AGAIN("without $d.strings \"a\" \"b\" \"c\" \"d\"")},
    {"has", AGAIN("has \"nowhere\" $d.strings")},
    {"reverse", AGAIN("reverse $d.l")},
    {"rest", AGAIN("rest $d.l")},
    {"initial", AGAIN("initial $d.l")},
    {"compact", AGAIN("compact $d.l")},
    {"chunk", AGAIN("chunk 1 $d.l")},
    {"slice", AGAIN("slice $d.l 1")},
    {"index", AGAIN("index $d.l 7")},
    {"keys", AGAIN("keys $d.m")},
    {"values", AGAIN("values $d.m")},
    {"keys of a new dict each time", AGAIN("keys (omit $d.m \"k1\")")},
    {"pick", AGAIN("pick $d.m \"k1\" \"k2\"")},
    {"merge", AGAIN("merge (dict) $d.m")},
    {"mergeOverwrite", AGAIN("mergeOverwrite (dict) $d.m")},
    {"deepCopy", AGAIN("deepCopy $d.m")},
    {"set and unset",
     "{{$d := deepCopy .m}}{{range 2000000000}}{{$_ := set $d \"x\" 1}}{{$_ := unset $d \"x\"}}{{end}}"},
    {"deepEqual", "{{$e := deepCopy .m}}" AGAIN("deepEqual $d.m $e")},
    {"dict", AGAIN("dict \"a\" 1 \"b\" 2")},
    {"list", AGAIN("list 1 2 3 4 5 6 7 8")},
    {"until", AGAIN("until 100000")},
    {"untilStep", AGAIN("untilStep 0 100000 1")},
    {"seq", AGAIN("seq 100000")},
    {"repeat", AGAIN("repeat 1000000 \"x\"")},
    {"indent of lines", AGAIN("indent 40 $d.lines")},
    {"nindent", AGAIN("nindent 4 $d.s")},
    {"replace one by many", AGAIN("replace \"a\" \"aaaaaaaaaa\" $d.s")},
    {"replace nothing", AGAIN("replace \"\" \"-\" $d.u")},
    {"replace what is nearly there", AGAIN("replace $d.needle \"x\" $d.as")},
    {"contains what is nearly there", AGAIN("contains $d.needle $d.as")},
    {"trimAll of a large set", AGAIN("trimAll $d.u $d.u")},
    {"trim", AGAIN("trim $d.spaces")},
    {"nospace", AGAIN("nospace $d.s")},
    {"nospace of runes", AGAIN("nospace $d.u")},
    {"upper", AGAIN("upper $d.u")},
    {"lower", AGAIN("lower $d.u")},
    {"title", AGAIN("title $d.u")},
    {"untitle", AGAIN("untitle $d.u")},
    {"swapcase", AGAIN("swapcase $d.u")},
    {"initials", AGAIN("initials $d.s")},
    {"camelcase", AGAIN("camelcase $d.u")},
    {"snakecase", AGAIN("snakecase $d.u")},
    {"snakecase of a text", AGAIN("snakecase $d.s")},
    {"kebabcase", AGAIN("kebabcase $d.s")},
    {"abbrev", AGAIN("abbrev 100000 $d.s")},
    {"wrap", AGAIN("wrap 10 $d.s")},
    {"wrapWith", AGAIN("wrapWith 1 \"------\" $d.s")},
    {"quote", AGAIN("quote $d.u")},
    {"quote of noise", AGAIN("quote $d.lines")},
    {"squote", AGAIN("squote $d.s")},
    {"cat", AGAIN("cat $d.s $d.s")},
    {"html", AGAIN("html $d.s")},
    {"js", AGAIN("js $d.u")},
    {"urlquery", AGAIN("urlquery $d.u")},
    {"join", AGAIN("join \",\" $d.strings")},
    {"join of numbers", AGAIN("join \",\" $d.l")},
    {"toStrings", AGAIN("toStrings $d.floats")},
    {"splitList", AGAIN("splitList \"a\" $d.s")},
    {"splitList by runes", AGAIN("splitList \"\" $d.u")},
    {"split", AGAIN("split \"a\" $d.s")},
    {"splitn", AGAIN("splitn \"a\" 100000 $d.s")},
    {"b64enc", AGAIN("b64enc $d.s")},
    {"b64dec", AGAIN("b64dec $d.b64")},
    {"b32enc", AGAIN("b32enc $d.s")},
    {"b32dec", AGAIN("b32dec $d.b32")},
    {"sha1sum", AGAIN("sha1sum $d.s")},
    {"sha256sum", AGAIN("sha256sum $d.s")},
    {"sha512sum", AGAIN("sha512sum $d.s")},
    {"adler32sum", AGAIN("adler32sum $d.s")},
    {"toJson", AGAIN("toJson $d.m")},
    {"toJson of runes", AGAIN("toJson $d.u")},
    {"toPrettyJson", AGAIN("toPrettyJson $d.deep")},
    {"toRawJson", AGAIN("toRawJson $d.floats")},
    {"fromJson", AGAIN("fromJson $d.json")},
    {"fromJsonArray", AGAIN("fromJsonArray $d.array")},
    {"toYaml", AGAIN("toYaml $d.m")},
    {"toYaml of a string", AGAIN("toYaml $d.u")},
    {"toYaml of lines", AGAIN("toYaml (list (list (list (list $d.lines))))")},
    {"toYaml of floats", AGAIN("toYaml $d.floats")},
    {"toYaml of depth", AGAIN("toYaml $d.deep")},
    {"toYamlPretty", AGAIN("toYamlPretty $d.m")},
    {"fromYaml", AGAIN("fromYaml $d.yaml")},
    {"fromYaml of JSON", AGAIN("fromYaml $d.json")},
    {"fromYamlArray", AGAIN("fromYamlArray $d.array")},
    {"toToml", AGAIN("toToml $d.m")},
    {"toToml of depth", AGAIN("toToml $d.deep")},
    {"fromToml", AGAIN("fromToml $d.toml")},
    {"fromToml of tables", AGAIN("fromToml $d.tables")},
    {"regexMatch", AGAIN("regexMatch \"(a*)*b\" $d.as")},
    {"regexMatch of a large expression", AGAIN("regexMatch \"(a?){900}(a?){900}b\" $d.as")},
    {"regexFind with groups", AGAIN("regexFind \"((((((((a*)*)*)*)*)*)*)*)b\" $d.as")},
    {"regexFind with many groups", AGAIN("regexFind (repeat 900 \"(a?)\") $d.as")},
    {"regexFindAll", AGAIN("regexFindAll \"[a-z]\" $d.s -1")},
    {"regexFindAll that looks far", AGAIN("regexFindAll \"a.*z|a\" $d.as -1")},
    {"regexSplit", AGAIN("regexSplit \"a\" $d.s -1")},
    {"regexReplaceAll", AGAIN("regexReplaceAll \"(.)\" $d.s \"$1$1$1\"")},
    {"regexReplaceAllLiteral", AGAIN("regexReplaceAllLiteral \"a\" $d.s \"aaaaaaa\"")},
    {"regexQuoteMeta", AGAIN("regexQuoteMeta $d.s")},
    {"a new expression each time",
     "{{range $i := 2000000000}}{{$x := regexMatch (printf \"(\\\\pL|x%d){999}\" $i) \"x\"}}{{end}}"},
    {"classes",
     "{{range $i := 2000000000}}{{$x := regexMatch (printf \"[^\\\\pL]x%d(?i)[[:alpha:]]\" $i) \"x\"}}{{end}}"},
    {"semverCompare",
     AGAIN("semverCompare (repeat 20000 \">=1.2.3, \" | printf \"%s>1\") \"1.9.0\"")},
    {"semver", AGAIN("semver \"1.2.3-alpha.1+build.5\"")},
    {"urlParse", AGAIN("urlParse (print \"https://u:p@h/\" $d.s)")},
    {"clean", AGAIN("clean (repeat 100000 \"a/../\")")},
    {"base", AGAIN("base $d.s")},
    {"date", AGAIN("date (repeat 20000 \"Monday January 2006 \") 0")},
    {"toDate", AGAIN("toDate \"2006-01-02\" \"2024-02-29\"")},
    {"dateModify", AGAIN("dateModify \"1h\" (toDate \"2006-01-02\" \"2024-02-29\")")},
    {"durationRound", AGAIN("durationRound \"2400h5m3s\"")},
    {"duration of a large number", AGAIN("duration $d.digits")},
    {"add", AGAIN("add 1 2 3")},
    {"round", AGAIN("round 1.23456789 5")},
    {"atoi of many digits", AGAIN("atoi $d.digits")},
    {"int of many digits", AGAIN("int $d.digits")},
    {"float64 of many digits", AGAIN("float64 $d.digits")},
    {"toDecimal", AGAIN("toDecimal $d.digits")},
    {"typeOf", AGAIN("typeOf $d")},
    {"default", AGAIN("default 1 $d.m")},
    {"eq of large strings", AGAIN("eq $d.s (print $d.s)")},
    {"lt of large strings", AGAIN("lt $d.s $d.s")},
    {"and of many", AGAIN("and 1 2 3 4 5 6 7 8 9")},
};

static void hostile_repeat(struct text *out, const char *what, size_t bytes)
{
    size_t end = out->len + bytes;

    while (out->len < end)
        text_add(out, what);
}

/* Writes `"name": "…",` of about that many bytes. */
static void hostile_string(struct text *out, const char *name, const char *what, size_t bytes)
{
    text_addf(out, "\"%s\":\"", name);
    hostile_repeat(out, what, bytes);
    text_add(out, "\",");
}

static void hostile_list(struct text *out, const char *name, const char *before, const char *after,
                         unsigned count)
{
    text_addf(out, "\"%s\":[", name);
    for (unsigned i = 0; i < count; i++)
        text_addf(out, "%s%s%u%s", i ? "," : "", before, i * 7919 % count, after);
    text_add(out, "],");
}

/* The data of these templates, as JSON; about 5 MB. */
static void hostile_data(struct text *out)
{
    text_add(out, "{\"t\":\"{{tpl .t .}}\",");
    hostile_string(out, "s", "a lazy dog <&> jumps ", 500000);
    hostile_string(out, "u", "\xc3\x84\xe1\xba\x9e\xe6\xbc\xa2\xf0\x9f\x98\x80 ", 500000);
    hostile_string(out, "as", "a", 200000);
    hostile_string(out, "needle", "a", 240);
    out->len--;
    out->bytes[out->len - 1] = 'b';
    text_add(out, "\",");
    hostile_string(out, "lines", "\\n", 200000);
    hostile_string(out, "spaces", " ", 500000);
    hostile_string(out, "digits", "9", 500000);
    hostile_string(out, "b64", "QUJD", 500000);
    hostile_string(out, "b32", "MFRGGZDF", 500000);
    hostile_string(out, "actions", "{{.m.k1}}{{if .s}}{{end}}", 200000);
    hostile_string(out, "yaml", "? [a, b]\\n: - x: 'y'\\n", 100000);
    hostile_string(out, "toml", "#\\n", 200000);
    hostile_string(out, "tables", "[[a.b.c]]\\nx=[1,2,'3']\\n", 100000);
    text_add(out, "\"json\":\"{\\\"a\\\":[");
    hostile_repeat(out, "{\\\"b\\\":1.5},[null],", 100000);
    text_add(out, "1]}\",\"array\":\"[");
    hostile_repeat(out, "[1,2.5,\\\"x\\\"],", 100000);
    text_add(out, "1]\",\"variables\":\"");
    for (unsigned i = 0; i < 20000; i++)
        text_addf(out, "{{$v%u := 1}}", i);
    for (unsigned i = 0; i < 20000; i++)
        text_add(out, "{{$v19999}}");
    text_add(out, "\",\"far\":\"{{$far := 1}}");
    for (unsigned i = 0; i < 2000; i++)
        text_addf(out, "{{$v%u := 1}}", i);
    text_add(out, "{{range 2000000000}}{{$x := $far}}{{end}}\",");
    hostile_list(out, "l", "", "", 20000);
    hostile_list(out, "floats", "0.", "1234567890123", 20000);
    hostile_list(out, "strings", "\"name-", "\"", 20000);
    hostile_list(out, "alike",
                 "\"a long beginning that is the same for all of them, "
                 "so that comparing them takes long: ",
                 "\"", 10000);
    text_add(out, "\"deep\":");
    hostile_repeat(out, "{\"a\":", sizeof "{\"a\":" * 90 - 90);
    text_add(out, "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]");
    hostile_repeat(out, "}", 90);
    text_add(out, ",\"m\":{");
    for (unsigned i = 0; i < 10000; i++)
        text_addf(out, "\"k%u\":{\"a\":%u,\"b\":\"x\",\"c\":null},", i * 7919 % 10000, i);
    text_add(out, "\"last\":1}}");
}

#endif
