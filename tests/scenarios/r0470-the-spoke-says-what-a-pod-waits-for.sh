#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# What a pod waits for stands in the machine's own status too, not only at the hub; a probe's
# words come without the line end they ended with; and a script whose first line cannot be
# followed is told by its interpreter, also where env(1) would look for it.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
{
    cat <<'YAML'
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: words, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: scripts, namespace: lab}
      data:
        env: "#!/usr/bin/env python3\r\nprint(1)\r\n"
        line: "#!/bin/sh\r\necho hi\r\n"
        missing: "#!/no/such/interpreter -x\n"
        denied: "#!/etc/passwd\n"
        fine: "#!/usr/bin/env sh\nexit 9\n"
    - apiVersion: v1
      kind: Pod
      metadata: {name: hook, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        containers: [{name: c, command: [sleep, "1000"], lifecycle: {postStart: {exec: {command: [sleep, "1000"]}}}}]
    - apiVersion: v1
      kind: Pod
      metadata: {name: init, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        initContainers: [{name: first, command: [sleep, "1000"]}]
        containers: [{name: c, command: [sleep, "1000"]}]
    - apiVersion: v1
      kind: Pod
      metadata: {name: probe, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        containers: [{name: c, command: [sleep, "1000"], readinessProbe: {exec: {command: [sh, -c, "echo no model; echo; exit 4"]}, periodSeconds: 1}}]
YAML
    for script in env line missing denied fine; do
        cat <<YAML
    - apiVersion: v1
      kind: Pod
      metadata: {name: $script, namespace: lab}
      spec:
        restartPolicy: Never
        volumes: [{name: s, configMap: {name: scripts, defaultMode: 0755}}]
        containers: [{name: c, command: [s/$script], volumeMounts: [{name: s, mountPath: s}]}]
YAML
    done
} | apply >/dev/null

message_of() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json |
    jq -r --arg name "$1" '.works[].pods[]? | select(.name == $name) | .message'; }
says() { [ "$(message_of "$1")" = "$2" ]; }
while IFS='|' read -r pod words; do
    until_true 30 says "$pod" "$words" || fail "pod $pod says '$(message_of "$pod")', not '$words'"
done <<'WORDS'
hook|container c: its postStart hook has not ended yet
init|waits for the init container first to end
probe|container c: readinessProbe: exit code 4: no model
env|command "s/env": its lines end with CR LF, so its interpreter would be "python3\r"; save it with LF line ends
line|command "s/line": its lines end with CR LF, so its interpreter would be "/bin/sh\r"; save it with LF line ends
missing|command "s/missing": its interpreter "/no/such/interpreter" was not found on this machine
denied|command "s/denied": its interpreter "/etc/passwd" cannot be run: Permission denied
fine|container c ended with exit code 9
WORDS
