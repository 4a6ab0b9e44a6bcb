// The registry as far as it was in memory: the settings that tell the machine, and a browser of all
// keys that can be read.
import { type TemplateResult, html, nothing } from "lit";
import type { Registry, RegistryValue } from "../report";
import { type Topic, meaning, topics } from "../format/registry";
import { blank } from "../format/pieces";
import { plural } from "../format/number";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import "./registry-tree";
import sectionCss from "./section.css";
import css from "./registry.css";

export class RegistrySection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const { registry } = this.report;
    const values = registry?.values ?? [];
    const hives = registry?.hives ?? [];
    const said = hives.length
      ? html`<span class="small muted"
          >${plural(hives.length, "hive")} needed for this report</span
        >`
      : nothing;
    return html`${this.head("Registry", said)} ${registry ? missing(registry) : nothing}
    ${
      values.length
        ? topics(values).map((topic) => settings(topic, values))
        : this.absent(this.#why(hives.length > 0))
    }
    ${
      // What it shows is not redacted, so it is not printed.
      this.desk.has("explorer") && !this.busy
        ? html`<bluepane-registry-tree
            class="screen"
            .file=${this.report.file.name}
            .known=${hives.length}
            .ask=${(line: string) => this.desk.command(line)}
          ></bluepane-registry-tree>`
        : nothing
    }`;
  }

  #why(hives: boolean): string {
    const note = (this.report.notes ?? []).find(({ code }) => code.includes("registry"));
    if (note) return note.text;
    return hives
      ? "The hives were found, and none of the settings that are looked for could be read."
      : "No hive of the registry was found in this dump.";
  }
}

/** Hives that cannot be read. */
function missing({ hives = [] }: Registry): TemplateResult | typeof nothing {
  const gone = hives.filter(({ gap }) => gap !== undefined);
  if (gone.length === 0) return nothing;
  return html`<ul class="text">
    ${gone.map(
      ({ path, gap }) =>
        html`<li>
          <code>${path}</code> was in memory, but its root key cannot be read: ${blank(gap)}.
        </li>`,
    )}
  </ul>`;
}

function settings({ title, keys }: Topic, all: RegistryValue[]): TemplateResult {
  return html`<h3>${title}</h3>
    <div class="scroll">
      <table>
        <thead class="unseen">
          <tr>
            <th scope="col">Value</th>
            <th scope="col">Data and type</th>
          </tr>
        </thead>
        ${keys.map(
          ({ key, values }) =>
            html`<tbody>
              <tr>
                <th scope="rowgroup" colspan="2"><code>${key}</code></th>
              </tr>
              ${values.map((value) => row(value, all))}
            </tbody>`,
        )}
      </table>
    </div>`;
}

function row(value: RegistryValue, all: RegistryValue[]): TemplateResult {
  if (value.data === undefined) {
    return html`<tr>
      <td>${value.name ? html`<code>${value.name}</code>` : html`<i>the key</i>`}</td>
      <td>${blank(value.gap)}</td>
    </tr>`;
  }
  const means = meaning(value, all);
  return html`<tr data-mark="value ${value.name ?? ""}">
    <td><code>${value.name || "(default)"}</code></td>
    <td>
      <div class="told">
        <span>
          <code class="data">${value.data}</code>${
            means ? html` <span class="means">${means}</span>` : nothing
          }
        </span>
        <code class="muted">${value.kind ?? ""}</code>
      </div>
    </td>
  </tr>`;
}

define("bluepane-registry", RegistrySection);
