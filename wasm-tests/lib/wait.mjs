// Waiting for what the page shows. The page's policy forbids `eval`, so it is asked again and
// again from outside.

import { setTimeout as sleep } from "node:timers/promises";

/** Waits until the text of the page holds `wanted`, a string or a pattern, and gives the text. */
export async function shows(page, wanted, { seconds = 30 } = {}) {
  const until = Date.now() + seconds * 1000;
  let text = "";
  while (Date.now() < until) {
    text = await page.text();
    if (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)) return text;
    await sleep(50);
  }
  throw new Error(
    `after ${seconds} s the page does not show ${wanted}; it shows: ${text.slice(0, 2000)}`,
  );
}
