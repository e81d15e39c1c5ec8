/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOAD_H
#define LOAD_H

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "loop/loop.h"
#include "tls/tls.h"

/*
 * What the measuring programs share: a hub (and a spoke) of the program that
 * was built, in a folder of its own, and a client that keeps several requests
 * in flight over TLS and notes how long each took.
 *
 * A row of the table is printed by load_row(): what, the number, the floor or
 * peer beside it in the same run, and the goal.
 */

struct load {
    char folder[64];
    pid_t pid; /* the hub, or all-in-one */
    struct loop *loop;
    struct arena *arena;
    struct tls_client *tls;
    const char *roots, *cert, *key, *address;
};

__attribute__((noreturn, unused, format(printf, 1, 2))) static void load_die(const char *format,
                                                                             ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

__attribute__((unused)) static void load_head(void)
{
    printf("%-34s %14s  %-30s %s\n", "what", "measured", "beside it in the same run", "goal");
}

__attribute__((unused, format(printf, 4, 5))) static void
load_row(const char *what, const char *measured, const char *goal, const char *format, ...)
{
    char beside[96];
    va_list args;

    va_start(args, format);
    vsnprintf(beside, sizeof beside, format, args);
    va_end(args);
    printf("%-34s %14s  %-30s %s\n", what, measured, beside, goal);
    fflush(stdout);
}

/* ------------------------------------------------------------- the program */

__attribute__((unused)) static void load_folder(struct load *load)
{
    snprintf(load->folder, sizeof load->folder, "%s/axle-bench-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(load->folder))
        load_die("%s cannot be made", load->folder);
}

/* Starts build/axle with these words; it ends with us. Its log is FOLDER/log. */
__attribute__((unused)) static pid_t load_spawn(struct load *load, const char *const *words)
{
    scoped_mem char *log = mem_printf("%s/log", load->folder);
    pid_t pid;

    fflush(stdout); /* or the child would print it again */
    pid = fork();
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!freopen(log, "a", stdout) || dup2(1, 2) < 0)
        _exit(126);
    execv(getenv("AXLE") ? getenv("AXLE") : "build/axle", (char *const *)(uintptr_t)words);
    _exit(127);
}

__attribute__((unused)) static void load_wait_for(const char *path)
{
    for (int i = 0; i < 30000 && !file_exists(path); i++)
        usleep(1000);
    if (!file_exists(path))
        load_die("%s did not come", path);
}

static const char *load_secret(struct load *load, const struct node *from, const char *name)
{
    scoped_text struct text bytes = {0};
    const char *text = node_get_text(from, name);

    if (!text_add_unbase64(&bytes, text, strlen(text), false) || !bytes.len)
        load_die("the kubeconfig has no %s", name);
    return arena_string(load->arena, text_string(&bytes));
}

/* The administrator of the hub that wrote this kubeconfig. */
__attribute__((unused)) static void load_login(struct load *load, const char *path)
{
    struct err err = {0};
    size_t len;
    scoped_mem char *text = file_read(path, 1 << 20, &len, &err);
    struct node *config, *cluster, *user;

    load->arena = arena_new();
    config =
        text ? document_read_yaml(load->arena, text, len, true, &document_limits_own, &err) : NULL;
    cluster = node_get(node_item(node_get(config, "clusters"), 0), "cluster");
    user = node_get(node_item(node_get(config, "users"), 0), "user");
    load->address = node_get_text(cluster, "server");
    if (!text_starts(load->address, "https://"))
        load_die("%s: %s", path, err.text);
    load->address += 8;
    load->roots = load_secret(load, cluster, "certificate-authority-data");
    load->cert = load_secret(load, user, "client-certificate-data");
    load->key = load_secret(load, user, "client-key-data");
    load->loop = load->loop ? load->loop : loop_new(&err);
    load->tls = tls_client_new(
        load->loop,
        &(struct tls_client_settings){.roots = load->roots, .cert = load->cert, .key = load->key},
        &err);
    if (!load->loop || !load->tls)
        load_die("%s", err.text);
}

/* A hub or all-in-one in a fresh folder, and its administrator. */
__attribute__((unused)) static void load_start(struct load *load, const char *mode)
{
    scoped_mem char *path = NULL;
    scoped_mem char *word = mem_printf("--mode=%s", mode);

    load_folder(load);
    path = mem_printf("%s/hub/admin.kubeconfig", load->folder);
    load->pid =
        load_spawn(load, (const char *const[]){"axle", word, "--data-dir", load->folder, "--listen",
                                               "127.0.0.1:0", "--log-level", "warn", NULL});
    load_wait_for(path);
    load_login(load, path);
}

__attribute__((unused)) static void load_end(struct load *load)
{
    scoped_mem char *command = mem_printf("rm -rf '%s'", load->folder);

    if (load->pid) {
        kill(load->pid, SIGTERM);
        waitpid(load->pid, NULL, 0);
    }
    if (getenv("KEEP") || system(command) != 0)
        printf("%s is left\n", load->folder);
}

/* -------------------------------------------------------------- the client */

__attribute__((unused)) static struct http_client *load_client(struct load *load, size_t lines)
{
    struct err err = {0};
    struct http_client *client =
        http_client_new(load->loop,
                        &(struct http_client_settings){
                            .address = load->address, .tls = load->tls, .most_connections = lines},
                        &err);

    if (!client)
        load_die("%s", err.text);
    return client;
}

/* `make` writes the nth request's target and body; `lines` are kept in flight. */
struct load_run {
    struct http_client *client;
    const char *method, *type;
    void (*make)(size_t nth, struct text *target, struct text *body);
    size_t count, lines;
    /* results */
    int64_t *took; /* owned; sorted */
    int64_t wall, bytes;
    size_t sent, done, failed;
};

struct load_sent {
    struct load_run *run;
    int64_t start;
};

static void load_next(struct load_run *run);

static void load_answered(const struct http_response *response, const struct err *err, void *arg)
{
    struct load_sent *sent = arg;
    struct load_run *run = sent->run;

    run->took[run->done++] = clock_steady() - sent->start;
    if (!response || response->status > 299) {
        if (!run->failed++)
            fprintf(stderr, "a request failed: %.300s\n", response ? response->body : err->text);
    } else {
        run->bytes += (int64_t)response->len;
    }
    free(sent);
    load_next(run);
}

static void load_next(struct load_run *run)
{
    scoped_text struct text target = {0}, body = {0};
    struct load_sent *sent;
    struct http_field type = {"Content-Type", run->type ? run->type : "application/json"};
    struct http_client_request request = {.method = run->method,
                                          .done = load_answered,
                                          .limit = (size_t)1 << 30,
                                          .deadline = 120 * CLOCK_SECOND};

    if (run->sent == run->count)
        return;
    run->make(run->sent++, &target, &body);
    sent = mem_alloc(sizeof *sent);
    *sent = (struct load_sent){run, clock_steady()};
    request.target = text_string(&target);
    request.arg = sent;
    if (body.len) {
        request.body = body.bytes;
        request.len = body.len;
        request.headers = &type;
        request.header_count = 1;
    }
    http_client_send(run->client, &request);
}

static int load_by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

__attribute__((unused)) static void load_do(struct load *load, struct load_run *run)
{
    int64_t start = clock_steady();

    run->took = mem_resize_array(run->took, run->count + 1, sizeof *run->took);
    run->sent = run->done = run->failed = 0;
    run->bytes = 0;
    for (size_t i = 0; i < run->lines; i++)
        load_next(run);
    while (run->done < run->count)
        loop_turn(load->loop, CLOCK_SECOND);
    run->wall = clock_steady() - start;
    qsort(run->took, run->count, sizeof *run->took, load_by_size);
}

__attribute__((unused)) static double load_ms(const int64_t *sorted, size_t count, double part)
{
    size_t at = (size_t)((double)count * part);

    return count ? (double)sorted[at < count ? at : count - 1] / 1e6 : 0;
}

/* One request, waited for; the body in the arena, or NULL. */
struct load_one {
    struct arena *arena;
    char *body;
    int status;
    bool done;
};

static void load_one_done(const struct http_response *response, const struct err *err, void *arg)
{
    struct load_one *one = arg;

    one->done = true;
    if (!response)
        return;
    one->status = response->status;
    one->body = arena_bytes(one->arena, response->body, response->len);
}

__attribute__((unused)) static char *load_request(struct load *load, struct http_client *client,
                                                  const char *method, const char *target,
                                                  const char *json)
{
    struct load_one one = {.arena = load->arena};
    struct http_field type = {"Content-Type", "application/json"};
    struct http_client_request request = {.method = method,
                                          .target = target,
                                          .body = json,
                                          .len = json ? strlen(json) : 0,
                                          .headers = &type,
                                          .header_count = json != NULL,
                                          .done = load_one_done,
                                          .arg = &one};

    http_client_send(client, &request);
    while (!one.done)
        loop_turn(load->loop, CLOCK_SECOND);
    return one.status >= 200 && one.status < 300 ? one.body : NULL;
}

/* A number of /metrics, or -1. */
__attribute__((unused)) static double load_metric(struct load *load, struct http_client *client,
                                                  const char *name)
{
    scoped_mem char *line = mem_printf("\n%s ", name);
    const char *all = load_request(load, client, "GET", "/metrics", NULL);
    const char *at = all ? strstr(all, line) : NULL;

    return at ? strtod(at + strlen(line), NULL) : -1;
}

/* ------------------------------------------------------------ the processes */

/* kB of /proc/PID/smaps_rollup whose line begins so. */
__attribute__((unused)) static long load_memory(pid_t pid, const char *line)
{
    scoped_mem char *path = mem_printf("/proc/%d/smaps_rollup", (int)pid);
    char text[256];
    FILE *file = fopen(path, "r");
    long kb = -1;

    while (file && fgets(text, sizeof text, file))
        if (text_starts(text, line))
            kb = strtol(text + strlen(line), NULL, 10);
    if (file)
        fclose(file);
    return kb;
}

/* CPU that a process has used, in ms (to 10 ms). */
__attribute__((unused)) static long load_cpu(pid_t pid)
{
    scoped_mem char *path = mem_printf("/proc/%d/stat", (int)pid);
    char text[1024] = "";
    long user = 0, kernel = 0;
    FILE *file = fopen(path, "r");
    char *at;

    if (file && fgets(text, sizeof text, file) && (at = strrchr(text, ')')) &&
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &kernel) != 2)
        user = kernel = 0;
    if (file)
        fclose(file);
    return (user + kernel) * 1000 / sysconf(_SC_CLK_TCK);
}

/* The same to the nanosecond, of its main thread, in ms. */
__attribute__((unused)) static double load_cpu_exact(pid_t pid)
{
    scoped_mem char *path = mem_printf("/proc/%d/schedstat", (int)pid);
    FILE *file = fopen(path, "r");
    double ran = 0;

    if (file && fscanf(file, "%lf", &ran) != 1)
        ran = 0;
    if (file)
        fclose(file);
    return ran / 1e6;
}

/* The first child of a process: the spoke of all-in-one. */
__attribute__((unused)) static pid_t load_child(pid_t pid)
{
    scoped_mem char *path = mem_printf("/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "r");
    int child = 0;

    if (file && fscanf(file, "%d", &child) != 1)
        child = 0;
    if (file)
        fclose(file);
    return child;
}

#endif
