// Numbers as engineers read them. Integers above 32 bits come as "0x…" strings and stay BigInt
// wherever their low bits matter.
import type { Hex } from "../report";

/** The value of a report integer; null where it is absent or not a number. */
export function big(hex: Hex | undefined): bigint | null {
  if (hex === undefined) return null;
  try {
    return BigInt(hex);
  } catch {
    return null;
  }
}

/** The same as a double: for bars and sorting, not for display. */
export function approx(hex: Hex | undefined): number {
  const value = big(hex);
  return value === null ? 0 : Number(value);
}

/** Sixteen (or eight) digits without prefix, as debuggers print addresses. */
export function digits(hex: Hex, width = 16): string {
  return hex.replace(/^0x/, "").padStart(width, "0");
}

/** `0x` and at least `width` digits. */
export function code(value: number, width = 8): string {
  return "0x" + (value >>> 0).toString(16).toUpperCase().padStart(width, "0");
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A count of bytes in the unit that gives three or four digits; cut as the analyzer does. */
export function bytes(count: bigint | number): string {
  let value = Number(count);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const step = unit === 0 || value >= 100 ? 1 : 10;
  const text = (Math.floor(value * step) / step).toFixed(step === 1 ? 0 : 1);
  return `${grouped(text.replace(/\.0$/, ""))} ${UNITS[unit]}`;
}

/** A count of 4 KiB pages as bytes. */
export function pages(count: Hex | undefined): string {
  const value = big(count);
  return value === null ? "" : bytes(value * 4096n);
}

/** Digits in groups of three, with a narrow space that is not copied as a comma. */
export function grouped(value: bigint | number | string): string {
  return value.toString().replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** A share in whole percent, rounded down as the analyzer does: what is not all is not 100 %. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return "";
  const value = (part / whole) * 100;
  return value > 0 && value < 1 ? "under 1 %" : `${Math.floor(value)} %`;
}

export function plural(count: number, one: string, many = one + "s"): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
