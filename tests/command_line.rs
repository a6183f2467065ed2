//! The program from outside: help, what it refuses and why, how it ends, where reports go.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect};

/// One request without anything below it.
const TRACE: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"GET /orders","kind":2,
"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000350000000","attributes":[
{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"http.route","value":{"stringValue":"/orders"}}]}]}]}]}"#;

/// A folder to run in, with a trace in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("trace.json"), TRACE).unwrap();
    folder
}

fn whyslow(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a command that must be refused, and compares its exit code and what it says.
fn refused(arguments: &[&str], expected: Expect) {
    refused_in(folder().path(), arguments, expected);
}

fn refused_in(folder: &Path, arguments: &[&str], expected: Expect) {
    let output = whyslow(folder, arguments);
    assert_eq!(text(&output.stdout), "");
    let said = text(&output.stderr);
    expected.assert_eq(&format!("{}\n{said}", output.status.code().unwrap()));
}

/// Diagnoses with a settings file that must be refused.
fn settings_refused(settings: &str, expected: Expect) {
    let folder = folder();
    std::fs::write(folder.path().join("whyslow.toml"), settings).unwrap();
    let output = whyslow(folder.path(), &["diagnose", "trace.json"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    let said = said.strip_prefix("error: ").unwrap();
    let home = folder.path().canonicalize().unwrap().join("");
    expected.assert_eq(&said.replace(home.to_str().unwrap(), ""));
}

#[test]
fn a_profile_beside_traces_names_the_function() {
    let folder = tempfile::tempdir().unwrap();
    let stack = "main (shop.py:9);list_orders (shop.py:88);encode (shop.py:120)";
    std::fs::write(
        folder.path().join("cpu.folded"),
        format!("{stack} 90\nmain (shop.py:9);other (shop.py:7) 30\n"),
    )
    .unwrap();
    let traces = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/order-list/as-found.otlp.zst");
    let told = whyslow(folder.path(), &["diagnose", traces, "--profile", "cpu.folded"]);
    let told = text(&told.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "of what cpu.folded shows in all, whatever the request, 75 % is in encode (shop.py:120), called by list_orders";
    assert!(told.contains(expected), "{told}");
    let alone = whyslow(folder.path(), &["diagnose", "--profile", "cpu.folded", "cpu.folded"]);
    assert_eq!(alone.status.code(), Some(3), "folded stacks among the paths are taken for text");
    let hint = "cpu.folded looks like folded stacks: they are read as a profile by --profile cpu.folded\n";
    assert!(text(&alone.stderr).starts_with(hint), "{}", text(&alone.stderr));
    std::fs::write(folder.path().join("few.folded"), "main;work 19\n").unwrap();
    let few = whyslow(folder.path(), &["diagnose", traces, "--profile", "few.folded"]);
    assert!(text(&few.stdout).contains("few.folded: too few samples"), "{}", text(&few.stdout));
    let chosen = whyslow(folder.path(), &["flame", "few.folded", "--endpoint", "GET /*", "-o", "x.html"]);
    assert_eq!(chosen.status.code(), Some(2), "{}", text(&chosen.stderr));
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let nothing = whyslow(folder.path(), &["flame", "empty", "-o", "x.html"]);
    assert_eq!(nothing.status.code(), Some(3), "{}", text(&nothing.stderr));
}

/// The file's name is that of the service; of the other one nobody says whose it is.
#[test]
fn several_profiles_speak_of_their_own_services() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, stack: &str| {
        std::fs::write(folder.path().join(name), format!("main (shop.py:9);{stack} 90\n")).unwrap();
    };
    write("other.folded", "wrong (other.py:3)");
    write("shop.folded", "encode (shop.py:120)");
    let traces = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/order-list/as-found.otlp.zst");
    let both = ["diagnose", traces, "--profile", "other.folded", "--profile", "shop.folded"];
    let told = text(&whyslow(folder.path(), &both).stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("of what shop.folded shows in all, whatever the request, 100 % is in encode"),
        "{told}"
    );
    assert!(!told.contains("wrong"), "{told}");
    assert!(told.contains("which service each is of is told by the name of its file alone"), "{told}");
}

#[test]
fn which_of_several_measures_is_written_is_told() {
    let heap = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/tests/fixtures/pprof/node-heap.pb.gz");
    let folder = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let told = whyslow(folder.path(), &[&["flame", heap], arguments].concat());
        assert_eq!(told.status.code(), Some(0));
        text(&told.stderr)
    };
    let hint = "of several measures inuse_space is written; --measure chooses another: inuse_objects";
    assert!(said(&["--format", "folded"]).contains(hint));
    assert!(!said(&["--format", "folded", "--measure", "inuse_objects"]).contains("of several measures"));
    assert!(!said(&["-o", "heap.html"]).contains("of several measures"));
}

#[cfg(feature = "self-profile")]
#[test]
fn whyslow_itself_can_be_looked_at() {
    let folder = folder();
    let traces = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/order-list/as-found.otlp.zst");
    let arguments = ["--self-profile", "self.html", "diagnose", traces, "--format", "json"];
    let looked_at = whyslow(folder.path(), &arguments);
    assert_eq!((looked_at.status.code(), text(&looked_at.stderr)), (Some(0), String::new()));
    assert!(text(&looked_at.stdout).starts_with('{'), "what is asked for is done");
    let page = std::fs::read_to_string(folder.path().join("self.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("whyslow itself"));
    let failed = whyslow(folder.path(), &["--self-profile", "again.html", "diagnose", "missing.json"]);
    assert_eq!(failed.status.code(), Some(3), "{}", text(&failed.stderr));
    assert!(folder.path().join("again.html").exists(), "what fails is looked at, too");
    let version = whyslow(folder.path(), &["--self-profile", "none.html", "--version"]);
    assert!(version.status.success() && text(&version.stdout).starts_with("whyslow "));
    assert_eq!(text(&version.stderr), "--self-profile: no command is run, so that nothing is written\n");
    assert!(!folder.path().join("none.html").exists());
}

#[test]
fn help() {
    let help = |arguments: &[&str]| text(&whyslow(folder().path(), arguments).stdout);
    expect![[r#"
        Says why a backend is slow, and what each fix would give back.

        Give it traces, or let it run what is slow: it says for each endpoint where the time goes, what to
        fix first, and how fast the endpoint will be after each fix.

        Usage: whyslow [OPTIONS] <COMMAND>

        Commands:
          diagnose     Reads traces and logs, and says, for each endpoint, where its time goes and what to
                       fix first
          run          Runs a command, collects its OpenTelemetry traces and says why it is slow
          plan         Says where the time of a plan goes and what is wrong with it
          index        Says which indexes statements lack, what they would give back, and why a statement
                       gets none
          measure      Makes runs of a command, or of a load by HTTP, and keeps what they give
          compare      Compares runs of a load or benchmark tool from before a change with runs from after
                       it
          flame        Draws where time or memory went: profiles, requests, plans
          ci           Compares the statements that requests send with a baseline: what came, what
                       multiplied
          ledger       Records optimizations with their proof, and checks that they stay in force
          probe        Asks an address with and without compression, and measures its answers
          next         Says where you are in the method and what to do now, with the command to copy
          rules        Lists the flaws that whyslow finds, or explains one
          demo         Diagnoses a recorded case, to show what a diagnosis looks like
          completions  Prints completions of commands, options and their values for a shell
          man          Prints the manual page of the program or of a command, in troff
          help         Print this message or the help of the given subcommand(s)

        Options:
              --self-profile <FILE>
                  Also draw where the time of whyslow itself goes: a flame graph, as a page for a browser.
                  Time within the C library is not seen

          -h, --help
                  Print help (see a summary with '-h')

          -V, --version
                  Print version

        Examples:
          whyslow demo                        what a diagnosis looks like
          whyslow diagnose traces.json        traces that were recorded before
          whyslow plan plan.txt               where the time of a plan of EXPLAIN goes
          whyslow index plans.txt             which indexes its statements lack
          whyslow run -- npm test             record them now, from any command
          whyslow next                        what to do now: measure, change one thing, measure again
          whyslow ci check --traces t.otlp    whether requests send more statements than accepted
          whyslow ledger why src/orders.rs:7  which optimization a line comes from
          whyslow compare before/ after/      whether runs of a load tool got better
          whyslow flame cpu.pb.gz -o cpu.html where a profiler saw the time go
          whyslow rules n-plus-one            what a finding means
    "#]]
    .assert_eq(&help(&["--help"]));
    expect![[r#"
        Reads traces and logs, and says, for each endpoint, where its time goes and what to fix first

        Usage: whyslow diagnose [OPTIONS] [PATH]...

        Arguments:
          [PATH]...  Files and folders to read together; `-` is standard input

        Options:
              --compare         Compare two recordings, the first before a change and the second after it:
                                latency, statements and findings per request; --fail-on finding then means
                                one that came
              --profile <FILE>  What a profiler saw of the services meanwhile: names the function where own
                                code is slow. Profiles among the paths are told by their content, but for
                                folded stacks, which look like other text
          -h, --help            Print help (see more with '--help')

        From a store of traces:
              --from <KIND> <URL>     Ask a store instead of reading files: jaeger or tempo, and its address
              --service <NAME>        The service that takes part in the traces
              --since <DURATION>      From so long ago until now [default: 1h]
              --limit <N>             So many traces at most [default: 1000]
              --token-env <VARIABLE>  The variable that holds a token [default: WHYSLOW_TOKEN]
              --token-file <FILE>     The file that holds a token
              --tenant <ID>           The tenant that is asked for (X-Scope-OrgID)
              --timeout <DURATION>    An answer must have come whole within this time [default: 60s]
              --ca <FILE>             Trust these certificates, too (PEM)

        Logs:
              --map <MAP>                 What the members of a log mean whose lines are JSON or name=value,
                                          such as 'duration=elapsed_ms,path=url,time=at'; see docs/logs.md
              --log-format <FORMAT>       The columns of an access log, in the words of the server:
                                          log_format of nginx, LogFormat of Apache, access_log_format of
                                          gunicorn
              --log-line-prefix <PREFIX>  What PostgreSQL puts in front of each line of its log, where it
                                          cannot be found out: its log_line_prefix, or @FILE for that of a
                                          postgresql.conf
              --log-sample-rate <RATE>    PostgreSQL logs this part of its statements
                                          (log_statement_sample_rate): counts and times are scaled;
                                          '0.1<250ms' where all of 250 ms and longer are logged
              --anonymize <FOLDER>        Also write a copy of each query log into this folder that can be
                                          shared: values of statements, parameters and messages, hosts and
                                          addresses become tokens, the same value the same token in all of
                                          them; names and times stay
              --show-values               Show statements of logs with their values: of each that the report
                                          tells of the slowest execution, as it is in the log. Without it no
                                          value is in a report
              --since-last                Read only what came to logs since the last time, also where they
                                          were renamed, compressed or truncated in between; the first time
                                          reads all
              --state <FILE>              Remember in this file how far logs were read [default:
                                          whyslow/since-last.json in $XDG_STATE_HOME or ~/.local/state]

        From a live PostgreSQL:
              --db <ADDRESS>  Add what this server knows: statements that it has counted
                              (pg_stat_statements), sessions that hold up others, connections, health of
                              tables and indexes. An address such as postgres://reader@db.example/shop,
                              'host=… dbname=…', or the name of a database. Nothing is executed

        Diagnosis:
              --target <TARGET>  What an endpoint must keep, such as 'GET /orders p99<500ms'; a service may
                                 come first ('shop: GET /orders p99<0.5s'); can be given several times
              --format <FORMAT>  The report's form [default: text] [possible values: text, json, markdown,
                                 html, sarif]
          -o, --output <FILE>    Write the report to this file, whole or not at all
              --endpoint <GLOB>  Report on these endpoints only; `*` stands for anything
              --top <N>          Report the first N findings only; what has one cause at several endpoints
                                 counts once
              --fail-on <WHAT>   End with 1 when there is a finding (that is neither accepted nor of low
                                 confidence), or when a target is missed [possible values: finding, target]
              --memory <SIZE>    Hold so much evidence in memory; what is more goes to temporary files
                                 [default: 256MiB]
              --threads <N>      Threads that read and inspect [default: one for each core]
              --config <FILE>    The settings file [default: whyslow.toml here or in the nearest folder
                                 above]
              --show <N>         Show the finding of this number only, with a request that shows it drawn in
                                 time: as measured, and with the fix
          -v, --verbose          Also tell what was considered and dismissed, leads of low confidence, and
                                 ranges

        Examples:
          whyslow diagnose traces.json
          whyslow diagnose exports/ --target 'GET /orders p99<500ms'
          zcat traces.json.gz | whyslow diagnose - --format json --output report.json
          whyslow diagnose traces.pb --endpoint 'GET /orders*' -v
          whyslow diagnose traces.json --fail-on target      (in CI)
          whyslow diagnose --compare before.json after.json
          whyslow diagnose postgresql.log mysql-slow.log
          whyslow diagnose access.log --target 'GET /orders/{id} p99<500ms'
          whyslow diagnose postgresql.log --anonymize shared/
          whyslow diagnose /var/log/postgresql/ --since-last      (each hour)
          whyslow diagnose app.log --map duration=elapsed_ms,path=url,time=at
          whyslow diagnose --from jaeger http://localhost:16686 --service shop --since 1h

        Exit codes:
          0  done
          1  what --fail-on names has happened
          2  arguments or settings that make no sense
          3  nothing usable was read, an endpoint that was asked for was not seen, or a target could
             not be checked
    "#]]
    .assert_eq(&help(&["diagnose", "-h"]));
}

#[test]
fn arguments_that_make_no_sense() {
    refused(
        &["diagnose"],
        expect![[r#"
        2
        error: the following required arguments were not provided:
          <PATH>...

        Usage: whyslow diagnose <PATH>...

        For more information, try '--help'.
    "#]],
    );
    refused(
        &["diagnose", "-", "-"],
        expect![[r#"
        2
        error: standard input (`-`) can be read once only
    "#]],
    );
    refused(
        &["diagnose", "trace.json", "--target", "GET /orders"],
        expect![[r#"
        2
        error: invalid value 'GET /orders' for '--target <TARGET>': no `<`; expected such as 'GET /orders p99<500ms' or 'shop: GET /orders p99<0.5s'

        For more information, try '--help'.
    "#]],
    );
    refused(
        &["diagnose", "trace.json", "--target", "GET /orders p98<1s"],
        expect![[r#"
        2
        error: invalid value 'GET /orders p98<1s' for '--target <TARGET>': `p98` is none of p50, p95, p99 and max; expected such as 'GET /orders p99<500ms' or 'shop: GET /orders p99<0.5s'

        For more information, try '--help'.
    "#]],
    );
    refused(
        &["diagnose", "trace.json", "--target", "GET /orders p99<500"],
        expect![[r#"
        2
        error: invalid value 'GET /orders p99<500' for '--target <TARGET>': `500` has no unit: write 500ms or 500s (ns, us, ms, s, min, h); expected such as 'GET /orders p99<500ms' or 'shop: GET /orders p99<0.5s'

        For more information, try '--help'.
    "#]],
    );
    refused(
        &["diagnose", "trace.json", "--format", "xml"],
        expect![[r#"
            2
            error: invalid value 'xml' for '--format <FORMAT>'
              [possible values: text, json, markdown, html, sarif]

              tip: a similar value exists: 'html'

            For more information, try '--help'.
        "#]],
    );
    refused(
        &["diagnose", "trace.json", "--memory", "much"],
        expect![[r#"
        2
        error: invalid value 'much' for '--memory <SIZE>': expected a size such as 256MiB or 2GB

        For more information, try '--help'.
    "#]],
    );
    refused(
        &["diagnose", "trace.json", "--threads", "0"],
        expect![[r#"
        2
        error: invalid value '0' for '--threads <N>': expected a whole number, 1 or more

        For more information, try '--help'.
    "#]],
    );
    refused(
        &["diagnose", "trace.json", "--fail-on", "target"],
        expect![[r#"
        2
        error: --fail-on target: there is no target; give --target or [[target]] in whyslow.toml
    "#]],
    );
    refused(
        &["diagnose", "trace.json", "--config", "none.toml"],
        expect![[r#"
        2
        error: cannot read none.toml: No such file or directory (os error 2)
    "#]],
    );
    let unknown = whyslow(folder().path(), &["rules", "n-plus-two"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).starts_with("error: unknown rule `n-plus-two`; "));
}

#[test]
fn settings_that_make_no_sense() {
    settings_refused(
        "[[target]]\nendpoint = \"GET /orders\"\np98 = \"1s\"",
        expect![[r#"
        whyslow.toml:3:1: unknown key `p98` in target; did you mean `p95`?
    "#]],
    );
    settings_refused(
        "[[targets]]\nendpoint = \"GET /orders\"",
        expect![[r#"
        whyslow.toml:1:3: unknown key `targets`; did you mean `target`?
    "#]],
    );
    settings_refused(
        "[[target]]\np99 = \"1s\"",
        expect![[r#"
        whyslow.toml:1:1: a target needs an `endpoint`, such as "GET /orders"
    "#]],
    );
    settings_refused(
        "[[target]]\nendpoint = \"GET /orders\"\np99 = 500",
        expect![[r#"
            whyslow.toml:3:7: `p99` must be a text, such as p99 = "500ms"
        "#]],
    );
    settings_refused(
        "[[target]]\nendpoint = \"GET /orders\"\np99 = \"soon\"",
        expect![[r#"
        whyslow.toml:3:7: expected a duration such as 250ms, 30s or 5m
    "#]],
    );
    settings_refused(
        "[[target]]\nendpoint = \"GET /orders\"\np99 = \"500\"",
        expect![[r#"
        whyslow.toml:3:7: `500` has no unit: write 500ms or 500s (ns, us, ms, s, min, h)
    "#]],
    );
    settings_refused(
        "[[target]]\nendpoint = \"GET /orders\"",
        expect![[r#"
        whyslow.toml:1:1: a target needs a bound, such as p99 = "500ms"
    "#]],
    );
    settings_refused(
        "target = 1",
        expect![[r#"
        whyslow.toml:1:10: `target` must be a list of tables, each begun with [[target]]
    "#]],
    );
    settings_refused(
        "[[accept]]\nfinding = \"slow-query-77b0\"",
        expect![[r#"
        whyslow.toml:1:1: an acceptance needs a `reason`
    "#]],
    );
    settings_refused(
        "[[accept]]\nreason = \"it is fine\"\nendpoint = \"*\"",
        expect![[r#"
        whyslow.toml:1:1: an acceptance needs a `finding` (an id), or `detector`, `endpoint` and `shape` ("*" fits all)
    "#]],
    );
    let expired = "[[accept]]\nfinding = \"slow-query-77b0\"\nreason = \"known\"\nuntil = 2020-02-29";
    settings_refused(
        expired,
        expect![[r#"
        whyslow.toml:4:9: this acceptance ended on 2020-02-29; decide again: fix it, or set a later `until`
    "#]],
    );
    settings_refused(
        "[[accept]]\nfinding = \"a\"\nreason = \"known\"\nuntil = \"soon\"",
        expect![[r#"
        whyslow.toml:4:9: `until` must be a date, such as 2027-03-31
    "#]],
    );
    settings_refused(
        "[[override]]\nendpoint = \"*\"",
        expect![[r#"
        whyslow.toml:1:1: an override changes nothing; add such as detector.n-plus-one.repeats_min = 10
    "#]],
    );
    settings_refused(
        "# größe\na = \"ü\" b",
        expect![[r#"
        whyslow.toml:2:9: unexpected key or value, expected newline, `#`
    "#]],
    );
}

#[test]
fn the_nearest_settings_file_above_is_used_unless_another_is_named() {
    let folder = folder();
    let below = folder.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(folder.path().join("whyslow.toml"), "wrong = 1").unwrap();
    std::fs::write(folder.path().join("other.toml"), "").unwrap();
    let trace = "../../trace.json";
    assert_eq!(whyslow(&below, &["diagnose", trace]).status.code(), Some(2));
    let other = whyslow(&below, &["diagnose", trace, "--config", "../../other.toml"]);
    assert_eq!(other.status.code(), Some(0), "{}", text(&other.stderr));
}

#[test]
fn rules_lists_all_and_explains_each() {
    let folder = folder();
    let list = text(&whyslow(folder.path(), &["rules"]).stdout);
    assert_eq!(list.lines().count(), detectors::ALL.len());
    for detector in detectors::ALL {
        assert!(list.contains(&format!("  {}\n", detector.summary)), "{list}");
        let page = text(&whyslow(folder.path(), &["rules", detector.id]).stdout);
        assert!(page.starts_with(&format!("# {}: {}\n", detector.id, detector.summary)));
        assert!(page.contains("## Remedy"), "{page}");
        assert!(detector.settings.iter().all(|setting| page.contains(setting.why)), "{page}");
    }
}

#[test]
fn a_report_replaces_a_file_whole() {
    let folder = folder();
    let path = folder.path().join("report.json");
    std::fs::write(&path, "older").unwrap();
    let report = ["diagnose", "trace.json", "--format", "json", "--output", "report.json"];
    let output = whyslow(folder.path(), &report);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()));
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside it");
    let device = whyslow(folder.path(), &["diagnose", "trace.json", "--output", "/dev/null"]);
    assert_eq!(device.status.code(), Some(0));
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    refused(
        &["diagnose", "trace.json", "--output", "none/report"],
        expect![[r#"
            3
            error: cannot write none/report: none is no folder
        "#]],
    );
}

#[test]
fn what_cannot_be_checked_is_no_success() {
    let missing = ["diagnose", "trace.json", "--output", "/dev/null", "--fail-on", "target", "--target"];
    refused(
        &[&missing[..], &["GET /nowhere p99<1s"]].concat(),
        expect![[r#"
            3
            error: no request was seen at GET /nowhere, which has a target; seen: GET /orders
        "#]],
    );
}

#[test]
fn an_endpoint_that_is_not_seen_is_no_success() {
    refused(
        &["diagnose", "trace.json", "--output", "/dev/null", "--endpoint", "GET /oders/:id"],
        expect![[r#"
            3
            error: no endpoint fits GET /oders/{id}; seen: GET /orders
        "#]],
    );
    let told = whyslow(folder().path(), &["diagnose", "trace.json", "--endpoint", "GET /none"]);
    let told = text(&told.stdout);
    assert!(
        told.starts_with("nothing to tell of what was asked for\n") && told.contains("; seen: "),
        "{told}"
    );
}

#[test]
fn a_target_that_fits_nothing_is_noted_with_what_was_seen() {
    let told = whyslow(folder().path(), &["diagnose", "trace.json", "--target", "GET /none p99<1s"]);
    assert_eq!(told.status.code(), Some(0));
    let told = text(&told.stdout);
    assert!(told.contains("a target fits no endpoint: GET /none; seen: "), "{told}");
}

#[test]
fn inputs_that_cannot_be_read() {
    refused(
        &["diagnose", "none.json"],
        expect![[r#"
        3
        error: cannot read none.json: No such file or directory (os error 2)
    "#]],
    );
    refused(
        &["diagnose", "-"],
        expect![[r#"
            3
            error: cannot read stdin: in no format that is known (traces and logs, plain, gzip or zstd; docs/formats.md lists them): it is empty
        "#]],
    );
}

#[test]
fn accepted_but_not_found_is_a_warning() {
    let folder = folder();
    let settings = "[[accept]]\nfinding = \"slow-query-77b0\"\nreason = \"known\"\nuntil = 9999-12-31";
    std::fs::write(folder.path().join("whyslow.toml"), settings).unwrap();
    let output = whyslow(folder.path(), &["diagnose", "trace.json"]);
    assert_eq!(output.status.code(), Some(0));
    let warning = "warning: accepted, but not found (any more): slow-query-77b0\n";
    assert_eq!(text(&output.stderr), warning);
}

#[test]
fn who_accepted_a_finding_is_told() {
    let folder = folder();
    let settings = "[[accept]]\ndetector = \"n-plus-one\"\nendpoint = \"*\"\nshape = \"*\"\n\
                    reason = \"known\"\nowner = \"shop team\"\nuntil = 9999-12-31";
    std::fs::write(folder.path().join("whyslow.toml"), settings).unwrap();
    let fixture =
        concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/n-plus-one/customer-of-each-order/trace.otlp.zst");
    let told = text(&whyslow(folder.path(), &["diagnose", fixture]).stdout);
    assert!(told.contains(": known (shop team, until 9999-12-31)\n"), "{told}");
    let json = whyslow(folder.path(), &["diagnose", fixture, "--format", "json"]).stdout;
    let report: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let finding = &report["findings"][0];
    let accepted = ["accepted", "accepted_owner", "accepted_until"].map(|key| finding[key].as_str().unwrap());
    assert_eq!(accepted, ["known", "shop team", "9999-12-31"]);
}

#[test]
fn a_folder_without_files_says_what_was_looked_for() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("exports")).unwrap();
    std::fs::write(folder.path().join("exports/.hidden"), "{}").unwrap();
    let output = whyslow(folder.path(), &["diagnose", "exports"]);
    assert_eq!(output.status.code(), Some(3));
    expect![[r#"
        error: nothing usable in exports: there is no file in it; looked for files (no hidden ones) with OTLP traces as JSON or protobuf, plain, gzip or zstd
    "#]].assert_eq(&text(&output.stderr));
}

#[test]
fn a_folder_full_of_other_files_is_told_briefly() {
    let folder = folder();
    for number in 0..9 {
        std::fs::write(folder.path().join(format!("{number}.txt")), "no trace").unwrap();
    }
    let output = whyslow(folder.path(), &["diagnose", ".", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let notes = report["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 6, "{notes:?}");
    assert_eq!(notes[5], "4 further inputs could not be read");
}

#[test]
fn a_pipe_is_as_wide_as_the_environment_says() {
    let folder = folder();
    let widest = |columns: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
        command.args(["diagnose", "trace.json"]).current_dir(folder.path()).env("COLUMNS", columns);
        let told = text(&command.output().unwrap().stdout);
        told.lines().map(|line| line.chars().count()).max().unwrap()
    };
    assert!(widest("60") <= 60);
    assert!((61..=100).contains(&widest("")));
    assert!((61..=100).contains(&widest("wide")));
}

/// As in `whyslow … | head`.
#[test]
fn a_reader_that_has_enough_is_no_error() {
    let folder = folder();
    let script = "\"$0\" diagnose trace.json --format json | true; exit ${PIPESTATUS[0]}";
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_whyslow")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn the_demo_needs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("whyslow.toml"), "not for the demo").unwrap();
    let demo = whyslow(folder.path(), &["demo", "--top", "1", "--fail-on", "target"]);
    let said = text(&demo.stdout);
    assert_eq!(demo.status.code(), Some(1), "the target is missed: {}", text(&demo.stderr));
    assert!(said.contains("1  n-plus-one  SELECT"), "{said}");
}

/// `script` of util-linux gives it a terminal, here of 60 columns.
#[test]
fn colours_are_for_terminals_that_want_them() {
    let folder = folder();
    let on_terminal = |variables: &str| {
        let program = env!("CARGO_BIN_EXE_whyslow");
        let line = format!("stty cols 60 rows 30; {variables} '{program}' diagnose trace.json");
        let mut command = Command::new("script");
        command.args(["-qefc", &line, "/dev/null"]).current_dir(folder.path()).stdin(Stdio::null());
        text(&command.env("TERM", "xterm").env_remove("NO_COLOR").env_remove("CI").output().unwrap().stdout)
    };
    let coloured = on_terminal("");
    assert!(coloured.contains("\u{1b}[1m"), "{coloured}");
    let plain = on_terminal("NO_COLOR=1");
    assert!(!plain.contains('\u{1b}') && plain.contains("seen"), "{plain}");
    assert!(plain.lines().all(|line| line.chars().count() <= 60), "{plain}");
    assert!(!on_terminal("TERM=dumb").contains('\u{1b}'));
    let piped = text(&whyslow(folder.path(), &["diagnose", "trace.json"]).stdout);
    assert!(!piped.contains('\u{1b}'));
}

#[test]
fn more_threads_than_a_system_starts_are_no_trouble() {
    let output = whyslow(folder().path(), &["diagnose", "trace.json", "--threads", "1000000"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn no_findings_at_all_cannot_be_asked_for() {
    let output = whyslow(folder().path(), &["diagnose", "trace.json", "--top", "0"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn shells_complete_commands_and_options() {
    for (shell, known) in [("bash", "--fail-on"), ("zsh", "diagnose"), ("fish", "markdown")] {
        let told = whyslow(folder().path(), &["completions", shell]);
        assert!(told.status.success() && text(&told.stdout).contains(known), "{shell}");
    }
    let script = folder();
    let completions = script.path().join("whyslow.bash");
    std::fs::write(&completions, whyslow(script.path(), &["completions", "bash"]).stdout).unwrap();
    let line = "source \"$0\"; COMP_WORDS=(whyslow dia); COMP_CWORD=1; _whyslow whyslow dia whyslow; echo \"${COMPREPLY[@]}\"";
    let shell = Command::new("bash").args(["-c", line]).arg(&completions).output().unwrap();
    assert_eq!(text(&shell.stdout).trim(), "diagnose", "{}", text(&shell.stderr));
}

#[test]
fn manual_pages_are_made_from_the_help() {
    let page = text(&whyslow(folder().path(), &["man"]).stdout);
    assert!(page.starts_with(".ie") && page.contains(".TH whyslow 1"), "{page}");
    let page = text(&whyslow(folder().path(), &["man", "diagnose"]).stdout);
    assert!(page.contains(".TH whyslow-diagnose 1") && page.contains("fail\\-on"), "{page}");
    let page = text(&whyslow(folder().path(), &["man", "ci", "check"]).stdout);
    assert!(page.contains("whyslow\\-ci\\-check") && page.contains("baseline"), "{page}");
    let wrong = whyslow(folder().path(), &["man", "bake"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains(
        "there are diagnose, run, plan, index, measure, compare, flame, ci, ledger, probe, next, rules, demo, completions, man"
    ));
}

#[test]
fn two_recordings_are_compared() {
    let [before, after] = ["as-found", "customers-joined"]
        .map(|name| format!("{}/fixtures/order-list/{name}.otlp.zst", env!("CARGO_MANIFEST_DIR")));
    let compared =
        whyslow(folder().path(), &["diagnose", "--compare", &before, &after, "--fail-on", "finding"]);
    let told = text(&compared.stdout);
    assert_eq!(compared.status.code(), Some(0), "{told}");
    let gone = told.split("findings that are gone").nth(1).unwrap();
    assert!(gone.contains("n-plus-one") && !gone.contains("blocking-call"), "{told}");
    let back = whyslow(folder().path(), &["diagnose", "--compare", &after, &before, "--fail-on", "finding"]);
    assert_eq!(back.status.code(), Some(1), "a loop came: {}", text(&back.stdout));
    let one = whyslow(folder().path(), &["diagnose", "--compare", &before]);
    assert_eq!(one.status.code(), Some(2));
    assert!(text(&one.stderr).contains("two paths"));
    let page = whyslow(folder().path(), &["diagnose", "--compare", &before, &after, "--format", "html"]);
    assert_eq!(page.status.code(), Some(2));
}
