//! Each kind of name and address, in the sentences in which they are met.

use super::*;
use alloc::vec;

/// `text` as a remark of a report, redacted.
fn redacted(text: &str) -> String {
    let note = Note {
        code: "x".into(),
        text: text.into(),
    };
    let report = Report {
        notes: vec![note],
        ..Report::default()
    };
    redact(&report, &RedactionOptions::default()).notes[0]
        .text
        .clone()
}

#[test]
fn paths_below_a_profile_lose_user_and_rest_but_keep_the_folder() {
    let cases = [
        (
            "C:\\Users\\ann\\Documents\\x.sys",
            "C:\\Users\\[user's path]",
        ),
        (
            "\\??\\c:\\users\\Ann Lee\\My App\\x y.sys",
            "\\??\\c:\\users\\[user's path] y.sys",
        ),
        (
            "in C:\\Users\\ann\\x.sys, loaded by ANN",
            "in C:\\Users\\[user's path], loaded by [user name]",
        ),
        (
            "C:\\Documents and Settings\\ann\\x",
            "C:\\Documents and Settings\\[user's path]",
        ),
        ("/home/ann/x.so", "/home/[user's path]"),
        ("/Users/ann/x", "/Users/[user's path]"),
        ("C:\\Users\\Public\\x.sys", "C:\\Users\\Public\\x.sys"),
        ("C:\\Windows\\x.sys", "C:\\Windows\\x.sys"),
    ];
    for (before, after) in cases {
        assert_eq!(redacted(before), after);
    }
}

#[test]
fn hosts_are_known_by_share_paths_and_registry_values() {
    let cases = [
        ("\\\\srv1\\c$\\x", "\\\\[host name]\\c$\\x"),
        ("\\\\?\\C:\\x", "\\\\?\\C:\\x"),
        ("\\\\.\\pipe\\x", "\\\\.\\pipe\\x"),
        (
            "HostName = srv1.corp.example; SRV1 was busy",
            "HostName = [host name]; [host name] was busy",
        ),
        (
            "VirtualMachineName: \"My Box\" is My Box",
            "VirtualMachineName: \"[virtual machine name]\" is [virtual machine name]",
        ),
        (
            "the host name cannot be told",
            "the host name cannot be told",
        ),
    ];
    for (before, after) in cases {
        assert_eq!(redacted(before), after);
    }
}

#[test]
fn network_addresses_and_uuids_go_and_what_looks_like_them_stays() {
    let cases = [
        ("at 10.0.0.1.", "at [IP address]."),
        ("fe80::1 and ::1", "[IP address] and [IP address]"),
        ("2001:db8:0:0:0:0:2:1", "[IP address]"),
        ("00-15-5d-01-02-03", "[MAC address]"),
        ("{12345678-1234-1234-1234-123456789abc}", "{[UUID]}"),
        (
            "10.0.19041.1 of 6.3.9600.16384",
            "10.0.19041.1 of 6.3.9600.16384",
        ),
        ("version 1.2.3.4", "version 1.2.3.4"),
        ("at 11:33:20, up 3:04:05", "at 11:33:20, up 3:04:05"),
        ("abc::def and std::fab", "abc::def and std::fab"),
        ("fffff800`12345678", "fffff800`12345678"),
        ("0x00155D0102030405", "0x00155D0102030405"),
    ];
    for (before, after) in cases {
        assert_eq!(redacted(before), after);
    }
}

#[test]
fn the_computers_name_goes_with_its_domain_but_not_out_of_other_words() {
    let system = crate::model::System {
        computer_name: Some("WEB".into()),
        ..crate::model::System::default()
    };
    let report = Report {
        system: Some(system),
        summary: "WEB.corp.example stopped; WEBcam.sys and web.sys did not".into(),
        ..Report::default()
    };
    let summary = redact(&report, &RedactionOptions::default()).summary;
    assert_eq!(
        summary,
        "[computer name] stopped; WEBcam.sys and [computer name].sys did not"
    );
}

#[test]
fn a_report_full_of_names_is_rewritten_in_bounded_time() {
    let notes = (0..5000)
        .map(|n| Note {
            code: "x".into(),
            text: alloc::format!("C:\\Users\\user{n}\\x \\\\host{n}\\y"),
        })
        .collect();
    let report = Report {
        notes,
        ..Report::default()
    };
    let redacted = redact(&report, &RedactionOptions::default());
    assert!(!redacted.notes[4000].text.contains("user4000"));
}
