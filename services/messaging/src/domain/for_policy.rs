//! What is stored of a pair, in the words of the policy.

use postern_policy as policy;
use postern_shared::clock::Timestamp;

use super::conversation::{Consent, Request};

impl Consent {
    /// The same without how and when it was given, which nothing is decided by.
    #[must_use]
    pub const fn for_policy(self) -> policy::Consent {
        match self {
            Self::None => policy::Consent::None,
            Self::Revoked => policy::Consent::Revoked,
            Self::Granted {
                epoch,
                settings_version,
                ..
            } => policy::Consent::Granted {
                epoch,
                settings_version,
            },
        }
    }
}

impl Request {
    /// The same at this moment, as the one who was asked sees it: of what was withdrawn there is
    /// nothing to see.
    #[must_use]
    pub fn for_recipient(self, now: Timestamp) -> policy::Request {
        match self {
            Self::Withdrawn { .. } => policy::Request::None,
            seen => seen.for_policy(now),
        }
    }

    /// The same at this moment.
    #[must_use]
    pub fn for_policy(self, now: Timestamp) -> policy::Request {
        match self {
            Self::None => policy::Request::None,
            // Withdrawing refunds nothing.
            Self::Pending { sent } | Self::Withdrawn { sent } => policy::Request::Pending { sent },
            Self::Accepted => policy::Request::Accepted,
            Self::Declined { until } => policy::Request::Declined {
                cooling_down: now < until,
            },
        }
    }
}
