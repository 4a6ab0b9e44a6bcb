// Small pieces of markup that many parts use. Text reaches the page as text nodes only.
import { type TemplateResult, html, nothing } from "lit";
import type { Confidence, Evidence, Gap, Hex, Severity } from "../report";
import { pieces } from "./code";
import { digits } from "./number";
import { stepGroups } from "./steps";
import { CONFIDENCE, gap, word } from "./words";

/** An address or another large number: two groups to the eye, one number to copy. */
export function address(hex: Hex | undefined, width = 16): TemplateResult | typeof nothing {
  if (hex === undefined) return nothing;
  const text = digits(hex, width);
  const cut = text.length - 8;
  if (cut <= 0) return html`<code class="addr">${text}</code>`;
  return html`<code class="addr"
    ><span>${text.slice(0, cut)}</span><span>${text.slice(cut)}</span></code
  >`;
}

/** What goes to the memory at an address. */
export type Follow = (hex: Hex) => void;

/** An address that leads to the memory there, where it can be followed. */
export function followed(
  hex: Hex | undefined,
  width: number,
  follow: Follow | undefined,
): TemplateResult | typeof nothing {
  if (hex === undefined || !follow) return address(hex, width);
  return html`<button
    type="button"
    class="plain follow"
    title="Show the memory there"
    @click=${() => follow(hex)}
  >
    ${address(hex, width)}
  </button>`;
}

/** Text in which addresses lead to the memory there. */
export function linked(text: string, follow: Follow | undefined): unknown {
  if (!follow) return text;
  return text
    .split(ADDRESS)
    .map((part, index) =>
      index % 2 === 0
        ? part
        : html`<button
            type="button"
            class="plain follow"
            title="Show the memory there"
            @click=${() => follow(`0x${part.replace(/^0x|`/g, "")}`)}
          >
            ${part}
          </button>`,
    );
}

/** An address of a 64-bit kernel as it stands in sentences. */
const ADDRESS = /((?:0x)?(?:ffff[0-9a-f]{4}`?[0-9a-f]{8}))(?![0-9a-f])/i;

/** Addresses of 32-bit machines have eight digits. */
export function addressWidth(architecture: string | undefined): number {
  return architecture === "x86" ? 8 : 16;
}

const SEVERITY: Record<Severity, string> = {
  critical: "Critical",
  warning: "Warning",
  note: "Note",
};

export function severity(level: Severity): TemplateResult {
  return html`<span class="tag ${level}">${SEVERITY[level] ?? level}</span>`;
}

export function sure(confidence: Confidence | undefined): TemplateResult | typeof nothing {
  if (!confidence) return nothing;
  return html`<span class="sure" title=${word(CONFIDENCE, confidence)}>${confidence}</span>`;
}

/** Goes to where a piece of evidence stands; null where the page does not show it. */
export type Lead = (item: Evidence) => (() => void) | null;

/** A list up to this long is shown at once. */
const SHORT = 6;

/** What a statement rests on, and where that stands in the dump. */
export function evidence(
  list: Evidence[] | undefined,
  follow?: Follow,
  lead?: Lead,
): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  const items = html`<ul class="text evidence">
    ${list.map(
      (item) =>
        html`<li>
          ${linked(item.text, follow)}${item.where ? html` ${whence(item, follow, lead)}` : nothing}
        </li>`,
    )}
  </ul>`;
  if (list.length <= SHORT) return items;
  return html`<details>
    <summary>${list.length} pieces of evidence</summary>
    ${items}
  </details>`;
}

function whence(item: Evidence, follow?: Follow, lead?: Lead): TemplateResult {
  const go = lead?.(item);
  if (!go) return html`<code class="muted">${linked(item.where ?? "", follow)}</code>`;
  return html`<button
    type="button"
    class="plain follow muted"
    title="Show where it stands"
    @click=${go}
  >
    ${item.where}
  </button>`;
}

/** Numbered steps, grouped by the host that they hold for. */
export function steps(
  list: string[] | undefined,
  heading: (title: string) => TemplateResult = (title) => html`<p class="small muted">${title}</p>`,
): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  return html`${stepGroups(list).map(
    ({ title, steps, from }) =>
      html`${title ? heading(title) : nothing}
        <ol class="text" start=${from}>
          ${steps.map((step) => html`<li>${pieces(step)}</li>`)}
        </ol>`,
  )}`;
}

/** A blank that says why it is blank. */
export function blank(reason: Gap | undefined): TemplateResult {
  return html`<span class="muted">${gap(reason)}</span>`;
}

export interface Fact {
  label: string;
  value: unknown;
}

/** Label and value pairs; a fact without a value is left out. */
export function facts(list: (Fact | null)[]): TemplateResult {
  const shown = list.filter((fact): fact is Fact => fact !== null && !isEmpty(fact.value));
  return html`<dl class="facts">
    ${shown.map(
      (fact) =>
        html`<dt>${fact.label}</dt>
          <dd>${fact.value}</dd>`,
    )}
  </dl>`;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || value === nothing;
}
