//! Where EPROCESS keeps what is told of a process.
//!
//! The tables know many builds, and the debugger data block knows three members of the very kernel
//! in the dump: the environment block, the identifier of the parent, the size. A layout is taken
//! when those agree, or when all three are moved by the same distance, as they are from x64 to
//! ARM64 and from one build to the next; and then only when the process System proves it: its
//! identifier is 4 and its name is where the layout says. Where no layout is proven, the
//! identifier is the word before the list entry, and the name is found by its letters.
//!
//! Sources: `symbols::layout` for the tables; self-calibration by what every x64 build of the
//! tables has in common: the identifier stands directly before ActiveProcessLinks.

use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::Confidence;
use crate::nt::record::Record;
use crate::nt::{Architecture, Machine, Member};
use crate::symbols::KernelIdentity;
use crate::symbols::layout::{ARM64, Layout, Layouts, X64};
use alloc::vec::Vec;

/// The process System.
const SYSTEM_ID: u64 = 4;
const SYSTEM: [u8; 7] = *b"System\0";
/// DISPATCHER_HEADER.Type of a process.
const PROCESS_OBJECT: u64 = 3;
/// The largest object that is searched: EPROCESS has 0xC80 bytes on ARM64.
const LARGEST: u64 = 0x1000;
/// Distance from ActiveProcessLinks to the members that follow, on builds that no table knows, is
/// that of the nearest build: at most this many bytes of change are believed.
const MOST_SHIFT: u64 = 0x400;

/// Offsets; `None` where the layout has no such member or it is not proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessLayout {
    /// UniqueProcessId.
    pub pid: u64,
    /// ActiveProcessLinks.
    pub links: u64,
    /// ImageFileName, 15 bytes.
    pub name: u64,
    /// InheritedFromUniqueProcessId.
    pub parent: Option<u64>,
    /// CreateTime.
    pub created: Option<u64>,
    /// ExitTime.
    pub exited: Option<u64>,
    /// ThreadListHead.
    pub threads: Option<u64>,
    /// ActiveThreads.
    pub active_threads: Option<u64>,
    /// CommitCharge, pages.
    pub commit: Option<u64>,
    /// NumberOfPrivatePages.
    pub private: Option<u64>,
    /// The working set's size, pages, and the bytes that it takes.
    pub working_set: Option<(u64, u8)>,
    /// Session: a pointer to the structure of the session.
    pub session: Option<u64>,
    /// SeAuditProcessCreationInfo: a pointer to the path of the image.
    pub path: Option<u64>,
    /// Peb.
    pub environment: Option<u64>,
    /// ObjectTable: the table of its handles.
    pub handles: Option<u64>,
    /// Token.
    pub token: Option<u64>,
    /// Bytes from which all of them can be read.
    pub len: u16,
    /// How sure it is.
    pub confidence: Confidence,
}

impl ProcessLayout {
    /// The layout of the kernel in the dump; `first` is the first entry of the list of processes,
    /// which is System's. `None` when nothing is proven.
    #[must_use]
    pub fn find(
        machine: Machine<'_>,
        layouts: &Layouts<'_>,
        space: &dyn AddressSpace,
        first: VirtualAddress,
    ) -> Option<Self> {
        let proof = Proof {
            space,
            first,
            width: machine.architecture.pointer_width(),
        };
        let mut candidates = candidates(machine, layouts);
        // All of them are tried before one is chosen, so that what they need is fetched together.
        let proven: Vec<bool> = candidates
            .iter()
            .map(|layout| proof.holds(layout))
            .collect();
        let best = proven.iter().position(|&holds| holds);
        best.map(|index| candidates.swap_remove(index))
            .or_else(|| proof.calibrate(machine))
    }
}

impl ProcessLayout {
    /// The layout that the debugger data block and the tables make most probable, unproven: for
    /// dumps that hold no list.
    #[must_use]
    pub fn likeliest(machine: Machine<'_>, layouts: &Layouts<'_>) -> Option<Self> {
        candidates(machine, layouts).into_iter().next()
    }
}

/// The layouts that the debugger data block allows, the surest first.
fn candidates(machine: Machine<'_>, layouts: &Layouts<'_>) -> Vec<ProcessLayout> {
    let dropped = layouts.from_types("_EPROCESS", "UniqueProcessId").is_some();
    let data = machine.debugger_data;
    let said = [Member::OffsetEprocessPeb, Member::OffsetEprocessParentCID]
        .map(|member| data.layout(member));
    let size = data.layout(Member::SizeEProcess);
    let mut exact = Vec::new();
    let mut moved = Vec::new();
    if dropped {
        exact.extend(of_types(machine, layouts));
    }
    for row in rows(layouts, "_EPROCESS") {
        let its = [
            row.offset("Peb"),
            row.offset("InheritedFromUniqueProcessId"),
        ];
        let Some(shift) = shift(its, said) else {
            continue;
        };
        let same_size = size.is_none() || row.size().map(u64::from) == size;
        let of_build = row.is_of_build(machine.build);
        let confidence = match (shift == 0 && same_size, of_build) {
            (true, true) => Confidence::Certain,
            (true, false) => Confidence::Likely,
            (false, true) if shift == 0 => Confidence::Likely,
            _ => Confidence::Possible,
        };
        let found = of_row(machine, layouts, &row, shift, confidence);
        match (found, confidence) {
            (Some(found), Confidence::Certain) => exact.insert(0, found),
            (Some(found), Confidence::Likely) => exact.push(found),
            (Some(found), Confidence::Possible) => moved.push(found),
            (None, _) => {}
        }
    }
    // On ARM64 a move is what is expected.
    if machine.architecture == Architecture::Arm64 {
        for layout in &mut moved {
            layout.confidence = Confidence::Likely;
        }
    }
    exact.append(&mut moved);
    exact
}

/// The layouts of a structure. ARM64 has few of its own, of the newest builds, and differs from x64
/// of the same build by where a part that is the processor's begins: whoever asks finds out by how
/// much.
pub(in crate::nt) fn rows(layouts: &Layouts<'_>, structure: &str) -> Vec<Layout> {
    let mut own = layouts.rows(structure);
    let identity = layouts.identity();
    if identity.machine != ARM64 {
        return own;
    }
    own.retain(|row| identity.build >= row.first.0);
    let kin = KernelIdentity {
        machine: X64,
        build: identity.build,
        revision: identity.revision,
        ..KernelIdentity::default()
    };
    own.extend(Layouts::for_kernel(&kin).rows(structure));
    own
}

/// How far the members are moved from where the row has them, when both are by the same distance.
fn shift(row: [Option<u64>; 2], said: [Option<u64>; 2]) -> Option<i64> {
    let [peb, parent] = [0, 1].map(|i: usize| {
        let (row, said) = (
            row.get(i).copied().flatten()?,
            said.get(i).copied().flatten()?,
        );
        i64::try_from(said)
            .ok()?
            .checked_sub(i64::try_from(row).ok()?)
    });
    let shift = match (peb, parent) {
        (Some(peb), Some(parent)) => (peb == parent).then_some(peb)?,
        (Some(one), None) | (None, Some(one)) => one,
        // A block that is too short to say it: the row is all there is.
        (None, None) => said.iter().all(Option::is_none).then_some(0)?,
    };
    (shift.unsigned_abs() <= MOST_SHIFT).then_some(shift)
}

fn of_types(machine: Machine<'_>, layouts: &Layouts<'_>) -> Option<ProcessLayout> {
    let member = |name: &str| Some(u64::from(layouts.from_types("_EPROCESS", name)?.offset));
    build(machine, layouts, &member, 0, Confidence::Certain, None)
}

fn of_row(
    machine: Machine<'_>,
    layouts: &Layouts<'_>,
    row: &Layout,
    shift: i64,
    confidence: Confidence,
) -> Option<ProcessLayout> {
    let of_row = (row.last.0, row.machine);
    let member = |name: &str| row.offset(name);
    build(machine, layouts, &member, shift, confidence, Some(of_row))
}

fn build(
    machine: Machine<'_>,
    layouts: &Layouts<'_>,
    member: &dyn Fn(&str) -> Option<u64>,
    shift: i64,
    confidence: Confidence,
    of_row: Option<(u32, u16)>,
) -> Option<ProcessLayout> {
    let at = |name| member(name)?.checked_add_signed(shift);
    let data = machine.debugger_data;
    let known = |name, said| data.layout(said).or_else(|| at(name));
    let of_x64 = of_row.is_some_and(|(_, machine)| machine == X64);
    let (vm, behind) = support(machine, at("Vm"), of_x64);
    let working_set = vm.and_then(|vm| {
        let build = of_row.map_or(machine.build, |(build, _)| build);
        let (offset, width) = working_set(machine, layouts, build)?;
        Some((vm.checked_add(offset)?, width))
    });
    let mut layout = ProcessLayout {
        pid: at("UniqueProcessId")?,
        links: at("ActiveProcessLinks")?,
        name: at("ImageFileName")?,
        parent: known(
            "InheritedFromUniqueProcessId",
            Member::OffsetEprocessParentCID,
        ),
        created: at("CreateTime"),
        exited: at("ExitTime").and_then(|at| at.checked_add(behind)),
        threads: at("ThreadListHead"),
        active_threads: at("ActiveThreads"),
        commit: at("CommitCharge"),
        private: at("NumberOfPrivatePages"),
        working_set,
        session: at("Session"),
        path: at("SeAuditProcessCreationInfo"),
        environment: known("Peb", Member::OffsetEprocessPeb),
        handles: at("ObjectTable"),
        token: at("Token"),
        len: 0,
        confidence,
    };
    layout.measure();
    Some(layout)
}

/// Where the working set's structure begins, and how much farther than that everything behind it
/// is moved. On ARM64, whose cache lines have 128 bytes, it begins with one, and has 0xC0 bytes
/// more than on x64. Seen on a dump of 22000: Vm 0x680, ExitStatus 0x894; and so in 26100 (ntdiff).
pub(in crate::nt) fn support(
    machine: Machine<'_>,
    vm: Option<u64>,
    of_x64: bool,
) -> (Option<u64>, u64) {
    let Some(vm) = vm.filter(|_| of_x64 && machine.architecture == Architecture::Arm64) else {
        return (vm, 0);
    };
    let aligned = vm.checked_next_multiple_of(0x80);
    let moved = aligned.map_or(0, |aligned| aligned - vm);
    (aligned, moved + 0xC0)
}

impl ProcessLayout {
    fn measure(&mut self) {
        let last = [
            Some(self.name),
            Some(self.links),
            self.parent,
            self.created,
            self.exited,
            self.active_threads,
            self.commit,
            self.private,
            self.working_set.map(|(at, _)| at),
            self.session,
            self.path,
        ];
        let last = last.into_iter().flatten().max().unwrap_or(0);
        self.len = (last + 0x10).min(LARGEST) as u16;
    }
}

/// Where the size of the working set stands in EPROCESS.Vm, and its width.
fn working_set(machine: Machine<'_>, layouts: &Layouts<'_>, build: u32) -> Option<(u64, u8)> {
    let width = machine.architecture.pointer_width();
    let of = |structure: &str, name: &str| {
        let types = layouts.from_types(structure, name);
        let rows = rows(layouts, structure);
        let row = rows.iter().find(|row| row.is_of_build(build));
        let placed = types.or_else(|| row?.member(name))?;
        Some((u64::from(placed.offset), placed.width.unwrap_or(width)))
    };
    // A structure of its own since 15063, within another one from there on.
    if let Some((offset, width)) = of("_MMSUPPORT_INSTANCE", "WorkingSetSize") {
        let instance = of("_MMSUPPORT_FULL", "Instance").map_or(0, |(at, _)| at);
        return Some((instance + offset, width));
    }
    let (offset, width) = of("_MMSUPPORT", "WorkingSetSize")?;
    // A ULONG up to Windows 8.
    let width = if build <= 9200 { 4 } else { width };
    Some((offset, width))
}

/// The process System as the proof of a layout.
struct Proof<'a> {
    space: &'a dyn AddressSpace,
    first: VirtualAddress,
    width: u8,
}

impl Proof<'_> {
    fn holds(&self, layout: &ProcessLayout) -> bool {
        let Some(object) = self.first.0.checked_sub(layout.links) else {
            return false;
        };
        let record = Record::new(self.space, VirtualAddress(object), layout.len, self.width);
        let kind = record
            .int(0, 1)
            .is_ok_and(|kind| kind & 0x7F == PROCESS_OBJECT);
        let name = record.array::<7>(layout.name);
        let pid = record.pointer(layout.pid);
        kind && name == Ok(SYSTEM) && pid == Ok(VirtualAddress(SYSTEM_ID))
    }

    /// A layout from System alone: identifier, links, name, and what the debugger data block says.
    fn calibrate(&self, machine: Machine<'_>) -> Option<ProcessLayout> {
        let width = u64::from(self.width);
        let before = VirtualAddress(self.first.0.checked_sub(width)?);
        let word = Record::new(self.space, before, 8, self.width);
        if word.pointer(0) != Ok(VirtualAddress(SYSTEM_ID)) {
            return None;
        }
        let data = machine.debugger_data;
        let parent = data.layout(Member::OffsetEprocessParentCID)?;
        let directory = data.layout(Member::OffsetEprocessDirectoryTableBase);
        // The object begins where a header of a process stands whose lists lead to themselves.
        let start = (1..LARGEST / 8).find_map(|i| {
            let links = i * 8;
            let object = VirtualAddress(self.first.0.checked_sub(links)?);
            let record = Record::new(self.space, object, 0, self.width);
            let kind = record.int(0, 1).ok()? & 0x7F == PROCESS_OBJECT;
            let list = profile_list(machine.architecture);
            let empty = record.pointer(list).ok()? == object.checked_add(list)?;
            let tables = directory.is_none_or(|at| record.target(at).is_some());
            (kind && empty && tables && links < parent.max(0x400)).then_some((object, links))
        });
        let (object, links) = start?;
        let record = Record::new(self.space, object, LARGEST as u16, self.width);
        let name = (links..LARGEST).find(|&at| record.array::<7>(at) == Ok(SYSTEM))?;
        let mut layout = ProcessLayout {
            pid: links - width,
            links,
            name,
            parent: Some(parent),
            environment: data.layout(Member::OffsetEprocessPeb),
            confidence: Confidence::Possible,
            ..ProcessLayout::default()
        };
        layout.measure();
        Some(layout)
    }
}

/// KPROCESS.ProfileListHead: behind the dispatcher header, empty unless a profiler runs.
fn profile_list(architecture: Architecture) -> u64 {
    match architecture {
        Architecture::X86 => 0x10,
        _ => 0x18,
    }
}
