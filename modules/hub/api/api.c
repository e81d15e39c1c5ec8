/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the path of a request, checks authorisation, and calls the handler of its verb. */
#include "api/internal.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "query/query.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct api *api_new(const struct api_options *options)
{
    struct api *api = mem_alloc(sizeof *api);

    api->loop = options->loop;
    api->objects = options->objects;
    api->kinds = objects_kinds(options->objects);
    api->auth = options->auth;
    api->most_body = options->most_body ? options->most_body : (size_t)3 << 20;
    api->git_version = mem_copy_string(options->git_version);
    api->hashes = map_new();
    api->started = clock_wall();
    api->shared_events = shared_events_new(api->loop);
    api->list_turns = list_turns_new(api->loop);
    open_requests_start(api);
    own_clusters_start(api);
    return api;
}

void api_free(struct api **pointer)
{
    struct api *api = take(*pointer);
    size_t at = 0;
    char *hash;

    if (!api)
        return;
    open_requests_stop(api);
    own_clusters_stop(api);
    shared_events_free(&api->shared_events);
    list_turns_free(&api->list_turns);
    while ((hash = map_next(api->hashes, &at, NULL)))
        mem_free(&hash);
    map_free(&api->hashes);
    mem_free(&api->git_version);
    free(api);
}

/* The part of the path after /api/v1 or /apis/GROUP/VERSION. */
struct route {
    const char *group, *version;
    const char *const *rest;
    size_t count;
};

static bool split_group(const struct http_request *request, struct route *ret)
{
    const char *const *at = request->segments;
    size_t count = request->segment_count;

    if (count >= 3 && strcmp(at[0], "api") == 0) {
        *ret = (struct route){"", at[1], at + 2, count - 2};
        return true;
    }
    if (count >= 4 && strcmp(at[0], "apis") == 0) {
        *ret = (struct route){at[1], at[2], at + 3, count - 3};
        return true;
    }
    return false;
}

/*
 * [namespaces/NS/]PLURAL[/NAME[/SUBRESOURCE]]. "namespaces/x" alone is the
 * Namespace itself, and "namespaces/x/status" its status.
 */
static const struct kind *split_object(struct api_request *request, const struct route *route)
{
    const char *const *rest = route->rest;
    size_t count = route->count;
    const struct kind *kind;

    if (count >= 3 && strcmp(rest[0], "namespaces") == 0 &&
        (*route->group || (strcmp(rest[2], "status") != 0 && strcmp(rest[2], "finalize") != 0))) {
        request->what.namespace = rest[1];
        rest += 2;
        count -= 2;
    }
    kind = kinds_by_plural(request->api->kinds, route->group, route->version, rest[0]);
    if (!kind || (!kind->namespaced && *request->what.namespace))
        return NULL;
    if (count >= 2)
        request->what.name = rest[1];
    if (count >= 3)
        request->what.subresource = rest[2];
    if (count > 3 ||
        (*request->what.subresource && !kind_subresource(kind, request->what.subresource)))
        return NULL;
    return kind;
}

static const char *verb_of(const struct api_request *request)
{
    static const struct {
        const char *method, *one, *many;
    } verbs[] = {
        {"GET", "get", "list"},  {"HEAD", "get", "list"},  {"POST", "create", "create"},
        {"PUT", "update", NULL}, {"PATCH", "patch", NULL}, {"DELETE", "delete", "deletecollection"},
    };
    const char *method = request->http->method;

    for (size_t i = 0; i < count_of(verbs); i++) {
        if (strcmp(verbs[i].method, method) != 0)
            continue;
        if (strcmp(verbs[i].one, "get") == 0 && !*request->what.subresource &&
            query_flag(request->http, "watch"))
            return "watch";
        /* POST creates in a collection, not at the address of an object. */
        if (*request->what.name && !*request->what.subresource && !strcmp(method, "POST"))
            return NULL;
        return *request->what.name ? verbs[i].one : verbs[i].many;
    }
    return NULL;
}

static bool kind_has_verb(const struct api_request *request)
{
    static const struct {
        const char *word;
        enum kind_verb verb;
    } verbs[] = {
        {"create", KIND_CREATE},
        {"delete", KIND_DELETE},
        {"deletecollection", KIND_DELETECOLLECTION},
        {"get", KIND_GET},
        {"list", KIND_LIST},
        {"patch", KIND_PATCH},
        {"update", KIND_UPDATE},
        {"watch", KIND_WATCH},
    };
    const struct kind_subresource *sub = kind_subresource(request->kind, request->what.subresource);
    unsigned has = *request->what.subresource ? sub->verbs : request->kind->verbs;

    for (size_t i = 0; request->what.verb && i < count_of(verbs); i++) {
        if (strcmp(verbs[i].word, request->what.verb) == 0)
            return has & verbs[i].verb;
    }
    return false;
}

/*
 * The one name of a list, watch or deletecollection: from the path, or from a field
 * selector on metadata.name. With both they must be equal, because only one of them is
 * authorised.
 */
static int read_required_name(struct api_request *request, struct err *err)
{
    const char *fields = http_request_query(request->http, "fieldSelector");
    struct selector *selector = NULL;
    struct err unwanted = {0}; /* dropped: query_read() reports it, after authorisation */
    const char *name = NULL;

    if (!strcmp(request->what.verb, "get") || !fields || !*fields)
        return 0;
    selector =
        selector_parse_fields(request->arena, fields, request->kind->selectable_fields, &unwanted);
    if (selector)
        name = selector_requires(selector, "metadata.name");
    if (!*request->what.name)
        request->what.name = name ? name : "";
    else if (selector && (!name || strcmp(name, request->what.name) != 0))
        return err_set(err, ERR_BAD_REQUEST,
                       "fieldSelector metadata.name doesn't match requested name");
    return 0;
}

static bool asks_many(const struct api_request *request)
{
    return !strcmp(request->what.verb, "list") || !strcmp(request->what.verb, "watch") ||
           !strcmp(request->what.verb, "deletecollection");
}

/*
 * Completes the auth_request. Handlers read namespace, name and selectors from it and
 * never from the HTTP request again, so that what is served is what was authorised.
 */
static int complete_auth_request(struct api_request *request, struct err *err)
{
    const struct kind *kind = request->kind;

    request->what.group = kind->group;
    request->what.resource = kind->plural;
    if (asks_many(request)) {
        request->what.labels = http_request_query(request->http, "labelSelector");
        if (read_required_name(request, err) < 0)
            return -1;
    }
    /*
     * A Namespace counts as inside itself, so that a role in a namespace allows reading
     * the Namespace.
     */
    if (!*kind->group && !strcmp(kind->plural, "namespaces"))
        request->what.namespace = request->what.name;
    return 0;
}

static void handle_object(struct api *api, struct http_request *http, const struct route *route)
{
    struct api_request *request = arena_alloc(http->arena, sizeof *request);
    struct err err = {0};

    *request = (struct api_request){.api = api,
                                    .http = http,
                                    .arena = http->arena,
                                    .user = http->user,
                                    .what = {.namespace = "", .name = "", .subresource = ""}};
    if (!kinds_have_version(api->kinds, route->group, route->version)) {
        reply_nothing_there(http);
        return;
    }
    request->kind = split_object(request, route);
    if (!request->kind) {
        err_set(&err, ERR_NOT_FOUND, "the server could not find the requested resource");
        reply_failure(request, &err, node_map(request->arena));
        return;
    }
    http->label = request->kind->resource;
    request->what.verb = verb_of(request);
    if (!request->what.verb || !kind_has_verb(request)) {
        err_set(&err, ERR_METHOD,
                "the server does not allow this method on the requested resource%s%s",
                *request->kind->read_only ? ": " : "", request->kind->read_only);
        reply_err(request, &err, NULL);
        return;
    }
    if (complete_auth_request(request, &err) < 0 ||
        auth_check(api->auth, request->user, &request->what, &err) < 0) {
        reply_err(request, &err, NULL);
        return;
    }
    form_choose(request);
    if (strcmp(request->what.verb, "watch") == 0)
        watch_start(request);
    else if (strcmp(request->what.verb, "list") == 0)
        read_list(request);
    else if (strcmp(request->what.verb, "get") == 0)
        read_get(request);
    else
        write_handle(request);
}

void api_handle(struct http_request *request, void *arg)
{
    struct api *api = arg;
    struct auth_request what = {.verb = "get",
                                .group = "",
                                .resource = "",
                                .subresource = "",
                                .namespace = "",
                                .name = "",
                                .path = request->path};
    struct route route;
    struct err err = {0};

    if (split_group(request, &route)) {
        handle_object(api, request, &route);
        return;
    }
    if (auth_check(api->auth, request->user, &what, &err) < 0) {
        api_respond_err(request, &err);
        return;
    }
    discovery_handle(api, request);
}
