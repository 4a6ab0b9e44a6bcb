// Style sheets as objects: the only kind the page's policy lets a shadow root have.
import type { CSSResultGroup } from "lit";
import baseText from "./base.css";

export function sheet(text: string): CSSStyleSheet {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}

const base = sheet(baseText);

/** The shared sheet and one part's own. */
export function styles(...own: string[]): CSSResultGroup {
  return [base, ...own.map(sheet)];
}

/** Defines an element once, also when two copies of the package meet in one host page. */
export function define(tag: string, element: CustomElementConstructor): void {
  if (!customElements.get(tag)) customElements.define(tag, element);
}
