//! The order of precedence: the first row that matches decides.
//!
//! For: reading it beside the table of the policy, row by row, top to bottom.
//!
//! Promises: rows 2 to 21 in their order, each with its number and its words. A fact is used only
//! below the row that established it, so a missing one cannot be guessed.
//!
//! Must not: look at anything but [`Facts`], or let a row above 9 depend on whether B is gone or
//! blocks A.

use crate::decision::{Decision, Placement, Refusal, Rule, Trust};
use crate::facts::{
    AgeBand, Answer, Budget, ContentKind, Edges, Facts, Lifecycle, Person, Request, Sanction,
    Settings, Verdict, WhoCanMessage,
};

/// Decides one send: rows 2 to 9 here, and then those about an open recipient.
#[must_use]
pub fn decide(facts: &Facts) -> Decision {
    // 2. A's attempt budget is empty (refusals count: it stops probing).
    if let Budget::Empty { retry_after_ms } = facts.budgets.attempts {
        return refuse(Rule::AttemptsEmpty, Refusal::RateLimited { retry_after_ms });
    }
    // 3. A = B.
    if facts.same_person {
        return refuse(Rule::SelfMessage, Refusal::SelfMessage);
    }
    // 4. A live sanction on A.
    if let Some(reason) = sender_restriction(&facts.sender) {
        return refuse(Rule::SenderRestricted, reason);
    }
    // 5. A under 16.
    if let Answer::Known(sender) = facts.sender
        && sender.age_band == AgeBand::Under16
    {
        return refuse(Rule::SenderUnder16, Refusal::SenderAgeRestricted);
    }
    // 6. Graph, settings or identity cannot be consulted: never a guess, never a default.
    let Some(consulted) = Consulted::from_facts(facts) else {
        return Decision::Unavailable;
    };
    // 7. A blocks B.
    if consulted.edges.sender_blocks {
        return refuse(Rule::SenderBlocks, Refusal::YouBlockedRecipient);
    }
    // 8. who_can_message(A) = NO_ONE.
    if consulted.sender_settings.who_can_message == WhoCanMessage::NoOne {
        return refuse(Rule::SenderMessagesOff, Refusal::YourMessagesAreOff);
    }
    // 9. B is gone, or B blocks A.
    let Recipient::Open { age_band, settings } = consulted.recipient else {
        return refuse(Rule::NotAccepting, Refusal::NotAccepting);
    };
    decide_open(
        facts,
        &Pair {
            sender_age_band: consulted.sender.age_band,
            recipient_age_band: age_band,
            recipient_settings: settings,
            edges: consulted.edges,
        },
    )
}

/// Whether the owner of these settings may accept a request: under NO_ONE nobody may.
///
/// # Errors
/// [`Refusal::YourMessagesAreOff`] under NO_ONE.
pub const fn accept_allowed(own: WhoCanMessage) -> Result<(), Refusal> {
    match own {
        WhoCanMessage::Everyone | WhoCanMessage::Friends => Ok(()),
        WhoCanMessage::NoOne => Err(Refusal::YourMessagesAreOff),
    }
}

/// Why B would hear from A, whatever stands against it: a filter that judges strangers alone has to
/// know before the verdict is in. `None` when it is not known.
#[must_use]
pub const fn trust_of(facts: &Facts) -> Option<Trust> {
    let (Some(edges), Answer::Known(settings)) = (facts.edges, facts.recipient_settings) else {
        return None;
    };
    let consent_counts = facts.consent.counts(edges.recipient_epoch, &settings);
    Some(trust(&edges, consent_counts))
}

/// *Trusted* = friends, or B→A, or a consent that counts. Everyone else is a *stranger*.
const fn trust(edges: &Edges, consent_counts: bool) -> Trust {
    if edges.are_friends() {
        Trust::Friends
    } else if edges.recipient_follows {
        Trust::RecipientFollows
    } else if consent_counts {
        Trust::Consent
    } else {
        Trust::Stranger
    }
}

/// Rows 10 to 16: what may refuse a message to somebody who is there.
fn decide_open(facts: &Facts, pair: &Pair) -> Decision {
    let who_can_message = pair.recipient_settings.who_can_message;
    // 10. B under 16, or who_can_message(B) = NO_ONE.
    if pair.recipient_age_band == AgeBand::Under16 || who_can_message == WhoCanMessage::NoOne {
        return refuse(Rule::RecipientMessagesOff, Refusal::RecipientMessagesAreOff);
    }
    let consent_counts =
        (facts.consent).counts(pair.edges.recipient_epoch, &pair.recipient_settings);
    let trust = trust(&pair.edges, consent_counts);
    let closed_to_others = who_can_message == WhoCanMessage::Friends && !consent_counts;
    // 11. Not friends, and: B FRIENDS without a consent that counts, or one of the two is 16_17
    //     and the other ADULT.
    if trust != Trust::Friends && (closed_to_others || pair.is_adult_with_minor()) {
        return refuse(Rule::MutualFollowRequired, Refusal::MutualFollowRequired);
    }
    // 12. Stranger: declined and cooling down, or 3 messages already sent to this request.
    let cooling_down = facts.request == Request::Declined { cooling_down: true };
    let request_full = facts.request.sent() >= facts.request_messages_max;
    if trust.is_stranger() && (cooling_down || request_full) {
        return refuse(Rule::AwaitingAcceptance, Refusal::AwaitingAcceptance);
    }
    // 13. Content REJECTED.
    if let Verdict::Rejected(class) = facts.verdict {
        return refuse(Rule::ContentRejected, Refusal::ContentRejected { class });
    }
    // 14. Stranger, content other than text.
    if trust.is_stranger() && facts.content != ContentKind::Text {
        return refuse(Rule::RequestTextOnly, Refusal::RequestTextOnly);
    }
    // 15. Stranger: A's budget for new people or B's inbound budget is empty (one form for both).
    let strangers = both(facts.budgets.new_strangers, facts.budgets.inbound_strangers);
    if let Budget::Empty { retry_after_ms } = strangers
        && trust.is_stranger()
    {
        return refuse(
            Rule::StrangerBudgetEmpty,
            Refusal::RateLimited { retry_after_ms },
        );
    }
    // 16. Pair budget is empty.
    if let Budget::Empty { retry_after_ms } = facts.budgets.pair {
        return refuse(
            Rule::PairBudgetEmpty,
            Refusal::RateLimited { retry_after_ms },
        );
    }
    place(facts, pair, trust)
}

/// Rows 17 to 21: the message is delivered, and where.
fn place(facts: &Facts, pair: &Pair, trust: Trust) -> Decision {
    let behind_filter = match facts.verdict {
        Verdict::Clean | Verdict::Rejected(_) => false,
        Verdict::Flagged(class) => pair.recipient_settings.filters.covers(class),
        Verdict::Unavailable => true,
    };
    let (rule, placement) = if pair.edges.recipient_restricts {
        // 17. B restricts A.
        (Rule::RecipientRestricts, Placement::HiddenRequest)
    } else if behind_filter && trust.is_stranger() {
        // 18. FLAGGED with B's filter on, or verdict UNAVAILABLE; stranger.
        (Rule::StrangerFlagged, Placement::HiddenRequest)
    } else if behind_filter {
        // 19. The same; trusted.
        (Rule::TrustedFlagged, Placement::InboxWithWarning)
    } else if trust.is_stranger() {
        // 20. Stranger.
        (Rule::StrangerRequest, Placement::Request)
    } else {
        // 21. Trusted.
        (Rule::TrustedInbox, Placement::Inbox)
    };
    Decision::Deliver {
        rule,
        placement,
        trust,
        told: trust.told(),
    }
}

/// What the owners said, once all that is needed was had.
struct Consulted {
    sender: Person,
    sender_settings: Settings,
    edges: Edges,
    recipient: Recipient,
}

/// B, as far as A may ever learn.
enum Recipient {
    /// Gone, or blocks A. INVARIANT: one value for both, so that nothing below can tell them apart.
    NotAccepting,
    /// Anybody else.
    Open {
        age_band: AgeBand,
        settings: Settings,
    },
}

impl Consulted {
    /// `None` when an owner could not be consulted or lacks what it should have.
    ///
    /// Settings that could not be consulted are missing whoever B is, and settings that do not
    /// exist are missed in nobody who is gone or blocks A: a block must not show by row 6 either.
    fn from_facts(facts: &Facts) -> Option<Self> {
        let Answer::Known(sender) = facts.sender else {
            return None;
        };
        let Answer::Known(sender_settings) = facts.sender_settings else {
            return None;
        };
        let edges = facts.edges?;
        let reachable = match facts.recipient {
            Answer::Unavailable => return None,
            Answer::Absent => None,
            Answer::Known(person) if person.is_gone() || edges.recipient_blocks => None,
            Answer::Known(person) => Some(person),
        };
        let recipient = match (reachable, facts.recipient_settings) {
            (_, Answer::Unavailable) | (Some(_), Answer::Absent) => return None,
            (None, Answer::Absent | Answer::Known(_)) => Recipient::NotAccepting,
            (Some(person), Answer::Known(settings)) => Recipient::Open {
                age_band: person.age_band,
                settings,
            },
        };
        Some(Self {
            sender,
            sender_settings,
            edges,
            recipient,
        })
    }
}

/// What rows 10 to 21 look at, beside messaging's own facts.
struct Pair {
    sender_age_band: AgeBand,
    recipient_age_band: AgeBand,
    recipient_settings: Settings,
    edges: Edges,
}

impl Pair {
    const fn is_adult_with_minor(&self) -> bool {
        matches!(
            (self.sender_age_band, self.recipient_age_band),
            (AgeBand::From16To17, AgeBand::Adult) | (AgeBand::Adult, AgeBand::From16To17)
        )
    }
}

/// Why A may not send, as far as A's own standing goes; `None` too where it is not known (row 6).
///
/// A sender who is not active, or whom identity does not know, holds a token that should not exist
/// any more. Letting it send would bring a gone account back to life, and the nearest true answer
/// is a restriction without a known end: that of a sanction would not be the end of this.
const fn sender_restriction(sender: &Answer<Person>) -> Option<Refusal> {
    let person = match sender {
        Answer::Unavailable => return None,
        Answer::Absent => return Some(Refusal::SenderRestricted { until_ms: None }),
        Answer::Known(person) => person,
    };
    let until_ms = match (person.lifecycle, person.sanction) {
        (Lifecycle::Active, Sanction::None) => return None,
        (
            Lifecycle::Active,
            Sanction::SendRestricted { until_ms } | Sanction::Suspended { until_ms },
        ) => until_ms,
        (Lifecycle::Active, Sanction::Banned)
        | (
            Lifecycle::Deactivated | Lifecycle::Erasing | Lifecycle::Erased | Lifecycle::Unknown,
            _,
        ) => None,
    };
    Some(Refusal::SenderRestricted { until_ms })
}

/// Two budgets as one: it pays when both do, and is awaited as long as the slower one.
fn both(left: Budget, right: Budget) -> Budget {
    match (left, right) {
        (Budget::Available, other) | (other, Budget::Available) => other,
        (
            Budget::Empty {
                retry_after_ms: left,
            },
            Budget::Empty {
                retry_after_ms: right,
            },
        ) => Budget::Empty {
            retry_after_ms: left.max(right),
        },
    }
}

const fn refuse(rule: Rule, reason: Refusal) -> Decision {
    Decision::Refuse { rule, reason }
}
