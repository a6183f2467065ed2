//! Draws a profile, or the difference of two, without the rest of the program: what drawing costs.
//!
//! ```text
//! cargo run --release -p whyslow-flame --example draw_profile -- html|svg|folded|speedscope|pprof OUTPUT PROFILE [AFTER]
//! ```

#![allow(missing_docs, reason = "a program")]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use flame::{Difference, Graph, OUTPUTS, Work};
use profiles::{Profile, read_file};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [form, path, inputs @ ..] = arguments.as_slice() else {
        return Err("FORM OUTPUT PROFILE [AFTER]".into());
    };
    let output = OUTPUTS.iter().find(|output| output.name == form).ok_or("no such form")?;
    let profiles = inputs
        .iter()
        .map(|input| Ok(read_file(Path::new(input))?))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let mut out = BufWriter::new(File::create(path)?);
    match profiles.as_slice() {
        [profile] => (output.write)(&Graph::new(profile, "profile"), &mut out)?,
        [before, after] => {
            let difference = Difference::of(side(before), side(after), "difference")?;
            (output.compare.ok_or("no differences in this form")?)(&difference, &mut out)?;
        }
        _ => return Err("one profile or two".into()),
    }
    Ok(out.flush()?)
}

fn side(profile: &Profile) -> (&Profile, usize, Work) {
    (profile, profile.default_measure, Work::default())
}
