//! Agreements as they are stored: listed once each, taken back under the locks of the pair.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::join_all;
use postern_shared::{fence::Effect, id::UserId};

use super::{World, asking, friendly, person, trusted};
use crate::{
    domain::{Consent, Outcome},
    store::Known,
};

/// More pages than any list here has.
const PAGES_MAX: usize = 20;

async fn pages(world: &World, user: UserId, size: u64) -> Vec<Known> {
    let (mut all, mut after) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = world.store.list_known(user, after, size).await.unwrap();
        let Some(last) = page.last() else { return all };
        assert!(page.len() <= usize::try_from(size).unwrap());
        after = Some(last.pair.id);
        all.extend(page);
    }
    panic!("pages without end");
}

fn gone(known: &[Known]) -> BTreeSet<UserId> {
    let gone = known.iter().filter(|known| known.peer_gone);
    gone.map(|known| known.peer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_known_come_once_each_with_who_is_gone() {
    let world = World::new().await;
    let ada = person();
    let mut peers = BTreeSet::new();
    for _ in 0..6 {
        let other = person();
        let pair = world.pair(ada, other).await;
        world.commit(&[friendly(pair, other, "1")]).await;
        peers.insert(other);
    }
    // Rows without a message are nobody's conversation, nor are those of blocks before any.
    world.pair(ada, person()).await;
    for _ in 0..8 {
        world.raise(ada, 1, Effect::PeerBlocked(person())).await;
    }
    let [gone_one, blocking, blocked] = [0, 1, 2].map(|nth| *peers.iter().nth(nth).unwrap());
    world.raise(gone_one, 1, Effect::Gone).await;
    world.raise(blocking, 1, Effect::PeerBlocked(ada)).await;
    world.raise(ada, 1, Effect::PeerBlocked(blocked)).await;
    for size in 1..8 {
        let all = pages(&world, ada, size).await;
        let found: Vec<_> = all.iter().map(|known| known.peer).collect();
        assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), peers);
        assert_eq!(found.len(), peers.len());
        assert_eq!(gone(&all), BTreeSet::from([gone_one, blocking]));
    }
    // To the one who blocks, the other is there.
    assert!(gone(&pages(&world, blocking, 9).await).is_empty());
    world.raise(gone_one, 2, Effect::Returned).await;
    world.raise(blocking, 2, Effect::PeerUnblocked(ada)).await;
    assert!(gone(&pages(&world, ada, 9).await).is_empty());
    assert!(pages(&world, person(), 9).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_of_inbox_and_requests_come_first_without_the_blocked() {
    let world = World::new().await;
    let ada = person();
    let mut latest = Vec::new();
    for index in 0..5 {
        let other = person();
        let pair = world.pair(ada, other).await;
        let message = if index % 2 == 0 {
            friendly(pair, other, "1")
        } else {
            asking(pair, other, "1")
        };
        world.commit(&[message]).await;
        latest.insert(0, other);
    }
    let peers = |known: Vec<Known>| known.iter().map(|known| known.peer).collect::<Vec<_>>();
    for limit in 0..7_u64 {
        let all = world.store.list_latest(ada, limit).await.unwrap();
        let most = usize::try_from(limit).unwrap().min(latest.len());
        assert_eq!(peers(all), latest[..most]);
    }
    let blocked = latest.remove(2);
    world.raise(ada, 1, Effect::PeerBlocked(blocked)).await;
    let all = world.store.list_latest(ada, 9).await.unwrap();
    assert_eq!(peers(all), latest);
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_back_changes_one_side_once_and_makes_nothing() {
    let world = World::new().await;
    world
        .store
        .revoke_consent(person(), person())
        .await
        .unwrap();
    let (ada, ben, pair) = world.two().await;
    world.store.revoke_consent(ada, ben).await.unwrap();
    assert_eq!(world.conversation_of(ada, ben).await, pair);
    world.ask(ben, ada, "1").await;
    let reply = trusted(world.conversation_of(ada, ben).await, ada, "2");
    world.commit(&[reply]).await;
    let (before, rows) = (world.conversation_of(ada, ben).await, world.rows().await);
    for _ in 0..2 {
        world.store.revoke_consent(ada, ben).await.unwrap();
        let after = world.conversation_of(ada, ben).await;
        assert_eq!(after.side(ada).consent, Consent::Revoked);
        assert_eq!(after.side(ada).request, before.side(ada).request);
        assert_eq!(after.side(ben), before.side(ben));
        assert_eq!(after.state_version, before.state_version + 1);
        assert_eq!(after.last_seq, before.last_seq);
    }
    assert_eq!(world.rows().await, rows, "nobody is told");
    // Also when it is the other who is not there any more.
    world.raise(ben, 1, Effect::PeerBlocked(ada)).await;
    world.raise(ben, 1, Effect::Gone).await;
    world.store.revoke_consent(ada, ben).await.unwrap();
    world.store.revoke_consent(ben, ada).await.unwrap();
    let after = world.conversation_of(ada, ben).await;
    assert_eq!(after.side(ben).consent, Consent::Revoked);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_it_was_taken_back_is_not_stored() {
    let world = World::new().await;
    let (ada, ben, _) = world.two().await;
    world.ask(ben, ada, "1").await;
    let reply = trusted(world.conversation_of(ada, ben).await, ada, "2");
    world.commit(&[reply]).await;
    let decided = trusted(world.conversation_of(ada, ben).await, ben, "3");
    world.store.revoke_consent(ada, ben).await.unwrap();
    assert_eq!(world.commit(&[decided]).await, [Outcome::Moved]);
    world.audit().await;
}

/// Whatever comes at the same time, nothing of it is lost, and each takes its turn.
#[tokio::test(flavor = "multi_thread")]
async fn it_takes_turns_with_messages() {
    let world = Arc::new(World::new().await);
    let (ada, ben, _) = world.two().await;
    world.ask(ben, ada, "first").await;
    let before = world.conversation_of(ada, ben).await;
    let sends = (0..8).map(|n| {
        let world = Arc::clone(&world);
        async move {
            let id = format!("{n}");
            let sender = if n % 2 == 0 { ada } else { ben };
            world.commit(&[friendly(before, sender, &id)]).await
        }
    });
    let revokes = [(ada, ben), (ben, ada)].map(|(one, other)| {
        let world = Arc::clone(&world);
        async move { world.store.revoke_consent(one, other).await.unwrap() }
    });
    let (sent, _) = tokio::join!(join_all(sends), join_all(revokes));
    let stored = sent.concat();
    let stored = stored
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Stored { .. }));
    let after = world.conversation_of(ada, ben).await;
    assert_eq!(after.side(ben).consent, Consent::Revoked);
    assert_eq!(after.side(ada).consent, Consent::None);
    let stored = i64::try_from(stored.count()).unwrap();
    assert_eq!(after.last_seq, before.last_seq + stored);
    world.audit().await;
}
