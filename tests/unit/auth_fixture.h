/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUTH_FIXTURE_H
#define AUTH_FIXTURE_H

#include "auth/auth.h"
#include "base/asset.h"
#include "base/clock.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "document/document.h"
#include "http/http.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/store.h"

#include "check.h"

#include <stdlib.h>

/* A hub's objects, controllers and rights, without a server. */
struct place {
    struct store_disk *disk;
    struct loop_world *world;
    struct loop *loop;
    struct store *store;
    struct kinds *kinds;
    struct objects *objects;
    struct controllers *controllers;
    struct pki_key *key;
    struct pki_authority *authority;
    struct auth *auth;
    struct arena *arena;
};

static void must(bool good, const struct err *err)
{
    if (!good) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

static void settle(struct place *place)
{
    loop_world_run(place->world, 10 * CLOCK_MS);
}

/* As the hub itself: rules do not hold it up. */
__attribute__((unused)) static void apply_all(struct place *place, const struct node *all)
{
    struct err err = {0};

    for (size_t i = 0; i < node_count(all); i++)
        must(objects_ensure(place->objects, "test", node_item(all, i), NULL, &err) == 0, &err);
    settle(place);
}

__attribute__((unused)) static void apply(struct place *place, const char *yaml)
{
    struct err err = {0};
    struct node *all =
        document_read_all(place->arena, yaml, strlen(yaml), &document_limits_own, &err);

    must(all, &err);
    apply_all(place, all);
}

__attribute__((unused)) static const struct kind *kind_of(const struct place *place,
                                                          const char *group, const char *plural)
{
    const struct kind *kind = kinds_find(place->kinds, group, plural);

    if (!kind)
        abort();
    return kind;
}

__attribute__((unused)) static void forget(struct place *place, const char *group,
                                           const char *plural, const char *namespace,
                                           const char *name)
{
    struct err err = {0};

    must(objects_remove(place->objects, "test", kind_of(place, group, plural), namespace, name,
                        &err) == 0,
         &err);
    settle(place);
}

/* A create as this user (NULL: of no user), through the rules: 0, or -1 with the refusal. */
__attribute__((unused)) static int create_as(struct place *place, const struct auth_user *user,
                                             const char *yaml, struct err *err)
{
    struct objects_result result = {.arena = place->arena};
    struct node *body =
        document_read_yaml(place->arena, yaml, strlen(yaml), true, &document_limits_own, err);
    struct objects_write write = {
        .who = {user ? user->name : "", "test", false, user},
        .kind = kinds_by_kind(place->kinds, node_get_text(body, "apiVersion"),
                              node_get_text(body, "kind")),
        .namespace = node_get_text(node_get(body, "metadata"), "namespace"),
        .body = body,
        .grace = -1};
    int failed = objects_create(place->objects, &write, &result, err);

    object_drop(&result.object);
    settle(place);
    return failed;
}

/* What an administrator's token looks like; of this place it is one. */
#define ADMIN_TOKEN                                                                                \
    "axle1.0000000000000000000000000000000000000000000000000000000000000000."                      \
    "root.swordfish"

static void make_admin_token(struct place *place, const char *ends)
{
    apply(place,
          arena_printf(
              place->arena,
              "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: root}, spec: "
              "{purpose: Administrator, salt: pepper, hash: %s, expiresAt: '%s'}}",
              pki_join_token_hash(place->arena, "pepper", "swordfish"), ends));
}

static void place_open_with(struct place *place, const struct auth_facts *facts, bool prove)
{
    struct store_options options = {.vfs = "auth"};
    struct controllers_settings settings = {.prove_wake_ups = prove};
    struct auth_settings auth = {0};
    const struct node *roles;
    struct err err = {0};

    *place = (struct place){.arena = arena_new(),
                            .world = loop_world_new(1),
                            .disk = store_disk_new("auth"),
                            .key = pki_key_new()};
    place->loop = loop_world_host(place->world, "hub");
    place->store = store_open("hub.db", &options, &err);
    must(place->store, &err);
    place->kinds = kinds_open(&err);
    must(place->kinds, &err);
    place->objects = objects_open(place->loop, place->store, place->kinds, &err);
    must(place->objects, &err);
    place->authority = pki_authority_new("test", 30 * 86400 * CLOCK_SECOND, &err);
    must(place->authority, &err);
    settings.authority = place->authority;
    place->controllers = controllers_start(place->objects, place->loop, &settings, &err);
    must(place->controllers, &err);
    auth.objects = place->objects;
    auth.token_key = place->key;
    if (facts)
        auth.facts = *facts;
    place->auth = auth_open(&auth);
    roles = auth_built_in_roles(place->arena, &err);
    must(roles, &err);
    apply_all(place, roles);
    make_admin_token(place, "2099-01-01T00:00:00Z");
}

__attribute__((unused)) static void place_open(struct place *place, const struct auth_facts *facts)
{
    place_open_with(place, facts, true);
}

__attribute__((unused)) static void place_close(struct place *place)
{
    if (place->controllers && controllers_missed(place->controllers)) {
        printf("Bail out! a change did not wake whom it concerns\n");
        exit(1);
    }
    controllers_stop(&place->controllers);
    objects_close(&place->objects);
    auth_close(&place->auth);
    kinds_close(&place->kinds);
    store_close(&place->store);
    loop_free(&place->loop);
    loop_world_free(&place->world);
    store_disk_free(&place->disk);
    pki_key_free(&place->key);
    pki_authority_free(&place->authority);
    arena_free(&place->arena);
}

/* ---- Users -------------------------------------------------------------------- */

#define AGENT "system:open-cluster-management:%s:agent"

__attribute__((unused)) static const struct auth_user *user_of(struct place *place,
                                                               const char *name, const char *group)
{
    const char **groups = arena_alloc(place->arena, 3 * sizeof *groups);

    groups[0] = group ? group : "system:authenticated";
    groups[1] = group ? "system:authenticated" : NULL;
    return auth_user_named(place->arena, name, groups);
}

__attribute__((unused)) static const struct auth_user *spoke_of(struct place *place,
                                                                const char *cluster)
{
    return user_of(place, arena_printf(place->arena, AGENT, cluster),
                   "system:open-cluster-management:managed-clusters");
}

__attribute__((unused)) static const struct auth_user *joiner(struct place *place,
                                                              const char *token)
{
    return user_of(place, arena_printf(place->arena, "system:bootstrap:%s", token),
                   "system:bootstrappers");
}

__attribute__((unused)) static const struct auth_user *nobody(struct place *place)
{
    static const char *const groups[] = {"system:unauthenticated", NULL};

    return auth_user_named(place->arena, "system:anonymous", groups);
}

__attribute__((unused)) static const struct auth_user *administrator(struct place *place)
{
    return user_of(place, "system:admin", "system:masters");
}

#endif
