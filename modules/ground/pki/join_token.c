/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes join tokens. */
#include "pki/pki.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define PREFIX "axle1"
#define PARTS 4

int pki_join_token_parse(struct arena *arena, const char *text, struct pki_join_token *ret,
                         struct err *err)
{
    char *rest = arena_string(arena, text), *part[PARTS] = {0};
    size_t count = 0;

    for (char *at; count < PARTS && (at = strsep(&rest, ".")); count++)
        part[count] = at;
    if (count != PARTS || rest || strcmp(part[0], PREFIX) != 0 ||
        strlen(part[1]) != 2 * PKI_SHA256 || !*part[2] || !*part[3])
        return err_set(err, ERR_INVALID,
                       "not a join token (axle1.<hash>.<id>.<secret>): make one "
                       "with `axle token create`");
    ret->pin = part[1];
    ret->id = part[2];
    ret->secret = part[3];
    return 0;
}

void pki_join_token_add(struct text *text, const unsigned char pin[PKI_SHA256], const char *id,
                        const char *secret)
{
    text_add(text, PREFIX ".");
    text_add_hex(text, pin, PKI_SHA256);
    text_addf(text, ".%s.%s", id, secret);
}

char *pki_join_token_hash(struct arena *arena, const char *salt, const char *secret)
{
    char *both = arena_printf(arena, "%s%s", salt, secret);
    unsigned char digest[PKI_SHA256];
    scoped_text struct text hex = {0};

    pki_sha256(both, strlen(both), digest);
    text_add_hex(&hex, digest, sizeof digest);
    return arena_string(arena, text_string(&hex));
}
