//! A forged machine with devices, a request that waits in one of them, processes and threads.

use super::Asked;
use bluepane_forge::{Scenario, Truth};

pub const DEVICE: u64 = 0xFFFF_E000_5555_1100;
pub const UPPER: u64 = 0xFFFF_E000_5555_3100;
pub const REQUEST: u64 = 0xFFFF_E000_5555_2200;

pub fn machine(machine: &str, code: u32, parameters: &[u64]) -> Scenario {
    let narrow = machine.contains("x86");
    // 32-bit machines have no such addresses.
    let at = |address: u64| {
        if narrow && address > 0xFFFF {
            0x8555_0000 | address & 0xFFFF
        } else {
            address
        }
    };
    let parameters: Vec<String> = parameters
        .iter()
        .map(|p| format!("\"{:#x}\"", at(*p)))
        .collect();
    let text = format!(
        "[machine]\nmemory = \"64 MiB\"\nprocessors = 4\n{machine}\n\
         [stop]\ncode = {code}\nparameters = [{}]\n[dump]\nkind = \"full\"\n\
         [[modules]]\nname = \"hal.dll\"\n[[modules]]\nname = \"examdisk.sys\"\n\
         [[modules]]\nname = \"examflt.sys\"\n\
         [[processes]]\nname = \"svchost.exe\"\npid = 932\nthreads = 3\ncurrent = true\n\
         [[devices]]\naddress = \"{:#x}\"\ndriver = \"examdisk.sys\"\n\
         name = '\\Device\\Harddisk7'\nattached = \"{:#x}\"\n\
         flags = 0x1050\ncharacteristics = 0x100\ninstance = 'EXAM\\DISK\\7'\n\
         request = {{ address = \"{:#x}\", major = 22, minor = 2, flags = 0x43, control = 0xe1, \
         parameters = [1, 2, \"0x110008\"], completion = 0x1234, pending = true }}\n\
         [[devices]]\naddress = \"{:#x}\"\ndriver = \"examflt.sys\"\nkind = 8\n",
        parameters.join(", "),
        at(DEVICE),
        at(UPPER),
        at(REQUEST),
        at(UPPER),
    );
    Scenario::from_toml(&text).unwrap()
}

pub static MACHINES: [&str; 4] = [
    "build = 7601",
    "build = 26100",
    "build = 22000\narchitecture = \"arm64\"",
    "build = 7601\narchitecture = \"x86\"",
];

pub fn plain(at: u64) -> String {
    format!("{at:08x}")
}

/// A scenario in which a request waits in a disk, with where things stand.
pub struct Disk {
    pub asked: Asked,
    pub truth: Truth,
    pub device: u64,
    pub upper: u64,
    pub request: u64,
    pub narrow: bool,
}

pub fn disk(name: &str) -> Disk {
    let scenario = machine(name, 0x9F, &[3, DEVICE, UPPER, REQUEST]);
    let asked = Asked::new(&scenario);
    let parameters = &asked
        .analysis
        .report()
        .bugcheck
        .as_ref()
        .unwrap()
        .parameters;
    let [device, upper, request] = [1, 2, 3].map(|at| parameters[at].value.0);
    let narrow = name.contains("x86");
    let own = |at: u64| if narrow { at & 0xFFFF_FFFF } else { at };
    Disk {
        truth: Truth::of(&scenario).unwrap(),
        device: own(device),
        upper: own(upper),
        request: own(request),
        narrow,
        asked,
    }
}
