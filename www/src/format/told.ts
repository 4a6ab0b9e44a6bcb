// What the story has said already, so that nothing on the page is said twice.
import type { Finding, Report } from "../report";
import { placeOf, same } from "./places";

/** Whether the story tells this finding in full. */
export function isTold(finding: Finding, report: Report): boolean {
  const { story } = report;
  if (!story) return false;
  return (
    finding.id === "root-cause" || story.links.some(({ text }) => text === finding.explanation)
  );
}

/** Findings that the story does not tell in full. */
export function untold(report: Report): Finding[] {
  return (report.findings ?? []).filter((finding) => !isTold(finding, report));
}

/** Findings that rest on nothing that a link of the story rests on. */
export function besides(report: Report): Finding[] {
  const links = report.story?.links ?? [];
  const places = links.flatMap(({ evidence = [] }) => evidence.map((one) => placeOf(one, report)));
  return untold(report).filter(
    ({ evidence = [] }) =>
      !evidence.some((one) => places.some((place) => same(place, placeOf(one, report)))),
  );
}

/** Steps in the order in which the page gives them; each is kept where it comes first. */
export class Steps {
  #said: Set<string>;

  constructor(report: Report) {
    this.#said = new Set(report.story?.advice);
  }

  /** Those that were not given yet. */
  fresh(list: string[] | undefined): string[] {
    const fresh = (list ?? []).filter((step) => !this.#said.has(step));
    for (const step of fresh) this.#said.add(step);
    return fresh;
  }
}
