//! The steps, and which of them a kind of file needs.
//!
//! A step reads through the cache and returns what it learned; it changes nothing, because a run
//! during which something was wanted is thrown away.

use super::crash;
use super::kernel::{self, Judgement};
use super::known::Known;
use super::machine::{self, Secondary};
use crate::container::user_minidump::UserMinidump;
use crate::container::{DumpHeader, HeaderError, Identity, identify, user_minidump};
use crate::model::{Kind, Stack};
use crate::nt::Minidump;
use crate::source::{Cache, ReadError};
use alloc::boxed::Box;

/// What a step learned.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and not for long"
)]
#[derive(Debug)]
pub(super) enum Learned {
    Identity(Result<Identity, ReadError>),
    Header(Result<DumpHeader, HeaderError>),
    User(Result<UserMinidump, ReadError>),
    Minidump(Box<Result<Minidump, HeaderError>>),
    Secondary(Result<Secondary, ReadError>),
    Stack(Option<Stack>),
    Judgement(Judgement),
    /// The step had nothing to go on, because an earlier one failed.
    Nothing,
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
const MINIDUMP: Step = Step {
    name: "drivers",
    run: |cache, _| Learned::Minidump(Box::new(Minidump::load(cache))),
};
const MACHINE: Step = Step {
    name: "machine",
    run: |cache, known| match &known.minidump {
        Some(dump) => Learned::Secondary(machine::read(cache, dump)),
        None => Learned::Nothing,
    },
};
const STACK: Step = Step {
    name: "stack",
    run: |cache, known| match &known.minidump {
        Some(dump) => Learned::Stack(crash::stack(cache, dump)),
        None => Learned::Nothing,
    },
};
const JUDGE: Step = Step {
    name: "diagnosis",
    run: |cache, known| match &known.header {
        Some(header) => Learned::Judgement(kernel::judge(cache, header, known)),
        None => Learned::Nothing,
    },
};

/// The steps for what the file is known to be.
pub(super) fn plan(known: &Known) -> &'static [Step] {
    match known.kind() {
        None | Some(Kind::Other | Kind::Archive) => &[IDENTIFY],
        Some(Kind::UserMinidump) => &[IDENTIFY, USER],
        Some(Kind::Triage) => &[IDENTIFY, HEADER, MINIDUMP, MACHINE, STACK, JUDGE],
        Some(_) => &[IDENTIFY, HEADER, JUDGE],
    }
}
