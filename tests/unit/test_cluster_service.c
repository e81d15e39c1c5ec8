/* SPDX-License-Identifier: Apache-2.0 */
/* Services: names, addresses and ports that lead to pods that are ready. */

#include "cluster_fixture.h"

/* Answers each connection with its own name, from a port that is picked. */
#define ANSWER                                                                                     \
    "    metadata: {labels: {app: web}}\n"                                                         \
    "    spec:\n"                                                                                  \
    "      terminationGracePeriodSeconds: 0\n"                                                     \
    "      containers:\n"                                                                          \
    "      - name: c\n"                                                                            \
    "        command:\n"                                                                           \
    "        - python3\n"                                                                          \
    "        - -c\n"                                                                               \
    "        - |\n"                                                                                \
    "          import os, socket\n"                                                                \
    "          server = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\n"            \
    "          while True:\n"                                                                      \
    "              one, _ = server.accept()\n"                                                     \
    "              one.sendall(os.environ['HOSTNAME'].encode() + b'\\n' + one.recv(100))\n"        \
    "              one.close()\n"                                                                  \
    "        ports: [{name: talk, containerPort: 0}]\n"                                            \
    "        readinessProbe: {tcpSocket: {port: talk}, periodSeconds: 1}\n"

static const char web[] =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: lab}\n"
    "spec: {selector: {app: web}, ports: [{name: http, port: 18080, targetPort: talk}]}\n"
    "---\n"
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: lab}\n"
    "spec:\n  replicas: 2\n  template:\n" ANSWER;

/* ---- Asking over the network ------------------------------------------------------ */

struct talk {
    char said[256];
    bool over;
};

static void on_opened(void *arg)
{
}

static void on_read(void *arg, const char *bytes, size_t len)
{
    struct talk *talk = arg;
    size_t have = strlen(talk->said);

    snprintf(talk->said + have, sizeof talk->said - have, "%.*s", (int)len, bytes);
}

static void on_closed(void *arg, const struct err *why)
{
    ((struct talk *)arg)->over = true;
}

static const struct loop_stream_events talk_events = {
    .opened = on_opened,
    .read = on_read,
    .closed = on_closed,
};

/* What is answered to "x", "" if nobody does. */
static const char *send_request(struct arena *arena, const char *host, int port)
{
    char *address = arena_printf(arena, "%s:%d", host, port);
    struct talk *talk = arena_alloc(arena, sizeof *talk);
    struct err err = {0};
    struct loop_stream *stream = loop_connect(loop, address, &err);
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;

    loop_stream_handle(stream, &talk_events, talk);
    loop_stream_write(stream, "x", 1);
    while (!talk->over && clock_steady() < end)
        loop_turn(loop, 20 * CLOCK_MS);
    loop_stream_close(&stream);
    return talk->said;
}

static const struct node *service_of(struct arena *arena, const char *owner)
{
    return node_item(node_get(cluster_report(cluster, arena, owner), "services"), 0);
}

static bool wait_ready(const char *owner, int ready)
{
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;

    for (;;) {
        scoped_arena struct arena *arena = arena_new();

        if (node_get_int(service_of(arena, owner), "ready", -1) == ready)
            return true;
        if (clock_steady() > end) {
            printf("# %s\n", report(arena, owner));
            return false;
        }
        loop_turn(loop, 20 * CLOCK_MS);
    }
}

static const char *hosts_of(struct arena *arena, const char *owner)
{
    struct node *pods = node_get(cluster_report(cluster, arena, owner), "pods");
    char *path = arena_printf(arena, "%s/pods/lab.%s/hosts", folder,
                              node_get_text(node_item(pods, 0), "name"));
    char *bytes = arena_alloc(arena, 65536);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && read(fd, bytes, 65535) < 0)
        bytes[0] = '\0';
    if (fd >= 0)
        close(fd);
    return bytes;
}

/* ---- What is promised ---------------------------------------------------------------- */

static void test_round_robin(void)
{
    scoped_arena struct arena *arena = arena_new();
    const char *address, *first, *second;
    const struct node *live;

    open_cluster();
    apply("web", web);
    CHECK(wait_phase("web", "Running") && wait_ready("web", 2), "a Service with two pods");
    address = node_get_text(service_of(arena, "web"), "address");
    CHECK(text_starts(address, "127."), "has a loopback address: %s", address);
    first = send_request(arena, address, 18080);
    second = send_request(arena, address, 18080);
    CHECK(text_starts(first, "web-") && strstr(first, "\nx"), "a pod answers there: %s", first);
    CHECK(text_starts(second, "web-") && strcmp(first, second) != 0, "the other one is next");
    live = cluster_read(cluster, arena, "web", "v1", "Service", "lab", "web");
    CHECK_TEXT(node_get_text(node_get(live, "spec"), "clusterIP"), address,
               "who reads the Service sees it as clusterIP");
    CHECK(strstr(hosts_of(arena, "web"), arena_printf(arena,
                                                      "%s web web.lab web.lab.svc "
                                                      "web.lab.svc.cluster.local\n",
                                                      address)),
          "the pods have its name in their hosts file");
    CHECK_INT((int)node_count(node_get(service_of(arena, "web"), "endpoints")), 2,
              "its endpoints are told");
}

static void test_follows_pods(void)
{
    scoped_arena struct arena *arena = arena_new();
    const char *address = arena_string(arena, node_get_text(service_of(arena, "web"), "address"));
    scoped_mem char *none = mem_printf("%s", web);
    char *replicas = strstr(none, "replicas: 2");

    replicas[10] = '0';
    apply("web", none);
    CHECK(wait_ready("web", 0), "without pods nothing is ready");
    CHECK_TEXT(send_request(arena, address, 18080), "", "and nobody answers");
    cluster_close(&cluster);
    open_cluster();
    replicas[10] = '1';
    apply("web", none);
    CHECK(wait_ready("web", 1), "a pod comes, for the next agent");
    CHECK_TEXT(node_get_text(service_of(arena, "web"), "address"), address,
               "the address is the one it was");
    CHECK(text_starts(send_request(arena, address, 18080), "web-"), "and leads to it");
    remove_owner("web");
    CHECK_TEXT(send_request(arena, address, 18080), "", "gone with the Service");
    cluster_close(&cluster);
}

static void test_members(void)
{
    static const char yaml[] =
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: lab}\n"
        "spec: {clusterIP: None, selector: {app: web}, ports: [{port: 18081, targetPort: talk}]}\n"
        "---\n"
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: m, namespace: lab}\n"
        "spec:\n  replicas: 2\n  serviceName: s\n  template:\n" ANSWER;
    scoped_arena struct arena *arena = arena_new();
    const char *hosts, *line;
    char address[64] = "";

    open_cluster();
    apply("m", yaml);
    CHECK(wait_phase("m", "Running") && wait_ready("m", 2), "a headless Service");
    hosts = hosts_of(arena, "m");
    line = strstr(hosts, " m-1.s m-1.s.lab m-1.s.lab.svc ");
    CHECK(line && strstr(hosts, " m-0.s m-0.s.lab "), "names each member");
    CHECK(strstr(hosts, " s s.lab s.lab.svc "), "and all of them by its own");
    for (const char *at = line; at && at > hosts && at[-1] != '\n'; at--)
        snprintf(address, sizeof address, "%.*s", (int)(line - at + 1), at - 1);
    CHECK_TEXT(send_request(arena, address, 18081), "m-1\nx",
               "a member answers at its own address");
    remove_owner("m");
    cluster_close(&cluster);
}

static void test_environment(void)
{
    open_cluster();
    apply("e", "apiVersion: v1\nkind: Service\nmetadata: {name: my-db, namespace: lab}\n"
               "spec: {selector: {app: none}, ports: [{name: sql, port: 5432}]}\n"
               "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: lab}\n"
               "spec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n"
               "      containers: [{name: c, env: [{name: URL, value: "
               "'$(MY_DB_SERVICE_HOST):$(MY_DB_SERVICE_PORT_SQL)'}], command: [sh, -c, "
               "'test \"$URL\" = $MY_DB_SERVICE_HOST:5432 && test $MY_DB_SERVICE_PORT = 5432 && "
               "grep -q \"^$MY_DB_SERVICE_HOST my-db \" $AXLE_HOSTS']}]\n");
    CHECK(wait_phase("e", "Running") || wait_phase("e", "Completed"), "variables name the Service");
    CHECK(wait_text("e", "1 pods succeeded"), "as Kubernetes has them");
    remove_owner("e");
    cluster_close(&cluster);
}

static void test_no_selector(void)
{
    open_cluster();
    apply("n", "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: lab}\n"
               "spec: {ports: [{port: 5432}]}\n");
    CHECK(wait_phase("n", "Degraded"), "a Service that chooses no pods is not healthy");
    CHECK(wait_text("n", "NoSelector"), "and says why");
    apply("n", "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: lab}\n"
               "spec: {selector: {app: db}, ports: [{port: 5432}]}\n");
    CHECK(wait_phase("n", "Running"), "with a selector it is");
    remove_owner("n");
    cluster_close(&cluster);
}

/* ---- Conflicts ---------------------------------------------------------------------------- */

static void test_same_port(void)
{
    struct err err = {0};
    struct loop_listener *listener = loop_listen(loop, "127.0.0.1:0", NULL, NULL, &err);
    int port = loop_listener_port(listener);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *yaml = mem_printf(
        "apiVersion: v1\nkind: Service\nmetadata: {name: d, namespace: lab}\n"
        "spec: {selector: {app: web}, ports: [{port: %d}]}\n"
        "---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: lab}\n"
        "spec: {selector: {app: web}, ports: [{port: %d, targetPort: 1}]}\n"
        "---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: lab}\n"
        "spec:\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n"
        "      terminationGracePeriodSeconds: 0\n"
        "      containers:\n      - name: c\n"
        "        command: [python3, -c, \"import os, socket\\ns = socket.create_server(('0.0.0.0', "
        "%d))\\nwhile True:\\n  c, _ = s.accept()\\n  c.recv(9)\\n  c.sendall(b'direct')\\n  c.close()\"]\n"
        "        ports: [{containerPort: %d}]\n"
        "        readinessProbe: {tcpSocket: {port: %d}, periodSeconds: 1}\n",
        port, port, port, port, port);
    const char *address;
    int64_t pid;

    loop_listener_close(&listener);
    open_cluster();
    apply("d", yaml);
    CHECK(wait_ready("d", 1), "a pod that listens on the Service's own port");
    address = node_get_text(node_item(node_get(cluster_report(cluster, arena, "d"), "services"), 0),
                            "address");
    CHECK_TEXT(send_request(arena, address, port), "direct", "is reached directly");
    CHECK(wait_text("d", "\"reason\":\"PortConflict\",\"message\":\"port "),
          "another Service that cannot have the port says so");
    CHECK(wait_phase("d", "Degraded"), "as Degraded");
    pid = pid_of("d");
    CHECK(end_process(pid) && wait_new_pid("d", pid), "the pod is killed");
    CHECK(wait_ready("d", 1), "and finds its port free again");
    remove_owner("d");
    cluster_close(&cluster);
}

static void test_refused(void)
{
    static const struct {
        const char *name, *spec, *says;
    } cases[] = {
        {"another name", "type: ExternalName, externalName: example.org",
         "spec.externalName is not supported"},
        {"a load balancer", "type: LoadBalancer", "spec.type LoadBalancer is not supported"},
        {"UDP", "ports: [{port: 53, protocol: UDP}]", "ports[0].protocol UDP is not supported"},
        {"no port", "ports: [{port: 0}]", "ports[0].port is 0, but must be a port from 1 to 65535"},
        {"affinity", "sessionAffinity: ClientIP", "sessionAffinity ClientIP is not supported"},
        {"an unknown field", "frobnicate: 1", "spec.frobnicate is not supported"},
    };

    open_cluster();
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_mem char *yaml = mem_printf("apiVersion: v1\nkind: Service\n"
                                           "metadata: {name: r, namespace: lab}\nspec: {%s}\n",
                                           cases[i].spec);

        apply("r", yaml);
        CHECK(wait_text("r", cases[i].says), "%s is refused by name", cases[i].name);
    }
    remove_owner("r");
    cluster_close(&cluster);
}

static void test_node_port(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *yaml = mem_printf("%s", web);
    char *type = strstr(yaml, "spec: {selector: {app: web}, ");
    scoped_mem char *text = mem_printf("%.*sspec: {type: NodePort, %s", (int)(type - yaml), yaml,
                                       type + strlen("spec: {"));
    struct node *endpoint;
    int port;

    open_cluster();
    apply("n", text);
    CHECK(wait_ready("n", 2), "a Service of type NodePort");
    endpoint = node_item(node_get(cluster_report(cluster, arena, "n"), "endpoints"), 0);
    port = (int)node_get_int(endpoint, "port", 0);
    CHECK(port >= 30000 && port < 32768, "has a port for others: %d", port);
    CHECK(text_starts(send_request(arena, "127.0.0.1", port), "web-"), "which leads to a pod");
    remove_owner("n");
    cluster_close(&cluster);
}

/* A node port is one Service's, and leads to what its own pods declare. */
static void test_node_port_of_others(void)
{
    static const char yaml[] =
        "apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s}\n"
        "spec: {type: NodePort, selector: {app: %s}, ports: [{port: 18090, nodePort: %d%s}]}\n";
    scoped_mem char *one = mem_printf(yaml, "one", "lab", "web", 31999, ", targetPort: talk");
    scoped_mem char *two = mem_printf(yaml, "two", "other", "web", 31999, ", targetPort: talk");
    scoped_mem char *both = mem_printf("%s---\n%s", web, one);
    scoped_mem char *loose = mem_printf(yaml, "loose", "lab", "web", 31998, ", targetPort: 22");

    open_cluster();
    apply("n", both);
    CHECK(wait_ready("n", 2), "a Service takes a node port");
    apply("o", two);
    CHECK(wait_text("o", "port 31999 is taken by another Service on this spoke"),
          "another namespace's Service does not get it");
    CHECK(wait_phase("o", "Degraded"), "and says so");
    apply("l", loose);
    CHECK(wait_text("l", "no container of pod"), "a port that no pod declares is not led to");
    remove_owner("l");
    remove_owner("o");
    remove_owner("n");
    cluster_close(&cluster);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    if (fixture_start() < 0)
        return 1;
    test_round_robin();
    test_follows_pods();
    test_members();
    test_environment();
    test_no_selector();
    test_same_port();
    test_node_port();
    test_node_port_of_others();
    test_refused();
    return fixture_end();
}
