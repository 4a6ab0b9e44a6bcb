//! `!locks`: executive resources that somebody holds, with their owners. A job, because a machine has thousands.
//!
//! Layout of the answer: Microsoft's documentation of the debugger's command (windows-driver-docs, CC-BY).

use super::process::{View, no_view};
use super::{Begun, Job, Live};
use crate::memory::VirtualAddress;
use crate::nt::resource::{self, Resource};
use alloc::{boxed::Box, format, string::String, vec::Vec};

/// Resources that one piece looks at.
const AT_ONCE: usize = 128;
/// Resources that are listed.
const MAX_LISTED: usize = 500;
/// Bits of an owner that are none of its address.
const MARKS: u64 = 3;

#[derive(Debug, Default)]
struct Locks {
    /// Whether the list was walked.
    walked: bool,
    all: Vec<VirtualAddress>,
    done: usize,
    held: usize,
    lines: Vec<String>,
    why: Option<String>,
}

#[derive(Debug)]
enum Piece {
    All(Vec<VirtualAddress>, Option<String>),
    Held(Vec<Vec<String>>, usize),
}

impl Job for Locks {
    type Piece = Piece;

    fn read(&self, live: &Live<'_>) -> Piece {
        let Some(view) = View::new(live) else {
            return Piece::All(Vec::new(), None);
        };
        if !self.walked {
            let Some(entries) = resource::list(&view.space, view.machine) else {
                let why = "The dump does not say where the list of resources begins.";
                return Piece::All(Vec::new(), Some(why.into()));
            };
            let why = entries.damage.filter(|_| entries.lost);
            let why = why.map(|why| format!("The list of resources is not whole: {why}."));
            return Piece::All(entries.found, why);
        }
        let some = self.all.iter().skip(self.done).take(AT_ONCE);
        let held = |&at: &VirtualAddress| {
            let held = resource::held(&view.space, view.machine, at)?;
            Some(lines(&view, &held))
        };
        Piece::Held(some.clone().filter_map(held).collect(), some.count())
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::All(all, why) => {
                (self.all, self.why, self.walked) = (all, why, true);
            }
            Piece::Held(held, looked) => {
                self.done += looked;
                for lines in held {
                    self.held += 1;
                    if self.held <= MAX_LISTED {
                        self.lines.extend(lines);
                    }
                }
            }
        }
    }

    fn progress(&self) -> (u64, u64) {
        let done = usize::from(self.walked) + self.done;
        (done as u64, 1 + self.all.len() as u64)
    }

    fn answer(&self, _: &Live<'_>) -> Vec<String> {
        let mut lines = Vec::from([String::from("**** DUMP OF ALL RESOURCE OBJECTS ****")]);
        lines.extend(self.lines.iter().cloned());
        if self.held > MAX_LISTED {
            lines.push(format!("No more than {MAX_LISTED} are listed."));
        }
        lines.push(format!(
            "{} total locks, {} locks currently held",
            self.done, self.held
        ));
        lines.extend(self.why.clone());
        lines
    }
}

fn lines(view: &View<'_>, resource: &Resource) -> Vec<String> {
    let at = resource.address;
    let place = match view.live.named(at.0) {
        Some(name) => format!("{name} (0x{})", view.plain(Some(at))),
        None => format!("0x{}", view.plain(Some(at))),
    };
    let how = match (resource.exclusive, resource.owners.len()) {
        (true, _) => "Exclusively owned".into(),
        (false, count) => format!("Shared {count} owning threads"),
    };
    let mut lines = Vec::from([String::new(), format!("Resource @ {place}    {how}")]);
    let mut count = |what: &str, number: u32| {
        if number > 0 {
            lines.push(format!("    {what} = {number}"));
        }
    };
    count("Contention Count", resource.contention);
    count("NumberOfSharedWaiters", resource.waiters[0]);
    count("NumberOfExclusiveWaiters", resource.waiters[1]);
    let each = resource.owners.iter().map(|owner| {
        let thread = VirtualAddress(owner.thread.0 & !MARKS);
        let count = owner
            .count
            .map_or(String::new(), |count| format!("-{count:02x}"));
        let mut text = format!("{}{count}<*>", view.plain(Some(owner.thread)));
        if thread != owner.thread {
            text += &format!(" *** Actual Thread {}", view.plain(Some(thread)));
        }
        text
    });
    let each: Vec<String> = each.collect();
    lines.push(format!("     Threads: {}", each.join(" ")));
    lines
}

/// `!locks`.
pub(super) fn locks(_: &[&str], live: &Live<'_>) -> Begun {
    if View::new(live).is_none() {
        return no_view().into();
    }
    Begun::Job(Box::<Locks>::default())
}
