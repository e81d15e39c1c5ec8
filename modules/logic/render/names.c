/* SPDX-License-Identifier: Apache-2.0 */
/* Makes names and label values that fit, always the same from the same. */
#include "render/render.h"

#include "base/text.h"
#include "pki/pki.h"

#include <string.h>

#define LABEL_MOST 63

/* Cuts a name to `most` letters: its first part, "-" and 8 hex digits of the hash of
   `hashed`, so that two long names with the same beginning stay different. */
static char *cut_and_hash(struct arena *arena, const char *whole, const char *hashed, size_t most)
{
    scoped_text struct text hex = {0};
    unsigned char sum[PKI_SHA256];
    size_t keep = strnlen(whole, most - 9);

    pki_sha256(hashed, strlen(hashed), sum);
    text_add_hex(&hex, sum, 4);
    while (keep && !strchr("abcdefghijklmnopqrstuvwxyz0123456789"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                           whole[keep - 1]))
        keep--;
    return arena_printf(arena, "%.*s-%s", (int)keep, whole, text_string(&hex));
}

char *render_name(struct arena *arena, const char *prefix, const char *name, size_t most)
{
    char *whole = arena_printf(arena, "%s-%s", prefix, name);

    return render_fit(arena, whole, most);
}

char *render_name_apart(struct arena *arena, const char *prefix, const char *name, size_t most)
{
    return cut_and_hash(arena, arena_printf(arena, "%s-%s", prefix, name),
                        arena_printf(arena, "%s/%s", prefix, name), most);
}

char *render_fit(struct arena *arena, const char *text, size_t most)
{
    return strlen(text) <= most ? arena_string(arena, text) : cut_and_hash(arena, text, text, most);
}

char *render_label(struct arena *arena, const char *text)
{
    return render_fit(arena, text, LABEL_MOST);
}
