//! Reading the tables' text: small pure helpers shared by all of them.
//!
//! The tables are part of the program, not of a dump, and their shape is proven by tests; the
//! helpers still never panic and simply find nothing in a line they cannot read.

/// Lines that carry facts: comments (`#`) and blank lines left out.
pub(crate) fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
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
    let line = line.trim();
    match line.split_once(' ') {
        Some((first, rest)) => (first, rest.trim()),
        None => (line, ""),
    }
}

/// The columns of a line, separated by `|`, without outer spaces.
pub(crate) fn columns(line: &'static str) -> impl Iterator<Item = &'static str> {
    line.split('|').map(str::trim)
}

/// Whether a file name is one of a comma-separated list, in any mix of upper and lower case.
pub(crate) fn listed(list: &str, name: &str) -> bool {
    list.split(',')
        .any(|known| known.eq_ignore_ascii_case(name))
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
}
