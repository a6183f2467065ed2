//! How often the decision rule is wrong: simulated runs, seeded, the same again.
//!
//! A run has lognormal durations (deviation 0.5) that follow each other with a correlation (AR(1)), an effect of its own (a
//! normal factor), and a machine that drifts from slot to slot. Runs of both sides take turns: before, after, after, before.
//! `cargo bench -p whyslow-measurement --bench decision` prints the table of docs/ledger.md; `-- 2000` makes fewer trials.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program: it prints, and takes an argument"
)]
#![allow(missing_docs, reason = "a program")]

use std::collections::BTreeMap;
use std::thread;

use measurement::{Latency, Metric, Question, Run, Sample, Verdict, decide};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;

const TRIALS: u32 = 20_000;
const DEVIATION: f64 = 0.5;
const METRICS: [(Metric, f64); 2] = [(Metric::Percentile(50_000), 0.50), (Metric::Percentile(95_000), 0.95)];

/// One set of circumstances.
#[derive(Clone, Copy)]
struct Cell {
    /// Correlation of neighbouring requests.
    rho: f64,
    /// Deviation of a run's own factor.
    tau: f64,
    /// Deviation of the machine over slots, where neighbours correlate by 0.8.
    drift: f64,
    /// Whether sides take turns.
    turns: bool,
    runs: u32,
    requests: usize,
    /// The true change of all durations.
    effect: f64,
}

const fn cell(rho: f64, tau: f64, drift: f64, runs: u32, requests: usize) -> Cell {
    Cell { rho, tau, drift, turns: true, runs, requests, effect: 0.0 }
}

const CELLS: [Cell; 16] = [
    cell(0.0, 0.0, 0.0, 10, 100),
    cell(0.5, 0.0, 0.0, 10, 100),
    cell(0.9, 0.0, 0.0, 10, 100),
    cell(0.0, 0.03, 0.0, 10, 100),
    cell(0.5, 0.03, 0.0, 10, 100),
    cell(0.5, 0.08, 0.0, 10, 100),
    cell(0.5, 0.03, 0.0, 5, 200),
    cell(0.5, 0.03, 0.0, 5, 400),
    cell(0.5, 0.03, 0.0, 20, 100),
    cell(0.5, 0.03, 0.0, 10, 500),
    cell(0.0, 0.01, 0.0, 10, 1_000),
    cell(0.5, 0.005, 0.0, 10, 1_000),
    cell(0.5, 0.02, 0.06, 10, 200),
    cell(0.5, 0.02, 0.06, 5, 200),
    cell(0.9, 0.03, 0.06, 20, 100),
    Cell { turns: false, ..cell(0.5, 0.02, 0.06, 10, 200) },
];

fn main() {
    let trials = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(TRIALS);
    println!("{trials} trials a row; percent of them\n");
    println!("no change: told to be improved (2.5 are meant)");
    println!(
        "| rho | tau | drift | turns | runs x requests | p50, margin 0 | p95, margin 0 | p50, 3 % | p95, 3 % |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let nothing = table(&CELLS, trials, Verdict::Improved, &[0, 30_000]);
    let interleaved = &nothing[..CELLS.len() - 1];
    let wrong: Vec<f64> = interleaved.iter().flat_map(|row| row[..2].to_vec()).collect();
    let worst = wrong.iter().copied().fold(0.0, f64::max);
    println!(
        "mean of those that take turns, margin 0: {:.2}; worst {worst:.2}\n",
        measurement::statistics::mean(&wrong)
    );

    println!("a true change of exactly the margin (3 %): told to be equivalent (5 are allowed)");
    println!("| rho | tau | drift | turns | runs x requests | p50 | p95 |\n|---|---|---|---|---|---|---|");
    let at_margin = CELLS.map(|cell| Cell { effect: -0.03, ..cell });
    table(&at_margin[..CELLS.len() - 1], trials, Verdict::Equivalent, &[30_000]);

    println!("\na true change: told to be improved (power)");
    println!("| rho | tau | drift | turns | runs x requests | p50 | p95 |\n|---|---|---|---|---|---|---|");
    for effect in [-0.05, -0.10, -0.20] {
        println!("| {:.0} % less |", -effect * 100.0);
        let sizes = [(5, 200), (10, 100), (10, 500), (20, 250)];
        let cells = sizes.map(|(runs, requests)| Cell { effect, ..cell(0.5, 0.03, 0.0, runs, requests) });
        table(&cells, trials, Verdict::Improved, &[30_000]);
    }
}

/// Prints a row for each cell: percent of the trials with this verdict, by margin and metric.
fn table(cells: &[Cell], trials: u32, verdict: Verdict, margins: &[u32]) -> Vec<Vec<f64>> {
    let mut rows = Vec::new();
    for pair in cells.chunks(2) {
        let of = |cell: Cell| move || shares(cell, trials, verdict, margins);
        let found = thread::scope(|scope| {
            let threads: Vec<_> = pair.iter().map(|cell| scope.spawn(of(*cell))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no trial fails")).collect::<Vec<_>>()
        });
        pair.iter().zip(&found).for_each(|(cell, row)| print_row(cell, row));
        rows.extend(found);
    }
    rows
}

fn print_row(cell: &Cell, shares: &[f64]) {
    let turns = if cell.turns { "yes" } else { "no" };
    let shares: Vec<String> = shares.iter().map(|share| format!("{share:.2}")).collect();
    let Cell { rho, tau, drift, runs, requests, .. } = cell;
    let (tau, drift) = (tau * 100.0, drift * 100.0);
    println!("| {rho} | {tau} % | {drift} % | {turns} | {runs} x {requests} | {} |", shares.join(" | "));
}

fn shares(cell: Cell, trials: u32, verdict: Verdict, margins: &[u32]) -> Vec<f64> {
    let seed = cell.rho * 1e3
        + cell.tau * 1e6
        + cell.drift * 1e9
        + f64::from(cell.runs) * 7.0
        + cell.requests as f64;
    let mut random = Pcg64Mcg::seed_from_u64(seed.to_bits());
    let mut seen = vec![0u32; margins.len() * METRICS.len()];
    for _ in 0..trials {
        let sides = sides(cell, &mut random);
        let columns =
            margins.iter().flat_map(|margin| METRICS.iter().map(move |(metric, _)| (*margin, metric)));
        for ((margin_ppm, metric), seen) in columns.zip(&mut seen) {
            *seen += u32::from(told(&sides, metric, margin_ppm) == verdict);
        }
    }
    seen.into_iter().map(|seen| f64::from(seen) * 100.0 / f64::from(trials)).collect()
}

/// The verdict when this metric is the primary one, and the only one.
fn told(sides: &[Vec<Run>; 2], metric: &Metric, margin_ppm: u32) -> Verdict {
    let only = |runs: &[Run]| -> Vec<Run> {
        let alone = |sample: &Sample| {
            let percentiles_ns =
                sample.value(metric).map(|ps| (place(metric), ps / 1_000)).into_iter().collect();
            Sample { latency: Latency::Summary { percentiles_ns, mean_ns: None }, ..sample.clone() }
        };
        let run =
            |run: &Run| Run { samples: [(String::new(), alone(&run.samples[""]))].into(), ..run.clone() };
        runs.iter().map(run).collect()
    };
    let question =
        Question { primary: Some((String::new(), metric.clone())), margin_ppm, ..Question::default() };
    decide(&only(&sides[0]), &only(&sides[1]), &question).metrics[0].verdict
}

fn place(metric: &Metric) -> u32 {
    match metric {
        Metric::Percentile(at) => *at,
        _ => 0,
    }
}

/// Runs before and after, in their slots.
fn sides(cell: Cell, random: &mut Pcg64Mcg) -> [Vec<Run>; 2] {
    let mut sides = [Vec::new(), Vec::new()];
    let mut machine = normal(random) * cell.drift;
    for slot in 0..2 * cell.runs {
        let is_after = if cell.turns { matches!(slot % 4, 1 | 2) } else { slot >= cell.runs };
        let effect = if is_after { (1.0 + cell.effect).ln() } else { 0.0 };
        let factor = effect + machine + normal(random) * cell.tau;
        sides[usize::from(is_after)].push(run(cell, slot, factor, random));
        machine = 0.8 * machine + 0.6 * normal(random) * cell.drift;
    }
    sides
}

fn run(cell: Cell, slot: u32, factor: f64, random: &mut Pcg64Mcg) -> Run {
    let mut state = normal(random);
    let mut durations: Vec<f64> = Vec::with_capacity(cell.requests);
    for _ in 0..cell.requests {
        durations.push(state);
        state = cell.rho * state + (1.0 - cell.rho * cell.rho).sqrt() * normal(random);
    }
    let mut percentiles_ns = BTreeMap::new();
    for (metric, quantile) in METRICS {
        let rank = ((quantile * cell.requests as f64).ceil() as usize).clamp(1, cell.requests) - 1;
        let (_, value, _) = durations.select_nth_unstable_by(rank, f64::total_cmp);
        percentiles_ns.insert(place(&metric), (50e6 * (factor + *value * DEVIATION).exp()) as u64);
    }
    let latency = Latency::Summary { percentiles_ns, mean_ns: None };
    let sample = Sample { requests: cell.requests as u64, latency, ..Sample::default() };
    Run { slot: Some(slot), samples: [(String::new(), sample)].into(), ..Run::default() }
}

fn normal(random: &mut Pcg64Mcg) -> f64 {
    StandardNormal.sample(random)
}
