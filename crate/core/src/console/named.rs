//! `ln` and `x`: what an address is called, and where names are.
//!
//! Names come from symbol files that were put beside the dump, else from what images export. The
//! nearest name before an address is printed as the debugger does, and said to be no more where
//! nothing proves that the address belongs to it.

use super::Live;
use super::live::joined;
use super::modules::matches;
use crate::image::{Exports, Image};
use crate::memory::VirtualAddress;
use crate::model::UnloadedModule;
use crate::nt::Module;
use crate::report::format::offset;
use crate::stack::Namer;
use crate::symbols::SymbolTable;
use alloc::{format, string::String, string::ToString, vec::Vec};

/// Names that one command lists.
const MAX_LISTED: usize = 2_000;
/// Modules whose exports are read for a pattern of modules.
const MAX_MODULES: usize = 48;

/// The names of one image.
enum Source<'a> {
    Table(&'a SymbolTable),
    Exports(Exports),
    None(String),
}

impl<'a> Source<'a> {
    fn of(live: &Live<'a>, module: &Module) -> Self {
        if let Some(table) = live.files().table(module.base) {
            return Self::Table(table);
        }
        let space = live.space();
        let space = live.modules().over(&space, live.files());
        match Image::open(&space, module.base).and_then(|image| image.exports()) {
            Ok(exports) => Self::Exports(exports),
            Err(why) => Self::None(why.to_string()),
        }
    }

    fn each(&self, see: &mut dyn FnMut(u32, &str)) {
        match self {
            Self::Table(table) => table.iter().for_each(|(rva, name)| see(rva, name)),
            Self::Exports(exports) => exports.iter().for_each(|(rva, name)| see(rva, name)),
            Self::None(_) => {}
        }
    }
}

/// What an address is called.
pub(super) fn ln(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let words = joined(words);
    let Some(word) = words.first() else {
        return Vec::from(["ln takes an address.".into()]);
    };
    let at = match live.evaluate(word) {
        Ok(at) => at,
        Err(why) => return Vec::from([why]),
    };
    match live.modules().find(VirtualAddress(at)) {
        Some(module) => nearest(live, module, at),
        None => Vec::from([elsewhere(live, at)]),
    }
}

/// An address in no module that is loaded: perhaps in one that was, or in one that only the report
/// knows.
fn elsewhere(live: &Live<'_>, at: u64) -> String {
    let shown = live.address(at);
    let report = live.report;
    let loaded = report.modules.iter().find_map(|module| {
        let into = at.checked_sub(module.base.0)?;
        let name = crate::report::document::stem(&module.name);
        (into < u64::from(module.size)).then(|| format!("({shown})   {name}+{into:#x}"))
    });
    let gone = || {
        let inside = |gone: &&UnloadedModule| (gone.base.0..gone.end.0).contains(&at);
        let gone = report.unloaded_modules.iter().find(inside)?;
        let into = at - gone.base.0;
        Some(format!(
            "({shown})   {}+{into:#x}, which was unloaded",
            gone.name
        ))
    };
    loaded
        .or_else(gone)
        .unwrap_or_else(|| format!("({shown})   in no module of this report"))
}

fn nearest(live: &Live<'_>, module: &Module, at: u64) -> Vec<String> {
    let (base, called) = (module.base.0, module.symbol_name());
    let rva = at - base;
    let source = Source::of(live, module);
    // The name before the address, and the first behind it.
    let [mut before, mut behind]: [Option<(u32, String)>; 2] = [None, None];
    source.each(&mut |place, name| {
        let place_or = |found: &Option<(u32, String)>| found.as_ref().map(|(place, _)| *place);
        if u64::from(place) <= rva {
            if place_or(&before).is_none_or(|last| last <= place) {
                before = Some((place, name.into()));
            }
        } else if place_or(&behind).is_none_or(|last| place < last) {
            behind = Some((place, name.into()));
        }
    });
    let shown = live.address(at);
    let Some((place, name)) = before else {
        let mut lines = Vec::from([format!("({shown})   {called}{}", offset(rva))]);
        if let Source::None(why) = source {
            lines.push(format!("The names of '{called}' cannot be read: {why}."));
        }
        return lines;
    };
    let into = offset(rva - u64::from(place));
    let next = behind.map_or(String::new(), |(place, name)| {
        let at = live.address(base.wrapping_add(place.into()));
        format!("   |  ({at})   {called}!{name}")
    });
    let start = live.address(base.wrapping_add(place.into()));
    let mut lines = Vec::from([format!("({start})   {called}!{name}{into}{next}")]);
    if into.is_empty() {
        lines.push("Exact matches:".into());
        lines.push(format!("    {called}!{name}"));
        return lines;
    }
    let space = live.space();
    let space = live.modules().over(&space, live.files());
    let proven = Namer::new(&space, live.modules(), live.files()).name(VirtualAddress(at));
    if !proven.is_some_and(|found| !found.nearest && found.function == name) {
        lines.push(format!(
            "The nearest name before {shown}; nothing here proves that the address belongs to it."
        ));
    }
    lines
}

/// `x MODULE!PATTERN`.
pub(super) fn x(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some((wanted, pattern)) = words.first().and_then(|word| word.split_once('!')) else {
        return Vec::from(["Usage: x MODULE!PATTERN, as in x nt!Ke*Ex or x *!DriverEntry.".into()]);
    };
    let fits =
        |module: &&Module| matches(wanted, &module.symbol_name()) || matches(wanted, &module.name);
    let kernel = live
        .module("nt")
        .filter(|_| wanted.eq_ignore_ascii_case("nt"));
    let all = live.modules().as_slice().iter().filter(fits);
    let modules: Vec<&Module> = match kernel {
        Some(kernel) => Vec::from([kernel]),
        None => all.take(MAX_MODULES + 1).collect(),
    };
    if modules.is_empty() {
        return Vec::from([format!("There is no module '{wanted}'.")]);
    }
    let mut lines = Vec::new();
    for module in modules.iter().take(MAX_MODULES) {
        let (base, called) = (module.base.0, module.symbol_name());
        let source = Source::of(live, module);
        if let (Source::None(why), 1) = (&source, modules.len()) {
            lines.push(format!("The names of '{called}' cannot be read: {why}."));
        }
        source.each(&mut |place, name| {
            if lines.len() < MAX_LISTED && matches(pattern, name) {
                let at = live.address(base.wrapping_add(place.into()));
                lines.push(format!("{at} {called}!{name}"));
            }
        });
    }
    if lines.is_empty() {
        lines.push(format!("No name of '{wanted}' fits '{pattern}'."));
    }
    if lines.len() >= MAX_LISTED {
        lines.push(format!("No more than {MAX_LISTED} names are listed."));
    }
    if modules.len() > MAX_MODULES {
        lines.push(format!(
            "No more than {MAX_MODULES} modules were looked at."
        ));
    }
    lines
}
