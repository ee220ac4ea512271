//! One disguise: a B who blocks A is, towards A, a B who is gone.
//!
//! For: row 9, whose causes must be one and the same decision.
//!
//! Promises: no combination of other facts tells them apart.
//!
//! Must not: look at less than the whole decision.

use postern_policy::{Answer, Decision, Facts, Lifecycle, Refusal, Rule, Sanction, decide};

use crate::inputs::{
    Change, edge, for_each_product, on, relation_and_content, standing_and_budgets, strangers,
};

/// Every cause of row 9.
fn causes() -> Vec<Change> {
    let mut causes: Vec<Change> = vec![
        Box::new(|f| edge(f, |e| e.recipient_blocks = true)),
        Box::new(|f| f.recipient = Answer::Absent),
        Box::new(|f| on(&mut f.recipient, Sanction::Banned, |p, v| p.sanction = v)),
    ];
    for lifecycle in [
        Lifecycle::Deactivated,
        Lifecycle::Erasing,
        Lifecycle::Erased,
        Lifecycle::Unknown,
    ] {
        causes.push(Box::new(move |f| {
            on(&mut f.recipient, lifecycle, |p, v| p.lifecycle = v)
        }));
    }
    for until_ms in [None, Some(4)] {
        let suspended = Sanction::Suspended { until_ms };
        causes.push(Box::new(move |f| {
            on(&mut f.recipient, suspended, |p, v| p.sanction = v)
        }));
    }
    causes
}

fn decisions(facts: &Facts, causes: &[Change]) -> Vec<Decision> {
    let decided = causes.iter().map(|cause| {
        let mut facts = *facts;
        cause(&mut facts);
        decide(&facts)
    });
    decided.collect()
}

fn assert_one_disguise(facts: &Facts, causes: &[Change]) {
    let decisions = decisions(facts, causes);
    let first = decisions.first().unwrap();
    assert!(
        decisions.iter().all(|decision| decision == first),
        "{facts:#?}\n{decisions:#?}"
    );
}

#[test]
fn every_cause_of_row_9_is_the_same_decision() {
    let not_accepting = Decision::Refuse {
        rule: Rule::NotAccepting,
        reason: Refusal::NotAccepting,
    };
    for decision in decisions(&strangers(), &causes()) {
        assert_eq!(decision, not_accepting);
    }
}

#[test]
fn neither_relation_nor_content_tells_a_block_from_a_gone_account() {
    let causes = causes();
    for_each_product(&relation_and_content(), |facts| {
        assert_one_disguise(facts, &causes)
    });
}

#[test]
fn neither_standing_nor_a_missing_answer_tells_a_block_from_a_gone_account() {
    let causes = causes();
    let changes: Vec<Change> = standing_and_budgets()
        .into_iter()
        .flat_map(|(_, values)| values)
        .collect();
    for first in &changes {
        for second in &changes {
            let mut facts = strangers();
            first(&mut facts);
            second(&mut facts);
            // A cause of row 9 needs somebody whom identity answered about, or an unknown one.
            if facts.recipient == Answer::Unavailable {
                assert!(
                    !matches!(decide(&facts), Decision::Deliver { .. }),
                    "{facts:#?}"
                );
            } else {
                assert_one_disguise(&facts, &causes);
            }
        }
    }
}
