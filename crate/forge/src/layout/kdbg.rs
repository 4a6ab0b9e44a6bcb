//! KDDEBUGGER_DATA64: the debugger data block, through which every reader finds the kernel's lists.
//! Layout: the wdbgexts.h members as windows-rs and Ghidra list them, offsets checked on dumps of 9600, 19041, 22000 and 26100.

/// `KDBG`.
pub const TAG: [u8; 4] = *b"KDBG";
pub const LIST: usize = 0x00;
pub const OWNER_TAG: usize = 0x10;
pub const SIZE: usize = 0x14;
pub const KERN_BASE: usize = 0x18;
pub const TH_CALLBACK_STACK: usize = 0x30;
/// Bit 0 PAE, bit 1 recovery, bits 2 to 5 levels of page tables.
pub const FLAGS: usize = 0x36;
pub const MM_PAGED_POOL_COMMIT: usize = 0x170;
pub const MM_PAGE_SIZE: usize = 0x138;
pub const PTE_BASE: usize = 0x360;

/// Bytes of the block that a build fills.
pub fn size_for(build: u32) -> usize {
    match build {
        0..=3790 => 0x290,
        3791..=7601 => 0x340,
        7602..=9600 => 0x360,
        9601..=16299 => 0x368,
        16300..=22631 => 0x380,
        _ => 0x3a0,
    }
}

/// Pointers to kernel variables: offset and symbol. A build without the symbol leaves 0, as Windows does.
pub const POINTERS: &[(usize, &str)] = &[
    (0x020, "RtlpBreakWithStatusInstruction"),
    (0x038, "KiCallUserMode"),
    (0x048, "PsLoadedModuleList"),
    (0x050, "PsActiveProcessHead"),
    (0x058, "PspCidTable"),
    (0x060, "ExpSystemResourcesList"),
    (0x068, "ExpPagedPoolDescriptor"),
    (0x070, "ExpNumberOfPagedPools"),
    (0x078, "KeTimeIncrement"),
    (0x080, "KeBugCheckCallbackListHead"),
    (0x088, "KiBugCheckData"),
    (0x090, "IopErrorLogListHead"),
    (0x098, "ObpRootDirectoryObject"),
    (0x0a0, "ObpTypeObjectType"),
    (0x0b8, "MmSystemCacheWs"),
    (0x0c0, "MmPfnDatabase"),
    (0x0c8, "MmSystemPtesStart"),
    (0x0d0, "MmSystemPtesEnd"),
    (0x0d8, "MmSubsectionBase"),
    (0x0e0, "MmNumberOfPagingFiles"),
    (0x0e8, "MmLowestPhysicalPage"),
    (0x0f0, "MmHighestPhysicalPage"),
    (0x0f8, "MmNumberOfPhysicalPages"),
    (0x100, "MmMaximumNonPagedPoolInBytes"),
    (0x108, "MmNonPagedSystemStart"),
    (0x118, "MmNonPagedPoolEnd"),
    (0x120, "MmPagedPoolStart"),
    (0x128, "MmPagedPoolEnd"),
    (0x130, "MmPagedPoolInfo"),
    (0x140, "MmSizeOfPagedPoolInBytes"),
    (0x148, "MmTotalCommitLimit"),
    (0x150, "MmTotalCommittedPages"),
    (0x158, "MmSharedCommit"),
    (0x160, "MmDriverCommit"),
    (0x168, "MmProcessCommit"),
    (0x178, "MmExtendedCommit"),
    (0x180, "MmZeroedPageListHead"),
    (0x188, "MmFreePageListHead"),
    (0x190, "MmStandbyPageListHead"),
    (0x198, "MmModifiedPageListHead"),
    (0x1a0, "MmModifiedNoWritePageListHead"),
    (0x1a8, "MmAvailablePages"),
    (0x1b0, "MmResidentAvailablePages"),
    (0x1b8, "PoolTrackTable"),
    (0x1c0, "NonPagedPoolDescriptor"),
    (0x1c8, "MmHighestUserAddress"),
    (0x1d0, "MmSystemRangeStart"),
    (0x1d8, "MmUserProbeAddress"),
    (0x1e0, "KdPrintCircularBuffer"),
    (0x1e8, "KdPrintCircularBufferEnd"),
    (0x1f0, "KdPrintWritePointer"),
    (0x1f8, "KdPrintRolloverCount"),
    (0x200, "MmLoadedUserImageList"),
    (0x208, "NtBuildLabEx"),
    (0x210, "KiNormalSystemCall"),
    (0x218, "KiProcessorBlock"),
    (0x220, "MmUnloadedDrivers"),
    (0x228, "MmLastUnloadedDriver"),
    (0x230, "MmTriageActionTaken"),
    (0x238, "MmSpecialPoolTag"),
    (0x240, "KernelVerifier"),
    (0x248, "MmVerifierData"),
    (0x250, "MmAllocatedNonPagedPool"),
    (0x258, "MmPeakCommitment"),
    (0x260, "MmTotalCommitLimitMaximum"),
    (0x268, "CmNtCSDVersion"),
    (0x270, "MmPhysicalMemoryBlock"),
    (0x278, "MmSessionBase"),
    (0x280, "MmSessionSize"),
    (0x288, "MmSystemParentTablePage"),
    (0x2c8, "KdPrintCircularBufferPtr"),
    (0x2d0, "KdPrintBufferSize"),
    (0x2d8, "KeLoaderBlock"),
    (0x308, "IopNumTriageDumpDataBlocks"),
    (0x310, "IopTriageDumpDataBlocks"),
    (0x318, "VfCrashDataBlock"),
    (0x320, "MmBadPagesDetected"),
    (0x328, "MmZeroedPageSingleBitErrorsDetected"),
    (0x330, "EtwpDebuggerData"),
    (0x368, "RetpolineStubFunctionTable"),
];

/// Structure members whose offset the block carries in 16 bits: offset, structure, member.
pub const OFFSETS16: &[(usize, &str, &str)] = &[
    (0x298, "_KTHREAD", "NextProcessor"),
    (0x29a, "_KTHREAD", "Teb"),
    (0x29c, "_KTHREAD", "KernelStack"),
    (0x29e, "_KTHREAD", "InitialStack"),
    (0x2a2, "_KTHREAD", "State"),
    (0x2aa, "_EPROCESS", "Peb"),
    (0x2ac, "_EPROCESS", "InheritedFromUniqueProcessId"),
    (0x2b2, "_KPRCB", "DpcRoutineActive"),
    (0x2b4, "_KPRCB", "CurrentThread"),
    (0x2b6, "_KPRCB", "MHz"),
    (0x2b8, "_KPRCB", "CpuType"),
    (0x2ba, "_KPRCB", "VendorString"),
    (0x2be, "_KPRCB", "Number"),
    (0x2e2, "_KPCR", "Self"),
    (0x2e4, "_KPCR", "CurrentPrcb"),
    (0x2e6, "_KPCR", "Prcb"),
    (0x338, "_KPRCB", "Context"),
    (0x350, "_KPRCB", "IdleThread"),
    (0x352, "_KPRCB", "NormalDpcState"),
    (0x354, "_KPRCB", "DpcStack"),
    (0x356, "_KPRCB", "IsrStack"),
    (0x35c, "_KTHREAD", "WaitReason"),
    (0x398, "_KPRCB", "ExceptionStack"),
];

/// The same in 32 bits.
pub const OFFSETS32: &[(usize, &str, &str)] = &[
    (0x340, "_KTHREAD", "StackLimit"),
    (0x344, "_KTHREAD", "StackBase"),
    (0x348, "_KTHREAD", "QueueListEntry"),
    (0x34c, "_ETHREAD", "IrpList"),
];

/// Structure sizes in 16 bits: offset, structure.
pub const SIZES: &[(usize, &str)] = &[
    (0x2a8, "_EPROCESS"),
    (0x2b0, "_KPRCB"),
    (0x2c0, "_ETHREAD"),
    (0x2e0, "_KPCR"),
];

/// KTHREAD.ApcState.Process, a sum of two members.
pub const APC_PROCESS: usize = 0x2a0;
/// Where the processor state's context and special registers lie in the processor block.
pub const PRCB_CONTEXT_FRAME: usize = 0x2bc;
pub const PRCB_SPECIAL_REGISTERS: usize = 0x2f2;
/// Selectors of x64: code, data and the rest.
pub const SELECTORS64: &[(usize, u16)] = &[
    (0x2f4, 0x10),
    (0x2f6, 0x18),
    (0x2fa, 0x33),
    (0x2fc, 0x2b),
    (0x302, 0x40),
    (0x304, 0x23),
    (0x306, 0x53),
];
/// Bytes in the frame that a stack switch for deferred calls leaves.
pub const DPC_STACK_FRAME: usize = 0x358;
/// KPROCESS.DirectoryTableBase.
pub const OFFSET_DIRECTORY: usize = 0x2ae;

/// Slots that are 0 from Windows 10 on (measured on 19041, 22000 and 26100).
pub const GONE_SINCE_10: &[usize] = &[
    0x068, 0x070, 0x0b8, 0x0c8, 0x0d0, 0x0d8, 0x0e0, 0x0e8, 0x0f0, 0x0f8, 0x100, 0x108, 0x118,
    0x120, 0x128, 0x130, 0x148, 0x150, 0x158, 0x160, 0x168, 0x178, 0x180, 0x188, 0x190, 0x198,
    0x1a0, 0x1a8, 0x1b0, 0x1c0, 0x200, 0x250, 0x258, 0x260, 0x278, 0x280, 0x288,
];
