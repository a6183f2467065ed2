//! The types of a chunk: each chunk describes what is in it.

use rustc_hash::FxHashMap;

use super::bytes::{Bytes, Damage};

/// Elements within each other: metadata, class, field, annotation.
const DEPTH_MAX: usize = 8;

/// Types by their numbers.
#[derive(Default)]
pub(super) struct Types {
    types: FxHashMap<i64, Type>,
}

/// A type of events, constants or values.
pub(super) struct Type {
    pub(super) name: Box<str>,
    /// What a value of it is in the file, where it is no object.
    pub(super) primitive: Option<Primitive>,
    pub(super) fields: Vec<Field>,
}

pub(super) struct Field {
    pub(super) name: Box<str>,
    /// The number of its type.
    pub(super) class: i64,
    /// Whether a number stands for it, that of a constant.
    pub(super) is_constant: bool,
    pub(super) is_array: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Primitive {
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    Text,
}

impl Types {
    /// Reads the event that describes a chunk.
    pub(super) fn read(mut bytes: Bytes<'_>) -> Result<Self, Damage> {
        bytes.int()?;
        if bytes.long()? != 0 {
            return Err("a description of types that is none");
        }
        // When it was written, how long that took, and its number.
        for _ in 0..3 {
            bytes.long()?;
        }
        let count = bytes.count()?;
        let mut texts = Vec::new();
        for _ in 0..count {
            texts.push(bytes.text()?.read().ok_or("a description of types with constants")?);
        }
        bytes.int()?;
        let mut elements = Elements { bytes, texts: &texts, class: 0, types: Self::default() };
        elements.read("root", 0)?;
        Ok(elements.types)
    }

    pub(super) fn get(&self, class: i64) -> Option<&Type> {
        self.types.get(&class)
    }

    /// The number of the type with this name.
    pub(super) fn named(&self, name: &str) -> Option<i64> {
        self.types.iter().find(|(_, known)| &*known.name == name).map(|(class, _)| *class)
    }
}

/// Reads elements with attributes and children, as in XML.
struct Elements<'c, 't> {
    bytes: Bytes<'c>,
    texts: &'t [String],
    /// The class that is being read.
    class: i64,
    types: Types,
}

impl<'t> Elements<'_, 't> {
    fn read(&mut self, name: &str, depth: usize) -> Result<(), Damage> {
        if depth == DEPTH_MAX {
            return Err("a description of types that is too deep");
        }
        let mut attributes = Vec::new();
        for _ in 0..self.bytes.count()? {
            attributes.push((self.text()?, self.text()?));
        }
        match name {
            "class" => self.class(&attributes)?,
            "field" => self.field(&attributes)?,
            _ => {}
        }
        for _ in 0..self.bytes.count()? {
            let child = self.text()?;
            self.read(child, depth + 1)?;
        }
        Ok(())
    }

    fn text(&mut self) -> Result<&'t str, Damage> {
        let index = usize::try_from(self.bytes.int()?).ok();
        let text = index.and_then(|index| self.texts.get(index));
        text.map(String::as_str).ok_or("a description of types with a text that is not there")
    }

    fn class(&mut self, attributes: &[(&str, &str)]) -> Result<(), Damage> {
        let name = attribute(attributes, "name").ok_or("a type without a name")?;
        self.class = number(attributes, "id")?;
        let of = Type { name: name.into(), primitive: primitive(name), fields: Vec::new() };
        self.types.types.insert(self.class, of);
        Ok(())
    }

    fn field(&mut self, attributes: &[(&str, &str)]) -> Result<(), Damage> {
        let field = Field {
            name: attribute(attributes, "name").ok_or("a field without a name")?.into(),
            class: number(attributes, "class")?,
            is_constant: attribute(attributes, "constantPool") == Some("true"),
            is_array: attribute(attributes, "dimension").is_some_and(|dimension| dimension != "0"),
        };
        if let Some(of) = self.types.types.get_mut(&self.class) {
            of.fields.push(field);
        }
        Ok(())
    }
}

fn attribute<'t>(attributes: &[(&str, &'t str)], key: &str) -> Option<&'t str> {
    attributes.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
}

fn number(attributes: &[(&str, &str)], key: &str) -> Result<i64, Damage> {
    attribute(attributes, key).and_then(|value| value.parse().ok()).ok_or("a type without a number")
}

fn primitive(name: &str) -> Option<Primitive> {
    Some(match name {
        "boolean" | "byte" => Primitive::Byte,
        "short" | "char" => Primitive::Short,
        "int" => Primitive::Int,
        "long" => Primitive::Long,
        "float" => Primitive::Float,
        "double" => Primitive::Double,
        "java.lang.String" => Primitive::Text,
        _ => return None,
    })
}
