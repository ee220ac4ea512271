//! One disguise: someone who blocks the caller and someone whose account is switched off answer
//! alike, in every RPC that shows or changes anything, whatever the caller does.

use std::fmt::Debug;

use super::{
    world::{by, handle},
    *,
};

/// Everything that `ann` is told, in a world in which `bob` hides from her one way or the other.
struct Told {
    world: World,
    answers: Vec<String>,
    events_before: i64,
}

impl Told {
    /// The two were friends, and so are `ann` and `cat`.
    async fn once_hidden(blocks: bool) -> Self {
        let world = World::new().await;
        for (me, person) in [
            ("ann", "bob"),
            ("bob", "ann"),
            ("ann", "cat"),
            ("cat", "ann"),
        ] {
            world.follow(me, person).await.unwrap();
        }
        if blocks {
            world.block("bob", "ann").await.unwrap();
        } else {
            world.leaves("bob").await;
        }
        let events_before = world.rpc.store.told().await;
        Self {
            world,
            answers: Vec::new(),
            events_before,
        }
    }

    fn note<T: Debug>(&mut self, what: &str, answer: Answer<T>) {
        let told = answer.map(Response::into_inner).map_err(|status| {
            let details = status.details().to_vec();
            (status.code(), status.message().to_owned(), details)
        });
        self.answers.push(format!("{what}: {told:?}"));
    }

    async fn looks(&mut self) {
        let rpc = self.world.rpc.clone();
        let person = handle("bob");
        let ask = by("ann", GetMyRelationshipRequest { person });
        self.note("my relationship", rpc.get_my_relationship(ask).await);
        let ask = by("ann", ListFollowersRequest::default());
        self.note("followers", rpc.list_followers(ask).await);
        let ask = by("ann", ListFollowingRequest::default());
        self.note("following", rpc.list_following(ask).await);
        let ask = by("ann", ListFriendsRequest::default());
        self.note("friends", rpc.list_friends(ask).await);
        let ask = by("ann", ListBlockedRequest::default());
        self.note("blocked", rpc.list_blocked(ask).await);
        let ask = by("ann", GetCountsRequest {});
        self.note("counts", rpc.get_counts(ask).await);
        let ask = by("ann", GetEnforcementRequest {});
        self.note("enforcement", rpc.get_enforcement(ask).await);
        let events = self.world.rpc.store.told().await - self.events_before;
        self.answers.push(format!("events: {events}"));
    }

    async fn acts(&mut self) {
        let rpc = self.world.rpc.clone();
        let person = || handle("bob");
        let ask = by("ann", FollowRequest { person: person() });
        self.note("follow", rpc.follow(ask).await);
        self.looks().await;
        let ask = by("ann", UnfollowRequest { person: person() });
        self.note("unfollow", rpc.unfollow(ask).await);
        self.looks().await;
        let ask = by("ann", RemoveFollowerRequest { person: person() });
        self.note("remove follower", rpc.remove_follower(ask).await);
        self.looks().await;
    }

    async fn block(&mut self) {
        let person = handle("bob");
        let ask = by("ann", BlockRequest { person });
        let answer = self.world.rpc.block(ask).await;
        self.note("block", answer);
        self.looks().await;
    }

    async fn unblock(&mut self) {
        let person = handle("bob");
        let ask = by("ann", UnblockRequest { person });
        let answer = self.world.rpc.unblock(ask).await;
        self.note("unblock", answer);
        self.looks().await;
    }
}

/// How many events were left so far.
#[tokio::test]
async fn who_blocks_the_caller_and_who_left_cannot_be_told_apart() {
    let mut stories = Vec::new();
    for blocks in [true, false] {
        let mut told = Told::once_hidden(blocks).await;
        told.looks().await;
        told.acts().await;
        // Twice each: what is repeated answers alike too, and so does what follows it.
        for _ in 0..2 {
            told.block().await;
            told.block().await;
            told.acts().await;
            told.unblock().await;
            told.unblock().await;
            told.acts().await;
        }
        stories.push(told.answers);
    }
    let (blocking, left) = (&stories[0], &stories[1]);
    for (blocking, left) in blocking.iter().zip(left) {
        assert_eq!(blocking, left);
    }
    assert_eq!(blocking.len(), left.len());
    // Something was told at all: the friend who is left, and the own block.
    let cat = world::id("cat").to_string();
    assert!(
        left.iter()
            .any(|told| told.starts_with("friends") && told.contains(&cat))
    );
    let bob = world::id("bob").to_string();
    assert!(
        left.iter()
            .any(|told| told.starts_with("blocked") && told.contains(&bob))
    );
}
