//! What a decision is: delivered somewhere, refused for a reason, or not decidable now.
//!
//! For: callers map these values to the contract and to decision records.
//!
//! Promises: every decision names the row of the policy that made it, and a refusal holds exactly
//! what the sender is told.
//!
//! Must not: carry a fact that the sender may not learn inside a [`Refusal`].

use crate::facts::Class;

/// What becomes of one send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The message is stored.
    Deliver {
        /// The row that decided.
        rule: Rule,
        /// Where B finds it.
        placement: Placement,
        /// Why B hears from A at all.
        trust: Trust,
        /// What A is told, which may be less than what happens.
        told: Told,
    },
    /// The message is not stored.
    Refuse {
        /// The row that decided.
        rule: Rule,
        /// What A is told.
        reason: Refusal,
    },
    /// Row 6: an owner could not be consulted. A may retry; nothing was decided about B.
    Unavailable,
}

impl Decision {
    /// The row that decided.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        match *self {
            Self::Deliver { rule, .. } | Self::Refuse { rule, .. } => rule,
            Self::Unavailable => Rule::OwnersUnavailable,
        }
    }
}

/// Where B finds a delivered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// In the inbox, notified as B's settings say.
    Inbox,
    /// In the inbox, the content behind a tap.
    InboxWithWarning,
    /// Among the requests.
    Request,
    /// In the hidden tier of the requests, without a push.
    HiddenRequest,
}

impl Placement {
    /// Those of content that a filter of B's found something in: it stays behind a tap wherever the
    /// conversation goes later.
    pub const WARNED: [Self; 2] = [Self::InboxWithWarning, Self::HiddenRequest];
}

/// What A is told about a delivered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// "Sent".
    Inbox,
    /// "Sent as a request".
    Request,
}

/// Why B hears from A. The first that holds, from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Both follow each other.
    Friends,
    /// B follows A.
    RecipientFollows,
    /// B agreed to hear from A, and that consent counts.
    Consent,
    /// None of these.
    Stranger,
}

impl Trust {
    /// Whether this is nobody B chose to hear from.
    #[must_use]
    pub const fn is_stranger(&self) -> bool {
        matches!(self, Self::Stranger)
    }

    /// What A is told when the message is delivered. It follows from the relation alone, so that
    /// neither a restriction nor a filter shows.
    #[must_use]
    pub const fn told(&self) -> Told {
        match self {
            Self::Friends | Self::RecipientFollows | Self::Consent => Told::Inbox,
            Self::Stranger => Told::Request,
        }
    }
}

/// Why a message was refused, and all that A is told about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Too much at once; of what, is not said.
    RateLimited {
        /// In how many milliseconds a retry makes sense.
        retry_after_ms: u64,
    },
    /// Nobody writes to themselves.
    SelfMessage,
    /// A may not send.
    SenderRestricted {
        /// When that ends, in Unix milliseconds; `None` when it has no known end.
        until_ms: Option<i64>,
    },
    /// A is too young to send.
    SenderAgeRestricted,
    /// A blocks B.
    YouBlockedRecipient,
    /// A set messages to NO_ONE.
    YourMessagesAreOff,
    /// B is gone, or looks gone to A.
    NotAccepting,
    /// B takes messages from no one.
    RecipientMessagesAreOff,
    /// Only friends may write here.
    MutualFollowRequired,
    /// A has to wait until B accepts.
    AwaitingAcceptance,
    /// Nobody may send this content.
    ContentRejected {
        /// What was found in it.
        class: Class,
    },
    /// A stranger may send text only.
    RequestTextOnly,
}

impl Refusal {
    /// The reason as the policy spells it, e.g. `NOT_ACCEPTING`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::SelfMessage => "SELF_MESSAGE",
            Self::SenderRestricted { .. } => "SENDER_RESTRICTED",
            Self::SenderAgeRestricted => "SENDER_AGE_RESTRICTED",
            Self::YouBlockedRecipient => "YOU_BLOCKED_RECIPIENT",
            Self::YourMessagesAreOff => "YOUR_MESSAGES_ARE_OFF",
            Self::NotAccepting => "NOT_ACCEPTING",
            Self::RecipientMessagesAreOff => "RECIPIENT_MESSAGES_ARE_OFF",
            Self::MutualFollowRequired => "MUTUAL_FOLLOW_REQUIRED",
            Self::AwaitingAcceptance => "AWAITING_ACCEPTANCE",
            Self::ContentRejected { .. } => "CONTENT_REJECTED",
            Self::RequestTextOnly => "REQUEST_TEXT_ONLY",
        }
    }
}

/// The row of the policy that decided. For decision records; A sees the [`Refusal`] only.
///
/// Row 9 is one variant whatever its cause: the disguise holds in records too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// Row 2.
    AttemptsEmpty,
    /// Row 3.
    SelfMessage,
    /// Row 4.
    SenderRestricted,
    /// Row 5.
    SenderUnder16,
    /// Row 6.
    OwnersUnavailable,
    /// Row 7.
    SenderBlocks,
    /// Row 8.
    SenderMessagesOff,
    /// Row 9.
    NotAccepting,
    /// Row 10.
    RecipientMessagesOff,
    /// Row 11.
    MutualFollowRequired,
    /// Row 12.
    AwaitingAcceptance,
    /// Row 13.
    ContentRejected,
    /// Row 14.
    RequestTextOnly,
    /// Row 15.
    StrangerBudgetEmpty,
    /// Row 16.
    PairBudgetEmpty,
    /// Row 17.
    RecipientRestricts,
    /// Row 18.
    StrangerFlagged,
    /// Row 19.
    TrustedFlagged,
    /// Row 20.
    StrangerRequest,
    /// Row 21.
    TrustedInbox,
}

impl Rule {
    /// Every rule, in the order of precedence.
    pub const ALL: [Self; 20] = [
        Self::AttemptsEmpty,
        Self::SelfMessage,
        Self::SenderRestricted,
        Self::SenderUnder16,
        Self::OwnersUnavailable,
        Self::SenderBlocks,
        Self::SenderMessagesOff,
        Self::NotAccepting,
        Self::RecipientMessagesOff,
        Self::MutualFollowRequired,
        Self::AwaitingAcceptance,
        Self::ContentRejected,
        Self::RequestTextOnly,
        Self::StrangerBudgetEmpty,
        Self::PairBudgetEmpty,
        Self::RecipientRestricts,
        Self::StrangerFlagged,
        Self::TrustedFlagged,
        Self::StrangerRequest,
        Self::TrustedInbox,
    ];

    /// The number of the row in the policy's order of precedence, 2 to 21.
    #[must_use]
    pub const fn row(&self) -> u8 {
        self.row_and_name().0
    }

    /// A name for decision records. It is stored: never change one.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.row_and_name().1
    }

    const fn row_and_name(self) -> (u8, &'static str) {
        match self {
            Self::AttemptsEmpty => (2, "attempts_empty"),
            Self::SelfMessage => (3, "self_message"),
            Self::SenderRestricted => (4, "sender_restricted"),
            Self::SenderUnder16 => (5, "sender_under_16"),
            Self::OwnersUnavailable => (6, "owners_unavailable"),
            Self::SenderBlocks => (7, "sender_blocks"),
            Self::SenderMessagesOff => (8, "sender_messages_off"),
            Self::NotAccepting => (9, "not_accepting"),
            Self::RecipientMessagesOff => (10, "recipient_messages_off"),
            Self::MutualFollowRequired => (11, "mutual_follow_required"),
            Self::AwaitingAcceptance => (12, "awaiting_acceptance"),
            Self::ContentRejected => (13, "content_rejected"),
            Self::RequestTextOnly => (14, "request_text_only"),
            Self::StrangerBudgetEmpty => (15, "stranger_budget_empty"),
            Self::PairBudgetEmpty => (16, "pair_budget_empty"),
            Self::RecipientRestricts => (17, "recipient_restricts"),
            Self::StrangerFlagged => (18, "stranger_flagged"),
            Self::TrustedFlagged => (19, "trusted_flagged"),
            Self::StrangerRequest => (20, "stranger_request"),
            Self::TrustedInbox => (21, "trusted_inbox"),
        }
    }
}
