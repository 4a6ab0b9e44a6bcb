//! What everything else in a dump with pages rests on: the form of the page tables, the debugger
//! data block, the registers in the header.

use super::recover::{Way, invalid_mask, recover};
use crate::container::header::FileRange;
use crate::container::{DumpHeader, PageIndex};
use crate::memory::paging::{EntryFormat, PagingMode};
use crate::memory::{AddressSpace, AddressSpaceExt, KernelSpace, PhysicalMemory, VirtualAddress};
use crate::model::Note;
use crate::nt::{
    Architecture, Context, DebuggerData, DebuggerDataError, ExceptionRecord, Member, SharedData,
};
use crate::source::{Source, SourceExt};
use alloc::{format, string::String, vec::Vec};

/// The longest build lab string.
const MAX_BUILD_LAB: usize = 0x80;
/// The longest record of the header.
const MAX_RECORD: u64 = 0x2000;

/// What everything else rests on.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// The machine's architecture; `None` when the header names none that is known.
    pub architecture: Option<Architecture>,
    /// The form of the page tables; `None` when there are none to be found.
    pub format: Option<EntryFormat>,
    /// The debugger data block.
    pub debugger_data: Option<DebuggerData>,
    /// The context in the header.
    pub context: Option<Context>,
    /// The exception record in the header, which is a placeholder in most dumps.
    pub header_exception: Option<ExceptionRecord>,
    /// What the page says that Windows maps into every process.
    pub shared: Option<SharedData>,
    /// The build lab string, e.g. `9600.18821.amd64fre.winblue_ltsb.170914-0600`.
    pub build_lab: Option<String>,
    /// What is missing or odd.
    pub notes: Vec<Note>,
}

impl Ground {
    /// Reads it.
    #[must_use]
    pub fn read(source: &dyn Source, header: &DumpHeader, index: &PageIndex) -> Self {
        let mut ground = Self {
            architecture: header.machine.and_then(Architecture::from_machine),
            ..Self::default()
        };
        ground.read_records(source, header);
        let Some(architecture) = ground.architecture else {
            ground.note(
                "unknown-machine",
                "The header names no machine type that is known, so neither registers nor page \
                 tables can be read.",
            );
            return ground;
        };
        let Some(root) = header.directory_table_base.filter(|&root| root != 0) else {
            ground.note("no-page-tables", NO_TABLES);
            return ground;
        };
        let physical = PhysicalMemory::new(source, index);
        let build = header.minor_version.unwrap_or(0);
        let spaces = modes(architecture, header.pae).iter().map(|&mode| {
            let format = EntryFormat {
                mode,
                build,
                invalid_mask: None,
            };
            KernelSpace::new(physical, format, root)
        });
        let spaces: Vec<KernelSpace<'_>> = spaces.collect();
        // All forms are tried before one is chosen, so that what they need is fetched together.
        let tried: Vec<Trial> = spaces
            .iter()
            .map(|space| Trial::of(space, header))
            .collect();
        let best = tried.iter().position(Trial::holds);
        let chosen = best.unwrap_or(0);
        let (Some(space), Some(trial)) = (spaces.get(chosen), tried.into_iter().nth(chosen)) else {
            return ground;
        };
        let format = space.format();
        let mask = format
            .swizzles()
            .then(|| invalid_mask(space, header, architecture));
        ground.format = Some(format.with_mask(mask.flatten()));
        if best.is_none() {
            ground.note("page-tables-bad", BAD_TABLES);
        }
        let recovered = match trial.data {
            Some(Ok(_)) => None,
            _ => recover(space, header, architecture),
        };
        ground.take_debugger_data(trial.data, recovered);
        ground.read_facts(space, header);
        ground
    }

    fn note(&mut self, code: &'static str, text: impl Into<String>) {
        self.notes.push(Note::new(code, text));
    }

    fn take_debugger_data(
        &mut self,
        data: Option<Result<DebuggerData, DebuggerDataError>>,
        recovered: Option<(DebuggerData, Way)>,
    ) {
        let why = match data {
            Some(Ok(data)) => {
                self.debugger_data = Some(data);
                return;
            }
            Some(Err(DebuggerDataError::Tag { .. })) => {
                "it is encoded, as it is while Windows runs, or was overwritten".into()
            }
            Some(Err(DebuggerDataError::Missing(why))) => format!("{why}"),
            Some(Err(error)) => format!("{error}"),
            None => "the header does not say where it is".into(),
        };
        let rest = match &recovered {
            Some((_, Way::Found)) => "It was found where this kernel has it.",
            Some((_, Way::Decoded)) => "It was decoded with the keys that this kernel holds.",
            Some((_, Way::Composed)) => {
                "What it would say was taken from the header and from tables of this build, as far as \
                 they know it."
            }
            None => "So kernel base, processor, thread and process cannot be told.",
        };
        self.debugger_data = recovered.map(|(data, _)| data);
        let text = format!("The debugger data block cannot be used: {why}. {rest}");
        self.note("no-debugger-data", text);
    }

    fn read_facts(&mut self, space: &KernelSpace<'_>, header: &DumpHeader) {
        let shared = SharedData::read(space, header.pointer_width());
        let lab = self.debugger_data.as_ref();
        let lab = lab.and_then(|data| data.address(Member::NtBuildLab));
        self.build_lab = lab.and_then(|at| text(space, at));
        match shared {
            Ok(shared) => self.shared = Some(shared),
            Err(why) => self.note(
                "no-shared-data",
                format!("The page that Windows shares with every process is missing: {why}."),
            ),
        }
    }

    fn read_records(&mut self, source: &dyn Source, header: &DumpHeader) {
        let Some(architecture) = self.architecture else {
            return;
        };
        let bytes = |range: Option<FileRange>| {
            let range = range?;
            source
                .bytes_up_to(range.offset, range.len.min(MAX_RECORD))
                .ok()
        };
        let (context, record) = (bytes(header.context), bytes(header.exception));
        self.context = context.and_then(|bytes| Context::parse(architecture, &bytes));
        self.header_exception =
            record.and_then(|bytes| ExceptionRecord::parse(architecture, &bytes));
        if self.context.is_none() {
            let text = "The header holds no processor context: there are no registers.";
            self.note("no-context", text);
        }
    }
}

const NO_TABLES: &str = "The header does not say where the page tables are, so the machine's \
    memory cannot be read by address.";
const BAD_TABLES: &str = "The page tables do not lead to what the header names: they are missing \
    from the dump, were damaged, or the header names those of something else.";

/// The forms that page tables of such a machine can have, the likeliest first.
fn modes(architecture: Architecture, pae: Option<bool>) -> &'static [PagingMode] {
    match (architecture, pae) {
        (Architecture::X64, _) => &[PagingMode::X64, PagingMode::X64FiveLevels],
        (Architecture::Arm64, _) => &[PagingMode::Arm64],
        (Architecture::X86, Some(false)) => &[PagingMode::X86, PagingMode::Pae],
        (Architecture::X86, _) => &[PagingMode::Pae, PagingMode::X86],
        (Architecture::Ia64, _) => &[],
    }
}

/// What one form of page tables makes of what the header names.
struct Trial {
    data: Option<Result<DebuggerData, DebuggerDataError>>,
    /// Whether the list of drivers is a list: the first entry points back to the head.
    list: bool,
}

impl Trial {
    fn of(space: &KernelSpace<'_>, header: &DumpHeader) -> Self {
        let width = header.pointer_width();
        let data = header
            .debugger_data
            .map(|at| DebuggerData::read(space, VirtualAddress(at), width));
        let list = header.loaded_module_list.and_then(|head| {
            let first = space.pointer(VirtualAddress(head), width).ok()?;
            let back = first.checked_add(u64::from(width))?;
            Some(space.pointer(back, width).ok()?.0 == head)
        });
        Self {
            data,
            list: list == Some(true),
        }
    }

    fn holds(&self) -> bool {
        self.list || matches!(self.data, Some(Ok(_)))
    }
}

/// The ASCII text at `at`, up to the end of its page.
fn text(space: &dyn AddressSpace, at: VirtualAddress) -> Option<String> {
    let mut bytes = [0; MAX_BUILD_LAB];
    let in_page = (0x1000 - at.0 % 0x1000).min(MAX_BUILD_LAB as u64) as usize;
    if space.read(at, &mut bytes).is_err() {
        space.read(at, bytes.get_mut(..in_page)?).ok()?;
        bytes.get_mut(in_page..)?.fill(0);
    }
    let end = bytes.iter().position(|&b| b == 0)?;
    let text = bytes.get(..end)?;
    let plain = text.iter().all(|b| (0x20..0x7F).contains(b)) && text.len() > 4;
    plain.then(|| String::from_utf8_lossy(text).into_owned())
}
