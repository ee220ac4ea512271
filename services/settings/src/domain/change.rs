//! A change of some settings: which fields a mask names, what becomes of the choices, and what a
//! person's age does not allow.

use super::{AgeBand, Choices, Filters, Keywords, Notifications, WhoCanMessage};

/// One thing that can be chosen by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Who may write.
    WhoCanMessage,
    /// Receipts.
    ReadReceipts,
    /// The filter against spam.
    Spam,
    /// The filter against what offends.
    Offensive,
    /// The filter words.
    Keywords,
    /// Notifications of messages.
    Messages,
    /// Notifications of requests.
    Requests,
    /// Text in notifications.
    Previews,
}

/// Every path that an update mask may name, with the fields that it stands for.
pub const PATHS: &[(&str, &[Field])] = &[
    ("who_can_message", &[Field::WhoCanMessage]),
    ("read_receipts", &[Field::ReadReceipts]),
    ("filters", &[Field::Spam, Field::Offensive, Field::Keywords]),
    ("filters.spam", &[Field::Spam]),
    ("filters.offensive", &[Field::Offensive]),
    ("filters.keywords", &[Field::Keywords]),
    (
        "notifications",
        &[Field::Messages, Field::Requests, Field::Previews],
    ),
    ("notifications.messages", &[Field::Messages]),
    ("notifications.requests", &[Field::Requests]),
    ("notifications.previews", &[Field::Previews]),
    ("*", ALL),
];

const ALL: &[Field] = &[
    Field::WhoCanMessage,
    Field::ReadReceipts,
    Field::Spam,
    Field::Offensive,
    Field::Keywords,
    Field::Messages,
    Field::Requests,
    Field::Previews,
];

/// The fields that a path of a mask stands for; none when there is no such path.
#[must_use]
pub fn fields_of(path: &str) -> Option<&'static [Field]> {
    PATHS
        .iter()
        .find(|(known, _)| *known == path)
        .map(|(_, fields)| *fields)
}

/// New values of some fields; the others stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Who may write.
    pub who_can_message: Option<WhoCanMessage>,
    /// Receipts.
    pub read_receipts: Option<bool>,
    /// The filter against spam.
    pub spam: Option<bool>,
    /// The filter against what offends.
    pub offensive: Option<bool>,
    /// The filter words, all of them.
    pub keywords: Option<Keywords>,
    /// Notifications of messages.
    pub messages: Option<bool>,
    /// Notifications of requests.
    pub requests: Option<bool>,
    /// Text in notifications.
    pub previews: Option<bool>,
}

/// A person is too young for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotForAge {
    /// Nobody under 16 takes messages.
    #[error("`settings.who_can_message` stays `NO_ONE` for people under 16")]
    Messages,
    /// Nobody under 18 takes messages from strangers.
    #[error(
        "`settings.who_can_message` cannot be `EVERYONE` for people under 18: choose `FRIENDS` \
             or `NO_ONE`"
    )]
    Everyone,
    /// Nobody under 18 is without filters.
    #[error(
        "`settings.filters.spam` and `settings.filters.offensive` cannot be switched off for \
             people under 18"
    )]
    Filters,
}

impl Change {
    /// The choices after the change.
    #[must_use]
    pub fn apply(&self, before: &Choices) -> Choices {
        Choices {
            who_can_message: self.who_can_message.unwrap_or(before.who_can_message),
            read_receipts: self.read_receipts.unwrap_or(before.read_receipts),
            filters: Filters {
                spam: self.spam.unwrap_or(before.filters.spam),
                offensive: self.offensive.unwrap_or(before.filters.offensive),
                keywords: self
                    .keywords
                    .clone()
                    .unwrap_or_else(|| before.filters.keywords.clone()),
            },
            notifications: Notifications {
                messages: self.messages.unwrap_or(before.notifications.messages),
                requests: self.requests.unwrap_or(before.notifications.requests),
                previews: self.previews.unwrap_or(before.notifications.previews),
            },
        }
    }

    /// Whether a person of this age band may choose these values. What they leave alone is not
    /// looked at.
    ///
    /// # Errors
    /// The first value that is not for their age.
    pub fn check_age(&self, band: AgeBand) -> Result<(), NotForAge> {
        let filters_off = self.spam == Some(false) || self.offensive == Some(false);
        match (band, self.who_can_message) {
            (AgeBand::Adult, _) => Ok(()),
            (AgeBand::Under16, Some(WhoCanMessage::Everyone | WhoCanMessage::Friends)) => {
                Err(NotForAge::Messages)
            }
            (AgeBand::From16To17, Some(WhoCanMessage::Everyone)) => Err(NotForAge::Everyone),
            // Under 16 too: a filter switched off at 15 would still be off at 16.
            (AgeBand::Under16 | AgeBand::From16To17, _) if filters_off => Err(NotForAge::Filters),
            (AgeBand::Under16 | AgeBand::From16To17, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Keyword, Kind, Origin};
    use super::*;

    fn defaults() -> Choices {
        Choices::default_for(Origin {
            band: AgeBand::Adult,
            kind: Kind::Personal,
        })
    }

    #[test]
    fn paths_name_fields_alone_in_groups_and_all() {
        assert_eq!(fields_of("filters.spam"), Some([Field::Spam].as_slice()));
        assert_eq!(fields_of("notifications").unwrap().len(), 3);
        let all: BTreeSet<_> = fields_of("*").unwrap().iter().collect();
        let each = PATHS.iter().filter(|(path, _)| *path != "*");
        let each: BTreeSet<_> = each.flat_map(|(_, fields)| *fields).collect();
        assert_eq!(all, each);
        for unknown in [
            "",
            "etag",
            "update_time",
            "filters.*",
            "settings",
            "Filters",
        ] {
            assert_eq!(fields_of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_change_leaves_the_rest_alone() {
        let before = defaults();
        assert_eq!(Change::default().apply(&before), before);
        let words = Keywords::new(vec![Keyword::parse("crypto").unwrap()]).unwrap();
        let change = Change {
            spam: Some(false),
            keywords: Some(words.clone()),
            previews: Some(false),
            ..Change::default()
        };
        let mut expected = before.clone();
        expected.filters.spam = false;
        expected.filters.keywords = words;
        expected.notifications.previews = false;
        assert_eq!(change.apply(&before), expected);
    }

    #[test]
    fn every_field_can_be_changed() {
        let off = Some(false);
        let change = Change {
            who_can_message: Some(WhoCanMessage::NoOne),
            read_receipts: off,
            spam: off,
            offensive: off,
            keywords: Some(Keywords::default()),
            messages: off,
            requests: off,
            previews: off,
        };
        let after = change.apply(&defaults());
        assert_eq!(after.who_can_message, WhoCanMessage::NoOne);
        assert!(!after.read_receipts && !after.filters.spam && !after.filters.offensive);
        let notifications = after.notifications;
        assert!(!notifications.messages && !notifications.requests && !notifications.previews);
    }

    #[test]
    fn age_allows_as_the_policy_says() {
        use AgeBand::{Adult, From16To17, Under16};
        use WhoCanMessage::{Everyone, Friends, NoOne};
        let who = |who| Change {
            who_can_message: Some(who),
            ..Change::default()
        };
        for (band, value, expected) in [
            (Under16, Everyone, Err(NotForAge::Messages)),
            (Under16, Friends, Err(NotForAge::Messages)),
            (Under16, NoOne, Ok(())),
            (From16To17, Everyone, Err(NotForAge::Everyone)),
            (From16To17, Friends, Ok(())),
            (From16To17, NoOne, Ok(())),
            (Adult, Everyone, Ok(())),
            (Adult, Friends, Ok(())),
            (Adult, NoOne, Ok(())),
        ] {
            assert_eq!(who(value).check_age(band), expected, "{band:?} {value:?}");
        }
        let spam = |on| Change {
            spam: Some(on),
            ..Change::default()
        };
        let offensive = Change {
            offensive: Some(false),
            ..Change::default()
        };
        for band in [Under16, From16To17] {
            assert_eq!(spam(false).check_age(band), Err(NotForAge::Filters));
            assert_eq!(offensive.check_age(band), Err(NotForAge::Filters));
            assert_eq!(spam(true).check_age(band), Ok(()));
            assert_eq!(Change::default().check_age(band), Ok(()));
        }
        assert_eq!(spam(false).check_age(Adult), Ok(()));
    }
}
