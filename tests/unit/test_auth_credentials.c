/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificates, names and claims are somebody's, at every bound. */
#include "auth_fixture.h"

#include "auth/internal.h"

static struct place place;
static struct err err;

static const struct auth_user *identify(struct http_request *request)
{
    struct auth_user *user;

    request->arena = place.arena;
    request->remote = "10.0.0.1:4711";
    err = (struct err){0};
    return auth_identify(place.auth, request, place.arena, &user, &err) < 0 ? NULL : user;
}

static const struct auth_user *with_token(const char *token)
{
    struct http_field header = {"authorization", arena_printf(place.arena, "Bearer %s", token)};
    struct http_request request = {.headers = &header, .header_count = 1};

    return identify(&request);
}

/* ---- Certificates ------------------------------------------------------------------ */

#define MANAGED "system:open-cluster-management:managed-clusters"
#define NO_RIGHTS(name) "the certificate of \"" name "\" gives no rights here"

static void check_certificates(void)
{
    static const struct {
        const char *name, *group, *refusal; /* NULL: allowed */
        enum auth_role role;
    } cases[] = {
        {"alice", NULL, NULL, AUTH_USER},
        {"alice", "devs", NULL, AUTH_USER},
        {"alice", "system:masters", NULL, AUTH_ADMIN},
        {"", NULL, "the certificate has no CN, so it names no user", 0},
        {"", "system:masters", "the certificate has no CN, so it names no user", 0},
        {"alice", MANAGED, NO_RIGHTS("alice"), 0},
        {"system:anonymous", NULL, NO_RIGHTS("system:anonymous"), 0},
        {"system:bootstrap:t1", "system:bootstrappers", NO_RIGHTS("system:bootstrap:t1"), 0},
        {"alice", "system:bootstrappers", NULL, AUTH_USER},
        {"system:bootstrap:t1", NULL, NO_RIGHTS("system:bootstrap:t1"), 0},
        {"system:serviceaccount:lab:bot", NULL, NO_RIGHTS("system:serviceaccount:lab:bot"), 0},
        {"system:open-cluster-management:e1:agent", NULL, NULL, AUTH_USER},
        {"system:open-cluster-management:e1", MANAGED,
         NO_RIGHTS("system:open-cluster-management:e1"), 0},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        char *group = arena_string(place.arena, cases[i].group ?: "");
        struct pki_cert cert = {.common_name = arena_string(place.arena, cases[i].name),
                                .organizations = &group,
                                .organization_count = cases[i].group != NULL,
                                .not_after = INT64_MAX};
        struct http_request request = {.peer = &cert};
        const struct auth_user *user = identify(&request);

        CHECK_TEXT(user ? NULL : err.text, cases[i].refusal, "\"%s\" in %s", cases[i].name,
                   cases[i].group ?: "no group");
        if (!user)
            continue;
        CHECK_INT(user->role, cases[i].role, "as what it is");
        CHECK_TEXT(user->groups[0], cases[i].group ?: "system:authenticated", "in its group");
        CHECK_TEXT(cases[i].group ? user->groups[1] : "system:authenticated",
                   "system:authenticated", "and among those who are known");
        CHECK(!user->groups[cases[i].group ? 2 : 1], "and in no other group");
    }
}

/* A certificate counts from its first moment to the one before its last. */
static void check_dates(void)
{
    char name[] = "alice";
    struct pki_cert cert = {.common_name = name};
    struct http_request request = {.peer = &cert};
    int64_t now = clock_wall();

    cert.not_before = now;
    cert.not_after = now + 1;
    CHECK(identify(&request), "it counts at once");
    cert.not_before = now + 1;
    CHECK(!identify(&request) && strstr(err.text, "is not valid before"), "but not earlier");
    cert.not_before = now - 1;
    cert.not_after = now;
    CHECK(!identify(&request) && strstr(err.text, "ended at"), "nor when it has ended");
}

/* ---- Names --------------------------------------------------------------------------- */

static void check_names(void)
{
    static const struct {
        const char *name, *first, *second; /* NULL: no such name */
    } accounts[] =
        {
            {"system:serviceaccount:lab:bot", "lab", "bot"},
            {"system:serviceaccount:lab", NULL, NULL},
            {"system:serviceaccount::bot", NULL, NULL},
            {"system:serviceaccount:lab:", NULL, NULL},
            {"system:serviceaccount:lab:bot:more", NULL, NULL},
            {"system:serviceaccounts:lab:bot", NULL, NULL},
        },
      agents[] = {
          {"system:open-cluster-management:edge-1:agent", "edge-1", "agent"},
          {"system:open-cluster-management:edge-1", NULL, NULL},
          {"system:open-cluster-management::agent", NULL, NULL},
          {"system:open-cluster-management:edge-1:", NULL, NULL},
          {"system:open-cluster-management:edge-1:agent:more", NULL, NULL},
          {"open-cluster-management:edge-1:agent", NULL, NULL},
      };

    for (size_t i = 0; i < count_of(accounts); i++) {
        const char *namespace = NULL, *name = NULL;

        CHECK_INT(account_parse(place.arena, accounts[i].name, &namespace, &name),
                  accounts[i].first != NULL, "\"%s\" is %s account", accounts[i].name,
                  accounts[i].first ? "an" : "no");
        CHECK_TEXT(namespace, accounts[i].first, "of that namespace");
        CHECK_TEXT(name, accounts[i].second, "and name");
    }
    for (size_t i = 0; i < count_of(agents); i++) {
        const char *cluster = NULL, *agent = NULL;

        CHECK_INT(auth_parse_agent(place.arena, agents[i].name, &cluster, &agent),
                  agents[i].first != NULL, "\"%s\" is %s agent", agents[i].name,
                  agents[i].first ? "an" : "no");
        CHECK_TEXT(cluster, agents[i].first, "of that cluster");
        CHECK_TEXT(agent, agents[i].second, "and name");
    }
}

static void check_shapes(void)
{
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"eyJ.b.c", true}, {"ey.b.c", true},       {"ey..", true},     {"eyJ.b", false},
        {"eyJ", false},    {"eyJ.b.c.d", false},   {"xyJ.b.c", false}, {"", false},
        {"e.b.c", false},  {"axle1.h.i.s", false},
    };
    scoped_text struct text large = {0};

    for (size_t i = 0; i < count_of(cases); i++)
        CHECK_INT(account_is_token(cases[i].text), cases[i].is, "\"%s\" is %s account's token",
                  cases[i].text, cases[i].is ? "an" : "no");
    text_add(&large, "ey.b.");
    while (large.len < 16383)
        text_add_char(&large, 'c');
    CHECK(account_is_token(text_string(&large)), "16,383 bytes are not too long for one");
    text_add_char(&large, 'c');
    CHECK(!account_is_token(text_string(&large)), "one more is");
}

/* ---- Claims ----------------------------------------------------------------------------- */

/* A token with these claims, signed by the hub's key. */
static const char *sign(const char *claims)
{
    static const char header[] = "{\"alg\":\"ES256\"}";
    unsigned char signature[PKI_ES256];
    scoped_text struct text out = {0};

    text_add_base64(&out, header, strlen(header), true);
    text_add_char(&out, '.');
    text_add_base64(&out, claims, strlen(claims), true);
    pki_sign_es256(place.key, out.bytes, out.len, signature);
    text_add_char(&out, '.');
    text_add_base64(&out, signature, sizeof signature, true);
    return arena_string(place.arena, text_string(&out));
}

static const char *uid_of(const char *plural, const char *name)
{
    scoped_object struct object *object = objects_get(
        place.objects, OBJECTS_PUBLISHED, kind_of(&place, "", plural), "lab", name, &err);

    must(object, &err);
    return arena_string(place.arena, object->uid);
}

static const char *claim(const char *iss, long long exp, const char *more, const char *account)
{
    return sign(arena_printf(
        place.arena,
        "{\"iss\":\"%s\",\"exp\":%lld,%s\"aud\":[\"https://axle.internal\"],\"jti\":\"j\","
        "\"kubernetes.io\":{\"namespace\":\"lab\",\"serviceaccount\":{\"name\":\"bot\",\"uid\":"
        "\"%s\"}}}",
        iss, exp, more, account));
}

#define OUR "https://axle.internal"

static void check_claims(void)
{
    const char *uid = uid_of("serviceaccounts", "bot");
    long long now = clock_wall() / CLOCK_SECOND;
    const struct auth_user *user = with_token(claim(OUR, now + 1, "", uid));
    const struct {
        const char *token, *refusal;
    } cases[] = {
        {claim(OUR, now, "", uid), "service account token has expired"},
        {claim(OUR, now - 1, "", uid), "service account token has expired"},
        {claim(OUR, now + 60, arena_printf(place.arena, "\"nbf\":%lld,", now + 1), uid),
         "service account token is not valid yet"},
        {claim("https://other", now + 60, "", uid), "invalid bearer token"},
        {claim(OUR, now + 60, "", "u"), NULL},
        {sign("{\"iss\":\"https://axle.internal\",\"aud\":[\"https://axle.internal\"]}"),
         "service account token has expired"},
        {sign("no JSON"), "invalid bearer token"},
        {sign("[]"), "service account token has expired"},
    };

    must(user, &err);
    CHECK_TEXT(user->name, "system:serviceaccount:lab:bot", "claims that hold are the account's");
    CHECK_INT(user->expires, (now + 1) * CLOCK_SECOND, "until they end");
    CHECK(with_token(claim(OUR, now + 1, arena_printf(place.arena, "\"nbf\":%lld,", now), uid)),
          "they may count from now on");
    for (size_t i = 0; i < count_of(cases); i++) {
        CHECK(!with_token(cases[i].token) && err.code == ERR_UNAUTHORIZED, "claims %zu do not hold",
              i);
        if (cases[i].refusal)
            CHECK_TEXT(err.text, cases[i].refusal, "and the refusal says why");
        else
            CHECK(strstr(err.text, "does not match claim (u)"), "the uid is another: %s", err.text);
    }
}

/* The header and the claims of a token that the hub makes, whole. */
static void check_made(void)
{
    struct node *body = node_map(place.arena), *made, *part;
    const char *token, *id, *parts[2];
    long long now;

    made =
        auth_token_make(place.auth, place.arena, "lab", "bot", body, node_list(place.arena), &err);
    must(made, &err);
    token = node_get_text(node_get(made, "status"), "token");
    now = clock_wall() / CLOCK_SECOND;
    for (int i = 0; i < 2; i++) {
        scoped_text struct text json = {0};

        CHECK(text_add_unbase64(&json, token, strcspn(token, "."), true), "a part is base64");
        parts[i] = arena_string(place.arena, text_string(&json));
        token += strcspn(token, ".") + 1;
    }
    part = node_item(node_get(auth_token_keys(place.auth, place.arena), "keys"), 0);
    CHECK_TEXT(
        parts[0],
        arena_printf(place.arena, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", node_get_text(part, "kid")),
        "the header names the key that others find");
    part = document_read_json(place.arena, parts[1], strlen(parts[1]), &document_limits_own, &err);
    id = node_get_text(part, "jti");
    CHECK_TEXT(parts[1],
               arena_printf(place.arena,
                            "{\"aud\":[\"" OUR "\"],\"exp\":%lld,\"iat\":%lld,\"iss\":\"" OUR
                            "\",\"jti\":\"%s\",\"kubernetes.io\":{\"namespace\":\"lab\","
                            "\"serviceaccount\":{\"name\":\"bot\",\"uid\":\"%s\"}},\"nbf\":%lld,"
                            "\"sub\":\"system:serviceaccount:lab:bot\"}",
                            now + 3600, now, id, uid_of("serviceaccounts", "bot"), now),
               "the claims say who, until when and for whom");
}

/* ---- Requests for tokens ------------------------------------------------------------------ */

static const char *request_refusal(struct node *audiences)
{
    struct node *body = node_map(place.arena);

    err = (struct err){0};
    node_set(place.arena, node_make(place.arena, body, "spec"), "audiences", audiences);
    return auth_token_make(place.auth, place.arena, "lab", "bot", body, node_list(place.arena),
                           &err)
               ? ""
               : err.text;
}

static void check_audiences(void)
{
    struct node *many = node_list(place.arena), *one = node_list(place.arena);
    scoped_text struct text long_one = {0};

    for (int i = 0; i < 16; i++)
        node_add(place.arena, many, node_format(place.arena, "a%d", i));
    CHECK_TEXT(request_refusal(many), "", "a token may have at most 16 audiences");
    node_add(place.arena, many, node_string(place.arena, "one-more"));
    CHECK_TEXT(
        request_refusal(many),
        "TokenRequest.authentication.k8s.io \"\" is invalid: spec.audiences: Invalid value: 17: a "
        "token may have at most 16 audiences",
        "but not for 17");
    while (long_one.len < 512)
        text_add_char(&long_one, 'a');
    node_add(place.arena, one, node_string(place.arena, text_string(&long_one)));
    CHECK_TEXT(request_refusal(one), "", "an audience may have 512 bytes");
    text_add_char(&long_one, 'a');
    node_add(place.arena, one, node_string(place.arena, text_string(&long_one)));
    CHECK(strstr(request_refusal(one), "spec.audiences[1]") &&
              text_ends(err.text, "an audience has 1 to 512 bytes"),
          "but not 513");
    CHECK_TEXT(request_refusal(node_list(place.arena)), "", "a list of none means the hub itself");
    CHECK_TEXT(request_refusal(node_null(place.arena)), "", "and so does null");
}

/* ---- What is being deleted ---------------------------------------------------------------- */

/* An account, Secret or JoinToken in deletion lets nobody in, even if a finalizer keeps it. */
static void check_deletion(void)
{
    struct node *body = node_map(place.arena), *spec, *made;
    const char *token, *join;
    struct node *reference;

    apply(&place,
          "{apiVersion: v1, kind: ServiceAccount, metadata: {name: held, namespace: lab, "
          "finalizers: [t.example/hold]}}\n---\n"
          "{apiVersion: v1, kind: Secret, metadata: {name: held, namespace: lab, finalizers: "
          "[t.example/hold]}}\n---\n");
    spec = node_make(place.arena, body, "spec");
    reference = node_make(place.arena, spec, "boundObjectRef");
    node_set_text(place.arena, reference, "kind", "Secret");
    node_set_text(place.arena, reference, "apiVersion", "v1");
    node_set_text(place.arena, reference, "name", "held");
    node_set_text(place.arena, reference, "uid", uid_of("secrets", "held"));
    made =
        auth_token_make(place.auth, place.arena, "lab", "held", body, node_list(place.arena), &err);
    must(made, &err);
    token = node_get_text(node_get(made, "status"), "token");
    CHECK(with_token(token), "a token that is bound to a Secret with a finalizer is good");
    forget(&place, "", "secrets", "lab", "held");
    CHECK(!with_token(token), "but not when the Secret is in deletion");
    CHECK_TEXT(err.text, "service account token has been invalidated", "and the refusal says so");
    node_remove(spec, "boundObjectRef");
    made =
        auth_token_make(place.auth, place.arena, "lab", "held", body, node_list(place.arena), &err);
    must(made, &err);
    token = node_get_text(node_get(made, "status"), "token");
    CHECK(with_token(token), "the account's own token is good");
    forget(&place, "", "serviceaccounts", "lab", "held");
    CHECK(!with_token(token), "but not when the account is in deletion");
    CHECK_TEXT(err.text, "service account lab/held has been deleted", "and the refusal says so");

    join = "axle1.0000000000000000000000000000000000000000000000000000000000000000.join.swordfish";
    apply(&place,
          arena_printf(place.arena,
                       "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: join, "
                       "finalizers: [t.example/hold]}, spec: {salt: pepper, hash: %s, expiresAt: "
                       "'2099-01-01T00:00:00Z'}}",
                       pki_join_token_hash(place.arena, "pepper", "swordfish")));
    CHECK(with_token(join), "a join token with a finalizer is good: %s", err.text);
    forget(&place, "axle.dev", "jointokens", "", "join");
    CHECK(!with_token(join) && strstr(err.text, "the token is not valid: it was revoked"),
          "but not when it is in deletion: %s", err.text);
}

/* ---- Join tokens --------------------------------------------------------------------------- */

static void check_join_tokens(void)
{
    static const char join[] =
        "axle1.0000000000000000000000000000000000000000000000000000000000000000.jt.swordfish";
    static const char yaml[] =
        "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: jt}, spec: {salt: "
        "pepper, hash: %s, expiresAt: '%s', purpose: %s}}";
    const char *hash = pki_join_token_hash(place.arena, "pepper", "swordfish");
    const struct auth_user *user;
    char soon[CLOCK_TEXT];

    clock_format(clock_wall() + 10 * CLOCK_SECOND, false, soon);
    apply(&place, arena_printf(place.arena, yaml, hash, soon, "Join"));
    user = with_token(join);
    must(user, &err);
    CHECK_TEXT(user->token, "jt", "a join token names itself");
    CHECK_TEXT(user->name, "system:bootstrap:jt", "and its user");
    CHECK_TEXT(user->groups[0], "system:bootstrappers", "who is of those that join");
    CHECK(user->expires > clock_wall(), "until it ends");
    loop_world_run(place.world, 11 * CLOCK_SECOND);
    CHECK(!with_token(join) && text_starts(err.text, "the join token expired at ") &&
              text_ends(err.text, "make a new one with `axle token create`"),
          "then it is refused: %s", err.text);
    apply(&place,
          arena_printf(place.arena, yaml, arena_printf(place.arena, "%sx", hash), soon, "Join"));
    CHECK(!with_token(join) && strstr(err.text, "is not valid"), "a hash that goes on is another");
    CHECK(!with_token("axle1.x") && strstr(err.text, "this is not a token of an Axle hub"),
          "what has not the form of a token is none");
}

int main(void)
{
    place_open(&place, NULL);
    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: lab}}\n---\n"
                  "{apiVersion: v1, kind: ServiceAccount, metadata: {name: bot, namespace: lab}}");
    check_certificates();
    check_dates();
    check_names();
    check_shapes();
    check_claims();
    check_made();
    check_audiences();
    check_deletion();
    check_join_tokens();
    place_close(&place);
    return check_done();
}
