//! A walk over every string of a report that may come from a dump.
//!
//! Each structure is taken apart without a rest pattern: a field that is added to the model and
//! not here does not compile, so nothing can be forgotten by redaction.

use crate::model::{
    Alternative, Balloon, BalloonState, Blame, BugCheck, Check, Component, ComponentStatus,
    Confidence, Counter, Coverage, Detail, Evidence, Exception, Failure, File, Finding, Frame, Gap,
    HeaderField, Hex, HostGeneration, How, Hypervisor, HypervisorRole, HypervisorVendor,
    IntegrationService, IntegrationServices, Kind, Memory, MemoryDevice, Module, Note, PageFile,
    Parameter, Pdb, PhysicalRun, Platform, PoolTag, Process, Processor, ProcessorId, RawHeader,
    Register, Registry, RegistryHive, RegistryValue, Report, Role, SecondaryBlob, Severity, Stack,
    Stats, Story, StoryLink, Stretch, SymbolFile, System, UnloadedModule, Verdict, WantedSymbol,
};
use alloc::{borrow::Cow, collections::BTreeMap, string::String, vec::Vec};

/// What a string is, for redaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Words, names and paths: anything may stand there.
    Free,
    /// A version or the identity of a file: looks like an address or a UUID and is none.
    Identity,
    /// Names a machine or a person as a whole; the placeholder's text.
    Secret(&'static str),
}

/// Called with each string.
pub(super) type See<'a> = &'a mut dyn FnMut(What, &mut String);

/// Something that holds strings.
pub(super) trait Visit {
    /// Shows every string in it.
    fn visit(&mut self, what: What, see: See<'_>);
}

impl Visit for String {
    fn visit(&mut self, what: What, see: See<'_>) {
        see(what, self);
    }
}

impl Visit for Cow<'static, str> {
    fn visit(&mut self, what: What, see: See<'_>) {
        // A borrowed text is one of our own.
        if let Self::Owned(text) = self {
            see(what, text);
        }
    }
}

impl<T: Visit> Visit for Option<T> {
    fn visit(&mut self, what: What, see: See<'_>) {
        if let Some(value) = self {
            value.visit(what, see);
        }
    }
}

impl<T: Visit> Visit for Vec<T> {
    fn visit(&mut self, what: What, see: See<'_>) {
        for value in self {
            value.visit(what, see);
        }
    }
}

impl<T: Visit> Visit for BTreeMap<&'static str, T> {
    fn visit(&mut self, what: What, see: See<'_>) {
        for value in self.values_mut() {
            value.visit(what, see);
        }
    }
}

/// Types that cannot hold a string of a dump.
macro_rules! no_strings {
    ($($name:ty),* $(,)?) => {$(
        impl Visit for $name {
            fn visit(&mut self, _: What, _: See<'_>) {}
        }
    )*};
}
no_strings!(
    bool,
    u8,
    i32,
    u32,
    u64,
    f64,
    &'static str,
    Hex,
    Confidence,
    Severity,
    Gap,
    How,
    Kind,
    Stats,
    HypervisorRole,
    HypervisorVendor,
    HostGeneration,
    ComponentStatus,
    Verdict,
    BalloonState,
    Role,
    PhysicalRun,
    Coverage,
);

/// Structures with all their fields; a field in brackets is no free text.
macro_rules! structures {
    ($($name:ident { $($field:ident $([$what:expr])?),* $(,)? })*) => {$(
        impl Visit for $name {
            fn visit(&mut self, _: What, see: See<'_>) {
                let Self { $($field),* } = self;
                $($field.visit(structures!(@what $($what)?), see);)*
            }
        }
    )*};
    (@what) => { What::Free };
    (@what $what:expr) => { $what };
}

structures! {
    Report {
        schema, file, summary, error, bugcheck, system, platform, modules, unloaded_modules,
        exception, stack, stacks, processors, blame, failure, memory, integration_services, story, registry,
        symbol_files, wanted_symbols, findings, header, secondary_data,
        notes, stats,
    }
    File { name, size, kind, kind_label, truncated, encrypted, holds, opening }
    BugCheck {
        code, name, description, causes, parameters, subtype, next, commands, virtual_machine, source,
    }
    Parameter { value, meaning, decoded }
    System {
        os, build, build_lab[What::Identity], architecture, product, suite, processors, crash_time,
        uptime_seconds, kernel_base, processor_name, processor_id, computer_name[What::Secret("computer name")],
        kernel_version[What::Identity], time_zone_bias_minutes, time_zone,
    }
    Processor {
        number, stopped, thread, thread_id, process, pid, process_name, idle, dpc_active, irql,
    }
    ProcessorId { vendor, family, model, stepping, microcode }
    Registry { hives, values }
    RegistryHive { path, gap }
    Module {
        name, path, base, size, timestamp, timestamp_is_hash, checksum, version[What::Identity],
        pdb, image_path[What::Identity], vendor, purpose, microsoft,
    }
    Pdb { name, guid[What::Identity], age, url[What::Identity] }
    UnloadedModule { name, base, end, time }
    Exception { code, name, address, location, information, access, source }
    Stack {
        processor, thread, process, process_name, frames, stretches, registers, limits, about, idle,
        bug_check,
    }
    Stretch { first, frames, kind, title, text, third_party }
    Register { name, value }
    Frame {
        address, stack_pointer, child, return_address, arguments, module, symbol, offset, how, confidence,
        gap,
    }
    Blame {
        module, symbol, bucket_id, failure_hash[What::Identity], confidence, evidence,
    }
    Failure {
        bugcheck_str, default_bucket_id, irql, trap_frame, exception_record, context, accessed,
        access, address, frame, symbol_name, module_name, image_name,
        image_version[What::Identity], image_timestamp, function_offset, bucket_id,
        hash[What::Identity], confidence,
    }
    Evidence { text, place }
    Finding { id, severity, confidence, title, explanation, evidence, advice }
    SymbolFile { name, kind, identity[What::Identity], module, used, why[What::Identity] }
    WantedSymbol { module, kind, path[What::Identity], why }
    Note { code, text }
    Memory {
        installed_bytes, devices, counters, page_files, processes, pool_tags, physical_runs, coverage,
        balloon, checks, limits,
    }
    Balloon {
        driver, loaded, state, confidence, explanation, host_setting, locked_pages, usable_pages,
        hot_added_pages, not_accounted_pages, evidence,
    }
    Story { summary, links, root_cause, confidence, advice, alternatives }
    StoryLink { text, confidence, evidence }
    Alternative { cause, tells_apart }
    Counter { pages, source, confidence, gap }
    MemoryDevice { locator, bytes, speed, kind, manufacturer, part[What::Identity] }
    PageFile {
        name, kind, size_pages, free_pages, peak_pages, minimum_pages, maximum_pages,
    }
    Process {
        pid, parent_pid, name, session, created, exited, commit_pages, private_pages,
        working_set_pages, threads, address, confidence,
    }
    PoolTag {
        tag, owner, paged_bytes, nonpaged_bytes, paged_allocations, nonpaged_allocations,
    }
    Check { text, holds }
    Platform {
        manufacturer, product, version[What::Identity], family, board_manufacturer, board_product,
        bios_vendor, bios_version[What::Identity], bios_date, smbios_version[What::Identity],
        serial[What::Secret("serial number")], uuid[What::Secret("UUID")],
        asset_tag[What::Secret("asset tag")], vm_generation, hypervisor, host_generation,
        host_evidence, remarks,
    }
    Hypervisor { vendor, role, confidence, evidence }
    IntegrationServices {
        role, components, services, guest_os, host_generation, installed[What::Identity],
        expected[What::Identity], verdict, confidence, explanation, advice,
    }
    Component { driver, purpose, version[What::Identity], built, identity[What::Identity], signature, status }
    IntegrationService { name, purpose, present, start }
    RawHeader { structure, fields }
    HeaderField { offset, name, value, meaning, gap }
    SecondaryBlob { guid[What::Identity], label, offset, size, details }
    Detail { name, value }
}

/// Values that name a machine or a person as a whole, and what stands in their place.
const SECRET_VALUES: [(&str, &str); 7] = [
    ("ComputerName", "computer name"),
    ("HostName", "host name"),
    ("PhysicalHostName", "host name"),
    ("PhysicalHostNameFullyQualified", "host name"),
    ("VirtualMachineName", "virtual machine name"),
    ("VirtualMachineId", "UUID"),
    ("FullyQualifiedDomainName", "computer name"),
];
/// What an administrator tells a guest through the host may be anything.
const SECRET_KEY: &str = "\\External";

impl Visit for RegistryValue {
    fn visit(&mut self, _: What, see: See<'_>) {
        let Self {
            key,
            name,
            kind,
            data,
            gap,
        } = self;
        let secret = SECRET_VALUES
            .iter()
            .find(|(secret, _)| secret.eq_ignore_ascii_case(name));
        let what = match secret {
            Some(&(_, placeholder)) => What::Secret(placeholder),
            None if key.ends_with(SECRET_KEY) => What::Secret("name"),
            None => What::Free,
        };
        key.visit(What::Free, see);
        name.visit(What::Free, see);
        kind.visit(What::Free, see);
        data.visit(what, see);
        gap.visit(What::Free, see);
    }
}
