//! Names as they are in the source.

/// A symbol as people write it: of Rust without its hash, of C++ without parameters, as perf shows them.
pub(super) fn demangled(symbol: &str) -> String {
    // What a linker versions or a compiler clones (`read@@GLIBC_2.2.5`, `work.part.0`) keeps its mark.
    let symbol = symbol.split_once("@@").map_or(symbol, |(name, _)| name);
    if let Ok(name) = rustc_demangle::try_demangle(symbol) {
        return format!("{name:#}");
    }
    let options = cpp_demangle::DemangleOptions::new().no_params().no_return_type();
    let name =
        cpp_demangle::Symbol::new(symbol).ok().and_then(|name| name.demangle_with_options(&options).ok());
    name.unwrap_or_else(|| symbol.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_languages() {
        for (symbol, name) in [
            ("main", "main"),
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
            ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
            ("_ZN3foo3barEii", "foo::bar"),
            ("_ZN3foo", "_ZN3foo"),
            ("read@@GLIBC_2.2.5", "read"),
        ] {
            assert_eq!(demangled(symbol), name);
        }
    }
}
