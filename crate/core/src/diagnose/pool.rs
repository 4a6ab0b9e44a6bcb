//! What the headers around a damaged block of pool say: whose block it is, whose stands in front of
//! it, and what was written over the header between them.

use super::facts::Facts;
use crate::knowledge::bugcheck::{ParameterKind, parameters};
use crate::knowledge::pooltag;
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::nt::pool_block::{PoolBlock, PoolPage, PoolReader};
use alloc::{format, string::String, vec::Vec};

/// BAD_POOL_HEADER, BAD_POOL_CALLER, DRIVER_CORRUPTED_EXPOOL, KERNEL_MODE_HEAP_CORRUPTION.
pub(super) const CODES: [u32; 4] = [0x19, 0xC2, 0xC5, 0x13A];
/// Bytes of a header that are shown.
const SHOWN: u16 = 16;

/// A tag, and whose it usually is.
pub(super) fn tag(tag: [u8; 4]) -> String {
    let plain = tag.map(|byte| byte & 0x7F);
    let text: String = plain
        .iter()
        .map(|&b| if b < 0x20 { '.' } else { char::from(b) })
        .collect();
    match pooltag::pool_tag(tag) {
        Some(known) => format!("'{text}', usually {} ({})", known.holds, known.driver),
        None => format!("'{text}'"),
    }
}

/// Sentences about the damage, each with its place; to be asked with one of these codes only.
#[inline(never)]
pub(super) fn told(facts: &Facts<'_>) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let reader = reader(facts);
    let texts = parameters(facts.code, facts.parameters);
    for (value, text) in facts.parameters.into_iter().zip(&texts) {
        let Some(reader) = reader.filter(|_| text.kind == ParameterKind::PoolBlock) else {
            continue;
        };
        let sentences = match reader.page_of(VirtualAddress(value)) {
            Some(page) => of_page(facts, &page, value),
            None => of_heap(&reader.before(VirtualAddress(value)), value),
        };
        for sentence in sentences {
            if !told.contains(&sentence) {
                told.push(sentence);
            }
        }
    }
    told
}

fn reader<'a>(facts: &Facts<'a>) -> Option<PoolReader<'a>> {
    let width = facts.architecture?.pointer_width();
    Some(PoolReader::new(facts.space?, width, facts.build?))
}

fn of_page(facts: &Facts<'_>, page: &PoolPage, value: u64) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let mut say = |text: String, block: &PoolBlock| {
        told.push((text, format!("pool header at {}", block.address)));
    };
    let own = |block: &&PoolBlock| value.wrapping_sub(block.address.0) < block.size;
    if let Some(block) = page.blocks.iter().find(own) {
        let free = if block.free { "free " } else { "" };
        let text = format!(
            "The {free}block has {} bytes and the tag {}.",
            block.size,
            tag(block.tag)
        );
        say(text, block);
    }
    let Some((damaged, front)) = page.damaged.as_ref().zip(page.blocks.last()) else {
        return told;
    };
    let mut text = String::from("The header behind it was overwritten: ");
    text.push_str(&match damaged.previous == front.size {
        true => "its size or its tag cannot be right".into(),
        false => format!(
            "it says that the block in front has {} bytes, which has {}",
            damaged.previous, front.size
        ),
    });
    if let Some(content) = content(facts, damaged.address) {
        text = format!("{text}; {content} stands there");
    }
    let owner = format!(
        "The block in front of the damage has {} bytes and the tag {}: whose it is may have \
         written past its end.",
        front.size,
        tag(front.tag)
    );
    say(owner, front);
    say(text + ".", damaged);
    told
}

/// What may lie between a block and the one in front of it: the heap's own header.
const BETWEEN: u64 = 0x20;

/// The blocks of a segment heap, nearest first.
fn of_heap(blocks: &[PoolBlock], value: u64) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let mut behind = value;
    for block in blocks {
        let (size, tag) = (block.size, tag(block.tag));
        let end = block.address.0.saturating_add(size);
        let text = match end > value {
            true => format!("The block has {size} bytes and the tag {tag}."),
            false if behind - end > BETWEEN => break,
            false => format!(
                "The block in front of it has {size} bytes and the tag {tag}: whose it is may have \
                 written past its end."
            ),
        };
        told.push((text, format!("pool header at {}", block.address)));
        behind = block.address.0;
        if end <= value {
            break;
        }
    }
    told
}

/// What stands where a header should: text, a pointer into a driver, or bytes.
fn content(facts: &Facts<'_>, at: VirtualAddress) -> Option<String> {
    let bytes = facts.space?.bytes(at, SHOWN).ok()?;
    let narrow: Vec<u8> = bytes.iter().copied().filter(|b| *b != 0).collect();
    if narrow.len() * 2 >= bytes.len() && narrow.iter().all(|b| (0x20..0x7F).contains(b)) {
        let text = String::from_utf8(narrow).ok()?;
        return Some(format!("the text \"{text}\""));
    }
    let words = bytes
        .chunks_exact(8)
        .filter_map(|word| word.try_into().ok());
    let place = words
        .map(u64::from_le_bytes)
        .find_map(|value| facts.locate(VirtualAddress(value)));
    if let Some(place) = place {
        return Some(format!("a pointer to {}", place.label));
    }
    let first = bytes.first()?;
    let same = bytes.iter().all(|byte| byte == first);
    same.then(|| format!("{first:#04x} over and over"))
}
