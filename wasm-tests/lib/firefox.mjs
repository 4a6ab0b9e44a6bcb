// Debian's Firefox ESR through puppeteer-core, which speaks WebDriver BiDi to it.

import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";
import { driver, listen } from "./tab.mjs";

export const firefoxPath = ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find((path) =>
  existsSync(path),
);

/** Why Firefox cannot be driven here, or null. */
export const missingFirefox = () => (firefoxPath ? null : "firefox-esr is not installed");

/** No start page, no look-ups of its own: what leaves the browser is what the page sends. */
export const quietPreferences = {
  "app.normandy.enabled": false,
  "app.update.disabledForTesting": true,
  "browser.aboutwelcome.enabled": false,
  "browser.newtabpage.enabled": false,
  "browser.safebrowsing.downloads.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.safebrowsing.update.enabled": false,
  "browser.startup.homepage": "about:blank",
  "browser.startup.page": 0,
  "captivedetect.canonicalURL": "",
  "datareporting.healthreport.uploadEnabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "dom.push.connection.enabled": false,
  "extensions.getAddons.cache.enabled": false,
  "extensions.systemAddon.update.enabled": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  // What still asks its maker's hosts ends on this machine.
  "network.dns.localDomains":
    "firefox.settings.services.mozilla.com,content-signature-2.cdn.mozilla.net,push.services.mozilla.com",
  "network.trr.mode": 5,
  "services.settings.server": "data:,",
  "toolkit.telemetry.enabled": false,
  "toolkit.telemetry.server": "",
  "toolkit.telemetry.unified": false,
};

export async function launchFirefox({ preferences = {} } = {}) {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: firefoxPath,
    headless: true,
    extraPrefsFirefox: { ...quietPreferences, ...preferences },
  });
  return {
    name: "firefox",
    async open(url, { framed = false } = {}) {
      const tab = await browser.newPage();
      const heard = listen(tab, ["error", "warn"]);
      await tab.goto(url);
      const frame = framed ? tab.frames()[1] : tab;
      return driver(tab, frame, heard, (input, paths) => input.uploadFile(...paths));
    },
    close: () => browser.close(),
  };
}
