/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what spokes, and machines that join, write. */
#include "limits/internal.h"

#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "meta/meta.h"

#include <string.h>
#include <strings.h>

/* The largest size of a part of an object after a machine's write. */
static const struct part {
    const char *group, *plural, *subresource;
    const char *field; /* NULL: the whole object */
    size_t most;
} parts[] = {
    {META_GROUP_WORK, "manifestworks", "status", "status", 262144},
    {META_GROUP_AXLE, "workloads", "status", "status", 73728},
    {META_GROUP_CLUSTER, "managedclusters", "status", "status", 65536},
    {META_GROUP_CLUSTER, "managedclusters", "", NULL, 16384},
    {META_GROUP_COORDINATION, "leases", "", NULL, 4096},
    {"", "events", "", NULL, 16384},
    {META_GROUP_EVENTS, "events", "", NULL, 16384},
};

static const struct part *part_of(const struct objects_review *review)
{
    for (size_t i = 0; i < count_of(parts); i++)
        if (!strcmp(parts[i].group, review->kind->group) &&
            !strcmp(parts[i].plural, review->kind->plural) &&
            !strcmp(parts[i].subresource, review->subresource))
            return &parts[i];
    return NULL;
}

/* What counts for the size: managedFields do not, because the server writes them. */
static struct node *counted(const struct objects_review *review, const struct part *part)
{
    struct node *whole;

    if (part->field)
        return node_get(review->after, part->field);
    whole = node_share(review->arena, review->after);
    if (node_get(whole, "metadata")) {
        node_set(review->arena, whole, "metadata",
                 node_share(review->arena, node_get(whole, "metadata")));
        node_remove(node_get(whole, "metadata"), "managedFields");
    }
    return whole;
}

static int check_size(const struct objects_review *review, const struct part *part, struct err *err)
{
    const struct node *tree = counted(review, part);
    scoped_text struct text json = {0};

    if (tree)
        document_write_json(&json, tree);
    if (json.len <= part->most)
        return 0;
    return err_set(err, ERR_TOO_LARGE,
                   "%s \"%.253s\": %s would have %zu bytes; a machine may store at most %zu",
                   review->kind->resource, meta_name(review->after),
                   part->field ? part->field : "the object", json.len, part->most);
}

/* ---- Endpoints -------------------------------------------------------------- */

/* Whether a list such as "10.0.0.7, edge.example" contains the host. Host names
   are compared without case. */
static bool lists_host(const char *list, const char *host)
{
    size_t len = strlen(host);

    for (; *list; list += strcspn(list, ",") + (list[strcspn(list, ",")] == ',')) {
        const char *from = list + strspn(list, " ");
        size_t part = strcspn(from, ", ");

        if (part == len && !strncasecmp(from, host, len))
            return true;
    }
    return false;
}

static struct object *cluster_of(struct limits *limits, const struct auth_user *user)
{
    return objects_get(limits->settings.objects, OBJECTS_PUBLISHED, limits->clusters, "",
                       user->cluster, NULL);
}

/*
 * A spoke's own hosts are the addresses that its requests come from, those that
 * an administrator lists, and the hub's if it runs on the same machine. What the
 * spoke says about itself does not count: it could name any host.
 */
static bool is_own_host(struct limits *limits, const struct auth_user *user,
                        const struct object *cluster, struct arena *arena, const char *host)
{
    const struct limits_settings *s = &limits->settings;
    scoped_mem char *key = mem_printf("cluster \"%s\"", user->cluster);
    const struct account *account = map_get(limits->accounts, key);
    const struct node *metadata =
        cluster ? node_get(object_read(arena, cluster), "metadata") : NULL;

    for (size_t i = 0; account && i < REMOTES; i++) {
        const char *remote = account->remotes[i];

        if (!*remote)
            continue;
        if (!strcmp(remote, host) ||
            (s->is_own_name && (text_starts(remote, "127.") || s->is_own_name(s->arg, remote)) &&
             s->is_own_name(s->arg, host)))
            return true;
    }
    return lists_host(node_get_text(node_get(metadata, "annotations"), META_ANNOTATION_ADDRESSES),
                      host);
}

static void report_foreign_endpoint(struct limits *limits, const struct object *cluster,
                                    const struct objects_review *review, const char *host)
{
    if (cluster)
        objects_event(
            limits->settings.objects, "axle-hub", cluster, true, "EndpointRefused",
            "Workload %.253s: an endpoint at %.253s is not shown, because no request of this "
            "cluster came from there; if the address belongs to the cluster, list it in the "
            "annotation " META_ANNOTATION_ADDRESSES " of the ManagedCluster",
            review->name, host);
}

/* Malformed endpoints are refused; endpoints on other hosts are left out, with an Event. */
static int check_endpoints(struct limits *limits, const struct auth_user *user,
                           const struct objects_review *review, struct err *err)
{
    struct node *status = node_get(review->after, "status");
    struct node *list = node_get(status, "endpoints"), *kept;
    scoped_object struct object *cluster = NULL;

    if (!list)
        return 0;
    if (!node_is(list, NODE_LIST))
        return err_set(err, ERR_INVALID, "status.endpoints: Invalid value: must be a list");
    cluster = cluster_of(limits, user);
    kept = node_list(review->arena);
    for (size_t i = 0; i < node_count(list); i++) {
        const char *field = arena_printf(review->arena, "status.endpoints[%zu]", i);
        const char *host;

        if (limits_check_endpoint(review->arena, node_item(list, i), field, &host, err) < 0)
            return -1;
        if (!*host || is_own_host(limits, user, cluster, review->arena, host))
            node_add(review->arena, kept, node_item(list, i));
        else
            report_foreign_endpoint(limits, cluster, review, host);
    }
    if (node_count(kept) < node_count(list)) {
        status = node_share(review->arena, status);
        node_set(review->arena, status, "endpoints", kept);
        node_set(review->arena, review->after, "status", status);
    }
    return 0;
}

/* ---- Events ------------------------------------------------------------------- */

static int check_component(const char *field, const char *component, struct err *err)
{
    if (!text_starts(component, "axle-") || !strcmp(component, "axle-spoke"))
        return 0;
    return err_set(
        err, ERR_FORBIDDEN,
        "%s: \"%.100s\" is a component of the hub: a spoke reports as axle-spoke, or under a name "
        "of its own",
        field, component);
}

/* A spoke's Events are about objects in its own namespace, or about its ManagedCluster. */
static int check_about(const struct auth_user *user, const struct node *about, const char *field,
                       struct err *err)
{
    const char *namespace = node_get_text(about, "namespace");

    if (!strcmp(namespace, user->cluster) ||
        (!*namespace && !strcmp(node_get_text(about, "name"), user->cluster)))
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s.namespace: Invalid value: \"%.253s\": does not match "
                   "event.namespace: a spoke's Events are about objects in its own, "
                   "\"%s\"",
                   field, namespace, user->cluster);
}

static int check_event(const struct auth_user *user, const struct objects_review *review,
                       struct err *err)
{
    const struct node *event = review->after;
    bool core = !*review->kind->group;
    const char *about = core ? "involvedObject" : "regarding";
    const char *controller = core ? "reportingComponent" : "reportingController";
    const char *source = core ? "source" : "deprecatedSource";

    if (check_about(user, node_get(event, about), about, err) < 0 ||
        check_component(controller, node_get_text(event, controller), err) < 0)
        return -1;
    return check_component(source, node_get_text(node_get(event, source), "component"), err);
}

/* ---- How many ----------------------------------------------------------------- */

struct tally {
    size_t count, bytes;
};

static void add_to_tally(void *arg, const struct object *object)
{
    struct tally *tally = arg;

    tally->count++;
    tally->bytes += object->len;
}

static int check_events_room(struct limits *limits, const struct auth_user *user, struct err *err)
{
    const struct limits_settings *s = &limits->settings;
    struct tally tally = {0};

    objects_each(s->objects, OBJECTS_STAGED, limits->events, user->cluster, add_to_tally, &tally);
    if ((int64_t)tally.count < s->spoke_objects && (int64_t)tally.bytes < s->spoke_objects_size)
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "exceeded quota: cluster \"%s\" has %zu Events of %zu bytes; it may "
                   "have %lld (the hub's setting spoke-objects) of %lld bytes "
                   "(spoke-objects-size); old Events expire (event-age)",
                   user->cluster, tally.count, tally.bytes, (long long)s->spoke_objects,
                   (long long)s->spoke_objects_size);
}

/* ---- The rule ------------------------------------------------------------------- */

/* A small patch can make a large object, which costs the hub work and memory, so
   the object's size is charged too. */
static void charge(struct limits *limits, const struct auth_user *user,
                   const struct objects_review *review)
{
    scoped_text struct text json = {0};

    document_write_json(&json, review->after);
    limits_charge(limits, user, json.len);
}

static int before_write(void *arg, const struct objects_review *review, struct err *err)
{
    struct limits *limits = arg;
    const struct auth_user *user = limits_machine(review);
    const struct part *part = part_of(review);

    if (!user || !review->after)
        return 0;
    if (!review->before && !strcmp(review->kind->plural, "events") &&
        check_events_room(limits, user, err) < 0)
        return -1;
    if (part) {
        struct node *tree = part->field ? node_get(review->after, part->field) : review->after;

        if (limits_check_texts(review->arena, tree, part->field, err) < 0 ||
            check_size(review, part, err) < 0)
            return -1;
    }
    if (!strcmp(review->kind->plural, "workloads") &&
        check_endpoints(limits, user, review, err) < 0)
        return -1;
    if (!strcmp(review->kind->plural, "events") && check_event(user, review, err) < 0)
        return -1;
    if (user->role == AUTH_SPOKE)
        charge(limits, user, review);
    return 0;
}

void limits_rule_machines(struct limits *limits)
{
    static const struct {
        const char *group, *plural;
    } kinds[] = {
        {META_GROUP_WORK, "manifestworks"},
        {META_GROUP_AXLE, "workloads"},
        {META_GROUP_CLUSTER, "managedclusters"},
        {META_GROUP_COORDINATION, "leases"},
        {"", "events"}, /* those of events.k8s.io are kept with them */
        {META_GROUP_CERTIFICATES, "certificatesigningrequests"},
    };
    struct objects *objects = limits->settings.objects;

    for (size_t i = 0; i < count_of(kinds); i++)
        objects_rule(objects, kinds_find(objects_kinds(objects), kinds[i].group, kinds[i].plural),
                     NULL, before_write, limits);
}
