//! What the columns of a log mean that is like `combined`, found out by its first lines.
//!
//! Servers write a request, its status and its size in an order that hardly anyone changes, and what was added
//! behind by hand has no names. What it is shows over several lines: nginx writes three decimals, gunicorn six,
//! Apache whole microseconds.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::columns::{COLUMNS_MAX, Columns};
use super::meaning::Meaning;
use super::request::list;
use super::times::{Unit, duration_ns, moment, number};
use super::tokens::{Around, Token, Tokens, labelled};

/// Which server writes so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Nginx,
    Apache,
    Gunicorn,
    /// Any of them: nothing says how long a request took.
    WithoutDurations,
}

/// The columns of a log by its first lines; `None` where these are no requests.
pub(super) fn columns<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Option<(Server, Columns)> {
    let rows: Vec<Vec<Token<'_>>> = lines.map(row).collect();
    let mut of_form: BTreeMap<(usize, usize), Vec<&[Token<'_>]>> = BTreeMap::new();
    for row in &rows {
        if let Some(place) = request_of(row) {
            of_form.entry((row.len(), place)).or_default().push(row);
        }
    }
    let ((_, request), alike) = of_form.into_iter().max_by_key(|(_, alike)| alike.len())?;
    (alike.len() * 2 >= rows.len()).then_some(())?;
    Table { rows: &alike, request }.columns()
}

/// The tokens of a line, labels apart.
fn row(line: &[u8]) -> Vec<Token<'_>> {
    Tokens::of(line).take(COLUMNS_MAX).map(apart).collect()
}

/// A token without quotes, its label apart from its text.
fn apart(token: Token<'_>) -> Token<'_> {
    if !token.is_plain() {
        return token;
    }
    let (label, text) = labelled(token.text);
    Token { label, text, ..token }
}

/// Where the request stands: before a status and a size.
fn request_of(row: &[Token<'_>]) -> Option<usize> {
    let is_request = |three: &[Token<'_>]| {
        let [request, status, size] = three else { return false };
        let is_status = status.text.len() == 3 && number(status.text).is_some_and(|code| code >= 100);
        let is_size = number(size.text).is_some() || size.text == b"-";
        let is_line = request.around == Around::Quotes && request.text.contains(&b' ');
        is_line && is_status && is_size
    };
    row.windows(3).position(is_request)
}

/// Lines with the same columns.
struct Table<'t, 'l> {
    rows: &'t [&'t [Token<'l>]],
    /// The column of the request.
    request: usize,
}

impl<'t, 'l> Table<'t, 'l> {
    fn columns(&self) -> Option<(Server, Columns)> {
        let time = self.time()?;
        let mut columns = Columns::new(&[], true);
        columns.set(time, Meaning::Time);
        columns.set(self.request, Meaning::RequestLine);
        columns.set(self.request + 1, Meaning::Status);
        columns.set(self.request + 2, Meaning::Bytes);
        if let Some(host) = self.host(time) {
            columns.set(0, host);
        }
        let first = self.request + 3;
        let behind: Vec<usize> = (first..self.rows[0].len()).collect();
        let labelled = self.take_labelled(&behind, &mut columns);
        let server = self.take_shaped(&behind, &mut columns).or(labelled);
        let has_duration =
            columns.has(|column| matches!(column, Meaning::Duration(_) | Meaning::SecondsAndMicroseconds));
        let server = server.filter(|_| has_duration).unwrap_or(Server::WithoutDurations);
        // Apache notes when the request came.
        columns.at_end = server != Server::Apache;
        Some((server, columns))
    }

    /// The texts of a column.
    fn texts(&self, column: usize) -> impl Iterator<Item = &'l [u8]> {
        self.rows.iter().map(move |row| row[column].text)
    }

    /// Whether the texts of a column that are there are so, four of five at least: a line may be damaged.
    fn all(&self, column: usize, is: impl Fn(&[u8]) -> bool) -> bool {
        let (mut present, mut fit) = (0, 0);
        for text in self.texts(column).filter(|text| !matches!(*text, b"-" | b"")) {
            present += 1;
            fit += usize::from(is(text));
        }
        fit > 0 && fit * 5 >= present * 4
    }

    /// The column of the time: the most exact one.
    fn time(&self) -> Option<usize> {
        let is_moment =
            |column: &usize| self.all(*column, |text| moment(text).is_some_and(|it| it.at_ns > 0));
        let columns =
            (0..self.rows[0].len()).filter(|column| !(self.request..self.request + 3).contains(column));
        let is_coarse = |column: &usize| self.all(*column, |text| moment(text).is_some_and(|it| it.coarse));
        columns.filter(is_moment).min_by_key(is_coarse)
    }

    /// What stands before the address of the client: the virtual host.
    fn host(&self, time: usize) -> Option<Meaning> {
        let is_host = |text: &[u8]| {
            let is_address = std::str::from_utf8(text).is_ok_and(|text| text.parse::<IpAddr>().is_ok());
            text.iter().any(u8::is_ascii_alphabetic) && !is_address
        };
        (time >= 4 && self.all(0, is_host) && self.rows[0][0].label.is_empty()).then_some(Meaning::Host)
    }

    /// Notes the columns whose labels say what they are.
    fn take_labelled(&self, behind: &[usize], columns: &mut Columns) -> Option<Server> {
        let mut server = None;
        for &place in behind {
            let label = self.rows[0][place].label;
            let Some((meaning, written_by)) = meaning_of(label) else { continue };
            let fits = match meaning {
                Meaning::Duration(unit) => self.all(place, |text| duration_ns(text, unit).is_some()),
                _ => true,
            };
            // The first of several durations is that of the request.
            let is_new = !columns.has(|known| *known == meaning);
            if fits && is_new {
                columns.set(place, meaning);
                server = server.or(written_by);
            }
        }
        server
    }

    /// Notes the columns without labels whose texts say what they are.
    fn take_shaped(&self, behind: &[usize], columns: &mut Columns) -> Option<Server> {
        let plain: Vec<usize> =
            behind.iter().copied().filter(|&place| self.rows[0][place].label.is_empty()).collect();
        for &place in &plain {
            let inside = self.rows[0][place].around;
            if self.all(place, is_address) {
                columns.set(place, Meaning::UpstreamAddresses);
            } else if inside == Around::Brackets && !columns.has(|column| *column == Meaning::UpstreamName) {
                // The first of those of ingress-nginx.
                columns.set(place, Meaning::UpstreamName);
            } else if self.all(place, is_media) {
                columns.set(place, Meaning::ContentType);
            } else if self.all(place, |text| decimals(text) == Some(2)) {
                columns.set(place, Meaning::Ratio);
            } else if self.all(place, |text| text.starts_with(b"<") && text.ends_with(b">")) {
                columns.set(place, Meaning::Process);
            }
        }
        if let Some(server) = self.take_decimals(&plain, columns) {
            return Some(server);
        }
        if columns.has(|column| matches!(column, Meaning::Duration(_))) {
            return None;
        }
        self.take_integers(&plain, columns)
    }

    /// nginx writes seconds with three decimals, gunicorn with six. What a server behind took is a part of what
    /// the request took, so that the sums of the columns tell which is which.
    fn take_decimals(&self, plain: &[usize], columns: &mut Columns) -> Option<Server> {
        let of_seconds = |digits: usize| {
            let is_seconds = move |text: &[u8]| elements(text).all(|one| decimals(one) == Some(digits));
            let has_one = move |text: &[u8]| elements(text).any(|one| decimals(one) == Some(digits));
            plain.iter().copied().filter(move |&place| {
                self.all(place, is_seconds)
                    && self.texts(place).any(has_one)
                    && !self.all(place, |text| moment(text).is_some())
            })
        };
        let sum_ns = |place: &usize| {
            let times = self.texts(*place).flat_map(elements);
            times.filter_map(|time| duration_ns(time, Unit::Seconds)).fold(0, u64::saturating_add)
        };
        if columns.has(|column| matches!(column, Meaning::Duration(_))) {
            return None;
        }
        if let Some(place) = of_seconds(6).next() {
            columns.set(place, Meaning::Duration(Unit::Seconds));
            return Some(Server::Gunicorn);
        }
        let most_ns = of_seconds(3).map(|place| sum_ns(&place)).max()?;
        // Each is rounded for itself: of those that are about the same, the request's comes first.
        let least_ns = most_ns.saturating_sub(ROUNDED_NS * self.rows.len() as u64);
        let is_of_request =
            |place: &usize| sum_ns(place) >= least_ns && self.all(*place, |text| decimals(text).is_some());
        let request = of_seconds(3).find(is_of_request)?;
        columns.set(request, Meaning::Duration(Unit::Seconds));
        let others = of_seconds(3).filter(|place| *place != request);
        if let Some(upstream) = others.max_by_key(|place| (sum_ns(place), *place)) {
            columns.set(upstream, Meaning::UpstreamTimes(Unit::Seconds));
        }
        Some(Server::Nginx)
    }

    /// Whether numbers are sizes: those of answers with their headers, as `%O` and `$bytes_sent` tell them. Only large
    /// answers tell: that what takes microseconds is by chance as much as they are is not to be expected.
    fn is_size(&self, column: usize) -> bool {
        let both =
            |row: &&[Token<'_>]| Some((number(row[self.request + 2].text)?, number(row[column].text)?));
        let large: Vec<_> = self.rows.iter().filter_map(both).filter(|(size, _)| *size >= LARGE).collect();
        let is_near =
            |(size, number): &&(u64, u64)| (*size..size.saturating_add(HEADERS_MAX)).contains(number);
        large.len() > 1 && large.iter().filter(is_near).count() * 5 >= large.len() * 4
    }

    /// Apache's `%D` and `%T`, alone or with a slash between. Of several numbers none can be told from others.
    fn take_integers(&self, plain: &[usize], columns: &mut Columns) -> Option<Server> {
        let is_pair = |text: &[u8]| {
            text.split(|byte| *byte == b'/')
                .map(number)
                .collect::<Option<Vec<u64>>>()
                .is_some_and(|it| it.len() == 2)
        };
        if let Some(&place) = plain.iter().find(|place| self.all(**place, is_pair)) {
            columns.set(place, Meaning::SecondsAndMicroseconds);
            return Some(Server::Apache);
        }
        let mut numbers = plain.iter().filter(|place| self.all(**place, |text| number(text).is_some()));
        let place = *numbers.next()?;
        if numbers.next().is_some() {
            return None;
        }
        if self.is_size(place) {
            return None;
        }
        let seconds = self.texts(place).filter(|text| *text == b"0").count() * 2 >= self.rows.len();
        let (unit, guessed) =
            if seconds { (Unit::Seconds, IN_SECONDS) } else { (Unit::Microseconds, IN_MICROSECONDS) };
        columns.set(place, Meaning::Duration(unit));
        columns.guessed = Some(guessed);
        let by_gunicorn = columns.has(|column| *column == Meaning::Process);
        Some(if by_gunicorn { Server::Gunicorn } else { Server::Apache })
    }
}

/// Bytes of a large answer.
const LARGE: u64 = 20_000;

/// Bytes of the headers of an answer, at most.
const HEADERS_MAX: u64 = 2_000;

/// By how much two times of one request may seem to differ.
const ROUNDED_NS: u64 = 2_000_000;

const IN_MICROSECONDS: &str = "the number at the end of a log's lines is taken for microseconds (%D of Apache, \
                               %(D)s of gunicorn)";

const IN_SECONDS: &str = "the number at the end of a log's lines is taken for whole seconds (%T), which hide what is \
                          quicker: %D tells microseconds";

/// What a label says, and whose label it is.
fn meaning_of(label: &[u8]) -> Option<(Meaning, Option<Server>)> {
    let nginx = Some(Server::Nginx);
    Some(match label {
        b"rt" | b"request_time" | b"req_time" | b"request-time" => (Meaning::Duration(Unit::Seconds), nginx),
        b"urt" | b"upstream_response_time" | b"upstream_time" | b"ups_resp_time" => {
            (Meaning::UpstreamTimes(Unit::Seconds), nginx)
        }
        b"ua" | b"upstream_addr" | b"upstream" => (Meaning::UpstreamAddresses, None),
        b"us" | b"upstream_status" | b"ups_status" => (Meaning::UpstreamStatuses, None),
        b"D" | b"time_us" | b"duration_us" | b"response_time_us" => {
            (Meaning::Duration(Unit::Microseconds), Some(Server::Apache))
        }
        b"T" => (Meaning::Duration(Unit::Seconds), Some(Server::Apache)),
        b"duration_ms" | b"time_ms" | b"response_time_ms" => {
            (Meaning::Duration(Unit::Milliseconds), Some(Server::Apache))
        }
        b"L" => (Meaning::Duration(Unit::Seconds), Some(Server::Gunicorn)),
        b"pid" | b"p" => (Meaning::Process, None),
        b"ct" | b"content_type" | b"sent_http_content_type" => (Meaning::ContentType, None),
        b"ce" | b"content_encoding" | b"sent_http_content_encoding" => (Meaning::Encoding, None),
        b"gz" | b"gzip" | b"gzip_ratio" => (Meaning::Ratio, None),
        b"traceparent" | b"trace_id" | b"trace" | b"otel_trace_id" => (Meaning::Trace, None),
        b"host" | b"server_name" | b"vhost" | b"service" => (Meaning::Host, None),
        _ => return None,
    })
}

/// The elements of `0.001, 0.013 : 0.002`, without what is absent.
fn elements(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    list(text).filter(|element| *element != b"-")
}

/// How many decimals a number has; `None` where it is no number with a point.
fn decimals(text: &[u8]) -> Option<usize> {
    let point = text.iter().position(|byte| *byte == b'.')?;
    let (whole, fraction) = (&text[..point], &text[point + 1..]);
    (number(whole).is_some() && number(fraction).is_some()).then_some(fraction.len())
}

/// `10.0.0.7:8080` or `unix:/run/shop.sock`, or a list of them.
fn is_address(text: &[u8]) -> bool {
    let is_one = |address: &[u8]| {
        let text = std::str::from_utf8(address).unwrap_or_default();
        address.starts_with(b"unix:") || text.parse::<SocketAddr>().is_ok()
    };
    list(text).all(is_one)
}

fn is_media(text: &[u8]) -> bool {
    const KINDS: [&[u8]; 6] = [b"application/", b"text/", b"image/", b"audio/", b"video/", b"font/"];
    KINDS.iter().any(|kind| text.starts_with(kind))
}
