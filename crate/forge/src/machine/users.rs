//! User memory of processes: environment blocks, the loader's lists, and the header pages of the program and of ntdll.

use super::processes::REGISTRY;
use super::{Machine, Process};
use crate::bytes::utf16;
use crate::image::{CODE, Plan, Section};
use crate::layout::user::{USER32, USER64, User};
use crate::memory::Memory;

/// Bytes of the program's image and of ntdll.
const PROGRAM: u32 = 0x2_0000;
const LIBRARY: u32 = 0x1f_0000;

/// Address of a thread's block; blocks follow the process's, and 7 fit before the loader's data.
fn teb(peb: u64, index: usize) -> u64 {
    let first = peb + 0x1000 + 0x2000 * index as u64;
    if index < 7 { first } else { first + 0x10_0000 }
}

/// Writes counted strings and lists into one process's memory.
struct Space<'a> {
    memory: &'a mut Memory,
    layout: User,
    pointer: usize,
    next: u64,
}

impl Space<'_> {
    fn put(&mut self, va: u64, value: u64) {
        self.memory.word(va, value, self.pointer);
    }

    fn string(&mut self, va: u64, text: &str) {
        let bytes = utf16(text);
        let buffer = self.next;
        self.next += (bytes.len() as u64 + 2).next_multiple_of(0x10);
        self.memory.write(buffer, &bytes);
        self.memory.u16(va, bytes.len() as u16);
        self.memory.u16(va + 2, bytes.len() as u16 + 2);
        self.put(va + self.pointer as u64, buffer);
    }

    /// One module; returns the address of its entry.
    fn module(&mut self, path: &str, base: u64, size: u64) -> u64 {
        let entry = self.next;
        self.next += 0x140;
        let [at_base, at_entry, at_size, at_full, at_name] = self.layout.module;
        self.put(entry + at_base, base);
        self.put(entry + at_entry, base + 0x1500);
        self.memory.u32(entry + at_size, size as u32);
        self.string(entry + at_full, path);
        self.string(entry + at_name, path.rsplit('\\').next().unwrap_or(path));
        entry
    }

    /// Environment block, parameters, loader data and thread blocks of a process.
    fn environment(&mut self, process: &Process, peb: u64, image: u64, library: u64) {
        let program = format!(r"C:\Windows\System32\{}", process.name);
        let layout = self.layout;
        let data = peb + 0x1_0000;
        let parameters = peb + 0x1_1000;
        self.memory.touch(peb, 0x1000);
        self.put(peb + layout.peb.0, image);
        self.put(peb + layout.peb.1, data);
        self.put(peb + layout.peb.2, parameters);
        self.memory.u32(data, 0x58);
        self.memory.u8(data + 4, 1);
        self.string(parameters + layout.parameters.0, &program);
        self.string(parameters + layout.parameters.1, &program);
        let first = self.module(&program, image, u64::from(PROGRAM));
        let second = self.module(
            r"C:\Windows\SYSTEM32\ntdll.dll",
            library,
            u64::from(LIBRARY),
        );
        self.link(data, &[first, second]);
        for (n, thread) in process.threads.iter().enumerate() {
            let teb = teb(peb, n);
            self.memory.touch(teb, 0x1000);
            self.put(teb + layout.teb.0, teb);
            self.put(teb + layout.teb.1, process.id);
            self.put(teb + layout.teb.1 + self.pointer as u64, thread.id);
            self.put(teb + layout.teb.2, peb);
        }
    }

    /// Links the modules into the three lists.
    fn link(&mut self, data: u64, entries: &[u64]) {
        let p = self.pointer as u64;
        for (head, link) in self.layout.lists.into_iter().zip(self.layout.links) {
            let ring: Vec<u64> = std::iter::once(data + head)
                .chain(entries.iter().map(|e| e + link))
                .collect();
            for (i, at) in ring.iter().enumerate() {
                self.put(*at, ring[(i + 1) % ring.len()]);
                self.put(*at + p, ring[(i + ring.len() - 1) % ring.len()]);
            }
        }
    }
}

impl Machine<'_> {
    /// Gives every running process but System its user memory.
    pub(super) fn make_user_memory(&mut self) {
        let p = self.pointer();
        let layout = if p == 8 { USER64 } else { USER32 };
        for i in 1..self.processes.len() {
            let process = self.processes[i].clone();
            let exited = self
                .scenario
                .processes
                .get(i - 1)
                .is_some_and(|p| p.exited.is_some());
            if exited || process.name == REGISTRY {
                continue;
            }
            let mut rng = self.rng(&format!("user {}", process.id));
            let (image, library, peb) = if p == 8 {
                let slide = rng.below(0x7fff) << 16;
                let blocks = 0xb0_0000_0000 + (rng.below(0x4000) << 21);
                (0x7ff6_0000_0000 + slide, 0x7ff9_0000_0000 + slide, blocks)
            } else {
                (
                    0x40_0000 + (rng.below(0x80) << 16),
                    0x7700_0000,
                    0x7ffd_0000 - 0x40_0000,
                )
            };
            let mut memory = Memory::default();
            let mut space = Space {
                memory: &mut memory,
                layout,
                pointer: p,
                next: peb + 0x2_0000,
            };
            space.environment(&process, peb, image, library);
            for (name, base, size) in [
                (process.name.as_str(), image, PROGRAM),
                ("ntdll.dll", library, LIBRARY),
            ] {
                for (rva, bytes) in self.user_image(name, base, size).pieces() {
                    memory.write(base + u64::from(rva), &bytes);
                }
            }
            for (n, thread) in process.threads.iter().enumerate() {
                self.set_pointer(thread.object, "_KTHREAD", "Teb", teb(peb, n));
            }
            self.set_pointer(process.object, "_EPROCESS", "Peb", peb);
            self.set_pointer(process.object, "_EPROCESS", "SectionBaseAddress", image);
            self.processes[i].user = memory;
        }
    }

    fn user_image(&self, name: &str, base: u64, size: u32) -> Plan {
        let mut guid = [0; 16];
        guid[..8].copy_from_slice(&self.rng(name).next().to_le_bytes());
        let stem = name.rsplit_once('.').map_or(name, |parts| parts.0);
        Plan {
            arch: self.arch(),
            base,
            size,
            stamp: self.build.timestamp,
            checksum: size,
            name: name.into(),
            pdb: (format!("{stem}.pdb"), guid, 1),
            version: self.images[0].version,
            company: "Microsoft Corporation".into(),
            tables: (0x500, 0xb00),
            sections: vec![Section {
                name: ".text".into(),
                rva: 0x1000,
                size: size - 0x1000,
                flags: CODE,
            }],
            functions: Vec::new(),
            exports: Vec::new(),
            signed: false,
        }
    }
}
