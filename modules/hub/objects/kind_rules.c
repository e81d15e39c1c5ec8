/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and completes objects of kinds that have rules beyond their schema. */

#include "objects/keeper.h"
#include "objects/rules.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"
#include "schema/schema.h"

#include <string.h>

static void settle_secret(struct arena *arena, struct node *secret)
{
    struct node *data;

    if (!node_get(secret, "stringData"))
        return;
    data = node_share(arena, node_make(arena, secret, "data"));
    node_set(arena, secret, "data", data);
    node_each(entry, node_get(secret, "stringData"))
    {
        scoped_text struct text out = {0};

        if (!node_is(entry->value, NODE_STRING))
            return; /* invalid: the validation reports it */
        text_add_base64(&out, entry->value->string, entry->value->len, false);
        node_set_text(arena, data, entry->key, text_string(&out));
    }
    node_remove(secret, "stringData");
}

static void settle_namespace(struct arena *arena, struct node *namespace)
{
    struct node *metadata = node_make(arena, namespace, "metadata");
    struct node *labels = node_make(arena, metadata, "labels");
    struct node *finalizers, *status;

    node_set_text(arena, labels, META_LABEL_NAMESPACE_NAME, node_get_text(metadata, "name"));
    if (node_get(metadata, "deletionTimestamp"))
        return;
    if (!node_at(namespace, "spec", "finalizers", NULL)) {
        finalizers = node_make_list(arena, node_make(arena, namespace, "spec"), "finalizers");
        node_add(arena, finalizers, node_string(arena, "kubernetes"));
    }
    status = node_make(arena, namespace, "status");
    if (!node_get(status, "phase"))
        node_set_text(arena, status, "phase", "Active");
}

void kind_rules_settle(struct arena *arena, const struct kind *kind, struct node *object)
{
    if (kind_is_core(kind, "secrets"))
        settle_secret(arena, object);
    else if (kind_is_core(kind, "namespaces"))
        settle_namespace(arena, object);
}

static void add_invalid(struct arena *arena, struct node *causes, const char *field,
                        const char *value, const char *why)
{
    schema_add_cause(arena, causes, "FieldValueInvalid", field, node_string(arena, value), "%s",
                     why);
}

static void check_data_keys(struct arena *arena, const struct node *object, const char *field,
                            struct node *causes)
{
    char why[NAME_WHY];

    node_each(entry, node_get(object, field))
    {
        if (!name_is_config_key(entry->key, why))
            add_invalid(arena, causes, arena_printf(arena, "%s[%s]", field, entry->key), entry->key,
                        why);
        else if (!strcmp(field, "data") && node_at(object, "binaryData", entry->key, NULL))
            add_invalid(arena, causes, arena_printf(arena, "data[%s]", entry->key), entry->key,
                        "duplicate of key present in binaryData");
    }
}

static void check_secret_type(struct arena *arena, const struct node *secret, struct node *causes)
{
    static const struct {
        const char *type, *keys[2];
    } needs[] = {
        {"kubernetes.io/tls", {"tls.crt", "tls.key"}},
        {"kubernetes.io/dockerconfigjson", {".dockerconfigjson"}},
        {"kubernetes.io/dockercfg", {".dockercfg"}},
        {"kubernetes.io/ssh-auth", {"ssh-privatekey"}},
    };
    const struct node *data = node_get(secret, "data");

    for (size_t i = 0; i < count_of(needs); i++)
        for (size_t j = 0; j < 2 && needs[i].keys[j]; j++)
            if (!strcmp(node_get_text(secret, "type"), needs[i].type) &&
                !node_get(data, needs[i].keys[j]))
                schema_add_cause(arena, causes, "FieldValueRequired",
                                 arena_printf(arena, "data[%s]", needs[i].keys[j]), NULL, "%s", "");
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(word, *words))
            return true;
    return false;
}

static void check_role_binding(struct arena *arena, const struct node *binding, struct node *causes)
{
    static const char *const roles[] = {"Role", "ClusterRole", NULL};
    static const char *const who[] = {"ServiceAccount", "User", "Group", NULL};
    const struct node *role = node_get(binding, "roleRef");
    const struct node *subjects = node_get(binding, "subjects");

    if (!is_one_of(node_get_text(role, "kind"), roles))
        schema_add_cause(arena, causes, "FieldValueNotSupported", "roleRef.kind",
                         node_string(arena, node_get_text(role, "kind")),
                         "supported values: \"Role\", \"ClusterRole\"");
    if (!*node_get_text(role, "name"))
        schema_add_cause(arena, causes, "FieldValueRequired", "roleRef.name", NULL, "%s", "");
    for (size_t i = 0; i < node_count(subjects); i++) {
        const char *kind = node_get_text(node_item(subjects, i), "kind");

        if (!is_one_of(kind, who))
            schema_add_cause(arena, causes, "FieldValueNotSupported",
                             arena_printf(arena, "subjects[%zu].kind", i), node_string(arena, kind),
                             "supported values: \"ServiceAccount\", \"User\", "
                             "\"Group\"");
    }
}

static void check_role_rules(struct arena *arena, const struct node *role, struct node *causes)
{
    const struct node *rules = node_get(role, "rules");

    for (size_t i = 0; i < node_count(rules); i++)
        if (!node_count(node_get(node_item(rules, i), "verbs")))
            schema_add_cause(arena, causes, "FieldValueRequired",
                             arena_printf(arena, "rules[%zu].verbs", i), NULL,
                             "verbs must contain at least one value");
}

static void check_lease(struct arena *arena, const struct node *lease, struct node *causes)
{
    const struct node *seconds = node_at(lease, "spec", "leaseDurationSeconds", NULL);

    if (node_is(seconds, NODE_INT) && seconds->integer <= 0)
        schema_add_cause(arena, causes, "FieldValueInvalid", "spec.leaseDurationSeconds", seconds,
                         "must be greater than 0");
}

static void check_request(struct arena *arena, const struct node *csr, struct node *causes)
{
    const struct node *request = node_at(csr, "spec", "request", NULL);
    const char *text = node_text(request);
    scoped_text struct text pem = {0};

    if (!text_add_unbase64(&pem, text, strlen(text), false))
        return; /* invalid: the schema reports it */
    if (!strstr(text_string(&pem), "-----BEGIN CERTIFICATE REQUEST-----") &&
        !strstr(text_string(&pem), "-----BEGIN NEW CERTIFICATE REQUEST-----"))
        schema_add_cause(arena, causes, "FieldValueInvalid", "spec.request", request,
                         "PEM block type must be CERTIFICATE REQUEST");
}

/* An Event is in the namespace of the object that it is about, so that a user who may
   write in one namespace cannot record Events about objects of another. Events about
   cluster-scoped objects are in `default` or in the namespace of the object's name. */
static void check_event_names(struct arena *arena, const struct node *event, struct node *causes)
{
    const char *field = node_get(event, "regarding") ? "regarding" : "involvedObject";
    const struct node *about = node_get(event, field);
    const char *named = node_get_text(about, "namespace");
    const char *namespace = meta_namespace(event);

    if (*named ? !strcmp(named, namespace)
               : !strcmp(namespace, "default") || !strcmp(node_get_text(about, "name"), namespace))
        return;
    schema_add_cause(arena, causes, "FieldValueInvalid", arena_printf(arena, "%s.namespace", field),
                     node_string(arena, named), "does not match event.namespace");
}

/* The checks of kube-apiserver for built-in kinds, with its messages. */
static void check_kind_words(struct arena *arena, const struct kind *kind,
                             const struct node *object, const struct node *before,
                             struct node *causes)
{
    static const struct {
        const char *resource;
        void (*check)(struct arena *arena, const struct node *object, struct node *causes);
        bool once; /* on create only: stored objects stay valid */
    } checks[] = {
        {"rolebindings.rbac.authorization.k8s.io", check_role_binding, false},
        {"clusterrolebindings.rbac.authorization.k8s.io", check_role_binding, false},
        {"roles.rbac.authorization.k8s.io", check_role_rules, false},
        {"leases.coordination.k8s.io", check_lease, false},
        {"certificatesigningrequests.certificates.k8s.io", check_request, true},
        {"events", check_event_names, true},
        {"events.events.k8s.io", check_event_names, true},
    };

    for (size_t i = 0; i < count_of(checks); i++)
        if (!strcmp(kind->resource, checks[i].resource) && (!before || !checks[i].once))
            checks[i].check(arena, object, causes);
}

/* Refuses changes of ConfigMaps and Secrets that are `immutable`. */
static void check_frozen(struct arena *arena, const struct node *object, const struct node *before,
                         struct node *causes)
{
    static const char *const fields[] = {"immutable", "data", "binaryData"};

    if (!node_get_bool(before, "immutable", false))
        return;
    for (size_t i = 0; i < count_of(fields); i++)
        if (!node_same(node_get(object, fields[i]), node_get(before, fields[i])))
            schema_add_cause(arena, causes, "FieldValueForbidden", fields[i], NULL,
                             "field is immutable when `immutable` "
                             "is set");
}

static const struct node *find_immutable(const struct node *object, const char *path)
{
    char key[128];

    while (*path) {
        size_t len = strcspn(path, ".");

        if (len >= sizeof(key))
            return NULL;
        memcpy(key, path, len);
        key[len] = '\0';
        object = node_get(object, key);
        path += len + (path[len] == '.');
    }
    return object;
}

static void check_immutable(struct arena *arena, const struct kind *kind, const struct node *object,
                            const struct node *before, struct node *causes)
{
    for (size_t i = 0; kind->immutable_fields && kind->immutable_fields[i]; i++) {
        const char *path = kind->immutable_fields[i];
        const struct node *now = find_immutable(object, path);
        const struct node *old = find_immutable(before, path);

        if (node_same(now, old))
            continue;
        schema_add_cause(arena, causes, "FieldValueInvalid", path, now ? now : node_null(arena),
                         "%s",
                         !strcmp(path, "roleRef") ? "cannot change roleRef" : "field is immutable");
    }
}

void kind_rules_check(struct arena *arena, const struct kind *kind, const struct node *object,
                      const struct node *before, struct node *causes)
{
    bool map = kind_is_core(kind, "configmaps"), secret = kind_is_core(kind, "secrets");

    if (before)
        check_immutable(arena, kind, object, before, causes);
    check_kind_words(arena, kind, object, before, causes);
    if (!map && !secret)
        return;
    check_data_keys(arena, object, "data", causes);
    check_data_keys(arena, object, "binaryData", causes);
    if (secret)
        check_secret_type(arena, object, causes);
    if (before)
        check_frozen(arena, object, before, causes);
}
