//! What has been learned so far, and the report that follows from it.

use super::coverage::Covered;
use super::dump::Dump;
use super::identity::Identities;
use super::kernel::{self, Judgement};
use super::machine::Secondary;
use super::names::Labels;
use super::steps::{Learned, Piece};
use super::symbol_files::SymbolFiles;
use super::{modules, registry, user};
use crate::console::Ground;
use crate::container::pages::PagesError;
use crate::container::user_minidump::UserMinidump;
use crate::container::{DumpHeader, Identity, PageIndex};
use crate::model::{Kind, Module, Note, Report, Stack};
use crate::nt::memory_manager::MemoryManager;
use crate::nt::paged::Lists;
use crate::nt::pool_tags::PoolTags;
use crate::nt::process::ProcessList;
use crate::nt::registry::Start;
use crate::nt::{Minidump, PagedDump};
use crate::source::ReadError;
use crate::symbols::{Disassembler, Files, Types};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What has been learned so far. Every field stays as it is once its step was accepted.
#[derive(Debug, Default)]
pub(super) struct Known {
    identity: Option<Identity>,
    user: Option<UserMinidump>,
    pub(super) header: Option<DumpHeader>,
    pub(super) minidump: Option<Minidump>,
    pub(super) paged: Option<PagedDump>,
    /// The file ends before the list of its pages does.
    pub(super) pages_cut: bool,
    /// Why the list of pages cannot be used, where the file itself could be read.
    pages_bad: Option<String>,
    /// The loaded modules as the report shows them: looked up once.
    pub(super) modules: Vec<Module>,
    /// What the images of the drivers say of themselves.
    pub(super) identities: Identities,
    pub(super) registry: Option<Box<registry::Facts>>,
    /// A hive that a search found, from which the registry is read again.
    pub(super) hive: Option<Start>,
    pub(super) secondary: Option<Secondary>,
    /// How much of physical memory is in the file.
    pub(super) covered: Option<Covered>,
    /// The memory manager's figures.
    pub(super) memory: Option<MemoryManager>,
    pub(super) pool: Option<PoolTags>,
    pub(super) stack: Option<Stack>,
    /// Symbol files and images that were put beside the dump.
    pub(super) files: SymbolFiles,
    pub(super) labels: Labels,
    /// Other stacks.
    pub(super) stacks: Vec<Stack>,
    pub(super) judgement: Option<Judgement>,
    /// The list of processes, before each of them was read.
    pub(super) process_list: Option<ProcessList>,
    /// A step was stopped: what later ones do not find may be what it did not read.
    pub(super) cut: bool,
    /// What a minidump holds of processes and processors.
    pub(super) small: Option<Lists>,
    /// What reads machine code, where somebody brought one.
    pub(super) disassembler: Option<Box<dyn Disassembler>>,
    /// Why a step gave nothing.
    failure: Option<String>,
}

impl Known {
    /// What the file is, once that is known.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.identity.as_ref().map(|identity| identity.kind)
    }

    /// The kernel dump, whatever its kind.
    pub(super) fn dump(&self) -> Option<Dump<'_>> {
        let paged = || self.paged.as_ref().map(Dump::paged);
        self.minidump.as_ref().map(Dump::minidump).or_else(paged)
    }

    /// What questions are answered from.
    pub(super) fn ground<'a>(&'a self, report: &'a Report) -> Ground<'a> {
        Ground {
            report,
            minidump: self.minidump.as_ref(),
            paged: self.paged.as_ref(),
            registry: self.registry.as_ref().map(|facts| &facts.memory),
            pool: self.pool.as_ref(),
            files: &self.files,
            lists: self.lists(),
            disassembler: self.disassembler.as_deref(),
        }
    }

    /// Processes and processors, once their step is done.
    pub(super) fn lists(&self) -> Option<&Lists> {
        let paged = self.paged.as_ref().and_then(|dump| dump.lists.as_ref());
        paged.or(self.small.as_ref())
    }

    /// Whether Windows encrypted the dump.
    pub(super) fn is_encrypted(&self) -> bool {
        self.identity
            .as_ref()
            .is_some_and(|identity| identity.encrypted)
    }

    /// How often the step that just ran is to be run again: the bitmap is counted piece by piece.
    pub(super) fn repeats(&self) -> u64 {
        let index = self.paged.as_ref().map(|dump| &dump.index);
        index.map_or(0, PageIndex::steps_left)
    }

    /// Takes what an accepted step learned.
    pub(super) fn learn(&mut self, learned: Learned) {
        match learned {
            Learned::Identity(result) => self.identity = self.keep(result),
            Learned::Header(result) => self.header = self.keep(result),
            Learned::User(result) => self.user = self.keep(result),
            Learned::Minidump(result) => {
                self.minidump = self.keep(*result);
                self.describe_modules();
            }
            Learned::Pages(result) => {
                let end = |error: &PagesError| {
                    matches!(error, PagesError::Read(ReadError::Truncated { .. }))
                };
                self.pages_cut = result.as_ref().is_err_and(end);
                self.pages_bad = match &result {
                    Err(PagesError::Read(_)) | Ok(_) => None,
                    Err(error) => Some(error.to_string()),
                };
                let index = match self.pages_bad {
                    Some(_) => None,
                    None => self.keep(result),
                };
                let header = self.header.clone();
                let opened = header.zip(index);
                self.paged = opened.map(|(header, index)| PagedDump::new(header, index));
            }
            Learned::Identities(mut found) => {
                self.identities.append(&mut found);
                self.describe_modules();
            }
            Learned::Paged(piece) => self.learn_piece(piece),
            Learned::Registry(facts) => self.registry = Some(facts),
            Learned::Secondary(result) => self.secondary = self.keep(result),
            Learned::Memory(memory) => self.memory = memory,
            Learned::Pool(pool) => self.pool = pool,
            Learned::Stack(stack) => self.stack = stack,
            Learned::Labels(labels) => {
                self.stack = labels.stack.clone();
                self.labels = *labels;
            }
            Learned::Stacks(stacks) => self.stacks = stacks,
            Learned::Judgement(mut judgement) => {
                judgement.whole = !self.cut;
                self.judgement = Some(judgement);
            }
            Learned::ProcessList(list) => self.process_list = list,
            Learned::Small(lists) => self.small = lists.map(|lists| *lists),
            Learned::Several(all) => all.into_iter().for_each(|one| self.learn(one)),
            Learned::Nothing => {}
        }
    }

    /// Takes a piece of a dump with pages.
    fn learn_piece(&mut self, piece: Piece) {
        let Some(dump) = &mut self.paged else {
            return;
        };
        match piece {
            Piece::Ranks(step) => dump.index.take(&step),
            Piece::Ground(ground) => dump.ground = *ground,
            Piece::Drivers(drivers) => {
                dump.drivers = drivers;
                self.describe_modules();
            }
            Piece::Lists(lists) => dump.lists = Some(*lists),
            Piece::Paths(paths) => {
                dump.drivers.modules.set_paths(paths);
                self.describe_modules();
            }
            Piece::Current(current) => dump.current = *current,
            Piece::Covered(covered) => self.covered = Some(covered),
            Piece::Secondary(result) => match result {
                Ok(data) => dump.secondary = data,
                Err(error) => {
                    self.failure.get_or_insert(error.to_string());
                }
            },
        }
    }

    fn describe_modules(&mut self) {
        let described = self.dump().map(|dump| {
            modules::describe_all(dump.modules, dump.header.minor_version, &self.identities)
        });
        self.modules = described.unwrap_or_default();
        self.place_files();
    }

    /// The kernel's structures, where its symbol file was put beside the dump.
    pub(super) fn types(&self) -> Option<&dyn Types> {
        let kernel = self.dump()?.kernel_base()?;
        let table = self.files.table(kernel)?;
        Some(table)
    }

    /// Finds out which modules the files beside the dump belong to.
    fn place_files(&mut self) {
        if self.files.is_empty() {
            return;
        }
        let mut files = core::mem::take(&mut self.files);
        let mut pdbs = Vec::new();
        if let Some(dump) = self.dump() {
            files.place(&dump, &self.identities);
            let all = dump.modules.as_slice().iter();
            pdbs = all.map(|m| files.pdb_of(m, &self.identities)).collect();
        }
        for (module, pdb) in self.modules.iter_mut().zip(pdbs) {
            module.pdb = module.pdb.take().or(pdb);
        }
        self.files = files;
    }

    fn keep<T, E: ToString>(&mut self, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.failure.get_or_insert(error.to_string()).clone())
            .ok()
    }

    /// Gives what a stopped analysis left out of the memory section its reason.
    pub(super) fn fill_unread(&self, report: &mut Report) {
        let header = self.header.as_ref();
        let other = [Kind::Triage, Kind::HeaderOnly, Kind::UnknownKernel];
        let pages = header.is_some_and(|header| !other.contains(&header.kind()));
        if pages && !self.is_encrypted() {
            let memory = report.memory.get_or_insert_default();
            MemoryManager::fill_unread(&mut memory.counters);
        }
    }

    /// Fills `report` with all that follows.
    pub(super) fn compose(&self, report: &mut Report) {
        let Some(identity) = &self.identity else {
            report.error = self.unreadable();
            report.summary = report
                .error
                .as_ref()
                .map(|note| note.text.clone())
                .unwrap_or_default();
            return;
        };
        report.file.kind = identity.kind;
        report.file.kind_label = identity.label.to_string();
        report.file.encrypted = identity.encrypted;
        report.summary = identity.sentence.to_string();
        if let Some(user) = &self.user {
            user::compose(user, report);
        } else if let Some(header) = &self.header {
            kernel::compose(header, self, report);
        } else if !self.is_pending() {
            report.error = Some(not_analysable(identity));
        }
        if let Some(advice) = identity.advice.as_ref().filter(|_| report.error.is_none()) {
            report
                .notes
                .push(Note::new("what-to-do", advice.clone().into_owned()));
        }
        report.notes.extend(self.unreadable());
        report.notes.extend(self.pages_bad.as_ref().map(|why| {
            let text = format!(
                "Where the pages of memory are stored cannot be told ({why}): what stands before \
                 them is damaged. Copy the file again; if the copy is the same, only the header \
                 can be used."
            );
            Note::new("page-list-bad", text)
        }));
    }

    /// Whether a step that would make this file analysable has not run yet.
    fn is_pending(&self) -> bool {
        self.failure.is_none() && !matches!(self.kind(), Some(Kind::Other | Kind::Archive))
    }

    fn unreadable(&self) -> Option<Note> {
        let why = self.failure.as_ref()?;
        let text = format!(
            "Part of the file could not be read ({why}). If it is still being written or lies in \
             a cloud folder, copy it to a local disk and open the copy."
        );
        Some(Note::new("read-failed", text))
    }
}

/// Why a file that is no dump gives no report, as the typed error of the report.
fn not_analysable(identity: &Identity) -> Note {
    let code = match identity.kind {
        Kind::Archive => "archive",
        _ => "not-a-dump",
    };
    let mut text = identity.sentence.clone().into_owned();
    if let Some(advice) = &identity.advice {
        text = text.to_owned() + " " + advice;
    }
    Note::new(code, text)
}
