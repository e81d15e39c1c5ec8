/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the parts of a hub in order, and closes them in reverse. */
#include "hub/internal.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "config/config.h"
#include "controllers/controllers.h"
#include "document/document.h"
#include "http/http.h"
#include "kinds/kinds.h"
#include "limits/limits.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "store/store.h"
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>

/* Namespaces that are always there. */
static const char *const first_namespaces[] = {"default", "axle-system"};

/* Kept aside for deletes when the disk is full. */
#define STORE_RESERVE ((int64_t)32 << 20)

static int64_t setting_or_unlimited(const struct hub *hub, enum config_id id)
{
    return config_number(hub->config, id);
}

static int open_hub_store(struct hub *hub, const struct hub_settings *settings, struct err *err)
{
    scoped_mem char *path = mem_printf("%s/axle.db", hub->directory);
    struct store_options options = {
        /* A simulation has one thread, so that a seed decides everything. */
        .loop = loop_is_simulated(hub->loop) ? NULL : hub->loop,
        .vfs = settings->store_vfs,
        .history_age = setting_or_unlimited(hub, CONFIG_ID_HISTORY_AGE),
        .history_bytes = setting_or_unlimited(hub, CONFIG_ID_HISTORY_SIZE),
        .noted = true,
        /* The database comes first, so keys without one mean that it is lost. */
        .expected = keys_exist(hub),
        .accept_loss = config_yes(hub->config, CONFIG_ID_ACCEPT_LOSS),
        .reserve = settings->store_vfs ? 0 : STORE_RESERVE};

    hub->store = store_open(path, &options, err);
    return hub->store ? 0 : -1;
}

static int make_namespaces(struct hub *hub, struct err *err)
{
    for (size_t i = 0; i < count_of(first_namespaces); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct node *namespace = node_map(arena);

        node_set_text(arena, namespace, "apiVersion", "v1");
        node_set_text(arena, namespace, "kind", "Namespace");
        node_set_text(arena, node_make(arena, namespace, "metadata"), "name", first_namespaces[i]);
        if (objects_ensure(hub->objects, "axle-hub", namespace, NULL, err) < 0)
            return -1;
    }
    return 0;
}

static void open_auth(struct hub *hub)
{
    struct auth_settings settings = {.objects = hub->objects,
                                     .token_key = hub->token_key,
                                     .token_age =
                                         setting_or_unlimited(hub, CONFIG_ID_ACCOUNT_TOKEN_AGE),
                                     .facts = hub_facts(hub)};

    hub->auth = auth_open(&settings);
}

static bool is_own_name(void *arg, const char *host)
{
    return server_has_name(arg, host);
}

static void open_limits(struct hub *hub)
{
    struct limits_settings settings = {
        .objects = hub->objects,
        .spoke_rate = setting_or_unlimited(hub, CONFIG_ID_SPOKE_RATE),
        .spoke_writes = setting_or_unlimited(hub, CONFIG_ID_SPOKE_WRITES),
        .spoke_requests = setting_or_unlimited(hub, CONFIG_ID_SPOKE_REQUESTS),
        .spoke_in_flight = setting_or_unlimited(hub, CONFIG_ID_SPOKE_IN_FLIGHT),
        .spoke_objects = setting_or_unlimited(hub, CONFIG_ID_SPOKE_OBJECTS),
        .spoke_objects_size = setting_or_unlimited(hub, CONFIG_ID_SPOKE_OBJECTS_SIZE),
        .user_in_flight = setting_or_unlimited(hub, CONFIG_ID_USER_IN_FLIGHT),
        .namespace_objects = setting_or_unlimited(hub, CONFIG_ID_NAMESPACE_OBJECTS),
        .namespace_size = setting_or_unlimited(hub, CONFIG_ID_NAMESPACE_SIZE),
        .is_own_name = is_own_name,
        .loop = hub->loop,
        .go_on = routes_go_on,
        .refuse = routes_refuse,
        .arg = hub};

    hub->limits = limits_open(&settings);
}

static int open_objects(struct hub *hub, struct err *err)
{
    struct controllers_settings settings = {
        .authority = hub->authority,
        .certificate_lifetime = setting_or_unlimited(hub, CONFIG_ID_CERTIFICATE_AGE),
        .event_age = setting_or_unlimited(hub, CONFIG_ID_EVENT_AGE),
        .prove_wake_ups = getenv("AXLE_PROVE_WAKE_UPS") != NULL};
    unsigned char seal[PKI_SEAL_KEY];

    int opened;

    if (keys_open_seal(hub, seal, err) < 0)
        return -1;
    hub->kinds = kinds_open(err);
    if (!hub->kinds)
        return -1;
    hub->objects = objects_open_sealed(hub->loop, hub->store, hub->kinds, seal, err);
    opened = hub->objects ? keys_open_tokens(hub, seal, err) : -1;
    explicit_bzero(seal, sizeof seal);
    if (opened < 0)
        return -1;
    open_auth(hub); /* first, so that its rules come before all that validate */
    hub->controllers = controllers_start(hub->objects, hub->loop, &settings, err);
    if (!hub->controllers || make_namespaces(hub, err) < 0 || roles_keep(hub, err) < 0 ||
        definitions_keep(hub, err) < 0)
        return -1;
    open_limits(hub);
    return 0;
}

/* Beside its connections, the hub has the database, its keys, pipes and names to find. */
#define OTHER_FILES ((size_t)64)

/* More connections than there may be files would make the hub fail in all else. */
static size_t choose_connections(struct hub *hub, size_t files)
{
    size_t wanted = (size_t)setting_or_unlimited(hub, CONFIG_ID_CONNECTIONS);
    size_t most = files > 2 * OTHER_FILES ? files - OTHER_FILES : files / 2;

    if (!files || wanted <= most)
        return wanted;
    /* A limit of just as many is what its administrator meant by it. */
    if (wanted > files)
        log_warn("hub",
                 "connections: %zu are not possible, because this process may have %zu open files "
                 "(ulimit -Hn, or LimitNOFILE= of its unit); the limit is %zu connections now",
                 wanted, files, most);
    return most;
}

static int open_server(struct hub *hub, const struct hub_settings *settings, struct err *err)
{
    struct tls_server_settings tls = server_settings(hub);
    struct api_options api = {.loop = hub->loop,
                              .objects = hub->objects,
                              .auth = hub->auth,
                              .most_body = (size_t)setting_or_unlimited(hub, CONFIG_ID_BODY_SIZE)};
    struct http_server_settings http = {
        .most_connections = choose_connections(hub, settings->files),
        .header_deadline = setting_or_unlimited(hub, CONFIG_ID_HEADER_TIME),
        .body_deadline = setting_or_unlimited(hub, CONFIG_ID_BODY_TIME),
        .write_deadline = setting_or_unlimited(hub, CONFIG_ID_WRITE_TIME),
        .idle_deadline = setting_or_unlimited(hub, CONFIG_ID_IDLE_TIME)};
    struct registry_settings registry = routes_registry(hub);
    scoped_mem char *version = mem_printf("v" API_KUBERNETES ".0+axle-%s", version_number());

    api.git_version = version;
    hub->api = api_new(&api);
    hub->registry = registry_new(hub->store, &registry);
    hub->server = http_server_new(hub->loop, &http);
    routes_add(hub);
    revoke_start(hub);
    health_start(hub);
    hub->tls = tls_server_new(hub->loop, &tls, err);
    if (!hub->tls)
        return -1;
    keys_keep_tickets(hub);
    for (size_t i = 0; settings->listen[i]; i++) {
        if (http_server_listen(hub->server, settings->listen[i], hub->tls, err) < 0)
            return err_wrap(err, "cannot listen at %s", settings->listen[i]);
    }
    return 0;
}

/* A kubeconfig is copied to other machines, so "everywhere" is no address. */
static void find_url(struct hub *hub)
{
    const char *address = http_server_address(hub->server, 0);
    char host[LOOP_HOST];
    char own[1][64];
    int port = 6443;

    if (loop_address_split(address, 6443, host, &port, NULL) == 0 &&
        (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 || !*host)) {
        if (loop_own_addresses(own, 1, NULL) == 1)
            hub->url =
                mem_printf(strchr(own[0], ':') ? "https://[%s]:%d" : "https://%s:%d", own[0], port);
        else
            hub->url = mem_printf("https://127.0.0.1:%d", port);
        return;
    }
    hub->url = mem_printf("https://%s", address);
}

/* A full disk must not keep the hub from starting: deletes are what helps. */
static int write_kubeconfig(struct hub *hub, struct err *err)
{
    struct err why = {0};

    if (keys_write_kubeconfig(hub, &why) == 0)
        return 0;
    if (why.code == ERR_FULL && file_exists(hub->kubeconfig)) {
        log_error("hub", "%s: the file of the last start is kept", why.text);
        return 0;
    }
    *err = why;
    return -1;
}

static int open_hub_parts(struct hub *hub, const struct hub_settings *settings, struct err *err)
{
    if (file_make_folder(hub->directory, err) < 0 || open_hub_store(hub, settings, err) < 0 ||
        keys_open(hub, settings, err) < 0 || open_objects(hub, err) < 0 ||
        open_server(hub, settings, err) < 0)
        return -1;
    find_url(hub);
    server_keep_fresh(hub);
    return write_kubeconfig(hub, err);
}

struct hub *hub_open(struct loop *loop, const struct hub_settings *settings, struct err *err)
{
    struct hub *hub = mem_alloc(sizeof *hub);

    hub->loop = loop;
    hub->started = clock_steady();
    if (!settings->config)
        hub->own_config = config_new();
    hub->config = settings->config ? settings->config : hub->own_config;
    hub->directory = mem_copy_string(settings->directory);
    hub->kubeconfig = mem_printf("%s/admin.kubeconfig", hub->directory);
    if (open_hub_parts(hub, settings, err) < 0)
        hub_close(&hub);
    return hub;
}

void hub_close(struct hub **at)
{
    struct hub *hub = take(*at);

    if (!hub)
        return;
    http_server_free(&hub->server);
    /* Those who wait for a commit are told while what they use is there. */
    if (hub->objects)
        objects_commit(hub->objects);
    loop_timer_free(&hub->revoke);
    if (hub->store)
        store_on_trouble(hub->store, NULL, NULL);
    loop_timer_free(&hub->health);
    tls_server_free(&hub->tls);
    /* They commit once more, which the API and the registry are told of. */
    controllers_stop(&hub->controllers);
    api_free(&hub->api);
    registry_free(&hub->registry);
    objects_close(&hub->objects);
    limits_close(&hub->limits);
    auth_close(&hub->auth);
    kinds_close(&hub->kinds);
    store_close(&hub->store);
    pki_authority_free(&hub->authority);
    pki_key_free(&hub->token_key);
    server_close(hub);
    free(hub->url);
    free(hub->kubeconfig);
    free(hub->directory);
    config_free(&hub->own_config);
    free(hub);
}

void hub_drain(struct hub *hub, int64_t timeout, void (*done)(void *arg), void *arg)
{
    http_server_drain(hub->server, timeout, done, arg);
}

const char *hub_url(const struct hub *hub)
{
    return hub->url;
}

const char *hub_kubeconfig(const struct hub *hub)
{
    return hub->kubeconfig;
}

static void add_random_hex(struct text *text, size_t bytes)
{
    unsigned char random[32];

    random_bytes(random, bytes);
    text_add_hex(text, random, bytes);
}

char *hub_make_token(struct hub *hub, const char *name, int64_t lifetime, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text id = {0};
    scoped_text struct text salt = {0};
    scoped_text struct text secret = {0};
    scoped_text struct text token = {0};
    struct node *object = node_map(arena);
    struct node *spec = node_make(arena, object, "spec");
    char expires[CLOCK_TEXT];

    add_random_hex(&id, 5);
    add_random_hex(&salt, 16);
    add_random_hex(&secret, 16);
    clock_format(clock_wall() + lifetime, false, expires);
    node_set_text(arena, object, "apiVersion", META_API_AXLE);
    node_set_text(arena, object, "kind", "JoinToken");
    node_set_text(arena, node_make(arena, object, "metadata"), "name", text_string(&id));
    node_set_text(arena, spec, "expiresAt", expires);
    node_set_int(arena, spec, "uses", 1);
    if (name)
        node_add(arena, node_make_list(arena, spec, "names"), node_string(arena, name));
    node_set_text(arena, spec, "salt", text_string(&salt));
    node_set_text(arena, spec, "hash",
                  pki_join_token_hash(arena, text_string(&salt), text_string(&secret)));
    if (objects_ensure(hub->objects, "axle-hub", object, NULL, err) < 0)
        return NULL;
    pki_join_token_add(&token, pki_authority_pin(hub->authority), text_string(&id),
                       text_string(&secret));
    return text_take(&token);
}
