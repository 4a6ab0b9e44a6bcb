//! Files that were put beside the dump, and those that would help.

use alloc::string::String;
use serde::Serialize;

/// A symbol file or image that was given, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SymbolFile {
    /// The file's name.
    pub name: String,
    /// `symbols` (PDB, ISF), `image` (.sys, .exe, .dll), or `unusable`.
    pub kind: &'static str,
    /// What it is by its own word: name and GUID with age, or link time and size.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub identity: String,
    /// The module it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Whether it was used.
    pub used: bool,
    /// Why it was not, with both identities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A file that would tell more.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WantedSymbol {
    /// The module it is for.
    pub module: String,
    /// `symbols` or `image`.
    pub kind: &'static str,
    /// Its place in a symbol store, to copy.
    pub path: String,
    /// What it would tell.
    pub why: String,
}
