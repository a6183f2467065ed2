//! A command as a run: how long it took, its processor time and memory.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use measurement::{Latency, Run, Sample};
use wait4::Wait4;

/// How a command is run.
#[derive(Debug, Clone, Default)]
pub struct Execution {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Variables that are set for it.
    pub variables: Vec<(OsString, OsString)>,
    /// Variables that are taken from it.
    pub removed: Vec<OsString>,
    /// Where it is run; here where `None`.
    pub folder: Option<std::path::PathBuf>,
    /// Whether what it writes is shown.
    pub is_shown: bool,
}

/// Runs a command to its end. A run has one sample: the time by the clock, the processor time and the most memory of the command
/// and what it waited for.
///
/// # Errors
///
/// The command cannot be started or waited for. One that ends with another code than zero is no error but counts as failed.
pub fn execute(execution: &Execution, name: String) -> io::Result<(Run, ExitStatus)> {
    let (program, arguments) = execution.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(execution.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null());
    execution.removed.iter().for_each(|name| {
        command.env_remove(name);
    });
    if let Some(folder) = &execution.folder {
        command.current_dir(folder);
    }
    if !execution.is_shown {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    let begun = Instant::now();
    let ended = command.spawn()?.wait4()?;
    let took = begun.elapsed();
    let sample = Sample {
        requests: 1,
        errors: Some(u64::from(!ended.status.success())),
        latency: Latency::Single { ps: saturated(took.as_nanos()).saturating_mul(1_000) },
        cpu_ns: Some(saturated((ended.rusage.utime + ended.rusage.stime).as_nanos())),
        memory_bytes: Some(ended.rusage.maxrss),
        ..Sample::default()
    };
    let run = Run {
        name,
        duration_ns: Some(saturated(took.as_nanos())),
        samples: [(String::new(), sample)].into(),
        ..Run::default()
    };
    Ok((run, ended.status))
}

fn saturated(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use measurement::Metric;

    fn run(script: &str) -> io::Result<(Run, ExitStatus)> {
        let command = ["sh", "-c", script].map(OsString::from).to_vec();
        execute(&Execution { command, ..Execution::default() }, "1".to_owned())
    }

    #[test]
    fn time_and_processor_time_are_kept_apart() -> io::Result<()> {
        let (run, status) = run("sleep 0.2; exit 3")?;
        let sample = &run.samples[""];
        assert_eq!((status.code(), sample.errors), (Some(3), Some(1)));
        assert!(sample.value(&Metric::Mean) >= Some(200_000_000_000));
        assert!(sample.value(&Metric::Cpu) < Some(150_000_000_000));
        assert!(sample.value(&Metric::Memory) > Some(100_000));
        Ok(())
    }

    #[test]
    fn a_command_that_is_not_there_is_an_error() {
        let command = vec![OsString::from("/nonexistent/program")];
        assert!(execute(&Execution { command, ..Execution::default() }, String::new()).is_err());
    }
}
