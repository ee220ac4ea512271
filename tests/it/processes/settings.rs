//! Settings that are wrong: all are told at once, each by its name, and no secret is printed.

use std::fs;

use postern_shared::{clock::Clock, error::chain};

use super::child::{Child, fails, text};
use crate::suite::start;

/// Where a secret is printed, this is found.
const SECRET: &str = "hunter2-canary";

#[test]
fn every_mistake_is_told_at_once_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = [
        ("POSTERN_LISTEN", "nowhere"),
        ("POSTERN_INTERNAL_LISTEN", "0.0.0.0:0"),
        ("POSTERN_LIMITS", "some"),
        ("POSTERN_DEADLINE_MS", "0"),
        ("POSTERN_GRAPH_URL", "graph"),
        ("POSTERN_IDENTITY_MINIMUM_AGE", "twelve"),
        ("POSTERN_LISTENN", "127.0.0.1:0"),
    ];
    let said = fails(folder.path(), &wrong);
    for (name, value) in wrong {
        let line = said
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{name} ")))
            .or_else(|| said.lines().find(|line| line.contains(&format!("{name}:"))));
        assert!(line.is_some(), "{name}={value} is not told in:\n{said}");
    }
    assert!(said.contains("POSTERN_LISTENN: there is no such setting"));
    assert!(said.contains("POSTERN_INTERNAL_LISTEN must be a loopback address"));
    assert!(
        fs::read_dir(folder.path()).unwrap().next().is_none(),
        "a process that cannot start has written into its folder"
    );
}

#[test]
fn a_broken_file_is_named_by_line_and_its_content_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("postern.toml");
    let cases = [
        (
            format!("limits = \"off\"\ndatabase_url = postgres://{SECRET}\n"),
            "line 2",
        ),
        (
            format!("database_url = \"mysql://root:{SECRET}@db\"\n"),
            "POSTERN_DATABASE_URL",
        ),
        (
            "[messaging]\ncommitterz = 1\n".to_owned(),
            "messaging.committerz",
        ),
        (
            "in_flight_max = [1]\n".to_owned(),
            "`in_flight_max` in the file",
        ),
    ];
    for (content, expected) in cases {
        fs::write(&file, content).unwrap();
        let said = fails(folder.path(), &[("POSTERN_CONFIG", text(&file))]);
        assert!(said.contains(expected), "`{expected}` is not in:\n{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    let gone = folder.path().join("gone.toml");
    let said = fails(folder.path(), &[("POSTERN_CONFIG", text(&gone))]);
    assert!(
        said.contains("POSTERN_CONFIG") && said.contains("gone.toml"),
        "{said}"
    );
}

#[test]
fn one_database_is_not_for_the_suite_and_its_address_is_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://postern:{SECRET}@127.0.0.1:1/postern");
    let said = fails(folder.path(), &[("POSTERN_DATABASE_URL", &url)]);
    assert!(
        said.contains("POSTERN_DATABASE_URL") && said.contains("{service}"),
        "{said}"
    );
    assert!(!said.contains(SECRET), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_reached_keeps_its_password() {
    let addresses = [
        format!("postgres://postern:{SECRET}@127.0.0.1:1/postern"),
        format!("postgres://postern:{SECRET}@127.0.0.1:port/postern"),
        format!("postgres://postern:{SECRET}@[::1/postern?sslmode=no"),
    ];
    for url in addresses {
        let folder = tempfile::tempdir().unwrap();
        let settings = [
            ("POSTERN_DATABASE_URL", &*url),
            ("POSTERN_DATABASE_WAIT_S", "0"),
            ("POSTERN_DEADLINE_MS", "200"),
            ("POSTERN_IDENTITY_URL", "http://127.0.0.1:1"),
            ("POSTERN_MESSAGING_URL", "http://127.0.0.1:1"),
        ];
        let services = vec![postern_graph::service()];
        let started = start(services, folder.path(), &Clock::system(), &settings).await;
        let said = chain(&started.unwrap_err());
        assert!(said.contains("database_url"), "{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[test]
fn a_token_key_that_is_none_is_named_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let pem = |tag: &str| format!("-----BEGIN {tag}-----\naHVudGVyMg==\n-----END {tag}-----\n");
    let contents = [
        SECRET.to_owned(),
        String::new(),
        pem("PUBLIC KEY"),
        pem("PRIVATE KEY"),
    ];
    for content in contents {
        fs::write(&file, content).unwrap();
        let said = fails(folder.path(), &[("POSTERN_TOKEN_KEY_FILE", text(&file))]);
        assert!(
            said.contains("POSTERN_TOKEN_KEY_FILE") && said.contains("key.pem"),
            "{said}"
        );
        assert!(
            !said.contains(SECRET) && !said.contains("aHVudGVyMg"),
            "{said}"
        );
    }
    fs::remove_file(&file).unwrap();
    let said = fails(folder.path(), &[("POSTERN_TOKEN_KEY_FILE", text(&file))]);
    assert!(
        said.contains("POSTERN_TOKEN_KEY_FILE") && said.contains("key.pem"),
        "{said}"
    );
}

#[test]
fn what_telemetry_cannot_use_is_named() {
    for (name, value) in [
        ("POSTERN_LOG", "info,=,"),
        ("POSTERN_LOG_FORMAT", "xml"),
        ("POSTERN_TRACE_RATIO", "2"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "not an address"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let said = fails(folder.path(), &[(name, value)]);
        assert!(said.contains(name), "{name} is not named in:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_off_are_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let warning = "POSTERN_LIMITS is `off`";
    let serving = Child::serve(folder.path(), &[("POSTERN_LIMITS", "off")]).await;
    let warned = serving.child.line(warning);
    assert!(warned.contains("\"level\":\"WARN\""), "{warned}");
    assert!(serving.stop().status.success());
    let quiet = Child::serve(folder.path(), &[]).await.stop();
    assert!(!quiet.output.contains(warning), "{}", quiet.output);
}
