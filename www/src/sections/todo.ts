// What to do, once for this machine: what to mend, both ways where the host is not certain, and what
// to look at on the host.
import { html } from "lit";
import { steps } from "../format/pieces";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";

export class TodoSection extends Section {
  static override styles = styles(sectionCss, `ol.text > li + li { margin-top: 0.375rem; }`);

  protected override render(): unknown {
    return html`${this.head("What to do")}
    ${steps(this.report.story?.advice, (title) => html`<h3>${title}</h3>`)}`;
  }
}

define("bluepane-todo", TodoSection);
