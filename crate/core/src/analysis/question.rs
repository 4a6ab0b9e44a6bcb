//! Questions that are asked of an open dump, each run like a step of the analysis, or, where it
//! reads more than one step may, as many of them.

use super::Progress;
use crate::console::{self, Begun, Ground, Listing, Running, Shown, View, incomplete};
use crate::nt::registry::Start;
use crate::source::{Attempt, Cache, Completeness, StopReason};
use alloc::{boxed::Box, string::String, vec::Vec};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Query {
    /// A line of the console.
    Command(String),
    /// Memory, to be shown.
    Memory(View),
    /// Code around an address, an expression; empty for the instruction that faulted.
    Code(String),
}

/// What is answered.
#[derive(Debug)]
pub enum Answer {
    /// Text in lines, safe to print.
    Text(String),
    /// Memory.
    Memory(Box<Shown>),
    /// Code.
    Code(Box<Listing>),
}

/// A question that is being answered.
#[derive(Debug)]
pub(super) struct Question {
    query: Query,
    job: Option<Box<dyn Running>>,
    pub(super) answer: Option<Answer>,
    /// A hive that the job found.
    pub(super) hive: Option<Start>,
}

impl Question {
    pub(super) fn new(query: Query) -> Self {
        Self {
            query,
            job: None,
            answer: None,
            hive: None,
        }
    }

    /// Runs the current step of the question once.
    pub(super) fn advance(&mut self, cache: &mut Cache, ground: Ground<'_>) -> Progress {
        if self.answer.is_some() {
            return Progress::Finished;
        }
        match self.job.take() {
            Some(job) => self.work(job, cache, ground),
            None => self.begin(cache, ground),
        }
    }

    fn begin(&mut self, cache: &mut Cache, ground: Ground<'_>) -> Progress {
        let line = match &self.query {
            Query::Command(line) => line,
            Query::Code(place) => {
                let read = cache.attempt(|cache| console::listing(place, &ground.live(cache)));
                let Attempt::Accepted(listing, _) = read else {
                    return Progress::Wanting;
                };
                self.answer = Some(Answer::Code(Box::new(listing)));
                return Progress::Finished;
            }
            Query::Memory(view) => {
                let read = cache.attempt(|cache| console::explore(view, &ground.live(cache)));
                let Attempt::Accepted(shown, _) = read else {
                    return Progress::Wanting;
                };
                self.answer = Some(Answer::Memory(Box::new(shown)));
                return Progress::Finished;
            }
        };
        let begun = match cache.attempt(|cache| console::begin(line, &ground.live(cache))) {
            Attempt::Wanting => return Progress::Wanting,
            Attempt::Accepted(Begun::Lines(lines), how) => {
                return self.finish(lines, how);
            }
            Attempt::Accepted(Begun::Job(job), how) => (job, how),
        };
        let (job, how) = begun;
        if how == Completeness::Complete {
            let progress = told(&*job);
            self.job = Some(job);
            return progress;
        }
        let lines = job.answer(&ground.live(cache));
        self.finish(lines, how)
    }

    fn work(
        &mut self,
        mut job: Box<dyn Running>,
        cache: &mut Cache,
        ground: Ground<'_>,
    ) -> Progress {
        let (before, total) = job.progress();
        if before < total {
            match job.advance(cache, ground) {
                Attempt::Wanting => {
                    self.job = Some(job);
                    return Progress::Wanting;
                }
                Attempt::Accepted((), how) => {
                    let stopped = how == Completeness::Stopped(StopReason::Cancelled);
                    let (done, total) = job.progress();
                    if !stopped && done > before && done < total {
                        let progress = told(&*job);
                        self.job = Some(job);
                        return progress;
                    }
                    self.hive = job.hive();
                    let lines = job.answer(&ground.live(cache));
                    return self.finish(lines, how);
                }
            }
        }
        let lines = job.answer(&ground.live(cache));
        self.finish(lines, Completeness::Complete)
    }

    fn finish(&mut self, mut lines: Vec<String>, how: Completeness) -> Progress {
        lines.extend(incomplete(how));
        self.answer = Some(Answer::Text(console::text(&lines)));
        Progress::Finished
    }
}

/// The progress of a job in thousandths, which is as fine as a bar shows.
fn told(job: &dyn Running) -> Progress {
    let (done, total) = job.progress();
    let part = u128::from(done) * 1000 / u128::from(total.max(1));
    Progress::Step {
        done: part.min(1000) as u32,
        total: 1000,
        name: "command",
    }
}
