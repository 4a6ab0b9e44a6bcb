//! Commands that read more of a dump than one step may: a pool scan, a search, a census.
//!
//! A job is a sequence of pieces. Each piece is read like any step of the analysis (what it found
//! is thrown away while something was wanted) and then taken; between pieces the caller hears of
//! the progress and may stop the job, which then answers with what it has.

use super::{Ground, Live};
use crate::nt::registry::Start;
use crate::source::{Attempt, Cache, Completeness};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// A command that takes many steps.
pub trait Job: fmt::Debug {
    /// What one step finds.
    type Piece;

    /// Reads the next piece: a function of the dump and of what was taken so far. It should touch
    /// a few MiB at most, and ask for all of it before it judges the first byte.
    fn read(&self, live: &Live<'_>) -> Self::Piece;

    /// Keeps a piece that was accepted.
    fn take(&mut self, piece: Self::Piece);

    /// How much is done, of how much, in any unit. Equal when there is nothing left to do; every
    /// piece must bring it on, or the job is ended.
    fn progress(&self) -> (u64, u64);

    /// The answer, over what was taken. It reads nothing more.
    fn answer(&self, live: &Live<'_>) -> Vec<String>;

    /// A hive that was found, from which the registry is to be read anew.
    fn hive(&self) -> Option<Start> {
        None
    }
}

/// A job, whatever its pieces are.
pub trait Running: fmt::Debug {
    /// Runs one step once.
    fn advance(&mut self, cache: &mut Cache, ground: Ground<'_>) -> Attempt<()>;
    /// See [`Job::progress`].
    fn progress(&self) -> (u64, u64);
    /// See [`Job::answer`].
    fn answer(&self, live: &Live<'_>) -> Vec<String>;
    /// See [`Job::hive`].
    fn hive(&self) -> Option<Start>;
}

impl<J: Job> Running for J {
    fn advance(&mut self, cache: &mut Cache, ground: Ground<'_>) -> Attempt<()> {
        match cache.attempt(|cache| self.read(&ground.live(cache))) {
            Attempt::Wanting => Attempt::Wanting,
            Attempt::Accepted(piece, how) => {
                self.take(piece);
                Attempt::Accepted((), how)
            }
        }
    }

    fn progress(&self) -> (u64, u64) {
        Job::progress(self)
    }

    fn answer(&self, live: &Live<'_>) -> Vec<String> {
        Job::answer(self, live)
    }

    fn hive(&self) -> Option<Start> {
        Job::hive(self)
    }
}

/// What a command begins with: its answer, or a job that will give it.
#[derive(Debug)]
pub enum Begun {
    /// The answer.
    Lines(Vec<String>),
    /// The job.
    Job(alloc::boxed::Box<dyn Running>),
}

impl From<Vec<String>> for Begun {
    fn from(lines: Vec<String>) -> Self {
        Self::Lines(lines)
    }
}

/// The sentence under an answer that does not rest on everything it asked for.
#[must_use]
pub fn incomplete(how: Completeness) -> Option<String> {
    match how {
        Completeness::Complete => None,
        Completeness::Stopped(why) => Some(alloc::format!("Not everything was read: {why}.")),
    }
}
