// The page inside somebody's frame. It is silent until the embedder's `bluepane-hello`, shows
// who that is, asks the user before the first report goes out, and posts to that exact origin.
import type { Report } from "./report";

/** What the user allows to be sent: nothing yet decided, nothing, the redacted report, all of it. */
export type Consent = "ask" | "none" | "redacted" | "full";

/** What the embedding needs of the element. */
export interface Embedded {
  open(input: File | Blob): Promise<unknown>;
  /** Whether a report is on show that is not still growing. */
  readonly complete: boolean;
  /** The open report as JSON. */
  reportJson(redact: boolean): Promise<string>;
  requestUpdate(): void;
}

interface Said {
  type?: unknown;
  allow?: unknown;
  file?: unknown;
}

export class Embedding {
  /** The embedder's origin, once it has said hello. */
  origin: string | null = null;
  consent: Consent = "ask";
  /** What the embedder says its sandbox allows: `downloads`, `modals`. */
  allowed: readonly string[] = [];
  /** Whether a report waits for the user's word. */
  waiting = false;
  #window: Window;
  #element: Embedded;

  constructor(host: Window, element: Embedded) {
    this.#window = host;
    this.#element = element;
    host.addEventListener("message", (event) => this.#hear(event));
  }

  #hear(event: MessageEvent<Said | null>): void {
    if (event.source !== this.#window.parent || typeof event.data !== "object") return;
    const said = event.data;
    if (said?.type === "bluepane-hello") this.#greet(event.origin, said);
    else if (said?.type === "bluepane-open" && event.origin === this.origin) {
      if (said.file instanceof Blob) void this.#element.open(said.file).catch(() => undefined);
    }
  }

  #greet(origin: string, said: Said): void {
    // An embedder without an origin of its own cannot be addressed: anybody could be listening.
    if (origin === "null" || origin === "") return;
    if (this.origin !== null && this.origin !== origin) return;
    this.origin = origin;
    if (Array.isArray(said.allow)) {
      this.allowed = said.allow.filter((word): word is string => typeof word === "string");
    }
    this.#post({ type: "bluepane-ready" });
    if (this.#element.complete) void this.offer();
    this.#element.requestUpdate();
  }

  #post(message: object): void {
    if (this.origin !== null) this.#window.parent.postMessage(message, this.origin);
  }

  /** A report is complete: sends it, or waits for the user's word. */
  async offer(): Promise<void> {
    if (this.origin === null || this.consent === "none") return;
    if (this.consent === "ask") {
      this.waiting = true;
      this.#element.requestUpdate();
      return;
    }
    const redacted = this.consent !== "full";
    const report = JSON.parse(await this.#element.reportJson(redacted)) as Report;
    this.#post({ type: "bluepane-report", redacted, report });
  }

  /** The report is no longer on show: there is nothing to ask about. */
  withdraw(): void {
    this.waiting = false;
  }

  /** The user's word, kept until the page is closed. */
  async decide(consent: Consent): Promise<void> {
    this.consent = consent;
    const waited = this.waiting;
    this.waiting = false;
    this.#element.requestUpdate();
    if (waited) await this.offer();
  }
}
