//! The whole service through its contract.

mod disguise;
mod fences;
mod world;

use std::time::Duration;

use postern_proto::{
    common::v1::{ErrorReason, PageRequest, PersonRef, person_ref::Person},
    graph::v1::MyRelationship,
};
use postern_shared::{caller::Caller, error::reason_of};
use tonic::Code;

use self::world::{World, by, fields, handle, id, named};
use super::*;

#[tokio::test]
async fn two_who_follow_each_other_are_friends() {
    let world = World::new().await;
    let one = world.follow("ann", "bob").await.unwrap();
    assert!(one.following && !one.followed_by && !one.friends && !one.blocking);
    assert_eq!(one.user_id, id("bob").to_string());
    assert!(world.follow("bob", "ann").await.unwrap().friends);
    let ask = UnfollowRequest {
        person: named(Person::UserId(id("ann").to_string())),
    };
    let left = world
        .rpc
        .unfollow(by("bob", ask))
        .await
        .unwrap()
        .into_inner()
        .relationship
        .unwrap();
    assert!(left.followed_by && !left.following && !left.friends);
    assert!(world.follow("ann", "quiet").await.unwrap().following);
}

#[tokio::test]
async fn who_blocks_me_who_is_gone_and_who_never_was_answer_alike() {
    let world = World::new().await;
    world.follow("ann", "bob").await.unwrap();
    world.block("bob", "ann").await.unwrap();
    let nobody = world.refusals("ann", handle("nobody")).await;
    assert!(nobody.iter().all(|(code, ..)| *code == Code::NotFound));
    for name in ["bob", "left", "out"] {
        assert_eq!(world.refusals("ann", handle(name)).await, nobody, "{name}");
        let person = named(Person::UserId(id(name).to_string()));
        assert_eq!(world.refusals("ann", person).await, nobody, "{name}");
    }
    let lists = world
        .rpc
        .list_following(by("ann", ListFollowingRequest::default()))
        .await
        .unwrap();
    assert!(lists.into_inner().following.is_empty());
    // What works on everyone tells nothing more.
    for name in ["bob", "left", "out"] {
        for blocking in [true, false] {
            let shown = if blocking {
                world.block("ann", name).await.unwrap()
            } else {
                assert_eq!(
                    world.refusals("ann", handle(name)).await,
                    nobody,
                    "{name} blocked"
                );
                world.unblock("ann", name).await.unwrap()
            };
            let user_id = id(name).to_string();
            assert_eq!(
                shown,
                MyRelationship {
                    user_id,
                    blocking,
                    ..MyRelationship::default()
                }
            );
        }
    }
    let unknown = world.block("ann", "nobody").await.unwrap_err();
    assert_eq!(reason_of(&unknown), Some(ErrorReason::AccountNotFound));
}

#[tokio::test]
async fn a_person_must_be_named_rightly_and_be_another() {
    let world = World::new().await;
    let refused = async |person| {
        let ask = FollowRequest { person };
        world.rpc.follow(by("ann", ask)).await.unwrap_err()
    };
    for (person, field) in [
        (None, "person"),
        (Some(PersonRef { person: None }), "person"),
        (named(Person::UserId("x".to_owned())), "person.user_id"),
        (named(Person::UserId(String::new())), "person.user_id"),
        (handle("a"), "person.handle"),
        (handle("@ann"), "person.handle"),
        (handle("Ann"), "person.handle"),
        (handle("änn"), "person.handle"),
        (handle(&"a".repeat(25)), "person.handle"),
    ] {
        let status = refused(person).await;
        assert_eq!(reason_of(&status), Some(ErrorReason::InvalidFields));
        assert_eq!(fields(&status), [field]);
    }
    for person in [handle("ann"), named(Person::UserId(id("ann").to_string()))] {
        let status = refused(person).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason_of(&status), Some(ErrorReason::SelfReference));
    }
    world.block("ann", "bob").await.unwrap();
    let status = refused(handle("bob")).await;
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason_of(&status), Some(ErrorReason::AccountBlockedByYou));
    // Only identity itself may say that someone does not exist.
    let status = refused(handle("broken")).await;
    assert_eq!(reason_of(&status), Some(ErrorReason::DependencyUnavailable));
}

#[tokio::test]
async fn lists_go_on_where_the_page_ended() {
    let world = World::new().await;
    for name in ["bob", "cat", "quiet"] {
        world.follow(name, "ann").await.unwrap();
        world.rpc.clock.advance(Duration::from_secs(1));
    }
    let ask = |page_token| ListFollowersRequest {
        page: Some(PageRequest {
            page_size: 2,
            page_token,
        }),
    };
    let first = world
        .rpc
        .list_followers(by("ann", ask(String::new())))
        .await
        .unwrap()
        .into_inner();
    let people: Vec<_> = first
        .followers
        .iter()
        .map(|edge| edge.user_id.clone())
        .collect();
    assert_eq!(people, [id("quiet").to_string(), id("cat").to_string()]);
    assert_eq!(
        first.followers[0].create_time.unwrap().seconds,
        1_700_000_002
    );
    let token = first.page.unwrap().next_page_token;
    let rest = world
        .rpc
        .list_followers(by("ann", ask(token.clone())))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(rest.followers.len(), 1);
    assert_eq!(rest.page.unwrap().next_page_token, "");
    let other = ListFollowingRequest {
        page: ask(token).page,
    };
    let status = world
        .rpc
        .list_following(by("ann", other))
        .await
        .unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::InvalidPageToken));
    let counts = world
        .rpc
        .get_counts(by("ann", GetCountsRequest {}))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        counts,
        GetCountsResponse {
            followers: 3,
            following: 0,
            friends: 0
        }
    );
}

#[tokio::test]
async fn services_ask_for_one_of_the_two_or_for_nobody() {
    let world = World::new().await;
    world.follow("ann", "bob").await.unwrap();
    world.block("bob", "ann").await.unwrap();
    let ask = GetRelationshipRequest {
        user_id: id("ann").to_string(),
        peer_id: id("bob").to_string(),
        min_user_version: 1,
        min_peer_version: 1,
    };
    let system = Caller::system(Duration::from_secs(10));
    let answer = world
        .rpc
        .get_relationship(system.ask(ask.clone()))
        .await
        .unwrap();
    let found = answer.into_inner().relationship.unwrap();
    assert!(found.peer_blocks && !found.user_follows && !found.user_blocks && !found.peer_follows);
    assert_eq!((found.user_epoch, found.peer_epoch), (1, 1));
    assert_eq!((found.user_version, found.peer_version), (1, 1));
    for name in ["ann", "bob"] {
        assert!(
            world
                .rpc
                .get_relationship(by(name, ask.clone()))
                .await
                .is_ok()
        );
    }
    let status = world
        .rpc
        .get_relationship(by("cat", ask.clone()))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(reason_of(&status), Some(ErrorReason::CallerNotAllowed));
    for (user, peer) in [(2, 0), (0, 2)] {
        let later = GetRelationshipRequest {
            min_user_version: user,
            min_peer_version: peer,
            ..ask.clone()
        };
        let status = world
            .rpc
            .get_relationship(by("ann", later))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::Aborted);
        assert_eq!(reason_of(&status), Some(ErrorReason::Contention));
    }
    let wrong = GetRelationshipRequest {
        user_id: "x".to_owned(),
        ..Default::default()
    };
    let status = world
        .rpc
        .get_relationship(by("ann", wrong))
        .await
        .unwrap_err();
    assert_eq!(fields(&status), ["user_id", "peer_id"]);
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order() {
    let world = World::new().await;
    world.follow("ann", "bob").await.unwrap();
    let batch = |peers: &[&str]| BatchGetRelationshipsRequest {
        user_id: id("ann").to_string(),
        peer_ids: peers.iter().map(|name| id(name).to_string()).collect(),
    };
    let ask = batch(&["cat", "bob", "cat", "left", "bob"]);
    let answer = world
        .rpc
        .batch_get_relationships(by("ann", ask.clone()))
        .await
        .unwrap();
    let answers = answer.into_inner().relationships;
    let peers: Vec<_> = answers
        .iter()
        .map(|answer| answer.peer_id.clone())
        .collect();
    assert_eq!(peers, ask.peer_ids);
    let follows: Vec<_> = answers.iter().map(|answer| answer.user_follows).collect();
    assert_eq!(follows, [false, true, false, false, true]);
    let status = world
        .rpc
        .batch_get_relationships(by("bob", ask))
        .await
        .unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::CallerNotAllowed));
    for ask in [batch(&[]), batch(&["bob"; 101])] {
        let status = world
            .rpc
            .batch_get_relationships(by("ann", ask))
            .await
            .unwrap_err();
        assert_eq!(fields(&status), ["peer_ids"]);
    }
    let mut ask = batch(&["bob", "cat"]);
    ask.peer_ids[1] = "x".to_owned();
    let status = world
        .rpc
        .batch_get_relationships(by("ann", ask))
        .await
        .unwrap_err();
    assert_eq!(fields(&status), ["peer_ids[1]"]);
}
