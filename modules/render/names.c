/* SPDX-License-Identifier: Apache-2.0 */
/* Makes names and label values that fit, always the same from the same. */
#include "render/render.h"

#include "base/text.h"
#include "pki/pki.h"

#include <string.h>

#define LABEL_MOST 63

/* The first part, "-", 8 hex of a hash of the whole. */
static char *cut(struct arena *arena, const char *whole, size_t most)
{
    scoped_text struct text hex = { 0 };
    unsigned char sum[PKI_SHA256];
    size_t keep = most - 9;

    pki_sha256(whole, strlen(whole), sum);
    text_add_hex(&hex, sum, 4);
    while (keep && !strchr("abcdefghijklmnopqrstuvwxyz0123456789"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ", whole[keep - 1]))
        keep--;
    return arena_printf(arena, "%.*s-%s", (int)keep, whole, text_string(&hex));
}

char *render_name(struct arena *arena, const char *prefix, const char *name,
                  size_t most)
{
    char *whole = arena_printf(arena, "%s-%s", prefix, name);

    return strlen(whole) <= most ? whole : cut(arena, whole, most);
}

char *render_label(struct arena *arena, const char *text)
{
    return strlen(text) <= LABEL_MOST ? arena_string(arena, text)
                                      : cut(arena, text, LABEL_MOST);
}
