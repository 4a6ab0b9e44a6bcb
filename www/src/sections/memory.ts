// Memory: physical, commit, page files, processes, pool tags, and what this kind of dump leaves out.
import { type TemplateResult, html, nothing } from "lit";
import type { Counter, Memory, MemoryDevice, PageFile, PoolTag, Process } from "../report";
import { blank, facts, sure } from "../format/pieces";
import { approx, big, bytes, grouped, pages, plural } from "../format/number";
import { utc } from "../format/time";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import { type Bar, bar } from "./bars";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./memory.css";

const PAGE = 4096;
const SHOWN = 15;

export class MemorySection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const memory = this.report.memory;
    const counted = memory?.counters?.["available"]?.pages !== undefined;
    const copy = counted
      ? html`<bluepane-copy
          class="screen"
          label="Copy !vm"
          .text=${() => this.desk.command("!vm")}
        ></bluepane-copy>`
      : nothing;
    if (!memory) {
      return html`${this.head("Memory")}
      ${this.absent("This file holds nothing about the machine’s memory.")}`;
    }
    const bars = barsOf(memory);
    return html`${this.head("Memory", copy)}
    ${bars.length ? html`<div class="bars">${bars.map(bar)}</div>` : nothing} ${sizes(memory)}
    ${devices(memory.devices)} ${pageFiles(memory.page_files)} ${checks(memory.checks)}
    ${processes(memory.processes)} ${poolTags(memory.pool_tags)} ${counters(memory.counters)}
    ${limits(memory.limits)}`;
  }
}

/** Counter names under which a figure may stand. */
function figure(memory: Memory, ...names: string[]): number | null {
  for (const name of names) {
    const value = big(memory.counters?.[name]?.pages);
    if (value !== null) return Number(value) * PAGE;
  }
  return null;
}

function barsOf(memory: Memory): Bar[] {
  const bars: Bar[] = [];
  const physical = figure(memory, "physical");
  const available = figure(memory, "available");
  if (physical !== null && available !== null) {
    const modified = figure(memory, "modified") ?? 0;
    const used = Math.max(0, physical - available - modified);
    const parts: Bar["parts"] = [{ label: "in use", value: used, shade: "a" }];
    if (modified > 0) parts.push({ label: "modified", value: modified, shade: "b" });
    parts.push({ label: "available", value: available, shade: "c" });
    bars.push({ title: "Physical memory", whole: physical, wholeLabel: "of", parts });
  }
  const committed = figure(memory, "committed");
  const limit = figure(memory, "commit_limit");
  if (committed !== null && limit !== null) {
    const peak = figure(memory, "committed_peak", "peak_commit");
    const free = Math.max(0, limit - committed);
    const made: Bar = {
      title: "Commit",
      whole: limit,
      wholeLabel: "limit",
      parts: [
        { label: "committed", value: committed, shade: "a" },
        { label: "left", value: free, shade: "c" },
      ],
    };
    if (peak !== null) made.peak = peak;
    bars.push(made);
  }
  const pool = poolBar(memory, physical);
  if (pool) bars.push(pool);
  return bars;
}

function poolBar(memory: Memory, physical: number | null): Bar | null {
  const paged = figure(memory, "paged_pool");
  const nonpaged = figure(memory, "nonpaged_pool");
  if (paged === null || nonpaged === null || physical === null) return null;
  return {
    title: "Kernel pool",
    whole: physical,
    wholeLabel: "beside physical memory",
    parts: [
      { label: "nonpaged", value: nonpaged, shade: "a" },
      { label: "paged", value: paged, shade: "b" },
    ],
  };
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
  return html`<h3>Page files</h3>
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

function processes(list: Process[] | undefined): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  const heaviest = [...list].sort((a, b) => approx(b.commit_pages) - approx(a.commit_pages));
  return html`<h3>Processes</h3>
    ${processTable(heaviest.slice(0, SHOWN))}
    ${
      heaviest.length > SHOWN
        ? html`<details>
            <summary>${plural(heaviest.length - SHOWN, "more process", "more processes")}</summary>
            ${processTable(heaviest.slice(SHOWN))}
          </details>`
        : nothing
    }`;
}

function processTable(list: Process[]): TemplateResult {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Process</th>
          <th scope="col" class="num">PID</th>
          <th scope="col" class="num">Parent</th>
          <th scope="col" class="num">Commit</th>
          <th scope="col" class="num">Private</th>
          <th scope="col" class="num">Working set</th>
          <th scope="col">Began</th>
        </tr>
      </thead>
      <tbody>
        ${list.map(
          (process) =>
            html`<tr>
              <td>
                <code>${process.name}</code>${
                  process.exited ? html` <span class="muted">ended</span>` : nothing
                }
              </td>
              <td class="num">${process.pid}</td>
              <td class="num">${process.parent_pid ?? nothing}</td>
              <td class="num">${pages(process.commit_pages)}</td>
              <td class="num">${pages(process.private_pages)}</td>
              <td class="num">${pages(process.working_set_pages)}</td>
              <td class="nowrap">${utc(process.created)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function poolTags(list: PoolTag[] | undefined): TemplateResult | typeof nothing {
  if (!list?.length) return nothing;
  return html`<h3>Pool tags</h3>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Tag</th>
            <th scope="col">Owner</th>
            <th scope="col" class="num">Nonpaged</th>
            <th scope="col" class="num">Paged</th>
          </tr>
        </thead>
        <tbody>
          ${list.map(
            (tag) =>
              html`<tr>
                <td><code>${tag.tag}</code></td>
                <td>${tag.owner ?? html`<span class="muted">not known</span>`}</td>
                <td class="num">${bytes(big(tag.nonpaged_bytes) ?? 0n)}</td>
                <td class="num">${bytes(big(tag.paged_bytes) ?? 0n)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
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
            return html`<tr>
              <td>${name.replaceAll("_", " ")}</td>
              ${
                value === null
                  ? html`<td colspan="2">${blank(counter?.gap)}</td>`
                  : html`<td class="num">${grouped(value)}</td>
                      <td class="num">${bytes(value * 4096n)}</td>`
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
