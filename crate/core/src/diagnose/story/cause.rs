//! What the chain ends in.

use super::links::{counted, link};
use super::{Case, Failure, weakest};
use crate::model::{Alternative, Balloon, BalloonState, Confidence, Evidence, HypervisorRole};
use crate::model::{HypervisorVendor, StoryLink, Verdict};
use crate::platform::size;
use alloc::{format, string::String, vec, vec::Vec};

/// One in so many parts of what there is makes a process or a pool tag the one that took it.
const MOST: u64 = 2;
const LARGE: u64 = 4;

/// The cause, with the links that lead to it.
pub(super) struct Cause {
    pub links: Vec<StoryLink>,
    /// What the chain ends in.
    pub text: String,
    /// The same for the summary, as the beginning of it.
    pub plain: String,
    pub confidence: Confidence,
    pub advice: Vec<String>,
    pub alternatives: Vec<Alternative>,
}

/// Finds it: what starves a machine goes before what its disk says only where the read failed for
/// want of memory.
pub(super) fn find(case: &Case<'_>) -> Cause {
    let short = case.pressure.starving();
    let mut cause = match case.failure {
        Failure::Resources(_) | Failure::Unknown if short => memory(case),
        Failure::Resources(_) => resource(case),
        Failure::Changed => changed(case),
        Failure::Disk(_) | Failure::Unknown => disk(case),
    };
    // A disk that fails under a guest that starves: both are told, none is chosen.
    if short && matches!(case.failure, Failure::Disk(_) | Failure::Changed) {
        let mut other = memory(case);
        cause.links.append(&mut other.links);
        cause.confidence = Confidence::Possible;
        cause.text.push_str(
            " The machine was short of memory as well and therefore paged all the time, which \
             makes every weakness of the storage show.",
        );
        cause.advice.append(&mut other.advice);
        cause.alternatives.insert(
            0,
            alternative(
                &other.text,
                "It is that one if the storage shows no errors at the time of the stop.",
            ),
        );
    }
    cause
}

fn alternative(cause: &str, tells_apart: &str) -> Alternative {
    Alternative {
        cause: cause.into(),
        tells_apart: tells_apart.into(),
    }
}

fn storage_path(case: &Case<'_>) -> Alternative {
    match case.facts.is_hyper_v_guest() {
        true => alternative(
            "The host's storage stalled or lost data.",
            "Look on the host for Hyper-V-StorageVSP event 9 and, on a cluster, events 5120 and \
             5142 at the time of the stop; in the guest for event 129 of storvsc.",
        ),
        false => alternative(
            "The disk or the way to it failed.",
            "Look in the system log for events 129, 153, 51 and 11 before the stop.",
        ),
    }
}

fn host_memory() -> Alternative {
    alternative(
        "The host itself had no memory left to give, or the machine had reached its maximum.",
        "Compare memory demand, assigned memory and maximum on the host at that time, and look \
         for Hyper-V-Worker event 3322.",
    )
}

fn other_lock(case: &Case<'_>) -> Alternative {
    let driver = case.facts.memory.and_then(|memory| memory.balloon.as_ref());
    let name = driver.map_or("the balloon's driver", |balloon| balloon.driver.as_str());
    alternative(
        &format!("Another driver than {name} has locked these pages."),
        "Raise the machine's minimum memory to its maximum: locked pages then fall to next to \
         nothing if they were the balloon's, and stay if they were not.",
    )
}

/// Which of the things that take memory took it.
fn memory(case: &Case<'_>) -> Cause {
    let balloon = case.facts.memory.and_then(|memory| memory.balloon.as_ref());
    if balloon.is_some_and(|balloon| balloon.state == BalloonState::NotGivingBack) {
        return of_balloon(case);
    }
    of_machines(case)
        .or_else(|| of_lock(case))
        .or_else(|| of_tag(case))
        .or_else(|| of_process(case))
        .or_else(|| of_missing_driver(case))
        .or_else(|| of_page_file(case))
        .unwrap_or_else(|| unknown_user(case))
}

/// The balloon, and why it held on.
fn of_balloon(case: &Case<'_>) -> Cause {
    let balloon = case.facts.memory.and_then(|memory| memory.balloon.clone());
    let balloon = balloon.unwrap_or_default();
    let vendor = case.facts.platform.map(|p| p.hypervisor.vendor);
    let p = &case.pressure;
    let (held, all) = (size(p.locked.unwrap_or(0)), size(p.physical));
    let first = link(
        balloon.explanation.clone(),
        balloon.confidence,
        balloon.evidence.clone(),
    );
    match vendor == Some(HypervisorVendor::HyperV) {
        true => of_dynamic_memory(case, &balloon, first, (&held, &all)),
        false => of_other_balloon(case, &balloon, first, (&held, &all)),
    }
}

/// A balloon of another hypervisor than Hyper-V.
fn of_other_balloon(
    case: &Case<'_>,
    balloon: &Balloon,
    first: StoryLink,
    (held, all): (&str, &str),
) -> Cause {
    let own = case
        .facts
        .integration
        .map(|services| services.advice.clone());
    let mut advice = vec![String::from(
        "On the host, look at this machine's memory limit, reservation and ballooned memory; \
         raise the reservation or remove the limit.",
    )];
    advice.extend(own.unwrap_or_default());
    Cause {
        links: vec![first],
        plain: format!(
            "The hypervisor had taken {held} of this machine's {all} of memory, and it had too \
             little left."
        ),
        text: format!(
            "The hypervisor had taken {held} of the {all} of this machine through {} and did not \
             give them back: its host was short of memory, or a limit is set for this machine.",
            balloon.driver
        ),
        confidence: balloon.confidence.min(Confidence::Likely),
        advice,
        alternatives: vec![other_lock(case), storage_path(case)],
    }
}

/// Hyper-V's Dynamic Memory.
fn of_dynamic_memory(
    case: &Case<'_>,
    balloon: &Balloon,
    first: StoryLink,
    (held, all): (&str, &str),
) -> Cause {
    let services = case.facts.integration;
    let verdict = services.map_or(Verdict::Unknown, |services| services.verdict);
    let mut links = vec![first];
    if let Some(services) = services.filter(|services| !services.explanation.is_empty()) {
        let evidence = vec![Evidence::new(
            format!("Verdict on the integration components: {}.", word(verdict)),
            "integration components",
        )];
        links.push(link(
            services.explanation.clone(),
            services.confidence,
            evidence,
        ));
    }
    let behind = matches!(
        verdict,
        Verdict::Outdated | Verdict::Mixed | Verdict::Missing
    );
    let why = match (behind, verdict) {
        (true, _) => ", most probably because its Integration Services do not fit its host",
        (false, Verdict::Current | Verdict::InBox) => {
            ". Its Integration Services are no reason for that: the host is to be looked at"
        }
        _ => {
            ". Whether its Integration Services or its host are the reason cannot be told from \
             this dump"
        }
    };
    let confidence = match (behind, services) {
        (true, Some(services)) => {
            weakest(&[balloon.confidence, services.confidence, Confidence::Likely])
        }
        _ => Confidence::Possible,
    };
    let mut advice = services
        .map(|services| services.advice.clone())
        .unwrap_or_default();
    advice.push(
        "Until that is done, set the machine's minimum memory near to what it needs at its peak, \
         or give it static memory."
            .into(),
    );
    Cause {
        links,
        plain: format!(
            "This virtual machine had too little memory that it could use: Hyper-V's Dynamic \
             Memory had taken {held} of its {all} and did not give them back{}.",
            if behind { why } else { "" }
        ),
        text: format!(
            "Dynamic Memory had taken {held} of this guest's {all} and did not give them back{why}."
        ),
        confidence,
        advice,
        alternatives: vec![host_memory(), storage_path(case), other_lock(case)],
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Current => "current",
        Verdict::Outdated => "outdated",
        Verdict::Mixed => "mixed",
        Verdict::InBox => "part of Windows",
        Verdict::Missing => "missing",
        Verdict::NotApplicable => "not applicable",
        Verdict::Unknown => "cannot be told",
    }
}

fn simple(
    case: &Case<'_>,
    found: StoryLink,
    text: String,
    confidence: Confidence,
    advice: &[&str],
) -> Cause {
    Cause {
        links: vec![found],
        plain: text.clone(),
        text,
        confidence,
        advice: advice.iter().map(|&step| step.into()).collect(),
        alternatives: vec![storage_path(case)],
    }
}

/// A host: what its virtual machines were given is locked there.
fn of_machines(case: &Case<'_>) -> Option<Cause> {
    let role = case.facts.hypervisor_role();
    let host = matches!(role, HypervisorRole::RootHyperV | HypervisorRole::Nested);
    if !host || !case.pressure.locked_large() {
        return None;
    }
    let held = size(case.pressure.locked?);
    let found = link(
        format!(
            "This is a Hyper-V host; {held} are locked by drivers, which is where the memory of its virtual machines is."
        ),
        Confidence::Likely,
        counted(case, "mdl_pages", "Locked by drivers")
            .into_iter()
            .collect(),
    );
    Some(simple(
        case,
        found,
        format!(
            "The virtual machines of this host had {held} of its memory, and too little was left for the host itself."
        ),
        match role {
            HypervisorRole::Nested => Confidence::Possible,
            _ => Confidence::Likely,
        },
        &[
            "Give the virtual machines less memory, or move some to another host, so that the host keeps at least 4 GiB and a tenth of its memory.",
            "Give the host a page file that the system manages.",
        ],
    ))
}

/// Locked by drivers, and no balloon to answer for it.
fn of_lock(case: &Case<'_>) -> Option<Cause> {
    if !case.pressure.locked_large() {
        return None;
    }
    let held = size(case.pressure.locked?);
    let balloon = case.facts.memory.and_then(|memory| memory.balloon.as_ref());
    let why = balloon.map_or("", |balloon| balloon.explanation.as_str());
    let found = link(
        format!("Drivers have locked {held}. {why}"),
        Confidence::Likely,
        counted(case, "mdl_pages", "Locked by drivers")
            .into_iter()
            .collect(),
    );
    Some(simple(
        case,
        found,
        format!(
            "Drivers have locked {held} of memory; which driver cannot be told from this dump."
        ),
        Confidence::Possible,
        &[
            "See with RAMMap (Driver Locked) whether locked memory grows again after the restart, and stop or update third-party drivers one after another: backup, security, storage and network first.",
        ],
    ))
}

/// A pool tag that holds much of physical memory.
fn of_tag(case: &Case<'_>) -> Option<Cause> {
    let tags = &case.facts.memory?.pool_tags;
    let bytes =
        |tag: &crate::model::PoolTag| tag.nonpaged_bytes.0.saturating_add(tag.paged_bytes.0);
    let largest = tags.iter().max_by_key(|tag| bytes(tag))?;
    let pages = bytes(largest) / 4096;
    if pages < case.pressure.physical / LARGE {
        return None;
    }
    let owner = largest.owner.as_deref().unwrap_or("an unknown driver");
    let name = largest.tag.trim();
    let found = link(
        format!("Pool blocks tagged {name} hold {}.", size(pages)),
        Confidence::Certain,
        vec![Evidence::new(
            format!("Tag {name}: {} bytes.", bytes(largest)),
            "pool tags",
        )],
    );
    Some(simple(
        case,
        found,
        format!(
            "The kernel's pool took the memory: {} are tagged {name}, which belongs to {owner}.",
            size(pages)
        ),
        Confidence::Likely,
        &[
            "Find the driver that allocates this tag (findstr the tag in C:\\Windows\\System32\\drivers\\*.sys), and update or remove it.",
            "Watch the tag with poolmon after the restart: a leak grows steadily.",
        ],
    ))
}

/// A process that holds most of what is committed.
fn of_process(case: &Case<'_>) -> Option<Cause> {
    let processes = &case.facts.memory?.processes;
    let pages = |p: &crate::model::Process| p.commit_pages.map_or(0, |pages| pages.0);
    let largest = processes.iter().max_by_key(|process| pages(process))?;
    let commit = pages(largest);
    if commit < case.pressure.committed? / MOST {
        return None;
    }
    let (name, pid) = (&largest.name, largest.pid);
    let found = link(
        format!(
            "The process {name} ({pid}) alone has {} committed.",
            size(commit)
        ),
        Confidence::Certain,
        vec![Evidence::new(
            format!("Commit of {name}: {commit} pages."),
            "processes",
        )],
    );
    Some(simple(
        case,
        found,
        format!(
            "The program {name} took the memory: {} of {} committed are its own.",
            size(commit),
            size(case.pressure.committed?)
        ),
        Confidence::Likely,
        &[
            "Find out whether this program needs that much: limit its memory in its own settings (a database's maximum memory), update it, or give the machine more memory.",
            "Watch its private bytes after the restart: a leak grows steadily.",
        ],
    ))
}

/// Dynamic Memory is on, and the guest cannot take part in it.
fn of_missing_driver(case: &Case<'_>) -> Option<Cause> {
    let balloon = case.facts.memory?.balloon.as_ref()?;
    if balloon.state != BalloonState::Unable {
        return None;
    }
    let found = link(
        balloon.explanation.clone(),
        balloon.confidence,
        balloon.evidence.clone(),
    );
    let text = format!(
        "The host could not give this guest more memory when it needed it: Dynamic Memory is on, \
         and its driver {} is not there.",
        balloon.driver
    );
    let mut cause = simple(case, found, text, Confidence::Likely, &[]);
    let own = case
        .facts
        .integration
        .map(|services| services.advice.clone());
    cause.advice = own.unwrap_or_default();
    cause.advice.push(
        "Until that is done, give the machine static memory of the size it needs at its peak."
            .into(),
    );
    cause.alternatives.insert(0, host_memory());
    Some(cause)
}

/// Nothing stands out, and commit is at its limit.
fn of_page_file(case: &Case<'_>) -> Option<Cause> {
    let (committed, limit) = case.pressure.committed.zip(case.pressure.limit)?;
    let file = limit.saturating_sub(case.pressure.physical);
    if !case.pressure.near_limit() || file > case.pressure.physical / MOST {
        return None;
    }
    let found = link(
        format!(
            "The page files add {} to {} of memory.",
            size(file),
            size(case.pressure.physical)
        ),
        Confidence::Certain,
        counted(case, "commit_limit", "Commit limit")
            .into_iter()
            .collect(),
    );
    Some(simple(
        case,
        found,
        format!(
            "The page file is too small: {} were committed, and {} is all that may be.",
            size(committed),
            size(limit)
        ),
        Confidence::Likely,
        &[
            "Let Windows manage the size of the page file, or make it as large as this machine's peak of committed memory asks for.",
        ],
    ))
}

fn unknown_user(case: &Case<'_>) -> Cause {
    let found = link(
        "No single program, pool tag or driver stands out as the one that took it.",
        Confidence::Possible,
        Vec::new(),
    );
    simple(
        case,
        found,
        "The machine had too little memory for what ran on it.".into(),
        Confidence::Possible,
        &[
            "Compare the processes by committed memory with what they need, and give the machine more memory or a larger page file.",
        ],
    )
}

/// A resource ran out although memory was left.
fn resource(case: &Case<'_>) -> Cause {
    let found = link(
        "The read ended for want of a resource although memory as a whole was left: pool, or the \
         storage driver's own requests.",
        Confidence::Possible,
        Vec::new(),
    );
    simple(
        case,
        found,
        "A resource of the storage path or of the pool ran out; memory as a whole did not.".into(),
        Confidence::Possible,
        &[
            "Look at nonpaged pool by tag, and update storage and filter drivers (antivirus, backup, encryption).",
        ],
    )
}

fn disk(case: &Case<'_>) -> Cause {
    let guest = case.facts.is_guest();
    let text = match guest {
        true => {
            "The virtual disk did not answer or answered with an error: the host's storage, or \
                 the path to it, is to be looked at."
        }
        false => {
            "The disk did not answer or answered with an error: the disk, its cable or \
                  controller, and their drivers are to be looked at."
        }
    };
    let confidence = match case.failure {
        Failure::Disk(_) => Confidence::Likely,
        _ => Confidence::Possible,
    };
    let advice: &[&str] = match guest {
        true => &[
            "On the host, look for storage errors and stalls at the time of the stop (on Hyper-V: Hyper-V-StorageVSP events 4, 5, 6 and 9; on a cluster events 5120 and 5142).",
            "In the guest, look for event 129 (requests reset) and 153 (requests retried) of the storage driver before the stop.",
            "Check the free space and the health of the volume that holds the virtual disk.",
        ],
        false => &[
            "Read the disk's health (SMART), and check cable, port and controller.",
            "Update the firmware of disk and controller, and the storage drivers.",
            "Run chkdsk /scan on the volume of the page file.",
        ],
    };
    Cause {
        links: Vec::new(),
        plain: text.into(),
        text: text.into(),
        confidence,
        advice: advice.iter().map(|&step| step.into()).collect(),
        alternatives: Vec::new(),
    }
}

fn changed(case: &Case<'_>) -> Cause {
    let guest = case.facts.is_guest();
    let text = "What Windows wrote to the page file came back changed: the damage lies on the way \
                between memory and disk, both included.";
    let advice: &[&str] = match guest {
        true => &[
            "On the host, test the memory and look for storage errors at the time of the stop; check the volume that holds the virtual disk.",
            "Update the storage drivers in the guest and the firmware of the host's storage.",
        ],
        false => &["Test the memory for a night, then the disk (SMART), its cable and controller."],
    };
    Cause {
        links: Vec::new(),
        plain: text.into(),
        text: text.into(),
        confidence: Confidence::Likely,
        advice: advice.iter().map(|&step| step.into()).collect(),
        alternatives: vec![
            alternative(
                "Memory modules are bad.",
                "A memory test over a night finds most of them; other stops with changing codes point there too.",
            ),
            storage_path(case),
        ],
    }
}
