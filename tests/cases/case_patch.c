/* SPDX-License-Identifier: Apache-2.0 */
/* Patches, as kubectl's own library and kube-apiserver apply them. */
#include "cases.h"

#include "patch/patch.h"
#include "schema/schema.h"

#include <string.h>

/* What the upstream API says about merging a Deployment's lists. */
#define MERGED(key, items)                                                                         \
    "{\"type\":\"array\",\"x-kubernetes-patch-strategy\":\"merge\","                               \
    "\"x-kubernetes-patch-merge-key\":\"" key "\",\"items\":" items "}"
#define ANY "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}"
#define OBJECT(members) "{\"type\":\"object\",\"properties\":{" members "}}"

static const char deployment[] =
    OBJECT("\"spec\":" OBJECT("\"template\":" OBJECT("\"spec\":" OBJECT("\"containers\":" MERGED(
        "name",
        OBJECT("\"env\":" MERGED(
            "name",
            ANY) ","
                 "\"ports\":" MERGED(
                     "containerPort",
                     ANY) ","
                          "\"volumeMounts\":" MERGED(
                              "mountPath",
                              ANY))) ","
                                     "\"volumes\":" MERGED(
                                         "name",
                                         ANY) ","
                                              "\"imagePullSecrets\":" MERGED(
                                                  "name",
                                                  ANY) ","
                                                       "\"hostAliases\":" MERGED(
                                                           "ip",
                                                           ANY) ","
                                                                "\"tolerations\":{\"type\":\"array\",\"items\":" ANY
                                                                "}"))));

static struct node *patch(struct case_run *run, const char *type, struct err *err)
{
    const struct node *live = node_get(run->one, "live");
    const struct node *patch = node_get(run->one, "patch");
    struct node *source;
    struct schema *schema;

    if (!strcmp(type, "merge"))
        return patch_merge(run->arena, live, patch);
    if (!strcmp(type, "json"))
        return patch_json(run->arena, live, patch, NULL, err);
    source =
        document_read_json(run->arena, deployment, strlen(deployment), &document_limits_own, err);
    schema = source ? schema_compile(run->arena, source, NULL, true, err) : NULL;
    return schema ? patch_strategic(run->arena, schema, live, patch, err) : NULL;
}

static void run_patch(struct case_run *run)
{
    struct node *observed = node_get(run->one, "observed");
    struct node *code = node_get(run->one, "code"), *got;
    struct err err = {0};

    got = patch(run, node_get_text(run->one, "type"), &err);
    case_expect_error(run, !got);
    if (observed)
        node_set(run->arena, run->expected, "observed", observed);
    if (code)
        node_set(run->arena, run->expected, "code", code);
    if (got)
        node_set(run->arena, run->got, "observed", got);
    if (code && !got)
        node_set_int(run->arena, run->got, "code", err_http(err.code));
}

CASE_ROW(patch, "patch", "cases", NULL, run_patch)
