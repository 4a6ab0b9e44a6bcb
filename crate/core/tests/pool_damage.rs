//! Damaged pool on forged machines: the headers of the page tell whose block it is, whose stands in
//! front of it, and what was written over the header between them.

mod support;

use bluepane::analysis::Analysis;
use bluepane::model::Finding;
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, forge};

const PAGE: u64 = 0xFFFF_E000_6666_1000;

fn finding(machine: &str, kind: &str, words: &str) -> Option<Finding> {
    let narrow = machine.contains("x86");
    let page = if narrow { 0x8566_1000 } else { PAGE };
    let text = format!(
        "[machine]\n{machine}\nmemory = \"64 MiB\"\n[stop]\ncode = 0x19\n\
         parameters = [0x20, \"{:#x}\", \"{:#x}\", 0]\n[dump]\nkind = \"{kind}\"\n\
         data_blocks = [{{ address = \"{page:#x}\", size = 0x1000 }}]\n\
         [[pool_pages]]\naddress = \"{page:#x}\"\nblocks = [{{ size = 0x40, tag = \"MmSt\" }}, \
         {{ size = 0x60, tag = \"Acme\" }}, {{ size = 0x80, tag = \"File\" }}]\n[faults]\n{}",
        page + 0xA0,
        page + 0x120,
        words.replace("HEADER", &format!("{:#x}", page + 0xA0)),
    );
    let bytes = forge(&Scenario::from_toml(&text).unwrap())
        .unwrap()
        .to_vec();
    let mut analysis = Analysis::new("x.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    let report = analysis.report();
    assert_eq!(report.blame, None);
    let mut found = report.findings.iter();
    found.find(|f| f.id == "pool-block-damaged").cloned()
}

fn evidence(found: &Finding) -> Vec<&str> {
    found.evidence.iter().map(|e| e.text.as_str()).collect()
}

const TEXT: &str = "words = [{ address = \"HEADER\", value = \"0x6867666564636261\" }, \
    { address = \"HEADER\", value = \"0x6867666564636261\" }]\n";

#[test]
fn the_block_in_front_of_an_overwritten_header_is_told_with_its_tag() {
    for (machine, kind) in [
        ("build = 7601", "kernel-summary"),
        ("build = 9600", "triage"),
        ("build = 17763", "bitmap-kernel"),
        ("build = 7601\narchitecture = \"x86\"", "full"),
    ] {
        let found = finding(machine, kind, TEXT).expect(machine);
        let told = evidence(&found);
        assert!(
            told.iter().any(|t| t.contains(
                "The block in front of the damage has 96 bytes and \
                 the tag 'Acme': whose it is may have written past its end."
            )),
            "{machine}: {told:?}"
        );
        let damaged = told.iter().find(|t| t.contains("was overwritten")).unwrap();
        assert!(damaged.contains("which has 96"), "{machine}: {damaged}");
        assert!(damaged.contains("the text \"abcd"), "{machine}: {damaged}");
    }
}

#[test]
fn a_whole_chain_of_headers_names_only_the_block_itself() {
    let found = finding("build = 9600", "bitmap-kernel", "").unwrap();
    let told = evidence(&found);
    assert!(
        told[0].starts_with("The block has 128 bytes and the tag 'File'"),
        "{told:?}"
    );
    assert!(
        told.iter().all(|t| !t.contains("in front of the damage")),
        "{told:?}"
    );
}

#[test]
fn a_segment_heap_has_no_neighbours_to_be_told() {
    assert_eq!(finding("build = 19041", "bitmap-kernel", TEXT), None);
}
