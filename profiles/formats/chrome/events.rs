//! One event, and what its arguments tell.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::formats::v8::samples::Node;

#[derive(Deserialize)]
pub(super) struct Event<'j> {
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'j, str>>,
    #[serde(borrow)]
    pub(super) ph: Cow<'j, str>,
    /// Microseconds.
    #[serde(default)]
    pub(super) ts: Option<f64>,
    /// Microseconds.
    #[serde(default)]
    pub(super) dur: Option<f64>,
    /// A number or a text.
    #[serde(borrow, default)]
    pub(super) pid: Option<&'j RawValue>,
    #[serde(borrow, default)]
    pub(super) tid: Option<&'j RawValue>,
    /// Of V8's samples: which of several profiles.
    #[serde(borrow, default)]
    pub(super) id: Option<&'j RawValue>,
    #[serde(borrow, default)]
    args: Option<&'j RawValue>,
}

impl<'j> Event<'j> {
    /// The arguments as `T`, where they are such.
    pub(super) fn args<T: Deserialize<'j>>(&self) -> Option<T> {
        serde_json::from_str(self.args?.get()).ok()
    }
}

/// Of `process_name` and `thread_name`.
#[derive(Deserialize)]
pub(super) struct Named<'j> {
    #[serde(borrow)]
    pub(super) name: Cow<'j, str>,
}

/// Where a function is, as py-spy tells.
#[derive(Deserialize)]
pub(super) struct Position<'j> {
    #[serde(borrow)]
    pub(super) filename: Cow<'j, str>,
    #[serde(default)]
    pub(super) line: Option<f64>,
}

/// Of `Profile` and `ProfileChunk`.
#[derive(Deserialize)]
pub(super) struct Sampled<'j> {
    #[serde(borrow)]
    pub(super) data: Data<'j>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data<'j> {
    /// Microseconds, of `Profile`.
    #[serde(default)]
    pub(super) start_time: Option<f64>,
    #[serde(borrow, default)]
    pub(super) cpu_profile: Option<Part<'j>>,
    /// Microseconds.
    #[serde(default)]
    pub(super) time_deltas: Vec<f64>,
}

/// New nodes, and samples since the last part.
#[derive(Deserialize)]
pub(super) struct Part<'j> {
    #[serde(borrow, default)]
    pub(super) nodes: Vec<Node<'j>>,
    #[serde(default)]
    pub(super) samples: Vec<i64>,
    #[serde(rename = "timeDeltas", default)]
    pub(super) deltas: Vec<f64>,
}
