// The top card: what happened, in one glance.
import { type TemplateResult, html, nothing } from "lit";
import type { Report } from "../report";
import { type Fact, facts, severity, sure } from "../format/pieces";
import { big, bytes, code, plural } from "../format/number";
import { age, duration, machine, utc, viewer } from "../format/time";
import { machineName } from "../format/machine";
import { besides, untold } from "../format/told";
import { HOST, HYPERVISOR, ROLE, word } from "../format/words";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./card.css";

export class TopCard extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const { report } = this;
    return html`<div class="card">
      <p class="paper small muted">bluepane, report on <code>${report.file.name}</code></p>
      <h1 tabindex="-1">${title(report)}</h1>
      ${report.summary ? html`<p class="summary">${this.#summary()}</p>` : nothing}
      ${this.#advice()} ${this.#findings()} ${this.#further()}
      <div class="columns">${facts(this.#machine())} ${facts(this.#moment())}</div>
    </div>`;
  }

  override enter(): void {
    this.renderRoot.querySelector("h1")?.focus({ preventScroll: true });
    const { top } = this.getBoundingClientRect();
    if (top < 0 || top > window.innerHeight) this.scrollIntoView({ block: "start" });
  }

  /** For a file that is no dump: what to do with it instead. */
  #advice(): TemplateResult | typeof nothing {
    const { file, notes = [], error, summary = "" } = this.report;
    if (file.kind !== "other" && file.kind !== "archive") return nothing;
    // The error says what the file is, as the summary does, and then what to do.
    const said = error?.text.startsWith(summary) ? error.text.slice(summary.length) : error?.text;
    const texts = [said?.trim() ?? "", ...notes.map(({ text }) => text)];
    return html`${texts.map((text) => (text ? html`<p class="summary">${text}</p>` : nothing))}`;
  }

  /** The conclusion. Its first step stands with the others. */
  #summary(): string {
    const { summary = "" } = this.report;
    return this.desk.has("todo") ? summary.replace(/ First step: .*$/s, "") : summary;
  }

  /** The strongest findings; under a story only those that it leaves out. */
  #findings(): TemplateResult | typeof nothing {
    const { report } = this;
    const list = this.desk.has("story")
      ? besides(report).filter(({ severity }) => severity === "critical")
      : // That nobody can be named stands below.
        (report.findings ?? []).filter(({ id }) => id !== "no-culprit");
    if (list.length === 0) return nothing;
    return html`<ul class="plain top" aria-label="Strongest findings">
      ${list.slice(0, 3).map(
        (finding) =>
          html`<li>
            <span>${severity(finding.severity)}</span>
            <button
              type="button"
              class="plain"
              @click=${() => this.desk.show("findings", finding.id)}
            >
              ${finding.title}
            </button>
            ${sure(finding.confidence)}
          </li>`,
      )}
    </ul>`;
  }

  /** Where the card goes on. */
  #further(): TemplateResult | typeof nothing {
    const { findings = [], story } = this.report;
    const others = untold(this.report).length;
    const link = (section: string, label: string): TemplateResult | typeof nothing =>
      this.desk.has(section)
        ? html`<button
            type="button"
            class="plain more small screen"
            @click=${() => this.desk.show(section)}
          >
            ${label}
          </button>`
        : nothing;
    const steps = story?.advice?.length ?? 0;
    return html`<div class="further">
      ${story ? link("story", "What happened") : nothing}
      ${steps ? link("todo", `What to do, in ${plural(steps, "step")}`) : nothing}
      ${
        story
          ? link("findings", `${plural(others, "further finding")}, with evidence and steps`)
          : findings.length > 3
            ? link("findings", `${plural(others, "finding")} in all, with evidence and steps`)
            : nothing
      }
    </div>`;
  }

  #machine(): Fact[] {
    const { file, system, blame, platform } = this.report;
    const size = big(file.size);
    return [
      {
        label: file.kind === "other" || file.kind === "archive" ? "File" : "Dump",
        value: html`${file.kind_label || file.kind}${size === null ? "" : `, ${bytes(size)}`}
        ${file.truncated ? html`<span class="cut">; cut short</span>` : nothing}
        ${file.encrypted ? html`<span class="cut">; encrypted by Windows</span>` : nothing}`,
      },
      { label: "System", value: system ? windows(system) : "" },
      { label: "Probable culprit", value: this.#culprit(blame) },
      { label: "Machine", value: platform ? machineLine(platform) : "" },
      { label: "Name", value: system?.computer_name },
      { label: "Processor", value: system?.processor_name },
    ];
  }

  #culprit(blame: Report["blame"]): unknown {
    if (blame) {
      return html`<button type="button" class="plain mono" @click=${() => this.desk.show("stack")}>
          ${blame.module}</button
        >${blame.symbol ? html` <code>${blame.symbol}</code>` : nothing} ${sure(blame.confidence)}`;
    }
    if (this.busy || !this.report.bugcheck) return "";
    return html`<span class="muted">nobody can be named from this dump</span>`;
  }

  #moment(): Fact[] {
    const { system } = this.report;
    if (!system) return [];
    const at = system.crash_time;
    const zone = machine(system);
    const unknown = this.busy ? "not read yet" : "its own time zone is not recorded here";
    const own = zone ?? html`<span class="muted">${unknown}</span>`;
    return [
      { label: "Stopped", value: at ? html`<span class="age">${age(at)}</span>` : "" },
      { label: "Machine’s time", value: at ? own : "" },
      { label: "UTC", value: utc(at) },
      { label: "Your time", value: viewer(at) },
      {
        label: "Had run for",
        value: system.uptime_seconds === undefined ? "" : duration(system.uptime_seconds),
      },
    ];
  }
}

export function title(report: Report): TemplateResult | string {
  const check = report.bugcheck;
  if (check) return html`<code>${code(check.code)}</code> ${check.name || "unnamed stop code"}`;
  const raised = report.exception;
  if (raised) return html`<code>${code(raised.code)}</code> ${raised.name ?? "exception"}`;
  const { kind, kind_label: label } = report.file;
  if (kind === "other" && label) return `${label}: not a crash dump`;
  if (kind === "archive" && label) return `${label}: not itself a dump`;
  return label || "Reading…";
}

function windows(system: NonNullable<Report["system"]>): TemplateResult {
  const parts = [
    system.product,
    system.architecture,
    system.processors === undefined ? "" : plural(system.processors, "processor"),
  ].filter((part) => part);
  const name = system.os ?? "Windows";
  const build = system.build === undefined ? "" : `(build ${system.build})`;
  return html`${name}${build && !name.includes(build) ? ` ${build}` : ""}${parts.length > 0 ? `, ${parts.join(", ")}` : ""}`;
}

function machineLine(platform: NonNullable<Report["platform"]>): string {
  const name = machineName(platform);
  const role = platform.hypervisor?.role;
  const vendor = platform.hypervisor?.vendor;
  let kind = "";
  if (role === "guest" || role === "nested") {
    kind = `virtual machine on ${word(HYPERVISOR, vendor)}`;
  } else if (role && role !== "unknown") {
    // Without a maker's name the sentence needs a subject.
    kind = name ? word(ROLE, role) : `this machine ${word(ROLE, role)}`;
  }
  const hosts = platform.host_generation ?? [];
  const host = hosts.length > 0 ? `; host ${hosts.map((h) => word(HOST, h)).join(" or ")}` : "";
  return [name, kind].filter((part) => part).join("; ") + host;
}

define("bluepane-card", TopCard);
