// SPDX-License-Identifier: Apache-2.0
// Uses the console as a person does, in Debian's chromium: a wrong token is
// refused in words, the right one shows spokes and workloads, and a change on
// the hub appears by itself.
//
//   node console.mjs SERVER TOKEN PICTURE|-  reads commands, one a line, on
//   standard input ("see TEXT", "gone TEXT", "text TEXT", "project NAME",
//   "press BUTTON", "picture", "end"), answers "ok".
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.env.BROWSER_MODULES + "/");
const { chromium } = require("playwright-core");
const [server, token, picture] = process.argv.slice(2);
const PATIENCE = 60000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
});
const page = await browser.newPage({ ignoreHTTPSErrors: true, viewport: { width: 1000, height: 420 } });
page.setDefaultTimeout(PATIENCE);
page.setDefaultNavigationTimeout(PATIENCE);
const faults = [];
page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));

async function logIn(with_) {
  await page.getByLabel("Token").fill(with_);
  await page.getByRole("button", { name: "Log in" }).click();
}

await page.goto(`${server}/console/`);
await logIn("nonsense");
await page.getByRole("alert").filter({ hasText: "This is no token" }).waitFor();
// What the hub says of tokens that look like one: WRONG is lines of TOKEN WORDS.
for (const line of (process.env.WRONG ?? "").split("\n").filter(Boolean)) {
  const [wrong, ...words] = line.split(" ");
  await logIn(wrong);
  await page.getByRole("alert").filter({ hasText: words.join(" ") }).waitFor();
}
await logIn(token);
await page.getByRole("heading", { name: /^Spokes/ }).waitFor();
await page.getByRole("heading", { name: /^Workloads/ }).waitFor();
console.log("ok");

const row = (text) => page.getByRole("row").filter({ hasText: new RegExp(text) }).first();
const verbs = {
  see: (text) => row(text).waitFor(),
  gone: (text) => row(text).waitFor({ state: "detached" }),
  text: (text) => page.getByText(new RegExp(text)).first().waitFor(),
  press: (name) => page.getByRole("button", { name }).click(),
  project: async (name) => {
    await page.getByLabel("Project").fill(name);
    await page.getByRole("button", { name: "Show" }).click();
  },
  picture: () => page.screenshot({ path: picture }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...words] = line.split(" ");
  if (verb === "end") break;
  await verbs[verb](words.join(" "));
  console.log("ok");
}
await browser.close();
if (faults.length) {
  console.error(faults.join("\n"));
}
process.exit(faults.length ? 1 : 0); // standard input may still be open
