// Frames of a stack as a table, in stretches that say what they are doing. A module has one colour and
// one pattern wherever it stands; its name stands beside it, so neither is needed to read the table.
import { type TemplateResult, html, nothing } from "lit";
import type { Frame, Hex, Module, Stack, Stretch } from "../report";
import { blank } from "../format/pieces";
import { plural } from "../format/number";
import { CONFIDENCE, FOUND, HOW, word } from "../format/words";

/** Colours and patterns that modules share; the kernel's own is grey. */
const COLOURS = 7;
const PATTERNS = 3;
/** What stands on every stack and needs no colour. */
const KERNEL = new Set(["nt", "hal", "ntoskrnl.exe", "ntkrnlmp.exe", "hal.dll"]);
const COLUMNS = 6;

/** What the table asks of the section that it stands in. */
export interface Ground {
  culprit: string | undefined;
  module(name: string | undefined): Module | undefined;
  /** An address that leads to the memory there. */
  at(hex: Hex | undefined): unknown;
  opened(index: number): boolean;
  toggle(index: number): void;
}

/** The frames of a stack. */
export function drawn(stack: Stack, ground: Ground): TemplateResult {
  const frames = stack.frames ?? [];
  return html`<div class="scroll">
    <table class="frames">
      <caption class="unseen">
        ${plural(frames.length, "frame")}, innermost first
      </caption>
      <thead>
        <tr>
          <th aria-hidden="true"></th>
          <th scope="col" class="num"><span class="unseen">Frame</span></th>
          <th scope="col">Where</th>
          <th scope="col">Found by</th>
          <th scope="col" class="at">Address</th>
          <th scope="col" class="sp">Stack</th>
        </tr>
      </thead>
      ${stretchesOf(stack).map((stretch) => body(stretch, frames, ground))}
    </table>
  </div>`;
}

/** The stretches, or one without words where the report has none. */
function stretchesOf(stack: Stack): (Stretch | { first: number; frames: number })[] {
  if (stack.stretches?.length) return stack.stretches;
  return [{ first: 0, frames: stack.frames?.length ?? 0 }];
}

function body(
  stretch: Stretch | { first: number; frames: number },
  frames: Frame[],
  ground: Ground,
): TemplateResult {
  const rows = frames.slice(stretch.first, stretch.first + stretch.frames);
  return html`<tbody>
    ${"title" in stretch ? heading(stretch) : nothing}
    ${rows.map((frame, index) => row(frame, stretch.first + index, ground))}
  </tbody>`;
}

function heading(stretch: Stretch): TemplateResult {
  return html`<tr class="stretch">
    <th scope="rowgroup" colspan=${COLUMNS}>
      <b>${stretch.title}</b>${
        stretch.third_party ? html` <span class="third small">not part of Windows</span>` : nothing
      }
      <span class="doing">${stretch.text}</span>
    </th>
  </tr>`;
}

function row(frame: Frame, index: number, ground: Ground): TemplateResult {
  const name = frame.module?.toLowerCase() ?? "";
  const about = ground.module(frame.module);
  const blamed = ground.culprit !== undefined && sameModule(name, ground.culprit);
  const classes = ["frame", ...look(name)];
  if (blamed) classes.push("culprit");
  if (frame.confidence === "possible") classes.push("doubtful");
  const opened = ground.opened(index);
  const [label] = HOW[frame.how] ?? [frame.how];
  return html`<tr class=${classes.join(" ")}>
      <td class="bar" aria-hidden="true"></td>
      <td class="n">${index.toString(16).padStart(2, "0")}</td>
      <td>
        ${
          frame.module
            ? html`<code class="place">${place(frame)}</code>`
            : blank(frame.gap ?? "unmapped")
        }
        ${about?.microsoft === false ? third(about) : nothing}
        ${blamed ? html` <span class="tag warning">probable culprit</span>` : nothing}
      </td>
      <td class="how">
        <button
          type="button"
          class="plain small"
          aria-expanded=${opened}
          title=${meaning(frame)}
          @click=${() => ground.toggle(index)}
        >
          ${label}, ${frame.confidence}
        </button>
      </td>
      <td class="at">${ground.at(frame.address)}</td>
      <td class="sp">${ground.at(frame.stack_pointer)}</td>
    </tr>
    ${opened ? more(frame, about) : nothing}`;
}

function third(about: Module): TemplateResult {
  return html` <span class="third small"
    >third party${about.vendor ? `: ${about.vendor}` : ""}</span
  >`;
}

/** How a frame was found and how sure that is, in sentences. */
function meaning(frame: Frame): string {
  const found = word(FOUND, frame.how);
  return `${found} ${frame.confidence}: ${word(CONFIDENCE, frame.confidence)}.`;
}

function more(frame: Frame, about: Module | undefined): TemplateResult {
  const whose = [about?.vendor, about?.purpose].filter((part) => part).join(": ");
  const file = [about?.path ?? about?.name, about?.version]
    .filter((part) => part)
    .join(", version ");
  return html`<tr class="more">
    <td></td>
    <td></td>
    <td colspan=${COLUMNS - 2}>
      <p>${meaning(frame)}</p>
      ${whose ? html`<p>${whose}</p>` : nothing}
      ${file ? html`<p class="muted"><code>${file}</code></p>` : nothing}
    </td>
  </tr>`;
}

/** The classes that give a module its colour and its pattern: always the same for the same name. */
function look(name: string): string[] {
  if (!name || KERNEL.has(name)) return ["m0"];
  let hash = 0;
  for (const letter of name.replace(/\.\w+$/, "")) {
    hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0;
  }
  return [`m${1 + (hash % COLOURS)}`, `p${Math.floor(hash / COLOURS) % PATTERNS}`];
}

/** Debuggers name a module without its extension; the module list keeps it. */
export function sameModule(a: string, b: string): boolean {
  return a === b || a.replace(/\.\w+$/, "") === b.replace(/\.\w+$/, "");
}

/** Where a frame is: `ntfs.sys!NtfsRead+0x10`. */
export function place(frame: Frame): string {
  const { offset: into } = frame;
  const offset = into === undefined || into === "0x0" ? "" : `+${into}`;
  if (!frame.module) return frame.address;
  return frame.symbol ? `${frame.module}!${frame.symbol}${offset}` : `${frame.module}${offset}`;
}
