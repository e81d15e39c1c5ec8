/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses a securityContext that asks for users, groups or privileges which the spoke does not
 * allow. */

#include "manifest/checks.h"

#include "base/text.h"
#include "document/document.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

#define GROUPS_MOST 32

/* ---- Users and groups ------------------------------------------------------------------ */

/* Null counts as absent. */
static int check_context_id(const struct manifest_bounds *bounds, const struct node *value,
                            const char *path, const char *name, bool group,
                            struct manifest_why *why)
{
    int64_t id = number_value(value, group ? NUMBER_GROUP : NUMBER_USER, -1);
    struct err err = {0};

    if (!value || node_is(value, NODE_NULL))
        return 0;
    if (id < 0)
        return manifest_why_set(why, "Invalid", "%s.securityContext.%s is %lld, but must be %s",
                                path, name, (long long)number_raw(value),
                                number_words(group ? NUMBER_GROUP : NUMBER_USER));
    if (bounds->check_id(bounds->arg, (uint32_t)id, group, &err) == 0)
        return 0;
    return manifest_why_set(why, "NotPermitted", "%s.securityContext.%s: %.240s", path, name,
                            err.text);
}

static int check_context_ids(const struct manifest_bounds *bounds, const struct node *context,
                             const char *path, struct manifest_why *why)
{
    static const struct {
        const char *name;
        bool group;
    } ids[] = {{"runAsUser", false}, {"runAsGroup", true}, {"fsGroup", true}};
    const struct node *groups = node_get(context, "supplementalGroups");

    for (size_t i = 0; i < count_of(ids); i++)
        if (check_context_id(bounds, node_get(context, ids[i].name), path, ids[i].name,
                             ids[i].group, why) < 0)
            return -1;
    if (node_count(groups) > GROUPS_MOST)
        return manifest_why_set(why, "Invalid",
                                "%s.securityContext.supplementalGroups has %zu groups, but at "
                                "most %d are possible",
                                path, node_count(groups), GROUPS_MOST);
    for (size_t i = 0; i < node_count(groups); i++)
        if (check_context_id(bounds, node_item(groups, i), path, "supplementalGroups", true, why) <
            0)
            return -1;
    return 0;
}

/* ---- Privileges ---------------------------------------------------------------------------- */

/* Adding needs --allow-privileged; dropping never does. */
static int check_capabilities(const struct manifest_bounds *bounds, const struct node *context,
                              const char *path, struct manifest_why *why)
{
    static const char *const lists[] = {"add", "drop"};

    for (size_t l = 0; l < count_of(lists); l++) {
        const struct node *list = node_at(context, "capabilities", lists[l], NULL);

        if (l == 0 && node_count(list) && !bounds->allow_privileged)
            return manifest_why_set(why, "NotPermitted",
                                    "%s.securityContext.capabilities.add: this spoke "
                                    "gives no capabilities; its administrator could allow it with "
                                    "--allow-privileged",
                                    path);
        for (size_t i = 0; i < node_count(list); i++)
            if (strcmp(node_text(node_item(list, i)), "ALL") != 0 &&
                bounds->capability(node_text(node_item(list, i))) < 0)
                return manifest_why_set(why, "Invalid",
                                        "%s.securityContext.capabilities.%s: there is no "
                                        "capability \"%.60s\"",
                                        path, lists[l], node_text(node_item(list, i)));
    }
    return 0;
}

/* Fields that have one value on a spoke: any other value is refused, not passed over. */
static int check_fixed_fields(const struct node *context, const char *path,
                              struct manifest_why *why)
{
    static const struct {
        const char *map, *name, *takes, *says;
    } fixed[] = {
        {NULL, "procMount", "Default",
         "/proc is always a pod's own, with its dangerous parts hidden"},
        {NULL, "supplementalGroupsPolicy", "Strict Merge", "the groups are those that are listed"},
        {NULL, "fsGroupChangePolicy", "Always OnRootMismatch",
         "claims are given to the fsGroup always, or where the top folder is not its"},
        {"seccompProfile", "type", "RuntimeDefault", "every pod is under the spoke's own filter"},
        {"appArmorProfile", "type", "RuntimeDefault", "every pod is under the spoke's own rules"},
    };

    for (size_t i = 0; i < count_of(fixed); i++) {
        const struct node *map = fixed[i].map ? node_get(context, fixed[i].map) : context;
        const char *value = node_get_text(map, fixed[i].name);

        if (!*value || text_has_word(fixed[i].takes, value, ' '))
            continue;
        return manifest_why_set(why, "UnsupportedField",
                                "%s.securityContext.%s%s%s \"%.60s\" is not supported "
                                "on this spoke: %s",
                                path, fixed[i].map ? fixed[i].map : "", fixed[i].map ? "." : "",
                                fixed[i].name, value, fixed[i].says);
    }
    node_each(option, node_get(context, "seLinuxOptions")) if (
        *node_text(
            option
                ->value)) return manifest_why_set(why, "UnsupportedField",
                                                  "%s.securityContext.seLinuxOptions.%.60s is not "
                                                  "supported on this spoke: it labels nothing",
                                                  path, option->key);
    return 0;
}

static int check_context_privileges(const struct manifest_bounds *bounds,
                                    const struct node *context, const char *path,
                                    struct manifest_why *why)
{
    bool privileged = node_get_bool(context, "privileged", false);

    if (privileged && !bounds->allow_privileged)
        return manifest_why_set(
            why, "NotPermitted",
            "%s.securityContext.privileged: this spoke gives no "
            "privileges; its administrator could allow it with --allow-privileged",
            path);
    if (node_get_bool(context, "allowPrivilegeEscalation", false) && !privileged)
        return manifest_why_set(why, "NotPermitted",
                                "%s.securityContext.allowPrivilegeEscalation: nothing "
                                "gains privileges on this spoke unless it is privileged",
                                path);
    return check_capabilities(bounds, context, path, why);
}

int rights_check(const struct manifest_bounds *bounds, const struct node *context, const char *path,
                 struct manifest_why *why)
{
    if (check_context_ids(bounds, context, path, why) < 0 ||
        check_context_privileges(bounds, context, path, why) < 0)
        return -1;
    return check_fixed_fields(context, path, why);
}

/* As in Kubernetes, a field of the container goes before the same field of its pod. */
const struct node *manifest_context(const struct node *pod, const struct node *own,
                                    const char *name)
{
    const struct node *value = node_get(own, name);

    return value && !node_is(value, NODE_NULL) ? value : node_get(pod, name);
}

int rights_check_both(const struct node *pod, const struct node *own, const char *path,
                      struct manifest_why *why)
{
    const struct node *only = manifest_context(pod, own, "runAsNonRoot");

    if (node_is(only, NODE_BOOL) && only->boolean &&
        number_value(manifest_context(pod, own, "runAsUser"), NUMBER_USER, 1) == 0)
        return manifest_why_set(why, "Invalid",
                                "%s.securityContext: runAsNonRoot and runAsUser 0 exclude "
                                "each other",
                                path);
    return 0;
}
