//! A report in which every field is filled, of an invented machine: a 2012 R2 guest whose balloon
//! could not give memory back. No structure is filled with a rest pattern, so that a field that is
//! added to the model is added here too, and so drawn, redacted and validated.

use crate::model::*;
use alloc::{collections::BTreeMap, string::String, vec, vec::Vec};

/// The names that must not be found in a redacted report.
pub(crate) const NAMES: [&str; 13] = [
    "FILESRV07",
    "corp.example",
    "HV-NODE3",
    "jdoe",
    "Payroll Database",
    "4711-0815-1234",
    "TAG-99187",
    "D3B07384-D113-EDEC-49EA-A6238AD5FF00",
    "10.20.30.40",
    "fe80::1ff:fe23:4567:890a",
    "00:15:5D:01:02:03",
    "00155D0A0B0C",
    "Contoso Ledger",
];

fn evidence(text: &str, place: &str) -> Vec<Evidence> {
    vec![Evidence {
        text: text.into(),
        place: place.into(),
    }]
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.into()).collect()
}

fn failure() -> Failure {
    Failure {
        bugcheck_str: "0x7a_c0000185".into(),
        default_bucket_id: Some("WIN8_DRIVER_FAULT"),
        irql: Some(0),
        trap_frame: Some(Hex(0xffff_d001_2222_1100)),
        exception_record: Some(Hex(0xffff_d001_2222_1000)),
        context: Some(Hex(0xffff_d001_2222_0800)),
        accessed: Some(Hex(0xffff_f960_0012_3456)),
        access: Some("read"),
        address: Some(Hex(0xffff_f801_0300_1234)),
        frame: Some(2),
        symbol_name: Some("exampflt!ExampRead+234".into()),
        module_name: Some("exampflt".into()),
        image_name: Some("exampflt.sys".into()),
        image_version: Some("1.2.3.4".into()),
        image_timestamp: Some(0x5215_F8CD),
        function_offset: Some(Hex(0x234)),
        bucket_id: Some("0x7a_c0000185_exampflt!ExampRead".into()),
        hash: Some("9745090a-9bce-ccba-c096-ca6e9ca04c64".into()),
        confidence: Confidence::Likely,
    }
}

/// The report.
pub(crate) fn sample() -> Report {
    Report {
        schema: SCHEMA,
        file: File {
            name: "FILESRV07-MEMORY.DMP".into(),
            size: Hex(0x1_2345_6000),
            kind: Kind::BitmapKernel,
            kind_label: "Kernel memory dump, by bitmap".into(),
            truncated: true,
            encrypted: false,
            holds: "Kernel memory is in it, the memory of programs is not.".into(),
            opening: "Kernel Bitmap Dump File",
        },
        summary: "A page could not be read back from the page file of FILESRV07.corp.example."
            .into(),
        error: Some(Note::new(
            "example",
            "Only here so that the field is filled.",
        )),
        bugcheck: Some(bugcheck()),
        system: Some(system()),
        platform: Some(platform()),
        modules: modules(),
        unloaded_modules: vec![UnloadedModule {
            name: "dump_storvsc".into(),
            base: Hex(0xffff_f801_0200_0000),
            end: Hex(0xffff_f801_0201_0000),
            time: Some("2020-11-19T09:00:00Z".into()),
        }],
        exception: Some(exception()),
        stack: Some(stack()),
        stacks: vec![],
        processors: vec![Processor {
            number: 1,
            stopped: true,
            thread: Some(Hex(0xffff_e000_1234_6080)),
            thread_id: Some(4300),
            process: Some(Hex(0xffff_e000_1234_5080)),
            pid: Some(4272),
            process_name: Some("sqlservr.exe".into()),
            idle: Some(false),
            dpc_active: Some(false),
            irql: Some(2),
        }],
        blame: Some(Blame {
            module: "exampflt.sys".into(),
            symbol: Some("ExampRead".into()),
            bucket_id: Some("0x7a_c0000185_exampflt!ExampRead".into()),
            failure_hash: Some("9745090a-9bce-ccba-c096-ca6e9ca04c64".into()),
            confidence: Confidence::Possible,
            evidence: evidence(
                "It is the first module of another maker on the stack",
                "frame 2",
            ),
        }),
        failure: Some(failure()),
        memory: Some(memory()),
        integration_services: Some(services()),
        symbol_files: vec![SymbolFile {
            name: "ntkrnlmp.pdb".into(),
            kind: "symbols",
            identity: "ntkrnlmp.pdb D3B07384-D113-EDEC-49EA-A6238AD5FF11, age 2".into(),
            module: Some("ntoskrnl.exe".into()),
            used: false,
            why: Some("It belongs to another build than this dump's ntoskrnl.exe.".into()),
        }],
        wanted_symbols: vec![WantedSymbol {
            module: "exampflt.sys".into(),
            kind: "image",
            path: "exampflt.sys/5215F8CD26000/exampflt.sys".into(),
            why: "2 frames of the stack lie in it".into(),
        }],
        story: Some(story()),
        registry: Some(registry()),
        findings: findings(),
        header: Some(header()),
        secondary_data: secondary_data(),
        notes: notes(),
        stats: Stats {
            rounds: 12,
            reads: 34,
            bytes_read: Hex(0x20_0000),
            elapsed_ms: Some(56.75),
            memory_kib: Some(20480),
        },
    }
}

fn header() -> RawHeader {
    RawHeader {
        structure: "DUMP_HEADER64",
        fields: vec![HeaderField {
            offset: Hex(0x38),
            name: "BugCheckCode",
            value: Some("0x7a".into()),
            meaning: Some("KERNEL_DATA_INPAGE_ERROR".into()),
            gap: Some(Gap::NotRecorded),
        }],
    }
}

fn secondary_data() -> Vec<SecondaryBlob> {
    vec![SecondaryBlob {
        guid: "270a33fd-3da6-460d-ba89-3c1bae21e39b".into(),
        label: Some("Hypervisor flags"),
        offset: Hex(0x1_2345_0000),
        size: 72,
        details: vec![Detail {
            name: "Starts tried",
            value: "1".into(),
        }],
    }]
}

fn notes() -> Vec<Note> {
    vec![Note::new(
        "symbols-none",
        "Symbols were looked for in C:\\Users\\jdoe\\My Symbols\\nt and not found; the share \
             \\\\HV-NODE3\\symbols did not answer.",
    )]
}

fn bugcheck() -> BugCheck {
    let parameter = |value, meaning: &str, decoded: Option<&str>| Parameter {
        value: Hex(value),
        meaning: meaning.into(),
        decoded: decoded.map(Into::into),
    };
    BugCheck {
        code: 0x7A,
        name: "KERNEL_DATA_INPAGE_ERROR".into(),
        description: "A page of kernel data could not be read in from the page file.".into(),
        causes: strings(&["A bad block in the page file", "Storage that went away"]),
        parameters: vec![
            parameter(
                0xffff_f680_0000_1000,
                "address of the page table entry",
                None,
            ),
            parameter(0xC000_0185, "status", Some("STATUS_IO_DEVICE_ERROR")),
            parameter(0x1_2345_6080, "contents of the page table entry", None),
            parameter(
                0xffff_f900_c000_0000,
                "address that could not be paged in",
                None,
            ),
        ],
        subtype: Some("The disk reported an error.".into()),
        next: Some("Parameter 2 says why the read failed.".into()),
        commands: strings(&["!address fffff900c0000000"]),
        virtual_machine: Some("Look at the host's storage.".into()),
        source: "header",
    }
}

fn system() -> System {
    System {
        os: Some("Windows Server 2012 R2".into()),
        build: Some(9600),
        build_lab: Some("9600.16384.amd64fre.winblue_rtm.130821-1623".into()),
        architecture: Some("x64"),
        product: Some("server"),
        suite: vec!["TerminalServer", "SingleUserTS"],
        processors: Some(4),
        crash_time: Some("2020-11-19T11:33:20.123Z".into()),
        uptime_seconds: Some(344_587.653),
        kernel_base: Some(Hex(0xffff_f801_2240_0000)),
        processor_name: Some("Invented CPU @ 2.00GHz".into()),
        processor_id: Some(ProcessorId {
            vendor: Some("GenuineIntel".into()),
            family: Some(6),
            model: Some(0x2D),
            stepping: Some(7),
            microcode: Some(0x714),
        }),
        computer_name: Some("FILESRV07".into()),
        kernel_version: Some("6.3.9600.17031".into()),
        time_zone_bias_minutes: Some(-60),
        time_zone: Some("W. Europe Standard Time".into()),
    }
}

fn module(name: &str, base: u64, microsoft: bool) -> Module {
    Module {
        name: name.into(),
        path: Some(alloc::format!("C:\\Users\\jdoe\\Drivers\\{name}")),
        base: Hex(base),
        size: 0x2_6000,
        timestamp: Some(1_377_123_456),
        timestamp_is_hash: Some(false),
        checksum: Some(0x2_71B4),
        version: Some("6.3.9.16".into()),
        pdb: Some(Pdb {
            name: "example.pdb".into(),
            guid: "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9".into(),
            age: 2,
            url: "example.pdb/0A1B2C3D4E5F60718293A4B5C6D7E8F92/example.pdb".into(),
        }),
        image_path: Some(alloc::format!("{name}/521518C026000/{name}")),
        vendor: Some("Example Ltd".into()),
        purpose: Some("file system filter of a backup program".into()),
        microsoft: Some(microsoft),
    }
}

fn modules() -> Vec<Module> {
    vec![
        module("ntoskrnl.exe", 0xffff_f801_2240_0000, true),
        module("dmvsc.sys", 0xffff_f801_0300_0000, true),
        module("exampflt.sys", 0xffff_f801_0400_0000, false),
    ]
}

fn exception() -> Exception {
    Exception {
        code: 0xC000_0005,
        name: Some("STATUS_ACCESS_VIOLATION"),
        address: Hex(0xffff_f801_0400_1234),
        location: Some("exampflt+0x1234".into()),
        information: vec![Hex(0), Hex(0x10)],
        access: Some("read of address 0x10".into()),
        source: "bug check parameters".into(),
    }
}

fn stack() -> Stack {
    let frame = |address, module: Option<&str>, symbol: Option<&str>, how| Frame {
        address: Hex(address),
        stack_pointer: Some(Hex(0xffff_d000_2050_0000)),
        child: Some(Hex(0xffff_d000_2050_0008)),
        return_address: Some(Hex(0xffff_f801_2256_0000)),
        arguments: vec![Hex(0x7A), Hex(1), Hex(0xffff_d000_2050_0030), Hex(0)],
        module: module.map(Into::into),
        symbol: symbol.map(Into::into),
        offset: Some(Hex(0x1234)),
        how,
        confidence: Confidence::Likely,
        gap: module.is_none().then_some(Gap::NotInDump),
    };
    let nt = Some("ntoskrnl.exe");
    Stack {
        processor: Some(2),
        thread: Some(Hex(0xffff_e000_0123_4080)),
        process: Some(Hex(0xffff_e000_0456_7900)),
        process_name: Some("sqlservr.exe".into()),
        frames: vec![
            frame(
                0xffff_f801_2255_0000,
                nt,
                Some("KeBugCheckEx"),
                How::Context,
            ),
            frame(0xffff_f801_2256_0000, nt, None, How::Unwind),
            frame(0xffff_f801_0400_1234, Some("exampflt.sys"), None, How::Scan),
            frame(0xffff_f801_0999_0000, None, None, How::Scan),
        ],
        stretches: vec![Stretch {
            first: 0,
            frames: 2,
            kind: "bug-check",
            title: "Bug check".into(),
            text: "The kernel stops the machine.".into(),
            third_party: false,
        }],
        registers: vec![
            Register {
                name: "rax",
                value: Hex(0x10),
            },
            Register {
                name: "rbx",
                value: Hex(0),
            },
            Register {
                name: "rcx",
                value: Hex(0x7A),
            },
            Register {
                name: "rdx",
                value: Hex(0xffff_f680_0000_1000),
            },
        ],
        limits: "Frames below the first are candidates: old return addresses stay on a stack."
            .into(),
        about: None,
        idle: false,
        bug_check: true,
    }
}

fn memory() -> Memory {
    let counter = |pages: Option<u64>| Counter {
        pages: pages.map(Hex),
        source: "MmAvailablePages".into(),
        confidence: Confidence::Certain,
        gap: pages.is_none().then_some(Gap::UnknownLayout),
    };
    Memory {
        installed_bytes: Some(Hex(4 << 30)),
        devices: vec![MemoryDevice {
            locator: "DIMM 0".into(),
            bytes: Hex(4 << 30),
            speed: Some(1600),
            kind: Some("DDR3"),
            manufacturer: Some("Example".into()),
            part: Some("EX-4096".into()),
        }],
        counters: BTreeMap::from([
            ("physical", counter(Some(1_048_000))),
            ("available", counter(Some(2_345))),
            ("committed", counter(Some(1_234_567))),
            ("commit_limit", counter(None)),
        ]),
        page_files: vec![PageFile {
            name: "\\??\\C:\\pagefile.sys".into(),
            kind: "page file",
            size_pages: Hex(0x4_0000),
            free_pages: Hex(0x100),
            peak_pages: Some(Hex(0x3_ff00)),
            minimum_pages: Hex(0x4_0000),
            maximum_pages: Hex(0xC_0000),
        }],
        processes: vec![Process {
            pid: Some(4272),
            parent_pid: Some(932),
            name: "sqlservr.exe".into(),
            session: Some(0),
            created: Some("2020-11-16T08:00:00Z".into()),
            exited: Some("2020-11-19T08:00:00Z".into()),
            commit_pages: Some(Hex(0x8_0000)),
            private_pages: Some(Hex(0x7_0000)),
            working_set_pages: Some(Hex(0x1000)),
            threads: Some(41),
            address: Some(Hex(0xffff_e000_1234_5080)),
            confidence: Some(Confidence::Likely),
        }],
        pool_tags: vec![PoolTag {
            tag: "MmSt".into(),
            owner: Some("mapped files".into()),
            paged_bytes: Hex(0x123_0000),
            nonpaged_bytes: Hex(0x1000),
            paged_allocations: Some(Hex(0x1234)),
            nonpaged_allocations: Some(Hex(8)),
        }],
        physical_runs: vec![PhysicalRun {
            base_page: Hex(1),
            pages: Hex(0x9E),
            stored: Some(Hex(0x10)),
            added: true,
        }],
        coverage: Some(Coverage {
            cell_pages: Hex(0x20),
            stored: vec![500, 0, 1, 0, 1000],
            stored_pages: Hex(0x31),
        }),
        balloon: Some(balloon()),
        checks: vec![Check {
            text: "the commit limit is physical memory and page files".into(),
            holds: false,
        }],
        limits: strings(&["Memory of programs is not in a kernel dump."]),
    }
}

fn platform() -> Platform {
    let some = |text: &str| Some(String::from(text));
    Platform {
        manufacturer: some("Microsoft Corporation"),
        product: some("Virtual Machine"),
        version: some("7.0"),
        family: some("Virtual"),
        board_manufacturer: some("Microsoft Corporation"),
        board_product: some("Virtual Machine"),
        bios_vendor: some("American Megatrends Inc."),
        bios_version: some("090006"),
        bios_date: some("05/23/2012"),
        smbios_version: some("2.3"),
        serial: some("4711-0815-1234"),
        uuid: some("D3B07384-D113-EDEC-49EA-A6238AD5FF00"),
        asset_tag: some("TAG-99187"),
        vm_generation: Some(1),
        hypervisor: Hypervisor {
            vendor: HypervisorVendor::HyperV,
            role: HypervisorRole::Guest,
            confidence: Confidence::Certain,
            evidence: evidence("The synthetic bus driver vmbus.sys is loaded", "modules"),
        },
        host_generation: vec![HostGeneration::Server2012, HostGeneration::Server2012R2],
        host_evidence: evidence(
            "HostName = HV-NODE3.corp.example, VirtualMachineName = \"Payroll Database\"",
            "registry",
        ),
        remarks: strings(&[
            "Its addresses were 10.20.30.40 and fe80::1ff:fe23:4567:890a, its adapters \
             00:15:5D:01:02:03 and 00155D0A0B0C; VirtualMachineId \
             d3b07384-d113-edec-49ea-a6238ad5ff00.",
        ]),
    }
}

fn services() -> IntegrationServices {
    IntegrationServices {
        role: Role::Guest,
        components: vec![Component {
            driver: "dmvsc.sys".into(),
            purpose: "Dynamic Memory".into(),
            version: Some("6.3.9.16".into()),
            built: Some("2013-08-22T11:37:36Z".into()),
            identity: Some("5215F7E0-13000".into()),
            signature: Some("unknown".into()),
            status: ComponentStatus::Outdated,
        }],
        services: vec![IntegrationService {
            name: "vmickvpexchange".into(),
            purpose: "Data Exchange".into(),
            present: true,
            start: Some("manual".into()),
        }],
        guest_os: Some("Windows Server 2012 R2".into()),
        host_generation: vec![HostGeneration::Server2012R2],
        installed: Some("6.3.9.16".into()),
        expected: Some("6.3.9.18".into()),
        verdict: Verdict::Outdated,
        confidence: Confidence::Likely,
        explanation: "dmvsc.sys 6.3.9.16 is older than what this host brought.".into(),
        advice: strings(&["Install the updates of Windows.", "Restart the guest."]),
    }
}

fn findings() -> Vec<Finding> {
    vec![
        Finding {
            id: "memory-low",
            severity: Severity::Critical,
            confidence: Confidence::Certain,
            title: "Almost no memory was available on FILESRV07".into(),
            explanation: "2,345 of 1,048,000 pages could be had; jdoe's programs had to wait."
                .into(),
            evidence: evidence("2,345 pages", "MmAvailablePages"),
            advice: strings(&["Raise the minimum memory of the virtual machine."]),
        },
        Finding {
            id: "components-outdated",
            severity: Severity::Warning,
            confidence: Confidence::Likely,
            title: "The Dynamic Memory component is outdated".into(),
            explanation: "It may not give memory back in time.".into(),
            evidence: Vec::new(),
            advice: strings(&["Install the updates of Windows.", "Restart the guest."]),
        },
    ]
}

fn registry() -> Registry {
    let value = |key: &str, name: &str, data: &str| RegistryValue {
        key: key.into(),
        name: name.into(),
        kind: Some("REG_SZ".into()),
        data: Some(data.into()),
        gap: None,
    };
    let guest = "HKLM\\SOFTWARE\\Microsoft\\Virtual Machine\\Guest\\Parameters";
    let external = "HKLM\\SOFTWARE\\Microsoft\\Virtual Machine\\External";
    Registry {
        hives: vec![RegistryHive {
            path: "\\REGISTRY\\MACHINE\\SYSTEM".into(),
            gap: Some(Gap::PagedOut),
        }],
        values: vec![
            value(
                guest,
                "PhysicalHostNameFullyQualified",
                "HV-NODE3.corp.example",
            ),
            value(guest, "VirtualMachineName", "Payroll Database"),
            value(external, "Owner", "Contoso Ledger"),
            RegistryValue {
                key: "HKLM\\SYSTEM\\CurrentControlSet\\Control\\CrashControl".into(),
                name: String::new(),
                kind: None,
                data: None,
                gap: Some(Gap::PagedOut),
            },
        ],
    }
}

fn balloon() -> Balloon {
    Balloon {
        driver: "dmvsc.sys".into(),
        loaded: Some(true),
        state: BalloonState::NotGivingBack,
        confidence: Confidence::Likely,
        explanation: "Drivers have locked half of the memory of FILESRV07.".into(),
        host_setting: Some(true),
        locked_pages: Some(Hex(0xf_0000)),
        usable_pages: Some(Hex(0x11_0000)),
        hot_added_pages: Some(Hex(0x8_0000)),
        not_accounted_pages: None,
        evidence: evidence("Drivers have locked 3.8 GiB.", "counter mdl_pages"),
    }
}

fn story() -> Story {
    Story {
        summary: "FILESRV07 had too little memory that it could use.".into(),
        links: vec![StoryLink {
            text: "Almost no memory was left on FILESRV07.".into(),
            confidence: Confidence::Certain,
            evidence: evidence("Available: 7 MiB", "counter available"),
        }],
        root_cause: "Dynamic Memory did not give memory back to FILESRV07.".into(),
        confidence: Confidence::Likely,
        advice: strings(&["Insert the setup disk from HV-NODE3.corp.example."]),
        alternatives: vec![Alternative {
            cause: "The storage of HV-NODE3.corp.example stalled.".into(),
            tells_apart: "Look for its events.".into(),
        }],
    }
}
