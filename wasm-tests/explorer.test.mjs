// The explorer and the console read the open dump: memory page by page, translations, gaps with
// their reasons, addresses that lead there from everywhere; by keyboard too.

import assert from "node:assert/strict";
import { inBrowsers } from "./lib/browsers.mjs";
import { giveDeepFind } from "./lib/deep.mjs";
import { pageUrl } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

inBrowsers("the explorer", (it) => {
  it("shows memory, its translation and what is missing, and follows pointers", async (open) => {
    const tab = await sample(open);
    await tab.evaluate(go, ["nt", false]);
    let text = await shows(tab, "What is at");
    assert.match(text, /4d 5a 90 00/);
    assert.match(text, /module ntoskrnl\.exe, nt /);
    assert.match(text, /PXE \d+ .*PPE \d+ .*PDE \d+ /);
    assert.match(text, /Page of 2 MiB, valid/);
    // Physical memory holds the same bytes.
    const place = await tab.evaluate(state, ["at"]);
    await tab.evaluate(go, [place, true]);
    text = await shows(tab, /\d+ bytes from physical address/);
    assert.match(text, /4d 5a 90 00/);
    // An address without memory says at which level its translation ends.
    await tab.evaluate(go, ["ffffc12345678000", false]);
    text = await shows(tab, "bytes of them missing");
    assert.match(text, /not present: the (PML4|page)/);
    await tab.evaluate(go, ["no such thing", false]);
    await shows(tab, "is neither a number, a register nor a module");
    await tab.evaluate(go, ["@rsp", false]);
    text = await shows(tab, "the stack of the current thread");
    const pointer = /nt\+0x[0-9a-f]+/.exec(text.slice(text.indexOf("Pointers")))[0];
    await tab.press(pointer);
    await shows(tab, `module ntoskrnl.exe, ${pointer} `);
    assert.deepEqual(tab.complaints, []);
  });

  it("turns pages and goes back by keyboard", async (open) => {
    const tab = await sample(open);
    await tab.evaluate(go, ["nt", false]);
    const first = await until(() => tab.evaluate(state, ["start"]), "nothing is shown");
    const press = (key, alt = false) => tab.evaluate(key_, [key, alt]);
    const at = (wanted, what) =>
      until(async () => {
        // Nothing is shown while a page is being read.
        const start = await tab.evaluate(state, ["start"]);
        return start !== null && BigInt(start) === wanted;
      }, what);
    await press("PageDown");
    await at(BigInt(first) + 512n, "Page Down does not turn");
    await press("ArrowUp");
    await at(BigInt(first) + 496n, "an arrow does not move by a line");
    await tab.evaluate(go, ["@rsp", false]);
    await shows(tab, "the stack of the current thread");
    await press("ArrowLeft", true);
    await at(BigInt(first) + 496n, "Alt and an arrow do not go back");
    await press("ArrowRight", true);
    await shows(tab, "the stack of the current thread");
  });

  it("is reached from a frame of the stack, and the console reads the dump", async (open) => {
    const tab = await sample(open);
    const frame = await tab.evaluate(firstFrame);
    assert.ok(frame, "no frame of the stack leads to its memory");
    await shows(tab, /What is at/);
    await until(
      async () => (await tab.evaluate(state, ["address"])) === `0x${frame}`,
      "the explorer is not where the frame is",
    );
    await tab.evaluate(run, ["dq nt L2"]);
    await shows(tab, /> dq nt L2 [0-9a-f`]+ 00000003`00905a4d/);
    await tab.evaluate(run, ["!pte nt"]);
    await shows(tab, /PXE at #/);
  });

  it("has a console that completes, helps, and stops a long command when told", async (open) => {
    const tab = await sample(open);
    await tab.evaluate(run, ["help dq"]);
    await shows(tab, "memory in units of eight bytes");
    await tab.evaluate(type, ["dq stor"]);
    await until(
      async () => (await tab.evaluate(offered)).includes("dq storport"),
      "a module is not completed",
    );
    await tab.evaluate(start, ["s -q fffff80000000000 L80000000 1122334455667788"]);
    // What runs is on show, and said, before it is answered.
    await shows(tab, /> s -q fffff80000000000 L80000000 1122334455667788 Working…/);
    assert.match(await tab.evaluate(announced), /^Running s -q/);
    await until(() => tab.evaluate(stop), "there is nothing to stop it with");
    const text = await shows(tab, "the analysis was stopped", { seconds: 60 });
    assert.match(text, /of 16 GiB could be searched/);
    assert.match(await tab.evaluate(announced), /the analysis was stopped/);
    await tab.evaluate(start, ["s -q fffff80000000000 L80000000 1122334455667788"]);
    await until(() => tab.evaluate(escape), "the Escape key does not stop it", { seconds: 60 });
    // A long answer is not read out.
    await tab.evaluate(run, ["lm"]);
    assert.match(await tab.evaluate(announced), /^lm: \d+ lines of output$/);
    assert.deepEqual(await tab.evaluate(copies, ["lm"]), [true]);
    await tab.evaluate(run, ["db nt L2"]);
    await shows(tab, /> db nt L2 [0-9a-f`]+ 4d 5a/);
  });

  it("draws how much of the machine's memory is in the file, and says it", async (open) => {
    const tab = await sample(open);
    const text = await shows(tab, "What is in the file");
    assert.match(text, /Kernel Bitmap Dump File: Kernel address space is available/);
    assert.match(text, /in the file [\d.]+ MiB under 1 %/);
    assert.match(text, /\d runs of physical memory/);
    assert.ok((await tab.evaluate(drawn)) > 50, "the picture has no cells");
  });
});

async function sample(open) {
  const tab = await open(pageUrl);
  await shows(tab, "Drop a Windows crash dump here");
  await tab.press("Open the sample");
  await shows(tab, "Save this tool");
  await tab.evaluate(giveDeepFind);
  await until(() => tab.evaluate(ready), "the explorer is not there");
  return tab;
}

// In the page.

function ready() {
  const explorer = globalThis.deepFind("bluepane-explorer");
  return explorer !== null && !explorer.busy;
}

function go([place, physical]) {
  return globalThis.deepFind("bluepane-explorer").go(place, physical);
}

function state([field]) {
  const { shown, reading } = globalThis.deepFind("bluepane-explorer");
  return reading || !shown ? null : (shown[field] ?? null);
}

function key_([key, altKey]) {
  const region = globalThis.deepFind("bluepane-explorer").renderRoot.querySelector("[role=region]");
  region.dispatchEvent(new KeyboardEvent("keydown", { key, altKey, bubbles: true }));
}

function run([line]) {
  return globalThis.deepFind("bluepane-console").run(line);
}

function start([line]) {
  void globalThis.deepFind("bluepane-console").run(line);
}

function stop() {
  const buttons = globalThis
    .deepFind("bluepane-console")
    .renderRoot.querySelectorAll("form button");
  const found = [...buttons].find((button) => button.textContent.trim() === "Stop");
  found?.click();
  return found !== undefined;
}

/** Presses Escape; whether nothing runs any more. */
function escape() {
  const found = globalThis.deepFind("bluepane-console");
  const input = found.renderRoot.querySelector("form input");
  input.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  return !found.running;
}

/** What a screen reader hears. */
function announced() {
  return globalThis.deepFind("bluepane-console").renderRoot.querySelector("form + [role=status]")
    .textContent;
}

/** Whether each answer to a command can be copied as it stands. */
function copies([line]) {
  const entries = [
    ...globalThis.deepFind("bluepane-console").renderRoot.querySelectorAll(".entry"),
  ];
  return entries
    .filter((entry) => entry.querySelector(".line").textContent === `> ${line}`)
    .map(
      (entry) =>
        entry.querySelector("bluepane-copy").text === entry.querySelector(".answer").textContent,
    );
}

function type([text]) {
  const input = globalThis.deepFind("bluepane-console").renderRoot.querySelector("form input");
  input.value = text;
  input.dispatchEvent(new Event("input"));
}

function offered() {
  const list = globalThis.deepFind("bluepane-console").renderRoot.querySelectorAll("option");
  return [...list].map((option) => option.value);
}

function firstFrame() {
  const button = globalThis
    .deepFind("bluepane-stack")
    .renderRoot.querySelector("tbody button.follow");
  button?.click();
  return button?.textContent.replace(/\s/g, "") ?? null;
}

function drawn() {
  return globalThis.deepFind("bluepane-coverage").renderRoot.querySelectorAll("rect.stored").length;
}
