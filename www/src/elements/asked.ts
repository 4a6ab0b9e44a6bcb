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
  /** What the running question is about. */
  #about: unknown = null;

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

  /** Where it stands open, another one is asked at once. */
  protected override updated(changed: Map<string, unknown>): void {
    if (changed.get("of") && this.renderRoot.querySelector("details")?.open) this.#opened();
  }

  #opened(): void {
    if (!this.long && !this.answer) void this.#run();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.abort();
  }

  protected override render(): unknown {
    return html`<details
      @toggle=${(event: Event) => {
        const { open } = event.target as HTMLDetailsElement;
        if (open) this.#opened();
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
        <button
          type="button"
          @click=${() => (this.running ? this.#stop?.abort() : void this.#run())}
        >
          ${this.running ? "Stop" : this.answer ? "Again" : "Begin"}
        </button>
        ${
          this.running
            ? html`<progress max="1" .value=${this.share} aria-label="Progress"></progress>`
            : nothing
        }
      </p>`;
  }

  async #run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    this.#about = this.of;
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
    if (this.#about === this.of) return;
    this.answer = "";
    this.#opened();
  }
}

define("bluepane-asked", AskedText);
