#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# apply in all its forms and diff, on a kind built in (strategic merge) and on
# one of ours (merge), and by the server; what it says when it is refused.
. "$(dirname "$0")/kubectls.sh"

start_hub

settings() {
    cat <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: settings${2:-}}
data: {color: "$1"}
YAML
}
profile() {
    cat <<YAML
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: worker${2:-}}
spec:
  components:
  - {name: main, type: worker, properties: {command: [sleep, "$1"]}}
YAML
}
both() { settings "$1" "${2:-}" && echo --- && profile "$1" "${2:-}"; }

# said WANTED ARG…: what kubectl says to standard input being applied.
said() {
    local wanted=$1
    shift
    says "apply $*" "$wanted" apply -f - "$@"
}

by_client() {
    both 1 | said $'configmap/settings created\nworkloadprofile.axle.dev/worker created'
    both 1 | said $'configmap/settings unchanged\nworkloadprofile.axle.dev/worker unchanged'
    both 2 | said $'configmap/settings configured\nworkloadprofile.axle.dev/worker configured'
    expect "built in" "$(k get cm settings -o jsonpath='{.data.color}')" 2
    expect "ours" "$(k get wp worker -o jsonpath='{.spec.components[0].properties.command[1]}')" 2
    # What is no longer said goes, what others said stays.
    k label cm settings kept=yes >/dev/null
    k patch cm settings -p '{"data":{"other":"x"}}' >/dev/null
    sed 's/color: "2"/size: big/' <<<"$(settings 2)" | said "configmap/settings configured"
    expect "one value gone, one kept" "$(k get cm settings -o json | jq -c '[.data, .metadata.labels]')" \
        '[{"other":"x","size":"big"},{"kept":"yes"}]'
    both 3 | said $'configmap/settings configured (server dry run)\nworkloadprofile.axle.dev/worker configured (server dry run)' --dry-run=server
    both 3 | said $'configmap/settings configured (dry run)\nworkloadprofile.axle.dev/worker configured (dry run)' --dry-run=client
    both 4 -new | said $'configmap/settings-new created (server dry run)\nworkloadprofile.axle.dev/worker-new created (server dry run)' --dry-run=server
    fails_with 'configmaps "settings-new" not found' get cm settings-new
    expect "nothing happened" "$(k get wp worker -o jsonpath='{.spec.components[0].properties.command[1]}')" 2
    expect "what it would be" "$(both 5 | k apply -f - --dry-run=server -o json | jq -r '.items[0].data.color')" 5
    k apply view-last-applied cm/settings | grep size >/dev/null
}

files() {
    mkdir -p dir list
    settings a -one >dir/one.yaml
    profile 7 -two >dir/two.yaml
    says "a folder" $'configmap/settings-one created\nworkloadprofile.axle.dev/worker-two created' apply -f dir
    k get cm/settings-one wp/worker-two -o yaml >list/list.yaml
    says "a List of what is there" $'configmap/settings-one configured\nworkloadprofile.axle.dev/worker-two configured' apply -f list/list.yaml
    says "a List" $'configmap/settings-one configured\nworkloadprofile.axle.dev/worker-two configured' apply -f - < <(
        k create -f dir --dry-run=client -o json | jq -s '{apiVersion: "v1", kind: "List", items: .}')
    cat >dir/kustomization.yaml <<YAML
namePrefix: k-
resources: [one.yaml, two.yaml]
YAML
    says "a kustomization" $'configmap/k-settings-one created\nworkloadprofile.axle.dev/k-worker-two created' apply -k dir
    settings b -json >json.yaml
    k create -f json.yaml --dry-run=client -o json | said "configmap/settings-json created"
    settings c -json >json.yaml
    says "several files" $'configmap/settings-one unchanged\nconfigmap/settings-json configured' \
        apply -f dir/one.yaml -f json.yaml
}

by_server() {
    both 1 -ssa | said $'configmap/settings-ssa serverside-applied\nworkloadprofile.axle.dev/worker-ssa serverside-applied' --server-side
    both 1 -ssa | said $'configmap/settings-ssa serverside-applied\nworkloadprofile.axle.dev/worker-ssa serverside-applied' --server-side
    settings 2 -ssa | said "error: Apply failed with 1 conflict: conflict with \"kubectl\": .data.color
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts" --server-side --field-manager=other
    profile 2 -ssa | k apply --server-side --field-manager=other -f - >conflict 2>&1 && fail "there is no conflict"
    expect_contains "a conflict below a list of ours" "$(cat conflict)" '.spec.components[name="main"].properties.command'
    settings 2 -ssa | said "configmap/settings-ssa serverside-applied" --server-side --field-manager=other --force-conflicts
    expect "who has the field" "$(k get cm settings-ssa -o json --show-managed-fields |
        jq -r '.metadata.managedFields[] | select(.fieldsV1["f:data"]["f:color"]) | .manager + " " + .operation')" "other Apply"
    # What a manager says no longer, and no one else says, goes.
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings-ssa}\n' |
        said "configmap/settings-ssa serverside-applied" --server-side --field-manager=other
    expect "the field is gone" "$(k get cm settings-ssa -o jsonpath='{.data}')" ""
    both 5 -new | said $'configmap/settings-new serverside-applied (server dry run)\nworkloadprofile.axle.dev/worker-new serverside-applied (server dry run)' --server-side --dry-run=server
    fails_with 'configmaps "settings-new" not found' get cm settings-new

    # From the client's way to the server's: the fields change hands.
    settings 1 -moves | said "configmap/settings-moves created"
    settings 2 -moves | said "configmap/settings-moves serverside-applied" --server-side
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings-moves}\ndata: {size: big}\n' |
        said "configmap/settings-moves serverside-applied" --server-side
    expect "nothing of old is left" "$(k get cm settings-moves -o json | jq -c .data)" '{"size":"big"}'
}

refusals() {
    local strict='strict decoding error: unknown field "spec.bogus"'
    { profile 1 -bad; echo "  bogus: 1"; } >bad.yaml
    fails_with "$strict" apply -f bad.yaml
    fails_with "$strict" create -f bad.yaml
    fails_with "Error from server: failed to create typed patch object ($space/worker-bad; axle.dev/v1alpha1, Kind=WorkloadProfile): .spec.bogus: field not declared in schema" apply --server-side -f bad.yaml
    says "only a warning" $'Warning: unknown field "spec.bogus"\nworkloadprofile.axle.dev/worker-bad created' apply --validate=warn -f bad.yaml
    says "not a word" "workloadprofile.axle.dev/worker-bad configured" apply --validate=ignore -f bad.yaml
    expect "it is not kept" "$(k get wp worker-bad -o jsonpath='{.spec.bogus}')" ""
    { settings 1 -bad; echo "bogus: 1"; } >cm.yaml
    fails_with 'strict decoding error: unknown field "bogus"' apply -f cm.yaml
    sed 's/type: worker/type: 7/' <<<"$(profile 1 -bad2)" >bad.yaml
    fails_with 'The WorkloadProfile "worker-bad2" is invalid: spec.components[0].type: Invalid value: "integer": spec.components[0].type in body must be of type string: "integer"' apply -f bad.yaml
    sed 's/type: worker, //' <<<"$(profile 1 -bad2)" >bad.yaml
    fails_with 'The WorkloadProfile "worker-bad2" is invalid: spec.components[0].type: Required value' apply -f bad.yaml
    sed 's/settings/Settings/' <<<"$(settings 1)" >bad.yaml
    fails_with 'The ConfigMap "Settings" is invalid: metadata.name: Invalid value: "Settings": a lowercase RFC 1123 subdomain must consist of' apply -f bad.yaml
    sed 's/color: "1"/color: {a: b}/' <<<"$(settings 1 -bad)" >bad.yaml
    fails_with 'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal' apply -f bad.yaml
    printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n' >bad.yaml
    fails_with 'resource mapping not found for name: "x" namespace: "" from "bad.yaml": no matches for kind "Pod" in version "v1"' apply -f bad.yaml
    fails_with 'namespaces "nowhere" not found' apply -n nowhere -f cm.yaml --validate=ignore
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: other}\n' >bad.yaml
    fails_with 'the namespace from the provided object "other" does not match the namespace' apply -f bad.yaml
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x}\n' >bad.yaml
    fails_with 'cannot use generate name with apply' apply -f bad.yaml
    expect "generated" "$(k create -f bad.yaml | sed 's/x[a-z0-9]\{5\} /NAME /')" "configmap/NAME created"
}

differences() {
    local what n=0
    for what in "" "--server-side --force-conflicts"; do
        n=$((n + 1))
        both 1 -$n | k apply $what -f - >/dev/null
        both 1 -$n >same.yaml
        both 2 -$n >other.yaml
        says "no difference $what" "" diff $what -f same.yaml
        k diff $what -f other.yaml >diff.out 2>diff.err && fail "diff $what found nothing"
        expect "lines $what" "$(grep -E '^[-+] ' diff.out | sed 's/ *$//' | grep -v generation: | paste -sd';')" \
            '-      - "1";+      - "2";-  color: "1";+  color: "2"'
        lacks "noise $what" "$(cat diff.out)" "+  resourceVersion"
        lacks "noise $what" "$(cat diff.out)" "+  uid"
        sed 's/name: settings-'$n'/name: none-'$n'/' <<<"$(settings 1 -$n)" >new.yaml
        k diff $what -f new.yaml >diff.out && fail "diff $what of a new object found nothing"
        expect_contains "a new object $what" "$(cat diff.out)" "+  name: none-$n"
    done
}

prunes() {
    both 1 -p | sed 's/metadata: {/metadata: {labels: {set: p}, /' >both.yaml
    settings 1 -p | sed 's/metadata: {/metadata: {labels: {set: p}, /' >one.yaml
    k apply -f both.yaml >/dev/null
    says "what is no longer there" $'configmap/settings-p unchanged\nworkloadprofile.axle.dev/worker-p pruned' \
        apply -f one.yaml --prune -l set=p --prune-allowlist=core/v1/ConfigMap --prune-allowlist=axle.dev/v1alpha1/WorkloadProfile
    fails_with 'workloadprofiles.axle.dev "worker-p" not found' get wp worker-p
    # The newer way: a set with a parent, a Secret that kubectl makes.
    KUBECTL_APPLYSET=true k apply -f both.yaml --prune --applyset=parent --server-side --force-conflicts >/dev/null
    expect_contains "of the set" "$(KUBECTL_APPLYSET=true k apply -f one.yaml --prune --applyset=parent --server-side --force-conflicts)" \
        "workloadprofile.axle.dev/worker-p pruned"
}

steps() {
    by_client
    files
    by_server
    refusals
    differences
    prunes
}
with_each_kubectl steps
