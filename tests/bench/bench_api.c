/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A1 durable creates, A2 GET, A3 LIST, A4 watch fan-out, E7 restart, M1 memory,
 * S1 size and S2 cold start of the hub, over TLS, beside raw SQLite, etcd
 * (through its JSON gateway) and, if PEER_KUBECONFIG names one, a
 * kube-apiserver, all in the same run. Words on the command line choose rows.
 */
#include "load.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define MAPS "/api/v1/namespaces/default/configmaps"
#define BODY 1000
#define LISTED 30000
#define KEPT 100000

static struct load load, peer;
static bool has_peer;
static int words_count;
static char **words;
static char filler[BODY + 1];
static size_t made;
static char text[64];

static bool wanted(const char *row)
{
    for (int i = 1; i < words_count; i++)
        if (!strcasecmp(words[i], row))
            return true;
    return words_count < 2;
}

static const char *number(const char *format, double value)
{
    snprintf(text, sizeof text, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value, format);
    return text;
}

/* ---- What is asked -------------------------------------------------------------- */

static void make_map(size_t nth, struct text *target, struct text *body)
{
    text_add(target, MAPS);
    text_addf(body,
              "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
              "\"b%zu\"},\"data\":{\"x\":\"%s\"}}",
              made + nth, filler);
}

static void make_get(size_t nth, struct text *target, struct text *body)
{
    text_addf(target, MAPS "/b%zu", nth * 7919 % (made ? made : 1));
}

static void make_put(size_t nth, struct text *target, struct text *body)
{
    scoped_text struct text key = {0}, value = {0};
    scoped_mem char *name = mem_printf("b%zu", nth);

    text_add(target, "/v3/kv/put");
    text_add_base64(&key, name, strlen(name), false);
    text_add_base64(&value, filler, BODY, false);
    text_addf(body, "{\"key\":\"%s\",\"value\":\"%s\"}", text_string(&key), text_string(&value));
}

static double rate(struct load *of, size_t lines, size_t count, const char *method,
                   void (*make)(size_t, struct text *, struct text *), struct load_run *run)
{
    *run = (struct load_run){.client = load_client(of, lines),
                             .method = method,
                             .make = make,
                             .count = count,
                             .lines = lines};
    load_do(of, run);
    http_client_free(&run->client);
    if (run->failed)
        printf("%zu of %zu requests failed\n", run->failed, run->count);
    return (double)count / ((double)run->wall / 1e9);
}

static void create(struct load *of, size_t lines, size_t count, double *ret_rate)
{
    struct load_run run;
    double found = rate(of, lines, count, "POST", make_map, &run);

    made += count;
    free(run.took);
    if (ret_rate)
        *ret_rate = found;
}

/* ---- Floors and peers -------------------------------------------------------------- */

static double raw_sqlite(int group)
{
    scoped_mem char *path = mem_printf("%s/raw-%d.db", load.folder, group);
    sqlite3 *db;
    sqlite3_stmt *insert;
    int64_t rows = 0, start;

    sqlite3_open(path, &db);
    sqlite3_exec(db,
                 "PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=WAL;"
                 "PRAGMA synchronous=FULL;CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)",
                 NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?,?)", -1, &insert, NULL);
    start = clock_steady();
    while (clock_steady() - start < CLOCK_SECOND) {
        sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
        for (int i = 0; i < group; i++) {
            sqlite3_bind_int64(insert, 1, ++rows);
            sqlite3_bind_blob(insert, 2, filler, BODY, SQLITE_STATIC);
            sqlite3_step(insert);
            sqlite3_reset(insert);
        }
        sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return (double)rows / ((double)(clock_steady() - start) / 1e9);
}

static void on_nobody(struct loop_stream *stream, void *arg)
{
    loop_stream_close(&stream);
}

static int free_port(void)
{
    struct err err = {0};
    struct loop_listener *listener = loop_listen(load.loop, "127.0.0.1:0", on_nobody, NULL, &err);
    int port;

    if (!listener)
        load_die("%s", err.text);
    port = loop_listener_port(listener);
    loop_listener_close(&listener);
    return port;
}

static pid_t start_etcd(struct load *etcd)
{
    scoped_mem char *folder = mem_printf("%s/etcd", load.folder);
    scoped_mem char *client = mem_printf("http://127.0.0.1:%d", free_port());
    scoped_mem char *other = mem_printf("http://127.0.0.1:%d", free_port());
    pid_t pid;

    if (!file_exists("/usr/bin/etcd"))
        return 0;
    *etcd = (struct load){
        .loop = load.loop, .arena = load.arena, .address = arena_string(load.arena, client + 7)};
    fflush(stdout);
    pid = fork();
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!freopen("/dev/null", "w", stdout) || dup2(1, 2) < 0)
            _exit(126);
        execl("/usr/bin/etcd", "etcd", "--data-dir", folder, "--listen-client-urls", client,
              "--advertise-client-urls", client, "--listen-peer-urls", other,
              "--initial-advertise-peer-urls", other, "--initial-cluster",
              arena_printf(load.arena, "default=%s", other), (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 300; i++) {
        struct http_client *probe = load_client(etcd, 1);
        bool up = load_request(etcd, probe, "GET", "/health", NULL) != NULL;

        http_client_free(&probe);
        if (up)
            return pid;
        usleep(100000);
    }
    load_die("etcd does not answer");
}

/* ---- A1, A2 --------------------------------------------------------------------------- */

static void bench_creates(void)
{
    struct load etcd;
    struct load_run run;
    static const size_t lines[] = {1, 64}, counts[] = {1000, 10000};
    pid_t pid = start_etcd(&etcd);

    for (size_t i = 0; i < 2; i++) {
        double raw = raw_sqlite((int)lines[i]), ours, theirs = 0, third = 0;
        scoped_mem char *what = mem_printf("A1 creates, %zu connection%s", lines[i], i ? "s" : "");

        create(&load, lines[i], counts[i], &ours);
        if (pid) {
            theirs = rate(&etcd, lines[i], counts[i], "POST", make_put, &run);
            free(run.took);
        }
        if (has_peer) {
            third = rate(&peer, lines[i], counts[i], "POST", make_map, &run);
            free(run.took);
        }
        load_row(what, number("/s", ours), i ? "5x kube-apiserver" : "0.6x SQLite",
                 "SQLite %.0f (%.2fx)", raw, ours / raw);
        if (pid)
            load_row("", "", "", "etcd %.0f (%.2fx)", theirs, ours / theirs);
        if (has_peer)
            load_row("", "", "", "kube-apiserver %.0f (%.2fx)", third, ours / third);
    }
    if (pid) {
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
    }
}

static void bench_get(void)
{
    struct load_run run;
    double ours, third;

    if (!made)
        create(&load, 64, 1000, NULL);
    ours = rate(&load, 64, 20000, "GET", make_get, &run);
    load_row("A2 GET, 64 connections", number("/s", ours), "25,000/s", "p50 %.2f ms, p99 %.2f ms",
             load_ms(run.took, run.count, 0.5), load_ms(run.took, run.count, 0.99));
    free(run.took);
    if (has_peer) {
        third = rate(&peer, 64, 5000, "GET", make_get, &run);
        free(run.took);
        load_row("", "", "", "kube-apiserver %.0f (%.2fx)", third, ours / third);
    }
}

/* ---- A3 ---------------------------------------------------------------------------------- */

static void make_list(size_t nth, struct text *target, struct text *body)
{
    text_add(target, MAPS);
}

static long peak(pid_t pid, bool clear)
{
    scoped_mem char *path = mem_printf("/proc/%d/%s", (int)pid, clear ? "clear_refs" : "status");
    FILE *file = fopen(path, clear ? "w" : "r");
    char line[256];
    long kb = 0;

    if (file && clear)
        fputs("5", file);
    while (file && !clear && fgets(line, sizeof line, file))
        if (text_starts(line, "VmHWM:"))
            kb = strtol(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return kb;
}

static void bench_list(void)
{
    struct load_run run;
    double cpu;
    long before;

    if (made < LISTED)
        create(&load, 64, LISTED - made, NULL);
    before = load_memory(load.pid, "Rss:");
    peak(load.pid, true);
    cpu = load_cpu_exact(load.pid);
    rate(&load, 1, 5, "GET", make_list, &run);
    cpu = (load_cpu_exact(load.pid) - cpu) / 5;
    load_row("A3 LIST of 30,000", number("ms", load_ms(run.took, 5, 0.5)), "120 ms",
             "hub CPU %.0f ms, peak +%.1f MB", cpu,
             (double)(peak(load.pid, false) - before) / 1024);
    free(run.took);
    if (has_peer) {
        rate(&peer, 1, 3, "GET", make_list, &run);
        load_row("", "", "", "kube-apiserver %.0f ms", load_ms(run.took, 3, 0.5));
        free(run.took);
    }
}

/* ---- A4, M1 -------------------------------------------------------------------------------- */

static int64_t told_at, *told;
static size_t told_count, opened;

static void on_told(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    if (told)
        told[told_count] = clock_steady() - told_at;
    told_count++;
}

static void on_opened(struct http_call *call, const struct http_response *response, void *arg)
{
    if (response->status != 200)
        load_die("a watch was refused: %d", response->status);
    opened++;
}

static void on_closed(const struct http_response *response, const struct err *err, void *arg)
{
    load_die("a watch ended: %s", err ? err->text : "in order");
}

static struct http_client **open_watches(size_t count, const char *target)
{
    struct http_client **all = mem_alloc(count * sizeof *all);

    opened = 0;
    for (size_t i = 0; i < count; i++) {
        all[i] = load_client(&load, 1);
        http_client_send(all[i], &(struct http_client_request){.target = target,
                                                               .head = on_opened,
                                                               .data = on_told,
                                                               .done = on_closed,
                                                               .deadline = 300 * CLOCK_SECOND});
        /* A few handshakes at a time, as full jitter would have it. */
        while (opened + 16 < i)
            loop_turn(load.loop, CLOCK_SECOND);
    }
    while (opened < count)
        loop_turn(load.loop, CLOCK_SECOND);
    return all;
}

static void close_watches(struct http_client ***at, size_t count)
{
    struct http_client **all = *at;

    for (size_t i = 0; i < count; i++)
        http_client_free(&all[i]);
    free(all);
    *at = NULL;
}

static void change(size_t nth, size_t watchers)
{
    scoped_mem char *body = mem_printf("{\"data\":{\"x\":\"%zu\"}}", nth);
    struct http_field type = {"Content-Type", "application/merge-patch+json"};
    struct http_client *client = load_client(&load, 1);
    struct load_one one = {.arena = load.arena};

    load_request(&load, client, "GET", "/readyz", NULL); /* shakes hands before */
    told_count = 0;
    told_at = clock_steady();
    http_client_send(client, &(struct http_client_request){.method = "PATCH",
                                                           .target = MAPS "/b0",
                                                           .body = body,
                                                           .len = strlen(body),
                                                           .headers = &type,
                                                           .header_count = 1,
                                                           .done = load_one_done,
                                                           .arg = &one});
    while (!one.done || told_count < watchers)
        loop_turn(load.loop, CLOCK_SECOND);
    http_client_free(&client);
}

static void bench_watch(size_t watchers)
{
    struct http_client **all;
    int64_t *every = mem_alloc(watchers * 20 * sizeof *every);
    scoped_mem char *what = mem_printf("A4 fan-out to %zu watchers", watchers);
    double cpu;

    if (!made)
        create(&load, 1, 1, NULL);
    all = open_watches(watchers, MAPS "?watch=true&fieldSelector=metadata.name=b0"
                                      "&resourceVersion=0");
    while (told_count < watchers) /* its first state */
        loop_turn(load.loop, CLOCK_SECOND);
    cpu = load_cpu_exact(load.pid);
    for (size_t i = 0; i < 20; i++) {
        told = every + i * watchers;
        change(i, watchers);
    }
    told = NULL;
    qsort(every, watchers * 20, sizeof *every, load_by_size);
    load_row(what, number("ms p50", load_ms(every, watchers * 20, 0.5)), "3 and 10 ms at 500",
             "p99 %.1f ms, hub CPU %.2f ms", load_ms(every, watchers * 20, 0.99),
             (load_cpu_exact(load.pid) - cpu) / 20);
    close_watches(&all, watchers);
    free(every);
}

/* A spoke at rest is one connection with one watch. */
static void bench_memory(void)
{
    struct load idle = load;
    struct http_client **all;
    long base, with;

    /* A hub of its own: what was done before is not counted. */
    load = (struct load){.loop = load.loop};
    load_start(&load, "hub");
    base = load_memory(load.pid, "Rss:");
    load_row("M1 hub at rest", number("kB", (double)base), "10 MB", "anonymous %ld kB",
             load_memory(load.pid, "Anonymous:"));
    all = open_watches(100, "/apis/work.open-cluster-management.io/v1/namespaces/default/"
                            "manifestworks?watch=true&allowWatchBookmarks=true");
    with = load_memory(load.pid, "Rss:");
    load_row("M1 hub with 100 spokes' watches", number("kB", (double)with), "20 kB a spoke",
             "%.1f kB each", (double)(with - base) / 100);
    close_watches(&all, 100);
    loop_turn(load.loop, 0);
    tls_client_free(&load.tls);
    load_end(&load);
    load = idle;
}

/* ---- S1, S2, E7 ------------------------------------------------------------------------------ */

static double until_ready(void)
{
    scoped_mem char *path = mem_printf("%s/hub/admin.kubeconfig", load.folder);
    int64_t start = clock_steady();
    struct http_client *client;
    bool up = false;

    unlink(path);
    load.pid = load_spawn(&load, (const char *const[]){"axle", "--mode=hub", "--data-dir",
                                                       load.folder, "--listen", "127.0.0.1:0",
                                                       "--log-level", "warn", NULL});
    while (!file_exists(path))
        usleep(100);
    load_login(&load, path);
    client = load_client(&load, 1);
    while (!up)
        up = load_request(&load, client, "GET", MAPS "?limit=1", NULL) != NULL;
    start = clock_steady() - start;
    http_client_free(&client);
    loop_turn(load.loop, 0);
    return (double)start / 1e6;
}

static void end_hub(int signal)
{
    kill(load.pid, signal);
    waitpid(load.pid, NULL, 0);
}

static void bench_cold(void)
{
    struct load rest = load;
    double empty[5], again[5];

    for (int i = 0; i < 5; i++) {
        load = (struct load){.loop = load.loop};
        load_folder(&load);
        empty[i] = until_ready();
        end_hub(SIGKILL);
        again[i] = until_ready();
        load_end(&load);
    }
    load = rest;
    load_row("S2 cold start, empty folder", number("ms", empty[2]), "60 ms", "again: %.1f ms",
             again[2]);
}

static void bench_restart(void)
{
    struct http_client *client;
    double revision, now;

    if (made < KEPT)
        create(&load, 64, KEPT - made, NULL);
    client = load_client(&load, 1);
    revision = load_metric(&load, client, "axle_store_revision");
    http_client_free(&client);
    loop_turn(load.loop, 0);
    end_hub(SIGKILL);
    now = until_ready();
    client = load_client(&load, 1);
    load_row("E7 restart with 100,000 objects", number("ms", now), "250 ms", "%.0f writes after it",
             load_metric(&load, client, "axle_store_revision") - revision);
    http_client_free(&client);
}

static void bench_size(void)
{
    struct stat facts;

    if (!stat(getenv("AXLE") ? getenv("AXLE") : "build/axle", &facts))
        load_row("S1 size", number("MB", (double)facts.st_size / 1e6), "5 MB", "static, stripped");
}

int main(int argc, char **argv)
{
    struct rlimit files = {20000, 20000};

    words_count = argc;
    words = argv;
    memset(filler, 'x', BODY);
    if (setrlimit(RLIMIT_NOFILE, &files))
        getrlimit(RLIMIT_NOFILE, &files);
    load_start(&load, "hub");
    has_peer = getenv("PEER_KUBECONFIG") != NULL;
    if (has_peer) {
        peer.loop = load.loop;
        load_login(&peer, getenv("PEER_KUBECONFIG"));
    }
    load_head();
    if (wanted("S1"))
        bench_size();
    if (wanted("S2"))
        bench_cold();
    if (wanted("M1"))
        bench_memory();
    if (wanted("A1"))
        bench_creates();
    if (wanted("A2"))
        bench_get();
    if (wanted("A3"))
        bench_list();
    if (wanted("A4"))
        bench_watch(500);
    if (wanted("A4") && files.rlim_cur >= 11000 && getenv("DEEP"))
        bench_watch(5000);
    if (wanted("E7"))
        bench_restart();
    load_end(&load);
    return 0;
}
