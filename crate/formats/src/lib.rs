//! Foreign formats through kept libraries: symbol files in, the core's compact table out.
//!
//! The core reads dumps and knows nothing of PDB or ISF; these libraries want the whole file and
//! `std`. [`convert`] turns what a user put beside the dump into what
//! [`Analysis::add_symbols`](bluepane::analysis::Analysis::add_symbols) takes. In the browser it is a
//! module of its own, loaded when such a file is dropped.

mod container;
mod demangle;
mod isf;
mod pdb_file;

pub use demangle::readable;

use bluepane::symbols::MAX_FILE;
use std::borrow::Cow;
use std::fmt;

/// How a PDB begins.
const MSF: &[u8] = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0";
/// How the xz container begins.
const XZ: &[u8] = b"\xFD7zXZ\0";
/// How the newer container of PDBs begins, which no library reads yet that the browser can run.
const MSFZ: &[u8] = b"Microsoft MSFZ Container";
/// How a cabinet begins.
const CABINET: &[u8] = b"MSCF\0\0\0\0";
/// How a PDB began before its version 7.
const OLD_PDB: &[u8] = b"Microsoft C/C++ program database 2.00\r\n";

/// Why a file cannot be used.
#[derive(Debug)]
pub enum FormatError {
    /// It is neither a PDB, nor an ISF file, nor an image.
    Unknown,
    /// It is packed with xz, which is not unpacked here.
    Packed,
    /// It is a PDB in the MSFZ container.
    Msfz,
    /// It is packed in a cabinet, as symbol stores keep files with an underscore for their last letter.
    Cabinet,
    /// It is a PDB from before 2002, in a container of that time.
    OldPdb,
    /// It is larger than any symbol file.
    TooLarge,
    /// It is a PDB, and damaged.
    Pdb(pdb::Error),
    /// It is JSON, and no ISF file.
    Isf(serde_json::Error),
    /// It does not say which image it belongs to.
    NoIdentity,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(
                f,
                "it is neither a PDB, nor an ISF file, nor an image (.sys, .exe, .dll)"
            ),
            Self::Packed => write!(f, "it is packed with xz: unpack it first"),
            Self::Msfz => write!(
                f,
                "it is a PDB in the newer MSFZ container, which cannot be read here"
            ),
            Self::Cabinet => write!(
                f,
                "it is packed in a cabinet: unpack it first (expand FILE.pd_ FILE.pdb)"
            ),
            Self::OldPdb => write!(f, "it is a PDB of before 2002, which cannot be read here"),
            Self::TooLarge => write!(f, "it is larger than any symbol file"),
            Self::Pdb(error) => write!(f, "the PDB is damaged: {error}"),
            Self::Isf(error) => write!(f, "it is no ISF file: {error}"),
            Self::NoIdentity => write!(f, "it does not say which image it belongs to"),
        }
    }
}

impl std::error::Error for FormatError {}

impl From<pdb::Error> for FormatError {
    fn from(error: pdb::Error) -> Self {
        Self::Pdb(error)
    }
}

/// What the analysis takes, made of a file of any of these forms: a PDB or an ISF file becomes a
/// table, an image stays as it is. A PDB does not hold its own name: `name` is the file's.
///
/// # Errors
/// When it is none of them, or damaged.
pub fn convert<'a>(name: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, FormatError> {
    if bytes.len() > MAX_FILE {
        return Err(FormatError::TooLarge);
    }
    if bytes.starts_with(b"MZ") {
        return Ok(Cow::Borrowed(bytes));
    }
    if bytes.starts_with(MSF) {
        return pdb_file::table(name, bytes).map(Cow::Owned);
    }
    for (begin, error) in [
        (MSFZ, FormatError::Msfz),
        (CABINET, FormatError::Cabinet),
        (OLD_PDB, FormatError::OldPdb),
    ] {
        if bytes.starts_with(begin) {
            return Err(error);
        }
    }
    if bytes.starts_with(XZ) {
        return unpack(bytes)
            .and_then(|text| isf::table(&text))
            .map(Cow::Owned);
    }
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if first == Some(&b'{') {
        return isf::table(bytes).map(Cow::Owned);
    }
    Err(FormatError::Unknown)
}

#[cfg(feature = "xz")]
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    /// Takes so much and no more: an archive may claim anything.
    struct Bounded(Vec<u8>);
    impl std::io::Write for Bounded {
        fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
            if self.0.len() + piece.len() > MAX_FILE {
                return Err(std::io::Error::other("too large"));
            }
            self.0.extend_from_slice(piece);
            Ok(piece.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut out = Bounded(Vec::new());
    let mut input = std::io::BufReader::new(bytes);
    match lzma_rs::xz_decompress(&mut input, &mut out) {
        Ok(()) => Ok(out.0),
        Err(_) => Err(FormatError::Unknown),
    }
}

#[cfg(not(feature = "xz"))]
fn unpack(_: &[u8]) -> Result<Vec<u8>, FormatError> {
    Err(FormatError::Packed)
}

#[cfg(test)]
mod tests {
    use super::convert;

    #[test]
    fn files_that_must_be_unpacked_or_are_too_old_are_refused_by_what_they_are() {
        for (begin, said) in [
            (&b"MSCF\0\0\0\0\x10"[..], "cabinet"),
            (
                b"Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0",
                "before 2002",
            ),
            (b"Microsoft MSFZ Container\r\n\x1aALD\0\0", "MSFZ"),
            (b"PK\x03\x04", "neither a PDB"),
            (b"", "neither a PDB"),
        ] {
            let error = convert("a.pdb", begin).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
