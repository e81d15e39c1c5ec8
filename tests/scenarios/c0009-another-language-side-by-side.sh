#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# Debian's python3-kubernetes and every kubectl live the same life of objects
# side by side; each sees what the other does, over watches that are cut and
# taken up again where they were.
. "$(dirname "$0")/kubectls.sh"

[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import kubernetes' 2>/dev/null ||
    skip "python3-kubernetes is not installed"

start_hub

cat >"$TEST_DIR/life.py" <<'PYTHON'
import sys
from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException

kubeconfig, space = sys.argv[1:]
config.load_kube_config(kubeconfig)
core, custom = client.CoreV1Api(), client.CustomObjectsApi()
ours = ("axle.dev", "v1alpha1", space, "workloadprofiles")


def same(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, wanted {wanted!r}")


def refused(what, status, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except ApiException as error:
        same(what, error.status, status)
        return error
    sys.exit(f"{what}: it was not refused")


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"by": "python"}), data=data)


def follow(call, version, wanted):
    """Takes one event from each watch, and goes on from its version."""
    seen = []
    while len(seen) < len(wanted):
        for event in watch.Watch().stream(call, space, resource_version=version,
                                          label_selector="by=kubectl", timeout_seconds=60):
            seen.append((event["type"], event["object"].metadata.name))
            version = event["object"].metadata.resource_version
            break
    same("what kubectl did", seen, wanted)


# What there is.
same("the version", "axle" in client.VersionApi().get_code().git_version, True)
same("the groups", "axle.dev" in [group.name for group in client.ApisApi().get_api_versions().groups], True)
same("the kinds", "configmaps" in [kind.name for kind in core.get_api_resources().resources], True)
found = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="axle.dev/v1alpha1", kind="WorkloadProfile")
same("a kind by discovery", (found.name, found.namespaced), ("workloadprofiles", True))
may = client.AuthorizationV1Api().create_self_subject_access_review(
    {"spec": {"resourceAttributes": {"verb": "get", "resource": "configmaps", "namespace": space}}})
same("whether it may", may.status.allowed, True)

# A life of its own.
made = core.create_namespaced_config_map(space, config_map("snake", color="green"))
same("created", (made.data, bool(made.metadata.uid)), ({"color": "green"}, True))
refused("again", 409, core.create_namespaced_config_map, space, config_map("snake"))
patched = core.patch_namespaced_config_map("snake", space, {"data": {"size": "long"}})
same("patched", patched.data, {"color": "green", "size": "long"})
refused("an old version", 409, core.replace_namespaced_config_map, "snake", space, made)
patched.data = {"only": "this"}
same("replaced", core.replace_namespaced_config_map("snake", space, patched).data, {"only": "this"})
refused("a bad name", 422, core.create_namespaced_config_map, space, config_map("Snake"))
refused("nothing there", 404, core.read_namespaced_config_map, "none", space)
dry = core.create_namespaced_config_map(space, config_map("dry"), dry_run="All")
same("dry", dry.metadata.name, "dry")
refused("dry", 404, core.read_namespaced_config_map, "dry", space)

# By pieces.
for number in range(7):
    core.create_namespaced_config_map(space, config_map(f"piece-{number}"))
names, token = [], None
while True:
    page = core.list_namespaced_config_map(space, label_selector="by=python", limit=3, _continue=token)
    names += [item.metadata.name for item in page.items]
    token = page.metadata._continue
    if not token:
        break
same("all pieces", names, [f"piece-{number}" for number in range(7)] + ["snake"])
core.delete_collection_namespaced_config_map(space, label_selector="by=python")
same("none is left", core.list_namespaced_config_map(space, label_selector="by=python").items, [])

# A kind of ours.
profile = {
    "apiVersion": "axle.dev/v1alpha1", "kind": "WorkloadProfile", "metadata": {"name": "snake"},
    "spec": {"components": [{"name": "main", "type": "worker", "properties": {"command": ["sleep", "1"]}}]},
}
made = custom.create_namespaced_custom_object(*ours, profile)
same("its default", made["spec"]["type"], "Application")
same("its list", [item["metadata"]["name"] for item in custom.list_namespaced_custom_object(*ours)["items"]], ["snake"])
custom.patch_namespaced_custom_object(*ours, "snake", {"metadata": {"labels": {"a": "b"}}})
same("its label", custom.get_namespaced_custom_object(*ours, "snake")["metadata"]["labels"], {"a": "b"})
del profile["spec"]["components"][0]["type"]
profile["metadata"]["name"] = "worm"
refused("a field is missing", 422, custom.create_namespaced_custom_object, *ours, profile)

# Side by side.
version = core.list_namespaced_config_map(space).metadata.resource_version
core.create_namespaced_config_map(space, config_map("your-turn"))
follow(core.list_namespaced_config_map, version,
       [("ADDED", "cat"), ("MODIFIED", "cat"), ("ADDED", "dog"), ("DELETED", "dog"), ("DELETED", "cat")])
refused("it is gone", 404, core.read_namespaced_config_map, "dog", space)
core.delete_namespaced_config_map("your-turn", space, propagation_policy="Foreground")
custom.delete_namespaced_custom_object(*ours, "snake")
PYTHON

steps() {
    /usr/bin/python3 "$TEST_DIR/life.py" "$hub_dir/hub/admin.kubeconfig" "$space" >python.said 2>&1 &
    local python=$!
    my_turn() { kill -0 $python 2>/dev/null || fail "python: $(tail -n 5 python.said)"; k get cm your-turn >/dev/null 2>&1; }
    until_true 120 my_turn || fail "python does not get there: $(cat python.said)"
    expect "python's label" "$(k get cm -l by=python -o name)" configmap/your-turn
    expect "python's profile" "$(k get wp snake -o jsonpath='{.metadata.labels.a}')" b
    k apply -f - >/dev/null <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: cat, labels: {by: kubectl}}
data: {says: meow}
YAML
    k patch cm cat -p '{"data":{"says":"purr"}}' >/dev/null
    k apply --server-side -f - >/dev/null <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: dog, labels: {by: kubectl}}
YAML
    k label cm dog by- >/dev/null # it leaves what python watches, which is a deletion there
    k label cm dog by=kubectl --dry-run=server >/dev/null
    k delete cm dog cat >/dev/null
    wait $python || fail "python: $(tail -n 5 python.said)"
    k wait cm/your-turn --for=delete --timeout=60s >/dev/null
    fails_with 'workloadprofiles.axle.dev "snake" not found' get wp snake
}
with_each_kubectl steps
