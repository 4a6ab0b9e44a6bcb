//! The report for a terminal: plain text, at most [`WIDTH`] columns where words can be broken.

use super::document::{self, Block, Detail, Fact, FindingHead, Style, Table, document};
use super::format::{clean, wrap};
use crate::model::Report;
use alloc::{format, string::String, vec::Vec};

/// Columns of the terminal that the text is made for.
pub const WIDTH: usize = 100;
/// Spaces before everything that is not a heading.
const INDENT: usize = 2;
/// Spaces between columns.
const GAP: usize = 2;
/// What a column is left at first, and at least. Addresses fit into it; the one name among a
/// hundred that is longer is broken rather than every description beside it.
const WIDE: fn(Style) -> usize = |style| match style {
    Style::Text => 14,
    Style::Code => 28,
    Style::Number => usize::MAX,
};
const NARROWEST: fn(Style) -> usize = |style| match style {
    Style::Text => 14,
    Style::Code => 20,
    Style::Number => usize::MAX,
};

/// The report as plain text, ending in a line break.
#[must_use]
pub fn text(report: &Report) -> String {
    let document = document(report, Detail::Terminal);
    let mut out = String::new();
    for line in wrap(&clean(&document.title), WIDTH) {
        out.push_str(&line);
        out.push('\n');
    }
    rule(&mut out, '=', document.title.chars().count().min(WIDTH));
    let mut before = None;
    for block in &document.blocks {
        separate(before, block, &mut out);
        draw(block, &mut out);
        before = Some(block);
    }
    out
}

/// An empty line, but not between findings that follow each other on the card.
fn separate(before: Option<&Block>, block: &Block, out: &mut String) {
    let list_follows = matches!(block, Block::Items(_) | Block::Steps(_));
    let close = match before {
        Some(Block::Heading(_)) => true,
        Some(Block::Finding(_)) => matches!(block, Block::Finding(_) | Block::Paragraph(_)),
        Some(Block::Paragraph(text)) => list_follows && text.ends_with(':'),
        _ => false,
    };
    if !close {
        out.push('\n');
    }
}

fn rule(out: &mut String, mark: char, length: usize) {
    out.extend(core::iter::repeat_n(mark, length));
    out.push('\n');
}

fn draw(block: &Block, out: &mut String) {
    match block {
        Block::Heading(title) => {
            let title = clean(title);
            out.push_str(&title);
            out.push('\n');
            rule(out, '-', title.chars().count());
        }
        Block::Paragraph(text) => hanging(out, "", text),
        Block::Facts(facts) => draw_facts(facts, out),
        Block::Table(table) => draw_table(table, out),
        Block::Items(items) => items.iter().for_each(|item| hanging(out, "- ", item)),
        Block::Steps(steps) => {
            for (step, at) in steps.iter().zip(1..) {
                hanging(out, &format!("{at}. "), step);
            }
        }
        Block::Lines(lines) => {
            for line in lines {
                pad(out, INDENT);
                out.push_str(&clean(line));
                out.push('\n');
            }
        }
        Block::Finding(head) => draw_finding(head, out),
    }
}

fn pad(out: &mut String, columns: usize) {
    out.extend(core::iter::repeat_n(' ', columns));
}

/// `mark` and text, whose further lines begin where the text began.
fn hanging(out: &mut String, mark: &str, text: &str) {
    let indent = INDENT + mark.chars().count();
    for (at, line) in wrap(&clean(text), WIDTH - indent).iter().enumerate() {
        if at == 0 {
            pad(out, INDENT);
            out.push_str(mark);
        } else {
            pad(out, indent);
        }
        out.push_str(line);
        out.push('\n');
    }
}

fn draw_finding(head: &FindingHead, out: &mut String) {
    let mark = format!(
        "[{}, {}] ",
        document::severity(head.severity),
        document::confidence(head.confidence)
    );
    for (at, line) in wrap(&clean(&head.title), WIDTH - mark.len())
        .iter()
        .enumerate()
    {
        if at == 0 {
            out.push_str(&mark);
        } else {
            pad(out, INDENT);
        }
        out.push_str(line);
        out.push('\n');
    }
}

fn draw_facts(facts: &[Fact], out: &mut String) {
    let widest = facts.iter().map(|fact| fact.label.chars().count()).max();
    let widest = widest.unwrap_or(0) + GAP;
    for fact in facts {
        let mark = format!("{:widest$}", fact.label);
        hanging(out, &mark, &fact.value);
    }
}

/// Widths of the columns, so that the table fits where its words can be broken.
fn widths(table: &Table, cells: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = cells.iter().filter_map(|row| row.get(at));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.max(column.title.chars().count())
        })
        .collect();
    let room = WIDTH - INDENT - GAP * widths.len().saturating_sub(1);
    for narrowest in [WIDE, NARROWEST] {
        while widths.iter().sum::<usize>() > room {
            let excess = widths.iter().sum::<usize>() - room;
            let widest = widths
                .iter_mut()
                .zip(&table.columns)
                .map(|(width, column)| (narrowest(column.style), width))
                .filter(|(least, width)| **width > *least)
                .max_by_key(|(_, width)| **width);
            let Some((least, width)) = widest else { break };
            // A little at a time, so that two wide columns share the loss.
            *width -= excess.min(*width - least).min(4);
        }
    }
    widths
}

fn draw_table(table: &Table, out: &mut String) {
    let cells: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| clean(cell)).collect())
        .collect();
    let widths = widths(table, &cells);
    let titles: Vec<String> = table.columns.iter().map(|c| c.title.into()).collect();
    draw_row(table, &widths, &titles, out);
    let rules: Vec<String> = widths
        .iter()
        .map(|&width| core::iter::repeat_n('-', width).collect())
        .collect();
    draw_row(table, &widths, &rules, out);
    for row in &cells {
        draw_row(table, &widths, row, out);
    }
}

fn draw_row(table: &Table, widths: &[usize], row: &[String], out: &mut String) {
    let wrapped: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, &width)| wrap(cell, width))
        .collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..height {
        let mut line = String::new();
        pad(&mut line, INDENT);
        for ((cell, &width), column) in wrapped.iter().zip(widths).zip(&table.columns) {
            let part = cell.get(at).map_or("", String::as_str);
            if column.style == Style::Number {
                line.push_str(&format!("{part:>width$}"));
            } else {
                line.push_str(&format!("{part:width$}"));
            }
            pad(&mut line, GAP);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}
