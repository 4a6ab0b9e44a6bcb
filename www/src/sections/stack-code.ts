// Code at a place, the fault when none is named: instructions, which of them it was, and what it did.
// What reads machine code is loaded when this is opened.
import { LitElement, type PropertyDeclarations, type TemplateResult, html, nothing } from "lit";
import type { CodeLine, Listing, Report } from "../report";
import type { Desk } from "./section";
import { type Follow, addressWidth, facts, followed, linked } from "../format/pieces";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import css from "./stack-code.css";

export class CodeView extends LitElement {
  static override properties: PropertyDeclarations = {
    desk: { attribute: false },
    report: { attribute: false },
    follow: { attribute: false },
    place: { attribute: false },
    marked: { attribute: false },
    open: { state: true },
    listing: { state: true },
    problem: { state: true },
  };
  static override styles = styles(css);
  declare desk: Desk;
  declare report: Report;
  declare follow: Follow | undefined;
  /** An address; empty for the fault. */
  declare place: string;
  /** What the instruction there is. */
  declare marked: string;
  /** Whether it stands open: then it is printed too. */
  declare open: boolean;
  declare listing: Listing | null;
  declare problem: string;
  #asked = false;

  constructor() {
    super();
    this.place = "";
    this.marked = "the instruction at fault";
    this.open = false;
    this.listing = null;
    this.problem = "";
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.get("report") === undefined && changed.get("place") === undefined) return;
    this.listing = null;
    this.problem = "";
    this.#asked = false;
    this.open = false;
  }

  /** Opens it, and waits for the code. */
  async show(): Promise<void> {
    this.open = true;
    await this.#read();
    await this.updateComplete;
  }

  #toggled(event: Event): void {
    this.open = (event.target as HTMLDetailsElement).open;
    if (this.open) void this.#read();
  }

  async #read(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    const report = this.report;
    try {
      const listing = await this.desk.code(this.place);
      if (report !== this.report) return;
      this.listing = listing;
      this.problem = listing.problem ?? "";
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  get #width(): number {
    return addressWidth(this.report.system?.architecture);
  }

  protected override render(): unknown {
    const printed = this.open && (this.listing || this.problem);
    return html`<details
      class=${printed ? "" : "screen"}
      .open=${this.open}
      @toggle=${(event: Event) => this.#toggled(event)}
    >
      <summary>${this.place ? "The code here" : "The code at the fault"}</summary>
      <div aria-live="polite">
        ${this.listing && !this.problem ? this.#shown(this.listing) : this.#blank()}
      </div>
    </details>`;
  }

  #blank(): TemplateResult {
    return html`<p class="blank">${this.problem || "Reading the code…"}</p>`;
  }

  #shown(listing: Listing): TemplateResult {
    return html`${listing.place ? html`<p><code>${listing.place}</code></p>` : nothing}
      ${listing.effects.map((effect) => html`<p class="effect">${linked(effect, this.follow)}</p>`)}
      <div
        class="scroll"
        tabindex="0"
        role="region"
        aria-label=${`Instructions at ${this.place || "the fault"}`}
      >
        <table>
          <caption class="unseen">
            Instructions around ${this.place || "the fault"}
          </caption>
          <thead class="unseen">
            <tr>
              <th scope="col">Address</th>
              <th scope="col">Bytes</th>
              <th scope="col">Instruction</th>
            </tr>
          </thead>
          <tbody>
            ${listing.lines.map((line) => this.#line(line))}
          </tbody>
        </table>
      </div>
      ${this.place ? html`<p class="muted small">Marked: ${this.marked}.</p>` : nothing}
      ${
        listing.from_file
          ? html`<p class="muted small">
              The dump does not hold this code: it was read from the driver's file beside it.
            </p>`
          : nothing
      }
      ${listing.values?.length ? this.#values(listing) : nothing}`;
  }

  #line(line: CodeLine): TemplateResult {
    return html`<tr class=${line.marked ? "marked" : ""}>
      <td>
        <span class="mark" aria-hidden="true">${line.marked ? "▸" : ""}</span>
        ${line.marked ? html`<span class="unseen">${this.marked}:</span>` : nothing}
        ${followed(line.address, this.#width, this.follow)}
      </td>
      <td class="bytes"><code>${line.bytes}</code></td>
      <td>
        <code class="text">${line.text}</code>
        ${line.target ? html`<span class="muted small"> ${line.target}</span>` : nothing}
      </td>
    </tr>`;
  }

  #values(listing: Listing): TemplateResult {
    const known = new Map(this.report.stack?.registers?.map(({ name, value }) => [name, value]));
    if (listing.values?.every(([name, value]) => known.get(name) === value)) {
      return html`<p class="muted small">
        The registers at this instruction stand with the stack.
      </p>`;
    }
    return html`<h3>Registers at this instruction</h3>
      <p class="muted small">From ${listing.registers}.</p>
      ${
        listing.trap_frame
          ? facts([
              {
                label: "Trap frame",
                value: followed(listing.trap_frame, this.#width, this.follow),
              },
            ])
          : nothing
      }
      <div class="registers">
        ${listing.values?.map(
          ([name, value]) =>
            html`<div><b>${name}</b>${followed(value, this.#width, this.follow)}</div>`,
        )}
      </div>`;
  }
}

define("bluepane-code", CodeView);
