//! What a person can choose, what they start with, how a change makes new settings of old, and what
//! is in effect.
//!
//! Pure: no waiting, no input or output, no clock. It knows neither the wire nor the database.

mod change;
mod effective;
mod etag;
mod history;
mod keywords;

use postern_shared::{clock::Timestamp, id::UserId};

pub use change::{Change, Field, NotForAge, PATHS, fields_of};
pub use effective::{Cause, Effective, effective};
pub use etag::{EtagMismatch, etag};
pub use history::{Changed, Entry, differences};
pub use keywords::{KEYWORDS_MAX, Keyword, Keywords};

/// Who may write to a person, from the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhoCanMessage {
    /// Anyone; strangers by request.
    Everyone,
    /// People with whom they share a mutual follow.
    Friends,
    /// Nobody; and they do not write either.
    NoOne,
}

/// How old a person is, as far as identity tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgeBand {
    /// Younger than 16 years.
    Under16,
    /// 16 or 17 years.
    From16To17,
    /// 18 years or more.
    Adult,
}

/// What keeps a person's account from being used, as far as identity tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Nothing.
    None,
    /// Moderation keeps them from sending.
    SendRestricted,
    /// Moderation has suspended or banned them: they are gone to others.
    Removed,
    /// The account is switched off or erased: they are gone to others.
    SwitchedOff,
}

impl Hold {
    /// Whether the person is gone to others.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Removed | Self::SwitchedOff)
    }
}

/// What an account is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By a person for themself.
    Personal,
    /// By a business.
    Business,
}

/// What a person's defaults depend on. None of it ever changes, so that no birthday and nothing
/// else moves the settings of someone who never touched them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The age band on the day the account was made.
    pub band: AgeBand,
    /// What the account is used for.
    pub kind: Kind,
}

/// Everything that a person chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// Who may write to them.
    pub who_can_message: WhoCanMessage,
    /// Whether "seen" is shown, both ways.
    pub read_receipts: bool,
    /// What is filtered out.
    pub filters: Filters,
    /// What they are notified of.
    pub notifications: Notifications,
}

/// The content filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filters {
    /// Against spam.
    pub spam: bool,
    /// Against what offends.
    pub offensive: bool,
    /// Against words of the person's own.
    pub keywords: Keywords,
}

/// What to notify of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notifications {
    /// Messages in the inbox.
    pub messages: bool,
    /// New requests.
    pub requests: bool,
    /// Whether a notification shows the text.
    pub previews: bool,
}

impl Choices {
    /// What a person starts with.
    #[must_use]
    pub fn default_for(origin: Origin) -> Self {
        let who_can_message = match (origin.band, origin.kind) {
            (AgeBand::Under16 | AgeBand::From16To17, _) => WhoCanMessage::NoOne,
            (AgeBand::Adult, Kind::Personal) => WhoCanMessage::Friends,
            (AgeBand::Adult, Kind::Business) => WhoCanMessage::Everyone,
        };
        Self {
            who_can_message,
            read_receipts: true,
            filters: Filters {
                spam: true,
                offensive: true,
                keywords: Keywords::default(),
            },
            notifications: Notifications {
                messages: true,
                requests: true,
                previews: true,
            },
        }
    }
}

/// A person's settings at one moment: what they chose and the version of it, never apart.
///
/// `choices` is what was chosen, or the default: it is never moved by a birthday. Who decides about
/// a message, and [`effective`], hold it to what the age band of today allows: a birth date that
/// was corrected may leave behind more than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What they chose.
    pub choices: Choices,
    /// How often anything was changed; 0: never, `choices` are the defaults.
    pub version: u64,
    /// The version at which they last left EVERYONE; 0: never.
    pub left_everyone_version: u64,
    /// When something was last changed.
    pub updated_at: Option<Timestamp>,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What is to be different.
    pub change: Change,
    /// The etag of the settings that they saw; without one, whatever stands is changed.
    pub etag: Option<String>,
}

impl Settings {
    /// The settings of a person who never changed any.
    #[must_use]
    pub fn untouched(origin: Origin) -> Self {
        Self {
            choices: Choices::default_for(origin),
            version: 0,
            left_everyone_version: 0,
            updated_at: None,
        }
    }

    /// The settings after an update; none when it changes nothing.
    ///
    /// # Errors
    /// When the update was made for other settings than these.
    pub fn updated(
        &self,
        user: UserId,
        update: &Update,
        now: Timestamp,
    ) -> Result<Option<Self>, EtagMismatch> {
        if let Some(seen) = &update.etag
            && *seen != etag(user, self.version)
        {
            return Err(EtagMismatch);
        }
        let choices = update.change.apply(&self.choices);
        if choices == self.choices {
            return Ok(None);
        }
        let version = self.version + 1;
        // INVARIANT: only leaving EVERYONE moves this version. Under FRIENDS it is what older
        // consents lapse by, and a pause from FRIENDS through NO_ONE and back must keep them.
        let left_everyone = self.choices.who_can_message == WhoCanMessage::Everyone
            && choices.who_can_message != WhoCanMessage::Everyone;
        Ok(Some(Self {
            choices,
            version,
            left_everyone_version: if left_everyone {
                version
            } else {
                self.left_everyone_version
            },
            updated_at: Some(now),
        }))
    }
}

impl Settings {
    /// Whether these settings close something that those before left open: a message that was
    /// decided with the old ones must not land any more.
    #[must_use]
    pub fn narrow(&self, before: &Self) -> bool {
        let (new, old) = (&self.choices, &before.choices);
        let tightened = new.who_can_message > old.who_can_message;
        let switched_on = (new.filters.spam && !old.filters.spam)
            || (new.filters.offensive && !old.filters.offensive);
        let known = old.filters.keywords.as_slice();
        let mut words = new.filters.keywords.as_slice().iter();
        tightened || switched_on || words.any(|word| !known.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use postern_shared::random::Random;

    use super::*;

    const ADULT: Origin = Origin {
        band: AgeBand::Adult,
        kind: Kind::Personal,
    };
    const NOW: Timestamp = Timestamp::from_unix_millis(1_000);

    fn choose(who: WhoCanMessage) -> Update {
        Update {
            change: Change {
                who_can_message: Some(who),
                ..Change::default()
            },
            etag: None,
        }
    }

    #[test]
    fn defaults_are_as_the_policy_says() {
        use AgeBand::{Adult, From16To17, Under16};
        use Kind::{Business, Personal};
        use WhoCanMessage::{Everyone, Friends, NoOne};
        for (band, kind, who) in [
            (Adult, Personal, Friends),
            (Adult, Business, Everyone),
            (From16To17, Personal, NoOne),
            (From16To17, Business, NoOne),
            (Under16, Personal, NoOne),
            (Under16, Business, NoOne),
        ] {
            let settings = Settings::untouched(Origin { band, kind });
            let choices = &settings.choices;
            assert_eq!(choices.who_can_message, who, "{band:?} {kind:?}");
            assert!(choices.read_receipts && choices.filters.spam && choices.filters.offensive);
            assert!(choices.filters.keywords.as_slice().is_empty());
            let notifications = choices.notifications;
            assert!(notifications.messages && notifications.requests && notifications.previews);
            assert_eq!(
                (
                    settings.version,
                    settings.left_everyone_version,
                    settings.updated_at
                ),
                (0, 0, None)
            );
        }
    }

    #[test]
    fn only_leaving_everyone_moves_its_version() {
        use WhoCanMessage::{Everyone, Friends, NoOne};
        let user = UserId::random(&Random::system());
        let mut settings = Settings::untouched(ADULT);
        for (who, version, left) in [
            (NoOne, 1, 0),
            (Friends, 2, 0),
            (Everyone, 3, 0),
            (Friends, 4, 4),
            (NoOne, 5, 4),
            (Friends, 6, 4),
            (NoOne, 7, 4),
            (Everyone, 8, 4),
            (NoOne, 9, 9),
            (Friends, 10, 9),
        ] {
            settings = settings.updated(user, &choose(who), NOW).unwrap().unwrap();
            assert_eq!(
                (settings.version, settings.left_everyone_version),
                (version, left)
            );
        }
        let receipts = Update {
            change: Change {
                read_receipts: Some(false),
                ..Change::default()
            },
            etag: None,
        };
        let after = settings.updated(user, &receipts, NOW).unwrap().unwrap();
        assert_eq!((after.version, after.left_everyone_version), (11, 9));
    }

    fn words(words: &[&str]) -> Option<Keywords> {
        let words = words.iter().map(|word| Keyword::parse(word).unwrap());
        Some(Keywords::new(words.collect()).unwrap())
    }

    /// The settings after a change that does change something.
    fn after(settings: &Settings, change: Change) -> Settings {
        let user = UserId::random(&Random::system());
        let update = Update { change, etag: None };
        settings.updated(user, &update, NOW).unwrap().unwrap()
    }

    #[test]
    fn what_narrows_is_told_from_what_widens() {
        type Set = fn(&mut Change);
        use WhoCanMessage::{Everyone, Friends, NoOne};
        let before = Settings::untouched(ADULT);
        let off = Some(false);
        let open = Change {
            who_can_message: Some(Everyone),
            read_receipts: off,
            spam: off,
            offensive: off,
            keywords: words(&["a", "b"]),
            messages: off,
            requests: off,
            previews: off,
        };
        let open = after(&before, open);
        // With a word it is narrower in one way, though wider in all others.
        assert!(open.narrow(&before) && before.narrow(&open));
        let cases: [(Set, bool); 11] = [
            (|to| to.who_can_message = Some(Friends), true),
            (|to| to.who_can_message = Some(NoOne), true),
            (|to| to.spam = Some(true), true),
            (|to| to.offensive = Some(true), true),
            (|to| to.keywords = words(&["b", "c"]), true),
            (|to| to.keywords = words(&["b"]), false),
            (|to| to.keywords = words(&["b", "a"]), false),
            (|to| to.read_receipts = Some(true), false),
            (|to| to.messages = Some(true), false),
            (|to| to.requests = Some(true), false),
            (|to| to.previews = Some(true), false),
        ];
        for (set, narrows) in cases {
            let mut change = Change::default();
            set(&mut change);
            let narrowed = after(&open, change.clone()).narrow(&open);
            assert_eq!(narrowed, narrows, "{change:?}");
        }
        for (from, to, narrows) in [
            (Friends, NoOne, true),
            (NoOne, Friends, false),
            (NoOne, Everyone, false),
            (Friends, Everyone, false),
        ] {
            let mut settings = before.clone();
            settings.choices.who_can_message = from;
            let narrowed = after(&settings, choose(to).change).narrow(&settings);
            assert_eq!(narrowed, narrows, "{from:?} {to:?}");
        }
    }

    #[test]
    fn what_changes_nothing_is_no_change() {
        let user = UserId::random(&Random::system());
        let settings = Settings::untouched(ADULT);
        let same = choose(WhoCanMessage::Friends);
        assert_eq!(settings.updated(user, &same, NOW), Ok(None));
    }

    #[test]
    fn an_etag_is_good_for_one_person_and_one_version() {
        let random = Random::system();
        let (user, other) = (UserId::random(&random), UserId::random(&random));
        let settings = Settings::untouched(ADULT);
        let mut update = choose(WhoCanMessage::NoOne);
        update.etag = Some(etag(user, 0));
        let after = settings.updated(user, &update, NOW).unwrap().unwrap();
        assert_eq!(after.updated(user, &update, NOW), Err(EtagMismatch));
        assert_eq!(settings.updated(other, &update, NOW), Err(EtagMismatch));
    }
}
