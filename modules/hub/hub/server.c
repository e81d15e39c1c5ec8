/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the certificate that the hub shows, and a new one before it ends. */
#include "hub/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "loop/loop.h"
#include "tls/tls.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MOST_NAMES 64

/* Every name that a client may have for this server. */
struct names {
    const char *list[MOST_NAMES];
    size_t count;
    char own[16][64];
    char host[256];
};

static void add_server_name(struct names *names, const char *name)
{
    if (!*name || names->count == MOST_NAMES)
        return;
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i], name) == 0)
            return;
    }
    names->list[names->count++] = name;
}

/* Without them no other machine reaches the hub by a name of its certificate. */
static size_t list_addresses(struct hub *hub, struct names *names)
{
    struct err err = {0};
    size_t count = loop_own_addresses(names->own, count_of(names->own), &err);

    if (count)
        hub->addresses_missing = false;
    else if (!hub->addresses_missing && !hub->given_names) {
        hub->addresses_missing = true;
        log_error(
            "hub",
            "%s: the certificate and the join command name 127.0.0.1 only, which no other machine "
            "can reach: set tls-san, and listen to an address instead of 0.0.0.0",
            *err.text ? err.text : "this machine has no address but loopback");
    }
    return count;
}

/* Addresses of this machine come and go, so they are asked for each time. */
static void gather_names(struct hub *hub)
{
    struct names *names = mem_alloc(sizeof *names);
    size_t own;

    add_server_name(names, "localhost");
    add_server_name(names, "127.0.0.1");
    add_server_name(names, "::1");
    for (size_t i = 0; i < hub->given_names; i++)
        add_server_name(names, hub->names[i]);
    own = list_addresses(hub, names);
    for (size_t i = 0; i < own; i++)
        add_server_name(names, names->own[i]);
    if (gethostname(names->host, sizeof names->host - 1) == 0)
        add_server_name(names, names->host);
    mem_free(&hub->all_names);
    hub->all_names = names;
    hub->names_gathered = clock_steady();
}

/* "::1" may be written in other ways too. */
static bool is_same_address(const char *one, const char *other)
{
    struct in6_addr a, b;

    return strchr(one, ':') && inet_pton(AF_INET6, one, &a) == 1 &&
           inet_pton(AF_INET6, other, &b) == 1 && !memcmp(&a, &b, sizeof a);
}

/* As in a certificate, "*." stands for one label. */
static bool matches_server_name(const char *name, const char *host)
{
    const char *dot = strchr(host, '.');

    if (!strcasecmp(name, host) || is_same_address(name, host))
        return true;
    return text_starts(name, "*.") && dot && dot > host && !strcasecmp(name + 1, dot);
}

static bool is_among_names(const struct names *names, const char *host)
{
    for (size_t i = 0; i < names->count; i++)
        if (matches_server_name(names->list[i], host))
            return true;
    return false;
}

bool server_has_name(struct hub *hub, const char *host)
{
    if (is_among_names(hub->all_names, host))
        return true;
    if (clock_steady() - hub->names_gathered < CLOCK_SECOND)
        return false;
    gather_names(hub);
    return is_among_names(hub->all_names, host);
}

static void give_name(struct hub *hub, const char *name)
{
    if (hub->given_names < count_of(hub->names))
        hub->names[hub->given_names++] = mem_copy_string(name);
}

static void keep_names(struct hub *hub, const struct hub_settings *settings)
{
    for (size_t i = 0; settings->listen[i]; i++) {
        char host[LOOP_HOST];
        int port;

        if (loop_address_split(settings->listen[i], 6443, host, &port, NULL) == 0 &&
            strcmp(host, "0.0.0.0") != 0 && strcmp(host, "::") != 0)
            give_name(hub, host);
    }
    for (size_t i = 0; settings->names && settings->names[i]; i++)
        give_name(hub, settings->names[i]);
}

/* A new certificate at each start costs a millisecond and always fits. */
static int make_server(struct hub *hub, struct err *err)
{
    static const struct pki_subject subject = {"axle-hub", NULL, 0};
    scoped_pki_key struct pki_key *key = pki_key_new();
    scoped_text struct text cert = {0};
    scoped_text struct text pem = {0};

    gather_names(hub);
    if (pki_issue_server(hub->authority, key, &subject, hub->all_names->list, hub->all_names->count,
                         config_number(hub->config, CONFIG_ID_SERVER_CERTIFICATE_AGE), &cert,
                         err) < 0)
        return -1;
    pki_key_write(key, &pem);
    /* The authority's certificate follows, so that a pin on it can be met. */
    text_add(&cert, pki_authority_cert(hub->authority));
    mem_free(&hub->server_cert);
    mem_free(&hub->server_key);
    hub->server_cert = text_take(&cert);
    hub->server_key = text_take(&pem);
    return 0;
}

int server_open(struct hub *hub, const struct hub_settings *settings, struct err *err)
{
    keep_names(hub, settings);
    return make_server(hub, err);
}

struct tls_server_settings server_settings(const struct hub *hub)
{
    return (struct tls_server_settings){.cert = hub->server_cert,
                                        .key = hub->server_key,
                                        .client_roots = pki_authority_cert(hub->authority)};
}

/* ---- Before it ends ---------------------------------------------------------- */

static void set_renew_timer(struct hub *hub)
{
    int64_t age = config_number(hub->config, CONFIG_ID_SERVER_CERTIFICATE_AGE);

    if (age > KEYS_ADMIN_LIFETIME)
        age = KEYS_ADMIN_LIFETIME;
    loop_timer_set(hub->renew, age / 3 * 2);
}

/* The kubeconfig's certificate is of the same age, and written anew as well. */
static int renew_server_certificate(struct hub *hub, struct err *err)
{
    struct tls_server_settings settings;

    if (make_server(hub, err) < 0)
        return -1;
    settings = server_settings(hub);
    return tls_server_renew(hub->tls, &settings, err) < 0 ? -1 : keys_write_kubeconfig(hub, err);
}

static void on_renew_timer(void *arg)
{
    struct hub *hub = arg;
    struct err err = {0};

    if (renew_server_certificate(hub, &err) < 0) {
        log_error("hub", "the certificate cannot be renewed, next try in a minute: %s", err.text);
        loop_timer_set(hub->renew, 60 * CLOCK_SECOND);
        return;
    }
    log_info("hub", "new connections get the renewed certificate");
    set_renew_timer(hub);
}

void server_keep_fresh(struct hub *hub)
{
    hub->renew = loop_timer_new(hub->loop, on_renew_timer, hub);
    set_renew_timer(hub);
}

void server_close(struct hub *hub)
{
    loop_timer_free(&hub->renew);
    for (size_t i = 0; i < hub->given_names; i++)
        free(hub->names[i]);
    mem_free(&hub->all_names);
    free(hub->server_cert);
    free(hub->server_key);
}
