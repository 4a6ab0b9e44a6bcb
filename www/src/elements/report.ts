// One report: the top card, a list of its sections, the sections.
import { LitElement, html, nothing } from "lit";
import type { Report } from "../report";
import { SECTIONS, chosen } from "../sections";
import { ConsoleSection } from "../sections/console";
import { ExplorerSection } from "../sections/explorer";
import { type Desk, Section } from "../sections/section";
import { StackSection } from "../sections/stack";
import css from "./report.css";
import { define, styles } from "./sheet";

export class ReportView extends LitElement {
  static override properties = {
    report: { attribute: false },
    desk: { attribute: false },
    busy: { type: Boolean },
    early: { type: Boolean },
    sections: { type: String },
    bare: { type: Boolean },
    current: { state: true },
  };
  static override styles = styles(css);
  declare report: Report;
  declare desk: Desk;
  declare busy: boolean;
  /** Nothing was concluded yet: only the card and the bug check are shown. */
  declare early: boolean;
  declare sections: string;
  /** For print: without console and explorer, whose output is not redacted. */
  declare bare: boolean;
  /** The section that is being read. */
  declare current: string;
  #watch: IntersectionObserver | null = null;
  /** The sections that cross the upper part of the window. */
  #crossing = new Set<string>();

  constructor() {
    super();
    this.early = false;
    this.sections = "";
    this.current = "";
  }

  protected override render(): unknown {
    const { report, desk, busy } = this;
    const wished = chosen(report, this.sections);
    // Hundreds of rows would keep the first conclusions waiting, and they are not whole by then.
    const list = wished.filter(({ id }) =>
      this.early ? id === "bugcheck" : !this.bare || (id !== "console" && id !== "explorer"),
    );
    return html`<div class="frame" ?data-alone=${list.length === 0}>
      <nav aria-label="Sections of the report">
        <ol>
          ${list.map((section) => {
            const count = section.count?.(report) ?? 0;
            return html`<li class=${section.apart ? "apart" : ""}>
              <a
                href="#${section.id}"
                aria-current=${this.current === section.id ? "true" : nothing}
                @click=${(event: Event) => this.#go(event, section.id)}
                >${section.titleFor?.(report) ?? section.title}${count > 0 ? html`<span class="count">${count}</span>` : ""}</a
              >
            </li>`;
          })}
        </ol>
      </nav>
      <div class="body">
        <bluepane-card .report=${report} .desk=${desk} ?busy=${busy}></bluepane-card>
        ${list.map((section) => section.render({ report, desk, busy }))}
      </div>
    </div>`;
  }

  protected override updated(): void {
    this.#watch ??= new IntersectionObserver((seen) => this.#seen(seen), {
      rootMargin: "-15% 0px -70% 0px",
    });
    for (const { id } of SECTIONS) {
      const element = this.renderRoot.querySelector(`#${id}`);
      if (element) this.#watch.observe(element);
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#watch?.disconnect();
    this.#watch = null;
  }

  #seen(seen: IntersectionObserverEntry[]): void {
    for (const { isIntersecting, target } of seen) {
      if (isIntersecting) this.#crossing.add(target.id);
      else this.#crossing.delete(target.id);
    }
    const reached = SECTIONS.find(({ id }) => this.#crossing.has(id));
    if (reached) this.current = reached.id;
    else if (this.#atCard()) this.current = "";
  }

  /** Whether the card is what is being read. */
  #atCard(): boolean {
    const card = this.renderRoot.querySelector("bluepane-card");
    return card !== null && card.getBoundingClientRect().bottom > 0.15 * window.innerHeight;
  }

  #go(event: Event, id: string): void {
    event.preventDefault();
    this.show(id);
  }

  /** Moves to a section, or to what carries a mark there. */
  show(id: string, mark?: string): void {
    const section = this.renderRoot.querySelector(`#${id}`);
    if (section instanceof Section) section.enter(mark);
  }

  /** Brings what is read only when somebody looks, for print. */
  async prepare(): Promise<void> {
    const stack = this.renderRoot.querySelector("#stack");
    if (stack instanceof StackSection) await stack.prepare();
  }

  /** Moves to the explorer and shows the memory at an address there. */
  explore(address: string): void {
    const section = this.renderRoot.querySelector("#explorer");
    if (!(section instanceof ExplorerSection)) return;
    section.enter();
    void section.go(address, false);
  }

  /** Moves to the console and asks it. */
  ask(line: string): void {
    const section = this.renderRoot.querySelector("#console");
    if (!(section instanceof ConsoleSection)) return;
    section.enter();
    if (!section.running) void section.run(line);
  }

  /** Moves the keyboard to the top card. */
  enter(): void {
    const card = this.renderRoot.querySelector("bluepane-card");
    if (card instanceof Section) card.enter();
  }
}

define("bluepane-report-view", ReportView);
