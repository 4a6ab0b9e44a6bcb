//! The commands by name, with what may follow and what each answers.

use super::{
    Answering, Command, address, analyze, blackbox, bus, census, code, damage, display, formats,
    help, locks, memory, modules, named, object, other, pool, process, registers, registry,
    running, search, stacks, target, thread, threads, translate,
};

/// All commands, in the order in which `help` lists them.
pub static COMMANDS: &[Command] = ALL;

/// Their names alone, for who only asks whether a word is a command.
pub(super) static NAMES: [&str; ALL.len()] = {
    let mut names = [""; ALL.len()];
    let mut at = 0;
    while at < ALL.len() {
        names[at] = ALL[at].name;
        at += 1;
    }
    names
};

const ALL: &[Command] = &[
    Command {
        name: "!analyze",
        arguments: "[-v [-kv]] | -show CODE|NAME [P1 [P2 [P3 [P4]]]]",
        about: "the stop code, the stack and its bucket, as engines of 2019 or (-kv) since 2020 print \
                them; or what any stop code means",
        answering: Answering::Dump(analyze::analyze),
    },
    Command {
        name: "!error",
        arguments: "NUMBER | NAME | LINE",
        about: "what an NTSTATUS, HRESULT or Win32 error is; what a line of a ticket says",
        answering: Answering::Report(analyze::error),
    },
    Command {
        name: "!findings",
        arguments: "",
        about: "every finding with its evidence and advice",
        answering: Answering::Report(analyze::findings),
    },
    Command {
        name: ".bugcheck",
        arguments: "",
        about: "the stop code and its four parameters",
        answering: Answering::Report(analyze::bugcheck),
    },
    Command {
        name: "vertarget",
        arguments: "",
        about: "kind of dump, version of Windows, kernel base, time, up time",
        answering: Answering::Report(target::vertarget),
    },
    Command {
        name: ".time",
        arguments: "",
        about: "when it stopped, and how long it had run",
        answering: Answering::Report(target::time),
    },
    Command {
        name: ".effmach",
        arguments: "",
        about: "the kind of processor",
        answering: Answering::Report(other::machine),
    },
    Command {
        name: ".dumpdebug",
        arguments: "",
        about: "the header of the dump, field by field",
        answering: Answering::Report(other::header),
    },
    Command {
        name: "!sysinfo",
        arguments: "machineid | cpuinfo | registry",
        about: "maker, product and firmware; the processor; what the registry in memory said of the machine",
        answering: Answering::Report(target::sysinfo),
    },
    Command {
        name: "!blackboxbsd",
        arguments: "",
        about: "how the last starts and shutdowns went, as Windows noted in the dump",
        answering: Answering::Report(blackbox::boot),
    },
    Command {
        name: "!blackboxntfs",
        arguments: "",
        about: "what NTFS was waiting for, as Windows noted in the dump",
        answering: Answering::Report(blackbox::ntfs),
    },
    Command {
        name: "!blackboxpnp",
        arguments: "",
        about: "which change of devices was under way, as Windows noted in the dump",
        answering: Answering::Report(blackbox::plug_and_play),
    },
    Command {
        name: "!blackboxwinlogon",
        arguments: "",
        about: "where signing in or out stood, as Windows noted in the dump",
        answering: Answering::Report(blackbox::winlogon),
    },
    Command {
        name: "!vm",
        arguments: "[1]",
        about: "page files, memory counters, processes by commit (not with 1)",
        answering: Answering::Report(memory::vm),
    },
    Command {
        name: "!mem",
        arguments: "",
        about: "the state of memory in a few lines, and what is conspicuous in it",
        answering: Answering::Report(memory::mem),
    },
    Command {
        name: "!poolused",
        arguments: "[2 | 4] [TAG]",
        about: "pool use by tag, with owners; 2 by nonpaged, 4 by paged pool (a job where many processors count)",
        answering: Answering::Job(pool::used),
    },
    Command {
        name: "!pool",
        arguments: "ADDRESS",
        about: "the blocks of pool in the page of an address, by their headers",
        answering: Answering::Dump(damage::pool),
    },
    Command {
        name: "!errrec",
        arguments: "[ADDRESS]",
        about: "the record of a hardware error; that of the stop when no address is given",
        answering: Answering::Dump(damage::error_record),
    },
    Command {
        name: "!poolfind",
        arguments: "TAG",
        about: "the allocations of a tag: a scan of all pages of the dump (a long job)",
        answering: Answering::Job(pool::find),
    },
    Command {
        name: "!process",
        arguments: "[0 0 [NAME] | ADDRESS | PID | -1] [FLAGS]",
        about: "every process, or one; flag 1 with its memory, 2 with its threads, 4 with their stacks",
        answering: Answering::Dump(process::process),
    },
    Command {
        name: "!thread",
        arguments: "[ADDRESS]",
        about: "a thread: state, what it waits for, times, stack; the current one when none is named",
        answering: Answering::Dump(thread::thread),
    },
    Command {
        name: "!stacks",
        arguments: "[0 | 2] [FILTER]",
        about: "every thread of every process with where it waits; 2 with its stack (a job)",
        answering: Answering::Job(stacks::stacks),
    },
    Command {
        name: "!ready",
        arguments: "",
        about: "threads that wait for a processor (a job)",
        answering: Answering::Job(stacks::ready),
    },
    Command {
        name: "!locks",
        arguments: "",
        about: "executive resources that somebody holds, with owners and how many wait (a job)",
        answering: Answering::Job(locks::locks),
    },
    Command {
        name: ".process",
        arguments: "",
        about: "the process that was running",
        answering: Answering::Dump(process::current),
    },
    Command {
        name: ".thread",
        arguments: "",
        about: "the thread that was running",
        answering: Answering::Dump(other::thread),
    },
    Command {
        name: "!running",
        arguments: "[-t] [-i]",
        about: "what each processor was running; -i with idle ones, -t with the stacks",
        answering: Answering::Dump(running::running),
    },
    Command {
        name: "!prcb",
        arguments: "[NUMBER]",
        about: "a processor's block",
        answering: Answering::Dump(running::prcb),
    },
    Command {
        name: "!pcr",
        arguments: "[NUMBER]",
        about: "a processor's control region",
        answering: Answering::Dump(running::pcr),
    },
    Command {
        name: "!irql",
        arguments: "[NUMBER]",
        about: "the interrupt level at which the stop code was raised",
        answering: Answering::Dump(running::irql),
    },
    Command {
        name: "!cpuinfo",
        arguments: "",
        about: "family, model, speed, microcode and features of each processor",
        answering: Answering::Dump(running::cpuinfo),
    },
    Command {
        name: "!irp",
        arguments: "ADDRESS [1]",
        about: "an I/O request and the drivers it passes; with 1 its members",
        answering: Answering::Dump(object::irp),
    },
    Command {
        name: "!devobj",
        arguments: "ADDRESS | NAME",
        about: "a device: its driver, flags, what is attached to it",
        answering: Answering::Dump(object::devobj),
    },
    Command {
        name: "!devstack",
        arguments: "ADDRESS | NAME",
        about: "the devices above and below one, and the device's instance",
        answering: Answering::Dump(object::devstack),
    },
    Command {
        name: "!drvobj",
        arguments: "ADDRESS | NAME [FLAGS]",
        about: "a driver; flag 1 with its devices, 2 with its routines, 4 with its device stacks",
        answering: Answering::Dump(object::drvobj),
    },
    Command {
        name: "!object",
        arguments: "ADDRESS | PATH",
        about: "what kind of object stands at an address or under a name, and what it says",
        answering: Answering::Dump(object::object),
    },
    Command {
        name: "lm",
        arguments: "[t] [n] [f] [v] [m PATTERN]",
        about: "modules: with their times, names, paths, in full; also lmvm NAME",
        answering: Answering::Report(modules::lm),
    },
    Command {
        name: "ln",
        arguments: "ADDRESS",
        about: "what an address is called: the name before it, the next one behind it",
        answering: Answering::Dump(named::ln),
    },
    Command {
        name: "x",
        arguments: "MODULE!PATTERN",
        about: "names of a module that fit a pattern of * and ?: exports, and those of a symbol file",
        answering: Answering::Dump(named::x),
    },
    Command {
        name: "k",
        arguments: "[FRAMES]",
        about: "the stack, each frame with how it was found; kb with arguments, kv with trap frames \
                too, kc with nothing but the places",
        answering: Answering::Report(registers::stack),
    },
    Command {
        name: "~",
        arguments: "[*k | NUMBERk]",
        about: "the processors; with k the stacks of all or of one",
        answering: Answering::Report(threads::processors),
    },
    Command {
        name: ".trap",
        arguments: "[ADDRESS]",
        about: "the registers in a trap frame, and the stack that it interrupted",
        answering: Answering::Dump(threads::trap),
    },
    Command {
        name: ".cxr",
        arguments: "ADDRESS",
        about: "the registers in a context record, and the stack from there on",
        answering: Answering::Dump(threads::context),
    },
    Command {
        name: ".exr",
        arguments: "[ADDRESS | -1]",
        about: "an exception record; -1 is that of the stop",
        answering: Answering::Dump(threads::exception),
    },
    Command {
        name: ".ecxr",
        arguments: "",
        about: "the registers at the exception of the stop",
        answering: Answering::Dump(threads::exception_context),
    },
    Command {
        name: "r",
        arguments: "[REGISTER]",
        about: "the registers, and the instruction at hand",
        answering: Answering::Dump(registers::registers),
    },
    Command {
        name: "u",
        arguments: "[ADDRESS] [L COUNT]",
        about: "code as instructions, from the one that faulted on when no address is given",
        answering: Answering::Dump(code::u),
    },
    Command {
        name: "ub",
        arguments: "[ADDRESS] [L COUNT]",
        about: "the instructions before an address",
        answering: Answering::Dump(code::ub),
    },
    Command {
        name: "uf",
        arguments: "[ADDRESS]",
        about: "the function around an address",
        answering: Answering::Dump(code::uf),
    },
    Command {
        name: "db",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory; also dw, dd, dq, dp, dc, and !db … !dq for physical memory",
        answering: Answering::Dump(display::db),
    },
    Command {
        name: "dw",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of two bytes",
        answering: Answering::Dump(display::dw),
    },
    Command {
        name: "dd",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of four bytes",
        answering: Answering::Dump(display::dd),
    },
    Command {
        name: "dc",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of four bytes, and as text",
        answering: Answering::Dump(display::dc),
    },
    Command {
        name: "dq",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of eight bytes",
        answering: Answering::Dump(display::dq),
    },
    Command {
        name: "dp",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of a pointer",
        answering: Answering::Dump(display::dp),
    },
    Command {
        name: "dps",
        arguments: "ADDRESS [L COUNT | END]",
        about: "pointers, each with the module that it points into",
        answering: Answering::Dump(display::dps),
    },
    Command {
        name: "da",
        arguments: "ADDRESS [L COUNT]",
        about: "text of bytes",
        answering: Answering::Dump(display::da),
    },
    Command {
        name: "du",
        arguments: "ADDRESS [L COUNT]",
        about: "text of UTF-16",
        answering: Answering::Dump(display::du),
    },
    Command {
        name: "!db",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory; also !dw, !dd, !dc, !dq, !dp",
        answering: Answering::Dump(display::physical_db),
    },
    Command {
        name: "!dw",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of two bytes",
        answering: Answering::Dump(display::physical_dw),
    },
    Command {
        name: "!dd",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of four bytes",
        answering: Answering::Dump(display::physical_dd),
    },
    Command {
        name: "!dc",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of four bytes, and as text",
        answering: Answering::Dump(display::physical_dc),
    },
    Command {
        name: "!dq",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of eight bytes",
        answering: Answering::Dump(display::physical_dq),
    },
    Command {
        name: "!dp",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of a pointer",
        answering: Answering::Dump(display::physical_dp),
    },
    Command {
        name: "!memusage",
        arguments: "",
        about: "a census of the page-frame database: the state of every page (a long job)",
        answering: Answering::Job(census::census),
    },
    Command {
        name: "s",
        arguments: "[-b | -w | -d | -q | -a | -u] ADDRESS L COUNT WHAT…",
        about: "searches memory for bytes, numbers or text",
        answering: Answering::Job(search::search),
    },
    Command {
        name: "!pte",
        arguments: "ADDRESS",
        about: "the page-table entry at each level, with its bits",
        answering: Answering::Dump(translate::pte),
    },
    Command {
        name: "!vtop",
        arguments: "[DIRECTORY] ADDRESS",
        about: "the physical address, step by step",
        answering: Answering::Dump(translate::vtop),
    },
    Command {
        name: "!address",
        arguments: "ADDRESS",
        about: "what lies at an address, or why nothing does",
        answering: Answering::Dump(address::address),
    },
    Command {
        name: "?",
        arguments: "EXPRESSION",
        about: "what an expression comes to: numbers, registers, modules, poi(…), + - *",
        answering: Answering::Dump(formats::evaluate),
    },
    Command {
        name: ".formats",
        arguments: "EXPRESSION",
        about: "a number in every notation",
        answering: Answering::Dump(formats::formats),
    },
    Command {
        name: "!vmbus",
        arguments: "",
        about: "the version of the bus on which a Hyper-V guest and its host agreed",
        answering: Answering::Dump(bus::vmbus),
    },
    Command {
        name: "!reg",
        arguments: "hivelist | querykey PATH | q PATH | keyinfo PATH | cellindex HIVE CELL | scan | rows [HIVE CELL]",
        about: "the registry in memory: its hives, the subkeys and values of a key",
        answering: Answering::Job(registry::begin),
    },
    Command {
        name: "help",
        arguments: "[COMMAND]",
        about: "this list, or what one command takes",
        answering: Answering::Report(help),
    },
];
