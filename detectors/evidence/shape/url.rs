//! URL templates: `GET https://payments/charge/{id}?page={}`.
//!
//! Scheme, host and port stay, whoever is named in front of the host goes; ids in
//! the path give way to `{id}`, what may be anything to `{}`; a query string keeps
//! the names of its parameters, sorted.

use super::segment::{Part, part, push_part};
use super::{Family, Shape, ShapeId, hash};
use crate::evidence::Values;

/// A longer template is no use to anybody.
const TEXT_BYTES: usize = 512;

/// No host has a longer name.
const HOST_BYTES: usize = 255;

/// Parameters named in a template.
const PARAMETERS_MAX: usize = 16;

/// Makes templates of URLs, endpoint names and commands, in buffers that it uses again.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    values_key: u64,
    pub(super) text: String,
    pub(super) values: u64,
    /// Values were taken out of the text.
    pub(super) taken: u32,
    /// Values are known to be there but not which.
    pub(super) hidden: bool,
    parameters: Vec<(String, u64)>,
}

/// A template, good until the next one is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template<'t> {
    /// Id of its shape.
    pub id: ShapeId,
    /// Hash of what was taken out.
    pub values: Values,
    /// How many values were.
    pub taken: u32,
    /// The canonical text.
    pub text: &'t str,
}

impl Template<'_> {
    /// Its shape, for the dictionary.
    pub fn shape(&self) -> Shape {
        Shape { id: self.id, text: self.text.into(), facts: None }
    }
}

impl Templates {
    /// Templates whose value hashes are keyed with `values_key`.
    pub fn new(values_key: u64) -> Self {
        Self { values_key, ..Self::default() }
    }

    /// An outgoing call by its URL, absolute or a path; an empty method is left out.
    pub fn call(&mut self, method: &[u8], url: &[u8]) -> Template<'_> {
        self.start(method);
        self.url(url);
        self.finish(Family::Url)
    }

    /// An outgoing call whose URL is given in parts; empty parts are unknown. The host may carry
    /// its port, the path its query string.
    pub fn call_in_parts(&mut self, method: &[u8], scheme: &[u8], host: &[u8], path: &[u8]) -> Template<'_> {
        self.start(method);
        self.host(scheme, host);
        self.path_and_query(path);
        self.finish(Family::Url)
    }

    /// An outgoing call whose path somebody has templated already, such as `url.template`.
    pub fn call_by_template(
        &mut self,
        method: &[u8],
        scheme: &[u8],
        host: &[u8],
        route: &[u8],
    ) -> Template<'_> {
        self.start(method);
        self.host(scheme, host);
        self.route(route);
        self.finish(Family::Url)
    }

    /// A GraphQL call: all go to one URL, so the operation's name tells them apart.
    pub fn graphql(&mut self, method: &[u8], url: &[u8], operation: &[u8]) -> Template<'_> {
        self.start(method);
        self.url(url.split(|byte| *byte == b'?').next().unwrap_or_default());
        self.text.push_str(" graphql ");
        push_part(&mut self.text, operation);
        self.hidden = true;
        self.finish(Family::Url)
    }

    pub(super) fn start(&mut self, method: &[u8]) {
        self.text.clear();
        self.values = self.values_key ^ hash::START;
        self.taken = 0;
        self.hidden = false;
        if (1..=16).contains(&method.len())
            && method.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        {
            self.text.extend(method.iter().map(|byte| char::from(byte.to_ascii_uppercase())));
            self.text.push(' ');
        }
        // A body carries values that nobody sees.
        self.hidden = matches!(&*self.text, "POST " | "PUT " | "PATCH ");
    }

    pub(super) fn finish(&mut self, family: Family) -> Template<'_> {
        self.text.truncate(self.text.trim_end().len());
        let id = ShapeId::of(family, &self.text);
        let values = match (self.hidden, self.taken) {
            (true, _) => Values::UNKNOWN,
            (false, 0) => Values::NONE,
            (false, _) => Values::hashed(hash::finish(self.values)),
        };
        Template { id, values, taken: self.taken, text: &self.text }
    }

    /// The hash of values where these and no others are taken out.
    pub fn values_of<'v>(&self, taken: impl Iterator<Item = &'v [u8]>) -> Values {
        Values::hashed(hash::finish(taken.fold(self.values_key ^ hash::START, hash::bytes)))
    }

    /// Counts a value that was taken out.
    pub(super) fn take(&mut self, value: &[u8]) {
        self.values = hash::bytes(self.values, value);
        self.taken += 1;
    }

    fn url(&mut self, url: &[u8]) {
        let url = url.trim_ascii();
        if let Some(at) = find(url, b"://") {
            let (scheme, rest) = (url.get(..at).unwrap_or_default(), url.get(at + 3..).unwrap_or_default());
            return self.host_and_path(scheme, rest);
        }
        if let Some(rest) = url.strip_prefix(b"//") {
            return self.host_and_path(b"", rest);
        }
        let first = url.split(|byte| matches!(byte, b'/' | b'?')).next().unwrap_or_default();
        match !url.starts_with(b"/") && first.iter().any(|byte| matches!(byte, b'.' | b':')) {
            true => self.host_and_path(b"", url),
            false => self.path_and_query(url),
        }
    }

    fn host_and_path(&mut self, scheme: &[u8], rest: &[u8]) {
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        self.host(scheme, host);
        self.path_and_query(path);
    }

    /// Host and port without the user in front and without the scheme's usual port.
    fn host(&mut self, scheme: &[u8], host: &[u8]) {
        let host = host.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
        if host.is_empty() {
            return;
        }
        if host.len() > HOST_BYTES {
            self.take(host);
            return self.text.push_str("{}");
        }
        let usual: &[u8] = match scheme.to_ascii_lowercase().as_slice() {
            b"http" | b"ws" => b":80",
            b"https" | b"wss" => b":443",
            _ => b"",
        };
        if !scheme.is_empty() && scheme.len() <= 16 && scheme.iter().all(u8::is_ascii_alphanumeric) {
            self.text.extend(scheme.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
            self.text.push_str("://");
        }
        let host = host.strip_suffix(usual).unwrap_or(host);
        for (index, label) in host.split(|byte| *byte == b'.').enumerate() {
            if index > 0 {
                self.text.push('.');
            }
            self.label(label);
        }
    }

    /// A part of a host: names with a number stay, only what is surely an id goes.
    fn label(&mut self, label: &[u8]) {
        let odd = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"-_:[]".contains(byte));
        let hexadecimal =
            label.len() >= 12 && label.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
        let is_id =
            hexadecimal && label.iter().any(u8::is_ascii_digit) && label.iter().any(u8::is_ascii_alphabetic);
        if is_id || label.len() > 63 || label.iter().any(odd) {
            self.take(label);
            return self.text.push_str("{id}");
        }
        self.text.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
    }

    pub(super) fn path_and_query(&mut self, path: &[u8]) {
        let path = path.split(|byte| *byte == b'#').next().unwrap_or_default();
        let mut parts = path.splitn(2, |byte| *byte == b'?');
        self.path(parts.next().unwrap_or_default());
        if let Some(query) = parts.next() {
            self.query(query);
        }
    }

    pub(super) fn path(&mut self, path: &[u8]) {
        let mut empty = true;
        for segment in path.split(|byte| *byte == b'/') {
            // Parameters of a segment, such as `;jsessionid=…`, are values.
            let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
            if name.is_empty() {
                continue;
            }
            empty = false;
            if self.text.len() > TEXT_BYTES {
                self.take(segment);
                continue;
            }
            self.text.push('/');
            if is_placeholder(name) {
                self.text.extend(name.iter().map(|byte| char::from(*byte)));
                self.hidden = true;
            } else if push_part(&mut self.text, name) {
                self.take(segment);
            }
        }
        if empty {
            self.text.push('/');
        }
    }

    /// The names of parameters, sorted; their values are hashed in this order.
    fn query(&mut self, query: &[u8]) {
        let mut parameters = std::mem::take(&mut self.parameters);
        parameters.clear();
        for pair in query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let name = parameter_name(parts.next().unwrap_or_default());
            let value = hash::bytes(self.values_key, parts.next().unwrap_or_default());
            parameters.push((name, value));
            if parameters.len() == 4 * PARAMETERS_MAX {
                break;
            }
        }
        parameters.sort_unstable();
        let mut shown = 0;
        for (index, (name, value)) in parameters.iter().enumerate() {
            self.take(&value.to_le_bytes());
            let again = index > 0 && parameters.get(index - 1).is_some_and(|(before, _)| before == name);
            if again || shown == PARAMETERS_MAX {
                continue;
            }
            self.text.push(if shown == 0 { '?' } else { '&' });
            self.text.push_str(name);
            self.text.push_str("={}");
            shown += 1;
        }
        self.parameters = parameters;
    }
}

/// A parameter's name: `filter[name]` stays, `ids[0]` becomes `ids[]`.
fn parameter_name(name: &[u8]) -> String {
    let mut text = String::new();
    for (index, piece) in name.split(|byte| *byte == b'[').take(4).enumerate() {
        let (inner, close) = match piece.strip_suffix(b"]") {
            Some(inner) => (inner, "]"),
            None => (piece, ""),
        };
        if index > 0 {
            text.push('[');
        }
        if index == 0 || !inner.iter().all(u8::is_ascii_digit) {
            match part(inner) {
                Part::Word => text.push_str(&String::from_utf8_lossy(inner)),
                _ => text.push_str("{}"),
            }
        }
        text.push_str(close);
    }
    text
}

/// `{name}` or `{name}.pdf` as templates write it.
fn is_placeholder(segment: &[u8]) -> bool {
    let inner = segment.strip_prefix(b"{").filter(|inner| inner.len() <= 40);
    let close = inner.and_then(|inner| inner.iter().position(|byte| *byte == b'}'));
    let Some((inner, close)) = inner.zip(close) else { return false };
    let (name, rest) = (inner.get(..close).unwrap_or_default(), inner.get(close + 1..).unwrap_or_default());
    let extension = rest.strip_prefix(b".").unwrap_or(rest);
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-*".contains(byte))
        && extension.len() <= 5
        && extension.iter().all(u8::is_ascii_alphanumeric)
        && (extension.len() < rest.len() || rest.is_empty())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::Templates;

    #[test]
    fn templates_of_calls() {
        let cases = [
            (
                "get",
                "https://user:secret@payments:443/charge/42?b=2&a=1#top",
                "GET https://payments/charge/{id}?a={}&b={}",
            ),
            ("GET", "http://10.0.0.7:8080/orders/", "GET http://10.0.0.7:8080/orders"),
            ("GET", "http://shard-17.db.local:80", "GET http://shard-17.db.local/"),
            ("POST", "/users/jane@example.com/avatar", "POST /users/{}/avatar"),
            ("GET", "example.com/a/b", "GET example.com/a/b"),
            ("", "/a//b/?x", "/a/b?x={}"),
            (
                "GET",
                "/files/report-3f2a91bc.pdf?ids[0]=1&ids[1]=2&f[name]=x",
                "GET /files/{id}.pdf?f[name]={}&ids[]={}",
            ),
            ("GET", "https://7d9f3a4e8b2c4e5f.s3.amazonaws.com/x", "GET https://{id}.s3.amazonaws.com/x"),
            ("GET", "/a;jsessionid=123/b", "GET /a/b"),
            ("GET", "http://[::1]:3000/x", "GET http://[::1]:3000/x"),
        ];
        let mut templates = Templates::new(1);
        for (method, url, expected) in cases {
            let template = templates.call(method.as_bytes(), url.as_bytes());
            assert_eq!(template.text, expected, "{url}");
            let text = template.text.to_owned();
            assert_eq!(Templates::new(2).call_text_again(&text), text);
        }
    }

    impl Templates {
        fn call_text_again(&mut self, text: &str) -> String {
            let (method, url) = text.split_once(' ').unwrap_or(("", text));
            self.call(method.as_bytes(), url.as_bytes()).text.to_owned()
        }
    }

    #[test]
    fn values_follow_ids_and_parameters() {
        let mut templates = Templates::new(7);
        let one = templates.call(b"GET", b"/orders/1?page=2&size=3").values;
        assert_eq!(one, templates.call(b"GET", b"/orders/1?size=3&page=2").values);
        assert_ne!(one, templates.call(b"GET", b"/orders/2?page=2&size=3").values);
        assert_ne!(one, templates.call(b"GET", b"/orders/1?page=4&size=3").values);
        assert_eq!(templates.call(b"GET", b"/orders").values, crate::evidence::Values::NONE);
        assert!(!templates.call(b"POST", b"/orders").values.is_known());
    }

    #[test]
    fn graphql_goes_by_operation() {
        let mut templates = Templates::new(7);
        let text = templates.graphql(b"POST", b"https://api/graphql?x=1", b"GetUser").text.to_owned();
        assert_eq!(text, "POST https://api/graphql graphql GetUser");
    }

    #[test]
    fn parts_and_whole_agree() {
        let mut templates = Templates::new(7);
        let whole = templates.call(b"GET", b"https://api:8443/v1/users/9?q=1").id;
        assert_eq!(whole, templates.call_in_parts(b"GET", b"https", b"api:8443", b"/v1/users/9?q=1").id);
        assert_eq!(
            templates.call(b"GET", b"https://api/v1/users/9").id,
            templates.call_by_template(b"GET", b"https", b"api", b"/v1/users/:id").id
        );
    }
}
