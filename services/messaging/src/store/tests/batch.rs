//! One transaction, many messages: what becomes of one does not touch the others.

use postern_shared::testing::polled_at_most;

use super::{Owner, World, asking, friendly, person, trusted};
use crate::domain::{
    Folder,
    Outcome::{Duplicate, Moved, Stored},
    Request,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_of_a_pair_is_kept_with_its_decision() {
    let world = World::new().await;
    let (ada, ben, new) = world.two().await;
    let send = asking(new, ben, "one");
    assert_eq!(
        world.commit(std::slice::from_ref(&send)).await,
        [Stored { seq: 1 }]
    );
    let [row] = &world.messages().await[..] else {
        panic!("one message is stored");
    };
    assert_eq!(
        (row.sender_id, row.client_message_id.as_str()),
        (ben.uuid(), "one")
    );
    assert_eq!(
        (row.kind.as_str(), row.body.as_deref()),
        ("text", Some("text of one"))
    );
    let decision = (row.placement.as_str(), row.told.as_str(), row.rule.as_str());
    assert_eq!(decision, ("request", "request", "stranger_request"));
    assert_eq!(
        [
            [row.sender_graph_version, row.recipient_graph_version],
            [row.sender_settings_version, row.recipient_settings_version],
            [row.sender_identity_version, row.recipient_identity_version],
        ],
        [[5, 5], [6, 6], [7, 7]]
    );
    assert_eq!((row.lo_event, row.hi_event), (1, 1));
    let (hers, his) = (
        world.participant(ada, &new).await,
        world.participant(ben, &new).await,
    );
    assert_eq!((hers.folder.as_str(), hers.unread), ("requests", 1));
    assert_eq!((his.folder.as_str(), his.unread), ("inbox", 0));
    assert_eq!((hers.peer_id, his.peer_id), (ben.uuid(), ada.uuid()));
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ben), send.after.side(ben));
    assert_eq!((pair.last_seq, pair.state_version), (1, 1));
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_numbers_one_conversation_and_many_in_its_order() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let both = [ada, ben, ben, ada, ben];
    let batch: Vec<_> = (both.iter().enumerate())
        .map(|(index, sender)| friendly(pair, *sender, &format!("{index}")))
        .collect();
    let stored = world.commit(&batch).await;
    assert_eq!(stored, [1, 2, 3, 4, 5].map(|seq| Stored { seq }));
    let (hers, his) = (
        world.participant(ada, &pair).await,
        world.participant(ben, &pair).await,
    );
    assert_eq!((hers.unread, his.unread), (3, 2));
    assert_eq!((hers.last_event, his.last_event), (5, 5));

    let mut many = Vec::new();
    for index in 0..20 {
        let other = person();
        let pair = world.pair(ada, other).await;
        let sender = if index % 2 == 0 { ada } else { other };
        many.push(asking(pair, sender, "hello"));
    }
    let stored = world.commit(&many).await;
    assert_eq!(stored, [Stored { seq: 1 }; 20]);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_in_a_batch_do_not_touch_each_other() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    world.commit(&[friendly(pair, ada, "old")]).await;
    // Between these two the facts moved after the decision.
    let (cleo, dan, early) = world.two().await;
    world.commit(&[asking(early, cleo, "first")]).await;
    // Ed's fence was raised above what was decided with; Fay has no mailbox any more.
    let (ed, _, fenced) = world.two().await;
    world.fence(ed, Owner::Settings, 7).await;
    let (fay, gus, bare) = world.two().await;
    world.forget_mailbox(fay).await;
    // And these two have no conversation.
    let (hal, ida) = (person(), person());
    let strangers = crate::domain::Conversation::new(hal, ida);
    let before = world.rows().await;
    let batch = [
        friendly(pair, ada, "a"),
        asking(early, dan, "moved"),
        friendly(fenced, ed, "fenced"),
        friendly(pair, ada, "old"),
        friendly(bare, gus, "no-mailbox"),
        friendly(pair, ben, "b"),
        friendly(strangers, hal, "no-rows"),
        friendly(pair, ada, "c"),
    ];
    let outcomes = [
        Stored { seq: 2 },
        Moved,
        Moved,
        Duplicate,
        Moved,
        Stored { seq: 3 },
        Moved,
        Stored { seq: 4 },
    ];
    assert_eq!(world.commit(&batch).await, outcomes);
    let mut after = before;
    after[3] += 3;
    assert_eq!(world.rows().await, after);
    world.audit().await;
    // The same again: what was stored is found, the rest moved.
    let again = world.commit(&batch).await;
    let expected = outcomes.map(|outcome| match outcome {
        Stored { .. } => Duplicate,
        other => other,
    });
    assert_eq!(again, expected);
    assert_eq!(world.rows().await, after);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_stores_once_however_often_a_batch_holds_it() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let batch = [
        friendly(pair, ada, "same"),
        friendly(pair, ada, "same"),
        // The id is its sender's own.
        friendly(pair, ben, "same"),
        friendly(pair, ada, "same"),
    ];
    let outcomes = world.commit(&batch).await;
    let expected = [Stored { seq: 1 }, Duplicate, Stored { seq: 2 }, Duplicate];
    assert_eq!(outcomes, expected);
    // Where the first one changes the facts, its twin is decided anew.
    let (cleo, _, new) = world.two().await;
    let twins = [asking(new, cleo, "same"), asking(new, cleo, "same")];
    assert_eq!(world.commit(&twins).await, [Stored { seq: 1 }, Moved]);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_write_first_at_once_are_left_without_a_request() {
    let world = World::new().await;
    let (ada, ben, new) = world.two().await;
    let crossing = [asking(new, ada, "to-ben"), asking(new, ben, "to-ada")];
    assert_eq!(world.commit(&crossing).await, [Stored { seq: 1 }, Moved]);
    // Ben's is decided anew: by having written, Ada agreed to hear from him.
    let now = world.conversation_of(ada, ben).await;
    let anew = trusted(now, ben, "to-ada");
    assert_eq!(world.commit(&[anew]).await, [Stored { seq: 2 }]);
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ada).request, Request::Accepted);
    assert_eq!(pair.side(ben).request, Request::None);
    for person in [ada, ben] {
        let seen = world.participant(person, &pair).await;
        assert_eq!((seen.folder.as_str(), seen.unread), ("inbox", 1));
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_reading_of_the_same_facts_does_not_turn_numbers_back() {
    let world = World::new().await;
    let (ada, ben, early) = world.two().await;
    for index in 0..3 {
        let sent = friendly(early, ada, &format!("{index}"));
        let seq = index + 1;
        assert_eq!(world.commit(&[sent]).await, [Stored { seq }]);
    }
    assert_eq!(early.last_seq, 0);
    let late = friendly(early, ben, "late");
    assert_eq!(world.commit(&[late]).await, [Stored { seq: 4 }]);
    assert_eq!(world.conversation_of(ada, ben).await.last_seq, 4);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_follows_the_latest_message_and_what_was_cleared_stays_cleared() {
    let world = World::new().await;
    let (ada, ben, new) = world.two().await;
    world.commit(&[asking(new, ben, "1")]).await;
    world
        .run("UPDATE participant SET cleared_seq = 1, unread = 0, read_seq = 1, muted_until_ms = 9")
        .await;
    let now = world.conversation_of(ada, ben).await;
    let mut hidden = asking(now, ben, "2");
    hidden.folder = Folder::Hidden;
    world.commit(&[hidden]).await;
    let seen = world.participant(ada, &new).await;
    let shown = (seen.folder.as_str(), seen.unread, seen.cleared_seq);
    assert_eq!(shown, ("hidden", 1, 1));
    let listed = world.store.list_messages(ada, new.id, None, 9).await;
    let seqs: Vec<_> = listed.unwrap().unwrap().iter().map(|m| m.seq).collect();
    assert_eq!(seqs, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_half_way_leaves_nothing_of_the_batch() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    world.poison("poison").await;
    let before = world.rows().await;
    let batch = [
        friendly(pair, ada, "a"),
        friendly(pair, ben, "b"),
        friendly(pair, ada, "poison"),
        friendly(pair, ben, "c"),
    ];
    assert!(world.store.commit(&batch).await.is_err());
    assert_eq!(world.rows().await, before);
    assert_eq!(world.conversation_of(ada, ben).await, pair);
    world.heal().await;
    let stored = world.commit(&batch).await;
    assert_eq!(stored, [1, 2, 3, 4].map(|seq| Stored { seq }));
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_dropped_anywhere_stored_all_or_nothing() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let (mut dropped, mut whole, mut stored) = (0, 0, 0);
    for polls in (1..=30).chain([10_000]) {
        let batch: Vec<_> = (0..10)
            .map(|index| {
                let sender = if index % 2 == 0 { ada } else { ben };
                friendly(pair, sender, &format!("{polls}.{index}"))
            })
            .collect();
        let outcome = polled_at_most(world.store.commit(&batch), polls).await;
        // The next transaction waits for the end of the one that was dropped.
        world.run("UPDATE mailbox SET gone = false").await;
        world.audit().await;
        let found = world.messages().await.len();
        assert!(
            found == stored || found == stored + 10,
            "{stored}, then {found}"
        );
        let answered = outcome.map(Result::unwrap);
        assert!(answered.is_none() || found == stored + 10);
        dropped += usize::from(answered.is_none());
        whole += usize::from(found > stored);
        stored = found;
    }
    assert!(dropped > 2, "it was dropped {dropped} times only");
    assert!(whole > 0, "it never came to an end");
}
