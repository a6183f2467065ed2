//! The package that a function belongs to, which gives its box a colour.

use profiles::{Frame, Kind};

/// Folders below which each folder is a package.
const SHELVES: [&str; 4] = ["site-packages/", "dist-packages/", "node_modules/", "/registry/src/"];

/// A frame's package, as far as its name, file or module tell; empty if they do not.
pub(crate) fn package(frame: &Frame) -> &str {
    match frame.kind {
        Some(Kind::Kernel) => return "kernel",
        Some(Kind::Thread) => return "",
        _ => {}
    }
    let file = frame.file.as_deref().unwrap_or_default();
    let module = frame.module.as_deref().map(last_part).filter(|module| !module.is_empty());
    on_shelf(file).or_else(|| of_name(&frame.name)).or(module).unwrap_or_else(|| folder(file))
}

/// `…/site-packages/flask/app.py` is of `flask`, `…/node_modules/@nestjs/core/x.js` of `@nestjs/core`.
fn on_shelf(file: &str) -> Option<&str> {
    let below = SHELVES.iter().find_map(|shelf| file.rsplit_once(shelf))?.1;
    let parts = if below.starts_with('@') { 2 } else { 1 };
    let end = below.match_indices('/').nth(parts - 1)?.0;
    Some(&below[..end])
}

/// The part of a name that says whose it is: `serde_json::ser::to_vec`, `com/shop/Orders.list`, `github.com/lib/pq.(*conn).query`.
fn of_name(name: &str) -> Option<&str> {
    let name = name.trim_start_matches(['<', '&', '*', '_']);
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
        ] {
            let frame = Frame { file: Some(file.into()), ..Frame::named(name) };
            assert_eq!(package(&frame), package_of_it, "{name}");
        }
    }
}
