//! The steps, and which of them a kind of file needs.
//!
//! A step reads through the cache and returns what it learned; it changes nothing, because a run
//! during which something was wanted is thrown away.

use super::known::Known;
use crate::container::user_minidump::UserMinidump;
use crate::container::{DumpHeader, HeaderError, Identity, identify, user_minidump};
use crate::model::Kind;
use crate::source::{Cache, ReadError};

/// What a step learned.
#[derive(Debug)]
pub(super) enum Learned {
    Identity(Result<Identity, ReadError>),
    Header(Result<DumpHeader, HeaderError>),
    User(Result<UserMinidump, ReadError>),
}

/// One step.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// For a progress line.
    pub name: &'static str,
    /// Runs it once.
    pub run: fn(&Cache, &Known) -> Learned,
}

const IDENTIFY: Step = Step {
    name: "file",
    run: |cache, _| Learned::Identity(identify(cache)),
};
const HEADER: Step = Step {
    name: "header",
    run: |cache, _| Learned::Header(DumpHeader::read(cache)),
};
const USER: Step = Step {
    name: "streams",
    run: |cache, _| Learned::User(user_minidump::read(cache)),
};

/// The steps for what the file is known to be.
pub(super) fn plan(known: &Known) -> &'static [Step] {
    match known.kind() {
        None => &[IDENTIFY],
        Some(Kind::UserMinidump) => &[IDENTIFY, USER],
        Some(Kind::Other | Kind::Archive) => &[IDENTIFY],
        Some(_) => &[IDENTIFY, HEADER],
    }
}
