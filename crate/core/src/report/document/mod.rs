//! The report as a document: headings, facts, tables and steps in the order in which an
//! administrator needs them, without any markup. The terminal's text, the ticket's Markdown and
//! the saved page are drawings of it.

mod card;
mod crash;
mod file;
mod finding;
mod memory;
mod modules;
mod platform;
mod registry;
mod story;

pub(crate) use card::stop_name;
pub(crate) use crash::{location, register, stem};
pub(crate) use memory::{COUNTERS, counter_name, counters_in_order, is_count};

use crate::model::{Confidence, Gap, How, Report, Severity};
use alloc::{format, string::String, vec::Vec};

/// How much of the report is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// What belongs into a ticket: modules that do not come with Windows, no lists without end.
    Ticket,
    /// What a terminal shows: all modules, the busiest processes and pool tags.
    #[default]
    Terminal,
    /// Everything that was found, with the header field by field.
    Full,
}

impl Detail {
    /// How many rows of a list that is sorted by weight are drawn.
    fn heaviest(self) -> usize {
        match self {
            Self::Ticket => 10,
            Self::Terminal => 25,
            Self::Full => usize::MAX,
        }
    }
}

/// The report without markup.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What the document is called: the stop code, or what the file is instead.
    pub title: String,
    /// Top to bottom.
    pub blocks: Vec<Block>,
}

/// A piece of the document. No string in it is escaped or cleaned yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// The title of a section.
    Heading(String),
    /// A paragraph.
    Paragraph(String),
    /// Labels and their values.
    Facts(Vec<Fact>),
    /// Rows and columns.
    Table(Table),
    /// Unordered sentences.
    Items(Vec<String>),
    /// Numbered sentences.
    Steps(Vec<String>),
    /// Lines to be shown as they are, in a fixed width.
    Lines(Vec<String>),
    /// The head of a finding.
    Finding(FindingHead),
}

/// A label and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Ours.
    pub label: &'static str,
    /// From the report.
    pub value: String,
    /// Whether it is an address or an identity, to be shown in a fixed width.
    pub code: bool,
}

/// Rows and columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Columns from left to right.
    pub columns: Vec<Column>,
    /// Each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Ours.
    pub title: &'static str,
    /// How its cells are set.
    pub style: Style,
}

/// How cells are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Words, which may be broken into lines.
    Text,
    /// An address, a version, an identity: in a fixed width, never broken.
    Code,
    /// A number, to the right.
    Number,
}

/// The head of a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingHead {
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// Its stable name.
    pub id: &'static str,
    /// Its sentence.
    pub title: String,
}

/// A text column.
const fn words(title: &'static str) -> Column {
    let style = Style::Text;
    Column { title, style }
}

/// A column of addresses or identities.
const fn code(title: &'static str) -> Column {
    let style = Style::Code;
    Column { title, style }
}

/// A column of numbers.
const fn number(title: &'static str) -> Column {
    let style = Style::Number;
    Column { title, style }
}

impl Table {
    /// Adds the table, unless it has no rows. Columns in which no row has anything are left out.
    fn add_to(mut self, blocks: &mut Vec<Block>) {
        let used: Vec<bool> = (0..self.columns.len())
            .map(|at| {
                self.rows
                    .iter()
                    .any(|row| row.get(at).is_some_and(|cell| !cell.is_empty()))
            })
            .collect();
        let keep = |at: usize| used.get(at).copied().unwrap_or(false);
        let mut at = 0;
        self.columns.retain(|_| {
            at += 1;
            keep(at - 1)
        });
        for row in &mut self.rows {
            let mut at = 0;
            row.retain(|_| {
                at += 1;
                keep(at - 1)
            });
        }
        if !self.rows.is_empty() && !self.columns.is_empty() {
            blocks.push(Block::Table(self));
        }
    }
}

/// Collects facts, leaving out what is not known.
#[derive(Default)]
struct Facts(Vec<Fact>);

impl Facts {
    fn text(&mut self, label: &'static str, value: Option<impl Into<String>>) -> &mut Self {
        self.push(label, value.map(Into::into), false)
    }

    fn code(&mut self, label: &'static str, value: Option<impl Into<String>>) -> &mut Self {
        self.push(label, value.map(Into::into), true)
    }

    fn push(&mut self, label: &'static str, value: Option<String>, code: bool) -> &mut Self {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.0.push(Fact { label, value, code });
        }
        self
    }

    fn add_to(self, blocks: &mut Vec<Block>) {
        if !self.0.is_empty() {
            blocks.push(Block::Facts(self.0));
        }
    }
}

/// Steps that were given already: each stands once, where it comes first.
#[derive(Default)]
struct Once(Vec<String>);

impl Once {
    /// Adds the steps that are new, and says where the others are.
    fn steps(&mut self, advice: &[String], blocks: &mut Vec<Block>) {
        let fresh: Vec<String> = advice
            .iter()
            .filter(|step| !self.0.contains(step))
            .cloned()
            .collect();
        let heading = match (fresh.is_empty(), fresh.len() == advice.len()) {
            (true, true) => return,
            (true, false) => "What to do: the steps that stand above.",
            (false, true) => "What to do:",
            (false, false) => "What to do, besides the steps that stand above:",
        };
        blocks.push(Block::Paragraph(heading.into()));
        if !fresh.is_empty() {
            self.0.extend(fresh.iter().cloned());
            blocks.push(Block::Steps(without_repeats(fresh)));
        }
    }
}

/// Steps for the same of several hosts, one after another, name it once.
fn without_repeats(steps: Vec<String>) -> Vec<String> {
    let mut before = String::new();
    let mut short = |step: String| {
        let case = step
            .starts_with("If the host is ")
            .then(|| step.split_once(": "));
        let Some((host, rest)) = case.flatten() else {
            return step;
        };
        if host == before {
            return format!("With that host: {rest}");
        }
        before = host.into();
        step
    };
    steps.into_iter().map(&mut short).collect()
}

/// The whole report.
#[must_use]
pub fn document(report: &Report, detail: Detail) -> Document {
    let mut blocks = Vec::new();
    let mut once = Once::default();
    card::card(report, &mut blocks);
    story::story(report, &mut once, &mut blocks);
    crash::bug_check(report, &mut blocks);
    crash::exception(report, &mut blocks);
    crash::stack(report, detail, &mut blocks);
    crash::blame(report, &mut blocks);
    crash::beside(report, detail, &mut blocks);
    memory::memory(report, detail, &mut blocks);
    platform::platform(report, &mut blocks);
    platform::integration_services(report, &mut once, &mut blocks);
    registry::registry(report, detail, &mut blocks);
    finding::findings(report, &mut once, &mut blocks);
    modules::modules(report, detail, &mut blocks);
    modules::unloaded(report, detail, &mut blocks);
    finding::notes(report, &mut blocks);
    file::file(report, detail, &mut blocks);
    Document {
        title: card::title(report),
        blocks,
    }
}

/// Whether the machine's addresses have 64 bits.
pub(crate) fn is_wide(report: &Report) -> bool {
    report.system.as_ref().and_then(|s| s.architecture) != Some("x86")
}

/// The word for a confidence.
pub(crate) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Possible => "possible",
        Confidence::Likely => "likely",
        Confidence::Certain => "certain",
    }
}

/// The word for a severity.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// How a frame was found.
pub(crate) fn how(how: How) -> &'static str {
    match how {
        How::Context => "context",
        How::Exception => "exception",
        How::TrapFrame => "trap frame",
        How::Unwind => "unwind",
        How::FramePointer => "frame pointer",
        How::Scan => "scan",
    }
}

/// Why something is missing, in words.
pub(crate) fn gap(gap: Gap) -> &'static str {
    match gap {
        Gap::NotPresent => "no page there",
        Gap::NotInDump => "not in this dump",
        Gap::PagedOut => "in the page file",
        Gap::Truncated => "behind the end of the file",
        Gap::Unmapped => "no such address",
        Gap::NotRead => "not read",
        Gap::ReadFailed => "the file could not be read",
        Gap::NotRecorded => "not recorded",
        Gap::UnknownLayout => "place not known for this build",
    }
}

/// Evidence as one sentence.
fn evidence(evidence: &crate::model::Evidence) -> String {
    if evidence.place.is_empty() {
        evidence.text.clone()
    } else {
        alloc::format!("{} [{}]", evidence.text, evidence.place)
    }
}
