// The page by keyboard, for screen readers, light and dark, wide and narrow: axe-core's rules of
// WCAG 2.2 AA, and what no rule can see.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { inBrowsers } from "./lib/browsers.mjs";
import { dumps, sampleFacts } from "./lib/dumps.mjs";
import { pageUrl } from "./lib/paths.mjs";
import { shows } from "./lib/wait.mjs";

const files = await dumps();
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const complete = "Analysed in";

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 390]) {
    inBrowsers(
      `accessibility, ${colorScheme}, ${width} wide`,
      (it) => {
        const views = [
          ["the start", async () => {}],
          ["a report", (tab) => tab.choose(files.sample).then(() => shows(tab, complete))],
          [
            "many dumps",
            (tab) =>
              tab
                .choose([files.sample, files.headerOnly, files.diary])
                .then(() => shows(tab, "in common")),
          ],
        ];
        for (const [name, prepare] of views) {
          it(`${name} breaks no rule and does not scroll sideways`, async (open) => {
            const tab = await open(pageUrl);
            await shows(tab, "Drop a Windows crash dump here");
            await prepare(tab);
            await tab.tab.addScriptTag({ content: axe });
            const broken = await tab.evaluate(async () => {
              const { violations } = await globalThis.axe.run();
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
  },
  { only: ["chromium"] },
);

function typed() {
  let element = document.activeElement;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element.value;
}
