// The worker by itself, with an analyzer that only reads: what it makes of reads that fail.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { runInNewContext } from "node:vm";
import { build } from "esbuild";
import { root } from "./lib/paths.mjs";

const MIB = 1 << 20;

/** Answers in place of the compiled modules: an analyzer whose `run` is `globalThis.analysis`. */
const stand = `
  export class Analyzer { run(read) { return globalThis.analysis(read); } }
  export const initSync = () => ({}), install_knowledge = () => {}, look_up = () => [];
  export const disassemble = () => {}, convert = () => {};`;

const bundle = await build({
  entryPoints: [join(root, "www/src/worker/main.ts")],
  bundle: true,
  write: false,
  plugins: [
    {
      name: "stand-in",
      setup(build) {
        build.onResolve({ filter: /^bluepane-wasm/ }, ({ path }) => ({ path, namespace: "stand" }));
        build.onLoad({ filter: /.*/, namespace: "stand" }, () => ({ contents: stand }));
      },
    },
  ],
});

/** The worker's own channel, which would keep this program running. */
const ports = [];
class Channel extends MessageChannel {
  constructor() {
    super();
    ports.push(this.port1);
  }
}
after(() => ports.forEach((port) => port.close()));

/** Opens a blob in a worker whose page cannot read it, and gives what the worker says in the end. */
function opened(blob, analysis) {
  return new Promise((resolve) => {
    const scope = {};
    scope.postMessage = (message) => {
      const error = { name: "NotReadableError", message: "the disk is gone" };
      if (message.type === "read")
        scope.onmessage({ data: { type: "bytes", id: 1, read: message.read, error } });
      if (message.type === "report" || message.type === "fault") resolve(message);
    };
    const world = { self: scope, analysis, Blob, queueMicrotask, performance };
    world.MessageChannel = Channel;
    runInNewContext(bundle.outputFiles[0].text, { ...world, Uint8Array, Error });
    scope.onmessage({ data: { type: "open", id: 1, name: "a.dmp", size: blob.size, blob } });
  });
}

/** A round of a scan, after which the worker reads ahead. */
async function scan(read) {
  await read(0, 4 * MIB);
  return { file: { name: "a.dmp" } };
}

test("a failed read that nobody asked for does not spoil the report", async () => {
  const said = await opened(new Blob([new Uint8Array(32 * MIB)]), async (read) => {
    const report = await scan(read);
    // What is read ahead is not to be had; the bytes are, when they are asked for.
    assert.equal((await read(4 * MIB, MIB)).length, MIB);
    return report;
  });
  assert.equal(said.type, "report");
});

test("a failed read that was asked for is told where no report came of it", async () => {
  const blob = new Blob([new Uint8Array(32 * MIB)]);
  blob.slice = () => ({
    size: 0,
    arrayBuffer: () => Promise.reject(new DOMException("no", "NotReadableError")),
  });
  const said = await opened(blob, (read) => scan(read));
  assert.equal(said.type, "fault");
  assert.equal(said.fault.code, "file-gone");
  assert.equal(said.fault.message, "the disk is gone");
});
