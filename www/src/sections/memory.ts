// Memory: physical, commit, page files, processes, pool tags, and what this kind of dump leaves out.
import { type TemplateResult, html, nothing } from "lit";
import type { Counter, Hex, Memory, MemoryDevice, PageFile, PoolTag, Process } from "../report";
import { blank, facts, sure } from "../format/pieces";
import { approx, big, bytes, grouped, pages, plural } from "../format/number";
import { utc } from "../format/time";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import { type Column } from "../elements/sorted";
import "../elements/sorted";
import { bar } from "./bars";
import { amount, commitBar, figure, groups, physicalBar } from "./memory-figures";
import { Section } from "./section";
import picturesCss from "./pictures.css";
import sectionCss from "./section.css";
import css from "./memory.css";

const PAGE = 4096;

export class MemorySection extends Section {
  static override properties = { vm: { state: true } };
  static override styles = styles(sectionCss, picturesCss, css);
  /** The text of `!vm`, once it was asked for. */
  declare vm: string;

  constructor() {
    super();
    this.vm = "";
  }

  protected override render(): unknown {
    const memory = this.report.memory;
    if (!memory) {
      return html`${this.head("Memory")}
      ${this.absent("This file holds nothing about the machine’s memory.")}`;
    }
    const counted = Object.keys(memory.counters ?? {}).length > 2;
    const copy = html`<bluepane-copy
      class="screen"
      label="Copy !vm"
      .text=${() => this.desk.command("!vm")}
    ></bluepane-copy>`;
    const bars = [physicalBar(memory), commitBar(memory)].filter((one) => one !== null);
    return html`${this.head("Memory", counted ? copy : nothing)}
    ${bars.length ? html`<div class="bars">${bars.map(bar)}</div>` : nothing} ${sizes(memory)}
    ${groups(memory)} ${checks(memory.checks)} ${pageFiles(memory.page_files)}
    ${processes(memory.processes)} ${poolTags(memory.pool_tags)} ${counted ? this.#vm() : nothing}
    ${counters(memory.counters)} ${devices(memory.devices)} ${limits(memory.limits)}`;
  }

  #vm(): TemplateResult {
    return html`<details
      class="screen"
      @toggle=${(event: Event) => void this.#open(event.target as HTMLDetailsElement)}
    >
      <summary>As a debugger prints it</summary>
      <pre tabindex="0" aria-label="!vm">${this.vm || "…"}</pre>
    </details>`;
  }

  async #open(details: HTMLDetailsElement): Promise<void> {
    if (!details.open) return;
    try {
      this.vm = await this.desk.command("!vm");
    } catch (error) {
      this.vm = error instanceof Error ? error.message : String(error);
    }
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

function pageFiles(list: PageFile[] | undefined): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  return html`<h3 data-mark="page-files">Page files</h3>
    <div class="bars">
      ${list.map((file) => {
        const size = approx(file.size_pages) * PAGE;
        const free = approx(file.free_pages) * PAGE;
        return html`${bar({
            title: `${file.name} (${file.kind})`,
            whole: size,
            wholeLabel: "now",
            parts: [
              { label: "used", value: Math.max(0, size - free), shade: "a" },
              { label: "free", value: free, shade: "c" },
            ],
            peak: approx(file.peak_pages) * PAGE,
          })}
          <p class="small muted">
            from ${pages(file.minimum_pages)} to ${pages(file.maximum_pages)}
          </p>`;
      })}
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
            ${check.text} ${check.holds ? "holds" : html`<span class="fails">does not hold</span>`}
          </li>`,
      )}
    </ul>
  </details>`;
}

const PROCESSES: Column<Process>[] = [
  {
    id: "name",
    label: "Process",
    key: (row) => row.name.toLowerCase(),
    cell: (row) =>
      html`<code>${row.name}</code>${row.exited ? html` <span class="muted">ended</span>` : nothing}
        ${row.confidence === "certain" ? nothing : sure(row.confidence)}`,
  },
  { id: "pid", label: "PID", numeric: true, key: (row) => row.pid, cell: (row) => row.pid },
  {
    id: "parent",
    label: "Parent",
    numeric: true,
    key: (row) => row.parent_pid ?? -1,
    cell: (row) => row.parent_pid ?? nothing,
  },
  {
    id: "session",
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
    label: "Threads",
    numeric: true,
    key: (row) => row.threads ?? -1,
    cell: (row) => row.threads ?? nothing,
  },
  {
    id: "began",
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
      .haystack=${(row: Process) => `${row.name} ${row.pid}`}
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
