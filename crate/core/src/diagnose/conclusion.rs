//! One sentence for the top of the report.

use super::codes::{Silence, silence};
use super::facts::Facts;
use super::findings::{INSUFFICIENT_RESOURCES, in_page_status};
use crate::knowledge::ntstatus;
use crate::model::{Blame, Confidence, Kind};
use alloc::{format, string::String};

/// What happened, in one sentence.
#[must_use]
pub fn conclusion(facts: &Facts<'_>) -> String {
    let code = facts.code_label();
    if facts.kind == Kind::Live {
        return format!("This is a live dump, taken for {code}; the machine kept running.");
    }
    if let Some(blame) = facts.blame().named() {
        return named(facts, blame);
    }
    if let Some(story) = super::story::story(facts) {
        return story.summary;
    }
    match silence(facts.plain_code(), &facts.parameters) {
        Some(why) => nobody(facts, why),
        None => format!(
            "Windows stopped with {code}; this {} gives no ground to name a driver.",
            facts.file_word()
        ),
    }
}

fn named(facts: &Facts<'_>, blame: &Blame) -> String {
    let code = facts.code_label();
    let module = &blame.module;
    let ground = blame.evidence.first().map(|e| e.text.as_str());
    let ground = ground.unwrap_or_default().trim_end_matches('.');
    let ground = match ground.strip_prefix("The ") {
        Some(rest) => format!("the {rest}"),
        None => ground.into(),
    };
    match blame.confidence {
        Confidence::Certain | Confidence::Likely => {
            format!("{module} probably caused this stop, {code}: {ground}.")
        }
        Confidence::Possible => {
            format!("{module} may have caused this stop, {code}, on weak ground: {ground}.")
        }
    }
}

fn nobody(facts: &Facts<'_>, why: Silence) -> String {
    let (code, file) = (facts.code_label(), facts.file_word());
    match why {
        Silence::Corruption if facts.lone_bit() => format!(
            "Windows stopped with {code}: a page table entry that should be empty has a single bit \
             set, as faulty memory leaves it; no driver is named."
        ),
        Silence::Corruption => format!(
            "Windows found its own data damaged and stopped with {code}; whether a driver or the \
             memory modules did it cannot be told from this {file}."
        ),
        Silence::Hardware => {
            format!("The hardware reported an error, and Windows stopped with {code}.")
        }
        Silence::Storage => match in_page_status(facts).map(|s| (s, status_label(s))) {
            Some((INSUFFICIENT_RESOURCES, status)) => format!(
                "Windows could not read a page back from disk because a resource of memory ran \
                 out ({status}), and stopped with {code}: look at memory first, then at the disk."
            ),
            Some((_, status)) => format!(
                "Windows could not read a page back from disk ({status}) and stopped with {code}: \
                 look at the disk and the way to it."
            ),
            None => format!(
                "Windows could not read what it needs from a disk and stopped with {code}: look at \
                 the disk and the way to it."
            ),
        },
        Silence::CriticalProcess => format!(
            "A process that Windows cannot do without ended, and Windows stopped with {code}; why \
             it ended is not in this {file}."
        ),
        Silence::Manual if facts.plain_code() == 0x1C8 => format!(
            "The power button was held for {} ms until the machine stopped with {code}; nothing \
             crashed by itself.",
            facts.parameters[0]
        ),
        Silence::Manual => format!("This dump was asked for by hand: {code}."),
        Silence::OtherProcessor => format!(
            "A processor stopped answering, and another one stopped Windows with {code}; what the \
             first was doing is not in this {file}."
        ),
        Silence::Hypervisor => format!("The hypervisor beneath Windows stopped: {code}."),
        Silence::Platform => format!(
            "Windows stopped with {code}, which is between it and the firmware or set-up of the \
             machine."
        ),
        Silence::Watchdog => format!(
            "A change of power state did not end and Windows stopped with {code}; which driver \
             held it up cannot be told from this {file}."
        ),
    }
}

fn status_label(status: u32) -> String {
    ntstatus::name(status).map_or_else(|| format!("{status:#x}"), String::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{Machine, address};

    #[test]
    fn the_sentence_names_the_culprit_and_the_ground() {
        let machine = Machine::stopped_by(&["acme.sys"]);
        assert_eq!(
            conclusion(&machine.facts(0x65, [0; 4])),
            "acme.sys probably caused this stop, MEMORY1_INITIALIZATION_FAILED (0x65): acme.sys \
             itself asked Windows to stop: the call of KeBugCheckEx came from acme+0x1234."
        );
        let kernel = Machine::stopped_by(&["ntoskrnl.exe"]);
        let at = address("amdppm.sys", 0x334C);
        let said = conclusion(&kernel.facts(0x7E, [0xC000_0005, at, 0, 0]));
        assert!(said.starts_with("amdppm.sys may have caused"), "{said}");
    }

    #[test]
    fn without_a_culprit_it_says_what_kind_of_trouble_it_was() {
        let machine = Machine::stopped_by(&["ntoskrnl.exe"]);
        let say = |code, p1, p2| conclusion(&machine.facts(code, [p1, p2, 0, 0]));
        assert!(say(0x1A, 0x402, 0).contains("MEMORY_MANAGEMENT (0x1a)"));
        let bit =
            |entry| conclusion(&machine.facts(0x1A, [0x4_1792, 0xFFFF_F680_0000_1000, entry, 0]));
        assert!(bit(0x4_0000).contains("faulty memory"));
        assert!(bit(0x4_0001).contains("cannot be told"));
        assert!(say(0x1C8, 7000, 0).contains("7000 ms"));
        let read = say(0x7A, 1, 0xFFFF_FFFF_C000_000E);
        assert!(read.contains("STATUS_NO_SUCH_DEVICE"), "{read}");
        let unknown = say(0x1234_5678, 0, 0);
        assert!(unknown.contains("0x12345678"), "{unknown}");
        let mut live = machine.facts(0x141, [0; 4]);
        live.kind = Kind::Live;
        assert!(conclusion(&live).contains("kept running"));
    }
}
