// Whatever happens to a file or to the worker, the page says what happened and goes on working.

import assert from "node:assert/strict";
import { copyFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inBrowsers } from "./lib/browsers.mjs";
import { dumps, sampleFacts } from "./lib/dumps.mjs";
import { pageUrl, scratch } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";
import { zip } from "./lib/zip.mjs";

const files = await dumps();
const ENDED = /The analy\w+ (?:has )?ended/;

async function opened(open) {
  const tab = await open(pageUrl);
  await shows(tab, "Drop a Windows crash dump here");
  return tab;
}

/** The page is alive when the next dump becomes a report. */
async function works(tab) {
  await tab.press("Open another");
  await shows(tab, "Drop a Windows crash dump here");
  await tab.choose(files.sample);
  await shows(tab, `${sampleFacts.code} ${sampleFacts.name}`);
}

/** In the page: takes the chosen file away from the page, to be opened later. */
function keepChosen() {
  // The event does not leave the shadow root that holds the input.
  const root = document
    .querySelector("bluepane-analyzer")
    .shadowRoot.querySelector("bluepane-welcome").shadowRoot;
  const take = (event) => {
    globalThis.kept = event.target.files[0];
    event.stopImmediatePropagation();
  };
  root.addEventListener("change", take, { capture: true, once: true });
}

/** In the page: opens a file of 64 MiB whose bytes come as `how` says. */
function openOddly(how) {
  const element = document.querySelector("bluepane-analyzer");
  const header = new Uint8Array(0x2000);
  const words = new Uint32Array(header.buffer);
  words.fill(0x45474150);
  // PAGE DU64, and a bug check code where the 64-bit header has it.
  words.set([0x45474150, 0x34365544, 15, 9600], 0);
  words[0x38 / 4] = 0x7a;
  words[0x30 / 4] = 0x8664;
  words[0x34 / 4] = 2;
  words[0xf98 / 4] = 1;
  const bytes = (offset, length) => {
    const part = new Uint8Array(length);
    part.set(header.subarray(offset, offset + length));
    return part;
  };
  const ways = {
    never: () => new Promise(() => {}),
    fails: () => Promise.reject(new DOMException("the disk is gone", "NetworkError")),
    slowly: (offset, length) =>
      new Promise((resolve) => setTimeout(() => resolve(bytes(offset, length)), 400)),
  };
  void element.analyze([{ name: "odd.dmp", size: 64 << 20, read: ways[how] }]);
}

/** In the page: opens the file that was taken away, each read of which takes its time. */
function readSlowly() {
  globalThis.pause = 150;
  const { kept } = globalThis;
  const read = async (offset, length) => {
    await new Promise((resolve) => setTimeout(resolve, globalThis.pause));
    return new Uint8Array(await kept.slice(offset, offset + length).arrayBuffer());
  };
  const source = { name: kept.name, size: kept.size, read };
  void document.querySelector("bluepane-analyzer").analyze([source]);
}

/** In the page: the next message to a worker ends it instead. */
function killNextWorker() {
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    if (message.type !== "open") return post.call(this, message, ...rest);
    Worker.prototype.postMessage = post;
    this.dispatchEvent(new ErrorEvent("error", { message: "out of memory" }));
    this.terminate();
  };
}

/** The same archive, its one member marked as encrypted. */
function locked(bytes) {
  const directory = bytes.indexOf("PK\x01\x02");
  bytes.writeUInt16LE(1, directory + 8);
  return bytes;
}

/** In the page: drops a zip without a dump onto a report that is scrolled down; is its refusal in sight? */
async function dropNothing(bytes) {
  window.scrollTo(0, 4000);
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(bytes)], "readme.zip"));
  const options = { dataTransfer: data, bubbles: true, cancelable: true, composed: true };
  document.querySelector("bluepane-analyzer").dispatchEvent(new DragEvent("drop", options));
  const { shadowRoot } = document.querySelector("bluepane-analyzer");
  while (!shadowRoot.querySelector(".fault")) await new Promise((done) => setTimeout(done, 50));
  await new Promise((done) => setTimeout(done, 300));
  const bar = shadowRoot.querySelector(".bar").getBoundingClientRect();
  return shadowRoot.querySelector(".fault").getBoundingClientRect().top - bar.bottom;
}

inBrowsers("the page survives", (it) => {
  it("a file that is gone when it is read", async (open) => {
    const path = join(await scratch("gone"), "gone.dmp");
    await copyFile(files.sample, path);
    const tab = await opened(open);
    await tab.evaluate(keepChosen);
    await tab.choose(path);
    await until(() => tab.evaluate(() => globalThis.kept !== undefined), "no file was chosen");
    await rm(path);
    await tab.evaluate(() => {
      void document.querySelector("bluepane-analyzer").open(globalThis.kept);
    });
    const text = await shows(tab, "The browser cannot read this file any more");
    assert.match(text, /Copy it to a local folder/);
    await works(tab);
  });

  it("a file that fails to be read", async (open) => {
    const tab = await opened(open);
    await tab.evaluate(openOddly, "fails");
    const text = await shows(tab, "The file could not be read");
    assert.match(text, /the disk is gone/);
    assert.ok(text.includes("Try again"));
    await works(tab);
  });

  it("a worker that ends in the middle", async (open) => {
    const tab = await opened(open);
    await tab.evaluate(killNextWorker);
    await tab.choose(files.sample);
    const text = await shows(tab, ENDED);
    assert.match(text, /out of memory/);
    await tab.press("Try again");
    await shows(tab, `${sampleFacts.code} ${sampleFacts.name}`);
  });

  it("a read that never ends: Stop gives the page back", async (open) => {
    const tab = await opened(open);
    await tab.evaluate(openOddly, "never");
    await shows(tab, "Stop");
    await tab.press("Stop");
    await shows(tab, "Stopping");
    await shows(tab, ENDED);
    await works(tab);
  });

  it("being stopped: what was read by then is the report", async (open) => {
    const tab = await opened(open);
    await tab.evaluate(openOddly, "slowly");
    await shows(tab, "Stop");
    await tab.press("Stop");
    const text = await shows(tab, /odd\.dmp.*Notes/s);
    assert.doesNotMatch(text, ENDED);
    await works(tab);
  });

  it("being stopped in the middle: the report says that it is not whole, and is read again", async (open) => {
    const tab = await opened(open);
    await tab.evaluate(keepChosen);
    await tab.choose(files.sample);
    await until(() => tab.evaluate(() => globalThis.kept !== undefined), "no file was chosen");
    await tab.evaluate(readSlowly);
    await shows(tab, /step [2-9] of/);
    await tab.press("Stop");
    await shows(tab, /Stopped: this report is not whole.*Analysed in/s);
    await tab.evaluate(() => (globalThis.pause = 0));
    await tab.press("Read it again");
    const text = await shows(tab, /What happened.*Analysed in/s);
    assert.doesNotMatch(text, /not whole/);
  });

  it("a drop without a dump leaves the report, and what is said of it is in sight", async (open) => {
    const tab = await opened(open);
    await tab.choose(files.sample);
    await shows(tab, "Analysed in");
    const bytes = [...zip({ "readme.txt": Buffer.from("hello") })];
    const below = await tab.evaluate(dropNothing, bytes);
    assert.ok(below >= 0, `it lies ${-below} pixels below the bar`);
    await shows(tab, /No dump could be taken out of readme\.zip.*KERNEL_DATA_INPAGE_ERROR/s);
  });

  it("what holds no dump: it says why, and what to drop instead", async (open) => {
    const tab = await opened(open);
    const folder = await scratch("nothing");
    const wrong = [
      ["readme.zip", zip({ "readme.txt": Buffer.from("hello") }), /No dump could be taken out of/],
      ["locked.zip", locked(zip({ "a.dmp": Buffer.from("hello") })), /1 member could not.*encryp/],
      ["nt.pdb", Buffer.from("MSF"), /Now drop the dump nt\.pdb is kept for it/],
      ["memory.dmp.xz", Buffer.from("\xfd7zXZ\0", "latin1"), /Unpack it and drop the dumps in it/],
      ["notes.txt", Buffer.from("hello"), /Text: not a crash dump.*copy one out and drop the copy/],
    ];
    for (const [name, bytes, told] of wrong) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      await tab.choose(path);
      await shows(tab, told);
    }
    await works(tab);
  });
});
