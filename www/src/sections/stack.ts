// The stack of the processor that stopped the machine, told stretch by stretch: what each part of it
// was doing, how each frame was found, who is blamed and why, the code at the fault, other stacks.
import { type TemplateResult, html, nothing } from "lit";
import type { Blame, Frame, Module, SecondaryBlob, Stack } from "../report";
import { evidence, facts, sure } from "../format/pieces";
import { sameModule } from "../format/modules";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import { drawn, looks, place } from "./stack-frames";
import { CodeView } from "./stack-code";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./stack.css";

/** More processors without work than these stand behind one line. */
const FEW_IDLE = 3;

export class StackSection extends Section {
  static override properties = { opened: { state: true } };
  static override styles = styles(sectionCss, css);
  /** The frames that tell more of themselves: stack and number. */
  declare opened: ReadonlySet<string>;
  /** How each module looks; the same on all stacks. */
  #look = looks([]);

  constructor() {
    super();
    this.opened = new Set();
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("report")) {
      const { stack, stacks = [] } = this.report;
      this.#look = looks(stack ? [stack, ...stacks] : stacks);
    }
    const before = changed.get("report") as typeof this.report | undefined;
    if (before && before.file.name !== this.report.file.name) this.opened = new Set();
  }

  protected override render(): unknown {
    const { stack, blame, stacks } = this.report;
    const frames = stack?.frames ?? [];
    const copy = frames.length
      ? html`<bluepane-copy class="screen" what="stack" .text=${plain(frames)}></bluepane-copy>`
      : nothing;
    const boxes = (this.report.secondary_data ?? []).filter((blob) => blob.details?.length);
    return html`${this.head("Stack", copy)} ${blame ? this.#blame(blame) : this.#nobody()}
    ${stack ? html`<div class="context">${this.#context(stack)}</div>` : nothing}
    ${stack && frames.length ? this.#stack(stack, "own") : this.absent(stack?.limits || this.#why())}
    ${this.#code(frames)} ${stack?.registers?.length ? this.#registers(stack) : nothing}
    ${boxes.length ? this.#boxes(boxes) : nothing}
    ${stacks?.length ? this.#others(stacks) : nothing}`;
  }

  #stack(stack: Stack, key: string): TemplateResult {
    const table = drawn(stack, {
      look: this.#look,
      culprit: this.report.blame?.module.toLowerCase(),
      module: (name) => this.#module(name),
      at: (hex) => this.at(hex),
      opened: (index) => this.opened.has(`${key} ${index}`),
      toggle: (index) => this.#toggle(`${key} ${index}`),
      code: (frame, marked) => this.#codeOf(frame, marked),
    });
    return html`${table}
    ${stack.limits ? html`<p class="lead muted small limits">${stack.limits}</p>` : nothing}`;
  }

  #toggle(frame: string): void {
    const opened = new Set(this.opened);
    if (!opened.delete(frame)) opened.add(frame);
    this.opened = opened;
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
      ${evidence(blame.evidence, this.follow, this.lead)}
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

  /** The instructions around the fault, which are read when somebody looks. */
  #code(frames: Frame[]): TemplateResult | typeof nothing {
    if (this.busy || !this.desk.reads || frames.length === 0) return nothing;
    return html`<bluepane-code
      class="fault"
      .desk=${this.desk}
      .report=${this.report}
      .follow=${this.follow}
    ></bluepane-code>`;
  }

  #codeOf(frame: Frame, marked: string): TemplateResult | typeof nothing {
    if (this.busy || !this.desk.reads) return nothing;
    return html`<bluepane-code
      .desk=${this.desk}
      .report=${this.report}
      .follow=${this.follow}
      .place=${frame.address}
      .marked=${marked}
    ></bluepane-code>`;
  }

  #registers(stack: Stack): TemplateResult {
    const how = stack.frames?.[0]?.how;
    const title =
      how === "exception"
        ? "Registers at the exception"
        : "Registers of the processor that stopped";
    return html`<details>
      <summary>${title}</summary>
      <div class="registers">
        ${stack.registers?.map(
          (register) => html`<div><b>${register.name}</b>${this.at(register.value)}</div>`,
        )}
      </div>
    </details>`;
  }

  /** What drivers and the kernel noted in the dump about what was going on. */
  #boxes(boxes: SecondaryBlob[]): TemplateResult {
    return html`<h3>What the black boxes recorded</h3>
      ${boxes.map(
        (box) =>
          html`<details open>
            <summary>${boxName(box)}</summary>
            ${facts((box.details ?? []).map(({ name, value }) => ({ label: name, value })))}
          </details>`,
      )}`;
  }

  #others(stacks: Stack[]): TemplateResult {
    const idle = stacks.filter(({ idle }) => idle === true);
    const few = idle.length <= FEW_IDLE;
    const told = few ? stacks : stacks.filter((stack) => !idle.includes(stack));
    return html`<h3>Other stacks</h3>
      ${told.map((stack) => this.#other(stack, stacks))}
      ${
        few
          ? nothing
          : html`<details class="other">
              <summary>${idle.length} processors had nothing to do</summary>
              <div class="idle">${idle.map((stack) => this.#other(stack, stacks))}</div>
            </details>`
      }`;
  }

  #other(stack: Stack, all: Stack[]): TemplateResult {
    const name = stack.process_name ? ` (${stack.process_name})` : "";
    const about = (stack.about ?? `Processor ${stack.processor ?? "?"}`).replace(/\.$/, "");
    const { processor: _, ...rest } = stack;
    const shown = about.startsWith("Processor") ? rest : stack;
    return html`<details class="other">
      <summary>${about}${name}</summary>
      <div class="context">${this.#context(shown)}</div>
      ${
        stack.frames?.length
          ? this.#stack(stack, `other ${all.indexOf(stack)}`)
          : this.absent(stack.limits || "Nothing of this stack could be read.")
      }
    </details>`;
  }

  /** Opens the code at the fault, for print. */
  async prepare(): Promise<void> {
    const code = this.renderRoot.querySelector("bluepane-code.fault");
    if (code instanceof CodeView) await code.show();
  }

  #module(name: string | undefined): Module | undefined {
    if (!name) return undefined;
    return (this.report.modules ?? []).find((module) => sameModule(module.name, name));
  }
}

/** Whose record it is; the heading says that it is a black box's. */
function boxName({ label, guid }: SecondaryBlob): string {
  const name = (label ?? guid).replace(/^black box of (?:the )?/, "");
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The frames as text to copy. */
function plain(frames: Frame[]): string {
  return frames
    .map((frame, i) => {
      const number = i.toString(16).padStart(2, "0");
      return `${number} ${frame.address} ${place(frame)} [${frame.how}, ${frame.confidence}]`;
    })
    .join("\n");
}

define("bluepane-stack", StackSection);
