//! Going from a function back to its caller by the unwind data of the image.
//!
//! Every function of 64-bit Windows that touches the stack is described in its image's exception
//! directory (`.pdata`), so that the system itself can leave it at any instruction. What a
//! debugger needs of that is here: which description belongs to an address, and what the
//! registers were in the caller. Sources: Microsoft Learn, "x64 exception handling" and "ARM64
//! exception handling"; for what they leave open (indirect entries, version 2 epilogues, frames
//! of the kernel on ARM64) the unwinder of dotnet/runtime (MIT).
//!
//! The image is read where it lies, a few bytes at a time: in a dump any page of it may be missing.

mod arm64;
mod x64;

#[cfg(test)]
mod tests;

use super::{DirectoryKind, Image, ImageError};
use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};

/// IMAGE_FILE_MACHINE_* of the images that have unwind data of a known form.
const MACHINE_X64: u32 = 0x8664;
const MACHINE_ARM64: u32 = 0xAA64;
/// Entries of an exception directory; the largest kernels have 40,000.
const MAX_FUNCTIONS: u32 = 1 << 20;
/// Indirect entries and chained descriptions that are followed for one frame. Real ones have
/// three at most.
const MAX_CHAIN: usize = 32;

/// Why a frame cannot be left by its unwind data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnwindError {
    /// The description, or the code that had to be looked at, cannot be read.
    Image(ImageError),
    /// The stack cannot be read.
    Stack(Missing),
    /// A register is needed whose value is not known.
    Register,
    /// The description contradicts itself, or is of a version that is not known.
    Malformed,
    /// Nothing describes the code, and it is not a function that needs no description.
    NoData,
}

impl From<ImageError> for UnwindError {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl From<Missing> for UnwindError {
    fn from(why: Missing) -> Self {
        Self::Image(ImageError::Missing(why))
    }
}

/// How the outer frame came to the inner one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// By a call.
    Call,
    /// By a trap or an interrupt.
    Trap {
        /// Where what the processor or the kernel saved begins: a machine frame on x64, a trap
        /// frame, machine frame or context on ARM64.
        at: VirtualAddress,
        /// Whether user code was interrupted.
        user: bool,
    },
}

/// The integer registers of a frame, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The instruction pointer.
    pub pc: u64,
    /// Whether `pc` is the next instruction, not an address to return to.
    pub exact: bool,
    /// x64: by the processor's numbers, RSP is 4. ARM64: X0 to X30, then SP.
    general: [u64; 32],
    known: u32,
    stack: u8,
}

impl Cursor {
    /// Nothing known but where code and stack are. `machine`: IMAGE_FILE_MACHINE_*.
    #[must_use]
    pub fn new(machine: u32, pc: u64, stack_pointer: u64) -> Self {
        let stack = if machine == MACHINE_ARM64 { 31 } else { 4 };
        let mut cursor = Self {
            pc,
            exact: true,
            general: [0; 32],
            known: 0,
            stack,
        };
        cursor.set(stack, stack_pointer);
        cursor
    }

    /// The stack pointer.
    #[must_use]
    pub fn stack_pointer(&self) -> u64 {
        self.value(self.stack)
    }

    /// Register `number`, where it is known.
    #[must_use]
    pub fn get(&self, number: u8) -> Option<u64> {
        (number < 32 && self.known >> number & 1 == 1).then(|| self.value(number))
    }

    /// Sets register `number`.
    pub fn set(&mut self, number: u8, value: u64) {
        if let Some(register) = self.general.get_mut(usize::from(number)) {
            *register = value;
            self.known |= 1 << number;
        }
    }

    fn value(&self, number: u8) -> u64 {
        self.general.get(usize::from(number)).copied().unwrap_or(0)
    }

    fn need(&self, number: u8) -> Result<u64, UnwindError> {
        self.get(number).ok_or(UnwindError::Register)
    }

    /// Moves the stack pointer.
    fn release(&mut self, bytes: u64) {
        self.set(self.stack, self.stack_pointer().wrapping_add(bytes));
    }

    /// Forgets the registers that a call need not keep.
    fn forget(&mut self, volatile: u32) {
        self.known &= !volatile;
    }
}

/// The stack's word at `at`.
fn load(space: &dyn AddressSpace, at: u64) -> Result<u64, UnwindError> {
    space.u64(VirtualAddress(at)).map_err(UnwindError::Stack)
}

/// A pointer without the signature that ARM64 keeps in its high bits.
#[must_use]
pub fn without_signature(pointer: u64) -> u64 {
    const KERNEL_HALF: u64 = 1 << 55;
    const SIGNATURE: u64 = 0xFFFF << 48;
    if pointer & KERNEL_HALF != 0 {
        pointer | SIGNATURE
    } else {
        pointer & !SIGNATURE
    }
}

/// A stretch of code with its description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Function {
    begin: u32,
    /// The first byte behind it; ARM64 keeps it elsewhere.
    end: u32,
    /// Where the description is, or the description itself.
    data: u32,
}

impl Image<'_> {
    /// Goes from a frame in this image to the frame that entered it.
    ///
    /// # Errors
    /// See [`UnwindError`]; the cursor is then as it was.
    pub fn unwind(&self, cursor: &mut Cursor) -> Result<Entered, UnwindError> {
        let mut next = *cursor;
        let entered = match self.machine {
            MACHINE_X64 => x64::step(self, &mut next)?,
            MACHINE_ARM64 => arm64::step(self, &mut next)?,
            _ => return Err(UnwindError::NoData),
        };
        *cursor = next;
        Ok(entered)
    }

    /// Where the described stretch of code around `rva` begins and ends, from the base; `None`
    /// when nothing describes it: a function that neither calls nor touches the stack.
    ///
    /// # Errors
    /// When the tables are missing.
    pub fn function_around(&self, rva: u32) -> Result<Option<(u32, u32)>, ImageError> {
        match self.machine {
            MACHINE_X64 => Ok(x64::function(self, rva)?.map(|f| (f.begin, f.end))),
            MACHINE_ARM64 => Ok(arm64::function(self, rva)?.map(|f| (f.begin, f.end))),
            _ => Ok(None),
        }
    }

    /// Reads what leaving a frame at `address` will need, so that it is fetched together with what
    /// other frames need.
    pub fn look_ahead(&self, address: u64) {
        if let Ok(rva) = self.offset_of(address.wrapping_sub(1)) {
            match self.machine {
                MACHINE_X64 => x64::look_ahead(self, rva),
                MACHINE_ARM64 => _ = arm64::function(self, rva),
                _ => {}
            }
        }
    }

    /// Where the function begins that the code at `rva` belongs to, from the base: the whole
    /// function's first instruction, also where this part of it lies elsewhere. `None` when nothing
    /// describes the code.
    ///
    /// # Errors
    /// When the tables are missing or damaged.
    pub fn function_start(&self, rva: u32) -> Result<Option<u32>, UnwindError> {
        match self.machine {
            MACHINE_X64 => x64::start(self, rva),
            _ => Ok(self.function_around(rva)?.map(|(begin, _)| begin)),
        }
    }

    /// The last entry of the exception directory that begins at or before `rva`: where it stands.
    /// Entries are sorted by their first word, which lies fairly evenly over the image, so a guess
    /// by proportion finds the right page of a large table sooner than halving does.
    fn entry(&self, rva: u32, stride: u32) -> Result<Option<u64>, ImageError> {
        let Some(table) = self.directory(DirectoryKind::Exception) else {
            return Ok(None);
        };
        let at = |index: u32| u64::from(table.rva) + u64::from(index) * u64::from(stride);
        let (mut low, mut high) = (0, (table.size / stride).min(MAX_FUNCTIONS));
        let (mut from, mut to) = (0, self.size);
        let mut guess = true;
        while low < high {
            let count = high - low;
            let into = match to.checked_sub(from) {
                Some(span) if guess && span > 0 => {
                    u64::from(rva.saturating_sub(from)) * u64::from(count) / u64::from(span)
                }
                _ => u64::from(count / 2),
            };
            let middle = low + (into as u32).min(count - 1);
            let begin = self.space.u32(self.at(at(middle))?)?;
            if begin <= rva {
                (low, from) = (middle + 1, begin);
            } else {
                (high, to) = (middle, begin);
            }
            guess = !guess;
        }
        Ok(low.checked_sub(1).map(at))
    }

    /// The address as an offset into the image.
    fn offset_of(&self, address: u64) -> Result<u32, UnwindError> {
        let offset = address.wrapping_sub(self.base.0);
        u32::try_from(offset)
            .ok()
            .filter(|&offset| offset < self.size)
            .ok_or(UnwindError::NoData)
    }
}
