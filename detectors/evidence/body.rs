//! What is told of the body of an answer besides its size.

/// What kind of content a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Media {
    /// Not said.
    #[default]
    Unknown,
    /// What programs read: JSON, XML and their relatives.
    Data,
    /// Other text: pages, scripts, style sheets, drawings as SVG, tables of text.
    Text,
    /// What is compressed in itself or hardly shrinks: images, archives, sound, fonts.
    Other,
}

/// Content and encoding of a body, in a byte. The type of a content is told where headers are captured; an
/// encoding that is missing beside it was not there, if it is captured as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Body(u8);

/// Set where an encoding is named, which is mostly a compression.
const ENCODED: u8 = 1 << 2;

impl Body {
    /// How many bits it takes.
    pub const BITS: u32 = 3;

    /// Data of which no encoding is told.
    pub const DATA: Self = Self(Media::Data as u8);

    /// A body of this content; `encoded` where an encoding is named.
    pub fn new(media: Media, encoded: bool) -> Self {
        Self(media as u8 | if encoded { ENCODED } else { 0 })
    }

    /// What kind of content it is.
    pub fn media(self) -> Media {
        match self.0 & !ENCODED {
            0 => Media::Unknown,
            1 => Media::Data,
            2 => Media::Text,
            _ => Media::Other,
        }
    }

    /// Whether an encoding is named.
    pub fn is_encoded(self) -> bool {
        self.0 & ENCODED != 0
    }

    /// With what another layer of instrumentation tells of the same body.
    pub fn with(self, other: Self) -> Self {
        let media = if self.media() == Media::Unknown { other.media() } else { self.media() };
        Self::new(media, self.is_encoded() || other.is_encoded())
    }

    /// The number behind it, below two to the power of [`Body::BITS`].
    #[inline]
    pub fn to_bits(self) -> u8 {
        self.0
    }

    /// Reads back what [`Body::to_bits`] gave.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & ((1 << Self::BITS) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_encoding_are_kept_apart() {
        for media in [Media::Unknown, Media::Data, Media::Text, Media::Other] {
            for encoded in [false, true] {
                let body = Body::from_bits(Body::new(media, encoded).to_bits());
                assert_eq!((body.media(), body.is_encoded()), (media, encoded));
            }
        }
        let both = Body::new(Media::Data, false).with(Body::new(Media::Unknown, true));
        assert_eq!(both, Body::new(Media::Data, true));
    }
}
