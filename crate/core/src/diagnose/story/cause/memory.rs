//! What took the memory of a machine that starves, where it was no balloon.

use super::balloon::host_memory;
use super::{Cause, link, simple};
use crate::diagnose::story::Case;
use crate::diagnose::story::links::counted;
use crate::model::{Balloon, BalloonState, Confidence, Evidence, HypervisorRole, StoryLink};
use crate::platform::{not_accounted, size};
use alloc::{format, string::String, vec, vec::Vec};

/// One in so many parts of what there is makes a process or a pool tag the one that took it.
const MOST: u64 = 2;
const LARGE: u64 = 4;

const LOCKED_STEP: &str = "See with RAMMap (Driver Locked) whether locked memory grows again after the restart, and stop or update third-party drivers one after another: backup, security, storage and network first.";

/// The largest taker.
pub(super) fn find(case: &Case<'_>) -> Cause {
    let mut cause = largest(case);
    // A host that may give more, and had nothing left or was not allowed to.
    let balloon = case.facts.memory.and_then(|memory| memory.balloon.as_ref());
    let gives = |b: &&Balloon| b.loaded == Some(true) && b.host_setting == Some(true);
    if balloon.filter(gives).is_some() && case.facts.may_be_ballooned_by_hyper_v() {
        cause.alternatives.insert(0, host_memory());
    }
    cause
}

fn largest(case: &Case<'_>) -> Cause {
    of_machines(case)
        .or_else(|| of_lock(case))
        .or_else(|| of_tag(case))
        .or_else(|| of_process(case))
        .or_else(|| of_missing_driver(case))
        .or_else(|| of_remainder(case))
        .or_else(|| of_page_file(case))
        .unwrap_or_else(|| unknown_user(case))
}

/// A pool tag and a program that took much, beside whatever else did.
pub(super) fn takers(case: &Case<'_>) -> Vec<Cause> {
    [of_tag(case), of_process(case)]
        .into_iter()
        .flatten()
        .collect()
}

/// That drivers have locked much, with its counter.
fn locked(case: &Case<'_>, text: String) -> StoryLink {
    let counter = counted(case, "mdl_pages", "Locked by drivers");
    link(text, Confidence::Likely, counter.into_iter().collect())
}

/// A host: what its virtual machines were given is locked there.
fn of_machines(case: &Case<'_>) -> Option<Cause> {
    let role = case.facts.hypervisor_role();
    let host = matches!(role, HypervisorRole::RootHyperV | HypervisorRole::Nested);
    if !host || !case.pressure.locked_large() {
        return None;
    }
    let held = size(case.pressure.locked?);
    let found = locked(
        case,
        format!(
            "This is a Hyper-V host; {held} are locked by drivers, which is where the memory of its virtual machines is."
        ),
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
    let found = locked(case, format!("Drivers have locked {held}. {why}"));
    Some(simple(
        case,
        found,
        format!(
            "Drivers have locked {held} of memory; which driver cannot be told from this dump."
        ),
        Confidence::Possible,
        &[LOCKED_STEP],
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
    let name = largest.name_text();
    let sure = largest.confidence.unwrap_or(Confidence::Certain);
    let pid = largest
        .pid
        .map_or_else(String::new, |pid| format!(" ({pid})"));
    let found = link(
        format!(
            "The process {name}{pid} alone has {} committed.",
            size(commit)
        ),
        sure,
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

/// Much is in no figure, where the counter of locked pages is not known.
fn of_remainder(case: &Case<'_>) -> Option<Cause> {
    let (rest, all) = not_accounted(case.facts.memory?)?;
    if rest < all / LARGE {
        return None;
    }
    let found = link(
        format!(
            "{} of {} are in no figure, probably locked by drivers.",
            size(rest),
            size(all)
        ),
        Confidence::Possible,
        vec![Evidence::new(
            "Physical memory less what is available, modified, pool and in working sets.",
            "arithmetic over the memory counters",
        )],
    );
    let text = format!(
        "{} of memory are not accounted for, probably locked by drivers; which driver cannot be \
         told from this dump.",
        size(rest)
    );
    Some(simple(
        case,
        found,
        text,
        Confidence::Possible,
        &[LOCKED_STEP],
    ))
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
            "Where that peak is usual, give the machine more memory: what is in the page file is slow.",
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
