//! The scenario behind the page's sample must stay forgeable and small.

use bluepane_forge::{Scenario, forge};

#[test]
fn the_sample_is_a_2012_r2_guest_with_stop_7a_whose_parameters_agree() {
    let scenario =
        Scenario::from_toml(include_str!("../scenarios/sample-triage.toml")).expect("the scenario");
    let d = forge(&scenario).expect("the dump").to_vec();
    let long = |at: usize| u64::from_le_bytes(d[at..at + 8].try_into().unwrap());
    assert!(d.len() < 150_000, "{} bytes", d.len());
    assert_eq!(long(0x38) as u32, 0x7a);
    let (entry, va) = (long(0x40), long(0x58));
    // On 2012 R2 the page-table entries start at FFFFF68000000000.
    assert_eq!(
        (entry - 0xffff_f680_0000_0000) << 9 | 0xffff_0000_0000_0000,
        va & !0xfff
    );
    // The entry describes a page in transition.
    assert_eq!(long(0x50) & 0xc01, 0x800);
}
