//! Budgets: how much at once, and how soon a unit of it comes back (GCRA).
//!
//! What is left of a budget is one number, the moment at which it is whole again, in Unix
//! milliseconds; 0 is a budget that was never used. A payment moves that moment on by one interval
//! a unit, and is refused when it would then lie further away than `burst` intervals.
//!
//! Promises: pure; at one moment at most `burst` units are paid, and over any time at most `burst`
//! and one more for each whole interval of it; a refusal tells exactly how long to wait. Clocks
//! that differ make a budget stricter, never wider. Must not: know what is paid for.

use postern_shared::clock::Timestamp;

/// A day in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Until this age an account pays most for writing to somebody new.
const NEW_UNTIL_MS: i64 = 3 * 60 * 60 * 1_000;
/// Until this age it pays double.
const YOUNG_UNTIL_MS: i64 = 3 * 24 * 60 * 60 * 1_000;

/// How much at once, and how soon a unit comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Units that can be paid at one moment; at least 1.
    burst: u32,
    /// In how many milliseconds one of them comes back; at least 1.
    interval_ms: u64,
}

impl Budget {
    /// Of so many units at once, one of which comes back every `interval_ms`.
    #[must_use]
    pub const fn new(burst: u32, interval_ms: u64) -> Self {
        Self {
            burst: if burst == 0 { 1 } else { burst },
            interval_ms: if interval_ms == 0 { 1 } else { interval_ms },
        }
    }

    /// Of so many units in a time: all of them at once, and evenly again over that time.
    #[must_use]
    pub const fn per(units: u32, period_ms: u64) -> Self {
        let each = if units == 0 { 1 } else { units };
        // Upwards: a period never pays for one unit more.
        Self::new(units, period_ms.div_ceil(each as u64))
    }

    /// Of so many units a day.
    #[must_use]
    pub const fn per_day(units: u32) -> Self {
        Self::per(units, DAY_MS)
    }

    /// Pays `cost` units at `now` out of a budget that is whole again at `whole_ms`, and answers
    /// when it is whole again then. What costs more than the budget ever holds costs all of it.
    ///
    /// # Errors
    /// In how many milliseconds this can be paid, when it cannot now.
    pub fn pay(self, whole_ms: i64, now: Timestamp, cost: u32) -> Result<i64, u64> {
        let interval = i64::try_from(self.interval_ms).unwrap_or(i64::MAX);
        let span = |units: u32| interval.saturating_mul(i64::from(units));
        let now = now.unix_millis();
        let next = whole_ms.max(now).saturating_add(span(cost.min(self.burst)));
        let over = next.saturating_sub(now).saturating_sub(span(self.burst));
        match u64::try_from(over) {
            Ok(0) | Err(_) => Ok(next),
            Ok(wait) => Err(wait),
        }
    }
}

/// The budgets of the consent policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// What one person tries to send, refusals and explanations included.
    pub attempts: Budget,
    /// Messages of one person to one other.
    pub pair: Budget,
    /// People to whom one person begins to write as a stranger.
    pub new_strangers: Budget,
    /// Strangers who begin to write to one person.
    pub inbound_person: Budget,
    /// The same for a business.
    pub inbound_business: Budget,
}

/// What is left of the budgets that a message would be charged to: when each is whole again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Left {
    /// The sender's attempts.
    pub attempts_ms: i64,
    /// The sender's new people.
    pub new_strangers_ms: i64,
    /// The recipient's strangers.
    pub inbound_strangers_ms: i64,
    /// The sender's messages to this recipient.
    pub pair_ms: i64,
}

/// What is paid out of one budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Which budget it is.
    pub budget: Budget,
    /// How many units.
    pub cost: u32,
}

/// What one message costs; none where it costs nothing of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill {
    /// Out of the sender's attempts.
    pub attempts: Option<Price>,
    /// Out of the sender's new people.
    pub new_strangers: Option<Price>,
    /// Out of the recipient's strangers.
    pub inbound_strangers: Option<Price>,
    /// Out of the sender's messages to this recipient.
    pub pair: Option<Price>,
}

/// What is known of the two whom a bill is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parties {
    /// When the sender's account was made, where identity said so.
    pub sender_since: Option<Timestamp>,
    /// Whether the recipient is a business.
    pub recipient_is_business: bool,
}

impl Bill {
    /// Of a message that costs nothing.
    pub const FREE: Self = Self {
        attempts: None,
        new_strangers: None,
        inbound_strangers: None,
        pair: None,
    };

    /// Of a message to somebody whom one writes to already.
    #[must_use]
    pub const fn known(budgets: &Budgets) -> Self {
        Self {
            attempts: Some(Price {
                budget: budgets.attempts,
                cost: 1,
            }),
            pair: Some(Price {
                budget: budgets.pair,
                cost: 1,
            }),
            ..Self::FREE
        }
    }

    /// Of a message that would open a request, should the policy find a stranger in its sender.
    #[must_use]
    pub fn opening(budgets: &Budgets, parties: Parties, now: Timestamp) -> Self {
        let inbound = if parties.recipient_is_business {
            budgets.inbound_business
        } else {
            budgets.inbound_person
        };
        Self {
            new_strangers: Some(Price {
                budget: budgets.new_strangers,
                cost: cost_of_a_stranger(parties.sender_since, now),
            }),
            inbound_strangers: Some(Price {
                budget: inbound,
                cost: 1,
            }),
            ..Self::known(budgets)
        }
    }

    /// The same for somebody who turned out to be no stranger.
    #[must_use]
    pub const fn without_strangers(self) -> Self {
        Self {
            new_strangers: None,
            inbound_strangers: None,
            ..self
        }
    }

    /// Pays all of it, and answers what is left then; none when any part cannot be paid.
    #[must_use]
    pub fn pay(&self, left: Left, now: Timestamp) -> Option<Left> {
        let pay = |price, whole_ms| pay(price, whole_ms, now).ok();
        Some(Left {
            attempts_ms: pay(self.attempts, left.attempts_ms)?,
            new_strangers_ms: pay(self.new_strangers, left.new_strangers_ms)?,
            inbound_strangers_ms: pay(self.inbound_strangers, left.inbound_strangers_ms)?,
            pair_ms: pay(self.pair, left.pair_ms)?,
        })
    }

    /// Which parts can be paid, for the policy.
    #[must_use]
    pub fn for_policy(&self, left: Left, now: Timestamp) -> postern_policy::Budgets {
        let look = |price, whole_ms| match pay(price, whole_ms, now) {
            Ok(_) => postern_policy::Budget::Available,
            Err(retry_after_ms) => postern_policy::Budget::Empty { retry_after_ms },
        };
        postern_policy::Budgets {
            attempts: look(self.attempts, left.attempts_ms),
            new_strangers: look(self.new_strangers, left.new_strangers_ms),
            inbound_strangers: look(self.inbound_strangers, left.inbound_strangers_ms),
            pair: look(self.pair, left.pair_ms),
        }
    }
}

/// What is free leaves a budget as it is.
fn pay(price: Option<Price>, whole_ms: i64, now: Timestamp) -> Result<i64, u64> {
    price.map_or(Ok(whole_ms), |price| {
        price.budget.pay(whole_ms, now, price.cost)
    })
}

/// What writing to somebody new costs an account of this age. One whose age is not known counts as
/// the newest.
#[must_use]
fn cost_of_a_stranger(since: Option<Timestamp>, now: Timestamp) -> u32 {
    let age_ms = since.map(|since| now.unix_millis().saturating_sub(since.unix_millis()));
    match age_ms {
        Some(age) if age >= YOUNG_UNTIL_MS => 1,
        Some(age) if age >= NEW_UNTIL_MS => 2,
        _ => 4,
    }
}

#[cfg(test)]
mod tests;
