//! User minidumps of several writers, against the `minidump` crate, which reads them whole.

mod support;

use bluepane::analysis::Analysis;
use bluepane::container::user_minidump;
use bluepane::source::{Slice, SliceProvider};
use minidump::{
    Minidump, MinidumpException, MinidumpModuleList, MinidumpSystemInfo, MinidumpThreadList, Module,
};

const FILES: [&str; 5] = [
    "user-minidump/linux.dmp",
    "user-minidump/simple-crashpad.dmp",
    "user-minidump/x64-calc.dmp",
    "user-minidump/x64-fastfail.dmp",
    "user-minidump/x86-exec-av.dmp",
];

#[test]
fn streams_agree_with_a_reader_that_wants_the_whole_file() {
    for file in FILES {
        let Some(bytes) = support::dump(file) else {
            return;
        };
        let ours = user_minidump::read(&Slice(&bytes)).unwrap();
        let theirs = Minidump::read(bytes.as_slice()).unwrap();

        let modules = theirs.get_stream::<MinidumpModuleList>().unwrap();
        let expected: Vec<_> = modules
            .iter()
            .map(|m| (m.code_file().into_owned(), m.base_address(), m.size()))
            .collect();
        let found: Vec<_> = ours
            .modules
            .iter()
            .map(|m| (m.path.clone(), m.base, u64::from(m.size)))
            .collect();
        assert_eq!(found, expected, "{file}: modules");

        let system = theirs.get_stream::<MinidumpSystemInfo>().unwrap();
        let found = ours.system.as_ref().unwrap();
        assert_eq!(
            found.architecture, system.raw.processor_architecture,
            "{file}"
        );
        assert_eq!(found.version.2, system.raw.build_number, "{file}");
        assert_eq!(found.processors, system.raw.number_of_processors, "{file}");

        let threads = theirs.get_stream::<MinidumpThreadList<'_>>().unwrap();
        assert_eq!(
            ours.threads,
            Some(threads.threads.len() as u32),
            "{file}: threads"
        );

        let exception = theirs.get_stream::<MinidumpException<'_>>().ok();
        let expected = exception.map(|e| {
            let raw = &e.raw;
            let record = &raw.exception_record;
            (
                raw.thread_id,
                record.exception_code,
                record.exception_address,
            )
        });
        let found = ours
            .exception
            .as_ref()
            .map(|e| (e.thread_id, e.code, e.address));
        assert_eq!(found, expected, "{file}: exception");
        assert_eq!(ours.broken_streams, 0, "{file}");
    }
}

#[test]
fn identities_of_symbol_files_agree_too() {
    for file in FILES {
        let Some(bytes) = support::dump(file) else {
            return;
        };
        let ours = user_minidump::read(&Slice(&bytes)).unwrap();
        let theirs = Minidump::read(bytes.as_slice()).unwrap();
        let modules = theirs.get_stream::<MinidumpModuleList>().unwrap();
        for (found, expected) in ours.modules.iter().zip(modules.iter()) {
            let Some((name, guid, age)) = &found.pdb else {
                continue;
            };
            assert_eq!(
                Some(name.as_str()),
                expected.debug_file().as_deref(),
                "{file}"
            );
            // Their identifiers are the GUID's digits and the age, as Breakpad writes them.
            let breakpad = format!("{}{age:x}", guid.symbol_store());
            let theirs = expected
                .debug_identifier()
                .map(|id| id.breakpad().to_string());
            assert_eq!(Some(breakpad), theirs, "{file}: {name}");
        }
    }
}

#[test]
fn a_code_is_named_as_a_status_of_windows_where_windows_wrote_it_alone() {
    for (file, name, build) in [
        ("user-minidump/linux.dmp", None, None),
        ("user-minidump/simple-crashpad.dmp", None, None),
        (
            "user-minidump/x64-calc.dmp",
            Some("STATUS_BREAKPOINT"),
            Some(7601),
        ),
    ] {
        let Some(bytes) = support::dump(file) else {
            return;
        };
        let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
        analysis.run(&mut SliceProvider(&bytes));
        let report = analysis.report();
        let exception = report.exception.as_ref().unwrap();
        assert_eq!(exception.name, name, "{file}");
        assert_eq!(report.summary.contains("STATUS_"), name.is_some(), "{file}");
        assert_eq!(report.system.as_ref().unwrap().build, build, "{file}");
    }
}
