//! Stable names of findings and causes: from content alone, the same in every run.

use crate::candidate::{OwnTime, Subject};
use crate::evidence::Dictionary;
use crate::evidence::content_hash::{START, fnv_1a};
use crate::finding;

/// Parts are set apart by a byte that no text holds.
fn hash<'t>(parts: impl IntoIterator<Item = &'t str>) -> u64 {
    fnv_1a(START, parts.into_iter().flat_map(|part| part.bytes().chain([0xff])))
}

/// `n-plus-one-3f9a51c2`: detector, scope and subject; no counts, no times.
pub(super) fn finding_id(
    detector: &str,
    service: &str,
    endpoint: &str,
    subject: &finding::Subject,
) -> String {
    id_about(detector, service, endpoint, subject.shape.as_deref().unwrap_or(&subject.text))
}

/// The same about anything that has a name.
pub(crate) fn id_about(detector: &str, service: &str, scope: &str, subject: &str) -> String {
    format!("{detector}-{:08x}", hash([detector, service, scope, subject]) as u32)
}

/// Shared by findings of one detector about one subject at several endpoints. Time that is told by
/// its place only, such as that after the last call, is other code at each endpoint; so is an answer.
pub(super) fn cause_id(
    detector: &str,
    service: &str,
    endpoint: &str,
    of: &Subject,
    subject: &finding::Subject,
) -> String {
    let apart = matches!(of, Subject::Body | Subject::Start)
        || matches!(of, Subject::Own(own) if !matches!(own, OwnTime::Span(_)));
    let subject = subject.shape.as_deref().unwrap_or(&subject.text);
    let place = apart.then_some(endpoint);
    format!("c-{:08x}", hash([detector, service, subject].into_iter().chain(place)) as u32)
}

/// A subject as it is reported.
pub(super) fn subject(subject: &Subject, dictionary: &Dictionary) -> finding::Subject {
    let shape = |shape| dictionary.shape(shape);
    match subject {
        Subject::Shape(reference) => {
            let shape = shape(*reference);
            let is_statement = shape.facts.is_some();
            finding::Subject {
                kind: if is_statement { finding::SubjectKind::Statement } else { finding::SubjectKind::Call },
                text: shape.text.to_string(),
                shape: Some(shape.id.to_string()),
            }
        }
        Subject::Calls(shapes) => finding::Subject {
            kind: finding::SubjectKind::Calls,
            text: shapes.iter().map(|&one| &*shape(one).text).collect::<Vec<_>>().join(", "),
            shape: None,
        },
        Subject::Own(own) => finding::Subject {
            kind: finding::SubjectKind::Code,
            text: match own {
                OwnTime::BeforeFirst => "own time before the first call".to_owned(),
                OwnTime::AfterLast => "own time after the last call".to_owned(),
                OwnTime::Between => "own time between calls".to_owned(),
                OwnTime::All => "own time".to_owned(),
                OwnTime::Span(name) => dictionary.text(*name).to_owned(),
            },
            shape: None,
        },
        Subject::Load => finding::Subject {
            kind: finding::SubjectKind::Load,
            text: "requests at once".to_owned(),
            shape: None,
        },
        Subject::Workers(service) => finding::Subject {
            kind: finding::SubjectKind::Workers,
            text: format!("workers of {}", dictionary.text(*service)),
            shape: None,
        },
        Subject::Pool { service, .. } => finding::Subject {
            kind: finding::SubjectKind::Pool,
            text: format!("connection pool of {}", dictionary.text(*service)),
            shape: None,
        },
        Subject::Body => response("size of the answer"),
        Subject::Start => finding::Subject {
            kind: finding::SubjectKind::Start,
            text: "first requests of a process".to_owned(),
            shape: None,
        },
        Subject::Encoding => response("encoding of answers"),
    }
}

fn response(text: &str) -> finding::Subject {
    finding::Subject { kind: finding::SubjectKind::Response, text: text.to_owned(), shape: None }
}
