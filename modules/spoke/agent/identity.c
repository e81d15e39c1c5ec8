/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the name of this spoke and the address of its hub, and keeps both. */
#include "agent/identity.h"
#include "agent/internal.h"

#include "base/file.h"
#include "base/log.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "query/query.h"
#include "storage/storage.h"

#include <string.h>

#define NAME_FILE "name"
#define HUB_FILE "hub"

int identity_needs_token(const struct agent *agent, struct err *err)
{
    if (!storage_file_exists(agent->directory, NAME_FILE))
        return err_set(err, ERR_INVALID,
                       "this spoke has not joined yet and needs a token: "
                       "--token-file FILE or $AXLE_TOKEN");
    return err_set(
        err, ERR_INVALID,
        "%s: this spoke has joined as \"%s\", but its key or "
        "certificate in pki/ is lost: restore it from a backup, or join again with a new token "
        "(axle token create --name %s on the hub, --token-file here); what "
        "runs stays",
        agent->directory, agent->name, agent->name);
}

char *agent_path(const struct agent *agent, const char *file)
{
    return mem_printf("%s/%s", agent->directory, file);
}

/* ---- Name ------------------------------------------------------------------------ */

/* An older version of the program kept the name in the certificate only. */
static char *name_in_certificate(const struct agent *agent)
{
    size_t len = 0;
    scoped_mem char *pem = storage_file_read(agent->directory, "pki/client.crt", &len, NULL);
    scoped_pki_cert struct pki_cert *cert = pem ? pki_cert_read(pem, len, NULL) : NULL;
    const char *start = cert && text_starts(cert->common_name, META_USER_AGENT)
                            ? cert->common_name + strlen(META_USER_AGENT)
                            : NULL;
    char *name = start ? mem_copy_string(start) : NULL, why[NAME_WHY];

    if (!name)
        return NULL;
    name[strcspn(name, ":")] = '\0';
    if (!name_is_dns_label(name, why))
        mem_free(&name);
    return name;
}

static int find_name(struct agent *agent, const struct agent_settings *settings, struct err *err)
{
    scoped_mem char *kept = storage_file_read(agent->directory, NAME_FILE, NULL, NULL);
    char why[NAME_WHY];

    if (!kept)
        kept = name_in_certificate(agent);
    if (kept && settings->name && strcmp(kept, settings->name) != 0)
        return err_set(err, ERR_INVALID,
                       "--name \"%s\": the spoke in %s has joined its hub as \"%s\" and keeps that "
                       "name. Leave --name out, or give another spoke a --data-dir of its own",
                       settings->name, agent->directory, kept);
    agent->name = mem_copy_string(kept             ? kept
                                  : settings->name ? settings->name
                                  : settings->host ? settings->host
                                                   : "");
    if (!name_is_dns_label(agent->name, why))
        return err_set(err, ERR_INVALID, "--name \"%s\": %s", agent->name, why);
    return 0;
}

/* ---- Hub ------------------------------------------------------------------------- */

/* From the settings, else the address under which it was reached last. */
static int find_hub(struct agent *agent, const struct agent_settings *settings, struct err *err)
{
    struct err why = {0};

    if (settings->hub)
        agent->hub = mem_copy_string(settings->hub);
    else
        agent->hub = storage_file_read(agent->directory, HUB_FILE, NULL, &why);
    if (!agent->hub && why.code == ERR_NOT_FOUND)
        return err_set(
            err, ERR_INVALID,
            "no hub is given: start with --join https://HOST:PORT; `axle token create` on the hub "
            "prints the whole command");
    if (!agent->hub)
        return err_set(err, ERR_INVALID,
                       "%s; give the URL of the hub again with --join https://HOST:PORT", why.text);
    if (!text_starts(agent->hub, "https://") || !agent->hub[8])
        return err_set(err, ERR_INVALID, "--join \"%s\" is not https://HOST:PORT", agent->hub);
    return 0;
}

int identity_open(struct agent *agent, const struct agent_settings *settings, struct err *err)
{
    return find_name(agent, settings, err) < 0 ? -1 : find_hub(agent, settings, err);
}

void identity_open_offline(struct agent *agent)
{
    char *name = storage_file_read(agent->directory, NAME_FILE, NULL, NULL);
    char *hub = storage_file_read(agent->directory, HUB_FILE, NULL, NULL);

    agent->name = name ? name : mem_copy_string("spoke");
    agent->hub = hub ? hub : mem_copy_string("https://-");
}

/* ---- Kept ------------------------------------------------------------------------ */

static void remember_file(const struct agent *agent, const char *file, const char *text)
{
    scoped_mem char *path = agent_path(agent, file);
    scoped_mem char *copy = mem_printf("%s.copy", path);
    scoped_mem char *kept = storage_file_read(agent->directory, file, NULL, NULL);
    struct err err = {0};

    /* Without a text: a file that an older version wrote without a copy gets one. */
    if (kept && !text)
        text = kept;
    if (!text || (kept && !strcmp(kept, text) && file_exists(copy)))
        return;
    if (storage_file_write(agent->directory, file, text, strlen(text), &err) < 0)
        log_warn("spoke", "%s", err.text);
    else if (kept && strcmp(kept, text) != 0)
        log_info("spoke", "the URL of the hub is now %s instead of %s", text, kept);
}

void identity_remember(const struct agent *agent)
{
    static const char *const files[] = {"pki/client.crt", "pki/client.key", "pki/hub-ca.crt"};

    remember_file(agent, NAME_FILE, agent->name);
    remember_file(agent, HUB_FILE, agent->hub);
    for (size_t i = 0; i < count_of(files); i++)
        remember_file(agent, files[i], NULL);
}

void identity_close(struct agent *agent)
{
    mem_free(&agent->token);
    if (agent->proxy)
        explicit_bzero(agent->proxy, strlen(agent->proxy)); /* it may hold a password */
    mem_free(&agent->proxy);
    mem_free(&agent->hub);
    mem_free(&agent->address);
    mem_free(&agent->addresses);
    mem_free(&agent->name);
    mem_free(&agent->directory);
}
