//! Variables and functions of 213 known x64 kernels. The form of the table is told at its top.

use super::X64;
use crate::knowledge::store::Table;
use crate::knowledge::text;
use crate::symbols::KernelIdentity;
use alloc::{string::ToString, vec::Vec};

/// Digits of the GUID that the table keeps.
const DIGITS: usize = 16;

/// A kernel of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kernel {
    pub build: u32,
    pub revision: u32,
    /// Number of the symbol, and where it is relative to the base of the image.
    places: Places,
}

/// The line that names the symbols.
fn names() -> impl Iterator<Item = &'static str> {
    let mut lines = text::lines(Table::Kernels.text());
    lines.next().unwrap_or("").split(' ')
}

impl Kernel {
    /// The kernel that a dump names: by its symbol file when that is known, else by time stamp and
    /// size of the image.
    pub(super) fn find(identity: &KernelIdentity) -> Option<Self> {
        if identity.machine != X64 {
            return None;
        }
        let pdb = identity
            .pdb
            .map(|(guid, age)| (guid.symbol_store().to_string(), age));
        let is_meant = |line: &str| -> Option<bool> {
            let mut words = line.split(' ').skip(1);
            let mut number = || text::hex(words.next()?);
            let (guid, age, stamp, size) = (number(), number(), number(), number());
            Some(match (&pdb, identity.image) {
                (Some((digits, named)), _) => {
                    let digits = text::hex(digits.get(..DIGITS)?);
                    digits == guid && age == Some(u64::from(*named))
                }
                (None, Some((time, bytes))) => {
                    stamp == Some(time.into()) && size == Some(bytes.into())
                }
                (None, None) => false,
            })
        };
        groups().find_map(|group| {
            // Only the lines up to the kernel that is meant are followed: the others cost a look.
            let at = group
                .lines()
                .position(|line| is_meant(line) == Some(true))?;
            let revision = group.lines().nth(at)?.split(' ').next()?.parse().ok()?;
            Some(Self {
                build: group.build,
                revision,
                places: group.kernels().nth(at)?,
            })
        })
    }

    /// Where a symbol is.
    pub(super) fn variable(&self, name: &str) -> Option<u32> {
        let symbol = names().position(|known| known == name)?;
        let place = self.places.iter().find(|&&(number, _)| number == symbol)?;
        Some(place.1)
    }
}

/// Number of a symbol, and where it is relative to the base of the image.
type Places = Vec<(usize, u32)>;

/// The kernels of a build.
struct Group {
    build: u32,
    /// The symbols that they have, in the order of their addresses.
    order: Vec<usize>,
    text: &'static str,
}

/// The builds of the table, the oldest first.
fn groups() -> impl Iterator<Item = Group> {
    let mut parts = Table::Kernels.text().split("\n@ ").skip(1);
    core::iter::from_fn(move || {
        let (head, text) = parts.next()?.split_once('\n')?;
        let mut numbers = head.split(' ').map_while(|word| word.parse().ok());
        let build = numbers.next().unwrap_or(0) as u32;
        let order = numbers.collect();
        Some(Group { build, order, text })
    })
}

impl Group {
    fn lines(&self) -> impl Iterator<Item = &'static str> {
        text::lines(self.text)
    }

    /// The symbols of each kernel.
    fn kernels(&self) -> impl Iterator<Item = Places> {
        let mut steps: Vec<i64> = Vec::new();
        self.lines().map_while(move |line| {
            steps = follow(line.split(' ').skip(5), &steps)?;
            let mut at = 0_i64;
            let places = self.order.iter().zip(&steps).filter_map(|(&symbol, step)| {
                at = at.checked_add(*step)?;
                Some((symbol, u32::try_from(at).ok()?))
            });
            Some(places.collect())
        })
    }
}

/// Distances from one symbol to another in the kernels of a build, or of the last one before it.
pub(super) fn distances(build: u32, from: &str, to: &str) -> Vec<i64> {
    let number = |name: &str| names().position(|known| known == name);
    let (Some(from), Some(to)) = (number(from), number(to)) else {
        return Vec::new();
    };
    let mut found: Vec<i64> = Vec::new();
    let Some(group) = groups().take_while(|group| group.build <= build).last() else {
        return found;
    };
    for places in group.kernels() {
        let at = |symbol| {
            let place = places.iter().find(|place| place.0 == symbol);
            place.map(|place| i64::from(place.1))
        };
        if let (Some(from), Some(to)) = (at(from), at(to))
            && !found.contains(&(to - from))
        {
            found.push(to - from);
        }
    }
    found
}

/// The distances of a line, given those of the line above it.
fn follow(words: impl Iterator<Item = &'static str>, above: &[i64]) -> Option<Vec<i64>> {
    let mut steps = Vec::new();
    for word in words {
        if let Some(repeated) = word.strip_prefix('=') {
            let count: usize = match repeated {
                "" => 1,
                digits => digits.parse().ok()?,
            };
            let from = steps.len();
            steps.extend_from_slice(above.get(from..from.checked_add(count)?)?);
        } else {
            steps.push(i64::from_str_radix(word, 16).ok()?);
        }
    }
    Some(steps)
}
