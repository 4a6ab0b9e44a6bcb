// Files that would tell more, by their place in a symbol store, and what became of those that were
// dropped.
import { type TemplateResult, html, nothing } from "lit";
import type { SymbolFile, WantedSymbol } from "../report";
import { define, styles } from "../elements/sheet";
import "../elements/copy";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./symbols.css";

const KIND = { symbols: "symbol file", image: "image", unusable: "not usable" };

export class SymbolsSection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const wanted = this.report.wanted_symbols ?? [];
    const given = this.report.symbol_files ?? [];
    return html`${this.head("Symbols")}
      <p class="lead">
        Drop a symbol file (.pdb, or an ISF .json) or an image (.sys, .exe) onto this page: the dump
        is then read again with it. Nothing is fetched, and a file of another build is refused.
      </p>
      <p class="lead screen">
        <button type="button" ?disabled=${this.busy} @click=${this.#choose}>Choose files</button>
        <input
          hidden
          type="file"
          multiple
          tabindex="-1"
          aria-label="Symbol files and images"
          @change=${this.#picked}
        />
      </p>
      ${given.length ? this.#given(given) : nothing}
      ${
        wanted.length
          ? this.#wanted(wanted)
          : this.absent("No file would tell more about the stack of this dump.")
      }`;
  }

  #choose(): void {
    this.renderRoot.querySelector("input")?.click();
  }

  #picked(event: Event): void {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = "";
    if (files.length) this.desk.beside(files);
  }

  #given(files: SymbolFile[]): TemplateResult {
    return html`<div class="scroll">
      <table>
        <caption>
          Dropped
        </caption>
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col">What it is</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          ${files.map(
            (file) =>
              html`<tr>
                <td><code>${file.name}</code></td>
                <td>
                  ${KIND[file.kind]}
                  ${file.identity ? html`<div class="muted small">${file.identity}</div>` : nothing}
                </td>
                <td>
                  ${
                    file.used
                      ? html`used for <code>${file.module}</code>`
                      : html`<b class="refused">Not used.</b> ${file.why}`
                  }
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  #wanted(files: WantedSymbol[]): TemplateResult {
    return html`<div class="scroll">
      <table>
        <caption>
          Would help most
          ${
            files.length > 1
              ? html`<bluepane-copy
                  class="screen"
                  label="Copy all places"
                  .text=${files.map(({ path }) => path).join("\n")}
                ></bluepane-copy>`
              : nothing
          }
        </caption>
        <thead>
          <tr>
            <th scope="col">Module</th>
            <th scope="col">Place in a symbol store</th>
            <th scope="col">What it tells</th>
          </tr>
        </thead>
        <tbody>
          ${files.map(
            (file) =>
              html`<tr>
                <td><code>${file.module}</code></td>
                <td class="path">
                  <code>${file.path}</code>
                  <bluepane-copy
                    class="screen"
                    what="place of ${file.path}"
                    .text=${file.path}
                  ></bluepane-copy>
                </td>
                <td>${file.why}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }
}

define("bluepane-symbols", SymbolsSection);
