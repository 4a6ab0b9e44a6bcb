//! KUSER_SHARED_DATA: the page of facts that kernel and programs share.
//! Layout: Vergilius headers of 50 builds; the same offsets on all architectures.

pub const TICK_COUNT_MULTIPLIER: u64 = 0x004;
/// Low, high, high again: so are all times here.
pub const INTERRUPT_TIME: u64 = 0x008;
pub const SYSTEM_TIME: u64 = 0x014;
pub const TIME_ZONE_BIAS: u64 = 0x020;
pub const IMAGE_NUMBER_LOW: u64 = 0x02c;
pub const IMAGE_NUMBER_HIGH: u64 = 0x02e;
pub const SYSTEM_ROOT: u64 = 0x030;
pub const LARGE_PAGE_MINIMUM: u64 = 0x244;
/// Since Windows 10.
pub const BUILD_NUMBER: u64 = 0x260;
pub const PRODUCT_TYPE: u64 = 0x264;
pub const PRODUCT_TYPE_VALID: u64 = 0x268;
pub const NATIVE_ARCHITECTURE: u64 = 0x26a;
pub const MAJOR_VERSION: u64 = 0x26c;
pub const MINOR_VERSION: u64 = 0x270;
pub const BOOT_ID: u64 = 0x2c4;
pub const SUITE_MASK: u64 = 0x2d0;
pub const DEBUGGER_ENABLED: u64 = 0x2d4;
pub const PHYSICAL_PAGES: u64 = 0x2e8;
pub const SAFE_BOOT_MODE: u64 = 0x2ec;
pub const QPC_FREQUENCY: u64 = 0x300;
pub const TICK_COUNT: u64 = 0x320;
pub const COOKIE: u64 = 0x330;
pub const PROCESSOR_COUNT: u64 = 0x3c0;
pub const GROUP_COUNT: u64 = 0x3c4;
