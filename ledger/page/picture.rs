//! Durations before and after as a picture: an SVG of its own, without scripts and fonts.

use std::fmt::Write as _;

use detectors::figures::{clean, duration};
use measurement::{Histogram, Latency, Metric, MetricDecision};

use crate::{Optimization, Side, figures};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 740.0;

/// The curves' top and bottom.
const CURVES: [f64; 2] = [56.0, 206.0];

/// Steps in which durations are counted for the curves.
const STEPS: usize = 80;

/// Rows below the axis: percentiles of both sides, and values of runs.
const ROWS: [f64; 4] = [256.0, 280.0, 318.0, 342.0];

const HEIGHT: f64 = 362.0;

/// What the words at a tick take.
const WORDS: f64 = 58.0;

const STYLE: &str = "\
svg{background:#fff}text{font:12px system-ui,sans-serif;fill:#333}.t{font-size:14px;font-weight:600}\
.a{stroke:#bbb;stroke-width:1}.b{fill:#c4601d;stroke:#c4601d}.c{fill:#1f6fb4;stroke:#1f6fb4}\
path.b,path.c{fill-opacity:.22;stroke-width:1.5}line.b,line.c{stroke-width:2}.m{text-anchor:middle}.e{text-anchor:end}\
text.b,text.c{stroke:none}circle{fill-opacity:.55;stroke:none}\
@media(prefers-color-scheme:dark){svg{background:#161b22}text{fill:#ccc}.a{stroke:#555}.b{fill:#f0924b;stroke:#f0924b}.c{fill:#62a8e5;stroke:#62a8e5}}";

/// Class and name of each side.
const SIDES: [(&str, &str); 2] = [("b", "before"), ("c", "after")];

/// The picture of an entry; `None` where no durations are known of the primary metric's endpoint.
pub fn picture(optimization: &Optimization) -> Option<String> {
    let primary = optimization.conclusion.decision.primary()?;
    if matches!(primary.metric, Metric::Count(_) | Metric::Memory) {
        return None;
    }
    let both = [&optimization.before, &optimization.after].map(|side| all(side, &primary.subject));
    let axis = Axis::of(&both, primary)?;
    let mut svg = begin(primary);
    add_axis(&mut svg, &axis);
    if both.iter().all(|side| side.count() > 0) {
        add_curves(&mut svg, &axis, &both);
        add_percentiles(&mut svg, &axis, &both);
    }
    add_runs(&mut svg, &axis, primary);
    svg.push_str("</svg>\n");
    Some(svg)
}

/// Durations of all runs.
fn all(side: &Side, subject: &str) -> Histogram {
    let mut all = Histogram::default();
    for sample in side.runs.iter().filter_map(|run| run.samples.get(subject)) {
        if let Latency::Histogram { histogram } = &sample.latency {
            all.merge(histogram);
        }
    }
    all
}

/// Durations by their logarithms, from left to right.
struct Axis {
    /// Logarithms of nanoseconds at both ends.
    ends: [f64; 2],
}

impl Axis {
    fn of(both: &[Histogram; 2], primary: &MetricDecision) -> Option<Self> {
        let shortest = |side: &Histogram| side.counts().next().map(|(ns, _)| ns);
        let curves = both.iter().filter(|side| side.count() > 0);
        let ends = curves.flat_map(|side| shortest(side).into_iter().chain([side.percentile(99_500)]));
        let runs = primary.before.iter().chain(&primary.after).map(|ps| ps / 1_000);
        let all: Vec<f64> = ends.chain(runs).map(|ns| (ns.max(1) as f64).ln()).collect();
        let least = all.iter().copied().reduce(f64::min)?;
        let most = all.iter().copied().reduce(f64::max)?;
        let space = ((most - least) * 0.04).max(0.02);
        Some(Self { ends: [least - space, most + space] })
    }

    fn x(&self, ns: f64) -> f64 {
        let [least, most] = self.ends;
        LEFT + ((ns.max(1.0).ln() - least) / (most - least)).clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// Those that have room for their words beside each other.
    fn apart(&self, ticks: Vec<u64>) -> Vec<u64> {
        let mut kept: Vec<u64> = Vec::new();
        for ns in ticks {
            if kept.last().is_none_or(|last| self.x(ns as f64) - self.x(*last as f64) >= WORDS) {
                kept.push(ns);
            }
        }
        kept
    }

    /// Round durations within it: 1, 2 and 5 of each power of ten, or finer where there is less than that.
    fn ticks(&self) -> Vec<u64> {
        let [least, most] = self.ends.map(f64::exp);
        let coarse = (0..13u32).flat_map(|power| [1, 2, 5].map(|digit| digit * 10u64.pow(power)));
        let coarse: Vec<u64> = coarse.filter(|ns| (least..=most).contains(&(*ns as f64))).collect();
        if (3..=12).contains(&coarse.len()) {
            return coarse;
        }
        if coarse.len() > 12 {
            return coarse.into_iter().step_by(3).collect();
        }
        let step = step((most - least) / 8.0);
        // Ends are durations, and far from overflowing.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let first = (least.max(0.0) as u64 / step + 1) * step;
        let ticks = (0..12).map(|count| first + count * step).filter(|ns| (*ns as f64) <= most);
        self.apart(ticks.collect())
    }
}

/// The next larger of 1, 2 and 5 of a power of ten.
fn step(wanted: f64) -> u64 {
    let steps = (0..13u32).flat_map(|power| [1, 2, 5].map(|digit| digit * 10u64.pow(power)));
    steps.into_iter().find(|step| *step as f64 >= wanted).unwrap_or(1)
}

fn begin(primary: &MetricDecision) -> String {
    let subject = escaped(&primary.subject);
    let title = if subject.is_empty() { "durations".to_owned() } else { subject };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         role=\"img\"><title>{title} before and after</title><style>{STYLE}</style>\n"
    );
    let _ = writeln!(svg, "<text class=\"t\" x=\"{LEFT}\" y=\"22\">{title}</text>");
    for (place, (class, name)) in SIDES.iter().enumerate() {
        let x = RIGHT - 60.0 * (2 - place) as f64 + 10.0;
        let _ = writeln!(
            svg,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"18\" r=\"5\"/><text x=\"{:.1}\" y=\"22\">{name}</text>",
            x + 9.0
        );
    }
    svg
}

fn add_axis(svg: &mut String, axis: &Axis) {
    let bottom = CURVES[1];
    let _ = writeln!(svg, "<line class=\"a\" x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{RIGHT}\" y2=\"{bottom}\"/>");
    for ns in axis.ticks() {
        let x = axis.x(ns as f64);
        let _ = writeln!(
            svg,
            "<line class=\"a\" x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{}\"/><text class=\"m\" x=\"{x:.1}\" y=\"{}\">{}</text>",
            bottom + 5.0,
            bottom + 19.0,
            duration(ns)
        );
    }
}

/// How many requests took how long, as areas.
fn add_curves(svg: &mut String, axis: &Axis, both: &[Histogram; 2]) {
    let shares = both.each_ref().map(|side| steps(axis, side));
    let most = shares.iter().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
    let [top, bottom] = CURVES;
    for ((class, _), shares) in SIDES.iter().zip(&shares) {
        let mut path = format!("M{LEFT} {bottom}");
        for (step, share) in shares.iter().enumerate() {
            let y = bottom - share / most * (bottom - top);
            let ends = [step, step + 1].map(|step| LEFT + step as f64 * (RIGHT - LEFT) / STEPS as f64);
            let _ = write!(path, "L{:.1} {y:.1}L{:.1} {y:.1}", ends[0], ends[1]);
        }
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"{path}L{RIGHT} {bottom}Z\"/>");
    }
}

/// The share of requests in each step of the axis.
fn steps(axis: &Axis, side: &Histogram) -> Vec<f64> {
    let mut steps = vec![0.0; STEPS];
    let count = side.count().max(1) as f64;
    for (ns, times) in side.counts() {
        let place = (axis.x(ns as f64) - LEFT) / (RIGHT - LEFT) * STEPS as f64;
        // What is beyond the axis is not in its last step.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        if let Some(step) = steps.get_mut(place as usize) {
            *step += times as f64 / count;
        }
    }
    steps
}

fn add_percentiles(svg: &mut String, axis: &Axis, both: &[Histogram; 2]) {
    for (((class, name), side), y) in SIDES.iter().zip(both).zip(&ROWS[..2]) {
        let at = [50_000, 95_000, 99_000].map(|thousandths| side.percentile(thousandths));
        let x = at.map(|ns| axis.x(ns as f64));
        let _ = writeln!(
            svg,
            "<text class=\"e\" x=\"{}\" y=\"{}\">{name}</text><line class=\"{class}\" x1=\"{:.1}\" y1=\"{y}\" x2=\"{:.1}\" y2=\"{y}\"/>",
            LEFT - 10.0,
            y + 4.0,
            x[0],
            x[2]
        );
        for (((name, radius), ns), x) in [("p50", 5), ("p95", 4), ("p99", 3)].iter().zip(at).zip(x) {
            let told = duration(ns);
            let _ = writeln!(
                svg,
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"{radius}\"><title>{name} {told}</title></circle>"
            );
        }
        let told = format!("p50 {} · p95 {} · p99 {}", duration(at[0]), duration(at[1]), duration(at[2]));
        // Beside the line, where there is more space.
        let (place, class) = if x[0] - LEFT > RIGHT - x[2] { (x[0] - 12.0, "e") } else { (x[2] + 12.0, "s") };
        let _ = writeln!(svg, "<text class=\"{class}\" x=\"{place:.1}\" y=\"{}\">{told}</text>", y + 4.0);
    }
}

/// The value of each run: what the verdict is about.
fn add_runs(svg: &mut String, axis: &Axis, primary: &MetricDecision) {
    let sides = [(&primary.before, primary.before_typical), (&primary.after, primary.after_typical)];
    for (((class, name), (runs, typical)), y) in SIDES.iter().zip(sides).zip(&ROWS[2..]) {
        let label = format!("{} {name}", primary.metric);
        let _ = writeln!(svg, "<text class=\"e\" x=\"{}\" y=\"{}\">{label}</text>", LEFT - 10.0, y + 4.0);
        for ps in runs {
            let x = axis.x(*ps as f64 / 1_000.0);
            let _ = writeln!(svg, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"4\"/>");
        }
        let x = axis.x(typical as f64 / 1_000.0);
        let told = format!("{} runs, typically {}", runs.len(), figures::value(&primary.metric, typical));
        let each = || runs.iter().map(|ps| axis.x(*ps as f64 / 1_000.0));
        // Beside all of them, where there is more space.
        let (first, last) = (each().fold(x, f64::min), each().fold(x, f64::max));
        let (place, side) =
            if first - LEFT > RIGHT - last { (first - 12.0, "e") } else { (last + 12.0, "s") };
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{}\"/><text class=\"{side}\" x=\"{place:.1}\" y=\"{}\">{told}</text>",
            y - 9.0,
            y + 9.0,
            y + 4.0
        );
    }
}

fn escaped(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
