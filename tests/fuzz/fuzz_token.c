/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a bearer token, as a password, and as the claims of a token that
 * the hub's own key has signed. Nobody becomes an administrator or a spoke.
 */
#include "../unit/auth_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct place place;

static void try_header(const char *scheme, const char *text)
{
    scoped_arena struct arena *arena = arena_new();
    struct http_field headers[] = {{"authorization", arena_printf(arena, "%s %s", scheme, text)}};
    /* Another address each time, so that none has to wait. */
    static unsigned turn;
    char remote[32];
    struct http_request request = {
        .remote = remote, .arena = arena, .headers = headers, .header_count = 1};
    struct auth_user *user;
    struct err err = {0};

    snprintf(remote, sizeof remote, "10.%u.%u.%u:1", turn >> 16 & 255, turn >> 8 & 255, turn & 255);
    turn++;
    if (auth_identify(place.auth, &request, arena, &user, &err) == 0 && user->role != AUTH_USER)
        abort();
    if (err.code && !err.text[0])
        abort();
}

static void try_claims(const uint8_t *bytes, size_t len)
{
    unsigned char signature[PKI_ES256];
    scoped_text struct text token = {0};

    text_add(&token, "eyJhbGciOiJFUzI1NiJ9.");
    text_add_base64(&token, bytes, len, true);
    pki_sign_es256(place.key, token.bytes, token.len, signature);
    text_add_char(&token, '.');
    text_add_base64(&token, signature, sizeof signature, true);
    try_header("Bearer", text_string(&token));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    scoped_mem char *text = mem_printf("%.*s", (int)len, (const char *)bytes);

    if (!place.auth)
        place_open(&place, NULL);
    try_header("Bearer", text);
    try_header("Basic", text);
    try_claims(bytes, len);
    return 0;
}
