//! The memory manager's own variables: global counters up to 8.1, the system partition and state since Windows 10, page files.
//! Layout: the build's symbol tables; which counter lives where as Vergilius and JPCERT agree on it.

use super::Machine;
use super::counters::CounterValues;
use crate::scenario::PageFile;

impl Machine<'_> {
    /// Writes every counter and the page files.
    pub(super) fn write_memory_manager(&mut self) {
        let c = self.counters();
        let files = self.write_page_files();
        self.write_global_counters(&c, &files);
        if self.build.size("_MI_VISIBLE_PARTITION") > 0 {
            self.write_partition(&c, &files);
            self.write_state(&c);
            self.write_lesser();
        }
    }

    /// A counter that is a global of its own. The width is a pointer's, or 4 when a neighbour is that near.
    fn global(&mut self, name: &str, value: u64) {
        let Some(rva) = self.build.data(name) else {
            return;
        };
        let crowded = self.build.variables().any(|(_, r)| r > rva && r < rva + 8);
        let width = if crowded { 4 } else { self.pointer() };
        let at = self.images[0].base + u64::from(rva);
        self.kernel.word(at, value, width);
    }

    fn write_global_counters(&mut self, c: &CounterValues, files: &[u64]) {
        self.write_global_pages(c);
        for (name, value) in [
            ("MiChargeCommitmentFailures", c.commit_failures),
            ("MiPageHashErrors", c.page_hash_errors),
            ("MmNumberOfPagingFiles", files.len() as u64),
            // Its address holds no more than 32 bits.
            ("MmKernelStackPages", self.scenario.counters.kernel_stacks.0),
        ] {
            if let Some(at) = self.variable(name) {
                self.kernel.u32(at, value as u32);
            }
        }
        self.write_pool_info(c);
        self.write_standby_priorities(c);
        let p = self.pointer() as u64;
        if let Some(at) = self.variable("MmPagingFile") {
            for (i, file) in files.iter().enumerate() {
                self.put_pointer(at + p * i as u64, *file);
            }
        }
        self.write_address_limits();
    }

    /// Counters of pages.
    fn write_global_pages(&mut self, c: &CounterValues) {
        let runs = self.physical_runs();
        let highest = runs.last().map_or(0, |r| r.0 + r.1 - 1);
        for (name, value) in [
            ("MmNumberOfPhysicalPages", c.physical),
            ("MmLowestPhysicalPage", runs[0].0),
            ("MmHighestPhysicalPage", highest),
            ("MmAvailablePages", c.available),
            ("MmResidentAvailablePages", c.resident_available),
            ("MmTotalCommitLimit", c.commit_limit),
            ("MmTotalCommitLimitMaximum", c.commit_limit_maximum),
            ("MmTotalCommittedPages", c.committed),
            ("MmPeakCommitment", c.peak_commit),
            ("MmSharedCommit", c.shared_commit),
            ("MmDriverCommit", c.driver_commit),
            ("MmProcessCommit", c.process_commit),
            ("MmPagedPoolCommit", c.paged_pool_commit),
            ("MmAllocatedNonPagedPool", c.nonpaged_pool),
            (
                "MmMaximumNonPagedPoolInBytes",
                c.nonpaged_pool_maximum.wrapping_shl(12),
            ),
            ("MmSizeOfPagedPoolInBytes", c.paged_pool_maximum << 12),
            ("MmMdlPagesAllocated", c.mdl_pages),
            ("MmZeroedPageListHead", c.zeroed),
            ("MmFreePageListHead", c.free),
            ("MmStandbyPageListHead", c.standby),
            ("MmModifiedPageListHead", c.modified),
            ("MmModifiedNoWritePageListHead", c.modified_no_write),
            ("MmTotalPagesForPagingFile", c.modified_page_file),
        ] {
            self.global(name, value);
        }
    }

    /// Where user and kernel addresses part, and where page-table entries are mapped.
    fn write_address_limits(&mut self) {
        let p = self.pointer() as u64;
        for name in [
            "MmHighestUserAddress",
            "MmSystemRangeStart",
            "MmUserProbeAddress",
        ] {
            let value = match (name, p) {
                ("MmHighestUserAddress", 8) => 0x7fff_fffe_ffff,
                ("MmSystemRangeStart", 8) => 0xffff_8000_0000_0000,
                ("MmUserProbeAddress", 8) => 0x7fff_ffff_0000,
                ("MmHighestUserAddress", _) => 0x7ffe_ffff,
                ("MmSystemRangeStart", _) => 0x8000_0000,
                _ => 0x7fff_0000,
            };
            if let Some(at) = self.variable(name) {
                self.put_pointer(at, value);
            }
        }
        if self.build.data("MmPteBase").is_some() {
            let base = self.pte_base();
            self.global("MmPteBase", base);
        }
    }

    fn write_pool_info(&mut self, c: &CounterValues) {
        let s = "_MM_PAGED_POOL_INFO";
        if let Some(at) = self.variable("MmPagedPoolInfo") {
            self.set_pointer(at, s, "AllocatedPagedPool", c.paged_pool);
            self.set_pointer(at, s, "MaximumSize", c.paged_pool_maximum);
        }
    }

    /// The standby list by priority: most of it at normal priority.
    fn write_standby_priorities(&mut self, c: &CounterValues) {
        let Some(at) = self.variable("MmStandbyPageListByPriority") else {
            return;
        };
        let size = self.build.size("_MMPFNLIST");
        for (priority, share) in (0..).zip(c.standby_priorities) {
            self.put_pointer(at + size * priority, share);
        }
    }

    /// Makes the page-file structures and returns their addresses.
    fn write_page_files(&mut self) -> Vec<u64> {
        let s = "_MMPAGING_FILE";
        // 24H2 shrank the counters to 32 bits.
        let narrow = self.build.field(s, "MaximumSize") == Some(4);
        let width = if narrow { 4 } else { 8 };
        let mut files = Vec::new();
        for (number, file) in self.scenario.page_files.clone().iter().enumerate() {
            let at = self.regions.nonpaged.allocate(self.build.size(s).max(0x80));
            self.kernel.touch(at, self.build.size(s).max(0x80));
            let PageFile {
                name,
                size,
                maximum,
                minimum,
                free,
                peak,
            } = file;
            for (member, value) in [
                ("Size", size.0),
                ("MaximumSize", maximum.0.max(size.0)),
                (
                    "MinimumSize",
                    if minimum.0 == 0 { size.0 } else { minimum.0 },
                ),
                ("FreeSpace", free.0),
                ("PeakUsage", peak.0),
            ] {
                self.set(at, s, member, value, width);
            }
            self.set(at, s, "PageFileNumber", number as u64, 1);
            let buffer = self.regions.nonpaged.allocate(2 * name.len() as u64 + 2);
            if let Some(offset) = self.build.field(s, "PageFileName") {
                self.put_string(at + offset, buffer, name);
            }
            files.push(at);
        }
        files
    }

    /// The system partition since Windows 10.
    fn write_partition(&mut self, c: &CounterValues, files: &[u64]) {
        let Some(partition) = self.variable("MiSystemPartition") else {
            return;
        };
        let field = |m: &str| self.build.field("_MI_PARTITION", m).unwrap_or(0);
        let (vp_at, commit, lists) = (
            partition + field("Vp"),
            partition + field("Commit"),
            partition + field("PageLists"),
        );
        let vp = "_MI_VISIBLE_PARTITION";
        let runs = self.physical_runs();
        let highest = runs.last().map_or(0, |r| r.0 + r.1 - 1);
        for (member, value) in [
            ("LowestPhysicalPage", runs[0].0),
            ("HighestPhysicalPage", highest),
            ("NumberOfPhysicalPages", c.physical),
            ("AvailablePages", c.available),
            ("ResidentAvailablePages", c.resident_available),
            ("TotalCommittedPages", c.committed),
            ("TotalCommittedPagesExposed", c.committed),
            ("TotalCommitLimit", c.commit_limit),
            ("SharedCommit", c.shared_commit),
            ("ModifiedPageListHead", c.modified),
            ("ModifiedNoWritePageListHead", c.modified_no_write),
            ("MdlPagesAllocated", c.mdl_pages),
            ("TotalPagesForPagingFile", c.modified_page_file),
        ] {
            self.set_pointer(vp_at, vp, member, value);
        }
        // A list of pages says which one it is.
        let name = self.build.field("_MMPFNLIST", "ListName").unwrap_or(8);
        for (member, list) in [
            ("ModifiedPageListHead", 3),
            ("ModifiedNoWritePageListHead", 4),
        ] {
            if let Some(offset) = self.build.field(vp, member) {
                self.kernel.u32(vp_at + offset + name, list);
            }
        }
        self.set(vp_at, vp, "NumberOfPagingFiles", files.len() as u64, 4);
        self.set(vp_at, vp, "ChargeCommitmentFailures", c.commit_failures, 4);
        if let Some(array) = self.build.field(vp, "PagingFile") {
            for (i, file) in files.iter().enumerate() {
                self.kernel.u64(vp_at + array + 8 * i as u64, *file);
            }
        }
        let s = "_MI_PARTITION_COMMIT";
        self.set_pointer(commit, s, "PeakCommitment", c.peak_commit);
        self.set_pointer(commit, s, "TotalCommitLimitMaximum", c.commit_limit_maximum);
        let s = "_MI_PARTITION_PAGE_LISTS";
        for (member, total, list) in [
            ("ZeroedPageListHead", c.zeroed, 0),
            ("FreePageListHead", c.free, 1),
            ("StandbyPageListHead", c.standby, 2),
            ("BadPageListHead", self.scenario.counters.bad_pages.0, 5),
        ] {
            self.set_pointer(lists, s, member, total);
            if let Some(offset) = self.build.field(s, member) {
                self.kernel.u32(lists + offset + name, list);
            }
        }
        if let Some(array) = self.build.field(s, "StandbyPageListByPriority") {
            let size = self.build.size("_MMPFNLIST");
            for (priority, share) in (0..).zip(c.standby_priorities) {
                self.kernel.u64(lists + array + size * priority, share);
            }
        }
    }

    /// The memory manager's state since Windows 10.
    fn write_state(&mut self, c: &CounterValues) {
        let Some(state) = self.variable("MiState") else {
            return;
        };
        let vs = "_MI_VISIBLE_STATE";
        let at = state
            + self
                .build
                .field("_MI_SYSTEM_INFORMATION", "Vs")
                .unwrap_or(0);
        for (member, value) in [
            ("MaximumNonPagedPoolInPages", c.nonpaged_pool_maximum),
            ("SizeOfPagedPoolInPages", c.paged_pool_maximum),
            ("NonPagedPoolCommit", c.nonpaged_pool),
            ("SystemPageTableCommit", c.system_page_tables),
            ("ProcessCommit", c.process_commit),
            ("MdlPagesAllocated", c.mdl_pages),
            // Up to 14393 it is here, later in the partition.
            ("SharedCommit", c.shared_commit),
        ] {
            self.set_pointer(at, vs, member, value);
        }
        self.set(at, vs, "DriverCommit", c.driver_commit, 4);
        self.write_state_pools(c, state, at);
        self.write_state_errors(c, state);
    }

    /// Pool figures and free system page-table entries of the state.
    fn write_state_pools(&mut self, c: &CounterValues, state: u64, at: u64) {
        let vs = "_MI_VISIBLE_STATE";
        let info = at + self.build.field(vs, "PagedPoolInfo").unwrap_or(0);
        if self
            .build
            .field(vs, "PagedPoolInfo.AllocatedPagedPool")
            .is_some()
        {
            self.set_pointer(at, vs, "PagedPoolInfo.AllocatedPagedPool", c.paged_pool);
            self.set_pointer(at, vs, "PagedPoolInfo.MaximumSize", c.paged_pool_maximum);
        } else {
            self.set_pointer(
                info,
                "_MM_PAGED_POOL_INFO",
                "AllocatedPagedPool",
                c.paged_pool,
            );
            self.set_pointer(
                info,
                "_MM_PAGED_POOL_INFO",
                "MaximumSize",
                c.paged_pool_maximum,
            );
        }
        let ptes = at + self.build.field(vs, "SystemPteInfo").unwrap_or(0);
        self.set(
            ptes,
            "_MI_SYSTEM_PTE_TYPE",
            "PteFailures",
            c.pte_failures,
            4,
        );
        self.set_pointer(
            ptes,
            "_MI_SYSTEM_PTE_TYPE",
            "TotalFreeSystemPtes",
            c.free_system_ptes,
        );
        let pools = state
            + self
                .build
                .field("_MI_SYSTEM_INFORMATION", "Pools")
                .unwrap_or(0);
        self.set_pointer(
            pools,
            "_MI_POOL_STATE",
            "AllocatedNonPagedPool",
            c.nonpaged_pool,
        );
        let most = c.nonpaged_pool_maximum;
        self.set_pointer(
            pools,
            "_MI_POOL_STATE",
            "MaximumNonPagedPoolThreshold",
            most,
        );
    }

    /// Members that are nothing unless the scenario says so.
    fn write_lesser(&mut self) {
        let c = &self.scenario.counters;
        let visible = [
            ("VadPhysicalPages", c.awe_pages),
            ("ProcessLockedFilePages", c.process_locked),
            ("SlabAllocatorPages", c.slab_pages),
            ("ContiguousPagesAllocated", c.contiguous),
        ];
        let lists = [
            ("TransitionPrivatePages", c.transition_private),
            ("TransitionSharedPages", c.transition_shared),
        ];
        let state = [
            ("ContiguousPagesAllocated", c.contiguous),
            ("BootCommit", c.boot_commit),
            ("PfnDatabaseCommit", c.page_frame_database),
            ("PagefileHashPages", c.page_file_hash),
        ];
        let (partition, whole) = ("MiSystemPartition", "_MI_PARTITION");
        let groups = [
            (
                partition,
                whole,
                "Vp",
                "_MI_VISIBLE_PARTITION",
                &visible[..],
            ),
            (
                partition,
                whole,
                "PageLists",
                "_MI_PARTITION_PAGE_LISTS",
                &lists,
            ),
            (
                "MiState",
                "_MI_SYSTEM_INFORMATION",
                "Vs",
                "_MI_VISIBLE_STATE",
                &state,
            ),
        ];
        for (variable, whole, part, structure, members) in groups {
            let place = self.variable(variable).zip(self.build.field(whole, part));
            let Some((at, part)) = place else { continue };
            for (member, value) in members.iter().filter(|(_, value)| value.0 > 0) {
                self.set_pointer(at + part, structure, member, value.0);
            }
        }
    }

    /// Page-hash errors, and the bits kept in entries that are not valid.
    fn write_state_errors(&mut self, c: &CounterValues, state: u64) {
        if let Some(errors) = self.build.field("_MI_SYSTEM_INFORMATION", "Errors") {
            for member in ["PageHashErrors", "PageHashReadErrors"] {
                self.set(
                    state + errors,
                    "_MI_ERROR_STATE",
                    member,
                    c.page_hash_errors,
                    4,
                );
            }
        }
        let mask = self.scenario.machine.invalid_pte_mask.0;
        if let Some(hardware) = self.build.field("_MI_SYSTEM_INFORMATION", "Hardware") {
            self.set(
                state + hardware,
                "_MI_HARDWARE_STATE",
                "InvalidPteMask",
                mask,
                8,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::machine::Machine;
    use crate::scenario::Scenario;

    fn machine(text: &str) -> Scenario {
        Scenario::from_toml(text).unwrap()
    }

    #[test]
    fn the_partition_of_19041_holds_its_counters_at_the_published_offsets() {
        let s = machine(
            "[machine]\nbuild = 19041\n[counters]\navailable = 777\ncommitted = 888\n[[page_files]]\nsize = 99",
        );
        let m = Machine::invent(&s).unwrap();
        // MiSystemPartition.Vp at 1B00; AvailablePages C0, TotalCommittedPages 228, PagingFile 20.
        let vp = m.variable("MiSystemPartition").unwrap() + 0x1b00;
        assert_eq!(m.kernel.read_word(vp + 0xc0, 8), 777);
        assert_eq!(m.kernel.read_word(vp + 0x228, 8), 888);
        assert_eq!(m.kernel.read_word(vp + 0x18, 4), 1);
        let file = m.kernel.read_word(vp + 0x20, 8);
        assert_eq!(m.kernel.read_word(file, 8), 99);
    }

    #[test]
    fn a_2008_r2_guest_has_its_counters_as_globals_that_the_debugger_block_points_at() {
        let s = machine("[machine]\nbuild = 7601\n[counters]\navailable = 321\nmdl_pages = 5000");
        let m = Machine::invent(&s).unwrap();
        let block = m.variable("KdDebuggerDataBlock").unwrap();
        let available = m.kernel.read_word(block + 0x1a8, 8);
        assert_eq!(m.kernel.read_word(available, 8), 321);
        // MmMdlPagesAllocated of 7601.24540 lies at 239F98.
        assert_eq!(m.kernel.read_word(m.images[0].base + 0x23_9f98, 8), 5000);
    }

    #[test]
    fn page_file_counters_shrank_to_32_bits_in_24h2() {
        let s =
            machine("[machine]\nbuild = 26100\n[[page_files]]\nsize = 99\nmaximum = 200\nfree = 7");
        let m = Machine::invent(&s).unwrap();
        let vp = m.variable("MiSystemPartition").unwrap() + 0x4840;
        let file = m.kernel.read_word(vp + 0x20, 8);
        let words: Vec<u64> = (0..4)
            .map(|i| m.kernel.read_word(file + 4 * i, 4))
            .collect();
        assert_eq!(words, [99, 200, 99, 7]);
    }
}
