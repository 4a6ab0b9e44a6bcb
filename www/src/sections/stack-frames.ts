// Frames of a stack as a table, in stretches that say what they are doing. A module has one colour and
// one pattern wherever it stands; its name stands beside it, so neither is needed to read the table.
import { type TemplateResult, html, nothing } from "lit";
import type { Frame, Hex, Module, Stack, Stretch } from "../report";
import { blank } from "../format/pieces";
import { sameModule, stem } from "../format/modules";
import { plural } from "../format/number";
import { CONFIDENCE, FOUND, HOW, word } from "../format/words";

/** Colours and patterns that modules share; the kernel's own is grey. */
const COLOURS = 7;
const PATTERNS = 3;
/** What stands on every stack and needs no colour. */
const KERNEL = new Set(["nt", "hal", "ntoskrnl", "ntkrnlmp"]);
const COLUMNS = 6;

/** What the table asks of the section that it stands in. */
export interface Ground {
  /** The classes that give a module its colour and its pattern. */
  look(name: string): string[];
  culprit: string | undefined;
  module(name: string | undefined): Module | undefined;
  /** An address that leads to the memory there. */
  at(hex: Hex | undefined): unknown;
  opened(index: number): boolean;
  toggle(index: number): void;
  /** The code at a frame, read when somebody looks. */
  code(frame: Frame, marked: string): unknown;
}

/** The frames of a stack. */
export function drawn(stack: Stack, ground: Ground): TemplateResult {
  const frames = stack.frames ?? [];
  const said = new Set<string>();
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
            <th scope="col" class="sp">Stack pointer</th>
          </tr>
        </thead>
        ${stretchesOf(stack).map((stretch) => body(stretch, frames, ground, said))}
      </table>
    </div>
    ${legend(stack, ground)}`;
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
  said: Set<string>,
): TemplateResult {
  const rows = frames.slice(stretch.first, stretch.first + stretch.frames);
  const titled = "title" in stretch ? stretch : null;
  // A single frame of what was told above bears its title itself: layers of drivers would fill
  // the table with headings.
  const again = titled !== null && rows.length === 1 && said.has(titled.title) ? titled : null;
  return html`<tbody class=${again ? "brief" : ""}>
    ${titled && !again ? heading(titled, said) : nothing}
    ${rows.map((frame, index) => {
      const number = stretch.first + index;
      // What the heading and the rows above say already.
      const known = {
        third: titled?.third_party === true && !again,
        culprit: said.has(CULPRIT),
        doing: again ?? undefined,
      };
      if (isCulprit(frame, ground)) said.add(CULPRIT);
      return row(frame, number, ground, known);
    })}
  </tbody>`;
}

/** Said once, of its innermost frame; the others are shaded. */
const CULPRIT = "culprit";

function isCulprit(frame: Frame, { culprit }: Ground): boolean {
  return culprit !== undefined && sameModule(frame.module?.toLowerCase() ?? "", culprit);
}

/** What a stretch does is said where it comes first. */
function heading(stretch: Stretch, said: Set<string>): TemplateResult {
  const told = said.has(stretch.text);
  said.add(stretch.text);
  said.add(stretch.title);
  return html`<tr class="stretch">
    <th scope="rowgroup" colspan=${COLUMNS}>
      <b>${stretch.title}</b>${
        stretch.third_party ? html` <span class="third small">not part of Windows</span>` : nothing
      }
      ${told ? nothing : html`<span class="doing">${stretch.text}</span>`}
    </th>
  </tr>`;
}

function row(
  frame: Frame,
  index: number,
  ground: Ground,
  known: { third: boolean; culprit: boolean; doing: Stretch | undefined },
): TemplateResult {
  const name = frame.module?.toLowerCase() ?? "";
  const about = ground.module(frame.module);
  const blamed = isCulprit(frame, ground);
  const classes = ["frame", ...(name ? ground.look(name) : ["nowhere"])];
  if (blamed) classes.push("culprit");
  if (frame.confidence === "possible") classes.push("doubtful");
  const opened = ground.opened(index);
  const [label] = HOW[frame.how] ?? [frame.how];
  return html`<tr class=${classes.join(" ")} data-mark=${`frame ${frame.stack_pointer ?? index}`}>
      <td class="bar" aria-hidden="true"></td>
      <td class="n">${index.toString(16).padStart(2, "0")}</td>
      <td>
        ${
          frame.module
            ? html`<code class="place">${breakable(place(frame))}</code>`
            : frame.gap
              ? blank(frame.gap)
              : html`<span class="muted">in no loaded module</span>`
        }
        ${known.doing ? brief(known.doing) : about?.microsoft === false && !known.third ? third(about) : nothing}
        ${blamed && !known.culprit ? html` <span class="tag warning">probable culprit</span>` : nothing}
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
    ${opened ? more(frame, about, ground) : nothing}`;
}

/** What a frame does, without the module that stands beside it. */
function brief({ title, third_party }: Stretch): TemplateResult {
  if (third_party) return html` <span class="third small">not part of Windows</span>`;
  return html` <span class="muted small">${title.replace(/:.*/, "")}</span>`;
}

function third(about: Module): TemplateResult {
  return html` <span class="third small"
    >third party${about.vendor ? `: ${about.vendor}` : ""}</span
  >`;
}

/** How a frame was found and how sure that is, in sentences. */
function meaning(frame: Frame): string {
  const found = word(FOUND, frame.how);
  const sure = word(CONFIDENCE, frame.confidence);
  return `${found} ${frame.confidence[0]?.toUpperCase()}${frame.confidence.slice(1)}: ${sure}.`;
}

/** What the instruction at a frame's address is. */
const MARKED: Record<string, string> = {
  context: "where the recorded registers point",
  exception: "the instruction that raised the exception",
  "trap-frame": "the instruction that was interrupted",
};

function more(frame: Frame, about: Module | undefined, ground: Ground): TemplateResult {
  const whose = [about?.vendor, about?.purpose].filter((part) => part).join(": ");
  const file = [about?.path ?? about?.name, about?.version]
    .filter((part) => part)
    .join(", version ");
  return html`<tr class="more">
    <td></td>
    <td></td>
    <td colspan=${COLUMNS - 2}>
      <p>${meaning(frame)}</p>
      <p class="narrow">
        Address
        ${ground.at(frame.address)}${
          frame.stack_pointer ? html`, stack pointer ${ground.at(frame.stack_pointer)}` : nothing
        }
      </p>
      ${whose ? html`<p>${whose}</p>` : nothing}
      ${file ? html`<p class="muted"><code>${file}</code></p>` : nothing}
      ${ground.code(frame, MARKED[frame.how] ?? "where the call above returns to")}
    </td>
  </tr>`;
}

/** What each colour stands for, where there are several. */
function legend(stack: Stack, ground: Ground): TemplateResult | typeof nothing {
  const names = new Map<string, string>();
  for (const { module } of stack.frames ?? []) {
    const name = module?.toLowerCase();
    if (module && name && !names.has(name)) names.set(name, module);
  }
  if (names.size < 2) return nothing;
  const third = new Set(
    (stack.stretches ?? [])
      .filter((stretch) => stretch.third_party)
      .map((stretch) => stack.frames?.[stretch.first]?.module),
  );
  return html`<ul class="legend small" aria-label="Colours of the modules">
    ${[...names].map(([name, module]) => {
      const foreign = third.has(module) || ground.module(module)?.microsoft === false;
      return html`<li class=${ground.look(name).join(" ")}>
        <span class="bar" aria-hidden="true"></span><code>${module}</code>${
          foreign ? html` <span class="third">not part of Windows</span>` : nothing
        }
      </li>`;
    })}
  </ul>`;
}

/** How each module looks on all stacks of a report: colours in the order in which modules appear. */
export function looks(stacks: Stack[]): (name: string) => string[] {
  const order = new Map<string, number>();
  for (const { frames = [] } of stacks) {
    for (const { module } of frames) {
      const name = stem(module ?? "");
      if (name && !KERNEL.has(name) && !order.has(name)) order.set(name, order.size);
    }
  }
  return (name) => {
    const at = order.get(stem(name));
    if (at === undefined) return ["m0"];
    return [`m${1 + (at % COLOURS)}`, `p${Math.floor(at / COLOURS) % PATTERNS}`];
  };
}

/** May be broken before a name and before an offset, where a line is too short for all. */
function breakable(place: string): (string | TemplateResult)[] {
  return place.split(/(?=[!+])/).map((part, index) => (index ? html`<wbr />${part}` : part));
}

/** Where a frame is: `ntfs.sys!NtfsRead+0x10`. */
export function place(frame: Frame): string {
  const { offset: into } = frame;
  const offset = into === undefined || into === "0x0" ? "" : `+${into}`;
  if (!frame.module) return frame.address;
  return frame.symbol ? `${frame.module}!${frame.symbol}${offset}` : `${frame.module}${offset}`;
}
