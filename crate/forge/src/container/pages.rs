//! Dumps with pages: physical runs, bitmaps of both generations, and the debugger's ranges.
//! Layout: kdmp-parser, LeechCore, volatility3 and rekall for bitmaps and ranges; the old summary header after the Singularity RDK.

use super::header::{self, HeaderFacts};
use crate::bytes::Bytes;
use crate::dump::Dump;
use crate::layout::{bitmap, header32, header64};
use crate::machine::Machine;
use crate::memory::PAGE;
use crate::physical::Physical;
use crate::scenario::{Architecture, DumpKind, ScenarioError};
use std::collections::BTreeSet;

/// Writes a dump with pages, or the header alone.
///
/// # Errors
/// Kinds that the machine cannot have: 64-bit only ranges, for one.
pub fn write(machine: &Machine<'_>, kind: DumpKind) -> Result<Dump, ScenarioError> {
    let physical = Physical::lay_out(machine);
    let wide = machine.arch() != Architecture::X86;
    let head = if wide { header64::SIZE } else { header32::SIZE };
    let mut file = File {
        machine,
        physical,
        head,
        wide,
        dump: Dump::default(),
        end: 0,
    };
    match kind {
        DumpKind::Full => file.full(),
        DumpKind::HeaderOnly => file.header(3, 0),
        DumpKind::KernelSummary => file.summary(),
        DumpKind::BitmapFull => file.bitmap(5, true, 0),
        DumpKind::BitmapKernel | DumpKind::Automatic => file.bitmap(6, false, 0),
        DumpKind::Active => file.bitmap(6, false, header64::attribute::FILTERED),
        DumpKind::Live => file.bitmap(6, false, header64::attribute::LIVE_DUMP),
        DumpKind::RangeKernel | DumpKind::RangeKernelUser | DumpKind::RangeComplete => {
            if !wide {
                let text = "the debugger's range dumps exist for 64-bit machines only";
                return Err(ScenarioError::Unsupported(text.into()));
            }
            file.ranges(kind);
        }
        DumpKind::Triage => {
            return Err(ScenarioError::Unsupported(
                "a small dump holds no pages".into(),
            ));
        }
    }
    if kind != DumpKind::HeaderOnly && machine.scenario.dump.secondary.unwrap_or(true) {
        let at = file.end;
        file.dump.put(at, crate::secondary::build(machine));
    }
    Ok(file.dump)
}

struct File<'m, 's> {
    machine: &'m Machine<'s>,
    physical: Physical,
    head: usize,
    wide: bool,
    dump: Dump,
    /// File offset behind the last page.
    end: u64,
}

impl File<'_, '_> {
    fn header(&mut self, dump_type: u32, attributes: u32) {
        let machine = self.machine;
        let known = machine.scenario.machine.build >= 14393 || attributes != 0;
        let header = header::build(
            machine,
            &HeaderFacts {
                dump_type,
                directory: machine.directory(machine.current.process),
                runs: self.physical.runs.clone(),
                required_space: self.end.max(self.head as u64),
                mini_fields: None,
                attributes: known.then_some(attributes),
            },
        );
        self.dump.put(0, header.into_vec());
    }

    /// Frames of a run with bytes worth writing.
    fn stored(&self, first: u64, count: u64) -> impl Iterator<Item = (u64, &[u8])> {
        self.physical
            .contents
            .range(first..first + count)
            .filter(|(frame, _)| !self.physical.left_out.contains(frame))
            .map(|(frame, page)| (*frame, &page[..]))
    }

    fn full(&mut self) {
        let mut at = self.head as u64;
        let mut pieces = Vec::new();
        for (first, count) in &self.physical.runs {
            for (frame, page) in self.stored(*first, *count) {
                pieces.push((at + (frame - first) * PAGE, page.to_vec()));
            }
            at += count * PAGE;
        }
        self.place(pieces, at);
        self.header(1, 0);
    }

    fn place(&mut self, pieces: Vec<(u64, Vec<u8>)>, end: u64) {
        for (offset, page) in pieces {
            self.dump.put(offset, page);
        }
        self.dump.extend_to(end);
        self.end = end;
    }

    /// Frames that this kind of dump holds, ascending.
    fn kernel_frames(&self, user: bool) -> BTreeSet<u64> {
        let mut frames = self.physical.kernel.clone();
        if user {
            frames.extend(&self.physical.user);
        }
        frames.retain(|f| !self.physical.left_out.contains(f));
        frames
    }

    /// Places the given frames one after another.
    fn packed(&mut self, frames: &BTreeSet<u64>, first_page: u64) {
        let mut pieces = Vec::new();
        for (i, frame) in frames.iter().enumerate() {
            if let Some(page) = self.physical.contents.get(frame) {
                pieces.push((first_page + i as u64 * PAGE, page.to_vec()));
            }
        }
        self.place(pieces, first_page + frames.len() as u64 * PAGE);
    }

    /// Bits a bitmap needs: up to the highest frame, rounded, with 32 clear bits behind it that some readers want.
    fn bits(&self) -> u64 {
        let top = self
            .physical
            .runs
            .iter()
            .map(|r| r.0 + r.1)
            .max()
            .unwrap_or(0);
        top.next_multiple_of(32) + 32
    }

    fn bitmap(&mut self, dump_type: u32, all: bool, attributes: u32) {
        use bitmap::modern as m;
        let bits = self.bits();
        let base = self.head as u64;
        let first_page = (base + m::BITS as u64 + bits / 8).next_multiple_of(PAGE);
        let mut head = Bytes::zeroed(m::BITS + (bits / 8) as usize);
        let present = if all {
            self.all_frames(&mut head, m::BITS, first_page)
        } else {
            let filtered = attributes & header64::attribute::FILTERED != 0;
            let frames = self.kernel_frames(filtered);
            set_bits(&mut head, m::BITS, &frames);
            self.packed(&frames, first_page);
            frames.len() as u64
        };
        head.put(0, if all { b"FDMP" } else { b"SDMP" });
        head.put(4, b"DUMP");
        head.u32(m::OPTIONS, 1);
        head.u64(m::FIRST_PAGE, first_page);
        head.u64(m::PRESENT, present);
        head.u64(m::PAGES, bits);
        self.dump.put(base, head.into_vec());
        self.header(dump_type, attributes);
    }

    /// A complete dump: every frame of every run but those left out. Returns how many.
    fn all_frames(&mut self, head: &mut Bytes, at: usize, first_page: u64) -> u64 {
        let mut bits = vec![0_u8; head.len() - at];
        for (first, count) in &self.physical.runs {
            set_run(&mut bits, *first, *count);
        }
        for frame in &self.physical.left_out {
            bits[(frame / 8) as usize] &= !(1 << (frame % 8));
        }
        head.put(at, &bits);
        let left: Vec<u64> = self.physical.left_out.iter().copied().collect();
        let mut before = 0;
        let mut pieces = Vec::new();
        for (first, count) in &self.physical.runs {
            for (frame, page) in self.stored(*first, *count) {
                let gone = left.partition_point(|f| *f < frame) as u64;
                pieces.push((
                    first_page + (before + frame - first - gone) * PAGE,
                    page.to_vec(),
                ));
            }
            before += count;
        }
        let present = before - left.len() as u64;
        self.place(pieces, first_page + present * PAGE);
        present
    }

    /// The kernel dump of Windows before 8: its own header and bitmap.
    fn summary(&mut self) {
        let layout = if self.wide {
            bitmap::SUMMARY64
        } else {
            bitmap::SUMMARY32
        };
        let bits = self.bits();
        let base = self.head as u64;
        let first_page = (base + layout.bits as u64 + bits / 8).next_multiple_of(PAGE);
        let frames = self.kernel_frames(false);
        let mut head = Bytes::zeroed(layout.bits + (bits / 8) as usize);
        set_bits(&mut head, layout.bits, &frames);
        head.put(0, b"SDMP");
        head.put(4, b"DUMP");
        head.u32(bitmap::summary::OPTIONS, 1);
        head.u32(bitmap::summary::HEADER_SIZE, first_page as u32);
        head.u32(bitmap::summary::BITMAP_SIZE, bits as u32);
        head.u32(bitmap::summary::PAGES, frames.len() as u32);
        head.u32(bitmap::summary::RTL_BITMAP, bits as u32);
        // The writer's own pointer to its bitmap: of no use to anybody, but there.
        let buffer = self.machine.images[0].base + 0x8000;
        head.word(layout.buffer, buffer, self.machine.pointer());
        self.dump.put(base, head.into_vec());
        self.packed(&frames, first_page);
        self.header(2, 0);
    }

    fn ranges(&mut self, kind: DumpKind) {
        use bitmap::range as r;
        let complete = kind == DumpKind::RangeComplete;
        let runs = if complete {
            self.physical.runs.clone()
        } else {
            neighbours(&self.kernel_frames(kind == DumpKind::RangeKernelUser))
        };
        let base = self.head as u64;
        let table = r::RANGES as u64 + 16 * (runs.len() as u64 + 1);
        let first_page = (base + table).next_multiple_of(PAGE);
        let mut head = Bytes::zeroed(table as usize);
        head.u32(0, r::MARKER);
        head.put(4, b"RDMP");
        head.put(8, b"DUMP");
        head.u64(r::METADATA_SIZE, first_page - base - r::METADATA_FROM);
        head.u64(r::FIRST_PAGE, first_page);
        if complete {
            head.u32(r::COUNT, runs.len() as u32);
            head.u64(r::TOTAL_PAGES, runs.iter().map(|x| x.1).sum());
        }
        let mut at = first_page;
        let mut pieces = Vec::new();
        for (i, (first, count)) in runs.iter().enumerate() {
            head.u64(r::RANGES + 16 * i, *first);
            head.u64(r::RANGES + 16 * i + 8, *count);
            for (frame, page) in self.stored(*first, *count) {
                pieces.push((at + (frame - first) * PAGE, page.to_vec()));
            }
            at += count * PAGE;
        }
        self.place(pieces, at);
        self.dump.put(base, head.into_vec());
        let dump_type = match kind {
            DumpKind::RangeKernel => 8,
            DumpKind::RangeKernelUser => 9,
            _ => 0xa,
        };
        self.header(dump_type, 0);
    }
}

/// Sets the bits of a run; whole bytes at once, for a machine of terabytes has many.
fn set_run(bits: &mut [u8], first: u64, count: u64) {
    let (end, mut frame) = (first + count, first);
    while frame < end {
        if frame.is_multiple_of(8) && end - frame >= 8 {
            let whole = (end - frame) / 8;
            bits[(frame / 8) as usize..][..whole as usize].fill(0xff);
            frame += whole * 8;
        } else {
            bits[(frame / 8) as usize] |= 1 << (frame % 8);
            frame += 1;
        }
    }
}

fn set_bits(head: &mut Bytes, at: usize, frames: &BTreeSet<u64>) {
    let mut bits = vec![0_u8; head.len() - at];
    for frame in frames {
        bits[(frame / 8) as usize] |= 1 << (frame % 8);
    }
    head.put(at, &bits);
}

/// Runs of neighbouring frames.
fn neighbours(frames: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for frame in frames {
        match runs.last_mut() {
            Some((first, count)) if *first + *count == *frame => *count += 1,
            _ => runs.push((*frame, 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;

    fn forge(machine: &str, kind: &str) -> Vec<u8> {
        let text = format!("[machine]\nmemory = \"48 MiB\"\n{machine}\n[dump]\nkind = \"{kind}\"");
        crate::forge(&Scenario::from_toml(&text).unwrap())
            .unwrap()
            .to_vec()
    }

    fn word(d: &[u8], at: usize) -> u64 {
        u64::from(u32::from_le_bytes(d[at..at + 4].try_into().unwrap()))
    }

    fn long(d: &[u8], at: usize) -> u64 {
        u64::from_le_bytes(d[at..at + 8].try_into().unwrap())
    }

    fn ones(bits: &[u8]) -> u64 {
        bits.iter().map(|b| u64::from(b.count_ones())).sum()
    }

    #[test]
    fn a_complete_dump_of_runs_is_header_and_pages_and_secondary_data() {
        let d = forge("build = 19041", "full");
        assert_eq!((word(&d, 0xf98), word(&d, 0x88)), (1, 2));
        let pages = long(&d, 0x90);
        assert_eq!(pages, 48 << 8);
        assert_eq!((long(&d, 0x98), long(&d, 0xa0)), (1, 0x9e));
        let end = 0x2000 + pages as usize * 0x1000;
        assert_eq!(&d[end..end + 8], b"DumpBlob");
    }

    #[test]
    fn a_bitmap_dump_has_as_many_pages_as_bits_set() {
        for (kind, signature, number) in
            [("bitmap-full", b"FDMP", 5), ("bitmap-kernel", b"SDMP", 6)]
        {
            let d = forge("build = 19041", kind);
            assert_eq!(word(&d, 0xf98), number);
            assert_eq!(
                (&d[0x2000..0x2004], &d[0x2004..0x2008]),
                (&signature[..], &b"DUMP"[..])
            );
            let (first, present, bits) = (long(&d, 0x2020), long(&d, 0x2028), long(&d, 0x2030));
            let bitmap = &d[0x2038..0x2038 + bits as usize / 8];
            assert_eq!(ones(bitmap), present);
            assert_eq!(first % 0x1000, 0);
            let end = (first + present * 0x1000) as usize;
            assert_eq!(&d[end..end + 8], b"DumpBlob");
        }
    }

    #[test]
    fn the_old_kernel_dump_has_its_own_header_in_both_widths() {
        for (machine, head, bits_at) in [
            ("build = 7601", 0x2000, 0x28),
            ("build = 7601\narchitecture = \"x86\"", 0x1000, 0x20),
        ] {
            let d = forge(machine, "kernel-summary");
            assert_eq!(word(&d, if head == 0x1000 { 0xf88 } else { 0xf98 }), 2);
            assert_eq!(&d[head..head + 8], b"SDMPDUMP");
            let first = word(&d, head + 0xc) as usize;
            let (bits, pages) = (word(&d, head + 0x10) as usize, word(&d, head + 0x14));
            assert_eq!(word(&d, head + 0x18) as usize, bits);
            assert_eq!(ones(&d[head + bits_at..head + bits_at + bits / 8]), pages);
            let end = first + pages as usize * 0x1000;
            assert_eq!(&d[end..end + 8], b"DumpBlob");
        }
    }

    #[test]
    fn a_range_dump_lists_runs_up_to_a_zero() {
        let d = forge("build = 22000", "range-kernel");
        assert_eq!((word(&d, 0xf98), word(&d, 0x2000)), (8, 0x40));
        assert_eq!(&d[0x2004..0x200c], b"RDMPDUMP");
        let first = long(&d, 0x2018);
        assert_eq!(long(&d, 0x2010) - 0x20, first - 0x2040);
        let mut at = 0x2030;
        let mut pages = 0;
        while long(&d, at) != 0 {
            pages += long(&d, at + 8);
            at += 16;
        }
        let end = (first + pages * 0x1000) as usize;
        assert_eq!(&d[end..end + 8], b"DumpBlob");
    }

    #[test]
    fn active_and_live_dumps_say_so_and_an_active_one_holds_more() {
        let with = "build = 19041\n[[processes]]\nname = \"a.exe\"\npid = 8";
        let (kernel, active, live) = (
            forge(with, "bitmap-kernel"),
            forge(with, "active"),
            forge(with, "live"),
        );
        assert_eq!(
            (word(&active, 0x1050), word(&live, 0x1050)),
            (1 << 6, 1 << 4)
        );
        assert!(long(&active, 0x2028) > long(&kernel, 0x2028));
        assert_eq!(word(&active, 0xf98), 6);
    }

    #[test]
    fn a_header_alone_is_two_pages_and_range_dumps_of_32_bit_machines_are_refused() {
        assert_eq!(forge("build = 9600", "header-only").len(), 0x2000);
        let text =
            "[machine]\nbuild = 7601\narchitecture = \"x86\"\n[dump]\nkind = \"range-kernel\"";
        assert!(crate::forge(&Scenario::from_toml(text).unwrap()).is_err());
    }

    #[test]
    fn the_header_of_a_32_bit_dump_has_its_fields_where_32_bit_readers_look() {
        let d = forge(
            "build = 7601\narchitecture = \"x86\"\n[stop]\ncode = 0x50\nparameters = [9]",
            "full",
        );
        assert_eq!(&d[..8], b"PAGEDUMP");
        assert_eq!(
            (word(&d, 0x20), word(&d, 0x28), word(&d, 0x2c), d[0x5c]),
            (0x14c, 0x50, 9, 1)
        );
        assert_eq!((word(&d, 0xf88), word(&d, 0x68)), (1, 48 << 8));
        assert_eq!(word(&d, 0x320 + 0xbc), 8, "code selector of the context");
    }
}
