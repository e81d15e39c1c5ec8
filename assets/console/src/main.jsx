// SPDX-License-Identifier: Apache-2.0
// The console: log in, then see spokes and workloads, worst first.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { computed, signal } from "@preact/signals";
import { fault, follow, link, logIn, logOut, ownProject, token } from "./api.js";

const CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
const AXLE = "/apis/axle.dev/v1alpha1";

const clusters = signal(new Map());
const clustersRefusal = signal("");
const workloads = signal(new Map());
const workloadsRefusal = signal("");
// "" is every project. It stands in the address: #project=NAME.
const fromAddress = () => new URLSearchParams(location.hash.slice(1)).get("project") ?? "";
const project = signal(fromAddress());
addEventListener("hashchange", () => { project.value = fromAddress(); });
let guessed = "";
const choose = (name) => { location.hash = name ? `project=${encodeURIComponent(name)}` : ""; };
const now = signal(Date.now());

// How a phase is shown: state never by colour alone.
const LOOKS = {
  Running: ["✓", "good"], Completed: ["✓", "good"], Available: ["✓", "good"],
  Failed: ["✗", "bad"], Degraded: ["✗", "bad"], Unavailable: ["✗", "bad"], Refused: ["✗", "bad"],
  Unknown: ["?", "quiet"], Pending: ["…", "busy"],
};
const RANK = { bad: 0, quiet: 1, busy: 2, good: 3 };
const lookOf = (phase) => LOOKS[phase] ?? ["…", "busy"];

function State({ phase }) {
  const [mark, tone] = lookOf(phase);
  return <span class={`state ${tone}`}><span aria-hidden="true">{mark}</span> {phase}</span>;
}

const UNITS = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
function Age({ of }) {
  const seconds = Math.max(0, (now.value - Date.parse(of)) / 1000);
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [1, "s"];
  return <time dateTime={of} title={new Date(of).toLocaleString()}>{Math.floor(seconds / size)}{unit}</time>;
}

// A quantity of bytes as a person reads it: 24682496Ki is 23.5 GiB.
const POWERS = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
function bytes(quantity) {
  const [, number, suffix] = /^(\d+)([KMGTP]i)?$/.exec(quantity ?? "") ?? [];
  if (!number) return quantity ?? "–";
  let [value, power] = [Number(number), POWERS.indexOf(suffix ?? "")];
  for (; value >= 1024 && power + 1 < POWERS.length; power++) value /= 1024;
  return `${value.toFixed(value < 10 && power ? 1 : 0)} ${POWERS[power]}B`;
}

const condition = (object, type) => object.status?.conditions?.find((one) => one.type === type);

function clusterPhase(cluster) {
  if (!cluster.spec?.hubAcceptsClient) return "Pending";
  const available = condition(cluster, "ManagedClusterConditionAvailable")?.status;
  return { True: "Available", False: "Unavailable" }[available] ?? "Unknown";
}

const worstFirst = (objects, phaseOf) =>
  [...objects.values()].sort((a, b) =>
    RANK[lookOf(phaseOf(a))[1]] - RANK[lookOf(phaseOf(b))[1]] ||
    a.metadata.name.localeCompare(b.metadata.name));

const clusterRows = computed(() => worstFirst(clusters.value, clusterPhase));
const workloadPhase = (one) => one.status?.phase ?? "Pending";
const workloadRows = computed(() => worstFirst(workloads.value, workloadPhase));

function Table({ title, heads, rows, empty, refusal, children }) {
  if (refusal) {
    return (
      <section aria-label={title}>
        <h2>{title}<span>not shown</span></h2>
        <div class="empty" role="note">{refusal}</div>
        {children}
      </section>
    );
  }
  const good = rows.filter((row) => lookOf(row.phase)[1] === "good").length;
  return (
    <section aria-label={title}>
      <h2>{title}<span>{rows.length ? `${good} of ${rows.length} well` : "none yet"}</span></h2>
      {rows.length === 0 ? <div class="empty">{empty}</div> :
        <table>
          <thead><tr>{heads.map((head) => <th scope="col" key={head}>{head}</th>)}</tr></thead>
          <tbody>{children}</tbody>
        </table>}
    </section>
  );
}

function Spokes() {
  const rows = clusterRows.value.map((cluster) => ({ cluster, phase: clusterPhase(cluster) }));
  return (
    <Table title="Spokes" heads={["Name", "State", "Cores", "Memory", "Agent", "Age"]} rows={rows}
      refusal={clustersRefusal.value && `Spokes are shown to those who may list them. ${clustersRefusal.value}`}
      empty={<>On the hub, <code>axle token create</code> prints the command for the first machine.</>}>
      {rows.map(({ cluster, phase }) => {
        const claims = Object.fromEntries((cluster.status?.clusterClaims ?? []).map((c) => [c.name, c.value]));
        return (
          <tr key={cluster.metadata.name}>
            <td>{cluster.metadata.name}</td>
            <td><State phase={phase} /></td>
            <td>{cluster.status?.capacity?.cpu ?? "–"}</td>
            <td>{bytes(cluster.status?.capacity?.memory)}</td>
            <td>{claims["agent.axle.dev"] ?? "–"}</td>
            <td><Age of={cluster.metadata.creationTimestamp} /></td>
          </tr>
        );
      })}
    </Table>
  );
}

function Endpoint({ endpoint }) {
  if (!endpoint) return <span class="quiet">–</span>;
  return /^https?:\/\//.test(endpoint.url) ? <a href={endpoint.url} rel="noopener noreferrer">{endpoint.url}</a>
    : <span>{endpoint.address}:{endpoint.port}</span>;
}

// Rights of one project are not rights to list all: so which one?
function ChooseProject() {
  const submit = (event) => {
    event.preventDefault();
    choose(event.target.elements.project.value.trim());
  };
  return (
    <form class="choose" onSubmit={submit}>
      <label for="project">Project</label>
      <input id="project" name="project" autocomplete="off" required defaultValue={project.value} />
      <button type="submit">Show</button>
    </form>
  );
}

function Workloads() {
  if (workloadsRefusal.value) {
    return <Table title="Workloads" refusal={project.value ? workloadsRefusal.value
      : "You may not list the workloads of all projects. Name one that you are a member of."}><ChooseProject /></Table>;
  }
  const rows = workloadRows.value.map((one) => ({ one, phase: workloadPhase(one) }));
  return (
    <Table title="Workloads" heads={["Project", "Name", "State", "Spokes", "Endpoint", "Why", "Age"]} rows={rows}
      empty={<>Apply an <code>AIWorkload</code> with kubectl and it appears here.</>}>
      {rows.map(({ one, phase }) => (
        <tr key={`${one.metadata.namespace}/${one.metadata.name}`}>
          <td>{one.metadata.namespace}</td>
          <td>{one.metadata.name}</td>
          <td><State phase={phase} /></td>
          <td>{one.status?.readySpokes ?? 0} of {one.status?.totalSpokes ?? 0}</td>
          <td><Endpoint endpoint={one.status?.endpoints?.[0]} /></td>
          <td class="why">{one.status?.message ?? ""}</td>
          <td><Age of={one.metadata.creationTimestamp} /></td>
        </tr>
      ))}
    </Table>
  );
}

const LINKS = { live: ["✓ live", "good"], connecting: ["… connecting", "busy"], lost: ["✗ reconnecting", "bad"] };

function Overview() {
  useEffect(() => {
    const stop = follow(CLUSTERS, clusters, clustersRefusal);
    const clock = setInterval(() => { now.value = Date.now(); }, 1000);
    return () => { stop(); clearInterval(clock); };
  }, []);
  useEffect(() => follow(project.value
    ? `${AXLE}/namespaces/${encodeURIComponent(project.value)}/aiworkloads`
    : `${AXLE}/aiworkloads`, workloads, workloadsRefusal), [project.value]);
  // A ServiceAccount's own project is the first guess, and no second one.
  useEffect(() => {
    if (workloadsRefusal.value && !project.value && guessed !== token.value) {
      guessed = token.value;
      ownProject().then((name) => { if (name && !project.value) choose(name); }, () => {});
    }
  }, [workloadsRefusal.value]);
  const [word, tone] = LINKS[link.value];
  return (
    <>
      <header>
        <h1>Axle</h1>
        <span class={`state ${tone}`} role="status">{word}</span>
        {project.value && <button type="button" onClick={() => choose("")}>Project {project.value} ✕</button>}
        <span class="space" />
        <button type="button" onClick={() => logOut()}>Log out</button>
      </header>
      <main><Spokes /><Workloads /></main>
    </>
  );
}

function LogIn() {
  const submit = (event) => {
    event.preventDefault();
    logIn(event.target.elements.token.value.trim());
  };
  return (
    <form class="login" onSubmit={submit}>
      <h1>Axle</h1>
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="off" required autofocus
        aria-describedby={fault.value ? "fault" : "hint"} />
      {fault.value && <p class="fault" id="fault" role="alert">{fault.value}</p>}
      <p class="quiet" id="hint">On the hub, <code>axle token create --admin</code> prints it.</p>
      <button class="main" type="submit">Log in</button>
    </form>
  );
}

const App = () => (token.value ? <Overview /> : <LogIn />);

render(<App />, document.getElementById("root"));
