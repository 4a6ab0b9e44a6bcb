//! What the tests on forged machines share.

/// Every machine that the forge has tables of: architecture and build.
pub const MACHINES: [(&str, &str); 11] = [
    ("x64", "7601"),
    ("x64", "9600"),
    ("x64", "14393"),
    ("x64", "17763"),
    ("x64", "19041"),
    ("x64", "20348"),
    ("x64", "22000"),
    ("x64", "26100"),
    ("arm64", "22000"),
    ("arm64", "26100"),
    ("x86", "7601"),
];
