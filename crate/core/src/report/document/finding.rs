//! Findings with their evidence and advice, and what is missing.

use super::{Block, Once, card, evidence, story};
use crate::model::Report;
use alloc::{format, vec::Vec};

/// Every finding.
pub(super) fn findings(report: &Report, once: &mut Once, blocks: &mut Vec<Block>) {
    if report.findings.is_empty() {
        return;
    }
    blocks.push(Block::Heading("Findings".into()));
    for finding in &report.findings {
        blocks.push(Block::Finding(card::head(finding)));
        let told = report.story.as_ref();
        if told.is_some_and(|told| story::tells(told, finding)) {
            let place = format!("It is told above: {}.", story::HEADING);
            blocks.push(Block::Paragraph(place));
            continue;
        }
        if !finding.explanation.is_empty() {
            blocks.push(Block::Paragraph(finding.explanation.clone()));
        }
        if !finding.evidence.is_empty() {
            blocks.push(Block::Paragraph("Evidence:".into()));
            let items = finding.evidence.iter().map(evidence).collect();
            blocks.push(Block::Items(items));
        }
        once.steps(&finding.advice, blocks);
    }
}

/// What is missing, and why.
pub(super) fn notes(report: &Report, blocks: &mut Vec<Block>) {
    let mut items: Vec<_> = Vec::new();
    if let Some(error) = &report.error {
        items.push(format!("{} ({})", error.text, error.code));
    }
    items.extend(
        report
            .notes
            .iter()
            .map(|note| format!("{} ({})", note.text, note.code)),
    );
    if !items.is_empty() {
        blocks.push(Block::Heading("Notes".into()));
        blocks.push(Block::Items(items));
    }
}
