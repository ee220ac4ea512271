//! The scene the printed table starts from, and ways to change it.
//!
//! For: the table, which shows each row by changing as little as it can.
//!
//! Promises: a change that needs an owner's answer puts one in place, so that of two changes to one
//! answer the later wins.
//!
//! Must not: leave this crate. Facts of real sends come from their owners.

use crate::facts::{
    AgeBand, Answer, Budget, Budgets, Consent, ContentKind, Edges, Facts, Filters, Lifecycle,
    Person, REQUEST_MESSAGES_MAX, Request, Sanction, Settings, Verdict, WhoCanMessage,
};

/// A budget that pays again in a second.
pub(super) const EMPTY: Budget = Budget::Empty {
    retry_after_ms: 1_000,
};

/// An end of a sanction, in Unix milliseconds.
pub(super) const UNTIL_MS: Option<i64> = Some(1_000);

/// An active adult without sanctions.
pub(super) const ORDINARY: Person = Person {
    lifecycle: Lifecycle::Active,
    sanction: Sanction::None,
    age_band: AgeBand::Adult,
};

const NO_EDGES: Edges = Edges {
    sender_follows: false,
    recipient_follows: false,
    sender_blocks: false,
    recipient_blocks: false,
    recipient_restricts: false,
    recipient_epoch: 5,
};

const OPEN: Settings = Settings {
    who_can_message: WhoCanMessage::Everyone,
    version: 10,
    left_everyone_version: 7,
    filters: Filters {
        spam: true,
        offensive: true,
        keywords: true,
    },
};

/// Two ordinary strangers, both open to everyone with all filters on; a clean text.
pub(super) const SCENE: Facts = Facts {
    same_person: false,
    sender: Answer::Known(ORDINARY),
    recipient: Answer::Known(ORDINARY),
    sender_settings: Answer::Known(OPEN),
    recipient_settings: Answer::Known(OPEN),
    edges: Some(NO_EDGES),
    consent: Consent::None,
    request: Request::None,
    request_messages_max: REQUEST_MESSAGES_MAX,
    content: ContentKind::Text,
    verdict: Verdict::Clean,
    budgets: Budgets::NEUTRAL,
};

/// A consent of the present epoch, given after B was last open to everyone.
pub(super) const CONSENT: Consent = Consent::Granted {
    epoch: NO_EDGES.recipient_epoch,
    settings_version: OPEN.left_everyone_version,
};

/// A consent from before an unfollow or a block.
pub(super) const CONSENT_BEFORE_UNFOLLOW: Consent = Consent::Granted {
    epoch: NO_EDGES.recipient_epoch - 1,
    settings_version: OPEN.version,
};

/// A consent from before B stopped being open to everyone.
pub(super) const CONSENT_BEFORE_TIGHTENING: Consent = Consent::Granted {
    epoch: NO_EDGES.recipient_epoch,
    settings_version: OPEN.left_everyone_version - 1,
};

pub(super) fn sender(facts: &mut Facts) -> &mut Person {
    known(&mut facts.sender, ORDINARY)
}

pub(super) fn recipient(facts: &mut Facts) -> &mut Person {
    known(&mut facts.recipient, ORDINARY)
}

pub(super) fn sender_settings(facts: &mut Facts) -> &mut Settings {
    known(&mut facts.sender_settings, OPEN)
}

pub(super) fn recipient_settings(facts: &mut Facts) -> &mut Settings {
    known(&mut facts.recipient_settings, OPEN)
}

pub(super) fn edges(facts: &mut Facts) -> &mut Edges {
    facts.edges.get_or_insert(NO_EDGES)
}

/// Makes A a stranger to B.
pub(super) fn stranger(facts: &mut Facts) -> &mut Facts {
    relate(facts, false, false, Consent::None)
}

/// Sets who follows whom, and B's consent.
pub(super) fn relate(
    facts: &mut Facts,
    sender_follows: bool,
    recipient_follows: bool,
    consent: Consent,
) -> &mut Facts {
    let edges = edges(facts);
    edges.sender_follows = sender_follows;
    edges.recipient_follows = recipient_follows;
    facts.consent = consent;
    facts
}

fn known<T>(answer: &mut Answer<T>, otherwise: T) -> &mut T {
    if !matches!(answer, Answer::Known(_)) {
        *answer = Answer::Known(otherwise);
    }
    match answer {
        Answer::Known(value) => value,
        Answer::Unavailable | Answer::Absent => unreachable!("a value was put in place above"),
    }
}
