//! Which values on the stack are candidates for return addresses, and which are not.

use super::evidence::Code;
use super::slots::Slots;
use crate::image::unwind::without_signature;
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::Confidence;
use crate::nt::{Architecture, ModuleList, UnloadedModule};
use crate::order::Map;
use alloc::{format, string::String};

/// What follows an unloaded module's range; the report names such modules `unloaded NAME`.
const UNLOADED: &str = "unloaded ";
/// The same value more often than this is data, unless a call instruction stands before it.
const REPEATS: u32 = 2;
/// So many pointers into one page, all of them to multiples of eight, point to data: of code
/// addresses one in eight is, and they lie in slots of their own, where data lies anywhere.
const CLUSTER: u32 = 3;

/// Whose an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) confidence: Confidence,
}

/// Tells candidates from other values.
pub(super) struct Picker<'a> {
    architecture: Architecture,
    modules: &'a ModuleList,
    unloaded: &'a [UnloadedModule],
    code: Code<'a>,
    seen: Map<(u32, bool)>,
    /// By page: how many pointers into it, whether all are multiples of eight, and whether one is
    /// where no return address can be.
    pages: Map<(u32, bool, bool)>,
}

impl<'a> Picker<'a> {
    pub(super) fn new(
        architecture: Architecture,
        modules: &'a ModuleList,
        unloaded: &'a [UnloadedModule],
        memory: &'a dyn AddressSpace,
    ) -> Self {
        Self {
            architecture,
            modules,
            unloaded,
            code: Code::new(memory, architecture),
            seen: Map::default(),
            pages: Map::default(),
        }
    }

    /// Learns from all of the stack which pages its pointers point into.
    pub(super) fn survey(&mut self, slots: &Slots, from: u64) {
        let narrow = self.architecture == Architecture::X86;
        for (at, value) in slots.from(from) {
            let (value, misplaced) = (self.address(value), self.misplaced(at));
            if self.modules.find(VirtualAddress(value)).is_some() {
                let page = self.pages.or_insert_with(value >> 12, || (0, true, narrow));
                page.0 += 1;
                page.1 &= value.is_multiple_of(8);
                page.2 |= misplaced;
            }
        }
    }

    /// A call pushes onto a stack that is aligned to 16, so on x64 the return address ends a block of
    /// 16; ARM64 keeps it in the upper half of a frame record.
    fn misplaced(&self, at: u64) -> bool {
        self.architecture != Architecture::X86 && at % 16 != 8
    }

    /// The address in a pointer: on ARM64 without the signature in its high bits.
    pub(super) fn address(&self, value: u64) -> u64 {
        match self.architecture {
            Architecture::Arm64 => without_signature(value),
            _ => value,
        }
    }

    /// Whether `address` can be code of a module.
    pub(super) fn is_code(&mut self, address: u64) -> bool {
        let module = self.modules.find(VirtualAddress(address));
        module.is_some_and(|module| self.code.may_be_code(module, address))
    }

    /// Whether a call instruction ends right before `address`; `None` when that cannot be read.
    pub(super) fn follows_call(&self, address: u64) -> Option<bool> {
        self.code.follows_call(address)
    }

    /// Whose `address` is, without doubting that it is code.
    pub(super) fn owner(&self, address: u64) -> Option<Owner> {
        let address = VirtualAddress(address);
        let (name, base) = match self.modules.find(address) {
            Some(module) => (module.name.clone(), module.base.0),
            None => {
                let gone = self
                    .unloaded
                    .iter()
                    .find(|gone| (gone.start..gone.end).contains(&address))?;
                (format!("{UNLOADED}{}", gone.name), gone.start.0)
            }
        };
        Some(Owner {
            name,
            offset: address.0 - base,
            confidence: Confidence::Likely,
        })
    }

    /// Whether the slot at `at` with `value` may be a return address, and how sure that is.
    pub(super) fn candidate(&mut self, at: u64, value: u64) -> Option<Owner> {
        let address = self.address(value);
        let mut owner = self.owner(address)?;
        if let Some(module) = self.modules.find(VirtualAddress(address))
            && !self.code.may_be_code(module, address)
        {
            return None;
        }
        match self.code.follows_call(address) {
            Some(true) => return Some(owner),
            Some(false) => return None,
            None => owner.confidence = Confidence::Possible,
        }
        let misplaced = self.misplaced(at);
        let (pointers, aligned, scattered) = self
            .pages
            .get(&(address >> 12))
            .copied()
            .unwrap_or_default();
        let (seen, _) = self.seen.or_insert_with(address, || (0, false));
        *seen += 1;
        let data = aligned && scattered && pointers >= CLUSTER || *seen > REPEATS;
        (!misplaced && !data).then_some(owner)
    }
}
