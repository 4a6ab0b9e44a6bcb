//! Little-endian buffers: every Windows structure the forge writes is filled field by field through these.

/// A growable byte buffer written at offsets; bytes never written keep their fill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// A buffer of `size` zero bytes.
    pub fn zeroed(size: usize) -> Self {
        Self(vec![0; size])
    }

    /// A buffer filled with the repeated 4-byte word `fill`, as crash dump headers are pre-filled.
    pub fn filled(size: usize, fill: [u8; 4]) -> Self {
        Self(fill.iter().copied().cycle().take(size).collect())
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, taken.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }

    /// Writes `bytes` at `offset`, growing the buffer with zeros when it is too short.
    pub fn put(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        self.0[offset..end].copy_from_slice(bytes);
    }

    /// Writes one byte.
    pub fn u8(&mut self, offset: usize, value: u8) {
        self.put(offset, &[value]);
    }

    /// Writes a 16-bit word.
    pub fn u16(&mut self, offset: usize, value: u16) {
        self.put(offset, &value.to_le_bytes());
    }

    /// Writes a 32-bit word.
    pub fn u32(&mut self, offset: usize, value: u32) {
        self.put(offset, &value.to_le_bytes());
    }

    /// Writes a 64-bit word.
    pub fn u64(&mut self, offset: usize, value: u64) {
        self.put(offset, &value.to_le_bytes());
    }

    /// Writes the low `width` (1, 2, 4 or 8) bytes of `value`.
    pub fn word(&mut self, offset: usize, value: u64, width: usize) {
        self.put(offset, &value.to_le_bytes()[..width]);
    }

    /// Appends bytes and returns the offset they start at.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let at = self.0.len();
        self.0.extend_from_slice(bytes);
        at
    }

    /// Pads with zeros to a multiple of `alignment`.
    pub fn align(&mut self, alignment: usize) {
        let rest = self.0.len() % alignment;
        if rest != 0 {
            self.0.resize(self.0.len() + alignment - rest, 0);
        }
    }
}

/// UTF-16LE bytes of `text`, without a terminator.
pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_buffer_keeps_the_fill_where_nothing_is_written() {
        let mut b = Bytes::filled(12, *b"PAGE");
        b.u32(4, 0x0403_0201);
        assert_eq!(b.as_slice(), b"PAGE\x01\x02\x03\x04PAGE");
    }

    #[test]
    fn words_are_little_endian_and_cut_to_their_width() {
        let mut b = Bytes::default();
        b.word(0, 0x1122_3344_5566_7788, 4);
        b.u16(4, 0xaabb);
        assert_eq!(b.as_slice(), [0x88, 0x77, 0x66, 0x55, 0xbb, 0xaa]);
    }

    #[test]
    fn text_becomes_utf16_without_a_terminator() {
        assert_eq!(utf16("aé"), [0x61, 0, 0xe9, 0]);
    }
}
