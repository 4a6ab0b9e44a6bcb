//! The chain of causes behind a page that could not be read: from the stop to what has to be
//! mended.
//!
//! It is told only where its links are in the dump: a failed page read, and the counters of
//! memory. Every link names what it rests on; what the evidence does not exclude stays listed.
//! Storage that fails and memory that is short look alike from far away, so the status of the
//! read decides which of them leads, and a status of the disk is never explained away.
//! Sources: Microsoft's page on stop 0x7A (windows-driver-docs), on Dynamic Memory and on storage
//! time-outs (SupportArticles-docs); Hyper-V's own chain is confirmed by KB2505383.

mod cause;
mod links;

use super::facts::Facts;
use super::findings::in_page_status;
use crate::model::{Confidence, Evidence, Finding, Severity, Story};
use crate::platform::Pressure;
use alloc::{format, string::String};

/// What a failed page read was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Memory, or a resource made of it, ran out.
    Resources(u32),
    /// The disk or the way to it failed.
    Disk(u32),
    /// The page came back different from what was written.
    Changed,
    /// The disk's answer says the same.
    Content(u32),
    /// A status of another kind.
    Other(u32),
    /// The status is not in the dump.
    Unknown,
}

/// STATUS_NO_MEMORY, STATUS_INSUFFICIENT_RESOURCES, STATUS_COMMITMENT_LIMIT,
/// STATUS_WORKING_SET_QUOTA, STATUS_PAGEFILE_QUOTA.
const RESOURCES: [u32; 5] = [
    0xC000_0017,
    0xC000_009A,
    0xC000_012D,
    0xC000_00A1,
    0xC000_0007,
];

/// STATUS_UNSUCCESSFUL, and STATUS_IN_PAGE_ERROR without a reason of its own: they say nothing.
const UNSPECIFIC: [u32; 2] = [0xC000_0001, 0xC000_0006];

/// STATUS_CRC_ERROR, STATUS_DISK_CORRUPT_ERROR, STATUS_FILE_CORRUPT_ERROR,
/// STATUS_DATA_CHECKSUM_ERROR.
const CONTENT: [u32; 4] = [0xC000_003F, 0xC000_0032, 0xC000_0102, 0xC000_0470];

/// What disks, their drivers and the way to them answer. Source: Microsoft's page on stop 0x7A and
/// the names of the codes.
const DISK: [u32; 23] = [
    0xC000_000E, // no such device
    0xC000_000F, // no such file
    0xC000_0010, // invalid device request
    0xC000_0011, // end of file
    0xC000_0013, // no media in device
    0xC000_0015, // nonexistent sector
    0xC000_003E, // data error
    0xC000_009C, // device data error
    0xC000_009D, // device not connected
    0xC000_009E, // device power failure
    0xC000_00A3, // device not ready
    0xC000_00B5, // I/O timeout
    0xC000_00BE, // bad network path
    0xC000_00C0, // device does not exist
    0xC000_00C4, // unexpected network error
    0xC000_0168, // device reports a late data error
    0xC000_016A, // disk operation failed
    0xC000_0185, // I/O device error
    0xC000_020C, // connection disconnected
    0xC000_026E, // volume dismounted
    0xC000_02B6, // device removed
    0xC000_0483, // device hardware error
    0xC000_014F, // unrecognised volume
];

/// What the stories are told from.
pub(super) struct Case<'a> {
    pub facts: &'a Facts<'a>,
    pub failure: Failure,
    pub pressure: Pressure,
}

impl<'a> Case<'a> {
    fn of(facts: &'a Facts<'a>) -> Option<Self> {
        let status = in_page_status(facts);
        let failure = match (facts.plain_code(), facts.parameters[0], status) {
            (0x1A, 0x3F, _) | (0x12B, ..) => Failure::Changed,
            (_, _, Some(status)) if RESOURCES.contains(&status) => Failure::Resources(status),
            (_, _, Some(status)) if CONTENT.contains(&status) => Failure::Content(status),
            (_, _, Some(status)) if DISK.contains(&status) => Failure::Disk(status),
            (_, _, Some(status)) if !UNSPECIFIC.contains(&status) => Failure::Other(status),
            (_, _, Some(_)) | (0x7A | 0x77, ..) => Failure::Unknown,
            _ => return None,
        };
        Some(Self {
            facts,
            failure,
            pressure: Pressure::of(facts.memory?)?,
        })
    }
}

/// Tells it; `None` where the dump does not hold its links.
#[must_use]
pub fn story(facts: &Facts<'_>) -> Option<Story> {
    let case = Case::of(facts)?;
    let cause = cause::find(&case);
    let mut links = links::of_stop(&case);
    links.extend(links::of_memory(&case));
    links.extend(cause.links);
    Some(Story {
        summary: summary(&case, &cause.plain, &cause.advice),
        links,
        root_cause: cause.text,
        confidence: cause.confidence,
        advice: cause.advice,
        alternatives: cause.alternatives,
    })
}

fn summary(case: &Case<'_>, plain: &str, advice: &[String]) -> String {
    let code = case.facts.code_label();
    let read = match case.failure {
        Failure::Changed | Failure::Content(_) => "A page of memory then came back changed",
        _ => "Windows then could not read a page back",
    };
    let first = advice.first().map(|step| format!(" First step: {step}"));
    format!(
        "{plain} {read} and stopped with {code}.{}",
        first.unwrap_or_default()
    )
}

/// The story as a finding: each link stands in its evidence, sentence by sentence.
#[must_use]
pub fn finding(story: &Story) -> Finding {
    let evidence = story.links.iter().map(|link| {
        let place = link.evidence.first().map_or("", |first| &first.place);
        Evidence::new(link.text.clone(), place)
    });
    Finding {
        id: "root-cause",
        severity: Severity::Critical,
        confidence: story.confidence,
        title: story.root_cause.clone(),
        explanation: "The links from the stop to this cause stand below one by one; what they do \
                      not exclude stands in the story."
            .into(),
        evidence: evidence.collect(),
        advice: story.advice.clone(),
    }
}

/// How sure a chain is: no surer than its weakest link.
pub(super) fn weakest(parts: &[Confidence]) -> Confidence {
    parts.iter().copied().min().unwrap_or_default()
}
