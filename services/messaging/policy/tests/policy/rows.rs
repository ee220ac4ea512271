//! Every row with its witnesses, and every value of every input beside each of them.
//!
//! For: the inputs that the full product holds still.
//!
//! Promises: each row is reached by at least one witness; around each witness every pair of changes
//! is decided as the oracle decides it.
//!
//! Must not: rely on the printed table of the crate.

use std::collections::BTreeSet;

use postern_policy::{
    AgeBand, Answer, Budget, Class, Consent, ContentKind, Decision, Facts, Lifecycle, Refusal,
    Request, Rule, Sanction, Verdict, WhoCanMessage, decide,
};

use crate::inputs::{
    Change, EPOCH, LEFT_EVERYONE, edge, on, relation_and_content, set_filters, set_who,
    standing_and_budgets, strangers,
};
use crate::oracle::oracle;

const EMPTY: Budget = Budget::Empty { retry_after_ms: 5 };

/// Facts that land on a row, each with the number of the row.
fn witnesses() -> Vec<(u8, Facts)> {
    let mut all = Vec::new();
    let mut add = |row: u8, change: &dyn Fn(&mut Facts)| {
        let mut facts = strangers();
        change(&mut facts);
        all.push((row, facts));
    };
    refused_by_standing(&mut add);
    refused_by_relation(&mut add);
    delivered(&mut add);
    all
}

/// Takes a row and the change to two strangers that lands on it.
type Add<'a> = &'a mut dyn FnMut(u8, &dyn Fn(&mut Facts));

fn refused_by_standing(add: Add<'_>) {
    let until_ms = Some(8);
    add(2, &|f| f.budgets.attempts = EMPTY);
    add(3, &|f| f.same_person = true);
    add(4, &|f| {
        on(&mut f.sender, Sanction::Suspended { until_ms }, |p, v| {
            p.sanction = v
        })
    });
    add(4, &|f| {
        on(&mut f.sender, Lifecycle::Erased, |p, v| p.lifecycle = v)
    });
    add(5, &|f| {
        on(&mut f.sender, AgeBand::Under16, |p, v| p.age_band = v)
    });
    add(6, &|f| f.edges = None);
    add(6, &|f| f.recipient_settings = Answer::Absent);
    add(7, &|f| edge(f, |e| e.sender_blocks = true));
    add(8, &|f| {
        on(&mut f.sender_settings, WhoCanMessage::NoOne, set_who)
    });
    add(9, &|f| f.recipient = Answer::Absent);
    add(9, &|f| edge(f, |e| e.recipient_blocks = true));
}

fn refused_by_relation(add: Add<'_>) {
    add(10, &|f| {
        on(&mut f.recipient_settings, WhoCanMessage::NoOne, set_who)
    });
    add(10, &|f| {
        on(&mut f.recipient, AgeBand::Under16, |p, v| p.age_band = v)
    });
    add(11, &|f| {
        on(&mut f.recipient_settings, WhoCanMessage::Friends, set_who)
    });
    add(11, &|f| {
        on(&mut f.sender, AgeBand::From16To17, |p, v| p.age_band = v)
    });
    add(12, &|f| {
        f.request = Request::Declined { cooling_down: true }
    });
    add(12, &|f| f.request = Request::Pending { sent: 3 });
    add(13, &|f| f.verdict = Verdict::Rejected(Class::Offensive));
    add(14, &|f| f.content = ContentKind::Link);
    add(15, &|f| f.budgets.new_strangers = EMPTY);
    add(15, &|f| f.budgets.inbound_strangers = EMPTY);
    add(16, &|f| f.budgets.pair = EMPTY);
}

fn delivered(add: Add<'_>) {
    add(17, &|f| edge(f, |e| e.recipient_restricts = true));
    add(18, &|f| f.verdict = Verdict::Unavailable);
    add(18, &|f| {
        f.verdict = Verdict::Flagged(Class::Link);
        set_filters(f, true, false, false);
    });
    add(19, &|f| {
        f.verdict = Verdict::Unavailable;
        edge(f, |e| e.recipient_follows = true);
    });
    add(20, &|_| ());
    add(20, &|f| f.request = Request::Pending { sent: 2 });
    add(21, &|f| edge(f, |e| e.recipient_follows = true));
    add(21, &|f| {
        edge(f, |e| e.recipient_follows = true);
        edge(f, |e| e.sender_follows = true);
        on(&mut f.recipient_settings, WhoCanMessage::Friends, set_who);
    });
    add(21, &|f| {
        f.consent = Consent::Granted {
            epoch: EPOCH,
            settings_version: LEFT_EVERYONE,
        };
        on(&mut f.recipient_settings, WhoCanMessage::Friends, set_who);
    });
}

#[test]
fn every_row_has_a_witness() {
    let mut seen = BTreeSet::new();
    for (row, facts) in witnesses() {
        let decision = decide(&facts);
        assert_eq!(decision.rule().row(), row, "{facts:#?}");
        assert_eq!(decision, oracle(&facts), "{facts:#?}");
        seen.insert(row);
    }
    assert_eq!(seen, (2..=21).collect());
}

#[test]
fn every_pair_of_values_beside_every_row_is_decided_as_written() {
    let inputs: Vec<_> = relation_and_content()
        .into_iter()
        .chain(standing_and_budgets())
        .collect();
    let changes: Vec<Change> = inputs.into_iter().flat_map(|(_, values)| values).collect();
    let mut landed = BTreeSet::new();
    for (_, witness) in witnesses() {
        for first in &changes {
            let mut once = witness;
            first(&mut once);
            for second in &changes {
                let mut facts = once;
                second(&mut facts);
                let decision = decide(&facts);
                assert_eq!(decision, oracle(&facts), "{facts:#?}");
                landed.insert(decision.rule().row());
            }
        }
    }
    assert_eq!(landed, (2..=21).collect());
}

/// A row and the change after which it no longer matches.
type Healing = (u8, fn(&mut Facts));

#[test]
fn the_earlier_row_decides_between_two_that_both_match() {
    // Facts on which rows 2 to 5 and 7 to 19 all match are healed row by row from the top.
    let mut facts = strangers();
    facts.budgets.attempts = EMPTY;
    facts.budgets.new_strangers = EMPTY;
    facts.budgets.pair = EMPTY;
    facts.same_person = true;
    on(&mut facts.sender, Sanction::Banned, |p, v| p.sanction = v);
    on(&mut facts.sender, AgeBand::Under16, |p, v| p.age_band = v);
    on(&mut facts.sender_settings, WhoCanMessage::NoOne, set_who);
    on(&mut facts.recipient, Lifecycle::Erasing, |p, v| {
        p.lifecycle = v
    });
    on(&mut facts.recipient, AgeBand::Under16, |p, v| {
        p.age_band = v
    });
    edge(&mut facts, |e| e.sender_blocks = true);
    edge(&mut facts, |e| e.recipient_restricts = true);
    facts.request = Request::Declined { cooling_down: true };
    facts.verdict = Verdict::Rejected(Class::Spam);
    facts.content = ContentKind::Video;
    let heal: [Healing; 15] = [
        (2, |f| f.budgets.attempts = Budget::Available),
        (3, |f| f.same_person = false),
        (4, |f| {
            on(&mut f.sender, Sanction::None, |p, v| p.sanction = v)
        }),
        (5, |f| {
            on(&mut f.sender, AgeBand::From16To17, |p, v| p.age_band = v)
        }),
        (7, |f| edge(f, |e| e.sender_blocks = false)),
        (8, |f| {
            on(&mut f.sender_settings, WhoCanMessage::Friends, set_who)
        }),
        (9, |f| {
            on(&mut f.recipient, Lifecycle::Active, |p, v| p.lifecycle = v)
        }),
        (10, |f| {
            on(&mut f.recipient, AgeBand::Adult, |p, v| p.age_band = v)
        }),
        (11, |f| {
            on(&mut f.sender, AgeBand::Adult, |p, v| p.age_band = v)
        }),
        (12, |f| f.request = Request::None),
        (13, |f| f.verdict = Verdict::Unavailable),
        (14, |f| f.content = ContentKind::Text),
        (15, |f| f.budgets.new_strangers = Budget::Available),
        (16, |f| f.budgets.pair = Budget::Available),
        (17, |f| edge(f, |e| e.recipient_restricts = false)),
    ];
    for (row, change) in heal {
        assert_eq!(decide(&facts).rule().row(), row, "{facts:#?}");
        change(&mut facts);
    }
    assert_eq!(decide(&facts).rule().row(), 18);
}

#[test]
fn the_longer_wait_is_told_when_both_stranger_budgets_are_empty() {
    for (new_strangers, inbound) in [(5, 9), (9, 5)] {
        let mut facts = strangers();
        facts.budgets.new_strangers = Budget::Empty {
            retry_after_ms: new_strangers,
        };
        facts.budgets.inbound_strangers = Budget::Empty {
            retry_after_ms: inbound,
        };
        let expected = Decision::Refuse {
            rule: Rule::StrangerBudgetEmpty,
            reason: Refusal::RateLimited { retry_after_ms: 9 },
        };
        assert_eq!(decide(&facts), expected);
    }
}

#[test]
fn rules_are_numbered_as_printed_and_named_apart() {
    let rows: Vec<u8> = Rule::ALL.iter().map(Rule::row).collect();
    assert_eq!(rows, (2..=21).collect::<Vec<u8>>());
    let names: BTreeSet<&str> = Rule::ALL.iter().map(Rule::name).collect();
    assert_eq!(names.len(), Rule::ALL.len());
    let snake_case = |name: &str| {
        name.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    assert!(names.iter().all(|name| snake_case(name)), "{names:?}");
}
