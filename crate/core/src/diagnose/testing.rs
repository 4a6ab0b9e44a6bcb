//! What the tests of the rules share: a machine with a few modules, and stacks made of names.

use super::Facts;
use crate::memory::{AddressSpace, Missing, VirtualAddress};
use crate::model::{Confidence, Frame, Hex, How, Kind, Stack};
use crate::nt::{Architecture, Module, ModuleList, UnloadedModule};

/// Names of the modules, which lie 16 MiB apart from [`BASE`] on.
const NAMES: &[&str] = &[
    "ntoskrnl.exe",
    "hal.dll",
    "ndis.sys",
    "dxgkrnl.sys",
    "amdppm.sys",
    "acme.sys",
    "other.sys",
    "atikmdag.sys",
    "nvlddmkm.sys",
    "fltmgr.sys",
    "disk.sys",
    "win32kfull.sys",
    "klif.sys",
];
const BASE: u64 = 0xFFFF_F800_0000_0000;
const APART: u64 = 0x100_0000;
/// Where a driver had been that is gone.
pub(crate) const GONE: u64 = 0xFFFF_F900_0000_0000;

/// A machine.
pub(crate) struct Machine {
    pub(crate) modules: ModuleList,
    pub(crate) unloaded: alloc::vec::Vec<UnloadedModule>,
    pub(crate) stack: Stack,
}

/// The address `offset` bytes into the module called `name`.
pub(crate) fn address(name: &str, offset: u64) -> u64 {
    let index = NAMES.iter().position(|known| *known == name).unwrap_or(99);
    BASE + index as u64 * APART + offset
}

/// A frame in the module called `name`; empty for none.
pub(crate) fn frame(name: &str, how: How, confidence: Confidence) -> Frame {
    let module = (!name.is_empty()).then(|| name.into());
    Frame {
        address: Hex(address(name, 0x1234)),
        stack_pointer: Some(Hex(0xFFFF_D000_0000_0000)),
        child: None,
        return_address: None,
        arguments: alloc::vec::Vec::new(),
        offset: module.is_some().then_some(Hex(0x1234)),
        module,
        symbol: None,
        how,
        confidence,
        gap: None,
    }
}

impl Machine {
    /// With a stack that begins at `KeBugCheckEx`, called from the first of `names`; the others
    /// are what a scan finds.
    pub(crate) fn stopped_by(names: &[&str]) -> Self {
        let mut frames = alloc::vec![frame("ntoskrnl.exe", How::Context, Confidence::Certain)];
        for (index, name) in names.iter().enumerate() {
            let sure = if index == 0 {
                Confidence::Certain
            } else {
                Confidence::Possible
            };
            frames.push(frame(name, How::Scan, sure));
        }
        Self::with(frames)
    }

    /// With that stack.
    pub(crate) fn with(frames: alloc::vec::Vec<Frame>) -> Self {
        let module = |name: &&str| Module {
            name: (*name).into(),
            base: VirtualAddress(address(name, 0)),
            size: 0x80_0000,
            ..Module::default()
        };
        Self {
            modules: ModuleList::new(NAMES.iter().map(module).collect()),
            unloaded: alloc::vec![UnloadedModule {
                name: "gone.sys".into(),
                start: VirtualAddress(GONE),
                end: VirtualAddress(GONE + 0x1000),
                time: None,
            }],
            stack: Stack {
                frames,
                ..Stack::default()
            },
        }
    }

    /// Its minidump, with that stop code.
    pub(crate) fn facts(&self, code: u32, parameters: [u64; 4]) -> Facts<'_> {
        Facts {
            architecture: Some(Architecture::X64),
            unloaded: &self.unloaded,
            stack: Some(&self.stack),
            ..Facts::new(Kind::Triage, code, parameters, &self.modules)
        }
    }
}

/// Objects in memory, all 64-bit: each word at its address.
pub(crate) struct Words(pub(crate) alloc::vec::Vec<(u64, u64)>);

impl AddressSpace for Words {
    fn read(&self, at: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        for (byte, at) in buf.iter_mut().zip(at.0..) {
            let holds = |(known, _): &&(u64, u64)| at.wrapping_sub(*known) < 8;
            let (known, word) = self.0.iter().find(holds).ok_or(Missing::Unmapped)?;
            *byte = word.to_le_bytes()[(at - known) as usize];
        }
        Ok(())
    }
}

/// Where [`objects`] are.
pub(crate) const IRP: u64 = 0x10_1000;
pub(crate) const DEVICE: u64 = 0x10_3000;
const LOCATION: u64 = 0x10_2000;
const DRIVER: u64 = 0x10_4000;

/// A request that waits in a device of `holder`, and 0x100 behind that the device of the bus, of
/// `below`.
pub(crate) fn objects(holder: &str, below: &str) -> Words {
    // One location, which is current.
    let mut words = alloc::vec![
        (IRP, 0x118_0006),
        (IRP + 0x40, 0x0101_0000),
        (IRP + 0xB8, LOCATION),
        (LOCATION, 0x16),
        (LOCATION + 0x28, DEVICE),
    ];
    for (at, name) in [(0, holder), (0x100, below)] {
        words.extend([
            (DEVICE + at, 0x150_0003),
            (DEVICE + at + 8, DRIVER + at),
            (DRIVER + at, 0x150_0004),
            (DRIVER + at + 0x18, address(name, 0)),
        ]);
    }
    Words(words)
}

/// A UNICODE_STRING at an address, its text far behind it.
pub(crate) fn text(at: u64, text: &str) -> alloc::vec::Vec<(u64, u64)> {
    let buffer = at + 0x1_0000 * (1 + at / 8 % 16);
    let mut words = alloc::vec![(at, 0x0010_0000 + 2 * text.len() as u64), (at + 8, buffer)];
    let units: alloc::vec::Vec<u16> = text.encode_utf16().collect();
    for (index, chunk) in units.chunks(4).enumerate() {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        let each = word.iter().rev();
        let joined = each.fold(0, |all, unit| all << 16 | u64::from(*unit));
        words.push((buffer + 8 * index as u64, joined));
    }
    words
}
