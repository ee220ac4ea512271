//! What must hold whatever the rows say.
//!
//! For: promises to people that a rearranged table could break while agreeing with itself.
//!
//! Promises: each is checked on the full product of relation and content.
//!
//! Must not: compare with particular decisions.

use postern_policy::{
    Answer, Consent, Decision, Facts, Placement, Told, Trust, Verdict, WhoCanMessage, decide,
};

use crate::inputs::{
    Change, edge, for_each_product, on, relation_and_content, set_filters, set_who,
};

fn delivered(facts: &Facts) -> bool {
    matches!(decide(facts), Decision::Deliver { .. })
}

fn with(facts: &Facts, change: impl Fn(&mut Facts)) -> Facts {
    let mut changed = *facts;
    change(&mut changed);
    changed
}

/// What A learns.
fn told(decision: Decision) -> Result<Told, String> {
    match decision {
        Decision::Deliver { told, .. } => Ok(told),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn a_block_either_way_never_delivers() {
    for_each_product(&relation_and_content(), |facts| {
        let ours = with(facts, |f| edge(f, |e| e.sender_blocks = true));
        let theirs = with(facts, |f| edge(f, |e| e.recipient_blocks = true));
        assert!(!delivered(&ours) && !delivered(&theirs), "{facts:#?}");
    });
}

#[test]
fn a_stricter_recipient_never_lets_a_refused_message_in() {
    let stricter: Vec<Change> = vec![
        Box::new(|f| {
            on(&mut f.recipient_settings, (), |s, ()| {
                s.who_can_message = match s.who_can_message {
                    WhoCanMessage::Everyone => WhoCanMessage::Friends,
                    WhoCanMessage::Friends | WhoCanMessage::NoOne => WhoCanMessage::NoOne,
                };
            });
        }),
        Box::new(|f| on(&mut f.recipient_settings, WhoCanMessage::NoOne, set_who)),
        Box::new(|f| {
            on(&mut f.recipient_settings, (), |s, ()| {
                s.version += 1;
                s.left_everyone_version = s.version;
            });
        }),
        Box::new(|f| set_filters(f, true, true, true)),
        Box::new(|f| edge(f, |e| e.recipient_follows = false)),
        Box::new(|f| edge(f, |e| e.recipient_epoch += 1)),
        Box::new(|f| edge(f, |e| e.recipient_restricts = true)),
        Box::new(|f| f.consent = Consent::None),
        Box::new(|f| f.consent = Consent::Revoked),
    ];
    for_each_product(&relation_and_content(), |facts| {
        if !delivered(facts) {
            for change in &stricter {
                let changed = with(facts, change);
                assert!(!delivered(&changed), "{facts:#?}\n{changed:#?}");
            }
        }
    });
}

#[test]
fn a_missing_fact_never_delivers() {
    let missing: Vec<Change> = vec![
        Box::new(|f| f.sender = Answer::Unavailable),
        Box::new(|f| f.sender = Answer::Absent),
        Box::new(|f| f.recipient = Answer::Unavailable),
        Box::new(|f| f.recipient = Answer::Absent),
        Box::new(|f| f.sender_settings = Answer::Unavailable),
        Box::new(|f| f.sender_settings = Answer::Absent),
        Box::new(|f| f.recipient_settings = Answer::Unavailable),
        Box::new(|f| f.recipient_settings = Answer::Absent),
        Box::new(|f| f.edges = None),
    ];
    for_each_product(&relation_and_content(), |facts| {
        for change in &missing {
            assert!(!delivered(&with(facts, change)), "{facts:#?}");
        }
    });
}

#[test]
fn a_missing_verdict_never_reaches_the_open_inbox() {
    for_each_product(&relation_and_content(), |facts| {
        let facts = with(facts, |f| f.verdict = Verdict::Unavailable);
        if let Decision::Deliver { placement, .. } = decide(&facts) {
            let hidden = [Placement::HiddenRequest, Placement::InboxWithWarning];
            assert!(hidden.contains(&placement), "{facts:#?}");
        }
    });
}

#[test]
fn a_restriction_or_a_filter_does_not_show() {
    for_each_product(&relation_and_content(), |facts| {
        let plain = told(decide(facts));
        let restricted = with(facts, |f| edge(f, |e| e.recipient_restricts = true));
        assert_eq!(told(decide(&restricted)), plain, "{facts:#?}");
        let filtering = with(facts, |f| set_filters(f, true, true, true));
        assert_eq!(told(decide(&filtering)), plain, "{facts:#?}");
    });
}

#[test]
fn a_stranger_never_reaches_the_inbox_and_the_trusted_are_never_told_of_a_request() {
    for_each_product(&relation_and_content(), |facts| {
        if let Decision::Deliver {
            placement,
            trust,
            told,
            ..
        } = decide(facts)
        {
            let request = matches!(placement, Placement::Request | Placement::HiddenRequest);
            assert_eq!(request, trust == Trust::Stranger, "{facts:#?}");
            assert_eq!(
                told == Told::Request,
                trust == Trust::Stranger,
                "{facts:#?}"
            );
        }
    });
}
