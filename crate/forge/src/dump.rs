//! A finished dump: pieces at file offsets, so that holes cost nothing in memory or, on file systems with sparse files, on disk.

use std::collections::BTreeMap;
use std::io::{self, Seek, SeekFrom, Write};

/// The bytes of a dump file; what no piece covers is zero.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    pieces: BTreeMap<u64, Vec<u8>>,
    length: u64,
}

impl Dump {
    /// Puts bytes at a file offset and lengthens the file to hold them.
    pub fn put(&mut self, offset: u64, bytes: Vec<u8>) {
        self.length = self.length.max(offset + bytes.len() as u64);
        if !bytes.is_empty() {
            self.pieces.insert(offset, bytes);
        }
    }

    /// Overwrites bytes that some piece already holds; bytes outside every piece become a piece.
    pub fn patch(&mut self, offset: u64, bytes: &[u8]) {
        if let Some((start, piece)) = self.pieces.range_mut(..=offset).next_back() {
            let at = (offset - start) as usize;
            if at + bytes.len() <= piece.len() {
                piece[at..at + bytes.len()].copy_from_slice(bytes);
                return;
            }
        }
        self.put(offset, bytes.to_vec());
    }

    /// File length in bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// True for a file of no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Makes the file at least this long.
    pub fn extend_to(&mut self, length: u64) {
        self.length = self.length.max(length);
    }

    /// Cuts the file.
    pub fn truncate(&mut self, length: u64) {
        self.length = self.length.min(length);
        self.pieces = std::mem::take(&mut self.pieces)
            .into_iter()
            .filter(|(offset, _)| *offset < length)
            .map(|(offset, mut bytes)| {
                bytes.truncate((length - offset) as usize);
                (offset, bytes)
            })
            .collect();
    }

    /// Changes every stored byte from `from` on, as encryption would.
    pub fn scramble(&mut self, from: u64, seed: u64) {
        let mut rng = crate::rng::Rng::new(seed);
        for (offset, bytes) in &mut self.pieces {
            let skip = from.saturating_sub(*offset) as usize;
            for byte in bytes.iter_mut().skip(skip) {
                *byte ^= rng.next() as u8;
            }
        }
    }

    /// The pieces by offset.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.pieces
            .iter()
            .map(|(offset, bytes)| (*offset, bytes.as_slice()))
    }

    /// The whole file; only for small dumps.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = vec![0; self.length as usize];
        for (offset, bytes) in &self.pieces {
            out[*offset as usize..*offset as usize + bytes.len()].copy_from_slice(bytes);
        }
        out
    }

    /// Writes the file, seeking over holes.
    ///
    /// # Errors
    /// Whatever the output reports.
    pub fn write_to(&self, out: &mut (impl Write + Seek)) -> io::Result<()> {
        for (offset, bytes) in &self.pieces {
            out.seek(SeekFrom::Start(*offset))?;
            out.write_all(bytes)?;
        }
        let end = self
            .pieces
            .last_key_value()
            .map_or(0, |(o, b)| o + b.len() as u64);
        if end < self.length {
            out.seek(SeekFrom::Start(self.length - 1))?;
            out.write_all(&[0])?;
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_zero_and_the_written_file_equals_the_vector() {
        let mut d = Dump::default();
        d.put(0, vec![1, 2]);
        d.put(6, vec![3]);
        d.extend_to(9);
        let mut file = io::Cursor::new(Vec::new());
        d.write_to(&mut file).unwrap();
        assert_eq!(file.into_inner(), d.to_vec());
        assert_eq!(d.to_vec(), [1, 2, 0, 0, 0, 0, 3, 0, 0]);
    }

    #[test]
    fn cutting_drops_what_lies_behind() {
        let mut d = Dump::default();
        d.put(0, vec![1; 8]);
        d.put(8, vec![2; 8]);
        d.truncate(10);
        assert_eq!(d.to_vec(), [1, 1, 1, 1, 1, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn a_patch_changes_a_piece_in_place() {
        let mut d = Dump::default();
        d.put(0, vec![0; 4]);
        d.patch(1, &[7, 8]);
        assert_eq!(d.to_vec(), [0, 7, 8, 0]);
        assert_eq!(d.pieces().count(), 1);
    }
}
