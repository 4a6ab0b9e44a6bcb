//! The command line's promises: exit status, formats, errors.

mod support;

use serde_json::Value;
use std::io::Read as _;
use std::process::{Command, Stdio};
use support::{Folder, bluepane};

#[test]
fn a_command_that_contradicts_itself_ends_with_two_and_says_why() {
    let folder = Folder::new("usage");
    let file = folder.file("a.dmp", b"");
    let other = folder.file("b.dmp", b"");
    let cases: [(&[&str], &str); 9] = [
        (&[], "no file"),
        (&["--format", "xml", &file], "'xml' is no format"),
        (&["--array", &file], "--array goes with"),
        (&["-"], "standard input"),
        (&["--frobnicate", &file], "--frobnicate"),
        (&["--format"], "--format"),
        (&["--symbols", "/nowhere/at/all", &file], "/nowhere/at/all"),
        (
            &["--command", "help", "--format", "json", &file],
            "--command",
        ),
        (&["--format", "html", &file, &other], "2 were given"),
    ];
    for (arguments, why) in cases {
        let ran = bluepane(arguments);
        assert_eq!(ran.status, 2, "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(why), "{arguments:?}: {ran:?}");
        assert!(ran.stdout.is_empty(), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn what_a_code_means_is_told_without_a_file() {
    let stop = "!analyze -show 7a 1 c000000e 0 fffff880010ee000";
    let ran = bluepane(&["--command", stop, "--command", "!error 0x80070005"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    for says in [
        "KERNEL_DATA_INPAGE_ERROR (7a)",
        "STATUS_NO_SUCH_DEVICE",
        "In a virtual machine",
        "What to do",
        "E_ACCESSDENIED",
        "ERROR_ACCESS_DENIED",
    ] {
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
    }
    let event = "!error The computer has rebooted from a bugcheck. The bugcheck was: 0x0000007e \
                 (0xffffffffc0000005, 0xfffff80012345678, 0x0, 0x0).";
    assert!(
        bluepane(&["--command", event])
            .stdout
            .contains("SYSTEM_THREAD_EXCEPTION")
    );
    let report = bluepane(&["--command", "k"]);
    assert!(report.stdout.contains("not in this report"), "{report:?}");
}

#[test]
fn help_and_version_are_printed_and_nothing_is_read() {
    let help = bluepane(&["--help"]);
    assert_eq!(help.status, 0);
    for option in [
        "--format",
        "--array",
        "--command",
        "--symbols",
        "--redact",
        "--no-redact",
    ] {
        assert!(help.stdout.contains(option), "{option}");
    }
    assert!(help.stdout.lines().all(|line| line.len() <= 80));
    assert_eq!(bluepane(&["--version"]).status, 0);
}

#[test]
fn each_kind_of_unusable_file_has_its_own_sentence_and_status_one() {
    let folder = Folder::new("unusable");
    let mut cases = vec![
        folder.file("empty.dmp", b""),
        folder.file("zeros.dmp", &[0; 9000]),
        folder.file(
            "text.dmp",
            b"These are the notes that somebody took of a crash.\r\n",
        ),
        folder.file("sub/x.txt", b""),
        format!("{}/nowhere.dmp", folder.path()),
    ];
    cases[3] = format!("{}/sub", folder.path());
    let mut sentences = std::collections::BTreeSet::new();
    for path in &cases {
        let text = bluepane(&[path]);
        assert_eq!(text.status, 1, "{path}: {text:?}");
        let json = bluepane(&["--format", "json", path]);
        assert_eq!(json.status, 1, "{path}");
        let report: Value = serde_json::from_str(&json.stdout).unwrap();
        let (code, summary) = (&report["error"]["code"], &report["summary"]);
        assert!(
            code.as_str().is_some_and(|code| !code.is_empty()),
            "{report}"
        );
        assert!(
            sentences.insert(summary.to_string()),
            "{summary} is said twice"
        );
        let first_words = &summary.as_str().unwrap()[..10];
        assert!(text.stdout.contains(first_words), "{text:?}");
    }
}

#[test]
fn one_bad_file_does_not_keep_the_others_from_being_reported() {
    let folder = Folder::new("many");
    folder.file("a.dmp", b"");
    folder.file("deeper/b.DMP", b"nothing of a dump");
    folder.file("not-a-dump.txt", b"nothing of a dump");
    let lines = bluepane(&["--format", "json", folder.path()]);
    assert_eq!(lines.status, 1);
    let names: Vec<String> = lines
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|report| report["file"]["name"].as_str().unwrap().into())
        .collect();
    assert_eq!(names, ["a.dmp", "b.DMP"]);
    let array = bluepane(&["--format", "json", "--array", folder.path()]);
    let array: Vec<Value> = serde_json::from_str(&array.stdout).unwrap();
    assert_eq!(array.len(), 2);
}

#[test]
fn a_ticket_is_redacted_unless_that_is_refused_and_says_which() {
    let folder = Folder::new("redact");
    let file = folder.file("a.dmp", b"");
    let redacted = |arguments: &[&str]| {
        let mut all = vec![file.as_str()];
        all.extend(arguments);
        bluepane(&all)
            .stdout
            .contains("were taken out of this report")
    };
    assert!(redacted(&["--format", "markdown"]));
    assert!(!redacted(&["--format", "markdown", "--no-redact"]));
    assert!(!redacted(&[]));
    assert!(redacted(&["--redact"]));
    assert!(redacted(&["--redact", "--format", "json"]));
    assert!(redacted(&["--redact", "--format", "html"]));
}

#[test]
fn a_closed_pipe_ends_the_command_without_a_word() {
    let folder = Folder::new("pipe");
    for n in 0..200 {
        folder.file(&format!("{n}.dmp"), &[0; 64]);
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_bluepane"))
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let ran: support::Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.stderr.as_str(), ran.status), ("", 0));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let (status, report) = support::json(std::path::Path::new("/dev/null"));
    assert_eq!(status, 1);
    assert_eq!(report["error"]["code"], "file-unreadable");
}

#[test]
fn the_console_answers_in_the_order_of_the_commands() {
    let folder = Folder::new("console");
    let file = folder.file("a.dmp", b"");
    let ran = bluepane(&["--command", "!nosuch", "--command", "alsonot", &file]);
    let first = ran.stdout.find("> !nosuch").unwrap();
    assert!(ran.stdout.find("> alsonot").unwrap() > first);
    assert!(ran.stdout.contains("'!nosuch' is not a command"));
}
