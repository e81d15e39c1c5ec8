/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a write is said in a kube-apiserver's words, field by field. */

#include "check.h"
#include "objects_verbs.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "objects/objects.h"
#include "sim/disk.h"
#include "store/store.h"

#include <stdlib.h>

#define MAP(name) "ConfigMap \"" name "\" is invalid: "

/* A text of so many bytes. */
static const char *bytes_of(size_t count)
{
    char *text = arena_alloc(arena, count + 1);

    memset(text, 'a', count);
    return text;
}

/* ---- Creates -------------------------------------------------------------------- */

static const struct {
    const char *plural, *body;
    const char *text; /* "": it is allowed */
} creates[] = {
    /* Names */
    {"configmaps", "{'metadata':{'name':'A'}}",
     MAP("A") "metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of "
              "lower case alphanumeric characters, '-' or '.', and must start and end with an "
              "alphanumeric character (e.g. 'example.com', regex used for validation is "
              "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"},
    {"configmaps", "{'metadata':{'name':'a.b'}}", ""},
    {"configmaps", "{'metadata':{'generateName':'good-'}}", ""},
    {"configmaps", "{'metadata':{'name':'given','generateName':'good-'}}", ""},
    {"clusterroles", "{'metadata':{'name':'a:b'},'rules':[]}", ""},
    {"clusterroles", "{'metadata':{'name':'a/b'},'rules':[]}",
     "ClusterRole.rbac.authorization.k8s.io \"a/b\" is invalid: metadata.name: Invalid value: "
     "\"a/b\": may not contain '/'"},
    {"namespaces", "{'metadata':{'name':'a-b'}}", ""},
    /* Labels and annotations */
    {"configmaps", "{'metadata':{'name':'l0','labels':{'a':'b','x.y/z':''}}}", ""},
    {"configmaps", "{'metadata':{'name':'l1','labels':{'-a':'b'}}}",
     MAP("l1") "metadata.labels: Invalid value: \"-a\": name part must consist of"},
    {"configmaps", "{'metadata':{'name':'l2','labels':{'a':'-b'}}}",
     MAP("l2") "metadata.labels: Invalid value: \"-b\": a valid label must be an empty string or"},
    {"configmaps", "{'metadata':{'name':'n1','annotations':{'-a':'b'}}}",
     MAP("n1") "metadata.annotations: Invalid value: \"-a\": name part must consist of"},
    {"configmaps", "{'metadata':{'name':'n2','annotations':{'A.B/C':'','a.z/Z':'-'}}}", ""},
    /* Owners */
    {"configmaps",
     "{'metadata':{'name':'o1','ownerReferences':[{'apiVersion':'','kind':'','name':'','uid':''}]}}",
     MAP("o1") "[metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be "
               "empty, metadata.ownerReferences.kind: Invalid value: \"\": kind must not be empty, "
               "metadata.ownerReferences.name: Invalid value: \"\": name must not be empty, "
               "metadata.ownerReferences.uid: Invalid value: \"\": uid must not be empty]"},
    {"configmaps",
     "{'metadata':{'name':'o2','ownerReferences':["
     "{'apiVersion':'v1','kind':'A','name':'a','uid':'1','controller':true},"
     "{'apiVersion':'v1','kind':'B','name':'b','uid':'2','controller':true}]}}",
     MAP("o2") "metadata.ownerReferences: Invalid value: Only one reference can have Controller "
               "set "
               "to true. Found \"true\" in references for A/a and B/b"},
    {"configmaps",
     "{'metadata':{'name':'o3','ownerReferences':["
     "{'apiVersion':'v1','kind':'A','name':'a','uid':'1','controller':true},"
     "{'apiVersion':'v1','kind':'B','name':'b','uid':'2','controller':false},"
     "{'apiVersion':'v1','kind':'B','name':'b','uid':'3'}]}}",
     ""},
    /* Finalizers */
    {"configmaps", "{'metadata':{'name':'f1','finalizers':['plain']}}",
     MAP("f1") "metadata.finalizers[0]: Invalid value: \"plain\": name is neither a standard "
               "finalizer name nor is it fully qualified"},
    {"configmaps", "{'metadata':{'name':'f2','finalizers':['a/b','-/-']}}",
     MAP("f2") "metadata.finalizers: Invalid value: \"-/-\": "},
    {"configmaps",
     "{'metadata':{'name':'f3','finalizers':['kubernetes','orphan','foregroundDeletion']}}", ""},
    /* ConfigMaps and Secrets */
    {"configmaps", "{'metadata':{'name':'k1'},'data':{'a b':''}}",
     MAP("k1") "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric "
               "characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
               "regex "
               "used for validation is '[-._a-zA-Z0-9]+')"},
    {"configmaps", "{'metadata':{'name':'k2'},'binaryData':{'a b':''}}",
     MAP("k2") "binaryData[a b]: Invalid value: \"a b\": a valid config key"},
    {"configmaps", "{'metadata':{'name':'k3'},'data':{'a':''},'binaryData':{'b':''}}", ""},
    {"configmaps", "{'metadata':{'name':'k4'},'binaryData':{'b':'?'}}",
     "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: illegal base64 data at input "
     "byte 0"},
    {"configmaps", "{'metadata':{'name':'k5'},'binaryData':{'b':'AAAAA'}}",
     "illegal base64 data at input byte 4"},
    {"configmaps", "{'metadata':{'name':'k6'},'binaryData':{'b':'AAA?'}}",
     "illegal base64 data at input byte 3"},
    {"secrets", "{'metadata':{'name':'s1'},'type':'kubernetes.io/dockerconfigjson'}",
     "Secret \"s1\" is invalid: data[.dockerconfigjson]: Required value"},
    {"secrets", "{'metadata':{'name':'s2'},'type':'kubernetes.io/dockercfg'}",
     "Secret \"s2\" is invalid: data[.dockercfg]: Required value"},
    {"secrets", "{'metadata':{'name':'s3'},'type':'kubernetes.io/ssh-auth'}",
     "Secret \"s3\" is invalid: data[ssh-privatekey]: Required value"},
    {"secrets", "{'metadata':{'name':'s4'},'type':'kubernetes.io/tls','data':{'tls.crt':''}}",
     "Secret \"s4\" is invalid: data[tls.key]: Required value"},
    {"secrets",
     "{'metadata':{'name':'s5'},'type':'kubernetes.io/tls','data':{'tls.crt':'','tls.key':''}}",
     ""},
    {"secrets", "{'metadata':{'name':'s6'},'type':'Opaque','data':{'a b':''}}",
     "Secret \"s6\" is invalid: data[a b]: Invalid value: \"a b\": "},
    {"secrets", "{'metadata':{'name':'s7'},'stringData':{'a':1}}",
     "Secret in version \"v1\" cannot be handled as a Secret: json: cannot unmarshal: "
     "stringData.a: "},
    {"secrets", "{'metadata':{'name':'s8'},'data':{'a':'eA=='},'stringData':{'b':'y'}}", ""},
    /* Roles and bindings */
    {"roles",
     "{'metadata':{'name':'r1'},'rules':[{'verbs':['get'],'apiGroups':[''],'resources':"
     "['pods']},{'verbs':[],'apiGroups':[''],'resources':['pods']}]}",
     "Role.rbac.authorization.k8s.io \"r1\" is invalid: rules[1].verbs: Required value: verbs must "
     "contain at least one value"},
    {"rolebindings",
     "{'metadata':{'name':'b1'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'Cluster',"
     "'name':''},'subjects':[{'kind':'User','name':'a'},{'kind':'Robot','name':'b'}]}",
     "RoleBinding.rbac.authorization.k8s.io \"b1\" is invalid: [roleRef.kind: Unsupported value: "
     "\"Cluster\": supported values: \"Role\", \"ClusterRole\", roleRef.name: Required value, "
     "subjects[1].kind: Unsupported value: \"Robot\": supported values: \"ServiceAccount\", "
     "\"User\", \"Group\"]"},
    {"clusterrolebindings",
     "{'metadata':{'name':'b2'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'Cluster',"
     "'name':'x'}}",
     "ClusterRoleBinding.rbac.authorization.k8s.io \"b2\" is invalid: roleRef.kind: Unsupported "
     "value: \"Cluster\": supported values: \"Role\", \"ClusterRole\""},
    /* Leases, requests, Events */
    {"leases", "{'metadata':{'name':'l1'},'spec':{'leaseDurationSeconds':0}}",
     "Lease.coordination.k8s.io \"l1\" is invalid: spec.leaseDurationSeconds: Invalid value: 0: "
     "must be greater than 0"},
    {"leases", "{'metadata':{'name':'l2'},'spec':{'leaseDurationSeconds':1}}", ""},
    {"certificatesigningrequests",
     "{'metadata':{'name':'c1'},'spec':{'request':'eA==','signerName':'a.b/c','usages':[]}}",
     "spec.request: Invalid value: \"eA==\": PEM block type must be CERTIFICATE REQUEST"},
    {"certificatesigningrequests",
     "{'metadata':{'name':'c2'},'spec':{'request':'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0="
     "','signerName':'a.b/c','usages':['client auth']}}",
     ""},
    {"certificatesigningrequests",
     "{'metadata':{'name':'c3'},'spec':{'request':'LS0tLS1CRUdJTiBORVcgQ0VSVElGSUNBVEUgUkVRVUVTVC0t"
     "LS0t','signerName':'a.b/c','usages':['client auth']}}",
     ""},
    {"events", "{'metadata':{'name':'e1'},'involvedObject':{'namespace':'other','name':'x'}}",
     "Event \"e1\" is invalid: involvedObject.namespace: Invalid value: \"other\": does not match "
     "event.namespace"},
    {"events", "{'metadata':{'name':'e2'},'involvedObject':{'namespace':'talk','name':'x'}}", ""},
    {"events", "{'metadata':{'name':'e3'},'involvedObject':{'name':'talk'}}", ""},
    {"events", "{'metadata':{'name':'e4'},'involvedObject':{'name':'x'}}",
     "Event \"e4\" is invalid: involvedObject.namespace: Invalid value: \"\": does not match "
     "event.namespace"},
    /* Types */
    {"configmaps", "{'metadata':{'name':'t1'},'data':[]}",
     "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal: data: "},
    {"configmaps", "[]",
     "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot "
     "unmarshal: not an object"},
    {"configmaps", "{'kind':'Secret','apiVersion':'v1','metadata':{'name':'t2'}}",
     "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (Secret) to "
     "(ConfigMap): "
     "unknown conversion"},
    {"configmaps", "{'kind':'Secret','metadata':{'name':'t3'},'data':{'a':'?'}}",
     "Secret in version \"v1\" cannot be handled as a ConfigMap: illegal base64 data at input byte "
     "0"},
    {"configmaps", "{'kind':'Widget','apiVersion':'x/v1','metadata':{'name':'t4'}}",
     "Widget in version \"x/v1\" cannot be handled as a ConfigMap: converting (Widget) to "
     "(ConfigMap): unknown conversion"},
    {"environments", "{'metadata':{'name':'t5'},'spec':{'topology':7}}",
     "Environment.axle.dev \"t5\" is invalid: spec.topology: Invalid value: "},
    {"environments", "{'metadata':{'name':'T'},'spec':{'topology':7}}",
     "spec.topology: Invalid value: "},
    {"environments", "{'metadata':{'name':'T'},'spec':{'topology':7}}",
     "Environment.axle.dev \"T\" is invalid: [metadata.name: Invalid value: "},
};

static void test_creates(void)
{
    for (size_t i = 0; i < count_of(creates); i++) {
        int failed = create(creates[i].plural, creates[i].body);

        if (!*creates[i].text)
            CHECK(!failed, "allowed: %s: %s", creates[i].body, err.text);
        else if (!CHECK(failed && strstr(err.text, creates[i].text), "refused: %s",
                        creates[i].body))
            printf("#  got: %s\n# want: %s\n", failed ? err.text : "(allowed)", creates[i].text);
        objects_commit(objects);
    }
    CHECK_TEXT(document_json(arena, node_get(see("secrets", "s8"), "data")),
               "{\"a\":\"eA==\",\"b\":\"eQ==\"}", "stringData joins data");
}

static void test_generated(void)
{
    CHECK(create("configmaps",
                 arena_printf(arena, "{'metadata':{'generateName':'%s'}}", bytes_of(60))) == 0 &&
              strlen(result.object->name) == 63,
          "a long prefix is cut, so that the name has 63 bytes: %s", err.text);
    CHECK_INT(strspn(result.object->name + 58, "bcdfghjklmnpqrstvwxz2456789"), 5,
              "a made name ends with five letters that make no words");
    CHECK(create("configmaps", "{'metadata':{'generateName':'-a'}}") < 0 &&
              strstr(err.text, "metadata.generateName: Invalid value: \"-a\""),
          "a prefix must be a name's: %s", err.text);
}

static void test_sizes(void)
{
    scoped_text struct text many = {0};

    CHECK(create("configmaps",
                 arena_printf(arena, "{'metadata':{'name':'z1','annotations':{'a':'%s'}}}",
                              bytes_of(262143))) == 0,
          "annotations of 256 KiB are allowed: %s", err.text);
    CHECK(create("configmaps",
                 arena_printf(arena, "{'metadata':{'name':'z2','annotations':{'a':'%s'}}}",
                              bytes_of(262144))) < 0,
          "a byte more is not");
    CHECK_TEXT(err.text,
               MAP("z2") "metadata.annotations: Too long: may not be more than 262144 bytes",
               "in words");
    for (int i = 0; i < 256; i++)
        text_addf(&many, "%s'a.b/f%d'", i ? "," : "", i);
    CHECK(create("configmaps", arena_printf(arena, "{'metadata':{'name':'z3','finalizers':[%s]}}",
                                            text_string(&many))) == 0,
          "256 finalizers are allowed: %s", err.text);
    objects_commit(objects);
    text_add(&many, ",'a.b/more'");
    CHECK(create("configmaps", arena_printf(arena, "{'metadata':{'name':'z4','finalizers':[%s]}}",
                                            text_string(&many))) < 0,
          "one more is not");
    CHECK_TEXT(err.text,
               MAP("z4") "metadata.finalizers: Too many: 257: must have at most 256 items",
               "in words");
    CHECK(merge("configmaps", "z3",
                arena_printf(arena, "{'metadata':{'finalizers':[%s]}}", text_string(&many))) < 0,
          "nor by an update");
    text_cut(&many, 0);
    for (int i = 0; i < 513; i++)
        text_addf(&many, "%s{'apiVersion':'v1','kind':'A','name':'a','uid':'%d'}", i ? "," : "", i);
    CHECK(create("configmaps",
                 arena_printf(arena, "{'metadata':{'name':'z5','ownerReferences':[%s]}}",
                              text_string(&many))) < 0 &&
              strstr(err.text, "metadata.ownerReferences: Too many: 513: must have at most 512"),
          "513 owners are too many: %s", err.text);
}

/* ---- What the hub fills -------------------------------------------------------------- */

static void test_filled(void)
{
    const struct node *metadata;
    char before[CLOCK_TEXT];

    clock_format(clock_wall(), false, before);
    CHECK(create("configmaps",
                 "{'metadata':{'name':'fill','uid':'mine','generation':7,'selfLink':'/x',"
                 "'creationTimestamp':'2001-01-01T00:00:00Z','deletionTimestamp':"
                 "'2001-01-01T00:00:00Z','deletionGracePeriodSeconds':3}}") == 0,
          "create: %s", err.text);
    objects_commit(objects);
    metadata = node_get(see("configmaps", "fill"), "metadata");
    CHECK(strcmp(node_get_text(metadata, "uid"), "mine"), "the uid is the hub's to give");
    CHECK(strcmp(node_get_text(metadata, "creationTimestamp"), before) >= 0, "the time as well");
    CHECK(!node_get(metadata, "deletionTimestamp") &&
              !node_get(metadata, "deletionGracePeriodSeconds") && !node_get(metadata, "selfLink"),
          "what a new object cannot have is dropped");
    CHECK(!node_get(metadata, "generation"), "a kind without a spec has no generation");
    CHECK_TEXT(node_get_text(metadata, "namespace"), "talk", "the namespace is filled in");
    create("environments", "{'metadata':{'name':'order'},'spec':{}}");
    objects_commit(objects);
    metadata = node_get(see("environments", "order"), "metadata");
    CHECK(text_starts(document_json(arena, metadata),
                      arena_printf(arena,
                                   "{\"name\":\"order\",\"namespace\":\"talk\",\"uid\":\"%s\","
                                   "\"resourceVersion\":\"%s\",\"generation\":1,"
                                   "\"creationTimestamp\":\"%s\",\"managedFields\":",
                                   node_get_text(metadata, "uid"),
                                   node_get_text(metadata, "resourceVersion"),
                                   node_get_text(metadata, "creationTimestamp"))),
          "what the hub fills in stands in the usual order: %s", document_json(arena, metadata));
    metadata = node_get(see("configmaps", "fill"), "metadata");
    CHECK_TEXT(node_text(node_at(see("namespaces", "talk"), "metadata", "labels",
                                 "kubernetes.io/metadata.name", NULL)),
               "talk", "a namespace is labelled with its name");
    CHECK_TEXT(document_json(arena, node_at(see("namespaces", "talk"), "spec", NULL)),
               "{\"finalizers\":[\"kubernetes\"]}", "has the finalizer of the API");
    CHECK_TEXT(node_text(node_at(see("namespaces", "talk"), "status", "phase", NULL)), "Active",
               "and is active");
    CHECK(update("configmaps", "fill",
                 "{'metadata':{'name':'fill','uid':'','creationTimestamp':null,'generateName':'x',"
                 "'selfLink':'/x','generation':9,'deletionTimestamp':'2001-01-01T00:00:00Z',"
                 "'deletionGracePeriodSeconds':3,'finalizers':[]},'data':{'a':'1'}}") == 0,
          "update: %s", err.text);
    objects_commit(objects);
    CHECK_TEXT(
        document_json(arena, node_get(node_get(see("configmaps", "fill"), "metadata"), "uid")),
        document_json(arena, node_get(metadata, "uid")), "an update keeps the uid");
    CHECK_TEXT(metadata_of("configmaps", "fill", "creationTimestamp"),
               node_get_text(metadata, "creationTimestamp"), "and the time, whatever is sent");
    metadata = node_get(see("configmaps", "fill"), "metadata");
    CHECK(!node_get(metadata, "deletionTimestamp") &&
              !node_get(metadata, "deletionGracePeriodSeconds") &&
              !node_get(metadata, "selfLink") && !node_get(metadata, "generateName") &&
              !node_get(metadata, "generation") && !node_get(metadata, "finalizers"),
          "and adds nothing that the hub has not said: %s", document_json(arena, metadata));
}

/* ---- Updates ---------------------------------------------------------------------------- */

static void test_updates(void)
{
    static const struct {
        const char *plural, *name, *body, *text;
        enum err_code code;
    } cases[] = {
        {"configmaps", "up", "{'metadata':{'name':'up','namespace':'else'}}",
         "the namespace of the object (else) does not match the namespace on the URL (talk)",
         ERR_BAD_REQUEST},
        {"configmaps", "up", "{'metadata':{'name':'up','uid':'u'}}",
         "Operation cannot be fulfilled on configmaps \"up\": StorageError: invalid object, Code: "
         "4, Key: /registry/configmaps/talk/up, ResourceVersion: 0, AdditionalErrorMsg: "
         "Precondition failed: UID in precondition: u, UID in object meta: ",
         ERR_CONFLICT},
        {"configmaps", "up", "{'metadata':{'name':'up','resourceVersion':'x'}}",
         "strconv.ParseUint: parsing \"x\": invalid syntax", ERR_OTHER},
        {"configmaps", "up", "{'metadata':{'name':'up','resourceVersion':'-1'}}",
         "strconv.ParseUint: parsing \"-1\": invalid syntax", ERR_OTHER},
        {"configmaps", "up", "{'metadata':{'name':'up','resourceVersion':'0'}}", "", 0},
        {"configmaps", "up", "{'metadata':{}}", "", 0},
        {"configmaps", "up", "[]",
         "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal: "
         "not "
         "an object",
         ERR_BAD_REQUEST},
        {"configmaps", "up", "{'kind':'Secret','metadata':{'name':'up'}}", "unknown conversion",
         ERR_BAD_REQUEST},
        {"configmaps", "up", "{'metadata':{'name':'up'},'bogus':1}", "unknown field \"bogus\"",
         ERR_BAD_REQUEST},
        {"secrets", "up",
         "{'metadata':{'name':'up'},'immutable':true,'type':'t','data':{'a':'eA=='}}", "", 0},
        {"secrets", "up", "{'metadata':{'name':'up'},'type':'t','data':{'a':'eQ=='}}",
         "Secret \"up\" is invalid: [immutable: Forbidden: field is immutable when `immutable` is "
         "set, data: Forbidden: field is immutable when `immutable` is set]",
         ERR_INVALID},
        {"secrets", "up",
         "{'metadata':{'name':'up','labels':{'a':'b'}},'immutable':true,'type':'t','data':{'a':'eA=="
         "'}}",
         "", 0},
        {"rolebindings", "up",
         "{'metadata':{'name':'up'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'Role',"
         "'name':'other'}}",
         "RoleBinding.rbac.authorization.k8s.io \"up\" is invalid: roleRef: Invalid value: ",
         ERR_INVALID},
    };

    create("configmaps", "{'metadata':{'name':'up'}}");
    create("secrets", "{'metadata':{'name':'up'},'type':'t','data':{'a':'eA=='}}");
    create("rolebindings", "{'metadata':{'name':'up'},'roleRef':{'apiGroup':"
                           "'rbac.authorization.k8s.io','kind':'Role','name':'x'}}");
    objects_commit(objects);
    for (size_t i = 0; i < count_of(cases); i++) {
        int failed = update(cases[i].plural, cases[i].name, cases[i].body);

        if (!*cases[i].text)
            CHECK(!failed, "allowed: %s: %s", cases[i].body, err.text);
        else if (!CHECK(failed && err.code == cases[i].code && strstr(err.text, cases[i].text),
                        "refused: %s", cases[i].body))
            printf("#  got: %s\n# want: %s\n", failed ? err.text : "(allowed)", cases[i].text);
        objects_commit(objects);
    }
    CHECK(update("rolebindings", "up",
                 "{'metadata':{'name':'up'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io',"
                 "'kind':'Role','name':'y'}}") < 0 &&
              text_ends(err.text, "cannot change roleRef"),
          "the role of a binding stays: %s", err.text);
}

/* ---- Patches --------------------------------------------------------------------------- */

static const char *patch(enum objects_patch how, const char *name, const char *body)
{
    struct objects_write write = write_of("configmaps", name, body);

    write.patch = how;
    return objects_patch(objects, &write, &result, &err) < 0 ? err.text : "";
}

static void test_patches(void)
{
    static const struct {
        enum objects_patch how;
        const char *body, *text;
    } cases[] = {
        {OBJECTS_PATCH_MERGE, "[]",
         "error decoding patch: json: cannot unmarshal array into Go value of type "
         "map[string]interface {}"},
        {OBJECTS_PATCH_STRATEGIC, "[]",
         "error decoding patch: json: cannot unmarshal array into Go value of type "
         "map[string]interface {}"},
        {OBJECTS_PATCH_JSON, "{}",
         "error decoding patch: json: cannot unmarshal object into Go value of type "
         "[]handlers.jsonPatchOp"},
        {OBJECTS_PATCH_JSON, "[{'op':'test','path':'/data/a','value':'9'}]",
         "the server rejected our request due to an error in our request"},
        {OBJECTS_PATCH_JSON, "[{'op':'add','path':'/data/j','value':'1'}]", ""},
        {OBJECTS_PATCH_STRATEGIC, "{'data':{'s':'1'}}", ""},
        {OBJECTS_PATCH_MERGE, "{'data':{'m':'1'}}", ""},
        {OBJECTS_PATCH_MERGE, "{'bogus':1}", ": strict decoding error: unknown field \"bogus\""},
        {OBJECTS_PATCH_MERGE, "{'data':{'a':[]}}", " is invalid: patch: Invalid value: "},
    };
    struct objects_write write;

    create("configmaps", "{'metadata':{'name':'pt'},'data':{'a':'1'}}");
    objects_commit(objects);
    for (size_t i = 0; i < count_of(cases); i++) {
        const char *text = patch(cases[i].how, "pt", cases[i].body);

        if (!*cases[i].text)
            CHECK_TEXT(text, "", "allowed: %s", cases[i].body);
        else if (!CHECK(strstr(text, cases[i].text), "refused: %s", cases[i].body))
            printf("#  got: %s\n# want: %s\n", text, cases[i].text);
        objects_commit(objects);
    }
    CHECK_TEXT(document_json(arena, node_get(see("configmaps", "pt"), "data")),
               "{\"a\":\"1\",\"j\":\"1\",\"s\":\"1\",\"m\":\"1\"}",
               "each sort of patch does its work");
    patch(OBJECTS_PATCH_JSON, "pt", "[{'op':'remove','path':'/data/none'}]");
    CHECK_TEXT(result.details ? document_json(arena, result.details) : NULL, "{}",
               "a JSON patch that fails names nothing");
    CHECK_TEXT(patch(OBJECTS_PATCH_JSON, "pt", "[{'op':'remove','path':'/data/j'}]"), "",
               "one that does not");
    CHECK(!result.details, "has no details");
    objects_commit(objects);
    CHECK_TEXT(patch(OBJECTS_PATCH_MERGE, "none", "{}"), "configmaps \"none\" not found",
               "a patch makes nothing");
    CHECK(err.code == ERR_NOT_FOUND, "that is not found");
    write = write_of("configmaps", "ap", "{'metadata':{'name':'other'}}");
    write.patch = OBJECTS_PATCH_APPLY;
    CHECK(objects_patch(objects, &write, &result, &err) < 0, "an apply has the name of its URL");
    CHECK_TEXT(err.text, "the name of the object (other) does not match the name on the URL (ap)",
               "in words");
    write = write_of("environments", "none", "{'status':{}}");
    write.patch = OBJECTS_PATCH_APPLY;
    write.subresource = "status";
    CHECK(objects_patch(objects, &write, &result, &err) < 0 && err.code == ERR_NOT_FOUND,
          "the status of what is not there is not applied: %s", err.text);
    write = write_of("configmaps", "ap", "{'data':{}}");
    write.patch = OBJECTS_PATCH_APPLY;
    write.who.manager = bytes_of(129);
    CHECK(objects_patch(objects, &write, &result, &err) < 0, "a manager has at most 128 bytes");
    CHECK_TEXT(err.text,
               "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be more "
               "than 128 bytes",
               "in words");
    CHECK_TEXT(document_json(arena, result.details),
               "{\"group\":\"meta.k8s.io\",\"kind\":\"PatchOptions\",\"causes\":[{\"reason\":"
               "\"FieldValueTooLong\",\"message\":\"Too long: may not be more than 128 bytes\","
               "\"field\":\"fieldManager\"}]}",
               "and for programs");
    write.who.manager = bytes_of(128);
    CHECK(objects_patch(objects, &write, &result, &err) == 0, "128 are allowed: %s", err.text);
    write = write_of("configmaps", NULL, "{'metadata':{'name':'by'}}");
    write.who.manager = bytes_of(129);
    CHECK(objects_create(objects, &write, &result, &err) < 0 &&
              text_starts(err.text, "CreateOptions.meta.k8s.io"),
          "so it is for a create: %s", err.text);
    write = write_of("configmaps", NULL, "{'metadata':{'name':'by'},'data':{'a':'1'}}");
    write.who.manager = NULL;
    CHECK(objects_create(objects, &write, &result, &err) == 0 &&
              strstr(result.object->body, "\"manager\":\"unknown\""),
          "a write without a manager is of one that is not known");
    objects_commit(objects);

    objects_commit(objects);
}

/* ---- Deletes ------------------------------------------------------------------------------ */

static void test_deletes(void)
{
    static const char *const kept[] = {"default", "kube-system", "kube-public", "axle-system"};
    struct objects_write write;
    const char *revision;

    CHECK(drop("configmaps", "none", NULL) < 0 && err.code == ERR_NOT_FOUND, "nothing to delete");
    CHECK_TEXT(err.text, "configmaps \"none\" not found", "in words");
    CHECK_TEXT(document_json(arena, result.details), "{\"name\":\"none\",\"kind\":\"configmaps\"}",
               "and for programs");
    for (size_t i = 0; i < count_of(kept); i++) {
        CHECK(drop("namespaces", kept[i], NULL) < 0 && err.code == ERR_FORBIDDEN,
              "%s may not be deleted", kept[i]);
        CHECK_TEXT(err.text,
                   arena_printf(arena,
                                "namespaces \"%s\" is forbidden: this namespace may not be deleted",
                                kept[i]),
                   "in words");
    }
    create("configmaps", "{'metadata':{'name':'default'}}");
    objects_commit(objects);
    revision = metadata_of("configmaps", "default", "resourceVersion");
    write = write_of("configmaps", "default", NULL);
    write.uid = "u";
    CHECK(objects_delete(objects, &write, &result, &err) < 0 && err.code == ERR_CONFLICT &&
              text_starts(err.text,
                          "Operation cannot be fulfilled on ConfigMap \"default\": the UID "
                          "in the precondition (u) does not match the UID in record ("),
          "a delete of another uid: %s", err.text);
    CHECK_TEXT(document_json(arena, result.details),
               "{\"name\":\"default\",\"kind\":\"ConfigMap\"}", "names the object");
    for (const char *const *other = (const char *const[]){"1", "x", NULL}; *other; other++) {
        write = write_of("configmaps", "default", NULL);
        write.revision = *other;
        CHECK(objects_delete(objects, &write, &result, &err) < 0 && err.code == ERR_CONFLICT,
              "a delete of revision %s", *other);
        CHECK_TEXT(err.text,
                   arena_printf(arena,
                                "Operation cannot be fulfilled on ConfigMap \"default\": the "
                                "ResourceVersion in the precondition (%s) does not match the "
                                "ResourceVersion in record (%s). The object might have been "
                                "modified",
                                *other, revision),
                   "in words");
    }
    write = write_of("configmaps", "default", NULL);
    write.dry_run = true;
    write.uid = metadata_of("configmaps", "default", "uid");
    write.revision = revision;
    CHECK(objects_delete(objects, &write, &result, &err) == 0 && result.gone &&
              !store_is_staged(store),
          "a dry run of one with the right ones answers, and leaves nothing: %s", err.text);
    write.dry_run = false;
    write.uid = write.revision = "";
    object_drop(&result.object);
    CHECK(objects_delete(objects, &write, &result, &err) == 0 && result.gone && !result.details,
          "a ConfigMap may be called so and be deleted: %s", err.text);
    objects_commit(objects);
    CHECK(!see("configmaps", "default"), "it is gone");
    CHECK(drop("configmaps", "any", "Sideways") < 0, "a policy that is none");
    CHECK_TEXT(err.text,
               "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: "
               "\"Sideways\": supported values: \"Foreground\", \"Background\", \"Orphan\", "
               "\"nil\"",
               "is refused in words");
}

static void test_propagation(void)
{
    static const struct {
        const char *how, *finalizers;
    } cases[] = {
        {"Foreground", "[\"foregroundDeletion\"]"},
        {"Orphan", "[\"orphan\"]"},
        {"Background", ""},
        {NULL, ""},
        {"", ""},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        create("environments", "{'metadata':{'name':'prop'},'spec':{}}");
        objects_commit(objects);
        CHECK(drop("environments", "prop", cases[i].how) == 0, "delete: %s", err.text);
        objects_commit(objects);
        CHECK_TEXT(metadata_of("environments", "prop", "finalizers"), cases[i].finalizers,
                   "a deletion %s", cases[i].how ?: "as the kind has it");
        if (!*cases[i].finalizers) {
            CHECK(!see("environments", "prop"), "is at once");
            continue;
        }
        CHECK_TEXT(metadata_of("environments", "prop", "deletionGracePeriodSeconds"), "0",
                   "is without a wait");
        CHECK_TEXT(metadata_of("environments", "prop", "generation"), "2", "and is a change");
        CHECK(drop("environments", "prop", "Background") == 0 && result.gone,
              "another policy replaces it: %s", err.text);
        objects_commit(objects);
    }
}

static void test_namespaces(void)
{
    struct objects_write write;

    create("namespaces", "{'metadata':{'name':'full'}}");
    objects_commit(objects);
    write = write_of("configmaps", NULL, "{'metadata':{'name':'in','namespace':'full'}}");
    write.namespace = "full";
    CHECK(objects_create(objects, &write, &result, &err) == 0, "create: %s", err.text);
    CHECK(drop("namespaces", "full", NULL) == 0 && !result.gone,
          "a namespace waits for what is staged in it");
    CHECK_TEXT(node_text(node_at(object_read(arena, result.object), "status", "phase", NULL)),
               "Terminating", "and says so");
    objects_commit(objects);
    write = write_of("configmaps", NULL, "{'metadata':{'name':'late'}}");
    write.namespace = "full";
    CHECK(objects_create(objects, &write, &result, &err) < 0 && err.code == ERR_FORBIDDEN,
          "nothing new comes in");
    CHECK_TEXT(err.text,
               "configmaps \"late\" is forbidden: unable to create new content in namespace full "
               "because it is being terminated",
               "in words");
    CHECK(merge("namespaces", "full", "{'metadata':{'labels':{'a':'b'}}}") == 0 && !result.gone,
          "an update does not end one that has something in it: %s", err.text);
    objects_commit(objects);
    write = write_of("configmaps", "in", NULL);
    write.namespace = "full";
    CHECK(objects_delete(objects, &write, &result, &err) == 0, "delete: %s", err.text);
    objects_commit(objects);
    CHECK(drop("namespaces", "full", NULL) == 0 && result.gone, "an empty one goes: %s", err.text);
    objects_commit(objects);
    CHECK(!see("namespaces", "full"), "and is gone");
}

/* ---- Warnings ------------------------------------------------------------------------------- */

static const char *warnings(void)
{
    return result.warnings ? document_json(arena, result.warnings) : "";
}

static void test_validation(void)
{
    struct objects_write write =
        write_of("configmaps", NULL, "{'metadata':{'name':'v1'},'bogus':1,'data':{'a':'1'}}");

    write.validation = OBJECTS_WARN;
    write.duplicates = json("['data.a']");
    CHECK(objects_create(objects, &write, &result, &err) == 0,
          "unknown fields may be a warning: %s", err.text);
    CHECK_TEXT(warnings(), "[\"duplicate field \\\"data.a\\\"\",\"unknown field \\\"bogus\\\"\"]",
               "of each");
    CHECK(!strstr(result.object->body, "bogus"), "and are dropped");
    write.body = json("{'metadata':{'name':'v2'},'bogus':1}");
    write.validation = OBJECTS_IGNORE;
    object_drop(&result.object);
    CHECK(objects_create(objects, &write, &result, &err) == 0 && !*warnings(), "or nothing: %s",
          err.text);
    write.body = json("{'metadata':{'name':'v3'},'bogus':1,'more':2}");
    write.validation = OBJECTS_STRICT;
    object_drop(&result.object);
    CHECK(objects_create(objects, &write, &result, &err) < 0, "or a refusal");
    CHECK_TEXT(
        err.text,
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: "
        "duplicate field \"data.a\", unknown field \"bogus\", unknown field \"more\"",
        "that names them all");
    objects_commit(objects);
}

/* What is accepted and has no effect yet is told, if it says something. */
static void test_unused(void)
{
    static const struct {
        const char *plural, *spec, *warnings;
    } cases[] = {
        {"environments", "{'policies':[{'name':'x'}]}",
         "[\"spec.policies: this field has no effect yet; see kubectl explain "
         "environments.spec.policies\"]"},
        {"environments", "{'variables':{'a':'b'}}",
         "[\"spec.variables: this field has no effect yet; see kubectl explain "
         "environments.spec.variables\"]"},
        {"environments", "{'policies':[],'variables':{}}", ""},
        {"environments", "{'policies':null}", ""},
        {"environments", "{}", ""},
        {"computes", "{}",
         "[\"Compute: this kind has no effect yet; see kubectl explain computes\"]"},
        {"configmaps", NULL, ""},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        const char *spec = cases[i].spec ? arena_printf(arena, ",'spec':%s", cases[i].spec) : "";

        CHECK(create(cases[i].plural,
                     arena_printf(arena, "{'metadata':{'name':'unused%zu'}%s}", i, spec)) == 0,
              "create: %s", err.text);
        CHECK_TEXT(warnings(), cases[i].warnings, "%s%s", cases[i].plural, spec);
    }
    objects_commit(objects);
    CHECK(merge_status("environments", "unused0", "{'status':{'observedGeneration':1}}") == 0 &&
              !*warnings(),
          "a status is not warned of: %s", warnings());
    objects_commit(objects);
}

int main(void)
{
    kinds = kinds_open(&err);
    if (!CHECK(kinds != NULL, "kinds: %s", err.text))
        return 1;
    disk = store_disk_new("test");
    arena = arena_new();
    open_all();
    if (!objects)
        return 1;
    seed();
    test_creates();
    test_generated();
    test_sizes();
    test_filled();
    test_updates();
    test_patches();
    test_deletes();
    test_propagation();
    test_namespaces();
    test_validation();
    test_unused();
    close_all();
    arena_free(&arena);
    kinds_close(&kinds);
    store_disk_free(&disk);
    return check_done();
}
