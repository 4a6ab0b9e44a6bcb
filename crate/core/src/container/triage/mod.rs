//! The pieces of a kernel minidump: where the copies of kernel structures, the stack and the
//! loose blocks of memory stand in the file, and the lists of loaded and unloaded drivers.
//!
//! Windows writes only what fits and what its callers ask for, and files get damaged. So each
//! piece is read for itself: one that is missing or impossible leaves a note, and the rest goes
//! on. Layouts and sources: see `layout`.

mod drivers;
mod figures;
mod layout;

#[cfg(test)]
mod tests;

pub use drivers::{Driver, UnloadedDriver};
pub use figures::MemoryFigures;

use super::Block;
use super::header::{DumpHeader, FileRange, Width};
use crate::order;
use crate::source::{ReadError, Slice, Source, SourceExt};
use alloc::{string::String, vec::Vec};
use core::fmt;
use layout::{HeaderLayout, OPTION_OVERFLOWED, TRAILER};

/// More data blocks than were ever seen (1831).
const MAX_BLOCKS: u64 = 65_536;
/// The longest name in the string pool, in characters.
const MAX_NAME: u64 = 1024;
/// The largest stack copy; kernel stacks have at most 24 pages.
const MAX_STACK: u64 = 1 << 20;

/// A piece of a minidump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Piece {
    Trailer,
    Context,
    Exception,
    MemoryFigures,
    UnloadedDrivers,
    Processor,
    Process,
    Thread,
    Stack,
    Drivers,
    BrokenDriver,
    DataPage,
    DebuggerData,
    DataBlocks,
}

impl Piece {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trailer => "end mark",
            Self::Context => "processor context",
            Self::Exception => "exception record",
            Self::MemoryFigures => "memory figures",
            Self::UnloadedDrivers => "list of unloaded drivers",
            Self::Processor => "processor block",
            Self::Process => "process object",
            Self::Thread => "thread object",
            Self::Stack => "stack",
            Self::Drivers => "list of drivers",
            Self::BrokenDriver => "name of the suspected driver",
            Self::DataPage => "data page",
            Self::DebuggerData => "debugger data block",
            Self::DataBlocks => "data blocks",
        }
    }
}

/// What is wrong with a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file ends before it, or inside it.
    Truncated,
    /// It says more than there can be; so many were read.
    TooMany {
        /// As recorded.
        recorded: u64,
        /// Read.
        read: u64,
    },
    /// What stands there is not what should stand there.
    Implausible,
    /// It could not be read.
    Unreadable,
}

/// A piece that is missing or odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriageNote {
    /// Which.
    pub piece: Piece,
    /// Why.
    pub problem: Problem,
    /// Where it stands or should stand in the file.
    pub offset: u64,
}

impl fmt::Display for TriageNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (piece, at) = (self.piece.name(), self.offset);
        match self.problem {
            Problem::Truncated => write!(f, "the file ends before the {piece} at {at:#x} does"),
            Problem::TooMany { recorded, read } => {
                write!(
                    f,
                    "the {piece} at {at:#x} claims {recorded} entries; {read} were read"
                )
            }
            Problem::Implausible => write!(f, "the {piece} at {at:#x} makes no sense"),
            Problem::Unreadable => write!(f, "the {piece} at {at:#x} could not be read"),
        }
    }
}

/// A copy of a kernel structure whose length only the debugger data block tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where it stands in the file.
    pub offset: u64,
    /// Bytes up to the next piece: at least as many as the structure has.
    pub room: u64,
}

/// The pieces of a minidump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triage {
    /// ServicePackBuild.
    pub service_pack: u32,
    /// Where the minidump proper ends and secondary data may begin.
    pub size_of_dump: u64,
    /// Whether something did not fit when it was written.
    pub overflowed: bool,
    /// The processor context.
    pub context: Option<FileRange>,
    /// The exception record.
    pub exception: Option<FileRange>,
    /// Figures of the memory manager.
    pub memory_figures: Option<MemoryFigures>,
    /// Unloaded drivers.
    pub unloaded: Vec<UnloadedDriver>,
    /// Copy of the processor block (KPRCB).
    pub processor: Option<Copy>,
    /// Copy of the process object (EPROCESS).
    pub process: Option<Copy>,
    /// Copy of the thread object (ETHREAD).
    pub thread: Option<Copy>,
    /// The stack. Its address is the lowest of the copy, as dumps have it.
    pub stack: Option<Block>,
    /// Loaded drivers in load order.
    pub drivers: Vec<Driver>,
    /// The driver that Windows itself suspects.
    pub broken_driver: Option<String>,
    /// A page of data.
    pub data_page: Option<Block>,
    /// Copy of the debugger data block.
    pub debugger_data: Option<FileRange>,
    /// Loose blocks of memory, in file order; they may overlap, and reach past the end of a file
    /// that was cut.
    pub blocks: Vec<Block>,
    /// What is missing or odd.
    pub notes: Vec<TriageNote>,
}

impl Triage {
    /// Reads the pieces of the minidump that `header` begins.
    ///
    /// # Errors
    /// Only when the triage header itself cannot be read; a single bad piece is a note. While
    /// anything is not fetched yet the result is [`ReadError::NotYet`], after everything that is
    /// needed has been asked for.
    pub fn read(source: &dyn Source, header: &DumpHeader) -> Result<Self, ReadError> {
        let layout = layout::header(header.width);
        let bytes = source.bytes(header.width.header_len(), layout.len)?;
        let mut reader = PieceReader {
            source,
            width: header.width,
            layout,
            header: &bytes,
            offsets: Vec::new(),
            notes: Vec::new(),
            not_yet: false,
        };
        let mut triage = reader.places();
        triage.blocks = reader.blocks();
        triage.drivers = reader.drivers();
        triage.unloaded = reader.unloaded();
        triage.broken_driver = reader.broken_driver();
        triage.memory_figures = reader.memory_figures();
        reader.check_trailer(&triage);
        triage.notes = reader.notes;
        if reader.not_yet {
            return Err(ReadError::NotYet);
        }
        Ok(triage)
    }
}

/// Reads pieces, and notes what goes wrong.
struct PieceReader<'a> {
    source: &'a dyn Source,
    width: Width,
    layout: &'static HeaderLayout,
    header: &'a [u8],
    /// Where pieces begin, in order, to know how far each may reach.
    offsets: Vec<u64>,
    notes: Vec<TriageNote>,
    not_yet: bool,
}

impl PieceReader<'_> {
    fn u32(&self, at: u64) -> u64 {
        Slice(self.header).u32(at).map_or(0, u64::from)
    }

    fn pointer(&self, at: u64) -> u64 {
        match self.width {
            Width::Bits32 => self.u32(at),
            Width::Bits64 => Slice(self.header).u64(at).unwrap_or(0),
        }
    }

    fn note(&mut self, piece: Piece, problem: Problem, offset: u64) {
        self.notes.push(TriageNote {
            piece,
            problem,
            offset,
        });
    }

    /// The value, or a note why there is none.
    fn keep<T>(&mut self, piece: Piece, offset: u64, read: Result<T, ReadError>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                self.not_yet |= error == ReadError::NotYet;
                let problem = match error {
                    ReadError::Truncated { .. } => Problem::Truncated,
                    _ => Problem::Unreadable,
                };
                self.note(piece, problem, offset);
                None
            }
        }
    }

    /// What the header says outright.
    fn places(&mut self) -> Triage {
        let l = self.layout;
        self.offsets = [
            l.context_at,
            l.exception_at,
            l.memory_figures_at,
            l.unloaded_at,
            l.processor_at,
            l.process_at,
            l.thread_at,
            l.stack_at,
            l.drivers_at,
            l.strings_at,
            l.data_page_at,
            l.debugger_data_at,
            l.blocks_at,
            l.trailer_at,
        ]
        .map(|at| self.u32(at))
        .to_vec();
        self.offsets.push(self.source.len());
        self.offsets = order::by_key(core::mem::take(&mut self.offsets), |&at| (at, 0));
        Triage {
            service_pack: self.u32(l.service_pack) as u32,
            size_of_dump: self.u32(l.size_of_dump),
            overflowed: self.u32(l.options) as u32 & OPTION_OVERFLOWED != 0
                && self.u32(l.options) as u32 != u32::MAX,
            context: self.record(Piece::Context, l.context_at),
            exception: self.record(Piece::Exception, l.exception_at),
            processor: self.copy(Piece::Processor, l.processor_at),
            process: self.copy(Piece::Process, l.process_at),
            thread: self.copy(Piece::Thread, l.thread_at),
            stack: self.sized(Piece::Stack, l.stack_top, l.stack_at, l.stack_len),
            data_page: self.sized(
                Piece::DataPage,
                l.data_page,
                l.data_page_at,
                l.data_page_len,
            ),
            debugger_data: self
                .sized(
                    Piece::DebuggerData,
                    l.len,
                    l.debugger_data_at,
                    l.debugger_data_len,
                )
                .map(|block| FileRange {
                    offset: block.offset,
                    len: block
                        .len
                        .min(self.source.len().saturating_sub(block.offset)),
                }),
            ..Triage::default()
        }
    }

    fn record(&mut self, piece: Piece, at: u64) -> Option<FileRange> {
        self.copy(piece, at).map(|copy| FileRange {
            offset: copy.offset,
            len: copy.room,
        })
    }

    /// A piece that has an offset and no length.
    fn copy(&mut self, piece: Piece, at: u64) -> Option<Copy> {
        let offset = self.u32(at);
        if offset == 0 {
            return None;
        }
        if offset >= self.source.len() {
            self.note(piece, Problem::Truncated, offset);
            return None;
        }
        let next = self.offsets.iter().find(|&&next| next > offset);
        let room = next.map_or(0, |next| next.saturating_sub(offset));
        Some(Copy { offset, room })
    }

    /// A piece that has an offset and a length, which may reach past the end of the file.
    fn sized(&mut self, piece: Piece, address: u64, at: u64, len_at: u64) -> Option<Block> {
        let (offset, mut len) = (self.u32(at), self.u32(len_at));
        if offset == 0 || len == 0 {
            return None;
        }
        let rest = self.source.len().saturating_sub(offset);
        if len > rest {
            self.note(piece, Problem::Truncated, offset);
        }
        if piece == Piece::Stack && len > MAX_STACK {
            self.note(piece, Problem::Implausible, offset);
            len = MAX_STACK;
        }
        (len > 0).then(|| Block {
            address: self.pointer(address),
            offset,
            len,
        })
    }

    /// How many of `count` entries of `len` bytes the file has room for from `offset` on.
    fn bounded(&mut self, piece: Piece, offset: u64, count: u64, len: u64, max: u64) -> u64 {
        let room = self.source.len().saturating_sub(offset) / len.max(1);
        let read = count.min(room).min(max);
        if read < count {
            let recorded = count;
            self.note(piece, Problem::TooMany { recorded, read }, offset);
        }
        read
    }

    fn blocks(&mut self) -> Vec<Block> {
        let (offset, count) = (
            self.u32(self.layout.blocks_at),
            self.u32(self.layout.block_count),
        );
        if offset == 0 || count == 0 {
            return Vec::new();
        }
        let entry = layout::block(self.width);
        let count = self.bounded(Piece::DataBlocks, offset, count, entry.len, MAX_BLOCKS);
        let bytes = self.source.bytes(offset, count.saturating_mul(entry.len));
        let Some(bytes) = self.keep(Piece::DataBlocks, offset, bytes) else {
            return Vec::new();
        };
        let mut blocks = Vec::with_capacity(bytes.len() / 12);
        let (mut cut, mut odd) = (None, None);
        for chunk in bytes.chunks_exact(entry.len as usize) {
            let chunk = Slice(chunk);
            let address = match self.width {
                Width::Bits32 => chunk.u32(entry.address).map(u64::from),
                Width::Bits64 => chunk.u64(entry.address),
            };
            let (Ok(address), Ok(at), Ok(len)) =
                (address, chunk.u32(entry.at), chunk.u32(entry.size))
            else {
                break;
            };
            let (at, len) = (u64::from(at), u64::from(len));
            if at.saturating_add(len) > self.source.len() {
                cut = cut.or(Some(at));
            }
            if address.checked_add(len).is_none() {
                odd = odd.or(Some(at));
            } else if len > 0 {
                blocks.push(Block {
                    address,
                    offset: at,
                    len,
                });
            }
        }
        // One note for all of them: a truncated file cuts hundreds.
        if let Some(at) = cut {
            self.note(Piece::DataBlocks, Problem::Truncated, at);
        }
        if let Some(at) = odd {
            self.note(Piece::DataBlocks, Problem::Implausible, at);
        }
        blocks
    }

    fn broken_driver(&mut self) -> Option<String> {
        let offset = self.u32(self.layout.broken_driver_at);
        if offset == 0 {
            return None;
        }
        let name = name_at(self.source, offset);
        let name = self.keep(Piece::BrokenDriver, offset, name)?;
        if name.is_none() {
            self.note(Piece::BrokenDriver, Problem::Implausible, offset);
        }
        name
    }

    fn check_trailer(&mut self, triage: &Triage) {
        let offset = self.u32(self.layout.trailer_at);
        let found = self.source.u32(offset);
        if let Some(found) = self.keep(Piece::Trailer, offset, found)
            && found != TRAILER
        {
            self.note(Piece::Trailer, Problem::Implausible, offset);
        }
        if triage.size_of_dump > self.source.len() {
            self.note(Piece::Trailer, Problem::Truncated, triage.size_of_dump);
        }
    }
}

/// A name in the string pool: its length in characters (not bytes, as an old comment has it),
/// then UTF-16. `None` when it is no name.
fn name_at(source: &dyn Source, offset: u64) -> Result<Option<String>, ReadError> {
    let len = u64::from(source.u32(offset)?);
    if len == 0 || len > MAX_NAME {
        return Ok(None);
    }
    let name = source.utf16(offset.saturating_add(4), len)?;
    Ok(is_name(&name).then_some(name))
}

/// Whether it can be the name of a file.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| !c.is_control() && c != char::REPLACEMENT_CHARACTER)
}
