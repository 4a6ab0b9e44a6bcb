//! The report as a page of its own: one file, no script, no link, nothing loaded.
//!
//! Its policy allows no source of anything but its one style sheet, by hash, so that even a
//! mistake in the escaping below could not make a browser fetch or run something.

use super::document::{self, Block, Detail, Fact, Style, Table, document};
use super::format::clean;
use crate::model::Report;
use alloc::{format, string::String};

/// The style sheet, carried inside the page.
const STYLE: &str = include_str!("report.css");
/// The hash of [`STYLE`] for the policy; a test computes it anew.
const STYLE_HASH: &str = "sha256-cffKj3FTJspJ9WBzJhzn3cZC2UtALwdkts1vOntRm4A=";

/// The report as a page of its own.
#[must_use]
pub fn html(report: &Report) -> String {
    let document = document(report, Detail::Full);
    let title = escape(&document.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src '{STYLE_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    for block in &document.blocks {
        draw(block, &mut out);
    }
    if !report.notes.iter().any(|note| note.code == "redacted") {
        out.push_str("<p><small>Nothing was taken out of this report: it may name machines and people.</small></p>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn draw(block: &Block, out: &mut String) {
    match block {
        Block::Heading(title) => out.push_str(&format!("<h2>{}</h2>\n", escape(title))),
        Block::Paragraph(text) => out.push_str(&format!("<p>{}</p>\n", prose(text))),
        Block::Facts(facts) => draw_facts(facts, out),
        Block::Table(table) => draw_table(table, out),
        Block::Items(items) => draw_list("ul", items, out),
        Block::Steps(steps) => draw_list("ol", steps, out),
        Block::Lines(lines) => {
            out.push_str("<pre>");
            for line in lines {
                out.push_str(&escape(line));
                out.push('\n');
            }
            out.push_str("</pre>\n");
        }
        Block::Finding(head) => {
            let severity = document::severity(head.severity);
            out.push_str(&format!(
                "<h3><span class=\"badge {severity}\">{severity}</span>{} <small>({})</small></h3>\n",
                escape(&head.title),
                document::confidence(head.confidence)
            ));
        }
    }
}

fn draw_list(tag: &str, items: &[String], out: &mut String) {
    out.push_str(&format!("<{tag}>\n"));
    for item in items {
        out.push_str(&format!("<li>{}</li>\n", prose(item)));
    }
    out.push_str(&format!("</{tag}>\n"));
}

fn draw_facts(facts: &[Fact], out: &mut String) {
    out.push_str("<table>\n");
    for fact in facts {
        let class = if fact.code { " class=\"code\"" } else { "" };
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td{class}>{}</td></tr>\n",
            escape(fact.label),
            escape(&fact.value)
        ));
    }
    out.push_str("</table>\n");
}

fn draw_table(table: &Table, out: &mut String) {
    let class = |style: Style| match style {
        Style::Text => "",
        Style::Code => " class=\"code\"",
        Style::Number => " class=\"number\"",
    };
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr>");
    for column in &table.columns {
        let class = if column.style == Style::Number {
            class(Style::Number)
        } else {
            ""
        };
        out.push_str(&format!(
            "<th scope=\"col\"{class}>{}</th>",
            escape(column.title)
        ));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (cell, column) in row.iter().zip(&table.columns) {
            let class = class(column.style);
            out.push_str(&format!("<td{class}>{}</td>", escape(cell)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
}

/// Sentences, with what stands between back-ticks as code. The debugger's back-tick within an address
/// is no such sign.
fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        let begins = before.is_empty() || before.ends_with([' ', '(']);
        match after.split_once('`') {
            Some((code, behind)) if begins => {
                out.push_str(&format!("{}<code>{}</code>", escape(before), escape(code)));
                rest = behind;
            }
            _ => {
                out.push_str(&format!("{}`", escape(before)));
                rest = after;
            }
        }
    }
    out + &escape(rest)
}

/// Text as HTML text, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
