//! What is raised before an act is acknowledged, what is told of it, and what is heard of others.

use postern_proto::policy::v1::{
    Effect, Enforcement, Gone, PolicyOwner, Returned, effect::Effect as What,
};
use postern_shared::caller::ServiceName;

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

fn raise(owner: PolicyOwner, version: u64, effect: Option<Effect>) -> RaiseRequest {
    RaiseRequest {
        owner: owner.into(),
        user_id: id("bob").to_string(),
        version,
        effect,
    }
}

#[tokio::test]
async fn identity_says_who_is_gone_and_nobody_else_does() {
    let world = World::new().await;
    world.follow("ann", "bob").await.unwrap();
    let following = async || {
        let counts = world.rpc.get_counts(by("ann", GetCountsRequest {})).await;
        counts.unwrap().into_inner().following
    };
    let gone = || raise(PolicyOwner::Identity, 1, effect(What::Gone(Gone {})));
    for (service, ask) in [
        (ServiceName::Graph, gone()),
        (ServiceName::Settings, gone()),
        (ServiceName::Messaging, gone()),
        (ServiceName::Graph, raise(PolicyOwner::Graph, 1, None)),
        (ServiceName::Settings, raise(PolicyOwner::Settings, 1, None)),
    ] {
        let status = world.raised_by(service, ask).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(reason_of(&status), Some(ErrorReason::CallerNotAllowed));
    }
    assert_eq!(following().await, 1);
    world
        .raised_by(ServiceName::Identity, gone())
        .await
        .unwrap();
    assert_eq!(following().await, 0);
    let back = || effect(What::Returned(Returned {}));
    let far = raise(PolicyOwner::Identity, 1_000_002, back());
    let status = world
        .raised_by(ServiceName::Identity, far)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(reason_of(&status), Some(ErrorReason::VersionOutOfRange));
    let back = raise(PolicyOwner::Identity, 2, back());
    world.raised_by(ServiceName::Identity, back).await.unwrap();
    assert_eq!(following().await, 1);
    let wrong = RaiseRequest {
        user_id: "x".to_owned(),
        ..raise(PolicyOwner::Identity, 0, Some(Effect { effect: None }))
    };
    let status = world
        .raised_by(ServiceName::Identity, wrong)
        .await
        .unwrap_err();
    assert_eq!(fields(&status), ["user_id", "version", "effect"]);
}
