//! OTLP profiles, as Protocol Buffers or JSON: an export request, or what the Collector's file exporter writes, a message a line.
//!
//! Each profile has one type of samples, which is a measure. Threads are next to the root where samples name them, and above them the
//! services where there are several.

mod messages;
mod tables;

use prost::Message;

use self::messages::{ProfilesData, Sample};
use self::tables::Tables;
use super::{json, protobuf};
use crate::read::Format;
use crate::source::Source;
use crate::{Frame, Kind, NodeId, Place, Profile, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "OTLP profiles",
    summary: "OpenTelemetry's profiles (`v1development`, with a shared dictionary) as Protocol Buffers, JSON or lines of JSON; services \
              and threads apart",
    evidence: "files of opentelemetry-proto 1.45's messages",
    recognise,
    read,
};

/// Numbers of the fields of a `Profile` that are messages, texts or lists, and that are numbers.
const MESSAGES: [u32; 7] = [1, 2, 5, 7, 9, 10, 11];
const NUMBERS: [u32; 4] = [3, 4, 6, 8];

/// Services that are told apart beyond the tree.
const SERVICES_MAX: usize = 100;

fn recognise(head: &[u8]) -> bool {
    if json::is_object(head) {
        let is_dictionary = || json::has(head, "\"dictionary\"") && json::has(head, "\"stringTable\"");
        return json::has(head, "\"resourceProfiles\"") || is_dictionary();
    }
    let is_known = protobuf::fields(head).take(32).all(|field| field.message.is_some() && field.number <= 2);
    is_known && first_profile(head).is_some_and(is_profile)
}

/// The first profile of the first scope of the first resource: what other signals of OTLP have there are spans, logs and metrics.
fn first_profile(data: &[u8]) -> Option<&[u8]> {
    let inner = |message, number| protobuf::fields(message).find(|field| field.number == number)?.message;
    let resource = inner(data, 1)?;
    let scope = inner(resource, 2)?;
    inner(scope, 2)
}

/// Whether the fields are those of a profile. A span begins with an identifier of a trace, a metric with a name.
fn is_profile(message: &[u8]) -> bool {
    let mut fields = protobuf::fields(message).take(32).peekable();
    let has_type = fields
        .peek()
        .is_some_and(|field| field.number == 1 && field.message.is_some_and(protobuf::is_pair_of_numbers));
    has_type
        && fields.all(|field| match field.message {
            Some(_) => MESSAGES.contains(&field.number),
            None => NUMBERS.contains(&field.number),
        })
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let is_json = json::is_object(&source.head);
    let bytes = source.whole(profile)?;
    let mut reader = Reader::default();
    if is_json {
        for message in serde_json::Deserializer::from_slice(&bytes).into_iter() {
            let message: ProfilesData = message.map_err(|error| json::unreadable("OTLP", &error))?;
            reader.data(&message, profile);
        }
    } else {
        let message = ProfilesData::decode(&*bytes)
            .map_err(|error| Unreadable::of(format!("damaged OTLP profiles: {error}; export them anew")))?;
        reader.data(&message, profile);
    }
    if let [(_, node)] = profile.services.as_mut_slice()
        && profile.tree.nodes().skip(2).all(|other| profile.tree.parent(other) != NodeId::ROOT)
    {
        // The only one stands for all.
        *node = NodeId::ROOT;
        profile.tree = profile.tree.without_first();
    }
    Ok(())
}

/// The node of a service. It is told when all are known whether there are several.
fn service(name: String, profile: &mut Profile) -> NodeId {
    let node = below(NodeId::ROOT, &name, profile);
    let is_known = profile.services.iter().any(|(_, known)| *known == node);
    if !is_known && profile.services.len() < SERVICES_MAX {
        profile.services.push((name, node));
    }
    node
}

#[derive(Default)]
struct Reader {
    /// Samples so far.
    samples: u64,
    /// When the last profile ended.
    end: u64,
}

impl Reader {
    fn data(&mut self, message: &ProfilesData, profile: &mut Profile) {
        let none = messages::Dictionary::default();
        let mut tables = Tables::of(message.dictionary.as_ref().unwrap_or(&none));
        for resource in &message.resource_profiles {
            let root = match tables.service(resource) {
                Some(service) => self::service(service, profile),
                None => NodeId::ROOT,
            };
            for one in resource.scope_profiles.iter().flat_map(|scope| &scope.profiles) {
                self.profile(one, root, &mut tables, profile);
            }
        }
        tables.notice(profile);
    }

    fn profile(
        &mut self,
        one: &messages::Profile,
        root: NodeId,
        tables: &mut Tables<'_>,
        profile: &mut Profile,
    ) {
        self.about(one, tables, profile);
        let (measure, scale) = tables.measure(one.sample_type.unwrap_or_default());
        let measure = profile.measure(measure);
        for sample in &one.samples {
            self.samples += 1;
            let place = Place::Record(self.samples);
            let added = match measure {
                Some(measure) => add(sample, root, (measure, scale), place, tables, profile),
                None => Err("a sample of more than 64 types"),
            };
            if let Err(reason) = added {
                profile.skipped.add(reason, Some(place));
            }
        }
    }

    /// What a profile tells of itself. Several are of one time, or one behind the other.
    fn about(&mut self, one: &messages::Profile, tables: &Tables<'_>, profile: &mut Profile) {
        if one.time_unix_nano > 0 {
            let first = *profile.start_ns.get_or_insert(one.time_unix_nano);
            let end = one.time_unix_nano.saturating_add(one.duration_nano);
            self.end = self.end.max(end);
            profile.start_ns = Some(first.min(one.time_unix_nano));
            profile.duration_ns = profile.start_ns.map(|start| self.end - start).filter(|length| *length > 0);
        }
        if let Some(of) = one.period_type.filter(|_| one.period > 0) {
            let (measure, scale) = tables.measure(of);
            profile.period = Some((measure, one.period as f64 * scale));
        }
    }
}

/// Adds a sample to a measure, whose unit is `scale` of the sample's.
fn add(
    sample: &Sample,
    root: NodeId,
    (measure, scale): (usize, f64),
    place: Place,
    tables: &mut Tables<'_>,
    profile: &mut Profile,
) -> Result<(), &'static str> {
    if sample.values.iter().any(|value| *value < 0) {
        return Err("a sample with a negative value");
    }
    let value = match sample.values.as_slice() {
        [] => sample.timestamps_unix_nano.len() as f64,
        values => values.iter().map(|value| *value as f64).sum(),
    };
    let root = match tables.attribute(&sample.attribute_indices, "thread.name") {
        Some(thread) => below(root, &thread, profile),
        None => root,
    };
    let node = tables.node(root, sample.stack_index, place, profile)?;
    profile.add(node, measure, value * scale, Some(place));
    profile.records += 1;
    Ok(())
}

/// The node of a service or thread.
fn below(root: NodeId, name: &str, profile: &mut Profile) -> NodeId {
    let frame = profile.frames.intern(Frame { kind: Some(Kind::Thread), ..Frame::named(name) });
    profile.tree.child(root, frame)
}
