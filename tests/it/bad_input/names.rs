//! Names that mislead: what does not show, what reorders, what paints over other lines. A name is
//! refused wherever one is given; a message may hold all of it.

use postern_proto::{
    common::v1::ErrorReason,
    identity::v1::{Account, CreateAccountRequest, CreateSessionRequest, UpdateAccountRequest},
    settings::v1::{Filters, Settings, UpdateSettingsRequest},
};
use tonic::Code;

use super::{ask, stored, wrong_fields};
use crate::suite::{PASSWORD, Person, Suite, assert_fails, delivered, mask, text_content};

/// Names that nobody may give to anything.
fn misleading() -> Vec<String> {
    let inside = [
        '\0',
        '\t',
        '\n',
        '\r',
        '\u{1B}',
        '\u{7F}',
        '\u{80}',
        '\u{85}',
        '\u{9F}',
        '\u{61C}',
        '\u{200B}',
        '\u{200E}',
        '\u{200F}',
        '\u{2028}',
        '\u{2029}',
        '\u{202A}',
        '\u{202B}',
        '\u{202C}',
        '\u{202D}',
        '\u{202E}',
        '\u{2060}',
        '\u{2066}',
        '\u{2067}',
        '\u{2068}',
        '\u{2069}',
        '\u{FEFF}',
        '\u{FFF9}',
        '\u{FFFE}',
        '\u{1FFFF}',
        '\u{E0001}',
        '\u{E0041}',
        '\u{E007F}',
    ];
    // The first of them joins its letter.
    let marks = ["\u{301}".repeat(10), "\u{489}\u{20DD}\u{301}".repeat(3)];
    let empty = [
        "   ", "\u{3000}", "\u{200D}", "\u{3164}", "\u{2800}", "\u{301}",
    ];
    let inside = inside.into_iter().map(|odd| format!("a{odd}b"));
    let marks = marks.into_iter().map(|marks| format!("a{marks}"));
    inside
        .chain(marks)
        .chain(empty.map(str::to_owned))
        .collect()
}

/// What other scripts and emoji need.
const HONEST: [&str; 8] = [
    "Zoë",
    "نور",
    "नेहा",
    "שרה",
    "👩‍🚀 Aya",
    "O’Brien-Ğ",
    "می‌خواهم",
    "a\u{301}\u{323}\u{302}",
];

async fn rename(person: &Person, name: &str) -> Result<Vec<u8>, tonic::Status> {
    let update = UpdateAccountRequest {
        account: Some(Account {
            display_name: name.to_owned(),
            ..Account::default()
        }),
        update_mask: Some(mask(&["display_name"])),
        etag: String::new(),
    };
    ask(person, "identity.v1.AccountService/UpdateAccount", &update).await
}

async fn choose(person: &Person, words: &[&str]) -> Result<Vec<u8>, tonic::Status> {
    let filters = Filters {
        keywords: words.iter().map(|word| (*word).to_owned()).collect(),
        ..Filters::default()
    };
    let update = UpdateSettingsRequest {
        settings: Some(Settings {
            filters: Some(filters),
            ..Settings::default()
        }),
        update_mask: Some(mask(&["filters.keywords"])),
        etag: String::new(),
    };
    ask(
        person,
        "settings.v1.SettingsService/UpdateSettings",
        &update,
    )
    .await
}

async fn sign_in(person: &Person, device: &str, password: &str) -> Result<Vec<u8>, tonic::Status> {
    let create = CreateSessionRequest {
        handle: "nobody".to_owned(),
        password: password.to_owned(),
        device_name: device.to_owned(),
    };
    ask(person, "identity.v1.SessionService/CreateSession", &create).await
}

#[tokio::test(flavor = "multi_thread")]
async fn misleading_names_are_refused_wherever_a_name_is_given() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let before = stored(&ada).await;
    for name in misleading() {
        let create = CreateAccountRequest {
            handle: "ben".to_owned(),
            display_name: name.clone(),
            password: PASSWORD.to_owned(),
            birth_date: "1990-05-17".to_owned(),
            kind: 0,
        };
        let answer = ask(&ada, "identity.v1.AccountService/CreateAccount", &create).await;
        assert_eq!(wrong_fields(answer), ["display_name"], "{name:?}");
        let answer = rename(&ada, &name).await;
        assert_eq!(wrong_fields(answer), ["account.display_name"], "{name:?}");
        let answer = sign_in(&ada, &name, PASSWORD).await;
        assert_eq!(wrong_fields(answer), ["device_name"], "{name:?}");
        let answer = choose(&ada, &["fine", &name, "good", &name]).await;
        let both = [
            "settings.filters.keywords[1]",
            "settings.filters.keywords[3]",
        ];
        assert_eq!(wrong_fields(answer), both, "{name:?}");
    }
    assert_eq!(stored(&ada).await, before);
    suite.person("ben").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_beyond_their_length_are_refused() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    for count in [51, 1_000, 30_000] {
        let name = "é".repeat(count);
        assert_eq!(
            wrong_fields(rename(&ada, &name).await),
            ["account.display_name"]
        );
        let answer = choose(&ada, &[&name]).await;
        assert_eq!(wrong_fields(answer), ["settings.filters.keywords[0]"]);
    }
    assert_eq!(
        wrong_fields(rename(&ada, "").await),
        ["account.display_name"]
    );
    let words: Vec<_> = (0..101).map(|number| format!("w{number}")).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let answer = choose(&ada, &words).await;
    assert_eq!(wrong_fields(answer), ["settings.filters.keywords"]);
    let answer = sign_in(&ada, &"é".repeat(65), &"x".repeat(513)).await;
    assert_eq!(wrong_fields(answer), ["password", "device_name"]);
    rename(&ada, &"é".repeat(50)).await.unwrap();
    choose(&ada, &words[..100]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_scripts_need_is_allowed_and_a_message_may_hold_anything() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    ada.follow(&ben).await;
    for name in HONEST {
        rename(&ada, name).await.unwrap();
        choose(&ada, &[name]).await.unwrap();
    }
    let refused = sign_in(&ada, HONEST[0], PASSWORD).await;
    assert_fails(
        refused,
        Code::Unauthenticated,
        ErrorReason::CredentialsInvalid,
    );
    for (number, text) in misleading().iter().enumerate() {
        if text.contains('\0') {
            continue;
        }
        let sent = ben.send_as(&ada, &number.to_string(), text).await.unwrap();
        assert_eq!(delivered(sent).message.unwrap().content, text_content(text));
    }
}
