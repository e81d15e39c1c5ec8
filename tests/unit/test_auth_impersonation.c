/* SPDX-License-Identifier: Apache-2.0 */
/* Who acts as another needs a right for each part of the other: user, groups, uid, extra. */
#include "auth_fixture.h"

#define RBAC "rbac.authorization.k8s.io"

static struct place place;
static struct err err;

/* The roles in which `by` may impersonate, and its certificate's name. */
static void allow(const char *by, const char *rules)
{
    apply(&place,
          arena_printf(place.arena,
                       "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: as-%s}, "
                       "rules: [%s]}\n---\n"
                       "{apiVersion: " RBAC "/v1, kind: ClusterRoleBinding, metadata: "
                       "{name: as-%s}, roleRef: {apiGroup: " RBAC ", kind: ClusterRole, "
                       "name: as-%s}, subjects: [{kind: User, name: %s, apiGroup: " RBAC "}]}\n",
                       by, rules, by, by, by));
}

/* The user of a request with a certificate of `by` and these headers: "name: value" each. */
static const struct auth_user *act(char *by, const char *const *lines)
{
    struct pki_cert cert = {.common_name = by, .not_after = INT64_MAX};
    struct http_field headers[8];
    struct http_request request = {
        .peer = &cert, .remote = "", .arena = place.arena, .headers = headers};
    struct auth_user *user;

    for (; *lines; lines++) {
        const char *colon = strchr(*lines, ':');

        headers[request.header_count++] = (struct http_field){
            arena_bytes(place.arena, *lines, (size_t)(colon - *lines)), colon + 2};
    }
    err = (struct err){0};
    return auth_identify(place.auth, &request, place.arena, &user, &err) < 0 ? NULL : user;
}

#define USERS "{verbs: [impersonate], apiGroups: [''], resources: [users]}"
#define GROUPS ", {verbs: [impersonate], apiGroups: [''], resources: [groups]}"
#define UIDS ", {verbs: [impersonate], apiGroups: [authentication.k8s.io], resources: [uids]}"
#define SCOPES                                                                                     \
    ", {verbs: [impersonate], apiGroups: [authentication.k8s.io], resources: "                     \
    "[userextras/scopes], resourceNames: [view, edit]}"
#define ACCOUNT                                                                                    \
    ", {verbs: [impersonate], apiGroups: [''], resources: [serviceaccounts], resourceNames: [bot]}"

static const struct {
    const char *by, *headers[8];
    const char *info; /* the user as reviews show it, or the end of the refusal */
} cases[] = {
    {"whole",
     {"impersonate-user: bob"},
     "{\"username\":\"bob\",\"groups\":[\"system:authenticated\"]}"},
    {"whole",
     {"impersonate-user: bob", "impersonate-group: a", "impersonate-group: b"},
     "{\"username\":\"bob\",\"groups\":[\"a\",\"b\",\"system:authenticated\"]}"},
    {"whole",
     {"impersonate-user: bob", "impersonate-group: system:authenticated"},
     "{\"username\":\"bob\",\"groups\":[\"system:authenticated\"]}"},
    {"whole",
     {"impersonate-user: bob", "impersonate-group: system:unauthenticated"},
     "{\"username\":\"bob\",\"groups\":[\"system:unauthenticated\"]}"},
    {"whole",
     {"impersonate-user: bob", "impersonate-group: system:authenticated", "impersonate-group: a"},
     "{\"username\":\"bob\",\"groups\":[\"system:authenticated\",\"a\"]}"},
    {"whole",
     {"impersonate-user: system:anonymous"},
     "{\"username\":\"system:anonymous\",\"groups\":[\"system:unauthenticated\"]}"},
    {"whole",
     {"impersonate-user: bob", "impersonate-uid: 17"},
     "{\"username\":\"bob\",\"uid\":\"17\",\"groups\":[\"system:authenticated\"]}"},
    {"whole",
     {"impersonate-user: bob", "impersonate-extra-scopes: view", "impersonate-extra-scopes: edit"},
     "{\"username\":\"bob\",\"groups\":[\"system:authenticated\"],"
     "\"extra\":{\"scopes\":[\"view\",\"edit\"]}}"},
    {"whole",
     {"impersonate-user: bob", "impersonate-extra-%73copes: view"},
     "{\"username\":\"bob\",\"groups\":[\"system:authenticated\"],"
     "\"extra\":{\"scopes\":[\"view\"]}}"},
    {"whole",
     {"impersonate-user: system:serviceaccount:lab:bot"},
     "{\"username\":\"system:serviceaccount:lab:bot\",\"groups\":[\"system:serviceaccounts\","
     "\"system:serviceaccounts:lab\",\"system:authenticated\"]}"},
    {"whole",
     {"impersonate-user: system:serviceaccount:lab:bot", "impersonate-group: a"},
     "{\"username\":\"system:serviceaccount:lab:bot\",\"groups\":[\"a\","
     "\"system:authenticated\"]}"},
    {"whole",
     {"accept: text/html"},
     "{\"username\":\"whole\",\"groups\":[\"system:authenticated\"]}"},
    {"whole",
     {"impersonate-user: system:serviceaccount:lab:other"},
     "cannot impersonate resource \"serviceaccounts\" in API group \"\" in the namespace \"lab\""},
    {"whole",
     {"impersonate-user: bob", "impersonate-extra-scopes: admin"},
     "cannot impersonate resource \"userextras/scopes\" in API group \"authentication.k8s.io\" at "
     "the cluster scope"},
    {"whole",
     {"impersonate-user: bob", "impersonate-extra-scopes: view", "impersonate-extra-scopes: admin"},
     "cannot impersonate resource \"userextras/scopes\" in API group \"authentication.k8s.io\" at "
     "the cluster scope"},
    {"whole",
     {"impersonate-user: bob", "impersonate-extra-team: view"},
     "cannot impersonate resource \"userextras/team\" in API group \"authentication.k8s.io\" at "
     "the cluster scope"},
    {"users",
     {"impersonate-user: bob"},
     "{\"username\":\"bob\",\"groups\":[\"system:authenticated\"]}"},
    {"users",
     {"impersonate-user: bob", "impersonate-group: a"},
     "cannot impersonate resource \"groups\" in API group \"\" at the cluster scope"},
    {"users",
     {"impersonate-user: bob", "impersonate-uid: 17"},
     "cannot impersonate resource \"uids\" in API group \"authentication.k8s.io\" at the cluster "
     "scope"},
    {"users",
     {"impersonate-user: bob", "impersonate-extra-scopes: view"},
     "cannot impersonate resource \"userextras/scopes\" in API group \"authentication.k8s.io\" at "
     "the cluster scope"},
    {"users",
     {"impersonate-user: system:serviceaccount:lab:bot"},
     "cannot impersonate resource \"serviceaccounts\" in API group \"\" in the namespace \"lab\""},
    {"none",
     {"impersonate-user: bob"},
     "cannot impersonate resource \"users\" in API group \"\" at the cluster scope"},
    {"whole",
     {"impersonate-uid: 17"},
     "requested groups, uid or extra without impersonating a user (Impersonate-User)"},
    {"whole",
     {"impersonate-extra-scopes: view"},
     "requested groups, uid or extra without impersonating a user (Impersonate-User)"},
};

static void check_cases(void)
{
    for (size_t i = 0; i < count_of(cases); i++) {
        char *by = arena_string(place.arena, cases[i].by);
        const struct auth_user *user = act(by, cases[i].headers);
        const char *got =
            user ? document_json(place.arena, auth_user_info(place.arena, user)) : err.text;

        CHECK(text_ends(got, cases[i].info), "%s with %s, %s is: %s", cases[i].by,
              cases[i].headers[0], cases[i].headers[1] ?: "no more", got);
        CHECK_INT(user != NULL, *cases[i].info == '{', "it is %s",
                  *cases[i].info == '{' ? "allowed" : "refused");
    }
}

/* What the other may is what counts, and it ends with the credential that was shown. */
static void check_rights(void)
{
    static const char *const admins[] = {"impersonate-user: bob",
                                         "impersonate-group: system:masters", NULL};
    char by[] = "whole";
    const struct auth_user *user = act(by, admins);

    must(user, &err);
    CHECK_INT(user->role, AUTH_ADMIN, "who may act as any group acts as administrators");
    CHECK(user->expires == INT64_MAX, "for as long as the certificate counts");
}

int main(void)
{
    place_open(&place, NULL);
    allow("whole", USERS GROUPS UIDS SCOPES ACCOUNT);
    allow("users", USERS);
    check_cases();
    check_rights();
    place_close(&place);
    return check_done();
}
