/* SPDX-License-Identifier: Apache-2.0 */
/* What a spoke accepts of a pod's spec: volumes, containers, ports, limits, users, privileges. */

#include "manifest_fixture.h"

#define STATEFUL_HEAD "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n"
/* 252 letters. */
#define SIXTY_THREE "a23456789b123456789c123456789d123456789e123456789f123456789g123"
#define LONG_NAME SIXTY_THREE SIXTY_THREE SIXTY_THREE SIXTY_THREE

static const struct manifest_row pods[] = {
    {"hostPath inside a root", POD "  volumes: [{name: v, hostPath: {path: /srv/models/a}}]\n",
     NULL},
    {"hostPath beside a root", POD "  volumes: [{name: v, hostPath: {path: /srv/models2}}]\n",
     "NotPermitted: spec.volumes[v].hostPath"},
    {"hostPath out of a root", POD "  volumes: [{name: v, hostPath: {path: /srv/models/../x}}]\n",
     "NotPermitted"},
    {"a volume of two kinds", POD "  volumes: [{name: v, emptyDir: {}, configMap: {name: m}}]\n",
     "is of 2 kinds"},
    {"a user that is allowed", POD "  securityContext: {runAsUser: 2000}\n", NULL},
    {"a user that is not", POD "  securityContext: {runAsUser: 2001}\n",
     "NotPermitted: spec.securityContext.runAsUser: uid 2001"},
    {"the lowest port", POD "    ports: [{containerPort: 1024}]\n", NULL},
    {"a port below the range", POD "    ports: [{containerPort: 1023}]\n", "NotPermitted"},
    {"a hostPort of another number", POD "    ports: [{containerPort: 2000, hostPort: 2001}]\n",
     "so they are the same"},
    {"a disk limit at the bound", POD "    resources: {limits: {ephemeral-storage: 1000000}}\n",
     NULL},
    {"a disk limit beyond it", POD "    resources: {limits: {ephemeral-storage: 1000001}}\n",
     "at most 1000000"},
    {"a device", POD "    resources: {limits: {nvidia.com/gpu: 1}}\n",
     "devices are not handed out"},
    {"a probe that asks nothing", POD "    readinessProbe: {periodSeconds: 1}\n", "asks nothing"},
    {"a mount without its volume", POD "    volumeMounts: [{name: v, mountPath: /v}]\n",
     "there is no volume \"v\""},
    {"a mount over /proc",
     POD "    volumeMounts: [{name: v, mountPath: //proc/./x}]\n"
         "  volumes: [{name: v, emptyDir: {}}]\n",
     "is the pod's own"},

    /* Volumes. */
    {"hostPath that is a root",
     POD "  volumes: [{name: v, hostPath: {path: /srv/models, type: Directory}}]\n", NULL},
    {"hostPath in a root that is written with slashes",
     POD "  volumes: [{name: v, hostPath: {path: /data/x}}]\n", NULL},
    {"that root itself", POD "  volumes: [{name: v, hostPath: {path: /data}}]\n", NULL},
    {"hostPath beside that root", POD "  volumes: [{name: v, hostPath: {path: /datax}}]\n",
     "NotPermitted: spec.volumes[v].hostPath /datax is outside"},
    {"hostPath that climbs at its end",
     POD "  volumes: [{name: v, hostPath: {path: /srv/models/..}}]\n", "NotPermitted"},
    {"hostPath with dots that do not climb",
     POD "  volumes: [{name: v, hostPath: {path: /srv/models/..x/.y/z../...}}]\n", NULL},
    {"hostPath that is relative", POD "  volumes: [{name: v, hostPath: {path: srv/models/a}}]\n",
     "NotPermitted"},
    {"hostPath of a type that there is not",
     POD "  volumes: [{name: v, hostPath: {path: /srv/models/a, type: Folder}}]\n",
     "Invalid: spec.volumes[v].hostPath.type \"Folder\""},
    {"hostPath with an unknown field",
     POD "  volumes: [{name: v, hostPath: {path: /srv/models/a, mode: 1}}]\n",
     "UnsupportedField: spec.volumes[v].mode"},
    {"emptyDir in memory",
     POD "  volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]\n", NULL},
    {"emptyDir in huge pages", POD "  volumes: [{name: v, emptyDir: {medium: HugePages}}]\n",
     "UnsupportedField: spec.volumes[v].emptyDir.medium HugePages"},
    {"emptyDir of no size", POD "  volumes: [{name: v, emptyDir: {sizeLimit: 0}}]\n",
     "spec.volumes[v].sizeLimit must be greater than zero"},
    {"emptyDir of less", POD "  volumes: [{name: v, emptyDir: {sizeLimit: '-1'}}]\n",
     "must be greater than zero"},
    {"emptyDir of half a byte more than nothing",
     POD "  volumes: [{name: v, emptyDir: {sizeLimit: 500m}}]\n", NULL},
    {"emptyDir of any size",
     POD "  volumes: [{name: v, emptyDir: {sizeLimit: 9007199254740992}}]\n", NULL},
    {"emptyDir of more", POD "  volumes: [{name: v, emptyDir: {sizeLimit: 9007199254740994}}]\n",
     "is more than any machine has"},
    {"emptyDir of a word", POD "  volumes: [{name: v, emptyDir: {sizeLimit: much}}]\n",
     "Invalid: spec.volumes[v].sizeLimit: "},
    {"emptyDir with an unknown field", POD "  volumes: [{name: v, emptyDir: {mode: 1}}]\n",
     "UnsupportedField: spec.volumes[v].mode"},
    {"files of a ConfigMap and of a Secret",
     POD "  volumes: [{name: v, configMap: {name: m}}, {name: w, secret: {secretName: s}}]\n",
     NULL},
    {"a ConfigMap with an unknown field",
     POD "  volumes: [{name: v, configMap: {name: m, immutable: true}}]\n",
     "UnsupportedField: spec.volumes[v].immutable"},
    {"a Secret with an unknown field",
     POD "  volumes: [{name: v, secret: {secretName: m, immutable: true}}]\n",
     "UnsupportedField: spec.volumes[v].immutable"},
    {"the downward API",
     POD "  volumes: [{name: v, downwardAPI: {items: [{path: l, fieldRef: {fieldPath: "
         "metadata.labels}}]}}]\n",
     NULL},
    {"the downward API with an unknown field",
     POD "  volumes: [{name: v, downwardAPI: {optional: true}}]\n",
     "UnsupportedField: spec.volumes[v].optional"},
    {"projected sources",
     POD
     "  volumes: [{name: v, projected: {sources: [{configMap: {name: m}}], defaultMode: 420}}]\n",
     NULL},
    {"projected sources with an unknown field",
     POD "  volumes: [{name: v, projected: {from: [a]}}]\n",
     "UnsupportedField: spec.volumes[v].from"},
    {"a projected token",
     POD "  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]\n",
     "UnsupportedField: spec.volumes[v].projected.sources.serviceAccountToken"},
    {"a claim",
     POD "  volumes: [{name: v, persistentVolumeClaim: {claimName: c.1-2, readOnly: true}}]\n",
     NULL},
    {"a claim without a name", POD "  volumes: [{name: v, persistentVolumeClaim: {}}]\n",
     "spec.volumes[v].persistentVolumeClaim.claimName \"\" is no name"},
    {"a claim whose name is a folder's",
     POD "  volumes: [{name: v, persistentVolumeClaim: {claimName: ..}}]\n",
     "is no name of a claim"},
    {"a claim whose name is an option",
     POD "  volumes: [{name: v, persistentVolumeClaim: {claimName: -f}}]\n",
     "is no name of a claim"},
    {"a claim whose name is a path",
     POD "  volumes: [{name: v, persistentVolumeClaim: {claimName: a/b}}]\n",
     "is no name of a claim"},
    {"a claim with a name that is long enough",
     POD "  volumes: [{name: v, persistentVolumeClaim: {claimName: " LONG_NAME "x}}]\n", NULL},
    {"a claim with one that is too long",
     POD "  volumes: [{name: v, persistentVolumeClaim: {claimName: " LONG_NAME "xy}}]\n",
     "is no name of a claim"},
    {"a claim with an unknown field",
     POD "  volumes: [{name: v, persistentVolumeClaim: {claimName: c, size: 1}}]\n",
     "UnsupportedField: spec.volumes[v].size"},
    {"a kind of volume that there is not", POD "  volumes: [{name: v, nfs: {server: s}}]\n",
     "UnsupportedField: spec.volumes[v].nfs"},
    {"a volume of no kind", POD "  volumes: [{name: v}]\n", "says not what it is"},
    {"a volume of a kind that is null", POD "  volumes: [{name: v, emptyDir: null}]\n",
     "says not what it is"},
    {"a volume whose other kinds are null",
     POD
     "  volumes: [{name: v, emptyDir: {}, hostPath: null, persistentVolumeClaim: null, projected: "
     "null}]\n",
     NULL},
    {"a volume of two kinds, the second a claim",
     POD "  volumes: [{name: v, emptyDir: {}, persistentVolumeClaim: {claimName: c}}]\n",
     "is of 2 kinds"},
    {"a volume without a name", POD "  volumes: [{emptyDir: {}}]\n",
     "Invalid: spec.volumes[].name is not a name"},
    {"a volume with a name of one letter", POD "  volumes: [{name: v, emptyDir: {}}]\n", NULL},
    {"a volume with a name of 63",
     POD "  volumes: [{name: a23456789b123456789c123456789d123456789e123456789f123456789g123, "
         "emptyDir: {}}]\n",
     NULL},
    {"a volume with a name of 64",
     POD "  volumes: [{name: a23456789b123456789c123456789d123456789e123456789f123456789g123x, "
         "emptyDir: {}}]\n",
     "is not a name"},
    {"a volume called -v", POD "  volumes: [{name: -v, emptyDir: {}}]\n", "is not a name"},
    {"a volume called v-", POD "  volumes: [{name: v-, emptyDir: {}}]\n", "is not a name"},
    {"a volume called V", POD "  volumes: [{name: V, emptyDir: {}}]\n", "is not a name"},
    {"a volume called v.w", POD "  volumes: [{name: v.w, emptyDir: {}}]\n", "is not a name"},
    {"two volumes of one name",
     POD "  volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {}}, {name: v, emptyDir: {}}]\n",
     "spec.volumes: two have the name \"v\""},

    /* Ports. */
    {"the highest port",
     POD "    ports: [{containerPort: 40000, hostPort: 40000, protocol: TCP}]\n", NULL},
    {"a port above the range", POD "    ports: [{containerPort: 40001}]\n",
     "NotPermitted: spec.containers[c].ports[0].containerPort is 40001, and a pod shares the "
     "machine's ports: this spoke gives 1024-40000"},
    {"any port", POD "    ports: [{containerPort: 0}]\n", NULL},
    {"a named port without containerPort", POD "    ports: [{name: web}]\n", NULL},
    {"a hostPort without containerPort", POD "    ports: [{hostPort: 2000}]\n",
     "so they are the same"},
    {"a port of one address", POD "    ports: [{containerPort: 2000, hostIP: 10.0.0.1}]\n",
     "UnsupportedField: spec.containers[c].ports[0].hostIP"},
    {"a port with an unknown field", POD "    ports: [{containerPort: 2000, hosts: x}]\n",
     "UnsupportedField: spec.containers[c].ports[0].hosts"},
    {"a second port that is not allowed",
     POD "    ports: [{containerPort: 2000}, {containerPort: 80}]\n",
     "ports[1].containerPort is 80"},

    /* Resources. */
    {"limits and requests",
     POD "    resources: {limits: {cpu: 100m, memory: 1Gi}, requests: {cpu: 1, memory: 1Mi, "
         "ephemeral-storage: 1}}\n",
     NULL},
    {"a limit of nothing that counts", POD "    resources: {limits: {cpu: null}}\n", NULL},
    {"requests of a device", POD "    resources: {requests: {nvidia.com/gpu: 1}}\n",
     "UnsupportedField: spec.containers[c].resources.requests[nvidia.com/gpu]: devices"},
    {"requests of what there is not", POD "    resources: {requests: {hugepages: 1}}\n",
     "UnsupportedField: spec.containers[c].resources.requests.hugepages"},
    {"limits of what there is not", POD "    resources: {limits: {cpus: 1}}\n",
     "UnsupportedField: spec.containers[c].resources.limits.cpus"},
    {"no memory", POD "    resources: {limits: {memory: 0}}\n",
     "spec.containers[c].resources.limits.memory must be greater than zero"},
    {"no processor", POD "    resources: {limits: {cpu: 0}}\n",
     "spec.containers[c].resources.limits.cpu must be greater than zero"},
    {"all processors that can be counted", POD "    resources: {limits: {cpu: 2147483647m}}\n",
     NULL},
    {"more processors", POD "    resources: {limits: {cpu: 2147484}}\n",
     "is more than any machine has"},
    {"a disk limit that is a word", POD "    resources: {limits: {ephemeral-storage: x}}\n",
     "Invalid: spec.containers[c].resources.limits.ephemeral-storage: "},

    /* Hooks and probes. */
    {"hooks",
     POD "    lifecycle: {postStart: {exec: {command: [a]}}, preStop: {sleep: {seconds: 1}}}\n",
     NULL},
    {"a hook that there is not", POD "    lifecycle: {preStart: {exec: {command: [a]}}}\n",
     "UnsupportedField: spec.containers[c].lifecycle.preStart"},
    {"a way to do it that there is not", POD "    lifecycle: {postStart: {grpc: {port: 1}}}\n",
     "UnsupportedField: spec.containers[c].lifecycle.grpc"},
    {"nor at the end", POD "    lifecycle: {preStop: {grpc: {port: 1}}}\n",
     "UnsupportedField: spec.containers[c].lifecycle.grpc"},
    {"a probe by httpGet", POD "    livenessProbe: {httpGet: {port: 1}}\n", NULL},
    {"a probe by tcpSocket", POD "    livenessProbe: {tcpSocket: {port: 1}}\n", NULL},
    {"a probe by exec", POD "    livenessProbe: {exec: {command: [a]}}\n", NULL},
    {"a probe by grpc", POD "    livenessProbe: {grpc: {port: 1}}\n", NULL},
    {"a probe that asks by null", POD "    startupProbe: {httpGet: null}\n",
     "spec.containers[c].startupProbe asks nothing"},
    {"a last probe that asks nothing", POD "    livenessProbe: {periodSeconds: 1}\n",
     "spec.containers[c].livenessProbe asks nothing"},
    {"a probe that is null", POD "    livenessProbe: null\n", NULL},
    {"a probe with an unknown field",
     POD "    readinessProbe: {exec: {command: [a]}, retries: 1}\n",
     "UnsupportedField: spec.containers[c].readinessProbe.retries"},

    /* Containers. */
    {"a container with an unknown field", POD "    shell: bash\n",
     "UnsupportedField: spec.containers[c].shell"},
    {"rights with an unknown field", POD "    securityContext: {sandbox: x}\n",
     "UnsupportedField: spec.containers[c].securityContext.sandbox"},
    {"a container that has arguments only", POD_HEAD "  containers: [{name: c, args: [run]}]\n",
     NULL},
    {"an image that is replaced by a command",
     POD_HEAD "  runtimeClassName: process\n  containers: [{name: c, image: x, command: [run]}]\n",
     NULL},
    {"an image of a process without a command",
     POD_HEAD "  runtimeClassName: process\n  containers: [{name: c, image: x}]\n",
     "command is missing: a process needs one"},
    {"a restartPolicy of a container", POD "    restartPolicy: Always\n",
     "spec.containers[c].restartPolicy \"Always\": only an init container"},
    {"a sidecar", POD "  initContainers: [{name: i, command: [a], restartPolicy: Always}]\n", NULL},
    {"an init container that is restarted otherwise",
     POD "  initContainers: [{name: i, command: [a], restartPolicy: Never}]\n",
     "spec.initContainers[i].restartPolicy \"Never\""},
    {"an init container without a command", POD "  initContainers: [{name: i}]\n",
     "spec.initContainers[i].command is missing"},
    {"an init container of a container's name", POD "  initContainers: [{name: c, command: [a]}]\n",
     "spec.containers and initContainers: two have the name \"c\""},
    {"two init containers of one name",
     POD "  initContainers: [{name: i, command: [a]}, {name: i, command: [a]}]\n",
     "two have the name \"i\""},
    {"three containers", POD "  - {name: d, command: [a]}\n  - {name: e, command: [a]}\n", NULL},

    /* Mounts. */
    {"a mount",
     POD "    volumeMounts: [{name: v, mountPath: '/v', subPath: a/b, readOnly: true, "
         "mountPropagation: None}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     NULL},
    {"a mount below the working folder",
     POD "    volumeMounts: [{name: v, mountPath: 'v/w'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     NULL},
    {"a mount at no path",
     POD "    volumeMounts: [{name: v, mountPath: ''}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "volumeMounts[v].mountPath \"\" is empty"},
    {"a mount that climbs",
     POD
     "    volumeMounts: [{name: v, mountPath: '/a/../b'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "contains '..' or ':'"},
    {"a mount with a colon",
     POD "    volumeMounts: [{name: v, mountPath: '/a:b'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "contains '..' or ':'"},
    {"a mount that is seen outside",
     POD
     "    volumeMounts: [{name: v, mountPath: '/v', mountPropagation: Bidirectional}]\n  volumes: "
     "[{name: v, emptyDir: {}}]\n",
     "UnsupportedField: spec.volumeMounts[v].mountPropagation Bidirectional"},
    {"a mount with an unknown field",
     POD
     "    volumeMounts: [{name: v, mountPath: '/v', mode: rw}]\n  volumes: [{name: v, emptyDir: "
     "{}}]\n",
     "UnsupportedField: spec.volumeMounts.mode"},
    {"a mount of what leaves the volume",
     POD "    volumeMounts: [{name: v, mountPath: '/v', subPath: ../w}]\n  volumes: [{name: v, "
         "emptyDir: {}}]\n",
     "volumeMounts[v].subPath ../w leaves the volume"},
    {"a mount over /",
     POD "    volumeMounts: [{name: v, mountPath: '/'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "mountPath is /, which is the pod's own"},
    {"a mount over /./",
     POD "    volumeMounts: [{name: v, mountPath: '/./'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "mountPath is /, which is the pod's own"},
    {"a mount over //",
     POD "    volumeMounts: [{name: v, mountPath: '//'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "mountPath is /, which is the pod's own"},
    {"a mount over /pod",
     POD "    volumeMounts: [{name: v, mountPath: '/pod'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "mountPath is /pod, which is the pod's own"},
    {"a mount over /pod/./",
     POD
     "    volumeMounts: [{name: v, mountPath: '/pod/./'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "mountPath is /pod, which is the pod's own"},
    {"a mount over /proc",
     POD
     "    volumeMounts: [{name: v, mountPath: '/proc'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "mountPath is /proc, which is the pod's own"},
    {"a mount over /sys/x",
     POD
     "    volumeMounts: [{name: v, mountPath: '/sys/x'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "mountPath is /sys/x, which is the pod's own"},
    {"a mount at /pod/x",
     POD
     "    volumeMounts: [{name: v, mountPath: '/pod/x'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     NULL},
    {"a mount at /procs",
     POD
     "    volumeMounts: [{name: v, mountPath: '/procs'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     NULL},
    {"a mount at /.x",
     POD "    volumeMounts: [{name: v, mountPath: '/.x'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     NULL},
    {"a mount at /x/.",
     POD "    volumeMounts: [{name: v, mountPath: '/x/.'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     NULL},
    {"a mount at /x.",
     POD "    volumeMounts: [{name: v, mountPath: '/x.'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     NULL},
    {"a mount at /a/b//c",
     POD
     "    volumeMounts: [{name: v, mountPath: '/a/b//c'}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     NULL},
    {"two mounts at one path",
     POD
     "    volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /w}, {name: v, mountPath: "
     "/v}]\n  volumes: [{name: v, emptyDir: {}}]\n",
     "two have the mountPath \"/v\""},
    {"a mount of a StatefulSet's claim",
     STATEFUL_HEAD
     "  volumeClaimTemplates: [{metadata: {name: d}}, {metadata: {name: e}}]\n  template: {spec: "
     "{containers: [{name: c, command: [run], volumeMounts: [{name: d, mountPath: /d}, {name: e, "
     "mountPath: /e}]}]}}\n",
     NULL},
    {"a mount of a claim that the StatefulSet has not",
     STATEFUL_HEAD
     "  volumeClaimTemplates: [{metadata: {name: d}}]\n  template: {spec: {containers: [{name: c, "
     "command: [run], volumeMounts: [{name: e, mountPath: /d}]}]}}\n",
     "containers[c].volumeMounts: there is no volume \"e\""},
    {"a mount of no volume", POD "    volumeMounts: [{mountPath: /v}]\n",
     "there is no volume \"\""},
    {"a mount of the second volume",
     POD
     "    volumeMounts: [{name: w, mountPath: /v}]\n  volumes: [{name: v, emptyDir: {}}, {name: "
     "w, emptyDir: {}}]\n",
     NULL},
    {"a mount of an init container without its volume",
     POD "  initContainers: [{name: i, command: [a], volumeMounts: [{name: v, mountPath: /v}]}]\n",
     "containers[i].volumeMounts: there is no volume \"v\""},

    /* The pod. */
    {"a user namespace", POD "  hostUsers: false\n", "UnsupportedField: spec.hostUsers false"},
    {"no user namespace", POD "  hostUsers: true\n", NULL},
    {"rights of the pod with an unknown field", POD "  securityContext: {sysctls: [a]}\n",
     "UnsupportedField: spec.securityContext.sysctls"},
    {"a host name", POD "  hostname: web-1\n", NULL},
    {"a host name of 63",
     POD "  hostname: a23456789b123456789c123456789d123456789e123456789f123456789g123\n", NULL},
    {"a host name of 64",
     POD "  hostname: a23456789b123456789c123456789d123456789e123456789f123456789g123x\n",
     "is no DNS label: up to 63"},
    {"a host name -web", POD "  hostname: -web\n", "spec.hostname \"-web\" is no DNS label"},
    {"a host name web-", POD "  hostname: web-\n", "spec.hostname \"web-\" is no DNS label"},
    {"a host name Web", POD "  hostname: Web\n", "spec.hostname \"Web\" is no DNS label"},
    {"a host name web.a", POD "  hostname: web.a\n", "spec.hostname \"web.a\" is no DNS label"},

    /* Users and groups. */
    {"a user that is null", POD "  securityContext: {runAsUser: null}\n", NULL},
    {"a user that is none", POD "  securityContext: {runAsUser: -1}\n",
     "Invalid: spec.securityContext.runAsUser is -1, but must be"},
    {"a group that is allowed",
     POD "  securityContext: {runAsGroup: 3000, fsGroup: 3000, supplementalGroups: [3000]}\n",
     NULL},
    {"runAsGroup: 2000, which is a user's number", POD "  securityContext: {runAsGroup: 2000}\n",
     "NotPermitted: spec.securityContext.runAsGroup: gid 2000"},
    {"fsGroup: 2000, which is a user's number", POD "  securityContext: {fsGroup: 2000}\n",
     "NotPermitted: spec.securityContext.fsGroup: gid 2000"},
    {"supplementalGroups: [2000], which is a user's number",
     POD "  securityContext: {supplementalGroups: [2000]}\n",
     "NotPermitted: spec.securityContext.supplementalGroups: gid 2000"},
    {"a user of a container that is not allowed", POD "    securityContext: {runAsUser: 2001}\n",
     "NotPermitted: spec.containers[c].securityContext.runAsUser: uid 2001"},
    {"32 groups",
     POD
     "  securityContext: {supplementalGroups: [3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, "
     "3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, "
     "3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000]}\n",
     NULL},
    {"33 groups",
     POD
     "  securityContext: {supplementalGroups: [3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, "
     "3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, "
     "3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000]}\n",
     "supplementalGroups has 33 groups, but at most 32 are possible"},
    {"root, where it must not be", POD "  securityContext: {runAsUser: 0, runAsNonRoot: true}\n",
     "Invalid: spec.containers[c].securityContext: runAsNonRoot and runAsUser 0 exclude each other"},
    {"root, where it may be", POD "  securityContext: {runAsUser: 0, runAsNonRoot: false}\n", NULL},
    {"another user, where it must not be root",
     POD "  securityContext: {runAsUser: 2000, runAsNonRoot: true}\n", NULL},
    {"any user, where it must not be root", POD "  securityContext: {runAsNonRoot: true}\n", NULL},
    {"a container that is root, where its pod must not be",
     POD
     "    securityContext: {runAsUser: 0, runAsNonRoot: null}\n  securityContext: {runAsNonRoot: "
     "true}\n",
     "exclude each other"},
    {"a container that is not, where its pod is",
     POD
     "    securityContext: {runAsUser: 2000, runAsNonRoot: true}\n  securityContext: {runAsUser: "
     "0}\n",
     NULL},

    /* Privileges. */
    {"a privileged container", POD "    securityContext: {privileged: true}\n",
     "NotPermitted: spec.containers[c].securityContext.privileged: this spoke gives no privileges"},
    {"one that is not",
     POD "    securityContext: {privileged: false, allowPrivilegeEscalation: false}\n", NULL},
    {"one that may gain them", POD "    securityContext: {allowPrivilegeEscalation: true}\n",
     "NotPermitted: spec.containers[c].securityContext.allowPrivilegeEscalation"},
    {"a capability", POD "    securityContext: {capabilities: {add: [NET_ADMIN]}}\n",
     "NotPermitted: spec.containers[c].securityContext.capabilities.add: this spoke gives no "
     "capabilities"},
    {"none of the capabilities",
     POD "    securityContext: {capabilities: {drop: [ALL], add: []}}\n", NULL},
    {"less capabilities", POD "    securityContext: {capabilities: {drop: [CHOWN, NET_ADMIN]}}\n",
     NULL},
    {"less of what there is not", POD "    securityContext: {capabilities: {drop: [FLY]}}\n",
     "Invalid: spec.containers[c].securityContext.capabilities.drop: there is no capability \"FLY\""},

    /* Fields of one value. */
    {"procMount Default", POD "    securityContext: {procMount: Default}\n", NULL},
    {"procMount Unmasked", POD "    securityContext: {procMount: Unmasked}\n",
     "UnsupportedField: spec.containers[c].securityContext.procMount \"Unmasked\" is not supported"},
    {"supplementalGroupsPolicy Strict",
     POD "  securityContext: {supplementalGroupsPolicy: Strict}\n", NULL},
    {"supplementalGroupsPolicy Merge", POD "  securityContext: {supplementalGroupsPolicy: Merge}\n",
     NULL},
    {"supplementalGroupsPolicy Str", POD "  securityContext: {supplementalGroupsPolicy: Str}\n",
     "UnsupportedField: spec.securityContext.supplementalGroupsPolicy \"Str\" is not supported"},
    {"supplementalGroupsPolicy erge", POD "  securityContext: {supplementalGroupsPolicy: erge}\n",
     "UnsupportedField: spec.securityContext.supplementalGroupsPolicy \"erge\" is not supported"},
    {"supplementalGroupsPolicy Strict Merge",
     POD "  securityContext: {supplementalGroupsPolicy: Strict Merge}\n",
     "UnsupportedField: spec.securityContext.supplementalGroupsPolicy \"Strict Merge\" is not "
     "supported"},
    {"fsGroupChangePolicy Always", POD "  securityContext: {fsGroupChangePolicy: Always}\n", NULL},
    {"fsGroupChangePolicy OnRootMismatch",
     POD "  securityContext: {fsGroupChangePolicy: OnRootMismatch}\n", NULL},
    {"fsGroupChangePolicy Never", POD "  securityContext: {fsGroupChangePolicy: Never}\n",
     "UnsupportedField: spec.securityContext.fsGroupChangePolicy \"Never\" is not supported"},
    {"the usual seccompProfile",
     POD "  securityContext: {seccompProfile: {type: RuntimeDefault}}\n", NULL},
    {"a seccompProfile of one's own",
     POD "  securityContext: {seccompProfile: {type: Localhost}}\n",
     "UnsupportedField: spec.securityContext.seccompProfile.type \"Localhost\" is not supported"},
    {"the usual appArmorProfile",
     POD "  securityContext: {appArmorProfile: {type: RuntimeDefault}}\n", NULL},
    {"a appArmorProfile of one's own",
     POD "  securityContext: {appArmorProfile: {type: Localhost}}\n",
     "UnsupportedField: spec.securityContext.appArmorProfile.type \"Localhost\" is not supported"},
    {"no SELinux label", POD "  securityContext: {seLinuxOptions: {level: ''}}\n", NULL},
    {"an SELinux label", POD "  securityContext: {seLinuxOptions: {level: s0}}\n",
     "UnsupportedField: spec.securityContext.seLinuxOptions.level"},
};

/* Of a spoke whose administrator allows all of it. */
static const struct manifest_row generous[] = {
    {"a privileged container, where that is allowed",
     POD "    securityContext: {privileged: true, allowPrivilegeEscalation: true}\n", NULL},
    {"one that would only gain them", POD "    securityContext: {allowPrivilegeEscalation: true}\n",
     "allowPrivilegeEscalation: nothing gains privileges"},
    {"capabilities", POD "    securityContext: {capabilities: {add: [CHOWN, NET_ADMIN, ALL]}}\n",
     NULL},
    {"a capability that there is not",
     POD "    securityContext: {capabilities: {add: [CHOWN, FLY]}}\n",
     "capabilities.add: there is no capability \"FLY\""},
    {"an image, where there is an engine", POD_HEAD "  containers: [{name: c, image: x}]\n", NULL},
    {"a process beside an engine",
     POD_HEAD "  runtimeClassName: process\n  containers: [{name: c, image: x}]\n",
     "command is missing"},
    {"a container of nothing, where there is an engine", POD_HEAD "  containers: [{name: c}]\n",
     "command is missing"},
    {"any folder, where the root is allowed",
     POD "  volumes: [{name: v, hostPath: {path: /etc}}]\n", NULL},
    {"the root itself", POD "  volumes: [{name: v, hostPath: {path: /}}]\n", NULL},
    {"a folder that climbs", POD "  volumes: [{name: v, hostPath: {path: /a/..}}]\n",
     "NotPermitted"},
    {"a relative one", POD "  volumes: [{name: v, hostPath: {path: etc}}]\n", "NotPermitted"},
};

static void check_generous(void)
{
    static const char *const all[] = {"/", NULL};
    struct manifest_bounds allowed = bounds;

    allowed.allow_privileged = allowed.engine = true;
    allowed.host_paths = all;
    check_rows(&allowed, generous, count_of(generous));
}

static void check_no_roots(void)
{
    static const struct manifest_row row = {
        "hostPath, where there are no roots",
        POD "  volumes: [{name: v, hostPath: {path: /srv/models}}]\n",
        "is outside the folders that this spoke allows"};
    struct manifest_bounds allowed = bounds;

    allowed.host_paths = NULL;
    check_row(&allowed, &row);
}

/* ---- Values ------------------------------------------------------------------------------- */

static void check_quantities(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *limits = read_yaml(arena, "{cpu: 1500m, memory: 1Ki, none: null, odd: x}");
    struct manifest_why why = {0};
    int64_t value;

    CHECK(!manifest_quantity(limits, "cpu", "at", &value, true, &why) && value == 1500,
          "processors are read in thousandths");
    CHECK(!manifest_quantity(limits, "memory", "at", &value, false, &why) && value == 1024,
          "memory is read in bytes");
    CHECK(!manifest_quantity(limits, "none", "at", &value, false, &why) && !value,
          "null is no limit");
    CHECK(!manifest_quantity(limits, "other", "at", &value, false, &why) && !value,
          "nor is what is not there");
    CHECK_INT(manifest_quantity(limits, "odd", "at", &value, false, &why), -1,
              "a word is refused (%s)", why.message);
}

/* A path of that many letters. */
static void make_path(char *into, size_t len)
{
    memset(into, 'x', len);
    into[len] = '\0';
}

static void check_paths(void)
{
    static const struct {
        const char *path;
        int result;
    } cases[] = {{"a/b", 0}, {"", 0}, {"a/..b", 0}, {"a/../../b", -1}, {"..", -1}, {"/a", -1}};
    char path[1002];
    struct manifest_why why = {0};

    for (size_t i = 0; i < count_of(cases); i++)
        CHECK_INT(manifest_check_sub_path("v", cases[i].path, &why), cases[i].result,
                  "subPath \"%s\" %s the volume", cases[i].path,
                  cases[i].result ? "leaves" : "stays below");
    make_path(path, 1000);
    CHECK_INT(manifest_check_sub_path("v", path, &why), 0, "a subPath may have 1,000 letters");
    make_path(path, 1001);
    CHECK_INT(manifest_check_sub_path("v", path, &why), -1, "and no more");
    for (size_t len = 1000; len <= 1001; len++) {
        scoped_mem char *manifest = NULL;
        struct manifest_row row = {"a mountPath of 1,000 letters", NULL, NULL};

        if (len > 1000)
            row = (struct manifest_row){"one of 1,001", NULL, "is empty, too long"};
        make_path(path, len);
        path[0] = '/';
        manifest = mem_printf(
            POD
            "    volumeMounts: [{name: v, mountPath: %s}]\n  volumes: [{name: v, emptyDir: {}}]\n",
            path);
        row.manifest = manifest;
        check_row(&bounds, &row);
    }
}

static void check_engine(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *process = read_yaml(arena, "{runtimeClassName: process}");
    struct manifest_bounds allowed = bounds;

    CHECK(!manifest_has_engine(&allowed, node_map(arena)), "without an engine there are processes");
    allowed.engine = true;
    CHECK(manifest_has_engine(&allowed, node_map(arena)), "with one there are images");
    CHECK(!manifest_has_engine(&allowed, process), "unless the pod asks for processes");
}

int main(void)
{
    check_rows(&bounds, pods, count_of(pods));
    check_generous();
    check_no_roots();
    check_quantities();
    check_paths();
    check_engine();
    return check_done();
}
