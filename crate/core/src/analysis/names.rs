//! Names for the stack, the parameters and the rules, and the files that would give more.

use super::dump::Dump;
use super::symbol_files::SymbolFiles;
use crate::diagnose::stretches;
use crate::memory::VirtualAddress;
use crate::model::{Report, Stack, WantedSymbol};
use crate::order;
use crate::order::Map;
use crate::stack;
pub(super) use crate::stack::{Named, Namer};
use crate::symbols::Files;
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

/// What was named: the stack, and addresses among the parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    pub stack: Option<Stack>,
    pub places: Map<Named>,
}

/// Names the frames of a stack,
/// and says what it is doing. `stop` is the stop code with its first parameter, zeros for a stack that
/// did not stop the machine.
pub(super) fn name_frames(stack: &mut Stack, namer: &Namer<'_>, stop: (u32, u64)) {
    stack::name_frames(stack, namer);
    stack.stretches = stretches(stack, stop);
}

/// Names the frames of the stack and the addresses that the stop code and the exception carry.
pub(super) fn label(dump: &Dump<'_>, stack: Option<&Stack>, namer: &Namer<'_>) -> Labels {
    let mut stack = stack.cloned();
    if let Some(stack) = &mut stack {
        let code = dump.header.bugcheck_code.unwrap_or_default();
        let first = dump.header.parameters.first().copied().flatten();
        name_frames(stack, namer, (code, first.unwrap_or_default()));
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
