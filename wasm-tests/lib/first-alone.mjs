// Makes a report of each file with the first part of the analyzer alone, outside of a browser, and
// prints a line for each: `report`, or the error, and its path. A program of its own: where the second
// part is needed, the error comes from within an asynchronous call and is nobody's.
// Usage: node wasm-tests/lib/first-alone.mjs DUMP...

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { carriedPart } from "./dumps.mjs";
import { page, root } from "./paths.mjs";

const { Analyzer, initSync, install_knowledge } = await import(join(root, "www/pkg/bluepane.js"));
const html = await readFile(page, "utf8");
const tables = ["bluepane-knowledge", "bluepane-layouts"].map((id) => carriedPart(html, id));
initSync({ module: carriedPart(html, "bluepane-wasm") });
install_knowledge(Buffer.concat(tables));

let lacked = () => {};
process.on("uncaughtException", (error) => lacked(error));
for (const path of process.argv.slice(2)) {
  const bytes = await readFile(path);
  const read = async (offset, length) => new Uint8Array(bytes.subarray(offset, offset + length));
  const analyzer = new Analyzer("a.dmp", bytes.length);
  // The error ends what runs, and its promise is never kept.
  const ended = new Promise((resolve) => (lacked = resolve));
  const error = await Promise.race([analyzer.run(read, () => {}).then(() => null), ended]);
  console.log(`${error ? error.message : "report"}\t${path}`);
}
