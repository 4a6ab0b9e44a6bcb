//! The failure as the debugger files it: the fields of `!analyze` that name a bucket.

use super::{Confidence, Hex};
use alloc::string::String;
use serde::Serialize;

/// How `!analyze` would file this stop: by rules of its own, which look for a place to follow up,
/// not for a culprit. [`Blame`](super::Blame) says who probably did it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// `BUGCHECK_STR`: the code, narrowed down, e.g. `AV`, `0x139_3_CORRUPT_LIST_ENTRY`.
    pub bugcheck_str: String,
    /// `DEFAULT_BUCKET_ID` of the engines up to 2019, e.g. `WIN8_DRIVER_FAULT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_bucket_id: Option<&'static str>,
    /// `CURRENT_IRQL`: the interrupt level, where the stop code tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub irql: Option<u32>,
    /// Where the trap frame is that belongs to the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trap_frame: Option<Hex>,
    /// Where the exception record is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_record: Option<Hex>,
    /// Where the context record is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Hex>,
    /// The address whose use failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accessed: Option<Hex>,
    /// How it was used: `read`, `write` or `execute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<&'static str>,
    /// `FOLLOWUP_IP`: the address to follow up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hex>,
    /// `SYMBOL_STACK_INDEX`: which frame of the stack that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<u32>,
    /// `SYMBOL_NAME`: `module!function+offset`, or `module+offset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol_name: Option<String>,
    /// `MODULE_NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_name: Option<String>,
    /// `IMAGE_NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// `IMAGE_VERSION`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_version: Option<String>,
    /// `DEBUG_FLR_IMAGE_TIMESTAMP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_timestamp: Option<u32>,
    /// `BUCKET_ID_FUNC_OFFSET`: bytes from the function, or from the module where it has no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_offset: Option<Hex>,
    /// `FAILURE_BUCKET_ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_id: Option<String>,
    /// `FAILURE_ID_HASH`: of the bucket, without braces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// How sure it is that a debugger with all symbols would give the same bucket.
    pub confidence: Confidence,
}
