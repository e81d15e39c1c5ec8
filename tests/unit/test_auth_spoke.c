/* SPDX-License-Identifier: Apache-2.0 */
/* What a spoke asks at random is answered as the design's page 5.3 says. */
#include "auth_fixture.h"

#define ASKS 100000
#define SEED 20260101

#define ME "edge-1"
#define WORKS "work.open-cluster-management.io"
#define OCM "cluster.open-cluster-management.io"
#define LABEL "open-cluster-management.io/cluster-name="

/* Words that are near each other, so that near misses are common. */
static const char *const namespaces[] = {"",        ME,         "edge-2", "edge-11", "edge-",
                                         "default", "research", "EDGE-1", "edge-1 "};
static const char *const names[] = {
    "", ME, "edge-2", "edge-11", "token", "model", "edge-1-k2f92", "edge-2-x8d4q", "edge"};
static const char *const groups[] = {"",
                                     WORKS,
                                     OCM,
                                     "axle.dev",
                                     "coordination.k8s.io",
                                     "events.k8s.io",
                                     "certificates.k8s.io",
                                     "addon.open-cluster-management.io",
                                     "rbac.authorization.k8s.io",
                                     "authorization.k8s.io",
                                     "authentication.k8s.io",
                                     "work.open-cluster-management.io.x"};
static const char *const resources[] = {"manifestworks",
                                        "manifestworkreplicasets",
                                        "managedclusters",
                                        "managedclustersets",
                                        "managedclusteraddons",
                                        "workloads",
                                        "aiworkloads",
                                        "secrets",
                                        "configmaps",
                                        "leases",
                                        "events",
                                        "certificatesigningrequests",
                                        "namespaces",
                                        "serviceaccounts",
                                        "jointokens",
                                        "clusterroles",
                                        "rolebindings",
                                        "selfsubjectaccessreviews",
                                        "selfsubjectrulesreviews",
                                        "selfsubjectreviews",
                                        "subjectaccessreviews",
                                        "tokenreviews",
                                        "*"};
static const char *const subresources[] = {"",      "",         "",         "",      "status",
                                           "token", "approval", "finalize", "scale", "*"};
static const char *const verbs[] = {
    "get",         "list",     "watch", "create",  "update", "patch", "delete", "deletecollection",
    "impersonate", "escalate", "bind",  "approve", "*",      ""};
static const char *const labels[] = {NULL,
                                     NULL,
                                     "",
                                     LABEL ME,
                                     LABEL "edge-2",
                                     LABEL "=" ME,
                                     LABEL ME ",a=b",
                                     "a=b," LABEL ME,
                                     LABEL "edge-11",
                                     "open-cluster-management.io/cluster-name"};
static const char *const paths[] = {"/api",
                                    "/apis",
                                    "/apis/axle.dev",
                                    "/openapi/v3",
                                    "/version",
                                    "/livez",
                                    "/metrics",
                                    "/v2",
                                    "/v2/",
                                    "/v2/research/ocr",
                                    "/v2/research/ocr-other",
                                    "/v2/other/ocr",
                                    "/openid/v1/jwks",
                                    "/apix",
                                    "/",
                                    "/console",
                                    "/v2/_catalog"};

static const char *const digests[] = {NULL, "", "sha256:mine", "sha256:other"};

/* Works of edge-1 name the Secret research/token and the artifact research/ocr. */
static bool secret_is_named(void *arg, const char *cluster, const char *namespace, const char *name)
{
    return !strcmp(cluster, ME) && !strcmp(namespace, "research") && !strcmp(name, "token");
}
static bool artifact_is_named(void *arg, const char *cluster, const char *repository,
                              const char *digest)
{
    return !strcmp(cluster, ME) && !strcmp(repository, "research/ocr") &&
           !strcmp(digest, "sha256:mine");
}
static bool request_is_own(void *arg, const char *user, const char *name)
{
    return !strcmp(user, "system:open-cluster-management:" ME ":agent") &&
           !strcmp(name, "edge-1-k2f92");
}

/* ---- The oracle: written from the page, not from the code ---------------------- */

static bool one_of(const char *word, const char *words)
{
    size_t len = strlen(word);

    while (len && *words) {
        size_t span = strcspn(words, ",");

        if (span == len && !strncmp(words, word, len))
            return true;
        words += span + (words[span] == ',');
    }
    return false;
}

static bool oracle_path(const struct auth_request *request)
{
    if (!one_of(request->verb, "get"))
        return false;
    if (one_of(request->path, "/v2/research/ocr"))
        return request->digest && !strcmp(request->digest, "sha256:mine");
    return one_of(request->path, "/api,/apis,/apis/axle.dev,/openapi/v3,/version,/livez,"
                                 "/v2,/v2/");
}

/* "CSRs: create; list and watch of its own." */
static bool oracle_request(const struct auth_request *request)
{
    bool mine = request->labels &&
                (!strcmp(request->labels, LABEL ME) || !strcmp(request->labels, LABEL "=" ME));

    if (*request->subresource)
        return false;
    if (one_of(request->verb, "create"))
        return true;
    if (!one_of(request->verb, "get,list,watch"))
        return false;
    return *request->name ? !strcmp(request->name, "edge-1-k2f92") : mine;
}

static bool oracle_object(const struct auth_request *request)
{
    char what[160];
    bool here = !strcmp(request->namespace, ME), whole = !*request->subresource;
    bool status = !strcmp(request->subresource, "status");

    snprintf(what, sizeof what, "%s/%s", request->group, request->resource);
    if (one_of(what, WORKS "/manifestworks"))
        return here && ((whole && one_of(request->verb, "get,list,watch,update,patch")) ||
                        (status && one_of(request->verb, "get,update,patch")));
    if (one_of(what, "axle.dev/workloads"))
        return here && ((whole && one_of(request->verb, "get,list,watch")) ||
                        (status && one_of(request->verb, "get,update,patch")));
    if (one_of(what, OCM "/managedclusters"))
        return !strcmp(request->name, ME) &&
               ((whole && one_of(request->verb, "get,list,watch")) ||
                (status && one_of(request->verb, "get,update,patch")));
    if (one_of(what, "/secrets"))
        return whole && one_of(request->verb, "get") && !strcmp(request->name, "token") &&
               !strcmp(request->namespace, "research");
    if (one_of(what, "coordination.k8s.io/leases"))
        return here && whole && one_of(request->verb, "get,update,patch");
    if (one_of(what, "/events,events.k8s.io/events"))
        return here && whole && one_of(request->verb, "create,patch");
    if (one_of(what, "addon.open-cluster-management.io/managedclusteraddons"))
        return here && whole && one_of(request->verb, "get,list,watch");
    if (one_of(what, "certificates.k8s.io/certificatesigningrequests"))
        return oracle_request(request);
    return whole && one_of(request->verb, "create") &&
           one_of(what, "authorization.k8s.io/selfsubjectaccessreviews,"
                        "authorization.k8s.io/selfsubjectrulesreviews,"
                        "authentication.k8s.io/selfsubjectreviews");
}

/* ---- Asking ----------------------------------------------------------------------- */

static uint64_t state = SEED;

/* xorshift64*: the same asks every time. */
static size_t below(size_t count)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * 0x2545f4914f6cdd1du) >> 33) % count;
}
#define ANY(words) (words)[below(count_of(words))]

static struct auth_request random_ask(void)
{
    struct auth_request request = {.verb = ANY(verbs),
                                   .group = ANY(groups),
                                   .resource = ANY(resources),
                                   .subresource = ANY(subresources),
                                   .namespace = ANY(namespaces),
                                   .name = ANY(names),
                                   .labels = ANY(labels)};

    if (below(20) == 0) {
        request.path = ANY(paths);
        request.digest = ANY(digests);
    }
    return request;
}

/* Half of all asks begin right and are spoiled in one word at most. */
static struct auth_request near_ask(void)
{
    static const struct auth_request right[] = {
        {.verb = "list", .group = WORKS, .resource = "manifestworks", .namespace = ME},
        {.verb = "patch",
         .group = WORKS,
         .resource = "manifestworks",
         .subresource = "status",
         .namespace = ME,
         .name = "edge"},
        {.verb = "update",
         .group = "axle.dev",
         .resource = "workloads",
         .subresource = "status",
         .namespace = ME,
         .name = "edge"},
        {.verb = "get", .group = OCM, .resource = "managedclusters", .name = ME},
        {.verb = "get",
         .group = "",
         .resource = "secrets",
         .namespace = "research",
         .name = "token"},
        {.verb = "update",
         .group = "coordination.k8s.io",
         .resource = "leases",
         .namespace = ME,
         .name = "edge"},
        {.verb = "create", .group = "", .resource = "events", .namespace = ME},
        {.verb = "list",
         .group = "certificates.k8s.io",
         .resource = "certificatesigningrequests",
         .labels = LABEL ME},
        {.verb = "get",
         .group = "certificates.k8s.io",
         .resource = "certificatesigningrequests",
         .name = "edge-1-k2f92"},
        {.verb = "watch",
         .group = "addon.open-cluster-management.io",
         .resource = "managedclusteraddons",
         .namespace = ME},
    };
    struct auth_request request = ANY(right), other = random_ask();

    if (!request.subresource)
        request.subresource = "";
    if (!request.namespace)
        request.namespace = "";
    if (!request.name)
        request.name = "";
    switch (below(8)) {
    case 0:
        request.verb = other.verb;
        break;
    case 1:
        request.group = other.group;
        break;
    case 2:
        request.resource = other.resource;
        break;
    case 3:
        request.subresource = other.subresource;
        break;
    case 4:
        request.namespace = other.namespace;
        break;
    case 5:
        request.name = other.name;
        break;
    case 6:
        request.labels = other.labels;
        break;
    default:
        break;
    }
    return request;
}

int main(void)
{
    struct auth_facts facts = {.secret_is_named = secret_is_named,
                               .artifact_is_named = artifact_is_named,
                               .request_is_own = request_is_own};
    const struct auth_user *me;
    struct place place;
    int wrong = 0, allowed = 0;

    place_open(&place, &facts);
    /* What people have together must be nothing to a spoke. */
    apply(&place, "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding,\n"
                  " metadata: {name: all}, roleRef: {apiGroup: rbac.authorization.k8s.io,\n"
                  " kind: ClusterRole, name: cluster-admin}, subjects: [{kind: Group,\n"
                  " apiGroup: rbac.authorization.k8s.io, name: 'system:authenticated'}]}\n");
    me = spoke_of(&place, ME);
    for (int i = 0; i < ASKS; i++) {
        struct auth_request request = below(2) ? near_ask() : random_ask();
        bool want = request.path ? oracle_path(&request) : oracle_object(&request);
        bool got = auth_may(place.auth, me, &request, NULL);

        allowed += got;
        if (got == want || wrong++ > 20)
            continue;
        printf("# %s: %s %s/%s/%s space '%s' name '%s' labels '%s' path '%s'\n",
               got ? "allowed" : "refused", request.verb, request.group, request.resource,
               request.subresource, request.namespace, request.name,
               request.labels ? request.labels : "", request.path ? request.path : "");
    }
    CHECK_INT(wrong, 0, "%d asks of a spoke are answered as the design says", ASKS);
    CHECK(allowed > ASKS / 20, "%d of them are allowed, so both sides are met", allowed);
    place_close(&place);
    return check_done();
}
