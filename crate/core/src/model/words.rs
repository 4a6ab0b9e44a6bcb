//! The closed lists of the schema, and the number that survives JSON.

use core::fmt;
use serde::{Serialize, Serializer};

/// An integer that may need more than 32 bits, written `"0x…"`: addresses, file offsets, byte
/// and page counts.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex(pub u64);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<u64> for Hex {
    fn from(value: u64) -> Self {
        Self(value)
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Hex {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "Hex".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^0x[0-9a-f]{1,16}$",
            "description": "An integer that may need more than 32 bits.",
        })
    }
}

/// How sure a statement is. Defined once, meant everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// It fits, and so would something else.
    #[default]
    Possible,
    /// Several signs agree and none speaks against it.
    Likely,
    /// The dump records it, or it follows from what the dump records.
    Certain,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    #[default]
    Note,
    /// Should be mended, or may have helped to stop the machine.
    Warning,
    /// Probably stopped the machine, or will.
    Critical,
}

/// How a stack frame was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The processor's recorded context.
    Context,
    /// The address of the exception.
    Exception,
    /// A trap frame on the stack.
    TrapFrame,
    /// Unwind data of the image.
    Unwind,
    /// The chain of frame pointers.
    FramePointer,
    /// A value on the stack that points into a module: a return address, perhaps an old one.
    Scan,
}

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// The page tables have no page there.
    NotPresent,
    /// The page was not written to the dump.
    NotInDump,
    /// The page was in a page file.
    PagedOut,
    /// The file ends before it.
    Truncated,
    /// No such address.
    Unmapped,
    /// It was not read: a limit, or the user stopped the analysis.
    NotRead,
    /// The file could not be read there.
    ReadFailed,
    /// This kind of dump, or this Windows, does not record it.
    NotRecorded,
    /// This build keeps it where no table says.
    UnknownLayout,
}
