//! The nearest driver of another maker on the stack.
//!
//! With a scanned stack this is the weakest ground: a value can be left over from an earlier call.
//! So it must be close, and a single value does not count; nor does one further away on a stack that
//! was walked. Where two drivers stand there and neither has a call in front of its address, nobody is
//! named.

use super::{Suspect, verifier};
use crate::diagnose::codes::{CodeAddress, code_address};
use crate::diagnose::facts::Facts;
use crate::diagnose::role::{Role, role};
use crate::diagnose::usage::overflowed;
use crate::knowledge::driver::driver;
use crate::memory::VirtualAddress;
use crate::model::{Confidence, Evidence, Frame, How, Stack};
use alloc::{format, string::String, vec, vec::Vec};

/// One frame this close is enough, where it is no guess.
const CLOSE: usize = 5;
/// Up to here two frames of the same driver are needed.
const WITHIN: usize = 14;

/// Codes without an address of the fault that a trap stands behind all the same.
const TRAPPED: [u32; 4] = [0x7F, 0x8E, 0x139, 0x1E];

/// Whether the stop is about code that was interrupted by a trap.
fn faulted(facts: &Facts<'_>) -> bool {
    let code = facts.plain_code();
    let instruction = code_address(code, &facts.parameters);
    let instruction = instruction.is_some_and(|found| found.2 == CodeAddress::Instruction);
    instruction || facts.exception.is_some() || TRAPPED.contains(&code)
}

/// The frames from where the trouble was outwards: from the last trap frame that carries the
/// reported fault, else from the exception, else from whoever called `KeBugCheckEx`.
pub(super) fn from_the_trouble<'a>(
    facts: &Facts<'_>,
    stack: &'a Stack,
) -> (&'a [Frame], &'static str) {
    let frames = stack.frames.as_slice();
    let trap = |sure: Confidence| {
        frames
            .iter()
            .position(|frame| frame.how == How::TrapFrame && frame.confidence >= sure)
    };
    let outwards = |index| frames.get(index..).unwrap_or_default();
    if let Some(index) = trap(Confidence::Certain) {
        return (outwards(index), "the fault");
    }
    match trap(Confidence::Likely).filter(|_| faulted(facts)) {
        Some(index) => (outwards(index), "the interrupted code"),
        None if frames.first().is_some_and(|f| f.how == How::Exception) => {
            (frames, "the exception")
        }
        None => (outwards(1), "the stop"),
    }
}

/// Kernel functions behind which stands what was interrupted: it had no part in what came over it.
const INTERRUPTED: [&str; 9] = [
    "KiExecuteAllDpcs",
    "KiRetireDpcList",
    "KxRetireDpcList",
    "KyRetireDpcList",
    "KiDispatchInterrupt",
    "KiDpcInterrupt",
    "KiInterruptDispatch",
    "KiApcInterrupt",
    "KiDeliverApc",
];

/// `frames` up to where they were interrupted: the first trap frame behind their own, or the kernel's
/// loop over deferred calls.
pub(super) fn uninterrupted(frames: &[Frame]) -> &[Frame] {
    let begins = |(at, frame): (usize, &Frame)| {
        let trap = at > 0 && frame.how == How::TrapFrame && frame.confidence > Confidence::Possible;
        let name = frame.symbol.as_deref();
        trap || name.is_some_and(|name| INTERRUPTED.contains(&name))
    };
    let end = frames.iter().enumerate().position(begins);
    frames
        .get(..end.unwrap_or(frames.len()))
        .unwrap_or_default()
}

/// Where the code at fault was called from, as far as the stack tells: the frame above a trap frame.
pub(super) fn caller_of_fault(facts: &Facts<'_>) -> Option<String> {
    let (frames, _) = from_the_trouble(facts, facts.stack?);
    let [trap, caller, ..] = frames else {
        return None;
    };
    let place = facts.locate(VirtualAddress(caller.address.0))?;
    (trap.how == How::TrapFrame).then_some(place.label)
}

/// What hands a request from one driver on to the next.
const CARRIERS: [&str; 2] = ["fltmgr.sys", "wdf01000.sys"];

fn name(frame: &Frame) -> &str {
    frame.module.as_deref().unwrap_or_default()
}

fn carrier(frame: &Frame) -> bool {
    CARRIERS
        .iter()
        .any(|one| one.eq_ignore_ascii_case(name(frame)))
}

/// Whether a driver of Windows was at work there, and not one that only hands on.
fn working(frame: &Frame) -> bool {
    matches!(role(name(frame)), Role::Framework | Role::Windows) && !carrier(frame)
}

/// Kinds of drivers that see whatever passes, and so stand on most stacks of files, packets and
/// system calls.
const ONLOOKERS: [&str; 5] = [
    "antivirus",
    "security",
    "backup",
    "encryption",
    "anti-cheat",
];

/// Whether a driver is of a kind that sees whatever passes.
pub(super) fn onlooker(name: &str) -> bool {
    driver(name).is_some_and(|known| ONLOOKERS.contains(&known.class))
}

/// Whether the driver at `at` may only have watched: windows and drawing serve programs, and a driver
/// before them has hooked their calls; an onlooker counts where it called what failed itself, not
/// through something of Windows, and not by a guess.
fn looked_on(frames: &[Frame], at: usize) -> bool {
    let inner = frames.get(..at).unwrap_or_default();
    let hooked = |frame: &Frame| {
        let start = name(frame).get(..6);
        start.is_some_and(|start| start.eq_ignore_ascii_case("win32k"))
    };
    let through = |frame: &Frame| matches!(role(name(frame)), Role::Framework | Role::Windows);
    let watches = |frame: &Frame| {
        let guess = at > 1 && frame.confidence == Confidence::Possible;
        onlooker(name(frame)) && (guess || inner.iter().any(through))
    };
    inner.iter().any(hooked) || frames.get(at).is_some_and(watches)
}

/// Whether the driver at `at` had only handed a request on, and a driver of Windows was at work on it
/// when the trouble came: with filters that is all that their being there says.
pub(super) fn passed_on(frames: &[Frame], at: usize) -> bool {
    let inner = frames.get(..at).unwrap_or_default();
    let [at_work @ .., last] = inner else {
        return false;
    };
    // Without the kernel's image its functions have no names.
    let call = last.symbol.as_deref();
    let call = call.is_none_or(|name| matches!(name, "IofCallDriver" | "IoCallDriver"));
    let handed = carrier(last) || role(name(last)) == Role::Kernel && call;
    handed && at_work.iter().any(working)
}

/// Whether a frame is on the kernel's side: further out is code of the process, whatever its module.
pub(super) fn of_kernel(frame: &Frame) -> bool {
    let at = frame.address.0;
    at >> 63 == 1 || (0x8000_0000..1 << 32).contains(&at)
}

fn others(frame: &Frame) -> Option<&str> {
    let name = frame.module.as_deref().filter(|_| of_kernel(frame))?;
    let loaded = !name.starts_with("unloaded ");
    (loaded && role(name) == Role::Other).then_some(name)
}

/// Whether values of a driver from `at` on, `count` of them, may be left over from earlier calls,
/// however near they are: two side by side at the fault itself are fewer accidents, and what Windows
/// did in between is not told by them.
fn leftovers(near: &[Frame], at: usize, count: usize, next: bool) -> bool {
    count < 3 && !(at < 3 && next) || near.iter().take(at).any(working)
}

/// Where the rule looks: the innermost frames from the trouble on, up to where they were interrupted.
struct Stretch<'a> {
    frames: &'a [Frame],
    /// What they begin at.
    what: &'static str,
    /// Whether Driver Verifier stopped the machine.
    caught: bool,
}

/// The first driver of another maker there.
struct Nearest<'a> {
    frame: &'a Frame,
    name: &'a str,
    /// How far from the trouble, and how many of the frames are its.
    at: usize,
    count: usize,
    /// A value on a scanned stack, and no more.
    guess: bool,
}

impl<'a> Stretch<'a> {
    fn of(facts: &Facts<'a>) -> Option<Self> {
        // Who stands on a stack that ran out says nothing; who used it does.
        let stack = facts.stack.filter(|_| !overflowed(facts))?;
        let (frames, what) = from_the_trouble(facts, stack);
        let caught = verifier::stopped(facts);
        let frames = match caught {
            true => verifier::behind_its_routines(uninterrupted(frames)),
            false => uninterrupted(frames),
        };
        Some(Self {
            frames: frames.get(..WITHIN.min(frames.len()))?,
            what,
            caught,
        })
    }

    /// The drivers of other makers in it that may be meant, with their places.
    fn drivers(&self, facts: &Facts<'_>) -> impl Iterator<Item = (usize, &'a str)> {
        let watched = |frame| others(frame).filter(|name| verifier::watched(facts, name));
        let frames = self.frames.iter().enumerate();
        frames.filter_map(move |(at, frame)| Some((at, watched(frame)?)))
    }

    fn nearest(&self, facts: &Facts<'_>) -> Option<Nearest<'a>> {
        let (at, name) = self.drivers(facts).next()?;
        let frame = self.frames.get(at)?;
        Some(Nearest {
            frame,
            name,
            at,
            count: self.drivers(facts).filter(|&(_, one)| one == name).count(),
            guess: at > 0 && frame.confidence == Confidence::Possible,
        })
    }

    /// Another driver as near to the trouble, where both are guesses: which of the two called is not told. Two
    /// frames side by side right behind the trouble are no guess any more, whoever stands further out.
    fn rival(&self, facts: &Facts<'_>, nearest: &Nearest<'_>) -> Option<&'a str> {
        let mut near = self.drivers(facts).filter(|&(at, _)| at <= CLOSE);
        let (_, other) = near.find(|&(_, one)| one != nearest.name)?;
        let direct = nearest.at == 1 && self.next(nearest);
        (nearest.guess && !direct).then_some(other)
    }

    /// Whether its next frame is the same driver's.
    fn next(&self, nearest: &Nearest<'_>) -> bool {
        self.frames.get(nearest.at + 1).and_then(others) == Some(nearest.name)
    }

    /// Whether the nearest is near enough, and no mere bystander.
    fn holds(&self, nearest: &Nearest<'_>) -> bool {
        let &Nearest { at, count, .. } = nearest;
        let alone = if nearest.guess && !self.caught {
            leftovers(self.frames, at, count, self.next(nearest))
        } else {
            at >= CLOSE && count < 2
        };
        !alone && !passed_on(self.frames, at) && !looked_on(self.frames, at)
    }
}

/// Two drivers of other makers of which a scanned stack cannot tell which one called.
pub(super) fn rivals<'a>(facts: &Facts<'a>) -> Option<[&'a str; 2]> {
    let stretch = Stretch::of(facts)?;
    let nearest = stretch.nearest(facts)?;
    Some([nearest.name, stretch.rival(facts, &nearest)?])
}

/// The driver of another maker that is nearest to the trouble, where being there is no ground to name it.
pub(super) fn bystander<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    Some(Stretch::of(facts)?.nearest(facts)?.name)
}

/// Names the first driver of another maker above the fault, when it is close enough.
pub(super) fn nearest_driver(facts: &Facts<'_>) -> Option<Suspect> {
    let stretch = Stretch::of(facts)?;
    let nearest = stretch.nearest(facts)?;
    let rival = stretch.rival(facts, &nearest);
    if !stretch.holds(&nearest) || rival.is_some() && !stretch.caught {
        return None;
    }
    // Driver Verifier stops within the call of the driver that it catches.
    let sure = stretch.caught && nearest.at < CLOSE && rival.is_none();
    let mut evidence = tell(&stretch, &nearest);
    if sure {
        let text = "Driver Verifier stops within the call of the driver that it catches.";
        evidence.push(Evidence::new(text, "stop code"));
    }
    Some(Suspect {
        module: nearest.name.into(),
        confidence: if sure {
            Confidence::Likely
        } else {
            Confidence::Possible
        },
        evidence,
    })
}

/// Where the nearest driver stands.
fn tell(stretch: &Stretch<'_>, nearest: &Nearest<'_>) -> Vec<Evidence> {
    let (name, what, frame) = (nearest.name, stretch.what, nearest.frame);
    let how = if frame.confidence == Confidence::Possible {
        "as far as the stack can be read without its code"
    } else {
        "on the stack"
    };
    let text = match nearest.at {
        0 => format!("{name} is on top of the stack, where {what} was."),
        1 => {
            format!("{name} is the driver of another maker nearest to {what}: 1 frame away, {how}.")
        }
        at => format!(
            "{name} is the driver of another maker nearest to {what}: {at} frames away, {how}."
        ),
    };
    let place = frame
        .stack_pointer
        .map_or_else(String::new, |sp| format!("stack {sp}"));
    let mut evidence = vec![Evidence::new(text, place)];
    if nearest.count > 1 {
        let of = stretch.frames.len();
        let text = format!(
            "{} of the {of} innermost frames are in {name}.",
            nearest.count
        );
        evidence.push(Evidence::new(text, "stack"));
    }
    evidence
}
