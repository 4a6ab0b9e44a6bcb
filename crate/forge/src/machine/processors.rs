//! Processor control regions and blocks (KPCR, KPRCB) with the saved context of each processor.

use super::{Machine, Processor};
use crate::layout::context;
use crate::scenario::Architecture;

impl Machine<'_> {
    /// Size of a CONTEXT record on this architecture.
    pub fn context_size(&self) -> usize {
        match self.arch() {
            Architecture::X64 => context::x64::SIZE,
            Architecture::Arm64 => context::arm64::SIZE,
            Architecture::X86 => context::x86::SIZE,
        }
    }

    /// Offset of the processor block in the control region.
    pub(super) fn prcb_in_pcr(&self) -> u64 {
        self.build
            .field("_KPCR", "Prcb")
            .or_else(|| self.build.field("_KPCR", "PrcbData"))
            .unwrap_or(if self.pointer() == 4 { 0x120 } else { 0x180 })
    }

    /// Gives every processor its region and fills what needs no thread yet.
    pub(super) fn make_processors(&mut self) {
        let machine = self.scenario.machine.clone();
        let inner = self.prcb_in_pcr();
        let size = self
            .build
            .size("_KPCR")
            .max(inner + self.build.size("_KPRCB"))
            .max(0x4000);
        for number in 0..machine.processors {
            let pcr = self.regions.processors.pages(size + 0x1000);
            let prcb = pcr + inner;
            self.kernel.touch(pcr, size);
            self.set_pointer(pcr, "_KPCR", "Self", pcr);
            self.set_pointer(pcr, "_KPCR", "SelfPcr", pcr);
            self.set_pointer(pcr, "_KPCR", "CurrentPrcb", prcb);
            self.set(prcb, "_KPRCB", "MxCsr", 0x1f80, 4);
            self.set(prcb, "_KPRCB", "Number", u64::from(number), 4);
            self.set(prcb, "_KPRCB", "MHz", u64::from(machine.mhz), 4);
            self.set(prcb, "_KPRCB", "MajorVersion", 1, 2);
            self.set(prcb, "_KPRCB", "MinorVersion", 1, 2);
            self.set(prcb, "_KPRCB", "CpuType", 6, 1);
            self.set(prcb, "_KPRCB", "CpuID", 1, 1);
            self.set(prcb, "_KPRCB", "CpuStep", 0x2d07, 2);
            self.set(prcb, "_KPRCB", "InitialApicId", u64::from(number), 4);
            if let Some(at) = self.build.field("_KPRCB", "VendorString") {
                self.kernel
                    .write(prcb + at, machine.processor_vendor.as_bytes());
            }
            let context = self.context_place(prcb);
            self.processors.push(Processor {
                pcr,
                prcb,
                idle_thread: 0,
                context,
            });
        }
        if let Some(array) = self.variable("KiProcessorBlock") {
            let p = self.pointer() as u64;
            for i in 0..self.processors.len() {
                self.put_pointer(array + p * i as u64, self.processors[i].prcb);
            }
        }
    }

    /// The context lies in the processor state; where the block has a pointer to it, in nonpaged pool.
    fn context_place(&mut self, prcb: u64) -> u64 {
        let frame = self.context_frame_offset();
        if self.build.field("_KPRCB", "Context").is_none() {
            return prcb + frame;
        }
        let at = self.regions.nonpaged.allocate(self.context_size() as u64);
        self.set_pointer(prcb, "_KPRCB", "Context", at);
        at
    }

    /// Offset of the context record inside the processor block's processor state.
    pub fn context_frame_offset(&self) -> u64 {
        let state = self.build.field("_KPRCB", "ProcessorState").unwrap_or(0x40);
        let inner = self
            .build
            .field("_KPROCESSOR_STATE", "ContextFrame")
            .unwrap_or(0xf0);
        state + inner
    }
}
