// What is being read, how far it is, and a way to stop it.
import { LitElement, html } from "lit";
import type { Progress } from "../report";
import { bytes, plural } from "../format/number";
import css from "./progress.css";
import { define, styles } from "./sheet";

/** A screen reader hears at most one line in this time. */
const SAY_EVERY_MS = 2000;
/** After this long without a word from the worker the page says so. */
const SILENT_MS = 8000;

export class ProgressLine extends LitElement {
  static override properties = {
    progress: { attribute: false },
    place: { type: String },
    stopping: { type: Boolean },
    silent: { state: true },
  };
  static override styles = styles(css);
  declare progress: Progress | null;
  /** "3 of 8" when there are many files. */
  declare place: string;
  declare stopping: boolean;
  declare silent: boolean;
  #said = "";
  #saidAt = 0;
  #timer = 0;

  constructor() {
    super();
    this.progress = null;
    this.place = "";
    this.stopping = false;
    this.silent = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.clearTimeout(this.#timer);
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has("progress")) return;
    this.silent = false;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => (this.silent = true), SILENT_MS);
  }

  protected override render(): unknown {
    const at = this.progress;
    const step = at?.step || "Opening";
    const counts = at
      ? [
          at.total > 0 ? `step ${at.done} of ${at.total}` : "",
          plural(at.reads, "read"),
          plural(at.rounds, "round"),
          bytes(at.bytesRead),
        ].filter((part) => part)
      : [];
    const doing = this.stopping ? "Stopping" : step;
    return html`<div class="row">
        <span class="what">${this.place ? `File ${this.place}: ` : ""}${doing}</span>
        <span class="counts small">
          ${
            this.silent
              ? "The analyzer has not answered for a while. It may still; it can be stopped."
              : counts.join(", ")
          }
        </span>
        <button type="button" @click=${() => this.dispatchEvent(new Event("stop"))}>Stop</button>
      </div>
      <progress
        aria-label="Analysis"
        .value=${at && at.total > 0 ? at.done : 0}
        max=${at && at.total > 0 ? at.total : 1}
      ></progress>
      <span class="unseen" role="status" aria-live="polite">${this.#say(doing)}</span>`;
  }

  #say(line: string): string {
    const now = performance.now();
    if (line !== this.#said && now - this.#saidAt > SAY_EVERY_MS) {
      this.#said = line;
      this.#saidAt = now;
    }
    return this.#said;
  }
}

define("bluepane-progress", ProgressLine);
