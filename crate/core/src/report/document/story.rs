//! How the stop came about: the links of the story with what each rests on, the cause, the steps,
//! and what the evidence does not exclude. What stands here is only named elsewhere.

use super::{Block, Once, confidence, evidence};
use crate::model::{Finding, Report, Story};
use alloc::{format, string::String, vec::Vec};

/// What the section is called, so that others can point at it.
pub(super) const HEADING: &str = "How it came about";

/// The story.
pub(super) fn story(report: &Report, once: &mut Once, blocks: &mut Vec<Block>) {
    let Some(story) = &report.story else { return };
    blocks.push(Block::Heading(HEADING.into()));
    let links = story.links.iter().map(|link| {
        let mut text = format!("{} ({})", link.text, confidence(link.confidence));
        for (at, one) in link.evidence.iter().enumerate() {
            let before = if at == 0 { " Evidence: " } else { " " };
            text.push_str(before);
            text.push_str(&evidence(one));
        }
        text
    });
    blocks.push(Block::Steps(links.collect()));
    blocks.push(Block::Paragraph(format!(
        "Cause ({}): {}",
        confidence(story.confidence),
        story.root_cause
    )));
    once.steps(&story.advice, blocks);
    if !story.alternatives.is_empty() {
        blocks.push(Block::Paragraph("Not excluded by the evidence:".into()));
        let items = story.alternatives.iter();
        let items = items.map(|other| format!("{} {}", other.cause, other.tells_apart));
        blocks.push(Block::Items(items.collect::<Vec<String>>()));
    }
}

/// Whether the story tells a finding in full: it is the story, or one of its links.
pub(super) fn tells(story: &Story, finding: &Finding) -> bool {
    finding.id == "root-cause"
        || story
            .links
            .iter()
            .any(|link| link.text == finding.explanation)
}
