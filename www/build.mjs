// Builds www/dist: index.html, one file with everything inside it, and _headers for hosts that
// send headers. The same sources give the same bytes. Run by `make page`.

import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { bundleScripts, bundleStyle } from "./build/bundle.mjs";
import { squeeze } from "./build/gzip.mjs";
import { limits, parts } from "./build/limits.mjs";
import { squeezeMore } from "./build/lzma.mjs";
import { directives, fingerprint, headersFile, policyText } from "./build/policy.mjs";
import { asText } from "./build/text.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const www = join(root, "www");
const dist = join(www, "dist");

/** Text that stands inside <script> or <style>: what the parser sees must be what was hashed. */
function inline(what, text) {
  const wrong = /<\/(?:script|style)|<!--|[\0\r]/i.exec(text);
  if (wrong) {
    throw new Error(
      `${what} holds ${JSON.stringify(wrong[0])}, which would break it out of its element`,
    );
  }
  return text;
}

/** Each part packed, as text, in an element that no browser runs or shows. */
async function carriedParts() {
  const rows = [];
  for (const { id, file, make, gzip, limit, optional } of parts) {
    const path = file && join(root, file);
    if (path && !existsSync(path)) {
      if (optional) continue;
      throw new Error(`${file} is missing: run \`make wasm\` first`);
    }
    const bytes = path ? await readFile(path) : await make(root);
    const packed = gzip ? await squeeze(bytes) : squeezeMore(bytes);
    const element = `<script type="application/octet-stream" id="${id}">${asText(packed)}</script>`;
    rows.push({ id, element, size: packed.length, limit });
  }
  return rows;
}

/**
 * Fills the template. A place that is missing or there twice is a mistake in the template.
 * Nothing else of it is changed: the page compares itself with what was written here.
 */
function fill(template, values) {
  let text = template;
  for (const [name, value] of Object.entries(values)) {
    const place = `%${name}%`;
    const pieces = text.split(place);
    if (pieces.length !== 2) {
      throw new Error(
        `www/index.html must hold ${place} once, and holds it ${pieces.length - 1} times`,
      );
    }
    text = pieces.join(value);
  }
  return text;
}

function report(rows) {
  let over = false;
  for (const { name, size, limit } of rows) {
    const full = limit ? `  of ${limit} (${Math.round((100 * size) / limit)} %)` : "";
    console.log(`${name.padEnd(28)} ${String(size).padStart(9)} bytes${full}`);
    if (limit && size > limit) {
      console.error(
        `error: ${name} is ${size - limit} bytes over its limit (www/build/limits.mjs)`,
      );
      over = true;
    }
  }
  return !over;
}

const [style, scripts, carried, template] = await Promise.all([
  bundleStyle(join(www, "src/page.css")),
  bundleScripts({ page: join(www, "src/main.ts"), worker: join(www, "src/worker/main.ts") }),
  carriedParts(),
  readFile(join(www, "index.html"), "utf8"),
]);

const policy = directives({
  scripts: [fingerprint(inline("the script", scripts.page))],
  styles: [fingerprint(inline("the style sheet", style))],
});

const html = fill(template, {
  CSP: `<meta http-equiv="Content-Security-Policy" content="${policyText(policy)}">`,
  STYLE: style,
  DATA: carried.map(({ element }) => element).join("\n"),
  SCRIPT: scripts.page,
});

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await writeFile(join(dist, "index.html"), html);
await writeFile(join(dist, "_headers"), headersFile(policy));
// GitHub Pages: serve the files as they are.
await writeFile(join(dist, ".nojekyll"), "");
for (const name of ["LICENSE-MIT", "LICENSE-APACHE", "NOTICE"]) {
  await copyFile(join(root, name), join(dist, name));
}

const fits = report([
  ...carried.map(({ id, size, limit }) => ({ name: `${id} (packed)`, size, limit })),
  { name: "script of the page", size: scripts.page.length - scripts.worker.length },
  { name: "script of the worker", size: scripts.worker.length },
  { name: "style sheet", size: style.length },
  {
    name: relative(root, join(dist, "index.html")),
    size: Buffer.byteLength(html),
    limit: limits.page,
  },
]);
process.exit(fits ? 0 : 1);
