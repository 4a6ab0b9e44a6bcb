//! The debugger data block (KDDEBUGGER_DATA64, "KDBG"): the kernel's own table of contents.
//! It says where the kernel was loaded, where its lists and counters are, and at which offsets
//! the members of its processors, processes and threads stand. That makes it the key to a dump
//! without symbols.
//!
//! Layout: windows-rs `KDDEBUGGER_DATA64` and Ghidra's `KdDebuggerData.java`; verified on dumps of
//! 9600, 19041, 22000 (ARM64) and 26100. Each Windows appends members, so a member is only there
//! when the block's recorded size covers it. 32-bit Windows uses the same structure with addresses
//! extended by sign.

use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use alloc::vec::Vec;
use core::fmt;

/// `KDBG`.
const TAG: [u8; 4] = *b"KDBG";
/// Offsets of the tag and of the size.
const TAG_AT: usize = 0x10;
const SIZE_AT: u64 = 0x14;
/// The largest size that is believed; 0x3A8 is the largest known.
const MAX_SIZE: u32 = 0x1000;
/// Up to the lists of modules and processes: less is no block.
const MIN_SIZE: u32 = 0x60;

macro_rules! members {
    ($($name:ident = $offset:literal, $len:literal;)*) => {
        /// A member of the debugger data block, by its name in Windows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, non_camel_case_types)]
        pub enum Member { $($name),* }

        /// Every member with its name, offset and length.
        static TABLE: &[(Member, &str, u64, u64)] =
            &[$((Member::$name, stringify!($name), $offset, $len)),*];
    };
}

members! {
    KernBase = 0x018, 8;
    BreakpointWithStatus = 0x020, 8;
    SavedContext = 0x028, 8;
    ThCallbackStack = 0x030, 2;
    NextCallback = 0x032, 2;
    FramePointer = 0x034, 2;
    KiCallUserMode = 0x038, 8;
    KeUserCallbackDispatcher = 0x040, 8;
    PsLoadedModuleList = 0x048, 8;
    PsActiveProcessHead = 0x050, 8;
    PspCidTable = 0x058, 8;
    ExpSystemResourcesList = 0x060, 8;
    ExpPagedPoolDescriptor = 0x068, 8;
    ExpNumberOfPagedPools = 0x070, 8;
    KeTimeIncrement = 0x078, 8;
    KeBugCheckCallbackListHead = 0x080, 8;
    KiBugcheckData = 0x088, 8;
    IopErrorLogListHead = 0x090, 8;
    ObpRootDirectoryObject = 0x098, 8;
    ObpTypeObjectType = 0x0A0, 8;
    MmSystemCacheStart = 0x0A8, 8;
    MmSystemCacheEnd = 0x0B0, 8;
    MmSystemCacheWs = 0x0B8, 8;
    MmPfnDatabase = 0x0C0, 8;
    MmSystemPtesStart = 0x0C8, 8;
    MmSystemPtesEnd = 0x0D0, 8;
    MmSubsectionBase = 0x0D8, 8;
    MmNumberOfPagingFiles = 0x0E0, 8;
    MmLowestPhysicalPage = 0x0E8, 8;
    MmHighestPhysicalPage = 0x0F0, 8;
    MmNumberOfPhysicalPages = 0x0F8, 8;
    MmMaximumNonPagedPoolInBytes = 0x100, 8;
    MmNonPagedSystemStart = 0x108, 8;
    MmNonPagedPoolStart = 0x110, 8;
    MmNonPagedPoolEnd = 0x118, 8;
    MmPagedPoolStart = 0x120, 8;
    MmPagedPoolEnd = 0x128, 8;
    MmPagedPoolInformation = 0x130, 8;
    MmPageSize = 0x138, 8;
    MmSizeOfPagedPoolInBytes = 0x140, 8;
    MmTotalCommitLimit = 0x148, 8;
    MmTotalCommittedPages = 0x150, 8;
    MmSharedCommit = 0x158, 8;
    MmDriverCommit = 0x160, 8;
    MmProcessCommit = 0x168, 8;
    MmPagedPoolCommit = 0x170, 8;
    MmExtendedCommit = 0x178, 8;
    MmZeroedPageListHead = 0x180, 8;
    MmFreePageListHead = 0x188, 8;
    MmStandbyPageListHead = 0x190, 8;
    MmModifiedPageListHead = 0x198, 8;
    MmModifiedNoWritePageListHead = 0x1A0, 8;
    MmAvailablePages = 0x1A8, 8;
    MmResidentAvailablePages = 0x1B0, 8;
    PoolTrackTable = 0x1B8, 8;
    NonPagedPoolDescriptor = 0x1C0, 8;
    MmHighestUserAddress = 0x1C8, 8;
    MmSystemRangeStart = 0x1D0, 8;
    MmUserProbeAddress = 0x1D8, 8;
    KdPrintCircularBuffer = 0x1E0, 8;
    KdPrintCircularBufferEnd = 0x1E8, 8;
    KdPrintWritePointer = 0x1F0, 8;
    KdPrintRolloverCount = 0x1F8, 8;
    MmLoadedUserImageList = 0x200, 8;
    NtBuildLab = 0x208, 8;
    KiNormalSystemCall = 0x210, 8;
    KiProcessorBlock = 0x218, 8;
    MmUnloadedDrivers = 0x220, 8;
    MmLastUnloadedDriver = 0x228, 8;
    MmTriageActionTaken = 0x230, 8;
    MmSpecialPoolTag = 0x238, 8;
    KernelVerifier = 0x240, 8;
    MmVerifierData = 0x248, 8;
    MmAllocatedNonPagedPool = 0x250, 8;
    MmPeakCommitment = 0x258, 8;
    MmTotalCommitLimitMaximum = 0x260, 8;
    CmNtCSDVersion = 0x268, 8;
    MmPhysicalMemoryBlock = 0x270, 8;
    MmSessionBase = 0x278, 8;
    MmSessionSize = 0x280, 8;
    MmSystemParentTablePage = 0x288, 8;
    MmVirtualTranslationBase = 0x290, 8;
    OffsetKThreadNextProcessor = 0x298, 2;
    OffsetKThreadTeb = 0x29A, 2;
    OffsetKThreadKernelStack = 0x29C, 2;
    OffsetKThreadInitialStack = 0x29E, 2;
    OffsetKThreadApcProcess = 0x2A0, 2;
    OffsetKThreadState = 0x2A2, 2;
    OffsetKThreadBStore = 0x2A4, 2;
    OffsetKThreadBStoreLimit = 0x2A6, 2;
    SizeEProcess = 0x2A8, 2;
    OffsetEprocessPeb = 0x2AA, 2;
    OffsetEprocessParentCID = 0x2AC, 2;
    OffsetEprocessDirectoryTableBase = 0x2AE, 2;
    SizePrcb = 0x2B0, 2;
    OffsetPrcbDpcRoutine = 0x2B2, 2;
    OffsetPrcbCurrentThread = 0x2B4, 2;
    OffsetPrcbMhz = 0x2B6, 2;
    OffsetPrcbCpuType = 0x2B8, 2;
    OffsetPrcbVendorString = 0x2BA, 2;
    OffsetPrcbProcStateContext = 0x2BC, 2;
    OffsetPrcbNumber = 0x2BE, 2;
    SizeEThread = 0x2C0, 2;
    L1tfHighPhysicalBitIndex = 0x2C2, 1;
    L1tfSwizzleBitIndex = 0x2C3, 1;
    KdPrintCircularBufferPtr = 0x2C8, 8;
    KdPrintBufferSize = 0x2D0, 8;
    KeLoaderBlock = 0x2D8, 8;
    SizePcr = 0x2E0, 2;
    OffsetPcrSelfPcr = 0x2E2, 2;
    OffsetPcrCurrentPrcb = 0x2E4, 2;
    OffsetPcrContainedPrcb = 0x2E6, 2;
    OffsetPcrInitialBStore = 0x2E8, 2;
    OffsetPcrBStoreLimit = 0x2EA, 2;
    OffsetPcrInitialStack = 0x2EC, 2;
    OffsetPcrStackLimit = 0x2EE, 2;
    OffsetPrcbPcrPage = 0x2F0, 2;
    OffsetPrcbProcStateSpecialReg = 0x2F2, 2;
    GdtR0Code = 0x2F4, 2;
    GdtR0Data = 0x2F6, 2;
    GdtR0Pcr = 0x2F8, 2;
    GdtR3Code = 0x2FA, 2;
    GdtR3Data = 0x2FC, 2;
    GdtR3Teb = 0x2FE, 2;
    GdtLdt = 0x300, 2;
    GdtTss = 0x302, 2;
    Gdt64R3CmCode = 0x304, 2;
    Gdt64R3CmTeb = 0x306, 2;
    IopNumTriageDumpDataBlocks = 0x308, 8;
    IopTriageDumpDataBlocks = 0x310, 8;
    VfCrashDataBlock = 0x318, 8;
    MmBadPagesDetected = 0x320, 8;
    MmZeroedPageSingleBitErrorsDetected = 0x328, 8;
    EtwpDebuggerData = 0x330, 8;
    OffsetPrcbContext = 0x338, 2;
    OffsetPrcbMaxBreakpoints = 0x33A, 2;
    OffsetPrcbMaxWatchpoints = 0x33C, 2;
    OffsetKThreadStackLimit = 0x340, 4;
    OffsetKThreadStackBase = 0x344, 4;
    OffsetKThreadQueueListEntry = 0x348, 4;
    OffsetEThreadIrpList = 0x34C, 4;
    OffsetPrcbIdleThread = 0x350, 2;
    OffsetPrcbNormalDpcState = 0x352, 2;
    OffsetPrcbDpcStack = 0x354, 2;
    OffsetPrcbIsrStack = 0x356, 2;
    SizeKDPC_STACK_FRAME = 0x358, 2;
    OffsetKPriQueueThreadListHead = 0x35A, 2;
    OffsetKThreadWaitReason = 0x35C, 2;
    PteBase = 0x360, 8;
    RetpolineStubFunctionTable = 0x368, 8;
    RetpolineStubFunctionTableSize = 0x370, 4;
    RetpolineStubOffset = 0x374, 4;
    RetpolineStubSize = 0x378, 4;
    OffsetEProcessMmHotPatchContext = 0x37C, 2;
    OffsetKThreadShadowStackLimit = 0x380, 4;
    OffsetKThreadShadowStackBase = 0x384, 4;
    ShadowStackEnabled = 0x388, 8;
    PointerAuthMask = 0x390, 8;
    OffsetPrcbExceptionStack = 0x398, 2;
    PointerIgnoreBits = 0x3A0, 8;
}

impl Member {
    fn place(self) -> (&'static str, u64, u64) {
        // The table has the members in the order of the enumeration.
        TABLE
            .get(self as usize)
            .map_or(("", u64::MAX, 0), |&(_, name, offset, len)| {
                (name, offset, len)
            })
    }

    /// Its name in Windows.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.place().0
    }

    /// Where it stands in the block.
    #[must_use]
    pub fn offset(self) -> u64 {
        self.place().1
    }

    /// All members, in the order of the block.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|&(member, ..)| member)
    }
}

/// Why bytes are no debugger data block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebuggerDataError {
    /// The memory could not be read.
    Missing(Missing),
    /// Its tag is not `KDBG`. On a machine that was started without a debugger the block is
    /// encoded while Windows runs; dumps that Windows writes have it decoded.
    Tag {
        /// What stands there.
        found: [u8; 4],
    },
    /// Its size is not one that it can have.
    Size {
        /// As recorded.
        found: u32,
    },
}

impl fmt::Display for DebuggerDataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(why) => write!(f, "the debugger data block is missing: {:?}", why.gap()),
            Self::Tag { found } => write!(
                f,
                "expected KDBG at {TAG_AT:#x} of the debugger data block, found {found:02x?}"
            ),
            Self::Size { found } => write!(f, "a debugger data block of {found:#x} bytes"),
        }
    }
}

impl core::error::Error for DebuggerDataError {}

impl From<Missing> for DebuggerDataError {
    fn from(why: Missing) -> Self {
        Self::Missing(why)
    }
}

/// The debugger data block of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebuggerData {
    bytes: Vec<u8>,
    pointer_width: u8,
}

impl DebuggerData {
    /// Takes the block's bytes; more than its size are ignored, fewer make members absent.
    /// `pointer_width` is 4 or 8.
    ///
    /// # Errors
    /// When the tag or the size is not that of such a block.
    pub fn parse(bytes: &[u8], pointer_width: u8) -> Result<Self, DebuggerDataError> {
        let found = bytes
            .get(TAG_AT..TAG_AT + 4)
            .and_then(|b| b.try_into().ok());
        let found: [u8; 4] = found.unwrap_or_default();
        if found != TAG {
            return Err(DebuggerDataError::Tag { found });
        }
        let size = little_endian(bytes, SIZE_AT, 4).unwrap_or(0) as u32;
        if !(MIN_SIZE..=MAX_SIZE).contains(&size) {
            return Err(DebuggerDataError::Size { found: size });
        }
        let kept = bytes.get(..size as usize).unwrap_or(bytes);
        Ok(Self {
            bytes: kept.to_vec(),
            pointer_width,
        })
    }

    /// A block that says `values` and nothing else, for dumps whose own cannot be had.
    pub(super) fn compose(values: &[(Member, u64)], pointer_width: u8) -> Self {
        let size = Member::all()
            .last()
            .map_or(0, |last| last.place().1 + last.place().2);
        let mut bytes = alloc::vec![0; size as usize];
        let mut put = |offset: u64, value: &[u8]| {
            let from = offset as usize;
            let place = bytes.get_mut(from..from.saturating_add(value.len()));
            if let Some(place) = place {
                place.copy_from_slice(value);
            }
        };
        put(TAG_AT as u64, &TAG);
        put(SIZE_AT, &(size as u32).to_le_bytes());
        for &(member, value) in values {
            let (_, offset, len) = member.place();
            let value = value.to_le_bytes();
            put(offset, value.get(..len as usize).unwrap_or_default());
        }
        Self {
            bytes,
            pointer_width,
        }
    }

    /// Reads the block at `address`.
    ///
    /// # Errors
    /// As [`DebuggerData::parse`], or when the memory is not there.
    pub fn read(
        space: &dyn AddressSpace,
        address: VirtualAddress,
        pointer_width: u8,
    ) -> Result<Self, DebuggerDataError> {
        let mut head = [0; 0x18];
        space.read(address, &mut head)?;
        let size = little_endian(&head, SIZE_AT, 4).unwrap_or(0) as u32;
        if head.get(TAG_AT..TAG_AT + 4) != Some(&TAG) || size > MAX_SIZE {
            return Self::parse(&head, pointer_width);
        }
        Self::parse(&space.bytes(address, size as u16)?, pointer_width)
    }

    /// Its size as recorded: newer versions of Windows have longer blocks.
    #[must_use]
    pub fn size(&self) -> u32 {
        little_endian(&self.bytes, SIZE_AT, 4).unwrap_or(0) as u32
    }

    /// The member as it stands; `None` when this block has no such member.
    #[must_use]
    pub fn raw(&self, member: Member) -> Option<u64> {
        let (_, offset, len) = member.place();
        little_endian(&self.bytes, offset, len)
    }

    /// The address that the member holds; `None` when it is absent or 0, which is how Windows 10
    /// and later leave members that lost their meaning.
    #[must_use]
    pub fn address(&self, member: Member) -> Option<VirtualAddress> {
        let value = self.raw(member)?;
        let value = if self.pointer_width == 4 {
            value & 0xFFFF_FFFF
        } else {
            value
        };
        (value != 0).then_some(VirtualAddress(value))
    }

    /// The offset or length that the member holds; `None` when it is absent or 0, or stands for
    /// "none" with all bits set.
    #[must_use]
    pub fn layout(&self, member: Member) -> Option<u64> {
        let (_, _, len) = member.place();
        let none = if len >= 4 { 0xFFFF_FFFF } else { 0xFFFF };
        self.raw(member).filter(|&value| value != 0 && value < none)
    }

    /// Bytes in a pointer of the dumped machine: 4 or 8.
    #[must_use]
    pub fn pointer_width(&self) -> u8 {
        self.pointer_width
    }

    /// Where the kernel was loaded.
    #[must_use]
    pub fn kernel_base(&self) -> Option<VirtualAddress> {
        self.address(Member::KernBase)
    }

    /// Whether 32-bit page tables have the PAE form (bit 0 of the flags behind FramePointer).
    #[must_use]
    pub fn pae(&self) -> Option<bool> {
        little_endian(&self.bytes, FLAGS_AT, 2).map(|flags| flags & 1 != 0)
    }

    /// Levels of page tables, where recorded (bits 2 to 5 of the same flags): 4 or 5.
    #[must_use]
    pub fn paging_levels(&self) -> Option<u8> {
        let flags = little_endian(&self.bytes, FLAGS_AT, 2)?;
        let levels = (flags >> 2 & 0xF) as u8;
        (4..=5).contains(&levels).then_some(levels)
    }
}

/// PaeEnabled, KiBugCheckRecoveryActive, PagingLevels.
const FLAGS_AT: u64 = 0x36;

/// The little-endian integer of `len` bytes at `offset`, when all of it is there.
pub(super) fn little_endian(bytes: &[u8], offset: u64, len: u64) -> Option<u64> {
    let from = usize::try_from(offset).ok()?;
    let to = from.checked_add(usize::try_from(len).ok()?)?;
    let found = bytes.get(from..to)?;
    Some(
        found
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn block(size: u32) -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        bytes[TAG_AT..TAG_AT + 4].copy_from_slice(&TAG);
        bytes[0x14..0x18].copy_from_slice(&size.to_le_bytes());
        bytes[0x18..0x20].copy_from_slice(&0xFFFF_FFFF_8180_0000_u64.to_le_bytes());
        bytes[0x2A8..0x2AA].copy_from_slice(&0x840_u16.to_le_bytes());
        bytes[0x2AA..0x2AC].copy_from_slice(&0xFFFF_u16.to_le_bytes());
        bytes[0x36..0x38].copy_from_slice(&0x11_u16.to_le_bytes());
        bytes
    }

    #[test]
    fn members_are_bounded_by_the_recorded_size() {
        let data = DebuggerData::parse(&block(0x2A9), 8).unwrap();
        assert_eq!(
            data.kernel_base(),
            Some(VirtualAddress(0xFFFF_FFFF_8180_0000))
        );
        assert_eq!(data.layout(Member::SizeEProcess), None);
        let data = DebuggerData::parse(&block(0x340), 8).unwrap();
        assert_eq!(data.layout(Member::SizeEProcess), Some(0x840));
        assert_eq!(data.layout(Member::OffsetEprocessPeb), None);
        assert_eq!(data.address(Member::PteBase), None);
        assert_eq!((data.paging_levels(), data.pae()), (Some(4), Some(true)));
    }

    #[test]
    fn addresses_of_32_bit_windows_lose_their_sign() {
        let data = DebuggerData::parse(&block(0x340), 4).unwrap();
        assert_eq!(data.kernel_base(), Some(VirtualAddress(0x8180_0000)));
    }

    #[test]
    fn other_bytes_are_refused() {
        let mut bytes = block(0x340);
        assert!(DebuggerData::parse(&bytes[..0x12], 8).is_err());
        assert_eq!(
            DebuggerData::parse(&block(0x2000), 8),
            Err(DebuggerDataError::Size { found: 0x2000 })
        );
        bytes[0x10] = 0;
        assert_eq!(
            DebuggerData::parse(&bytes, 8),
            Err(DebuggerDataError::Tag { found: *b"\0DBG" })
        );
    }

    #[test]
    fn the_table_lists_every_member_once_and_in_order() {
        for (index, pair) in TABLE.windows(2).enumerate() {
            assert!(pair[0].2 + pair[0].3 <= pair[1].2, "{}", pair[1].1);
            assert_eq!(pair[0].0 as usize, index);
        }
        assert_eq!(Member::PteBase.offset(), 0x360);
        assert_eq!(Member::all().last(), Some(Member::PointerIgnoreBits));
        assert_eq!(Member::KernBase.name(), "KernBase");
    }
}
