//! What a debugger shows of a process beyond what an analysis needs: handles, token, sizes, times.
//!
//! Source: `symbols::layout`, by the row of EPROCESS that agrees with the layout that the process System
//! proved; where none agrees nothing is told. KPROCESS, the first part of the object, by its build.

use super::process::ProcessLayout;
use super::record::Record;
use super::{Machine, process::layout::rows};
use crate::memory::{AddressSpace, VirtualAddress};
use crate::symbols::layout::Layouts;

/// Handles that one process can have.
const MAX_HANDLES: u64 = 1 << 24;
/// More bytes than any process has.
const MAX_SIZE: u64 = 1 << 56;
/// More pages than any machine has.
const MAX_PAGES: u64 = 1 << 35;

/// More of a process. What cannot be read of it is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessDetail {
    /// Its environment block; 0 where it has none.
    pub environment: Option<VirtualAddress>,
    /// Its table of handles; 0 where it has none, as once it ended.
    pub table: Option<VirtualAddress>,
    /// How many handles it has, where the table counts them in one place.
    pub handles: Option<u32>,
    /// The root of the tree of its address ranges.
    pub ranges: Option<VirtualAddress>,
    /// Pages that it locked.
    pub locked: Option<u64>,
    /// Its token.
    pub token: Option<VirtualAddress>,
    /// Clock ticks in user mode and in the kernel, of threads that ended.
    pub ticks: [Option<u32>; 2],
    /// Peak of its working set, pages.
    pub peak: Option<u64>,
    /// Its address space and the peak of that, bytes.
    pub size: Option<u64>,
    /// The peak.
    pub peak_size: Option<u64>,
    /// Its job.
    pub job: Option<VirtualAddress>,
    /// What it ended with.
    pub exit_status: Option<u32>,
}

impl ProcessDetail {
    /// Reads more of the process at `at`.
    #[must_use]
    pub fn read(
        space: &dyn AddressSpace,
        machine: Machine<'_>,
        layouts: &Layouts<'_>,
        layout: &ProcessLayout,
        at: VirtualAddress,
    ) -> Self {
        let width = machine.architecture.pointer_width();
        let record = Record::new(space, at, layout.len, width);
        let proven = |row: &&_| agrees(row, layout);
        let all = rows(layouts, "_EPROCESS");
        let row = all.iter().find(proven);
        let offset = |name: &str| row?.offset(name);
        let int = |name: &str, len| record.int(offset(name)?, len).ok();
        // The low bits of a fast reference count.
        let bits = if width == 8 { 0xF } else { 7 };
        let target = |at: Option<u64>| record.target(at?);
        let pointer = |at: Option<u64>| record.pointer(at?).ok();
        let table = pointer(layout.handles);
        let of_kernel = layouts.rows("_KPROCESS");
        let of_kernel = of_kernel.iter().find(|row| row.is_of_build(machine.build));
        let ticks = |name: &str| {
            let at = of_kernel.filter(|_| row.is_some())?.offset(name)?;
            record.int(at, 4).ok().map(|ticks| ticks as u32)
        };
        Self {
            environment: pointer(layout.environment),
            table,
            handles: table
                .filter(|table| table.0 != 0)
                .and_then(|table| handles(space, machine, layouts, table)),
            ranges: target(offset("VadRoot")),
            locked: int("NumberOfLockedPages", width).filter(|&pages| pages < MAX_PAGES),
            token: target(layout.token)
                .map(|token| VirtualAddress(token.0 & !bits))
                .filter(|token| token.0 != 0),
            ticks: [ticks("UserTime"), ticks("KernelTime")],
            peak: peak(layouts, machine, layout, &record).filter(|&pages| pages < MAX_PAGES),
            size: int("VirtualSize", width).filter(|&bytes| bytes < MAX_SIZE),
            peak_size: int("PeakVirtualSize", width).filter(|&bytes| bytes < MAX_SIZE),
            job: target(offset("Job")),
            exit_status: int("ExitStatus", 4).map(|status| status as u32),
        }
    }
}

/// Whether a row of the table is the layout that was proven.
fn agrees(row: &crate::symbols::layout::Layout, layout: &ProcessLayout) -> bool {
    let same = |name: &str, at: Option<u64>| row.offset(name) == at;
    same("UniqueProcessId", Some(layout.pid))
        && same("ActiveProcessLinks", Some(layout.links))
        && same("ImageFileName", Some(layout.name))
        && same("CommitCharge", layout.commit)
}

/// The peak stands as far behind the working set's size as the rows say.
fn peak(
    layouts: &Layouts<'_>,
    machine: Machine<'_>,
    layout: &ProcessLayout,
    record: &Record<'_>,
) -> Option<u64> {
    let (at, width) = layout.working_set?;
    let distance = |structure| {
        let all = rows(layouts, structure);
        let row = all.iter().find(|row| row.is_of_build(machine.build))?;
        let (now, peak) = (
            row.offset("WorkingSetSize")?,
            row.offset("PeakWorkingSetSize")?,
        );
        i64::try_from(peak).ok()?.checked_sub_unsigned(now)
    };
    let distance = distance("_MMSUPPORT_INSTANCE").or_else(|| distance("_MMSUPPORT"))?;
    record.int(at.checked_add_signed(distance)?, width).ok()
}

/// HANDLE_TABLE.HandleCount; Windows 8 and later count elsewhere.
fn handles(
    space: &dyn AddressSpace,
    machine: Machine<'_>,
    layouts: &Layouts<'_>,
    table: VirtualAddress,
) -> Option<u32> {
    let all = layouts.rows("_HANDLE_TABLE");
    let row = all.iter().find(|row| row.is_of_build(machine.build))?;
    let record = Record::new(space, table, 0x80, machine.architecture.pointer_width());
    let count = record.int(row.offset("HandleCount")?, 4).ok()?;
    (count < MAX_HANDLES).then_some(count as u32)
}
