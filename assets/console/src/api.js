// SPDX-License-Identifier: Apache-2.0
// Speaks to the hub's API: one list and then one watch for each kind on view.
import { signal } from "@preact/signals";

const KEPT = "axle-token";

export const token = signal(sessionStorage.getItem(KEPT) ?? "");
export const link = signal("connecting"); // connecting | live | lost
export const fault = signal("");

export function logIn(text) {
  sessionStorage.setItem(KEPT, text);
  fault.value = "";
  token.value = text;
}

export function logOut(why = "") {
  sessionStorage.removeItem(KEPT);
  token.value = "";
  fault.value = why;
}

const ask = (path, stop) =>
  fetch(path, { headers: { Authorization: `Bearer ${token.value}`, Accept: "application/json" }, signal: stop });

// Who is not known logs in again; who may not list a kind still sees the others.
class Unknown extends Error {}
class Forbidden extends Error {}

async function checked(answer) {
  if (answer.ok) return answer;
  const status = await answer.json().catch(() => ({}));
  const why = status.message ?? answer.statusText;
  if (answer.status === 401) throw new Unknown(why);
  if (answer.status === 403) throw new Forbidden(why);
  throw new Error(why);
}

// The lines of a stream, as they come.
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield part;
  }
}

const keyOf = (object) => `${object.metadata.namespace ?? ""}/${object.metadata.name}`;

async function followOnce(path, rows, stop) {
  const list = await (await checked(await ask(path, stop))).json();
  rows.value = new Map(list.items.map((object) => [keyOf(object), object]));
  link.value = "live";
  const watch = `${path}?watch=true&allowWatchBookmarks=true&resourceVersion=${list.metadata.resourceVersion}`;
  const answer = await checked(await ask(watch, stop));
  for await (const line of lines(answer.body)) {
    const { type, object } = JSON.parse(line);
    if (type === "ERROR") return;
    if (type === "BOOKMARK") continue;
    const next = new Map(rows.value);
    if (type === "DELETED") next.delete(keyOf(object));
    else next.set(keyOf(object), object);
    rows.value = next;
  }
}

// The project whose ServiceAccount this is; "" for anybody else.
export async function ownProject() {
  const answer = await checked(await fetch("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
    method: "POST",
    headers: { Authorization: `Bearer ${token.value}`, "Content-Type": "application/json" },
    body: JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" }),
  }));
  const name = (await answer.json()).status?.userInfo?.username ?? "";
  return /^system:serviceaccount:([^:]+):/.exec(name)?.[1] ?? "";
}

// Keeps `rows` (a signal of a Map) like the hub's, until stopped; `refusal` (a signal)
// says why they may not be listed.
export function follow(path, rows, refusal) {
  const stop = new AbortController();
  rows.value = new Map();
  refusal.value = "";
  (async () => {
    for (let wait = 250; !stop.signal.aborted; wait = Math.min(wait * 2, 10000)) {
      try {
        await followOnce(path, rows, stop.signal);
        wait = 125;
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error instanceof Unknown) return logOut(error.message);
        if (error instanceof Forbidden) {
          link.value = "live";
          refusal.value = error.message;
          return;
        }
        link.value = "lost";
      }
      await new Promise((done) => setTimeout(done, wait * (0.5 + Math.random())));
    }
  })();
  return () => stop.abort();
}
