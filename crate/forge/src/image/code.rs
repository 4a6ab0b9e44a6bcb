//! x64 and ARM64 code and unwind data: prologues that do what the unwind codes say; and x86 code, which keeps a frame pointer.
//! Source: Microsoft Learn, "x64 exception handling" and "ARM64 exception handling".

use super::Function;
use crate::machine::{Shape, arm64_locals};
use crate::scenario::Architecture;

const PUSH_NONVOL: u8 = 0;
const ALLOC_LARGE: u8 = 1;
const ALLOC_SMALL: u8 = 2;
const SET_FPREG: u8 = 3;
const PUSH_MACHFRAME: u8 = 10;
const RBX: u8 = 3;
const RBP: u8 = 5;
/// The registers a prologue saves, in the order it pushes them, with the instruction.
const SAVED: [(u8, u8); 3] = [(RBX, 0x53), (6, 0x56), (7, 0x57)];
/// Bytes a trap handler takes below the saved frame pointer, and how far into the frame it points afterwards.
const TRAP_LOCALS: u32 = 0x158;
const TRAP_POINTER: u8 = 8; // in units of 16
/// The same of a function that keeps a frame pointer.
const POINTER: u8 = 2;

/// UNWIND_INFO of a prologue.
pub fn unwind_info(shape: Shape) -> Vec<u8> {
    // Codes come with the last instruction of the prologue first.
    let mut codes: Vec<u8> = Vec::new();
    let (prologue, frame) = match shape {
        Shape::Plain { pushes, locals } => {
            let size = pushes + 7;
            allocation(&mut codes, size, locals);
            for i in (0..pushes).rev() {
                codes.extend([i + 1, PUSH_NONVOL | SAVED[usize::from(i)].0 << 4]);
            }
            (size, 0)
        }
        Shape::Trap => {
            codes.extend([0x10, SET_FPREG]);
            allocation(&mut codes, 8, TRAP_LOCALS);
            codes.extend([1, PUSH_NONVOL | RBP << 4]);
            codes.extend([0, PUSH_MACHFRAME | 1 << 4]);
            (0x10, RBP | TRAP_POINTER << 4)
        }
        Shape::Pointer { locals, .. } => {
            codes.extend([13, SET_FPREG]);
            allocation(&mut codes, 8, locals);
            codes.extend([1, PUSH_NONVOL | RBP << 4]);
            (13, RBP | POINTER << 4)
        }
        Shape::Switch => {
            codes.extend([4, SET_FPREG]);
            codes.extend([1, PUSH_NONVOL | RBP << 4]);
            (4, RBP)
        }
        Shape::Saved => (0, 0),
    };
    let count = (codes.len() / 2) as u8;
    let mut info = vec![1, prologue, count, frame];
    info.extend(codes);
    if count % 2 == 1 {
        info.extend([0, 0]);
    }
    info
}

fn allocation(codes: &mut Vec<u8>, at: u8, bytes: u32) {
    if bytes == 0 {
        return;
    }
    if bytes <= 0x80 {
        codes.extend([at, ALLOC_SMALL | ((bytes / 8 - 1) as u8) << 4]);
    } else {
        codes.extend([at, ALLOC_LARGE]);
        codes.extend(((bytes / 8) as u16).to_le_bytes());
    }
}

/// The first instructions of a function, which do what its unwind data says.
pub fn prologue(shape: Shape, arch: Architecture, signed: bool) -> Vec<u8> {
    match arch {
        Architecture::X64 => prologue_x64(shape),
        Architecture::X86 => prologue_x86(shape),
        Architecture::Arm64 => prologue_arm64(shape, signed),
    }
}

/// The same, filled up with breakpoints to its end or 144 bytes.
pub fn function_bytes(function: &Function, arch: Architecture, signed: bool) -> Vec<u8> {
    // brk #0xf000, or int 3
    let breakpoint: &[u8] = match arch {
        Architecture::Arm64 => &[0, 0, 0x3e, 0xd4],
        _ => &[0xcc],
    };
    let mut code = prologue(function.shape, arch, signed);
    let room = (function.end.saturating_sub(function.begin) as usize).clamp(1, 0x90);
    let len = code.len();
    code.truncate(room);
    code.extend(breakpoint.iter().cycle().take(room.saturating_sub(len)));
    code
}

fn prologue_x64(shape: Shape) -> Vec<u8> {
    let mut b = Vec::new();
    match shape {
        Shape::Plain { pushes, locals } => {
            let pushes = SAVED[..usize::from(pushes)].iter();
            b.extend(pushes.map(|(_, opcode)| *opcode));
            b.extend([0x48, 0x81, 0xec]);
            b.extend(locals.to_le_bytes());
        }
        Shape::Trap => {
            b.extend([0x55, 0x48, 0x81, 0xec]);
            b.extend(TRAP_LOCALS.to_le_bytes());
            // lea rbp, [rsp+80h]
            b.extend([0x48, 0x8d, 0xac, 0x24, 0x80, 0, 0, 0]);
        }
        Shape::Pointer { locals, grown } => {
            b.extend([0x55, 0x48, 0x81, 0xec]);
            b.extend(locals.to_le_bytes());
            // lea rbp, [rsp+20h]; sub rsp
            b.extend([0x48, 0x8d, 0x6c, 0x24, 0x20, 0x48, 0x81, 0xec]);
            b.extend(grown.to_le_bytes());
        }
        // push rbp; mov rbp, rsp; mov rsp, rcx
        Shape::Switch => b.extend([0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xcc]),
        Shape::Saved => {}
    }
    b
}

fn prologue_x86(shape: Shape) -> Vec<u8> {
    // mov edi, edi; push ebp; mov ebp, esp
    let mut b = vec![0x8b, 0xff, 0x55, 0x8b, 0xec];
    match shape {
        Shape::Plain { pushes, locals } => {
            let pushes = SAVED[..usize::from(pushes)].iter();
            b.extend(pushes.map(|(_, opcode)| *opcode));
            b.extend([0x81, 0xec]);
            b.extend(locals.to_le_bytes());
        }
        // mov esp, ecx
        Shape::Switch => b.extend([0x8b, 0xe1]),
        // push 0; push ebp; push ebx; push esi; push edi
        Shape::Trap => b = vec![0x6a, 0, 0x55, 0x53, 0x56, 0x57],
        // The scenario's are made plain: there is a frame pointer anyway.
        Shape::Pointer { .. } => {}
        // sub esp, 10h; then ebx, esi, edi and ebp, from the top
        Shape::Saved => {
            b = vec![0x83, 0xec, 0x10, 0x89, 0x5c, 0x24, 0x0c, 0x89, 0x74];
            b.extend([0x24, 0x08, 0x89, 0x7c, 0x24, 0x04, 0x89, 0x2c, 0x24]);
        }
    }
    b
}

/// The codes of a frame record with locals above it, last instruction first: set_fp and save_fplr_x, or, where that takes
/// more than its 512 bytes, save_fplr and alloc_m.
fn record_arm64(locals: u32) -> Vec<u8> {
    const SET_FP: u8 = 0xe1;
    let bytes = arm64_locals(locals);
    match bytes {
        0..=LARGEST_RECORD => vec![SET_FP, 0x80 | (bytes / 8 - 1) as u8],
        _ => vec![SET_FP, 0x40, 0xc0 | (bytes >> 12) as u8, (bytes >> 4) as u8],
    }
}

/// Bytes that one instruction takes and stores a frame record in.
const LARGEST_RECORD: u64 = 512;

/// The record of an ARM64 function: its length, no epilogue, and the codes of its prologue, last instruction first.
pub fn unwind_info_arm64(shape: Shape, len: u32, signed: bool) -> Vec<u8> {
    const SIGN_LR: u8 = 0xfc;
    const SET_FP: u8 = 0xe1;
    const END: u8 = 0xe4;
    const TRAP_FRAME: u8 = 0xe8;
    let mut codes = match shape {
        Shape::Plain { pushes, locals } => {
            let mut codes = record_arm64(locals);
            // save_r19r20_x
            codes.extend((pushes > 1).then_some(0x22));
            codes.push(END);
            codes
        }
        Shape::Pointer { locals, .. } => [record_arm64(locals), vec![END]].concat(),
        Shape::Switch => vec![SET_FP, 0x81, END],
        Shape::Trap => vec![TRAP_FRAME, END],
        Shape::Saved => vec![END],
    };
    if signed && shape != Shape::Trap {
        codes.insert(codes.len() - 1, SIGN_LR);
    }
    codes.resize(codes.len().next_multiple_of(4), 0xe3);
    let mut info = ((len / 4) | ((codes.len() as u32 / 4) << 27))
        .to_le_bytes()
        .to_vec();
    info.extend(codes);
    info
}

fn prologue_arm64(shape: Shape, signed: bool) -> Vec<u8> {
    const PACIBSP: u32 = 0xd503_237f;
    const MOV_FP_SP: u32 = 0x9100_03fd;
    // stp fp, lr, [sp, #-bytes]!
    let store = |bytes: u64| 0xa980_7bfd | ((bytes / 8).wrapping_neg() as u32 & 0x7f) << 15;
    // stp fp, lr, [sp]
    const STORE: u32 = 0xa900_7bfd;
    let record = |locals: u32| match arm64_locals(locals) {
        bytes @ 0..=LARGEST_RECORD => vec![store(bytes), MOV_FP_SP],
        bytes => vec![0xd100_03ff | (bytes as u32) << 10, STORE, MOV_FP_SP],
    };
    let code = match shape {
        Shape::Plain { pushes, locals } => {
            let mut code = record(locals);
            if pushes > 1 {
                // stp x19, x20, [sp, #-16]!
                code.insert(0, 0xa9bf_53f3);
            }
            code
        }
        // sub sp, sp, #bytes
        Shape::Pointer { locals, grown } => {
            [record(locals), vec![0xd100_03ff | grown << 10]].concat()
        }
        // mov sp, x9
        Shape::Switch => vec![store(16), MOV_FP_SP, 0x9100_013f],
        Shape::Trap | Shape::Saved => vec![],
    };
    let first = (signed && shape != Shape::Trap).then_some(PACIBSP);
    first
        .iter()
        .chain(&code)
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prologue_with_two_pushes_and_a_small_frame_has_three_codes() {
        let info = unwind_info(Shape::Plain {
            pushes: 2,
            locals: 0x28,
        });
        // Version 1, prologue of 9 bytes, 3 codes; sub rsp,28h; push rsi; push rbx.
        assert_eq!(info, [1, 9, 3, 0, 9, 0x42, 2, 0x60, 1, 0x30, 0, 0]);
    }

    #[test]
    fn a_trap_handler_restores_the_interrupted_frame() {
        let info = unwind_info(Shape::Trap);
        assert_eq!(info[..4], [1, 0x10, 5, 0x85]);
        assert_eq!(info[info.len() - 4..], [0, 0x1a, 0, 0]);
        assert_eq!(u16::from_le_bytes([info[8], info[9]]), 0x158 / 8);
    }

    #[test]
    fn code_starts_with_the_instructions_that_the_unwind_data_describes() {
        let f = Function {
            begin: 0,
            end: 0x100,
            shape: Shape::Plain {
                pushes: 1,
                locals: 0x130,
            },
        };
        assert_eq!(
            function_bytes(&f, Architecture::X64, false)[..8],
            [0x53, 0x48, 0x81, 0xec, 0x30, 1, 0, 0]
        );
    }

    #[test]
    fn a_large_frame_of_arm64_is_taken_before_its_record_is_stored() {
        let shape = Shape::Pointer {
            locals: 0x410,
            grown: 0x40,
        };
        let info = unwind_info_arm64(shape, 0x40, false);
        // set_fp; save_fplr; alloc_m of 0x41 times 16; end.
        assert_eq!(info[4..10], [0xe1, 0x40, 0xc0, 0x41, 0xe4, 0xe3]);
        let f = Function {
            begin: 0,
            end: 0x40,
            shape,
        };
        let code = function_bytes(&f, Architecture::Arm64, false);
        let words: Vec<u32> = code
            .chunks(4)
            .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        // sub sp, sp, #0x410; stp fp, lr, [sp]; mov fp, sp; sub sp, sp, #0x40
        assert_eq!(
            words[..4],
            [0xd110_43ff, 0xa900_7bfd, 0x9100_03fd, 0xd101_03ff]
        );
    }

    #[test]
    fn a_function_of_arm64_that_signs_its_return_address_does_so_first() {
        let shape = Shape::Switch;
        let info = unwind_info_arm64(shape, 0x40, true);
        // set_fp; save_fplr_x of 16 bytes; pac_sign_lr; end.
        assert_eq!(info[4..8], [0xe1, 0x81, 0xfc, 0xe4]);
        let f = Function {
            begin: 0,
            end: 0x40,
            shape,
        };
        // pacibsp
        assert_eq!(
            function_bytes(&f, Architecture::Arm64, true)[..4],
            [0x7f, 0x23, 0x03, 0xd5]
        );
    }

    #[test]
    fn a_function_that_takes_more_than_its_prologue_keeps_a_frame_pointer() {
        let info = unwind_info(Shape::Pointer {
            locals: 0x40,
            grown: 0x100,
        });
        // lea rbp,[rsp+20h]; sub rsp,40h; push rbp.
        assert_eq!(info, [1, 13, 3, 0x25, 13, 3, 8, 0x72, 1, 0x50, 0, 0]);
    }
}
