//! Names of endpoints as users write them: in the words of their framework, or nearly right.

use detectors::evidence::shape::url::Templates;
use detectors::finding::Endpoint;

/// Stands for `*` while a route is read; no route holds it.
const ANYTHING: char = '"';

/// How many names are listed where one is not known.
const NEAREST: usize = 3;

/// A glob over endpoints in the one form that reports use: `/users/:id`, `/users/<int:id>` and
/// `/users/{id}/` become `/users/{id}`. What is no route stays as it is.
pub fn canonical(glob: &str) -> String {
    let glob = glob.trim();
    let Some((method, route)) = glob.split_once(char::is_whitespace) else { return glob.to_owned() };
    let (method, route) = (method.to_ascii_uppercase(), route.trim_start());
    let is_method = (3..=7).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_method || !route.starts_with('/') {
        return glob.to_owned();
    }
    let route = route.replace('*', &ANYTHING.to_string());
    let mut templates = Templates::default();
    templates.endpoint_by_route(method.as_bytes(), route.as_bytes()).text.replace(ANYTHING, "*")
}

/// Service and endpoint of `shop: GET /orders` or `shop:GET /orders`; the service may be missing.
pub fn with_service(text: &str) -> (Option<String>, String) {
    let known =
        text.split_once(": ").or_else(|| text.split_once(':').filter(|(_, rest)| begins_a_route(rest)));
    match known {
        Some((service, endpoint)) if !service.contains('/') => {
            (Some(service.trim().to_owned()), canonical(endpoint))
        }
        _ => (None, canonical(text)),
    }
}

/// Whether a text is `GET /…` or begins so.
fn begins_a_route(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(method, route)| {
        !method.is_empty()
            && method.bytes().all(|byte| byte.is_ascii_alphabetic())
            && route.trim_start().starts_with(['/', '*'])
    })
}

/// Says which endpoints are called nearly as one that was not seen.
pub fn nearest(name: &str, endpoints: &[Endpoint]) -> String {
    let mut names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.sort_by_cached_key(|other| strsim::damerau_levenshtein(name, other));
    let seen = names.len();
    names.truncate(NEAREST);
    let names = names.join(", ");
    match seen {
        0 => "no endpoint was seen".to_owned(),
        1..=NEAREST => format!("seen: {names}"),
        _ => format!("the nearest of {seen}: {names}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_have_one_form() {
        for (written, expected) in [
            ("GET /users/:id", "GET /users/{id}"),
            ("GET /users/<int:id>", "GET /users/{id}"),
            ("get /users/{id}/", "GET /users/{id}"),
            ("GET /users/[id]/*", "GET /users/{id}/*"),
            ("GET /orders*", "GET /orders*"),
            ("GET *", "GET *"),
            ("* /orders", "* /orders"),
            ("GET /", "GET /"),
            ("GET /a<b", "GET /a{b}"),
            ("POST /v1/books:publish", "POST /v1/books:publish"),
            ("shop.Orders/Get", "shop.Orders/Get"),
            ("process orders", "process orders"),
        ] {
            assert_eq!(canonical(written), expected);
            assert_eq!(canonical(expected), expected);
        }
    }

    #[test]
    fn a_service_comes_first() {
        for (written, service, endpoint) in [
            ("shop: GET /orders", Some("shop"), "GET /orders"),
            ("shop:GET /orders/:id", Some("shop"), "GET /orders/{id}"),
            ("shop-*:GET *", Some("shop-*"), "GET *"),
            ("shop: process orders", Some("shop"), "process orders"),
            ("GET /v1/books:publish", None, "GET /v1/books:publish"),
            ("GET /:id", None, "GET /{id}"),
            ("job:cleanup", None, "job:cleanup"),
        ] {
            assert_eq!(with_service(written), (service.map(str::to_owned), endpoint.to_owned()), "{written}");
        }
    }
}
