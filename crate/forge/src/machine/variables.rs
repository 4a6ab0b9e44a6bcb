//! Kernel variables that carry identity: build strings, processor count, loaded hive of facts every reader looks at first.

use super::Machine;

impl Machine<'_> {
    /// The extended build string, as `9600.19913.amd64fre.winblue_ltsb.201207-1920`.
    pub fn build_lab(&self) -> String {
        if let Some(text) = &self.scenario.system.build_lab {
            return text.clone();
        }
        let (build, revision) = match self.scenario.faults.build {
            Some(stated) => (stated, 16384),
            None => self.build.number(),
        };
        let platform = match self.pointer() {
            4 => "x86fre",
            _ if self.arch() == crate::scenario::Architecture::Arm64 => "arm64fre",
            _ => "amd64fre",
        };
        let branch = match build {
            6002 => "vistasp2_gdr.090410-1830",
            9200 => "win8_rtm.120725-1247",
            7601 => "win7sp1_ldr.190916-1700",
            9600 => "winblue_ltsb_escrow.201207-1920",
            14393 => "rs1_release.210730-1850",
            17763 => "rs5_release.180914-1434",
            19041 => "vb_release.191206-1406",
            20348 => "fe_release.210507-1500",
            22000 => "co_release.210604-1628",
            _ => "ge_release.240331-1435",
        };
        format!("{build}.{revision}.{platform}.{branch}")
    }

    /// Writes the variables.
    pub(super) fn write_variables(&mut self) {
        let lab = self.build_lab();
        for name in ["NtBuildLab", "NtBuildLabEx"] {
            if let Some(at) = self.variable(name) {
                let mut text = lab.clone().into_bytes();
                text.push(0);
                self.kernel.write(at, &text);
            }
        }
        self.write_hypervisor_flags();
        let build = self.scenario.stated_build();
        if let Some(at) = self.variable("NtBuildNumber") {
            self.kernel.u32(at, 0xf000_0000 | build);
        }
        let count = self.scenario.machine.processors;
        if let Some(at) = self.variable("KeNumberProcessors") {
            self.kernel.u32(at, count);
        }
        if let Some(at) = self.variable("KeTimeIncrement") {
            self.kernel.u32(at, 156_250);
        }
        // The driver that Windows itself blames, as the bug-check path notes it.
        if let (Some(name), Some(at)) = (
            self.scenario.dump.broken_driver.clone(),
            self.variable("KiBugCheckDriver"),
        ) {
            let text = self
                .regions
                .nonpaged
                .allocate(0x10 + 2 * name.len() as u64 + 2);
            self.put_string(text, text + 0x10, &name);
            self.put_pointer(at, text);
        }
        let stop = &self.scenario.stop;
        let (code, parameters) = (stop.code.0, stop.parameters.clone());
        if let Some(at) = self.variable("KiBugCheckData") {
            let p = self.pointer() as u64;
            self.put_pointer(at, code);
            for (i, value) in parameters.iter().enumerate().take(4) {
                self.put_pointer(at + p * (i as u64 + 1), value.0);
            }
        }
    }

    /// What the kernel noted of the hypervisor beneath: figures that debuggers print of guests and of hosts.
    fn write_hypervisor_flags(&mut self) {
        let root = self.scenario.firmware.root_partition;
        let beneath = crate::firmware::cpuid::leaves(self.scenario)
            .iter()
            .any(|(leaf, registers)| *leaf == 1 && registers[2] >> 31 == 1);
        let words = [
            ("HvlpFlags", if beneath { 0x4810ef } else { 0 }),
            ("HvlEnlightenments", if beneath { 0x10fbe4 } else { 0 }),
            ("HvlpRootFlags", if root { 0x1015 } else { 0 }),
        ];
        for (name, value) in words {
            if let Some(at) = self.variable(name) {
                self.kernel.u32(at, value);
            }
        }
        if let Some(at) = self.variable("HvlHyperVRootPartition") {
            self.kernel.u8(at, u8::from(root));
        }
    }

    /// The four stop parameters.
    pub fn stop_parameters(&self) -> [u64; 4] {
        let mut out = [0; 4];
        for (slot, value) in out.iter_mut().zip(&self.scenario.stop.parameters) {
            *slot = value.0;
        }
        out
    }
}
