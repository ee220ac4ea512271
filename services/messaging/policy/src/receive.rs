//! What B's own choices do to messages from somebody.
//!
//! For: telling B where messages from a person would go and why, and what another choice of
//! `who_can_message` would close.
//!
//! Promises: it is [`decide`] that says so, about a sender of whom nothing is known but what B did
//! and sees: active, of an age that may write to B, without sanctions, with messages on, not
//! blocking B. So it cannot say anything else than a send, and tells nothing that the sender chose.
//!
//! Must not: take a fact about the sender, or judge a message by rules of its own.

use crate::decide::decide;
use crate::decision::{Decision, Placement, Rule, Trust};
use crate::facts::{
    AgeBand, Answer, Budgets, Class, Consent, ContentKind, Edges, Facts, Filters, Lifecycle,
    Person, Request, Sanction, Settings, Verdict, WhoCanMessage,
};

/// What B knows that decides about messages from a person: B is the recipient, the person the
/// sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receiving {
    /// B's age band.
    pub age_band: AgeBand,
    /// B's settings as B chose them; they count as far as B's age allows.
    pub settings: Settings,
    /// What lies between the two. Whether the sender blocks B is not looked at.
    pub edges: Edges,
    /// Consent(B→sender).
    pub consent: Consent,
    /// Request(sender→B).
    pub request: Request,
    /// How many messages one request may hold before it is accepted.
    pub request_messages_max: u32,
}

/// What becomes of a plain message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Received {
    /// Where it goes.
    pub reception: Reception,
    /// Why.
    pub cause: Cause,
    /// Whether one of B's filters looks at what the person writes.
    pub filtered: bool,
}

/// Where a plain message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reception {
    /// Into the inbox.
    Inbox,
    /// Among the requests.
    Request,
    /// Nowhere.
    Refused,
}

/// Why a plain message goes where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The two follow each other.
    Friends,
    /// B follows the person, which is enough under EVERYONE.
    YouFollow,
    /// B agreed to hear from them, and that counts.
    Consent,
    /// B is open to strangers.
    Stranger,
    /// B blocks them.
    YouBlock,
    /// B takes messages from no one.
    YourMessagesAreOff,
    /// B takes messages from friends only.
    FriendsOnly,
    /// B is under 16.
    Age,
    /// B declined their request not long ago.
    YouDeclined,
    /// Their request is full.
    RequestFull,
}

impl Settings {
    /// These settings after their owner chose `who_can_message`. The service that owns them does
    /// the same: a choice of what stands changes nothing, and leaving EVERYONE lapses what was
    /// agreed before.
    #[must_use]
    pub fn choosing(self, who_can_message: WhoCanMessage) -> Self {
        if who_can_message == self.who_can_message {
            return self;
        }
        let version = self.version.saturating_add(1);
        Self {
            who_can_message,
            version,
            left_everyone_version: match self.who_can_message {
                WhoCanMessage::Everyone => version,
                WhoCanMessage::Friends | WhoCanMessage::NoOne => self.left_everyone_version,
            },
            filters: self.filters,
        }
    }
}

/// What becomes of a plain message; `None` when that does not follow from what B knows, which these
/// facts leave no row for.
#[must_use]
pub fn receive(receiving: &Receiving) -> Option<Received> {
    let plain = facts(receiving);
    let (reception, cause) = match decide(&plain) {
        Decision::Deliver {
            placement, trust, ..
        } => (reception(placement), trusted(trust, receiving)),
        Decision::Refuse { rule, .. } => (Reception::Refused, refused(rule, receiving)?),
        Decision::Unavailable => return None,
    };
    Some(Received {
        reception,
        cause,
        filtered: filtered(&plain),
    })
}

/// Whether a plain message gets in now and would not after B chose `who_can_message`.
#[must_use]
pub fn closes(receiving: &Receiving, who_can_message: WhoCanMessage) -> bool {
    let after = Receiving {
        settings: receiving.settings.choosing(who_can_message),
        ..*receiving
    };
    gets_in(receiving) && !gets_in(&after)
}

fn gets_in(receiving: &Receiving) -> bool {
    matches!(decide(&facts(receiving)), Decision::Deliver { .. })
}

/// A plain text from somebody of whom B knows nothing else.
fn facts(receiving: &Receiving) -> Facts {
    let sender_band = match receiving.age_band {
        AgeBand::From16To17 => AgeBand::From16To17,
        AgeBand::Under16 | AgeBand::Adult => AgeBand::Adult,
    };
    Facts {
        same_person: false,
        sender: Answer::Known(active(sender_band)),
        recipient: Answer::Known(active(receiving.age_band)),
        sender_settings: Answer::Known(Settings {
            who_can_message: WhoCanMessage::Everyone,
            version: 0,
            left_everyone_version: 0,
            filters: Filters {
                spam: false,
                offensive: false,
                keywords: false,
            },
        }),
        recipient_settings: Answer::Known(receiving.settings.at_age(receiving.age_band)),
        edges: Some(Edges {
            sender_blocks: false,
            ..receiving.edges
        }),
        consent: receiving.consent,
        request: receiving.request,
        request_messages_max: receiving.request_messages_max,
        content: ContentKind::Text,
        verdict: Verdict::Clean,
        budgets: Budgets::NEUTRAL,
    }
}

const fn active(age_band: AgeBand) -> Person {
    Person {
        lifecycle: Lifecycle::Active,
        sanction: Sanction::None,
        age_band,
    }
}

const fn reception(placement: Placement) -> Reception {
    match placement {
        Placement::Inbox | Placement::InboxWithWarning => Reception::Inbox,
        Placement::Request | Placement::HiddenRequest => Reception::Request,
    }
}

/// Why a message gets in. B's own follow is no reason under FRIENDS: there it was the consent.
const fn trusted(trust: Trust, receiving: &Receiving) -> Cause {
    let settings = receiving.settings.at_age(receiving.age_band);
    match (trust, settings.who_can_message) {
        (Trust::Friends, _) => Cause::Friends,
        (Trust::RecipientFollows, WhoCanMessage::Everyone) => Cause::YouFollow,
        (Trust::RecipientFollows, WhoCanMessage::Friends | WhoCanMessage::NoOne)
        | (Trust::Consent, _) => Cause::Consent,
        (Trust::Stranger, _) => Cause::Stranger,
    }
}

fn refused(rule: Rule, receiving: &Receiving) -> Option<Cause> {
    match rule {
        Rule::NotAccepting => Some(Cause::YouBlock),
        Rule::RecipientMessagesOff if receiving.age_band == AgeBand::Under16 => Some(Cause::Age),
        Rule::RecipientMessagesOff => Some(Cause::YourMessagesAreOff),
        Rule::MutualFollowRequired => Some(Cause::FriendsOnly),
        Rule::AwaitingAcceptance => match receiving.request {
            Request::Declined { cooling_down: true } => Some(Cause::YouDeclined),
            Request::None
            | Request::Pending { .. }
            | Request::Accepted
            | Request::Declined {
                cooling_down: false,
            } => Some(Cause::RequestFull),
        },
        _ => None,
    }
}

/// Whether something that a filter can find would put the message elsewhere.
fn filtered(plain: &Facts) -> bool {
    let unfiltered = decide(plain);
    let classes = [Class::Spam, Class::Offensive, Class::Keyword, Class::Link];
    classes.into_iter().any(|class| {
        let flagged = Facts {
            verdict: Verdict::Flagged(class),
            ..*plain
        };
        decide(&flagged) != unfiltered
    })
}
