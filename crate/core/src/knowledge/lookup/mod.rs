//! What any code, name or line means, without a dump: a stop code with its parameters, an NTSTATUS,
//! Win32 error or HRESULT, a driver, a pool tag; or a whole line out of an event log, a ticket or a
//! blue screen that holds some of them.
//!
//! The facts are the tables' own; only putting them together happens here.

mod line;
mod near;
#[cfg(test)]
mod tests;

use super::bugcheck::{self, Fatality, ParameterKind, decode};
use super::errors::{self, ErrorName, Family as ErrorFamily};
use super::family::Setting;
use super::{driver, ntstatus, pooltag};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use serde::Serialize;

/// The most answers to one line.
const MOST: usize = 8;
/// The kind of a code that only live dumps have.
const LIVE: &str = "stop code of a live dump";
/// The longest line that is looked at, in bytes.
const LONGEST: usize = 8 << 10;

/// One thing that was looked up.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answer {
    /// `stop code`, `NTSTATUS`, `HRESULT`, `Win32 error`, `driver`, `pool tag`, `note`.
    pub kind: &'static str,
    /// The number, as its kind is written; empty for what has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it means.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub meaning: &'static str,
    /// What these parameters narrow it down to.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub case: &'static str,
    /// What usually causes it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub causes: &'static str,
    /// The four parameters of a stop code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// What to look at in a dump.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub next: &'static str,
    /// Commands that follow the parameters into a dump.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// What is different in a virtual machine.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub guest: &'static str,
    /// The family of causes.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub family: &'static str,
    /// Steps to take.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
}

/// One parameter of a stop code.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Parameter {
    /// Its value, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it means.
    pub meaning: &'static str,
    /// What this very value means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoded: Option<String>,
}

/// Everything that is known of what stands in `text`, what it is most about first. Empty when
/// nothing is.
#[must_use]
pub fn look_up(text: &str) -> Vec<Answer> {
    let end = (0..=LONGEST.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    let found = line::find(text.get(..end.unwrap_or_default()).unwrap_or_default());
    let mut answers = Vec::new();
    let module = found.drivers.first().map(String::as_str);
    if found.none_recorded {
        answers.push(NONE_RECORDED);
    }
    if let Some((code, values)) = &found.stop {
        answers.extend(stop_code(*code, values, module));
    }
    if let Some(code) = found.decimal {
        answers.extend(stop_code(code, &[], module));
    }
    for value in &found.numbers {
        answers.extend(errors::all(*value).map(|name| error(&name)));
    }
    answers.extend(found.names.iter().map(error));
    answers.extend(found.drivers.iter().map(|name| of_driver(name)));
    answers.extend(found.tags.iter().filter_map(of_tag));
    let mut once: Vec<Answer> = Vec::new();
    for answer in answers {
        if once.len() < MOST && !once.contains(&answer) {
            once.push(answer);
        }
    }
    if once.is_empty() {
        return nearest(text.get(..end.unwrap_or_default()).unwrap_or_default());
    }
    once
}

/// What has a name near to the text, when nothing has that name.
fn nearest(text: &str) -> Vec<Answer> {
    let (found, same) = near::nearest(text);
    let mut answers: Vec<Answer> = found
        .iter()
        .filter_map(|near| match near {
            near::Near::Stop(code) => stop_code(*code, &[], None),
            near::Near::Error(name) => Some(error(name)),
        })
        .collect();
    if same || answers.is_empty() {
        return answers;
    }
    // Which one was meant is to be seen at a glance.
    for answer in &mut answers {
        *answer = Answer {
            kind: answer.kind,
            code: core::mem::take(&mut answer.code),
            name: core::mem::take(&mut answer.name),
            meaning: answer.meaning,
            ..Answer::default()
        };
    }
    answers.insert(
        0,
        Answer {
            kind: "note",
            name: Cow::Borrowed("Nothing has exactly that name; these are nearest"),
            ..Answer::default()
        },
    );
    answers
}

/// Event 41 with a code of zero.
const NONE_RECORDED: Answer = Answer {
    kind: "note",
    code: String::new(),
    name: Cow::Borrowed("No stop code was recorded"),
    meaning: "The machine went down without a blue screen: power was lost or cut, it was reset or \
              hung so hard that Windows could not write anything.",
    case: "",
    causes: "Power supply or battery, a held power button, overheating, a hard hang; for a virtual \
             machine the host: it was reset, powered off or lost its own host.",
    parameters: Vec::new(),
    next: "There is no dump of such a stop. Look for what came just before in the event log, and \
           set the firmware's or host's own log beside it.",
    commands: Vec::new(),
    guest: "Look at the host's events in that minute: reset by the cluster's heartbeat, a failed \
            node, a paused or killed worker process.",
    family: "",
    steps: Vec::new(),
};

/// A stop code with as many of its parameters as are known.
#[must_use]
pub fn stop_code(code: u32, given: &[u64], module: Option<&str>) -> Option<Answer> {
    let mut values = [0; 4];
    for (value, given) in values.iter_mut().zip(given) {
        *value = *given;
    }
    let number = format!("0x{code:08X}");
    let name = bugcheck::name(code)?;
    let Some(told) = bugcheck::explain(code, values) else {
        let named = errors::all(code).next()?;
        return Some(Answer {
            kind: "stop code",
            code: number,
            name,
            meaning: errors::meaning(&named).unwrap_or_default(),
            causes: "Windows or a driver passed this status on as a stop code: look at who did, on the stack.",
            ..Answer::default()
        });
    };
    // Wide unless every address fits a 32-bit machine, where kernel addresses begin at 2 GiB.
    let wide = values.iter().any(|&v| v >> 32 != 0) || values.iter().all(|&v| v < 0x8000_0000);
    let decoded = decode::decode(&told.parameters, &values, wide);
    let parameters = told.parameters.iter().zip(decoded).zip(0..);
    // Without parameters the cases that depend on them are not this one.
    let known = !given.is_empty();
    let live = match told.bug_check.fatality {
        Fatality::LiveDump => LIVE,
        _ => "stop code",
    };
    let shown = |index: usize| given.get(index).map(|value| hex(*value, wide));
    Some(Answer {
        kind: live,
        code: number,
        name,
        meaning: told.bug_check.meaning,
        case: told.case.filter(|_| known).unwrap_or_default(),
        causes: told.causes,
        parameters: parameters
            .map(|((text, decoded), index)| Parameter {
                value: shown(index),
                meaning: match text.kind {
                    ParameterKind::Undocumented if !known && text != &bugcheck::UNDOCUMENTED => {
                        "Depends on the other parameters"
                    }
                    _ => text.text,
                },
                decoded: match shown(index) {
                    Some(_) => decoded,
                    None => text.kind.legend().map(String::from),
                },
            })
            .collect(),
        next: told.next,
        commands: follow(&told.parameters, given),
        guest: told.guest,
        family: told.family.title,
        steps: told.family.steps(&Setting {
            module,
            status: failure(&told.parameters, given),
            ..Setting::UNKNOWN
        }),
    })
}

/// The first status among the parameters that tells a failure.
#[must_use]
pub fn failure(texts: &[bugcheck::ParameterText; 4], given: &[u64]) -> Option<u32> {
    let each = texts.iter().zip(given);
    each.filter(|(text, _)| text.kind == ParameterKind::Status)
        .filter_map(|(_, &value)| ntstatus::from_parameter(value))
        .find(|status| status >> 30 == 3)
}

/// The commands that follow the parameters of a stop code into a dump, with their values: the
/// request that hangs, the thread that held the lock.
#[must_use]
pub fn follow(texts: &[bugcheck::ParameterText; 4], given: &[u64]) -> Vec<String> {
    let each = texts
        .iter()
        .zip(given)
        .filter(|&(_, &value)| value > 0xFFFF);
    each.filter_map(|(text, &value)| {
        let command = text.kind.command()?;
        Some(format!("{command} {value:x}"))
    })
    .collect()
}

impl ParameterKind {
    /// The command that shows what a value of this kind points to.
    #[must_use]
    pub fn command(self) -> Option<&'static str> {
        Some(match self {
            Self::InstructionAddress => "ln",
            Self::Address | Self::StackAddress => "!address",
            Self::PteAddress => "dq",
            Self::ContextRecord => ".cxr",
            Self::ExceptionRecord => ".exr",
            Self::TrapFrame => ".trap",
            Self::DeviceObject => "!devobj",
            Self::DriverObject => "!drvobj",
            Self::Irp => "!irp",
            Self::Process => "!process",
            Self::Thread => "!thread",
            Self::PoolBlock => "dc",
            Self::Object | Self::FileObject | Self::Lock | Self::Mdl => "dps",
            Self::WheaRecord | Self::Pointer | Self::WorkItem => "dps",
            Self::WideText => "du",
            Self::AnsiText => "da",
            Self::UnicodeString => "dps",
            _ => return None,
        })
    }
}

fn hex(value: u64, wide: bool) -> String {
    if wide {
        format!("0x{value:016x}")
    } else {
        format!("0x{value:08x}")
    }
}

fn error(found: &ErrorName) -> Answer {
    let code = match found.family {
        ErrorFamily::Win32 => format!("{} (0x{:X})", found.value, found.value),
        _ => format!("0x{:08X}", found.value),
    };
    Answer {
        kind: found.family.label(),
        code,
        name: Cow::Borrowed(found.name),
        meaning: errors::meaning(found).unwrap_or_default(),
        ..Answer::default()
    }
}

fn of_driver(name: &str) -> Answer {
    let known = driver::driver(name);
    Answer {
        kind: "driver",
        name: Cow::Owned(match known {
            Some(known) => format!(
                "{name}: {} ({}, {})",
                known.purpose, known.vendor, known.class
            ),
            None => String::from(name),
        }),
        meaning: match known {
            Some(known) if known.microsoft => {
                "It comes with Windows. Named in a stop, it is more often the place where damage was found than its cause."
            }
            Some(_) => {
                "It does not come with Windows. A file's name is a hint, not proof: look at its properties."
            }
            None => {
                "It is not among the drivers that are known here. Its file's properties name the maker."
            }
        },
        case: known.map_or("", |known| known.known_bad),
        ..Answer::default()
    }
}

fn of_tag(tag: &[u8; 4]) -> Option<Answer> {
    let known = pooltag::pool_tag(*tag)?;
    let shown: String = tag.iter().map(|&byte| char::from(byte)).collect();
    Some(Answer {
        kind: "pool tag",
        name: Cow::Owned(format!("{shown}: {}, of {}", known.holds, known.driver)),
        meaning: "Any driver may use any tag: it is a hint at the owner of such memory.",
        ..Answer::default()
    })
}

impl Answer {
    /// Whether it is about a stop code.
    #[must_use]
    pub fn is_stop_code(&self) -> bool {
        self.kind.starts_with("stop code")
    }

    /// As lines of text, for a terminal or a ticket; not wrapped.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let short = self
            .code
            .trim_start_matches(['0', 'x'])
            .to_ascii_lowercase();
        lines.push(match (self.kind, self.code.as_str()) {
            // As the debugger heads its answer.
            ("stop code", _) => format!("{} ({short})", self.name),
            (LIVE, _) => format!(
                "{} ({short}), a live dump: the machine kept running",
                self.name
            ),
            (kind, "") => format!("{} ({kind})", self.name),
            (kind, code) => format!("{} ({kind} {code})", self.name),
        });
        for text in [self.meaning, self.case] {
            if !text.is_empty() {
                let end = if text.ends_with(['.', ')']) { "" } else { "." };
                lines.push(format!("{text}{end}"));
            }
        }
        if !self.parameters.is_empty() {
            lines.push("Arguments:".into());
        }
        for (parameter, at) in self.parameters.iter().zip(1..) {
            let value = parameter.value.as_deref().unwrap_or("(not given)");
            let value = value.strip_prefix("0x").unwrap_or(value);
            let decoded = parameter.decoded.as_deref();
            let decoded = decoded.map_or(String::new(), |decoded| format!(": {decoded}"));
            lines.push(format!("Arg{at}: {value}, {}{decoded}", parameter.meaning));
        }
        for (label, text) in [
            ("Usual causes", self.causes),
            ("Next in a dump", self.next),
            ("In a virtual machine", self.guest),
        ] {
            if !text.is_empty() {
                lines.push(format!("{label}: {text}"));
            }
        }
        if !self.commands.is_empty() {
            lines.push(format!("Commands: {}", self.commands.join("; ")));
        }
        if !self.steps.is_empty() {
            lines.push(format!("What to do ({}):", self.family));
        }
        for (step, at) in self.steps.iter().zip(1..) {
            lines.push(format!("  {at}. {step}"));
        }
        lines
    }
}
