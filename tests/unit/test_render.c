/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that a profile becomes manifests and these a bundle, always the same. */
#include "render/render.h"

#include "base/asset.h"
#include "document/document.h"
#include "sprig/sprig.h"

#include "check.h"

#include <stdlib.h>

static struct node *yaml(struct arena *arena, const char *text)
{
    struct err err = {0};
    struct node *node =
        document_read_yaml(arena, text, strlen(text), true, &document_limits_own, &err);

    if (!node) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    return node;
}

static int run(struct arena *arena, const struct node *profile, const char *variables,
               struct render_result *ret, struct err *err)
{
    struct render_input input = {
        .profile = profile,
        .tenant = "acme",
        .project = "research",
        .aiworkload = "receipts",
        .deployment = "receipts-ocr",
        .namespace = "research",
    };

    input.definitions = render_builtin(arena, err);
    if (!input.definitions)
        return -1;
    input.variables =
        render_variables(arena, node_get(profile, "variables"), yaml(arena, variables), err);
    return input.variables ? render_manifests(arena, &input, ret, err) : -1;
}

/* ---- Good ones ---------------------------------------------------------------- */

static const char service[] =
    "variables:\n"
    "- {name: word, type: string, default: hello}\n"
    "- {name: copies, type: int, default: 1}\n"
    "components:\n"
    "- name: server\n"
    "  type: webservice\n"
    "  deploymentPriority: 2\n"
    "  properties:\n"
    "    command: [sh, run.sh, \"${spoke.name} $HOME {{ .var.word }}\"]\n"
    "    port: 0\n"
    "    env: [{name: WORD, value: \"{{ .var.copies }}\"}]\n"
    "    files: {run.sh: \"echo {{ not a template }}\\n\", conf/a.ini: \"x=1\"}\n"
    "  traits:\n"
    "  - {type: scaler, properties: {replicas: \"{{ .var.copies }}\"}}\n";

static const struct node *pod_of(const struct node *deployment)
{
    return node_at(deployment, "spec", "template", "spec", NULL);
}

static void check_service(struct arena *arena)
{
    struct render_result result = {0};
    const struct node *config, *deployment, *container;
    struct err err = {0};

    CHECK(!run(arena, yaml(arena, service), "{word: bye, copies: 3}", &result, &err),
          "a web service is rendered: %s", err.text);
    if (err.code)
        return;
    CHECK_INT(node_count(result.manifests), 2, "as a ConfigMap and a Deployment");
    config = node_item(result.manifests, 0);
    deployment = node_item(result.manifests, 1);
    CHECK_TEXT(node_get_text(node_get(config, "metadata"), "name"), "receipts-server",
               "named after workload and component");
    CHECK_TEXT(node_get_text(node_get(config, "data"), "run.sh"), "echo {{ not a template }}\n",
               "files arrive byte for byte");
    CHECK_TEXT(node_get_text(node_get(config, "data"), "conf_a.ini"), "x=1",
               "a path becomes a key");
    CHECK_INT(node_get_int(node_get(deployment, "spec"), "replicas", 0), 3,
              "the scaler's number is a number");
    CHECK_TEXT(
        node_get_text(node_at(deployment, "metadata", "annotations", NULL), "axle.dev/phase"), "2",
        "the phase is told");
    CHECK_TEXT(node_get_text(node_at(deployment, "spec", "template", "metadata", "labels", NULL),
                             "axle.dev/project"),
               "research", "pods carry the labels");
    CHECK_TEXT(node_get_text(node_at(deployment, "spec", "selector", "matchLabels", NULL),
                             "axle.dev/component"),
               "server", "by which they are selected");
    CHECK_TEXT(node_get_text(pod_of(deployment), "runtimeClassName"), "process",
               "without an image it is a process");
    container = node_item(node_get(pod_of(deployment), "containers"), 0);
    CHECK_TEXT(node_text(node_item(node_get(container, "command"), 2)), "${spoke.name} $HOME bye",
               "what only a spoke knows is left to it");
    CHECK_TEXT(node_get_text(node_item(node_get(container, "env"), 0), "value"), "3",
               "a value of the environment is text");
    CHECK_INT(node_count(node_get(container, "volumeMounts")), 2, "each file is mounted");
    CHECK(node_get_int(node_item(node_get(container, "ports"), 0), "containerPort", -1) == 0,
          "the spoke chooses port 0");
}

static void check_kinds(struct arena *arena)
{
    static const char both[] = "components:\n"
                               "- {name: w, type: worker, properties: {image: a/b, command: [x]}}\n"
                               "- {name: t, type: task, properties: {command: [x], retries: 0}}\n";
    struct render_result result = {0};
    struct err err = {0};
    const struct node *job;

    CHECK(!run(arena, yaml(arena, both), "{}", &result, &err),
          "a worker and a task are rendered: %s", err.text);
    if (err.code)
        return;
    job = node_item(result.manifests, 1);
    CHECK(!node_get(pod_of(node_item(result.manifests, 0)), "runtimeClassName"),
          "with an image it is a container");
    CHECK_TEXT(node_get_text(job, "kind"), "Job", "a task is a Job");
    CHECK_INT(node_get_int(node_get(job, "spec"), "backoffLimit", -1), 0, "with its retries");
    CHECK_TEXT(node_get_text(pod_of(job), "restartPolicy"), "Never", "and ends when it ends");
}

/* ---- The sample in the catalogue -------------------------------------------------- */

static void check_catalogue(struct arena *arena)
{
    const struct asset *asset = asset_find("catalogue/ocr.yaml");
    struct render_result result = {0};
    struct err err = {0};
    struct node *all;

    CHECK(asset != NULL, "the OCR sample is carried along");
    if (!asset)
        return;
    all = document_read_all(arena, (const char *)asset->bytes, asset->size, &document_limits_own,
                            &err);
    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);
        const struct node *spec = node_get(one, "spec");

        if (strcmp(node_get_text(one, "kind"), "WorkloadProfile"))
            continue;
        CHECK(!run(arena, spec, "{}", &result, &err), "it renders: %s", err.text);
        CHECK_TEXT(node_get_text(node_get(node_item(result.manifests, 0), "data"), "server.py"),
                   node_get_text(node_at(node_item(node_get(spec, "components"), 0), "properties",
                                         "files", NULL),
                                 "server.py"),
                   "its server is not changed");
    }
}

/* ---- Bundles --------------------------------------------------------------------------- */

static void check_bundle(struct arena *arena)
{
    struct render_bundle one = {0}, two = {0};
    struct render_result result = {0}, again = {0};
    struct err err = {0};
    const struct node *back;

    if (run(arena, yaml(arena, service), "{}", &result, &err) < 0 ||
        run(arena, yaml(arena, service), "{}", &again, &err) < 0) {
        CHECK(false, "it renders: %s", err.text);
        return;
    }
    CHECK(!render_bundle(arena, result.manifests, "axle://a/b", &one, &err) &&
              !render_bundle(arena, again.manifests, "axle://a/b", &two, &err),
          "manifests are bundled");
    CHECK(strstr(one.manifest.bytes, "{\"org.opencontainers.image.title\":\"b.tar.gz\"}"),
          "oras pull finds a file name");
    CHECK_TEXT(one.manifest.digest, two.manifest.digest, "the same in is the same out");
    CHECK(strcmp(one.content, one.layer.digest), "the content is named before it is compressed");
    CHECK(strstr(one.manifest.bytes, RENDER_CONFIG) && strstr(one.manifest.bytes, RENDER_LAYER) &&
              strstr(one.config.bytes, one.content),
          "in the form of Flux");
    back = render_unbundle(arena, one.layer.bytes, one.layer.len, &err);
    CHECK(node_same(back, result.manifests), "and comes out as it went in");
    CHECK(!run(arena, yaml(arena, service), "{word: other}", &again, &err) &&
              !render_bundle(arena, again.manifests, "axle://a/b", &two, &err) &&
              strcmp(one.content, two.content),
          "another value is another content");
}

static void check_secrets(struct arena *arena)
{
    static const char definition[] =
        "kind: ComponentDefinition\nmetadata: {name: x}\n"
        "spec: {template: \"apiVersion: v1\\nkind: Secret\\nstringData: {a: b}\\n---\\n"
        "apiVersion: v1\\nkind: ConfigMap\\n\"}\n";
    struct render_input input = {
        .profile = yaml(arena, "components: [{name: c, type: x}]"),
        .aiworkload = "a",
        .deployment = "a-b",
        .namespace = "s",
        .definitions = node_list(arena),
        .variables = node_map(arena),
    };
    struct render_result result = {0};
    struct err err = {0};

    node_add(arena, (struct node *)(uintptr_t)input.definitions, yaml(arena, definition));
    CHECK(!render_manifests(arena, &input, &result, &err),
          "a definition of one's own is rendered: %s", err.text);
    CHECK_INT(node_count(result.manifests), 1, "a Secret stays out");
    CHECK_INT(node_count(result.secrets), 1, "and comes apart");
}

/* ---- Nobody reaches beyond the project ------------------------------------------------ */

static int run_template_text(struct arena *arena, const char *template, const char *allowed,
                             struct render_result *ret, struct err *err)
{
    struct node *definition =
        yaml(arena, "kind: ComponentDefinition\nmetadata: {name: x}\nspec: {}\n");
    struct render_input input = {
        .profile = yaml(arena, "components: [{name: c, type: x}]"),
        .aiworkload = "a",
        .deployment = "a-b",
        .namespace = "research",
        .project = "research",
        .definitions = node_list(arena),
        .variables = node_map(arena),
        .cluster_kinds = yaml(arena, allowed),
    };

    node_set_text(arena, node_get(definition, "spec"), "template", template);
    node_add(arena, (struct node *)(uintptr_t)input.definitions, definition);
    return render_manifests(arena, &input, ret, err);
}

static void check_confined(struct arena *arena)
{
    static const struct {
        const char *what, *template, *words;
    } cases[] = {
        {"a namespace in metadata",
         "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: rival}}",
         "component \"c\": ConfigMap \"a-c\" names the namespace \"rival\"; this workload may only use \"research\""},
        {"one that a spoke fills in",
         "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: '${spoke.x:=rival}'}}",
         "component \"c\": ConfigMap \"a-c\" names the namespace \"${spoke.x:=rival}\""},
        {"a kind that a spoke fills in", "{apiVersion: v1, kind: '${spoke.x:=Namespace}'}",
         "component \"c\": ${spoke.x:=Namespace} \"a-c\": kind: is no kind"},
        {"a version that a spoke fills in",
         "{apiVersion: '${spoke.x:=axle.dev/v1alpha1}', kind: Workload}",
         "component \"c\": Workload \"a-c\": apiVersion: is no version"},
        {"a Namespace", "{apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}",
         "component \"c\": Namespace \"kube-system\": kind: it concerns the whole cluster"},
        {"a ClusterRoleBinding",
         "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding}",
         "component \"c\": ClusterRoleBinding \"a-c\": kind: it concerns the whole cluster"},
        {"a kind of a cluster's by its name",
         "{apiVersion: cert-manager.io/v1, kind: ClusterIssuer}",
         "component \"c\": ClusterIssuer \"a-c\": kind: it concerns the whole cluster"},
        {"a Workload, whose Secrets would be fetched",
         "{apiVersion: axle.dev/v1alpha1, kind: Workload, spec: {secretRefs: [{name: s, namespace: rival}]}}",
         "component \"c\": Workload \"a-c\": kind: Axle's own kinds are made by the hub"},
        {"a ManifestWork", "{apiVersion: work.open-cluster-management.io/v1, kind: ManifestWork}",
         "component \"c\": ManifestWork \"a-c\": kind: OCM's kinds are made by the hub"},
        {"a Kustomization of Flux",
         "{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization}",
         "component \"c\": Kustomization \"a-c\": kind: Flux would apply it"},
        {"a chart that the cluster installs", "{apiVersion: helm.cattle.io/v1, kind: HelmChart}",
         "component \"c\": HelmChart \"a-c\": kind: the cluster would install it"},
        {"a List, whose items nobody looks at",
         "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Namespace}]}",
         "component \"c\": List \"a-c\": items: a list of objects is not taken"},
        {"a subject elsewhere",
         "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding,"
         " subjects: [{kind: ServiceAccount, name: a, namespace: rival}]}",
         "component \"c\": RoleBinding \"a-c\": subjects[0].namespace: \"rival\" is another namespace"},
        {"a group of the system's",
         "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding,"
         " subjects: [{kind: Group, name: 'system:authenticated'}]}",
         "component \"c\": RoleBinding \"a-c\": subjects[0].name: \"system:authenticated\" cannot be bound"},
        {"a Secret elsewhere",
         "{apiVersion: x.example/v1, kind: Thing, spec: {secretRef: {name: a, namespace: rival}}}",
         "component \"c\": Thing \"a-c\": spec.secretRef.namespace: \"rival\" is another namespace"},
        {"a target elsewhere",
         "{apiVersion: x.example/v1, kind: Thing, spec: {targetNamespace: kube-system}}",
         "component \"c\": Thing \"a-c\": spec.targetNamespace: \"kube-system\" is another namespace"},
        {"a list of namespaces",
         "{apiVersion: x.example/v1, kind: Thing, spec: {includedNamespaces: [research, rival]}}",
         "component \"c\": Thing \"a-c\": spec.includedNamespaces[1]: \"rival\" is another namespace"},
        {"an owner elsewhere",
         "{apiVersion: v1, kind: ConfigMap, metadata: {ownerReferences: [{uid: a}]}}",
         "component \"c\": ConfigMap \"a-c\": metadata.ownerReferences: is not a template's to say"},
    };
    struct render_result result = {0};
    struct err err = {0};
    const struct node *object;

    for (size_t i = 0; i < count_of(cases); i++) {
        struct err why = {0};
        int done = run_template_text(arena, cases[i].template, "[]", &result, &why);

        if (!CHECK(done < 0 && why.code == ERR_INVALID && text_starts(why.text, cases[i].words),
                   "%s is refused", cases[i].what))
            printf("#  got: %s\n# want: %s\n", why.text, cases[i].words);
    }
    CHECK(!run_template_text(
              arena, "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition}",
              "[CustomResourceDefinition]", &result, &err),
          "what the Project lists is taken: %s", err.text);
    CHECK(!run_template_text(
              arena,
              "{apiVersion: v1, kind: ConfigMap, metadata: {labels: {namespace: rival}},"
              " data: {namespace: rival}}",
              "[]", &result, &err),
          "data and labels are no references: %s", err.text);
    CHECK(
        !run_template_text(
            arena,
            "apiVersion: apps/v1\nkind: Deployment\n"
            "metadata: {labels: {axle.dev/project: rival, axle.dev/tenant: rival, axle.dev/owner-kind: Project, mine: a}}\n"
            "spec: {template: {metadata: {labels: {axle.dev/project: rival, axle.dev/aiworkload: its}}}}\n",
            "[]", &result, &err),
        "a template may write labels: %s", err.text);
    object = node_item(result.manifests, node_count(result.manifests) - 1);
    CHECK_TEXT(document_json(arena, node_at(object, "metadata", "labels", NULL)),
               "{\"mine\":\"a\",\"axle.dev/project\":\"research\",\"axle.dev/aiworkload\":\"a\","
               "\"axle.dev/workload-deployment\":\"a-b\",\"axle.dev/component\":\"c\"}",
               "but the hub's are the hub's");
    CHECK(!strstr(document_json(arena, object), "rival") &&
              !strstr(document_json(arena, object), "its"),
          "on pods too");
}

/* ---- Mistakes ----------------------------------------------------------------------------- */

static void check_mistakes(struct arena *arena)
{
    static const struct {
        const char *what, *profile, *values, *words;
    } cases[] = {
        {"a type that is not there", "components: [{name: a, type: nope}]", "{}",
         "component \"a\": there is no ComponentDefinition \"nope\"; besides the project's and the "
         "tenant's own there are: task, webservice, worker"},
        {"a property that is missing",
         "components: [{name: a, type: webservice, properties: {command: [x]}}]", "{}",
         "component \"a\": properties.port: Required value"},
        {"a property that is not known",
         "components: [{name: a, type: worker, properties: {bogus: 1}}]", "{}",
         "component \"a\": properties.bogus: is not known to \"worker\""},
        {"a template that does not parse",
         "components: [{name: a, type: worker, properties: {command: [\"{{ .var\"]}}]", "{}",
         "component \"a\": template: properties.command[0]:1: "},
        {"a variable that is not there",
         "components: [{name: a, type: worker, properties: {command: [\"a {{ .var.x }}\"]}}]", "{}",
         "component \"a\": template: properties.command[0]:1:"},
        {"a value of another type", "{variables: [{name: num, type: int}], components: []}",
         "{num: two}", "variable \"num\": must be int, is \"two\""},
        {"a required value that is missing",
         "{variables: [{name: num, required: true}], components: []}", "{}",
         "variable \"num\": is required; set spec.variables.num"},
        {"a locked value", "{variables: [{name: num, default: a, locked: true}], components: []}",
         "{num: b}", "variable \"num\": is locked to \"a\"; leave it out"},
        {"a trait where it does not belong",
         "components: [{name: a, type: task, properties: {command: [x]},"
         " traits: [{type: scaler, properties: {replicas: 1}}]}]",
         "{}", "component \"a\": trait \"scaler\" does not apply to the type \"task\""},
        {"no components", "components: []", "{}",
         "the profile has no components, so there is nothing to run"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        struct render_result result = {0};
        struct err err = {0};
        int done = run(arena, yaml(arena, cases[i].profile), cases[i].values, &result, &err);

        if (!CHECK(done < 0 && err.code == ERR_INVALID && text_starts(err.text, cases[i].words),
                   "%s is told", cases[i].what))
            printf("#  got: %s\n# want: %s\n", err.text, cases[i].words);
    }
}

static void check_names(struct arena *arena)
{
    char *name = render_name(arena, "a-workload-with-quite-a-long-name",
                             "and-a-profile-with-a-long-one", 52);

    CHECK_TEXT(render_name(arena, "a", "b", 52), "a-b", "a short name is kept");
    CHECK_INT(strlen(name), 52, "a long one is cut and hashed");
    CHECK(!strncmp(name, "a-workload-with-quite-a-long-name-and-a-pro-", 44),
          "to 43 letters and 8 of the hash");
}

/* ---- What takes too much ------------------------------------------------------- */

/* The head of a profile, and something that is there many times. */
static const struct {
    const char *name, *head, *each;
    unsigned times;
} greedy[] = {
    {"many small templates",
     "components:\n- name: a\n  type: webservice\n  properties:\n    command:\n",
     "    - 'x{{ range 1000 }}{{ upper \"some words\" }}{{ end }}'\n", 2000},
    {"many components", "components:\n",
     "- {name: a%u, type: webservice, properties: {port: 0, command: [a]}}\n", 20000},
    {"many traits",
     "components:\n- name: a\n  type: webservice\n  properties: {port: 0, command: [a]}\n  traits:\n",
     "  - {type: scaler, properties: {replicas: 1}}\n", 20000},
};

static void check_budget(struct arena *arena)
{
    for (size_t i = 0; i < count_of(greedy); i++) {
        scoped_text struct text profile = {0};
        struct render_result result = {0};
        struct err err = {0};

        text_add(&profile, greedy[i].head);
        for (unsigned n = 0; n < greedy[i].times; n++) {
            const char *number = strstr(greedy[i].each, "%u");

            text_add_bytes(&profile, greedy[i].each,
                           number ? (size_t)(number - greedy[i].each) : strlen(greedy[i].each));
            if (number)
                text_addf(&profile, "%u%s", n, number + 2);
        }
        CHECK(run(arena, yaml(arena, text_string(&profile)), "{}", &result, &err) < 0 &&
                  err.code == ERR_INVALID && !strncmp(err.text, "component \"a", 12) &&
                  strstr(err.text, "too much: more than"),
              "%s are one render: %s", greedy[i].name, err.text);
    }
}

/* ---- What a definition may leave out ------------------------------------------------------ */

static const struct {
    const char *expression, *gives;
} optionals[] = {
    {".properties.region | default \"eu\"", "eu"},
    {"if .properties.region }}there{{ else }}not{{ end", "not"},
    {"with .properties.region }}there{{ else }}not{{ end", "not"},
    {"range .properties.list }}one{{ else }}none{{ end", "none"},
    {".properties.region", ""},
    {"hasKey .properties \"region\"", "false"},
    {".properties.m.zone | default \"z\"", "z"},
    {"coalesce .properties.region .properties.m.zone \"c\"", "c"},
    {"ternary \"a\" \"b\" (empty .properties.region)", "a"},
    {"get .properties \"region\" | default \"eu\"", "eu"},
    {"dig \"m\" \"zone\" \"deep\" .properties", "deep"},
    {"not .properties.region", "true"},
    {"and .properties.region .properties.region.x | default \"d\"", "d"},
    {"tpl \"{{ .properties.region | default `eu` }}\" .", "eu"},
    {"$.properties.region | default \"eu\"", "eu"},
    {".var.region | default \"eu\"", "eu"},
    {".properties.there | default \"eu\"", "here"},
};

/* The same expression by the function behind `axle render`. */
static const char *tool_gives(struct arena *arena, const char *template, const struct node *data)
{
    scoped_template_set struct template_set *set = template_set_new(&sprig_options_helm);
    struct template_error *error = arena_alloc(arena, sizeof *error);
    scoped_text struct text out = {0};

    if (template_set_add(set, "x", template, strlen(template), error) < 0 ||
        template_run(set, "x", data, &out, error) < 0)
        return error->text;
    return arena_string(arena, text_string(&out));
}

static struct node *definition_of(struct arena *arena, const char *template)
{
    struct node *definition = yaml(
        arena, "kind: ComponentDefinition\nmetadata: {name: x}\nspec: {schema: {type: object, "
               "properties: {region: {type: string}, there: {type: string}, list: {type: array, "
               "items: {type: string}}, m: {type: object, x-kubernetes-preserve-unknown-fields: "
               "true}}}}");

    node_set_text(arena, node_get(definition, "spec"), "template", template);
    return definition;
}

static int render_definition(struct arena *arena, const char *template, const char *profile,
                             struct render_result *ret, struct err *err)
{
    struct render_input input = {
        .profile = yaml(arena, profile),
        .aiworkload = "a",
        .deployment = "a-b",
        .namespace = "research",
        .project = "research",
        .definitions = node_list(arena),
        .variables = node_map(arena),
    };

    *err = (struct err){0};
    node_add(arena, (struct node *)(uintptr_t)input.definitions, definition_of(arena, template));
    return render_manifests(arena, &input, ret, err);
}

static void check_optional(struct arena *arena)
{
    static const char profile[] =
        "components: [{name: c, type: x, properties: {there: here, m: {}}}]";
    struct node *data = yaml(arena, "{properties: {there: here, m: {}}, var: {}}");

    for (size_t i = 0; i < count_of(optionals); i++) {
        struct render_result result = {0};
        struct err err;
        const char *template = arena_printf(
            arena, "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {r: '{{ %s }}'}}",
            optionals[i].expression);

        CHECK(!render_definition(arena, template, profile, &result, &err), "%s: %s",
              optionals[i].expression, err.text);
        CHECK_TEXT(node_text(node_at(node_item(result.manifests, 0), "data", "r", NULL)),
                   optionals[i].gives, "%s", optionals[i].expression);
        CHECK_TEXT(
            tool_gives(arena, arena_printf(arena, "{{ %s }}", optionals[i].expression), data),
            optionals[i].gives, "and by axle render");
    }
}

static const struct {
    const char *what, *template, *profile, *words;
} spoken[] = {
    {"fail", "{{ fail \"pick a region\" }}", "components: [{name: c, type: x}]",
     "component \"c\": execution error at (x:1:3): pick a region"},
    {"required", "\n{{ required \"region!\" .properties.region }}",
     "components: [{name: c, type: x}]", "component \"c\": execution error at (x:2:3): region!"},
    {"fail below include", "{{ define \"h\" }}{{ fail \"deep\" }}{{ end }}{{ include \"h\" . }}",
     "components: [{name: c, type: x}]", "component \"c\": execution error at (x:1:45): deep"},
    {"fail in a property", "{}",
     "components: [{name: c, type: x, properties: {region: '{{ fail \"no\" }}'}}]",
     "component \"c\": execution error at (properties.region:1:3): no"},
    {"an undeclared variable of a profile", "{}",
     "components: [{name: c, type: x, properties: {region: '{{ .var.typo | default \"a\" }}'}}]",
     "component \"c\": template: properties.region:1:7: executing"},
};

static void check_spoken(struct arena *arena)
{
    for (size_t i = 0; i < count_of(spoken); i++) {
        struct render_result result = {0};
        struct err err;

        CHECK(render_definition(arena, spoken[i].template, spoken[i].profile, &result, &err) < 0,
              "%s is an error", spoken[i].what);
        CHECK(!strncmp(err.text, spoken[i].words, strlen(spoken[i].words)), "in words: %s",
              err.text);
    }
}

static void check_merged(struct arena *arena)
{
    static const char template[] =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n"
        "  labels: &l {app: x, tier: web}\n  annotations:\n    <<: *l\n    tier: db\n";
    struct render_result result = {0};
    struct err err;

    CHECK(!render_definition(arena, template, "components: [{name: c, type: x}]", &result, &err),
          "a merge key with an override is rendered: %s", err.text);
    CHECK_TEXT(
        node_text(node_at(node_item(result.manifests, 0), "metadata", "annotations", "tier", NULL)),
        "db", "and overridden");
    CHECK(render_definition(arena, "apiVersion: v1\nkind: ConfigMap\nkind: Secret\n",
                            "components: [{name: c, type: x}]", &result, &err) < 0 &&
              strstr(err.text, "already set"),
          "a key written twice is not: %s", err.text);
}

static void check_advice(struct arena *arena)
{
    static const struct {
        const char *name, *kind, *replicas, *ports, *says;
    } cases[] = {
        {"two at one port", "Deployment", "2", "{containerPort: 8080}", "port 8080"},
        {"also after one that is chosen", "StatefulSet", "3",
         "{name: a, containerPort: 0}, {name: b, containerPort: 9}", "port 9"},
        {"one at it", "Deployment", "1", "{containerPort: 8080}", NULL},
        {"chosen ports", "Deployment", "2", "{containerPort: 0}", NULL},
        {"datagrams, which are not looked at", "Deployment", "2",
         "{containerPort: 53, protocol: UDP}", NULL},
        {"a Job's pods", "Job", "2", "{containerPort: 8080}", NULL},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        struct node *list = node_list(arena);
        const char *advice;

        node_add(arena, list, yaml(arena, "{kind: ConfigMap, metadata: {name: a}}"));
        node_add(
            arena, list,
            yaml(
                arena,
                arena_printf(
                    arena,
                    "{kind: %s, metadata: {name: web}, spec: {replicas: %s, template: {spec: {containers: "
                    "[{name: c, ports: [%s]}]}}}}",
                    cases[i].kind, cases[i].replicas, cases[i].ports)));
        advice = render_advice(arena, list);
        CHECK(cases[i].says ? advice && strstr(advice, cases[i].says) && strstr(advice, "a Service")
                            : !advice,
              "%s", cases[i].name);
    }
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();

    check_service(arena);
    check_kinds(arena);
    check_catalogue(arena);
    check_bundle(arena);
    check_secrets(arena);
    check_confined(arena);
    check_mistakes(arena);
    check_names(arena);
    check_budget(arena);
    check_optional(arena);
    check_spoken(arena);
    check_merged(arena);
    check_advice(arena);
    return check_done();
}
