//! The matrix of the policy, as it is printed there.
//!
//! For: typing it once more by hand, cell by cell, and holding `decide` to it.
//!
//! Promises: the table below is the policy's, character for character but for the word "same".
//!
//! Must not: be generated.

use postern_policy::{Consent, Decision, Placement, WhoCanMessage, accept_allowed, decide};

use crate::inputs::{EPOCH, LEFT_EVERYONE, edge, on, set_who, strangers};

const MATRIX: &str = "
| who_can_message(B) | no edge | A→B only | B→A only | friends | valid consent(B→A) |
|---|---|---|---|---|---|
| EVERYONE | request | request | inbox | inbox | inbox |
| FRIENDS | refused MUTUAL_FOLLOW_REQUIRED | refused, same | refused, same | inbox | inbox |
| NO_ONE | refused RECIPIENT_MESSAGES_ARE_OFF | same | same | same | same |
";

/// What the cells come to, in the order of the columns. Checked against [`MATRIX`] below.
const CELLS: [(&str, [&str; 5]); 3] = [
    (
        "EVERYONE",
        ["request", "request", "inbox", "inbox", "inbox"],
    ),
    (
        "FRIENDS",
        [
            "refused MUTUAL_FOLLOW_REQUIRED",
            "refused MUTUAL_FOLLOW_REQUIRED",
            "refused MUTUAL_FOLLOW_REQUIRED",
            "inbox",
            "inbox",
        ],
    ),
    ("NO_ONE", ["refused RECIPIENT_MESSAGES_ARE_OFF"; 5]),
];

/// The cells for one setting of B.
pub fn row(who_can_message: &str) -> [&'static str; 5] {
    let line = CELLS.iter().find(|(name, _)| *name == who_can_message);
    line.unwrap().1
}

#[test]
fn the_cells_are_those_of_the_printed_matrix() {
    let printed = MATRIX.trim().lines().skip(2);
    assert_eq!(printed.clone().count(), CELLS.len());
    for (line, (name, cells)) in printed.zip(CELLS) {
        let mut words = line.trim_matches('|').split('|').map(str::trim);
        assert_eq!(words.next(), Some(name));
        let mut first = "";
        for (word, cell) in words.zip(cells) {
            first = if first.is_empty() { word } else { first };
            let meant = if word.ends_with("same") { first } else { word };
            assert_eq!(meant, cell, "{line}");
        }
    }
}

#[test]
fn decide_agrees_with_every_cell() {
    for (name, cells) in CELLS {
        let who_can_message = match name {
            "EVERYONE" => WhoCanMessage::Everyone,
            "FRIENDS" => WhoCanMessage::Friends,
            _ => WhoCanMessage::NoOne,
        };
        for sender_setting in [WhoCanMessage::Everyone, WhoCanMessage::Friends] {
            for (column, cell) in cells.into_iter().enumerate() {
                let mut facts = strangers();
                on(&mut facts.sender_settings, sender_setting, set_who);
                on(&mut facts.recipient_settings, who_can_message, set_who);
                edge(&mut facts, |e| {
                    e.sender_follows = column == 1 || column == 3
                });
                edge(&mut facts, |e| {
                    e.recipient_follows = column == 2 || column == 3
                });
                if column == 4 {
                    facts.consent = Consent::Granted {
                        epoch: EPOCH,
                        settings_version: LEFT_EVERYONE,
                    };
                }
                let decision = match decide(&facts) {
                    Decision::Deliver {
                        placement: Placement::Inbox,
                        ..
                    } => "inbox".to_owned(),
                    Decision::Deliver {
                        placement: Placement::Request,
                        ..
                    } => "request".to_owned(),
                    Decision::Refuse { reason, .. } => format!("refused {}", reason.name()),
                    other => format!("{other:?}"),
                };
                assert_eq!(decision, cell, "{name}, column {column}");
            }
        }
    }
}

#[test]
fn under_no_one_nothing_is_accepted() {
    assert!(accept_allowed(WhoCanMessage::Everyone).is_ok());
    assert!(accept_allowed(WhoCanMessage::Friends).is_ok());
    let refused = accept_allowed(WhoCanMessage::NoOne).unwrap_err();
    assert_eq!(refused.name(), "YOUR_MESSAGES_ARE_OFF");
}
