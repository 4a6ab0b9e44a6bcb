// The package: the same element as in the page, for a host page of one's own, with the one thing
// that the page itself never has: reading an attachment over the network by ranges.
import disasmText from "bluepane:disasm";
import formatsText from "bluepane:formats";
import knowledgeText from "bluepane:knowledge";
import laterText from "bluepane:later";
import wasmText from "bluepane:wasm";
import workerText from "bluepane:worker";
import { unpack } from "../../www/src/assets";
import { BluepaneAnalyzer as Element } from "../../www/src/elements/analyzer";
import type { Fault } from "../../www/src/engine/protocol";
import type { Progress, Report } from "../../www/src/report";
import { urlSource } from "./url";

export type * from "../../www/src/report";
export type { Fault } from "../../www/src/engine/protocol";

/** What the element's events carry. */
export interface BluepaneEvents {
  "bluepane-progress": CustomEvent<Omit<Progress, "report"> & { name: string }>;
  "bluepane-report": CustomEvent<{ name: string; report: Report }>;
  "bluepane-error": CustomEvent<Fault & { name: string }>;
}

/** `<bluepane-analyzer>` */
export interface BluepaneAnalyzer extends HTMLElement {
  /** Attribute `theme`. */
  theme: "auto" | "light" | "dark";
  /** Attribute `sections`: which to show, separated by spaces; all when empty. */
  sections: string;
  /** Attribute `hide-drop`: without a drop zone, for pages that open files themselves. */
  hideDrop: boolean;
  /** Analyses files. Resolves with the reports that could be made. */
  open(input: FileList | File | Blob | readonly File[]): Promise<Report[]>;
  /**
   * Analyses an attachment on the host page's own origin, read by range requests.
   * Also the attribute `open-url`.
   */
  openUrl(url: string, name?: string): Promise<Report[]>;
  /** The open report as JSON text. */
  reportJson(redact: boolean): Promise<string>;
  addEventListener<K extends keyof BluepaneEvents>(
    type: K,
    listener: (event: BluepaneEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "bluepane-analyzer": BluepaneAnalyzer;
  }
}

class UrlAnalyzer extends Element {
  static override properties = { address: { type: String, attribute: "open-url" } };
  declare address: string | null;

  async openUrl(url: string, name?: string): Promise<Report[]> {
    return this.openWith(() => urlSource(url, name), name ?? url);
  }

  protected override updated(changed: Map<string, unknown>): void {
    super.updated(changed);
    if (changed.has("address") && this.address) void this.openUrl(this.address);
  }
}

/** Defines `<bluepane-analyzer>`; importing the package does it once by itself. */
export function defineBluepane(): void {
  if (customElements.get("bluepane-analyzer")) return;
  Element.assets = {
    worker: workerText,
    wasm: () => unpack(wasmText),
    later: () => unpack(laterText),
    knowledge: () => unpack(knowledgeText),
    formats: () => unpack(formatsText),
    disasm: () => unpack(disasmText),
    sample: () => Promise.resolve(null),
    hasSample: () => false,
  };
  customElements.define("bluepane-analyzer", UrlAnalyzer);
}

defineBluepane();
