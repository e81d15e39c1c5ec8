// SPDX-License-Identifier: Apache-2.0
// The console: log in, then see spokes and workloads, worst first.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { computed, signal } from "@preact/signals";
import { follow, logOut, ownProject, token, unknown } from "./api.js";
import { LogIn } from "./login.jsx";

const CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
const AXLE = "/apis/axle.dev/v1alpha1";

const clusters = signal(unknown());
const workloads = signal(unknown());
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

const worstFirst = (view, phaseOf) =>
  [...(view.rows ?? new Map()).values()].map((one) => ({ one, phase: phaseOf(one) })).sort((a, b) =>
    RANK[lookOf(a.phase)[1]] - RANK[lookOf(b.phase)[1]] ||
    a.one.metadata.name.localeCompare(b.one.metadata.name));

const clusterRows = computed(() => worstFirst(clusters.value, clusterPhase));
const workloadRows = computed(() => worstFirst(workloads.value, (one) => one.status?.phase ?? "Pending"));

// "4 s", "3 min": how long until or since a moment.
function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
const clock = (moment) => new Date(moment).toLocaleTimeString();

// Why a list is not as it should be, and when it is tried again. The reason is announced
// once; the seconds that pass are not part of it.
function Trouble({ view, children }) {
  return (
    <div class={`note ${view.state}`}>
      <span role="status">{children}</span>
      <span class="again">
        {view.again > now.value ? `Next try in ${span(view.again - now.value)}.` : "Trying again…"}
        <button type="button" onClick={view.retry}>Try now</button>
      </span>
    </div>
  );
}

const SLOW = 3000;

function Body({ view, heads, rows, empty, forbidden, children }) {
  switch (view.state) {
  case "loading":
    return <div class="empty" role="status">{now.value - view.since > SLOW ? "The hub has not answered yet." : "Asking the hub…"}</div>;
  case "failed":
    return <Trouble view={view}>Not known: {view.why}</Trouble>;
  case "forbidden":
    return <Trouble view={view}>{forbidden}</Trouble>;
  }
  return (
    <>
      {view.state === "stale" &&
        <Trouble view={view}>As it was at {clock(view.heard)}, and may have changed since: {view.why}</Trouble>}
      {rows.length === 0 ? <div class="empty">{empty}</div> :
        <table>
          <thead><tr>{heads.map((head) => <th scope="col" key={head}>{head}</th>)}</tr></thead>
          <tbody>{children}</tbody>
        </table>}
    </>
  );
}

// What stands beside the title: never a number that is not known.
function summary(view, rows) {
  const good = rows.filter((row) => lookOf(row.phase)[1] === "good").length;
  const counted = rows.length ? `${good} of ${rows.length} well` : "none";
  return {
    loading: "loading", failed: "not known", forbidden: "not shown", live: counted,
    stale: `${counted}, ${span(now.value - view.heard)} ago`,
  }[view.state];
}

function Table({ title, after, ...body }) {
  return (
    <section aria-label={title} aria-busy={body.view.state === "loading"}>
      <h2>{title}<span>{summary(body.view, body.rows)}</span></h2>
      <Body {...body} />
      {after}
    </section>
  );
}

function Spokes() {
  const rows = clusterRows.value, view = clusters.value;
  return (
    <Table title="Spokes" heads={["Name", "State", "Cores", "Memory", "Agent", "Age"]} view={view} rows={rows}
      forbidden={<>Spokes are shown to those who may list them. {view.why}. An administrator gives that right with
        a ClusterRoleBinding.</>}
      empty={<>No machine has joined. On the hub, <code>axle token create</code> prints the command for the first one.</>}>
      {rows.map(({ one: cluster, phase }) => {
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
  const rows = workloadRows.value, view = workloads.value, place = project.value;
  return (
    <Table title="Workloads" heads={["Project", "Name", "State", "Spokes", "Endpoint", "Why", "Age"]} view={view} rows={rows}
      forbidden={place ? <>{view.why}. An admin of the project {place} can make you a viewer of it.</>
        : "You may not list the workloads of all projects. Name one that you are a member of."}
      after={view.state === "forbidden" && <ChooseProject />}
      empty={place ? <>The project {place} has no workload, or there is no project of that name.
        Apply one: <code>kubectl apply -n {place} -f FILE</code></>
        : <>Nobody has asked for a workload. Apply one: <code>kubectl apply -n PROJECT -f FILE</code></>}>
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

// One word for the page: the worst of its lists.
const LINKS = [["stale", "✗ not up to date", "bad"], ["failed", "✗ no answer", "bad"], ["loading", "… connecting", "busy"]];
const link = computed(() => {
  const states = [clusters.value.state, workloads.value.state];
  return LINKS.find(([state]) => states.includes(state)) ?? ["live", "✓ live", "good"];
});

function Overview() {
  useEffect(() => {
    const stop = follow(CLUSTERS, clusters);
    const clock = setInterval(() => { now.value = Date.now(); }, 1000);
    return () => { stop(); clearInterval(clock); };
  }, []);
  useEffect(() => follow(project.value
    ? `${AXLE}/namespaces/${encodeURIComponent(project.value)}/aiworkloads`
    : `${AXLE}/aiworkloads`, workloads), [project.value]);
  // A ServiceAccount's own project is the first guess, and no second one.
  useEffect(() => {
    if (workloads.value.state === "forbidden" && !project.value && guessed !== token.value) {
      guessed = token.value;
      ownProject().then((name) => { if (name && !project.value) choose(name); }, () => {});
    }
  }, [workloads.value.state]);
  const [, word, tone] = link.value;
  return (
    <>
      <header>
        <h1>Axle</h1>
        <span class={`state ${tone}`} role="status">{word}</span>
        {project.value && <button type="button" title="Show all projects" onClick={() => choose("")}>Project {project.value} ✕</button>}
        <span class="space" />
        <button type="button" onClick={() => logOut()}>Log out</button>
      </header>
      <main><Spokes /><Workloads /></main>
    </>
  );
}

const App = () => (token.value ? <Overview /> : <LogIn />);

const root = document.getElementById("root");
root.replaceChildren(); // what stands there says that this script has not come
render(<App />, root);
