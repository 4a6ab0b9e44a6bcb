// Makes a report of each file with the first part of the analyzer alone, outside of a browser. A
// program of its own: where the second part is needed, the error comes from within an asynchronous
// call and ends the process.
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

let current = "";
process.on("uncaughtException", (error) => {
  console.error(`${current}: ${error.message}`);
  process.exit(1);
});
for (current of process.argv.slice(2)) {
  const bytes = await readFile(current);
  const read = async (offset, length) => new Uint8Array(bytes.subarray(offset, offset + length));
  const analyzer = new Analyzer("a.dmp", bytes.length);
  await analyzer.run(read, () => {});
  analyzer.free();
}
console.log(`${process.argv.length - 2} reports`);
