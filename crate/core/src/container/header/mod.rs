//! The header of a kernel dump: what stopped, when, on what machine, and what the file holds.
//!
//! The writer fills the whole header with the word `PAGE` before it sets fields, so a field that
//! still holds that word was never set: it reads as `None` here and is never shown as a number.
//! A field behind the end of a file that was cut is `None` too. Layouts: see `layout`.

mod fields;
mod layout;
mod words;

#[cfg(test)]
mod tests;

pub use layout::Width;
pub use words::{
    Attributes, DumpType, debugger_kind_line, holds, kind_name, machine_name,
    mini_dump_field_names, product_name, suite_names,
};

use crate::model::Kind;
use crate::source::{ReadError, Source, SourceExt};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::fmt;
use layout::Item;

/// The word with which the writer fills the header before it sets fields.
const FILL: [u8; 4] = *b"PAGE";
/// The first word of every kernel dump.
pub const SIGNATURE: [u8; 4] = *b"PAGE";
/// The second word of a 32-bit dump.
pub const VALID_32: [u8; 4] = *b"DUMP";
/// The second word of a 64-bit dump.
pub const VALID_64: [u8; 4] = *b"DU64";

/// 1980-01-01 as FILETIME: no clock of a PC goes back further, so less is damage.
const FIRST_TIME: u64 = 119_600_064_000_000_000;

/// Why a header could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The file could not give the bytes, or not yet.
    Read(ReadError),
    /// The file does not begin with `PAGEDU64` or `PAGEDUMP`.
    Signature {
        /// Its first eight bytes.
        found: [u8; 8],
    },
}

impl From<ReadError> for HeaderError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Signature { found } => {
                write!(
                    f,
                    "expected PAGEDU64 or PAGEDUMP at offset 0, found {found:02x?}"
                )
            }
        }
    }
}

impl core::error::Error for HeaderError {}

/// A range of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileRange {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
}

/// A run of physical memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// First page frame number.
    pub base_page: u64,
    /// Pages.
    pub pages: u64,
}

/// The physical memory of the machine, as the header lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhysicalRuns {
    /// Pages in all runs, as recorded.
    pub total_pages: u64,
    /// How many runs there are, as recorded: more than [`PhysicalRuns::runs`] when they did not
    /// fit the header.
    pub recorded: u32,
    /// The runs that stand in the header.
    pub runs: Vec<Run>,
}

impl PhysicalRuns {
    /// Pages in the runs that stand in the header.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.runs
            .iter()
            .fold(0, |sum, run| sum.saturating_add(run.pages))
    }

    /// Whether the total that is recorded is the sum of the runs.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.recorded as usize == self.runs.len() && self.pages() == self.total_pages
    }
}

/// The header of a kernel dump. Addresses are those of the dumped machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpHeader {
    /// Which structure it is.
    pub width: Width,
    /// Length of the file in bytes.
    pub file_len: u64,
    /// 0xF for a free build, 0xC for a checked one.
    pub major_version: Option<u32>,
    /// The build number, e.g. 9600.
    pub minor_version: Option<u32>,
    /// Physical address of the kernel's top page table; the low 12 bits may hold a PCID.
    pub directory_table_base: Option<u64>,
    /// Of the page frame database, or of the variable that points to it.
    pub pfn_database: Option<u64>,
    /// Head of the list of loaded modules.
    pub loaded_module_list: Option<u64>,
    /// Head of the list of processes.
    pub active_process_head: Option<u64>,
    /// IMAGE_FILE_MACHINE_*.
    pub machine: Option<u32>,
    /// Logical processors.
    pub processors: Option<u32>,
    /// The stop code.
    pub bugcheck_code: Option<u32>,
    /// Its parameters.
    pub parameters: [Option<u64>; 4],
    /// Free text, commonly empty.
    pub version_user: Option<String>,
    /// 32-bit dumps: whether page tables have the PAE form.
    pub pae: Option<bool>,
    /// Version of the debugger's protocol.
    pub kd_secondary_version: Option<u8>,
    /// The debugger data block.
    pub debugger_data: Option<u64>,
    /// Physical memory.
    pub physical_memory: Option<PhysicalRuns>,
    /// Where the CONTEXT record stands, when it was written.
    pub context: Option<FileRange>,
    /// Where the EXCEPTION_RECORD stands, when it was written.
    pub exception: Option<FileRange>,
    /// DumpType as recorded.
    pub dump_type: Option<DumpType>,
    /// Bytes that a dump of everything would need. May exceed the file's length in a minidump.
    pub required_dump_space: Option<u64>,
    /// When it stopped: FILETIME, 100 ns since 1601 UTC.
    pub system_time: Option<u64>,
    /// Free text, e.g. of the debugger that wrote it.
    pub comment: Option<String>,
    /// How long it had run, in 100 ns.
    pub uptime: Option<u64>,
    /// Which pieces a minidump has, as bits.
    pub mini_dump_fields: Option<u32>,
    /// NTSTATUS of writing the secondary data.
    pub secondary_data_state: Option<u32>,
    /// 1 workstation, 2 domain controller, 3 server.
    pub product_type: Option<u32>,
    /// Suite bits as in OSVERSIONINFOEX.
    pub suite_mask: Option<u32>,
    /// NTSTATUS of the writer; 0 when all went well.
    pub writer_status: Option<u32>,
    /// Attribute bits; none are set when the field was never written.
    pub attributes: Attributes,
    /// Number of this boot.
    pub boot_id: Option<u32>,
    /// The header's bytes, as many as the file holds.
    raw: Vec<u8>,
}

impl DumpHeader {
    /// Reads the header at the start of `source`. A file that ends inside it is read as far as
    /// it goes.
    ///
    /// # Errors
    /// [`HeaderError::Signature`] when it is no kernel dump.
    pub fn read(source: &dyn Source) -> Result<Self, HeaderError> {
        let mut found = [0; 8];
        source.read_at(0, &mut found)?;
        let width = width_of(&found).ok_or(HeaderError::Signature { found })?;
        let raw = source.bytes_up_to(0, width.header_len())?;
        Ok(Self::parse(width, raw, source.len()))
    }

    fn parse(width: Width, raw: Vec<u8>, file_len: u64) -> Self {
        let r = Reader { width, raw: &raw };
        let u32_of = |id| r.int(id).and_then(|value| u32::try_from(value).ok());
        Self {
            width,
            file_len,
            major_version: u32_of(Item::MajorVersion),
            minor_version: u32_of(Item::MinorVersion),
            directory_table_base: r.int(Item::DirectoryTableBase),
            pfn_database: r.address(Item::PfnDataBase),
            loaded_module_list: r.address(Item::PsLoadedModuleList),
            active_process_head: r.address(Item::PsActiveProcessHead),
            machine: u32_of(Item::MachineImageType),
            processors: u32_of(Item::NumberProcessors),
            bugcheck_code: u32_of(Item::BugCheckCode),
            parameters: [
                Item::Parameter1,
                Item::Parameter2,
                Item::Parameter3,
                Item::Parameter4,
            ]
            .map(|id| r.int(id)),
            version_user: r.text(Item::VersionUser),
            pae: r.int(Item::PaeEnabled).map(|value| value != 0),
            kd_secondary_version: r.int(Item::KdSecondaryVersion).map(|value| value as u8),
            debugger_data: r.address(Item::KdDebuggerDataBlock),
            physical_memory: r.physical_memory(),
            context: r.record(Item::ContextRecord),
            exception: r.record(Item::Exception),
            dump_type: u32_of(Item::DumpType).map(DumpType::from),
            required_dump_space: r.int(Item::RequiredDumpSpace),
            system_time: r.int(Item::SystemTime).filter(|&time| time >= FIRST_TIME),
            comment: r.text(Item::Comment),
            uptime: r.int(Item::SystemUpTime),
            mini_dump_fields: u32_of(Item::MiniDumpFields),
            secondary_data_state: u32_of(Item::SecondaryDataState),
            product_type: u32_of(Item::ProductType),
            suite_mask: u32_of(Item::SuiteMask),
            writer_status: u32_of(Item::WriterStatus),
            attributes: Attributes(u32_of(Item::Attributes).unwrap_or(0)),
            boot_id: u32_of(Item::BootId),
            raw,
        }
    }

    /// Whether the file ends inside the header.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.file_len < self.width.header_len()
    }

    /// What the report calls it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.dump_type
            .map_or(Kind::UnknownKernel, |t| t.kind(self.attributes))
    }

    /// What it is called, with its width, e.g. `Kernel minidump (64-bit)`.
    #[must_use]
    pub fn label(&self) -> Cow<'static, str> {
        let name = match (self.kind(), self.dump_type) {
            (Kind::Triage, _) if self.attributes.live() => "Live kernel minidump",
            (kind, _) => kind_name(kind),
        };
        let width = match (self.machine, self.width) {
            (Some(0xAA64), _) => "ARM64",
            (Some(0x0200), _) => "IA-64",
            (_, Width::Bits64) => "64-bit",
            (_, Width::Bits32) => "32-bit",
        };
        let mut label = format!("{name} ({width})");
        if let Some(DumpType::Unknown(value)) = self.dump_type {
            label = format!("{name} {value:#x} ({width})");
        }
        if self.is_cut_short() {
            label.push_str(", cut short");
        }
        label.into()
    }

    /// Bytes in a pointer.
    #[must_use]
    pub fn pointer_width(&self) -> u8 {
        self.width.pointer()
    }
}

/// Which header begins with those eight bytes.
#[must_use]
pub fn width_of(first: &[u8; 8]) -> Option<Width> {
    if first[..4] != SIGNATURE {
        return None;
    }
    match [first[4], first[5], first[6], first[7]] {
        VALID_64 => Some(Width::Bits64),
        VALID_32 => Some(Width::Bits32),
        _ => None,
    }
}

/// Whether the bytes, which begin at `offset`, are what the writer filled the header with.
fn is_fill(offset: u64, bytes: &[u8]) -> bool {
    let mut fill = FILL.iter().cycle().skip((offset % 4) as usize);
    bytes.iter().all(|byte| fill.next() == Some(byte))
}

/// Reads fields by the table.
struct Reader<'a> {
    width: Width,
    raw: &'a [u8],
}

impl<'a> Reader<'a> {
    fn bytes_at(&self, offset: u64, len: u64) -> Option<&'a [u8]> {
        let from = usize::try_from(offset).ok()?;
        let to = usize::try_from(offset.checked_add(len)?).ok()?;
        self.raw.get(from..to)
    }

    fn int_at(&self, offset: u64, len: u64) -> Option<u64> {
        let bytes = self.bytes_at(offset, len)?;
        (!is_fill(offset, bytes)).then(|| little_endian(bytes))
    }

    fn int(&self, id: Item) -> Option<u64> {
        let field = self.width.layout().field(id)?;
        self.int_at(u64::from(field.offset), field.shape.len())
    }

    /// An address; nothing the kernel has stands at 0.
    fn address(&self, id: Item) -> Option<u64> {
        self.int(id).filter(|&address| address != 0)
    }

    fn text(&self, id: Item) -> Option<String> {
        let field = self.width.layout().field(id)?;
        let bytes = self.bytes_at(u64::from(field.offset), field.shape.len())?;
        text_before_fill(u64::from(field.offset), bytes)
    }

    /// A structure, unless nobody wrote its first 16 bytes or the file ends inside it.
    fn record(&self, id: Item) -> Option<FileRange> {
        let field = self.width.layout().field(id)?;
        let offset = u64::from(field.offset);
        let bytes = self.bytes_at(offset, field.shape.len())?;
        let written = bytes.get(..16).is_some_and(|head| !is_fill(offset, head));
        written.then_some(FileRange {
            offset,
            len: field.shape.len(),
        })
    }

    fn physical_memory(&self) -> Option<PhysicalRuns> {
        let field = self.width.layout().field(Item::PhysicalMemoryBlock)?;
        let layout = self.width.runs();
        let start = u64::from(field.offset);
        let recorded = u32::try_from(self.int_at(start, 4)?).ok()?;
        let total_pages = self.int_at(start + layout.total, layout.number)?;
        let room = field.shape.len().saturating_sub(layout.first) / (2 * layout.number);
        let runs = (0..room.min(u64::from(recorded)))
            .map_while(|i| {
                let at = start + layout.first + i * 2 * layout.number;
                Some(Run {
                    base_page: self.int_at(at, layout.number)?,
                    pages: self.int_at(at + layout.number, layout.number)?,
                })
            })
            .collect();
        Some(PhysicalRuns {
            total_pages,
            recorded,
            runs,
        })
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// ANSI text up to a NUL or to where the fill begins; `None` when nothing is left.
fn text_before_fill(offset: u64, bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let bytes = bytes.get(..end)?;
    if is_fill(offset, bytes) {
        return None;
    }
    let text: String = bytes
        .iter()
        .map(|&b| match b {
            0x20..=0x7E => char::from(b),
            _ => char::REPLACEMENT_CHARACTER,
        })
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
