//! The names that are nearest to what somebody typed: run together, with a letter wrong, without
//! the beginning that its family has, or only some words of it.
//!
//! Distance: the number of letters to be changed, added or left out, as Levenshtein counts it.

use crate::knowledge::bugcheck;
use crate::knowledge::errors::{ErrorName, Family};
use alloc::{string::String, vec::Vec};

/// The most names that are offered.
const MOST: usize = 5;
/// Shorter and longer texts are near to everything or to nothing.
const LENGTHS: core::ops::RangeInclusive<usize> = 4..=64;
/// Texts of more words are sentences.
const MOST_WORDS: usize = 8;
/// What a letter that differs costs, against a word of the name that was not typed.
const LETTER: usize = 2;
/// What having only some words of a name costs.
const PARTLY: usize = 3;

/// A name near to the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Near {
    /// That of a stop code.
    Stop(u32),
    /// That of an error.
    Error(ErrorName),
}

/// The nearest names, nearest first, and whether they are what was typed but for case, spaces and
/// the family's usual beginning.
pub(super) fn nearest(text: &str) -> (Vec<Near>, bool) {
    let letters = letters(text.bytes());
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() > 1)
        .map(str::to_ascii_uppercase)
        .collect();
    let worded = words
        .iter()
        .any(|w| w.bytes().any(|b| b.is_ascii_alphabetic()));
    if !LENGTHS.contains(&letters.len()) || words.len() > MOST_WORDS || !worded {
        return (Vec::new(), false);
    }
    let typed = Typed {
        shape: Shape::of(&letters),
        words_shape: words.iter().fold(Shape::default(), |all, word| Shape {
            letters: all.letters | Shape::of(word.as_bytes()).letters,
            count: all.count + word.len(),
        }),
        most: 1 + letters.len() / 8,
        letters,
        words,
    };
    let mut best: Vec<(usize, Near)> = Vec::new();
    for (code, name) in bugcheck::names() {
        keep(&mut best, typed.cost(name), Near::Stop(code));
    }
    for family in Family::ALL {
        for (value, name) in family.entries() {
            let found = ErrorName {
                family,
                value,
                name,
            };
            keep(&mut best, typed.cost(name), Near::Error(found));
        }
    }
    let same = best.first().is_some_and(|(cost, _)| *cost == 0);
    best.retain(|(cost, _)| !same || *cost == 0);
    (best.into_iter().map(|(_, near)| near).collect(), same)
}

/// Puts a name where its cost belongs, behind those that cost the same.
fn keep(best: &mut Vec<(usize, Near)>, cost: Option<usize>, near: Near) {
    let Some(cost) = cost else { return };
    let at = best.iter().take_while(|(other, _)| *other <= cost).count();
    if at < MOST {
        best.truncate(MOST - 1);
        best.insert(at, (cost, near));
    }
}

/// Which letters a text has, and how many: by these alone most names are told apart.
#[derive(Clone, Copy, Default)]
struct Shape {
    /// A bit for each letter; digits share theirs with some.
    letters: u32,
    count: usize,
}

impl Shape {
    fn of(text: &[u8]) -> Shape {
        let mut shape = Shape::default();
        for byte in text.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
            shape.letters |= 1 << (byte & 0x1F);
            shape.count += 1;
        }
        shape
    }

    /// Whether the other can be had from it by so many changes: each brings in one letter and takes
    /// one away.
    fn near(self, other: Shape, most: usize) -> bool {
        let differ = (self.letters ^ other.letters).count_ones() as usize;
        self.count.abs_diff(other.count) <= most && differ <= most.saturating_mul(2)
    }
}

/// What somebody typed.
struct Typed {
    /// Letters and digits alone, in capitals.
    letters: Vec<u8>,
    words: Vec<String>,
    shape: Shape,
    words_shape: Shape,
    /// The greatest distance that is looked at.
    most: usize,
}

impl Typed {
    /// How far a name is from the text; nothing when too far.
    fn cost(&self, name: &str) -> Option<usize> {
        let (begin, rest) = name.split_once('_').unwrap_or((name, ""));
        let (begin, bare) = (Shape::of(begin.as_bytes()), Shape::of(rest.as_bytes()));
        let whole = Shape {
            letters: begin.letters | bare.letters,
            count: begin.count + bare.count,
        };
        let near = |shape: Shape| shape.near(self.shape, self.most);
        let (near_whole, near_bare) = (near(whole), near(bare));
        let partly =
            self.words_shape.letters & !whole.letters == 0 && self.words_shape.count <= whole.count;
        if !near_whole && !near_bare && !partly {
            return None;
        }
        let parts = name.split('_').count();
        let own = letters(name.bytes());
        let bare = letters(rest.bytes());
        if own == self.letters || (bare == self.letters && self.words.len() + 1 >= parts) {
            return Some(0);
        }
        let begins = |word: &String| name.split('_').any(|part| part.starts_with(word.as_str()));
        if partly && self.words.iter().all(begins) {
            return Some(PARTLY + parts.saturating_sub(self.words.len()));
        }
        let away = |near, name: &[u8]| {
            let wanted = Some(name).filter(|_| near)?;
            distance(&self.letters, wanted, self.most)
        };
        let away = away(near_whole, &own).or_else(|| away(near_bare, &bare))?;
        Some(away * LETTER)
    }
}

/// Letters and digits alone, in capitals.
fn letters(text: impl Iterator<Item = u8>) -> Vec<u8> {
    text.filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.to_ascii_uppercase())
        .collect()
}

/// The distance of two words, when it is not above `most`.
fn distance(one: &[u8], other: &[u8], most: usize) -> Option<usize> {
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.iter().enumerate() {
        let mut corner = index;
        let mut left = index + 1;
        let mut least = left;
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (cell, other) in cells.zip(other) {
            let changed = corner + usize::from(letter != other);
            corner = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
            least = least.min(left);
        }
        if least > most {
            return None;
        }
    }
    row.last().copied().filter(|away| *away <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<Near> {
        nearest(text).0.first().copied()
    }

    #[test]
    fn a_wrong_letter_and_missing_spaces_are_forgiven() {
        for (text, code) in [
            ("kerneldatainpageerror", 0x7A),
            ("KERNEL_DATA_INPAGE_EROR", 0x7A),
            ("kernel_data_in_page_error", 0x7A),
            ("MEMORY_MANAGMENT", 0x1A),
            ("dpc_watchdog_violaton", 0x133),
            ("dpc watchdog", 0x133),
            ("bad pool caler", 0xC2),
            ("whea uncorrectable", 0x124),
        ] {
            let found = nearest(text).0;
            assert!(found.contains(&Near::Stop(code)), "{text}: {found:?}");
        }
    }

    #[test]
    fn the_beginning_of_a_family_need_not_be_typed() {
        let (found, same) = nearest("access violation");
        assert!(same);
        assert!(
            matches!(found[..], [Near::Error(e)] if e.name == "STATUS_ACCESS_VIOLATION"),
            "{found:?}"
        );
        assert!(matches!(
            first("status_acces_violation"),
            Some(Near::Error(e)) if e.name == "STATUS_ACCESS_VIOLATION"
        ));
    }

    #[test]
    fn what_is_near_to_nothing_stays_unknown() {
        for text in [
            "zzzz",
            "foo bar",
            "0x12345678",
            "1234",
            "",
            "the cat sat on a mat today and slept",
        ] {
            assert_eq!(nearest(text).0, [], "{text}");
        }
        assert!(nearest("error").0.len() <= MOST);
    }

    #[test]
    fn distances_count_letters() {
        assert_eq!(distance(b"ABC", b"ABC", 2), Some(0));
        assert_eq!(distance(b"ABC", b"AXC", 2), Some(1));
        assert_eq!(distance(b"ABC", b"AC", 2), Some(1));
        assert_eq!(distance(b"ABC", b"XYZ", 2), None);
        assert_eq!(distance(b"", b"A", 1), Some(1));
    }
}
