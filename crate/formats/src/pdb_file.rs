//! PDB: Microsoft's symbol files, through the `pdb` library.
//!
//! The files that Microsoft publishes are stripped: public symbols, and for the kernel its
//! structures. Those of one's own driver also hold functions of their modules. All three are taken.

use crate::FormatError;
use crate::container;
use crate::demangle::readable;
use bluepane::model::Guid;
use bluepane::symbols::{MemberEntry, SymbolTableBuilder};
use pdb::{
    AddressMap, FallibleIterator, MachineType, PDB, PdbInternalSectionOffset, PrimitiveKind,
    RawString, SymbolData, TypeData, TypeFinder, TypeIndex,
};
use std::cell::Cell;
use std::io::Cursor;

/// Names that are taken; the largest kernels have 60,000 public ones.
const MAX_SYMBOLS: usize = 1 << 20;
/// Structures that are taken.
const MAX_STRUCTURES: usize = 1 << 16;
/// Members of one structure, lists of them that may hang together, and what is looked at for all.
const MAX_MEMBERS: usize = 1 << 13;
const MAX_LISTS: usize = 64;
const MAX_LOOKS: usize = 1 << 20;
/// Records of symbols that are looked at, and letters of all names together.
const MAX_RECORDS: usize = 1 << 24;
const MAX_LETTERS: usize = 64 << 20;
/// How deep unnamed members lie in each other.
const DEEPEST: u32 = 8;

type File<'a> = PDB<'a, Cursor<&'a [u8]>>;

/// The table of a PDB called `name`.
pub(crate) fn table(name: &str, bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    container::check(bytes).ok_or(FormatError::Pdb(pdb::Error::UnexpectedEof))?;
    let mut file = PDB::open(Cursor::new(bytes))?;
    let information = file.pdb_information()?;
    let (own, guid) = (information.age, information.guid);
    let debug = file.debug_information()?;
    let thirty_two = matches!(debug.machine_type(), Ok(MachineType::X86));
    let mut builder = SymbolTableBuilder {
        name: name.rsplit(['\\', '/']).next().unwrap_or(name).into(),
        guid: Guid(guid.to_bytes_le()),
        // Tools that rewrite the file count their own age up; the image knows this one.
        age: debug.age().unwrap_or(own),
        ..SymbolTableBuilder::default()
    };
    symbols(&mut file, thirty_two, &mut builder)?;
    // Names alone are of use too.
    if structures(&mut file, thirty_two, &mut builder).is_err() {
        builder.structures.clear();
    }
    Ok(builder.build())
}

/// Where a symbol is, and its name.
struct Collector<'a> {
    map: AddressMap<'a>,
    /// Where the sections begin, by their number less one.
    sections: Vec<u32>,
    /// Letters of the names so far, and records that were looked at.
    letters: usize,
    records: usize,
    thirty_two: bool,
}

impl Collector<'_> {
    /// Whether one more record may be looked at.
    fn goes_on(&mut self) -> bool {
        self.records += 1;
        self.records < MAX_RECORDS && self.letters < MAX_LETTERS
    }

    fn add(
        &mut self,
        at: PdbInternalSectionOffset,
        name: RawString<'_>,
        to: &mut SymbolTableBuilder,
    ) {
        let name = name.to_string();
        // The library adds the two without a look at them.
        let section = usize::from(at.section).checked_sub(1);
        let section = section.and_then(|index| self.sections.get(index));
        let fits = section.is_some_and(|start| start.checked_add(at.offset).is_some());
        if let Some(rva) = Some(at)
            .filter(|_| fits)
            .and_then(|at| at.to_rva(&self.map))
            && let Some(name) = readable(&name, self.thirty_two)
            && to.symbols.len() < MAX_SYMBOLS
        {
            self.letters += name.len();
            to.symbols.push((rva.0, name.into_owned()));
        }
    }
}

fn symbols(
    file: &mut File<'_>,
    thirty_two: bool,
    to: &mut SymbolTableBuilder,
) -> Result<(), FormatError> {
    let sections = file.sections()?.unwrap_or_default();
    let mut collector = Collector {
        map: file.address_map()?,
        sections: sections.iter().map(|s| s.virtual_address).collect(),
        letters: 0,
        records: 0,
        thirty_two,
    };
    let table = file.global_symbols()?;
    let mut all = table.iter();
    while let Some(symbol) = all.next()?
        && collector.goes_on()
    {
        match symbol.parse() {
            Ok(SymbolData::Public(found)) => collector.add(found.offset, found.name, to),
            Ok(SymbolData::Data(found)) => collector.add(found.offset, found.name, to),
            _ => {}
        }
    }
    let debug = file.debug_information()?;
    let mut modules = debug.modules()?;
    while let Ok(Some(module)) = modules.next()
        && collector.goes_on()
    {
        let Ok(Some(information)) = file.module_info(&module) else {
            continue;
        };
        let Ok(mut all) = information.symbols() else {
            continue;
        };
        while let Ok(Some(symbol)) = all.next()
            && collector.goes_on()
        {
            if let Ok(SymbolData::Procedure(found)) = symbol.parse() {
                collector.add(found.offset, found.name, to);
            }
        }
    }
    Ok(())
}

/// Types by their number.
struct Types<'a, 't> {
    finder: &'a TypeFinder<'t>,
    pointer: u8,
    /// Members that were looked at: structures may hold each other, and all the same list.
    looks: Cell<usize>,
}

fn structures(
    file: &mut File<'_>,
    thirty_two: bool,
    to: &mut SymbolTableBuilder,
) -> Result<(), FormatError> {
    let information = file.type_information()?;
    let mut finder = information.finder();
    let mut all = information.iter();
    while all.next()?.is_some() {
        finder.update(&all);
    }
    let types = Types {
        finder: &finder,
        pointer: if thirty_two { 4 } else { 8 },
        looks: Cell::new(0),
    };
    let mut all = information.iter();
    while let Some(item) = all.next()? {
        let (name, size, fields) = match item.parse() {
            Ok(TypeData::Class(class)) => (class.name, class.size, class.fields),
            Ok(TypeData::Union(union)) => (union.name, union.size, Some(union.fields)),
            _ => continue,
        };
        let name = name.to_string();
        // Only declared, or without a name: it is found through those that hold it.
        let Some(fields) = fields.filter(|_| size != 0 && !is_unnamed(&name)) else {
            continue;
        };
        if to.structures.len() >= MAX_STRUCTURES {
            break;
        }
        let mut members = Vec::new();
        types.members(fields, 0, 0, &mut members);
        if !members.is_empty() {
            let size = u32::try_from(size).unwrap_or(u32::MAX);
            to.structures.insert(name.into_owned(), (size, members));
        }
    }
    Ok(())
}

fn is_unnamed(name: &str) -> bool {
    name.is_empty() || name.starts_with("<unnamed") || name.starts_with("<anonymous")
}

impl Types<'_, '_> {
    fn find(&self, index: TypeIndex) -> Option<TypeData<'_>> {
        self.finder.find(index).ok()?.parse().ok()
    }

    /// The members in a list and the lists that it goes on in.
    fn members(&self, list: TypeIndex, base: u64, depth: u32, out: &mut Vec<MemberEntry>) {
        let mut next = Some(list);
        for _ in 0..MAX_LISTS {
            let Some(TypeData::FieldList(list)) = next.and_then(|index| self.find(index)) else {
                return;
            };
            for field in &list.fields {
                let TypeData::Member(member) = field else {
                    continue;
                };
                let looks = self.looks.get() + 1;
                self.looks.set(looks);
                if out.len() >= MAX_MEMBERS || looks > MAX_LOOKS {
                    return;
                }
                let offset = base.saturating_add(member.offset);
                let name = member.name.to_string();
                if is_unnamed(&name) {
                    if let Some(inner) = self.fields_of(member.field_type)
                        && depth < DEEPEST
                    {
                        self.members(inner, offset, depth + 1, out);
                    }
                } else if let Ok(offset) = u32::try_from(offset) {
                    let width = self.width(member.field_type);
                    out.push((name.into_owned(), offset, width));
                }
            }
            next = list.continuation;
        }
    }

    fn fields_of(&self, index: TypeIndex) -> Option<TypeIndex> {
        match self.find(index)? {
            TypeData::Class(class) => class.fields,
            TypeData::Union(union) => Some(union.fields),
            _ => None,
        }
    }

    /// Bytes of a number or a pointer; 0 for all else.
    fn width(&self, index: TypeIndex) -> u8 {
        match self.find(index) {
            Some(TypeData::Pointer(_)) => self.pointer,
            Some(TypeData::Modifier(modified)) if modified.underlying_type != index => {
                match self.find(modified.underlying_type) {
                    Some(TypeData::Primitive(of)) => self.primitive(of),
                    Some(TypeData::Pointer(_)) => self.pointer,
                    _ => 0,
                }
            }
            Some(TypeData::Primitive(of)) => self.primitive(of),
            _ => 0,
        }
    }

    fn primitive(&self, of: pdb::PrimitiveType) -> u8 {
        use PrimitiveKind as Is;
        if of.indirection.is_some() {
            return self.pointer;
        }
        match of.kind {
            Is::Char | Is::UChar | Is::RChar | Is::I8 | Is::U8 | Is::Bool8 => 1,
            Is::WChar | Is::RChar16 | Is::Short | Is::UShort | Is::I16 | Is::U16 => 2,
            Is::Long | Is::ULong | Is::I32 | Is::U32 | Is::Bool32 | Is::HRESULT => 4,
            Is::Quad | Is::UQuad | Is::I64 | Is::U64 => 8,
            _ => 0,
        }
    }
}
