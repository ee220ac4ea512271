//! A remedy tells nothing that the reason does not tell.
//!
//! For: `remedies`, over everything that A may not know.
//!
//! Promises: facts that differ in hidden inputs alone and lead to the same refusal lead to the same
//! remedies.
//!
//! Must not: take the remedies of one refusal for those of another.

use std::collections::BTreeMap;

use postern_policy::{Decision, Facts, Own, Refusal, Remedy, decide, remedies};

use crate::inputs::{
    Change, Input, edge, for_each_product, relation_and_content, standing_and_budgets, strangers,
};

/// What A is not told: all that B is, chose and did, and what others cost B's budget.
const HIDDEN: [&str; 14] = [
    "who_can_message(B)",
    "B→A",
    "B⊣A",
    "consent(B→A)",
    "request(A→B)",
    "B⊢A",
    "filters(B)",
    "lifecycle(B)",
    "sanctions(B)",
    "age band(B)",
    "left_everyone_version(B)",
    "epoch(B→A)",
    "inbound strangers(B)",
    "answer about B",
];

fn all() -> impl Iterator<Item = Input> {
    relation_and_content()
        .into_iter()
        .chain(standing_and_budgets())
}

fn refused(facts: &Facts) -> Option<(Refusal, &'static [Remedy])> {
    match decide(facts) {
        Decision::Refuse { reason, .. } => Some((reason, remedies(&reason, Own::of(facts)))),
        Decision::Deliver { .. } | Decision::Unavailable => None,
    }
}

#[test]
fn hidden_facts_do_not_move_a_remedy() {
    let hidden: Vec<_> = all().filter(|(name, _)| HIDDEN.contains(name)).collect();
    assert_eq!(hidden.len(), HIDDEN.len());
    let hidden: Vec<Change> = hidden.into_iter().flat_map(|(_, values)| values).collect();
    let seen = relation_and_content();
    let mut compared = 0;
    for_each_product(&seen[..8], |facts| {
        let Some((reason, told)) = refused(facts) else {
            return;
        };
        for change in &hidden {
            let mut other = *facts;
            change(&mut other);
            if let Some((same, remedies)) = refused(&other)
                && same == reason
            {
                compared += 1;
                assert_eq!(remedies, told, "{facts:#?}\n{other:#?}");
            }
        }
    });
    assert!(compared > 0);
}

#[test]
fn each_refusal_has_its_remedies() {
    let mut found: BTreeMap<&str, Vec<&[Remedy]>> = BTreeMap::new();
    let changes: Vec<Change> = all().flat_map(|(_, values)| values).collect();
    let mut note = |facts: &Facts| {
        if let Some((reason, told)) = refused(facts) {
            let of = found.entry(reason.name()).or_default();
            if !of.contains(&told) {
                of.push(told);
            }
        }
    };
    for sender_follows in [false, true] {
        for first in &changes {
            for second in &changes {
                let mut facts = strangers();
                edge(&mut facts, |e| e.sender_follows = sender_follows);
                first(&mut facts);
                second(&mut facts);
                note(&facts);
            }
        }
    }
    let expected: [(&str, &[&[Remedy]]); 12] = [
        ("AWAITING_ACCEPTANCE", &[&[Remedy::AwaitAcceptance]]),
        ("CONTENT_REJECTED", &[&[Remedy::ChangeContent]]),
        (
            "MUTUAL_FOLLOW_REQUIRED",
            &[&[Remedy::Follow], &[Remedy::AwaitFollowBack]],
        ),
        ("NOT_ACCEPTING", &[&[]]),
        ("RATE_LIMITED", &[&[Remedy::Wait]]),
        ("RECIPIENT_MESSAGES_ARE_OFF", &[&[]]),
        ("REQUEST_TEXT_ONLY", &[&[Remedy::SendText]]),
        ("SELF_MESSAGE", &[&[]]),
        ("SENDER_AGE_RESTRICTED", &[&[]]),
        ("SENDER_RESTRICTED", &[&[Remedy::SeeMyStanding]]),
        ("YOUR_MESSAGES_ARE_OFF", &[&[Remedy::TurnMyMessagesOn]]),
        ("YOU_BLOCKED_RECIPIENT", &[&[Remedy::Unblock]]),
    ];
    let found: Vec<_> = found.iter().map(|(name, of)| (*name, &of[..])).collect();
    assert_eq!(found, expected);
}

/// Who does not follow is told to follow, whatever else is true; who does, to wait.
#[test]
fn a_follow_is_asked_for_once() {
    let told = |follows| remedies(&Refusal::MutualFollowRequired, Own { follows });
    assert_eq!(told(Some(false)), [Remedy::Follow]);
    assert_eq!(told(Some(true)), [Remedy::AwaitFollowBack]);
    assert!(told(None).is_empty());
}
