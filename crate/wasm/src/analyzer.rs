//! The analyzer as the worker sees it: it asks for ranges of a file, side by side, and answers
//! with the report as a plain object.

use crate::code::Outside;
use crate::convert::{report_to_js, to_js};
use bluepane::analysis::{Analysis, Answer, JUDGE_STEP, Progress, Query};
use bluepane::console::View;
use bluepane::report::{self, RedactionOptions};
use bluepane::source::Range;
use js_sys::{Function, Promise, Uint8Array};
use serde::Serialize;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// The largest file offset that a JavaScript number carries exactly.
const LARGEST_OFFSET: f64 = 9_007_199_254_740_991.0;

/// A report of a large dump costs worker and page a tenth of a second.
const REPORT_EVERY_MS: f64 = 200.0;

/// What `on_progress` is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    step: &'static str,
    done: u32,
    total: u32,
    rounds: u64,
    reads: u64,
    bytes_read: f64,
}

/// KiB in a page of WebAssembly's memory, which never shrinks: its size is its peak.
#[cfg(target_arch = "wasm32")]
const KIB_IN_PAGE: u32 = 64;

/// One analysis of one file.
///
/// All methods take a shared reference, because `run` is asynchronous and the others are called
/// while it waits; no borrow of the analysis outlives a step.
#[wasm_bindgen]
pub struct Analyzer {
    analysis: RefCell<Analysis>,
}

#[wasm_bindgen]
impl Analyzer {
    /// An analysis of a file called `name` of `size` bytes.
    ///
    /// # Errors
    /// When `size` is not a length that a file can have.
    #[wasm_bindgen(constructor)]
    pub fn new(name: &str, size: f64) -> Result<Analyzer, JsError> {
        if !(0.0..=LARGEST_OFFSET).contains(&size) {
            return Err(JsError::new("a file's size is a whole number of bytes"));
        }
        let analysis = Analysis::new(name, size as u64);
        Ok(Analyzer {
            analysis: RefCell::new(analysis),
        })
    }

    /// Puts a file beside the dump, before `run`: an image, or what the module for symbol files made
    /// of a PDB or ISF file. What becomes of it the report says.
    pub fn add_symbols(&self, name: &str, bytes: Vec<u8>) {
        let mut analysis = self.analysis.borrow_mut();
        if analysis.add_symbols(name, bytes).is_err() {
            analysis.add_unusable(name, "it is damaged, or one file too many");
        }
    }

    /// Notes a file that could not be read, before `run`; `why` is the rest of a sentence.
    pub fn add_unusable(&self, name: &str, why: &str) {
        self.analysis.borrow_mut().add_unusable(name, why);
    }

    /// Runs the analysis to its end and gives the report.
    ///
    /// `read(offset, length)` is called for every wanted range, all of a round at once, and
    /// promises a `Uint8Array`; a rejected promise makes that range unreadable, which the report
    /// then says. `on_progress(told)` is called after every round and every step; `told.report` is what
    /// is known so far: when there are conclusions, and else as often as a page can show it.
    ///
    /// # Errors
    /// What `on_progress` throws.
    pub async fn run(&self, read: Function, on_progress: Function) -> Result<JsValue, JsValue> {
        let begun = js_sys::Date::now();
        self.drive(&read, &on_progress, "open", true).await?;
        let mut analysis = self.analysis.borrow_mut();
        analysis.set_elapsed(js_sys::Date::now() - begun);
        #[cfg(target_arch = "wasm32")]
        analysis.set_memory(core::arch::wasm32::memory_size::<0>() as u32 * KIB_IN_PAGE);
        drop(analysis);
        report_to_js(self.analysis.borrow().report())
    }

    /// Ends `run` or `command` soon, with a report or an answer over what has been read.
    pub fn cancel(&self) {
        self.analysis.borrow_mut().cache_mut().cancel();
    }

    /// The report as plain text.
    #[must_use]
    pub fn text(&self, redact: bool) -> String {
        report::text(&self.redacted(redact))
    }

    /// The report as Markdown.
    #[must_use]
    pub fn markdown(&self, redact: bool) -> String {
        report::markdown(&self.redacted(redact))
    }

    /// The report as a page of its own.
    #[must_use]
    pub fn html(&self, redact: bool) -> String {
        report::html(&self.redacted(redact))
    }

    /// Answers one line of the console, reading the dump where the command does. To be called when
    /// `run` has ended, and not while another question is open. `read` and `on_progress` as there,
    /// but no report is told.
    ///
    /// # Errors
    /// What `on_progress` throws.
    pub async fn command(
        &self,
        line: String,
        read: Function,
        on_progress: Function,
    ) -> Result<String, JsValue> {
        self.analysis.borrow_mut().ask(Query::Command(line));
        self.drive(&read, &on_progress, "command", false).await?;
        match self.analysis.borrow_mut().take_answer() {
            Some(Answer::Text(text)) => Ok(text),
            _ => Ok(String::new()),
        }
    }

    /// Memory at `place`, an expression, from the line on in which it stands: a plain object with
    /// the fields of `console::Shown`. To be called as `command`.
    ///
    /// # Errors
    /// What `on_progress` throws.
    pub async fn memory(
        &self,
        place: String,
        physical: bool,
        len: u32,
        read: Function,
        on_progress: Function,
    ) -> Result<JsValue, JsValue> {
        let view = View {
            place,
            physical,
            len,
        };
        self.analysis.borrow_mut().ask(Query::Memory(view));
        self.drive(&read, &on_progress, "memory", false).await?;
        match self.analysis.borrow_mut().take_answer() {
            Some(Answer::Memory(shown)) => to_js(&*shown),
            _ => Ok(JsValue::NULL),
        }
    }

    /// Brings the disassembler: `disassemble(machine, address, bytes)` of the module for code.
    pub fn set_disassembler(&self, disassemble: Function) {
        let disassembler = Box::new(Outside::new(disassemble));
        self.analysis.borrow_mut().set_disassembler(disassembler);
    }

    /// Code around `place`, an expression, or around the instruction that faulted when it is empty: a
    /// plain object with the fields of `console::Listing`. To be called as `command`.
    ///
    /// # Errors
    /// What `on_progress` throws.
    pub async fn code(
        &self,
        place: String,
        read: Function,
        on_progress: Function,
    ) -> Result<JsValue, JsValue> {
        self.analysis.borrow_mut().ask(Query::Code(place));
        self.drive(&read, &on_progress, "code", false).await?;
        match self.analysis.borrow_mut().take_answer() {
            Some(Answer::Code(listing)) => to_js(&*listing),
            _ => Ok(JsValue::NULL),
        }
    }

    /// The report as JSON text.
    ///
    /// # Errors
    /// When the browser has no room for it.
    pub fn json(&self, redact: bool) -> Result<String, JsValue> {
        let value = report_to_js(&self.redacted(redact))?;
        js_sys::JSON::stringify_with_replacer_and_space(&value, &JsValue::NULL, &2.into())
            .map(String::from)
    }
}

impl Analyzer {
    fn redacted(&self, redact: bool) -> bluepane::model::Report {
        let analysis = self.analysis.borrow();
        if redact {
            report::redact(analysis.report(), &RedactionOptions::default())
        } else {
            analysis.report().clone()
        }
    }

    /// Runs steps until nothing is left to do.
    async fn drive(
        &self,
        read: &Function,
        on_progress: &Function,
        name: &'static str,
        with_report: bool,
    ) -> Result<(), JsValue> {
        let mut at = (name, 0, 1);
        // What was learned since the last report, and when that was told.
        let (mut news, mut told) = (false, 0.0);
        loop {
            let progress = self.analysis.borrow_mut().advance();
            let mut judged = false;
            match progress {
                Progress::Wanting => self.fetch(read).await,
                Progress::Step { done, total, name } => {
                    at = (name, done, total);
                    news = with_report;
                    judged = name == JUDGE_STEP;
                }
                Progress::Finished => return Ok(()),
            }
            let now = js_sys::Date::now();
            let report = news && (judged || now - told >= REPORT_EVERY_MS);
            if report {
                (news, told) = (false, now);
            }
            self.tell(on_progress, at, report)?;
        }
    }

    /// Starts all reads of a round, then waits for each.
    async fn fetch(&self, read: &Function) {
        let wanted = self.analysis.borrow_mut().cache_mut().take_wanted();
        let started: Vec<_> = wanted
            .into_iter()
            .map(|range| (range, start(read, range)))
            .collect();
        for (range, promise) in started {
            let answer = match promise {
                Ok(promise) => JsFuture::from(promise).await,
                Err(error) => Err(error),
            };
            let bytes = answer
                .ok()
                .and_then(|value| value.dyn_into::<Uint8Array>().ok());
            let mut analysis = self.analysis.borrow_mut();
            match bytes {
                Some(bytes) => analysis.cache_mut().supply(range, &bytes.to_vec()),
                None => analysis.cache_mut().fail(range),
            }
        }
    }

    fn tell(
        &self,
        on_progress: &Function,
        (step, done, total): (&'static str, u32, u32),
        with_report: bool,
    ) -> Result<(), JsValue> {
        let told = {
            let mut analysis = self.analysis.borrow_mut();
            let stats = analysis.cache_mut().stats();
            let told = to_js(&Told {
                step,
                done,
                total,
                rounds: stats.rounds,
                reads: stats.reads,
                bytes_read: stats.bytes_read as f64,
            })?;
            if with_report {
                let report = report_to_js(analysis.report())?;
                js_sys::Reflect::set(&told, &"report".into(), &report)?;
            }
            told
        };
        on_progress.call1(&JsValue::NULL, &told).map(drop)
    }
}

/// Starts one read.
fn start(read: &Function, range: Range) -> Result<Promise, JsValue> {
    let (offset, len) = (range.offset as f64, range.len as f64);
    read.call2(&JsValue::NULL, &offset.into(), &len.into())
        .map(|value| Promise::resolve(&value))
}
