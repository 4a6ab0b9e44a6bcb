// What a code, a name or a line out of a ticket means, without a dump. Asked of the analyzer as
// it is typed; kept in the address behind `#`, so that an answer can be linked to.
import { LitElement, type TemplateResult, html, nothing } from "lit";
import type { Answer } from "../report";
import { pieces } from "../format/code";
import css from "./lookup.css";
import { parameterRows } from "./parameters";
import parametersCss from "./parameters.css";
import { define, styles } from "./sheet";

/** What is offered to click. */
const EXAMPLES = [
  "0x0000007a (0xfffff6fc40008770, 0xffffffffc000000e, 0x1c9eb860, 0xfffff880010ee000)",
  "CRITICAL_PROCESS_DIED",
  "0xC0000185",
  "nvlddmkm.sys",
];
/** Between the last key and the question. */
const PAUSE_MS = 60;
/** Behind `#` of the address. */
const LINK = "lookup=";

/** The line that leads to the same answer again. */
function canonical(answer: Answer | undefined): string {
  if (!answer) return "";
  const values = (answer.parameters ?? []).flatMap(({ value }) => value ?? []);
  if (answer.code) return [answer.code.split(" ")[0], ...values].join(" ");
  return answer.name.split(":")[0] ?? "";
}

export class LookUp extends LitElement {
  static override properties = {
    answers: { state: true },
    problem: { state: true },
    linked: { type: Boolean },
  };
  static override styles = styles(parametersCss, css);
  /** The answers on show; null before anything was asked. */
  declare answers: Answer[] | null;
  declare problem: string;
  /** Whether the address of the page may be read and changed: the page is this element's own. */
  declare linked: boolean;
  /** Asks the analyzer. */
  ask: (line: string) => Promise<Answer[]> = () => Promise.resolve([]);
  /** Starts the analyzer, so that the first answer comes at once. */
  prepare: () => void = () => undefined;
  #timer = 0;
  #round = 0;
  /** The line that the page's address leads to. */
  #linkedTo = "";

  constructor() {
    super();
    this.answers = null;
    this.problem = "";
    this.linked = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("hashchange", this.#followLink);
    void this.updateComplete.then(this.#followLink);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("hashchange", this.#followLink);
    window.clearTimeout(this.#timer);
  }

  /** Puts a line into the field and answers it. */
  async show(line: string): Promise<void> {
    const field = this.#field();
    if (field) field.value = line;
    await this.#look(line);
  }

  #followLink = (): void => {
    const hash = window.location.hash.slice(1);
    if (!this.linked || !hash.startsWith(LINK)) return;
    let line = hash.slice(LINK.length);
    try {
      line = decodeURIComponent(line);
    } catch {
      // Typed by hand, with a percent sign of its own.
    }
    if (line !== this.#linkedTo) void this.show(line);
  };

  async #look(text: string): Promise<void> {
    window.clearTimeout(this.#timer);
    const line = text.trim();
    const round = ++this.#round;
    if (line === "") {
      this.answers = null;
      this.problem = "";
      this.#link("");
      return;
    }
    try {
      const answers = await this.ask(line);
      if (round !== this.#round) return;
      this.answers = answers;
      this.problem = "";
    } catch (error) {
      if (round !== this.#round) return;
      this.answers = null;
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.#link(canonical(this.answers?.[0]));
  }

  /** What was pasted stays out of the address: only codes and names go there. */
  #link(line: string): void {
    this.#linkedTo = line;
    if (!this.linked) return;
    const { pathname, search } = window.location;
    const hash = line === "" ? "" : `#${LINK}${encodeURIComponent(line)}`;
    try {
      window.history.replaceState(null, "", `${pathname}${search}${hash}`);
    } catch {
      // A frame without an address of its own: the answer is there all the same.
    }
  }

  protected override render(): unknown {
    return html`<section class="lookup" aria-labelledby="ask">
      <h2 id="ask">No dump? Look a code up</h2>
      <form role="search" @submit=${(event: Event) => this.#submit(event)}>
        <label for="line">A stop code, a name, an error number, a driver, or a line to paste</label>
        <div class="row">
          <input
            id="line"
            type="search"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            placeholder="0x0000007a (…), CRITICAL_PROCESS_DIED, 0xC000000E"
            @focus=${() => this.prepare()}
            @input=${() => this.#typed()}
          />
          <button type="submit">Look up</button>
        </div>
      </form>
      ${
        this.answers === null && this.problem === ""
          ? html`<p class="try">
              For example
              ${EXAMPLES.map(
                (line) =>
                  html`<button type="button" class="plain" @click=${() => void this.show(line)}>
                    ${line}
                  </button>`,
              )}
            </p>`
          : nothing
      }
      <div role="status" class="unseen">${this.#status()}</div>
      ${this.problem ? html`<p class="blank">${this.problem}</p>` : nothing}
      ${
        this.answers?.length === 0
          ? html`<p class="blank">
              Nothing is known of that here. What can be looked up: a stop code (7a, 0x1000007E)
              with its parameters, a name or part of one, an NTSTATUS, Win32 error or HRESULT, a
              driver's file name, a pool tag, or a whole line out of an event log.
            </p>`
          : this.answers?.map((answer) => this.#answer(answer))
      }
    </section>`;
  }

  #status(): string {
    const count = this.answers?.length;
    if (count === undefined) return "";
    if (count === 0) return "Nothing is known of that.";
    const first = this.answers?.[0]?.name ?? "";
    return count === 1 ? `One answer: ${first}` : `${count} answers, the first: ${first}`;
  }

  #answer(answer: Answer): TemplateResult {
    const { code, name, kind, parameters, steps, commands } = answer;
    return html`<article>
      <h3>${code ? html`<code>${code}</code> ` : nothing}${name}</h3>
      <p class="kind">${kind}</p>
      ${answer.meaning ? html`<p>${answer.meaning}</p>` : nothing}
      ${answer.case ? html`<p class="case">${answer.case}</p>` : nothing}
      ${
        parameters?.length
          ? html`<table>
              <caption>
                Parameters
              </caption>
              <tbody>
                ${parameterRows(parameters, (value) => value ?? nothing)}
              </tbody>
            </table>`
          : nothing
      }
      ${this.#part("What usually causes it", answer.causes)}
      ${this.#part("What to look at in a dump", answer.next)}
      ${
        commands?.length
          ? html`<p>
              Commands that follow these parameters:
              ${commands.map((line, index) => html`${index ? ", " : ""}<code>${line}</code>`)}
            </p>`
          : nothing
      }
      ${this.#part("In a virtual machine", answer.guest)}
      ${
        steps?.length
          ? html`<h4>What to do: ${(answer.family ?? "").toLowerCase()}</h4>
              <ol>
                ${steps.map((step) => html`<li>${pieces(step)}</li>`)}
              </ol>`
          : nothing
      }
    </article>`;
  }

  #part(title: string, text: string | undefined): TemplateResult | typeof nothing {
    if (!text) return nothing;
    return html`<h4>${title}</h4>
      <p>${pieces(text)}</p>`;
  }

  #typed(): void {
    window.clearTimeout(this.#timer);
    const text = this.#field()?.value ?? "";
    this.#timer = window.setTimeout(() => void this.#look(text), PAUSE_MS);
  }

  #submit(event: Event): void {
    event.preventDefault();
    void this.#look(this.#field()?.value ?? "");
  }

  #field(): HTMLInputElement | null {
    return this.renderRoot.querySelector("input");
  }
}

define("bluepane-lookup", LookUp);
