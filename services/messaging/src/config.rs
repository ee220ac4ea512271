//! The settings of messaging.

use std::time::Duration;

use postern_policy::REQUEST_MESSAGES_MAX;
use postern_shared::config::Source;

use crate::{
    domain::{Budget, Budgets},
    peers::Keeping,
};

/// A day in seconds.
const DAY_S: u64 = 24 * 60 * 60;
/// An hour in seconds.
const HOUR_S: u64 = 60 * 60;
/// A second in milliseconds.
const SECOND_MS: u64 = 1_000;

/// How old what an owner said may be, in seconds, at the most and by default.
const CACHE_S_MAX: u64 = 60;

/// How long people can be kept from sending, in hours. Identity takes 30 days from now at the most,
/// by its own clock: a day is left for what the two clocks differ by.
const RESTRICT_HOURS_MAX: u64 = 29 * 24;
/// For how long a message can be deleted for everyone, in seconds.
const UNSEND_WINDOW_S: u64 = 180;

/// What an operator may choose.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many messages a stranger may send before being accepted. Default 3.
    pub request_messages_max: u32,
    /// How long a stranger who was declined has to wait. Default 30 days.
    pub decline_cool_down: Duration,
    /// How long records of refusals are kept. Default 30 days.
    pub refusals_kept: Duration,
    /// For how long a message can be deleted for everyone; none: for ever. Default 180 s.
    pub unsend_window: Option<Duration>,
    /// After how long a request that nobody touched leaves its recipient's lists; none: never,
    /// which is the default.
    pub request_expiry: Option<Duration>,
    /// How many transactions commit messages side by side on PostgreSQL; SQLite has one writer.
    /// Default 4.
    pub committers: usize,
    /// What people may send in a time; none when `limits` is `off`.
    pub budgets: Option<Budgets>,
    /// At which stranger within 24 hours the same text is flagged as spam; none when `limits` is
    /// `off`. Default the fifth.
    pub same_text_strangers: Option<u32>,
    /// How many different strangers somebody may try within 24 hours with no budget left for new
    /// ones before being restricted; 0: as many as they like. Default 20.
    pub restrict_after_strangers: u32,
    /// How long that lasts. Default 24 hours.
    pub restrict_for: Duration,
    /// What is kept of what graph, settings and identity say. Default 100,000 people and 200,000
    /// pairs, for 60 s, which is also the most: for as long messages may go on without an owner.
    pub keeping: Keeping,
}

impl Config {
    /// Reads them.
    pub fn read(source: &mut Source) -> Self {
        let days = |source: &mut Source, key: &str| {
            Duration::from_secs(source.number(key, "days", (0, 3_650), 30) * DAY_S)
        };
        let messages = source.number(
            "messaging.request_messages_max",
            "messages",
            (1, 100),
            u64::from(REQUEST_MESSAGES_MAX),
        );
        let unsend_window = source.number(
            "messaging.unsend_window_s",
            "seconds",
            (0, 3_650 * DAY_S),
            UNSEND_WINDOW_S,
        );
        let request_expiry = source.number("messaging.request_expiry_days", "days", (0, 3_650), 0);
        let committers = source.number("messaging.committers", "transactions", (1, 64), 4);
        let same_text = source.number("messaging.same_text_strangers", "strangers", (2, 10_000), 5);
        let strangers = source.number(
            "messaging.restrict_after_strangers",
            "strangers",
            (0, 10_000),
            20,
        );
        let hours = source.number(
            "messaging.restrict_hours",
            "hours",
            (1, RESTRICT_HOURS_MAX),
            24,
        );
        Self {
            request_messages_max: u32::try_from(messages).unwrap_or(REQUEST_MESSAGES_MAX),
            decline_cool_down: days(source, "messaging.decline_cool_down_days"),
            refusals_kept: days(source, "messaging.refusals_kept_days"),
            unsend_window: chosen(unsend_window),
            request_expiry: chosen(request_expiry * DAY_S),
            committers: usize::try_from(committers).unwrap_or(1),
            budgets: Some(budgets(source)),
            same_text_strangers: Some(u32::try_from(same_text).unwrap_or(5)),
            restrict_after_strangers: u32::try_from(strangers).unwrap_or(20),
            restrict_for: Duration::from_secs(hours * HOUR_S),
            keeping: keeping(source),
        }
    }

    /// The same with everything switched off that counts what people do over time.
    #[must_use]
    pub const fn without_limits(mut self) -> Self {
        self.budgets = None;
        self.same_text_strangers = None;
        self
    }
}

/// What is kept of what the owners say.
fn keeping(source: &mut Source) -> Keeping {
    let most = (1, 10_000_000);
    Keeping {
        people: source.number("messaging.cached_people", "people", most, 100_000),
        pairs: source.number("messaging.cached_pairs", "pairs", most, 200_000),
        max_age: Duration::from_secs(source.number(
            "messaging.cache_seconds",
            "seconds",
            (0, CACHE_S_MAX),
            CACHE_S_MAX,
        )),
    }
}

/// Every budget of the policy, with its figures.
fn budgets(source: &mut Source) -> Budgets {
    let mut number = |key: &str, unit: &str, max: u32, default: u32| {
        let bounds = (1, u64::from(max));
        let number = source.number(key, unit, bounds, u64::from(default));
        u32::try_from(number).unwrap_or(default)
    };
    let minute = "attempts a minute";
    let attempts = number("messaging.attempts_per_minute", minute, 60_000, 60);
    let pair = (
        number("messaging.pair_burst", "messages at once", 10_000, 60),
        number("messaging.pair_per_second", "messages a second", 1_000, 1),
    );
    let day = "new people a day";
    let new_strangers = number("messaging.new_strangers_per_day", day, 100_000, 20);
    let at_once = "strangers at once";
    let inbound = (
        number("messaging.inbound_strangers_burst", at_once, 10_000, 20),
        number(
            "messaging.inbound_strangers_refill_s",
            "seconds",
            86_400,
            30,
        ),
    );
    let business = (
        number("messaging.business_inbound_burst", at_once, 1_000_000, 600),
        number(
            "messaging.business_inbound_per_second",
            "strangers a second",
            1_000,
            10,
        ),
    );
    Budgets {
        attempts: Budget::per(attempts, 60 * SECOND_MS),
        pair: Budget::new(pair.0, SECOND_MS.div_ceil(u64::from(pair.1))),
        new_strangers: Budget::per_day(new_strangers),
        inbound_person: Budget::new(inbound.0, SECOND_MS * u64::from(inbound.1)),
        inbound_business: Budget::new(business.0, SECOND_MS.div_ceil(u64::from(business.1))),
    }
}

/// A time in seconds, where 0 means that there is none.
const fn chosen(seconds: u64) -> Option<Duration> {
    match seconds {
        0 => None,
        seconds => Some(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables
            .iter()
            .map(|(name, value)| (format!("POSTERN_MESSAGING_{name}"), (*value).to_owned()));
        let mut source = Source::new(variables).unwrap();
        let config = Config::read(&mut source);
        source.finish(&[]).map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn budgets_are_those_of_the_policy_unless_set() {
        let policy = Budgets {
            attempts: Budget::new(60, 1_000),
            pair: Budget::new(60, 1_000),
            new_strangers: Budget::new(20, 72 * 60 * 1_000),
            inbound_person: Budget::new(20, 30_000),
            inbound_business: Budget::new(600, 100),
        };
        assert_eq!(read(&[]).unwrap().budgets, Some(policy));
        let set = read(&[
            ("ATTEMPTS_PER_MINUTE", "6"),
            ("PAIR_BURST", "7"),
            ("PAIR_PER_SECOND", "3"),
            ("NEW_STRANGERS_PER_DAY", "1"),
            ("INBOUND_STRANGERS_BURST", "8"),
            ("INBOUND_STRANGERS_REFILL_S", "9"),
            ("BUSINESS_INBOUND_BURST", "10"),
            ("BUSINESS_INBOUND_PER_SECOND", "11"),
        ]);
        let expected = Budgets {
            attempts: Budget::new(6, 10_000),
            pair: Budget::new(7, 334),
            new_strangers: Budget::new(1, 86_400_000),
            inbound_person: Budget::new(8, 9_000),
            inbound_business: Budget::new(10, 91),
        };
        assert_eq!(set.unwrap().budgets, Some(expected));
    }

    #[test]
    fn what_is_kept_is_bounded_and_never_older_than_a_minute() {
        let keeping = read(&[]).unwrap().keeping;
        assert_eq!((keeping.people, keeping.pairs), (100_000, 200_000));
        assert_eq!(keeping.max_age, Duration::from_secs(60));
        let off = read(&[("CACHE_SECONDS", "0"), ("CACHED_PAIRS", "7")]);
        let off = off.unwrap().keeping;
        assert_eq!((off.max_age, off.pairs), (Duration::ZERO, 7));
        for (name, wrong) in [
            ("CACHE_SECONDS", "61"),
            ("CACHED_PEOPLE", "0"),
            ("CACHED_PAIRS", "0"),
        ] {
            let error = read(&[(name, wrong)]).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn no_restriction_is_longer_than_identity_takes_from_any_clock() {
        assert!(read(&[("RESTRICT_HOURS", "696")]).is_ok());
        for wrong in ["0", "697", "720"] {
            assert!(read(&[("RESTRICT_HOURS", wrong)]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_budget_that_pays_nothing_is_a_mistake() {
        for name in [
            "ATTEMPTS_PER_MINUTE",
            "PAIR_BURST",
            "PAIR_PER_SECOND",
            "NEW_STRANGERS_PER_DAY",
            "INBOUND_STRANGERS_BURST",
            "INBOUND_STRANGERS_REFILL_S",
            "BUSINESS_INBOUND_BURST",
            "BUSINESS_INBOUND_PER_SECOND",
        ] {
            for wrong in ["0", "-1", "99999999", "many"] {
                let error = read(&[(name, wrong)]).unwrap_err();
                assert!(error.contains(name), "{error}");
            }
        }
    }
}
