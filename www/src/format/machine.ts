// What a machine is called. Makers of boards ship fields of the firmware as their tool left them
// (SMBIOS types 1 and 2); such text says nothing of the machine, so the board's name stands in for it.
import type { Platform } from "../report";

const UNFILLED =
  /^(?:system (?:manufacturer|product name|version|serial number|sku)|base ?board (?:asset tag|serial number)|chassis (?:asset tag|serial number)|asset tag|default string)$/i;

/** Whether a maker left a field as it came. */
export function unfilled(text: string | undefined): boolean {
  return text !== undefined && UNFILLED.test(text.trim());
}

/** The text, where somebody filled it in. */
export function filled(text: string | undefined): string | undefined {
  return unfilled(text) ? undefined : text;
}

/** Maker and product, or the board where the product has no name. */
export function machineName(platform: Platform | undefined): string {
  const maker = filled(platform?.manufacturer) ?? filled(platform?.board_manufacturer);
  const product = filled(platform?.product) ?? filled(platform?.board_product);
  return [maker, product].filter((part) => part).join(" ");
}
