//! The table of symbols of a binary: which function an address is in.

use object::SymbolKind;
use object::read::{Object, ObjectSymbol, ObjectSymbolTable};

use super::Elf;

/// Functions of one binary.
const SYMBOLS_MAX: usize = 4_000_000;

/// So many symbols before an address are looked at for one that reaches to it: within a function there may be others.
const BEFORE_MAX: usize = 16;

/// Functions by where they begin.
pub(super) struct Table {
    symbols: Vec<Symbol>,
    /// Whether it is the table of all, and not of what is exported alone.
    is_whole: bool,
}

struct Symbol {
    begin: u64,
    /// Zero where it is not told.
    size: u64,
    rank: (bool, bool, bool, usize, usize),
    name: Box<str>,
}

impl Table {
    pub(super) fn of(elf: &Elf<'_>) -> Self {
        let mut all = of_table(elf.symbol_table());
        let is_whole = !all.is_empty();
        if !is_whole {
            all = of_table(elf.dynamic_symbol_table());
        }
        all.sort_by(|one, other| (one.begin, other.rank).cmp(&(other.begin, one.rank)));
        all.dedup_by_key(|symbol| symbol.begin);
        Self { symbols: all, is_whole }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The symbol that an address is in.
    pub(super) fn find(&self, address: u64) -> Option<&str> {
        let behind = self.symbols.partition_point(|symbol| symbol.begin <= address);
        let next = self.symbols.get(behind).map_or(u64::MAX, |next| next.begin);
        let before = self.symbols[..behind].iter().rev().take(BEFORE_MAX).enumerate();
        let mut reaching = before.filter(|(steps, symbol)| match symbol.size {
            // Without a size it ends where the next begins.
            0 => *steps == 0 && address < next,
            size => address - symbol.begin < size,
        });
        reaching.next().map(|(_, symbol)| &*symbol.name)
    }
}

fn of_table<'d>(table: Option<impl ObjectSymbolTable<'d>>) -> Vec<Symbol> {
    let symbols = table
        .into_iter()
        .flat_map(|table| table.symbols().filter_map(|symbol| function(&symbol)).collect::<Vec<_>>());
    symbols.take(SYMBOLS_MAX).collect()
}

/// Of several at one address perf shows one with a size, one that is not weak, then a global one, then that with fewer underscores in
/// front, then the longer one (`choose_best_symbol` in `tools/perf/util/symbol.c`).
fn function<'d>(symbol: &impl ObjectSymbol<'d>) -> Option<Symbol> {
    if symbol.kind() != SymbolKind::Text || symbol.is_undefined() {
        return None;
    }
    let name = symbol.name().ok().filter(|name| !name.is_empty())?;
    let underscores = name.bytes().take_while(|byte| *byte == b'_').count();
    let rank =
        (symbol.size() > 0, !symbol.is_weak(), symbol.is_global(), usize::MAX - underscores, name.len());
    Some(Symbol { begin: symbol.address(), size: symbol.size(), rank, name: name.into() })
}
