//! What the code itself says about a value that looks like a return address. Minidumps hold a few
//! pages of code, kernel dumps most of it; where there is none, nothing is said.
//!
//! Layout: PE section table as Microsoft documents the format. Encodings: call instructions from
//! the Intel and Arm manuals.

use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::nt::{Architecture, Module};
use crate::order::Map;
use alloc::vec::Vec;

/// Offsets in PE headers, from the start of what is named.
mod pe {
    pub(super) const LFANEW: u64 = 0x3C;
    pub(super) const SIGNATURE: u32 = 0x4550;
    pub(super) const SECTION_COUNT: u64 = 6;
    pub(super) const OPTIONAL_SIZE: u64 = 0x14;
    pub(super) const OPTIONAL: u64 = 0x18;
    pub(super) const SECTION: u16 = 40;
    pub(super) const VIRTUAL_SIZE: usize = 8;
    pub(super) const VIRTUAL_ADDRESS: usize = 0xC;
    pub(super) const CHARACTERISTICS: usize = 0x24;
    pub(super) const EXECUTE: u32 = 0x2000_0000;
    /// Windows loads no image with more.
    pub(super) const MAX_SECTIONS: u16 = 96;
}
/// No header is smaller; what points there is not code.
const HEADERS: u64 = 0x400;

/// Offsets of executable sections, from and to.
type Sections = Vec<(u64, u64)>;

/// Asks the code, remembering each image's sections.
pub(super) struct Code<'a> {
    memory: &'a dyn AddressSpace,
    architecture: Architecture,
    sections: Map<Option<Sections>>,
}

impl<'a> Code<'a> {
    pub(super) fn new(memory: &'a dyn AddressSpace, architecture: Architecture) -> Self {
        Self {
            memory,
            architecture,
            sections: Map::default(),
        }
    }

    /// Whether `address` can be code of `module`: not in its headers, and in an executable section
    /// where the section table is there to be read.
    pub(super) fn may_be_code(&mut self, module: &Module, address: u64) -> bool {
        let offset = address.wrapping_sub(module.base.0);
        if offset < HEADERS || module.entry_point.is_some_and(|entry| entry.0 == address) {
            return false;
        }
        let memory = self.memory;
        let sections = self
            .sections
            .or_insert_with(module.base.0, || executable_sections(memory, module.base));
        sections
            .as_ref()
            .is_none_or(|known| known.iter().any(|&(from, to)| (from..to).contains(&offset)))
    }

    /// Whether a call instruction ends right before `address`; `None` when the bytes are not there.
    pub(super) fn follows_call(&self, address: u64) -> Option<bool> {
        if self.architecture == Architecture::Arm64 {
            let before = VirtualAddress(address.checked_sub(4)?);
            return self.memory.u32(before).ok().map(arm64_call);
        }
        let mut bytes = [0; 8];
        let before = VirtualAddress(address.checked_sub(8)?);
        self.memory.read(before, &mut bytes).ok()?;
        Some(x86_call(&bytes, self.architecture == Architecture::X64))
    }
}

fn executable_sections(memory: &dyn AddressSpace, base: VirtualAddress) -> Option<Sections> {
    let add = |address: VirtualAddress, bytes| address.checked_add(bytes);
    let headers = add(
        base,
        memory.u32(add(base, pe::LFANEW)?).ok()?.min(0x1000).into(),
    )?;
    if memory.u32(headers).ok()? != pe::SIGNATURE {
        return None;
    }
    let count = memory.u16(add(headers, pe::SECTION_COUNT)?).ok()?;
    let len = count.min(pe::MAX_SECTIONS) * pe::SECTION;
    let optional = memory.u16(add(headers, pe::OPTIONAL_SIZE)?).ok()?;
    let table = add(headers, pe::OPTIONAL + u64::from(optional))?;
    let mut sections = Vec::new();
    for entry in memory.bytes(table, len).ok()?.chunks(pe::SECTION.into()) {
        let field = |offset: usize| {
            let found = entry.get(offset..)?.first_chunk()?;
            Some(u32::from_le_bytes(*found))
        };
        let from = u64::from(field(pe::VIRTUAL_ADDRESS)?);
        if field(pe::CHARACTERISTICS)? & pe::EXECUTE != 0 {
            sections.push((from, from + u64::from(field(pe::VIRTUAL_SIZE)?)));
        }
    }
    (!sections.is_empty()).then_some(sections)
}

/// BL, BLR and the BLR forms that check the pointer's signature.
fn arm64_call(instruction: u32) -> bool {
    instruction >> 26 == 0b10_0101
        || instruction & 0xFFFF_FC1F == 0xD63F_0000
        || instruction & 0xFEFF_F800 == 0xD63F_0800
}

/// Whether the eight bytes end with `call rel32` or a form of `call r/m`.
fn x86_call(bytes: &[u8; 8], x64: bool) -> bool {
    if bytes[3] == 0xE8 {
        return true;
    }
    (0..=6).any(|start| {
        let mut code = &bytes[start..];
        if let [prefix, rest @ ..] = code
            && x64
            && prefix & 0xF0 == 0x40
        {
            code = rest;
        }
        matches!(code, [0xFF, operand @ ..] if call_operand(operand) == Some(operand.len()))
    })
}

/// How long the operand of `FF /2` is, the ModRM byte included.
fn call_operand(operand: &[u8]) -> Option<usize> {
    let (&modrm, rest) = operand.split_first()?;
    if modrm >> 3 & 7 != 2 {
        return None;
    }
    let (mode, rm) = (modrm >> 6, modrm & 7);
    let sib = mode != 3 && rm == 4;
    let no_base = sib && mode == 0 && rest.first()? & 7 == 5;
    let displacement = match mode {
        0 if no_base => 4,
        // Without a base, x64 counts from the next instruction; both take four bytes.
        0 if rm == 5 => 4,
        1 => 1,
        2 => 4,
        _ => 0,
    };
    Some(1 + usize::from(sib) + displacement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_every_encoding_are_known() {
        for (bytes, what) in [
            ([0x90, 0x90, 0x90, 0xE8, 1, 2, 3, 4], "call rel32"),
            ([0x90, 0x90, 0xFF, 0x15, 1, 2, 3, 4], "call [rip+disp32]"),
            (
                [0x90, 0x48, 0xFF, 0x15, 1, 2, 3, 4],
                "rex call [rip+disp32]",
            ),
            ([0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xFF, 0xD0], "call rax"),
            ([0x90, 0x90, 0x90, 0x90, 0x90, 0x41, 0xFF, 0xD2], "call r10"),
            (
                [0x90, 0x90, 0x90, 0x90, 0x90, 0xFF, 0x50, 0x18],
                "call [rax+18]",
            ),
            (
                [0x90, 0x90, 0x90, 0x90, 0xFF, 0x54, 0x24, 0x20],
                "call [rsp+20]",
            ),
            ([0x90, 0xFF, 0x94, 0xC1, 0, 1, 0, 0], "call [rcx+rax*8+100]"),
        ] {
            assert!(x86_call(&bytes, true), "{what}");
        }
    }

    #[test]
    fn what_is_no_call_is_no_evidence() {
        for bytes in [
            [0x90; 8],
            [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xFF, 0xE0],
            [0x90, 0x90, 0xFF, 0x25, 1, 2, 3, 4],
            [0x90, 0xFF, 0x15, 1, 2, 3, 4, 0x90],
        ] {
            assert!(!x86_call(&bytes, true), "{bytes:x?}");
        }
        assert!(arm64_call(0x9400_0010) && arm64_call(0xD63F_0100) && arm64_call(0xD63F_0908));
        assert!(!arm64_call(0x1400_0010) && !arm64_call(0xD61F_0100));
    }
}
