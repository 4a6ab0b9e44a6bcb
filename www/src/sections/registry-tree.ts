// All keys that are in memory, as a tree, read one by one from the open dump as they are opened. The
// keyboard moves in it as in any tree: up and down, right to open, left to close or go up.
import { LitElement, type TemplateResult, html, nothing } from "lit";
import { type Branch, type KeyRows, hives, keyRows, remarks } from "../format/registry";
import { plural } from "../format/number";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import css from "./registry-tree.css";

interface Item extends Branch {
  parent: Item | null;
  open: boolean;
  rows: KeyRows | null;
  children: Item[];
  reading: boolean;
}

export class RegistryTree extends LitElement {
  static override properties = {
    file: { type: String },
    known: { type: Number },
    roots: { state: true },
    at: { state: true },
    problem: { state: true },
  };
  static override styles = styles(css);
  /** The dump's name: another one begins anew. */
  declare file: string;
  /** How many hives the report knows: when a search finds others, they are asked for anew. */
  declare known: number;
  declare roots: Item[] | null;
  /** The key that is selected. */
  declare at: Item | null;
  declare problem: string;
  /** The question for the hives that is open; none where it is 0. */
  #asking = 0;
  #asked = 0;
  /** Asks the analyzer. */
  ask: (line: string) => Promise<string> = () => Promise.resolve("");

  constructor() {
    super();
    this.file = "";
    this.known = 0;
    this.roots = null;
    this.at = null;
    this.problem = "";
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    const other = changed.get("file") || changed.get("known") !== undefined;
    if (!other) return;
    this.roots = null;
    this.at = null;
    this.problem = "";
    this.#asking = 0;
  }

  /** Begins anew where the tree stands open. */
  protected override updated(): void {
    const details = this.renderRoot.querySelector("details");
    if (details?.open && this.roots === null && !this.problem) void this.#begin(details);
  }

  protected override render(): unknown {
    return html`<details
      @toggle=${(event: Event) => void this.#begin(event.target as HTMLDetailsElement)}
    >
      <summary>Browse all keys that are in memory</summary>
      ${this.problem ? html`<p class="blank">${this.problem}</p>` : nothing}
      ${
        this.roots === null
          ? this.problem
            ? nothing
            : html`<p class="blank" role="status">Looking for the hives…</p>`
          : this.#panes(this.roots)
      }
    </details>`;
  }

  async #begin(details: HTMLDetailsElement): Promise<void> {
    if (!details.open || this.roots !== null || this.#asking) return;
    this.problem = "";
    const question = ++this.#asked;
    this.#asking = question;
    try {
      const answer = await this.ask("!reg rows");
      if (this.#asking !== question) return;
      const found = hives(answer).map((hive) => item(hive, null));
      this.problem = remarks(answer).join(" ");
      if (found.length > 0) this.roots = found;
      else this.problem ||= "No hive of the registry was found in this dump.";
    } catch (error) {
      if (this.#asking !== question) return;
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.#asking = 0;
  }

  #panes(roots: Item[]): TemplateResult {
    return html`<div class="panes">
      <ul class="plain tree" role="tree" aria-label="Registry keys" @keydown=${this.#key}>
        ${roots.map((root) => this.#item(root, 1))}
      </ul>
      <div class="values" aria-live="polite">
        ${this.at ? this.#values(this.at) : html`<p class="blank">Choose a key to see its values.</p>`}
      </div>
    </div>`;
  }

  #item(one: Item, level: number): TemplateResult {
    const leaf = one.cell === undefined || one.subkeys === 0;
    const first = this.at === null && one === this.roots?.[0];
    const name = one.name || "(name not in the dump)";
    return html`<li role="none">
      <div
        role="treeitem"
        aria-level=${level}
        aria-expanded=${leaf ? nothing : one.open}
        aria-selected=${this.at === one}
        tabindex=${this.at === one || first ? 0 : -1}
        title=${one.gap ?? nothing}
        @click=${() => void this.#choose(one, true)}
      >
        <i aria-hidden="true" class=${leaf ? "" : one.open ? "open" : "closed"}></i>${name}${
          one.gap ? html` <span class="muted">cannot be read</span>` : nothing
        }
      </div>
      ${
        one.open && one.children.length
          ? html`<ul class="plain" role="group">
              ${one.children.map((child) => this.#item(child, level + 1))}
            </ul>`
          : nothing
      }
    </li>`;
  }

  #values(one: Item): TemplateResult {
    const { rows } = one;
    const path = trail(one);
    const head = html`<h4><code>${path}</code></h4>`;
    if (one.gap)
      return html`${head}
        <p class="blank">This key cannot be read: ${one.gap}.</p>`;
    if (!rows)
      return html`${head}
        <p class="blank">Reading…</p>`;
    return html`${head}
      <p class="small muted">
        ${one.file ? html`File <code>${one.file}</code>. ` : nothing}${
          rows.written
            ? `Last written ${rows.written.replace("T", " ").replace(/\.\d+Z$|Z$/, " UTC")}. `
            : ""
        }${plural(rows.subkeys, "subkey")},
        ${plural(rows.values, "value")}.
      </p>
      ${short(rows.subkeys - rows.branches.length, "subkey", rows.branchGap)}
      ${short(rows.values - rows.held.length, "value", rows.heldGap)}
      ${
        rows.held.length
          ? html`<div class="scroll" tabindex="0" role="region" aria-label="Values">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Name</th>
                      <th scope="col">Type</th>
                      <th scope="col">Data</th>
                    </tr>
                  </thead>
                  <tbody>
                    ${rows.held.map(
                      (value) =>
                        html`<tr>
                          <td><code>${value.name || "(default)"}</code></td>
                          <td class="nowrap"><code class="muted">${value.kind}</code></td>
                          <td>
                            ${
                              value.data === undefined
                                ? html`<span class="muted"
                                    >cannot be read: ${value.gap ?? ""}</span
                                  >`
                                : html`<code class="data">${value.data}</code>`
                            }
                          </td>
                        </tr>`,
                    )}
                  </tbody>
                </table>
              </div>
              <bluepane-copy what="values" .text=${copied(path, rows)}></bluepane-copy>`
          : nothing
      }`;
  }

  /** Selects a key, reads it, and opens or closes it. */
  async #choose(one: Item, turn: boolean): Promise<void> {
    const open = one.open;
    this.at = one;
    if (!one.rows && !one.gap && !one.reading) await this.#read(one);
    if (turn) one.open = !open;
    this.requestUpdate();
    await this.updateComplete;
    if (this.at === one) {
      this.renderRoot
        .querySelector<HTMLElement>("[aria-selected=true]")
        ?.focus({ preventScroll: false });
    }
  }

  async #read(one: Item): Promise<void> {
    one.reading = true;
    try {
      const rows = keyRows(await this.ask(`!reg rows ${one.hive} ${one.cell ?? ""}`), one.hive);
      if (rows.gap) one.gap = rows.gap;
      one.rows = rows;
      one.children = rows.branches.map((branch) => item(branch, one));
      one.subkeys = rows.subkeys;
    } catch (error) {
      one.gap = error instanceof Error ? error.message : String(error);
    }
    one.reading = false;
  }

  /** What can be seen of the tree, from top to bottom. */
  #visible(): Item[] {
    const list: Item[] = [];
    const visit = (one: Item): void => {
      list.push(one);
      if (one.open) one.children.forEach(visit);
    };
    this.roots?.forEach(visit);
    return list;
  }

  #key = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const list = this.#visible();
    const at = this.at ?? list[0];
    if (!at) return;
    const here = list.indexOf(at);
    const closed = !at.open && at.subkeys !== 0 && at.cell !== undefined;
    const to: Record<string, Item | null | undefined> = {
      ArrowDown: list[here + 1],
      ArrowUp: list[here - 1],
      Home: list[0],
      End: list.at(-1),
      ArrowRight: at.open ? at.children[0] : null,
      ArrowLeft: at.open ? null : at.parent,
    };
    if (event.key === "Enter" || event.key === " ") void this.#choose(at, true);
    else if (event.key === "ArrowRight" && closed) void this.#choose(at, true);
    else if (event.key === "ArrowLeft" && at.open) void this.#choose(at, true);
    else if (event.key in to) {
      const next = to[event.key];
      if (next) void this.#choose(next, false);
    } else if (event.key.length === 1) {
      const begins = (one: Item): boolean =>
        tail(one.name).toLowerCase().startsWith(event.key.toLowerCase());
      const next = [...list.slice(here + 1), ...list.slice(0, here + 1)].find(begins);
      if (next) void this.#choose(next, false);
    } else return;
    event.preventDefault();
  };
}

function item(branch: Branch, parent: Item | null): Item {
  return { ...branch, parent, open: false, rows: null, children: [], reading: false };
}

function trail(one: Item): string {
  return one.parent ? `${trail(one.parent)}\\${one.name}` : one.name;
}

function tail(path: string): string {
  return path.slice(path.lastIndexOf("\\") + 1);
}

/** What is missing of a list, and why. */
function short(
  count: number,
  what: string,
  why: string | undefined,
): TemplateResult | typeof nothing {
  if (count <= 0 && !why) return nothing;
  const many = count > 0 ? plural(count, what) : `Others of its ${what}s`;
  return html`<p class="blank small">${many} cannot be read${why ? `: ${why}` : ""}.</p>`;
}

function copied(path: string, rows: KeyRows): string {
  const lines = rows.held.map(
    ({ name, kind, data, gap }) =>
      `${name || "(default)"}\t${kind}\t${data ?? `(cannot be read: ${gap ?? ""})`}`,
  );
  return [path, ...lines].join("\n");
}

define("bluepane-registry-tree", RegistryTree);
