//! The components that are loaded, the important ones that are not, and which version each is.

use super::verdict::Judged;
use super::{BUILD_63, FIRST_WITHOUT_PACKAGE, IntegrationInputs};
use crate::knowledge::integration::{self, GuestEvidence, Side};
use crate::knowledge::version::FileVersion;
use crate::model::{Component, ComponentStatus, Confidence, IntegrationService, Verdict};
use crate::platform::registry_values::Values;
use crate::time::{iso8601_from_unix, unix_from_filetime};
use alloc::{borrow::ToOwned, format, string::String, string::ToString, vec::Vec};

/// Most components that are listed.
const MAX_COMPONENTS: usize = 64;
/// The last Windows whose drivers carry the time of their linking; System Informer's tables show
/// rising times in drivers up to here and hashes from 15063 on.
const LAST_WITH_LINK_TIMES: u32 = 14_393;
/// 2006-01-01, before the first of all integration components.
const EARLIEST_LINK_TIME: u64 = 1_136_073_600;
/// 2040-01-01, when the dump does not say when it was made.
const LATEST_LINK_TIME: u64 = 2_208_988_800;
/// Seconds by which a clock may be wrong before a link time after the crash is disbelieved.
const CLOCK_TOLERANCE: u64 = 86_400;

/// A component that a healthy guest usually loads.
struct Usual {
    /// What it does, as the table of components calls it.
    role: &'static str,
    /// Its name where it is not loaded.
    driver: fn(build: u32) -> &'static str,
    /// Its service in the registry.
    service: &'static str,
    /// The first build that has it.
    since: u32,
}

const USUAL: [Usual; 5] = [
    Usual {
        role: "transport",
        driver: |_| "vmbus.sys",
        service: "vmbus",
        since: 6000,
    },
    Usual {
        role: "storage",
        driver: |_| "storvsc.sys",
        service: "storvsc",
        since: 6000,
    },
    Usual {
        role: "network",
        driver: |build| match build {
            FIRST_WITHOUT_PACKAGE.. => "netvsc.sys",
            BUILD_63.. => "netvsc63.sys",
            _ => "netvsc60.sys",
        },
        service: "netvsc",
        since: 6000,
    },
    Usual {
        role: "dynamic-memory",
        driver: |_| "dmvsc.sys",
        service: "dmvsc",
        since: 7601,
    },
    Usual {
        role: "mouse",
        driver: |_| "VMBusHID.sys",
        service: "VMBusHID",
        since: 6000,
    },
];

/// A version and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub version: FileVersion,
    pub confidence: Confidence,
}

/// A component with what the judgement needs of it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub component: Component,
    /// What it does, as the table of components calls it.
    pub role: &'static str,
    /// Whether it is loaded.
    pub loaded: bool,
    /// Whether its version speaks for the whole package.
    pub speaks: bool,
    pub level: Option<Level>,
    /// When it was linked, seconds since 1970, where its header holds a time.
    pub linked: Option<u64>,
}

/// Lists the components, loaded ones first and in load order.
pub(super) fn collect(inputs: &IntegrationInputs<'_>) -> Vec<Found> {
    let Some(modules) = inputs.modules else {
        return Vec::new();
    };
    let mut found: Vec<Found> = Vec::new();
    for module in modules.as_slice() {
        let Some(known) = integration::component(&module.name) else {
            continue;
        };
        let of_guest = known.side == Side::Guest || known.role == "sockets";
        let twice = found
            .iter()
            .any(|f| f.component.driver.eq_ignore_ascii_case(&module.name));
        if !of_guest || twice || found.len() >= MAX_COMPONENTS {
            continue;
        }
        let level = level(inputs, &module.name, module.timestamp);
        let linked = link_time(inputs, module.timestamp);
        let copy = module.name.to_ascii_lowercase().starts_with("dump_");
        found.push(Found {
            component: Component {
                driver: module.name.clone(),
                purpose: known.purpose.into(),
                version: shown(level),
                built: linked.and_then(iso8601_from_unix),
                identity: module
                    .timestamp
                    .filter(|_| linked.is_none() && level.is_none())
                    .map(|stamp| format!("{stamp:08X}-{:x}", module.size)),
                signature: Some("unknown".into()),
                status: ComponentStatus::Unknown,
            },
            role: known.role,
            loaded: true,
            speaks: !copy
                && (matches!(
                    known.evidence,
                    GuestEvidence::Transport | GuestEvidence::Synthetic
                ) || known.role == "storage-filter"),
            level,
            linked,
        });
    }
    add_absent(inputs, &mut found);
    found
}

/// Adds the usual components that are not loaded.
fn add_absent(inputs: &IntegrationInputs<'_>, found: &mut Vec<Found>) {
    let Some(build) = inputs.build else {
        return;
    };
    for usual in &USUAL {
        if build < usual.since || found.iter().any(|f| f.role == usual.role) {
            continue;
        }
        let driver = (usual.driver)(build);
        let purpose = integration::component(driver).map_or("", |known| known.purpose);
        found.push(Found {
            component: Component {
                driver: driver.into(),
                purpose: purpose.into(),
                status: absent_status(inputs, usual),
                ..Component::default()
            },
            role: usual.role,
            loaded: false,
            speaks: false,
            level: None,
            linked: None,
        });
    }
}

/// Not loaded, or missing where that is proven: the whole list of services lacks it, or Dynamic
/// Memory is on and its driver is not there.
fn absent_status(inputs: &IntegrationInputs<'_>, usual: &Usual) -> ComponentStatus {
    let no_service = inputs.services.is_some_and(|services| {
        !services
            .iter()
            .any(|name| name.eq_ignore_ascii_case(usual.service))
    });
    let wanted = usual.role == "dynamic-memory" && inputs.dynamic_memory() == Some(true);
    match no_service || wanted {
        true => ComponentStatus::Missing,
        false => ComponentStatus::NotLoaded,
    }
}

/// When the file was linked, seconds since 1970, where its header holds a time.
fn link_time(inputs: &IntegrationInputs<'_>, timestamp: Option<u32>) -> Option<u64> {
    let time = u64::from(timestamp?);
    let latest = inputs
        .crash_time
        .and_then(unix_from_filetime)
        .map_or(LATEST_LINK_TIME, |crash| {
            crash.saturating_add(CLOCK_TOLERANCE)
        });
    let dated = inputs.build? <= LAST_WITH_LINK_TIMES;
    (dated && (EARLIEST_LINK_TIME..=latest).contains(&time)).then_some(time)
}

/// The version of a file: from its resource, else from when it was linked. The second only up to
/// 9600: Windows 10 linked drivers of its own in the same months.
fn level(inputs: &IntegrationInputs<'_>, name: &str, timestamp: Option<u32>) -> Option<Level> {
    let resource = inputs
        .versions
        .iter()
        .find(|(file, _)| file.eq_ignore_ascii_case(name))
        .and_then(|(_, version)| FileVersion::parse(version));
    if let Some(version) = resource {
        return Some(Level {
            version,
            confidence: Confidence::Certain,
        });
    }
    if inputs.build? > BUILD_63 {
        return None;
    }
    let time = u32::try_from(link_time(inputs, timestamp)?).ok()?;
    let known = integration::version_from_link_time(time)?;
    Some(Level {
        version: known.version,
        confidence: known.link_certainty.into(),
    })
}

/// A version as the report shows it: one that is only near is not shown.
fn shown(level: Option<Level>) -> Option<String> {
    level
        .filter(|level| level.confidence > Confidence::Possible)
        .map(|level| level.version.to_string())
}

/// The services of user mode, where it is known of each whether the registry has it.
pub(super) fn services(inputs: &IntegrationInputs<'_>) -> Vec<IntegrationService> {
    let Some(there) = inputs.services else {
        return Vec::new();
    };
    let service = |known: integration::Service| IntegrationService {
        name: known.name.into(),
        purpose: known.purpose.into(),
        present: there
            .iter()
            .any(|name| name.eq_ignore_ascii_case(known.name)),
        start: start(inputs, known.name).map(Into::into),
    };
    // A service that came with a later Windows is not missing from this one.
    let build = inputs.build.unwrap_or(u32::MAX);
    let fits = |known: &integration::Service| known.since <= build;
    let all = integration::services().map(|known| (fits(&known), service(known)));
    all.filter_map(|(fits, found)| (fits || found.present).then_some(found))
        .collect()
}

/// How a service starts, by its value Start (SERVICE_AUTO_START, _DEMAND_START, _DISABLED).
pub(super) fn start(inputs: &IntegrationInputs<'_>, service: &str) -> Option<&'static str> {
    let path = format!("SYSTEM\\CurrentControlSet\\Services\\{service}\\Start");
    let found = inputs.registry.iter().find(|(name, _)| *name == path);
    match Values(core::slice::from_ref(found?)).number("Start")? {
        2 => Some("automatic"),
        3 => Some("manual"),
        4 => Some("disabled"),
        _ => None,
    }
}

/// Sets the status of the loaded components, now that the whole set is judged.
pub(super) fn set_status(found: &mut [Found], inputs: &IntegrationInputs<'_>, judged: &Judged) {
    let build = inputs.build.unwrap_or(0);
    for f in found.iter_mut().filter(|f| f.loaded) {
        f.component.status = if build >= FIRST_WITHOUT_PACKAGE {
            ComponentStatus::InBox
        } else {
            match f.level {
                Some(level) => status(level, build, judged),
                None => ComponentStatus::Unknown,
            }
        };
    }
}

fn status(level: Level, build: u32, judged: &Judged) -> ComponentStatus {
    let Some((outdated_below, current_from)) = judged.bounds else {
        return ComponentStatus::Unknown;
    };
    if level.version >= current_from {
        ComponentStatus::Current
    } else if build >= BUILD_63 && judged.verdict != Verdict::Outdated {
        // Updates of Windows replace only what changed.
        ComponentStatus::InBox
    } else if level.version < outdated_below || judged.verdict == Verdict::Outdated {
        ComponentStatus::Outdated
    } else {
        ComponentStatus::Unknown
    }
}

/// Names of the components with a status, for a sentence.
pub(super) fn names_of(found: &[Found], status: ComponentStatus) -> Vec<String> {
    found
        .iter()
        .filter(|f| f.component.status == status)
        .map(|f| f.component.driver.to_owned())
        .collect()
}
