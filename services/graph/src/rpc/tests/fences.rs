//! What is raised before an act is acknowledged, what is told of it, and what is heard of others.

use postern_proto::policy::v1::{
    Effect, Enforcement, PolicyOwner, RaiseRequest, SetPresenceRequest, effect::Effect as What,
};

use super::{
    world::{by, fields, handle, id, user},
    *,
};

fn effect(effect: What) -> Option<Effect> {
    Some(Effect {
        effect: Some(effect),
    })
}

#[tokio::test]
async fn what_is_acknowledged_was_raised_before() {
    let world = World::new().await;
    world.follow("ann", "bob").await.unwrap();
    world.follow("bob", "ann").await.unwrap();
    let person = || handle("bob");
    let removed = RemoveFollowerRequest { person: person() };
    let removed = world.rpc.remove_follower(by("ann", removed)).await.unwrap();
    let left = UnfollowRequest { person: person() };
    let left = world.rpc.unfollow(by("ann", left)).await.unwrap();
    let blocked = world.block_enforced("ann", "bob").await.unwrap();
    for told in [
        removed.into_inner().enforcement(),
        left.into_inner().enforcement(),
        blocked.enforcement(),
        world.enforcement("ann").await,
    ] {
        assert_eq!(told, Enforcement::Enforced);
    }
    world.unblock("ann", "bob").await.unwrap();
    let bob = id("bob").to_string();
    let expected = [
        (2, None),
        (3, None),
        (4, effect(What::PeerBlocked(bob.clone()))),
        (5, effect(What::PeerUnblocked(bob))),
    ];
    let expected = expected.map(|(version, effect)| RaiseRequest {
        owner: PolicyOwner::Graph.into(),
        user_id: id("ann").to_string(),
        version,
        effect,
    });
    assert_eq!(
        world.messaging.with(|raised| raised.requests.clone()),
        expected
    );
}

#[tokio::test]
async fn what_did_not_arrive_is_pending_until_it_has() {
    let world = World::new().await;
    world.messaging.with(|raised| raised.is_away = true);
    // The change itself is stored, and saying it again does not make it more than it is.
    for _ in 0..2 {
        let blocked = world.block_enforced("ann", "bob").await.unwrap();
        assert_eq!(blocked.enforcement(), Enforcement::Pending);
        assert!(blocked.relationship.unwrap().blocking);
    }
    world.rpc.fences.relay().await;
    assert_eq!(world.enforcement("ann").await, Enforcement::Pending);
    // It is about the one who acts alone: the other is told nothing.
    assert_eq!(world.enforcement("bob").await, Enforcement::Enforced);
    world.unblock("ann", "cat").await.unwrap();
    world.messaging.with(|raised| raised.is_away = false);
    world.rpc.fences.relay().await;
    assert_eq!(world.enforcement("ann").await, Enforcement::Enforced);
    let blocked = world.block_enforced("ann", "bob").await.unwrap();
    assert_eq!(blocked.enforcement(), Enforcement::Enforced);
    let versions = world.messaging.with(|raised| raised.requests.clone());
    let versions: Vec<_> = versions.iter().map(|raise| raise.version).collect();
    assert_eq!(versions, [1]);
}

#[tokio::test]
async fn a_caller_without_time_to_wait_is_told_pending() {
    let world = World::new().await;
    let mut caller = user("ann");
    // Enough for the change, and nothing beyond what an answer is kept back for.
    caller.deadline = Caller::system(Duration::from_millis(190)).deadline;
    let me = caller.clone();
    let me = postern_shared::caller::Me {
        id: id("ann"),
        session: me.user.unwrap().session,
        caller,
    };
    let raise = postern_shared::fence::Raise {
        user: id("ann"),
        version: 1,
        effect: None,
    };
    world.messaging.with(|raised| raised.is_away = true);
    let told = enforcement::after(&world.rpc, &me, Some(raise))
        .await
        .unwrap();
    assert_eq!(told, Enforcement::Pending);
}

#[tokio::test]
async fn who_is_gone_themselves_follows_nobody_and_blocks_whom_they_like() {
    let world = World::new().await;
    for name in ["left", "out"] {
        for person in ["bob", "nobody", "out", "left"] {
            let status = world.follow(name, person).await.unwrap_err();
            assert_eq!(status.code(), Code::PermissionDenied, "{name} {person}");
            assert_eq!(reason_of(&status), Some(ErrorReason::AccountRestricted));
        }
        assert!(world.block(name, "bob").await.unwrap().blocking);
        assert!(!world.unblock(name, "bob").await.unwrap().blocking);
        let person = handle("bob");
        let ask = UnfollowRequest {
            person: person.clone(),
        };
        assert!(world.rpc.unfollow(by(name, ask)).await.is_ok());
        let ask = RemoveFollowerRequest { person };
        assert!(world.rpc.remove_follower(by(name, ask)).await.is_ok());
    }
}

#[tokio::test]
async fn identity_says_who_is_gone_and_the_newest_counts() {
    let world = World::new().await;
    world.follow("ann", "bob").await.unwrap();
    let bob = id("bob");
    let following = async || {
        let counts = world.rpc.get_counts(by("ann", GetCountsRequest {})).await;
        counts.unwrap().into_inner().following
    };
    world.presence(bob, 3, true).await.unwrap();
    assert_eq!(following().await, 0);
    world.presence(bob, 2, false).await.unwrap();
    assert_eq!(following().await, 0, "an older one comes late");
    let status = world.presence(bob, 1_000_004, false).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(reason_of(&status), Some(ErrorReason::VersionOutOfRange));
    world.presence(bob, 4, false).await.unwrap();
    assert_eq!(following().await, 1);
    let wrong = SetPresenceRequest {
        user_id: "x".to_owned(),
        version: 0,
        gone: true,
    };
    let status = world.set_presence(wrong).await.unwrap_err();
    assert_eq!(fields(&status), ["user_id", "version"]);
}
