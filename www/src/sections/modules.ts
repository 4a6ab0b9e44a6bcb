// Loaded drivers: third-party first, searchable, sortable, each with the exact symbol file.
import { type TemplateResult, html, nothing } from "lit";
import type { Module, UnloadedModule } from "../report";
import { facts } from "../format/pieces";
import { approx, bytes, code, plural } from "../format/number";
import { linkDate, utc } from "../format/time";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import { type Column, SortedTable } from "../elements/sorted";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./modules.css";

/** How many rows are shown at first; the search always looks through all. */
const FIRST = 40;

export class ModulesSection extends Section {
  static override properties = { third: { state: true } };
  static override styles = styles(sectionCss, css);
  /** Only modules that are not known to be part of Windows. */
  declare third: boolean;

  constructor() {
    super();
    this.third = false;
  }

  protected override render(): unknown {
    const all = this.report.modules ?? [];
    const unloaded = this.report.unloaded_modules ?? [];
    if (all.length === 0) {
      return html`${this.head("Modules")} ${this.absent(this.#why())} ${this.#unloaded(unloaded)}`;
    }
    const judged = all.some((module) => module.microsoft !== undefined);
    const others = all.filter((module) => module.microsoft !== true);
    const unknown = others.filter((module) => module.microsoft === undefined).length;
    const said = [
      plural(all.length, "module"),
      judged ? `${others.length - unknown} of third parties` : "",
      judged && unknown ? `${unknown} whose maker is not known` : "",
    ].filter((part) => part);
    const versions = all.some((module) => module.version !== undefined);
    return html`${this.head("Modules", html`<span class="small muted">${said.join(", ")}</span>`)}
      <bluepane-sorted
        what="modules"
        sort="origin"
        .first=${FIRST}
        .columns=${versions ? this.#columns : this.#columns.filter(({ id }) => id !== "version")}
        .rows=${this.third ? others : all}
        .haystack=${haystack}
        .detail=${(module: Module) => this.#detail(module)}
        ><label class="small"
          ><input
            type="checkbox"
            .checked=${this.third}
            @change=${(event: Event) => (this.third = (event.target as HTMLInputElement).checked)}
          />
          ${unknown ? "third party or not known only" : "third party only"}</label
        >
        ${this.#symbolList(all)}</bluepane-sorted
      >
      ${
        versions || this.busy
          ? nothing
          : html`<p class="blank small">This dump holds no file versions.</p>`
      }
      ${this.#unloaded(unloaded)}`;
  }

  #columns: Column<Module>[] = [
    {
      id: "name",
      label: "Module",
      key: (module) => module.name.toLowerCase(),
      cell: (module) => html`<code>${module.name}</code>`,
    },
    { id: "origin", label: "Whose, and what for", key: rank, cell: origin },
    {
      id: "version",
      label: "Version",
      from: 440,
      key: (module) => module.version ?? "",
      cell: (module) => html`<span class="nowrap">${module.version ?? ""}</span>`,
    },
    {
      id: "built",
      label: "Built",
      from: 600,
      key: (module) => linkDate(module, this.report.system) ?? "",
      cell: (module) => html`<span class="nowrap">${this.#built(module)}</span>`,
    },
    {
      id: "base",
      label: "Base",
      from: 860,
      key: (module) => approx(module.base),
      cell: (module) => this.at(module.base),
    },
    {
      id: "size",
      label: "Size",
      numeric: true,
      from: 860,
      key: (module) => module.size,
      cell: (module) => bytes(module.size),
    },
  ];

  /** A mark is the name of a module. */
  override enter(mark?: string): void {
    const wanted = mark?.toLowerCase();
    const found = this.report.modules?.find(({ name }) => name.toLowerCase() === wanted);
    const table = this.renderRoot.querySelector("bluepane-sorted");
    if (!found || !(table instanceof SortedTable)) {
      super.enter();
      return;
    }
    this.third = false;
    void this.updateComplete.then(() => (table as SortedTable<Module>).reveal(found));
  }

  #why(): string {
    const note = (this.report.notes ?? []).find((n) => n.code.includes("module"));
    return note?.text ?? "No list of modules could be read from this file.";
  }

  #symbolList(all: Module[]): TemplateResult | typeof nothing {
    const paths = all.flatMap((module) => module.pdb?.url ?? []);
    if (paths.length === 0) return nothing;
    return html`<bluepane-copy
      label="Copy ${plural(paths.length, "symbol path")}"
      .text=${paths.join("\n")}
    ></bluepane-copy>`;
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
            : html`<code>${code(module.timestamp)}</code> ${this.#built(module)}`,
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

  #built(module: Module): TemplateResult | string {
    if (module.timestamp === undefined) return "";
    const date = linkDate(module, this.report.system);
    return (
      date ??
      html`<span class="muted" title="A reproducible build: its time stamp is a hash">hash</span>`
    );
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

/** Third parties first, then those nobody knows. */
function rank({ microsoft, name }: Module): string {
  return `${microsoft === false ? 0 : microsoft === undefined ? 1 : 2}${name.toLowerCase()}`;
}

function origin(module: Module): TemplateResult {
  const third = module.microsoft === false;
  const vendor =
    module.vendor ??
    (third ? "third party" : module.microsoft ? "Microsoft" : module.purpose ? "" : "not known");
  return html`<span class=${third ? "third" : "muted"}>${vendor}</span>${
      module.purpose ? html`${vendor ? ": " : ""}${module.purpose}` : nothing
    }`;
}

function haystack(module: Module): string {
  return [module.name, module.vendor, module.purpose, module.path, module.version].join(" ");
}

function path(text: string, what: string): TemplateResult {
  return html`<span class="path"
    ><code>${text}</code><bluepane-copy what=${what} .text=${text}></bluepane-copy
  ></span>`;
}

define("bluepane-modules", ModulesSection);
