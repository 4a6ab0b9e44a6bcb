//! Reading at an offset, without I/O.
//!
//! A dump may be terabytes, and in a browser a read is asynchronous. So nothing here waits:
//! a read that touches bytes which are not at hand notes the block as *wanted* and answers
//! [`ReadError::NotYet`]. The caller runs a *step* of the analysis ([`Cache::attempt`]); if
//! anything was wanted while it ran, its conclusions are thrown away, all wanted ranges are
//! fetched together, and the step runs again. Code may go on after `NotYet` and so ask for much
//! at once; it can never mistake "not yet" for "not in the dump", because conclusions drawn
//! while anything was wanted are never accepted.
//!
//! What a step needs is bounded: pages are evicted when the cache is full, but never those that
//! the running step has touched. A step that would need more than the cap, or more than its
//! rounds, or that is cancelled, runs once more in *final mode*, in which an absent block reads
//! as [`ReadError::NotRead`], and that result is accepted and says so ([`Completeness`]).

mod cache;
mod error;
mod provider;
mod reader;

pub use cache::{Attempt, Cache, CacheLimits, Completeness, PAGE_SIZE, Range, Stats, StopReason};
pub use error::ReadError;
pub use provider::{Provider, SliceProvider, serve};
pub use reader::{MAX_STRING_BYTES, Slice, Source, SourceExt, utf16_lossy};
