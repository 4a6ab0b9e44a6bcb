use super::*;
use crate::container::header::VALID_64;
use crate::source::Slice;
use alloc::vec;

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

fn put64(bytes: &mut [u8], offset: usize, value: u64) {
    put(bytes, offset, &value.to_le_bytes());
}

fn dump(kind: u32) -> Vec<u8> {
    let mut file = vec![0; 0x4000];
    put(&mut file, 0, b"PAGE");
    put(&mut file, 4, &VALID_64);
    put(&mut file, 0xF98, &kind.to_le_bytes());
    file
}

fn read(file: &[u8]) -> Result<StoredPages, PagesError> {
    let source = Slice(file);
    StoredPages::read(&source, &DumpHeader::read(&source).unwrap())
}

fn bitmap_dump() -> Vec<u8> {
    let mut file = dump(6);
    put(&mut file, 0x2000, b"SDMPDUMP");
    put(&mut file, 0x200C, b"PAGE");
    put64(&mut file, 0x2020, 0x3000);
    put64(&mut file, 0x2028, 2);
    put64(&mut file, 0x2030, 100);
    file
}

#[test]
fn a_bitmap_header_tells_where_the_pages_are_and_what_is_missing() {
    let file = bitmap_dump();
    let pages = read(&file).unwrap();
    assert_eq!((pages.first_page, pages.present), (0x3000, 2));
    let place = FileRange {
        offset: 0x2038,
        len: 13,
    };
    assert_eq!(pages.list, PageList::Bitmap { place, bits: 100 });
    let header = DumpHeader::read(&Slice(&file)).unwrap();
    let extent = Extent::new(&header, Some(&pages), None);
    assert_eq!((extent.missing(), extent.truncated()), (0x1000, true));
}

#[test]
fn the_form_before_windows_8_is_told_by_its_header_size() {
    let mut file = dump(2);
    put(&mut file, 0x2000, b"SDMPDUMP");
    put(&mut file, 0x200C, &0x3000_u32.to_le_bytes());
    put(&mut file, 0x2014, &1_u32.to_le_bytes());
    put(&mut file, 0x2018, &64_u32.to_le_bytes());
    let pages = read(&file).unwrap();
    assert_eq!((pages.first_page, pages.end()), (0x3000, 0x4000));
    let PageList::Bitmap { place, bits } = pages.list else {
        panic!("{:?}", pages.list);
    };
    assert_eq!((place.offset, place.len, bits), (0x2028, 8, 64));
}

#[test]
fn of_numbers_that_contradict_each_other_those_are_taken_that_the_file_bears_out() {
    let with = |at: usize, value: u64| {
        let mut file = bitmap_dump();
        put64(&mut file, at, value);
        let pages = read(&file).unwrap();
        let PageList::Bitmap { bits, place } = pages.list else {
            panic!("{:?}", pages.list);
        };
        assert_eq!((place.offset, place.len), (0x2038, bits.div_ceil(8)));
        (pages.first_page, pages.present, bits, pages.mended)
    };
    let room = (0x3000 - 0x2038) * 8;
    assert_eq!(with(0x2030, 99), (0x3000, 2, 99, false));
    // A count of pages that the bitmap cannot hold: the bitmap decides.
    assert_eq!(with(0x2028, 101), (0x3000, 101, 100, false));
    // Too many bits, or too few for the pages that there are: as many as fit.
    assert_eq!(with(0x2030, u64::MAX), (0x3000, 2, room, true));
    assert_eq!(with(0x2030, 0x10_0000), (0x3000, 2, room, true));
    let mut far = bitmap_dump();
    far.resize(0x9000, 0);
    put64(&mut far, 0x2020, 0x8000);
    put64(&mut far, 0x2030, 1);
    let far = read(&far).unwrap();
    assert!(far.mended && matches!(far.list, PageList::Bitmap { bits, .. } if bits > 2));
    // A first page inside the headers: the page behind the bitmap.
    for wrong in [0, 0x2000, 0x2038] {
        assert_eq!(with(0x2020, wrong), (0x3000, 2, 100, true));
    }
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    let two_wrong = |at: usize, value: u64| {
        let mut file = bitmap_dump();
        put64(&mut file, 0x2020, 0x2000);
        put64(&mut file, at, value);
        read(&file)
    };
    for (at, found) in [(0x2030, u64::MAX), (0x2028, 101)] {
        let offset = at as u64;
        let expected = PagesError::Implausible { offset, found };
        assert_eq!(two_wrong(at, found), Err(expected));
    }
    // A first page far behind the bitmap may stand there: the file was cut.
    let far = two_wrong(0x2020, 1 << 40).unwrap();
    assert_eq!((far.first_page, far.mended), (1 << 40, false));
    let mut file = bitmap_dump();
    file.truncate(0x2800);
    put64(&mut file, 0x2020, 0x2000);
    assert!(matches!(
        read(&file),
        Err(PagesError::Implausible { offset: 0x2020, .. })
    ));
    assert!(matches!(
        read(&dump(6)),
        Err(PagesError::Tag { offset: 0x2000, .. })
    ));
    assert_eq!(read(&dump(4)), Err(PagesError::NoPages));
}

#[test]
fn ranges_end_with_frame_zero_or_with_the_total() {
    for (kind, expected) in [(8, 2), (10, 1)] {
        let mut file = dump(kind);
        put(&mut file, 0x2004, b"RDMPDUMP");
        put64(&mut file, 0x2010, 0x1000 - 0x20);
        put64(&mut file, 0x2018, 0x3000);
        put64(&mut file, 0x2020, 3);
        put64(&mut file, 0x2028, 4);
        for (i, (base, pages)) in [(1_u64, 4_u64), (9, 2), (0, 7)].into_iter().enumerate() {
            put64(&mut file, 0x2030 + i * 16, base);
            put64(&mut file, 0x2038 + i * 16, pages);
        }
        let pages = read(&file).unwrap();
        let PageList::Runs(runs) = &pages.list else {
            panic!("{:?}", pages.list);
        };
        assert_eq!(runs.len(), expected, "{kind}");
        assert_eq!(pages.present, if kind == 8 { 6 } else { 4 });
    }
}

#[test]
fn a_bitmap_is_counted_in_bounded_steps_and_looked_up_within_a_page_of_the_file() {
    // Five MiB of bitmap: two steps. Every third page is stored; so are two pages of the last byte.
    let bits: u64 = 5 << 23;
    let mut file = dump(6);
    put(&mut file, 0x2000, b"SDMPDUMP");
    put64(&mut file, 0x2020, 0x2000 + (6 << 20));
    put64(&mut file, 0x2028, bits.div_ceil(3));
    put64(&mut file, 0x2030, bits - 3);
    file.resize(0x2000 + (6 << 20), 0);
    for pfn in (0..bits).step_by(3) {
        file[0x2038 + pfn as usize / 8] |= 1 << (pfn % 8);
    }
    // Bits behind the last one count for nothing.
    file[0x2038 + (bits as usize - 1) / 8] |= 0xE0;
    let len = 0x2000 + (6 << 20) + bits.div_ceil(3) * PAGE;
    let source = Long(&file, len);
    let header = DumpHeader::read(&source).unwrap();
    let stored = StoredPages::read(&source, &header).unwrap();
    let mut index = PageIndex::new(stored).unwrap();
    assert_eq!((index.steps_left(), index.marked()), (2, None));
    index.complete(&source).unwrap();
    assert_eq!(index.steps_left(), 0);
    let stored_below = |pfn: u64| pfn.div_ceil(3);
    assert_eq!(index.marked(), Some(stored_below(bits - 3)));
    for pfn in [0, 3, 32_763, 32_766, 32_769, 0x10_0002, bits - 8 + 1] {
        let found = index.locate(&source, pfn);
        let expected = match pfn % 3 {
            0 => Ok(0x2000 + (6 << 20) + stored_below(pfn) * PAGE),
            _ => Err(Absent::NotStored),
        };
        assert_eq!(found, expected, "{pfn}");
    }
    assert_eq!(index.locate(&source, u64::MAX), Err(Absent::NotStored));
}

/// A file whose end is zeros.
struct Long<'a>(&'a [u8], u64);

impl Source for Long<'_> {
    fn len(&self) -> u64 {
        self.1
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        Slice(self.0).read_at(offset, buf)
    }
}
