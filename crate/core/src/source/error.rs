//! Why bytes of the file could not be had.

use super::StopReason;
use core::fmt;

/// Why a read of the file gave nothing. All offsets are bytes from the start of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The block is not at hand yet; it has been noted as wanted. Only ever seen by a run of a
    /// step whose result will be thrown away.
    NotYet,
    /// The read reaches past the end of the file.
    Truncated {
        /// Where the read began.
        offset: u64,
        /// How many bytes were asked for.
        wanted: u64,
        /// The length of the file.
        len: u64,
    },
    /// The block was never fetched, because the step was stopped.
    NotRead {
        /// Where the read began.
        offset: u64,
        /// What stopped it.
        why: StopReason,
    },
    /// The file could not be read there: the disk, the browser or the operating system refused.
    Failed {
        /// Where the read began.
        offset: u64,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotYet => write!(f, "not fetched yet"),
            Self::Truncated {
                offset,
                wanted,
                len,
            } => write!(
                f,
                "{wanted} bytes at offset {offset:#x} reach past the end of the file ({len:#x})"
            ),
            Self::NotRead { offset, why } => {
                write!(f, "the bytes at offset {offset:#x} were not read: {why}")
            }
            Self::Failed { offset } => {
                write!(f, "the file could not be read at offset {offset:#x}")
            }
        }
    }
}

impl core::error::Error for ReadError {}
