//! A kernel minidump, opened: everything that its pieces say by themselves, in the terms of the
//! kernel, and its memory.
//!
//! The pieces depend on one another. The debugger data block says how long the copies of
//! processor, process and thread are and where their members stand; the processor names the
//! thread, the thread names the process; so the copies get addresses and become memory too.
//! Anything that is missing or odd leaves a note, and the rest goes on.

use super::current::{Machine, ProcessFacts, ProcessorFacts, ThreadFacts};
use super::exception::{Candidates, CrashException, ExceptionRecord, select};
use super::{Architecture, Context, DebuggerData, Member, Module, ModuleList, UnloadedModule};
use crate::container::blob::{ExtraMemory, extra_memory, tag, walk};
use crate::container::header::FileRange;
use crate::container::triage::{Copy, Triage};
use crate::container::{Block, DumpHeader, HeaderError, SecondaryData};
use crate::memory::{AddressSpace, AddressSpaceExt, BlockMap, SparseSpace, VirtualAddress};
use crate::model::Note;
use crate::source::{ReadError, Source, SourceExt};
use alloc::{format, string::String, vec, vec::Vec};

/// The longest copy of a structure that is read; KPRCB has 0xCF00 bytes on 26100.
const MAX_COPY: u64 = 0x2_0000;
/// The longest build lab string.
const MAX_BUILD_LAB: u64 = 0x80;

/// A kernel minidump.
#[derive(Clone, Debug)]
pub struct Minidump {
    /// Its header.
    pub header: DumpHeader,
    /// Where its pieces are.
    pub pieces: Triage,
    /// What drivers added to it.
    pub secondary: Option<SecondaryData>,
    /// Memory that drivers added, by driver (Windows 11 24H2 and later).
    pub extra_memory: Vec<ExtraMemory>,
    /// The machine's architecture; `None` when the header names none that is known.
    pub architecture: Option<Architecture>,
    /// All of its memory.
    pub memory: BlockMap,
    /// The debugger data block.
    pub debugger_data: Option<DebuggerData>,
    /// The context in the header: of the exception where there was one, else of the call that
    /// stopped Windows.
    pub context: Option<Context>,
    /// The record in the header, which is a placeholder in most dumps.
    pub header_exception: Option<ExceptionRecord>,
    /// The exception that led to the stop.
    pub exception: Option<CrashException>,
    /// The processor that stopped the machine.
    pub processor: Option<ProcessorFacts>,
    /// The thread that was running.
    pub thread: Option<ThreadFacts>,
    /// The process that was running.
    pub process: Option<ProcessFacts>,
    /// Loaded drivers.
    pub modules: ModuleList,
    /// Unloaded drivers.
    pub unloaded: Vec<UnloadedModule>,
    /// The build lab string, e.g. `9600.18821.amd64fre.winblue_ltsb.170914-0600`.
    pub build_lab: Option<String>,
    /// What is missing or odd.
    pub notes: Vec<Note>,
}

impl Minidump {
    /// Opens the minidump in `source`.
    ///
    /// # Errors
    /// When it has no header of a kernel dump, or none of a minidump behind it.
    pub fn load(source: &dyn Source) -> Result<Self, HeaderError> {
        let header = DumpHeader::read(source)?;
        let pieces = Triage::read(source, &header)?;
        let architecture = header.machine.and_then(Architecture::from_machine);
        let mut dump = Self {
            notes: notes(&pieces),
            modules: modules(&pieces),
            unloaded: unloaded(&pieces),
            memory: BlockMap::default(),
            secondary: None,
            extra_memory: Vec::new(),
            architecture,
            debugger_data: None,
            context: None,
            header_exception: None,
            exception: None,
            processor: None,
            thread: None,
            process: None,
            build_lab: None,
            header,
            pieces,
        };
        dump.read_secondary(source)?;
        dump.read_debugger_data(source)?;
        dump.read_current(source)?;
        dump.memory = BlockMap::new(dump.blocks(), source.len());
        if dump.debugger_data.is_none() {
            dump.find_debugger_data(source);
        }
        dump.read_header_records(source)?;
        dump.choose_exception(source);
        dump.build_lab = dump.read_build_lab(source);
        Ok(dump)
    }

    /// The memory of the dumped machine that `source`, the same file, holds.
    #[must_use]
    pub fn space<'a>(&'a self, source: &'a dyn Source) -> SparseSpace<'a> {
        SparseSpace::new(source, &self.memory)
    }

    /// The stop code.
    #[must_use]
    pub fn stop_code(&self) -> Option<u32> {
        self.header.bugcheck_code
    }

    /// Its parameters; 0 where the header has none.
    #[must_use]
    pub fn parameters(&self) -> [u64; 4] {
        self.header.parameters.map(|value| value.unwrap_or(0))
    }

    /// The registers to start the stack from: the exception's where there are some, else those in
    /// the header.
    #[must_use]
    pub fn crash_context(&self) -> Option<&Context> {
        let exception = self.exception.as_ref();
        let own = exception.and_then(|exception| exception.context.as_ref());
        own.or(self.context.as_ref())
    }

    /// The stretch of memory that the copied stack covers: its lowest address, and the first
    /// behind it.
    #[must_use]
    pub fn stack(&self) -> Option<(VirtualAddress, VirtualAddress)> {
        let stack = self.pieces.stack?;
        let end = stack.address.checked_add(stack.len)?;
        Some((VirtualAddress(stack.address), VirtualAddress(end)))
    }

    /// The kernel among the modules.
    #[must_use]
    pub fn kernel(&self) -> Option<&Module> {
        let base = self
            .debugger_data
            .as_ref()
            .and_then(DebuggerData::kernel_base);
        self.modules.kernel(base)
    }

    /// The stop code and its parameters as the kernel's own variable has them (KiBugcheckData),
    /// where the dump holds it.
    #[must_use]
    pub fn kernel_bug_check(&self, source: &dyn Source) -> Option<(u32, [u64; 4])> {
        let data = self.debugger_data.as_ref()?;
        let width = data.pointer_width();
        let at = data.address(Member::KiBugcheckData)?;
        let space = self.space(source);
        let value = |index: u64| {
            let at = at.checked_add(index * u64::from(width))?;
            space.pointer(at, width).ok().map(|value| value.0)
        };
        Some((
            value(0)? as u32,
            [value(1)?, value(2)?, value(3)?, value(4)?],
        ))
    }

    fn note(&mut self, code: &'static str, text: impl Into<String>) {
        self.notes.push(Note::new(code, text));
    }

    /// What was read, or a note why it was not; only "not yet" ends the run, whose result nobody
    /// will use.
    fn kept<T>(&mut self, what: &str, read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(ReadError::NotYet) => Err(ReadError::NotYet),
            Err(error) => {
                self.note(
                    "minidump-unread",
                    format!("The {what} is missing: {error}."),
                );
                Ok(None)
            }
        }
    }

    fn read_secondary(&mut self, source: &dyn Source) -> Result<(), ReadError> {
        const WHAT: &str = "data that drivers added to the dump";
        let walked = walk(source, self.pieces.size_of_dump);
        let Some(secondary) = self.kept(WHAT, walked)?.flatten() else {
            return Ok(());
        };
        if let Some(blob) = secondary.find(tag::TRIAGE_MEMORY) {
            let memory = extra_memory(source, blob.offset, u64::from(blob.size));
            self.extra_memory = self.kept(WHAT, memory)?.unwrap_or_default();
        }
        if secondary.cut {
            let text = "The data that drivers added to the dump is cut short.";
            self.note("secondary-data-cut", text);
        }
        self.secondary = Some(secondary);
        Ok(())
    }

    fn read_debugger_data(&mut self, source: &dyn Source) -> Result<(), ReadError> {
        let Some(range) = self.pieces.debugger_data else {
            return Ok(());
        };
        let bytes = copied(source, range.offset, range.len);
        let Some(bytes) = self.kept("debugger data block", bytes)? else {
            return Ok(());
        };
        match DebuggerData::parse(&bytes, self.header.pointer_width()) {
            Ok(data) => self.debugger_data = Some(data),
            Err(error) => self.note("debugger-data-bad", format!("{error}.")),
        }
        Ok(())
    }

    /// Another place for the debugger data block: a data block that covers its address.
    fn find_debugger_data(&mut self, source: &dyn Source) {
        let Some(at) = self.header.debugger_data.map(VirtualAddress) else {
            return;
        };
        let width = self.header.pointer_width();
        self.debugger_data = DebuggerData::read(&self.space(source), at, width).ok();
        if self.debugger_data.is_none() {
            let text = "The minidump has no debugger data block: kernel base, processor, thread and process cannot be told.";
            self.note("no-debugger-data", text);
        }
    }

    /// Processor, thread and process, as far as the debugger data block explains the copies.
    fn read_current(&mut self, source: &dyn Source) -> Result<(), ReadError> {
        let (Some(data), Some(architecture)) = (self.debugger_data.clone(), self.architecture)
        else {
            return Ok(());
        };
        let machine = Machine {
            architecture,
            build: self.header.minor_version.unwrap_or(0),
            debugger_data: &data,
        };
        // All three are asked for before the first is used.
        let bytes = |copy: Option<Copy>, size| match copy {
            Some(copy) => copied(source, copy.offset, len_of(&data, copy, size)),
            None => Ok(Vec::new()),
        };
        let processor = bytes(self.pieces.processor, Member::SizePrcb);
        let thread = bytes(self.pieces.thread, Member::SizeEThread);
        let process = bytes(self.pieces.process, Member::SizeEProcess);
        let processor = self.kept("processor block", processor)?;
        let thread = self.kept("thread object", thread)?;
        let process = self.kept("process object", process)?;
        let processor = processor
            .filter(|bytes| !bytes.is_empty())
            .map(|bytes| ProcessorFacts::parse(machine, &bytes));
        let mut thread = thread.and_then(|bytes| ThreadFacts::parse(machine, &bytes));
        let mut process = process.and_then(|bytes| ProcessFacts::parse(machine, &bytes));
        if let Some(thread) = &mut thread {
            thread.address = processor.as_ref().and_then(|p| p.current_thread);
        }
        if let Some(process) = &mut process {
            let attached = thread.as_ref().and_then(|thread| thread.process);
            process.address = process.address.or(attached);
        }
        self.processor = processor;
        self.thread = thread;
        self.process = process;
        Ok(())
    }

    /// Everything that is memory: first what Windows chose, then the copies of structures.
    fn blocks(&self) -> Vec<Block> {
        let pieces = &self.pieces;
        let mut blocks = pieces.blocks.clone();
        blocks.extend(pieces.stack);
        blocks.extend(pieces.data_page);
        let extra = self.extra_memory.iter().flat_map(|group| &group.blocks);
        blocks.extend(extra.copied());
        if let (Some(address), Some(range)) = (self.header.debugger_data, pieces.debugger_data) {
            blocks.push(block(address, range));
        }
        let Some(data) = &self.debugger_data else {
            return blocks;
        };
        let places = [
            (
                self.processor.as_ref().and_then(|p| p.address),
                pieces.processor,
                Member::SizePrcb,
            ),
            (
                self.thread.as_ref().and_then(|t| t.address),
                pieces.thread,
                Member::SizeEThread,
            ),
            (
                self.process.as_ref().and_then(|p| p.address),
                pieces.process,
                Member::SizeEProcess,
            ),
        ];
        for (address, copy, size) in places {
            if let (Some(address), Some(copy)) = (address, copy) {
                let (offset, len) = (copy.offset, len_of(data, copy, size));
                blocks.push(block(address.0, FileRange { offset, len }));
            }
        }
        blocks
    }

    fn read_header_records(&mut self, source: &dyn Source) -> Result<(), ReadError> {
        let Some(architecture) = self.architecture else {
            self.note(
                "unknown-machine",
                "The header names no machine type that is known, so the registers cannot be read.",
            );
            return Ok(());
        };
        let context = self.pieces.context.or(self.header.context);
        let record = self.pieces.exception.or(self.header.exception);
        let bytes = |range: Option<FileRange>| {
            range.map_or(Ok(Vec::new()), |range| {
                copied(source, range.offset, range.len)
            })
        };
        let (context, record) = (bytes(context), bytes(record));
        let context = self.kept("processor context", context)?;
        let record = self.kept("exception record", record)?;
        self.context = context.and_then(|bytes| Context::parse(architecture, &bytes));
        self.header_exception =
            record.and_then(|bytes| ExceptionRecord::parse(architecture, &bytes));
        if self.context.is_none() {
            let text = "The minidump holds no processor context: there are no registers.";
            self.note("no-context", text);
        }
        Ok(())
    }

    fn choose_exception(&mut self, source: &dyn Source) {
        let Some(architecture) = self.architecture else {
            return;
        };
        let exception = select(&Candidates {
            architecture,
            stop_code: self.header.bugcheck_code.unwrap_or(0),
            parameters: self.parameters(),
            header_record: self.header_exception.as_ref(),
            header_context: self.context.as_ref(),
            space: &self.space(source),
        });
        self.exception = exception;
    }

    /// The string that NtBuildLab points to, as much of it as the dump holds.
    fn read_build_lab(&self, source: &dyn Source) -> Option<String> {
        let at = self.debugger_data.as_ref()?.address(Member::NtBuildLab)?;
        let (_, here) = self.memory.find(at.0)?;
        let mut bytes = vec![0; here.min(MAX_BUILD_LAB) as usize];
        self.space(source).read(at, &mut bytes).ok()?;
        let end = bytes.iter().position(|&b| b == 0)?;
        let text = bytes.get(..end)?;
        let plain = text.iter().all(|b| (0x20..0x7F).contains(b)) && text.len() > 4;
        plain.then(|| String::from_utf8_lossy(text).into_owned())
    }
}

fn block(address: u64, range: FileRange) -> Block {
    Block {
        address,
        offset: range.offset,
        len: range.len,
    }
}

/// How long a copy is: as the debugger data block says, else up to the next piece.
fn len_of(data: &DebuggerData, copy: Copy, size: Member) -> u64 {
    data.layout(size).unwrap_or(copy.room).min(MAX_COPY)
}

/// The bytes of a piece, as many as the file holds.
fn copied(source: &dyn Source, offset: u64, len: u64) -> Result<Vec<u8>, ReadError> {
    if offset >= source.len() {
        return Ok(Vec::new());
    }
    source.bytes_up_to(offset, len.min(MAX_COPY))
}

fn modules(pieces: &Triage) -> ModuleList {
    let modules = pieces.drivers.iter().map(|driver| Module {
        name: driver.file_name().into(),
        path: driver.path().map(Into::into),
        base: VirtualAddress(driver.base),
        size: driver.size,
        entry_point: (driver.entry_point != 0).then_some(VirtualAddress(driver.entry_point)),
        timestamp: (driver.timestamp != 0).then_some(driver.timestamp),
        checksum: (driver.checksum != 0).then_some(driver.checksum),
    });
    ModuleList::new(modules.collect())
}

fn unloaded(pieces: &Triage) -> Vec<UnloadedModule> {
    let unloaded = pieces.unloaded.iter().map(|driver| UnloadedModule {
        name: driver.name.clone(),
        start: VirtualAddress(driver.start),
        end: VirtualAddress(driver.end),
        time: None,
    });
    unloaded.collect()
}

fn notes(pieces: &Triage) -> Vec<Note> {
    let mut notes: Vec<Note> = pieces
        .notes
        .iter()
        .map(|note| {
            let text = format!("{note}.");
            let mut letters = text.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            let text: String = first.into_iter().chain(letters).collect();
            Note::new("minidump-piece", text)
        })
        .collect();
    if pieces.overflowed {
        let text = "Not everything fitted into the minidump when it was written.";
        notes.push(Note::new("minidump-overflowed", text));
    }
    notes
}
