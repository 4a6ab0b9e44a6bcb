// Turns the TypeScript in www/src into two classic scripts: one for the page and one for its
// worker, which the first carries as text. Classic, because from file:// Chromium starts neither
// a module worker nor any script that stands in a file of its own.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { build, transform } from "esbuild";

import { templates } from "./templates.mjs";

const glue = fileURLToPath(new URL("../pkg/bluepane.js", import.meta.url));
const disasmGlue = fileURLToPath(new URL("../pkg/disasm/bluepane_disasm.js", import.meta.url));
const formatsGlue = fileURLToPath(new URL("../pkg/formats/bluepane_formats.js", import.meta.url));

/**
 * The first line of every script. The policy does not cover WebRTC, which sends packets to
 * whatever address it is given, so its constructors go before anything else runs.
 */
const withoutWebRtc =
  '"use strict";for(const n of Object.getOwnPropertyNames(globalThis))' +
  "if(/^(webkit|moz)?RTC/.test(n)&&!Reflect.deleteProperty(globalThis,n))" +
  "Object.defineProperty(globalThis,n,{value:void 0});";

/** Sheets go into shadow roots as text (adoptedStyleSheets), never as elements; made small first. */
const sheets = {
  name: "bluepane-sheets",
  setup(context) {
    context.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const { code } = await transform(text, { loader: "css", minify: true, charset: "ascii" });
      return { contents: code.trimEnd(), loader: "text" };
    });
  },
};

async function bundle(entry, plugins, overrides = {}) {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: ["chrome111", "firefox115", "safari16.4"],
    banner: { js: withoutWebRtc },
    minify: true,
    // The same bytes whatever character set a host announces, and so the same fingerprint.
    charset: "ascii",
    // Licences of carried libraries stay with the code.
    legalComments: "eof",
    // The glue that wasm-bindgen writes.
    alias: {
      "bluepane-wasm": glue,
      "bluepane-wasm-disasm": disasmGlue,
      "bluepane-wasm-formats": formatsGlue,
    },
    plugins: [sheets, templates, ...plugins],
    logLevel: "warning",
    // The glue of wasm-bindgen names its own address for a case that does not arise here: it is
    // always given the bytes.
    logOverride: { "empty-import-meta": "silent" },
    ...overrides,
  });
  return result.outputFiles[0].text.trimEnd();
}

/** `import text from "bluepane:worker"` in a script: the text that stands under that name. */
function carryText(texts) {
  return {
    name: "bluepane-text",
    setup(context) {
      context.onResolve({ filter: /^bluepane:/ }, ({ path }) => ({
        path: path.slice("bluepane:".length),
        namespace: "bluepane",
      }));
      context.onLoad({ filter: /.*/, namespace: "bluepane" }, ({ path }) => ({
        contents: texts[path],
        loader: "text",
      }));
    },
  };
}

/** @returns {Promise<{worker: string, page: string}>} the two scripts */
export async function bundleScripts({ page, worker }) {
  const workerText = await bundle(worker, []);
  return { worker: workerText, page: await bundle(page, [carryText({ worker: workerText })]) };
}

/** The npm package: a module that carries the worker's script and the WebAssembly as text. */
export async function bundlePackage({ entry, worker, ...parts }) {
  const workerText = await bundle(worker, []);
  // A host page keeps its own WebRTC: only the page and the worker do without.
  const overrides = { format: "esm", banner: {} };
  return bundle(entry, [carryText({ worker: workerText, ...parts })], overrides);
}

/** The page's own style sheet, made small. */
export async function bundleStyle(entry) {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    minify: true,
    charset: "ascii",
    target: ["chrome111", "firefox115", "safari16.4"],
    logLevel: "warning",
  });
  return result.outputFiles[0].text.trimEnd();
}
