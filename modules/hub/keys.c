/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and keeps the hub's authority, certificates and administrator. */
#include "hub/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "loop/loop.h"
#include "pki/pki.h"
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY (24 * 3600 * CLOCK_SECOND)
#define CA_LIFETIME (3650 * DAY)
#define PEM_LIMIT ((size_t)64 * 1024)

static char *path_of(const struct hub *hub, const char *file)
{
    return mem_printf("%s/pki/%s", hub->directory, file);
}

static int write_pem(const struct hub *hub, const char *file, const char *pem,
                     struct err *err)
{
    scoped_mem char *path = path_of(hub, file);

    return file_write(path, pem, strlen(pem), 0600, err);
}

static char *read_pem(const struct hub *hub, const char *file, struct err *err)
{
    scoped_mem char *path = path_of(hub, file);

    return file_read(path, PEM_LIMIT, NULL, err);
}

static int make_authority(struct hub *hub, struct err *err)
{
    scoped_text struct text key = {0};

    hub->authority = pki_authority_new("axle-hub", CA_LIFETIME, err);
    if (!hub->authority)
        return -1;
    pki_authority_key(hub->authority, &key);
    /* The certificate last: a crash in between starts over. */
    if (write_pem(hub, "ca.key", text_string(&key), err) < 0)
        return -1;
    return write_pem(hub, "ca.crt", pki_authority_cert(hub->authority), err);
}

static int open_authority(struct hub *hub, struct err *err)
{
    scoped_mem char *cert_path = path_of(hub, "ca.crt");
    scoped_mem char *cert = NULL;
    scoped_mem char *key = NULL;

    if (!file_exists(cert_path))
        return make_authority(hub, err);
    cert = read_pem(hub, "ca.crt", err);
    key = cert ? read_pem(hub, "ca.key", err) : NULL;
    if (!key)
        return -1;
    hub->authority = pki_authority_read(cert, key, err);
    return hub->authority ? 0 : err_wrap(err, "%s", cert_path);
}

/* An older hub kept a secret that never ended and nobody could take back. */
static void forget_secret(struct hub *hub)
{
    scoped_mem char *path = path_of(hub, "console.secret");

    if (!file_exists(path))
        return;
    file_remove(path);
    log_info("hub", "the console's old secret is no longer taken: log in with what "
                    "`axle token create --admin` prints");
}

int keys_open(struct hub *hub, const struct hub_settings *settings,
              struct err *err)
{
    scoped_mem char *folder = path_of(hub, "");

    if (file_make_folder(folder, err) < 0 || open_authority(hub, err) < 0)
        return -1;
    forget_secret(hub);
    return server_open(hub, settings, err);
}

/* A new key where there is none; objects says so if it fits nothing. */
int keys_open_seal(struct hub *hub, unsigned char key[PKI_SEAL_KEY],
                   struct err *err)
{
    scoped_mem char *path = path_of(hub, "sealing.key");
    scoped_mem char *kept = NULL;
    size_t len = 0;

    if (!file_exists(path)) {
        random_bytes(key, PKI_SEAL_KEY);
        return file_write(path, key, PKI_SEAL_KEY, 0600, err);
    }
    kept = file_read(path, PKI_SEAL_KEY, &len, err);
    if (!kept)
        return -1;
    if (len != PKI_SEAL_KEY)
        return err_set(err, ERR_INVALID,
                       "%s holds %zu bytes, not the %d of a sealing key: bring "
                       "the file back from a copy",
                       path, len, PKI_SEAL_KEY);
    memcpy(key, kept, PKI_SEAL_KEY);
    explicit_bzero(kept, len);
    return 0;
}

/* Sealed like Secrets: whoever copies the folder without that key has no
   tokens. */
int keys_open_tokens(struct hub *hub, const unsigned char seal[PKI_SEAL_KEY],
                     struct err *err)
{
    static const char about[] = "service-accounts.key";
    scoped_mem char *path = path_of(hub, about);
    scoped_mem char *kept = NULL;
    scoped_text struct text pem = {0};
    scoped_text struct text sealed = {0};
    size_t len = 0;

    if (!file_exists(path)) {
        hub->token_key = pki_key_new();
        pki_key_write(hub->token_key, &pem);
        pki_seal(seal, about, pem.bytes, pem.len, &sealed);
        return file_write(path, sealed.bytes, sealed.len, 0600, err);
    }
    kept = file_read(path, PEM_LIMIT, &len, err);
    if (!kept || pki_unseal(seal, about, kept, len, &pem, err) < 0)
        return err_wrap(err, "%s", path);
    hub->token_key = pki_key_read(text_string(&pem), err);
    return hub->token_key ? 0 : err_wrap(err, "%s", path);
}

static void write_tickets(void *arg)
{
    struct hub *hub = arg;
    scoped_mem char *path = path_of(hub, "tickets.keys");
    unsigned char keys[TLS_TICKET_KEYS];
    struct err err = {0};

    tls_server_ticket_keys(hub->tls, keys);
    if (file_write(path, keys, sizeof keys, 0600, &err) < 0)
        log_warn("hub", "%s: spokes will need full handshakes after a restart",
                 err.text);
    explicit_bzero(keys, sizeof keys);
}

/* Keys that do not fit are replaced: the price is one full handshake each. */
void keys_keep_tickets(struct hub *hub)
{
    scoped_mem char *path = path_of(hub, "tickets.keys");
    size_t len = 0;
    scoped_mem char *kept = file_read(path, TLS_TICKET_KEYS, &len, NULL);

    tls_server_on_ticket_keys(hub->tls, write_tickets, hub);
    if (!kept || len != TLS_TICKET_KEYS ||
        tls_server_set_ticket_keys(hub->tls, (unsigned char *)kept, NULL) < 0)
        write_tickets(hub);
    if (kept)
        explicit_bzero(kept, len);
}

static void add_data(struct text *out, const char *indent, const char *name,
                     const char *pem)
{
    text_addf(out, "%s%s-data: ", indent, name);
    text_add_base64(out, pem, strlen(pem), false);
    text_add_char(out, '\n');
}

static int make_admin(struct hub *hub, struct text *ret_cert,
                      struct text *ret_key, struct err *err)
{
    static const char *const groups[] = {"system:masters"};
    static const struct pki_subject subject = {"system:admin", groups, 1};
    scoped_pki_key struct pki_key *key = pki_key_new();

    pki_key_write(key, ret_key);
    return pki_issue_client(hub->authority, key, &subject, KEYS_ADMIN_LIFETIME,
                            ret_cert, err);
}

int keys_write_kubeconfig(struct hub *hub, struct err *err)
{
    scoped_text struct text cert = {0};
    scoped_text struct text key = {0};
    scoped_text struct text out = {0};

    if (make_admin(hub, &cert, &key, err) < 0)
        return -1;
    text_add(&out, "apiVersion: v1\nkind: Config\ncurrent-context: axle\n"
                   "clusters:\n- name: axle\n  cluster:\n");
    text_addf(&out, "    server: %s\n", hub->url);
    add_data(&out, "    ", "certificate-authority",
             pki_authority_cert(hub->authority));
    text_add(&out, "users:\n- name: admin\n  user:\n");
    add_data(&out, "    ", "client-certificate", text_string(&cert));
    add_data(&out, "    ", "client-key", text_string(&key));
    text_add(&out, "contexts:\n- name: axle\n  context:\n    cluster: axle\n"
                   "    user: admin\n");
    return file_write(hub->kubeconfig, out.bytes, out.len, 0600, err);
}
