// Findings: plain statements, each with how sure it is, what it rests on and what to do. What the
// story above has told is only named here.
import { type TemplateResult, html, nothing } from "lit";
import type { Finding } from "../report";
import { evidence, severity, steps, sure } from "../format/pieces";
import { Steps, isTold, untold } from "../format/told";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./findings.css";

export class FindingsSection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const list = untold(this.report);
    const words = html`<span class="small muted"
      >certain: recorded in the dump · likely: several signs agree · possible: it fits, and so would
      something else</span
    >`;
    const given = new Steps(this.report);
    return html`${this.head("Findings", list.length ? words : nothing)}
    ${
      list.length
        ? list.map((item) => this.#finding(item, given.fresh(item.advice)))
        : this.report.story
          ? nothing
          : this.absent(
              "No rule fired on this dump. That is no proof of health: the notes below say what it does not hold.",
            )
    }
    ${this.#told()}`;
  }

  #finding(item: Finding, fresh: string[]): TemplateResult {
    const heading = html`<h3>
      ${severity(item.severity)}<span>${item.title}</span>${sure(item.confidence)}
    </h3>`;
    const body = html`${item.explanation ? html`<p class="lead">${item.explanation}</p>` : nothing}
    ${item.evidence?.length ? html`<h4>Evidence</h4>` : nothing}
    ${evidence(item.evidence, this.follow, this.lead)}
    ${fresh.length ? html`<h4>What to do</h4>` : nothing} ${steps(fresh)}
    ${
      item.advice?.length && !fresh.length
        ? html`<p class="small muted">Its steps stand above.</p>`
        : nothing
    }`;
    // Below a story they are for looking things up.
    return this.report.story
      ? html`<article>
          <details data-mark=${item.id}>
            <summary>${heading}</summary>
            ${body}
          </details>
        </article>`
      : html`<article data-mark=${item.id}>${heading} ${body}</article>`;
  }

  /** The titles of what stands in the story. */
  #told(): TemplateResult | typeof nothing {
    const told = (this.report.findings ?? []).filter(
      (item) => item.id !== "root-cause" && isTold(item, this.report),
    );
    if (told.length === 0 || !this.desk.has("story")) return nothing;
    return html`<article>
      <h4>
        Told under
        <button type="button" class="plain" @click=${() => this.desk.show("story")}>
          What happened
        </button>
      </h4>
      <ul class="text">
        ${told.map((item) => html`<li>${severity(item.severity)} ${item.title}</li>`)}
      </ul>
    </article>`;
  }
}

define("bluepane-findings", FindingsSection);
