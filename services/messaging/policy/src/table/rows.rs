//! The rows of the policy in its own words, each with the changes to the scene that trigger it.
//!
//! For: the printed table, which shows what triggers a row and which rows it goes before.
//!
//! Promises: one entry for every rule, in the order of precedence.
//!
//! Must not: decide anything.

use super::scene::{
    CONSENT, EMPTY, ORDINARY, UNTIL_MS, edges, recipient, recipient_settings, relate, sender,
    sender_settings, stranger,
};
use crate::decision::Rule;
use crate::facts::{
    AgeBand, Answer, Budget, Class, Consent, ContentKind, Facts, Lifecycle, Request, Sanction,
    Verdict, WhoCanMessage,
};

/// One row of the policy.
pub(super) struct Row {
    pub(super) rule: Rule,
    pub(super) when: &'static str,
    pub(super) triggers: &'static [Trigger],
}

/// What a change is called, and the change.
pub(super) type Trigger = (&'static str, fn(&mut Facts));

/// Every row.
pub(super) const ROWS: [Row; Rule::ALL.len()] = [
    Row {
        rule: Rule::AttemptsEmpty,
        when: "A's attempt budget is empty (refusals count: it stops probing)",
        triggers: &[("attempts empty", |f| f.budgets.attempts = EMPTY)],
    },
    Row {
        rule: Rule::SelfMessage,
        when: "A = B",
        triggers: &[("A = B", |f| f.same_person = true)],
    },
    Row {
        rule: Rule::SenderRestricted,
        when: "a live sanction on A (or A is not active)",
        triggers: &[
            ("A send-restricted", |f| {
                sender(f).sanction = Sanction::SendRestricted { until_ms: UNTIL_MS };
            }),
            ("A send-restricted without end", |f| {
                sender(f).sanction = Sanction::SendRestricted { until_ms: None };
            }),
            ("A suspended", |f| {
                sender(f).sanction = Sanction::Suspended { until_ms: UNTIL_MS };
            }),
            ("A banned", |f| sender(f).sanction = Sanction::Banned),
            ("A deactivated", |f| {
                sender(f).lifecycle = Lifecycle::Deactivated
            }),
            ("A erasing", |f| sender(f).lifecycle = Lifecycle::Erasing),
            ("A erased", |f| sender(f).lifecycle = Lifecycle::Erased),
            ("A in an unknown state", |f| {
                sender(f).lifecycle = Lifecycle::Unknown
            }),
            ("A without an account", |f| f.sender = Answer::Absent),
            ("A deactivated and suspended", |f| {
                sender(f).lifecycle = Lifecycle::Deactivated;
                sender(f).sanction = Sanction::Suspended { until_ms: UNTIL_MS };
            }),
        ],
    },
    Row {
        rule: Rule::SenderUnder16,
        when: "A under 16",
        triggers: &[("A under 16", |f| sender(f).age_band = AgeBand::Under16)],
    },
    Row {
        rule: Rule::OwnersUnavailable,
        when: "graph, settings or identity cannot be consulted",
        triggers: &[
            ("no answer about the pair", |f| f.edges = None),
            ("no answer about A", |f| f.sender = Answer::Unavailable),
            ("no answer about B", |f| f.recipient = Answer::Unavailable),
            ("no answer about A's settings", |f| {
                f.sender_settings = Answer::Unavailable
            }),
            ("A without settings", |f| f.sender_settings = Answer::Absent),
            ("no answer about B's settings", |f| {
                f.recipient_settings = Answer::Unavailable
            }),
            ("B active without settings", |f| {
                f.recipient = Answer::Known(ORDINARY);
                edges(f).recipient_blocks = false;
                f.recipient_settings = Answer::Absent;
            }),
            ("B erased, no answer about B's settings", |f| {
                recipient(f).lifecycle = Lifecycle::Erased;
                f.recipient_settings = Answer::Unavailable;
            }),
            ("B blocks A, no answer about B's settings", |f| {
                edges(f).recipient_blocks = true;
                f.recipient_settings = Answer::Unavailable;
            }),
        ],
    },
    Row {
        rule: Rule::SenderBlocks,
        when: "A blocks B",
        triggers: &[("A blocks B", |f| edges(f).sender_blocks = true)],
    },
    Row {
        rule: Rule::SenderMessagesOff,
        when: "who_can_message(A) = NO_ONE",
        triggers: &[("A NO_ONE", |f| {
            sender_settings(f).who_can_message = WhoCanMessage::NoOne;
        })],
    },
    Row {
        rule: Rule::NotAccepting,
        when: "B is gone, or B blocks A",
        triggers: &[
            ("B without an account", |f| f.recipient = Answer::Absent),
            ("B without an account and settings", |f| {
                f.recipient = Answer::Absent;
                f.recipient_settings = Answer::Absent;
            }),
            ("B in an unknown state", |f| {
                recipient(f).lifecycle = Lifecycle::Unknown
            }),
            ("B deactivated", |f| {
                recipient(f).lifecycle = Lifecycle::Deactivated
            }),
            ("B erasing", |f| recipient(f).lifecycle = Lifecycle::Erasing),
            ("B erased", |f| recipient(f).lifecycle = Lifecycle::Erased),
            ("B suspended", |f| {
                recipient(f).sanction = Sanction::Suspended { until_ms: UNTIL_MS };
            }),
            ("B banned", |f| recipient(f).sanction = Sanction::Banned),
            ("B blocks A", |f| edges(f).recipient_blocks = true),
            ("B blocks A, B without settings", |f| {
                edges(f).recipient_blocks = true;
                f.recipient_settings = Answer::Absent;
            }),
        ],
    },
    Row {
        rule: Rule::RecipientMessagesOff,
        when: "B under 16, or who_can_message(B) = NO_ONE",
        triggers: &[
            ("B under 16", |f| recipient(f).age_band = AgeBand::Under16),
            ("B NO_ONE", |f| {
                recipient_settings(f).who_can_message = WhoCanMessage::NoOne;
            }),
        ],
    },
    Row {
        rule: Rule::MutualFollowRequired,
        when: "not friends, and: B FRIENDS without a consent that counts, \
               or one of the two is 16_17 and the other ADULT",
        triggers: &[
            ("B FRIENDS, stranger", |f| {
                recipient_settings(stranger(f)).who_can_message = WhoCanMessage::Friends;
            }),
            ("B FRIENDS, A→B", |f| {
                recipient_settings(relate(f, true, false, Consent::None)).who_can_message =
                    WhoCanMessage::Friends;
            }),
            ("B FRIENDS, B→A", |f| {
                recipient_settings(relate(f, false, true, Consent::None)).who_can_message =
                    WhoCanMessage::Friends;
            }),
            ("A 16_17, B ADULT, stranger", |f| {
                sender(stranger(f)).age_band = AgeBand::From16To17;
            }),
            ("A ADULT, B 16_17, stranger", |f| {
                recipient(stranger(f)).age_band = AgeBand::From16To17;
            }),
            ("A ADULT, B 16_17, B→A and consent", |f| {
                recipient(relate(f, false, true, CONSENT)).age_band = AgeBand::From16To17;
            }),
        ],
    },
    Row {
        rule: Rule::AwaitingAcceptance,
        when: "stranger: declined and cooling down, or 3 messages already sent to this request",
        triggers: &[
            ("declined, cooling down", |f| {
                stranger(f).request = Request::Declined { cooling_down: true };
            }),
            ("3 messages sent", |f| {
                stranger(f).request = Request::Pending { sent: 3 }
            }),
            ("requests of 0 messages", |f| {
                stranger(f).request_messages_max = 0
            }),
        ],
    },
    Row {
        rule: Rule::ContentRejected,
        when: "content REJECTED",
        triggers: &[
            ("rejected as spam", |f| {
                f.verdict = Verdict::Rejected(Class::Spam)
            }),
            ("rejected as offensive", |f| {
                f.verdict = Verdict::Rejected(Class::Offensive)
            }),
            ("rejected as keyword", |f| {
                f.verdict = Verdict::Rejected(Class::Keyword)
            }),
            ("rejected as link", |f| {
                f.verdict = Verdict::Rejected(Class::Link)
            }),
        ],
    },
    Row {
        rule: Rule::RequestTextOnly,
        when: "stranger, content other than text",
        triggers: &[
            ("video", |f| stranger(f).content = ContentKind::Video),
            ("link", |f| stranger(f).content = ContentKind::Link),
        ],
    },
    Row {
        rule: Rule::StrangerBudgetEmpty,
        when: "stranger: A's budget for new people or B's inbound budget is empty",
        triggers: &[
            ("new people empty", |f| {
                stranger(f).budgets.new_strangers = EMPTY
            }),
            ("inbound empty", |f| {
                stranger(f).budgets.inbound_strangers = EMPTY
            }),
            ("both empty, inbound for longer", |f| {
                stranger(f).budgets.new_strangers = EMPTY;
                f.budgets.inbound_strangers = Budget::Empty {
                    retry_after_ms: 2_000,
                };
            }),
        ],
    },
    Row {
        rule: Rule::PairBudgetEmpty,
        when: "pair budget is empty",
        triggers: &[("pair empty", |f| f.budgets.pair = EMPTY)],
    },
    Row {
        rule: Rule::RecipientRestricts,
        when: "B restricts A",
        triggers: &[
            ("restricted stranger", |f| {
                edges(stranger(f)).recipient_restricts = true
            }),
            ("restricted friend", |f| {
                edges(relate(f, true, true, Consent::None)).recipient_restricts = true;
            }),
        ],
    },
    Row {
        rule: Rule::StrangerFlagged,
        when: "FLAGGED with B's filter on, or verdict UNAVAILABLE; stranger",
        triggers: &[
            ("flagged, stranger", |f| {
                stranger(f).verdict = Verdict::Flagged(Class::Spam)
            }),
            ("no verdict, stranger", |f| {
                stranger(f).verdict = Verdict::Unavailable
            }),
        ],
    },
    Row {
        rule: Rule::TrustedFlagged,
        when: "the same; trusted",
        triggers: &[
            ("flagged, B→A", |f| {
                relate(f, false, true, Consent::None).verdict = Verdict::Flagged(Class::Spam);
            }),
            ("no verdict, B→A", |f| {
                relate(f, false, true, Consent::None).verdict = Verdict::Unavailable;
            }),
        ],
    },
    Row {
        rule: Rule::StrangerRequest,
        when: "stranger",
        triggers: &[
            ("first message", |f| stranger(f).request = Request::None),
            ("2 messages sent", |f| {
                stranger(f).request = Request::Pending { sent: 2 }
            }),
            ("accepted, consent gone", |f| {
                stranger(f).request = Request::Accepted
            }),
            ("declined, cooled down", |f| {
                stranger(f).request = Request::Declined {
                    cooling_down: false,
                };
            }),
        ],
    },
    Row {
        rule: Rule::TrustedInbox,
        when: "trusted",
        triggers: &[
            ("friends", |f| _ = relate(f, true, true, Consent::None)),
            ("B→A", |f| _ = relate(f, false, true, Consent::None)),
            ("consent", |f| _ = relate(f, false, false, CONSENT)),
        ],
    },
];
