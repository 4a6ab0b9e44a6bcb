// LZMA, which remembers what stands megabytes back where gzip forgets after 32 KiB: what the page
// carries becomes 10 to 50 % smaller. `www/src/lzma.ts` opens it.

import { createRequire } from "node:module";

// A script for workers that is a CommonJS module for Node.
const { LZMA } = createRequire(import.meta.url)("lzma/src/lzma_worker.js");

/** Above this the best mode would take minutes. */
const LARGE = 4 << 20;

/** `bytes` as a `.lzma` file; the same bytes give the same result. */
export function squeezeMore(bytes) {
  return Buffer.from(LZMA.compress(bytes, bytes.length > LARGE ? 3 : 9));
}
