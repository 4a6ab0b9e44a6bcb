// The story of a stop: told once, in numbered links, each leading to what it rests on.

import assert from "node:assert/strict";
import { inBrowsers } from "./lib/browsers.mjs";
import { giveDeepFind } from "./lib/deep.mjs";
import { pageUrl } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

inBrowsers("the story", (it) => {
  it("stands below the card, with its root cause, how sure it is, and other causes", async (open) => {
    const tab = await sample(open);
    const text = await tab.text();
    const parts = ["KERNEL_DATA_INPAGE_ERROR", "Almost no memory was left", "root cause:"];
    parts.push(
      "This is likely : several signs agree",
      "What else it could be",
      "Insert Integration",
    );
    let from = 0;
    for (const part of parts) {
      const at = text.indexOf(part, from);
      assert.ok(at >= 0, `${part} does not come in its turn: ${text.slice(from, from + 600)}`);
      from = at;
    }
  });

  it("says every step and every link once", async (open) => {
    const tab = await sample(open);
    const story = await tab.evaluate(told);
    const text = await tab.evaluate(outsideVerdict);
    const said = (sentence) => text.split(sentence).length - 1;
    assert.ok(story.links.length > 4 && story.advice.length > 4);
    for (const sentence of [...story.links.map(({ text }) => text), ...story.advice]) {
      // What is to be typed stands between backticks, and is drawn as code without them.
      const plain = sentence.replaceAll("`", "");
      const shown = plain.replace(/^On the host, (.)/, (_, first) => first.toUpperCase());
      assert.equal(said(shown), 1, shown);
    }
  });

  it("leads from each piece of evidence to the place that it names", async (open) => {
    const tab = await sample(open);
    const follow = async (label, place) => {
      await tab.press(label);
      await until(
        async () => (await tab.evaluate(reached)).includes(place),
        async () => `${label} leads to ${await tab.evaluate(reached)}`,
      );
    };
    await follow("Page-hash errors: 3", "counter page_hash_errors");
    await follow("Available: 7 MiB", "counter available");
    await follow("dmvsc.sys is loaded", "dmvsc.sys");
    await follow("\\??\\C:\\pagefile.sys", "page-files");
    await follow("Verdict on the integration", "components");
    await follow("The stop code is", "Bug check");
    assert.deepEqual(tab.complaints, []);
  });

  it("gives the steps both ways where the host is not certain", async (open) => {
    const tab = await sample(open);
    await tab.evaluate(waver);
    const text = await shows(tab, "If the host is Windows Server 2019");
    assert.match(
      text,
      /What to do First See which host it is\. If the host is Windows Server 2012 R2 Insert it\. Run it\. If the host is Windows Server 2019 Update it\. In any case Wait\. On the host Look at it\./,
    );
  });

  it("leaves a report without a story as it was", async (open) => {
    const tab = await sample(open);
    await tab.evaluate(forget);
    await until(async () => !(await tab.text()).includes("root cause:"), "the story stays");
    const text = await tab.text();
    assert.doesNotMatch(text, /What happened/);
    assert.match(text, /Connect to the guest from Hyper-V Manager/);
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

function told() {
  return globalThis.deepFind("bluepane-analyzer").report.story;
}

/** The page's text without the sections that repeat the report on purpose. */
function outsideVerdict() {
  const parts = ["card", "story", "todo", "findings", "bugcheck", "stack", "memory"];
  const visit = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    return [...(node.shadowRoot ?? node).childNodes].map(visit).join("");
  };
  return parts
    .map((name) => visit(globalThis.deepFind(`bluepane-${name}`)))
    .join(" ")
    .replace(/\s+/g, " ");
}

/** What has the keyboard: its mark, or its text. */
function reached() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element?.dataset.mark ?? element?.textContent.trim() ?? "";
}

function waver() {
  const analyzer = globalThis.deepFind("bluepane-analyzer");
  const report = structuredClone(analyzer.report);
  report.story.advice = [
    "See which host it is.",
    "If the host is Windows Server 2012 R2: Insert it.",
    "If the host is Windows Server 2012 R2: Run it.",
    "If the host is Windows Server 2019: Update it.",
    "On the host, look at it.",
    "Wait.",
  ];
  analyzer.report = report;
}

function forget() {
  const analyzer = globalThis.deepFind("bluepane-analyzer");
  const report = structuredClone(analyzer.report);
  delete report.story;
  report.findings = report.findings.filter(({ id }) => id !== "root-cause");
  analyzer.report = report;
}
