//! The report as Markdown, for pasting into a ticket.
//!
//! Nothing that came from a dump may become markup there: neither links nor mentions of people,
//! neither HTML nor table cells. Words are escaped character by character (CommonMark lets every
//! ASCII punctuation mark be escaped); a word that a tracker would turn into a link, an address of
//! mail, a mention or a reference is set as code, because those are made from the text that is
//! left after unescaping. Source: CommonMark and the GitHub Flavored Markdown specification.

use super::document::{self, Block, Detail, Fact, Style, Table, document};
use super::format::clean;
use crate::model::Report;
use alloc::{format, string::String, vec::Vec};

/// The report as Markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let document = document(report, Detail::Ticket);
    let mut out = format!("# {}\n", words(&document.title));
    for block in &document.blocks {
        out.push('\n');
        draw(block, &mut out);
    }
    out
}

fn draw(block: &Block, out: &mut String) {
    match block {
        Block::Heading(title) => out.push_str(&format!("## {}\n", words(title))),
        Block::Paragraph(text) => out.push_str(&format!("{}\n", words(text))),
        Block::Facts(facts) => draw_facts(facts, out),
        Block::Table(table) => draw_table(table, out),
        Block::Items(items) => {
            for item in items {
                out.push_str(&format!("- {}\n", words(item)));
            }
        }
        Block::Steps(steps) => {
            for (step, at) in steps.iter().zip(1..) {
                out.push_str(&format!("{at}. {}\n", words(step)));
            }
        }
        Block::Lines(lines) => {
            for line in lines {
                // Four spaces make a block of code that nothing inside can end.
                out.push_str(&format!("    {}\n", clean(line)));
            }
        }
        Block::Finding(head) => out.push_str(&format!(
            "**{}** ({}, {})\n",
            words(&head.title),
            document::severity(head.severity),
            document::confidence(head.confidence)
        )),
    }
}

fn draw_facts(facts: &[Fact], out: &mut String) {
    out.push_str("| | |\n|---|---|\n");
    for fact in facts {
        let value = cell(&fact.value, fact.code);
        out.push_str(&format!("| {} | {value} |\n", fact.label));
    }
}

fn draw_table(table: &Table, out: &mut String) {
    for column in &table.columns {
        out.push_str(&format!("| {} ", words(column.title)));
    }
    out.push_str("|\n");
    for column in &table.columns {
        let right = column.style == Style::Number;
        out.push_str(if right { "|---:" } else { "|---" });
    }
    out.push_str("|\n");
    for row in &table.rows {
        for (text, column) in row.iter().zip(&table.columns) {
            let text = cell(text, column.style == Style::Code);
            out.push_str(&format!("| {text} "));
        }
        out.push_str("|\n");
    }
}

fn cell(text: &str, is_code: bool) -> String {
    if is_code { code(text) } else { words(text) }
}

/// Running text.
fn words(text: &str) -> String {
    let each: Vec<String> = clean(text)
        .split(' ')
        .map(|word| {
            if becomes_a_link(word) {
                code(word)
            } else {
                escape(word)
            }
        })
        .collect();
    each.join(" ")
}

/// Whether a tracker would make a link, a mention or a reference of a word.
fn becomes_a_link(word: &str) -> bool {
    (word.len() > 1 && word.contains(['@', '#']))
        || word.contains("://")
        || word.to_ascii_lowercase().contains("www.")
        || word.to_ascii_lowercase().contains("mailto:")
}

/// A word whose every punctuation mark stands for itself.
fn escape(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        // Marks that begin nothing inside a line are left alone, for those who read the source.
        let harmless = matches!(
            c,
            ',' | ';' | ':' | '/' | '\'' | '"' | '%' | '?' | '=' | '-' | '.' | ')' | '(' | '+'
        );
        let first = out.is_empty();
        if c.is_ascii_punctuation() && (!harmless || (first && matches!(c, '-' | '+' | '='))) {
            out.push('\\');
        }
        // `1.` and `1)` begin a numbered list at the start of a line.
        let number = word.strip_suffix(c).unwrap_or("");
        if matches!(c, '.' | ')')
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text as a span of code, fenced by more back-ticks than it holds in a row. Bars are escaped in
/// it even so, because tables are cut into cells first.
fn code(text: &str) -> String {
    let text = clean(text);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence: String = core::iter::repeat_n('`', longest + 1).collect();
    let text = text.replace('|', "\\|");
    let space = if text.contains('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_a_dump_stay_words() {
        assert_eq!(words("<img src=x>"), "\\<img src=x\\>");
        assert_eq!(words("a*b*_c_"), "a\\*b\\*\\_c\\_");
        assert_eq!(words("[x](y) ![z]"), "\\[x\\](y) \\!\\[z\\]");
        assert_eq!(words("- item"), "\\- item");
        assert_eq!(words("1. item"), "1\\. item");
        assert_eq!(words("a|b"), "a\\|b");
        assert_eq!(words("x\ny"), "x y");
        assert_eq!(words("&amp; `code`"), "\\&amp; \\`code\\`");
        assert_eq!(
            words("version 6.3.9600.1, +0x10"),
            "version 6.3.9600.1, \\+0x10"
        );
    }

    #[test]
    fn what_a_tracker_would_link_is_set_as_code() {
        assert_eq!(words("see https://x/y"), "see `https://x/y`");
        assert_eq!(words("by @user"), "by `@user`");
        assert_eq!(words("#12"), "`#12`");
        assert_eq!(words("WWW.x.y"), "`WWW.x.y`");
    }

    #[test]
    fn code_holds_back_ticks_and_bars() {
        assert_eq!(code("fffff800`12345678"), "`` fffff800`12345678 ``");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("```"), "```` ``` ````");
        assert_eq!(code(""), "");
    }
}
