//! Machines that a seed invents: any build and architecture, any container, chains of calls of any
//! length, with frames of every size and kind, through traps and over to other stacks, on every
//! processor, down to code of a process. The report's stacks are the scenario's, with exports only and
//! with symbol files. `STACK_SEEDS` says how many machines; a failure names its seed, and
//! `STACK_SEED` runs that one alone.

mod support;

use bluepane::analysis::Analysis;
use bluepane::model::{Confidence, Frame, How, Report, Stack};
use bluepane::source::SliceProvider;
use bluepane_forge::scenario::DumpKind;
use bluepane_forge::{Scenario, Truth, forge, image_file, modules_on_stacks, symbol_file};
use bluepane_formats::convert;
use std::collections::BTreeSet;
use std::fmt::Write;
use support::MACHINES;

/// Containers with the kernel's memory; 32-bit machines have no use for the last three.
const KINDS: [&str; 9] = [
    "full",
    "bitmap-full",
    "bitmap-kernel",
    "automatic",
    "active",
    "live",
    "range-kernel",
    "range-kernel-user",
    "range-complete",
];
const DRIVERS: [&str; 4] = ["driver.sys", "acme.sys", "netcard.sys", "filter.sys"];
/// Bytes of a stack that frames may take.
const ROOM: u32 = 0x4800;

/// Functions that the forge itself puts onto stacks, in a shape of their own.
const TAKEN: [&str; 12] = [
    "KeBugCheckEx",
    "SwapContext",
    "KiSwapContext",
    "KiSwapThread",
    "KiCommitThreadWait",
    "KeWaitForSingleObject",
    "ExpWorkerThread",
    "PspSystemThreadStartup",
    "KiStartSystemThread",
    "KiThreadStartup",
    "KiIdleLoop",
    "PoIdle",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

/// The kernel's functions that leave room for a call within them.
fn functions(architecture: &str, build: &str) -> Vec<String> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../forge/data");
    let more = if architecture == "x86" {
        "-symbols"
    } else {
        ""
    };
    let path = format!("{data}/nt-{architecture}-{build}{more}.tsv");
    let text = std::fs::read_to_string(path).unwrap();
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let line = |line: &str| {
        let fields: Vec<&str> = line.strip_prefix("code\t")?.split('\t').collect();
        let [name, begin] = fields[..2] else {
            return None;
        };
        Some((
            number(begin)?,
            fields.get(2).and_then(|end| number(end)),
            name.to_owned(),
        ))
    };
    let mut all: Vec<_> = text.lines().filter_map(line).collect();
    all.sort();
    // Exported variables are listed among the code: they lie on pages with others.
    let variable =
        |line: &str| Some(number(line.strip_prefix("data\t")?.split('\t').nth(1)?)? >> 12);
    let variables: BTreeSet<u64> = text.lines().filter_map(variable).collect();
    let next = all.iter().skip(1).map(|next| next.0).chain([u64::MAX]);
    let fits = all.iter().zip(next).filter(|((begin, end, _), next)| {
        let end = end.unwrap_or(*begin).max(*begin);
        end.min(*next).saturating_sub(*begin) >= 0x60 && !variables.contains(&(begin >> 12))
    });
    fits.map(|((_, _, name), _)| name.clone()).collect()
}

/// Whether the forge makes a trap handler of it.
fn is_trap(name: &str) -> bool {
    let ends = ["Fault", "Trap", "Abort", "Interrupt", "InterruptDispatch"];
    name.starts_with("KiTrap") || name.starts_with("Ki") && ends.iter().any(|e| name.ends_with(e))
}

/// A machine that is being invented.
struct Maker {
    dice: Dice,
    narrow: bool,
    plain: Vec<String>,
    traps: Vec<String>,
    used: BTreeSet<u64>,
    has_dpc: bool,
}

impl Maker {
    /// Code of a driver that nothing else on a stack is in.
    fn in_driver(&mut self) -> String {
        loop {
            let (driver, place) = (self.dice.below(4), self.dice.below(0xE0));
            if self.used.insert(driver << 32 | place) {
                let offset = 0x1100 + place * 0x100 + self.dice.below(0x10) * 4;
                return format!("{}+{offset:#x}", DRIVERS[driver as usize]);
            }
        }
    }

    /// Code of the kernel or of a driver, each once.
    fn code(&mut self) -> String {
        if self.plain.is_empty() || self.dice.one_in(2) {
            return self.in_driver();
        }
        let index = self.dice.below(self.plain.len() as u64) as usize;
        format!("nt!{}", self.plain.swap_remove(index))
    }

    /// The frames of one stack and what they take of it, but for the last, which leads elsewhere.
    fn stack(&mut self, on: &str, depth: usize, out: &mut Vec<String>) {
        let (mut room, mut trapped, mut faulted) = (0, false, false);
        let mut last: Option<(String, u32)> = None;
        for index in 0..depth {
            let (mut frame, mut takes) = (String::new(), 0x120);
            // A handler stands on many stacks, and what faulted is not called from as well.
            let fits = !self.traps.is_empty() && index + 1 < depth && !faulted;
            let trap = fits && self.dice.one_in(9);
            faulted = trap && self.dice.one_in(2);
            match &last {
                Some(last) if !trapped && self.dice.one_in(12) => (frame, takes) = last.clone(),
                _ if trap => {
                    let at = self.dice.below(self.traps.len() as u64) as usize;
                    write!(frame, "at = \"nt!{}\"", self.traps[at]).unwrap();
                    if faulted {
                        let at = 0xFFFF_F900_1234_5000_u64 + self.dice.below(0x1000);
                        write!(frame, ", fault_address = \"{at:#x}\"").unwrap();
                    }
                    takes += 0x200;
                }
                _ => {
                    write!(frame, "at = \"{}\"", self.code()).unwrap();
                    if self.dice.one_in(3) {
                        let bytes = 16 * (2 + self.dice.below(100));
                        write!(frame, ", room = {bytes}").unwrap();
                        takes += bytes as u32;
                    }
                    if self.dice.one_in(4) {
                        let bytes = 16 * (2 + self.dice.below(60));
                        write!(frame, ", grown = {bytes}").unwrap();
                        takes += bytes as u32;
                    }
                }
            }
            room += takes;
            last = (!trap && !trapped).then(|| (frame.clone(), takes));
            trapped = trap;
            out.push(format!("{frame}, on = \"{on}\""));
            if room > ROOM && !trap {
                break;
            }
        }
    }

    /// A chain of calls, innermost first; the first frame is given.
    fn chain(&mut self, first: String) -> Vec<String> {
        let depth = 1 + self.dice.below(60) as usize;
        let stacks: &[&str] = match self.dice.below(10) {
            _ if self.narrow && self.has_dpc => &["dpc", "thread"],
            _ if self.narrow => &["thread"],
            0 => &["dpc", "thread"],
            1 => &["interrupt", "thread"],
            2 => &["interrupt", "dpc", "thread"],
            3 => &["double-fault", "thread"],
            4 => &["double-fault", "interrupt", "dpc", "thread"],
            5 => &["nmi", "thread"],
            6 => &["nmi", "interrupt", "thread"],
            _ => &["thread"],
        };
        let mut frames = vec![format!("{first}, on = \"{}\"", stacks[0])];
        for (index, on) in stacks.iter().enumerate() {
            let outermost = index + 1 == stacks.len();
            let share = (depth / stacks.len()).max(1);
            self.stack(on, share, &mut frames);
            if !outermost {
                // What goes over to another stack: a trap, or a function that changes stacks.
                let may_trap = !self.narrow && !self.traps.is_empty();
                let at = match may_trap && (self.dice.one_in(2) || *on == "nmi") {
                    true => format!("nt!{}", self.dice_trap()),
                    false => self.code(),
                };
                frames.push(format!("at = \"{at}\", on = \"{on}\""));
            } else if self.dice.one_in(3) {
                let entry = self.code();
                frames.push(format!("at = \"{entry}\", on = \"thread\""));
                let at = 0x10_0000 + self.dice.below(0x6000_0000);
                frames.push(format!("at = \"user+{at:#x}\""));
            }
        }
        frames
    }

    /// What every processor ran, but for those that had nothing to do.
    fn stacks(&mut self, processors: u64) -> String {
        let mut text = String::new();
        for frame in self.chain("at = \"nt!KeBugCheckEx\"".into()) {
            write!(text, "[[stack]]\n{}\n", frame.replace(", ", "\n")).unwrap();
        }
        for number in 1..processors {
            if self.dice.one_in(3) {
                continue;
            }
            let first = format!("at = \"{}\", offset = 0", self.in_driver());
            let frames = self.chain(first);
            let frames: Vec<String> = frames
                .iter()
                .map(|frame| format!("{{ {frame} }}"))
                .collect();
            let list = frames.join(", ");
            write!(
                text,
                "[[running]]\nprocessor = {number}\nstack = [{list}]\n"
            )
            .unwrap();
        }
        text
    }

    fn dice_trap(&mut self) -> String {
        let index = self.dice.below(self.traps.len() as u64) as usize;
        self.traps[index].clone()
    }
}

/// The scenario of a seed, and what it is in words.
fn invent(seed: u64) -> (Scenario, String) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    (0..8).for_each(|_| _ = dice.below(2));
    let (architecture, build) = MACHINES[(seed % 11) as usize];
    let narrow = architecture == "x86";
    let kinds = if narrow { &KINDS[..6] } else { &KINDS[..] };
    let kind = match build {
        "7601" if dice.one_in(3) => "kernel-summary",
        _ => dice.of(kinds),
    };
    let all = functions(architecture, build);
    let usable = |name: &&String| !TAKEN.contains(&name.as_str());
    let (traps, plain) = all
        .iter()
        .filter(usable)
        .cloned()
        .partition(|name| is_trap(name));
    let mut maker = Maker {
        has_dpc: dice.one_in(2),
        dice,
        narrow,
        plain,
        traps,
        used: BTreeSet::new(),
    };
    let processors = 1 + maker.dice.below(6);
    let levels = if architecture == "x64" && maker.dice.one_in(4) {
        5
    } else {
        4
    };
    let mut text = format!(
        "[machine]\nmemory = \"32 MiB\"\nbuild = {build}\narchitecture = \"{architecture}\"\nseed = {seed}\n\
         processors = {processors}\npaging_levels = {levels}\nlarge_pages = {}\nsigned = {}\n\
         [stop]\ncode = 0xd1\nparameters = [0x1230, 2, 0, 0]\n[dump]\nkind = \"{kind}\"\n",
        maker.dice.one_in(2),
        architecture == "arm64" && maker.dice.one_in(2)
    );
    for driver in DRIVERS {
        write!(text, "[[modules]]\nname = \"{driver}\"\nsize = 0x20000\n").unwrap();
    }
    text += &maker.stacks(processors);
    let what = format!("seed {seed}: {architecture} {build}, {kind}, {processors} processors");
    let scenario = Scenario::from_toml(&text).unwrap_or_else(|e| panic!("{what}: {e}\n{text}"));
    (scenario, what)
}

fn report(scenario: &Scenario, bytes: &[u8], with_symbols: bool) -> Report {
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    for module in modules_on_stacks(scenario).unwrap() {
        if with_symbols {
            let (name, file) = symbol_file(scenario, &module).unwrap();
            let table = convert(&name, &file).unwrap().into_owned();
            analysis.add_symbols(&name, table).unwrap();
        }
    }
    analysis.run(&mut SliceProvider(bytes));
    analysis.report().clone()
}

/// What a stack is in truth: its frames, whether each was entered by a trap, and whether code of a
/// process is behind the last.
struct Expected {
    frames: Vec<u64>,
    functions: Vec<(String, u64)>,
    user: Option<u64>,
}

impl Expected {
    fn of(running: &bluepane_forge::TrueRunning) -> Self {
        let (mut frames, mut functions) = (running.stack.clone(), running.functions.clone());
        let user = functions.last().is_some_and(|(name, _)| name.is_empty());
        let user = user.then(|| frames.pop().unwrap());
        functions.truncate(frames.len());
        Self {
            frames,
            functions,
            user,
        }
    }
}

fn check(
    stack: &Stack,
    truth: &Truth,
    number: usize,
    with_symbols: bool,
    narrow: bool,
    what: &str,
) {
    let expected = Expected::of(&truth.running[number]);
    let found: Vec<u64> = stack.frames.iter().map(|frame| frame.address.0).collect();
    let named = |frame: &Frame| (frame.symbol.clone(), frame.offset.map(|offset| offset.0));
    assert_eq!(
        found, expected.frames,
        "{what}, processor {number}: expected {:#x?}, found {:#x?}",
        expected.functions, stack.frames
    );
    let innermost = if number == 0 {
        How::Context
    } else {
        stack.frames[0].how
    };
    for (index, frame) in stack.frames.iter().enumerate() {
        let what = format!("{what}, processor {number}, frame {index}: {frame:?}");
        let trapped = index > 0 && is_trap(&expected.functions[index - 1].0);
        let fits = match frame.how {
            _ if index == 0 => frame.how == innermost,
            How::TrapFrame => trapped && frame.confidence >= Confidence::Likely,
            How::Unwind => !narrow && !trapped && frame.confidence == Confidence::Certain,
            How::FramePointer => narrow && !trapped && frame.confidence == Confidence::Likely,
            How::Scan => narrow && index == 1 && frame.confidence == Confidence::Certain,
            _ => false,
        };
        assert!(fits, "{what}");
        let module = truth
            .modules
            .iter()
            .find(|m| m.base <= frame.address.0 && frame.address.0 < m.base + m.size);
        let module = module.unwrap();
        assert_eq!(frame.module.as_deref(), Some(&*module.name), "{what}");
        let (name, offset) = &expected.functions[index];
        match named(frame) {
            // 32-bit images do not tell where functions begin, and the report says that it does not know.
            (Some(symbol), _) if narrow && !with_symbols && symbol != *name => {
                assert!(stack.limits.contains("Names are the nearest"), "{what}");
            }
            (Some(symbol), into) => assert_eq!((&symbol, into), (name, Some(*offset)), "{what}"),
            (None, into) => {
                assert!(!with_symbols, "{what}: no name");
                assert_eq!(into, Some(frame.address.0 - module.base), "{what}");
            }
        }
        let next = expected.frames.get(index + 1).copied();
        let next = next.or(expected.user).unwrap_or(0);
        assert_eq!(
            frame.return_address.map(|back| back.0),
            Some(next),
            "{what}"
        );
    }
}

/// Answers how many frames there were.
fn sweep(seed: u64) -> usize {
    let (scenario, what) = invent(seed);
    let truth = Truth::of(&scenario).unwrap_or_else(|e| panic!("{what}: {e}"));
    let narrow = what.contains("x86");
    let bytes = forge(&scenario).unwrap().to_vec();
    let mut frames = 0;
    for with_symbols in [false, true] {
        let report = report(&scenario, &bytes, with_symbols);
        let stack = report
            .stack
            .as_ref()
            .unwrap_or_else(|| panic!("{what}: no stack"));
        check(stack, &truth, 0, with_symbols, narrow, &what);
        assert_eq!(report.stacks.len(), truth.running.len() - 1, "{what}");
        for stack in &report.stacks {
            let number = stack.processor.unwrap() as usize;
            check(stack, &truth, number, with_symbols, narrow, &what);
        }
        let all = report.stacks.iter().chain(report.stack.as_ref());
        frames += all.map(|stack| stack.frames.len()).sum::<usize>();
    }
    frames
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seeds() -> std::ops::Range<u64> {
    match number("STACK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STACK_SEEDS").unwrap_or(12),
    }
}

#[test]
fn stacks_of_invented_machines_are_the_scenarios() {
    let frames: usize = seeds().map(sweep).sum();
    println!("{} machines, {frames} frames", seeds().count());
}

/// A minidump of the machine of a seed: without the images' code nothing that is listed as more than
/// possible is wrong; with the images beside it, each frame up to the end of the stack that it holds is
/// the scenario's, by its name where there is a symbol file too.
fn sweep_minidump(seed: u64) -> (usize, usize) {
    let (mut scenario, what) = invent(seed);
    scenario.dump.kind = DumpKind::Triage;
    let truth = Truth::of(&scenario).unwrap();
    let expected = Expected::of(&truth.running[0]);
    let bytes = forge(&scenario).unwrap().to_vec();
    let bare = report(&scenario, &bytes, false).stack.unwrap();
    let sure = bare
        .frames
        .iter()
        .filter(|frame| frame.confidence > Confidence::Possible);
    for frame in sure {
        let there = expected.frames.contains(&frame.address.0);
        assert!(there, "{what}, minidump: {frame:?}");
    }
    // How many frames lie on the stack on which Windows stopped.
    let first = scenario
        .stack
        .iter()
        .take_while(|frame| frame.on == scenario.stack[0].on);
    let count = first.count().min(expected.frames.len());
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    for module in modules_on_stacks(&scenario).unwrap() {
        let image = image_file(&scenario, &module).unwrap();
        analysis.add_symbols(&module, image).unwrap();
        let (name, file) = symbol_file(&scenario, &module).unwrap();
        let table = convert(&name, &file).unwrap().into_owned();
        analysis.add_symbols(&name, table).unwrap();
    }
    analysis.run(&mut SliceProvider(&bytes));
    let stack = analysis.report().stack.clone().unwrap();
    let found = stack.frames.iter().map(|frame| {
        let name = frame.symbol.clone().unwrap_or_default();
        (
            frame.address.0,
            (name, frame.offset.map_or(0, |offset| offset.0)),
        )
    });
    let wanted = expected
        .frames
        .iter()
        .copied()
        .zip(expected.functions.clone());
    let wanted: Vec<_> = wanted.take(count).collect();
    assert_eq!(
        found.take(count).collect::<Vec<_>>(),
        wanted,
        "{what}, minidump with images"
    );
    (bare.frames.len(), count)
}

#[test]
fn minidumps_of_invented_machines_list_nothing_wrong_and_with_the_images_all_that_is_there() {
    let (mut listed, mut traced) = (0, 0);
    for seed in seeds() {
        let (bare, with_images) = sweep_minidump(seed);
        (listed, traced) = (listed + bare, traced + with_images);
    }
    println!("{listed} frames without images, {traced} with them");
}

/// Where a driver's pages are missing, calls can be traced only as far as its first frame; what is found
/// behind it by looking is said to be less sure, and is never wrong when it is said to be more than possible.
fn sweep_hole(seed: u64) -> (usize, usize) {
    let (mut scenario, what) = invent(seed);
    // A complete dump of physical runs has zeros there.
    scenario.dump.kind = DumpKind::BitmapKernel;
    scenario.faults.leave_out_modules.push(DRIVERS[0].into());
    let truth = Truth::of(&scenario).unwrap();
    let expected = Expected::of(&truth.running[0]).frames;
    let bytes = forge(&scenario).unwrap().to_vec();
    let stack = report(&scenario, &bytes, false).stack.unwrap();
    let sure = stack
        .frames
        .iter()
        .filter(|frame| frame.confidence > Confidence::Possible);
    let mut rest = expected.iter();
    for frame in sure.clone() {
        let there = rest.any(|&address| address == frame.address.0);
        assert!(
            there,
            "{what}, hole: {frame:#?} of {expected:#x?}, found {:#x?}",
            stack.frames
        );
    }
    (sure.count(), expected.len())
}

#[test]
fn machines_that_lack_a_driver_list_nothing_wrong_for_sure() {
    let (mut sure, mut all) = (0, 0);
    for seed in seeds() {
        let (found, there) = sweep_hole(seed);
        (sure, all) = (sure + found, all + there);
    }
    println!("{sure} of {all} frames");
    assert!(2 * sure > all, "{sure} of {all} frames");
}
