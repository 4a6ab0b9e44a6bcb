//! x86 and x64, in the debugger's spelling (MASM).

use crate::UNKNOWN;
use alloc::{format, string::String, vec::Vec};
use bluepane::symbols::{Instruction, Touch};
use iced_x86::{Decoder, DecoderOptions, FastFormatter, MemorySize, OpKind, Register};

/// Instructions whose first operand is memory that they only read.
const READERS: &[&str] = &[
    "cmp ", "test ", "push", "call", "jmp", "bt ", "mul", "imul", "div", "idiv", "fld", "fild",
    "comi", "ucom", "prefetch", "ldmxcsr", "lgdt", "lidt", "lldt", "ltr", "verr", "verw",
    "fxrstor", "xrstor", "invlpg", "fadd", "fsub", "fmul", "fdiv", "fcom", "lmsw", "vldmxcsr",
];
/// Instructions that write it without reading it first.
const WRITERS: &[&str] = &[
    "mov", "vmov", "set", "pop", "stos", "fst", "fist", "fnst", "sgdt", "sidt", "stmxcsr",
    "fxsave", "xsave", "ins", "maskmov", "str", "sldt", "smsw",
];
/// What may stand before an instruction.
const PREFIXES: [&str; 5] = ["lock ", "rep ", "repe ", "repne ", "bnd "];
/// Instructions with an operand that looks like memory and is none.
const NO_TOUCH: &[&str] = &["lea", "nop"];

fn begins(name: &str, list: &[&str]) -> bool {
    list.iter().any(|start| name.starts_with(start))
}

/// The register as the report names it; nothing where there is none or its value is no address.
fn register(register: Register) -> Option<String> {
    match register {
        Register::None | Register::RIP | Register::EIP => Some(String::new()),
        _ => Some(format!("{register:?}").to_ascii_lowercase()),
    }
}

/// Bytes of what most instructions touch; 0 for the others.
fn bytes_of(size: MemorySize) -> u16 {
    use MemorySize as Size;
    match size {
        Size::UInt8 | Size::Int8 => 1,
        Size::UInt16 | Size::Int16 | Size::WordOffset => 2,
        Size::UInt32 | Size::Int32 | Size::DwordOffset | Size::Float32 => 4,
        Size::UInt64 | Size::Int64 | Size::QwordOffset | Size::Float64 | Size::Packed64_Int8 => 8,
        Size::UInt128 | Size::Int128 | Size::Packed128_Float32 | Size::Packed128_Float64 => 16,
        Size::Packed128_UInt8 | Size::Packed128_UInt16 | Size::Packed128_UInt64 => 16,
        Size::UInt256 | Size::Packed256_Float32 | Size::Packed256_Float64 => 32,
        _ => 0,
    }
}

fn touches(instruction: &iced_x86::Instruction, name: &str) -> Vec<Touch> {
    let mut found = Vec::new();
    let plain = if begins(name, NO_TOUCH) {
        0
    } else {
        instruction.op_count()
    };
    for operand in 0..plain {
        let (base, index, displacement) = match instruction.op_kind(operand) {
            OpKind::Memory => (
                register(instruction.memory_base()),
                register(instruction.memory_index()),
                instruction.memory_displacement64(),
            ),
            OpKind::MemorySegRSI => (Some("rsi".into()), Some(String::new()), 0),
            OpKind::MemorySegESI => (Some("esi".into()), Some(String::new()), 0),
            OpKind::MemoryESRDI => (Some("rdi".into()), Some(String::new()), 0),
            OpKind::MemoryESEDI => (Some("edi".into()), Some(String::new()), 0),
            _ => continue,
        };
        // Where the segment begins that GS and FS name, no register of a dump says.
        let segmented = matches!(instruction.segment_prefix(), Register::FS | Register::GS);
        let (Some(base), Some(index)) = (base, index) else {
            continue;
        };
        let first = operand == 0;
        let reads = !first || !begins(name, WRITERS);
        let writes = first && !begins(name, READERS) && !name.starts_with("scas");
        found.push(Touch {
            reads,
            writes: writes && !name.starts_with("cmps"),
            base: if segmented { "segment".into() } else { base },
            index,
            scale: instruction.memory_index_scale() as u8,
            displacement,
            bytes: bytes_of(instruction.memory_size()),
        });
    }
    found
}

fn target(instruction: &iced_x86::Instruction) -> Option<u64> {
    match instruction.op0_kind() {
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            Some(instruction.near_branch_target())
        }
        // Through a pointer, as imports are called.
        _ if instruction.is_ip_rel_memory_operand() => Some(instruction.ip_rel_memory_address()),
        _ => None,
    }
}

pub(crate) fn instructions(bits: u32, address: u64, bytes: &[u8]) -> Vec<Instruction> {
    let mut decoder = Decoder::with_ip(bits, bytes, address, DecoderOptions::NONE);
    let mut formatter = FastFormatter::new();
    formatter.options_mut().set_always_show_memory_size(true);
    formatter.options_mut().set_uppercase_hex(false);
    let mut found = Vec::new();
    while decoder.can_decode() {
        let at = decoder.position();
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            // The end of what was read, or no code: one byte on, as the debugger does.
            found.push(Instruction {
                len: 1,
                text: UNKNOWN.into(),
                ..Instruction::default()
            });
            if decoder.set_position(at + 1).is_err() {
                break;
            }
            decoder.set_ip(address.wrapping_add(at as u64 + 1));
            continue;
        }
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        let prefix = PREFIXES.iter().find(|prefix| text.starts_with(**prefix));
        let (prefix, rest) = text.split_at(prefix.map_or(0, |prefix| prefix.len()));
        let (name, operands) = rest.split_once(' ').unwrap_or((rest, ""));
        let text = match operands {
            "" => format!("{prefix}{name}"),
            _ => format!("{prefix}{name:<7} {operands}"),
        };
        found.push(Instruction {
            len: instruction.len() as u8,
            touches: touches(&instruction, rest),
            target: target(&instruction),
            text,
        });
    }
    found
}
