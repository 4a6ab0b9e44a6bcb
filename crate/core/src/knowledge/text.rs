//! Reading the tables' text: small pure helpers shared by all of them.
//!
//! The tables are part of the program, not of a dump, and their shape is proven by tests; the
//! helpers still never panic and simply find nothing in a line they cannot read.

use super::store::Table;
use core::cmp::Ordering;

/// Lines that carry facts: comments (`#`) and blank lines left out.
pub(crate) fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table
        .lines()
        .filter(|line| !line.trim_ascii().is_empty() && !line.starts_with('#'))
}

/// A hexadecimal number without prefix, as the tables write them.
pub(crate) fn hex(word: &str) -> Option<u64> {
    if word.is_empty() || word.starts_with('+') {
        None
    } else {
        u64::from_str_radix(word, 16).ok()
    }
}

/// Splits at the first run of spaces: the first word and the rest, both without outer spaces.
pub(crate) fn word(line: &'static str) -> (&'static str, &'static str) {
    let line = line.trim_ascii();
    match line.split_once(' ') {
        Some((first, rest)) => (first, rest.trim_ascii()),
        None => (line, ""),
    }
}

/// The columns of a line, separated by `|`, without outer spaces.
pub(crate) fn columns(line: &'static str) -> impl Iterator<Item = &'static str> {
    line.split('|').map(str::trim_ascii)
}

/// Binary search in a table whose lines are sorted: `order` says how a line compares to what is
/// wanted. Comment lines stand at the top and count as smaller.
pub(crate) fn search(
    table: &'static str,
    mut order: impl FnMut(&'static str) -> Ordering,
) -> Option<&'static str> {
    let (mut low, mut high) = (0usize, table.len());
    while low < high {
        let middle = low.checked_add(high.checked_sub(low)? / 2)?;
        let start = match table.get(low..middle)?.rfind('\n') {
            Some(at) => low.checked_add(at)?.checked_add(1)?,
            None => low,
        };
        let rest = table.get(start..high)?;
        let line = rest.split('\n').next()?;
        let comment = line.starts_with('#') || line.is_empty();
        match if comment { Ordering::Less } else { order(line) } {
            Ordering::Equal => return Some(line),
            Ordering::Greater => high = start,
            Ordering::Less => low = start.checked_add(line.len())?.checked_add(1)?,
        }
    }
    None
}

/// The values and names of a table in which a line of four digits is the upper half of the values
/// below it, and each other line is a lower half and a name.
pub(crate) fn named_values(table: Table) -> impl Iterator<Item = (u32, &'static str)> {
    let mut upper = 0u32;
    table.text().lines().filter_map(move |line| {
        let Some((number, name)) = line.split_once(' ') else {
            upper = number_of(line)?.checked_shl(16)?;
            return None;
        };
        // Comments begin with a word that is no number.
        Some((upper | number_of(number)?, name))
    })
}

/// The name of a value in such a table. As [`named_values`] would find it, without reading what
/// stands under other upper halves.
pub(crate) fn name_of(table: Table, value: u32) -> Option<&'static str> {
    let text = table.text();
    let head = alloc::format!("\n{:04X}\n", value >> 16);
    let start = match text.find(&head) {
        Some(at) => at.checked_add(head.len())?,
        // The page's tables have no comments above their first line.
        None => text.starts_with(head.get(1..)?).then(|| head.len() - 1)?,
    };
    let group = text
        .get(start..)?
        .lines()
        .map_while(|line| line.split_once(' '));
    let mut group = group.map(|(number, name)| (number_of(number), name));
    let found = group.find(|(number, _)| *number == Some(value & 0xFFFF));
    found.map(|(_, name)| name)
}

/// The value of a name in such a table.
pub(crate) fn value_of(table: Table, name: &str) -> Option<u32> {
    if name.is_empty() || name.contains(['\n', ' ']) {
        return None;
    }
    let text = table.text();
    let at = text.find(&alloc::format!(" {name}\n"))?;
    let mut before = text.get(..at)?.rsplit('\n');
    let number = number_of(before.next()?)?;
    let upper = before.find(|line| !line.contains(' '))?;
    Some(number_of(upper)?.checked_shl(16)? | number)
}

fn number_of(word: &str) -> Option<u32> {
    hex(word).and_then(|number| u32::try_from(number).ok())
}

/// Whether a file name is one of a comma-separated list, in any mix of upper and lower case.
pub(crate) fn listed(list: &str, name: &str) -> bool {
    // In bytes, because every module of a dump is looked for in every line of some tables.
    let mut known = list.as_bytes().split(|&byte| byte == b',');
    known.any(|known| known.eq_ignore_ascii_case(name.as_bytes()))
}

/// The first column of a line, which is a list of file names.
pub(crate) fn files(line: &'static str) -> &'static str {
    let end = line.as_bytes().iter().position(|&byte| byte == b'|');
    let files = end.and_then(|end| line.get(..end)).unwrap_or(line);
    files.trim_ascii()
}

/// The last part of a Windows path, which is how tables know files.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_not_facts() {
        let seen: alloc::vec::Vec<_> = lines("# c\n\na b\n  \n c").collect();
        assert_eq!(seen, ["a b", " c"]);
    }

    #[test]
    fn numbers_are_hexadecimal_without_prefix() {
        assert_eq!(hex("3F"), Some(0x3f));
        assert_eq!(hex("0x3F"), None);
        assert_eq!(hex("+1"), None);
        assert_eq!(hex(""), None);
    }

    #[test]
    fn a_word_is_what_stands_before_the_first_space() {
        assert_eq!(word("  a  b c "), ("a", "b c"));
        assert_eq!(word("a"), ("a", ""));
    }

    #[test]
    fn a_path_is_known_by_its_last_part() {
        assert_eq!(
            file_name("\\SystemRoot\\System32\\drivers\\VMBus.sys"),
            "VMBus.sys"
        );
        assert_eq!(file_name("nt"), "nt");
        assert!(listed("a.sys,vmbus.sys", "VMBus.sys"));
        assert!(!listed("a.sys,vmbus.sys", "bus.sys"));
    }

    #[test]
    fn searching_finds_every_line_and_nothing_else() {
        const TABLE: &str = "# head\na 1\nbb 2\nc 3\nd 4\n";
        let find = |wanted: &str| search(TABLE, |line| word(line).0.cmp(wanted));
        assert_eq!(find("a"), Some("a 1"));
        assert_eq!(find("bb"), Some("bb 2"));
        assert_eq!(find("c"), Some("c 3"));
        assert_eq!(find("d"), Some("d 4"));
        for absent in ["", "0", "b", "bbb", "e", "#"] {
            assert_eq!(find(absent), None, "{absent}");
        }
    }
}
