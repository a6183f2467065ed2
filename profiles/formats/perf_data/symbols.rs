//! Functions at addresses, where the binaries of a recording are on this machine.

use std::path::Path;
use std::time::SystemTime;

use rustc_hash::FxHashMap;

use super::processes::Mapped;
use crate::symbols::{Binary, Function, Identity};

/// Binaries that are opened.
const BINARIES_MAX: usize = 2000;

/// Binaries by what was recorded of them, opened when an address is in one.
#[derive(Default)]
pub(super) struct Symbols<'f> {
    /// When the recording was written; `None` where binaries are not looked for.
    written: Option<SystemTime>,
    /// Builds by path.
    builds: FxHashMap<&'f [u8], &'f [u8]>,
    /// `None` is one that is not here, or another.
    binaries: FxHashMap<(&'f [u8], Identity<'f>), Option<Binary>>,
}

impl<'f> Symbols<'f> {
    pub(super) fn of_builds(builds: FxHashMap<&'f [u8], &'f [u8]>, written: SystemTime) -> Self {
        Self { written: Some(written), builds, binaries: FxHashMap::default() }
    }

    /// The functions at an address, the outermost first; none where they cannot be told. Behind a call it is the call that counts,
    /// which may be the last instruction of its function.
    pub(super) fn functions(&mut self, mapped: &Mapped<'f>, address: u64, is_return: bool) -> Vec<Function> {
        let offset = mapped.offset_of(address);
        let offset = if is_return { offset.saturating_sub(1) } else { offset };
        self.binary(mapped).map(|binary| binary.functions(offset)).unwrap_or_default()
    }

    fn binary(&mut self, mapped: &Mapped<'f>) -> Option<&Binary> {
        let written = self.written.filter(|_| mapped.module.starts_with(b"/"))?;
        // Builds are told of files in which samples are, and not of all that call them.
        let build = self.builds.get(mapped.module).map(|build| Identity::Build(build));
        let identity = build.or(mapped.identity)?;
        let key = (mapped.module, identity);
        if !self.binaries.contains_key(&key) && self.binaries.len() >= BINARIES_MAX {
            return None;
        }
        let open = || Binary::open(Path::new(std::str::from_utf8(mapped.module).ok()?), identity, written);
        self.binaries.entry(key).or_insert_with(open).as_ref()
    }
}
