//! Each act on each state that it meets.

use postern_shared::random::Random;

use super::*;
use crate::domain::Side;

const NOW: Timestamp = Timestamp::from_unix_millis(1_000);
const STRANGERS: Owners = Owners {
    epoch: 3,
    settings_version: 5,
    friends: false,
};

fn pair() -> (UserId, UserId, Conversation) {
    let random = Random::system();
    let (a, b) = (UserId::random(&random), UserId::random(&random));
    (a, b, Conversation::new(a, b))
}

fn wrote() -> Consent {
    Consent::Granted {
        how: How::Wrote,
        epoch: 3,
        settings_version: 5,
        at: NOW,
    }
}

#[test]
fn a_request_counts_its_messages_and_gives_the_right_to_reply() {
    let (a, b, new) = pair();
    let first = send(new, a, b, Placement::Request, STRANGERS, NOW);
    assert_eq!(first.folder, Folder::Requests);
    let side = first.conversation.side(a);
    assert_eq!(
        side,
        Side {
            consent: wrote(),
            request: Request::Pending { sent: 1 }
        }
    );
    let second = send(first.conversation, a, b, Placement::Request, STRANGERS, NOW);
    assert_eq!(
        second.conversation.side(a).request,
        Request::Pending { sent: 2 }
    );
    assert_eq!(second.conversation.side(b), Side::NEW);
}

#[test]
fn a_reply_accepts() {
    let (a, b, new) = pair();
    let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
    let reply = send(asked, b, a, Placement::Inbox, STRANGERS, NOW);
    assert_eq!(reply.folder, Folder::Inbox);
    assert_eq!(reply.conversation.side(a).request, Request::Accepted);
    assert_eq!(reply.conversation.side(b).consent, wrote());
}

#[test]
fn a_running_conversation_changes_no_facts() {
    let (a, b, new) = pair();
    let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
    let running = accept(asked, b, a, STRANGERS, NOW);
    let once = send(running, a, b, Placement::Inbox, STRANGERS, NOW).conversation;
    assert_eq!(once.state_version, running.state_version);
    let friends = Owners {
        friends: true,
        ..STRANGERS
    };
    let fresh = send(new, a, b, Placement::Inbox, friends, NOW).conversation;
    assert_eq!(fresh, new);
}

#[test]
fn a_later_act_renews_a_consent_that_lapsed() {
    let (a, b, new) = pair();
    let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
    let later = Owners {
        epoch: 4,
        ..STRANGERS
    };
    let again = send(asked, a, b, Placement::Request, later, NOW).conversation;
    assert!(matches!(
        again.side(a).consent,
        Consent::Granted { epoch: 4, .. }
    ));
}

#[test]
fn declining_cools_down_and_a_live_edge_settles() {
    let (a, b, new) = pair();
    let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
    let declined = decline(asked, a, Duration::from_millis(7), NOW);
    let until = Timestamp::from_unix_millis(1_007);
    assert_eq!(declined.side(a).request, Request::Declined { until });
    let anew = send(declined, a, b, Placement::Request, STRANGERS, NOW).conversation;
    assert_eq!(anew.side(a).request, Request::Pending { sent: 1 });
    let trusted = send(declined, a, b, Placement::Inbox, STRANGERS, NOW);
    assert_eq!(trusted.conversation.side(a).request, Request::Accepted);
}

#[test]
fn what_is_withdrawn_counts_on_and_is_opened_by_the_next_message() {
    let (a, b, new) = pair();
    assert_eq!(withdraw(new, a), new);
    let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
    assert_eq!(withdraw(asked, b), asked, "it is not theirs");
    let withdrawn = withdraw(asked, a);
    assert_eq!(withdrawn.side(a).request, Request::Withdrawn { sent: 1 });
    assert_eq!(withdrawn.state_version, asked.state_version + 1);
    assert_eq!(withdraw(withdrawn, a), withdrawn);
    let again = send(withdrawn, a, b, Placement::Request, STRANGERS, NOW).conversation;
    assert_eq!(again.side(a).request, Request::Pending { sent: 2 });
    let steps = request_steps(&withdrawn, &again, a);
    assert_eq!(steps, [RequestStep::Created]);
    let trusted = send(withdrawn, a, b, Placement::Inbox, STRANGERS, NOW).conversation;
    assert_eq!(trusted.side(a).request, Request::Accepted);
}

#[test]
fn whoever_writes_first_takes_in_nothing_that_was_withdrawn() {
    let (a, b, new) = pair();
    let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
    let withdrawn = withdraw(asked, a);
    let wrote = send(withdrawn, b, a, Placement::Inbox, STRANGERS, NOW).conversation;
    assert_eq!(wrote.side(a).request, Request::None);
    assert_eq!(request_steps(&withdrawn, &wrote, b), []);
}

#[test]
fn a_block_ends_what_either_asked_and_leaves_what_is_settled() {
    let until = Timestamp::from_unix_millis(9);
    let (waits, withdrawn) = (Request::Pending { sent: 2 }, Request::Withdrawn { sent: 2 });
    let (accepted, declined) = (Request::Accepted, Request::Declined { until });
    // What stood, and what becomes of it as the blocker's own and as the other's.
    let cases = [
        (Request::None, Request::None, Request::None),
        (waits, withdrawn, Request::None),
        (withdrawn, withdrawn, Request::None),
        (accepted, accepted, accepted),
        (declined, declined, declined),
    ];
    for (own, own_after, _) in cases {
        for (others, _, others_after) in cases {
            let (a, b, new) = pair();
            let side = |consent, request| Side { consent, request };
            let before = new
                .with_side(b, side(wrote(), own))
                .with_side(a, side(Consent::Revoked, others));
            let after = block(before, b, a, Later::NONE);
            assert_eq!(after.side(b), side(wrote(), own_after));
            assert_eq!(after.side(a), side(Consent::Revoked, others_after));
            let moved = i64::from(own != own_after) + i64::from(others != others_after);
            assert_eq!(after.state_version, before.state_version + moved);
            assert_eq!(block(after, b, a, Later::NONE), after);
        }
    }
}
