//! How the machine's memory stood: what was available, what was promised, who held it, and whether
//! the page file was large enough.
//!
//! Sources of the thresholds: Microsoft's guidance on page-file sizes (a page file that Windows
//! manages grows from 90 % of the commit limit on; a complete dump needs physical memory and
//! 257 MiB; a managed page file is an eighth of memory and grows to three times of it) and on low
//! memory. Much memory locked by drivers is normal in an idle guest of Hyper-V, so it counts only
//! together with scarce memory.

use super::finding;
use crate::diagnose::facts::Facts;
use crate::model::{BalloonState, Confidence, Counter, Finding, Kind};
use crate::model::{Memory, PageFile, Process};
use crate::platform::not_accounted;
use alloc::{format, string::String};

/// Pages in a MiB.
const MIB: u64 = 256;
const GIB: u64 = 1024 * MIB;
/// 90 %: from here on Windows itself begins to extend a page file that it manages.
const NEAR_PERCENT: u64 = 90;

/// A size as people read it, of pages: cut, not rounded.
fn size(pages: u64) -> String {
    if pages < GIB {
        return format!("{} MiB", pages / MIB);
    }
    format!("{}.{} GiB", pages / GIB, pages % GIB * 10 / GIB)
}

fn counter<'a>(memory: &'a Memory, name: &str) -> Option<(u64, &'a Counter)> {
    let counter = memory.counters.get(name)?;
    Some((counter.pages?.0, counter))
}

fn pages(memory: &Memory, name: &str) -> Option<u64> {
    counter(memory, name).map(|found| found.0)
}

fn percent(part: u64, whole: u64) -> u64 {
    let share = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// How scarce memory was.
#[derive(Clone, Copy, PartialEq)]
enum Scarcity {
    Low,
    Tight,
    Enough,
}

fn scarcity(memory: &Memory) -> Option<(Scarcity, u64, u64, &Counter)> {
    let (available, source) = counter(memory, "available")?;
    let physical = pages(memory, "physical").filter(|&physical| physical > 0)?;
    // A machine of a few hundred MiB lives with less.
    let least = available < (64 * MIB).min(physical / 10);
    let below = |part, most| available.saturating_mul(part) < physical && available < most;
    let scarcity = if least || below(50, GIB / 2) {
        Scarcity::Low
    } else if below(20, GIB) {
        Scarcity::Tight
    } else {
        Scarcity::Enough
    };
    Some((scarcity, available, physical, source))
}

fn is_scarce(memory: &Memory) -> bool {
    scarcity(memory).is_some_and(|found| found.0 != Scarcity::Enough)
}

const WHO_HOLDS_IT: &[&str] = &[
    "See which process or pool tag holds most, and what drivers have locked: the tables of the memory section.",
    "If nothing stands out, the machine has too little memory for its work: give it more.",
];
const GUEST_MEMORY: &str = "This is a virtual machine: compare assigned memory and demand on the host at that time. With Dynamic Memory the host may have taken pages away, which shows as memory locked by drivers.";
const OTHER_GUEST_MEMORY: &str = "This is a virtual machine: see whether it is large enough for its work, and on a host of your own whether its memory is limited or was taken back, which shows as memory locked by drivers.";

fn scarce(facts: &Facts<'_>, wanted: Scarcity, id: &'static str, word: &str) -> Option<Finding> {
    let (found, available, physical, source) = scarcity(facts.memory?)?;
    if found != wanted {
        return None;
    }
    let made = finding(
        id,
        source.confidence,
        format!(
            "Available memory is {word}: {} of {}.",
            size(available),
            size(physical)
        ),
        "Available memory is what can be used at once: free, zeroed and standby pages. When it runs \
         out, everything waits for the disk, and requests for memory fail.",
    );
    let share = match percent(available, physical) {
        0 => "under 1".into(),
        share => format!("{share}"),
    };
    let text = format!("{available} pages ({share} %) were available.");
    let mut made = made.because(text, source.source.clone());
    if let Some((locked, source)) =
        counter(facts.memory?, "mdl_pages").filter(|found| found.0 > physical / 8)
    {
        let text = format!("{} were locked by drivers.", size(locked));
        made = made.because(text, source.source.clone());
    }
    // What the story has said of the host and its balloon needs no second advice.
    if ballooned(facts) {
        return Some(made);
    }
    made = made.advise(WHO_HOLDS_IT);
    Some(
        match (facts.is_guest(), facts.may_be_ballooned_by_hyper_v()) {
            (_, true) => made.advise(&[GUEST_MEMORY]),
            (true, false) => made.advise(&[OTHER_GUEST_MEMORY]),
            _ => made,
        },
    )
}

pub(super) fn available_low(facts: &Facts<'_>) -> Option<Finding> {
    scarce(
        facts,
        Scarcity::Low,
        "available-memory-low",
        "definitely low",
    )
}

pub(super) fn available_tight(facts: &Facts<'_>) -> Option<Finding> {
    scarce(
        facts,
        Scarcity::Tight,
        "available-memory-tight",
        "getting low",
    )
}

pub(super) fn commit_near_limit(facts: &Facts<'_>) -> Option<Finding> {
    let memory = facts.memory?;
    // A minidump knows the largest limit alone: then the share was as large or larger.
    let known = pages(memory, "commit_limit").map(|limit| (limit, ""));
    let largest = || Some((pages(memory, "commit_limit_maximum")?, " or more"));
    let (limit, more) = known.or_else(largest).filter(|found| found.0 > 0)?;
    let near = |name| {
        let (used, counter) = counter(memory, name)?;
        let share = percent(used, limit);
        (share >= NEAR_PERCENT).then_some((used, share, counter))
    };
    let (when, (used, share, counter)) = match (near("committed"), near("committed_peak")) {
        (Some(found), _) => ("at the stop", found),
        (None, Some(found)) => ("at its peak", found),
        (None, None) => return None,
    };
    let title = format!("Committed memory was at {share} %{more} of its limit {when}.");
    let text = "What programs and the kernel have been promised must fit into memory and page \
                files together. At the limit, programs fail, and drivers that do not expect it \
                may stop Windows.";
    let numbers = format!("{} of {} were committed {when}.", size(used), size(limit));
    Some(
        finding("commit-near-limit", counter.confidence, title, text)
            .because(numbers, counter.source.clone())
            .advise(&WHO_HOLDS_IT[..1])
            .advise(&["Let Windows manage the page file, or raise its maximum."]),
    )
}

pub(super) fn commit_failed(facts: &Facts<'_>) -> Option<Finding> {
    let (count, counter) = counter(facts.memory?, "failed_commit_charges")?;
    if count == 0 {
        return None;
    }
    let found = finding(
        "commit-charges-failed",
        counter.confidence,
        format!("{count} requests to commit memory were refused."),
        "Windows counts every request for memory that would have passed the commit limit. Each is a \
         program or driver that was told there is no memory, at some time since Windows started.",
    );
    let text = format!("The memory manager counted {count} refused charges.");
    Some(found.because(text, counter.source.clone()).advise(&[
        "Let Windows manage the page file, or raise its maximum, so that the limit can grow.",
        "Look into the system event log for event 2004 of Resource-Exhaustion-Detector: it names the processes.",
    ]))
}

pub(super) fn hash_errors(facts: &Facts<'_>) -> Option<Finding> {
    let (count, counter) = counter(facts.memory?, "page_hash_errors")?;
    if count == 0 {
        return None;
    }
    let found = finding(
        "page-file-content-wrong",
        counter.confidence,
        format!(
            "{count} pages came back from the page file with another content than was written."
        ),
        "Windows keeps a hash of pages that it writes to the page file and compares it when they come \
         back. Where it differs, the disk, the way to it, or memory changed the page.",
    );
    let text = format!("The memory manager counted {count} such pages.");
    Some(found.because(text, counter.source.clone()).advise(&[
        "Check the storage below the page file: disk health, controller and driver versions, and in a virtual machine the host's storage.",
        "Test memory when the storage proves sound.",
    ]))
}

/// Whether the story is that of a balloon that was not given back.
fn ballooned(facts: &Facts<'_>) -> bool {
    let balloon = facts.memory.and_then(|memory| memory.balloon.as_ref());
    balloon.is_some_and(|balloon| balloon.state == BalloonState::NotGivingBack)
        && crate::diagnose::story::story(facts).is_some()
}

pub(super) fn driver_locked(facts: &Facts<'_>) -> Option<Finding> {
    let memory = facts.memory?;
    let (locked, counter) = counter(memory, "mdl_pages")?;
    let (scarcity, available, physical, _) = scarcity(memory)?;
    if locked.saturating_mul(8) < physical || scarcity == Scarcity::Enough || ballooned(facts) {
        return None;
    }
    let share = percent(locked, physical);
    let text = "Pages that drivers allocate for themselves cannot be moved out, and nothing else can use \
                them. In an idle guest with Dynamic Memory much of it is normal, because the balloon is \
                among it; together with scarce memory it is what is missing.";
    let mut found = finding(
        "driver-locked-memory",
        counter.confidence.min(Confidence::Likely),
        format!(
            "Drivers had locked {share} % of memory while only {} were available.",
            size(available)
        ),
        text,
    );
    let text = format!("{} were locked by drivers.", size(locked));
    found = found.because(text, counter.source.clone());
    if facts.may_be_ballooned_by_hyper_v() {
        let balloon = facts.modules.by_name("dmvsc.sys").is_some();
        found = found.because(
            match balloon {
                true => {
                    "The Dynamic Memory driver dmvsc.sys is loaded, so its balloon is among them."
                }
                false => "The Dynamic Memory driver dmvsc.sys is not loaded.",
            },
            "modules",
        );
        found = found.advise(&[
            "On the host compare assigned memory, demand and the status of Dynamic Memory at that time.",
        ]);
        if facts.components_are_behind() {
            found = found.advise(&[
                "Bring the guest's Integration Services up to what guest and host call for: the table of components says which are behind.",
            ]);
        }
        return Some(found.advise(&[
            "Raise the guest's minimum memory, so that the balloon cannot take what it needs.",
        ]));
    }
    Some(found.advise(&[
        "Find the driver: drivers of virtual machines' balloons, of RAM disks, caches and databases lock memory.",
    ]))
}

pub(super) fn unaccounted(facts: &Facts<'_>) -> Option<Finding> {
    let memory = facts.memory?;
    let (rest, physical) = not_accounted(memory)?;
    if rest.saturating_mul(4) < physical {
        return None;
    }
    let found = finding(
        "memory-not-accounted",
        Confidence::Possible,
        format!(
            "{} of memory are not accounted for, probably locked by drivers.",
            size(rest)
        ),
        "Where this kernel counts the pages that drivers lock is not known. What is left of physical \
         memory without what is available, modified, pool, and in working sets of processes, is \
         therefore only arithmetic.",
    );
    let text = format!("{} of {} are in no figure.", size(rest), size(physical));
    Some(found.because(text, "arithmetic over the memory counters"))
}

fn heaviest(memory: &Memory) -> Option<(&Process, u64)> {
    let processes = memory.processes.iter();
    let commits = processes.filter_map(|process| Some((process, process.commit_pages?.0)));
    commits.max_by_key(|found| found.1)
}

pub(super) fn process(facts: &Facts<'_>) -> Option<Finding> {
    let memory = facts.memory?;
    let (process, commit) = heaviest(memory)?;
    let committed = pages(memory, "committed").filter(|&committed| committed > 0)?;
    let share = percent(commit, committed);
    let near = commit_near_limit(facts).is_some() || is_scarce(memory);
    let holds = share >= 50 || share >= 33 && near;
    // Half of next to nothing is nothing.
    let physical = pages(memory, "physical").unwrap_or(0);
    if !holds || commit.saturating_mul(16) < physical {
        return None;
    }
    let name = process.name_text();
    // No process has more than all: then one of the two figures is wrong.
    let sure = match share > 100 {
        true => Confidence::Possible,
        false => Confidence::Likely,
    };
    let found = finding(
        "process-holds-most",
        sure,
        format!("{name} had {} % of all committed memory.", share.min(100)),
        "Commit is what a process was promised, whether or not it is in memory. A process that grows \
         without end takes the whole machine with it.",
    );
    let id = process
        .pid
        .map_or_else(String::new, |pid| format!("{pid} "));
    let text = format!("Process {id}({name}) had committed {}.", size(commit));
    Some(found.because(text, "list of processes").advise(&[
        "Look at that process first: a leak, a cache without a bound, or simply a load for which the machine is too small.",
    ]))
}

pub(super) fn pool_tag(facts: &Facts<'_>) -> Option<Finding> {
    let memory = facts.memory?;
    let physical = pages(memory, "physical")?;
    let heavy = |paged: bool| {
        let bytes = |tag: &crate::model::PoolTag| {
            if paged {
                tag.paged_bytes.0
            } else {
                tag.nonpaged_bytes.0
            }
        };
        let tag = memory.pool_tags.iter().max_by_key(|tag| bytes(tag))?;
        let own = bytes(tag) >> 12;
        let listed: u64 = memory
            .pool_tags
            .iter()
            .map(|tag| bytes(tag) >> 12)
            .fold(0, u64::saturating_add);
        let counted = pages(memory, if paged { "paged_pool" } else { "nonpaged_pool" });
        // Where both are known the larger is the pool: a table may lack tags, a counter lag behind.
        let pool = counted.unwrap_or(0).max(listed);
        let most = own.saturating_mul(16) >= physical && own.saturating_mul(2) >= pool;
        most.then_some((tag, own, pool, if paged { "paged" } else { "nonpaged" }))
    };
    let (tag, own, pool, kind) = heavy(false).or_else(|| heavy(true))?;
    let mut found = finding(
        "pool-tag-holds-most",
        Confidence::Likely,
        format!("Pool tag '{}' held {} of {kind} pool.", tag.tag, size(own)),
        "Drivers and the kernel mark what they allocate with a tag. One that holds most of a pool is \
         most often a leak in the driver that uses it.",
    );
    let text = format!("{} of {} {kind} pool have that tag.", size(own), size(pool));
    found = found.because(text, "PoolTrackTable");
    if let Some(owner) = &tag.owner {
        found = found.because(
            format!("The tag is usually that of {owner}."),
            "list of pool tags",
        );
    }
    Some(found.advise(&[
        "Find the driver that uses the tag: `findstr /m /l TAG %SystemRoot%\\System32\\drivers\\*.sys` names candidates.",
        "Update or remove that driver, and watch the tag with poolmon.",
    ]))
}

pub(super) fn nonpaged_pool(facts: &Facts<'_>) -> Option<Finding> {
    let memory = facts.memory?;
    let (pool, counter) = counter(memory, "nonpaged_pool")?;
    let committed = pages(memory, "committed")?;
    if pool < GIB || pool.saturating_mul(2) < committed || pool_tag(facts).is_some() {
        return None;
    }
    let share = percent(pool, committed);
    let found = finding(
        "nonpaged-pool-large",
        counter.confidence.min(Confidence::Likely),
        format!(
            "Nonpaged pool held {} of memory, {share} % of what was committed.",
            size(pool)
        ),
        "Nonpaged pool belongs to drivers and the kernel and cannot be moved out. So much of it is most \
         often a leak in a driver.",
    );
    let text = format!("{} of {} committed.", size(pool), size(committed));
    Some(found.because(text, counter.source.clone()).advise(&[
        "See which pool tag holds it: poolmon on the running machine, or `!poolused 2` in a kernel dump.",
    ]))
}

/// The page files that count, where their list is known to be whole.
fn page_files(memory: &Memory) -> Option<impl Iterator<Item = &PageFile>> {
    pages(memory, "paging_files")?;
    Some(
        memory
            .page_files
            .iter()
            .filter(|file| file.kind == "page file"),
    )
}

pub(super) fn page_file_missing(facts: &Facts<'_>) -> Option<Finding> {
    let memory = facts.memory?;
    if page_files(memory)?.next().is_some() {
        return None;
    }
    let place =
        counter(memory, "paging_files").map_or(String::new(), |found| found.1.source.clone());
    let found = finding(
        "page-file-missing",
        Confidence::Certain,
        "There was no page file.",
        "Without a page file everything that was ever promised must fit into memory, and Windows can \
         write a dump only with a dedicated dump file.",
    );
    Some(found.because("The memory manager had no page file.", place).advise(&[
        "Let Windows manage a page file on the system drive.",
        "Where no page file is wanted, configure a dedicated dump file, so that the next stop leaves a dump.",
    ]))
}

/// Size, free, and size at most, of all page files.
fn capacity(memory: &Memory) -> Option<(u64, u64, u64)> {
    let mut sum = (0_u64, 0_u64, 0_u64);
    for file in page_files(memory)? {
        sum.0 = sum.0.saturating_add(file.size_pages.0);
        sum.1 = sum.1.saturating_add(file.free_pages.0);
        sum.2 = sum
            .2
            .saturating_add(file.maximum_pages.0.max(file.size_pages.0));
    }
    Some(sum)
}

pub(super) fn page_file_full(facts: &Facts<'_>) -> Option<Finding> {
    let (total, free, most) = capacity(facts.memory?)?;
    let used = total.checked_sub(free)?;
    if total == 0 || percent(used, total) < NEAR_PERCENT {
        return None;
    }
    let grow = if most > total {
        "It could still grow"
    } else {
        "It could not grow"
    };
    // A file that holds more than it ever held is misread, or its peak is.
    let agrees = |file: &PageFile| {
        let held = file.size_pages.0.saturating_sub(file.free_pages.0);
        file.peak_pages.is_some_and(|peak| held <= peak.0)
    };
    let sure = match page_files(facts.memory?)?.all(agrees) {
        true => Confidence::Certain,
        false => Confidence::Possible,
    };
    let found = finding(
        "page-file-full",
        sure,
        format!("The page file was {} % full.", percent(used, total)),
        "When the page file is full, modified pages cannot be moved out, so memory that nobody uses \
         stays occupied.",
    );
    let text = format!("{} of {} were used. {grow}.", size(used), size(total));
    Some(found.because(text, "page files").advise(&[
        "Let Windows manage the page file, or raise its maximum.",
        "Where memory and commit are scarce too, find who holds them first.",
    ]))
}

/// Needed in the page file for a dump of this kind beside what it holds: complete dumps have a header
/// and up to 256 MiB of data that drivers add.
fn for_complete_dump(physical: u64) -> u64 {
    physical.saturating_add(257 * MIB)
}

/// What memory and page files must hold together: the peak and a tenth.
fn wanted_for_peak(memory: &Memory) -> Option<u64> {
    let peak = pages(memory, "committed_peak").or_else(|| pages(memory, "committed"))?;
    let physical = pages(memory, "physical")?;
    Some(peak.saturating_add(peak / 10).saturating_sub(physical))
}

pub(super) fn page_file_small(facts: &Facts<'_>) -> Option<Finding> {
    let memory = facts.memory?;
    let (_, _, most) = capacity(memory).filter(|found| found.0 > 0)?;
    let physical = pages(memory, "physical")?;
    let wanted = wanted_for_peak(memory)?;
    let complete =
        matches!(facts.kind, Kind::Full | Kind::BitmapFull) && most < for_complete_dump(physical);
    let peak = most < wanted && commit_near_limit(facts).is_some();
    if !complete && !peak {
        return None;
    }
    let found = finding(
        "page-file-too-small",
        Confidence::Likely,
        format!("The page file is too small: {} at its largest.", size(most)),
        "Memory and page file together must hold what is committed at the peak, with a reserve, and the \
         page file must hold a dump of the kind that is configured.",
    );
    let mut text = format!("The peak of commit calls for {} at least", size(wanted));
    if complete {
        text = format!(
            "{text}, a complete dump for {}",
            size(for_complete_dump(physical))
        );
    }
    text.push('.');
    let least = match complete {
        true => wanted.max(for_complete_dump(physical)),
        false => wanted,
    };
    let mut found = found.because(text, "page files, commit counters");
    found.advice.push(format!(
        "Set the page file's maximum to {} or more, or let Windows manage it.",
        size(least + GIB / 10)
    ));
    Some(found)
}

pub(super) fn sizing(facts: &Facts<'_>) -> Option<Finding> {
    let memory = facts.memory?;
    let physical = pages(memory, "physical").filter(|&physical| physical > 0)?;
    let (peak, source) =
        counter(memory, "committed_peak").or_else(|| counter(memory, "committed"))?;
    let wanted = wanted_for_peak(memory)?;
    let title = match wanted {
        0 => "For its commit alone this machine needs no page file; for a dump it does.".into(),
        wanted => format!(
            "For its peak of commit this machine needs a page file of {}.",
            size(wanted)
        ),
    };
    let found = finding(
        "page-file-sizing",
        source.confidence,
        title,
        "No ratio fits every machine. The page file must hold what is committed at the peak beyond \
         physical memory, and a dump of the kind that is wanted.",
    );
    let text = format!(
        "{} were committed at the peak, {} are installed.",
        size(peak),
        size(physical)
    );
    let mut found = found.because(text, source.source.clone());
    found.advice.push(format!(
        "For a complete dump: {} (memory and 257 MiB).",
        size(for_complete_dump(physical))
    ));
    found.advice.push(format!(
        "For a kernel or automatic dump: what the kernel uses, here about {}; let Windows manage the size, which starts at {} and may grow to {}.",
        kernel_part(memory).map_or_else(|| "a tenth of memory".into(), size),
        size((physical / 8).min(32 * GIB)),
        size((physical.saturating_mul(3)).max(4 * GIB)),
    ));
    found.advice.push(
        "For a small dump: 1 MiB. A dedicated dump file serves dumps without serving commit."
            .into(),
    );
    if facts.may_be_ballooned_by_hyper_v() {
        found.advice.push(
            "With Dynamic Memory a page file that Windows manages is sized by the memory at start: see that it is large enough for the largest memory, else set it by hand.".into(),
        );
    }
    Some(found)
}

/// Pages that a kernel dump would hold, roughly: pools, drivers, page tables and locked pages.
fn kernel_part(memory: &Memory) -> Option<u64> {
    let mut sum = pages(memory, "nonpaged_pool")?;
    for name in [
        "paged_pool",
        "driver_commit",
        "page_tables",
        "kernel_stacks",
    ] {
        sum = sum.saturating_add(pages(memory, name).unwrap_or(0));
    }
    // File cache and the page-frame database come to it.
    Some(sum.saturating_add(pages(memory, "physical").unwrap_or(0) / 64))
}
