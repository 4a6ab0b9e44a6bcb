//! Records that Windows keeps of an error, in nonpaged memory; Driver Verifier's settings and records.

use super::Machine;
use crate::bytes::Bytes;
use crate::layout::cper as c;
use crate::layout::pool::{POOL32, POOL64};
use crate::layout::verifier;
use crate::memory::PAGE;
use crate::scenario::{HardwareError, Section};

/// The first build whose pool is a segment heap (1903).
const SEGMENT_HEAP: u32 = 18362;

impl Machine<'_> {
    /// Writes the scenario's records.
    pub(super) fn make_records(&mut self) {
        for error in &self.scenario.hardware_errors {
            let bytes = hardware_error(error);
            self.kernel.write(error.address.0, &bytes);
        }
        self.make_verifier();
        // A segment heap keeps no chain: a header says nothing of the block in front.
        let chained = self.scenario.machine.build < SEGMENT_HEAP;
        let header = if self.pointer() == 4 { POOL32 } else { POOL64 };
        for page in &self.scenario.pool_pages {
            let mut at = page.address.0;
            let mut previous = 0;
            self.kernel.touch(at, PAGE);
            let used: u64 = page.blocks.iter().map(|block| block.size).sum();
            let blocks = page.blocks.iter().map(|block| (block.size, &*block.tag));
            let rest = (PAGE - used, "Free");
            for (size, tag) in blocks.chain(chained.then_some(rest)) {
                // Nonpaged and in use, or free.
                let kind = if tag == "Free" { 0 } else { 2 };
                let own = (size / header.size) << header.own;
                let word = (previous / header.size) | own | (kind << header.kind);
                self.kernel.u32(at, word as u32);
                self.kernel.write(at + 4, tag.as_bytes());
                at += size;
                previous = if chained { size } else { 0 };
            }
        }
    }

    /// Driver Verifier's level, and its record of a driver that leaves something behind.
    fn make_verifier(&mut self) {
        let wanted = self.scenario.verifier.clone();
        if let Some(at) = self.variable("MmVerifierData") {
            self.kernel.u32(at + verifier::LEVEL, wanted.level);
        }
        let Some(leaving) = wanted.leaving else {
            return;
        };
        let record = leaving.address.0;
        let (entry, text) = (record + 0x80, record + 0x180);
        self.kernel.touch(record - record % PAGE, PAGE);
        self.put_pointer(record + verifier::SUSPECT, entry);
        let name = entry + verifier::suspect_name(self.pointer() as u64);
        self.put_string(name, text, &leaving.driver);
    }
}

fn hardware_error(error: &HardwareError) -> Vec<u8> {
    let count = error.sections.len();
    let mut b = Bytes::zeroed(c::HEADER_SIZE + count * c::DESCRIPTOR_SIZE);
    b.put(0, c::SIGNATURE);
    b.u16(c::H_REVISION, c::REVISION);
    b.u32(c::H_SIGNATURE_END, u32::MAX);
    b.u16(c::H_SECTION_COUNT, count as u16);
    b.u32(c::H_SEVERITY, error.severity);
    b.u64(c::H_RECORD_ID, 0x01cd_5d34_7afa_ed04);
    for (index, section) in error.sections.iter().enumerate() {
        let (kind, bytes) = body(section);
        b.align(8);
        let at = b.append(&bytes);
        let descriptor = c::HEADER_SIZE + index * c::DESCRIPTOR_SIZE;
        b.u32(descriptor, at as u32);
        b.u32(descriptor + c::D_LENGTH, bytes.len() as u32);
        b.u16(descriptor + c::D_REVISION, 0x0201);
        b.put(descriptor + c::D_TYPE, &kind);
        b.u32(descriptor + c::D_SEVERITY, error.severity);
        if index + 1 == count {
            b.u32(descriptor + c::D_FLAGS, 1);
        }
        if let Section::Memory { name, .. } = section {
            b.u8(descriptor + c::D_VALID, 2);
            b.put(descriptor + c::D_FRU_TEXT, name.as_bytes());
        }
    }
    b.u32(c::H_LENGTH, b.len() as u32);
    b.into_vec()
}

/// Type and bytes of a section. The first eight bytes of those that UEFI lays out say what is valid.
fn body(section: &Section) -> ([u8; 16], Vec<u8>) {
    let (kind, size) = match section {
        Section::Processor { .. } => (c::PROCESSOR_GENERIC, c::PROCESSOR_SIZE),
        Section::Check { .. } => (c::MACHINE_CHECK, c::CHECK_SIZE),
        Section::Memory { .. } => (c::MEMORY, c::MEMORY_SIZE),
        Section::PciExpress { .. } => (c::PCI_EXPRESS, c::PCI_SIZE),
    };
    let mut b = Bytes::zeroed(size);
    match section {
        Section::Processor {
            id,
            error,
            operation,
            level,
        } => {
            b.u64(0, 0b1_0010_1101);
            b.u8(10, *error);
            b.u8(11, *operation);
            b.u8(13, *level);
            b.u64(152, *id);
        }
        Section::Check {
            processor,
            bank,
            status,
            address,
        } => {
            b.u32(0, 3);
            b.u32(4, 1);
            b.u32(16, *processor);
            b.u32(36, *bank);
            b.u64(40, status.0);
            b.u64(48, address.0);
            b.u32(68, *processor);
        }
        Section::Memory {
            address,
            error,
            module,
            ..
        } => {
            b.u64(0, 1 << 1 | 1 << 5 | 1 << 14);
            b.u64(16, address.0);
            b.u16(36, *module);
            b.u8(72, *error);
        }
        Section::PciExpress {
            port,
            id,
            place,
            uncorrectable,
        } => {
            pci_express(&mut b, *port, *id, *place);
            b.u32(116, *uncorrectable);
        }
    }
    (kind, b.into_vec())
}

fn pci_express(b: &mut Bytes, port: u32, id: [u16; 2], place: [u8; 3]) {
    b.u64(0, 0b1000_1001);
    b.u32(8, port);
    b.u16(24, id[0]);
    b.u16(26, id[1]);
    b.u8(31, place[2]);
    b.u8(32, place[1]);
    b.u8(35, place[0]);
}
