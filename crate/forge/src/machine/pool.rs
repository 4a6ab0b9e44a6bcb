//! Pool use by tag: the tracker table and its variables.
//! Layout: _POOL_TRACKER_TABLE of the build; counters were 32 bits wide up to 15063.

use super::Machine;
use crate::rng::Rng;
use crate::scenario::{Number, PoolTag};

/// Rows of the table: a power of two and one for what finds no place.
const ROWS: u64 = 0x800 + 1;

/// Tags with their usual share of nonpaged and paged pool in kibibytes, when a scenario names none.
const USUAL: [(&str, u64, u64); 18] = [
    ("Mm  ", 9000, 800),
    ("MmSt", 0, 34000),
    ("CM31", 0, 29000),
    ("Ntff", 0, 21000),
    ("File", 7200, 0),
    ("EtwB", 12400, 900),
    ("FMfn", 0, 6100),
    ("Proc", 900, 0),
    ("Thre", 3100, 0),
    ("Even", 2100, 0),
    ("NtfF", 0, 2300),
    ("Irp ", 1200, 0),
    ("Vbus", 260, 0),
    ("vDMc", 310, 0),
    ("VNC ", 1500, 0),
    ("Vmsc", 640, 0),
    ("Toke", 0, 4100),
    ("Sect", 0, 1900),
];

impl Machine<'_> {
    /// Writes the tracker table.
    pub(super) fn write_pool(&mut self) {
        let s = "_POOL_TRACKER_TABLE";
        let stride = self.build.size(s);
        if stride == 0 {
            return;
        }
        let table = self.regions.nonpaged.pages(stride * ROWS);
        self.kernel.touch(table, stride * ROWS);
        let mut rows: Vec<u64> = (0..ROWS - 1).collect();
        Rng::for_purpose(self.scenario.machine.seed, "pool rows").shuffle(&mut rows);
        let wide = self.build.field(s, "NonPagedBytes") == Some(8);
        let counts = if wide { 8 } else { 4 };
        for (tag, row) in self.pool_tags().iter().zip(rows) {
            let at = table + stride * row;
            let mut key = [b' '; 4];
            for (slot, byte) in key.iter_mut().zip(tag.tag.bytes()) {
                *slot = byte;
            }
            self.kernel.write(at, &key);
            let alive = |count: u64, bytes: u64| {
                if count == 0 {
                    bytes.div_ceil(512)
                } else {
                    count
                }
            };
            let nonpaged = alive(tag.nonpaged_count.0, tag.nonpaged.0);
            let paged = alive(tag.paged_count.0, tag.paged.0);
            let freed = 3 * nonpaged + 17;
            self.set(at, s, "NonPagedAllocs", nonpaged + freed, counts);
            self.set(at, s, "NonPagedFrees", freed, counts);
            self.set_pointer(at, s, "NonPagedBytes", tag.nonpaged.0);
            self.set(at, s, "PagedAllocs", paged + freed, counts);
            self.set(at, s, "PagedFrees", freed, counts);
            self.set_pointer(at, s, "PagedBytes", tag.paged.0);
        }
        if let Some(at) = self.variable("PoolTrackTable") {
            self.put_pointer(at, table);
        }
        for (name, value) in [
            ("PoolTrackTableSize", ROWS),
            ("PoolTrackTableMask", ROWS - 2),
        ] {
            if let Some(at) = self.variable(name) {
                self.put_pointer(at, value);
            }
        }
    }

    fn pool_tags(&self) -> Vec<PoolTag> {
        if !self.scenario.pool_tags.is_empty() {
            return self.scenario.pool_tags.clone();
        }
        USUAL
            .iter()
            .map(|(tag, nonpaged, paged)| PoolTag {
                tag: (*tag).into(),
                nonpaged: Number(nonpaged << 10),
                paged: Number(paged << 10),
                ..PoolTag::default()
            })
            .collect()
    }
}
