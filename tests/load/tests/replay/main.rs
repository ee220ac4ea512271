//! Whole replays, against services that do right and services that do wrong.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod fake;
mod relationships;
mod replicas;
mod synthetic;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use postern_load::args::Options;
use postern_load::error::LoadError;
use postern_load::plan::Plan;
use postern_load::progress::Style;
use postern_load::replay;
use postern_load::report::Report;
use postern_load::trace::{self, Trace};

use fake::{Fake, Mischief, Running};

/// Two conversations of friends, one of them long; one stranger who writes too much, one who
/// writes once, and one who writes to themselves.
fn content() -> String {
    let mut lines = String::new();
    for line in 0..12 {
        for (sender, receiver) in [(1, 2), (2, 1), (4, 1), (1, 4)] {
            lines.push_str(&format!("{sender} {receiver} {line}\n"));
        }
        match line {
            0..5 => lines.push_str("\n3 1 7\n"),
            5 => lines.push_str("3 4 7\n3 3 7\n"),
            _ => {}
        }
    }
    lines
}

fn trace() -> Trace {
    trace::parse(Path::new("trace"), content().as_bytes()).unwrap()
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn replayed(server: &Running) -> Result<Report, LoadError> {
    let options = Options {
        connections: 2,
        in_flight: 6,
        ..Options::for_target(&server.url())
    };
    replay::run(&trace(), &options, Style::Quiet).await
}

async fn replayed_with(mischief: Mischief) -> Report {
    replayed(&Fake::new(mischief).serve(anywhere()))
        .await
        .unwrap()
}

fn assert_complete(report: &Report) {
    assert_eq!(report.fault(), None);
    assert_eq!(
        (report.sent, report.delivered, report.requests),
        (55, 48, 4)
    );
    let refused: Vec<_> = report
        .refused
        .iter()
        .map(|(name, count)| (&**name, *count))
        .collect();
    assert_eq!(refused, [("AWAITING_ACCEPTANCE", 2), ("SELF_MESSAGE", 1)]);
    assert!(report.per_second > 0.0 && report.p50_ms > 0.0 && report.p50_ms <= report.p99_ms);
}

#[tokio::test]
async fn a_good_server_passes_and_a_second_run_is_the_same() {
    let fake = Fake::new(Mischief::None);
    let server = fake.serve(anywhere());
    assert_complete(&replayed(&server).await.unwrap());
    assert_complete(&replayed(&server).await.unwrap());
    let expected = Plan::of(&trace()).expected();
    assert_eq!((expected.inbox, expected.requests), (48, 4));
    assert_eq!(
        (expected.awaiting_acceptance, expected.self_messages),
        (2, 1)
    );
}

#[tokio::test]
async fn a_moody_server_passes() {
    assert_complete(&replayed_with(Mischief::Moody).await);
}

#[tokio::test]
async fn each_service_may_be_elsewhere() {
    let fake = Fake::new(Mischief::None);
    let servers = [(); 4].map(|()| fake.serve(anywhere()));
    let [identity, graph, settings, messaging] = servers.each_ref().map(|it| vec![it.url()]);
    let targets = postern_load::args::Targets {
        identity,
        graph,
        settings,
        messaging,
    };
    let options = Options {
        targets,
        ..Options::for_target("http://nowhere")
    };
    assert_complete(&replay::run(&trace(), &options, Style::Quiet).await.unwrap());
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_passes() {
    let fake = Fake::new(Mischief::Silent(20));
    let server = fake.serve(anywhere());
    let address = server.address;
    let restart = async move {
        fake.has_stored(20).await;
        drop(server);
        // Nobody listens here until the port is bound again.
        fake.reformed(Mischief::None).serve(address)
    };
    let options = Options {
        in_flight: 3,
        ..Options::for_target(&format!("http://{address}"))
    };
    let trace = trace();
    let (report, _server) = tokio::join!(replay::run(&trace, &options, Style::Quiet), restart);
    let report = report.unwrap();
    assert_complete(&report);
    assert!(
        report.retried > 0 && report.connections_failed > 0,
        "{report:?}"
    );
}

#[tokio::test]
async fn a_lost_message_is_missing() {
    let report = replayed_with(Mischief::Lose(10)).await;
    assert_eq!(report.missing, 1);
    assert!(
        report
            .fault()
            .unwrap()
            .contains("1 acknowledged but missing")
    );
}

#[tokio::test]
async fn a_doubled_message_is_duplicated() {
    assert_eq!(replayed_with(Mischief::Double(10)).await.duplicated, 1);
}

#[tokio::test]
async fn swapped_messages_are_out_of_order() {
    let report = replayed_with(Mischief::Swap).await;
    assert_eq!((report.missing, report.duplicated), (0, 0));
    assert!(report.out_of_order >= 3, "{}", report.json());
}

#[tokio::test]
async fn requests_in_the_inbox_are_missing() {
    let report = replayed_with(Mischief::NoRequests).await;
    assert_eq!(
        (report.missing, report.duplicated, report.out_of_order),
        (4, 0, 0)
    );
}

#[tokio::test]
async fn a_lane_stands_still_after_an_error_and_a_later_run_completes_it() {
    let fake = Fake::new(Mischief::Invalid(30));
    let report = replayed(&fake.serve(anywhere())).await.unwrap();
    let fault = report.fault().unwrap();
    assert!(
        fault.contains("not answered; the first without an answer: `SendMessage`"),
        "{fault}"
    );
    assert!(report.unanswered > 0 && report.sent < 55);
    assert_eq!(
        (report.missing, report.duplicated, report.out_of_order),
        (0, 0, 0)
    );
    let server = fake.reformed(Mischief::None).serve(anywhere());
    assert_complete(&replayed(&server).await.unwrap());
}

#[tokio::test]
async fn sending_stops_when_patience_ends() {
    let server = Fake::new(Mischief::Away).serve(anywhere());
    let patience = Duration::from_millis(300);
    let options = Options {
        patience,
        in_flight: 2,
        ..Options::for_target(&server.url())
    };
    let report = replay::run(&trace(), &options, Style::Quiet).await.unwrap();
    assert_eq!((report.sent, report.unanswered), (2, 55));
    assert!(
        report.fault().unwrap().contains("--patience"),
        "{:?}",
        report.fault()
    );
}

#[tokio::test]
async fn a_rate_takes_its_time() {
    let server = Fake::new(Mischief::None).serve(anywhere());
    let options = Options {
        rate: Some(100),
        ..Options::for_target(&server.url())
    };
    let report = replay::run(&trace(), &options, Style::Quiet).await.unwrap();
    assert_complete(&report);
    // The last of 55 is due after 540 ms.
    assert!(report.per_second < 55.0 / 0.54, "{}", report.json());
}

/// Writes a file for the command to read.
fn written(name: &str, content: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// Runs the command itself.
fn load(args: &[&str]) -> Output {
    let load = env!("CARGO_BIN_EXE_postern-load");
    Command::new(load).args(args).output().unwrap()
}

fn command(trace: &str, content: &str, target: &str) -> Output {
    let trace = written(trace, content);
    load(&["replay", "--target", target, "--trace", &trace])
}

#[test]
fn the_command_tells_one_line_and_succeeds() {
    let server = Fake::new(Mischief::None).serve(anywhere());
    let output = command("good.txt", &content(), &server.url());
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with(r#"{"sent":55,"delivered":48,"requests":4,"refused":{"#));
    assert!(
        stdout.ends_with("\"retried\":0,\"connections_failed\":0}\n"),
        "{stdout}"
    );
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    // A note on what to expect, then a line a phase; none of them rewritten.
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 7, "{stderr}");
    assert!(!stderr.contains('\r'));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_command_fails_with_a_sentence() {
    let server = Fake::new(Mischief::Lose(10)).serve(anywhere());
    let output = command("lost.txt", &content(), &server.url());
    let stderr = String::from_utf8(output.stderr).unwrap();
    let last = stderr.lines().last().unwrap();
    assert!(
        last.starts_with("postern-load: the replay found faults in messages: "),
        "{last}"
    );
    assert_eq!(
        output.stdout.iter().filter(|byte| **byte == b'\n').count(),
        1
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_bad_trace_sends_nothing() {
    let fake = Fake::new(Mischief::None);
    let server = fake.serve(anywhere());
    let output = command("bad.txt", &format!("{}1 2\n", content()), &server.url());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("bad.txt:61: found `1 2`; expected `sender receiver"),
        "{stderr}"
    );
    assert_eq!(
        (output.status.code(), output.stdout.len(), fake.calls()),
        (Some(2), 0, 0)
    );
}
