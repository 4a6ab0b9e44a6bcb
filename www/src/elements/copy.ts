// A button that copies a text and says whether it did.
import { LitElement, html } from "lit";
import { copyText } from "../share/clipboard";
import css from "./copy.css";
import { define, styles } from "./sheet";

export class CopyButton extends LitElement {
  static override properties = {
    text: { attribute: false },
    label: { type: String },
    what: { type: String },
    outcome: { state: true },
  };
  static override styles = styles(css);
  /** The text, or what makes it when it is asked for. */
  declare text: string | (() => Promise<string>);
  declare label: string;
  /** What is copied, for a screen reader: "the stack". */
  declare what: string;
  declare outcome: "" | "copied" | "by-hand" | "failed";
  #shown = "";

  constructor() {
    super();
    this.text = "";
    this.label = "Copy";
    this.what = "";
    this.outcome = "";
  }

  async #copy(): Promise<void> {
    try {
      this.#shown = typeof this.text === "string" ? this.text : await this.text();
    } catch (error) {
      this.#shown = error instanceof Error ? error.message : String(error);
      this.outcome = "failed";
      return;
    }
    const copied = await copyText(this.#shown, this.renderRoot as ShadowRoot);
    this.outcome = copied ? "copied" : "by-hand";
    if (copied) {
      window.setTimeout(() => (this.outcome = ""), 2000);
    } else {
      await this.updateComplete;
      this.renderRoot.querySelector("textarea")?.select();
    }
  }

  protected override render(): unknown {
    if (this.outcome === "by-hand") {
      return html`<label
        ><span>This browser does not let the page copy. The text is selected:</span><br />
        <textarea readonly .value=${this.#shown}></textarea>
      </label>`;
    }
    const said = { "": "", copied: "Copied", failed: `Not copied: ${this.#shown}` }[this.outcome];
    return html`<button
        type="button"
        aria-label=${this.what ? `${this.label} ${this.what}` : this.label}
        @click=${() => void this.#copy()}
      >
        ${this.outcome === "copied" ? "Copied" : this.label}
      </button>
      <span class=${this.outcome === "failed" ? "" : "unseen"} role="status">${said}</span>`;
  }
}

define("bluepane-copy", CopyButton);
