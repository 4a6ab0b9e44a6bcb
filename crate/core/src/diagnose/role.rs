//! What part a module plays when blame is looked for: the kernel and the frameworks run other
//! people's code and are where faults surface, not where they come from.
//!
//! Source: the table of drivers says which are Microsoft's; which of these work on behalf of others
//! follows from the driver models that Microsoft documents.

use crate::knowledge::driver;

/// The part a module plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The kernel, the HAL, and what belongs to them.
    Kernel,
    /// A Microsoft driver that works on behalf of other drivers: a port, class, bus or filter
    /// manager, a file system, a network layer.
    Framework,
    /// Another driver that comes with Windows.
    Windows,
    /// A driver that does not, as far as its name is known.
    Other,
}

const KERNEL: &str = "ntoskrnl.exe ntkrnlmp.exe ntkrnlpa.exe ntkrpamp.exe ntkrla57.exe \
    securekernel.exe hal.dll halacpi.dll halmacpi.dll kd.dll kdcom.dll kdnet.dll kdusb.dll \
    kd1394.dll kdstub.dll bootvid.dll pshed.dll ci.dll clfs.sys tm.sys verifier.dll \
    verifierext.sys crashdmp.sys mcupdate.dll mcupdate_genuineintel.dll mcupdate_authenticamd.dll \
    werkernel.sys ntosext.sys hvix64.exe hvax64.exe hvloader.dll symcryptk.dll";

const FRAMEWORK: &str = "acpi.sys acpiex.sys afd.sys ataport.sys bthport.sys bthusb.sys bthenum.sys \
    cdd.dll cdrom.sys classpnp.sys cldflt.sys cng.sys csc.sys dfsc.sys disk.sys drmk.sys dxgkrnl.sys \
    dxgmms1.sys dxgmms2.sys exfat.sys fastfat.sys fltmgr.sys fileinfo.sys fvevol.sys fwpkclnt.sys \
    hdaudbus.sys hidclass.sys hidparse.sys hidusb.sys http.sys iorate.sys kbdclass.sys ks.sys \
    ksecdd.sys ksecpkg.sys ksthunk.sys luafv.sys mouclass.sys mountmgr.sys mrxdav.sys mrxsmb.sys \
    mrxsmb10.sys mrxsmb20.sys msfs.sys msgpioclx.sys msrpc.sys mup.sys ndis.sys ndisuio.sys \
    ndiswan.sys netadaptercx.sys netbt.sys netio.sys npfs.sys ntfs.sys nwifi.sys pacer.sys \
    partmgr.sys pci.sys pcw.sys pdc.sys portcls.sys rdbss.sys rdyboost.sys refs.sys refsv1.sys \
    scsiport.sys sdbus.sys spaceport.sys spbcx.sys srv.sys srv2.sys srvnet.sys storport.sys \
    storqosflt.sys tcpip.sys tdi.sys tdx.sys ucmcx.sys ucx01000.sys usbccgp.sys usbd.sys usbhub.sys \
    usbhub3.sys usbport.sys usbxhci.sys videoprt.sys vmswitch.sys volmgr.sys volmgrx.sys volsnap.sys \
    volume.sys vwififlt.sys wanarp.sys watchdog.sys wcifs.sys wdf01000.sys wdfldr.sys wdiwifi.sys \
    wfplwfs.sys win32k.sys win32kbase.sys win32kbase_rs.sys win32kfull.sys wof.sys wudfrd.sys \
    ehstorclass.sys serenum.sys umbus.sys swenum.sys compositebus.sys vdrvroot.sys";

/// Drivers that come with Windows and that the table of drivers does not know.
const WINDOWS: &str = "asyncmac.sys discache.sys dmpusbstor.sys intelta.sys mspclock.sys pcmcia.sys \
    sbp2port.sys tsusbgd.sys wpdupfltr.sys";

/// Names begin so when Windows loaded a second copy of a driver to write the dump or hibernate.
const COPIES: [&str; 2] = ["dump_", "hiber_"];

/// The part that the module called `name` plays.
#[must_use]
pub fn role(name: &str) -> Role {
    let listed = |list: &str| {
        list.split_ascii_whitespace()
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    let copy = |prefix: &str| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if listed(KERNEL) {
        Role::Kernel
    } else if listed(FRAMEWORK) || COPIES.into_iter().any(copy) {
        Role::Framework
    } else if driver::is_microsoft(name) || listed(WINDOWS) {
        Role::Windows
    } else {
        Role::Other
    }
}

/// Drivers of graphics adapters themselves, not of what goes with them, by whose they are.
const DISPLAY: &[(&str, &str)] = &[
    (
        "AMD",
        "amdkmdag.sys atikmdag.sys atikmpag.sys amdkmpag.sys amdkmdap.sys",
    ),
    ("NVIDIA", "nvlddmkm.sys nvlddmkm.dll"),
    (
        "Intel",
        "igdkmd64.sys igdkmd32.sys igdkmdn64.sys igdkmdnd64.sys igdpmd64.sys igfx.sys",
    ),
    (
        "Qualcomm",
        "qcdxkm.sys qcdxkm7180.sys qcdxkm8280.sys qcdxkm8380.sys",
    ),
    ("VMware", "vm3dmp.sys vm3dmp_loader.sys"),
    ("Oracle", "vboxwddm.sys vboxvideow8.sys vboxvideo.sys"),
    ("Red Hat", "qxldod.sys viogpudo.sys"),
];

/// Whose graphics adapter the module called `name` drives, if it does.
#[must_use]
pub fn display_vendor(name: &str) -> Option<&'static str> {
    DISPLAY.iter().find_map(|(vendor, names)| {
        names
            .split_ascii_whitespace()
            .any(|known| known.eq_ignore_ascii_case(name))
            .then_some(*vendor)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_whatever_their_case_and_copies_for_the_dump_are_nobodys() {
        assert_eq!(role("NTOSKRNL.EXE"), Role::Kernel);
        assert_eq!(role("Wdf01000.sys"), Role::Framework);
        assert_eq!(role("dump_iaStorA.sys"), Role::Framework);
        assert_eq!(role("amdppm.sys"), Role::Windows);
        assert_eq!(role("ibthfp.sys"), Role::Other);
        assert_eq!(role(""), Role::Other);
        assert_eq!(display_vendor("atikmdag.sys"), Some("AMD"));
        assert_eq!(display_vendor("dxgkrnl.sys"), None);
    }

    #[test]
    fn no_name_plays_two_parts() {
        let mut all: alloc::vec::Vec<&str> = [KERNEL, FRAMEWORK, WINDOWS]
            .iter()
            .flat_map(|list| list.split_ascii_whitespace())
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
