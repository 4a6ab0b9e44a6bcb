// Debian's Firefox ESR through puppeteer-core, which speaks WebDriver BiDi to it.

import puppeteer from "puppeteer-core";
import { deepQuery, deepText } from "./deep.mjs";

const executablePath = "/usr/bin/firefox-esr";

// No start page, no look-ups of its own: what leaves the browser is what the page sends.
const quiet = {
  "app.normandy.enabled": false,
  "app.update.disabledForTesting": true,
  "browser.safebrowsing.downloads.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.startup.page": 0,
  "captivedetect.canonicalURL": "",
  "datareporting.healthreport.uploadEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "toolkit.telemetry.server": "",
};

export async function launchFirefox({ preferences = {} } = {}) {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    extraPrefsFirefox: { ...quiet, ...preferences },
  });
  return {
    name: "firefox",
    async open(url) {
      const tab = await browser.newPage();
      const requests = [];
      const complaints = [];
      tab.on("request", (request) => requests.push(request.url()));
      tab.on("console", (message) => {
        if (["error", "warn"].includes(message.type())) complaints.push(message.text());
      });
      tab.on("pageerror", (error) => complaints.push(String(error)));
      await tab.goto(url);
      return driver(tab, requests, complaints);
    },
    close: () => browser.close(),
  };
}

function driver(tab, requests, complaints) {
  return {
    tab,
    requests,
    complaints,
    evaluate: (expression) => tab.evaluate(expression),
    text: () => tab.evaluate(deepText),
    choose: async (paths) => {
      const handle = await tab.evaluateHandle(deepQuery, "input[type=file]:not([webkitdirectory])");
      await handle.asElement().uploadFile(...[paths].flat());
    },
    screenshot: (path) => tab.screenshot({ path, fullPage: true }),
  };
}
