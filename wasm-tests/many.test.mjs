// Several dumps at once, from a disk: as a folder, and dropped.

import assert from "node:assert/strict";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inBrowsers, skipped } from "./lib/browsers.mjs";
import { dumps } from "./lib/dumps.mjs";
import { pageUrl, realDump, scratch } from "./lib/paths.mjs";
import { shows } from "./lib/wait.mjs";

const files = await dumps();
const folder = await scratch("folder");
await mkdir(join(folder, "inner"));
await cp(files.sample, join(folder, "first.dmp"));
await cp(files.zeros, join(folder, "second.dmp"));
await cp(files.sample, join(folder, "inner/third.dmp"));
await writeFile(join(folder, "notes.txt"), "not a dump");

const sample = await readFile(files.sample);

async function opened(open) {
  const tab = await open(pageUrl);
  await shows(tab, "Drop a Windows crash dump here");
  return tab;
}

/** A row for each file, and what the dumps have in common. */
async function listed(tab, names) {
  const text = await shows(tab, "What they have in common");
  for (const name of names) assert.ok(text.includes(name), `${name} is not listed: ${text}`);
  assert.ok(text.includes(`${names.length} files`), text.slice(0, 300));
  return text;
}

inBrowsers("many dumps", (it) => {
  it("dropped together become a list", async (open) => {
    const tab = await opened(open);
    await tab.evaluate(dropTwo, [...sample.subarray(0, 0x2000)]);
    await listed(tab, ["one.dmp", "two.dmp"]);
    assert.deepEqual(tab.complaints, []);
  });
});

inBrowsers(
  "a folder of dumps",
  (it) => {
    it("chosen is read with what lies deeper; other files are counted", async (open) => {
      const tab = await opened(open);
      await tab.choose(folder, { folder: true });
      const text = await listed(tab, ["first.dmp", "second.dmp", "third.dmp"]);
      assert.match(text, /1 other file was passed over/);
      assert.deepEqual(tab.complaints, []);
    });
  },
  { only: ["chromium"] },
);

inBrowsers(
  "a folder dropped on the page",
  (it) => {
    it("is opened as Chromium hands it over from a disk", async (open) => {
      const tab = await opened(open);
      await dropPaths(tab.tab, [folder]);
      const text = await listed(tab, ["first.dmp", "second.dmp", "third.dmp"]);
      assert.match(text, /1 other file was passed over/);
      assert.deepEqual(tab.complaints, []);
    });
  },
  { only: ["chromium"] },
);

const real = realDump("triage/folder-of-8");
if (real) {
  inBrowsers(
    "a real folder of minidumps",
    (it) => {
      it("shows one machine and what its crashes share", async (open) => {
        const tab = await opened(open);
        await tab.choose(real, { folder: true });
        const text = await shows(tab, "What they have in common");
        assert.match(text, /8 files/);
        assert.match(text, /8 crashes in/);
        assert.match(text, /all 8 on /);
        assert.deepEqual(tab.complaints, []);
      });
    },
    { only: ["chromium"] },
  );
} else {
  skipped("a real folder of minidumps", "there is no corpus (BLUEPANE_CORPUS)");
}

/** In the page: a drop of two files with these bytes. */
function dropTwo(bytes) {
  const data = new DataTransfer();
  for (const name of ["one.dmp", "two.dmp"]) {
    data.items.add(new File([new Uint8Array(bytes)], name));
  }
  const options = { dataTransfer: data, bubbles: true, cancelable: true, composed: true };
  const target = document.querySelector("bluepane-analyzer");
  target.dispatchEvent(new DragEvent("dragover", options));
  target.dispatchEvent(new DragEvent("drop", options));
}

/** What the desktop does when a person drops files and folders on the browser. */
async function dropPaths(tab, paths) {
  const session = await tab.context().newCDPSession(tab);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, x: 400, y: 200, data });
  }
}
