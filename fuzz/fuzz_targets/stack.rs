//! An image and a stack made of any bytes: the walk must end, with no more frames than are listed.
#![no_main]

use bluepane::memory::{AddressSpace, Missing, VirtualAddress};
use bluepane::model::How;
use bluepane::nt::{Architecture, Module, ModuleList};
use bluepane::stack::{MAX_FRAMES, Registers, StackRange, Start, scan};
use libfuzzer_sys::fuzz_target;

const IMAGE: u64 = 0xFFFF_F800_1000_0000;
const STACK: u64 = 0xFFFF_D000_0000_1000;

struct Memory<'a>([(u64, &'a [u8]); 2]);

impl AddressSpace for Memory<'_> {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let found = self.0.iter().find_map(|(base, bytes)| {
            let at = usize::try_from(address.0.checked_sub(*base)?).ok()?;
            bytes.get(at..at.checked_add(buf.len())?)
        });
        buf.copy_from_slice(found.ok_or(Missing::Unmapped)?);
        Ok(())
    }
}

fuzz_target!(|input: (u8, u16, u16, &[u8], &[u8])| {
    let (machine, pc, sp, image, stack) = input;
    let architectures = [Architecture::X64, Architecture::Arm64, Architecture::X86];
    // 32-bit memory has no upper half.
    let architecture = architectures[usize::from(machine) % 3];
    let mask = if architecture == Architecture::X86 { 0xFFFF_FFFF } else { u64::MAX };
    let (low, code) = (STACK & mask, IMAGE & mask);
    let memory = Memory([(code, image), (low, stack)]);
    let modules = ModuleList::new(vec![Module {
        name: "a.sys".into(),
        base: VirtualAddress(code),
        size: image.len() as u32,
        ..Module::default()
    }]);
    let pointer = VirtualAddress(low + u64::from(sp));
    let registers = Registers {
        instruction_pointer: VirtualAddress(code + u64::from(pc)),
        stack_pointer: pointer,
        frame_pointer: Some(pointer),
        ..Registers::default()
    };
    let range = StackRange {
        low: pointer,
        high: VirtualAddress(low + stack.len() as u64),
    };
    let found = scan(&Start {
        architecture,
        modules: &modules,
        unloaded: &[],
        memory: &memory,
        range,
        registers: &registers,
        how: How::Context,
        exception: None,
        stacks: &[],
        code: 0,
        parameters: [0; 4],
    });
    assert!(found.frames.len() <= MAX_FRAMES);
});
