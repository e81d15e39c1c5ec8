/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the module with all its rules. */
#include "auth/internal.h"

#include "base/mem.h"

#include <stdlib.h>

struct auth *auth_open(const struct auth_settings *settings)
{
    struct auth *auth = mem_alloc(sizeof *auth);

    auth->settings = *settings;
    auth->wrong = attempts_new();
    auth->signed_tokens = mem_alloc(AUTH_SIGNED_TOKENS * sizeof *auth->signed_tokens);
    if (settings->objects) {
        auth->roles = roles_open(settings->objects);
        fields_open(auth);
        escalate_open(auth);
        admit_open(auth);
        changes_open(auth);
    }
    return auth;
}

void auth_close(struct auth **at)
{
    struct auth *auth = take(*at);

    if (!auth)
        return;
    roles_close(&auth->roles);
    attempts_free(&auth->wrong);
    mem_free(&auth->signed_tokens);
    free(auth);
}
