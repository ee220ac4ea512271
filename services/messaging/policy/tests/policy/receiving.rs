//! What a person is told about their own choices, held to what a send would do.
//!
//! For: `receive` and `closes`, over every combination of what they look at.
//!
//! Promises: both are compared with a second implementation written from the text, and with the
//! oracle deciding about a real message from an ordinary sender.
//!
//! Must not: derive what it expects from `decide`.

use postern_policy::{
    AgeBand, Answer, Cause, Consent, ConsentState, Decision, Edges, Facts, Lifecycle, Person,
    Placement, Received, Receiving, Reception, Request, Sanction, Settings, WhoCanMessage, closes,
    receive,
};

use crate::inputs::{
    Input, edge, for_each_product, relation_and_content, set_filters, standing_and_budgets,
    strangers,
};
use crate::oracle::{consent_is_valid, known, oracle};

/// Everything that is B's own to know, but the filters.
const OWN: [&str; 11] = [
    "who_can_message(B)",
    "A→B",
    "B→A",
    "A⊣B",
    "B⊣A",
    "consent(B→A)",
    "request(A→B)",
    "age band(B)",
    "left_everyone_version(B)",
    "epoch(B→A)",
    "messages in a request",
];

const CHOICES: [WhoCanMessage; 3] = [
    WhoCanMessage::Everyone,
    WhoCanMessage::Friends,
    WhoCanMessage::NoOne,
];

fn inputs(named: &[&str]) -> Vec<Input> {
    let all = relation_and_content()
        .into_iter()
        .chain(standing_and_budgets());
    let chosen: Vec<_> = all.filter(|(name, _)| named.contains(name)).collect();
    assert_eq!(chosen.len(), named.len());
    chosen
}

/// B's part of the facts.
fn receiving(facts: &Facts) -> Receiving {
    // These inputs leave every answer in place.
    let own = known(&facts.recipient).unwrap();
    let settings = known(&facts.recipient_settings).unwrap();
    Receiving {
        age_band: own.age_band,
        settings,
        edges: facts.edges.unwrap(),
        consent: facts.consent,
        request: facts.request,
        request_messages_max: facts.request_messages_max,
    }
}

/// B's choices as far as B's age allows.
fn effective(own: &Receiving) -> Settings {
    let mut settings = own.settings;
    if own.age_band == AgeBand::Under16 {
        settings.who_can_message = WhoCanMessage::NoOne;
    }
    if own.age_band == AgeBand::From16To17 {
        if settings.who_can_message == WhoCanMessage::Everyone {
            settings.who_can_message = WhoCanMessage::Friends;
            settings.left_everyone_version = settings.version + 1;
        }
        settings.filters.spam = true;
        settings.filters.offensive = true;
    }
    settings
}

/// The same with an ordinary sender who may write to B as far as it is theirs, and B's age.
fn ordinary(facts: &Facts) -> Facts {
    let mut facts = *facts;
    let minor = receiving(&facts).age_band == AgeBand::From16To17;
    facts.sender = Answer::Known(Person {
        lifecycle: Lifecycle::Active,
        sanction: Sanction::None,
        age_band: if minor {
            AgeBand::From16To17
        } else {
            AgeBand::Adult
        },
    });
    edge(&mut facts, |e| e.sender_blocks = false);
    facts.recipient_settings = Answer::Known(effective(&receiving(&facts)));
    facts
}

/// From the words of the policy, without its rows.
fn expected(x: &Receiving) -> (Reception, Cause) {
    let Edges {
        sender_follows,
        recipient_follows,
        ..
    } = x.edges;
    if x.edges.recipient_blocks {
        return (Reception::Refused, Cause::YouBlock);
    }
    if x.age_band == AgeBand::Under16 {
        return (Reception::Refused, Cause::Age);
    }
    let settings = effective(x);
    let who = settings.who_can_message;
    if who == WhoCanMessage::NoOne {
        return (Reception::Refused, Cause::YourMessagesAreOff);
    }
    if sender_follows && recipient_follows {
        return (Reception::Inbox, Cause::Friends);
    }
    if recipient_follows && who == WhoCanMessage::Everyone {
        return (Reception::Inbox, Cause::YouFollow);
    }
    if consent_is_valid(x.consent, x.edges, settings) {
        return (Reception::Inbox, Cause::Consent);
    }
    if who == WhoCanMessage::Friends {
        return (Reception::Refused, Cause::FriendsOnly);
    }
    match x.request {
        Request::Declined { cooling_down: true } => (Reception::Refused, Cause::YouDeclined),
        Request::Pending { sent } if sent >= x.request_messages_max => {
            (Reception::Refused, Cause::RequestFull)
        }
        // Where requests hold no message at all, a new one is full from the start.
        _ if x.request_messages_max == 0 => (Reception::Refused, Cause::RequestFull),
        _ => (Reception::Request, Cause::Stranger),
    }
}

fn gets_in(facts: &Facts) -> bool {
    matches!(oracle(facts), Decision::Deliver { .. })
}

/// As settings says it: leaving EVERYONE moves that version, and nothing else does.
fn chosen(facts: &Facts, who: WhoCanMessage) -> Facts {
    let mut after = *facts;
    if let Answer::Known(settings) = &mut after.recipient_settings
        && settings.who_can_message != who
    {
        settings.version += 1;
        if settings.who_can_message == WhoCanMessage::Everyone {
            settings.left_everyone_version = settings.version;
        }
        settings.who_can_message = who;
    }
    after
}

#[test]
fn it_says_what_the_words_say_and_what_a_send_does() {
    let compared = for_each_product(&inputs(&OWN), |facts| {
        let own = receiving(facts);
        let received = receive(&own).unwrap();
        let (reception, cause) = (received.reception, received.cause);
        assert_eq!((reception, cause), expected(&own), "{facts:#?}");
        let sent = match oracle(&ordinary(facts)) {
            Decision::Deliver {
                placement: Placement::Inbox,
                ..
            } => Reception::Inbox,
            Decision::Deliver {
                placement: Placement::Request,
                ..
            } => Reception::Request,
            Decision::Refuse { .. } => Reception::Refused,
            other => panic!("{other:?} of {facts:#?}"),
        };
        assert_eq!(reception, sent, "{facts:#?}");
    });
    // Settings, edges, blocks, consent, request, age, version, epoch, messages.
    assert_eq!(compared, 3 * 4 * 4 * 5 * 8 * 3 * 4 * 3 * 4);
}

#[test]
fn a_choice_closes_exactly_what_gets_in_before_and_not_after() {
    let mut closed = 0;
    for_each_product(&inputs(&OWN), |facts| {
        let own = receiving(facts);
        for who in CHOICES {
            let before = gets_in(&ordinary(facts));
            let expected = before && !gets_in(&ordinary(&chosen(facts, who)));
            assert_eq!(closes(&own, who), expected, "{who:?} of {facts:#?}");
            closed += usize::from(expected);
            if who == own.settings.who_can_message {
                assert!(!expected, "what stands closes nothing: {facts:#?}");
            }
        }
    });
    assert!(closed > 0);
}

#[test]
fn a_filter_shows_where_a_message_would_get_in() {
    let mut named = OWN.to_vec();
    named.retain(|name| !["left_everyone_version(B)", "epoch(B→A)"].contains(name));
    named.push("filters(B)");
    for_each_product(&inputs(&named), |facts| {
        let own = receiving(facts);
        let Received {
            reception,
            filtered,
            ..
        } = receive(&own).unwrap();
        let filters = effective(&own).filters;
        let any = filters.spam || filters.offensive || filters.keywords;
        let expected = any && reception != Reception::Refused;
        assert_eq!(filtered, expected, "{facts:#?}");
    });
}

#[test]
fn what_the_sender_chose_does_not_show() {
    for_each_product(&inputs(&OWN), |facts| {
        let own = receiving(facts);
        let mut blocking = own;
        blocking.edges.sender_blocks = !own.edges.sender_blocks;
        assert_eq!(receive(&own), receive(&blocking), "{facts:#?}");
        for who in CHOICES {
            assert_eq!(closes(&own, who), closes(&blocking, who), "{facts:#?}");
        }
    });
}

#[test]
fn what_a_filter_hides_is_no_other_place() {
    let mut facts = strangers();
    set_filters(&mut facts, true, true, true);
    let received = receive(&receiving(&facts)).unwrap();
    assert_eq!(
        received,
        Received {
            reception: Reception::Request,
            cause: Cause::Stranger,
            filtered: true,
        }
    );
}

#[test]
fn a_consent_is_in_one_state_and_counts_in_one_of_them() {
    for_each_product(&inputs(&OWN), |facts| {
        let own = receiving(facts);
        let Settings {
            who_can_message,
            left_everyone_version,
            ..
        } = own.settings;
        let present = own.edges.recipient_epoch;
        let expected = match own.consent {
            Consent::None => None,
            Consent::Revoked => Some(ConsentState::Revoked),
            Consent::Granted { epoch, .. } if epoch != present => Some(ConsentState::Ended),
            Consent::Granted {
                settings_version, ..
            } => Some(match who_can_message {
                WhoCanMessage::NoOne => ConsentState::Paused,
                WhoCanMessage::Everyone => ConsentState::Counts,
                WhoCanMessage::Friends if settings_version < left_everyone_version => {
                    ConsentState::Lapsed
                }
                WhoCanMessage::Friends => ConsentState::Counts,
            }),
        };
        let state = own.consent.state(present, &own.settings);
        assert_eq!(state, expected, "{facts:#?}");
        let counts = consent_is_valid(own.consent, own.edges, own.settings);
        assert_eq!(state == Some(ConsentState::Counts), counts, "{facts:#?}");
        assert_eq!(own.consent.counts(present, &own.settings), counts);
    });
}
