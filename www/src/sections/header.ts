// The dump's header as it stands, field by field.
import { html, nothing } from "lit";
import { blank } from "../format/pieces";
import { plural } from "../format/number";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./header.css";

export class HeaderSection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const header = this.report.header;
    const fields = header?.fields ?? [];
    if (!header || fields.length === 0) {
      return html`${this.head("Raw header")}
      ${this.absent("This kind of file has no header of the kind shown here.")}`;
    }
    return html`${this.head("Raw header")}
      <details>
        <summary>${header.structure}: ${plural(fields.length, "field")}</summary>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Offset</th>
                <th scope="col">Field</th>
                <th scope="col">Value</th>
                <th scope="col">Meaning</th>
              </tr>
            </thead>
            <tbody>
              ${fields.map(
                (field) =>
                  html`<tr>
                    <td><code>${field.offset}</code></td>
                    <td><code>${field.name}</code></td>
                    <td>
                      ${
                        field.value === undefined
                          ? blank(field.gap ?? "not-recorded")
                          : html`<code>${field.value}</code>`
                      }
                    </td>
                    <td>${field.meaning ?? nothing}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>
      </details>`;
  }
}

define("bluepane-header", HeaderSection);
