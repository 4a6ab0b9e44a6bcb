//! The judgement on the whole set of components.

use super::components::{self, Found, Level, names_of};
use super::{BUILD_63, FIRST_WITHOUT_PACKAGE, IntegrationInputs};
use crate::knowledge::integration::{self, Expected, HostVersion};
use crate::knowledge::version::FileVersion;
use crate::model::{ComponentStatus, Confidence, HostGeneration, Verdict};
use crate::platform::identify::PlatformFacts;
use crate::platform::registry_values::Values;
use alloc::{format, string::String, string::ToString, vec, vec::Vec};

/// How many files have to agree before "all of them are old" is more than possible.
const ENOUGH_FILES: usize = 3;

/// The service through which host and guest learn of each other.
const DATA_EXCHANGE: &str = "vmickvpexchange";

/// The judgement.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    pub verdict: Verdict,
    pub confidence: Confidence,
    pub installed: Option<String>,
    pub expected: Option<String>,
    /// Sentences.
    pub explanation: Vec<String>,
    /// Anything older than the first is outdated, anything from the second on current.
    pub bounds: Option<(FileVersion, FileVersion)>,
}

/// Which level is installed.
enum Installed {
    /// Nothing says.
    Unknown,
    /// One level, or the newest file of it.
    One(Level),
    /// Files of different packages, oldest and newest, and how sure that is.
    Several(FileVersion, FileVersion, Confidence),
    /// Some files are surely of the first level, others may be of the second.
    Unclear(FileVersion, FileVersion),
}

/// What a level is to one host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Outdated,
    /// It fits the host as released; the host's updates brought a newer one.
    Between,
    Current,
}

/// Judges the components of a guest.
pub(super) fn judge(
    facts: &PlatformFacts,
    inputs: &IntegrationInputs<'_>,
    found: &[Found],
) -> Judged {
    let installed = installed(inputs, found);
    let wants = wants(facts, inputs);
    let mut judged = Judged {
        installed: match installed {
            Installed::One(level) => Some(level.version.to_string()),
            Installed::Several(low, high, _) => Some(format!("{low} and {high}")),
            Installed::Unknown | Installed::Unclear(..) => None,
        },
        expected: expected(&wants),
        bounds: bounds(&wants),
        ..Judged::default()
    };
    let certain = facts.platform.hypervisor.confidence;
    let (verdict, confidence, sentences) =
        if let Some((confidence, why)) = missing(facts, inputs, found) {
            (Verdict::Missing, confidence, vec![why])
        } else {
            match inputs.build {
                None => (
                    Verdict::Unknown,
                    Confidence::Possible,
                    vec![
                        "Which Windows this is was not recorded, and so not what it should have."
                            .into(),
                    ],
                ),
                Some(FIRST_WITHOUT_PACKAGE..) => (
                    Verdict::InBox,
                    certain,
                    vec![
                    "The integration components of this Windows are part of it and are updated \
                     with it; there is nothing to install from the host."
                        .into(),
                ],
                ),
                Some(build) => by_level(facts, build, &installed, &wants),
            }
        };
    judged.verdict = verdict;
    judged.confidence = confidence.min(certain);
    judged.explanation = sentences;
    judged.explanation.extend(more(inputs, found, &judged));
    judged
}

/// Whether components are proven to be missing.
fn missing(
    facts: &PlatformFacts,
    inputs: &IntegrationInputs<'_>,
    found: &[Found],
) -> Option<(Confidence, String)> {
    let gone = |role: &str| {
        found
            .iter()
            .any(|f| f.role == role && f.component.status == ComponentStatus::Missing)
    };
    if gone("transport") {
        return Some((
            Confidence::Certain,
            "The list of services has no vmbus: the Integration Services are not installed.".into(),
        ));
    }
    if gone("dynamic-memory") && inputs.dynamic_memory() == Some(true) {
        return Some((
            Confidence::Likely,
            "The host has Dynamic Memory switched on for this virtual machine, and its driver \
             dmvsc.sys is not loaded: the host cannot take memory back in order, nor give any."
                .into(),
        ));
    }
    // The storage filter loads without Hyper-V as well.
    let at_work = |f: &Found| f.loaded && f.speaks && f.role != "storage-filter";
    let none = inputs.modules.is_some() && !found.iter().any(at_work);
    let sure = facts.platform.hypervisor.confidence == Confidence::Certain;
    (none && sure && inputs.build.is_some()).then(|| {
        (
            Confidence::Likely,
            "Not one driver of Hyper-V's virtual devices is loaded: this Windows ran on emulated \
             devices, without the Integration Services."
                .into(),
        )
    })
}

/// Which level is installed: what Windows itself recorded and what its files say. Files that are
/// surely of another package are at work whatever was recorded, and an update of Windows replaces
/// files without recording it.
fn installed(inputs: &IntegrationInputs<'_>, found: &[Found]) -> Installed {
    let files = match inputs.build {
        Some(..BUILD_63) => of_package(found),
        Some(BUILD_63) => of_windows(found),
        _ => Installed::Unknown,
    };
    let recorded = Values(inputs.registry)
        .text("IntegrationServicesVersion")
        .and_then(FileVersion::parse);
    let Some(version) = recorded else {
        return files;
    };
    let recorded = Level {
        version,
        confidence: Confidence::Certain,
    };
    match files {
        Installed::Several(..) => files,
        Installed::One(level) if level.confidence > Confidence::Possible => {
            let package = inputs.build.is_some_and(|build| build < BUILD_63);
            if package && family(level.version) != family(version) {
                let (low, high) = (level.version.min(version), level.version.max(version));
                // Link times are near, version resources sure.
                let sure = match level.confidence {
                    Confidence::Certain => Confidence::Likely,
                    _ => Confidence::Possible,
                };
                Installed::Several(low, high, sure)
            } else if level.version > version {
                files
            } else {
                Installed::One(recorded)
            }
        }
        _ => Installed::One(recorded),
    }
}

/// What files of one package have in common.
fn family(version: FileVersion) -> (u16, u16, u16) {
    (version.major, version.minor, version.build)
}

/// Up to Windows 8 and Server 2012 all files come in one package.
fn of_package(found: &[Found]) -> Installed {
    let levels = || found.iter().filter(|f| f.speaks).filter_map(|f| f.level);
    let sure = || levels().filter(|level| level.confidence > Confidence::Possible);
    let (oldest, newest) = (
        sure().map(|l| l.version).min(),
        sure().map(|l| l.version).max(),
    );
    let maybe = levels().max_by_key(|level| level.version);
    match (oldest.zip(newest), maybe) {
        (Some((low, high)), _) if family(low) != family(high) => {
            Installed::Several(low, high, Confidence::Likely)
        }
        // A window of months may also hold an update of Windows' own old driver.
        (Some((_, high)), Some(maybe)) if family(maybe.version) != family(high) => {
            Installed::Unclear(high, maybe.version)
        }
        (Some((_, high)), _) => Installed::One(Level {
            version: high,
            confidence: sure()
                .filter(|level| level.version == high)
                .map(|level| level.confidence)
                .max()
                .unwrap_or_default(),
        }),
        (None, Some(level)) => Installed::One(level),
        (None, None) => Installed::Unknown,
    }
}

/// Windows 8.1 and Server 2012 R2: updates replace only what changed, so the newest file tells.
fn of_windows(found: &[Found]) -> Installed {
    let files: Vec<Level> = found
        .iter()
        .filter(|f| f.speaks)
        .filter_map(|f| f.level.or_else(|| f.linked.and_then(not_older_than)))
        .collect();
    let Some(newest) = files.iter().copied().max_by_key(|level| level.version) else {
        return Installed::Unknown;
    };
    let confidence = match files.len() >= ENOUGH_FILES {
        true => newest.confidence,
        false => Confidence::Possible,
    };
    Installed::One(Level {
        confidence,
        ..newest
    })
}

/// The newest version of 2012 R2 that was linked before `time`; a file of that time is no older.
fn not_older_than(time: u64) -> Option<Level> {
    integration::versions()
        .filter(|known| (known.version.major, known.version.build) == (6, 9600))
        .filter(|known| known.linked.is_some_and(|(_, end)| u64::from(end) <= time))
        .map(|known| known.version)
        .max()
        .map(|version| Level {
            version,
            confidence: Confidence::Possible,
        })
}

/// What each possible host calls for, the usual hosts first.
fn wants(facts: &PlatformFacts, inputs: &IntegrationInputs<'_>) -> Vec<(HostVersion, Expected)> {
    let Some(build) = inputs.build else {
        return Vec::new();
    };
    let hosts = facts.platform.host_generation.iter().copied();
    hosts
        .map(host_version)
        .filter_map(|host| Some((host, want(build, stands_for(facts, host))?)))
        .collect()
}

/// The server release whose rules hold for a host. Where the host itself said that it is of the
/// age of 2012 or 2012 R2, a client is Windows 8 or 8.1, which brings a setup disk as those do.
pub(super) fn stands_for(facts: &PlatformFacts, host: HostVersion) -> HostVersion {
    match (host, facts.host_version) {
        (HostVersion::Client, Some((6, 2))) => HostVersion::Server2012,
        (HostVersion::Client, Some((6, 3))) => HostVersion::Server2012R2,
        _ => host,
    }
}

/// What one host calls for. A guest that is newer than its host brings its own components, which
/// Windows Update keeps current as on a host of its own age.
fn want(build: u32, host: HostVersion) -> Option<Expected> {
    integration::expected(build, host).or_else(|| match build {
        BUILD_63 => integration::expected(build, HostVersion::Server2012R2),
        _ => None,
    })
}

/// The table's word for a host.
pub(super) fn host_version(host: HostGeneration) -> HostVersion {
    match host {
        HostGeneration::Server2008 => HostVersion::Server2008,
        HostGeneration::Server2008R2 => HostVersion::Server2008R2,
        HostGeneration::Server2012 => HostVersion::Server2012,
        HostGeneration::Server2012R2 => HostVersion::Server2012R2,
        HostGeneration::Server2016 => HostVersion::Server2016,
        HostGeneration::Server2019 => HostVersion::Server2019,
        HostGeneration::Server2022 => HostVersion::Server2022,
        HostGeneration::Server2025 => HostVersion::Server2025,
        HostGeneration::Azure => HostVersion::Azure,
        HostGeneration::Client => HostVersion::Client,
    }
}

/// The level that is called for, by host where hosts differ.
fn expected(wants: &[(HostVersion, Expected)]) -> Option<String> {
    let first = wants.first()?.1.current_from;
    if wants.iter().all(|(_, want)| want.current_from == first) {
        return Some(first.to_string());
    }
    let each: Vec<String> = wants
        .iter()
        .map(|(host, want)| format!("{} ({})", want.current_from, host.title()))
        .collect();
    Some(each.join(", "))
}

fn bounds(wants: &[(HostVersion, Expected)]) -> Option<(FileVersion, FileVersion)> {
    let low = wants.iter().map(|(_, want)| want.outdated_below).min()?;
    let high = wants.iter().map(|(_, want)| want.current_from).max()?;
    Some((low, high))
}

type Opinion = (Verdict, Confidence, Vec<String>);

/// Judges a guest up to Windows 8.1 and Server 2012 R2 by its level.
fn by_level(
    facts: &PlatformFacts,
    build: u32,
    installed: &Installed,
    wants: &[(HostVersion, Expected)],
) -> Opinion {
    let unknown = |why: String| (Verdict::Unknown, Confidence::Possible, vec![why]);
    let level = match *installed {
        Installed::One(level) => level,
        Installed::Several(low, high, sure) => {
            return (
                Verdict::Mixed,
                sure,
                vec![format!(
                    "The components come in one package for this Windows, and here they are of \
                     two: {low} and {high}. An installation was not finished, a restart is still \
                     to be made, or files were copied by hand."
                )],
            );
        }
        Installed::Unclear(low, high) => {
            return unknown(format!(
                "Some drivers are those of {low}; others were linked at a time at which {high} \
                 was built, and so were updates of Windows' own. Which package is installed \
                 cannot be told from that."
            ));
        }
        Installed::Unknown => {
            return unknown(
                "Which version of the components is installed cannot be told: neither version \
                 resources nor link times of a known build are in this dump."
                    .into(),
            );
        }
    };
    if wants.is_empty() {
        return without_host(build, level);
    }
    let (verdict, confidence, mut sentences) = weigh(facts, level, wants);
    if level.confidence == Confidence::Possible {
        sentences.push(
            "The level was worked out from when files were linked, which is only near.".into(),
        );
    }
    (verdict, confidence.min(level.confidence), sentences)
}

/// Judges a level where nothing is known of the host.
fn without_host(build: u32, level: Level) -> Opinion {
    let version = level.version;
    let latest = integration::latest_for_guest(build);
    if let Some((latest, certainty)) = latest
        && version >= latest
    {
        let confidence = level.confidence.min(certainty.into());
        let why = format!(
            "The Integration Services in this guest are {version}, the last that were made for this Windows."
        );
        return (Verdict::Current, confidence, vec![why]);
    }
    let why = format!(
        "The Integration Services in this guest are {version}. Whether they fit depends on the host, and this dump does \
         not say which host it is."
    );
    (Verdict::Unknown, Confidence::Possible, vec![why])
}

/// Judges a level against each possible host.
fn weigh(facts: &PlatformFacts, level: Level, wants: &[(HostVersion, Expected)]) -> Opinion {
    let version = level.version;
    let fit = |want: &Expected| {
        if version < want.outdated_below {
            Fit::Outdated
        } else if version < want.current_from {
            Fit::Between
        } else {
            Fit::Current
        }
    };
    let fits: Vec<Fit> = wants.iter().map(|(_, want)| fit(want)).collect();
    let all = |list: &[Fit], wanted: &[Fit]| list.iter().all(|fit| wanted.contains(fit));
    let certainty = wants
        .iter()
        .map(|(_, want)| Confidence::from(want.certainty))
        .min()
        .unwrap_or_default();
    let hosts = names(wants);
    if all(&fits, &[Fit::Current]) {
        let why =
            format!("The Integration Services in this guest are {version}, which fits {hosts}.");
        return (Verdict::Current, certainty, vec![why]);
    }
    if all(&fits, &[Fit::Outdated]) {
        // Where hosts differ the versions stand in a line of their own.
        let from = match expected(wants).filter(|text| !text.contains(' ')) {
            Some(from) => format!(" ({from} or newer)"),
            None => String::new(),
        };
        let why = format!(
            "The Integration Services in this guest are {version}, older than {hosts} calls \
             for{from}."
        );
        return (Verdict::Outdated, certainty, vec![why]);
    }
    if all(&fits, &[Fit::Outdated, Fit::Between]) {
        let why = format!(
            "The Integration Services in this guest are {version}. That is what an early host had; updates of {hosts} \
             brought newer ones."
        );
        return (Verdict::Outdated, Confidence::Possible, vec![why]);
    }
    // Hosts disagree: the usual ones decide if they agree among themselves.
    let usual = fits.get(..facts.usual_hosts.min(fits.len())).unwrap_or(&[]);
    let verdict = match usual {
        [] => Verdict::Unknown,
        list if all(list, &[Fit::Current]) => Verdict::Current,
        list if all(list, &[Fit::Outdated]) => Verdict::Outdated,
        _ => Verdict::Unknown,
    };
    let part = |wanted: &[Fit]| {
        let chosen = wants
            .iter()
            .zip(&fits)
            .filter(|(_, fit)| wanted.contains(fit));
        names(&chosen.map(|(want, _)| *want).collect::<Vec<_>>())
    };
    let why = format!(
        "The Integration Services in this guest are {version}, which fits {}; for {} they are old. Which of these the \
         host is, the dump does not say.",
        part(&[Fit::Current]),
        part(&[Fit::Outdated, Fit::Between]),
    );
    (verdict, Confidence::Possible, vec![why])
}

/// Hosts in a sentence.
fn names(wants: &[(HostVersion, Expected)]) -> String {
    either(&wants.iter().map(|(host, _)| *host).collect::<Vec<_>>())
}

/// `Windows Server 2012, 2012 R2 or a Windows client`.
pub(super) fn either(hosts: &[HostVersion]) -> String {
    const FAMILY: &str = "Windows Server ";
    let mut text = String::new();
    let mut in_family = false;
    for (index, host) in hosts.iter().enumerate() {
        text.push_str(match index {
            0 => "",
            last if last + 1 == hosts.len() => " or ",
            _ => ", ",
        });
        let title = host.title();
        text.push_str(match title.strip_prefix(FAMILY) {
            Some(year) if in_family => year,
            _ => title,
        });
        in_family = title.starts_with(FAMILY);
    }
    text
}

/// What else a reader has to know about this judgement.
fn more(inputs: &IntegrationInputs<'_>, found: &[Found], judged: &Judged) -> Vec<String> {
    let mut sentences = Vec::new();
    let idle = names_of(found, ComponentStatus::NotLoaded);
    let balloon = idle.iter().any(|name| name == "dmvsc.sys");
    if balloon && judged.verdict != Verdict::Missing {
        sentences.push(
            "dmvsc.sys is not loaded. That is normal with static memory: its device is then not \
             offered."
                .into(),
        );
    }
    if components::start(inputs, DATA_EXCHANGE) == Some("disabled")
        && let Some(service) = integration::service(DATA_EXCHANGE)
    {
        sentences.push(format!(
            "The service {DATA_EXCHANGE} is disabled: {}.",
            service.when_stopped
        ));
    }
    let unsure = judged.verdict == Verdict::Unknown || judged.confidence == Confidence::Possible;
    let package = inputs
        .build
        .is_some_and(|build| build < FIRST_WITHOUT_PACKAGE);
    if inputs.small_dump && unsure && package {
        sentences.push(
            "More cannot be told from a minidump: a kernel dump would hold the registry, in which \
             Windows notes its version of the Integration Services and the host its own."
                .into(),
        );
    }
    sentences
}
