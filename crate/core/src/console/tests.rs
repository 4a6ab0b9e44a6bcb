//! The console's answers, against golden text and against hostile strings and lines.

extern crate std;

use super::*;
use crate::report::tests::{golden, hostile, sample::sample};

#[test]
fn every_command_answers_as_reviewed() {
    let report = sample();
    let lines = [
        "vertarget",
        ".time",
        ".bugcheck",
        "!analyze -v",
        "!analyze -v -kv",
        "!sysinfo machineid",
        "!sysinfo registry",
        "!findings",
        "!vm",
        "!mem",
        "!poolused",
        "!process 0 0",
        "k",
        "r",
        "r @rcx",
        "lm",
        "lm t n",
        "lmf m *flt",
        "lmDvm exampflt",
        "ln fffff801`04001234",
        "help",
    ];
    let mut text = String::new();
    for line in lines {
        text.push_str(&format!("> {line}\n{}\n", run(line, &report)));
    }
    golden("console.txt", &text);
}

#[test]
fn the_machine_is_told_whole_unless_a_part_is_asked_for() {
    let report = sample();
    let whole = run("!sysinfo", &report);
    for part in ["!sysinfo machineid", "!sysinfo registry"] {
        let part = run(part, &report);
        assert!(
            whole.contains(part.trim_end()) && whole.len() > part.len(),
            "{part}"
        );
    }
    assert!(run("!sysinfo smbios", &report).starts_with("Only "));
}

#[test]
fn any_stop_code_is_explained_with_and_without_parameters() {
    let empty = Report::default();
    let with = run("!analyze -show 9f 3 ffffe000`12345678", &empty);
    let without = run("!analyze -show 0x9F", &empty);
    for answer in [&with, &without] {
        assert!(answer.starts_with("DRIVER_POWER_STATE_FAILURE (9f)\n"));
        assert!(answer.contains("\nArguments:\nArg1: ") && answer.contains("\nArg4: "));
    }
    assert!(with.contains("Arg2: ffffe00012345678, "));
    // The first parameter selects a case; without it no case is claimed.
    assert!(with.lines().count() > without.lines().count());
}

#[test]
fn an_error_is_told_by_number_by_name_and_out_of_a_ticket() {
    let empty = Report::default();
    assert!(
        run("!error c000000e", &empty).starts_with("STATUS_NO_SUCH_DEVICE (NTSTATUS 0xC000000E)\n")
    );
    assert!(run("!error 5", &empty).starts_with("ERROR_ACCESS_DENIED"));
    assert!(run("!error E_FAIL", &empty).contains("0x80004005"));
    let event = run(
        "!error 0x0000007a (0x1, 0xffffffffc000000e, 0x0, 0x0)",
        &empty,
    );
    assert!(
        event.starts_with("KERNEL_DATA_INPAGE_ERROR (7a)\n")
            && event.contains("STATUS_NO_SUCH_DEVICE")
    );
    assert!(
        run("!analyze -show CRITICAL_PROCESS_DIED", &empty)
            .starts_with("CRITICAL_PROCESS_DIED (ef)\n")
    );
}

#[test]
fn commands_that_the_tables_advise_are_there_or_are_said_to_be_a_debuggers() {
    use crate::knowledge::{bugcheck, family};
    for text in bugcheck::advice().chain(family::all().map(|family| family.next)) {
        for command in text.split('`').skip(1).step_by(2) {
            let ours = super::knows(command) || text.contains("in a debugger");
            assert!(
                ours || !command.starts_with(['!', '.']),
                "{command}: {text}"
            );
        }
    }
}

#[test]
fn spellings_of_the_debugger_are_understood() {
    let report = sample();
    assert_eq!(run("lmvm nt", &report), run("lm v m nt", &report));
    assert_eq!(run("kv", &report), run("kb", &report));
    let rows = run("kb 2", &report);
    assert_eq!(rows.matches(" : 00000000`0000007a ").count(), 2);
    assert_eq!(run("k2", &report), run("kn 2", &report));
    assert!(run("kc", &report).contains("\n00 nt!KeBugCheckEx+0x1234\n"));
    assert!(run("kill", &report).contains("not a command"));
    assert_eq!(run("!ANALYZE -v", &report), run("!analyze", &report));
    assert_eq!(run("?", &report), run("help", &report));
    assert_eq!(run("help LM", &report).lines().count(), 2);
    assert!(run("help nosuch", &report).contains("is not a command"));
    assert!(run("help kb", &report).starts_with("k [FRAMES]\n"));
    assert!(run("help !lmi", &report).starts_with("lm "));
    assert_eq!(run("  ", &report), "");
    assert!(run("lmvm EXAMP*", &report).contains("exampflt.sys"));
    assert!(!run("lmvm examp", &report).contains("exampflt.sys"));
    assert!(!run("lmvm *sys?", &report).contains("exampflt.sys"));
}

#[test]
fn a_word_that_is_no_command_is_answered_with_the_nearest_or_with_why_there_is_none() {
    let report = sample();
    for (typed, says) in [
        ("!proces", "Did you mean one of !process, .process?"),
        ("!analyse -v", ""),
        ("!analize", "Did you mean !analyze?"),
        ("!devstak", "Did you mean !devstack?"),
        (".bugchek", "Did you mean .bugcheck?"),
        ("dt nt!_EPROCESS", "Types of symbol files"),
        ("g", "A dump does not run"),
        (".reload /f", "Symbol files are put beside the dump"),
        ("!handle 0", "not read from a dump here"),
        ("!xyzzyxyzzy", "Type help"),
        ("!", "Type help"),
        ("~0s", "~0k shows its stack"),
    ] {
        let answer = run(typed, &report);
        assert!(answer.contains(says), "{typed}: {answer}");
    }
    assert_eq!(run("!analyse -v", &report), run("!analyze -v", &report));
}

#[test]
fn no_command_is_said_to_be_absent() {
    for command in COMMANDS {
        let answer = spelling::unknown(command.name).concat();
        assert!(!answer.contains("not read from a dump"), "{}", command.name);
        assert!(!answer.contains("does not run"), "{}", command.name);
    }
}

#[test]
fn registers_are_told_one_by_one_and_several_at_once() {
    let report = sample();
    let both = run("r rcx,rdx", &report);
    assert_eq!(both, run("r rcx", &report) + &run("r @rdx", &report));
    assert_eq!(both, run("r rcx rdx", &report));
    assert!(run("r rcx", &report).starts_with("rcx="));
}

#[test]
fn the_header_and_the_kind_of_machine_are_told() {
    let report = sample();
    assert_eq!(run(".effmach", &report), "Effective machine: x64 (AMD64)\n");
    let header = run(".dumpdebug", &report);
    assert!(header.contains("\nDUMP_HEADER64:\n"), "{header}");
    assert!(header.contains("\nSecondary data:\n{270a33fd"), "{header}");
    let empty = run(".ecxr", &Report::default());
    assert!(empty.starts_with("Unable to get exception context"));
    let processor = run("!sysinfo cpuinfo", &report);
    assert!(processor.starts_with("[CPU Information]\n"), "{processor}");
}

#[test]
fn what_is_not_there_is_said_and_never_made_up() {
    let empty = Report::default();
    for command in COMMANDS.iter().filter(|c| c.name != "help") {
        let answer = run(command.name, &empty);
        assert!(
            !answer.trim().is_empty() || command.name == "vertarget",
            "{}",
            command.name
        );
        assert!(!answer.contains("0000000000000000"), "{answer}");
    }
    assert!(run("!nosuch", &empty).contains("'!nosuch' is not a command"));
    assert!(run("ln", &empty).contains("takes an address"));
    assert!(run("r xyz", &sample()).contains("not a register"));
    assert!(run("!analyze -show", &empty).contains("takes a stop code"));
    for unknown in ["!analyze -show 7fffffff", "!analyze -show zz", "!error zz"] {
        assert!(
            run(unknown, &empty).contains("Nothing is known"),
            "{unknown}"
        );
    }
    assert!(run("!error", &empty).contains("takes a number"));
}

#[test]
fn hostile_strings_and_lines_drive_no_terminal() {
    let report = hostile();
    let mut lines: Vec<String> = COMMANDS.iter().map(|c| c.name.into()).collect();
    lines.extend(
        [
            "lmvtnf",
            "lm m \u{1b}[2J",
            "\u{1b}]0;x\u{7}",
            "ln ffffffffffffffffff",
            "r \u{9b}m",
        ]
        .map(String::from),
    );
    lines.push("*".repeat(5000));
    for line in lines {
        let answer = run(&line, &report);
        assert!(
            answer.chars().all(|c| c == '\n' || !c.is_control()),
            "{line}: {answer:?}"
        );
    }
}

#[test]
fn patterns_with_many_stars_end_soon() {
    let mut report = sample();
    report.modules[0].name = "a".repeat(4000);
    let pattern = format!("lm m {}b", "*a".repeat(200));
    assert!(!run(&pattern, &report).contains("aaaa"));
}
