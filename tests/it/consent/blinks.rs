//! A block that is taken back at once: it ends what the two were to each other all the same, for
//! messages that were under way as well.

use std::sync::Arc;

use futures_util::{
    StreamExt as _,
    future::{join, join_all},
    stream,
};
use postern_proto::{
    graph::v1::GetEnforcementRequest,
    messaging::v1::{Placement, SendMessageResponse, send_message_response::Outcome},
    policy::v1::Enforcement,
};
use tokio::sync::watch;
use tonic::Code;

use crate::suite::{Person, Suite, placement};

const FRIENDS: usize = 48;
const ROUNDS: usize = 16;
/// Messages of each friend under way at the same time: with the first that comes afterwards no more
/// than a request may hold.
const STREAMS: usize = 2;
/// Friends who are blocked at the same time.
const AT_ONCE: usize = 8;

/// Where a friend stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Friend,
    /// Blocked, and about to be no longer: nothing new is sent.
    Released,
}

/// Sends as any client would: what may pass is tried again under the same id.
async fn send(from: &Person, to: &Person, id: &str) -> SendMessageResponse {
    loop {
        match from.send_as(to, id, "hello").await {
            Ok(answer) => return answer,
            Err(status) => assert!(
                matches!(status.code(), Code::Aborted | Code::Unavailable),
                "{status:?}"
            ),
        }
    }
}

/// Sends until released; how many were delivered to the inbox is counted as it goes.
async fn flood(
    from: Person,
    to: Person,
    name: String,
    mut stand: watch::Receiver<Stand>,
    inbox: watch::Sender<usize>,
) {
    let mut number = 0;
    while *stand.borrow_and_update() == Stand::Friend {
        let answer = send(&from, &to, &format!("{name}.{number}")).await;
        if let Some(Outcome::Delivered(delivered)) = answer.outcome
            && delivered.placement() == Placement::Inbox
        {
            inbox.send_modify(|inbox| *inbox += 1);
        }
        number += 1;
    }
}

/// Floods, is blocked and unblocked in the middle of it, and writes again; where that went.
async fn blink(ada: Person, friend: [Person; 2]) -> Placement {
    let (stand, watched) = watch::channel(Stand::Friend);
    let (inbox, _) = watch::channel(0);
    let floods = (0..STREAMS).map(|stream| {
        let (from, to) = (friend[stream % 2].clone(), ada.clone());
        let name = format!("{}.{stream}", ada.handle);
        tokio::spawn(flood(from, to, name, watched.clone(), inbox.clone()))
    });
    let floods: Vec<_> = floods.collect();
    let mut landed = inbox.subscribe();
    landed.wait_for(|landed| *landed >= STREAMS).await.unwrap();
    ada.block(&friend[0]).await;
    stand.send_replace(Stand::Released);
    ada.unblock(&friend[0]).await;
    until_enforced(&ada).await;
    // What was under way still is: the next message overtakes it or follows it.
    let id = format!("{}.afterwards", ada.handle);
    let (answer, floods) = join(send(&friend[1], &ada, &id), join_all(floods)).await;
    floods.into_iter().for_each(Result::unwrap);
    placement(answer)
}

async fn until_enforced(person: &Person) {
    loop {
        let ask = person.ask(GetEnforcementRequest {});
        let told = person.graph().get_enforcement(ask).await.unwrap();
        if told.into_inner().enforcement() == Enforcement::Enforced {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_block_as_short_as_a_blink_every_friend_asks_anew() {
    let limits = [("POSTERN_LIMITS", "off")];
    let suite = Suite::start_with(&limits).await;
    let other = Arc::new(suite.replica(&limits).await);
    let mut friends = Vec::new();
    for number in 0..FRIENDS {
        let friend = suite.person(&format!("friend{number}")).await;
        friends.push([friend.clone(), other.seen_by(&friend)]);
    }
    for round in 0..ROUNDS {
        let ada = suite.open_person(&format!("ada{round}")).await;
        stream::iter(&friends)
            .for_each_concurrent(AT_ONCE, |friend| friend[0].befriend(&ada))
            .await;
        let blinks = friends.iter().map(|friend| {
            let (ada, friend) = (ada.clone(), friend.clone());
            async move { tokio::spawn(blink(ada, friend)).await.unwrap() }
        });
        let placements: Vec<_> = stream::iter(blinks)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        assert_eq!(placements, [Placement::Request; FRIENDS], "round {round}");
        assert_eq!(ada.filtered().await.len(), FRIENDS, "round {round}");
        assert!(ada.inbox().await.is_empty(), "round {round}");
    }
}
