//! What a person changed, as they read it: page by page, for 90 days, without their words.

use std::time::Duration;

use postern_proto::{
    common::v1::{PageInfo, PageRequest},
    settings::v1::{Change, ListChangesRequest},
};

use super::{
    fake::{by, service},
    *,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn list(
    rpc: &Rpc,
    user: UserId,
    page_size: i32,
    page_token: &str,
) -> Result<(Vec<Change>, PageInfo), Status> {
    let ask = ListChangesRequest {
        page: Some(PageRequest {
            page_size,
            page_token: page_token.to_owned(),
        }),
    };
    let answer = rpc.list_changes(by(user, ask)).await?.into_inner();
    Ok((answer.changes, answer.page.unwrap()))
}

fn values(changes: &[Change]) -> Vec<(&str, &str, &str)> {
    changes
        .iter()
        .map(|change| (&*change.path, &*change.before, &*change.after))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_listed_newest_first_page_by_page() {
    let (_database, rpc, identity) = service().await;
    let (user, other) = (identity.adult(), identity.adult());
    choose(&rpc, other, WhoCanMessage::NoOne).await.unwrap();
    for who in [
        WhoCanMessage::NoOne,
        WhoCanMessage::NoOne,
        WhoCanMessage::Friends,
        WhoCanMessage::Everyone,
    ] {
        rpc.clock.advance(Duration::from_secs(1));
        choose(&rpc, user, who).await.unwrap();
    }
    let (first, page) = list(&rpc, user, 2, "").await.unwrap();
    let path = "who_can_message";
    let expected = [(path, "FRIENDS", "EVERYONE"), (path, "NO_ONE", "FRIENDS")];
    assert_eq!(values(&first), expected);
    assert_eq!(first[0].change_time.unwrap().seconds, 5);
    let token = page.next_page_token;
    let (rest, page) = list(&rpc, user, 2, &token).await.unwrap();
    assert_eq!(values(&rest), [(path, "FRIENDS", "NO_ONE")]);
    assert_eq!(page.next_page_token, "");
    for (who, token) in [(other, token.as_str()), (user, "nonsense")] {
        let answer = list(&rpc, who, 2, token).await;
        let reason = ErrorReason::InvalidPageToken;
        refused(answer, Code::InvalidArgument, reason);
    }
    let negative = list(&rpc, user, -1, "").await;
    refused(negative, Code::InvalidArgument, ErrorReason::InvalidFields);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_counted_and_never_shown() {
    let (_database, rpc, identity) = service().await;
    let user = identity.adult();
    let words = |words: &[&str]| Settings {
        filters: Some(Filters {
            keywords: words.iter().map(|&word| word.to_owned()).collect(),
            ..Filters::default()
        }),
        ..Settings::default()
    };
    for list in [["secret", "hidden"].as_slice(), &["covert"], &["veiled"]] {
        rpc.clock.advance(Duration::from_secs(1));
        update(&rpc, user, words(list), &["filters.keywords"], "")
            .await
            .unwrap();
    }
    let (changes, _) = list(&rpc, user, 0, "").await.unwrap();
    let path = "filters.keywords";
    let expected = [(path, "1", "1"), (path, "2", "1"), (path, "0", "2")];
    assert_eq!(values(&changes), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_is_a_change_of_each_field_for_90_days() {
    let (_database, rpc, identity) = service().await;
    let user = identity.adult();
    let off = Settings {
        filters: Some(Filters {
            offensive: true,
            ..Filters::default()
        }),
        ..Settings::default()
    };
    let mask = ["filters", "read_receipts"];
    update(&rpc, user, off, &mask, "").await.unwrap();
    let (mut found, _) = list(&rpc, user, 0, "").await.unwrap();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    // What stayed as it was is no change.
    let expected = [
        ("filters.spam", "true", "false"),
        ("read_receipts", "true", "false"),
    ];
    assert_eq!(values(&found), expected);
    rpc.clock.advance(90 * DAY);
    assert_eq!(list(&rpc, user, 0, "").await.unwrap().0.len(), 2);
    // Whether or not a purge has come by.
    rpc.clock.advance(Duration::from_millis(1));
    assert_eq!(list(&rpc, user, 0, "").await.unwrap().0, []);
}
