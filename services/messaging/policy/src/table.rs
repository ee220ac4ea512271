//! The printed decision table.
//!
//! For: reviewing a change of policy as a diff of plain text.
//!
//! Promises: every outcome in it was decided by `decide`; the text is the same on every run.
//!
//! Must not: decide anything itself, or be used for anything but reading.

mod rows;
mod scene;

use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use self::rows::{ROWS, Row, Trigger};
use self::scene::{
    CONSENT, CONSENT_BEFORE_TIGHTENING, CONSENT_BEFORE_UNFOLLOW, ORDINARY, SCENE, UNTIL_MS, edges,
    recipient, recipient_settings, relate, sender, sender_settings,
};
use crate::decide::decide;
use crate::decision::{Decision, Placement, Refusal, Told};
use crate::facts::{
    AgeBand, Answer, Class, Consent, ContentKind, Facts, Filters, Lifecycle, Person, Request,
    Sanction, Verdict, WhoCanMessage,
};

const HEAD: &str = "\
Who may message whom: what `decide` makes of the policy. Printed, not written: review the diff.

A is the sender, B the recipient; A→B says that A follows B. A cell is the row of the policy that
decides and what becomes of the message. Where nothing else is said both are active adults without
sanctions, open to EVERYONE, all filters on, strangers, and the message is a clean text.
";

const SETTINGS: [(&str, WhoCanMessage); 3] = [
    ("EVERYONE", WhoCanMessage::Everyone),
    ("FRIENDS", WhoCanMessage::Friends),
    ("NO_ONE", WhoCanMessage::NoOne),
];

const AGES: [(&str, AgeBand); 3] = [
    ("UNDER_16", AgeBand::Under16),
    ("16_17", AgeBand::From16To17),
    ("ADULT", AgeBand::Adult),
];

const CLASSES: [(&str, Class); 4] = [
    ("SPAM", Class::Spam),
    ("OFFENSIVE", Class::Offensive),
    ("KEYWORD", Class::Keyword),
    ("LINK", Class::Link),
];

const RELATIONS: [Trigger; 9] = [
    ("no edge", |f| _ = relate(f, false, false, Consent::None)),
    ("A→B only", |f| _ = relate(f, true, false, Consent::None)),
    ("B→A only", |f| _ = relate(f, false, true, Consent::None)),
    ("friends", |f| _ = relate(f, true, true, Consent::None)),
    ("consent", |f| _ = relate(f, false, false, CONSENT)),
    ("B→A and consent", |f| _ = relate(f, false, true, CONSENT)),
    ("consent, then unfollowed", |f| {
        _ = relate(f, false, false, CONSENT_BEFORE_UNFOLLOW)
    }),
    ("consent, then tightened", |f| {
        _ = relate(f, false, false, CONSENT_BEFORE_TIGHTENING)
    }),
    ("consent, then revoked", |f| {
        _ = relate(f, false, false, Consent::Revoked)
    }),
];

const REQUESTS: [Trigger; 6] = [
    ("no request", |f| f.request = Request::None),
    ("2 sent", |f| f.request = Request::Pending { sent: 2 }),
    ("3 sent", |f| f.request = Request::Pending { sent: 3 }),
    ("accepted", |f| f.request = Request::Accepted),
    ("cooling down", |f| {
        f.request = Request::Declined { cooling_down: true }
    }),
    ("cooled down", |f| {
        f.request = Request::Declined {
            cooling_down: false,
        }
    }),
];

/// The whole table as text, for review.
#[must_use]
pub fn decision_table() -> String {
    let mut text = String::from(HEAD);
    print_matrix(&mut text);
    print_senders(&mut text);
    print_ages(&mut text);
    print_people(&mut text);
    print_content(&mut text);
    print_filters(&mut text);
    print_rows(&mut text);
    print_precedence(&mut text);
    text
}

fn print_matrix(text: &mut String) {
    for (name, who_can_message) in SETTINGS {
        title(text, &format!("The matrix: who_can_message(B) = {name}"));
        let lines = RELATIONS.map(|(label, relation)| {
            let cells = REQUESTS.map(|(_, request)| {
                outcome(|facts| {
                    recipient_settings(facts).who_can_message = who_can_message;
                    relation(facts);
                    request(facts);
                })
            });
            (label.to_owned(), cells)
        });
        grid(text, REQUESTS.map(|(label, _)| label), &lines);
    }
}

fn print_senders(text: &mut String) {
    title(
        text,
        "The sender's own setting: FRIENDS does not limit what A sends",
    );
    let lines = SETTINGS.map(|(name, who_can_message)| {
        let cells = RELATIONS.map(|(_, relation)| {
            outcome(|facts| {
                sender_settings(facts).who_can_message = who_can_message;
                relation(facts);
            })
        });
        let [no_edge, follows, followed, friends, consent, ..] = cells;
        (
            format!("A {name}"),
            [no_edge, follows, followed, friends, consent],
        )
    });
    let [no_edge, follows, followed, friends, consent, ..] = RELATIONS.map(|(label, _)| label);
    grid(text, [no_edge, follows, followed, friends, consent], &lines);
}

fn print_ages(text: &mut String) {
    title(text, "Ages");
    let columns: [Trigger; 4] = [RELATIONS[0], RELATIONS[2], RELATIONS[4], RELATIONS[3]];
    let pairs = AGES.map(|from| AGES.map(|to| (from, to)));
    let lines: Vec<_> = (pairs.as_flattened().iter())
        .map(|((from_name, from), (to_name, to))| {
            let cells = columns.map(|(_, relation)| {
                outcome(|facts| {
                    sender(facts).age_band = *from;
                    recipient(facts).age_band = *to;
                    relation(facts);
                })
            });
            (format!("A {from_name}, B {to_name}"), cells)
        })
        .collect();
    grid(text, columns.map(|(label, _)| label), &lines);
}

fn print_people(text: &mut String) {
    title(
        text,
        "Standing: of A; of B; of B without settings; of B without settings who blocks A",
    );
    let person = |change: fn(&mut Person)| {
        let mut person = ORDINARY;
        change(&mut person);
        Answer::Known(person)
    };
    let people = [
        ("active", person(|_| ())),
        (
            "send-restricted",
            person(|p| p.sanction = Sanction::SendRestricted { until_ms: None }),
        ),
        (
            "suspended",
            person(|p| p.sanction = Sanction::Suspended { until_ms: UNTIL_MS }),
        ),
        ("banned", person(|p| p.sanction = Sanction::Banned)),
        (
            "deactivated",
            person(|p| p.lifecycle = Lifecycle::Deactivated),
        ),
        ("erasing", person(|p| p.lifecycle = Lifecycle::Erasing)),
        ("erased", person(|p| p.lifecycle = Lifecycle::Erased)),
        (
            "in an unknown state",
            person(|p| p.lifecycle = Lifecycle::Unknown),
        ),
        ("without an account", Answer::Absent),
        ("identity unavailable", Answer::Unavailable),
    ];
    let lines = people.map(|(label, answer)| {
        let cells = [
            outcome(|facts| facts.sender = answer),
            outcome(|facts| facts.recipient = answer),
            outcome(|facts| {
                facts.recipient = answer;
                facts.recipient_settings = Answer::Absent;
            }),
            outcome(|facts| {
                facts.recipient = answer;
                facts.recipient_settings = Answer::Absent;
                edges(facts).recipient_blocks = true;
            }),
        ];
        (label.to_owned(), cells)
    });
    grid(text, ["A", "B", "B, no settings", "and blocks A"], &lines);
}

fn print_content(text: &mut String) {
    let mut verdicts = vec![("CLEAN".to_owned(), Verdict::Clean)];
    verdicts.extend(CLASSES.map(|(name, c)| (format!("FLAGGED {name}"), Verdict::Flagged(c))));
    verdicts.extend(CLASSES.map(|(name, c)| (format!("REJECTED {name}"), Verdict::Rejected(c))));
    verdicts.push(("UNAVAILABLE".to_owned(), Verdict::Unavailable));
    for (from, trusted) in [("a stranger", false), ("one B follows", true)] {
        title(text, &format!("Content from {from}"));
        let lines: Vec<_> = (verdicts.iter())
            .map(|(label, verdict)| (label.clone(), content_cells(*verdict, trusted)))
            .collect();
        let columns = [
            "text",
            "video",
            "link",
            "text, no filter",
            "video, no f.",
            "link, no f.",
        ];
        grid(text, columns, &lines);
    }
}

fn content_cells(verdict: Verdict, trusted: bool) -> [String; 6] {
    let cell = |content: ContentKind, on: bool| {
        outcome(|facts| {
            edges(facts).recipient_follows = trusted;
            facts.content = content;
            facts.verdict = verdict;
            recipient_settings(facts).filters = Filters {
                spam: on,
                offensive: on,
                keywords: on,
            };
        })
    };
    [
        cell(ContentKind::Text, true),
        cell(ContentKind::Video, true),
        cell(ContentKind::Link, true),
        cell(ContentKind::Text, false),
        cell(ContentKind::Video, false),
        cell(ContentKind::Link, false),
    ]
}

fn print_filters(text: &mut String) {
    title(text, "Filters: a flagged text, with only one filter on");
    let filters = [
        (true, false, false),
        (false, true, false),
        (false, false, true),
    ];
    let lines = CLASSES.map(|(name, class)| {
        let cells = filters.map(|(spam, offensive, keywords)| {
            outcome(|facts| {
                facts.verdict = Verdict::Flagged(class);
                recipient_settings(facts).filters = Filters {
                    spam,
                    offensive,
                    keywords,
                };
            })
        });
        (format!("FLAGGED {name}"), cells)
    });
    grid(text, ["spam", "offensive", "keywords"], &lines);
}

fn print_rows(text: &mut String) {
    title(text, "What triggers each row");
    for row in &ROWS {
        line(
            text,
            format_args!("{:>2} {}", row.rule.row(), row.rule.name()),
        );
        line(text, format_args!("   when {}", row.when));
        for (label, trigger) in row.triggers {
            let decision = decided(trigger);
            line(text, format_args!("   {label:<42} {}", told(&decision)));
        }
    }
}

fn print_precedence(text: &mut String) {
    title(
        text,
        "Precedence: the rows that lose against a row when both are triggered",
    );
    for (index, row) in ROWS.iter().enumerate() {
        let mut wins = Vec::new();
        let mut never_together = Vec::new();
        let mut loses = Vec::new();
        for other in ROWS.iter().skip(index + 1) {
            let number = other.rule.row().to_string();
            let winners = winners(row, other);
            if winners.contains(&other.rule.row()) {
                loses.push(number);
            } else if winners.contains(&row.rule.row()) {
                wins.push(number);
            } else {
                never_together.push(number);
            }
        }
        let mut words = format!("{:>2} goes before {}", row.rule.row(), list(&wins));
        if !never_together.is_empty() {
            words += &format!("; excludes {}", list(&never_together));
        }
        if !loses.is_empty() {
            words += &format!("; LOSES AGAINST {}", list(&loses));
        }
        line(text, words);
    }
}

/// The rows that decide when both are triggered, whichever is triggered first. Where the order
/// matters the two changed the same fact, and are not triggered together.
fn winners(row: &Row, other: &Row) -> BTreeSet<u8> {
    let mut winners = BTreeSet::new();
    for (_, one) in row.triggers {
        for (_, two) in other.triggers {
            let winner = |first: fn(&mut Facts), second: fn(&mut Facts)| {
                let decision = decided(|facts| {
                    first(facts);
                    second(facts);
                });
                decision.rule().row()
            };
            if winner(*one, *two) == winner(*two, *one) {
                winners.insert(winner(*one, *two));
            }
        }
    }
    winners
}

fn decided(change: impl FnOnce(&mut Facts)) -> Decision {
    let mut facts = SCENE;
    change(&mut facts);
    decide(&facts)
}

fn outcome(change: impl FnOnce(&mut Facts)) -> String {
    let decision = decided(change);
    format!("{:>2} {}", decision.rule().row(), becomes(&decision))
}

const fn becomes(decision: &Decision) -> &'static str {
    match decision {
        Decision::Deliver { placement, .. } => match placement {
            Placement::Inbox => "inbox",
            Placement::InboxWithWarning => "warning",
            Placement::Request => "request",
            Placement::HiddenRequest => "hidden",
        },
        Decision::Refuse { .. } => "refused",
        Decision::Unavailable => "retry",
    }
}

fn told(decision: &Decision) -> String {
    let told = match decision {
        Decision::Deliver { told, .. } => match told {
            Told::Inbox => "sent".to_owned(),
            Told::Request => "sent as a request".to_owned(),
        },
        Decision::Refuse { reason, .. } => match reason {
            Refusal::RateLimited { retry_after_ms } => {
                format!("{}, retry after {retry_after_ms} ms", reason.name())
            }
            Refusal::SenderRestricted { until_ms: Some(ms) } => {
                format!("{}, until {ms} ms", reason.name())
            }
            Refusal::ContentRejected { class } => format!("{}, {class:?}", reason.name()),
            _ => reason.name().to_owned(),
        },
        Decision::Unavailable => "UNAVAILABLE".to_owned(),
    };
    format!("{:>2} {}: {told}", decision.rule().row(), becomes(decision))
}

fn grid<const N: usize>(text: &mut String, columns: [&str; N], lines: &[(String, [String; N])]) {
    let mut head = " ".repeat(24);
    for column in columns {
        head += &format!(" | {column:<15}");
    }
    line(text, head.trim_end());
    for (label, cells) in lines {
        let mut words = format!("{label:<24}");
        for cell in cells {
            words += &format!(" | {cell:<15}");
        }
        line(text, words.trim_end());
    }
}

fn list(numbers: &[String]) -> String {
    if numbers.is_empty() {
        return "nothing".to_owned();
    }
    numbers.join(" ")
}

fn title(text: &mut String, words: &str) {
    line(text, format_args!("\n## {words}"));
}

fn line(text: &mut String, words: impl Display) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{words}");
}
