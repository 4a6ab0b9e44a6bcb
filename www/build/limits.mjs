// What the built page may weigh, in bytes. The build fails above these figures: a page that is
// carried on a stick and opened in a machine room has to stay small.

import { packKnowledge, packLayouts } from "./knowledge.mjs";

export const limits = {
  /** `index.html` as a whole. */
  page: 1_500_000,
};

/**
 * The parts that index.html carries packed, as text, each in an inert element of its own,
 * opened only when it is needed. `limit` is for the packed bytes. What every report waits for is
 * gzip, which browsers open fast and by themselves; the rest is LZMA.
 * A part is a `file` or what `make` gives. An `optional` part that has not been made is left out
 * of the page.
 */
export const parts = [
  { id: "bluepane-wasm", file: "www/pkg/bluepane_bg.wasm", gzip: true, limit: 400_000 },
  // What no report needs: the console, the renderings, the search over the tables, and their texts.
  { id: "bluepane-later", file: "www/pkg/bluepane_later.wasm", limit: 180_000 },
  { id: "bluepane-knowledge", make: packKnowledge, limit: 150_000 },
  { id: "bluepane-layouts", make: packLayouts, limit: 60_000 },
  // Reads symbol files, when one is dropped.
  { id: "bluepane-formats", file: "www/pkg/formats/bluepane_formats_bg.wasm", limit: 120_000 },
  // Tells instructions, when code is looked at.
  { id: "bluepane-disasm", file: "www/pkg/disasm/bluepane_disasm_bg.wasm", limit: 120_000 },
  { id: "bluepane-sample", file: "www/parts/sample.dmp", limit: 150_000, optional: true },
];
