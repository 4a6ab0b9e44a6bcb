// The three browsers, and how a test runs in each of them.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { after, before, describe, test } from "node:test";
import { launchChromium, missingChromium } from "./chromium.mjs";
import { launchFirefox, missingFirefox } from "./firefox.mjs";
import { launchWebKit, missingWebKit } from "./webkit.mjs";

export const browsers = [
  { name: "chromium", missing: missingChromium(), launch: launchChromium },
  { name: "firefox", missing: missingFirefox(), launch: launchFirefox },
  { name: "webkit", missing: missingWebKit(), launch: launchWebKit },
];

/** Where pictures of failed tests go. */
export const pictures = process.env.BLUEPANE_SCREENSHOTS ?? join(tmpdir(), "bluepane-failures");

/** Says loudly what was not tested, for a machine that lacks something. */
export function skipped(what, why) {
  console.log(`skipped: ${what}: ${why}`);
}

/**
 * Runs `tests(it)` in every browser (or those of `only`), each browser started once.
 * `it(title, body)`: `body(open)` opens pages, which are closed after it; a failure leaves a picture.
 */
export function inBrowsers(title, tests, { only, options = {} } = {}) {
  for (const { name, missing, launch } of browsers) {
    if (only && !only.includes(name)) continue;
    if (missing) {
      skipped(`${title} in ${name}`, missing);
      continue;
    }
    describe(`${title} (${name})`, () => {
      let browser;
      before(async () => (browser = await launch(options)), { timeout: 60_000 });
      after(() => browser?.close());
      tests((what, body) => test(what, { timeout: 90_000 }, () => once(browser, what, body)), name);
    });
  }
}

async function once(browser, what, body) {
  const pages = [];
  const open = async (...place) => {
    const page = await browser.open(...place);
    pages.push(page);
    return page;
  };
  try {
    await body(open, browser);
  } catch (error) {
    await photograph(`${browser.name} ${what}`, pages.at(-1));
    throw error;
  } finally {
    for (const page of pages) await page.close().catch(() => {});
  }
}

async function photograph(name, page) {
  if (!page) return;
  await mkdir(pictures, { recursive: true });
  const path = join(pictures, `${name.replace(/[^\w.-]+/g, "-").slice(0, 120)}.png`);
  try {
    await page.screenshot(path);
    console.log(`a picture of the failure: ${path}`);
  } catch (error) {
    console.log(`no picture of the failure: ${error.message}`);
  }
}
