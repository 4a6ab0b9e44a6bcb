// One tab of a browser that playwright or puppeteer drives, with the same few verbs for both.
// The page's policy forbids `eval`, so nothing is polled inside the page.

import { deepClick, deepQuery, deepText } from "./deep.mjs";

/** Listens to a tab before it opens anything. */
export function listen(tab, levels) {
  const heard = { requests: [], complaints: [] };
  tab.on("request", (request) => heard.requests.push(request.url()));
  tab.on("console", (message) => {
    if (levels.includes(message.type())) heard.complaints.push(message.text());
  });
  tab.on("pageerror", (error) => heard.complaints.push(String(error)));
  return heard;
}

/** `frame`: the tab itself or the frame in it that holds the page; `upload`: sets an input's files. */
export function driver(tab, frame, heard, upload) {
  return {
    tab,
    frame,
    ...heard,
    evaluate: (code, argument) => frame.evaluate(code, argument),
    /** In the document around the frame. */
    outside: (code, argument) => tab.evaluate(code, argument),
    text: () => frame.evaluate(deepText),
    press: async (label) => {
      const found = await frame.evaluate(deepClick, label);
      if (!found) throw new Error(`there is nothing to press called ${label}`);
    },
    choose: async (paths, { folder = false } = {}) => {
      const handle = await frame.evaluateHandle(deepQuery, folder ? "#folder" : "#files");
      await upload(handle.asElement(), [paths].flat());
    },
    screenshot: (path) => tab.screenshot({ path, fullPage: true }),
    close: () => tab.close(),
  };
}
