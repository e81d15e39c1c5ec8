/* SPDX-License-Identifier: Apache-2.0 */
/* Noise as the messages of kubectl's typed commands; what is read is sound JSON. */
#include "api/internal.h"

#include "document/document.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct {
    const char *version, *kind;
} kinds[] = {
    {"v1", "Namespace"},
    {"v1", "ConfigMap"},
    {"v1", "Secret"},
    {"v1", "ServiceAccount"},
    {"v1", "DeleteOptions"},
    {"authorization.k8s.io/v1", "SelfSubjectAccessReview"},
    {"authentication.k8s.io/v1", "TokenRequest"},
    {"certificates.k8s.io/v1", "CertificateSigningRequest"},
    {"rbac.authorization.k8s.io/v1", "Role"},
    {"rbac.authorization.k8s.io/v1", "RoleBinding"},
};

static void add_field(struct text *out, int number, const char *bytes, size_t len)
{
    size_t left = len;

    text_add_char(out, (char)(number << 3 | 2));
    for (; left > 127; left >>= 7)
        text_add_char(out, (char)(left | 128));
    text_add_char(out, (char)left);
    text_add_bytes(out, bytes, len);
}

/* The noise as the message of a kind that its first byte names. */
static void wrap(struct text *out, const uint8_t *bytes, size_t size)
{
    scoped_text struct text type = {0};
    size_t kind = *bytes % count_of(kinds);

    add_field(&type, 1, kinds[kind].version, strlen(kinds[kind].version));
    add_field(&type, 2, kinds[kind].kind, strlen(kinds[kind].kind));
    text_add_bytes(out, "k8s", 4);
    add_field(out, 1, type.bytes, type.len);
    add_field(out, 2, (const char *)bytes + 1, size - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0}, body = {0};
    struct err err = {0};
    struct node *node;

    if (!size || size > 65536)
        return 0;
    node = protobuf_read(arena, bytes, size, &err);
    if (!node) {
        wrap(&body, bytes, size);
        node = protobuf_read(arena, body.bytes, body.len, &err);
    }
    if (!node)
        return 0;
    document_write_json(&out, node);
    if (!document_read_json(arena, text_string(&out), out.len, &document_limits_own, &err)) {
        fprintf(stderr, "%s: %s\n", err.text, text_string(&out));
        abort();
    }
    return 0;
}
