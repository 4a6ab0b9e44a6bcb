//! What part a module plays when blame is looked for: the kernel and the frameworks run other
//! people's code and are where faults surface, not where they come from.
//!
//! Source: the names of the drivers that Windows 6.0 to 26100 ship, as module lists of dumps and
//! Microsoft's driver documentation have them.

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

const WINDOWS: &str = "acpipagr.sys acpitime.sys afunix.sys agilevpn.sys ahcache.sys amdk8.sys \
    amdppm.sys appid.sys applockerfltr.sys asyncmac.sys atapi.sys atmfd.dll bam.sys basicdisplay.sys \
    basicrender.sys battc.sys beep.sys bfs.sys bindflt.sys bowser.sys bridge.sys btha2dp.sys \
    bthhfenum.sys bthleenum.sys bthmini.sys bthmodem.sys bthpan.sys buttonconverter.sys cad.sys \
    cdfs.sys cea.sys cimfs.sys clipsp.sys cmbatt.sys cmimcext.sys condrv.sys dam.sys discache.sys \
    dmvsc.sys dmpusbstor.sys dumpfve.sys executioncontext.sys filecrypt.sys fs_rec.sys \
    fxppm.sys gpuenergydrv.sys hdaudio.sys hidbth.sys hidi2c.sys hidinterrupt.sys hidir.sys \
    hvservice.sys hvsocket.sys hyperkbd.sys hypervideo.sys i8042prt.sys intelide.sys intelpep.sys \
    intelpmt.sys intelppm.sys intelta.sys isapnp.sys kbdhid.sys kdnic.sys kerb3961kernel.sys \
    ksld.sys lltdio.sys lxcore.sys lxss.sys microsoft.bluetooth.avrcptransport.sys \
    microsoft.bluetooth.legacy.leenumerator.sys mmcss.sys modem.sys monitor.sys mouhid.sys \
    mpksldrv.sys mpsdrv.sys msgpiowin32.sys mshidkmdf.sys mshwnclx.sys msiscsi.sys msisadrv.sys \
    mskssrv.sys mslldp.sys mspclock.sys msquic.sys msseccore.sys mssecflt.sys mssecwfp.sys \
    mssmbios.sys mtconfig.sys ndiscap.sys ndisimplatform.sys ndistapi.sys ndisvirtualbus.sys \
    ndproxy.sys ndu.sys netbios.sys netvsc.sys npsvctrig.sys nsiproxy.sys null.sys nvmedisk.sys \
    pciide.sys pciidex.sys pcmcia.sys peauth.sys prm.sys processr.sys qwavedrv.sys ramdisk.sys \
    rasacd.sys rasl2tp.sys raspppoe.sys raspptp.sys rassstp.sys rdpbus.sys rdpdr.sys \
    rdpvideominiport.sys rfcomm.sys rspndr.sys sbp2port.sys scfilter.sys serial.sys sermouse.sys \
    sgrmagent.sys sleepstudyhelper.sys storahci.sys stornvme.sys storufs.sys storvsc.sys storvsp.sys \
    tbs.sys tcpipreg.sys terminpt.sys tpm.sys tsddd.dll tsusbflt.sys tsusbgd.sys tsusbhub.sys \
    tunnel.sys uaspstor.sys ucmcxucsinvppc.sys ucmucsicx.sys ucpd.sys udfs.sys uefi.sys umpass.sys \
    unionfs.sys usbaudio.sys usbaudio2.sys usbcir.sys usbehci.sys usbohci.sys usbprint.sys \
    usbscan.sys usbser.sys usbstor.sys usbuhci.sys usbvideo.sys vfpext.sys vga.sys vgapnp.sys \
    vhdmp.sys vhf.sys vid.sys vmbkmcl.sys vmbkmclr.sys vmbus.sys vmbushid.sys vmbusr.sys \
    vmgid.sys vms3cap.sys vmsproxy.sys vmsproxyhnic.sys vmstorfl.sys vpci.sys vpcivsp.sys \
    vwifibus.sys vwifimp.sys wdboot.sys wdfilter.sys wdnisdrv.sys wimmount.sys wimfsf.sys \
    winaccel.sys windowstrustedrt.sys windowstrustedrtproxy.sys winhv.sys winhvr.sys winnat.sys \
    winusb.sys wmiacpi.sys wmilib.sys wpprecorder.sys ws2ifsl.sys wsdprint.sys wsdscan.sys wtd.sys \
    wpdupfltr.sys wudfpf.sys xboxgip.sys";

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
    } else if listed(WINDOWS) {
        Role::Windows
    } else {
        Role::Other
    }
}

/// Drivers of graphics adapters, by whose they are.
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
