/* SPDX-License-Identifier: Apache-2.0 */
/* What machines may say and how often: buckets, endpoints, texts. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "check.h"
#include "document/document.h"
#include "limits/limits.h"

static const struct {
    const char *name, *endpoint, *host, *why; /* host NULL: refused with why */
} endpoints[] = {
    {"an address and a port", "{\"address\":\"10.1.2.3\",\"port\":8080,\"protocol\":\"TCP\"}",
     "10.1.2.3", ""},
    {"an IPv6 address", "{\"address\":\"fd00::1\",\"port\":80}", "fd00::1", ""},
    {"a name, in lower case", "{\"address\":\"GPU-1.lab\",\"port\":80}", "gpu-1.lab", ""},
    {"a URL", "{\"url\":\"https://gpu-1.lab:8443/v1?x=y\"}", "gpu-1.lab", ""},
    {"a URL of its address", "{\"address\":\"10.1.2.3\",\"url\":\"http://10.1.2.3:80/\"}",
     "10.1.2.3", ""},
    {"nothing yet", "{\"name\":\"http\"}", "", ""},
    {"a script", "{\"url\":\"javascript:alert(1)\"}", NULL, "must begin with http"},
    {"a script that looks like a URL", "{\"url\":\"javascript://a/%0aalert(1)\"}", NULL,
     "must begin with http"},
    {"data", "{\"url\":\"data:text/html,x\"}", NULL, "must begin with http"},
    {"a user and a password", "{\"url\":\"https://user:pw@10.1.2.3/\"}", NULL, "no user"},
    {"a user that looks like the host", "{\"url\":\"https://10.1.2.3@evil.example/\"}", NULL,
     "no user"},
    {"a backslash before the host", "{\"url\":\"https:\\\\evil.example\"}", NULL,
     "characters of a URL"},
    {"an escape sequence", "{\"url\":\"https://10.1.2.3/\\u001b[2J\"}", NULL,
     "characters of a URL"},
    {"a blank", "{\"url\":\"https://10.1.2.3/ x\"}", NULL, "characters of a URL"},
    {"a quote that would end an attribute", "{\"url\":\"https://10.1.2.3/\\\"onclick=x\"}", NULL,
     "characters of a URL"},
    {"no host", "{\"url\":\"https:///x\"}", NULL, "must name a host"},
    {"a port that is none", "{\"url\":\"http://10.1.2.3:99999/\"}", NULL, "must name a host"},
    {"another port that is none", "{\"address\":\"10.1.2.3\",\"port\":70000}", NULL,
     "from 0 to 65535"},
    {"a port below none", "{\"address\":\"10.1.2.3\",\"port\":-1}", NULL, "from 0 to 65535"},
    {"a port in words", "{\"address\":\"10.1.2.3\",\"port\":\"80@evil.example/\"}", NULL,
     "from 0 to 65535"},
    {"an address with a path", "{\"address\":\"evil.example/\",\"port\":1}", NULL,
     "an address or a host name"},
    {"an address with a user", "{\"address\":\"u@evil.example\",\"port\":1}", NULL,
     "an address or a host name"},
    {"an address with an escape", "{\"address\":\"a\\u001b[31m\",\"port\":1}", NULL,
     "an address or a host name"},
    {"a URL that leads elsewhere", "{\"address\":\"10.1.2.3\",\"url\":\"http://evil.example/\"}",
     NULL, "must have the endpoint's address as its host"},
    {"a URL that is a list", "{\"url\":[\"javascript:x\"]}", NULL, "must be strings"},
    {"no object", "\"javascript:x\"", NULL, "must be an object"},
};

static void check_endpoints(void)
{
    for (size_t i = 0; i < count_of(endpoints); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct err err = {0};
        const struct node *node =
            document_read_json(arena, endpoints[i].endpoint, strlen(endpoints[i].endpoint),
                               &document_limits_api, &err);
        const char *host = "";
        int result = limits_check_endpoint(arena, node, "status.endpoints[0]", &host, &err);

        if (endpoints[i].host)
            CHECK(!result && !strcmp(host, endpoints[i].host), "%s is taken (%s %s)",
                  endpoints[i].name, host, err.text);
        else
            CHECK(result < 0 && strstr(err.text, endpoints[i].why) &&
                      strstr(err.text, "status.endpoints[0]") &&
                      text_is_printable(err.text, strlen(err.text), false),
                  "%s is refused (%s)", endpoints[i].name, err.text);
    }
}

static const struct {
    const char *name, *tree, *want; /* want: JSON, or the field that is refused */
    bool refused;
} texts[] = {
    {"plain text stays", "{\"a\":\"b\",\"message\":\"two\\nlines\\tand ünïcödé\"}",
     "{\"a\":\"b\",\"message\":\"two\\nlines\\tand ünïcödé\"}", false},
    {"an escape sequence in a message is shown as such",
     "{\"conditions\":[{\"message\":\"\\u001b[2Jhi\"}]}",
     "{\"conditions\":[{\"message\":\"\xef\xbf\xbd[2Jhi\"}]}", false},
    {"turned writing in a message", "{\"note\":\"a\\u202eb\\u2066c\"}",
     "{\"note\":\"a\xef\xbf\xbd"
     "b\xef\xbf\xbd"
     "c\"}",
     false},
    {"what a program said, as feedback", "{\"fieldValue\":{\"string\":\"x\\u0007\"}}",
     "{\"fieldValue\":{\"string\":\"x\xef\xbf\xbd\"}}", false},
    {"an escape sequence in a name", "{\"pods\":[{\"name\":\"a\\u001b\"}]}", "status.pods[0].name",
     true},
    {"C1 controls", "{\"version\":\"1\\u009b31m\"}", "status.version", true},
    {"a line end in a word", "{\"phase\":\"Run\\nning\"}", "status.phase", true},
    {"turned writing in a word", "{\"phase\":\"a\\u202eb\"}", "status.phase", true},
    {"a key that cannot be shown", "{\"capacity\":{\"cpu\\u001b\":\"1\"}}",
     "status.capacity.cpu\xef\xbf\xbd", true},
};

static void check_texts(void)
{
    for (size_t i = 0; i < count_of(texts); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct err err = {0};
        struct node *node = document_read_json(arena, texts[i].tree, strlen(texts[i].tree),
                                               &document_limits_api, &err);
        int result = limits_check_texts(arena, node, "status", &err);

        if (texts[i].refused)
            CHECK(result < 0 && text_starts(err.text, texts[i].want), "%s is refused (%s)",
                  texts[i].name, err.text);
        else
            CHECK(!result && !strcmp(document_json(arena, node), texts[i].want), "%s (%s)",
                  texts[i].name, document_json(arena, node));
    }
}

static void check_lengths(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *tree = node_map(arena);
    struct err err = {0};
    char *much = arena_alloc(arena, 9001);

    for (size_t i = 0; i < 9000; i += 2)
        memcpy(much + i, "ü", 2);
    node_set_text(arena, tree, "message", arena_printf(arena, "x%s", much));
    CHECK_INT(limits_check_texts(arena, tree, "status", &err), 0, "a long message is taken");
    CHECK(strlen(node_get_text(tree, "message")) < 4200 &&
              text_is_utf8(node_get_text(tree, "message"), strlen(node_get_text(tree, "message"))),
          "and cut between letters");
    node_set_text(arena, tree, "phase", much);
    CHECK(limits_check_texts(arena, tree, "status", &err) < 0 &&
              text_starts(err.text, "status.phase: "),
          "a long word is refused");
}

static void check_bucket(void)
{
    struct limits_bucket bucket = {0};
    int wait = 0, taken = 0;
    int64_t now = CLOCK_SECOND;

    while (taken < 1000 && limits_take(&bucket, 10, 200, 1, now, &wait))
        taken++;
    CHECK_INT(taken, 200, "as many at once as the burst");
    CHECK(wait >= 1, "then it says how long to wait");
    CHECK(limits_take(&bucket, 10, 200, 1, now + CLOCK_SECOND, &wait),
          "after a second it is let in");
    CHECK(limits_take(&bucket, 10, 200, 5000, now + 2 * CLOCK_SECOND, &wait),
          "one larger than the burst may pass");
    CHECK(!limits_take(&bucket, 10, 200, 1, now + 60 * CLOCK_SECOND, &wait) && wait > 1,
          "and is a debt to be paid");
    CHECK(limits_take(&bucket, 10, 200, 1, now + 600 * CLOCK_SECOND, &wait), "which time pays");
}

/* ---- Shares of a turn */

static const struct {
    const char *name;
    enum limits_class_id id;
    size_t active[LIMITS_CLASSES];
    int64_t share;
} shares[] = {
    {"who is alone has the whole turn", LIMITS_USERS, {[LIMITS_USERS] = 1}, 64},
    {"so has a spoke", LIMITS_SPOKES, {[LIMITS_SPOKES] = 1}, 64},
    {"two users have half each", LIMITS_USERS, {[LIMITS_USERS] = 2}, 32},
    {"a user beside a thousand spokes has more than half",
     LIMITS_USERS,
     {[LIMITS_USERS] = 1, [LIMITS_SPOKES] = 1000},
     36},
    {"and each of these the least", LIMITS_SPOKES, {[LIMITS_USERS] = 1, [LIMITS_SPOKES] = 1000}, 4},
    {"who shows nothing has little beside a user",
     LIMITS_ANONYMOUS,
     {[LIMITS_USERS] = 1, [LIMITS_ANONYMOUS] = 1},
     7},
    {"one that has not asked yet counts", LIMITS_USERS, {[LIMITS_SPOKES] = 1}, 36},
};

static const struct {
    const char *name;
    enum limits_class_id id;
    struct limits_load load;
    enum limits_verdict verdict;
} verdicts[] = {
    {"the first of a turn runs", LIMITS_USERS, {.share = 32, .others = true}, LIMITS_RUN},
    {"within its share too, when turns are late",
     LIMITS_USERS,
     {.share = 32, .used = 31, .turn = 40, .others = true, .late = true},
     LIMITS_RUN},
    {"beyond its share it waits",
     LIMITS_USERS,
     {.share = 32, .used = 32, .turn = 32, .others = true},
     LIMITS_WAIT},
    {"in a full turn everybody waits", LIMITS_USERS, {.share = 32, .turn = 64}, LIMITS_WAIT},
    {"behind its own that wait it waits", LIMITS_USERS, {.share = 32, .waiting = 1}, LIMITS_WAIT},
    {"without room for bodies it waits",
     LIMITS_USERS,
     {.share = 32, .bodies_are_full = true},
     LIMITS_WAIT},
    {"while turns are short, many wait",
     LIMITS_USERS,
     {.share = 32, .waiting = 500, .others = true},
     LIMITS_WAIT},
    {"when they are late, half a share may",
     LIMITS_USERS,
     {.share = 32, .waiting = 15, .others = true, .late = true},
     LIMITS_WAIT},
    {"and more are refused",
     LIMITS_USERS,
     {.share = 32, .waiting = 16, .others = true, .late = true},
     LIMITS_REFUSE},
    {"of a small share some may wait still",
     LIMITS_SPOKES,
     {.share = 4, .waiting = 7, .others = true, .late = true},
     LIMITS_WAIT},
    {"who is alone is not refused, however late",
     LIMITS_USERS,
     {.share = 64, .waiting = 500, .late = true},
     LIMITS_WAIT},
    {"unless it is beyond all measure",
     LIMITS_USERS,
     {.share = 64, .waiting = 1024},
     LIMITS_REFUSE},
    {"a lease never waits",
     LIMITS_EXEMPT,
     {.share = 4, .used = 9, .turn = 99, .waiting = 99, .others = true, .late = true},
     LIMITS_RUN},
};

static void check_shares(void)
{
    for (size_t i = 0; i < count_of(shares); i++)
        CHECK_INT(limits_share(shares[i].id, shares[i].active), shares[i].share, "%s",
                  shares[i].name);
    for (size_t i = 0; i < count_of(verdicts); i++)
        CHECK_INT(limits_judge(verdicts[i].id, &verdicts[i].load), verdicts[i].verdict, "%s",
                  verdicts[i].name);
    CHECK_INT(limits_cost(0), 1, "what has no body costs one unit");
    CHECK_INT(limits_cost(200000), 25, "a large body as many small requests");
    CHECK(limits_cost(-1) > limits_cost(1000), "an unknown one is taken for more than a small one");
    CHECK_INT(limits_retry_after(0), 1, "who is refused for the first time may come in a second");
    CHECK(limits_retry_after(100) > limits_retry_after(10) && limits_retry_after(1000000) <= 10,
          "who is refused often waits longer, but not for ever");
}

int main(void)
{
    check_shares();
    check_endpoints();
    check_texts();
    check_lengths();
    check_bucket();
    return check_done();
}
