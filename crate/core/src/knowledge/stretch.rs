//! What a stretch of a kernel stack is doing, by the names of its functions or the class of its
//! driver.
//!
//! Windows names the routines of each component alike (`Mm…` and `Mi…` are the memory manager, `Cc…`
//! the cache manager), so a name says whose work it is even to who never saw it. Sources at the top
//! of `crate/core/data/stretch.txt`.

use super::store::Table;
use super::text;

/// What a stretch may be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doing {
    /// Its word.
    pub word: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What happens there, in a sentence; `{module}` and `{purpose}` stand for the driver.
    pub text: &'static str,
}

/// Every name and class of the table with what it belongs to.
fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut header = "";
    let lines = text::lines(Table::Stretch.text()).filter_map(move |line| {
        if line.starts_with(' ') {
            return Some((line, header));
        }
        header = line;
        None
    });
    lines.flat_map(|(line, header)| {
        line.split_ascii_whitespace()
            .map(move |name| (name, header))
    })
}

fn doing(header: &'static str) -> Option<Doing> {
    let mut column = text::columns(header);
    Some(Doing {
        word: column.next()?,
        title: column.next()?,
        text: column.next()?,
    })
}

/// The kind that is called so.
#[must_use]
pub fn called(word: &str) -> Option<Doing> {
    text::lines(Table::Stretch.text())
        .filter(|line| !line.starts_with(' '))
        .filter_map(doing)
        .find(|doing| doing.word == word)
}

/// What a function of the kernel does; `None` where its name does not say. The longest name that
/// fits decides.
#[must_use]
pub fn of_function(name: &str) -> Option<Doing> {
    if name.contains("$filt$") || name.contains("$fin$") {
        return called("exception");
    }
    let fits = |known: &str| match known.strip_suffix('*') {
        Some(start) => name.starts_with(start).then_some(start.len()),
        // A whole name goes before any beginning of it.
        None => (name == known).then_some(usize::MAX),
    };
    let mut best = None;
    for (known, header) in names() {
        if let Some(len) = fits(known).filter(|len| best.is_none_or(|(most, _)| *len > most)) {
            best = Some((len, header));
        }
    }
    doing(best?.1)
}

/// What a driver of that class does; `None` where no more is known than what it is for.
#[must_use]
pub fn of_class(class: &str) -> Option<Doing> {
    let found = names().find(|(name, _)| name.strip_prefix('=') == Some(class))?;
    doing(found.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::testing::assert_presentable;
    use alloc::vec::Vec;

    fn word(name: &str) -> Option<&'static str> {
        of_function(name).map(|doing| doing.word)
    }

    #[test]
    fn every_kind_is_whole_and_every_name_stands_once() {
        let mut words = Vec::new();
        for line in text::lines(Table::Stretch.text()).filter(|line| !line.starts_with(' ')) {
            let found = doing(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(text::columns(line).count(), 3, "{line}");
            for text in [found.word, found.title, found.text] {
                assert_presentable(line, text);
            }
            assert!(!words.contains(&found.word), "{line}");
            words.push(found.word);
        }
        assert!(words.is_sorted() && words.len() > 30, "{words:?}");
        let mut all: Vec<&str> = names().map(|(name, _)| name).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_longest_name_that_fits_decides() {
        assert_eq!(word("MiResolveDemandZeroFault"), Some("page-fault"));
        assert_eq!(word("MiResolvePageFileFault"), Some("in-page-error"));
        assert_eq!(word("MmProbeAndLockPages"), Some("memory-manager"));
        assert_eq!(word("HvlNotifyLongSpinWait"), Some("hypervisor"));
        assert_eq!(word("HvpGetCellMapped"), Some("registry"));
        assert_eq!(word("IovCallDriver"), Some("verifier"));
        assert_eq!(word("IofCallDriver"), Some("io-manager"));
        assert_eq!(word("PspSystemThreadStartup"), Some("thread-start"));
        assert_eq!(word("PspCreateThread"), Some("process"));
        assert_eq!(word("CcCopyRead$filt$0"), Some("exception"));
    }

    #[test]
    fn a_name_that_says_nothing_gives_nothing() {
        assert_eq!(word("KeSomething"), None);
        assert_eq!(word(""), None);
        assert_eq!(word("mmprobe"), None);
        assert_eq!(of_class("camera"), None);
        assert_eq!(of_class("storage").map(|doing| doing.word), Some("storage"));
    }

    #[test]
    fn every_class_that_is_named_is_one_of_the_drivers() {
        let class = |line| text::columns(line).nth(2);
        let known: Vec<&str> = text::lines(Table::Driver.text())
            .filter_map(class)
            .collect();
        for (name, _) in names() {
            if let Some(class) = name.strip_prefix('=') {
                assert!(known.contains(&class), "{class}");
            }
        }
    }
}
