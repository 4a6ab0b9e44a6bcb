// The stack of the processor that stopped the machine: each frame says how it was found.
import { type TemplateResult, html, nothing } from "lit";
import type { Blame, Frame, Module, Stack } from "../report";
import { blank, evidence, facts, sure } from "../format/pieces";
import { plural } from "../format/number";
import { HOW } from "../format/words";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./stack.css";

/** How many modules get a colour of their own; the others share the first, grey. */
const COLOURS = 7;
/** What stands on every stack and needs no colour. */
const KERNEL = new Set(["nt", "hal", "ntoskrnl.exe", "ntkrnlmp.exe", "hal.dll"]);

export class StackSection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const { stack, blame } = this.report;
    const frames = stack?.frames ?? [];
    const copy = frames.length
      ? html`<bluepane-copy
          class="screen"
          what="stack"
          .text=${this.#text(frames)}
        ></bluepane-copy>`
      : nothing;
    return html`${this.head("Stack", copy)} ${blame ? this.#blame(blame) : this.#nobody()}
    ${stack ? html`<div class="context">${this.#context(stack)}</div>` : nothing}
    ${frames.length ? this.#frames(frames) : this.absent(stack?.limits || this.#why())}
    ${
      frames.length && stack?.limits
        ? html`<p class="lead muted small limits">${stack.limits}</p>`
        : nothing
    }
    ${stack?.registers?.length ? this.#registers(stack) : nothing}`;
  }

  #why(): string {
    const note = (this.report.notes ?? []).find((n) => n.code.includes("stack"));
    return note?.text ?? "No stack could be read from this file.";
  }

  #nobody(): TemplateResult | typeof nothing {
    const note = (this.report.notes ?? []).find((n) => n.code === "no-blame");
    return note ? html`<p class="blank">${note.text}</p>` : nothing;
  }

  #blame(blame: Blame): TemplateResult {
    const about = this.#module(blame.module);
    return html`<div class="blame">
      <h3>
        Probable culprit: <code>${blame.module}${blame.symbol ? `!${blame.symbol}` : ""}</code>
        ${sure(blame.confidence)}
      </h3>
      ${
        about?.purpose || about?.vendor
          ? html`<p>${[about.vendor, about.purpose].filter((part) => part).join(": ")}</p>`
          : nothing
      }
      ${evidence(blame.evidence, this.follow)}
      ${facts([
        {
          label: "Failure bucket",
          value: blame.bucket_id ? html`<code>${blame.bucket_id}</code>` : "",
        },
        {
          label: "Its hash",
          value: blame.failure_hash ? html`<code>${blame.failure_hash}</code>` : "",
        },
      ])}
    </div>`;
  }

  #context(stack: Stack): TemplateResult {
    const process = html`${stack.process_name ? html`<code>${stack.process_name}</code> ` : nothing}
    ${this.at(stack.process)}`;
    return facts([
      { label: "Processor", value: stack.processor },
      { label: "Process", value: stack.process_name || stack.process ? process : "" },
      { label: "Thread", value: stack.thread ? this.at(stack.thread) : "" },
    ]);
  }

  #frames(frames: Frame[]): TemplateResult {
    const colours = colourOf(frames);
    const culprit = this.report.blame?.module.toLowerCase();
    return html`<div class="scroll">
      <table>
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
        <tbody>
          ${frames.map((frame, index) => this.#frame(frame, index, colours, culprit))}
        </tbody>
      </table>
    </div>`;
  }

  #frame(
    frame: Frame,
    index: number,
    colours: Map<string, number>,
    culprit: string | undefined,
  ): TemplateResult {
    const name = frame.module?.toLowerCase() ?? "";
    const about = this.#module(frame.module);
    const third = about?.microsoft === false;
    const blamed = culprit !== undefined && sameModule(name, culprit);
    const [label, meaning] = HOW[frame.how] ?? [frame.how, ""];
    const rows = [`m${colours.get(name) ?? 0}`];
    if (blamed) rows.push("culprit");
    if (frame.confidence === "possible") rows.push("doubtful");
    return html`<tr class=${rows.join(" ")}>
      <td class="bar"></td>
      <td class="n">${index.toString(16).padStart(2, "0")}</td>
      <td>
        ${
          frame.module
            ? html`<code class="place">${place(frame)}</code>`
            : blank(frame.gap ?? "unmapped")
        }
        ${
          third
            ? html` <span class="third small"
                >third party${about?.vendor ? `: ${about.vendor}` : ""}</span
              >`
            : nothing
        }
      </td>
      <td class="how"><span title=${meaning}>${label}</span> ${sure(frame.confidence)}</td>
      <td class="at">${this.at(frame.address)}</td>
      <td class="sp">${this.at(frame.stack_pointer)}</td>
    </tr>`;
  }

  #registers(stack: Stack): TemplateResult {
    return html`<details>
      <summary>Registers</summary>
      <div class="registers">
        ${stack.registers?.map(
          (register) => html`<div><b>${register.name}</b>${this.at(register.value)}</div>`,
        )}
      </div>
    </details>`;
  }

  #module(name: string | undefined): Module | undefined {
    if (!name) return undefined;
    const wanted = name.toLowerCase();
    return (this.report.modules ?? []).find((m) => sameModule(m.name.toLowerCase(), wanted));
  }

  #text(frames: Frame[]): string {
    return frames
      .map((frame, i) => {
        const number = i.toString(16).padStart(2, "0");
        return `${number} ${frame.address} ${place(frame)} [${frame.how}, ${frame.confidence}]`;
      })
      .join("\n");
  }
}

/** Debuggers name a module without its extension; the module list keeps it. */
function sameModule(a: string, b: string): boolean {
  return a === b || a.replace(/\.\w+$/, "") === b.replace(/\.\w+$/, "");
}

function place(frame: Frame): string {
  const offset = frame.offset === undefined ? "" : `+${frame.offset}`;
  if (!frame.module) return frame.address;
  return frame.symbol ? `${frame.module}!${frame.symbol}${offset}` : `${frame.module}${offset}`;
}

function colourOf(frames: Frame[]): Map<string, number> {
  const colours = new Map<string, number>();
  for (const frame of frames) {
    const name = frame.module?.toLowerCase();
    if (!name || KERNEL.has(name) || colours.has(name)) continue;
    colours.set(name, colours.size < COLOURS ? colours.size + 1 : 0);
  }
  return colours;
}

define("bluepane-stack", StackSection);
