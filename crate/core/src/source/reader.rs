//! The reading trait and its little helpers.

use super::ReadError;
use alloc::{string::String, vec, vec::Vec};

/// The longest string that is ever read in one piece, in bytes: UNICODE_STRING.Length is 16 bits.
pub const MAX_STRING_BYTES: u64 = 0xFFFE;

/// Something with a length that can be read at an offset: the cache over a file, or a slice.
pub trait Source {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there is nothing at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` with the bytes at `offset`, or says why not. Nothing is promised of `buf`
    /// after an error.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError>;
}

/// Typed reads over any [`Source`]. All integers are little-endian, as in every Windows dump.
pub trait SourceExt: Source {
    /// A byte.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    fn u8(&self, offset: u64) -> Result<u8, ReadError> {
        let mut b = [0; 1];
        self.read_at(offset, &mut b).map(|()| b[0])
    }
    /// A 16-bit integer.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    fn u16(&self, offset: u64) -> Result<u16, ReadError> {
        let mut b = [0; 2];
        self.read_at(offset, &mut b).map(|()| u16::from_le_bytes(b))
    }
    /// A 32-bit integer.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    fn u32(&self, offset: u64) -> Result<u32, ReadError> {
        let mut b = [0; 4];
        self.read_at(offset, &mut b).map(|()| u32::from_le_bytes(b))
    }
    /// A 64-bit integer.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    fn u64(&self, offset: u64) -> Result<u64, ReadError> {
        let mut b = [0; 8];
        self.read_at(offset, &mut b).map(|()| u64::from_le_bytes(b))
    }
    /// `len` bytes, refused when the source is shorter, so that a lying length allocates nothing.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    fn bytes(&self, offset: u64, len: u64) -> Result<Vec<u8>, ReadError> {
        let truncated = ReadError::Truncated {
            offset,
            wanted: len,
            len: self.len(),
        };
        let end = offset.checked_add(len).ok_or(truncated)?;
        if end > self.len() {
            return Err(truncated);
        }
        let mut buf = vec![0; usize::try_from(len).map_err(|_| truncated)?];
        self.read_at(offset, &mut buf).map(|()| buf)
    }
    /// As many of `len` bytes as the file holds from `offset` on: the tolerant read for the tail
    /// of a truncated dump.
    ///
    /// # Errors
    /// As [`Source::read_at`], but never [`ReadError::Truncated`] while one byte is there.
    fn bytes_up_to(&self, offset: u64, len: u64) -> Result<Vec<u8>, ReadError> {
        self.bytes(offset, len.min(self.len().saturating_sub(offset)))
    }
    /// `chars` UTF-16 units as text; what is not valid UTF-16 becomes U+FFFD.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    fn utf16(&self, offset: u64, chars: u64) -> Result<String, ReadError> {
        let bytes = self.bytes(offset, chars.saturating_mul(2).min(MAX_STRING_BYTES))?;
        Ok(utf16_lossy(&bytes))
    }
}

impl<S: Source + ?Sized> SourceExt for S {}

/// Text from little-endian UTF-16 bytes, up to the first NUL.
#[must_use]
pub fn utf16_lossy(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .map(|c| u16::from_le_bytes([c[0], c[1]]))
        .take_while(|&c| c != 0);
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// A slice in memory as a [`Source`].
#[derive(Clone, Copy, Debug)]
pub struct Slice<'a>(pub &'a [u8]);

impl Source for Slice<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        let wanted = buf.len() as u64;
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| self.0.get(start..start.checked_add(buf.len())?))
            .ok_or(ReadError::Truncated {
                offset,
                wanted,
                len: self.len(),
            })?;
        buf.copy_from_slice(found);
        Ok(())
    }
}
