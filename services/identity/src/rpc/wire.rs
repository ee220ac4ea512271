//! Between the contract's words and the domain's.

use std::collections::HashSet;

use postern_proto::{identity::v1 as proto, policy::v1 as policy};
use postern_shared::{clock::Timestamp, error::Check, id::UserId, person};
use time::Date;

use crate::domain::{Account, Action, AgeBand, Kind, Lifecycle, Person, SanctionKind, Session};

/// Reads `user_ids`: each once, in their order.
pub fn user_ids(check: &mut Check, user_ids: &[String]) -> Vec<UserId> {
    let mut seen = HashSet::new();
    let ids = person::ids(check, "user_ids", user_ids);
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}

/// Reads an account's kind; left out it is PERSONAL.
pub fn kind(check: &mut Check, field: &str, kind: i32) -> Option<Kind> {
    match policy::AccountKind::try_from(kind) {
        Ok(policy::AccountKind::Unspecified | policy::AccountKind::Personal) => {
            Some(Kind::Personal)
        }
        Ok(policy::AccountKind::Business) => Some(Kind::Business),
        Err(_) => {
            check.wrong(
                field,
                "must be ACCOUNT_KIND_PERSONAL or ACCOUNT_KIND_BUSINESS",
            );
            None
        }
    }
}

/// An account as others see it.
pub fn account(account: &Account) -> proto::Account {
    proto::Account {
        user_id: account.id.to_string(),
        handle: account.handle.as_str().to_owned(),
        display_name: account.display_name.clone(),
        kind: account_kind(account.kind).into(),
        own: None,
    }
}

/// An account as its owner sees it.
pub fn own_account(own: &Account, today: Date) -> proto::Account {
    let details = proto::OwnAccountDetails {
        birth_date: own.birth_date.to_text(),
        age_band: age_band(own.birth_date.band_on(today)).into(),
        create_time: Some(own.created_at.to_proto()),
        etag: own.etag(),
    };
    proto::Account {
        own: Some(details),
        ..account(own)
    }
}

/// What the other services learn of a person.
pub fn standing(person: &Person, today: Date) -> proto::Standing {
    let account = &person.account;
    proto::Standing {
        user_id: account.id.to_string(),
        lifecycle: lifecycle(account.lifecycle).into(),
        sanction: person.sanction().map(sanction),
        age_band: age_band(account.birth_date.band_on(today)).into(),
        age_band_at_creation: age_band(account.band_at_creation).into(),
        kind: account_kind(account.kind).into(),
        create_time: Some(account.created_at.to_proto()),
        version: account.version,
    }
}

/// What the other services learn of an action.
pub fn sanction(action: &Action) -> proto::Sanction {
    proto::Sanction {
        kind: sanction_kind(action.kind).into(),
        end_time: action.end.map(Timestamp::to_proto),
    }
}

/// An action as moderators see it.
pub fn action(action: &Action, now: Timestamp) -> proto::Action {
    proto::Action {
        action_id: action.id.to_string(),
        user_id: action.user.to_string(),
        kind: sanction_kind(action.kind).into(),
        start_time: Some(action.start.to_proto()),
        end_time: action.end.map(Timestamp::to_proto),
        lift_time: action.lifted_at.map(Timestamp::to_proto),
        rule: action.rule.as_str().to_owned(),
        explanation: action.explanation.clone(),
        automatic: action.moderator.is_none(),
        live: action.is_live(now),
        moderator_id: action
            .moderator
            .map_or_else(String::new, |id| id.to_string()),
    }
}

/// An action as the person concerned sees it: by whom it was decided is not for them.
pub fn own_action(own: &Action, now: Timestamp) -> proto::Action {
    proto::Action {
        moderator_id: String::new(),
        ..action(own, now)
    }
}

/// A session as its owner sees it.
pub fn session(session: &Session, current: bool) -> proto::Session {
    proto::Session {
        session_id: session.id.to_string(),
        device_name: session.device_name.clone(),
        create_time: Some(session.created_at.to_proto()),
        refresh_time: Some(session.refreshed_at.to_proto()),
        expire_time: Some(session.expires_at.to_proto()),
        current,
    }
}

/// The contract's word for a kind.
pub const fn account_kind(kind: Kind) -> policy::AccountKind {
    match kind {
        Kind::Personal => policy::AccountKind::Personal,
        Kind::Business => policy::AccountKind::Business,
    }
}

const fn age_band(band: AgeBand) -> policy::AgeBand {
    match band {
        AgeBand::Under16 => policy::AgeBand::Under16,
        AgeBand::From16To17 => policy::AgeBand::AgeBand16To17,
        AgeBand::Adult => policy::AgeBand::Adult,
    }
}

const fn sanction_kind(kind: SanctionKind) -> policy::SanctionKind {
    match kind {
        SanctionKind::SendRestricted => policy::SanctionKind::SendRestricted,
        SanctionKind::Suspended => policy::SanctionKind::Suspended,
        SanctionKind::Banned => policy::SanctionKind::Banned,
    }
}

/// The contract's word for a state of an account.
pub const fn lifecycle(lifecycle: Lifecycle) -> policy::Lifecycle {
    match lifecycle {
        Lifecycle::Active => policy::Lifecycle::Active,
        Lifecycle::Deactivated => policy::Lifecycle::Deactivated,
        Lifecycle::Erasing => policy::Lifecycle::Erasing,
        Lifecycle::Erased => policy::Lifecycle::Erased,
    }
}
