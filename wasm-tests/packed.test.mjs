// The parts that the page carries come out of it as they were put in.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { parts } from "../www/build/limits.mjs";
import { squeezeMore } from "../www/build/lzma.mjs";
import { carriedPart, unpackLzma } from "./lib/dumps.mjs";
import { page, root } from "./lib/paths.mjs";

/** Numbers that look like chance and are the same every time. */
function* numbers(seed) {
  for (let n = seed; ;) yield (n = (Math.imul(n, 1103515245) + 12345) >>> 0) >>> 8;
}

test("what was packed comes back, whether it repeats or not, near or far", () => {
  const random = numbers(7);
  const noise = (size) => Buffer.from({ length: size }, () => random.next().value);
  const far = noise(70_000);
  const samples = [
    noise(1),
    noise(5_000),
    Buffer.alloc(30_000),
    Buffer.from("a page of the page file, ".repeat(900)),
    Buffer.concat([far, Buffer.alloc(100_000, "abcdefg"), far, far.subarray(3, 400)]),
    Buffer.from({ length: 40_000 }, (_, i) => (i % 4 ? i >> 6 : random.next().value)),
  ];
  for (const bytes of samples) {
    assert.ok(bytes.equals(unpackLzma(squeezeMore(bytes))), `${bytes.length} bytes`);
  }
});

test("a part that was cut or changed is refused or comes out in its length, and never hangs", () => {
  const bytes = Buffer.from("what usually stands in front of a word is not written. ".repeat(50));
  const packed = squeezeMore(bytes);
  const open = (part) => {
    try {
      return unpackLzma(part).length;
    } catch (error) {
      assert.match(error.message, /damaged/);
      return bytes.length;
    }
  };
  for (let at = 13; at < packed.length; at++) {
    const changed = Buffer.from(packed);
    changed[at] ^= 0x55;
    assert.equal(open(changed), bytes.length);
    assert.equal(open(packed.subarray(0, at)), bytes.length);
  }
});

test("every part of the page is what its source is", async () => {
  const html = await readFile(page, "utf8");
  for (const { id, file, make, optional } of parts) {
    const carried = carriedPart(html, id);
    if (optional && !carried) continue;
    const source = file ? await readFile(join(root, file)) : await make(root);
    assert.ok(source.equals(carried), id);
  }
});
