//! Deleting for everyone: what goes, what stays, and what it does to a request.

use std::time::Duration;

use postern_shared::{clock::Timestamp, fence::Effect, id::UserId};

use super::{NOW, SEEN, World, asking, friendly, person, trusted};
use crate::{
    domain::{Conversation, Folder, Message, Outcome, Request},
    store::{List, Unsend, Unsent},
};

const WINDOW: Duration = Duration::from_secs(180);

fn unsending(pair: &Conversation, person: UserId, seq: i64) -> Unsend {
    Unsend {
        person,
        conversation: pair.id,
        seq,
        window: Some(WINDOW),
        at: NOW.plus(WINDOW),
    }
}

impl World {
    async fn unsend(&self, pair: &Conversation, person: UserId, seq: i64) -> Message {
        let unsent = self.store.unsend(unsending(pair, person, seq)).await;
        match unsent.unwrap() {
            Unsent::Deleted(message) => *message,
            other => panic!("{other:?}"),
        }
    }

    async fn request(&self, of: UserId, to: UserId) -> Request {
        self.conversation_of(of, to).await.side(of).request
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_go_and_the_place_stays() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let sent: Vec<_> = (1..=3)
        .map(|n| friendly(pair, ada, &format!("{n}")))
        .collect();
    world.commit(&sent).await;
    let before = world.participant(ben, &pair).await;
    assert_eq!(before.unread, 3);
    let left = world.unsend(&pair, ada, 2).await;
    assert_eq!((left.seq, left.content.body()), (2, ""));
    assert_eq!(left.deleted_at, Some(NOW.plus(WINDOW)));
    let rows = world.messages().await;
    let bodies = (1..=3).map(|seq| rows.iter().find(|row| row.seq == seq).unwrap());
    let bodies: Vec<_> = bodies.map(|row| row.body.as_deref()).collect();
    assert_eq!(bodies, [Some("text of 1"), None, Some("text of 3")]);
    // One less to read; no list moves; each is told once.
    let after = world.participant(ben, &pair).await;
    assert_eq!((after.unread, after.last_event), (2, before.last_event));
    for user in [ada, ben] {
        let [event] = &world.events(user).await[..] else {
            panic!("each is told once");
        };
        let told = (event.kind.as_str(), event.conversation_id, event.seq);
        assert_eq!(told, ("message_deleted", Some(pair.id.uuid()), 2));
    }
    assert_eq!(world.deleted_events().await, 1);
    // Again, and long after: what is left, and nothing else.
    let rows = world.rows().await;
    let again = Unsend {
        at: NOW.plus(WINDOW * 9),
        ..unsending(&pair, ada, 2)
    };
    let Unsent::Deleted(again) = world.store.unsend(again).await.unwrap() else {
        panic!("it is deleted");
    };
    assert_eq!(again.deleted_at, left.deleted_at);
    assert_eq!(
        (world.rows().await, world.deleted_events().await),
        (rows, 1)
    );
    world.audit().await;
}

impl World {
    async fn deleted_events(&self) -> usize {
        let events = crate::commit::events(self).await;
        let names = events.iter().map(|event| event.name.as_str());
        names.filter(|name| *name == "message.deleted").count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_author_and_only_in_time() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let unsend = async |unsend| world.store.unsend(unsend).await.unwrap();
    let nothing = unsend(unsending(&pair, ada, 1)).await;
    assert!(
        matches!(nothing, Unsent::NoConversation),
        "nobody wrote yet"
    );
    world.commit(&[friendly(pair, ada, "1")]).await;
    let foreign = unsend(unsending(&pair, person(), 1)).await;
    assert!(matches!(foreign, Unsent::NoConversation));
    let (stranger, _, _) = world.two().await;
    let unknown = Conversation::new(stranger, ada);
    let unknown = unsend(unsending(&unknown, stranger, 1)).await;
    assert!(matches!(unknown, Unsent::NoConversation));
    for seq in [0, 2, i64::MAX] {
        let missing = unsend(unsending(&pair, ada, seq)).await;
        assert!(matches!(missing, Unsent::NoMessage), "{seq}");
    }
    assert!(matches!(
        unsend(unsending(&pair, ben, 1)).await,
        Unsent::NotTheAuthor
    ));
    let late = Unsend {
        at: NOW.plus(WINDOW + Duration::from_millis(1)),
        ..unsending(&pair, ada, 1)
    };
    assert!(matches!(unsend(late).await, Unsent::TooLate));
    assert!(world.messages().await[0].body.is_some());
    assert!(world.events(ada).await.is_empty());
    let always = Unsend {
        window: None,
        at: Timestamp::from_unix_millis(i64::MAX),
        ..late
    };
    assert!(matches!(unsend(always).await, Unsent::Deleted(_)));
    // Then it is still the author's alone.
    assert!(matches!(
        unsend(unsending(&pair, ben, 1)).await,
        Unsent::NotTheAuthor
    ));
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_withdrawn_with_its_last_message_and_opened_by_the_next() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    world.ask(ben, ada, "1").await;
    world.ask(ben, ada, "2").await;
    world.unsend(&pair, ben, 2).await;
    assert_eq!(world.request(ben, ada).await, Request::Pending { sent: 2 });
    let requests = List::Folder(Folder::Requests);
    let listed = world.store.list(ada, requests, None, 9).await.unwrap();
    let newest = &listed[0].last_message;
    assert_eq!((newest.seq, newest.deleted_at.is_some()), (2, true));
    world.unsend(&pair, ben, 1).await;
    assert_eq!(
        world.request(ben, ada).await,
        Request::Withdrawn { sent: 2 }
    );
    let hers = world.participant(ada, &pair).await;
    assert_eq!((hers.folder.as_str(), hers.unread), ("none", 0));
    assert!(
        world
            .store
            .list(ada, requests, None, 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        world
            .store
            .count_requests(ada, Folder::Requests)
            .await
            .unwrap(),
        0
    );
    assert_eq!(world.participant(ben, &pair).await.folder, "inbox");
    world.ask(ben, ada, "3").await;
    assert_eq!(world.request(ben, ada).await, Request::Pending { sent: 3 });
    assert_eq!(
        world
            .store
            .count_requests(ada, Folder::Requests)
            .await
            .unwrap(),
        1
    );
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_a_request_does_not_keep_it() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    world
        .commit(&[friendly(pair, ben, "1"), friendly(pair, ada, "2")])
        .await;
    world.ask(ben, ada, "3").await;
    world.unsend(&pair, ben, 1).await;
    assert_eq!(world.request(ben, ada).await, Request::Pending { sent: 1 });
    world.unsend(&pair, ben, 3).await;
    assert_eq!(
        world.request(ben, ada).await,
        Request::Withdrawn { sent: 1 }
    );
    // What is settled stays so.
    let pair = world.conversation_of(ada, ben).await;
    world.commit(&[trusted(pair, ben, "4")]).await;
    world.unsend(&pair, ben, 4).await;
    assert_eq!(world.request(ben, ada).await, Request::Accepted);
    assert_eq!(world.participant(ada, &pair).await.folder, "inbox");
    world.audit().await;
}

/// What was between two people before one asked the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    Nothing,
    Declined,
    HeWrote,
    SheWrote,
    SheAccepted,
}

/// How the request ended without an answer.
#[derive(Debug, Clone, Copy)]
enum End {
    Unsent,
    Expired,
    HeBlocks,
    SheBlocks,
}

impl World {
    /// Ben writes to Ada as a stranger after all this, and then it ends.
    async fn asked_after(&self, past: Past, end: End) -> (UserId, UserId, Conversation) {
        let (ada, ben, pair) = self.two().await;
        match past {
            Past::Nothing => {}
            Past::HeWrote => drop(self.commit(&[friendly(pair, ben, "old")]).await),
            Past::SheWrote => drop(self.commit(&[friendly(pair, ada, "old")]).await),
            Past::SheAccepted | Past::Declined => {
                self.ask(ben, ada, "old").await;
                let asked = self.conversation_of(ada, ben).await;
                let settled = if past == Past::Declined {
                    super::settle::declining(asked, ada)
                } else {
                    super::settle::accepting(asked, ada)
                };
                assert!(self.store.settle(settled).await.unwrap());
            }
        }
        self.ask(ben, ada, "new").await;
        let asked = self.conversation_of(ada, ben).await;
        assert_eq!(self.participant(ada, &pair).await.folder, "requests");
        match end {
            End::Unsent => drop(self.unsend(&pair, ben, asked.last_seq).await),
            End::Expired => {
                let (start, end) = (Timestamp::from_unix_millis(0), NOW.plus(WINDOW));
                assert_eq!(self.store.expire_requests(start, end).await, Ok(1));
            }
            End::HeBlocks => self.raise(ben, 9, Effect::PeerBlocked(ada)).await,
            End::SheBlocks => {
                self.raise(ada, 9, Effect::PeerBlocked(ben)).await;
                self.raise(ada, 10, Effect::PeerUnblocked(ben)).await;
            }
        }
        (ada, ben, pair)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_the_inbox_before_a_request_is_in_it_again_after() {
    let world = World::new().await;
    for end in [End::Unsent, End::Expired, End::HeBlocks, End::SheBlocks] {
        for (past, folder) in [
            (Past::Nothing, "none"),
            (Past::Declined, "none"),
            (Past::HeWrote, "inbox"),
            (Past::SheWrote, "inbox"),
            (Past::SheAccepted, "inbox"),
        ] {
            let (ada, ben, pair) = world.asked_after(past, end).await;
            let hers = world.participant(ada, &pair).await;
            assert_eq!(hers.folder, folder, "{past:?}, {end:?}");
            let inbox = List::Folder(Folder::Inbox);
            let listed = world.store.list(ada, inbox, None, 9).await.unwrap();
            let peers: Vec<_> = listed.iter().map(|entry| entry.peer).collect();
            let expected = (folder == "inbox").then_some(ben);
            assert_eq!(peers, expected.into_iter().collect::<Vec<_>>());
        }
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_ends_a_list_and_keeps_its_id() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let send = friendly(pair, ada, "1");
    world.commit(std::slice::from_ref(&send)).await;
    world.unsend(&pair, ada, 1).await;
    for user in [ada, ben] {
        let inbox = world
            .store
            .list(user, List::Folder(Folder::Inbox), None, 9)
            .await;
        assert!(inbox.unwrap()[0].last_message.deleted_at.is_some());
        let messages = world.store.list_messages(user, pair.id, None, 9).await;
        let messages = messages.unwrap().unwrap();
        assert_eq!((messages.len(), messages[0].content.body()), (1, ""));
    }
    // The same id stores nothing again.
    let again = world.commit(std::slice::from_ref(&send)).await;
    assert_eq!(again, [Outcome::Duplicate]);
    let found = (world.store)
        .find_sent(pair.id, ada, &send.client_message_id)
        .await;
    assert!(found.unwrap().unwrap().is_repeated_by(&send.content));
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_towards_who_blocks_or_is_gone_and_looks_the_same() {
    let world = World::new().await;
    for effect in [None, Some(true), Some(false)] {
        let (ada, ben, pair) = world.two().await;
        world
            .commit(&[friendly(pair, ada, "1"), friendly(pair, ada, "2")])
            .await;
        match effect {
            Some(true) => world.raise(ben, 8, Effect::PeerBlocked(ada)).await,
            Some(false) => world.raise(ben, 8, Effect::Gone).await,
            None => {}
        }
        let left = world.unsend(&pair, ada, 1).await;
        assert!(left.deleted_at.is_some());
        for user in [ada, ben] {
            assert_eq!(world.events(user).await.len(), 1);
        }
        assert_eq!(world.participant(ben, &pair).await.unread, 1);
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_delete_once_and_cross_everything_else() {
    let world = World::new().await;
    for _ in 0..10 {
        let (ada, ben, pair) = world.two().await;
        world.ask(ben, ada, "1").await;
        let asked = world.conversation_of(ada, ben).await;
        let more = [asking(asked, ben, "2")];
        let unsends = (0..20).map(|_| world.store.unsend(unsending(&pair, ben, 1)));
        let (unsent, sent, ()) = tokio::join!(
            futures_util::future::join_all(unsends),
            world.commit(&more),
            world.raise(ada, SEEN.graph + 1, Effect::PeerBlocked(ben)),
        );
        assert!(
            unsent
                .into_iter()
                .all(|one| matches!(one, Ok(Unsent::Deleted(_))))
        );
        let told = world.events(ben).await;
        assert_eq!(told.len(), 1, "{sent:?}");
        assert_eq!(world.request(ben, ada).await, Request::None);
        assert_eq!(world.participant(ada, &pair).await.folder, "none");
    }
    assert_eq!(world.deleted_events().await, 10);
    world.audit().await;
}
