// The Stack section: told stretch by stretch, the blame with what it rests on, the code at the fault
// and at every other frame, black boxes; and what a symbol file or a driver's own file changes.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";
import { inBrowsers } from "./lib/browsers.mjs";
import { giveDeepFind } from "./lib/deep.mjs";
import { pageUrl, root, scratch } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

const run = promisify(execFile);
const folder = await scratch("stack");
after(() => rm(folder, { recursive: true, force: true }));

/** What Winlogon was doing, as it notes it: version, length, whether it goes on, the name. */
function winlogon(name) {
  const text = Buffer.from(`${name}\0`, "utf16le");
  const record = Buffer.alloc(12 + text.length);
  [1, record.length, 1].forEach((value, index) => record.writeUInt32LE(value, 4 * index));
  text.copy(record, 12);
  return record.toString("hex");
}

const FAULT = "0xfffff90012345678";
const machine = ({ kind, architecture = "x64", build = 19041, fault = "0" }) => `
[machine]
build = ${build}
architecture = "${architecture}"
memory = "64 MiB"
[stop]
code = 0xd1
parameters = ["${FAULT}", 2, 0, "${fault}"]
[dump]
kind = "${kind}"
[[black_boxes]]
guid = "80cc79cf-a719-4af1-bf97-fe29ff76ebc1"
hex = "${winlogon("ShellRestart")}"
[[modules]]
name = "tcpip.sys"
size = 0x20000
[[modules]]
name = "examplflt.sys"
company = "Example Endpoint Security"
size = 0x20000
${[
  "nt!KeBugCheckEx",
  "nt!KiBugCheckDispatch",
  "nt!KiPageFault",
  "examplflt.sys+0x4560",
  "tcpip.sys+0x7770",
  "examplflt.sys+0x7770",
  "nt!PspSystemThreadStartup",
  "nt!KiStartSystemThread",
]
  .map((at) => {
    const touched = at.endsWith("PageFault") ? `fault_address = "${FAULT}"\n` : "";
    return `[[stack]]\nat = "${at}"\n${touched}`;
  })
  .join("")}`;

/** Forges a dump, with the files of its modules in a folder beside it. */
async function forged(name, text) {
  const scenario = join(folder, `${name}.toml`);
  const dump = { path: join(folder, `${name}.dmp`), files: join(folder, name) };
  await writeFile(scenario, text);
  const call = ["run", "-q", "--locked", "-p", "bluepane-forge", "--", scenario];
  await run("cargo", [...call, "-o", dump.path, "--files", dump.files], { cwd: root });
  return dump;
}

const kernel = await forged("kernel", machine({ kind: "bitmap-kernel" }));
const small = await forged("small", machine({ kind: "triage" }));
const arm = await forged(
  "arm",
  machine({ kind: "bitmap-kernel", architecture: "arm64", build: 22000 }),
);

const wide = await forged(
  "wide",
  machine({ kind: "bitmap-kernel" }).replace("[machine]", "[machine]\nprocessors = 6"),
);

inBrowsers("the stack", (it) => {
  it("keeps processors that had nothing to do behind one line", async (open) => {
    const tab = await opened(open, wide);
    await told(tab, /Other stacks 5 processors had nothing to do Processor 1: it had/);
    assert.deepEqual(await tab.evaluate(others), [false]);
  });

  it("is told in words, and what is not part of Windows is marked by words and by colour", async (open) => {
    const tab = await opened(open, kernel);
    const { stretches, frames } = await tab.evaluate(drawn);
    const titles = stretches.map(({ title }) => title);
    assert.deepEqual(titles, [
      "Bug check",
      "Page fault",
      "Driver: examplflt.sys not part of Windows",
      "Network: tcpip.sys",
      "Kernel",
    ]);
    assert.match(stretches[0].doing, /the kernel stops the machine/i);
    assert.match(stretches[2].doing, /interrupted this code/);
    // A sentence is said once.
    const said = stretches.map(({ doing }) => doing).filter((doing) => doing);
    assert.equal(new Set(said).size, said.length);
    assert.equal(frames.length, 8);
    const [faulted, network, caller] = frames.slice(3);
    assert.match(faulted.text, /examplflt\.sys\+0x4560 probable culprit trap frame, certain/);
    assert.match(network.text, /tcpip\.sys\+0x7770 unwind, certain/);
    // What was told above has no heading again.
    assert.match(caller.text, /examplflt\.sys\+0x7770 not part of Windows unwind, certain/);
    assert.equal(faulted.look, caller.look);
    assert.notEqual(faulted.look, network.look);
  });

  it("has a legend with the colour of each module", async (open) => {
    const tab = await opened(open, kernel);
    const { legend, frames } = await tab.evaluate(drawn);
    assert.deepEqual(
      legend.map(({ text }) => text),
      ["ntoskrnl.exe", "examplflt.sys not part of Windows", "tcpip.sys"],
    );
    for (const { text, look } of legend) {
      const [name] = text.split(" ");
      const own = frames.filter((frame) => frame.text.includes(name));
      assert.ok(own.length > 0 && own.every((frame) => frame.look === look), name);
    }
  });

  it("leads from every claim about the culprit to what it rests on", async (open) => {
    const tab = await opened(open, kernel);
    const claims = await tab.evaluate(evidence);
    assert.ok(claims.length >= 2, `${claims.length} claims`);
    for (const [index, { where }] of claims.entries()) {
      assert.ok(where, "a claim rests on nothing");
      await tab.evaluate(follow, index);
      const slot = /^(?:stack|trap frame at) (0x[0-9a-f]+)/.exec(where)?.[1];
      const expected = slot ? `frame ${slot}` : /parameter \d/.exec(where)?.[0];
      await until(
        async () => (await tab.evaluate(reached)).mark === (expected ?? null),
        async () => `${where} leads to ${JSON.stringify(await tab.evaluate(reached))}`,
      );
      if (slot) assert.match((await tab.evaluate(reached)).text, /examplflt\.sys\+0x4560/);
    }
    assert.ok(claims.some(({ where }) => /^stack 0x/.test(where)));
  });

  it("shows the code at the fault, what it did, and its registers", async (open) => {
    const tab = await opened(open, kernel);
    await tab.press("The code at the fault");
    const text = await told(tab, /Registers at this instruction/);
    assert.match(text, /examplflt\+0x4560 It reads 8 bytes at fffff900`12345678 : rcx is/);
    assert.match(
      text,
      /the instruction at fault : fffff800 [0-9a-f]{8} 488b01 mov +rax,qword ptr \[rcx\]/,
    );
    assert.match(text, /rcx fffff900 12345678/);
    assert.deepEqual(tab.complaints, []);
  });

  it("is printed with the code at the fault, redacted or not, and says why where there is none", async (open) => {
    for (const [dump, code] of [
      [kernel, /The code at the fault.*the instruction at fault/],
      [small, /The code at the fault.*not in (?:the|this) dump/],
    ]) {
      const tab = await opened(open, dump);
      await tab.evaluate(giveDeepFind);
      for (const redacted of [false, true]) {
        await tab.evaluate(prints, redacted);
        await until(() => tab.evaluate(() => globalThis.onPaper), "nothing is printed");
        assert.match(await tab.evaluate(() => globalThis.onPaper), code, `redacted: ${redacted}`);
      }
    }
  });

  it("shows the code of every other frame when it is opened", async (open) => {
    const tab = await opened(open, kernel);
    await tab.evaluate(unfold, 4);
    const frame = await until(() => tab.evaluate(unfolded), "the frame does not open");
    assert.match(frame, /The unwind data of the frame above .* Certain: the dump records it/);
    await tab.press("The code here");
    const text = await told(tab, /Marked: where the call above returns to/);
    assert.match(
      text,
      /call +[0-9a-f]+h examplflt\+0x[0-9a-f]+ ▸ where the call above returns to :/,
    );
    // The instruction at fault is another frame's.
    assert.doesNotMatch(text, /Registers at this instruction/);
  });

  it("shows what the black boxes recorded", async (open) => {
    const tab = await opened(open, kernel);
    assert.match(
      await tab.evaluate(textOf, "bluepane-stack"),
      /What the black boxes recorded Winlogon Operation ShellRestart Still going on yes/,
    );
  });

  it("reads instructions of ARM64 too", async (open) => {
    const tab = await opened(open, arm);
    await tab.press("The code at the fault");
    const text = await told(tab, /Registers at this instruction/);
    assert.match(text, /\bblr +x8\b/);
    assert.match(text, /the instruction at fault : fffff800 [0-9a-f]{8} /);
  });

  it("names the files that would help by their place in a symbol store, to copy", async (open) => {
    const tab = await opened(open, kernel);
    const wanted = await tab.evaluate(wantedFiles);
    const driver = wanted.find(({ module }) => module === "examplflt.sys");
    assert.match(driver.path, /^examplflt\.pdb\/[0-9A-F]{33,40}\/examplflt\.pdb$/);
    assert.equal(driver.copied, driver.path);
    assert.ok(wanted.some(({ module }) => module === "ntoskrnl.exe"));
    for (const { path, copied } of wanted) assert.equal(copied, path);
  });

  it("bears the names of dropped symbol files, and no longer asks for them", async (open) => {
    const tab = await opened(open, kernel);
    const before = await tab.evaluate(drawn);
    assert.ok(before.frames.slice(1).every(({ text }) => !text.includes("!")));
    const pdbs = (await readdir(kernel.files)).filter((name) => name.endsWith(".pdb"));
    await drop(tab, kernel.files, pdbs);
    const text = await shows(tab, /used for\s+examplflt\.sys/);
    assert.match(text, /used for\s+ntoskrnl\.exe/);
    await whole(tab);
    const { frames, stretches } = await tab.evaluate(drawn);
    for (const [index, name] of [
      "ntoskrnl.exe!KeBugCheckEx",
      "ntoskrnl.exe!KiBugCheckDispatch",
      "ntoskrnl.exe!KiPageFault",
      "examplflt.sys!Function",
      "tcpip.sys!Function",
      "examplflt.sys!Function",
      "ntoskrnl.exe!PspSystemThreadStartup",
      "ntoskrnl.exe!KiStartSystemThread",
    ].entries()) {
      assert.ok(frames[index].text.includes(name), `${name}: ${frames[index].text}`);
    }
    assert.equal(stretches.at(-1).title, "Start of the thread");
    assert.deepEqual(await tab.evaluate(wantedFiles), []);
  });

  it("of a minidump is traced with the driver's own file where it was only guessed", async (open) => {
    const tab = await opened(open, small);
    const how = (frames) =>
      frames.filter(({ text }) => /tcpip\.sys\+0x7770/.test(text)).map(({ text }) => text);
    assert.match(how((await tab.evaluate(drawn)).frames).join(), /scan, /);
    await drop(tab, small.files, ["examplflt.sys", "tcpip.sys"]);
    await shows(tab, /used for\s+examplflt\.sys/);
    await whole(tab);
    assert.match(how((await tab.evaluate(drawn)).frames).join(), /unwind, /);
  });
});

async function opened(open, dump) {
  const tab = await open(pageUrl);
  await shows(tab, "Drop a Windows crash dump here");
  await tab.choose(dump.path);
  await shows(tab, "Analysed in");
  await tab.evaluate(giveDeepFind);
  await whole(tab);
  return tab;
}

/** The report is no longer growing, and drawn. */
async function whole(tab) {
  await until(() => tab.evaluate(ready), "the stack is not drawn");
}

/** Waits until the section tells that, and gives its text. */
async function told(tab, pattern) {
  let text = "";
  const ask = async () => pattern.test((text = await tab.evaluate(textOf, "bluepane-stack")));
  await until(ask, `the section does not tell ${pattern}`);
  return text;
}

/** Drops files on the report. */
async function drop(tab, from, names) {
  const given = names.map(async (name) => [name, await readFile(join(from, name), "latin1")]);
  await tab.evaluate(dropped, await Promise.all(given));
}

// In the page.

function ready() {
  const stack = globalThis.deepFind("bluepane-stack");
  return stack !== null && !stack.busy && stack.shadowRoot.querySelector("tr.frame") !== null;
}

/** The stack as it is drawn. */
function drawn() {
  const table = globalThis.deepFind("bluepane-stack").shadowRoot;
  const plain = (element) => element?.textContent.replace(/\s+/g, " ").trim() ?? "";
  const look = (element) => getComputedStyle(element, "::before").borderLeft;
  const stack = table.querySelector("table.frames");
  return {
    stretches: [...stack.querySelectorAll("tr.stretch")].map((row) => ({
      title: ["b", ".third"]
        .map((part) => plain(row.querySelector(part)))
        .join(" ")
        .trim(),
      doing: plain(row.querySelector(".doing")),
    })),
    frames: [...stack.querySelectorAll("tr.frame")].map((row) => ({
      text: plain(row),
      look: look(row.querySelector(".bar")),
    })),
    legend: [...table.querySelectorAll(".legend li")].map((item) => ({
      text: plain(item),
      look: look(item.querySelector(".bar")),
    })),
  };
}

function evidence() {
  const items = globalThis.deepFind("bluepane-stack").shadowRoot.querySelectorAll(".blame li");
  return [...items].map((item) => ({ where: item.querySelector("button")?.textContent.trim() }));
}

function follow(index) {
  const items = globalThis.deepFind("bluepane-stack").shadowRoot.querySelectorAll(".blame li");
  items[index].querySelector("button").click();
}

/** What has the keyboard. */
function reached() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return { mark: element?.dataset.mark ?? null, text: element?.textContent.replace(/\s+/g, " ") };
}

function unfold(index) {
  const buttons = globalThis.deepFind("bluepane-stack").shadowRoot.querySelectorAll(".how button");
  buttons[index].click();
}

function unfolded() {
  return globalThis.deepFind("bluepane-stack").shadowRoot.querySelector("tr.more")?.textContent;
}

function textOf(name) {
  const visit = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    return [...(node.shadowRoot ?? node).childNodes].map(visit).join(" ");
  };
  return visit(globalThis.deepFind(name)).replace(/\s+/g, " ");
}

function wantedFiles() {
  const section = globalThis.deepFind("bluepane-symbols").shadowRoot;
  return [...section.querySelectorAll("td.path")].map((cell) => ({
    module: cell.previousElementSibling.textContent.trim(),
    path: cell.querySelector("code").textContent,
    copied: cell.querySelector("bluepane-copy").text,
  }));
}

/** Of each line below "Other stacks": whether it stands open. */
function others() {
  const { shadowRoot } = globalThis.deepFind("bluepane-stack");
  const lines = [...shadowRoot.querySelectorAll("details.other")];
  return lines.filter((line) => !line.closest(".idle")).map((line) => line.open);
}

/** Prints by the button of the page, onto `onPaper`: what is printed of the code at the fault. */
function prints(redacted) {
  globalThis.onPaper = "";
  window.print = () => {
    const view = globalThis.deepFind("bluepane-code");
    const part = view?.shadowRoot.querySelector("details:not(.screen)");
    globalThis.onPaper = part?.textContent.replace(/\s+/g, " ") ?? "nothing of it";
    window.dispatchEvent(new Event("afterprint"));
  };
  const share = globalThis.deepFind("bluepane-share").shadowRoot;
  const row = [...share.querySelectorAll("tr")].find((row) => row.textContent.includes("Print"));
  const box = row.querySelector("input");
  if (box.checked !== redacted) box.click();
  row.querySelector("button").click();
}

/** A drop of files with these names and texts. */
function dropped(files) {
  const bytes = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([bytes(text)], name));
  const options = { dataTransfer: data, bubbles: true, cancelable: true, composed: true };
  const target = document.querySelector("bluepane-analyzer");
  target.dispatchEvent(new DragEvent("dragover", options));
  target.dispatchEvent(new DragEvent("drop", options));
}
