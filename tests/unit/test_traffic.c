/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kubectl sends, changed in every way, ends no hub (limit: 1500).
 *
 * The requests of real kubectls (traffic.seeds) are sent to a sanitized hub on
 * loopback, over TLS and kept connections, as the administrator: with other
 * bytes, other JSON, other headers, parameters, paths and methods, in another
 * order, cut short, and several at once. The hub, a process of its own, must
 * live and, told to end, end in order and without a leak.
 *
 *     build/debug/unit/test_traffic [SECONDS [SEED]]
 *     build/debug/unit/test_traffic record [KUBECTL...]  > tests/unit/traffic.seeds
 *
 * `./build.sh test` takes 20 seconds, $DEEP ten minutes. The second form lets
 * each kubectl do its work against a hub of its own and prints what it sent.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "hub/hub.h"
#include "loop/loop.h"
#include "tls/tls.h"
#include "unit/check.h"
#include "unit/mutate.h"
#include "unit/traffic_afternoon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEEDS "tests/unit/traffic.seeds"
#define LINES 32       /* connections at a time */
#define MOST_AT_ONCE 8 /* requests written in one go */
#define EPOCH 60       /* seconds that one hub lives */
#define KEPT 24        /* of the last requests, for when the hub ends */
#define MOST_HEARD 4096

/* ---- Chance, of which the same seed gives the same ------------------------- */

static uint64_t state = 1;

static uint64_t next_random(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below ? state % below : 0;
}

static const char *one_of(const char *const *words, size_t count)
{
    return words[next_random(count)];
}

/* ---- The hub, a process of its own ------------------------------------------ */

static char folder[200];
static pid_t hub_pid;
static int hub_number;

static void on_term(void *arg)
{
    loop_stop(arg);
}

static void serve(const char *directory, const char *address_file)
{
    static const char *const listen[] = {"127.0.0.1:0", NULL};
    struct hub_settings settings = {.directory = directory, .listen = listen};
    struct loop_signal *term;
    struct err err = {0};
    struct loop *loop;
    struct hub *hub;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    log_setup(LOG_ERROR, false);
    loop = loop_new(&err);
    hub = loop ? hub_open(loop, &settings, &err) : NULL;
    term = hub ? loop_signal_new(loop, SIGTERM, on_term, loop, &err) : NULL;
    if (!term || file_write(address_file, hub_url(hub), strlen(hub_url(hub)), 0600, &err) < 0) {
        fprintf(stderr, "hub: %s\n", err.text);
        _exit(99);
    }
    loop_run(loop);
    hub_close(&hub);
    loop_signal_free(&term);
    loop_free(&loop);
}

/* ---- A client that knows only bytes ------------------------------------------- */

static struct loop *loop;
static struct tls_client *tls;
static struct arena *credentials;
static char address[80];

static const char *secret(const struct node *from, const char *name)
{
    scoped_text struct text bytes = {0};
    const char *text = node_get_text(from, name);

    if (!text_add_unbase64(&bytes, text, strlen(text), false))
        exit(99);
    return arena_string(credentials, text_string(&bytes));
}

static void log_in(const char *kubeconfig)
{
    struct err err = {0};
    size_t len;
    scoped_mem char *text = file_read(kubeconfig, 1 << 20, &len, &err);
    const struct node *config, *cluster, *user;

    arena_free(&credentials);
    tls_client_free(&tls);
    credentials = arena_new();
    config =
        text ? document_read_yaml(credentials, text, len, true, &document_limits_own, &err) : NULL;
    cluster = node_get(node_item(node_get(config, "clusters"), 0), "cluster");
    user = node_get(node_item(node_get(config, "users"), 0), "user");
    snprintf(address, sizeof address, "%s", node_get_text(cluster, "server") + 8);
    tls = tls_client_new(
        loop,
        &(struct tls_client_settings){.roots = secret(cluster, "certificate-authority-data"),
                                      .cert = secret(user, "client-certificate-data"),
                                      .key = secret(user, "client-key-data")},
        &err);
    if (!tls) {
        printf("Bail out! %s\n", err.text);
        exit(99);
    }
}

static void start_hub(void)
{
    scoped_mem char *directory = mem_printf("%s/hub-%d", folder, ++hub_number);
    scoped_mem char *file = mem_printf("%s/address-%d", folder, hub_number);
    scoped_mem char *kubeconfig = mem_printf("%s/admin.kubeconfig", directory);

    fflush(stdout);
    hub_pid = fork();
    if (hub_pid == 0) {
        tls_client_free(&tls);
        arena_free(&credentials);
        loop_free(&loop);
        serve(directory, file);
        exit(0);
    }
    for (int i = 0; i < 60000 && !file_exists(file); i++)
        usleep(1000);
    log_in(kubeconfig);
}

/* How it ended: 0 if in order. */
static int end_hub(void)
{
    int status = 0;

    if (!hub_pid)
        return 0;
    kill(hub_pid, SIGTERM);
    waitpid(hub_pid, &status, 0);
    hub_pid = 0;
    return status;
}

static bool hub_has_ended(int *ret_status)
{
    if (waitpid(hub_pid, ret_status, WNOHANG) != hub_pid)
        return false;
    hub_pid = 0;
    return true;
}

/* ---- Seeds ------------------------------------------------------------------------ */

/* A request as kubectl made it; strings are of the arena. */
struct seed {
    const char *method, *target;
    const struct node *headers; /* a list of "Name: value" */
    const char *body;
    size_t len;
    struct node *tree; /* of a JSON body; else NULL */
    struct mutation_places places;
};
static struct seed *seeds;
static size_t seed_count;

static void add_seed(struct arena *arena, const struct node *line)
{
    struct seed *seed;
    const char *base64 = node_get_text(line, "base64");

    seeds = mem_resize_array(seeds, seed_count + 1, sizeof *seeds);
    seed = &seeds[seed_count++];
    *seed = (struct seed){.method = node_get_text(line, "method"),
                          .target = node_get_text(line, "target"),
                          .headers = node_get(line, "headers"),
                          .body = node_get_text(line, "body"),
                          .len = strlen(node_get_text(line, "body"))};
    if (*base64) {
        scoped_text struct text bytes = {0};

        if (!text_add_unbase64(&bytes, base64, strlen(base64), false))
            exit(99);
        seed->body = arena_bytes(arena, bytes.bytes, bytes.len);
        seed->len = bytes.len;
    }
    seed->tree = seed->len
                     ? document_read_json(arena, seed->body, seed->len, &document_limits_own, NULL)
                     : NULL;
    if (!node_is(seed->tree, NODE_MAP))
        seed->tree = NULL;
    if (seed->tree)
        mutation_places(NULL, seed->tree, &seed->places);
}

static void read_seeds(struct arena *arena)
{
    struct err err = {0};
    size_t len;
    scoped_mem char *text = file_read(SEEDS, 16 << 20, &len, &err);

    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        const struct node *node =
            document_read_json(arena, line, (size_t)(end - line), &document_limits_own, &err);

        if (!node) {
            printf("Bail out! %s: %s\n", SEEDS, err.text);
            exit(99);
        }
        add_seed(arena, node);
    }
}

/* ---- Changes ------------------------------------------------------------------------ */

static const char *const words[] = {
    "",
    "x",
    "..",
    "%2e%2e",
    "%00",
    "%",
    "a%2fb",
    "default",
    "kube-system",
    "research",
    "pods",
    "configmaps",
    "secrets",
    "namespaces",
    "managedclusters",
    "manifestworks",
    "leases",
    "aiworkloads",
    "status",
    "approval",
    "finalize",
    "token",
    "scale",
    "log",
    "exec",
    "axle.dev",
    "v1",
    "v1alpha1",
    "apis",
    "api",
    "openapi",
    "v2",
    "v3",
    "watch",
    "proxy",
    "\xc3\xa9",
    "-1",
    "9007199254740993",
};
static const char *const parameters[] = {
    "watch=true",
    "watch=false",
    "limit=1",
    "limit=-1",
    "limit=99999999999999999999",
    "continue=x",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0",
    "resourceVersion=0",
    "resourceVersion=1",
    "resourceVersion=999999999999",
    "resourceVersion=x",
    "resourceVersionMatch=Exact",
    "resourceVersionMatch=NotOlderThan",
    "timeoutSeconds=0",
    "timeoutSeconds=1",
    "timeoutSeconds=-1",
    "timeoutSeconds=99999999999999",
    "sendInitialEvents=true",
    "allowWatchBookmarks=true",
    "fieldSelector=metadata.name%3Dx",
    "fieldSelector=%3D%3D%3D",
    "fieldSelector=a%21%3Db%2Cc%3D",
    "labelSelector=a+in+%28b%2Cc%29",
    "labelSelector=%28%28%28",
    "labelSelector=%21a%2Cb%3Dc%2Cd+notin+%28%29",
    "dryRun=All",
    "dryRun=x",
    "fieldValidation=Strict",
    "fieldValidation=Ignore",
    "fieldManager=m",
    "fieldManager=",
    "force=true",
    "propagationPolicy=Orphan",
    "propagationPolicy=Foreground",
    "gracePeriodSeconds=-1",
    "gracePeriodSeconds=0",
    "pretty=true",
    "orphanDependents=true",
    "ignoreStoreReadErrorWithClusterBreakingPotential=true",
    "=",
    "%zz=%",
    "a=b",
};
static const char *const fields[] = {
    "Content-Type: application/json",
    "Content-Type: application/yaml",
    "Content-Type: application/merge-patch+json",
    "Content-Type: application/json-patch+json",
    "Content-Type: application/strategic-merge-patch+json",
    "Content-Type: application/apply-patch+yaml",
    "Content-Type: application/vnd.kubernetes.protobuf",
    "Content-Type: x",
    "Content-Type:",
    "Accept: application/json;as=Table;v=v1;g=meta.k8s.io",
    "Accept: application/vnd.kubernetes.protobuf",
    "Accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "Accept: x/y;q=9",
    "Accept-Encoding: gzip",
    "Transfer-Encoding: chunked",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Expect: 100-continue",
    "Connection: close",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Upgrade: SPDY/3.1",
    "If-None-Match: \"x\"",
    "Host: x",
    "Impersonate-User: x",
    "Impersonate-User: system:open-cluster-management:edge-1:agent",
    "Impersonate-Group: system:masters",
    "Impersonate-Extra-a: b",
    "Range: bytes=0-1",
    "X: \x01",
    " folded",
    "Authorization: Bearer x",
    "Authorization: Bearer axle1.a.b.c",
    "Authorization: Basic eDp5",
};
static const char *const methods[] = {"GET",  "POST",    "PUT",   "PATCH", "DELETE",
                                      "HEAD", "OPTIONS", "TRACE", "get",   "X"};

static void change_bytes(struct text *text, size_t from)
{
    for (uint64_t n = 1 + next_random(4); n && text->len > from; n--)
        text->bytes[from + next_random(text->len - from)] = (char)next_random(256);
}

static struct node *change_tree(struct arena *arena, const struct seed *seed)
{
    struct node *tree = seed->tree;

    for (uint64_t n = 1 + next_random(3); n && seed->places.count; n--)
        tree = mutation_make(arena, tree, seed->places.pointers[next_random(seed->places.count)],
                             mutation_values[next_random(mutation_value_count)]);
    return tree;
}

static void write_body(const struct seed *seed, struct text *body)
{
    scoped_arena struct arena *arena = arena_new();
    uint64_t kind = next_random(10);
    const struct seed *other = &seeds[next_random(seed_count)];

    if (seed->tree && kind < 5)
        document_write_json(body, change_tree(arena, seed));
    else if (kind == 5 && other->len)
        text_add_bytes(body, other->body, other->len);
    else if (seed->len)
        text_add_bytes(body, seed->body, seed->len);
    if (kind == 6)
        change_bytes(body, 0);
    if (kind == 7 && body->len)
        text_cut(body, next_random(body->len));
}

static void write_target(const struct seed *seed, struct text *out)
{
    const char *target = seed->target, *query = strchr(target, '?');
    size_t len = query ? (size_t)(query - target) : strlen(target);
    uint64_t kind = next_random(12);
    char between = query ? '&' : '?';

    if (kind == 0) {
        for (size_t at = 0, next; at < len; at = next) {
            next = at + 1 + strcspn(target + at + 1, "/?");
            next = next > len ? len : next;
            if (next_random(5) == 0)
                text_addf(out, "/%s", one_of(words, count_of(words)));
            else if (next_random(10))
                text_add_bytes(out, target + at, next - at);
        }
    } else {
        text_add_bytes(out, target, len);
    }
    if (kind == 1)
        text_addf(out, "/%s", one_of(words, count_of(words)));
    if (query && kind != 2)
        text_add(out, query);
    else
        between = '?';
    for (uint64_t n = kind == 3 || kind == 4 ? 1 + next_random(3) : 0; n; n--, between = '&')
        text_addf(out, "%c%s", between, one_of(parameters, count_of(parameters)));
}

static void write_fields(const struct seed *seed, struct text *out, size_t body)
{
    uint64_t kind = next_random(25);

    text_addf(out, "Host: %s\r\n", address);
    for (size_t i = 0; i < node_count(seed->headers); i++) {
        if (kind == 0 && next_random(3) == 0)
            continue;
        text_addf(out, "%s\r\n", node_text(node_item(seed->headers, i)));
    }
    if (kind == 1 || kind == 2)
        text_addf(out, "%s\r\n", one_of(fields, count_of(fields)));
    if (body || next_random(2))
        text_addf(out, "Content-Length: %zu\r\n", body);
    text_add(out, "\r\n");
}

/* True if what follows on this connection would not be understood. */
static bool write_request(struct text *out)
{
    scoped_text struct text body = {0};
    const struct seed *seed = &seeds[next_random(seed_count)];
    size_t from = out->len;
    uint64_t kind = next_random(60);

    /* A watch has no end, so that its line is lost, and schemas are long. */
    if ((strstr(seed->target, "watch=") || text_starts(seed->target, "/openapi")) && next_random(8))
        seed = &seeds[next_random(seed_count)];

    write_body(seed, &body);
    text_addf(out, "%s ", next_random(30) ? seed->method : one_of(methods, count_of(methods)));
    write_target(seed, out);
    text_add(out, " HTTP/1.1\r\n");
    write_fields(seed, out, body.len);
    text_add_bytes(out, body.bytes, body.len);
    if (kind == 0)
        change_bytes(out, from);
    if (kind == 1)
        text_cut(out, from + next_random(out->len - from));
    return kind < 2;
}

/* ---- Lines ----------------------------------------------------------------------------- */

struct line {
    struct loop_stream *stream;
    struct loop_timer *timer; /* it waits no longer than this */
    size_t sent, answered;    /* of what was written last */
    size_t match;             /* how much of "HTTP/1.1 " was read */
    bool cut;                 /* nothing more can be sent on it */
    struct text heard;        /* since then, at most MOST_HEARD */
    size_t said;              /* which of `kept` was written last */
};
static struct line lines[LINES];
static size_t sent, answered, opened, by_class[6];
static char *faults[8]; /* the first answers that say it is our mistake */
static size_t fault_count, faults_seen;
static char *kept[KEPT];
static size_t kept_at;
static bool finishing;

static void keep(struct line *line, const struct text *out)
{
    line->said = kept_at++ % KEPT;
    free(kept[line->said]);
    kept[line->said] = mem_copy_string(text_string(out));
}

static void open_line(struct line *line);

/* What a kube-apiserver answers 500 to as well. */
static bool is_original(const char *message)
{
    static const char *const originals[] = {
        "failed to create typed patch object",
        "strconv.ParseUint",
        "resourceVersion should not be set on objects to be created",
        "required revision is a future revision",
    };

    for (size_t i = 0; i < count_of(originals); i++)
        if (strstr(message, originals[i]))
            return true;
    return false;
}

/* 500 is for what should not be. */
static void find_fault(struct line *line)
{
    const char *at = line->heard.len ? strstr(text_string(&line->heard), "HTTP/1.1 500") : NULL;

    /* An answer to HEAD has no message to know it by. */
    if (at && !is_original(at) && !strstr(kept[line->said], "HEAD ")) {
        faults_seen++;
        if (fault_count < count_of(faults))
            faults[fault_count++] = mem_printf("%.700s\n# -> %.900s", kept[line->said], at);
    }
    text_cut(&line->heard, 0);
}

static void feed(struct line *line)
{
    scoped_text struct text out = {0};
    uint64_t count = 1 + next_random(next_random(3) ? 2 : MOST_AT_ONCE);

    if (finishing)
        return;
    line->sent = line->answered = 0;
    for (; count && !line->cut; count--, line->sent++)
        line->cut = write_request(&out);
    sent += line->sent;
    keep(line, &out);
    loop_timer_set(line->timer, 250 * CLOCK_MS);
    loop_stream_write(line->stream, out.bytes, out.len);
    if (line->cut && next_random(2))
        loop_stream_finish(line->stream);
}

static void reopen(void *arg)
{
    struct line *line = arg;

    loop_stream_close(&line->stream);
    if (!finishing)
        open_line(line);
}

static void on_opened(void *arg)
{
    feed(arg);
}

static void on_read(void *arg, const char *bytes, size_t len)
{
    static const char head[] = "HTTP/1.1 ";
    struct line *line = arg;

    if (line->heard.len < MOST_HEARD)
        text_add_bytes(&line->heard, bytes, len < MOST_HEARD ? len : MOST_HEARD);
    for (size_t i = 0; i < len; i++) {
        if (line->match == sizeof head - 1) {
            line->answered++;
            answered++;
            by_class[bytes[i] > '0' && bytes[i] < '6' ? bytes[i] - '0' : 0]++;
            if (bytes[i] == '4' || bytes[i] == '5')
                loop_timer_set(line->timer, 40 * CLOCK_MS); /* it may close */
        }
        line->match = line->match < sizeof head - 1 && bytes[i] == head[line->match]
                          ? line->match + 1
                      : bytes[i] == 'H' ? 1
                                        : 0;
    }
    if (line->answered >= line->sent) {
        find_fault(line);
        feed(line);
    }
}

static void on_closed(void *arg, const struct err *why)
{
    struct line *line = arg;

    find_fault(line);
    loop_timer_set(line->timer, why && why->code == ERR_UNREACHABLE ? 20 * CLOCK_MS : 0);
}

static const struct loop_stream_events events = {on_opened, on_read, NULL, NULL, on_closed};

static void open_line(struct line *line)
{
    struct err err = {0};

    opened++;
    line->match = 0;
    line->cut = false;
    line->stream = tls_connect(tls, address, NULL, &err);
    if (line->stream)
        loop_stream_handle(line->stream, &events, line);
    loop_timer_set(line->timer, CLOCK_SECOND);
}

/* ---- One hub's life ------------------------------------------------------------------------ */

static void show_kept(void)
{
    for (size_t i = kept_at > KEPT ? kept_at - KEPT : 0; i < kept_at; i++)
        printf("# ---- %.700s\n", kept[i % KEPT]);
}

/* False if the hub ended by itself, or did not end in order. */
static bool live(int64_t seconds)
{
    int64_t end;
    int status;
    bool died = false;

    start_hub();
    finishing = false;
    for (size_t i = 0; i < LINES; i++)
        open_line(&lines[i]);
    end = clock_steady() + seconds * CLOCK_SECOND;
    while (clock_steady() < end && !died) {
        loop_turn(loop, 100 * CLOCK_MS);
        died = hub_has_ended(&status);
    }
    finishing = true;
    for (size_t i = 0; i < LINES; i++) {
        loop_stream_close(&lines[i].stream);
        loop_timer_stop(lines[i].timer);
    }
    if (!died)
        status = end_hub();
    if (!CHECK_INT(status, 0, "hub %d %s", hub_number,
                   died ? "lives" : "ends in order, without a leak"))
        show_kept();
    return status == 0;
}

static void replay(int64_t seconds, uint64_t seed)
{
    scoped_arena struct arena *arena = arena_new();
    int64_t start = clock_steady(), rate;
    int64_t spent = 0;

    state = seed * 2654435761u + 1;
    read_seeds(arena);
    CHECK(seed_count > 20, "there are requests to change: %zu", seed_count);
    for (size_t i = 0; i < LINES; i++)
        lines[i].timer = loop_timer_new(loop, reopen, &lines[i]);
    while (spent < seconds) {
        int64_t part = seconds - spent < EPOCH ? seconds - spent : EPOCH;

        live(part);
        spent += part;
    }
    rate = (int64_t)answered * CLOCK_SECOND / (clock_steady() - start);
    printf("# seed %llu: %zu requests sent, %zu answered (%zu 2xx, %zu 3xx, %zu 4xx, %zu 5xx), "
           "%zu connections, %lld answers a second\n",
           (unsigned long long)seed, sent, answered, by_class[2], by_class[3], by_class[4],
           by_class[5], opened, (long long)rate);
    CHECK_INT(faults_seen, 0, "no answer says that it is the hub's mistake");
    for (size_t i = 0; i < fault_count; i++) {
        printf("# %s\n", faults[i]);
        free(faults[i]);
    }
    for (size_t i = 0; i < LINES; i++) {
        loop_timer_free(&lines[i].timer);
        text_free(&lines[i].heard);
    }
    for (size_t i = 0; i < KEPT; i++)
        free(kept[i]);
    for (size_t i = 0; i < seed_count; i++)
        mutation_places_free(&seeds[i].places);
    free(seeds);
}

/* ---- Recording --------------------------------------------------------------------------- */

/* kubectl talks to us in the clear, and we to the hub as the administrator. */
struct relay {
    struct loop_stream *client, *server;
    struct text heard; /* what the client said */
    bool over;         /* one of them has gone */
    struct relay *next;
};
static struct relay *relays;

static void on_client_read(void *arg, const char *bytes, size_t len)
{
    struct relay *relay = arg;

    text_add_bytes(&relay->heard, bytes, len);
    if (!relay->over)
        loop_stream_write(relay->server, bytes, len);
}

static void on_server_read(void *arg, const char *bytes, size_t len)
{
    struct relay *relay = arg;

    if (!relay->over)
        loop_stream_write(relay->client, bytes, len);
}

static void on_either_closed(void *arg, const struct err *why)
{
    struct relay *relay = arg;

    relay->over = true;
}

static void on_server_open(void *arg)
{
}

static const struct loop_stream_events client_events = {NULL, on_client_read, NULL, NULL,
                                                        on_either_closed},
                                       server_events = {on_server_open, on_server_read, NULL, NULL,
                                                        on_either_closed};

static void on_accept(struct loop_stream *stream, void *arg)
{
    struct relay *relay = mem_alloc(sizeof *relay);

    *relay = (struct relay){stream, tls_connect(tls, address, NULL, NULL), {0}, false, relays};
    relays = relay;
    loop_stream_handle(relay->server, &server_events, relay);
    loop_stream_handle(stream, &client_events, relay);
}

static bool is_boring(const char *line)
{
    static const char *const names[] = {"Host:",    "Content-Length:",  "User-Agent:",
                                        "Kubectl-", "Accept-Encoding:", "Transfer-Encoding:"};

    for (size_t i = 0; i < count_of(names); i++)
        if (text_starts(line, names[i]))
            return true;
    return false;
}

/* The line that stands for one request; how long the request was, 0: no more. */
static size_t print_request(struct arena *arena, const char *bytes, size_t len, struct map *seen)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4), *at = bytes;
    struct node *line = node_map(arena), *list;
    size_t body = 0;
    char *json;

    if (!end)
        return 0;
    node_set_text(arena, line, "method", arena_printf(arena, "%.*s", (int)strcspn(at, " "), at));
    at += strcspn(at, " ") + 1;
    node_set_text(arena, line, "target", arena_printf(arena, "%.*s", (int)strcspn(at, " "), at));
    list = node_make_list(arena, line, "headers");
    for (at = strstr(at, "\r\n") + 2; at < end; at = strstr(at, "\r\n") + 2) {
        const char *one = arena_printf(arena, "%.*s", (int)strcspn(at, "\r"), at);

        if (text_starts(one, "Content-Length: "))
            body = strtoul(one + 16, NULL, 10);
        if (!is_boring(one))
            node_add(arena, list, node_string(arena, one));
    }
    end += 4;
    if (body > len - (size_t)(end - bytes))
        return 0;
    if (body && text_is_utf8(end, body) && !memchr(end, 0, body)) {
        node_set(arena, line, "body", node_bytes(arena, end, body));
    } else if (body) {
        scoped_text struct text base64 = {0};

        text_add_base64(&base64, end, body, false);
        node_set_text(arena, line, "base64", text_string(&base64));
    }
    json = document_json(arena, line);
    if (!map_get(seen, json))
        printf("%s\n", json);
    map_put(seen, json, seen);
    return (size_t)(end - bytes) + body;
}

static void print_relays(struct arena *arena, struct map *seen)
{
    while (relays) {
        struct relay *relay = relays;
        size_t at = 0, took;

        while (relay->heard.len &&
               (took = print_request(arena, relay->heard.bytes + at, relay->heard.len - at, seen)))
            at += took;
        relays = relay->next;
        loop_stream_close(&relay->client);
        loop_stream_close(&relay->server);
        text_free(&relay->heard);
        free(relay);
    }
}

static void record_one(const char *kubectl, struct arena *arena, struct map *seen)
{
    struct err err = {0};
    struct loop_listener *listener;
    scoped_mem char *home = mem_printf("%s/home-%d", folder, hub_number);
    scoped_mem char *make = mem_printf("mkdir -p '%s'", home), *k = NULL;
    pid_t pid;

    start_hub();
    listener = loop_listen(loop, "127.0.0.1:0", on_accept, NULL, &err);
    if (!listener || system(make) != 0)
        exit(99);
    k = mem_printf("%s --server=http://%s", kubectl, loop_listener_address(listener));
    setenv("K", k, 1);
    setenv("HOME", home, 1);
    setenv("WORK", home, 1);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", afternoon, NULL);
        _exit(127);
    }
    while (waitpid(pid, NULL, WNOHANG) == 0)
        loop_turn(loop, 20 * CLOCK_MS);
    print_relays(arena, seen);
    loop_listener_close(&listener);
    end_hub();
}

static void record(char **kubectls)
{
    static char plain[] = "kubectl", *usual[] = {plain, NULL};
    scoped_arena struct arena *arena = arena_new();
    scoped_map struct map *seen = map_new();

    for (char **one = *kubectls ? kubectls : usual; *one; one++)
        record_one(*one, arena, seen);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    int64_t seconds = argc > 1 ? strtol(argv[1], NULL, 10) : getenv("DEEP") ? 600 : 20;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : random_number() % 1000000;

    signal(SIGPIPE, SIG_IGN);
    log_setup(LOG_ERROR, false);
    snprintf(folder, sizeof folder, "%s/traffic-XXXXXX",
             getenv("TEST_DIR") ? getenv("TEST_DIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    loop = loop_new(&err);
    if (argc > 1 && !strcmp(argv[1], "record")) {
        record(argv + 2);
    } else {
        replay(seconds, seed);
    }
    tls_client_free(&tls);
    arena_free(&credentials);
    loop_free(&loop);
    return check_count ? check_done() : 0;
}
