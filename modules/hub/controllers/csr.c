/* SPDX-License-Identifier: Apache-2.0 */
/* Approves spokes' certificate requests by policy, signs approved ones, and
   clears away what is decided. */
#include "controllers/index.h"
#include "controllers/joining.h"
#include "controllers/joins.h"
#include "controllers/namespaces.h"
#include "controllers/parse.h"
#include "controllers/rules.h"
#include "controllers/table.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "work/work.h"

#include <string.h>

#define LIFETIME (30 * 24 * 3600 * CLOCK_SECOND)
#define PERSON_LIFETIME (365 * 24 * 3600 * CLOCK_SECOND)
#define HOUR (3600 * CLOCK_SECOND)
#define REQUEST_BYTES 16384

/* How many requests may be there: of one user of a spoke; by a join token for one machine,
   and for all of its machines, beside one for each that has joined with it. */
#define MOST_OF_SPOKE 20
#define MOST_OF_JOINER 100
#define MOST_OF_TOKEN 500

/* The request inside, or NULL. */
static struct pki_request *read_request(const struct node *csr)
{
    const struct node *text = node_at(csr, "spec", "request", NULL);
    scoped_text struct text pem = {0};

    if (!node_is(text, NODE_STRING) || !text_add_unbase64(&pem, text->string, text->len, false))
        return NULL;
    return pki_request_read(text_string(&pem), pem.len, NULL);
}

/* Whose certificate a spoke's request is for, or false: it is none of a spoke. */
static bool recognize_request(struct arena *arena, const struct node *object,
                              const struct pki_request *request, const char **ret_cluster,
                              const char **ret_agent)
{
    struct work_csr csr = {.block_type = "CERTIFICATE REQUEST"};

    if (!request || request->has_names || request->has_other)
        return false;
    csr.signer = node_get_text(node_get(object, "spec"), "signerName");
    csr.label = meta_label(object, META_LABEL_CLUSTER_NAME);
    csr.common_name = request->common_name;
    csr.organizations = (const char *const *)request->organizations;
    csr.organization_count = request->organization_count;
    return work_csr_recognize(arena, &csr, ret_cluster, ret_agent);
}

static char *pin_text(struct arena *arena, const struct pki_request *request)
{
    scoped_text struct text hex = {0};

    text_add_hex(&hex, request->pin, PKI_SHA256);
    return arena_string(arena, text_string(&hex));
}

/* ---- Rules before each write ------------------------------------------------- */

/* An administrator's certificate cannot even be asked for. */
static int check_subject(const struct node *csr, struct err *err)
{
    scoped_pki_request struct pki_request *request = NULL;
    const char *signer = node_get_text(node_get(csr, "spec"), "signerName");

    if (strcmp(signer, META_SIGNER_CLIENT))
        return 0;
    request = read_request(csr);
    for (size_t i = 0; request && i < request->organization_count; i++)
        if (!strcmp(request->organizations[i], "system:masters"))
            return err_set(err, ERR_FORBIDDEN,
                           "certificatesigningrequests.certificates.k8s.io "
                           "\"%s\" is forbidden: use of " META_SIGNER_CLIENT
                           " signer with system:masters group is not allowed",
                           meta_name(csr));
    return 0;
}

static int forbid_request(const struct node *csr, const char *why, struct err *err)
{
    return err_set(err, ERR_FORBIDDEN,
                   "certificatesigningrequests.certificates.k8s.io \"%s\" is "
                   "forbidden: %s",
                   meta_name(csr), why);
}

/*
 * A join token brings one machine to its certificate: that of the key that it came
 * with, in the name that it took. Another key is signed for after a person has
 * approved it, and only a token for this very name may ask for that.
 */
static int check_token_request(struct controllers *all, const struct objects_review *review,
                               const char *token, struct err *err)
{
    struct arena *arena = review->arena;
    scoped_pki_request struct pki_request *request = read_request(review->after);
    scoped_object struct object *found = NULL;
    const char *name, *agent, *trouble;
    const struct node *cluster;

    if (!recognize_request(arena, review->after, request, &name, &agent))
        return forbid_request(review->after,
                              "with a join token a spoke asks for its own certificate only: "
                              "subject, label and signerName do not agree (docs/SYNC-PROTOCOL.md)",
                              err);
    found = objects_get(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_CLUSTER], "", name, NULL);
    if (!found)
        return forbid_request(review->after,
                              arena_printf(arena,
                                           "there is no ManagedCluster \"%s\" yet: "
                                           "that is made first",
                                           name),
                              err);
    cluster = controllers_parse(all, arena, found);
    trouble = joining_trouble(all, arena, token, cluster);
    if (!trouble)
        trouble = namespace_trouble(all, arena, name, "ManagedCluster");
    if (trouble)
        return forbid_request(review->after, trouble, err);
    if (joining_key_is_own(cluster, pin_text(arena, request)) ||
        joining_token_names(joining_token(all, arena, token), name))
        return 0;
    return forbid_request(
        review->after,
        arena_printf(
            arena,
            "cluster \"%s\" has a key of its own, and this token is valid for no other key. If "
            "that key is lost: on the hub, make a token for this "
            "name (axle token create --name %s), join with it, and approve its request (kubectl "
            "certificate approve)",
            name, name),
        err);
}

/* system:open-cluster-management:CLUSTER:… for its agents, and …:cluster:CLUSTER:…
   for those of its addons. */
static bool is_name_of(struct arena *arena, const char *name, const char *cluster)
{
    static const char *const kinds[] = {"", "cluster:"};

    for (size_t i = 0; i < count_of(kinds); i++)
        if (text_starts(name, arena_printf(arena, META_USER_AGENT "%s%s:", kinds[i], cluster)))
            return true;
    return false;
}

/*
 * A spoke asks in its own name only. Another's would wait for a person, who cannot
 * tell by the look of it that it is not that other who asks.
 */
static int check_spoke_request(struct arena *arena, const struct node *csr, const char *cluster,
                               struct err *err)
{
    const char *signer = node_get_text(node_get(csr, "spec"), "signerName");
    scoped_pki_request struct pki_request *request = read_request(csr);

    if (!strcmp(signer, META_SIGNER_CLIENT) && request &&
        !is_name_of(arena, request->common_name, cluster))
        return forbid_request(
            csr,
            arena_printf(arena,
                         "the request is for the name \"%.200s\", but the spoke \"%s\" "
                         "may request " META_USER_AGENT "%s:AGENT only",
                         request->common_name, cluster, cluster),
            err);
    return 0;
}

static int check_request_size(const struct node *csr, struct err *err)
{
    size_t len = strlen(node_get_text(node_get(csr, "spec"), "request"));

    if (len <= REQUEST_BYTES)
        return 0;
    return err_set(err, ERR_INVALID,
                   "CertificateSigningRequest.certificates.k8s.io \"%s\" is "
                   "invalid: spec.request: Too long: may not be more than %d bytes",
                   meta_name(csr), REQUEST_BYTES);
}

static int refuse_more_requests(const char *user, size_t count, const char *of, struct err *err)
{
    return err_set(err, ERR_FORBIDDEN,
                   "exceeded quota: \"%s\" has %zu CertificateSigningRequests%s and may "
                   "have no more; decided ones go after an hour, others after a day",
                   user, count, of);
}

/*
 * A token made for a thousand machines lets a thousand ask; each has spent a use before it
 * asks. Whoever has got hold of one adds few by each machine that they pretend.
 */
static int check_request_room(struct controllers *all, const struct objects_review *review,
                              struct err *err)
{
    const struct auth_user *user = review->who->identity;
    const char *cluster = meta_label(review->after, META_LABEL_CLUSTER_NAME);
    bool joins = user && user->role == AUTH_JOIN;
    size_t count, most = MOST_OF_SPOKE;

    if (!joins && !(user && user->role == AUTH_SPOKE))
        return 0;
    count = joins_requests(all, user->name, joins ? cluster : NULL);
    if (joins) {
        if (count >= MOST_OF_JOINER)
            return refuse_more_requests(
                user->name, count, arena_printf(review->arena, " for \"%.63s\"", cluster), err);
        count = joins_requests(all, user->name, NULL);
        most = MOST_OF_TOKEN + joins_uses(all, user->name + strlen(TOKEN_USER), NULL);
    }
    return count < most ? 0 : refuse_more_requests(user->name, count, "", err);
}

/* Under a spoke's label its own agents look for their requests; another spoke's
   agents would take this one for theirs. */
static int check_cluster_label(const struct objects_review *review, struct err *err)
{
    const struct auth_user *user = review->who->identity;
    const char *label = meta_label(review->after, META_LABEL_CLUSTER_NAME);

    if (!user || user->role != AUTH_SPOKE || !*label || !strcmp(label, user->cluster))
        return 0;
    return forbid_request(review->after,
                          arena_printf(review->arena,
                                       "the label " META_LABEL_CLUSTER_NAME
                                       " must be \"%s\", the spoke that sends the request",
                                       user->cluster),
                          err);
}

/* Who asks is written by the hub, whatever the request says of it. */
static int check_request_write(void *arg, const struct objects_review *review, struct err *err)
{
    static const char *const about[] = {"username", "uid", "groups", "extra"};
    const struct objects_who *who = review->who;
    const struct auth_user *identity = who->identity;
    const char *user = who->user ? who->user : "";
    struct arena *arena = review->arena;
    struct node *spec, *info;

    if (review->before || !review->after || who->trusted)
        return 0;
    spec = node_make(arena, review->after, "spec");
    info = identity ? auth_user_info(arena, identity) : node_map(arena);
    node_set_text(arena, info, "username", user);
    for (size_t i = 0; i < count_of(about); i++) {
        struct node *value = node_get(info, about[i]);

        if (value)
            node_set(arena, spec, about[i], value);
        else
            node_remove(spec, about[i]);
    }
    if (check_request_size(review->after, err) < 0 || check_subject(review->after, err) < 0 ||
        check_cluster_label(review, err) < 0 || check_request_room(arg, review, err) < 0)
        return -1;
    if (identity && identity->role == AUTH_SPOKE)
        return check_spoke_request(arena, review->after, identity->cluster, err);
    return text_starts(user, TOKEN_USER)
               ? check_token_request(arg, review, user + strlen(TOKEN_USER), err)
               : 0;
}

void csr_rules(struct controllers *all)
{
    objects_rule(all->objects, all->kinds[KIND_ID_CSR], "", check_request_write, all);
}

struct signing {
    struct reconcile_run *run;
    struct seen seen;
    struct pki_request *request;
    const char *cluster, *agent;
    struct seen managed;
};

/* The request inside, if it is one that spokes make. */
static bool recognize_spoke_request(struct signing *s)
{
    s->request = read_request(s->seen.node);
    return recognize_request(s->run->arena, s->seen.node, s->request, &s->cluster, &s->agent);
}

/* The JoinToken by which the request came, or "". */
static const char *token_of(const struct signing *s)
{
    const char *user = node_get_text(node_get(s->seen.node, "spec"), "username");

    return text_starts(user, TOKEN_USER) ? user + strlen(TOKEN_USER) : "";
}

/* By its own certificate, or by the token that the cluster was created with, for
   the key that came with it. */
static bool may_approve(struct signing *s)
{
    const char *user = node_get_text(node_get(s->seen.node, "spec"), "username");
    const char *token = token_of(s);

    if (!node_get_bool(node_get(s->managed.node, "spec"), "hubAcceptsClient", false))
        return false;
    if (!strcmp(user, s->request->common_name))
        return true;
    return *token && !strcmp(token, meta_annotation(s->managed.node, META_ANNOTATION_JOIN_TOKEN)) &&
           joining_key_is_own(s->managed.node, pin_text(s->run->arena, s->request));
}

/* No key speaks for it yet, or this one does. */
static bool is_nobodys_or_its_own(const struct signing *s)
{
    const char *keys = meta_annotation(s->managed.node, META_ANNOTATION_CLIENT_KEYS);

    return !*keys || strstr(keys, pin_text(s->run->arena, s->request));
}

static bool may_adopt(const struct signing *s, const char *id, const struct node *token)
{
    struct err why = {0};

    return token && *meta_annotation(s->managed.node, META_ANNOTATION_JOIN_TOKEN) &&
           joining_token_names(token, s->cluster) && is_nobodys_or_its_own(s) &&
           !strcmp(joining_set_of_token(s->run, token),
                   meta_label(s->managed.node, META_LABEL_CLUSTERSET)) &&
           (!strcmp(meta_annotation(s->managed.node, META_ANNOTATION_JOIN_TOKEN), id) ||
            joining_check_token(s->run->all, s->run->arena, id, s->cluster, &why) == 0);
}

/*
 * A machine whose first join was cut short, or whose certificate has ended,
 * comes again with another token. The name is nobody's yet as long as no key
 * speaks for it, and its own if the same key asks; a token that is made for this
 * name and leads into the same set takes the place of the first. The first one
 * stays used.
 */
static int adopt_cluster(struct signing *s, struct err *err)
{
    const char *id = token_of(s);
    struct arena *arena = s->run->arena;
    struct node *patch = node_map(arena);

    if (!*id || !may_adopt(s, id, joining_token(s->run->all, arena, id)))
        return 0;
    if (strcmp(meta_annotation(s->managed.node, META_ANNOTATION_JOIN_TOKEN), id) &&
        joining_note_left(s->run, s->managed.node, err) < 0)
        return -1;
    meta_set_annotation(arena, patch, META_ANNOTATION_JOIN_TOKEN, id);
    meta_set_annotation(arena, patch, META_ANNOTATION_JOIN_KEY, pin_text(arena, s->request));
    if (reconcile_patch(s->run, &s->managed, patch, err) < 0)
        return -1;
    reconcile_event(s->run, &s->managed, false, "JoinedAgain",
                    "the join token %s lets the machine join again", id);
    reconcile_get(s->run, KIND_ID_CLUSTER, "", s->cluster, &s->managed);
    return 0;
}

/* It waits for a person, who is told what for. */
static int wait_for_person(struct signing *s)
{
    if (*token_of(s) && !is_nobodys_or_its_own(s))
        reconcile_event(
            s->run, &s->managed, true, "AnotherKey",
            "a machine with another key requests to be this cluster: if the old key was lost, "
            "kubectl certificate approve %s; else kubectl certificate deny %s",
            s->run->name, s->run->name);
    return 0;
}

static int set_request_status(struct signing *s, const char *type, const char *reason,
                              const char *message, const char *certificate, struct err *err)
{
    struct arena *arena = s->run->arena;
    struct node *status = meta_copy_status(arena, s->seen.node);
    struct meta_condition condition = {type, "True", reason, message};

    if (!meta_condition(s->seen.node, type))
        meta_condition_set(arena, status, NULL, &condition, 0, s->run->now);
    if (certificate) {
        scoped_text struct text base64 = {0};

        text_add_base64(&base64, certificate, strlen(certificate), false);
        node_set_text(arena, status, "certificate", text_string(&base64));
    }
    if (reconcile_status(s->run, &s->seen, status, NULL, err) < 0)
        return -1;
    reconcile_event(s->run, &s->seen, !strcmp(type, "Failed"), reason, "%s", message);
    return 0;
}

/* From now on this key speaks for the cluster, and the one before it still. */
static int note_key(struct signing *s, struct err *err)
{
    const char *old = meta_annotation(s->managed.node, META_ANNOTATION_CLIENT_KEYS);
    const char *pin = pin_text(s->run->arena, s->request);
    struct node *patch = node_map(s->run->arena);

    if (text_starts(old, pin))
        return 0;
    meta_set_annotation(s->run->arena, patch, META_ANNOTATION_CLIENT_KEYS,
                        *old ? arena_printf(s->run->arena, "%s,%.64s", pin, old) : pin);
    return reconcile_patch(s->run, &s->managed, patch, err);
}

/* ---- What a certificate is for ----------------------------------------------- */

/* Exactly what was asked for is issued: all of it is known, or nothing is. */
static const char *usage_trouble(const struct node *usages, unsigned *ret)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"client auth", 0},
                 {"digital signature", PKI_DIGITAL_SIGNATURE},
                 {"key encipherment", PKI_KEY_ENCIPHERMENT}};
    bool client = false;

    *ret = 0;
    for (size_t i = 0; i < node_count(usages); i++) {
        const char *usage = node_text(node_item(usages, i));
        size_t at = 0;

        while (at < count_of(known) && strcmp(known[at].name, usage))
            at++;
        if (at == count_of(known))
            return "usages did not match: this signer knows client auth, digital "
                   "signature and key encipherment";
        client = client || at == 0;
        *ret |= known[at].bit;
    }
    return client ? NULL : "usages did not match: client auth is missing";
}

/* What was asked for, if it is not more than the signer gives. */
static int64_t lifetime_of(const struct signing *s, int64_t most)
{
    int64_t seconds = node_get_int(node_get(s->seen.node, "spec"), "expirationSeconds", 0);

    return seconds > 0 && seconds < most / CLOCK_SECOND ? seconds * CLOCK_SECOND : most;
}

static int refuse_signing(struct signing *s, const char *why, struct err *err)
{
    return set_request_status(s, "Failed", "SignerValidationFailure", why, NULL, err);
}

/* The subject is made here, of parts that were found exact. */
static int sign_request(struct signing *s, struct err *err)
{
    struct arena *arena = s->run->arena;
    const struct controllers_settings *settings = &s->run->all->settings;
    const char *organizations[] = {
        arena_printf(arena, META_USER_AGENT "%s", s->cluster),
        META_USERS_CLUSTERS,
    };
    struct pki_subject subject = {
        .common_name = arena_printf(arena, META_USER_AGENT "%s:%s", s->cluster, s->agent),
        .organizations = organizations,
        .organization_count = 2,
    };
    int64_t most = settings->certificate_lifetime ? settings->certificate_lifetime : LIFETIME;
    scoped_text struct text pem = {0};
    unsigned usages;
    const char *trouble = usage_trouble(node_at(s->seen.node, "spec", "usages", NULL), &usages);

    if (trouble)
        return refuse_signing(s, trouble, err);
    if (pki_issue_request(settings->authority, s->request, &subject, usages, lifetime_of(s, most),
                          &pem, err) < 0)
        return -1;
    if (note_key(s, err) < 0)
        return -1;
    return set_request_status(s, "Approved", "AutoApprovedByHubCSRApprovingController",
                              "signed for this spoke", text_string(&pem), err);
}

/* ---- People's requests: a person approves, the names are those asked for ------ */

/* NULL, or why the names cannot be given. What the hub writes itself, with an
   identity that it knows, is not to be had by asking. */
static const char *find_request_trouble(const struct signing *s)
{
    const struct pki_request *request = s->request;

    if (!request)
        return "the request is damaged, or its key is of a type that is not signed here";
    if (request->has_names)
        return "the request has alternative names, which a client's certificate does not get "
               "here: leave them out";
    if (request->has_other)
        return "the request's subject is more than one CN and different O's, each a part of its "
               "own: leave out the rest";
    if (!*request->common_name)
        return "the request's subject has no CN: add one";
    for (size_t i = 0; i < request->organization_count; i++)
        if (text_starts(request->organizations[i], "system:"))
            return "groups that begin with system: are reserved: use another O";
    return text_starts(request->common_name, "system:")
               ? "names that begin with system: are reserved: use another CN"
               : NULL;
}

static int sign_person(struct signing *s, struct err *err)
{
    const char *trouble = find_request_trouble(s);
    struct pki_subject subject;
    scoped_text struct text pem = {0};
    unsigned usages = 0;

    if (!trouble)
        trouble = usage_trouble(node_at(s->seen.node, "spec", "usages", NULL), &usages);
    if (trouble)
        return refuse_signing(s, trouble, err);
    subject = (struct pki_subject){
        s->request->common_name,
        (const char *const *)s->request->organizations,
        s->request->organization_count,
    };
    if (pki_issue_request(s->run->all->settings.authority, s->request, &subject, usages,
                          lifetime_of(s, PERSON_LIFETIME), &pem, err) < 0)
        return -1;
    return set_request_status(s, "Approved", "Issued", "signed", text_string(&pem), err);
}

/* ---- Deciding -------------------------------------------------------------------- */

static int decide_request(struct signing *s, struct err *err)
{
    const struct node *spec = node_get(s->seen.node, "spec");
    const char *trouble;

    if (!recognize_spoke_request(s)) {
        if (!meta_condition(s->seen.node, "Approved") ||
            strcmp(node_get_text(spec, "signerName"), META_SIGNER_CLIENT))
            return 0;
        return sign_person(s, err);
    }
    if (!reconcile_get(s->run, KIND_ID_CLUSTER, "", s->cluster, &s->managed) ||
        meta_is_deleting(s->managed.node))
        return 0;
    trouble = namespace_trouble(s->run->all, s->run->arena, s->cluster, "ManagedCluster");
    if (trouble)
        return meta_condition(s->seen.node, "Approved") ? refuse_signing(s, trouble, err) : 0;
    if (!meta_condition(s->seen.node, "Approved") && !may_approve(s) && adopt_cluster(s, err) < 0)
        return -1;
    if (!meta_condition(s->seen.node, "Approved") && !may_approve(s))
        return wait_for_person(s);
    return sign_request(s, err);
}

static int64_t read_time(const struct node *map, const char *key)
{
    int64_t time = 0;

    return clock_parse(node_get_text(map, key), &time) ? time : 0;
}

/* What is decided goes after an hour, what waits after a day, as upstream. */
static int clear_away(struct reconcile_run *run, const struct node *csr, struct err *err)
{
    const struct node *status = node_get(csr, "status");
    const struct node *conditions = node_get(status, "conditions");
    int64_t until = read_time(node_get(csr, "metadata"), "creationTimestamp");
    bool open = !*node_get_text(status, "certificate");

    for (size_t i = 0; i < node_count(conditions); i++) {
        const struct node *one = node_item(conditions, i);
        int64_t at = read_time(one, "lastUpdateTime");

        until = at > until ? at : until;
        open = open && !strcmp(node_get_text(one, "type"), "Approved");
    }
    until += open ? 24 * HOUR : HOUR;
    if (run->now >= until)
        return reconcile_remove(run, KIND_ID_CSR, "", run->name, err);
    reconcile_wake_at(run, until);
    return 0;
}

static int reconcile_csr(struct reconcile_run *run, struct err *err)
{
    struct signing s = {.run = run};
    int result = 0;

    if (!reconcile_get(run, KIND_ID_CSR, "", run->name, &s.seen))
        return 0;
    if (run->all->settings.authority &&
        !*node_get_text(node_get(s.seen.node, "status"), "certificate") &&
        !meta_condition(s.seen.node, "Denied") && !meta_condition(s.seen.node, "Failed")) {
        result = decide_request(&s, err);
        pki_request_free(&s.request);
    }
    return result < 0 ? -1 : clear_away(run, s.seen.node, err);
}

struct request_wake {
    struct controllers *all;
    const struct controller *to;
};

static void wake_request(void *arg, const char *namespace, const char *name)
{
    struct request_wake *wake = arg;

    controllers_wake(wake->all, wake->to, namespace, name);
}

/* A cluster that was just accepted may have asked before: by requests with its label, for no
   other is recognized as its own. */
static void map_cluster_to_requests(struct controllers *all, const struct controller *to,
                                    const struct object *before, const struct object *after)
{
    struct request_wake wake = {all, to};

    if (after && (!before || !memmem(before->body, before->len, "\"hubAcceptsClient\":true", 23)))
        index_each_name(all, KIND_ID_CSR, META_LABEL_CLUSTER_NAME, after->name, wake_request,
                        &wake);
}

const struct controller controller_csr = {
    .name = "csr",
    .run = reconcile_csr,
    .about = KIND_ID_CSR,
    .sources = {{KIND_ID_CSR, NULL}, {KIND_ID_CLUSTER, map_cluster_to_requests}},
    .source_count = 2,
};
