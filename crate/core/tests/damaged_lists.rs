//! Lists that a wild driver wrote into: cut, turned back on themselves, led to nowhere. What is
//! left is told, with the reason, and nothing goes on for ever.

mod support;

use bluepane::model::Report;
use bluepane_forge::scenario::{Number, Word};
use bluepane_forge::{Scenario, Truth};
use support::report_on;

fn scenario() -> Scenario {
    let mut text = String::from(
        "[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n[stop]\ncode = 0xe2\n\
         [dump]\nkind = \"bitmap-kernel\"\n",
    );
    for i in 0..20 {
        text += &format!(
            "[[processes]]\nname = \"p{i}.exe\"\npid = {}\n",
            100 + 4 * i
        );
    }
    Scenario::from_toml(&text).unwrap()
}

/// Address of ActiveProcessLinks of 19041.
const LINKS: u64 = 0x448;

/// A word that takes the table of identifiers away.
fn no_table(scenario: &Scenario) -> Word {
    let truth = Truth::of(scenario).unwrap();
    word(truth.variables["PspCidTable"], 0)
}

/// The links of the processes, System's first.
fn links(scenario: &Scenario) -> Vec<u64> {
    let truth = Truth::of(scenario).unwrap();
    truth.processes.iter().map(|p| p.object + LINKS).collect()
}

fn word(address: u64, value: u64) -> Word {
    Word {
        address: Number(address),
        value: Number(value),
    }
}

fn pids(report: &Report) -> Vec<u32> {
    let memory = report.memory.as_ref().unwrap();
    let ids = memory.processes.iter().filter_map(|process| process.pid);
    ids.collect()
}

/// The text of a note.
fn note<'a>(report: &'a Report, code: &str) -> &'a str {
    let found = report.notes.iter().find(|note| note.code == code);
    found.map_or("", |note| &note.text)
}

#[test]
fn one_wild_link_loses_no_process_and_is_told() {
    let mut scenario = scenario();
    let links = links(&scenario);
    let all: Vec<u32> = pids(&report_on(&scenario));
    assert_eq!(all.len(), 21);
    for (at, value) in [
        (links[7], 0x4141_4141_4141_4141),
        (links[7], 0),
        (links[7] + 8, 0xFFFF_F800_0000_0000),
        (links[7], links[3]),
        (links[7], links[7]),
        (links[0], links[9]),
    ] {
        scenario.faults.words = vec![word(at, value)];
        let report = report_on(&scenario);
        assert_eq!(pids(&report), all, "{at:#x} {value:#x}");
        let told = note(&report, "processes-cut");
        assert!(told.contains("all of it was found"), "{told}");
    }
}

#[test]
fn two_wild_links_lose_what_lies_between_and_say_so() {
    let mut scenario = scenario();
    let links = links(&scenario);
    scenario.faults.words = vec![word(links[5], 0x1234), word(links[15] + 8, 0x1234)];
    scenario.faults.words.push(no_table(&scenario));
    let report = report_on(&scenario);
    let found = pids(&report);
    assert_eq!(found.len(), 6 + 6, "{found:?}");
    assert_eq!((found[0], found[11]), (4, 176));
    let told = note(&report, "processes-cut");
    assert!(
        told.contains("is not whole") && told.contains("cannot be read"),
        "{told}"
    );
}

#[test]
fn what_lies_between_two_wild_links_is_found_in_the_table_of_identifiers() {
    for machine in [
        "build = 7601",
        "build = 9600",
        "build = 19041",
        "build = 26100",
        "build = 22000\narchitecture = \"arm64\"",
        "build = 7601\narchitecture = \"x86\"",
    ] {
        let mut text = format!(
            "[machine]\n{machine}\nmemory = \"64 MiB\"\n[stop]\ncode = 0xe2\n\
             [dump]\nkind = \"bitmap-kernel\"\n"
        );
        for i in 0..20 {
            let pid = 100 + 400 * i;
            text += &format!("[[processes]]\nname = \"p{i}.exe\"\npid = {pid}\n");
        }
        let mut scenario = Scenario::from_toml(&text).unwrap();
        let truth = Truth::of(&scenario).unwrap();
        let mut all: Vec<u32> = pids(&report_on(&scenario));
        assert_eq!(all.len(), 21, "{machine}");
        let head = truth.variables["PsActiveProcessHead"];
        let width = if machine.contains("x86") { 4 } else { 8 };
        // The list leads nowhere from either end.
        scenario.faults.words = vec![word(head, 0), word(head + width, 0)];
        let report = report_on(&scenario);
        let mut found = pids(&report);
        found.sort_unstable();
        all.sort_unstable();
        assert_eq!(found, all, "{machine}");
        let told: Vec<_> = report.notes.iter().map(|note| &*note.text).collect();
        assert!(
            told.iter()
                .any(|text| text.contains("table of identifiers")),
            "{machine}: {told:?}"
        );
        let names = &report.memory.as_ref().unwrap().processes;
        assert!(
            names
                .iter()
                .any(|p| p.pid == Some(500) && p.name == "p1.exe"),
            "{machine}"
        );
    }
}

#[test]
fn a_ring_within_the_list_ends() {
    let mut scenario = scenario();
    let links = links(&scenario);
    // Both ways turn: the tenth leads back to the fourth, and the fourth believes it.
    scenario.faults.words = vec![
        word(links[10], links[4]),
        word(links[4] + 8, links[10]),
        word(links[11] + 8, links[16]),
        word(links[16], links[11]),
        no_table(&scenario),
    ];
    let report = report_on(&scenario);
    let found = pids(&report);
    assert!(found.len() < 21 && found.len() >= 4, "{found:?}");
    let mut once = found.clone();
    once.dedup();
    assert_eq!(once.len(), found.len());
    assert!(note(&report, "processes-cut").contains("is not whole"));
}

#[test]
fn a_list_head_that_leads_nowhere_gives_no_process_and_the_reason() {
    let mut scenario = scenario();
    let truth = Truth::of(&scenario).unwrap();
    let head = truth.variables["PsActiveProcessHead"];
    scenario.faults.words = vec![word(head, 0), word(head + 8, 0), no_table(&scenario)];
    let report = report_on(&scenario);
    assert!(
        report
            .memory
            .is_none_or(|memory| memory.processes.is_empty())
    );
    let told = report.notes.iter().find(|note| note.code == "no-processes");
    assert!(told.unwrap().text.contains("cannot be read"), "{told:?}");
}

#[test]
fn a_process_whose_page_is_gone_is_missing_and_the_others_stay() {
    let mut scenario = scenario();
    let links = links(&scenario);
    let all = pids(&report_on(&scenario));
    scenario.faults.leave_out.push(Number(links[9] & !0xFFF));
    let report = report_on(&scenario);
    let found = pids(&report);
    assert!(found.len() < all.len() && found.len() >= 15, "{found:?}");
    assert!(found.iter().all(|pid| all.contains(pid)));
    assert!(note(&report, "processes-cut").contains("not written to the dump"));
}

#[test]
fn a_process_whose_identifier_is_gone_keeps_the_rest_and_says_why() {
    let mut scenario = scenario();
    let links = links(&scenario);
    let before = report_on(&scenario).memory.unwrap().processes;
    // What stands before the links is no number of a process.
    scenario
        .faults
        .words
        .push(word(links[9] - 8, 0xFFFF_FFFF_0000_1234));
    let report = report_on(&scenario);
    let after = &report.memory.as_ref().unwrap().processes;
    assert_eq!(after.len(), before.len());
    let hurt = after.iter().find(|process| process.pid.is_none()).unwrap();
    let own = before
        .iter()
        .find(|process| process.address == hurt.address);
    assert_eq!(own.unwrap().name, hurt.name);
    assert_eq!(own.unwrap().commit_pages, hurt.commit_pages);
    let told = note(&report, "process-members");
    assert!(told.contains("0xffffffff00001234"), "{told}");
    let json = serde_json::to_value(&report).unwrap();
    let listed = json["memory"]["processes"].as_array().unwrap();
    assert!(listed.iter().all(|process| process["pid"] != 0));
    assert_eq!(listed.iter().filter(|p| p.get("pid").is_none()).count(), 1);
    assert!(bluepane::report::text(&report).contains("not recorded"));
}

#[test]
fn an_identifier_that_is_no_multiple_of_four_is_told_as_it_stands() {
    let mut scenario = scenario();
    scenario.processes[3].pid = 4271;
    let report = report_on(&scenario);
    assert!(pids(&report).contains(&4271));
    assert_eq!(note(&report, "process-members"), "");
}

#[test]
fn drivers_survive_a_wild_link_too() {
    let mut scenario = scenario();
    let whole = report_on(&scenario).modules.len();
    let truth = Truth::of(&scenario).unwrap();
    let head = truth.variables["PsLoadedModuleList"];
    scenario.faults.words = vec![word(head, 0x4141_4141)];
    let report = report_on(&scenario);
    assert_eq!(report.modules.len(), whole);
    assert!(note(&report, "drivers-cut").contains("all of it was found"));
    assert_eq!(report.modules[0].name, "ntoskrnl.exe");
}

#[test]
fn a_member_that_stands_elsewhere_is_withheld_and_not_shown_wrong() {
    let mut scenario = scenario();
    let truth = Truth::of(&scenario).unwrap();
    // CommitCharge of 19041 holds pointers in this kernel.
    let commit = 0x648;
    scenario.faults.words = truth
        .processes
        .iter()
        .map(|p| word(p.object + commit, p.object))
        .collect();
    let report = report_on(&scenario);
    let processes = &report.memory.as_ref().unwrap().processes;
    assert_eq!(processes.len(), 21);
    assert!(
        processes
            .iter()
            .all(|process| process.commit_pages.is_none())
    );
    assert!(note(&report, "process-layout").contains("commit"));
}
