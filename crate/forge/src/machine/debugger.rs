//! The debugger data block (KDBG) and the version block, filled as the bug-check path leaves them: in plain form.

use super::Machine;
use crate::bytes::Bytes;
use crate::layout::kdbg;
use crate::scenario::{Architecture, DebuggerBlock};

impl Machine<'_> {
    /// Bytes of the debugger data block.
    pub fn debugger_block_size(&self) -> usize {
        kdbg::size_for(self.scenario.machine.build)
    }

    /// Kernel pointers in the block are 64 bits wide; those of a 32-bit kernel are sign-extended.
    fn widened(&self, va: u64) -> u64 {
        if self.pointer() == 4 {
            va as u32 as i32 as i64 as u64
        } else {
            va
        }
    }

    /// Writes the block at the address of its symbol.
    pub(super) fn write_debugger_block(&mut self) {
        let Some(at) = self.variable("KdDebuggerDataBlock") else {
            return;
        };
        let mut block = Bytes::zeroed(self.debugger_block_size());
        self.fill_pointers(&mut block);
        self.fill_offsets(&mut block);
        let list = self.widened(self.variable("KdVersionBlock").unwrap_or(at) + 0x40);
        block.u64(kdbg::LIST, list);
        block.u64(kdbg::LIST + 8, list);
        block.put(kdbg::OWNER_TAG, &kdbg::TAG);
        block.u32(kdbg::SIZE, self.debugger_block_size() as u32);
        block.u64(kdbg::KERN_BASE, self.widened(self.images[0].base));
        block.u16(kdbg::FLAGS, self.paging_flags());
        block.u64(kdbg::MM_PAGE_SIZE, 0x1000);
        let size = self.debugger_block_size();
        let mut bytes = block.as_slice()[..size].to_vec();
        match self.scenario.faults.debugger_data {
            DebuggerBlock::Plain => {}
            DebuggerBlock::Absent => bytes.fill(0),
            DebuggerBlock::Encoded => self.encode(&mut bytes),
        }
        self.kernel.write(at, &bytes);
        self.write_version_block(list);
    }

    /// Encodes the block as Windows keeps it while it runs: the inverse of XOR with KiWaitNever,
    /// rotation by its low byte, XOR with the address of KdpDataBlockEncoded, byte swap, and XOR
    /// with KiWaitAlways. (QEMU elf2dmp and volatility's win8_kdbg describe the way back.)
    fn encode(&mut self, bytes: &mut [u8]) {
        let mut rng = self.rng("debugger data");
        let (never, always) = (rng.next(), rng.next());
        let flag = self.variable("KdpDataBlockEncoded").unwrap_or(0);
        for (name, value) in [("KiWaitNever", never), ("KiWaitAlways", always)] {
            if let Some(at) = self.variable(name) {
                self.kernel.u64(at, value);
            }
        }
        if flag != 0 {
            self.kernel.write(flag, &[1]);
        }
        for word in bytes.chunks_exact_mut(8) {
            let plain = u64::from_le_bytes(word.try_into().unwrap_or_default());
            let mixed = (plain ^ always).swap_bytes() ^ flag;
            let encoded = mixed.rotate_right((never & 0xff) as u32) ^ never;
            word.copy_from_slice(&encoded.to_le_bytes());
        }
    }

    /// DBGKD_GET_VERSION64: what a debugger asks a machine first.
    fn write_version_block(&mut self, list: u64) {
        let Some(at) = self.variable("KdVersionBlock") else {
            return;
        };
        let base = self.widened(self.images[0].base);
        let modules = self.widened(self.variable("PsLoadedModuleList").unwrap_or(0));
        let machine = crate::container::header::machine_type(self.arch()) as u16;
        self.kernel.u16(at, 0xf);
        self.kernel.u16(at + 2, self.scenario.stated_build() as u16);
        self.kernel.write(at + 4, &[6, 2]);
        self.kernel
            .u16(at + 6, if self.pointer() == 8 { 0x47 } else { 0x43 });
        self.kernel.u16(at + 8, machine);
        self.kernel.write(at + 0xa, &[12, 3, 0x32]);
        self.kernel.u64(at + 0x10, base);
        self.kernel.u64(at + 0x18, modules);
        self.kernel.u64(at + 0x20, list);
        // The debugger data list: a list head beside the version block, with the block as its only entry.
        let block = self.widened(self.variable("KdDebuggerDataBlock").unwrap_or(0));
        self.kernel.u64(at + 0x40, block);
        self.kernel.u64(at + 0x48, block);
    }

    fn paging_flags(&self) -> u16 {
        let machine = &self.scenario.machine;
        let pae = u16::from(machine.architecture != Architecture::Arm64 && machine.pae);
        let levels = if machine.build >= 22000 {
            u16::from(machine.paging_levels) << 2
        } else {
            0
        };
        pae | levels
    }

    fn fill_pointers(&self, block: &mut Bytes) {
        let size = self.debugger_block_size();
        let modern = self.scenario.machine.build > 9600;
        for (offset, name) in kdbg::POINTERS {
            // From Windows 10 on the memory manager's counters are no globals, and the block leaves their slots empty.
            let gone = modern && kdbg::GONE_SINCE_10.contains(offset);
            if *offset + 8 <= size && !gone {
                let address = self.variable(name).or_else(|| {
                    self.build
                        .function(name)
                        .map(|f| self.images[0].base + u64::from(f.rva))
                });
                block.u64(*offset, self.widened(address.unwrap_or(0)));
            }
        }
        let commit = self
            .variable("MmPagedPoolCommit")
            .or_else(|| self.pte_failures_address());
        block.u64(
            kdbg::MM_PAGED_POOL_COMMIT,
            self.widened(commit.unwrap_or(0)),
        );
        if size >= kdbg::PTE_BASE + 8 && self.arch() != Architecture::X86 {
            block.u64(kdbg::PTE_BASE, self.pte_base());
        }
    }

    /// Since Windows 10 the slot of the paged-pool commit points at a member of the memory manager's state.
    fn pte_failures_address(&self) -> Option<u64> {
        let state = self.variable("MiState")?;
        Some(
            state
                + self.build.field("_MI_SYSTEM_INFORMATION", "Vs")?
                + self.build.field("_MI_VISIBLE_STATE", "SystemPteInfo")?
                + self.build.field("_MI_SYSTEM_PTE_TYPE", "PteFailures")?,
        )
    }

    /// Address of the page-table entry of address 0.
    pub fn pte_base(&self) -> u64 {
        0xffff_0000_0000_0000 | self.regions.self_map_slot << 39
    }

    fn fill_offsets(&self, block: &mut Bytes) {
        let size = self.debugger_block_size();
        for (offset, structure, member) in kdbg::OFFSETS16 {
            if let Some(value) = self.build.field(structure, member)
                && *offset + 2 <= size
            {
                block.u16(*offset, value as u16);
            }
        }
        for (offset, structure, member) in kdbg::OFFSETS32 {
            if let Some(value) = self.build.field(structure, member)
                && *offset + 4 <= size
            {
                block.u32(*offset, value as u32);
            }
        }
        for (offset, structure) in kdbg::SIZES {
            block.u16(*offset, self.build.size(structure) as u16);
        }
        let directory = self
            .build
            .field("_KPROCESS", "DirectoryTableBase")
            .unwrap_or(if self.pointer() == 4 { 0x18 } else { 0x28 });
        block.u16(kdbg::OFFSET_DIRECTORY, directory as u16);
        block.u16(kdbg::APC_PROCESS, self.apc_process().unwrap_or(0) as u16);
        block.u16(kdbg::PRCB_CONTEXT_FRAME, self.context_frame_offset() as u16);
        let state = self.build.field("_KPRCB", "ProcessorState").unwrap_or(0);
        let special = self
            .build
            .field("_KPROCESSOR_STATE", "SpecialRegisters")
            .unwrap_or(0);
        block.u16(kdbg::PRCB_SPECIAL_REGISTERS, (state + special) as u16);
        if size > 0x358 {
            block.u16(
                kdbg::DPC_STACK_FRAME,
                if self.arch() == Architecture::X64 {
                    0x50
                } else {
                    0x10
                },
            );
        }
        if self.arch() == Architecture::X64 {
            for (offset, selector) in kdbg::SELECTORS64 {
                block.u16(*offset, *selector);
            }
        }
    }
}
