//! What a report costs: reads, rounds and bytes, which no noisy machine can blur, and processor
//! time. `make bench` prints the table and fails where a limit is passed.
//!
//! Each dump of the corpus is analysed twice: as it is (a small file is read whole at once), and
//! as if it were too large for that, as a dump of many gigabytes is. Then a forged dump of a
//! machine with 32 GiB is opened by the command.

use bluepane::analysis::Analysis;
use bluepane::source::{CacheLimits, Provider, Range};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Runs of which the fastest counts.
const RUNS: u32 = 20;
/// Reads and rounds of a report on a large dump: the design's limits for the whole report.
const MOST_READS: u64 = 2_000;
const MOST_ROUNDS: u64 = 400;
/// Processor time of the command on the largest dump of the corpus.
const MOST_CPU: Duration = Duration::from_millis(10);
/// Processor time of the command on a dump of 32 GiB.
const MOST_CPU_LARGE: Duration = Duration::from_millis(20);
/// That dump: every page of memory is in it, nearly all of them holes in the file.
const LARGE: &str = "[machine]\nbuild = 19041\nmemory = \"32 GiB\"\n[stop]\ncode = 0x50\n\
                     [dump]\nkind = \"bitmap-full\"\n";
/// Ticks in which Linux counts processor time (USER_HZ, the same on every platform of Rust's).
const TICKS_PER_SECOND: u64 = 100;

struct Bytes<'a>(&'a [u8]);

impl Provider for Bytes<'_> {
    fn fetch(&mut self, range: Range) -> Option<Vec<u8>> {
        let from = usize::try_from(range.offset).ok()?;
        let to = from
            .saturating_add(usize::try_from(range.len).ok()?)
            .min(self.0.len());
        self.0.get(from..to).map(<[u8]>::to_vec)
    }
}

/// What one analysis cost.
struct Cost {
    rounds: u64,
    reads: u64,
    bytes: u64,
    fastest: Duration,
}

fn measure(name: &str, bytes: &[u8], limits: CacheLimits) -> Cost {
    let mut cost = Cost {
        rounds: 0,
        reads: 0,
        bytes: 0,
        fastest: Duration::MAX,
    };
    for _ in 0..RUNS {
        let begin = Instant::now();
        let mut analysis = Analysis::with_limits(name, bytes.len() as u64, limits);
        analysis.run(&mut Bytes(bytes));
        cost.fastest = cost.fastest.min(begin.elapsed());
        let stats = analysis.report().stats;
        (cost.rounds, cost.reads, cost.bytes) = (stats.rounds, stats.reads, stats.bytes_read.0);
    }
    cost
}

/// Processor time that ended children of this process have used; only Linux tells it in a file.
fn children() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces; what follows it is fields 3 and on.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(16 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Processor time of the command on one file, start of the process included.
fn command(path: &Path) -> Option<Duration> {
    let runs = RUNS * 5;
    let before = children()?;
    for _ in 0..runs {
        let status = Command::new(env!("CARGO_BIN_EXE_bluepane"))
            .arg(path)
            .stdout(Stdio::null())
            .status()
            .ok()?;
        assert!(status.success(), "{}", path.display());
    }
    let ticks = children()?.saturating_sub(before);
    Some(Duration::from_secs(1) * u32::try_from(ticks).ok()? / (TICKS_PER_SECOND as u32 * runs))
}

fn corpus() -> Option<PathBuf> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os("BLUEPANE_CORPUS")
        .map(PathBuf::from)
        .into_iter()
        .chain(["../../../shared/corpus", "../../../../shared/corpus"].map(|path| near.join(path)))
        .find(|path| path.is_dir())
}

/// The dumps below a folder, by path.
fn dumps(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            dumps(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "dmp") {
            found.push(path);
        }
    }
    found.sort();
}

fn main() -> ExitCode {
    let mut within = large();
    match corpus() {
        Some(corpus) => within &= table(&corpus),
        None => println!("skipped: no corpus (set BLUEPANE_CORPUS)"),
    }
    if within {
        ExitCode::SUCCESS
    } else {
        println!("a limit was passed");
        ExitCode::FAILURE
    }
}

/// The dumps of the corpus, one a row; whether they kept the limits.
fn table(corpus: &Path) -> bool {
    let mut paths = Vec::new();
    dumps(&corpus.join("triage"), &mut paths);
    let mut within = true;
    println!("                                    read whole        read in pieces");
    println!("dump                         KiB   ms      rounds reads    KiB     ms");
    for path in &paths {
        within &= row(path);
    }
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
    if let Some(largest) = paths.iter().max_by_key(|path| size(path)) {
        within &= by_command("the largest of them", largest, MOST_CPU);
    }
    within
}

/// The dump of a machine with much memory; whether it kept the limits.
fn large() -> bool {
    let path = std::env::temp_dir().join(format!("bluepane-large-{}.dmp", std::process::id()));
    let scenario = bluepane_forge::Scenario::from_toml(LARGE).expect("the scenario");
    let dump = bluepane_forge::forge(&scenario).expect("the dump");
    let written = File::create(&path).and_then(|mut file| dump.write_to(&mut file));
    if let Err(error) = written {
        println!("skipped: no room for a sparse file of 32 GiB: {error}");
        return true;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_bluepane"))
        .args(["--format", "json"])
        .arg(&path)
        .output()
        .expect("the command");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    let stats = &report["stats"];
    println!(
        "32 GiB: {} rounds, {} reads, {} bytes",
        stats["rounds"], stats["reads"], stats["bytes_read"]
    );
    let counted = stats["rounds"].as_u64().is_some_and(|n| n <= MOST_ROUNDS)
        && stats["reads"].as_u64().is_some_and(|n| n <= MOST_READS);
    let within = by_command("32 GiB", &path, MOST_CPU_LARGE) && counted;
    let _ = std::fs::remove_file(&path);
    within
}

/// One dump; whether it kept the limits.
fn row(path: &Path) -> bool {
    let Ok(bytes) = std::fs::read(path) else {
        return true;
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let whole = measure(&name, &bytes, CacheLimits::default());
    let pieces = CacheLimits {
        whole_file: 0,
        ..CacheLimits::default()
    };
    let pieces = measure(&name, &bytes, pieces);
    println!(
        "{name:<26} {:>5} {:>6.2}  {:>6} {:>5} {:>6} {:>6.2}",
        bytes.len() / 1024,
        whole.fastest.as_secs_f64() * 1000.0,
        pieces.rounds,
        pieces.reads,
        pieces.bytes / 1024,
        pieces.fastest.as_secs_f64() * 1000.0
    );
    pieces.rounds <= MOST_ROUNDS && pieces.reads <= MOST_READS
}

/// The processor time of the command on one file; whether it kept the limit.
fn by_command(what: &str, path: &Path, limit: Duration) -> bool {
    let Some(time) = command(path) else {
        println!("processor time of the command: cannot be measured on this system");
        return true;
    };
    println!(
        "processor time of the command on {what}: {:.1} ms (limit {} ms)",
        time.as_secs_f64() * 1000.0,
        limit.as_millis()
    );
    time <= limit
}
