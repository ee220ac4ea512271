//! The settings of messaging.

use std::time::Duration;

use postern_policy::REQUEST_MESSAGES_MAX;
use postern_shared::config::Source;

/// A day in seconds.
const DAY_S: u64 = 24 * 60 * 60;

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
        Self {
            request_messages_max: u32::try_from(messages).unwrap_or(REQUEST_MESSAGES_MAX),
            decline_cool_down: days(source, "messaging.decline_cool_down_days"),
            refusals_kept: days(source, "messaging.refusals_kept_days"),
            unsend_window: chosen(unsend_window),
            request_expiry: chosen(request_expiry * DAY_S),
            committers: usize::try_from(committers).unwrap_or(1),
        }
    }
}

/// A time in seconds, where 0 means that there is none.
const fn chosen(seconds: u64) -> Option<Duration> {
    match seconds {
        0 => None,
        seconds => Some(Duration::from_secs(seconds)),
    }
}
