// Gzip that takes its time: Zopfli writes what every gzip reads, and the page becomes 5 % smaller.

import { createRequire } from "node:module";

// Its entry for bundlers cannot be loaded by Node.
const { gzipAsync } = createRequire(import.meta.url)("@gfx/zopfli");

/** More rounds cost seconds and gain a few bytes. */
const ROUNDS = 5;

/** `bytes` as gzip; the same bytes give the same result. */
export async function squeeze(bytes) {
  return Buffer.from(await gzipAsync(bytes, { numiterations: ROUNDS }));
}
