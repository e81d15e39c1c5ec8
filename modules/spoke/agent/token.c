/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the join token, and says whether it is needed. */
#include "agent/identity.h"
#include "agent/internal.h"

#include "pki/pki.h"
#include "storage/storage.h"

#include <string.h>

/* Holds the id of the token of the last join: a token with another id is a new one. */
#define TOKEN_FILE "joined-with"

bool token_is_new(const struct agent *agent)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *last = storage_file_read(agent->directory, TOKEN_FILE, NULL, NULL);
    struct pki_join_token token;

    return agent->token && pki_join_token_parse(arena, agent->token, &token, NULL) == 0 &&
           !(last && strcmp(last, token.id) == 0);
}

int token_add_pin(const struct agent *agent, struct text *ret, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct pki_join_token token;

    if (pki_join_token_parse(arena, agent->token, &token, err) < 0)
        return -1;
    if (!text_add_unhex(ret, token.pin, strlen(token.pin)) || ret->len != PKI_SHA256)
        return err_set(err, ERR_INVALID,
                       "the join token is damaged; copy all of it, or make another "
                       "one on the hub: axle token create");
    return 0;
}

/* A hub that has lost the key of its authority has another authority, and only a token with
   its pin proves that one. */
static bool token_names_another_hub(const struct agent *agent)
{
    scoped_text struct text pin = {0};
    size_t len = 0;
    scoped_mem char *pem = storage_file_read(agent->directory, "pki/hub-ca.crt", &len, NULL);
    scoped_pki_cert struct pki_cert *authority = pem ? pki_cert_read(pem, len, NULL) : NULL;

    return authority && token_is_new(agent) && token_add_pin(agent, &pin, NULL) == 0 &&
           memcmp(authority->pin, pin.bytes, PKI_SHA256) != 0;
}

bool token_join_is_done(const struct agent *agent)
{
    static const char *const files[] = {"pki/client.crt", "pki/client.key", "pki/hub-ca.crt"};

    for (size_t i = 0; i < count_of(files); i++)
        if (!storage_file_exists(agent->directory, files[i]))
            return false;
    /* After a long absence the certificate has ended, and a token replaces it for the same key. */
    return !agent->token || !(agent->rejoin || certificate_is_over(agent) ||
                              certificate_is_broken(agent) || token_names_another_hub(agent));
}

int token_check(const struct agent *agent, struct err *err)
{
    scoped_text struct text pin = {0};

    return token_add_pin(agent, &pin, err);
}

char *token_id(const struct agent *agent)
{
    scoped_arena struct arena *arena = arena_new();
    struct pki_join_token parts;

    if (agent->token && pki_join_token_parse(arena, agent->token, &parts, NULL) == 0)
        return mem_copy_string(parts.id);
    return storage_file_read(agent->directory, TOKEN_FILE, NULL, NULL) ?: mem_copy_string("");
}

int token_remember(const struct agent *agent, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct pki_join_token token;

    if (pki_join_token_parse(arena, agent->token, &token, err) < 0)
        return -1;
    return storage_file_write(agent->directory, TOKEN_FILE, token.id, strlen(token.id), err);
}
