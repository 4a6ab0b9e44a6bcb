//! Hyper-V's Integration Services: the drivers and services inside a guest that let it work with
//! its host, which versions of them exist, how they reach a guest, and what the virtual firmware
//! tells about the host.
//!
//! Sources: Microsoft's pages on Integration Services and supported guests (windowsserverdocs,
//! Virtualization-Documentation, SupportArticles-docs, azure-docs; CC-BY-4.0), and public boot
//! logs in which firmware line and host build stand together. Each row says how sure it is.

mod delivery;
mod firmware;
mod versions;

pub use delivery::{Delivery, Expected, How, delivery, expected};
pub use firmware::{
    HostGuess, day_from_acpi_revision, host_from_hypervisor_build, host_from_kvp, hosts_for_gen1,
    hosts_for_gen2,
};
pub use versions::{
    IntegrationVersion, latest_for_guest, version, version_from_link_time, versions,
};

use super::certainty::Certainty;
use super::text;
use crate::knowledge::store::Table;

/// Windows versions that can be the host, as far as their guests can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostVersion {
    /// Windows Server 2008.
    Server2008,
    /// Windows Server 2008 R2, with or without SP1.
    Server2008R2,
    /// Windows Server 2012.
    Server2012,
    /// Windows Server 2012 R2.
    Server2012R2,
    /// Windows Server 2016.
    Server2016,
    /// Windows Server 2019.
    Server2019,
    /// Windows Server 2022.
    Server2022,
    /// Windows Server 2025.
    Server2025,
    /// Microsoft Azure.
    Azure,
    /// A client: Windows 8 to 11.
    Client,
}

impl HostVersion {
    /// Every value, in the order of release.
    pub const ALL: [HostVersion; 10] = [
        HostVersion::Server2008,
        HostVersion::Server2008R2,
        HostVersion::Server2012,
        HostVersion::Server2012R2,
        HostVersion::Server2016,
        HostVersion::Server2019,
        HostVersion::Server2022,
        HostVersion::Server2025,
        HostVersion::Azure,
        HostVersion::Client,
    ];

    /// The word in reports (`platform.host_generation`) and data files.
    pub fn word(self) -> &'static str {
        match self {
            HostVersion::Server2008 => "2008",
            HostVersion::Server2008R2 => "2008-r2",
            HostVersion::Server2012 => "2012",
            HostVersion::Server2012R2 => "2012-r2",
            HostVersion::Server2016 => "2016",
            HostVersion::Server2019 => "2019",
            HostVersion::Server2022 => "2022",
            HostVersion::Server2025 => "2025",
            HostVersion::Azure => "azure",
            HostVersion::Client => "client",
        }
    }

    /// As a person would say it.
    pub fn title(self) -> &'static str {
        match self {
            HostVersion::Server2008 => "Windows Server 2008",
            HostVersion::Server2008R2 => "Windows Server 2008 R2",
            HostVersion::Server2012 => "Windows Server 2012",
            HostVersion::Server2012R2 => "Windows Server 2012 R2",
            HostVersion::Server2016 => "Windows Server 2016",
            HostVersion::Server2019 => "Windows Server 2019",
            HostVersion::Server2022 => "Windows Server 2022",
            HostVersion::Server2025 => "Windows Server 2025",
            HostVersion::Azure => "Azure",
            HostVersion::Client => "a Windows client",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<HostVersion> {
        HostVersion::ALL
            .into_iter()
            .find(|host| host.word() == word)
    }
}

/// Which side of the virtual machine boundary a component works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Inside the virtual machine.
    Guest,
    /// On the machine that runs virtual machines.
    Host,
    /// On both.
    Either,
}

/// What a loaded component says about this machine being a Hyper-V guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestEvidence {
    /// The channel to the host: proves a guest together with a [`GuestEvidence::Synthetic`] one.
    Transport,
    /// The driver of a virtual device.
    Synthetic,
    /// Also loaded elsewhere; proves nothing.
    Weak,
    /// No sign at all.
    None,
}

/// A driver or service binary of Hyper-V.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// File name, lower case.
    pub file: &'static str,
    /// What part it plays, a single word (`storage`, `dynamic-memory`, `transport`, …).
    pub role: &'static str,
    /// Where it works.
    pub side: Side,
    /// What its presence among the loaded drivers says.
    pub evidence: GuestEvidence,
    /// Since which Windows.
    pub since: &'static str,
    /// How sure this row is.
    pub certainty: Certainty,
    /// What it is for, in plain words.
    pub purpose: &'static str,
}

/// A user-mode integration service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Name of the service.
    pub name: &'static str,
    /// The first build whose Integration Services have it; 0 for those that have it on any guest.
    pub since: u32,
    /// What it does.
    pub purpose: &'static str,
    /// What does not work while it is stopped.
    pub when_stopped: &'static str,
}

/// The component behind a driver's file name or path, in any mix of upper and lower case.
pub fn component(name: &str) -> Option<Component> {
    // Each driver of a dump is looked up several times.
    let name = text::file_name(name);
    let wanted = || name.bytes().map(|byte| byte.to_ascii_lowercase());
    text::search(Table::Components.text(), |line| {
        text::files(line).bytes().cmp(wanted())
    })
    .and_then(read_component)
}

/// All components, sorted by file name.
pub fn components() -> impl Iterator<Item = Component> {
    text::lines(Table::Components.text()).filter_map(read_component)
}

fn read_component(line: &'static str) -> Option<Component> {
    let mut column = text::columns(line);
    let found = Component {
        file: column.next()?,
        role: column.next()?,
        side: match column.next()? {
            "guest" => Side::Guest,
            "host" => Side::Host,
            "either" => Side::Either,
            _ => return None,
        },
        evidence: match column.next()? {
            "transport" => GuestEvidence::Transport,
            "synthetic" => GuestEvidence::Synthetic,
            "weak" => GuestEvidence::Weak,
            "none" => GuestEvidence::None,
            _ => return None,
        },
        since: column.next()?,
        certainty: Certainty::from_word(column.next()?)?,
        purpose: column.next()?,
    };
    column.next().is_none().then_some(found)
}

/// Whether the loaded drivers prove a Hyper-V guest: the channel to the host and at least one
/// virtual device on it. Neither the storage filter `vmstorfl.sys` nor the hypercall libraries
/// count: Windows loads them elsewhere too.
pub fn drivers_prove_guest<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    let (mut transport, mut synthetic) = (false, false);
    for found in names.into_iter().filter_map(component) {
        transport |= found.evidence == GuestEvidence::Transport;
        synthetic |= found.evidence == GuestEvidence::Synthetic;
    }
    transport && synthetic
}

/// A user-mode integration service by its name.
pub fn service(name: &str) -> Option<Service> {
    services().find(|service| service.name.eq_ignore_ascii_case(name))
}

/// All user-mode integration services, sorted by name.
pub fn services() -> impl Iterator<Item = Service> {
    text::lines(Table::Services.text()).filter_map(|line| {
        let mut column = text::columns(line);
        let found = Service {
            name: column.next()?,
            since: column.next()?.parse().ok()?,
            purpose: column.next()?,
            when_stopped: column.next()?,
        };
        column.next().is_none().then_some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::testing::assert_presentable;

    #[test]
    fn every_component_line_is_read_sorted_and_no_file_stands_twice() {
        assert_eq!(
            components().count(),
            text::lines(Table::Components.text()).count()
        );
        let mut last = "";
        for found in components() {
            assert!(last < found.file, "{} is out of order", found.file);
            last = found.file;
            assert_eq!(found.file, found.file.to_ascii_lowercase());
            assert_eq!(component(found.file), Some(found));
            assert_presentable(found.file, found.purpose);
            assert_presentable(found.file, found.role);
            assert_presentable(found.file, found.since);
        }
    }

    #[test]
    fn every_service_line_is_read_sorted_and_presentable() {
        assert_eq!(
            services().count(),
            text::lines(Table::Services.text()).count()
        );
        let names: alloc::vec::Vec<_> = services().map(|service| service.name).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        for found in services() {
            assert_presentable(found.name, found.purpose);
            assert_presentable(found.name, found.when_stopped);
            assert_eq!(service(found.name), Some(found));
        }
    }

    #[test]
    fn a_component_is_found_by_path_in_any_case() {
        let found = component(r"\SystemRoot\System32\drivers\DMVSC.SYS").unwrap();
        assert_eq!((found.role, found.side), ("dynamic-memory", Side::Guest));
        assert!(component("ntfs.sys").is_none());
    }

    #[test]
    fn channel_and_virtual_disk_together_prove_a_guest() {
        assert!(drivers_prove_guest([
            "ntoskrnl.exe",
            "vmbus.sys",
            "storvsc.sys"
        ]));
        assert!(drivers_prove_guest(["VMBus.sys", "dump_storvsc.sys"]));
    }

    #[test]
    fn the_storage_filter_on_a_vmware_guest_proves_nothing() {
        assert!(!drivers_prove_guest([
            "vmstorfl.sys",
            "vmci.sys",
            "dump_lsi_sas.sys"
        ]));
        assert!(!drivers_prove_guest([
            "vmbus.sys",
            "vmstorfl.sys",
            "s3cap.sys",
            "winhv.sys"
        ]));
    }

    #[test]
    fn a_machine_that_runs_virtual_machines_is_not_taken_for_a_guest() {
        let host = [
            "vmbusr.sys",
            "storvsp.sys",
            "vpcivsp.sys",
            "vmsproxy.sys",
            "vid.sys",
        ];
        assert!(!drivers_prove_guest(host));
        assert!(
            host.iter()
                .all(|name| component(name).unwrap().side == Side::Host)
        );
    }

    #[test]
    fn host_words_are_those_of_the_report() {
        let words = HostVersion::ALL.map(HostVersion::word);
        let expected = [
            "2008", "2008-r2", "2012", "2012-r2", "2016", "2019", "2022", "2025", "azure", "client",
        ];
        assert_eq!(words, expected);
        for host in HostVersion::ALL {
            assert_eq!(HostVersion::from_word(host.word()), Some(host));
        }
    }
}
