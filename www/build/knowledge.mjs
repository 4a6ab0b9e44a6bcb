// The knowledge tables as one text, in the form that crate/core/src/knowledge/store.rs reads: before
// each table U+0001, its path below crate/core/data, and a newline.

import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";

export async function packKnowledge(root) {
  const data = join(root, "crate/core/data");
  const entries = await readdir(data, { recursive: true });
  const paths = entries
    .filter((path) => path.endsWith(".txt"))
    .map((path) => path.split(sep).join("/"));
  const texts = paths
    .sort()
    .map(async (path) => `\u0001${path}\n${await readFile(join(data, path), "utf8")}`);
  return Buffer.from((await Promise.all(texts)).join(""));
}
