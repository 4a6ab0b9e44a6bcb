//! What a debugger shows of a thread beyond its state: what it waits for, since when, its times, its
//! requests.
//!
//! Sources: `symbols::layout` for KTHREAD, believed where the debugger data block agrees on State;
//! KWAIT_BLOCK, DISPATCHER_HEADER, KSEMAPHORE and KMUTANT as wdm.h and Microsoft's public symbols have
//! them (Vergilius): a wait block got its present form with Windows 8. The tick count stands in
//! KUSER_SHARED_DATA. ARM64 has the row of 26100 (ntdiff), believed
//! where all that the debugger data block places agrees with it.

use super::list::Ring;
use super::record::Record;
use super::shared_data;
use super::thread::{Thread, ThreadLayout, agreeing};
use super::{Architecture, Machine, Member};
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::symbols::layout::{Layout, Layouts};
use alloc::vec::Vec;

/// Objects that one thread can wait for (MAXIMUM_WAIT_OBJECTS).
const MAX_WAITS: usize = 64;
/// Requests of one thread that are listed.
const MAX_REQUESTS: usize = 64;
/// TickCount in KUSER_SHARED_DATA.
const TICKS: u64 = 0x320;
/// A clock tick is between half a millisecond and a tenth of a second, in 100 ns.
const INCREMENTS: core::ops::Range<u32> = 5_000..1_000_000;

/// Offsets in KWAIT_BLOCK and in what can be waited for.
struct Waits {
    thread: u64,
    object: u64,
    /// Up to Windows 7 each block leads to the next, later they stand side by side.
    next: Option<u64>,
    len: u64,
    limit: u64,
    owner: u64,
}

static WIDE: Waits = Waits {
    thread: 0x18,
    object: 0x20,
    next: None,
    len: 0x30,
    limit: 0x18,
    owner: 0x28,
};
static WIDE_7: Waits = Waits {
    thread: 0x10,
    object: 0x18,
    next: Some(0x20),
    ..WIDE
};
static NARROW: Waits = Waits {
    thread: 0x0C,
    object: 0x10,
    next: None,
    len: 0x18,
    limit: 0x10,
    owner: 0x18,
};
static NARROW_7: Waits = Waits {
    thread: 0x08,
    object: 0x0C,
    next: Some(0x10),
    ..NARROW
};

/// Something a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    /// The object.
    pub object: VirtualAddress,
    /// DISPATCHER_HEADER.Type.
    pub kind: Option<u8>,
    /// The limit of a semaphore.
    pub limit: Option<u32>,
    /// The thread that owns a mutant.
    pub owner: Option<VirtualAddress>,
}

/// What kinds of objects are called.
#[must_use]
pub fn kind_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0 => "NotificationEvent",
        1 => "SynchronizationEvent",
        2 => "Mutant",
        3 => "ProcessObject",
        4 => "QueueObject",
        5 => "Semaphore",
        6 => "Thread",
        7 => "Gate",
        8 => "NotificationTimer",
        9 => "SynchronizationTimer",
        _ => return None,
    })
}

/// More of a thread. What cannot be read of it is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadDetail {
    /// What it waits for.
    pub waits: Vec<Waited>,
    /// Whether a program's code waits.
    pub user_wait: Option<bool>,
    /// Whether an APC may end the wait.
    pub alertable: Option<bool>,
    /// Its environment block; 0 where it has none.
    pub environment: Option<VirtualAddress>,
    /// THREAD.Win32Thread; 0 where it has none.
    pub window_thread: Option<VirtualAddress>,
    /// Where its stack began.
    pub initial_stack: Option<VirtualAddress>,
    /// How often it got a processor.
    pub switches: Option<u32>,
    /// The processor it would rather have.
    pub ideal: Option<u32>,
    /// Clock ticks in user mode and in the kernel.
    pub ticks: [Option<u32>; 2],
    /// Its base priority.
    pub base_priority: Option<i8>,
    /// The process that it belongs to, where that is not the one whose memory it uses.
    pub owner: Option<VirtualAddress>,
    /// Its I/O requests that are under way.
    pub requests: Vec<VirtualAddress>,
}

/// What threads are told with.
#[derive(Clone)]
pub struct Reader<'a> {
    machine: Machine<'a>,
    row: Option<Layout>,
    layout: &'a ThreadLayout,
}

impl core::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Reader({:?})", self.row)
    }
}

impl<'a> Reader<'a> {
    /// A reader for the kernel in the dump.
    #[must_use]
    pub fn new(machine: Machine<'a>, layouts: &Layouts<'_>, layout: &'a ThreadLayout) -> Self {
        let said = machine.debugger_data.layout(Member::OffsetKThreadState);
        let row = said.and_then(|_| agreeing(machine, layouts));
        Self {
            machine,
            row,
            layout,
        }
    }

    /// More of `thread`.
    #[must_use]
    pub fn read(&self, space: &dyn AddressSpace, thread: &Thread) -> ThreadDetail {
        let width = self.machine.architecture.pointer_width();
        let record = Record::new(space, thread.address, 0x300, width);
        let at = |name: &str| self.row.as_ref()?.offset(name);
        let int = |name: &str, len| record.int(at(name)?, len).ok();
        let word = |name| int(name, 4).map(|value| value as u32);
        let target = |name| record.target(at(name)?);
        let pointer = |at: Option<u64>| record.pointer(at?).ok();
        let owner = target("Process");
        ThreadDetail {
            waits: self.waits(space, thread, &record),
            user_wait: int("WaitMode", 1)
                .filter(|&mode| mode < 2)
                .map(|mode| mode == 1),
            alertable: self.alertable(&record),
            environment: pointer(self.layout.environment),
            window_thread: pointer(at("Win32Thread")),
            initial_stack: target("InitialStack").or_else(|| {
                let initial = Member::OffsetKThreadInitialStack;
                record.target(self.machine.debugger_data.layout(initial)?)
            }),
            switches: word("ContextSwitches"),
            ideal: word("IdealProcessor").filter(|&number| number < 2048),
            ticks: [word("UserTime"), word("KernelTime")],
            base_priority: int("BasePriority", 1).map(|value| value as u8 as i8),
            owner: owner.filter(|&owner| Some(owner) != thread.process),
            requests: self.requests(space, thread),
        }
    }

    /// A byte of its own in Windows Vista, since then a bit of MiscFlags, which the rows name.
    fn alertable(&self, record: &Record<'_>) -> Option<bool> {
        let flags = record
            .int(self.row.as_ref()?.offset("Alertable")?, 1)
            .ok()?;
        Some(match self.machine.build {
            0..7600 => flags != 0,
            7600..10_240 => flags >> 5 & 1 != 0,
            _ => flags >> 4 & 1 != 0,
        })
    }

    /// How many blocks it waits with: WaitBlockCount stands before IdealProcessor on x64 since Windows 8, and on ARM64.
    fn count(&self, record: &Record<'_>) -> Option<u64> {
        let machine = self.machine;
        let known = machine.architecture != Architecture::X86 && machine.build >= 9200;
        let ideal = self
            .row
            .as_ref()
            .filter(|_| known)?
            .offset("IdealProcessor")?;
        record.int(ideal.checked_sub(1)?, 1).ok()
    }

    fn waits(&self, space: &dyn AddressSpace, thread: &Thread, record: &Record<'_>) -> Vec<Waited> {
        let width = self.machine.architecture.pointer_width();
        let form = match (width, self.machine.build < 9200) {
            (4, true) => &NARROW_7,
            (4, false) => &NARROW,
            (_, true) => &WIDE_7,
            (_, false) => &WIDE,
        };
        let waiting = thread.state == Some(super::thread::WAITING);
        let first = self.layout.wait_blocks.and_then(|at| record.target(at));
        let mut next = first.filter(|_| waiting);
        let count = self.count(record);
        let mut found: Vec<Waited> = Vec::new();
        while let Some(at) = next.filter(|_| found.len() < MAX_WAITS) {
            let block = Record::new(space, at, form.len as u16, width);
            let own = block.target(form.thread) == Some(thread.address);
            let object = block.target(form.object).filter(|_| own);
            // A block that is waited with hangs in the list of its object; one left over does not.
            let hangs = || {
                let list = block.target(0)?;
                let back = Record::new(space, list, 2 * u16::from(width), width);
                (back.target(width.into()) == Some(at)).then_some(())
            };
            let counted = match count {
                Some(count) => (found.len() as u64) < count,
                None => hangs().is_some(),
            };
            let Some(object) = object.filter(|_| counted) else {
                break;
            };
            found.push(self.waited(space, object, form));
            next = match form.next {
                Some(offset) => block.target(offset),
                None => at.checked_add(form.len),
            };
            if next == first {
                break;
            }
        }
        found
    }

    fn waited(&self, space: &dyn AddressSpace, object: VirtualAddress, form: &Waits) -> Waited {
        let width = self.machine.architecture.pointer_width();
        let header = Record::new(space, object, 0x30, width);
        let kind = header.int(0, 1).ok().map(|kind| kind as u8 & 0x7F);
        let limit = header.int(form.limit, 4).ok().map(|limit| limit as u32);
        Waited {
            object,
            kind,
            limit: limit.filter(|_| kind == Some(5)),
            owner: header.target(form.owner).filter(|_| kind == Some(2)),
        }
    }

    /// Addresses of the requests in ETHREAD.IrpList, which link at IRP.ThreadListEntry.
    fn requests(&self, space: &dyn AddressSpace, thread: &Thread) -> Vec<VirtualAddress> {
        let width = self.machine.architecture.pointer_width();
        let (Some(list), links) = (self.layout.requests, if width == 4 { 0x10 } else { 0x20 })
        else {
            return Vec::new();
        };
        let Some(head) = thread.address.checked_add(list) else {
            return Vec::new();
        };
        let ring = Ring {
            space,
            head,
            width,
            cap: MAX_REQUESTS,
            ahead: 0,
        };
        let entry = |at: VirtualAddress| Some(VirtualAddress(at.0.checked_sub(links)?));
        ring.walk().found.into_iter().filter_map(entry).collect()
    }
}

/// The clock: ticks since the start, and 100 ns in a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// The lower half of the tick count.
    pub now: Option<u32>,
    /// KeTimeIncrement.
    pub increment: Option<u32>,
}

impl Clock {
    /// Reads it.
    #[must_use]
    pub fn read(space: &dyn AddressSpace, machine: Machine<'_>) -> Self {
        let shared = shared_data::address(machine.architecture.pointer_width());
        let variable = machine.debugger_data.address(Member::KeTimeIncrement);
        let increment = variable.and_then(|at| space.u32(at).ok());
        Self {
            now: space
                .u32(VirtualAddress(shared.0 + TICKS))
                .ok()
                .filter(|&ticks| ticks != 0),
            increment: increment.filter(|increment| INCREMENTS.contains(increment)),
        }
    }

    /// Ticks since `then`.
    #[must_use]
    pub fn since(&self, then: u32) -> Option<u32> {
        // The count is of 32 bits and begins anew.
        self.now.map(|now| now.wrapping_sub(then))
    }

    /// Milliseconds of so many ticks.
    #[must_use]
    pub fn milliseconds(&self, ticks: u32) -> Option<u64> {
        let increment = self.increment?;
        Some(u64::from(ticks) * u64::from(increment) / 10_000)
    }
}
