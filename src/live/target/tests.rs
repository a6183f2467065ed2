use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn target(address: &str, environment: &[(&str, &str)]) -> Result<Target, Problem> {
    let environment: Vec<(String, String)> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Target::with(address, &move |name| {
        environment.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
    })
}

fn told(address: &str, environment: &[(&str, &str)]) -> String {
    match target(address, environment) {
        Ok(target) => format!("{target} ({})", target.password.as_deref().unwrap_or("-")),
        Err(problem) => problem.to_string(),
    }
}

#[test]
fn an_address_is_read_in_each_form() {
    let url = "postgres://ann:se%40cret@db.example:6432/shop";
    assert_eq!(told(url, &[]), "shop on db.example:6432 as ann (se@cret)");
    assert_eq!(told("host=db port=1 user=ann dbname='a b\\'c'", &[]), "a b'c on db:1 as ann (-)");
    assert_eq!(told("shop", &[("PGHOST", "db"), ("USER", "ann")]), "shop on db:5432 as ann (-)");
    assert_eq!(told("postgresql://[::1]:7/x?user=bo", &[]), "x on ::1:7 as bo (-)");
    assert_eq!(told("postgres://u@a:1,b:2/x", &[]), "x on a:1, b:2 as u (-)");
    assert_eq!(told("postgres://u@%2Frun%2Fpg/x", &[]), "x on /run/pg:5432 as u (-)");
}

#[test]
fn the_address_stands_above_the_service_and_that_above_variables() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services");
    fs::write(&file, "[other]\nhost=no\n[shop]\n# ours\nhost=db\nport=7\nuser=svc\n").unwrap();
    let environment = [("PGSERVICEFILE", file.to_str().unwrap()), ("PGPORT", "9"), ("PGDATABASE", "var")];
    assert_eq!(told("service=shop user=ann", &environment), "var on db:7 as ann (-)");
    let missing = told("service=none user=ann", &environment);
    assert!(missing.contains("no service file has [none]"), "{missing}");
}

#[test]
fn a_password_file_that_others_can_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    fs::write(&file, "other:*:*:*:no\ndb:*:shop:ann:a\\:b\n").unwrap();
    let address = format!("host=db user=ann dbname=shop passfile={}", file.display());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(told(&address, &[]), "shop on db:5432 as ann (a:b)");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = told(&address, &[]);
    assert!(refused.contains("chmod 600") && !refused.contains("a:b"), "{refused}");
}

#[test]
fn what_makes_no_sense_is_named_without_a_password() {
    let secret = "hunter2";
    for address in [
        format!("postgres://ann:{secret}@db/x?sslmod=require"),
        format!("postgres://ann:{secret}@db:port/x"),
        format!("postgres://ann:{secret}%zz@db/x"),
        format!("password={secret} host='db"),
        format!("mysql://ann:{secret}@db/x"),
        format!("user=ann password={secret} sslmode=verify"),
    ] {
        let told = told(&address, &[]);
        assert!(!told.contains(secret) && !told.contains(" as ann"), "{told}");
    }
    assert!(told("postgres://a@b/c?sslmod=x", &[]).contains("did you mean sslmode?"));
}

#[test]
fn certificates_of_the_machine_mean_full_verification() {
    assert_eq!(target("user=a sslrootcert=system", &[]).unwrap().tls.mode, TlsMode::VerifyFull);
    assert_eq!(target("user=a", &[]).unwrap().tls.mode, TlsMode::Prefer);
    assert_eq!(target("postgres://a@b/c?ssl=true", &[]).unwrap().tls.mode, TlsMode::Require);
}
