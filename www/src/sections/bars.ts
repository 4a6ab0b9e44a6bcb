// Bars of a whole and its parts, in SVG so that no style attribute is needed. Each bar carries
// its figures as text beside it; the picture adds proportion, not information.
import { type TemplateResult, html, nothing, svg } from "lit";
import { bytes, percent } from "../format/number";

export interface Part {
  label: string;
  /** Bytes. */
  value: number;
  shade: "a" | "b" | "c" | "d" | "e";
  /** Of a series in one shade, from 0 to 1. */
  strength?: number;
}

export interface Bar {
  title: string;
  /** Bytes. */
  whole: number;
  wholeLabel: string;
  parts: Part[];
  /** A mark at a former height, in bytes. */
  peak?: number;
  /** What speaks against the figures. */
  remark?: string;
}

const WIDTH = 1000;

function key({ shade, strength }: Part): TemplateResult {
  return html`<svg class="key" viewBox="0 0 10 10" aria-hidden="true">
    <rect class=${shade} width="10" height="10" opacity=${strength ?? 1}></rect>
  </svg>`;
}

/** A line as thick in a narrow picture as in a wide one. */
function upright(name: string, x: number): TemplateResult {
  return svg`<line class=${name} x1=${x} x2=${x} y1="0" y2="14"></line>`;
}

export function bar(data: Bar): TemplateResult {
  const scale = Math.max(data.whole, data.peak ?? 0, 1);
  let x = 0;
  const pieces = data.parts.map((part) => {
    const width = Math.max(0, Math.min(WIDTH - x, (part.value / scale) * WIDTH));
    const piece = svg`<rect class=${part.shade} x=${x} y="0" width=${width} height="14"
      opacity=${part.strength ?? 1}></rect>${x > 0 ? upright("cut", x) : nothing}`;
    x += width;
    return piece;
  });
  const peak = data.peak === undefined ? null : Math.min(WIDTH - 2, (data.peak / scale) * WIDTH);
  return html`<figure class="bar">
    <figcaption>
      <span class="name">${data.title}</span>
      <span class="whole"
        >${data.remark ? html`<span class="doubt">${data.remark}</span> ` : nothing}${data.wholeLabel}
        ${bytes(data.whole)}</span
      >
    </figcaption>
    <svg viewBox="0 0 ${WIDTH} 14" preserveAspectRatio="none" aria-hidden="true">
      <rect class="ground" x="0" y="0" width=${WIDTH} height="14"></rect>
      ${pieces} ${peak === null ? nothing : upright("peak", peak)}
    </svg>
    <ul class="plain legend">
      ${data.parts.map(
        (part) =>
          html`<li>
            ${key(part)}${part.label}
            <b>${bytes(part.value)}</b> ${percent(part.value, data.whole)}
          </li>`,
      )}
      ${
        data.peak === undefined
          ? nothing
          : html`<li>
              <i class="key peak" aria-hidden="true"></i>peak <b>${bytes(data.peak)}</b>
            </li>`
      }
    </ul>
  </figure>`;
}
