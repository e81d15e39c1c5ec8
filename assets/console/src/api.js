// SPDX-License-Identifier: Apache-2.0
// Speaks to the hub's API: one list and then one watch for each kind on view.
import { signal } from "@preact/signals";

const KEPT = "axle-token";
const PATIENCE = 15; // seconds until a request without an answer counts as failed
const PULSE = 10; // seconds between two looks whether the hub is still there
const LONGEST_WAIT = 60;

export const token = signal(sessionStorage.getItem(KEPT) ?? "");
export const fault = signal(""); // why the token was not taken

export function logOut(why = "") {
  sessionStorage.removeItem(KEPT);
  token.value = "";
  fault.value = why;
}

// What went wrong, in words for the person who looks; `status` is HTTP's, 0 without an answer.
class Problem extends Error {
  constructor(message, status = 0, wait = 0, words = "") {
    super(message);
    this.words = words; // the hub's own
    this.status = status;
    this.wait = wait; // seconds that the hub asks to be left alone
  }
}

// Ends with `stop`, or when time is up before the caller says that it is met.
function deadline(stop, seconds) {
  const own = new AbortController();
  const late = () => own.abort(new Problem(`The hub has not answered within ${seconds} seconds.`));
  const timer = setTimeout(late, seconds * 1000);
  const met = () => clearTimeout(timer);
  stop?.addEventListener("abort", () => own.abort(stop.reason), { signal: own.signal });
  if (stop?.aborted) own.abort(stop.reason);
  return { signal: own.signal, met, end: (why) => { met(); own.abort(why); } };
}

const NOT_OURS = "What answers at this address is not the hub: perhaps a proxy or its login page.";

async function refusal(answer) {
  const status = await answer.json().catch(() => null);
  const more = answer.status >= 500 ? ". Its log says more." : "";
  const words = status?.message ? `The hub answers ${answer.status}: ${status.message}${more}`
    : `The answer is ${answer.status}, and not in the hub's words: perhaps a proxy's.`;
  return new Problem(words, status?.message ? answer.status : 0, Number(answer.headers.get("Retry-After")) || 0,
    status?.message ?? "");
}

export const notTaken = (problem) => `This token is not taken: ${problem.words.replace(/`/g, "")}.`;

async function ask(path, limit, as = token.value, more = {}) {
  const headers = { Accept: "application/json", ...more.headers };
  if (as) headers.Authorization = `Bearer ${as}`;
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...more, headers, signal: limit.signal });
  } catch (error) {
    throw limit.signal.aborted ? limit.signal.reason : new Problem("The hub cannot be reached. Does it run, and is this machine connected?");
  }
  if (answer.ok) return answer;
  throw await refusal(answer);
}

async function askJson(path, stop, as, more) {
  const limit = deadline(stop, PATIENCE);
  try {
    return await (await ask(path, limit, as, more)).json();
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (limit.signal.aborted) throw limit.signal.reason;
    throw new Problem(error instanceof SyntaxError ? NOT_OURS : "The hub's answer was cut off.");
  } finally {
    limit.end();
  }
}

// The name of whom a token makes of its bearer.
export async function nameOf(bearer) {
  const review = await askJson("/apis/authentication.k8s.io/v1/selfsubjectreviews", null, bearer, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" }),
  });
  return review.status?.userInfo?.username ?? "";
}

// Takes a token that `nameOf` has found to be good.
export function logIn(bearer) {
  sessionStorage.setItem(KEPT, bearer);
  fault.value = "";
  token.value = bearer;
}

// The project whose ServiceAccount this is; "" for anybody else.
export const ownProject = async () => /^system:serviceaccount:([^:]+):/.exec(await nameOf(token.value))?.[1] ?? "";

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

// A watch says nothing while nothing changes, and nothing either when the hub or the way to
// it is gone. So the hub is looked for meanwhile.
function watchPulse(limit, heard) {
  const look = async () => {
    const one = deadline(limit.signal, PULSE);
    try {
      await (await ask("/livez", one, "")).text();
      heard();
    } catch (error) {
      limit.end(error);
    } finally {
      one.end();
    }
  };
  const timer = setInterval(look, PULSE * 1000);
  limit.signal.addEventListener("abort", () => clearInterval(timer));
}

async function readChanges(answer, rows, heard, show) {
  for await (const line of lines(answer.body)) {
    const { type, object } = JSON.parse(line);
    heard();
    if (type === "ERROR") return;
    if (type === "BOOKMARK") continue;
    rows = new Map(rows);
    if (type === "DELETED") rows.delete(keyOf(object));
    else rows.set(keyOf(object), object);
    show(rows, true);
  }
}

async function followOnce(path, stop, heard, show) {
  const list = await askJson(path, stop);
  if (!Array.isArray(list.items)) throw new Problem(NOT_OURS);
  heard();
  const rows = new Map(list.items.map((object) => [keyOf(object), object]));
  show(rows, false);
  const limit = deadline(stop, PATIENCE);
  try {
    const watch = `${path}?watch=true&allowWatchBookmarks=true&resourceVersion=${list.metadata.resourceVersion}`;
    const answer = await ask(watch, limit);
    limit.met();
    show(rows, true);
    watchPulse(limit, heard);
    await readChanges(answer, rows, heard, show);
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (limit.signal.aborted) throw limit.signal.reason;
    throw new Problem(error instanceof SyntaxError ? NOT_OURS : "The connection to the hub was cut.");
  } finally {
    limit.end();
  }
}

/*
 * What is known of a list. `state` is one of
 *   loading    nothing is known yet
 *   live       rows are the hub's, and follow it
 *   stale      rows are as the hub had them at `heard`; `why` they do not follow
 *   failed     nothing is known; `why`
 *   forbidden  nothing may be known; `why`
 * so that no rows are never taken for an empty list. `again`: when it is tried next.
 */
export const unknown = () => ({ state: "loading", rows: null, why: "", since: Date.now(), heard: 0, again: 0 });

// Keeps `view` (a signal of the above) like the hub's list until stopped.
export function follow(path, view) {
  const stop = new AbortController();
  let wake = () => {};
  const set = (change) => { if (!stop.signal.aborted) view.value = { ...view.value, ...change }; };
  const pause = (seconds) => new Promise((done) => {
    const timer = setTimeout(done, seconds * 1000);
    wake = () => { clearTimeout(timer); done(); };
  });
  const wakeUp = () => wake();
  view.value = { ...unknown(), retry: wakeUp };
  addEventListener("online", wakeUp, { signal: stop.signal });
  (async () => {
    let heard = 0;
    for (let tries = 1; !stop.signal.aborted; tries++) {
      const begun = Date.now();
      let wait = Math.min(0.25 * 2 ** tries, LONGEST_WAIT / 2) * (0.75 + Math.random() / 2);
      try {
        await followOnce(path, stop.signal, () => { heard = Date.now(); },
          // A list that cannot be watched is as good as its moment: it does not end "stale".
          (rows, watched) => set(watched || view.value.state !== "stale"
            ? { state: "live", rows, why: "", heard, again: 0 } : { rows, heard }));
        // A watch has its time and ends; only one that ends at once again and again is a failure.
        if (wait > 2 && Date.now() - begun < LONGEST_WAIT * 1000)
          set({ state: "stale", why: "The hub ends the connection again and again.", heard, again: Date.now() + wait * 1000 });
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error.status === 401) return logOut(notTaken(error));
        const forbidden = error.status === 403 && heard < begun;
        wait = forbidden ? LONGEST_WAIT : Math.min(Math.max(wait, error.wait ?? 0), LONGEST_WAIT);
        const again = Date.now() + wait * 1000;
        if (forbidden) set({ state: "forbidden", rows: null, why: error.words, again });
        else set({ state: view.value.rows ? "stale" : "failed", why: error.message, heard, again });
      }
      if (Date.now() - begun > LONGEST_WAIT * 1000) tries = 0;
      await pause(wait);
    }
  })();
  return () => { stop.abort(); wake(); };
}
