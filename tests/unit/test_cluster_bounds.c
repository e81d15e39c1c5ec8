/* SPDX-License-Identifier: Apache-2.0 */
/* What a spoke allows bounds every work: beyond it is refused by field, value and way out. */

#include "cluster_fixture.h"

static const struct {
    const char *name, *spec, *says;
    bool root; /* only root gives ids */
} refusals[] = {
    /* Numbers that were checked as one thing and used as another. */
    {"what would be uid 0 in 32 bits",
     "securityContext: {runAsUser: 4294967296}, containers: [{name: c, command: [x]}]",
     "spec.template.spec.securityContext.runAsUser is 4294967296, but must be a user id", false},
    {"the same of a container",
     "containers: [{name: c, command: [x], securityContext: {runAsUser: 8589934592}}]",
     "containers[c].securityContext.runAsUser is 8589934592", false},
    {"an id that means none",
     "securityContext: {runAsGroup: 4294967295}, containers: [{name: c, "
     "command: [x]}]",
     "runAsGroup is 4294967295", false},
    {"a negative id", "securityContext: {fsGroup: -1}, containers: [{name: c, command: [x]}]",
     "fsGroup is -1", false},
    {"an id among others",
     "securityContext: {supplementalGroups: [700000, 4294967338]}, containers: "
     "[{name: c, command: [x]}]",
     "supplementalGroups[1] is 4294967338", false},
    {"an id as a text", "securityContext: {runAsUser: '0'}, containers: [{name: c, command: [x]}]",
     "runAsUser must be an integer", false},
    {"a mode with set-user-id",
     "volumes: [{name: v, configMap: {name: m, defaultMode: 2541}}], "
     "containers: [{name: c, command: [x]}]",
     "defaultMode is 2541, but must be a file mode", false},
    {"such a mode of a projected file",
     "volumes: [{name: v, projected: {sources: [{secret: {name: s, "
     "items: [{key: k, path: p, mode: 4294967295}]}}]}}], containers: [{name: c, command: [x]}]",
     "mode is 4294967295", false},
    {"a port in 16 bits", "containers: [{name: c, command: [x], ports: [{containerPort: 65558}]}]",
     "containerPort is 65558", false},
    {"a port of a probe",
     "containers: [{name: c, command: [x], livenessProbe: {tcpSocket: {port: "
     "4294967318}}}]",
     "port is 4294967318", false},
    {"seconds beyond nanoseconds",
     "terminationGracePeriodSeconds: 9223372036854775807, containers: "
     "[{name: c, command: [x]}]",
     "terminationGracePeriodSeconds is 9223372036854775807", false},
    {"memory beyond any machine",
     "containers: [{name: c, command: [x], resources: {limits: {memory: "
     "18446744073709551617}}}]",
     "limits.memory is more than any machine has", false},
    {"a limit that nobody keeps",
     "containers: [{name: c, command: [x], resources: {limits: {memroy: "
     "1Gi}}}]",
     "limits.memroy is not supported on this spoke", false},
    {"a request that nobody keeps",
     "containers: [{name: c, command: [x], resources: {requests: {memroy: "
     "1Gi}}}]",
     "requests.memroy is not supported on this spoke", false},
    {"processors beyond any machine",
     "containers: [{name: c, command: [x], resources: {limits: {cpu: "
     "9E}}}]",
     "limits.cpu is more than any machine has", false},
    /* Ids. */
    {"uid 0", "securityContext: {runAsUser: 0}, containers: [{name: c, command: [x]}]",
     "runAsUser: ", false},
    {"gid 0", "securityContext: {runAsGroup: 0}, containers: [{name: c, command: [x]}]",
     "runs nothing as gid 0; its administrator could allow it with --allow-root", true},
    {"the group of root", "securityContext: {fsGroup: 0}, containers: [{name: c, command: [x]}]",
     "fsGroup: ", false},
    {"the group of the shadow file",
     "securityContext: {fsGroup: 42}, containers: [{name: c, command: "
     "[x]}]",
     "fsGroup: gid 42 is not among this spoke's own 700000-759999; its administrator lists "
     "others with --allow-ids",
     true},
    {"another group",
     "securityContext: {supplementalGroups: [4]}, containers: [{name: c, command: "
     "[x]}]",
     "supplementalGroups: gid 4 is not among", true},
    {"a user of the machine",
     "containers: [{name: c, command: [x], securityContext: {runAsUser: "
     "1000}}]",
     "containers[c].securityContext.runAsUser: uid 1000 is not among", true},
    {"root that is no root",
     "securityContext: {runAsNonRoot: true}, containers: [{name: c, command: "
     "[x], securityContext: {runAsUser: 0}}]",
     "runAsUser", false},
    /* Privileges, each by its name. */
    {"procMount", "containers: [{name: c, command: [x], securityContext: {procMount: Unmasked}}]",
     "securityContext.procMount \\\"Unmasked\\\" is not supported", false},
    {"a seccomp profile of the machine's",
     "securityContext: {seccompProfile: {type: Localhost, "
     "localhostProfile: x}}, containers: [{name: c, command: [x]}]",
     "seccompProfile.type \\\"Localhost\\\" is not supported", false},
    {"no seccomp profile",
     "containers: [{name: c, command: [x], securityContext: {seccompProfile: "
     "{type: Unconfined}}}]",
     "seccompProfile.type \\\"Unconfined\\\"", false},
    {"AppArmor",
     "securityContext: {appArmorProfile: {type: Unconfined}}, containers: [{name: c, "
     "command: [x]}]",
     "appArmorProfile.type", false},
    {"SELinux",
     "securityContext: {seLinuxOptions: {level: s0}}, containers: [{name: c, command: "
     "[x]}]",
     "seLinuxOptions.level is not supported", false},
    {"Windows",
     "securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: c, "
     "command: [x]}]",
     "windowsOptions is not supported", false},
    {"sysctls",
     "securityContext: {sysctls: [{name: kernel.shm_rmid_forced, value: '0'}]}, "
     "containers: [{name: c, command: [x]}]",
     "sysctls is not supported", false},
    {"escalation",
     "containers: [{name: c, command: [x], securityContext: {allowPrivilegeEscalation: "
     "true}}]",
     "allowPrivilegeEscalation: nothing gains privileges", false},
    {"privileges", "containers: [{name: c, command: [x], securityContext: {privileged: true}}]",
     "--allow-privileged", false},
    {"a capability",
     "containers: [{name: c, command: [x], securityContext: {capabilities: {add: "
     "[NET_ADMIN]}}}]",
     "capabilities.add", false},
    {"a capability that is none",
     "containers: [{name: c, command: [x], securityContext: "
     "{capabilities: {drop: [EVERYTHING]}}}]",
     "there is no capability", false},
    {"the machine's processes", "hostPID: true, containers: [{name: c, command: [x]}]",
     "spec.hostPID is not supported", false},
    {"the machine's ipc", "hostIPC: true, containers: [{name: c, command: [x]}]", "spec.hostIPC",
     false},
    {"a user namespace", "hostUsers: false, containers: [{name: c, command: [x]}]",
     "spec.hostUsers false", false},
    {"one pid namespace", "shareProcessNamespace: true, containers: [{name: c, command: [x]}]",
     "spec.shareProcessNamespace", false},
    {"mounts that spread",
     "volumes: [{name: v, emptyDir: {}}], containers: [{name: c, command: [x], "
     "volumeMounts: [{name: v, mountPath: v, mountPropagation: Bidirectional}]}]",
     "mountPropagation", false},
    /* Names that become paths of root's. */
    {"a volume that climbs",
     "volumes: [{name: ../../../../../../../../etc, emptyDir: {}}], containers: "
     "[{name: c, command: [x]}]",
     "is not a name of up to 63", false},
    {"a claim that climbs",
     "volumes: [{name: v, persistentVolumeClaim: {claimName: "
     "x/../../../../../../../etc}}], containers: [{name: c, command: [x]}]",
     "is no name of a claim", false},
    {"a claim of our own making",
     "volumes: [{name: v, axleTemplate: true, persistentVolumeClaim: "
     "{claimName: others}}], containers: [{name: c, command: [x]}]",
     "axleTemplate is not supported", false},
    {"a mount point that climbs",
     "volumes: [{name: v, emptyDir: {}}], containers: [{name: c, command: "
     "[x], volumeMounts: [{name: v, mountPath: /a/../../b}]}]",
     "mountPath", false},
    {"a hostPath that is none",
     "volumes: [{name: v, hostPath: {path: tmp/axle-allowed}}], containers: "
     "[{name: c, command: [x]}]",
     "is outside the folders", false},
    {"a folder whose name begins alike",
     "volumes: [{name: v, hostPath: {path: /tmp/axle-allowed-not}}], "
     "containers: [{name: c, command: [x]}]",
     "is outside the folders", false},
    {"a mount over the whole root",
     "volumes: [{name: v, emptyDir: {}}], containers: [{name: c, command: "
     "[x], volumeMounts: [{name: v, mountPath: //./}]}]",
     "mountPath is /, which is the pod's own", false},
    {"a mount over what the kernel shows",
     "volumes: [{name: v, emptyDir: {}}], containers: [{name: c, "
     "command: [x], volumeMounts: [{name: v, mountPath: //proc/./sys/}]}]",
     "mountPath is /proc/sys", false},
    {"a mount over the pod's folders",
     "volumes: [{name: v, emptyDir: {}}], containers: [{name: c, "
     "command: [x], volumeMounts: [{name: v, mountPath: /pod/}]}]",
     "mountPath is /pod", false},
    {"two volumes of one name",
     "volumes: [{name: v, emptyDir: {}}, {name: v, configMap: {name: c}}], "
     "containers: [{name: c, command: [x]}]",
     "spec.volumes: two have the name ", false},
    {"a volume of two kinds",
     "volumes: [{name: v, emptyDir: {}, configMap: {name: c}}], containers: "
     "[{name: c, command: [x]}]",
     "spec.volumes[v] is of 2 kinds", false},
    {"two containers of one name",
     "initContainers: [{name: c, command: [x]}], containers: [{name: c, "
     "command: [x]}]",
     "spec.containers and initContainers: two have the name ", false},
    {"two volumes in one place",
     "volumes: [{name: v, emptyDir: {}}], containers: [{name: c, command: [x], "
     "volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /v}]}]",
     "volumeMounts: two have the mountPath ", false},
    /* Ports and disk. */
    {"a port of the machine's",
     "containers: [{name: c, command: [x], ports: [{containerPort: 22}]}]",
     "containerPort is 22, and a pod shares the machine's ports: this spoke gives 1024-65535",
     false},
    {"another port of the machine's",
     "containers: [{name: c, command: [x], ports: [{containerPort: 8080, "
     "hostPort: 443}]}]",
     "hostPort is 443 and containerPort 8080", false},
    {"an address of the machine's",
     "containers: [{name: c, command: [x], ports: [{containerPort: 8080, "
     "hostIP: 10.0.0.1}]}]",
     "hostIP is not supported", false},
    {"more disk than there is",
     "containers: [{name: c, command: [x], resources: {limits: "
     "{ephemeral-storage: 11Gi}}}]",
     "ephemeral-storage is 11811160064 bytes, but this spoke gives a pod "
     "at most 10737418240 (--pod-disk)",
     false},
};

static void test_pods(void)
{
    for (size_t i = 0; i < count_of(refusals); i++) {
        scoped_mem char *yaml = mem_printf(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: t, namespace: lab}\n"
            "spec: {template: {spec: {%s}}}\n",
            refusals[i].spec);

        if (refusals[i].root && geteuid() != 0) {
            CHECK_SKIP("not root");
            continue;
        }
        apply("t", yaml);
        CHECK(wait_text("t", refusals[i].says), "%s is refused by name", refusals[i].name);
        CHECK(wait_phase("t", "Degraded"), "and not run");
        remove_owner("t");
    }
}

/* An amount may be a whole number, of any size that a machine could have. */
static void test_amounts(void)
{
    static const char *const specs[] = {
        "containers: [{name: c, command: [sleep, '1000'], resources: {limits: {memory: 4294967296, "
        "ephemeral-storage: 4294967296}}}]",
        "containers: [{name: c, command: [sleep, '1000'], resources: {requests: {memory: 4294967296, "
        "cpu: 1}}}]",
        "volumes: [{name: v, emptyDir: {sizeLimit: 4294967296}}], containers: [{name: c, command: "
        "[sleep, '1000']}]",
    };

    for (size_t i = 0; i < count_of(specs); i++) {
        scoped_mem char *yaml =
            mem_printf("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: lab}\n"
                       "spec: {terminationGracePeriodSeconds: 0, %s}\n",
                       specs[i]);

        apply("a", yaml);
        CHECK(wait_phase("a", "Running"), "4Gi as a number: %s", specs[i]);
        remove_owner("a");
    }
}

static void test_services(void)
{
    static const struct {
        const char *name, *spec, *says;
    } services[] = {
        {"ssh", "type: NodePort, ports: [{port: 80, nodePort: 22}]",
         "nodePort is 22, but this spoke gives 30000-32767 only (--node-ports)"},
        {"just below", "type: NodePort, ports: [{port: 80, nodePort: 29999}]", "nodePort is 29999"},
        {"just above", "type: NodePort, ports: [{port: 80, nodePort: 32768}]", "nodePort is 32768"},
        {"ssh in 16 bits", "type: NodePort, ports: [{port: 80, nodePort: 65558}]",
         "nodePort is 65558"},
        {"a target beyond", "ports: [{port: 80, targetPort: 4294967318}]",
         "targetPort is 4294967318"},
        {"addresses of others", "externalIPs: [10.0.0.1], ports: [{port: 80}]", "externalIPs"},
    };

    for (size_t i = 0; i < count_of(services); i++) {
        scoped_mem char *yaml =
            mem_printf("apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: "
                       "lab}\nspec: {selector: {app: x}, %s}\n",
                       services[i].spec);

        apply("s", yaml);
        CHECK(wait_text("s", services[i].says), "%s is refused by name", services[i].name);
        CHECK(wait_phase("s", "Degraded"), "and not served");
        remove_owner("s");
    }
}

/* Each namespace has ids of its own; the one that another has is not given. */
static void test_ids_of_others(void)
{
    static const char pod[] =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: %s}\nspec:\n"
        "  terminationGracePeriodSeconds: 0\n  securityContext: {runAsUser: %d, fsGroup: %d}\n"
        "  containers: [{name: c, command: [sleep, '1000']}]\n";
    scoped_mem char *one = mem_printf(pod, "one", 700777, 700778);
    scoped_mem char *user = mem_printf(pod, "two", 700777, 700779);
    scoped_mem char *group = mem_printf(pod, "two", 700779, 700778);

    if (geteuid() != 0) {
        CHECK_SKIP("not root");
        return;
    }
    apply("one", one);
    CHECK(wait_phase("one", "Running"), "a namespace takes an id of the spoke's own");
    apply("two", user);
    CHECK(wait_text("two", "id 700777 belongs to another namespace"), "another cannot take it");
    remove_owner("two");
    apply("two", group);
    CHECK(wait_text("two", "fsGroup: id 700778 belongs to another namespace"), "nor its group");
    CHECK(wait_text("two", "NotPermitted"), "as what is not permitted");
    remove_owner("two");
    remove_owner("one");
    cluster_close(&cluster);
    open_cluster();
    apply("two", user);
    CHECK(wait_text("two", "belongs to another namespace"), "also not after a restart");
    remove_owner("two");
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    if (fixture_start() < 0)
        return 1;
    open_cluster();
    test_pods();
    test_amounts();
    test_services();
    test_ids_of_others();
    cluster_close(&cluster);
    return fixture_end();
}
