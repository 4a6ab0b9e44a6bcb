//! CONTEXT records as the header and the processor block carry them.
//! Layout: winnt.h through windows-rs; x64 and ARM64 checked on dumps.

/// x64, 4D0 bytes.
pub mod x64 {
    pub const SIZE: usize = 0x4d0;
    pub const FLAGS: usize = 0x30;
    pub const MXCSR: usize = 0x34;
    pub const SEG_CS: usize = 0x38;
    pub const SEG_DS: usize = 0x3a;
    pub const SEG_ES: usize = 0x3c;
    pub const SEG_FS: usize = 0x3e;
    pub const SEG_GS: usize = 0x40;
    pub const SEG_SS: usize = 0x42;
    pub const EFLAGS: usize = 0x44;
    pub const RAX: usize = 0x78;
    pub const RCX: usize = 0x80;
    pub const RDX: usize = 0x88;
    pub const RBX: usize = 0x90;
    pub const RSP: usize = 0x98;
    pub const RBP: usize = 0xa0;
    pub const RSI: usize = 0xa8;
    pub const RDI: usize = 0xb0;
    pub const R8: usize = 0xb8;
    pub const R9: usize = 0xc0;
    pub const RIP: usize = 0xf8;
    pub const FLT_MXCSR: usize = 0x118;
    /// Control, integer, segments and floating point.
    pub const FLAGS_FULL: u32 = 0x0010_000f;
}

/// ARM64, 390 bytes.
pub mod arm64 {
    pub const SIZE: usize = 0x390;
    pub const FLAGS: usize = 0x00;
    pub const CPSR: usize = 0x04;
    pub const X0: usize = 0x08;
    pub const FP: usize = 0xf0;
    pub const LR: usize = 0xf8;
    pub const SP: usize = 0x100;
    pub const PC: usize = 0x108;
    pub const FLAGS_FULL: u32 = 0x0040_0007;
}

/// x86, 2CC bytes.
pub mod x86 {
    pub const SIZE: usize = 0x2cc;
    pub const FLAGS: usize = 0x00;
    pub const SEG_DS: usize = 0x98;
    pub const EBP: usize = 0xb4;
    pub const EIP: usize = 0xb8;
    pub const SEG_CS: usize = 0xbc;
    pub const EFLAGS: usize = 0xc0;
    pub const ESP: usize = 0xc4;
    pub const SEG_SS: usize = 0xc8;
    pub const FLAGS_FULL: u32 = 0x0001_0007;
}

/// KTRAP_FRAME of x64, 190 bytes, the same in every version.
pub mod trap64 {
    pub const SIZE: u64 = 0x190;
    pub const PREVIOUS_MODE: u64 = 0x28;
    pub const RAX: u64 = 0x30;
    pub const RCX: u64 = 0x38;
    pub const RDX: u64 = 0x40;
    pub const FAULT_ADDRESS: u64 = 0xd0;
    pub const RBX: u64 = 0x140;
    pub const RDI: u64 = 0x148;
    pub const RSI: u64 = 0x150;
    pub const RBP: u64 = 0x158;
    pub const ERROR_CODE: u64 = 0x160;
    pub const RIP: u64 = 0x168;
    pub const SEG_CS: u64 = 0x170;
    pub const EFLAGS: u64 = 0x178;
    pub const RSP: u64 = 0x180;
    pub const SEG_SS: u64 = 0x188;
}

/// KTRAP_FRAME of ARM64, 150 bytes. Source: the unwinder of dotnet/runtime.
pub mod trap_arm64 {
    pub const SIZE: u64 = 0x150;
    pub const FAULT_ADDRESS: u64 = 0x08;
    pub const SPSR: u64 = 0x90;
    pub const SP: u64 = 0x98;
    pub const X0: u64 = 0xa0;
    pub const LR: u64 = 0x138;
    pub const FP: u64 = 0x140;
    pub const PC: u64 = 0x148;
}

/// KTRAP_FRAME of x86: its first 74 bytes, which are all that kernel code gets. Source: Vergilius; that the frame begins
/// with a frame-pointer record for debuggers, and how it is marked, from the macros of the Windows Research Kernel.
pub mod trap_x86 {
    pub const SIZE: u64 = 0x74;
    pub const DEBUG_EBP: u64 = 0x00;
    pub const DEBUG_EIP: u64 = 0x04;
    pub const DEBUG_MARK: u64 = 0x08;
    pub const DEBUG_ARGUMENTS: u64 = 0x0c;
    pub const SEG_ES: u64 = 0x34;
    pub const SEG_DS: u64 = 0x38;
    pub const EDX: u64 = 0x3c;
    pub const ECX: u64 = 0x40;
    pub const EAX: u64 = 0x44;
    pub const EXCEPTION_LIST: u64 = 0x4c;
    pub const SEG_FS: u64 = 0x50;
    pub const EBP: u64 = 0x60;
    pub const ERROR_CODE: u64 = 0x64;
    pub const EIP: u64 = 0x68;
    pub const SEG_CS: u64 = 0x6c;
    pub const EFLAGS: u64 = 0x70;
    /// What only code of a process has.
    pub const ESP: u64 = 0x74;
    pub const SEG_SS: u64 = 0x78;
    pub const USER_SIZE: u64 = 0x7c;
    pub const MARK: u64 = 0xbadb_0d00;
}

/// What a thread leaves on its stack when it gives up the processor. Sources: KSWITCH_FRAME in Vergilius (x64, x86); the four
/// registers that KiSwapContext saves behind it on x86, from ReactOS. For ARM64 nothing is public: a frame record stands for it.
pub mod switched {
    /// x64: offset of the return address.
    pub const X64_RETURN: u64 = 0x38;
    /// x86: offsets of the return address and of EBP, and how much the caller took for its four registers.
    pub const X86_RETURN: u64 = 0x08;
    pub const X86_EBP: u64 = 0x0c;
    pub const X86_SAVED: u64 = 0x10;
    /// ARM64: offsets of the frame pointer and of the return address.
    pub const ARM64_FP: u64 = 0x00;
    pub const ARM64_RETURN: u64 = 0x08;
    pub const ARM64_SIZE: u64 = 0x10;
}
