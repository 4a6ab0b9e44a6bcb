//! Stop codes: the name of each, what it means, what usually causes it, and what its four
//! parameters are in this very case (many depend on the first one).
//!
//! Source of the facts: Microsoft's bug check code reference (windows-driver-docs, CC-BY-4.0) for
//! codes, names and the order of parameters; the sentences are this project's own. Codes that are
//! not documented there but occur in real dumps say so in the data file.
//!
//! The data are the text files `crate/core/data/bugcheck/*.txt`, each sorted by code:
//! ```text
//! 77 KERNEL_STACK_INPAGE_ERROR
//!  ! What it means.
//!  & family
//!  ? What usually causes it.
//!  > What to look at next in the dump.
//!  ~ What is different in a virtual machine.
//!  2 status
//!  = 0-2 What P1 = 0..2 says.
//!  4 stack Where the signature should have been
//! ```
//! A stanza's parameters come before its cases (`=`); a case overrides them one by one. The first
//! case whose condition holds is taken. `docs/knowledge.md` has the whole grammar.

pub mod decode;
mod kind;
mod stanza;

use alloc::borrow::Cow;
use alloc::format;

use super::family::{Family, family};
use super::ntstatus;
use super::store::Table;
pub use kind::{ParameterKind, access};
pub(super) use stanza::UNDOCUMENTED;
use stanza::{Line, Stanza};

/// The data files, in the order of their codes.
static TABLES: &[Table] = &[
    Table::BugCheck000,
    Table::BugCheck040,
    Table::BugCheck080,
    Table::BugCheck0A0,
    Table::BugCheck0C0,
    Table::BugCheck0C7,
    Table::BugCheck100,
    Table::BugCheck140,
    Table::BugCheck180,
    Table::BugCheckOthers,
];

/// Minidumps of older Windows write some codes with this bit set; the debugger then adds `_M`.
const MINIDUMP_FORM: u32 = 0x1000_0000;
/// The case of values that no case of a stanza is for.
const UNDESCRIBED: &str =
    "What these values of the parameters narrow it down to is not documented.";
/// Other bits that may stand on top of a code: that of messages (`0x400000AD`), and that of a
/// context that was changed (`BUGCHECK_CONTEXT_MODIFIER` of the Windows SDK).
const OTHER_FORMS: [u32; 2] = [0x4000_0000, 0x8000_0000];

/// Whether a code stops the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fatality {
    /// The machine stopped.
    Stop,
    /// Only ever written as a live dump: the machine kept running.
    LiveDump,
    /// Seen both as a stop and as a live dump.
    Either,
}

/// One stop code.
#[derive(Debug, Clone, Copy)]
pub struct BugCheck {
    /// The code, without the bit of the minidump form.
    pub code: u32,
    /// Its name, without `_M`.
    pub name: &'static str,
    /// Whether the machine stopped.
    pub fatality: Fatality,
    /// What it means, one or two sentences.
    pub meaning: &'static str,
    /// What usually causes it; empty where nothing is known.
    pub usual_causes: &'static str,
    stanza: Stanza,
}

/// One parameter of a stop code, explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterText {
    /// What the value is, for whoever decodes it.
    pub kind: ParameterKind,
    /// What the parameter means; never empty.
    pub text: &'static str,
    /// What this particular value means, where the table lists values.
    pub value: Option<&'static str>,
}

/// A stop code together with the parameters it came with.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    /// The stop code.
    pub bug_check: BugCheck,
    /// What this combination of parameters narrows it down to, if the table knows.
    pub case: Option<&'static str>,
    /// The family of causes it belongs to: it has the steps to take.
    pub family: Family,
    /// What usually causes it; empty where nothing is known.
    pub causes: &'static str,
    /// What to look at next in a dump with this stop.
    pub next: &'static str,
    /// What is different when the machine is a virtual one.
    pub guest: &'static str,
    /// The four parameters.
    pub parameters: [ParameterText; 4],
}

/// The entry of a stop code. A code in the minidump form (`0x1000007E`) finds the plain one.
pub fn lookup(code: u32) -> Option<BugCheck> {
    exact(code).or_else(|| exact(plain_form(code)?))
}

/// The name as the debugger prints it, `_M` included: `None` when the code is not known.
pub fn name(code: u32) -> Option<Cow<'static, str>> {
    if let Some(found) = exact(code) {
        return Some(Cow::Borrowed(found.name));
    }
    if let Some(plain) = plain_form(code) {
        let found = exact(plain)?;
        return Some(match code & MINIDUMP_FORM {
            0 => Cow::Borrowed(found.name),
            _ => Cow::Owned(format!("{}_M", found.name)),
        });
    }
    // A fatal error that Windows or a driver passes on has its status for a code.
    (code >> 30 == 3).then(|| ntstatus::name(code).map(Cow::Borrowed))?
}

/// What the parameters of a stop code mean, given their values. A code that is not known gives
/// four [`ParameterKind::Undocumented`].
pub fn parameters(code: u32, values: [u64; 4]) -> [ParameterText; 4] {
    match lookup(code) {
        Some(found) => found.stanza.parameters(&found.stanza_for(&values), &values),
        None => [stanza::UNDOCUMENTED; 4],
    }
}

/// What the first parameter alone narrows the stop code down to (for example `0x1A` with `0x3F`:
/// a page read back from the page file had changed).
pub fn subtype(code: u32, p1: u64) -> Option<&'static str> {
    let own = lookup(code)?.stanza;
    own.subtype(p1)
        .or_else(|| exact(own.same_as()?)?.stanza.subtype(p1))
}

/// Everything the table says about a stop code with these parameters.
pub fn explain(code: u32, values: [u64; 4]) -> Option<Explanation> {
    let bug_check = lookup(code)?;
    let stanza = bug_check.stanza_for(&values);
    let (case, own) = (
        stanza.told(&values, true),
        bug_check.stanza.told(&values, false),
    );
    let first = |case: &'static str, own| if case.is_empty() { own } else { case };
    let family = family(first(case.family, own.family))?;
    // What is said of a code is not true of a case that belongs to another family.
    let own = if case.family.is_empty() { own } else { case };
    Some(Explanation {
        bug_check,
        case: stanza.case(&values).map(|(text, _)| text).or(bug_check
            .stanza
            .is_closed(&stanza, &values)
            .then_some(UNDESCRIBED)),
        family,
        causes: first(case.causes, bug_check.usual_causes),
        next: first(first(case.next, own.next), family.next),
        guest: first(first(case.guest, own.guest), family.guest),
        parameters: bug_check.stanza.parameters(&stanza, &values),
    })
}

/// All stop codes of the table, in ascending order.
pub fn all() -> impl Iterator<Item = BugCheck> {
    TABLES
        .iter()
        .flat_map(|table| stanza::all(table.text()))
        .filter_map(BugCheck::from_stanza)
}

/// Codes and names of all stop codes, in ascending order.
pub fn names() -> impl Iterator<Item = (u32, &'static str)> {
    TABLES
        .iter()
        .flat_map(|table| stanza::all(table.text()))
        .map(|stanza| (stanza.code, stanza.name_and_mark().0))
}

/// Everything that the tables say one should look at next, in any case of any code.
#[cfg(test)]
pub(crate) fn advice() -> impl Iterator<Item = &'static str> {
    all()
        .flat_map(|found| found.stanza.lines())
        .filter_map(|line| match line {
            Line::Next(text) => Some(text),
            _ => None,
        })
}

fn plain_form(code: u32) -> Option<u32> {
    let plain = code & !MINIDUMP_FORM;
    // Only short codes have another form; long codes of other families have none.
    if code & 0xF000_0000 == MINIDUMP_FORM && plain < 0x1_0000 {
        return Some(plain);
    }
    OTHER_FORMS
        .iter()
        .filter(|&&form| code & 0xF000_0000 == form)
        .map(|form| code & !form)
        .find(|&plain| plain < 0x1_0000 && exact(plain).is_some())
}

fn exact(code: u32) -> Option<BugCheck> {
    // A table starts with its lowest code, so the last table that starts at or below is the one.
    let table = TABLES
        .iter()
        .rev()
        .map(|table| table.text())
        .find(|table| stanza::first_code(table) <= Some(code))?;
    stanza::find(table, code).and_then(BugCheck::from_stanza)
}

impl BugCheck {
    fn from_stanza(stanza: Stanza) -> Option<BugCheck> {
        let (name, mark) = stanza.name_and_mark();
        let fatality = match mark {
            "" => Fatality::Stop,
            "live" => Fatality::LiveDump,
            "either" => Fatality::Either,
            _ => return None,
        };
        let mut found = BugCheck {
            code: stanza.code,
            name,
            fatality,
            meaning: "",
            usual_causes: "",
            stanza,
        };
        for line in stanza.lines() {
            match line {
                Line::Meaning(text) => found.meaning = text,
                Line::Causes(text) if found.usual_causes.is_empty() => found.usual_causes = text,
                _ => {}
            }
        }
        Some(found)
    }

    /// Where the case for these values stands: here, or with the code whose cases are the same.
    fn stanza_for(&self, values: &[u64; 4]) -> Stanza {
        if self.stanza.case(values).is_some() {
            return self.stanza;
        }
        let other = self
            .stanza
            .same_as()
            .and_then(exact)
            .map(|other| other.stanza);
        other
            .filter(|other| other.case(values).is_some())
            .unwrap_or(self.stanza)
    }
}

#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod tests;
