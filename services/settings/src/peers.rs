//! What identity is asked: a person's age, and what their defaults depend on.
//!
//! Whatever identity does not say plainly is a failure of the call: nobody's age is guessed.

use std::{collections::HashMap, time::Duration};

use moka::future::Cache;
use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref::Person},
    identity::v1::{
        BatchGetStandingRequest, GetStandingRequest, Standing as WireStanding,
        standing_facts_service_client::StandingFactsServiceClient,
    },
    policy::v1::{AccountKind, AgeBand as WireBand, Lifecycle, SanctionKind},
};
use postern_shared::{
    caller::{Caller, ServiceName},
    clock::{Clock, Timestamp},
    error::{self, Dependency},
    id::UserId,
    peer::Peer,
};
use tonic::{Code, Status};

use crate::{
    domain::{AgeBand, Hold, Kind, Origin},
    error::Error,
};

/// What identity says of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The age band of today.
    pub band: AgeBand,
    /// What keeps the account from being used.
    pub hold: Hold,
    /// What changes only when an operator corrects a birth date.
    pub origin: Origin,
}

/// How long an origin counts: an operator who corrects a birth date changes it.
const ORIGIN_KEPT: Duration = Duration::from_secs(60);

/// The identity service, with a memory of what hardly ever changes.
#[derive(Debug, Clone)]
pub struct Identity {
    client: StandingFactsServiceClient<Peer>,
    /// With the moment at which it was said. Only what identity said is kept, never that it failed
    /// or knew nobody.
    origins: Cache<UserId, (Origin, Timestamp)>,
    clock: Clock,
}

impl Identity {
    /// Asks this peer, and remembers up to `origins_max` people.
    #[must_use]
    pub fn new(peer: Peer, origins_max: u64, clock: Clock) -> Self {
        Self {
            client: StandingFactsServiceClient::new(peer),
            origins: Cache::new(origins_max),
            clock,
        }
    }

    async fn keep(&self, user: UserId, origin: Origin) {
        self.origins.insert(user, (origin, self.clock.now())).await;
    }

    async fn kept(&self, user: UserId) -> Option<Origin> {
        let (origin, at) = self.origins.get(&user).await?;
        let now = self.clock.now();
        (at <= now && now < at.plus(ORIGIN_KEPT)).then_some(origin)
    }

    /// A person's standing at this moment.
    ///
    /// # Errors
    /// ACCOUNT_NOT_FOUND when there is no such person; DEPENDENCY_UNAVAILABLE when identity gives
    /// no answer that can be used.
    pub async fn standing(&self, caller: &Caller, user: UserId) -> Result<Standing, Error> {
        let request = caller.ask(GetStandingRequest {
            person: Some(PersonRef {
                person: Some(Person::UserId(user.to_string())),
            }),
            min_version: 0,
        });
        let answer = self.client.clone().get_standing(request).await;
        let answer = answer.map_err(failed)?.into_inner();
        let (about, standing) = answer
            .standing
            .as_ref()
            .and_then(read)
            .ok_or_else(unusable)?;
        if about != user {
            return Err(unusable());
        }
        self.keep(user, standing.origin).await;
        Ok(standing)
    }

    /// The origins of those of these people who exist; at most 100 people, as identity takes no
    /// more at once.
    ///
    /// # Errors
    /// DEPENDENCY_UNAVAILABLE when identity gives no answer that can be used.
    pub async fn origins(
        &self,
        caller: &Caller,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Origin>, Error> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for user in users {
            match self.kept(*user).await {
                Some(origin) => drop(found.insert(*user, origin)),
                None => missing.push(*user),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let request = caller.ask(BatchGetStandingRequest {
            user_ids: missing.iter().map(UserId::to_string).collect(),
        });
        let answer = self.client.clone().batch_get_standing(request).await;
        let answer = answer.map_err(|status| Dependency::new(ServiceName::Identity, status))?;
        for standing in answer.into_inner().standings {
            let (user, standing) = read(&standing).ok_or_else(unusable)?;
            if !missing.contains(&user) {
                return Err(unusable());
            }
            self.keep(user, standing.origin).await;
            found.insert(user, standing.origin);
        }
        Ok(found)
    }
}

fn failed(status: Status) -> Error {
    if error::reason_of(&status) == Some(ErrorReason::AccountNotFound) {
        Error::AccountNotFound
    } else {
        Dependency::new(ServiceName::Identity, status).into()
    }
}

/// An answer without a part that is needed, or with a value that this program does not know.
fn unusable() -> Error {
    let status = Status::new(Code::Internal, "the standing cannot be understood");
    Dependency::new(ServiceName::Identity, status).into()
}

fn read(standing: &WireStanding) -> Option<(UserId, Standing)> {
    let user = standing.user_id.parse().ok()?;
    let kind = match AccountKind::try_from(standing.kind).ok()? {
        AccountKind::Unspecified => return None,
        AccountKind::Personal => Kind::Personal,
        AccountKind::Business => Kind::Business,
    };
    let standing = Standing {
        band: band(standing.age_band)?,
        hold: hold(standing)?,
        origin: Origin {
            band: band(standing.age_band_at_creation)?,
            kind,
        },
    };
    Some((user, standing))
}

/// What moderation did is named before what the person did: only the latter is theirs to undo.
fn hold(standing: &WireStanding) -> Option<Hold> {
    let switched_off = match Lifecycle::try_from(standing.lifecycle).ok()? {
        Lifecycle::Unspecified => return None,
        Lifecycle::Active => false,
        Lifecycle::Deactivated | Lifecycle::Erasing | Lifecycle::Erased => true,
    };
    let sanction = standing.sanction.as_ref();
    let sanction = sanction.map(|sanction| SanctionKind::try_from(sanction.kind));
    match sanction.transpose().ok()? {
        Some(SanctionKind::Unspecified) => None,
        Some(SanctionKind::Suspended | SanctionKind::Banned) => Some(Hold::Removed),
        _ if switched_off => Some(Hold::SwitchedOff),
        Some(SanctionKind::SendRestricted) => Some(Hold::SendRestricted),
        None => Some(Hold::None),
    }
}

fn band(wire: i32) -> Option<AgeBand> {
    match WireBand::try_from(wire).ok()? {
        WireBand::Unspecified => None,
        WireBand::Under16 => Some(AgeBand::Under16),
        WireBand::AgeBand16To17 => Some(AgeBand::From16To17),
        WireBand::Adult => Some(AgeBand::Adult),
    }
}
