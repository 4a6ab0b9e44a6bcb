extern crate std;

use super::hardware::damaged_bit;
use super::*;
use crate::diagnose::testing::{GONE, Machine, address, frame};
use crate::memory::VirtualAddress;
use crate::model::{
    Exception, Frame, Hex, How, Hypervisor, HypervisorRole, HypervisorVendor, IntegrationServices,
    Kind, Platform, Register, Verdict as Judgement,
};
use alloc::{format, vec};

const NT: &str = "ntoskrnl.exe";

pub(super) fn ids(facts: &Facts<'_>) -> Vec<&'static str> {
    findings(facts).iter().map(|f| f.id).collect()
}

pub(super) fn get(facts: &Facts<'_>, id: &str) -> Option<Finding> {
    findings(facts).into_iter().find(|f| f.id == id)
}

/// Asserts that `id` fires for `fires` and not for `silent`.
pub(super) fn only(id: &str, fires: &Facts<'_>, silent: &Facts<'_>) -> Finding {
    assert!(!ids(silent).contains(&id), "{id} should be silent");
    let found = get(fires, id);
    assert!(found.is_some(), "{id} should fire: {:?}", ids(fires));
    let found = found.unwrap_or_default();
    assert!(found.title.ends_with('.') && found.explanation.ends_with('.'));
    assert!(!found.explanation.contains("  "), "{}", found.explanation);
    assert!(found.evidence.iter().all(|e| e.text.ends_with('.')));
    found
}

pub(super) fn machine() -> Machine {
    Machine::stopped_by(&[NT, NT])
}

pub(super) fn platform(vendor: HypervisorVendor, role: HypervisorRole) -> Platform {
    Platform {
        bios_date: Some("05/23/2012".into()),
        bios_version: Some("090006".into()),
        hypervisor: Hypervisor {
            vendor,
            role,
            confidence: Confidence::Certain,
            evidence: vec![Evidence::new("A sign of it.", "modules")],
        },
        ..Platform::default()
    }
}

#[test]
fn the_catalogue_and_the_documentation_are_the_same_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/findings.md");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let rows: Vec<&str> = text.lines().filter(|l| l.starts_with("| `")).collect();
    let wanted: Vec<String> = CATALOGUE
        .iter()
        .map(|e| {
            let severity = format!("{:?}", e.severity).to_ascii_lowercase();
            format!("| `{}` | {severity} | {} |", e.id, e.fires)
        })
        .collect();
    assert_eq!(rows, wanted, "\n{}\n", wanted.join("\n"));
    let mut names: Vec<&str> = CATALOGUE.iter().map(|e| e.id).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CATALOGUE.len());
}

#[test]
fn each_rule_gives_the_id_that_stands_beside_it() {
    // Any id that is not in the catalogue would come out as a mere note.
    let m = machine();
    for code in [
        0x1A, 0x7A, 0x7B, 0x9F, 0xC4, 0xEF, 0x101, 0x124, 0x133, 0x1C8,
    ] {
        for id in ids(&m.facts(code, [0; 4])) {
            assert!(CATALOGUE.iter().any(|e| e.id == id), "{id}");
        }
    }
    assert_eq!(RULES.len(), CATALOGUE.len());
}

#[test]
fn the_most_severe_and_most_certain_come_first() {
    let m = machine();
    let found = findings(&m.facts(0x7A, [1, 0xC000_000E, 0, 0]));
    let order: Vec<_> = found.iter().map(|f| (f.severity, f.confidence)).collect();
    let mut sorted = order.clone();
    sorted.sort_by(|a, b| b.cmp(a));
    assert_eq!(order, sorted);
    assert_eq!(found.first().map(|f| f.id), Some("storage-read-failed"));
}

#[test]
fn a_culprit_is_likely_possible_or_nobody() {
    let m = machine();
    let at = |name| [0x10, 2, 0, address(name, 0x55)];
    let (acme, amd) = (at("acme.sys"), at("amdppm.sys"));
    let (likely, possible) = (m.facts(0xD1, acme), m.facts(0xD1, amd));
    let nobody = m.facts(0x1A, [0x41287, 1, 0, 0]);
    only("culprit-likely", &likely, &possible);
    only("culprit-possible", &possible, &nobody);
    only("no-culprit", &nobody, &likely);
}

#[test]
fn running_where_a_driver_was_unloaded_is_told() {
    let m = machine();
    let fires = m.facts(0xD1, [GONE + 8, 2, 8, GONE + 8]);
    let silent = m.facts(0xD1, [GONE + 8, 2, 0, address(NT, 8)]);
    let found = only("driver-unloaded-too-early", &fires, &silent);
    assert!(found.title.contains("gone.sys"), "{}", found.title);
}

#[test]
fn graphics_trouble_is_told_with_the_adapters_that_are_there() {
    let m = machine();
    let found = only(
        "display-stopped-responding",
        &m.facts(0xA000_0001, [5, 0, 0, 0]),
        &m.facts(0xD1, [0; 4]),
    );
    assert!(found.evidence[1].text.contains("atikmdag.sys"));
    assert!(ids(&m.facts(0x116, [0; 4])).contains(&"display-stopped-responding"));
}

#[test]
fn driver_verifier_is_told_by_code_or_level() {
    let m = machine();
    let silent = m.facts(0xD1, [0; 4]);
    only("driver-verifier-active", &m.facts(0xC4, [0; 4]), &silent);
    let mut level = silent;
    level.verifier_level = Some(0x9BB);
    only("driver-verifier-active", &level, &silent);
    level.verifier_level = Some(0);
    assert!(!ids(&level).contains(&"driver-verifier-active"));
}

#[test]
fn a_machine_check_is_decoded() {
    let m = machine();
    let silent = m.facts(0x1A, [0; 4]);
    let fires = m.facts(0x124, [0, 0, 0xBE00_0000, 0x0080_0400]);
    let found = only("hardware-error-reported", &fires, &silent);
    assert!(
        found.evidence[1].text.contains("0xbe00000000800400")
            && found.evidence[1].text.contains("time-out"),
        "{:?}",
        found.evidence
    );
    let memory = m.facts(0x124, [0, 0, 0xBE00_0000, 0x0090]);
    let found = get(&memory, "hardware-error-reported").unwrap_or_default();
    assert!(found.evidence[1].text.contains("memory channel"));
    let pcie = get(&m.facts(0x124, [4, 0, 0, 0]), "hardware-error-reported");
    assert!(pcie.is_some_and(|f| f.title.contains("PCI Express")));
}

#[test]
fn damage_makes_memory_a_suspect_and_one_wrong_bit_a_strong_one() {
    let m = machine();
    let silent = m.facts(0xD1, [0x10, 2, 0, address(NT, 5)]);
    let id = "memory-hardware-suspected";
    let sure = |facts: &Facts<'_>| get(facts, id).map(|f| f.confidence);
    only(id, &m.facts(0x4E, [0x99, 0, 0, 0]), &silent);
    assert_eq!(
        sure(&m.facts(0x1A, [0x41792, 1, 0x1000, 0])),
        Some(Confidence::Likely)
    );
    assert_eq!(
        sure(&m.facts(0x1A, [0x41792, 1, 0x1001, 0])),
        Some(Confidence::Possible)
    );
    let wild = m.facts(
        0x50,
        [0xFFFF_9000_0000_0000, 0x11, 0xFFFF_9000_0000_0000, 2],
    );
    assert_eq!(sure(&wild), Some(Confidence::Possible));
    let good = m.facts(0x50, [0xFFFF_9000_1234_5678, 0, address(NT, 5), 2]);
    assert_eq!(sure(&good), None);
}

#[test]
fn registers_are_looked_at_for_a_wrong_bit_only_when_they_are_the_faults() {
    let mut m = machine();
    m.stack.registers = vec![Register {
        name: "rcx",
        value: Hex(0xFFEF_F800_1234_5678),
    }];
    let id = "memory-hardware-suspected";
    let p = [0xC000_0005, address(NT, 5), 0, 0];
    assert!(!ids(&m.facts(0x7E, p)).contains(&id));
    if let Some(first) = m.stack.frames.first_mut() {
        *first = Frame {
            how: How::Exception,
            ..first.clone()
        };
    }
    let mut facts = m.facts(0x7E, p);
    let found = get(&facts, id).unwrap_or_default();
    assert_eq!(found.evidence[0].place, "register rcx");
    assert_eq!(found.confidence, Confidence::Likely);
    let told = Exception {
        code: 0xC000_0005,
        information: vec![Hex(0), Hex(0x10)],
        ..Exception::default()
    };
    facts.exception = Some(&told);
    assert!(!ids(&facts).contains(&id));
}

#[test]
fn one_wrong_bit_is_told_from_other_addresses() {
    assert_eq!(damaged_bit(0xFFFF_7800_0000_1000), Some(47));
    assert_eq!(damaged_bit(0xBFFF_F800_0000_1000), Some(62));
    for fine in [
        0xFFFF_F800_0000_1000,
        0x7FFE_0320,
        0,
        u64::MAX,
        u64::MAX >> 1,
        !(1 << 62),
        0xFFFE_8000_0000_0000,
    ] {
        assert_eq!(damaged_bit(fine), None, "{fine:#x}");
    }
}

#[test]
fn a_guest_is_sent_to_its_host_for_memory_and_processors() {
    let m = machine();
    let guest = platform(HypervisorVendor::HyperV, HypervisorRole::Guest);
    for (code, id) in [
        (0x1A, "memory-hardware-suspected"),
        (0x101, "processor-hung"),
    ] {
        let mut facts = m.facts(code, [0; 4]);
        facts.platform = Some(&guest);
        let found = only(id, &facts, &m.facts(0xD1, [0; 4]));
        assert!(found.advice[0].contains("host"), "{:?}", found.advice);
    }
}

#[test]
fn a_page_that_could_not_be_read_is_decoded_whatever_the_form() {
    let m = machine();
    let id = "storage-read-failed";
    let silent = m.facts(0xEF, [1, 0, 0, 0]);
    let told = |facts: &Facts<'_>| {
        let found = only(id, facts, &silent);
        found.evidence[0].text.clone()
    };
    let no_device = 0xFFFF_FFFF_C000_000E;
    for (code, p) in [
        (0x7A, [0xFFFF_F6FC_4000_8070, no_device, 0, 5]),
        (0x77, [1, no_device, 0, 0]),
        (0x77, [no_device, no_device, 0, 0]),
    ] {
        let text = told(&m.facts(code, p));
        assert!(text.contains("STATUS_NO_SUCH_DEVICE"), "{text}");
    }
    let exception = Exception {
        code: 0xC000_0006,
        information: vec![Hex(0), Hex(0x1000), Hex(0xC000_0185)],
        ..Exception::default()
    };
    let mut fires = m.facts(0x7E, [0xFFFF_FFFF_C000_0006, 1, 0, 0]);
    fires.exception = Some(&exception);
    assert!(told(&fires).contains("STATUS_IO_DEVICE_ERROR"));
    let pressure = m.facts(0x7A, [1, 0xC000_009A, 0, 0]);
    let found = get(&pressure, id).unwrap_or_default();
    assert!(found.advice[0].contains("memory"), "{:?}", found.advice);
}

#[test]
fn advice_is_chosen_by_status_machine_and_driver() {
    let m = machine();
    let advice = |facts: &Facts<'_>, id| get(facts, id).unwrap_or_default().advice.join("\n");
    let read = |status| advice(&m.facts(0x7A, [1, status, 0, 0]), "storage-read-failed");
    assert!(
        read(0xC000_000E).contains("while it was in use")
            && !read(0xC000_000E).contains("bad block")
    );
    assert!(
        read(0xC000_009C).contains("bad block")
            && !read(0xC000_009C).contains("while it was in use")
    );
    assert!(read(0xC000_009A).contains("poolmon"));
    let guest = platform(HypervisorVendor::Vmware, HypervisorRole::Guest);
    let mut facts = m.facts(0x7A, [1, 0xC000_0185, 0, 0]);
    assert!(advice(&facts, "storage-read-failed").contains("Get-PhysicalDisk"));
    facts.platform = Some(&guest);
    let told = advice(&facts, "storage-read-failed");
    assert!(
        told.contains("On the host") && !told.contains("Get-PhysicalDisk"),
        "{told}"
    );
    let named = Machine::stopped_by(&["acme.sys"]);
    let told = advice(&named.facts(0x65, [0; 4]), "culprit-likely");
    assert!(told.contains("/driver acme.sys"), "{told}");
    let display = Machine::stopped_by(&["nvlddmkm.sys"]);
    let told = advice(&display.facts(0x65, [0; 4]), "culprit-likely");
    assert!(
        told.contains("clean installation") && !told.contains("/driver"),
        "{told}"
    );
}

#[test]
fn changed_pages_lost_disks_and_file_systems_are_told_apart() {
    let m = machine();
    let silent = m.facts(0x1A, [0x41287, 0, 0, 0]);
    let hash = m.facts(0x1A, [0x3F, 0x1000, 0xAA, 0xBB]);
    let found = only("page-content-changed", &hash, &silent);
    assert!(found.evidence[0].text.contains("0x1000"));
    let lost = m.facts(0x7B, [1, 0xFFFF_FFFF_C000_0034, 0, 0]);
    let found = only("boot-device-inaccessible", &lost, &silent);
    assert!(
        found.evidence[1]
            .text
            .contains("STATUS_OBJECT_NAME_NOT_FOUND")
    );
    let ntfs = m.facts(0x24, [0; 4]);
    only("file-system-stopped", &ntfs, &silent);
}

#[test]
fn the_chain_of_a_starved_guest_is_told_only_of_hyper_v_guests() {
    let m = machine();
    let guest = platform(HypervisorVendor::HyperV, HypervisorRole::Guest);
    let vmware = platform(HypervisorVendor::Vmware, HypervisorRole::Guest);
    let id = "hyper-v-guest-storage-chain";
    let mut fires = m.facts(0x7A, [1, 0xC000_000E, 0, 0]);
    let mut silent = fires;
    fires.platform = Some(&guest);
    silent.platform = Some(&vmware);
    let found = only(id, &fires, &silent);
    assert_eq!(found.confidence, Confidence::Possible);
    let told = format!("{} {}", found.title, found.explanation);
    assert!(
        !told.contains("emory") && !told.contains("components"),
        "{told}"
    );
    let services = IntegrationServices {
        verdict: Judgement::Outdated,
        explanation: "They are older than the host.".into(),
        advice: vec!["Upgrade them.".into()],
        ..IntegrationServices::default()
    };
    fires.integration = Some(&services);
    let found = get(&fires, id).unwrap_or_default();
    // A disk that went away says nothing of memory, whatever the components are.
    assert_eq!(found.confidence, Confidence::Possible);
    assert_eq!(found.advice[0], "Upgrade them.");
    // Each file has its own reason for what it does not tell.
    let minidump = "it holds no counters of memory.";
    assert!(found.explanation.ends_with(minidump), "{found:?}");
    let shortened = Facts {
        kind: Kind::BitmapKernel,
        truncated: true,
        ..fires
    };
    let found = get(&shortened, id).unwrap_or_default();
    let cut = "the file ends before the counters of memory.";
    assert!(found.explanation.ends_with(cut), "{found:?}");
    assert!(
        found
            .advice
            .iter()
            .all(|step| !step.contains("to write a kernel"))
    );
    let mut starved = fires;
    starved.parameters[1] = 0xC000_009A;
    let found = get(&starved, id).unwrap_or_default();
    assert_eq!(found.confidence, Confidence::Likely);
    only("integration-services-behind", &fires, &silent);
    only("balloon-not-in-minidump", &fires, &silent);
    fires.kind = Kind::BitmapKernel;
    assert!(!ids(&fires).contains(&"balloon-not-in-minidump"));
}

#[test]
fn lost_processes_slow_dpcs_and_stuck_power_are_told() {
    let m = machine();
    let silent = m.facts(0xD1, [0; 4]);
    let mut lost = m.facts(0xEF, [1, 0, 0, 0]);
    lost.process_name = Some("csrss.exe");
    let found = only("critical-process-ended", &lost, &silent);
    assert!(found.evidence[1].text.contains("csrss.exe"));
    only("dpc-took-too-long", &m.facts(0x133, [1, 0, 0, 0]), &silent);
    only(
        "power-transition-stuck",
        &m.facts(0x9F, [3, 0, 0, 0]),
        &silent,
    );
}

#[test]
fn dumps_that_are_no_crashes_are_told() {
    let m = machine();
    let silent = m.facts(0xD1, [0; 4]);
    only("power-button-held", &m.facts(0x1C8, [0x1B58; 4]), &silent);
    only("dump-by-hand", &m.facts(0xE2, [0; 4]), &silent);
    let mut live = silent;
    live.kind = Kind::Live;
    only("machine-kept-running", &live, &silent);
    only("machine-kept-running", &m.facts(0x161, [0; 4]), &silent);
}

#[test]
fn what_the_file_lacks_is_told() {
    let m = machine();
    let minidump = m.facts(0xD1, [0; 4]);
    let mut full = minidump;
    full.kind = Kind::Full;
    only("dump-holds-little", &minidump, &full);
    let mut cut = full;
    cut.truncated = true;
    only("dump-truncated", &cut, &full);
}

#[test]
fn a_stale_record_is_told_when_another_was_used() {
    let m = machine();
    let used = Exception {
        code: 0xC000_0005,
        address: Hex(VirtualAddress(0x1234).0),
        source: "bug check parameters".into(),
        ..Exception::default()
    };
    let stale = Exception {
        code: 0x8000_0003,
        source: "header".into(),
        ..Exception::default()
    };
    let mut silent = m.facts(0x7E, [0; 4]);
    silent.exception = Some(&used);
    let mut fires = silent;
    fires.passed_over = Some(&stale);
    silent.passed_over = Some(&used);
    only("exception-record-replaced", &fires, &silent);
}

#[test]
fn an_early_stop_is_told_and_an_unknown_uptime_is_not() {
    let m = machine();
    let mut early = m.facts(0xD1, [0; 4]);
    let silent = early;
    early.uptime_seconds = Some(42.0);
    only("stopped-soon-after-start", &early, &silent);
    early.uptime_seconds = Some(4200.0);
    assert!(!ids(&early).contains(&"stopped-soon-after-start"));
}

#[test]
fn published_bad_versions_are_told_of_the_named_driver_alone() {
    let told = |name: &str| {
        let named = Machine::stopped_by(&[name, NT]);
        let found = findings(&named.facts(0x65, [0; 4]));
        let mut culprit = found.into_iter().filter(|f| f.id.starts_with("culprit"));
        culprit.any(|f| f.evidence.iter().any(|e| e.text.contains("is known:")))
    };
    assert!(told("npcap.sys"));
    assert!(!told("nvlddmkm.sys") && !told("acme.sys"));
}

#[test]
fn hosts_and_old_firmware_are_told_but_not_the_firmware_of_a_guest() {
    let m = machine();
    let host = platform(HypervisorVendor::HyperV, HypervisorRole::RootHyperV);
    let guest = platform(HypervisorVendor::HyperV, HypervisorRole::Guest);
    let mut fires = m.facts(0xD1, [0; 4]);
    fires.crash_time = Some("2017-11-13T10:00:00Z");
    let mut silent = fires;
    fires.platform = Some(&host);
    silent.platform = Some(&guest);
    only("hypervisor-host", &fires, &silent);
    let found = only("firmware-old", &fires, &silent);
    assert!(found.title.contains("5 years"), "{}", found.title);
    fires.crash_time = Some("2015-11-13T10:00:00Z");
    assert!(!ids(&fires).contains(&"firmware-old"));
}

#[test]
fn a_stack_that_ran_out_says_who_used_it_and_other_traps_say_nothing() {
    let mut at = 0xFFFF_D000_0000_1000;
    let mut frames = Vec::new();
    for name in ["ntoskrnl.exe", "acme.sys", "acme.sys", "fltmgr.sys"] {
        let mut one = frame(name, How::Unwind, Confidence::Likely);
        one.stack_pointer = Some(Hex(at));
        at += 0x900;
        frames.push(one);
    }
    let machine = Machine::with(frames);
    let found = findings(&machine.facts(0x7F, [8, 0, 0, 0]));
    let found = found
        .iter()
        .find(|f| f.id == "kernel-stack-overflow")
        .unwrap();
    let text = "acme.sys used 4608 bytes of the stack, in 2 frames.";
    assert!(found.evidence.iter().any(|e| e.text == text), "{found:?}");
    let other = findings(&machine.facts(0x7F, [0xD, 0, 0, 0]));
    assert!(other.iter().all(|f| f.id != "kernel-stack-overflow"));
}

#[test]
fn a_critical_process_is_told_with_its_status_and_who_ended_it() {
    let machine = Machine::stopped_by(&["ntoskrnl.exe"]);
    let ended = crate::diagnose::Ended {
        name: "csrss.exe".into(),
        pid: Some(504),
        status: Some(0xC000_0005),
        by: Some("acme.exe".into()),
    };
    let mut facts = machine.facts(0xEF, [1, 0, 0, 0]);
    facts.ended = Some(&ended);
    let all = findings(&facts);
    let found = all
        .iter()
        .find(|f| f.id == "critical-process-ended")
        .unwrap();
    let told: Vec<&str> = found.evidence.iter().map(|e| e.text.as_str()).collect();
    for wanted in [
        "The process that ended is csrss.exe (504).",
        "It ended with 0xc0000005 (STATUS_ACCESS_VIOLATION).",
        "A thread of another process was running: acme.exe may have ended it.",
    ] {
        assert!(told.contains(&wanted), "{told:?}");
    }
}
