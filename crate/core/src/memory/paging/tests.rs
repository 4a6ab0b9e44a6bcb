use super::*;

fn format(mode: PagingMode, build: u32) -> EntryFormat {
    EntryFormat {
        mode,
        build,
        invalid_mask: None,
    }
}

const FRAMES: u64 = 0x10_0000;

#[test]
fn the_page_file_number_moves_with_the_build() {
    let entry = 0x777 << 32 | 1 << 12 | 2 << 1 | 4 << 5;
    let file = |build| match format(PagingMode::X64, build).classify(entry, FRAMES) {
        Invalid::PageFile { file, page } => (file, page),
        other => panic!("{other:?}"),
    };
    assert_eq!(file(9600), (2, Some(0x777)));
    // Whether a mask was applied decides the page, and it is not known here.
    assert_eq!(file(17_134), (1, None));
    let arm = format(PagingMode::Arm64, 22_000);
    let entry = 0x55 << 32 | 3 << 6;
    assert_eq!(
        arm.classify(entry, FRAMES),
        Invalid::PageFile {
            file: 3,
            page: Some(0x55)
        }
    );
    let plain = format(PagingMode::X86, 7601);
    assert_eq!(
        plain.classify(0x123 << 12 | 1 << 1, FRAMES),
        Invalid::PageFile {
            file: 1,
            page: Some(0x123)
        }
    );
}

#[test]
fn untouched_given_back_and_absent_pages_are_told_apart() {
    let x64 = format(PagingMode::X64, 19_041);
    assert_eq!(x64.classify(0, FRAMES), Invalid::Nothing);
    assert_eq!(x64.classify(4 << 5, FRAMES), Invalid::DemandZero);
    assert_eq!(x64.classify(0x10 << 5, FRAMES), Invalid::Nothing);
    assert_eq!(x64.classify(1 << 45 | 4 << 5, FRAMES), Invalid::DemandZero);
    assert_eq!(
        x64.classify(0xFFFF_FFFF << 32 | 4 << 5, FRAMES),
        Invalid::Elsewhere
    );
}

#[test]
fn a_masked_frame_is_unmasked_with_the_mask_and_guessed_without() {
    let mut x64 = format(PagingMode::X64, 19_041);
    let entry = (0x1234 << 12 | 1 << 11) ^ 1 << 45;
    let Invalid::Transition(candidates) = x64.classify(entry, FRAMES) else {
        panic!();
    };
    assert_eq!(candidates[1], 0x1234 << 12);
    x64.invalid_mask = Some(1 << 45);
    assert_eq!(
        x64.classify(entry, FRAMES),
        Invalid::Transition([0x1234 << 12; 3])
    );
    // Where bit 4 says that the mask was not applied, the frame stands as it is.
    let entry = 0x1234 << 12 | 1 << 11 | 1 << 4;
    assert_eq!(
        x64.classify(entry, FRAMES),
        Invalid::Transition([0x1234 << 12; 3])
    );
    let paged = (0x99 << 32 | 4 << 5) ^ 1 << 45;
    assert_eq!(
        x64.classify(paged, FRAMES),
        Invalid::PageFile {
            file: 0,
            page: Some(0x99)
        }
    );
}

#[test]
fn a_page_of_a_page_file_is_only_named_when_the_mask_is_known_or_was_not_applied() {
    let page = |mask, entry| match format(PagingMode::X64, 19_041)
        .with_mask(mask)
        .classify(entry, FRAMES)
    {
        Invalid::PageFile { file: 2, page } => page,
        other => panic!("{other:?}"),
    };
    let entry = (0x4321 << 32 | 2 << 12 | 4 << 5) ^ 1 << 45;
    assert_eq!(page(Some(1 << 45), entry), Some(0x4321));
    assert_eq!(page(Some(0), entry), Some(0x6321));
    assert_eq!(page(None, entry), None);
    assert_eq!(page(None, entry | 1 << 4), Some(0x6321));
    // No mask: it reaches into the flags, or beyond every physical address.
    assert_eq!(page(Some(1 << 45 | 1 << 12), entry), None);
    assert_eq!(page(Some(1 << 52), entry), None);
}

#[test]
fn prototype_addresses_have_the_form_of_their_tables() {
    let prototype = |mode, entry| format(mode, 9600).classify(entry, FRAMES);
    let at = |address| Invalid::Prototype(VirtualAddress(address));
    assert_eq!(
        prototype(PagingMode::X64, 0xC000_1234_5678 << 16 | 0x400),
        at(0xFFFF_C000_1234_5678)
    );
    assert_eq!(
        prototype(PagingMode::X64, 0xFFFF_FFFF_FFFF << 16 | 0x400),
        Invalid::Elsewhere
    );
    assert_eq!(
        prototype(PagingMode::Pae, 0x8765_4320 << 32 | 0x400),
        at(0x8765_4320)
    );
    // 0x321 << 1 in the low part, 0x7654 << 11 in the high one.
    assert_eq!(
        prototype(PagingMode::X86, 0x7654 << 11 | 0x40 << 1 | 0x400),
        at(0x8000_0000 | 0x7654 << 10 | 0x100)
    );
}

#[test]
fn addresses_that_no_table_maps_are_refused() {
    let canonical = |mode: PagingMode, at| mode.canonical(VirtualAddress(at));
    assert_eq!(canonical(PagingMode::X64, 0x8000_0000_0000), None);
    assert!(canonical(PagingMode::X64FiveLevels, 0x8000_0000_0000).is_some());
    assert_eq!(canonical(PagingMode::Pae, 0x1_0000_0000), None);
    assert_eq!(
        canonical(PagingMode::Pae, 0xFFFF_FFFF_8000_0000),
        Some(0x8000_0000)
    );
}
