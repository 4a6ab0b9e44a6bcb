// Memory: physical, commit, page files, processes, pool tags, and what this kind of dump leaves out.
import { type TemplateResult, html, nothing } from "lit";
import type { Counter, Hex, Memory, MemoryDevice, PageFile, PoolTag, Process } from "../report";
import { blank, facts, sure } from "../format/pieces";
import { approx, big, bytes, grouped, pages, plural } from "../format/number";
import { utc } from "../format/time";
import { define, styles } from "../elements/sheet";
import "../elements/asked";
import "../elements/copy";
import { type Column } from "../elements/sorted";
import "../elements/sorted";
import { bar } from "./bars";
import { balloonPart } from "./balloon";
import { amount, commitBar, figure, groups, physicalBar, standbyBar } from "./memory-figures";
import { Section } from "./section";
import picturesCss from "./pictures.css";
import sectionCss from "./section.css";
import css from "./memory.css";

const PAGE = 4096;

export class MemorySection extends Section {
  static override styles = styles(sectionCss, picturesCss, css);

  protected override render(): unknown {
    const memory = this.report.memory;
    if (!memory) {
      return html`${this.head("Memory")}
      ${this.absent("This file holds nothing about the machine’s memory.")}`;
    }
    const counted = Object.keys(memory.counters ?? {}).length > 2;
    const copy = (line: string): TemplateResult =>
      html`<bluepane-copy
        class="screen"
        label="Copy ${line}"
        .text=${() => this.desk.command(line)}
      ></bluepane-copy>`;
    const bars = [physicalBar(memory), standbyBar(memory), commitBar(memory)];
    const drawn = bars.filter((one) => one !== null);
    return html`${this.head("Memory", counted ? html`${copy("!vm")} ${copy("!mem")}` : nothing)}
    ${drawn.length ? html`<div class="bars">${drawn.map(bar)}</div>` : nothing} ${sizes(memory)}
    ${balloonPart(this.report, this.lead, this.#story())} ${groups(memory)} ${checks(memory.checks)}
    ${files(memory.page_files)} ${this.#sizing()} ${processes(memory.processes)}
    ${poolTags(memory.pool_tags)} ${counted ? this.#asked() : nothing} ${counters(memory.counters)}
    ${devices(memory.devices)} ${limits(memory.limits)}`;
  }

  /** Leads to what the story says of the balloon. */
  #story(): TemplateResult | null {
    if (!this.desk.has("story")) return null;
    return html`<p class="screen">
      <button type="button" class="plain" @click=${() => this.desk.show("story")}>
        Told under What happened
      </button>
    </p>`;
  }

  #sizing(): TemplateResult | typeof nothing {
    const sizing = this.report.findings?.some(({ id }) => id === "page-file-sizing");
    if (!sizing || !this.desk.has("findings")) return nothing;
    return html`<p class="screen">
      <button
        type="button"
        class="plain"
        @click=${() => this.desk.show("findings", "page-file-sizing")}
      >
        How large the page file should be
      </button>
    </p>`;
  }

  #asked(): TemplateResult {
    const text = (label: string, line: string, long = ""): TemplateResult =>
      html`<bluepane-asked
        label=${label}
        line=${line}
        long=${long}
        .of=${this.report}
        .ask=${this.desk.command}
      ></bluepane-asked>`;
    return html`<div class="asked">
      ${text("As a debugger prints it (!vm)", "!vm")} ${text("In short (!mem)", "!mem")}
      ${
        // A minidump has no records of pages.
        this.report.file.kind === "triage"
          ? nothing
          : text(
              "Census of all pages (!memusage)",
              "!memusage",
              "Reads the record of every page of memory and counts their states. On a large machine that takes a while; what was counted when it is stopped is shown.",
            )
      }
    </div>`;
  }
}

function sizes(memory: Memory): TemplateResult {
  const installed = big(memory.installed_bytes);
  const physical = figure(memory, "physical");
  const sized = (value: bigint | number, by: string): TemplateResult =>
    html`<b>${bytes(value)}</b> <span class="muted">by ${by}</span>`;
  return facts([
    {
      label: "Installed",
      value: installed === null ? "" : sized(installed, "the firmware’s list of devices"),
    },
    {
      label: "Used by Windows",
      value:
        physical === null
          ? ""
          : sized(physical, memory.counters?.["physical"]?.source ?? "the dump"),
    },
  ]);
}

function devices(list: MemoryDevice[] | undefined): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  return html`<h3>Memory devices</h3>
    <div class="scroll">
      <table class="fit">
        <thead>
          <tr>
            <th scope="col">Slot</th>
            <th scope="col" class="num">Size</th>
            <th scope="col">Kind</th>
            <th scope="col">Maker and part</th>
          </tr>
        </thead>
        <tbody>
          ${list.map(
            (device) =>
              html`<tr>
                <td>${device.locator}</td>
                <td class="num">
                  ${big(device.bytes) === 0n ? "empty" : bytes(big(device.bytes) ?? 0n)}
                </td>
                <td>
                  ${[device.kind, device.speed ? `${grouped(device.speed)} MT/s` : ""]
                    .filter((part) => part)
                    .join(", ")}
                </td>
                <td>${[device.manufacturer, device.part].filter((part) => part).join(" ")}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

const FILES: [kind: string, title: string][] = [
  ["page file", "Page files"],
  ["swap file", "Swap files, for suspended apps"],
  ["compression store", "Compression stores, in memory"],
];

/** Page files; what only looks like one stands apart. */
function files(list: PageFile[] | undefined): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  const named = new Set(FILES.map(([kind]) => kind));
  const others = list.filter(({ kind }) => !named.has(kind)).map(({ kind }) => kind);
  const kinds = [...FILES, ...[...new Set(others)].map((kind): [string, string] => [kind, kind])];
  return html`${kinds.map(([kind, title], index) => {
    const alike = list.filter((file) => file.kind === kind);
    if (alike.length === 0) return nothing;
    return html`<h3 data-mark=${index === 0 ? "page-files" : nothing}>${title}</h3>
      <div class="bars">${alike.map(file)}</div>`;
  })}`;
}

function file(file: PageFile): TemplateResult {
  const size = approx(file.size_pages) * PAGE;
  const free = approx(file.free_pages) * PAGE;
  const least = pages(file.minimum_pages);
  const most = pages(file.maximum_pages);
  return html`<div>
    ${bar({
      title: file.name,
      whole: size,
      wholeLabel: "now",
      parts: [
        { label: "used", value: Math.max(0, size - free), shade: "a" },
        { label: "free", value: free, shade: "c" },
      ],
      ...(file.peak_pages === undefined ? {} : { peak: approx(file.peak_pages) * PAGE }),
    })}
    <p class="small muted">${least === most ? `always ${least}` : `from ${least} to ${most}`}</p>
  </div>`;
}

function checks(list: Memory["checks"]): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  const failed = list.filter((check) => !check.holds).length;
  return html`<details ?open=${failed > 0}>
    <summary>
      Arithmetic the figures must obey:
      ${failed ? html`<span class="fails">${failed} of ${list.length} fail</span>` : "all holds"}
    </summary>
    <ul class="text">
      ${list.map(
        (check) =>
          html`<li>
            ${check.text.replace(/\.$/, "")}:
            ${check.holds ? "holds" : html`<span class="fails">does not hold</span>`}
          </li>`,
      )}
    </ul>
  </details>`;
}

const unrecorded = html`<span class="muted">not recorded</span>`;

const PROCESSES: Column<Process>[] = [
  {
    id: "name",
    label: "Process",
    key: (row) => (row.name ?? "").toLowerCase(),
    cell: (row) =>
      html`${row.name ? html`<code>${row.name}</code>` : unrecorded}${row.exited ? html` <span class="muted">ended</span>` : nothing}
      ${row.confidence === "certain" ? nothing : sure(row.confidence)}`,
  },
  {
    id: "pid",
    label: "PID",
    numeric: true,
    key: (row) => row.pid ?? -1,
    cell: (row) => row.pid ?? unrecorded,
  },
  {
    id: "parent",
    from: 600,
    label: "Parent",
    numeric: true,
    key: (row) => row.parent_pid ?? -1,
    cell: (row) => row.parent_pid ?? nothing,
  },
  {
    id: "session",
    from: 600,
    label: "Session",
    numeric: true,
    key: (row) => row.session ?? -1,
    cell: (row) => row.session ?? nothing,
  },
  amountOf("commit", "Commit", (row) => row.commit_pages),
  amountOf("private", "Private", (row) => row.private_pages),
  amountOf("working", "Working set", (row) => row.working_set_pages),
  {
    id: "threads",
    from: 600,
    label: "Threads",
    numeric: true,
    key: (row) => row.threads ?? -1,
    cell: (row) => row.threads ?? nothing,
  },
  {
    id: "began",
    from: 860,
    label: "Began",
    key: (row) => row.created ?? "",
    cell: (row) => html`<span class="nowrap">${utc(row.created)}</span>`,
  },
];

function amountOf(
  id: string,
  label: string,
  of: (row: Process) => Hex | undefined,
): Column<Process> {
  return {
    id,
    label,
    numeric: true,
    key: (row) => (of(row) === undefined ? -1 : approx(of(row))),
    cell: (row) => pages(of(row)),
  };
}

function processes(list: Process[] | undefined): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  const told = PROCESSES.filter(
    ({ id, key }) => id === "name" || list.some((row) => key(row) !== -1 && key(row) !== ""),
  );
  const by = told.some(({ id }) => id === "commit") ? "commit" : "pid";
  return html`<h3 data-mark="processes">
      Processes <span class="muted small">${list.length}</span>
    </h3>
    <bluepane-sorted
      what="processes"
      sort=${by}
      .columns=${told}
      .rows=${list}
      .haystack=${(row: Process) => `${row.name ?? ""} ${row.pid ?? ""}`}
    ></bluepane-sorted>`;
}

const TAGS: Column<PoolTag>[] = [
  {
    id: "tag",
    label: "Tag",
    key: (row) => row.tag.toLowerCase(),
    cell: (row) => html`<code class="tag-name">${row.tag}</code>`,
  },
  {
    id: "owner",
    label: "Owner",
    key: (row) => row.owner ?? "",
    cell: (row) => row.owner ?? html`<span class="muted">not known</span>`,
  },
  {
    id: "nonpaged",
    label: "Nonpaged",
    numeric: true,
    key: (row) => approx(row.nonpaged_bytes),
    cell: (row) => bytes(big(row.nonpaged_bytes) ?? 0n),
  },
  {
    id: "paged",
    label: "Paged",
    numeric: true,
    key: (row) => approx(row.paged_bytes),
    cell: (row) => bytes(big(row.paged_bytes) ?? 0n),
  },
];

function poolTags(list: PoolTag[] | undefined): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  return html`<h3 data-mark="pool-tags">
      Pool by tag <span class="muted small">${list.length}</span>
    </h3>
    <bluepane-sorted
      what="pool tags"
      sort="nonpaged"
      .columns=${TAGS}
      .rows=${list}
      .haystack=${(row: PoolTag) => `${row.tag} ${row.owner ?? ""}`}
    ></bluepane-sorted>`;
}

function counters(all: Record<string, Counter> | undefined): TemplateResult | typeof nothing {
  const names = Object.keys(all ?? {});
  if (!all || names.length === 0) return nothing;
  return html`<details>
    <summary>${plural(names.length, "counter")}, with where each was read</summary>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Counter</th>
            <th scope="col" class="num">Pages</th>
            <th scope="col" class="num">Size</th>
            <th scope="col">Read from</th>
          </tr>
        </thead>
        <tbody>
          ${names.map((name) => {
            const counter = all[name];
            const value = big(counter?.pages);
            return html`<tr data-mark="counter ${name}">
              <td>${name.replaceAll("_", " ")}</td>
              ${
                value === null
                  ? html`<td colspan="2">${blank(counter?.gap)}</td>`
                  : html`<td class="num">${grouped(value)}</td>
                      <td class="num">${counter ? amount(name, counter) : nothing}</td>`
              }
              <td class="source">${counter?.source} ${sure(counter?.confidence)}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
  </details>`;
}

function limits(list: string[] | undefined): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  return html`<h3>What this dump cannot tell</h3>
    <ul class="text">
      ${list.map((limit) => html`<li>${limit}</li>`)}
    </ul>`;
}

define("bluepane-memory", MemorySection);
