// Builds npm/dist: one module with everything inside it, and its types. Needs www/pkg.

import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { bundlePackage } from "../www/build/bundle.mjs";
import { squeeze } from "../www/build/gzip.mjs";
import { packKnowledge, packLayouts } from "../www/build/knowledge.mjs";
import { squeezeMore } from "../www/build/lzma.mjs";
import { asText } from "../www/build/text.mjs";

const npm = dirname(fileURLToPath(import.meta.url));
const root = dirname(npm);
const dist = join(npm, "dist");

const wasm = await readFile(join(root, "www/pkg/bluepane_bg.wasm"));
const later = await readFile(join(root, "www/pkg/bluepane_later.wasm"));
const formats = await readFile(join(root, "www/pkg/formats/bluepane_formats_bg.wasm"));
const disasm = await readFile(join(root, "www/pkg/disasm/bluepane_disasm_bg.wasm"));
const packed = (bytes) => asText(squeezeMore(bytes));
const text = await bundlePackage({
  entry: join(npm, "src/index.ts"),
  worker: join(root, "www/src/worker/main.ts"),
  wasm: asText(await squeeze(wasm)),
  later: packed(later),
  formats: packed(formats),
  disasm: packed(disasm),
  knowledge: packed(Buffer.concat([await packKnowledge(root), await packLayouts(root)])),
});

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await writeFile(join(dist, "index.js"), `${text}\n`);
execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", npm], { stdio: "inherit" });
console.log(`npm/dist/index.js            ${text.length} bytes`);
