//! Families of causes: what helps against a stop depends less on its code than on whether memory, a
//! disk, a driver or the host is behind it. Each family has what to look at, what is different in a
//! virtual machine, and steps with the command to type and what its answer means.
//!
//! Source of commands and event numbers: Microsoft's documentation, named at the top of
//! `crate/core/data/family.txt`; the sentences are this project's. `docs/knowledge.md` has the
//! grammar.

use super::store::Table;
use super::text;
use alloc::{string::String, vec::Vec};

/// What stands in a step for the driver that the findings name.
const MODULE: &str = "{module}";

/// One family of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Its word in the tables.
    pub word: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What to look at in a dump.
    pub next: &'static str,
    /// What is different in a virtual machine.
    pub guest: &'static str,
    lines: &'static str,
}

/// On what the machine that stopped runs, as far as that matters for advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// On hardware of its own.
    Physical,
    /// On a hypervisor.
    Guest,
    /// On Hyper-V.
    HyperVGuest,
    /// On VMware.
    VmwareGuest,
    /// On KVM (QEMU, Proxmox, Nutanix and others).
    KvmGuest,
    /// In somebody's cloud: its host is out of reach.
    CloudGuest,
    /// It is not known.
    Unknown,
}

/// What advice is chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting<'a> {
    /// What the machine is.
    pub machine: Machine,
    /// The driver that is named: a step that needs its name is left out when there is none.
    pub module: Option<&'a str>,
    /// The status with which something failed: some steps are only for some of these.
    pub status: Option<u32>,
}

impl Setting<'_> {
    /// Nothing is known.
    pub const UNKNOWN: Setting<'static> = Setting {
        machine: Machine::Unknown,
        module: None,
        status: None,
    };

    /// Whether a step with that mark is for this setting.
    fn asks_for(&self, mark: &str) -> bool {
        use Machine::{CloudGuest, Guest, HyperVGuest, KvmGuest, Physical, Unknown, VmwareGuest};
        match mark {
            "-" => true,
            "-p" => matches!(self.machine, Physical | Unknown),
            "-g" => matches!(self.machine, Guest | HyperVGuest | VmwareGuest | KvmGuest),
            "-h" => self.machine == HyperVGuest,
            "-v" => self.machine == VmwareGuest,
            "-k" => self.machine == KvmGuest,
            "-c" => self.machine == CloudGuest,
            "-n" => self.module.is_none(),
            _ => match (mark.strip_prefix('-'), self.status) {
                (Some(list), Some(status)) => list
                    .split(',')
                    .any(|one| text::hex(one) == Some(u64::from(status))),
                _ => false,
            },
        }
    }
}

/// The family of that word.
#[must_use]
pub fn family(word: &str) -> Option<Family> {
    all().find(|family| family.word == word)
}

/// Every family, by word.
pub fn all() -> impl Iterator<Item = Family> {
    let mut rest = Table::Family.text();
    core::iter::from_fn(move || {
        loop {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            if line.starts_with(['#', ' ']) || line.is_empty() {
                continue;
            }
            let length = rest
                .split_inclusive('\n')
                .take_while(|line| line.starts_with(' '))
                .map(str::len)
                .sum();
            let (lines, after) = rest.split_at_checked(length)?;
            rest = after;
            let (word, title) = text::word(line);
            let find = |mark| {
                let mut marked = lines.lines().map(text::word).filter(|(m, _)| *m == mark);
                marked.next().map_or("", |(_, text)| text)
            };
            return Some(Family {
                word,
                title,
                next: find(">"),
                guest: find("~"),
                lines,
            });
        }
    })
}

impl Family {
    /// The steps to take in that setting.
    #[must_use]
    pub fn steps(&self, setting: &Setting<'_>) -> Vec<String> {
        let all = self.lines.lines().map(text::word);
        all.filter(|(mark, _)| setting.asks_for(mark))
            .filter_map(|(_, step)| match (step.contains(MODULE), setting.module) {
                (false, _) => Some(step.into()),
                (true, Some(module)) => Some(step.replace(MODULE, module)),
                (true, None) => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::testing::assert_presentable;

    fn on(machine: Machine) -> Setting<'static> {
        Setting {
            machine,
            ..Setting::UNKNOWN
        }
    }

    #[test]
    fn every_family_is_whole_and_they_stand_in_order() {
        let mut last = "";
        let mut count = 0;
        for family in all() {
            assert!(last < family.word, "{} is out of order", family.word);
            for text in [family.title, family.next, family.guest] {
                assert_presentable(family.word, text);
            }
            for line in family.lines.lines() {
                let (mark, text) = text::word(line);
                let listed = mark.strip_prefix('-').is_some_and(|list| {
                    list.split(',')
                        .all(|one| one.len() == 8 && text::hex(one).is_some())
                });
                let known = [">", "~", "-", "-p", "-g", "-h", "-v", "-k", "-c", "-n"];
                let known = known.contains(&mark);
                assert!(known || listed, "{}: {line}", family.word);
                assert_presentable(family.word, text);
            }
            for machine in [
                Machine::Physical,
                Machine::Guest,
                Machine::HyperVGuest,
                Machine::VmwareGuest,
                Machine::KvmGuest,
                Machine::CloudGuest,
            ] {
                let steps = family.steps(&on(machine));
                assert!(!steps.is_empty(), "{} {machine:?}", family.word);
            }
            let named = Setting {
                module: Some("x.sys"),
                ..on(Machine::Physical)
            };
            let commands = |step: &String| step.contains('`');
            assert!(family.steps(&named).iter().any(commands), "{}", family.word);
            last = family.word;
            count += 1;
        }
        assert!(count >= 20);
    }

    #[test]
    fn a_guest_is_told_of_its_host_and_a_physical_machine_of_its_cables() {
        let storage = family("storage").unwrap();
        let guest = storage.steps(&on(Machine::HyperVGuest)).join("\n");
        let physical = storage.steps(&on(Machine::Physical)).join("\n");
        assert!(guest.contains("On the host") && !guest.contains("cable"));
        assert!(physical.contains("cable") && !physical.contains("On the host"));
    }

    #[test]
    fn steps_fit_the_platform_and_a_cloud_has_no_host_to_look_at() {
        let steps = |word, machine| family(word).unwrap().steps(&on(machine)).join("\n");
        assert!(steps("storage", Machine::VmwareGuest).contains("vmkernel"));
        assert!(steps("storage", Machine::KvmGuest).contains("virsh"));
        assert!(!steps("storage", Machine::KvmGuest).contains("vmkernel"));
        assert!(!steps("storage", Machine::VmwareGuest).contains("StorageVSP"));
        for family in all() {
            let cloud = family.steps(&on(Machine::CloudGuest)).join("\n");
            assert!(!cloud.contains("On the host"), "{}: {cloud}", family.word);
        }
        assert!(steps("storage", Machine::CloudGuest).contains("provider"));
    }

    #[test]
    fn a_step_about_a_driver_names_it_or_is_left_out() {
        let driver = family("driver").unwrap();
        let named = driver.steps(&Setting {
            module: Some("acme.sys"),
            ..Setting::UNKNOWN
        });
        let nobody = driver.steps(&Setting::UNKNOWN);
        assert!(named.iter().any(|step| step.contains("acme.sys")));
        assert!(!nobody.iter().any(|step| step.contains('{')));
        assert!(nobody[0].contains("Nobody is named") && !named[0].contains("Nobody"));
    }

    #[test]
    fn a_status_brings_the_step_that_is_for_it_alone() {
        let steps = |status| {
            let storage = family("storage").unwrap();
            storage.steps(&Setting {
                status,
                ..on(Machine::Physical)
            })
        };
        assert!(steps(Some(0xC000_009C))[0].contains("bad block"));
        assert!(steps(Some(0xC000_000E))[0].contains("while it was in use"));
        assert!(!steps(None).join("").contains("while it was in use"));
    }
}
