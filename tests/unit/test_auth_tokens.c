/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of accounts end when they should; acting as others is a right. */
#include "auth_fixture.h"

#include "auth/internal.h"
#include "sim/world.h"

static struct place place;

/* ---- Asking ------------------------------------------------------------------ */

/* `fields` are name, value, …; the user, or NULL with the refusal. */
static const struct auth_user *identify(const char *const *fields, struct err *err)
{
    struct http_field headers[8];
    struct http_request request = {
        .remote = "10.0.0.1:4711", .arena = place.arena, .headers = headers};
    struct auth_user *user;

    *err = (struct err){0};
    for (; *fields; fields += 2)
        headers[request.header_count++] = (struct http_field){fields[0], fields[1]};
    return auth_identify(place.auth, &request, place.arena, &user, err) < 0 ? NULL : user;
}

static const struct auth_user *with_token(const char *token, struct err *err)
{
    const char *fields[] = {"authorization", arena_printf(place.arena, "Bearer %s", token), NULL};

    return identify(fields, err);
}

static struct node *request_token(const char *name, const char *spec, struct err *err)
{
    struct node *causes = node_list(place.arena);
    char *text = arena_printf(place.arena, "{spec: %s}", spec);
    struct node *body =
        document_read_yaml(place.arena, text, strlen(text), true, &document_limits_own, err);

    *err = (struct err){0};
    return auth_token_make(place.auth, place.arena, "lab", name, body, causes, err);
}

static const char *token(const char *spec)
{
    struct err err;
    struct node *made = request_token("bot", spec, &err);

    must(made, &err);
    return node_get_text(node_get(made, "status"), "token");
}

static struct node *review(const char *text, const char *audience)
{
    struct node *spec = node_map(place.arena);

    node_set_text(place.arena, spec, "token", text);
    if (audience)
        node_add(place.arena, node_make_list(place.arena, spec, "audiences"),
                 node_string(place.arena, audience));
    return auth_token_review(place.auth, place.arena, spec);
}

#define REFUSED(shown, why, ...)                                                                   \
    do {                                                                                           \
        struct err refused_;                                                                       \
                                                                                                   \
        CHECK(!with_token(shown, &refused_) && refused_.code == ERR_UNAUTHORIZED, __VA_ARGS__);    \
        CHECK_TEXT(refused_.text, why, "and it says why");                                         \
    } while (0)

/* ---- Tokens -------------------------------------------------------------------- */

static const char *credential_of(const struct node *review_status)
{
    return node_text(node_item(
        node_at(review_status, "user", "extra", "authentication.kubernetes.io/credential-id", NULL),
        0));
}

/* A TokenRequest is answered whole, as kube-apiserver does. */
static void check_whole(void)
{
    struct err err;
    struct node *made = request_token("bot", "{expirationSeconds: 600}", &err);
    struct node *key = NULL;
    char now[CLOCK_TEXT], ends[CLOCK_TEXT];

    must(made, &err);
    clock_format(clock_wall(), false, now);
    clock_format(clock_wall() + 600 * CLOCK_SECOND, false, ends);
    CHECK_TEXT(document_json(place.arena, made),
               arena_printf(
                   place.arena,
                   "{\"kind\":\"TokenRequest\",\"apiVersion\":"
                   "\"authentication.k8s.io/v1\",\"metadata\":{\"name\":\"bot\",\"namespace\":"
                   "\"lab\",\"creationTimestamp\":\"%s\"},\"spec\":{\"audiences\":["
                   "\"https://axle.internal\"],\"expirationSeconds\":600,\"boundObjectRef\":null},"
                   "\"status\":{\"token\":\"%s\",\"expirationTimestamp\":\"%s\"}}",
                   now, node_get_text(node_get(made, "status"), "token"), ends),
               "the answer to a TokenRequest");
    key = node_item(node_get(auth_token_keys(place.auth, place.arena), "keys"), 0);
    CHECK_TEXT(document_json(place.arena, key),
               arena_printf(place.arena,
                            "{\"use\":\"sig\",\"kty\":\"EC\",\"kid\":\"%s\","
                            "\"crv\":\"P-256\",\"alg\":\"ES256\",\"x\":\"%s\",\"y\":\"%s\"}",
                            node_get_text(key, "kid"), node_get_text(key, "x"),
                            node_get_text(key, "y")),
               "the key by which others verify tokens");
    CHECK_INT(strlen(node_get_text(key, "x")), 43, "x has 32 bytes");
    CHECK_INT(strlen(node_get_text(key, "y")), 43, "y has 32 bytes");
    CHECK(*node_get_text(key, "kid"), "the key has an id");
    CHECK_TEXT(
        document_json(place.arena, auth_token_issuer(place.arena, "https://h:1")),
        "{\"issuer\":\"https://axle.internal\",\"jwks_uri\":\"https://h:1/openid/v1/jwks\","
        "\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],"
        "\"id_token_signing_alg_values_supported\":[\"ES256\"]}",
        "what OpenID discovery says");
}

static void check_good(void)
{
    struct err err;
    const struct auth_user *user = with_token(token("{}"), &err);
    struct node *status;

    must(user, &err);
    CHECK_TEXT(user->name, "system:serviceaccount:lab:bot", "it is the account");
    CHECK_TEXT(user->groups[1], "system:serviceaccounts:lab", "in its groups");
    CHECK_TEXT(user->groups[2], "system:authenticated", "and known");
    CHECK_INT(strlen(user->uid), 36, "with its uid");
    status = review(token("{}"), NULL);
    CHECK_TEXT(
        document_json(place.arena, status),
        arena_printf(place.arena,
                     "{\"authenticated\":true,\"user\":{"
                     "\"username\":\"system:serviceaccount:lab:bot\",\"uid\":\"%s\",\"groups\":["
                     "\"system:serviceaccounts\",\"system:serviceaccounts:lab\","
                     "\"system:authenticated\"],\"extra\":{\"authentication.kubernetes.io/"
                     "credential-id\":[\"%s\"]}},\"audiences\":[\"https://axle.internal\"]}",
                     user->uid, credential_of(status)),
        "a review says who it is, whole");
    CHECK(text_starts(credential_of(status), "JTI=") && strlen(credential_of(status)) == 40 &&
              strcmp(credential_of(status), credential_of(review(token("{}"), NULL))),
          "each token has an id of its own: %s", credential_of(status));
    CHECK_TEXT(node_get_text(node_get(review(ADMIN_TOKEN, NULL), "user"), "username"),
               "system:admin:root", "an administrator's token is reviewed as well");
}

/* What does not verify is nothing, whatever it says. */
static void check_forged(void)
{
    const char *good = token("{}");
    char *bad = arena_string(place.arena, good);
    size_t len = strlen(bad);
    scoped_pki_key struct pki_key *other = pki_key_new();
    unsigned char signature[PKI_ES256];
    scoped_text struct text forged = {0};
    const char *dot = strrchr(good, '.');

    bad[len - 10] = bad[len - 10] == 'A' ? 'B' : 'A';
    REFUSED(bad, "invalid bearer token", "a changed signature");
    bad = arena_string(place.arena, good);
    strchr(bad, '.')[20] ^= 1;
    REFUSED(bad, "invalid bearer token", "changed claims");
    text_add_bytes(&forged, good, (size_t)(dot - good));
    pki_sign_es256(other, forged.bytes, forged.len, signature);
    text_add_char(&forged, '.');
    text_add_base64(&forged, signature, sizeof signature, true);
    REFUSED(text_string(&forged), "invalid bearer token", "another's signature");
    /* {"alg":"none"}, and no signature */
    text_cut(&forged, 0);
    text_add(&forged, "eyJhbGciOiJub25lIn0");
    text_add_bytes(&forged, strchr(good, '.'), (size_t)(dot - strchr(good, '.')));
    text_add(&forged, ".");
    REFUSED(text_string(&forged), "invalid bearer token", "no signature at all");
    REFUSED("ey..", "invalid bearer token", "nothing between dots");
    CHECK_TEXT(node_get_text(review(bad, NULL), "error"),
               "[invalid bearer token, invalid bearer token]", "a review tells why not");
    CHECK(!node_get_bool(review(bad, NULL), "authenticated", false), "and says no");
}

/* A credential that is empty is no good; it is not nobody's. */
static void check_empty(void)
{
    static const char *const shown[] = {"Basic ",      "Basic ==", "Basic Og==", "Basic !",
                                        "Basic YTpi!", "Bearer ",  "Bearer",     "Basic",
                                        "Negotiate x", ""};
    struct err err;

    for (size_t i = 0; i < count_of(shown); i++) {
        const char *fields[] = {"authorization", shown[i], NULL};
        const struct auth_user *user = identify(fields, &err);

        CHECK(!user || user->role == AUTH_ANONYMOUS, "\"%s\" gives no rights", shown[i]);
        if (text_starts(shown[i], "Basic ") || text_starts(shown[i], "Bearer "))
            CHECK(!user && err.code == ERR_UNAUTHORIZED, "and is refused");
    }
}

static void check_basic(void)
{
    /* As many letters as need no padding, so that what follows is read on. */
    static const char *const shown[] = {"a:" ADMIN_TOKEN, "ab:" ADMIN_TOKEN, "abc:" ADMIN_TOKEN};
    const char *fields[] = {"authorization", NULL, NULL};
    struct err err;

    for (size_t i = 0; i < count_of(shown); i++) {
        scoped_text struct text basic = {0};

        text_add(&basic, "Basic ");
        text_add_base64(&basic, shown[i], strlen(shown[i]), false);
        fields[1] = text_string(&basic);
        CHECK(identify(fields, &err), "the password of Basic is a token: %s", err.text);
        text_add(&basic, "!");
        fields[1] = text_string(&basic);
        CHECK(!identify(fields, &err) && err.code == ERR_UNAUTHORIZED,
              "but not if its base64 is broken at the end: %s", err.text);
    }
}

static void check_audience(void)
{
    const char *vault = token("{audiences: [vault]}");
    struct node *status;

    REFUSED(vault, "token audiences [\"vault\"] is invalid for the target audiences",
            "what is for others is not for the hub");
    status = review(vault, "vault");
    CHECK(node_get_bool(status, "authenticated", false), "they can ask");
    CHECK_TEXT(node_text(node_item(node_get(status, "audiences"), 0)), "vault",
               "and hear that it is for them");
    CHECK(!node_get_bool(review(vault, "bank"), "authenticated", false), "others hear no");
    CHECK(!node_get_bool(review(ADMIN_TOKEN, "vault"), "authenticated", false),
          "a hub's own token is for nobody else");
}

static void check_requests(void)
{
    static const struct {
        const char *name, *spec, *text;
    } cases[] = {
        {"bot", "{expirationSeconds: 599}",
         "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: "
         "Invalid value: 599: may not specify a duration less than 10 minutes"},
        {"bot", "{expirationSeconds: 4294967297}",
         "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: "
         "Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds"},
        {"bot", "{expirationSeconds: soon}",
         "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: "
         "Invalid value: \"soon\": must be a whole number of seconds"},
        {"bot", "{audiences: {a: b}}",
         "TokenRequest.authentication.k8s.io \"\" is invalid: spec.audiences: "
         "Invalid value: map[string]interface {}{\"a\":\"b\"}: must be a list of strings"},
        {"bot", "{audiences: [a, '']}",
         "TokenRequest.authentication.k8s.io \"\" is invalid: spec.audiences[1]: "
         "Invalid value: \"\": an audience has 1 to 512 bytes"},
        {"none", "{}", "serviceaccounts \"none\" not found"},
        {"bot", "{boundObjectRef: {kind: Node, apiVersion: v1, name: x}}",
         "cannot bind token to object of type v1, Kind=Node"},
        {"bot", "{boundObjectRef: {kind: Secret, apiVersion: v1, name: x}}",
         "secrets \"x\" not found"},
        {"bot", "{boundObjectRef: {kind: Secret, apiVersion: v1, name: s, uid: u}}",
         "Operation cannot be fulfilled on Secret \"s\": the UID in the bound object "
         "reference (u) does not match the UID in record. The object might have been "
         "deleted and then recreated"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        struct err err;

        CHECK(!request_token(cases[i].name, cases[i].spec, &err), "is refused");
        CHECK_TEXT(err.text, cases[i].text, "in their words");
    }
}

/* ---- Ends -------------------------------------------------------------------------- */

static void check_time(void)
{
    struct err err;
    const char *text = token("{expirationSeconds: 600}");

    CHECK(with_token(text, &err), "a token is good at once");
    loop_world_run(place.world, 598 * CLOCK_SECOND);
    CHECK(with_token(text, &err), "and until its last second");
    loop_world_run(place.world, 3 * CLOCK_SECOND);
    REFUSED(text, "service account token has expired", "and no longer");
}

/* A year, whatever is asked for; and what the hub thinks it knows itself. */
static void check_longest(void)
{
    struct err err;
    struct node *made = request_token("bot", "{expirationSeconds: 4294967296}", &err);
    const struct auth_user *user;

    must(made, &err);
    CHECK_INT(node_get_int(node_get(made, "spec"), "expirationSeconds", 0), 365 * 86400,
              "136 years become one, and the answer says so");
    user = with_token(node_get_text(node_get(made, "status"), "token"), &err);
    must(user, &err);
    CHECK(user->expires > clock_wall() + 364 * 86400 * CLOCK_SECOND &&
              user->expires <= clock_wall() + 365 * 86400 * CLOCK_SECOND,
          "who shows it is known to end then");
    user = with_token(ADMIN_TOKEN, &err);
    must(user, &err);
    CHECK(user->expires > clock_wall(), "an administrator's token ends too");
    make_admin_token(&place, "2001-01-01T00:00:00Z");
    REFUSED(ADMIN_TOKEN,
            "the administrator's token expired at 2001-01-01T00:00:00Z: make a "
            "new one with `axle token create --admin`",
            "and is refused then");
    make_admin_token(&place, "2099-01-01T00:00:00Z");
}

/* A certificate that ended on a kept connection is asked again at each request. */
static void check_certificates(void)
{
    char name[] = "alice";
    struct pki_cert cert = {.common_name = name,
                            .not_before = clock_wall() - CLOCK_SECOND,
                            .not_after = clock_wall() + 10 * CLOCK_SECOND};
    struct http_request request = {.peer = &cert, .arena = place.arena, .remote = ""};
    struct auth_user *user;
    struct err err = {0};

    must(auth_identify(place.auth, &request, place.arena, &user, &err) == 0, &err);
    CHECK(user->expires == cert.not_after, "who shows a certificate ends with it");
    loop_world_run(place.world, 10 * CLOCK_SECOND);
    CHECK(auth_identify(place.auth, &request, place.arena, &user, &err) < 0 &&
              err.code == ERR_UNAUTHORIZED && strstr(err.text, "certificate of \"alice\" ended at"),
          "and is refused from then on: %s", err.text);
    cert.not_before = clock_wall() + CLOCK_SECOND;
    cert.not_after = clock_wall() + 10 * CLOCK_SECOND;
    CHECK(auth_identify(place.auth, &request, place.arena, &user, &err) < 0 &&
              strstr(err.text, "is not valid before"),
          "one of tomorrow too: %s", err.text);
}

static void check_deletion(void)
{
    const char *bound = token("{boundObjectRef: {kind: Secret, apiVersion: v1, name: s}}");
    const char *free = token("{}");
    struct err err;

    CHECK(with_token(bound, &err), "a token that is bound to a Secret is good");
    forget(&place, "", "secrets", "lab", "s");
    REFUSED(bound, "service account token has been invalidated", "without the Secret it is not");
    apply(&place, "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: lab}}");
    REFUSED(bound, "service account token has been invalidated", "nor with another of that name");
    CHECK(with_token(free, &err), "the account's others are");
    forget(&place, "", "serviceaccounts", "lab", "bot");
    REFUSED(free, "serviceaccounts \"bot\" not found", "until the account is deleted");
    apply(&place, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: bot, "
                  "namespace: lab}}");
    CHECK(!with_token(free, &err) && strstr(err.text, "does not match claim"),
          "and a new one is another: %s", err.text);
}

/* ---- The account of a namespace -------------------------------------------------- */

static bool has_default(void)
{
    scoped_object struct object *object =
        objects_get(place.objects, OBJECTS_PUBLISHED, kind_of(&place, "", "serviceaccounts"), "lab",
                    "default", NULL);

    return object;
}

static void check_default(void)
{
    CHECK(has_default(), "a namespace has the account \"default\"");
    forget(&place, "", "serviceaccounts", "lab", "default");
    CHECK(has_default(), "which comes again when it is deleted");
}

/* ---- Acting as others --------------------------------------------------------------- */

static void check_impersonation(void)
{
    static const struct {
        const char *fields[9];
        const char *name, *group, *text; /* who it becomes, or the refusal */
    } cases[] = {
        {{"authorization", "Bearer " ADMIN_TOKEN, "impersonate-user", "bob"},
         "bob",
         "system:authenticated",
         NULL},
        {{"authorization", "Bearer " ADMIN_TOKEN, "impersonate-user", "bob", "impersonate-group",
          "devs"},
         "bob",
         "devs",
         NULL},
        {{"authorization", "Bearer " ADMIN_TOKEN, "impersonate-user",
          "system:serviceaccount:lab:bot"},
         "system:serviceaccount:lab:bot",
         "system:serviceaccounts",
         NULL},
        {{"authorization", "Bearer " ADMIN_TOKEN, "impersonate-user", "system:anonymous"},
         "system:anonymous",
         "system:unauthenticated",
         NULL},
        {{"authorization", "Bearer " ADMIN_TOKEN, "impersonate-group", "devs"},
         NULL,
         NULL,
         "requested groups, uid or extra without impersonating a user "
         "(Impersonate-User)"},
        {{"impersonate-user", "bob"},
         NULL,
         NULL,
         "users \"bob\" is forbidden: User \"system:anonymous\" cannot impersonate "
         "resource \"users\" in API group \"\" at the cluster scope"},
    };
    struct err err;

    for (size_t i = 0; i < count_of(cases); i++) {
        const struct auth_user *user = identify(cases[i].fields, &err);

        CHECK_TEXT(user ? user->name : NULL, cases[i].name, "who it becomes");
        if (cases[i].group)
            CHECK_TEXT(user ? user->groups[0] : NULL, cases[i].group, "in that group");
        else
            CHECK_TEXT(err.text, cases[i].text, "or why not");
    }
}

/* An account that may be bob is bob, and neither ann nor an administrator. */
static void check_some_impersonation(void)
{
    const char *bearer = arena_printf(place.arena, "Bearer %s", token("{}"));
    const char *bob[] = {"authorization", bearer, "impersonate-user", "bob", NULL};
    const char *ann[] = {"authorization", bearer, "impersonate-user", "ann", NULL};
    const char *root[] = {"authorization",  bearer, "impersonate-user", "bob", "impersonate-group",
                          "system:masters", NULL};
    struct err err;

    apply(&place,
          "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: as},\n"
          " rules: [{verbs: [impersonate], apiGroups: [''], resources: [users], "
          "resourceNames: [bob]}]}\n---\n"
          "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, "
          "metadata: {name: as}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: "
          "ClusterRole, name: as},\n subjects: [{kind: ServiceAccount, name: bot, "
          "namespace: lab}]}\n");
    CHECK(identify(bob, &err), "the one that the role names");
    CHECK(!identify(ann, &err), "not another");
    CHECK(!identify(root, &err) && err.code == ERR_FORBIDDEN &&
              strstr(err.text, "groups \"system:masters\" is forbidden"),
          "and no group beside: %s", err.text);
}

/* ---- Guessing --------------------------------------------------------------------------- */

/* Whoever shares the address of a guesser is let in with what is good. */
static void check_good_among_guesses(const struct http_request *guess)
{
    const struct {
        const char *token, *what;
    } cases[] = {
        {ADMIN_TOKEN, "a good token of the same address is let in"},
        {token("{}"), "an account's too"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        const char *bearer = arena_printf(place.arena, "Bearer %s", cases[i].token);
        struct http_field header = {"authorization", bearer};
        struct http_request good = *guess;
        struct auth_user *user;
        struct err err = {0};

        good.headers = &header;
        CHECK(auth_identify(place.auth, &good, place.arena, &user, &err) == 0, "%s: %s",
              cases[i].what, err.text);
    }
}

static void check_sources(void)
{
    static const struct {
        const char *remote, *source;
    } cases[] = {
        {"10.1.2.3:40112", "10.1.2.3"},
        {"10.1.2.3", "10.1.2.3"},
        {"[2001:db8:1:2:3:4:5:6]:443", "2001:0db8:0001:0002::/64"},
        {"2001:db8:1:2::9", "2001:0db8:0001:0002::/64"},
        {"[::1]:443", "0000:0000:0000:0000::/64"},
        {"[fe80::1%eth0]:5", "fe80:0000:0000:0000::/64"},
        {"[::ffff:10.1.2.3]:5", "10.1.2.3"},
        {"", ""},
        {NULL, ""},
        {"unix", "unix"},
        {"host:5", "host"},
    };
    char source[ATTEMPTS_SOURCE];

    for (size_t i = 0; i < count_of(cases); i++) {
        attempts_source(cases[i].remote, source);
        CHECK_TEXT(source, cases[i].source, "%s is counted there",
                   cases[i].remote ? cases[i].remote : "nothing");
    }
}

static void note_often(struct attempts *attempts, int address, int times)
{
    for (int i = 0; i < times; i++)
        attempts_note(attempts, arena_printf(place.arena, "10.%d.%d.%d:1", address >> 16,
                                             address >> 8 & 255, address & 255));
}

static bool is_allowed(struct attempts *attempts, int address)
{
    return attempts_allow(attempts, arena_printf(place.arena, "10.%d.%d.%d:1", address >> 16,
                                                 address >> 8 & 255, address & 255));
}

/* A flood from everywhere takes no more memory than 4,096 addresses. */
static void check_many_addresses(void)
{
    struct attempts *attempts = attempts_new();
    const int most = 4096;

    note_often(attempts, 0, 29);
    CHECK(is_allowed(attempts, 0), "29 wrong tokens are not too many");
    note_often(attempts, 0, 1);
    CHECK(!is_allowed(attempts, 0), "30 are");
    loop_world_run(place.world, CLOCK_SECOND);
    CHECK(is_allowed(attempts, 0), "one more is looked at after a second");
    note_often(attempts, 0, 60);
    for (int i = 1; i < most; i++)
        note_often(attempts, i, 40);
    CHECK(!is_allowed(attempts, most - 1), "the 4,096th address is kept");
    note_often(attempts, most, 40);
    CHECK(is_allowed(attempts, most), "the next one finds no room");
    CHECK(!is_allowed(attempts, 0), "and takes none from who was there");
    loop_world_run(place.world, 41 * CLOCK_SECOND);
    CHECK(is_allowed(attempts, 1) && !is_allowed(attempts, 0), "a bucket is full again in time");
    note_often(attempts, most, 40);
    CHECK(!is_allowed(attempts, most), "and its room is then another's");
    CHECK(!is_allowed(attempts, 0), "who still waits goes on waiting");
    attempts_free(&attempts);
    CHECK(!attempts, "what is freed is gone");
}

static void check_guesses(void)
{
    struct http_field header = {"authorization", "Bearer axle1.x.y.z"};
    struct http_request request = {
        .remote = "10.9.9.9:1", .arena = place.arena, .headers = &header, .header_count = 1};
    struct http_request other = request;
    int looked = 0, refused = 0;
    struct auth_user *user;
    struct err err;

    for (int i = 0; i < 100000; i++) {
        scoped_arena struct arena *arena = arena_new();

        err = (struct err){0};
        if (auth_identify(place.auth, &request, arena, &user, &err) == 0)
            continue;
        looked += err.code == ERR_UNAUTHORIZED;
        refused += err.code == ERR_TOO_MANY;
    }
    CHECK(looked >= 30 && looked < 200, "of 100,000 guesses %d are looked at", looked);
    CHECK_INT(looked + refused, 100000, "the others are told to wait");
    check_good_among_guesses(&request);
    other.remote = "10.9.9.8:1";
    CHECK(auth_identify(place.auth, &other, place.arena, &user, &err) < 0 &&
              err.code == ERR_UNAUTHORIZED,
          "another address does not feel it");
    request.header_count = 0;
    CHECK(auth_identify(place.auth, &request, place.arena, &user, &err) == 0,
          "nor does who shows no token");
}

int main(void)
{
    place_open(&place, NULL);
    apply(&place,
          "{apiVersion: v1, kind: Namespace, metadata: {name: lab}}\n---\n"
          "{apiVersion: v1, kind: ServiceAccount, metadata: {name: bot, namespace: lab}}\n---\n"
          "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: lab}}\n");
    check_good();
    check_whole();
    check_forged();
    check_empty();
    check_basic();
    check_audience();
    check_requests();
    check_time();
    check_longest();
    check_default();
    check_impersonation();
    check_some_impersonation();
    check_deletion();
    check_sources();
    check_many_addresses();
    check_guesses();
    check_certificates();
    place_close(&place);
    return check_done();
}
