// What the console answers to one command, folded until somebody wants it; long ones begin at a
// button, show how far they are and can be stopped.
import { LitElement, type TemplateResult, html, nothing } from "lit";
import type { Watch } from "../engine/protocol";
import "./copy";
import css from "./asked.css";
import { define, styles } from "./sheet";

export class AskedText extends LitElement {
  static override properties = {
    label: { type: String },
    line: { type: String },
    long: { type: String },
    of: { attribute: false },
    answer: { state: true },
    running: { state: true },
    share: { state: true },
  };
  static override styles = styles(css);
  declare label: string;
  /** The command. */
  declare line: string;
  /** For a long command: what it does, beside the button that begins it. */
  declare long: string;
  /** What is asked about: another one is asked anew. */
  declare of: unknown;
  declare answer: string;
  declare running: boolean;
  /** How much is done, from 0 to 1. */
  declare share: number;
  /** Asks the analyzer. */
  ask: (line: string, watch?: Watch) => Promise<string> = () => Promise.resolve("");
  #stop: AbortController | null = null;

  constructor() {
    super();
    this.label = "";
    this.line = "";
    this.long = "";
    this.of = null;
    this.answer = "";
    this.running = false;
    this.share = 0;
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.get("of")) this.answer = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.abort();
  }

  protected override render(): unknown {
    return html`<details
      @toggle=${(event: Event) => {
        const { open } = event.target as HTMLDetailsElement;
        if (open && !this.long && !this.answer) void this.#run();
      }}
    >
      <summary>${this.label}</summary>
      ${this.long ? this.#controls() : nothing}
      ${
        this.answer
          ? html`<pre tabindex="0" role="region" aria-label=${this.line}>${this.answer}</pre>
              <bluepane-copy what=${this.line} .text=${this.answer}></bluepane-copy>`
          : this.running || this.long
            ? nothing
            : html`<p class="muted">…</p>`
      }
    </details>`;
  }

  #controls(): TemplateResult {
    return html`<p class="lead small">${this.long}</p>
      <p>
        ${
          this.running
            ? html`<button type="button" @click=${() => this.#stop?.abort()}>Stop</button>
                <progress max="1" .value=${this.share} aria-label="Progress"></progress>`
            : html`<button type="button" @click=${() => void this.#run()}>
                ${this.answer ? "Again" : "Begin"}
              </button>`
        }
      </p>`;
  }

  async #run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    this.share = 0;
    this.#stop = new AbortController();
    try {
      const answer = await this.ask(this.line, {
        onProgress: ({ done, total }) => (this.share = total > 0 ? done / total : 0),
        signal: this.#stop.signal,
      });
      this.answer = answer.trimEnd();
    } catch (error) {
      this.answer = error instanceof Error ? error.message : String(error);
    }
    this.running = false;
  }
}

define("bluepane-asked", AskedText);
