//! What the registry said, as far as it was in memory.

use super::Gap;
use alloc::{borrow::Cow, string::String, vec::Vec};
use serde::Serialize;

/// What the registry said: the hives in memory, and the values that tell the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Registry {
    /// The hives that were found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hives: Vec<RegistryHive>,
    /// Values, and keys that could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<RegistryValue>,
}

/// A hive in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegistryHive {
    /// Where its root stands, e.g. `\REGISTRY\MACHINE\SYSTEM`; else its file.
    pub path: String,
    /// Why its root key cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

/// A value, or a key that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegistryValue {
    /// Its key, e.g. `HKLM\SYSTEM\CurrentControlSet\Control\CrashControl`.
    pub key: String,
    /// Its name; empty for a key as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its type, e.g. `REG_DWORD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'static, str>>,
    /// Its data as text: numbers in decimal, several texts joined by `; `.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Why it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}
