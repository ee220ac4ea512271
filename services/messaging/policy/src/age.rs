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
    /// These settings as they count at their owner's age: at 16 and 17 EVERYONE counts as FRIENDS,
    /// and the filters for spam and offensive content count as on. Those under 16 take no messages
    /// anyway.
    #[must_use]
    pub const fn at_age(self, age_band: AgeBand) -> Self {
        match age_band {
            AgeBand::From16To17 => Self {
                who_can_message: match self.who_can_message {
                    WhoCanMessage::Everyone | WhoCanMessage::Friends => WhoCanMessage::Friends,
                    WhoCanMessage::NoOne => WhoCanMessage::NoOne,
                },
                filters: Filters {
                    spam: true,
                    offensive: true,
                    keywords: self.filters.keywords,
                },
                ..self
            },
            AgeBand::Under16 | AgeBand::Adult => self,
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
