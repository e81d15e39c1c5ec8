/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and keeps the hub's authority, certificates and administrator. */
#include "hub/internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "document/document.h"
#include "loop/loop.h"
#include "pki/pki.h"
#include "query/query.h"
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY (24 * 3600 * CLOCK_SECOND)
#define CA_LIFETIME (3650 * DAY)
#define PEM_LIMIT ((size_t)64 * 1024)
#define KUBECONFIG_LIMIT ((size_t)1024 * 1024)

static char *path_of(const struct hub *hub, const char *file)
{
    return mem_printf("%s/pki/%s", hub->directory, file);
}

static int write_pem(const struct hub *hub, const char *file, const char *pem, struct err *err)
{
    scoped_mem char *path = path_of(hub, file);

    return file_write(path, pem, strlen(pem), 0600, err);
}

static char *read_key_file(const struct hub *hub, const char *file, struct err *err)
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

/* What the loss of a file means, for whoever has to decide. */
static const char authority_lost[] =
    "with a new authority every spoke and every kubeconfig is cut off and must join "
    "again (the certificate alone is also in every kubeconfig and in each spoke's "
    "pki/hub-ca.crt)";
static const char sealing_lost[] = "without this key the Secrets in the database cannot be read";
static const char tokens_lost[] = "with a new key all tokens of ServiceAccounts end";

bool keys_exist(const struct hub *hub)
{
    scoped_mem char *cert = path_of(hub, "ca.crt");
    scoped_mem char *key = path_of(hub, "ca.key");

    return file_exists(cert) || file_exists(key);
}

static int read_authority(struct hub *hub, struct err *err)
{
    scoped_mem char *cert = read_key_file(hub, "ca.crt", err);
    scoped_mem char *key = NULL;

    if (!cert)
        return pins_damaged(hub, "ca.crt", authority_lost, err);
    key = read_key_file(hub, "ca.key", err);
    hub->authority = key ? pki_authority_read(cert, key, err) : NULL;
    return hub->authority ? 0 : pins_damaged(hub, "ca.key or ca.crt", authority_lost, err);
}

static int open_authority(struct hub *hub, struct err *err)
{
    static const char *const files[] = {"ca.crt", "ca.key"};
    unsigned char digest[PKI_SHA256];
    bool missing = false;
    const char *cert;
    int opened;

    for (size_t i = 0; i < count_of(files); i++) {
        scoped_mem char *path = path_of(hub, files[i]);

        if (file_exists(path))
            continue;
        missing = true;
        if (pins_may_make(hub, files[i], authority_lost, err) < 0)
            return -1;
    }
    opened = missing ? make_authority(hub, err) : read_authority(hub, err);
    if (opened < 0)
        return -1;
    /* A certificate with the same key may still say something else. */
    cert = pki_authority_cert(hub->authority);
    pki_sha256(cert, strlen(cert), digest);
    if (pins_keep(hub, "ca.crt", digest, authority_lost, err) < 0)
        return -1;
    return pins_keep(hub, "ca.key", pki_authority_pin(hub->authority), authority_lost, err);
}

/* An older hub kept a secret that never ended and nobody could take back. */
static void forget_secret(struct hub *hub)
{
    scoped_mem char *path = path_of(hub, "console.secret");

    if (!file_exists(path))
        return;
    file_remove(path);
    log_info(
        "hub",
        "the console's old secret is no longer accepted: log in with the token that `axle token "
        "create --admin` prints");
}

int keys_open(struct hub *hub, const struct hub_settings *settings, struct err *err)
{
    scoped_mem char *folder = path_of(hub, "");

    if (file_make_folder(folder, err) < 0 || open_authority(hub, err) < 0)
        return -1;
    forget_secret(hub);
    return server_open(hub, settings, err);
}

static int read_seal(struct hub *hub, const char *path, unsigned char key[PKI_SEAL_KEY],
                     struct err *err)
{
    size_t len = 0;
    scoped_mem char *kept = file_read(path, PKI_SEAL_KEY, &len, err);

    if (kept && len != PKI_SEAL_KEY)
        err_set(err, ERR_INVALID, "it holds %zu bytes, not the %d of an encryption key", len,
                PKI_SEAL_KEY);
    if (!kept || len != PKI_SEAL_KEY)
        return pins_damaged(hub, "sealing.key", sealing_lost, err);
    memcpy(key, kept, PKI_SEAL_KEY);
    explicit_bzero(kept, len);
    return 0;
}

int keys_open_seal(struct hub *hub, unsigned char key[PKI_SEAL_KEY], struct err *err)
{
    static const char file[] = "sealing.key";
    scoped_mem char *path = path_of(hub, file);
    unsigned char digest[PKI_SHA256];

    if (file_exists(path)) {
        if (read_seal(hub, path, key, err) < 0)
            return -1;
    } else {
        if (pins_may_make(hub, file, sealing_lost, err) < 0)
            return -1;
        random_bytes(key, PKI_SEAL_KEY);
        if (file_write(path, key, PKI_SEAL_KEY, 0600, err) < 0)
            return -1;
    }
    pki_sha256(key, PKI_SEAL_KEY, digest);
    hub->seal_is_new = pins_differ(hub, file, digest);
    return pins_keep(hub, file, digest, sealing_lost, err);
}

/* Sealed like Secrets: whoever copies the folder without that key has no
   tokens. */
static int make_tokens(struct hub *hub, const unsigned char seal[PKI_SEAL_KEY], const char *file,
                       const char *path, struct err *err)
{
    scoped_text struct text pem = {0};
    scoped_text struct text sealed = {0};

    hub->token_key = pki_key_new();
    pki_key_write(hub->token_key, &pem);
    pki_seal(seal, file, pem.bytes, pem.len, &sealed);
    return file_write(path, sealed.bytes, sealed.len, 0600, err);
}

/* What only the key that is lost, and accepted as lost, could open is lost with it. */
static int replace_tokens(struct hub *hub, const unsigned char seal[PKI_SEAL_KEY], const char *file,
                          const char *path, struct err *err)
{
    scoped_mem char *aside = mem_printf("%s.lost", path);

    if (file_move(path, aside, err) < 0)
        return -1;
    log_warn(
        "hub",
        "%s is encrypted with the lost key, so it was renamed to %s and a new one was made: %s",
        path, aside, tokens_lost);
    return make_tokens(hub, seal, file, path, err);
}

int keys_open_tokens(struct hub *hub, const unsigned char seal[PKI_SEAL_KEY], struct err *err)
{
    static const char file[] = "service-accounts.key";
    scoped_mem char *path = path_of(hub, file);
    scoped_mem char *kept = NULL;
    scoped_text struct text pem = {0};
    unsigned char digest[PKI_SHA256];
    size_t len = 0;

    if (!file_exists(path)) {
        if (pins_may_make(hub, file, tokens_lost, err) < 0 ||
            make_tokens(hub, seal, file, path, err) < 0)
            return -1;
    } else {
        bool opened;

        kept = file_read(path, PEM_LIMIT, &len, err);
        opened = kept && pki_unseal(seal, file, kept, len, &pem, err) == 0;
        if (opened)
            hub->token_key = pki_key_read(text_string(&pem), err);
        else if (kept && hub->seal_is_new && replace_tokens(hub, seal, file, path, err) < 0)
            return -1;
        if (!hub->token_key)
            return pins_damaged(hub, file, tokens_lost, err);
    }
    pki_key_pin(hub->token_key, digest);
    return pins_keep(hub, file, digest, tokens_lost, err);
}

static void write_tickets(void *arg)
{
    struct hub *hub = arg;
    scoped_mem char *path = path_of(hub, "tickets.keys");
    unsigned char keys[TLS_TICKET_KEYS];
    struct err err = {0};

    tls_server_ticket_keys(hub->tls, keys);
    if (file_write(path, keys, sizeof keys, 0600, &err) < 0)
        log_warn("hub", "%s: spokes will need full handshakes after a restart", err.text);
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

static void add_data(struct text *out, const char *indent, const char *name, const char *pem)
{
    text_addf(out, "%s%s-data: ", indent, name);
    text_add_base64(out, pem, strlen(pem), false);
    text_add_char(out, '\n');
}

static int make_admin(struct hub *hub, struct text *ret_cert, struct text *ret_key, struct err *err)
{
    static const char *const groups[] = {"system:masters"};
    static const struct pki_subject subject = {"system:admin", groups, 1};
    scoped_pki_key struct pki_key *key = pki_key_new();

    pki_key_write(key, ret_key);
    return pki_issue_client(hub->authority, key, &subject, KEYS_ADMIN_LIFETIME, ret_cert, err);
}

/* What `kubectl config set-context --current --namespace` has made of the file stays. */
static void add_namespace(const struct hub *hub, struct text *out)
{
    scoped_arena struct arena *arena = arena_new();
    size_t len = 0;
    scoped_mem char *old = file_read(hub->kubeconfig, KUBECONFIG_LIMIT, &len, NULL);
    const struct node *contexts = NULL;

    if (old)
        contexts = node_get(
            document_read_yaml(arena, old, len, DOCUMENT_KEYS_ONCE, &document_limits_own, NULL),
            "contexts");
    for (size_t i = 0; i < node_count(contexts); i++) {
        const struct node *one = node_item(contexts, i);
        const char *namespace = node_get_text(node_get(one, "context"), "namespace");

        if (!strcmp(node_get_text(one, "name"), "axle") && name_is_dns_label(namespace, NULL))
            text_addf(out, "    namespace: \"%s\"\n", namespace);
    }
    if (old)
        explicit_bzero(old, len);
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
    add_data(&out, "    ", "certificate-authority", pki_authority_cert(hub->authority));
    text_add(&out, "users:\n- name: admin\n  user:\n");
    add_data(&out, "    ", "client-certificate", text_string(&cert));
    add_data(&out, "    ", "client-key", text_string(&key));
    text_add(&out, "contexts:\n- name: axle\n  context:\n    cluster: axle\n"
                   "    user: admin\n");
    add_namespace(hub, &out);
    return file_write(hub->kubeconfig, out.bytes, out.len, 0600, err);
}
