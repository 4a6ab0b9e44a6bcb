// Firmware, hypervisor, host, and whether a Hyper-V guest's integration components fit its host.
import { type TemplateResult, html, nothing } from "lit";
import type { Hypervisor, IntegrationServices, Platform, Report } from "../report";
import { filled, machineName, unfilled } from "../format/machine";
import { evidence, facts, steps, sure } from "../format/pieces";
import { Steps, untold } from "../format/told";
import { GENERATIONS, GUEST_TOOLS, HOST, HYPERVISOR, ROLE, VERDICT, word } from "../format/words";
import { define, styles } from "../elements/sheet";
import { Section } from "./section";
import { TONE, components, userServices } from "./components";
import sectionCss from "./section.css";
import css from "./platform.css";

export class PlatformSection extends Section {
  static override styles = styles(sectionCss, css);

  protected override render(): unknown {
    const { platform, integration_services: services } = this.report;
    return html`${this.head(platformTitle(this.report))}
    ${
      platform
        ? this.#platform(platform)
        : this.absent("This file records nothing about the machine’s firmware or hypervisor.")
    }
    ${services && services.verdict !== "n/a" ? this.#services(services) : nothing}`;
  }

  #platform(platform: Platform): TemplateResult {
    const { hypervisor } = platform;
    const hosts = platform.host_generation ?? [];
    return html`${facts([
      { label: "Machine", value: join(machineName(platform), filled(platform.version)) },
      { label: "Family", value: filled(platform.family) },
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
      { label: "Serial number", value: told(platform.serial) },
      { label: "UUID", value: platform.uuid },
      { label: "Asset tag", value: told(platform.asset_tag) },
      {
        label: "Hypervisor",
        value: hypervisor
          ? html`${beneath(hypervisor)} ${sure(hypervisor.confidence)}
            ${evidence(hypervisor.evidence, this.follow, this.lead)}`
          : "",
      },
      { label: "VM generation", value: platform.vm_generation },
      {
        label: hosts.length > 1 ? "Possible hosts" : "Host",
        value: hosts.length
          ? html`${hosts.map((host) => word(HOST, host)).join(" or ")}
            ${generations(hosts, this.report.integration_services?.guest_os)}
            ${evidence(platform.host_evidence, this.follow, this.lead)}`
          : "",
      },
      {
        label: "Guest tools",
        value: hypervisor?.role === "guest" ? GUEST_TOOLS[hypervisor.vendor] : "",
      },
    ])}
    ${
      platform.remarks?.length
        ? html`<h3>Worth knowing, and where sources differ</h3>
            <ul class="text">
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
          {
            label: "Judged for host",
            value:
              hosts.join() === (this.report.platform?.host_generation ?? []).join()
                ? ""
                : hosts.map((h) => word(HOST, h)).join(" or "),
          },
          { label: "Installed level", value: services.installed },
          { label: "Expected level", value: services.expected },
        ])}
        ${
          services.components?.length
            ? components(services.components, this.report.modules ?? [], this.lead)
            : nothing
        }
        ${services.services?.length ? userServices(services.services) : nothing}
        ${this.#steps(services)}
      </div>`;
  }

  /** The steps, unless they stand above already. */
  #steps(services: IntegrationServices): TemplateResult | typeof nothing {
    const given = new Steps(this.report);
    if (this.desk.has("findings")) {
      for (const finding of untold(this.report)) given.fresh(finding.advice);
    }
    const fresh = given.fresh(services.advice);
    if (fresh.length)
      return html`<h4>What to do</h4>
        ${steps(fresh)}`;
    const at = this.desk.has("todo") ? "todo" : "findings";
    if (!services.advice?.length || !this.desk.has(at)) return nothing;
    return html`<p class="screen">
      <button
        type="button"
        class="plain"
        @click=${() => this.desk.show(at, at === "todo" ? undefined : "integration-services-behind")}
      >
        What to do about it
      </button>
    </p>`;
  }
}

/** A machine that is no Hyper-V guest reads nothing of Integration Services. */
export function platformTitle(report: Report): string {
  const verdict = report.integration_services?.verdict;
  return verdict === undefined || verdict === "n/a"
    ? "Platform"
    : "Platform and Integration Services";
}

function beneath({ vendor, role }: Hypervisor): string {
  if (vendor === "unknown" && role === "unknown") {
    return "Whether a hypervisor runs beneath this Windows cannot be told from this dump.";
  }
  if (role === "unknown") {
    return `${word(HYPERVISOR, vendor)}; what this Windows is to it cannot be told from this dump`;
  }
  return `${word(HYPERVISOR, vendor)}; this Windows ${word(ROLE, role)}`;
}

/** Generations of Hyper-V hosts in order, with those that are possible, and the guest's own. */
function generations(hosts: string[], guest: string | undefined): TemplateResult {
  const order = [...GENERATIONS, ...hosts.filter((host) => !GENERATIONS.includes(host))];
  const own = (guest ?? "").replace(/ SP\d$/, "");
  return html`<ol class="plain generations" aria-label="Generations of hosts">
    ${order.map((host) => {
      const possible = hosts.includes(host);
      const isGuest = own === HOST[host];
      const words = [
        possible ? (hosts.length > 1 ? "possible host" : "the host") : "",
        isGuest ? "this guest" : "",
      ].filter((part) => part);
      return html`<li class="${possible ? "possible" : ""} ${isGuest ? "guest" : ""}">
        ${(HOST[host] ?? host).replace("Windows Server ", "").replace("a Windows client with Hyper-V", "client")}
        ${words.map((part) => html`<span>${part}</span>`)}
      </li>`;
    })}
  </ol>`;
}

/** What stands in the firmware, and that nobody filled it in. */
function told(text: string | undefined): unknown {
  if (!unfilled(text)) return text;
  return html`<span class="muted">left as “${text}” by the maker</span>`;
}

function join(...parts: (string | undefined | "")[]): string {
  return parts.filter((part) => part).join(" ");
}

define("bluepane-platform", PlatformSection);
