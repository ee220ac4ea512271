//! A second implementation of the policy, written from its text.
//!
//! For: disagreeing with `decide` where either is wrong.
//!
//! Promises: another way to the same end: facts are first flattened, the relation is looked up in
//! the printed matrix, and a list of numbered conditions is scanned for the first that holds.
//!
//! Must not: call `decide`, or the judgements of the crate (gone, counts, covers, told).

use postern_policy::{
    AgeBand, Answer, Budget, Class, Consent, ContentKind, Decision, Edges, Facts, Filters,
    Lifecycle, Person, Placement, Refusal, Request, Rule, Sanction, Settings, Told, Trust, Verdict,
    WhoCanMessage,
};

use crate::matrix;

/// What the policy makes of these facts.
pub fn oracle(facts: &Facts) -> Decision {
    let flat = Flat::of(facts);
    let (row, _) = CONDITIONS.iter().find(|(_, holds)| holds(&flat)).unwrap();
    outcome(*row, &flat)
}

/// The number of a row and when it applies.
type Condition = (u8, fn(&Flat) -> bool);

const CONDITIONS: [Condition; 20] = [
    (2, |x| x.facts.budgets.attempts != Budget::Available),
    (3, |x| x.facts.same_person),
    (4, |x| x.a_restricted),
    (5, |x| x.a_age == Some(AgeBand::Under16)),
    (6, |x| x.not_consulted),
    (7, |x| x.edges.is_some_and(|e| e.sender_blocks)),
    (8, |x| x.a_messages_off),
    (9, |x| x.b_not_accepting),
    (10, |x| {
        x.b_age == Some(AgeBand::Under16) || x.cell.contains("MESSAGES_ARE_OFF")
    }),
    (11, |x| {
        x.cell.contains("MUTUAL_FOLLOW") || x.minor_with_adult && x.trust != Trust::Friends
    }),
    (12, |x| x.stranger() && x.must_wait),
    (13, |x| x.rejected.is_some()),
    (14, |x| x.stranger() && x.facts.content != ContentKind::Text),
    (15, |x| x.stranger() && x.strangers_retry_ms().is_some()),
    (16, |x| x.facts.budgets.pair != Budget::Available),
    (17, |x| x.edges.is_some_and(|e| e.recipient_restricts)),
    (18, |x| x.suspicious && x.stranger()),
    (19, |x| x.suspicious && !x.stranger()),
    (20, |x| x.cell == "request"),
    (21, |x| x.cell == "inbox"),
];

fn outcome(row: u8, flat: &Flat) -> Decision {
    let rule = *Rule::ALL.iter().find(|rule| rule.row() == row).unwrap();
    let budgets = &flat.facts.budgets;
    let rate_limited = |ms: Option<u64>| Refusal::RateLimited {
        retry_after_ms: ms.unwrap(),
    };
    let reason = match row {
        2 => rate_limited(retry_ms(budgets.attempts)),
        3 => Refusal::SelfMessage,
        4 => Refusal::SenderRestricted {
            until_ms: flat.a_restricted_until_ms,
        },
        5 => Refusal::SenderAgeRestricted,
        6 => return Decision::Unavailable,
        7 => Refusal::YouBlockedRecipient,
        8 => Refusal::YourMessagesAreOff,
        9 => Refusal::NotAccepting,
        10 => Refusal::RecipientMessagesAreOff,
        11 => Refusal::MutualFollowRequired,
        12 => Refusal::AwaitingAcceptance,
        13 => Refusal::ContentRejected {
            class: flat.rejected.unwrap(),
        },
        14 => Refusal::RequestTextOnly,
        15 => rate_limited(flat.strangers_retry_ms()),
        16 => rate_limited(retry_ms(budgets.pair)),
        _ => {
            return Decision::Deliver {
                rule,
                placement: match row {
                    17 | 18 => Placement::HiddenRequest,
                    19 => Placement::InboxWithWarning,
                    20 => Placement::Request,
                    _ => Placement::Inbox,
                },
                trust: flat.trust,
                told: if flat.stranger() {
                    Told::Request
                } else {
                    Told::Inbox
                },
            };
        }
    };
    Decision::Refuse { rule, reason }
}

/// The facts as plain values; what is missing is `None`, `false` or an empty cell.
struct Flat<'a> {
    facts: &'a Facts,
    edges: Option<Edges>,
    a_restricted: bool,
    a_restricted_until_ms: Option<i64>,
    a_age: Option<AgeBand>,
    a_messages_off: bool,
    b_age: Option<AgeBand>,
    b_not_accepting: bool,
    not_consulted: bool,
    minor_with_adult: bool,
    cell: &'static str,
    trust: Trust,
    must_wait: bool,
    rejected: Option<Class>,
    suspicious: bool,
}

impl<'a> Flat<'a> {
    fn of(facts: &'a Facts) -> Self {
        let a = known(&facts.sender);
        let b = known(&facts.recipient);
        let b_settings = known(&facts.recipient_settings);
        let a_gone = a.is_some_and(|p| p.lifecycle != Lifecycle::Active);
        let a_sanctioned = a.is_some_and(|p| p.sanction != Sanction::None);
        let b_not_accepting = facts.recipient == Answer::Absent
            || b.is_some_and(gone)
            || facts.edges.is_some_and(|e| e.recipient_blocks);
        let ages = (a.map(|p| p.age_band), b.map(|p| p.age_band));
        let (cell, trust) = relation(facts, b_settings);
        Self {
            facts,
            edges: facts.edges,
            a_restricted: facts.sender == Answer::Absent || a_gone || a_sanctioned,
            a_restricted_until_ms: if a_gone {
                None
            } else {
                a.and_then(sanction_end)
            },
            a_age: ages.0,
            a_messages_off: known(&facts.sender_settings)
                .is_some_and(|s| s.who_can_message == WhoCanMessage::NoOne),
            b_age: ages.1,
            b_not_accepting,
            not_consulted: facts.edges.is_none()
                || facts.sender == Answer::Unavailable
                || facts.recipient == Answer::Unavailable
                || known(&facts.sender_settings).is_none()
                || facts.recipient_settings == Answer::Unavailable
                || b_settings.is_none() && !b_not_accepting,
            minor_with_adult: ages == (Some(AgeBand::Adult), Some(AgeBand::From16To17))
                || ages == (Some(AgeBand::From16To17), Some(AgeBand::Adult)),
            cell,
            trust,
            must_wait: facts.request == (Request::Declined { cooling_down: true })
                || messages_sent(facts.request) >= facts.request_messages_max,
            rejected: match facts.verdict {
                Verdict::Rejected(class) => Some(class),
                _ => None,
            },
            suspicious: match facts.verdict {
                Verdict::Flagged(class) => b_settings.is_some_and(|s| filtered(s.filters, class)),
                other => other == Verdict::Unavailable,
            },
        }
    }

    fn stranger(&self) -> bool {
        self.trust == Trust::Stranger
    }

    fn strangers_retry_ms(&self) -> Option<u64> {
        let budgets = &self.facts.budgets;
        retry_ms(budgets.new_strangers).max(retry_ms(budgets.inbound_strangers))
    }
}

/// The cell of the matrix: the better one of the columns that apply, and why.
fn relation(facts: &Facts, settings: Option<Settings>) -> (&'static str, Trust) {
    let (Some(edges), Some(settings)) = (facts.edges, settings) else {
        return ("", Trust::Stranger);
    };
    let row = match settings.who_can_message {
        WhoCanMessage::Everyone => matrix::row("EVERYONE"),
        WhoCanMessage::Friends => matrix::row("FRIENDS"),
        WhoCanMessage::NoOne => matrix::row("NO_ONE"),
    };
    let (mut cell, mut trust) = match (edges.sender_follows, edges.recipient_follows) {
        (false, false) => (row[0], Trust::Stranger),
        (true, false) => (row[1], Trust::Stranger),
        (false, true) => (row[2], Trust::RecipientFollows),
        (true, true) => (row[3], Trust::Friends),
    };
    if consent_is_valid(facts.consent, edges, settings) {
        if cell != "inbox" {
            cell = row[4];
        }
        if trust == Trust::Stranger {
            trust = Trust::Consent;
        }
    }
    (cell, trust)
}

/// Whether a consent counts, from the words of the policy.
pub fn consent_is_valid(consent: Consent, edges: Edges, settings: Settings) -> bool {
    match consent {
        Consent::Granted {
            epoch,
            settings_version,
        } => {
            let recent = settings_version >= settings.left_everyone_version;
            epoch == edges.recipient_epoch
                && settings.who_can_message != WhoCanMessage::NoOne
                && (recent || settings.who_can_message != WhoCanMessage::Friends)
        }
        Consent::None | Consent::Revoked => false,
    }
}

fn gone(person: Person) -> bool {
    person.lifecycle != Lifecycle::Active
        || person.sanction == Sanction::Banned
        || matches!(person.sanction, Sanction::Suspended { .. })
}

fn sanction_end(person: Person) -> Option<i64> {
    match person.sanction {
        Sanction::SendRestricted { until_ms } | Sanction::Suspended { until_ms } => until_ms,
        Sanction::None | Sanction::Banned => None,
    }
}

fn messages_sent(request: Request) -> u32 {
    if let Request::Pending { sent } = request {
        sent
    } else {
        0
    }
}

fn filtered(filters: Filters, class: Class) -> bool {
    filters.spam && (class == Class::Spam || class == Class::Link)
        || filters.offensive && class == Class::Offensive
        || filters.keywords && class == Class::Keyword
}

fn retry_ms(budget: Budget) -> Option<u64> {
    match budget {
        Budget::Available => None,
        Budget::Empty { retry_after_ms } => Some(retry_after_ms),
    }
}

/// What an owner said, where one did.
pub fn known<T: Copy>(answer: &Answer<T>) -> Option<T> {
    match answer {
        Answer::Known(value) => Some(*value),
        Answer::Unavailable | Answer::Absent => None,
    }
}
