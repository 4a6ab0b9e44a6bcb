// How the stop came about: the links of the chain from the stop back to what has to be mended, each
// with what it rests on, how sure the end of it is, and what else it could be.
import { type TemplateResult, html, nothing } from "lit";
import type { Evidence, Story } from "../report";
import { linked, sure } from "../format/pieces";
import { CONFIDENCE, word } from "../format/words";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./story.css";

const ROOT = {
  certain: "Root cause:",
  likely: "Probable root cause:",
  possible: "Possible root cause:",
};

export class StorySection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const { story } = this.report;
    if (!story) return this.head("What happened");
    return html`${this.head("What happened")}
      <p class="small muted">From the stop back to its cause; each point with what it rests on.</p>
      <ol class="chain">
        ${story.links.map(
          (link) =>
            html`<li>
              <p>${linked(link.text, this.follow)} ${sure(link.confidence)}</p>
              ${this.#rests(link.evidence)}
            </li>`,
        )}
        <li class="root">
          <p>
            <b>${ROOT[story.confidence] ?? ROOT.possible}</b>
            ${linked(story.root_cause, this.follow)}
          </p>
          <p class="how">
            This is <b>${story.confidence}</b>: ${word(CONFIDENCE, story.confidence)}.
          </p>
        </li>
      </ol>
      ${alternatives(story)}`;
  }

  /** The evidence in one line, each piece leading to where it stands. */
  #rests(list: Evidence[] | undefined): TemplateResult | typeof nothing {
    if (!list?.length) return nothing;
    return html`<ul class="plain rests" aria-label="Evidence">
      ${list.map((item) => {
        const go = this.lead(item);
        return html`<li>
          ${
            go
              ? html`<button
                  type="button"
                  class="plain follow"
                  title=${item.where ?? ""}
                  @click=${go}
                >
                  ${bare(item.text)}
                </button>`
              : html`<span title=${item.where ?? ""}>${bare(item.text)}</span>`
          }
        </li>`;
      })}
    </ul>`;
  }
}

/** A short statement without its full stop. */
function bare(text: string): string {
  return text.replace(/\.$/, "");
}

function alternatives(story: Story): TemplateResult | typeof nothing {
  if (!story.alternatives?.length) return nothing;
  return html`<h3>What else it could be</h3>
    <p class="small muted">
      The dump does not exclude these; what would tell them apart is below each.
    </p>
    <ul class="text others">
      ${story.alternatives.map(
        ({ cause, tells_apart }) =>
          html`<li>
            <b>${cause}</b>
            <p>${tells_apart}</p>
          </li>`,
      )}
    </ul>`;
}

define("bluepane-story", StorySection);
