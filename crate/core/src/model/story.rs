//! How a stop came about, where the findings connect.

use super::{Confidence, Evidence};
use alloc::{string::String, vec::Vec};
use serde::Serialize;

/// A chain of causes: from the stop back to what has to be mended.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Story {
    /// The whole in plain words, for somebody who knows no debugger.
    pub summary: String,
    /// The links, from the stop to its cause.
    pub links: Vec<StoryLink>,
    /// What the chain ends in.
    pub root_cause: String,
    /// How sure that is.
    pub confidence: Confidence,
    /// Numbered steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
    /// Causes that the evidence does not exclude.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
}

/// One link of a chain of causes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoryLink {
    /// A sentence.
    pub text: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// Another cause that the evidence does not exclude.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Alternative {
    /// The cause.
    pub cause: String,
    /// What would tell it apart.
    pub tells_apart: String,
}
