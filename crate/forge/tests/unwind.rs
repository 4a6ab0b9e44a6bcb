//! The stack of a forged x64 machine unwinds by the images' own unwind data, read back from the dump's memory.
//! The unwinder here is written from the x64 exception handling documentation alone, for this test.

use bluepane_forge::{Scenario, Truth};

struct Machine {
    truth: Truth,
}

impl Machine {
    fn read(&self, va: u64, size: usize) -> Vec<u8> {
        (0..size as u64)
            .map(|i| {
                let at = va + i;
                self.truth
                    .kernel
                    .get(&(at & !0xfff))
                    .map_or(0, |page| page[(at & 0xfff) as usize])
            })
            .collect()
    }

    fn word(&self, va: u64, size: usize) -> u64 {
        let mut b = [0; 8];
        b[..size].copy_from_slice(&self.read(va, size));
        u64::from_le_bytes(b)
    }

    /// The unwind data of the function that holds `rip`: begin of the function, address of the data.
    fn function(&self, rip: u64) -> Option<(u64, u64)> {
        let module = self
            .truth
            .modules
            .iter()
            .find(|m| rip >= m.base && rip < m.base + m.size)?;
        let pe = module.base + self.word(module.base + 0x3c, 4);
        let directory = pe + 24 + 0x70 + 8 * 3;
        let (table, size) = (self.word(directory, 4), self.word(directory + 4, 4));
        (0..size / 12)
            .map(|i| module.base + table + 12 * i)
            .find_map(|entry| {
                let (begin, end) = (self.word(entry, 4), self.word(entry + 4, 4));
                let inside = (module.base + begin..module.base + end).contains(&rip);
                inside.then(|| (module.base + begin, module.base + self.word(entry + 8, 4)))
            })
    }

    /// One step: instruction pointer, stack pointer and frame pointer of the caller.
    fn step(&self, rip: u64, rsp: u64, rbp: u64) -> (u64, u64, u64) {
        let Some((begin, info)) = self.function(rip) else {
            return (self.word(rsp, 8), rsp + 8, rbp);
        };
        let (count, frame) = (self.word(info + 2, 1), self.word(info + 3, 1));
        let offset = rip - begin;
        let (mut rsp, mut rbp) = (rsp, rbp);
        let in_body = offset >= self.word(info + 1, 1);
        if in_body && frame & 0xf == 5 {
            rsp = rbp - 16 * (frame >> 4);
        }
        let mut i = 0;
        while i < count {
            let at = info + 4 + 2 * i;
            let (place, op) = (self.word(at, 1), self.word(at + 1, 1));
            let active = offset >= place;
            let mut used = 1;
            match (op & 0xf, op >> 4) {
                (0, register) if active => {
                    if register == 5 {
                        rbp = self.word(rsp, 8);
                    }
                    rsp += 8;
                }
                (1, 0) => {
                    used = 2;
                    rsp += if active { 8 * self.word(at + 2, 2) } else { 0 };
                }
                (2, n) if active => rsp += 8 * n + 8,
                (10, code) => {
                    let base = rsp + 8 * code;
                    return (self.word(base, 8), self.word(base + 24, 8), rbp);
                }
                _ => {}
            }
            i += used;
        }
        (self.word(rsp, 8), rsp + 8, rbp)
    }
}

#[test]
fn the_page_fault_of_each_build_unwinds_to_the_frames_of_the_scenario() {
    for build in [7601, 9600, 14393, 17763, 19041, 20348] {
        let text = format!(
            "[machine]\nbuild = {build}\n[[stack]]\nat = \"nt!KeBugCheckEx\"\n[[stack]]\nat = \"nt!MiWaitForInPageComplete\"\n\
             [[stack]]\nat = \"nt!MmAccessFault\"\n[[stack]]\nat = \"nt!KiPageFault\"\nfault_address = 4096\n\
             [[stack]]\nat = \"Ntfs.sys+0x1c7e4\"\n[[stack]]\nat = \"fltmgr.sys+0x9132\"\n\
             [[stack]]\nat = \"nt!ExpWorkerThread\"\n[[stack]]\nat = \"nt!PspSystemThreadStartup\"\n"
        );
        unwinds(build, &text);
    }
}

/// The scenario's stack is found, and a zero behind it.
fn unwinds(build: u32, text: &str) {
    let truth = Truth::of(&Scenario::from_toml(text).unwrap()).unwrap();
    let want = truth.stack.clone();
    let (mut rip, mut rsp) = (want[0], truth.stack_pointer);
    let mut rbp = truth.frame_pointer;
    let m = Machine { truth };
    let mut found = vec![rip];
    while found.len() < want.len() {
        assert!(m.function(rip).is_some(), "{build}: no function at {rip:x}");
        (rip, rsp, rbp) = m.step(rip, rsp, rbp);
        found.push(rip);
    }
    assert_eq!(found, want, "{build}");
    assert_eq!(
        m.step(rip, rsp, rbp).0,
        0,
        "{build}: a null return address ends the stack"
    );
}

fn stack(build: u32, frames: &[&str]) -> String {
    let mut text =
        format!("[machine]\nbuild = {build}\n[[modules]]\nname = \"acme.sys\"\nsize = 0x20000\n");
    for at in frames {
        let fault = match *at {
            "nt!KiPageFault" => "fault_address = 4096\n",
            _ => "",
        };
        text += &format!("[[stack]]\nat = \"{at}\"\n{fault}");
    }
    text
}

#[test]
fn a_fault_in_a_short_function_and_calls_from_others_unwind_to_the_frames_of_the_scenario() {
    for build in [7601, 9600, 14393, 17763, 19041, 20348] {
        // Of 18h bytes in 20348, and of up to 50h in others.
        let frames = [
            "nt!KeBugCheckEx",
            "nt!KiBugCheckDispatch",
            "nt!KiPageFault",
            "nt!ExFreePoolWithTag",
            "nt!CcCopyRead",
            "nt!MmProbeAndLockPages",
            "nt!KiSystemServiceCopyEnd",
            "nt!KiStartSystemThread",
        ];
        unwinds(build, &stack(build, &frames));
    }
}

#[test]
fn frames_of_a_driver_close_to_each_other_are_in_one_function_or_beside_each_other() {
    let frames = [
        "nt!KeBugCheckEx",
        "acme.sys+0x1100",
        "acme.sys+0x1120",
        "acme.sys+0x10a0",
        "acme.sys+0x1170",
        "nt!KiStartSystemThread",
    ];
    unwinds(19041, &stack(19041, &frames));
}

#[test]
fn a_frame_that_no_call_of_its_function_could_leave_is_refused() {
    // A function of two bytes.
    let frames = ["nt!KeBugCheckEx", "nt!DbgBreakPointWithStatus"];
    let scenario = Scenario::from_toml(&stack(19041, &frames)).unwrap();
    let error = Truth::of(&scenario).err().unwrap().to_string();
    assert!(error.contains("no such place in its 0x2 bytes"), "{error}");
    let frames = ["nt!KeBugCheckEx", "acme.sys+0x1100", "acme.sys+0x1108"];
    assert!(Truth::of(&Scenario::from_toml(&stack(19041, &frames)).unwrap()).is_ok());
    let frames = ["nt!KeBugCheckEx", "acme.sys+0x1100", "acme.sys+0x10d0"];
    let error = Truth::of(&Scenario::from_toml(&stack(19041, &frames)).unwrap());
    assert!(error.err().unwrap().to_string().contains("too near"));
}
