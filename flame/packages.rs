//! The package that a function belongs to, which gives its box a colour.

use profiles::{Frame, Kind};

/// Folders below which each folder is a package, and how many folders come before.
const SHELVES: [(&str, usize); 6] = [
    ("site-packages/", 0),
    ("dist-packages/", 0),
    ("node_modules/", 0),
    ("/registry/src/", 1),
    ("/rustlib/src/rust/library/", 0),
    ("/rustc/", 2),
];

/// A frame's package, as far as its name, file or module tell; empty if they do not.
pub(crate) fn package(frame: &Frame) -> &str {
    match frame.kind {
        Some(Kind::Kernel) => return "kernel",
        Some(Kind::Thread) => return "",
        _ => {}
    }
    let file = frame.file.as_deref().unwrap_or_default();
    let module = frame.module.as_deref().map(last_part).filter(|module| !module.is_empty());
    let named = || of_script(file).or_else(|| of_name(&frame.name));
    on_shelf(file).or_else(named).or(module).unwrap_or_else(|| folder(file))
}

/// Scripts, whose functions are called by their objects (`Module.load`): `node:internal/fs/utils` is of `node:internal`,
/// `file:///srv/shop/orders.js` of `shop`.
fn of_script(file: &str) -> Option<&str> {
    if file.starts_with("node:") {
        return file.split('/').next();
    }
    let is_script = [".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx"].iter().any(|end| file.ends_with(end));
    Some(folder(file)).filter(|folder| is_script && !folder.is_empty() && *folder != file)
}

/// `…/site-packages/flask/app.py` is of `flask`, `…/node_modules/@nestjs/core/x.js` of `@nestjs/core`,
/// `…/registry/src/index.crates.io-0/memchr-2.7.4/src/lib.rs` of `memchr`, `/rustc/0/library/core/src/ops/index.rs` of `core`.
fn on_shelf(file: &str) -> Option<&str> {
    let (below, before) =
        SHELVES.iter().find_map(|(shelf, before)| Some((file.rsplit_once(shelf)?.1, *before)))?;
    let below = (0..before).try_fold(below, |rest, _| Some(rest.split_once('/')?.1))?;
    let parts = if below.starts_with('@') { 2 } else { 1 };
    let end = below.match_indices('/').nth(parts - 1)?.0;
    Some(without_version(&below[..end]))
}

/// `memchr-2.7.4` is `memchr`.
fn without_version(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|letter: char| letter.is_ascii_digit()) => name,
        _ => name,
    }
}

/// The part of a name that says whose it is: `serde_json::ser::to_vec`, `com/shop/Orders.list`, `github.com/lib/pq.(*conn).query`;
/// of `<A as B>::c` what is told of `A`, else of `B`.
fn of_name(name: &str) -> Option<&str> {
    let Some((of_type, of_trait)) = name.strip_prefix('<').and_then(|inner| inner.split_once(" as ")) else {
        return of_path(name);
    };
    of_path(of_type).or_else(|| of_path(of_trait))
}

/// The first parts of a path.
fn of_path(name: &str) -> Option<&str> {
    let name = name.trim_start_matches(['<', '&', '*', '_', '[']);
    let name = name.strip_prefix("mut ").or_else(|| name.strip_prefix("dyn ")).unwrap_or(name);
    let name = &name[..name.find(['(', '<', '{', ' ', '[']).unwrap_or(name.len())];
    if let Some((package, _)) = name.split_once("::") {
        return Some(package);
    }
    if let Some(slash) = name.rfind('/') {
        let dot = name[slash..].find('.')?;
        return Some(first_parts(&name[..slash + dot], &name[..slash]));
    }
    let dots = name.match_indices('.').count();
    match dots {
        0 => None,
        1 => name.split_once('.').map(|(package, _)| package),
        _ => Some(&name[..name.match_indices('.').nth(1)?.0]),
    }
}

/// Of a path: three parts of `github.com/lib/pq`, two of `java/util/HashMap`, whose last part is a class.
fn first_parts<'n>(whole: &'n str, folders: &'n str) -> &'n str {
    let host = whole.split('/').next().is_some_and(|first| first.contains('.'));
    let (path, parts) = if host { (whole, 3) } else { (folders, 2) };
    path.match_indices('/').nth(parts - 1).map_or(path, |(end, _)| &path[..end])
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn folder(file: &str) -> &str {
    file.rsplit_once('/').map_or(file, |(folder, _)| last_part(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_by_names_and_files() {
        for (name, file, package_of_it) in [
            ("serde_json::ser::to_vec", "", "serde_json"),
            ("<alloc::vec::Vec<T> as core::clone::Clone>::clone", "", "alloc"),
            ("com/shop/orders/Orders.list", "", "com/shop"),
            ("java.util.HashMap.get", "", "java.util"),
            ("github.com/lib/pq.(*conn).query", "", "github.com/lib/pq"),
            ("net/http.(*conn).serve", "", "net"),
            ("runtime.mallocgc", "", "runtime"),
            ("list", "/app/shop/orders.py", "shop"),
            ("wsgi_app", "/usr/lib/python3/site-packages/flask/app.py", "flask"),
            ("inject", "/srv/node_modules/@nestjs/core/injector.js", "@nestjs/core"),
            ("main", "", ""),
            ("<&mut I as core::iter::Iterator>::next", "", "core"),
            ("<dyn whyslow::ingest::Read>::next", "", "whyslow"),
            ("<T as core::convert::Into<U>>::into", "/rustc/0a1b/library/core/src/convert/mod.rs", "core"),
            (
                "find",
                "/home/x/.cargo/registry/src/index.crates.io-19/hashbrown-0.15.5/src/map.rs",
                "hashbrown",
            ),
            ("index", "/root/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs", "alloc"),
            ("whyslow::ingest::read", "src/ingest/mod.rs", "whyslow"),
            ("Module.load", "node:internal/modules/cjs/loader", "node:internal"),
            ("Orders.list", "file:///srv/shop/orders.js", "shop"),
            ("Orders.list", "orders.js", "Orders"),
        ] {
            let frame = Frame { file: Some(file.into()), ..Frame::named(name) };
            assert_eq!(package(&frame), package_of_it, "{name}");
        }
    }
}
