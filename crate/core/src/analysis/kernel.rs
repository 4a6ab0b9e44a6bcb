//! The report on a kernel dump, from what the steps learned of it.

use super::dump::{Dump, Space};
use super::known::Known;
use super::machine::Secondary;
use super::{
    blackbox, bugcheck, coverage, crash, figures, filing, hardware, identity, kept, modules, names,
    paged, processes, system,
};
use crate::container::DumpHeader;
use crate::diagnose::findings::NO_CULPRIT;
use crate::diagnose::{Facts, Verdict, blame, conclusion, failure, findings, parameters, story};
use crate::knowledge::secondary::block;
use crate::memory::AddressSpace;
use crate::model::{
    Exception, Failure, Finding, Hex, Note, ProcessorId, Report, SecondaryBlob, Story,
};
use crate::nt::{ModuleList, PagedDump, memory_manager};
use crate::platform::{BalloonInputs, IntegrationInputs, balloon, diagnose};
use crate::source::Source;
use alloc::{string::String, string::ToString, vec::Vec};

/// Fills the report on a kernel dump.
pub(super) fn compose(header: &DumpHeader, known: &Known, report: &mut Report) {
    let none = ModuleList::default();
    let dump = known.dump();
    let modules = dump.as_ref().map_or(&none, |dump| dump.modules);
    system::compose(header, report);
    report.header = Some(header.fields());
    report.bugcheck = bugcheck::explain(header, modules);
    report.modules.clone_from(&known.modules);
    report.stack.clone_from(&known.stack);
    report.stacks.clone_from(&known.stacks);
    if let Some(dump) = &dump {
        compose_dump(dump, report);
        if let Some(secondary) = &known.secondary {
            compose_machine(dump, known, secondary, report);
        }
    }
    if let Some(registry) = &known.registry {
        registry.compose(report);
    }
    bugcheck::fit_to_machine(report);
    figures::compose(header, known, report);
    if let Some(dump) = &known.minidump {
        report.file.truncated |= dump.pieces.size_of_dump > dump.header.file_len;
    }
    report.file.truncated |= known.pages_cut;
    if let (Some(dump), Some(lists)) = (&dump, known.lists()) {
        processes::compose(dump, lists, report);
    }
    if let Some(dump) = &known.paged {
        paged::compose(dump, report);
        if let Some(memory) = &mut report.memory {
            memory_manager::checks::run(memory);
        }
        compose_balloon(dump, known, report);
    }
    if let (Some(covered), Some(memory)) = (&known.covered, &mut report.memory) {
        coverage::compose(covered, memory);
    }
    known.labels.compose(report);
    if let Some(judgement) = &known.judgement {
        judgement.compose(report);
    }
    if let Some(dump) = &dump {
        known.files.compose(dump, &known.identities, report);
    }
    report.wanted_symbols = names::wanted(report, &known.files);
}

fn compose_dump(dump: &Dump<'_>, report: &mut Report) {
    report.unloaded_modules = dump
        .unloaded
        .iter()
        .map(modules::describe_unloaded)
        .collect();
    report.exception = dump
        .exception
        .map(|found| crash::describe(found, dump.modules));
    if let Some(system) = &mut report.system {
        system.kernel_base = dump.kernel_base().map(|base| Hex(base.0));
        system.build_lab = dump.build_lab.map(Into::into);
        let kernel = dump.kernel_base();
        let kernel = report
            .modules
            .iter()
            .find(|m| Some(m.base.0) == kernel.map(|base| base.0));
        system.kernel_version = kernel.and_then(|kernel| kernel.version.clone());
    }
    let notes = dump.notes.iter().map(|&note| note.clone());
    report.notes.extend(notes);
}

/// What the hypervisor had taken back, now that the counters are there.
fn compose_balloon(dump: &PagedDump, known: &Known, report: &mut Report) {
    let (Some(secondary), Some(memory)) = (&known.secondary, &mut report.memory) else {
        return;
    };
    let inputs = BalloonInputs {
        memory,
        registry: &secondary.registry,
        modules: Dump::paged(dump).all_modules(),
    };
    memory.balloon = balloon(&secondary.platform, &inputs);
}

fn compose_machine(dump: &Dump<'_>, known: &Known, secondary: &Secondary, report: &mut Report) {
    let versions = identity::versions(dump.modules, &known.identities);
    let stamped = dump
        .all_modules()
        .map(|modules| identity::components(modules, &known.identities));
    report.platform = Some(secondary.platform.platform.clone());
    if let Some(system) = &mut report.system {
        let processor = &secondary.platform.processor;
        system.processor_name.clone_from(&processor.brand);
        system.processor_id = processor.vendor.is_some().then(|| ProcessorId {
            vendor: processor.vendor.clone(),
            family: processor.family,
            model: processor.model,
            stepping: processor.stepping,
            microcode: processor.microcode,
        });
    }
    report.integration_services = Some(diagnose(
        &secondary.platform,
        &IntegrationInputs {
            modules: stamped.as_ref(),
            build: dump.header.minor_version,
            product_type: dump.header.product_type,
            crash_time: dump.header.system_time,
            versions: &versions,
            registry: &secondary.registry,
            services: known
                .registry
                .as_ref()
                .and_then(|found| found.services.as_deref()),
            small_dump: dump.is_small,
        },
    ));
    let blobs = dump.secondary.iter().flat_map(|data| &data.blobs);
    report.secondary_data = blobs
        .map(|blob| SecondaryBlob {
            guid: blob.guid.to_string(),
            label: block(&blob.guid.0).map(|block| block.holds),
            offset: Hex(blob.offset),
            size: blob.size,
            details: blackbox::details(blob.guid, secondary),
        })
        .collect();
}

/// Blame, findings and the sentence of the top card.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    summary: String,
    verdict: Verdict,
    findings: Vec<Finding>,
    story: Option<Story>,
    failure: Option<Failure>,
    /// What each parameter of the stop code says in this dump.
    decoded: [Option<String>; 4],
    /// Whether all that it rests on was read. If not, that nobody was found proves nothing.
    pub(super) whole: bool,
}

impl Judgement {
    fn compose(&self, report: &mut Report) {
        report.summary.clone_from(&self.summary);
        let findings = self.findings.iter();
        let stands = |found: &&Finding| self.whole || found.id != NO_CULPRIT;
        report.findings = findings.filter(stands).cloned().collect();
        report.story.clone_from(&self.story);
        let parameters = report.bugcheck.iter_mut().flat_map(|b| &mut b.parameters);
        for (parameter, decoded) in parameters.zip(&self.decoded) {
            parameter.decoded.clone_from(decoded);
        }
        match &self.verdict {
            Verdict::Named(blame) => report.blame = Some(blame.clone()),
            Verdict::NoGround(why) => {
                let cut = "Not all that could name a driver was read.";
                let why = if self.whole { why } else { cut };
                report.notes.push(Note::new("no-blame", why));
            }
        }
        if let Some(failure) = &self.failure {
            filing::compose(failure.clone(), report);
        }
    }
}

/// Judges what the earlier steps learned. Rules may follow a pointer into the memory that the
/// dump holds, so this is a step of its own.
pub(super) fn judge(source: &dyn Source, header: &DumpHeader, known: &Known) -> Judgement {
    let mut report = Report::default();
    known.compose(&mut report);
    let none = ModuleList::default();
    let dump = known.dump();
    let dump = dump.as_ref();
    let modules = dump.map_or(&none, |dump| dump.modules);
    let space = Space::of(known, source);
    let space = modules.over(&space, &known.files);
    let namer = names::Namer::new(&space, modules, &known.files);
    let passed_over: Option<Exception> = dump
        .and_then(|dump| dump.exception?.passed_over.as_ref())
        .map(|record| crash::record(record, modules));
    let (system, stack) = (report.system.as_ref(), report.stack.as_ref());
    let code = header.bugcheck_code.unwrap_or_default();
    let values = header.parameters.map(Option::unwrap_or_default);
    let hardware = hardware::read(&space, known, header);
    let broken = dump.and_then(|dump| kept::broken_driver(&space, dump, known));
    let ended = dump.and_then(|dump| kept::ended(&space, dump, known, header));
    let mut facts = Facts {
        truncated: report.file.truncated,
        build: header.minor_version,
        architecture: system::architecture(header),
        crash_time: system.and_then(|system| system.crash_time.as_deref()),
        uptime_seconds: system.and_then(|system| system.uptime_seconds),
        unloaded: dump.map_or(&[], |dump| dump.unloaded),
        exception: report.exception.as_ref(),
        passed_over: passed_over.as_ref(),
        instruction_pointer: dump.and_then(|dump| Some(dump.context?.instruction_pointer)),
        stack,
        machine: dump.and_then(Dump::machine),
        processor: dump.and_then(|dump| dump.processor?.address),
        interrupt_level: dump.and_then(|dump| dump.processor?.interrupt_level),
        stacks: &report.stacks,
        processors: system.and_then(|system| system.processors),
        process_name: stack.and_then(|stack| stack.process_name.as_deref()),
        broken_driver: broken.as_deref(),
        ended: ended.as_ref(),
        platform: report.platform.as_ref(),
        integration: report.integration_services.as_ref(),
        memory: report.memory.as_ref(),
        hardware: hardware.as_ref(),
        processor_vendor: system.and_then(|s| s.processor_id.as_ref()?.vendor.as_deref()),
        verifier_level: dump.and_then(|dump| kept::verifier_level(&space, dump)),
        verified: kept::verified(&report),
        space: Some(&space as &dyn AddressSpace),
        names: Some(&namer),
        ..Facts::new(header.kind(), code, values, modules)
    };
    let verdict = blame(&facts);
    facts.verdict = Some(&verdict);
    let (summary, findings) = (conclusion(&facts), findings(&facts));
    Judgement {
        summary,
        story: story::story(&facts),
        failure: header.bugcheck_code.map(|_| failure(&facts)),
        decoded: parameters::decoded(&facts),
        findings,
        verdict,
        whole: true,
    }
}
