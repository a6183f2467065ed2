//! Names of functions in binaries of this machine, for recordings that hold addresses alone.
//!
//! A binary is the one that was recorded if its build id is the same; where that is not recorded, if it is the same file and was not
//! written since. Of others nothing is told.

mod debug;
mod demangle;
mod table;

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use object::read::elf::ElfFile64;
use object::read::{Object, ObjectSegment, ReadCache};

use self::debug::Lines;
use self::table::Table;

/// Files that are larger are not opened.
const FILE_BYTES_MAX: u64 = 4 << 30;

type Elf<'c> = ElfFile64<'c, object::Endianness, &'c ReadCache<File>>;

/// A binary of a build.
pub(crate) struct Binary {
    segments: Vec<Segment>,
    table: Table,
    lines: Option<Lines>,
}

/// A part of the file that is mapped.
struct Segment {
    offset: u64,
    size: u64,
    address: u64,
}

/// A function that an address is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    /// Whether it is inlined into the one before.
    pub(crate) is_inlined: bool,
}

/// What is recorded of a file, by which it is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Identity<'f> {
    /// Its build id.
    Build(&'f [u8]),
    /// Its place on this machine. It must not have been written since.
    File {
        /// Major and minor number.
        device: (u32, u32),
        /// Of the file on the device, its inode.
        number: u64,
    },
}

impl Binary {
    /// The binary that was recorded by a time: at its path, or perf's copy of it, with what is known of it under `/usr/lib/debug`.
    pub(crate) fn open(path: &Path, identity: Identity<'_>, written: SystemTime) -> Option<Self> {
        match identity {
            // As of a binary that has none.
            Identity::Build([]) => None,
            Identity::Build(build) => {
                let here = std::iter::once(path.to_owned()).chain(copies(build));
                here.into_iter()
                    .find_map(|path| Self::of_build(&path, build))
                    .map(|binary| binary.with_debug(build))
            }
            Identity::File { device, number } => {
                let about = path.metadata().ok()?;
                let is_it =
                    place(&about)? == (device, number) && about.modified().is_ok_and(|at| at <= written);
                let (binary, build) =
                    is_it.then(|| open(path, |elf, build| (Self::of(elf), build.to_vec())))??;
                Some(binary.with_debug(&build))
            }
        }
    }

    fn of_build(path: &Path, wanted: &[u8]) -> Option<Self> {
        open(path, |elf, build| (build == wanted).then(|| Self::of(elf)))?
    }

    /// With the symbols and lines that were stripped off, where these are installed.
    fn with_debug(self, build: &[u8]) -> Self {
        let debug = debug_file(build).filter(|_| !build.is_empty());
        let Some(debug) = debug.and_then(|path| Self::of_build(&path, build)) else { return self };
        Self {
            table: if debug.table.is_whole() { debug.table } else { self.table },
            lines: debug.lines.or(self.lines),
            ..self
        }
    }

    fn of(elf: &Elf<'_>) -> Self {
        let segment = |segment: object::read::elf::ElfSegment64<'_, '_, _, _>| {
            let (offset, size) = segment.file_range();
            Segment { offset, size, address: segment.address() }
        };
        Self { segments: elf.segments().map(segment).collect(), table: Table::of(elf), lines: Lines::of(elf) }
    }

    /// The functions at an offset of the file, the outermost first, behind it those that are inlined there; none where there is no
    /// symbol.
    pub(crate) fn functions(&self, offset: u64) -> Vec<Function> {
        let within =
            |segment: &&Segment| offset.checked_sub(segment.offset).is_some_and(|at| at < segment.size);
        let Some(segment) = self.segments.iter().find(within) else { return Vec::new() };
        let address = (offset - segment.offset).wrapping_add(segment.address);
        let Some(symbol) = self.table.find(address) else { return Vec::new() };
        let outermost = |function: Function| Function { name: demangle::demangled(symbol), ..function };
        let told = self.lines.as_ref().map(|lines| lines.functions(address)).unwrap_or_default();
        let mut told = told.into_iter();
        let none = Function { name: String::new(), file: None, line: None, is_inlined: false };
        std::iter::once(outermost(told.next().unwrap_or(none))).chain(told).collect()
    }
}

/// What an ELF file has, with its build id, which may be empty.
fn open<T>(path: &Path, of: impl Fn(&Elf<'_>, &[u8]) -> T) -> Option<T> {
    let is_usual = path.metadata().is_ok_and(|about| about.is_file() && about.len() <= FILE_BYTES_MAX);
    let file = is_usual.then(|| File::open(path).ok()).flatten()?;
    let cache = ReadCache::new(file);
    let elf = Elf::parse(&cache).ok()?;
    let build = elf.build_id().ok()?.unwrap_or_default();
    Some(of(&elf, build))
}

/// The device of a file, as the kernel numbers them, and its number there.
#[cfg(target_os = "linux")]
fn place(about: &Metadata) -> Option<((u32, u32), u64)> {
    use std::os::linux::fs::MetadataExt as _;
    let device = about.st_dev();
    let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
    let minor = (device & 0xff) | (device >> 12 & !0xff);
    Some(((major as u32, minor as u32), about.st_ino()))
}

#[cfg(not(target_os = "linux"))]
fn place(_: &Metadata) -> Option<((u32, u32), u64)> {
    None
}

/// Where perf keeps copies of what it recorded.
fn copies(build_id: &[u8]) -> Option<PathBuf> {
    let home = std::env::home_dir()?;
    Some(home.join(".debug/.build-id").join(parts(build_id)?).join("elf"))
}

/// Where distributions put what they strip off.
fn debug_file(build_id: &[u8]) -> Option<PathBuf> {
    Some(Path::new("/usr/lib/debug/.build-id").join(parts(build_id)?).with_extension("debug"))
}

/// `ab/cdef0123…`.
fn parts(build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Path::new(&format!("{first:02x}")).join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place to be found in the program of this test.
    #[inline(never)]
    fn marker() -> u64 {
        std::hint::black_box(42)
    }

    #[test]
    fn functions_of_this_program_are_found_by_its_build_id_alone() {
        assert_eq!(marker(), 42);
        let path = std::env::current_exe().expect("this program");
        let cache = ReadCache::new(File::open(&path).expect("this program"));
        let elf = Elf::parse(&cache).expect("ELF");
        let build_id = elf.build_id().expect("notes").expect("the linker gives one").to_vec();
        let symbol = |name: &str| {
            use object::read::{ObjectSymbol, ObjectSymbolTable};
            let mut symbols = elf.symbol_table().expect("symbols").symbols();
            symbols
                .find(|symbol| symbol.name().is_ok_and(|known| known.contains(name)))
                .map(|symbol| symbol.address())
        };
        let address = symbol("6marker").expect("the function");
        let now = SystemTime::now();
        let opened = |path: &Path, build: &[u8]| Binary::open(path, Identity::Build(build), now);
        let binary = opened(&path, &build_id).expect("the same build");
        let segment =
            binary.segments.iter().find(|one| one.address <= address && address - one.address < one.size);
        let segment = segment.expect("it is mapped");
        let functions = binary.functions(address - segment.address + segment.offset + 1);
        assert_eq!(functions[0].name, "profiles::symbols::tests::marker");
        assert!(functions[0].file.as_ref().is_some_and(|file| file.ends_with("symbols.rs")), "{functions:?}");
        assert_eq!(binary.functions(u64::MAX), []);
        assert!(opened(&path, &build_id[1..]).is_none(), "of another build");
        assert!(opened(Path::new("/dev/zero"), &build_id).is_none());
        let (device, number) = place(&path.metadata().expect("this program")).expect("on Linux");
        let by_file = |number, at| Binary::open(&path, Identity::File { device, number }, at);
        assert!(by_file(number, now).is_some_and(|binary| binary.table.is_whole()));
        assert!(by_file(number + 1, now).is_none(), "another file");
        assert!(by_file(number, SystemTime::UNIX_EPOCH).is_none(), "written since");
    }
}
