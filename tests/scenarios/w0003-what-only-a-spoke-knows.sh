#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# ${spoke.NAME} is filled in on the spoke: labels, claims, facts; a default where
# there is none; an error that names it else. A changed fact rolls what uses it.
. "$(dirname "$0")/lib.sh"

mark=1002$$
start_hub
start_spoke edge-1 --fact rack=a1
kubectl label managedcluster edge-1 zone=north >/dev/null
kubectl annotate managedcluster edge-1 facts.axle.dev/site=hall-7 facts.axle.dev/rack=not-this >/dev/null
deployment() {
    cat <<YAML
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: $1, namespace: lab}
      spec:
        selector: {matchLabels: {app: $1}}
        template:
          metadata: {labels: {app: $1}}
          spec:
            containers:
            - {name: main, command: [sleep, "$mark"], env: [{name: OF, value: $1}, {name: FACT, value: "$2"}]}
YAML
}
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: facts, namespace: edge-1}
spec:
  workload:
    manifests:
$(deployment zone '${spoke.labels.zone}')
$(deployment site '${spoke.site} ${spoke.rack} ${spoke.address} ${spoke.claims.id.k8s.io}')
$(deployment plain 'no fact ${spoke} ${x:-y}')
$(deployment fallback '${spoke.none:=a ${spoke.name}} ${spoke.none:-b} ${spoke.none=c}')
$(deployment wrong '${spoke.nobody.knows}')
YAML
env_line() { tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" || true; }
pid() {
    local pid found=
    for pid in $(pgrep -f "^sleep $mark" || true); do
        if [ "$(env_line "$pid" | grep -cx "OF=$1")" = 1 ]; then found=$pid; fi
    done
    echo "$found"
}
fact() { env_line "$(pid "$1")" | sed -n 's/^FACT=//p' || true; }
has() { [ "$(fact "$1")" = "$2" ]; }
until_true 60 has zone north || fail "zone: $(fact zone)"
until_true 60 has site "hall-7 a1 127.0.0.1 edge-1" || fail "site: $(fact site)"
until_true 60 has plain 'no fact ${spoke} ${x:-y}' || fail "plain: $(fact plain)"
until_true 60 has fallback 'a edge-1 b c' || fail "fallback: $(fact fallback)"

# The one that cannot be says what it lacks; the others run.
row='.status.resourceStatus.manifests[] | select(.resourceMeta.name == "wrong") | .conditions[]'
wait_for -n edge-1 manifestworks/facts "$row | select(.type == \"Applied\") | .status" False
expect_contains "the condition" "$(object -n edge-1 manifestworks/facts | jq -r '.status.conditions[] | select(.type == "Degraded") | .message')" \
    'Deployment lab/wrong: spec: template: spec: containers: env: value: ${spoke.nobody.knows}'
expect_event wrong ManifestInvalid

# A fact changes while the spoke looks: what uses it is replaced, nothing else.
zone=$(pid zone) site=$(pid site) plain=$(pid plain)
kubectl label managedcluster edge-1 zone=south --overwrite >/dev/null
until_true 60 has zone south || fail "zone stays $(fact zone)"
[ "$(pid zone)" != "$zone" ] || fail "the environment of a process cannot change"
expect "what does not use it" "$(pid site) $(pid plain)" "$site $plain"
kubectl annotate managedcluster edge-1 facts.axle.dev/nobody.knows=now-known >/dev/null
until_true 60 has wrong now-known || fail "wrong: $(fact wrong)"
wait_for -n edge-1 manifestworks/facts '.status.conditions[] | select(.type == "Available") | .status' True
expect "what does not use it" "$(pid site) $(pid plain)" "$site $plain"
