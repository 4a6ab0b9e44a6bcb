//! The report on a kernel dump, from what the steps learned of it.

use super::crash::{self, Crash};
use super::known::Known;
use super::pieces::{Pieces, Secondary, architecture};
use super::{blackbox, bugcheck, figures, modules, system};
use crate::container::DumpHeader;
use crate::diagnose::{Facts, Verdict, blame, conclusion, findings};
use crate::knowledge::secondary::block;
use crate::memory::{AddressSpace, BlockMap, SparseSpace};
use crate::model::{Exception, Finding, Hex, Note, Report, SecondaryBlob};
use crate::nt::ModuleList;
use crate::source::Source;
use alloc::{string::String, string::ToString, vec::Vec};

/// Fills the report on a kernel dump.
pub(super) fn compose(header: &DumpHeader, known: &Known, report: &mut Report) {
    let none = ModuleList::default();
    let modules = known
        .pieces
        .as_ref()
        .map_or(&none, |pieces| &pieces.modules);
    system::compose(header, report);
    report.header = Some(header.fields());
    report.bugcheck = bugcheck::explain(header, modules);
    if let Some(pieces) = &known.pieces {
        compose_pieces(header, pieces, report);
    }
    if let Some(secondary) = &known.secondary {
        compose_machine(secondary, report);
    }
    figures::compose(header, known, report);
    if let Some(crash) = &known.crash {
        compose_crash(crash, modules, report);
    }
    if let Some(judgement) = &known.judgement {
        judgement.compose(report);
    }
}

fn compose_pieces(header: &DumpHeader, pieces: &Pieces, report: &mut Report) {
    let build = header.minor_version;
    let list = pieces.modules.as_slice();
    report.modules = list
        .iter()
        .map(|module| modules::describe(module, build))
        .collect();
    report.unloaded_modules = pieces
        .unloaded
        .iter()
        .map(modules::describe_unloaded)
        .collect();
    if let Some(system) = &mut report.system {
        let data = pieces.debugger_data.as_ref();
        let kernel = data.and_then(crate::nt::DebuggerData::kernel_base);
        system.kernel_base = pieces
            .modules
            .kernel(kernel)
            .map(|kernel| Hex(kernel.base.0));
    }
    report.file.truncated |= pieces.triage.size_of_dump > header.file_len;
    for note in &pieces.triage.notes {
        report
            .notes
            .push(Note::new("damaged-piece", note.to_string()));
    }
}

fn compose_machine(secondary: &Secondary, report: &mut Report) {
    report.platform = Some(secondary.platform.platform.clone());
    if let Some(system) = &mut report.system {
        system.processor_name = secondary.platform.processor.brand.clone();
    }
    report.secondary_data = secondary
        .data
        .blobs
        .iter()
        .map(|blob| SecondaryBlob {
            guid: blob.guid.to_string(),
            label: block(&blob.guid.0).map(|block| block.holds),
            offset: Hex(blob.offset),
            size: blob.size,
            details: blackbox::details(blob.guid, secondary),
        })
        .collect();
}

fn compose_crash(crash: &Crash, modules: &ModuleList, report: &mut Report) {
    report.exception = crash
        .exception
        .as_ref()
        .map(|found| crash::describe(found, modules));
    report.stack = crash.stack.clone();
}

/// Blame, findings and the sentence of the top card.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    summary: String,
    verdict: Verdict,
    findings: Vec<Finding>,
}

impl Judgement {
    fn compose(&self, report: &mut Report) {
        report.summary = self.summary.clone();
        report.findings = self.findings.clone();
        match &self.verdict {
            Verdict::Named(blame) => report.blame = Some(blame.clone()),
            Verdict::NoGround(why) => report.notes.push(Note::new("no-blame", why.clone())),
        }
    }
}

/// Judges what the earlier steps learned. Rules may follow a pointer into the memory that the
/// dump holds, so this is a step of its own.
pub(super) fn judge(source: &dyn Source, header: &DumpHeader, known: &Known) -> Judgement {
    let mut report = Report::default();
    known.compose(&mut report);
    let none = ModuleList::default();
    let no_memory = BlockMap::default();
    let pieces = known.pieces.as_ref();
    let crash = known.crash.as_ref();
    let modules = pieces.map_or(&none, |pieces| &pieces.modules);
    let space = SparseSpace::new(source, crash.map_or(&no_memory, |crash| &crash.memory));
    let passed_over: Option<Exception> = crash
        .and_then(|crash| crash.exception.as_ref()?.passed_over.as_ref())
        .map(|record| crash::record(record, modules));
    let code = header.bugcheck_code.unwrap_or_default();
    let mut facts = Facts::new(header.kind(), code, crash::parameters(header), modules);
    facts.truncated = report.file.truncated;
    facts.build = header.minor_version;
    facts.architecture = Some(architecture(header));
    facts.crash_time = report
        .system
        .as_ref()
        .and_then(|system| system.crash_time.as_deref());
    facts.uptime_seconds = report
        .system
        .as_ref()
        .and_then(|system| system.uptime_seconds);
    facts.unloaded = pieces.map_or(&[], |pieces| &pieces.unloaded);
    facts.exception = report.exception.as_ref();
    facts.passed_over = passed_over.as_ref();
    facts.instruction_pointer = crash.and_then(|crash| crash.instruction_pointer);
    facts.stack = report.stack.as_ref();
    facts.process_name = report
        .stack
        .as_ref()
        .and_then(|stack| stack.process_name.as_deref());
    facts.broken_driver = pieces.and_then(|pieces| pieces.triage.broken_driver.as_deref());
    facts.platform = report.platform.as_ref();
    facts.integration = report.integration_services.as_ref();
    facts.memory = report.memory.as_ref();
    facts.verifier_level = pieces
        .and_then(|pieces| pieces.triage.memory_figures.as_ref())
        .map(|f| f.verify_level);
    facts.space = Some(&space as &dyn AddressSpace);
    let verdict = blame(&facts);
    facts.verdict = Some(&verdict);
    Judgement {
        summary: conclusion(&facts),
        findings: findings(&facts),
        verdict: verdict.clone(),
    }
}
