//! The kernel image and the drivers: identity, addresses, loader entries, unloaded drivers.

use super::{Machine, Shape};
use crate::image::PeFile;
use crate::layout::loader::{
    LEGACY32, LEGACY64, Loader, MODERN64, UNLOADED_SLOTS, UNLOADED32, UNLOADED64,
};
use crate::scenario::{Architecture, Module};

/// A loaded image.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// File name.
    pub name: String,
    /// Path as the loader records it.
    pub path: String,
    /// Address.
    pub base: u64,
    /// Bytes in memory.
    pub size: u64,
    /// Link stamp.
    pub stamp: u32,
    /// PE checksum.
    pub checksum: u32,
    /// File version in four parts.
    pub version: [u16; 4],
    /// Company name of the version resource.
    pub company: String,
    /// Symbol file name.
    pub pdb: String,
    /// Symbol file GUID, in memory order.
    pub guid: [u8; 16],
    /// Symbol file age.
    pub age: u32,
    /// Address of its loader entry.
    pub loader_entry: u64,
    /// A real file that it is made of, empty for an invented one.
    pub file: Vec<u8>,
    /// Relative address of its entry point.
    pub entry: u64,
    /// Functions with the shape of their frames: first byte, first byte after, shape.
    pub functions: Vec<(u32, u32, Shape)>,
}

impl Image {
    /// True for images that live in session space.
    pub fn in_session(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        name.starts_with("win32k") || ["cdd.dll", "tsddd.dll", "atmfd.dll"].contains(&name.as_str())
    }
}

/// Four parts of a printed version; missing parts are 0.
pub fn version_parts(text: &str) -> [u16; 4] {
    let mut parts = [0; 4];
    for (slot, part) in parts.iter_mut().zip(text.split('.')) {
        *slot = part.parse().unwrap_or(0);
    }
    parts
}

impl Machine<'_> {
    /// Layout of loader entries on this machine.
    pub fn loader_layout(&self) -> Loader {
        match (self.arch(), self.scenario.machine.build) {
            (Architecture::X86, _) => LEGACY32,
            (_, ..=9600) => LEGACY64,
            _ => MODERN64,
        }
    }

    /// Decides where every image lies and who it is, and writes the loader entries.
    pub(super) fn load_images(&mut self) {
        let kernel = self.kernel_image();
        self.images.push(kernel);
        let mut modules = self.scenario.modules.clone();
        if modules.is_empty() {
            modules = default_modules(self.arch());
        }
        let mut bases = self.image_bases(&modules);
        for module in &modules {
            let base = bases.remove(0);
            let image = self.driver_image(module, base);
            self.images.push(image);
        }
        self.write_loader_entries();
        self.write_unloaded();
    }

    fn kernel_image(&self) -> Image {
        let machine = &self.scenario.machine;
        let pdb = match (self.arch(), machine.pae, machine.build) {
            (Architecture::X86, true, _) => "ntkrpamp.pdb",
            (Architecture::X64, _, _) if machine.paging_levels == 5 => "ntkrla57.pdb",
            _ => "ntkrnlmp.pdb",
        };
        Image {
            name: "ntoskrnl.exe".into(),
            path: r"\SystemRoot\system32\ntoskrnl.exe".into(),
            base: self.regions.kernel_base,
            size: u64::from(self.build.image_size),
            stamp: self.build.timestamp,
            checksum: self.rng("kernel checksum").below(0x10_0000) as u32 + 0x70_0000,
            version: version_parts(&self.build.version),
            company: "Microsoft Corporation".into(),
            pdb: pdb.into(),
            guid: crate::layout::secondary::guid_bytes(&self.build.guid).unwrap_or_default(),
            age: self.build.age,
            entry: u64::from(self.build.image_size) / 2 / 16 * 16,
            ..Image::default()
        }
    }

    /// Addresses for the drivers, in another order than the list's.
    fn image_bases(&mut self, modules: &[Module]) -> Vec<u64> {
        let mut order: Vec<usize> = (0..modules.len()).collect();
        self.rng("image order").shuffle(&mut order);
        let mut bases = vec![0; modules.len()];
        for i in order {
            let size = modules[i].size.0.next_multiple_of(0x1000);
            let probe = Image {
                name: modules[i].name.clone(),
                ..Image::default()
            };
            let region = if probe.in_session() {
                &mut self.regions.session
            } else {
                &mut self.regions.images
            };
            bases[i] = modules[i].base.map_or_else(|| region.pages(size), |n| n.0);
        }
        bases
    }

    fn driver_image(&self, module: &Module, base: u64) -> Image {
        let mut rng = self.rng(&module.name);
        let stem = module
            .name
            .rsplit_once('.')
            .map_or(module.name.as_str(), |p| p.0);
        let mut guid = [0; 16];
        guid[..8].copy_from_slice(&rng.next().to_le_bytes());
        guid[8..].copy_from_slice(&rng.next().to_le_bytes());
        let stamp = match (&module.stamp, &module.built) {
            (Some(n), _) => n.0 as u32,
            (_, Some(moment)) => moment.stamp(),
            // Windows 10 from 1703 on links reproducibly: the stamp is a hash.
            _ if self.scenario.machine.build >= 15063 => rng.next() as u32,
            _ => self.build.timestamp.wrapping_sub(rng.below(20_000) as u32),
        };
        Image {
            name: module.name.clone(),
            path: module.full_path(),
            base,
            size: module.size.0,
            stamp,
            checksum: module.checksum.map_or_else(
                || module.size.0 as u32 + rng.below(0xffff) as u32,
                |n| n.0 as u32,
            ),
            version: version_parts(module.version.as_deref().unwrap_or(&self.build.version)),
            company: module.company.clone(),
            pdb: module.pdb.clone().unwrap_or_else(|| format!("{stem}.pdb")),
            guid,
            age: 1,
            entry: PeFile::parse(&module.bytes)
                .map_or(module.size.0 / 2 / 16 * 16, |file| u64::from(file.entry)),
            file: module.bytes.clone(),
            ..Image::default()
        }
    }

    fn write_loader_entries(&mut self) {
        let layout = self.loader_layout();
        let mut links = Vec::new();
        for i in 0..self.images.len() {
            let image = self.images[i].clone();
            let tail = image.path.rsplit('\\').next().unwrap_or("").to_owned();
            // The name stands behind the entry itself, the path in paged pool.
            let name = 2 * tail.len() as u64 + 2;
            let entry = self.regions.nonpaged.allocate(layout.size + name);
            let name_at = self.regions.paged.allocate(2 * image.path.len() as u64 + 2);
            self.put_pointer(entry + layout.base, image.base);
            self.put_pointer(entry + layout.entry_point, image.base + image.entry);
            self.kernel
                .u32(entry + layout.image_size, image.size as u32);
            self.put_string(entry + layout.full_name, name_at, &image.path);
            self.put_string(entry + layout.base_name, entry + layout.size, &tail);
            self.kernel.u32(entry + layout.flags, 0x4900_4000);
            self.kernel
                .u16(entry + layout.load_count, if i < 8 { 0x50 } else { 1 });
            self.kernel.u32(entry + layout.checksum, image.checksum);
            self.kernel.u32(entry + layout.time_stamp, image.stamp);
            self.images[i].loader_entry = entry;
            links.push(entry);
        }
        if let Some(head) = self.variable("PsLoadedModuleList") {
            self.link(head, &links);
        }
    }

    fn write_unloaded(&mut self) {
        let p = self.pointer();
        let (stride, start, end, time) = if p == 4 { UNLOADED32 } else { UNLOADED64 };
        let unloaded = self.scenario.unloaded.clone();
        if unloaded.is_empty() {
            return;
        }
        let array = self.regions.nonpaged.allocate(stride * UNLOADED_SLOTS);
        self.kernel.touch(array, stride * UNLOADED_SLOTS);
        for (i, module) in unloaded.iter().enumerate().take(UNLOADED_SLOTS as usize) {
            let entry = array + stride * i as u64;
            let name_at = self.regions.nonpaged.allocate(64);
            self.put_string(entry, name_at, &module.name);
            let size = module.size.0.max(0x1000);
            let from = module
                .start
                .map_or_else(|| self.regions.images.pages(size), |n| n.0);
            self.put_pointer(entry + start, from);
            self.put_pointer(entry + end, from + size);
            let when = module.time.unwrap_or(self.scenario.system.crash_time);
            self.kernel.u64(entry + time, when.filetime());
        }
        if let Some(at) = self.variable("MmUnloadedDrivers") {
            self.put_pointer(at, array);
        }
        if let Some(at) = self.variable("MmLastUnloadedDriver") {
            self.kernel
                .u32(at, (unloaded.len() as u64 % UNLOADED_SLOTS) as u32);
        }
    }
}

/// What every machine loads when the scenario names no driver.
fn default_modules(arch: Architecture) -> Vec<Module> {
    let mut names = vec![
        ("hal.dll", 0x6_0000),
        ("kdcom.dll", 0xb000),
        ("CI.dll", 0x8_8000),
        ("ACPI.sys", 0x8_8000),
        ("pci.sys", 0x4_8000),
        ("fltmgr.sys", 0x5_c000),
        ("storport.sys", 0x6_1000),
        ("disk.sys", 0x1_c000),
        ("Ntfs.sys", 0x1f_7000),
        ("ndis.sys", 0x11_7000),
        ("tcpip.sys", 0x26_6000),
        ("win32k.sys", 0x41_4000),
    ];
    if arch == Architecture::X86 {
        names.retain(|(n, _)| *n != "CI.dll");
    }
    names
        .into_iter()
        .map(|(name, size)| Module {
            name: name.into(),
            path: (name.ends_with(".dll") || name == "win32k.sys")
                .then(|| format!(r"\SystemRoot\system32\{name}")),
            size: crate::scenario::Number(size),
            ..Module::default()
        })
        .collect()
}
