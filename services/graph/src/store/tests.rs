//! The store on a real database: what each act leaves behind, also when acts race.

mod gone;
mod plans;
mod raised;

use std::collections::BTreeSet;

use postern_shared::{
    caller::ServiceName,
    clock::Timestamp,
    random::Random,
    testing::{self, Guard},
};

use super::*;
use crate::domain::{Presence, Relationship};

struct World {
    store: Store,
    random: Random,
    _database: Guard,
}

impl World {
    async fn new() -> Self {
        let (database, db) = testing::database(ServiceName::Graph, MIGRATIONS).await;
        Self {
            store: Store::new(db),
            random: Random::system(),
            _database: database,
        }
    }

    fn person(&self) -> UserId {
        UserId::random(&self.random)
    }

    fn edge(&self, millis: i64) -> Edge {
        Edge::new(Timestamp::from_unix_millis(millis), &self.random)
    }

    async fn act(&self, me: UserId, peer: UserId, act: Act) -> Result<Done, Error> {
        let peer = Peer {
            id: peer,
            presence: Presence::Present,
        };
        self.store.act(me, peer, act, self.edge(1_000)).await
    }

    async fn does(&self, me: UserId, peer: UserId, act: Act) -> Pair {
        self.act(me, peer, act).await.unwrap().pair
    }

    async fn between(&self, me: UserId, peer: UserId) -> Relationship {
        self.store.relationship(me, peer).await.unwrap()
    }

    /// Epochs and versions, mine first.
    async fn numbers(&self, me: UserId, peer: UserId) -> (u64, u64, u64, u64) {
        let now = self.between(me, peer).await;
        let epochs = (now.pair.mine.epoch, now.pair.theirs.epoch);
        (epochs.0, epochs.1, now.my_version, now.their_version)
    }

    async fn people(&self, owner: UserId, list: List) -> Vec<UserId> {
        let entries = self.store.list(owner, list, None, 1_000).await.unwrap();
        entries.into_iter().map(|entry| entry.person).collect()
    }

    /// Followers, following, friends.
    async fn counted(&self, owner: UserId) -> (u64, u64, u64) {
        let counts = self.store.counts(owner).await.unwrap();
        (counts.followers, counts.following, counts.friends)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_have_nothing_and_both_see_the_same() {
    let world = World::new().await;
    let (a, b) = (world.person(), world.person());
    assert_eq!(world.between(a, b).await, Relationship::default());
    world.does(a, b, Act::Follow).await;
    let (mine, theirs) = (world.between(a, b).await, world.between(b, a).await);
    assert!(mine.pair.mine.follow.is_some() && mine.pair.theirs.follow.is_none());
    assert_eq!(mine.pair.mine, theirs.pair.theirs);
    assert_eq!((mine.my_version, mine.their_version), (1, 0));
    assert_eq!((theirs.my_version, theirs.their_version), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_act_moves_the_epochs_and_the_version_of_who_acts() {
    let world = World::new().await;
    let (a, b) = (world.person(), world.person());
    world.does(a, b, Act::Follow).await;
    assert_eq!(world.numbers(a, b).await, (0, 0, 1, 0));
    world.does(b, a, Act::Follow).await;
    assert_eq!(world.numbers(a, b).await, (0, 0, 1, 1));
    assert_eq!(world.counted(a).await, (1, 1, 1));
    world.does(a, b, Act::Unfollow).await;
    assert_eq!(world.numbers(a, b).await, (1, 0, 2, 1));
    world.does(a, b, Act::RemoveFollower).await;
    assert_eq!(world.numbers(a, b).await, (2, 0, 3, 1));
    assert_eq!(world.counted(b).await, (0, 0, 0));
    world.does(b, a, Act::Block).await;
    assert_eq!(world.numbers(a, b).await, (3, 1, 3, 2));
    world.does(a, b, Act::Block).await;
    assert_eq!(world.numbers(a, b).await, (4, 2, 4, 2));
    world.does(b, a, Act::Unblock).await;
    world.does(a, b, Act::Unblock).await;
    assert_eq!(world.numbers(a, b).await, (4, 2, 5, 3));
    assert_eq!(world.between(a, b).await.pair.mine.block, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn doing_it_again_changes_nothing() {
    let world = World::new().await;
    for act in [
        Act::Follow,
        Act::Unfollow,
        Act::RemoveFollower,
        Act::Block,
        Act::Unblock,
    ] {
        let (a, b) = (world.person(), world.person());
        world.does(b, a, Act::Follow).await;
        if act == Act::Unfollow {
            world.does(a, b, Act::Follow).await;
        }
        if act == Act::Unblock {
            world.does(a, b, Act::Block).await;
        }
        let first = world.does(a, b, act).await;
        let after = world.between(a, b).await;
        for _ in 0..3 {
            assert_eq!(world.does(a, b, act).await, first, "{act:?}");
        }
        assert_eq!(world.between(a, b).await, after, "{act:?}");
    }
    // What was never there can be ended too, and leaves no trace.
    let (a, b) = (world.person(), world.person());
    for act in [Act::Unfollow, Act::RemoveFollower, Act::Unblock] {
        world.does(a, b, act).await;
    }
    assert_eq!(world.between(a, b).await, Relationship::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_both_follows_everywhere_and_unblocking_restores_none() {
    let world = World::new().await;
    let (a, b) = (world.person(), world.person());
    world.does(a, b, Act::Follow).await;
    world.does(b, a, Act::Follow).await;
    world.does(a, b, Act::Block).await;
    for owner in [a, b] {
        assert_eq!(world.counted(owner).await, (0, 0, 0));
        for list in [List::Followers, List::Following, List::Friends] {
            assert!(world.people(owner, list).await.is_empty());
        }
    }
    assert_eq!(world.people(a, List::Blocked).await, [b]);
    assert!(world.people(b, List::Blocked).await.is_empty());
    assert!(matches!(
        world.act(a, b, Act::Follow).await,
        Err(Error::BlockedByYou)
    ));
    for act in [Act::Follow, Act::Unfollow, Act::RemoveFollower] {
        assert!(matches!(
            world.act(b, a, act).await,
            Err(Error::AccountNotFound)
        ));
    }
    world.does(a, b, Act::Unblock).await;
    assert_eq!(world.counted(a).await, (0, 0, 0));
    assert!(world.people(a, List::Blocked).await.is_empty());
    world.does(b, a, Act::Follow).await;
    assert_eq!(world.people(a, List::Followers).await, [b]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_page_right_through_edges_of_one_millisecond() {
    let world = World::new().await;
    let me = world.person();
    let peers: Vec<_> = (0..25).map(|_| world.person()).collect();
    for (index, peer) in peers.iter().enumerate() {
        let them = Peer {
            id: *peer,
            presence: Presence::Present,
        };
        let myself = Peer {
            id: me,
            presence: Presence::Present,
        };
        // Ten in each millisecond.
        let edge = || world.edge(1_000 + i64::try_from(index / 10).unwrap());
        world
            .store
            .act(me, them, Act::Follow, edge())
            .await
            .unwrap();
        world
            .store
            .act(*peer, myself, Act::Follow, edge())
            .await
            .unwrap();
    }
    let blocked: Vec<_> = (0..7).map(|_| world.person()).collect();
    for peer in &blocked {
        world.does(me, *peer, Act::Block).await;
    }
    for (list, expected) in [
        (List::Followers, &peers),
        (List::Following, &peers),
        (List::Friends, &peers),
        (List::Blocked, &blocked),
    ] {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let after = all.last().map(|entry| entry.edge.id);
            let page = world.store.list(me, list, after, 4).await.unwrap();
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        assert!(
            all.is_sorted_by(|newer, older| newer.edge.id > older.edge.id),
            "{list:?}"
        );
        assert!(
            all.is_sorted_by(|newer, older| newer.edge.at >= older.edge.at),
            "{list:?}"
        );
        let people: BTreeSet<_> = all.iter().map(|entry| entry.person).collect();
        assert_eq!(
            (people, all.len()),
            (expected.iter().copied().collect(), expected.len())
        );
    }
    assert_eq!(world.counted(me).await, (25, 25, 25));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_answers_in_order_whoever_is_in_it() {
    let world = World::new().await;
    let me = world.person();
    let peers: Vec<_> = (0..100).map(|_| world.person()).collect();
    for peer in peers.iter().step_by(3) {
        world.does(me, *peer, Act::Follow).await;
    }
    world.does(peers[1], me, Act::Block).await;
    for count in [1, 2, 3, 5, 99, 100] {
        let asked: Vec<_> = peers.iter().rev().take(count).copied().collect();
        let found = world.store.relationships(me, &asked).await.unwrap();
        assert_eq!(found.len(), count);
        for (peer, found) in asked.iter().zip(found) {
            assert_eq!(found, world.between(me, *peer).await);
        }
    }
    let twice = world
        .store
        .relationships(me, &[peers[0], peers[1], peers[0]])
        .await
        .unwrap();
    assert_eq!(twice[0], twice[2]);
    assert!(twice[0].pair.mine.follow.is_some() && twice[1].pair.theirs.block.is_some());
}

/// The copies of every follow agree, and none is there beside a block.
async fn check(world: &World, a: UserId, b: UserId) {
    let pair = world.between(a, b).await.pair;
    let follows = (pair.mine.follow.is_some(), pair.theirs.follow.is_some());
    let blocked = pair.mine.block.is_some() || pair.theirs.block.is_some();
    assert!(!(blocked && (follows.0 || follows.1)), "{pair:?}");
    assert_eq!(
        world.people(b, List::Followers).await.contains(&a),
        follows.0
    );
    assert_eq!(
        world.people(a, List::Followers).await.contains(&b),
        follows.1
    );
    for (one, other) in [(a, b), (b, a)] {
        let friends = world.people(one, List::Friends).await;
        assert_eq!(friends.contains(&other), follows.0 && follows.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_races_a_follow_leaves_none() {
    let world = World::new().await;
    for _ in 0..100 {
        let (a, b) = (world.person(), world.person());
        let (blocked, followed, back) = futures_util::join!(
            world.act(a, b, Act::Block),
            world.act(b, a, Act::Follow),
            world.act(a, b, Act::Follow),
        );
        blocked.unwrap();
        assert!(matches!(followed, Ok(_) | Err(Error::AccountNotFound)));
        assert!(matches!(back, Ok(_) | Err(Error::BlockedByYou)));
        assert!(world.between(a, b).await.pair.mine.block.is_some());
        check(&world, a, b).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_act_on_each_other_at_once_never_stand_still() {
    let world = std::sync::Arc::new(World::new().await);
    let (a, b) = (world.person(), world.person());
    let acts = [
        Act::Follow,
        Act::Block,
        Act::RemoveFollower,
        Act::Unblock,
        Act::Unfollow,
    ];
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let world = std::sync::Arc::clone(&world);
            let (me, peer) = if task % 2 == 0 { (a, b) } else { (b, a) };
            tokio::spawn(async move {
                for step in 0..25 {
                    match world.act(me, peer, acts[(task + step) % acts.len()]).await {
                        Ok(_) | Err(Error::AccountNotFound | Error::BlockedByYou) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    check(&world, a, b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_acts_at_once_raises_the_version_once() {
    let world = World::new().await;
    let me = world.person();
    let peers: Vec<_> = (0..20).map(|_| world.person()).collect();
    let acts = peers.iter().map(|peer| world.act(me, *peer, Act::Follow));
    let again = peers.iter().map(|peer| world.act(me, *peer, Act::Follow));
    for done in futures_util::future::join_all(acts.chain(again)).await {
        done.unwrap();
    }
    assert_eq!(world.between(me, peers[0]).await.my_version, 20);
    assert_eq!(world.counted(me).await, (0, 20, 0));
}

impl Store {
    /// How many transactions have told of something.
    pub async fn told(&self) -> i64 {
        use sea_orm::{ConnectionTrait as _, Statement};
        let sql = "SELECT count(*) AS events FROM outbox";
        let statement = Statement::from_sql_and_values(self.db.backend(), sql, []);
        let row = self.db.reader().query_one_raw(statement).await.unwrap();
        row.unwrap().try_get("", "events").unwrap()
    }
}
