//! Damaged pool on forged machines: the headers of the page tell whose block it is, whose stands in
//! front of it, and what was written over the header between them.

mod support;

use bluepane::model::Finding;
use bluepane_forge::Scenario;
use support::{Asked, report_on};

const PAGE: u64 = 0xFFFF_E000_6666_1000;

fn finding(machine: &str, kind: &str, words: &str) -> Option<Finding> {
    let narrow = machine.contains("x86");
    let at = if narrow { 0x8566_1000 } else { PAGE };
    let text = format!(
        "[machine]\n{machine}\nmemory = \"64 MiB\"\n[stop]\ncode = 0x19\n\
         parameters = [0x20, \"{:#x}\", \"{:#x}\", 0]\n[dump]\nkind = \"{kind}\"\n\
         data_blocks = [{{ address = \"{at:#x}\", size = 0x1000 }}]\n{}[faults]\n{}",
        at + 0xA0,
        at + 0x120,
        page(at),
        words.replace("HEADER", &format!("{:#x}", at + 0xA0)),
    );
    damaged(&text)
}

/// What is found of the damage on that machine, where nobody is named.
fn damaged(text: &str) -> Option<Finding> {
    let report = report_on(&Scenario::from_toml(text).unwrap());
    assert_eq!(report.blame, None);
    let mut found = report.findings.into_iter();
    found.find(|f| f.id == "pool-block-damaged")
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

/// A page of pool with three blocks.
fn page(at: u64) -> String {
    format!(
        "[[pool_pages]]\naddress = \"{at:#x}\"\nblocks = [{{ size = 0x40, tag = \"MmSt\" }}, \
         {{ size = 0x60, tag = \"Acme\" }}, {{ size = 0x80, tag = \"File\" }}]\n"
    )
}

fn pool(machine: &str, command: &str) -> String {
    let page = page(PAGE);
    let text =
        format!("[machine]\n{machine}\nmemory = \"64 MiB\"\n[dump]\nkind = \"full\"\n{page}");
    Asked::new(&Scenario::from_toml(&text).unwrap()).ask(command)
}

#[test]
fn a_page_of_pool_is_listed_block_by_block_and_one_of_a_segment_heap_says_so() {
    let inside = format!("!pool {:x}", PAGE + 0x58);
    let listed = pool("build = 17763", &inside);
    let own = format!(
        "*{:016x} size:   60 previous size:   40  (Allocated) *Acme\n",
        PAGE + 0x40
    );
    assert!(listed.contains(&own), "{listed}");
    let first = format!(" {PAGE:016x} size:   40 previous size:    0  (Allocated)  MmSt\n");
    assert!(
        listed.contains(&first) && !listed.contains("*MmSt"),
        "{listed}"
    );
    assert!(listed.contains("(Free)"), "{listed}");
    let newer = pool("build = 19041", &format!("!pool {:x}", PAGE + 0x50));
    assert!(
        newer.contains("segment heap") && newer.contains("tag Acme"),
        "{newer}"
    );
}

/// A page of a segment heap, and a stop that points into it.
fn of_heap(code: u32, parameters: &str, words: &str) -> Vec<String> {
    let page = page(PAGE);
    let text = format!(
        "[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n[stop]\ncode = {code}\n\
         parameters = [{parameters}]\n[dump]\nkind = \"bitmap-kernel\"\n{page}[faults]\n{words}"
    );
    let told = damaged(&text).map(|found| found.evidence.into_iter().map(|e| e.text).collect());
    told.unwrap_or_default()
}

#[test]
fn blocks_of_a_segment_heap_are_told_by_their_own_headers() {
    let third = PAGE + 0xA0;
    let held = format!("3, 0, \"{:#x}\", 0", third + 0x10);
    let told = of_heap(0x13A, &held, "");
    assert!(
        told[0].starts_with("The block has 128 bytes and the tag 'File'"),
        "{told:?}"
    );
    let front = "The block in front of it has 96 bytes and the tag 'Acme'";
    assert!(told[1].starts_with(front) && told.len() == 2, "{told:?}");
    // Its own header is gone: what stands in front of it is left.
    let words =
        format!("words = [{{ address = \"{third:#x}\", value = \"0x4141414141414141\" }}]\n");
    let told = of_heap(0x13A, &held, &words);
    assert!(told[0].starts_with(front) && told.len() == 1, "{told:?}");
    // Where nothing that is near has a header nothing is told.
    let far = format!("3, 0, \"{:#x}\", 0", PAGE + 0x800);
    assert!(of_heap(0x13A, &far, "").is_empty());
    // A page that was never pool, and a code that says nothing of pool.
    assert!(of_heap(0x13A, "3, 0, \"0xffffe00066663000\", 0", "").is_empty());
    assert!(of_heap(0x4E, &held, "").is_empty());
}
