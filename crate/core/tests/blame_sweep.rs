//! Invented crashes whose culprit the test knows: drivers that did it and drivers that merely stand on
//! the stack, in kernel dumps and in minidumps, by seed. Blame names the culprit or nobody.
//!
//! A dozen seeds by default; `BLUEPANE_BLAME_SEEDS=500` takes that many, `BLUEPANE_BLAME_SEED=37` one.

use bluepane::analysis::Analysis;
use bluepane::model::{Confidence, Report};
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, Truth, forge};
use std::collections::BTreeMap;
use std::fmt::Write;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// Drivers of makers: those that do something of their own, and those that see whatever passes.
const MAKERS: [&str; 4] = ["acme.sys", "vendor64.sys", "rtwhatever.sys", "gizmo.sys"];
const ONLOOKERS: [&str; 5] = [
    "klif.sys",
    "aswsp.sys",
    "snapman.sys",
    "eamonm.sys",
    "bedaisy.sys",
];
/// Windows' own that work for others.
const FRAMEWORKS: [&str; 8] = [
    "ndis.sys",
    "storport.sys",
    "classpnp.sys",
    "disk.sys",
    "tcpip.sys",
    "portcls.sys",
    "ntfs.sys",
    "win32kfull.sys",
];
/// What hands requests on.
const CARRIERS: [&str; 2] = ["fltmgr.sys", "wdf01000.sys"];

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The instruction at fault is the culprit's.
    Fault,
    /// Windows faulted in what the culprit asked of it.
    Asked,
    /// Windows faulted by itself; drivers had handed a request on, or only watched.
    HandedOn,
    /// Something was damaged, or the hardware spoke, or a disk gave nothing.
    Damage,
    /// A driver called for the stop.
    Called,
    /// Interrupt work of Windows came over a driver that ran.
    Interrupted,
    /// Interrupt work of a driver, over another one.
    Deferred,
    /// The clock found interrupt work of a driver.
    Watchdog,
    /// Values of earlier calls lie on the stack of a fault that Windows made.
    Leftovers,
    /// The kernel found that its caller broke the rules.
    Contract,
}

const KINDS: [Kind; 10] = [
    Kind::Fault,
    Kind::Asked,
    Kind::HandedOn,
    Kind::Damage,
    Kind::Called,
    Kind::Interrupted,
    Kind::Deferred,
    Kind::Watchdog,
    Kind::Leftovers,
    Kind::Contract,
];

/// A crash before it is forged.
struct Crash {
    kind: Kind,
    build: u32,
    code: u32,
    parameters: [u64; 4],
    /// Which frame's address goes into which parameter.
    instruction: Option<(usize, usize)>,
    /// Function, and the stack it is on.
    frames: Vec<(String, &'static str)>,
    culprit: Option<&'static str>,
    triage: bool,
    seed: u64,
}

const ADDRESS: u64 = 0xFFFF_F900_1234_5678;

/// A return address in a driver: its functions lie 0x100 bytes apart, and what follows a call is at a round address in
/// every other one.
fn code(dice: &mut Dice) -> u64 {
    let function = dice.below(0x60) as u64;
    0x1050 + 0x100 * function + function % 2 * (function * 37 % 0x40)
}

fn driver(dice: &mut Dice, name: &str) -> String {
    format!("{name}+{:#x}", code(dice))
}

/// Kernel functions that a fault handler is called from by the fault of `at`.
fn trap(frames: &mut Vec<(String, &'static str)>, on: &'static str) {
    for name in ["nt!KeBugCheckEx", "nt!KiBugCheckDispatch", "nt!KiPageFault"] {
        frames.push((name.into(), on));
    }
}

/// What a request came through before it got where the trouble was: nobody's fault.
fn handed_on(dice: &mut Dice, frames: &mut Vec<(String, &'static str)>) {
    for _ in 0..1 + dice.below(3) {
        frames.push(("nt!IofCallDriver".into(), "thread"));
        if dice.below(2) == 0 {
            let carrier = dice.of(&CARRIERS);
            frames.push((driver(dice, carrier), "thread"));
        }
        let innocent = match dice.below(2) {
            0 => dice.of(&ONLOOKERS),
            _ => dice.of(&MAKERS),
        };
        for _ in 0..1 + dice.below(2) {
            frames.push((driver(dice, innocent), "thread"));
        }
    }
}

fn system_call(frames: &mut Vec<(String, &'static str)>) {
    for name in [
        "nt!IofCallDriver",
        "nt!ExpWorkerThread",
        "nt!PspSystemThreadStartup",
        "nt!KiStartSystemThread",
    ] {
        frames.push((name.into(), "thread"));
    }
}

impl Crash {
    fn new(dice: &mut Dice, kind: Kind) -> Self {
        let mut crash = Self {
            kind,
            build: dice.of(&[7601, 9600, 14393, 17763, 19041, 20348]),
            code: 0,
            parameters: [0; 4],
            instruction: None,
            frames: Vec::new(),
            culprit: None,
            triage: dice.below(2) == 0,
            seed: dice.next() >> 1,
        };
        match kind {
            Kind::Fault => crash.fault(dice),
            Kind::Asked => crash.asked(dice),
            Kind::HandedOn | Kind::Leftovers => crash.by_windows(dice),
            Kind::Damage => crash.damage(dice),
            Kind::Called => crash.called(dice),
            Kind::Interrupted | Kind::Deferred => crash.interrupted(dice),
            Kind::Watchdog => crash.watchdog(dice),
            Kind::Contract => crash.contract(dice),
        }
        system_call(&mut crash.frames);
        crash
    }

    /// A stop code with the instruction of frame 3.
    fn page_fault(&mut self, dice: &mut Dice) {
        (self.code, self.parameters, self.instruction) = match dice.below(3) {
            0 => (0xD1, [ADDRESS, 2, 0, 0], Some((3, 3))),
            1 => (0x0A, [ADDRESS, 2, 0, 0], Some((3, 3))),
            _ => (0x50, [ADDRESS, 0, 0, 2], Some((2, 3))),
        };
    }

    fn fault(&mut self, dice: &mut Dice) {
        self.page_fault(dice);
        trap(&mut self.frames, "thread");
        let all: Vec<&str> = MAKERS.into_iter().chain(ONLOOKERS).collect();
        let culprit = dice.of(&all);
        self.frames.push((driver(dice, culprit), "thread"));
        self.culprit = Some(culprit);
        handed_on(dice, &mut self.frames);
    }

    fn asked(&mut self, dice: &mut Dice) {
        self.page_fault(dice);
        trap(&mut self.frames, "thread");
        let windows = dice.of(&[
            "nt!ExFreePoolWithTag",
            "nt!KeWaitForSingleObject",
            "nt!ExAllocatePoolWithTag",
        ]);
        self.frames.push((windows.into(), "thread"));
        let culprit = dice.of(&MAKERS);
        for _ in 0..1 + dice.below(3) {
            self.frames.push((driver(dice, culprit), "thread"));
        }
        self.culprit = Some(culprit);
        handed_on(dice, &mut self.frames);
    }

    fn by_windows(&mut self, dice: &mut Dice) {
        self.page_fault(dice);
        trap(&mut self.frames, "thread");
        let windows = dice.of(&FRAMEWORKS);
        // Handed on to a driver of Windows; by itself the kernel faults as well.
        let kernel = self.kind == Kind::Leftovers && dice.below(2) == 0;
        for name in ["nt!ExFreePoolWithTag", "nt!KeWaitForSingleObject"] {
            if kernel {
                self.frames.push((name.into(), "thread"));
            }
        }
        for _ in 0..if kernel { 0 } else { 1 + dice.below(3) } {
            self.frames.push((driver(dice, windows), "thread"));
        }
        if self.kind == Kind::HandedOn {
            handed_on(dice, &mut self.frames);
        }
    }

    fn damage(&mut self, dice: &mut Dice) {
        (self.code, self.parameters) = dice.of(&[
            (0x1A, [0x41790, 0xFFFF_FA80_0000_1000, 0xFFFF, 0]),
            (0x1A, [0x41792, 0xFFFF_F680_0000_1000, 0x2000_0000, 0]),
            (0x4E, [0x99, 0x12345, 2, 0]),
            (0x109, [0xA3A0, 0xB3B7, ADDRESS, 1]),
            (0x12B, [0xC000_02C4, 0x1_0000, 0x1234, ADDRESS]),
            (0x124, [0, 0, 0xB200_0000, 0x0011_0005]),
            (0x7A, [1, 0xC000_0185, 0x1234, ADDRESS]),
            (0x77, [0xC000_000E, 0xC000_000E, 0, 0x1000]),
            (0xF4, [3, 0, 0, 0]),
            (0xEF, [0, 0, 0, 0]),
        ]);
        for name in [
            "nt!KeBugCheckEx",
            "nt!MmAccessFault",
            "nt!ExFreePoolWithTag",
        ] {
            self.frames.push((name.into(), "thread"));
        }
        // Whoever ran when it was found.
        let finder = dice.of(&MAKERS);
        for _ in 0..dice.below(3) {
            self.frames.push((driver(dice, finder), "thread"));
        }
        handed_on(dice, &mut self.frames);
    }

    fn called(&mut self, dice: &mut Dice) {
        self.code = dice.of(&[0xF6, 0x10E, 0x1A, 0x65, 0xBFE, 0xC1, 0x1234]);
        self.parameters = [0x1111_2222, 7, 0, 0];
        self.frames.push(("nt!KeBugCheckEx".into(), "thread"));
        let culprit = dice.of(&MAKERS);
        self.frames.push((driver(dice, culprit), "thread"));
        self.culprit = Some(culprit);
        handed_on(dice, &mut self.frames);
    }

    /// A minidump holds one stack; there interrupt work is done on the thread's own.
    fn interrupt_stack(&self) -> &'static str {
        if self.triage { "thread" } else { "dpc" }
    }

    /// The kernel's loop over deferred calls, and the interrupt that it came with.
    fn came_over(&mut self, on: &'static str) {
        for name in ["nt!KiExecuteAllDpcs", "nt!KiRetireDpcList"] {
            self.frames.push((name.into(), on));
        }
        self.frames.push(("nt!KiDpcInterrupt".into(), "thread"));
    }

    fn interrupted(&mut self, dice: &mut Dice) {
        let on = self.interrupt_stack();
        self.page_fault(dice);
        trap(&mut self.frames, on);
        if self.kind == Kind::Interrupted {
            let windows = dice.of(&FRAMEWORKS);
            self.frames.push((driver(dice, windows), on));
        } else {
            let culprit = dice.of(&MAKERS);
            self.frames.push((driver(dice, culprit), on));
            self.culprit = Some(culprit);
        }
        self.came_over(on);
        let running = dice.of(&MAKERS);
        for _ in 0..1 + dice.below(3) {
            self.frames.push((driver(dice, running), "thread"));
        }
    }

    fn watchdog(&mut self, dice: &mut Dice) {
        let on = self.interrupt_stack();
        self.code = 0x133;
        self.parameters = dice.of(&[[0, 0x501, 0x500, 0], [1, 0x1E00, 0, 0]]);
        for name in ["nt!KeBugCheckEx", "nt!KiInterruptDispatch"] {
            self.frames.push((name.into(), on));
        }
        let by_windows = dice.below(2) == 0;
        if by_windows {
            let windows = dice.of(&FRAMEWORKS);
            self.frames.push((driver(dice, windows), on));
            let onlooker = dice.of(&ONLOOKERS);
            self.frames.push((driver(dice, onlooker), on));
        } else {
            let culprit = dice.of(&MAKERS);
            self.frames.push((driver(dice, culprit), on));
            self.culprit = Some(culprit);
        }
        self.came_over(on);
        let running = dice.of(&MAKERS);
        self.frames.push((driver(dice, running), "thread"));
    }

    fn contract(&mut self, dice: &mut Dice) {
        self.code = dice.of(&[0xE3, 0x44, 0xC2, 0xC9, 0xC4, 0xE6, 0x162]);
        self.parameters = [0x26, 0x1234, 0, 0];
        for name in ["nt!KeBugCheckEx", "nt!ExFreePoolWithTag"] {
            self.frames.push((name.into(), "thread"));
        }
        let culprit = dice.of(&MAKERS);
        for _ in 0..1 + dice.below(2) {
            self.frames.push((driver(dice, culprit), "thread"));
        }
        self.culprit = Some(culprit);
        handed_on(dice, &mut self.frames);
    }

    /// The scenario's text, with these words of memory overwritten.
    fn text(&self, words: &[(u64, u64)]) -> String {
        let kind = match (self.triage, self.build) {
            (true, _) => "triage",
            (false, ..9200) => "kernel-summary",
            (false, _) => "bitmap-kernel",
        };
        let parameters = self.parameters.map(|value| format!("\"{value:#x}\""));
        let mut text = format!(
            "[machine]\nmemory = \"32 MiB\"\nbuild = {}\nseed = {}\n[stop]\ncode = {}\n\
             parameters = [{}]\n[dump]\nkind = \"{kind}\"\n[faults]\nwords = [",
            self.build,
            self.seed,
            self.code,
            parameters.join(", ")
        );
        for (at, value) in words {
            let _ = write!(
                text,
                "{{ address = \"{at:#x}\", value = \"{value:#x}\" }}, "
            );
        }
        text += "]\n";
        for name in MAKERS
            .iter()
            .chain(&ONLOOKERS)
            .chain(&FRAMEWORKS)
            .chain(&CARRIERS)
        {
            let _ = write!(text, "[[modules]]\nname = \"{name}\"\nsize = 0x20000\n");
        }
        for (at, on) in &self.frames {
            let _ = write!(text, "[[stack]]\nat = \"{at}\"\non = \"{on}\"\n");
            if at == "nt!KiPageFault" {
                let _ = writeln!(text, "fault_address = \"{ADDRESS:#x}\"");
            }
        }
        text
    }

    /// Words of the stack that no frame uses, filled with addresses in drivers' code.
    fn leftovers(&self, dice: &mut Dice, truth: &Truth) -> Vec<(u64, u64)> {
        let word = |at: u64| {
            let page = truth.kernel.get(&(at & !0xFFF))?;
            let bytes = page.get((at & 0xFFF) as usize..)?.first_chunk()?;
            Some(u64::from_le_bytes(*bytes))
        };
        let outermost = truth.stack.last().copied();
        // Not behind the outermost frame: the zero there says that it is the last.
        let places = (1..0x200_u64).map(|index| truth.stack_pointer + 8 * index);
        let places = places.take_while(|at| word(*at) != outermost);
        let free: Vec<u64> = places.filter(|at| word(*at) == Some(0)).collect();
        let count = 1 + dice.below(4);
        (0..count.min(free.len()))
            .map(|_| {
                let name = match dice.below(3) {
                    0 => dice.of(&ONLOOKERS),
                    _ => dice.of(&MAKERS),
                };
                let module = truth.modules.iter().find(|module| module.name == name);
                let base = module.map_or(0, |module| module.base);
                (dice.of(&free), base + code(dice))
            })
            .collect()
    }

    fn forged(&mut self, dice: &mut Dice) -> Vec<u8> {
        let plain = Scenario::from_toml(&self.text(&[])).unwrap();
        let truth = Truth::of(&plain).unwrap();
        if let Some((parameter, frame)) = self.instruction {
            self.parameters[parameter] = truth.stack[frame];
        }
        let words = match self.kind {
            Kind::Leftovers => self.leftovers(dice, &truth),
            _ => Vec::new(),
        };
        let scenario = Scenario::from_toml(&self.text(&words)).unwrap();
        forge(&scenario).unwrap().to_vec()
    }
}

fn report(bytes: &[u8]) -> Report {
    let mut analysis = Analysis::new("sweep.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(bytes));
    analysis.report().clone()
}

/// The stack that was found, for the message.
fn found(report: &Report) -> String {
    let frames = report.stack.as_ref().map_or(&[][..], |stack| &stack.frames);
    let each = frames.iter().take(16).map(|frame| {
        let module = frame.module.as_deref().unwrap_or("?");
        let offset = frame.offset.unwrap_or(frame.address);
        format!("{module}+{offset} {:?} {:?}", frame.how, frame.confidence)
    });
    each.collect::<Vec<_>>().join(", ")
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// How often a kind was tried and its culprit named, and what was wrong.
#[derive(Default)]
struct Tally {
    tried: BTreeMap<(Kind, bool), (u32, u32)>,
    wrong: Vec<String>,
}

impl Tally {
    fn one(&mut self, seed: u64, kind: Kind) {
        let mut dice = Dice(seed << 8 | kind as u64);
        let mut crash = Crash::new(&mut dice, kind);
        let bytes = crash.forged(&mut dice);
        let report = report(&bytes);
        let blame = report.blame.as_ref();
        let counted = self.tried.entry((kind, crash.triage)).or_default();
        counted.0 += 1;
        match (blame, crash.culprit) {
            (None, _) => {}
            (Some(blame), Some(culprit)) if blame.module == culprit => counted.1 += 1,
            (Some(blame), culprit) => self.wrong.push(format!(
                "seed {seed}, {kind:?} on {} ({}): {} {:?} instead of {culprit:?}; {:#x} {:x?} {:?} {:?}; {}",
                crash.build,
                if crash.triage { "triage" } else { "kernel" },
                blame.module,
                blame.confidence,
                crash.code,
                crash.parameters,
                crash.frames.iter().map(|f| &f.0).collect::<Vec<_>>(),
                blame.evidence.first().map(|e| &e.text),
                found(&report),
            )),
        }
        // A driver's own fault and its own call for the stop leave no doubt.
        if matches!(kind, Kind::Fault | Kind::Called) {
            let sure = blame.map(|blame| blame.confidence);
            assert_eq!(
                sure,
                Some(Confidence::Likely),
                "seed {seed}, {kind:?} {:#x}",
                crash.code
            );
        }
    }
}

#[test]
fn blame_names_the_culprit_or_nobody() {
    let (one, many) = (
        number("BLUEPANE_BLAME_SEED"),
        number("BLUEPANE_BLAME_SEEDS"),
    );
    let seeds = match one {
        Some(one) => one..one + 1,
        None => 1..many.unwrap_or(12) + 1,
    };
    let few = one.or(many).is_none();
    let mut tally = Tally::default();
    for seed in seeds {
        // By default each seed takes some of the kinds, so that all are tried.
        let kinds = KINDS.iter().enumerate();
        for (_, kind) in kinds.filter(|(at, _)| !few || (seed as usize + at).is_multiple_of(3)) {
            tally.one(seed, *kind);
        }
    }
    for ((kind, triage), (tried, named)) in &tally.tried {
        let container = if *triage { "minidumps" } else { "kernel dumps" };
        eprintln!("{kind:?}: {named} of {tried} {container} name the culprit");
    }
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
}
