//! `s`: searching memory for bytes, numbers or text, piece by piece.
//!
//! Source of the syntax: Microsoft's documentation of `s (Search Memory)` (windows-driver-docs,
//! CC-BY). Alignment is that of the debugger: a number is looked for at multiples of its size from
//! the start of the range.

use super::display::asked;
use super::live::number;
use super::{Begun, Job, Live, MAX_STRETCH};
use crate::report::format::bytes;
use alloc::{boxed::Box, format, string::String, vec::Vec};

/// Bytes that one piece reads.
const PIECE: u64 = 16 * MAX_STRETCH;
/// Places that are listed.
const MAX_FOUND: usize = 256;
/// The longest range: 16 GiB, so that a slip of the finger ends.
const LONGEST: u64 = 16 << 30;
/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 0x100;

#[derive(Debug)]
struct Search {
    pattern: Vec<u8>,
    /// Places that are multiples of this are compared.
    step: usize,
    from: u64,
    len: u64,
    done: u64,
    found: Vec<u64>,
    /// Bytes of the range that could not be read.
    missing: u64,
}

/// What one piece of a search found.
#[derive(Debug, Default)]
struct Piece {
    found: Vec<u64>,
    missing: u64,
    len: u64,
}

impl Job for Search {
    type Piece = Piece;

    fn read(&self, live: &Live<'_>) -> Piece {
        let mut piece = Piece::default();
        let first = self.from.wrapping_add(self.done);
        let len = (self.len - self.done).min(PIECE);
        while piece.len < len {
            let take = (len - piece.len).min(MAX_STRETCH);
            let at = first.wrapping_add(piece.len);
            // A match may reach into the next piece.
            let stretch = live.stretch(at, take + self.pattern.len() as u64 - 1);
            for (index, window) in stretch.bytes.windows(self.pattern.len()).enumerate() {
                let alike = || {
                    window
                        .iter()
                        .zip(&self.pattern)
                        .all(|(a, b)| *a == Some(*b))
                };
                if index.is_multiple_of(self.step) && (index as u64) < take && alike() {
                    piece.found.push(at.wrapping_add(index as u64));
                }
            }
            let end = at.saturating_add(take);
            let missing = stretch.holes.iter().map(|hole| {
                let last = hole.at.saturating_add(hole.len).min(end);
                last.saturating_sub(hole.at)
            });
            piece.missing += missing.sum::<u64>();
            piece.len += take;
            if piece.found.len() > MAX_FOUND {
                break;
            }
        }
        piece
    }

    fn take(&mut self, piece: Piece) {
        self.done += piece.len;
        self.missing += piece.missing;
        self.found.extend(piece.found);
    }

    fn progress(&self) -> (u64, u64) {
        if self.found.len() > MAX_FOUND {
            return (self.len, self.len);
        }
        (self.done, self.len)
    }

    fn answer(&self, live: &Live<'_>) -> Vec<String> {
        let mut lines: Vec<String> = self
            .found
            .iter()
            .take(MAX_FOUND)
            .map(|&at| {
                let place = live.place(at).unwrap_or_default();
                format!("{}  {place}", live.address(at))
            })
            .collect();
        if self.found.len() > MAX_FOUND {
            lines.push(format!("Only the first {MAX_FOUND} places are listed."));
        } else if lines.is_empty() {
            lines.push("Found nowhere in what could be read.".into());
        }
        let read = self.done.saturating_sub(self.missing);
        let (read, all) = (bytes(read), bytes(self.len));
        lines.push(format!("{read} of {all} could be searched."));
        lines
    }
}

/// Searches memory.
pub(super) fn search(words: &[&str], live: &Live<'_>) -> Begun {
    match parse(words, live) {
        Ok(search) => Begun::Job(Box::new(search)),
        Err(why) => Vec::from([why]).into(),
    }
}

fn parse(words: &[&str], live: &Live<'_>) -> Result<Search, String> {
    let (kind, words) = match words.split_first() {
        Some((flag, rest)) if flag.starts_with('-') => (flag.get(1..2).unwrap_or("b"), rest),
        _ => ("b", words),
    };
    let unit = match kind {
        "b" | "a" | "u" => 1,
        "w" => 2,
        "d" => 4,
        "q" => 8,
        _ => {
            return Err(format!(
                "s has no -{kind}; there are -b, -w, -d, -q, -a and -u."
            ));
        }
    };
    let range = asked("s", words, unit, 0, live)?;
    if range.len == 0 {
        return Err("s takes a range, e.g. s -a nt L100000 \"text\".".into());
    }
    if range.len > LONGEST {
        return Err("The range is longer than 16 GiB.".into());
    }
    let pattern = match kind {
        "a" => quoted(&range.rest).into_bytes(),
        "u" => quoted(&range.rest)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        _ => numbers(&range.rest, unit as usize)?,
    };
    if pattern.is_empty() || pattern.len() > MAX_PATTERN {
        return Err(
            "Say what to search for behind the range: numbers, or with -a and -u a text.".into(),
        );
    }
    Ok(Search {
        pattern,
        step: unit as usize,
        from: range.at,
        len: range.len,
        done: 0,
        found: Vec::new(),
        missing: 0,
    })
}

fn quoted(words: &[String]) -> String {
    let text = words.join(" ");
    let inner = text.strip_prefix('"').unwrap_or(&text);
    inner.strip_suffix('"').unwrap_or(inner).into()
}

fn numbers(words: &[String], unit: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for word in words {
        let value = number(word).ok_or_else(|| format!("'{word}' is no number."))?;
        let all = value.to_le_bytes();
        bytes.extend_from_slice(all.get(..unit).unwrap_or(&all));
    }
    Ok(bytes)
}
