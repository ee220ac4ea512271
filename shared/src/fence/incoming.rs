//! A raise between the contract and the types here, in both directions.

use postern_proto::{
    common::v1::ErrorReason,
    policy::v1::{self as wire, effect::Effect as WireEffect},
};
use tonic::Code;

use super::{Effect, Raise};
use crate::{
    caller::{Caller, Principal, ServiceName},
    error::{Check, Failure, Invalid, Violation},
};

/// How far a fence may jump: more is a mistake that nobody could take back.
const JUMP_MAX: u64 = 1_000_000;

/// Why a raise is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It is another owner's.
    #[error("only the owner of a part of the policy raises its fence")]
    NotTheOwner,
    /// It jumps too far.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// A version that is too far above the one that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`version` is more than 1,000,000 above the one that stands")]
pub struct OutOfRange;

impl Failure for Refused {
    fn classify(&self) -> (Code, ErrorReason) {
        match self {
            Self::Invalid(error) => error.classify(),
            Self::NotTheOwner => (Code::PermissionDenied, ErrorReason::CallerNotAllowed),
            Self::OutOfRange(_) => (Code::OutOfRange, ErrorReason::VersionOutOfRange),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(error) => error.violations(),
            _ => &[],
        }
    }
}

/// Reads a raise: who raises whose fence.
///
/// # Errors
/// When it cannot be understood, or is not the caller's to make.
pub fn incoming(
    caller: &Caller,
    request: wire::RaiseRequest,
) -> Result<(ServiceName, Raise), Refused> {
    let mut check = Check::new();
    let owner = match wire::PolicyOwner::try_from(request.owner) {
        Ok(wire::PolicyOwner::Graph) => Some(ServiceName::Graph),
        Ok(wire::PolicyOwner::Settings) => Some(ServiceName::Settings),
        Ok(wire::PolicyOwner::Identity) => Some(ServiceName::Identity),
        Ok(wire::PolicyOwner::Unspecified) | Err(_) => {
            check.wrong("owner", "must name an owner of policy");
            None
        }
    };
    let user = check.take("user_id", request.user_id.parse());
    if i64::try_from(request.version).is_err() || request.version == 0 {
        check.wrong("version", "must be 1 to 9,223,372,036,854,775,807");
    }
    let effect = effect(&mut check, owner, request.effect);
    let read = owner.zip(user).map(|(owner, user)| {
        let raise = Raise {
            user,
            version: request.version,
            effect,
        };
        (owner, raise)
    });
    let (owner, raise) = check.done(read)?;
    if caller.principal == Principal::Service(owner) {
        Ok((owner, raise))
    } else {
        Err(Refused::NotTheOwner)
    }
}

/// The fence after a raise to `version` where it stood at `stands`: never lower.
///
/// # Errors
/// When it jumps too far.
pub const fn raised(stands: u64, version: u64) -> Result<u64, OutOfRange> {
    if version > stands.saturating_add(JUMP_MAX) {
        Err(OutOfRange)
    } else if version > stands {
        Ok(version)
    } else {
        Ok(stands)
    }
}

fn effect(
    check: &mut Check,
    owner: Option<ServiceName>,
    effect: Option<wire::Effect>,
) -> Option<Effect> {
    let effect = effect?;
    let read = match effect.effect {
        Some(WireEffect::PeerBlocked(peer)) => check
            .take("effect.peer_blocked", peer.parse())
            .map(Effect::PeerBlocked),
        Some(WireEffect::PeerUnblocked(peer)) => check
            .take("effect.peer_unblocked", peer.parse())
            .map(Effect::PeerUnblocked),
        Some(WireEffect::Gone(_)) => Some(Effect::Gone),
        Some(WireEffect::Returned(_)) => Some(Effect::Returned),
        None => {
            check.wrong("effect", "must say what the change does, or be left out");
            None
        }
    };
    let owners = match read? {
        Effect::PeerBlocked(_) | Effect::PeerUnblocked(_) => ServiceName::Graph,
        Effect::Gone | Effect::Returned => ServiceName::Identity,
    };
    if owner.is_some_and(|owner| owner != owners) {
        check.wrong("effect", format!("is one that only {owners} has"));
    }
    read
}

/// A raise in the words of the contract.
pub(super) fn to_proto(owner: ServiceName, raise: &Raise) -> wire::RaiseRequest {
    let effect = raise.effect.map(|effect| match effect {
        Effect::PeerBlocked(peer) => WireEffect::PeerBlocked(peer.to_string()),
        Effect::PeerUnblocked(peer) => WireEffect::PeerUnblocked(peer.to_string()),
        Effect::Gone => WireEffect::Gone(wire::Gone {}),
        Effect::Returned => WireEffect::Returned(wire::Returned {}),
    });
    wire::RaiseRequest {
        owner: match owner {
            ServiceName::Graph => wire::PolicyOwner::Graph,
            ServiceName::Settings => wire::PolicyOwner::Settings,
            ServiceName::Identity => wire::PolicyOwner::Identity,
            // It owns none, and such a raise is refused.
            ServiceName::Messaging => wire::PolicyOwner::Unspecified,
        }
        .into(),
        user_id: raise.user.to_string(),
        version: raise.version,
        effect: effect.map(|effect| wire::Effect {
            effect: Some(effect),
        }),
    }
}

/// What graph hears of a raise: whether the person is gone.
pub(super) fn presence(raise: &Raise) -> wire::SetPresenceRequest {
    wire::SetPresenceRequest {
        user_id: raise.user.to_string(),
        version: raise.version,
        gone: raise.effect == Some(Effect::Gone),
    }
}
