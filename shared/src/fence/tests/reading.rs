//! What a target reads: who raises whose fence, and by how much.

use postern_proto::{
    common::v1::ErrorReason,
    policy::v1::{
        Effect as WireEffect, Gone, PolicyOwner, RaiseRequest, Returned, effect::Effect as Wire,
    },
};
use tonic::Code;

use super::{Effect, LONG, Raise};
use crate::{
    caller::{
        Caller, Principal,
        ServiceName::{self, Graph, Identity, Messaging, Settings},
    },
    error::Failure as _,
    fence::{OutOfRange, Refused, incoming, incoming::to_proto, raised},
    id::UserId,
    random::Random,
};

fn by(principal: Principal) -> Caller {
    Caller {
        principal,
        ..Caller::system(LONG)
    }
}

fn read(by_: ServiceName, request: RaiseRequest) -> Result<(ServiceName, Raise), Refused> {
    incoming(&by(Principal::Service(by_)), request)
}

fn wrong_fields(read: Result<(ServiceName, Raise), Refused>) -> Vec<String> {
    let refused = read.unwrap_err();
    let (code, reason) = refused.classify();
    assert_eq!(
        (code, reason),
        (Code::InvalidArgument, ErrorReason::InvalidFields)
    );
    refused
        .violations()
        .iter()
        .map(|one| one.field.clone())
        .collect()
}

fn request(owner: PolicyOwner, effect: Option<Wire>) -> RaiseRequest {
    RaiseRequest {
        owner: owner.into(),
        user_id: UserId::random(&Random::system()).to_string(),
        version: 3,
        effect: effect.map(|effect| WireEffect {
            effect: Some(effect),
        }),
    }
}

#[test]
fn what_an_owner_raises_is_read_as_it_was_meant() {
    let random = Random::system();
    let (user, peer) = (UserId::random(&random), UserId::random(&random));
    for (name, effect) in [
        (Settings, None),
        (Graph, None),
        (Graph, Some(Effect::PeerBlocked(peer))),
        (Graph, Some(Effect::PeerUnblocked(peer))),
        (Identity, Some(Effect::Gone)),
        (Identity, Some(Effect::Returned)),
    ] {
        let raise = Raise {
            user,
            version: i64::MAX.cast_unsigned(),
            effect,
        };
        assert_eq!(read(name, to_proto(name, &raise)).unwrap(), (name, raise));
    }
}

#[test]
fn only_the_owner_raises_its_own_fence() {
    let others = [Graph, Messaging, Settings].map(Principal::Service);
    for other in others.into_iter().chain([Principal::Anyone]) {
        let refused = incoming(&by(other), request(PolicyOwner::Identity, None)).unwrap_err();
        let expected = (Code::PermissionDenied, ErrorReason::CallerNotAllowed);
        assert_eq!(refused.classify(), expected, "{other:?}");
    }
    read(Identity, request(PolicyOwner::Identity, None)).unwrap();
}

#[test]
fn nobody_has_the_effects_of_others() {
    let peer = UserId::random(&Random::system()).to_string();
    let (gone, returned) = (Wire::Gone(Gone {}), Wire::Returned(Returned {}));
    for effect in [gone, returned] {
        for (owner, name) in [
            (PolicyOwner::Graph, Graph),
            (PolicyOwner::Settings, Settings),
        ] {
            let read = read(name, request(owner, Some(effect.clone())));
            assert_eq!(wrong_fields(read), ["effect"]);
        }
    }
    for effect in [Wire::PeerBlocked(peer.clone()), Wire::PeerUnblocked(peer)] {
        for (owner, name) in [
            (PolicyOwner::Identity, Identity),
            (PolicyOwner::Settings, Settings),
        ] {
            let read = read(name, request(owner, Some(effect.clone())));
            assert_eq!(wrong_fields(read), ["effect"]);
        }
    }
}

#[test]
fn every_wrong_field_is_named_at_once() {
    for owner in [0, 4, -1] {
        let all_wrong = RaiseRequest {
            owner,
            user_id: "zoe".to_owned(),
            version: 0,
            effect: Some(WireEffect { effect: None }),
        };
        let fields = wrong_fields(read(Identity, all_wrong));
        assert_eq!(fields, ["owner", "user_id", "version", "effect"]);
    }
    for version in [0, i64::MAX.cast_unsigned() + 1, u64::MAX] {
        let wrong = RaiseRequest {
            version,
            ..request(PolicyOwner::Identity, None)
        };
        assert_eq!(wrong_fields(read(Identity, wrong)), ["version"]);
    }
    let peer = Some(Wire::PeerBlocked("zoe".to_owned()));
    let wrong = read(Graph, request(PolicyOwner::Graph, peer));
    assert_eq!(wrong_fields(wrong), ["effect.peer_blocked"]);
    let peer = Some(Wire::PeerUnblocked(String::new()));
    let wrong = read(Graph, request(PolicyOwner::Graph, peer));
    assert_eq!(wrong_fields(wrong), ["effect.peer_unblocked"]);
}

#[test]
fn a_fence_never_falls_and_never_jumps_far() {
    for (stands, version, expected) in [
        (0, 1, Ok(1)),
        (5, 5, Ok(5)),
        (5, 4, Ok(5)),
        (0, 1_000_000, Ok(1_000_000)),
        (0, 1_000_001, Err(OutOfRange)),
        (7, 1_000_007, Ok(1_000_007)),
        (7, 1_000_008, Err(OutOfRange)),
        (u64::MAX - 1, u64::MAX, Ok(u64::MAX)),
    ] {
        assert_eq!(raised(stands, version), expected, "{stands} to {version}");
    }
    let refused = Refused::from(OutOfRange);
    let expected = (Code::OutOfRange, ErrorReason::VersionOutOfRange);
    assert_eq!(refused.classify(), expected);
}
