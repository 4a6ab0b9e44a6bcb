// Where on the page the thing stands that a piece of evidence names: "MmAvailablePages, layout of
// this kernel" is a counter of the Memory section, "loaded modules" a row of the modules.
import type { Evidence, Report } from "../report";

/** A section, and what is marked in it. */
export interface Place {
  section: string;
  mark?: string;
}

/** Goes to a place. */
export type Go = (place: Place) => void;

const SECTION: [where: RegExp, section: string, mark?: string][] = [
  [/page files?\b/i, "memory", "page-files"],
  [/process/i, "memory", "processes"],
  [/pool/i, "memory", "pool-tags"],
  [/balloon/i, "memory", "balloon"],
  [/integration components/i, "platform", "components"],
  [/^exception/i, "bugcheck", "exception"],
  [/parameter|stop code|exception/i, "bugcheck"],
  [/smbios|acpi|cpuid|\bhvl|firmware|platform/i, "platform"],
  [/stack|trap frame/i, "stack"],
  [/^header/i, "header"],
];

/** Where it stands; null where no section shows it. */
export function placeOf({ text, where }: Evidence, report: Report): Place | null {
  if (!where) return null;
  const counter = counterOf(where, report);
  if (counter) return { section: "memory", mark: `counter ${counter}` };
  const number = /^parameter (\d)/.exec(where)?.[1];
  if (number) return { section: "bugcheck", mark: `parameter ${number}` };
  const slot = /^(?:stack|trap frame at) (0x[0-9a-f]+)$/.exec(where)?.[1];
  if (slot) return { section: "stack", mark: `frame ${slot}` };
  const value = /^registry value (.+)$/.exec(where)?.[1];
  if (value) return { section: "registry", mark: `value ${value}` };
  if (/modules/.test(where)) {
    const file = /[\w.+-]+\.(?:sys|exe|dll)\b/i.exec(text)?.[0];
    return { section: "modules", ...(file ? { mark: file } : {}) };
  }
  const found = SECTION.find(([pattern]) => pattern.test(where));
  if (!found) return null;
  const [, section, mark] = found;
  return mark ? { section, mark } : { section };
}

function counterOf(where: string, report: Report): string | undefined {
  const counters = report.memory?.counters ?? {};
  const named = /^counter (\w+)$/.exec(where)?.[1];
  if (named) return named in counters ? named : undefined;
  return Object.keys(counters).find(
    (name) => counters[name]?.pages !== undefined && counters[name]?.source === where,
  );
}

/** Whether two places are the same. */
export function same(a: Place | null, b: Place | null): boolean {
  return a !== null && a.section === b?.section && a.mark === b.mark;
}
