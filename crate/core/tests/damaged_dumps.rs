//! Damage to dumps of every container: each ends in a report or a typed error, within bounds of
//! work and memory.
//!
//! Unoptimised, an analysis takes ten times as long: there a handful of seeded mutations of each
//! container run. `scripts/test-damage`, a part of `make test`, runs the same code optimised, with
//! 2,000 flips of each container (`BLUEPANE_FLIPS`); `make fuzz` with 100,000 and every prefix of
//! them all.

mod support;

use bluepane::analysis::{Analysis, Progress};
use bluepane::source::{CacheLimits, Provider, SliceProvider};
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

fn limits() -> CacheLimits {
    CacheLimits {
        capacity: CAPACITY,
        whole_file: 0,
        ..CacheLimits::default()
    }
}

/// Analyses the bytes and checks what came of it.
fn analyse(bytes: &[u8], what: &dyn Fn() -> String, worst: &mut Worst) {
    let begin = Instant::now();
    let mut analysis = Analysis::with_limits("a.dmp", bytes.len() as u64, limits());
    let mut provider = SliceProvider(bytes);
    loop {
        match analysis.advance() {
            Progress::Finished => break,
            Progress::Step { .. } => {}
            Progress::Wanting => {
                let cache = analysis.cache_mut();
                for range in cache.take_wanted() {
                    match provider.fetch(range) {
                        Some(found) => cache.supply(range, &found),
                        None => cache.fail(range),
                    }
                    worst.held = worst.held.max(cache.held());
                }
            }
        }
    }
    let looked_up = analysis.cache_mut().looked_up();
    let report = analysis.report();
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
    worst.time = worst.time.max(begin.elapsed());
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
        let mut random = support::Random(0x5EED + number as u64);
        let mut worst = Worst::default();
        for round in 0..flips {
            let saved = flip(&mut bytes, &mut random, round);
            let what = || format!("{kind}, {machine}: flip {round} at {saved:x?}");
            analyse(&bytes, &what, &mut worst);
            for &(at, byte) in saved.iter().rev() {
                bytes[at] = byte;
            }
        }
        if tell {
            println!(
                "{kind}, {}: {flips} flips, {worst:?}",
                machine.replace('\n', ", ")
            );
        }
        assert!(worst.held <= CAPACITY, "{kind}, {machine}: {worst:?}");
    });
}

#[test]
fn every_prefix_ends_in_a_report_within_bounds() {
    let flips = wanted();
    each(|number, kind, machine| {
        let bytes = small(kind, machine);
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
        for length in head.chain(rest) {
            let what = || format!("{kind}, {machine}: the first {length:#x} bytes");
            analyse(&bytes[..length], &what, &mut worst);
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
