//! What it costs to open a dump of 32 GiB: time, and memory above an idle process, side by side
//! with kdmp-parser in one run. `make bench` prints it and fails where a limit is passed.
//!
//! Each reader runs in a process of its own, which measures its time and reads the peak of its
//! resident memory from `/proc/self/status` (Linux; elsewhere only time is judged). The fastest
//! of several runs and the smallest peak count.

use bluepane::analysis::{Analysis, Progress};
use bluepane::source::{CacheLimits, Provider, Range};
use kdmp_parser::parse::KernelDumpParser;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// The limits of the design.
const MOST_TIME: Duration = Duration::from_millis(20);
const MOST_KIB: u64 = 4 << 10;
const RUNS: u32 = 9;
/// Of the other reader, which takes its time.
const RUNS_OF_OTHER: u32 = 3;
/// The step after which drivers can be listed and memory read: what kdmp-parser does too.
const OPENED: &str = "drivers";
/// The argument that makes this program one of the measured processes.
const CHILD: &str = "--measured";

struct FileProvider(File);

impl Provider for FileProvider {
    fn fetch(&mut self, range: Range) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(range.len).ok()?];
        self.0.seek(SeekFrom::Start(range.offset)).ok()?;
        self.0.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// Analyses up to and with a step, or to the end.
fn bluepane(path: &str, until: Option<&str>) -> usize {
    let file = File::open(path).expect("the dump");
    let len = file.metadata().expect("its length").len();
    let limits = CacheLimits {
        whole_file: 64 << 10,
        ..CacheLimits::default()
    };
    let mut analysis = Analysis::with_limits("MEMORY.DMP", len, limits);
    let mut provider = FileProvider(file);
    loop {
        match analysis.advance() {
            Progress::Finished => break,
            Progress::Step { name, .. } if Some(name) == until => break,
            Progress::Step { .. } => {}
            Progress::Wanting => bluepane::source::serve(analysis.cache_mut(), &mut provider),
        }
    }
    analysis.report().modules.len()
}

fn kdmp(path: &str) -> usize {
    let parser = KernelDumpParser::new(Path::new(path)).expect("kdmp-parser opens it");
    parser.kernel_modules().count()
}

/// Runs one reader and prints how many drivers it found, microseconds, and KiB at the peak.
fn child(reader: &str, path: &str) {
    let begin = Instant::now();
    let drivers = match reader {
        "open" => bluepane(path, Some(OPENED)),
        "report" => bluepane(path, None),
        "kdmp" => kdmp(path),
        _ => 0,
    };
    let time = begin.elapsed().as_micros();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.split_whitespace().next());
    println!("{drivers} {time} {}", peak.unwrap_or("0"));
}

/// What the best of several runs took.
#[derive(Clone, Copy)]
struct Cost {
    drivers: u64,
    time: Duration,
    kib: u64,
}

fn measure(reader: &str, path: &Path) -> Cost {
    let mut best = Cost {
        drivers: 0,
        time: Duration::MAX,
        kib: u64::MAX,
    };
    let runs = if reader == "kdmp" {
        RUNS_OF_OTHER
    } else {
        RUNS
    };
    for _ in 0..runs {
        let output = Command::new(std::env::current_exe().expect("this program"))
            .args([CHILD, reader])
            .arg(path)
            .output()
            .expect("a process");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers: Vec<u64> = text.split_whitespace().flat_map(str::parse).collect();
        let [drivers, time, kib] = numbers[..] else {
            panic!(
                "{reader}: {text} {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        best.drivers = drivers;
        best.time = best.time.min(Duration::from_micros(time));
        best.kib = best.kib.min(kib);
    }
    best
}

/// One kind of dump; whether the limits were kept.
fn compare(kind: &str) -> bool {
    let text = format!(
        "[machine]\nbuild = 19041\nmemory = \"32 GiB\"\n[stop]\ncode = 0x50\n\
         [dump]\nkind = \"{kind}\"\n"
    );
    let scenario = bluepane_forge::Scenario::from_toml(&text).expect("the scenario");
    let dump = bluepane_forge::forge(&scenario).expect("the dump");
    let name = format!("bluepane-open-{}-{kind}.dmp", std::process::id());
    let path = std::env::temp_dir().join(name);
    let written = File::create(&path).and_then(|mut file| dump.write_to(&mut file));
    if let Err(error) = written {
        println!("skipped: no room for a sparse file of 32 GiB: {error}");
        return true;
    }
    let idle = measure("idle", &path);
    let above = |cost: Cost| cost.kib.saturating_sub(idle.kib);
    println!("32 GiB, {kind}: an idle process takes {} KiB", idle.kib);
    let row = |what: &str, reader: &str| {
        let cost = measure(reader, &path);
        println!(
            "  {what:<24} {:>9.2} ms {:>8} KiB above idle, {} drivers",
            cost.time.as_secs_f64() * 1000.0,
            above(cost),
            cost.drivers
        );
        cost
    };
    let open = row("bluepane, opened", "open");
    row("bluepane, whole report", "report");
    let other = row("kdmp-parser, opened", "kdmp");
    let _ = std::fs::remove_file(&path);
    assert_eq!(open.drivers, other.drivers, "both list the same drivers");
    open.time <= MOST_TIME && (open.kib == 0 || above(open) <= MOST_KIB)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == CHILD) {
        child(&arguments[at + 1], &arguments[at + 2]);
        return ExitCode::SUCCESS;
    }
    println!(
        "limits: {} ms, {MOST_KIB} KiB above idle",
        MOST_TIME.as_millis()
    );
    // Both are measured before either is judged.
    let within = [compare("bitmap-full"), compare("bitmap-kernel")];
    if within == [true, true] {
        ExitCode::SUCCESS
    } else {
        println!("a limit was passed");
        ExitCode::FAILURE
    }
}
