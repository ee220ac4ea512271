//! What raises leave in lists and counts: whoever blocks or is gone, on both sides.

use postern_shared::{
    fence::Effect,
    id::{ConversationId, UserId},
};

use super::{SEEN, World, friendly, person, trusted};
use crate::{
    domain::{Conversation, Folder},
    store::List,
};

const INBOX: List = List::Folder(Folder::Inbox);
const REQUESTS: List = List::Folder(Folder::Requests);
const HIDDEN: List = List::Folder(Folder::Hidden);

impl World {
    /// Who is in a list, each with whether they are gone.
    async fn in_list(&self, user: UserId, list: List) -> Vec<(UserId, bool)> {
        let listed = self.store.list(user, list, None, 99).await.unwrap();
        listed
            .iter()
            .map(|entry| (entry.peer, entry.peer_gone))
            .collect()
    }

    async fn readable(&self, user: UserId, id: ConversationId) -> Option<usize> {
        let messages = self.store.list_messages(user, id, None, 99).await.unwrap();
        messages.map(|messages| messages.len())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_conversation_leaves_the_inbox_of_the_blocker_and_is_gone_to_the_other() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    world
        .commit(&[friendly(pair, ada, "1"), friendly(pair, ben, "2")])
        .await;
    world.raise(ben, 9, Effect::PeerBlocked(ada)).await;
    assert_eq!(world.in_list(ben, INBOX).await, []);
    assert_eq!(world.in_list(ben, List::Blocked).await, [(ada, false)]);
    assert_eq!(world.in_list(ada, INBOX).await, [(ben, true)]);
    assert_eq!(world.in_list(ada, List::Blocked).await, []);
    for user in [ada, ben] {
        assert_eq!(world.readable(user, pair.id).await, Some(2));
        let listed = world.store.listed(user, pair.id).await.unwrap().unwrap();
        assert_eq!(listed.peer_gone, user == ada);
    }
    // Both at once: each has it among the blocked, and the other is gone.
    world.raise(ada, 9, Effect::PeerBlocked(ben)).await;
    assert_eq!(world.in_list(ada, INBOX).await, []);
    assert_eq!(world.in_list(ada, List::Blocked).await, [(ben, true)]);
    world.raise(ben, 10, Effect::PeerUnblocked(ada)).await;
    assert_eq!(world.in_list(ben, INBOX).await, [(ada, true)]);
    assert_eq!(world.in_list(ben, List::Blocked).await, []);
    world.raise(ada, 10, Effect::PeerUnblocked(ben)).await;
    assert_eq!(world.in_list(ada, INBOX).await, [(ben, false)]);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_between_two_who_never_wrote_shows_nowhere() {
    let world = World::new().await;
    let (ada, ben) = (person(), person());
    world.raise(ben, 3, Effect::PeerBlocked(ada)).await;
    let pair = Conversation::new(ada, ben);
    for user in [ada, ben] {
        for list in [INBOX, REQUESTS, HIDDEN, List::Blocked] {
            assert_eq!(world.in_list(user, list).await, []);
        }
        assert_eq!(world.readable(user, pair.id).await, None);
        assert!(world.store.listed(user, pair.id).await.unwrap().is_none());
    }
    // Once they write, after all, it is a conversation as any other.
    world.raise(ben, 4, Effect::PeerUnblocked(ada)).await;
    world.pair(ada, ben).await;
    world.ask(ada, ben, "1").await;
    assert_eq!(world.in_list(ben, REQUESTS).await, [(ada, false)]);
    assert_eq!(world.in_list(ada, INBOX).await, [(ben, false)]);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_leaves_lists_and_counts_with_a_block_of_either() {
    let world = World::new().await;
    for by_asker in [true, false] {
        let (ada, ben, pair) = world.two().await;
        world.ask(ada, ben, "1").await;
        assert_eq!(world.in_list(ben, REQUESTS).await, [(ada, false)]);
        let (blocker, blocked) = if by_asker { (ada, ben) } else { (ben, ada) };
        world.raise(blocker, 9, Effect::PeerBlocked(blocked)).await;
        assert_eq!(world.in_list(ben, REQUESTS).await, []);
        let counted = world.store.count_requests(ben, Folder::Requests).await;
        assert_eq!(counted.unwrap(), 0);
        // Among the blocked it is found whatever folder it was in.
        assert_eq!(
            world.in_list(blocker, List::Blocked).await,
            [(blocked, false)]
        );
        assert_eq!(world.readable(ben, pair.id).await, Some(1));
        world
            .raise(blocker, 10, Effect::PeerUnblocked(blocked))
            .await;
        assert_eq!(world.in_list(ben, REQUESTS).await, []);
        assert_eq!(world.in_list(ben, INBOX).await, []);
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_leaves_requests_and_stays_in_inboxes() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let (cleo, dan, other) = world.two().await;
    let back = world.pair(cleo, ben).await;
    world
        .commit(&[friendly(pair, ben, "1"), friendly(other, dan, "1")])
        .await;
    world.ask(cleo, ben, "1").await;
    world.raise(cleo, 8, Effect::Gone).await;
    assert_eq!(world.in_list(ben, REQUESTS).await, []);
    assert_eq!(
        world
            .store
            .count_requests(ben, Folder::Requests)
            .await
            .unwrap(),
        0
    );
    assert_eq!(world.in_list(dan, INBOX).await, [(cleo, true)]);
    assert_eq!(world.in_list(ben, INBOX).await, [(ada, false)]);
    // What she sees of others does not change.
    assert_eq!(
        world.in_list(cleo, INBOX).await,
        [(ben, false), (dan, false)]
    );
    world.raise(cleo, 9, Effect::Returned).await;
    assert_eq!(world.in_list(ben, REQUESTS).await, [(cleo, false)]);
    assert_eq!(
        world
            .store
            .count_requests(ben, Folder::Requests)
            .await
            .unwrap(),
        1
    );
    assert_eq!(world.in_list(dan, INBOX).await, [(cleo, false)]);
    let now = world.conversation_of(cleo, ben).await;
    assert_eq!(
        now.state_version,
        back.state_version + 1,
        "only the request moved it"
    );
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_leave_nothing_out_around_what_is_left_out() {
    let world = World::new().await;
    let ada = person();
    let (mut there, mut blocked, mut asking) = (Vec::new(), Vec::new(), Vec::new());
    for index in 0..12 {
        let other = person();
        let pair = world.pair(ada, other).await;
        match index % 3 {
            0 => {
                world.commit(&[friendly(pair, other, "1")]).await;
                there.insert(0, other);
            }
            1 => {
                world.commit(&[trusted(pair, ada, "1")]).await;
                world
                    .raise(ada, SEEN.graph, Effect::PeerBlocked(other))
                    .await;
                blocked.insert(0, other);
            }
            _ => {
                world.ask(other, ada, "1").await;
                if index % 2 == 0 {
                    world.raise(other, 8, Effect::Gone).await;
                } else {
                    asking.insert(0, other);
                }
            }
        }
    }
    for (list, expected) in [(INBOX, there), (List::Blocked, blocked), (REQUESTS, asking)] {
        for size in 1..5 {
            let (mut found, mut after) = (Vec::new(), None);
            while let page = world.store.list(ada, list, after, size).await.unwrap()
                && let Some(last) = page.last()
            {
                after = Some(last.last_event);
                found.extend(page.iter().map(|listed| listed.peer));
            }
            assert_eq!(found, expected, "{list:?}");
        }
    }
    assert_eq!(
        world
            .store
            .count_requests(ada, Folder::Requests)
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        world
            .store
            .count_requests(ada, Folder::Hidden)
            .await
            .unwrap(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_are_as_many_as_are_counted() {
    let world = World::new().await;
    let ada = person();
    world.requests_of(ada, 999).await;
    assert_eq!(
        world
            .store
            .count_requests(ada, Folder::Requests)
            .await
            .unwrap(),
        999
    );
    world.requests_of(ada, 1_500).await;
    assert_eq!(
        world
            .store
            .count_requests(ada, Folder::Requests)
            .await
            .unwrap(),
        1_000
    );
}

impl World {
    /// Rows of so many requests to a person.
    async fn requests_of(&self, user: UserId, requests: u32) {
        use sea_orm::{EntityTrait as _, Set};

        use crate::store::entity::participant;
        let done: Result<(), sea_orm::DbErr> = (self.db)
            .write(|tx| async move {
                for first in (0..requests).step_by(500) {
                    let rows = (first..requests.min(first + 500)).map(|index| {
                        let peer = person();
                        participant::ActiveModel {
                            user_id: Set(user.uuid()),
                            conversation_id: Set(Conversation::new(user, peer).id.uuid()),
                            peer_id: Set(peer.uuid()),
                            folder: Set(Folder::Requests.as_str().to_owned()),
                            last_event: Set(i64::from(index) + 1),
                            ..participant::ActiveModel::default()
                        }
                    });
                    participant::Entity::insert_many(rows)
                        .exec_without_returning(&*tx)
                        .await?;
                }
                Ok(())
            })
            .await;
        done.unwrap();
    }
}
