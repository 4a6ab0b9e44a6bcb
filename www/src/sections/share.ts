// Taking the report along: each way says whether names and serial numbers are left out.
import { type TemplateResult, html, nothing } from "lit";
import type { Format } from "../engine/protocol";
import { copyText, saveText } from "../share/clipboard";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./share.css";

type Way = "markdown" | "text" | "json" | "html" | "print";

interface Row {
  way: Way;
  label: string;
  about: string;
}

const COPY: Row[] = [
  { way: "markdown", label: "Copy Markdown summary", about: "for a ticket, a chat or a wiki page" },
  { way: "text", label: "Copy as plain text", about: "the whole report, for a mail" },
];
const SAVE: Row[] = [
  { way: "json", label: "Save JSON", about: "every field, for scripts; the schema is versioned" },
  { way: "html", label: "Save HTML report", about: "one file without scripts, to read or attach" },
];
const PRINT: Row = { way: "print", label: "Print", about: "or save as PDF, where the browser can" };
const TYPES: Record<string, [type: string, ending: string]> = {
  json: ["application/json", "json"],
  html: ["text/html", "html"],
};

export class ShareSection extends Section {
  static override properties = {
    redacted: { state: true },
    shown: { state: true },
    said: { state: true },
  };
  static override styles = styles(sectionCss, css);
  /** For each way: whether names, serial numbers, addresses and paths are left out. */
  declare redacted: Record<Way, boolean>;
  /** Text to copy by hand where nothing else works. */
  declare shown: string;
  declare said: string;

  constructor() {
    super();
    this.redacted = { markdown: true, text: true, json: false, html: false, print: false };
    this.shown = "";
    this.said = "";
  }

  protected override render(): unknown {
    const { abilities } = this.desk;
    const rows = [...COPY, ...SAVE, ...(abilities.print ? [PRINT] : [])];
    return html`${this.head("Share")}
      <p class="lead muted">
        “Redacted” leaves out computer, host, user and VM names, domains, serial numbers, asset
        tags, UUIDs, paths below a user’s profile, and IP and MAC addresses.
      </p>
      <table class="screen">
        <tbody>
          ${rows.map((row) => this.#row(row))} ${this.#tool()}
        </tbody>
      </table>
      <p role="status" class="small">${this.said}</p>
      ${
        this.shown
          ? html`<label
              >To copy by hand:
              <textarea readonly .value=${this.shown}></textarea>
            </label>`
          : nothing
      }`;
  }

  #row({ way, label, about }: Row): TemplateResult {
    const saves = way === "json" || way === "html";
    const named = saves && !this.desk.abilities.save ? label.replace("Save", "Show") : label;
    return html`<tr>
      <td class="do">
        <button type="button" ?disabled=${this.busy} @click=${() => void this.#go(way)}>
          ${named}
        </button>
      </td>
      <td>
        <label
          ><input
            type="checkbox"
            .checked=${this.redacted[way]}
            @change=${(event: Event) => {
              const on = (event.target as HTMLInputElement).checked;
              this.redacted = { ...this.redacted, [way]: on };
            }}
          />
          redacted<span class="unseen"> (${named})</span></label
        >
      </td>
      <td class="muted">${about}</td>
    </tr>`;
  }

  #tool(): TemplateResult | typeof nothing {
    const { tool, abilities } = this.desk;
    if (tool === null || !abilities.save) return nothing;
    return html`<tr>
      <td class="do">
        <button type="button" @click=${() => saveText("bluepane.html", "text/html", tool)}>
          Save this tool
        </button>
      </td>
      <td></td>
      <td class="muted">
        the page itself, to use offline from a disk or a stick; it holds nothing of the dump, while
        Chromium’s own “Webpage, Complete” writes down what is on show
      </td>
    </tr>`;
  }

  async #go(way: Way): Promise<void> {
    const redact = this.redacted[way];
    this.shown = "";
    this.said = "";
    try {
      if (way === "print") await this.desk.print(redact);
      else await this.#give(way, await this.desk.render(way, redact), redact);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.said = `That did not work: ${why}.`;
    }
  }

  async #give(way: Format, text: string, redact: boolean): Promise<void> {
    const kind = TYPES[way];
    const mark = redact ? "redacted" : "not redacted";
    if (kind && this.desk.abilities.save) {
      const code = this.report.bugcheck?.code.toString(16).padStart(2, "0") ?? "report";
      saveText(`bluepane-${code}${redact ? "-redacted" : ""}.${kind[1]}`, kind[0], text);
      this.said = `Saved, ${mark}.`;
    } else if (!kind && (await copyText(text, this.renderRoot as ShadowRoot))) {
      this.said = `Copied, ${mark}.`;
    } else await this.#show(text, mark);
  }

  async #show(text: string, mark: string): Promise<void> {
    this.shown = text;
    this.said = `This place does not allow copying or saving. The text is selected below (${mark}).`;
    await this.updateComplete;
    this.renderRoot.querySelector("textarea")?.select();
  }
}

define("bluepane-share", ShareSection);
