//! One analysis from first byte to report: the steps in their order, and what each needs.
//!
//! The caller drives it ([`Analysis::advance`]): while it is [`Progress::Wanting`], the ranges of
//! [`Cache::take_wanted`] are to be fetched and handed to the cache; after every
//! [`Progress::Step`] the report holds what is known so far. When the report is complete,
//! questions may be asked of the dump ([`Analysis::ask`]) and are driven the same way.

mod blackbox;
mod bugcheck;
mod counters;
mod coverage;
mod crash;
mod dump;
mod figures;
mod filing;
mod hardware;
mod identity;
mod kept;
mod kernel;
mod known;
mod leads;
mod machine;
mod modules;
mod names;
mod paged;
mod processes;
mod question;
mod registry;
mod stacks;
mod steps;
mod symbol_files;
mod system;
mod user;

use crate::model::{File, Note, Report, SCHEMA, Stats};
use crate::source::{Attempt, Cache, CacheLimits, Completeness, Provider, Source, serve};
use crate::symbols::Disassembler;
use alloc::boxed::Box;
use alloc::vec::Vec;
use alloc::{format, string::String};
use known::Known;
use question::Question;
pub use question::{Answer, Query};
pub use steps::JUDGE_STEP;
use steps::Step;
pub use symbol_files::SymbolFileError;

/// How far an analysis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something must be fetched before it can go on.
    Wanting,
    /// A step is done and the report has grown.
    Step {
        /// Steps done.
        done: u32,
        /// Steps in all, as far as is known by now.
        total: u32,
        /// What was done, for a progress line.
        name: &'static str,
    },
    /// The report is complete.
    Finished,
}

/// One analysis of one file.
#[derive(Debug)]
pub struct Analysis {
    cache: Cache,
    known: Known,
    report: Report,
    done: usize,
    /// How often steps were run again that take their work in pieces.
    repeated: u32,
    stopped: Option<String>,
    question: Option<Question>,
    /// Whether nobody looks at the report before it is complete.
    at_once: bool,
}

impl Analysis {
    /// An analysis of a file called `name` of `len` bytes. The name is only shown.
    #[must_use]
    pub fn new(name: &str, len: u64) -> Self {
        Self::with_limits(name, len, CacheLimits::default())
    }

    /// An analysis with other bounds than the usual.
    #[must_use]
    pub fn with_limits(name: &str, len: u64, limits: CacheLimits) -> Self {
        let file = File {
            name: name.into(),
            size: len.into(),
            ..File::default()
        };
        Self {
            cache: Cache::with_limits(len, limits),
            known: Known::default(),
            report: Report {
                schema: SCHEMA,
                file,
                ..Report::default()
            },
            done: 0,
            repeated: 0,
            stopped: None,
            question: None,
            at_once: false,
        }
    }

    /// Puts the report together when the last step is done and not behind every step: for callers
    /// that show nothing before.
    pub fn report_at_end(&mut self) {
        self.at_once = true;
    }

    /// Puts a file beside the dump: an image (.sys, .exe, .dll), or a table made of a PDB or ISF file
    /// (see [`SymbolTable`](crate::symbols::SymbolTable)). To be called before the first step. The
    /// report says what became of it. `name` is only shown.
    ///
    /// # Errors
    /// When it is neither, or one too many.
    pub fn add_symbols(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), SymbolFileError> {
        self.known.files.add(name, bytes)
    }

    /// Brings what reads machine code, for the commands that show it. At any time.
    pub fn set_disassembler(&mut self, disassembler: Box<dyn Disassembler>) {
        self.known.disassembler = Some(disassembler);
    }

    /// Notes a file that was put beside the dump and could not be read, for the report to say so.
    /// `why` is the rest of a sentence.
    pub fn add_unusable(&mut self, name: &str, why: &str) {
        self.known.files.add_unusable(name, why);
    }

    /// The cache, to be filled and to be told to stop.
    pub fn cache_mut(&mut self) -> &mut Cache {
        &mut self.cache
    }

    /// What is known so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Notes how long it took, which only the caller can measure.
    pub fn set_elapsed(&mut self, milliseconds: f64) {
        self.report.stats.elapsed_ms = Some(milliseconds);
    }

    /// Notes how much memory it took, which only the caller can measure.
    pub fn set_memory(&mut self, kib: u32) {
        self.report.stats.memory_kib = Some(kib);
    }

    /// Asks something of the dump. It is answered by further calls of [`Analysis::advance`], behind
    /// the steps that are still to be done; an earlier question that was not answered yet is
    /// dropped. A stopped analysis goes on: [`Cache::cancel`] was meant for what ran then.
    pub fn ask(&mut self, query: Query) {
        self.cache.resume();
        self.question = Some(Question::new(query));
    }

    /// The answer, once [`Analysis::advance`] said [`Progress::Finished`].
    pub fn take_answer(&mut self) -> Option<Answer> {
        self.question.take()?.answer
    }

    /// Runs the current step once: of the analysis, or of the question that was asked.
    pub fn advance(&mut self) -> Progress {
        let plan = steps::plan(&self.known);
        let Some(&Step { name, run }) = plan.get(self.done) else {
            let ground = self.known.ground(&self.report);
            let Some(question) = &mut self.question else {
                return Progress::Finished;
            };
            let progress = question.advance(&mut self.cache, ground);
            let found = question.hive.take().filter(|_| self.known.hive.is_none());
            if found.is_some() {
                // The plan grows by what rests on the registry.
                self.known.hive = found;
                let done = self.done as u32;
                return Progress::Step {
                    done,
                    total: steps::plan(&self.known).len() as u32,
                    name: "command",
                };
            }
            return progress;
        };
        let known = &self.known;
        match self.cache.attempt(|cache| run(cache, known)) {
            Attempt::Wanting => Progress::Wanting,
            Attempt::Accepted(learned, completeness) => {
                self.known.cut |= matches!(completeness, Completeness::Stopped(_));
                self.known.learn(learned);
                let left = self.known.repeats() as u32;
                if left > 0 && name == steps::REPEATED {
                    self.repeated += 1;
                } else {
                    self.done += 1;
                }
                if let Completeness::Stopped(why) = completeness {
                    self.stopped
                        .get_or_insert_with(|| format!("{name}: {why}."));
                }
                let total = steps::plan(&self.known).len();
                if !self.at_once || self.done >= total {
                    self.compose();
                }
                let total = total as u32;
                Progress::Step {
                    done: self.done as u32 + self.repeated,
                    total: total + self.repeated + left.saturating_sub(1),
                    name,
                }
            }
        }
    }

    /// Runs all steps over a file that can be waited for.
    pub fn run(&mut self, provider: &mut dyn Provider) {
        loop {
            match self.advance() {
                Progress::Wanting => serve(&mut self.cache, provider),
                Progress::Step { .. } => {}
                Progress::Finished => break,
            }
        }
    }

    /// Asks, and answers, over a file that can be waited for.
    pub fn answer(&mut self, query: Query, provider: &mut dyn Provider) -> Option<Answer> {
        self.ask(query);
        self.run(provider);
        self.take_answer()
    }

    fn compose(&mut self) {
        let Stats {
            elapsed_ms,
            memory_kib,
            ..
        } = self.report.stats;
        let mut report = Report {
            schema: SCHEMA,
            file: File {
                name: self.report.file.name.clone(),
                size: self.cache.len().into(),
                ..File::default()
            },
            ..Report::default()
        };
        self.known.compose(&mut report);
        if let Some(stopped) = &self.stopped {
            self.known.fill_unread(&mut report);
            report
                .notes
                .push(Note::new("stopped-early", stopped.clone()));
        }
        let stats = self.cache.stats();
        report.stats = Stats {
            rounds: stats.rounds,
            reads: stats.reads,
            bytes_read: stats.bytes_read.into(),
            elapsed_ms,
            memory_kib,
        };
        self.report = report;
    }
}
