// Firmware, hypervisor, host, and whether a Hyper-V guest's integration components fit its host.
import { type TemplateResult, html, nothing } from "lit";
import type { Component, IntegrationServices, Platform } from "../report";
import { evidence, facts, steps, sure } from "../format/pieces";
import { HOST, HYPERVISOR, ROLE, STATUS, VERDICT, word } from "../format/words";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import sectionCss from "./section.css";
import css from "./platform.css";

/** How a word of the closed lists is coloured; its text always stands beside the colour. */
const TONE: Record<string, string> = {
  current: "ok",
  "in-box": "ok",
  outdated: "warning",
  mixed: "warning",
  missing: "critical",
};

export class PlatformSection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const { platform, integration_services: services } = this.report;
    return html`${this.head("Platform and Integration Services")}
    ${
      platform
        ? this.#platform(platform)
        : this.absent("This file records nothing about the machine’s firmware or hypervisor.")
    }
    ${services ? this.#services(services) : nothing}`;
  }

  #platform(platform: Platform): TemplateResult {
    const { hypervisor } = platform;
    const hosts = platform.host_generation ?? [];
    return html`${facts([
      { label: "Machine", value: join(platform.manufacturer, platform.product, platform.version) },
      { label: "Family", value: platform.family },
      { label: "Board", value: join(platform.board_manufacturer, platform.board_product) },
      {
        label: "Firmware",
        value: join(
          platform.bios_vendor,
          platform.bios_version && `version ${platform.bios_version}`,
          platform.bios_date && `of ${platform.bios_date} (month/day/year)`,
        ),
      },
      { label: "SMBIOS", value: platform.smbios_version },
      { label: "Serial number", value: platform.serial },
      { label: "UUID", value: platform.uuid },
      { label: "Asset tag", value: platform.asset_tag },
      {
        label: "Hypervisor",
        value: hypervisor
          ? html`${word(HYPERVISOR, hypervisor.vendor)}; this Windows ${word(ROLE, hypervisor.role)}
            ${sure(hypervisor.confidence)}${evidence(hypervisor.evidence, this.follow, this.lead)}`
          : "",
      },
      { label: "VM generation", value: platform.vm_generation },
      {
        label: "Possible hosts",
        value: hosts.length
          ? html`${hosts.map((host) => word(HOST, host)).join(" or ")}
            ${evidence(platform.host_evidence, this.follow, this.lead)}`
          : "",
      },
    ])}
    ${
      platform.remarks?.length
        ? html`<ul class="text">
            ${platform.remarks.map((remark) => html`<li>${remark}</li>`)}
          </ul>`
        : nothing
    }`;
  }

  #services(services: IntegrationServices): TemplateResult {
    const hosts = services.host_generation ?? [];
    return html`<h3>Integration Services</h3>
      <div class="services">
        <p class="verdict">
          <span class="tag ${TONE[services.verdict] ?? ""}">Verdict</span>
          <b>${word(VERDICT, services.verdict)}</b> ${sure(services.confidence)}
        </p>
        ${services.explanation ? html`<p class="lead">${services.explanation}</p>` : nothing}
        ${facts([
          { label: "Guest", value: services.guest_os },
          { label: "Judged for host", value: hosts.map((h) => word(HOST, h)).join(" or ") },
          { label: "Installed level", value: services.installed },
          { label: "Expected level", value: services.expected },
        ])}
        ${services.components?.length ? components(services.components) : nothing}
        ${services.advice?.length ? html`<h4>What to do</h4>` : nothing} ${steps(services.advice)}
      </div>`;
  }
}

function join(...parts: (string | undefined | "")[]): string {
  return parts.filter((part) => part).join(" ");
}

/** A column that would be blank in every row is left out; the verdict's explanation says why. */
function components(list: Component[]): TemplateResult {
  const versions = list.some((component) => component.version !== undefined);
  const dates = list.some((component) => component.built !== undefined);
  const unknown = html`<span class="muted">not in this dump</span>`;
  return html`<h4 data-mark="components">Components</h4>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Component</th>
            <th scope="col">Status</th>
            ${versions ? html`<th scope="col">Version</th>` : nothing}
            ${dates ? html`<th scope="col">Linked</th>` : nothing}
            <th scope="col">What it is for</th>
          </tr>
        </thead>
        <tbody>
          ${list.map(
            (component) =>
              html`<tr>
                <td><code>${component.driver}</code></td>
                <td>
                  <span class="tag ${TONE[component.status] ?? ""}"
                    >${word(STATUS, component.status)}</span
                  >
                </td>
                ${versions ? html`<td class="nowrap">${component.version ?? unknown}</td>` : nothing}
                ${
                  dates
                    ? html`<td class="nowrap">${component.built?.slice(0, 10) ?? unknown}</td>`
                    : nothing
                }
                <td>${component.purpose}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      versions || dates
        ? nothing
        : html`<p class="blank small">
            This dump holds neither their versions nor their link dates.
          </p>`
    }`;
}

define("bluepane-platform", PlatformSection);
