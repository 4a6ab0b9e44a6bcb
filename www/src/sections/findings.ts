// Findings: plain statements, each with how sure it is, what it rests on and what to do.
import { type TemplateResult, html, nothing } from "lit";
import type { Finding } from "../report";
import { type Follow, evidence, severity, steps, sure } from "../format/pieces";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./findings.css";

export class FindingsSection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const list = this.report.findings ?? [];
    const words = html`<span class="small muted"
      >certain: recorded in the dump · likely: several signs agree · possible: it fits, and so would
      something else</span
    >`;
    return html`${this.head("Findings", list.length ? words : nothing)}
    ${
      list.length
        ? list.map((item) => finding(item, this.follow))
        : this.absent(
            "No rule fired on this dump. That is no proof of health: the notes below say what it does not hold.",
          )
    }`;
  }
}

function finding(item: Finding, follow: Follow | undefined): TemplateResult {
  return html`<article>
    <h3>${severity(item.severity)}<span>${item.title}</span>${sure(item.confidence)}</h3>
    ${item.explanation ? html`<p class="lead">${item.explanation}</p>` : nothing}
    ${item.evidence?.length ? html`<h4>Evidence</h4>` : nothing} ${evidence(item.evidence, follow)}
    ${item.advice?.length ? html`<h4>What to do</h4>` : nothing} ${steps(item.advice)}
  </article>`;
}

define("bluepane-findings", FindingsSection);
