// The Registry section: the settings that tell the machine, and the tree of all keys, by keyboard.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { inBrowsers } from "./lib/browsers.mjs";
import { giveDeepFind } from "./lib/deep.mjs";
import { pageUrl, root, scratch } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

const folder = await scratch("registry");
after(() => rmSync(folder, { recursive: true, force: true }));

/** A kernel of no known symbol file, whose list of hives lies in a page that was not written. */
function hidden() {
  const HIVE_LIST = 0xfffff803_12aa84f0n; // CmpHiveListHead of build 9600 at that base
  const text = `[machine]
build = 9600
memory = "96 MiB"
kernel_base = "0xfffff80312400000"
[system]
computer_name = "FORGE-A"
[dump]
kind = "bitmap-full"
[faults]
leave_out = ["0x${HIVE_LIST.toString(16)}"]
guid = "0123456789ABCDEF0123456789ABCDEF"
`;
  const [scenario, path] = [join(folder, "hidden.toml"), join(folder, "hidden.dmp")];
  writeFileSync(scenario, text);
  const call = ["run", "-q", "--locked", "-p", "bluepane-forge", "--", scenario, "-o", path];
  execFileSync("cargo", call, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  return path;
}
const unknown = hidden();

inBrowsers("the registry", (it) => {
  it("shows settings with their keys, types and what a number means", async (open) => {
    const tab = await sample(open);
    const text = await tab.evaluate(sectionText);
    assert.match(
      text,
      /HKLM\\SYSTEM\\CurrentControlSet\\Control\\CrashControl CrashDumpEnabled 2 kernel/,
    );
    assert.match(text, /PagingFiles c:\\pagefile\.sys 832 2048 832 to 2048 MiB REG_MULTI_SZ/);
    assert.match(
      text,
      /VirtualMachineDynamicMemoryBalancingEnabled 1 Dynamic Memory is on REG_DWORD/,
    );
  });

  it("says of what could not be read why", async (open) => {
    const tab = await sample(open);
    await tab.evaluate(lose);
    await shows(tab, "was in memory, but its root key cannot be read");
    const text = await tab.evaluate(sectionText);
    assert.match(text, /CrashControl the key the page was not written to the dump/);
  });

  it("of an unknown kernel is found by a search, and all that rests on it is drawn anew", async (open) => {
    const tab = await opened(open, unknown);
    const before = await tab.text();
    assert.doesNotMatch(before, /FORGE-A/);
    assert.match(await tab.evaluate(sectionText), /!reg scan/);
    await tab.evaluate(count);
    await tab.press("Browse all keys");
    await shows(tab, "cannot be read");
    await tab.evaluate(ask, ["!reg scan"]);
    await shows(tab, "stored pages were searched");
    // The card's name, the settings, and the tree that stood open and had nothing.
    await shows(tab, /Name FORGE-A/);
    const after = await tab.evaluate(sectionText);
    assert.doesNotMatch(after, /!reg scan/);
    assert.match(after, /Computer and time .*ComputerName FORGE-A REG_SZ/);
    await until(() => tab.evaluate(focusTree), "no hive appears");
    assert.deepEqual(await tab.evaluate(() => globalThis.reports), ["FORGE-A"]);
    // What does not find anything new leaves the report alone.
    await tab.evaluate(ask, ["vertarget"]);
    await shows(tab, "> vertarget");
    assert.equal((await tab.evaluate(() => globalThis.reports)).length, 1);
    assert.deepEqual(tab.complaints, []);
  });

  it("is browsed by keyboard, key by key, with values and types", async (open) => {
    const tab = await sample(open);
    await tab.press("Browse all keys");
    await until(() => tab.evaluate(focusTree), "no hive appears");
    const press = async (key, wanted) => {
      await tab.evaluate(type, [key]);
      await until(
        async () => wanted.test(await tab.evaluate(chosen)),
        async () => `after ${key}: ${await tab.evaluate(chosen)}`,
      );
    };
    await press("ArrowDown", /SYSTEM \| .*subkey/);
    await press("ArrowRight", /SYSTEM \| .*open/);
    await press("ArrowRight", /ControlSet001 \|/);
    await press("ArrowRight", /ControlSet001 \| .*open/);
    await press("c", /Control \|/);
    await press("ArrowRight", /Control \| .*open/);
    await press("ArrowRight", /ComputerName \|/);
    await press("ArrowDown", /CrashControl \| .*CrashDumpEnabled REG_DWORD 2/);
    await press("ArrowLeft", /Control \|/);
    await press("ArrowLeft", /Control \| .*closed/);
    await press("Home", /HARDWARE \|/);
    assert.deepEqual(tab.complaints, []);
  });
});

async function opened(open, path) {
  const tab = await open(pageUrl);
  await shows(tab, "Drop a Windows crash dump here");
  await tab.choose(path);
  await shows(tab, "Analysed in");
  await tab.evaluate(giveDeepFind);
  return tab;
}

async function sample(open) {
  const tab = await open(pageUrl);
  await shows(tab, "Drop a Windows crash dump here");
  await tab.press("Open the sample");
  await shows(tab, "Analysed in");
  await tab.evaluate(giveDeepFind);
  return tab;
}

// In the page.

function sectionText() {
  const { renderRoot } = globalThis.deepFind("bluepane-registry");
  const text = (node) =>
    node.nodeType === Node.TEXT_NODE ? node.data : [...node.childNodes].map(text).join(" ");
  return text(renderRoot).replace(/\s+/g, " ").trim();
}

/** Notes the reports that are announced from now on. */
function count() {
  globalThis.reports = [];
  addEventListener("bluepane-report", ({ detail }) =>
    globalThis.reports.push(detail.report.system.computer_name),
  );
}

function ask([line]) {
  return globalThis.deepFind("bluepane-console").run(line);
}

/** As if pages of the registry had not been written. */
function lose() {
  const analyzer = globalThis.deepFind("bluepane-analyzer");
  const report = structuredClone(analyzer.report);
  report.registry.hives.push({ path: "\\REGISTRY\\MACHINE\\SAM", gap: "not-in-dump" });
  const key = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\CrashControl";
  report.registry.values = [{ key, gap: "not-in-dump" }];
  analyzer.report = report;
}

function focusTree() {
  const { renderRoot } = globalThis.deepFind("bluepane-registry-tree");
  const first = renderRoot.querySelector("[role=treeitem][tabindex='0']");
  first?.focus();
  return first !== null;
}

function type([key]) {
  const { renderRoot } = globalThis.deepFind("bluepane-registry-tree");
  const item = renderRoot.querySelector("[role=treeitem][tabindex='0']");
  item.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}

/** The chosen key, whether it is open, and what is said of it. */
function chosen() {
  const { renderRoot } = globalThis.deepFind("bluepane-registry-tree");
  const item = renderRoot.querySelector("[aria-selected=true]");
  const text = (element) =>
    [...(element?.querySelectorAll("p, td") ?? [])].map((part) => part.textContent).join(" ");
  const state = { true: "open", false: "closed" }[item?.getAttribute("aria-expanded")] ?? "";
  const said = text(renderRoot.querySelector(".values")).replace(/\s+/g, " ");
  return `${item?.textContent.trim()} | ${said} ${state}`;
}
