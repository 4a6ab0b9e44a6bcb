// The console: a debugger's commands, answered by the analyzer from the open dump.
import { type TemplateResult, html, nothing } from "lit";
import { stem } from "../format/modules";
import { plural } from "../format/number";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./console.css";

/** What is offered to click; `help` lists everything. */
const OFFERED = [
  "!analyze -v",
  "!findings",
  "!vm",
  "k",
  "r",
  "lm",
  "dps @$csp",
  "!address @$ip",
  "vertarget",
  "!sysinfo",
  "help",
];
const KEPT = 200;
/** Lines of an answer that are read out. */
const SPOKEN = 3;

interface Completion {
  line: string;
  about: string;
}

interface Entry {
  line: string;
  /** Null while it is being worked out. */
  answer: string | null;
}

export class ConsoleSection extends Section {
  static override properties = {
    entries: { state: true },
    running: { state: true },
    known: { state: true },
    typed: { state: true },
    share: { state: true },
  };
  static override styles = styles(sectionCss, css);
  declare entries: Entry[];
  declare running: boolean;
  /** What can be completed. */
  declare known: Completion[];
  #learned = false;
  /** What is being written. */
  declare typed: string;
  /** How much of a long command is done, from 0 to 1. */
  declare share: number;
  #stop: AbortController | null = null;
  #history: string[] = [];
  /** Where in the history the arrow keys are; its length is the line being written. */
  #at = 0;
  #draft = "";

  constructor() {
    super();
    this.entries = [];
    this.running = false;
    this.known = OFFERED.map((line) => ({ line, about: "" }));
    this.share = 0;
    this.typed = "";
  }

  /** Commands; behind one, what is written with the modules whose names begin as its last word. */
  #completions(): Completion[] {
    const cut = Math.max(this.typed.lastIndexOf(" "), this.typed.lastIndexOf("("));
    if (cut < 1) return this.known;
    const before = this.typed.slice(0, cut + 1);
    const begun = this.typed.slice(cut + 1).toLowerCase();
    const registers = (this.report.stack?.registers ?? []).map(({ name }) => `@${name}`);
    const names = [
      "nt",
      ...(this.report.modules ?? []).map(({ name }) => stem(name)),
      ...registers,
    ];
    return [...new Set(names)]
      .filter((name) => begun !== "" && name.toLowerCase().startsWith(begun))
      .slice(0, 30)
      .map((name) => ({ line: before + name, about: "" }));
  }

  /** Asks the analyzer which commands it has, once. */
  async #learn(): Promise<void> {
    if (this.#learned) return;
    this.#learned = true;
    const help = await this.desk.command("help").catch(() => "");
    const lines = help.split("\n");
    const commands = lines.flatMap((line, index) => {
      const name = /^([!.]?[a-z?~]+)( .*)?$/.exec(line);
      return name?.[1] ? [{ line: name[1], about: (lines[index + 1] ?? "").trim() }] : [];
    });
    const others = OFFERED.filter((line) => !commands.some((command) => command.line === line));
    this.known = [...others.map((line) => ({ line, about: "" })), ...commands];
  }

  protected override render(): unknown {
    return html`${this.head("Console", this.#beside())}
      ${
        this.entries.length
          ? html`<div class="log" role="region" tabindex="0" aria-label="Console output">
              ${this.entries.map((entry) => drawn(entry))}
            </div>`
          : html`<p class="blank">
              Commands are answered from the open dump. Numbers are hexadecimal, as in a debugger;
              addresses may be written as nt+1000, @rsp or poi(…). The arrow keys bring back what
              was typed.
            </p>`
      }
      <form class="screen" @submit=${(event: Event) => this.#submit(event)}>
        <input
          type="text"
          aria-label="Command"
          placeholder="lm m storport"
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
          list="commands"
          @focus=${() => void this.#learn()}
          @input=${(event: Event) => (this.typed = (event.target as HTMLInputElement).value)}
          @keydown=${(event: KeyboardEvent) => this.#key(event)}
        />
        <datalist id="commands">
          ${this.#completions().map(
            ({ line, about }) => html`<option value=${line} label=${about || nothing}></option>`,
          )}
        </datalist>
        <button
          type=${this.running ? "button" : "submit"}
          title=${this.running ? "Escape stops it too" : nothing}
          @click=${() => this.#stop?.abort()}
        >
          ${this.running ? "Stop" : "Run"}
        </button>
      </form>
      <p class="unseen" role="status">${this.#said()}</p>
      ${
        this.running
          ? html`<progress
              class="screen"
              max="1"
              .value=${this.share}
              aria-label="Progress of the command"
            ></progress>`
          : nothing
      }
      <div class="try screen">
        ${OFFERED.map(
          (line) =>
            html`<button
              type="button"
              aria-disabled=${this.running}
              @click=${() => this.running || void this.run(line)}
            >
              ${line}
            </button>`,
        )}
      </div>`;
  }

  #beside(): TemplateResult | typeof nothing {
    if (this.entries.length === 0) return nothing;
    const text = this.entries.map((entry) => `> ${entry.line}\n${entry.answer ?? ""}`).join("\n\n");
    return html`<bluepane-copy
        class="screen"
        label="Copy all"
        what="console output"
        .text=${text}
      ></bluepane-copy>
      <button
        type="button"
        class="plain small screen"
        @click=${() => {
          this.entries = this.entries.filter(({ answer }) => answer === null);
        }}
      >
        Clear
      </button>`;
  }

  /** What a screen reader hears: a short answer as it is, of a long one how long it is. */
  #said(): string {
    const last = this.entries.at(-1);
    if (!last) return "";
    if (last.answer === null) return `Running ${last.line}`;
    const lines = last.answer.split("\n").length;
    return lines > SPOKEN ? `${last.line}: ${plural(lines, "line")} of output` : last.answer;
  }

  #submit(event: Event): void {
    event.preventDefault();
    const input = this.#input();
    const line = input?.value.trim() ?? "";
    if (line === "" || this.running) return;
    if (input) input.value = "";
    void this.run(line);
  }

  /** Runs one line and appends its answer. */
  async run(line: string): Promise<void> {
    if (this.#history.at(-1) !== line) this.#history.push(line);
    this.#at = this.#history.length;
    this.running = true;
    this.share = 0;
    this.#stop = new AbortController();
    const pending: Entry = { line, answer: null };
    this.entries = [...this.entries, pending].slice(-KEPT);
    void this.#follow();
    let answer: string;
    try {
      answer = await this.desk.command(line, {
        onProgress: ({ done, total }) => (this.share = total > 0 ? done / total : 0),
        signal: this.#stop.signal,
      });
    } catch (error) {
      answer = error instanceof Error ? error.message : String(error);
    }
    this.running = false;
    this.#stop = null;
    this.entries = this.entries.map((entry) =>
      entry === pending ? { line, answer: answer.trimEnd() } : entry,
    );
    await this.#follow();
  }

  /** Scrolls to the command that was given last. */
  async #follow(): Promise<void> {
    await this.updateComplete;
    const log = this.renderRoot.querySelector<HTMLElement>(".log");
    const last = log?.querySelector<HTMLElement>(".entry:last-child");
    if (log && last) log.scrollTop = last.offsetTop - log.offsetTop;
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.running) {
      event.preventDefault();
      this.#stop?.abort();
    }
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    const input = this.#input();
    if (!input || this.#history.length === 0) return;
    event.preventDefault();
    if (this.#at === this.#history.length) this.#draft = input.value;
    const step = event.key === "ArrowUp" ? -1 : 1;
    this.#at = Math.max(0, Math.min(this.#history.length, this.#at + step));
    input.value = this.#history[this.#at] ?? this.#draft;
  }

  #input(): HTMLInputElement | null {
    return this.renderRoot.querySelector("form input");
  }
}

/** A command and its answer. */
function drawn({ line, answer }: Entry): TemplateResult {
  if (answer === null) {
    return html`<div class="entry">
      <pre class="line">&gt; ${line}</pre>
      <p class="answer muted">Working…</p>
    </div>`;
  }
  return html`<div class="entry">
    <pre class="line">&gt; ${line}</pre>
    <pre class="answer">${answer}</pre>
    <bluepane-copy class="screen" what="output of ${line}" .text=${answer}></bluepane-copy>
  </div>`;
}

define("bluepane-console", ConsoleSection);
