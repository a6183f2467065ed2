//! Logs whose form is told on the command line: members by name (`--map`), or columns by the server's own words
//! (`--log-format`).

use std::sync::Arc;

use super::columns::{ByColumns, COLUMNS_MAX, Columns};
use super::fields::{Fields, Members};
use super::lines::{Lines, cut, first_lines};
use super::meaning::Meaning;
use super::request::Told;
use super::times::Unit;
use super::tokens::{Around, Token, Tokens, labelled};
use crate::ingest::{Decode, Format, Framing, Head};

/// The form of a log that is told on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogForm(Arc<Given>);

#[derive(Debug, PartialEq, Eq)]
struct Given {
    form: Form,
    /// The option that tells it, and its value.
    option: [String; 2],
}

#[derive(Debug, PartialEq, Eq)]
enum Form {
    Columns(Columns),
    Members(Arc<Members>),
}

/// The format of an input whose form is given; nothing is recognised as it.
pub(in crate::ingest) static GIVEN: Format = Format {
    name: NAME,
    summary: "a log whose form is given",
    sniff: |_| None,
    cut,
    decoder: |framing| super::columns_of(framing, NAME, SERVICE, ""),
};

const NAME: &str = "given-log";

/// Name of the service where no line has one.
const SERVICE: &str = "log";

const MAP: &str = "expected such as duration=elapsed_ms,path=url,time=at";

/// What can be named, with what it means; a unit is told apart.
const NAMES: [(&str, Meaning); 17] = [
    ("time", Meaning::Time),
    ("start", Meaning::Time),
    ("duration", Meaning::Duration(Unit::Seconds)),
    ("method", Meaning::Method),
    ("path", Meaning::Target),
    ("url", Meaning::Target),
    ("route", Meaning::Route),
    ("request", Meaning::RequestLine),
    ("status", Meaning::Status),
    ("bytes", Meaning::Bytes),
    ("service", Meaning::Service),
    ("instance", Meaning::Process),
    ("trace", Meaning::Trace),
    ("upstream", Meaning::UpstreamTimes(Unit::Seconds)),
    ("upstream_address", Meaning::UpstreamAddresses),
    ("content_type", Meaning::ContentType),
    ("content_encoding", Meaning::Encoding),
];

/// Members that hold the time where none is named.
const TIMES: [&str; 5] = ["@timestamp", "timestamp", "time", "ts", "datetime"];

impl LogForm {
    fn new(form: Form, option: &str, text: &str) -> Self {
        Self(Arc::new(Given { form, option: [option.to_owned(), text.to_owned()] }))
    }

    /// Members by name, such as `duration=elapsed_ms,route=path`: objects in JSON or `name=value`, one on each line.
    ///
    /// # Errors
    ///
    /// What is wrong, and what is expected.
    pub fn of_map(text: &str) -> Result<Self, String> {
        let mut fields = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (what, member) = pair.split_once('=').ok_or_else(|| format!("no `=` in `{pair}`; {MAP}"))?;
            fields.push(field(what.trim(), member.trim())?);
        }
        let has = |is: fn(&Meaning) -> bool| fields.iter().any(|(_, meaning)| is(meaning));
        if !has(|meaning| matches!(meaning, Meaning::Duration(_))) {
            return Err(format!("nothing says how long a request takes: name `duration`; {MAP}"));
        }
        if !has(|meaning| matches!(meaning, Meaning::Target | Meaning::Route | Meaning::RequestLine)) {
            return Err(format!("nothing says what is asked for: name `path`, `route` or `request`; {MAP}"));
        }
        let at_end = !text.split(',').any(|pair| pair.trim().starts_with("start="));
        if !has(|meaning| *meaning == Meaning::Time) {
            fields.extend(TIMES.map(|name| (name.to_owned(), Meaning::Time)));
        }
        let members = Arc::new(Members::new(fields, at_end));
        Ok(Self::new(Form::Members(members), "--map", text))
    }

    /// Columns by what nginx calls `log_format`, Apache `LogFormat` and gunicorn `access_log_format`.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn of_format(text: &str) -> Result<Self, String> {
        let mut columns = Columns::new(&[], !is_of_apache(text));
        for (place, token) in Tokens::of(text.as_bytes()).take(COLUMNS_MAX).enumerate() {
            let meaning = meaning_of(token);
            if meaning == Meaning::Time && token.around == Around::Nothing && token.text == b"$time_local" {
                return Err("$time_local has a blank in it: write it in brackets, [$time_local]".to_owned());
            }
            if meaning != Meaning::Other && !is_alone(token, meaning) {
                let text = String::from_utf8_lossy(token.text);
                return Err(format!("`{text}`: between two columns there must be a blank"));
            }
            columns.set(place, meaning);
        }
        for (is_there, what) in [
            (columns.has(|it| *it == Meaning::Time), "when a request came: $time_local, $msec or %t"),
            (
                columns.has(|it| matches!(it, Meaning::Duration(_))),
                "how long a request takes: $request_time, %D or %(L)s",
            ),
            (
                columns.has(|it| matches!(it, Meaning::RequestLine | Meaning::Target)),
                "what is asked for: \"$request\", $request_uri or \"%r\"",
            ),
        ] {
            if !is_there {
                return Err(format!("nothing in it says {what}"));
            }
        }
        Ok(Self::new(Form::Columns(columns), "--log-format", text))
    }

    /// The option of the command line that tells it, and its value.
    pub fn option(&self) -> &[String] {
        &self.0.option
    }

    /// Whether an input has this form, and how it is cut.
    pub(in crate::ingest) fn framing(&self, head: Head<'_>) -> Option<Framing> {
        let (mut all, mut fit) = (0, 0);
        for line in first_lines(head.bytes, head.whole) {
            all += 1;
            fit += usize::from(match &self.0.form {
                Form::Columns(columns) => is_request(columns.told(line)),
                Form::Members(members) => is_request(Fields::by(Arc::clone(members)).told(line)),
            });
        }
        (fit > 0 && fit * 2 >= all).then_some(match &self.0.form {
            Form::Columns(columns) => Framing::Columns(*columns),
            Form::Members(_) => Framing::Lines,
        })
    }

    /// A decoder of lines in this form.
    pub(in crate::ingest) fn decoder(&self) -> Box<dyn Decode> {
        match &self.0.form {
            Form::Columns(columns) => Lines::boxed(ByColumns::new(*columns), NAME, SERVICE, ""),
            Form::Members(members) => Lines::boxed(Fields::by(Arc::clone(members)), NAME, SERVICE, ""),
        }
    }
}

fn is_request(told: Result<Told<'_>, &'static str>) -> bool {
    told.is_ok_and(|told| {
        told.moment.is_some()
            && told.duration_ns.is_some()
            && !(told.target.is_empty() && told.route.is_empty())
    })
}

/// One pair of a map. What a duration counts is told behind a colon, or by the end of the member's name.
fn field(what: &str, member: &str) -> Result<(String, Meaning), String> {
    let known = NAMES.iter().find(|(name, _)| *name == what);
    let Some((_, meaning)) = known else {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        return Err(format!("`{what}` is none of {}; {MAP}", names.join(", ")));
    };
    let (name, unit) = match member.rsplit_once(':') {
        Some((name, unit)) => (name, Some(unit)),
        None => (member, member.rsplit_once('_').map(|(_, end)| end)),
    };
    let unit = unit.and_then(|unit| Unit::of(unit.as_bytes()));
    let meaning = match meaning {
        Meaning::Duration(_) => Meaning::Duration(unit.ok_or_else(|| without_unit(what, member))?),
        Meaning::UpstreamTimes(_) => Meaning::UpstreamTimes(unit.ok_or_else(|| without_unit(what, member))?),
        other => return Ok((member.to_owned(), *other)),
    };
    Ok((name.to_owned(), meaning))
}

fn without_unit(what: &str, member: &str) -> String {
    format!("what `{member}` counts is not told: write {what}={member}:ms (s, ms, us, ns)")
}

/// Apache notes when a request came, the others when it ends.
fn is_of_apache(format: &str) -> bool {
    format.contains("%r") || format.contains("%>s") || format.contains("%U")
}

/// What a column means by the variable in it; of several the first one that means something.
fn meaning_of(token: Token<'_>) -> Meaning {
    let text = match token.around {
        Around::Nothing => labelled(token.text).1,
        _ => token.text,
    };
    if text.starts_with(b"%T/%D") {
        return Meaning::SecondsAndMicroseconds;
    }
    if text.starts_with(b"$request_method $") || text.starts_with(b"%m %U") {
        return Meaning::RequestLine;
    }
    names(text).find_map(variable).unwrap_or_default()
}

/// The words of a text among which variables are.
fn names(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_$%{}()>^-".contains(byte);
    text.split(move |byte| !is_name(byte)).filter(|name| !name.is_empty())
}

/// Whether a column that is read as a whole holds nothing but its variable.
fn is_alone(token: Token<'_>, meaning: Meaning) -> bool {
    let text = if token.around == Around::Nothing { labelled(token.text).1 } else { token.text };
    let is_in_parts =
        matches!(meaning, Meaning::Host | Meaning::RequestLine | Meaning::SecondsAndMicroseconds);
    is_in_parts
        || variable(text.strip_prefix(b"<").and_then(|text| text.strip_suffix(b">")).unwrap_or(text))
            == Some(meaning)
}

/// What a variable of nginx, Apache or gunicorn means.
fn variable(name: &[u8]) -> Option<Meaning> {
    Some(match name {
        b"$time_local" | b"$time_iso8601" | b"$msec" | b"%t" | b"%(t)s" => Meaning::Time,
        b"$request" | b"%r" | b"%(r)s" => Meaning::RequestLine,
        b"$request_method" | b"%m" | b"%(m)s" => Meaning::Method,
        b"$request_uri" | b"$uri" | b"%U" | b"%(U)s" => Meaning::Target,
        b"$status" | b"%s" | b"%>s" | b"%(s)s" => Meaning::Status,
        b"$body_bytes_sent" | b"$bytes_sent" | b"%b" | b"%B" | b"%O" | b"%(b)s" | b"%(B)s" => Meaning::Bytes,
        b"$request_time" | b"%T" | b"%{s}T" | b"%(L)s" | b"%(T)s" => Meaning::Duration(Unit::Seconds),
        b"%{ms}T" | b"%(M)s" => Meaning::Duration(Unit::Milliseconds),
        b"%D" | b"%{us}T" | b"%(D)s" => Meaning::Duration(Unit::Microseconds),
        b"$upstream_response_time" => Meaning::UpstreamTimes(Unit::Seconds),
        b"$upstream_status" => Meaning::UpstreamStatuses,
        b"$upstream_addr" => Meaning::UpstreamAddresses,
        b"$proxy_upstream_name" => Meaning::UpstreamName,
        b"$sent_http_content_type" | b"%{Content-Type}o" => Meaning::ContentType,
        b"$sent_http_content_encoding" | b"%{Content-Encoding}o" => Meaning::Encoding,
        b"$gzip_ratio" => Meaning::Ratio,
        b"$host" | b"$server_name" | b"$http_host" | b"%v" | b"%V" => Meaning::Host,
        b"$http_traceparent" | b"%{traceparent}i" | b"$otel_trace_id" => Meaning::Trace,
        b"$pid" | b"%P" | b"%{pid}P" | b"%(p)s" => Meaning::Process,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_say_what_is_missing() {
        let wrong = |text: &str| LogForm::of_map(text).unwrap_err();
        assert!(wrong("duration").contains("no `=`"));
        assert!(wrong("path=url").contains("name `duration`"));
        assert!(wrong("duration=took_ms").contains("name `path`"));
        assert!(wrong("duration=took,path=url").contains("duration=took:ms"));
        assert!(wrong("latency=took_ms,path=url").contains("is none of time, start, duration"));
        assert!(LogForm::of_map("duration=took:ms,path=url").is_ok());
    }

    #[test]
    fn formats_say_what_is_missing() {
        let wrong = |text: &str| LogForm::of_format(text).unwrap_err();
        assert!(wrong("$remote_addr [$time_local] \"$request\"").contains("$request_time"));
        assert!(wrong("$time_local $request_time").contains("[$time_local]"));
        assert!(wrong("$msec|$request_time $request_uri").contains("there must be a blank"));
        assert!(wrong("$msec $request_time").contains("what is asked for"));
    }

    #[test]
    fn formats_of_servers_are_columns() {
        let told = |format: &str, line: &str| {
            let form = LogForm::of_format(format).unwrap();
            let Form::Columns(columns) = form.0.form else { panic!() };
            let told = columns.told(line.as_bytes()).unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (text(told.method), text(told.target), told.status, told.duration_ns, told.at_end)
        };
        let expected = |at_end| ("GET".to_owned(), "/a".to_owned(), Some(200), Some(42_000_000), at_end);
        assert_eq!(
            told(
                "$msec $host:$server_port \"$request_method $request_uri\" $status t=$request_time",
                "1795885797.462 shop:80 \"GET /a\" 200 t=0.042",
            ),
            expected(true)
        );
        assert_eq!(
            told(
                "%h %t \"%r\" %>s %b %{ms}T",
                "::1 [28/Nov/2026:17:09:59 +0000] \"GET /a HTTP/1.1\" 200 5 42"
            ),
            expected(false)
        );
        assert_eq!(
            told(
                "%(t)s %(m)s %(U)s %(s)s %(L)s %(p)s",
                "[28/Nov/2026:17:10:25 +0000] GET /a 200 0.042000 <4711>",
            ),
            expected(true)
        );
    }
}
