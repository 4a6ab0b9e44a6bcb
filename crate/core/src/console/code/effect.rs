//! What an instruction did to memory, worked out from its registers, in sentences.

use super::Live;
use super::fault::Fault;
use crate::console::state::Values;
use crate::symbols::{Instruction, Touch};
use alloc::{format, string::String, vec::Vec};

/// Addresses below belong to the pages that Windows never gives anybody.
const NULL_PAGES: u64 = 0x1_0000;
/// Instructions that fault because they are meant to.
const MEANT: [(&str, &str); 4] = [
    (
        "int     29h",
        "The code asked for the stop itself: a check found damage that cannot be mended (fast fail).",
    ),
    (
        "int     3",
        "A breakpoint, or filling between functions: code that is not meant to run.",
    ),
    (
        "ud2",
        "An instruction that is meant to fault: the compiler thought this place could not be reached.",
    ),
    ("hlt", "The processor waits for the next interrupt here."),
];

pub(super) fn sentences(fault: &Fault, live: &Live<'_>, instruction: &Instruction) -> Vec<String> {
    if fault.touched == Some(fault.at) {
        return Vec::from([format!(
            "The fault was in fetching the instruction at {} itself: the processor was sent to a place \
             that holds no code it may run. What is listed there need not be code.",
            live.address(fault.at)
        )]);
    }
    let meant = MEANT.iter().filter(|(text, _)| instruction.text == *text);
    let mut told: Vec<String> = meant.map(|(_, why)| String::from(*why)).collect();
    let touches = instruction.touches.iter();
    told.extend(touches.map(|touch| one(fault, live, touch)));
    if let (Some(at), true) = (fault.touched, told.is_empty()) {
        let shown = live.address(at);
        told.push(format!(
            "The stop reports {shown}; this instruction itself names no memory."
        ));
    }
    told
}

fn verb(touch: &Touch) -> &'static str {
    match (touch.reads, touch.writes) {
        (true, true) => "It reads and writes",
        (false, true) => "It writes to",
        _ => "It reads",
    }
}

/// The address, from registers that are known.
pub(super) fn address(live: &Live<'_>, touch: &Touch, values: Values<'_>) -> Option<u64> {
    let value = |name: &str| match name {
        "" => Some(0),
        _ => values(name),
    };
    let index = value(&touch.index)?.wrapping_mul(touch.scale.into());
    let sum = value(&touch.base)?.wrapping_add(index);
    let at = sum.wrapping_add(touch.displacement);
    Some(if live.width() == 4 {
        at & 0xFFFF_FFFF
    } else {
        at
    })
}

/// `rcx is 0, rdx is 00000000'00000008`.
fn values(fault: &Fault, live: &Live<'_>, touch: &Touch) -> String {
    let named = [&touch.base, &touch.index];
    let each: Vec<String> = named
        .into_iter()
        .filter(|name| !name.is_empty())
        .filter_map(|name| {
            let value = fault.register(name)?;
            Some(if value == 0 {
                format!("{name} is 0")
            } else {
                format!("{name} is {}", live.address(value))
            })
        })
        .collect();
    each.join(", ")
}

fn one(fault: &Fault, live: &Live<'_>, touch: &Touch) -> String {
    let verb = verb(touch);
    if touch.base == "segment" {
        return format!(
            "{verb} memory of the processor's or thread's own block, whose address no register says."
        );
    }
    let Some(at) = address(live, touch, &|name| fault.register(name)) else {
        let unknown = [&touch.base, &touch.index];
        let mut unknown = unknown
            .into_iter()
            .filter(|name| !name.is_empty() && fault.register(name).is_none());
        let name = unknown.next().map_or("a register", String::as_str);
        let reported = fault.touched.map_or(String::new(), |at| {
            format!(" The stop reports the address {}.", live.address(at))
        });
        return format!(
            "{verb} memory that {name} points to, and what was in it is not kept.{reported}"
        );
    };
    let bytes = match touch.bytes {
        0 => String::new(),
        1 => "1 byte at ".into(),
        bytes => format!("{bytes} bytes at "),
    };
    let values = values(fault, live, touch);
    let values = if values.is_empty() {
        String::new()
    } else {
        format!(": {values}")
    };
    let mut text = format!("{verb} {bytes}{}{values}.", live.address(at));
    let zero = |name: &String| !name.is_empty() && fault.register(name) == Some(0);
    if at < NULL_PAGES {
        text.push_str(if zero(&touch.base) || zero(&touch.index) {
            " A null pointer was followed"
        } else {
            " So close to zero no memory is: a null pointer, or a small number taken for one, was followed"
        });
        if at != 0 && zero(&touch.base) {
            text.push_str(&format!(", to a field that lies {at:#x} into a structure"));
        }
        text.push('.');
    } else if live.width() == 8 && !matches!(at >> 47, 0 | 0x1_FFFF) {
        text.push_str(
            " No address looks like that: what was taken for a pointer is something else.",
        );
    } else if live.width() == 8 && at >> 47 == 0 && fault.at >> 47 != 0 {
        text.push_str(" That is an address of programs, not of the kernel.");
    } else if let Some(place) = live.named(at) {
        text.push_str(&format!(" That is {place}."));
    }
    match fault.touched {
        Some(reported) if covers(at, touch, reported) => {
            text.push_str(" It is the address that the stop reports.");
        }
        Some(reported) => text.push_str(&format!(
            " The stop reports {} instead: these registers are not those of that moment, or it was another access.",
            live.address(reported)
        )),
        None => {}
    }
    text
}

/// Whether an access at `at` includes `reported`.
fn covers(at: u64, touch: &Touch, reported: u64) -> bool {
    let len = u64::from(touch.bytes.max(1));
    reported.wrapping_sub(at) < len
}
