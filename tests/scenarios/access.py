# SPDX-License-Identifier: Apache-2.0
"""Tries every kind x verb x form x place as every identity at a real hub.

What may come is decided here, by marks: each object carries a word that nobody
could guess, and an answer may hold the words of those objects only that its asker
may read. The rights are written down by hand below, from docs/ACCESS.md and the
design, not taken from the program. Run by d0008.
"""

import base64
import concurrent.futures
import http.client
import json
import os
import re
import ssl
import sys
import threading
import urllib.parse

SERVER, DIR = sys.argv[1:3]
HOST = urllib.parse.urlparse(SERVER).netloc
CA = DIR + "/certificate-authority.pem"
ALL = "glwcupdD"
OCM = "cluster.open-cluster-management.io"
WORK = "work.open-cluster-management.io"
ADDON = "addon.open-cluster-management.io"
RBAC = "rbac.authorization.k8s.io"
CSR = "certificates.k8s.io"
CLEANUP = "cluster.open-cluster-management.io/manifest-work-cleanup"

# ---- Rights, by hand --------------------------------------------------------

READ = ("aiworkloads componentdefinitions computepools computes definitionrevisions environments "
        "profilebundles repositories settings traitdefinitions variablesets workloaddeployments "
        "workloadprofiles workloads")
EDIT = ("aiworkloads componentdefinitions environments profilebundles repositories "
        "traitdefinitions variablesets workloadprofiles")
STATUS = ("aiworkloads computepools computes environments profilebundles repositories settings "
          "workloaddeployments workloadprofiles workloads")


def role_rights():
    """{role: {(group, resource): letters}}, each role with those below it."""
    view = {("", word): "glw" for word in "configmaps events namespaces serviceaccounts services".split()}
    view.update({("axle.dev", word): "glw" for word in READ.split()})
    view.update({("axle.dev", word + "/status"): "g" for word in STATUS.split()})
    view.update({(OCM, word): "glw" for word in
                 "managedclustersetbindings placementdecisions placements".split()})
    view[(WORK, "manifestworkreplicasets")] = "glw"
    view[("events.k8s.io", "events")] = "glw"
    edit = dict(view)
    edit.update({("", word): ALL for word in "configmaps events secrets serviceaccounts".split()})
    edit.update({("axle.dev", word): ALL for word in EDIT.split()})
    edit[("events.k8s.io", "events")] = edit[("coordination.k8s.io", "leases")] = ALL
    edit[("", "serviceaccounts/token")] = "c"
    admin = dict(edit)
    admin.update({("axle.dev", word): ALL for word in ("computepools", "settings")})
    admin.update({(RBAC, word): ALL for word in ("roles", "rolebindings")})
    admin[("authorization.k8s.io", "localsubjectaccessreviews")] = "c"
    return {"view": view, "edit": edit, "admin": admin}


ROLES = role_rights()

# What a spoke may in the namespace (or of the name) of its cluster.
SPOKE_NAMESPACE = {
    (WORK, "manifestworks"): "glwup", (WORK, "manifestworks/status"): "gup",
    ("axle.dev", "workloads"): "glw", ("axle.dev", "workloads/status"): "gup",
    ("coordination.k8s.io", "leases"): "gup",
    ("", "events"): "cp", ("events.k8s.io", "events"): "cp",
    (ADDON, "managedclusteraddons"): "glw",
}
SPOKE_NAME = {(OCM, "managedclusters"): "glw", (OCM, "managedclusters/status"): "gup"}
SELF = {("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
        ("authentication.k8s.io", "selfsubjectreviews")}
BUILT_IN = {("axle.dev", "clustercomponentdefinitions"), ("axle.dev", "clustertraitdefinitions")}
LETTER = {"get": "g", "list": "l", "watch": "w", "create": "c", "update": "u", "patch": "p",
          "delete": "d", "deletecollection": "D"}


class Identity:
    """Who asks: its credential, and what it may, as roles by namespace."""

    def __init__(self, name, token=None, cert=None, roles=None, cluster=None, named=None,
                 admin=False, looks_at=(), joins=False):
        self.name, self.token, self.cert = name, token, cert
        self.roles, self.cluster, self.named = roles or {}, cluster, named or {}
        self.admin, self.looks_at, self.joins = admin, set(looks_at), joins
        self.context = ssl.create_default_context(cafile=CA)
        if cert:
            self.context.load_cert_chain(*cert)
        self.local = threading.local()

    def may(self, verb, group, resource, namespace, name):
        """Whether this request may be made. `name` "" is every one."""
        letter, key = LETTER[verb], (group, resource)
        where = name if (group, resource.split("/")[0]) == ("", "namespaces") else namespace
        if self.admin:
            return True
        if key in SELF:
            return letter == "c" and self.name != "anonymous"
        if key in BUILT_IN and letter in "glw" and not (
                self.name == "anonymous" or self.cluster or self.joins):
            return True
        if (group, resource, name) in self.looks_at and letter in "glw":
            return True
        if where and letter in ROLES.get(self.roles.get(where), {}).get(key, ""):
            return True
        if name and letter in self.named.get((group, resource, namespace, name), ""):
            return True
        if self.cluster:
            if namespace == self.cluster and letter in SPOKE_NAMESPACE.get(key, ""):
                return True
            if not namespace and name == self.cluster and letter in SPOKE_NAME.get(key, ""):
                return True
            if key == (CSR, "certificatesigningrequests") and letter == "c":
                return True
        # Its request for a certificate must be that of the cluster that it joins as,
        # which what is tried here is not (d0001, test_joining).
        if self.joins and letter == "c" and key == (OCM, "managedclusters"):
            return True
        return False

    def ask(self, method, path, body=None, kind="application/json", headers=None, stream=False):
        """(status, text). A stream is read until its initial events are all there."""
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(HOST, context=self.context, timeout=60)
                self.local.connection = connection
            send = dict(headers or {})
            if self.token:
                send["Authorization"] = "Bearer " + self.token
            if body is not None:
                send["Content-Type"] = kind
            try:
                connection.request(method, path, body=body, headers=send)
                answer = connection.getresponse()
                if not stream or answer.status != 200:
                    return answer.status, answer.read().decode("utf-8", "replace")
                return self.read_stream(connection, answer)
            except (http.client.HTTPException, OSError):
                connection.close()
                self.local.connection = None
                if attempt == 2:
                    raise
        return None

    def read_stream(self, connection, answer):
        seen = b""
        while True:
            line = answer.readline()
            seen += line
            if not line or b"k8s.io/initial-events-end" in line:
                break
        connection.close()
        self.local.connection = None
        return 200, seen.decode("utf-8", "replace")


# ---- The world --------------------------------------------------------------

class Kind:
    def __init__(self, version, entry):
        self.group, _, self.version = ("", "", version) if "/" not in version else version.partition("/")
        self.api, self.resource, self.kind = version, entry["name"], entry["kind"]
        self.namespaced, self.verbs = entry["namespaced"], set(entry["verbs"])
        self.subresources = {}

    def path(self, namespace="", name="", sub=""):
        root = "/apis/" + self.api if self.group else "/api/" + self.api
        if self.namespaced and namespace:
            root += "/namespaces/" + namespace
        return root + "/" + self.resource + (f"/{name}" if name else "") + (f"/{sub}" if sub else "")


def find_kinds(admin):
    versions = ["v1"]
    for group in json.loads(admin.ask("GET", "/apis")[1])["groups"]:
        versions += [one["groupVersion"] for one in group["versions"]]
    kinds = []
    for version in versions:
        root = "/api/" if version == "v1" else "/apis/"
        entries = json.loads(admin.ask("GET", root + version)[1])["resources"]
        here = {entry["name"]: Kind(version, entry) for entry in entries if "/" not in entry["name"]}
        for entry in entries:
            if "/" in entry["name"]:
                parent, _, sub = entry["name"].partition("/")
                here[parent].subresources[sub] = set(entry["verbs"])
        kinds += here.values()
    return kinds


WORD = re.compile("mark[a-z2-7]{16}")
MARKS = {}  # word -> (group, resource, namespace, name)


def mark(group, resource, namespace, name):
    word = "mark" + base64.b32encode(os.urandom(10)).decode().lower()
    MARKS[word] = (group, resource, namespace, name)
    return word


def spec_of(kind, namespace):
    """The least that a kind takes, by hand for those that want more than a name."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "p1"}}
    template = {"workload": {"manifests": [manifest]}}
    return {
        "AIWorkload": {"spec": {"profileBundleRef": {"name": "none"}, "environmentRef": {"name": "none"}}},
        "ComputePool": {"spec": {"variant": "Shared"}},
        "Environment": {"spec": {"topology": {"type": "topology-ocm"}}},
        "ProfileBundle": {"spec": {"type": "Application", "workloadProfileRefs": [{"name": "none"}]}},
        "WorkloadProfile": {"spec": {"type": "Application", "components": [{"name": "c", "type": "none"}]}},
        "ManifestWork": {"spec": template},
        "ManifestWorkReplicaSet": {"spec": {"manifestWorkTemplate": template, "placementRefs": [{"name": "none"}]}},
        "ManagedClusterSetBinding": {"spec": {"clusterSet": "marked"}},
        "Role": {"rules": []}, "ClusterRole": {"rules": []},
        "RoleBinding": {"roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "none"}, "subjects": []},
        "ClusterRoleBinding": {"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "none"}, "subjects": []},
        "Lease": {"spec": {"holderIdentity": "nobody"}},
        "Event": {"involvedObject": {"namespace": namespace}, "reason": "Marked", "message": "marked"}
        if not kind.group else {"regarding": {"namespace": namespace}, "reason": "Marked", "note": "marked"},
        "JoinToken": {"spec": {"expiresAt": "2099-01-01T00:00:00Z", "uses": 1, "salt": "00", "hash": "0" * 64}},
        "Tenant": {"spec": {}}, "Project": {"spec": {"tenant": "t1"}},
        "Settings": {"spec": {}}, "VariableSet": {"spec": {"variables": []}},
        "Repository": {"spec": {"type": "OCI", "url": "https://registry.example.com/x"}},
        "ComponentDefinition": {"spec": {"template": "kind: ConfigMap"}},
        "TraitDefinition": {"spec": {"template": "kind: ConfigMap"}},
        "WorkloadDeployment": {"spec": {"workloadProfileRef": {"name": "none"}, "environmentRef": {"name": "none"}}},
        "Workload": {"spec": {}},
        "DefinitionRevision": {"spec": {"kind": "WorkloadProfile", "name": "x", "revision": 1}},
    }.get(kind.kind, {} if kind.group == "" else {"spec": {}})


def make_world(admin, kinds, namespaces):
    """One marked object of each kind in each namespace; what a kind refuses is told."""
    left_out = []
    for kind in kinds:
        if "create" not in kind.verbs or "get" not in kind.verbs or kind.group == "events.k8s.io":
            continue
        for namespace in namespaces if kind.namespaced else [""]:
            name = "marked"
            body = {"apiVersion": kind.api, "kind": kind.kind, "metadata": {
                "name": name, "annotations": {"mark": mark(kind.group, kind.resource, namespace, name)}}}
            body.update(spec_of(kind, namespace))
            if kind.kind == "ManagedClusterSetBinding":
                body["spec"]["clusterSet"] = name
            if kind.kind in ("Namespace", "ManagedCluster", "CertificateSigningRequest"):
                continue  # those that are there already are marked below
            status, text = admin.ask("POST", kind.path(namespace), json.dumps(body))
            if status not in (201, 409):  # some were made already, with others
                left_out.append(f"{kind.resource}: {status} {text[:200]}")
    return left_out


def mark_existing(admin, kinds):
    """Whatever else is there gets a mark as well, so that it is known when seen."""
    for kind in kinds:
        if not {"get", "list", "patch"} <= kind.verbs or kind.group == "events.k8s.io":
            continue
        for item in json.loads(admin.ask("GET", kind.path())[1]).get("items", []):
            metadata = item["metadata"]
            if metadata.get("annotations", {}).get("mark"):
                continue
            namespace = metadata.get("namespace", "")
            word = mark(kind.group, kind.resource, namespace, metadata["name"])
            admin.ask("PATCH", kind.path(namespace, metadata["name"]),
                      json.dumps({"metadata": {"annotations": {"mark": word}}}),
                      "application/merge-patch+json")


def snapshot(admin, kinds):
    """{path: resourceVersion} of what only this test would change."""
    seen = {}
    for kind in kinds:
        if "list" not in kind.verbs or kind.resource in ("events", "leases"):
            continue
        for item in json.loads(admin.ask("GET", kind.path())[1]).get("items", []):
            metadata = item["metadata"]
            seen[kind.path(metadata.get("namespace", ""), metadata["name"])] = metadata["resourceVersion"]
    return seen


# Kinds that stand for the others: each further form of asking is tried on these.
THOROUGH = {"secrets", "configmaps", "manifestworks", "managedclusters", "certificatesigningrequests",
            "leases", "aiworkloads", "rolebindings", "namespaces"}

# ---- Cells ------------------------------------------------------------------

failures, counts = [], {"cells": 0, "allowed": 0}
lock = threading.Lock()


def judge(identity, what, allowed, status, text, visible):
    """`visible(group, resource, namespace, name)`: whether that mark may appear."""
    trouble = None
    words = set(WORD.findall(text)) & MARKS.keys()
    leaked = [MARKS[word] for word in words if not visible(*MARKS[word])]
    if leaked:
        trouble = f"leaks {leaked[:3]}"
    elif not allowed and status not in (401, 403):
        trouble = f"is not refused: {status} {text[:160]}"
    elif allowed and status in (401, 403):
        trouble = f"is refused: {status} {text[:300]}"
    elif status >= 500:
        trouble = f"fails: {status} {text[:160]}"
    with lock:
        counts["cells"] += 1
        counts["allowed"] += allowed
        if trouble:
            failures.append(f"{identity.name}: {what} {trouble}")


WATCH = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=5"
ACCEPTS = ["application/json", "application/json;as=Table;v=v1;g=meta.k8s.io",
           "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"]


def read_cells(identity, kind, namespace, name):
    """Every way to read one object or its collection."""
    def visible_as(verb, asked):
        # A list of one name shows that one; of all, those of the namespace asked for.
        def visible(group, resource, where, which):
            same = (group, resource) == (kind.group, kind.resource) or (
                resource == "events" and kind.resource == "events")
            return (same and (not asked or which == asked) and (not namespace or where == namespace) and
                    (identity.may(verb, kind.group, kind.resource, namespace, asked)))
        return visible

    def read(verb, asked, path, stream=False, accept=ACCEPTS[0], refused_anyway=False):
        allowed = identity.may(verb, kind.group, kind.resource, namespace, asked) and not refused_anyway
        status, text = identity.ask("GET", path, headers={"Accept": accept}, stream=stream)
        if refused_anyway and status == 400:
            status = 403
        judge(identity, f"GET {path}", allowed, status, text, visible_as(verb, asked))

    collection, one = kind.path(namespace), kind.path(namespace, name)
    named = "fieldSelector=metadata.name%3D" + name
    if "get" in kind.verbs and (namespace or not kind.namespaced):
        read("get", name, one)
        read("get", name, one, accept=ACCEPTS[1])
        for sub, verbs in kind.subresources.items():
            if "get" in verbs:
                allowed = identity.may("get", kind.group, f"{kind.resource}/{sub}", namespace, name)
                status, text = identity.ask("GET", f"{one}/{sub}")
                judge(identity, f"GET {one}/{sub}", allowed, status, text,
                      lambda g, r, w, n: allowed and (r, w, n) == (kind.resource, namespace, name))
    thorough = kind.resource in THOROUGH
    if "list" in kind.verbs:
        read("list", "", collection)
        read("list", name, f"{collection}?{named}")
        if thorough:
            read("list", "", collection, accept=ACCEPTS[1])
            read("list", "", collection, accept=ACCEPTS[2])
            read("list", name, f"{collection}?fieldSelector=metadata.name%3D%3D{name}&limit=1")
            read("list", "", f"{collection}?limit=1")
            read("list", "", f"{collection}?labelSelector=a%21%3Db")
            read("list", "", f"{collection}?fieldSelector=metadata.name%21%3D{name}x")
            read("list", "", f"{collection}?resourceVersion=0")
    if "watch" in kind.verbs:
        read("watch", "", f"{collection}?watch=true&{WATCH}", True)
        read("watch", name, f"{collection}?watch=true&{named}&{WATCH}", True)
        if thorough:
            read("watch", "", f"{collection}?watch=1&{WATCH}", True, ACCEPTS[1])
        if namespace or not kind.namespaced:
            read("watch", name, f"{one}?watch=true&{WATCH}", True)
            read("watch", name, f"{one}?watch=true&fieldSelector=metadata.name%3Dother&{WATCH}", True,
                 refused_anyway=True)
        if thorough and (namespace or not kind.namespaced):
            read("watch", name, f"{one}?watch&{WATCH}", True)
            read("watch", name, f"{one}?watch=True&{named}&{WATCH}", True)


PATCHES = {
    "application/merge-patch+json": {"metadata": {"annotations": {"by": "test"}}},
    "application/strategic-merge-patch+json": {"metadata": {"annotations": {"by": "test"}}},
    "application/json-patch+json": [{"op": "add", "path": "/metadata/labels", "value": {"by": "test"}}],
    "application/apply-patch+yaml": None,
}


def write_cells(identity, kind, namespace, name, current):
    """Every way to write; what is allowed is only tried (dryRun), what is not is meant."""
    def write(verb, method, path, body, content="application/json", also=(),
              resource=kind.resource, asked=name):
        allowed = all(identity.may(each, kind.group, resource, namespace, asked)
                      for each in (verb, *also))
        if allowed and (identity.cluster and resource == kind.resource and not also and
                        verb in ("update", "patch") and kind.resource in ("manifestworks", "leases", "events")):
            allowed = False  # the fields that these bodies change are not a spoke's
        query = "dryRun=All" if allowed else "x=y"
        query += "&fieldManager=test" if verb == "patch" else ""
        status, text = identity.ask(method, f"{path}{'&' if '?' in path else '?'}{query}",
                                    None if body is None else json.dumps(body), content)
        judge(identity, f"{method} {path} {content}", allowed, status, text,
              lambda g, r, w, n: identity.may("get", kind.group, resource, namespace, n) or
              (allowed and (r, w) == (kind.resource, namespace)))

    if kind.namespaced and not namespace:
        return
    one, collection = kind.path(namespace, name), kind.path(namespace)
    body = {"apiVersion": kind.api, "kind": kind.kind, "metadata": {"name": "made-by-test"}}
    body.update(spec_of(kind, namespace))
    if "create" in kind.verbs:
        write("create", "POST", collection, body, asked="")
        if kind.resource in THOROUGH:
            write("create", "POST", collection, dict(body, metadata={"generateName": "made-by-test-"}), asked="")
    if "update" in kind.verbs and current:
        changed = json.loads(json.dumps(current))
        changed["metadata"].setdefault("labels", {})["by"] = "test"
        changed["metadata"].pop("resourceVersion", None)
        write("update", "PUT", one, changed)
        for sub, verbs in kind.subresources.items():
            if "update" in verbs:
                write("update", "PUT", f"{one}/{sub}", changed, resource=f"{kind.resource}/{sub}")
    if "patch" in kind.verbs:
        for content, patch in PATCHES.items():
            if patch and "merge-patch" not in content and kind.resource not in THOROUGH:
                continue
            applied = patch or {"apiVersion": kind.api, "kind": kind.kind,
                                "metadata": {"name": name, "labels": {"by": "test"}}}
            write("patch", "PATCH", one, applied, content)
            for sub, verbs in kind.subresources.items():
                if "patch" in verbs and (kind.resource in THOROUGH or "merge" in content):
                    write("patch", "PATCH", f"{one}/{sub}", applied, content, resource=f"{kind.resource}/{sub}")
        write("patch", "PATCH", kind.path(namespace, "made-by-test"), body,
              "application/apply-patch+yaml", also=["create"], asked="made-by-test")
    if "delete" in kind.verbs:
        write("delete", "DELETE", one, None)
        write("delete", "DELETE", f"{one}?propagationPolicy=Orphan", None)
    if "deletecollection" in kind.verbs:
        write("deletecollection", "DELETE", collection, None, asked="")
        write("deletecollection", "DELETE", f"{collection}?fieldSelector=metadata.name%3D{name}", None)


def path_cells(identity, repositories):
    known = identity.name != "anonymous"
    paths = {"/version": True, "/livez": True, "/readyz": True, "/api": known, "/apis": known,
             "/openapi/v3": known, "/metrics": identity.admin, "/v2/": known and not identity.joins}
    for repository in repositories:
        for rest in ("tags/list", "manifests/latest", "manifests/sha256:" + "0" * 64, "blobs/sha256:" + "0" * 64):
            paths[f"/v2/{repository}/{rest}"] = identity.admin
    for path, allowed in paths.items():
        status, text = identity.ask("GET", path)
        judge(identity, f"GET {path}", allowed, status, text, lambda *any: False)


def impersonation_cells(identity):
    for headers in ({"Impersonate-User": "system:admin", "Impersonate-Group": "system:masters"},
                    {"Impersonate-User": "somebody"}, {"Impersonate-User": "system:serviceaccount:p2:default"},
                    {"Impersonate-User": "somebody", "Impersonate-Uid": "1"},
                    {"Impersonate-User": "somebody", "Impersonate-Extra-scopes": "view"},
                    {"Impersonate-Group": "system:masters"}):
        status, text = identity.ask("GET", "/api/v1/namespaces/p1/secrets/marked", headers=headers)
        judge(identity, f"as {headers}", False, 403 if status == 400 else status, text, lambda *any: False)


# ---- Fields of a spoke's writes ----------------------------------------------

def field_cells(admin, spoke):
    """(allowed, method, content, path, body): what a spoke may change of its own objects."""
    works = f"/apis/{WORK}/v1/namespaces/{spoke.cluster}/manifestworks/marked"
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{spoke.cluster}/leases/marked"
    cluster = f"/apis/{OCM}/v1/managedclusters/{spoke.cluster}"
    merge = "application/merge-patch+json"
    fields = [{"spec": {"workload": {"manifests": []}}}, {"spec": None}, {"spec": {"deleteOption": {}}},
              {"metadata": {"labels": {"a": "b"}}}, {"metadata": {"annotations": {"mark": None}}},
              {"metadata": {"finalizers": ["example.com/x"]}},
              {"metadata": {"finalizers": [CLEANUP, "example.com/x"]}},
              {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": "p1", "uid": "1"}]}}]
    for patch in fields:
        yield False, works, merge, patch
        yield False, f"{works}/status", merge, patch  # changes nothing, or is refused
    yield True, works, merge, {"metadata": {"finalizers": [CLEANUP]}}
    yield True, f"{works}/status", merge, {"status": {"conditions": []}}
    yield True, lease, merge, {"spec": {"holderIdentity": "me"}}
    yield False, lease, merge, {"metadata": {"labels": {"a": "b"}}}
    yield False, lease, merge, {"metadata": {"finalizers": ["example.com/x"]}}
    yield False, cluster, merge, {"spec": {"hubAcceptsClient": True}}
    yield False, cluster, merge, {"metadata": {"labels": {"a": "b"}}}
    yield True, f"{cluster}/status", merge, {"status": {"version": {"kubernetes": "v1.33.0"}}}


def without_bookkeeping(text):
    tree = json.loads(text)
    for key in ("resourceVersion", "managedFields", "generation"):
        tree["metadata"].pop(key, None)
    tree.pop("status", None)
    return tree


def try_fields(admin, spoke):
    for allowed, path, content, patch in field_cells(admin, spoke):
        whole = path.removesuffix("/status")
        before = without_bookkeeping(admin.ask("GET", whole)[1])
        status, text = spoke.ask("PATCH", path + "?fieldManager=test", json.dumps(patch), content)
        changed = without_bookkeeping(admin.ask("GET", whole)[1]) != before
        trouble = None
        if changed and not allowed:
            trouble = f"changes it ({status})"
        elif allowed and status != 200:
            trouble = f"is refused: {status} {text[:200]}"
        elif not allowed and not path.endswith("/status") and status not in (403, 422):
            trouble = f"is not refused: {status} {text[:160]}"
        counts["cells"] += 1
        counts["allowed"] += allowed
        if trouble:
            failures.append(f"{spoke.name}: PATCH {path} {json.dumps(patch)} {trouble}")
        if allowed and changed:  # as it was, for the next
            admin.ask("PATCH", whole, json.dumps({"metadata": {"finalizers": before["metadata"].get("finalizers")}}),
                      content)


# ---- All ----------------------------------------------------------------------

def make_identities(admin):
    """ServiceAccounts stand for people: what they may comes from roles alone."""
    def token(name):
        path = f"/api/v1/namespaces/people/serviceaccounts/{name}/token"
        return json.loads(admin.ask("POST", path, '{"spec":{}}')[1])["status"]["token"]

    def spoke(name):
        pki = f"{DIR}/{name}/spoke/pki"
        return Identity(f"spoke {name}", cert=(f"{pki}/client.crt", f"{pki}/client.key"), cluster=name)

    project = lambda *names: [("axle.dev", "projects", name) for name in names]
    return [
        Identity("anonymous"),
        Identity("join token", token=open(f"{DIR}/join.token").read().strip(), joins=True),
        spoke("edge-1"), spoke("edge-2"),
        Identity("no role", token=token("none")),
        Identity("one secret", token=token("one"),
                 named={("", "secrets", "p1", "marked"): ALL.replace("c", "")}),
        Identity("viewer of p1", token=token("viewer"), roles={"p1": "view"}, looks_at=project("p1")),
        Identity("editor of p1", token=token("editor"), roles={"p1": "edit"}, looks_at=project("p1")),
        Identity("admin of p1", token=token("admin"), roles={"p1": "admin"}, looks_at=project("p1")),
        Identity("viewer of p2", token=token("viewer2"), roles={"p2": "view"}, looks_at=project("p2")),
        Identity("admin of t1", token=token("tenant"), roles={"p1": "admin", "tenant-t1": "admin"},
                 looks_at=project("p1") + [("axle.dev", "tenants", "t1")]),
    ]


def places_of(identity, namespaces):
    """Its own, another's, all at once."""
    if identity.cluster:
        return ["p1", "edge-1", "edge-2", ""]
    return namespaces + [""] if "tenant-t1" in identity.roles else ["p1", "p2", "edge-1", ""]


def main():
    admin = Identity("administrator", cert=(DIR + "/client-certificate.pem", DIR + "/client-key.pem"), admin=True)
    kinds = find_kinds(admin)
    namespaces = ["p1", "p2", "edge-1", "edge-2", "tenant-t1"]
    left_out = make_world(admin, kinds, namespaces)
    mark_existing(admin, kinds)
    people = make_identities(admin)
    before = snapshot(admin, kinds)
    jobs = []
    for identity in people + [admin]:
        jobs.append((path_cells, identity, ["p1/marked", "edge-1/marked"]))
        if not identity.admin:
            jobs.append((impersonation_cells, identity))
        for kind in kinds:
            if "get" not in kind.verbs:
                for namespace in ["p1", "p2", "edge-1"] if kind.namespaced else [""]:
                    jobs.append((write_cells, identity, kind, namespace, "marked", None))
                continue
            for namespace in places_of(identity, namespaces) if kind.namespaced else [""]:
                names = ["marked"]
                if kind.resource == "managedclusters":
                    names = ["edge-1", "edge-2"]
                elif kind.resource == "namespaces":
                    names = ["p1", "p2", "edge-1"]
                elif kind.resource in ("projects", "tenants"):
                    names = ["p1", "p2"] if kind.resource == "projects" else ["t1", "t2"]
                elif kind.group == "events.k8s.io":
                    names = ["marked"]
                for name in names:
                    jobs.append((read_cells, identity, kind, namespace, name))
                    if not identity.admin:
                        status, text = admin.ask("GET", kind.path(namespace, name))
                        jobs.append((write_cells, identity, kind, namespace, name,
                                     json.loads(text) if status == 200 else None))
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        for job in [pool.submit(job[0], *job[1:]) for job in jobs]:
            job.result()
    after = snapshot(admin, kinds)
    for path in sorted(set(before) | set(after)):
        if before.get(path) != after.get(path):
            failures.append(f"{path} was changed: {before.get(path)} is {after.get(path)}")
    for spoke in people:
        if spoke.cluster == "edge-1":
            try_fields(admin, spoke)
    for line in left_out:
        print("not made:", line)
    for line in failures[:400]:
        print("FAILED", line)
    print(f"{counts['cells']} cells, {counts['allowed']} allowed, {len(MARKS)} marks, "
          f"{len(kinds)} kinds, {len(failures)} failed")
    sys.exit(1 if failures or left_out or counts["cells"] < 10000 else 0)


main()
