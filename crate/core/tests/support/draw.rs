//! Machines that chance draws: a scenario of the forge, and what a report of it must say.

use crate::support::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A build that the forge can write, and the counters that no public table says of it.
pub struct Build {
    pub number: u32,
    pub architecture: &'static str,
    pub unknown: &'static [&'static str],
}

/// No public symbols say where these are in the variables of a kernel before Windows 10.
const GLOBALS: &[&str] = &["page_tables", "free_system_ptes", "nonpaged_pool_commit"];
const X86: &[&str] = &[
    "page_tables",
    "free_system_ptes",
    "nonpaged_pool_commit",
    "mdl_pages",
    "failed_commit_charges",
    "page_hash_errors",
    "modified_page_file",
];
const SINCE_10: &[&str] = &["paged_pool_commit"];

pub const BUILDS: &[Build] = &[
    build(
        7601,
        "x64",
        &[
            "page_tables",
            "free_system_ptes",
            "nonpaged_pool_commit",
            "page_hash_errors",
        ],
    ),
    build(9600, "x64", GLOBALS),
    build(14393, "x64", SINCE_10),
    build(17763, "x64", SINCE_10),
    build(19041, "x64", SINCE_10),
    build(20348, "x64", SINCE_10),
    build(22000, "x64", SINCE_10),
    build(26100, "x64", SINCE_10),
    build(26100, "arm64", SINCE_10),
    build(22000, "arm64", &[]),
    build(7601, "x86", X86),
];

const fn build(number: u32, architecture: &'static str, unknown: &'static [&'static str]) -> Build {
    Build {
        number,
        architecture,
        unknown,
    }
}

/// A kind of dump, whether it exists for 32 bits, and whether it holds every page.
pub type Kind = (&'static str, bool, bool);

/// Kinds with pages.
pub const PAGED: &[Kind] = &[
    ("bitmap-kernel", true, false),
    ("bitmap-kernel", true, false),
    ("automatic", true, false),
    ("active", true, false),
    ("live", true, false),
    ("kernel-summary", true, false),
    ("range-kernel", false, false),
    ("range-kernel-user", false, false),
    ("full", true, true),
    ("bitmap-full", true, true),
    ("range-complete", false, true),
];

/// Small dumps.
pub const SMALL: &[Kind] = &[("triage", true, false)];

/// A page file as the report must have it: size, free, peak, smallest, largest.
pub type File = (&'static str, [u64; 5]);

/// A process as the report must have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    pub name: String,
    pub parent: u32,
    pub session: Option<u32>,
    pub commit: u64,
    pub private: u64,
    pub working_set: u64,
    pub threads: u32,
    pub ended: bool,
}

/// A machine that was drawn.
pub struct Machine {
    pub build: &'static Build,
    /// The scenario, without a table that has begun and not ended.
    pub text: String,
    /// Counters by their names in the report.
    pub counters: BTreeMap<&'static str, u64>,
    /// Page files by their names.
    pub files: BTreeMap<String, File>,
    /// Processes by their ids.
    pub processes: BTreeMap<u32, Drawn>,
    /// Bytes of nonpaged and of paged pool by tag.
    pub tags: BTreeMap<String, [u64; 2]>,
    pub processors: u32,
}

/// Counters of a scenario and of the report.
const NAMES: &[(&str, &[&str])] = &[
    ("available", &["available"]),
    ("resident_available", &["resident_available"]),
    ("zeroed", &["zeroed"]),
    ("free", &["free"]),
    ("standby", &["standby"]),
    ("modified", &["modified"]),
    ("modified_page_file", &["modified_page_file"]),
    ("modified_no_write", &["modified_no_write"]),
    ("committed", &["committed"]),
    ("commit_limit", &["commit_limit"]),
    ("peak_commit", &["committed_peak"]),
    ("shared_commit", &["shared_commit"]),
    ("process_commit", &["process_commit"]),
    ("driver_commit", &["driver_commit"]),
    ("paged_pool", &["paged_pool"]),
    ("paged_pool_commit", &["paged_pool_commit"]),
    ("paged_pool_maximum", &["paged_pool_maximum"]),
    ("nonpaged_pool", &["nonpaged_pool", "nonpaged_pool_commit"]),
    ("nonpaged_pool_maximum", &["nonpaged_pool_maximum"]),
    ("system_page_tables", &["page_tables"]),
    ("free_system_ptes", &["free_system_ptes"]),
    ("mdl_pages", &["mdl_pages"]),
    ("commit_failures", &["failed_commit_charges"]),
    ("page_hash_errors", &["page_hash_errors"]),
    ("commit_limit_maximum", &["commit_limit_maximum"]),
];

/// Counters that not every build has, and that are nothing unless a scenario gives them.
const LESSER: &[(&str, &str)] = &[
    ("bad_pages", "bad_pages"),
    ("contiguous", "contiguous"),
    ("awe_pages", "physical_vads"),
    ("process_locked", "process_locked"),
    ("slab_pages", "slab_allocator"),
    ("boot_commit", "boot_commit"),
    ("page_frame_database", "page_frame_database"),
    ("page_file_hash", "page_file_hash"),
    ("kernel_stacks", "kernel_stacks"),
];

/// What must be in every report on a dump with pages: a figure, or why there is none.
pub fn expected() -> impl Iterator<Item = &'static str> {
    let names = NAMES.iter().flat_map(|(_, names)| names.iter().copied());
    names.filter(|name| !matches!(*name, "modified_page_file" | "commit_limit_maximum"))
}

/// Numbers of every size.
struct Dice(Random);

impl Dice {
    /// True once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.0.below(times) == 0
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.0.below(all.len())]
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0.next() % bound.max(1)
    }

    /// Up to `most`, each order of magnitude as often.
    fn upto(&mut self, most: u64) -> u64 {
        let bits = 1 + self.below(u64::from(64 - most.leading_zeros()));
        self.below(1 << bits.min(63)).min(most)
    }

    /// The same, and its ends more often than chance has them.
    fn often_ends(&mut self, most: u64) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => most,
            _ => self.upto(most),
        }
    }
}

/// Draws a machine and one of these dumps of it. With `calm` no figure is one that no machine has.
pub fn draw(seed: u64, calm: bool, kinds: &[Kind]) -> Machine {
    let mut dice = Dice(Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1));
    for _ in 0..8 {
        dice.0.next();
    }
    let build = dice.one_of(BUILDS);
    let narrow = build.architecture == "x86";
    let kinds: Vec<_> = kinds.iter().filter(|kind| kind.1 || !narrow).collect();
    let &&(kind, _, every_page) = dice.one_of(&kinds);
    let most = match (every_page, narrow) {
        (true, _) => 19,
        (_, true) => 21,
        _ => 28,
    };
    let size = 17 + dice.below(most - 16);
    let odd = (1_u64 << size) + dice.below(1 << size);
    let pages = match dice.once_in(3) {
        true => 1 << size,
        false => odd.min(1 << most),
    };
    let processors = *dice.one_of(&[1, 2, 3, 8, 16, 31, 32, 64]);
    let mut machine = Machine {
        build,
        text: String::new(),
        counters: BTreeMap::new(),
        files: BTreeMap::new(),
        processes: BTreeMap::new(),
        tags: BTreeMap::new(),
        processors: if narrow {
            processors.min(32)
        } else {
            processors
        },
    };
    machine.head(&mut dice, kind, pages);
    machine.page_files(&mut dice, pages);
    machine.draw_counters(&mut dice, pages, calm);
    machine.draw_processes(&mut dice, pages);
    machine.pool(&mut dice);
    machine
}

impl Machine {
    fn head(&mut self, dice: &mut Dice, kind: &str, pages: u64) {
        let Build {
            number,
            architecture,
            ..
        } = self.build;
        let added = match dice.once_in(5) {
            true => dice.below(pages / 2),
            false => 0,
        };
        let text = &mut self.text;
        writeln!(
            text,
            "[dump]\nkind = \"{kind}\"\n[machine]\nbuild = {number}\narchitecture = \"{architecture}\"\n\
             processors = {}\nmemory = \"{:#x}\"\nhot_added = \"{:#x}\"\nseed = {}\n\
             pool_tables = {}\nlarge_pages = {}",
            self.processors,
            pages << 12,
            added << 12,
            dice.below(1 << 30),
            !dice.once_in(4),
            !dice.once_in(3),
        )
        .unwrap();
        if *architecture == "x64" && dice.once_in(8) {
            text.push_str("paging_levels = 5\n");
        }
        if dice.once_in(3) {
            text.push_str("[[unloaded]]\nname = \"gone.sys\"\nsize = 0x9000\n");
            text.push_str("[[unloaded]]\nname = \"gone2.sys\"\nsize = 0x9000\n");
        }
        self.counters.insert("physical", pages);
    }

    fn page_files(&mut self, dice: &mut Dice, pages: u64) {
        let count = *dice.one_of(&[0, 1, 1, 1, 1, 2, 3, 14]);
        let mut names: Vec<(String, &'static str)> = (0..count)
            .map(|number: u8| match number {
                0 => (r"\??\C:\pagefile.sys".into(), "page file"),
                _ => (
                    format!(r"\??\{}:\PageFile{number}.SYS", (b'C' + number) as char),
                    "page file",
                ),
            })
            .collect();
        if self.build.number >= 9600 && dice.once_in(2) {
            names.push((r"\??\C:\swapfile.sys".into(), "swap file"));
        }
        if self.build.number >= 10_240 && dice.once_in(2) {
            names.push(("No Name for Paging File".into(), "compression store"));
        }
        let mut counted = [0, 0];
        for (name, kind) in names {
            let size = 256 + dice.upto((4 * pages).min(1 << 26));
            let free = match dice.below(8) {
                0 => 0,
                1 => size,
                _ => dice.below(size),
            };
            let largest = match dice.once_in(2) {
                true => size,
                false => size + dice.upto(size),
            };
            let smallest = 1 + dice.below(size);
            let used = size - free;
            let peak = (used + dice.upto(largest - used)).max(1);
            writeln!(
                self.text,
                "[[page_files]]\nname = '{name}'\nsize = {size}\nfree = {free}\nmaximum = {largest}\n\
                 minimum = {smallest}\npeak = {peak}"
            )
            .unwrap();
            if kind == "page file" {
                counted = [counted[0] + size, counted[1] + largest];
            }
            self.files
                .insert(name, (kind, [size, free, peak, smallest, largest]));
        }
        self.counters
            .insert("paging_files", self.files.len() as u64);
        self.counters.insert("of files", counted[0]);
        self.counters.insert("of files at most", counted[1]);
    }

    fn draw_counters(&mut self, dice: &mut Dice, pages: u64, calm: bool) {
        let files = self.counters.remove("of files").unwrap();
        let growth = self.counters.remove("of files at most").unwrap();
        let mut drawn = plausible(dice, pages, [files, growth]);
        if self.build.architecture == "x86" {
            let four = |value: &mut u64| *value = (*value).min(0xF_FFFF);
            drawn.values_mut().for_each(four);
        }
        if !calm && dice.once_in(2) {
            for _ in 0..=dice.below(3) {
                let name = dice.one_of(NAMES).0;
                let extreme = [0, 1, pages, pages - 1, pages + 1, 2 * pages, 0x7FFF_FFFF];
                let mut value = *dice.one_of(&extreme);
                if self.build.architecture == "x86" {
                    value = value.min(0xF_FFFF);
                }
                drawn.insert(name, value);
                if name == "paged_pool" {
                    drawn.insert("paged_pool_commit", value);
                }
            }
        }
        self.text.push_str("[counters]\n");
        for &(name, reported) in NAMES {
            let value = drawn[name];
            writeln!(self.text, "{name} = \"{value:#x}\"").unwrap();
            self.counters
                .extend(reported.iter().map(|&name| (name, value)));
        }
        let mut left = drawn["standby"];
        let priorities: Vec<u64> = (0..8)
            .map(|priority| {
                let own = if priority == 7 { left } else { dice.upto(left) };
                left -= own;
                own
            })
            .collect();
        writeln!(self.text, "standby_priorities = {priorities:?}").unwrap();
        self.counters.extend(STANDBY.into_iter().zip(priorities));
        let mut transition = [0, 0];
        for (name, value) in ["transition_private", "transition_shared"]
            .iter()
            .zip(&mut transition)
        {
            *value = dice.often_ends(pages / 32);
            writeln!(self.text, "{name} = {value}").unwrap();
        }
        self.counters.insert("transition", transition.iter().sum());
        for &(name, reported) in LESSER {
            let value = match (name, dice.once_in(3)) {
                ("page_frame_database", _) => pages * 48 / 4096 + dice.upto(pages / 256),
                (_, true) => 0,
                _ => 1 + dice.upto(pages / 64),
            };
            writeln!(self.text, "{name} = {value}").unwrap();
            self.counters.insert(reported, value);
        }
    }

    fn draw_processes(&mut self, dice: &mut Dice, pages: u64) {
        let system = Drawn {
            name: "System".into(),
            commit: 0x24,
            private: 0x24,
            working_set: 0x45,
            ..Drawn::default()
        };
        let narrow = self.build.architecture == "x86";
        for number in 0..*dice.one_of(&[0, 1, 3, 12, 40]) {
            let pid = 400 + 4 * number;
            let ended = dice.once_in(6);
            let commit = dice.often_ends(if narrow { 0xF_FFFF } else { 2 * pages });
            let most = if narrow { 0xF_FFFF } else { 2 * pages };
            let process = Drawn {
                name: format!(
                    "{}{number}.exe",
                    "a-rather-long-name".split_at(1 + dice.0.below(17)).0
                ),
                parent: 4 * (1 + dice.0.below(90)) as u32,
                session: (!dice.once_in(3)).then(|| dice.below(4) as u32),
                commit,
                private: dice.often_ends(commit),
                working_set: dice.often_ends(most),
                threads: if ended { 0 } else { 1 + dice.upto(20) as u32 },
                ended,
            };
            let gone = if ended {
                "exited = \"2021-03-09T02:00:00Z\"\n"
            } else {
                ""
            };
            writeln!(
                self.text,
                "[[processes]]\nname = \"{}\"\npid = {pid}\nparent = {}\nsession = {}\ncommit = {}\n\
                 private = {}\nworking_set = {}\nthreads = {}\n{gone}",
                process.name,
                process.parent,
                process.session.map_or(-1, i64::from),
                process.commit,
                process.private,
                process.working_set,
                process.threads,
            )
            .unwrap();
            self.processes.insert(pid, process);
        }
        self.processes.insert(4, system);
    }

    fn pool(&mut self, dice: &mut Dice) {
        let most = if self.build.architecture == "x86" {
            30
        } else {
            42
        };
        let mut seen = BTreeSet::new();
        for _ in 0..*dice.one_of(&[1, 3, 30, 300]) {
            let letter = |dice: &mut Dice| (b'A' + dice.below(50) as u8) as char;
            let tag: String = (0..4).map(|_| letter(dice)).collect();
            let tag = tag.replace(['\\', '\'', '`'], "x");
            if !seen.insert(tag.clone()) {
                continue;
            }
            let bytes = [dice.often_ends(1 << most), dice.often_ends(1 << most)];
            writeln!(
                self.text,
                "[[pool_tags]]\ntag = '{tag}'\nnonpaged = {}\npaged = {}\nnonpaged_count = {}\npaged_count = {}",
                bytes[0],
                bytes[1],
                1 + dice.upto(1 << 24),
                1 + dice.upto(1 << 24),
            )
            .unwrap();
            self.tags.insert(tag, bytes);
        }
    }
}

/// Figures as a running Windows may have them.
fn plausible(
    dice: &mut Dice,
    pages: u64,
    [files, growth]: [u64; 2],
) -> BTreeMap<&'static str, u64> {
    let available = match dice.below(6) {
        0 => dice.upto(2000),
        1 => pages - pages / 16,
        _ => dice.upto(pages - pages / 16),
    };
    let zeroed = dice.below(available + 1);
    let free = dice.below(available - zeroed + 1);
    let rest = pages - available;
    let kept = match dice.once_in(3) {
        true => dice.below(pages / 64),
        false => 0,
    };
    let limit = pages + files - kept;
    let committed = match dice.below(6) {
        0 => limit,
        1 => limit - limit / 50,
        _ => (pages / 64 + dice.below(limit)).min(limit),
    };
    let part = |dice: &mut Dice, of: u64| 1 + dice.upto(of.max(1));
    let modified = dice.upto(rest / 4);
    let nonpaged = part(dice, rest / 8);
    let paged = part(dice, committed / 8);
    BTreeMap::from([
        ("available", available),
        ("resident_available", part(dice, pages)),
        ("zeroed", zeroed),
        ("free", free),
        ("standby", available - zeroed - free),
        ("modified", modified),
        ("modified_page_file", dice.below(modified + 1)),
        ("commit_limit_maximum", limit - files + growth),
        ("modified_no_write", dice.often_ends(rest / 64)),
        ("committed", committed),
        ("commit_limit", limit),
        (
            "peak_commit",
            committed + dice.often_ends(limit - committed),
        ),
        ("shared_commit", part(dice, committed / 8)),
        ("process_commit", part(dice, committed / 8)),
        ("driver_commit", part(dice, (committed / 8).min(1 << 24))),
        ("paged_pool", paged),
        ("paged_pool_commit", paged),
        ("paged_pool_maximum", (1 << 18) + paged + dice.upto(1 << 32)),
        ("nonpaged_pool", nonpaged),
        (
            "nonpaged_pool_maximum",
            (1 << 16) + nonpaged + dice.upto(1 << 32),
        ),
        ("system_page_tables", part(dice, rest / 16)),
        ("free_system_ptes", part(dice, 1 << 33)),
        ("mdl_pages", part(dice, rest / 2)),
        ("commit_failures", dice.often_ends(1 << 20)),
        ("page_hash_errors", dice.often_ends(1 << 10)),
    ])
}

pub const STANDBY: [&str; 8] = [
    "standby_0",
    "standby_1",
    "standby_2",
    "standby_3",
    "standby_4",
    "standby_5",
    "standby_6",
    "standby_7",
];
