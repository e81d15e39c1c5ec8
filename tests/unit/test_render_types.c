/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what the built-in types make of each of their properties, and what they refuse. */
#include "render/render.h"

#include "document/document.h"
#include "schema/schema.h"

#include "check.h"

#include <stdlib.h>

static struct node *yaml(struct arena *arena, const char *text)
{
    struct err err = {0};
    struct node *node =
        document_read_yaml(arena, text, strlen(text), true, &document_limits_own, &err);

    if (!node) {
        printf("Bail out! %s: %s\n", text, err.text);
        exit(1);
    }
    return node;
}

/* The manifests of one component as JSON; NULL: refused, and `err` says why. */
static char *render(struct arena *arena, const char *type, const char *properties, struct err *err)
{
    struct render_input input = {
        .profile =
            yaml(arena, arena_printf(arena, "components: [{name: c, type: %s, properties: %s}]",
                                     type, properties)),
        .definitions = render_builtin(arena, err),
        .variables = node_map(arena),
        .tenant = "t",
        .project = "p",
        .aiworkload = "a",
        .deployment = "a-b",
        .namespace = "p",
    };
    struct render_result result = {0};

    if (render_manifests(arena, &input, &result, err) < 0)
        return NULL;
    return document_json(arena, result.manifests);
}

static void check_properties(void)
{
    static const struct {
        const char *what, *type, *properties, *words;
    } cases[] = {
        {"a claim is made", "webservice",
         "{command: [x], port: 0, volumeMounts: {pvc: [{name: data, mountPath: data}]}}",
         "\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"name\":\"a-c-data\""},
        {"of 1Gi", "worker", "{command: [x], volumeMounts: {pvc: [{name: data, mountPath: data}]}}",
         "{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}"},
        {"or as large as wanted", "task",
         "{command: [x], volumeMounts: {pvc: [{name: d, mountPath: d, size: 5Gi, accessModes: [ReadWriteMany], storageClassName: fast}]}}",
         "{\"accessModes\":[\"ReadWriteMany\"],\"storageClassName\":\"fast\",\"resources\":{\"requests\":{\"storage\":\"5Gi\"}}}"},
        {"and used", "webservice",
         "{command: [x], port: 0, volumeMounts: {pvc: [{name: data, mountPath: data}]}}",
         "\"volumes\":[{\"name\":\"data\",\"persistentVolumeClaim\":{\"claimName\":\"a-c-data\"}}]"},
        {"and mounted", "webservice",
         "{command: [x], port: 0, volumeMounts: {pvc: [{name: data, mountPath: data, subPath: s, readOnly: true}]}}",
         "\"volumeMounts\":[{\"mountPath\":\"data\",\"name\":\"data\",\"readOnly\":true,\"subPath\":\"s\"}]"},
        {"another's claim is used", "webservice",
         "{command: [x], port: 0, volumeMounts: {pvc: [{name: data, mountPath: data, claimName: old}]}}",
         "\"persistentVolumeClaim\":{\"claimName\":\"old\"}"},
        {"a Secret is mounted", "worker",
         "{command: [x], volumeMounts: {secret: [{name: s, mountPath: keys, secretName: key, items: [{key: a, path: b}], defaultMode: 256}]}}",
         "{\"name\":\"s\",\"secret\":{\"defaultMode\":256,\"items\":[{\"key\":\"a\",\"path\":\"b\"}],\"secretName\":\"key\"}}"},
        {"a ConfigMap is mounted", "worker",
         "{command: [x], volumeMounts: {configMap: [{name: s, mountPath: conf, cmName: conf}]}}",
         "{\"configMap\":{\"name\":\"conf\"},\"name\":\"s\"}"},
        {"an emptyDir is mounted", "worker",
         "{command: [x], volumeMounts: {emptyDir: [{name: s, mountPath: tmp, medium: Memory, sizeLimit: 1Mi}]}}",
         "{\"emptyDir\":{\"medium\":\"Memory\",\"sizeLimit\":\"1Mi\"},\"name\":\"s\"}"},
        {"an emptyDir says nothing", "task",
         "{command: [x], volumeMounts: {emptyDir: [{name: s, mountPath: tmp}]}}",
         "{\"emptyDir\":{},\"name\":\"s\"}"},
        {"a hostPath is mounted", "worker",
         "{command: [x], volumeMounts: {hostPath: [{name: s, mountPath: m, path: /models}]}}",
         "{\"hostPath\":{\"path\":\"/models\"},\"name\":\"s\"}"},
        {"files stand before volumes", "worker",
         "{command: [x], files: {a/b: text}, volumeMounts: {emptyDir: [{name: s, mountPath: tmp}]}}",
         "\"volumes\":[{\"configMap\":{\"name\":\"a-c\"},\"name\":\"files\"},{\"emptyDir\":{},\"name\":\"s\"}]"},
        {"cpu and memory are request and limit", "worker", "{command: [x], cpu: 500m, memory: 1Gi}",
         "\"resources\":{\"limits\":{\"cpu\":\"500m\",\"memory\":\"1Gi\"},\"requests\":{\"cpu\":\"500m\",\"memory\":\"1Gi\"}}"},
        {"a limit may be another", "worker", "{command: [x], cpu: 1, limit: {cpu: 2}}",
         "\"resources\":{\"limits\":{\"cpu\":2},\"requests\":{\"cpu\":1}}"},
        {"resources are Kubernetes'", "task", "{command: [x], resources: {limits: {memory: 1Gi}}}",
         "\"resources\":{\"limits\":{\"memory\":\"1Gi\"}}"},
        {"a Secret's keys are variables", "worker",
         "{command: [x], envFrom: [{prefix: P_, secretRef: {name: s}}]}",
         "\"envFrom\":[{\"prefix\":\"P_\",\"secretRef\":{\"name\":\"s\"}}]"},
        {"cmd is command", "worker", "{cmd: [x, z]}", "\"command\":[\"x\",\"z\"]"},
        {"labels and annotations are the pods'", "worker",
         "{command: [x], labels: {l: m}, annotations: {k: o}}",
         "\"template\":{\"metadata\":{\"labels\":{\"l\":\"m\","},
        {"annotations too", "worker", "{command: [x], annotations: {k: o}}",
         "\"annotations\":{\"axle.dev/files\":\"none\",\"k\":\"o\"}"},
        {"a liveness probe", "webservice",
         "{command: [x], port: 0, livenessProbe: {httpGet: {path: /, port: http}}}",
         "\"livenessProbe\":{\"httpGet\":{\"path\":\"/\",\"port\":\"http\"}}"},
        {"a readiness probe starts it too", "webservice",
         "{command: [x], port: 0, readinessProbe: {exec: {command: [z]}, successThreshold: 2}}",
         "\"startupProbe\":{\"exec\":{\"command\":[\"z\"]},\"periodSeconds\":1,\"failureThreshold\":120}"},
        {"a worker's readiness", "worker", "{command: [x], readinessProbe: {exec: {command: [z]}}}",
         "\"readinessProbe\":{\"exec\":{\"command\":[\"z\"]}}"},
        {"ports have names", "webservice",
         "{command: [x], ports: [{port: 80}, {port: 81}, {port: 0, name: grpc, protocol: UDP}]}",
         "\"ports\":[{\"name\":\"http\",\"containerPort\":80},{\"name\":\"port-81\",\"containerPort\":81},{\"name\":\"grpc\",\"containerPort\":0,\"protocol\":\"UDP\"}]"},
        {"the first is $PORT", "webservice", "{command: [x], ports: [{port: 80}]}",
         "\"env\":[{\"name\":\"PORT\",\"value\":\"80\"}]"},
        {"exposed ports are a Service", "webservice",
         "{command: [x], ports: [{port: 0, expose: true}, {port: 81}]}",
         "\"ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":\"TCP\",\"targetPort\":\"http\"}]"},
        {"for others too", "webservice",
         "{command: [x], exposeType: NodePort, ports: [{port: 0, expose: true, nodePort: 30100}]}",
         "\"type\":\"NodePort\""},
        {"image pulls", "worker", "{image: a/b, imagePullPolicy: Always, imagePullSecrets: [s]}",
         "\"imagePullSecrets\":[{\"name\":\"s\"}]"},
        {"several of a task", "task", "{command: [x], count: 3}",
         "\"completions\":3,\"parallelism\":3"},
        {"or copies", "task", "{command: [x], copies: 3}", "\"completions\":3,\"parallelism\":3"},
        {"a task tried again in place", "task", "{command: [x], restart: OnFailure}",
         "\"restartPolicy\":\"OnFailure\""},
        {"host aliases", "worker", "{command: [x], hostAliases: [{ip: 127.0.0.1, hostnames: [h]}]}",
         "\"hostAliases\":[{\"hostnames\":[\"h\"],\"ip\":\"127.0.0.1\"}]"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct err err = {0};
        const char *got = render(arena, cases[i].type, cases[i].properties, &err);

        if (!CHECK(got && strstr(got, cases[i].words), "%s: %s", cases[i].type, cases[i].what))
            printf("#  got: %s\n# want: %s\n", got ? got : err.text, cases[i].words);
    }
}

static void check_refusals(void)
{
    static const struct {
        const char *type, *properties, *words;
    } cases[] = {
        {"webservice", "{command: [x]}", "properties.port: Required value: where it listens"},
        {"webservice", "{command: [x], port: 70000}", "properties.port: Invalid value: 70000: "},
        {"webservice", "{command: [x], port: 1, ports: [{port: 1}]}",
         "properties.port: properties.ports says it already"},
        {"webservice", "{port: 0}", "properties.command: Required value, for there is no image"},
        {"worker", "{cmd: [x], command: [x]}",
         "properties.cmd: it means the same as properties.command"},
        {"worker", "{command: [x], env: [{name: A, valueFrom: {secretRef: {name: s}}}]}",
         "properties.env[0].valueFrom.secretRef: is not known to \"worker\""},
        {"webservice", "{command: [x], prot: 1}",
         "properties.prot: is not known to \"webservice\"; did you mean port?"},
        {"webservice", "{command: [x], ports: [{port: 1}, {port: 0, exposed: true}]}",
         "properties.ports[1].exposed: is not known to \"webservice\"; did you mean expose?"},
        {"worker", "{command: [x], env: [{name: A, valueFrom: {secretKeyRef: {name: s}}}]}",
         "properties.env[0].valueFrom.secretKeyRef.key: Required value"},
        {"worker", "{command: [x], env: {A: b}}", "properties.env: Invalid value"},
        {"task", "{command: [x], volumeMounts: {pvc: [{mountPath: d}]}}",
         "properties.volumeMounts.pvc[0].name: Required value"},
        {"task", "{command: [x], volumeMounts: {pvc: [{name: D, mountPath: d}]}}",
         "properties.volumeMounts.pvc[0].name: Invalid value: \"D\""},
        {"task", "{command: [x], volumeMounts: {secrets: []}}",
         "properties.volumeMounts.secrets: is not known to \"task\""},
        {"task",
         "{command: [x], files: {a: b}, volumeMounts: {emptyDir: [{name: files, mountPath: d}]}}",
         "properties.volumeMounts: the name \"files\" is that of properties.files"},
        {"task",
         "{command: [x], volumeMounts: {emptyDir: [{name: a, mountPath: d}], pvc: [{name: a, mountPath: e}]}}",
         "properties.volumeMounts: two are named \"a\""},
        {"task",
         "{command: [x], volumeMounts: {emptyDir: [{name: a, mountPath: d}, {name: b, mountPath: d}]}}",
         "properties.volumeMounts: two have the mountPath \"d\""},
        {"task", "{command: [x], restart: Always}",
         "properties.restart: Unsupported value: \"Always\""},
        {"worker", "{command: [x], cpu: 1, resources: {limits: {cpu: 1}}}",
         "properties.cpu: properties.resources says it already"},
        {"worker", "{command: [x], livenessProbe: {http: {path: /}}}",
         "properties.livenessProbe.http: is not known to \"worker\""},
        {"webservice", "{command: [x], port: 0, health: {httpGet: {path: /}}}",
         "properties.health.httpGet.port: Required value"},
        {"worker", "{command: x}", "properties.command: Invalid value: \"string\""},
        {"worker", "{command: [x], port: 1}", "properties.port: is not known to \"worker\""},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        scoped_text struct text words = {0};
        struct err err = {0};

        text_addf(&words, "component \"c\": %s", cases[i].words);
        render(arena, cases[i].type, cases[i].properties, &err);
        if (!CHECK(text_starts(err.text, text_string(&words)), "refused: %s", cases[i].words))
            printf("#  got: %s\n# want: %s\n", err.text, text_string(&words));
    }
}

/* ---- What people can read -------------------------------------------------------------- */

static void check_described(void *arg, const char *key, const struct schema *member, bool required)
{
    const struct node *source = schema_source(member);

    (void)required;
    CHECK(*node_get_text(source, "description"), "%s: %s has a description", (const char *)arg,
          key);
    CHECK(*node_get_text(source, "type") ||
              node_get_bool(source, "x-kubernetes-int-or-string", false),
          "%s: %s has a type", (const char *)arg, key);
}

static void check_schemas(struct arena *arena)
{
    struct err err = {0};
    const struct node *all = render_builtin(arena, &err);

    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);
        struct schema *schema =
            schema_compile(arena, node_at(one, "spec", "schema", NULL), NULL, false, &err);

        if (CHECK(schema != NULL, "the schema is one: %s", err.text))
            schema_each(schema, check_described,
                        (void *)(uintptr_t)node_get_text(node_get(one, "metadata"), "name"));
    }
    CHECK(!strstr(document_json(arena, all), "$ref"), "nothing refers to what is not shown");
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();

    check_properties();
    check_refusals();
    check_schemas(arena);
    return check_done();
}
