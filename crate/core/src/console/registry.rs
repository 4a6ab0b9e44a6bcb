//! `!reg`: hives, keys and values of the registry, as far as they were in memory.
//!
//! The headings follow what Microsoft documents of the debugger's `!reg` (windows-driver-docs,
//! CC-BY). The debugger finds a key among those that were open; this one walks the hive's cells,
//! and so finds every key whose page is in the dump.

use super::registry_scan::Scan;
use super::{Begun, Live};
use crate::nt::registry::{Hive, Key, Kind, Listed, Registry, RegistryError};
use crate::nt::registry::{RegistryMemory, Until, Value, owner, show};
use alloc::{boxed::Box, format, string::String, string::ToString, vec::Vec};

/// Most lines of one answer.
const MAX_LINES: usize = 4096;
/// The longest data that a line shows.
const MAX_SHOWN: usize = 400;
/// What is read of data for that.
const MAX_READ: u32 = 0x1000;

const USAGE: [&str; 8] = [
    "!reg hivelist           the hives in memory",
    "!reg querykey PATH      subkeys and values of a key; also !reg q PATH",
    "!reg keyinfo PATH       its class, flags, owner and cell",
    "!reg cellindex HIVE CELL  where a cell of a hive lies, both as in !reg rows",
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
    let known = ["hivelist", "querykey", "q", "keyinfo", "cellindex", "rows"];
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
        if first.eq_ignore_ascii_case("cellindex") {
            return cell_index(registry, rest, live);
        }
        if rest.is_empty() {
            return USAGE.map(String::from).into();
        }
        // A path may hold blanks; between words of a line one of them is left.
        let path = rest.join(" ");
        let path = path.trim_matches('"');
        match registry.open(path) {
            Err(error) => Vec::from([format!("{path}: {error}.")]),
            Ok(key) if first.eq_ignore_ascii_case("keyinfo") => key_info(&key),
            Ok(key) => describe(&key),
        }
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

/// What a key has beside its values.
fn key_info(key: &Key<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |label: &str, text: String| lines.push(format!("{label:<13}{text}"));
    line("Name", key.name.clone());
    line("Cell", format!("{:x}", key.index()));
    if let Some(time) = crate::time::iso8601_from_filetime(key.written()) {
        line("Last written", time);
    }
    line("Subkeys", key.subkey_count().to_string());
    line("Values", key.value_count().to_string());
    line("Flags", key.flags().join(", "));
    line(
        "Class",
        match key.class() {
            Ok(class) => class.unwrap_or_else(|| "none".into()),
            Err(why) => format!("cannot be read: {why}"),
        },
    );
    line(
        "Security",
        match key.security() {
            Ok(descriptor) => format!(
                "owner {}, a descriptor of {} bytes",
                owner(&descriptor).as_deref().unwrap_or("unknown"),
                descriptor.len()
            ),
            Err(why) => format!("cannot be read: {why}"),
        },
    );
    lines
}

/// A hive and a cell, as two numbers of a line name them.
fn place<'r>(registry: &'r Registry<'_>, words: &[&str]) -> Option<(&'r Hive, u32)> {
    let &[hive, cell] = words.first_chunk::<2>()?;
    let number = |text: &str| {
        let text = text.strip_prefix("0x").unwrap_or(text).replace('`', "");
        u64::from_str_radix(&text, 16).ok()
    };
    let at = number(hive)?;
    let hive = registry
        .hives()
        .iter()
        .find(|known| known.address.0 == at)?;
    Some((hive, u32::try_from(number(cell)?).ok()?))
}

/// Where a cell lies, and what it begins with.
fn cell_index(registry: &Registry<'_>, words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some((hive, index)) = place(registry, words) else {
        return Vec::from([String::from(
            "There is no such hive; `!reg hivelist` lists them.",
        )]);
    };
    Vec::from([match registry.cell_address(hive, index) {
        Ok(at) => format!("Cell {index:x} lies at {}.", live.address(at.0)),
        Err(why) => format!("Cell {index:x}: {why}."),
    }])
}

/// Data as a line shows them; of long ones only the beginning is read.
fn shown(value: &Value<'_>) -> Result<String, RegistryError> {
    let data = value.data_up_to(MAX_READ)?;
    let text = show(value.kind, &data);
    if value.len() <= MAX_READ {
        return Ok(text.chars().take(MAX_SHOWN).collect());
    }
    let cut = text.split_once('…').map_or(text.as_str(), |(text, _)| text);
    let cut: String = cut.chars().take(MAX_SHOWN).collect();
    Ok(format!("{cut}… ({} bytes)", value.len()))
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
        for value in items.iter().take(MAX_LINES) {
            let data = match shown(value) {
                Ok(data) => data,
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
fn rows(registry: &Registry<'_>, words: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    if words.is_empty() {
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
    }
    let Some((hive, index)) = place(registry, words) else {
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
        lines.push(match shown(value) {
            Ok(data) => format!("d {data}"),
            Err(why) => format!("g {why}"),
        });
    }
    lines.extend(gap.map(|why| format!("w {why}")));
}
