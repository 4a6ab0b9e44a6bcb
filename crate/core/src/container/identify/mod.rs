//! What a file is, from its content.
//!
//! People drop what they have: a minidump of one program, a zip of minidumps, a saved virtual
//! machine, a file of zeros that a failed dump left behind. Each gets its own name, a sentence
//! that says what it is, and what to do instead.
//!
//! Signatures: the formats' own public specifications; Hyper-V saved state after dissect's
//! description of its storage header; VMware state after Volatility's list of magic numbers.

mod format;
mod signatures;
mod text;

#[cfg(test)]
mod tests;

pub use format::FileFormat;

use super::header::{DumpHeader, HeaderError, width_of};
use crate::model::Kind;
use crate::source::{ReadError, Source, SourceExt};
use alloc::{borrow::Cow, vec::Vec};

/// Bytes looked at where a file begins.
const HEAD: u64 = 0x1000;
/// Places at which a file that begins with zeros is looked at.
const SAMPLES: u64 = 16;

/// What a file is, and what to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// As the report names it.
    pub kind: Kind,
    /// Exactly.
    pub format: FileFormat,
    /// What Windows calls it, or what it is instead.
    pub label: Cow<'static, str>,
    /// One plain sentence: what it is.
    pub sentence: Cow<'static, str>,
    /// What to do instead, when this file is not one that can be analysed as it is.
    pub advice: Option<Cow<'static, str>>,
    /// Whether Windows encrypted it.
    pub encrypted: bool,
}

/// Says what the file is. Never decides by name or size alone.
///
/// # Errors
/// As [`Source::read_at`], but never [`ReadError::Truncated`]: a short file is an answer.
pub fn identify(source: &dyn Source) -> Result<Identity, ReadError> {
    if source.is_empty() {
        return Ok(Identity::of(FileFormat::Empty));
    }
    let head = source.bytes_up_to(0, HEAD)?;
    if let Some(first) = head.first_chunk::<8>()
        && width_of(first).is_some()
    {
        return kernel_dump(source);
    }
    if let Some(format) = signatures::by_head(&head, source.len()) {
        return Ok(Identity::of(format));
    }
    if head.iter().all(|&byte| byte == 0) {
        return if only_zeros(source)? {
            Ok(Identity::of(FileFormat::Zeros))
        } else {
            behind_zeros(source)
        };
    }
    if let Some(format) = signatures::elsewhere(source)? {
        return Ok(Identity::of(format));
    }
    Ok(Identity::of(
        text::recognise(&head).unwrap_or(FileFormat::Unknown),
    ))
}

fn kernel_dump(source: &dyn Source) -> Result<Identity, ReadError> {
    let header = match DumpHeader::read(source) {
        Ok(header) => header,
        Err(HeaderError::Read(error)) => return Err(error),
        Err(HeaderError::Signature { .. }) => return Ok(Identity::of(FileFormat::Unknown)),
    };
    let format = if header.is_cut_short() {
        FileFormat::KernelDumpHeaderCut
    } else {
        FileFormat::KernelDump
    };
    let mut identity = Identity::of(format);
    identity.kind = header.kind();
    identity.label = header.label();
    identity.encrypted = header.attributes.encrypted() && !header.attributes.decrypted();
    if identity.encrypted {
        identity.advice = Some(format::ENCRYPTED_ADVICE.into());
    }
    Ok(identity)
}

/// Whether the file is zero wherever it is looked at: at its start, at its end, and between.
fn only_zeros(source: &dyn Source) -> Result<bool, ReadError> {
    let last = source.len().saturating_sub(HEAD);
    let step = (last / SAMPLES).max(1);
    let mut zeros = Ok(true);
    // All samples are read even when one is missing, so that they are fetched together.
    for sample in 0..=SAMPLES {
        let offset = (sample * step).min(last) & !0xFFF;
        zeros = both(zeros, is_zero(source, offset));
    }
    both(zeros, is_zero(source, last))
}

fn both(left: Result<bool, ReadError>, right: Result<bool, ReadError>) -> Result<bool, ReadError> {
    match (left, right) {
        (Err(error), _) | (_, Err(error)) => Err(error),
        (Ok(left), Ok(right)) => Ok(left && right),
    }
}

fn is_zero(source: &dyn Source, offset: u64) -> Result<bool, ReadError> {
    let bytes: Vec<u8> = source.bytes_up_to(offset, HEAD)?;
    Ok(bytes.iter().all(|&byte| byte == 0))
}

/// The file begins with zeros but is not all zeros.
fn behind_zeros(source: &dyn Source) -> Result<Identity, ReadError> {
    let format = signatures::elsewhere(source)?;
    Ok(Identity::of(format.unwrap_or(FileFormat::ZeroedStart)))
}

impl Identity {
    /// The usual answer for a format; a kernel dump's label comes from its header.
    #[must_use]
    pub fn of(format: FileFormat) -> Self {
        let words = format.words();
        Self {
            kind: format.kind(),
            format,
            label: words.label.into(),
            sentence: words.sentence.into(),
            advice: (!words.advice.is_empty()).then_some(words.advice.into()),
            encrypted: false,
        }
    }
}
