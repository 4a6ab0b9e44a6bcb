//! x64 code and unwind data: prologues that do what the unwind codes say.
//! Source: Microsoft Learn, "x64 exception handling".

use super::Function;
use crate::machine::Shape;

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

/// The first instructions of a function, filled up with breakpoints to its end or 64 bytes.
pub fn function_bytes(function: &Function) -> Vec<u8> {
    let mut b = Vec::new();
    match function.shape {
        Shape::Plain { pushes, locals } => {
            b.extend(
                SAVED[..usize::from(pushes)]
                    .iter()
                    .map(|(_, opcode)| *opcode),
            );
            b.extend([0x48, 0x81, 0xec]);
            b.extend(locals.to_le_bytes());
        }
        Shape::Trap => {
            b.extend([0x55, 0x48, 0x81, 0xec]);
            b.extend(TRAP_LOCALS.to_le_bytes());
            // lea rbp, [rsp+80h]
            b.extend([0x48, 0x8d, 0xac, 0x24, 0x80, 0, 0, 0]);
        }
    }
    let room = (function.end.saturating_sub(function.begin) as usize).min(0x40);
    b.truncate(room.max(1));
    b.resize(room.max(1), 0xcc);
    b
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
            function_bytes(&f)[..8],
            [0x53, 0x48, 0x81, 0xec, 0x30, 1, 0, 0]
        );
    }
}
