//! Files and folders of the machine that this runs on.

use bluepane::source::{Provider, Range};
use std::fs::{DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};

/// Folders inside folders are entered so deep and no deeper.
const DEEPEST: u32 = 8;
/// What files of dumps are called.
const EXTENSIONS: [&str; 4] = ["dmp", "mdmp", "hdmp", "kdmp"];
/// How files of dumps begin, for those that were renamed.
const MAGICS: [&[u8]; 3] = [b"PAGEDU64", b"PAGEDUMP", b"MDMP"];
/// The longest piece that is read at once; the cache asks for less.
const LONGEST: u64 = 16 << 20;

/// A file that is read where and when the analysis asks for it.
#[derive(Debug)]
pub struct Dump {
    file: File,
    /// Bytes, when it was opened.
    pub len: u64,
}

impl Dump {
    /// Opens a file.
    pub fn open(path: &Path) -> io::Result<Self> {
        // A pipe would be waited for when it is opened, so it is asked first.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is neither a file nor a folder"));
        }
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

impl Provider for Dump {
    fn fetch(&mut self, range: Range) -> Option<Vec<u8>> {
        let len = usize::try_from(range.len.min(LONGEST)).ok()?;
        let mut bytes = vec![0; len];
        let mut done = 0;
        while done < len {
            let offset = range.offset.checked_add(done as u64)?;
            match read_at(&self.file, bytes.get_mut(done..)?, offset) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What was read before the bad place is kept.
                Err(_) if done > 0 => break,
                Err(_) => return None,
            }
        }
        bytes.truncate(done);
        Some(bytes)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}

/// The dumps in a folder and the folders in it, in the order of their paths. Links are not
/// followed, and folders that cannot be read are passed over.
pub fn dumps_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(std::fs::read_dir(folder)?, DEEPEST, &mut found);
    found.sort();
    Ok(found)
}

fn collect(entries: std::fs::ReadDir, deeper: u32, found: &mut Vec<PathBuf>) {
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_file() && is_dump(&entry) {
            found.push(entry.path());
        } else if kind.is_dir()
            && deeper > 0
            && let Ok(entries) = std::fs::read_dir(entry.path())
        {
            collect(entries, deeper - 1, found);
        }
    }
}

/// By its name, so that an empty or damaged dump is reported; else by its first bytes.
fn is_dump(entry: &DirEntry) -> bool {
    let path = entry.path();
    let extension = path.extension().and_then(|extension| extension.to_str());
    if extension.is_some_and(|e| EXTENSIONS.iter().any(|known| e.eq_ignore_ascii_case(known))) {
        return true;
    }
    let mut first = [0; 8];
    let read = File::open(&path).and_then(|file| read_at(&file, &mut first, 0));
    read.is_ok() && MAGICS.iter().any(|magic| first.starts_with(magic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_past_the_end_gives_what_there_is() {
        let path = std::env::temp_dir().join(format!("bluepane-file-{}", std::process::id()));
        std::fs::write(&path, [7; 100]).unwrap();
        let mut dump = Dump::open(&path).unwrap();
        assert_eq!(dump.len, 100);
        let fetch = |dump: &mut Dump, offset, len| dump.fetch(Range { offset, len });
        assert_eq!(fetch(&mut dump, 90, 50).map(|b| b.len()), Some(10));
        assert_eq!(fetch(&mut dump, 500, 50).map(|b| b.len()), Some(0));
        std::fs::remove_file(&path).unwrap();
    }
}
