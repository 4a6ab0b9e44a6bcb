//! UNWIND_INFO of x64: what the prologue did, undone; and epilogues, which version 1 does not
//! describe and which are recognised by their code, as Windows itself does.

use super::super::{Image, ImageError, word};
use super::{Cursor, Entered, Function, MAX_CHAIN, UnwindError, load};
use crate::memory::{AddressSpace, VirtualAddress};
use alloc::vec::Vec;

/// RUNTIME_FUNCTION: three addresses, from the image's base.
const ENTRY: u16 = 12;
/// In the third: it names another entry instead of a description.
const INDIRECT: u32 = 1;
/// So many entries that name each other are followed; Windows follows one.
const MAX_HOPS: usize = 4;
/// Of UNWIND_INFO: what stands before the codes, and the flag that another description follows.
const HEADER: u16 = 4;
const CHAINED: u8 = 4;
const RSP: u8 = 4;
/// RAX, RCX, RDX, R8 to R11: a call may change them.
const VOLATILE: u32 = 0x0F07;

/// The operations.
mod op {
    pub const PUSH: u8 = 0;
    pub const ALLOC_LARGE: u8 = 1;
    pub const ALLOC_SMALL: u8 = 2;
    pub const SET_FRAME: u8 = 3;
    pub const SAVE: u8 = 4;
    pub const SAVE_FAR: u8 = 5;
    /// Version 2; in version 1 a vector register, long out of use.
    pub const EPILOG: u8 = 6;
    pub const MACHINE_FRAME: u8 = 10;
}
/// How many slots of two bytes each operation takes; ALLOC_LARGE one more in its long form.
const SLOTS: [u8; 11] = [1, 2, 1, 1, 2, 3, 2, 3, 2, 3, 1];

/// Machine frame: RIP, CS, EFLAGS, RSP, SS.
const FRAME_CS: u64 = 8;
const FRAME_RSP: u64 = 24;

/// An operation of the prologue.
#[derive(Clone, Copy)]
struct Code {
    /// Where in the prologue its instruction ends.
    offset: u8,
    operation: u8,
    info: u8,
    /// What follows in the next slots.
    operand: u32,
}

/// A description.
struct Info {
    version: u8,
    chained: Option<Function>,
    prologue: u8,
    frame_register: u8,
    /// Bytes from the frame's base to where its register points.
    frame_offset: u64,
    codes: Vec<Code>,
}

fn entry_at(image: &Image<'_>, rva: u64) -> Result<Function, ImageError> {
    let bytes = image.bytes(rva, ENTRY)?;
    Ok(Function {
        begin: word(&bytes, 0)?,
        end: word(&bytes, 4)?,
        data: word(&bytes, 8)?,
    })
}

/// The described stretch of code around `rva`.
pub(super) fn function(image: &Image<'_>, rva: u32) -> Result<Option<Function>, ImageError> {
    let Some(at) = image.entry(rva, ENTRY.into())? else {
        return Ok(None);
    };
    let found = entry_at(image, at)?;
    Ok((found.begin <= rva && rva < found.end).then_some(found))
}

/// Reads the description of the code around `rva`.
pub(super) fn look_ahead(image: &Image<'_>, rva: u32) {
    if let Ok(Some(mut function)) = function(image, rva) {
        _ = Info::read(image, &mut function);
    }
}

/// Where the function begins that the code at `rva` is a part of, wherever its parts lie.
pub(super) fn start(image: &Image<'_>, rva: u32) -> Result<Option<u32>, UnwindError> {
    let Some(mut part) = function(image, rva)? else {
        return Ok(None);
    };
    for _ in 0..MAX_CHAIN {
        match Info::read(image, &mut part)?.chained {
            Some(chained) => part = chained,
            None => return Ok(Some(part.begin)),
        }
    }
    Err(UnwindError::Malformed)
}

impl Info {
    /// The description of `function`. An entry that names another one instead is replaced by that:
    /// it is of a part that was moved away, for which the other's prologue ran and which has no
    /// epilogue, as the distances to the other's bounds then tell.
    fn read(image: &Image<'_>, function: &mut Function) -> Result<Self, UnwindError> {
        let mut hops = 0;
        while function.data & INDIRECT != 0 {
            hops += 1;
            if hops > MAX_HOPS {
                return Err(UnwindError::Malformed);
            }
            *function = entry_at(image, u64::from(function.data & !INDIRECT))?;
        }
        let data = function.data;
        let head = word(&image.bytes(data.into(), HEADER)?, 0)?.to_le_bytes();
        let [first, prologue, count, frame] = head;
        let (version, flags) = (first & 7, first >> 3);
        if !matches!(version, 1 | 2) {
            return Err(UnwindError::Malformed);
        }
        let codes = u16::from(count) * 2;
        let after = u16::from(count).next_multiple_of(2) * 2;
        let chained = flags & CHAINED != 0;
        let len = if chained { after + ENTRY } else { codes };
        let bytes = match len {
            0 => Vec::new(),
            _ => image.bytes(u64::from(data) + u64::from(HEADER), len)?,
        };
        let chained = match bytes.get(usize::from(after)..) {
            Some(entry) if chained => Some(Function {
                begin: word(entry, 0)?,
                end: word(entry, 4)?,
                data: word(entry, 8)?,
            }),
            _ => None,
        };
        let codes = bytes.get(..usize::from(codes)).unwrap_or_default();
        Ok(Self {
            version,
            chained,
            prologue,
            frame_register: frame & 0xF,
            frame_offset: u64::from(frame >> 4) * 16,
            codes: decode(codes)?,
        })
    }

    /// Whether the codes hold from the first instruction on: the code is a part of a function
    /// whose prologue ran elsewhere.
    fn begins_inside(&self) -> bool {
        let works = |code: &Code| code.operation != op::EPILOG || self.version == 1;
        self.chained.is_some() || self.prologue == 0 && self.codes.iter().any(works)
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<Code>, UnwindError> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let slot = |index: usize| pairs.get(index).map(|&pair| u16::from_le_bytes(pair));
    let mut codes = Vec::new();
    let mut at = 0;
    while let Some(&[offset, what]) = pairs.get(at) {
        let (operation, info) = (what & 0xF, what >> 4);
        let slots = SLOTS.get(usize::from(operation));
        let long = operation == op::ALLOC_LARGE && info != 0;
        let slots = usize::from(*slots.ok_or(UnwindError::Malformed)?) + usize::from(long);
        let operand = |index| slot(index).map(u32::from).ok_or(UnwindError::Malformed);
        codes.push(Code {
            offset,
            operation,
            info,
            operand: match slots {
                1 => 0,
                2 => operand(at + 1)?,
                _ => operand(at + 1)? | operand(at + 2)? << 16,
            },
        });
        at += slots;
    }
    Ok(codes)
}

/// Goes to the frame that entered this one.
pub(super) fn step(image: &Image<'_>, cursor: &mut Cursor) -> Result<Entered, UnwindError> {
    let rva = image.offset_of(cursor.pc)?;
    // A call may be the last instruction of a function, so what is returned to may be another.
    let within = rva.saturating_sub(u32::from(!cursor.exact));
    let Some(mut function) = function(image, within)? else {
        // What calls nothing and saves nothing has no description.
        if !cursor.exact {
            return Err(UnwindError::NoData);
        }
        return leave(image, cursor);
    };
    let info = Info::read(image, &mut function)?;
    if cursor.exact && info.version == 1 {
        if let Some(pops) = by_code(image, &function, rva) {
            for register in pops {
                pop(image.space, cursor, register)?;
            }
            return leave(image, cursor);
        }
    } else if cursor.exact
        && let Some(into) = described_epilogue(&function, &info, rva)
    {
        return by_pushes(image, cursor, info, into);
    }
    undo(image, cursor, rva.wrapping_sub(function.begin), info)
}

/// Returns to the address on top of the stack.
fn leave(image: &Image<'_>, cursor: &mut Cursor) -> Result<Entered, UnwindError> {
    cursor.pc = load(image.space, cursor.stack_pointer())?;
    cursor.exact = false;
    cursor.release(8);
    cursor.forget(VOLATILE);
    Ok(Entered::Call)
}

/// Undoes as much of the prologue as had run at `offset`, and that of the descriptions that are
/// chained to it, all of which had.
fn undo(
    image: &Image<'_>,
    cursor: &mut Cursor,
    offset: u32,
    mut info: Info,
) -> Result<Entered, UnwindError> {
    let mut ran = offset;
    for _ in 0..MAX_CHAIN {
        let base = frame_base(cursor, &info, ran)?;
        for code in &info.codes {
            if u32::from(code.offset) > ran {
                continue;
            }
            if code.operation == op::MACHINE_FRAME {
                return machine_frame(image, cursor, code.info);
            }
            undo_one(image.space, cursor, &info, *code, base)?;
        }
        let Some(mut outer) = info.chained else {
            return leave(image, cursor);
        };
        info = Info::read(image, &mut outer)?;
        ran = u32::MAX;
    }
    Err(UnwindError::Malformed)
}

/// From where saved registers are counted: the stack pointer after the prologue.
fn frame_base(cursor: &Cursor, info: &Info, ran: u32) -> Result<u64, UnwindError> {
    let set = ran >= u32::from(info.prologue)
        || info.chained.is_some()
        || info
            .codes
            .iter()
            .any(|code| code.operation == op::SET_FRAME && u32::from(code.offset) <= ran);
    if info.frame_register == 0 || !set {
        return Ok(cursor.stack_pointer());
    }
    let register = cursor.need(info.frame_register)?;
    Ok(register.wrapping_sub(info.frame_offset))
}

fn pop(space: &dyn AddressSpace, cursor: &mut Cursor, register: u8) -> Result<(), UnwindError> {
    let value = load(space, cursor.stack_pointer())?;
    cursor.set(register, value);
    cursor.release(8);
    Ok(())
}

fn undo_one(
    space: &dyn AddressSpace,
    cursor: &mut Cursor,
    info: &Info,
    code: Code,
    base: u64,
) -> Result<(), UnwindError> {
    match code.operation {
        op::PUSH => pop(space, cursor, code.info)?,
        op::ALLOC_LARGE => {
            let scale = if code.info == 0 { 8 } else { 1 };
            cursor.release(u64::from(code.operand) * scale);
        }
        op::ALLOC_SMALL => cursor.release(u64::from(code.info) * 8 + 8),
        op::SET_FRAME => {
            let register = cursor.need(info.frame_register)?;
            cursor.set(RSP, register.wrapping_sub(info.frame_offset));
        }
        op::SAVE | op::SAVE_FAR => {
            let scale = if code.operation == op::SAVE { 8 } else { 1 };
            let at = base.wrapping_add(u64::from(code.operand) * scale);
            cursor.set(code.info, load(space, at)?);
        }
        // Vector registers lead nowhere; epilogues were looked at before.
        _ => {}
    }
    Ok(())
}

/// Returns through what the processor pushed.
fn machine_frame(
    image: &Image<'_>,
    cursor: &mut Cursor,
    error_code: u8,
) -> Result<Entered, UnwindError> {
    if error_code != 0 {
        cursor.release(8);
    }
    let at = cursor.stack_pointer();
    let word = |offset| load(image.space, at.wrapping_add(offset));
    cursor.pc = word(0)?;
    cursor.exact = true;
    cursor.set(RSP, word(FRAME_RSP)?);
    cursor.forget(VOLATILE);
    Ok(Entered::Trap {
        at: VirtualAddress(at),
        user: word(FRAME_CS)? & 3 == 3,
    })
}

/// How far into an epilogue `rva` lies, by version 2, which says where they are. The first such code
/// has the length, and a flag for an epilogue at the end of the function; the others have the
/// distance from an epilogue to the end. Without such codes there is none.
fn described_epilogue(function: &Function, info: &Info, rva: u32) -> Option<u32> {
    let mut slots = info
        .codes
        .iter()
        .take_while(|code| code.operation == op::EPILOG)
        // Such a code takes one slot, so each pair of them was read as one.
        .flat_map(|code| {
            let [offset, what] = (code.operand as u16).to_le_bytes();
            [(code.offset, code.info), (offset, what >> 4)]
        });
    let (len, flags) = slots.next()?;
    let len = u32::from(len);
    let at_end = (flags & 1 != 0).then_some(len);
    let others = slots.map(|(offset, high)| u32::from(offset) | u32::from(high) << 8);
    let mut distances = at_end.into_iter().chain(others.filter(|&d| d != 0));
    distances.find_map(|distance| {
        let into = rva.checked_sub(function.end.checked_sub(distance)?)?;
        (into < len).then_some(into)
    })
}

/// Goes on from `into` bytes into an epilogue of version 2. It mirrors the pushes, which all stand
/// in one description, be it one that this one is chained to; flags that were pushed, described as
/// eight bytes taken; and what the processor pushed, but for the error code, which is gone by then.
// A function of its own: the page loads it apart.
#[inline(never)]
fn by_pushes(
    image: &Image<'_>,
    cursor: &mut Cursor,
    mut info: Info,
    into: u32,
) -> Result<Entered, UnwindError> {
    let pushes = |code: &Code| matches!(code.operation, op::PUSH | op::MACHINE_FRAME);
    for _ in 0..MAX_CHAIN {
        match info.chained {
            Some(mut outer) if !info.codes.iter().any(pushes) => {
                info = Info::read(image, &mut outer)?;
            }
            _ => break,
        }
    }
    let mut at = 0;
    for code in info.codes.iter().skip_while(|code| !pushes(code)) {
        match code.operation {
            op::PUSH if at >= into => pop(image.space, cursor, code.info)?,
            op::ALLOC_SMALL if code.info == 0 && at >= into => cursor.release(8),
            op::MACHINE_FRAME => return machine_frame(image, cursor, 0),
            _ => {}
        }
        // How long the instruction is that takes it back.
        at += 1 + u32::from(code.operation == op::PUSH && code.info >= 8);
    }
    leave(image, cursor)
}

/// The code at `rva`, as far as it can be read.
fn code_at(image: &Image<'_>, rva: u32) -> Vec<u8> {
    /// Eight pops of high registers and a long jump.
    const ENOUGH: u16 = 24;
    let address = image.base.0.wrapping_add(u64::from(rva));
    let in_page = (0x1000 - address % 0x1000).min(ENOUGH.into()) as u16;
    let whole = image.bytes(rva.into(), ENOUGH);
    whole
        .or_else(|_| image.bytes(rva.into(), in_page))
        .unwrap_or_default()
}

/// An epilogue by its code: pops, then a return or a jump out of the function. What comes before
/// the pops, the release of the locals, need not be known: until it has run the frame stands.
fn by_code(image: &Image<'_>, function: &Function, rva: u32) -> Option<Vec<u8>> {
    let code = code_at(image, rva);
    let mut rest = code.as_slice();
    let mut pops = Vec::new();
    loop {
        rest = match *rest {
            [pop @ 0x58..=0x5F, ref rest @ ..] if pop != 0x58 + RSP => {
                pops.push(pop - 0x58);
                rest
            }
            [0x41, pop @ 0x58..=0x5F, ref rest @ ..] => {
                pops.push(pop - 0x50);
                rest
            }
            _ => break,
        }
    }
    let end = rva.wrapping_add(code.len() as u32);
    let jump = |distance: i32, after: &[u8]| {
        let next = end.wrapping_sub(after.len() as u32);
        leaves(image, function, next.wrapping_add_signed(distance))
    };
    let ends = match *rest {
        // ret, ret n, and ret with a prefix
        [0xC3 | 0xC2, ..] | [0xF2 | 0xF3, 0xC3, ..] => true,
        [0xEB, to, ref after @ ..] => jump(i32::from(to as i8), after),
        [0xE9, a, b, c, d, ref after @ ..] => jump(i32::from_le_bytes([a, b, c, d]), after),
        // jmp through the import table; through a register with REX.W, which is how compilers
        // mark a jump that leaves the function. Without it, it may be that of a switch.
        [0xFF, 0x25, ..] => true,
        [0x48..=0x4F, 0xFF, operand, ..] => operand >> 3 & 7 == 4,
        [0xFF, operand, ..] => operand >> 3 & 7 == 4 && !pops.is_empty(),
        _ => false,
    };
    ends.then_some(pops)
}

/// Whether a jump to `target` leaves the function for good: not when it leads to another part of
/// it, which has the same frame.
fn leaves(image: &Image<'_>, from: &Function, target: u32) -> bool {
    if (from.begin..from.end).contains(&target) {
        return target == from.begin;
    }
    match function(image, target) {
        Ok(None) => true,
        Ok(Some(mut to)) if to.begin == target => {
            let info = Info::read(image, &mut to);
            // An entry that names another one is of a part of that.
            info.is_ok_and(|info| to.begin == target && !info.begins_inside())
        }
        Ok(Some(_)) => false,
        Err(_) => false,
    }
}
