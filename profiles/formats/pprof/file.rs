//! A file field by field, so that what is damaged, or behind where it is cut off, costs only that.

use prost::Message;
use rustc_hash::FxHashMap;

use super::messages::{Function, LocationId, Mapping, ValueType};
use crate::formats::protobuf::{self, Field};
use crate::{Place, Profile};

/// Numbers of the fields of a `Profile` that are messages and texts, and that are numbers.
pub(super) const MESSAGES: [u32; 8] = [1, 2, 3, 4, 5, 6, 11, 13];
pub(super) const NUMBERS: [u32; 7] = [7, 8, 9, 10, 12, 14, 15];

/// The fields of samples and of texts.
const SAMPLE: u32 = 2;

/// Fields that later versions may add.
const NUMBER_MAX: u32 = 64;

/// Texts, functions, locations or mappings of one file.
const ENTRIES_MAX: usize = 4_000_000;

/// Bytes of a sample; a stack of 10,000 frames needs less than a tenth of it.
const SAMPLE_BYTES_MAX: usize = 1 << 20;

/// What samples are understood with. Numbers of entries are any.
#[derive(Default)]
pub(super) struct File<'b> {
    pub(super) types: Vec<ValueType>,
    pub(super) functions: FxHashMap<u64, Function>,
    /// The messages, of which each is read when a sample has it.
    pub(super) locations: FxHashMap<u64, &'b [u8]>,
    pub(super) mappings: FxHashMap<u64, Mapping>,
    texts: Vec<&'b [u8]>,
    pub(super) time_ns: i64,
    pub(super) duration_ns: i64,
    pub(super) period_type: Option<ValueType>,
    pub(super) period: i64,
    /// Number of a text.
    pub(super) default_type: i64,
    /// Where the file is cut off, or damaged so that what is behind cannot be found.
    pub(super) end: Option<usize>,
}

impl<'b> File<'b> {
    /// Reads all but the samples.
    pub(super) fn read(bytes: &'b [u8], profile: &mut Profile) -> Self {
        let mut file = Self::default();
        file.end = each(bytes, |field, at| {
            if let Err(reason) = file.field(field) {
                profile.skipped.add(reason, Some(Place::Byte(at as u64)));
            }
        });
        file
    }

    fn field(&mut self, field: Field<'b>) -> Result<(), &'static str> {
        let damaged = |_| "a damaged entry of a table";
        match (field.number, field.message, field.value.map(u64::cast_signed)) {
            (1, Some(message), _) => self.types.push(ValueType::decode(message).map_err(damaged)?),
            (3, Some(message), _) => {
                let mapping = Mapping::decode(message).map_err(damaged)?;
                put(&mut self.mappings, mapping.id, mapping)?;
            }
            (4, Some(message), _) => {
                let location = LocationId::decode(message).map_err(damaged)?;
                put(&mut self.locations, location.id, message)?;
            }
            (5, Some(message), _) => {
                let function = Function::decode(message).map_err(damaged)?;
                put(&mut self.functions, function.id, function)?;
            }
            (6, Some(_), _) if self.texts.len() >= ENTRIES_MAX => return Err(TOO_MANY),
            (6, Some(text), _) => self.texts.push(text),
            (11, Some(message), _) => self.period_type = ValueType::decode(message).ok(),
            (9, _, Some(value)) => self.time_ns = value,
            (10, _, Some(value)) => self.duration_ns = value,
            (12, _, Some(value)) => self.period = value,
            (14, _, Some(value)) => self.default_type = value,
            _ => {}
        }
        Ok(())
    }

    /// A text of the table; `None` where it is not there.
    pub(super) fn text(&self, index: i64) -> Option<String> {
        let text = usize::try_from(index).ok().and_then(|index| self.texts.get(index))?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    pub(super) fn has_texts(&self) -> bool {
        !self.texts.is_empty()
    }
}

const TOO_MANY: &str = "entries of a table of more than 4,000,000";

/// Of entries with one number the last counts, as in other readers.
fn put<T>(entries: &mut FxHashMap<u64, T>, id: u64, entry: T) -> Result<(), &'static str> {
    if entries.len() >= ENTRIES_MAX {
        return Err(TOO_MANY);
    }
    entries.insert(id, entry);
    Ok(())
}

/// The samples one after the other, without those that are too large.
pub(super) fn samples<'b>(bytes: &'b [u8], mut take: impl FnMut(Result<&'b [u8], &'static str>)) {
    each(bytes, |field, _| {
        if let Some(message) = field.message.filter(|_| field.number == SAMPLE) {
            let is_usual = message.len() <= SAMPLE_BYTES_MAX;
            take(is_usual.then_some(message).ok_or("a sample of more than 1 MiB"));
        }
    });
}

/// The fields, each with its place, and where what follows cannot be one.
fn each<'b>(bytes: &'b [u8], mut take: impl FnMut(Field<'b>, usize)) -> Option<usize> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let Some((field, behind)) = protobuf::field(rest).filter(|(field, _)| field.is_whole && fits(field))
        else {
            return Some(at);
        };
        take(field, at);
        rest = behind;
    }
    None
}

/// Whether a field is of the kind that its number has.
fn fits(field: &Field<'_>) -> bool {
    match field.message {
        Some(_) => MESSAGES.contains(&field.number) || is_new(field),
        None => NUMBERS.contains(&field.number) || is_new(field),
    }
}

fn is_new(field: &Field<'_>) -> bool {
    !MESSAGES.contains(&field.number) && !NUMBERS.contains(&field.number) && field.number <= NUMBER_MAX
}
