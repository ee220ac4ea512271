//! Raises: fences never fall, effects come in any order, and nobody else is told.

use std::time::Duration;

use postern_shared::{
    caller::ServiceName,
    fence::{Effect, Raise},
    id::UserId,
};
use sea_orm::EntityTrait as _;

use super::{NOW, SEEN, World, asking, friendly, person};
use crate::{
    domain::{self, Consent, Conversation, Later, Outcome, Request, Side},
    store::{
        RaiseError,
        entity::{mailbox, participant},
        rows,
    },
};

const OWNERS: [ServiceName; 3] = [
    ServiceName::Graph,
    ServiceName::Settings,
    ServiceName::Identity,
];

impl World {
    /// Raises a fence of graph with an effect.
    pub async fn raise(&self, user: UserId, version: u64, effect: Effect) {
        let owner = match effect {
            Effect::PeerBlocked(_) | Effect::PeerUnblocked(_) => ServiceName::Graph,
            Effect::Gone | Effect::Returned => ServiceName::Identity,
        };
        let effect = Some(effect);
        let raise = Raise {
            user,
            version,
            effect,
        };
        self.store.raise(owner, raise).await.unwrap();
    }

    async fn mailbox(&self, user: UserId) -> Option<mailbox::Model> {
        let find = mailbox::Entity::find_by_id(user.uuid());
        find.one(self.db.reader()).await.unwrap()
    }

    /// Every row of lists and of what is known of pairs.
    async fn lists(&self) -> (Vec<participant::Model>, Vec<mailbox::Model>) {
        let db = self.db.reader();
        let mut parts = participant::Entity::find().all(db).await.unwrap();
        parts.sort_by_key(|row| (row.user_id, row.conversation_id));
        let mut boxes = mailbox::Entity::find().all(db).await.unwrap();
        boxes.sort_by_key(|row| row.user_id);
        (parts, boxes)
    }
}

fn plain(user: UserId, version: u64) -> Raise {
    Raise {
        user,
        version,
        effect: None,
    }
}

/// Every order of some things.
pub fn orders<T: Copy>(things: &[T]) -> Vec<Vec<T>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for index in 0..things.len() {
        let mut rest = things.to_vec();
        let first = rest.remove(index);
        for mut order in orders(&rest) {
            order.insert(0, first);
            all.push(order);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_is_its_owners_and_the_greatest_of_all_raises() {
    let world = World::new().await;
    for (place, owner) in OWNERS.into_iter().enumerate() {
        for order in orders(&[3, 7, 5, 7]) {
            let ada = person();
            for version in order {
                world.store.raise(owner, plain(ada, version)).await.unwrap();
            }
            let row = world.mailbox(ada).await.unwrap();
            let fences = [row.fence_graph, row.fence_settings, row.fence_identity];
            let mut expected = [0; 3];
            expected[place] = 7;
            assert_eq!(fences, expected);
            assert_eq!((row.gone, row.gone_version, row.event_seq), (false, 0, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_too_far_changes_nothing() {
    let world = World::new().await;
    let (ada, ben) = (person(), person());
    let far = |version| Raise {
        effect: Some(Effect::PeerBlocked(ben)),
        ..plain(ada, version)
    };
    let raise = |version| world.store.raise(ServiceName::Graph, far(version));
    let refused = raise(1_000_001).await;
    assert!(matches!(refused, Err(RaiseError::OutOfRange(_))));
    assert_eq!(world.rows().await, [0; 5]);
    raise(1_000_000).await.unwrap();
    let before = world.lists().await;
    let refused = raise(2_000_001).await;
    assert!(matches!(refused, Err(RaiseError::OutOfRange(_))));
    assert_eq!(world.lists().await, before);
    raise(2_000_000).await.unwrap();
    let row = world.mailbox(ada).await.unwrap();
    assert_eq!(row.fence_graph, 2_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_effect_stands_in_whatever_order_they_come() {
    let world = World::new().await;
    let (block, unblock): (fn(_) -> _, fn(_) -> _) = (Effect::PeerBlocked, Effect::PeerUnblocked);
    let acts = [
        (1, block),
        (2, unblock),
        (3, block),
        (4, unblock),
        (4, unblock),
    ];
    // Of the first three, and of all with the last one twice.
    for (acts, blocked, version) in [(&acts[..3], true, 3), (&acts[..], false, 4)] {
        for order in orders(acts) {
            let (ada, ben) = (person(), person());
            for (version, act) in order {
                world.raise(ada, version, act(ben)).await;
            }
            let row = world.participant(ada, &Conversation::new(ada, ben)).await;
            assert_eq!((row.blocked, row.blocked_version), (blocked, version));
            assert_eq!((row.folder.as_str(), row.last_event), ("none", 0));
            assert_eq!(row.peer_id, ben.uuid());
            assert!(
                world.mailbox(ben).await.is_none(),
                "nothing is made of the other's"
            );
        }
    }
    let acts = [(1, Effect::Gone), (2, Effect::Returned), (3, Effect::Gone)];
    for order in orders(&acts) {
        let ada = person();
        for (version, act) in order {
            world.raise(ada, version, act).await;
        }
        let row = world.mailbox(ada).await.unwrap();
        assert_eq!(
            (row.gone, row.gone_version, row.fence_identity),
            (true, 3, 3)
        );
        world.raise(ada, 4, Effect::Returned).await;
        assert!(!world.mailbox(ada).await.unwrap().gone);
    }
    world.audit().await;
}

/// What can stand between two people of either's request, each with where it stands for the other.
fn requests() -> Vec<(Request, &'static str)> {
    vec![
        (Request::None, "inbox"),
        (Request::Pending { sent: 2 }, "requests"),
        (Request::Pending { sent: 1 }, "hidden"),
        (Request::Withdrawn { sent: 2 }, "none"),
        (Request::Accepted, "inbox"),
        (Request::Declined { until: NOW }, "declined"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_meets_every_state_of_both_requests() {
    let world = World::new().await;
    for (own, others_folder) in requests() {
        for (others, own_folder) in requests() {
            let (ada, ben, new) = world.two().await;
            world
                .commit(&[friendly(new, ada, "1"), friendly(new, ben, "2")])
                .await;
            let side = |request| Side {
                consent: Consent::Revoked,
                request,
            };
            let before = world.conversation_of(ada, ben).await;
            let before = before
                .with_side(ben, side(own))
                .with_side(ada, side(others));
            world
                .set(before, &[(ben, own_folder), (ada, others_folder)])
                .await;
            let events = (world.mailbox(ada).await, world.participant(ada, &new).await);
            world.raise(ben, 9, Effect::PeerBlocked(ada)).await;
            let after = world.conversation_of(ada, ben).await;
            assert_eq!(
                after,
                domain::block(before, ben, ada, Later::NONE),
                "{own:?} {others:?}"
            );
            // What they wrote to each other before was in the inbox, and is so again.
            let waits = |folder| folder == "requests" || folder == "hidden";
            let left = |folder| if waits(folder) { "inbox" } else { folder };
            let (his, hers) = (
                world.participant(ben, &new).await,
                world.participant(ada, &new).await,
            );
            assert_eq!((his.folder.as_str(), his.blocked), (left(own_folder), true));
            assert_eq!(hers.folder, left(others_folder));
            // Nothing else of hers moves, and she is told nothing.
            let (mailbox, mut part) = events;
            part.folder.clone_from(&hers.folder);
            assert_eq!((world.mailbox(ada).await, hers), (mailbox, part));
            assert!(world.events(ada).await.is_empty() && world.events(ben).await.is_empty());
            // Unblocking restores nothing.
            world.raise(ben, 10, Effect::PeerUnblocked(ada)).await;
            assert_eq!(world.conversation_of(ada, ben).await, after);
            let unblocked = world.participant(ben, &new).await;
            let folder = unblocked.folder.as_str();
            assert_eq!((folder, unblocked.blocked), (left(own_folder), false));
        }
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_unblocks_is_asked_anew_and_goes_on_where_they_stood() {
    let world = World::new().await;
    let (ada, ben, _) = world.two().await;
    world.ask(ada, ben, "hers").await;
    world.raise(ben, 6, Effect::PeerBlocked(ada)).await;
    world.raise(ben, 7, Effect::PeerUnblocked(ada)).await;
    world.ask_knowing(ada, ben, "anew", 7).await;
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ada).request, Request::Pending { sent: 1 });
    assert_eq!(world.participant(ben, &pair).await.folder, "requests");
    // Her own, on the other hand, counts on.
    world.raise(ada, 8, Effect::PeerBlocked(ben)).await;
    world.raise(ada, 9, Effect::PeerUnblocked(ben)).await;
    assert_eq!(world.participant(ben, &pair).await.folder, "none");
    world.ask_knowing(ada, ben, "again", 9).await;
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ada).request, Request::Pending { sent: 2 });
    assert_eq!(world.participant(ben, &pair).await.folder, "requests");
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_comes_after_its_end_restores_nothing_either() {
    let world = World::new().await;
    let block = [(8, Effect::PeerBlocked as fn(_) -> _)];
    let unblock = [(9, Effect::PeerUnblocked as fn(_) -> _)];
    for (first, second) in [(block, unblock), (unblock, block)] {
        let (ada, ben, new) = world.two().await;
        world.ask(ada, ben, "1").await;
        for (version, act) in first.into_iter().chain(second) {
            world.raise(ben, version, act(ada)).await;
        }
        let pair = world.conversation_of(ada, ben).await;
        assert_eq!(pair.side(ada).request, Request::None);
        let his = world.participant(ben, &new).await;
        let stands = (his.folder.as_str(), his.blocked, his.blocked_version);
        assert_eq!(stands, ("none", false, 9));
    }
    // What was decided after the unblocking is none of its business.
    let (ada, ben, new) = world.two().await;
    let mut after = asking(new, ada, "1");
    after.recipient_versions.graph = 9;
    world.commit(&[after]).await;
    world.raise(ben, 9, Effect::PeerUnblocked(ada)).await;
    world.raise(ben, 8, Effect::PeerBlocked(ada)).await;
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ada).request, Request::Pending { sent: 1 });
    assert_eq!(world.participant(ben, &new).await.folder, "requests");
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_raise_nothing_older_is_stored_whoever_comes_first() {
    let world = World::new().await;
    let mut stored_first = 0;
    for _ in 0..20 {
        let (ada, ben, new) = world.two().await;
        let ask = [asking(new, ada, "1")];
        // The version that its decision was made with does not reach it.
        let version = SEEN.graph + 1;
        let (sent, ()) = tokio::join!(
            world.commit(&ask),
            world.raise(ben, version, Effect::PeerBlocked(ada))
        );
        let pair = world.conversation_of(ada, ben).await;
        let his = world.participant(ben, &pair).await;
        assert_eq!((his.folder.as_str(), his.blocked), ("none", true));
        assert_eq!(pair.side(ada).request, Request::None);
        match sent[..] {
            [Outcome::Stored { seq: 1 }] => stored_first += 1,
            [Outcome::Moved] => assert_eq!(his.last_event, 0),
            ref other => panic!("{other:?}"),
        }
        let late = world.commit(&[asking(pair, ada, "2")]).await;
        assert_eq!(late, [Outcome::Moved]);
    }
    assert_eq!(world.messages().await.len(), stored_first);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn raises_settlements_and_messages_at_once_do_not_wait_in_a_ring() {
    let world = World::new().await;
    for _ in 0..20 {
        let (ada, ben, _) = world.two().await;
        world.ask(ada, ben, "1").await;
        let before = world.conversation_of(ada, ben).await;
        let ask = [asking(before, ada, "2")];
        let declined = domain::decline(before, ada, Duration::from_secs(1), NOW);
        let declining = super::settle::declining_as(before, declined, ben);
        let version = SEEN.graph + 1;
        let (_, _, (), (), ()) = tokio::join!(
            world.commit(&ask),
            world.store.settle(declining),
            world.raise(ben, version, Effect::PeerBlocked(ada)),
            world.raise(ada, version, Effect::PeerBlocked(ben)),
            world.raise(ben, version, Effect::Gone),
        );
        let pair = world.conversation_of(ada, ben).await;
        for user in [ada, ben] {
            assert!(!matches!(pair.side(user).request, Request::Pending { .. }));
            let row = world.participant(user, &pair).await;
            assert!(row.blocked && !["requests", "hidden"].contains(&row.folder.as_str()));
        }
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_raises_of_two_people_who_have_no_rows_yet() {
    let world = World::new().await;
    for _ in 0..20 {
        let (ada, ben) = (person(), person());
        let (block, back) = (Effect::PeerBlocked(ben), Effect::PeerBlocked(ada));
        tokio::join!(
            world.raise(ada, 1, block),
            world.raise(ada, 1, block),
            world.raise(ben, 1, back),
            async { world.store.create_pair(ada, ben).await.unwrap() },
        );
        let pair = Conversation::new(ada, ben);
        for user in [ada, ben] {
            assert!(world.participant(user, &pair).await.blocked);
            assert_eq!(world.mailbox(user).await.unwrap().fence_graph, 1);
        }
    }
}

impl World {
    /// Writes what stands between two people, and where it stands for each.
    async fn set(&self, pair: Conversation, folders: &[(UserId, &str)]) {
        use sea_orm::{ColumnTrait as _, QueryFilter as _, sea_query::Expr};
        let done: Result<(), sea_orm::DbErr> = (self.db)
            .write(|tx| async move {
                let row = rows::conversation_row(&pair);
                crate::store::entity::conversation::Entity::update(row)
                    .exec_without_returning(&*tx)
                    .await?;
                for (user, folder) in folders {
                    participant::Entity::update_many()
                        .col_expr(participant::Column::Folder, Expr::value(*folder))
                        .filter(participant::Column::UserId.eq(user.uuid()))
                        .filter(participant::Column::ConversationId.eq(pair.id.uuid()))
                        .exec(&*tx)
                        .await?;
                }
                Ok(())
            })
            .await;
        done.unwrap();
    }
}
