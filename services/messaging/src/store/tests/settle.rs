//! Accepting and declining: under the same locks and guards as a message.

use std::time::Duration;

use postern_shared::id::UserId;

use super::{NOW, Owner, SEEN, World, asking, friendly, person, trusted};
use crate::{
    domain::{self, Consent, Conversation, Folder, How, Outcome, Owners, Request},
    store::{List, Settled, Settlement},
};

const OWNERS: Owners = Owners {
    epoch: 3,
    settings_version: 6,
    friends: false,
};

/// An acceptance of what is pending.
pub fn accepting(before: Conversation, me: UserId) -> Settled {
    let other = before.peer_of(me).unwrap();
    Settled {
        before,
        after: domain::accept(before, me, other, OWNERS, NOW),
        person: me,
        versions: Some((SEEN, SEEN)),
        how: Settlement::Accepted,
        at: NOW,
    }
}

/// A decline of what is pending.
pub fn declining(before: Conversation, me: UserId) -> Settled {
    let other = before.peer_of(me).unwrap();
    Settled {
        after: domain::decline(before, other, Duration::from_secs(60), NOW),
        versions: None,
        how: Settlement::Declined,
        ..accepting(before, me)
    }
}

/// A decline to this effect.
pub fn declining_as(before: Conversation, after: Conversation, me: UserId) -> Settled {
    Settled {
        after,
        ..declining(before, me)
    }
}

/// Ben asked Ada.
async fn asked(world: &World) -> (UserId, UserId, Conversation) {
    let (ada, ben, new) = world.two().await;
    world.commit(&[asking(new, ben, "1")]).await;
    (ada, ben, world.conversation_of(ada, ben).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_moves_the_conversation_and_tells_both() {
    let world = World::new().await;
    let (ada, ben, before) = asked(&world).await;
    assert!(world.store.settle(accepting(before, ada)).await.unwrap());
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.state_version, before.state_version + 2);
    assert_eq!(pair.side(ben).request, Request::Accepted);
    assert_eq!(
        pair.side(ada).consent,
        Consent::Granted {
            how: How::Accepted,
            epoch: 3,
            settings_version: 6,
            at: NOW
        }
    );
    let seen = world.participant(ada, &pair).await;
    assert_eq!((seen.folder.as_str(), seen.last_event), ("inbox", 2));
    // Ben's conversation stays where it was: he is told, no more.
    assert_eq!(world.participant(ben, &pair).await.last_event, 1);
    for user in [ada, ben] {
        let [event] = &world.events(user).await[..] else {
            panic!("each is told once");
        };
        let told = (event.event, event.kind.as_str(), event.conversation_id);
        assert_eq!(told, (2, "request_accepted", Some(pair.id.uuid())));
    }
    world.audit().await;
    // Again by the same reading: the facts have moved.
    assert!(!world.store.settle(accepting(before, ada)).await.unwrap());
    let stored = world.commit(&[trusted(pair, ada, "2")]).await;
    assert_eq!(stored, [Outcome::Stored { seq: 2 }]);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn declining_is_silent_and_needs_no_owner() {
    let world = World::new().await;
    let (ada, ben, before) = asked(&world).await;
    for user in [ada, ben] {
        world.fence(user, Owner::Identity, 1_000).await;
    }
    assert!(world.store.settle(declining(before, ada)).await.unwrap());
    let pair = world.conversation_of(ada, ben).await;
    let until = NOW.plus(Duration::from_secs(60));
    assert_eq!(pair.side(ben).request, Request::Declined { until });
    assert_eq!(world.participant(ada, &pair).await.folder, "declined");
    let kinds: Vec<_> = world.events(ada).await;
    assert_eq!(
        (kinds.len(), kinds[0].kind.as_str()),
        (1, "request_declined")
    );
    assert!(world.events(ben).await.is_empty());
    for folder in [Folder::Inbox, Folder::Requests, Folder::Hidden] {
        let listed = world
            .store
            .list(ada, List::Folder(folder), None, 9)
            .await
            .unwrap();
        assert!(listed.is_empty(), "{folder:?}");
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_stops_at_every_fence_of_the_two() {
    for owner in [Owner::Graph, Owner::Settings, Owner::Identity] {
        for mine in [true, false] {
            let world = World::new().await;
            let (ada, ben, before) = asked(&world).await;
            let rows = world.rows().await;
            world.fence(if mine { ada } else { ben }, owner, 8).await;
            let settled = world.store.settle(accepting(before, ada)).await.unwrap();
            assert!(!settled, "{owner:?}, of the one who accepts: {mine}");
            assert_eq!(world.conversation_of(ada, ben).await, before);
            assert_eq!(world.rows().await, rows);
            world.audit().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_since_is_not_settled_by_an_older_reading() {
    let world = World::new().await;
    let (ada, ben, before) = asked(&world).await;
    world.commit(&[asking(before, ben, "2")]).await;
    assert!(!world.store.settle(accepting(before, ada)).await.unwrap());
    assert!(!world.store.settle(declining(before, ada)).await.unwrap());
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ben).request, Request::Pending { sent: 2 });
    // Nobody settles what is between two others.
    let foreign = Settled {
        person: person(),
        ..accepting(pair, ada)
    };
    assert!(!world.store.settle(foreign).await.unwrap());
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_does_not_turn_the_last_number_back() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let sent: Vec<_> = (0..3)
        .map(|index| friendly(pair, ben, &format!("{index}")))
        .collect();
    world.commit(&sent).await;
    // The facts are those of the beginning, the numbers are not.
    assert!(world.store.settle(accepting(pair, ada)).await.unwrap());
    assert_eq!(world.conversation_of(ada, ben).await.last_seq, 3);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_accept_decline_and_send_at_once_one_wins() {
    let world = World::new().await;
    for _ in 0..20 {
        let (ada, ben, before) = asked(&world).await;
        let more = [asking(before, ben, "2")];
        let (accepted, declined, sent) = tokio::join!(
            world.store.settle(accepting(before, ada)),
            world.store.settle(declining(before, ada)),
            world.store.commit(&more)
        );
        let sent = matches!(sent.unwrap()[..], [Outcome::Stored { .. }]);
        let winners = [accepted.unwrap(), declined.unwrap(), sent];
        let count = winners.iter().filter(|won| **won).count();
        assert_eq!(count, 1, "{winners:?}");
    }
    world.audit().await;
}
