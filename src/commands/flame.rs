//! `whyslow flame`: profiles as pages, pictures and files of other tools.

#[cfg(feature = "client")]
mod address;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use clap::builder::PossibleValuesParser;
use flame::{Difference, Graph, OUTPUTS, Output, Work, Write};
use profiles::Profile;
use whyslow::diagnosis::Request;
use whyslow::report::Style;
use whyslow::stacks::{Chosen, of_inputs, of_plans_within};

use super::diagnose::destination::Destination;
use super::diagnose::{endpoint_glob, log_form, progress};
use super::reading::Reading;
use super::{Outcome, UsageError, say};

const EXAMPLES: &str = "\
Examples:
  whyslow flame cpu.pb.gz -o cpu.html                  a page for a browser
  perf script | whyslow flame -o cpu.html
  whyslow flame --compare before.folded after.folded -o difference.html
  whyslow flame --compare old.pb.gz new.pb.gz --requests 1200 1180 -o difference.html
  whyslow flame heap.pb.gz --measure inuse_space -o heap.html
  whyslow flame profile.json --format svg -o cpu.svg   a picture for a document
  whyslow flame cpu.pb.gz --format folded | sort
  whyslow flame traces.json --endpoint 'GET /orders' -o orders.html    requests
  whyslow flame plan.json -o plan.html                 where the time of a plan goes
  whyslow flame postgresql.log --plans -o plans.html   plans that auto_explain wrote
  whyslow flame --url 'http://localhost:6060/debug/pprof/profile?seconds=10' -o cpu.html

Exit codes:
  0  done
  2  arguments that make no sense, or profiles that cannot be compared
  3  no profile was found, or a broken one";

/// Draws where time or memory went: profiles, requests, plans.
///
/// Profiles of all common profilers are read as they are, told by their content; so are traces, logs and plans of EXPLAIN. Of
/// requests it is what they wait for (their critical path) that is drawn, and all work, and how often each thing is done. The page
/// holds every stack and needs nothing else, no server and no network.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// A profile, traces and logs, or plans; `-` is standard input, which is also read where none is given
    #[arg(value_name = "FILE")]
    inputs: Vec<PathBuf>,

    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = OUTPUTS[0].name, value_parser = outputs())]
    format: String,

    /// Write the result to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Draw what changed between two profiles: `--compare BEFORE AFTER`
    #[arg(long)]
    compare: bool,

    /// Requests that each side served, to compare what one of them costs
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], value_parser = above_zero, requires = "compare")]
    requests: Vec<f64>,

    /// What was measured, where a profile has more than one: `alloc_space`, `cycles` [default: what the profiler shows]
    #[arg(long, value_name = "NAME")]
    measure: Option<String>,

    /// What stands above the graph [default: the name of the file]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    #[cfg(feature = "client")]
    #[command(flatten)]
    address: address::Options,

    /// Of traces and logs: requests of these endpoints only, also where others wait for them; `*` stands for anything
    #[arg(long, value_name = "GLOB", value_parser = endpoint_glob, help_heading = REQUESTS)]
    endpoint: Option<String>,

    /// Of traces and logs: the slowest of each endpoint only, so many per cent of its requests
    #[arg(long, value_name = "PERCENT", value_parser = per_cent, help_heading = REQUESTS)]
    slowest: Option<f64>,

    /// Of logs: the plans that auto_explain wrote into them, of each statement that of the slowest execution
    #[arg(long, conflicts_with_all = ["endpoint", "slowest"], help_heading = REQUESTS)]
    plans: bool,

    #[command(flatten, next_help_heading = REQUESTS)]
    reading: Reading,

    #[command(flatten)]
    logs: log_form::Options,
}

/// What options belong to that are of no use to profiles.
const REQUESTS: &str = "Traces and logs";

fn outputs() -> PossibleValuesParser {
    PossibleValuesParser::new(OUTPUTS.iter().map(|output| output.name))
}

fn above_zero(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or("expected a number above 0")
}

fn per_cent(text: &str) -> Result<f64, &'static str> {
    let number = above_zero(text).ok().filter(|number| *number <= 100.0);
    number.ok_or("expected a number above 0 and up to 100")
}

/// What is to be written, and how.
struct Drawing<'d, T> {
    write: Write<T>,
    drawn: &'d T,
}

impl<T> Drawing<'_, T> {
    fn write_to(&self, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        (self.write)(self.drawn, out)
    }
}

/// Reads and draws.
pub(crate) fn execute(mut options: Options) -> anyhow::Result<Outcome> {
    let unknown = || UsageError(format!("--format {}: there is no such form", options.format));
    let output = OUTPUTS.iter().find(|output| output.name == options.format).ok_or_else(unknown)?;
    if options.output.is_none() && output.name != "folded" && io::stdout().is_terminal() {
        let form = output.name;
        return Err(UsageError(format!("{form} is not for a terminal: --output names a file")).into());
    }
    if options.inputs.is_empty() && !options.asks() {
        options.inputs.push("-".into());
    }
    match options.compare {
        true => compare(&options, output),
        false => draw(&options, output),
    }
}

/// Draws one profile.
fn draw(options: &Options, output: &Output) -> anyhow::Result<Outcome> {
    let (name, profile) = options.profile()?;
    let mut graph = Graph::new(&profile, options.title.clone().unwrap_or(name));
    graph.measure = options.measure_of(&profile)?;
    if !output.has_all_measures {
        options.tell_measure(&profile, graph.measure);
    }
    write(options, output.write, &graph)?;
    Ok(Outcome::Done)
}

/// Draws the difference of two.
fn compare(options: &Options, output: &Output) -> anyhow::Result<Outcome> {
    let [before, after] = options.inputs.as_slice() else {
        let given = options.inputs.len();
        return Err(UsageError(format!("--compare takes two files, before and after: {given} given")).into());
    };
    let with_one: Vec<&str> =
        OUTPUTS.iter().filter(|form| form.compare.is_some()).map(|form| form.name).collect();
    let none = || UsageError(format!("--compare has no form {}: {}", options.format, with_one.join(" and ")));
    let write_difference = output.compare.ok_or_else(none)?;
    let [old, new] =
        &[options.read(std::slice::from_ref(before))?, options.read(std::slice::from_ref(after))?];
    let work =
        [(0, old), (1, new)].map(|(side, profile)| Work { requests: options.requests_of(side, profile) });
    let title = options.title.clone().unwrap_or_else(|| format!("{} → {}", name(before), name(after)));
    let sides = [(old, options.measure_of(old)?, work[0]), (new, options.measure_of(new)?, work[1])];
    let difference =
        Difference::of(sides[0], sides[1], title).map_err(|refused| UsageError(refused.to_string()))?;
    options.tell_measure(new, sides[1].1);
    write(options, write_difference, &difference)?;
    Ok(Outcome::Done)
}

fn write<T>(options: &Options, write: Write<T>, drawn: &T) -> anyhow::Result<()> {
    let destination = Destination::open(options.output.as_deref())?;
    destination.write(Drawing::write_to, &Drawing { write, drawn }, Style::default())
}

impl Options {
    /// Whether an address is asked instead of files.
    fn asks(&self) -> bool {
        #[cfg(feature = "client")]
        return self.address.url.is_some();
        #[cfg(not(feature = "client"))]
        false
    }

    /// The one profile, and what it is called.
    fn profile(&self) -> anyhow::Result<(String, Profile)> {
        #[cfg(feature = "client")]
        if let Some((name, profile)) = self.address.profile()? {
            tell(&profile);
            return Ok((name, profile));
        }
        let profile = self.read(&self.inputs)?;
        let names: Vec<String> = self.inputs.iter().map(|input| name(input)).collect();
        let endpoint = self.endpoint.iter().map(|endpoint| format!("{endpoint} in ")).collect::<String>();
        Ok((format!("{endpoint}{}", names.join(", ")), profile))
    }

    /// Reads inputs as one profile.
    fn read(&self, inputs: &[PathBuf]) -> anyhow::Result<Profile> {
        let request = self.reading.request(self.reading.settings()?, String::new());
        let request = Request { log_form: self.logs.given(), ..request };
        let chosen = Chosen { endpoint: self.endpoint.clone(), slowest: self.slowest };
        let profile = progress::shown(|progress| match self.plans {
            true => of_plans_within(inputs, &request, progress),
            false => of_inputs(inputs, &request, &chosen, progress),
        })?;
        tell(&profile);
        let names = || inputs.iter().map(|input| name(input)).collect::<Vec<_>>().join(", ");
        if profile.is_empty() {
            bail!("no profile was found: nothing was measured in {}", names());
        }
        if chosen != Chosen::default() && profile.format != "requests" {
            let what = format!("--endpoint and --slowest choose requests; {} has none", names());
            return Err(UsageError(what).into());
        }
        Ok(profile)
    }

    /// The requests of a side: as given, else those that are drawn.
    fn requests_of(&self, side: usize, profile: &Profile) -> Option<f64> {
        let drawn = (profile.format == "requests").then_some(profile.records as f64);
        self.requests.get(side).copied().or(drawn)
    }

    /// Says which of several measures is written, unless it was asked for.
    fn tell_measure(&self, profile: &Profile, measure: usize) {
        let is_other = |other: &usize| *other != measure && profile.tree.total(*other) > 0.0;
        let name = |index: usize| profile.measures[index].name.as_str();
        let others: Vec<&str> = (0..profile.measures.len()).filter(is_other).map(name).collect();
        if self.measure.is_none() && !others.is_empty() {
            let (written, others) = (name(measure), others.join(", "));
            say(format_args!(
                "of several measures {written} is written; --measure chooses another: {others}"
            ));
        }
    }

    /// The index of the measure that was asked for, else of the profiler's.
    fn measure_of(&self, profile: &Profile) -> Result<usize, UsageError> {
        let Some(wanted) = &self.measure else { return Ok(profile.default_measure) };
        let names =
            || profile.measures.iter().map(|measure| measure.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = profile.measures.iter().position(|measure| measure.name == *wanted);
        found.ok_or_else(|| UsageError(format!("--measure {wanted}: the profile has {}", names())))
    }
}

/// Says what was left out or is worth knowing.
fn tell(profile: &Profile) {
    for skipped in profile.skipped.iter() {
        let place = skipped.first.map(|place| format!(", first at {place}")).unwrap_or_default();
        say(format_args!("{} skipped: {}{place}", skipped.count, skipped.reason));
    }
    for noticed in profile.noticed.iter() {
        let times = if noticed.count > 1 { format!("{} ", noticed.count) } else { String::new() };
        let place = noticed.first.map(|place| format!(", first at {place}")).unwrap_or_default();
        say(format_args!("{times}{}{place}", noticed.reason));
    }
}

fn name(input: &Path) -> String {
    match input == Path::new("-") {
        true => "standard input".to_owned(),
        false => input.file_name().unwrap_or(input.as_os_str()).to_string_lossy().into_owned(),
    }
}
