#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""J1 M1 E2 E3 E3b E7 E8 H1 L1: what N spokes cost a hub, with a simulated fleet (tests/fleet).

    ./build.sh bench fleet [ID…] [N…]       10, 100 and 1,000 spokes by default

A world is one hub and one fleet: the spokes join, an application comes to all of them, is
changed, rests; the connections are cut, the hub is killed; then placements and rollouts. R
worlds of each N are made (3; QUICK=1: one), and a row is the median of them.

AXLE, FLEET   the two programs (build/axle, build/axle-fleet)
REST=60       seconds of H1; PLACEMENTS (a tenth of N) that are there at E3; ROLLOUTS=100 of E3b
NETEM='delay 20ms loss 0.1%'   as root: the fleet lives in a network namespace, and both
              ends send like that, so a round trip takes twice the delay
PERF=FOLDER   records the hub with perf in each phase; RESULTS=FILE keeps all values as JSON
"""
import base64, http.client, json, math, os, re, shutil, signal, ssl, statistics, subprocess, sys
import tempfile, threading, time

AXLE = os.environ.get("AXLE", "build/axle")
FLEET = os.environ.get("FLEET", "build/axle-fleet")
RUNS = 1 if os.environ.get("QUICK") else int(os.environ.get("R", "3"))
REST = float(os.environ.get("REST", "60"))
NETEM = os.environ.get("NETEM")
PERF = os.environ.get("PERF")
PATIENCE = float(os.environ.get("PATIENCE", "600"))
STUCK = 60
OF_ONE_PROCESS = int(os.environ.get("OF_ONE_PROCESS", "2500"))  # spokes: each needs up to four descriptors
AXLE_API = "/apis/axle.dev/v1alpha1"
STAGES = ("first", "second", "third")

# id: what is measured, unit, goal at N spokes
ROWS = {
    "J1 cpu": ("join: CPU of the hub, each", "ms", lambda n: "6"),
    "J1 time": ("join: all of them", "s", lambda n: "10" if n == 1000 else ""),
    "M1 base": ("memory of the hub (PSS) before any spoke", "MB", lambda n: "10"),
    "M1 joined": ("memory with N spokes joined", "MB", lambda n: ""),
    "M1": ("memory with N spokes and one workload", "MB", lambda n: "%.0f + window" % (10 + n * .025)),
    "M1 each": ("memory for each spoke beyond the base", "kB", lambda n: "25"),
    "M1 store": ("bytes of the store, with its log of changes", "MB", lambda n: ""),
    "E2 first p99": ("first deployment to N: p99 to reported", "ms", lambda n: ""),
    "E2 first cpu": ("first deployment: CPU of the hub, each", "ms", lambda n: ""),
    "E2 p50": ("one change to N spokes: p50 to reported", "ms", lambda n: ""),
    "E2 p99": ("one change to N spokes: p99 to reported", "ms",
               lambda n: {1000: "150", 10000: "1500"}.get(n, "")),
    "E2 cpu": ("one change: CPU of the hub, each", "ms", lambda n: ""),
    "E2 writes": ("one change: writes to the store, each", "", lambda n: ""),
    "E2 fsyncs": ("one change: fsyncs, all", "", lambda n: ""),
    "H1 bytes": ("at rest: bytes written to the disk", "kB", lambda n: "0"),
    "H1 fsyncs": ("at rest: fsyncs", "", lambda n: "0"),
    "H1 writes": ("at rest: writes to the store", "", lambda n: "0"),
    "H1 cpu": ("at rest: CPU of the hub", "mcore", lambda n: "20"),
    "E8": ("all connections cut: until all N watch again", "s", lambda n: "6" if n >= 9500 else "2"),
    "E8 cpu": ("CPU of the hub for it, each", "ms", lambda n: ""),
    "E8 writes": ("writes to the store for it", "", lambda n: "0"),
    "E8 lists": ("works listed anew, each", "", lambda n: "0"),
    "E8 api": ("API p99 meanwhile", "ms", lambda n: "100"),
    "E7": ("SIGKILL with N connected: ready", "ms", lambda n: "1000"),
    "E7 ready": ("CPU of the hub until it is ready", "ms", lambda n: ""),
    "E7 back": ("until all N watch again", "s", lambda n: ""),
    "E7 cpu": ("CPU of the hub until then, each", "ms", lambda n: ""),
    "E7 writes": ("needless writes after it", "", lambda n: "0"),
    "E3": ("an application to a tenth of N: p50 to reported", "ms", lambda n: ""),
    "E3 p90": ("the same, p90", "ms", lambda n: "100"),
    "E3b": ("rollouts at once in three stages: all reported", "s", lambda n: "10"),
    "E3b cpu": ("CPU of the hub for each report", "ms", lambda n: ""),
}
# exponent: of what (a row), whether it is the sum over N, goal
LAWS = [("join, CPU", "J1 cpu", True, 1.05), ("first deployment, CPU", "E2 first cpu", True, 1.05),
        ("one change, CPU", "E2 cpu", True, 1.05), ("reconnect, CPU", "E8 cpu", True, 1.05),
        ("memory beyond the base", "M1 each", True, 1.05), ("CPU of one report", "E2 cpu", False, 0.1),
        ("CPU of one join", "J1 cpu", False, 0.1), ("SIGKILL to ready, CPU", "E7 ready", False, 0.1)]


def fail(why):
    sys.exit("bench fleet: " + why)


def until(condition, seconds, nap=0.005):
    """Seconds until it is so; None: it was not."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(nap)
    return None


def part(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


# ---- The network ------------------------------------------------------------------


class Network:
    """Loopback, or with NETEM a namespace for the fleet behind a pair of virtual cards."""

    def __init__(self):
        self.hub, self.spoke, self.enter = "127.0.0.1", "127.0.0.1", []
        if NETEM:
            self.make_namespace()

    def make_namespace(self):
        if os.geteuid() != 0:
            fail("NETEM needs root")
        self.name = "axle-fleet-%d" % os.getpid()
        near, far = "axf%dh" % (os.getpid() % 10000), "axf%ds" % (os.getpid() % 10000)
        inside = ["ip", "netns", "exec", self.name]
        commands = [["ip", "netns", "add", self.name],
                    ["ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", self.name],
                    ["ip", "addr", "add", "10.203.77.1/24", "dev", near], ["ip", "link", "set", near, "up"],
                    inside + ["ip", "addr", "add", "10.203.77.2/24", "dev", far],
                    inside + ["ip", "link", "set", far, "up"], inside + ["ip", "link", "set", "lo", "up"],
                    ["tc", "qdisc", "add", "dev", near, "root", "netem"] + NETEM.split(),
                    inside + ["tc", "qdisc", "add", "dev", far, "root", "netem"] + NETEM.split()]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                self.close()
                fail("NETEM: %s: %s (the kernel needs its module sch_netem)" % (" ".join(command), done.stderr.strip()))
        self.hub, self.spoke, self.enter = "10.203.77.1", "10.203.77.2", inside

    def close(self):
        if NETEM:
            subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


# ---- The hub ----------------------------------------------------------------------


class Hub:
    def __init__(self, network):
        self.folder = tempfile.mkdtemp(prefix="axle-bench-fleet-")
        self.listen = network.hub + ":0"
        self.log = open(self.folder + "/log", "ab")
        self.context, self.local = None, threading.local()
        self.start()

    def start(self):
        self.process = subprocess.Popen([AXLE, "--mode=hub", "--data-dir", self.folder, "--listen", self.listen,
                                         "--log-level", "warn"], stdout=self.log, stderr=self.log)
        if until(self.is_ready, PATIENCE, 0.002) is None:
            fail("the hub is not ready: " + open(self.folder + "/log").read()[-500:])

    def read_kubeconfig(self):
        text = open(self.folder + "/hub/admin.kubeconfig").read()
        self.url = re.search(r'server: "?(https://[^"\s]+)', text)[1]
        self.listen = self.url[len("https://"):]
        files = {}
        for word in ("certificate-authority", "client-certificate", "client-key"):
            files[word] = "%s/%s.pem" % (self.folder, word)
            with open(files[word], "wb") as file:
                file.write(base64.b64decode(re.search(word + r'-data: "?([^"\s]+)', text)[1]))
        self.context = ssl.create_default_context(cafile=files["certificate-authority"])
        self.context.load_cert_chain(files["client-certificate"], files["client-key"])

    def is_ready(self):
        if self.process.poll() is not None:
            fail("the hub ended: " + open(self.folder + "/log").read()[-500:])
        if not os.path.exists(self.folder + "/hub/admin.kubeconfig"):
            return False
        try:
            if not self.context:
                self.read_kubeconfig()
            return self.request("GET", "/readyz")[0] == 200
        except (OSError, TypeError, http.client.HTTPException):
            return False

    def request(self, method, path, body=None, kind="application/json"):
        """Status and body; each thread has a connection, which is opened anew once it has failed."""
        if getattr(self.local, "line", None) is None:
            host, port = self.listen.rsplit(":", 1)
            self.local.line = http.client.HTTPSConnection(host, int(port), context=self.context, timeout=60)
        try:
            self.local.line.request(method, path, json.dumps(body) if body is not None else None,
                                    {"Content-Type": kind})
            answer = self.local.line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.local.line.close()
            self.local.line = None
            raise

    def get(self, path):
        status, body = self.request("GET", path)
        return json.loads(body) if status == 200 else None

    def make(self, path, body):
        for _ in range(500):
            status, answer = self.request("POST", path, body)
            if status in (201, 409):
                return
            time.sleep(0.02)  # the namespace of a Project comes a moment after it
        fail("POST %s: %s" % (path, answer.decode()[:300]))

    def patch(self, path, body):
        status, answer = self.request("PATCH", path, body, "application/merge-patch+json")
        if status != 200:
            fail("PATCH %s: %d %s" % (path, status, answer.decode()[:300]))

    def metric(self, name):
        found = re.search(r"^%s (\S+)$" % name, self.request("GET", "/metrics")[1].decode(), re.M)
        return float(found[1]) if found else float("nan")

    def cpu(self):
        """In ms, to the microsecond: of all its threads."""
        total = 0
        for task in os.listdir("/proc/%d/task" % self.process.pid):
            total += int(open("/proc/%d/task/%s/schedstat" % (self.process.pid, task)).read().split()[0])
        return total / 1e6

    def pss(self):
        """In MB."""
        return int(re.search(r"^Pss:\s+(\d+)", open("/proc/%d/smaps_rollup" % self.process.pid).read(), re.M)[1]) / 1024

    def written(self):
        """In kB: what it has sent towards the disk."""
        return int(re.search(r"^write_bytes: (\d+)", open("/proc/%d/io" % self.process.pid).read(), re.M)[1]) / 1024

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Recording:
    """With PERF: the hub under perf while a phase runs."""

    def __init__(self, hub, name):
        self.process = None
        if PERF:
            os.makedirs(PERF, exist_ok=True)
            self.process = subprocess.Popen(["perf", "record", "-q", "-F", "499", "-g", "-p", str(hub.process.pid), "-o",
                                             "%s/%s.data" % (PERF, name)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()


# ---- The fleet --------------------------------------------------------------------


class Fleet:
    """One or more processes of axle-fleet, and what they have told."""

    def __init__(self, hub, network, n, tokens):
        self.n, self.lock = n, threading.Lock()
        self.joined, self.watching, self.trouble = {}, {}, {}
        self.reported = {}   # (spoke, work): the newest generation that is available
        self.news = {}       # (spoke, work): when a newer one came since forget_news()
        self.answers, self.prepared, self.losses = [], 0, 0
        self.processes = []
        for first in range(1, n + 1, OF_ONE_PROCESS):
            count = min(OF_ONE_PROCESS, n + 1 - first)
            self.processes.append(subprocess.Popen(
                network.enter + [FLEET, "--hub", hub.url, "--token-file", tokens, "--first", str(first), "--count", str(count),
                                 "--at-once", str(max(1, 16 * count // n)), "--address", network.spoke, "--wait"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for process in self.processes:
            threading.Thread(target=self.read_lines, args=(process,), daemon=True).start()
        if until(lambda: self.prepared == n, PATIENCE) is None:
            fail("the fleet is not prepared")

    def read_lines(self, process):
        for line in process.stdout:
            event = json.loads(line)
            with self.lock:
                getattr(self, "on_" + event["event"], lambda event: None)(event)

    def on_prepared(self, event):
        self.prepared += event["count"]

    def on_joined(self, event):
        self.joined[event["spoke"]] = event["at"]

    def on_watching(self, event):
        self.watching[event["spoke"]] = event["at"]

    def on_lost(self, event):
        self.watching.pop(event["spoke"], None)
        self.losses += 1
        self.trouble[event["why"]] = self.trouble.get(event["why"], 0) + 1

    def on_failed(self, event):
        self.trouble[event["why"]] = self.trouble.get(event["why"], 0) + 1

    def on_reported(self, event):
        key = event["spoke"], event["work"]
        if event["available"] and event["generation"] > self.reported.get(key, 0):
            self.reported[key] = event["generation"]
            self.news.setdefault(key, event["at"])

    def on_status(self, event):
        self.answers.append(event)

    def tell(self, word):
        for process in self.processes:
            process.stdin.write(word + "\n")
            process.stdin.flush()

    def status(self):
        """The sums over all processes."""
        self.answers = []
        self.tell("status")
        if until(lambda: len(self.answers) == len(self.processes), 60) is None:
            fail("the fleet does not answer")
        return {key: sum(answer[key] for answer in self.answers) for key in self.answers[0] if key not in ("event", "at")}

    def all_watch(self):
        return len(self.watching) == self.n

    def await_losses(self, before):
        """Until each has lost its connection once more."""
        if until(lambda: self.losses >= before + self.n, 60) is None:
            fail("%d of %d have noticed that they are cut off" % (self.losses - before, self.n))

    def await_all(self):
        """Seconds until all watch; None: for a minute no more of them did."""
        began, last = time.monotonic(), (0, 0.0)
        while not self.all_watch():
            if len(self.watching) != last[0]:
                last = len(self.watching), time.monotonic()
            if time.monotonic() - max(last[1], began) > STUCK:
                return None
            time.sleep(0.005)
        return time.monotonic() - began

    def explain(self):
        return ", ".join("%d times %s" % (count, why) for why, count in sorted(self.trouble.items())[:3])

    def forget_news(self):
        """Now, in ns: what is measured from here on begins."""
        with self.lock:
            self.news = {}
        return time.monotonic_ns()

    def close(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# ---- A world ----------------------------------------------------------------------


def project_objects():
    profile = {"type": "Application", "variables": [{"name": "v", "type": "string", "default": "one"}],
               "components": [{"name": "beat", "type": "worker",
                               "properties": {"command": ["sleep", "98765"], "env": [{"name": "V", "value": "{{ .var.v }}"}]}}]}
    inside = AXLE_API + "/namespaces/sky/"
    return [(AXLE_API + "/tenants", "Tenant", "orbit", {}),
            (AXLE_API + "/projects", "Project", "sky", {"tenant": "orbit"}),
            (inside + "computepools", "ComputePool", "farm", {"variant": "Shared"}),
            (inside + "workloadprofiles", "WorkloadProfile", "beat", profile),
            (inside + "profilebundles", "ProfileBundle", "beat", {"type": "Application", "workloadProfileRefs": [{"name": "beat"}]})]


def environment(label, value, more=None):
    placement = {"predicates": [{"requiredClusterSelector": {"labelSelector": {"matchLabels": {label: value}}}}]}
    properties = {"placement": placement}
    if more:
        placement["decisionStrategy"] = {"groupStrategy": {"decisionGroups": [
            {"groupName": stage, "groupClusterSelector": {"labelSelector": {"matchLabels": {"stage": stage}}}} for stage in STAGES]}}
        properties["manifestWorkReplicaSet"] = {"rolloutStrategy": more}
    return {"topology": {"type": "topology-ocm", "properties": properties}}


class World:
    def __init__(self, network, n, run):
        self.network, self.n, self.run, self.values = network, n, run, {}
        self.hub = Hub(network)
        self.made = 0

    def set(self, name, value):
        if value is not None and not math.isnan(value):
            self.values[name] = value

    def record(self, phase):
        return Recording(self.hub, "%d-%s" % (self.n, phase)) if self.run == 0 else Recording(self.hub, phase + "-again")

    def workload(self, name, v, where):
        return {"apiVersion": "axle.dev/v1alpha1", "kind": "AIWorkload", "metadata": {"name": name},
                "spec": {"profileBundleRef": {"name": "beat"}, "variables": {"v": v}, **where}}

    def apply(self, name, where):
        self.hub.make(AXLE_API + "/namespaces/sky/aiworkloads", self.workload(name, "v0", where))

    def change(self, name):
        self.made += 1
        self.hub.patch(AXLE_API + "/namespaces/sky/aiworkloads/" + name, {"spec": {"variables": {"v": "v%d" % self.made}}})

    def await_reports(self, count, began):
        """ms from forget_news() to each of `count` newer reports."""
        news = self.fleet.news
        if until(lambda: len(news) >= count, PATIENCE) is None:
            print("  %d of %d reports came in %.0f s" % (len(news), count, PATIENCE))
            return []
        return [(at - began) / 1e6 for at in list(news.values())]

    def make_tokens(self):
        """A file with one for all of them."""
        path = self.hub.folder + "/tokens"
        token = subprocess.run([AXLE, "token", "create", "--data-dir", self.hub.folder, "--pool", "sky/farm", "--output", "token",
                                "--uses", str(self.n), "--ttl", "24h"], capture_output=True, text=True)
        if token.returncode:
            fail("token create: " + token.stderr)
        with open(path, "w") as file:
            file.write(token.stdout)
        return path

    # The phases, in their order; each names the rows that it gives.

    def join(self):
        hub, n = self.hub, self.n
        for path, kind, name, spec in project_objects():
            hub.make(path, {"apiVersion": "axle.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
        self.fleet = Fleet(hub, self.network, n, self.make_tokens())
        self.set("M1 base", hub.pss())
        cpu, began = hub.cpu(), time.monotonic_ns()
        with self.record("join"):
            self.fleet.tell("join")
            if self.fleet.await_all() is None:
                fail("%d of %d have joined; %s" % (len(self.fleet.watching), n, self.fleet.explain()))
        self.set("J1 time", (max(self.fleet.watching.values()) - began) / 1e9)
        self.settle()
        self.set("J1 cpu", (hub.cpu() - cpu) / n)
        self.set("M1 joined", hub.pss())

    def settle(self):
        """Until nothing more is written, for a second."""
        last = [None, time.monotonic()]
        def is_quiet():
            revision = self.hub.metric("axle_store_revision")
            if revision != last[0]:
                last[:] = [revision, time.monotonic()]
            return time.monotonic() - last[1] > 1
        until(is_quiet, 60, 0.1)

    def first(self):
        cpu = self.hub.cpu()
        with self.record("first"):
            began = self.fleet.forget_news()
            self.apply("beat", {"computePoolRef": {"name": "farm"}})
            took = self.await_reports(self.n, began)
        self.settle()
        self.set("E2 first p99", part(took, 0.99))
        self.set("E2 first cpu", (self.hub.cpu() - cpu) / self.n)
        self.set("M1", self.hub.pss())
        self.set("M1 store", self.hub.metric("axle_store_bytes") / 1e6)
        self.set("fleet", self.fleet.status()["pss_kb"] / self.n)
        self.set("M1 each", (self.values["M1"] - self.values["M1 base"]) / self.n * 1024)

    def changes(self):
        rows = {name: [] for name in ("E2 p50", "E2 p99", "E2 cpu", "E2 writes", "E2 fsyncs")}
        for turn in range(3):
            cpu = self.hub.cpu()
            revision, fsyncs = self.hub.metric("axle_store_revision"), self.hub.metric("axle_store_fsyncs_total")
            with self.record("change") if turn == 1 else open(os.devnull):
                began = self.fleet.forget_news()
                self.change("beat")
                took = self.await_reports(self.n, began)
            self.settle()
            rows["E2 p50"].append(part(took, 0.5))
            rows["E2 p99"].append(part(took, 0.99))
            rows["E2 cpu"].append((self.hub.cpu() - cpu) / self.n)
            rows["E2 writes"].append((self.hub.metric("axle_store_revision") - revision) / self.n)
            rows["E2 fsyncs"].append(self.hub.metric("axle_store_fsyncs_total") - fsyncs)
        for name, values in rows.items():
            self.set(name, statistics.median(values))

    def rest(self):
        """Begins when nothing has reached the disk for ten seconds: checkpoints follow changes."""
        hub, last = self.hub, [None, 0]
        def is_calm():
            if hub.metric("axle_store_fsyncs_total") != last[0]:
                last[:] = hub.metric("axle_store_fsyncs_total"), time.monotonic()
            return time.monotonic() - last[1] > 10
        until(is_calm, 120, 0.5)
        written, cpu, began = hub.written(), hub.cpu(), time.monotonic()
        revision, fsyncs = hub.metric("axle_store_revision"), hub.metric("axle_store_fsyncs_total")
        time.sleep(REST)
        self.set("H1 bytes", hub.written() - written)
        self.set("H1 fsyncs", hub.metric("axle_store_fsyncs_total") - fsyncs)
        self.set("H1 writes", hub.metric("axle_store_revision") - revision)
        self.set("H1 cpu", (hub.cpu() - cpu) / (time.monotonic() - began))

    def probe(self, took, stop):
        while not stop.is_set():
            began = time.monotonic()
            try:
                self.hub.request("GET", AXLE_API + "/namespaces/sky/aiworkloads/beat")
            except (OSError, http.client.HTTPException):
                pass
            took.append((time.monotonic() - began) * 1000)
            stop.wait(0.02)

    def reconnect(self):
        lists = self.fleet.status()["lists"]
        revision = self.hub.metric("axle_store_revision")
        took, stop = [], threading.Event()
        prober = threading.Thread(target=self.probe, args=(took, stop))
        prober.start()
        cpu, began = self.hub.cpu(), time.monotonic_ns()
        with self.record("reconnect"):
            losses = self.fleet.losses
            self.fleet.tell("drop")
            self.fleet.await_losses(losses)
            back = self.fleet.await_all()
        stop.set()
        prober.join()
        if back is None:
            fail("%d of %d watch again; %s" % (len(self.fleet.watching), self.n, self.fleet.explain()))
        self.set("E8", (max(self.fleet.watching.values()) - began) / 1e9)
        self.settle()
        self.set("E8 cpu", (self.hub.cpu() - cpu) / self.n)
        self.set("E8 writes", self.hub.metric("axle_store_revision") - revision)
        self.set("E8 lists", (self.fleet.status()["lists"] - lists) / self.n)
        self.set("E8 api", part(took, 0.99))

    def killed(self):
        self.settle()
        revision = self.hub.metric("axle_store_revision")
        losses, began = self.fleet.losses, time.monotonic_ns()
        self.hub.kill()
        self.hub.local.line = None
        self.hub.start()
        self.set("E7", (time.monotonic_ns() - began) / 1e6)
        self.set("E7 ready", self.hub.cpu())
        self.fleet.await_losses(losses)
        if self.fleet.await_all() is None:
            fail("%d of %d came back; %s" % (len(self.fleet.watching), self.n, self.fleet.explain()))
        self.set("E7 back", (max(self.fleet.watching.values()) - began) / 1e9)
        self.settle()
        self.set("E7 cpu", self.hub.cpu() / self.n)
        self.set("E7 writes", self.hub.metric("axle_store_revision") - revision)

    def label_spokes(self):
        """All are in one of ten parts, and a tenth of them (3 to 100) are chosen, in three stages."""
        spokes = sorted(self.fleet.joined)
        count = min(len(spokes), 100, max(3, len(spokes) // 10))
        self.chosen, self.tenths = spokes[::len(spokes) // count][:count], [0] * 10
        for i, spoke in enumerate(spokes):
            labels = {"tenth": str(i % 10)}
            self.tenths[i % 10] += 1
            if spoke in self.chosen:
                share = self.chosen.index(spoke) / count
                labels.update({"chosen": "yes", "stage": STAGES[(share >= 0.2) + (share >= 0.5)]})
            self.label(spoke, labels)
        inside = AXLE_API + "/namespaces/sky/environments"
        wanted = {"some": environment("chosen", "yes"), "waves": environment("chosen", "yes", {
            "type": "ProgressivePerGroup", "progressivePerGroup": {"progressDeadline": "10m", "maxFailures": 0}})}
        wanted.update({"tenth%d" % i: environment("tenth", str(i)) for i in range(10)})
        for name, spec in wanted.items():
            self.hub.make(inside, {"apiVersion": "axle.dev/v1alpha1", "kind": "Environment", "metadata": {"name": name}, "spec": spec})
        self.settle()

    def label(self, spoke, labels):
        self.hub.patch("/apis/cluster.open-cluster-management.io/v1/managedclusters/" + spoke, {"metadata": {"labels": labels}})

    def placements(self):
        """KubeFleet's test: a tenth of the members is chosen while other placements are there."""
        self.label_spokes()
        there = int(os.environ.get("PLACEMENTS", max(1, self.n // 10)))
        began = self.fleet.forget_news()
        for i in range(there):
            self.apply("there-%d" % i, {"environmentRef": {"name": "tenth%d" % (i % 10)}})
        self.await_reports(sum(self.tenths[i % 10] for i in range(there)), began)
        self.settle()
        took = []
        for i in range(10):
            began = self.fleet.forget_news()
            self.apply("chosen-%d" % i, {"environmentRef": {"name": "some"}})
            took.append(part(self.await_reports(len(self.chosen), began), 1))
        self.set("E3", part(took, 0.5))
        self.set("E3 p90", part(took, 0.9))

    def rollouts(self):
        count = int(os.environ.get("ROLLOUTS", "100"))
        began = self.fleet.forget_news()
        for i in range(count):
            self.apply("wave-%d" % i, {"environmentRef": {"name": "waves"}})
        self.await_reports(count * len(self.chosen), began)
        self.settle()
        cpu = self.hub.cpu()
        with self.record("rollouts"):
            began = self.fleet.forget_news()
            for i in range(count):
                self.change("wave-%d" % i)
            took = self.await_reports(count * len(self.chosen), began)
        self.set("E3b", part(took, 1) / 1000)
        self.set("E3b cpu", (self.hub.cpu() - cpu) / (count * len(self.chosen)))

    def close(self):
        if hasattr(self, "fleet"):
            self.fleet.close()
        self.hub.close()


# A phase, and what its rows begin with. Joining and the first deployment come before all others.
PHASES = [("join", "J1"), ("first", "M1"), ("changes", "E2"), ("rest", "H1"), ("reconnect", "E8"), ("killed", "E7"),
          ("placements", "E3"), ("rollouts", "E3b")]


def wanted_phases(ids):
    for name, row in PHASES:
        if (not ids or row in ids or name in ("join", "first") or "L1" in ids and row in ("E2", "E8", "E7") or
                name == "placements" and "E3b" in ids):
            yield name


def run_world(network, n, run, ids):
    world = World(network, n, run)
    try:
        for name in wanted_phases(ids):
            getattr(world, name)()
    finally:
        world.close()
    return world.values


# ---- The table --------------------------------------------------------------------


def load():
    return open("/proc/loadavg").read().split()[0]


def print_rows(n, all_values, loads, ids):
    print("%-5s %-12s %-50s %12s  %-16s %s" % ("N", "row", "what", "median of %d" % len(all_values), "goal", "load of the machine"))
    for row, (what, unit, goal) in ROWS.items():
        values = [values[row] for values in all_values if row in values]
        if values and (not ids or row.split()[0] in ids):
            wanted = goal(n)
            print("%-5d %-12s %-50s %12s  %-16s %s" % (n, row, what, "%.4g %s" % (statistics.median(values), unit),
                                                       wanted + " " + unit if wanted else "", loads))
    kept = [values["fleet"] for values in all_values if "fleet" in values]
    if kept:
        print("%-5d %-12s %-50s %12s" % (n, "", "one spoke in axle-fleet", "%.0f kB" % statistics.median(kept)))
    sys.stdout.flush()


def slope(points):
    """Of the logarithms, by least squares: the exponent a of N^a."""
    logs = [(math.log(n), math.log(value)) for n, value in points]
    x, y = statistics.mean(p[0] for p in logs), statistics.mean(p[1] for p in logs)
    return sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, b in logs)


def print_laws(table):
    print("%-30s %9s %9s %6s  %s" % ("L1 exponent of", "measured", "last two", "goal", "points (N: value)"))
    for what, row, is_sum, goal in LAWS:
        points = [(n, statistics.median(values[row] for values in runs if row in values) * (n if is_sum else 1))
                  for n, runs in table.items() if any(values.get(row, 0) > 0 for values in runs)]
        if len(points) > 1:
            print("%-30s %9.2f %9.2f %6s  %s" % (what, slope(points), slope(points[-2:]), goal,
                                                 "  ".join("%d: %.4g" % point for point in points)))


def main():
    sizes = [int(word) for word in sys.argv[1:] if word.isdigit()] or [10, 100, 1000]
    ids = [word.replace("e3B", "E3b").replace("E3B", "E3b") for word in sys.argv[1:] if not word.isdigit()]
    known = {row for _, row in PHASES} | {"L1"}
    if not set(ids) <= known:
        fail("%s: not one of %s" % (" ".join(set(ids) - known), " ".join(sorted(known))))
    table, network = {}, Network()
    try:
        for n in sizes:
            before = load()
            table[n] = [run_world(network, n, run, ids) for run in range(RUNS)]
            print_rows(n, table[n], "%s to %s" % (before, load()), ids)
            if os.environ.get("RESULTS"):
                with open(os.environ["RESULTS"], "w") as file:
                    json.dump(table, file, indent=1)
        if len(sizes) > 1 and (not ids or "L1" in ids):
            print_laws(table)
    finally:
        network.close()


main()
