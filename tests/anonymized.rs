//! Copies of query logs: the report is the same as of the log, and no value is in them.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use detectors::finding::Report;
use detectors::settings::Settings;
use whyslow::anonymized;
use whyslow::diagnosis::{Request, diagnose};
use whyslow::ingest::Input;

/// Formats of which copies are made.
const COPIED: [&str; 5] =
    ["postgresql-log", "postgresql-csvlog", "postgresql-jsonlog", "mysql-slow-log", "mysql-general-log"];

/// The report of a log, without what tells where it lies and what was not read of it.
fn report(folder: &Path, name: &str) -> Report {
    let file = fs::File::open(folder.join(name)).unwrap();
    let input = Input::Stream { name: name.into(), stream: Box::new(file) };
    let request = Request {
        settings: Settings::default(),
        memory_bytes: 256 << 20,
        threads: 1,
        command: String::new(),
        log_form: None,
        show_values: false,
        sampled: detectors::evidence::sampled::SampledProfiles::default(),
    };
    let report = diagnose(vec![input], &request, &|_| {}).unwrap();
    Report { skipped: Default::default(), ..report }
}

fn decompressed(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap();
    let mut plain = Vec::new();
    match file.extension().is_some_and(|extension| extension == "zst") {
        true => drop(zstd::Decoder::new(&bytes[..]).unwrap().read_to_end(&mut plain).unwrap()),
        false => plain = bytes,
    }
    plain
}

/// All recorded logs of databases.
fn recorded() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let entries =
        |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let formats = COPIED.iter().flat_map(|format| entries(fixtures.join("formats").join(format)));
    let cases = entries(fixtures.clone()).flat_map(entries).flat_map(entries);
    let is_log = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_case =
            ["postgresql.", "slow."].iter().any(|begin| name.starts_with(begin)) && name.ends_with(".zst");
        is_case || [".log", ".csv", ".json"].iter().any(|end| name.ends_with(end))
    };
    let is_case = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("postgresql.") || name.starts_with("slow.")
    };
    let mut all: Vec<PathBuf> = formats.filter(is_log).chain(cases.filter(is_log).filter(is_case)).collect();
    all.sort();
    all
}

/// Where a finding needs a value: an index on `visitor % 50` is one on a value, of which a copy has a token only.
const OF_VALUES: &str = "visits-by-an-expression";

#[test]
fn reports_of_copies_are_those_of_the_logs() {
    let logs = recorded();
    assert!(logs.len() > 20, "{logs:?}");
    for log in logs.into_iter().filter(|log| !log.parent().unwrap().ends_with(OF_VALUES)) {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = log.file_name().unwrap().to_str().unwrap().trim_end_matches(".zst");
        fs::write(here.path().join(name), decompressed(&log)).unwrap();
        anonymized::write(&[here.path().join(name)], there.path()).unwrap();
        assert_eq!(report(there.path(), name), report(here.path(), name), "{}", log.display());
    }
}

/// A value that must not be in a copy.
const SECRETS: [&str; 6] =
    ["zebra quartz", "zebraquartz", "73519284", "7351.9284", "zebra.quartz@example.com", "203.0.113.77"];

/// Statements with a value at `§` in quotes of any kind, and numbers at `¤`.
const STATEMENTS: [&str; 30] = [
    "SELECT * FROM t WHERE a = '§'",
    "SELECT * FROM t WHERE a = ¤ AND b IN (1, ¤, 2)",
    "SELECT E'it\\'s §' , 1",
    "SELECT 'it''s §', -¤, + ¤, - /* § */ ¤",
    "SELECT $$§$$, $tag$ it's $$ § $tag$",
    "SELECT U&'§', N'§'",
    "INSERT INTO t (a, b) VALUES ('§', ¤), ('§', ¤)\n\tRETURNING id",
    "SELECT '§\n\t§' AS a,\n\t'x'",
    "SELECT 1 -- §\n\tFROM t /* § */ WHERE b = '/* § */'",
    "/* § /* § */ */ SELECT 1 /*framework='§',route='/a?b=§',traceparent='00-0123456789abcdef0123456789abcdef-0123456789abcdef-01'*/",
    "ALTER ROLE bob PASSWORD '§'",
    "CREATE USER bob WITH ENCRYPTED PASSWORD '§' VALID UNTIL '§'",
    "SET app.token TO '§'",
    "SET search_path = '§', public",
    "SELECT 'abc§",
    "SELECT 1, E'abc\\'§",
    "SELECT $q$ abc § $q",
    "SELECT 1 /* abc §",
    "SELECT \"abc@ § ",
    "SELECT 'O'Brien § ' x",
    "COPY t (a) FROM STDIN WITH (DELIMITER '§')",
    "EXECUTE q('§', ¤)",
    "PREPARE q AS SELECT '§'",
    "SELECT * FROM t WHERE a LIKE '%§%' LIMIT ¤ OFFSET ¤",
    "SELECT '{\"a\": \"§\"}'::jsonb, ARRAY['§', '§'], '{§,§}'",
    "UPDATE t SET a = ¤.5, b = ¤e3 WHERE c BETWEEN '§' AND '§'",
    "DO $do$ BEGIN RAISE NOTICE '§ %', ¤; END $do$",
    "NOTIFY c, '§'",
    "COMMENT ON TABLE t IS '§'",
    "SELECT 1 WHERE '§' ~ E'\\\\d' AND a ->> '§' = '§'",
];

/// Statements in the quotes of MySQL.
const OF_MYSQL: [&str; 16] = [
    "SELECT * FROM t WHERE a = '§' AND b = \"§\"",
    "SELECT 'it\\'s §', \"it\\\"s §\", 'it''s §'",
    "SELECT ¤, -¤, ¤.5, x'7a65', _utf8mb4'§' -- §\nFROM t # §",
    "INSERT INTO t (a, b)\nVALUES ('§', ¤), ('§\n§', ¤)",
    "SELECT 1 /* § */ /*!50000 FROM t WHERE a = '§' */",
    "SELECT 'abc§",
    "SELECT \"abc\\\"§",
    "SELECT 1 /* abc §",
    "SELECT 'O'Brien § ' x",
    "SET PASSWORD FOR 'bob'@'§' = PASSWORD('§')",
    "SET @a = '§', SESSION b = ¤",
    "CREATE USER 'bob'@'203.0.113.77' IDENTIFIED BY '§'",
    "CALL p('§', ¤)",
    "LOAD DATA INFILE '§' INTO TABLE t",
    "SELECT '# User@Host: §[§] @ § [§]\n# Query_time: ¤.0 §'",
    "UPDATE t SET a = '§;\n' WHERE b IN (¤, ¤)",
];

fn slow(secret: &str) -> Vec<u8> {
    let mut log = String::new();
    for statement in OF_MYSQL {
        log.push_str(&format!(
            "# Time: 2026-11-23T21:35:36.104311Z\n# User@Host: shop[shop] @ {secret} [203.0.113.77]  Id:    42\n# Schema: shop  \
             Last_errno: 0  Killed: 0\n# Query_time: 7.725616  Lock_time: 0.000328  Rows_sent: 4  Rows_examined: 15  \
             Rows_affected: 0\n# {secret}\nuse shop;\nSET last_insert_id=73519284,timestamp=1795469736;\n{};\n",
            filled(statement, secret)
        ));
    }
    format!("{secret}\n73519284;\n{log}").into_bytes()
}

fn general(secret: &str) -> Vec<u8> {
    let mut log =
        "zebraquartz\n73519284\n2026-11-23T21:35:36.000140Z\t   42 Connect\tshop@203.0.113.77 on shop using TCP/IP\n".to_owned();
    for statement in OF_MYSQL {
        for command in ["Query", "Execute", "Prepare"] {
            let statement = filled(statement, secret);
            log.push_str(&format!("2026-11-23T21:35:36.001140Z\t   42 {command}\t{statement}\n"));
        }
    }
    log.push_str(
        "2026-11-23T21:35:36.001140Z\t   43 Connect\tAccess denied for user 'shop'@'203.0.113.77' (using password: YES)\n\
         2026-11-23T21:35:36.001140Z\t   42 Kill\t73519284\n2026-11-23T21:35:36.001140Z\t   42 Change user\tshop@203.0.113.77\n",
    );
    log.into_bytes()
}

/// Parts of a record, of which each may hold a value.
struct Record {
    severity: &'static str,
    message: String,
    detail: String,
    hint: String,
    context: String,
    statement: String,
}

impl Record {
    fn of(severity: &'static str, message: &str) -> Self {
        let message = message.to_owned();
        let none = String::new;
        Self { severity, message, detail: none(), hint: none(), context: none(), statement: none() }
    }

    fn detail(self, detail: &str) -> Self {
        Self { detail: detail.to_owned(), ..self }
    }

    fn context(self, context: &str) -> Self {
        Self { context: context.to_owned(), ..self }
    }

    fn statement(self, statement: &str) -> Self {
        Self { statement: statement.to_owned(), ..self }
    }
}

/// Records that tell of a statement, in every way that a server has.
fn records_of(statement: &str) -> Vec<Record> {
    let escaped =
        statement.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    let tagged = statement.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let plan = "Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)\n\t  Filter: ((a = '§'::text) AND (b = ¤))\n\t  \
                Rows Removed by Filter: 5";
    vec![
        Record::of("LOG", &format!("duration: 0.582 ms  statement: {statement}")),
        Record::of("LOG", &format!("statement: {statement}")),
        Record::of("LOG", &format!("duration: 0.582 ms  parse <unnamed>: {statement}")),
        Record::of("LOG", &format!("execute S_1/C_2: {statement}"))
            .detail("parameters: $1 = '§', $2 = NULL, $3 = '¤', $4 = 'it''s §...'"),
        Record::of("LOG", &format!("duration: 0.582 ms  execute fetch from S_1: {statement}"))
            .detail("Parameters: $1 = '§\n\t§'"),
        Record::of("LOG", "duration: 0.1 ms  statement: EXECUTE q('§')")
            .detail(&format!("prepare: PREPARE q AS {statement}")),
        Record::of("ERROR", "duplicate key value violates unique constraint \"users_email_key\"")
            .detail("Key (email, id)=(§, ¤) already exists.")
            .statement(statement),
        Record::of("ERROR", "new row for relation \"t\" violates check constraint \"c\"")
            .detail("Failing row contains (¤, §, null, § with) and, (commas).")
            .statement(statement),
        Record::of("ERROR", "insert or update on table \"t\" violates foreign key constraint \"f\"")
            .detail("Key (a)=(§) is not present in table \"u\"."),
        Record::of("ERROR", "conflicting key value violates exclusion constraint \"e\"")
            .detail("Key (a)=(§) conflicts with existing key (a)=(§)."),
        Record::of("ERROR", "invalid input syntax for type integer: \"§\" at character 15").statement(statement),
        Record::of("ERROR", "invalid input value for enum mood: \"§ \" §\"").statement(statement),
        Record::of("ERROR", "syntax error at or near \"§\"").statement(statement),
        Record::of("ERROR", "value \"¤\" is out of range for type integer"),
        Record::of("WARNING", "odd: ¤ and '§'"),
        Record::of("ERROR", "no such customer: §").context("PL/pgSQL function f(integer) line 3 at RAISE"),
        Record::of("ERROR", "division by zero")
            .context(&format!("SQL statement \"{statement}\"\n\tPL/pgSQL function f(integer) line 3 at SQL statement")),
        Record::of("ERROR", "invalid input syntax for type integer: \"§\"")
            .context("COPY t, line 1, column a: \"§ \" §\""),
        Record::of("ERROR", "invalid input syntax for type json")
            .detail("Token \"§\" is invalid.")
            .context("JSON data, line 1: {\"a\": § ¤"),
        Record::of("ERROR", "canceling statement due to user request")
            .context("unnamed portal with parameters: $1 = '§', $2 = '¤'"),
        Record::of("ERROR", "invalid byte sequence").context("portal \"C_1\" parameter $1 = '§'"),
        Record::of("ERROR", "deadlock detected")
            .detail(&format!(
                "Process 41 waits for ShareLock on transaction 7; blocked by process 42.\n\tProcess 42 waits for ShareLock on \
                 transaction 8; blocked by process 41.\n\tProcess 41: {statement}\n\tProcess 42: UPDATE t SET a = '§'"
            ))
            .statement(statement),
        Record::of("LOG", "process 42 still waiting for ExclusiveLock on advisory lock [5,0,¤,1] after 100.125 ms")
            .detail("Process holding the lock: 41. Wait queue: 42.")
            .statement(statement),
        Record::of("LOG", "temporary file: path \"base/pgsql_tmp/pgsql_tmp4050.0\", size 700000").statement(statement),
        Record::of("LOG", "connection received: host=203.0.113.77 port=50713"),
        Record::of("LOG", "disconnection: session time: 0:00:00.005 user=api database=shop host=203.0.113.77 port=50713"),
        Record::of("FATAL", "no pg_hba.conf entry for host \"203.0.113.77\", user \"api\", database \"shop\", no encryption"),
        Record::of("LOG", "parameter \"app.secret\" changed to \"§\""),
        Record::of("LOG", &format!(
            "duration: 0.582 ms  plan:\n\tQuery Text: {statement}\n\tQuery Parameters: $1 = '§', $2 = '¤'\n\t{plan}"
        )),
        Record::of("LOG", &format!(
            "duration: 0.582 ms  plan:\n\t{{\n\t  \"Query Text\": \"{escaped}\",\n\t  \"Plan\": {{\n\t    \"Node Type\": \"Seq \
             Scan\",\n\t    \"Plan Rows\": 5,\n\t    \"Filter\": \"((a = '§'::text) AND (b = ¤))\"\n\t  }}\n\t}}"
        )),
        Record::of("LOG", &format!(
            "duration: 0.582 ms  plan:\n\tQuery Text: \"{escaped}\"\n\tPlan: \n\t  Node Type: \"Seq Scan\"\n\t  Filter: \"(b = \
             ¤)\"\n\t  Plan Rows: 5"
        )),
        Record::of("LOG", &format!(
            "duration: 0.582 ms  plan:\n\t<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n\t  <Query-Text>{tagged}\
             </Query-Text>\n\t  <Plan>\n\t    <Filter>((a = '§'::text) AND (b = ¤))</Filter>\n\t    <Plan-Rows>5</Plan-Rows>\n\t  \
             </Plan>\n\t</explain>"
        )),
    ]
}

fn stderr(records: &[Record]) -> Vec<u8> {
    let mut log = String::new();
    for record in records {
        let severity = record.severity;
        let parts = [
            (severity, &record.message),
            ("DETAIL", &record.detail),
            ("HINT", &record.hint),
            ("CONTEXT", &record.context),
            ("STATEMENT", &record.statement),
        ];
        for (name, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
            let prefix =
                "2026-11-23 21:46:43.036 UTC [4012]: [2-1] user=api,db=shop,app=web,client=203.0.113.77 ";
            log.push_str(&format!("{prefix}{name}:  {text}\n"));
        }
    }
    log.push_str("zebraquartz is no line of the log: 73519284\n\tnor is zebra quartz\n");
    log.into_bytes()
}

fn csv(records: &[Record]) -> Vec<u8> {
    let mut log = String::new();
    for Record { severity, message, detail, hint, context, statement } in records {
        let [message, detail, hint, context, statement] =
            [message, detail, hint, context, statement].map(|text| match text.as_str() {
                "" => String::new(),
                text => format!("\"{}\"", text.replace("\n\t", "\n").replace('"', "\"\"")),
            });
        log.push_str(&format!(
            "2026-11-23 21:46:43.036 UTC,\"api\",\"shop\",4012,\"203.0.113.77:4711\",6b04b409.a0c,2,\"SELECT\",2026-11-23 21:45:45 \
             UTC,3/2,0,{severity},00000,{message},{detail},{hint},,,{context},{statement},,,\"web\",\"client backend\",,0\n"
        ));
    }
    log.push_str("zebraquartz,73519284\n");
    log.into_bytes()
}

fn json(records: &[Record]) -> Vec<u8> {
    let mut log = String::new();
    for record in records {
        let text = |text: &str| serde_json::to_string(&text.replace("\n\t", "\n")).unwrap();
        log.push_str(&format!(
            "{{\"timestamp\":\"2026-11-23 21:46:43.036 UTC\",\"user\":\"api\",\"dbname\":\"shop\",\"pid\":4012,\"remote_host\":\
             \"203.0.113.77\",\"remote_port\":4711,\"session_id\":\"6b04b409.a0c\",\"line_num\":2,\"error_severity\":\"{}\",\
             \"message\":{},\"detail\":{},\"context\":{},\"statement\":{},\"new\":\"zebraquartz\"}}\n",
            record.severity,
            text(&record.message),
            text(&record.detail),
            text(&record.context),
            text(&record.statement),
        ));
    }
    log.push_str("{\"timestamp\":\"zebraquartz\n");
    log.into_bytes()
}

fn copy_of(name: &str, log: &[u8]) -> Vec<u8> {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(here.path().join(name), log).unwrap();
    anonymized::write(&[here.path().join(name)], there.path()).unwrap();
    fs::read(there.path().join(name)).unwrap()
}

/// Lines that tell a secret.
fn telling(copy: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(copy);
    let line = text.lines().find(|line| {
        ["zebra", "quartz", "7351", "9284", "0.113"].iter().any(|part| {
            // Tokens are hexadecimals and decimals: by chance they hold four digits in a row, and so do ports, which become
            // others.
            let part_of_token = |at: usize| {
                let before = &line[..at];
                let word = before.len() - before.bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
                let end = at + line[at..].bytes().take_while(u8::is_ascii_alphanumeric).count();
                let is_port = line[..word].ends_with(':') && end - word == 5;
                is_port || end - word >= 15
            };
            line.match_indices(part).any(|(at, _)| !part_of_token(at))
        })
    });
    line.map(str::to_owned)
}

fn filled(text: &str, secret: &str) -> String {
    let number = if secret.starts_with('7') { secret } else { "73519284" };
    text.replace('§', secret).replace('¤', number)
}

fn planted(secret: &str) -> Vec<Record> {
    let statements = STATEMENTS.iter().flat_map(|statement| records_of(statement));
    let fill = |record: Record| Record {
        severity: record.severity,
        message: filled(&record.message, secret),
        detail: filled(&record.detail, secret),
        hint: format!("Look at \"{secret}\" and '{secret}'."),
        context: filled(&record.context, secret),
        statement: filled(&record.statement, secret),
    };
    statements.map(fill).collect()
}

#[test]
fn no_value_is_in_a_copy() {
    for secret in SECRETS {
        let records = planted(secret);
        let logs = [
            ("a.log", stderr(&records)),
            ("a.csv", csv(&records)),
            ("a.json", json(&records)),
            ("slow.log", slow(secret)),
            ("general.log", general(secret)),
        ];
        for (name, log) in logs {
            let copy = copy_of(name, &log);
            assert_eq!(telling(&copy), None, "{name}");
            let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(lines(&copy), lines(&log), "{name}");
        }
    }
}

#[test]
fn no_value_is_in_a_copy_of_a_log_that_is_cut() {
    for secret in ["zebraquartz", "73519284"] {
        let whole = planted(secret);
        // Without its context nothing tells that a program wrote a message.
        let known = whole.into_iter().filter(|record| !record.context.contains(" at RAISE"));
        let records: Vec<Record> = known.step_by(37).collect();
        let logs = [
            ("a.log", stderr(&records)),
            ("a.csv", csv(&records)),
            ("a.json", json(&records)),
            ("slow.log", slow(secret)),
            ("general.log", general(secret)),
        ];
        for (name, log) in logs {
            let step = log.len() / 23 + 1;
            for place in (0..log.len()).step_by(step) {
                // The begin stays, so that the log is recognised.
                let lines = log.split_inclusive(|byte| *byte == b'\n');
                let begin = match name {
                    "slow.log" => lines.take(10).map(<[u8]>::len).sum(),
                    "general.log" => lines.take(3).map(<[u8]>::len).sum(),
                    _ => lines.take(1).map(<[u8]>::len).sum::<usize>(),
                };
                let cut = [&log[..begin], &log[place.max(begin)..]].concat();
                assert_eq!(telling(&copy_of(name, &cut)), None, "{name} from {place}");
                if place > begin {
                    assert_eq!(telling(&copy_of(name, &log[..place])), None, "{name} to {place}");
                }
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_copied_over() {
    let mut log = stderr(&planted("zebraquartz"));
    for (place, byte) in log.iter_mut().enumerate() {
        if place % 97 == 96 && byte.is_ascii_lowercase() && *byte != b'z' && *byte != b'q' {
            *byte = 0xff;
        }
    }
    let copy = copy_of("a.log", &log);
    assert!(copy.contains(&0xff));
}

#[test]
fn copies_are_refused_where_they_would_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("logs/old")).unwrap();
    let log = stderr(&planted("x"));
    fs::write(path("logs/a.log"), &log).unwrap();
    fs::write(path("logs/old/a.log"), &log).unwrap();
    fs::write(path("other.txt"), "nothing").unwrap();
    fs::write(path("trace.json"), "{\"resourceSpans\":[]}").unwrap();
    let written = |inputs: &[&str], to: &str| {
        let inputs: Vec<PathBuf> = inputs.iter().map(|input| path(input)).collect();
        let written = anonymized::write(&inputs, &path(to)).map_err(|error| error.to_string());
        written.map(|copied| copied.files).map_err(|error| error.replace(&path("").display().to_string(), ""))
    };
    assert_eq!(written(&["logs"], "shared"), Ok(2));
    assert!(path("shared/old/a.log").exists());
    assert_eq!(written(&["logs"], "shared"), Ok(2), "copies may be written again");
    fs::create_dir(path("mine")).unwrap();
    fs::write(path("mine/a.log"), "mine").unwrap();
    let refused = |inputs: &[&str], to: &str| written(inputs, to).unwrap_err();
    let told = refused(&["logs/a.log"], "mine");
    assert_eq!(told, "--anonymize: mine/a.log is there already and no copy: choose another folder");
    assert_eq!(fs::read(path("mine/a.log")).unwrap(), b"mine");
    assert!(
        refused(&["trace.json"], "new").starts_with("--anonymize: trace.json is no query log, but otlp-json")
    );
    assert!(
        refused(&["other.txt"], "new").starts_with("--anonymize: other.txt is no query log: in no format")
    );
    assert!(refused(&["logs"], "logs/copies").contains("is within logs, which is read"));
    assert!(
        refused(&["logs/a.log", "logs/old/a.log"], "new").contains("would both be a.log: name their folder")
    );
    assert!(!path("new").exists());
}

/// Lines of a log behind others, each by its number.
fn enclosed(log: &str, head: impl Fn(usize) -> String) -> Vec<u8> {
    log.lines()
        .enumerate()
        .map(|(number, line)| format!("{}{line}\n", head(number)))
        .collect::<String>()
        .into_bytes()
}

#[test]
fn a_log_in_an_envelope_is_copied_out_of_it() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats/postgresql-log/recorded.log");
    let log = fs::read_to_string(fixture).unwrap();
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let time = |number: usize| format!("2026-11-28T17:{:02}:{:02}.500000000Z", number / 60 % 60, number % 60);
    fs::write(here.path().join("plain.log"), &log).unwrap();
    fs::write(here.path().join("cri.log"), enclosed(&log, |number| format!("{} stderr F ", time(number))))
        .unwrap();
    anonymized::write(&[here.path().join("cri.log"), here.path().join("plain.log")], there.path()).unwrap();
    let copies = ["cri.log", "plain.log"].map(|name| fs::read_to_string(there.path().join(name)).unwrap());
    assert_eq!(copies[0], copies[1]);
}

#[test]
fn what_an_envelope_says_of_time_and_process_stands_in_front_in_the_copy() {
    let line =
        |secret: usize| format!("LOG:  duration: {secret}.250 ms  statement: SELECT 'zebra{secret}'\n");
    let log: String = (0..40).map(line).collect();
    let head = |number: usize| {
        format!("2026-11-28T17:43:{number:02}.500000+00:00 db-1 postgres[{}]: ", 70 + number % 3)
    };
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut wrapped = enclosed(&log, head);
    wrapped.extend_from_slice(b"2026-11-28T17:43:50.500000+00:00 db-1 CRON[9]: (root) CMD (zebra quartz)\n");
    fs::write(here.path().join("syslog"), wrapped).unwrap();
    let copied = anonymized::write(&[here.path().join("syslog")], there.path()).unwrap();
    assert_eq!((copied.files, copied.left_out), (1, 1));
    let copy = fs::read_to_string(there.path().join("syslog")).unwrap();
    assert!(copy.starts_with("1795887780.500 [70] LOG:  duration: 0.250 ms  statement: SELECT '"), "{copy}");
    assert!(!copy.contains("zebra"), "{copy}");
    let told = |folder: &Path| {
        let report = report(folder, "syslog");
        let logged = report.logged.unwrap();
        (logged.executions, logged.time_ns, logged.period_ns, report.seen.requests, report.seen.statements)
    };
    assert_eq!(told(there.path()), told(here.path()));
}

#[test]
fn several_logs_in_one_are_not_mixed_up() {
    let line = |number: usize| format!("LOG:  duration: 0.250 ms  statement: SELECT {number}\n");
    let log: String = (0..60).map(line).collect();
    let head = |number: usize| {
        format!("2026-11-28T17:43:{:02}.500000+00:00 db-{} postgres[7]: ", number % 60, number % 2)
    };
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(here.path().join("syslog"), enclosed(&log, head)).unwrap();
    let error = anonymized::write(&[here.path().join("syslog")], there.path()).unwrap_err().to_string();
    assert!(error.contains("query logs of several programs"), "{error}");
    assert!(!there.path().join("syslog").exists());
}

#[test]
fn standard_input_is_copied_and_told_of() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let mut whyslow = Command::new(env!("CARGO_BIN_EXE_whyslow"));
        whyslow.current_dir(folder.path()).env("TMPDIR", folder.path()).args(["diagnose", "-"]).args(words);
        let whyslow = whyslow.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = whyslow.spawn().unwrap();
        running.stdin.take().unwrap().write_all(&stderr(&planted("zebra quartz"))).ok();
        running.wait_with_output().unwrap()
    };
    let output = run(&["--anonymize", "shared", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let copy = fs::read_to_string(folder.path().join("shared/stdin.log")).unwrap();
    assert!(copy.contains("LOG:") && !copy.contains("zebra"), "{copy}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("\"stdin:"), "places are told as of stdin");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["shared"], "nothing is left of standard input");
    let refused = run(&["--anonymize", "shared", "--since-last"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("copies whole logs"));
}
