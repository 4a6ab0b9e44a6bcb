//! The hash of a failure bucket: what support tools and the debugger compare crashes by.
//!
//! Rule, checked on 18 published pairs: MD5 of `km:` and the bucket in lower case, as UTF-16LE, read
//! as a GUID.

use crate::model::Guid;
use alloc::string::{String, ToString};
use md5::{Digest, Md5};

/// The FAILURE_ID_HASH of a FAILURE_BUCKET_ID, without braces.
#[must_use]
pub fn failure_hash(bucket: &str) -> String {
    let mut md5 = Md5::new();
    for unit in "km:".chars().chain(bucket.chars()) {
        let mut units = [0; 2];
        for unit in unit.to_ascii_lowercase().encode_utf16(&mut units) {
            md5.update(unit.to_le_bytes());
        }
    }
    Guid(md5.finalize().into()).to_string()
}

#[cfg(test)]
mod tests {
    use super::failure_hash;

    #[test]
    fn the_hash_is_the_debuggers() {
        for (bucket, hash) in [
            (
                "AV_myfault!unknown_function",
                "9745090a-9bce-ccba-c096-ca6e9ca04c64",
            ),
            (
                "AV_W_(null)_Driver!unknown_function",
                "2f4cb3f6-118f-01c9-d978-7b6c7a9a1257",
            ),
            ("X64_0x7E_man+1ce7", "ceed7a1b-a47b-c452-63c1-012e444d5204"),
            (
                "0x20_NULLAPC_KAPC_NEGATIVE_nt!PspExitThread",
                "fcbbc787-b7cc-0ca4-c274-c788b86a9951",
            ),
        ] {
            assert_eq!(failure_hash(bucket), hash, "{bucket}");
        }
    }
}
