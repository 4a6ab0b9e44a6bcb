use super::*;
use crate::model::Hex;
use alloc::vec;

fn frame(module: &str, symbol: &str, how: How) -> Frame {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Frame {
        address: Hex(0xffff_f800_0000_1000),
        stack_pointer: None,
        child: None,
        return_address: None,
        arguments: Vec::new(),
        module: some(module),
        symbol: some(symbol),
        offset: None,
        how,
        confidence: Confidence::Certain,
        gap: None,
    }
}

fn told(frames: Vec<Frame>, bug_check: bool, code: u32) -> Vec<Stretch> {
    told_of(frames, bug_check, (code, 0xFF))
}

fn told_of(frames: Vec<Frame>, bug_check: bool, stop: (u32, u64)) -> Vec<Stretch> {
    let stack = Stack {
        frames,
        bug_check,
        ..Stack::default()
    };
    stretches(&stack, stop)
}

fn kinds(found: &[Stretch]) -> Vec<(&str, u32)> {
    found.iter().map(|s| (s.kind, s.frames)).collect()
}

const NT: &str = "ntoskrnl.exe";

#[test]
fn the_stack_of_an_in_page_error_is_told_from_stop_to_program() {
    let u = How::Unwind;
    let mut frames = vec![
        frame(NT, "KeBugCheckEx", How::Context),
        frame(NT, "MiWaitForInPageComplete", u),
        frame(NT, "MiIssueHardFault", u),
        frame(NT, "MmAccessFault", u),
        frame(NT, "KiPageFault", u),
        frame("Ntfs.sys", "", How::TrapFrame),
        frame("Ntfs.sys", "", u),
        frame(NT, "IofCallDriver", u),
        frame("fltmgr.sys", "", u),
        frame(NT, "IopSynchronousServiceTail", u),
        frame(NT, "NtReadFile", u),
        frame(NT, "KiSystemServiceCopyEnd", u),
    ];
    frames.push(Frame {
        address: Hex(0x7ffc_1234),
        ..frame("", "", u)
    });
    let found = told(frames, true, 0x7A);
    let expected = [
        ("bug-check", 1),
        ("in-page-error", 2),
        ("page-fault", 2),
        ("file-system", 2),
        ("io-manager", 1),
        ("file-system", 1),
        ("io-manager", 2),
        ("system-call", 1),
        ("program", 1),
    ];
    assert_eq!(kinds(&found), expected);
    assert!(found[3].text.starts_with("What stands above interrupted"));
    assert_eq!(found[3].title, "File system: Ntfs.sys");
    assert!(found.iter().all(|stretch| !stretch.third_party));
}

#[test]
fn without_names_the_stop_code_says_what_stands_before_the_trap() {
    let frames = vec![
        frame(NT, "", How::Context),
        frame(NT, "", How::Unwind),
        frame("storport.sys", "", How::TrapFrame),
        frame(NT, "", How::Unwind),
        frame("storport.sys", "", How::Unwind),
    ];
    let found = told(frames.clone(), true, 0xD1);
    assert_eq!(
        kinds(&found),
        [("bug-check", 1), ("page-fault", 1), ("storage", 3)]
    );
    // A stack that stopped nothing says nothing of a stop.
    let found = told(frames, false, 0);
    assert_eq!(kinds(&found), [("kernel", 2), ("storage", 3)]);
}

#[test]
fn a_driver_that_is_not_windows_own_stands_by_itself_and_is_marked() {
    let frames = vec![
        frame("storport.sys", "", How::Unwind),
        frame("exampflt.sys", "", How::Scan),
        frame("disk.sys", "", How::Unwind),
    ];
    let found = told(frames, false, 0);
    assert_eq!(
        kinds(&found),
        [("storage", 1), ("driver", 1), ("storage", 1)]
    );
    let third: Vec<bool> = found.iter().map(|stretch| stretch.third_party).collect();
    assert_eq!(third, [false, true, false]);
    assert_eq!(found[1].title, "Driver: exampflt.sys");
    assert!(found[1].text.contains("not known"));
}

#[test]
fn the_names_of_a_drivers_own_functions_are_not_taken_for_the_kernels() {
    let found = told(
        vec![frame("exampflt.sys", "CcCopyRead", How::Unwind)],
        false,
        0,
    );
    assert_eq!(kinds(&found), [("driver", 1)]);
}

#[test]
fn a_place_in_no_module_or_in_an_unloaded_one_is_called_that() {
    let frames = vec![
        frame("", "", How::TrapFrame),
        frame("unloaded exampusb.sys", "", How::Scan),
    ];
    let found = told(frames, false, 0);
    assert_eq!(kinds(&found), [("nowhere", 1), ("module-gone", 1)]);
}

#[test]
fn only_candidates_are_told_as_such_and_no_frames_give_no_stretch() {
    let doubtful = Frame {
        confidence: Confidence::Possible,
        ..frame("Ntfs.sys", "", How::Scan)
    };
    assert!(told(vec![doubtful], false, 0)[0].text.contains("leftovers"));
    assert!(
        !told(vec![frame("Ntfs.sys", "", How::Scan)], false, 0)[0]
            .text
            .contains("leftovers")
    );
    assert!(told(Vec::new(), true, 0xD1).is_empty());
}

#[test]
fn traps_are_called_by_their_handler_and_without_names_by_the_vector_of_the_stop() {
    for (handler, kind) in [
        ("KiDoubleFaultAbort", "double-fault"),
        ("KiNmiInterrupt", "nmi"),
        ("KiMcheckAbort", "machine-check"),
        ("KiPageFault", "page-fault"),
        ("KiBreakpointTrap", "breakpoint"),
        ("KiDivideErrorFault", "divide-error"),
        ("KiGeneralProtectionFault", "protection-fault"),
        ("KiInvalidOpcodeFault", "invalid-opcode"),
        ("KiInterruptDispatch", "interrupt"),
        ("KiSystemServiceCopyEnd", "system-call"),
        ("KiStackFault", "trap"),
    ] {
        let found = told(vec![frame(NT, handler, How::Unwind)], false, 0);
        assert_eq!(kinds(&found), [(kind, 1)], "{handler}");
    }
    let nameless = || {
        vec![
            frame(NT, "", How::Context),
            frame(NT, "", How::Unwind),
            frame("exampflt.sys", "", How::TrapFrame),
        ]
    };
    for (stop, kind) in [
        ((0x7F, 8), "double-fault"),
        ((0x1000_007F, 8), "double-fault"),
        ((0x7F, 0), "divide-error"),
        ((0x7F, 2), "nmi"),
        ((0x7F, 18), "machine-check"),
        ((0x7F, 99), "trap"),
        ((0x80, 0), "nmi"),
        ((0x9C, 0), "machine-check"),
        ((0x124, 0), "hardware-error"),
        ((0x7E, 0xFFFF_FFFF_8000_0003), "breakpoint"),
        ((0x7E, 0xFFFF_FFFF_C000_0005), "exception"),
        ((0x3B, 0xC000_0094), "divide-error"),
        ((0xD1, 0), "page-fault"),
    ] {
        let found = told_of(nameless(), true, stop);
        let expected = [("bug-check", 1), (kind, 1), ("driver", 1)];
        assert_eq!(kinds(&found), expected, "{stop:x?}");
    }
}
