// What the hypervisor has taken back of a guest's memory: in words, and as a picture of the memory
// that Windows believes in, can use, and has locked in drivers.
import { type TemplateResult, html, nothing } from "lit";
import type { Balloon, Report } from "../report";
import { type Lead, evidence, facts, sure } from "../format/pieces";
import { approx, pages } from "../format/number";
import { BALLOON, word } from "../format/words";
import { bar } from "./bars";
import { figure } from "./memory-figures";

const PAGE = 4096;

/** `told`: leads to the story where that has said it already. */
export function balloonPart(
  report: Report,
  lead: Lead,
  told: TemplateResult | null,
): TemplateResult | typeof nothing {
  const { memory } = report;
  const balloon = memory?.balloon;
  if (!memory || !balloon) return nothing;
  const hyperV = balloon.driver.toLowerCase() === "dmvsc.sys";
  const said = report.story?.links.some(({ text }) => text === balloon.explanation);
  return html`<h3 data-mark="balloon">
      ${hyperV ? "Dynamic Memory" : "Memory that the hypervisor takes back"}
    </h3>
    <p class="lead"><b>${word(BALLOON, balloon.state)}</b> ${sure(balloon.confidence)}</p>
    ${said && told ? told : html`<p class="lead">${balloon.explanation ?? nothing}</p>`}
    ${picture(balloon, figure(memory, "physical"))}
    ${facts(
      [
        { label: "Driver", value: driver(balloon) },
        {
          label: "The host’s setting",
          value:
            balloon.host_setting === undefined
              ? html`<span class="muted">not found in this dump</span>`
              : `Dynamic Memory is ${balloon.host_setting ? "on" : "off"}, as the host wrote into the registry`,
        },
        {
          label: "Added while running",
          value: balloon.hot_added_pages ? pages(balloon.hot_added_pages) : "",
        },
        {
          label: "In no figure",
          value: balloon.not_accounted_pages
            ? `${pages(balloon.not_accounted_pages)}, by arithmetic: pages that drivers have locked are among them`
            : "",
        },
      ].filter(({ label }) => hyperV || !label.startsWith("The host")),
    )}
    ${
      balloon.evidence?.length && !said
        ? html`<details>
            <summary>What this rests on</summary>
            ${evidence(balloon.evidence, undefined, lead)}
          </details>`
        : nothing
    }`;
}

function driver({ driver, loaded }: Balloon): TemplateResult {
  const state = loaded === undefined ? "whether it is loaded is not known" : "";
  return html`<code>${driver}</code>, ${state || (loaded ? "loaded" : "not loaded")}`;
}

function picture(balloon: Balloon, physical: number | null): TemplateResult | typeof nothing {
  if (physical === null || balloon.locked_pages === undefined) return nothing;
  const locked = Math.min(physical, approx(balloon.locked_pages) * PAGE);
  return html`<div class="bars">
    ${bar({
      title: "Memory that Windows believes in",
      whole: physical,
      wholeLabel: "",
      parts: [
        { label: "held by drivers", value: locked, shade: "d" },
        { label: "can be used", value: physical - locked, shade: "a" },
      ],
    })}
  </div>`;
}
