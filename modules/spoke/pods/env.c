/* SPDX-License-Identifier: Apache-2.0 */
/* Works out the environment of a container. */

#include "pods/compile.h"
#include "query/query.h"
#include "number/number.h"

#include <string.h>

char *env_expand(struct env *env, const char *text)
{
    scoped_text struct text out = {0};

    for (const char *at = text; *at; at++) {
        const char *end = at[0] == '$' && at[1] == '(' ? strchr(at, ')') : NULL;
        const struct node *value = NULL;

        if (at[0] == '$' && at[1] == '$') {
            text_add_char(&out, *at++);
            continue;
        }
        if (end)
            value = node_get(env->values, arena_bytes(env->arena, at + 2, (size_t)(end - at) - 2));
        if (value) {
            text_add(&out, node_text(value));
            at = end;
        } else {
            text_add_char(&out, *at);
        }
    }
    return arena_string(env->arena, text_string(&out));
}

/* "app" of "metadata.labels['app']"; NULL: the path is not of that form. */
static const char *read_brackets(struct arena *arena, const char *path, const char *prefix)
{
    size_t len = strlen(prefix);
    const char *end = strrchr(path, ']');

    if (strncmp(path, prefix, len) != 0 || path[len] != '[' || path[len + 1] != '\'' || !end)
        return NULL;
    return arena_bytes(arena, path + len + 2, (size_t)(end - path) - len - 3);
}

/* All labels or annotations as a kubelet writes them to a file: KEY="VALUE", a line each. */
static const char *write_all(struct arena *arena, const struct node *map)
{
    scoped_text struct text out = {0};

    node_each(member, map)
    {
        text_addf(&out, "%s%s=", out.len ? "\n" : "", member->key);
        document_write_json(&out, member->value);
    }
    return arena_string(arena, text_string(&out));
}

const char *env_field(const struct pod *pod, struct arena *arena, const char *path)
{
    const char *address = pod->pods->options.address ? pod->pods->options.address : "127.0.0.1";
    const struct node *meta = node_get(pod->template, "metadata");
    const char *label = read_brackets(arena, path, "metadata.labels");
    const char *note = read_brackets(arena, path, "metadata.annotations");
    const struct {
        const char *path, *value;
    } fields[] = {
        {"metadata.name", pod->name},
        {"metadata.namespace", pod->namespace},
        {"metadata.uid", pod->uid},
        {"spec.nodeName", address},
        {"spec.serviceAccountName", "default"},
        {"status.podIP", "127.0.0.1"},
        {"status.podIPs", "127.0.0.1"},
        {"status.hostIP", address},
        {"status.hostIPs", address},
    };

    if (label)
        return node_get_text(node_get(meta, "labels"), label);
    if (!strcmp(path, "metadata.labels") || !strcmp(path, "metadata.annotations"))
        return write_all(arena, node_get(meta, path + strlen("metadata.")));
    if (note)
        return node_get_text(node_get(meta, "annotations"), note);
    for (size_t i = 0; i < count_of(fields); i++)
        if (!strcmp(fields[i].path, path))
            return fields[i].value;
    return NULL;
}

const char *env_resource(struct arena *arena, const struct node *container, const struct node *ref)
{
    const char *resource = node_get_text(ref, "resource"), *dot = strchr(resource, '.');
    const struct node *divisor = node_get(ref, "divisor"), *of, *value;
    struct quantity quantity, unit;
    int64_t by = 1000, amount;

    if (!dot)
        return NULL;
    of = node_get(node_get(container, "resources"),
                  arena_bytes(arena, resource, (size_t)(dot - resource)));
    value = node_get(of, dot + 1);
    if (!value || quantity_from_node(arena, value, &quantity, NULL) < 0)
        return "0";
    if (divisor && quantity_from_node(arena, divisor, &unit, NULL) == 0 &&
        quantity_milli_value(&unit) > 0)
        by = quantity_milli_value(&unit);
    amount = quantity_milli_value(&quantity);
    return arena_printf(arena, "%lld", (long long)(amount / by + (amount % by > 0)));
}

/* One variable of a key of a ConfigMap or Secret, of the pod itself, or of its resources. */
static int set_value_from(struct env *env, const char *name, const struct node *from,
                          struct manifest_why *why)
{
    struct pods_viewer viewer = pod_viewer(env->pod);
    const char *value = NULL;
    const struct node *config = node_get(from, "configMapKeyRef");
    const struct node *secret = node_get(from, "secretKeyRef");
    const struct node *field = node_get(from, "fieldRef");
    const struct node *resource = node_get(from, "resourceFieldRef");
    scoped_text struct text bytes = {0};
    struct source source;

    if (config || secret) {
        source_find(env->pod->pods, &viewer, config ? "ConfigMap" : "Secret",
                    config ? config : secret, &source);
        if (source_value(&source, source.key, &bytes))
            node_set_text(env->arena, env->values, name, text_string(&bytes));
        else if (!source.optional)
            return source_missing(&source, viewer.namespace, why);
        return 0;
    }
    if (field)
        value = env_field(env->pod, env->arena, node_get_text(field, "fieldPath"));
    if (resource)
        value = env_resource(env->arena, env->container, resource);
    if (!value)
        return manifest_why_set(why, "UnsupportedField",
                                "env[%.80s].valueFrom is not supported on this "
                                "spoke",
                                name);
    node_set_text(env->arena, env->values, name, value);
    return 0;
}

/* A variable's name is printable ASCII without '=', as in Kubernetes since 1.32. */
static bool is_env_name(const char *name)
{
    for (const char *at = name; *at; at++)
        if (*at < ' ' || *at > '~' || *at == '=')
            return false;
    return *name != '\0';
}

static int refuse_name(const struct env *env, const char *list, size_t i, const char *field,
                       const char *value, struct manifest_why *why)
{
    return manifest_why_set(why, "Invalid",
                            "container %s: %s[%zu].%s \"%.80s\" must be printable ASCII "
                            "characters without '='",
                            node_get_text(env->container, "name"), list, i, field, value);
}

/* Every key of a ConfigMap or Secret becomes a variable. */
static int add_env_from(struct env *env, const struct node *from, struct manifest_why *why)
{
    static const char *const maps[] = {"data", "stringData"};
    struct pods_viewer viewer = pod_viewer(env->pod);
    const struct node *config = node_get(from, "configMapRef");
    const struct node *ref = config ? config : node_get(from, "secretRef");
    struct source source;

    if (!source_find(env->pod->pods, &viewer, config ? "ConfigMap" : "Secret", ref, &source))
        return source.optional ? 0 : source_missing(&source, viewer.namespace, why);
    for (size_t i = 0; i < count_of(maps); i++)
        node_each(member, node_get(source.object, maps[i]))
        {
            scoped_text struct text bytes = {0};

            if (source_value(&source, member->key, &bytes))
                node_set_text(
                    env->arena, env->values,
                    arena_printf(env->arena, "%s%s", node_get_text(from, "prefix"), member->key),
                    text_string(&bytes));
        }
    return 0;
}

/* $PORT is the first port that is declared, $PORT_NAME each one by its name. A program that
   leaves the choice to the spoke (containerPort: 0) learns its port from them. */
static void set_port_values(struct env *env)
{
    const struct node *ports = node_get(env->container, "ports");

    for (size_t i = 0; i < node_count(ports); i++) {
        const struct node *port = node_item(ports, i);
        const char *name = node_get_text(port, "name");
        int64_t number = number_get(port, "containerPort", NUMBER_PORT, 0);
        char key[100] = "PORT_";

        if (!number)
            number = number_get(env->pod->ports, *name ? name : "port", NUMBER_PORT, 0);
        if (i == 0)
            node_set(env->arena, env->values, "PORT",
                     node_format(env->arena, "%lld", (long long)number));
        for (size_t j = 0; *name && name[j] && j < 80; j++) {
            key[5 + j] = (char)(name[j] == '-'                     ? '_'
                                : name[j] >= 'a' && name[j] <= 'z' ? name[j] - 32
                                                                   : name[j]);
            key[6 + j] = '\0';
        }
        if (*name)
            node_set(env->arena, env->values, key,
                     node_format(env->arena, "%lld", (long long)number));
    }
}

/* The order is that of precedence: what comes later replaces what came before. */
int env_resolve(struct env *env, struct manifest_why *why)
{
    const struct node *from = node_get(env->container, "envFrom");
    const struct node *list = node_get(env->container, "env");
    const struct pods_callbacks *callbacks = &env->pod->pods->options.callbacks;

    if (node_get_bool(node_get(env->pod->template, "spec"), "enableServiceLinks", true))
        callbacks->service_env(callbacks->arg, env->pod, env->arena, env->values);
    node_set_text(env->arena, env->values, "HOSTNAME", pod_own_host(env->pod, env->arena));
    set_port_values(env);
    if (env->pod->index >= 0 && text_starts(env->pod->workload, "batch/"))
        node_set(env->arena, env->values, "JOB_COMPLETION_INDEX",
                 node_format(env->arena, "%d", env->pod->index));
    for (size_t i = 0; i < node_count(from); i++) {
        const char *prefix = node_get_text(node_item(from, i), "prefix");

        if (*prefix && !is_env_name(prefix))
            return refuse_name(env, "envFrom", i, "prefix", prefix, why);
        if (add_env_from(env, node_item(from, i), why) < 0)
            return -1;
    }
    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *item = node_item(list, i);
        const char *name = node_get_text(item, "name");

        if (!is_env_name(name))
            return refuse_name(env, "env", i, "name", name, why);
        if (node_get(item, "valueFrom")) {
            if (set_value_from(env, name, node_get(item, "valueFrom"), why) < 0)
                return -1;
        } else {
            node_set_text(env->arena, env->values, name,
                          env_expand(env, node_get_text(item, "value")));
        }
    }
    return 0;
}
