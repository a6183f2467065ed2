//! Colours, and lines that know their width whatever their colours.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::fit::shorten;
use crate::report::words::clean;

/// What a piece of text is, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// As it is.
    Plain,
    /// Names of endpoints and sections.
    Title,
    /// The name of a flaw.
    Flaw,
    /// The figures that matter most.
    Figure,
    /// A target met.
    Good,
    /// A target missed.
    Bad,
    /// Bars.
    Bar,
    /// What explains the rest.
    Faint,
}

impl Ink {
    fn style(self) -> Style {
        let plain = Style::new();
        match self {
            Self::Plain => plain,
            Self::Title | Self::Figure => plain.bold(),
            Self::Flaw => plain.fg_color(Some(AnsiColor::Yellow.into())).bold(),
            Self::Good => plain.fg_color(Some(AnsiColor::Green.into())).bold(),
            Self::Bad => plain.fg_color(Some(AnsiColor::Red.into())).bold(),
            Self::Bar => plain.fg_color(Some(AnsiColor::Blue.into())),
            Self::Faint => plain.dimmed(),
        }
    }
}

/// One line of output in the making.
#[derive(Debug, Default, Clone)]
pub(super) struct Line {
    parts: Vec<(Ink, String)>,
    width: usize,
}

impl Line {
    /// A line that begins in a column.
    pub(super) fn at(column: usize) -> Self {
        Self::default().pad_to(column)
    }

    /// Adds text.
    pub(super) fn with(mut self, ink: Ink, text: impl AsRef<str>) -> Self {
        let text = clean(text.as_ref());
        self.width += text.width();
        self.parts.push((ink, text));
        self
    }

    /// Adds another line behind it.
    pub(super) fn then(mut self, other: Self) -> Self {
        self.width += other.width;
        self.parts.extend(other.parts);
        self
    }

    /// Adds spaces up to a column.
    pub(super) fn pad_to(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.width);
        self.with(Ink::Plain, " ".repeat(missing))
    }

    /// The line cut to so many columns.
    pub(super) fn shortened(self, width: usize) -> Self {
        if self.width <= width {
            return self;
        }
        let mut short = Self::default();
        for (ink, part) in self.parts {
            let room = width - short.width;
            if room > 0 {
                let fits = part.width() <= room;
                short = short.with(ink, if fits { part } else { shortened_behind_blanks(&part, room) });
            }
        }
        short
    }

    /// Columns taken so far.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The text, with escape codes if `colour`, and without spaces at its end.
    pub(super) fn render(&self, colour: bool) -> String {
        let mut text = String::new();
        for (ink, part) in &self.parts {
            let style = ink.style();
            match colour && *ink != Ink::Plain && !part.is_empty() {
                true => text.push_str(&format!("{style}{part}{style:#}")),
                false => text.push_str(part),
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// A part that is cut, with the blanks that set it apart from the one before.
fn shortened_behind_blanks(part: &str, room: usize) -> String {
    let text = part.trim_start_matches(' ');
    let blanks = part.len() - text.len();
    match room.checked_sub(blanks + 1) {
        Some(left) => format!("{}{}", &part[..blanks], shorten(text, left + 1)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_do_not_count_colours() {
        let line = Line::at(2).with(Ink::Bad, "missed").pad_to(10).with(Ink::Plain, "größe 表");
        assert_eq!(line.width(), 18);
        assert_eq!(line.render(false), "  missed  größe 表");
        assert_eq!(line.render(true), "  \u{1b}[1m\u{1b}[31mmissed\u{1b}[0m  größe 表");
    }

    #[test]
    fn a_name_cannot_write_on_the_terminal() {
        let line = Line::default().with(Ink::Plain, "a\u{1b}[2Jb\nc\u{202e}d");
        assert_eq!(line.render(true), "a\u{fffd}[2Jb c\u{fffd}d");
    }
}
