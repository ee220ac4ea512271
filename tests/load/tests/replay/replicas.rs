//! Services with several replicas, some of which are not there.

use postern_load::args::Options;
use postern_load::progress::Style;
use postern_load::replay;
use postern_load::report::Report;
use tokio::net::TcpSocket;

use super::fake::{Fake, Mischief};
use super::{anywhere, assert_complete, trace};

async fn replayed(urls: &[String]) -> Report {
    let options = Options {
        connections: 2,
        in_flight: 6,
        ..Options::for_targets(urls)
    };
    let report = replay::run(&trace(), &options, Style::Quiet).await.unwrap();
    assert_complete(&report);
    report
}

#[tokio::test]
async fn calls_are_spread_over_all_of_them() {
    let fake = Fake::new(Mischief::None);
    let servers = [(); 3].map(|()| fake.serve(anywhere()));
    let report = replayed(&servers.each_ref().map(|server| server.url())).await;
    let calls = servers.each_ref().map(|server| server.calls());
    // The services are at the same addresses and take turns each for itself.
    let (least, most) = (calls.iter().min().unwrap(), calls.iter().max().unwrap());
    assert!(most - least <= 4, "{calls:?}");
    assert_eq!((report.retried, report.connections_failed), (0, 0));
}

#[tokio::test]
async fn one_that_refuses_connections_is_gone_around() {
    let here = Fake::new(Mischief::None).serve(anywhere());
    // Bound, so that nobody else gets the port, and not listening.
    let gone = TcpSocket::new_v4().unwrap();
    gone.bind(anywhere()).unwrap();
    let gone = format!("http://{}", gone.local_addr().unwrap());
    let report = replayed(&[gone, here.url()]).await;
    assert!(report.connections_failed > 0 && report.retried > 0);
    assert!(
        report.connections_failed < here.calls() as u64 / 2,
        "avoided"
    );
}

#[tokio::test]
async fn one_that_answers_unavailable_costs_a_second_try() {
    let fake = Fake::new(Mischief::None);
    let good = fake.serve(anywhere());
    let bad = fake.reformed(Mischief::Unavailable).serve(anywhere());
    let report = replayed(&[bad.url(), good.url()]).await;
    assert_eq!(report.retried, bad.calls() as u64);
    assert!(bad.calls() > 20 && good.calls() > bad.calls());
    assert_eq!(report.connections_failed, 0, "it answers");
}

#[tokio::test]
async fn one_that_goes_away_in_the_middle_loses_nothing() {
    let fake = Fake::new(Mischief::None);
    let stays = fake.serve(anywhere());
    let goes = fake.reformed(Mischief::Silent(20)).serve(anywhere());
    let urls = [stays.url(), goes.url()];
    let away = async move {
        fake.has_stored(20).await;
        let calls = goes.calls();
        drop(goes);
        calls
    };
    let (report, calls) = tokio::join!(replayed(&urls), away);
    assert!(calls > 0 && report.retried > 0, "{calls} {report:?}");
    assert!(report.connections_failed > 0, "{report:?}");
}

#[tokio::test]
async fn whose_refresh_was_lost_signs_in_again() {
    let fake = Fake::new(Mischief::LostRefresh);
    let servers = [(); 2].map(|()| fake.serve(anywhere()));
    let report = replayed(&servers.each_ref().map(|server| server.url())).await;
    // Each of the four: at first, and after the refresh whose second try ended the session.
    assert_eq!((fake.sign_ins(), report.retried), (8, 4));
}

#[tokio::test]
async fn moody_ones_pass() {
    let fake = Fake::new(Mischief::Moody);
    let servers = [(); 2].map(|()| fake.serve(anywhere()));
    let report = replayed(&servers.each_ref().map(|server| server.url())).await;
    assert!(report.retried > 10, "{report:?}");
}

#[tokio::test]
async fn all_of_them_may_be_away_for_a_while() {
    let fake = Fake::new(Mischief::Silent(20));
    let servers = [(); 2].map(|()| fake.serve(anywhere()));
    let addresses = servers.each_ref().map(|server| server.address);
    let urls = servers.each_ref().map(|server| server.url());
    let restart = async move {
        fake.has_stored(20).await;
        drop(servers);
        let fake = fake.reformed(Mischief::None);
        addresses.map(|address| fake.serve(address))
    };
    let (report, _servers) = tokio::join!(replayed(&urls), restart);
    assert!(report.retried > 0, "{report:?}");
}
