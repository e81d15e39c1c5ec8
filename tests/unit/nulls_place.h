/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NULLS_PLACE_H
#define NULLS_PLACE_H

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "document/document.h"
#include "http/http.h"
#include "hub/hub.h"
#include "hub/internal.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "runtime/runtime.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "sim/world.h"
#include "agent/agent.h"
#include "store/store.h"
#include "tls/tls.h"
#include "unit/nulls_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A hub and a spoke in a simulated world, and clients of the hub's API. */

#define SPOKE_GROUPS "system:open-cluster-management:managed-clusters"

enum who { ADMINISTRATOR, EDITOR, SPOKE, JOINER, WHO_COUNT };
static const char *const who_names[] = {"administrator", "editor", "spoke", "join token"};

struct place {
    char root[160], disks[3][48];
    struct loop_world *world;
    struct store_disk *hub_disk, *spoke_disk;
    struct loop *hub_loop, *spoke_loop, *loop;
    struct hub *hub;
    struct agent *spoke;
    char *token, *join, *request;
    struct arena *arena;
    struct tls_client *tls, *nobody;
    struct http_client *http, *joining;
    /* The answer to what was sent last. */
    bool done;
    int status;
    struct text body;
    /* A watch of the kind that is tried. */
    struct http_call *watch;
    const struct kind *watched;
};

__attribute__((noreturn)) static void bail(const char *what, const char *why)
{
    printf("Bail out! %s: %s\n", what, why);
    fflush(stdout);
    exit(99);
}

static const char *secret(struct place *place, const struct node *from, const char *name)
{
    scoped_text struct text bytes = {0};
    const char *text = node_get_text(from, name);

    if (!text_add_unbase64(&bytes, text, strlen(text), false))
        bail("kubeconfig", name);
    return arena_string(place->arena, text_string(&bytes));
}

static void log_in(struct place *place)
{
    struct err err = {0};
    size_t len;
    scoped_mem char *text = file_read(hub_kubeconfig(place->hub), 1 << 20, &len, &err);
    const struct node *config =
        text ? document_read_yaml(place->arena, text, len, true, &document_limits_own, &err) : NULL;
    const struct node *cluster = node_get(node_item(node_get(config, "clusters"), 0), "cluster");
    const struct node *user = node_get(node_item(node_get(config, "users"), 0), "user");
    struct tls_client_settings settings = {.roots =
                                               secret(place, cluster, "certificate-authority-data"),
                                           .cert = secret(place, user, "client-certificate-data"),
                                           .key = secret(place, user, "client-key-data")};

    place->tls = tls_client_new(place->loop, &settings, &err);
    settings.cert = settings.key = NULL;
    place->nobody = tls_client_new(place->loop, &settings, &err);
    place->http =
        http_client_new(place->loop,
                        &(struct http_client_settings){
                            .address = "hub:6443", .tls = place->tls, .most_connections = 4},
                        &err);
    place->joining =
        http_client_new(place->loop,
                        &(struct http_client_settings){
                            .address = "hub:6443", .tls = place->nobody, .most_connections = 2},
                        &err);
    if (!place->http || !place->joining)
        bail("client", err.text);
}

static bool is_idle(void *arg)
{
    struct place *place = arg;

    return controllers_idle(place->hub->controllers);
}

/* What was written has all its effects, at once and a little later. */
static void settle(struct place *place)
{
    loop_world_run(place->world, CLOCK_MS);
    loop_world_run_until(place->world, is_idle, place, CLOCK_SECOND);
}

static void on_done(const struct http_response *response, const struct err *err, void *arg)
{
    struct place *place = arg;

    place->done = true;
    place->status = response ? response->status : 0;
    text_cut(&place->body, 0);
    if (response)
        text_add_bytes(&place->body, response->body, response->len);
    else
        text_add(&place->body, err->text);
}

static bool is_done(void *arg)
{
    return ((struct place *)arg)->done;
}

struct sending {
    enum who who;
    const char *method, *type, *accept;
    const char *target, *body;
};

static int exchange(struct place *place, const struct sending *s)
{
    struct http_field fields[6];
    size_t count = 0;

    if (s->type)
        fields[count++] = (struct http_field){"Content-Type", s->type};
    if (s->accept)
        fields[count++] = (struct http_field){"Accept", s->accept};
    if (s->who == EDITOR)
        fields[count++] = (struct http_field){"Impersonate-User", "eve"};
    if (s->who == SPOKE) {
        fields[count++] =
            (struct http_field){"Impersonate-User", "system:open-cluster-management:edge-2:agent"};
        fields[count++] = (struct http_field){"Impersonate-Group", SPOKE_GROUPS};
    }
    if (s->who == JOINER)
        fields[count++] = (struct http_field){"Authorization", place->join};
    place->done = false;
    http_client_send(s->who == JOINER ? place->joining : place->http,
                     &(struct http_client_request){.method = s->method,
                                                   .target = s->target,
                                                   .headers = fields,
                                                   .header_count = count,
                                                   .body = s->body,
                                                   .len = s->body ? strlen(s->body) : 0,
                                                   .deadline = 600 * CLOCK_SECOND,
                                                   .done = on_done,
                                                   .arg = place});
    if (!loop_world_run_until(place->world, is_done, place, 900 * CLOCK_SECOND))
        bail(s->target, "no answer at all");
    return place->status;
}

/* ---- Opening and closing it ------------------------------------------------ */

static void open_hub(struct place *place)
{
    static const char *const listen[] = {"hub:6443", NULL};
    scoped_mem char *clean = mem_printf("rm -rf '%s' && mkdir -p '%s'", place->root, place->root);
    scoped_mem char *hub_folder = mem_printf("%s/hub", place->root);
    struct hub_settings settings = {
        .directory = hub_folder, .listen = listen, .store_vfs = place->disks[0]};
    struct err err = {0};

    if (system(clean) != 0)
        bail(place->root, "cannot be emptied");
    place->world = loop_world_new(7);
    place->hub_disk = store_disk_new(place->disks[0]);
    place->spoke_disk = store_disk_new(place->disks[1]);
    place->hub_loop = loop_world_host(place->world, "hub");
    place->loop = loop_world_host(place->world, "client");
    place->hub = hub_open(place->hub_loop, &settings, &err);
    if (!place->hub)
        bail("hub", err.text);
    log_in(place);
}

static void open_spoke(struct place *place)
{
    scoped_mem char *folder = mem_printf("%s/edge-1", place->root);
    struct agent_settings settings = {.directory = folder,
                                      .name = "edge-1",
                                      .hub = "https://hub:6443",
                                      .token = place->token,
                                      .cluster = "local",
                                      .runtime = &runtime_simulated,
                                      .store_vfs = place->disks[1],
                                      .address = "edge-1"};
    struct err err = {0};

    place->spoke_loop = loop_world_host(place->world, "edge-1");
    place->spoke = agent_open(place->spoke_loop, &settings, &err);
    if (!place->spoke)
        bail("spoke", err.text);
    loop_world_run(place->world, 20 * CLOCK_SECOND);
}

/* A certificate request, in base64, as one is put into an object. */
static void write_request(struct place *place)
{
    struct pki_key *key = pki_key_new();
    const char *groups[] = {"g"};
    struct pki_subject subject = {"u", groups, 1};
    scoped_text struct text pem = {0}, out = {0};
    struct err err = {0};

    if (pki_request_write(key, &subject, &pem, &err) < 0)
        bail("request", err.text);
    text_add_base64(&out, pem.bytes, pem.len, false);
    place->request = text_take(&out);
    pki_key_free(&key);
}

static void apply_place(struct place *place)
{
    struct node *all = document_read_all(place->arena, nulls_place, strlen(nulls_place),
                                         &document_limits_own, NULL);
    struct err err = {0};

    for (size_t i = 0; i < node_count(all); i++) {
        if (objects_ensure(place->hub->objects, "kubectl", node_item(all, i), NULL, &err) < 0)
            bail("place", err.text);
        loop_world_run(place->world, 100 * CLOCK_MS);
    }
}

static void open_place(struct place *place, const char *name)
{
    scoped_mem char *join = NULL;
    struct err err = {0};

    *place = (struct place){.arena = arena_new()};
    snprintf(place->root, sizeof place->root, "%s/nulls-%s",
             getenv("TEST_DIR") ? getenv("TEST_DIR") : "/tmp", name);
    snprintf(place->disks[0], sizeof place->disks[0], "nulls-%s-hub", name);
    snprintf(place->disks[1], sizeof place->disks[1], "nulls-%s-spoke", name);
    open_hub(place);
    write_request(place);
    place->token = hub_make_token(place->hub, "edge-1", 3600 * CLOCK_SECOND, &err);
    join = hub_make_token(place->hub, NULL, 360000 * CLOCK_SECOND, &err);
    if (!place->token || !join)
        bail("token", err.text);
    place->join = mem_printf("Bearer %s", join);
    open_spoke(place);
    apply_place(place);
}

static void close_place(struct place *place)
{
    http_call_cancel(&place->watch);
    http_client_free(&place->http);
    http_client_free(&place->joining);
    tls_client_free(&place->tls);
    tls_client_free(&place->nobody);
    agent_close(&place->spoke);
    hub_close(&place->hub);
    loop_free(&place->spoke_loop);
    loop_free(&place->hub_loop);
    loop_free(&place->loop);
    store_disk_free(&place->hub_disk);
    store_disk_free(&place->spoke_disk);
    loop_world_free(&place->world);
    free(place->token);
    free(place->join);
    free(place->request);
    text_free(&place->body);
    arena_free(&place->arena);
}

#endif
