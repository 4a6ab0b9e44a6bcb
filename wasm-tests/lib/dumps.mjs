// Files to open: the page's own forged sample, damaged forms of it, files that are no dump, and
// real dumps where they are at hand.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { transform } from "esbuild";

import { fromText } from "../../www/build/text.mjs";
import { page, realDump, root, scratch } from "./paths.mjs";

/** The page's own reader of LZMA. */
const { code } = await transform(await readFile(join(root, "www/src/lzma.ts")), { loader: "ts" });
export const { unpackLzma } = await import(`data:text/javascript;base64,${btoa(code)}`);

/** One of the parts that the page carries: packed, as text in an element of its own. */
export function carriedPart(html, id) {
  const found = new RegExp(`<script type="application/octet-stream" id="${id}">([^<]*)<`).exec(
    html,
  );
  if (!found) return null;
  const packed = fromText(found[1]);
  return packed[0] === 0x1f ? gunzipSync(packed) : Buffer.from(unpackLzma(packed));
}

/** What is true of the sample, by its scenario (scripts/sample names it). */
export const sampleFacts = {
  code: "0x0000007A",
  name: "KERNEL_DATA_INPAGE_ERROR",
  secrets: ["FORGE-VM", "storvsc.sys", "vmgencounter", "E5-2660"],
};

/** Writes all of them into a scratch folder and gives their paths. */
export async function dumps() {
  const folder = await scratch("dumps");
  const html = await readFile(page, "utf8");
  const sample = carriedPart(html, "bluepane-sample");
  if (!sample) throw new Error("the page carries no sample: make page");
  const files = {
    sample,
    cut: sample.subarray(0, 0x1800),
    headerOnly: sample.subarray(0, 0x400),
    zeros: Buffer.alloc(0x20000),
    empty: Buffer.alloc(0),
    diary: Buffer.from("Dear diary, today the server stopped again.\n".repeat(40)),
  };
  const paths = { folder };
  for (const [name, bytes] of Object.entries(files)) {
    paths[name] = join(folder, `${name}.dmp`);
    await writeFile(paths[name], bytes);
  }
  return paths;
}

/** A real minidump and what its header says, or null without the corpus. */
export function realMinidump() {
  const path = realDump("triage/w11-26100-x64-65.dmp");
  return path && { path, code: "0x00000065", name: "MEMORY1_INITIALIZATION_FAILED" };
}
