// What to do, once for this machine on this host: what to mend, and what to look at on the host.
import { html, nothing } from "lit";
import { pieces } from "../format/code";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";

const ON_HOST = /^On the host, (\w)/;

export class TodoSection extends Section {
  static override styles = styles(sectionCss, `ol.text > li + li { margin-top: 0.375rem; }`);

  protected override render(): unknown {
    const all = this.report.story?.advice ?? [];
    const host = all.filter((step) => ON_HOST.test(step));
    const here = all.filter((step) => !ON_HOST.test(step));
    return html`${this.head("What to do")} ${list(here, 1)}
    ${
      host.length
        ? html`<h3>On the host</h3>
            ${list(
              host.map((step) => step.replace(ON_HOST, (_, first: string) => first.toUpperCase())),
              here.length + 1,
            )}`
        : nothing
    }`;
  }
}

function list(steps: string[], from: number): unknown {
  if (steps.length === 0) return nothing;
  return html`<ol class="text" start=${from}>
    ${steps.map((step) => html`<li>${pieces(step)}</li>`)}
  </ol>`;
}

define("bluepane-todo", TodoSection);
