// SPDX-License-Identifier: Apache-2.0
// Bundles the console into dist/: one page, one script, one style sheet.
import { build } from "esbuild";
import { cpSync, mkdirSync } from "node:fs";

mkdirSync("dist", { recursive: true });
await build({
  entryPoints: { console: "src/main.jsx" },
  bundle: true,
  minify: true,
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  outdir: "dist",
});
cpSync("index.html", "dist/index.html");
cpSync("style.css", "dist/style.css");
