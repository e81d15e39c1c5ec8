/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds fieldsV1: whatever a client puts there, an apply goes on. */
#include "patch/patch.h"

#include "document/document.h"
#include "schema/schema.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char source[] =
    "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\","
    "\"properties\":{\"n\":{\"type\":\"integer\"},\"p\":{\"type\":\"array\","
    "\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":[\"k\"],"
    "\"items\":{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\"},"
    "\"v\":{\"type\":\"string\"}}}},\"t\":{\"type\":\"array\","
    "\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":\"string\"}}}}}}";
static const char object[] =
    "{\"apiVersion\":\"t/v1\",\"kind\":\"W\",\"metadata\":{\"name\":\"w\","
    "\"managedFields\":[{\"manager\":\"m\",\"operation\":\"Apply\","
    "\"apiVersion\":\"t/v1\",\"fieldsType\":\"FieldsV1\"}]},\"spec\":{\"n\":1,"
    "\"p\":[{\"k\":\"a\",\"v\":\"1\"},{\"k\":\"b\"}],\"t\":[\"x\",\"y\"]}}";
static const char config[] =
    "{\"apiVersion\":\"t/v1\",\"kind\":\"W\",\"metadata\":{\"name\":\"w\"},"
    "\"spec\":{\"p\":[{\"k\":\"b\",\"v\":\"2\"}],\"t\":[\"z\"]}}";

static struct node *read(struct arena *arena, const char *text)
{
    return document_read_json(arena, text, strlen(text), &document_limits_own, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *live = read(arena, object), *after;
    struct node *fields =
        document_read_json(arena, (const char *)bytes, size, &document_limits_api, NULL);
    struct patch_writer writer = {
        .schema = schema_compile(arena, read(arena, source), NULL, true, &err),
        .manager = "m",
        .api_version = "t/v1",
        .force = true,
    };

    if (!fields)
        return 0;
    node_set(arena, node_item(node_at(live, "metadata", "managedFields", NULL), 0), "fieldsV1",
             fields);
    after = patch_apply(arena, &writer, live, read(arena, config), NULL, &err);
    if (!after || !patch_track(arena, &writer, live, after))
        abort();
    after = patch_apply(arena, &writer, after, read(arena, config), NULL, &err);
    if (!after)
        abort();
    patch_extract(arena, writer.schema, after, "m", "Apply", NULL);
    return 0;
}
