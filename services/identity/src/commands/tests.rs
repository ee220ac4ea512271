//! Every command, as its words are typed.

use postern_shared::{
    caller::ServiceName,
    clock::{Clock, Timestamp},
    id::UserId,
    random::Random,
    testing::{self, Guard},
};

use super::*;
use crate::{
    domain::{Account, Kind, NewAccount, PasswordHash},
    store::MIGRATIONS,
};

/// 2026-11-23.
const NOW: Timestamp = Timestamp::from_unix_millis(1_795_392_000_000);

struct World {
    tools: Tools,
    _database: Guard,
}

async fn world() -> World {
    let (database, db) = testing::database(ServiceName::Identity, MIGRATIONS).await;
    let tools = Tools {
        db,
        clock: Clock::manual(NOW),
        random: Random::system(),
    };
    let world = World {
        tools,
        _database: database,
    };
    world.create("ada", Kind::Personal).await;
    world.create("shop", Kind::Business).await;
    world
}

impl World {
    async fn create(&self, handle: &str, kind: Kind) {
        let new = NewAccount {
            handle: Handle::parse(handle).unwrap(),
            display_name: handle.to_owned(),
            kind,
            birth_date: BirthDate::from_text("1990-02-03").unwrap(),
        };
        let id = UserId::random(&self.tools.random);
        let account = Account::open(id, new, 13, NOW).unwrap();
        let store = Store::new(self.tools.db.clone());
        let hash = PasswordHash::new("x".to_owned());
        store.create_account(&account, &hash).await.unwrap();
    }

    async fn run(&self, words: &str) -> Result<String, String> {
        let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        let command = COMMANDS.iter().find(|c| c.name == words[0]).unwrap();
        (command.read)(&words[1..])?(self.tools.clone()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_given_listed_and_taken() {
    let world = world().await;
    assert_eq!(world.run("grants").await.unwrap(), "");
    for (words, told) in [
        (
            "grant ada moderator",
            "ada is moderator from the next refreshed token on\n",
        ),
        ("grant ada moderator", "ada is moderator already\n"),
        (
            "grant ada operator",
            "ada is operator from the next refreshed token on\n",
        ),
        ("revoke ada operator", "ada is operator no longer\n"),
        ("revoke ada operator", "ada is not operator anyway\n"),
    ] {
        assert_eq!(world.run(words).await.unwrap(), told, "{words}");
    }
    let listed = world.run("grants").await.unwrap();
    let words: Vec<_> = listed.split_whitespace().collect();
    assert_eq!(words, ["ada", "moderator", "since", "2026-11-23"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_birth_date_is_corrected() {
    let world = world().await;
    let told = world.run("birth-date ada 2011-04-05").await.unwrap();
    assert_eq!(
        told,
        "ada was born on 2011-04-05; before, it said otherwise\n"
    );
    let told = world.run("birth-date ada 2011-04-05").await.unwrap();
    assert_eq!(told, "ada was born on 2011-04-05, as it says already\n");
    let refused = world.run("birth-date shop 2011-04-05").await.unwrap_err();
    assert!(refused.contains("must belong to an adult"), "{refused}");
    world.run("birth-date shop 1991-04-05").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said() {
    let world = world().await;
    for (words, problem) in [
        ("grant", "a handle and a role are needed"),
        ("grant ada", "a handle and a role are needed"),
        ("grant ada moderator now", "a handle and a role are needed"),
        (
            "grant Ada moderator",
            "the handle `Ada` must be in lower case",
        ),
        (
            "grant ada admin",
            "`admin` is no role, which is moderator or operator",
        ),
        (
            "grant nobody moderator",
            "nobody goes by the handle `nobody`",
        ),
        (
            "revoke nobody operator",
            "nobody goes by the handle `nobody`",
        ),
        ("grants ada", "nothing stands behind `grants`"),
        ("birth-date ada", "a handle and a date are needed"),
        (
            "birth-date ada 5.4.2011",
            "the date `5.4.2011` must be a day",
        ),
        (
            "birth-date ada 2030-01-01",
            "the date `2030-01-01` must not be in the future",
        ),
        (
            "birth-date nobody 2011-04-05",
            "nobody goes by the handle `nobody`",
        ),
    ] {
        let told = world.run(words).await.unwrap_err();
        assert!(told.starts_with(problem), "{words}: {told}");
    }
    assert_eq!(world.run("grants").await.unwrap(), "");
}
