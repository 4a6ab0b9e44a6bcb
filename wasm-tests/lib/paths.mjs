// Where things are: the built page, real dumps, a scratch folder.

import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The built page; BLUEPANE_PAGE names another, for example one that was downloaded. */
export const page = resolve(process.env.BLUEPANE_PAGE ?? join(root, "www/dist/index.html"));
export const pageUrl = pathToFileURL(page).href;

const corpus = process.env.BLUEPANE_CORPUS ?? join(dirname(root), "shared/corpus");

/** A real dump, or null where the corpus is not at hand. */
export function realDump(name) {
  const path = join(corpus, name);
  return existsSync(path) ? path : null;
}

/** A new empty folder that the operating system clears away some day. */
export const scratch = (name) => mkdtemp(join(tmpdir(), `bluepane-${name}-`));
