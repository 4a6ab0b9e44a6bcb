//! What a debugger shows of a process beyond what an analysis needs: handles, token, sizes, times.
//!
//! Source: `symbols::layout`, by the row of EPROCESS that agrees with the layout that the process System
//! proved, on ARM64 also by one of x64 whose members are all moved by the same distance; where none agrees
//! nothing is told. KPROCESS, the first part of the object, by its build.

use super::process::ProcessLayout;
use super::process::layout::{rows, support};
use super::record::Record;
use super::{Architecture, Machine};
use crate::memory::{AddressSpace, VirtualAddress};
use crate::symbols::layout::{Layout, Layouts, X64};

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
        let all = rows(layouts, "_EPROCESS");
        let row = all.iter().find_map(|row| Moved::of(machine, *row, layout));
        let offset = |name: &str| row.as_ref()?.offset(name);
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

/// A row of the table that is the layout that was proven.
struct Moved {
    row: Layout,
    /// How far its members are from where the row has them, and how much farther those behind the
    /// working set's structure.
    by: i64,
    behind: u64,
}

impl Moved {
    fn of(machine: Machine<'_>, row: Layout, layout: &ProcessLayout) -> Option<Self> {
        let distance = |name: &str, at: u64| {
            let row = i64::try_from(row.offset(name)?).ok()?;
            i64::try_from(at).ok()?.checked_sub(row)
        };
        let by = distance("UniqueProcessId", layout.pid)?;
        let same = |name: &str, at: Option<u64>| match at {
            Some(at) => distance(name, at) == Some(by),
            None => row.offset(name).is_none(),
        };
        let agrees = same("ActiveProcessLinks", Some(layout.links))
            && same("ImageFileName", Some(layout.name))
            && same("CommitCharge", layout.commit);
        let kin = machine.architecture == Architecture::Arm64 && row.machine == X64;
        let vm = row.offset("Vm").and_then(|vm| vm.checked_add_signed(by));
        let (_, behind) = support(machine, vm, kin);
        (agrees && (by == 0 || kin)).then_some(Self { row, by, behind })
    }

    fn offset(&self, name: &str) -> Option<u64> {
        let at = self.row.offset(name)?;
        let behind = self.row.offset("Vm").is_some_and(|vm| at > vm);
        let at = at.checked_add_signed(self.by)?;
        at.checked_add(if behind { self.behind } else { 0 })
    }
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
