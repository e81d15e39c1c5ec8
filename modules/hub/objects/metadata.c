/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and fills the metadata that every object has. */

#include "objects/keeper.h"
#include "objects/rules.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"
#include "schema/schema.h"

#include <string.h>

#define ANNOTATIONS_AT_MOST 262144

typedef bool name_rule_fn(const char *name, char why[NAME_WHY]);

static bool is_namespace_name(const char *name, char why[NAME_WHY])
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
    {"path", name_is_path_segment},
};

static name_rule_fn *name_rule_of(const struct kind *kind)
{
    if (kind_is_core(kind, "namespaces"))
        return is_namespace_name;
    for (size_t i = 0; i < count_of(name_rules); i++)
        if (!strcmp(kind->name_rule, name_rules[i].rule))
            return name_rules[i].fn;
    return name_is_dns_subdomain;
}

static void check_object_name(struct arena *arena, const struct kind *kind,
                              const struct node *metadata, struct node *causes)
{
    const struct node *name = node_get(metadata, "name");
    const struct node *base = node_get(metadata, "generateName");
    name_rule_fn *rule = name_rule_of(kind);
    char why[NAME_WHY];

    if (!*node_text(name)) {
        schema_add_cause(arena, causes, "FieldValueRequired", "metadata.name", NULL,
                         "name or generateName is required");
        return;
    }
    if (*node_text(base)) {
        /* The suffix that will be appended makes a final dash valid. */
        char *whole = arena_printf(arena, "%sa", node_text(base));

        if (!rule(whole, why))
            schema_add_cause(arena, causes, "FieldValueInvalid", "metadata.generateName", base,
                             "%s", why);
    }
    if (!rule(node_text(name), why))
        schema_add_cause(arena, causes, "FieldValueInvalid", "metadata.name", name, "%s", why);
}

static void add_bad(struct arena *arena, struct node *causes, const char *field, const char *value,
                    const char *why)
{
    schema_add_cause(arena, causes, "FieldValueInvalid", field, node_string(arena, value), "%s",
                     why);
}

static void check_labels(struct arena *arena, const struct node *metadata, struct node *causes)
{
    char why[NAME_WHY];

    node_each(label, node_get(metadata, "labels"))
    {
        const char *value = node_text(label->value);

        if (!name_is_qualified(label->key, why))
            add_bad(arena, causes, "metadata.labels", label->key, why);
        if (!name_is_label_value(value, why))
            add_bad(arena, causes, "metadata.labels", value, why);
    }
}

static void check_annotations(struct arena *arena, const struct node *metadata, struct node *causes)
{
    size_t sum = 0;
    char why[NAME_WHY];

    node_each(entry, node_get(metadata, "annotations"))
    {
        char *lower = arena_string(arena, entry->key);

        for (char *c = lower; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c += 'a' - 'A';
        if (!name_is_qualified(lower, why))
            add_bad(arena, causes, "metadata.annotations", entry->key, why);
        sum += strlen(entry->key) + strlen(node_text(entry->value));
    }
    if (sum > ANNOTATIONS_AT_MOST)
        schema_add_cause(arena, causes, "FieldValueTooLong", "metadata.annotations", NULL,
                         "may not be more than %d bytes", ANNOTATIONS_AT_MOST);
}

static void check_owner_references(struct arena *arena, const struct node *metadata,
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
            add_bad(arena, causes, arena_printf(arena, "metadata.ownerReferences.%s", needed[j]),
                    "",
                    arena_printf(arena, "%s must not be empty", j == 0 ? "version" : needed[j]));
        }
        if (!node_get_bool(owner, "controller", false))
            continue;
        if (controller)
            schema_add_cause(arena, causes, "FieldValueInvalid", "metadata.ownerReferences", NULL,
                             "Only one reference can have Controller set to "
                             "true. Found \"true\" in references for %s/%s and %s/%s",
                             node_get_text(controller, "kind"), node_get_text(controller, "name"),
                             node_get_text(owner, "kind"), node_get_text(owner, "name"));
        controller = owner;
    }
}

static bool has_finalizer_name(const struct node *list, const char *text)
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
            add_bad(arena, causes, arena_printf(arena, "metadata.finalizers[%zu]", i), name,
                    "name is neither a standard finalizer name nor is it "
                    "fully qualified");
        if (!has_finalizer_name(old, name))
            text_addf(&added, "%s\"%s\"", added.len ? ", " : "", name);
    }
    /* A kube-apiserver has this cause twice, so clients that compare see the same. */
    for (int i = 0; i < 2 && added.len && node_at(before, "metadata", "deletionTimestamp", NULL);
         i++)
        schema_add_cause(arena, causes, "FieldValueForbidden", "metadata.finalizers", NULL,
                         "no new finalizers can be added if the "
                         "object is being deleted, found new finalizers "
                         "[]string{%s}",
                         text_string(&added));
}

void metadata_check(struct arena *arena, const struct kind *kind, const struct node *object,
                    const struct node *before, struct node *causes)
{
    const struct node *metadata = node_get(object, "metadata");

    check_object_name(arena, kind, metadata, causes);
    check_labels(arena, metadata, causes);
    check_annotations(arena, metadata, causes);
    check_owner_references(arena, metadata, causes);
    check_finalizers(arena, metadata, before, causes);
}

/* ---- A new object ------------------------------------------------------- */

void metadata_generate_name(struct arena *arena, struct node *metadata)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    const char *base = node_get_text(metadata, "generateName");
    char tail[6];

    if (*node_get_text(metadata, "name") || !*base)
        return;
    for (size_t i = 0; i < sizeof(tail) - 1; i++)
        tail[i] = letters[random_below(sizeof(letters) - 1)];
    tail[sizeof(tail) - 1] = '\0';
    node_set(arena, metadata, "name", node_format(arena, "%.58s%s", base, tail));
}

void metadata_fill(struct arena *arena, const struct kind *kind, struct node *object)
{
    struct node *metadata = node_make(arena, object, "metadata");
    char uid[RANDOM_UUID], now[CLOCK_TEXT];

    random_uuid(uid);
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
