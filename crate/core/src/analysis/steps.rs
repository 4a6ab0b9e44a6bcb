//! The steps, and which of them a kind of file needs.
//!
//! A step reads through the cache and returns what it learned; it changes nothing, because a run
//! during which something was wanted is thrown away.

use super::counters;
use super::coverage::{self, Covered};
use super::crash;
use super::dump::Space;
use super::identity::{self, Identities, Which};
use super::kernel::{self, Judgement};
use super::known::Known;
use super::machine::{self, Secondary};
use super::names::{self, Labels, Namer};
use super::processes;
use super::registry;
use super::stacks;
use crate::container::pages::{PagesError, RankStep};
use crate::container::user_minidump::UserMinidump;
use crate::container::{
    DumpHeader, HeaderError, Identity, PageIndex, SecondaryData, StoredPages, identify,
    user_minidump,
};
use crate::model::{Kind, Stack};
use crate::nt::memory_manager::MemoryManager;
use crate::nt::paged::{Current, Drivers, Ground, Lists};
use crate::nt::pool_tags::PoolTags;
use crate::nt::process::ProcessList;
use crate::nt::{Minidump, PagedDump};
use crate::source::{Cache, ReadError};
use alloc::{boxed::Box, string::String, vec::Vec};

/// What a step learned.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and not for long"
)]
#[derive(Debug)]
pub(super) enum Learned {
    Identity(Result<Identity, ReadError>),
    Header(Result<DumpHeader, HeaderError>),
    User(Result<UserMinidump, ReadError>),
    Minidump(Box<Result<Minidump, HeaderError>>),
    Pages(Result<PageIndex, PagesError>),
    Paged(Piece),
    Identities(Identities),
    Registry(Box<registry::Facts>),
    Secondary(Result<Secondary, ReadError>),
    Memory(Option<MemoryManager>),
    Pool(Option<PoolTags>),
    Stack(Option<Stack>),
    Labels(Box<Labels>),
    Stacks(Vec<Stack>),
    Judgement(Judgement),
    ProcessList(Option<ProcessList>),
    Small(Option<Box<Lists>>),
    /// What steps learned that were run side by side.
    Several(Vec<Learned>),
    /// The step had nothing to go on, because an earlier one failed.
    Nothing,
}

/// A piece of a dump with pages.
#[derive(Debug)]
pub(super) enum Piece {
    Ranks(RankStep),
    Ground(Box<Ground>),
    Drivers(Drivers),
    Lists(Box<Lists>),
    Paths(Vec<Option<String>>),
    Current(Box<Current>),
    Secondary(Result<Option<SecondaryData>, ReadError>),
    Covered(Covered),
}

/// One step.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// For a progress line.
    pub name: &'static str,
    /// Runs it once.
    pub run: fn(&Cache, &Known) -> Learned,
}

const IDENTIFY: Step = Step {
    name: "file",
    run: |cache, _| Learned::Identity(identify(cache)),
};
const HEADER: Step = Step {
    name: "header",
    run: |cache, _| Learned::Header(DumpHeader::read(cache)),
};
const USER: Step = Step {
    name: "streams",
    run: |cache, _| Learned::User(user_minidump::read(cache)),
};
const MINIDUMP: Step = Step {
    name: "drivers",
    run: |cache, _| Learned::Minidump(Box::new(Minidump::load(cache))),
};
const REGISTRY: Step = Step {
    name: "registry",
    run: |cache, known| match &known.paged {
        Some(dump) => Learned::Registry(Box::new(registry::read(cache, known, dump))),
        None => Learned::Nothing,
    },
};
const MACHINE: Step = Step {
    name: "machine",
    run: |cache, known| match &known.dump() {
        Some(dump) => Learned::Secondary(machine::read(cache, dump, known)),
        None => Learned::Nothing,
    },
};
const STACK: Step = Step {
    name: "stack",
    run: |cache, known| match &known.dump() {
        Some(dump) => {
            let space = Space::of(known, cache);
            let space = dump.modules.over(&space, &known.files);
            Learned::Stack(crash::stack(dump, &space))
        }
        None => Learned::Nothing,
    },
};
const NAMES: Step = Step {
    name: "names",
    run: |cache, known| match &known.dump() {
        Some(dump) => {
            let space = Space::of(known, cache);
            let space = dump.modules.over(&space, &known.files);
            let namer = Namer::new(&space, dump.modules, &known.files);
            Learned::Labels(Box::new(names::label(dump, known.stack.as_ref(), &namer)))
        }
        None => Learned::Nothing,
    },
};
/// Of the conclusions only those on watchdogs rest on them, and the first judgement does without.
const STACKS: Step = Step {
    name: "other stacks",
    run: |cache, known| Learned::Stacks(stacks::read(cache, known)),
};
const PAGES: Step = Step {
    name: "pages",
    run: |cache, known| match &known.header {
        Some(header) => Learned::Pages(StoredPages::read(cache, header).and_then(PageIndex::new)),
        None => Learned::Nothing,
    },
};
/// The name of the step that runs as often as the bitmap is long.
pub(super) const REPEATED: &str = "list of pages";
const BITMAP: Step = Step {
    name: REPEATED,
    run: |cache, known| {
        piece(known, |dump| match dump.index.step(cache) {
            Ok(step) => Piece::Ranks(step),
            // Nobody sees this: the run is thrown away.
            Err(_) => Piece::Ranks(RankStep::default()),
        })
    },
};
const GROUND: Step = Step {
    name: "kernel",
    run: |cache, known| {
        piece(known, |dump| {
            let ground = Ground::read(cache, &dump.header, &dump.index);
            Piece::Ground(Box::new(ground))
        })
    },
};
const DRIVERS: Step = Step {
    name: "drivers",
    run: |cache, known| piece(known, |dump| Piece::Drivers(dump.read_drivers(cache))),
};
const CURRENT: Step = Step {
    name: "processor",
    run: |cache, known| {
        piece(known, |dump| {
            Piece::Current(Box::new(Current::read(cache, dump)))
        })
    },
};
const SECONDARY: Step = Step {
    name: "secondary data",
    run: |cache, known| piece(known, |dump| Piece::Secondary(dump.read_secondary(cache))),
};
const COUNTERS: Step = Step {
    name: "memory counters",
    run: |cache, known| Learned::Memory(counters::read(known, &Space::of(known, cache))),
};
const POOL: Step = Step {
    name: "pool tags",
    run: |cache, known| Learned::Pool(counters::pool(known, &Space::of(known, cache))),
};
/// The name of the step that brings conclusions.
pub const JUDGE_STEP: &str = "diagnosis";
const JUDGE: Step = Step {
    name: JUDGE_STEP,
    run: |cache, known| match &known.header {
        Some(header) => Learned::Judgement(kernel::judge(cache, header, known)),
        None => Learned::Nothing,
    },
};

/// A list is walked link by link; what its entries tell is then asked for together.
const PROCESSES: Step = Step {
    name: "list of processes",
    run: |cache, known| match &known.paged {
        Some(dump) => Learned::ProcessList(processes::walk(cache, dump, known)),
        None => Learned::Nothing,
    },
};
const RUNNING: Step = Step {
    name: "processes",
    run: |cache, known| {
        piece(known, |dump| {
            Piece::Lists(Box::new(processes::read(cache, dump, known)))
        })
    },
};

/// The whole paths of the drivers, which no conclusion rests on.
const PATHS: Step = Step {
    name: "paths of drivers",
    run: |cache, known| piece(known, |dump| Piece::Paths(dump.read_driver_paths(cache))),
};

const COMPONENTS: Step = Step {
    name: "components",
    run: |cache, known| identities(cache, known, Which::Needed),
};
/// After the conclusions, because none rests on it.
const IDENTITIES: Step = Step {
    name: "driver files",
    run: |cache, known| identities(cache, known, Which::Rest),
};

const COVERAGE: Step = Step {
    name: "coverage",
    run: |cache, known| piece(known, |dump| Piece::Covered(coverage::read(cache, dump))),
};

fn identities(cache: &Cache, known: &Known, which: Which) -> Learned {
    let which = match which {
        _ if known.files.is_empty() => which,
        Which::Rest => return Learned::Nothing,
        _ => Which::All,
    };
    known.dump().map_or(Learned::Nothing, |dump| {
        let space = Space::of(known, cache);
        Learned::Identities(identity::read(&space, dump.modules, which))
    })
}

fn piece(known: &Known, read: impl FnOnce(&PagedDump) -> Piece) -> Learned {
    known
        .paged
        .as_ref()
        .map_or(Learned::Nothing, |dump| Learned::Paged(read(dump)))
}

/// Runs steps side by side that do not rest on each other, so that what they need is fetched
/// together: their rounds are those of the longest, not the sum.
fn together(cache: &Cache, known: &Known, steps: &[Step]) -> Learned {
    Learned::Several(steps.iter().map(|step| (step.run)(cache, known)).collect())
}

/// What was running and which code it ran.
const START: Step = Step {
    name: "drivers",
    run: |cache, known| together(cache, known, &[DRIVERS, CURRENT, SECONDARY]),
};
/// What a minidump holds of processes and processors.
const SMALL: Step = Step {
    name: "processes",
    run: |cache, known| {
        let dump = known.minidump.as_ref();
        let lists = dump.and_then(|dump| processes::of_minidump(cache, dump, known));
        Learned::Small(lists.map(Box::new))
    },
};
/// What the conclusions rest on.
const EVIDENCE: Step = Step {
    name: "stack",
    run: |cache, known| together(cache, known, &[COMPONENTS, MACHINE, STACK]),
};
/// What the lists hold, and what the code on the stack is called: exports are long lists too.
const DETAILS: Step = Step {
    name: "processes",
    run: |cache, known| together(cache, known, &[RUNNING, POOL, PATHS, NAMES, REGISTRY]),
};

/// The steps for a dump with pages. What the top card shows comes first, and is judged before the
/// long lists are read; those are judged again, for what they add.
const PAGED: &[Step] = &[
    IDENTIFY, HEADER, PAGES, BITMAP, GROUND, START, EVIDENCE, COUNTERS, JUDGE, PROCESSES, DETAILS,
    MACHINE, STACKS, JUDGE, IDENTITIES, COVERAGE,
];

/// The same, and again what rests on the registry, which a search has found since.
const WITH_REGISTRY: &[Step] = &[
    IDENTIFY, HEADER, PAGES, BITMAP, GROUND, START, EVIDENCE, COUNTERS, JUDGE, PROCESSES, DETAILS,
    MACHINE, STACKS, JUDGE, IDENTITIES, COVERAGE, REGISTRY, MACHINE, JUDGE,
];

/// The steps for what the file is known to be.
pub(super) fn plan(known: &Known) -> &'static [Step] {
    match known.kind() {
        None | Some(Kind::Other | Kind::Archive) => &[IDENTIFY],
        Some(Kind::UserMinidump) => &[IDENTIFY, USER],
        Some(Kind::Triage) => &[
            IDENTIFY, HEADER, MINIDUMP, MACHINE, STACK, NAMES, SMALL, JUDGE,
        ],
        Some(Kind::HeaderOnly | Kind::UnknownKernel) => &[IDENTIFY, HEADER, JUDGE],
        // Nothing behind the header of an encrypted dump can be read.
        Some(_) if known.is_encrypted() => &[IDENTIFY, HEADER, JUDGE],
        Some(_) if known.hive.is_some() => WITH_REGISTRY,
        Some(_) => PAGED,
    }
}
