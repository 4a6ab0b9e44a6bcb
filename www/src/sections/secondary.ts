// Data that drivers added to the dump, by its identity.
import { html } from "lit";
import { bytes, plural } from "../format/number";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./secondary.css";

/** A list up to this long is shown at once. */
const SHORT = 8;

export class SecondarySection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const blobs = this.report.secondary_data ?? [];
    if (blobs.length === 0) {
      return html`${this.head("Secondary data")}
      ${this.absent("No driver added data of its own to this dump, or it is not recorded here.")}`;
    }
    return html`${this.head("Secondary data")}
      <details ?open=${blobs.length <= SHORT}>
        <summary>${plural(blobs.length, "piece")} of data that drivers added</summary>
        <div class="scroll">
          <table class="fit">
            <thead>
              <tr>
                <th scope="col">What it is</th>
                <th scope="col">Identity</th>
                <th scope="col" class="num">At offset</th>
                <th scope="col" class="num">Size</th>
              </tr>
            </thead>
            <tbody>
              ${blobs.map(
                (blob) =>
                  html`<tr>
                    <td>${blob.label ?? html`<span class="muted">not known</span>`}</td>
                    <td class="nowrap"><code>${blob.guid}</code></td>
                    <td class="num"><code>${blob.offset}</code></td>
                    <td class="num">${bytes(blob.size)}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>
      </details>`;
  }
}

define("bluepane-secondary", SecondarySection);
