/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and fills what every object has, and the little that one kind has. */

#include "objects/inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"
#include "schema/schema.h"

#include <string.h>

#define ANNOTATIONS_AT_MOST 262144

typedef bool name_rule_fn(const char *name, char why[NAME_WHY]);

static bool is_space_name(const char *name, char why[NAME_WHY])
{
    if (strchr(name, '.') && name_is_dns_subdomain(name, NULL)) {
        snprintf(why, NAME_WHY, "must not contain dots");
        return false;
    }
    return name_is_dns_label(name, why);
}

static const struct {
    const char *rule;
    name_rule_fn *fn;
} name_rules[] = {
    {"dns-label", name_is_dns_label},
    {"dns-subdomain", name_is_dns_subdomain},
    {"dns1035-label", name_is_dns1035_label},
    {"path", name_is_path_segment},
    {"path-segment", name_is_path_segment},
};

static name_rule_fn *name_rule_of(const struct kind *kind)
{
    if (is_core(kind, "namespaces"))
        return is_space_name;
    for (size_t i = 0; kind->name_rule && i < count_of(name_rules); i++)
        if (!strcmp(kind->name_rule, name_rules[i].rule))
            return name_rules[i].fn;
    return name_is_dns_subdomain;
}

static void check_name(struct arena *arena, const struct kind *kind,
                       const struct node *metadata, struct node *causes)
{
    const struct node *name = node_get(metadata, "name");
    const struct node *base = node_get(metadata, "generateName");
    name_rule_fn *rule = name_rule_of(kind);
    char why[NAME_WHY];

    if (!*node_text(name)) {
        schema_add_cause(arena, causes, "FieldValueRequired", "metadata.name",
                         NULL, "name or generateName is required");
        return;
    }
    if (*node_text(base)) {
        /* What is appended makes a final dash good. */
        char *whole = arena_printf(arena, "%sa", node_text(base));

        if (!rule(whole, why))
            schema_add_cause(arena, causes, "FieldValueInvalid",
                             "metadata.generateName", base,
                             "%s", why);
    }
    if (!rule(node_text(name), why))
        schema_add_cause(arena, causes, "FieldValueInvalid", "metadata.name",
                         name, "%s", why);
}

static void add_bad(struct arena *arena, struct node *causes, const char *field,
                    const char *value, const char *why)
{
    schema_add_cause(arena, causes, "FieldValueInvalid", field,
                     node_string(arena, value), "%s", why);
}

static void check_labels(struct arena *arena, const struct node *metadata,
                         struct node *causes)
{
    char why[NAME_WHY];

    node_each (label, node_get(metadata, "labels")) {
        const char *value = node_text(label->value);

        if (!name_is_qualified(label->key, why))
            add_bad(arena, causes, "metadata.labels", label->key, why);
        if (!name_is_label_value(value, why))
            add_bad(arena, causes, "metadata.labels", value, why);
    }
}

static void check_annotations(struct arena *arena, const struct node *metadata,
                              struct node *causes)
{
    size_t sum = 0;
    char why[NAME_WHY];

    node_each (entry, node_get(metadata, "annotations")) {
        char *lower = arena_string(arena, entry->key);

        for (char *c = lower; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c += 'a' - 'A';
        if (!name_is_qualified(lower, why))
            add_bad(arena, causes, "metadata.annotations", entry->key, why);
        sum += strlen(entry->key) + strlen(node_text(entry->value));
    }
    if (sum > ANNOTATIONS_AT_MOST)
        schema_add_cause(arena, causes, "FieldValueTooLong",
                         "metadata.annotations", NULL,
                         "may not be more than %d bytes",
                         ANNOTATIONS_AT_MOST);
}

static void check_owners(struct arena *arena, const struct node *metadata,
                         struct node *causes)
{
    static const char *const needed[] = {"apiVersion", "kind", "name", "uid"};
    const struct node *owners = node_get(metadata, "ownerReferences");
    const struct node *controller = NULL;

    for (size_t i = 0; i < node_count(owners); i++) {
        const struct node *owner = node_item(owners, i);

        for (size_t j = 0; j < count_of(needed); j++) {
            if (*node_get_text(owner, needed[j]))
                continue;
            add_bad(arena, causes,
                    arena_printf(arena, "metadata.ownerReferences.%s", needed[j]),
                    "",
                    arena_printf(arena, "%s must not be empty",
                                 j == 0 ? "version" : needed[j]));
        }
        if (!node_get_bool(owner, "controller", false))
            continue;
        if (controller)
            schema_add_cause(
                arena, causes, "FieldValueInvalid", "metadata.ownerReferences",
                NULL,
                "Only one reference can have Controller set to "
                "true. Found \"true\" in references for %s/%s and %s/%s",
                node_get_text(controller, "kind"),
                node_get_text(controller, "name"), node_get_text(owner, "kind"),
                node_get_text(owner, "name"));
        controller = owner;
    }
}

static bool holds(const struct node *list, const char *text)
{
    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), text))
            return true;
    return false;
}

static void check_finalizers(struct arena *arena, const struct node *metadata,
                             const struct node *before, struct node *causes)
{
    static const char *const own[] = {META_FINALIZER_ORPHAN, META_FINALIZER_FOREGROUND,
                                      "kubernetes"};
    const struct node *list = node_get(metadata, "finalizers");
    const struct node *old = node_at(before, "metadata", "finalizers", NULL);
    scoped_text struct text added = {0};
    char why[NAME_WHY];

    for (size_t i = 0; i < node_count(list); i++) {
        const char *name = node_text(node_item(list, i));
        bool known = false;

        for (size_t j = 0; j < count_of(own); j++)
            known = known || !strcmp(name, own[j]);
        if (!name_is_qualified(name, why))
            add_bad(arena, causes, "metadata.finalizers", name, why);
        if (!known && !strchr(name, '/'))
            add_bad(arena, causes,
                    arena_printf(arena, "metadata.finalizers[%zu]", i), name,
                    "name is neither a standard finalizer name nor is it "
                    "fully qualified");
        if (!holds(old, name))
            text_addf(&added, "%s\"%s\"", added.len ? ", " : "", name);
    }
    /* Said twice in the causes, as there, and once in the sentence. */
    for (int i = 0; i < 2 && added.len &&
                    node_at(before, "metadata", "deletionTimestamp", NULL);
         i++)
        schema_add_cause(arena, causes, "FieldValueForbidden",
                         "metadata.finalizers", NULL,
                         "no new finalizers can be added if the "
                         "object is being deleted, found new finalizers "
                         "[]string{%s}",
                         text_string(&added));
}

void check_metadata(struct arena *arena, const struct kind *kind,
                    const struct node *object, const struct node *before,
                    struct node *causes)
{
    const struct node *metadata = node_get(object, "metadata");

    check_name(arena, kind, metadata, causes);
    check_labels(arena, metadata, causes);
    check_annotations(arena, metadata, causes);
    check_owners(arena, metadata, causes);
    check_finalizers(arena, metadata, before, causes);
}

/* ---- A new object ------------------------------------------------------- */

void generate_name(struct arena *arena, struct node *metadata)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    const char *base = node_get_text(metadata, "generateName");
    char tail[6];

    if (*node_get_text(metadata, "name") || !*base)
        return;
    for (size_t i = 0; i < sizeof(tail) - 1; i++)
        tail[i] = letters[random_below(sizeof(letters) - 1)];
    tail[sizeof(tail) - 1] = '\0';
    node_set(arena, metadata, "name",
             node_format(arena, "%.58s%s", base, tail));
}

/* RFC 9562, version 4. */
static void new_uid(char out[37])
{
    unsigned char b[16];

    random_bytes(b, sizeof(b));
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, 37,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
             "%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
             b[11], b[12], b[13], b[14], b[15]);
}

void fill_metadata(struct arena *arena, const struct kind *kind,
                   struct node *object)
{
    struct node *metadata = node_make(arena, object, "metadata");
    char uid[37], now[CLOCK_TEXT];

    new_uid(uid);
    clock_format(clock_wall(), false, now);
    node_remove(metadata, "deletionTimestamp");
    node_remove(metadata, "deletionGracePeriodSeconds");
    node_remove(metadata, "selfLink");
    node_set_text(arena, metadata, "uid", uid);
    node_set_text(arena, metadata, "resourceVersion", "");
    if (kind->no_generation)
        node_remove(metadata, "generation");
    else
        node_set_int(arena, metadata, "generation", 1);
    node_set_text(arena, metadata, "creationTimestamp", now);
}

/* ---- One kind ----------------------------------------------------------- */

static void settle_secret(struct arena *arena, struct node *secret)
{
    struct node *data;

    if (!node_get(secret, "stringData"))
        return;
    data = node_share(arena, node_make(arena, secret, "data"));
    node_set(arena, secret, "data", data);
    node_each (entry, node_get(secret, "stringData")) {
        scoped_text struct text out = {0};

        if (!node_is(entry->value, NODE_STRING))
            return; /* validation says so */
        text_add_base64(&out, entry->value->string, entry->value->len, false);
        node_set_text(arena, data, entry->key, text_string(&out));
    }
    node_remove(secret, "stringData");
}

static void settle_space(struct arena *arena, struct node *space)
{
    struct node *metadata = node_make(arena, space, "metadata");
    struct node *labels = node_make(arena, metadata, "labels");
    struct node *finalizers, *status;

    node_set_text(arena, labels, META_LABEL_NAMESPACE_NAME,
                  node_get_text(metadata, "name"));
    if (node_get(metadata, "deletionTimestamp"))
        return;
    if (!node_at(space, "spec", "finalizers", NULL)) {
        finalizers = node_make_list(
            arena, node_make(arena, space, "spec"), "finalizers");
        node_add(arena, finalizers, node_string(arena, "kubernetes"));
    }
    status = node_make(arena, space, "status");
    if (!node_get(status, "phase"))
        node_set_text(arena, status, "phase", "Active");
}

void settle_kind(struct arena *arena, const struct kind *kind,
                 struct node *object)
{
    if (is_core(kind, "secrets"))
        settle_secret(arena, object);
    else if (is_core(kind, "namespaces"))
        settle_space(arena, object);
}

static void check_data_keys(struct arena *arena, const struct node *object,
                            const char *field, struct node *causes)
{
    char why[NAME_WHY];

    node_each (entry, node_get(object, field)) {
        if (!name_is_config_key(entry->key, why))
            add_bad(arena, causes,
                    arena_printf(arena, "%s[%s]", field, entry->key),
                    entry->key, why);
        else if (!strcmp(field, "data") &&
                 node_at(object, "binaryData", entry->key, NULL))
            add_bad(arena, causes, arena_printf(arena, "data[%s]", entry->key),
                    entry->key, "duplicate of key present in binaryData");
    }
}

static void check_secret_type(struct arena *arena, const struct node *secret,
                              struct node *causes)
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
                schema_add_cause(
                    arena, causes, "FieldValueRequired",
                    arena_printf(arena, "data[%s]", needs[i].keys[j]), NULL,
                    "%s", "");
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(word, *words))
            return true;
    return false;
}

static void check_binding(struct arena *arena, const struct node *binding,
                          struct node *causes)
{
    static const char *const roles[] = {"Role", "ClusterRole", NULL};
    static const char *const who[] = {"ServiceAccount", "User", "Group", NULL};
    const struct node *role = node_get(binding, "roleRef");
    const struct node *subjects = node_get(binding, "subjects");

    if (!is_one_of(node_get_text(role, "kind"), roles))
        schema_add_cause(arena, causes, "FieldValueNotSupported",
                         "roleRef.kind",
                         node_string(arena, node_get_text(role, "kind")),
                         "supported values: \"Role\", \"ClusterRole\"");
    if (!*node_get_text(role, "name"))
        schema_add_cause(arena, causes, "FieldValueRequired", "roleRef.name",
                         NULL, "%s", "");
    for (size_t i = 0; i < node_count(subjects); i++) {
        const char *kind = node_get_text(node_item(subjects, i), "kind");

        if (!is_one_of(kind, who))
            schema_add_cause(arena, causes, "FieldValueNotSupported",
                             arena_printf(arena, "subjects[%zu].kind", i),
                             node_string(arena, kind),
                             "supported values: \"ServiceAccount\", \"User\", "
                             "\"Group\"");
    }
}

static void check_role(struct arena *arena, const struct node *role,
                       struct node *causes)
{
    const struct node *rules = node_get(role, "rules");

    for (size_t i = 0; i < node_count(rules); i++)
        if (!node_count(node_get(node_item(rules, i), "verbs")))
            schema_add_cause(arena, causes, "FieldValueRequired",
                             arena_printf(arena, "rules[%zu].verbs", i), NULL,
                             "verbs must contain at least one value");
}

static void check_lease(struct arena *arena, const struct node *lease,
                        struct node *causes)
{
    const struct node *seconds =
        node_at(lease, "spec", "leaseDurationSeconds", NULL);

    if (node_is(seconds, NODE_INT) && seconds->integer <= 0)
        schema_add_cause(arena, causes, "FieldValueInvalid",
                         "spec.leaseDurationSeconds", seconds,
                         "must be greater than 0");
}

static void check_request(struct arena *arena, const struct node *csr,
                          struct node *causes)
{
    const struct node *request = node_at(csr, "spec", "request", NULL);
    const char *text = node_text(request);
    scoped_text struct text pem = {0};

    if (!text_add_unbase64(&pem, text, strlen(text), false))
        return; /* the schema says so */
    if (!strstr(text_string(&pem), "-----BEGIN CERTIFICATE REQUEST-----") &&
        !strstr(text_string(&pem), "-----BEGIN NEW CERTIFICATE REQUEST-----"))
        schema_add_cause(arena, causes, "FieldValueInvalid", "spec.request",
                         request, "PEM block type must be CERTIFICATE REQUEST");
}

/* An Event lies beside what it is about, so that whoever may write in one namespace
   says nothing of another's objects. What lies in no namespace has its Events in
   `default`, or in the namespace of its own name. */
static void check_event(struct arena *arena, const struct node *event,
                        struct node *causes)
{
    const char *field = node_get(event, "regarding") ? "regarding" : "involvedObject";
    const struct node *about = node_get(event, field);
    const char *named = node_get_text(about, "namespace");
    const char *space = node_get_text(node_get(event, "metadata"), "namespace");

    if (*named ? !strcmp(named, space)
               : !strcmp(space, "default") || !strcmp(node_get_text(about, "name"), space))
        return;
    schema_add_cause(arena, causes, "FieldValueInvalid",
                     arena_printf(arena, "%s.namespace", field),
                     node_string(arena, named), "does not match event.namespace");
}

/* What kube-apiserver checks of kinds that it knows, in its words. */
static void check_words(struct arena *arena, const struct kind *kind,
                        const struct node *object, const struct node *before,
                        struct node *causes)
{
    static const struct {
        const char *resource;
        void (*check)(struct arena *arena, const struct node *object,
                      struct node *causes);
        bool once; /* what is there already stays good */
    } checks[] = {
        {"rolebindings.rbac.authorization.k8s.io", check_binding, false},
        {"clusterrolebindings.rbac.authorization.k8s.io", check_binding, false},
        {"roles.rbac.authorization.k8s.io", check_role, false},
        {"leases.coordination.k8s.io", check_lease, false},
        {"certificatesigningrequests.certificates.k8s.io", check_request, true},
        {"events", check_event, true},
        {"events.events.k8s.io", check_event, true},
    };

    for (size_t i = 0; i < count_of(checks); i++)
        if (!strcmp(kind->resource, checks[i].resource) &&
            (!before || !checks[i].once))
            checks[i].check(arena, object, causes);
}

/* ConfigMaps and Secrets that say `immutable` stay as they are. */
static void check_frozen(struct arena *arena, const struct node *object,
                         const struct node *before, struct node *causes)
{
    static const char *const fields[] = {"immutable", "data", "binaryData"};

    if (!node_get_bool(before, "immutable", false))
        return;
    for (size_t i = 0; i < count_of(fields); i++)
        if (!node_same(node_get(object, fields[i]), node_get(before, fields[i])))
            schema_add_cause(arena, causes, "FieldValueForbidden", fields[i],
                             NULL,
                             "field is immutable when `immutable` "
                             "is set");
}

static const struct node *at_path(const struct node *object, const char *path)
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

static void check_immutable(struct arena *arena, const struct kind *kind,
                            const struct node *object,
                            const struct node *before, struct node *causes)
{
    for (size_t i = 0; kind->immutable_fields && kind->immutable_fields[i];
         i++) {
        const char *path = kind->immutable_fields[i];
        const struct node *now = at_path(object, path);
        const struct node *old = at_path(before, path);

        if (now == old || (now && old && node_same(now, old)))
            continue;
        schema_add_cause(arena, causes, "FieldValueInvalid", path,
                         now ? now : node_null(arena), "%s",
                         !strcmp(path, "roleRef") ? "cannot change roleRef"
                                                  : "field is immutable");
    }
}

void check_kind(struct arena *arena, const struct kind *kind,
                const struct node *object, const struct node *before,
                struct node *causes)
{
    bool map = is_core(kind, "configmaps"), secret = is_core(kind, "secrets");

    if (before)
        check_immutable(arena, kind, object, before, causes);
    check_words(arena, kind, object, before, causes);
    if (!map && !secret)
        return;
    check_data_keys(arena, object, "data", causes);
    check_data_keys(arena, object, "binaryData", causes);
    if (secret)
        check_secret_type(arena, object, causes);
    if (before)
        check_frozen(arena, object, before, causes);
}
