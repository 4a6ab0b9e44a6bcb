//! The memory manager's counters, in pages: what the scenario gives, and for the rest figures that add up.

use super::Machine;
use crate::scenario::{Number, PageFile};

/// Every counter decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // each is the memory manager's own name
pub struct CounterValues {
    pub physical: u64,
    pub available: u64,
    pub resident_available: u64,
    pub zeroed: u64,
    pub free: u64,
    pub standby: u64,
    pub modified: u64,
    pub modified_no_write: u64,
    pub committed: u64,
    pub commit_limit: u64,
    pub commit_limit_maximum: u64,
    pub peak_commit: u64,
    pub shared_commit: u64,
    pub process_commit: u64,
    pub driver_commit: u64,
    pub paged_pool: u64,
    pub paged_pool_commit: u64,
    pub paged_pool_maximum: u64,
    pub nonpaged_pool: u64,
    pub nonpaged_pool_maximum: u64,
    pub system_page_tables: u64,
    pub free_system_ptes: u64,
    pub pte_failures: u64,
    pub mdl_pages: u64,
    pub commit_failures: u64,
    pub page_hash_errors: u64,
    pub modified_page_file: u64,
    /// The standby list from priority 0 to 7.
    pub standby_priorities: [u64; 8],
}

impl Machine<'_> {
    /// The counters of this machine.
    pub fn counters(&self) -> CounterValues {
        let c = &self.scenario.counters;
        let physical = self.scenario.machine.memory.0 >> 12;
        let pick = |value: Option<Number>, default: u64| value.map_or(default, |n| n.0);
        let available = pick(c.available, physical / 3);
        let zeroed = pick(c.zeroed, available / 8);
        let free = pick(c.free, available / 64);
        // The swap file of store apps and the compression store's virtual file add nothing.
        let counted = |f: &&PageFile| {
            !f.name.ends_with("swapfile.sys") && f.name != "No Name for Paging File"
        };
        let plain = || self.scenario.page_files.iter().filter(counted);
        let files: u64 = plain().map(|f| f.size.0).sum();
        let growth: u64 = plain().map(|f| f.maximum.0.max(f.size.0)).sum();
        let usable = physical - physical / 64;
        let committed = pick(c.committed, physical.saturating_sub(available));
        let paged_pool = pick(c.paged_pool, physical / 40);
        let maximum = if self.pointer() == 4 {
            0x5_0000
        } else {
            0x800_0000
        };
        let standby = pick(
            c.standby,
            available.saturating_sub(zeroed.saturating_add(free)),
        );
        let modified = pick(c.modified, physical / 50);
        CounterValues {
            physical,
            available,
            resident_available: pick(c.resident_available, physical / 2),
            zeroed,
            free,
            standby,
            standby_priorities: standby_shares(standby, &c.standby_priorities),
            modified,
            modified_page_file: pick(c.modified_page_file, modified),
            modified_no_write: pick(c.modified_no_write, 0),
            committed,
            commit_limit: pick(c.commit_limit, usable + files),
            commit_limit_maximum: pick(
                c.commit_limit_maximum,
                pick(c.commit_limit, usable + files)
                    .saturating_sub(files)
                    .saturating_add(growth),
            ),
            peak_commit: pick(c.peak_commit, committed.saturating_add(committed / 10)),
            shared_commit: pick(c.shared_commit, physical / 60),
            process_commit: pick(c.process_commit, physical / 20),
            driver_commit: pick(c.driver_commit, 0x1900),
            paged_pool,
            paged_pool_commit: pick(c.paged_pool_commit, paged_pool),
            paged_pool_maximum: pick(c.paged_pool_maximum, maximum),
            nonpaged_pool: pick(c.nonpaged_pool, physical / 60),
            nonpaged_pool_maximum: pick(c.nonpaged_pool_maximum, physical * 3 / 4),
            system_page_tables: pick(c.system_page_tables, physical / 300),
            free_system_ptes: pick(
                c.free_system_ptes,
                if self.pointer() == 4 {
                    0x3_0000
                } else {
                    0x1ff_0000
                },
            ),
            pte_failures: pick(c.pte_failures, 0),
            mdl_pages: pick(c.mdl_pages, physical / 600),
            commit_failures: pick(c.commit_failures, 0),
            page_hash_errors: pick(c.page_hash_errors, 0),
        }
    }

    /// Physical memory as Windows sees it: first frame and count of each run.
    /// Low memory ends below the video area; what does not fit under 4 GiB minus the device hole lies above.
    pub fn physical_runs(&self) -> Vec<(u64, u64)> {
        let machine = &self.scenario.machine;
        let all = machine.memory.0 >> 12;
        let added = (machine.hot_added.0 >> 12).min(all - all / 16);
        let pages = all - added;
        let hole = 0xf_8000; // the last 128 MiB below 4 GiB belong to devices
        let mut runs = vec![(1, 0x9e.min(pages))];
        let mut rest = pages.saturating_sub(0x9e);
        let low = rest.min(hole - 0x100);
        if low > 0 {
            runs.push((0x100, low));
            rest -= low;
        }
        if rest > 0 {
            runs.push((0x10_0000, rest));
        }
        if added > 0 {
            // A GiB above everything that was there at the start.
            let end = runs.iter().map(|run| run.0 + run.1).max().unwrap_or(0);
            runs.push((end.max(0x10_0000) + 0x4_0000, added));
        }
        runs
    }

    /// Physical address of a process's top page table.
    pub fn directory(&self, process: usize) -> u64 {
        self.processes[process].directory
    }

    /// Unloaded drivers with their ranges, as memory holds them.
    pub fn unloaded_ranges(&self) -> Vec<(String, u64, u64)> {
        let p = self.pointer();
        let (stride, start, end, _) = if p == 4 {
            crate::layout::loader::UNLOADED32
        } else {
            crate::layout::loader::UNLOADED64
        };
        let Some(array) = self
            .variable("MmUnloadedDrivers")
            .map(|at| self.kernel.read_word(at, p))
        else {
            return Vec::new();
        };
        self.scenario
            .unloaded
            .iter()
            .enumerate()
            .map(|(i, module)| {
                let entry = array + stride * i as u64;
                let read = |at| self.kernel.read_word(entry + at, p);
                (module.name.clone(), read(start), read(end))
            })
            .collect()
    }
}

/// Standby pages by priority 0 to 7: as the scenario has them, else most of them at normal priority.
fn standby_shares(total: u64, given: &[Number]) -> [u64; 8] {
    let of = |part: u64| total / part;
    let mut shares = [of(16), of(32), 0, of(64), of(64), 0, of(128), of(64)];
    shares[5] = total - shares.iter().sum::<u64>();
    for (share, given) in shares.iter_mut().zip(given) {
        *share = given.0;
    }
    shares
}

#[cfg(test)]
mod tests {
    use crate::machine::Machine;
    use crate::scenario::Scenario;

    #[test]
    fn the_page_lists_add_up_to_what_is_available() {
        let s =
            Scenario::from_toml("[machine]\nbuild = 9600\n[counters]\navailable = 4000").unwrap();
        let c = Machine::invent(&s).unwrap().counters();
        assert_eq!(c.zeroed + c.free + c.standby, 4000);
    }

    #[test]
    fn memory_that_was_added_lies_in_a_run_of_its_own() {
        let text = "[machine]\nmemory = \"8 GiB\"\nhot_added = \"4 GiB\"";
        let s = crate::scenario::Scenario::from_toml(text).unwrap();
        let runs = Machine::invent(&s).unwrap().physical_runs();
        assert_eq!(runs.last(), Some(&(0x14_8062, 0x10_0000)));
        assert_eq!(runs.iter().map(|run| run.1).sum::<u64>(), 0x20_0000);
    }

    #[test]
    fn runs_hold_the_installed_memory_and_skip_the_hole_below_4_gib() {
        let s = Scenario::from_toml("[machine]\nmemory = \"64 GiB\"").unwrap();
        let runs = Machine::invent(&s).unwrap().physical_runs();
        assert_eq!(runs.iter().map(|r| r.1).sum::<u64>(), 64 << 18);
        assert!(runs.windows(2).all(|w| w[0].0 + w[0].1 <= w[1].0));
        assert_eq!(runs.last().unwrap().0, 0x10_0000);
    }
}
