// The page by keyboard, for screen readers, light and dark, wide and narrow: axe-core's rules of
// WCAG 2.2 AA, and what no rule can see.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { inBrowsers } from "./lib/browsers.mjs";
import { giveDeepFind } from "./lib/deep.mjs";
import { dumps, realMinidump, sampleFacts } from "./lib/dumps.mjs";
import { pageUrl } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

const files = await dumps();
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const complete = "Analysed in";
const real = realMinidump();

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 390]) {
    inBrowsers(
      `accessibility, ${colorScheme}, ${width} wide`,
      (it) => {
        // The same rules and colours hold in both widths: each is tried once as it comes and once opened.
        const unfolds = (colorScheme === "light") === width > 600;
        const view = unfolds ? opened : (tab) => shows(tab, complete);
        const views = [
          ["the start", async () => {}],
          [
            "a code looked up",
            (tab) =>
              tab
                .press("CRITICAL_PROCESS_DIED")
                .then(() => shows(tab, "A process that Windows cannot live without")),
          ],
          ["a report", (tab) => tab.choose(files.sample).then(() => view(tab))],
          [
            "many dumps",
            (tab) =>
              tab
                .choose([files.sample, files.headerOnly, files.diary])
                .then(() => shows(tab, "in common")),
          ],
          [
            "a file that is no dump",
            (tab) => tab.choose(files.diary).then(() => shows(tab, /diary.*Choose files/s)),
          ],
          ...(real
            ? [["a real report", (tab) => tab.choose(real.path).then(() => view(tab))]]
            : []),
        ];
        for (const [name, prepare] of views) {
          it(`${name} breaks no rule and does not scroll sideways`, async (open) => {
            const tab = await open(pageUrl);
            await shows(tab, "Drop a Windows crash dump here");
            await prepare(tab);
            await tab.tab.addScriptTag({ content: axe });
            const broken = await tab.evaluate(async () => {
              const { violations } = await globalThis.axe.run({ resultTypes: ["violations"] });
              return violations.map((rule) => `${rule.id}: ${rule.nodes[0].target.join(" ")}`);
            });
            assert.deepEqual(broken, []);
            const [page, window] = await tab.evaluate(() => [
              document.documentElement.scrollWidth,
              innerWidth,
            ]);
            assert.ok(page <= window, `the page is ${page} wide in a window of ${window}`);
          });
        }
      },
      {
        only: ["chromium"],
        options: {
          context: {
            // axe is a script that the page's policy rightly refuses.
            bypassCSP: true,
            colorScheme,
            reducedMotion: "reduce",
            viewport: { width, height: 900 },
          },
        },
      },
    );
  }
}

inBrowsers(
  "by keyboard alone",
  (it) => {
    it("the sample is opened, a section reached, a module unfolded, the console asked", async (open) => {
      const tab = await open(pageUrl);
      const { keyboard } = tab.tab;
      const focused = () =>
        tab.evaluate(() => {
          let element = document.activeElement;
          while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
          const label = element?.labels?.[0] ?? element;
          return (element?.getAttribute("aria-label") ?? label?.textContent ?? "").trim();
        });
      const reach = async (label, key = "Tab") => {
        for (let presses = 0; presses < 80; presses++) {
          if ((await focused()).replace(/\s+/g, " ").startsWith(label)) return;
          await keyboard.press(key);
        }
        throw new Error(`the Tab key never reaches ${label}`);
      };
      await shows(tab, "Drop a Windows crash dump here");
      await keyboard.press("Tab");
      assert.equal(await focused(), "Skip to the report");
      await reach("Open the sample");
      await keyboard.press("Enter");
      await shows(tab, complete);
      assert.match(await focused(), new RegExp(sampleFacts.code), "the report is not entered");
      await reach("Modules", "Shift+Tab");
      await keyboard.press("Enter");
      assert.equal(await focused(), "Modules", "the section is not entered");
      await reach("Search modules");
      await keyboard.type("vmgen");
      await shows(tab, "1 shown");
      await reach("vmgencounter");
      await keyboard.press("Enter");
      await shows(tab, "Time stamp");
      await reach("Command");
      await keyboard.type("vertarget");
      await keyboard.press("Enter");
      await shows(tab, "> vertarget");
      await keyboard.press("ArrowUp");
      assert.equal(await tab.evaluate(typed), "vertarget", "the history is not there");
    });

    it("what is reached backwards is not hidden by the bar at the top", async (open) => {
      const tab = await open(pageUrl);
      await shows(tab, "Drop a Windows crash dump here");
      await tab.choose(files.sample);
      await shows(tab, complete);
      const covered = [];
      for (let presses = 0; presses < 250; presses++) {
        await tab.tab.keyboard.press("Shift+Tab");
        const hidden = await tab.evaluate(() => {
          let element = document.activeElement;
          while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
          if (element === document.body || element?.closest(".bar")) return null;
          const { left, top, height } = element.getBoundingClientRect();
          let above = document.elementFromPoint(left + 2, top + height / 2);
          while (above?.shadowRoot?.elementFromPoint(left + 2, top + height / 2) !== above) {
            const inner = above?.shadowRoot?.elementFromPoint(left + 2, top + height / 2);
            if (!inner || inner === above) break;
            above = inner;
          }
          return above?.closest(".bar") ? element.textContent.trim() : null;
        });
        if (hidden) covered.push(hidden);
      }
      assert.deepEqual(covered, []);
    });

    it("the Tab key goes round the whole report and is trapped nowhere", async (open) => {
      const tab = await open(pageUrl);
      await shows(tab, "Drop a Windows crash dump here");
      await tab.choose(files.sample);
      await shows(tab, complete);
      await until(
        async () => (await tab.evaluate(place))?.startsWith("h1"),
        "no heading is entered",
      );
      const seen = [];
      // From the heading to the end, out of the page, and round from its beginning to the heading.
      for (let ended = false; ;) {
        await tab.tab.keyboard.press("Tab");
        const at = await tab.evaluate(place);
        if (ended && at === seen[0]) break;
        if (at === null) ended = true;
        else seen.push(at);
        assert.ok(seen.length < 600, "the Tab key never leaves the page");
      }
      for (const part of ["a Bug check", "a Stack", "a Memory", "button Run", "button Save JSON"]) {
        assert.ok(
          seen.some((name) => name.startsWith(part)),
          `${part} is not among ${seen.join("; ")}`,
        );
      }
    });
  },
  { only: ["chromium"] },
);

/** Opens all that a report folds away, a frame of the stack too, and asks the console. */
async function opened(tab) {
  await shows(tab, complete);
  await tab.evaluate(giveDeepFind);
  await until(() => tab.evaluate(unfoldFrame), "no frame can be opened");
  await tab.evaluate(() => void globalThis.deepFind("bluepane-console").run("k"));
  await until(() => tab.evaluate(unfoldAll), "not all is read");
  await shows(tab, "> k");
  await shows(tab, "BUGCHECK_STR");
}

// In the page.

function unfoldFrame() {
  const button = globalThis.deepFind("bluepane-stack")?.renderRoot.querySelector(".how button");
  button?.click();
  return Boolean(button);
}

/** Opens what is there; true when nothing was closed and nothing is being read. */
function unfoldAll() {
  const READING = /^(?:Reading|Looking|Working|…)/;
  let done = true;
  const visit = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.localName === "details" && !element.open) {
        element.open = true;
        done = false;
      }
      if (element.localName === "p" && READING.test(element.textContent.trim())) done = false;
      if (element.shadowRoot) visit(element.shadowRoot);
    }
  };
  visit(document);
  return done;
}

/** What has the keyboard, however deep. */
function place() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (!element || element === document.body) return null;
  return `${element.localName} ${element.textContent.replace(/\s+/g, " ").trim()}`.slice(0, 60);
}

function typed() {
  let element = document.activeElement;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element.value;
}
