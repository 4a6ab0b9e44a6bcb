//! Opens the block in which the page carries the tables; `www/build/knowledge.mjs` writes it.
//!
//! The block is made so that a packer makes it small. It has sections, each with a [`SECTION_ENDS`] byte
//! behind it. A section begins with its words, one a line, an empty line behind the last. What follows
//! is text in which a byte from [`FIRST_CODE`] on, or two bytes, stand for a word; what usually
//! stands in front of a word (a space, or `_` between words in capitals) is not written. Tables
//! that are no more than numbers and names leave out what the line above lets one guess: the number
//! and the first words of the name ([`recount`]).

use alloc::{format, string::String, vec::Vec};

/// Before the path of each table.
pub(super) const TABLE: char = '\u{1}';
/// Behind this there is nothing between the last character and the coded word.
const JOINED: u8 = 2;
/// What follows is another section.
const SECTION_ENDS: u8 = 3;
/// Bytes above this and below the space count words that a name shares with the one above it.
const SHARES: u8 = 0x0F;
/// Codes from here on stand for a word: first those of one byte, then those of two.
const FIRST_CODE: u8 = 0x80;
const SHORT_CODES: u8 = 112;
const SECOND_FIRST: u8 = 0x42;
const SECONDS: usize = 0x100 - SECOND_FIRST as usize;
/// Tables of numbers and names.
const COUNTED: [&str; 3] = ["hresult.txt", "ntstatus.txt", "win32.txt"];

/// All tables as one text: before each, [`TABLE`], its path, and a newline. Nothing when the block
/// is not one.
pub(super) fn unpack(block: &[u8]) -> Option<String> {
    let mut all = String::new();
    let mut rest = block;
    while !rest.is_empty() {
        let end = end_of_words(rest)?;
        let (head, body) = rest.split_at_checked(end)?;
        let words: Vec<&str> = core::str::from_utf8(head).ok()?.lines().collect();
        rest = section(body, &words, &mut all)?;
    }
    let mut text = String::new();
    for table in all.split(TABLE).skip(1) {
        let (path, lines) = table.split_once('\n')?;
        text.push(TABLE);
        text.push_str(path);
        text.push('\n');
        if COUNTED.contains(&path) {
            recount(lines, &mut text)?;
        } else {
            text.push_str(lines);
        }
    }
    Some(text)
}

/// Where the empty line ends that stands behind the words.
fn end_of_words(section: &[u8]) -> Option<usize> {
    let at = section.windows(2).position(|pair| pair == b"\n\n")?;
    at.checked_add(2)
}

/// Appends the text of a section; answers what stands behind it.
fn section<'a>(body: &'a [u8], words: &[&str], text: &mut String) -> Option<&'a [u8]> {
    let mut joined = false;
    let mut bytes = body.iter();
    while let Some(&byte) = bytes.next() {
        let short = byte.checked_sub(FIRST_CODE);
        let index = match (byte, short) {
            (SECTION_ENDS, _) => return Some(bytes.as_slice()),
            (JOINED, _) => {
                joined = true;
                continue;
            }
            (_, None) => {
                text.push(char::from(byte));
                continue;
            }
            (_, Some(code)) if code < SHORT_CODES => usize::from(code),
            (_, Some(code)) => {
                let first = usize::from(code - SHORT_CODES) * SECONDS + usize::from(SHORT_CODES);
                first + usize::from(bytes.next()?.checked_sub(SECOND_FIRST)?)
            }
        };
        let word = words.get(index)?;
        if !core::mem::take(&mut joined) {
            between(text, word);
        }
        text.push_str(word);
    }
    Some(&[])
}

/// Puts in front of a word what usually stands there.
fn between(text: &mut String, word: &str) {
    match text.as_bytes().last() {
        None | Some(b'\n' | b'_' | b'!' | 0x10..=0x1F) => {}
        Some(last)
            if last.is_ascii_uppercase() && word.starts_with(|c: char| c.is_ascii_uppercase()) =>
        {
            text.push('_');
        }
        Some(_) => text.push(' '),
    }
}

/// Lines of a table of numbers and names, with what was left out: the first line is what most
/// names begin with; `NAME` has the next number, `2 NAME` passes two over, `!NAME` begins
/// otherwise; a byte above [`SHARES`] stands for that many words of the name above, each with the
/// `_` behind it. A line of four digits is the upper half of the numbers below it.
fn recount(lines: &str, text: &mut String) -> Option<()> {
    let (prefix, lines) = lines.split_once('\n')?;
    let mut next = 0u32;
    let mut above = String::new();
    for line in lines.lines() {
        if line.len() == 4 && line.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')) {
            next = 0;
            text.push_str(line);
            text.push('\n');
            continue;
        }
        let (gap, name) = line.split_once(' ').unwrap_or(("0", line));
        let number = next.checked_add(u32::from_str_radix(gap, 16).ok()?)?;
        next = number.checked_add(1)?;
        match name.bytes().next()? {
            mark @ 0x10..=0x1F => {
                above.push('_');
                let mut ends = above.match_indices('_');
                let (end, _) = ends.nth(usize::from(mark - SHARES - 1))?;
                above.truncate(end + 1);
                above.push_str(name.get(1..)?);
            }
            _ => {
                above.clear();
                above.push_str(name);
            }
        }
        let (prefix, name) = match above.strip_prefix('!') {
            Some(name) => ("", name),
            None => (prefix, above.as_str()),
        };
        text.push_str(&format!("{number:X} {prefix}{name}\n"));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_stands_between_them_come_back() {
        let block = b"page\nFAIL\n\n\x01a.txt\n1\x80 x\x80\n\x81\x81 (\x02\x80)-\x02\x80\n";
        assert_eq!(
            unpack(block).as_deref(),
            Some("\u{1}a.txt\n1 page x page\nFAIL_FAIL (page)-page\n")
        );
    }

    #[test]
    fn a_second_section_has_words_of_its_own_and_codes_may_have_two_bytes() {
        let mut block = b"one\n\n\x01a.txt\n\x80\n\x03".to_vec();
        for index in 0..=112 + 190 {
            block.extend(format!("w{index}\n").bytes());
        }
        block.extend(b"\n\x01b.txt\n\x80\xF0\x43\xF1\x42\n");
        assert_eq!(
            unpack(&block).as_deref(),
            Some("\u{1}a.txt\none\n\u{1}b.txt\nw0 w113 w302\n")
        );
    }

    #[test]
    fn numbers_are_counted_and_names_get_their_beginning_back() {
        let block = b"ab\n\n\x01win32.txt\nERROR_\n0000\nOK\nTWO\n3 SIX\n!WSA\n8007\nA X\n";
        assert_eq!(
            unpack(block).as_deref(),
            Some(
                "\u{1}win32.txt\n0000\n0 ERROR_OK\n1 ERROR_TWO\n5 ERROR_SIX\n6 WSA\n8007\nA ERROR_X\n"
            )
        );
    }

    #[test]
    fn a_name_begins_with_as_many_words_of_the_one_above_as_its_mark_says() {
        let block = b"FAIL\n\n\x01win32.txt\nERROR_\n0007\nA_B_C\n\x11\x80\n\x10X_Y\n!A_Q\n\x10\x80\n2 Z\n\x10Q\n";
        assert_eq!(
            unpack(block).as_deref(),
            Some(
                "\u{1}win32.txt\n0007\n0 ERROR_A_B_C\n1 ERROR_A_B_FAIL\n2 ERROR_A_X_Y\n\
                 3 A_Q\n4 A_FAIL\n7 ERROR_Z\n8 ERROR_Z_Q\n"
            )
        );
    }

    #[test]
    fn a_damaged_block_is_refused() {
        assert_eq!(unpack(b"no words"), None);
        assert_eq!(unpack(b"a\n\n\x01t.txt\n\x85"), None);
        assert_eq!(unpack(b"a\n\n\x01t.txt\n\xF0"), None);
        assert_eq!(unpack(b"a\n\n\x01win32.txt\nE_\nzz NAME\n"), None);
        assert_eq!(unpack(b"a\n\n\x01win32.txt\nE_\nA_B\n\x12NAME\n"), None);
        assert_eq!(unpack(b"").as_deref(), Some(""));
    }
}
