//! What the runs of two sides say, for people: a line for each metric, with its interval drawn against zero and the margin.

use std::io;

use ledger::figures::percent;
use measurement::{MetricDecision, Verdict};

use super::ink::{Ink, Line};
use super::page::Page;
use crate::measurements::comparison::RunsComparison;
use crate::report::{Style, runs as words};

/// Where columns begin: the verdict, the values, the picture.
const VERDICT: usize = 12;
const VALUES: usize = 26;
const PICTURE: usize = 49;

/// Columns behind the picture, for the effect.
const EFFECT: usize = 10;

/// Columns of a picture at least and at most; odd, so that zero is in the middle.
const PICTURE_MIN: usize = 15;
const PICTURE_MAX: usize = 41;

/// Ends of a picture, in per cent: the smallest is taken that holds all intervals.
const ENDS: [i64; 8] = [5, 10, 20, 30, 50, 75, 100, 200];

/// Metrics that are told; those behind are counted.
const METRICS_MAX: usize = 400;

pub(super) fn write(comparison: &RunsComparison, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page { style, out };
    let decision = &comparison.decision;
    page.prose(label("before"), Ink::Plain, &words::origin(&comparison.before, decision.runs_before))?;
    page.prose(label("after"), Ink::Plain, &words::origin(&comparison.after, decision.runs_after))?;
    page.blank()?;
    let ink = decision.primary().map_or(Ink::Faint, |primary| colour(primary.verdict));
    page.prose(Line::default(), ink, &words::headline(comparison))?;
    let scale = Scale::of(comparison, style.width);
    let mut subject = None;
    for metric in decision.metrics.iter().take(METRICS_MAX) {
        if subject.replace(&metric.subject) != Some(&metric.subject) {
            heading(&mut page, &metric.subject, &scale)?;
        }
        write_metric(&mut page, metric, comparison, &scale)?;
    }
    if let Some(more) = decision.metrics.len().checked_sub(METRICS_MAX).filter(|more| *more > 0) {
        page.line(Line::at(2).with(Ink::Faint, format!("{more} more metrics: --format json has them")))?;
    }
    write_doubts(&mut page, comparison)
}

fn label(text: &str) -> Line {
    Line::default().with(Ink::Faint, format!("{text:<8}"))
}

fn colour(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Improved => Ink::Good,
        Verdict::Regressed => Ink::Bad,
        Verdict::Equivalent => Ink::Plain,
        Verdict::Inconclusive => Ink::Faint,
    }
}

/// The subject, and the ends of the pictures below.
fn heading(page: &mut Page<'_>, subject: &str, scale: &Scale) -> io::Result<()> {
    page.blank()?;
    let name = if subject.is_empty() { "all requests" } else { subject };
    let title = Line::default().with(Ink::Title, name);
    if title.width() + 2 > PICTURE {
        page.line(title.shortened(page.room(0)))?;
        return page.line(Line::at(PICTURE).with(Ink::Faint, scale.labels()));
    }
    page.line(title.pad_to(PICTURE).with(Ink::Faint, scale.labels()))
}

fn write_metric(
    page: &mut Page<'_>,
    metric: &MetricDecision,
    comparison: &RunsComparison,
    scale: &Scale,
) -> io::Result<()> {
    let name = format!("{}{}", metric.metric, if metric.is_primary { " *" } else { "" });
    let value = |value| words::value(&metric.metric, value);
    let values = format!("{} -> {}", value(metric.before_typical), value(metric.after_typical));
    let line = Line::at(2)
        .with(Ink::Plain, name)
        .pad_to(VERDICT - 1)
        .with(Ink::Plain, " ")
        .with(colour(metric.verdict), metric.verdict.name())
        .pad_to(VALUES)
        .with(Ink::Figure, values)
        .pad_to(PICTURE - 1)
        .with(Ink::Plain, " ")
        .then(scale.picture(metric));
    let effect = metric.effect_ppm.map(percent).unwrap_or_default();
    page.line(line.with(Ink::Figure, format!("  {effect:>8}")))?;
    let interval = words::interval(metric).map(|interval| format!("{interval}: ")).unwrap_or_default();
    let meaning = format!("{interval}{}", words::meaning(metric, comparison));
    page.prose(Line::at(VERDICT), Ink::Faint, &meaning)
}

fn write_doubts(page: &mut Page<'_>, comparison: &RunsComparison) -> io::Result<()> {
    let mut doubts = words::doubts(comparison).peekable();
    if doubts.peek().is_none() {
        return Ok(());
    }
    page.blank()?;
    page.line(Line::default().with(Ink::Title, "What casts doubt on this"))?;
    doubts.try_for_each(|doubt| page.prose(Line::at(2).with(Ink::Flaw, "- "), Ink::Plain, doubt))
}

/// How per cents become columns.
struct Scale {
    columns: usize,
    /// Per cent at both ends.
    end: i64,
    margin_ppm: i64,
}

impl Scale {
    fn of(comparison: &RunsComparison, width: usize) -> Self {
        let room = width.saturating_sub(PICTURE + EFFECT).clamp(PICTURE_MIN, PICTURE_MAX);
        let margin_ppm = i64::from(comparison.decision.margin_ppm);
        let ends = comparison.decision.metrics.iter().filter_map(|metric| metric.interval_ppm).flatten();
        let furthest = ends.map(i64::abs).max().unwrap_or(0).max(margin_ppm);
        let end = ENDS.into_iter().find(|end| end * 10_000 >= furthest);
        Self { columns: room - (1 - room % 2), end: end.unwrap_or(ENDS[ENDS.len() - 1]), margin_ppm }
    }

    /// `-30 %        0        +30 %`.
    fn labels(&self) -> String {
        let (low, high) = (format!("-{} %", self.end), format!("+{} %", self.end));
        let half = self.columns / 2;
        format!("{low:<half$}0{high:>half$}")
    }

    /// The column of a difference; what lies beyond the ends is at the end.
    fn column(&self, ppm: i64) -> usize {
        let end_ppm = self.end * 10_000;
        let steps = (ppm.clamp(-end_ppm, end_ppm) + end_ppm) as f64 / (2 * end_ppm) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let column = (steps * (self.columns - 1) as f64).round() as usize;
        column
    }

    /// The interval with its middle, before zero and the margin.
    fn picture(&self, metric: &MetricDecision) -> Line {
        let mut letters = vec![(Ink::Plain, ' '); self.columns];
        for margin in [-self.margin_ppm, self.margin_ppm] {
            letters[self.column(margin)] = (Ink::Faint, '┊');
        }
        letters[self.column(0)] = (Ink::Faint, '│');
        let ink = match colour(metric.verdict) {
            Ink::Faint => Ink::Plain,
            ink => ink,
        };
        if let Some([low, high]) = metric.interval_ppm {
            let (from, to) = (self.column(low), self.column(high));
            letters[from..=to].fill((ink, '─'));
            let is_beyond = |ppm: i64| ppm.abs() > self.end * 10_000;
            letters[from].1 = if is_beyond(low) { '◂' } else { '├' };
            letters[to].1 = if is_beyond(high) { '▸' } else { '┤' };
            if (from + 1..to).contains(&self.column(0)) {
                letters[self.column(0)].1 = '┼';
            }
        }
        if let Some(effect) = metric.effect_ppm {
            letters[self.column(effect)] = (ink, '●');
        }
        letters.into_iter().fold(Line::default(), |line, (ink, letter)| line.with(ink, letter.to_string()))
    }
}
