//! Driver Verifier on forged dumps: its level and its list of drivers as Windows keeps them, and whom it
//! caught.

use bluepane::analysis::Analysis;
use bluepane::model::{Confidence, Report};
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, forge};

const RECORD: u64 = 0xFFFF_E000_7777_1000;

/// A stop within the verifier, called by `acme.sys`, which `other.sys` had called.
fn report(machine: &str, kind: &str, stop: &str, verifier: &str) -> Report {
    let mut text = format!(
        "[machine]\n{machine}\nmemory = \"64 MiB\"\n[stop]\n{stop}\n[dump]\nkind = \"{kind}\"\n\
         [verifier]\n{verifier}\n"
    );
    for name in ["acme.sys", "other.sys"] {
        text += &format!("[[modules]]\nname = \"{name}\"\nsize = 0x20000\n");
    }
    for at in [
        "nt!KeBugCheckEx",
        "nt!KeWaitForSingleObject",
        "acme.sys+0x4560",
        "other.sys+0x7770",
        "nt!PspSystemThreadStartup",
    ] {
        text += &format!("[[stack]]\nat = \"{at}\"\n");
    }
    let bytes = forge(&Scenario::from_toml(&text).unwrap())
        .unwrap()
        .to_vec();
    let mut analysis = Analysis::new("v.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    analysis.report().clone()
}

fn named(report: &Report) -> Option<(&str, Confidence)> {
    let blame = report.blame.as_ref()?;
    Some((&blame.module, blame.confidence))
}

fn bucket(report: &Report) -> &str {
    let failure = report.failure.as_ref();
    failure
        .and_then(|f| f.bucket_id.as_deref())
        .unwrap_or_default()
}

const MACHINES: [(&str, &str); 5] = [
    ("build = 7601", "kernel-summary"),
    ("build = 9600", "bitmap-kernel"),
    ("build = 19041", "bitmap-kernel"),
    ("build = 19041", "triage"),
    ("build = 26100", "full"),
];
const CALL: &str = "code = 0xc4\nparameters = [0x81, 0, 0, 0]";

#[test]
fn who_called_when_the_verifier_stopped_windows_is_named_if_it_was_watched() {
    for (machine, kind) in MACHINES {
        let name = format!("{machine} {kind}");
        let on = "level = 0x9bb\ndrivers = \"acme.sys\"";
        let caught = report(machine, kind, CALL, on);
        assert_eq!(
            named(&caught),
            Some(("acme.sys", Confidence::Likely)),
            "{name}"
        );
        let told = caught
            .findings
            .iter()
            .find(|f| f.id == "driver-verifier-active");
        let evidence = &told.expect(&name).evidence;
        assert!(
            evidence.iter().any(|e| e.text.contains("0x9bb")),
            "{name}: {evidence:?}"
        );
        assert!(
            bucket(&caught).contains("_VRF_acme"),
            "{name}: {}",
            bucket(&caught)
        );
        // A minidump has no list, nor has a build whose hives are not laid out: it may have been any driver.
        let others = "level = 0x9bb\ndrivers = \"driver1.sys driver2.sys\"";
        let unwatched = report(machine, kind, CALL, others);
        let without = kind == "triage" || machine.contains("26100");
        let wanted = without.then_some("acme.sys");
        assert_eq!(named(&unwatched).map(|n| n.0), wanted, "{name}");
    }
}

#[test]
fn the_verifiers_level_files_other_codes_under_it_and_nothing_does_where_it_is_off() {
    let stop = "code = 0xe3\nparameters = [0, 0, 0, 0]";
    for (machine, kind) in MACHINES {
        let name = format!("{machine} {kind}");
        let on = report(machine, kind, stop, "level = 1");
        assert!(bucket(&on).contains("_VRF_"), "{name}: {}", bucket(&on));
        let off = report(machine, kind, stop, "level = 0");
        assert!(!bucket(&off).contains("_VRF_"), "{name}: {}", bucket(&off));
        let told = |report: &Report| {
            report
                .findings
                .iter()
                .any(|f| f.id == "driver-verifier-active")
        };
        assert!(told(&on) && !told(&off), "{name}");
    }
}

#[test]
fn a_driver_that_left_something_behind_is_named_by_its_name_or_the_verifiers_record() {
    let leaving =
        format!("level = 0x9bb\nleaving = {{ address = \"{RECORD:#x}\", driver = \"other.sys\" }}");
    let (name, text) = (RECORD + 0x98, RECORD + 0x180);
    for (machine, kind) in MACHINES.into_iter().filter(|(_, kind)| *kind != "triage") {
        for (second, third) in [(name, 0), (text, 0), (0, RECORD), (name, RECORD)] {
            let stop =
                format!("code = 0xc4\nparameters = [0x62, \"{second:#x}\", \"{third:#x}\", 3]");
            let found = report(machine, kind, &stop, &leaving);
            let wanted = Some(("other.sys", Confidence::Likely));
            assert_eq!(named(&found), wanted, "{machine}: {second:#x} {third:#x}");
            let filed = "0xc4_62_VRF_LEAKED_POOL_IMAGE_other.sys";
            assert!(bucket(&found).ends_with(filed), "{}", bucket(&found));
        }
    }
}
