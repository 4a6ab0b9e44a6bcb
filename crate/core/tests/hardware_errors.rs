//! Records of hardware errors that a stop code points to, read out of forged dumps: what reported,
//! and that no driver is named for it.

mod support;

use bluepane::analysis::{Analysis, Progress};
use bluepane::model::{Finding, Report};
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, forge};

const RECORD: u64 = 0xFFFF_E000_6666_1238;
/// What the parameter says where the record must be searched for.
const ELSEWHERE: u64 = 0xFFFF_E000_7777_0000;

fn report(kind: &str, parameters: &str, sections: &str) -> Report {
    let text = format!(
        "[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n[stop]\ncode = 0x124\n\
         parameters = [{parameters}]\n[dump]\nkind = \"{kind}\"\n\
         data_blocks = [{{ address = \"{:#x}\", size = 0x800 }}]\n\
         [[modules]]\nname = \"acme.sys\"\n[[stack]]\nat = \"nt!KeBugCheckEx\"\noffset = 0\n\
         [[stack]]\nat = \"acme.sys+0x1234\"\n\
         [[hardware_errors]]\naddress = \"{RECORD:#x}\"\nseverity = 1\nsections = [{sections}]\n",
        RECORD - 0x38,
    );
    let bytes = forge(&Scenario::from_toml(&text).unwrap())
        .unwrap()
        .to_vec();
    let mut analysis = Analysis::new("x.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    assert_eq!(analysis.advance(), Progress::Finished);
    analysis.report().clone()
}

fn reported(report: &Report) -> &Finding {
    let found = report.findings.iter();
    let mut found = found.filter(|f| f.id == "hardware-error-reported");
    found.next().expect("the finding")
}

fn says(report: &Report, wanted: &str) {
    let evidence: Vec<&str> = reported(report)
        .evidence
        .iter()
        .map(|e| e.text.as_str())
        .collect();
    assert!(evidence.contains(&wanted), "{wanted}\n{evidence:#?}");
}

const CHECK: &str = "{ kind = \"processor\", id = 6, error = 1, operation = 1, level = 2 }, \
    { kind = \"check\", processor = 3, bank = 5, status = \"0xbe00000000800400\", \
    address = \"0xfffff80012345678\" }";

#[test]
fn a_machine_check_names_processor_bank_and_what_went_wrong_and_no_driver() {
    for kind in ["triage", "bitmap-kernel", "full"] {
        let at = format!("0, \"{RECORD:#x}\", 0xbe000000, 0x00800400");
        let report = report(kind, &at, CHECK);
        assert_eq!(
            reported(&report).title,
            "The processor reported an error that could not be corrected."
        );
        says(
            &report,
            "The record names a processor, local APIC id 6: an error in a cache of level 2 while \
             reading data.",
        );
        says(
            &report,
            "Machine-check bank 5 of processor 3 has the status 0xbe00000000800400: an internal \
             time-out of the processor, uncorrected, the processor's state is damaged, an address \
             was recorded (code 0x400); address 0xfffff80012345678; further information 0x0.",
        );
        assert_eq!(report.blame, None, "{kind}");
    }
}

#[test]
fn memory_and_pci_express_are_told_with_their_place() {
    let memory = "{ kind = \"memory\", address = \"0x123456000\", error = 3, module = 2, \
                  name = \"DIMM_B1\" }";
    let at = format!("5, \"{RECORD:#x}\", 0, 0");
    let found = report("triage", &at, memory);
    assert!(reported(&found).title.starts_with("Memory reported"));
    says(
        &found,
        "The record names memory: a multi-bit error at physical address 0x123456000, module 2.",
    );
    says(&found, "The firmware calls the part DIMM_B1.");
    let bus = "{ kind = \"pci-express\", port = 4, id = [0x8086, 0x1901], place = [0, 1, 0], \
               uncorrectable = 0x4000 }";
    let at = format!("4, \"{RECORD:#x}\", 0, 0");
    let found = report("bitmap-kernel", &at, bus);
    assert!(reported(&found).title.starts_with("A PCI Express device"));
    says(
        &found,
        "The record names a PCI Express root port of Intel (vendor 8086, device 1901) at bus 0, \
         device 1, function 0: completion time-out.",
    );
    assert_eq!(found.blame, None);
}

#[test]
fn a_minidump_is_searched_where_the_parameter_leads_nowhere() {
    let at = format!("0, \"{ELSEWHERE:#x}\", 0xbe000000, 0x00800400");
    let found = report("triage", &at, CHECK);
    let place = &reported(&found).evidence.last().unwrap().place;
    assert_eq!(*place, format!("error record at {RECORD:#x}"));
    // A record of another moment in the pages of a kernel dump is not taken for this one's.
    let found = report("bitmap-kernel", &at, CHECK);
    let evidence = &reported(&found).evidence;
    assert!(
        evidence.iter().all(|e| !e.place.contains("error record")),
        "{evidence:?}"
    );
}

#[test]
fn a_record_that_lies_is_not_believed() {
    for sections in [
        "{ kind = \"check\", processor = 3, bank = 5, status = 0, address = 0 }".to_owned(),
        [CHECK; 20].join(", "),
    ] {
        let at = format!("0, \"{RECORD:#x}\", 0, 0");
        let found = report("triage", &at, &sections);
        let evidence = &reported(&found).evidence;
        assert!(evidence.len() <= 2, "{evidence:?}");
        assert_eq!(found.blame, None);
    }
}

#[test]
fn the_record_is_printed_with_its_sections_and_what_they_say() {
    let sections =
        "{ kind = \"memory\", address = 0x123456000, error = 3, module = 2, name = \"DIMM_B1\" }";
    let text = format!(
        "[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n[stop]\ncode = 0x124\n\
         parameters = [0, \"{RECORD:#x}\", 0, 0]\n[dump]\nkind = \"bitmap-kernel\"\n\
         [[hardware_errors]]\naddress = \"{RECORD:#x}\"\nseverity = 1\nsections = [{sections}]\n"
    );
    let bytes = forge(&Scenario::from_toml(&text).unwrap())
        .unwrap()
        .to_vec();
    let mut analysis = Analysis::new("x.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    let mut ask = |line: &str| {
        let query = bluepane::analysis::Query::Command(line.into());
        match analysis.answer(query, &mut SliceProvider(&bytes)) {
            Some(bluepane::analysis::Answer::Text(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    };
    let answer = ask("!errrec");
    assert!(
        answer.contains(&format!("Common Platform Error Record @ {RECORD:016x}\n")),
        "{answer}"
    );
    for line in [
        "Severity      : Fatal (1)\n",
        "Section 0     : Memory\n",
        "multi-bit error",
        "FRU Text      : DIMM_B1\n",
    ] {
        assert!(answer.contains(line), "no {line} in\n{answer}");
    }
    assert_eq!(answer, ask(&format!("!errrec {RECORD:x}")));
    assert!(ask("!errrec 1000").contains("There is no record"));
}
