//! `!reg`: hives, keys and values of the registry, as far as they were in memory.
//!
//! The headings follow what Microsoft documents of the debugger's `!reg` (windows-driver-docs,
//! CC-BY). The debugger finds a key among those that were open; this one walks the hive's cells,
//! and so finds every key whose page is in the dump.

use super::registry_scan::Scan;
use super::{Begun, Live};
use crate::nt::registry::{Hive, Registry};
use crate::nt::registry::{Key, Kind, Listed, RegistryMemory, Until, show};
use alloc::{boxed::Box, format, string::String, vec::Vec};

/// Most lines of one answer.
const MAX_LINES: usize = 4096;
/// The longest data that a line shows.
const MAX_SHOWN: usize = 400;

const USAGE: [&str; 6] = [
    "!reg hivelist           the hives in memory",
    "!reg querykey PATH      subkeys and values of a key; also !reg q PATH",
    "    PATH is HKLM\\SYSTEM\\Select, or in full \\REGISTRY\\MACHINE\\SYSTEM\\Select",
    "!reg scan               looks for hives in every stored page, where nothing leads to them",
    "!reg rows               the hives, for programs: each line begins with a letter that says what it is",
    "!reg rows HIVE CELL     a key by the address of its hive and the index of its cell, in the same form",
];

/// The command.
pub(super) fn begin(arguments: &[&str], live: &Live<'_>) -> Begun {
    let scan = arguments
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case("scan"));
    match scan.then(|| Scan::new(live)).flatten() {
        Some(scan) => Begun::Job(Box::new(scan)),
        None => reg(arguments, live).into(),
    }
}

fn reg(arguments: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some((&first, rest)) = arguments.split_first() else {
        return USAGE.map(String::from).into();
    };
    let Some(dump) = live.paged() else {
        return Vec::from([String::from(
            "A minidump holds no registry; a kernel, complete or active dump does.",
        )]);
    };
    // The list that the report was made from ends where it had what it needed.
    let start = live.registry().and_then(RegistryMemory::start);
    let known = ["hivelist", "querykey", "q", "rows"];
    if !known.iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return USAGE.map(String::from).into();
    }
    let memory = RegistryMemory::find(live.source, dump, start, Until::End);
    let answer = memory.ask(live.source, dump, |registry| {
        if first.eq_ignore_ascii_case("hivelist") {
            return hives(registry, live);
        }
        if first.eq_ignore_ascii_case("rows") {
            return rows(registry, rest);
        }
        if rest.is_empty() {
            return USAGE.map(String::from).into();
        }
        // A path may hold blanks; between words of a line one of them is left.
        query(registry, rest.join(" ").trim_matches('"'))
    });
    let mut lines = answer.unwrap_or_default();
    lines.extend(memory.notes.iter().map(|note| note.text.clone()));
    lines.truncate(MAX_LINES);
    lines
}

pub(super) fn hives(registry: &Registry<'_>, live: &Live<'_>) -> Vec<String> {
    let mut lines = Vec::from([String::from(
        "HiveAddr           Stable   Volatile  Path / file",
    )]);
    for hive in registry.hives() {
        let [stable, volatile] = hive.storage;
        let root = registry.root(hive).err();
        let root = root.map_or_else(String::new, |why| format!("  (no root key: {why})"));
        let name = hive.path.as_deref().or(hive.file.as_deref());
        lines.push(format!(
            "{:<17}  {:>9x}  {:>9x}  {}{}{root}",
            live.address(hive.address.0),
            stable.len(),
            volatile.len(),
            name.unwrap_or("(name not in the dump)"),
            file(hive),
        ));
    }
    lines.push(format!("{} hives.", registry.hives().len()));
    lines
}

fn file(hive: &Hive) -> String {
    match (&hive.path, &hive.file) {
        (Some(_), Some(file)) => format!("  {file}"),
        _ => String::new(),
    }
}

fn query(registry: &Registry<'_>, path: &str) -> Vec<String> {
    match registry.open(path) {
        Ok(key) => describe(&key),
        Err(error) => Vec::from([format!("{path}: {error}.")]),
    }
}

fn describe(key: &Key<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(time) = crate::time::iso8601_from_filetime(key.written()) {
        lines.push(format!("{}, last written {time}", key.name));
    }
    let Listed { items, gap } = key.subkeys();
    if !items.is_empty() || gap.is_some() {
        lines.push(String::from("[SubKeyName]"));
        lines.extend(items.iter().map(|key| format!("  {}", key.name)));
        lines.extend(gap.map(|why| format!("  Others cannot be read: {why}.")));
    }
    let Listed { items, gap } = key.values();
    if !items.is_empty() || gap.is_some() {
        lines.push(format!(
            "{:<20} {:<30} {}",
            "[ValueType]", "[ValueName]", "[ValueData]"
        ));
        for value in &items {
            let data = match value.data() {
                Ok(data) => show(value.kind, &data).chars().take(MAX_SHOWN).collect(),
                Err(why) => format!("cannot be read: {why}"),
            };
            let kind = Kind(value.kind).name();
            lines.push(format!("{kind:<20} {:<30} {data}", value.name));
        }
        lines.extend(gap.map(|why| format!("Others cannot be read: {why}.")));
    }
    lines
}

/// The hives or one key in lines that a program can take apart, whatever stands in a name: the
/// first letter says what the line is. Keys are asked for by their cells, so that names which no
/// command line can hold, and hives without a name, are reached too.
///
/// `h` a hive's address and `r` its root's cell, `f` its file; `t` when a key was written, `c` how
/// many subkeys and values it has; `k` a subkey's cell and how many subkeys that has; `v` a value's
/// type, `d` its data; `n` the name of the hive, key or value before it; `g` why that cannot be
/// read; `s` and `w` why other subkeys and other values cannot.
fn rows(registry: &Registry<'_>, place: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    let Some(&[hive, cell]) = place.first_chunk::<2>() else {
        for hive in registry.hives() {
            lines.push(format!("h {:x}", hive.address.0));
            let name = hive.path.as_ref().or(hive.file.as_ref());
            lines.extend(name.map(|name| format!("n {name}")));
            lines.extend(hive.file.as_ref().map(|file| format!("f {file}")));
            lines.push(match registry.root(hive) {
                Ok(root) => format!("r {:x}", root.index()),
                Err(why) => format!("g {why}"),
            });
        }
        return lines;
    };
    let number = |text| u64::from_str_radix(text, 16).ok();
    let hive = registry
        .hives()
        .iter()
        .find(|known| Some(known.address.0) == number(hive));
    let index = number(cell).and_then(|cell| u32::try_from(cell).ok());
    let (Some(hive), Some(index)) = (hive, index) else {
        return Vec::from([String::from("g there is no such hive")]);
    };
    match registry.key(hive, index) {
        Ok(key) => key_rows(&key, &mut lines),
        Err(why) => lines.push(format!("g {why}")),
    }
    lines
}

fn key_rows(key: &Key<'_>, lines: &mut Vec<String>) {
    let time = crate::time::iso8601_from_filetime(key.written());
    lines.extend(time.map(|time| format!("t {time}")));
    lines.push(format!("c {} {}", key.subkey_count(), key.value_count()));
    let Listed { items, gap } = key.subkeys();
    for child in &items {
        lines.push(format!("k {:x} {}", child.index(), child.subkey_count()));
        lines.push(format!("n {}", child.name));
    }
    lines.extend(gap.map(|why| format!("s {why}")));
    let Listed { items, gap } = key.values();
    for value in &items {
        lines.push(format!("v {}", Kind(value.kind).name()));
        lines.push(format!("n {}", value.name));
        lines.push(match value.data() {
            Ok(data) => {
                let shown: String = show(value.kind, &data).chars().take(MAX_SHOWN).collect();
                format!("d {shown}")
            }
            Err(why) => format!("g {why}"),
        });
    }
    lines.extend(gap.map(|why| format!("w {why}")));
}
