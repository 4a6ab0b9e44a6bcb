//! The short report on a user minidump.

use crate::container::user_minidump::{
    UserException, UserMinidump, UserModule, UserSystem, Writer,
};
use crate::knowledge::ntstatus;
use crate::memory::VirtualAddress;
use crate::model::{
    Confidence, Exception, Frame, Hex, How, Module, Note, Pdb, Report, Stack, System,
    UnloadedModule,
};
use crate::time;
use alloc::{format, string::String, vec, vec::Vec};

/// Fills the report with what a user minidump says.
pub(super) fn compose(dump: &UserMinidump, report: &mut Report) {
    report.system = Some(system(dump));
    report.modules = dump.modules.iter().map(module).collect();
    report.unloaded_modules = dump
        .unloaded
        .iter()
        .map(|gone| UnloadedModule {
            name: gone.name.clone(),
            base: Hex(gone.base),
            end: Hex(gone.end),
            time: None,
        })
        .collect();
    if let Some(exception) = &dump.exception {
        report.exception = Some(describe(dump, exception));
        report.stack = Some(stack(dump, exception));
    }
    report.summary = summary(dump);
    report.notes.extend(notes(dump));
}

fn system(dump: &UserMinidump) -> System {
    let Some(system) = &dump.system else {
        return System::default();
    };
    let (major, minor, build) = system.version;
    let os = system.platform_name().map(|name| match name {
        "Windows" => crate::knowledge::windows::name(build, Some(system.product_type.into()))
            .unwrap_or_else(|| format!("Windows {major}.{minor}")),
        other if system.service_pack.is_empty() => format!("{other} {major}.{minor}"),
        other => format!("{other} ({})", system.service_pack),
    });
    System {
        os,
        build: (build != 0 && is_windows(dump)).then_some(build),
        architecture: system.architecture_name(),
        processors: (system.processors != 0).then_some(system.processors.into()),
        crash_time: Some(dump.written)
            .filter(|&written| written != 0)
            .and_then(|written| time::iso8601_from_unix(written.into())),
        uptime_seconds: None,
        ..System::default()
    }
}

fn module(module: &UserModule) -> Module {
    let pdb = module.pdb.as_ref().map(|(path, guid, age)| {
        let name = path.rsplit(['\\', '/']).next().unwrap_or_default();
        Pdb::new(name, *guid, *age)
    });
    Module {
        name: module.name().into(),
        path: Some(module.path.clone()).filter(|path| path != module.name()),
        base: Hex(module.base),
        size: module.size,
        timestamp: (module.timestamp != 0).then_some(module.timestamp),
        checksum: (module.checksum != 0).then_some(module.checksum),
        version: module
            .version
            .map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}")),
        pdb,
        ..Module::default()
    }
}

/// The module that holds `address`, and how far in.
fn locate(dump: &UserMinidump, address: u64) -> Option<(&UserModule, u64)> {
    dump.modules.iter().find_map(|module| {
        let offset = address.checked_sub(module.base)?;
        (offset < u64::from(module.size)).then_some((module, offset))
    })
}

fn describe(dump: &UserMinidump, exception: &UserException) -> Exception {
    Exception {
        code: exception.code,
        name: name(dump, exception.code),
        address: Hex(exception.address),
        location: locate(dump, exception.address)
            .map(|(module, offset)| format!("{}+{offset:#x}", module.name())),
        information: exception.information.iter().copied().map(Hex).collect(),
        access: access(exception).filter(|_| is_windows(dump)),
        source: "exception stream".into(),
    }
}

/// Other systems write signals and codes of their own where Windows has a status.
fn is_windows(dump: &UserMinidump) -> bool {
    let other = |system: &UserSystem| system.platform_name().is_some_and(|name| name != "Windows");
    !dump.system.as_ref().is_some_and(other)
}

fn name(dump: &UserMinidump, code: u32) -> Option<&'static str> {
    ntstatus::name(code).filter(|_| is_windows(dump))
}

/// What an access violation or in-page error tried (EXCEPTION_RECORD documentation: parameter 0 is
/// 0 for a read, 1 for a write, 8 for execution; parameter 1 is the address).
fn access(exception: &UserException) -> Option<String> {
    if !matches!(exception.code, 0xC000_0005 | 0xC000_0006) {
        return None;
    }
    let verb = match exception.information.first()? {
        0 => "read of",
        1 => "write to",
        8 => "execution at",
        _ => return None,
    };
    Some(format!(
        "{verb} address {}",
        VirtualAddress(*exception.information.get(1)?)
    ))
}

fn stack(dump: &UserMinidump, exception: &UserException) -> Stack {
    let found = locate(dump, exception.address);
    let frame = Frame {
        address: Hex(exception.address),
        stack_pointer: None,
        child: None,
        return_address: None,
        arguments: Vec::new(),
        module: found.map(|(module, _)| module.name().into()),
        symbol: None,
        offset: found.map(|(_, offset)| Hex(offset)),
        how: How::Exception,
        confidence: Confidence::Certain,
        gap: None,
    };
    Stack {
        frames: vec![frame],
        limits: "Only the place of the exception is shown: a debugger for programs (WinDbg, \
                 Visual Studio) walks the stacks of a user minidump."
            .into(),
        ..Stack::default()
    }
}

fn summary(dump: &UserMinidump) -> String {
    let program = dump.modules.first().map_or("a process", UserModule::name);
    let Some(exception) = &dump.exception else {
        return format!(
            "This is a minidump of one program, {program}, written without an exception: a \
             snapshot or a hang report, not a crash of Windows."
        );
    };
    let what = name(dump, exception.code).map_or_else(
        || format!("exception {:#010x}", exception.code),
        String::from,
    );
    let place = locate(dump, exception.address).map_or_else(
        || "outside every module".into(),
        |(module, _)| format!("in {}", module.name()),
    );
    format!(
        "This is a minidump of one program, not of Windows: {program} stopped with {what} {place}."
    )
}

fn notes(dump: &UserMinidump) -> Vec<Note> {
    let mut notes = vec![Note::new(
        "user-minidump",
        "bluepane is made for dumps of the whole system, so this report is short. The stop code, \
         the drivers and the memory of the machine are not in a file of this kind.",
    )];
    let writer = match dump.writer {
        Writer::Windows => None,
        Writer::Crashpad => Some("It was written by Crashpad, as Chromium and others use it."),
        Writer::BreakpadLinux => Some("It was written by Breakpad on Linux."),
    };
    notes.extend(writer.map(|text| Note::new("user-minidump-writer", text)));
    if dump.broken_streams > 0 {
        let count = dump.broken_streams;
        notes.push(Note::new(
            "damaged-streams",
            format!("{count} of its streams lie outside the file or cannot be read."),
        ));
    }
    notes
}
