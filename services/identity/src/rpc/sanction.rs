//! What RestrictMessaging, SuspendAccount, BanAccount and RestrictAutomatically share: reading what
//! is to be done, and doing it.

use std::time::Duration;

use postern_proto::policy::v1::Enforcement;
use postern_shared::{caller::Me, clock::Timestamp, error::Check, id::ActionId, person::Named};
use prost_types::Timestamp as WireTimestamp;

use super::{Rpc, enforcement};
use crate::{
    domain::{self, Action, Rule, SanctionKind},
    error::Error,
    store::Stamp,
};

/// Seconds of a day.
const DAY_SECS: u64 = 24 * 60 * 60;
/// How far ahead a moderator's action may end: 10 years, leap days included.
pub const BY_MODERATOR: Ahead = Ahead {
    max: Duration::from_secs(3_653 * DAY_SECS),
    told: "10 years",
};
/// How far ahead an automatic one may.
pub const AUTOMATIC: Ahead = Ahead {
    max: Duration::from_secs(30 * DAY_SECS),
    told: "30 days",
};

/// How far ahead an end may lie.
#[derive(Debug, Clone, Copy)]
pub struct Ahead {
    max: Duration,
    told: &'static str,
}

/// Why an action was taken.
#[derive(Debug)]
pub struct Reason {
    /// Which rule was broken.
    pub rule: Rule,
    /// What happened.
    pub explanation: String,
}

/// Reads `rule` and `explanation`.
pub fn reason(check: &mut Check, rule: &str, explanation: &str) -> Option<Reason> {
    let rule = check.take("rule", Rule::parse(rule));
    let explanation = check.take("explanation", domain::explanation(explanation));
    rule.zip(explanation)
        .map(|(rule, explanation)| Reason { rule, explanation })
}

/// Reads `end_time`: in the future, and not farther ahead than allowed.
pub fn end_time(
    check: &mut Check,
    end_time: Option<&WireTimestamp>,
    now: Timestamp,
    ahead: Ahead,
) -> Option<Timestamp> {
    const FIELD: &str = "end_time";
    let Some(asked) = end_time else {
        check.wrong(FIELD, "must be set");
        return None;
    };
    let Ok(nanos @ 0..1_000_000_000) = u32::try_from(asked.nanos) else {
        check.wrong(FIELD, "must have 0 to 999,999,999 `nanos`");
        return None;
    };
    // What lies beyond all times lies too far ahead, or too far back.
    let millis = asked.seconds.saturating_mul(1_000);
    let end = Timestamp::from_unix_millis(millis.saturating_add(i64::from(nanos / 1_000_000)));
    if end <= now {
        check.wrong(FIELD, "must be in the future");
        return None;
    }
    if end > now.plus(ahead.max) {
        check.wrong(FIELD, format!("must be at most {} ahead", ahead.told));
        return None;
    }
    Some(end)
}

/// Takes a moderator's action and gives it as it is in force, and whether it holds for every
/// message.
pub async fn take(
    rpc: &Rpc,
    me: &Me,
    named: &Named,
    (kind, end): (SanctionKind, Option<Timestamp>),
    reason: Reason,
    now: Timestamp,
) -> Result<(Action, Enforcement), Error> {
    // Whoever is no moderator any more is told nothing about anybody.
    rpc.store.require_moderator(me.id, now).await?;
    let person = rpc.store.named(named, now).await?;
    let user = person.ok_or(Error::AccountNotFound)?.account.id;
    let new = Action {
        id: ActionId::new(now, &rpc.random),
        user,
        kind,
        rule: reason.rule,
        explanation: reason.explanation,
        start: now,
        end,
        lifted_at: None,
        over_at: None,
        moderator: Some(me.id),
    };
    let acted = rpc.store.act(&new, Stamp::new(now, &rpc.random)).await?;
    let enforcement = enforcement::of_actions(rpc, &me.caller, user, acted.raise).await?;
    Ok((acted.action, enforcement))
}
