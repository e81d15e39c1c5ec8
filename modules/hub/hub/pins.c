/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers which keys the hub has used, so that a lost one is not replaced unseen. */
#include "hub/internal.h"

#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "store/store.h"

#include <string.h>

static char *pin_name(const char *file)
{
    return mem_printf("pki/%s", file);
}

static bool is_cluster_accepted(const struct hub *hub)
{
    return config_yes(hub->config, CONFIG_ID_ACCEPT_LOSS);
}

/* A hub of an older program has objects and no pins: it had its keys all the same. */
int pins_may_make(struct hub *hub, const char *file, const char *why, struct err *err)
{
    scoped_mem char *name = pin_name(file);
    scoped_mem char *known = store_value_get(hub->store, name, NULL);

    if (!known && store_revision(hub->store) == 0)
        return 0;
    if (!is_cluster_accepted(hub))
        return err_set(err, ERR_INTERNAL,
                       "%s/pki/%s is missing: %s. Put the file back from a copy of the "
                       "folder, or start once with --accept-loss to have a new one. "
                       "Nothing was changed",
                       hub->directory, file, why);
    log_warn("hub", "%s/pki/%s is lost, and a new one was made, as --accept-loss allows: %s",
             hub->directory, file, why);
    return 0;
}

bool pins_differ(const struct hub *hub, const char *file, const unsigned char digest[PKI_SHA256])
{
    scoped_mem char *name = pin_name(file);
    scoped_mem char *known = store_value_get(hub->store, name, NULL);
    char text[PKI_DIGEST_TEXT];

    pki_digest_text(digest, text);
    return known && strcmp(known, text) != 0;
}

int pins_keep(struct hub *hub, const char *file, const unsigned char digest[PKI_SHA256],
              const char *why, struct err *err)
{
    scoped_mem char *name = pin_name(file);
    scoped_mem char *known = store_value_get(hub->store, name, NULL);
    char text[PKI_DIGEST_TEXT];

    pki_digest_text(digest, text);
    if (known && strcmp(known, text) == 0)
        return 0;
    if (known && !is_cluster_accepted(hub))
        return err_set(err, ERR_INTERNAL,
                       "%s/pki/%s is not the key that this hub has used: %s. Put the "
                       "right file back from a copy of the folder, or start once with "
                       "--accept-loss to go on with this one. Nothing was changed",
                       hub->directory, file, why);
    if (known)
        log_warn("hub", "%s/pki/%s is another key than before, which --accept-loss allows: %s",
                 hub->directory, file, why);
    store_value_put(hub->store, name, text, strlen(text));
    return 0;
}

int pins_damaged(const struct hub *hub, const char *file, const char *why, struct err *err)
{
    struct err cause = *err;

    return err_set(err, ERR_INTERNAL,
                   "%s/pki/%s is damaged (%.300s): %s. Put the file back from a copy of "
                   "the folder, or move it away and start once with --accept-loss to "
                   "have a new one. Nothing was changed",
                   hub->directory, file, cause.text, why);
}
