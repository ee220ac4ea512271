//! What age takes out of settings, and who is a stranger.
//!
//! For: two questions beside `decide` that must agree with it.
//!
//! Promises: both are asked over the full product of relation and content.
//!
//! Must not: repeat how they are answered.

use postern_policy::{
    AgeBand, Answer, Class, Consent, ConsentState, Decision, Filters, Placement, Refusal, Settings,
    Trust, Verdict, WhoCanMessage, accept_allowed, clamped, decide, trust_of,
};

use crate::inputs::{
    EPOCH, LEFT_EVERYONE, edge, for_each_product, on, relation_and_content, set_filters, strangers,
};

#[test]
fn at_16_and_17_everyone_counts_as_friends_and_filters_are_on() {
    for (chosen, counts, lapses) in [
        (WhoCanMessage::Everyone, WhoCanMessage::Friends, true),
        (WhoCanMessage::Friends, WhoCanMessage::Friends, false),
        (WhoCanMessage::NoOne, WhoCanMessage::NoOne, false),
    ] {
        for keywords in [false, true] {
            let mut facts = strangers();
            on(&mut facts.recipient_settings, chosen, |s, v| {
                s.who_can_message = v;
            });
            set_filters(&mut facts, false, false, keywords);
            let Answer::Known(stored) = facts.recipient_settings else {
                panic!("the scene has settings");
            };
            on(&mut facts.recipient, AgeBand::Adult, |p, v| p.age_band = v);
            let same = clamped(facts.recipient_settings, facts.recipient);
            assert_eq!(same, facts.recipient_settings);
            on(&mut facts.recipient, AgeBand::From16To17, |p, v| {
                p.age_band = v;
            });
            let Answer::Known(now) = clamped(facts.recipient_settings, facts.recipient) else {
                panic!("what was known stays known");
            };
            let filters = Filters {
                spam: true,
                offensive: true,
                keywords,
            };
            assert_eq!((now.who_can_message, now.filters), (counts, filters));
            assert_eq!(now.version, stored.version);
            let left = if lapses {
                stored.version + 1
            } else {
                stored.left_everyone_version
            };
            assert_eq!(now.left_everyone_version, left);
            // Once it is narrow it narrows no further.
            assert_eq!(now.at_age(AgeBand::From16To17), now);
        }
    }
}

#[test]
fn under_16_whatever_was_chosen_counts_as_no_one() {
    for chosen in [
        WhoCanMessage::Everyone,
        WhoCanMessage::Friends,
        WhoCanMessage::NoOne,
    ] {
        let mut facts = strangers();
        on(&mut facts.sender_settings, chosen, |s, v| {
            s.who_can_message = v;
        });
        let Answer::Known(stored) = facts.sender_settings else {
            panic!("the scene has settings");
        };
        let young = stored.at_age(AgeBand::Under16);
        let expected = Settings {
            who_can_message: WhoCanMessage::NoOne,
            ..stored
        };
        assert_eq!(young, expected);
        let refused = Err(Refusal::YourMessagesAreOff);
        assert_eq!(accept_allowed(young.who_can_message), refused);
        let consent = Consent::Granted {
            epoch: EPOCH,
            settings_version: stored.version,
        };
        assert_eq!(consent.state(EPOCH, &young), Some(ConsentState::Paused));
    }
}

#[test]
fn what_was_agreed_to_under_everyone_lapses_where_age_narrows_it() {
    let mut facts = strangers();
    let Answer::Known(stored) = facts.recipient_settings else {
        panic!("the scene has settings");
    };
    for settings_version in [0, LEFT_EVERYONE, stored.version] {
        facts.consent = Consent::Granted {
            epoch: EPOCH,
            settings_version,
        };
        let narrowed = stored.at_age(AgeBand::From16To17);
        let state = facts.consent.state(EPOCH, &narrowed);
        assert_eq!(state, Some(ConsentState::Lapsed), "{settings_version}");
        for person in [&mut facts.sender, &mut facts.recipient] {
            on(person, AgeBand::From16To17, |p, v| p.age_band = v);
        }
        facts.recipient_settings = Answer::Known(narrowed);
        let Decision::Refuse { reason, .. } = decide(&facts) else {
            panic!("{facts:#?}");
        };
        assert_eq!(reason, Refusal::MutualFollowRequired);
    }
    // Who had chosen FRIENDS keeps what was agreed to since.
    let friends = Settings {
        who_can_message: WhoCanMessage::Friends,
        ..stored
    };
    let consent = Consent::Granted {
        epoch: EPOCH,
        settings_version: LEFT_EVERYONE,
    };
    let state = consent.state(EPOCH, &friends.at_age(AgeBand::From16To17));
    assert_eq!(state, Some(ConsentState::Counts));
}

#[test]
fn what_is_not_known_stays_so() {
    let facts = strangers();
    let settings = facts.recipient_settings;
    for person in [Answer::Absent, Answer::Unavailable] {
        assert_eq!(clamped(settings, person), settings);
    }
    for settings in [Answer::Absent, Answer::Unavailable] {
        assert_eq!(clamped(settings, facts.recipient), settings);
    }
}

#[test]
fn a_corrected_birth_date_lets_in_nobody_who_was_kept_out() {
    let mut narrowed = 0;
    for_each_product(&relation_and_content(), |facts| {
        let mut minor = *facts;
        for person in [&mut minor.sender, &mut minor.recipient] {
            on(person, AgeBand::From16To17, |p, v| p.age_band = v);
        }
        let before = decide(&minor);
        minor.sender_settings = clamped(minor.sender_settings, minor.sender);
        minor.recipient_settings = clamped(minor.recipient_settings, minor.recipient);
        match (before, decide(&minor)) {
            (Decision::Deliver { .. }, Decision::Refuse { reason, .. }) => {
                assert_eq!(reason, Refusal::MutualFollowRequired, "{minor:#?}");
                narrowed += 1;
            }
            (Decision::Refuse { .. }, Decision::Deliver { .. }) => panic!("{minor:#?}"),
            (_, Decision::Deliver { placement, .. }) => {
                // A filter that is locked on hides what it finds.
                let found = minor.verdict == Verdict::Flagged(Class::Spam);
                assert!(!found || placement != Placement::Inbox, "{minor:#?}");
            }
            _ => {}
        }
    });
    assert!(narrowed > 0);
}

#[test]
fn trust_is_that_of_the_decision() {
    for_each_product(&relation_and_content(), |facts| {
        let trust = trust_of(facts);
        if let Decision::Deliver { trust: decided, .. } = decide(facts) {
            assert_eq!(trust, Some(decided), "{facts:#?}");
        }
    });
    let mut facts = strangers();
    assert_eq!(trust_of(&facts), Some(Trust::Stranger));
    // Whatever stands against it.
    edge(&mut facts, |e| e.recipient_blocks = true);
    assert_eq!(trust_of(&facts), Some(Trust::Stranger));
    facts.edges = None;
    assert_eq!(trust_of(&facts), None);
    for missing in [Answer::Absent, Answer::Unavailable] {
        let mut facts = strangers();
        facts.recipient_settings = missing;
        assert_eq!(trust_of(&facts), None);
    }
}
