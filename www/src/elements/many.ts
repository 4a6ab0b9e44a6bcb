// Many dumps at once: a timeline, what they have in common, one row each.
import { LitElement, type TemplateResult, html, nothing, svg } from "lit";
import type { Source } from "../engine/source";
import type { Report } from "../report";
import { sure } from "../format/pieces";
import { code, plural } from "../format/number";
import { machineName } from "../format/machine";
import { duration, instant, utc } from "../format/time";
import css from "./many.css";
import { title } from "../sections/card";
import { define, styles } from "./sheet";

/** One of many files. */
export interface Entry {
  source: Source;
  report: Report | null;
  /** Why there is no report, in a sentence. */
  problem: string;
}

export class ChosenEvent extends Event {
  constructor(readonly entry: Entry) {
    super("chosen");
  }
}

export class ManyView extends LitElement {
  static override properties = {
    entries: { attribute: false },
    passedOver: { type: Number },
    busy: { type: Boolean },
  };
  static override styles = styles(css);
  declare entries: Entry[];
  declare passedOver: number;
  declare busy: boolean;

  protected override render(): unknown {
    const sorted = byTime(this.entries);
    const passed = this.passedOver
      ? ` ${plural(this.passedOver, "other file was", "other files were")} passed over.`
      : "";
    return html`<h1 tabindex="-1">${plural(this.entries.length, "file")}</h1>
      <p class="muted">Sorted by the time of the crash.${passed}</p>
      ${this.busy ? nothing : inCommon(sorted)} ${timeline(sorted)}
      <table>
        <thead>
          <tr>
            <th scope="col">Stopped (UTC)</th>
            <th scope="col">Stop code</th>
            <th scope="col">Probable culprit</th>
            <th scope="col">File</th>
          </tr>
        </thead>
        <tbody>
          ${sorted.map((entry, index) => this.#row(entry, sorted[index - 1]))}
        </tbody>
      </table>`;
  }

  #row(entry: Entry, before: Entry | undefined): TemplateResult {
    const { report } = entry;
    return html`<tr>
      <td class="nowrap">
        ${
          utc(report?.system?.crash_time).replace(" UTC", "") ||
          html`<span class="muted">${report && isDump(report) ? "not recorded" : ""}</span>`
        }
        ${before ? since(before, entry) : nothing}
      </td>
      <td>${this.#what(entry)}</td>
      <td>
        ${
          report?.blame
            ? html`<code>${report.blame.module}</code> ${sure(report.blame.confidence)}`
            : html`<span class="muted">${report?.bugcheck ? "nobody named" : ""}</span>`
        }
      </td>
      <td class="file">
        <button
          type="button"
          class="plain"
          ?disabled=${!report}
          @click=${() => this.dispatchEvent(new ChosenEvent(entry))}
        >
          ${entry.source.name}
        </button>
      </td>
    </tr>`;
  }

  #what({ report, problem }: Entry): TemplateResult | string {
    if (problem) return html`<span class="bad">${problem}</span>`;
    if (!report) return html`<span class="muted">${this.busy ? "waiting" : "not read"}</span>`;
    const check = report.bugcheck;
    if (check) return html`<code>${code(check.code)}</code> ${check.name}`;
    if (report.exception) {
      return html`<code>${code(report.exception.code)}</code> ${report.exception.name ?? ""}`;
    }
    return isDump(report) ? report.file.kind_label || report.summary || "" : title(report);
  }

  enter(): void {
    this.renderRoot.querySelector("h1")?.focus();
  }
}

function isDump({ file }: Report): boolean {
  return file.kind !== "other" && file.kind !== "archive";
}

function at(entry: Entry | undefined): number | null {
  return instant(entry?.report?.system?.crash_time);
}

function byTime(entries: Entry[]): Entry[] {
  return [...entries].sort((a, b) => (at(a) ?? Infinity) - (at(b) ?? Infinity) || 0);
}

function since(before: Entry, entry: Entry): TemplateResult | typeof nothing {
  const from = at(before);
  const to = at(entry);
  if (from === null || to === null) return nothing;
  return html`<div class="gap">${duration((to - from) / 1000)} later</div>`;
}

function timeline(sorted: Entry[]): TemplateResult | typeof nothing {
  const times = sorted.map(at).filter((time): time is number => time !== null);
  const first = times[0];
  const last = times[times.length - 1];
  if (first === undefined || last === undefined || last <= first) return nothing;
  const x = (time: number): number => ((time - first) / (last - first)) * 992;
  return html`<svg viewBox="0 0 1000 34" preserveAspectRatio="none" aria-hidden="true">
      <line x1="0" y1="28" x2="1000" y2="28"></line>
      ${times.map((time) => svg`<rect x=${x(time)} y="6" width="4" height="22"></rect>`)}
    </svg>
    <div class="ends">
      <span>${utc(new Date(first).toISOString())}</span
      ><span>${plural(times.length, "crash", "crashes")} in ${duration((last - first) / 1000)}</span
      ><span>${utc(new Date(last).toISOString())}</span>
    </div>`;
}

/** Facts that at least two of the dumps share, the most shared first. */
function inCommon(entries: Entry[]): TemplateResult | typeof nothing {
  const reports = entries.flatMap((entry) => (entry.report?.bugcheck ? [entry.report] : []));
  if (reports.length < 2) return nothing;
  const shared = [
    ...most(reports, "stop with", stopCode),
    ...most(reports, "probably caused by", (report) => report.blame?.module),
    ...most(reports, "on", (report) => machineName(report.platform) || undefined),
    ...most(reports, "under", (report) => windowsName(report)),
  ];
  if (shared.length === 0) {
    return html`<p class="common">
      These crashes have neither stop code, culprit nor machine in common.
    </p>`;
  }
  return html`<div class="common">
    <h2>What they have in common</h2>
    <ul class="text">
      ${shared.map((line) => html`<li>${line}</li>`)}
    </ul>
  </div>`;
}

function most(
  reports: Report[],
  relation: string,
  key: (report: Report) => string | undefined,
): string[] {
  const counts = new Map<string, number>();
  for (const report of reports) {
    const value = key(report);
    if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > 1)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 2)
    .map(([value, count]) => {
      const many = count === reports.length ? `all ${count}` : `${count} of ${reports.length}`;
      return `${many} ${relation} ${value}`;
    });
}

function stopCode(report: Report): string | undefined {
  const check = report.bugcheck;
  return check && `${code(check.code)} ${check.name}`.trim();
}

function windowsName(report: Report): string | undefined {
  const { os, build } = report.system ?? {};
  return os || build ? `${os ?? "Windows"}${build ? ` (build ${build})` : ""}` : undefined;
}

define("bluepane-many", ManyView);
