/* SPDX-License-Identifier: Apache-2.0 */
/* CEL: what expressions give, what is refused, and that nothing explodes. */
#include "check.h"

#include "cel/cel.h"

static const char object[] = "{\"metadata\":{\"name\":\"edge\",\"labels\":{\"env\":\"prod\"}},"
                             "\"spec\":{\"replicas\":3,\"ratio\":0.5,\"paused\":false},"
                             "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"},"
                             "{\"type\":\"Disk\",\"status\":\"False\"}],\"none\":null}}";

static const struct {
    const char *text, *gives; /* compact JSON, or NULL and `refused` */
    const char *refused;
} cases[] = {
    /* literals and operators */
    {"1 + 2 * 3", "7"},
    {"(1 + 2) * 3", "9"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"7 / 2", "3"},
    {"-7 % 3", "-1"},
    {"7.0 / 2.0", "3.5"},
    {"0x1F", "31"},
    {"1u + 2u", "3"},
    {"'a' + \"b\"", "\"ab\""},
    {"'''it's'''", "\"it's\""},
    {"r'\\n'", "\"\\\\n\""},
    {"'\\u00e9\\x41'", "\"\xc3\xa9"
                       "A\""},
    {"size('h\\u00e9')", "2"},
    {"[1, 2] + [3]", "[1,2,3]"},
    {"{'a': 1, 'b': [true]}", "{\"a\":1,\"b\":[true]}"},
    {"1 == 1.0 && 1u == 1", "true"},
    {"[1, 2] == [1.0, 2.0]", "true"},
    {"'b' > 'a' && !(2 <= 1)", "true"},
    {"2 in [1, 2] && 'a' in {'a': 0} && !('z' in ['a'])", "true"},
    {"false ? 1 : true ? 2 : 3", "2"},
    {"--1 == 1 && !!true", "true"},
    {"1 < 2.5 && 3u > 2", "true"},
    {"type(1) == int && type('') == string", "true"},
    /* an error on one side gives way to the other's answer */
    {"object.missing == 1 || true", "true"},
    {"true || object.missing == 1", "true"},
    {"false && 1 / 0 == 1", "false"},
    {"1 / 0 == 1 && false", "false"},
    {"1 / 0 == 1 || false", NULL, "division by zero"},
    {"[1, 2].exists(x, 1 / (x - 1) == 1)", "true"},
    {"[1, 2].all(x, 1 / (x - 1) == 5)", "false"},
    /* fields */
    {"object.spec.replicas", "3"},
    {"object['spec']['replicas'] + 1", "4"},
    {"object.status.conditions[1].type", "\"Disk\""},
    {"has(object.spec.replicas) && !has(object.spec.nope)", "true"},
    {"has(object.status.none)", "true"},
    {"object.nope", NULL, "no such key: nope"},
    {"object.status.conditions[9]", NULL, "index out of bounds: 9"},
    {"object.spec.replicas.x", NULL, "no such overload"},
    {"object.?spec.?nope.orValue('-')", "\"-\""},
    {"object[?'spec'].hasValue()", "true"},
    {"[?object.?nope, ?optional.of(2)]", "[2]"},
    {"optional.none().or(optional.of(1)).value()", "1"},
    {"optional.of(2).optMap(x, x + 1).value()", "3"},
    {"optional.ofNonZeroValue('').hasValue()", "false"},
    /* macros */
    {"object.status.conditions.filter(c, c.status == 'True').map(c, c.type)", "[\"Ready\"]"},
    {"[1, 2, 3].map(x, x > 1, x * 10)", "[20,30]"},
    {"[1, 2, 2].exists_one(x, x == 1)", "true"},
    {"{'a': 1, 'b': 2}.all(k, k < 'c')", "true"},
    {"[[1], [2, 3]].map(l, l.map(x, x + size(l)))", "[[2],[4,5]]"},
    {"[1].map(object, object)", "[1]"},
    /* strings */
    {"'hello'.contains('ell') && 'hello'.startsWith('he') && "
     "'hello'.endsWith('lo')",
     "true"},
    {"'h\\u00e9llo'.charAt(1) + 'hello'.substring(1, 3)", "\"\xc3\xa9"
                                                          "el\""},
    {"'abcabc'.indexOf('c') + 'abcabc'.lastIndexOf('c')", "7"},
    {"'aXbXc'.replace('X', '-', 1)", "\"a-bXc\""},
    {"'a,b,c'.split(',').join('+')", "\"a+b+c\""},
    {"'a,b,c'.split(',', 2)", "[\"a\",\"b,c\"]"},
    {"'h\\u00e9y'.split('')", "[\"h\",\"\xc3\xa9\",\"y\"]"},
    {"'  x '.trim() + 'Ab'.lowerAscii() + 'Ab'.upperAscii()", "\"xabAB\""},
    {"'%s is %d, %.1f, %x'.format(['a', 3, 2.55, 255])", "\"a is 3, 2.5, ff\""},
    {"strings.quote('a\"b')", "\"\\\"a\\\\\\\"b\\\"\""},
    /* regular expressions */
    {"'gpu-8'.matches('^gpu-[0-9]+$') && !'gpu-'.matches('^gpu-[0-9]+$')", "true"},
    {"'1'.matches('^[12]$') && matches('abc', 'b') && !'abc'.matches('^b')", "true"},
    {"'ab12ab'.find('[0-9]+') + 'xaby'.find('a|ab') + 'xaby'.find('ab|a')", "\"12aab\""},
    {"'a1b22c333'.findAll('[0-9]+')", "[\"1\",\"22\",\"333\"]"},
    {"'a1b22c333'.findAll('[0-9]+', 2)", "[\"1\",\"22\"]"},
    {"'aaa'.find('a{2}') + 'aaa'.find('a{2,}') + 'aaa'.find('a+?')", "\"aaaaaa\""},
    {"'v1.28.3'.matches(r'^v\\d+\\.\\d+(\\.\\d+)?$')", "true"},
    {"'(x|y)z'.matches(r'^\\(x\\|y\\)[^a-y]$')", "true"},
    {"'HELLO w\u00f6rld'.matches('(?i)hello w.rld$')", "true"},
    {"'foo bar'.find(r'\\bba\\w') + 'k'.find('(a|b|(c|k))')", "\"bark\""},
    {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('^(a+)+$')", "true"},
    {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'.matches('^(a*)*$')", "false"},
    {"'a'.matches('(')", NULL, "missing closing )"},
    {"'a'.matches('a{1001}')", NULL, "invalid repeat count"},
    {"'a'.matches('((a{100}){100}){100}')", NULL, "too large"},
    {"'a'.matches('*')", NULL, "missing argument"},
    /* conversions */
    {"int('42') + int(2.9) + int(3u)", "47"},
    {"string(1) + string(true) + string(1.5)", "\"1true1.5\""},
    {"double('1.5') + double(1)", "2.5"},
    {"int('x')", NULL, "type conversion error"},
    {"9223372036854775807 + 1", NULL, "overflow"},
    /* time */
    {"timestamp('2026-03-01T00:00:00Z') - duration('24h')", "\"2026-02-28T00:00:00Z\""},
    {"timestamp('2024-02-29T12:34:56Z').getDayOfYear()", "59"},
    {"timestamp('1970-01-01T00:00:00Z').getDayOfWeek()", "4"},
    {"timestamp('2026-03-05T00:00:00Z').getMonth()", "2"},
    {"duration('1h30m').getMinutes()", "90"},
    {"timestamp('2026-01-01T00:00:01Z') > timestamp('2026-01-01T00:00:00Z')", "true"},
    /* Kubernetes' own */
    {"quantity('1Gi').isGreaterThan(quantity('1G'))", "true"},
    {"quantity('500m').add(quantity('1')).compareTo(quantity('1500m'))", "0"},
    {"isQuantity('3x')", "false"},
    {"quantity('2k').asInteger()", "2000"},
    {"semver('1.2.3').isLessThan(semver('1.10.0'))", "true"},
    {"semver('1.0.0-rc.2').compareTo(semver('1.0.0'))", "-1"},
    {"semver('1.0.0-rc.2').isLessThan(semver('1.0.0-rc.11'))", "true"},
    {"isSemver('v1.2') || isSemver('1.2') || isSemver('01.2.3')", "false"},
    {"semver('v1.28', true).minor()", "28"},
    {"ip('10.0.0.1').isGlobalUnicast() && ip('::1').isLoopback()", "true"},
    {"isIP('1.2.3.4.5') || isIP('::ffff:1.2.3.4')", "false"},
    {"cidr('10.0.0.0/8').containsIP('10.9.8.7')", "true"},
    {"cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", "true"},
    {"string(cidr('10.1.2.3/9').masked())", "\"10.0.0.0/9\""},
    {"ip.isCanonical('::1') && cidr('::/0').prefixLength() == 0", "true"},
    {"url('https://u@h.example:8443/a/b?x=1&x=2').getHostname()", "\"h.example\""},
    {"url('https://h:8443/a?x=1&x=2&y=%20z').getQuery()", "{\"x\":[\"1\",\"2\"],\"y\":[\" z\"]}"},
    {"isURL('not a url') || isURL('h.example/x')", "false"},
    {"format.dns1123Label().validate('Bad_').hasValue()", "true"},
    {"format.named('uuid').value().validate("
     "'123e4567-e89b-12d3-a456-426614174000').hasValue()",
     "false"},
    {"[3, 1, 2].max() - [3, 1, 2].min() + [1, 2].sum()", "5"},
    {"[1, 2, 2].isSorted() && [1, 2, 2].lastIndexOf(2) == 2", "true"},
    {"'{\"a\":[1]}'.parseJSON().a[0]", "1"},
    {"hasConditions(object.status) && !hasConditions(1)", "true"},
    /* refused before anything runs */
    {"nope", NULL,
     "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n"
     " | nope\n | ^"},
    {"true &&\n nope.x", NULL, "ERROR: <input>:2:2: undeclared reference to 'nope'"},
    {"'a' + 1", NULL,
     "found no matching overload for '_+_' applied to "
     "'(string, int)'"},
    {"'a'.nope()", NULL, "undeclared reference to 'nope'"},
    {"1 && true", NULL, "expected type 'bool' but found 'int'"},
    {"1 +", NULL, "Syntax error"},
    {"(1", NULL, "Syntax error"},
    {"'a", NULL, "Syntax error"},
    {"", NULL, "Syntax error"},
    {"1 2", NULL, "Syntax error"},
    {"for", NULL, "reserved identifier: for"},
    {"99999999999999999999", NULL, "invalid int literal"},
    {"has(object)", NULL, "invalid argument to has() macro"},
    {"[1].exists(x.y, true)", NULL, "argument must be a simple name"},
    {"scores('x')", NULL, "found no matching overload"},
};

static void try_one(const char *text, const char *gives, const char *refused)
{
    static const char *const variables[] = {"object", NULL};
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *node =
        document_read_json(arena, object, strlen(object), &document_limits_own, &err);
    struct cel_variable variable = {"object", node};
    struct cel_input input = {.variables = &variable, .variable_count = 1};
    struct cel_program *program = cel_compile(arena, text, variables, &err);
    struct node *value = program ? cel_eval(program, arena, &input, NULL, &err) : NULL;

    if (gives) {
        CHECK_TEXT(value ? document_json(arena, value) : err.text, gives, "%s", text);
        return;
    }
    CHECK(!value && strstr(err.text, refused), "%s is refused: %s", text,
          value ? document_json(arena, value) : err.text);
}

/* Each of these would be large or slow if nothing stopped it. */
static void check_bounds(void)
{
    static const char *const bombs[] = {
        "[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, "
        "[1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5,6,7,8,9,10].map(d, "
        "[1,2,3,4,5,6,7,8,9,10].map(e, [1,2,3,4,5,6,7,8,9,10].map(f, a))))))",
        "'aaaaaaaaaaaaaaaaaaaa'.replace('a', 'bbbbbbbbbbbbbbbbbbbb')"
        ".replace('b', 'cccccccccccccccccccccccccccccccccccccccc')"
        ".replace('c', 'dddddddddddddddddddddddddddddddddddddddd')"
        ".replace('d', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee')",
    };
    static const char *const none[] = {NULL};
    struct cel_input input = {0};

    for (size_t i = 0; i < count_of(bombs); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct err err = {0};
        struct cel_program *program = cel_compile(arena, bombs[i], none, &err);
        struct node *value = program ? cel_eval(program, arena, &input, NULL, &err) : NULL;

        CHECK(!value && err.code == ERR_TOO_MANY, "an expression that explodes is stopped: %s",
              err.text);
        CHECK(arena_used(arena) < (size_t)200 << 20, "and its memory is bounded");
    }
}

static void check_depth(void)
{
    static const char *const none[] = {NULL};
    static const char *const parts[] = {"(", "[", "1+", "{1:"};
    /* An even number of these is none at all, as in cel-go. */
    static const char *const none_at_all[][2] = {{"!", "true"}, {"-", "1"}};

    for (size_t i = 0; i < count_of(parts); i++) {
        scoped_arena struct arena *arena = arena_new();
        scoped_text struct text text = {0};
        struct err err = {0};

        for (int k = 0; k < 20000; k++)
            text_add(&text, parts[i]);
        text_add(&text, "1");
        CHECK(!cel_compile(arena, text_string(&text), none, &err) && err.code == ERR_INVALID &&
                  *err.text,
              "20,000 times \"%s\" is refused in words: %.60s", parts[i], err.text);
    }
    for (size_t i = 0; i < count_of(none_at_all); i++) {
        scoped_arena struct arena *arena = arena_new();
        scoped_text struct text text = {0};
        struct err err = {0};

        for (int k = 0; k < 20000; k++)
            text_add(&text, none_at_all[i][0]);
        text_add(&text, none_at_all[i][1]);
        CHECK(cel_compile(arena, text_string(&text), none, &err),
              "20,000 times \"%s\" is compiled: %.60s", none_at_all[i][0], err.text);
    }
}

int main(void)
{
    for (size_t i = 0; i < count_of(cases); i++)
        try_one(cases[i].text, cases[i].gives, cases[i].refused);
    check_bounds();
    check_depth();
    return check_done();
}
