//! Memory that a hypervisor takes back from a running guest: Hyper-V's Dynamic Memory and the
//! balloons of other hypervisors.
//!
//! A balloon driver allocates pages inside the guest and hands them to the host. Windows keeps
//! believing in all of its memory and counts these pages as locked by drivers, so what it can use
//! is what it believes in, less those. Much locked memory is healthy in an idle guest: the
//! balloon is at fault only where little is left and much is wanted.
//!
//! Sources: the drivers' import of `MmAllocatePagesForMdlEx` (nt5-hvgen2), published measurements
//! of healthy guests (69 % locked), Microsoft's pages on Dynamic Memory (windowsserverdocs,
//! SupportArticles-docs; CC-BY-4.0). That other hypervisors' balloons are counted the same way
//! follows from what their vendors write of "Driver Locked" memory.

use super::identify::PlatformFacts;
use super::registry_values::Values;
use crate::knowledge::hypervisor::Platform as Known;
use crate::model::{Balloon, BalloonState, Confidence, Counter, Evidence, Hex, Memory};
use crate::model::{HostGeneration, HypervisorRole};
use crate::nt::ModuleList;
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

/// From which share of physical memory on locked pages are a balloon, and from which on they can
/// starve a guest: one in so many.
const BALLOON_FROM: u64 = 10;
const LARGE_FROM: u64 = 4;
/// Available memory is low below this part of what Windows believes in, below this part of what
/// it can use (a balloon leaves a guest a fifth of that, as Dynamic Memory's buffer is set), and
/// below this figure; and next to nothing below the last part of what can be used.
const LOW_PART: u64 = 20;
const LOW_USABLE_PART: u64 = 10;
const LOW_PAGES: u64 = 0x4_0000;
const NOTHING_PART: u64 = 100;
/// The balloon's setting as the host writes it into the guest's registry.
const SETTING: &str = "VirtualMachineDynamicMemoryBalancingEnabled";

/// What the judgement draws on.
#[derive(Clone, Copy, Debug)]
pub struct BalloonInputs<'a> {
    /// Counters and installed memory.
    pub memory: &'a Memory,
    /// Registry values by name.
    pub registry: &'a [(String, String)],
    /// Loaded drivers, all of them; `None` when the list could not be read.
    pub modules: Option<&'a ModuleList>,
}

/// How much memory there is, and how much is wanted. In pages of 4 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// What Windows believes in.
    pub physical: u64,
    /// What is available.
    pub available: u64,
    /// What drivers have locked, where it is counted.
    pub locked: Option<u64>,
    /// What is committed, and how much may be.
    pub committed: Option<u64>,
    /// The commit limit.
    pub limit: Option<u64>,
    /// How often memory was refused.
    pub failures: Option<u64>,
    /// Whether four fifths of the page files were in use.
    pub paging: bool,
}

/// A counter's pages.
#[must_use]
pub fn pages(counters: &BTreeMap<&'static str, Counter>, name: &str) -> Option<u64> {
    counters.get(name)?.pages.map(|Hex(pages)| pages)
}

/// How much of the page files is in use, and how large they are; `None` without any.
#[must_use]
pub fn page_files(memory: &Memory) -> Option<(u64, u64)> {
    let own = || {
        let files = memory.page_files.iter();
        files.filter(|file| file.kind == "page file")
    };
    let size = own().fold(0, |sum: u64, file| sum.saturating_add(file.size_pages.0));
    let free = own().fold(0, |sum: u64, file| sum.saturating_add(file.free_pages.0));
    (size > 0).then_some((size.saturating_sub(free), size))
}

/// What no figure accounts for, and all of physical memory: arithmetic for kernels whose counter
/// of driver-locked pages has no known place, never that counter. `None` where the counter is
/// known, or other figures are not.
#[must_use]
pub fn not_accounted(memory: &Memory) -> Option<(u64, u64)> {
    let pages = |name| pages(&memory.counters, name);
    if pages("mdl_pages").is_some() || memory.processes.is_empty() {
        return None;
    }
    let physical = pages("physical")?;
    let mut known = pages("available")?;
    for name in ["modified", "nonpaged_pool"] {
        known = known.saturating_add(pages(name)?);
    }
    for name in [
        "modified_no_write",
        "paged_pool",
        "driver_commit",
        "page_tables",
        "kernel_stacks",
    ] {
        known = known.saturating_add(pages(name).unwrap_or(0));
    }
    // Pages that processes share are counted once for each: what remains is the least.
    let sets = memory.processes.iter().filter_map(|p| p.working_set_pages);
    known = sets.fold(known, |sum, pages| sum.saturating_add(pages.0));
    Some((physical.checked_sub(known)?, physical))
}

impl Pressure {
    /// From the counters; `None` without those of physical and available memory.
    #[must_use]
    pub fn of(memory: &Memory) -> Option<Self> {
        let pages = |name| pages(&memory.counters, name);
        Some(Self {
            paging: page_files(memory).is_some_and(|(used, size)| used >= size / 10 * 8),
            physical: pages("physical").filter(|&physical| physical > 0)?,
            available: pages("available")?,
            locked: pages("mdl_pages"),
            committed: pages("committed"),
            limit: pages("commit_limit"),
            failures: pages("failed_commit_charges"),
        })
    }

    /// What Windows can use: all, less what drivers have locked.
    #[must_use]
    pub fn usable(&self) -> u64 {
        self.physical.saturating_sub(self.locked.unwrap_or(0))
    }

    /// Whether little is available.
    #[must_use]
    pub fn low(&self) -> bool {
        let part = (self.physical / LOW_PART).min(self.usable() / LOW_USABLE_PART);
        self.available < part.min(LOW_PAGES)
    }

    /// Whether commit is at 90 % of its limit or more.
    #[must_use]
    pub fn near_limit(&self) -> bool {
        let pair = self.committed.zip(self.limit);
        pair.is_some_and(|(committed, limit)| {
            limit > 0 && committed.saturating_mul(10) >= limit.saturating_mul(9)
        })
    }

    /// Whether more is wanted than there is. Locked pages may be among the committed ones, so
    /// what is committed beyond what can be used speaks only together with another sign.
    #[must_use]
    pub fn wanted(&self) -> bool {
        let committed = self.committed.unwrap_or(0);
        let nothing = self.available < self.usable() / NOTHING_PART;
        committed > self.physical
            || (committed > self.usable() && (nothing || self.paging))
            || self.failures.is_some_and(|failures| failures > 0)
            || self.near_limit()
    }

    /// Whether Windows starves.
    #[must_use]
    pub fn starving(&self) -> bool {
        self.low() && self.wanted()
    }

    /// Whether locked pages are at least one in `parts` of physical memory.
    #[must_use]
    pub fn locked_share(&self, parts: u64) -> bool {
        let locked = self.locked.unwrap_or(0);
        locked > 0 && locked >= self.physical / parts
    }

    /// Whether what drivers have locked can starve this machine.
    #[must_use]
    pub fn locked_large(&self) -> bool {
        self.locked_share(LARGE_FROM)
    }
}

/// The balloon drivers of the hypervisors that have one.
fn driver(platform: Known) -> Option<&'static str> {
    match platform {
        Known::HyperV => Some("dmvsc.sys"),
        Known::VMware => Some("vmmemctl.sys"),
        Known::Kvm => Some("balloon.sys"),
        Known::VirtualBox => Some("VBoxGuest.sys"),
        Known::Parallels => Some("prl_memdev.sys"),
        // Azure has no Dynamic Memory; the others' drivers do more than this.
        _ => None,
    }
}

/// Judges the balloon of a guest; `None` for machines that can have none, and for dumps that hold
/// no counters.
#[must_use]
pub fn balloon(facts: &PlatformFacts, inputs: &BalloonInputs<'_>) -> Option<Balloon> {
    let platform = facts.guest_of?;
    let name = driver(platform)?;
    let counters = &inputs.memory.counters;
    if !counters.contains_key("available") {
        return None;
    }
    let loaded = inputs.modules.map(|modules| {
        let is = |module: &crate::nt::Module| module.name.eq_ignore_ascii_case(name);
        modules.as_slice().iter().any(is)
    });
    let hyper_v = platform == Known::HyperV;
    let setting = Values(inputs.registry).number(SETTING).filter(|_| hyper_v);
    let setting = setting.map(|value| value != 0);
    let pressure = Pressure::of(inputs.memory);
    let (state, mut confidence, mut text) = match facts.platform.hypervisor.role {
        HypervisorRole::Nested if loaded == Some(true) && setting != Some(false) => of_nested(name),
        _ => judge(name, loaded, setting, pressure.as_ref(), hyper_v),
    };
    if state == BalloonState::NotGivingBack && hyper_v && setting.is_none() && !old_host(facts) {
        confidence = Confidence::Possible;
        text.push_str(
            " Whether Dynamic Memory is on is not in this dump, and new hosts have dmvsc.sys \
             loaded without it as well: then another driver has locked these pages.",
        );
    }
    let not_accounted = not_accounted(inputs.memory).filter(|_| loaded == Some(true));
    if let (BalloonState::Unknown, Some((rest, all))) = (state, not_accounted) {
        text.push_str(&format!(
            " By arithmetic {} of {} are in no other figure, probably locked by drivers; whether \
             the balloon holds them cannot be told.",
            size(rest),
            size(all)
        ));
    }
    let startup = inputs.memory.installed_bytes.map(|Hex(bytes)| bytes / 4096);
    let hot_added = pressure.zip(startup).and_then(|(pressure, startup)| {
        // The firmware keeps a little for itself.
        let more = pressure.physical.checked_sub(startup)?;
        (startup > 0 && more > startup / 64).then_some(Hex(more))
    });
    Some(Balloon {
        driver: name.into(),
        loaded,
        state,
        confidence: confidence.min(facts.platform.hypervisor.confidence),
        explanation: text,
        host_setting: setting,
        locked_pages: pressure.and_then(|p| p.locked).map(Hex),
        usable_pages: pressure
            .filter(|p| p.locked.is_some())
            .map(|p| Hex(p.usable())),
        hot_added_pages: hot_added,
        not_accounted_pages: not_accounted.map(|(rest, _)| Hex(rest)),
        evidence: evidence(name, loaded, setting, counters),
    })
}

/// Whether the host is of a generation that offers the balloon's device only where Dynamic Memory
/// is on; from 2016 on it also serves to change static memory while the machine runs.
fn old_host(facts: &PlatformFacts) -> bool {
    use HostGeneration::{Server2008R2, Server2012, Server2012R2};
    let hosts = facts.platform.host_generation.get(..facts.usual_hosts);
    let old = |host: &HostGeneration| matches!(host, Server2008R2 | Server2012 | Server2012R2);
    hosts.is_some_and(|hosts| !hosts.is_empty() && hosts.iter().all(old))
}

fn evidence(
    name: &str,
    loaded: Option<bool>,
    setting: Option<bool>,
    counters: &BTreeMap<&'static str, Counter>,
) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    match loaded {
        Some(true) => evidence.push(Evidence::new(
            format!("{name} is loaded."),
            "loaded modules",
        )),
        Some(false) => {
            evidence.push(Evidence::new(
                format!("{name} is not loaded."),
                "loaded modules",
            ));
        }
        None => {}
    }
    if let Some(setting) = setting {
        let word = if setting { "on" } else { "off" };
        evidence.push(Evidence::new(
            format!("The host wrote that Dynamic Memory is {word} for this machine."),
            Values::place(SETTING),
        ));
    }
    for (counter, words) in [
        ("physical", "Windows believes in"),
        ("mdl_pages", "Drivers have locked"),
        ("available", "Available are"),
    ] {
        if let Some(pages) = pages(counters, counter) {
            let source = counters.get(counter).map_or("", |counter| &counter.source);
            evidence.push(Evidence::new(format!("{words} {}.", size(pages)), source));
        }
    }
    evidence
}

/// Pages as a person would say it: `3.7 GiB`, `7 MiB`.
#[must_use]
pub fn size(pages: u64) -> String {
    const IN_GIB: u64 = 0x4_0000;
    const IN_MIB: u64 = 0x100;
    if pages >= IN_GIB {
        // Cut, not rounded, as the tables of the report are.
        let tenths = pages / 0x100 * 10 / 1024;
        return format!("{}.{} GiB", tenths / 10, tenths % 10);
    }
    match pages / IN_MIB {
        0 => format!("{} KiB", pages * 4),
        mib => format!("{mib} MiB"),
    }
}

/// A guest with virtual machines of its own: their memory is locked as well.
fn of_nested(name: &str) -> (BalloonState, Confidence, String) {
    let text = format!(
        "{name} is loaded, and this guest runs virtual machines of its own, whose memory drivers \
         have locked as well. How much of it is a balloon's cannot be told."
    );
    (BalloonState::Unknown, Confidence::Possible, text)
}

fn judge(
    name: &str,
    loaded: Option<bool>,
    setting: Option<bool>,
    pressure: Option<&Pressure>,
    hyper_v: bool,
) -> (BalloonState, Confidence, String) {
    use BalloonState as S;
    use Confidence::{Certain, Likely, Possible};
    let feature = if hyper_v {
        "Dynamic Memory"
    } else {
        "The balloon"
    };
    if setting == Some(false) {
        let text = "Dynamic Memory is off for this machine, as its host wrote. Memory that drivers \
                    have locked is not a balloon's.";
        return (S::Off, Certain, text.into());
    }
    match (loaded, setting) {
        (Some(false), Some(true)) => {
            let text = format!(
                "Dynamic Memory is on for this machine, and its driver {name} is not loaded: the \
                 host can neither take memory back in order nor give any."
            );
            return (S::Unable, Likely, text);
        }
        (Some(false), _) => {
            let text = format!("{name} is not loaded: no balloon holds memory of this machine.");
            return (S::Off, Likely, text);
        }
        (None, _) => {
            let text = "The list of drivers is not whole, so whether the balloon's driver is \
                        loaded cannot be told.";
            return (S::Unknown, Possible, text.into());
        }
        (Some(true), _) => {}
    }
    let Some((pressure, locked)) = pressure.and_then(|p| Some((p, p.locked?))) else {
        let text = format!(
            "{name} is loaded. How much memory it holds cannot be told: the counter of pages that \
             drivers have locked is not known for this kernel."
        );
        return (S::Unknown, Possible, text);
    };
    let (held, all) = (size(locked), size(pressure.physical));
    let usable = size(pressure.usable());
    if !pressure.locked_share(BALLOON_FROM) {
        let text = format!("{feature} held next to nothing: drivers have locked {held} of {all}.");
        return (S::Idle, Likely, text);
    }
    if pressure.starving() && pressure.locked_large() {
        let text = format!(
            "Drivers have locked {held} of the {all} that Windows believes in, which leaves it \
             {usable}. Memory that the host takes back from a running guest is locked like that, \
             by {name} (the balloon): with {} available and more wanted than there is, it was not \
             giving memory back.",
            size(pressure.available)
        );
        return (S::NotGivingBack, Likely, text);
    }
    let text = format!(
        "Drivers have locked {held} of {all}, the balloon's share among it. Windows can use \
         {usable} and was not short of memory through it: that is normal."
    );
    (S::InUse, Likely, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressure(available: u64, locked: u64, committed: u64) -> Pressure {
        Pressure {
            physical: 0x20_0000,
            available,
            locked: Some(locked),
            committed: Some(committed),
            limit: Some(0x30_0000),
            failures: Some(0),
            paging: false,
        }
    }

    fn state(loaded: Option<bool>, setting: Option<bool>, p: Pressure) -> BalloonState {
        judge("dmvsc.sys", loaded, setting, Some(&p), true).0
    }

    #[test]
    fn much_locked_memory_is_normal_while_enough_is_left() {
        let idle = pressure(0x3_0000, 0x16_0000, 0x8_0000);
        assert_eq!(state(Some(true), Some(true), idle), BalloonState::InUse);
        assert_eq!(
            state(Some(true), None, pressure(0x10_0000, 0x400, 1)),
            BalloonState::Idle
        );
    }

    #[test]
    fn a_balloon_starves_a_guest_only_with_little_left_and_much_wanted() {
        let starving = pressure(0x700, 0xF_0000, 0x28_0000);
        assert_eq!(
            state(Some(true), None, starving),
            BalloonState::NotGivingBack
        );
        let content = pressure(0x700, 0xF_0000, 0x8_0000);
        assert_eq!(state(Some(true), None, content), BalloonState::InUse);
        let small = pressure(0x700, 0x4_0000, 0x28_0000);
        assert_eq!(state(Some(true), None, small), BalloonState::InUse);
        // A fifth of what can be used is what the host leaves a guest on purpose.
        let buffer = pressure(0x1_8000, 0x18_0000, 0x28_0000);
        assert_eq!(state(Some(true), None, buffer), BalloonState::InUse);
    }

    #[test]
    fn committed_pages_may_be_the_balloons_own_and_need_another_sign() {
        let counted = pressure(0x5000, 0x18_0000, 0x1E_0000);
        assert_eq!(state(Some(true), None, counted), BalloonState::InUse);
        for wanted in [
            Pressure {
                paging: true,
                ..counted
            },
            Pressure {
                failures: Some(1),
                ..counted
            },
            Pressure {
                available: 0x400,
                ..counted
            },
            Pressure {
                limit: Some(0x20_0000),
                ..counted
            },
        ] {
            assert_eq!(state(Some(true), None, wanted), BalloonState::NotGivingBack);
        }
    }

    #[test]
    fn what_the_host_wrote_and_what_is_loaded_come_first() {
        let starving = pressure(0x700, 0xF_0000, 0x28_0000);
        assert_eq!(state(Some(true), Some(false), starving), BalloonState::Off);
        assert_eq!(state(Some(false), None, starving), BalloonState::Off);
        assert_eq!(
            state(Some(false), Some(true), starving),
            BalloonState::Unable
        );
        assert_eq!(state(None, Some(true), starving), BalloonState::Unknown);
    }

    #[test]
    fn sizes_are_said_as_people_say_them() {
        assert_eq!(size(1870), "7 MiB");
        assert_eq!(size(980_400), "3.7 GiB");
        assert_eq!(size(3), "12 KiB");
        assert_eq!(size(0x20_0000), "8.0 GiB");
    }
}
