// Times in the zones that matter: the machine's own where the dump records it, UTC, the viewer's.
import type { Module, System } from "../report";
import { grouped } from "./number";

const DAY_MS = 86_400_000;

/** Milliseconds since 1970 of an ISO time from the report, or null. */
export function instant(iso: string | undefined): number | null {
  const at = iso === undefined ? Number.NaN : Date.parse(iso);
  return Number.isNaN(at) ? null : at;
}

function stamp(at: number): string {
  return new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "");
}

export function utc(iso: string | undefined): string {
  const at = instant(iso);
  return at === null ? "" : stamp(at) + " UTC";
}

export function viewer(iso: string | undefined): string {
  const at = instant(iso);
  if (at === null) return "";
  const zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" })
    .formatToParts(at)
    .find((part) => part.type === "timeZoneName")?.value;
  const local = at - new Date(at).getTimezoneOffset() * 60_000;
  return `${stamp(local)} ${zone ?? "local time"}`;
}

/** In the machine's own zone, or null where the dump does not record it. */
export function machine(system: System): string | null {
  const at = instant(system.crash_time);
  const bias = system.time_zone_bias_minutes;
  if (at === null || bias === undefined) return null;
  const ahead = -bias;
  const sign = ahead < 0 ? "\u2212" : "+";
  const hours = Math.floor(Math.abs(ahead) / 60).toString();
  const minutes = (Math.abs(ahead) % 60).toString().padStart(2, "0");
  return `${stamp(at + ahead * 60_000)} (UTC${sign}${hours}:${minutes})`;
}

export function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days >= 60) return `${grouped(days)} d`;
  if (days > 0) return `${days} d ${hours} h ${minutes} min`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${seconds < 10 ? seconds.toFixed(1) : Math.floor(seconds)} s`;
}

/** How old a dump is, answering "is this today's crash?". */
export function age(iso: string | undefined, now = Date.now()): string {
  const at = instant(iso);
  if (at === null) return "";
  if (at > now + 60_000) return "in the future by this computer's clock";
  const today = new Date(now).toDateString() === new Date(at).toDateString();
  const hours = (now - at) / 3_600_000;
  if (today) return hours < 1 ? "today, within the hour" : `today, ${Math.floor(hours)} h ago`;
  const days = Math.round((midnight(now) - midnight(at)) / DAY_MS);
  if (days === 1) return "yesterday";
  if (days < 60) return `${days} days ago`;
  const months = Math.round(days / 30.44);
  return months < 24 ? `${months} months ago` : `${Math.floor(days / 365.25)} years ago`;
}

function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

/**
 * The day a module was linked, from its PE header, which counts seconds since 1970. Null where the
 * stamp is a hash of the file: it is known to be one, or lies behind the stop.
 */
export function linkDate(module: Module, { crash_time }: System = {}): string | null {
  const { timestamp, timestamp_is_hash } = module;
  if (timestamp === undefined || timestamp_is_hash) return null;
  const at = timestamp * 1000;
  return at > (instant(crash_time) ?? Date.now()) ? null : stamp(at).slice(0, 10);
}
