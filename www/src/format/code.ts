// Sentences that hold commands between back-ticks: the commands as code.
import { type TemplateResult, html } from "lit";

/** The text with what stands between back-ticks as code. */
export function pieces(text: string): (string | TemplateResult)[] {
  return text
    .split("`")
    .map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece));
}
