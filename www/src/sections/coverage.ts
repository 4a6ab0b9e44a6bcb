// What is in the file: which kind of dump, what that kind holds and leaves out, and a picture of the
// machine's physical memory with the part of it that was written.
import { type TemplateResult, html, nothing, svg } from "lit";
import type { Coverage, PhysicalRun, Report } from "../report";
import { approx, big, bytes, pages, percent, plural } from "../format/number";
import { address } from "../format/pieces";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import picturesCss from "./pictures.css";
import sectionCss from "./section.css";
import css from "./coverage.css";

const PAGE = 4096;
const WIDTH = 1024;
const HEIGHT = 40;

export class CoverageSection extends Section {
  static override styles = styles(sectionCss, picturesCss, css);

  protected override render(): unknown {
    const { file, memory } = this.report;
    const runs = memory?.physical_runs ?? [];
    const coverage = memory?.coverage;
    return html`${this.head("What is in the file")}
    ${file.opening ? html`<p class="lead opening"><code>${file.opening}</code></p>` : nothing}
    ${file.holds ? html`<p class="lead">${file.holds}</p>` : nothing}
    ${coverage ? this.#picture(coverage, runs) : nothing}
    ${runs.length ? this.#runs(runs, coverage) : nothing}`;
  }

  #picture(coverage: Coverage, runs: PhysicalRun[]): TemplateResult {
    const cell = approx(coverage.cell_pages);
    const end = cell * coverage.stored.length;
    const machine = runs.reduce((sum, run) => sum + approx(run.pages), 0);
    const stored = approx(coverage.stored_pages);
    const added = runs.filter((run) => run.added);
    const x = (page: number): number => (end > 0 ? (page / end) * WIDTH : 0);
    return html`<figure class="coverage">
        <figcaption>
          <span class="name">Physical memory</span>
          <span class="whole">page by page, from address 0 to ${bytes(end * PAGE)}</span>
        </figcaption>
        <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
          <rect class="ground" x="0" y="0" width=${WIDTH} height=${HEIGHT}></rect>
          ${runs.map(
            (run) =>
              svg`<rect class=${run.added ? "had added" : "had"} x=${x(approx(run.base_page))} y="0"
                width=${Math.max(1, x(approx(run.pages)))} height=${HEIGHT}></rect>`,
          )}
          ${coverage.stored.map((part, index) => {
            if (part === 0) return nothing;
            const height = Math.max(2, (part / 1000) * HEIGHT);
            return svg`<rect class="stored" x=${x(index * cell)} y=${HEIGHT - height}
              width=${x(cell)} height=${height}></rect>`;
          })}
        </svg>
        <ul class="plain legend">
          <li>
            <i class="key stored" aria-hidden="true"></i>in the file
            <b>${bytes(stored * PAGE)}</b> ${machine ? percent(stored, machine) : ""}
          </li>
          ${
            machine
              ? html`<li>
                  <i class="key had" aria-hidden="true"></i>left out
                  <b>${bytes(Math.max(0, machine - stored) * PAGE)}</b>
                </li>`
              : nothing
          }
          ${
            added.length
              ? html`<li>
                  <i class="key added" aria-hidden="true"></i>added while Windows ran
                  <b>${bytes(added.reduce((sum, run) => sum + approx(run.pages), 0) * PAGE)}</b>
                </li>`
              : nothing
          }
          <li><i class="key ground" aria-hidden="true"></i>no memory of the machine</li>
        </ul>
      </figure>
      ${this.#hotAdded(machine)}`;
  }

  /** Firmware lists what a virtual machine was started with. */
  #hotAdded(machine: number): TemplateResult | typeof nothing {
    const installed = big(this.report.memory?.installed_bytes);
    const more = installed === null ? 0 : machine * PAGE - Number(installed);
    // Firmware keeps some memory to itself, so only more than a little is telling.
    if (installed === null || more < 64 * 1024 * 1024) return nothing;
    return html`<p class="lead small">
      Windows had ${bytes(more)} more than the ${bytes(installed)} that the firmware lists: memory
      that was added while it ran, as Hyper-V’s Dynamic Memory does.
    </p>`;
  }

  #runs(runs: PhysicalRun[], coverage: Coverage | undefined): TemplateResult {
    return html`<details ?open=${runs.length <= 8}>
      <summary>${plural(runs.length, "run")} of physical memory</summary>
      <div class="scroll">
        <table class="fit">
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col" class="num">Size</th>
              ${coverage ? html`<th scope="col" class="num">In the file</th>` : nothing}
              <th scope="col"><span class="unseen">Remark</span></th>
            </tr>
          </thead>
          <tbody>
            ${runs.map((run) => {
              const from = big(run.base_page) ?? 0n;
              const to = from + (big(run.pages) ?? 0n);
              const at = (page: bigint): string => `0x${(page * 4096n).toString(16)}`;
              return html`<tr>
                <td>${address(at(from), 12)}</td>
                <td>${address(at(to), 12)}</td>
                <td class="num">${pages(run.pages)}</td>
                ${
                  coverage
                    ? html`<td class="num">
                        ${pages(run.stored)}, ${percent(approx(run.stored), approx(run.pages))}
                      </td>`
                    : nothing
                }
                <td>${run.added ? "added while Windows ran" : nothing}</td>
              </tr>`;
            })}
          </tbody>
        </table>
      </div>
    </details>`;
  }
}

/** Whether there is anything to say of what the file holds. */
export function tells(report: Report): boolean {
  return Boolean(report.file.holds ?? report.memory?.coverage);
}

define("bluepane-coverage", CoverageSection);
