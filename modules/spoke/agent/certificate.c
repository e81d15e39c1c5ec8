/* SPDX-License-Identifier: Apache-2.0 */
/* Makes this spoke's key and the request for a certificate, and checks the one that comes. */
#include "agent/identity.h"
#include "agent/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "storage/storage.h"

#include <string.h>

#define GROUP "system:open-cluster-management"

/* ---- What is on the disk --------------------------------------------------------- */

/* Then this spoke can only join again, with a token. */
bool certificate_is_broken(const struct agent *agent)
{
    static const char *const files[] = {"pki/client.crt", "pki/client.key", "pki/hub-ca.crt"};

    for (size_t i = 0; i < count_of(files); i++) {
        size_t len = 0;
        scoped_mem char *pem = storage_file_read(agent->directory, files[i], &len, NULL);
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

static struct pki_cert *read_certificate(const struct agent *agent)
{
    size_t len = 0;
    scoped_mem char *pem = storage_file_read(agent->directory, "pki/client.crt", &len, NULL);

    return pem ? pki_cert_read(pem, len, NULL) : NULL;
}

bool certificate_is_over(const struct agent *agent)
{
    scoped_pki_cert struct pki_cert *cert = read_certificate(agent);

    return cert && cert->not_after <= clock_wall();
}

int64_t certificate_time_left(const struct agent *agent)
{
    scoped_pki_cert struct pki_cert *cert = read_certificate(agent);

    return cert ? cert->not_after - clock_wall() : 0;
}

/* ---- The request ----------------------------------------------------------------- */

/* Made if there is none. One that is damaged is replaced only where a token lets this spoke
   join again with the new one. */
static struct pki_key *open_agent_key(struct agent *agent, struct err *err)
{
    scoped_mem char *path = agent_path(agent, "pki/client.key");
    scoped_text struct text pem = {0};
    struct pki_key *key;

    if (storage_file_exists(agent->directory, "pki/client.key")) {
        scoped_mem char *old = storage_file_read(agent->directory, "pki/client.key", NULL, err);

        key = old ? pki_key_read(old, err) : NULL;
        if (key || !agent->token)
            return key;
        log_error("spoke", "%s is damaged and was renamed; this spoke joins with a new key", path);
        *err = (struct err){0};
        if (storage_file_put_aside(agent->directory, "pki/client.key", NULL, err) < 0)
            return NULL;
    }
    key = pki_key_new();
    pki_key_write(key, &pem);
    if (storage_file_write(agent->directory, "pki/client.key", pem.bytes, pem.len, err) < 0)
        pki_key_free(&key);
    return key;
}

struct node *certificate_make_request(struct agent *agent, struct arena *arena, struct err *err)
{
    const char *groups[] = {arena_printf(arena, GROUP ":%s", agent->name),
                            GROUP ":managed-clusters"};
    struct pki_subject subject = {arena_printf(arena, GROUP ":%s:agent", agent->name), groups, 2};
    scoped_pki_key struct pki_key *key = open_agent_key(agent, err);
    static const char *const usages[] = {"digital signature", "key encipherment", "client auth"};
    struct node *object = node_map(arena);
    struct node *metadata = node_make(arena, object, "metadata");
    struct node *spec = node_make(arena, object, "spec");
    scoped_text struct text pem = {0};
    scoped_text struct text base64 = {0};

    if (!key || pki_request_write(key, &subject, &pem, err) < 0)
        return NULL;
    text_add_base64(&base64, pem.bytes, pem.len, false);
    node_set_text(arena, object, "apiVersion", META_API_CERTIFICATES);
    node_set_text(arena, object, "kind", "CertificateSigningRequest");
    node_set(arena, metadata, "generateName", node_format(arena, "%s-", agent->name));
    node_set_text(arena, node_make(arena, metadata, "labels"), META_LABEL_CLUSTER_NAME,
                  agent->name);
    node_set_text(arena, spec, "request", text_string(&base64));
    node_set_text(arena, spec, "signerName", META_SIGNER_CLIENT);
    for (size_t i = 0; i < count_of(usages); i++)
        node_add(arena, node_make_list(arena, spec, "usages"), node_string(arena, usages[i]));
    return object;
}

int certificate_add_key_pin(struct agent *agent, struct text *ret, struct err *err)
{
    scoped_pki_key struct pki_key *key = open_agent_key(agent, err);
    unsigned char pin[PKI_SHA256];

    if (!key)
        return -1;
    pki_key_pin(key, pin);
    text_add_hex(ret, pin, sizeof pin);
    return 0;
}

/* ---- The response ---------------------------------------------------------------- */

const char *certificate_denial(const struct node *status)
{
    const struct node *conditions = node_get(status, "conditions");

    for (size_t i = 0; i < node_count(conditions); i++) {
        const struct node *condition = node_item(conditions, i);
        const char *type = node_get_text(condition, "type");

        if (strcmp(type, "Denied") == 0 || strcmp(type, "Failed") == 0)
            return node_get_text(condition, "message");
    }
    return NULL;
}

/* A certificate that the hub would refuse is not kept, above all not in place of a good one. */
int certificate_check(const struct agent *agent, const char *authority, const char *base64,
                      struct text *ret_pem, struct err *err)
{
    scoped_mem char *key_pem = storage_file_read(agent->directory, "pki/client.key", NULL, err);
    scoped_pki_key struct pki_key *key = key_pem ? pki_key_read(key_pem, err) : NULL;
    scoped_mem char *name = mem_printf(GROUP ":%s:agent", agent->name);
    scoped_pki_cert struct pki_cert *cert = NULL;
    unsigned char pin[PKI_SHA256];

    if (!key)
        return -1;
    pki_key_pin(key, pin);
    if (text_add_unbase64(ret_pem, base64, strlen(base64), false))
        cert = pki_cert_read(text_string(ret_pem), ret_pem->len, NULL);
    if (!cert)
        return err_set(err, ERR_INVALID, "the certificate that the hub has sent is damaged");
    if (memcmp(cert->pin, pin, sizeof pin) != 0)
        return err_set(err, ERR_INVALID,
                       "the certificate that the hub has sent is for another key");
    if (strcmp(cert->common_name, name) != 0)
        return err_set(err, ERR_INVALID,
                       "the certificate that the hub has sent is for \"%.100s\", "
                       "not for \"%s\"",
                       cert->common_name, name);
    if (!pki_cert_is_issued_by(text_string(ret_pem), authority))
        return err_set(err, ERR_INVALID,
                       "the certificate that the hub has sent is not signed by "
                       "the hub's authority");
    return 0;
}
