// SPDX-License-Identifier: Apache-2.0
// The console in Debian's chromium before a hub that answers as it is told to: 500, 403, 429,
// nothing, half an answer, a proxy's page. What is not known is never shown as "none".
//
//   node states.mjs CONSOLE [PICTURE]   CONSOLE: the folder of the built console
//
// Prints one line for each sentence; ends with 1 if one of them is not true.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.env.BROWSER_MODULES + "/");
const { chromium } = require("playwright-core");
const [folder, picture] = process.argv.slice(2);
const ADMIN = `axle1.${"a".repeat(64)}.boss.secret`;
const JOIN = `axle1.${"a".repeat(64)}.join.secret`;
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css" };

// ---- The hub

const spoke = (name) => ({ metadata: { name, creationTimestamp: "2026-01-01T00:00:00Z" }, spec: { hubAcceptsClient: true },
  status: { conditions: [{ type: "ManagedClusterConditionAvailable", status: "True" }] } });
let answers; // of "list", "watch", "review", "livez", "script": a name of `ways`
let spokes; // what lists hold
const open = new Set(); // answers that have not ended

const say = (response, status, message, more = {}) => response.writeHead(status, { "Content-Type": "application/json", ...more })
  .end(JSON.stringify({ kind: "Status", code: status, message }));
const ways = {
  500: (response) => say(response, 500, "the disk is full"),
  401: (response) => say(response, 401, "the administrator's token expired at 2026-01-01T00:00:00Z: make a new one with `axle token create --admin`"),
  403: (response) => say(response, 403, 'managedclusters is forbidden: User "bob" cannot list resource "managedclusters"'),
  429: (response) => say(response, 429, "too many requests", { "Retry-After": "7" }),
  hang: () => {},
  cut: (response) => { response.writeHead(200, { "Content-Length": "1000" }).write('{"items": ['); setTimeout(() => response.destroy(), 20); },
  gone: (response) => response.destroy(),
  page: (response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<h1>Please log in</h1>"),
  502: (response) => response.writeHead(502, { "Content-Type": "text/html" }).end("<h1>Bad Gateway</h1>"),
  list: (response) => response.writeHead(200, { "Content-Type": "application/json" })
    .end(JSON.stringify({ metadata: { resourceVersion: "7" }, items: spokes })),
  empty: (response) => response.writeHead(200, { "Content-Type": "application/json" })
    .end(JSON.stringify({ metadata: { resourceVersion: "7" }, items: [] })),
  watch: (response) => { response.writeHead(200).flushHeaders(); open.add(response); },
  ok: (response) => response.writeHead(200).end("ok"),
  review: (response, request) => {
    const join = request.headers.authorization === `Bearer ${JOIN}`;
    response.writeHead(201, { "Content-Type": "application/json" })
      .end(JSON.stringify({ status: { userInfo: { username: join ? "system:bootstrap:join" : "system:admin:boss" } } }));
  },
};
let lists = 0; // how many lists of spokes were asked for
let asked = []; // Authorization of each review
function answer(request, response) {
  const path = request.url;
  if (path.startsWith("/console")) {
    const name = path === "/console/" ? "index.html" : path.slice("/console/".length);
    if (name === "console.js" && answers.script) return ways[answers.script](response);
    return response.writeHead(200, { "Content-Type": TYPES[name.split(".").pop()] }).end(readFileSync(`${folder}/${name}`));
  }
  if (path === "/livez") return ways[answers.livez ?? "ok"](response);
  if (path.includes("selfsubjectreviews")) {
    asked.push(request.headers.authorization);
    return ways[answers.review ?? "review"](response, request);
  }
  if (path.includes("watch=true")) return ways[answers.watch ?? "watch"](response);
  if (path.includes("aiworkloads")) return ways[answers.workloads ?? "empty"](response);
  lists++;
  return ways[answers.list ?? "list"](response);
}
const server = createServer(answer).listen(0, "127.0.0.1");
await new Promise((done) => server.once("listening", done));
const address = `http://127.0.0.1:${server.address().port}/console/`;

// ---- The browser

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
});
let failed = 0, page;
async function check(sentence, what) {
  try {
    await what();
    console.log(`ok - ${sentence}`);
  } catch (error) {
    failed++;
    console.log(`not ok - ${sentence}\n# ${error.message.split("\n").slice(0, 6).join("\n# ")}`);
    console.log(`# the page: ${(await page.textContent("body").catch(() => "")).slice(0, 600)}`);
  }
}
const must = (true_, why) => { if (!true_) throw new Error(why); };
const focused = () => page.locator("#token:focus").waitFor();
const see = (pattern) => page.getByText(pattern).first().waitFor();
const never = async (pattern) => must(!pattern.test(await page.textContent("body")), `it says ${pattern}`);
const summary = (pattern) => page.getByRole("heading", { name: pattern }).waitFor();

// visit WORLD [TOKEN]: a fresh page before a hub that answers so; logged in if there is a token.
async function visit(world, bearer = ADMIN, more = {}) {
  await page?.context().close();
  open.clear();
  answers = world;
  spokes = [spoke("edge-1")];
  const context = await browser.newContext({ viewport: { width: 1000, height: 420 }, ...more });
  page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("pageerror", (error) => { failed++; console.log(`not ok - uncaught: ${error.message}`); });
  await page.clock.install();
  if (bearer) await page.addInitScript((text) => sessionStorage.setItem("axle-token", text), bearer);
  await page.goto(address, { waitUntil: "commit" });
}
const empty = /none|No machine has joined|No workload|Nobody has asked/;

// ---- What is not known is not nothing

for (const [way, words] of [
  ["500", /Not known: The hub answers 500: the disk is full/],
  ["429", /Not known: The hub answers 429: too many requests/],
  ["cut", /Not known: The hub's answer was cut off/],
  ["gone", /Not known: The hub cannot be reached/],
  ["page", /Not known: What answers at this address is not the hub/],
  ["502", /Not known: The answer is 502, and not in the hub's words/],
]) {
  await visit({ list: way, workloads: way });
  await check(`${way}: the reason stands there`, () => see(words));
  await check(`${way}: nothing is called empty`, () => never(empty));
  await check(`${way}: the header does not say live`, () => see(/✗ no answer/));
  await check(`${way}: the next try is told`, () => see(/Next try in \d+ s|Trying again/));
}
await check("back-off: what was not there comes by itself", async () => {
  await visit({ list: "500" });
  await see(/Next try/);
  answers = {};
  await page.clock.runFor(60000);
  await see("edge-1");
});
await check("Retry-After is kept to", async () => {
  lists = 0;
  await visit({ list: "429" });
  await see(/Next try in [67] s/);
  await page.clock.runFor(4000);
  must(lists === 1, `it has asked ${lists} times before its time`);
});
await check("Try now tries now", async () => {
  await visit({ list: "429" });
  await see(/Next try/);
  answers = {};
  await page.getByRole("button", { name: "Try now" }).click();
  await see("edge-1");
});
await visit({ list: "hang", workloads: "hang" });
await check("hang: it says that it asks", () => see("Asking the hub…"));
await check("hang: and nothing of emptiness", () => never(empty));
await check("hang: after a while that there is no answer yet", async () => { await page.clock.runFor(5000); await see("The hub has not answered yet."); });
await check("hang: in the end it is a failure", async () => { await page.clock.runFor(15000); await see(/Not known: The hub has not answered within 15 seconds/); });

await visit({ list: "403" });
await check("403: the missing right is named", () => see(/cannot list resource "managedclusters"/));
await check("403: and that is no emptiness", async () => { await summary(/^Spokes\s*not shown/); });
await check("403: the other list is shown", () => see(/Nobody has asked for a workload/));
await check("403: a right that is given is seen", async () => { answers = {}; await page.clock.runFor(61000); await see("edge-1"); });
await check("403 of a proxy is not the hub's", async () => {
  ways["403proxy"] = (response) => response.writeHead(403).end("no");
  await visit({ list: "403proxy" });
  await see(/Not known: The answer is 403/);
});

await visit({ list: "empty" });
await check("empty: it says so, and what to do", async () => { await see(/No machine has joined/); await see("axle token create"); await summary(/^Spokes\s*none/); });

// ---- What was known and is so no more

async function lose(world) {
  await visit({});
  await see("edge-1");
  await see(/✓ live/);
  answers = world;
  for (const one of open) one.destroy();
}
await lose({ list: "gone", workloads: "gone", livez: "gone" });
await check("cut: the rows stay, with their time", async () => { await see(/As it was at .*, and may have changed since: The hub cannot be reached/); await see("edge-1"); });
await check("cut: how old the numbers are", async () => { await page.clock.runFor(30000); await see(/1 of 1 well, \d+ s ago/); });
await check("cut: the header says it", () => see(/✗ not up to date/));
if (picture) await page.screenshot({ path: picture });
await check("cut: it comes back by itself", async () => { answers = {}; spokes = [spoke("edge-2")]; await page.clock.runFor(60000); await see("edge-2"); await see(/✓ live/); });
await check("a hub that falls silent is noticed", async () => {
  await visit({});
  await see(/✓ live/);
  await page.getByText("edge-1").waitFor();
  answers = { livez: "hang", list: "hang", workloads: "hang" };
  await page.clock.runFor(11000);
  await page.clock.runFor(11000);
  await see(/As it was at .*: The hub has not answered within 10 seconds/);
});
await check("a watch that fails keeps the rows, and does not say live", async () => {
  await visit({ watch: "500" });
  await see("edge-1");
  await see(/✗ not up to date/);
  await see(/The hub answers 500/);
});
await check("a token that ends leads to the log-in, with the reason", async () => {
  await lose({ list: "401", workloads: "401" });
  await page.clock.runFor(5000);
  await see(/administrator's token expired at 2026-01-01/);
  await focused();
});

// ---- Logging in

async function tryToken(text) {
  await page.getByLabel("Token").fill("");
  await page.getByLabel("Token").fill(text);
  await page.keyboard.press("Enter");
}
async function refused(text, words) {
  await tryToken(text);
  await page.getByRole("alert").filter({ hasText: words }).waitFor();
  await focused();
}
await visit({}, "");
await check("the field has the focus", focused);
await check("a script that has come is not called missing", async () => {
  must(await page.getByText(/script has not come/).count() === 0, "the words are still there");
});
for (const [name, text, words] of [
  ["nonsense", "nonsense", /This is no token. An administrator's begins with axle1/],
  ["a join token", JOIN, /This is a join token: machines use it/],
  ["a join command", `AXLE_TOKEN=${JOIN} axle --mode=spoke --join=https://h:6443`, /This is the command with which a machine joins/],
  ["half a token", `axle1.${"a".repeat(64)}`, /This token is cut off/],
  ["letters that no header takes", "axle1.ключ", /cut off/],
  ["a kubeconfig", "apiVersion: v1", /This is a kubeconfig/],
]) await check(`${name} is told from the right one`, () => refused(text, words));
for (const [way, words] of [
  ["401", /This token is not taken: the administrator's token expired/], ["500", /the disk is full.*try again/], ["429", /try again in 7 seconds/],
  ["gone", /cannot be reached.*The token was not looked at/], ["page", /not the hub/],
]) await check(`log-in and ${way}`, async () => { answers = { review: way }; await refused(ADMIN, words); });
await check("log-in and a hub that hangs", async () => {
  answers = { review: "hang" };
  await tryToken(ADMIN);
  await see("Asking the hub…");
  await page.clock.runFor(16000);
  await page.getByRole("alert").filter({ hasText: /has not answered within 15 seconds/ }).waitFor();
});
await check("white space around and in a pasted token is dropped", async () => {
  answers = {};
  asked = [];
  await tryToken(`  Bearer ${ADMIN.slice(0, 20)} ${ADMIN.slice(20)} \t`);
  await see("edge-1");
  must(asked[0] === `Bearer ${ADMIN}`, `it asks as ${asked[0]}`);
});

// ---- Before the script

await check("without JavaScript there is a sentence, and one only", async () => {
  await visit({}, "", { javaScriptEnabled: false });
  await see(/The console needs JavaScript/);
  await page.waitForLoadState("load"); // with the style sheet
  const display = await page.getByText(/script has not come/).evaluate((one) => getComputedStyle(one).display);
  must(display === "none", "it says that the script is late, too");
});
await check("a script that does not come is told", async () => {
  await visit({ script: "gone" }, "");
  await page.getByText(/script has not come yet/).waitFor({ state: "visible" });
});

await browser.close();
server.close();
process.exit(failed ? 1 : 0);
