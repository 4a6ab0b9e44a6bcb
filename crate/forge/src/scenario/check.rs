//! What a scenario may not say: numbers that contradict each other, or that no machine has. Found before
//! the machine is invented, so that a mistake is answered by a sentence and not by a dump without it.

use super::{Scenario, ScenarioError};

/// The largest machine whose page-frame database is written: a record of 48 bytes for each of its pages.
const MOST_RECORDED: u64 = 16 << 30;
/// As many processors as Windows has: 20 groups of 64, and more.
const MOST_PROCESSORS: u32 = 2048;

impl Scenario {
    /// Refuses what no machine can be.
    pub(crate) fn check(&self) -> Result<(), ScenarioError> {
        let wrong = self.wrong_machine().or_else(|| self.wrong_reference());
        wrong.map_or(Ok(()), |text| Err(ScenarioError::Unsupported(text)))
    }

    fn wrong_machine(&self) -> Option<String> {
        let machine = &self.machine;
        if !(1..=MOST_PROCESSORS).contains(&machine.processors) {
            let found = machine.processors;
            return Some(format!(
                "[machine] processors = {found}: it has 1 to {MOST_PROCESSORS} of them"
            ));
        }
        if machine.frame_database && machine.memory.0 > MOST_RECORDED {
            return Some(format!(
                "[machine] frame_database writes a record for each page: memory may be {} GiB at most",
                MOST_RECORDED >> 30
            ));
        }
        let found = self.stop.parameters.len();
        (found > 4).then(|| format!("[stop] has {found} parameters: a stop code has up to four"))
    }

    fn wrong_reference(&self) -> Option<String> {
        let processors = self.machine.processors;
        for running in &self.running {
            let number = running.processor;
            if number == 0 || number >= processors {
                return Some(format!(
                    "[[running]] processor = {number}: the machine has {processors}, and what number 0 ran is told by \
                     [[stack]]"
                ));
            }
        }
        let known = |pid: u64| {
            let mut ids = self.processes.iter().map(|process| u64::from(process.pid));
            pid == 0 || pid == 4 || ids.any(|known| known == pid)
        };
        for pages in &self.pages {
            if !known(pages.process) {
                return Some(format!(
                    "[[pages]] process = {}: no [[processes]] has this pid",
                    pages.process
                ));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::{Scenario, forge};

    /// What the forge answers; empty where it forges.
    fn answer(text: &str) -> String {
        let scenario = Scenario::from_toml(text);
        let dump = scenario.and_then(|scenario| forge(&scenario));
        dump.err().map_or(String::new(), |error| error.to_string())
    }

    #[test]
    fn what_no_machine_can_be_is_answered_by_a_sentence() {
        for (text, expected) in [
            ("[machine]\nprocessors = 0", "processors = 0"),
            (
                "[machine]\nframe_database = true\nmemory = \"512 GiB\"",
                "16 GiB at most",
            ),
            ("[stop]\nparameters = [1, 2, 3, 4, 5]", "up to four"),
            ("[[running]]\nprocessor = 9", "[[running]] processor = 9"),
            ("[[running]]\nprocessor = 0", "told by [[stack]]"),
            (
                "[[pages]]\naddress = 4096\nprocess = 999\nstate = \"valid\"",
                "process = 999",
            ),
            ("[machine]\nmemory = \"4 GB\"", "KiB, MiB, GiB or TiB"),
            ("[[stack]]\nat = \"KeBugCheckEx\"", "nt!Name"),
            ("[[stack]]\nat = \"none.sys+0x10\"", "nt!Name"),
        ] {
            let answer = answer(text);
            assert!(answer.contains(expected), "{text}: {answer:?}");
        }
    }

    #[test]
    fn what_a_machine_can_be_is_forged() {
        for text in [
            "[machine]\nprocessors = 1",
            "[machine]\nmemory = \"2GiB\"",
            "[machine]\nframe_database = true\nmemory = \"16 MiB\"\n[dump]\nkind = \"full\"",
            "[stop]\nparameters = [1, 2, 3, 4]",
            "[[running]]\nprocessor = 1",
            "[[processes]]\nname = \"a.exe\"\npid = 999\n[[pages]]\naddress = 4096\nprocess = 999\nstate = \"valid\"",
        ] {
            assert_eq!(answer(text), "", "{text}");
        }
    }
}
