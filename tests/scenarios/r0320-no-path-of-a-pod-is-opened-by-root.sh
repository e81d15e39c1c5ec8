#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# A volume in the place of /dev: what the pod plants there as "null" is neither
# opened by root for a command's standard input, nor does it hold one up.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip "not root: a pod would be who opens the file"
place=$(mktemp -d /var/tmp/axle-planted-XXXXXX)
at_end 'rm -rf "$place"'
chmod 755 "$place"
echo precious >"$place/secret"
chmod 600 "$place/secret"
start_hub
start_spoke edge-1

# pod NAME WHAT-IS-PLANTED
pod() {
    cat <<YAML
    - apiVersion: v1
      kind: Pod
      metadata: {name: $1, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        volumes: [{name: dev, emptyDir: {}}]
        containers:
        - name: main
          command:
          - sh
          - -c
          - |
            cat | sed 's/^/read: /'
            [ -e second ] && { echo again; exec sleep 1000; }
            >second; $2; exit 1
          volumeMounts: [{name: dev, mountPath: /dev}]
          livenessProbe:
            exec: {command: [sh, -c, 'cat >probed.new; [ -e second ] && mv probed.new probed || true']}
            periodSeconds: 1
            timeoutSeconds: 20
YAML
}
{
    cat <<'YAML'
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: planted, namespace: edge-1}
spec:
  workload:
    manifests:
YAML
    pod linked "ln -s $place/secret /dev/null"
    pod held "mkfifo /dev/null"
} | apply >/dev/null

pods=$TEST_DIR/edge-1/spoke/workloads/pods
ran_again() { grep -q ' again$' "$pods/lab.$1/logs/main.log" 2>/dev/null && [ -e "$pods/lab.$1/work/probed" ]; }
for name in linked held; do
    until_true 60 ran_again "$name" ||
        fail "$name does not run again, or its probe does not: $(cat "$pods/lab.$name/logs/main.log") $(object -n edge-1 manifestworks/planted | jq -c .status)"
    expect "what the probe of $name read" "$(cat "$pods/lab.$name/work/probed")" ""
    ! grep ' read: ' "$pods/lab.$name/logs/main.log" >&2 || fail "$name read what is root's"
done
