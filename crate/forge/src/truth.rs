//! What is true of an invented machine, for tests that compare it with what a reader finds in the dump.

use crate::machine::Machine;
use crate::memory::PAGE;
use crate::physical::Physical;
use crate::scenario::{Scenario, ScenarioError};
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
}

/// The truth.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Every frame with contents.
    pub physical: BTreeMap<u64, Page>,
    /// Frames that a kernel dump holds.
    pub kernel_frames: Vec<u64>,
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
            processes: machine
                .processes
                .iter()
                .map(|p| TrueProcess {
                    name: p.name.clone(),
                    pid: p.id,
                    directory: p.directory,
                    object: p.object,
                    threads: p
                        .threads
                        .iter()
                        .map(|t| TrueThread {
                            id: t.id,
                            object: t.object,
                            stack: (t.stack_limit, t.stack_base),
                        })
                        .collect(),
                })
                .collect(),
            processors: machine
                .processors
                .iter()
                .map(|p| TrueProcessor {
                    pcr: p.pcr,
                    prcb: p.prcb,
                })
                .collect(),
            variables: machine
                .build
                .variables()
                .map(|(name, rva)| (name.to_owned(), base + u64::from(rva)))
                .collect(),
            stack: machine.current.frames.clone(),
            stack_pointer: machine.current.stack_pointer,
            frame_pointer: machine.current.frame_pointer,
        })
    }
}
