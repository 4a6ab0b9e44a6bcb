// The parts that the page carries besides its script: each a data block of its own in the page,
// gzip or LZMA as text (www/build/text.mjs), unpacked when it is needed. The worker's script stands
// inside the page's own, where the policy's hash covers it.
import workerText from "bluepane:worker";

import { unpackLzma } from "./lzma";

/** Where the element gets its parts from: the page's data blocks, or the package's modules. */
export interface Assets {
  /** Source text of the worker script. */
  worker: string;
  /** Bytes of the WebAssembly module. */
  wasm(): Promise<Uint8Array>;
  /** Bytes of its second part: the console, the renderings, the search over the tables. */
  later(): Promise<Uint8Array>;
  /** The tables: what is known of stop codes and the like, and the layouts of kernels. */
  knowledge(): Promise<Uint8Array>;
  /** Bytes of the module that reads symbol files. */
  formats(): Promise<Uint8Array>;
  /** Bytes of the module that reads machine code. */
  disasm(): Promise<Uint8Array>;
  /** The sample dump, or null where none is carried. */
  sample(): Promise<Uint8Array | null>;
  hasSample(): boolean;
}

/** Printable characters that the text of a part is without. */
const LEFT_OUT = " &<\\";
const BASE = 91;

/** The bytes of a text: two characters hold 13 bits, or 14 where those are few. */
function fromText(text: string): Uint8Array<ArrayBuffer> {
  const values = new Uint8Array(0x80);
  let next = 0;
  for (let code = 0x20; code < 0x7f; code++) {
    if (!LEFT_OUT.includes(String.fromCharCode(code))) values[code] = next++;
  }
  const value = (at: number): number => values[text.charCodeAt(at)] ?? 0;
  const bytes = new Uint8Array(text.length);
  let [held, bits, size] = [0, 0, 0];
  const give = (): void => {
    bytes[size++] = held;
    held >>= 8;
    bits -= 8;
  };
  for (let at = 0; at + 1 < text.length; at += 2) {
    const both = value(at) + BASE * value(at + 1);
    held |= both << bits;
    bits += (both & 0x1fff) > BASE * BASE - 0x2001 ? 13 : 14;
    while (bits > 7) give();
  }
  if (text.length % 2 === 1) {
    held |= value(text.length - 1) << bits;
    give();
  }
  return bytes.subarray(0, size);
}

/** What gzip begins with, and LZMA never does. */
const GZIP = 0x1f;

/** Unpacks a part: gzip or LZMA as text. */
export async function unpack(text: string): Promise<Uint8Array> {
  const packed = fromText(text.trim());
  if (packed[0] !== GZIP) return unpackLzma(packed);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function block(id: string): string | null {
  const text = document.getElementById(id)?.textContent;
  return text ? text : null;
}

async function need(id: string): Promise<Uint8Array> {
  const text = block(id);
  if (text === null) throw new Error(`this copy of the page is damaged: it lacks its part "${id}"`);
  return unpack(text);
}

/** Blocks of tables, one behind the other, are one block. */
function joined(blocks: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(blocks.reduce((size, block) => size + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    all.set(block, at);
    at += block.length;
  }
  return all;
}

export const pageAssets: Assets = {
  worker: workerText,
  wasm: () => need("bluepane-wasm"),
  later: () => need("bluepane-later"),
  knowledge: async () =>
    joined(await Promise.all(["bluepane-knowledge", "bluepane-layouts"].map(need))),
  formats: () => need("bluepane-formats"),
  disasm: () => need("bluepane-disasm"),
  sample: async () => (block("bluepane-sample") === null ? null : need("bluepane-sample")),
  hasSample: () => block("bluepane-sample") !== null,
};
