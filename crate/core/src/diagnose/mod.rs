//! Rules: facts in, findings out.
//!
//! A rule is a small pure function over [`Facts`]. [`blame()`] asks who probably caused the stop and
//! answers with a name and its evidence, or with the reason why nobody is named; a wrong name is
//! the worst answer there is. [`findings()`] are plain statements with evidence and advice, and
//! [`conclusion()`] is the one sentence of the top card.

pub mod blame;
pub mod bucket;
pub mod codes;
mod conclusion;
mod facts;
pub mod findings;
pub(crate) mod hardware;
mod objects;
pub mod parameters;
mod pool;
mod role;
pub mod story;
mod stretches;
mod usage;

pub use blame::{Verdict, blame};
pub use bucket::failure;
pub use conclusion::conclusion;
pub use facts::{Ended, Facts, Place};
pub use findings::findings;
pub use role::{Role, display_vendor, role};
pub use stretches::stretches;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod testing;
