//! Every processor and what it was running: KPRCB, reached through KiProcessorBlock.
//!
//! Offsets come from the debugger data block; what it leaves out on old builds, from
//! `symbols::layout`.

use super::record::Record;
use super::thread::{Thread, ThreadLayout};
use super::{Machine, Member};
use crate::memory::{AddressSpace, VirtualAddress};
use crate::symbols::layout::Layouts;
use alloc::vec::Vec;

/// Bytes that hold what every processor is asked for; it is in the block's first page.
const HEAD: u16 = 0x28;

/// Offsets in KPRCB; `None` where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessorLayout {
    /// Number.
    pub number: Option<u64>,
    /// CurrentThread.
    pub thread: Option<u64>,
    /// NextThread.
    pub next: Option<u64>,
    /// IdleThread.
    pub idle: Option<u64>,
    /// DpcRoutineActive, a byte; not 0 while deferred procedure calls run.
    pub dpc_active: Option<u64>,
    /// DebuggerSavedIRQL, a byte: KeBugCheckEx keeps there at which level it was called.
    pub irql: Option<u64>,
}

impl ProcessorLayout {
    /// The layout of the kernel in the dump.
    #[must_use]
    pub fn find(machine: Machine<'_>, layouts: &Layouts<'_>) -> Self {
        let data = machine.debugger_data;
        let current = data.layout(Member::OffsetPrcbCurrentThread);
        let rows = layouts.rows("_KPRCB");
        let row = rows
            .iter()
            .find(|row| row.offset("CurrentThread") == current);
        let table = |name| row.and_then(|row| row.offset(name));
        let known = |member, name| data.layout(member).or_else(|| table(name));
        Self {
            number: known(Member::OffsetPrcbNumber, "Number"),
            thread: current,
            next: table("NextThread"),
            idle: known(Member::OffsetPrcbIdleThread, "IdleThread"),
            // The block is asked first; a table's row is of this very build or says nothing.
            dpc_active: data.layout(Member::OffsetPrcbDpcRoutine).or_else(|| {
                let row = rows.iter().find(|row| row.is_of_build(machine.build))?;
                row.offset("DpcRoutineActive")
            }),
            // Servicing moves the end of the block: only a row of the very size is believed.
            irql: rows
                .iter()
                .find(|row| {
                    let size = row.size().map(u64::from);
                    size.is_some() && size == data.layout(Member::SizePrcb)
                })
                .and_then(|row| row.offset("DebuggerSavedIRQL")),
        }
    }
}

/// A processor and what it was running. What cannot be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Its number.
    pub number: u32,
    /// Its block.
    pub block: VirtualAddress,
    /// The thread it ran.
    pub thread: Option<Thread>,
    /// The thread it was about to run.
    pub next: Option<VirtualAddress>,
    /// The thread it runs when no other does.
    pub idle_thread: Option<VirtualAddress>,
    /// Whether that was what it ran.
    pub idle: Option<bool>,
    /// Whether it was running deferred procedure calls.
    pub dpc_active: Option<bool>,
    /// The interrupt level at which KeBugCheckEx was called, on the processor that called it; else 0
    /// or what an earlier stop in the debugger left.
    pub irql: Option<u8>,
}

/// Interrupt levels of 64-bit machines: 0 to 15; of 32-bit ones to 31.
const IRQLS: u64 = 32;

/// Reads what the processors whose blocks are at `blocks` were running.
#[must_use]
pub fn running(
    space: &dyn AddressSpace,
    machine: Machine<'_>,
    layout: &ProcessorLayout,
    threads: &ThreadLayout,
    blocks: &[VirtualAddress],
) -> Vec<Running> {
    let width = machine.architecture.pointer_width();
    let read = |(index, &block): (u32, &VirtualAddress)| {
        let record = Record::new(space, block, HEAD, width);
        let target = |at: Option<u64>| record.target(at?);
        let number = layout.number.and_then(|at| record.int(at, 4).ok());
        let current = target(layout.thread);
        let idle_thread = target(layout.idle);
        let dpc = layout.dpc_active.and_then(|at| record.int(at, 1).ok());
        let thread = current.map(|at| {
            Thread::read(space, machine, threads, at).unwrap_or(Thread {
                address: at,
                ..Thread::default()
            })
        });
        Running {
            number: number.map_or(index, |number| number as u32),
            block,
            thread,
            next: target(layout.next),
            idle_thread,
            idle: current.zip(idle_thread).map(|(now, idle)| now == idle),
            dpc_active: dpc.map(|byte| byte != 0),
            irql: layout
                .irql
                .and_then(|at| record.int(at, 1).ok())
                .filter(|&level| level < IRQLS)
                .map(|level| level as u8),
        }
    };
    (0..).zip(blocks).map(read).collect()
}
