//! Choices: what a person starts with, what they change, and what their age keeps from them.

use std::time::Duration;

use postern_proto::{
    common::v1::ErrorReason,
    policy::v1::{AccountKind, WhoCanMessage},
    settings::v1::{Filters, GetSettingsRequest, Notifications, Settings, UpdateSettingsRequest},
};
use tonic::{Code, Status};

use crate::suite::{Person, START, Suite, assert_fails, mask};

const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What everybody starts with, but for who may write and the etag.
fn defaults(who: WhoCanMessage, etag: &str) -> Settings {
    Settings {
        who_can_message: who.into(),
        read_receipts: true,
        filters: Some(Filters {
            spam: true,
            offensive: true,
            keywords: vec![],
        }),
        notifications: Some(Notifications {
            messages: true,
            requests: true,
            previews: true,
        }),
        update_time: None,
        etag: etag.to_owned(),
    }
}

/// Settings with nothing in them, to be sent under a mask.
fn off() -> Settings {
    Settings {
        filters: Some(Filters::default()),
        notifications: Some(Notifications::default()),
        ..Settings::default()
    }
}

fn who(who: WhoCanMessage) -> Settings {
    Settings {
        who_can_message: who.into(),
        ..Settings::default()
    }
}

async fn get(person: &Person) -> Settings {
    let answer = person
        .settings()
        .get_settings(person.ask(GetSettingsRequest {}))
        .await;
    answer.unwrap().into_inner().settings.unwrap()
}

async fn update(
    person: &Person,
    settings: Settings,
    paths: &[&str],
    etag: &str,
) -> Result<Settings, Status> {
    let ask = person.ask(UpdateSettingsRequest {
        settings: Some(settings),
        update_mask: (!paths.is_empty()).then(|| mask(paths)),
        etag: etag.to_owned(),
    });
    let answer = person.settings().update_settings(ask).await?;
    Ok(answer.into_inner().settings.unwrap())
}

async fn refused_for_age(person: &Person, settings: Settings, paths: &[&str]) {
    let answer = update(person, settings, paths, "").await;
    assert_fails(
        answer,
        Code::FailedPrecondition,
        ErrorReason::SettingNotAllowedForAge,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_starts_with_what_fits_their_age_and_kind() {
    use WhoCanMessage::{Everyone, Friends, NoOne};
    let suite = Suite::start().await;
    let (personal, business) = (AccountKind::Personal, AccountKind::Business);
    for (handle, birth, kind, who) in [
        ("adult", "2008-11-23", personal, Friends),
        ("shop", "2008-11-23", business, Everyone),
        ("teen", "2008-11-24", personal, NoOne),
        ("sixteen", "2010-11-23", personal, NoOne),
        ("child", "2010-11-24", personal, NoOne),
        ("thirteen", "2013-11-23", personal, NoOne),
    ] {
        let person = suite.person_born(handle, birth, kind).await;
        let settings = get(&person).await;
        assert_eq!(settings.etag.len(), 16);
        assert_eq!(settings, defaults(who, &settings.etag), "{handle}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_names_what_changes_and_the_rest_stays() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    let bens = get(&ben).await;
    type Change = fn(&mut Settings);
    let changes: [(&str, Change); 9] = [
        ("read_receipts", |s| s.read_receipts = false),
        ("filters.spam", |s| s.filters.as_mut().unwrap().spam = false),
        ("filters.offensive", |s| {
            s.filters.as_mut().unwrap().offensive = false
        }),
        ("notifications.messages", |s| {
            s.notifications.as_mut().unwrap().messages = false
        }),
        ("notifications.requests", |s| {
            s.notifications.as_mut().unwrap().requests = false
        }),
        ("notifications.previews", |s| {
            s.notifications.as_mut().unwrap().previews = false
        }),
        ("filters", |s| s.filters = Some(Filters::default())),
        ("notifications", |s| {
            s.notifications = Some(Notifications::default())
        }),
        ("filters.keywords", |s| {
            s.filters.as_mut().unwrap().keywords = vec![]
        }),
    ];
    let words = ["Zo\u{eb}", "crypto"].map(str::to_owned);
    for (path, change) in changes {
        let mut start = defaults(WhoCanMessage::Everyone, "");
        start.filters.as_mut().unwrap().keywords = words.to_vec();
        let start = update(&ada, start, &["*"], "").await.unwrap();
        let changed = update(&ada, off(), &[path], "").await.unwrap();
        let mut expected = start;
        change(&mut expected);
        let (etag, update_time) = (changed.etag.clone(), Some(suite.clock.now().to_proto()));
        assert_ne!(etag, expected.etag, "{path}");
        assert_eq!(
            changed,
            Settings {
                etag,
                update_time,
                ..expected
            },
            "{path}"
        );
        assert_eq!(get(&ada).await, changed, "{path}");
    }
    // Of other people nothing changed.
    assert_eq!(get(&ben).await, bens);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mask_what_is_set_changes() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let all_off = Settings {
        who_can_message: WhoCanMessage::Friends.into(),
        ..off()
    };
    update(&ada, all_off, &["*"], "").await.unwrap();
    let set = Settings {
        who_can_message: WhoCanMessage::NoOne.into(),
        notifications: Some(Notifications {
            requests: true,
            ..Notifications::default()
        }),
        filters: Some(Filters {
            keywords: [" b ", "Zoe\u{308}", "b", "Zo\u{eb}", "B"]
                .map(str::to_owned)
                .into(),
            ..Filters::default()
        }),
        ..Settings::default()
    };
    let changed = update(&ada, set, &[], "").await.unwrap();
    let filters = changed.filters.unwrap();
    // Each word once, in one spelling, in the order in which they came.
    assert_eq!(filters.keywords, ["b", "Zo\u{eb}", "B"]);
    assert!(!filters.spam && !filters.offensive && !changed.read_receipts);
    let notifications = changed.notifications.unwrap();
    assert!(notifications.requests && !notifications.messages && !notifications.previews);
    assert_eq!(get(&ada).await.who_can_message(), WhoCanMessage::NoOne);
}

#[tokio::test(flavor = "multi_thread")]
async fn masks_that_name_nothing_are_refused() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let before = get(&ada).await;
    let many = vec!["read_receipts"; 51];
    for paths in [
        &["nothing"][..],
        &[""],
        &["etag"],
        &["update_time"],
        &["filters.*"],
        &["settings.read_receipts"],
        &["READ_RECEIPTS"],
        &["read_receipts", "nothing"],
        &many,
        // Named, and not said.
        &["who_can_message"],
        &["*"],
    ] {
        let answer = update(&ada, Settings::default(), paths, "").await;
        assert_fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    }
    let ask = ada.ask(UpdateSettingsRequest::default());
    let answer = ada.settings().update_settings(ask).await;
    assert_fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    assert_eq!(get(&ada).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_is_good_for_what_was_read() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    let read = get(&ada).await;
    let everyone = || who(WhoCanMessage::Everyone);
    let changed = update(&ada, everyone(), &[], &read.etag).await.unwrap();
    assert_eq!(changed.update_time, Some(START.to_proto()));
    let bens = get(&ben).await.etag;
    for old in [read.etag.as_str(), bens.as_str(), "x"] {
        let answer = update(&ada, who(WhoCanMessage::NoOne), &[], old).await;
        assert_fails(answer, Code::Aborted, ErrorReason::EtagMismatch);
    }
    // What changes nothing is no change.
    suite.pass(Duration::from_secs(60));
    let same = update(&ada, everyone(), &[], &changed.etag).await.unwrap();
    assert_eq!((same, get(&ada).await), (changed.clone(), changed));
}

#[tokio::test(flavor = "multi_thread")]
async fn age_locks_what_the_policy_says() {
    use WhoCanMessage::{Everyone, Friends, NoOne};
    let suite = Suite::start().await;
    let personal = AccountKind::Personal;
    let child = suite.person_born("child", "2010-11-24", personal).await;
    let teen = suite.person_born("teen", "2010-11-23", personal).await;
    for value in [Everyone, Friends] {
        refused_for_age(&child, who(value), &[]).await;
    }
    refused_for_age(&teen, who(Everyone), &["who_can_message"]).await;
    for person in [&child, &teen] {
        let before = get(person).await;
        let locked = ["filters.spam", "filters.offensive", "filters"];
        for path in locked {
            refused_for_age(person, off(), &[path]).await;
        }
        let all = Settings {
            who_can_message: NoOne.into(),
            ..off()
        };
        refused_for_age(person, all, &["*"]).await;
        // Of what is refused in part nothing is stored.
        refused_for_age(person, off(), &["read_receipts", "filters.spam"]).await;
        assert_eq!(get(person).await, before);
        update(person, off(), &["read_receipts", "notifications"], "")
            .await
            .unwrap();
        update(person, who(NoOne), &[], "").await.unwrap();
    }
    let friends = update(&teen, who(Friends), &[], "").await.unwrap();
    assert_eq!(friends.who_can_message(), Friends);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_birthday_widens_nothing_until_its_owner_does() {
    let suite = Suite::start().await;
    let teen = suite
        .person_born("teen", "2009-06-01", AccountKind::Personal)
        .await;
    let before = get(&teen).await;
    suite.pass(YEAR);
    let adult = Person {
        token: suite.token(teen.id, suite.clock.now()),
        ..teen
    };
    assert_eq!(get(&adult).await, before);
    let chosen = update(&adult, who(WhoCanMessage::Everyone), &[], "")
        .await
        .unwrap();
    assert_eq!(chosen.who_can_message(), WhoCanMessage::Everyone);
    update(&adult, off(), &["filters"], "").await.unwrap();
}
