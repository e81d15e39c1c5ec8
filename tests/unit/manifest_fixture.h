/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MANIFEST_FIXTURE_H
#define MANIFEST_FIXTURE_H

/* What a test spoke allows, and tables of manifests that it accepts or refuses. */

#include "check.h"

#include "base/text.h"
#include "document/document.h"
#include "manifest/manifest.h"

#include <string.h>

/* ---- A spoke's bounds ------------------------------------------------------------------ */

/* Users 0 and 2000, groups 3000. */
__attribute__((unused)) static int check_id(const void *arg, uint32_t id, bool group,
                                            struct err *err)
{
    bool good = group ? id == 3000 : id == 2000 || id == 0;

    return good ? 0
                : err_set(err, ERR_FORBIDDEN, "%s %u is not allowed", group ? "gid" : "uid", id);
}

__attribute__((unused)) static int find_capability(const char *name)
{
    return !strcmp(name, "CHOWN") ? 0 : !strcmp(name, "NET_ADMIN") ? 12 : -1;
}

static const char *const roots[] = {"/srv/models", "/data//", NULL};
static const struct manifest_bounds bounds = {
    .host_paths = roots,
    .host_ports = {1024, 40000},
    .node_ports = {30000, 30002},
    .disk = 1000000,
    .check_id = check_id,
    .capability = find_capability,
};

__attribute__((unused)) static struct node *read_yaml(struct arena *arena, const char *yaml)
{
    struct err err = {0};
    struct node *all = document_read_all(arena, yaml, strlen(yaml), &document_limits_api, &err);

    if (!all)
        printf("# %s\n", err.text);
    return node_item(all, 0);
}

/* ---- Workloads ---------------------------------------------------------------------------- */

#define POD_HEAD "apiVersion: v1\nkind: Pod\nmetadata: {name: p, creationTimestamp: null}\nspec:\n"
#define ONE "  containers:\n  - name: c\n    command: [run]\n"
#define POD POD_HEAD ONE
#define DEPLOYMENT "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n"
#define TEMPLATE                                                                                   \
    "  template:\n    metadata: {labels: {app: a}}\n"                                              \
    "    spec: {containers: [{name: c, command: [run]}]}\n"
#define STATEFUL "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n" TEMPLATE
#define JOB_HEAD "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n"
#define JOB                                                                                        \
    JOB_HEAD "  template:\n"                                                                       \
             "    spec: {restartPolicy: Never, containers: [{name: c, command: [run]}]}\n"

/* `says` NULL: the manifest is accepted; else a part of "REASON: MESSAGE". */
struct manifest_row {
    const char *name, *manifest, *says;
};

__attribute__((unused)) static void check_row(const struct manifest_bounds *allowed,
                                              const struct manifest_row *row)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *object = read_yaml(arena, row->manifest);
    const struct manifest_kind *kind =
        manifest_kind_find(node_get_text(object, "apiVersion"), node_get_text(object, "kind"));
    struct manifest_why why = {0};
    scoped_text struct text said = {0};
    int refused;

    if (!kind) {
        CHECK(false, "%s: the kind is known", row->name);
        return;
    }
    refused = manifest_check_workload(allowed, kind, object, manifest_template(kind, object, arena),
                                      &why);
    text_addf(&said, "%s: %s", why.reason, why.message);
    if (row->says)
        CHECK(refused == -1 && strstr(text_string(&said), row->says), "%s is refused (%s)",
              row->name, text_string(&said));
    else
        CHECK(refused == 0, "%s is accepted (%s)", row->name, text_string(&said));
}

__attribute__((unused)) static void check_rows(const struct manifest_bounds *allowed,
                                               const struct manifest_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(allowed, &rows[i]);
}

#endif
