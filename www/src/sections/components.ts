// The integration components of a Hyper-V guest: its drivers, the copies of them that write the dump,
// and the services of user mode.
import { type TemplateResult, html, nothing } from "lit";
import type { Component, IntegrationService, Module } from "../report";
import { code } from "../format/number";
import type { Lead } from "../format/pieces";
import { linkDate } from "../format/time";
import { STATUS, word } from "../format/words";

/** How a word of the closed lists is coloured; its text always stands beside the colour. */
export const TONE: Record<string, string> = {
  current: "ok",
  "in-box": "ok",
  outdated: "warning",
  mixed: "warning",
  missing: "critical",
};

/** Components by what they are; the copies that write the dump stand apart. */
export function components(list: Component[], modules: Module[], lead: Lead): TemplateResult {
  const copies = list.filter(({ driver }) => driver.toLowerCase().startsWith("dump_"));
  const own = list.filter((component) => !copies.includes(component));
  const dated = list.some(
    (component) => component.built ?? component.identity ?? stamp(component, modules),
  );
  const versions = list.some((component) => component.version !== undefined);
  const rows = (part: Component[]): TemplateResult[] =>
    part.map((component) => row(component, modules, lead, versions, dated));
  const columns = 4 + (versions ? 1 : 0) + (dated ? 1 : 0);
  return html`<h4 data-mark="components">Components</h4>
    <div class="scroll">
      <table class="components">
        <thead>
          <tr>
            <th scope="col">Component</th>
            <th scope="col">Status</th>
            <th scope="col">Present</th>
            ${versions ? html`<th scope="col">Version</th>` : nothing}
            ${dated ? html`<th scope="col">Linked</th>` : nothing}
            <th scope="col">What it is for</th>
          </tr>
        </thead>
        <tbody>
          ${rows(own)}
        </tbody>
        ${
          copies.length
            ? html`<tbody>
                <tr>
                  <th scope="rowgroup" colspan=${columns}>Copies that write the dump</th>
                </tr>
                ${rows(copies)}
              </tbody>`
            : nothing
        }
      </table>
    </div>
    <p class="blank small">
      ${versions || dated ? "" : "This dump holds neither their versions nor their link dates. "}Whether
      a file is signed, a dump does not record.
    </p>`;
}

function named(component: Component, modules: Module[]): Module | undefined {
  return modules.find(({ name }) => name.toLowerCase() === component.driver.toLowerCase());
}

/** The time stamp of the file, where it is a time. */
function stamp(component: Component, modules: Module[]): number | undefined {
  const module = named(component, modules);
  return module?.timestamp;
}

function row(
  component: Component,
  modules: Module[],
  lead: Lead,
  versions: boolean,
  dated: boolean,
): TemplateResult {
  const module = named(component, modules);
  const go = module ? lead({ text: module.name, where: "modules" }) : null;
  const unknown = html`<span class="muted">not in this dump</span>`;
  return html`<tr>
    <td>
      ${
        go
          ? html`<button type="button" class="plain follow" title="Show the module" @click=${go}>
              <code>${component.driver}</code>
            </button>`
          : html`<code>${component.driver}</code>`
      }
    </td>
    <td class="status">
      <span class="tag ${TONE[component.status] ?? ""}">${word(STATUS, component.status)}</span>
    </td>
    <td>${presence(component, module)}</td>
    ${versions ? html`<td class="nowrap" data-label="version">${component.version ?? unknown}</td>` : nothing}
    ${dated ? html`<td class="nowrap" data-label="linked">${linkedAt(component, module) ?? unknown}</td>` : nothing}
    <td class="purpose">${component.purpose}</td>
  </tr>`;
}

function presence({ status }: Component, module: Module | undefined): string {
  if (module) return "loaded";
  return status === "missing" || status === "not-loaded" ? "not loaded" : "not among the modules";
}

function linkedAt(component: Component, module: Module | undefined): unknown {
  if (component.built) return component.built.slice(0, 10);
  if (component.identity) {
    return html`<span
      class="muted"
      title="Which file it is, as symbol servers name it: time stamp and size"
      >file <code>${component.identity}</code></span
    >`;
  }
  if (module?.timestamp === undefined) return undefined;
  return (
    linkDate(module) ??
    html`<span class="muted" title="A reproducible build: its time stamp identifies the file"
      >hash <code>${code(module.timestamp)}</code></span
    >`
  );
}

/** The services of user mode, as the registry tells of them. */
export function userServices(list: IntegrationService[]): TemplateResult {
  return html`<h4>Services of user mode</h4>
    <div class="scroll">
      <table class="components">
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">In the registry</th>
            <th scope="col">Starts</th>
            <th scope="col">What it is for</th>
          </tr>
        </thead>
        <tbody>
          ${list.map(
            ({ name, present, start, purpose }) =>
              html`<tr>
                <td><code>${name}</code></td>
                <td data-label="in the registry:">${present ? "yes" : "no"}</td>
                <td data-label=${present ? "starts:" : ""}>
                  ${start ?? (present ? html`<span class="muted">not in this dump</span>` : nothing)}
                </td>
                <td class="purpose">${purpose}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}
