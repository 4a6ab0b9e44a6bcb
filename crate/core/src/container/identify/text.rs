//! Text of various kinds, told from binary data by its first few thousand bytes.

use super::FileFormat as F;
use crate::source::utf16_lossy;

/// What text the head is, if it is text.
pub(super) fn recognise(head: &[u8]) -> Option<F> {
    if head.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Some(F::LfsPointer);
    }
    if let Some(text) = head.strip_prefix(b"\xFF\xFE") {
        return Some(wide(text));
    }
    if head.starts_with(b"\xFE\xFF") {
        return Some(F::Utf16Text);
    }
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    if looks_like_utf16(head) {
        return Some(wide(head));
    }
    if !looks_like_text(head) {
        return None;
    }
    let start = head.trim_ascii_start();
    let lower: [u8; 15] = core::array::from_fn(|i| start.get(i).map_or(0, u8::to_ascii_lowercase));
    Some(match start.first() {
        Some(b'{' | b'[') => F::Json,
        _ if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") => F::Html,
        _ if lower.starts_with(b"<?xml") => F::Xml,
        _ => F::Text,
    })
}

/// Error reports are UTF-16 text that begins with their version.
fn wide(bytes: &[u8]) -> F {
    if utf16_lossy(bytes.get(..64).unwrap_or(bytes)).starts_with("Version=1") {
        F::ErrorReport
    } else {
        F::Utf16Text
    }
}

/// Printable characters of Latin script, each followed by a zero byte, all along.
fn looks_like_utf16(head: &[u8]) -> bool {
    let mut units = head.chunks_exact(2).take(256).peekable();
    units.peek().is_some() && units.all(|unit| unit[1] == 0 && is_printable(unit[0]))
}

/// No byte that text does not have, and few that are not ASCII unless they are UTF-8. The head may
/// end inside a character.
fn looks_like_text(head: &[u8]) -> bool {
    let valid = match core::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let odd = head.iter().filter(|&&byte| byte >= 0x80).count();
    head.iter().all(|&byte| is_printable(byte) || byte >= 0x80) && (valid || odd * 10 < head.len())
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B | 0x20..=0x7E)
}
