//! Requests that nobody touched for long: withdrawn without a word, and nothing refunded.

use std::time::Duration;

use postern_shared::clock::Timestamp;

use super::{NOW, World, asking, friendly};
use crate::{
    domain::{Folder, PreparedSend, Request},
    store::List,
};

const START: Timestamp = Timestamp::from_unix_millis(0);

fn sent(mut send: PreparedSend, after_ms: u64) -> PreparedSend {
    send.sent_at = NOW.plus(Duration::from_millis(after_ms));
    send
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_message_of_a_request_says_how_old_it_is() {
    let world = World::new().await;
    let (ada, ben, new) = world.two().await;
    world.commit(&[sent(asking(new, ben, "1"), 0)]).await;
    let pair = world.conversation_of(ada, ben).await;
    world.commit(&[sent(asking(pair, ben, "2"), 10)]).await;
    let expire = async |since_ms, before_ms| {
        let at = |ms| NOW.plus(Duration::from_millis(ms));
        let expired = world.store.expire_requests(at(since_ms), at(before_ms));
        expired.await.unwrap()
    };
    // The first is old, but something came after it; the second is not older than its moment.
    assert_eq!(expire(0, 10).await, 0);
    let before = (
        world.events(ada).await.len(),
        world.participant(ben, &pair).await,
    );
    assert_eq!(expire(10, 11).await, 1);
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ben).request, Request::Withdrawn { sent: 2 });
    assert_eq!(world.participant(ada, &pair).await.folder, "none");
    let after = (
        world.events(ada).await.len(),
        world.participant(ben, &pair).await,
    );
    assert_eq!(after, before, "nobody is told, and he sees no difference");
    assert_eq!(
        world
            .store
            .expire_requests(START, NOW.plus(Duration::from_secs(9)))
            .await,
        Ok(0)
    );
    // The third message is the last that he may send, and brings it back.
    world.commit(&[sent(asking(pair, ben, "3"), 20)]).await;
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ben).request, Request::Pending { sent: 3 });
    let requests = List::Folder(Folder::Requests);
    assert_eq!(
        world
            .store
            .list(ada, requests, None, 9)
            .await
            .unwrap()
            .len(),
        1
    );
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_or_no_request_does_not_expire_however_many_there_are() {
    let world = World::new().await;
    let mut waiting = Vec::new();
    // More than a page, all of one moment.
    for index in 0..170 {
        let (ada, ben, new) = world.two().await;
        world
            .commit(&[friendly(new, ben, "1"), asking(new, ben, "2")])
            .await;
        let pair = world.conversation_of(ada, ben).await;
        match index % 3 {
            0 => waiting.push(pair),
            1 => drop(world.commit(&[friendly(pair, ada, "3")]).await),
            _ => {
                let until = NOW.plus(Duration::from_secs(1));
                let declined = crate::domain::decline(pair, ben, Duration::from_secs(1), NOW);
                assert_eq!(declined.side(ben).request, Request::Declined { until });
                let declining = super::settle::declining_as(pair, declined, ada);
                assert!(world.store.settle(declining).await.unwrap());
            }
        }
    }
    let after = NOW.plus(Duration::from_millis(1));
    let (one, other) = tokio::join!(
        world.store.expire_requests(START, after),
        world.store.expire_requests(START, after),
    );
    // Two at once: each request is withdrawn by one of them.
    let expired = one.unwrap() + other.unwrap();
    assert_eq!(expired, u64::try_from(waiting.len()).unwrap());
    for pair in waiting {
        let now = world.conversation_of(pair.lo, pair.hi).await;
        assert_eq!(now.state_version, pair.state_version + 1);
    }
    world.audit().await;
}
