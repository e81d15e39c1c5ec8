/* SPDX-License-Identifier: Apache-2.0 */
/* Who this spoke is and where its hub: kept from the first join on. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/kept.h"
#include "base/log.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "query/query.h"

#include <stdlib.h>
#include <string.h>

#define NAME_FILE "name"
#define HUB_FILE "hub"
#define LIMIT 4096

/* ---- Files kept twice ------------------------------------------------------------- */

char *identity_read(const struct spoke *spoke, const char *file, size_t *ret_len,
                    struct err *err)
{
    scoped_mem char *path = spoke_path(spoke, file);
    bool damaged = false;
    size_t len = 0;
    struct err why = {0};
    char *bytes = kept_read(path, (size_t)64 * 1024, &len, &damaged, &why);

    if (!bytes) {
        err_set(err, why.code, "%s%s", why.text, why.code == ERR_INVALID
                ? ": bring it back from a backup, or join again with a new token "
                  "(axle token create --name NAME on the hub, --token-file here); what runs stays" : "");
        return NULL;
    }
    if (damaged && kept_write(path, bytes, len, 0600, true, &why) == 0)
        log_warn("spoke", "%s was damaged and is mended from its copy", path);
    if (ret_len)
        *ret_len = len;
    return bytes;
}

/* A file that is gone comes back from its copy, as a damaged one does. */
bool identity_has(const struct spoke *spoke, const char *file)
{
    scoped_mem char *path = spoke_path(spoke, file);
    scoped_mem char *copy = mem_printf("%s.copy", path);

    return file_exists(path) || file_exists(copy);
}

int identity_needs_token(const struct spoke *spoke, struct err *err)
{
    if (!identity_has(spoke, NAME_FILE))
        return err_set(err, ERR_INVALID, "this spoke has not joined yet and needs a token: "
                       "--token-file FILE or $AXLE_TOKEN");
    return err_set(err, ERR_INVALID, "%s: this spoke has joined as \"%s\", but its key or "
                   "certificate in pki/ is lost: bring it back from a backup, or join again with a "
                   "new token (axle token create --name %s on the hub, --token-file here); what "
                   "runs stays", spoke->directory, spoke->name, spoke->name);
}

int identity_write(const struct spoke *spoke, const char *file, const void *bytes, size_t len,
                   struct err *err)
{
    scoped_mem char *path = spoke_path(spoke, file);

    return kept_write(path, bytes, len, 0600, true, err);
}

/* ---- Name --------------------------------------------------------------------------- */

/* An older program kept it in the certificate only. */
static char *name_in_certificate(const struct spoke *spoke)
{
    size_t len = 0;
    scoped_mem char *pem = identity_read(spoke, "pki/client.crt", &len, NULL);
    scoped_pki_cert struct pki_cert *cert = pem ? pki_cert_read(pem, len, NULL) : NULL;
    const char *start = cert && text_starts(cert->common_name, META_USER_AGENT)
                            ? cert->common_name + strlen(META_USER_AGENT) : NULL;
    char *name = start ? mem_copy_string(start) : NULL, why[NAME_WHY];

    if (!name)
        return NULL;
    name[strcspn(name, ":")] = '\0';
    if (!name_is_dns_label(name, why))
        mem_free(&name);
    return name;
}

static int find_name(struct spoke *spoke, const struct spoke_settings *settings, struct err *err)
{
    scoped_mem char *kept = identity_read(spoke, NAME_FILE, NULL, NULL);
    char why[NAME_WHY];

    if (!kept)
        kept = name_in_certificate(spoke);
    if (kept && settings->name && strcmp(kept, settings->name) != 0)
        return err_set(err, ERR_INVALID,
                       "--name \"%s\": the spoke in %s has joined its hub as \"%s\" and keeps that "
                       "name. Leave --name out, or give another spoke a --data-dir of its own",
                       settings->name, spoke->directory, kept);
    spoke->name = mem_copy_string(kept ? kept : settings->name ? settings->name
                                                : settings->host ? settings->host : "");
    if (!name_is_dns_label(spoke->name, why))
        return err_set(err, ERR_INVALID, "--name \"%s\": %s", spoke->name, why);
    return 0;
}

/* ---- Hub ----------------------------------------------------------------------------- */

/* From the settings, else what was kept when it was reached last. */
static int find_hub(struct spoke *spoke, const struct spoke_settings *settings, struct err *err)
{
    struct err why = {0};

    if (settings->hub)
        spoke->hub = mem_copy_string(settings->hub);
    else
        spoke->hub = identity_read(spoke, HUB_FILE, NULL, &why);
    if (!spoke->hub && why.code == ERR_NOT_FOUND)
        return err_set(err, ERR_INVALID,
                       "which hub? --join https://HOST:PORT; `axle token create` "
                       "on the hub prints the whole command");
    if (!spoke->hub)
        return err_set(err, ERR_INVALID, "%s; --join https://HOST:PORT says it again", why.text);
    if (!text_starts(spoke->hub, "https://") || !spoke->hub[8])
        return err_set(err, ERR_INVALID, "--join \"%s\" is not https://HOST:PORT", spoke->hub);
    return 0;
}

int identity_open(struct spoke *spoke, const struct spoke_settings *settings, struct err *err)
{
    return find_name(spoke, settings, err) < 0 ? -1 : find_hub(spoke, settings, err);
}

int identity_open_offline(struct spoke *spoke)
{
    char *name = identity_read(spoke, NAME_FILE, NULL, NULL);
    char *hub = identity_read(spoke, HUB_FILE, NULL, NULL);

    spoke->name = name ? name : mem_copy_string("spoke");
    spoke->hub = hub ? hub : mem_copy_string("https://-");
    return 0;
}

/* ---- Kept ------------------------------------------------------------------------------ */

static void remember(const struct spoke *spoke, const char *file, const char *text)
{
    scoped_mem char *path = spoke_path(spoke, file);
    scoped_mem char *copy = mem_printf("%s.copy", path);
    scoped_mem char *kept = identity_read(spoke, file, NULL, NULL);
    struct err err = {0};

    /* An older program's has no copy yet. */
    if (kept && !text)
        text = kept;
    if (!text || (kept && !strcmp(kept, text) && file_exists(copy)))
        return;
    if (identity_write(spoke, file, text, strlen(text), &err) < 0)
        log_warn("spoke", "%s", err.text);
    else if (kept && strcmp(kept, text) != 0)
        log_info("spoke", "the hub is at %s from now on, and no longer at %s", text, kept);
}

void identity_remember(const struct spoke *spoke)
{
    static const char *const files[] = {"pki/client.crt", "pki/client.key", "pki/hub-ca.crt"};

    remember(spoke, NAME_FILE, spoke->name);
    remember(spoke, HUB_FILE, spoke->hub);
    for (size_t i = 0; i < count_of(files); i++)
        remember(spoke, files[i], NULL);
}

/* Damaged in both copies: with a token it can join again. */
bool identity_is_broken(const struct spoke *spoke)
{
    static const char *const files[] = {"pki/client.crt", "pki/client.key", "pki/hub-ca.crt"};

    for (size_t i = 0; i < count_of(files); i++) {
        size_t len = 0;
        scoped_mem char *pem = identity_read(spoke, files[i], &len, NULL);
        scoped_pki_cert struct pki_cert *cert = NULL;
        scoped_pki_key struct pki_key *key = NULL;

        if (!pem)
            return true;
        if (i == 1)
            key = pki_key_read(pem, NULL);
        else
            cert = pki_cert_read(pem, len, NULL);
        if (!key && !cert)
            return true;
    }
    return false;
}
