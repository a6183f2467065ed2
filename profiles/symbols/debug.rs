//! What debug information tells: which functions are inlined at an address, and where they are in the source.

use std::sync::Arc;

use addr2line::Context;
use gimli::{Dwarf, EndianArcSlice, RunTimeEndian, SectionId};
use object::read::{Object, ObjectSection};

use super::{Elf, Function, demangle};

/// Bytes of all sections together; more is not read.
const SECTIONS_BYTES_MAX: u64 = 1 << 30;

/// Functions that are inlined into each other at one place.
const INLINED_MAX: usize = 64;

type Section = EndianArcSlice<RunTimeEndian>;

/// The lines of a binary.
pub(super) struct Lines(Context<Section>);

impl Lines {
    /// `None` where there are none, as in a binary that was stripped.
    pub(super) fn of(elf: &Elf<'_>) -> Option<Self> {
        let sections =
            elf.sections().filter(|section| section.name().is_ok_and(|name| name.starts_with(".debug_")));
        let size = sections.fold(0_u64, |sum, section| sum.saturating_add(section.size()));
        elf.section_by_name(".debug_info").filter(|_| size <= SECTIONS_BYTES_MAX)?;
        let endian = if elf.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let load = |id: SectionId| -> Result<Section, object::read::Error> {
            let bytes = match elf.section_by_name(id.name()) {
                Some(section) => section.uncompressed_data()?,
                None => Default::default(),
            };
            Ok(EndianArcSlice::new(Arc::from(&*bytes), endian))
        };
        Context::from_dwarf(Dwarf::load(load).ok()?).ok().map(Self)
    }

    /// The functions at an address, the outermost first.
    pub(super) fn functions(&self, address: u64) -> Vec<Function> {
        let Ok(mut frames) = self.0.find_frames(address).skip_all_loads() else { return Vec::new() };
        let mut functions = Vec::new();
        while let (Ok(Some(frame)), true) = (frames.next(), functions.len() < INLINED_MAX) {
            let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
            let location = frame.location.as_ref();
            functions.push(Function {
                name: name.map_or_else(|| "[unknown]".to_owned(), |name| demangle::demangled(&name)),
                file: location.and_then(|location| location.file).map(str::to_owned),
                line: location.and_then(|location| location.line),
                is_inlined: true,
            });
        }
        functions.reverse();
        if let Some(outermost) = functions.first_mut() {
            outermost.is_inlined = false;
        }
        functions
    }
}
