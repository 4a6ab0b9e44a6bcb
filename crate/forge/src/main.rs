//! `bluepane-forge SCENARIO.toml -o OUT.dmp [--files FOLDER]`: writes the dump that a scenario file
//! describes, and the symbol and image files of what lies on its stacks.

use bluepane_forge::{Scenario, forge, image_file, modules_on_stacks, symbol_file};
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: bluepane-forge SCENARIO.toml -o OUT.dmp [--files FOLDER]\n\
Writes the crash dump that the scenario file describes; docs/forge.md lists its fields.\n\
--files also writes the symbol and image files of the kernel and of the drivers on its stacks.";

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
    let files: Option<String> = args
        .opt_value_from_str("--files")
        .map_err(|e| format!("{e}\n{USAGE}"))?;
    let input: String = args.free_from_str().map_err(|e| format!("{e}\n{USAGE}"))?;
    let text = std::fs::read_to_string(&input).map_err(|e| format!("{input}: {e}"))?;
    let scenario = Scenario::from_toml(&text).map_err(|e| format!("{input}: {e}"))?;
    let dump = forge(&scenario).map_err(|e| format!("{input}: {e}"))?;
    let mut file = File::create(&out).map_err(|e| format!("{out}: {e}"))?;
    dump.write_to(&mut file)
        .map_err(|e| format!("{out}: {e}"))?;
    if let Some(folder) = files {
        write_files(&scenario, Path::new(&folder)).map_err(|e| format!("{folder}: {e}"))?;
    }
    Ok(format!("{out}: {} bytes", dump.len()))
}

/// What a symbol store would hold of the machine's modules, side by side in one folder.
fn write_files(scenario: &Scenario, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    for module in modules_on_stacks(scenario)? {
        let (name, symbols) = symbol_file(scenario, &module)?;
        std::fs::write(folder.join(name), symbols)?;
        std::fs::write(folder.join(&module), image_file(scenario, &module)?)?;
    }
    Ok(())
}
