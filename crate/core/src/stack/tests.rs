use super::*;
use crate::memory::{AddressSpace, Missing};
use crate::model::{Frame, Gap, Hex, How, Stack};
use crate::nt::{Architecture, Module, ModuleList, UnloadedModule};
use alloc::{format, string::String, vec, vec::Vec};

const NT: u64 = 0xFFFF_F800_1000_0000;
const DRIVER: u64 = 0xFFFF_F800_2000_0000;
const GONE: u64 = 0xFFFF_F800_3000_0000;
const STACK: u64 = 0xFFFF_D000_0000_1000;

/// Pieces of memory by address.
#[derive(Default)]
pub(super) struct Pieces(Vec<(u64, Vec<u8>)>);

impl Pieces {
    pub(super) fn words(mut self, at: u64, words: &[u64]) -> Self {
        let bytes = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        self.0.push((at, bytes));
        self
    }
    fn halves(mut self, at: u64, words: &[u32]) -> Self {
        let bytes = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        self.0.push((at, bytes));
        self
    }
    pub(super) fn bytes(mut self, at: u64, bytes: &[u8]) -> Self {
        self.0.push((at, bytes.to_vec()));
        self
    }
}

impl AddressSpace for Pieces {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let found = self.0.iter().find_map(|(base, bytes)| {
            let at = usize::try_from(address.0.checked_sub(*base)?).ok()?;
            bytes.get(at..at.checked_add(buf.len())?)
        });
        buf.copy_from_slice(found.ok_or(Missing::Unmapped)?);
        Ok(())
    }
}

fn modules() -> ModuleList {
    let module = |name: &str, base| Module {
        name: name.into(),
        base: VirtualAddress(base),
        size: 0x80_0000,
        entry_point: Some(VirtualAddress(base + 0x7000)),
        ..Module::default()
    };
    ModuleList::new(vec![
        module("ntoskrnl.exe", NT),
        module("driver.sys", DRIVER),
    ])
}

struct Case {
    architecture: Architecture,
    memory: Pieces,
    registers: Registers,
    how: How,
    high: u64,
    code: u32,
    parameters: [u64; 4],
}

impl Case {
    fn x64(words: &[u64]) -> Self {
        let all = vec![Register {
            name: "rcx",
            value: Hex(0x65),
        }];
        Self {
            architecture: Architecture::X64,
            memory: Pieces::default().words(STACK + 8, words),
            registers: Registers {
                instruction_pointer: VirtualAddress(NT + 0x1230),
                stack_pointer: VirtualAddress(STACK + 8),
                frame_pointer: None,
                returning: false,
                caller: None,
                all,
            },
            how: How::Context,
            high: STACK + 8 + 8 * words.len() as u64,
            code: 0x65,
            parameters: [1, 2, 3, 4],
        }
    }

    fn run(&self) -> Stack {
        let modules = modules();
        let unloaded = [UnloadedModule {
            name: "gone.sys".into(),
            start: VirtualAddress(GONE),
            end: VirtualAddress(GONE + 0x1000),
            time: None,
        }];
        scan(&Start {
            architecture: self.architecture,
            modules: &modules,
            unloaded: &unloaded,
            memory: &self.memory,
            range: StackRange {
                low: self.registers.stack_pointer,
                high: VirtualAddress(self.high),
            },
            registers: &self.registers,
            how: self.how,
            exception: None,
            stacks: &[],
            code: self.code,
            parameters: self.parameters,
        })
    }
}

fn told(stack: &Stack) -> Vec<String> {
    let tell = |f: &Frame| {
        let module = f.module.as_deref().unwrap_or("?");
        let offset = f.offset.unwrap_or(f.address);
        format!("{module}+{offset} {:?} {:?}", f.how, f.confidence)
    };
    stack.frames.iter().map(tell).collect()
}

/// Child-SP, RetAddr and arguments of each frame.
fn columns(stack: &Stack) -> Vec<(Option<u64>, Option<u64>, Vec<u64>)> {
    let plain = |hex: Option<Hex>| hex.map(|hex| hex.0);
    let column = |f: &Frame| {
        let arguments = f.arguments.iter().map(|hex| hex.0).collect();
        (plain(f.child), plain(f.return_address), arguments)
    };
    stack.frames.iter().map(column).collect()
}

#[test]
fn beside_a_frame_stands_what_it_returns_to_and_what_is_at_the_foot_of_its_caller() {
    let stack = Case::x64(&[DRIVER + 0x2345, 0x65, 1, 2, 3, 0, NT + 0x4001, 0]).run();
    assert_eq!(told(&stack).len(), 3);
    let first = (Some(STACK + 8), Some(DRIVER + 0x2345), vec![0x65, 1, 2, 3]);
    // What comes after the second is a guess, so nothing is said of what it returns to.
    let second = (Some(STACK + 16), None, vec![]);
    assert_eq!(
        columns(&stack),
        [first, second, (Some(STACK + 64), None, vec![])]
    );
}

#[test]
fn the_driver_that_called_kebugcheckex_is_certain_because_rcx_holds_the_code() {
    let mut case = Case::x64(&[DRIVER + 0x2345, 0, 0x1111, 0]);
    let stack = case.run();
    assert_eq!(
        told(&stack),
        [
            "ntoskrnl.exe+0x1230 Context Certain",
            "driver.sys+0x2345 Scan Certain"
        ]
    );
    let caller = bug_check_caller(&stack).and_then(|f| f.module.clone());
    assert_eq!(caller.as_deref(), Some("driver.sys"));

    case.registers.all[0].value = Hex(0x66);
    let stack = case.run();
    assert_eq!(told(&stack)[1], "driver.sys+0x2345 Scan Possible");
    assert_eq!(bug_check_caller(&stack), None);
}

#[test]
fn a_stack_that_stopped_nothing_asked_for_no_stop_whatever_its_registers_hold() {
    let mut case = Case::x64(&[DRIVER + 0x2345, 0, 0x1111, 0]);
    assert!(case.run().bug_check);
    // Other processors are read without a stop code.
    case.code = 0;
    case.registers.all[0].value = Hex(0);
    case.parameters = [0; 4];
    assert!(!case.run().bug_check);
}

#[test]
fn the_arguments_at_home_prove_the_caller_too_and_the_minidump_bit_is_dropped() {
    let mut case = Case::x64(&[DRIVER + 0x2345, 0xEA, 0xAB, 0]);
    case.registers.all.clear();
    case.code = 0x1000_00EA;
    case.parameters[0] = 0xAB;
    assert_eq!(told(&case.run())[1], "driver.sys+0x2345 Scan Certain");
}

#[test]
fn values_at_odd_slots_in_headers_or_repeated_are_left_out() {
    let stack = Case::x64(&[
        NT + 0x2001,     // the caller
        DRIVER + 0x3333, // x64 keeps no return address here
        DRIVER + 0x10,   // its headers
        0,
        DRIVER + 0x7000, // its entry point
        0,
        NT + 0x5555,
        0,
        NT + 0x5555,
        0,
        NT + 0x5555, // the third of the same
        0,
        GONE + 0x123,
    ])
    .run();
    assert_eq!(
        told(&stack)[2..],
        [
            "ntoskrnl.exe+0x5555 Scan Possible",
            "ntoskrnl.exe+0x5555 Scan Possible",
            "unloaded gone.sys+0x123 Scan Possible"
        ]
    );
    assert!(stack.limits.contains("possible"), "{}", stack.limits);
}

#[test]
fn pointers_to_data_give_themselves_away_by_their_company() {
    let data = NT + 0x70_0000;
    let stack = Case::x64(&[
        NT + 0x2001,
        0,
        data + 8,
        data + 0x10,
        data + 0x48,
        data + 0x80,
    ])
    .run();
    assert_eq!(told(&stack).len(), 2);
    let code = Case::x64(&[
        NT + 0x2001,
        0,
        data + 9,
        data + 0x10,
        data + 0x48,
        data + 0x80,
    ])
    .run();
    assert_eq!(told(&code).len(), 4);
    // All of them where a call puts what it returns to.
    let calls = Case::x64(&[NT + 0x2001, 0, data + 8, 0, data + 0x10, 0, data + 0x48]).run();
    assert_eq!(told(&calls).len(), 5);
}

#[test]
fn code_that_is_in_the_dump_decides_whether_a_value_is_a_return_address() {
    let mut case = Case::x64(&[NT + 0x2001, 0, DRIVER + 0x3008, 0, DRIVER + 0x4008]);
    case.memory = case
        .memory
        .bytes(DRIVER + 0x3000, &[0, 0, 0, 0xE8, 1, 2, 3, 4])
        .bytes(DRIVER + 0x4000, &[0x90; 8]);
    assert_eq!(told(&case.run())[2..], ["driver.sys+0x3008 Scan Likely"]);
}

#[test]
fn a_section_table_that_is_in_the_dump_rules_data_out() {
    let mut headers = vec![0; 0x200];
    headers[0x3C] = 0x80;
    headers[0x80..0x84].copy_from_slice(b"PE\0\0");
    headers[0x86] = 1;
    let section = 0x80 + 0x18;
    headers[section + 8..section + 12].copy_from_slice(&0x2000u32.to_le_bytes());
    headers[section + 12..section + 16].copy_from_slice(&0x1000u32.to_le_bytes());
    headers[section + 0x24..section + 0x28].copy_from_slice(&0x6000_0020u32.to_le_bytes());
    let mut case = Case::x64(&[NT + 0x2001, 0, DRIVER + 0x2FFF, 0, DRIVER + 0x3001]);
    case.memory = case.memory.bytes(DRIVER, &headers);
    assert_eq!(told(&case.run())[2..], ["driver.sys+0x2fff Scan Possible"]);
}

/// A stack on which the handling of a page fault lies above the code that faulted.
fn faulted(fault: u64, resumed: u64) -> Vec<u64> {
    let mut words = vec![0; 80];
    words[0] = NT + 0x2001;
    words[2] = NT + 0x3333;
    let rip = 50;
    words[rip - (0x168 - 0xD0) / 8] = fault;
    words[rip..rip + 5].copy_from_slice(&[DRIVER + 0x9999, 0x10, 0x10246, resumed, 0x18]);
    words[rip + 6] = DRIVER + 0x1111;
    words[72] = DRIVER + 0x8765;
    words
}

#[test]
fn a_trap_frame_with_the_reported_fault_is_certain_and_its_stack_goes_on_behind_it() {
    let resumed = STACK + 8 + 70 * 8;
    let mut case = Case::x64(&faulted(0xFFFF_9000_0000_1234, resumed));
    assert_eq!(told(&case.run())[3], "driver.sys+0x9999 TrapFrame Likely");
    case.parameters[0] = 0xFFFF_9000_0000_1234;
    assert_eq!(
        told(&case.run())[2..],
        [
            "ntoskrnl.exe+0x3333 Scan Possible",
            "driver.sys+0x9999 TrapFrame Certain",
            "driver.sys+0x8765 Scan Possible"
        ]
    );
}

#[test]
fn a_trap_frame_is_certain_when_the_stop_code_points_to_it() {
    let mut case = Case::x64(&faulted(0, STACK + 8 + 70 * 8));
    case.parameters[1] = STACK + 8 + 50 * 8 - 0x168;
    assert_eq!(told(&case.run())[3], "driver.sys+0x9999 TrapFrame Certain");
    case.parameters[1] += 8;
    assert_eq!(told(&case.run())[3], "driver.sys+0x9999 TrapFrame Likely");
}

#[test]
fn a_jump_to_nowhere_is_a_frame_when_the_stop_code_names_it() {
    let mut words = faulted(0, STACK + 8 + 70 * 8);
    words[50] = 0xFFFF_9000_0000_0000;
    let mut case = Case::x64(&words);
    assert!(!told(&case.run()).iter().any(|f| f.contains("TrapFrame")));
    case.parameters[2] = 0xFFFF_9000_0000_0000;
    let found = told(&case.run());
    assert_eq!(found[3], "?+0xffff900000000000 TrapFrame Certain");
}

#[test]
fn the_entry_from_user_mode_ends_the_stack() {
    let user = [0x7FF6_0000_1000, 0x33, 0x246, 0x1234_5678, 0x2B];
    let mut words = vec![NT + 0x2001, 0, 0];
    words.extend(user);
    words.extend([DRIVER + 0x1111, DRIVER + 0x1113, DRIVER + 0x1115]);
    assert_eq!(told(&Case::x64(&words).run()).len(), 2);
    words[7] = 0x18;
    assert_eq!(told(&Case::x64(&words).run()).len(), 4);
}

#[test]
fn an_exception_starts_at_its_own_stack_pointer_and_asks_for_no_caller() {
    let mut case = Case::x64(&[DRIVER + 1, 0, DRIVER + 0x2345, 0, NT + 0x4567]);
    case.how = How::Exception;
    let low = case.registers.stack_pointer;
    case.registers.stack_pointer = VirtualAddress(low.0 + 16);
    let stack = case.run();
    assert_eq!(
        told(&stack),
        [
            "ntoskrnl.exe+0x1230 Exception Certain",
            "driver.sys+0x2345 Scan Possible",
            "ntoskrnl.exe+0x4567 Scan Possible"
        ]
    );
    assert_eq!(bug_check_caller(&stack), None);
}

#[test]
fn arm64_follows_the_frame_records_and_ignores_pointer_signatures() {
    let mut case = Case::x64(&[]);
    case.architecture = Architecture::Arm64;
    let (a, b) = (STACK + 0x40, STACK + 0x80);
    let signed = (DRIVER + 0x2344) & !(0x7F << 48 | 0xFF << 56) | 0x00A5 << 48 | 1 << 55;
    let mut words = vec![0; 32];
    (words[8], words[9]) = (b, signed);
    (words[16], words[17]) = (0, NT + 0x4568);
    words[21] = DRIVER + 0x6664;
    case.memory = Pieces::default().words(STACK, &words);
    case.registers.stack_pointer = VirtualAddress(STACK);
    case.registers.frame_pointer = Some(VirtualAddress(a));
    case.high = STACK + 256;
    let columns = columns(&case.run());
    assert_eq!(columns[0], (Some(STACK), Some(DRIVER + 0x2344), vec![]));
    assert_eq!(columns[1], (Some(a + 16), Some(NT + 0x4568), vec![]));
    assert_eq!(columns[2], (Some(b + 16), Some(0), vec![]));
    assert_eq!(
        told(&case.run())[1..],
        [
            "driver.sys+0x2344 FramePointer Likely",
            "ntoskrnl.exe+0x4568 FramePointer Likely"
        ]
    );
}

#[test]
fn on_arm64_the_caller_of_kebugcheckex_is_in_the_link_register_and_not_in_the_chain() {
    let mut case = Case::x64(&[]);
    case.architecture = Architecture::Arm64;
    let mut words = vec![0; 32];
    // The record of the caller, whose own caller is the driver.
    words[9] = DRIVER + 0x2344;
    case.memory = Pieces::default().words(STACK, &words);
    case.registers.stack_pointer = VirtualAddress(STACK);
    case.registers.frame_pointer = Some(VirtualAddress(STACK + 0x40));
    case.high = STACK + 256;
    let register = |name, value| Register {
        name,
        value: Hex(value),
    };
    let lr = register("lr", NT + 0x5554);
    let pc = register("pc", NT + 0x1230);
    case.registers.all = vec![register("x0", case.code.into()), lr, pc];
    let stack = case.run();
    let expected = [
        "ntoskrnl.exe+0x5554 Scan Certain",
        "driver.sys+0x2344 FramePointer Likely",
    ];
    assert_eq!(told(&stack)[1..], expected);
    let caller = bug_check_caller(&stack).and_then(|frame| frame.module.clone());
    assert_eq!(caller.as_deref(), Some("ntoskrnl.exe"));
    // Where the arguments prove nothing the chain is all there is, and who called is not known.
    case.registers.all[0].value = Hex(0);
    let mut stack = case.run();
    assert_eq!(told(&stack)[1..], ["driver.sys+0x2344 FramePointer Likely"]);
    stack.frames[0].symbol = Some("KeBugCheckEx".into());
    assert_eq!(bug_check_caller(&stack), None);
}

#[test]
fn x86_finds_the_caller_by_the_arguments_and_follows_the_frame_pointers() {
    let (nt, stack) = (0x8200_0000_u64, 0x9A00_1000_u64);
    let mut words = vec![0u32; 40];
    words[3] = nt as u32 + 0x2001;
    words[4..7].copy_from_slice(&[0x65, 1, 2]);
    words[20] = stack as u32 + 30 * 4;
    words[21] = nt as u32 + 0x3001;
    words[31] = nt as u32 + 0x4001;
    words[36] = nt as u32 + 0x5001;
    let memory = Pieces::default().halves(stack, &words);
    let modules = ModuleList::new(vec![Module {
        name: "ntkrnlpa.exe".into(),
        base: VirtualAddress(nt),
        size: 0x10_0000,
        ..Module::default()
    }]);
    let registers = Registers {
        instruction_pointer: VirtualAddress(nt + 0x1234),
        stack_pointer: VirtualAddress(stack),
        frame_pointer: Some(VirtualAddress(stack + 80)),
        returning: false,
        caller: None,
        all: Vec::new(),
    };
    let found = scan(&Start {
        architecture: Architecture::X86,
        modules: &modules,
        unloaded: &[],
        memory: &memory,
        range: StackRange {
            low: VirtualAddress(stack),
            high: VirtualAddress(stack + 160),
        },
        registers: &registers,
        how: How::Context,
        exception: None,
        stacks: &[],
        code: 0x65,
        parameters: [1, 2, 3, 4],
    });
    assert_eq!(
        told(&found),
        [
            "ntkrnlpa.exe+0x1234 Context Certain",
            "ntkrnlpa.exe+0x2001 Scan Certain",
            "ntkrnlpa.exe+0x3001 FramePointer Likely",
            "ntkrnlpa.exe+0x4001 FramePointer Likely"
        ]
    );
    let expected = [
        (Some(stack + 8), Some(nt + 0x2001), vec![0x65, 1, 2]),
        (Some(stack + 80), Some(nt + 0x3001), vec![0; 3]),
        (Some(stack + 120), Some(nt + 0x4001), vec![0, 0, 0]),
        (Some(0), Some(0), vec![]),
    ];
    assert_eq!(columns(&found), expected);
}

#[test]
fn a_stack_that_is_cut_short_says_so() {
    let mut case = Case::x64(&[DRIVER + 0x2345]);
    case.high += 0x4000;
    let stack = case.run();
    assert_eq!(stack.frames.len(), 1);
    assert!(stack.limits.contains("not in the file"), "{}", stack.limits);
    assert_eq!(Missing::Unmapped.gap(), Gap::Unmapped);
}

#[test]
fn hostile_ranges_and_pointers_end_quietly() {
    let mut case = Case::x64(&[u64::MAX; 8]);
    case.high = u64::MAX;
    for pointer in [0, u64::MAX, u64::MAX - 7, STACK + 9] {
        case.registers.stack_pointer = VirtualAddress(pointer);
        case.registers.frame_pointer = Some(VirtualAddress(pointer));
        for architecture in [Architecture::X86, Architecture::X64, Architecture::Arm64] {
            case.architecture = architecture;
            assert!(case.run().frames.len() <= MAX_FRAMES);
        }
    }
}
