// Symbol files that are dropped: the page says which would help, takes the right one, refuses another.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { inBrowsers } from "./lib/browsers.mjs";
import { dumps, sampleFacts } from "./lib/dumps.mjs";
import { pageUrl, scratch } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

const files = await dumps();
const folder = await scratch("symbols");

/** An ISF file with that identity, and one name. */
async function isf(name, guid, age) {
  const path = join(folder, name);
  const pdb = { GUID: guid, age, database: "ntkrnlmp.pdb", machine_type: 0x8664 };
  const symbols = { KiMadeUpForThisTest: { address: 0x1000 } };
  const text = { metadata: { windows: { pdb } }, symbols, user_types: {}, base_types: {} };
  await writeFile(path, JSON.stringify(text));
  return path;
}

inBrowsers("symbol files", (it) => {
  it("are asked for by their place, used where they belong and refused where not", async (open) => {
    const tab = await open(pageUrl);
    await shows(tab, "Drop a Windows crash dump here");
    await tab.choose(files.sample);
    await shows(tab, `${sampleFacts.code} ${sampleFacts.name}`);
    const text = await shows(tab, "Place in a symbol store");
    const place = /ntkrnlmp\.pdb\/([0-9A-F]{32})([0-9A-F]+)\/ntkrnlmp\.pdb/.exec(text);
    assert.ok(place, "the kernel's symbol file is not among those that would help");
    const [, guid, age] = place;
    const right = await isf("right.json", guid, parseInt(age, 16));
    const wrong = await isf(
      "wrong.json",
      guid.replace(/^./, (c) => (c === "0" ? "1" : "0")),
      1,
    );
    const broken = join(folder, "broken.pdb");
    await writeFile(broken, "Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0 and nothing behind it");
    // Dropped on the report, it is read again with them.
    const given = [right, wrong, broken].map(async (path) => [
      basename(path),
      await readFile(path, "latin1"),
    ]);
    await tab.evaluate(drop, await Promise.all(given));
    await shows(tab, /used for\s+ntoskrnl\.exe/);
    await until(
      async () => (await tab.evaluate(reached)) === "Symbols",
      "what became of the files is not shown",
    );
    const told = await tab.text();
    assert.match(told, /wrong\.json/);
    assert.match(
      told,
      /Not used\.\s+It is ntkrnlmp\.pdb .*; the ntoskrnl\.exe of this dump is ntkrnlmp\.pdb/,
    );
    assert.match(told, /broken\.pdb[\s\S]*the PDB is damaged/);
    assert.deepEqual(tab.complaints, []);
  });
});

/** In the page: what has the keyboard. */
function reached() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element?.textContent.trim();
}

/** In the page: a drop of files with these names and texts. */
function drop(files) {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name));
  const options = { dataTransfer: data, bubbles: true, cancelable: true, composed: true };
  const target = document.querySelector("bluepane-analyzer");
  target.dispatchEvent(new DragEvent("dragover", options));
  target.dispatchEvent(new DragEvent("drop", options));
}
