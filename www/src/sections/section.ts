// What every section of the report has in common: the report, whether it is still growing, and
// a way to ask the analyzer.
import { LitElement, type PropertyDeclarations, type TemplateResult, html } from "lit";
import type { Format, Watch } from "../engine/protocol";
import type { Abilities } from "../share/clipboard";
import type { Hex, Listing, Report, Shown } from "../report";
import { type Follow, type Lead, addressWidth, followed } from "../format/pieces";
import { placeOf } from "../format/places";

/** What a section may ask of the analysis that it shows. */
export interface Desk {
  command(line: string, watch?: Watch): Promise<string>;
  /** Asks the console, and goes there; null where it is not on show. */
  run: ((line: string) => void) | null;
  render(format: Format, redact: boolean): Promise<string>;
  memory(place: string, physical: boolean, length: number): Promise<Shown>;
  /** Code around an expression, or around the instruction that faulted. */
  code(place: string): Promise<Listing>;
  /** Whether memory and code of the file can be asked for. */
  reads: boolean;
  /** Goes to the memory at an address; null where there is none to show. */
  explore: Follow | null;
  /** Puts symbol files and images beside the dump, which is then read again. */
  beside(files: File[]): void;
  /** Moves to another section of the same report, and there to what carries a mark. */
  show(section: string, mark?: string): void;
  /** Whether a section is on show. */
  has(section: string): boolean;
  /** Prints the page, with the redacted report in place of this one where that is wished. */
  print(redact: boolean): Promise<void>;
  /** The page's own source, where it may be saved. */
  tool: string | null;
  abilities: Abilities;
}

export abstract class Section extends LitElement {
  static override properties: PropertyDeclarations = {
    report: { attribute: false },
    desk: { attribute: false },
    busy: { type: Boolean },
  };
  declare report: Report;
  declare desk: Desk;
  /** Whether the analysis still runs: what is missing may yet come. */
  declare busy: boolean;

  /** What was unfolded for print, and is folded again after it. */
  #unfolded: HTMLDetailsElement[] = [];

  #unfold = (): void => {
    const folded = "details:not(.screen):not([open])";
    this.#unfolded = [...this.renderRoot.querySelectorAll<HTMLDetailsElement>(folded)];
    for (const details of this.#unfolded) details.open = true;
  };

  #fold = (): void => {
    for (const details of this.#unfolded) details.open = false;
    this.#unfolded = [];
  };

  /** What is wider than its place can be scrolled with the keyboard too. */
  #scrolls = (): void => {
    for (const part of this.renderRoot.querySelectorAll<HTMLElement>(".scroll")) {
      if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
  };
  #resized = new ResizeObserver(this.#scrolls);

  protected override updated(): void {
    this.#scrolls();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resized.observe(this);
    window.addEventListener("beforeprint", this.#unfold);
    window.addEventListener("afterprint", this.#fold);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resized.disconnect();
    window.removeEventListener("beforeprint", this.#unfold);
    window.removeEventListener("afterprint", this.#fold);
  }

  /** Hex digits of an address of this machine. */
  protected get width(): number {
    return addressWidth(this.report.system?.architecture);
  }

  /** An address of this machine, leading to the memory there where the page can show it. */
  protected at(hex: Hex | undefined): unknown {
    return followed(hex, this.width, this.follow);
  }

  /** What goes to the memory at an address. */
  protected get follow(): Follow | undefined {
    return this.desk.explore ?? undefined;
  }

  /** Leads from a piece of evidence to where it stands on the page. */
  protected get lead(): Lead {
    return (item) => {
      const place = placeOf(item, this.report);
      if (!place || !this.desk.has(place.section)) return null;
      return () => this.desk.show(place.section, place.mark);
    };
  }

  /** A heading with what belongs beside it. */
  protected head(title: string, beside: unknown = ""): TemplateResult {
    return html`<div class="head">
      <h2 tabindex="-1">${title}</h2>
      <div class="beside">${beside}</div>
    </div>`;
  }

  /** Why this section is blank. */
  protected absent(reason: string): TemplateResult {
    return html`<p class="blank">${this.busy ? "Not read yet." : reason}</p>`;
  }

  /** Moves the keyboard to the section's heading, or to what carries a mark. */
  enter(mark?: string): void {
    const marked = mark === undefined ? null : this.marked(mark);
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const behavior = calm ? "auto" : "smooth";
    if (!marked) {
      this.renderRoot.querySelector("h2")?.focus({ preventScroll: true });
      this.scrollIntoView({ block: "start", behavior });
      return;
    }
    for (let at: Element | null = marked; at; at = at.parentElement) {
      if (at instanceof HTMLDetailsElement) at.open = true;
    }
    marked.tabIndex = -1;
    marked.classList.add("reached");
    marked.addEventListener("blur", () => marked.classList.remove("reached"), { once: true });
    marked.focus({ preventScroll: true });
    marked.scrollIntoView({ block: "center", behavior });
  }

  /** What carries a mark. */
  protected marked(mark: string): HTMLElement | null {
    return this.renderRoot.querySelector(`[data-mark="${CSS.escape(mark)}"]`);
  }
}
