//! What the guest's driver vmbus.sys keeps of the bus: the versions that it can speak, and the one
//! that it speaks with its host.
//!
//! The driver tries the versions from the newest on and stores the accepted one in the record of the
//! host's partition; of the members around it only those are written that a reader can tell it by.
//! Source: symbol file of vmbus.sys 10.0.14347 for x86 (type XPART_PARTITION, ListEntry at 0, RefCount
//! 0x58, VmbusVersion 0x5C, MaximumSupportedVersion 0x60; XPartLibContextStatic with PartitionsList
//! at 4 and ParentPartition at 0x78); for 64 bits the same members with pointers of 8 bytes.

use super::Machine;

/// Every version there was by then, the newest first.
const SPOKEN: [u32; 11] = [
    0x6_0000, 0x5_0003, 0x5_0002, 0x5_0001, 0x5_0000, 0x4_0001, 0x4_0000, 0x3_0000, 0x2_0004,
    0x1_0001, 0xD,
];
/// RefCount of a partition; list and parent in the context: 32 and 64 bits.
const COUNT: [u64; 2] = [0x58, 0x88];
const LIST: [u64; 2] = [0x04, 0x08];
const PARENT: [u64; 2] = [0x78, 0xD0];
/// Where the context stands among the driver's variables, and the table before the image's end.
const CONTEXT: u64 = 0x140;
const TABLE: u64 = 0x60;

impl Machine<'_> {
    /// Writes them, where the scenario has a bus and its driver is large enough for variables.
    pub(super) fn write_bus(&mut self) {
        let Some(bus) = self.scenario.bus else { return };
        let is = |image: &&super::Image| image.name.eq_ignore_ascii_case("vmbus.sys");
        let Some((base, size)) = self.images.iter().find(is).map(|i| (i.base, i.size)) else {
            return;
        };
        let size = size.next_multiple_of(0x1000);
        let spoken = SPOKEN.iter().skip_while(|&&v| v > bus.newest.0 as u32);
        for (number, &version) in spoken.enumerate() {
            let at = base + size - TABLE + 4 * number as u64;
            self.kernel.u32(at, version);
        }
        let wide = usize::from(self.pointer() == 8);
        let pointer = self.pointer() as u64;
        let data = base + size - 0x2000 - (size / 8).next_multiple_of(0x1000);
        let context = data + CONTEXT;
        let partition = self.regions.nonpaged.allocate(0x300);
        let head = context + LIST[wide];
        self.kernel.touch(data, 0x1000);
        self.kernel.touch(partition, 0x300);
        self.put_pointer(head, partition);
        self.put_pointer(head + pointer, partition);
        self.put_pointer(context + PARENT[wide], partition);
        self.put_pointer(partition, head);
        self.put_pointer(partition + pointer, head);
        let count = partition + COUNT[wide];
        self.kernel.u32(count, 3);
        self.kernel.u32(count + 4, bus.agreed.0 as u32);
        self.kernel.u32(count + 8, u32::MAX);
    }
}
