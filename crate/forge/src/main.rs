//! `bluepane-forge SCENARIO.toml -o OUT.dmp`: writes the dump that a scenario file describes.

use bluepane_forge::{Scenario, forge};
use std::fs::File;
use std::process::ExitCode;

const USAGE: &str = "usage: bluepane-forge SCENARIO.toml -o OUT.dmp\n\
Writes the crash dump that the scenario file describes; docs/forge.md lists its fields.";

fn main() -> ExitCode {
    match run() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<String, String> {
    let mut args = pico_args::Arguments::from_env();
    if args.contains(["-h", "--help"]) {
        return Ok(USAGE.into());
    }
    let out: String = args
        .value_from_str(["-o", "--output"])
        .map_err(|e| format!("{e}\n{USAGE}"))?;
    let input: String = args.free_from_str().map_err(|e| format!("{e}\n{USAGE}"))?;
    let text = std::fs::read_to_string(&input).map_err(|e| format!("{input}: {e}"))?;
    let scenario = Scenario::from_toml(&text).map_err(|e| format!("{input}: {e}"))?;
    let dump = forge(&scenario).map_err(|e| format!("{input}: {e}"))?;
    let mut file = File::create(&out).map_err(|e| format!("{out}: {e}"))?;
    dump.write_to(&mut file)
        .map_err(|e| format!("{out}: {e}"))?;
    Ok(format!("{out}: {} bytes", dump.len()))
}
