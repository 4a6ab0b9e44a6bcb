//! Processes: the list that starts at PsActiveProcessHead, and what EPROCESS tells of each.
//!
//! A process that has ended stays in the list while somebody holds a handle to it; its time of
//! exit is set then. The name in EPROCESS is cut at 14 characters; where it is that long, the path
//! that was kept for auditing gives the rest. Sources: `symbols::layout`; the session's number is
//! the third word of MM_SESSION_SPACE in every version (Vergilius).

pub(super) mod layout;

pub use layout::ProcessLayout;

use super::Machine;
use super::identifiers::identifiers;
use super::list::{Break, Entries, Ring};
use super::record::Record;
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::model::{Confidence, Note};
use crate::symbols::layout::Layouts;
use alloc::collections::BTreeSet;
use alloc::{format, string::String, vec::Vec};

/// More processes than any Windows runs.
pub const MAX_PROCESSES: usize = 10_000;
/// Objects of the table of identifiers that are looked at where the list is broken.
const MAX_LOOKED: usize = 4096;
/// DISPATCHER_HEADER.Type of a process.
const PROCESS: u8 = super::PROCESS_OBJECT as u8;
/// ImageFileName, bytes.
const NAME_LEN: usize = 15;
/// MM_SESSION_SPACE.SessionId.
const SESSION_ID: u64 = 8;
/// Larger numbers of sessions are none.
const MAX_SESSION: u64 = 0x1_0000;
/// Process identifiers are far below this. They are handles, whose lowest two bits no table looks at:
/// what stands there is told with them.
const MAX_PID: u64 = 1 << 26;
/// Times of process objects: from 1990 to 2100, in 100 ns since 1601.
const TIMES: core::ops::Range<u64> = 0x01B0_0000_0000_0000..0x0230_0000_0000_0000;
/// More pages than any process can commit: 128 TiB.
const MAX_PAGES: u64 = 1 << 35;

/// What EPROCESS tells of a process. What cannot be read of it is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Where it is.
    pub address: VirtualAddress,
    /// Its identifier.
    pub pid: Option<u32>,
    /// That of the process that started it; it may have ended, and the number be another's by now.
    pub parent_pid: Option<u32>,
    /// The file name of its image.
    pub name: Option<String>,
    /// The path of its image, where the name needed it.
    pub path: Option<String>,
    /// Its session; `None` for System and its like.
    pub session: Option<u32>,
    /// When it began, FILETIME.
    pub created: Option<u64>,
    /// When it ended, FILETIME; `None` while it runs.
    pub exited: Option<u64>,
    /// Threads that have not ended.
    pub threads: Option<u32>,
    /// Commit charge, pages.
    pub commit: Option<u64>,
    /// Private pages.
    pub private: Option<u64>,
    /// Working set, pages.
    pub working_set: Option<u64>,
    /// Its environment block.
    pub environment: Option<VirtualAddress>,
    /// Physical address of its page tables.
    pub directory: Option<u64>,
}

/// All processes.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    /// In the order of the list: as they were made.
    pub all: Vec<Process>,
    /// The layout they were read with; `None` when none was proven.
    pub layout: Option<ProcessLayout>,
    /// Whether the list is whole.
    pub whole: bool,
    /// What is missing or odd.
    pub notes: Vec<Note>,
}

/// The list, as far as its links tell it.
#[derive(Clone, Debug, Default)]
pub struct ProcessList {
    entries: Entries,
    layout: Option<ProcessLayout>,
    head: Option<VirtualAddress>,
}

impl ProcessList {
    /// Walks the list whose head is at `head`.
    #[must_use]
    pub fn walk(
        space: &dyn AddressSpace,
        machine: Machine<'_>,
        layouts: &Layouts<'_>,
        head: VirtualAddress,
    ) -> Self {
        let ring = Ring {
            space,
            head,
            width: machine.architecture.pointer_width(),
            cap: MAX_PROCESSES,
            ahead: 8,
        };
        let entries = ring.walk();
        // System is the first, unless the list was damaged there; then any process that says so. Not
        // looked at while the list is being fetched: that is walked again, dozens of times.
        let trusted = if entries.waits() { 0 } else { 3 };
        let layout = entries
            .found
            .iter()
            .take(trusted)
            .find_map(|&first| ProcessLayout::find(machine, layouts, space, first));
        Self {
            entries,
            layout,
            head: Some(head),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.found.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.found.is_empty()
    }

    /// Reads what each of them tells.
    #[must_use]
    pub fn read(&self, space: &dyn AddressSpace, machine: Machine<'_>) -> Processes {
        let mut found = Processes {
            layout: self.layout.clone(),
            ..Processes::default()
        };
        let Some(layout) = &self.layout else {
            found.notes.push(self.no_layout());
            return found;
        };
        let reader = Reader {
            space,
            machine,
            layout,
        };
        let mut unread = 0_usize;
        for entry in &self.entries.found {
            let object = entry.0.checked_sub(layout.links).map(VirtualAddress);
            match object.and_then(|at| reader.process(at)) {
                Some(process) => found.all.push(process),
                None => unread += 1,
            }
        }
        found.explain_blanks(&reader);
        found.withhold_what_fails();
        found.whole = !self.entries.lost && unread == 0 && !found.all.is_empty();
        if let Some(damage) = self.entries.damage {
            found.notes.push(damaged(damage, self.entries.lost));
        }
        if unread > 0 {
            let text = format!(
                "{unread} entries of the list of processes are no processes, or cannot be read."
            );
            found.notes.push(Note::new("processes-cut", text));
        }
        found
    }

    fn no_layout(&self) -> Note {
        let text = match (self.entries.damage, self.entries.found.is_empty()) {
            (Some(why), true) => format!("The list of processes cannot be read: {why}."),
            (_, true) => "The list of processes is empty.".into(),
            _ => "Processes cannot be told: no layout that is known fits this kernel.".into(),
        };
        Note::new("no-processes", text)
    }

    /// Whether some of it was not found.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.entries.lost || self.layout.is_none()
    }

    /// Where the list begins.
    #[must_use]
    pub fn head(&self) -> Option<VirtualAddress> {
        self.head
    }
}

fn damaged(damage: Break, lost: bool) -> Note {
    let what = if lost {
        "The list of processes is not whole"
    } else {
        "The list of processes is damaged, but all of it was found from its other end"
    };
    Note::new("processes-cut", format!("{what}: {damage}."))
}

/// Reads process objects.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The memory.
    pub space: &'a dyn AddressSpace,
    /// The machine.
    pub machine: Machine<'a>,
    /// Where the members stand.
    pub layout: &'a ProcessLayout,
}

impl core::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Reader({:?})", self.layout)
    }
}

impl Reader<'_> {
    /// The process object at `address`; `None` when there is none, or it cannot be read.
    #[must_use]
    pub fn process(&self, address: VirtualAddress) -> Option<Process> {
        let (layout, width) = (self.layout, self.machine.architecture.pointer_width());
        let record = Record::new(self.space, address, layout.len, width);
        let kind = record.int(0, 1).ok()? & 0x7F;
        if kind != super::PROCESS_OBJECT {
            return None;
        }
        let word = |at: Option<u64>, len: u8| record.int(at?, len).ok();
        let pages = |at: Option<u64>| word(at, width).filter(|&n| n < MAX_PAGES);
        let time = |at| word(at, 8).filter(|&time| TIMES.contains(&time));
        let id = |at| word(at, width).filter(|&id| id < MAX_PID);
        let short = record.array::<NAME_LEN>(layout.name).ok();
        let short = short.and_then(|field| image_name(&field));
        let path = short
            .as_ref()
            .filter(|name| name.len() + 1 >= NAME_LEN)
            .and_then(|name| self.path(&record, name));
        let long = path.as_deref().and_then(|path| path.rsplit('\\').next());
        let directory = super::Member::OffsetEprocessDirectoryTableBase;
        Some(Process {
            address,
            pid: id(Some(layout.pid)).map(|id| id as u32),
            parent_pid: id(layout.parent).map(|id| id as u32),
            name: long.map(Into::into).or(short),
            session: self.session(&record),
            created: time(layout.created),
            exited: time(layout.exited),
            threads: word(layout.active_threads, 4)
                .filter(|&n| n < 1 << 20)
                .map(|n| n as u32),
            commit: pages(layout.commit),
            private: pages(layout.private),
            working_set: layout
                .working_set
                .and_then(|(at, len)| word(Some(at), len))
                .filter(|&n| n < MAX_PAGES),
            environment: layout.environment.and_then(|at| record.target(at)),
            directory: word(self.machine.debugger_data.layout(directory), width),
            path,
        })
    }

    /// The path of the image: UNICODE_STRING in what is kept for auditing. Nothing when it does
    /// not end in a name that begins like `short`.
    fn path(&self, record: &Record<'_>, short: &str) -> Option<String> {
        let width = self.machine.architecture.pointer_width();
        let info = record.target(self.layout.path?)?;
        let path = self.space.unicode_string(info, width).ok()?;
        let name = path.rsplit('\\').next()?;
        let same = name.get(..short.len())?.eq_ignore_ascii_case(short);
        same.then_some(path)
    }

    fn session(&self, record: &Record<'_>) -> Option<u32> {
        let session = record.target(self.layout.session?)?;
        let id = self.space.u32(session.checked_add(SESSION_ID)?).ok()?;
        (u64::from(id) < MAX_SESSION).then_some(id)
    }
}

/// The name: printable, with nothing but zeros behind it.
fn image_name(field: &[u8; NAME_LEN]) -> Option<String> {
    let end = field.iter().position(|&b| b == 0).unwrap_or(NAME_LEN);
    let name = field.get(..end)?;
    let plain = name.iter().all(|&b| b >= 0x20 && b != 0x7F) && !name.is_empty();
    plain.then(|| String::from_utf8_lossy(name).into_owned())
}

impl Processes {
    /// Why the identifier, the name or the commit charge of some is not recorded: an object lies
    /// across two pages as often as not, and each may be missing alone.
    fn explain_blanks(&mut self, reader: &Reader<'_>) {
        let layout = reader.layout;
        let width = reader.machine.architecture.pointer_width();
        type Blank = fn(&Process) -> bool;
        let members: [(&str, Option<u64>, Blank); 3] = [
            ("identifier", Some(layout.pid), |p| p.pid.is_none()),
            ("name", Some(layout.name), |p| p.name.is_none()),
            ("commit charge", layout.commit, |p| p.commit.is_none()),
        ];
        for (what, at, blank) in members {
            let blanks = self.all.iter().filter(|process| blank(process));
            let (Some(first), count, Some(at)) = (blanks.clone().next(), blanks.count(), at) else {
                continue;
            };
            let record = Record::new(reader.space, first.address, 0, width);
            let why = match record.int(at, width) {
                Err(missing) => format!("{missing}"),
                Ok(value) => format!("{value:#x}, which stands there, is none"),
            };
            let text = format!(
                "The {what} of {count} of the processes is not recorded; of that at {}: {why}.",
                first.address
            );
            self.notes.push(Note::new("process-members", text));
        }
    }

    /// A member that is not what it should be in many processes stands elsewhere in this kernel:
    /// it is withheld for all.
    fn withhold_what_fails(&mut self) {
        let mut withheld = Vec::new();
        self.withhold_nothing(&mut withheld);
        let confidence = self.layout.as_ref().map(|layout| layout.confidence);
        let few = confidence == Some(Confidence::Certain) && self.all.len() < 4;
        if !few {
            self.withhold_disorder(&mut withheld);
        }
        if !withheld.is_empty() {
            let text = format!(
                "Not told of the processes, because this kernel keeps it elsewhere than the kernels \
                 that are known: {}.",
                withheld.join(", ")
            );
            self.notes.push(Note::new("process-layout", text));
        }
    }

    /// What is zero for every process, System too, is another member's place.
    fn withhold_nothing(&mut self, withheld: &mut Vec<&'static str>) {
        type Figure = fn(&mut Process) -> &mut Option<u64>;
        let members: [(&str, Figure); 3] = [
            ("commit charge", |process| &mut process.commit),
            ("private pages", |process| &mut process.private),
            ("working sets", |process| &mut process.working_set),
        ];
        let all = &mut self.all;
        for (name, member) in members {
            let nothing = all.iter_mut().all(|process| *member(process) == Some(0));
            if nothing && !all.is_empty() {
                withheld.push(name);
                all.iter_mut().for_each(|process| *member(process) = None);
            }
        }
        // Whoever lives has a thread.
        let alive = |p: &&Process| p.exited.is_none();
        let counts = all.iter().filter(alive).map(|process| process.threads);
        if counts.clone().all(|threads| threads == Some(0)) && counts.count() > 0 {
            withheld.push("numbers of threads");
            all.iter_mut().for_each(|process| process.threads = None);
        }
    }

    fn withhold_disorder(&mut self, withheld: &mut Vec<&'static str>) {
        let living = self.all.iter().filter(|p| p.exited.is_none()).count();
        let without_time = self.all.iter().filter(|p| p.created.is_none()).count();
        if without_time * 4 > self.all.len() + 8 {
            withheld.push("times");
            for process in &mut self.all {
                (process.created, process.exited) = (None, None);
            }
        }
        // Private memory is a part of what is charged.
        let odd = |p: &&Process| match (p.commit, p.private) {
            (Some(commit), Some(private)) => private > commit.saturating_mul(16) + 0x4_0000,
            _ => true,
        };
        if self.all.iter().filter(odd).count() * 4 > self.all.len() + 8 {
            withheld.push("commit charge and private pages");
            for process in &mut self.all {
                (process.commit, process.private) = (None, None);
            }
        }
        let idle = |p: &&Process| p.exited.is_none() && p.threads == Some(0);
        if self.all.iter().filter(idle).count() * 2 > living + 4 {
            withheld.push("numbers of threads");
            for process in &mut self.all {
                process.threads = None;
            }
        }
    }

    /// Adds what the table of identifiers knows beside the list, which is broken.
    pub fn complete(
        &mut self,
        space: &dyn AddressSpace,
        machine: Machine<'_>,
        layouts: &Layouts<'_>,
    ) {
        let layout = self.layout.clone();
        let proven = layout.is_some();
        let Some(layout) = layout.or_else(|| ProcessLayout::likeliest(machine, layouts)) else {
            return;
        };
        let reader = Reader {
            space,
            machine,
            layout: &layout,
        };
        let known: BTreeSet<u64> = self.all.iter().map(|process| process.address.0).collect();
        let mut added = Vec::new();
        for &(id, at) in identifiers(space, machine).iter().take(MAX_LOOKED) {
            let mut kind = [0];
            // Most are threads.
            if known.contains(&at.0)
                || space.read(at, &mut kind).is_err()
                || kind[0] & 0x7F != PROCESS
            {
                continue;
            }
            let process = reader.process(at);
            added.extend(process.filter(|process| process.pid.is_some_and(|pid| pid & !3 == id)));
        }
        // Without the list nothing but System proves that the layout is this kernel's.
        let system =
            |process: &Process| process.pid == Some(4) && process.name.as_deref() == Some("System");
        if added.is_empty() || !proven && !added.iter().any(system) {
            return;
        }
        let text = format!(
            "{} processes are not on the list, or behind where it breaks: they were found in the \
             table of identifiers.",
            added.len()
        );
        self.notes.push(Note::new("processes-cut", text));
        self.all.append(&mut added);
        self.layout = Some(layout);
        self.withhold_what_fails();
    }

    /// The process with this identifier.
    #[must_use]
    pub fn by_pid(&self, pid: u32) -> Option<&Process> {
        self.all.iter().find(|process| process.pid == Some(pid))
    }

    /// The process object at an address.
    #[must_use]
    pub fn at(&self, address: VirtualAddress) -> Option<&Process> {
        self.all.iter().find(|process| process.address == address)
    }

    /// Whether two processes claim the same identifier, which a sound list never has.
    #[must_use]
    pub fn has_twins(&self) -> bool {
        let mut seen = BTreeSet::new();
        let alive = self.all.iter().filter(|p| p.exited.is_none());
        alive.filter_map(|p| p.pid).any(|pid| !seen.insert(pid))
    }
}
