//! Lays the images into memory: the kernel with the sections its symbols call for, drivers with a fixed plan.

use super::{Image, Machine, Shape};
use crate::image::{CODE, DATA, Function, PeFile, Plan, READ_ONLY, Section};
use crate::scenario::Architecture;

/// Bytes kept for the tables of the kernel and of a driver.
const KERNEL_TABLES: u32 = 0xc000;
const DRIVER_TABLES: u32 = 0x2000;
/// Readers look for the kernel's debug record only this far from its base.
const KERNEL_TABLES_BELOW: u32 = 0x3c_0000;

/// Functions that the forge knows by name and that the real kernel does not export.
const INTERNAL: [&str; 8] = [
    "MmAccessFault",
    "KeBugCheck2",
    "PoIdle",
    "MmCopyToCachedPage",
    "KeCountSetBitsGroupAffinity",
    "MmGetNumberOfPhysicalPages",
    "MmGetAvailablePages",
    "MmGetTotalCommittedPages",
];

impl Machine<'_> {
    /// Writes what is resident of the images.
    pub(super) fn write_images(&mut self) {
        for i in 0..self.images.len() {
            let image = self.images[i].clone();
            if let Some(file) = PeFile::parse(&image.file) {
                for (rva, bytes) in file.mapped(image.base) {
                    self.kernel.write(image.base + u64::from(rva), &bytes);
                }
                continue;
            }
            let plan = if i == 0 {
                self.kernel_plan(&image)
            } else {
                self.driver_plan(&image)
            };
            for (rva, bytes) in plan.pieces() {
                self.kernel.write(image.base + u64::from(rva), &bytes);
            }
        }
        self.write_calls();
        self.write_faults();
    }

    fn plan(&self, image: &Image) -> Plan {
        Plan {
            arch: self.arch(),
            base: image.base,
            size: image.size as u32,
            stamp: image.stamp,
            checksum: image.checksum,
            name: image.name.clone(),
            pdb: (image.pdb.clone(), image.guid, image.age),
            version: image.version,
            company: image.company.clone(),
            tables: (0, 0),
            sections: Vec::new(),
            functions: image
                .functions
                .iter()
                .map(|(begin, end, shape)| Function {
                    begin: *begin,
                    end: *end,
                    shape: *shape,
                })
                .collect(),
            exports: Vec::new(),
            signed: self.scenario.machine.signed,
        }
    }

    fn driver_plan(&self, image: &Image) -> Plan {
        let mut plan = self.plan(image);
        let size = plan.size.next_multiple_of(0x1000);
        if size < 0x6000 {
            // Too small for a table section: its tables share the header page.
            plan.tables = (0x500, 0xb00);
            plan.sections = vec![Section {
                name: ".text".into(),
                rva: 0x1000,
                size: size.saturating_sub(0x1000).max(0x200),
                flags: CODE,
            }];
            return plan;
        }
        let tables = size - DRIVER_TABLES;
        let data = tables - (size / 8).next_multiple_of(0x1000);
        plan.tables = (tables, DRIVER_TABLES);
        plan.sections = vec![
            Section {
                name: ".text".into(),
                rva: 0x1000,
                size: data - 0x1000,
                flags: CODE,
            },
            Section {
                name: ".data".into(),
                rva: data,
                size: tables - data,
                flags: DATA,
            },
            Section {
                name: ".rdata".into(),
                rva: tables,
                size: DRIVER_TABLES,
                flags: READ_ONLY,
            },
        ];
        plan
    }

    fn kernel_plan(&self, image: &Image) -> Plan {
        let mut plan = self.plan(image);
        let start = self.kernel_table_place();
        plan.tables = (start, KERNEL_TABLES);
        plan.sections = self.kernel_sections(start, plan.size);
        for f in &self.build.code {
            if !plan.functions.iter().any(|x| x.begin == f.rva) && f.end > f.rva + 0x10 {
                let shape = Shape::of(&format!("nt!{}", f.name));
                plan.functions.push(Function {
                    begin: f.rva,
                    end: f.end,
                    shape,
                });
            }
        }
        plan.functions.sort_by_key(|f| f.begin);
        plan.exports = self.kernel_exports();
        plan
    }

    fn kernel_exports(&self) -> Vec<(String, u32)> {
        const PREFIXES: [&str; 12] = [
            "Ke", "Ex", "Io", "Mm", "Ps", "Ob", "Se", "Rtl", "Zw", "Nt", "Cc", "FsRtl",
        ];
        let exported = |name: &str| {
            !INTERNAL.contains(&name)
                && PREFIXES.iter().any(|p| {
                    name.strip_prefix(p)
                        .is_some_and(|r| r.starts_with(|c: char| c.is_ascii_uppercase()))
                })
        };
        let mut out: Vec<(String, u32)> = self
            .build
            .code
            .iter()
            .filter(|f| exported(&f.name))
            .map(|f| (f.name.clone(), f.rva))
            .collect();
        for name in [
            "NtBuildNumber",
            "PsInitialSystemProcess",
            "MmHighestUserAddress",
            "KeNumberProcessors",
        ] {
            out.extend(self.build.data(name).map(|rva| (name.to_owned(), rva)));
        }
        out
    }

    /// A stretch near the start of the kernel in which no known symbol lies.
    fn kernel_table_place(&self) -> u32 {
        let mut used: Vec<(u32, u32)> = self.build.code.iter().map(|f| (f.rva, f.end)).collect();
        used.extend(self.build.variables().map(|(_, rva)| (rva, rva + 0x6000)));
        used.sort_unstable();
        let mut free = 0x1000_u32;
        for (from, to) in used {
            if from >= free + KERNEL_TABLES {
                break;
            }
            free = free.max(to.next_multiple_of(0x1000));
        }
        free.min(KERNEL_TABLES_BELOW)
    }

    /// Sections by what lies on each page: code, data, or the tables.
    fn kernel_sections(&self, tables: u32, size: u32) -> Vec<Section> {
        let pages = size.div_ceil(0x1000) as usize;
        let mut kind: Vec<Option<u32>> = vec![None; pages];
        for f in &self.build.code {
            kind[(f.rva / 0x1000) as usize] = Some(CODE);
        }
        // What the digests list as code beside variables are exported variables as well.
        for (_, rva) in self.build.variables() {
            kind[(rva / 0x1000) as usize] = Some(DATA);
        }
        let last = (tables + KERNEL_TABLES) / 0x1000;
        for page in kind
            .iter_mut()
            .take(last as usize)
            .skip((tables / 0x1000) as usize)
        {
            *page = Some(READ_ONLY);
        }
        let mut sections: Vec<Section> = Vec::new();
        let mut current = CODE;
        for (i, page) in kind.iter().enumerate().skip(1) {
            current = page.unwrap_or(current);
            let rva = i as u32 * 0x1000;
            match sections.last_mut() {
                Some(s) if s.flags == current => s.size += 0x1000,
                _ => sections.push(Section {
                    name: section_name(current, sections.len()),
                    rva,
                    size: 0x1000,
                    flags: current,
                }),
            }
        }
        sections.truncate(60);
        sections
    }

    /// In front of each return address lies the call that pushed it.
    fn write_calls(&mut self) {
        let mut stacks: Vec<Vec<u64>> = self.running.iter().map(|r| r.frames.clone()).collect();
        let sleeping = self.current.sleeping.clone();
        // The first return address of a sleeper is that of the switch itself.
        stacks.extend(sleeping.first().map(|first| vec![first - 0x10, *first]));
        stacks.push(sleeping);
        let real: Vec<_> = self.images.iter().filter(|i| !i.file.is_empty()).collect();
        let real: Vec<_> = real.iter().map(|i| i.base..i.base + i.size).collect();
        for frames in stacks {
            // Real code has its own calls, and a process's called nothing here.
            let user = |address: u64| match self.arch() {
                Architecture::X86 => address < 0x8000_0000,
                _ => address >> 63 == 0,
            };
            let written = |at: u64| !user(at) && !real.iter().any(|image| image.contains(&at));
            let pairs = frames.windows(2);
            for pair in pairs.filter(|pair| written(pair[1])).collect::<Vec<_>>() {
                match self.arch() {
                    Architecture::Arm64 => self.call_arm64(pair[0], pair[1]),
                    _ => self.call_x86(pair[0], pair[1]),
                }
            }
        }
    }

    /// What touched the address in RCX that a trap frame names, and what would have followed.
    fn write_faults(&mut self) {
        if self.arch() != Architecture::X64 {
            return;
        }
        for at in self.current.faulting.clone() {
            // nop; nop; nop; nop; nop: no call stands before it.
            let [from, end] = self.function_around(at);
            self.kernel.write(
                (at - 5).max(from),
                &[0x90; 5][..(at - from).min(5) as usize],
            );
            // mov rax, [rcx]; test rax, rax; je; mov rax, [rax+8]; add rsp, 28h; ret
            let code = [
                0x48, 0x8b, 0x01, 0x48, 0x85, 0xc0, 0x74, 0x04, 0x48, 0x8b, 0x40, 0x08, 0x48, 0x83,
                0xc4, 0x28, 0xc3,
            ];
            self.kernel
                .write(at, &code[..(end - at).min(code.len() as u64) as usize]);
        }
    }

    /// From where to where the function reaches in which an address lies.
    fn function_around(&self, at: u64) -> [u64; 2] {
        let mut functions = self.images.iter().flat_map(|image| {
            let place = |rva: u32| image.base + u64::from(rva);
            image
                .functions
                .iter()
                .map(move |f| [place(f.0), place(f.1)])
        });
        functions
            .rfind(|[from, end]| (*from..*end).contains(&at))
            .unwrap_or([at - 5, at + 0x40])
    }

    /// `call`, in the encoding that x64 and x86 share.
    fn call_x86(&mut self, callee: u64, back: u64) {
        let distance = callee.wrapping_sub(back) as i64;
        if let Ok(near) = i32::try_from(distance) {
            let mut call = vec![0xe8];
            call.extend(near.to_le_bytes());
            self.kernel.write(back - 5, &call);
        } else {
            self.kernel.write(back - 6, &[0xff, 0x15, 0, 0x10, 0, 0]);
        }
    }

    fn call_arm64(&mut self, callee: u64, back: u64) {
        let distance = callee.wrapping_sub(back - 4) as i64;
        let near = distance % 4 == 0 && distance.unsigned_abs() < 1 << 27;
        // bl, or blr x8
        let call = if near {
            0x9400_0000 | (distance >> 2) as u32 & 0x03ff_ffff
        } else {
            0xd63f_0100
        };
        self.kernel.write(back - 4, &call.to_le_bytes());
    }
}

/// Names as the kernel's sections have them; debuggers look for POOLCODE.
fn section_name(flags: u32, index: usize) -> String {
    match (flags, index) {
        (CODE, 0) => ".text",
        (CODE, 1..=4) => "POOLCODE",
        (CODE, _) => "PAGE",
        (DATA, 0..=6) => ".data",
        (DATA, _) => "PAGEDATA",
        _ => ".rdata",
    }
    .into()
}
