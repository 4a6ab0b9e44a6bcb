// Waiting for what the page shows. The page's policy forbids `eval`, so it is asked again and
// again from outside.

import { setTimeout as sleep } from "node:timers/promises";

/** Waits until `ask` gives something true, and gives that. */
export async function until(ask, what, { seconds = 20 } = {}) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) {
      throw new Error(`after ${seconds} s: ${typeof what === "function" ? await what() : what}`);
    }
    await sleep(60);
  }
}

/** Waits until the text of the page holds `wanted`, a string or a pattern, and gives the text. */
export async function shows(page, wanted, options) {
  let text = "";
  const ask = async () => {
    text = await page.text();
    return typeof wanted === "string" ? text.includes(wanted) : wanted.test(text);
  };
  await until(
    ask,
    () => `the page does not show ${wanted}; it shows: ${text.slice(0, 2000)}`,
    options,
  );
  return text;
}
