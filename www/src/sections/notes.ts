// What is missing or odd, and why; and what it cost to read the file.
import { html, nothing } from "lit";
import { big, bytes, plural } from "../format/number";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./notes.css";

export class NotesSection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const notes = this.report.notes ?? [];
    const holds = this.desk.has("coverage") ? "" : this.report.file.holds;
    return html`${this.head("Notes")} ${holds ? html`<p class="lead">${holds}</p>` : nothing}
    ${
      notes.length
        ? html`<table>
            <caption class="unseen">
              What is missing or odd, and why
            </caption>
            <tbody>
              ${notes.map(
                (note) =>
                  html`<tr>
                    <td class="code"><code>${note.code}</code></td>
                    <td>${note.text}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`
        : this.absent("Nothing was found missing or odd beyond what the sections say.")
    }
    ${this.#cost()}`;
  }

  #cost(): unknown {
    const { stats } = this.report;
    if (!stats || this.busy) return nothing;
    const read = big(stats.bytes_read);
    const parts = [
      stats.elapsed_ms === undefined ? "" : `${Math.round(stats.elapsed_ms)} ms`,
      stats.reads === undefined ? "" : plural(stats.reads, "read"),
      stats.rounds === undefined ? "" : plural(stats.rounds, "round"),
      read === null ? "" : `${bytes(read)} read`,
    ].filter((part) => part);
    return html`<p class="muted small stats">
      Analysed in ${parts.join(", ")}. Report schema ${this.report.schema}.
    </p>`;
  }
}

define("bluepane-notes", NotesSection);
