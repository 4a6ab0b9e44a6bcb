//! What is true of an invented machine, for tests that compare it with what a reader finds in the dump.

use crate::machine::{Machine, PageState, Process};
use crate::memory::PAGE;
use crate::physical::Physical;
use crate::scenario::{DumpKind, Scenario, ScenarioError};
use std::collections::BTreeMap;

/// A page's bytes.
pub type Page = [u8; PAGE as usize];

/// A driver as the loader lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueModule {
    /// File name.
    pub name: String,
    /// Path.
    pub path: String,
    /// Address.
    pub base: u64,
    /// Bytes in memory.
    pub size: u64,
    /// Link stamp.
    pub stamp: u32,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueProcess {
    /// Image name.
    pub name: String,
    /// Process id.
    pub pid: u64,
    /// Physical address of its top page table.
    pub directory: u64,
    /// Address of its EPROCESS.
    pub object: u64,
    /// Its threads.
    pub threads: Vec<TrueThread>,
    /// Frames of its own pages, by address.
    pub user: BTreeMap<u64, u64>,
    /// Its own pages that have no memory.
    pub gaps: BTreeMap<u64, TrueGap>,
}

/// Why a page has no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrueGap {
    /// It is in a page file.
    PagedOut {
        /// Which.
        file: u64,
        /// At which page of it.
        page: u64,
    },
    /// It was never touched.
    DemandZero,
    /// The scenario gave its entry bit by bit.
    Raw(u64),
}

/// The pages among `states` that have no memory.
fn gaps(states: impl Iterator<Item = (u64, PageState)>) -> BTreeMap<u64, TrueGap> {
    let gap = |(vpn, state): (u64, PageState)| {
        let gap = match state {
            PageState::PagedOut { file, offset } => TrueGap::PagedOut { file, page: offset },
            PageState::DemandZero => TrueGap::DemandZero,
            PageState::Raw(entry) => TrueGap::Raw(entry),
            PageState::Valid | PageState::Transition | PageState::Prototype { .. } => return None,
        };
        Some((vpn * PAGE, gap))
    };
    states.filter_map(gap).collect()
}

/// A thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrueThread {
    /// Thread id.
    pub id: u64,
    /// Address of its ETHREAD.
    pub object: u64,
    /// Kernel stack: first address and first address after it.
    pub stack: (u64, u64),
}

/// A processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrueProcessor {
    /// Address of its KPCR.
    pub pcr: u64,
    /// Address of its KPRCB.
    pub prcb: u64,
    /// Where its saved CONTEXT lies.
    pub context: u64,
}

/// What a processor ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueRunning {
    /// Address of its ETHREAD.
    pub thread: u64,
    /// Its stack, innermost first.
    pub stack: Vec<u64>,
    /// The functions on it, and how far into them it lies.
    pub functions: Vec<(String, u64)>,
}

/// The truth.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Every frame with contents.
    pub physical: BTreeMap<u64, Page>,
    /// Frames that a kernel dump holds.
    pub kernel_frames: Vec<u64>,
    /// Frames of processes' own memory.
    pub user_frames: Vec<u64>,
    /// Frames that the scenario leaves out of the dump.
    pub left_out: Vec<u64>,
    /// First frame and count of each run of installed memory.
    pub runs: Vec<(u64, u64)>,
    /// Frames of kernel pages that have memory, by address.
    pub frames: BTreeMap<u64, u64>,
    /// Kernel pages that have none.
    pub gaps: BTreeMap<u64, TrueGap>,
    /// Kernel pages that are plainly present, by address.
    pub kernel: BTreeMap<u64, Page>,
    /// Drivers, the kernel first.
    pub modules: Vec<TrueModule>,
    /// Processes, System first.
    pub processes: Vec<TrueProcess>,
    /// Processors.
    pub processors: Vec<TrueProcessor>,
    /// Addresses of kernel variables by name.
    pub variables: BTreeMap<String, u64>,
    /// Return addresses and instruction pointers of the stack, innermost first.
    pub stack: Vec<u64>,
    /// What each processor ran.
    pub running: Vec<TrueRunning>,
    /// Return addresses on the stack of every thread that sleeps.
    pub sleeping: Vec<u64>,
    /// Stack pointer of the innermost frame.
    pub stack_pointer: u64,
    /// Frame pointer of the innermost frame.
    pub frame_pointer: u64,
}

impl Truth {
    /// Invents the machine of a scenario once more and says what is in it.
    ///
    /// # Errors
    /// The same as [`crate::forge`].
    pub fn of(scenario: &Scenario) -> Result<Self, ScenarioError> {
        let machine = Machine::invent(scenario)?;
        let physical = Physical::lay_out(&machine);
        let base = machine.images[0].base;
        Ok(Self {
            kernel_frames: physical.kernel.iter().copied().collect(),
            user_frames: physical.user.iter().copied().collect(),
            left_out: physical.left_out.iter().copied().collect(),
            runs: physical.runs.clone(),
            frames: addresses(&physical.placed),
            gaps: gaps(machine.page_states.iter().map(|(vpn, s)| (*vpn, *s))),
            physical: physical.contents.iter().map(|(f, p)| (*f, **p)).collect(),
            kernel: machine
                .kernel
                .pages()
                .filter(|(vpn, _)| !machine.page_states.contains_key(vpn))
                .map(|(vpn, page)| (vpn * PAGE, *page))
                .collect(),
            modules: machine
                .images
                .iter()
                .map(|i| TrueModule {
                    name: i.name.clone(),
                    path: i.path.clone(),
                    base: i.base,
                    size: i.size,
                    stamp: i.stamp,
                })
                .collect(),
            processes: (0..machine.processes.len())
                .map(|i| process(&machine, i, &physical.placed_user[i]))
                .collect(),
            processors: machine
                .processors
                .iter()
                .map(|p| TrueProcessor {
                    pcr: p.pcr,
                    prcb: p.prcb,
                    context: p.context,
                })
                .collect(),
            variables: machine
                .build
                .variables()
                .map(|(name, rva)| (name.to_owned(), base + u64::from(rva)))
                .collect(),
            stack: machine.current.frames.clone(),
            running: machine
                .running
                .iter()
                .map(|r| TrueRunning {
                    thread: r.thread.object,
                    stack: r.frames.clone(),
                    functions: r.functions.clone(),
                })
                .collect(),
            sleeping: machine.current.sleeping.clone(),
            stack_pointer: machine.current.stack_pointer,
            frame_pointer: machine.current.frame_pointer,
        })
    }

    /// Whether a dump of that kind holds a frame. In complete dumps of physical runs a frame that
    /// was left out is there all the same, as zeros.
    #[must_use]
    pub fn holds(&self, kind: DumpKind, frame: u64) -> bool {
        let installed = || self.runs.iter().any(|r| r.0 <= frame && frame < r.0 + r.1);
        let listed = |frames: &[u64]| frames.binary_search(&frame).is_ok();
        let left_out = listed(&self.left_out);
        match kind {
            DumpKind::Full | DumpKind::RangeComplete => installed(),
            DumpKind::BitmapFull => installed() && !left_out,
            DumpKind::Active | DumpKind::RangeKernelUser => {
                (listed(&self.kernel_frames) || listed(&self.user_frames)) && !left_out
            }
            DumpKind::Triage | DumpKind::HeaderOnly => false,
            _ => listed(&self.kernel_frames) && !left_out,
        }
    }

    /// The bytes of a frame as a dump of that kind has them; those nobody wrote are zero.
    #[must_use]
    pub fn page(&self, kind: DumpKind, frame: u64) -> Page {
        let zeroed = matches!(kind, DumpKind::Full | DumpKind::RangeComplete)
            && self.left_out.binary_search(&frame).is_ok();
        let page = self.physical.get(&frame).filter(|_| !zeroed);
        page.copied().unwrap_or([0; PAGE as usize])
    }
}

fn addresses(placed: &BTreeMap<u64, u64>) -> BTreeMap<u64, u64> {
    placed
        .iter()
        .map(|(vpn, frame)| (vpn * PAGE, *frame))
        .collect()
}

fn process(machine: &Machine<'_>, index: usize, placed: &BTreeMap<u64, u64>) -> TrueProcess {
    let Process {
        name,
        id,
        directory,
        object,
        threads,
        ..
    } = &machine.processes[index];
    let states = machine.user_states.range((index, 0)..=(index, u64::MAX));
    TrueProcess {
        name: name.clone(),
        pid: *id,
        directory: *directory,
        object: *object,
        threads: threads
            .iter()
            .map(|t| TrueThread {
                id: t.id,
                object: t.object,
                stack: (t.stack_limit, t.stack_base),
            })
            .collect(),
        user: addresses(placed),
        gaps: gaps(states.map(|(&(_, vpn), s)| (vpn, *s))),
    }
}
