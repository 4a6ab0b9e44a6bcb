//! Findings and notes.

use super::{Confidence, Severity};
use alloc::{borrow::Cow, string::String, vec::Vec};
use serde::Serialize;

/// A plain statement about the machine, with its evidence and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// A stable name; all are listed in `docs/findings.md`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// A sentence.
    pub title: String,
    /// A paragraph.
    pub explanation: String,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Numbered steps, each a sentence or two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
}

/// One thing that a statement rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// A sentence.
    pub text: String,
    /// Where it is: a structure, a counter, an address or a file offset, e.g. `header+0x38`,
    /// `stack ffffd000`, `SMBIOS type 0`. Empty when the text says it.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub place: String,
}

impl Evidence {
    /// Evidence `text`, found at `place`.
    pub fn new(text: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            place: place.into(),
        }
    }
}

/// Something that is missing or odd, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Note {
    /// A stable name, listed with the findings.
    pub code: Cow<'static, str>,
    /// A sentence.
    pub text: String,
}

impl Note {
    /// A note.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            code: Cow::Borrowed(code),
            text: text.into(),
        }
    }
}
