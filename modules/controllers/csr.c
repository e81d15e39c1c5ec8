/* SPDX-License-Identifier: Apache-2.0 */
/* Approves spokes' certificate requests by policy, and signs approved ones. */
#include "controllers/controller.h"

#include "base/clock.h"
#include "pki/pki.h"
#include "work/work.h"

#include <string.h>

#define LIFETIME (30 * 24 * 3600 * CLOCK_SECOND)
#define AGENT_GROUP "system:open-cluster-management:managed-clusters"

/* Who asks is written by the hub, whatever the request says of it. */
static int before_write(void *arg, const struct objects_who *who,
                        const struct kind *kind, const struct node *before,
                        struct arena *arena, struct node *after, struct err *err)
{
    struct node *spec;

    if (before || !after || who->trusted)
        return 0;
    spec = node_make(arena, after, "spec");
    node_set_text(arena, spec, "username", who->user ? who->user : "");
    node_remove(spec, "uid");
    node_remove(spec, "groups");
    node_remove(spec, "extra");
    return 0;
}

void csr_rules(struct controllers *all)
{
    objects_rule(all->objects, all->kinds[CSR], before_write, all);
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
    const struct node *text = node_get(spec, "request");
    scoped_text struct text pem = { 0 };
    struct work_csr csr = { .block_type = "CERTIFICATE REQUEST" };

    if (!node_is(text, NODE_STRING) ||
        !text_add_unbase64(&pem, text->string, text->len, false))
        return false;
    s->request = pki_request_read(text_string(&pem), pem.len, NULL);
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

/*
 * A machine whose first join was cut short comes again with another token. The
 * name is nobody's yet as long as no key speaks for it; a token that is for
 * this name and leads into the same set takes the place of the first.
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
        *object_annotation(s->managed.node, CLIENT_KEYS))
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
               "its join was not finished; the join token %s goes on with it", user);
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

static int decide(struct signing *s, struct err *err)
{
    if (!recognize(s))
        return 0;
    if (!pass_get(s->pass, CLUSTER, "", s->cluster, &s->managed) ||
        object_deleting(s->managed.node))
        return 0;
    if (!has(s->seen.node, "Approved") && !may_approve(s) && adopt(s, err) < 0)
        return -1;
    if (!has(s->seen.node, "Approved") && !may_approve(s))
        return 0;
    return sign(s, err);
}

static int run(struct pass *pass, struct err *err)
{
    struct signing s = { .pass = pass };
    int result;

    if (!pass->all->settings.authority ||
        !pass_get(pass, CSR, "", pass->name, &s.seen) ||
        *node_get_text(node_get(s.seen.node, "status"), "certificate") ||
        has(s.seen.node, "Denied") || has(s.seen.node, "Failed"))
        return 0;
    result = decide(&s, err);
    pki_request_free(&s.request);
    return result;
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
