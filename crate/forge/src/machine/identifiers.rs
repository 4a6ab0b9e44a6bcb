//! The table of identifiers: every process and thread under its number.
//! Layout: _HANDLE_TABLE and _HANDLE_TABLE_ENTRY as JPCERT and Vergilius have them: up to Windows 7 the code comes first and
//! an entry is the object's address with its unlock bit; later the code stands at 8 and an entry holds 44 bits of the address
//! above a count of references.

use super::Machine;
use std::collections::BTreeMap;

/// Bytes of _HANDLE_TABLE, rounded up.
const TABLE: u64 = 0x80;
const PAGE: u64 = 0x1000;

impl Machine<'_> {
    /// Writes it: pages of entries, and a page that points to them when there are several.
    pub(super) fn write_identifiers(&mut self) {
        let Some(variable) = self.variable("PspCidTable") else {
            return;
        };
        let mut objects = BTreeMap::new();
        for process in &self.processes {
            for thread in &process.threads {
                objects.entry(thread.id).or_insert(thread.object);
            }
        }
        objects.extend(self.processes.iter().map(|p| (p.id, p.object)));
        let p = self.pointer() as u64;
        let entries = PAGE / (2 * p);
        let last = objects.keys().next_back().map_or(0, |id| id / 4);
        let pages: Vec<u64> = (0..=last / entries)
            .map(|_| {
                let page = self.regions.paged.pages(PAGE);
                self.kernel.touch(page, PAGE);
                page
            })
            .collect();
        for (id, object) in objects {
            let (page, entry) = (id / 4 / entries, id / 4 % entries);
            let word = self.packed(object);
            self.put_pointer(pages[page as usize] + entry * 2 * p, word);
        }
        let code = if let [page] = pages[..] {
            page
        } else {
            let top = self.regions.paged.pages(PAGE);
            self.kernel.touch(top, PAGE);
            for (i, page) in (0..).zip(&pages) {
                self.put_pointer(top + p * i, *page);
            }
            top | 1
        };
        let table = self.regions.paged.allocate(TABLE);
        self.kernel.touch(table, TABLE);
        let at = if self.is_packed() { 8 } else { 0 };
        self.put_pointer(table + at, code);
        self.put_pointer(variable, table);
    }

    fn is_packed(&self) -> bool {
        self.scenario.machine.build >= 9200
    }

    fn packed(&self, object: u64) -> u64 {
        if self.is_packed() && self.pointer() == 8 {
            let bits = (object >> 4) & ((1 << 44) - 1);
            bits << 20 | 0x7fff << 1 | 1
        } else {
            object | 1
        }
    }
}
