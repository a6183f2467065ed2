//! What is told of logs on the command line, where they do not tell it themselves; and which format an input has.

use super::access::{GIVEN, LogForm};
use super::postgres::{Prefix, STDERR};
use super::{Decode, FORMATS, Format, Framing, Head};

/// What is told of logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogForms {
    form: Option<LogForm>,
    line_prefix: Option<Prefix>,
    sampling: Sampling,
}

impl LogForms {
    /// What is told, each if it is; `None` where nothing is.
    pub fn of(
        form: Option<LogForm>,
        line_prefix: Option<Prefix>,
        sampling: Option<Sampling>,
    ) -> Option<Self> {
        let is_told = form.is_some() || line_prefix.is_some() || sampling.is_some();
        is_told.then(|| Self { form, line_prefix, sampling: sampling.unwrap_or_default() })
    }

    /// The options of the command line that tell it, and their values.
    pub fn options(&self) -> Vec<String> {
        let mut words: Vec<String> = self.form.iter().flat_map(LogForm::option).cloned().collect();
        if let Some(prefix) = &self.line_prefix {
            words.extend(["--log-line-prefix".to_owned(), prefix.text()]);
        }
        if let Some(text) = self.sampling.text() {
            words.extend(["--log-sample-rate".to_owned(), text]);
        }
        words
    }

    /// How many executions those that are logged stand for.
    pub(super) fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Why a log is not read as it was told.
    pub(super) fn misfit(&self, framing: Framing) -> Option<String> {
        let told = self.line_prefix.as_ref()?;
        let Framing::Log(found) = framing else { return None };
        (found != *told && Some(found) != told.with_blank()).then(|| {
            format!(
                "--log-line-prefix '{}' fits none of its lines; they are read as '{}'",
                told.text(),
                found.text()
            )
        })
    }

    /// The prefix that PostgreSQL's lines have.
    pub(super) fn line_prefix(&self) -> Option<&Prefix> {
        self.line_prefix.as_ref()
    }

    fn recognised(&self, head: Head<'_>) -> Option<(&'static Format, Framing)> {
        let by_prefix = || self.line_prefix.as_ref()?.fitting(head.text()).map(Framing::Log);
        let by_form = self.form.as_ref().and_then(|form| form.framing(head)).map(|framing| (&GIVEN, framing));
        by_form.or_else(|| Some((&STDERR_LOG, by_prefix()?)))
    }
}

/// What an input is that is in no envelope: as it is told, else as it looks.
pub(super) fn recognised(head: Head<'_>, forms: Option<&LogForms>) -> Option<(&'static Format, Framing)> {
    let found = || FORMATS.iter().find_map(|format| Some((format, (format.sniff)(head)?)));
    forms.and_then(|forms| forms.recognised(head)).or_else(found)
}

/// The decoder of an input that is cut like this.
pub(super) fn decoder_of(format: &Format, framing: Framing, forms: Option<&LogForms>) -> Box<dyn Decode> {
    let form = forms.and_then(|forms| forms.form.as_ref()).filter(|_| format.name == GIVEN.name);
    form.map_or_else(|| (format.decoder)(framing), LogForm::decoder)
}

/// PostgreSQL's log, where its prefix is told.
static STDERR_LOG: Format = STDERR;

/// How many executions one stands for that is logged: of those that are shorter than a bound, a server may log a part
/// (`log_statement_sample_rate`, `log_transaction_sample_rate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Of a million executions so many are logged.
    millionths: u32,
    /// Those that take so long are all logged.
    below_ns: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { millionths: MILLION, below_ns: u64::MAX }
    }
}

const MILLION: u32 = 1_000_000;

impl Sampling {
    /// Reads `0.1`, or `0.1<250ms` where those of 250 ms and longer are all logged.
    ///
    /// # Errors
    ///
    /// What is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected a rate as of log_statement_sample_rate, above 0 and at most 1, such as 0.1, or 0.1<250ms where \
             statements of 250 ms and longer are all logged";
        let (rate, below) = match text.split_once('<') {
            Some((rate, below)) => (rate, Some(below)),
            None => (text, None),
        };
        let rate: f64 = rate.trim().parse().map_err(|_| EXPECTED.to_owned())?;
        let millionths = (rate * f64::from(MILLION)).round();
        if !(1.0..=f64::from(MILLION)).contains(&millionths) {
            return Err(EXPECTED.to_owned());
        }
        let below_ns = match below {
            Some(below) => {
                let below =
                    crate::duration::parse(below.trim()).map_err(|error| format!("{error}; {EXPECTED}"))?;
                u64::try_from(below.as_nanos()).unwrap_or(u64::MAX)
            }
            None => u64::MAX,
        };
        Ok(Self { millionths: millionths as u32, below_ns })
    }

    /// As it is written on the command line; `None` where everything is logged.
    fn text(self) -> Option<String> {
        let below = match self.below_ns {
            u64::MAX => String::new(),
            below_ns if below_ns % 1_000_000 == 0 => format!("<{}ms", below_ns / 1_000_000),
            below_ns => format!("<{}ns", below_ns),
        };
        (self.millionths < MILLION)
            .then(|| format!("{}{below}", f64::from(self.millionths) / f64::from(MILLION)))
    }

    /// How many executions one stands for that took so long. Where that is no whole number it is the one below for some and
    /// the one above for others, by `id`, so that their sum is right.
    pub(super) fn one_of(self, took_ns: u64, id: u64) -> u32 {
        if took_ns >= self.below_ns || self.millionths == MILLION {
            return 1;
        }
        let (whole, rest) = (MILLION / self.millionths, MILLION % self.millionths);
        // The upper half of a product with an odd number is spread evenly.
        let spread = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let place = (spread * u64::from(self.millionths)) >> 32;
        whole + u32::from(place < u64::from(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stands_for_the_whole() {
        for (text, expected) in
            [("1", 1.0), ("0.5", 2.0), ("0.3", 1.0 / 0.3), ("0.01", 100.0), ("0.7", 1.0 / 0.7)]
        {
            let sampling = Sampling::parse(text).unwrap();
            let sum: u64 = (0..100_000).map(|id| u64::from(sampling.one_of(5, 2 * id + 1))).sum();
            let mean = sum as f64 / 100_000.0;
            assert!((mean - expected).abs() < expected / 100.0, "{text}: {mean}");
        }
        let sampling = Sampling::parse("0.1<250ms").unwrap();
        assert_eq!((sampling.one_of(249_999_999, 1), sampling.one_of(250_000_000, 1)), (10, 1));
        assert_eq!(sampling.text().as_deref(), Some("0.1<250ms"));
    }

    #[test]
    fn rates_say_what_is_expected() {
        for text in ["0", "1.5", "-1", "10%", "x", "0.1<", "0.1<x", "NaN"] {
            assert!(Sampling::parse(text).unwrap_err().contains("log_statement_sample_rate"), "{text}");
        }
    }
}
