//! Shared user data, the physical memory block, and the firmware tables in physical memory.

use super::Machine;
use crate::bytes::{Bytes, utf16};
use crate::firmware::{acpi, smbios, strings};
use crate::layout::shared as s;
use crate::scenario::Architecture;

/// Where the invented firmware keeps its tables: high in conventional memory, which belongs to the first run.
const SMBIOS_AT: u64 = 0x9_d000;
/// Where a table begins that does not fit there.
const SMBIOS_LOW: u64 = 0x8_0000;
/// The end of memory below 640 KiB.
const LOW_END: u64 = 0x9_f000;
const ACPI_AT: u64 = 0x9_a000;
const ACPI_LOW: u64 = 0x2_0000;

impl Machine<'_> {
    /// Major and minor version of Windows.
    pub fn windows_version(&self) -> (u32, u32) {
        match self.scenario.stated_build() {
            0..=6003 => (6, 0),
            6004..=7601 => (6, 1),
            7602..=9200 => (6, 2),
            9201..=9600 => (6, 3),
            _ => (10, 0),
        }
    }

    /// Writes the page of shared user data.
    pub(super) fn write_shared_data(&mut self) {
        let at = self.shared_user_data();
        let scenario = self.scenario;
        let system = &scenario.system;
        let uptime = system.uptime.0 * 10_000_000;
        self.kernel.touch(at, 0x1000);
        self.kernel.u32(at + s::TICK_COUNT_MULTIPLIER, 0x0fa0_0000);
        self.put_time(at + s::INTERRUPT_TIME, uptime);
        self.put_time(at + s::SYSTEM_TIME, system.crash_time.filetime());
        let bias = system.time_zone_bias * 600_000_000;
        self.put_time(at + s::TIME_ZONE_BIAS, bias as u64);
        let image = match self.arch() {
            Architecture::X64 => 0x8664,
            Architecture::Arm64 => 0xaa64,
            Architecture::X86 => 0x14c,
        };
        self.kernel.u16(at + s::IMAGE_NUMBER_LOW, image);
        self.kernel.u16(at + s::IMAGE_NUMBER_HIGH, image);
        self.kernel
            .write(at + s::SYSTEM_ROOT, &utf16(&system.system_root));
        self.kernel.u32(at + s::LARGE_PAGE_MINIMUM, 0x20_0000);
        let (major, minor) = self.windows_version();
        if major >= 10 {
            self.kernel
                .u32(at + s::BUILD_NUMBER, scenario.stated_build());
            self.kernel.u32(at + s::BOOT_ID, system.boot_id);
        }
        self.kernel.u32(at + s::PRODUCT_TYPE, system.product_type);
        self.kernel.u8(at + s::PRODUCT_TYPE_VALID, 1);
        let native = match self.arch() {
            Architecture::X64 => 9,
            Architecture::Arm64 => 12,
            Architecture::X86 => 0,
        };
        if (major, minor) >= (6, 2) {
            self.kernel.u16(at + s::NATIVE_ARCHITECTURE, native);
            self.kernel.u64(at + s::QPC_FREQUENCY, 10_000_000);
        }
        self.kernel.u32(at + s::MAJOR_VERSION, major);
        self.kernel.u32(at + s::MINOR_VERSION, minor);
        self.kernel.u32(at + s::SUITE_MASK, system.suite_mask);
        self.kernel
            .u8(at + s::DEBUGGER_ENABLED, u8::from(system.debugger_enabled));
        self.kernel.u32(
            at + s::PHYSICAL_PAGES,
            (scenario.machine.memory.0 >> 12) as u32,
        );
        self.kernel.u8(at + s::SAFE_BOOT_MODE, system.safe_boot);
        self.put_time(at + s::TICK_COUNT, uptime / 156_250);
        let cookie = self.rng("cookie").next() as u32;
        self.kernel.u32(at + s::COOKIE, cookie);
        self.kernel
            .u32(at + s::PROCESSOR_COUNT, scenario.machine.processors);
        self.kernel.u8(at + s::GROUP_COUNT, 1);
    }

    /// A KSYSTEM_TIME: low part, high part, high part again.
    fn put_time(&mut self, at: u64, value: u64) {
        self.kernel.u64(at, value);
        self.kernel.u32(at + 8, (value >> 32) as u32);
    }

    /// MmPhysicalMemoryBlock and what it points at.
    pub(super) fn write_physical_block(&mut self) {
        let runs = self.physical_runs();
        let p = self.pointer() as u64;
        let block = self
            .regions
            .nonpaged
            .allocate(2 * p + 2 * p * runs.len() as u64);
        self.kernel.u32(block, runs.len() as u32);
        self.put_pointer(block + p, runs.iter().map(|r| r.1).sum());
        for (i, (first, count)) in runs.iter().enumerate() {
            let entry = block + 2 * p + 2 * p * i as u64;
            self.put_pointer(entry, *first);
            self.put_pointer(entry + p, *count);
        }
        if let Some(at) = self.variable("MmPhysicalMemoryBlock") {
            self.put_pointer(at, block);
        }
        if let Some(at) = self.variable("MmPfnDatabase") {
            let frames = self.regions.frames;
            self.put_pointer(at, frames);
        }
    }

    /// SMBIOS and ACPI tables in low memory, and the variables that lead to SMBIOS.
    pub(super) fn write_firmware(&mut self) {
        if !self.scenario.firmware.no_smbios {
            let table = smbios::table(self.scenario);
            // A long table begins lower, so that it ends before the next one.
            let room = (LOW_END - SMBIOS_AT - 0x20) as usize;
            let page = if table.len() > room {
                SMBIOS_LOW
            } else {
                SMBIOS_AT
            };
            let at = page + 0x20;
            let mut bytes = self.smbios_anchor(at, table.len());
            bytes.extend(&table);
            self.physical_tables.push((page, bytes));
            if let Some(va) = self.variable("WmipSMBiosTablePhysicalAddress") {
                self.kernel.u64(va, at);
            }
            if let Some(va) = self.variable("WmipSMBiosTableLength") {
                self.kernel.u32(va, table.len() as u32);
            }
            if let Some(va) = self.variable("WmipSMBiosVersionInfo") {
                let (major, minor) = strings(self.scenario).smbios;
                self.kernel.write(va, &[0, major, minor, 0]);
            }
        }
        let tables: Vec<u8> = acpi::whole(self.scenario)
            .into_iter()
            .flat_map(|t| t.1)
            .collect();
        let room = (SMBIOS_AT - ACPI_AT) as usize;
        let at = if tables.len() > room {
            ACPI_LOW
        } else {
            ACPI_AT
        };
        self.physical_tables.push((at, tables));
        for (address, _) in self.physical_tables.clone() {
            self.frames.reserve(address >> 12);
        }
    }

    /// The entry point structure `_SM_`, padded to 32 bytes.
    fn smbios_anchor(&self, table: u64, length: usize) -> Vec<u8> {
        let (major, minor) = strings(self.scenario).smbios;
        let mut b = Bytes::zeroed(0x20);
        b.put(0, b"_SM_");
        b.put(5, &[0x1f, major, minor]);
        b.u16(8, 0x100);
        b.put(0x10, b"_DMI_");
        b.u16(0x16, length as u16);
        b.u32(0x18, table as u32);
        b.u16(0x1c, 10);
        b.u8(0x1e, major << 4 | minor);
        let sum = |part: &[u8]| part.iter().fold(0_u8, |a, x| a.wrapping_sub(*x));
        let inner = sum(&b.as_slice()[0x10..0x1f]);
        b.u8(0x15, inner);
        let outer = sum(&b.as_slice()[..0x1f]);
        b.u8(4, outer);
        b.into_vec()
    }
}
