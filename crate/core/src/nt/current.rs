//! The processor, the thread and the process that were running when Windows stopped, from the
//! copies of their structures that a minidump holds, or from the structures themselves.
//!
//! The offsets of most members come from the debugger data block, so they hold on every build.
//! What it does not tell, the identifier and the name of the process, is in a table here.
//! Sources: Microsoft's public symbols as collected by Vergilius and the JPCERT symbol tables;
//! verified on dumps of 9600, 19041, 22000 (ARM64) and 26100.

use super::debugger_data::little_endian;
use super::{Architecture, DebuggerData, Member, PROCESS_OBJECT, THREAD_OBJECT};
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::Confidence;
use crate::symbols::KernelIdentity;
use crate::symbols::layout::Layouts;
use alloc::string::String;

/// KPROCESS.ProfileListHead: points to itself, and so tells where the structure was.
const PROFILE_LIST_X64: u64 = 0x18;
/// EPROCESS.ImageFileName, bytes.
const NAME_LEN: u64 = 15;
/// Process identifiers are handles: multiples of four, and far below this.
const MAX_PID: u64 = 1 << 26;

/// Where EPROCESS keeps what the debugger data block does not tell.
struct ProcessLayout {
    architecture: Architecture,
    /// Builds, first and last.
    builds: (u32, u32),
    /// OffsetEprocessPeb, to recognise the layout.
    peb: u64,
    pid: u64,
    name: u64,
}

const fn process(
    architecture: Architecture,
    builds: (u32, u32),
    peb: u64,
    pid: u64,
    name: u64,
) -> ProcessLayout {
    ProcessLayout {
        architecture,
        builds,
        peb,
        pid,
        name,
    }
}

static PROCESS: &[ProcessLayout] = &[
    process(Architecture::X64, (7600, 7601), 0x338, 0x180, 0x2E0),
    process(Architecture::X64, (9200, 9600), 0x3E8, 0x2E0, 0x438),
    process(Architecture::X64, (10240, 10240), 0x3F8, 0x2E8, 0x448),
    process(Architecture::X64, (10586, 14393), 0x3F8, 0x2E8, 0x450),
    process(Architecture::X64, (15063, 17763), 0x3F8, 0x2E0, 0x450),
    process(Architecture::X64, (18362, 18363), 0x3F8, 0x2E8, 0x450),
    process(Architecture::X64, (19041, 22631), 0x550, 0x440, 0x5A8),
    process(Architecture::X64, (26100, 26200), 0x2E0, 0x1D0, 0x338),
    process(Architecture::Arm64, (22000, 22631), 0x508, 0x3F8, 0x560),
    process(Architecture::X86, (2600, 2600), 0x1B0, 0x84, 0x174),
    process(Architecture::X86, (3790, 3790), 0x1A0, 0x94, 0x164),
    process(Architecture::X86, (6000, 6002), 0x188, 0x9C, 0x14C),
    process(Architecture::X86, (7600, 7601), 0x1A8, 0xB4, 0x16C),
    process(Architecture::X86, (9200, 9600), 0x140, 0xB4, 0x170),
    process(Architecture::X86, (10240, 10240), 0x144, 0xB4, 0x170),
    process(Architecture::X86, (10586, 14393), 0x144, 0xB4, 0x174),
    process(Architecture::X86, (15063, 18363), 0x14C, 0xB4, 0x17C),
    process(Architecture::X86, (19041, 19045), 0x17C, 0xE4, 0x1AC),
];

/// From PEB to name, on every 64-bit build since 10586. From the parent's identifier back to the
/// process's own, since 15063. For builds that the table does not know.
const NAME_BEHIND_PEB: u64 = 0x58;
const PID_BEFORE_PARENT: u64 = 0x100;

/// What a dump tells of the process that was running.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Where the process object was.
    pub address: Option<VirtualAddress>,
    /// Its identifier.
    pub pid: Option<u32>,
    /// That of the process that started it.
    pub parent_pid: Option<u32>,
    /// The name of its image, cut at 14 characters.
    pub name: Option<String>,
    /// How sure name and identifier are: likely where the build is not in the table.
    pub confidence: Confidence,
    /// Physical address of its page tables.
    pub directory_table_base: Option<u64>,
}

/// What the facts are read with.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// The machine's architecture.
    pub architecture: Architecture,
    /// Its build.
    pub build: u32,
    /// The debugger data block.
    pub debugger_data: &'a DebuggerData,
}

impl Machine<'_> {
    /// The layouts of its build; whoever knows the identity of its kernel knows better ones.
    #[must_use]
    pub fn layouts(&self) -> Layouts<'static> {
        Layouts::for_kernel(&KernelIdentity {
            machine: self.architecture.machine(),
            build: self.build,
            ..KernelIdentity::default()
        })
    }
}

/// Where the members of a structure are read from.
#[derive(Clone, Copy)]
enum Bytes<'a> {
    /// A copy in a minidump.
    Copy(&'a [u8]),
    /// The structure itself.
    Memory(&'a dyn AddressSpace, VirtualAddress),
}

/// A structure, read by the offsets in the debugger data block.
#[derive(Clone, Copy)]
struct Object<'a> {
    bytes: Bytes<'a>,
    machine: Machine<'a>,
}

impl Object<'_> {
    fn fill(&self, offset: u64, buf: &mut [u8]) -> Option<()> {
        match self.bytes {
            Bytes::Copy(bytes) => {
                let from = usize::try_from(offset).ok()?;
                let found = bytes.get(from..from.checked_add(buf.len())?)?;
                buf.copy_from_slice(found);
                Some(())
            }
            Bytes::Memory(space, address) => space.read(address.checked_add(offset)?, buf).ok(),
        }
    }

    fn int(&self, offset: u64, len: u64) -> Option<u64> {
        let mut buf = [0; 8];
        let bytes = buf.get_mut(..usize::try_from(len).ok()?)?;
        self.fill(offset, bytes)?;
        little_endian(&buf, 0, 8)
    }

    fn pointer_at(&self, offset: u64) -> Option<u64> {
        self.int(offset, u64::from(self.machine.architecture.pointer_width()))
    }

    /// The pointer at the offset that `member` gives; `None` when it is 0.
    fn pointer(&self, member: Member) -> Option<VirtualAddress> {
        let offset = self.machine.debugger_data.layout(member)?;
        let value = self.pointer_at(offset).filter(|&value| value != 0)?;
        Some(VirtualAddress(value))
    }

    fn is(&self, object: u64) -> bool {
        // The lower seven bits: higher ones are flags of other objects.
        self.int(0, 1).is_some_and(|kind| kind & 0x7F == object)
    }
}

impl ProcessFacts {
    /// From the copy of the process object; `None` when the bytes are none.
    #[must_use]
    pub fn parse(machine: Machine<'_>, bytes: &[u8]) -> Option<Self> {
        let bytes = Bytes::Copy(bytes);
        let object = Object { bytes, machine };
        let address = address_of_process(&object);
        Self::of(&object, address)
    }

    /// From the process object at `address`; `None` when there is none, or it cannot be read.
    #[must_use]
    pub fn read(
        machine: Machine<'_>,
        space: &dyn AddressSpace,
        address: VirtualAddress,
    ) -> Option<Self> {
        let bytes = Bytes::Memory(space, address);
        Self::of(&Object { bytes, machine }, Some(address))
    }

    fn of(object: &Object<'_>, address: Option<VirtualAddress>) -> Option<Self> {
        let machine = object.machine;
        let data = machine.debugger_data;
        if !object.is(PROCESS_OBJECT) {
            return None;
        }
        let peb = data.layout(Member::OffsetEprocessPeb);
        let parent = data.layout(Member::OffsetEprocessParentCID);
        let (pid, name, confidence) = process_offsets(machine, peb, parent);
        let id = |offset: u64| {
            let id = object.pointer_at(offset)?;
            let proven = confidence == Confidence::Certain;
            let fits = id < MAX_PID && (proven || id % 4 == 0);
            fits.then_some(id as u32)
        };
        Some(Self {
            address,
            pid: pid.and_then(id),
            parent_pid: parent.and_then(id),
            name: name.and_then(|offset| image_name(object, offset)),
            confidence,
            directory_table_base: data
                .layout(Member::OffsetEprocessDirectoryTableBase)
                .and_then(|offset| object.pointer_at(offset)),
        })
    }
}

/// Where a process object keeps its place on the list of processes: right behind its identifier,
/// on every build there is.
pub(super) fn process_links(machine: Machine<'_>) -> Option<u64> {
    let data = machine.debugger_data;
    let peb = data.layout(Member::OffsetEprocessPeb);
    let parent = data.layout(Member::OffsetEprocessParentCID);
    let (pid, ..) = process_offsets(machine, peb, parent);
    pid?.checked_add(u64::from(machine.architecture.pointer_width()))
}

/// Offsets of identifier and name, and how sure they are.
fn process_offsets(
    machine: Machine<'_>,
    peb: Option<u64>,
    parent: Option<u64>,
) -> (Option<u64>, Option<u64>, Confidence) {
    let known = PROCESS.iter().find(|layout| {
        layout.architecture == machine.architecture
            && (layout.builds.0..=layout.builds.1).contains(&machine.build)
            && Some(layout.peb) == peb
    });
    if let Some(layout) = known {
        return (Some(layout.pid), Some(layout.name), Confidence::Certain);
    }
    if machine.architecture.pointer_width() == 4 {
        return (None, None, Confidence::Possible);
    }
    let pid = parent.and_then(|offset| offset.checked_sub(PID_BEFORE_PARENT));
    let name = peb.and_then(|offset| offset.checked_add(NAME_BEHIND_PEB));
    (pid, name, Confidence::Likely)
}

/// The name: printable, with nothing but zeros behind it.
fn image_name(object: &Object<'_>, offset: u64) -> Option<String> {
    let mut field = [0; NAME_LEN as usize];
    object.fill(offset, &mut field)?;
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    let (name, rest) = field.split_at_checked(end)?;
    let plain = name.iter().all(|&b| b >= 0x20 && b != 0x7F) && !name.is_empty();
    // A field that does not hold the name holds numbers, whose upper bytes come behind a zero.
    let alone = rest.iter().all(|&b| b == 0);
    (plain && alone).then(|| String::from_utf8_lossy(name).into_owned())
}

/// An empty list points to itself.
fn address_of_process(object: &Object<'_>) -> Option<VirtualAddress> {
    if object.machine.architecture.pointer_width() != 8 {
        return None;
    }
    let forward = object.pointer_at(PROFILE_LIST_X64)?;
    let back = object.pointer_at(PROFILE_LIST_X64 + 8)?;
    let address = forward.checked_sub(PROFILE_LIST_X64)?;
    (forward == back && forward != 0).then_some(VirtualAddress(address))
}

/// What a dump tells of the thread that was running.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadFacts {
    /// Where the thread object was.
    pub address: Option<VirtualAddress>,
    /// The process whose memory it was using.
    pub process: Option<VirtualAddress>,
    /// The lowest address of its own stack.
    pub stack_limit: Option<VirtualAddress>,
    /// The end of its own stack. The machine may have stopped on another one.
    pub stack_base: Option<VirtualAddress>,
    /// Where its stack pointer was when it last gave up the processor.
    pub kernel_stack: Option<VirtualAddress>,
    /// Its user-mode environment block; `None` for a thread of the system.
    pub environment: Option<VirtualAddress>,
}

impl ThreadFacts {
    /// From the copy of the thread object; `None` when the bytes are none.
    #[must_use]
    pub fn parse(machine: Machine<'_>, bytes: &[u8]) -> Option<Self> {
        let bytes = Bytes::Copy(bytes);
        Self::of(&Object { bytes, machine }, None)
    }

    /// From the thread object at `address`; `None` when there is none, or it cannot be read.
    #[must_use]
    pub fn read(
        machine: Machine<'_>,
        space: &dyn AddressSpace,
        address: VirtualAddress,
    ) -> Option<Self> {
        let bytes = Bytes::Memory(space, address);
        Self::of(&Object { bytes, machine }, Some(address))
    }

    fn of(object: &Object<'_>, address: Option<VirtualAddress>) -> Option<Self> {
        let (limit, base) = old_stack(object).unzip();
        object.is(THREAD_OBJECT).then(|| Self {
            address,
            process: object.pointer(Member::OffsetKThreadApcProcess),
            stack_limit: object.pointer(Member::OffsetKThreadStackLimit).or(limit),
            stack_base: object.pointer(Member::OffsetKThreadStackBase).or(base),
            kernel_stack: object.pointer(Member::OffsetKThreadKernelStack),
            environment: object.pointer(Member::OffsetKThreadTeb),
        })
    }
}

/// Where KTHREAD of Windows 7 keeps StackLimit and StackBase; its debugger data block ends before
/// the members that tell. Architecture, builds, the two offsets.
static OLD_STACK: &[(Architecture, (u32, u32), u64, u64)] = &[
    (Architecture::X64, (7600, 7601), 0x30, 0x278),
    (Architecture::X86, (7600, 7601), 0x2C, 0x190),
];

fn old_stack(object: &Object<'_>) -> Option<(VirtualAddress, VirtualAddress)> {
    let machine = object.machine;
    let &(_, _, limit, base) = OLD_STACK.iter().find(|(architecture, builds, ..)| {
        *architecture == machine.architecture && (builds.0..=builds.1).contains(&machine.build)
    })?;
    let (limit, base) = (object.pointer_at(limit)?, object.pointer_at(base)?);
    let pages = limit & 0xFFF == 0 && base & 0xFFF == 0 && limit < base;
    pages.then_some((VirtualAddress(limit), VirtualAddress(base)))
}

/// What a dump tells of the processor that stopped the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessorFacts {
    /// Where the processor block was.
    pub address: Option<VirtualAddress>,
    /// Its number.
    pub number: Option<u32>,
    /// Its speed.
    pub megahertz: Option<u32>,
    /// Who made it, e.g. `GenuineIntel`.
    pub vendor: Option<String>,
    /// The thread that was running.
    pub current_thread: Option<VirtualAddress>,
    /// The thread that runs when no other does.
    pub idle_thread: Option<VirtualAddress>,
    /// The ends of the stacks on which deferred procedure calls run, interrupts, and exceptions
    /// that may not use another.
    pub own_stacks: [Option<VirtualAddress>; 3],
    /// x64: the address of the last page fault (CR2).
    pub fault_address: Option<VirtualAddress>,
    /// x64: the page tables in use (CR3).
    pub page_tables: Option<u64>,
    /// x64: the interrupt level (CR8), as it was when the stop was called for.
    pub interrupt_level: Option<u8>,
}

/// KSPECIAL_REGISTERS of x64: where CR2, CR3 and CR8 stand in it.
const CR2: u64 = 0x08;
const CR3: u64 = 0x10;
const CR8: u64 = 0xA0;
/// Twelve characters of CPUID and a NUL.
const VENDOR_LEN: usize = 13;

/// What a processor was running: the first page of its block says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunningThread {
    /// Where the processor block is.
    pub block: VirtualAddress,
    /// The thread that was running.
    pub thread: Option<VirtualAddress>,
    /// Whether that is the thread that runs when no other does.
    pub idle: bool,
}

impl RunningThread {
    /// Of the processor block at `block`.
    #[must_use]
    pub fn read(machine: Machine<'_>, space: &dyn AddressSpace, block: VirtualAddress) -> Self {
        let bytes = Bytes::Memory(space, block);
        let object = Object { bytes, machine };
        let thread = object.pointer(Member::OffsetPrcbCurrentThread);
        let idle = object.pointer(Member::OffsetPrcbIdleThread);
        Self {
            block,
            thread,
            idle: thread.is_some() && thread == idle,
        }
    }
}

impl Object<'_> {
    fn own_stacks(&self) -> [Option<VirtualAddress>; 3] {
        [
            Member::OffsetPrcbDpcStack,
            Member::OffsetPrcbIsrStack,
            Member::OffsetPrcbExceptionStack,
        ]
        .map(|member| self.pointer(member))
    }
}

impl ProcessorFacts {
    /// From the copy of the processor block.
    #[must_use]
    pub fn parse(machine: Machine<'_>, bytes: &[u8]) -> Self {
        let address = address_of_processor(machine, bytes);
        let bytes = Bytes::Copy(bytes);
        Self::of(&Object { bytes, machine }, address)
    }

    /// From the processor block at `address`. What cannot be read of it stays `None`.
    #[must_use]
    pub fn read(machine: Machine<'_>, space: &dyn AddressSpace, address: VirtualAddress) -> Self {
        let bytes = Bytes::Memory(space, address);
        Self::of(&Object { bytes, machine }, Some(address))
    }

    /// The ends of the stacks that the processor whose block is at `block` changes to: for deferred
    /// procedure calls, for interrupts, for exceptions that may not use another.
    #[must_use]
    pub fn read_own_stacks(
        machine: Machine<'_>,
        space: &dyn AddressSpace,
        block: VirtualAddress,
    ) -> [Option<VirtualAddress>; 3] {
        let bytes = Bytes::Memory(space, block);
        Object { bytes, machine }.own_stacks()
    }

    fn of(object: &Object<'_>, address: Option<VirtualAddress>) -> Self {
        let machine = object.machine;
        let data = machine.debugger_data;
        let int = |member, len| {
            data.layout(member)
                .and_then(|offset| object.int(offset, len))
        };
        let x64 = machine.architecture == Architecture::X64;
        let special = data
            .layout(Member::OffsetPrcbProcStateSpecialReg)
            .filter(|_| x64);
        Self {
            address,
            // Windows runs on 2048 processors at most.
            number: int(Member::OffsetPrcbNumber, 4)
                .filter(|&n| n < 2048)
                .map(|n| n as u32),
            megahertz: int(Member::OffsetPrcbMhz, 4)
                .map(|n| n as u32)
                .filter(|n| (1..100_000).contains(n)),
            vendor: vendor(object),
            current_thread: object.pointer(Member::OffsetPrcbCurrentThread),
            idle_thread: object.pointer(Member::OffsetPrcbIdleThread),
            own_stacks: object.own_stacks(),
            fault_address: special
                .and_then(|at| object.pointer_at(at + CR2))
                .map(VirtualAddress),
            page_tables: special.and_then(|at| object.pointer_at(at + CR3)),
            interrupt_level: special
                .and_then(|at| object.pointer_at(at + CR8))
                .filter(|level| *level < 16)
                .map(|level| level as u8),
        }
    }
}

/// The maker's name as CPUID gives it. ARM64 has none there.
fn vendor(object: &Object<'_>) -> Option<String> {
    if object.machine.architecture == Architecture::Arm64 {
        return None;
    }
    let data = object.machine.debugger_data;
    let mut field = [0; VENDOR_LEN];
    object.fill(data.layout(Member::OffsetPrcbVendorString)?, &mut field)?;
    let end = field.iter().position(|&b| b == 0)?;
    let name = field.get(..end)?;
    let plain = name.iter().all(|b| (0x20..0x7F).contains(b));
    (plain && end >= 4).then(|| String::from_utf8_lossy(name).into_owned())
}

/// The processor block holds no pointer to itself, but many empty lists, and an empty list points
/// to itself twice. Where they agree, and the processor control region around the block begins
/// with a page, that is where it was.
fn address_of_processor(machine: Machine<'_>, bytes: &[u8]) -> Option<VirtualAddress> {
    /// Lists that must agree.
    const VOTES: usize = 3;
    /// Addresses that are counted side by side.
    const CANDIDATES: usize = 16;
    if machine.architecture.pointer_width() != 8 {
        return None;
    }
    let contained = machine
        .debugger_data
        .layout(Member::OffsetPcrContainedPrcb)?;
    let mut votes: [(u64, usize); CANDIDATES] = [(0, 0); CANDIDATES];
    let words = bytes.chunks_exact(8).map(|word| {
        word.iter()
            .rev()
            .fold(0_u64, |value, &byte| value << 8 | u64::from(byte))
    });
    let mut before = 0;
    for (word, offset) in words.zip((0_u64..).step_by(8)) {
        let list = offset.saturating_sub(8);
        let base = word.wrapping_sub(list);
        if word == before && word != 0 && base.wrapping_sub(contained) & 0xFFF == 0 {
            let slot = votes.iter_mut().find(|(at, n)| *at == base || *n == 0);
            if let Some((at, n)) = slot {
                *at = base;
                *n += 1;
            }
        }
        before = word;
    }
    let best = votes.iter().max_by_key(|(_, n)| *n)?;
    (best.1 >= VOTES).then_some(VirtualAddress(best.0))
}
