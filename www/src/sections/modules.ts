// Loaded drivers: third-party first, searchable, sortable, each with the exact symbol file.
import { type TemplateResult, html, nothing } from "lit";
import type { Module, UnloadedModule } from "../report";
import { facts } from "../format/pieces";
import { approx, bytes, code, plural } from "../format/number";
import { linkDate, utc } from "../format/time";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./modules.css";

type Column = "origin" | "name" | "version" | "built" | "base" | "size";

/** How many rows are shown at first; the search always looks through all. */
const FIRST = 40;

const COLUMNS: { id: Column; label: string; numeric?: boolean }[] = [
  { id: "name", label: "Module" },
  { id: "origin", label: "Whose, and what for" },
  { id: "version", label: "Version" },
  { id: "built", label: "Built" },
  { id: "base", label: "Base" },
  { id: "size", label: "Size", numeric: true },
];

export class ModulesSection extends Section {
  static override properties = {
    sort: { state: true },
    down: { state: true },
    filter: { state: true },
    third: { state: true },
    open: { state: true },
    all: { state: true },
  };
  static override styles = styles(sectionCss, css);
  declare sort: Column;
  declare down: boolean;
  declare filter: string;
  /** Only third-party modules. */
  declare third: boolean;
  /** The module whose details are shown. */
  declare open: Module | null;
  /** Whether a long list is shown to its end. */
  declare all: boolean;

  constructor() {
    super();
    this.sort = "origin";
    this.down = false;
    this.filter = "";
    this.third = false;
    this.open = null;
    this.all = false;
  }

  protected override unfold(): void {
    this.all = true;
    this.performUpdate();
  }

  protected override render(): unknown {
    const all = this.report.modules ?? [];
    const unloaded = this.report.unloaded_modules ?? [];
    if (all.length === 0) {
      return html`${this.head("Modules")} ${this.absent(this.#why())} ${this.#unloaded(unloaded)}`;
    }
    const others = all.filter((module) => module.microsoft === false).length;
    const shown = this.#shown(all);
    const part = this.all ? shown : shown.slice(0, FIRST);
    const judged = all.some((module) => module.microsoft !== undefined);
    const said = plural(all.length, "module") + (judged ? `, ${others} of third parties` : "");
    return html`${this.head("Modules", html`<span class="small muted">${said}</span>`)}
      <div class="tools screen">
        <label
          ><span class="unseen">Search modules</span>
          <input
            type="search"
            placeholder="Search name, vendor, purpose, path"
            .value=${this.filter}
            @input=${(event: Event) => (this.filter = (event.target as HTMLInputElement).value)}
        /></label>
        <label
          ><input
            type="checkbox"
            .checked=${this.third}
            @change=${(event: Event) => (this.third = (event.target as HTMLInputElement).checked)}
          />
          third party only</label
        >
        <span class="small muted" role="status"
          >${shown.length === all.length ? "" : `${shown.length} shown`}</span
        >
        ${this.#symbolList(all)}
      </div>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              ${this.#columns().map((column) => this.#heading(column))}
            </tr>
          </thead>
          <tbody>
            ${part.map((module) => this.#row(module))}
          </tbody>
        </table>
      </div>
      ${
        part.length < shown.length
          ? html`<button type="button" class="rest" @click=${() => (this.all = true)}>
              Show the other ${shown.length - part.length}
            </button>`
          : nothing
      }
      ${
        this.#versions() || this.busy
          ? nothing
          : html`<p class="blank small">This dump holds no file versions.</p>`
      }
      ${this.#unloaded(unloaded)}`;
  }

  #why(): string {
    const note = (this.report.notes ?? []).find((n) => n.code.includes("module"));
    return note?.text ?? "No list of modules could be read from this file.";
  }

  /** Whether the dump tells any file's version. */
  #versions(): boolean {
    return (this.report.modules ?? []).some((module) => module.version !== undefined);
  }

  #columns(): typeof COLUMNS {
    return this.#versions() ? COLUMNS : COLUMNS.filter((column) => column.id !== "version");
  }

  #symbolList(all: Module[]): TemplateResult | typeof nothing {
    const paths = all.flatMap((module) => module.pdb?.url ?? []);
    if (paths.length === 0) return nothing;
    return html`<bluepane-copy
      label="Copy ${plural(paths.length, "symbol path")}"
      .text=${paths.join("\n")}
    ></bluepane-copy>`;
  }

  #shown(all: Module[]): Module[] {
    const wanted = this.filter.trim().toLowerCase();
    const kept = all.filter(
      (module) =>
        (!this.third || module.microsoft === false) &&
        (wanted === "" || haystack(module).includes(wanted)),
    );
    const key = KEYS[this.sort];
    kept.sort((a, b) => compare(key(a), key(b)));
    return this.down ? kept.reverse() : kept;
  }

  #heading(column: (typeof COLUMNS)[number]): TemplateResult {
    const active = this.sort === column.id;
    const order = active ? (this.down ? "descending" : "ascending") : nothing;
    return html`<th
      scope="col"
      class="${column.id} ${column.numeric ? "num" : ""}"
      aria-sort=${order}
    >
      <button type="button" class="heading" @click=${() => this.#sortBy(column.id)}>
        ${column.label}
      </button>
    </th>`;
  }

  #sortBy(column: Column): void {
    this.down = this.sort === column ? !this.down : false;
    this.sort = column;
  }

  #row(module: Module): TemplateResult {
    const open = this.open === module;
    const third = module.microsoft === false;
    const vendor =
      module.vendor ??
      (third ? "third party" : module.microsoft ? "Microsoft" : module.purpose ? "" : "not known");
    return html`<tr class=${open ? "open" : ""}>
        <td class="name">
          <button
            type="button"
            class="plain"
            aria-expanded=${open}
            @click=${() => (this.open = open ? null : module)}
          >
            ${module.name}
          </button>
        </td>
        <td class="origin">
          <span class=${third ? "third" : "muted"}>${vendor}</span>${
            module.purpose ? html`${vendor ? ": " : ""}${module.purpose}` : nothing
          }
        </td>
        ${
          this.#versions()
            ? html`<td class="version nowrap">${module.version ?? nothing}</td>`
            : nothing
        }
        <td class="built nowrap">${built(module)}</td>
        <td class="base">${this.at(module.base)}</td>
        <td class="size num">${bytes(module.size)}</td>
      </tr>
      ${
        open
          ? html`<tr>
              <td class="detail" colspan=${this.#columns().length}>${this.#detail(module)}</td>
            </tr>`
          : nothing
      }`;
  }

  #detail(module: Module): TemplateResult {
    return facts([
      { label: "Path", value: module.path ? html`<code>${module.path}</code>` : "" },
      {
        label: "Addresses",
        value: html`${this.at(module.base)}, ${bytes(module.size)}`,
      },
      {
        label: "Time stamp",
        value:
          module.timestamp === undefined
            ? ""
            : html`<code>${code(module.timestamp)}</code> ${built(module)}`,
      },
      {
        label: "Checksum",
        value: module.checksum === undefined ? "" : html`<code>${code(module.checksum)}</code>`,
      },
      { label: "Version", value: module.version ?? "not in this dump" },
      {
        label: "PDB",
        value: module.pdb
          ? html`<code>${module.pdb.name}</code> <code>${module.pdb.guid}</code>, age
              ${module.pdb.age}`
          : "",
      },
      { label: "Symbol file", value: module.pdb ? path(module.pdb.url, "symbol path") : "" },
      {
        label: "Image in a store",
        value: module.image_path ? path(module.image_path, "image path") : "",
      },
    ]);
  }

  #unloaded(list: UnloadedModule[]): TemplateResult | typeof nothing {
    if (list.length === 0) return nothing;
    return html`<details class="unloaded">
      <summary>${plural(list.length, "driver")} unloaded before the stop</summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Unloaded</th>
            </tr>
          </thead>
          <tbody>
            ${list.map(
              (module) =>
                html`<tr>
                  <td><code>${module.name}</code></td>
                  <td>${this.at(module.base)}</td>
                  <td>${this.at(module.end)}</td>
                  <td class="nowrap">
                    ${utc(module.time) || html`<span class="muted">not recorded</span>`}
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>`;
  }
}

const KEYS: Record<Column, (module: Module) => string | number> = {
  origin: (module) =>
    `${module.microsoft === false ? 0 : module.microsoft === undefined ? 1 : 2}${module.name.toLowerCase()}`,
  name: (module) => module.name.toLowerCase(),
  version: (module) => module.version ?? "",
  built: (module) => (module.timestamp_is_hash ? 0 : (module.timestamp ?? 0)),
  base: (module) => approx(module.base),
  size: (module) => module.size,
};

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function haystack(module: Module): string {
  return [module.name, module.vendor, module.purpose, module.path, module.version]
    .join(" ")
    .toLowerCase();
}

function built(module: Module): TemplateResult | string {
  if (module.timestamp === undefined) return "";
  if (module.timestamp_is_hash) {
    return html`<span class="muted" title="A reproducible build: its time stamp is a hash"
      >hash</span
    >`;
  }
  return linkDate(module.timestamp);
}

function path(text: string, what: string): TemplateResult {
  return html`<span class="path"
    ><code>${text}</code><bluepane-copy what=${what} .text=${text}></bluepane-copy
  ></span>`;
}

define("bluepane-modules", ModulesSection);
