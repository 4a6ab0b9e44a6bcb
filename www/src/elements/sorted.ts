// A table whose columns can be sorted and whose rows can be searched; long ones show their head
// first. The search looks through all rows.
import { LitElement, type TemplateResult, html, nothing } from "lit";
import css from "./sorted.css";
import { define, styles } from "./sheet";

export interface Column<Row> {
  id: string;
  label: string;
  numeric?: boolean;
  /** What the column is sorted by. */
  key(row: Row): string | number;
  cell(row: Row): unknown;
}

export class SortedTable<Row = never> extends LitElement {
  static override properties = {
    columns: { attribute: false },
    rows: { attribute: false },
    haystack: { attribute: false },
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
  /** What a row is, in the plural. */
  declare what: string;
  /** Rows that are shown at first. */
  declare first: number;
  /** The column that is sorted by; largest first where it is numeric. */
  declare sort: string;
  declare down: boolean;
  declare filter: string;
  declare all: boolean;

  #unfold = (): void => {
    this.all = true;
    this.performUpdate();
  };

  constructor() {
    super();
    this.columns = [];
    this.rows = [];
    this.haystack = null;
    this.what = "rows";
    this.first = 15;
    this.sort = "";
    this.down = true;
    this.filter = "";
    this.all = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("beforeprint", this.#unfold);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("beforeprint", this.#unfold);
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
    return html`${
        this.haystack && long
          ? html`<div class="tools screen">
              <label
                ><span class="unseen">Search ${this.what}</span>
                <input
                  type="search"
                  placeholder="Search ${this.what}"
                  .value=${this.filter}
                  @input=${(event: Event) => (this.filter = (event.target as HTMLInputElement).value)}
              /></label>
              <span class="small muted" role="status"
                >${shown.length === this.rows.length ? "" : `${shown.length} shown`}</span
              >
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
            ${part.map(
              (row) =>
                html`<tr>
                  ${this.columns.map(
                    (column) =>
                      html`<td class=${column.numeric ? "num" : ""}>${column.cell(row)}</td>`,
                  )}
                </tr>`,
            )}
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

  #shown(): Row[] {
    const wanted = this.filter.trim().toLowerCase();
    const found = this.haystack;
    const kept = this.rows.filter(
      (row) => !wanted || !found || found(row).toLowerCase().includes(wanted),
    );
    const column = this.columns.find(({ id }) => id === this.sort);
    if (!column) return kept;
    kept.sort((a, b) => compare(column.key(a), column.key(b)));
    return this.down ? kept.reverse() : kept;
  }

  #heading(column: Column<Row>): TemplateResult {
    const active = this.sort === column.id;
    return html`<th
      scope="col"
      class=${column.numeric ? "num" : ""}
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

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

define("bluepane-sorted", SortedTable);
