//! Damage to dumps of every container: each ends in a report or a typed error, within bounds of
//! work and memory.
//!
//! Unoptimised, an analysis takes ten times as long: there a handful of seeded mutations of each
//! container run. `scripts/test-damage`, a part of `make test`, runs the same code optimised, with
//! 1,000 flips of each container (`BLUEPANE_FLIPS`); `make fuzz` with 100,000 and every prefix of
//! them all.

mod support;

use bluepane::analysis::{Analysis, Progress};
use bluepane::model::{Report, Stats};
use bluepane::source::{Cache, CacheLimits, Provider, Range, SliceProvider};
use bluepane_forge::{Scenario, forge};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Containers, and the machine in each.
const CONTAINERS: &[(&str, &str)] = &[
    ("bitmap-kernel", "build = 19041"),
    ("full", "build = 9600"),
    ("kernel-summary", "build = 7601"),
    ("bitmap-full", "build = 26100"),
    ("automatic", "build = 17763"),
    ("active", "build = 20348\npaging_levels = 5"),
    ("live", "build = 22000\narchitecture = \"arm64\""),
    ("range-kernel", "build = 19041"),
    ("range-kernel-user", "build = 14393"),
    ("range-complete", "build = 22000"),
    ("kernel-summary", "build = 7601\narchitecture = \"x86\""),
    ("full", "build = 7601\narchitecture = \"x86\"\npae = false"),
    ("header-only", "build = 19041"),
    ("triage", "build = 26100\narchitecture = \"arm64\""),
    ("triage", "build = 9600"),
];

/// Pages looked up in one analysis: the whole reports need some ten thousand.
const MOST_LOOK_UPS: u64 = 3_000_000;
/// Rounds and reads of one analysis of a small file in pieces.
const MOST_ROUNDS: u64 = 2_000;
const MOST_READS: u64 = 4_000;
/// What a cache may hold here, so that a step that wants all of it is noticed.
const CAPACITY: u64 = 4 << 20;

const LIMITS: CacheLimits = CacheLimits {
    capacity: CAPACITY,
    whole_file: 0,
    rounds_per_step: 400,
};

/// What the whole process may take, in KiB: two dumps of 16 MiB that are forged and damaged at a
/// time, two analyses, and what all of them leave behind.
const MOST_MEMORY: u64 = 192 << 10;

/// Of so many reports, as long as few were made, one is compared with that of the same dump read in
/// the other way.
const COMPARED: usize = 16;
const COMPARED_BELOW: usize = 96;

/// What one analysis may take, in code that is compiled for speed.
const MOST_TIME: Duration = Duration::from_secs(1);

/// Flips of each container that make the long run.
const LONG: usize = 10_000;

/// What the worst of many analyses cost.
#[derive(Debug, Default)]
struct Worst {
    looked_up: u64,
    rounds: u64,
    reads: u64,
    held: u64,
    time: Duration,
}

/// The processor's time that this thread took, where the system tells it: on a busy machine the
/// wall clock says nothing. Else the wall clock.
enum Clock {
    Processor(Duration),
    Wall(Instant),
}

impl Clock {
    fn now() -> Self {
        Self::spent().map_or_else(|| Self::Wall(Instant::now()), Self::Processor)
    }

    fn spent() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        let nanoseconds = text.split(' ').next()?.parse().ok()?;
        Some(Duration::from_nanos(nanoseconds))
    }

    fn elapsed(&self) -> Duration {
        match self {
            Self::Processor(begin) => Self::spent().unwrap_or_default().saturating_sub(*begin),
            Self::Wall(begin) => begin.elapsed(),
        }
    }
}

/// How a file is read.
#[derive(Clone, Copy)]
enum Reading<'a> {
    /// Piece by piece, as the page reads a long file: a step runs again whenever it lacked
    /// something, and the report is put together behind every step.
    Pieces,
    /// As the command reads: what the undamaged dump needs is there before the first step, so that
    /// nearly every step runs once, and the report is put together once.
    Ahead(&'a [Range]),
}

impl<'a> Reading<'a> {
    /// Every fourth one in pieces, which costs several times as much.
    fn of(number: usize, needed: &'a [Range]) -> Self {
        match number % 4 {
            0 => Self::Pieces,
            _ => Self::Ahead(needed),
        }
    }
}

/// What the analysis of an undamaged dump reads.
fn needed(bytes: &[u8]) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut analysis = Analysis::with_limits("a.dmp", bytes.len() as u64, LIMITS);
    loop {
        match analysis.advance() {
            Progress::Finished => return ranges,
            Progress::Step { .. } => {}
            Progress::Wanting => ranges.extend(fill(analysis.cache_mut(), bytes)),
        }
    }
}

/// Fetches what is wanted, and says what that was.
fn fill(cache: &mut Cache, bytes: &[u8]) -> Vec<Range> {
    let wanted = cache.take_wanted();
    for &range in &wanted {
        match SliceProvider(bytes).fetch(range) {
            Some(found) => cache.supply(range, &found),
            None => cache.fail(range),
        }
    }
    wanted
}

/// The most memory that this process ever had, in KiB, where the system tells it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().split(' ').next()?.parse().ok()
}

/// Analyses the bytes and checks what came of it. The report is given without its statistics.
fn analyse(
    bytes: &[u8],
    reading: Reading<'_>,
    what: &dyn Fn() -> String,
    worst: &mut Worst,
) -> Report {
    let begin = Clock::now();
    let mut analysis = Analysis::with_limits("a.dmp", bytes.len() as u64, LIMITS);
    if let Reading::Ahead(ranges) = reading {
        analysis.report_at_end();
        for &range in ranges {
            if let Some(found) = SliceProvider(bytes).fetch(range) {
                analysis.cache_mut().supply(range, &found);
            }
        }
    }
    loop {
        match analysis.advance() {
            Progress::Finished => break,
            Progress::Step { .. } => {}
            Progress::Wanting => {
                let cache = analysis.cache_mut();
                fill(cache, bytes);
                worst.held = worst.held.max(cache.held());
            }
        }
    }
    assert!(worst.held <= CAPACITY, "{}: {}", what(), worst.held);
    let looked_up = analysis.cache_mut().looked_up();
    let report = analysis.report().clone();
    assert!(
        report.error.is_some() || !report.summary.is_empty(),
        "{}: neither a report nor an error",
        what()
    );
    assert!(looked_up <= MOST_LOOK_UPS, "{}: {looked_up}", what());
    assert!(report.stats.rounds <= MOST_ROUNDS, "{}", what());
    assert!(report.stats.reads <= MOST_READS, "{}", what());
    worst.looked_up = worst.looked_up.max(looked_up);
    worst.rounds = worst.rounds.max(report.stats.rounds);
    worst.reads = worst.reads.max(report.stats.reads);
    let time = begin.elapsed();
    assert!(time <= MOST_TIME || !is_long(), "{}: {time:?}", what());
    worst.time = worst.time.max(time);
    Report {
        stats: Stats::default(),
        ..report
    }
}

fn small(kind: &str, machine: &str) -> Vec<u8> {
    // Few drivers: each costs the same again, and nothing new can go wrong with the thirtieth.
    let text = format!(
        "modules = [{{ name = \"a.sys\" }}, {{ name = \"vmbus.sys\" }}]\n\
         [machine]\nmemory = \"16 MiB\"\nlarge_pages = false\nprocessors = 1\n{machine}\n\
         [stop]\ncode = 0x7a\nparameters = [1, 2, 3, 4]\n[dump]\nkind = \"{kind}\"\n"
    );
    let scenario = Scenario::from_toml(&text).unwrap();
    forge(&scenario).unwrap().to_vec()
}

/// How many flips a container gets where somebody said so.
fn wanted() -> Option<usize> {
    std::env::var("BLUEPANE_FLIPS").ok()?.parse().ok()
}

/// Whether this is a run with code that is compiled for speed, whose time says something.
fn is_long() -> bool {
    wanted().is_some()
}

/// Does `work` for each chosen container, on as many threads as the machine has.
fn each(work: impl Fn(usize, &str, &str) + Sync) {
    let chosen: Vec<_> = chosen().collect();
    let next = AtomicUsize::new(0);
    let one = || {
        while let Some(&(number, &(kind, machine))) =
            chosen.get(next.fetch_add(1, Ordering::Relaxed))
        {
            work(number, kind, machine);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(one);
        }
    });
}

/// Which containers the long run takes: all, or those whose name `BLUEPANE_CONTAINER` holds.
fn chosen() -> impl Iterator<Item = (usize, &'static (&'static str, &'static str))> {
    let only = std::env::var("BLUEPANE_CONTAINER").unwrap_or_default();
    let all = CONTAINERS.iter().enumerate();
    all.filter(move |(_, (kind, _))| kind.contains(&only))
}

/// Overwrites some bytes and says which they were. Half of the time the headers are hit, where
/// most of the structure stands, else any page.
fn flip(bytes: &mut [u8], random: &mut support::Random, round: usize) -> Vec<(usize, u8)> {
    let places = [0x2000, 0x2060, 0x3000, bytes.len(), bytes.len()];
    let end = places[round % places.len()].min(bytes.len());
    let saved: Vec<(usize, u8)> = (0..1 + random.below(8))
        .map(|_| random.below(end))
        .map(|at| (at, bytes[at]))
        .collect();
    for &(at, _) in &saved {
        bytes[at] = match random.below(4) {
            0 => 0,
            1 => 0xFF,
            2 => bytes[at] ^ (1 << random.below(8)),
            _ => random.next() as u8,
        };
    }
    saved
}

#[test]
fn flipped_bytes_end_in_a_report_within_bounds() {
    let (flips, tell) = wanted().map_or((16, false), |flips| (flips, true));
    each(|number, kind, machine| {
        let mut bytes = small(kind, machine);
        let needed = needed(&bytes);
        let mut random = support::Random(0x5EED + number as u64);
        let mut worst = Worst::default();
        for round in 0..flips {
            let saved = flip(&mut bytes, &mut random, round);
            let what = || format!("{kind}, {machine}: flip {round} at {saved:x?}");
            // The place goes by the round modulo five, so that each meets both ways of reading.
            let found = analyse(&bytes, Reading::of(round, &needed), &what, &mut worst);
            // How it was read must not be seen in the report, however damaged the dump is.
            if round < COMPARED_BELOW && round % COMPARED == 0 {
                let other = analyse(&bytes, Reading::Ahead(&needed), &what, &mut worst);
                assert!(found == other, "{}: differs when read ahead", what());
            }
            for &(at, byte) in saved.iter().rev() {
                bytes[at] = byte;
            }
        }
        if tell {
            let what = machine.replace('\n', ", ");
            println!("{kind}, {what}: {flips} flips, {worst:?}, {:?} KiB", peak());
        }
    });
    assert!(peak().is_none_or(|kib| kib <= MOST_MEMORY), "{:?}", peak());
}

#[test]
fn every_prefix_ends_in_a_report_within_bounds() {
    let flips = wanted();
    each(|number, kind, machine| {
        let bytes = small(kind, machine);
        let needed = needed(&bytes);
        let mut worst = Worst::default();
        // Headers, lists and the first pages at each 512 bytes; behind them every page is like its
        // neighbours: there all prefixes of the first container, or in the long run of each.
        let (near, some) = match flips {
            None => (0x3000, 8),
            Some(_) => (0x1_0000, 100),
        };
        let all = flips.is_some_and(|flips| number == 0 || flips >= LONG);
        let step = if all {
            1
        } else {
            bytes.len().div_ceil(512 * some)
        };
        let head = (0..bytes.len().min(near)).step_by(512);
        let rest = (near..bytes.len()).step_by(512 * step);
        for (number, length) in head.chain(rest).enumerate() {
            let reading = Reading::of(number, &needed);
            let what = || format!("{kind}, {machine}: the first {length:#x} bytes");
            analyse(&bytes[..length], reading, &what, &mut worst);
        }
        if flips.is_some() {
            let what = machine.replace('\n', ", ");
            println!(
                "{kind}, {what}: prefixes of {:#x} bytes, {worst:?}",
                bytes.len()
            );
        }
    });
}
