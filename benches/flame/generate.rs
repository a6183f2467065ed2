//! Writes profiles of any size: the input of the figures on reading profiles.
//!
//! ```text
//! cargo run --release -p whyslow-profiles --example generate_profile -- STACKS folded|perf FILE [SEED]
//! ```
//!
//! A walk through a call graph of 4,000 functions, in no order. 2,000,000 folded stacks are 607 MB (304 bytes each), 655,000 of them
//! distinct, which are 1,484,000 nodes; 250,000 samples of `perf script` are 247 MB in 4.3 million lines. The same numbers give the
//! same bytes.

#![allow(clippy::unwrap_used, reason = "a generator ends where something is not as expected")]
#![allow(missing_docs, reason = "a program")]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

const FUNCTIONS: u64 = 4_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (stacks, form, path, seed) = match arguments.as_slice() {
        [stacks, form, path] => (stacks, form, path, 1),
        [stacks, form, path, seed] => (stacks, form, path, seed.parse().unwrap_or(1)),
        _ => return usage(),
    };
    let write: fn(&mut Writer<'_>, &[usize], u64) -> io::Result<()> = match form.as_str() {
        "folded" => folded,
        "perf" => perf,
        _ => return usage(),
    };
    let names: Vec<String> = (0..FUNCTIONS).map(name).collect();
    let mut out =
        Writer { out: BufWriter::with_capacity(1 << 20, File::create(path).unwrap()), names: &names };
    let mut random = Random(seed);
    let mut stack = Vec::new();
    for number in 0..stacks.parse().unwrap() {
        walk(&mut random, &mut stack);
        write(&mut out, &stack, number).unwrap();
    }
    out.out.flush().unwrap();
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    let _ = writeln!(io::stderr(), "usage: generate_profile STACKS folded|perf FILE [SEED]");
    ExitCode::from(2)
}

struct Writer<'n> {
    out: BufWriter<File>,
    names: &'n [String],
}

fn folded(writer: &mut Writer<'_>, stack: &[usize], number: u64) -> io::Result<()> {
    write!(writer.out, "app")?;
    for function in stack {
        write!(writer.out, ";{}", writer.names[*function])?;
    }
    writeln!(writer.out, " {}", 1 + number % 7)
}

fn perf(writer: &mut Writer<'_>, stack: &[usize], number: u64) -> io::Result<()> {
    let microseconds = number * 1001;
    let (seconds, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
    writeln!(
        writer.out,
        "app {:5} [{:03}] {seconds:6}.{rest:06}:   10101010 cpu-clock:pppH: ",
        4242,
        number % 4
    )?;
    for function in stack.iter().rev() {
        let address = 0x5555_5555_0000_u64 + *function as u64 * 0x1a0 + number % 0x90;
        writeln!(
            writer.out,
            "\t{address:16x} {}+0x{:x} (/srv/app/bin/app)",
            writer.names[*function],
            number % 0x90
        )?;
    }
    writeln!(writer.out)
}

/// Calls from a function on. Far from the leaf most calls are the same ones; the last two are one of eight.
fn walk(random: &mut Random, stack: &mut Vec<usize>) {
    stack.clear();
    stack.push((random.next() % 3) as usize);
    while stack.len() < 6 || random.next() % 1_000 >= 11 * stack.len() as u64 {
        let mut callee = 0;
        while callee < 9 && random.next() % 100 < 11 {
            callee += 1;
        }
        call(stack, callee);
    }
    (0..2).for_each(|_| call(stack, random.next() % 8));
}

fn call(stack: &mut Vec<usize>, callee: u64) {
    let caller = stack.last().copied().unwrap_or(0) as u64;
    stack.push((Random(caller * 16 + callee + 77).next() % FUNCTIONS) as usize);
}

/// Names as programs have them: of 8 to 45 bytes.
fn name(number: u64) -> String {
    const WORDS: [&str; 16] = [
        "order", "parse", "http", "pool", "serde", "tokio", "render", "cache", "query", "io", "db",
        "template", "json", "user", "net", "session",
    ];
    let mut random = Random(number + 1_000);
    let mut parts: Vec<&str> = Vec::new();
    for _ in 0..1 + random.next() % 4 {
        parts.push(WORDS[(random.next() % 16) as usize]);
    }
    format!("{}_{number}", parts.join("::"))
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
