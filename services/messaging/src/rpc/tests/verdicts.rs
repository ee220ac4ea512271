//! What is found in a message, and where it goes then. The sender is told the same.

use std::time::Duration;

use aws_lc_rs::digest;
use postern_proto::{
    messaging::v1::{
        AcceptRequestRequest, Placement, RequestTier, message_service_server::MessageService as _,
        request_service_server::RequestService as _,
    },
    policy::v1::{AgeBand, RefusalReason, WhoCanMessage},
    settings::v1::DmPolicy,
};
use postern_shared::id::UserId;
use uuid::Uuid;

use super::{
    LONG, Rpc, by, delivered,
    fake::{Fake, service, service_with},
    raising::{conversations, messages, requests},
    refused, send, text, to,
};
use crate::{config::Config, store::World};

/// Sends a text, and answers where it was put and where the sender was told that it went.
async fn placed(
    world: &World,
    rpc: &Rpc,
    from: UserId,
    other: UserId,
    said: &str,
) -> (String, Placement) {
    let id = format!("id-{}", world.messages().await.len());
    let answer = rpc.send_message(by(from, LONG, text(to(other), &id, said)));
    let told = delivered(answer.await.map(tonic::Response::into_inner)).placement();
    let rows = world.messages().await;
    let sent = |row: &&_| {
        let row: &crate::store::Stored = row;
        row.sender_id == from.uuid() && row.client_message_id == id
    };
    (rows.iter().find(sent).unwrap().placement.clone(), told)
}

fn filters(fake: &Fake, user: UserId, change: impl FnOnce(&mut DmPolicy)) {
    fake.with(|state| change(state.policies.get_mut(&user.to_string()).unwrap()));
}

fn open(fake: &Fake) -> UserId {
    fake.person(WhoCanMessage::Everyone)
}

#[tokio::test(flavor = "multi_thread")]
async fn own_words_put_a_message_behind_a_tap_or_out_of_sight() {
    let (world, rpc, fake) = service().await;
    let (ada, friend, stranger) = (open(&fake), open(&fake), open(&fake));
    fake.befriend(ada, friend);
    filters(&fake, ada, |policy| {
        policy.filter_keywords = vec!["Crypto".to_owned()];
    });
    let warned = ("inbox_with_warning".to_owned(), Placement::Inbox);
    let hidden = ("hidden_request".to_owned(), Placement::Request);
    let clean = ("inbox".to_owned(), Placement::Inbox);
    assert_eq!(placed(&world, &rpc, friend, ada, "CRYPTO!").await, warned);
    assert_eq!(placed(&world, &rpc, friend, ada, "hello").await, clean);
    assert_eq!(placed(&world, &rpc, stranger, ada, "crypto").await, hidden);
    // They are hers: nobody else's messages are looked through for them.
    assert_eq!(placed(&world, &rpc, ada, friend, "crypto").await, clean);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_lifts_no_hidden_request_by_a_clean_message() {
    let (world, rpc, fake) = service().await;
    for said in [["crypto", "hello"], ["hello", "crypto"]] {
        let (ada, ben) = (open(&fake), open(&fake));
        filters(&fake, ada, |policy| {
            policy.filter_keywords = vec!["crypto".to_owned()];
        });
        for text in said {
            placed(&world, &rpc, ben, ada, text).await;
        }
        let listed = requests(&rpc, ada, RequestTier::Hidden).await;
        let counts = (listed.hidden_count, listed.filtered_count);
        assert_eq!((listed.requests.len(), counts), (1, (1, 0)), "{said:?}");
        // What was found stays behind a tap, also once he is let in; to him nothing shows.
        let id = listed.requests[0].conversation_id.clone();
        let newest_first = [said[1] == "crypto", said[0] == "crypto"];
        for accepted in [false, true] {
            for (reader, expected) in [(ada, newest_first), (ben, [false, false])] {
                let read = messages(&rpc, reader, &id).await.unwrap().messages;
                let warned: Vec<_> = read.iter().map(|one| one.content_warning).collect();
                assert_eq!(warned, expected, "{said:?}, accepted: {accepted}");
            }
            let conversation_id = id.clone();
            let accept = by(ada, LONG, AcceptRequestRequest { conversation_id });
            rpc.accept_request(accept).await.unwrap();
        }
        assert_eq!(conversations(&rpc, ada, 0).await.len(), 1);
    }
    // Whoever is trusted is heard all the same.
    let (ada, ben) = (open(&fake), open(&fake));
    filters(&fake, ada, |policy| policy.filter_spam = true);
    placed(&world, &rpc, ben, ada, "look at example.com").await;
    fake.befriend(ada, ben);
    placed(&world, &rpc, ben, ada, "hello").await;
    assert_eq!(conversations(&rpc, ada, 0).await.len(), 1);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_link_is_hidden_by_the_filter_for_spam() {
    let (world, rpc, fake) = service().await;
    let said = "look at example.com";
    for (spam, expected) in [(true, "hidden_request"), (false, "request")] {
        let (ada, ben, friend) = (open(&fake), open(&fake), open(&fake));
        fake.befriend(ada, friend);
        filters(&fake, ada, |policy| policy.filter_spam = spam);
        let (place, told) = placed(&world, &rpc, ben, ada, said).await;
        assert_eq!((place.as_str(), told), (expected, Placement::Request));
        let (place, _) = placed(&world, &rpc, friend, ada, said).await;
        assert_eq!(place, "inbox");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_is_flagged_from_the_fifth_stranger_on() {
    let five = |config: &mut Config| config.same_text_strangers = Some(5);
    let (world, rpc, fake) = service_with(five).await;
    let ada = open(&fake);
    let anew = || {
        let other = open(&fake);
        filters(&fake, other, |policy| policy.filter_spam = true);
        other
    };
    let friend = anew();
    fake.befriend(ada, friend);
    let first = anew();
    for other in [first, first, friend, anew(), anew(), anew()] {
        let (place, _) = placed(&world, &rpc, ada, other, "Buy  this").await;
        let expected = if other == friend { "inbox" } else { "request" };
        assert_eq!(place, expected);
    }
    for said in ["Buy this", "buy THIS\n"] {
        let (place, told) = placed(&world, &rpc, ada, anew(), said).await;
        assert_eq!(
            (place.as_str(), told),
            ("hidden_request", Placement::Request)
        );
    }
    // Others' texts, other texts, and the trusted are not concerned.
    let (place, _) = placed(&world, &rpc, open(&fake), anew(), "Buy this").await;
    assert_eq!(place, "request");
    let (place, _) = placed(&world, &rpc, ada, anew(), "Buy that").await;
    assert_eq!(place, "request");
    let (place, _) = placed(&world, &rpc, ada, friend, "Buy this").await;
    assert_eq!(place, "inbox");
    // And it is forgotten.
    rpc.clock.advance(Duration::from_secs(24 * 60 * 60));
    let (place, _) = placed(&world, &rpc, ada, anew(), "Buy this").await;
    assert_eq!(place, "request");
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_stands_in_its_message_and_nowhere_else() {
    let (world, rpc, fake) = service_with(|config| config.same_text_strangers = Some(5)).await;
    let (ada, ben) = (open(&fake), open(&fake));
    filters(&fake, ada, |policy| {
        policy.filter_keywords = vec!["canary".to_owned()];
    });
    let said = "canary at example.com";
    placed(&world, &rpc, ben, ada, said).await;
    fake.let_write(ada, WhoCanMessage::Friends);
    refused(send(&rpc, open(&fake), ada, "canary-id").await);
    assert_eq!(world.messages().await[0].body.as_deref(), Some(said));
    world.run("UPDATE message SET body = NULL").await;
    // Who guesses what was said finds no trace of it either.
    let guessed = [ben.uuid().as_bytes(), said.as_bytes(), b" "].concat();
    let guessed = digest::digest(&digest::SHA256, &guessed);
    let guessed = Uuid::from_slice(&guessed.as_ref()[..16]).unwrap();
    let rows = world.everything().await;
    assert!(rows.iter().any(|row| row.contains("text_hash")));
    for row in rows {
        assert!(!row.contains("canary"), "{row}");
        assert!(!row.contains(&guessed.to_string()), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_birth_date_leaves_no_wider_value_in_force() {
    let (world, rpc, fake) = service().await;
    let (ada, ben, friend) = (open(&fake), open(&fake), open(&fake));
    for user in [ada, ben, friend] {
        fake.with(|state| {
            let standing = state.standings.get_mut(&user.to_string()).unwrap();
            standing.age_band = AgeBand::AgeBand16To17.into();
        });
    }
    fake.befriend(ada, friend);
    let answer = refused(send(&rpc, ben, ada, "id").await);
    assert_eq!(answer.reason(), RefusalReason::MutualFollowRequired);
    let (place, _) = placed(&world, &rpc, friend, ada, "hello").await;
    assert_eq!(place, "inbox");
}
