/* SPDX-License-Identifier: Apache-2.0 */
/* Says to a hub what was said to a kube-apiserver, and compares the answers. */
#include "cases.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "http/http.h"
#include "hub/hub.h"
#include "loop/loop.h"
#include "tls/tls.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The steps are one conversation with a server that was empty, so one hub hears
 * all of them, in order. It lives in this process, on a port of its own, with
 * real TLS and its store in a folder that is removed at the end.
 */
static struct talk {
    struct arena *arena;
    struct loop *loop;
    struct hub *hub;
    struct tls_client *tls;
    struct http_client *http;
    char folder[64];
    const char *why; /* it cannot be had; NULL: it can */
} talk;

/* ---- The hub ------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *about, int flag, struct FTW *where)
{
    return remove(path);
}

static void end_talk(void)
{
    http_client_free(&talk.http);
    tls_client_free(&talk.tls);
    hub_close(&talk.hub);
    loop_free(&talk.loop);
    arena_free(&talk.arena);
    if (*talk.folder)
        nftw(talk.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The value of `key`-data, of the kubeconfig's only cluster and user. */
static const char *credential(const struct node *config, const char *list, const char *one,
                              const char *key)
{
    const struct node *from = node_get(node_item(node_get(config, list), 0), one);
    const char *data = node_get_text(from, key);
    scoped_text struct text bytes = {0};

    if (!text_add_unbase64(&bytes, data, strlen(data), false))
        return "";
    return arena_string(talk.arena, text_string(&bytes));
}

static int open_client(struct err *err)
{
    size_t len;
    scoped_mem char *text = file_read(hub_kubeconfig(talk.hub), 1 << 20, &len, err);
    const struct node *config =
        text ? document_read_yaml(talk.arena, text, len, true, &document_limits_own, err) : NULL;
    struct tls_client_settings tls = {
        .roots = credential(config, "clusters", "cluster", "certificate-authority-data"),
        .cert = credential(config, "users", "user", "client-certificate-data"),
        .key = credential(config, "users", "user", "client-key-data"),
    };
    struct http_client_settings http = {.address = hub_url(talk.hub) + strlen("https://")};

    if (!config)
        return -1;
    talk.tls = tls_client_new(talk.loop, &tls, err);
    if (!talk.tls)
        return -1;
    http.tls = talk.tls;
    talk.http = http_client_new(talk.loop, &http, err);
    return talk.http ? 0 : -1;
}

static int open_talk(struct err *err)
{
    static const char *const listen[] = {"127.0.0.1:0", NULL};
    const char *place = getenv("TMPDIR");
    struct hub_settings settings = {.directory = talk.folder, .listen = listen};

    talk.arena = arena_new();
    snprintf(talk.folder, sizeof talk.folder, "%s/axle-talk-XXXXXX",
             place && strlen(place) < 40 ? place : "/tmp");
    if (!mkdtemp(talk.folder))
        return err_set(err, ERR_OTHER, "no temporary folder");
    talk.loop = loop_new(err);
    if (!talk.loop)
        return -1;
    talk.hub = hub_open(talk.loop, &settings, err);
    return talk.hub ? open_client(err) : -1;
}

static void begin_talk(void)
{
    static struct err err;

    atexit(end_talk);
    if (open_talk(&err) < 0)
        talk.why = err.text;
}

/* ---- A step ------------------------------------------------------------- */

struct hearing {
    struct case_run *run;
    bool over;
};

static void on_response(const struct http_response *response, const struct err *err, void *arg)
{
    struct hearing *hearing = arg;
    struct case_run *run = hearing->run;
    struct err why = {0};
    struct node *got = node_map(run->arena), *body = NULL;

    hearing->over = true;
    run->got = got;
    if (err) {
        node_set_text(run->arena, got, "failed", err->text);
        return;
    }
    node_set_int(run->arena, got, "code", response->status);
    if (response->status < 300)
        return;
    body =
        document_read_json(run->arena, response->body, response->len, &document_limits_own, &why);
    if (!body) {
        node_set_text(run->arena, got, "text", response->body);
        return;
    }
    node_remove(body, "metadata");
    node_set(run->arena, got, "status", body);
}

/* "(262145 times x)" stands for so many of that letter. */
static const char *expanded(struct case_run *run, const char *body)
{
    static const char sign[] = " times ";
    const char *open = strchr(body, '('), *sense, *close;
    scoped_text struct text out = {0};
    long times;
    char *end;

    if (!node_get(run->one, "expand") || !open)
        return body;
    times = strtol(open + 1, &end, 10);
    sense = end;
    if (!text_starts(sense, sign) || !(close = strchr(sense, ')')))
        return body;
    text_add_bytes(&out, body, (size_t)(open - body));
    for (long i = 0; i < times; i++)
        text_add_char(&out, sense[strlen(sign)]);
    text_add(&out, close + 1);
    return arena_string(run->arena, text_string(&out));
}

static void say(struct case_run *run)
{
    const struct node *body = node_get(run->one, "body");
    const char *type = node_get_text(run->one, "contentType");
    const char *text = !body                        ? ""
                       : node_is(body, NODE_STRING) ? node_text(body)
                                                    : document_json(run->arena, body);
    struct http_field header = {"Content-Type", type};
    struct hearing hearing = {.run = run};

    text = expanded(run, text);
    http_client_send(talk.http, &(struct http_client_request){
                                    .method = node_get_text(run->one, "method"),
                                    .target = node_get_text(run->one, "path"),
                                    .headers = &header,
                                    .header_count = *type ? 1 : 0,
                                    .body = text,
                                    .len = strlen(text),
                                    .deadline = 60 * CLOCK_SECOND,
                                    .done = on_response,
                                    .arg = &hearing,
                                });
    while (!hearing.over)
        loop_turn(talk.loop, CLOCK_SECOND);
}

/* ---- Comparing ---------------------------------------------------------- */

/* What a Go program says about its own types is said here in other words. */
static bool names_go(const char *message)
{
    static const char *const signs[] = {
        "Go struct field", "Go value of type", "rbac.RoleRef{", "[]byte{0x", "v1.OwnerReference{",
    };

    for (size_t i = 0; i < count_of(signs); i++)
        if (strstr(message, signs[i]))
            return true;
    return false;
}

/* What `shape` says is at `at`: h a hexadecimal digit, x anything. */
static bool has_shape(const char *at, const char *shape)
{
    static const char hex[] = "0123456789abcdef";

    for (; *shape; at++, shape++)
        if (!*at || (*shape == 'h' ? !strchr(hex, *at) : *shape != 'x' && *at != *shape))
            return false;
    return true;
}

/* Uids and generated names are others every time. */
static void hide_chance(struct case_run *run, struct node *map, const char *key)
{
    static const char uid[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    const struct node *metadata = node_at(run->one, "body", "metadata", NULL);
    const char *base = node_get_text(metadata, "generateName");
    const char *made = arena_printf(run->arena, "%sxxxxx", base);
    char *text = arena_string(run->arena, node_get_text(map, key));

    for (char *at = text; *at; at++) {
        if (has_shape(at, uid))
            memset(at, '?', strlen(uid));
        if (*base && has_shape(at, made) && at[strlen(base)] != '"')
            memset(at + strlen(base), '?', strlen("xxxxx"));
    }
    if (*text)
        node_set_text(run->arena, map, key, text);
}

static void hide(struct case_run *run, struct node *side, const char *key, const char *theirs)
{
    if (names_go(theirs))
        node_remove(side, key);
    else
        hide_chance(run, side, key);
}

/* Leaves what must agree: all but the words that name Go's types. */
static void strip(struct case_run *run, struct node *side)
{
    const struct node *theirs = node_get(run->one, "status");
    const struct node *their_causes = node_at(theirs, "details", "causes", NULL);
    struct node *status = node_get(side, "status");
    struct node *causes = node_at(status, "details", "causes", NULL);

    if (!status)
        return;
    hide(run, status, "message", node_get_text(theirs, "message"));
    hide_chance(run, node_get(status, "details"), "name");
    for (size_t i = 0; i < node_count(causes); i++)
        hide(run, node_item(causes, i), "message",
             node_get_text(node_item(their_causes, i), "message"));
}

static void run_step(struct case_run *run)
{
    struct node *expected = node_map(run->arena);
    const char *theirs, *ours;

    if (!talk.loop && !talk.why)
        begin_talk();
    if (talk.why) {
        run->skip = talk.why;
        return;
    }
    node_set(run->arena, expected, "code", node_get(run->one, "code"));
    if (node_get(run->one, "status"))
        node_set(run->arena, expected, "status",
                 node_copy(run->arena, node_get(run->one, "status")));
    if (node_get(run->one, "text"))
        node_set(run->arena, expected, "text", node_get(run->one, "text"));
    say(run);
    theirs = node_get_text(node_get(expected, "status"), "message");
    ours = node_get_text(node_get(run->got, "status"), "message");
    run->differ = names_go(theirs) && strcmp(theirs, ours);
    strip(run, expected);
    strip(run, run->got);
    run->expected = expected;
}

CASE_ROW(talk, "talk", "steps", NULL, run_step)
