//! Findings: plain statements about the machine, each with its evidence and what to do.
//!
//! One function a finding, grouped by what they look at. The catalogue lists every id with its
//! severity; the same table is `docs/findings.md`, and a test keeps the two alike.

mod chain;
mod culprit;
mod dump;
mod hardware;
mod machine;
mod memory;
mod process;
mod storage;

use super::facts::Facts;
use crate::knowledge::family::{Setting, family};
use crate::model::{Confidence, Evidence, Finding, Severity};
use crate::order;
use alloc::{string::String, vec::Vec};

pub(super) use storage::{INSUFFICIENT_RESOURCES, in_page_status};

/// The finding that nobody is named.
pub const NO_CULPRIT: &str = "no-culprit";

/// One line of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The stable name.
    pub id: &'static str,
    /// Its severity, always the same.
    pub severity: Severity,
    /// When it fires.
    pub fires: &'static str,
}

type Rule = fn(&Facts<'_>) -> Option<Finding>;

macro_rules! catalogue {
    ($($id:literal $severity:ident $rule:path, $fires:literal;)+) => {
        /// Every finding there is.
        pub const CATALOGUE: &[Entry] = &[$(Entry {
            id: $id,
            severity: Severity::$severity,
            fires: $fires,
        },)+];
        const RULES: &[Rule] = &[$($rule,)+];
    };
}

catalogue! {
    "root-cause" Critical chain::root_cause, "A page could not be read, and the counters of memory are there: what the chain of causes ends in.";
    "culprit-likely" Critical culprit::likely, "A driver is named with more than a guess.";
    "culprit-possible" Warning culprit::possible, "A driver is named on weak ground.";
    "no-culprit" Note culprit::nobody, "Nobody is named; says why.";
    "driver-version-known-bad" Warning culprit::known_bad, "A loaded driver has a file version of which its maker or Microsoft published that it is bad.";
    "driver-unloaded-too-early" Critical culprit::unloaded_too_early, "Code ran where a driver had been before it was unloaded.";
    "display-stopped-responding" Warning culprit::display, "A stop code of the graphics watchdog, or one that only a display driver raises.";
    "driver-verifier-active" Note culprit::verifier, "A stop code of Driver Verifier, or its level in the dump is not zero.";
    "hardware-error-reported" Critical hardware::reported, "0x124 or 0x9C: processor, memory or bus reported an error.";
    "memory-hardware-suspected" Warning hardware::memory_suspected, "A stop code of damaged kernel data, a jump to where no code is, or an address that is wrong by one bit.";
    "pool-block-damaged" Warning hardware::pool_overwritten, "0x19, 0xC2, 0xC5 or 0x13A, and the headers of the page can be read: whose block it is, whose stands in front of it.";
    "processor-hung" Warning hardware::processor_hung, "0x101: a processor stopped answering.";
    "storage-read-failed" Critical storage::read_failed, "0x7A, 0x77 or an in-page error: a page could not be read; decodes the status.";
    "page-content-changed" Critical storage::content_changed, "0x1A with 0x3F, or 0x12B: a page came back different from what was written.";
    "hyper-v-guest-storage-chain" Warning storage::guest_chain, "A page could not be read, in a Hyper-V guest: what to check on the host.";
    "boot-device-inaccessible" Critical storage::boot_device, "0x7B: Windows lost the disk it starts from.";
    "file-system-stopped" Warning storage::file_system, "A stop code of a file system.";
    "available-memory-low" Critical memory::available_low, "Available memory was below 2 % of physical memory (at most 512 MiB), or below 64 MiB.";
    "available-memory-tight" Warning memory::available_tight, "Available memory was below 5 % of physical memory (at most 1 GiB), but not yet low.";
    "commit-near-limit" Warning memory::commit_near_limit, "Committed memory was at 90 % of the commit limit or more, at the stop or at its peak.";
    "commit-charges-failed" Warning memory::commit_failed, "Windows refused to commit memory at least once since it started.";
    "page-file-content-wrong" Critical memory::hash_errors, "Pages came back from the page file with another content than was written: counted by the kernel.";
    "driver-locked-memory" Warning memory::driver_locked, "Drivers had locked an eighth of physical memory or more while available memory was scarce, and no story tells of them.";
    "memory-not-accounted" Note memory::unaccounted, "A quarter of physical memory or more is in no figure, where what drivers locked is not known.";
    "process-holds-most" Warning memory::process, "One process had half of all committed memory, or a third while memory was scarce.";
    "pool-tag-holds-most" Warning memory::pool_tag, "One pool tag held half of its pool and a sixteenth of physical memory.";
    "nonpaged-pool-large" Warning memory::nonpaged_pool, "Nonpaged pool held half of all committed memory and a GiB or more, and no pool tag stands for it.";
    "page-file-missing" Warning memory::page_file_missing, "There was no page file.";
    "page-file-full" Warning memory::page_file_full, "The page files were 90 % used.";
    "page-file-too-small" Warning memory::page_file_small, "The page files at their largest cannot hold the peak of commit with a reserve, or this dump.";
    "page-file-sizing" Note memory::sizing, "The commit figures are known: how large the page file of this machine should be.";
    "critical-process-ended" Critical process::ended, "0xEF, 0xF4 or 0xC000021A: a process that Windows needs ended.";
    "kernel-stack-overflow" Warning process::stack_overflow, "0x7F with a double fault, or 0x2B: a kernel stack ran out of room; says who used it.";
    "dpc-took-too-long" Warning process::dpc, "0x133: interrupt work took too long.";
    "power-transition-stuck" Warning process::power, "0x9F: a device did not finish a change of power state.";
    "power-button-held" Note dump::power_button, "0x1C8: the power button was held until the machine stopped.";
    "dump-by-hand" Note dump::by_hand, "0xE2 or 0xDEADDEAD: somebody asked for the dump.";
    "machine-kept-running" Note dump::kept_running, "A live dump, or a stop code that is only ever one.";
    "dump-truncated" Warning dump::truncated, "The file is shorter than its headers promise.";
    "dump-holds-little" Note dump::holds_little, "A minidump or a bare header; how to get a better dump.";
    "exception-record-replaced" Note dump::record_replaced, "The header's exception record was stale and the true one was used.";
    "stopped-soon-after-start" Note dump::soon_after_start, "Windows had run for less than five minutes.";
    "hypervisor-host" Note machine::host, "This Windows is a Hyper-V host.";
    "firmware-old" Note machine::firmware_old, "On a physical machine, firmware at least four years older than the stop.";
    "integration-services-behind" Warning machine::integration, "The Integration Services verdict is outdated, mixed or missing.";
    "balloon-not-giving-back" Warning chain::balloon, "A hypervisor held memory of a guest that starved: much locked by drivers, little available, more wanted.";
    "balloon-not-in-minidump" Note machine::balloon_unknown, "A minidump of a Hyper-V guest: what a kernel dump would say of Dynamic Memory.";
}

/// All that can be said of these facts, most severe and most certain first.
#[must_use]
pub fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let verdict = facts.blame();
    let facts = Facts {
        verdict: Some(&verdict),
        ..*facts
    };
    let found: Vec<Finding> = RULES.iter().filter_map(|rule| rule(&facts)).collect();
    order::by_key(found, |f| {
        // What the chain ends in goes before the links that lead to it.
        let end = u64::from(f.id != "root-cause") << 8;
        let severity = u64::from(u8::MAX) - f.severity as u64;
        (end | severity, u64::MAX - f.confidence as u64)
    })
}

/// A finding of the catalogue, without evidence and advice yet.
fn finding(
    id: &'static str,
    confidence: Confidence,
    title: impl Into<String>,
    explanation: impl Into<String>,
) -> Finding {
    let entry = CATALOGUE.iter().find(|entry| entry.id == id);
    Finding {
        id,
        severity: entry.map_or(Severity::Note, |entry| entry.severity),
        confidence,
        title: title.into(),
        explanation: explanation.into(),
        ..Finding::default()
    }
}

impl Finding {
    fn because(mut self, text: impl Into<String>, place: impl Into<String>) -> Self {
        self.evidence.push(Evidence::new(text, place));
        self
    }

    /// The steps of a family of causes that fit this machine, this driver and this status.
    fn toward(mut self, facts: &Facts<'_>, word: &str) -> Self {
        let blame = facts.blame();
        let setting = Setting {
            machine: facts.runs_on(),
            module: blame.named().map(|blame| blame.module.as_str()),
            status: in_page_status(facts),
        };
        let steps = family(word).map(|family| family.steps(&setting));
        for step in steps.unwrap_or_default() {
            if !self.advice.contains(&step) {
                self.advice.push(step);
            }
        }
        self
    }

    fn advise(mut self, steps: &[&str]) -> Self {
        self.advice.extend(steps.iter().map(|step| (*step).into()));
        self
    }
}

#[cfg(test)]
mod chain_tests;
#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;
