use super::*;
use crate::diagnose::testing::{Machine, address, frame};
use crate::memory::VirtualAddress;
use crate::model::{Frame, Hex, Stack};
use crate::symbols::Symbolizer;

const NT: &str = "ntoskrnl.exe";

fn walked(name: &str, symbol: Option<&str>) -> Frame {
    Frame {
        symbol: symbol.map(Into::into),
        offset: Some(Hex(0x12)),
        ..frame(name, How::Unwind, Confidence::Likely)
    }
}

fn kernel(code: u32, p: [u64; 4]) -> Failure {
    let frames = alloc::vec![
        walked(NT, Some("KeBugCheckEx")),
        walked(NT, Some("MiFindsDamage")),
    ];
    failure(&Machine::with(frames).facts(code, p))
}

#[test]
fn codes_begin_their_bucket_in_their_own_way() {
    for (code, p, wanted) in [
        (0x1A, [0x41287, 0, 0, 0], "0x1a_41287_nt!MiFindsDamage"),
        (0x1A, [0x3F, 0, 0, 0], "PAGE_HASH_ERRORS_0x1a_3f"),
        (0x4E, [0x99, 0, 0, 0], "0x4E_99_nt!MiFindsDamage"),
        (0x133, [1, 0, 0, 0], "0x133_ISR_nt!MiFindsDamage"),
        (
            0x139,
            [3, 0, 0, 0],
            "0x139_3_CORRUPT_LIST_ENTRY_nt!MiFindsDamage",
        ),
        (
            0x139,
            [2, 0, 0, 0],
            "0x139_MISSING_GSFRAME_nt!MiFindsDamage",
        ),
        (0x139, [0x999, 0, 0, 0], "0x139_999_nt!MiFindsDamage"),
        (
            0x1000_007E,
            [0xC000_001D, 0, 0, 0],
            "0x7E_C000001D_nt!MiFindsDamage",
        ),
        (0x50, [9, 2, 0, 0], "AV_W_(null)_nt!MiFindsDamage"),
        (0x50, [9, 0, 0, 2], "AV_R_(null)_nt!MiFindsDamage"),
        (
            0x3B,
            [0xC000_0006, 1, 2, 0],
            "0x3B_C0000006_nt!MiFindsDamage",
        ),
        (0xC2, [7, 0x4A42_4B43, 0, 0], "0xc2_7_CKBJ_nt!MiFindsDamage"),
        (0xC2, [7, 0x1201, 0, 0], "0xc2_7_nt!MiFindsDamage"),
        (0xD1, [9, 2, 1, 0], "AV_nt!MiFindsDamage"),
        (0xD1, [9, 2, 8, 9], "AV_CODE_AV_BAD_IP_nt!MiFindsDamage"),
        (
            0xC4,
            [0x20005, 0, 0, 0],
            "0xc4_IrqlExApcLte1_XDV_VRF_nt!MiFindsDamage",
        ),
        (0x13C, [0, 0, 0, 0], "0x13C_nt!MiFindsDamage"),
        (0x7F, [8, 0, 0, 0], "0x7f_8_nt!MiFindsDamage"),
        (0xC2, [0x46, 0, 0, 0], "0xc2_46_nt!MiFindsDamage"),
        (0x1A8, [10, 0, 0, 0], "LKD_0x1A8_10_nt!MiFindsDamage"),
    ] {
        let found = kernel(code, p);
        assert_eq!(found.bucket_id.as_deref(), Some(wanted), "{code:#x}");
        assert_eq!(found.hash, Some(failure_hash(wanted)));
    }
}

#[test]
fn a_thread_that_holds_up_plug_and_play_is_filed_under_its_own_stack() {
    let m = Machine::stopped_by(&[NT, NT]);
    let held = Stack {
        thread: Some(Hex(0x77)),
        frames: alloc::vec![
            walked(NT, Some("KiSwapContext")),
            walked("ndis.sys", Some("NdisWaits")),
            walked("acme.sys", Some("Unload")),
        ],
        ..Stack::default()
    };
    let mut facts = m.facts(0x9F, [4, 300, 0x77, 0]);
    facts.stacks = core::slice::from_ref(&held);
    let found = failure(&facts);
    assert_eq!(found.bucket_id.as_deref(), Some("0x9F_4_acme!Unload"));
    assert_eq!(found.frame, None);
    facts.parameters[2] = 0x78;
    let other = failure(&facts).bucket_id;
    assert!(!other.unwrap_or_default().contains("acme"));
}

// Published with its hash in microsoft/WinDbg-Feedback 323.
#[test]
fn a_page_of_the_registry_that_could_not_be_read_is_filed_under_its_status_and_the_verifier() {
    let frames = alloc::vec![
        walked(NT, Some("KeBugCheckEx")),
        walked(NT, Some("HvpGetCellPaged")),
    ];
    let machine = Machine::with(frames);
    let mut facts = machine.facts(0x3B, [0xC000_0006, address(NT, 0x1234), 0, 0]);
    facts.verifier_level = Some(0x9BB);
    let found = failure(&facts);
    let bucket = found.bucket_id.as_deref();
    assert_eq!(bucket, Some("0x3B_C0000006_VRF_nt!HvpGetCellPaged"));
    let hash = found.hash.as_deref();
    assert_eq!(hash, Some("7a661e2f-534d-3e96-ba17-ba22422da673"));
    facts.verifier_level = Some(0);
    let off = failure(&facts).bucket_id;
    assert_eq!(off.as_deref(), Some("0x3B_C0000006_nt!HvpGetCellPaged"));
}

#[test]
fn a_named_culprit_is_what_is_followed_up() {
    let machine = Machine::stopped_by(&[NT, "acme.sys"]);
    let at = address("acme.sys", 0x77);
    let found = failure(&machine.facts(0xD1, [0x10, 2, 0, at]));
    assert_eq!(found.symbol_name.as_deref(), Some("acme+77"));
    assert_eq!(found.bucket_id.as_deref(), Some("AV_acme!unknown_function"));
    assert_eq!(found.confidence, Confidence::Likely);
    assert_eq!((found.irql, found.access), (Some(2), Some("read")));
}

#[test]
fn a_stack_of_guesses_without_a_culprit_claims_no_driver() {
    let machine = Machine::stopped_by(&[NT, "acme.sys"]);
    let found = failure(&machine.facts(0x1A, [0x41287, 0, 0, 0]));
    assert_eq!(found.module_name.as_deref(), Some("nt"));
    // Microsoft publishes the kernel's names, so the debugger would have the function.
    assert_eq!(found.confidence, Confidence::Possible);
}

#[test]
fn a_windows_7_target_is_filed_in_the_older_form() {
    let machine = Machine::with(alloc::vec![walked("acme.sys", None)]);
    let mut facts = machine.facts(0x7E, [0xC000_0005, 0, 0, 0]);
    facts.build = Some(7601);
    let found = failure(&facts);
    assert_eq!(found.bucket_id.as_deref(), Some("X64_0x7E_acme+12"));
    assert_eq!(found.default_bucket_id, Some("WIN7_DRIVER_FAULT"));
}

/// One name for every address.
struct Everywhere;

impl Symbolizer for Everywhere {
    fn function(&self, _: VirtualAddress) -> Option<(String, u64)> {
        Some(("LeftOver".into(), 0))
    }
}

#[test]
fn work_that_left_a_lock_behind_is_named_by_the_parameter() {
    let machine = Machine::with(alloc::vec![walked(NT, Some("ExpWorkerThread"))]);
    let mut facts = machine.facts(0x39, [address(NT, 0x500), 0, 0, 0]);
    let found = failure(&facts);
    assert_eq!(found.symbol_name.as_deref(), Some("nt!ExpWorkerThread+12"));
    facts.names = Some(&Everywhere);
    let found = failure(&facts);
    assert_eq!(found.symbol_name.as_deref(), Some("nt!LeftOver+0"));
    assert_eq!(found.bucket_id.as_deref(), Some("0x39_nt!LeftOver"));
}

#[test]
fn a_page_lost_by_the_disk_is_filed_under_the_one_driver_of_the_dump() {
    use crate::nt::{Module, ModuleList};
    let with = |names: &[&str]| {
        let module = |name: &&str| Module {
            name: (*name).into(),
            ..Module::default()
        };
        let mut machine = Machine::stopped_by(&[NT]);
        machine.modules = ModuleList::new(names.iter().map(module).collect());
        failure(&machine.facts(0x7A, [1, 0xC000_0185, 0, 0])).bucket_id
    };
    let one = with(&[NT, "dump_storport.sys", "dump_viostor.sys"]);
    assert_eq!(one.as_deref(), Some("0x7a_c0000185_DUMP_VIOSTOR"));
    let two = with(&[NT, "dump_a.sys", "dump_viostor.sys"]);
    assert_eq!(two.as_deref(), Some("0x7a_c0000185_nt!unknown_function"));
}

#[test]
fn what_the_hardware_reported_is_filed_under_its_maker_and_never_under_a_driver() {
    let machine = Machine::stopped_by(&["acme.sys", "acme.sys"]);
    let mut facts = machine.facts(0x124, [16, 0, 0, 0]);
    assert_eq!(failure(&facts).module_name, None);
    facts.processor_vendor = Some("GenuineIntel");
    let record = crate::nt::hardware_error::ErrorRecord::default();
    facts.hardware = Some(&record);
    let found = failure(&facts);
    assert_eq!(found.image_name.as_deref(), Some("GenuineIntel.sys"));
    let bucket = "0x124_16_GenuineIntel__UNKNOWN_IMAGE_GenuineIntel.sys";
    assert_eq!(found.bucket_id.as_deref(), Some(bucket));
    // As published with that bucket.
    let hash = "37af9407-4a3e-0b08-acdd-dadffdc34c3c";
    assert_eq!(found.hash.as_deref(), Some(hash));
    let mut facts = machine.facts(0x80, [0x4F_4454, 0, 0, 0]);
    facts.processor_vendor = Some("AuthenticAMD");
    let bucket = failure(&facts).bucket_id;
    let wanted = "0x80_4F4454_AuthenticAMD_NOERRREC_IMAGE_AuthenticAMD.sys";
    assert_eq!(bucket.as_deref(), Some(wanted));
}

#[test]
fn one_wrong_bit_in_an_empty_entry_is_filed_under_memory() {
    let found = kernel(0x1A, [0x4_1792, 0xFFFF_DE01_1151_0468, 0x2000_0000_0000, 0]);
    assert_eq!(
        found.bucket_id.as_deref(),
        Some("MEMORY_CORRUPTION_ONE_BIT")
    );
    let hash = "e3faf315-c3d0-81db-819a-6c43d23c63a7";
    assert_eq!(found.hash.as_deref(), Some(hash));
    assert_eq!(found.module_name.as_deref(), Some("hardware"));
    let found = kernel(0x1A, [0x4_1792, 1, 3, 0]);
    assert_eq!(
        found.bucket_id.as_deref(),
        Some("0x1a_41792_nt!MiFindsDamage")
    );
}

#[test]
fn a_request_for_power_is_filed_under_who_held_it_and_the_bus_below() {
    use crate::diagnose::testing::{DEVICE, IRP, objects};
    let machine = Machine::stopped_by(&[NT]);
    let mut facts = machine.facts(0x9F, [3, DEVICE + 0x100, 0, IRP]);
    // As published for a dump that holds neither request nor device.
    assert_eq!(failure(&facts).bucket_id.as_deref(), Some("0x9F_3"));
    let held = objects("acme.sys", "disk.sys");
    facts.space = Some(&held);
    let found = failure(&facts);
    assert_eq!(
        found.bucket_id.as_deref(),
        Some("0x9F_3_acme_IMAGE_disk.sys")
    );
    assert_eq!(found.image_name.as_deref(), Some("disk.sys"));
    let lost = objects("disk.sys", "disk.sys");
    facts.space = Some(&lost);
    let bucket = failure(&facts).bucket_id;
    assert_eq!(bucket.as_deref(), Some("0x9F_3_IMAGE_disk.sys"));
    // As published: a hash of that form.
    let hash = failure_hash("0x9F_3_RtsPer_IMAGE_pci.sys");
    assert_eq!(hash, "ce555a86-e2a6-4bdd-cc96-f64b1a03e85a");
}

#[test]
fn pool_that_found_itself_damaged_is_filed_as_that() {
    let frames = alloc::vec![
        walked(NT, Some("KeBugCheckEx")),
        walked(NT, Some("ExDeferredFreePool")),
    ];
    let found = failure(&Machine::with(frames).facts(0xC5, [8, 2, 0, address(NT, 9)]));
    assert_eq!(found.module_name.as_deref(), Some("Pool_Corruption"));
    assert_eq!(
        found.bucket_id.as_deref(),
        Some("0xC5_2_nt!ExDeferredFreePool")
    );
    assert_eq!(
        kernel(0xC5, [8, 2, 0, 0]).module_name.as_deref(),
        Some("nt")
    );
}

#[test]
fn a_processor_that_hung_is_filed_without_the_watchdogs_stack() {
    let machine = Machine::stopped_by(&["acme.sys"]);
    let mut facts = machine.facts(0x101, [0x18, 0, 0, 2]);
    facts.processors = Some(24);
    let found = failure(&facts);
    let wanted = "CLOCK_WATCHDOG_TIMEOUT_18_PROC_ANALYSIS_INCONCLUSIVE!unknown_function";
    assert_eq!(found.bucket_id.as_deref(), Some(wanted));
    assert_eq!(found.module_name, None);
}

#[test]
fn the_interrupt_level_is_a_parameters_before_it_is_the_processors() {
    let machine = Machine::stopped_by(&[NT]);
    let mut facts = machine.facts(0x7E, [0xC000_0005, 0, 0, 0]);
    assert_eq!(failure(&facts).irql, None);
    facts.interrupt_level = Some(1);
    assert_eq!(failure(&facts).irql, Some(1));
    facts.code = 0xD1;
    facts.parameters = [8, 2, 0, 9];
    assert_eq!(failure(&facts).irql, Some(2));
}

#[test]
fn the_scheduler_of_graphics_is_filed_itself_even_where_its_frame_is_a_guess() {
    let at = |code| {
        let names = ["watchdog.sys", "dxgmms2.sys", "nvlddmkm.sys"];
        let machine = Machine::stopped_by(&names);
        failure(&machine.facts(code, [2, 0, 0, 0]))
    };
    let ours = at(0x119);
    let filed = "0x119_2_DRIVER_FAILED_SUBMIT_COMMAND_dxgmms2!unknown_function";
    assert_eq!(ours.bucket_id.as_deref(), Some(filed));
    assert_eq!(ours.confidence, Confidence::Possible);
    let other = at(0x10E).bucket_id.unwrap();
    assert!(!other.contains("dxgmms2"), "{other}");
}

#[test]
fn a_kernel_without_names_is_filed_at_the_fault_and_not_at_what_carried_it() {
    let at = |sure| {
        let mut frames: alloc::vec::Vec<Frame> = (0..4).map(|_| walked(NT, None)).collect();
        frames[2] = frame(NT, How::TrapFrame, sure);
        let machine = Machine::with(frames);
        let ours = failure(&machine.facts(0xA, [0x18, 2, 0, address(NT, 0x1234)]));
        ours.symbol_name.unwrap_or_default()
    };
    assert_eq!(at(Confidence::Certain), "nt+1234");
    assert_eq!(at(Confidence::Likely), "nt+12");
}
