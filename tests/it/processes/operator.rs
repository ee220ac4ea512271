//! What an operator does on the machine, beside a suite that serves: the next call sees it.

use std::process::{Command, Output};

use postern_proto::identity::v1::{
    GetAccountRequest, GetMyStandingRequest, OwnAccountDetails,
    standing_service_client::StandingServiceClient,
};

use crate::suite::{Home, Person, Suite};

fn postern(suite: &Suite, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_postern-under-test"))
        .env_clear()
        .env("POSTERN_DATA_DIR", suite.home.path())
        .args(words.split_whitespace())
        .output()
        .unwrap()
}

#[track_caller]
fn does(suite: &Suite, words: &str) -> String {
    let done = postern(suite, words);
    assert!(done.status.success(), "{words}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

async fn roles(person: &Person) -> Vec<String> {
    let mut standing = StandingServiceClient::new(person.channel.clone());
    let asked = standing.get_my_standing(person.ask(GetMyStandingRequest {}));
    asked.await.unwrap().into_inner().roles
}

async fn own(suite: &Suite, person: &Person) -> OwnAccountDetails {
    let asked = person.ask(GetAccountRequest::default());
    let shown = suite.accounts().get_account(asked).await.unwrap();
    shown.into_inner().account.unwrap().own.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_birth_dates_come_from_the_machine() {
    let suite = Suite::start_in(Home::on_files(), Suite::clock(), &[]).await;
    let ada = suite.person("ada").await;
    assert_eq!(roles(&ada).await, Vec::<String>::new());
    does(&suite, "grant ada moderator");
    assert_eq!(roles(&ada).await, ["moderator"]);
    assert!(does(&suite, "grants").starts_with("ada "));
    does(&suite, "revoke ada moderator");
    assert_eq!(roles(&ada).await, Vec::<String>::new());
    let before = own(&suite, &ada).await;
    does(&suite, "birth-date ada 1980-01-02");
    let after = own(&suite, &ada).await;
    assert_eq!(after.birth_date, "1980-01-02");
    assert_ne!(after.etag, before.etag);
    for wrong in [
        "grant ada",
        "grant eve moderator",
        "birth-date ada 1.2.1980",
    ] {
        let refused = postern(&suite, wrong);
        assert!(!refused.status.success() && refused.stdout.is_empty());
        assert!(
            refused.stderr.starts_with(b"error: "),
            "{wrong}: {refused:?}"
        );
    }
    let help = String::from_utf8(postern(&suite, "--help").stdout).unwrap();
    for command in [
        "grant HANDLE ROLE",
        "revoke",
        "grants",
        "birth-date",
        "backup FOLDER",
    ] {
        assert!(help.contains(&format!("cargo run -- {command}")), "{help}");
    }
}
