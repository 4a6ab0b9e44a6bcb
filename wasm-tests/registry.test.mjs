// The Registry section: the settings that tell the machine, and the tree of all keys, by keyboard.

import assert from "node:assert/strict";
import { inBrowsers } from "./lib/browsers.mjs";
import { giveDeepFind } from "./lib/deep.mjs";
import { pageUrl } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

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
