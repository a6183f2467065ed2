//! Names of endpoints in one form: `GET /orders/{id}`, `package.Service/Method`, `process orders`.
//!
//! Every framework writes routes in its own way; spans, route tags of logs and
//! access logs join only when these fold into one.

use super::Family;
use super::segment::{Part, part, push_part};
use super::url::{Template, Templates};

impl Templates {
    /// A served request whose route is known, as any framework writes it.
    pub fn endpoint_by_route(&mut self, method: &[u8], route: &[u8]) -> Template<'_> {
        let (own, route) = split_method(route);
        self.start(if method.is_empty() { own } else { method });
        self.route(route);
        self.finish(Family::Endpoint)
    }

    /// A served request without a route: its path is templated as that of a call, its query string
    /// is left out.
    pub fn endpoint_by_path(&mut self, method: &[u8], path: &[u8]) -> Template<'_> {
        self.start(method);
        let path = match path.windows(3).position(|window| window == b"://") {
            Some(at) => path.get(at + 3..).unwrap_or_default(),
            None => path,
        };
        let path = path.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
        let start = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
        self.path(path.get(start..).unwrap_or_default());
        self.finish(Family::Endpoint)
    }

    /// A served remote procedure call; either part may hold the whole `package.Service/Method`.
    pub fn endpoint_by_rpc(&mut self, service: &[u8], method: &[u8]) -> Template<'_> {
        self.start(b"");
        self.rpc(service, method);
        self.finish(Family::Endpoint)
    }

    /// An outgoing remote procedure call.
    pub fn rpc_call(&mut self, service: &[u8], method: &[u8]) -> Template<'_> {
        self.start(b"");
        self.rpc(service, method);
        self.hidden = true;
        self.finish(Family::Other)
    }

    /// A message worked off: an operation such as `process` and where it came from.
    pub fn endpoint_by_message(&mut self, operation: &[u8], destination: &[u8]) -> Template<'_> {
        self.start(b"");
        self.message(operation, destination);
        self.finish(Family::Endpoint)
    }

    /// A message handed over: an operation such as `publish` and where it goes.
    pub fn message_sent(&mut self, operation: &[u8], destination: &[u8]) -> Template<'_> {
        self.start(b"");
        self.message(operation, destination);
        self.hidden = true;
        self.finish(Family::Other)
    }

    /// Any other entry by its span's name: a job, a command, a view.
    pub fn endpoint_by_name(&mut self, name: &[u8]) -> Template<'_> {
        let (method, path) = split_method(name);
        if !method.is_empty() && path.starts_with(b"/") {
            return self.endpoint_by_route(method, path);
        }
        self.start(b"");
        self.words(name);
        self.finish(Family::Endpoint)
    }

    /// A test by its name, as its framework has it.
    pub fn test_by_name(&mut self, file: &[u8], name: &[u8]) -> Template<'_> {
        self.start(b"");
        let file = file.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
        self.text.push_str(&String::from_utf8_lossy(file));
        if !file.is_empty() {
            self.text.push_str(" > ");
        }
        self.text.push_str(&String::from_utf8_lossy(&name[..name.len().min(TEST_BYTES)]));
        self.finish(Family::Test)
    }

    /// A command to a cache or another store without SQL: its first word and the form of its key.
    pub fn command(&mut self, command: &[u8]) -> Template<'_> {
        self.start(b"");
        let mut words = command.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default();
        match part(name) {
            Part::Word => self.text.push_str(&String::from_utf8_lossy(name).to_ascii_uppercase()),
            _ => self.text.push_str("{}"),
        }
        if let Some(key) = words.next() {
            self.text.push(' ');
            if matches!(key, b"?") {
                self.hidden = true;
                self.text.push('?');
            } else {
                self.take(key);
                self.dotted(key);
            }
        }
        for argument in words {
            self.hidden |= argument == b"?";
            self.take(argument);
        }
        self.finish(Family::Other)
    }

    /// An operation on a named collection of a store without SQL: `find orders`.
    pub fn operation(&mut self, operation: &[u8], collection: &[u8]) -> Template<'_> {
        self.start(b"");
        self.message(operation, collection);
        self.hidden = true;
        self.finish(Family::Other)
    }

    fn rpc(&mut self, service: &[u8], method: &[u8]) {
        let whole = [service, method].into_iter().find(|part| part.iter().skip(1).any(|byte| *byte == b'/'));
        let (service, method) = match whole.map(|whole| whole.strip_prefix(b"/").unwrap_or(whole)) {
            Some(whole) => {
                let slash = whole.iter().rposition(|byte| *byte == b'/').unwrap_or(whole.len());
                (whole.get(..slash).unwrap_or_default(), whole.get(slash + 1..).unwrap_or_default())
            }
            None => (service, method),
        };
        for (index, piece) in service.split(|byte| *byte == b'.').take(16).enumerate() {
            if index > 0 {
                self.text.push('.');
            }
            push_part(&mut self.text, piece);
        }
        if !service.is_empty() && !method.is_empty() {
            self.text.push('/');
        }
        push_part(&mut self.text, method);
    }

    fn message(&mut self, operation: &[u8], destination: &[u8]) {
        self.words(operation);
        if !operation.is_empty() && !destination.is_empty() {
            self.text.push(' ');
        }
        self.dotted(destination);
    }

    /// A name with ids in some of its parts: `user:42:cart`, `amq.gen-Xa2…`, `orders/eu`.
    fn dotted(&mut self, name: &[u8]) {
        let mut rest = name;
        for _ in 0..16 {
            let end = rest.iter().position(|byte| b".:/".contains(byte)).unwrap_or(rest.len());
            push_part(&mut self.text, rest.get(..end).unwrap_or_default());
            match rest.get(end) {
                Some(separator) => self.text.push(char::from(*separator)),
                None => return,
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        self.text.push_str("{}");
    }

    fn words(&mut self, name: &[u8]) {
        for (index, word) in
            name.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).take(12).enumerate()
        {
            if index > 0 {
                self.text.push(' ');
            }
            if word.iter().any(|byte| b".:/".contains(byte)) {
                self.dotted(word)
            } else {
                push_part(&mut self.text, word);
            }
        }
    }

    /// Appends a route in the form `/orders/{id}`.
    pub(super) fn route(&mut self, route: &[u8]) {
        let from = self.text.len();
        let mut reader = Route { rest: route.strip_prefix(b"^").unwrap_or(route), text: &mut self.text };
        reader.text.push('/');
        reader.run();
        self.hidden |= self.text.get(from..).is_some_and(|route| route.contains('{'));
        let path = self.text.get(from..).unwrap_or_default();
        let length = path.trim_end_matches('/').len().max(1);
        self.text.truncate(from + length);
    }
}

/// `GET /orders` as one text.
fn split_method(name: &[u8]) -> (&[u8], &[u8]) {
    let space = name.iter().position(|byte| *byte == b' ');
    match space.map(|at| name.split_at(at)) {
        Some((method, rest))
            if (3..=7).contains(&method.len()) && method.iter().all(u8::is_ascii_uppercase) =>
        {
            (method, rest.trim_ascii_start())
        }
        _ => (b"", name),
    }
}

/// Reads a route of any framework.
struct Route<'r, 't> {
    rest: &'r [u8],
    text: &'t mut String,
}

/// A longer name of a test is cut.
const TEST_BYTES: usize = 512;

/// A longer route is cut.
const ROUTE_BYTES: usize = 512;

impl<'r> Route<'r, '_> {
    fn run(&mut self) {
        let limit = self.text.len() + ROUTE_BYTES;
        while let Some((&byte, rest)) = self.rest.split_first()
            && self.text.len() < limit
        {
            self.rest = rest;
            match byte {
                b'/' if self.text.ends_with('/') => {}
                b'{' => self.parameter(b'{', b'}'),
                b'<' => self.parameter(b'<', b'>'),
                b'[' => self.parameter(b'[', b']'),
                b'(' => self.group(),
                b':' if self.text.ends_with(['/', '.', '-']) => self.colon(),
                b'*' => self.star(),
                b'\\' => self.escape(),
                b'^' | b'$' | b'?' | b'+' | b'|' => {}
                0x21..=0x7e => self.text.push(char::from(byte)),
                _ => self.placeholder(b""),
            }
        }
    }

    fn placeholder(&mut self, name: &[u8]) {
        if self.text.ends_with('}') {
            return;
        }
        let name = name.iter().filter(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').take(40);
        self.text.push('{');
        self.text.extend(name.map(|byte| char::from(*byte)));
        self.text.push('}');
    }

    /// What stands before the bracket that closes one opened already.
    fn balanced(&mut self, open: u8, close: u8) -> &'r [u8] {
        let mut depth = 1;
        let end = self.rest.iter().position(|byte| {
            depth += i32::from(*byte == open) - i32::from(*byte == close);
            depth == 0
        });
        let end = end.unwrap_or(self.rest.len());
        let inner = self.rest.get(..end).unwrap_or_default();
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        inner
    }

    /// `{id}`, `{id:int}`, `{*rest}`, `{id=5}`, `<int:id>`, `[id]`, `[[...slug]]`.
    fn parameter(&mut self, open: u8, close: u8) {
        let inner = self.balanced(open, close);
        let mut pieces = inner.split(|byte| matches!(byte, b':' | b'=' | b'?'));
        let first = pieces.next().unwrap_or_default();
        let name = match (open, inner.iter().position(|byte| *byte == b':')) {
            (b'<', Some(colon)) => inner.get(colon + 1..).unwrap_or_default(),
            _ => first,
        };
        self.placeholder(name);
    }

    /// `(?P<id>…)`, `(?<id>…)`, `(\d+)`; `(.:format)` and `(?:…)` are optional and left out.
    fn group(&mut self) {
        let inner = self.balanced(b'(', b')');
        let named = inner.strip_prefix(b"?P<").or_else(|| inner.strip_prefix(b"?<"));
        match named {
            Some(named) => self.placeholder(named.split(|byte| *byte == b'>').next().unwrap_or_default()),
            None if inner.starts_with(b".:") || inner.starts_with(b"?:") || inner == b"/" => {}
            None => self.placeholder(b""),
        }
    }

    /// `:id`, `:id?`, `:id(\d+)`.
    fn colon(&mut self) {
        let end = self.rest.iter().position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        self.placeholder(name);
    }

    /// `*path`, `**`.
    fn star(&mut self) {
        let end =
            self.rest.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'*')));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        self.placeholder(name);
    }

    /// `\d+`, `\.`, `\Z`.
    fn escape(&mut self) {
        let Some((&byte, rest)) = self.rest.split_first() else { return };
        self.rest = rest;
        match byte {
            b'd' | b'w' | b'S' => self.placeholder(b""),
            b'Z' | b'A' | b'z' | b'b' => {}
            b'/' | b'.' | b'-' | b'_' => self.text.push(char::from(byte)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, Templates};

    #[test]
    fn routes_of_all_frameworks_fold() {
        let routes = [
            "/orders/{id}",
            "/orders/:id",
            "/orders/<int:id>",
            "/orders/<id>",
            "/orders/[id]",
            "/orders/{id:int}",
            "/orders/{id}/",
            "orders/{id}",
            "^orders/(?P<id>[^/]+)/?$",
            "^/orders/(?P<id>\\d+)$",
            "/orders/:id(\\d+)",
            "/orders/{id:[0-9]{1,3}}",
            "/orders/*id",
            "/orders/:id(.:format)",
            "GET /orders/{id}",
            "/orders/{id?}",
            "/orders/[...id]",
            "/orders/[[...id]]",
            "/orders/{*id}",
            "//orders//{id}",
        ];
        let mut templates = Templates::new(0);
        for route in routes {
            assert_eq!(
                templates.endpoint_by_route(b"GET", route.as_bytes()).text,
                "GET /orders/{id}",
                "{route}"
            );
        }
        assert_eq!(templates.endpoint_by_path(b"get", b"/orders/42/?page=1").text, "GET /orders/{id}");
        assert_eq!(templates.endpoint_by_path(b"get", b"http://shop:80/orders/42").text, "GET /orders/{id}");
        assert_eq!(templates.endpoint_by_name(b"GET /orders/{id}").text, "GET /orders/{id}");
    }

    #[test]
    fn other_entries() {
        let mut templates = Templates::new(0);
        assert_eq!(templates.endpoint_by_route(b"GET", b"/").text, "GET /");
        assert_eq!(templates.endpoint_by_route(b"GET", b"").text, "GET /");
        assert_eq!(templates.endpoint_by_route(b"POST", b"/v1/books:publish").text, "POST /v1/books:publish");
        assert_eq!(templates.endpoint_by_rpc(b"shop.Orders", b"Get").text, "shop.Orders/Get");
        assert_eq!(templates.endpoint_by_rpc(b"", b"/shop.Orders/Get").text, "shop.Orders/Get");
        assert_eq!(templates.endpoint_by_rpc(b"shop.Orders", b"shop.Orders/Get").text, "shop.Orders/Get");
        assert_eq!(templates.endpoint_by_message(b"process", b"orders").text, "process orders");
        assert_eq!(templates.endpoint_by_name(b"job 12345 cleanup").text, "job {id} cleanup");
        let test = templates.test_by_name(b"", b"tests/shop.py::test_page[42]");
        assert_eq!((test.text, test.id.family), ("tests/shop.py::test_page[42]", Family::Test));
        assert_eq!(templates.test_by_name(b"/home/a/shop.test.ts", b"pages").text, "shop.test.ts > pages");
        assert_eq!(templates.command(b"get user:42:cart").text, "GET user:{id}:cart");
        assert_eq!(templates.command(b"HMSET user:42 name Jane").text, "HMSET user:{id}");
        assert_eq!(templates.operation(b"find", b"orders").text, "find orders");
    }
}
