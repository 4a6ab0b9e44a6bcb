//! What a debugger shows of a processor block beyond what an analysis needs: counts, times, model.
//!
//! Source: `symbols::layout`. Servicing moves what stands behind the beginning of KPRCB, so only a row of
//! the very size that the debugger data block states is believed; ARM64 has no rows.

use super::record::Record;
use super::{Architecture, Machine, Member};
use crate::memory::{AddressSpace, VirtualAddress};

/// More of a processor. What cannot be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessorDetail {
    /// Interrupts that it took.
    pub interrupts: Option<u32>,
    /// Clock ticks in the kernel, in programs, in deferred procedure calls.
    pub times: [Option<u32>; 3],
    /// Family, model and stepping.
    pub model: Option<(u8, u8, u8)>,
    /// The revision of its microcode.
    pub signature: Option<u64>,
    /// KF_* feature bits.
    pub features: Option<u64>,
}

impl ProcessorDetail {
    /// Of the block at `block`.
    #[must_use]
    pub fn read(space: &dyn AddressSpace, machine: Machine<'_>, block: VirtualAddress) -> Self {
        let size = machine.debugger_data.layout(Member::SizePrcb);
        let rows = machine.layouts().rows("_KPRCB");
        let row = rows
            .iter()
            .find(|row| size.is_some() && row.size().map(u64::from) == size);
        let Some(row) = row.filter(|_| machine.architecture != Architecture::Arm64) else {
            return Self::default();
        };
        let record = Record::new(space, block, 0x100, machine.architecture.pointer_width());
        let int = |name, len| record.int(row.offset(name)?, len).ok();
        let word = |name| int(name, 4).map(|value| value as u32);
        let step = int("CpuStep", 2);
        let family = int("CpuType", 1).filter(|&family| family != 0);
        Self {
            interrupts: word("InterruptCount"),
            times: [word("KernelTime"), word("UserTime"), word("DpcTime")],
            model: family.zip(step).map(|(family, step)| {
                let [stepping, model] = (step as u16).to_le_bytes();
                (family as u8, model, stepping)
            }),
            signature: int("UpdateSignature", 8),
            features: int("FeatureBits", 4),
        }
    }
}
