// In a frame: who embeds the page, and whether a report may go there.
import { LitElement, html } from "lit";
import type { Consent, Embedding } from "../embedding";
import css from "./consent.css";
import { define, styles } from "./sheet";

const SENT: Record<Consent, string> = {
  ask: "Nothing is sent there unless you agree.",
  none: "Nothing is sent there.",
  redacted: "It gets redacted reports.",
  full: "It gets whole reports.",
};

export class ConsentBar extends LitElement {
  static override properties = {
    embedding: { attribute: false },
    asks: { type: Boolean, reflect: true },
    consent: { type: String },
  };
  static override styles = styles(css);
  declare embedding: Embedding;
  /** Whether a report waits for an answer. */
  declare asks: boolean;
  declare consent: Consent;

  protected override render(): unknown {
    const origin = html`<code>${this.embedding.origin}</code>`;
    if (this.asks) {
      return html`<div role="group" aria-label="Sending the report">
        <p>
          This page is embedded in ${origin}, which asks for the report. Redacted means without
          names, serial numbers and addresses. The dump itself is never sent.
        </p>
        <div class="buttons">
          ${this.#button("redacted", "Send the redacted report")}
          ${this.#button("full", "Send the whole report")} ${this.#button("none", "Send nothing")}
        </div>
      </div>`;
    }
    return html`<p>
      Embedded in ${origin}. ${SENT[this.consent]}
      ${
        this.consent === "ask"
          ? ""
          : html`<button type="button" class="plain" @click=${() => this.#decide("ask")}>
              Ask again
            </button>`
      }
    </p>`;
  }

  #button(consent: Consent, label: string): unknown {
    return html`<button type="button" @click=${() => this.#decide(consent)}>${label}</button>`;
  }

  #decide(consent: Consent): void {
    void this.embedding.decide(consent);
  }
}

define("bluepane-consent", ConsentBar);
