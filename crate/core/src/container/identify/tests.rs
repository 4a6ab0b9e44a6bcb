use super::*;
use crate::source::Slice;
use alloc::{string::String, vec, vec::Vec};

fn format(bytes: &[u8]) -> FileFormat {
    identify(&Slice(bytes)).unwrap().format
}

fn padded(bytes: &[u8], offset: usize) -> Vec<u8> {
    let mut file = vec![0; 0x2000];
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn files_are_known_by_their_content() {
    use FileFormat as F;
    for (bytes, expected) in [
        (&b"MDMP\x93\xA7"[..], F::UserMinidump),
        (b"PK\x03\x04", F::Zip),
        (b"Rar!\x1A\x07\x00", F::Rar4),
        (b"Rar!\x1A\x07\x01\x00", F::Rar5),
        (b"BZh91AY&SY", F::Bzip2),
        (b"regf", F::RegistryHive),
        (b"\x7FELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0", F::ElfCore),
        (
            b"\x7FELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0",
            F::OtherProgram,
        ),
        (b"vhdxfile", F::Vhdx),
        (b"\x14\x20\x28\x01", F::HyperVStorage),
        (b"ElfFile\0", F::EventLog),
        (b"%PDF-1.7", F::Document),
    ] {
        assert_eq!(format(&padded(bytes, 0)), expected, "{bytes:?}");
    }
    assert_eq!(format(&padded(b"ustar", 257)), F::Tar);
    let mut image = padded(b"PE\0\0", 0x80);
    image[..2].copy_from_slice(b"MZ");
    image[0x3C] = 0x80;
    assert_eq!(format(&image), F::PeImage);
    assert_eq!(format(b"MZ and then nothing of the kind"), F::Text);
}

#[test]
fn text_is_told_from_other_data() {
    use FileFormat as F;
    assert_eq!(format(b"hello\r\nworld"), F::Text);
    assert_eq!(format(b"  {\"schema\": 1}"), F::Json);
    assert_eq!(format(b"<!DOCTYPE HTML><p>no"), F::Html);
    assert_eq!(
        format(b"version https://git-lfs.github.com/spec/v1\noid sha256:0"),
        F::LfsPointer
    );
    let wide: Vec<u8> = "Version=1\r\nEventType=BlueScreen"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(format(&wide), F::ErrorReport);
    assert_eq!(format(&[1, 2, 3, 200, 201]), F::Unknown);
}

#[test]
fn zeros_are_told_from_a_header_of_zeros() {
    assert_eq!(format(&[]), FileFormat::Empty);
    assert_eq!(format(&[0]), FileFormat::Zeros);
    assert_eq!(format(&vec![0; 300_001]), FileFormat::Zeros);
    let mut tail = vec![0; 300_001];
    tail[300_000] = 1;
    assert_eq!(format(&tail), FileFormat::ZeroedStart);
    let mut vhd = vec![0; 0x8000];
    vhd[0x7E00..0x7E08].copy_from_slice(b"conectix");
    assert_eq!(format(&vhd), FileFormat::Vhd);
}

#[test]
fn a_kernel_dump_is_named_by_its_header() {
    let mut bytes: Vec<u8> = b"PAGEDU64".iter().copied().cycle().take(0x2000).collect();
    bytes[0xF98..0xF9C].copy_from_slice(&4_u32.to_le_bytes());
    bytes[0x1050..0x1054].copy_from_slice(&0x100_u32.to_le_bytes());
    let identity = identify(&Slice(&bytes)).unwrap();
    assert_eq!(identity.kind, Kind::Triage);
    assert_eq!(identity.label, "Kernel minidump (64-bit)");
    assert!(identity.encrypted && identity.advice.is_some());
    let cut = identify(&Slice(&bytes[..0x1FFF])).unwrap();
    assert_eq!(cut.format, FileFormat::KernelDumpHeaderCut);
    assert!(cut.label.ends_with("cut short"));
}

#[test]
fn every_format_says_what_it_is() {
    for format in [
        FileFormat::Zip,
        FileFormat::Hibernation,
        FileFormat::Unknown,
    ] {
        let identity = Identity::of(format);
        let whole = String::from(identity.sentence);
        assert!(!identity.label.is_empty() && whole.ends_with('.'));
        assert!(identity.advice.is_some());
    }
}
