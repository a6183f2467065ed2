//! Values by the types of their chunk.

use super::bytes::{Bytes, Damage, Text};
use super::types::{Field, Primitive, Type, Types};

/// Objects within each other.
const DEPTH_MAX: usize = 8;

/// A value of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'c> {
    Number(i64),
    Text(Text<'c>),
    Constant(Constant),
    Array(Array<'c>),
    /// An object or a fraction: neither is asked for.
    Other,
}

/// What stands for a constant: its type and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Constant {
    pub(super) class: i64,
    pub(super) index: i64,
}

/// Objects one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Array<'c> {
    pub(super) bytes: Bytes<'c>,
    pub(super) count: usize,
    /// Their type.
    pub(super) class: i64,
}

/// Reads a value of a type and gives its fields to `each`.
pub(super) fn fields<'c>(
    types: &Types,
    bytes: &mut Bytes<'c>,
    of: &Type,
    each: &mut dyn FnMut(&str, Value<'c>),
) -> Result<(), Damage> {
    object(types, bytes, of, 0, each)
}

/// Goes behind a value.
pub(super) fn skip(types: &Types, bytes: &mut Bytes<'_>, class: i64) -> Result<(), Damage> {
    single(types, bytes, class, 0).map(drop)
}

fn object<'c>(
    types: &Types,
    bytes: &mut Bytes<'c>,
    of: &Type,
    depth: usize,
    each: &mut dyn FnMut(&str, Value<'c>),
) -> Result<(), Damage> {
    // A value has at least a byte, so that no number of them takes longer than the file is.
    if depth == DEPTH_MAX || of.fields.is_empty() {
        return Err("a type without fields, or with itself in it");
    }
    for field in &of.fields {
        if field.is_array {
            let count = bytes.count()?;
            each(&field.name, Value::Array(Array { bytes: *bytes, count, class: field.class }));
            for _ in 0..count {
                value(types, bytes, field, depth)?;
            }
        } else {
            each(&field.name, value(types, bytes, field, depth)?);
        }
    }
    Ok(())
}

fn value<'c>(types: &Types, bytes: &mut Bytes<'c>, field: &Field, depth: usize) -> Result<Value<'c>, Damage> {
    match field.is_constant {
        true => Ok(Value::Constant(Constant { class: field.class, index: bytes.long()? })),
        false => single(types, bytes, field.class, depth),
    }
}

fn single<'c>(types: &Types, bytes: &mut Bytes<'c>, class: i64, depth: usize) -> Result<Value<'c>, Damage> {
    let of = types.get(class).ok_or("a value of a type that is not described")?;
    let Some(primitive) = of.primitive else {
        object(types, bytes, of, depth + 1, &mut |_, _| {})?;
        return Ok(Value::Other);
    };
    Ok(match primitive {
        Primitive::Byte => Value::Number(i64::from(bytes.byte()?)),
        Primitive::Short => Value::Number(bytes.short()?),
        Primitive::Int => Value::Number(bytes.int()?),
        Primitive::Long => Value::Number(bytes.long()?),
        Primitive::Float => bytes.take(4).map(|_| Value::Other)?,
        Primitive::Double => bytes.take(8).map(|_| Value::Other)?,
        Primitive::Text => match bytes.text()? {
            Text::Constant(index) => Value::Constant(Constant { class, index }),
            text => Value::Text(text),
        },
    })
}
