//! `whyslow flame` from outside: files, standard input, a running program, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// A folder with two profiles.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("before.folded"), "main;a 30\nmain;b 10\n").unwrap();
    std::fs::write(folder.path().join("after.folded"), "main;a 10\nmain;c 5\nno number\n").unwrap();
    folder
}

/// Runs the command with something on standard input.
fn flame(arguments: &[&str], input: &str) -> Output {
    let folder = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    command.arg("flame").args(arguments).current_dir(folder.path());
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A command that is refused reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The exit code and what is said of a command that must be refused.
fn refused(arguments: &[&str]) -> (i32, String) {
    let output = flame(arguments, "");
    assert_eq!(text(&output.stdout), "");
    (output.status.code().unwrap(), text(&output.stderr))
}

#[test]
fn a_page_is_the_default() {
    let page = text(&flame(&["before.folded"], "").stdout);
    assert!(page.starts_with("<!doctype html>") && page.contains("<title>before.folded</title>"));
}

#[test]
fn standard_input_is_read_where_no_file_is_named() {
    assert_eq!(text(&flame(&["--format", "folded"], "x;y 2\nx;y 1\n").stdout), "x;y 3\n");
}

#[test]
fn what_is_skipped_is_told() {
    let output = flame(&["--format", "folded", "after.folded"], "");
    assert_eq!(text(&output.stdout), "main;a 10\nmain;c 5\n");
    let said = text(&output.stderr);
    assert!(said.starts_with("1 skipped: ") && said.ends_with("first at line 3\n"), "{said}");
}

#[test]
fn a_difference_has_both_sides() {
    let output = flame(&["--compare", "before.folded", "after.folded", "--format", "folded"], "");
    assert_eq!(text(&output.stdout), "main;a 30 10\nmain;b 10 0\nmain;c 0 5\n");
}

fn fixture(name: &str) -> String {
    format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn requests_are_drawn_by_what_they_wait_for() {
    let recording = fixture("order-list/as-found.otlp.zst");
    let drawn = text(&flame(&[&recording, "--endpoint", "GET /orders", "--format", "folded"], "").stdout);
    assert!(drawn.starts_with("shop GET /orders "), "{drawn}");
    assert!(drawn.contains(";payments POST /charge "), "{drawn}");
    let page = text(&flame(&[&recording, "--endpoint", "GET /orders"], "").stdout);
    assert!(page.contains("<title>GET /orders in as-found.otlp.zst</title>"));
    let (code, said) = refused(&[&recording, "--endpoint", "GET /nothing", "--format", "folded"]);
    let told = "error: no endpoint fits GET /nothing; seen: GET /orders, POST /charge\n";
    assert_eq!((code, said.as_str()), (3, told));
}

/// What others wait for stands at the root; of the slowest requests it has a part of what it has of all.
#[test]
fn requests_that_others_wait_for_are_chosen_by_their_endpoint() {
    let recording = fixture("order-list/as-found.otlp.zst");
    let drawn = |more: &[&str]| {
        let arguments = [&[&*recording, "--endpoint", "POST /charge", "--format", "folded"], more].concat();
        let drawn = text(&flame(&arguments, "").stdout);
        let (stack, value) = drawn.trim_end().rsplit_once(' ').unwrap();
        assert_eq!(stack, "payments POST /charge");
        value.parse::<u64>().unwrap()
    };
    let (all, slowest) = (drawn(&[]), drawn(&["--slowest", "5"]));
    assert!(slowest > 0 && slowest < all / 2, "{slowest} of {all}");
}

/// A service that listens on another port in each run is the same one.
#[test]
fn ports_of_a_run_do_not_make_another_step() {
    let [before, after] = ["as-found", "payment-deferred"].map(|name| {
        let drawn = flame(&[&fixture(&format!("order-list/{name}.otlp.zst")), "--format", "folded"], "");
        text(&drawn.stdout)
    });
    for drawn in [&before, &after] {
        assert!(drawn.contains("POST http://127.0.0.1:{port}/charge"), "{drawn}");
    }
}

#[test]
fn plans_within_logs_are_drawn_where_they_are_asked_for() {
    let log = fixture("missing-index/visitor-in-a-plan-of-text/postgresql.log.zst");
    let drawn = text(&flame(&[&log, "--plans", "--format", "folded"], "").stdout);
    assert!(drawn.contains(";Limit;Gather Merge;Sort;Parallel Seq Scan on visits "), "{drawn}");
    let requests = flame(&[&log, "--format", "folded"], "");
    assert!(!text(&requests.stdout).contains("Seq Scan"));
    let told = text(&requests.stderr);
    assert!(told.starts_with("plans of 1 statement are in the logs, which --plans draws\n"), "{told}");
    let page = text(&flame(&[&log, "--plans"], "").stdout);
    assert!(page.contains("<title>postgresql.log.zst</title>"));
}

#[test]
fn plans_are_drawn_by_the_time_of_their_nodes() {
    let drawn = text(
        &flame(&[&fixture("memoize-thrash/keys-that-never-come-again/plan.json"), "--format", "folded"], "")
            .stdout,
    );
    assert!(drawn.contains(";Nested Loop;Memoize;Index Scan on orders o using orders_pkey "), "{drawn}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refusals: &[(&[&str], &str)] = &[
        (&["--compare", "before.folded"], "--compare takes two files, before and after: 1 given"),
        (
            &["--compare", "before.folded", "after.folded", "--format", "svg"],
            "--compare has no form svg: html and folded",
        ),
        (&["before.folded", "--measure", "alloc"], "--measure alloc: the profile has value"),
    ];
    for (arguments, said) in refusals {
        assert_eq!(refused(arguments), (2, format!("error: {said}\n")));
    }
}

#[test]
fn what_is_no_profile_is_told() {
    let (code, said) = refused(&["-", "--format", "folded"]);
    assert_eq!(code, 3);
    assert!(said.starts_with("error: cannot read stdin: "), "{said}");
}

#[cfg(feature = "client")]
mod a_running_program {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::{flame, refused, text};

    /// Answers one request with a profile; gives its address.
    fn serve() -> String {
        serve_as("200 OK", "main;a 7\n")
    }

    /// Answers one request; gives its address.
    fn serve_as(status: &'static str, body: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address =
            format!("http://{}/debug/pprof/profile?seconds=1&key=secret", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let asked = lines.next().unwrap();
            assert!(asked.starts_with("GET /debug/pprof/profile?seconds=1&key=secret "), "{asked}");
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn gives_its_profile() {
        let page = text(&flame(&["--url", &serve(), "--format", "folded"], "").stdout);
        assert_eq!(page, "main;a 7\n");
    }

    #[test]
    fn keeps_its_query_to_itself() {
        let page = text(&flame(&["--url", &serve()], "").stdout);
        assert!(page.contains("/debug/pprof/profile</title>") && !page.contains("secret"));
        let (code, said) = refused(&["--url", "http://127.0.0.1:1/x?key=secret"]);
        assert!(code == 3 && !said.contains("secret"), "{said}");
    }

    #[test]
    fn says_why_there_is_no_profile() {
        let (code, said) = refused(&["--url", &serve_as("200 OK", "")]);
        assert!(code == 3 && said.ends_with(" gave an empty answer: no profile is in it\n"), "{said}");
        let (code, said) = refused(&["--url", &serve_as("401 Unauthorized", "no")]);
        let help = "; a token is given by the variable WHYSLOW_TOKEN or --token-env\n";
        assert!(code == 3 && said.ends_with(help), "{said}");
    }

    #[test]
    fn has_an_address_of_its_kind() {
        let (code, said) = refused(&["--url", "ftp://localhost/x"]);
        assert_eq!(code, 2);
        assert!(said.starts_with("error: --url: the URL is not of http or https"), "{said}");
    }
}
