// Memory, page by page: bytes, the pointers among them, how an address is translated, and the reason
// for whatever is missing. The analyzer reads; this only asks and draws.
import { type TemplateResult, html, nothing } from "lit";
import type { Entry, Shown } from "../report";
import { digits, plural } from "../format/number";
import { address, facts } from "../format/pieces";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import { type Line, line, lines } from "./hexdump";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./explorer.css";

const LENGTH = 512;
const KEPT = 100;

interface Place {
  /** What was typed or followed. */
  text: string;
  physical: boolean;
}

export class ExplorerSection extends Section {
  static override properties = {
    shown: { state: true },
    reading: { state: true },
    problem: { state: true },
    physical: { state: true },
  };
  static override styles = styles(sectionCss, css);
  declare shown: Shown | null;
  declare reading: boolean;
  declare problem: string;
  declare physical: boolean;
  /** Where one was, and where one went back from. */
  #back: Place[] = [];
  #forth: Place[] = [];
  #here: Place | null = null;
  #round = 0;
  #seen: IntersectionObserver | null = null;

  constructor() {
    super();
    this.shown = null;
    this.reading = false;
    this.problem = "";
    this.physical = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#seen?.disconnect();
    this.#seen = null;
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    // Another dump: what was shown is not of it.
    const before = changed.get("report") as typeof this.report | undefined;
    if (before && before.file.name !== this.report.file.name) {
      this.shown = null;
      this.#here = null;
      this.#back = [];
      this.#forth = [];
    }
  }

  /** Begins where the stack is, once somebody looks. */
  protected override updated(): void {
    super.updated();
    if (this.busy || this.#here || this.#seen) return;
    this.#seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting) || this.#here || this.busy) return;
      this.#seen?.disconnect();
      this.#seen = null;
      void this.go(this.#first(), false);
    });
    this.#seen.observe(this);
  }

  #first(): string {
    const registers = this.report.stack?.registers ?? [];
    const stack = registers.find(({ name }) => ["rsp", "esp", "sp"].includes(name));
    return stack?.value ?? this.report.modules?.[0]?.base ?? "0";
  }

  /** Shows memory; what is shown now can be gone back to. */
  async go(text: string, physical: boolean): Promise<void> {
    if (this.#here) this.#back = [...this.#back, this.#here].slice(-KEPT);
    this.#forth = [];
    await this.#show({ text, physical });
  }

  async #show(place: Place): Promise<void> {
    const round = ++this.#round;
    this.#here = place;
    this.physical = place.physical;
    this.reading = true;
    this.problem = "";
    try {
      const shown = await this.desk.memory(place.text, place.physical, LENGTH);
      if (this.#round !== round) return;
      if (shown.problem) this.problem = shown.problem;
      else this.shown = shown;
    } catch (error) {
      if (this.#round !== round) return;
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.reading = false;
    const input = this.#input();
    const typed = place.text.replace(/^0x/, "");
    if (input && this.renderRoot instanceof ShadowRoot && this.renderRoot.activeElement !== input) {
      input.value = typed;
    }
  }

  #return(): void {
    const place = this.#back.pop();
    if (!place) return;
    if (this.#here) this.#forth.push(this.#here);
    void this.#show(place);
  }

  #again(): void {
    const place = this.#forth.pop();
    if (!place) return;
    if (this.#here) this.#back.push(this.#here);
    void this.#show(place);
  }

  /** Turns by so many bytes. Turning is not worth going back to step by step. */
  #turn(by: number): void {
    const shown = this.shown;
    if (!shown) return;
    const bits = shown.pointer === 4 && !shown.physical ? 32 : 64;
    const to = BigInt.asUintN(bits, BigInt(shown.start) + BigInt(by));
    void this.#show({ text: `0x${to.toString(16)}`, physical: shown.physical });
  }

  #key(event: KeyboardEvent): void {
    const by: Record<string, number> = {
      PageDown: LENGTH,
      PageUp: -LENGTH,
      ArrowDown: 16,
      ArrowUp: -16,
    };
    const step = by[event.key];
    if (step !== undefined && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#turn(step);
    } else if (event.altKey && event.key === "ArrowLeft") {
      event.preventDefault();
      this.#return();
    } else if (event.altKey && event.key === "ArrowRight") {
      event.preventDefault();
      this.#again();
    }
  }

  #submit(event: Event): void {
    event.preventDefault();
    const text = this.#input()?.value.trim() ?? "";
    if (text) void this.go(text, this.physical);
  }

  #input(): HTMLInputElement | null {
    return this.renderRoot.querySelector("input[type=text]");
  }

  protected override render(): unknown {
    const { shown } = this;
    return html`${this.head("Explorer", this.#beside())} ${this.#form()}
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
      <p class="unseen" role="status">${shown && !this.reading ? said(shown) : ""}</p>
      ${
        shown
          ? html`<div class=${this.reading ? "parts reading" : "parts"}>
              ${this.#bytes(shown)} ${this.#about(shown)}
            </div>`
          : this.absent("Type an address to see its memory.")
      }`;
  }

  #beside(): TemplateResult | typeof nothing {
    const { shown } = this;
    if (!shown) return nothing;
    return html`<bluepane-copy
      class="screen"
      what="memory"
      .text=${lines(shown)
        .map((one) => line(one, shown))
        .join("\n")}
    ></bluepane-copy>`;
  }

  #form(): TemplateResult {
    const turn = (label: string, by: number): TemplateResult =>
      html`<button type="button" ?disabled=${!this.shown} @click=${() => this.#turn(by)}>
        ${label}
      </button>`;
    return html`<form class="screen" @submit=${(event: Event) => this.#submit(event)}>
      <label
        ><span class="unseen">Address, register, module or expression</span>
        <input
          type="text"
          placeholder="nt+1000, @rsp, fffff800…"
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
        />
      </label>
      <label
        ><span class="unseen">Kind of address</span>
        <select
          @change=${(event: Event) =>
            (this.physical = (event.target as HTMLSelectElement).value === "physical")}
        >
          <option value="virtual" ?selected=${!this.physical}>virtual</option>
          <option value="physical" ?selected=${this.physical}>physical</option>
        </select>
      </label>
      <button type="submit">Show</button>
      <span class="group">
        <button type="button" ?disabled=${this.#back.length === 0} @click=${() => this.#return()}>
          Back
        </button>
        <button type="button" ?disabled=${this.#forth.length === 0} @click=${() => this.#again()}>
          Forward
        </button>
      </span>
      <span class="group">${turn("Page up", -LENGTH)} ${turn("Page down", LENGTH)}</span>
    </form>`;
  }

  #bytes(shown: Shown): TemplateResult {
    const width = shown.physical ? 12 : shown.pointer * 2;
    return html`<div
      class="scroll dump"
      role="region"
      tabindex="0"
      aria-label="Memory; Page Up and Page Down turn, arrows move by a line"
      @keydown=${(event: KeyboardEvent) => this.#key(event)}
    >
      <table>
        <caption class="unseen">
          ${said(shown)}
        </caption>
        <thead>
          <tr>
            <th scope="col">Address</th>
            <th scope="col">Bytes</th>
            <th scope="col">Text</th>
            <th scope="col">Pointers</th>
          </tr>
        </thead>
        <tbody>
          ${lines(shown).map((one) => this.#line(one, shown, width))}
        </tbody>
      </table>
    </div>`;
  }

  #line(one: Line, shown: Shown, width: number): TemplateResult {
    const here = one.from <= BigInt(shown.address) && BigInt(shown.address) <= one.last;
    const at = address(`0x${one.from.toString(16)}`, width);
    if (one.hole) {
      return html`<tr class="hole ${here ? "here" : ""}">
        <th scope="row">${at}</th>
        <td colspan="3">
          to <code>${digits(`0x${one.last.toString(16)}`, width)}</code>:
          <span class="muted">${one.hole}</span>
        </td>
      </tr>`;
    }
    return html`<tr class=${here ? "here" : ""}>
      <th scope="row">${at}</th>
      <td class="hex"><code>${one.hex}</code></td>
      <td class="text"><code>${one.text}</code></td>
      <td class="pointers">
        ${one.pointers.map(
          (pointer) =>
            html`<button
              type="button"
              class="plain mono"
              title="Show the memory at ${digits(pointer.value, shown.pointer * 2)}"
              @click=${() => void this.go(pointer.value, false)}
            >
              ${pointer.place ?? digits(pointer.value, shown.pointer * 2)}
            </button>`,
        )}
        ${one.reasons.map((reason) => html`<span class="muted small">${reason}</span> `)}
      </td>
    </tr>`;
  }

  #about(shown: Shown): TemplateResult {
    const width = shown.pointer * 2;
    const link = (hex: string, physical: boolean): TemplateResult =>
      html`<button type="button" class="plain" @click=${() => void this.go(hex, physical)}>
        ${address(hex, physical ? 12 : width)}
      </button>`;
    return html`<div class="about">
      <h3>What is at ${address(shown.address, shown.physical ? 12 : width)}</h3>
      ${facts([
        {
          label: "Belongs to",
          value: shown.owners.length ? shown.owners.map((o) => html`<div>${o}</div>`) : "",
        },
        { label: "Page", value: shown.outcome },
        {
          label: "Physical",
          value: shown.at && !shown.physical ? link(shown.at, true) : "",
        },
        {
          label: "In the file",
          value: shown.file_offset ? html`offset <code>${shown.file_offset}</code>` : "",
        },
      ])}
      ${shown.steps.length ? steps(shown.steps, link) : nothing}
    </div>`;
  }
}

/** The translation, level by level. */
function steps(
  list: Entry[],
  link: (hex: string, physical: boolean) => TemplateResult,
): TemplateResult {
  return html`<h3>Translation</h3>
    <div class="scroll">
      <table class="fit">
        <thead>
          <tr>
            <th scope="col">Level</th>
            <th scope="col" class="num">Entry</th>
            <th scope="col">Stands at</th>
            <th scope="col">Holds</th>
            <th scope="col">Which means</th>
          </tr>
        </thead>
        <tbody>
          ${list.map(
            (entry) =>
              html`<tr>
                <th scope="row">${entry.name}</th>
                <td class="num">${entry.index ?? nothing}</td>
                <td>${link(entry.address, entry.physical)}</td>
                <td><code>${digits(entry.value)}</code></td>
                <td><code class="bits">${entry.meaning}</code></td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

/** What is shown, in a sentence. */
function said(shown: Shown): string {
  const missing = shown.gaps.reduce((sum, gap) => sum + Number(gap.bytes), 0);
  const kind = shown.physical ? "physical address" : "address";
  const holes = missing ? `, ${plural(missing, "byte")} of them missing` : "";
  return `${plural(shown.bytes.length / 2, "byte")} from ${kind} ${digits(shown.start)}${holes}`;
}

define("bluepane-explorer", ExplorerSection);
