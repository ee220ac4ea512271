//! What age takes out of a person's settings.
//!
//! For: a value that was chosen, or fell to somebody, under another birth date than the one that
//! holds now. It must not stay wider than their age allows.
//!
//! Promises: only ever narrows: nobody who was kept out is let in.
//!
//! Must not: widen anything, or guess an age that is not known.

use crate::facts::{AgeBand, Answer, Filters, Person, Settings, WhoCanMessage};

impl Settings {
    /// These settings as they count at their owner's age. At 16 and 17 EVERYONE counts as FRIENDS,
    /// and the filters for spam and offensive content count as on; under 16 whatever was chosen
    /// counts as NO_ONE.
    ///
    /// What was agreed to under EVERYONE lapses where that counts as FRIENDS, as if its owner had
    /// tightened it. They have no later version to renew it with until they choose for themselves.
    #[must_use]
    pub const fn at_age(self, age_band: AgeBand) -> Self {
        match age_band {
            AgeBand::Under16 => Self {
                who_can_message: WhoCanMessage::NoOne,
                ..self
            },
            AgeBand::From16To17 => self.of_minor(),
            AgeBand::Adult => self,
        }
    }

    const fn of_minor(self) -> Self {
        let (who_can_message, left_everyone_version) = match self.who_can_message {
            WhoCanMessage::Everyone => (WhoCanMessage::Friends, self.version.saturating_add(1)),
            kept @ (WhoCanMessage::Friends | WhoCanMessage::NoOne) => {
                (kept, self.left_everyone_version)
            }
        };
        Self {
            who_can_message,
            version: self.version,
            left_everyone_version,
            filters: Filters {
                spam: true,
                offensive: true,
                keywords: self.filters.keywords,
            },
        }
    }
}

/// A person's settings as they count at their age, as far as both are known.
#[must_use]
pub const fn clamped(settings: Answer<Settings>, person: Answer<Person>) -> Answer<Settings> {
    match (settings, person) {
        (Answer::Known(settings), Answer::Known(person)) => {
            Answer::Known(settings.at_age(person.age_band))
        }
        (settings, _) => settings,
    }
}
