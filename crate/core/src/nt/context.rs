//! The registers of a processor, from a CONTEXT record or a trap frame.
//!
//! Layouts: winnt.h CONTEXT of x64, x86 and ARM64 as Microsoft documents them; KTRAP_FRAME of x64
//! and x86 as published in Windows symbols (Vergilius), unchanged from Windows 7 to 11 24H2.

use super::debugger_data::little_endian;
use super::{Architecture, Machine, Member};
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::model::{Hex, Register};
use alloc::vec::Vec;

/// A register: its name in the debugger, its offset and its length in bytes.
type Place = (&'static str, u16, u8);

/// Where a record keeps the registers.
struct Layout {
    /// Bytes without which nothing can be told.
    len: u64,
    /// ContextFlags: its offset, and the bit that marks the architecture.
    flags: Option<(u16, u32)>,
    instruction_pointer: &'static str,
    stack_pointer: &'static str,
    /// Empty where code keeps none.
    frame_pointer: &'static str,
    /// In the order in which the debugger's `r` prints them.
    registers: &'static [Place],
}

static X64: Layout = Layout {
    len: 0x100,
    flags: Some((0x30, 0x0010_0000)),
    instruction_pointer: "rip",
    stack_pointer: "rsp",
    frame_pointer: "",
    registers: &[
        ("rax", 0x78, 8),
        ("rbx", 0x90, 8),
        ("rcx", 0x80, 8),
        ("rdx", 0x88, 8),
        ("rsi", 0xA8, 8),
        ("rdi", 0xB0, 8),
        ("rip", 0xF8, 8),
        ("rsp", 0x98, 8),
        ("rbp", 0xA0, 8),
        ("r8", 0xB8, 8),
        ("r9", 0xC0, 8),
        ("r10", 0xC8, 8),
        ("r11", 0xD0, 8),
        ("r12", 0xD8, 8),
        ("r13", 0xE0, 8),
        ("r14", 0xE8, 8),
        ("r15", 0xF0, 8),
        ("cs", 0x38, 2),
        ("ss", 0x42, 2),
        ("ds", 0x3A, 2),
        ("es", 0x3C, 2),
        ("fs", 0x3E, 2),
        ("gs", 0x40, 2),
        ("efl", 0x44, 4),
    ],
};

static X86: Layout = Layout {
    len: 0xCC,
    flags: Some((0x00, 0x0001_0000)),
    instruction_pointer: "eip",
    stack_pointer: "esp",
    frame_pointer: "ebp",
    registers: &[
        ("eax", 0xB0, 4),
        ("ebx", 0xA4, 4),
        ("ecx", 0xAC, 4),
        ("edx", 0xA8, 4),
        ("esi", 0xA0, 4),
        ("edi", 0x9C, 4),
        ("eip", 0xB8, 4),
        ("esp", 0xC4, 4),
        ("ebp", 0xB4, 4),
        ("cs", 0xBC, 2),
        ("ss", 0xC8, 2),
        ("ds", 0x98, 2),
        ("es", 0x94, 2),
        ("fs", 0x90, 2),
        ("gs", 0x8C, 2),
        ("efl", 0xC0, 4),
    ],
};

static ARM64: Layout = Layout {
    len: 0x110,
    flags: Some((0x00, 0x0040_0000)),
    instruction_pointer: "pc",
    stack_pointer: "sp",
    frame_pointer: "fp",
    registers: &[
        ("x0", 0x08, 8),
        ("x1", 0x10, 8),
        ("x2", 0x18, 8),
        ("x3", 0x20, 8),
        ("x4", 0x28, 8),
        ("x5", 0x30, 8),
        ("x6", 0x38, 8),
        ("x7", 0x40, 8),
        ("x8", 0x48, 8),
        ("x9", 0x50, 8),
        ("x10", 0x58, 8),
        ("x11", 0x60, 8),
        ("x12", 0x68, 8),
        ("x13", 0x70, 8),
        ("x14", 0x78, 8),
        ("x15", 0x80, 8),
        ("x16", 0x88, 8),
        ("x17", 0x90, 8),
        ("x18", 0x98, 8),
        ("x19", 0xA0, 8),
        ("x20", 0xA8, 8),
        ("x21", 0xB0, 8),
        ("x22", 0xB8, 8),
        ("x23", 0xC0, 8),
        ("x24", 0xC8, 8),
        ("x25", 0xD0, 8),
        ("x26", 0xD8, 8),
        ("x27", 0xE0, 8),
        ("x28", 0xE8, 8),
        ("fp", 0xF0, 8),
        ("lr", 0xF8, 8),
        ("sp", 0x100, 8),
        ("pc", 0x108, 8),
        ("psr", 0x04, 4),
    ],
};

/// KTRAP_FRAME of x64. R12 to R15 are not in it.
static TRAP_X64: Layout = Layout {
    len: 0x190,
    flags: None,
    instruction_pointer: "rip",
    stack_pointer: "rsp",
    frame_pointer: "",
    registers: &[
        ("rax", 0x30, 8),
        ("rbx", 0x140, 8),
        ("rcx", 0x38, 8),
        ("rdx", 0x40, 8),
        ("rsi", 0x150, 8),
        ("rdi", 0x148, 8),
        ("rip", 0x168, 8),
        ("rsp", 0x180, 8),
        ("rbp", 0x158, 8),
        ("r8", 0x48, 8),
        ("r9", 0x50, 8),
        ("r10", 0x58, 8),
        ("r11", 0x60, 8),
        ("cs", 0x170, 2),
        ("ss", 0x188, 2),
        ("efl", 0x178, 4),
    ],
};

/// KTRAP_FRAME of ARM64, as the unwinder of dotnet/runtime (MIT) has it. X19 to X28 are not in it.
static TRAP_ARM64: Layout = Layout {
    len: 0x150,
    flags: None,
    instruction_pointer: "pc",
    stack_pointer: "sp",
    frame_pointer: "fp",
    registers: &[
        ("x0", 0xA0, 8),
        ("x1", 0xA8, 8),
        ("x2", 0xB0, 8),
        ("x3", 0xB8, 8),
        ("x4", 0xC0, 8),
        ("x5", 0xC8, 8),
        ("x6", 0xD0, 8),
        ("x7", 0xD8, 8),
        ("x8", 0xE0, 8),
        ("x9", 0xE8, 8),
        ("x10", 0xF0, 8),
        ("x11", 0xF8, 8),
        ("x12", 0x100, 8),
        ("x13", 0x108, 8),
        ("x14", 0x110, 8),
        ("x15", 0x118, 8),
        ("x16", 0x120, 8),
        ("x17", 0x128, 8),
        ("x18", 0x130, 8),
        ("fp", 0x140, 8),
        ("lr", 0x138, 8),
        ("sp", 0x98, 8),
        ("pc", 0x148, 8),
        ("psr", 0x90, 4),
    ],
};

/// KTRAP_FRAME of x86. A frame of kernel code has no stack pointer: it begins where the
/// processor would have pushed one.
static TRAP_X86: Layout = Layout {
    len: 0x74,
    flags: None,
    instruction_pointer: "eip",
    stack_pointer: "esp",
    frame_pointer: "ebp",
    registers: &[
        ("eax", 0x44, 4),
        ("ebx", 0x5C, 4),
        ("ecx", 0x40, 4),
        ("edx", 0x3C, 4),
        ("esi", 0x58, 4),
        ("edi", 0x54, 4),
        ("eip", 0x68, 4),
        ("ebp", 0x60, 4),
        ("cs", 0x6C, 2),
        ("efl", 0x70, 4),
    ],
};

/// Where the hardware's part of an x86 trap frame ends, and its stack pointer of user code.
const X86_HARDWARE_ESP: u64 = 0x74;

/// The longest record that is read: CONTEXT of x64 has 0x4D0 bytes.
const MAX_CONTEXT: u16 = 0x4D0;
/// Up to the last register of any of them.
const SHORTEST: u16 = 0x110;

/// The registers of a processor.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// Whose they are.
    pub architecture: Architecture,
    /// ContextFlags: which parts were saved; 0 for a trap frame.
    pub flags: u32,
    /// The instruction pointer.
    pub instruction_pointer: VirtualAddress,
    /// The stack pointer.
    pub stack_pointer: VirtualAddress,
    /// EBP or X29; x64 code keeps none.
    pub frame_pointer: Option<VirtualAddress>,
    /// All of them in the order in which the debugger prints them.
    pub registers: Vec<Register>,
}

impl Context {
    /// From a CONTEXT record; `None` when it is too short, belongs to another architecture, or
    /// was never filled in.
    #[must_use]
    pub fn parse(architecture: Architecture, bytes: &[u8]) -> Option<Self> {
        let layout = match architecture {
            Architecture::X64 => &X64,
            Architecture::X86 => &X86,
            Architecture::Arm64 => &ARM64,
            Architecture::Ia64 => return None,
        };
        Self::from_layout(architecture, layout, bytes)
    }

    /// The record at `address`; a minidump may hold its beginning only, which has the registers.
    #[must_use]
    pub fn read(
        architecture: Architecture,
        space: &dyn AddressSpace,
        address: VirtualAddress,
    ) -> Option<Self> {
        let bytes = space
            .bytes(address, MAX_CONTEXT)
            .or_else(|_| space.bytes(address, SHORTEST))
            .ok()?;
        Self::parse(architecture, &bytes)
    }

    /// The registers that the processor with its block at `block` saved when it was halted: in the
    /// block, or where it points to.
    #[must_use]
    pub fn of_processor(
        machine: Machine<'_>,
        space: &dyn AddressSpace,
        block: VirtualAddress,
    ) -> Option<Self> {
        let (data, architecture) = (machine.debugger_data, machine.architecture);
        let at = |member| block.checked_add(data.layout(member)?);
        let elsewhere = || {
            let place = at(Member::OffsetPrcbContext)?;
            let place = space.pointer(place, architecture.pointer_width()).ok()?;
            Self::read(architecture, space, place)
        };
        let inside = || {
            let place = at(Member::OffsetPrcbProcStateContext)?;
            Self::read(architecture, space, place)
        };
        let found = elsewhere().or_else(inside)?;
        (found.instruction_pointer.0 != 0).then_some(found)
    }

    /// From a trap frame of `bytes` at `address`; `None` when it is too short or there is no
    /// table for the architecture.
    #[must_use]
    pub fn from_trap_frame(
        architecture: Architecture,
        bytes: &[u8],
        address: VirtualAddress,
    ) -> Option<Self> {
        match architecture {
            Architecture::X64 => Self::from_layout(architecture, &TRAP_X64, bytes),
            Architecture::Arm64 => Self::from_layout(architecture, &TRAP_ARM64, bytes),
            Architecture::X86 => {
                let mut context = Self::from_layout(architecture, &TRAP_X86, bytes)?;
                let user = context.get("cs").is_some_and(|cs| cs & 3 == 3);
                let stack = if user {
                    little_endian(bytes, X86_HARDWARE_ESP, 4)?
                } else {
                    address.0.checked_add(X86_HARDWARE_ESP)?
                };
                context.stack_pointer = VirtualAddress(stack);
                let after_eip = context.registers.iter().position(|r| r.name == "ebp")?;
                let register = Register {
                    name: "esp",
                    value: Hex(stack),
                };
                context.registers.insert(after_eip, register);
                Some(context)
            }
            _ => None,
        }
    }

    /// Bytes that a trap frame takes, where there is a table for it.
    #[must_use]
    pub fn trap_frame_len(architecture: Architecture) -> Option<u16> {
        match architecture {
            Architecture::X64 => Some(0x190),
            Architecture::X86 => Some(0x7C),
            Architecture::Arm64 => Some(0x150),
            Architecture::Ia64 => None,
        }
    }

    fn from_layout(architecture: Architecture, layout: &Layout, bytes: &[u8]) -> Option<Self> {
        if (bytes.len() as u64) < layout.len {
            return None;
        }
        let flags = match layout.flags {
            Some((offset, mark)) => {
                let flags = little_endian(bytes, u64::from(offset), 4)? as u32;
                if flags & mark == 0 {
                    return None;
                }
                flags
            }
            None => 0,
        };
        let registers: Vec<Register> = layout
            .registers
            .iter()
            .filter_map(|&(name, offset, len)| {
                let value = little_endian(bytes, u64::from(offset), u64::from(len))?;
                let value = Hex(value);
                Some(Register { name, value })
            })
            .collect();
        let get = |name| registers.iter().find(|r| r.name == name).map(|r| r.value.0);
        let instruction_pointer = VirtualAddress(get(layout.instruction_pointer)?);
        // All zero is a record that nobody filled in.
        if instruction_pointer.0 == 0 && get(layout.stack_pointer).unwrap_or(0) == 0 {
            return None;
        }
        Some(Self {
            architecture,
            flags,
            instruction_pointer,
            stack_pointer: VirtualAddress(get(layout.stack_pointer).unwrap_or(0)),
            frame_pointer: get(layout.frame_pointer).map(VirtualAddress),
            registers,
        })
    }

    /// The register called `name`, in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        let found = self.registers.iter().find(|r| r.name == name);
        found.map(|r| r.value.0)
    }

    /// The processor's flags (EFLAGS or PSR).
    #[must_use]
    pub fn processor_flags(&self) -> Option<u32> {
        self.get("efl")
            .or_else(|| self.get("psr"))
            .map(|flags| flags as u32)
    }

    /// Whether the processor was in user mode.
    #[must_use]
    pub fn user_mode(&self) -> bool {
        match self.architecture {
            Architecture::Arm64 => self.get("psr").is_some_and(|psr| psr & 0xF == 0),
            _ => self.get("cs").is_some_and(|cs| cs & 3 == 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn registers_come_in_the_order_of_the_debugger() {
        let mut bytes = vec![0; 0x4D0];
        bytes[0x30..0x34].copy_from_slice(&0x0010_000F_u32.to_le_bytes());
        bytes[0xF8..0x100].copy_from_slice(&0xFFFF_F800_0000_1234_u64.to_le_bytes());
        bytes[0x38] = 0x10;
        bytes[0x90] = 7;
        let context = Context::parse(Architecture::X64, &bytes).unwrap();
        assert_eq!(context.registers.len(), 24);
        assert_eq!(context.registers[1].name, "rbx");
        assert_eq!(context.get("rbx"), Some(7));
        assert_eq!(context.frame_pointer, None);
        assert!(!context.user_mode());
        assert_eq!(Context::parse(Architecture::X64, &bytes[..0xFF]), None);
        assert_eq!(Context::parse(Architecture::X86, &bytes), None);
        assert_eq!(Context::parse(Architecture::X64, &[0; 0x4D0]), None);
    }

    #[test]
    fn a_trap_frame_of_32_bit_kernel_code_ends_where_its_stack_was() {
        let mut bytes = vec![0; 0x7C];
        bytes[0x68..0x6C].copy_from_slice(&0x8181_0000_u32.to_le_bytes());
        bytes[0x6C] = 8;
        bytes[0x74..0x78].copy_from_slice(&0x12_3456_u32.to_le_bytes());
        let at = VirtualAddress(0x9000_0000);
        let kernel = Context::from_trap_frame(Architecture::X86, &bytes, at).unwrap();
        assert_eq!(kernel.stack_pointer, VirtualAddress(0x9000_0074));
        assert_eq!(kernel.get("esp"), Some(0x9000_0074));
        bytes[0x6C] = 0x1B;
        let user = Context::from_trap_frame(Architecture::X86, &bytes, at).unwrap();
        assert_eq!(user.stack_pointer, VirtualAddress(0x12_3456));
        assert!(user.user_mode());
    }
}
