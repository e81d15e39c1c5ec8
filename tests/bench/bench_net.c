/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What talking costs the hub: a server process and a client process over
 * loopback. Figures are the server's own CPU time and memory, so that the
 * client on the same machine does not blur them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/pki_fixture.h"
#include "http/http.h"
#include "tls/tls.h"

static struct fixture f;
static struct loop *loop;

/* ------------------------------------------------------------------ server */

static double resident_kb(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages[2] = {0, 0};

    if (file && fscanf(file, "%ld %ld", &pages[0], &pages[1]) != 2)
        pages[1] = 0;
    if (file)
        fclose(file);
    return (double)pages[1] * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static void stat_now(struct http_request *r, void *arg)
{
    struct timespec cpu;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    http_respond_text(r, 200, "%.9f %.1f", (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9,
                      resident_kb());
}

static char small[300];
static void get(struct http_request *r, void *arg)
{
    http_respond(r, 200, "application/json", small, sizeof small);
}

static void watch(struct http_request *r, void *arg)
{
    http_request_gone(r, NULL, NULL);
    http_response_begin(r, 200, "application/json", -1);
    http_response_write(r, small, sizeof small);
}

static void serve(int out)
{
    struct err err;
    struct tls_server *tls;
    struct http_server *http;
    char address[64] = "";

    loop = loop_new(&err);
    tls = tls_server_new(loop,
                         &(struct tls_server_settings){text_string(&f.hub_cert),
                                                       text_string(&f.hub_key),
                                                       pki_authority_cert(f.ca), false},
                         &err);
    http = http_server_new(loop, NULL);
    http_server_route(http, "/stat", NULL, stat_now, NULL);
    http_server_route(http, "/get", NULL, get, NULL);
    http_server_route(http, "/watch", NULL, watch, NULL);
    memset(small, 'x', sizeof small);
    if (http_server_listen(http, "127.0.0.1:0", tls, &err) < 0)
        exit(1);
    snprintf(address, sizeof address, "%s", http_server_address(http, 0));
    if (write(out, address, sizeof address) != sizeof address)
        exit(1);
    loop_run(loop);
}

/* ------------------------------------------------------------------ client */

static char address[64];

static struct tls_client *identity(void)
{
    struct err err;

    return tls_client_new(loop,
                          &(struct tls_client_settings){.roots = pki_authority_cert(f.ca),
                                                        .cert = text_string(&f.spoke_cert),
                                                        .key = text_string(&f.spoke_key)},
                          &err);
}

static struct http_client *client_of(struct tls_client *tls, size_t most)
{
    struct err err;

    return http_client_new(
        loop,
        &(struct http_client_settings){.address = address, .tls = tls, .most_connections = most},
        &err);
}

static size_t done, failed;
static char last_body[128];

static void on_done(const struct http_response *a, const struct err *err, void *arg)
{
    done++;
    failed += err != NULL;
    if (err && failed == 1)
        printf("a call failed: %s\n", err->text);
    if (a)
        snprintf(last_body, sizeof last_body, "%s", a->body);
}

static void send_request(struct http_client *client, const char *target)
{
    http_client_send(client, &(struct http_client_request){.target = target, .done = on_done});
}

static void until(size_t count)
{
    while (done < count)
        loop_turn(loop, CLOCK_SECOND);
}

static void stat_of_server(double *cpu, double *kb)
{
    struct tls_client *tls = identity();
    struct http_client *client = client_of(tls, 1);

    done = 0;
    send_request(client, "/stat");
    until(1);
    *cpu = strtod(last_body, NULL);
    *kb = strtod(strchr(last_body, ' ') ? strchr(last_body, ' ') : "0", NULL);
    http_client_free(&client);
    loop_turn(loop, 0);
    tls_client_free(&tls);
}

static void handshakes(bool resume, size_t count)
{
    double cpu[2], kb;
    int64_t start;
    size_t i;
    struct tls_client *tls = identity();

    stat_of_server(&cpu[0], &kb);
    start = clock_steady();
    for (i = 0; i < count; i++) {
        struct http_client *client;

        if (!resume) {
            tls_client_free(&tls);
            tls = identity();
        }
        client = client_of(tls, 1);
        done = 0;
        send_request(client, "/get");
        until(1);
        http_client_free(&client);
        loop_turn(loop, 0);
    }
    start = clock_steady() - start;
    stat_of_server(&cpu[1], &kb);
    printf("%-28s %8.0f /s of the server's CPU  %8.0f /s by the clock, with one GET each\n",
           resume ? "TLS 1.2 resumed handshakes" : "TLS 1.2 full handshakes",
           (double)count / (cpu[1] - cpu[0]), (double)count * 1e9 / (double)start);
    tls_client_free(&tls);
}

static struct http_client *getter;
static size_t left;
static void on_get(const struct http_response *a, const struct err *err, void *arg)
{
    done++;
    failed += err != NULL;
    if (left && left--)
        http_client_send(getter, &(struct http_client_request){.target = "/get", .done = on_get});
}

static void get_many(size_t lines, size_t count)
{
    double cpu[2], kb;
    int64_t start;
    size_t i;
    struct tls_client *tls = identity();

    getter = client_of(tls, lines);
    stat_of_server(&cpu[0], &kb);
    done = 0;
    left = count - lines;
    start = clock_steady();
    for (i = 0; i < lines; i++)
        http_client_send(getter, &(struct http_client_request){.target = "/get", .done = on_get});
    until(count);
    start = clock_steady() - start;
    stat_of_server(&cpu[1], &kb);
    printf("GET 300 B, %3zu TLS lines      %8.0f /s of the server's CPU  %8.0f /s by the clock\n",
           lines, (double)count / (cpu[1] - cpu[0]), (double)count * 1e9 / (double)start);
    http_client_free(&getter);
    loop_turn(loop, 0);
    tls_client_free(&tls);
}

static size_t heard;
static void on_data(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    heard++;
}

static void idle(size_t count)
{
    double cpu, kb[2];
    size_t i;
    struct tls_client *tls = identity();
    struct http_client *client = client_of(tls, count);
    struct http_call **calls = mem_alloc(count * sizeof *calls);

    stat_of_server(&cpu, &kb[0]);
    for (i = 0; i < count; i++) {
        calls[i] =
            http_client_send(client, &(struct http_client_request){.target = "/watch",
                                                                   .data = on_data,
                                                                   .done = on_done,
                                                                   .deadline = 60 * CLOCK_SECOND});
        while (heard <= i && !failed)
            loop_turn(loop, CLOCK_SECOND);
    }
    stat_of_server(&cpu, &kb[1]);
    printf("memory per open TLS watch    %8.1f kB (%zu of them; server %.1f -> %.1f MB)\n",
           (kb[1] - kb[0]) / (double)count, count, kb[0] / 1024, kb[1] / 1024);
    http_client_free(&client);
    loop_turn(loop, 0);
    tls_client_free(&tls);
    mem_free(&calls);
}

int main(int argc, char **argv)
{
    int ends[2];
    struct err err;
    pid_t server;

    fixture_make(&f);
    if (pipe(ends) < 0)
        return 1;
    server = fork();
    if (!server) {
        serve(ends[1]);
        return 0;
    }
    if (read(ends[0], address, sizeof address) != sizeof address)
        return 1;
    loop = loop_new(&err);
    handshakes(false, argc > 1 ? 1 : 300);
    handshakes(true, argc > 1 ? 1 : 3000);
    get_many(1, argc > 1 ? 10 : 10000);
    get_many(64, argc > 1 ? 100 : 60000);
    idle(1000);
    if (failed)
        printf("%zu calls failed\n", failed);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return failed != 0;
}
