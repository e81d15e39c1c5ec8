#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# get -w and wait in all their forms, also by clients that want the beginning of
# a watch as a list; and what a watch gives by hand.
. "$(dirname "$0")/kubectls.sh"

start_hub

# watching FILE ARG…: kubectl in the background, its pid in $watcher.
watching() {
    local file=$1
    shift
    k "$@" >"$file" 2>&1 &
    watcher=$!
}
seen() { grep -q -- "$2" "$1"; }
end_watch() { kill "$watcher" 2>/dev/null; wait "$watcher" 2>/dev/null || true; }

# A list that is watched is printed before the watch begins, so nothing is lost.
watches() {
    k create configmap "first$1" >/dev/null
    watching "table$1" get cm -w --output-watch-events
    until_true 60 seen "table$1" "ADDED *first$1 " || fail "the list is not printed"
    k create configmap "second$1" --from-literal=a=b >/dev/null
    k label cm "second$1" app=web >/dev/null
    k delete cm "second$1" >/dev/null
    until_true 60 seen "table$1" "DELETED *second$1 " || fail "the watch saw no end: $(cat "table$1")"
    end_watch
    expect "events" "$(awk -v name="second$1" '$2 == name { print $1, $3 }' "table$1" | paste -sd';')" "ADDED 1;MODIFIED 1;DELETED 1"

    # What enters and leaves a selection is added and deleted.
    watching "selected$1" get cm -w -l "in=yes$1" --output-watch-events --no-headers
    chosen() {
        k label cm "first$1" "in=yes$1" --overwrite >/dev/null
        k label cm "first$1" in=no --overwrite >/dev/null
        seen "selected$1" DELETED
    }
    until_true 60 chosen "$1" || fail "the selection is not followed: $(cat "selected$1")"
    end_watch
    expect "the first of it" "$(head -n 1 "selected$1" | awk '{ print $1 }')" ADDED

    watching "yaml$1" get cm "first$1" -w -o yaml
    changes=0
    changed() {
        changes=$((changes + 1))
        k annotate cm "first$1" --overwrite note=change-$changes >/dev/null
        seen "yaml$1" change-
    }
    until_true 60 changed "$1" || fail "one object is not followed: $(cat "yaml$1")"
    end_watch
}

waits() {
    k apply -f - >/dev/null <<YAML
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: worker$1}
spec:
  components:
  - {name: main, type: worker, properties: {command: [sleep, "1"]}}
YAML
    says "a value" "workloadprofile.axle.dev/worker$1 condition met" wait "wp/worker$1" --for=jsonpath='{.status.phase}'=Ready --timeout=60s
    says "any value" "workloadprofile.axle.dev/worker$1 condition met" wait "wp/worker$1" --for=jsonpath='{.status.latestRevision}' --timeout=60s
    says "nothing comes" "error: timed out waiting for the condition on workloadprofiles/worker$1" \
        wait "wp/worker$1" --for=condition=Never --timeout=5s
    fails_with 'workloadprofiles.axle.dev "none" not found' wait wp/none --for=condition=Never --timeout=5s

    # A condition that comes while kubectl waits, and not before it is about the
    # generation that is wanted.
    k apply -f - >/dev/null <<YAML
apiVersion: cluster.open-cluster-management.io/v1
kind: ManagedCluster
metadata: {name: $space$1}
YAML
    watching "wait$1" wait "mcl/$space$1" --for=condition=Tested --timeout=120s
    k patch mcl "$space$1" --subresource=status --type=merge -p \
        '{"status":{"conditions":[{"type":"Tested","status":"False","reason":"No","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}' >/dev/null
    k patch mcl "$space$1" --subresource=status --type=merge -p \
        '{"status":{"conditions":[{"type":"Tested","status":"True","reason":"Yes","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}' >/dev/null
    wait "$watcher" || fail "the condition is not seen: $(cat "wait$1")"
    says "a condition" "managedcluster.cluster.open-cluster-management.io/$space$1 condition met" \
        wait "mcl/$space$1" --for=condition=Tested=true --timeout=60s

    if [ "$version" != 1.29 ]; then # it does not know how
        watching "create$1" wait "cm/later$1" --for=create --timeout=120s
        k create configmap "later$1" >/dev/null
        wait "$watcher" || fail "the creation is not seen: $(cat "create$1")"
    else
        k create configmap "later$1" >/dev/null
    fi
    watching "delete$1" wait "cm/later$1" --for=delete --timeout=120s
    k delete cm "later$1" >/dev/null
    wait "$watcher" || fail "the deletion is not seen: $(cat "delete$1")"
}

steps() {
    export KUBE_FEATURE_WatchListClient=false
    watches -a
    waits -a
    [ "$version" != 1.29 ] || return 0 # it knows one way only
    export KUBE_FEATURE_WatchListClient=true
    watches -b
    waits -b
}
with_each_kubectl steps

# ---------------------------------------------------------------- by hand

list=/api/v1/namespaces/default/configmaps
make() { request POST "$list" -H 'Content-Type: application/json' -d "{\"metadata\":{\"name\":\"$1\",\"labels\":{\"n\":\"$1\"}}}"; }
watch_of() { request GET "$list?watch=true&timeoutSeconds=1&$1"; }
events() { jq -r '.type + " " + (.object.metadata.name // "-")' | paste -sd';'; }

one=$(make one | jq -r .metadata.resourceVersion)
two=$(make two | jq -r .metadata.resourceVersion)
expect "from now on, with what is there" "$(watch_of '' | events)" "ADDED one;ADDED two"
expect "from 0 on" "$(watch_of 'resourceVersion=0' | events)" "ADDED one;ADDED two"
expect "strictly after one" "$(watch_of "resourceVersion=$one" | events)" "ADDED two"
expect "after two" "$(watch_of "resourceVersion=$two" | events)" ""
expect "as a list with a mark at its end" \
    "$(watch_of 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true' | jq -r '.type + " " + (.object.metadata.annotations["k8s.io/initial-events-end"] // "-")' | paste -sd';')" \
    "ADDED -;ADDED -;BOOKMARK true"
expect "of one label" "$(watch_of 'labelSelector=n%3Dtwo' | events)" "ADDED two"
expect "no list option" "$(watch_of 'resourceVersionMatch=Exact' | jq -r '.details.causes[0].message')" \
    "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
expect "a version to come" "$(watch_of 'resourceVersion=99999999' | jq -c '[.code, .reason]')" '[504,"Timeout"]'
expect "a table has its columns once" \
    "$(request GET "$list?watch=true&timeoutSeconds=1" -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io' |
        jq -c '[.object.kind, (.object.columnDefinitions | length)]' | paste -sd' ')" '["Table",3] ["Table",0]'
