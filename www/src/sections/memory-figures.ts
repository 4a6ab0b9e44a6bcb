// The figures of the memory manager as pictures and groups, in the manner of Process Explorer's
// System Information: a figure that fails its arithmetic says so, one that is missing says why.
import { type TemplateResult, html, nothing } from "lit";
import type { Counter, Memory } from "../report";
import { big, bytes, grouped, percent } from "../format/number";
import { blank } from "../format/pieces";
import type { Bar, Part } from "./bars";

const PAGE = 4096;
/** Counts of something else than pages. */
const COUNTS = new Set([
  "paging_files",
  "failed_commit_charges",
  "page_hash_errors",
  "free_system_ptes",
]);

/** Bytes of the first of these counters that has a figure. */
export function figure(memory: Memory, ...names: string[]): number | null {
  for (const name of names) {
    const value = big(memory.counters?.[name]?.pages);
    if (value !== null) return Number(value) * PAGE;
  }
  return null;
}

/** Physical memory by what became of its pages. */
export function physicalBar(memory: Memory): Bar | null {
  const whole = figure(memory, "physical");
  const available = figure(memory, "available");
  if (whole === null || available === null) return null;
  const of = (...names: string[]): number => figure(memory, ...names) ?? 0;
  const modified = of("modified") + of("modified_no_write");
  const standby = figure(memory, "standby");
  const free = of("free") + of("zeroed");
  const used = Math.max(0, whole - available - modified);
  const locked = Math.min(used, of("mdl_pages", "pages_for_mdls", "driver_locked"));
  const parts: Part[] = [];
  if (locked > 0) parts.push({ label: "locked by drivers", value: locked, shade: "d" });
  parts.push({
    label: locked > 0 ? "otherwise in use" : "in use",
    value: used - locked,
    shade: "a",
  });
  if (modified > 0) parts.push({ label: "modified", value: modified, shade: "b" });
  if (standby === null || standby > available) {
    parts.push({ label: "available", value: available, shade: "c" });
  } else {
    parts.push({ label: "standby", value: standby, shade: "e" });
    parts.push({ label: "free", value: Math.min(free, available - standby), shade: "c" });
  }
  return {
    title: "Physical memory",
    whole,
    wholeLabel: "of",
    parts,
    remark: doubt(memory, ["physical", "available", "modified", "standby", "free", "mdl_pages"]),
  };
}

/** Standby memory by priority: what is taken first stands first. */
export function standbyBar(memory: Memory): Bar | null {
  const whole = figure(memory, "standby");
  const parts: Part[] = [];
  for (let priority = 0; priority < 8; priority++) {
    const value = figure(memory, `standby_${priority}`);
    if (value === null) return null;
    const strength = 0.3 + priority / 10;
    if (value > 0) parts.push({ label: `priority ${priority}`, value, shade: "e", strength });
  }
  if (!whole || parts.length === 0) return null;
  return { title: "Standby by priority", whole, wholeLabel: "of", parts };
}

/** Commit against its limit and its peak. */
export function commitBar(memory: Memory): Bar | null {
  const committed = figure(memory, "committed");
  const known = figure(memory, "commit_limit");
  // A minidump knows the limit with the page files at their largest.
  const limit = known ?? figure(memory, "commit_limit_maximum");
  if (committed === null || limit === null) return null;
  const peak = figure(memory, "committed_peak", "peak_commit");
  const made: Bar = {
    title: "Commit",
    whole: limit,
    wholeLabel: known === null ? "largest limit" : "limit",
    parts: [
      { label: "committed", value: committed, shade: "a" },
      { label: "left", value: Math.max(0, limit - committed), shade: "c" },
    ],
    remark: doubt(memory, ["committed", "commit_limit", "committed_peak"]),
  };
  if (peak !== null) made.peak = peak;
  return made;
}

/** A word on the figures that a picture rests on, where one of them is less than likely. */
function doubt(memory: Memory, names: string[]): string {
  const doubtful = names.filter((name) => {
    const counter = memory.counters?.[name];
    return counter?.pages !== undefined && counter.confidence === "possible";
  });
  if (doubtful.length === 0) return "";
  return `doubtful: ${doubtful.map(named).join(", ")}`;
}

/** Groups of figures, each with its names. */
const GROUPS: [title: string, names: string[]][] = [
  [
    "Commit charge",
    [
      "committed",
      "commit_limit",
      "committed_peak",
      "commit_limit_maximum",
      "process_commit",
      "shared_commit",
      "driver_commit",
      "mdl_pages",
      "failed_commit_charges",
    ],
  ],
  [
    "Physical memory",
    ["physical", "available", "resident_available", "locked_io", "page_tables", "kernel_stacks"],
  ],
  [
    "Kernel memory",
    [
      "nonpaged_pool",
      "nonpaged_pool_maximum",
      "paged_pool",
      "paged_pool_maximum",
      "free_system_ptes",
      "page_hash_errors",
    ],
  ],
  [
    "Paging lists",
    [
      "zeroed",
      "free",
      "modified",
      "modified_no_write",
      "transition",
      "standby",
      ...Array.from({ length: 8 }, (_, priority) => `standby_${priority}`),
    ],
  ],
];

/** The groups of which something is known. */
export function groups(memory: Memory): TemplateResult | typeof nothing {
  const counters = memory.counters ?? {};
  // One figure alone is shown elsewhere.
  if (Object.keys(counters).length < 3) return nothing;
  const shown = GROUPS.map(([title, names]) => group(title, names, counters));
  return html`<div class="groups">${shown}</div>`;
}

function group(
  title: string,
  names: string[],
  counters: Record<string, Counter>,
): TemplateResult | typeof nothing {
  const known = names.filter((name) => counters[name] !== undefined);
  // What this kind of dump does not record at all is said once, below.
  if (known.every((name) => counters[name]?.gap === "not-recorded")) return nothing;
  return html`<section>
    <h3>${title}</h3>
    <dl>
      ${known.map((name) => {
        const counter = counters[name];
        return html`<div class=${/^standby_\d/.test(name) ? "sub" : ""} data-mark="counter ${name}">
          <dt title=${counter?.source ?? ""}>${named(name)}</dt>
          <dd>${counter ? amount(name, counter) : nothing}</dd>
        </div>`;
      })}
      ${title === "Commit charge" ? shares(counters) : nothing}
    </dl>
  </section>`;
}

/** How near commit and its peak came to the limit. */
function shares(counters: Record<string, Counter>): TemplateResult | typeof nothing {
  const limit = big(counters["commit_limit"]?.pages);
  if (!limit) return nothing;
  const share = (label: string, name: string): TemplateResult | typeof nothing => {
    const value = big(counters[name]?.pages);
    if (value === null) return nothing;
    return html`<div>
      <dt>${label}</dt>
      <dd>${percent(Number(value), Number(limit))}</dd>
    </div>`;
  };
  return html`${share("current, of the limit", "committed")}
  ${share("peak, of the limit", "committed_peak")}`;
}

/** A figure, with what speaks against it; a missing one with the reason. */
export function amount(name: string, counter: Counter): TemplateResult {
  const value = big(counter.pages);
  if (value === null) return html`<span class="missing">${blank(counter.gap)}</span>`;
  const text = COUNTS.has(name) ? grouped(value) : bytes(value * 4096n);
  return counter.confidence === "possible"
    ? html`${text} <span class="doubt">doubtful</span>`
    : html`${text}`;
}

const NAMES: Record<string, string> = {
  physical: "total",
  mdl_pages: "locked by drivers (MDLs)",
  resident_available: "resident available",
  locked_io: "locked for I/O",
  commit_limit: "limit",
  committed: "current",
  committed_peak: "peak",
  commit_limit_maximum: "limit, page files at their largest",
  free_system_ptes: "free system PTEs",
  page_hash_errors: "page-hash errors",
  modified_no_write: "modified no-write",
};

function named(name: string): string {
  return NAMES[name] ?? name.replaceAll("_", " ").replace(/^standby (\d)/, "priority $1");
}
