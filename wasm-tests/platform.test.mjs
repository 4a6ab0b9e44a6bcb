// The Platform section: the host among its generations, the components of a Hyper-V guest; a machine
// that is none reads nothing of Integration Services. The balloon and the answers of the Memory section.

import assert from "node:assert/strict";
import { inBrowsers } from "./lib/browsers.mjs";
import { giveDeepFind } from "./lib/deep.mjs";
import { pageUrl } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

inBrowsers("the platform", (it) => {
  it("shows the host among its generations, and every component with what is known", async (open) => {
    const tab = await sample(open);
    const text = await tab.evaluate(sectionText, "bluepane-platform");
    assert.match(text, /2008 2008 R2 2012 2012 R2 the host this guest 2016 2019 2022 2025/);
    assert.match(text, /The host wrote its Windows version, 6\.3, into the guest's registry/);
    assert.match(text, /dmvsc\.sys outdated loaded 6\.3\.9600\.16384 2013-08-22 Dynamic Memory/);
    assert.match(text, /Copies that write the dump dump_storvsc\.sys/);
    await tab.evaluate(doubt);
    await shows(tab, "possible host");
    assert.match(
      await tab.evaluate(sectionText, "bluepane-platform"),
      /2012 possible host 2012 R2 possible host this guest 2016/,
    );
  });

  it("says nothing of Integration Services where the machine is no Hyper-V guest", async (open) => {
    const tab = await sample(open);
    await tab.evaluate(elsewhere);
    await shows(tab, "VMware Tools");
    const text = await tab.evaluate(sectionText, "bluepane-platform");
    assert.match(text, /^Platform /);
    assert.doesNotMatch(text, /Integration|Hyper-V/);
  });

  it("names the board where the maker left the product as it came, and says what was left so", async (open) => {
    const tab = await sample(open);
    await tab.evaluate(unfilled);
    const text = await shows(tab, /left as “ ?System Serial Number ?” by the maker/);
    assert.match(text, /Machine ASUS TUF B660M; virtual machine/);
    assert.doesNotMatch(text, /System Product Name|System Version/);
  });

  it("shows the balloon in words and as a picture, and answers !mem and the census", async (open) => {
    const tab = await sample(open);
    const text = await tab.evaluate(sectionText, "bluepane-memory");
    assert.match(text, /Dynamic Memory Not giving back: memory was held while the guest starved/);
    assert.match(
      text,
      /believes in 8 GiB .*held by drivers 3\.7 GiB 46 % can be used 4\.2 GiB 53 %/,
    );
    assert.match(text, /dmvsc\.sys , loaded The host’s setting Dynamic Memory is on/);
    await tab.press("In short (!mem)");
    await shows(tab, /Locked by drivers: +3\.7 GiB/);
    await tab.press("Census of all pages");
    await tab.press("Begin");
    await shows(tab, "pages of memory have a record that could be read", { seconds: 60 });
    assert.deepEqual(tab.complaints, []);
  });
});

async function sample(open) {
  const tab = await open(pageUrl);
  await shows(tab, "Drop a Windows crash dump here");
  await tab.press("Open the sample");
  await shows(tab, "Analysed in");
  await tab.evaluate(giveDeepFind);
  await until(() => tab.evaluate(ready), "the report is not whole");
  return tab;
}

// In the page.

function ready() {
  return !globalThis.deepFind("bluepane-analyzer").busy;
}

function sectionText(name) {
  const text = (node) =>
    node.nodeType === Node.TEXT_NODE ? node.data : [...node.childNodes].map(text).join(" ");
  return text(globalThis.deepFind(name).renderRoot).replace(/\s+/g, " ").trim();
}

function doubt() {
  const analyzer = globalThis.deepFind("bluepane-analyzer");
  const report = structuredClone(analyzer.report);
  report.platform.host_generation = ["2012", "2012-r2"];
  analyzer.report = report;
}

/** The firmware of a board whose fields were left as they came. */
function unfilled() {
  const analyzer = globalThis.deepFind("bluepane-analyzer");
  const report = structuredClone(analyzer.report);
  Object.assign(report.platform, {
    manufacturer: "ASUS",
    product: "System Product Name",
    version: "System Version",
    board_product: "TUF B660M",
    serial: "System Serial Number",
  });
  analyzer.report = report;
}

function elsewhere() {
  const analyzer = globalThis.deepFind("bluepane-analyzer");
  const report = structuredClone(analyzer.report);
  report.platform = {
    manufacturer: "VMware, Inc.",
    product: "VMware Virtual Platform",
    hypervisor: { vendor: "vmware", role: "guest", confidence: "certain" },
  };
  report.integration_services = { role: "neither", verdict: "n/a", explanation: "None." };
  analyzer.report = report;
}
