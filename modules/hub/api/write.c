/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the body of a write, performs it, and responds when it is on disk. */
#include "api/internal.h"

#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <stdlib.h>
#include <string.h>

#define WRITING_TAG 0x57524954u

/* State of one write request until its response. */
struct writing {
    uint32_t tag;
    struct api_request *request;
    bool gone; /* the client has gone; the write continues */
    struct objects_write write;
    struct objects_result result;
    struct err err; /* the result of the write */
    bool failed;
};

static void writing_free(struct writing *writing)
{
    writing->tag = 0;
    object_drop(&writing->result.object);
    free(writing);
}

/* ---- Parameters ---------------------------------------------------------- */

static enum objects_validation validation_of(const struct http_request *request)
{
    const char *word = http_request_query(request, "fieldValidation");

    if (word && strcmp(word, "Strict") == 0)
        return OBJECTS_STRICT;
    return word && strcmp(word, "Ignore") == 0 ? OBJECTS_IGNORE : OBJECTS_WARN;
}

/* The field manager, or the first word of the User-Agent up to the slash. */
static const char *field_manager_of(const struct api_request *request)
{
    const char *manager = http_request_query(request->http, "fieldManager");
    const char *agent = http_request_header(request->http, "user-agent");

    if (manager && *manager)
        return manager;
    if (!agent)
        return "unknown";
    return arena_bytes(request->arena, agent, strcspn(agent, "/ "));
}

static const char *media_type(const struct api_request *request)
{
    const char *type = http_request_header(request->http, "content-type");

    if (!type || !*type)
        return "application/json";
    return arena_bytes(request->arena, type, strcspn(type, "; \t"));
}

static int patch_of(const char *type, enum objects_patch *ret, struct err *err)
{
    static const struct {
        const char *type;
        enum objects_patch patch;
    } types[] = {
        {META_PATCH_MERGE, OBJECTS_PATCH_MERGE},
        {META_PATCH_JSON, OBJECTS_PATCH_JSON},
        {META_PATCH_STRATEGIC, OBJECTS_PATCH_STRATEGIC},
        {META_PATCH_APPLY, OBJECTS_PATCH_APPLY},
    };

    for (size_t i = 0; i < count_of(types); i++) {
        if (strcmp(types[i].type, type) == 0) {
            *ret = types[i].patch;
            return 0;
        }
    }
    return err_set(err, ERR_MEDIA_TYPE, "415: Unsupported Media Type");
}

/* The first bytes of a body, for an error message. */
static const char *body_summary(struct arena *arena, const char *bytes, size_t len)
{
    static const size_t most = 30;
    size_t shown = len > most ? most : len;
    scoped_text struct text out = {0};

    if (!len)
        return "<empty>";
    if (*bytes == '{' && text_is_utf8(bytes, shown))
        text_add_bytes(&out, bytes, shown);
    else
        text_add_hex(&out, bytes, shown);
    if (len > shown)
        text_add(&out, " ...");
    return arena_string(arena, text_string(&out));
}

/*
 * Reports that the body cannot be parsed: in the words of a kube-apiserver where it would
 * refuse the body too, else in those of the parser.
 */
static void reply_body_error(struct api_request *request, const char *bytes, size_t len,
                             struct err *err)
{
    const char *why = document_complaint(request->arena, bytes, len);

    if (!why)
        err_wrap(err, "the request body is not valid JSON");
    else if (!strcmp(request->what.verb, "patch"))
        err_set(err, ERR_BAD_REQUEST, "error decoding patch: %s", why);
    else
        err_set(err, ERR_BAD_REQUEST,
                "the object provided is unrecognized (must be of type %s): "
                "couldn't get version/kind; json parse error: %s (%s)",
                text_starts(request->what.verb, "delete") ? "DeleteOptions" : request->kind->kind,
                why, body_summary(request->arena, bytes, len));
}

static struct node *read_body(struct api_request *request, const char *bytes, size_t len,
                              struct node *duplicates, struct err *err)
{
    const char *type = media_type(request);
    struct node *body;

    if (strcmp(type, "application/vnd.kubernetes.protobuf") == 0)
        return protobuf_read(request->arena, bytes, len, err);
    if (strstr(type, "yaml") && len && *bytes != '{')
        return document_read_yaml(request->arena, bytes, len, DOCUMENT_KEYS_ONCE,
                                  &document_limits_api, err);
    if (!strstr(type, "json") && !strstr(type, "yaml")) {
        err_set(err, ERR_MEDIA_TYPE,
                "the body of the request was in an unknown format - accepted "
                "media types include: application/json, application/yaml, "
                "application/vnd.kubernetes.protobuf");
        return NULL;
    }
    body = document_read_json_leniently(request->arena, bytes, len, &document_limits_api,
                                        duplicates, err);
    if (!body && err->code == ERR_BAD_REQUEST)
        reply_body_error(request, bytes, len, err);
    return body;
}

static void read_parameters(struct writing *writing)
{
    struct api_request *request = writing->request;
    const struct http_request *http = request->http;
    const char *dry = http_request_query(http, "dryRun");

    writing->write = (struct objects_write){
        .who = {request->user->name, field_manager_of(request), false, request->user},
        .kind = request->kind,
        .namespace = request_namespace(request),
        .name = request->what.name,
        .subresource = *request->what.subresource ? request->what.subresource : NULL,
        .force = query_flag(http, "force"),
        .dry_run = dry && strcmp(dry, "All") == 0,
        .validation = validation_of(http),
        .propagation = http_request_query(http, "propagationPolicy"),
        .grace = -1};
}

/*
 * DeleteOptions may be in the body and in the query. options_check_delete() refuses a dryRun
 * other than "All", so that a misspelt one deletes nothing.
 */
static int read_delete_options(struct writing *writing, const struct node *body)
{
    struct objects_write *write = &writing->write;
    const struct node *conditions = node_get(body, "preconditions");
    const char *policy = node_get_text(body, "propagationPolicy");
    const char *uid = node_get_text(conditions, "uid");
    const char *revision = node_get_text(conditions, "resourceVersion");
    const struct node *dry = node_get(body, "dryRun");

    if (*policy)
        write->propagation = policy;
    write->uid = *uid ? uid : NULL;
    write->revision = *revision ? revision : NULL;
    write->grace = node_get_int(body, "gracePeriodSeconds", -1);
    if (node_get_bool(body, "orphanDependents", false))
        write->propagation = "Orphan";
    write->dry_run = write->dry_run || node_count(dry) > 0;
    write->body = body;
    return options_check_delete(writing->request, body, &writing->result.details, &writing->err);
}

/* ---- Answers ------------------------------------------------------------- */

static void add_warnings(struct http_request *request, const struct node *warnings)
{
    scoped_text struct text line = {0};

    for (size_t i = 0; i < node_count(warnings); i++) {
        const char *words = node_text(node_item(warnings, i));

        text_cut(&line, 0);
        text_add(&line, "299 - \"");
        for (; *words; words++) {
            if (*words == '"' || *words == '\\')
                text_add_char(&line, '\\');
            text_add_char(&line, (unsigned char)*words < 0x20 ? ' ' : *words);
        }
        text_add_char(&line, '"');
        http_response_header(request, "Warning", text_string(&line));
    }
}

/* The Status of a delete that took effect at once. */
static struct node *deleted_status(const struct writing *writing)
{
    struct arena *arena = writing->request->arena;
    const struct object *object = writing->result.object;
    struct node *status = node_map(arena);
    struct node *details = node_map(arena);

    node_set_text(arena, status, "kind", "Status");
    node_set_text(arena, status, "apiVersion", "v1");
    node_set(arena, status, "metadata", node_map(arena));
    node_set_text(arena, status, "status", "Success");
    node_set_text(arena, details, "name", object->name);
    if (*writing->request->kind->group)
        node_set_text(arena, details, "group", writing->request->kind->group);
    node_set_text(arena, details, "kind", writing->request->kind->plural);
    node_set_text(arena, details, "uid", object->uid);
    node_set(arena, status, "details", details);
    return status;
}

static void respond_written(struct writing *writing)
{
    struct api_request *request = writing->request;
    scoped_text struct text out = {0};

    if (writing->failed) {
        reply_failure(request, &writing->err, writing->result.details);
        return;
    }
    add_warnings(request->http, writing->result.warnings);
    /*
     * Removing the last finalizer deletes the object; the response of an update has the
     * object.
     */
    if (writing->result.gone && text_starts(request->what.verb, "delete")) {
        reply_node(request->http, 200, deleted_status(writing));
        return;
    }
    form_event(request, writing->result.object, true, request->arena, &out);
    text_add_char(&out, '\n');
    http_respond(request->http, writing->result.created ? 201 : 200, "application/json", out.bytes,
                 out.len);
}

static void on_write_durable(void *arg, const struct err *err)
{
    struct writing *writing = object_from(writing, WRITING_TAG, arg);

    if (err) {
        writing->failed = true;
        writing->err = *err;
        writing->result.details = NULL;
    }
    if (!writing->gone)
        respond_written(writing);
    writing_free(writing);
}

/* ---- Doing --------------------------------------------------------------- */

static int do_write(struct writing *writing)
{
    struct api_request *request = writing->request;
    struct objects *objects = request->api->objects;
    struct err *err = &writing->err;

    if (strcmp(request->what.verb, "create") == 0)
        return objects_create(objects, &writing->write, &writing->result, err);
    if (strcmp(request->what.verb, "update") == 0)
        return objects_update(objects, &writing->write, &writing->result, err);
    if (strcmp(request->what.verb, "patch") == 0)
        return objects_patch(objects, &writing->write, &writing->result, err);
    return objects_delete(objects, &writing->write, &writing->result, err);
}

/* Deletes each selected object by a write of its own; all are in one commit. */
static int delete_collection(struct writing *writing)
{
    struct api_request *request = writing->request;
    struct objects_query query;
    scoped_page struct objects_page page = {0};

    if (query_read(request, &query, &writing->err) < 0 ||
        objects_list(request->api->objects, &query, &page, &writing->err) < 0)
        return -1;
    for (size_t i = 0; i < page.count; i++) {
        struct objects_write one = writing->write;
        struct objects_result result = {.arena = request->arena};
        struct err err = {0};
        int done;

        one.namespace = page.items[i]->namespace;
        one.name = page.items[i]->name;
        done = objects_delete(request->api->objects, &one, &result, &err);
        object_drop(&result.object);
        if (done < 0 && err.code != ERR_NOT_FOUND) {
            writing->err = err;
            return -1;
        }
    }
    return 0;
}

static void on_collection_durable(void *arg, const struct err *err)
{
    struct writing *writing = object_from(writing, WRITING_TAG, arg);

    if (err && !writing->failed) {
        writing->failed = true;
        writing->err = *err;
    }
    if (!writing->gone && writing->failed) {
        reply_err(writing->request, &writing->err, NULL);
    } else if (!writing->gone) {
        struct arena *arena = writing->request->arena;
        struct node *status = node_map(arena);

        node_set_text(arena, status, "kind", "Status");
        node_set_text(arena, status, "apiVersion", "v1");
        node_set(arena, status, "metadata", node_map(arena));
        node_set_text(arena, status, "status", "Success");
        reply_node(writing->request->http, 200, status);
    }
    writing_free(writing);
}

static void on_write_gone(struct http_request *request, void *arg)
{
    struct writing *writing = object_from(writing, WRITING_TAG, arg);

    writing->gone = true;
}

static void reply_write_failure(struct writing *writing)
{
    if (writing->result.details)
        reply_failure(writing->request, &writing->err, writing->result.details);
    else
        reply_err(writing->request, &writing->err, NULL);
    writing_free(writing);
}

static void run_write(struct writing *writing)
{
    struct api_request *request = writing->request;
    bool many = strcmp(request->what.verb, "deletecollection") == 0;

    writing->result.arena = request->arena;
    writing->failed = (many ? delete_collection(writing) : do_write(writing)) < 0;
    if (!many && !writing->failed && writing->write.dry_run) {
        respond_written(writing);
        writing_free(writing);
        return;
    }
    /* The disk cannot keep up: to wait for it would keep what was refused in memory. */
    if (writing->failed && writing->err.code == ERR_TOO_MANY) {
        reply_write_failure(writing);
        return;
    }
    /* The arena of the request must live until the commit, so on disconnect only set `gone`. */
    http_request_gone(request->http, on_write_gone, writing);
    objects_when_durable(request->api->objects, many ? on_collection_durable : on_write_durable,
                         writing);
}

static bool is_apply(const struct writing *writing)
{
    return !strcmp(writing->request->what.verb, "patch") &&
           writing->write.patch == OBJECTS_PATCH_APPLY;
}

static void on_write_body(struct http_request *http, const char *bytes, size_t len, void *arg)
{
    struct api_request *request = arg;
    struct writing *writing = mem_alloc(sizeof *writing);
    struct node *duplicates = node_list(request->arena);
    bool deletes = text_starts(request->what.verb, "delete");
    struct node *body = NULL;

    writing->tag = WRITING_TAG;
    writing->request = request;
    read_parameters(writing);
    if (strcmp(request->what.verb, "patch") == 0 &&
        patch_of(media_type(request), &writing->write.patch, &writing->err) < 0) {
        writing->result.details = node_map(request->arena);
        reply_write_failure(writing);
        return;
    }
    if (options_check_write(request, is_apply(writing), &writing->result.details, &writing->err) <
        0) {
        reply_write_failure(writing);
        return;
    }
    if (len || !deletes) {
        body = read_body(request, bytes, len, duplicates, &writing->err);
        if (!body) {
            reply_write_failure(writing);
            return;
        }
    }
    writing->write.body = body;
    writing->write.duplicates = duplicates;
    if (request->kind->is_question || !strcmp(request->what.subresource, "token")) {
        writing_free(writing);
        review_handle(request, body);
        return;
    }
    if (deletes && read_delete_options(writing, body) < 0) {
        reply_write_failure(writing);
        return;
    }
    run_write(writing);
}

/*
 * A Content-Length above the limit is refused here with a Status. For a chunked body the
 * HTTP server refuses in plain text, which kubectl does not print.
 */
static int check_body_length(const struct api_request *request, struct err *err)
{
    if (request->http->body_length <= (int64_t)request->api->most_body)
        return 0;
    return err_set(err, ERR_TOO_LARGE,
                   "the request has a body of %lld bytes, and the limit is %zu (the hub's setting "
                   "body-size): make it smaller, or split it into several objects",
                   (long long)request->http->body_length, request->api->most_body);
}

void write_handle(struct api_request *request)
{
    struct err err = {0};

    if (check_body_length(request, &err) < 0) {
        api_respond_err(request->http, &err);
        return;
    }
    http_body_whole(request->http, request->api->most_body, on_write_body, request);
}
