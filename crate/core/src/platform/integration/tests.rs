use super::*;
use crate::memory::VirtualAddress;
use crate::model::{Component, ComponentStatus, HostGeneration};
use crate::nt::Module;
use crate::platform::identify::tests::{gen1, gen2, loaded};
use crate::platform::smbios::build::Table;
use crate::platform::testing::{self, ACPI, REGISTERS, SMBIOS, damaged};
use crate::platform::{PlatformInputs, identify};
use alloc::{borrow::ToOwned, vec};

/// Link times of the builds that the tests need, from published time stamps.
const OF_7601: u32 = 0x4CE7_951A;
const OF_9600: u32 = 0x5215_D156;
const OF_9600_17415: u32 = 0x5450_3A43;

const FILES: [&str; 6] = [
    "vmbus.sys",
    "storvsc.sys",
    "netvsc63.sys",
    "dmvsc.sys",
    "VMBusHID.sys",
    "vmstorfl.sys",
];

fn linked(files: &[(&str, u32)]) -> ModuleList {
    let module = |(name, timestamp): &(&str, u32)| Module {
        name: (*name).into(),
        base: VirtualAddress(0xFFFF_F800_0000_0000),
        size: 0x1000,
        timestamp: Some(*timestamp),
        ..Module::default()
    };
    ModuleList::new(files.iter().map(module).collect())
}

fn all_linked(timestamp: u32) -> ModuleList {
    linked(&FILES.map(|file| (file, timestamp)))
}

fn facts(smbios: &[u8], modules: &ModuleList) -> PlatformFacts {
    identify(&PlatformInputs {
        smbios: Some(smbios),
        modules: Some(modules),
        ..PlatformInputs::default()
    })
}

/// A minidump of a server guest.
fn server(modules: &ModuleList, build: u32) -> IntegrationInputs<'_> {
    IntegrationInputs {
        modules: Some(modules),
        build: Some(build),
        product_type: Some(3),
        small_dump: true,
        ..IntegrationInputs::default()
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    list.iter().map(owned).collect()
}

fn of<'a>(found: &'a IntegrationServices, driver: &str) -> &'a Component {
    let same = |c: &&Component| c.driver.eq_ignore_ascii_case(driver);
    found.components.iter().find(same).unwrap()
}

fn host_2012() -> Vec<u8> {
    gen1("090006", "05/23/2012", "1519-7810-4472-8775-7272-8851-12")
}

#[test]
fn a_2008_r2_guest_with_its_own_components_is_outdated_on_a_host_of_2012() {
    let modules = all_linked(OF_7601);
    let found = diagnose(&facts(&host_2012(), &modules), &server(&modules, 7601));
    assert_eq!(
        (found.role, found.verdict),
        (Role::Guest, Verdict::Outdated)
    );
    assert_eq!(found.confidence, Confidence::Likely);
    assert_eq!(
        found.guest_os.as_deref(),
        Some("Windows Server 2008 R2 SP1")
    );
    assert_eq!(found.installed.as_deref(), Some("6.1.7601.17514"));
    assert!(
        found
            .expected
            .as_deref()
            .unwrap()
            .contains("6.3.9600.18907 (Windows Server 2012 R2)")
    );
    assert_eq!(of(&found, "dmvsc.sys").status, ComponentStatus::Outdated);
    assert_eq!(
        of(&found, "vmbus.sys").version.as_deref(),
        Some("6.1.7601.17514")
    );
    assert_eq!(
        of(&found, "vmbus.sys").built.as_deref(),
        Some("2010-11-20T09:30:02Z")
    );
    // The host is not certain: each way is shown with the host it is for.
    let advice = found.advice.join("\n");
    assert!(advice.contains("If the host is Windows Server 2012 or 2012 R2"));
    assert!(advice.contains("vmguest.iso"));
    assert!(advice.contains("If the host is Windows 10 or 11"));
    assert!(advice.contains("2012 or 2012 R2 (or Windows 8 or 8.1): "));
    assert!(advice.contains("18590") && advice.contains("3322") && advice.contains("StorageVSP"));
}

#[test]
fn a_2012_r2_guest_with_first_release_components_is_outdated_there_too() {
    let modules = all_linked(OF_9600);
    let found = diagnose(&facts(&host_2012(), &modules), &server(&modules, 9600));
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::Outdated, Confidence::Likely)
    );
    assert_eq!(found.installed.as_deref(), Some("6.3.9600.16384"));
    assert_eq!(of(&found, "netvsc63.sys").status, ComponentStatus::Outdated);
    // Two files are too few to say it of all.
    let modules = linked(&[("vmbus.sys", OF_9600), ("storvsc.sys", OF_9600)]);
    let found = diagnose(&facts(&host_2012(), &modules), &server(&modules, 9600));
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::Outdated, Confidence::Possible)
    );
    assert!(found.explanation.contains("kernel dump would hold"));
}

#[test]
fn uneven_files_are_healthy_where_windows_update_serves_them() {
    let versions = pairs(&[
        ("vmbus.sys", "6.3.9600.16384"),
        ("storvsc.sys", "6.3.9600.17415"),
        ("netvsc63.sys", "6.3.9600.18907"),
        ("dmvsc.sys", "6.3.9600.18907 (winblue_ltsb.180101-1800)"),
    ]);
    let modules = all_linked(OF_9600);
    let newer = gen1("090007", "05/18/2018", "x");
    let inputs = IntegrationInputs {
        versions: &versions,
        ..server(&modules, 9600)
    };
    let found = diagnose(&facts(&newer, &modules), &inputs);
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::Current, Confidence::Likely)
    );
    assert_eq!(of(&found, "vmbus.sys").status, ComponentStatus::InBox);
    assert_eq!(of(&found, "dmvsc.sys").status, ComponentStatus::Current);
}

#[test]
fn a_file_later_than_every_known_build_is_not_taken_for_the_first_release() {
    let mut files = FILES.map(|file| (file, OF_9600));
    files[2].1 = 0x5B00_0000; // May 2018, between the known windows.
    let modules = linked(&files);
    let found = diagnose(&facts(&host_2012(), &modules), &server(&modules, 9600));
    assert_ne!(found.installed.as_deref(), Some("6.3.9600.16384"));
    assert_eq!(found.confidence, Confidence::Possible);
    assert_eq!(
        of(&found, "netvsc63.sys").version,
        None,
        "near is not shown"
    );
    assert!(of(&found, "netvsc63.sys").built.is_some());
}

#[test]
fn two_packages_at_once_are_mixed_only_where_there_are_packages() {
    let mut files = FILES.map(|file| (file, OF_7601));
    files[0].1 = OF_9600_17415;
    files[1].1 = OF_9600_17415;
    let modules = linked(&files);
    let found = diagnose(&facts(&host_2012(), &modules), &server(&modules, 7601));
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::Mixed, Confidence::Likely)
    );
    assert_eq!(
        found.installed.as_deref(),
        Some("6.1.7601.17514 and 6.3.9600.17415")
    );

    let mut files = FILES.map(|file| (file, OF_9600));
    files[0].1 = OF_9600_17415;
    let modules = linked(&files);
    let found = diagnose(&facts(&host_2012(), &modules), &server(&modules, 9600));
    assert_ne!(found.verdict, Verdict::Mixed);
}

#[test]
fn a_month_in_which_windows_updates_were_built_too_decides_nothing() {
    let mut files = FILES.map(|file| (file, OF_7601));
    files[0].1 = 0x5548_0000; // May 2015: a window of months.
    let modules = linked(&files);
    let found = diagnose(&facts(&host_2012(), &modules), &server(&modules, 7601));
    assert_eq!(found.verdict, Verdict::Unknown);
    assert!(found.explanation.contains("kernel dump would hold"));
}

#[test]
fn hosts_that_disagree_leave_it_open() {
    let versions = pairs(&[
        ("vmbus.sys", "6.2.9200.16384"),
        ("storvsc.sys", "6.2.9200.16384"),
    ]);
    let modules = loaded(&["vmbus.sys", "storvsc.sys"]);
    let inputs = IntegrationInputs {
        versions: &versions,
        ..server(&modules, 9200)
    };
    let found = diagnose(&facts(&host_2012(), &modules), &inputs);
    assert_eq!(found.verdict, Verdict::Unknown);
    assert!(found.explanation.contains("fits Windows Server 2012;"));
    assert!(found.explanation.contains("Windows Server 2012 R2"));
}

#[test]
fn what_windows_recorded_counts_unless_the_loaded_files_are_surely_older() {
    let registry = pairs(&[
        ("Auto\\IntegrationServicesVersion", "6.3.9600.18907"),
        ("HostingSystemOsMajor", "6"),
        ("HostingSystemOsMinor", "3"),
    ]);
    let smbios = host_2012();
    let judge = |modules: &ModuleList| {
        let facts = identify(&PlatformInputs {
            smbios: Some(&smbios),
            registry: &registry,
            modules: Some(modules),
            ..PlatformInputs::default()
        });
        let inputs = IntegrationInputs {
            registry: &registry,
            small_dump: false,
            ..server(modules, 7601)
        };
        diagnose(&facts, &inputs)
    };
    // The drivers of the day on which Windows itself was built are still at work.
    let found = judge(&all_linked(OF_7601));
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::Mixed, Confidence::Likely)
    );
    // A time of no known build says nothing against the record.
    let found = judge(&all_linked(0x5600_0000));
    assert_eq!(found.verdict, Verdict::Current);
    assert_eq!(found.host_generation[0], HostGeneration::Server2012R2);
    assert_eq!(found.expected.as_deref(), Some("6.3.9600.18907"));
    assert!(!found.advice.iter().any(|step| step.contains("vmguest.iso")));
}

#[test]
fn a_client_of_the_age_of_2012_r2_has_a_setup_disk_too() {
    let registry = pairs(&[("HostingSystemOsMajor", "6"), ("HostingSystemOsMinor", "3")]);
    let modules = all_linked(OF_7601);
    let smbios = host_2012();
    let facts = identify(&PlatformInputs {
        smbios: Some(&smbios),
        registry: &registry,
        modules: Some(&modules),
        ..PlatformInputs::default()
    });
    let hosts = [HostGeneration::Server2012R2, HostGeneration::Client];
    assert_eq!(facts.platform.host_generation, hosts);
    let found = diagnose(&facts, &server(&modules, 7601));
    let steps = &found.advice;
    assert!(steps.iter().any(|step| step.contains("vmguest.iso")));
    assert!(!steps.iter().any(|step| step.starts_with("If the host")));
}

#[test]
fn components_of_windows_10_are_part_of_it_and_hashes_are_not_dated() {
    let modules = all_linked(OF_9600);
    let smbios = gen2("Hyper-V UEFI Release v4.1", "04/06/2022", "Virtual Machine");
    let found = diagnose(&facts(&smbios, &modules), &server(&modules, 20348));
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::InBox, Confidence::Certain)
    );
    assert_eq!(found.guest_os.as_deref(), Some("Windows Server 2022"));
    let loaded = || {
        found
            .components
            .iter()
            .filter(|c| c.status != ComponentStatus::NotLoaded)
    };
    assert!(loaded().count() >= 6);
    assert!(loaded().all(|c| c.status == ComponentStatus::InBox));
    assert!(loaded().all(|c| c.built.is_none() && c.version.is_none()));
    assert!(found.advice[0].contains("cumulative update"));
    assert!(!found.advice.iter().any(|step| step.contains("vmguest.iso")));
    // Server 2016 still has times, but its own ones.
    let found = diagnose(&facts(&smbios, &modules), &server(&modules, 14393));
    assert!(of(&found, "vmbus.sys").built.is_some());
    assert_eq!(of(&found, "vmbus.sys").version, None);
}

#[test]
fn a_balloon_driver_that_is_not_loaded_is_missing_only_with_proof() {
    let files: Vec<_> = FILES
        .iter()
        .filter(|file| **file != "dmvsc.sys")
        .map(|file| (*file, OF_9600))
        .collect();
    let modules = linked(&files);
    let facts = facts(&gen1("090008", "12/07/2018", "x"), &modules);
    let inputs = server(&modules, 20348);
    let found = diagnose(&facts, &inputs);
    assert_eq!(found.verdict, Verdict::InBox);
    assert_eq!(of(&found, "dmvsc.sys").status, ComponentStatus::NotLoaded);
    assert!(found.explanation.contains("static memory"));
    for (value, verdict) in [("1", Verdict::Missing), ("0", Verdict::InBox)] {
        let registry = pairs(&[("VirtualMachineDynamicMemoryBalancingEnabled", value)]);
        let found = diagnose(
            &facts,
            &IntegrationInputs {
                registry: &registry,
                ..inputs
            },
        );
        assert_eq!(found.verdict, verdict);
    }
    // The whole list of services lacks the channel itself.
    let services = vec!["Disk".to_owned(), "Tcpip".to_owned()];
    let none = linked(&[("ntoskrnl.exe", OF_9600)]);
    let found = diagnose(
        &facts,
        &IntegrationInputs {
            services: Some(&services),
            ..server(&none, 7601)
        },
    );
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::Missing, Confidence::Certain)
    );
}

#[test]
fn a_service_of_a_later_windows_is_not_told_to_be_absent() {
    let modules = loaded(&["ntoskrnl.exe", "vmbus.sys", "storvsc.sys"]);
    let services = vec!["vmbus".to_owned(), "vmicvss".to_owned()];
    let names = |build| {
        let inputs = IntegrationInputs {
            services: Some(&services),
            ..server(&modules, build)
        };
        let found = diagnose(&facts(&host_2012(), &modules), &inputs).services;
        found
            .into_iter()
            .map(|service| (service.name.into_owned(), service.present))
            .collect::<Vec<_>>()
    };
    let (old, new) = (names(9600), names(14393));
    let session = ("vmicvmsession".to_owned(), false);
    assert!(!old.contains(&session) && new.contains(&session));
    for found in [&old, &new] {
        assert!(found.contains(&("vmicvss".to_owned(), true)));
        assert!(found.contains(&("vmicheartbeat".to_owned(), false)));
    }
}

#[test]
fn a_machine_of_hyper_v_without_one_of_its_drivers_runs_on_emulated_devices() {
    let modules = loaded(&["ntoskrnl.exe", "atapi.sys", "vmstorfl.sys"]);
    let found = diagnose(&facts(&host_2012(), &modules), &server(&modules, 6002));
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::Missing, Confidence::Likely)
    );
    assert!(found.advice.iter().any(|step| step.contains("vmguest.iso")));
}

#[test]
fn other_hypervisors_get_their_own_tools_and_no_setup_disk() {
    for (maker, product, tools) in [
        ("VMware, Inc.", "VMware7,1", "VMware Tools"),
        ("innotek GmbH", "VirtualBox", "Guest Additions"),
        ("QEMU", "Standard PC (Q35 + ICH9, 2009)", "virtio"),
        ("Amazon EC2", "m5.large", "AWS"),
        ("Parallels", "Parallels Virtual Platform", "Parallels Tools"),
    ] {
        let smbios = Table::default()
            .firmware("Firmware", "1", "05/23/2012", false)
            .system(maker, product, "1", "")
            .blob();
        let modules = loaded(&["vmstorfl.sys", "winhvr.sys", "Vid.sys"]);
        let found = diagnose(&facts(&smbios, &modules), &server(&modules, 7601));
        assert_eq!(
            (found.role, found.verdict),
            (Role::Neither, Verdict::NotApplicable)
        );
        assert!(found.explanation.contains(tools), "{}", found.explanation);
        assert!(!found.advice.join(" ").contains("Integration Services"));
        assert!(found.components.is_empty() && found.expected.is_none());
    }
}

#[test]
fn azure_has_no_host_to_look_at() {
    let modules = all_linked(OF_9600);
    let smbios = gen1("090008", "12/07/2018", "7783-7084-3265-9085-8269-3286-77");
    let found = diagnose(&facts(&smbios, &modules), &server(&modules, 17763));
    assert_eq!(found.verdict, Verdict::InBox);
    assert!(found.advice.iter().any(|step| step.contains("portal")));
    assert!(!found.advice.iter().any(|step| step.contains("On the host")));
}

#[test]
fn without_a_known_host_nothing_is_called_outdated() {
    let modules = all_linked(OF_7601);
    let smbios = gen1("999999", "05/23/2012", "x");
    let found = diagnose(&facts(&smbios, &modules), &server(&modules, 7601));
    assert_eq!(found.verdict, Verdict::Unknown);
    assert_eq!(found.installed.as_deref(), Some("6.1.7601.17514"));
    assert!(found.advice.iter().any(|step| step.contains("vmguest.iso")));
    assert!(
        found
            .advice
            .iter()
            .any(|step| step.contains("vmickvpexchange"))
    );
}

#[test]
fn nothing_known_is_said_to_be_unknown() {
    let found = diagnose(&PlatformFacts::default(), &IntegrationInputs::default());
    assert_eq!(
        (found.role, found.verdict),
        (Role::Unknown, Verdict::Unknown)
    );
    assert!(found.explanation.contains("cannot be told"));
}

#[test]
fn no_real_dump_of_the_corpus_is_a_guest() {
    for dump in testing::dumps() {
        let modules = dump.modules();
        let facts = identify(&PlatformInputs {
            smbios: dump.blob(SMBIOS),
            acpi: dump.blob(ACPI),
            cpuid: dump.blob(REGISTERS),
            modules: Some(&modules),
            build: Some(dump.build()),
            ..PlatformInputs::default()
        });
        let found = diagnose(&facts, &server(&modules, dump.build()));
        let role = match dump.name.as_str() {
            "w10-19041-x64-7e.dmp" => Role::Host,
            _ => Role::Neither,
        };
        assert_eq!(
            (found.role, found.verdict),
            (role, Verdict::NotApplicable),
            "{}",
            dump.name
        );
        assert!(
            found.components.is_empty() && found.advice.is_empty(),
            "{}",
            dump.name
        );
    }
}

#[test]
fn hostile_names_and_times_do_not_panic() {
    let good = host_2012();
    damaged(&good, |bytes| {
        let stamp = bytes
            .iter()
            .fold(0u32, |sum, &b| sum.wrapping_mul(31) ^ u32::from(b));
        let modules = linked(&FILES.map(|file| (file, stamp)));
        let registry = pairs(&[("IntegrationServicesVersion", "99999.1.1.1")]);
        let builds = [0, 2600, 7601, 9600, 20348, u32::MAX];
        let build = builds[stamp as usize % builds.len()];
        let inputs = IntegrationInputs {
            registry: &registry,
            ..server(&modules, build)
        };
        let _ = diagnose(&facts(bytes, &modules), &inputs);
    });
}
