//! Names of functions for the stack, the parameters and the rules: from a symbol file where one was
//! given, else from what the image exports.
//!
//! A name is only given to code that is known to be that function's: where the image's unwind data
//! can be read, it says where the function begins, also for parts that the compiler moved away from
//! it. Where it cannot, as in most minidumps, a symbol file's nearest name before the place is given
//! and the stack says so.

use super::dump::Dump;
use super::symbol_files::SymbolFiles;
use crate::diagnose::stretches;
use crate::image::{Exports, Image};
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::{Hex, How, Report, Stack, WantedSymbol};
use crate::nt::ModuleList;
use crate::order;
use crate::order::Map;
use crate::symbols::{Names, SymbolTable, Symbolizer};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::cell::RefCell;

/// So many images are asked for their exports.
const MAX_IMAGES: usize = 48;
/// A function without unwind data calls nothing and is short.
const LEAF: u32 = 0x200;
/// Without unwind data, a name further off than this is none.
const NEAR: u32 = 0x2000;

/// What an address is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub function: String,
    pub offset: u64,
    /// Whether nothing but nearness speaks for it.
    pub nearest: bool,
}

/// What one image can tell.
struct Source<'a> {
    base: u64,
    image: Option<Image<'a>>,
    table: Option<&'a SymbolTable>,
    exports: Option<Exports>,
}

/// Names of any address in the modules of a dump.
pub(super) struct Namer<'a> {
    space: &'a dyn AddressSpace,
    modules: &'a ModuleList,
    files: &'a SymbolFiles,
    sources: RefCell<Map<Source<'a>>>,
}

impl<'a> Namer<'a> {
    pub(super) fn new(
        space: &'a dyn AddressSpace,
        modules: &'a ModuleList,
        files: &'a SymbolFiles,
    ) -> Self {
        Self {
            space,
            modules,
            files,
            sources: RefCell::default(),
        }
    }

    fn open(&self, base: VirtualAddress) -> Source<'a> {
        let image = Image::open(self.space, base).ok();
        let table = self.files.table(base);
        // A symbol file knows all exports.
        let exports = match (&image, table) {
            (Some(image), None) => image.exports().ok(),
            _ => None,
        };
        Source {
            base: base.0,
            image,
            table,
            exports,
        }
    }

    /// What the code at `address` is called.
    pub(super) fn name(&self, address: VirtualAddress) -> Option<Named> {
        let module = self.modules.find(address)?;
        let mut sources = self.sources.borrow_mut();
        if !sources.contains_key(&module.base.0) {
            if sources.len() >= MAX_IMAGES {
                return None;
            }
            sources.insert(module.base.0, self.open(module.base));
        }
        sources.get(&module.base.0)?.name(address)
    }
}

impl Source<'_> {
    fn near(&self, rva: u32) -> Option<(&str, u32)> {
        match (&self.table, &self.exports) {
            (Some(table), _) => table.name_at(rva),
            (None, Some(exports)) => exports.at(rva),
            (None, None) => None,
        }
    }

    fn name(&self, address: VirtualAddress) -> Option<Named> {
        let rva = u32::try_from(address.0.checked_sub(self.base)?).ok()?;
        let image = self.image.as_ref();
        let start = image.map(|image| image.function_start(rva));
        let described = image.is_some_and(|image| {
            let table = crate::image::DirectoryKind::Exception;
            image.directory(table).is_some()
        });
        let (name, into, nearest) = match start {
            Some(Ok(Some(start))) => {
                let (name, before) = self.near(start)?;
                (name, rva.checked_sub(start).filter(|_| before == 0)?, false)
            }
            // Described images describe everything but leaves.
            Some(Ok(None)) if described => {
                let (name, into) = self.near(rva).filter(|(_, into)| *into < LEAF)?;
                let around = image?.function_around(rva - into).ok()?;
                (name, Some(into).filter(|_| around.is_none())?, false)
            }
            _ => {
                let (name, into) = self.near(rva).filter(|(_, into)| *into < NEAR)?;
                (name, into, into != 0)
            }
        };
        Some(Named {
            function: name.into(),
            offset: into.into(),
            nearest,
        })
    }
}

impl Symbolizer for Namer<'_> {
    fn function(&self, address: VirtualAddress) -> Option<(String, u64)> {
        let named = self.name(address)?;
        Some((named.function, named.offset))
    }
}

/// What was named: the stack, and addresses among the parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    pub stack: Option<Stack>,
    pub places: Map<Named>,
}

/// What the stack says where a name is no more than the nearest.
const NEAREST: &str = "Some names are the nearest before the address in a symbol file, because the \
    image's unwind data, which tell where functions begin, are not in this dump. Code that the \
    compiler moved away from its function then bears another's name; the image file itself, put \
    beside the dump, settles it.";

/// Names the frames of a stack,
/// and says what it is doing. `code` is the stop code, 0 for a stack that did not stop the machine.
pub(super) fn name_frames(stack: &mut Stack, namer: &Namer<'_>, code: u32) {
    let mut nearest = false;
    for frame in &mut stack.frames {
        // What is returned to may be the first byte behind the function that called.
        let back = u64::from(matches!(
            frame.how,
            How::Unwind | How::Scan | How::FramePointer
        ));
        let at = VirtualAddress(frame.address.0.wrapping_sub(back));
        if let Some(named) = namer.name(at) {
            nearest |= named.nearest;
            frame.symbol = Some(named.function);
            frame.offset = Some(Hex(named.offset + back));
        }
    }
    if nearest {
        if !stack.limits.is_empty() {
            stack.limits.push(' ');
        }
        stack.limits.push_str(NEAREST);
    }
    stack.stretches = stretches(stack, code);
}

/// Names the frames of the stack and the addresses that the stop code and the exception carry.
pub(super) fn label(dump: &Dump<'_>, stack: Option<&Stack>, namer: &Namer<'_>) -> Labels {
    let mut stack = stack.cloned();
    if let Some(stack) = &mut stack {
        name_frames(stack, namer, dump.header.bugcheck_code.unwrap_or_default());
    }
    let parameters = dump.header.parameters.iter().flatten().copied();
    let exception = dump.exception.map(|found| found.record.address.0);
    let places = parameters
        .chain(exception)
        .filter_map(|at| Some((at, namer.name(VirtualAddress(at))?)));
    Labels {
        places: places.collect(),
        stack,
    }
}

impl Labels {
    /// Puts names where the report has places.
    pub(super) fn compose(&self, report: &mut Report) {
        let better = |at: u64, text: &mut Option<String>| {
            // Only what is a place in a module is one; a number may look like an address.
            let Some((module, _)) = text.as_deref().and_then(|text| text.split_once('+')) else {
                return;
            };
            if let Some(named) = self.places.get(&at) {
                let offset = named.offset;
                *text = Some(format!("{module}!{}+{offset:#x}", named.function));
            }
        };
        for parameter in report.bugcheck.iter_mut().flat_map(|b| &mut b.parameters) {
            better(parameter.value.0, &mut parameter.decoded);
        }
        if let Some(exception) = &mut report.exception {
            better(exception.address.0, &mut exception.location);
        }
    }
}

/// How many files are asked for.
const MAX_WANTED: usize = 8;
/// So far out frames are looked at for it.
const FRAMES: usize = 40;

/// Which files would tell more of this dump, the most useful first.
pub(super) fn wanted(report: &Report, files: &SymbolFiles) -> Vec<WantedSymbol> {
    let frames = report.stack.iter().flat_map(|stack| &stack.frames);
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for frame in frames.take(FRAMES).filter(|frame| frame.symbol.is_none()) {
        if let Some(name) = frame.module.as_deref() {
            *count.entry(name).or_default() += 1;
        }
    }
    let culprit = report.blame.as_ref().map(|blame| blame.module.as_str());
    let modules = report
        .modules
        .iter()
        .enumerate()
        .filter_map(|(index, module)| {
            let frames = count.get(module.name.as_str()).copied().unwrap_or_default();
            let blamed = culprit.is_some_and(|name| name.eq_ignore_ascii_case(&module.name));
            // The kernel tells most: its names, its unwind data, its structures.
            let kernel = index == 0;
            let rank = usize::from(kernel) * 1000 + usize::from(blamed) * 500 + frames;
            (rank > 0).then_some((rank, frames, module))
        });
    let ranked = order::by_key(modules.collect(), |(rank, _, _)| (!(*rank as u64), 0));
    let each = ranked.into_iter().flat_map(|(_, frames, module)| {
        let base = VirtualAddress(module.base.0);
        let lie = match frames {
            0 => String::new(),
            1 => ": one frame of the stack lies in it".into(),
            _ => format!(": {frames} frames of the stack lie in it"),
        };
        let symbols = module.pdb.as_ref().filter(|_| files.table(base).is_none());
        let symbols = symbols.map(|pdb| WantedSymbol {
            module: module.name.clone(),
            kind: "symbols",
            path: pdb.url.clone(),
            why: format!("Names of its functions{lie}."),
        });
        // Where it names its symbol file, the image is in the dump.
        let absent = module.pdb.is_none() && files.image(base).is_none();
        let path = module.image_path.as_ref().filter(|_| absent);
        let image = path.map(|path| WantedSymbol {
            module: module.name.clone(),
            kind: "image",
            path: path.clone(),
            why: format!("How its functions call each other, and which symbol file is its{lie}."),
        });
        [symbols, image].into_iter().flatten()
    });
    each.take(MAX_WANTED).collect()
}
