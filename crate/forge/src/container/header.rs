//! The header page of a dump in both widths, filled from the machine.

use crate::bytes::Bytes;
use crate::layout::{header32, header64};
use crate::machine::Machine;
use crate::scenario::Architecture;

/// What differs from dump to dump of the same machine.
#[derive(Clone, Debug, Default)]
pub struct HeaderFacts {
    /// DumpType.
    pub dump_type: u32,
    /// Physical address of the top page table.
    pub directory: u64,
    /// Runs of physical pages: first frame and count; empty leaves the fill.
    pub runs: Vec<(u64, u64)>,
    /// Bytes the dump needs.
    pub required_space: u64,
    /// MiniDumpFields, for small dumps.
    pub mini_fields: Option<u32>,
    /// Attribute bits; the fill stays when absent.
    pub attributes: Option<u32>,
}

/// Machine types of PE and dump headers.
pub fn machine_type(arch: Architecture) -> u32 {
    match arch {
        Architecture::X64 => 0x8664,
        Architecture::Arm64 => 0xaa64,
        Architecture::X86 => 0x14c,
    }
}

/// Builds the header of a machine's dump.
pub fn build(machine: &Machine<'_>, facts: &HeaderFacts) -> Bytes {
    if machine.arch() == Architecture::X86 {
        build32(machine, facts)
    } else {
        build64(machine, facts)
    }
}

fn variable(machine: &Machine<'_>, name: &str) -> u64 {
    machine.variable(name).unwrap_or(0)
}

/// Before Windows 11 the header names the variable that holds the database's address, afterwards the database.
fn pfn_database(machine: &Machine<'_>) -> u64 {
    if machine.scenario.machine.build >= 26100 {
        machine.regions.frames
    } else {
        variable(machine, "MmPfnDatabase")
    }
}

/// The physical memory descriptor; the fill stays when no runs are given.
fn runs64(facts: &HeaderFacts, b: &mut Bytes) {
    use header64 as h;
    if facts.runs.is_empty() {
        return;
    }
    b.u32(h::PHYSICAL_MEMORY_BLOCK, facts.runs.len() as u32);
    b.u32(h::PHYSICAL_MEMORY_BLOCK + 4, 0);
    b.u64(
        h::PHYSICAL_MEMORY_BLOCK + 8,
        facts.runs.iter().map(|r| r.1).sum(),
    );
    for (i, (first, count)) in facts.runs.iter().take(h::RUNS_MAX).enumerate() {
        b.u64(h::RUNS + 16 * i, *first);
        b.u64(h::RUNS + 16 * i + 8, *count);
    }
}

fn build64(machine: &Machine<'_>, facts: &HeaderFacts) -> Bytes {
    use header64 as h;
    let scenario = machine.scenario;
    let mut b = Bytes::filled(h::SIZE, h::SIGNATURE);
    b.put(4, &h::VALID);
    b.u32(h::MAJOR_VERSION, 0xf);
    b.u32(h::MINOR_VERSION, scenario.stated_build());
    b.u64(h::DIRECTORY_TABLE_BASE, facts.directory);
    b.u64(h::PFN_DATABASE, pfn_database(machine));
    b.u64(
        h::LOADED_MODULE_LIST,
        variable(machine, "PsLoadedModuleList"),
    );
    b.u64(
        h::ACTIVE_PROCESS_HEAD,
        variable(machine, "PsActiveProcessHead"),
    );
    b.u32(h::MACHINE_IMAGE_TYPE, machine_type(machine.arch()));
    b.u32(h::NUMBER_PROCESSORS, scenario.machine.processors);
    b.u32(h::BUG_CHECK_CODE, scenario.stop.code.0 as u32);
    for (i, value) in machine.stop_parameters().iter().enumerate() {
        b.u64(h::BUG_CHECK_PARAMETERS + 8 * i, *value);
    }
    b.u64(
        h::DEBUGGER_DATA_BLOCK,
        variable(machine, "KdDebuggerDataBlock"),
    );
    runs64(facts, &mut b);
    b.put(h::CONTEXT, &vec![0; h::CONTEXT_SIZE]);
    b.put(h::CONTEXT, &machine.current.context);
    exception64(machine, &mut b);
    b.u32(h::DUMP_TYPE, facts.dump_type);
    b.u64(h::REQUIRED_SPACE, facts.required_space);
    b.u64(h::SYSTEM_TIME, stop_time(machine));
    if let Some(comment) = &scenario.dump.comment {
        b.put(h::COMMENT, &[0; 0x80]);
        b.put(h::COMMENT, &comment.as_bytes()[..comment.len().min(0x7f)]);
    }
    b.u64(h::SYSTEM_UP_TIME, scenario.system.uptime.0 * 10_000_000);
    if let Some(fields) = facts.mini_fields {
        b.u32(h::MINI_DUMP_FIELDS, fields);
    }
    b.u32(h::PRODUCT_TYPE, scenario.system.product_type);
    b.u32(h::SUITE_MASK, scenario.system.suite_mask);
    b.u32(h::WRITER_STATUS, 0);
    b.u8(h::KD_SECONDARY_VERSION, 0);
    if let Some(attributes) = facts.attributes {
        b.u32(h::ATTRIBUTES, attributes);
    }
    b
}

fn exception64(machine: &Machine<'_>, b: &mut Bytes) {
    use header64::{EXCEPTION, exception as e};
    b.put(EXCEPTION, &[0; 0x20]);
    let Some(wanted) = &machine.scenario.stop.exception else {
        // Without an exception of its own the dump describes the breakpoint of the bug-check routine.
        b.u32(EXCEPTION + e::CODE, 0x8000_0003);
        b.u32(EXCEPTION + e::FLAGS, 1);
        b.u64(EXCEPTION + e::ADDRESS, machine.current.instruction);
        b.u32(EXCEPTION + e::COUNT, 0);
        return;
    };
    b.u32(EXCEPTION + e::CODE, wanted.code.0 as u32);
    b.u32(EXCEPTION + e::FLAGS, wanted.flags.0 as u32);
    b.u64(EXCEPTION + e::RECORD, 0);
    b.u64(EXCEPTION + e::ADDRESS, wanted.address.0);
    b.u32(EXCEPTION + e::COUNT, wanted.parameters.len() as u32);
    for (i, value) in wanted.parameters.iter().enumerate().take(15) {
        b.u64(EXCEPTION + e::INFORMATION + 8 * i, value.0);
    }
}

fn stop_time(machine: &Machine<'_>) -> u64 {
    let scenario = machine.scenario;
    scenario
        .faults
        .system_time
        .unwrap_or(scenario.system.crash_time)
        .filetime()
}

/// The physical memory descriptor; the fill stays when no runs are given.
fn runs32(facts: &HeaderFacts, b: &mut Bytes) {
    use header32 as h;
    if facts.runs.is_empty() {
        return;
    }
    b.u32(h::PHYSICAL_MEMORY_BLOCK, facts.runs.len() as u32);
    b.u32(
        h::PHYSICAL_MEMORY_BLOCK + 4,
        facts.runs.iter().map(|r| r.1).sum::<u64>() as u32,
    );
    for (i, (first, count)) in facts.runs.iter().take(h::RUNS_MAX).enumerate() {
        b.u32(h::RUNS + 8 * i, *first as u32);
        b.u32(h::RUNS + 8 * i + 4, *count as u32);
    }
}

fn build32(machine: &Machine<'_>, facts: &HeaderFacts) -> Bytes {
    use header32 as h;
    let scenario = machine.scenario;
    let mut b = Bytes::filled(h::SIZE, header64::SIGNATURE);
    b.put(4, &h::VALID);
    b.u32(h::MAJOR_VERSION, 0xf);
    b.u32(h::MINOR_VERSION, scenario.stated_build());
    b.u32(h::DIRECTORY_TABLE_BASE, facts.directory as u32);
    b.u32(h::PFN_DATABASE, variable(machine, "MmPfnDatabase") as u32);
    b.u32(
        h::LOADED_MODULE_LIST,
        variable(machine, "PsLoadedModuleList") as u32,
    );
    b.u32(
        h::ACTIVE_PROCESS_HEAD,
        variable(machine, "PsActiveProcessHead") as u32,
    );
    b.u32(h::MACHINE_IMAGE_TYPE, machine_type(machine.arch()));
    b.u32(h::NUMBER_PROCESSORS, scenario.machine.processors);
    b.u32(h::BUG_CHECK_CODE, scenario.stop.code.0 as u32);
    for (i, value) in machine.stop_parameters().iter().enumerate() {
        b.u32(h::BUG_CHECK_PARAMETERS + 4 * i, *value as u32);
    }
    b.u8(h::PAE_ENABLED, u8::from(scenario.machine.pae));
    b.u8(h::KD_SECONDARY_VERSION, 0);
    b.u32(
        h::DEBUGGER_DATA_BLOCK,
        variable(machine, "KdDebuggerDataBlock") as u32,
    );
    runs32(facts, &mut b);
    b.put(h::CONTEXT, &vec![0; h::CONTEXT_SIZE]);
    b.put(h::CONTEXT, &machine.current.context);
    exception32(machine, &mut b);
    if let Some(comment) = &scenario.dump.comment {
        b.put(h::COMMENT, &[0; 0x80]);
        b.put(h::COMMENT, &comment.as_bytes()[..comment.len().min(0x7f)]);
    }
    if let Some(attributes) = facts.attributes {
        b.u32(h::ATTRIBUTES, attributes);
    }
    b.u32(h::DUMP_TYPE, facts.dump_type);
    if let Some(fields) = facts.mini_fields {
        b.u32(h::MINI_DUMP_FIELDS, fields);
    }
    b.u32(h::PRODUCT_TYPE, scenario.system.product_type);
    b.u32(h::SUITE_MASK, scenario.system.suite_mask);
    b.u32(h::WRITER_STATUS, 0);
    b.u64(h::REQUIRED_SPACE, facts.required_space);
    b.u64(h::SYSTEM_UP_TIME, scenario.system.uptime.0 * 10_000_000);
    b.u64(h::SYSTEM_TIME, stop_time(machine));
    b
}

fn exception32(machine: &Machine<'_>, b: &mut Bytes) {
    use header32::{EXCEPTION, exception as e};
    b.put(EXCEPTION, &[0; 0x50]);
    let wanted = machine.scenario.stop.exception.clone();
    let (code, flags, address, parameters) = match wanted {
        Some(w) => (w.code.0, w.flags.0, w.address.0, w.parameters),
        None => (0x8000_0003, 1, machine.current.instruction, Vec::new()),
    };
    b.u32(EXCEPTION + e::CODE, code as u32);
    b.u32(EXCEPTION + e::FLAGS, flags as u32);
    b.u32(EXCEPTION + e::ADDRESS, address as u32);
    b.u32(EXCEPTION + e::COUNT, parameters.len() as u32);
    for (i, value) in parameters.iter().enumerate().take(15) {
        b.u32(EXCEPTION + e::INFORMATION + 4 * i, value.0 as u32);
    }
}
