//! The attributes that mean something here, in stable and legacy OpenTelemetry names.

/// An attribute of a span, resource or scope that a reader keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// `service.name`.
    ServiceName,
    /// `db.query.text`, `db.statement`.
    QueryText,
}

impl Key {
    /// The key of a name; `None` for everything that is not kept. Called for every attribute of
    /// every span, so it decides by length and bytes.
    pub fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"service.name" => Some(Self::ServiceName),
            b"db.query.text" | b"db.statement" => Some(Self::QueryText),
            _ => None,
        }
    }
}
