// The content security policy of the page, each directive with its reason. The same list goes
// into the page's <meta> element and, for hosts that send headers, into _headers.

import { createHash } from "node:crypto";

/** The policy's name for exactly this text: `'sha256-…'`. */
export function fingerprint(text) {
  return `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;
}

/**
 * @param {{scripts: string[], styles: string[]}} inline fingerprints of what the page carries
 * @returns {{name: string, values: string[], why: string, headerOnly?: boolean}[]}
 */
export function directives({ scripts, styles }) {
  return [
    {
      name: "default-src",
      values: ["'none'"],
      why: "Nothing may be loaded or fetched from anywhere. This is the promise that a dump stays on the computer.",
    },
    {
      name: "script-src",
      values: [...scripts, "'wasm-unsafe-eval'"],
      why: "Only the script that was built into this page, and compiling its WebAssembly. No other text ever becomes code.",
    },
    {
      name: "worker-src",
      values: ["blob:"],
      why: "The analyzer runs in a worker that the page makes from text it carries. A worker inherits this policy.",
    },
    {
      name: "style-src",
      values: styles,
      why: "Only the style sheet that was built into this page. Style attributes are blocked, so a dump cannot bring any.",
    },
    {
      name: "img-src",
      values: ["data:", "blob:"],
      why: "Pictures drawn by the page itself. None from the network, where a request for one could carry data out.",
    },
    {
      name: "form-action",
      values: ["'none'"],
      why: "default-src does not cover forms; without this a form could be sent somewhere.",
    },
    {
      name: "base-uri",
      values: ["'none'"],
      why: "default-src does not cover <base>; without this relative addresses could be made to point elsewhere.",
    },
    {
      name: "require-trusted-types-for",
      values: ["'script'"],
      why: "The browser refuses plain text where text would become markup or a script's address.",
    },
    {
      name: "trusted-types",
      values: ["bluepane", "lit-html"],
      why: "The only two places that may make such text: the address of the worker, and the templates' fixed markup.",
    },
  ];
}

/** One line of policy, for the <meta> element and the header. */
export function policyText(list) {
  return list.map(({ name, values }) => [name, ...values].join(" ")).join("; ");
}

/** The `_headers` file of static hosts: the policy again, and what only a header can say. */
export function headersFile(list) {
  const extra = [
    [
      "X-Content-Type-Options: nosniff",
      "The browser believes the type that the server names and does not guess.",
    ],
    [
      "Referrer-Policy: no-referrer",
      "Nobody learns from where the page was opened, should a reader follow a copied address.",
    ],
    [
      "Permissions-Policy: camera=(), microphone=(), geolocation=(), usb=(), serial=(), bluetooth=()",
      "Devices that the page never asks for.",
    ],
    [
      "X-DNS-Prefetch-Control: off",
      "Looking up a name would already be a packet that leaves the computer.",
    ],
    [
      "Cross-Origin-Resource-Policy: cross-origin",
      "A wiki on another site may show the page in a frame. There is deliberately no frame-ancestors directive.",
    ],
    [
      "Cache-Control: no-cache",
      "A new version is seen at once; an unchanged one is not sent again.",
    ],
  ];
  const lines = [
    "# Response headers in the format that several static hosts read. The page works without them:",
    "# the same policy stands in its <meta> element. As a header it also covers the moment before",
    "# that element is read.",
    "#",
    "# Content-Security-Policy, directive by directive:",
  ];
  for (const { name, values, why } of list) {
    lines.push(`#   ${[name, ...values].join(" ")}`, `#     ${why}`);
  }
  lines.push("#", "# The others:");
  for (const [header, why] of extra) {
    lines.push(`#   ${header}`, `#     ${why}`);
  }
  lines.push("", "/*", `  Content-Security-Policy: ${policyText(list)}`);
  for (const [header] of extra) {
    lines.push(`  ${header}`);
  }
  return `${lines.join("\n")}\n`;
}
