//! Text from a dump, made harmless before any language's own escaping.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// Whether a character moves a terminal's cursor, starts an escape sequence, ends a line or turns
/// the direction of writing, so that what is shown is not what is there.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// One line of text without control characters and without marks that turn the direction of
/// writing; each becomes U+FFFD, but white space becomes a space.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => ' ',
            c if is_harmful(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// As [`clean`], line by line: line breaks stay.
#[must_use]
pub fn clean_lines(text: &str) -> Vec<String> {
    text.lines().map(clean).collect()
}

/// Text in lines of at most `width` characters, broken at spaces; a longer word is broken where it
/// must be. Always at least one line.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word.to_string();
        let mut len = word.chars().count();
        if used > 0 && used + 1 + len > width {
            lines.push(core::mem::take(&mut line));
            used = 0;
        }
        while len > width {
            let head: String = word.chars().take(width).collect();
            word = word.split_off(head.len());
            len -= width;
            lines.push(head);
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&word);
        used += len;
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_or_turns_text_survives() {
        let hostile = "a\u{1b}[2J\u{7}b\u{202e}c\u{9b}d\r\ne\u{2066}";
        let shown = clean(hostile);
        assert!(!shown.chars().any(is_harmful), "{shown:?}");
        assert!(shown.starts_with('a') && shown.contains("[2J"));
        assert_eq!(clean_lines("x\ny\u{1b}").len(), 2);
    }

    #[test]
    fn wrapped_lines_hold_every_word_and_keep_the_width() {
        let text = "one two three fourfivesixseveneightnineteneleven twelve";
        let lines = wrap(text, 10);
        assert!(
            lines.iter().all(|line| line.chars().count() <= 10),
            "{lines:?}"
        );
        let joined: String = lines.concat().replace(' ', "");
        assert_eq!(joined, text.replace(' ', ""));
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("äöü ß€", 8), ["äöü ß€"]);
    }
}
