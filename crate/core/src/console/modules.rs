//! `lm` and `ln`: modules, and whose an address is.

use crate::model::{Module, Report, SymbolFile, UnloadedModule};
use crate::order;
use crate::report::document::{is_wide, stem};
use crate::report::format::address;
use crate::time::{Moment, filetime_from_unix};
use alloc::{format, string::String, vec::Vec};

/// What was asked of `lm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    times: bool,
    names: bool,
    paths: bool,
    full: bool,
    pattern: Option<&'a str>,
}

impl<'a> Options<'a> {
    /// Letters, and what follows the `m`. Other letters of the debugger (`D` for links, `k` and
    /// `u` for the half of the address space) change nothing here.
    fn parse(words: &[&'a str]) -> Self {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "t" => options.times = true,
                "n" => options.names = true,
                "f" | "p" => options.paths = true,
                "v" => options.full = true,
                "m" => options.pattern = words.next().copied(),
                _ => {}
            }
        }
        options
    }
}

/// Loaded modules by address, then unloaded ones.
pub(super) fn lm(words: &[&str], report: &Report) -> Vec<String> {
    let options = Options::parse(words);
    let wide = is_wide(report);
    if report.modules.is_empty() && report.unloaded_modules.is_empty() {
        return super::absent("A list of modules");
    }
    let fits = |name: &str| {
        options
            .pattern
            .is_none_or(|pattern| matches(pattern, &stem(name)) || matches(pattern, name))
    };
    let loaded: Vec<&Module> = report.modules.iter().filter(|m| fits(&m.name)).collect();
    let loaded = order::by_key(loaded, |module| (module.base.0, 0));
    let pad = if wide { 17 } else { 8 };
    let mut lines = Vec::from([format!("{:pad$} {:pad$}   module name", "start", "end")]);
    for module in loaded {
        lines.push(line(module, &options, report));
        if options.full {
            lines.extend(details(module));
        }
    }
    let unloaded: Vec<&UnloadedModule> = report
        .unloaded_modules
        .iter()
        .filter(|module| fits(&module.name))
        .collect();
    if !unloaded.is_empty() {
        lines.push(String::new());
        lines.push("Unloaded modules:".into());
        for module in unloaded {
            let (start, end) = (address(module.base.0, wide), address(module.end.0, wide));
            lines.push(format!("{start} {end}   {}", module.name));
        }
    }
    lines
}

/// One module in a line.
fn line(module: &Module, options: &Options<'_>, report: &Report) -> String {
    let wide = is_wide(report);
    let end = module.base.0.saturating_add(u64::from(module.size));
    let mut line = format!(
        "{} {}   {:<10}",
        address(module.base.0, wide),
        address(end, wide),
        stem(&module.name)
    );
    if options.paths {
        let path = module.path.as_deref().unwrap_or(&module.name);
        line.push_str(&format!(" {path}"));
    } else if options.names || options.times {
        line.push_str(&format!(" {:<16}", module.name));
    } else {
        // The debugger calls deferred what it has no symbol file of yet.
        let own = |file: &&SymbolFile| {
            let of_module = file.module.as_deref();
            file.used
                && file.kind == "symbols"
                && of_module.is_some_and(|name| name.eq_ignore_ascii_case(&module.name))
        };
        match report.symbol_files.iter().find(own) {
            Some(file) => line.push_str(&format!(" (pdb symbols)          {}", file.name)),
            None => line.push_str(" (deferred)"),
        }
    }
    if options.times || options.names {
        line.push_str(&format!(" {}", time(module)));
    }
    line
}

/// A link time as the debugger prints it.
fn time(module: &Module) -> String {
    let Some(stamp) = module.timestamp else {
        return "(timestamp not recorded)".into();
    };
    if module.timestamp_is_hash == Some(true) {
        return format!("{stamp:08X} (This is a reproducible build file hash, not a timestamp)");
    }
    let Some(filetime) = filetime_from_unix(u64::from(stamp)).filter(|_| stamp != 0) else {
        return format!("unavailable ({stamp:08X})");
    };
    let m = Moment::from_filetime(filetime);
    format!(
        "{} {} {:2} {:02}:{:02}:{:02} {} ({stamp:08X})",
        m.weekday_name(),
        m.month_name(),
        m.day,
        m.hour,
        m.minute,
        m.second,
        m.year
    )
}

/// Everything about one module, in the debugger's order and words; behind them what only this report
/// knows.
fn details(module: &Module) -> Vec<String> {
    let mut lines = Vec::new();
    let path = module.path.clone().unwrap_or_else(|| module.name.clone());
    lines.push(format!("    Image path: {path}"));
    lines.push(format!("    Image name: {}", module.name));
    if module.timestamp_is_hash == Some(true) {
        lines.push("    Image was built with /Brepro flag.".into());
    }
    let checksum = module
        .checksum
        .map_or("not recorded".into(), |sum| format!("{sum:08X}"));
    let known = [
        ("Timestamp", Some(time(module))),
        ("CheckSum", Some(checksum)),
        ("ImageSize", Some(format!("{:08X}", module.size))),
        ("File version", module.version.clone()),
        ("CompanyName", module.vendor.clone()),
        ("Purpose", module.purpose.clone()),
        (
            "Symbol file",
            module.pdb.as_ref().map(|pdb| pdb.url.clone()),
        ),
        ("Image file", module.image_path.clone()),
    ];
    lines.extend(
        known
            .into_iter()
            .filter_map(|(name, value)| Some(format!("    {:<18}{}", format!("{name}:"), value?))),
    );
    lines
}

/// Whether a name fits a pattern of `*` and `?`, whatever its case.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_ascii_lowercase().chars().collect();
    let name: Vec<char> = name.to_ascii_lowercase().chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where the last star was, and how much of the name it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || Some(&c) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|&c| c == '*')
}
