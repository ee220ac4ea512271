//! The command that makes up a trace, and the trace in use.

use std::path::Path;

use postern_load::args::Options;
use postern_load::progress::Style;
use postern_load::{replay, trace};

use super::fake::{Fake, Mischief};
use super::{anywhere, load, written};

#[tokio::test]
async fn a_trace_that_was_made_up_can_be_replayed() {
    let output = load(&[
        "trace",
        "--people",
        "12",
        "--messages",
        "300",
        "--seed",
        "3",
    ]);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    let made = trace::parse(Path::new("made"), &output.stdout).unwrap();
    let server = Fake::new(Mischief::None).serve(anywhere());
    let options = Options::for_target(&server.url());
    let report = replay::run(&made, &options, Style::Quiet).await.unwrap();
    assert_eq!((report.fault(), report.sent), (None, 300));
    assert!(report.delivered > 100 && report.requests > 0);
}

#[test]
fn a_file_holds_the_same() {
    let path = written("made.txt", "something else");
    let args = ["trace", "--people=9", "--messages=99"];
    let told = load(&args);
    let kept = load(&[args.as_slice(), &["--out", &path]].concat());
    assert_eq!((kept.status.code(), kept.stdout.len()), (Some(0), 0));
    assert_eq!(std::fs::read(path).unwrap(), told.stdout);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let output = load(&["trace", "--out", "no/such/folder/made.txt"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let expected = "postern-load: cannot write the trace to `no/such/folder/made.txt`: ";
    assert!(stderr.starts_with(expected), "{stderr}");
    assert_eq!(output.status.code(), Some(1));
}
