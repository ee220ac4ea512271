//! The other person of a request: from what the caller wrote to who it is, and what the caller may
//! read of the two.
//!
//! Identity alone knows who exists. Who does not, and who is hidden from the caller, must answer
//! alike, to the last byte.

use postern_proto::{
    common::v1::{ErrorReason, PersonRef},
    graph::v1::MyRelationship,
    identity::v1::{GetStandingRequest, Standing},
    policy::v1::{Lifecycle, SanctionKind},
};
use postern_shared::{
    caller::{Me, ServiceName},
    error::{Check, Dependency, Invalid, reason_of},
    fence::Raise,
    id::UserId,
    person::{Named, named},
};
use tonic::Status;

use super::Rpc;
use crate::{
    domain::{self, Act, Edge, Peer, Presence, View},
    error::Error,
};

/// Does an act of the caller on the person whom they named, and tells what is to be raised for it.
///
/// # Errors
/// When the person is named wrongly, is the caller, or is not there for the caller; a refusal; when
/// the caller follows somebody and is gone themselves.
pub async fn act(
    rpc: &Rpc,
    me: &Me,
    person: Option<PersonRef>,
    act: Act,
) -> Result<(MyRelationship, Option<Raise>), Error> {
    let peer = match act {
        // The one act that widens: a token is good for some minutes after its owner is gone.
        Act::Follow => find_as_present(rpc, me, person).await?,
        Act::Unfollow | Act::RemoveFollower | Act::Block | Act::Unblock => {
            find(rpc, me, person).await?
        }
    };
    let edge = Edge::new(rpc.clock.now(), &rpc.random);
    let done = rpc.store.act(me.id, peer, act, edge).await?;
    let view = domain::view(&done.pair, peer.presence);
    Ok((my_relationship(peer.id, view), done.raise))
}

/// Who was named. Someone who is gone is found too: some acts work on them.
///
/// # Errors
/// INVALID_FIELDS, SELF_REFERENCE, ACCOUNT_NOT_FOUND; identity cannot be asked.
pub async fn find(rpc: &Rpc, me: &Me, person: Option<PersonRef>) -> Result<Peer, Error> {
    let person = another(me, person.as_ref())?;
    look_up(rpc, me, &person).await
}

/// The same for a caller who must not be gone themselves; both are asked about at once.
async fn find_as_present(rpc: &Rpc, me: &Me, person: Option<PersonRef>) -> Result<Peer, Error> {
    let person = another(me, person.as_ref())?;
    let myself = Named::Id(me.id);
    let (mine, peer) = futures_util::join!(ask(rpc, me, &myself), look_up(rpc, me, &person));
    match mine {
        Ok(Peer {
            presence: Presence::Present,
            ..
        }) => peer,
        Ok(_) | Err(Error::AccountNotFound) => Err(Error::AccountRestricted),
        Err(error) => Err(error),
    }
}

/// Somebody who was named and is not the caller.
async fn look_up(rpc: &Rpc, me: &Me, person: &Named) -> Result<Peer, Error> {
    let peer = match ask(rpc, me, person).await {
        Err(Error::AccountNotFound) => {
            // As much is read about nobody as about somebody who hides: the time taken must not
            // tell them apart.
            rpc.store.pair(me.id, UserId::random(&rpc.random)).await?;
            return Err(Error::AccountNotFound);
        }
        found => found?,
    };
    if peer.id == me.id {
        return Err(Error::SelfReference);
    }
    Ok(peer)
}

/// What identity says of a person.
async fn ask(rpc: &Rpc, me: &Me, person: &Named) -> Result<Peer, Error> {
    let ask = me.caller.ask(GetStandingRequest {
        person: Some(person.to_proto()),
        min_version: 0,
    });
    let standing = match rpc.identity.clone().get_standing(ask).await {
        Ok(answer) => answer.into_inner().standing,
        Err(status) if reason_of(&status) == Some(ErrorReason::AccountNotFound) => {
            return Err(Error::AccountNotFound);
        }
        Err(status) => return Err(Dependency::new(ServiceName::Identity, status).into()),
    };
    let peer = standing.as_ref().and_then(read);
    peer.ok_or_else(|| {
        let status = Status::internal("identity answered without a person");
        Dependency::new(ServiceName::Identity, status).into()
    })
}

/// What the caller reads of a pair.
#[must_use]
pub fn my_relationship(peer: UserId, view: View) -> MyRelationship {
    MyRelationship {
        user_id: peer.to_string(),
        following: view.following,
        followed_by: view.followed_by,
        friends: view.following && view.followed_by,
        blocking: view.blocking,
    }
}

fn another(me: &Me, person: Option<&PersonRef>) -> Result<Named, Error> {
    let person = parse(person)?;
    if person == Named::Id(me.id) {
        return Err(Error::SelfReference);
    }
    Ok(person)
}

fn parse(person: Option<&PersonRef>) -> Result<Named, Invalid> {
    let mut check = Check::new();
    let named = named(&mut check, "person", person);
    check.done(named)
}

/// A value that this version does not know counts as gone: never a guess in someone's favour.
fn read(standing: &Standing) -> Option<Peer> {
    let id = standing.user_id.parse().ok()?;
    let active = standing.lifecycle() == Lifecycle::Active;
    let shown = match &standing.sanction {
        None => true,
        Some(sanction) => sanction.kind() == SanctionKind::SendRestricted,
    };
    let presence = if active && shown {
        Presence::Present
    } else {
        Presence::Gone
    };
    Some(Peer { id, presence })
}
