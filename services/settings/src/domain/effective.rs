//! What is in effect for a person, and why: what they chose, held by their age of today and by what
//! moderation or they themselves did to the account.

use super::{AgeBand, Choices, Hold, Origin, Settings, WhoCanMessage};

/// Why a value is in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The person chose it. Not stored for each field: a value that differs from the account's
    /// default can only have been chosen. One that was chosen and put back is the default again.
    Chosen,
    /// It is the account's default.
    Default,
    /// Their age holds it.
    Age,
    /// An action of moderation holds it.
    Action,
    /// The account is switched off.
    SwitchedOff,
}

/// A value and why it is in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective<T> {
    /// The value.
    pub value: T,
    /// Why.
    pub cause: Cause,
}

/// All that is in effect for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Who may write to them.
    pub who_can_message: Effective<WhoCanMessage>,
    /// Whether they may send.
    pub may_send: Effective<bool>,
    /// The filter against spam.
    pub filter_spam: Effective<bool>,
    /// The filter against what offends.
    pub filter_offensive: Effective<bool>,
    /// Whether "seen" is shown.
    pub read_receipts: Effective<bool>,
    /// The widest that they may choose.
    pub widest: WhoCanMessage,
}

/// The widest value that a person of this age may have.
#[must_use]
pub const fn widest(band: AgeBand) -> WhoCanMessage {
    match band {
        AgeBand::Under16 => WhoCanMessage::NoOne,
        AgeBand::From16To17 => WhoCanMessage::Friends,
        AgeBand::Adult => WhoCanMessage::Everyone,
    }
}

/// What is in effect for a person of this age whose account is held by this.
#[must_use]
pub fn effective(settings: &Settings, origin: Origin, band: AgeBand, hold: Hold) -> Policy {
    let (chosen, default) = (&settings.choices, Choices::default_for(origin));
    let filter = |value: bool, default: bool| match band {
        AgeBand::Under16 | AgeBand::From16To17 => because(true, Cause::Age),
        AgeBand::Adult => own(value, default),
    };
    let who_can_message = who_can_message(settings, &default, band, hold);
    Policy {
        who_can_message,
        may_send: may_send(who_can_message, settings, &default, band, hold),
        filter_spam: filter(chosen.filters.spam, default.filters.spam),
        filter_offensive: filter(chosen.filters.offensive, default.filters.offensive),
        // No receipts flow to or from who takes messages from nobody.
        read_receipts: match who_can_message.value {
            WhoCanMessage::NoOne => because(false, who_can_message.cause),
            _ => own(chosen.read_receipts, default.read_receipts),
        },
        widest: widest(band),
    }
}

fn who_can_message(
    settings: &Settings,
    default: &Choices,
    band: AgeBand,
    hold: Hold,
) -> Effective<WhoCanMessage> {
    let chosen = settings.choices.who_can_message;
    match (hold, band) {
        (Hold::Removed, _) => because(WhoCanMessage::NoOne, Cause::Action),
        (Hold::SwitchedOff, _) => because(WhoCanMessage::NoOne, Cause::SwitchedOff),
        // Whatever was chosen: they have no choice.
        (_, AgeBand::Under16) => because(WhoCanMessage::NoOne, Cause::Age),
        // The further down, the narrower.
        _ if chosen < widest(band) => because(widest(band), Cause::Age),
        _ => own(chosen, default.who_can_message),
    }
}

/// In the order in which a send is refused.
fn may_send(
    who: Effective<WhoCanMessage>,
    settings: &Settings,
    default: &Choices,
    band: AgeBand,
    hold: Hold,
) -> Effective<bool> {
    match (hold, band) {
        (Hold::SendRestricted | Hold::Removed, _) => because(false, Cause::Action),
        (Hold::SwitchedOff, _) => because(false, Cause::SwitchedOff),
        (Hold::None, AgeBand::Under16) => because(false, Cause::Age),
        (Hold::None, _) => Effective {
            value: who.value != WhoCanMessage::NoOne,
            // Nothing but the own choice could have closed it, so that left it open as well.
            cause: own(settings.choices.who_can_message, default.who_can_message).cause,
        },
    }
}

const fn because<T>(value: T, cause: Cause) -> Effective<T> {
    Effective { value, cause }
}

fn own<T: PartialEq>(value: T, default: T) -> Effective<T> {
    let cause = if value == default {
        Cause::Default
    } else {
        Cause::Chosen
    };
    because(value, cause)
}

#[cfg(test)]
mod tests {
    use super::{
        super::Kind,
        AgeBand::{Adult, From16To17, Under16},
        Cause::{Action, Age, Chosen, Default, SwitchedOff},
        WhoCanMessage::{Everyone, Friends, NoOne},
        *,
    };

    const PERSON: Origin = Origin {
        band: Adult,
        kind: Kind::Personal,
    };

    fn of(who: WhoCanMessage, band: AgeBand, hold: Hold) -> Policy {
        let mut settings = Settings::untouched(PERSON);
        settings.choices.who_can_message = who;
        effective(&settings, PERSON, band, hold)
    }

    #[test]
    fn who_may_write_is_held_by_age_and_by_what_was_done_to_the_account() {
        for (chosen, band, hold, expected) in [
            (Everyone, Adult, Hold::None, (Everyone, Chosen)),
            (Friends, Adult, Hold::None, (Friends, Default)),
            (NoOne, Adult, Hold::None, (NoOne, Chosen)),
            (Everyone, From16To17, Hold::None, (Friends, Age)),
            (Friends, From16To17, Hold::None, (Friends, Default)),
            (NoOne, From16To17, Hold::None, (NoOne, Chosen)),
            (Everyone, Under16, Hold::None, (NoOne, Age)),
            (NoOne, Under16, Hold::None, (NoOne, Age)),
            // Who may not send takes messages as before.
            (Everyone, Adult, Hold::SendRestricted, (Everyone, Chosen)),
            (Everyone, Adult, Hold::Removed, (NoOne, Action)),
            (Everyone, Adult, Hold::SwitchedOff, (NoOne, SwitchedOff)),
            (Friends, Under16, Hold::Removed, (NoOne, Action)),
        ] {
            let who = of(chosen, band, hold).who_can_message;
            assert_eq!(
                (who.value, who.cause),
                expected,
                "{chosen:?} {band:?} {hold:?}"
            );
        }
    }

    #[test]
    fn sending_is_closed_by_the_first_that_closes_it() {
        for (chosen, band, hold, expected) in [
            (Friends, Adult, Hold::None, (true, Default)),
            (Everyone, Adult, Hold::None, (true, Chosen)),
            (NoOne, Adult, Hold::None, (false, Chosen)),
            (Friends, Under16, Hold::None, (false, Age)),
            (NoOne, Under16, Hold::None, (false, Age)),
            // Held narrower, but open: that is no matter of age.
            (Everyone, From16To17, Hold::None, (true, Chosen)),
            (NoOne, Adult, Hold::SendRestricted, (false, Action)),
            (Friends, Under16, Hold::SendRestricted, (false, Action)),
            (Friends, Adult, Hold::Removed, (false, Action)),
            (Friends, Adult, Hold::SwitchedOff, (false, SwitchedOff)),
        ] {
            let sends = of(chosen, band, hold).may_send;
            assert_eq!(
                (sends.value, sends.cause),
                expected,
                "{chosen:?} {band:?} {hold:?}"
            );
        }
        let young = Origin {
            band: From16To17,
            kind: Kind::Personal,
        };
        let settings = Settings::untouched(young);
        // A birthday widens nothing: the default of then stays.
        for band in [From16To17, Adult] {
            let policy = effective(&settings, young, band, Hold::None);
            assert_eq!(policy.who_can_message, because(NoOne, Default));
            assert_eq!(policy.may_send, because(false, Default));
        }
    }

    #[test]
    fn filters_are_locked_for_the_young_and_receipts_need_messages() {
        let mut settings = Settings::untouched(PERSON);
        settings.choices.filters.spam = false;
        settings.choices.read_receipts = false;
        let policy = effective(&settings, PERSON, Adult, Hold::None);
        assert_eq!(policy.filter_spam, because(false, Chosen));
        assert_eq!(policy.filter_offensive, because(true, Default));
        assert_eq!(policy.read_receipts, because(false, Chosen));
        for band in [Under16, From16To17] {
            let policy = effective(&settings, PERSON, band, Hold::None);
            assert_eq!(policy.filter_spam, because(true, Age));
            assert_eq!(policy.filter_offensive, because(true, Age));
        }
        let policy = of(Friends, From16To17, Hold::None);
        assert_eq!(policy.read_receipts, because(true, Default));
        assert_eq!(
            of(NoOne, Adult, Hold::None).read_receipts,
            because(false, Chosen)
        );
        assert_eq!(
            of(Friends, Under16, Hold::None).read_receipts,
            because(false, Age)
        );
    }

    #[test]
    fn the_widest_is_what_a_change_may_set() {
        use super::super::Change;
        for band in [Under16, From16To17, Adult] {
            for who in [Everyone, Friends, NoOne] {
                let change = Change {
                    who_can_message: Some(who),
                    ..Change::default()
                };
                assert_eq!(change.check_age(band).is_ok(), who >= widest(band));
                assert_eq!(of(who, band, Hold::None).widest, widest(band));
            }
        }
    }
}
