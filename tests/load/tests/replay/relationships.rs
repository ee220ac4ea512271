//! The command that measures GetRelationship, of one server and of two.

use super::fake::{Fake, Mischief};
use super::{anywhere, load, written};

const ADA: &str = "0f0e0d0c-0b0a-4988-8777-665544332211";
const BEN: &str = "11223344-5566-4788-99aa-bbccddeeff00";
const EVE: &str = "22223344-5566-4788-99aa-bbccddeeff00";
const HEADER: &str = "postern-service: messaging.secret";

/// The exit code, the JSON and what was said.
fn measured(args: &[&str]) -> (Option<i32>, serde_json::Value, String) {
    let output = load(&[&["relationships"], args].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), json, stderr)
}

#[test]
fn one_server_is_measured() {
    let fake = Fake::new(Mischief::None);
    fake.follow(BEN, ADA);
    let server = fake.serve(anywhere());
    let pairs = written("pairs.txt", &format!("{ADA} {BEN}\n{ADA} {EVE}\n"));
    let url = server.url();
    let ask = ["--internal", &url, "--header", HEADER, "--pairs", &pairs];
    let (code, json, stderr) = measured(&[&ask[..], &["--calls=40", "--warm-up=6"]].concat());
    assert_eq!((code, &*stderr), (Some(0), ""));
    let internal = &json["internal"];
    assert_eq!(
        (&internal["calls"], &internal["related"]),
        (&40.into(), &20.into())
    );
    assert!(internal["p50_ms"].as_f64().unwrap() > 0.0, "{json}");
    assert!(json.get("against").is_none() && json.get("p50_ratio").is_none());
    assert_eq!(server.calls(), 46);
}

#[test]
fn two_servers_are_asked_in_turn() {
    let fake = Fake::new(Mischief::None);
    fake.follow(ADA, BEN);
    let [one, other] = [(); 2].map(|()| fake.serve(anywhere()));
    let users = written("users.txt", &format!("{ADA}\n{BEN}\n"));
    let strangers = written("strangers.txt", &format!("{ADA} {EVE}\n"));
    let (internal, against) = (one.url(), other.url());
    let (code, json, stderr) = measured(&[
        "--internal",
        &internal,
        "--against",
        &against,
        "--header",
        HEADER,
        "--users",
        &users,
        "--against-pairs",
        &strangers,
        "--calls=30",
        "--warm-up=0",
        "--in-flight=4",
    ]);
    assert_eq!((code, &*stderr), (Some(0), ""));
    assert_eq!(json["internal"]["related"], 30);
    assert_eq!(json["against"]["related"], 0);
    assert_eq!(json["against"]["url"], against);
    let p50 = |side: &str| json[side]["p50_ms"].as_f64().unwrap();
    let ratio = json["p50_ratio"].as_f64().unwrap();
    assert!(
        (ratio - p50("internal") / p50("against")).abs() < 0.001,
        "{json}"
    );
    assert_eq!((one.calls(), other.calls()), (30, 30));
}

#[test]
fn says_what_is_wrong_before_it_asks() {
    let server = Fake::new(Mischief::None).serve(anywhere());
    let url = server.url();
    let good = written("good-pairs.txt", &format!("{ADA} {BEN}\n"));
    let bad = written("bad-pairs.txt", &format!("{ADA} {BEN}\n{ADA}\n"));
    for (header, pairs, expected) in [
        (HEADER, &*bad, "bad-pairs.txt:2: found `0f0e0d0c"),
        (
            HEADER,
            "no/such",
            "cannot read the people to ask about `no/such`: ",
        ),
        (
            "secret",
            &good,
            "cannot send `…` as a header: expected `name: value`",
        ),
    ] {
        let ask = ["--internal", &url, "--header", header, "--pairs", pairs];
        let (code, json, stderr) = measured(&ask);
        assert!(
            stderr.contains(expected) && !stderr.contains("secret"),
            "{stderr}"
        );
        assert_eq!((code, json.is_null()), (Some(2), true), "{expected}");
    }
    assert_eq!(server.calls(), 0);
}

#[test]
fn the_first_call_that_fails_ends_it() {
    let server = Fake::new(Mischief::None).serve(anywhere());
    let url = server.url();
    let pairs = written("asked-pairs.txt", &format!("{ADA} {BEN}\n"));
    let header = "postern-service: nobody.else";
    let ask = ["--internal", &url, "--header", header, "--pairs", &pairs];
    let (code, json, stderr) = measured(&ask);
    let expected = format!("`GetRelationship` for `{ADA} and {BEN}` at {url}: Unauthenticated: ");
    assert!(stderr.contains(&expected), "{stderr}");
    assert_eq!((code, json.is_null()), (Some(1), true));
    assert!(server.calls() <= 8, "{}", server.calls());
}
