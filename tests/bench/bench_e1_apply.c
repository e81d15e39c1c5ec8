/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E1: from the last byte of a create to "Running" on a watch, with a hub, a
 * spoke and real processes, one after the other; what reached the disk for it;
 * M2 and the hub's memory with what was started.
 */
#include "load.h"

#define APPLIES 500

static struct load load;
static struct http_client *client, *watcher;
static int64_t began, took[APPLIES];
static size_t now, ready;
static struct http_lines lines;

static const char *const first[][2] = {
    {"/apis/axle.dev/v1alpha1/tenants",
     "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\"},"
     "\"spec\":{\"clusterSets\":[\"global\"]}}"},
    {"/apis/axle.dev/v1alpha1/projects",
     "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Project\",\"metadata\":{\"name\":\"lab\"},"
     "\"spec\":{\"tenant\":\"acme\"}}"},
    {"/apis/axle.dev/v1alpha1/namespaces/lab/workloadprofiles",
     "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"WorkloadProfile\",\"metadata\":{\"name\":"
     "\"sleeper\"},\"spec\":{\"components\":[{\"name\":\"main\",\"type\":\"worker\",\"properties\":"
     "{\"command\":[\"sleep\",\"100000\"]}}]}}"},
    {"/apis/axle.dev/v1alpha1/namespaces/lab/profilebundles",
     "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"ProfileBundle\",\"metadata\":{\"name\":"
     "\"sleeper\"},\"spec\":{\"workloadProfileRefs\":[{\"name\":\"sleeper\"}]}}"},
    {"/apis/axle.dev/v1alpha1/namespaces/lab/environments",
     "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Environment\",\"metadata\":{\"name\":\"all\"},"
     "\"spec\":{\"topology\":{\"type\":\"topology-ocm\",\"properties\":{\"placement\":{"
     "\"clusterSets\":[\"global\"]}}}}}"},
};

static bool on_line(const char *line, size_t len, void *arg)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *event = document_read_json(arena, line, len, &document_limits_own, NULL);
    const struct node *object = node_get(event, "object");
    char name[32];

    snprintf(name, sizeof name, "w%zu", now);
    if (strcmp(node_get_text(node_get(object, "metadata"), "name"), name) == 0 &&
        strcmp(node_get_text(node_get(object, "status"), "phase"), "Running") == 0 &&
        ready == now) {
        took[now] = clock_steady() - began;
        ready++;
    }
    return true;
}

static void on_data(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    if (http_lines_feed(&lines, bytes, len, on_line, NULL, NULL) < 0)
        load_die("a line of the watch is too long");
}

static void on_end(const struct http_response *response, const struct err *err, void *arg)
{
    load_die("the watch ended");
}

static void on_created(const struct http_response *response, const struct err *err, void *arg)
{
    if (!response || response->status != 201)
        load_die("create: %s", response ? response->body : err->text);
}

static void make(size_t nth, struct text *target, struct text *body)
{
    text_add(target, "/apis/axle.dev/v1alpha1/namespaces/lab/aiworkloads");
    text_addf(body,
              "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"AIWorkload\",\"metadata\":{"
              "\"name\":\"w%zu\"},\"spec\":{\"profileBundleRef\":{\"name\":\"sleeper\"},"
              "\"environmentRef\":{\"name\":\"all\"}}}",
              nth);
}

static void apply(void)
{
    scoped_text struct text target = {0}, body = {0};
    struct http_field type = {"Content-Type", "application/json"};

    make(now, &target, &body);
    http_client_send(client, &(struct http_client_request){.method = "POST",
                                                           .target = text_string(&target),
                                                           .body = body.bytes,
                                                           .len = body.len,
                                                           .headers = &type,
                                                           .header_count = 1,
                                                           .done = on_created});
    began = clock_steady();
    while (ready == now)
        loop_turn(load.loop, CLOCK_SECOND);
    now++;
}

static void wait_for_spoke(void)
{
    for (;;) {
        const char *text =
            load_request(&load, client, "GET",
                         "/apis/cluster.open-cluster-management.io/v1/managedclusters", NULL);

        if (text && strstr(text, "ManagedClusterConditionAvailable"))
            return;
        loop_turn(load.loop, 20 * CLOCK_MS);
    }
}

/* A write and an fsync of 4 kB, alone: what the disk lets nobody go below. */
static double floor_ms(void)
{
    scoped_mem char *path = mem_printf("%s/floor", load.folder);
    static char block[4096];
    int64_t each[100], start;
    FILE *file = fopen(path, "w");

    for (int i = 0; i < 100; i++) {
        start = clock_steady();
        if (!file || fwrite(block, sizeof block, 1, file) != 1 || fflush(file) ||
            fdatasync(fileno(file)))
            load_die("%s cannot be written", path);
        each[i] = clock_steady() - start;
    }
    fclose(file);
    qsort(each, 100, sizeof each[0], load_by_size);
    return (double)each[50] / 1e6;
}

/* Pods outlive their agent, so they are taken back before it ends. */
static void take_back(void)
{
    const char *text;

    load_request(&load, client, "DELETE", "/apis/axle.dev/v1alpha1/namespaces/lab/aiworkloads",
                 NULL);
    for (int i = 0; i < 600; i++) {
        text = load_request(
            &load, client, "GET",
            "/apis/work.open-cluster-management.io/v1/namespaces/local-cluster/manifestworks",
            NULL);
        if (text && strstr(text, "\"items\":[]"))
            return;
        loop_turn(load.loop, 100 * CLOCK_MS);
    }
    printf("pods are left below %s\n", load.folder);
}

int main(int argc, char **argv)
{
    size_t count = getenv("APPLIES") ? strtoul(getenv("APPLIES"), NULL, 10) : APPLIES;
    double syncs, commits;
    char text[64];
    long cpu, agent_cpu;
    pid_t agent;

    if (count < 2 || count > APPLIES)
        count = APPLIES;
    load_start(&load, "all-in-one");
    client = load_client(&load, 1);
    watcher = load_client(&load, 1);
    wait_for_spoke();
    for (size_t i = 0; i < count_of(first); i++) {
        while (!load_request(&load, client, "POST", first[i][0], first[i][1]))
            loop_turn(load.loop, 20 * CLOCK_MS);
    }
    http_client_send(watcher,
                     &(struct http_client_request){
                         .target = "/apis/axle.dev/v1alpha1/namespaces/lab/aiworkloads?watch=true",
                         .data = on_data,
                         .done = on_end});
    loop_turn(load.loop, 200 * CLOCK_MS);
    apply(); /* the first one fetches and warms up */
    agent = load_child(load.pid);
    syncs = load_metric(&load, client, "axle_store_fsyncs_total");
    commits = load_metric(&load, client, "axle_store_commits_total");
    cpu = load_cpu(load.pid);
    agent_cpu = load_cpu(agent);
    while (now < count)
        apply();
    syncs = (load_metric(&load, client, "axle_store_fsyncs_total") - syncs) / (double)(count - 1);
    commits =
        (load_metric(&load, client, "axle_store_commits_total") - commits) / (double)(count - 1);
    cpu = load_cpu(load.pid) - cpu;
    agent_cpu = load_cpu(agent) - agent_cpu;
    qsort(took + 1, count - 1, sizeof took[0], load_by_size);
    load_head();
    snprintf(text, sizeof text, "%.1f ms", load_ms(took + 1, count - 1, 0.5));
    load_row("E1 apply to Running, p50", text, "5 ms", "one fsync: %.2f ms", floor_ms());
    snprintf(text, sizeof text, "%.1f ms", load_ms(took + 1, count - 1, 0.99));
    load_row("E1 apply to Running, p99", text, "25 ms", "max %.1f ms",
             load_ms(took + 1, count - 1, 1));
    snprintf(text, sizeof text, "%.2f", syncs);
    load_row("E1 fsyncs of the hub per apply", text, "1 + 1 for the status", "%.2f commits",
             commits);
    snprintf(text, sizeof text, "%.2f ms", (double)cpu / (double)(count - 1));
    load_row("E1 CPU of the hub per apply", text, "", "agent %.2f ms",
             (double)agent_cpu / (double)(count - 1));
    snprintf(text, sizeof text, "%ld kB", load_memory(agent, "Rss:"));
    load_row("M2 agent with these pods", text, "4 MB", "anonymous %ld kB, %zu pods",
             load_memory(agent, "Anonymous:"), count);
    take_back();
    load_end(&load);
    return 0;
}
