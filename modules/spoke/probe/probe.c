/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a workload over the network whether it is well: HTTP, gRPC, a bare port. */

#include "probe/probe.h"

#include "base/object.h"
#include "document/document.h"
#include "loop/loop.h"
#include "number/number.h"
#include "probe/grpc_check.h"
#include "tls/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_TAG 0x70726f62u
/* A status line and the start of the body are all that is looked at. */
#define PROBE_BYTES ((size_t)16 * 1024)

struct probe_client {
    struct loop *loop;
    struct probe *probes;   /* owned; those that have not ended */
    struct tls_client *tls; /* owned; NULL until one asks by HTTPS */
};

struct probe {
    uint32_t tag;
    struct probe_client *client;
    struct probe *next, **from; /* in the client's list */
    struct loop_stream *stream; /* owned */
    struct loop_timer *timer;   /* owned */
    struct text request, response;
    bool http, tls, grpc, settled;
    bool interim; /* an interim response came, and was dropped */
    char address[320], why[400];
    bool ok;
    probe_fn *done;
    void *arg;
};

static void end_probe(struct probe *probe, bool ok, const char *message)
{
    probe_fn *done = probe->done;
    void *arg = probe->arg;
    scoped_mem char *text = mem_copy_string(message);

    *probe->from = probe->next;
    if (probe->next)
        probe->next->from = probe->from;
    loop_stream_close(&probe->stream);
    loop_timer_free(&probe->timer);
    text_free(&probe->request);
    text_free(&probe->response);
    probe->tag = 0;
    mem_free(&probe);
    done(arg, ok, text);
}

static void on_probe_opened(void *arg)
{
    struct probe *probe = object_from(probe, PROBE_TAG, arg);

    if (!probe->http && !probe->grpc) {
        end_probe(probe, true, "connected");
        return;
    }
    loop_stream_write(probe->stream, probe->request.bytes, probe->request.len);
}

/* Interim responses (1xx but for 101, RFC 9110 15.2) come before the final one. */
static bool is_interim(const char *response)
{
    return text_starts(response, "HTTP/1.") && strlen(response) > 12 && response[9] == '1' &&
           strncmp(response + 9, "101", 3) != 0;
}

/* What comes after the interim responses that are whole. */
static const char *skip_interim(const char *response)
{
    const char *end;

    while (is_interim(response) && (end = strstr(response, "\r\n\r\n")))
        response = end + 4;
    return response;
}

/* NULL: not here yet. */
static const char *final_response(const char *response)
{
    response = skip_interim(response);
    return *response && !is_interim(response) ? response : NULL;
}

/* All of them together may be longer than all that is kept. */
static void drop_interim(struct probe *probe)
{
    const char *from = skip_interim(text_string(&probe->response));
    size_t before = (size_t)(from - text_string(&probe->response));
    scoped_text struct text rest = {0};

    if (!before)
        return;
    probe->interim = true;
    text_add_bytes(&rest, from, probe->response.len - before);
    text_cut(&probe->response, 0);
    text_add_bytes(&probe->response, rest.bytes, rest.len);
}

/* The body of the final response, NULL while its head is not whole. */
static const char *final_body(const struct probe *probe)
{
    const char *response = final_response(text_string(&probe->response));
    const char *end = response ? strstr(response, "\r\n\r\n") : NULL;

    return end ? end + 4 : NULL;
}

/* The first line of the body is what a person is shown. */
static void judge_response(struct probe *probe)
{
    const char *response = final_response(text_string(&probe->response)), *body = final_body(probe);
    scoped_text struct text line = {0};
    long status;

    if (!response) {
        end_probe(probe, false, "only interim responses (1xx) came, no final one");
        return;
    }
    status = strlen(response) > 12 ? strtol(response + 9, NULL, 10) : 0;
    if (!text_starts(response, "HTTP/1.") || !status) {
        end_probe(probe, false, "the response is not HTTP");
        return;
    }
    if (body && body[strspn(body, "\r\n")]) {
        size_t len = strcspn(body, "\r\n");

        text_add(&line, ": ");
        text_add_printable(&line, body, len < 180 ? len : 180, false);
    }
    snprintf(probe->why, sizeof probe->why, "HTTP %ld%s", status, text_string(&line));
    end_probe(probe, status >= 200 && status < 400, probe->why);
}

static void read_grpc(struct probe *probe)
{
    const char *why = "";
    enum probe_grpc said = probe_grpc_read(probe->response.bytes, probe->response.len, &why);

    if (said != PROBE_GRPC_MORE) {
        end_probe(probe, said == PROBE_GRPC_GOOD, why);
        return;
    }
    if (!probe->settled && probe_grpc_has_settings(probe->response.bytes, probe->response.len)) {
        scoped_text struct text out = {0};

        probe->settled = true;
        probe_grpc_acknowledge(&out);
        loop_stream_write(probe->stream, out.bytes, out.len);
    }
    if (probe->response.len >= PROBE_BYTES)
        end_probe(probe, false, "the response is too long to be a HealthCheckResponse");
}

static void on_probe_read(void *arg, const char *bytes, size_t len)
{
    struct probe *probe = object_from(probe, PROBE_TAG, arg);
    const char *body;

    if (probe->response.len < PROBE_BYTES)
        text_add_bytes(&probe->response, bytes, len);
    if (probe->grpc) {
        read_grpc(probe);
        return;
    }
    drop_interim(probe);
    body = final_body(probe);
    /* A body that is still on its way is not waited for. */
    if (probe->response.len >= PROBE_BYTES || (body && *body))
        judge_response(probe);
}

/* By something that judge_response() can explain. */
static bool is_answered(const struct probe *probe)
{
    return !probe->grpc && (probe->response.len || probe->interim);
}

static void on_probe_ended(void *arg)
{
    struct probe *probe = object_from(probe, PROBE_TAG, arg);

    if (is_answered(probe))
        judge_response(probe);
    else
        end_probe(probe, false, "the connection was closed without a response");
}

static void on_probe_closed(void *arg, const struct err *why)
{
    struct probe *probe = object_from(probe, PROBE_TAG, arg);

    if (is_answered(probe))
        judge_response(probe);
    else
        end_probe(probe, false, why->code ? why->text : "the connection was closed");
}

static void on_probe_late(void *arg)
{
    struct probe *probe = object_from(probe, PROBE_TAG, arg);

    if (!probe->grpc && final_body(probe)) {
        judge_response(probe);
        return;
    }
    if (!*probe->why)
        snprintf(probe->why, sizeof probe->why, "no response from %s in time", probe->address);
    end_probe(probe, false, probe->why);
}

static const struct loop_stream_events events = {
    .opened = on_probe_opened,
    .read = on_probe_read,
    .ended = on_probe_ended,
    .closed = on_probe_closed,
};

static bool is_clean(const char *text)
{
    return !text[strcspn(text, "\r\n")];
}

static void write_probe(struct probe *probe, const struct node *http)
{
    const struct node *headers = node_get(http, "httpHeaders");
    const char *path = node_get_text(http, "path");
    bool has_host = false;

    text_addf(&probe->request, "GET %s%s HTTP/1.1\r\n", *path == '/' ? "" : "/",
              is_clean(path) ? path : "");
    for (size_t i = 0; i < node_count(headers); i++) {
        const char *name = node_get_text(node_item(headers, i), "name");
        const char *value = node_get_text(node_item(headers, i), "value");

        if (!is_clean(name) || !is_clean(value))
            continue;
        has_host |= !strcasecmp(name, "Host");
        text_addf(&probe->request, "%s: %s\r\n", name, value);
    }
    if (!has_host)
        text_addf(&probe->request, "Host: %s\r\n", probe->address);
    text_add(&probe->request, "User-Agent: axle-probe\r\nConnection: close\r\n\r\n");
}

/* A kubelet does not look at certificates either: it asks its own machine. */
static struct tls_client *tls_of_client(struct probe_client *client, struct err *err)
{
    static const struct tls_client_settings any = {.insecure = true, .tls13 = true};

    if (!client->tls)
        client->tls = tls_client_new(client->loop, &any, err);
    return client->tls;
}

static struct loop_stream *connect_to(struct probe *probe, struct err *err)
{
    struct tls_client *tls = probe->tls ? tls_of_client(probe->client, err) : NULL;

    if (probe->tls)
        return tls ? tls_connect(tls, probe->address, NULL, err) : NULL;
    return loop_connect(probe->client->loop, probe->address, err);
}

static void start_probe(struct probe *probe)
{
    struct err err = {0};

    if (!*probe->why)
        probe->stream = connect_to(probe, &err);
    if (probe->stream) {
        loop_stream_handle(probe->stream, &events, probe);
        return;
    }
    if (!*probe->why)
        snprintf(probe->why, sizeof probe->why, "%.390s", err.text);
    loop_timer_set(probe->timer, 0);
}

struct probe_client *probe_client_new(struct loop *loop)
{
    struct probe_client *client = mem_alloc(sizeof *client);

    client->loop = loop;
    return client;
}

void probe_client_free(struct probe_client **at)
{
    struct probe_client *client = take(*at);

    if (!client)
        return;
    while (client->probes)
        end_probe(client->probes, false, "the agent ends");
    tls_client_free(&client->tls);
    mem_free(&client);
}

static void enlist_probe(struct probe *probe)
{
    struct probe **head = &probe->client->probes;

    probe->next = *head;
    probe->from = head;
    if (probe->next)
        probe->next->from = &probe->next;
    *head = probe;
}

void probe_network(struct probe_client *client, const struct node *request, int64_t timeout,
                   probe_fn *done, void *arg)
{
    struct probe *probe = mem_alloc(sizeof *probe);
    const struct node *http = node_get(request, "httpGet");
    const struct node *grpc = node_get(request, "grpc");
    const struct node *where = http ? http : grpc ? grpc : node_get(request, "tcpSocket");
    const char *host = node_get_text(where, "host");

    probe->tag = PROBE_TAG;
    probe->client = client;
    enlist_probe(probe);
    probe->done = done;
    probe->arg = arg;
    probe->http = http != NULL;
    probe->grpc = grpc != NULL;
    probe->tls = !strcmp(node_get_text(http, "scheme"), "HTTPS");
    probe->timer = loop_timer_new(client->loop, on_probe_late, probe);
    loop_timer_set(probe->timer, timeout);
    snprintf(probe->address, sizeof probe->address, "%.255s:%lld", *host ? host : "127.0.0.1",
             (long long)number_get(where, "port", NUMBER_PORT, 0));
    if (!where)
        snprintf(probe->why, sizeof probe->why, "this kind of probe is not supported here");
    else if (http)
        write_probe(probe, http);
    else if (grpc)
        probe_grpc_request(&probe->request, probe->address, node_get_text(grpc, "service"));
    start_probe(probe);
}
