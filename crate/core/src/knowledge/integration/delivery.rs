//! How Integration Services reach a guest, and which version is to be expected there.
//!
//! Source: Microsoft's lists of supported guests and of delivery channels (windowsserverdocs,
//! CC-BY-4.0), Azure's table of driver versions, and for Vista and 2008 a user's report that
//! Windows Update does not deliver there.

use super::HostVersion;
use crate::knowledge::certainty::Certainty;
use crate::knowledge::version::FileVersion;

/// The channel through which a guest gets its components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// They are part of Windows and are updated with it.
    InBox,
    /// Windows Update inside the guest.
    WindowsUpdate,
    /// Windows Update inside the guest, which asks the Data Exchange service for the host.
    WindowsUpdateWithDataExchange,
    /// The setup disk `vmguest.iso` that the host inserts.
    SetupDisk,
    /// This guest is not supported on this host.
    NotSupported,
}

/// How components reach a guest on a host, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The channel.
    pub how: How,
    /// How sure that is.
    pub certainty: Certainty,
    /// What to do, in order.
    pub steps: &'static [&'static str],
}

/// Which component versions a guest on a host should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Anything older is outdated for this host.
    pub outdated_below: FileVersion,
    /// From here on they are current; between the two an update is available.
    pub current_from: FileVersion,
    /// The newest that exists for this host.
    pub latest: FileVersion,
    /// How sure that is.
    pub certainty: Certainty,
    /// Whether files come as one package, so that uneven versions mean a half-finished setup.
    /// Otherwise uneven versions are normal.
    pub one_package: bool,
}

const IN_BOX: &[&str] = &[
    "Install the latest cumulative update for Windows in the guest: the Hyper-V drivers are part of it.",
];
const UPDATE: &[&str] = &[
    "Install all updates that Windows Update offers in the guest, the optional ones too: the Hyper-V drivers come with them.",
];
const UPDATE_WITH_DATA_EXCHANGE: &[&str] = &[
    "In the virtual machine's settings on the host, see that Data Exchange is ticked among the Integration Services.",
    "In the guest, see that the service vmickvpexchange runs; without it Windows Update does not know the host and offers nothing.",
    "Install all updates that Windows Update offers in the guest, the optional ones too, and restart.",
    "If nothing is offered, install the Integration Services package for this Windows by hand (download page KB3071740).",
];
const SETUP_DISK: &[&str] = &[
    "Install the latest updates on the host first, on a cluster on every node: its setup disk carries the newest Integration Services it has.",
    "Take a backup of the guest; a checkpoint does for the short time.",
    "Connect to the guest from Hyper-V Manager (on a cluster: Failover Cluster Manager) and choose Action, Insert Integration Services Setup Disk (vmguest.iso).",
    "In the guest, run support\\amd64\\setup.exe (support\\x86 on 32-bit Windows) from the virtual DVD and restart; then `reg query \"HKLM\\SOFTWARE\\Microsoft\\Virtual Machine\\Auto\" /v IntegrationServicesVersion` shows the new version.",
];
const OLD_ON_NEW: &[&str] = &[
    "Microsoft does not support this guest on this host. Move it to Windows Server 2012 R2 or older, or replace the guest.",
];

/// The age of a guest, as far as components are concerned, by its build number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Guest {
    /// Windows XP, Server 2003.
    Nt5,
    /// Vista, Server 2008.
    Nt60,
    /// 7, Server 2008 R2.
    Nt61,
    /// 8, Server 2012.
    Nt62,
    /// 8.1, Server 2012 R2.
    Nt63,
    /// 10, Server 2016 and newer.
    Nt10,
}

impl Guest {
    fn from_build(build: u32) -> Option<Guest> {
        match build {
            2600..=3799 => Some(Guest::Nt5),
            6000..=6003 => Some(Guest::Nt60),
            7600 | 7601 => Some(Guest::Nt61),
            9200 => Some(Guest::Nt62),
            9600 => Some(Guest::Nt63),
            10240.. => Some(Guest::Nt10),
            _ => None,
        }
    }
}

/// The newest guest for which a host carries a setup disk: none newer than the host itself, whose
/// components are older than the guest's own.
fn setup_disk(host: HostVersion) -> Option<Guest> {
    Some(match host {
        HostVersion::Server2008 => Guest::Nt60,
        HostVersion::Server2008R2 => Guest::Nt61,
        HostVersion::Server2012 => Guest::Nt62,
        HostVersion::Server2012R2 => Guest::Nt63,
        _ => return None,
    })
}

/// How components reach a guest of this build on this host. `None` for a build that is no
/// released Windows known here.
pub fn delivery(guest_build: u32, host: HostVersion) -> Option<Delivery> {
    let guest = Guest::from_build(guest_build)?;
    let of = |how, certainty, steps| Delivery {
        how,
        certainty,
        steps,
    };
    let sure = match host {
        HostVersion::Server2012 | HostVersion::Server2012R2 => Certainty::Certain,
        // Windows 8 and 8.1 hosts have a setup disk, Windows 10 and 11 have none.
        HostVersion::Client => Certainty::Possible,
        HostVersion::Azure | HostVersion::Server2008 | HostVersion::Server2008R2 => {
            Certainty::Likely
        }
        _ => Certainty::Certain,
    };
    let disk = setup_disk(host);
    let has_disk = disk.is_some();
    Some(match (guest, has_disk) {
        (Guest::Nt10, true) => of(How::InBox, sure, UPDATE),
        (Guest::Nt10, false) => of(How::InBox, Certainty::Certain, IN_BOX),
        _ if disk.is_some_and(|newest| guest > newest) => {
            of(How::WindowsUpdate, Certainty::Likely, UPDATE)
        }
        (_, true) => of(How::SetupDisk, sure, SETUP_DISK),
        (Guest::Nt63, false) => of(How::WindowsUpdate, sure, UPDATE),
        (Guest::Nt61 | Guest::Nt62, false) => of(
            How::WindowsUpdateWithDataExchange,
            sure,
            UPDATE_WITH_DATA_EXCHANGE,
        ),
        (Guest::Nt60, false) => of(
            How::WindowsUpdateWithDataExchange,
            Certainty::Possible,
            UPDATE_WITH_DATA_EXCHANGE,
        ),
        (Guest::Nt5, false) => of(How::NotSupported, sure, OLD_ON_NEW),
    })
}

/// Which component versions a guest of this build should have on this host. `None` where they
/// are part of Windows (10 and newer) or where nothing is known.
pub fn expected(guest_build: u32, host: HostVersion) -> Option<Expected> {
    let guest = Guest::from_build(guest_build)?;
    if matches!(guest, Guest::Nt10 | Guest::Nt5) {
        return None;
    }
    let v = FileVersion::new;
    let last = v(6, 3, 9600, 19456);
    let (outdated_below, current_from, latest, certainty) = match host {
        HostVersion::Server2008 => {
            let last = v(6, 0, 6002, 22233);
            (
                v(6, 0, 6001, 18016),
                v(6, 0, 6002, 18005),
                last,
                Certainty::Likely,
            )
        }
        HostVersion::Server2008R2 => {
            let first = v(6, 1, 7601, 17514);
            (first, first, first, Certainty::Likely)
        }
        HostVersion::Server2012 => {
            let first = v(6, 2, 9200, 16384);
            (first, first, v(6, 2, 9200, 21885), Certainty::Likely)
        }
        HostVersion::Server2012R2 if guest == Guest::Nt63 => (
            v(6, 3, 9600, 17415),
            v(6, 3, 9600, 18907),
            last,
            Certainty::Likely,
        ),
        HostVersion::Server2012R2 => (
            v(6, 3, 9600, 16384),
            v(6, 3, 9600, 18907),
            last,
            Certainty::Likely,
        ),
        // Azure's table asks less of 8 and 2012 than of its neighbours.
        _ if guest == Guest::Nt62 => (
            v(6, 3, 9600, 18080),
            v(6, 3, 9600, 18907),
            last,
            Certainty::Likely,
        ),
        _ => (
            v(6, 3, 9600, 18907),
            v(6, 3, 9600, 18907),
            last,
            Certainty::Likely,
        ),
    };
    let one_package = guest != Guest::Nt63 || setup_disk(host).is_some();
    // 2012 R2 and 8.1 are newer than these hosts and bring their own components.
    if guest == Guest::Nt63 && latest < v(6, 3, 9600, 16384) {
        return None;
    }
    Some(Expected {
        outdated_below,
        current_from,
        latest,
        certainty,
        one_package,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::integration::version;
    use crate::knowledge::testing::assert_presentable;

    const BUILDS: [u32; 9] = [2600, 3790, 6002, 7601, 9200, 9600, 14393, 17763, 26100];

    #[test]
    fn every_guest_on_every_host_has_an_answer_with_steps() {
        for build in BUILDS {
            for host in HostVersion::ALL {
                let found = delivery(build, host).unwrap();
                assert!(!found.steps.is_empty());
                for step in found.steps {
                    assert_presentable(host.word(), step);
                }
            }
        }
        assert_eq!(delivery(1381, HostVersion::Server2012), None);
    }

    #[test]
    fn the_setup_disk_ends_with_2012_r2() {
        let how = |build, host| delivery(build, host).unwrap().how;
        assert_eq!(how(7601, HostVersion::Server2012R2), How::SetupDisk);
        assert_eq!(
            how(7601, HostVersion::Server2016),
            How::WindowsUpdateWithDataExchange
        );
        assert_eq!(how(9600, HostVersion::Server2012R2), How::SetupDisk);
        assert_eq!(how(9600, HostVersion::Server2022), How::WindowsUpdate);
        // A host's disk is older than the components of a guest that is newer than it.
        assert_eq!(how(9600, HostVersion::Server2012), How::WindowsUpdate);
        assert_eq!(how(9200, HostVersion::Server2008R2), How::WindowsUpdate);
        assert_eq!(how(20348, HostVersion::Server2012R2), How::InBox);
        assert_eq!(how(3790, HostVersion::Server2019), How::NotSupported);
    }

    #[test]
    fn a_2008_r2_guest_with_its_first_components_is_outdated_on_2012_and_later() {
        let first = FileVersion::new(6, 1, 7601, 17514);
        for host in HostVersion::ALL {
            let outdated = expected(7601, host).is_some_and(|want| first < want.outdated_below);
            let fits = matches!(host, HostVersion::Server2008 | HostVersion::Server2008R2);
            assert_eq!(outdated, !fits, "{}", host.word());
        }
    }

    #[test]
    fn a_2012_r2_guest_with_first_release_components_is_outdated_on_its_own_host() {
        let want = expected(9600, HostVersion::Server2012R2).unwrap();
        assert!(FileVersion::new(6, 3, 9600, 16384) < want.outdated_below);
        assert!(want.one_package);
        assert!(!expected(9600, HostVersion::Server2019).unwrap().one_package);
        assert_eq!(expected(9600, HostVersion::Server2012), None);
    }

    #[test]
    fn expected_versions_are_in_order_and_exist() {
        for build in BUILDS {
            for want in HostVersion::ALL
                .into_iter()
                .filter_map(|host| expected(build, host))
            {
                assert!(want.outdated_below <= want.current_from);
                assert!(want.current_from <= want.latest);
                for known in [want.outdated_below, want.current_from, want.latest] {
                    assert!(version(known).is_some(), "{known}");
                }
            }
        }
    }
}
