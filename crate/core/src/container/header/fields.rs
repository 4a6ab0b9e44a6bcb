//! The header as it stands, field by field, for the report: offset, name, value, meaning, or why
//! there is no value.

use super::layout::{Field, Item, Shape};
use super::words::{machine_name, mini_dump_field_names, product_name, suite_names};
use super::{Attributes, DumpHeader, DumpType, Reader, is_fill, little_endian};
use crate::model::{Gap, HeaderField, Hex, RawHeader};
use crate::time::iso8601_from_filetime;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

impl DumpHeader {
    /// Every field of the header in file order.
    #[must_use]
    pub fn fields(&self) -> RawHeader {
        let layout = self.width.layout();
        let reader = Reader {
            width: self.width,
            raw: &self.raw,
        };
        RawHeader {
            structure: layout.structure,
            fields: layout
                .fields
                .iter()
                .map(|field| self.show(&reader, field))
                .collect(),
        }
    }

    fn show(&self, reader: &Reader<'_>, field: &Field) -> HeaderField {
        let offset = u64::from(field.offset);
        let mut shown = HeaderField {
            offset: Hex(offset),
            name: field.name,
            ..HeaderField::default()
        };
        let Some(bytes) = reader.bytes_at(offset, field.shape.len()) else {
            shown.gap = Some(Gap::Truncated);
            return shown;
        };
        let is_signature = matches!(field.id, Item::Signature | Item::ValidDump);
        if !is_signature && is_fill(offset, bytes) {
            shown.gap = Some(Gap::NotRecorded);
            return shown;
        }
        shown.value = match field.shape {
            Shape::Tag => Some(bytes.iter().map(|&b| char::from(b)).collect()),
            Shape::Int(_) => Some(format!("{:#x}", little_endian(bytes))),
            Shape::Pointer(len) => Some(format!(
                "{:0width$x}",
                little_endian(bytes),
                width = usize::from(len) * 2
            )),
            Shape::Text(_) => Some(reader.text(field.id).unwrap_or_default()),
            Shape::Struct(_) => self.structure(field.id),
        };
        if shown.value.is_none() {
            shown.gap = Some(Gap::NotRecorded);
        }
        if matches!(field.shape, Shape::Int(_)) {
            shown.meaning = meaning(field.id, little_endian(bytes));
        } else if field.id == Item::PhysicalMemoryBlock {
            shown.meaning = self.runs_listed();
        }
        shown
    }

    fn structure(&self, id: Item) -> Option<String> {
        match id {
            Item::PhysicalMemoryBlock => self
                .physical_memory
                .as_ref()
                .map(|memory| format!("{} runs, {:#x} pages", memory.recorded, memory.total_pages)),
            Item::ContextRecord => self.context.map(|range| format!("{:#x} bytes", range.len)),
            Item::Exception => self
                .exception
                .map(|range| format!("{:#x} bytes", range.len)),
            _ => None,
        }
    }

    fn runs_listed(&self) -> Option<String> {
        let memory = self.physical_memory.as_ref()?;
        let mut runs: Vec<String> = memory
            .runs
            .iter()
            .map(|run| format!("{:#x}+{:#x}", run.base_page, run.pages))
            .collect();
        if !memory.adds_up() {
            runs.push("the runs do not add up to the total".into());
        }
        Some(runs.join(", "))
    }
}

fn meaning(id: Item, value: u64) -> Option<String> {
    let word = value as u32;
    match id {
        Item::MajorVersion => match value {
            0xF => Some("free build".into()),
            0xC => Some("checked build".into()),
            _ => None,
        },
        Item::MinorVersion => Some(format!("build {value}")),
        Item::MachineImageType => machine_name(word).map(Into::into),
        Item::NumberProcessors => Some(value.to_string()),
        Item::DumpType => Some(DumpType::from(word).name().into()),
        Item::RequiredDumpSpace => Some(format!("{value} bytes")),
        Item::SystemTime => iso8601_from_filetime(value),
        Item::SystemUpTime => Some(duration(value)),
        Item::ProductType => product_name(word).map(Into::into),
        Item::SuiteMask => joined(&suite_names(word)),
        Item::Attributes => joined(&Attributes(word).names()),
        Item::MiniDumpFields => joined(&mini_dump_field_names(word)),
        Item::WriterStatus | Item::SecondaryDataState if value == 0 => Some("success".into()),
        Item::PaeEnabled => Some(if value == 0 { "no PAE" } else { "PAE" }.into()),
        _ => None,
    }
}

fn joined(names: &[&str]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

/// A time span of 100 ns units as the debugger prints it: `0 days 0:01:02.345`.
fn duration(units: u64) -> String {
    let milliseconds = units / 10_000;
    let seconds = milliseconds / 1000;
    format!(
        "{} days {}:{:02}:{:02}.{:03}",
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        milliseconds % 1000
    )
}
