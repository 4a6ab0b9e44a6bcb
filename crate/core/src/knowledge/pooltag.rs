//! Pool tags: the four characters that a driver puts on each block of kernel memory, and whose
//! they usually are.
//!
//! Any driver may use any tag, so the answer is a hint and never a culprit.
//!
//! Source of the owners: Microsoft's tag list of the debugging tools, as System Informer carries
//! it; the words are this project's.

use super::text;
use crate::knowledge::store::Table;
use alloc::string::String;

/// Whose a pool tag usually is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolTag {
    /// File name of the driver; `nt` is the kernel.
    pub driver: &'static str,
    /// What such blocks hold.
    pub holds: &'static str,
    /// Whether only the beginning of the tag is known.
    pub by_family: bool,
}

/// Looks a tag up as it stands in memory. The bit that marks protected blocks is ignored.
pub fn pool_tag(tag: [u8; 4]) -> Option<PoolTag> {
    const PROTECTED: u8 = 0x80;
    let mut name = String::new();
    for byte in tag.map(|byte| byte & !PROTECTED) {
        name.push(if byte == b' ' || byte == 0 {
            '_'
        } else {
            char::from(byte)
        });
    }
    if let Some(found) = find(&name) {
        return Some(found);
    }
    // Families are known by three characters or by two; the longer one says more.
    [3, 2].into_iter().find_map(|length| {
        let mut family = String::from(name.get(..length)?);
        family.push('*');
        find(&family).map(|found| PoolTag {
            by_family: true,
            ..found
        })
    })
}

fn find(name: &str) -> Option<PoolTag> {
    let line = text::search(Table::PoolTag.text(), |line| {
        text::columns(line).next().unwrap_or("").cmp(name)
    })?;
    let mut column = text::columns(line).skip(1);
    Some(PoolTag {
        driver: column.next()?,
        holds: column.next()?,
        by_family: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{driver, testing::assert_presentable};

    #[test]
    fn every_line_is_sorted_presentable_and_found_by_its_own_tag() {
        let mut last = "";
        for line in text::lines(Table::PoolTag.text()) {
            let columns: alloc::vec::Vec<_> = text::columns(line).collect();
            let [tag, file, holds] = columns[..] else {
                panic!("{line}")
            };
            assert!(last < tag, "{tag} is out of order or stands twice");
            let family = tag.ends_with('*');
            assert!(
                if family {
                    (3..=4).contains(&tag.len())
                } else {
                    tag.len() == 4
                },
                "{tag}"
            );
            assert_presentable(tag, holds);
            assert!(find(tag).is_some_and(|found| found.driver == file));
            last = tag;
        }
    }

    #[test]
    fn every_owner_is_a_driver_that_the_other_table_knows() {
        for line in text::lines(Table::PoolTag.text()) {
            let file = text::columns(line).nth(1).unwrap();
            assert!(driver::driver(file).is_some(), "{file}");
        }
    }

    #[test]
    fn a_tag_is_found_by_itself_before_its_family() {
        let exact = pool_tag(*b"MmSt").unwrap();
        assert_eq!((exact.driver, exact.by_family), ("nt", false));
        let prefetch = pool_tag(*b"CcPx").unwrap();
        assert_eq!((prefetch.holds, prefetch.by_family), ("prefetching", true));
        assert_eq!(pool_tag(*b"Ccxx").unwrap().holds, "file cache");
        assert_eq!(pool_tag(*b"zzzz"), None);
    }

    #[test]
    fn spaces_and_the_protected_bit_do_not_hide_a_tag() {
        assert_eq!(pool_tag(*b"Irp ").unwrap().holds, "I/O requests");
        assert_eq!(
            pool_tag([b'P', b'r', b'o', b'c' | 0x80]).unwrap().holds,
            "processes"
        );
        assert_eq!(pool_tag([0xFF; 4]), None);
    }
}
