use super::*;
use alloc::vec;

/// The stop code that a line is about, and its parameters.
fn stop(text: &str) -> Option<(u32, Vec<u64>)> {
    line::find(text).stop
}

fn names(text: &str) -> Vec<String> {
    look_up(text)
        .iter()
        .map(|answer| answer.name.clone().into_owned())
        .collect()
}

#[test]
fn a_stop_code_is_found_however_it_was_pasted() {
    let p = vec![
        0xFFFF_F6FC_4000_8770,
        0xFFFF_FFFF_C000_000E,
        0x1C9E_B860,
        0xFFFF_F880_010E_E000,
    ];
    for text in [
        "0x0000007a (0xfffff6fc40008770, 0xffffffffc000000e, 0x000000001c9eb860, 0xfffff880010ee000)",
        "The computer has rebooted from a bugcheck.  The bugcheck was: 0x0000007a (0xfffff6fc40008770, \
         0xffffffffc000000e, 0x000000001c9eb860, 0xfffff880010ee000). A dump was saved in: \
         C:\\Windows\\MEMORY.DMP. Report Id: 112317-27671-01.",
        "*** STOP: 0x0000007A (0xFFFFF6FC40008770,0xFFFFFFFFC000000E,0x000000001C9EB860,0xFFFFF880010EE000)",
        "BugCheck 7A, {fffff6fc40008770, ffffffffc000000e, 1c9eb860, fffff880010ee000}",
        "!analyze -show 7a fffff6fc`40008770 ffffffff`c000000e 1c9eb860 fffff880`010ee000",
        "KERNEL_DATA_INPAGE_ERROR (7a)\nArg1: fffff6fc40008770, lock type\nArg2: ffffffffc000000e\n\
         Arg3: 000000001c9eb860\nArg4: fffff880010ee000",
        "BCCode: 7a BCP1: FFFFF6FC40008770 BCP2: FFFFFFFFC000000E BCP3: 000000001C9EB860 BCP4: FFFFF880010EE000",
        "Event Name: BlueScreen P1: 7a P2: fffff6fc40008770 P3: ffffffffc000000e P4: 1c9eb860 P5: fffff880010ee000",
        "BugcheckCode 122 BugcheckParameter1 0xfffff6fc40008770 BugcheckParameter2 0xffffffffc000000e \
         BugcheckParameter3 0x1c9eb860 BugcheckParameter4 0xfffff880010ee000",
        "BUGCHECK_CODE:  7a\nBUGCHECK_P1: fffff6fc40008770\nBUGCHECK_P2: ffffffffc000000e\n\
         BUGCHECK_P3: 1c9eb860\nBUGCHECK_P4: fffff880010ee000",
        "7a fffff6fc40008770 ffffffffc000000e 1c9eb860 fffff880010ee000",
    ] {
        assert_eq!(stop(text), Some((0x7A, p.clone())), "{text}");
    }
}

#[test]
fn a_stop_code_is_found_by_its_name() {
    for (text, code) in [
        ("CRITICAL_PROCESS_DIED", 0xEF),
        ("critical process died", 0xEF),
        ("Stop code: MEMORY MANAGEMENT", 0x1A),
        ("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED (nvlddmkm.sys)", 0x7E),
        (
            "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M (1000007e)",
            0x1000_007E,
        ),
        ("DRIVER_IRQL_NOT_LESS_OR_EQUAL (d1)", 0xD1),
        (
            "Stop code: IRQL_NOT_LESS_OR_EQUAL What failed: acme.sys",
            0xA,
        ),
        ("0x7a_c000000e_acme!read", 0x7A),
        ("0x0000007E", 0x7E),
        ("Stop code 0x139", 0x139),
        ("BugCheck 1A", 0x1A),
        (
            "Code: 141 LiveKernelEvent Parameter 1: ffffe00012345678",
            0x141,
        ),
    ] {
        assert_eq!(stop(text).map(|s| s.0), Some(code), "{text}");
    }
    assert_eq!(stop("hello world"), None);
    assert_eq!(stop("the memory of that machine was added in 2019"), None);
    assert_eq!(stop(""), None);
}

#[test]
fn an_event_41_is_decimal_and_a_zero_is_no_stop() {
    let event = "BugcheckCode 126 BugcheckParameter1 0xffffffffc0000005";
    assert_eq!(stop(event), Some((0x7E, vec![0xFFFF_FFFF_C000_0005])));
    let none = look_up("BugcheckCode 0 BugcheckParameter1 0x0 PowerButtonTimestamp 0");
    assert!(none[0].name.starts_with("No stop code"));
}

#[test]
fn numbers_and_names_of_all_three_families_are_told() {
    assert_eq!(names("0xC0000005"), ["STATUS_ACCESS_VIOLATION"]);
    assert_eq!(names("-1073741819"), ["STATUS_ACCESS_VIOLATION"]);
    assert_eq!(names("3221225477"), ["STATUS_ACCESS_VIOLATION"]);
    assert_eq!(
        names("STATUS_ACCESS_VIOLATION"),
        ["STATUS_ACCESS_VIOLATION"]
    );
    assert_eq!(
        names("0x80070005"),
        ["E_ACCESSDENIED", "ERROR_ACCESS_DENIED"]
    );
    assert_eq!(names("error_file_not_found"), ["ERROR_FILE_NOT_FOUND"]);
    assert_eq!(names("E_FAIL")[0], "E_FAIL");
    let five = names("5");
    assert!(five.contains(&"ERROR_ACCESS_DENIED".into()), "{five:?}");
    assert!(
        five.contains(&"INVALID_PROCESS_ATTACH_ATTEMPT".into()),
        "{five:?}"
    );
    assert_eq!(names("0xC0000218").len(), 2);
    assert!(look_up("0xdeadbee1").is_empty());
}

#[test]
fn lines_of_any_language_buckets_and_printed_records_are_read() {
    for (text, code, values) in [
        (
            "Der Fehlercode war: 0x0000007a (0x1, 0xc000000e, 0, 0)",
            0x7A,
            vec![1, 0xC000_000E, 0, 0],
        ),
        (
            "Bugcheck code 0000007E Arguments ffffffff`c0000005 1 2 3",
            0x7E,
            vec![0xFFFF_FFFF_C000_0005, 1, 2, 3],
        ),
        (
            "P1: 7e P2: c0000005 P3: 1 P4: 2 P5: 3",
            0x7E,
            vec![0xC000_0005, 1, 2, 3],
        ),
        ("0x1a_41287_nt!MiFault", 0x1A, vec![0x41287]),
        ("0x7a_c000000e_nt!Read", 0x7A, vec![0, 0xC000_000E]),
        ("UNEXPECTED_KERNEL_MODE_TRAP 8", 0x7F, vec![8]),
        ("LiveKernelEvent 144", 0x144, vec![]),
        ("Bluescreen 0x3b", 0x3B, vec![]),
        ("it had a blue screen with 0x3b again", 0x3B, vec![]),
    ] {
        assert_eq!(stop(text), Some((code, values)), "{text}");
    }
    assert_eq!(stop("P1: app.exe P2: 1.0 P3: 5 P4: b.dll P5: 2"), None);
    assert!(names("Event 129 storahci").is_empty());
}

#[test]
fn reports_of_other_languages_hosts_and_viewers_are_read() {
    let power = vec![
        3,
        0xFFFF_E000_1234_5678,
        0xFFFF_F800_1234_5678,
        0xFFFF_E000_8765_4321,
    ];
    for text in [
        "\u{3053}\u{306E}\u{30B3}\u{30F3}\u{30D4}\u{30E5}\u{30FC}\u{30BF}\u{30FC}\u{306F}\u{30D0}\u{30B0}\u{30C1}\u{30A7}\u{30C3}\u{30AF}\u{FF1A}0x0000009f\u{FF08}0x3\u{3001}\
         0xffffe00012345678\u{3001}0xfffff80012345678\u{3001}0xffffe00087654321\u{FF09}\u{3002}",
        "L'ordinateur a red\u{E9}marr\u{E9} apr\u{E8}s une v\u{E9}rification d'erreur. La v\u{E9}rification d'erreur \u{E9}tait\u{A0}: \
         0x0000009f (0x0000000000000003, 0xffffe00012345678, 0xfffff80012345678, 0xffffe00087654321).",
        "Der Computer wurde nach einem schwerwiegenden Fehler neu gestartet. Der Fehlercode war: 0x0000009f \
         (0x0000000000000003, 0xffffe00012345678, 0xfffff80012345678, 0xffffe00087654321). Berichts-ID: 010624-1.",
        "Nom d'\u{E9}v\u{E9}nement\u{A0}: BlueScreen Code\u{A0}: 9f Param\u{E8}tre 1\u{A0}: 3 Param\u{E8}tre 2\u{A0}: ffffe00012345678 \
         Param\u{E8}tre 3\u{A0}: fffff80012345678 Param\u{E8}tre 4\u{A0}: ffffe00087654321",
        "\u{30B3}\u{30FC}\u{30C9}: 9f \u{30D1}\u{30E9}\u{30E1}\u{30FC}\u{30BF}\u{30FC} 1: 3 \u{30D1}\u{30E9}\u{30E1}\u{30FC}\u{30BF}\u{30FC} 2: ffffe00012345678 \
         3: fffff80012345678 4: ffffe00087654321",
        "EventType=BlueScreen Sig[0].Name=Code Sig[0].Value=9f Sig[1].Name=Parameter 1 Sig[1].Value=3 \
         Sig[2].Name=Parameter 2 Sig[2].Value=ffffe00012345678 Sig[3].Name=Parameter 3 \
         Sig[3].Value=fffff80012345678 Sig[4].Name=Parameter 4 Sig[4].Value=ffffe00087654321",
        "'VM1' has encountered a fatal error. The guest operating system reported that it failed with the following \
         error codes: ErrorCode0: 0x9F, ErrorCode1: 0x3, ErrorCode2: 0xFFFFE00012345678, \
         ErrorCode3: 0xFFFFF80012345678, ErrorCode4: 0xFFFFE00087654321.",
        "hyper-v: arg1='0x9f', arg2='0x3', arg3='0xffffe00012345678', arg4='0xfffff80012345678', \
         arg5='0xffffe00087654321'",
        "vcpu-0| WinBSOD: ( 0) `*** STOP: 0x0000009F (0x0000000000000003,0xFFFFE00012345678,\
         0xFFFFF80012345678,0xFFFFE00087654321)'",
        "<Data Name=\"BugcheckCode\">159</Data><Data Name=\"BugcheckParameter1\">0x3</Data>\
         <Data Name=\"BugcheckParameter2\">0xffffe00012345678</Data><Data Name=\"BugcheckParameter3\">\
         0xfffff80012345678</Data><Data Name=\"BugcheckParameter4\">0xffffe00087654321</Data>",
        "012616-28859-01.dmp 1/26/2016 8:15:54 AM DRIVER_POWER_STATE_FAILURE 0x0000009f 00000000`00000003 \
         ffffe000`12345678 fffff800`12345678 ffffe000`87654321 ntoskrnl.exe ntoskrnl.exe+3f5b90 x64",
    ] {
        assert_eq!(stop(text), Some((0x9F, power.clone())), "{text}");
    }
    assert_eq!(
        stop("FAILURE_BUCKET_ID:  0x133_ISR_nt!KeAccumulateTicks").map(|s| s.0),
        Some(0x133)
    );
    assert!(names("ntoskrnl.exe+3f5b90")[0].starts_with("ntoskrnl.exe"));
    assert!(names("AV_nvlddmkm!unknown_function")[0].contains("NVIDIA"));
    assert_eq!(stop("ErrorCode0: 0x0, ErrorCode1: 0x0"), None);
}

#[test]
fn a_decimal_number_is_a_stop_code_too() {
    assert!(names("239").contains(&"CRITICAL_PROCESS_DIED".into()));
    let both = names("122");
    assert!(both.contains(&"WHEA_INTERNAL_ERROR".into()), "{both:?}");
    assert!(
        both.contains(&"KERNEL_DATA_INPAGE_ERROR".into()),
        "{both:?}"
    );
    assert!(
        both.contains(&"ERROR_INSUFFICIENT_BUFFER".into()),
        "{both:?}"
    );
}

#[test]
fn what_has_nearly_that_name_is_offered() {
    let near = look_up("MEMORY_MANAGMENT");
    assert_eq!(near[0].kind, "note");
    assert!(near.iter().any(|answer| answer.name == "MEMORY_MANAGEMENT"));
    let same = look_up("kernel data inpage error");
    assert!(!same[0].steps.is_empty());
    assert_eq!(names("access violation"), ["STATUS_ACCESS_VIOLATION"]);
    assert!(names("nvlddmkm")[0].contains("NVIDIA"));
    assert!(look_up("foo bar").is_empty());
}

#[test]
fn drivers_and_pool_tags_are_told() {
    assert!(
        names("ibthfp.sys")[0].contains("Bluetooth"),
        "{:?}",
        names("ibthfp.sys")
    );
    assert!(names("pool tag MmSt")[0].contains("mapped files"));
    let both = names("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED (nvlddmkm.sys)");
    assert_eq!(both.len(), 2);
    assert!(both[1].contains("NVIDIA"));
    assert!(names("nobody-knows-this.sys")[0].contains("nobody"));
    assert!(look_up("IntcAudioBus.sys")[0].case.contains("10.29.0.5714"));
    assert!(look_up("nvlddmkm.sys")[0].case.is_empty());
}

#[test]
fn a_driver_that_was_named_is_named_in_the_steps() {
    let told = look_up("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED (acme.sys)");
    assert!(told[0].steps.iter().any(|step| step.contains("acme.sys")));
    let nobody = look_up("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED");
    assert!(!nobody[0].steps.iter().any(|step| step.contains('{')));
}

#[test]
fn parameters_are_decoded_and_followed_only_when_given() {
    let told = &look_up("0x9F (3, ffffe00012345678, fffff80012345678, ffffe00087654321)")[0];
    assert!(told.case.contains("power request"));
    assert_eq!(
        told.commands,
        [
            "!devobj ffffe00012345678",
            "dps fffff80012345678",
            "!irp ffffe00087654321"
        ]
    );
    let bare = &look_up("0x9F")[0];
    assert!(bare.commands.is_empty() && bare.case.is_empty());
    assert!(
        bare.parameters
            .iter()
            .all(|p| p.value.is_none() && p.decoded.is_none())
    );
    let inpage = &look_up("7a 4 c000000e 0 805d0000")[0];
    let decoded = inpage.parameters[1].decoded.as_deref().unwrap();
    assert!(decoded.starts_with("STATUS_NO_SUCH_DEVICE"));
    assert_eq!(inpage.parameters[1].value.as_deref(), Some("0xc000000e"));
}

#[test]
fn the_text_has_everything_in_it() {
    let lines = look_up("0x7a (1, c000000e, 0, fffff880010ee000)")[0].lines();
    for begins in [
        "KERNEL_DATA_INPAGE_ERROR (7a)",
        "Arg2: 00000000c000000e",
        "Usual causes",
        "Next in a dump",
        "In a virtual machine",
        "What to do",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(begins)),
            "{begins}: {lines:#?}"
        );
    }
}

#[test]
fn a_hostile_line_is_cut_and_answered_quickly() {
    let mut long = String::new();
    for _ in 0..40_000 {
        long.push_str("é0x7a STATUS_ ");
    }
    assert!(look_up(&long).len() <= MOST);
    for odd in [
        "\u{0}", "((((", "0x", "-", "stop", "tag", "p1", "bcp1", "code:", "🦀",
    ] {
        let _ = look_up(odd);
    }
}
