//! Where `_CMHIVE`, `_HHIVE`, `_DUAL` and `_HMAP_ENTRY` keep their members, by build.
//!
//! Sources: vergilius-rs (Apache-2.0) for the builds up to 22631; ntdiff's lists of members for
//! 26100, where nothing has moved since 20348. ARM64 lays these structures out as x64 does.

/// What every hive begins with.
pub(super) const SIGNATURE: u32 = 0xBEE0_BEE0;

/// Offsets of one family of builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bytes in a pointer.
    pub width: u8,
    /// Builds, first and last.
    pub builds: (u32, u32),
    /// _HHIVE.BaseBlock.
    pub base_block: u64,
    /// _HHIVE.Storage, two of _DUAL.
    pub storage: u64,
    /// Size of _DUAL.
    pub dual: u64,
    /// _CMHIVE.HiveList.
    pub list: u64,
    /// _CMHIVE.FileFullPath.
    pub file_path: u64,
    /// _CMHIVE.HiveRootPath; 0 where there is none.
    pub root_path: u64,
    /// Size of _HMAP_ENTRY.
    pub entry: u64,
    /// The form of _HMAP_ENTRY.
    pub form: EntryForm,
}

/// What an entry of the cell map holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryForm {
    /// BlockAddress: the block's own address.
    Block,
    /// BlockOffset, PermanentBinAddress: the bin's address with flags in its lowest bits, and how
    /// far into the bin the block lies.
    Bin,
}

/// Members of _DUAL, in pointers: Length 0 (32 bits), Map 1.
pub(super) const MAP: u64 = 1;

use EntryForm::{Bin, Block};

#[allow(clippy::too_many_arguments, reason = "one row of a table")]
const fn row(
    width: u8,
    builds: (u32, u32),
    base_block: u64,
    storage: u64,
    dual: u64,
    [list, file_path, root_path]: [u64; 3],
    entry: u64,
    form: EntryForm,
) -> Layout {
    Layout {
        width,
        builds,
        base_block,
        storage,
        dual,
        list,
        file_path,
        root_path,
        entry,
        form,
    }
}

/// Newest first, so that a build that is not listed is tried with what lies nearest.
#[rustfmt::skip]
static LAYOUTS: &[Layout] = &[
    row(8, (20_000, 99_999), 0x40, 0x118, 0x278, [0x648, 0x720, 0x740], 0x18, Bin),
    row(8, (17_063, 19_999), 0x40, 0x110, 0x278, [0x640, 0x718, 0x738], 0x18, Bin),
    row(8, (10_240, 17_062), 0x40, 0x578, 0x278, [0xAA8, 0xBB0, 0xBD0], 0x28, Bin),
    // Update 1 of Windows 8.1 moved everything by 8 bytes.
    row(8, (9600, 9600), 0x38, 0xB8, 0x278, [0x5E8, 0x6E0, 0x700], 0x18, Block),
    row(8, (9600, 9600), 0x38, 0xB0, 0x278, [0x5E0, 0x6D8, 0x6F8], 0x18, Block),
    row(8, (9200, 9200), 0x38, 0x90, 0x278, [0x5C0, 0x688, 0x6A8], 0x18, Block),
    row(8, (7600, 7601), 0x50, 0xA8, 0x278, [0x5D8, 0x6D8, 0x6F8], 0x20, Block),
    row(8, (6001, 6003), 0x48, 0xA0, 0x278, [0x5D0, 0x670, 0x690], 0x20, Block),
    row(8, (6000, 6000), 0x48, 0xA0, 0x278, [0x5D0, 0x660, 0x680], 0x20, Block),
    row(8, (3790, 3790), 0x48, 0x88, 0x278, [0x5A0, 0x600, 0], 0x20, Block),
    row(4, (18_362, 99_999), 0x20, 0xC8, 0x19C, [0x420, 0x4A8, 0x4B8], 0xC, Bin),
    row(4, (17_063, 18_361), 0x20, 0xC8, 0x19C, [0x420, 0x4A0, 0x4B0], 0xC, Bin),
    row(4, (10_240, 17_062), 0x20, 0x3B8, 0x19C, [0x710, 0x7B0, 0x7C0], 0x14, Bin),
    row(4, (9600, 9600), 0x1C, 0x84, 0x19C, [0x3DC, 0x470, 0x480], 0xC, Block),
    row(4, (9600, 9600), 0x1C, 0x80, 0x19C, [0x3D8, 0x470, 0x480], 0xC, Block),
    row(4, (9200, 9200), 0x1C, 0x68, 0x19C, [0x3C0, 0x438, 0x448], 0xC, Block),
    row(4, (7600, 7601), 0x28, 0x74, 0x13C, [0x30C, 0x3A0, 0x3B0], 0x10, Block),
    row(4, (6001, 6003), 0x24, 0x70, 0x13C, [0x308, 0x368, 0x378], 0x10, Block),
    row(4, (6000, 6000), 0x24, 0x70, 0x13C, [0x308, 0x358, 0x368], 0x10, Block),
    row(4, (3790, 3790), 0x24, 0x58, 0x13C, [0x2E4, 0x314, 0], 0x10, Block),
    row(4, (2600, 2600), 0x24, 0x58, 0xDC, [0x224, 0x248, 0], 0x10, Block),
];

/// The layouts that may be a build's, the likeliest first: those that name it, then the others
/// of that width.
pub(super) fn candidates(width: u8, build: u32) -> impl Iterator<Item = &'static Layout> {
    let names = move |layout: &&'static Layout| {
        layout.width == width && (layout.builds.0..=layout.builds.1).contains(&build)
    };
    let others = move |layout: &&'static Layout| layout.width == width && !names(layout);
    LAYOUTS
        .iter()
        .filter(names)
        .chain(LAYOUTS.iter().filter(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_tried_with_its_own_layout_first_and_with_each_other_once() {
        let first = |width, build| candidates(width, build).next().unwrap();
        assert_eq!(first(8, 26_100).storage, 0x118);
        assert_eq!(first(8, 19_045).storage, 0x110);
        assert_eq!(first(4, 7601).dual, 0x13C);
        let both: alloc::vec::Vec<_> = candidates(8, 9600).take(2).map(|l| l.list).collect();
        assert_eq!(both, [0x5E8, 0x5E0]);
        for width in [4, 8] {
            let all = LAYOUTS.iter().filter(|l| l.width == width).count();
            assert_eq!(candidates(width, 9600).count(), all);
        }
    }
}
