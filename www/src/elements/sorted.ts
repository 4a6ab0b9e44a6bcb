// A table whose columns can be sorted and whose rows can be searched; long ones show their head
// first. The search looks through all rows. What stands in the element is put beside the search.
import { LitElement, type TemplateResult, html, nothing } from "lit";
import css from "./sorted.css";
import { define, styles } from "./sheet";

export interface Column<Row> {
  id: string;
  label: string;
  numeric?: boolean;
  /** Left out where the page is narrower than so many pixels. */
  from?: 440 | 600 | 860;
  /** What the column is sorted by. */
  key(row: Row): string | number;
  cell(row: Row): unknown;
}

export class SortedTable<Row = never> extends LitElement {
  static override properties = {
    columns: { attribute: false },
    rows: { attribute: false },
    haystack: { attribute: false },
    detail: { attribute: false },
    open: { state: true },
    what: { type: String },
    first: { type: Number },
    sort: { type: String },
    down: { state: true },
    filter: { state: true },
    all: { state: true },
  };
  static override styles = styles(css);
  declare columns: Column<Row>[];
  declare rows: Row[];
  /** What the search looks through; without it there is no search. */
  declare haystack: ((row: Row) => string) | null;
  /** What is shown below a row that was unfolded; without it none can be. */
  declare detail: ((row: Row) => unknown) | null;
  /** The row that is unfolded. */
  declare open: Row | null;
  /** What a row is, in the plural. */
  declare what: string;
  /** Rows that are shown at first. */
  declare first: number;
  /** The column that is sorted by; largest first where it is numeric. */
  declare sort: string;
  declare down: boolean;
  declare filter: string;
  declare all: boolean;
  #sorted = false;

  /** What was shown before all was, for print. */
  #before = { all: false, filter: "" };

  #unfold = (): void => {
    const { all, filter } = this;
    this.#before = { all, filter };
    this.all = true;
    this.filter = "";
    this.performUpdate();
  };

  #fold = (): void => {
    this.all = this.#before.all;
    this.filter = this.#before.filter;
  };

  constructor() {
    super();
    this.columns = [];
    this.rows = [];
    this.haystack = null;
    this.detail = null;
    this.open = null;
    this.what = "rows";
    this.first = 15;
    this.sort = "";
    this.down = false;
    this.filter = "";
    this.all = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("beforeprint", this.#unfold);
    window.addEventListener("afterprint", this.#fold);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("beforeprint", this.#unfold);
    window.removeEventListener("afterprint", this.#fold);
  }

  protected override willUpdate(): void {
    if (this.#sorted || this.columns.length === 0) return;
    this.#sorted = true;
    this.down = this.columns.some(({ id, numeric }) => id === this.sort && numeric);
  }

  protected override updated(): void {
    const scroll = this.renderRoot.querySelector<HTMLElement>(".scroll");
    if (!scroll) return;
    if (scroll.scrollWidth > scroll.clientWidth) scroll.tabIndex = 0;
    else scroll.removeAttribute("tabindex");
  }

  protected override render(): unknown {
    const shown = this.#shown();
    const part = this.all ? shown : shown.slice(0, this.first);
    const long = this.rows.length > this.first;
    const searched = this.haystack !== null && long;
    return html`${
        searched || this.childElementCount > 0
          ? html`<div class="tools screen">
              ${searched ? this.#search(shown.length) : nothing}
              <slot></slot>
            </div>`
          : nothing
      }
      <div class="scroll">
        <table>
          <thead>
            <tr>
              ${this.columns.map((column) => this.#heading(column))}
            </tr>
          </thead>
          <tbody>
            ${part.map((row) => this.#row(row))}
          </tbody>
        </table>
      </div>
      ${
        part.length < shown.length
          ? html`<button type="button" class="rest" @click=${() => (this.all = true)}>
              Show the other ${shown.length - part.length}
            </button>`
          : nothing
      }`;
  }

  #search(shown: number): TemplateResult {
    return html`<label
        ><span class="unseen">Search ${this.what}</span>
        <input
          type="search"
          placeholder="Search ${this.what}"
          .value=${this.filter}
          @input=${(event: Event) => (this.filter = (event.target as HTMLInputElement).value)}
      /></label>
      <span class="small muted" role="status"
        >${shown === this.rows.length ? "" : `${shown} shown`}</span
      >`;
  }

  #row(row: Row): TemplateResult {
    const open = this.open === row;
    return html`<tr class=${open ? "open" : ""}>
        ${this.columns.map(
          (column, index) =>
            html`<td class=${classes(column)}>
              ${index === 0 && this.detail ? this.#unfolds(row, column.cell(row)) : column.cell(row)}
            </td>`,
        )}
      </tr>
      ${
        open
          ? html`<tr>
              <td class="detail" colspan=${this.columns.length}>${this.detail?.(row)}</td>
            </tr>`
          : nothing
      }`;
  }

  #unfolds(row: Row, label: unknown): TemplateResult {
    const open = this.open === row;
    return html`<button
      type="button"
      class="plain unfolds"
      aria-expanded=${open}
      @click=${() => (this.open = open ? null : row)}
    >
      ${label}
    </button>`;
  }

  /** Unfolds a row and moves the keyboard there. */
  async reveal(row: Row): Promise<void> {
    this.filter = "";
    this.all = true;
    this.open = row;
    await this.updateComplete;
    const button = this.renderRoot.querySelector<HTMLElement>("tr.open button");
    button?.focus({ preventScroll: true });
    button?.scrollIntoView({ block: "center" });
  }

  #shown(): Row[] {
    const wanted = this.filter.trim().toLowerCase();
    const found = this.haystack;
    const kept = this.rows.filter(
      (row) => !wanted || !found || found(row).toLowerCase().includes(wanted),
    );
    const column = this.columns.find(({ id }) => id === this.sort);
    if (!column) return kept;
    // What is equal stays in the order of the report.
    const turn = this.down ? -1 : 1;
    return kept.sort((a, b) => turn * compare(column.key(a), column.key(b)));
  }

  #heading(column: Column<Row>): TemplateResult {
    const active = this.sort === column.id;
    return html`<th
      scope="col"
      class=${classes(column)}
      aria-sort=${active ? (this.down ? "descending" : "ascending") : nothing}
    >
      <button type="button" class="heading" @click=${() => this.#sortBy(column)}>
        ${column.label}
      </button>
    </th>`;
  }

  /** Numbers are wanted largest first, names from A on. */
  #sortBy(column: Column<Row>): void {
    this.down = this.sort === column.id ? !this.down : column.numeric === true;
    this.sort = column.id;
  }
}

function classes({ numeric, from }: Column<never>): string {
  return [numeric ? "num" : "", from ? `from-${from}` : ""].join(" ").trim();
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

define("bluepane-sorted", SortedTable);
