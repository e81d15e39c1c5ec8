/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether a spoke's certificate is valid, and if not, for which reason. */
#include "auth/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"

#include <string.h>

/*
 * A refused spoke must know the reason: a removed spoke stops its pods, an unknown one
 * (the hub was restored from an old backup) does not. So "removed" needs a record of the
 * hub, and holds only for a certificate with a key of the record that was issued before
 * the removal. Without a record the spoke is unknown.
 */

/* pki sets notBefore this much into the past. */
#define BACKDATED (300 * CLOCK_SECOND)

/* How to join a removed spoke again. */
#define AGAIN                                                                                           \
    ": to let it join again, start it once with a new token (on the hub: axle token create --name %s; " \
    "on the spoke: --token-file FILE or $AXLE_TOKEN)"

static const char *const words[] = {
    [STANDING_UNKNOWN] = "unknown", [STANDING_NOT_ACCEPTED] = "not-accepted",
    [STANDING_REMOVED] = "removed", [STANDING_LOST] = "lost",
    [STANDING_LEFT] = "left",
};

/* `keys` are the public keys that the hub signed for the cluster, newest first. */
static bool names_key(const char *keys, const struct pki_cert *cert)
{
    scoped_text struct text pin = {0};

    text_add_hex(&pin, cert->pin, sizeof cert->pin);
    return strstr(keys, text_string(&pin)) != NULL;
}

/*
 * A spoke has its rights in the namespace of its name, but only if that namespace belongs
 * to the cluster. If a Project or a user had the name first, it does not.
 */
static int check_namespace(struct objects *objects, struct arena *arena, const char *cluster,
                           struct err *err)
{
    const struct kind *kind = kinds_find(objects_kinds(objects), "", "namespaces");
    scoped_object struct object *object =
        objects_get(objects, OBJECTS_PUBLISHED, kind, "", cluster, NULL);
    const char *owner;

    if (!object)
        return 0;
    owner = meta_label(object_read(arena, object), META_LABEL_OWNER_KIND);
    if (strcmp(owner, "ManagedCluster") == 0)
        return 0;
    return err_set(err, ERR_UNAUTHORIZED,
                   "the namespace \"%s\" belongs to %s, so a cluster of that name has no "
                   "rights here: join with another name",
                   cluster, *owner ? owner : "another owner");
}

/* ---- Removed ------------------------------------------------------------------------- */

static enum standing standing_of_reason(const char *reason)
{
    return !strcmp(reason, "Lost")   ? STANDING_LOST
           : !strcmp(reason, "Left") ? STANDING_LEFT
                                     : STANDING_REMOVED;
}

/* The record of controllers/leaving.c, if it is about this certificate. */
static const struct node *find_record(struct objects *objects, struct arena *arena,
                                      const struct pki_cert *cert, const char *cluster)
{
    const struct kind *kind = kinds_find(objects_kinds(objects), "", "configmaps");
    scoped_object struct object *object =
        objects_get(objects, OBJECTS_PUBLISHED, kind, AUTH_RECORDS,
                    arena_printf(arena, AUTH_RECORD "%s", cluster), NULL);
    const struct node *data = object ? node_get(object_read(arena, object), "data") : NULL;
    int64_t removed = 0;

    if (!data || !clock_parse(node_get_text(data, "removedAt"), &removed) ||
        cert->not_before + BACKDATED >= removed || !names_key(node_get_text(data, "keys"), cert))
        return NULL;
    return data;
}

static enum standing explain_removed(const struct node *record, const char *cluster,
                                     struct err *err)
{
    enum standing standing = standing_of_reason(node_get_text(record, "reason"));
    const char *at = node_get_text(record, "removedAt");
    const char *what = standing == STANDING_LOST   ? "was declared lost"
                       : standing == STANDING_LEFT ? "has left this hub"
                                                   : "was removed from this hub";

    err_set(err, ERR_UNAUTHORIZED, "cluster \"%s\" %s at %s" AGAIN, cluster, what, at, cluster);
    return standing;
}

/* ---- The whole ------------------------------------------------------------------------- */

/* The cluster is accepted and not newer than the certificate, and this is one of its keys. */
static enum standing check_object(const struct node *body, const struct pki_cert *cert,
                                  const char *cluster, struct err *err)
{
    int64_t born;

    if (meta_is_deleting(body) && !strcmp(meta_annotation(body, META_ANNOTATION_LOST), "true") &&
        names_key(meta_annotation(body, META_ANNOTATION_CLIENT_KEYS), cert)) {
        err_set(err, ERR_UNAUTHORIZED,
                "cluster \"%s\" was declared lost and is being removed "
                "from this hub" AGAIN,
                cluster, cluster);
        return STANDING_LOST;
    }
    if (clock_parse(node_get_text(node_get(body, "metadata"), "creationTimestamp"), &born) &&
        cert->not_before + BACKDATED + CLOCK_SECOND < born) {
        err_set(err, ERR_UNAUTHORIZED, "the certificate belongs to an earlier cluster \"%s\"" AGAIN,
                cluster, cluster);
        return STANDING_UNKNOWN;
    }
    if (!names_key(meta_annotation(body, META_ANNOTATION_CLIENT_KEYS), cert)) {
        err_set(err, ERR_UNAUTHORIZED,
                "the key of the certificate does not belong to cluster \"%s\"" AGAIN, cluster,
                cluster);
        return STANDING_UNKNOWN;
    }
    if (node_get_bool(node_get(body, "spec"), "hubAcceptsClient", false))
        return STANDING_GOOD;
    err_set(err, ERR_UNAUTHORIZED,
            "cluster \"%s\" is not accepted by this hub: its administrator sets "
            "spec.hubAcceptsClient of the ManagedCluster",
            cluster);
    return STANDING_NOT_ACCEPTED;
}

enum standing standing_of(struct objects *objects, struct arena *arena, const struct pki_cert *cert,
                          const char *cluster, struct err *err)
{
    const struct kind *kind =
        kinds_find(objects_kinds(objects), META_GROUP_CLUSTER, "managedclusters");
    scoped_object struct object *object =
        objects_get(objects, OBJECTS_PUBLISHED, kind, "", cluster, NULL);
    enum standing standing = STANDING_UNKNOWN;
    const struct node *record;

    if (object)
        standing = check_object(object_read(arena, object), cert, cluster, err);
    else
        err_set(err, ERR_UNAUTHORIZED, "cluster \"%s\" is not known to this hub" AGAIN, cluster,
                cluster);
    record = standing == STANDING_UNKNOWN ? find_record(objects, arena, cert, cluster) : NULL;
    if (record)
        return explain_removed(record, cluster, err);
    if (standing == STANDING_GOOD && check_namespace(objects, arena, cluster, err) < 0)
        return STANDING_UNKNOWN;
    return standing;
}

const char *auth_refusal(const struct auth *auth, const struct http_request *request,
                         struct arena *arena)
{
    const char *cluster, *agent;
    struct err err = {0};
    enum standing standing;

    if (!request->peer || !auth->settings.objects ||
        !auth_parse_agent(arena, request->peer->common_name, &cluster, &agent) ||
        !pki_cert_in(request->peer, META_USERS_CLUSTERS))
        return NULL;
    standing = standing_of(auth->settings.objects, arena, request->peer, cluster, &err);
    return standing == STANDING_GOOD ? NULL : words[standing];
}
