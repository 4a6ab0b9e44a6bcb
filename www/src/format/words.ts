// The closed lists of the report in plain words. An unknown word is shown as it stands.
import type { Gap } from "../report";

export const GAP: Record<Gap, string> = {
  "not-present": "the page tables have no page there",
  "not-in-dump": "the page was not written to the dump",
  "paged-out": "the page was in a page file",
  truncated: "the file ends before it",
  unmapped: "no such address",
  "not-read": "not read: a limit, or the analysis was stopped",
  "read-failed": "the file could not be read there",
  "not-recorded": "this kind of dump, or this Windows, does not record it",
  "unknown-layout": "no table says where this build keeps it",
};

export const HOW: Record<string, [label: string, meaning: string]> = {
  context: ["context", "the processor's recorded context"],
  exception: ["exception", "the address of the exception"],
  "trap-frame": ["trap frame", "a trap frame on the stack"],
  unwind: ["unwind", "the image's unwind data"],
  "frame-pointer": ["frame pointer", "the chain of frame pointers"],
  scan: ["scan", "a value on the stack that points into a module; perhaps a leftover"],
};

/** How a frame was found, as a sentence. */
export const FOUND: Record<string, string> = {
  context: "The processor's recorded registers point here.",
  exception: "The record of the exception names this address.",
  "trap-frame": "A trap frame on the stack keeps this address: the code was interrupted here.",
  unwind: "The unwind data of the frame above say where it keeps the address that it returns to.",
  "frame-pointer": "The chain of frame pointers leads here.",
  scan: "A value on the stack that points here, as a return address would; it may be a leftover of an earlier call.",
};

export const CONFIDENCE: Record<string, string> = {
  certain: "the dump records it, or it follows from what the dump records",
  likely: "several signs agree and none speaks against it",
  possible: "it fits, and so would something else",
};

export const HOST: Record<string, string> = {
  "2008": "Windows Server 2008",
  "2008-r2": "Windows Server 2008 R2",
  "2012": "Windows Server 2012",
  "2012-r2": "Windows Server 2012 R2",
  "2016": "Windows Server 2016",
  "2019": "Windows Server 2019",
  "2022": "Windows Server 2022",
  "2025": "Windows Server 2025",
  azure: "Azure",
  client: "a Windows client with Hyper-V",
};

/** Generations of hosts in the order in which they came. */
export const GENERATIONS = ["2008", "2008-r2", "2012", "2012-r2", "2016", "2019", "2022", "2025"];

/** What stands where Hyper-V has Integration Services. */
export const GUEST_TOOLS: Record<string, string> = {
  vmware: "VMware Tools",
  virtualbox: "VirtualBox Guest Additions",
  kvm: "virtio-win drivers and the QEMU guest agent",
  xen: "Xen PV drivers",
  aws: "AWS drivers: PV or NVMe, and ENA",
  google: "Google Compute Engine drivers",
  parallels: "Parallels Tools",
};

export const HYPERVISOR: Record<string, string> = {
  "hyper-v": "Hyper-V",
  azure: "Azure (Hyper-V)",
  vmware: "VMware",
  virtualbox: "VirtualBox",
  kvm: "KVM",
  xen: "Xen",
  aws: "Amazon EC2",
  google: "Google Compute Engine",
  parallels: "Parallels",
  other: "another hypervisor",
  none: "no hypervisor",
  unknown: "cannot be told",
};

export const ROLE: Record<string, string> = {
  none: "runs on the hardware itself",
  guest: "is a virtual machine",
  root: "has a hypervisor beneath it; what for is not known",
  "root+vbs": "has a hypervisor beneath it for virtualization-based security",
  "root+hyper-v": "is a Hyper-V host",
  nested: "is a virtual machine that is a host itself",
  unknown: "cannot be told from this dump",
};

export const STATUS: Record<string, string> = {
  current: "current",
  outdated: "outdated",
  "in-box": "comes with Windows",
  "not-loaded": "not loaded",
  missing: "missing",
  unknown: "cannot be told",
};

export const VERDICT: Record<string, string> = {
  current: "Current",
  outdated: "Outdated",
  mixed: "Mixed: parts of different packages",
  "in-box": "In-box: serviced by Windows Update",
  missing: "Missing",
  "n/a": "Not a Hyper-V guest",
  unknown: "Cannot be told from this dump",
};

export const BALLOON: Record<string, string> = {
  off: "Off: no balloon takes memory of this machine.",
  idle: "Idle: the balloon driver is there and held next to nothing.",
  "in-use":
    "In use, as it should be: the host had taken memory back, and the guest did not suffer from it.",
  "not-giving-back": "Not giving back: memory was held while the guest starved.",
  unable: "Unable: the host wants to give and take memory, and the driver for it is not there.",
  unknown: "Whether a balloon held memory cannot be told from this dump.",
};

export function word(table: Record<string, string>, key: string | undefined): string {
  return key === undefined ? "" : (table[key] ?? key);
}

export function gap(reason: Gap | undefined): string {
  return reason === undefined ? "not in this report" : (GAP[reason] ?? reason);
}
