//! Threads: the list in each process, and what ETHREAD tells of each.
//!
//! KTHREAD, the first part of the object, is described by the debugger data block for the most
//! part; ETHREAD behind it is not, but for one member on newer builds. So the layout of its end is
//! taken from the tables and moved until System's first thread proves it: the object begins with
//! the header of a thread, runs in System, and carries System's identifier. Sources:
//! `symbols::layout`; names of states and reasons: KTHREAD_STATE and KWAIT_REASON of Microsoft's
//! public headers (wdm.h).

use super::list::{Entries, Ring};
use super::process::layout::rows;
use super::process::{Process, ProcessLayout};
use super::record::Record;
use super::{Architecture, Machine, Member};
use crate::memory::{AddressSpace, Missing, VirtualAddress};
use crate::model::Confidence;
use crate::symbols::layout::{Layout, Layouts};
use alloc::vec::Vec;

/// More threads than any process has.
pub const MAX_THREADS: usize = 20_000;
/// The largest thread object; 0x910 bytes on ARM64.
const LARGEST: u64 = 0x1000;
/// Identifiers are handles: multiples of four, and far below this.
const MAX_ID: u64 = 1 << 26;

/// Offsets in KTHREAD and ETHREAD; `None` where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadLayout {
    /// KTHREAD.State, a byte.
    pub state: Option<u64>,
    /// KTHREAD.WaitReason, a byte.
    pub wait_reason: Option<u64>,
    /// KTHREAD.Priority, a byte.
    pub priority: Option<u64>,
    /// KTHREAD.ApcState.Process.
    pub process: Option<u64>,
    /// KTHREAD.NextProcessor.
    pub processor: Option<u64>,
    /// KTHREAD.StackLimit.
    pub stack_limit: Option<u64>,
    /// KTHREAD.StackBase.
    pub stack_base: Option<u64>,
    /// KTHREAD.KernelStack.
    pub kernel_stack: Option<u64>,
    /// KTHREAD.Teb.
    pub environment: Option<u64>,
    /// KTHREAD.TrapFrame.
    pub trap_frame: Option<u64>,
    /// KTHREAD.WaitTime, clock ticks.
    pub wait_time: Option<u64>,
    /// KTHREAD.WaitBlockList.
    pub wait_blocks: Option<u64>,
    /// ETHREAD.ThreadListEntry.
    pub links: Option<u64>,
    /// ETHREAD.Cid: process, then thread.
    pub id: Option<u64>,
    /// ETHREAD.StartAddress.
    pub start: Option<u64>,
    /// ETHREAD.Win32StartAddress.
    pub user_start: Option<u64>,
    /// ETHREAD.CreateTime.
    pub created: Option<u64>,
    /// ETHREAD.IrpList.
    pub requests: Option<u64>,
    /// How sure the part in ETHREAD is.
    pub confidence: Confidence,
    /// Bytes from which all of them can be read.
    pub len: u16,
}

/// The row of KTHREAD that agrees with the debugger data block, where that says something. ARM64 has
/// one, of 26100: elsewhere all that the block says before, in and behind its middle must agree.
pub(super) fn agreeing(machine: Machine<'_>, layouts: &Layouts<'_>) -> Option<Layout> {
    let rows = layouts.rows("_KTHREAD");
    let said = |member| machine.debugger_data.layout(member);
    let arm = machine.architecture == Architecture::Arm64;
    let mut pins = [
        ("State", Member::OffsetKThreadState),
        ("Teb", Member::OffsetKThreadTeb),
        ("KernelStack", Member::OffsetKThreadKernelStack),
        ("NextProcessor", Member::OffsetKThreadNextProcessor),
        ("WaitReason", Member::OffsetKThreadWaitReason),
    ]
    .map(|(name, member)| (name, said(member)));
    let pins = match arm {
        true => &mut pins[..],
        false => &mut pins[..1],
    };
    let agrees = |row: &Layout| {
        let same = |&(name, said): &(&str, Option<u64>)| match said {
            Some(said) => row.offset(name) == Some(said),
            None => !arm,
        };
        pins.iter().all(same)
    };
    rows.into_iter().find(agrees)
}

impl ThreadLayout {
    /// What is known of KTHREAD alone.
    #[must_use]
    pub fn kernel_part(machine: Machine<'_>, layouts: &Layouts<'_>) -> Self {
        let data = machine.debugger_data;
        let row = agreeing(machine, layouts);
        let table = |name| {
            let types = layouts.from_types("_KTHREAD", name);
            let types = types.map(|placed| u64::from(placed.offset));
            types.or_else(|| row.as_ref()?.offset(name))
        };
        let known = |member, name| data.layout(member).or_else(|| table(name));
        Self {
            state: known(Member::OffsetKThreadState, "State"),
            wait_reason: known(Member::OffsetKThreadWaitReason, "WaitReason"),
            priority: table("Priority"),
            process: data.layout(Member::OffsetKThreadApcProcess),
            processor: known(Member::OffsetKThreadNextProcessor, "NextProcessor"),
            stack_limit: known(Member::OffsetKThreadStackLimit, "StackLimit"),
            stack_base: known(Member::OffsetKThreadStackBase, "StackBase"),
            kernel_stack: known(Member::OffsetKThreadKernelStack, "KernelStack"),
            environment: known(Member::OffsetKThreadTeb, "Teb"),
            trap_frame: table("TrapFrame"),
            wait_time: table("WaitTime"),
            wait_blocks: table("WaitBlockList"),
            requests: data.layout(Member::OffsetEThreadIrpList),
            len: 0x300,
            ..Self::default()
        }
    }

    /// The whole layout, proven on a process that has threads; what is not proven stays `None`.
    #[must_use]
    pub fn find(
        machine: Machine<'_>,
        layouts: &Layouts<'_>,
        space: &dyn AddressSpace,
        process: &Process,
        of_process: &ProcessLayout,
    ) -> Self {
        let layout = Self::kernel_part(machine, layouts);
        let proof = || {
            let width = machine.architecture.pointer_width();
            let head = process.address.checked_add(of_process.threads?)?;
            let first = Record::new(space, head, 16, width).target(0)?;
            Some(Proof {
                space,
                width,
                first,
                process: process.address,
                pid: process.pid?.into(),
                apc_process: layout.process?,
            })
        };
        let Some(proof) = proof() else {
            return layout;
        };
        proof.complete(layout, layouts, machine)
    }

    /// The layout of the row whose size is what the debugger data block says that a thread has:
    /// unproven, for dumps that hold no list.
    #[must_use]
    pub fn of_size(machine: Machine<'_>, layouts: &Layouts<'_>) -> Self {
        let layout = Self::kernel_part(machine, layouts);
        let size = machine.debugger_data.layout(Member::SizeEThread);
        let types = |name: &str| {
            let placed = layouts.from_types("_ETHREAD", name)?;
            Some(u64::from(placed.offset))
        };
        if types("Cid").is_some() {
            return layout.with_row(&types, 0, Confidence::Certain);
        }
        let rows = rows(layouts, "_ETHREAD");
        let row = rows.iter().find(|row| {
            let same = size.is_some() && row.size().map(u64::from) == size;
            same && row.machine == machine.architecture.machine() && row.is_of_build(machine.build)
        });
        row.map_or_else(
            || layout.clone(),
            |row| layout.with_row(&|name: &str| row.offset(name), 0, Confidence::Likely),
        )
    }

    fn with_row(&self, row: &dyn Fn(&str) -> Option<u64>, shift: i64, sure: Confidence) -> Self {
        let at = |name| row(name)?.checked_add_signed(shift);
        let mut layout = self.clone();
        layout.links = at("ThreadListEntry");
        layout.id = at("Cid");
        layout.start = at("StartAddress");
        layout.user_start = at("Win32StartAddress");
        layout.created = at("CreateTime");
        layout.requests = layout.requests.or_else(|| at("IrpList"));
        layout.confidence = sure;
        let last = [layout.links, layout.id, layout.user_start];
        let last = last.into_iter().flatten().max().unwrap_or(0);
        layout.len = (last + 0x10).clamp(0x300, LARGEST) as u16;
        layout
    }
}

/// A thread of a known process as the proof of a layout.
struct Proof<'a> {
    space: &'a dyn AddressSpace,
    width: u8,
    /// The first entry of its list of threads.
    first: VirtualAddress,
    process: VirtualAddress,
    pid: u64,
    apc_process: u64,
}

impl Proof<'_> {
    fn is_thread(&self, object: VirtualAddress) -> bool {
        let record = Record::new(self.space, object, 0, self.width);
        record
            .int(0, 1)
            .is_ok_and(|kind| kind & 0x7F == super::THREAD_OBJECT)
            && record.pointer(self.apc_process) == Ok(self.process)
    }

    /// Whether the identifiers stand as far before the list entry as the row says.
    fn has_id(&self, row: &dyn Fn(&str) -> Option<u64>) -> bool {
        let back = || row("ThreadListEntry")?.checked_sub(row("Cid")?);
        let at = back().and_then(|back| self.first.0.checked_sub(back));
        at.is_some_and(|at| {
            let id = Record::new(self.space, VirtualAddress(at), 16, self.width);
            let thread = id.pointer(self.width.into());
            id.pointer(0) == Ok(VirtualAddress(self.pid))
                && thread.is_ok_and(|id| id.0 % 4 == 0 && id.0 < MAX_ID)
        })
    }

    /// How far behind the start of the object its list entry is.
    fn distance(&self) -> Option<u64> {
        (0x100..LARGEST / 8)
            .chain(0x40..0x100)
            .map(|words| words * 8)
            .find(|&back| {
                let object = self.first.0.checked_sub(back);
                object.is_some_and(|object| self.is_thread(VirtualAddress(object)))
            })
    }

    fn complete(
        &self,
        layout: ThreadLayout,
        layouts: &Layouts<'_>,
        machine: Machine<'_>,
    ) -> ThreadLayout {
        let types = |name: &str| {
            let placed = layouts.from_types("_ETHREAD", name)?;
            Some(u64::from(placed.offset))
        };
        let fits = |row: &dyn Fn(&str) -> Option<u64>| {
            let links = row("ThreadListEntry");
            let object = links.and_then(|links| self.first.0.checked_sub(links));
            self.has_id(row) && object.is_some_and(|at| self.is_thread(VirtualAddress(at)))
        };
        if types("ThreadListEntry").is_some() && fits(&types) {
            return layout.with_row(&types, 0, Confidence::Certain);
        }
        let rows: Vec<Layout> = rows(layouts, "_ETHREAD");
        let same = |row: &&Layout| {
            row.machine == machine.architecture.machine() && fits(&|name: &str| row.offset(name))
        };
        if let Some(row) = rows.iter().find(same) {
            let sure = match row.is_of_build(machine.build) {
                true => Confidence::Certain,
                false => Confidence::Likely,
            };
            return layout.with_row(&|name| row.offset(name), 0, sure);
        }
        let moved = rows
            .iter()
            .find(|row| self.has_id(&|name| row.offset(name)));
        let shift = || {
            let row = moved?.offset("ThreadListEntry")?;
            i64::try_from(self.distance()?)
                .ok()?
                .checked_sub_unsigned(row)
        };
        match (moved, shift()) {
            (Some(row), Some(shift)) => {
                layout.with_row(&|name| row.offset(name), shift, Confidence::Likely)
            }
            _ => layout,
        }
    }
}

/// What a thread object tells. What cannot be read of it is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Where it is.
    pub address: VirtualAddress,
    /// Identifier of its process.
    pub pid: Option<u32>,
    /// Its identifier.
    pub id: Option<u32>,
    /// The process whose memory it uses.
    pub process: Option<VirtualAddress>,
    /// KTHREAD_STATE.
    pub state: Option<u8>,
    /// KWAIT_REASON; means something while it waits.
    pub wait_reason: Option<u8>,
    /// Its priority, 0 to 31.
    pub priority: Option<u8>,
    /// The processor it runs on, or ran on.
    pub processor: Option<u32>,
    /// The lowest address of its stack, and the first behind it.
    pub stack: Option<(VirtualAddress, VirtualAddress)>,
    /// Where its stack pointer was when it last gave up the processor.
    pub kernel_stack: Option<VirtualAddress>,
    /// Its environment block; `None` for a thread of the system.
    pub environment: Option<VirtualAddress>,
    /// Where it began in the kernel's eyes.
    pub start: Option<VirtualAddress>,
    /// Where it began in the program's eyes.
    pub user_start: Option<VirtualAddress>,
    /// When it was made, FILETIME.
    pub created: Option<u64>,
    /// Its last trap frame.
    pub trap_frame: Option<VirtualAddress>,
    /// When it began to wait, in clock ticks.
    pub wait_time: Option<u32>,
}

/// KTHREAD_STATE.
static STATES: [&str; 10] = [
    "Initialized",
    "Ready",
    "Running",
    "Standby",
    "Terminated",
    "Waiting",
    "Transition",
    "DeferredReady",
    "GateWait",
    "WaitingForProcessInSwap",
];

/// KWAIT_REASON.
static REASONS: [&str; 41] = [
    "Executive",
    "FreePage",
    "PageIn",
    "PoolAllocation",
    "DelayExecution",
    "Suspended",
    "UserRequest",
    "WrExecutive",
    "WrFreePage",
    "WrPageIn",
    "WrPoolAllocation",
    "WrDelayExecution",
    "WrSuspended",
    "WrUserRequest",
    "WrSpare0",
    "WrQueue",
    "WrLpcReceive",
    "WrLpcReply",
    "WrVirtualMemory",
    "WrPageOut",
    "WrRendezvous",
    "WrKeyedEvent",
    "WrTerminated",
    "WrProcessInSwap",
    "WrCpuRateControl",
    "WrCalloutStack",
    "WrKernel",
    "WrResource",
    "WrPushLock",
    "WrMutex",
    "WrQuantumEnd",
    "WrDispatchInt",
    "WrPreempted",
    "WrYieldExecution",
    "WrFastMutex",
    "WrGuardedMutex",
    "WrRundown",
    "WrAlertByThreadId",
    "WrDeferredPreempt",
    "WrPhysicalFault",
    "WrIoRing",
];

/// The state's name.
#[must_use]
pub fn state_name(state: u8) -> Option<&'static str> {
    STATES.get(usize::from(state)).copied()
}

/// The reason's name.
#[must_use]
pub fn reason_name(reason: u8) -> Option<&'static str> {
    REASONS.get(usize::from(reason)).copied()
}

/// KTHREAD_STATE.Running.
pub const RUNNING: u8 = 2;
/// KTHREAD_STATE.Waiting.
pub const WAITING: u8 = 5;

impl Thread {
    /// The thread object at `address`; `None` when there is none, or it cannot be read.
    #[must_use]
    pub fn read(
        space: &dyn AddressSpace,
        machine: Machine<'_>,
        layout: &ThreadLayout,
        address: VirtualAddress,
    ) -> Option<Self> {
        let width = machine.architecture.pointer_width();
        let record = Record::new(space, address, layout.len, width);
        if record.int(0, 1).ok()? & 0x7F != super::THREAD_OBJECT {
            return None;
        }
        let byte = |at: Option<u64>| record.int(at?, 1).ok().map(|value| value as u8);
        let word = |at: Option<u64>| record.int(at?, 4).ok().map(|value| value as u32);
        let target = |at: Option<u64>| record.target(at?);
        // Elsewhere than a layout that was proven, what is no handle is no identifier.
        let proven = layout.confidence == Confidence::Certain;
        let id = |at: Option<u64>, which: u64| {
            let id = record
                .pointer(at?.checked_add(which * u64::from(width))?)
                .ok()?;
            let fits = id.0 < MAX_ID && (proven || id.0 % 4 == 0);
            fits.then_some(id.0 as u32)
        };
        let stack = target(layout.stack_limit).zip(target(layout.stack_base));
        Some(Self {
            address,
            pid: id(layout.id, 0),
            id: id(layout.id, 1),
            process: target(layout.process),
            state: byte(layout.state).filter(|&state| state_name(state).is_some()),
            wait_reason: byte(layout.wait_reason),
            priority: byte(layout.priority).filter(|&priority| priority < 32),
            // The upper bit of the number is a flag of its own since 8.1.
            processor: word(layout.processor)
                .map(|number| number & 0x7FFF_FFFF)
                .filter(|&number| number < 2048),
            stack: stack.filter(|(limit, base)| limit < base),
            kernel_stack: target(layout.kernel_stack),
            environment: target(layout.environment),
            start: target(layout.start),
            user_start: target(layout.user_start),
            created: layout
                .created
                .and_then(|at| record.int(at, 8).ok())
                .filter(|&time| time != 0),
            trap_frame: target(layout.trap_frame),
            wait_time: word(layout.wait_time),
        })
    }

    /// The state in words: with the reason where it waits.
    #[must_use]
    pub fn state_words(&self) -> Option<(&'static str, Option<&'static str>)> {
        let state = self.state?;
        let reason = self.wait_reason.filter(|_| state == WAITING);
        Some((state_name(state)?, reason.and_then(reason_name)))
    }
}

/// Addresses of the threads of a process.
#[must_use]
pub fn of_process(
    space: &dyn AddressSpace,
    machine: Machine<'_>,
    process: VirtualAddress,
    of_process: &ProcessLayout,
    layout: &ThreadLayout,
) -> Entries {
    let head = of_process
        .threads
        .and_then(|threads| process.checked_add(threads));
    let (Some(head), Some(links)) = (head, layout.links) else {
        return Entries {
            damage: Some(super::list::Break::Missing(process, Missing::Unmapped)),
            lost: true,
            ..Entries::default()
        };
    };
    let ring = Ring {
        space,
        head,
        width: machine.architecture.pointer_width(),
        cap: MAX_THREADS,
        ahead: 8,
    };
    let mut entries = ring.walk();
    for entry in &mut entries.found {
        *entry = VirtualAddress(entry.0.saturating_sub(links));
    }
    entries
}
