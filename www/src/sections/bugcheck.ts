// The stop code: its parameters decoded, what it means, what causes it, the debugger's form.
import { type TemplateResult, html, nothing } from "lit";
import type { BugCheck, Exception, Parameter } from "../report";
import { facts } from "../format/pieces";
import { pieces } from "../format/code";
import { code } from "../format/number";
import { define, styles } from "../elements/sheet";
import "../elements/asked";
import { parameterRows } from "../elements/parameters";
import parametersCss from "../elements/parameters.css";
import "../elements/copy";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./bugcheck.css";

export class BugCheckSection extends Section {
  static override styles = styles(sectionCss, parametersCss, css);

  protected override render(): unknown {
    const check = this.report.bugcheck;
    const raised = this.report.exception;
    const user = this.report.file.kind === "user-minidump";
    return html`${this.head(user ? "Exception" : "Bug check", this.#copy())}
    ${check ? this.#check(check) : nothing} ${raised ? this.#exception(raised, check) : nothing}
    ${
      check || raised
        ? this.#debugger()
        : this.absent(
            user
              ? "This minidump records no exception: it was taken of a process that had not crashed."
              : "The header of this file holds no stop code.",
          )
    }`;
  }

  #copy(): TemplateResult | typeof nothing {
    if (!this.report.bugcheck && !this.report.exception) return nothing;
    return html`<bluepane-copy
        class="screen"
        label="Copy !analyze -v"
        .text=${() => this.desk.command("!analyze -v")}
      ></bluepane-copy>
      <bluepane-copy
        class="screen"
        label="Copy its keys and values"
        .text=${() => this.desk.command("!analyze -v -kv")}
      ></bluepane-copy>`;
  }

  #check(check: BugCheck): TemplateResult {
    return html`${facts([
      { label: "Code", value: html`<code>${code(check.code)}</code> ${check.name}` },
      { label: "Case", value: check.subtype },
      { label: "Read from", value: check.source },
    ])}
    ${check.description ? html`<p class="lead described">${check.description}</p>` : nothing}
    ${check.parameters?.length ? this.#parameters(check.parameters) : nothing}
    ${
      check.causes?.length
        ? html`<h3>What commonly causes it</h3>
            <ul class="text">
              ${check.causes.map((cause) => html`<li>${cause}</li>`)}
            </ul>`
        : nothing
    }
    ${this.#further("What to look at next", check.next)} ${this.#commands(check.commands)}
    ${this.#further("In a virtual machine", check.virtual_machine)}`;
  }

  #further(title: string, text: string | undefined): TemplateResult | typeof nothing {
    if (!text) return nothing;
    return html`<h3>${title}</h3>
      <p class="lead">${pieces(text)}</p>`;
  }

  /** Commands that follow the parameters. */
  #commands(lines: string[] | undefined): TemplateResult | typeof nothing {
    if (!lines?.length) return nothing;
    return html`<p class="small">
      Commands that follow the parameters:
      ${lines.map((line, index) => html`${index ? ", " : ""}${this.#asked(line)}`)}
    </p>`;
  }

  /** A command, which the console answers where it is on show. */
  #asked(line: string): TemplateResult {
    const { run } = this.desk;
    if (!run) return html`<code>${line}</code>`;
    return html`<button
      type="button"
      class="plain follow"
      title="Ask the console"
      @click=${() => run(line)}
    >
      <code>${line}</code>
    </button>`;
  }

  #parameters(list: Parameter[]): TemplateResult {
    return html`<h3>Parameters</h3>
      <table>
        <thead>
          <tr>
            <th scope="col"><span class="unseen">Number</span></th>
            <th scope="col">Value</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          ${parameterRows(list, (value) => this.at(value))}
        </tbody>
      </table>`;
  }

  #exception(raised: Exception, check: BugCheck | undefined): TemplateResult {
    const where = html`${this.at(raised.address)}
    ${raised.location ? html` <code>${raised.location}</code>` : nothing}`;
    return html`${check ? html`<h3 data-mark="exception">Exception</h3>` : nothing}
    ${facts([
      { label: "Exception", value: html`<code>${code(raised.code)}</code> ${raised.name ?? ""}` },
      { label: "Raised at", value: where },
      { label: "Tried", value: raised.access },
      {
        label: "Information",
        value: raised.information?.length
          ? raised.information.map((value) => html`${this.at(value)} `)
          : "",
      },
      { label: "Read from", value: raised.source },
    ])}`;
  }

  #debugger(): TemplateResult {
    return html`<bluepane-asked
      label="As a debugger prints it"
      line="!analyze -v"
      .of=${this.report}
      .ask=${this.desk.command}
    ></bluepane-asked>`;
  }
}

define("bluepane-bugcheck", BugCheckSection);
