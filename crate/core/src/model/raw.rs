//! The header as it stands, and the data that drivers added.

use super::{Gap, Hex};
use alloc::{string::String, vec::Vec};
use serde::Serialize;

/// The header as it stands, field by field.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RawHeader {
    /// E.g. `DUMP_HEADER64`.
    pub structure: &'static str,
    /// Fields in file order.
    pub fields: Vec<HeaderField>,
}

/// One field of the header.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeaderField {
    /// Bytes from the start of the file.
    pub offset: Hex,
    /// The field's name as the Windows headers have it.
    pub name: &'static str,
    /// Its value; absent when the writer left its fill pattern there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What the value means, where that is more than the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

/// A piece of secondary data.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecondaryBlob {
    /// Its identity, lower case.
    pub guid: String,
    /// What it holds, where the identity is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<&'static str>,
    /// Where its data begins in the file.
    pub offset: Hex,
    /// Its length in bytes.
    pub size: u32,
    /// What it says, where it is decoded and not told elsewhere in the report.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// One thing that a piece of secondary data says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Detail {
    /// Its name, in words.
    pub name: &'static str,
    /// What it is.
    pub value: String,
}
