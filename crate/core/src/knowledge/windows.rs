//! Which Windows a build number belongs to.
//!
//! Source: Microsoft's release tables (Windows 10 and 11 release information, Windows Server
//! release information) for the public builds; the servicing builds between them carry the name
//! of the release whose branch they are on.

use alloc::{format, string::String};

/// One release: builds `first..=last`, what the workstation is called and what the server is.
struct Release {
    first: u32,
    last: u32,
    workstation: &'static str,
    server: &'static str,
}

const fn release(
    first: u32,
    last: u32,
    workstation: &'static str,
    server: &'static str,
) -> Release {
    Release {
        first,
        last,
        workstation,
        server,
    }
}

/// Sorted by build. An empty name: no such product was released of that build.
const RELEASES: &[Release] = &[
    release(2195, 2195, "Windows 2000", "Windows 2000 Server"),
    release(2600, 2600, "Windows XP", ""),
    release(3790, 3790, "Windows XP x64", "Windows Server 2003"),
    release(6000, 6000, "Windows Vista", ""),
    release(6001, 6001, "Windows Vista SP1", "Windows Server 2008"),
    release(6002, 6003, "Windows Vista SP2", "Windows Server 2008 SP2"),
    release(7600, 7600, "Windows 7", "Windows Server 2008 R2"),
    release(7601, 7601, "Windows 7 SP1", "Windows Server 2008 R2 SP1"),
    release(9200, 9200, "Windows 8", "Windows Server 2012"),
    release(9600, 9600, "Windows 8.1", "Windows Server 2012 R2"),
    release(10240, 10240, "Windows 10 version 1507", ""),
    release(10586, 10586, "Windows 10 version 1511", ""),
    release(
        14393,
        14393,
        "Windows 10 version 1607",
        "Windows Server 2016",
    ),
    release(15063, 15063, "Windows 10 version 1703", ""),
    release(
        16299,
        16299,
        "Windows 10 version 1709",
        "Windows Server, version 1709",
    ),
    release(
        17134,
        17134,
        "Windows 10 version 1803",
        "Windows Server, version 1803",
    ),
    release(
        17763,
        17763,
        "Windows 10 version 1809",
        "Windows Server 2019",
    ),
    release(
        18362,
        18362,
        "Windows 10 version 1903",
        "Windows Server, version 1903",
    ),
    release(
        18363,
        18363,
        "Windows 10 version 1909",
        "Windows Server, version 1909",
    ),
    // The kernel of 20H2 to 22H2 still says 19041: the enablement package does not replace it.
    release(
        19041,
        19045,
        "Windows 10 version 2004 to 22H2",
        "Windows Server, version 2004 or 20H2",
    ),
    release(20348, 20349, "", "Windows Server 2022"),
    release(22000, 22000, "Windows 11 version 21H2", ""),
    release(22621, 22631, "Windows 11 version 22H2 or 23H2", ""),
    release(25398, 25398, "", "Windows Server, version 23H2"),
    release(
        26100,
        26200,
        "Windows 11 version 24H2 or 25H2",
        "Windows Server 2025",
    ),
];

/// The name of Windows build `build`; `product_type` is VER_NT_* (1 workstation, 2 domain
/// controller, 3 server), and without it both names are given. A build that no table knows gives
/// the name of its family and says that it is a preview or newer than this table.
#[must_use]
pub fn name(build: u32, product_type: Option<u32>) -> Option<String> {
    let Some(found) = RELEASES
        .iter()
        .find(|r| (r.first..=r.last).contains(&build))
    else {
        return family(build).map(|family| format!("{family} (build {build})"));
    };
    let (workstation, server) = (found.workstation, found.server);
    Some(match product_type {
        Some(1) if !workstation.is_empty() => workstation.into(),
        Some(2 | 3) if !server.is_empty() => server.into(),
        _ if workstation.is_empty() => server.into(),
        _ if server.is_empty() => workstation.into(),
        _ => format!("{workstation} or {server}"),
    })
}

fn family(build: u32) -> Option<&'static str> {
    match build {
        0..2195 => None,
        2195..6000 => Some("Windows 2000 to Server 2003"),
        6000..9200 => Some("Windows Vista or 7, or their servers"),
        9200..10240 => Some("Windows 8 or 8.1, or their servers"),
        10240..22000 => Some("Windows 10 or a server of its time"),
        _ => Some("Windows 11 or a server of its time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_type_decides_between_twins() {
        let of = |build, product| name(build, product).unwrap();
        assert_eq!(of(9600, Some(1)), "Windows 8.1");
        assert_eq!(of(9600, Some(3)), "Windows Server 2012 R2");
        assert_eq!(of(9600, Some(2)), "Windows Server 2012 R2");
        assert_eq!(of(9600, None), "Windows 8.1 or Windows Server 2012 R2");
        assert_eq!(of(20348, Some(3)), "Windows Server 2022");
    }

    #[test]
    fn a_build_that_no_table_knows_names_its_family_only() {
        assert_eq!(
            name(27_000, Some(1)).unwrap(),
            "Windows 11 or a server of its time (build 27000)"
        );
        assert_eq!(name(0, None), None);
    }

    #[test]
    fn releases_are_sorted_and_do_not_overlap() {
        assert!(RELEASES.windows(2).all(|pair| pair[0].last < pair[1].first));
        assert!(
            RELEASES
                .iter()
                .all(|r| !(r.workstation.is_empty() && r.server.is_empty()))
        );
    }
}
