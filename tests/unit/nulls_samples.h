/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NULLS_SAMPLES_H
#define NULLS_SAMPLES_H

/*
 * What stands in the hub of test_nulls, and an object of each kind that wants
 * more than its schema says. A kind without a sample is tried with one made
 * from its schema.
 */

/* A tenant, a project with an editor, three clusters, and an application. */
static const char nulls_place[] =
    "apiVersion: axle.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Acme, clusterSets: [global]}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Project\nmetadata: {name: research}\nspec: {tenant: acme, editors: [eve]}\n"
    "---\napiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: {name: edge-2}\nspec: {hubAcceptsClient: true}\n"
    "---\napiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: {name: edge-3}\nspec: {hubAcceptsClient: true}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: all, namespace: research}\n"
    "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: echo, namespace: research}\n"
    "spec:\n  type: Application\n  variables: [{name: word, type: string, default: hello}]\n"
    "  components:\n  - name: server\n    type: webservice\n"
    "    properties: {command: [echo, \"{{ .var.word }}\"], port: 8080}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: ProfileBundle\nmetadata: {name: echo, namespace: research}\n"
    "spec: {type: Application, workloadProfileRefs: [{name: echo}]}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: hi, namespace: research}\n"
    "spec: {profileBundleRef: {name: echo}, environmentRef: {name: all}}\n"
    "---\napiVersion: v1\nkind: Secret\nmetadata: {name: kept, namespace: research}\nstringData: {a: b}\n";

/* A pod with about everything that one can have. */
#define NULLS_POD                                                           \
    "{serviceAccountName: default, restartPolicy: Always, terminationGracePeriodSeconds: 5, nodeSelector: {a: b}, imagePullSecrets: [{name: pull}], hostAliases: [{ip: 10.0.0.1, hostnames: [a]}], tolerations: [{key: a, operator: Exists}],"   \
    " securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, supplementalGroups: [1000], sysctls: [{name: a, value: b}]},"   \
    " volumes: [{name: conf, configMap: {name: conf, defaultMode: 420, items: [{key: a, path: b, mode: 256}]}}, {name: secret, secret: {secretName: sec, optional: true, items: [{key: a, path: b}]}}, {name: scratch, emptyDir: {sizeLimit: 1Mi, medium: Memory}}, {name: host, hostPath: {path: /tmp/nothing, type: DirectoryOrCreate}}, {name: claim, persistentVolumeClaim: {claimName: data}},"   \
    " {name: all, projected: {defaultMode: 420, sources: [{configMap: {name: conf, items: [{key: a, path: c}]}}, {secret: {name: sec}}, {downwardAPI: {items: [{path: nn, fieldRef: {fieldPath: metadata.name}}]}}]}}, {name: down, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}],"   \
    " initContainers: [{name: init, image: busybox, command: [\"true\"]}],"   \
    " containers: [{name: main, image: \"busybox:1\", imagePullPolicy: IfNotPresent, command: [sleep, \"1\"], args: [a], workingDir: /tmp, tty: false, ports: [{name: http, containerPort: 8080, protocol: TCP}],"   \
    " env: [{name: A, value: b}, {name: F, valueFrom: {fieldRef: {fieldPath: status.podIP}}}, {name: C, valueFrom: {configMapKeyRef: {name: conf, key: a, optional: true}}}, {name: S, valueFrom: {secretKeyRef: {name: sec, key: a, optional: true}}}, {name: R, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}],"   \
    " envFrom: [{prefix: P_, configMapRef: {name: conf, optional: true}}, {secretRef: {name: sec, optional: true}}],"   \
    " resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 100m, memory: 1Mi}}, volumeMounts: [{name: conf, mountPath: /conf, subPath: a, readOnly: true}, {name: scratch, mountPath: /scratch}],"   \
    " livenessProbe: {httpGet: {path: /, port: http, scheme: HTTP, host: localhost, httpHeaders: [{name: a, value: b}]}, initialDelaySeconds: 1, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 3, successThreshold: 1}, readinessProbe: {tcpSocket: {port: 8080}}, startupProbe: {exec: {command: [\"true\"]}},"   \
    " lifecycle: {postStart: {exec: {command: [\"true\"]}}, preStop: {sleep: {seconds: 1}}}, securityContext: {runAsUser: 1000, runAsNonRoot: true, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, privileged: false, capabilities: {add: [NET_BIND_SERVICE], drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}}]}\n"

/* A work of a machine: `x` in a namespace that no machine looks at, and in one
   that a simulated machine does. */
#define NULLS_WORK(place)                                                      \
    "apiVersion: work.open-cluster-management.io/v1\nkind: ManifestWork\nmetadata: {name: x, namespace: " place "}\n" \
    "spec:\n  deleteOption: {propagationPolicy: SelectivelyOrphan, selectivelyOrphans: {orphaningRules: [{group: \"\", resource: configmaps, name: conf, namespace: lab}]}, ttlSecondsAfterFinished: 100}\n" \
    "  manifestConfigs:\n  - resourceIdentifier: {group: apps, resource: deployments, name: web, namespace: lab}\n" \
    "    feedbackRules: [{type: WellKnownStatus}, {type: JSONPaths, jsonPaths: [{name: a, path: .status.readyReplicas}]}]\n" \
    "    updateStrategy: {type: ServerSideApply, serverSideApply: {force: true, ignoreFields: [{condition: OnSpokePresent, jsonPaths: [.spec.replicas], jsonPointers: [/a]}]}}\n" \
    "    conditionRules: [{condition: Complete, type: CEL, celExpressions: [\"object.status.x == 1\"], message: m, messageExpression: \"'a'\"}]\n" \
    "  workload:\n    manifests:\n" \
    "    - {apiVersion: v1, kind: Namespace, metadata: {name: lab}}\n" \
    "    - {apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: lab}, data: {a: b}, binaryData: {c: aGk=}}\n" \
    "    - {apiVersion: v1, kind: Secret, metadata: {name: sec, namespace: lab}, type: Opaque, data: {a: aGk=}, stringData: {b: c}}\n" \
    "    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: lab}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, volumeName: v}}\n" \
    "    - {apiVersion: v1, kind: Service, metadata: {name: web, namespace: lab}, spec: {type: NodePort, selector: {app: web}, ports: [{name: http, port: 80, targetPort: http, nodePort: 30080, protocol: TCP}]}}\n" \
    "    - apiVersion: apps/v1\n      kind: Deployment\n      metadata: {name: web, namespace: lab, labels: {app: web}}\n" \
    "      spec: {replicas: 2, minReadySeconds: 1, progressDeadlineSeconds: 60, revisionHistoryLimit: 1, paused: false, strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 25%}}, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}, annotations: {a: b}}, spec: {containers: [{name: main, image: a, command: [sleep, \"1\"]}]}}}\n" \
    "    - {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: st, namespace: lab}, spec: {serviceName: web, replicas: 1, podManagementPolicy: Parallel, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}, selector: {matchLabels: {app: st}}, volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]}}], template: {metadata: {labels: {app: st}}, spec: {containers: [{name: main, command: [sleep, \"1\"]}]}}}}\n" \
    "    - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: ds, namespace: lab}, spec: {updateStrategy: {type: OnDelete}, selector: {matchLabels: {app: ds}}, template: {metadata: {labels: {app: ds}}, spec: {containers: [{name: main, command: [sleep, \"1\"]}]}}}}\n" \
    "    - {apiVersion: batch/v1, kind: Job, metadata: {name: job, namespace: lab}, spec: {parallelism: 1, completions: 1, backoffLimit: 1, activeDeadlineSeconds: 100, ttlSecondsAfterFinished: 100, completionMode: Indexed, suspend: false, template: {spec: {restartPolicy: Never, containers: [{name: main, command: [\"true\"]}]}}}}\n" \
    "    - {apiVersion: batch/v1, kind: CronJob, metadata: {name: cron, namespace: lab}, spec: {schedule: \"* * * * *\", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, command: [\"true\"]}]}}}}}}\n" \
    "    - apiVersion: v1\n      kind: Pod\n      metadata: {name: pod, namespace: lab}\n      spec: " NULLS_POD \
    "    - {apiVersion: axle.dev/v1alpha1, kind: Workload, metadata: {name: app, namespace: lab}, spec: {artifact: {reference: \"hub:6443/research/app\", digest: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\", contentDigest: \"sha256:00\", revision: v1}, secretRefs: [{name: kept, namespace: research, resourceVersion: \"1\"}], targetNamespace: lab, prune: true, wait: true, timeoutSeconds: 60}}\n"

static const char *const nulls_samples[] = {
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {a: b}}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: research, labels: {a: b}, annotations: {c: d}}\ndata: {a: b}\nbinaryData: {c: aGk=}\nimmutable: false\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: research}\ntype: Opaque\ndata: {a: aGk=}\nstringData: {b: c}\n",
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x, namespace: research}\nautomountServiceAccountToken: true\nsecrets: [{name: a}]\nimagePullSecrets: [{name: a}]\n",
    "apiVersion: v1\nkind: Event\nmetadata: {name: x, namespace: research}\n"
    "involvedObject: {apiVersion: axle.dev/v1alpha1, kind: AIWorkload, name: hi, namespace: research, uid: u, resourceVersion: \"1\", fieldPath: a}\nreason: R\nmessage: m\ntype: Normal\ncount: 1\n"
    "firstTimestamp: \"2026-01-01T00:00:00Z\"\nlastTimestamp: \"2026-01-01T00:00:00Z\"\nsource: {component: c, host: h}\nreportingComponent: c\nreportingInstance: i\n",
    "apiVersion: events.k8s.io/v1\nkind: Event\nmetadata: {name: z, namespace: research}\n"
    "regarding: {apiVersion: axle.dev/v1alpha1, kind: AIWorkload, name: hi, namespace: research}\nreason: R\nnote: m\ntype: Normal\naction: A\n"
    "eventTime: \"2026-01-01T00:00:00.000000Z\"\nreportingController: c/d\nreportingInstance: i\nseries: {count: 2, lastObservedTime: \"2026-01-01T00:00:00.000000Z\"}\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: x, namespace: research}\nrules: [{verbs: [get], apiGroups: [\"\"], resources: [secrets], resourceNames: [a]}]\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\nrules: [{verbs: [get], apiGroups: [\"\"], resources: [secrets], resourceNames: [a]}, {verbs: [get], nonResourceURLs: [/x]}]\n"
    "aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]}]}\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: x, namespace: research}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: x}\n"
    "subjects: [{kind: User, name: u, apiGroup: rbac.authorization.k8s.io}, {kind: ServiceAccount, name: s, namespace: research}, {kind: Group, name: g, apiGroup: rbac.authorization.k8s.io}]\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: x}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: x}\n"
    "subjects: [{kind: User, name: u, apiGroup: rbac.authorization.k8s.io}, {kind: ServiceAccount, name: s, namespace: research}]\n",
    "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: managed-cluster-lease, namespace: edge-2}\n"
    "spec: {holderIdentity: edge-2, leaseDurationSeconds: 60, renewTime: \"2026-01-01T00:00:00.000000Z\", acquireTime: \"2026-01-01T00:00:00.000000Z\", leaseTransitions: 1}\n",
    "apiVersion: cluster.open-cluster-management.io/v1beta2\nkind: ManagedClusterSet\nmetadata: {name: x}\nspec: {clusterSelector: {selectorType: LabelSelector, labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]}}}\n",
    "apiVersion: cluster.open-cluster-management.io/v1beta2\nkind: ManagedClusterSetBinding\nmetadata: {name: x, namespace: research}\nspec: {clusterSet: x}\n",
    "apiVersion: cluster.open-cluster-management.io/v1beta1\nkind: Placement\nmetadata: {name: x, namespace: research}\n"
    "spec:\n  clusterSets: [global]\n  numberOfClusters: 2\n  predicates: [{requiredClusterSelector: {labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]}, claimSelector: {matchExpressions: [{key: gpu, operator: Exists}]}, celSelector: {celExpressions: [\"managedCluster.metadata.name == 'edge-2'\"]}}}]\n"
    "  prioritizerPolicy: {mode: Exact, configurations: [{scoreCoordinate: {type: BuiltIn, builtIn: Balance}, weight: 1}, {scoreCoordinate: {type: AddOn, addOn: {resourceName: x, scoreName: a}}, weight: 2}]}\n"
    "  spreadPolicy: {spreadConstraints: [{topologyKey: a, topologyKeyType: Label, maxSkew: 1, whenUnsatisfiable: DoNotSchedule}]}\n"
    "  tolerations: [{key: a, operator: Equal, value: b, effect: NoSelect, tolerationSeconds: 100}]\n"
    "  decisionStrategy: {groupStrategy: {clustersPerDecisionGroup: 1, decisionGroups: [{groupName: g1, groupClusterSelector: {labelSelector: {matchLabels: {a: b}}, claimSelector: {matchExpressions: [{key: gpu, operator: Exists}]}}}]}}\n",
    "apiVersion: cluster.open-cluster-management.io/v1beta1\nkind: PlacementDecision\nmetadata: {name: x, namespace: research, labels: {cluster.open-cluster-management.io/placement: all}}\nstatus: {decisions: [{clusterName: edge-2, reason: r, score: 1}]}\n",
    "apiVersion: cluster.open-cluster-management.io/v1alpha1\nkind: AddOnPlacementScore\nmetadata: {name: x, namespace: edge-2}\nstatus: {scores: [{name: a, value: 10}], validUntil: \"2036-01-01T00:00:00Z\", conditions: [{type: A, status: \"True\", reason: R, message: m, lastTransitionTime: \"2026-01-01T00:00:00Z\"}]}\n",
    NULLS_WORK("edge-2")
    "status: {conditions: [{type: Applied, status: \"True\", reason: R, message: m, observedGeneration: 1, lastTransitionTime: \"2026-01-01T00:00:00Z\"}, {type: Complete, status: \"True\", reason: R, message: m, lastTransitionTime: \"2026-01-01T00:00:00Z\"}], resourceStatus: {manifests: [{resourceMeta: {ordinal: 0, group: \"\", version: v1, kind: Namespace, resource: namespaces, name: lab, namespace: \"\"}, statusFeedback: {values: [{name: a, fieldValue: {type: Integer, integer: 1}}]}, conditions: [{type: Available, status: \"True\", reason: R, message: m, lastTransitionTime: \"2026-01-01T00:00:00Z\"}]}]}}\n",
    NULLS_WORK("edge-1"),
    "apiVersion: work.open-cluster-management.io/v1alpha1\nkind: ManifestWorkReplicaSet\nmetadata: {name: x, namespace: research}\n"
    "spec:\n  placementRefs: [{name: all, rolloutStrategy: {type: Progressive, progressive: {maxConcurrency: 1, minSuccessTime: 1s, progressDeadline: 10s, maxFailures: 1, mandatoryDecisionGroups: [{groupName: a, groupIndex: 0}]}}}]\n"
    "  manifestWorkTemplate: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: lab}, data: {a: b}}]}}\n",
    "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: x, labels: {open-cluster-management.io/cluster-name: edge-2}}\nspec: {request: REQUEST, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth], expirationSeconds: 3600}\n"
    "status: {conditions: [{type: Approved, status: \"True\", reason: R, message: m}]}\n",
    "apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nspec: {token: a.b.c, audiences: [x]}\n",
    "apiVersion: authentication.k8s.io/v1\nkind: SelfSubjectReview\n",
    "apiVersion: authorization.k8s.io/v1\nkind: SubjectAccessReview\nspec: {user: u, groups: [g], uid: i, extra: {a: [b]}, resourceAttributes: {namespace: research, verb: get, group: \"\", version: v1, resource: secrets, subresource: a, name: nn, labelSelector: {requirements: [{key: a, operator: In, values: [b]}]}, fieldSelector: {rawSelector: a=b}}}\n",
    "apiVersion: authorization.k8s.io/v1\nkind: LocalSubjectAccessReview\nmetadata: {namespace: research}\nspec: {user: u, groups: [g], resourceAttributes: {namespace: research, verb: get, group: \"\", resource: secrets}}\n",
    "apiVersion: authorization.k8s.io/v1\nkind: SelfSubjectAccessReview\nspec: {nonResourceAttributes: {path: /x, verb: get}}\n",
    "apiVersion: authorization.k8s.io/v1\nkind: SelfSubjectRulesReview\nspec: {namespace: research}\n",
    "apiVersion: addon.open-cluster-management.io/v1alpha1\nkind: ManagedClusterAddOn\nmetadata: {name: x, namespace: edge-2}\nspec: {installNamespace: a}\nstatus: {conditions: [{type: Available, status: \"True\"}]}\n",
    "apiVersion: addon.open-cluster-management.io/v1beta1\nkind: ManagedClusterAddOn\nmetadata: {name: z, namespace: edge-2}\nspec: {installNamespace: a}\nstatus: {conditions: [{type: Available, status: \"True\"}]}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Tenant\nmetadata: {name: x}\nspec: {displayName: X, clusterSets: [global], admins: [a, \"group:b\"], settingsRef: {name: x}, limits: {cpu: 1, memory: 1Gi, gpus: {H200: 1}}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Project\nmetadata: {name: z}\nspec: {tenant: acme, displayName: Z, viewers: [a], editors: [b], admins: [c], targetNamespaces: [lab], limits: {cpu: 1, memory: 1Gi, gpus: {H200: 1}}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Settings\nmetadata: {name: x, namespace: research}\nspec: {registry: {url: \"https://a\", secretRef: {name: kept}}, git: {url: \"https://a\", secretRef: {name: kept}}, huggingFace: {secretRef: {name: kept}}, ngc: {secretRef: {name: kept}}, webhook: {url: \"https://a\", secretRef: {name: kept}}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: VariableSet\nmetadata: {name: x, namespace: research}\nspec: {variables: [{name: word, type: string, default: a, value: b, required: true, locked: false, description: d}, {name: num, type: int, default: 1}]}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: echo, namespace: research}\n"
    "spec:\n  type: Application\n  description: d\n  variables: [{name: word, type: string, default: hello, required: true, locked: false}, {name: num, type: int, default: 1}]\n"
    "  components:\n  - name: server\n    type: webservice\n    deploymentPriority: 1\n"
    "    properties: {command: [echo, \"{{ .var.word }}\"], port: 8080, env: [{name: A, value: b}], files: {a.txt: b}, health: {httpGet: {path: /, port: 8080}}, resources: {limits: {cpu: 1}}, volumes: [{name: v, mountPath: /v}]}\n"
    "    traits: [{type: scaler, properties: {replicas: \"{{ .var.num }}\"}}]\n"
    "  policies: [{name: o, type: override, properties: {components: [{name: server, properties: {port: 8081}}], clusterSelector: {matchLabels: {a: b}}, placement: {clusterSets: [global]}}}]\n",
    "apiVersion: axle.dev/v1alpha1\nkind: ProfileBundle\nmetadata: {name: echo, namespace: research}\nspec: {type: Application, description: d, workloadProfileRefs: [{name: echo}], variables: [{name: word, type: string, default: a, value: b}]}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: ComponentDefinition\nmetadata: {name: webservice, namespace: research}\nspec: {description: d, schema: {type: object, properties: {a: {type: string, default: b}}, required: [a]}, template: \"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: {{ .name }}}\\n\"}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: TraitDefinition\nmetadata: {name: scaler, namespace: research}\nspec: {description: d, schema: {type: object}, template: \"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: t}\\n\", appliesTo: [webservice], patch: \"kind: Deployment\\nspec: {replicas: 2}\\n\"}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: DefinitionRevision\nmetadata: {name: x, namespace: research}\nspec: {kind: WorkloadProfile, name: echo, revision: 7, hash: h, snapshot: {components: [{name: server, type: webservice}]}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Repository\nmetadata: {name: x, namespace: research}\nspec: {type: Git, url: \"https://a\", secretRef: {name: kept}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: JoinToken\nmetadata: {name: x}\nspec: {pool: research/x, expiresAt: \"2036-01-01T00:00:00Z\", uses: 2, names: [a], salt: \"00\", hash: \"00\"}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Compute\nmetadata: {name: x, namespace: research}\nspec: {}\nstatus: {machines: 1, groups: [{name: a}]}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: ComputePool\nmetadata: {name: x, namespace: research}\nspec: {variant: Shared, displayName: d, spokes: [edge-8, edge-9], clusterSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: all, namespace: research}\n"
    "spec:\n  topology:\n    type: topology-ocm\n    properties:\n      placement: {clusterSets: [global], numberOfClusters: 2, tolerations: [{key: a, operator: Exists}], predicates: [{requiredClusterSelector: {labelSelector: {matchLabels: {feature: x}}}}]}\n"
    "      manifestWorkReplicaSet: {rolloutStrategy: {type: Progressive, progressive: {maxConcurrency: 1, minSuccessTime: 1s, progressDeadline: 10s, maxFailures: 25%}}}\n"
    "  failover: {afterSeconds: 100}\n  delivery: workload\n  variables: {word: x}\n"
    "  policies: [{type: override, name: o, clusterSelector: {matchLabels: {a: b}}, components: [{name: server, properties: {port: 8081}}]}]\n",
    "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: hi, namespace: research}\nspec: {profileBundleRef: {name: echo, revision: \"\"}, environmentRef: {name: all}, variables: {word: x, num: 2}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: WorkloadDeployment\nmetadata: {name: x, namespace: research}\nspec: {aiWorkload: hi, workloadProfileRef: {name: echo, revision: v1}, profileBundleRef: {name: echo, revision: v1}, environmentRef: {name: all}, variables: {word: x}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Workload\nmetadata: {name: x, namespace: edge-2, labels: {axle.dev/aiworkload: hi}}\nspec: {artifact: {reference: r, digest: \"sha256:00\", contentDigest: c, revision: v1}, secretRefs: [{name: kept, namespace: research, resourceVersion: \"1\"}], targetNamespace: lab, prune: true, wait: true, timeoutSeconds: 10}\n"
    "status: {phase: Running, message: m, observedGeneration: 1, restarts: 1, ready: 1, total: 1, endpoints: [{name: http, url: \"http://a:1\", port: 1}], conditions: [{type: Available, status: \"True\", reason: R, message: m, observedGeneration: 1, lastTransitionTime: \"2026-01-01T00:00:00Z\"}], pods: [{name: p, restarts: 1, containers: [{name: c, state: running}]}]}\n",
    /* The last: with it goes the namespace that others lie in. */
    "apiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: {name: edge-2, labels: {a: b}}\n"
    "spec: {hubAcceptsClient: true, leaseDurationSeconds: 60, managedClusterClientConfigs: [{url: \"https://a\", caBundle: aGk=}], taints: [{key: a, value: b, effect: NoSelect}]}\n"
    "status: {conditions: [{type: ManagedClusterConditionAvailable, status: \"True\", reason: R, message: m, lastTransitionTime: \"2026-01-01T00:00:00Z\"}, {type: ManagedClusterJoined, status: \"True\", reason: R, message: m, lastTransitionTime: \"2026-01-01T00:00:00Z\"}], capacity: {cpu: 2, memory: 1Gi}, allocatable: {cpu: 2, memory: 1Gi}, version: {kubernetes: v1}, clusterClaims: [{name: agent.axle.dev, value: x}, {name: gpu, value: \"{}\"}]}\n",
};

#endif
