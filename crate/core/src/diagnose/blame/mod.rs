//! Who probably caused the stop.
//!
//! Rules are asked in the order of their strength. The first that names somebody decides; what
//! later rules say of the same module is added to its evidence, and what they say of others is
//! dropped. Frameworks and the kernel are never named: faults surface in them that others made.

mod caller;
mod near;
mod parameters;
pub(super) mod rules;
mod verifier;
pub(super) mod watchdog;

use super::codes::{Silence, silence};
use super::facts::Facts;
use crate::model::{Blame, Confidence, Evidence, Kind};
use alloc::{format, string::String, vec::Vec};

/// Somebody is named, or it is said why not.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The probable culprit. The failure bucket is left to others.
    Named(Blame),
    /// Why nobody is named: a sentence or two for the note `no-blame`.
    NoGround(String),
}

impl Verdict {
    /// The culprit, if there is one.
    #[must_use]
    pub fn named(&self) -> Option<&Blame> {
        match self {
            Self::Named(blame) => Some(blame),
            Self::NoGround(_) => None,
        }
    }
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq)]
struct Suspect {
    module: String,
    confidence: Confidence,
    evidence: Vec<Evidence>,
}

type Rule = fn(&Facts<'_>) -> Option<Suspect>;

/// Rules that rest on what the dump records of this very driver, strongest first.
const DIRECT: &[Rule] = &[
    rules::unloaded_too_early,
    rules::asked_windows_to_stop,
    watchdog::used_up_the_stack,
    rules::at_fault,
    verifier::caught,
    rules::named_by_windows,
    watchdog::interrupt_work,
    watchdog::captured_most,
    rules::only_its_driver_raises_it,
    rules::display_driver,
    rules::holds_the_power_request,
    parameters::a_parameter_leads_to,
    rules::left_behind,
    rules::inside_windows_own_driver,
];
/// Rules that look at the neighbourhood, asked only where the stack is that of the culprit.
const NEARBY: &[Rule] = &[caller::called_the_kernel, near::nearest_driver];
/// What codes of damage leave of them, where the damage lay in what a driver handed over.
const FINDER: &[Rule] = &[caller::called_the_kernel];
/// What a watchdog's code leaves of them.
const WAITED_FOR: &[Rule] = &[
    watchdog::hung_processor,
    watchdog::blocked_thread,
    watchdog::waited_for,
    parameters::a_parameter_leads_to,
    watchdog::drives_the_device,
];
/// Rules that hold even with codes that otherwise name nobody.
const ALWAYS: &[Rule] = &[
    rules::asked_windows_to_stop,
    rules::named_by_windows,
    rules::holds_the_power_request,
];

/// Names the probable culprit.
#[must_use]
pub fn blame(facts: &Facts<'_>) -> Verdict {
    let silence = silence(facts.plain_code(), &facts.parameters)
        .or_else(|| rules::broken_code(facts).map(|_| Silence::Corruption));
    let live = facts.kind == Kind::Live;
    if !live && silence == Some(Silence::Manual) {
        return Verdict::NoGround(Silence::Manual.reason().into());
    }
    let rules = match silence {
        // The graphics watchdog takes such a dump instead of a stop.
        _ if live => alloc::vec![rules::display_driver as Rule],
        // The hardware spoke; whoever is on the stack passed it on.
        Some(Silence::Hardware) => Vec::new(),
        Some(_) if caller::may_break_silence(facts) => [ALWAYS, FINDER].concat(),
        Some(_) if parameters::may_break_silence(facts) => [ALWAYS, WAITED_FOR].concat(),
        Some(_) => ALWAYS.to_vec(),
        None => [DIRECT, NEARBY].concat(),
    };
    let mut suspects = rules.iter().filter_map(|rule| rule(facts));
    let Some(mut first) = suspects.next() else {
        return Verdict::NoGround(why_nobody(facts, silence));
    };
    for other in suspects.filter(|other| other.module.eq_ignore_ascii_case(&first.module)) {
        for evidence in other.evidence {
            if !first.evidence.contains(&evidence) {
                first.evidence.push(evidence);
            }
        }
    }
    Verdict::Named(Blame {
        module: first.module,
        confidence: first.confidence,
        evidence: first.evidence,
        ..Blame::default()
    })
}

fn why_nobody(facts: &Facts<'_>, silence: Option<Silence>) -> String {
    if facts.kind == Kind::Live {
        return "Windows ran on when this dump was taken: nothing was stopped, so there is nobody to \
                blame."
            .into();
    }
    if facts.lone_bit() {
        return "What Windows found damaged has a single stray bit, which a faulty memory module leaves \
                behind and drivers hardly ever do. Whoever is on the stack only met it."
            .into();
    }
    if let Some(silence) = silence {
        return silence.reason().into();
    }
    if let Some(address) = rules::wild_jump(facts) {
        let from = near::caller_of_fault(facts);
        let from = from.map(|label| format!(" The call seems to have come from {label}."));
        return format!(
            "The processor was sent to {address:#x}, where no module is: a pointer to code was \
             damaged or stale.{} Who damaged it cannot be told from this dump.",
            from.unwrap_or_default()
        );
    }
    if let Some([nearer, further]) = near::rivals(facts) {
        return format!(
            "{nearer} and {further} are both near the trouble on the stack, as far as it can be \
             read without their code. Which of them made the call that failed, and which had only \
             passed one on or is left over from an earlier one, cannot be told from this dump; with \
             their files of these very builds it may be."
        );
    }
    match (rules::fault_place(facts), near::bystander(facts)) {
        (Some(place), Some(name)) => format!(
            "The fault happened at {}, which is part of Windows and works on behalf of other \
             drivers. {name} is further out on the stack, which alone does not make it the culprit: \
             what came through it may have been in order. Whose fault it was cannot be told from \
             this dump.",
            place.label
        ),
        (Some(place), None) => format!(
            "The fault happened at {}, which is part of Windows and works on behalf of other \
             drivers, and no driver of another maker is close to it on the stack. Whose fault it \
             was cannot be told from this dump.",
            place.label
        ),
        (None, Some(name)) => format!(
            "Nothing in this dump points to one driver: no driver's address is among the \
             parameters. {name} is on the stack, which alone does not make it the culprit."
        ),
        (None, None) => "Nothing in this dump points to one driver: no driver's address among the \
                 parameters, and none of another maker near the top of the stack."
            .into(),
    }
}

#[cfg(test)]
mod bystander_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verifier_tests;
#[cfg(test)]
mod watchdog_tests;
