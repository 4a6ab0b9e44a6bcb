//! `!reg scan`: looks for the hives by their signature in every stored page, where neither the
//! kernel's symbols nor its data lead to them.
//!
//! The first hive whose neighbours prove it ends the search: the others are on its list. What was
//! found counts from then on, for `!reg` and for the report. Source: [`signature`].

use super::{Job, Live};
use crate::nt::registry::{RegistryMemory, Start, Until, signature, stored};
use crate::report::format::bytes;
use crate::source::SourceExt;
use alloc::{format, string::String, vec::Vec};

/// Bytes that one piece reads, and one read of it.
const PIECE: u64 = 4 * READ;
const READ: u64 = 0x10_0000;
/// Finds that turned out to be no hive, after which a crafted file is given up.
const MAX_FOLLOWED: usize = 4096;

#[derive(Debug)]
pub(super) struct Scan {
    first: u64,
    end: u64,
    done: u64,
    followed: usize,
    found: Option<(Start, Vec<String>)>,
}

/// What one piece found.
#[derive(Debug, Default)]
pub(super) struct Piece {
    len: u64,
    followed: usize,
    found: Option<(Start, Vec<String>)>,
}

impl Scan {
    pub fn new(live: &Live<'_>) -> Option<Self> {
        let (first, end) = stored(live.source, live.paged()?);
        Some(Self {
            first,
            end,
            done: 0,
            followed: 0,
            found: None,
        })
    }

    /// The hives that a link leads to, as lines.
    fn follow(
        live: &Live<'_>,
        links: &[crate::memory::VirtualAddress],
    ) -> Option<(Start, Vec<String>)> {
        let dump = live.paged()?;
        let kernel = dump.space(live.source)?;
        let (width, build) = (dump.pointer_width(), dump.header.minor_version.unwrap_or(0));
        links.iter().find_map(|&next| {
            let hives = signature::follow(&kernel, width, build, next, Until::End).ok()?;
            let start = hives.start;
            let memory = RegistryMemory {
                hives: Some(hives),
                ..RegistryMemory::default()
            };
            let lines = memory.ask(live.source, dump, |registry| {
                super::registry::hives(registry, live)
            });
            Some((start, lines.unwrap_or_default()))
        })
    }
}

impl Job for Scan {
    type Piece = Piece;

    fn read(&self, live: &Live<'_>) -> Piece {
        let from = self.first + self.done;
        let len = PIECE.min(self.end.saturating_sub(from));
        let Some(dump) = live.paged() else {
            return Piece {
                len,
                ..Piece::default()
            };
        };
        let build = dump.header.minor_version.unwrap_or(0);
        let mut links = Vec::new();
        for at in (from..from + len).step_by(READ as usize) {
            let len = (READ + signature::REACH).min(self.end - at);
            if let Ok(bytes) = live.source.bytes_up_to(at, len) {
                links.extend(signature::links(&bytes, live.width(), build));
            }
        }
        Piece {
            len,
            followed: links.len(),
            found: Self::follow(live, &links),
        }
    }

    fn take(&mut self, piece: Piece) {
        self.done += piece.len;
        self.followed += piece.followed;
        self.found = self.found.take().or(piece.found);
    }

    fn progress(&self) -> (u64, u64) {
        let all = self.end - self.first;
        match self.found.is_some() || self.followed > MAX_FOLLOWED {
            true => (all, all),
            false => (self.done, all),
        }
    }

    fn answer(&self, _: &Live<'_>) -> Vec<String> {
        let (done, all) = (bytes(self.done), bytes(self.end - self.first));
        let mut lines = match &self.found {
            Some((_, lines)) => lines.clone(),
            None => Vec::from([String::from("No hive was found in what was searched.")]),
        };
        lines.push(format!("{done} of {all} of stored pages were searched."));
        if self.found.is_some() && self.done < self.end - self.first {
            lines.push("The search ended there: the first hive leads to the others.".into());
        }
        lines
    }

    fn hive(&self) -> Option<Start> {
        self.found.as_ref().map(|&(start, _)| start)
    }
}
