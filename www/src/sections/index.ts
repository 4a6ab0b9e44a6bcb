// The sections of a report, in the order in which they are read.
import { type TemplateResult, html } from "lit";
import type { Report } from "../report";
import type { Desk } from "./section";
import { untold } from "../format/told";
import "./card";
import "./story";
import "./todo";
import "./findings";
import "./bugcheck";
import "./stack";
import "./symbols";
import "./memory";
import { tells } from "./coverage";
import "./coverage";
import { platformTitle } from "./platform";
import "./registry";
import "./modules";
import "./secondary";
import "./header";
import "./explorer";
import "./console";
import "./notes";
import "./share";

export interface View {
  report: Report;
  desk: Desk;
  busy: boolean;
}

export interface SectionKind {
  id: string;
  title: string;
  /** Whether a new group begins here: the answer, what it rests on, the file, the tools. */
  apart?: boolean;
  /** Where a kind of file calls for another title. */
  titleFor?(report: Report): string;
  /** How many things stand there, for the list of sections. */
  count?(report: Report): number;
  /** Whether this kind of file can have it at all. */
  fits?(report: Report): boolean;
  render(view: View): TemplateResult;
}

const kernel = (report: Report): boolean =>
  !["user-minidump", "archive", "other"].includes(report.file.kind);
const dump = (report: Report): boolean => !["archive", "other"].includes(report.file.kind);

export const SECTIONS: SectionKind[] = [
  {
    id: "story",
    title: "What happened",
    fits: (report) => dump(report) && report.story !== undefined,
    render: ({ report, desk, busy }) =>
      html`<bluepane-story
        id="story"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-story>`,
  },
  {
    id: "todo",
    title: "What to do",
    fits: (report) => dump(report) && Boolean(report.story?.advice?.length),
    render: ({ report, desk, busy }) =>
      html`<bluepane-todo id="todo" .report=${report} .desk=${desk} ?busy=${busy}></bluepane-todo>`,
  },
  {
    id: "findings",
    title: "Findings",
    count: (report) => untold(report).length,
    fits: dump,
    render: ({ report, desk, busy }) =>
      html`<bluepane-findings
        id="findings"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-findings>`,
  },
  {
    id: "bugcheck",
    apart: true,
    title: "Bug check",
    titleFor: (report) => (report.file.kind === "user-minidump" ? "Exception" : "Bug check"),
    fits: dump,
    render: ({ report, desk, busy }) =>
      html`<bluepane-bugcheck
        id="bugcheck"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-bugcheck>`,
  },
  {
    id: "stack",
    title: "Stack",
    count: (report) => report.stack?.frames?.length ?? 0,
    fits: dump,
    render: ({ report, desk, busy }) =>
      html`<bluepane-stack
        id="stack"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-stack>`,
  },
  {
    id: "symbols",
    title: "Symbols",
    count: (report) => report.wanted_symbols?.length ?? 0,
    fits: (report) =>
      kernel(report) && Boolean(report.wanted_symbols?.length || report.symbol_files?.length),
    render: ({ report, desk, busy }) =>
      html`<bluepane-symbols
        id="symbols"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-symbols>`,
  },
  {
    id: "memory",
    title: "Memory",
    fits: kernel,
    render: ({ report, desk, busy }) =>
      html`<bluepane-memory
        id="memory"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-memory>`,
  },
  {
    id: "platform",
    title: "Platform",
    titleFor: (report) => platformTitle(report).replace(" and ", ", "),
    fits: kernel,
    render: ({ report, desk, busy }) =>
      html`<bluepane-platform
        id="platform"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-platform>`,
  },
  {
    id: "registry",
    title: "Registry",
    // A minidump holds none.
    fits: (report) =>
      report.registry !== undefined || (explorable(report) && report.file.kind !== "triage"),
    render: ({ report, desk, busy }) =>
      html`<bluepane-registry
        id="registry"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-registry>`,
  },
  {
    id: "modules",
    title: "Modules",
    count: (report) => report.modules?.length ?? 0,
    fits: dump,
    render: ({ report, desk, busy }) =>
      html`<bluepane-modules
        id="modules"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-modules>`,
  },
  {
    id: "coverage",
    apart: true,
    title: "What is in the file",
    fits: (report) => kernel(report) && tells(report),
    render: ({ report, desk, busy }) =>
      html`<bluepane-coverage
        id="coverage"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-coverage>`,
  },
  {
    id: "secondary",
    title: "Secondary data",
    count: (report) => report.secondary_data?.length ?? 0,
    fits: kernel,
    render: ({ report, desk, busy }) =>
      html`<bluepane-secondary
        id="secondary"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-secondary>`,
  },
  {
    id: "header",
    title: "Raw header",
    fits: kernel,
    render: ({ report, desk, busy }) =>
      html`<bluepane-header
        id="header"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-header>`,
  },
  {
    id: "notes",
    title: "Notes",
    fits: dump,
    count: (report) => report.notes?.length ?? 0,
    render: ({ report, desk, busy }) =>
      html`<bluepane-notes
        id="notes"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-notes>`,
  },
  {
    id: "explorer",
    apart: true,
    title: "Explorer",
    fits: explorable,
    render: ({ report, desk, busy }) =>
      html`<bluepane-explorer
        id="explorer"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-explorer>`,
  },
  {
    id: "console",
    title: "Console",
    fits: dump,
    render: ({ report, desk, busy }) =>
      html`<bluepane-console
        id="console"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-console>`,
  },
  {
    id: "share",
    title: "Share",
    fits: dump,
    render: ({ report, desk, busy }) =>
      html`<bluepane-share
        id="share"
        .report=${report}
        .desk=${desk}
        ?busy=${busy}
      ></bluepane-share>`,
  },
];

/** Whether the file holds memory that can be read by address. */
function explorable(report: Report): boolean {
  const { kind, encrypted } = report.file;
  return kernel(report) && !encrypted && !["header-only", "unknown-kernel"].includes(kind);
}

/** The sections to show: those that fit the file, and of those the ones that are wished. */
export function chosen(report: Report, wished: string): SectionKind[] {
  const names = wished.split(/[\s,]+/).filter((name) => name);
  return SECTIONS.filter(
    (section) =>
      (names.length === 0 || names.includes(section.id)) && (section.fits?.(report) ?? true),
  );
}
