/* SPDX-License-Identifier: Apache-2.0 */
/* Approves spokes' certificate requests by policy, signs approved ones, and
   clears away what is decided. */
#include "controllers/controller.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "pki/pki.h"
#include "work/work.h"

#include <string.h>

#define LIFETIME (30 * 24 * 3600 * CLOCK_SECOND)
#define PERSON_LIFETIME (365 * 24 * 3600 * CLOCK_SECOND)
#define AGENT_GROUP "system:open-cluster-management:managed-clusters"
#define CLIENT_SIGNER "kubernetes.io/kube-apiserver-client"
#define HOUR (3600 * CLOCK_SECOND)

/* The request inside, or NULL. */
static struct pki_request *read_request(const struct node *csr)
{
    const struct node *text = node_at(csr, "spec", "request", NULL);
    scoped_text struct text pem = { 0 };

    if (!node_is(text, NODE_STRING) ||
        !text_add_unbase64(&pem, text->string, text->len, false))
        return NULL;
    return pki_request_read(text_string(&pem), pem.len, NULL);
}

/* An administrator's certificate cannot even be asked for. */
static int check_subject(const struct node *csr, struct err *err)
{
    scoped_pki_request struct pki_request *request = NULL;
    const char *signer = node_get_text(node_get(csr, "spec"), "signerName");

    if (strcmp(signer, CLIENT_SIGNER))
        return 0;
    request = read_request(csr);
    for (size_t i = 0; request && i < request->organization_count; i++)
        if (!strcmp(request->organizations[i], "system:masters"))
            return err_set(err, ERR_FORBIDDEN,
                           "certificatesigningrequests.certificates.k8s.io "
                           "\"%s\" is forbidden: use of " CLIENT_SIGNER
                           " signer with system:masters group is not allowed",
                           object_name(csr));
    return 0;
}

/* Who asks is written by the hub, whatever the request says of it. */
static int before_write(void *arg, const struct objects_review *review,
                        struct err *err)
{
    static const char *const about[] = {"username", "uid", "groups", "extra"};
    const struct objects_who *who = review->who;
    struct arena *arena = review->arena;
    struct node *spec, *info;

    if (review->before || !review->after || who->trusted)
        return 0;
    spec = node_make(arena, review->after, "spec");
    info = who->identity ? auth_user_info(arena, who->identity) : node_map(arena);
    node_set_text(arena, info, "username", who->user ? who->user : "");
    for (size_t i = 0; i < count_of(about); i++) {
        struct node *value = node_get(info, about[i]);

        if (value)
            node_set(arena, spec, about[i], value);
        else
            node_remove(spec, about[i]);
    }
    return check_subject(review->after, err);
}

void csr_rules(struct controllers *all)
{
    objects_rule(all->objects, all->kinds[CSR], "", before_write, all);
}

struct signing {
    struct pass *pass;
    struct seen seen;
    struct pki_request *request;
    const char *cluster, *agent;
    struct seen managed;
};

static bool has(const struct node *csr, const char *type)
{
    return condition_find(node_at(csr, "status", "conditions", NULL), type);
}

/* The request inside, if it is one that spokes make. */
static bool recognize(struct signing *s)
{
    const struct node *spec = node_get(s->seen.node, "spec");
    struct work_csr csr = { .block_type = "CERTIFICATE REQUEST" };

    s->request = read_request(s->seen.node);
    if (!s->request || s->request->has_names || s->request->has_other)
        return false;
    csr.signer = node_get_text(spec, "signerName");
    csr.label = object_label(s->seen.node,
                             "open-cluster-management.io/cluster-name");
    csr.common_name = s->request->common_name;
    csr.organizations = (const char *const *)s->request->organizations;
    csr.organization_count = s->request->organization_count;
    return work_csr_recognize(s->pass->arena, &csr, &s->cluster, &s->agent);
}

/* By its own certificate, or by the token that the cluster was created with. */
static bool may_approve(struct signing *s)
{
    const char *user = node_get_text(node_get(s->seen.node, "spec"), "username");
    const char *token = object_annotation(s->managed.node, JOINED_WITH);

    if (!node_get_bool(node_get(s->managed.node, "spec"), "hubAcceptsClient",
                       false))
        return false;
    if (!strcmp(user, s->request->common_name))
        return true;
    return *token && text_starts(user, TOKEN_USER) &&
           !strcmp(user + strlen(TOKEN_USER), token);
}

static bool is_nobodys_or_its_own(const struct signing *s)
{
    const char *keys = object_annotation(s->managed.node, CLIENT_KEYS);
    scoped_text struct text pin = { 0 };

    text_add_hex(&pin, s->request->pin, PKI_SHA256);
    return !*keys || strstr(keys, text_string(&pin));
}

/*
 * A machine whose first join was cut short, or whose certificate has ended,
 * comes again with another token. The name is nobody's yet as long as no key
 * speaks for it, and its own if the same key asks; a token that is for this name
 * and leads into the same set takes the place of the first.
 */
static int adopt(struct signing *s, struct err *err)
{
    const char *user = node_get_text(node_get(s->seen.node, "spec"), "username");
    struct arena *arena = s->pass->arena;
    struct node *patch = node_map(arena);
    const struct node *token;
    struct err why = {0};

    if (!text_starts(user, TOKEN_USER) ||
        !*object_annotation(s->managed.node, JOINED_WITH) ||
        !is_nobodys_or_its_own(s))
        return 0;
    user += strlen(TOKEN_USER);
    token = pass_read(s->pass, JOIN_TOKEN, "", user);
    if (!token || strcmp(managedcluster_set(s->pass, token),
                         object_label(s->managed.node, SET_LABEL)) != 0 ||
        managedcluster_check_token(s->pass->all, arena, user, s->cluster, &why) < 0)
        return 0;
    object_set_annotation(arena, patch, JOINED_WITH, user);
    if (pass_patch(s->pass, &s->managed, patch, err) < 0)
        return -1;
    pass_event(s->pass, &s->managed, false, "JoinedAgain",
               "the join token %s lets the machine in once more", user);
    pass_get(s->pass, CLUSTER, "", s->cluster, &s->managed);
    return 0;
}

static int set_status(struct signing *s, const char *type, const char *reason,
                      const char *message, const char *certificate,
                      struct err *err)
{
    struct arena *arena = s->pass->arena;
    struct node *status = status_copy(arena, s->seen.node);
    struct condition condition = { type, "True", reason, message };

    if (!has(s->seen.node, type))
        condition_set(arena, status, NULL, &condition, 0, s->pass->now);
    if (certificate) {
        scoped_text struct text base64 = { 0 };

        text_add_base64(&base64, certificate, strlen(certificate), false);
        node_set_text(arena, status, "certificate", text_string(&base64));
    }
    if (pass_status(s->pass, &s->seen, status, NULL, err) < 0)
        return -1;
    pass_event(s->pass, &s->seen, !strcmp(type, "Failed"), reason, "%s", message);
    return 0;
}

/* From now on this key speaks for the cluster, and the one before it still. */
static int note_key(struct signing *s, struct err *err)
{
    const char *old = object_annotation(s->managed.node, CLIENT_KEYS);
    scoped_text struct text keys = { 0 };
    struct node *patch = node_map(s->pass->arena);
    char *pin;

    text_add_hex(&keys, s->request->pin, PKI_SHA256);
    pin = arena_string(s->pass->arena, text_string(&keys));
    if (text_starts(old, pin))
        return 0;
    if (*old)
        text_addf(&keys, ",%.64s", old);
    object_set_annotation(s->pass->arena, patch, CLIENT_KEYS, text_string(&keys));
    return pass_patch(s->pass, &s->managed, patch, err);
}

/* The subject is made here, of parts that were found exact. */
static int sign(struct signing *s, struct err *err)
{
    struct arena *arena = s->pass->arena;
    const struct controllers_settings *settings = &s->pass->all->settings;
    const char *organizations[] = {
        arena_printf(arena, "system:open-cluster-management:%s", s->cluster),
        AGENT_GROUP,
    };
    struct pki_subject subject = {
        .common_name = arena_printf(arena, "system:open-cluster-management:%s:%s",
                                    s->cluster, s->agent),
        .organizations = organizations, .organization_count = 2,
    };
    int64_t lifetime = settings->certificate_lifetime;
    scoped_text struct text pem = { 0 };

    if (pki_issue_request(settings->authority, s->request, &subject,
                          lifetime ? lifetime : LIFETIME, &pem, err) < 0)
        return -1;
    if (note_key(s, err) < 0)
        return -1;
    return set_status(s, "Approved", "AutoApprovedByHubCSRApprovingController",
                      "signed for this spoke", text_string(&pem), err);
}

/* ---- People's requests: a person approves, the names are those asked for ------ */

/* NULL, or why the names cannot be given. What the hub writes itself, with an
   identity that it knows, is not to be had by asking. */
static const char *name_trouble(const struct signing *s)
{
    const struct pki_request *request = s->request;

    if (!request)
        return "the request is damaged, or its key is none that is signed here";
    if (!*request->common_name)
        return "the request names nobody: give its subject a CN";
    for (size_t i = 0; i < request->organization_count; i++)
        if (text_starts(request->organizations[i], "system:"))
            return "groups that begin with system: are not given to people: ask "
                   "for another O";
    return text_starts(request->common_name, "system:")
               ? "names that begin with system: are not given to people: ask for "
                 "another CN"
               : NULL;
}

static const char *usage_trouble(const struct node *usages)
{
    static const char *const known[] = {"client auth", "digital signature",
                                        "key encipherment"};
    bool client = false;

    for (size_t i = 0; i < node_count(usages); i++) {
        const char *usage = node_text(node_item(usages, i));
        size_t at = 0;

        while (at < count_of(known) && strcmp(known[at], usage))
            at++;
        if (at == count_of(known))
            return "usages did not match: this signer knows client auth, digital "
                   "signature and key encipherment";
        client = client || at == 0;
    }
    return client ? NULL : "usages did not match: client auth is missing";
}

static int sign_person(struct signing *s, struct err *err)
{
    const struct node *spec = node_get(s->seen.node, "spec");
    int64_t lifetime = node_get_int(spec, "expirationSeconds", 0) * CLOCK_SECOND;
    const char *trouble = name_trouble(s);
    struct pki_subject subject;
    scoped_text struct text pem = { 0 };

    if (!trouble)
        trouble = usage_trouble(node_get(spec, "usages"));
    if (trouble)
        return set_status(s, "Failed", "SignerValidationFailure", trouble, NULL,
                          err);
    subject = (struct pki_subject) {
        s->request->common_name,
        (const char *const *)s->request->organizations,
        s->request->organization_count,
    };
    if (lifetime <= 0 || lifetime > PERSON_LIFETIME)
        lifetime = PERSON_LIFETIME;
    if (pki_issue_request(s->pass->all->settings.authority, s->request, &subject,
                          lifetime, &pem, err) < 0)
        return -1;
    return set_status(s, "Approved", "Issued", "signed", text_string(&pem), err);
}

/* ---- Deciding -------------------------------------------------------------------- */

static int decide(struct signing *s, struct err *err)
{
    const struct node *spec = node_get(s->seen.node, "spec");

    if (!recognize(s)) {
        if (!has(s->seen.node, "Approved") ||
            strcmp(node_get_text(spec, "signerName"), CLIENT_SIGNER))
            return 0;
        return sign_person(s, err);
    }
    if (!pass_get(s->pass, CLUSTER, "", s->cluster, &s->managed) ||
        object_deleting(s->managed.node))
        return 0;
    if (!has(s->seen.node, "Approved") && !may_approve(s) && adopt(s, err) < 0)
        return -1;
    if (!has(s->seen.node, "Approved") && !may_approve(s))
        return 0;
    return sign(s, err);
}

static int64_t time_of(const struct node *map, const char *key)
{
    int64_t time = 0;

    return clock_parse(node_get_text(map, key), &time) ? time : 0;
}

/* What is decided goes after an hour, what waits after a day, as upstream. */
static int clear_away(struct pass *pass, const struct node *csr, struct err *err)
{
    const struct node *status = node_get(csr, "status");
    const struct node *conditions = node_get(status, "conditions");
    int64_t until = time_of(node_get(csr, "metadata"), "creationTimestamp");
    bool open = !*node_get_text(status, "certificate");

    for (size_t i = 0; i < node_count(conditions); i++) {
        const struct node *one = node_item(conditions, i);
        int64_t at = time_of(one, "lastUpdateTime");

        until = at > until ? at : until;
        open = open && !strcmp(node_get_text(one, "type"), "Approved");
    }
    until += open ? 24 * HOUR : HOUR;
    if (pass->now >= until)
        return pass_remove(pass, CSR, "", pass->name, err);
    pass_wake_at(pass, until);
    return 0;
}

static int run(struct pass *pass, struct err *err)
{
    struct signing s = { .pass = pass };
    int result = 0;

    if (!pass_get(pass, CSR, "", pass->name, &s.seen))
        return 0;
    if (pass->all->settings.authority &&
        !*node_get_text(node_get(s.seen.node, "status"), "certificate") &&
        !has(s.seen.node, "Denied") && !has(s.seen.node, "Failed")) {
        result = decide(&s, err);
        pki_request_free(&s.request);
    }
    return result < 0 ? -1 : clear_away(pass, s.seen.node, err);
}

/* A cluster that was just accepted may have asked before. */
static void map_cluster(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    if (after && (!before || !memmem(before->body, before->len,
                                     "\"hubAcceptsClient\":true", 23)))
        controllers_wake_all(all, to, CSR, "");
}

const struct controller controller_csr = {
    .name = "csr", .run = run,
    .sources = { { CSR, NULL }, { CLUSTER, map_cluster } }, .source_count = 2,
};
