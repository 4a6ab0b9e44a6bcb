//! The pieces of real minidumps: drivers, unloaded drivers, stack, blocks and secondary data.

mod support;

use bluepane::container::blob::{self, tag};
use bluepane::container::{DumpHeader, Triage};
use bluepane::platform::registry_values::pairs;
use bluepane::source::{Slice, Source};

/// File, number of drivers as an independent reader counted them.
static DUMPS: &[(&str, usize)] = &[
    ("folder-of-8/111217-27671-01.dmp", 166),
    ("folder-of-8/111317-24484-01.dmp", 167),
    ("folder-of-8/111317-27812-01.dmp", 164),
    ("folder-of-8/111317-33765-01.dmp", 171),
    ("folder-of-8/111317-44625-01.dmp", 181),
    ("folder-of-8/111317-52015-01.dmp", 179),
    ("folder-of-8/111417-173000-01.dmp", 179),
    ("folder-of-8/111417-58375-01.dmp", 179),
    ("w10-19041-x64-1a.dmp", 149),
    ("w10-19041-x64-1c7.dmp", 205),
    ("w10-19041-x64-50.dmp", 192),
    ("w10-19041-x64-7e.dmp", 151),
    ("w11-22000-arm64-1c8.dmp", 245),
    ("w11-26100-x64-65.dmp", 218),
];

fn each(mut check: impl FnMut(&str, usize, &[u8], &Triage)) {
    for &(name, drivers) in DUMPS {
        if let Some(bytes) = support::dump(&format!("triage/{name}")) {
            let source = Slice(&bytes);
            let header = DumpHeader::read(&source).unwrap();
            let triage = Triage::read(&source, &header).unwrap();
            check(name, drivers, &bytes, &triage);
        }
    }
}

#[test]
fn every_minidump_gives_all_pieces_without_a_note() {
    each(|name, _, _, triage| {
        assert_eq!(triage.notes, [], "{name}");
        assert!(triage.processor.is_some(), "{name}");
        assert!(
            triage.process.is_some() && triage.thread.is_some(),
            "{name}"
        );
        assert_eq!(triage.context.unwrap().offset, 0x348, "{name}");
        assert_eq!(triage.exception.unwrap().offset, 0xF00, "{name}");
        let debugger_data = triage.debugger_data.unwrap();
        assert!((0x340..0x400).contains(&debugger_data.len), "{name}");
        assert!(triage.blocks.len() > 20, "{name}");
        assert!(!triage.overflowed, "{name}");
    });
}

#[test]
fn drivers_are_complete_named_aligned_and_apart() {
    each(|name, count, _, triage| {
        assert_eq!(triage.drivers.len(), count, "{name}");
        let first = triage.drivers[0].file_name().to_ascii_lowercase();
        assert!(
            ["ntoskrnl.exe", "ntkrnlmp.exe"].contains(&&first[..]),
            "{name}: {first}"
        );
        let mut ranges: Vec<_> = Vec::new();
        for driver in &triage.drivers {
            let file = driver.file_name();
            assert!(file.len() > 4 && file.contains('.'), "{name}: {file}");
            assert_eq!(driver.base & 0xFFF, 0, "{name}: {file}");
            assert!(driver.base > 0xFFFF_8000_0000_0000, "{name}: {file}");
            assert!(driver.size >= 0x1000, "{name}: {file}");
            ranges.push((driver.base, driver.base + u64::from(driver.size)));
        }
        ranges.sort_unstable();
        assert!(ranges.windows(2).all(|w| w[0].1 <= w[1].0), "{name}");
        let stamped = triage.drivers.iter().filter(|d| d.timestamp != 0).count();
        assert!(stamped * 10 > count * 9, "{name}: {stamped}");
    });
}

#[test]
fn unloaded_drivers_have_names_and_ranges_on_every_windows() {
    each(|name, _, _, triage| {
        assert!(!triage.unloaded.is_empty(), "{name}");
        for driver in &triage.unloaded {
            assert!(driver.name.is_ascii(), "{name}: {}", driver.name);
            assert!(driver.name.len() >= 4 && driver.name.len() <= 12, "{name}");
            assert!(driver.end - driver.start < 0x400_0000, "{name}");
            assert_eq!(driver.start & 0xFFF, 0, "{name}");
        }
        if name.starts_with("w11-26100") {
            let names: Vec<_> = triage.unloaded.iter().map(|d| d.name.as_str()).collect();
            assert!(
                names.iter().any(|name| name.starts_with("vwifimp")),
                "{names:?}"
            );
        }
    });
}

#[test]
fn the_stack_copy_begins_at_or_below_the_stack_pointer() {
    each(|name, _, bytes, triage| {
        let stack = triage.stack.unwrap();
        let arm = name.contains("arm64");
        let at = 0x348 + if arm { 0x100 } else { 0x98 };
        let pointer = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let inside = (stack.address..stack.address + stack.len).contains(&pointer);
        assert!(inside, "{name}: {pointer:#x} {stack:x?}");
        assert_eq!((stack.address + stack.len) & 7, 0, "{name}");
    });
}

#[test]
fn commit_figures_are_there_where_windows_wrote_them_and_make_sense() {
    each(|name, _, _, triage| {
        let figures = triage.memory_figures.unwrap();
        let expected = name.starts_with("folder") || name.contains("1c7") || name.contains("26100");
        assert_eq!(figures.recorded(), expected, "{name}");
        if figures.recorded() {
            assert!(figures.committed <= figures.committed_peak, "{name}");
            assert!(
                figures.committed_peak <= figures.commit_limit_maximum,
                "{name}"
            );
            assert!(
                figures.allocated_nonpaged_pool < figures.committed,
                "{name}"
            );
        }
        if name.contains("26100") {
            assert_eq!(figures.committed, 0xA_B3D2);
            assert_eq!(figures.commit_limit_maximum, 0x13D_0FE4);
        }
    });
}

#[test]
fn secondary_data_begins_where_the_minidump_ends() {
    each(|name, _, bytes, triage| {
        let source = Slice(bytes);
        let data = blob::walk(&source, triage.size_of_dump).unwrap().unwrap();
        assert!(!data.cut && data.end <= source.len(), "{name}");
        assert!(data.blobs.len() >= 9, "{name}");
        let records = data.data(&source, tag::REGISTRY_VALUES).unwrap().unwrap();
        let records = pairs(&records);
        let value = |wanted: &str| records.iter().find(|(name, _)| name == wanted);
        let megahertz: u32 = value("~MHz").unwrap().1.parse().unwrap();
        assert!((500..6000).contains(&megahertz), "{name}: {megahertz}");
        assert!(value("ProcessorNameString").is_some(), "{name}");
        let firmware = data.find(tag::SMBIOS).is_some();
        assert_eq!(firmware, name != "w10-19041-x64-7e.dmp", "{name}");
        if let Some(ntfs) = data.data(&source, tag::BLACK_BOX_NTFS).unwrap() {
            assert_eq!(blob::ntfs(&ntfs), Some(Vec::new()), "{name}");
        }
        if let Some(boot) = data.data(&source, tag::BLACK_BOX_BOOT).unwrap() {
            let boot = blob::boot_status(&boot).unwrap();
            assert!(
                boot.last_successful_shutdown_id <= boot.last_boot_id,
                "{name}"
            );
            assert!(boot.last_reference_time.is_some(), "{name}");
        }
        if let Some(pnp) = data.data(&source, tag::BLACK_BOX_PNP).unwrap() {
            let pnp = blob::plug_and_play(&pnp).unwrap();
            assert!(pnp.device.contains('\\') && pnp.device.is_ascii(), "{name}");
        }
        if let Some(logon) = data.data(&source, tag::BLACK_BOX_WINLOGON).unwrap() {
            let logon = blob::winlogon(&logon).unwrap();
            assert!(
                logon.operation.is_ascii() && logon.operation.len() > 5,
                "{name}"
            );
        }
    });
}

#[test]
fn memory_that_drivers_added_on_26100_agrees_with_the_data_blocks() {
    each(|name, _, bytes, triage| {
        let source = Slice(bytes);
        let data = blob::walk(&source, triage.size_of_dump).unwrap().unwrap();
        let Some(found) = data.find(tag::TRIAGE_MEMORY) else {
            assert!(!name.contains("26100"));
            return;
        };
        let groups = blob::extra_memory(&source, found.offset, found.size.into()).unwrap();
        let counts: Vec<_> = groups.iter().map(|group| group.blocks.len()).collect();
        assert_eq!(counts, [41, 3, 7, 5]);
        assert_eq!(groups[0].name, "IoTriageDumpData");
        let at = |offset: u64, len: u64| &bytes[offset as usize..(offset + len) as usize];
        // The callbacks ran a moment apart, so a counter or two moved on between them.
        let twins = groups[0].blocks.iter().filter(|block| {
            let twin = triage.blocks.iter().find(|b| b.address == block.address);
            at(block.offset, block.len) == twin.map_or(&[][..], |b| at(b.offset, b.len))
        });
        assert!(twins.count() >= 38);
    });
}
