/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories of concurrent clients of a real hub, which is killed, stopped and
 * compacted while they work, are what W1-W8 allow (limit: 300).
 *
 * The hub is a process of its own on the real disk; writers (some on a
 * condition), readers and watchers talk to it over TLS. What they saw is kept
 * as JSON lines in $TEST_DIR/history.jsonl and judged by history.h.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "document/document.h"
#include "hub/hub.h"
#include "hub/internal.h"
#include "http/http.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "store/store.h"
#include "tls/tls.h"
#include "unit/check.h"
#include "unit/history.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAPS "/api/v1/namespaces/default/configmaps"
#define KEYS 6
#define WRITERS 4
#define WATCHERS 3
#define WRITES 700 /* in all */
#define DISASTERS 6
#define KEPT 40 /* changes that the hub remembers */

/* ---- The hub, in a process of its own ---------------------------------------- */

static char *folder, *address_file;
static pid_t hub_pid;

/* Forgets what is older than a few changes, all the time. */
static void forget(void *arg)
{
    struct hub *hub = arg;
    static struct loop_timer *again;

    objects_limit_memory(hub->objects, (size_t)1 << 30, KEPT);
    store_compact(hub->store);
    if (!again)
        again = loop_timer_new(hub->loop, forget, hub);
    loop_timer_set(again, 20 * CLOCK_MS);
}

static void serve(void)
{
    static const char *const listen[] = {"127.0.0.1:0", NULL};
    struct hub_settings settings = {.directory = folder, .listen = listen};
    struct err err = {0};
    struct loop *loop;
    struct hub *hub;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    loop = loop_new(&err);
    hub = loop ? hub_open(loop, &settings, &err) : NULL;
    if (!hub || file_write(address_file, hub_url(hub), strlen(hub_url(hub)), 0600, &err) < 0) {
        fprintf(stderr, "hub: %s\n", err.text);
        _exit(1);
    }
    forget(hub);
    loop_run(loop);
    _exit(0);
}

/* ---- Clients ------------------------------------------------------------------- */

static struct loop *loop;
static struct tls_client *tls;
static struct http_client *http;
static struct text roots, cert, key;
static struct history history;
static char *address;
static size_t values, writes_done;
static bool hub_up, finishing;
static size_t under_way; /* requests, watches apart */
static int next_watch;

static const char *key_name(size_t n)
{
    static char name[16];

    snprintf(name, sizeof name, "key-%zu", n);
    return name;
}

static int64_t revision_of(const struct node *object)
{
    const char *words = node_get_text(node_get(object, "metadata"), "resourceVersion");

    return strtoll(words, NULL, 10);
}

static const char *value_of(const struct node *object)
{
    return node_get_text(node_get(object, "data"), "value");
}

/* The last that a read saw of each key: what conditions are based on. */
static int64_t last_seen[KEYS];

struct sent {
    size_t entry;
    size_t key;
    struct client *client;
};

struct client {
    size_t number;
    struct loop_timer *timer; /* owned: the next request */
    struct http_call *call;   /* of a watch */
    struct http_lines lines;
    int watch;
    int64_t seen;
    size_t told;
};
static struct client writers[WRITERS], watchers[WATCHERS], reader, prober;

static void soon(struct client *client)
{
    loop_timer_set(client->timer, (int64_t)random_below(6) * CLOCK_MS);
}

static void send_request(const char *method, const char *target, const char *body,
                         void (*done)(const struct http_response *, const struct err *, void *),
                         struct sent *sent)
{
    struct http_field type = {"Content-Type", "application/json"};

    under_way++;
    http_client_send(http, &(struct http_client_request){.method = method,
                                                         .target = target,
                                                         .body = body,
                                                         .len = body ? strlen(body) : 0,
                                                         .headers = &type,
                                                         .header_count = body != NULL,
                                                         .done = done,
                                                         .arg = sent,
                                                         .deadline = 120 * CLOCK_SECOND});
}

static struct sent *begin(struct client *client, enum history_what what, size_t n)
{
    struct sent *sent = mem_alloc(sizeof *sent);
    struct history_entry *e = history_add(&history, what);

    *sent = (struct sent){history.count - 1, n, client};
    e->start = clock_steady();
    e->end = INT64_MAX;
    e->outcome = HISTORY_UNKNOWN;
    return sent;
}

static void on_written(const struct http_response *response, const struct err *err, void *arg)
{
    struct sent *sent = arg;
    struct history_entry *e = &history.entries[sent->entry];
    scoped_arena struct arena *arena = arena_new();
    struct client *client = sent->client;
    const struct node *object;
    int status = response ? response->status : 0;

    free(sent);
    under_way--;
    writes_done++;
    soon(client);
    if (status == 0 || status >= 500)
        return; /* it may have happened or not */
    e->end = clock_steady();
    if (status == 404)
        e->outcome = HISTORY_MISSING;
    else if (status == 409)
        e->outcome = HISTORY_REFUSED;
    else if (status < 300) {
        e->outcome = HISTORY_OK;
        object =
            document_read_json(arena, response->body, response->len, &document_limits_own, NULL);
        if (*e->value)
            e->revision = revision_of(object);
    } else {
        printf("# %d: %.300s\n", status, response->body);
    }
}

/* Creates, updates on a condition, puts without one, or deletes. */
static void write_one(void *arg)
{
    struct client *client = arg;
    size_t n = (size_t)random_below(KEYS);
    scoped_mem char *target = mem_printf(MAPS "/%s", key_name(n));
    scoped_mem char *condition = NULL, *body = NULL;
    struct sent *sent;
    struct history_entry *e;
    int sort = (int)random_below(8);

    if (!hub_up || writes_done >= WRITES) {
        if (!finishing)
            soon(client);
        return;
    }
    sent = begin(client, HISTORY_WRITE, n);
    e = &history.entries[sent->entry];
    snprintf(e->key, sizeof e->key, "%s", key_name(n));
    if (sort == 0) {
        send_request("DELETE", target, NULL, on_written, sent);
        return;
    }
    snprintf(e->value, sizeof e->value, "v%zu", ++values);
    if (sort > 2 && last_seen[n])
        e->expected = last_seen[n];
    condition = e->expected ? mem_printf(",\"resourceVersion\":\"%lld\"", (long long)e->expected)
                            : mem_copy_string("");
    body = mem_printf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\""
                      "%s},\"data\":{\"value\":\"%s\"}}",
                      e->key, condition, e->value);
    if (sort > 1 && last_seen[n])
        send_request("PUT", target, body, on_written, sent);
    else
        send_request("POST", MAPS, body, on_written, sent);
}

static void on_read(const struct http_response *response, const struct err *err, void *arg)
{
    struct sent *sent = arg;
    struct history_entry *e = &history.entries[sent->entry];
    scoped_arena struct arena *arena = arena_new();
    const struct node *list, *items;

    free(sent);
    under_way--;
    soon(&reader);
    if (!response || response->status != 200)
        return;
    e->end = clock_steady();
    e->outcome = HISTORY_OK;
    list = document_read_json(arena, response->body, response->len, &document_limits_own, NULL);
    items = node_get(list, "items");
    e->revision = revision_of(list);
    memset(last_seen, 0, sizeof last_seen);
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *item = node_item(items, i);
        const char *name = node_get_text(node_get(item, "metadata"), "name");

        if (!text_starts(name, "key-"))
            continue;
        history_add_item(e, name, value_of(item), revision_of(item));
        last_seen[strtoul(name + 4, NULL, 10) % KEYS] = revision_of(item);
    }
}

static void probe(void);

static void read_all(void *arg)
{
    if (!hub_up) {
        soon(&reader);
        return;
    }
    if (random_below(10) == 0)
        probe();
    send_request("GET", MAPS, NULL, on_read, begin(&reader, HISTORY_READ, 0));
}

/* The newest revision that a writer was told, and every watcher must reach. */
static int64_t newest(void)
{
    int64_t most = 0;

    for (size_t i = 0; i < history.count; i++)
        if (history.entries[i].what == HISTORY_WRITE && history.entries[i].revision > most)
            most = history.entries[i].revision;
    return most;
}

/* ---- Watchers --------------------------------------------------------------------- */

static bool on_line(const char *line, size_t len, void *arg)
{
    struct client *client = arg;
    scoped_arena struct arena *arena = arena_new();
    const struct node *event = document_read_json(arena, line, len, &document_limits_own, NULL);
    const struct node *object = node_get(event, "object");
    const char *type = node_get_text(event, "type");
    const char *name = node_get_text(node_get(object, "metadata"), "name");
    struct history_entry *e;

    if (!strcmp(type, "ERROR")) {
        client->seen = 0; /* 410: what it missed is gone, and it was told so */
        return true;
    }
    if (strcmp(type, "BOOKMARK") && !text_starts(name, "key-"))
        return true;
    e = history_add(&history, HISTORY_EVENT);
    e->start = e->end = clock_steady();
    e->watch = client->watch;
    e->type = *type;
    e->revision = client->seen = revision_of(object);
    snprintf(e->key, sizeof e->key, "%s", name);
    snprintf(e->value, sizeof e->value, "%s", value_of(object));
    client->told++;
    return true;
}

static void on_data(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    struct client *client = arg;

    if (http_lines_feed(&client->lines, bytes, len, on_line, client, NULL) < 0)
        printf("# a line is too long\n");
    /* The last watcher leaves now and then, sometimes for too long. */
    if (client == &watchers[WATCHERS - 1] && client->told > 40 && !finishing) {
        client->told = 0;
        http_call_cancel(&client->call);
        http_lines_free(&client->lines);
        loop_timer_set(client->timer, (int64_t)random_below(400) * CLOCK_MS);
    }
}

static void on_head(struct http_call *call, const struct http_response *response, void *arg)
{
    struct client *client = arg;
    struct history_entry *e = history_add(&history, HISTORY_OPEN);

    e->start = e->end = clock_steady();
    e->expected = client->seen;
    e->watch = client->watch = ++next_watch;
    e->outcome = response->status == 200   ? HISTORY_OK
                 : response->status == 410 ? HISTORY_GONE
                                           : HISTORY_UNKNOWN;
    if (response->status == 410)
        client->seen = 0;
    if (client == &prober)
        http_call_cancel(&client->call);
}

static void on_end(const struct http_response *response, const struct err *err, void *arg)
{
    struct client *client = arg;

    client->call = NULL;
    http_lines_free(&client->lines);
    if (client->timer)
        soon(client);
}

static void watch_from(struct client *client)
{
    scoped_mem char *target = mem_printf(
        MAPS "?watch=true&allowWatchBookmarks=true&resourceVersion=%lld", (long long)client->seen);

    client->call =
        http_client_send(http, &(struct http_client_request){.target = target,
                                                             .head = on_head,
                                                             .data = on_data,
                                                             .done = on_end,
                                                             .arg = client,
                                                             .deadline = 120 * CLOCK_SECOND});
}

/* A watch that has nothing to go on from begins where a list ends. */
static void on_listed(const struct http_response *response, const struct err *err, void *arg)
{
    struct client *client = arg;
    scoped_arena struct arena *arena = arena_new();

    under_way--;
    if (!response || response->status != 200 || !hub_up) {
        soon(client);
        return;
    }
    client->seen = revision_of(
        document_read_json(arena, response->body, response->len, &document_limits_own, NULL));
    watch_from(client);
}

static void watch_more(void *arg)
{
    struct client *client = arg;

    if (!hub_up) {
        soon(client);
    } else if (client->seen) {
        watch_from(client);
    } else {
        under_way++;
        http_client_send(http, &(struct http_client_request){.target = MAPS "?limit=1",
                                                             .done = on_listed,
                                                             .arg = client,
                                                             .deadline = 120 * CLOCK_SECOND});
    }
}

/* Asks for what was forgotten: the answer must be 410. */
static void probe(void)
{
    struct history_entry *e;
    int64_t last = newest();

    if (last < 4 * KEPT || prober.call)
        return;
    e = history_add(&history, HISTORY_COMPACT);
    e->start = e->end = clock_steady();
    e->revision = last - 2 * KEPT;
    prober.seen = last - 3 * KEPT;
    watch_from(&prober);
}

/* ---- Disasters ------------------------------------------------------------------- */

static void read_login(void)
{
    scoped_mem char *path = mem_printf("%s/admin.kubeconfig", folder);
    scoped_arena struct arena *arena = arena_new();
    size_t len;
    scoped_mem char *words = file_read(path, 1 << 20, &len, NULL);
    const struct node *config =
        document_read_yaml(arena, words, len, true, &document_limits_own, NULL);
    const struct node *cluster = node_get(node_item(node_get(config, "clusters"), 0), "cluster");
    const struct node *user = node_get(node_item(node_get(config, "users"), 0), "user");
    const char *ca = node_get_text(cluster, "certificate-authority-data");
    const char *mine = node_get_text(user, "client-certificate-data");
    const char *secret = node_get_text(user, "client-key-data");

    text_cut(&roots, 0);
    text_cut(&cert, 0);
    text_cut(&key, 0);
    if (!text_add_unbase64(&roots, ca, strlen(ca), false) ||
        !text_add_unbase64(&cert, mine, strlen(mine), false) ||
        !text_add_unbase64(&key, secret, strlen(secret), false))
        printf("Bail out! the kubeconfig is damaged\n");
}

static void connect_clients(void)
{
    struct err err = {0};

    free(address);
    address = file_read(address_file, 4096, NULL, &err);
    read_login();
    tls = tls_client_new(loop,
                         &(struct tls_client_settings){.roots = text_string(&roots),
                                                       .cert = text_string(&cert),
                                                       .key = text_string(&key)},
                         &err);
    http =
        tls ? http_client_new(
                  loop,
                  &(struct http_client_settings){
                      .address = address + strlen("https://"), .tls = tls, .most_connections = 16},
                  &err)
            : NULL;
    if (!http)
        printf("Bail out! %s\n", err.text);
    hub_up = true;
}

static void start_hub(void)
{
    unlink(address_file);
    fflush(stdout);
    hub_pid = fork();
    if (!hub_pid)
        serve();
    while (!file_exists(address_file) && waitpid(hub_pid, NULL, WNOHANG) == 0)
        usleep(2000);
    connect_clients();
}

/* Answers that were on their way are lost: each request's outcome is unknown. */
static void kill_hub(void)
{
    kill(hub_pid, SIGKILL);
    waitpid(hub_pid, NULL, 0);
    hub_up = false;
    if (prober.call)
        http_call_cancel(&prober.call);
    for (int i = 0; i < WATCHERS; i++) {
        if (watchers[i].call)
            http_call_cancel(&watchers[i].call);
        http_lines_free(&watchers[i].lines);
        soon(&watchers[i]);
    }
    while (under_way)
        loop_turn(loop, 5 * CLOCK_MS);
}

static void turn_for(int64_t duration)
{
    int64_t until = clock_steady() + duration;

    while (clock_steady() < until)
        loop_turn(loop, 5 * CLOCK_MS);
}

static void disaster(int n)
{
    if (n % 3 == 2) {
        kill(hub_pid, SIGSTOP);
        turn_for(50 * CLOCK_MS);
        kill(hub_pid, SIGCONT);
        return;
    }
    kill_hub();
    http_client_free(&http);
    loop_turn(loop, 0);
    tls_client_free(&tls);
    start_hub();
}

/* ---- All of it ------------------------------------------------------------------- */

static void start_clients(void)
{
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i].timer = loop_timer_new(loop, write_one, &writers[i]);
        soon(&writers[i]);
    }
    for (size_t i = 0; i < WATCHERS; i++) {
        watchers[i].timer = loop_timer_new(loop, watch_more, &watchers[i]);
        soon(&watchers[i]);
    }
    reader.timer = loop_timer_new(loop, read_all, &reader);
    soon(&reader);
}

static bool all_told(int64_t revision)
{
    for (int i = 0; i < WATCHERS; i++)
        if (!watchers[i].call || watchers[i].seen < revision)
            return false;
    return true;
}

/* One more write, with nothing wrong any more, and all who watch must be told. */
static void settle(void)
{
    int64_t last, until;

    while (writes_done < WRITES)
        loop_turn(loop, 5 * CLOCK_MS);
    finishing = true;
    turn_for(100 * CLOCK_MS);
    last = newest();
    until = clock_steady() + 120 * CLOCK_SECOND;
    while (!all_told(last) && clock_steady() < until)
        loop_turn(loop, 5 * CLOCK_MS);
    CHECK(all_told(last), "every watch is told of the last write");
    for (int i = 0; i < WATCHERS; i++) {
        struct history_entry *e = history_add(&history, HISTORY_CLOSE);

        e->watch = watchers[i].watch;
        e->revision = last;
    }
}

static void keep_lines(void)
{
    scoped_mem char *path = mem_printf("%s/../history.jsonl", folder);
    FILE *file = fopen(path, "w");

    if (!file)
        return;
    history_write(&history, file);
    fclose(file);
}

int main(void)
{
    scoped_mem char *base = mem_copy_string(getenv("TEST_DIR") ? getenv("TEST_DIR") : "/tmp");
    scoped_text struct text said = {0};
    struct err err = {0};
    size_t found;

    log_setup(LOG_ERROR, false);
    folder = mem_printf("%s/hub", base);
    address_file = mem_printf("%s/address", base);
    loop = loop_new(&err);
    start_hub();
    start_clients();
    for (int i = 0; i < DISASTERS; i++) {
        while (writes_done < (size_t)(i + 1) * WRITES / (DISASTERS + 1))
            loop_turn(loop, 5 * CLOCK_MS);
        disaster(i);
    }
    settle();
    keep_lines();
    found = history_judge(&history, &said);
    CHECK_INT((long long)found, 0, "what %zu clients saw in %zu entries breaks no rule",
              (size_t)(WRITERS + WATCHERS + 1), history.count);
    if (found)
        printf("# %.3000s\n", text_string(&said));
    kill(hub_pid, SIGKILL);
    waitpid(hub_pid, NULL, 0);
    return check_done();
}
