//! A debugger data block that is encoded, or that the header does not lead to.
//!
//! While Windows runs without a debugger the block is encoded, and a dump that a hypervisor wrote
//! holds it so. The keys are variables of the kernel; where they are is known of the kernels whose
//! symbols are in the tables, and which kernel it is says the image that the list of drivers names
//! first. Where the block cannot be had at all, what it would say is put together from the header
//! and the tables: where the lists are, where processes and processors keep what is read of them.
//!
//! Source of the encoding: QEMU's contrib/elf2dmp and volatility's win8_kdbg describe it: each eight
//! bytes are changed by KiWaitNever, turned, changed by the block's address, reversed, changed by
//! KiWaitAlways.

use crate::container::DumpHeader;
use crate::image::Image;
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::nt::{Architecture, DebuggerData, Member};
use crate::symbols::KernelIdentity;
use crate::symbols::layout::{How, Layouts};
use alloc::vec::Vec;

/// KLDR_DATA_TABLE_ENTRY.DllBase, 64-bit and 32-bit.
const BASE: (u64, u64) = (0x30, 0x18);
/// Bytes of an encoded block: its size is encoded too.
const LEN: u16 = 0x3A8;

/// How a block was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It was where the tables say.
    Found,
    /// It was decoded.
    Decoded,
    /// It was put together.
    Composed,
}

/// The kernel in the dump.
struct Kernel<'a> {
    space: &'a dyn AddressSpace,
    header: &'a DumpHeader,
    architecture: Architecture,
    base: VirtualAddress,
    layouts: Layouts<'static>,
}

/// Gets the block, or what can be told without it.
pub(super) fn recover(
    space: &dyn AddressSpace,
    header: &DumpHeader,
    architecture: Architecture,
) -> Option<(DebuggerData, Way)> {
    let kernel = Kernel::find(space, header, architecture)?;
    let place = header.debugger_data.map(VirtualAddress);
    let named = kernel.variable("KdDebuggerDataBlock");
    // Both places are read before either is judged.
    let found = named.map(|at| DebuggerData::read(space, at, header.pointer_width()));
    let decoded = kernel.decode(place.or(named));
    if let Some(Ok(data)) = found {
        return Some((data, Way::Found));
    }
    match decoded {
        Some(data) => Some((data, Way::Decoded)),
        None => Some((kernel.compose(), Way::Composed)),
    }
}

/// The mask in entries that are not valid: MiState.Hardware.InvalidPteMask, of kernels whose
/// variables and structures are known.
pub(super) fn invalid_mask(
    space: &dyn AddressSpace,
    header: &DumpHeader,
    architecture: Architecture,
) -> Option<u64> {
    let kernel = Kernel::find(space, header, architecture)?;
    let state = kernel.variable("MiState")?;
    let member = |structure, name| {
        let placed = kernel.layouts.member(structure, name)?;
        let known = placed.how == How::ByIdentity;
        known.then_some(u64::from(placed.offset))
    };
    let hardware = member("_MI_SYSTEM_INFORMATION", "Hardware")?;
    let mask = member("_MI_HARDWARE_STATE", "InvalidPteMask")?;
    space.u64(state.checked_add(hardware + mask)?).ok()
}

impl<'a> Kernel<'a> {
    /// The first driver of the list is the kernel.
    fn find(
        space: &'a dyn AddressSpace,
        header: &'a DumpHeader,
        architecture: Architecture,
    ) -> Option<Self> {
        let width = header.pointer_width();
        let head = VirtualAddress(header.loaded_module_list?);
        let first = space.pointer(head, width).ok()?;
        let member = if width == 4 { BASE.1 } else { BASE.0 };
        let base = space.pointer(first.checked_add(member)?, width).ok()?;
        let image = Image::open(space, base);
        let image = image.ok();
        let symbols = image.as_ref().and_then(|image| image.code_view().ok()?);
        let layouts = Layouts::for_kernel(&KernelIdentity {
            machine: architecture.machine(),
            build: header.minor_version.unwrap_or_default(),
            revision: None,
            pdb: symbols.map(|found| (found.guid, found.age)),
            image: image.map(|image| (image.timestamp, image.size)),
        });
        Some(Self {
            space,
            header,
            architecture,
            base,
            layouts,
        })
    }

    fn variable(&self, name: &str) -> Option<VirtualAddress> {
        let place = self.layouts.variable(name)?;
        self.base.checked_add(place.offset.into())
    }

    /// The block at `at`, decoded with this kernel's keys.
    fn decode(&self, at: Option<VirtualAddress>) -> Option<DebuggerData> {
        let key = |name| self.variable(name).map(|at| self.space.u64(at));
        let (never, always) = (key("KiWaitNever"), key("KiWaitAlways"));
        let switch = self.variable("KdpDataBlockEncoded")?;
        let bytes = self.space.bytes(at?, LEN).ok()?;
        let (never, always) = (never?.ok()?, always?.ok()?);
        let plain: Vec<u8> = bytes
            .chunks_exact(8)
            .flat_map(|word| {
                let word = word.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
                let turned = (word ^ never).rotate_left(never as u32 & 0xFF);
                ((turned ^ switch.0).swap_bytes() ^ always).to_le_bytes()
            })
            .collect();
        DebuggerData::parse(&plain, self.header.pointer_width()).ok()
    }

    /// What the block would say, as far as header and tables know it.
    fn compose(&self) -> DebuggerData {
        let mut values = Vec::from([(Member::KernBase, self.base.0)]);
        let mut add = |member: Member, value: Option<u64>| {
            values.extend(value.map(|value| (member, value)));
        };
        let header = self.header;
        add(Member::PsLoadedModuleList, header.loaded_module_list);
        add(Member::PsActiveProcessHead, header.active_process_head);
        for (member, name) in VARIABLES {
            add(*member, self.variable(name).map(|at| at.0));
        }
        // Tables of x64 do not hold for ARM64, whose members are moved.
        if self.architecture != Architecture::Arm64 {
            for (member, structure, name) in MEMBERS {
                let placed = self.layouts.member(structure, name);
                add(*member, placed.map(|placed| placed.offset.into()));
            }
            let state = self.layouts.member("_KTHREAD", "ApcState");
            // KAPC_STATE.Process stands behind two lists.
            let lists = 4 * u64::from(header.pointer_width());
            add(
                Member::OffsetKThreadApcProcess,
                state.map(|placed| u64::from(placed.offset) + lists),
            );
        }
        DebuggerData::compose(&values, header.pointer_width())
    }
}

/// Variables that the block names, by their symbols.
static VARIABLES: &[(Member, &str)] = &[
    (Member::KiProcessorBlock, "KiProcessorBlock"),
    (Member::MmUnloadedDrivers, "MmUnloadedDrivers"),
    (Member::MmLastUnloadedDriver, "MmLastUnloadedDriver"),
    (Member::NtBuildLab, "NtBuildLabEx"),
    (Member::PspCidTable, "PspCidTable"),
    (Member::MmPfnDatabase, "MmPfnDatabase"),
    (Member::PoolTrackTable, "PoolTrackTable"),
    (Member::MmPhysicalMemoryBlock, "MmPhysicalMemoryBlock"),
    (Member::CmNtCSDVersion, "CmNtCSDVersion"),
];

/// Offsets that the block says, by structure and member.
static MEMBERS: &[(Member, &str, &str)] = &[
    (Member::OffsetEprocessPeb, "_EPROCESS", "Peb"),
    (
        Member::OffsetEprocessParentCID,
        "_EPROCESS",
        "InheritedFromUniqueProcessId",
    ),
    (
        Member::OffsetEprocessDirectoryTableBase,
        "_KPROCESS",
        "DirectoryTableBase",
    ),
    (Member::OffsetPrcbCurrentThread, "_KPRCB", "CurrentThread"),
    (Member::OffsetPrcbIdleThread, "_KPRCB", "IdleThread"),
    (Member::OffsetPrcbNumber, "_KPRCB", "Number"),
    (Member::OffsetKThreadState, "_KTHREAD", "State"),
    (Member::OffsetKThreadWaitReason, "_KTHREAD", "WaitReason"),
    (Member::OffsetKThreadStackLimit, "_KTHREAD", "StackLimit"),
    (Member::OffsetKThreadStackBase, "_KTHREAD", "StackBase"),
    (Member::OffsetKThreadKernelStack, "_KTHREAD", "KernelStack"),
    (Member::OffsetKThreadTeb, "_KTHREAD", "Teb"),
    (
        Member::OffsetKThreadNextProcessor,
        "_KTHREAD",
        "NextProcessor",
    ),
];
