//! The facts of a decision as they are kept in the record of a refusal, and shown to moderators.
//!
//! One fact a line, `name = value`, in this order; later releases add names and change none. The
//! facts of a person are `sender.…` and `recipient.…`, of settings `sender_settings.…` and
//! `recipient_settings.…`. An owner who could not be asked, or knew nobody, stands as
//! `sender = unavailable` or `sender = absent` in place of all lines of that part. What does not
//! apply has no line.
//!
//! ```text
//! same_person                          true, false
//! sender.lifecycle                     active, deactivated, erasing, erased, unknown
//! sender.sanction                      none, send_restricted, suspended, banned
//! sender.sanction_until_ms             Unix milliseconds, where the sanction ends
//! sender.age_band                      under_16, 16_to_17, adult
//! sender_settings.who_can_message      everyone, friends, no_one; as it counts at that age
//! sender_settings.version              a number
//! sender_settings.left_everyone_version  a number
//! sender_settings.filters              those that are on: spam, offensive, keywords; or none
//! edges.sender_follows                 true, false; so are the other four
//! edges.recipient_epoch                a number
//! consent                              none, granted, revoked
//! consent.epoch, consent.settings_version  numbers, of one that was granted
//! request                              none, pending, accepted, declined
//! request.sent                         messages in one that is pending
//! request.cooling_down                 true, false; of one that was declined
//! request_messages_max                 a number
//! content                              text, video, link
//! verdict                              clean, unavailable, flagged, rejected
//! verdict.class                        spam, offensive, keyword, link
//! budgets.attempts                     available, empty; so are the other three
//! budgets.attempts.retry_after_ms      of one that is empty
//! ```
//!
//! Must not: hold any text of a message.

use std::fmt::{Display, Write as _};

use postern_policy::{
    AgeBand, Answer, Budget, Class, Consent, ContentKind, Edges, Facts, Filters, Lifecycle, Person,
    Request, Rule, Sanction, Settings, Told, Verdict, WhoCanMessage,
};
use postern_shared::{clock::Timestamp, id::UserId};

use super::Versions;

/// How one message was decided, as it is on record.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Who wrote.
    pub sender: UserId,
    /// To whom; none when nobody went by the handle.
    pub recipient: Option<UserId>,
    /// When it was decided.
    pub at: Timestamp,
    /// The row of the policy that decided.
    pub rule: Rule,
    /// The sender's policy versions, where all were known.
    pub sender_versions: Option<Versions>,
    /// The recipient's, likewise.
    pub recipient_versions: Option<Versions>,
    /// What came of it.
    pub decided: Decided,
}

/// What came of a decision.
#[derive(Debug, Clone)]
pub enum Decided {
    /// The message was not stored.
    Refused {
        /// The name of what the sender was told.
        reason: String,
        /// The facts, one a line.
        facts: String,
    },
    /// It was.
    Delivered {
        /// Where the sender was told that it went.
        told: Told,
        /// The name of where it went.
        placement: String,
    },
}

/// The lines of a decision's facts.
#[must_use]
pub fn facts_as_lines(facts: &Facts) -> String {
    let mut lines = Lines::default();
    lines.add("same_person", facts.same_person);
    lines.person("sender", facts.sender);
    lines.person("recipient", facts.recipient);
    lines.settings("sender_settings", facts.sender_settings);
    lines.settings("recipient_settings", facts.recipient_settings);
    match &facts.edges {
        Some(edges) => lines.edges(edges),
        None => lines.add("edges", "unavailable"),
    }
    lines.consent(facts.consent);
    lines.request(facts.request);
    lines.add("request_messages_max", facts.request_messages_max);
    lines.add(
        "content",
        match facts.content {
            ContentKind::Text => "text",
            ContentKind::Video => "video",
            ContentKind::Link => "link",
        },
    );
    lines.verdict(facts.verdict);
    lines.budget("attempts", facts.budgets.attempts);
    lines.budget("new_strangers", facts.budgets.new_strangers);
    lines.budget("inbound_strangers", facts.budgets.inbound_strangers);
    lines.budget("pair", facts.budgets.pair);
    lines.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: impl Display) {
        let end = if self.0.is_empty() { "" } else { "\n" };
        // Writing to a `String` cannot fail.
        let _ = write!(self.0, "{end}{name} = {value}");
    }

    /// The value that is known, or a line that tells why there is none.
    fn known<T>(&mut self, of: &str, answer: Answer<T>) -> Option<T> {
        match answer {
            Answer::Known(value) => return Some(value),
            Answer::Absent => self.add(of, "absent"),
            Answer::Unavailable => self.add(of, "unavailable"),
        }
        None
    }

    fn person(&mut self, of: &str, person: Answer<Person>) {
        let Some(person) = self.known(of, person) else {
            return;
        };
        let lifecycle = match person.lifecycle {
            Lifecycle::Active => "active",
            Lifecycle::Deactivated => "deactivated",
            Lifecycle::Erasing => "erasing",
            Lifecycle::Erased => "erased",
            Lifecycle::Unknown => "unknown",
        };
        self.add(&format!("{of}.lifecycle"), lifecycle);
        let (sanction, until_ms) = match person.sanction {
            Sanction::None => ("none", None),
            Sanction::SendRestricted { until_ms } => ("send_restricted", until_ms),
            Sanction::Suspended { until_ms } => ("suspended", until_ms),
            Sanction::Banned => ("banned", None),
        };
        self.add(&format!("{of}.sanction"), sanction);
        if let Some(until_ms) = until_ms {
            self.add(&format!("{of}.sanction_until_ms"), until_ms);
        }
        let age_band = match person.age_band {
            AgeBand::Under16 => "under_16",
            AgeBand::From16To17 => "16_to_17",
            AgeBand::Adult => "adult",
        };
        self.add(&format!("{of}.age_band"), age_band);
    }

    fn settings(&mut self, of: &str, settings: Answer<Settings>) {
        let Some(settings) = self.known(of, settings) else {
            return;
        };
        let who = match settings.who_can_message {
            WhoCanMessage::Everyone => "everyone",
            WhoCanMessage::Friends => "friends",
            WhoCanMessage::NoOne => "no_one",
        };
        self.add(&format!("{of}.who_can_message"), who);
        self.add(&format!("{of}.version"), settings.version);
        let left = settings.left_everyone_version;
        self.add(&format!("{of}.left_everyone_version"), left);
        self.add(&format!("{of}.filters"), filters(settings.filters));
    }

    fn edges(&mut self, edges: &Edges) {
        self.add("edges.sender_follows", edges.sender_follows);
        self.add("edges.recipient_follows", edges.recipient_follows);
        self.add("edges.sender_blocks", edges.sender_blocks);
        self.add("edges.recipient_blocks", edges.recipient_blocks);
        self.add("edges.recipient_restricts", edges.recipient_restricts);
        self.add("edges.recipient_epoch", edges.recipient_epoch);
    }

    fn consent(&mut self, consent: Consent) {
        match consent {
            Consent::None => self.add("consent", "none"),
            Consent::Revoked => self.add("consent", "revoked"),
            Consent::Granted {
                epoch,
                settings_version,
            } => {
                self.add("consent", "granted");
                self.add("consent.epoch", epoch);
                self.add("consent.settings_version", settings_version);
            }
        }
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::None => self.add("request", "none"),
            Request::Accepted => self.add("request", "accepted"),
            Request::Pending { sent } => {
                self.add("request", "pending");
                self.add("request.sent", sent);
            }
            Request::Declined { cooling_down } => {
                self.add("request", "declined");
                self.add("request.cooling_down", cooling_down);
            }
        }
    }

    fn verdict(&mut self, verdict: Verdict) {
        let (verdict, class) = match verdict {
            Verdict::Clean => ("clean", None),
            Verdict::Unavailable => ("unavailable", None),
            Verdict::Flagged(class) => ("flagged", Some(class)),
            Verdict::Rejected(class) => ("rejected", Some(class)),
        };
        self.add("verdict", verdict);
        let class = class.map(|class| match class {
            Class::Spam => "spam",
            Class::Offensive => "offensive",
            Class::Keyword => "keyword",
            Class::Link => "link",
        });
        if let Some(class) = class {
            self.add("verdict.class", class);
        }
    }

    fn budget(&mut self, name: &str, budget: Budget) {
        match budget {
            Budget::Available => self.add(&format!("budgets.{name}"), "available"),
            Budget::Empty { retry_after_ms } => {
                self.add(&format!("budgets.{name}"), "empty");
                self.add(&format!("budgets.{name}.retry_after_ms"), retry_after_ms);
            }
        }
    }
}

fn filters(filters: Filters) -> String {
    let all = [
        (filters.spam, "spam"),
        (filters.offensive, "offensive"),
        (filters.keywords, "keywords"),
    ];
    let on: Vec<_> = all
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
        .collect();
    if on.is_empty() {
        return "none".to_owned();
    }
    on.join(", ")
}

#[cfg(test)]
mod tests {
    use postern_policy::Budgets;

    use super::*;

    const LINES: &str = "same_person = false
sender.lifecycle = active
sender.sanction = send_restricted
sender.sanction_until_ms = 9
sender.age_band = 16_to_17
recipient = absent
sender_settings.who_can_message = friends
sender_settings.version = 4
sender_settings.left_everyone_version = 3
sender_settings.filters = spam, keywords
recipient_settings = unavailable
edges.sender_follows = true
edges.recipient_follows = false
edges.sender_blocks = false
edges.recipient_blocks = true
edges.recipient_restricts = false
edges.recipient_epoch = 2
consent = granted
consent.epoch = 1
consent.settings_version = 4
request = declined
request.cooling_down = true
request_messages_max = 3
content = link
verdict = flagged
verdict.class = keyword
budgets.attempts = available
budgets.new_strangers = available
budgets.inbound_strangers = available
budgets.pair = empty
budgets.pair.retry_after_ms = 7";

    fn facts() -> Facts {
        let settings = Settings {
            who_can_message: WhoCanMessage::Friends,
            version: 4,
            left_everyone_version: 3,
            filters: Filters {
                spam: true,
                offensive: false,
                keywords: true,
            },
        };
        Facts {
            same_person: false,
            sender: Answer::Known(Person {
                lifecycle: Lifecycle::Active,
                sanction: Sanction::SendRestricted { until_ms: Some(9) },
                age_band: AgeBand::From16To17,
            }),
            recipient: Answer::Absent,
            sender_settings: Answer::Known(settings),
            recipient_settings: Answer::Unavailable,
            edges: Some(Edges {
                sender_follows: true,
                recipient_follows: false,
                sender_blocks: false,
                recipient_blocks: true,
                recipient_restricts: false,
                recipient_epoch: 2,
            }),
            consent: Consent::Granted {
                epoch: 1,
                settings_version: 4,
            },
            request: Request::Declined { cooling_down: true },
            request_messages_max: 3,
            content: ContentKind::Link,
            verdict: Verdict::Flagged(Class::Keyword),
            budgets: Budgets {
                pair: Budget::Empty { retry_after_ms: 7 },
                ..Budgets::NEUTRAL
            },
        }
    }

    #[test]
    fn the_lines_are_those_that_older_records_have() {
        let facts = facts();
        assert_eq!(facts_as_lines(&facts), LINES);
        let without = Facts {
            edges: None,
            ..facts
        };
        assert!(facts_as_lines(&without).contains("\nedges = unavailable\n"));
    }
}
