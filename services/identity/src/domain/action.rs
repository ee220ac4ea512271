//! Actions of moderation: what was done about an account, and what of it is in force.
//!
//! Promises: an action is in force until its time is over, it is lifted, or it was seen to be over,
//! whichever comes first; among several the severest counts. Actions know nothing of the account's
//! lifecycle, and end by nothing that happens to it.

use std::cmp::Reverse;

use postern_shared::{
    clock::Timestamp,
    fence::{Effect, Raise},
    id::{ActionId, UserId},
    text::{self, NameError},
};

use super::{Account, Lifecycle};

/// The longest name of a rule in characters.
const RULE_CHARS_MAX: usize = 64;
/// The longest explanation in characters.
const EXPLANATION_CHARS_MAX: usize = 500;

/// What an action does: the severer, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SanctionKind {
    /// May receive, not send.
    SendRestricted,
    /// Gone to others until it ends.
    Suspended,
    /// Gone to others for good.
    Banned,
}

impl SanctionKind {
    /// Whether it makes a person gone to others.
    pub const fn hides(self) -> bool {
        match self {
            Self::SendRestricted => false,
            Self::Suspended | Self::Banned => true,
        }
    }
}

/// Why a text names no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {RULE_CHARS_MAX} printable ASCII characters without spaces")]
pub struct NotARule;

/// The name of a rule that was broken, or of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(String);

impl Rule {
    /// Checks a text.
    ///
    /// # Errors
    /// When it is empty, too long, or not printable ASCII.
    pub fn parse(raw: &str) -> Result<Self, NotARule> {
        let printable = raw.bytes().all(|byte| byte.is_ascii_graphic());
        if printable && (1..=RULE_CHARS_MAX).contains(&raw.len()) {
            Ok(Self(raw.to_owned()))
        } else {
            Err(NotARule)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks an explanation and brings it into its one form; it may be empty.
///
/// # Errors
/// When it is too long or misleading.
pub fn explanation(raw: &str) -> Result<String, NameError> {
    if raw.is_empty() {
        return Ok(String::new());
    }
    text::name(raw, EXPLANATION_CHARS_MAX)
}

/// One thing that was done about an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its place among the actions about this person.
    pub id: ActionId,
    /// Whose account.
    pub user: UserId,
    /// What it does.
    pub kind: SanctionKind,
    /// Which rule was broken.
    pub rule: Rule,
    /// What happened, for the person concerned.
    pub explanation: String,
    /// Since when.
    pub start: Timestamp,
    /// When it ends by itself; none: it does not.
    pub end: Option<Timestamp>,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
    /// When it was seen to be over: lifted, or found at its end. From then on no clock brings it
    /// back.
    pub over_at: Option<Timestamp>,
    /// Who decided it; none: an automatic limit.
    pub moderator: Option<UserId>,
}

impl Action {
    /// Whether it is in force.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.over_at.is_none() && self.end.is_none_or(|end| end > now)
    }

    /// Whether another would do the same, by the same decision and in the same words.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let of = |action: &Self| (action.user, action.kind, action.end, action.moderator);
        of(self) == of(other) && self.rule == other.rule && self.explanation == other.explanation
    }

    /// What sorts the severest first: by kind, and by the latest end.
    fn severity(&self) -> impl Ord + use<> {
        let no_end = self.end.is_none();
        Reverse((self.kind, no_end, self.end, self.id))
    }
}

/// A person, and what is in force against them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their account.
    pub account: Account,
    /// The actions in force, the severest first.
    live: Vec<Action>,
}

impl Person {
    /// A person at a moment: of all their actions those count that are in force then.
    pub fn at(account: Account, mut actions: Vec<Action>, now: Timestamp) -> Self {
        actions.retain(|action| action.is_live(now));
        Self::of(account, actions)
    }

    /// A person with all of these actions in force, whatever the time.
    pub fn of(account: Account, mut live: Vec<Action>) -> Self {
        live.sort_by_cached_key(Action::severity);
        Self { account, live }
    }

    /// The actions in force, the severest first.
    pub fn live(&self) -> &[Action] {
        &self.live
    }

    /// The one that counts.
    pub fn sanction(&self) -> Option<&Action> {
        self.live.first()
    }

    /// Whether they are gone to everyone but themselves.
    pub fn is_gone(&self) -> bool {
        self.account.lifecycle != Lifecycle::Active
            || self.live.iter().any(|action| action.kind.hides())
    }

    /// The raise that a change needs, from this person to `after`: one that narrows raises in any
    /// case, and tells again of whoever is gone, so that one that holds leaves nothing of an
    /// earlier one behind; one that widens, only where it brings them back.
    pub fn raise(&self, after: &Self, narrows: bool) -> Option<Raise> {
        let effect = match (self.is_gone(), after.is_gone()) {
            (_, true) if narrows => Some(Effect::Gone),
            (true, false) => Some(Effect::Returned),
            _ => None,
        };
        (narrows || effect.is_some()).then_some(Raise {
            user: after.account.id,
            version: after.account.version,
            effect,
        })
    }
}

#[cfg(test)]
mod tests;
