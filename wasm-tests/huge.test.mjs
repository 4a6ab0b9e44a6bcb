// Dumps of machines with much memory, as sparse files: they open from a file input in bounded
// memory, and what was read is counted, because counts are what no noisy machine can blur.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";
import { inBrowsers, skipped } from "./lib/browsers.mjs";
import { page, pageUrl, root, scratch } from "./lib/paths.mjs";
import { serve } from "./lib/server.mjs";
import { shows, until } from "./lib/wait.mjs";

const run = promisify(execFile);
/** What the design allows. */
const mostKib = 96 << 10;
const mostReads = 2000;
const mostRounds = 400;
const mostBytes = 128 << 20;
/** Until the first conclusions stand, which the top card shows; of the machine with 64 GiB. */
const topCard = { reads: 150, rounds: 40 };
/** A bit for each page of 4 KiB. */
const bitmap = (gib) => gib * 32768;

const folder = await scratch("huge");
after(() => rm(folder, { recursive: true, force: true }));

const large = await readFile(join(root, "crate/forge/scenarios/kernel/large.toml"), "utf8");
const machines = [
  { name: "64 GiB", gib: 64, text: large },
  { name: "1 TiB", gib: 1024, text: large },
  { name: "4 TiB", gib: 4096, text: large },
  {
    name: "4 TiB, complete",
    gib: 4096,
    text: large.replace("bitmap-kernel", "bitmap-full"),
    complete: true,
  },
];

/** Forges a machine's dump; null where the disk takes no such sparse file. */
async function forged({ name, gib, text }) {
  const scenario = join(folder, "scenario.toml");
  const path = join(folder, `${name.replace(/\W+/g, "-")}.dmp`);
  await writeFile(scenario, text.replace('memory = "64 GiB"', `memory = "${gib} GiB"`));
  const call = ["run", "-q", "--locked", "-p", "bluepane-forge", "--", scenario, "-o", path];
  try {
    await run("cargo", call, { cwd: root, maxBuffer: 64 << 20 });
    return path;
  } catch (error) {
    if (!/os error 2[78]|File too large|No space/i.test(error.stderr ?? "")) throw error;
    skipped(`a dump of ${name}`, "the disk takes no sparse file of that length");
    return null;
  }
}

const dumps = [];
for (const machine of machines) dumps.push({ ...machine, path: await forged(machine) });

/** The report of the page on a file that was chosen in its input. */
async function report(tab, path) {
  await shows(tab, "Drop a Windows crash dump here");
  await tab.evaluate(() => {
    addEventListener("bluepane-report", ({ detail }) => (globalThis.heard = detail.report));
    addEventListener("bluepane-progress", ({ detail }) => {
      if (detail.step === "diagnosis") globalThis.card ??= detail;
    });
  });
  await tab.choose(path);
  return until(() => tab.evaluate(() => globalThis.heard), "no report", { seconds: 80 });
}

function within(where, { name, gib, complete }, { stats, file, modules, notes = [] }) {
  const read = Number(stats.bytes_read);
  const memory = stats.memory_kib;
  console.log(
    `${where}, ${name}: ${stats.rounds} rounds, ${stats.reads} reads, ${read} bytes, ` +
      `${memory} KiB of wasm memory, ${Math.round(stats.elapsed_ms)} ms`,
  );
  assert.ok(modules.length >= 300, `${modules.length} modules`);
  assert.equal(file.truncated ?? false, false);
  assert.ok(!notes.some((note) => note.code === "stopped-early"), JSON.stringify(notes));
  // The bitmap comes in megabytes, and once.
  const ofBitmap = Math.ceil(bitmap(gib) / (1 << 20)) + 1;
  // In a complete dump no page of the kernel's lies beside another: a quarter more reads.
  const reads = complete ? mostReads * 1.25 : mostReads;
  assert.ok(stats.reads <= reads + ofBitmap, `${stats.reads} reads`);
  assert.ok(stats.rounds <= mostRounds + ofBitmap, `${stats.rounds} rounds`);
  assert.ok(read <= mostBytes + bitmap(gib), `${read} bytes`);
  assert.ok(memory > 0 && memory < mostKib, `${memory} KiB of wasm memory`);
}

inBrowsers(
  "dumps of much memory",
  (it, browser) => {
    for (const dump of dumps.filter(({ path }) => path)) {
      it(`${dump.name} opens within its memory and its reads`, async (open) => {
        const tab = await open(pageUrl);
        within(browser, dump, await report(tab, dump.path));
        const card = await tab.evaluate(() => globalThis.card);
        console.log(`  top card: ${card.rounds} rounds, ${card.reads} reads`);
        if (dump.gib > 64) return;
        assert.ok(card.reads <= topCard.reads, `${card.reads} reads`);
        assert.ok(card.rounds <= topCard.rounds, `${card.rounds} rounds`);
      });
    }
  },
  { only: ["chromium", "firefox"] },
);

/** What does not depend on who reads, and how fast. */
function timeless({ stats, file, ...rest }) {
  return { ...rest, file: { ...file, name: "" } };
}

async function native(path) {
  const call = ["run", "-q", "--locked", "-p", "bluepane-cli", "--", "--format", "json", path];
  const { stdout } = await run("cargo", call, { cwd: root, maxBuffer: 256 << 20 });
  return JSON.parse(stdout);
}

const [first] = dumps;
const told = first.path && native(first.path);
const server = await serve({ "/": { file: page } });
server.unref();

inBrowsers("page and command agree on a large dump", (it) => {
  if (!first.path) return;
  for (const [place, url] of [
    ["from a disk", pageUrl],
    ["over http", `${server.origin}/`],
  ]) {
    it(`${first.name} ${place}`, async (open) => {
      const found = await report(await open(url), first.path);
      assert.deepEqual(timeless(found), timeless(await told));
    });
  }
});
