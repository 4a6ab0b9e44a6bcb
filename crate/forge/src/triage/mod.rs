//! Small memory dumps (type 4): copies of the few structures that Windows saves when it may not write memory itself.
//! Order of the pieces: as in dumps of 9600, 19041, 22000 and 26100.

mod drivers;

use crate::bytes::Bytes;
use crate::container::header::{self, HeaderFacts};
use crate::dump::Dump;
use crate::layout::triage::{self as t, Layout, TRIAGE32, TRIAGE64, mm64};
use crate::layout::{header32, header64};
use crate::machine::Machine;
use crate::scenario::Architecture;

/// Writes the small dump of a machine.
pub fn write(machine: &Machine<'_>) -> Dump {
    Writer::new(machine).run()
}

/// Copies a structure into the file at the next multiple of 8.
struct Writer<'m, 's> {
    machine: &'m Machine<'s>,
    layout: Layout,
    /// Offset of the triage header.
    head: usize,
    file: Bytes,
}

impl<'m, 's> Writer<'m, 's> {
    fn new(machine: &'m Machine<'s>) -> Self {
        let wide = machine.arch() != Architecture::X86;
        let (layout, head) = if wide {
            (TRIAGE64, header64::SIZE)
        } else {
            (TRIAGE32, header32::SIZE)
        };
        let file = Bytes::zeroed(head + layout.size);
        Self {
            machine,
            layout,
            head,
            file,
        }
    }

    fn wide(&self) -> bool {
        self.machine.arch() != Architecture::X86
    }

    fn field(&mut self, at: usize, value: usize) {
        self.file.u32(self.head + at, value as u32);
    }

    /// Appends bytes at a multiple of 8 and notes their place in a header field.
    fn piece(&mut self, field: usize, bytes: &[u8]) -> usize {
        self.file.align(8);
        let at = self.file.append(bytes);
        self.field(field, at);
        at
    }

    fn copy(&mut self, field: usize, va: u64, size: u64) {
        let bytes = self.machine.kernel.read(va, size as usize);
        self.piece(field, &bytes);
    }

    fn run(mut self) -> Dump {
        let machine = self.machine;
        let contexts = if self.wide() {
            (header64::CONTEXT, header64::EXCEPTION)
        } else {
            (header32::CONTEXT, header32::EXCEPTION)
        };
        self.field(t::CONTEXT_OFFSET, contexts.0);
        self.field(t::EXCEPTION_OFFSET, contexts.1);
        let mm = self.memory_information();
        self.piece(t::MM_OFFSET, &mm);
        let unloaded = self.unloaded();
        self.piece(t::UNLOADED_OFFSET, &unloaded);
        let current = &machine.current;
        let size = |name: &str| machine.build.size(name);
        self.copy(t::PRCB_OFFSET, machine.processors[0].prcb, size("_KPRCB"));
        let process = machine.processes[current.process].object;
        self.copy(t::PROCESS_OFFSET, process, size("_EPROCESS"));
        self.copy(t::THREAD_OFFSET, current.thread.object, size("_ETHREAD"));
        self.call_stack();
        if let Some(block) = machine.variable("KdDebuggerDataBlock") {
            let bytes = machine.debugger_block_size();
            self.copy(self.layout.debugger_data, block, bytes as u64);
            self.field(self.layout.debugger_data + 4, bytes);
        }
        self.drivers();
        self.data_blocks();
        self.finish()
    }

    fn call_stack(&mut self) {
        let current = &self.machine.current;
        let (top, base) = (current.stack_pointer, current.stack_end);
        self.copy(t::CALL_STACK_OFFSET, top, base - top);
        self.field(t::CALL_STACK_SIZE, (base - top) as usize);
        let width = self.machine.pointer();
        self.file.word(self.head + t::TOP_OF_STACK, top, width);
    }

    /// Counters that the memory manager leaves for small dumps; 19041 to 22000 leave them 0.
    fn memory_information(&self) -> Vec<u8> {
        let mut b = Bytes::zeroed(self.layout.mm_size);
        b.u32(mm64::VERSION, 1);
        b.u32(mm64::SIZE, self.layout.mm_size as u32);
        b.u32(mm64::VERIFIER_LEVEL, self.machine.scenario.verifier.level);
        let build = self.machine.scenario.machine.build;
        if self.wide() && !(14393..26100).contains(&build) {
            let facts = self.machine.counters();
            for (at, value) in [
                (mm64::ALLOCATED_NONPAGED_POOL, facts.nonpaged_pool),
                (mm64::COMMITTED_PAGES, facts.committed),
                (mm64::COMMITTED_PAGES_PEAK, facts.peak_commit),
                (mm64::COMMIT_LIMIT_MAXIMUM, facts.commit_limit_maximum),
            ] {
                b.u64(at, value);
            }
            if build >= 26100 {
                b.u64(mm64::MAXIMUM_NONPAGED_POOL, facts.nonpaged_pool_maximum);
                b.u64(mm64::PAGED_POOL_MAXIMUM, facts.paged_pool_maximum);
                b.u64(mm64::PAGED_POOL_ALLOCATED, facts.paged_pool);
            }
        }
        b.into_vec()
    }

    /// Ranges of memory on request, and the ones every small dump carries.
    fn data_blocks(&mut self) {
        let machine = self.machine;
        let mut wanted: Vec<(u64, usize)> = machine
            .scenario
            .dump
            .data_blocks
            .iter()
            .map(|b| (b.address.0, b.size.0 as usize))
            .collect();
        for (name, size) in [("NtBuildLabEx", 0x100), ("MmVerifierData", 0x9c)] {
            wanted.extend(machine.variable(name).map(|va| (va, size)));
        }
        let p = machine.pointer();
        let count = machine.processors.len();
        wanted.extend(
            machine
                .variable("KiProcessorBlock")
                .map(|va| (va, p * count)),
        );
        for processor in machine.processors.iter().skip(1) {
            wanted.push((processor.prcb, machine.build.size("_KPRCB") as usize));
        }
        // The code at the instruction that stopped, when the image is there.
        let page = machine.current.instruction & !0xfff;
        if machine.kernel.has(page) {
            wanted.push((page, 0x1000));
        }
        let stride = self.layout.block_stride;
        self.file.align(8);
        let table = self.file.len();
        let mut at = table + stride * wanted.len();
        let mut descriptors = Bytes::zeroed(stride * wanted.len());
        let mut contents = Vec::new();
        for (i, (va, size)) in wanted.iter().enumerate() {
            let entry = stride * i;
            descriptors.word(entry, *va, p);
            descriptors.u32(entry + p, at as u32);
            descriptors.u32(entry + p + 4, *size as u32);
            contents.extend(machine.kernel.read(*va, *size));
            at += size;
        }
        self.file.append(descriptors.as_slice());
        self.file.append(&contents);
        self.field(self.layout.data_blocks, table);
        self.field(self.layout.data_blocks + 4, wanted.len());
    }

    fn finish(mut self) -> Dump {
        let machine = self.machine;
        let scenario = machine.scenario;
        self.file.align(4);
        let valid = self.file.append(&t::VALID);
        self.field(t::VALID_OFFSET, valid);
        let size = self.file.len();
        self.field(t::SIZE_OF_DUMP, size);
        self.field(t::SERVICE_PACK_BUILD, 0);
        self.field(t::OPTIONS, 0xffff_ffff);
        let secondary = if scenario.dump.secondary.unwrap_or(true) {
            crate::secondary::build(machine)
        } else {
            Vec::new()
        };
        let mut fields = t::fields::USUAL;
        if scenario.dump.broken_driver.is_some() {
            fields |= t::fields::BROKEN_DRIVER;
        }
        if self.wide() {
            fields |= t::fields::MM_INFORMATION & 0x100;
        }
        let modern = scenario.machine.build >= 26100;
        let header = header::build(
            machine,
            &HeaderFacts {
                dump_type: 4,
                directory: machine.directory(machine.current.process),
                runs: if modern {
                    machine.physical_runs()
                } else {
                    Vec::new()
                },
                required_space: (size + secondary.len()) as u64,
                mini_fields: Some(fields),
                attributes: modern.then_some(header64::attribute::KERNEL_GENERATED_TRIAGE),
            },
        );
        self.file.put(0, header.as_slice());
        let mut dump = Dump::default();
        dump.put(0, self.file.into_vec());
        dump.put(size as u64, secondary);
        dump
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;

    fn word(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    fn long(bytes: &[u8], at: usize) -> u64 {
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
    }

    fn forge(text: &str) -> Vec<u8> {
        crate::forge(&Scenario::from_toml(text).unwrap())
            .unwrap()
            .to_vec()
    }

    #[test]
    fn a_small_dump_of_2012_r2_has_its_pieces_where_the_header_says() {
        let d = forge("[machine]\nbuild = 9600\n[stop]\ncode = 0x7a\nparameters = [1, 2, 3, 4]");
        assert_eq!(&d[..8], b"PAGEDU64");
        assert_eq!(
            (word(&d, 0xc), word(&d, 0x38), word(&d, 0xf98)),
            (9600, 0x7a, 4)
        );
        assert_eq!((long(&d, 0x40), long(&d, 0x58)), (1, 4));
        assert_eq!(&d[word(&d, 0x2008) as usize..][..4], b"TRGD");
        let kdbg = word(&d, 0x2070) as usize;
        assert_eq!(&d[kdbg + 0x10..kdbg + 0x14], b"KDBG");
        assert_eq!(word(&d, 0x2074), 0x360);
        // SizeEProcess of the block is the length that the process copy has.
        assert_eq!(
            u16::from_le_bytes([d[kdbg + 0x2a8], d[kdbg + 0x2a9]]),
            0x700
        );
        let process = word(&d, 0x2020) as usize;
        assert_eq!(&d[process + 0x438..process + 0x43f], b"System\0");
    }

    #[test]
    fn the_stack_copy_starts_at_the_stack_pointer_and_ends_at_the_stack_base() {
        let d = forge("[machine]\nbuild = 19041");
        let (rsp, top) = (long(&d, 0x348 + 0x98), long(&d, 0x2048));
        assert_eq!(rsp, top);
        let thread = word(&d, 0x2024) as usize;
        assert_eq!(top + u64::from(word(&d, 0x202c)), long(&d, thread + 0x38));
        // The first word of the stack is a return address into the kernel.
        let ret = long(&d, word(&d, 0x2028) as usize);
        let base = long(&d, word(&d, 0x2070) as usize + 0x18);
        assert!(ret > base && ret < base + 0x1046000);
    }

    #[test]
    fn drivers_have_full_paths_before_24h2_and_base_names_since() {
        let name = |d: &[u8], i: usize| {
            let entry = word(d, 0x2030) as usize + 0x90 * i;
            let at = word(d, entry) as usize;
            let chars = word(d, at) as usize;
            let units: Vec<u16> = d[at + 4..at + 4 + 2 * chars]
                .chunks(2)
                .map(|c| u16::from_le_bytes([c[0], c[1]]))
                .collect();
            (
                String::from_utf16(&units).unwrap(),
                long(d, entry + 8 + 0x10 - 0x10),
            )
        };
        let old = forge("[machine]\nbuild = 19041");
        assert_eq!(
            name(&old, 0),
            (r"\SystemRoot\system32\ntoskrnl.exe".to_owned(), 0)
        );
        let new = forge("[machine]\nbuild = 26100");
        let (text, links) = name(&new, 0);
        assert_eq!(text, "ntoskrnl.exe");
        assert_ne!(links, 0, "a whole loader entry carries its links");
    }

    #[test]
    fn every_build_and_architecture_gives_a_small_dump() {
        for (arch, builds) in [
            (
                "x64",
                vec![7601, 9600, 14393, 17763, 19041, 20348, 22000, 26100],
            ),
            ("arm64", vec![22000, 26100]),
            ("x86", vec![7601]),
        ] {
            for build in builds {
                let d = forge(&format!(
                    "[machine]\nbuild = {build}\narchitecture = \"{arch}\""
                ));
                let head = if arch == "x86" { 0x1000 } else { 0x2000 };
                let valid = word(&d, head + 8) as usize;
                assert_eq!(&d[valid..valid + 4], b"TRGD", "{build} {arch}");
                assert_eq!(word(&d, head + 4) as usize, valid + 4);
                assert_eq!(&d[valid + 4..valid + 12], b"DumpBlob");
            }
        }
    }
}
