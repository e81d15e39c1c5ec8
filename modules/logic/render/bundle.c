/* SPDX-License-Identifier: Apache-2.0 */
/* Packs manifests into an OCI artifact in Flux's form, and unpacks them. */
#include "render/render.h"

#include "archive/archive.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"

#include <stdio.h>
#include <string.h>

/* A fixed time: the bytes must say what is inside and not when. */
#define CREATED "1970-01-01T00:00:00Z"

static const char *digest_bytes(struct arena *arena, const void *bytes, size_t len)
{
    unsigned char sum[PKI_SHA256];
    char text[PKI_DIGEST_TEXT];

    pki_sha256(bytes, len, sum);
    pki_digest_text(sum, text);
    return arena_string(arena, text);
}

static struct render_blob make_blob(struct arena *arena, const void *bytes, size_t len)
{
    return (struct render_blob){
        .digest = digest_bytes(arena, bytes, len),
        .bytes = arena_bytes(arena, bytes, len),
        .len = len,
    };
}

/* The files are numbered, so that their order in the tar is that of the manifests. JSON
   is YAML too, so that kustomize reads a file of this name. */
static struct archive_file make_file(struct arena *arena, size_t number,
                                     const struct node *manifest)
{
    scoped_text struct text bytes = {0};
    char *kind = arena_string(arena, node_get_text(manifest, "kind"));

    for (char *c = kind; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 'a' - 'A');
    document_write_canonical(&bytes, manifest);
    text_add_char(&bytes, '\n');
    return (struct archive_file){
        .name = arena_printf(arena, "%04zu-%.60s-%.150s.yaml", number, kind, meta_name(manifest)),
        .bytes = arena_bytes(arena, bytes.bytes, bytes.len),
        .len = bytes.len,
    };
}

static int pack_manifests(struct arena *arena, const struct node *manifests, struct text *tar,
                          struct err *err)
{
    size_t count = node_count(manifests);
    struct archive_file *files = arena_alloc(arena, (count + 1) * sizeof *files);

    for (size_t i = 0; i < count; i++) {
        files[i] = make_file(arena, i, node_item(manifests, i));
        if (files[i].len > archive_limits_bundle.file)
            return err_set(err, ERR_TOO_LARGE,
                           "%s: has %zu bytes; one object "
                           "may have %zu",
                           files[i].name, files[i].len, archive_limits_bundle.file);
    }
    return archive_tar(tar, files, count, err);
}

static struct render_blob make_config(struct arena *arena, const char *content)
{
    char *json = arena_printf(arena,
                              "{\"created\":\"" CREATED "\","
                              "\"architecture\":\"\",\"os\":\"\",\"config\":{},"
                              "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":"
                              "[\"%s\"]}}",
                              content);

    return make_blob(arena, json, strlen(json));
}

static void add_config(struct text *out, const struct render_blob *config)
{
    text_addf(out, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}", RENDER_CONFIG,
              config->digest, config->len);
}

/* oras pull writes a layer into the file of its title, NAME.tar.gz for
   "axle://NAMESPACE/NAME", and skips one without; Flux reads no annotation of a layer. */
static void add_layer(struct arena *arena, struct text *out, const struct render_blob *layer,
                      const char *source)
{
    const char *slash = strrchr(source, '/');
    const char *title = arena_printf(arena, "%s.tar.gz", slash ? slash + 1 : source);

    text_addf(out,
              "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu,\"annotations\":"
              "{\"org.opencontainers.image.title\":",
              RENDER_LAYER, layer->digest, layer->len);
    document_write_json(out, node_string(arena, title));
    text_add(out, "}}");
}

static struct render_blob make_manifest(struct arena *arena, const struct render_bundle *bundle,
                                        const char *source)
{
    scoped_text struct text out = {0};

    text_add(&out, "{\"schemaVersion\":2,\"mediaType\":\"" RENDER_MANIFEST "\",\"config\":");
    add_config(&out, &bundle->config);
    text_add(&out, ",\"layers\":[");
    add_layer(arena, &out, &bundle->layer, source);
    text_add(&out, "],\"annotations\":{\"org.opencontainers.image.created\":"
                   "\"" CREATED "\",\"org.opencontainers.image.revision\":");
    document_write_json(&out, node_format(arena, "latest@%s", bundle->content));
    text_add(&out, ",\"org.opencontainers.image.source\":");
    document_write_json(&out, node_string(arena, source));
    text_add(&out, "}}");
    return make_blob(arena, out.bytes, out.len);
}

int render_bundle(struct arena *arena, const struct node *manifests, const char *source,
                  struct render_bundle *ret, struct err *err)
{
    scoped_text struct text tar = {0}, gzip = {0};

    if (pack_manifests(arena, manifests, &tar, err) < 0)
        return -1;
    ret->content = digest_bytes(arena, tar.bytes, tar.len);
    archive_gzip(&gzip, tar.bytes, tar.len);
    ret->layer = make_blob(arena, gzip.bytes, gzip.len);
    ret->config = make_config(arena, ret->content);
    ret->manifest = make_manifest(arena, ret, source);
    return 0;
}

struct node *render_unbundle(struct arena *arena, const void *layer, size_t len, struct err *err)
{
    const struct archive_limits *limits = &archive_limits_bundle;
    scoped_text struct text tar = {0};
    struct node *list = node_list(arena);
    struct archive_file *files;
    size_t count;

    if (archive_gunzip(&tar, layer, len, limits->bytes, err) < 0 ||
        archive_untar(arena, tar.bytes, tar.len, limits, &files, &count, err) < 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct node *documents;

        documents =
            document_read_all(arena, files[i].bytes, files[i].len, &document_limits_own, err);
        if (!documents) {
            err_wrap(err, "%s", files[i].name);
            return NULL;
        }
        for (size_t k = 0; k < node_count(documents); k++)
            node_add(arena, list, node_item(documents, k));
    }
    return list;
}
